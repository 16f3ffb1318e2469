//! The messages that stand out: slowest, largest, oldest, first examples.
//!
//! In: messages with a figure and a weight. Out: the ones with the largest figures, in order. More are
//! kept than shown, because one that is taken back makes room for the next; a message that is taken
//! back here and was counted in another tally waits with a negative weight until the two merge.

use std::cmp::Ordering;

use bstr::ByteSlice;
use serde::{Deserialize, Serialize};

use crate::event::{Place, ServerId};
use crate::path::{Path, Recipient};
use crate::time::Time;

/// What a list says of one message: text as logged, owned. The order of fields breaks ties.
/// Where a row stands: by number while its files are at hand, in words once it leaves them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Row {
    At(Place),
    Named(Box<str>),
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Notable {
    pub message_id: Box<[u8]>,
    pub network_message_id: Box<[u8]>,
    pub sender: Box<[u8]>,
    /// The recipient the figure is about; empty where it is about the message.
    pub recipient: Box<[u8]>,
    pub subject: Box<[u8]>,
    /// The log's own words about that recipient, or empty.
    pub words: Box<[u8]>,
    pub server: Option<ServerId>,
    pub size_bytes: u64,
    /// Recipients of the message, lists and redirected addresses included.
    pub addresses: usize,
    /// The row that decided about the recipient, else the row by which the message came in.
    pub row: Row,
}

/// A message in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The figure that makes it stand out.
    pub value: i64,
    pub first_seen: Time,
    pub notable: Notable,
    weight: i64,
}

/// The messages with the largest figures; of equal ones the earliest.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Extremes {
    kept: usize,
    entries: Vec<Entry>,
    /// The last entry kept when the list was last cut: what ranks after it need not be looked at.
    floor: Option<(i64, Time, Box<[u8]>)>,
}

impl Default for Extremes {
    fn default() -> Self {
        Extremes::new(25)
    }
}

impl Extremes {
    /// A list whose first `shown` lines stay exact while fewer than `3 * shown + 8` are taken back.
    pub fn new(shown: usize) -> Extremes {
        Extremes {
            kept: 4 * shown + 8,
            entries: Vec::new(),
            floor: None,
        }
    }

    /// Counts `path`, which has the figure `value` because of `recipient`.
    pub fn note(
        &mut self,
        value: i64,
        path: &Path<'_>,
        recipient: Option<&Recipient<'_>>,
        weight: i64,
    ) {
        if let Some((floor, at, id)) = &self.floor {
            let rank = (floor.cmp(&value))
                .then_with(|| path.first_seen.cmp(at))
                .then_with(|| path.message_id.as_bytes().cmp(id));
            if rank == Ordering::Greater {
                return;
            }
        }
        self.entries.push(Entry {
            value,
            first_seen: path.first_seen,
            notable: notable(path, recipient),
            weight,
        });
        if self.entries.len() >= 2 * self.kept {
            self.cut();
        }
    }

    /// Adds what `other` noted.
    pub fn merge(&mut self, other: Extremes) {
        self.entries.extend(other.entries);
        // Below the higher floor one of the two is incomplete, but then it holds enough above it.
        self.cut();
    }

    /// The first `shown` entries, largest figure first.
    pub fn first(&self, shown: usize) -> Vec<Entry> {
        let mut sorted = self.clone();
        sorted.cut();
        sorted.entries.retain(|entry| entry.weight > 0);
        sorted.entries.truncate(shown);
        sorted.entries
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.first(1).is_empty()
    }

    /// Sorts, lets +1 and -1 of the same message cancel, and keeps the first `kept`.
    /// Gives servers other numbers.
    pub fn renumber(&mut self, new: &dyn Fn(ServerId) -> ServerId) {
        for entry in &mut self.entries {
            entry.notable.server = entry.notable.server.map(new);
        }
    }

    /// Says in words where rows stand, for lists that leave their files.
    pub fn name_rows(&mut self, name: &dyn Fn(Place) -> String) {
        self.cut();
        for entry in &mut self.entries {
            if let Row::At(place) = entry.notable.row {
                entry.notable.row = Row::Named(name(place).into());
            }
        }
    }

    fn cut(&mut self) {
        self.entries.sort_unstable_by(Entry::rank);
        self.entries.dedup_by(|later, first| {
            let same = Entry::rank(later, first) == Ordering::Equal;
            if same {
                first.weight += later.weight;
            }
            same
        });
        self.entries.retain(|entry| entry.weight != 0);
        if self.entries.len() > self.kept {
            self.entries.truncate(self.kept);
            // A crafted saved day may have it that none are kept.
            let last = self.entries.last();
            self.floor =
                last.map(|last| (last.value, last.first_seen, last.notable.message_id.clone()));
        }
    }
}

impl Entry {
    fn rank(&self, other: &Entry) -> Ordering {
        (other.value.cmp(&self.value))
            .then_with(|| self.first_seen.cmp(&other.first_seen))
            .then_with(|| self.notable.cmp(&other.notable))
    }
}

/// A text of a list entry is kept up to this length: real ones stay far below, and hostile ones of a megabyte in
/// every list would take more memory than the logs.
const TEXT_BYTES: usize = 4096;

fn kept(text: &[u8]) -> Box<[u8]> {
    if text.len() <= TEXT_BYTES {
        return text.into();
    }
    [&text[..TEXT_BYTES], "…".as_bytes()].concat().into()
}

fn notable(path: &Path<'_>, recipient: Option<&Recipient<'_>>) -> Notable {
    let words = match recipient.map(|recipient| recipient.reason) {
        Some(crate::path::Reason::Logged(words)) => words.as_ref(),
        _ => &b""[..],
    };
    Notable {
        message_id: kept(path.message_id),
        network_message_id: kept(path.network_message_id),
        sender: kept(path.sender).to_ascii_lowercase().into(),
        recipient: recipient.map_or(Box::default(), |recipient| {
            kept(recipient.address).to_ascii_lowercase().into()
        }),
        subject: kept(path.subject),
        words: kept(words),
        server: recipient.map_or(path.origin.server, |recipient| recipient.server),
        size_bytes: path.size_bytes,
        addresses: path.recipients.len(),
        row: match recipient.and_then(|r| r.place).or(path.notes.entry) {
            Some(place) => Row::At(place),
            None => Row::Named(Box::default()),
        },
    }
}
