//! Who writes to whom: senders, recipients, pairs and domains.
//!
//! In: paths; of their recipients those in the balance. Out: [`Correspondents`], from which the report
//! cuts its top lists after all tallies have merged, so that the lists are exact. Addresses are numbered
//! ([`Words`]), so a message to one known recipient costs two look-ups by text. Of pairs there may be more than fit
//! into memory: a [`Ledger`] has them.

use serde::{Deserialize, Serialize};

use crate::path::{Direction, Path};
use crate::scan;
use crate::tally::ledger::Ledger;
use crate::tally::open::domain;
use crate::tally::words::{Asked, WordId, Words};
use crate::tally::{in_balance, summed_size_bytes};
use crate::time::Time;

/// Mail of one address, domain or pair.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    pub messages: i64,
    pub recipients: i64,
    /// Each message once.
    pub bytes: i64,
}

impl Mail {
    /// Counts one message to `recipients`.
    pub fn add(&mut self, recipients: i64, size_bytes: i64, weight: i64) {
        self.messages += weight;
        self.recipients += weight * recipients;
        self.bytes += weight * size_bytes;
    }

    /// Adds what `other` counted.
    pub fn merge(&mut self, other: &Mail) {
        self.messages += other.messages;
        self.recipients += other.recipients;
        self.bytes += other.bytes;
    }
}

/// Mail both ways.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchanged {
    pub sent: Mail,
    pub received: Mail,
}

/// An address with its domain.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Correspondent {
    pub domain: WordId,
    pub mail: Exchanged,
    /// Of the recipients written to: outside.
    pub sent_outside: i64,
    /// Of the messages received: from outside.
    pub received_outside: i64,
}

/// All addresses and domains with their mail.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Correspondents {
    pub addresses: Words,
    /// By number in `addresses`.
    pub correspondents: Vec<Correspondent>,
    pub domains: Words,
    /// By number in `domains`; the empty domain stands for addresses without one.
    pub by_domain: Vec<Exchanged>,
    /// By sender's and recipient's number.
    pub pairs: Ledger,
    /// Messages by sender's number and hour of UTC since 1970, for bursts.
    pub hours: Ledger,
    /// Recipients of the message at hand; kept for its memory.
    #[serde(skip)]
    scratch: Vec<WordId>,
    /// Addresses of the message at hand: its sender and its recipients.
    #[serde(skip)]
    asked: Asked,
}

impl Correspondents {
    /// Asks memory for what counting `path` will need; it must be the next one that is counted.
    pub fn ask(&mut self, path: &Path<'_>) {
        self.asked.clear();
        self.addresses.ask(path.sender, &mut self.asked);
        for recipient in &path.recipients {
            if in_balance(recipient.fate) {
                self.addresses.ask(recipient.address, &mut self.asked);
            }
        }
    }

    /// Counts `path`, whose addresses were asked for.
    pub fn add(&mut self, path: &Path<'_>, weight: i64) {
        let size_bytes = summed_size_bytes(path);
        let mut ids = std::mem::take(&mut self.scratch);
        ids.clear();
        let known = &self.correspondents;
        let likely = |id| {
            known
                .get(id as usize)
                .into_iter()
                .for_each(scan::prefetch_value)
        };
        self.addresses
            .answer(&self.asked, likely, |id| ids.push(id));
        let counted = path.recipients.iter().filter(|r| in_balance(r.fate));
        let counted = counted.map(|recipient| recipient.address);
        for (id, address) in ids.iter().zip(std::iter::once(path.sender).chain(counted)) {
            self.meet(*id, address);
        }
        let sender = ids.remove(0);
        let outside = |way: Direction| matches!(way, Direction::Outbound | Direction::Relayed);
        let written_outside = (path.recipients.iter())
            .filter(|r| in_balance(r.fate) && outside(r.direction))
            .count();
        let from_outside = matches!(path.direction, Direction::Inbound | Direction::Relayed);
        let count = ids.len() as i64;
        let sent = Mail {
            messages: weight,
            ..Mail::default()
        };
        self.hours
            .note((sender, hour_number(path.first_seen)), sent);
        let from = &mut self.correspondents[sender as usize];
        from.mail.sent.add(count, size_bytes, weight);
        from.sent_outside += weight * written_outside as i64;
        let from_domain = &mut self.by_domain[from.domain as usize];
        from_domain.sent.add(count, size_bytes, weight);
        // One address may stand for two recipients of a message (two aliases): one message, two recipients.
        for_each_run(&mut ids, |id, run| {
            let to = &mut self.correspondents[id as usize];
            to.mail.received.add(run, size_bytes, weight);
            to.received_outside += if from_outside { weight } else { 0 };
            let mut mail = Mail::default();
            mail.add(run, size_bytes, weight);
            self.pairs.note((sender, id), mail);
        });
        for id in &mut ids {
            *id = self.correspondents[*id as usize].domain;
        }
        for_each_run(&mut ids, |id, run| {
            let received = &mut self.by_domain[id as usize].received;
            received.add(run, size_bytes, weight);
        });
        self.scratch = ids;
    }

    /// Adds what `other` counted: the smaller to the larger, and each table of it gone before the next.
    pub fn merge(&mut self, mut other: Correspondents) {
        if other.correspondents.len() > self.correspondents.len() {
            std::mem::swap(self, &mut other);
        }
        let mut ids = Vec::with_capacity(other.correspondents.len());
        for (theirs, correspondent) in other.correspondents.iter().enumerate() {
            let address = other.addresses.get(theirs as WordId);
            let ours = self.addresses.lower_id(address);
            self.meet(ours, address);
            let sums = &mut self.correspondents[ours as usize];
            sums.mail.sent.merge(&correspondent.mail.sent);
            sums.mail.received.merge(&correspondent.mail.received);
            sums.sent_outside += correspondent.sent_outside;
            sums.received_outside += correspondent.received_outside;
            ids.push(ours);
        }
        for (theirs, mail) in other.by_domain.iter().enumerate() {
            let ours = self.domain(other.domains.get(theirs as WordId));
            let sums = &mut self.by_domain[ours as usize];
            sums.sent.merge(&mail.sent);
            sums.received.merge(&mail.received);
        }
        for ((sender, recipient), mail) in other.pairs.sums() {
            let pair = (ids[sender as usize], ids[recipient as usize]);
            self.pairs.note(pair, mail);
        }
        for ((sender, hour), mail) in other.hours.sums() {
            self.hours.note((ids[sender as usize], hour), mail);
        }
    }

    /// Whether all numbers stand for something, as those of a file of strangers need not.
    pub fn is_sound(&self) -> bool {
        let (people, domains) = (self.correspondents.len(), self.by_domain.len());
        let is_known = |id: &WordId| (*id as usize) < people;
        self.addresses.len() == people
            && self.domains.len() == domains
            && (self.correspondents.iter()).all(|c| (c.domain as usize) < domains)
            && (self.pairs.sums()).all(|((a, b), _)| is_known(&a) && is_known(&b))
            && (self.hours.sums()).all(|((sender, _), _)| is_known(&sender))
    }

    /// Takes in the address with this number, if it is new.
    fn meet(&mut self, id: WordId, address: &[u8]) {
        if id as usize == self.correspondents.len() {
            let domain = self.domain(domain(address));
            self.correspondents.push(Correspondent {
                domain,
                mail: Exchanged::default(),
                sent_outside: 0,
                received_outside: 0,
            });
        }
    }

    fn domain(&mut self, domain: &[u8]) -> WordId {
        let id = self.domains.id(domain);
        if id as usize == self.by_domain.len() {
            self.by_domain.push(Exchanged::default());
        }
        id
    }
}

/// Hours since 1970 as a number that fits a ledger; logs are younger.
fn hour_number(time: Time) -> u32 {
    time.hour().clamp(0, i64::from(u32::MAX)) as u32
}

/// Sorts `ids` and calls `each` with every different one and how often it occurs.
fn for_each_run(ids: &mut [WordId], mut each: impl FnMut(WordId, i64)) {
    ids.sort_unstable();
    for run in ids.chunk_by(|a, b| a == b) {
        each(run[0], run.len() as i64);
    }
}
