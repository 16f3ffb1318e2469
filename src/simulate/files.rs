//! Log files as Exchange lays them out: names, headers, rollover, one folder per server and log.
//!
//! In: rows in any order, each for the hour in which its server's clock puts it. Out: files sorted by
//! time. Rows wait in memory until their hour is over, so memory follows the hour, not the days.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Error, Write};
use std::path::{Path, PathBuf};

use super::layout::Service;
use super::organisation::{Organisation, Server};
use super::text::push_time;
use crate::time::{HOUR, civil_from_days};

/// Exchange rolls a file over when it has grown to this.
pub const ROLLOVER_BYTES: usize = 10 * 1024 * 1024;

/// Rows of one file and hour, in the order they came.
#[derive(Default)]
struct Bucket {
    text: String,
    /// Time, start and end of each row.
    rows: Vec<(i64, u32, u32)>,
}

/// The file that is being written.
struct Open {
    file: File,
    /// The date digits of its name.
    stamp: String,
    instance: u32,
    bytes: usize,
}

/// The files of one service on one server.
struct Log {
    hours: BTreeMap<i64, Bucket>,
    open: Option<Open>,
}

/// All logs of the organisation.
pub struct Logs {
    out: PathBuf,
    logs: Vec<Log>,
    pub files: u64,
    pub bytes: u64,
    pub rows: u64,
    /// Bytes of rows that still wait.
    pub waiting: u64,
}

impl Logs {
    pub fn create(out: &Path, org: &Organisation) -> Result<Logs, Error> {
        for server in org.servers.iter().filter(|s| !s.left_out) {
            fs::create_dir_all(out.join(&server.name).join("MessageTracking"))?;
        }
        let logs = (0..org.servers.len() * Service::ALL.len())
            .map(|_| Log {
                hours: BTreeMap::new(),
                open: None,
            })
            .collect();
        let out = out.to_path_buf();
        Ok(Logs {
            out,
            logs,
            files: 0,
            bytes: 0,
            rows: 0,
            waiting: 0,
        })
    }

    /// Lets `write` push one row that the clock of `server` stamps with `local`.
    pub fn row(
        &mut self,
        server: usize,
        service: Service,
        local: i64,
        write: impl FnOnce(&mut String),
    ) {
        let log = &mut self.logs[server * Service::ALL.len() + service as usize];
        let bucket = log.hours.entry(local.div_euclid(HOUR)).or_default();
        let start = bucket.text.len();
        write(&mut bucket.text);
        let end = bucket.text.len();
        // An hour of one service beyond 4 GiB would be 40 times the busiest server that was seen.
        bucket.rows.push((local, start as u32, end as u32));
        self.waiting += (end - start) as u64;
    }

    /// Writes all hours before `hour`.
    pub fn flush(&mut self, org: &Organisation, hour: i64) -> Result<(), Error> {
        for (s, server) in org.servers.iter().enumerate() {
            for service in Service::ALL {
                let log = &mut self.logs[s * Service::ALL.len() + service as usize];
                while let Some(entry) = log.hours.first_entry() {
                    if *entry.key() >= hour {
                        break;
                    }
                    let (hour, bucket) = entry.remove_entry();
                    self.waiting -= bucket
                        .rows
                        .iter()
                        .map(|r| u64::from(r.2 - r.1))
                        .sum::<u64>();
                    if server.left_out {
                        continue;
                    }
                    let written =
                        write_hour(&self.out, server, service, &mut log.open, hour, bucket)?;
                    self.files += written.files;
                    self.bytes += written.bytes;
                    self.rows += written.rows;
                }
            }
        }
        Ok(())
    }

    /// A log of another kind in a neighbouring folder, which a reader must pass over.
    pub fn write_siblings(&mut self, org: &Organisation, start: i64) -> Result<(), Error> {
        for server in org.servers.iter().filter(|s| !s.left_out) {
            let folder = self
                .out
                .join(&server.name)
                .join("ProtocolLog")
                .join("SmtpReceive");
            fs::create_dir_all(&folder)?;
            let at = start + 9 * HOUR;
            let mut text = header(server, at, "SMTP Receive Protocol Log", SMTP_FIELDS);
            for (n, said) in SMTP_TALK.iter().enumerate() {
                push_time(&mut text, at + n as i64 * 15_000);
                text.push_str(&format!(
                    ",{}\\Default {},08DE77A0C1B2D3E4,{n},{}:25,203.0.113.9:40112,{said}",
                    server.upper, server.upper, server.ip
                ));
                text.push_str(line_end(server));
            }
            let name = format!("RECV{}-1.LOG", stamp(at.div_euclid(HOUR), true));
            fs::write(folder.join(name), text)?;
        }
        Ok(())
    }
}

const SMTP_FIELDS: &str = "date-time,connector-id,session-id,sequence-number,local-endpoint,\
                           remote-endpoint,event,data,context";
const SMTP_TALK: [&str; 4] = ["+,,", "<,EHLO mx1.example.net,", "<,QUIT,", "-,,Local"];

struct Written {
    files: u64,
    bytes: u64,
    rows: u64,
}

fn write_hour(
    out: &Path,
    server: &Server,
    service: Service,
    open: &mut Option<Open>,
    hour: i64,
    mut bucket: Bucket,
) -> Result<Written, Error> {
    let end = line_end(server);
    let stamp = stamp(hour, server.layout.is_modern());
    if open.as_ref().is_some_and(|o| o.stamp != stamp) {
        *open = None;
    }
    // Stable: rows of one millisecond stay in the order they happened.
    bucket.rows.sort_by_key(|row| row.0 / 1000);
    let mut written = Written {
        files: 0,
        bytes: 0,
        rows: bucket.rows.len() as u64,
    };
    let mut block = String::with_capacity(bucket.text.len() + bucket.rows.len() * 2 + 1024);
    for (at, from, to) in bucket.rows {
        let full = open
            .as_ref()
            .is_none_or(|o| o.bytes + block.len() >= ROLLOVER_BYTES);
        if full {
            let instance = open.as_ref().map_or(1, |o| o.instance + 1);
            if let Some(o) = open {
                o.file.write_all(block.as_bytes())?;
                written.bytes += block.len() as u64;
            }
            let name = format!("{}{stamp}-{instance}.LOG", service.prefix());
            let path = out.join(&server.name).join("MessageTracking").join(name);
            let file = File::create(path)?;
            written.files += 1;
            *open = Some(Open {
                file,
                stamp: stamp.clone(),
                instance,
                bytes: 0,
            });
            block.clear();
            block.push_str(&header(
                server,
                at,
                "Message Tracking Log",
                &server.layout.fields(),
            ));
        }
        block.push_str(&bucket.text[from as usize..to as usize]);
        block.push_str(end);
    }
    if let Some(o) = open {
        o.file.write_all(block.as_bytes())?;
        o.bytes += block.len();
        written.bytes += block.len() as u64;
    }
    Ok(written)
}

fn line_end(server: &Server) -> &'static str {
    if server.plain { "\n" } else { "\r\n" }
}

fn header(server: &Server, at: i64, log: &str, fields: &str) -> String {
    let mut text = String::new();
    let end = line_end(server);
    if !server.plain {
        text.push('\u{feff}');
    }
    for part in [
        "#Software: Microsoft Exchange Server",
        end,
        "#Version: ",
        server.version,
        end,
    ] {
        text.push_str(part);
    }
    for part in ["#Log-type: ", log, end, "#Date: "] {
        text.push_str(part);
    }
    push_time(&mut text, at);
    for part in [end, "#Fields: ", fields, end] {
        text.push_str(part);
    }
    text
}

/// `2026030209` or `20260302`.
fn stamp(hour: i64, hourly: bool) -> String {
    let (y, m, d) = civil_from_days(hour.div_euclid(24));
    match hourly {
        true => format!("{y:04}{m:02}{d:02}{:02}", hour.rem_euclid(24)),
        false => format!("{y:04}{m:02}{d:02}"),
    }
}
