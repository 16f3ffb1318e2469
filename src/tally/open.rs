//! What is not decided: recipients that still wait, and trails that end where logs are missing.
//!
//! In: paths; of their recipients the pending and the unknown ones, and the deferrals of all. Out:
//! [`Pending`] and [`Unknown`]. Ages are counted against the end of the period, which only the report
//! knows, so the times of entry are kept.

use hashbrown::{HashMap, HashSet};
use serde::{Deserialize, Serialize};

use crate::address::{List, domain};
use crate::event::ServerId;
use crate::path::{Fate, Path, Reason, Recipient};
use crate::status;
use crate::tally::extremes::Extremes;
use crate::tally::failures::Cases;
use crate::tally::{Counts, Map, merge_counts};

/// Bytes of a logged reason that tell reasons apart: the rest is addresses and session numbers.
const REASON_BYTES: usize = 160;
/// Host names have no more than 253 bytes; what is longer is none.
const HOST_BYTES: usize = 255;

/// Why recipients wait.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Wait {
    /// The last error, as logged.
    Logged(Box<[u8]>),
    /// No deferral was logged; in the queue of this server.
    InQueueOf(ServerId),
    /// Nothing is known.
    Unexplained,
}

/// Recipients that wait at the end of the logs.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Pending {
    /// By the time the message entered, microseconds since 1970 UTC.
    pub since: Map<i64, Counts>,
    pub reasons: Map<Wait, Counts>,
    /// By the host in the last error, or else the recipient's domain; lower case.
    pub next_hops: Map<Box<[u8]>, Counts>,
    /// Messages with a waiting recipient, earliest first.
    pub oldest: Extremes,
    pub deferrals: Deferrals,
    /// What put delivery off: by reason and by next hop, whatever became of the mail.
    pub deferred_because: Map<Box<[u8]>, PutOff>,
    pub deferred_hops: Map<Box<[u8]>, PutOff>,
    /// The same by next hop and hour of UTC since 1970, each recipient as often as it was put off: whether a queue grows.
    pub hourly: Map<(Box<[u8]>, i64), i64>,
    /// By how often a recipient was put off (tries less one).
    pub tries: Map<u32, Counts>,
}

/// What was put off for one reason, or on the way to one host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutOff {
    /// Recipients, each as often as it was put off.
    pub deferrals: i64,
    pub counts: Counts,
}

/// How often delivery was put off, whatever became of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deferrals {
    pub attempts: i64,
    /// Recipients put off at least once.
    pub recipients: i64,
    /// Messages with such a recipient.
    pub messages: i64,
}

impl Pending {
    /// Keeps the `top` oldest messages exactly.
    pub fn new(top: usize) -> Pending {
        Pending {
            oldest: Extremes::new(top),
            ..Pending::default()
        }
    }

    /// Counts the waiting recipients of `path`, and its deferrals.
    pub fn add(&mut self, path: &Path<'_>, weight: i64) {
        let waits = |r: &Recipient<'_>| r.deferrals > 0 || r.fate == Fate::Pending;
        if path.recipients.iter().any(waits) {
            self.waiting(path, weight);
        }
        if path.notes.deferrals.is_empty() {
            return;
        }
        let (mut because, mut hops) = (Once::default(), Once::default());
        for deferral in &path.notes.deferrals {
            let reason = reason_of(deferral.words);
            let sum = self.deferred_because.entry(reason.into()).or_default();
            because.count(sum, reason, deferral.recipients, weight);
            let first = || deferral.recipients.into_iter().next().unwrap_or_default();
            let host = host_of(deferral.words, first);
            let sum = self.deferred_hops.entry(host.clone()).or_default();
            hops.count(sum, &host, deferral.recipients, weight);
            let hour = self.hourly.entry((host, deferral.time.hour()));
            *hour.or_default() += weight * put_off(deferral.recipients);
            if deferral.recipients.count() == 0 {
                self.deferrals.attempts += weight;
            }
        }
    }

    fn waiting(&mut self, path: &Path<'_>, weight: i64) {
        let mut waiting = None;
        let (mut put_off, mut reasons, mut hosts) =
            (HashSet::new(), HashSet::new(), HashSet::new());
        for recipient in &path.recipients {
            if recipient.deferrals > 0 {
                let tries = self.tries.entry(recipient.deferrals).or_default();
                tries.add(put_off.insert(recipient.deferrals), weight);
                self.deferrals.recipients += weight;
                self.deferrals.attempts += weight * i64::from(recipient.deferrals);
            }
            if recipient.fate != Fate::Pending {
                continue;
            }
            let since = self.since.entry(path.first_seen.0).or_default();
            since.add(waiting.is_none(), weight);
            waiting = waiting.or(Some(recipient));
            let (wait, words): (Wait, &[u8]) = match recipient.reason {
                Reason::Logged(words) => (Wait::Logged(reason_of(words).into()), words),
                Reason::InQueueOf(server) => (Wait::InQueueOf(server), b""),
                _ => (Wait::Unexplained, b""),
            };
            let first = reasons.insert(wait.clone());
            self.reasons.entry(wait).or_default().add(first, weight);
            let host = host_of(words, || recipient.address);
            let first = hosts.insert(host.clone());
            self.next_hops.entry(host).or_default().add(first, weight);
        }
        if !put_off.is_empty() {
            self.deferrals.messages += weight;
        }
        if let Some(recipient) = waiting {
            self.oldest.note(0, path, Some(recipient), weight);
        }
    }

    /// Adds what `other` counted.
    pub fn merge(&mut self, other: Pending) {
        merge_counts(&mut self.since, other.since);
        merge_counts(&mut self.reasons, other.reasons);
        merge_counts(&mut self.next_hops, other.next_hops);
        self.oldest.merge(other.oldest);
        merge_put_off(&mut self.deferred_because, other.deferred_because);
        merge_put_off(&mut self.deferred_hops, other.deferred_hops);
        for (key, rows) in other.hourly {
            *self.hourly.entry(key).or_default() += rows;
        }
        merge_counts(&mut self.tries, other.tries);
        self.deferrals.attempts += other.deferrals.attempts;
        self.deferrals.recipients += other.deferrals.recipients;
        self.deferrals.messages += other.deferrals.messages;
    }
}

impl Pending {
    /// Gives servers other numbers.
    pub fn renumber(&mut self, new: &dyn Fn(ServerId) -> ServerId) {
        for (wait, counts) in std::mem::take(&mut self.reasons) {
            let wait = match wait {
                Wait::InQueueOf(server) => Wait::InQueueOf(new(server)),
                other => other,
            };
            self.reasons.entry(wait).or_default().merge(counts);
        }
        self.oldest.renumber(new);
    }
}

/// What is missing where a trail ends.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Missing {
    /// No log of this host was read, or none for that time; lower case.
    LogOf(Box<[u8]>),
    /// The logs of this host cover the time, but have no row of the message; lower case.
    RowOn(Box<[u8]>),
    /// The logs of this server end before the next step.
    EndOf(ServerId),
    /// Suppressed as a duplicate of a delivery that no log shows.
    OriginalDelivery,
    /// Nothing says what.
    Unexplained,
}

/// Recipients of unknown fate by what is missing.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Unknown {
    pub missing: Map<Missing, Cases>,
}

impl Unknown {
    /// Counts the recipients of `path` whose trail ends.
    pub fn add(&mut self, path: &Path<'_>, weight: i64) {
        let mut seen: Vec<Missing> = Vec::new();
        for recipient in &path.recipients {
            if recipient.fate != Fate::Unknown {
                continue;
            }
            let missing = match recipient.reason {
                Reason::NoLogOf(host) => Missing::LogOf(host.to_ascii_lowercase().into()),
                Reason::NoRowOn(host) => Missing::RowOn(host.to_ascii_lowercase().into()),
                Reason::LogEndsOn(server) => Missing::EndOf(server),
                Reason::DuplicateOfUnseen => Missing::OriginalDelivery,
                _ => Missing::Unexplained,
            };
            let first = !seen.contains(&missing);
            if first {
                seen.push(missing.clone());
            }
            let cases = self.missing.entry(missing).or_default();
            cases.add(path, recipient, first, weight);
        }
    }

    /// Adds what `other` counted.
    pub fn merge(&mut self, other: Unknown) {
        for (missing, cases) in other.missing {
            self.missing.entry(missing).or_default().merge(cases);
        }
    }
}

impl Unknown {
    /// Gives servers other numbers.
    pub fn renumber(&mut self, new: &dyn Fn(ServerId) -> ServerId) {
        for (missing, mut cases) in std::mem::take(&mut self.missing) {
            let missing = match missing {
                Missing::EndOf(server) => Missing::EndOf(new(server)),
                other => other,
            };
            cases.examples.renumber(new);
            self.missing.entry(missing).or_default().merge(cases);
        }
    }
}

/// What tells reasons apart: the last error, once where a row repeats it for each recipient.
fn reason_of(words: &[u8]) -> &[u8] {
    let first = match words {
        [b'[', b'{', ..] => words,
        _ => List(words).into_iter().next().unwrap_or(words),
    };
    let reason = status::last_error(first);
    let reason = reason.strip_prefix(b"'").unwrap_or(reason);
    let reason = reason.strip_suffix(b"'").unwrap_or(reason);
    &reason[..reason.len().min(REASON_BYTES)]
}

/// The host in the last error, or else the domain of whom it is about; lower case.
fn host_of<'a>(words: &'a [u8], address: impl FnOnce() -> &'a [u8]) -> Box<[u8]> {
    let host = status::host(words).unwrap_or_else(|| domain(address()).unwrap_or_default());
    host[..host.len().min(HOST_BYTES)]
        .to_ascii_lowercase()
        .into()
}

/// How many a row puts off; one that names nobody is about the message.
fn put_off(recipients: List<'_>) -> i64 {
    recipients.count().max(1) as i64
}

/// Whom a message's rows put off, by reason or by host, so that each counts once.
#[derive(Default)]
struct Once {
    keys: HashMap<Vec<u8>, u32>,
    /// By number of the key; lower case.
    recipients: HashSet<(u32, Box<[u8]>)>,
}

impl Once {
    fn count(&mut self, sum: &mut PutOff, key: &[u8], recipients: List<'_>, weight: i64) {
        sum.deferrals += weight * put_off(recipients);
        let next = self.keys.len() as u32;
        let number = *self.keys.entry_ref(key).or_insert(next);
        if number == next {
            sum.counts.messages += weight;
        }
        for address in recipients {
            let address = address.to_ascii_lowercase().into();
            sum.counts.recipients += match self.recipients.insert((number, address)) {
                true => weight,
                false => 0,
            };
        }
    }
}

fn merge_put_off(sums: &mut Map<Box<[u8]>, PutOff>, more: Map<Box<[u8]>, PutOff>) {
    for (key, more) in more {
        let sum = sums.entry(key).or_default();
        sum.deferrals += more.deferrals;
        sum.counts.merge(more.counts);
    }
}
