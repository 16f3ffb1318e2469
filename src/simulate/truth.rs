//! What really became of every simulated message, one JSON object per line in `truth.jsonl`.
//!
//! In: finished mails, each kind of organisation with [`line`]s of its own. Out: lines sorted by first time, then Message-ID.
//! Lines wait in hours, as the rows do, since a report may be finished long before its time has come.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Error, Write};
use std::path::Path;

use serde::Serialize;

use super::mail::{Fate, Mail};
use super::organisation::Organisation;
use crate::time::{HOUR, Time};

/// A line of an organisation of Exchange 2007 and later.
#[derive(Serialize)]
pub struct Line<'a> {
    message_id: &'a str,
    network_message_id: Option<&'a str>,
    class: &'a str,
    sender: &'a str,
    subject: &'a str,
    entry: &'a str,
    first_seen: String,
    rows: u32,
    recipients: Vec<Recipient<'a>>,
    related: Vec<Related<'a>>,
    story: Option<&'a str>,
}

#[derive(Serialize)]
struct Recipient<'a> {
    address: &'a str,
    status: &'a str,
    server: Option<&'a str>,
    at: Option<String>,
    via: Vec<Via<'a>>,
}

#[derive(Serialize)]
struct Via<'a> {
    kind: &'a str,
    address: &'a str,
}

#[derive(Serialize)]
struct Related<'a> {
    kind: &'a str,
    message_id: &'a str,
}

/// The lines that wait, by hour.
pub struct Truth {
    file: BufWriter<File>,
    hours: BTreeMap<i64, Vec<(i64, String)>>,
    pub messages: u64,
}

impl Truth {
    pub fn create(out: &Path) -> Result<Truth, Error> {
        let file = BufWriter::new(File::create(out.join("truth.jsonl"))?);
        Ok(Truth {
            file,
            hours: BTreeMap::new(),
            messages: 0,
        })
    }

    /// Takes the line of a mail of which nothing more will be logged; it begins with the Message-ID.
    pub fn add(&mut self, first_seen: i64, line: &impl Serialize) {
        self.messages += 1;
        // Strings and numbers only: writing them as JSON cannot fail.
        let text = serde_json::to_string(line).unwrap_or_default();
        // Sorting lines as text sorts by the Message-ID.
        let hour = self.hours.entry(first_seen.div_euclid(HOUR)).or_default();
        hour.push((first_seen / 1000, text));
    }

    /// Writes the lines of all hours before `hour`.
    pub fn flush(&mut self, hour: i64) -> Result<(), Error> {
        while let Some(entry) = self.hours.first_entry() {
            if *entry.key() >= hour {
                break;
            }
            let mut lines = entry.remove();
            lines.sort_unstable();
            for (_, line) in lines {
                self.file.write_all(line.as_bytes())?;
                self.file.write_all(b"\n")?;
            }
        }
        self.file.flush()
    }
}

/// The line of a mail.
pub fn line<'a>(org: &'a Organisation, mail: &'a Mail) -> Line<'a> {
    let related = mail.related.iter().map(|(kind, id)| Related {
        kind,
        message_id: id,
    });
    Line {
        message_id: &mail.message_id,
        network_message_id: mail.network_id_seen.then_some(&*mail.network_id),
        class: mail.class.word(),
        sender: &mail.sender,
        subject: &mail.subject,
        entry: mail.entry.word(),
        first_seen: Time(mail.first_seen).rfc3339(),
        rows: mail.rows,
        recipients: mail.fates.iter().map(|f| recipient(org, f)).collect(),
        related: related.collect(),
        story: mail.story,
    }
}

fn recipient<'a>(org: &'a Organisation, fate: &'a Fate) -> Recipient<'a> {
    Recipient {
        address: &fate.address,
        status: fate.status.word(),
        server: fate.server.map(|s| &*org.servers[s].name),
        at: fate.at.map(|at| Time(at).rfc3339()),
        via: fate
            .via
            .iter()
            .map(|(kind, address)| Via { kind, address })
            .collect(),
    }
}
