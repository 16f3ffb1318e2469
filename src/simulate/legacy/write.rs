//! Records to files.
//!
//! In: records with their time. Out: one file per server and day, records in order of time; lines of the truth.

use std::fs;
use std::io::Error;
use std::path::Path;

use serde::Serialize;

use super::super::Summary;
use super::newer::{self, Copies};
use super::records::{New, Old};
use super::{Kind, Mail};
use crate::time::{DAY, SECOND, Time, civil_from_days};

/// Date and time of day.
fn parts(at: i64) -> (i64, u32, u32, i64, i64, i64) {
    let (y, m, d) = civil_from_days(at.div_euclid(DAY));
    let s = at.rem_euclid(DAY) / SECOND;
    (y, m, d, s / 3600, s / 60 % 60, s % 60)
}

/// `020425175433`, as in MTS-IDs.
pub fn stamp(at: i64) -> String {
    let (y, m, d, h, mi, s) = parts(at);
    format!("{:02}{m:02}{d:02}{h:02}{mi:02}{s:02}", y % 100)
}

/// All logs.
pub struct Logs {
    servers: Vec<(String, Kind)>,
    records: Vec<Vec<(i64, usize, String)>>,
    rows: usize,
    copies: Copies,
}

impl Logs {
    pub fn new(servers: Vec<(String, Kind)>) -> Logs {
        let records = servers.iter().map(|_| Vec::new()).collect();
        Logs {
            servers,
            records,
            rows: 0,
            copies: Copies::default(),
        }
    }

    fn push(&mut self, server: usize, at: i64, text: String) {
        self.rows += 1;
        self.records[server].push((at, self.rows, text));
    }

    pub fn old(&mut self, server: usize, at: i64, r: &Old<'_>) {
        let (y, m, d, h, mi, s) = parts(at);
        let mut text = format!(
            "{}\t{}\t{y}.{m}.{d} {h}:{mi}:{s}\t{}\t{}\t{}\t{}\t0\t{}\t0\t0\t{}\t{}\n",
            r.id,
            r.event,
            r.gateway,
            r.partner,
            r.remote_id,
            r.originator,
            r.size,
            r.about,
            r.recipients.len()
        );
        for recipient in r.recipients {
            text += recipient;
            if let Some(status) = r.status {
                text += &format!("\t{status}");
            }
            text.push('\n');
        }
        text.push('\n');
        self.push(server, at, text);
    }

    pub fn new_row(&mut self, server: usize, at: i64, r: &New<'_>) {
        if self.servers[server].1 == Kind::Newer {
            if let Some(text) = newer::row(&self.servers, server, at, r, &mut self.copies) {
                self.push(server, at, text);
            }
            return;
        }
        let (y, m, d, h, mi, s) = parts(at);
        let blank = |text: &str| {
            if text.is_empty() {
                "-".to_string()
            } else {
                text.to_string()
            }
        };
        let name = self.servers[server].0.clone();
        let mut text = String::new();
        for recipient in r.recipients {
            text += &format!(
                "{y}-{m}-{d}\t{h}:{mi}:{s} GMT\t-\t{}\t{}\t{name}\t10.0.0.{}\t{recipient}\t{}\t{}\t0\t0\t{}\t{}\t{y}-{m}-{d} \
                 {h}:{mi}:{s} GMT\t0\tVersion: 6.0.3790.1830\t{}\t{}\t{}\t-\n",
                blank(r.client),
                blank(r.partner),
                server + 1,
                r.event,
                r.id,
                r.size,
                r.recipients.len(),
                blank(r.linked),
                blank(r.subject),
                blank(r.sender),
            );
        }
        self.push(server, at, text);
    }

    /// Writes everything.
    pub fn write(mut self, out: &Path, leave_out: &[String]) -> Result<Summary, Error> {
        let mut summary = Summary::default();
        for ((name, kind), records) in self.servers.iter().zip(&mut self.records) {
            if leave_out.contains(&name.to_lowercase()) {
                continue;
            }
            records.sort();
            let folder = match kind {
                Kind::Old => out.join(name).join("tracking.log"),
                Kind::New => out.join(format!("{name}.log")),
                Kind::Newer => out.join(name).join("MessageTracking"),
            };
            fs::create_dir_all(&folder)?;
            for day in records.chunk_by(|a, b| a.0.div_euclid(DAY) == b.0.div_euclid(DAY)) {
                let (y, m, d, ..) = parts(day[0].0);
                let day_name = format!("{y}{m:02}{d:02}");
                let (mut text, name) = match kind {
                    Kind::Old => (String::new(), format!("{day_name}.log")),
                    Kind::New => (HEADER.to_string(), format!("{day_name}.log")),
                    Kind::Newer => (newer::header(day[0].0), format!("MSGTRK{day_name}-1.LOG")),
                };
                day.iter().for_each(|(_, _, record)| text += record);
                fs::write(folder.join(name), &text)?;
                summary.files += 1;
                summary.bytes += text.len() as u64;
                summary.rows += day.len() as u64;
            }
        }
        Ok(summary)
    }
}

/// What every log of 2003 begins with.
const HEADER: &str = "# Message Tracking Log File\n# Exchange System Attendant Version 6.5.7226.0\n# \
    Date\tTime\tclient-ip\tClient-hostname\tPartner-Name\tServer-hostname\tserver-IP\tRecipient-Address\tEvent-ID\t\
    MSGID\tPriority\tRecipient-Report-Status\ttotal-bytes\tNumber-Recipients\tOrigination-Time\tEncryption\t\
    service-Version\tLinked-MSGID\tMessage-Subject\tSender-Address\n\n\n";

/// What really became of a message.
#[derive(Serialize)]
pub struct Line<'a> {
    message_id: &'a str,
    network_message_id: Option<&'a str>,
    mts_id: &'a str,
    class: &'a str,
    sender: &'a str,
    subject: &'a str,
    first_seen: String,
    recipients: Vec<Recipient<'a>>,
}

#[derive(Serialize)]
struct Recipient<'a> {
    address: &'a str,
    status: &'a str,
    server: Option<String>,
    via: Option<(&'a str, &'a str)>,
}

/// What became of a message; `name` names a server.
pub fn line<'a>(mail: &'a Mail, name: impl Fn(usize) -> String) -> Line<'a> {
    let recipients = mail.told.iter().map(|told| Recipient {
        address: &told.address,
        status: told.status,
        server: told.server.map(&name),
        via: told.via.as_ref().map(|(kind, address)| (*kind, &**address)),
    });
    Line {
        message_id: match mail.message_id.is_empty() {
            true => &mail.mts_id,
            false => &mail.message_id,
        },
        network_message_id: None,
        mts_id: &mail.mts_id,
        class: mail.class,
        sender: &mail.sender,
        subject: &mail.subject,
        first_seen: Time(mail.first_seen).rfc3339(),
        recipients: recipients.collect(),
    }
}
