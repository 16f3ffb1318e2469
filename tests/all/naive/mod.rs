//! The slow twin: what became of each message, worked out the plain way, as the judge of the fast program.
//!
//! In: whole files of modern Exchange message tracking logs. Out: one [`Message`] per message with one
//! [`Recipient`] per address. It shares no code with the crate, has no threads, no windows and no
//! borrowing, and deliberately does not: read legacy or UTF-16 files, build hops, guess directions,
//! tell reasons, or run fast.

mod fate;
mod group;
mod read;
mod tests;
pub mod truth;

pub use read::{layout, short};

use std::collections::BTreeMap;

/// One message of the organisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub message_id: String,
    pub network_message_id: String,
    pub class: &'static str,
    pub status: &'static str,
    pub entry: &'static str,
    pub sender: String,
    pub size_bytes: u64,
    pub first_seen: i64,
    pub rows: usize,
    pub recipients: BTreeMap<String, Recipient>,
}

/// What became of one address of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    pub fate: &'static str,
    pub at: Option<i64>,
    pub server: Option<String>,
    /// Kind and address, nearest first.
    pub via: Vec<(String, String)>,
    pub latency_ms: Option<i64>,
    /// Something a reader should know: `inferred` (no delivery log was read) or `duplicate of unseen`.
    pub note: &'static str,
}

/// All messages of these files (name, bytes), by first sighting, network id and Message-ID.
pub fn messages(files: &[(String, Vec<u8>)]) -> Vec<Message> {
    let rows = read::rows(files);
    let world = fate::World::new(&rows);
    let mut messages: Vec<Message> = group::messages(&rows)
        .iter()
        .map(|members| fate::message(members, &world))
        .collect();
    messages.sort_by(|a, b| {
        (a.first_seen, &a.network_message_id, &a.message_id).cmp(&(
            b.first_seen,
            &b.network_message_id,
            &b.message_id,
        ))
    });
    messages
}
