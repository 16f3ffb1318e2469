//! Simulated organisations and what the program says of them.
//!
//! In: the simulator's options. Out: a folder that cleans up after itself, its logs as bytes, its truth, and the
//! program's paths in the twin's own form, so that both can be compared word by word.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use waybill::event::ServerId;
use waybill::input::Inputs;
use waybill::join::When;
use waybill::join::shard::Taker;
use waybill::path::{Class, Entry, Reason, Status, Via};
use waybill::pipeline::{self, Outcome};
use waybill::servers::Servers;
use waybill::simulate;
use waybill::tally::{Tally, TallyOptions};

use crate::naive::{self, Message, Recipient};

/// A simulated organisation on disk.
pub struct Organisation {
    folder: tempfile::TempDir,
}

impl Organisation {
    pub fn new(options: &simulate::Options) -> Organisation {
        let folder = tempfile::tempdir().unwrap();
        simulate::run(options, folder.path()).unwrap();
        Organisation { folder }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Every file below the folder with its bytes, named as the program names it.
    pub fn files(&self) -> Vec<(String, Vec<u8>)> {
        files(self.path())
    }

    /// One value per message.
    pub fn truth(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.path().join("truth.jsonl")).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

/// Every file below a folder, by its path inside it, in the order of names.
pub fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap();
                found.insert(name.display().to_string(), fs::read(&path).unwrap());
            }
        }
    }
    found.into_iter().collect()
}

/// What the program makes of some files.
pub struct Answer {
    /// In the order of first sight, as the twin sorts them.
    pub messages: Vec<Message>,
    pub outcome: Outcome,
    pub tally: Tally,
}

/// Runs the program as a library.
pub fn program(files: Vec<(String, Vec<u8>)>) -> Answer {
    program_in_windows(files, None)
}

/// The same, joining so many bytes at a time.
pub fn program_in_windows(files: Vec<(String, Vec<u8>)>, window_bytes: Option<u64>) -> Answer {
    let mut inputs = Inputs::from_memory(files);
    let whole = waybill::plan::CHUNK_BYTES;
    let chunk_bytes = window_bytes.map_or(whole, |bytes| (bytes as usize / 8).clamp(1, whole));
    let mut run = |when| {
        let options = pipeline::Options {
            when,
            links: when == When::Closed,
            window_bytes,
            ..pipeline::Options::default()
        };
        let plan = pipeline::plan(&mut inputs, chunk_bytes);
        let done = |_: &mut [std::sync::Mutex<Taken>]| Ok::<(), ()>(());
        let survey = pipeline::survey(&inputs, &plan);
        pipeline::run(
            &inputs,
            plan,
            survey,
            &options,
            |_| {},
            Taken::default,
            done,
        )
        .unwrap()
    };
    // Counting takes messages back and counts them again; showing waits until they are closed.
    let counted = run(When::Finished).1;
    let (outcome, shown) = run(When::Closed);
    let mut sum = Tally::new(OPTIONS);
    counted
        .into_iter()
        .for_each(|taken| sum.merge(taken.tally.unwrap_or_else(|| Tally::new(OPTIONS))));
    let mut messages: Vec<Message> = shown.into_iter().flat_map(|taken| taken.messages).collect();
    messages.sort_by(|a, b| order(a).cmp(&order(b)));
    Answer {
        messages,
        outcome,
        tally: sum,
    }
}

const OPTIONS: TallyOptions = TallyOptions {
    include_probes: true,
    top: 25,
};

/// What one thread was handed.
#[derive(Default)]
struct Taken {
    messages: Vec<Message>,
    tally: Option<Tally>,
}

impl Taker for Taken {
    fn add(
        &mut self,
        path: &waybill::path::Path<'_>,
        servers: &Servers,
        weight: i64,
    ) -> Option<Class> {
        self.messages.push(message(path, servers));
        self.tally
            .get_or_insert_with(|| Tally::new(OPTIONS))
            .add(path, weight);
        Some(path.class)
    }

    fn more_rows(&mut self, class: Class, rows: i64) {
        self.tally
            .get_or_insert_with(|| Tally::new(OPTIONS))
            .add_rows(class, rows);
    }
}

fn order(message: &Message) -> (i64, &str, &str) {
    let ids = (&message.network_message_id, &message.message_id);
    (message.first_seen, ids.0, ids.1)
}

fn message(path: &waybill::path::Path<'_>, servers: &Servers) -> Message {
    let recipient = |r: &waybill::path::Recipient<'_>| {
        let recipient = Recipient {
            fate: r.fate.word(),
            at: r.at.map(|time| time.0.div_euclid(1000)),
            server: match (r.server, r.reason) {
                (None, Reason::HandedToMailbox(host)) => Some(naive::short(&host.to_string())),
                (server, _) => server.map(|id| name(servers, id)),
            }
            .filter(|name| !name.is_empty()),
            via: r.via.iter().map(|(via, from)| link(*via, from)).collect(),
            latency_ms: r.latency_ms,
            note: match r.reason {
                Reason::HandedToMailbox(_) => "inferred",
                Reason::DuplicateOfUnseen => "duplicate of unseen",
                _ => "",
            },
        };
        (r.address.to_string().to_ascii_lowercase(), recipient)
    };
    Message {
        message_id: path.message_id.to_string(),
        network_message_id: path.network_message_id.to_string().to_ascii_lowercase(),
        class: match path.class {
            Class::Mail => "mail",
            Class::Report => "report",
            Class::Probe => "probe",
            Class::System => "system",
        },
        status: match path.status {
            Status::Delivered => "delivered",
            Status::PartlyDelivered => "partly delivered",
            Status::Transferred => "transferred",
            Status::Failed => "failed",
            Status::Dropped => "dropped",
            Status::Pending => "pending",
            Status::Unknown => "unknown",
        },
        entry: match path.entry {
            Entry::Submitted => "submitted",
            Entry::Received => "received",
            Entry::Generated => "generated",
            Entry::Unknown => "unknown",
        },
        sender: path.sender.to_string(),
        size_bytes: path.size_bytes,
        first_seen: path.first_seen.0.div_euclid(1000),
        rows: path.rows as usize,
        recipients: path.recipients.iter().map(recipient).collect(),
    }
}

fn link(via: Via, from: &bstr::BStr) -> (String, String) {
    let kind = match via {
        Via::Expanded => "expanded",
        Via::Redirected => "redirected",
        Via::Resolved => "resolved",
    };
    (kind.to_string(), from.to_string().to_ascii_lowercase())
}

fn name(servers: &Servers, id: ServerId) -> String {
    servers.name(id).to_string()
}
