//! Lines to files, in order of time, and lines of the truth.
//!
//! In: lines with their time. Out: a folder per host. Queue ids that carry their second do so here, too.

use std::fs;
use std::io::Error;
use std::path::Path;

use serde::Serialize;

use super::{CLOUD, EDGES, EX01, Host, Mail, SCAN, Told};
use crate::simulate::layout::Layout;
use crate::simulate::rng::Rng;
use crate::time::{DAY, HOUR, SECOND, Time, civil_from_days};

/// The relay without zones in its stamps and the filter are this far east of UTC.
const EAST: i64 = HOUR;

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// A row of Exchange.
pub struct Exchange<'e> {
    pub at: i64,
    /// Source and event.
    pub event: &'e str,
    pub client: &'e str,
    pub server: Host,
    pub context: &'e str,
    pub number: u64,
    pub mail: &'e Mail,
    pub to: &'e [String],
}

/// What is to be written.
#[derive(Default)]
pub struct Files {
    ex01: Vec<(i64, String)>,
    edges: [Vec<(i64, String)>; 2],
    scan: Vec<(i64, String)>,
    cloud: Vec<(i64, String)>,
    ids: u64,
}

/// What became of a message.
#[derive(Serialize)]
pub struct Line<'a> {
    message_id: &'a str,
    class: &'a str,
    sender: &'a str,
    first_seen: String,
    recipients: Vec<Recipient>,
}

#[derive(Serialize)]
struct Recipient {
    address: String,
    status: &'static str,
    server: &'static str,
    at: String,
    via: Option<String>,
    /// Hosts that it passed, the one that decided last.
    way: Vec<&'static str>,
}

impl Files {
    /// A new internal id of Exchange.
    pub fn exchange_id(&mut self) -> u64 {
        self.ids += 1;
        6_377 << 32 | self.ids
    }

    /// Adds a row of Exchange.
    pub fn exchange(&mut self, row: &Exchange<'_>) {
        let quoted = |text: &str| match text.contains([',', '"']) {
            true => format!("\"{}\"", text.replace('"', "\"\"")),
            false => text.to_string(),
        };
        let (source, event) = row.event.split_once(',').unwrap_or((row.event, ""));
        // A relay keeps no header of Exchange's that names the instance: only the premises know it.
        let network = format!("b0b0b0b0-0000-4000-8000-{:012x}", row.number & 0xff_ffff);
        let value = |name: &str| match name {
            "date-time" => Time(row.at).rfc3339(),
            "client-hostname" => row.client.to_string(),
            "server-ip" => row.server.ip.to_string(),
            "server-hostname" => row.server.name.to_string(),
            "source-context" => quoted(row.context),
            "source" => source.to_string(),
            "event-id" => event.to_string(),
            "internal-message-id" => row.number.to_string(),
            "message-id" => quoted(&row.mail.id),
            "network-message-id" => network.clone(),
            "recipient-address" => quoted(&row.to.join(";")),
            "total-bytes" => row.mail.size.to_string(),
            "recipient-count" => row.to.len().to_string(),
            "message-subject" => quoted(&row.mail.subject),
            "sender-address" | "return-path" if row.mail.class == "report" => "<>".to_string(),
            "sender-address" | "return-path" => row.mail.sender.clone(),
            _ => String::new(),
        };
        let fields = Layout::V2016.fields();
        let values: Vec<String> = fields.split(',').map(value).collect();
        self.ex01.push((row.at, values.join(",")));
    }

    /// Adds a line of a relay, behind its tag's `postfix/`.
    pub fn postfix(&mut self, edge: usize, at: i64, text: &str) {
        let host = EDGES[edge].name;
        let line = match edge {
            0 => format!("{} {host} postfix/{text}", Time(at).rfc3339()),
            _ => {
                let (_, month, day, time) = local(at + EAST);
                let month = MONTHS[month as usize - 1];
                format!(
                    "{month} {day:2} {time} {} postfix/{text}",
                    EDGES[edge].short()
                )
            }
        };
        self.edges[edge].push((at, line));
    }

    /// Adds a line of the filter.
    pub fn exim(&mut self, at: i64, text: &str) {
        let (year, month, day, time) = local(at + EAST);
        let line = format!("{year:04}-{month:02}-{day:02} {time} {text}");
        self.scan.push((at, line));
    }

    /// Adds a row of the cloud's trace.
    pub fn trace(&mut self, at: i64, mail: &Mail, told: &[String], ip: &str, direction: &str) {
        self.ids += 1;
        let time = Time(at).rfc3339();
        let time = time.trim_end_matches('Z');
        let line = format!(
            "{time}0000Z,{},\"{}\",{},{},{},c10ad000-0000-4000-8000-{:012x},{ip},{direction},,Normal",
            if mail.class == "report" {
                "<>"
            } else {
                &mail.sender
            },
            told.join(";"),
            mail.subject,
            mail.size,
            mail.id,
            self.ids,
        );
        self.cloud.push((at, line));
    }

    /// Lines of logs so far.
    pub fn rows(&self) -> u64 {
        let edges = self.edges.iter().map(Vec::len).sum::<usize>();
        (self.ex01.len() + edges + self.scan.len() + self.cloud.len()) as u64
    }

    /// Writes everything but the logs of hosts in `without`. Returns how many files and bytes the logs are.
    pub fn write(
        &mut self,
        out: &Path,
        start: i64,
        without: &[String],
    ) -> Result<(u64, u64), Error> {
        let (y, m, d) = civil_from_days(start.div_euclid(DAY));
        let head = format!(
            "#Software: Microsoft Exchange Server\r\n#Version: 15.01.2507.006\r\n#Log-type: Message Tracking Log\r\n#Date: {}\r\n\
             #Fields: {}\r\n",
            Time(start).rfc3339(),
            Layout::V2016.fields()
        );
        let columns = "origin_timestamp_utc,sender_address,recipient_status,message_subject,total_bytes,message_id,network_message_id,\
                       original_client_ip,directionality,connector_id,delivery_priority\r\n";
        let name = format!("MessageTracking/MSGTRK{y:04}{m:02}{d:02}00-1.LOG");
        let [edge1, edge2] = &mut self.edges;
        let logs = [
            (
                EX01.short(),
                name.as_str(),
                head.as_str(),
                "\r\n",
                &mut self.ex01,
            ),
            (EDGES[0].short(), "mail.log", "", "\n", edge1),
            (EDGES[1].short(), "mail.log", "", "\n", edge2),
            (SCAN.short(), "mainlog", "", "\n", &mut self.scan),
            (CLOUD, "MessageTrace.csv", columns, "\r\n", &mut self.cloud),
        ];
        let (mut files, mut bytes) = (0, 0);
        for (host, name, head, end, lines) in logs {
            // Stable: lines of one instant stay in the order they happened.
            lines.sort_by_key(|(at, _)| *at);
            if lines.is_empty() || without.iter().any(|name| name.eq_ignore_ascii_case(host)) {
                continue;
            }
            let mut text = head.to_string();
            for (_, line) in lines {
                text.push_str(line);
                text.push_str(end);
            }
            let path = out.join(host).join(name);
            fs::create_dir_all(path.parent().unwrap_or(out))?;
            fs::write(path, &text)?;
            (files, bytes) = (files + 1, bytes + text.len() as u64);
        }
        Ok((files, bytes))
    }
}

/// What became of a message.
pub fn line(mail: &Mail) -> Line<'_> {
    let recipient = |told: &Told| Recipient {
        address: told.address.clone(),
        status: told.status,
        server: told.server,
        at: Time(told.at).rfc3339(),
        via: told.via.clone(),
        way: told.way.clone(),
    };
    Line {
        message_id: &mail.id,
        class: mail.class,
        sender: &mail.sender,
        first_seen: Time(mail.first_seen).rfc3339(),
        recipients: mail.told.iter().map(recipient).collect(),
    }
}

/// Year, month, day, `hh:mm:ss`.
fn local(at: i64) -> (i64, u32, u32, String) {
    let (y, m, d) = civil_from_days(at.div_euclid(DAY));
    let s = at.rem_euclid(DAY) / SECOND;
    let time = format!("{:02}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
    (y, m, d, time)
}

/// `20260302091402`, as in the Message-IDs of Postfix's reports.
pub fn stamp(at: i64) -> String {
    let (y, m, d, time) = local(at);
    format!("{y:04}{m:02}{d:02}{}", time.replace(':', ""))
}

fn digits(mut value: u64, base: &[u8], least: usize) -> String {
    let mut text = Vec::new();
    while value > 0 || text.len() < least {
        text.push(char::from(base[(value % base.len() as u64) as usize]));
        value /= base.len() as u64;
    }
    text.iter().rev().collect()
}

/// A short queue id of Postfix: microseconds and inode.
pub fn short_id(number: u64, rng: &mut Rng) -> String {
    format!(
        "{:05X}{:06X}",
        rng.below(1 << 20),
        0x9f_a000 + number % 0x4_0000
    )
}

/// A long one, which begins with its second.
pub fn long_id(at: i64, number: u64) -> String {
    const BASE: &[u8; 52] = b"0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz";
    let (seconds, micros) = (at.div_euclid(SECOND), at.rem_euclid(SECOND));
    let inode = digits(number + 10_000, &BASE[..51], 1);
    format!(
        "{}{}z{inode}",
        digits(seconds as u64, BASE, 6),
        digits(micros as u64, BASE, 4)
    )
}

/// An id of Exim, which begins with its second.
pub fn exim_id(at: i64, number: u64) -> String {
    const BASE: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    format!(
        "{}-{}-{}",
        digits(at.div_euclid(SECOND) as u64, BASE, 6),
        digits(number, BASE, 6),
        digits(number % 3844, BASE, 2)
    )
}
