//! Where mail came in, which way it left each server, and between which servers it went.
//!
//! In: paths with their notes. Out: [`Hops`]. Hosts and connectors are numbered ([`Words`]). Everything is
//! counted once per message, so a message that forks and leaves a server twice to the same place is one.

use hashbrown::hash_map::Entry as Slot;
use serde::{Deserialize, Serialize};

use crate::address::short_host;
use crate::event::ServerId;
use crate::path::{Entry, Fate, Path};
use crate::tally::correspondents::Mail;
use crate::tally::histogram::Coarse;
use crate::tally::words::{WordId, Words};
use crate::tally::{Map, merge_mail, summed_size_bytes};

/// Messages that went this way, and how long they had stayed before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Way {
    pub messages: i64,
    /// Each message once.
    pub bytes: i64,
    /// Milliseconds from receipt to hand-over, where both were logged and clocks agree.
    pub stay: Coarse,
}

/// By which connector a message came in and from which address: server, connector, client.
pub type In = (ServerId, WordId, WordId);
/// By which connector a message left a server, and to which host.
pub type Out = (ServerId, WordId, WordId);

/// Deliveries by how far the mailbox is from the server where the message was submitted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reach {
    /// Recipients on the same server.
    pub local: i64,
    /// Recipients on another server.
    pub off_server: i64,
    /// Recipients handed to the outside.
    pub outside: i64,
}

/// The sums.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Hops {
    pub words: Words,
    pub received: Map<In, Mail>,
    pub sent: Map<Out, Way>,
    /// From a server to a host of the organisation (by its short name).
    pub between: Map<(ServerId, WordId), Way>,
    /// Messages by how many servers handled them.
    pub servers: Map<u32, i64>,
    pub reach: Reach,
}

impl Hops {
    /// Counts `path`, which has `recipients` in the balance.
    pub fn add(&mut self, path: &Path<'_>, recipients: i64, weight: i64) {
        let size_bytes = summed_size_bytes(path);
        if let Some(server) = path.origin.server {
            let connector = self.words.id(path.origin.connector);
            let client = match path.origin.client_ip {
                ip if ip.is_empty() => path.origin.client_host,
                ip => ip,
            };
            let key = (server, connector, self.words.id(client));
            let mail = self.received.entry(key).or_default();
            mail.add(recipients, size_bytes, weight);
        }
        self.reach(path, weight);
        self.ways(path, size_bytes, weight);
    }

    fn reach(&mut self, path: &Path<'_>, weight: i64) {
        let submitted = path.entry == Entry::Submitted;
        for recipient in &path.recipients {
            match recipient.fate {
                Fate::Transferred => self.reach.outside += weight,
                Fate::Delivered if submitted && recipient.server == path.origin.server => {
                    self.reach.local += weight;
                }
                Fate::Delivered if submitted => self.reach.off_server += weight,
                _ => {}
            }
        }
    }

    fn ways(&mut self, path: &Path<'_>, size_bytes: i64, weight: i64) {
        // Few ways per message, so a list is the quickest set.
        let (mut out, mut between): (Vec<Out>, Vec<(ServerId, WordId)>) = (Vec::new(), Vec::new());
        for way in path.notes.ways.iter().filter(|way| !way.to.is_empty()) {
            let connector = self.words.id(way.connector);
            let key = (way.server, connector, self.words.id(way.to));
            if out.contains(&key) {
                continue;
            }
            out.push(key);
            let sent = self.sent.entry(key).or_default();
            sent.count(size_bytes, way.stay_ms, weight);
            if way.outside {
                continue;
            }
            let key = (way.server, self.words.id(short_host(way.to)));
            if !between.contains(&key) {
                between.push(key);
                let sent = self.between.entry(key).or_default();
                sent.count(size_bytes, way.stay_ms, weight);
            }
        }
        let handled = path.notes.servers.len() as u32;
        *self.servers.entry(handled).or_default() += weight;
    }

    /// Adds what `other` counted.
    pub fn merge(&mut self, other: &Hops) {
        let ids: Vec<WordId> = (0..other.words.len() as WordId)
            .map(|id| self.words.id(other.words.get(id)))
            .collect();
        let word = |id: WordId| ids[id as usize];
        for (&(server, connector, client), mail) in &other.received {
            merge_mail(
                &mut self.received,
                (server, word(connector), word(client)),
                mail,
            );
        }
        for (&(server, connector, host), way) in &other.sent {
            merge_way(&mut self.sent, (server, word(connector), word(host)), way);
        }
        for (&(server, host), way) in &other.between {
            merge_way(&mut self.between, (server, word(host)), way);
        }
        for (&servers, messages) in &other.servers {
            *self.servers.entry(servers).or_default() += messages;
        }
        self.reach.local += other.reach.local;
        self.reach.off_server += other.reach.off_server;
        self.reach.outside += other.reach.outside;
    }

    /// Gives servers other numbers.
    pub fn renumber(&mut self, new: &dyn Fn(ServerId) -> ServerId) {
        let received = std::mem::take(&mut self.received);
        for ((server, connector, client), mail) in received {
            merge_mail(&mut self.received, (new(server), connector, client), &mail);
        }
        let sent = std::mem::take(&mut self.sent);
        for ((server, connector, host), way) in sent {
            merge_way(&mut self.sent, (new(server), connector, host), &way);
        }
        let between = std::mem::take(&mut self.between);
        for ((server, host), way) in between {
            merge_way(&mut self.between, (new(server), host), &way);
        }
    }
}

impl Way {
    fn count(&mut self, size_bytes: i64, stay_ms: Option<i64>, weight: i64) {
        self.messages += weight;
        self.bytes += weight * size_bytes;
        if let Some(ms) = stay_ms.and_then(|ms| u64::try_from(ms).ok()) {
            self.stay.record(ms, weight);
        }
    }
}

fn merge_way<K: std::hash::Hash + Eq>(ways: &mut Map<K, Way>, key: K, more: &Way) {
    match ways.entry(key) {
        Slot::Occupied(mut way) => {
            let way = way.get_mut();
            way.messages += more.messages;
            way.bytes += more.bytes;
            way.stay.merge(&more.stay);
        }
        Slot::Vacant(way) => {
            way.insert(more.clone());
        }
    }
}
