//! Who writes to whom: senders, recipients, pairs and domains.
//!
//! In: paths; of their recipients those in the balance. Out: [`Correspondents`], from which the report
//! cuts its top lists after all tallies have merged, so that the lists are exact. Addresses are numbered
//! ([`Words`]), so a message to one known recipient costs two look-ups by text. Of pairs there may be more than fit
//! into memory: a [`Ledger`] has them.

use serde::{Deserialize, Serialize};

use crate::address::domain;
use crate::path::{Direction, Fate, Path, Recipient};
use crate::scan;
use crate::tally::ledger::{Ledger, Mail};
use crate::tally::notes::{self, Notes};
use crate::tally::words::{Asked, WordId, Words};
use crate::tally::{Map, in_balance, summed_size_bytes};
use crate::time::Time;

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

/// Messages that were written to an address and did not arrive, each once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missed {
    pub messages: i64,
    pub bytes: i64,
    /// Of the messages: from outside.
    pub outside: i64,
}

impl Missed {
    fn merge(&mut self, other: &Missed) {
        self.messages += other.messages;
        self.bytes += other.bytes;
        self.outside += other.outside;
    }
}

/// What somebody sent in one hour.
#[derive(Clone, Copy, Debug)]
pub struct SentInHour {
    /// Of UTC since 1970.
    pub hour: u32,
    pub messages: i64,
    pub recipients: i64,
}

/// All addresses and domains with their mail.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Correspondents {
    pub addresses: Words,
    /// By number in `addresses`.
    pub correspondents: Vec<Correspondent>,
    /// Of what was written to an address: what did not arrive. Few have any.
    pub missed: Map<WordId, Missed>,
    pub domains: Words,
    /// By number in `domains`; the empty domain stands for addresses without one.
    pub by_domain: Vec<Exchanged>,
    /// By sender's and recipient's number.
    pub pairs: Ledger,
    /// Messages and recipients by sender's number and hour of UTC since 1970, for bursts.
    pub hours: Ledger,
    /// Messages, and their addresses.
    noted: Notes<Noted>,
    #[serde(skip)]
    asked: Asked,
    /// Numbers of the addresses; kept for its memory.
    #[serde(skip)]
    scratch: Vec<WordId>,
}

/// One message, whose addresses are noted: its sender and its recipients in the balance.
#[derive(Clone, Copy, Debug)]
struct Noted {
    addresses: usize,
    written_outside: i64,
    from_outside: bool,
    hour: u32,
    size_bytes: i64,
    weight: i64,
}

impl Correspondents {
    /// Notes `path` to be counted.
    pub fn add(&mut self, path: &Path<'_>, weight: i64) {
        let outside = |way: Direction| matches!(way, Direction::Outbound | Direction::Relayed);
        let (mut addresses, mut written_outside) = (1, 0);
        self.addresses.ask(path.sender, &mut self.asked);
        let mut missed = 0;
        for recipient in path.recipients.iter().filter(|r| in_balance(r.fate)) {
            self.addresses.ask(recipient.address, &mut self.asked);
            addresses += 1;
            written_outside += i64::from(outside(recipient.direction));
            missed += usize::from(is_missed(recipient));
        }
        let noted = Noted {
            addresses,
            written_outside,
            from_outside: matches!(path.direction, Direction::Inbound | Direction::Relayed),
            hour: hour_number(path.first_seen),
            size_bytes: summed_size_bytes(path),
            weight,
        };
        if missed > 0 {
            self.miss(path, &noted);
        }
        self.noted.push(noted);
        if self.asked.count() >= notes::WORDS {
            self.settle();
        }
    }

    /// Counts what did not arrive of a message.
    #[cold]
    fn miss(&mut self, path: &Path<'_>, message: &Noted) {
        let missed = path.recipients.iter().filter(|r| is_missed(r));
        let mut ids: Vec<WordId> = (missed.map(|r| self.addresses.id(r.address))).collect();
        self.meet();
        for_each_run(&mut ids, |id, _| {
            self.missed.entry(id).or_default().merge(&Missed {
                messages: message.weight,
                bytes: message.weight * message.size_bytes,
                outside: if message.from_outside {
                    message.weight
                } else {
                    0
                },
            });
        });
    }

    /// Whether nothing is noted.
    pub fn is_settled(&self) -> bool {
        self.noted.is_empty()
    }

    /// Counts what is noted.
    pub fn settle(&mut self) {
        let mut ids = std::mem::take(&mut self.scratch);
        let known = &self.correspondents;
        let likely = |id| {
            let known = known.get(id as usize);
            known.into_iter().for_each(scan::prefetch_value);
        };
        self.addresses
            .answer(&self.asked, likely, |id| ids.push(id));
        self.asked.clear();
        self.meet();
        let mut rest = &mut ids[..];
        let mut noted = std::mem::take(&mut self.noted);
        for message in noted.drain(..) {
            let own;
            (own, rest) = rest.split_at_mut(message.addresses);
            self.count(&message, own);
        }
        self.noted = noted;
        ids.clear();
        self.scratch = ids;
    }

    /// Takes in the addresses that are new: they have the next numbers.
    fn meet(&mut self) {
        for id in self.correspondents.len()..self.addresses.len() {
            let domain = domain(self.addresses.get(id as WordId)).unwrap_or_default();
            let domain = meet(&mut self.domains, &mut self.by_domain, domain);
            self.correspondents.push(Correspondent {
                domain,
                mail: Exchanged::default(),
                sent_outside: 0,
                received_outside: 0,
            });
        }
    }

    /// Counts one message, of which `ids` are the sender's number and the recipients'.
    fn count(&mut self, message: &Noted, ids: &mut [WordId]) {
        let Noted {
            size_bytes, weight, ..
        } = *message;
        let Some((sender, ids)) = ids.split_first_mut() else {
            return;
        };
        let sender = *sender;
        let count = ids.len() as i64;
        let sent = Mail {
            messages: weight,
            recipients: weight * count,
            ..Mail::default()
        };
        self.hours.note((sender, message.hour), sent);
        let from = &mut self.correspondents[sender as usize];
        from.mail.sent.add(count, size_bytes, weight);
        from.sent_outside += weight * message.written_outside;
        let from_domain = &mut self.by_domain[from.domain as usize];
        from_domain.sent.add(count, size_bytes, weight);
        // One address may stand for two recipients of a message (two aliases): one message, two recipients.
        for_each_run(ids, |id, run| {
            let to = &mut self.correspondents[id as usize];
            to.mail.received.add(run, size_bytes, weight);
            to.received_outside += if message.from_outside { weight } else { 0 };
            let mut mail = Mail::default();
            mail.add(run, size_bytes, weight);
            self.pairs.note((sender, id), mail);
        });
        for id in ids.iter_mut() {
            *id = self.correspondents[*id as usize].domain;
        }
        for_each_run(ids, |id, run| {
            let received = &mut self.by_domain[id as usize].received;
            received.add(run, size_bytes, weight);
        });
    }

    /// Calls `each` with every sender and the hours in which it sent anything, by time.
    pub fn each_senders_hours(&self, mut each: impl FnMut(WordId, &[SentInHour])) {
        let mut sums = self.hours.sums().peekable();
        let mut hours = Vec::new();
        while let Some(&((sender, _), _)) = sums.peek() {
            hours.clear();
            while let Some(((_, hour), mail)) = sums.next_if(|((of, _), _)| *of == sender) {
                if mail.messages > 0 {
                    hours.push(SentInHour {
                        hour,
                        messages: mail.messages,
                        recipients: mail.recipients,
                    });
                }
            }
            if !hours.is_empty() {
                each(sender, &hours);
            }
        }
    }

    /// Adds what `other` counted: the smaller to the larger, and each table of it gone before the next.
    pub fn merge(&mut self, mut other: Correspondents) {
        self.settle();
        other.settle();
        if other.correspondents.len() > self.correspondents.len() {
            std::mem::swap(self, &mut other);
        }
        let mut ids = Vec::with_capacity(other.correspondents.len());
        for (theirs, correspondent) in other.correspondents.iter().enumerate() {
            let address = other.addresses.get(theirs as WordId);
            let ours = self.addresses.lower_id(address);
            self.meet();
            let sums = &mut self.correspondents[ours as usize];
            sums.mail.sent.merge(&correspondent.mail.sent);
            sums.mail.received.merge(&correspondent.mail.received);
            sums.sent_outside += correspondent.sent_outside;
            sums.received_outside += correspondent.received_outside;
            ids.push(ours);
        }
        for (theirs, missed) in &other.missed {
            let ours = ids[*theirs as usize];
            self.missed.entry(ours).or_default().merge(missed);
        }
        for (theirs, mail) in other.by_domain.iter().enumerate() {
            let domain = other.domains.get(theirs as WordId);
            let ours = meet(&mut self.domains, &mut self.by_domain, domain);
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
            && self.missed.keys().all(is_known)
            && (self.pairs.sums()).all(|((a, b), _)| is_known(&a) && is_known(&b))
            && (self.hours.sums()).all(|((sender, _), _)| is_known(&sender))
    }
}

/// Whether mail is in the balance but did not arrive.
fn is_missed(recipient: &Recipient<'_>) -> bool {
    in_balance(recipient.fate) && !matches!(recipient.fate, Fate::Delivered | Fate::Transferred)
}

/// The number of a word that may be new, whose sums are to be empty then.
fn meet<S: Default>(words: &mut Words, sums: &mut Vec<S>, word: &[u8]) -> WordId {
    let id = words.lower_id(word);
    if id as usize == sums.len() {
        sums.push(S::default());
    }
    id
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
