//! The messages that stand out: slowest, largest, oldest, first examples.
//!
//! In: messages with a figure and a weight. Out: the ones with the largest figures, in order. More are
//! kept than shown, because one that is taken back makes room for the next; a message that is taken
//! back here and was counted in another tally waits with a negative weight until the two merge.

use std::cmp::Ordering;

use bstr::ByteSlice;
use serde::{Deserialize, Serialize};

use crate::event::{Place, ServerId};
use crate::path::{Path, Reason, Recipient};
use crate::time::Time;

/// Where a row stands: by number while its files are at hand, in words once it leaves them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Row {
    At(Place),
    Named(Box<str>),
}

/// What a list says of one message: text as logged, owned. The order of fields breaks ties.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Notable {
    /// All texts, one behind the other, those of [`Text`] first, then the hosts of `route`.
    #[serde(with = "super::bytes")]
    texts: Box<[u8]>,
    /// Where each of them ends.
    ends: Box<[u32]>,
    pub server: Option<ServerId>,
    pub size_bytes: u64,
    /// Recipients of the message, lists and redirected addresses included.
    pub addresses: usize,
    /// The row that decided about the recipient, else the row by which the message came in.
    pub row: Row,
    /// Where the message came in, and which way it went from server to server.
    pub origin: Option<ServerId>,
    pub route: Box<[Step]>,
}

/// One hand-over; the host stands among the texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Step {
    pub server: ServerId,
    pub outside: bool,
    /// Milliseconds from receipt to hand-over.
    pub stay_ms: Option<i64>,
}

/// The texts of a [`Notable`].
#[derive(Clone, Copy)]
pub enum Text {
    MessageId,
    NetworkMessageId,
    Sender,
    /// The recipient the figure is about; empty where it is about the message.
    Recipient,
    Subject,
    /// The log's own words about that recipient, or empty.
    Words,
    /// The host that handed the message in.
    Client,
}

/// So many texts stand before those of the route.
const TEXTS: usize = Text::Client as usize + 1;
/// Hand-overs that are kept of a message: most have three, and one to thousands of domains has thousands.
const STEPS: usize = 12;

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
        // What is not among the first is told by them, and building an entry is dear.
        let room = match self.floor {
            None => self.kept.saturating_add(1),
            Some(_) => self.kept.saturating_mul(2),
        };
        if self.entries.len() >= room {
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

    /// Gives servers other numbers.
    pub fn renumber(&mut self, new: &dyn Fn(ServerId) -> ServerId) {
        for entry in &mut self.entries {
            let notable = &mut entry.notable;
            notable.server = notable.server.map(new);
            notable.origin = notable.origin.map(new);
            for step in &mut notable.route {
                step.server = new(step.server);
            }
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

    /// Sorts, lets +1 and -1 of the same message cancel, and keeps the first `kept`.
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
            self.floor = last.map(|last| {
                let id = last.notable.text(Text::MessageId).into();
                (last.value, last.first_seen, id)
            });
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

impl Notable {
    /// One of its texts, as logged; addresses in lower case.
    pub fn text(&self, which: Text) -> &[u8] {
        self.at(which as usize)
    }

    /// The steps of its route, each with the host that it led to.
    pub fn steps(&self) -> impl Iterator<Item = (&Step, &[u8])> {
        (self.route.iter().enumerate()).map(|(i, step)| (step, self.at(TEXTS + i)))
    }

    fn at(&self, place: usize) -> &[u8] {
        let end = |place: usize| self.ends.get(place).map_or(0, |end| *end as usize);
        let start = place.checked_sub(1).map_or(0, end);
        self.texts.get(start..end(place)).unwrap_or_default()
    }
}

fn notable(path: &Path<'_>, recipient: Option<&Recipient<'_>>) -> Notable {
    let words = match recipient.map(|recipient| recipient.reason) {
        Some(Reason::Logged(words)) => words.as_bytes(),
        _ => b"",
    };
    let address = recipient.map_or(&b""[..], |recipient| recipient.address.as_bytes());
    // Each with whether it is kept in lower case.
    let mut given: Vec<(&[u8], bool)> = vec![
        (path.message_id, false),
        (path.network_message_id, false),
        (path.sender, true),
        (address, true),
        (path.subject, false),
        (words, false),
        (path.origin.client(), false),
    ];
    debug_assert_eq!(given.len(), TEXTS);
    let mut route: Vec<Step> = Vec::new();
    for way in path.notes.ways.iter().filter(|way| !way.to.is_empty()) {
        let known = (route.iter().zip(&given[TEXTS..]))
            .any(|(step, host)| (step.server, host.0) == (way.server, way.to.as_bytes()));
        if !known && route.len() < STEPS {
            given.push((way.to, true));
            route.push(Step {
                server: way.server,
                outside: way.outside,
                stay_ms: way.stay_ms,
            });
        }
    }
    let bytes = given.iter().map(|(text, _)| text.len().min(TEXT_BYTES));
    let mut texts = Vec::with_capacity(bytes.sum());
    let mut ends = Vec::with_capacity(given.len());
    for (text, lower) in given {
        let start = texts.len();
        texts.extend_from_slice(&text[..text.len().min(TEXT_BYTES)]);
        if text.len() > TEXT_BYTES {
            texts.extend_from_slice("…".as_bytes());
        }
        if lower {
            texts[start..].make_ascii_lowercase();
        }
        ends.push(texts.len() as u32);
    }
    Notable {
        texts: texts.into(),
        ends: ends.into(),
        server: recipient.map_or(path.origin.server, |recipient| recipient.server),
        size_bytes: path.size_bytes,
        addresses: path.recipients.len(),
        row: match recipient.and_then(|r| r.place).or(path.notes.entry) {
            Some(place) => Row::At(place),
            None => Row::Named(Box::default()),
        },
        origin: path.origin.server,
        route: route.into(),
    }
}
