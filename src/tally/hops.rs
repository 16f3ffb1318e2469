//! Where mail came in, which way it left each server, and between which servers it went.
//!
//! In: paths with their notes. Out: [`Hops`]. Ways are numbered by what they are told by ([`Words`]). Everything is
//! counted once per message, so a message that forks and leaves a server twice to the same place is one.

use serde::{Deserialize, Serialize};

use crate::address::same_text;
use crate::event::ServerId;
use crate::keys::ends;
use crate::path::{Entry, Fate, Path};
use crate::scan;
use crate::tally::histogram::Coarse;
use crate::tally::words::{WordId, Words};
use crate::tally::{Counts, Map, summed_size_bytes};

/// Messages that went this way, and how long they had stayed before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Way {
    pub messages: i64,
    /// Whom the copies that went this way were for.
    pub recipients: i64,
    /// Each message once.
    pub bytes: i64,
    /// Milliseconds from receipt to hand-over, where both were logged and clocks agree; of a way out.
    pub stay: Coarse,
}

/// Where a way leads, seen from its server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leads {
    /// In, from a client.
    In,
    /// To a host whose log was read.
    On,
    /// To a host outside.
    Outside,
}

impl Leads {
    /// All of them, with the letters that stand for them.
    const ALL: [(Leads, u8); 3] = [(Leads::In, b'i'), (Leads::On, b'n'), (Leads::Outside, b'o')];
}

/// What a way is told by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told<'w> {
    pub leads: Leads,
    pub server: ServerId,
    /// Lower case, as is what follows.
    pub connector: &'w [u8],
    /// The client or the next host.
    pub host: &'w [u8],
}

/// A server's number in letters, because words have no case.
const SERVER_LETTERS: usize = 4;

/// Deliveries by how far the mailbox is from the server where the message was submitted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reach {
    /// On the same server.
    pub local: Counts,
    /// On another server.
    pub off_server: Counts,
    /// Handed to the outside.
    pub outside: Counts,
}

/// The sums.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Hops {
    /// What each way is told by, as [`told`] reads it.
    words: Words,
    /// By number in `words`.
    ways: Vec<Way>,
    /// By how many servers handled a message.
    pub servers: Map<u32, Counts>,
    pub reach: Reach,
    /// The way that was met last at each [`Told::spot`]: mail goes the same few ways again and again.
    #[serde(skip)]
    met: Vec<WordId>,
    /// The ways of the message at hand; kept for its memory.
    #[serde(skip)]
    own: Vec<Went>,
}

/// So many ways are remembered; a power of two.
const SPOTS: usize = 8192;

/// One way that a message came or went.
#[derive(Clone, Copy, Debug)]
struct Went {
    way: WordId,
    recipients: i64,
    stay_ms: Option<u64>,
}

impl Hops {
    /// Asks memory for the texts that counting `path` will read.
    pub fn ask(path: &Path<'_>) {
        scan::prefetch(path.origin.connector);
        scan::prefetch(path.origin.client());
        for way in &path.notes.ways {
            scan::prefetch(way.connector);
            scan::prefetch(way.to);
        }
    }

    /// Counts `path`, which has `recipients` in the balance.
    pub fn add(&mut self, path: &Path<'_>, recipients: i64, weight: i64) {
        let mut own = std::mem::take(&mut self.own);
        if let Some(server) = path.origin.server {
            let told = Told {
                leads: Leads::In,
                server,
                connector: path.origin.connector,
                host: path.origin.client(),
            };
            own.push(Went {
                way: self.number(told),
                recipients,
                stay_ms: None,
            });
        }
        for way in path.notes.ways.iter().filter(|way| !way.to.is_empty()) {
            let told = Told {
                leads: if way.outside {
                    Leads::Outside
                } else {
                    Leads::On
                },
                server: way.server,
                connector: way.connector,
                host: way.to,
            };
            let number = self.number(told);
            let stay_ms = way.stay_ms.and_then(|ms| u64::try_from(ms).ok());
            if let Some(ms) = stay_ms {
                self.ways[number as usize].stay.ask(ms);
            }
            own.push(Went {
                way: number,
                recipients: i64::from(way.recipients),
                stay_ms,
            });
        }
        self.reach(path, weight);
        let handled = path.notes.servers.len() as u32;
        self.servers.entry(handled).or_default().merge(Counts {
            recipients: weight * recipients,
            messages: weight,
        });
        self.went(&mut own, summed_size_bytes(path), weight);
        own.clear();
        self.own = own;
    }

    /// The number of a way; the next free one if it is new.
    fn number(&mut self, told: Told<'_>) -> WordId {
        let spot = told.spot();
        if let Some(&met) = self.met.get(spot)
            && let Some(way) = self.ways.get(met as usize)
        {
            scan::prefetch_value(way);
            if told.is(self.words.get(met)) {
                return met;
            }
        }
        let key = key(told.leads, told.server);
        let parts = [&key, told.connector, b"\0", told.host];
        let way = self.words.id_of(&parts);
        self.ways.resize_with(self.words.len(), Way::default);
        self.met.resize(SPOTS, WordId::MAX);
        self.met[spot] = way;
        way
    }

    /// Counts the ways of one message, each once.
    fn went(&mut self, own: &mut [Went], size_bytes: i64, weight: i64) {
        own.sort_by_key(|went| went.way);
        for same in own.chunk_by(|a, b| a.way == b.way) {
            let way = &mut self.ways[same[0].way as usize];
            let recipients = same.iter().map(|went| went.recipients);
            way.messages += weight;
            way.recipients += weight * recipients.sum::<i64>();
            way.bytes += weight * size_bytes;
            if let Some(ms) = same[0].stay_ms {
                way.stay.record(ms, weight);
            }
        }
    }

    /// All ways that mail took.
    pub fn ways(&self) -> impl Iterator<Item = (Told<'_>, &Way)> {
        let ways = (0..).zip(&self.ways).filter(|(_, way)| way.messages != 0);
        ways.filter_map(|(id, way)| Some((told(self.words.get(id))?, way)))
    }

    fn reach(&mut self, path: &Path<'_>, weight: i64) {
        let submitted = path.entry == Entry::Submitted;
        let (mut local, mut off_server, mut outside) = (0, 0, 0);
        for recipient in &path.recipients {
            match recipient.fate {
                Fate::Transferred => outside += 1,
                Fate::Delivered if submitted && recipient.server == path.origin.server => {
                    local += 1;
                }
                Fate::Delivered if submitted => off_server += 1,
                _ => {}
            }
        }
        for (sum, recipients) in [
            (&mut self.reach.local, local),
            (&mut self.reach.off_server, off_server),
            (&mut self.reach.outside, outside),
        ] {
            sum.recipients += weight * recipients;
            sum.messages += weight * recipients.min(1);
        }
    }

    /// Whether all numbers stand for something, as those of a file of strangers need not.
    pub fn is_sound(&self) -> bool {
        self.ways.len() == self.words.len()
            && (0..self.words.len() as WordId).all(|id| told(self.words.get(id)).is_some())
    }

    /// Adds what `other` counted.
    pub fn merge(&mut self, other: Hops) {
        for (theirs, way) in (0..).zip(&other.ways) {
            self.add_way(other.words.get(theirs), way);
        }
        for (&servers, counts) in &other.servers {
            self.servers.entry(servers).or_default().merge(*counts);
        }
        self.reach.local.merge(other.reach.local);
        self.reach.off_server.merge(other.reach.off_server);
        self.reach.outside.merge(other.reach.outside);
    }

    fn add_way(&mut self, word: &[u8], way: &Way) {
        let ours = self.words.lower_id(word) as usize;
        if ours == self.ways.len() {
            self.ways.push(Way::default());
        }
        self.ways[ours].merge(way);
    }

    /// Gives servers other numbers.
    pub fn renumber(&mut self, new: &dyn Fn(ServerId) -> ServerId) {
        let (words, ways) = (
            std::mem::take(&mut self.words),
            std::mem::take(&mut self.ways),
        );
        for (id, way) in (0..).zip(&ways) {
            let word = words.get(id);
            if let Some(told) = told(word) {
                let key = key(told.leads, new(told.server));
                self.add_way(&[&key, &word[key.len()..]].concat(), way);
            }
        }
    }
}

impl Told<'_> {
    /// Where it is remembered: by how its texts begin and end.
    fn spot(&self) -> usize {
        let texts = ends(self.connector) ^ ends(self.host).rotate_left(17);
        let number = texts ^ u64::from(self.server.0) << 2 ^ self.leads as u64;
        (number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize % SPOTS
    }

    /// Whether this is the way of `word`.
    fn is(&self, word: &[u8]) -> bool {
        let key = key(self.leads, self.server);
        let zero = key.len() + self.connector.len();
        word.len() == zero + 1 + self.host.len()
            && word.starts_with(&key)
            && word[zero] == 0
            && same_text(&word[key.len()..zero], self.connector)
            && same_text(&word[zero + 1..], self.host)
    }
}

/// What the word of a way begins with.
fn key(leads: Leads, ServerId(server): ServerId) -> [u8; 1 + SERVER_LETTERS] {
    let (_, letter) = Leads::ALL[leads as usize];
    let digit = |place: u16| b'a' + (server >> (4 * place) & 0xf) as u8;
    [letter, digit(3), digit(2), digit(1), digit(0)]
}

/// Reads the word of a way: [`key`], connector, a zero byte, and the client or next host.
fn told(word: &[u8]) -> Option<Told<'_>> {
    let ([letter, server @ ..], texts) = word.split_first_chunk::<{ 1 + SERVER_LETTERS }>()?;
    let (leads, _) = *Leads::ALL.iter().find(|(_, of)| of == letter)?;
    let digits = server
        .iter()
        .map(|letter| u16::from(letter.wrapping_sub(b'a')));
    let zero = memchr::memrchr(0, texts)?;
    Some(Told {
        leads,
        server: ServerId(digits.fold(0, |number, digit| number << 4 | digit & 0xf)),
        connector: &texts[..zero],
        host: &texts[zero + 1..],
    })
}

impl Way {
    /// Adds what went another way.
    pub fn merge(&mut self, more: &Way) {
        self.messages += more.messages;
        self.recipients += more.recipients;
        self.bytes += more.bytes;
        self.stay.merge(&more.stay);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_is_met_again_only_where_connector_and_host_part_alike() {
        let way = |connector: &'static [u8], host: &'static [u8]| Told {
            leads: Leads::On,
            server: ServerId(7),
            connector,
            host,
        };
        let mut word = key(Leads::On, ServerId(7)).to_vec();
        word.extend(b"ab\0c");
        assert!(way(b"Ab", b"C").is(&word));
        assert!(!way(b"a", b"\0c").is(&word));
        assert!(!way(b"ab", b"cd").is(&word));
    }
}
