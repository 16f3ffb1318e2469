//! Where mail came in, which way it left each server, and between which servers it went.
//!
//! In: paths with their notes. Out: [`Hops`]. Hosts and connectors are numbered ([`Words`]). Everything is
//! counted once per message, so a message that forks and leaves a server twice to the same place is one.

use hashbrown::Equivalent;
use hashbrown::hash_map::Entry as Slot;
use serde::{Deserialize, Serialize};

use crate::event::ServerId;
use crate::path::{Entry, Fate, Path};
use crate::scan;
use crate::tally::correspondents::Mail;
use crate::tally::histogram::Coarse;
use crate::tally::words::{WordId, Words};
use crate::tally::{Counts, Map, merge_mail, summed_size_bytes};

/// Messages that went this way, and how long they had stayed before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Way {
    pub messages: i64,
    /// Whom the copies that went this way were for.
    pub recipients: i64,
    /// Each message once.
    pub bytes: i64,
    /// Milliseconds from receipt to hand-over, where both were logged and clocks agree.
    pub stay: Coarse,
}

/// Two texts under one number: connector and client, or connector and next host, a zero byte between them.
pub type Both = WordId;
/// A way out: server, connector and next host, whether the host is outside.
pub type Out = (ServerId, Both, bool);

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
    pub words: Words,
    /// Where messages came in: server, connector and client.
    pub received: Map<(ServerId, Both), Mail>,
    pub sent: Map<Out, Way>,
    /// By how many servers handled a message.
    pub servers: Map<u32, Counts>,
    pub reach: Reach,
    /// Two texts put together; kept for its memory.
    #[serde(skip)]
    scratch: Vec<u8>,
    /// Ways of the message at hand, and the number of each; kept for its memory.
    #[serde(skip)]
    ways: Vec<(Out, u32)>,
    /// Numbers by texts as logged: a night says the same few over and over.
    #[serde(skip)]
    said: Map<Logged, Both>,
}

/// Two texts as logged.
type Logged = (Box<[u8]>, Box<[u8]>);
/// Texts as logged that are kept with their number.
const SAID: usize = 4096;

/// Two texts to look up what is kept by two texts.
#[derive(Hash)]
struct Said<'t>(&'t [u8], &'t [u8]);

impl Equivalent<(Box<[u8]>, Box<[u8]>)> for Said<'_> {
    fn equivalent(&self, key: &(Box<[u8]>, Box<[u8]>)) -> bool {
        *self.0 == *key.0 && *self.1 == *key.1
    }
}

impl Hops {
    fn both(&mut self, first: &[u8], second: &[u8]) -> Both {
        if let Some(&both) = self.said.get(&Said(first, second)) {
            return both;
        }
        self.scratch.clear();
        self.scratch.extend_from_slice(first);
        self.scratch.push(0);
        self.scratch.extend_from_slice(second);
        let both = self.words.id(&self.scratch);
        if self.said.len() < SAID {
            self.said.insert((first.into(), second.into()), both);
        }
        both
    }

    /// The two texts of a number, lower case.
    pub fn texts(&self, both: Both) -> (&[u8], &[u8]) {
        let text = self.words.get(both);
        let zero = memchr::memrchr(0, text).unwrap_or(text.len());
        (&text[..zero], text.get(zero + 1..).unwrap_or_default())
    }

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
        let size_bytes = summed_size_bytes(path);
        if let Some(server) = path.origin.server {
            let key = (
                server,
                self.both(path.origin.connector, path.origin.client()),
            );
            let mail = self.received.entry(key).or_default();
            mail.add(recipients, size_bytes, weight);
        }
        self.reach(path, weight);
        self.ways(path, size_bytes, weight);
        let handled = path.notes.servers.len() as u32;
        self.servers.entry(handled).or_default().merge(Counts {
            recipients: weight * recipients,
            messages: weight,
        });
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

    fn ways(&mut self, path: &Path<'_>, size_bytes: i64, weight: i64) {
        let mut ways = std::mem::take(&mut self.ways);
        ways.clear();
        for (number, way) in (0..).zip(&path.notes.ways) {
            if !way.to.is_empty() {
                let out = (way.server, self.both(way.connector, way.to), way.outside);
                ways.push((out, number));
            }
        }
        ways.sort_unstable();
        for same in ways.chunk_by(|a, b| a.0 == b.0) {
            let (out, first) = same[0];
            let way = |number: u32| &path.notes.ways[number as usize];
            let recipients = same.iter().map(|(_, number)| way(*number).recipients);
            let sent = self.sent.entry(out).or_default();
            sent.recipients += weight * recipients.map(i64::from).sum::<i64>();
            sent.count(size_bytes, way(first).stay_ms, weight);
        }
        self.ways = ways;
    }

    /// Whether all numbers stand for something, as those of a file of strangers need not.
    pub fn is_sound(&self) -> bool {
        let is_known = |id: Both| (id as usize) < self.words.len();
        self.received.keys().all(|(_, both)| is_known(*both))
            && self.sent.keys().all(|(_, both, _)| is_known(*both))
    }

    /// Adds what `other` counted.
    pub fn merge(&mut self, other: &Hops) {
        let ids: Vec<WordId> = (0..other.words.len() as WordId)
            .map(|id| self.words.lower_id(other.words.get(id)))
            .collect();
        let word = |id: WordId| ids[id as usize];
        for (&(server, both), mail) in &other.received {
            merge_mail(&mut self.received, (server, word(both)), mail);
        }
        for (&(server, both, outside), way) in &other.sent {
            merge_way(&mut self.sent, (server, word(both), outside), way);
        }
        for (&servers, counts) in &other.servers {
            self.servers.entry(servers).or_default().merge(*counts);
        }
        self.reach.local.merge(other.reach.local);
        self.reach.off_server.merge(other.reach.off_server);
        self.reach.outside.merge(other.reach.outside);
    }

    /// Gives servers other numbers.
    pub fn renumber(&mut self, new: &dyn Fn(ServerId) -> ServerId) {
        let received = std::mem::take(&mut self.received);
        for ((server, both), mail) in received {
            merge_mail(&mut self.received, (new(server), both), &mail);
        }
        let sent = std::mem::take(&mut self.sent);
        for ((server, both, outside), way) in sent {
            merge_way(&mut self.sent, (new(server), both, outside), &way);
        }
    }
}

impl Way {
    /// Adds what went another way.
    pub fn merge(&mut self, more: &Way) {
        self.messages += more.messages;
        self.recipients += more.recipients;
        self.bytes += more.bytes;
        self.stay.merge(&more.stay);
    }

    fn count(&mut self, size_bytes: i64, stay_ms: Option<i64>, weight: i64) {
        self.messages += weight;
        self.bytes += weight * size_bytes;
        if let Some(ms) = stay_ms.and_then(|ms| u64::try_from(ms).ok()) {
            self.stay.record(ms, weight);
        }
    }
}

/// Adds what went one way to what is counted under `key`.
fn merge_way(ways: &mut Map<Out, Way>, key: Out, more: &Way) {
    match ways.entry(key) {
        Slot::Occupied(mut way) => {
            way.get_mut().merge(more);
        }
        Slot::Vacant(way) => {
            way.insert(more.clone());
        }
    }
}
