//! Where mail came in, which way it left each server, and between which servers it went.
//!
//! In: paths with their notes. Out: [`Hops`]. Hosts and connectors are numbered ([`Words`]). Everything is
//! counted once per message, so a message that forks and leaves a server twice to the same place is one.

use hashbrown::hash_map::Entry as Slot;
use serde::{Deserialize, Serialize};

use crate::event::ServerId;
use crate::path::{Entry, Fate, Path};
use crate::scan;
use crate::tally::correspondents::Mail;
use crate::tally::histogram::Coarse;
use crate::tally::notes::{self, Notes};
use crate::tally::words::{Asked, WordId, Words};
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
    /// Messages, and the texts of where they came in and of each way they went.
    noted: Notes<Noted>,
    #[serde(skip)]
    asked: Asked,
    ways: Notes<NotedWay>,
    /// Numbers of the texts; kept for its memory.
    #[serde(skip)]
    scratch: Vec<Both>,
}

/// One message.
#[derive(Clone, Copy, Debug)]
struct Noted {
    /// Where it came in.
    server: Option<ServerId>,
    ways: usize,
    recipients: i64,
    size_bytes: i64,
    weight: i64,
}

/// One way it went.
#[derive(Clone, Copy, Debug)]
struct NotedWay {
    /// The number of its texts is filled in when it is known.
    out: Out,
    recipients: u32,
    stay_ms: Option<i64>,
}

impl Hops {
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

    /// Counts `path`, which has `recipients` in the balance, or notes it to be counted.
    pub fn add(&mut self, path: &Path<'_>, recipients: i64, weight: i64) {
        self.reach(path, weight);
        let handled = path.notes.servers.len() as u32;
        self.servers.entry(handled).or_default().merge(Counts {
            recipients: weight * recipients,
            messages: weight,
        });
        let server = path.origin.server;
        if server.is_some() {
            self.ask_both(path.origin.connector, path.origin.client());
        }
        let known = self.ways.len();
        for way in path.notes.ways.iter().filter(|way| !way.to.is_empty()) {
            self.ask_both(way.connector, way.to);
            self.ways.push(NotedWay {
                out: (way.server, Both::MAX, way.outside),
                recipients: way.recipients,
                stay_ms: way.stay_ms,
            });
        }
        self.noted.push(Noted {
            server,
            ways: self.ways.len() - known,
            recipients,
            size_bytes: summed_size_bytes(path),
            weight,
        });
        if self.asked.count().max(self.noted.len()) >= notes::WORDS {
            self.settle();
        }
    }

    fn ask_both(&mut self, first: &[u8], second: &[u8]) {
        self.words.ask(&[first, b"\0", second], &mut self.asked);
    }

    /// Whether nothing is noted.
    pub fn is_settled(&self) -> bool {
        self.noted.is_empty()
    }

    /// Counts what is noted.
    pub fn settle(&mut self) {
        let mut ids = std::mem::take(&mut self.scratch);
        self.words.answer(&self.asked, |_| (), |id| ids.push(id));
        self.asked.clear();
        let mut answers = ids.iter().copied();
        let mut next = || answers.next().expect("as many answers as questions");
        let mut ways = std::mem::take(&mut self.ways);
        let mut rest = &mut ways[..];
        let mut noted = std::mem::take(&mut self.noted);
        for message in noted.drain(..) {
            if let Some(server) = message.server {
                let mail = self.received.entry((server, next())).or_default();
                mail.add(message.recipients, message.size_bytes, message.weight);
            }
            let own;
            (own, rest) = rest.split_at_mut(message.ways);
            own.iter_mut().for_each(|way| way.out.1 = next());
            self.went(&message, own);
        }
        ways.clear();
        (self.noted, self.ways) = (noted, ways);
        ids.clear();
        self.scratch = ids;
    }

    /// Counts the ways of one message, each once.
    fn went(&mut self, message: &Noted, ways: &mut [NotedWay]) {
        ways.sort_by_key(|way| way.out);
        for same in ways.chunk_by(|a, b| a.out == b.out) {
            let recipients = same.iter().map(|way| i64::from(way.recipients));
            let sent = self.sent.entry(same[0].out).or_default();
            sent.recipients += message.weight * recipients.sum::<i64>();
            sent.count(message.size_bytes, same[0].stay_ms, message.weight);
        }
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
        let is_known = |id: Both| (id as usize) < self.words.len();
        self.received.keys().all(|(_, both)| is_known(*both))
            && self.sent.keys().all(|(_, both, _)| is_known(*both))
    }

    /// Adds what `other` counted.
    pub fn merge(&mut self, mut other: Hops) {
        self.settle();
        other.settle();
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
