//! Records of one message on several hosts find each other.
//!
//! In: what all chunks said about records of other hosts. Out: [`Resolved`]: pairs of keys that are of one message,
//! which addresses are which host, which queue ids were used again. A receiver's reply names the queue id it gave; that id
//! is looked for among all records, whichever file they stand in. Where several hosts have it, the receiver's address
//! decides; where that is not known, nothing is picked.

mod lives;
mod piped;
mod rulings;

use std::collections::{BTreeMap, BTreeSet};

use bstr::BString;
use hashbrown::{HashMap, HashSet};

use crate::address::short_host;
use crate::dialect::foreign::hop::{At, Birth, Claim, Hops, NamedAs};
use crate::time::{DAY, HOUR, SECOND, Time};

/// A Message-ID links only records whose times are this near: hosts hand over within seconds, clocks differ.
const NEAR: i64 = 10 * 60 * SECOND;
/// A record is older than the reply that names it by this much at most, and younger by zones not yet known.
const OLDEST: i64 = 14 * DAY;
const YOUNGEST: i64 = 26 * HOUR;

/// Zones differ by whole quarters of an hour.
const QUARTER: i64 = 15 * 60 * SECOND;
/// The clock of a host may be ahead of another's by this.
const AHEAD: i64 = 10 * SECOND;

type Map<V> = HashMap<u64, V, foldhash::fast::RandomState>;

/// Rows that tell of a hand-over, with the rows of all records that it may have led to.
pub type Ambiguous = BTreeMap<At, Vec<At>>;

/// What was found out.
#[derive(Debug, Default)]
pub struct Resolved {
    /// Keys of one message.
    pub pairs: Vec<(u64, u64)>,
    /// Keys used again: when each later use began, and the key it goes by.
    pub reused: Map<Vec<(Time, u64)>>,
    /// Address or name, as logged, and the host it is.
    pub aliases: BTreeMap<BString, BString>,
    /// Receivers that share the first part of their name with a host whose log was read, and are others.
    pub strangers: BTreeSet<BString>,
    /// Hand-overs that several records would fit: where each is told, and where those records are.
    pub ambiguous: Ambiguous,
    /// Reports and what they are about.
    pub reports: Vec<Reported>,
    /// Lines of no message: about refusals of which the client's own log tells, too, so that the message is counted
    /// there; about what a client meant to give and did not.
    pub told_by_client: HashSet<u64, foldhash::fast::RandomState>,
}

/// A report: the line that tells of it, and where its Message-ID and that of the message it is about are logged.
#[derive(Clone, Copy, Debug)]
pub struct Reported {
    pub at: At,
    /// The line is about the report's own record, and names the other one beside it.
    pub is_own: bool,
    pub own: Option<At>,
    pub about: Option<At>,
}

impl Resolved {
    /// The key of a record at a time: ids are used again.
    pub fn life(&self, key: u64, time: Time) -> u64 {
        let Some(later) = self.reused.get(&key) else {
            return key;
        };
        let at = later.partition_point(|(since, _)| *since <= time);
        if at == 0 { key } else { later[at - 1].1 }
    }
}

/// One kind of what all chunks said.
fn all<'h, T: 'h>(
    hops: &'h [Hops],
    kind: fn(&Hops) -> &Vec<T>,
) -> impl Iterator<Item = &'h T> + Clone {
    hops.iter().flat_map(kind)
}

/// Brings together what all chunks said; `given` are addresses and names of hosts known beforehand.
pub fn resolve(hops: &[Hops], given: &[(u64, u64)]) -> Resolved {
    let mut resolved = Resolved {
        reused: lives::reused(hops),
        ..Resolved::default()
    };
    let births = claimed(hops);
    let mut hosts: Map<u64> = given.iter().copied().collect();
    learn(hops, &births, &mut hosts);
    resolved.aliases = aliases(hops, &hosts);
    resolved.strangers = strangers(hops, &hosts);
    let mut open: Vec<&Claim> = Vec::new();
    let mut reached: HashSet<u64> = HashSet::new();
    for claim in all(hops, |h| &h.claims) {
        match pick(claim, &births, &hosts) {
            Pick::One(birth) => {
                let key = resolved.life(birth.key, birth.time);
                reached.insert(key);
                resolved
                    .pairs
                    .push((resolved.life(claim.key, claim.time), key));
            }
            Pick::Several(fitting) => _ = resolved.ambiguous.insert(claim.at, fitting),
            Pick::None => open.push(claim),
        }
    }
    by_message_id(hops, &open, &hosts, &reached, &mut resolved);
    from_online(hops, &mut resolved);
    piped::resolve(hops, &mut resolved);
    resolved.reports = reports(hops, &resolved);
    resolved.told_by_client = told_by_client(hops, &hosts);
    rulings::place(hops, &mut resolved);
    for tie in all(hops, |h| &h.ties) {
        let [one, other] = [tie.0, tie.2].map(|key| resolved.life(key, tie.1));
        resolved.pairs.push((one, other));
    }
    to_exchange(hops, &mut resolved);
    resolved
}

/// Births of ids that some reply names, by id.
fn claimed(hops: &[Hops]) -> Vec<Birth> {
    let mut wanted: HashSet<u64, foldhash::fast::RandomState> = HashSet::default();
    wanted.reserve(hops.iter().map(|h| h.claims.len()).sum());
    let ids = all(hops, |h| &h.claims).map(|claim| claim.id);
    wanted.extend(ids.filter(|id| *id != 0));
    let mut births: Vec<Birth> = all(hops, |h| &h.births)
        .filter(|birth| wanted.contains(&birth.id))
        .copied()
        .collect();
    births.sort_unstable_by_key(|birth| (birth.id, birth.host, birth.time, birth.key));
    births.dedup_by_key(|birth| (birth.id, birth.host, birth.time));
    births
}

/// Which record a reply names.
enum Pick<'b> {
    One(&'b Birth),
    Several(Vec<At>),
    None,
}

/// All records of the id that a claim names, that fit its time.
fn candidates<'b>(claim: &Claim, births: &'b [Birth]) -> impl Iterator<Item = &'b Birth> {
    let id = claim.id;
    let from = births.partition_point(|birth| birth.id < id);
    let (key, time) = (claim.key, claim.time.0);
    births[from..]
        .iter()
        .take_while(move |birth| birth.id == id)
        .filter(move |birth| {
            id != 0 && birth.key != key && (time - OLDEST..=time + YOUNGEST).contains(&birth.time.0)
        })
}

fn pick<'b>(claim: &Claim, births: &'b [Birth], hosts: &Map<u64>) -> Pick<'b> {
    let receiver = match claim.peer {
        0 => Some(claim.host),
        peer => hosts.get(&peer).copied(),
    };
    let mut found: Vec<&Birth> = Vec::new();
    for birth in candidates(claim, births) {
        if receiver.is_some_and(|host| host != birth.host) {
            continue;
        }
        match found.iter_mut().find(|known| known.host == birth.host) {
            // Of several uses of one id on one host the last before the reply.
            Some(known) if birth.time.0 <= claim.time.0 + SECOND => *known = birth,
            Some(_) => {}
            None => found.push(birth),
        }
    }
    match found.as_slice() {
        [] => Pick::None,
        [one] => Pick::One(one),
        several => Pick::Several(in_order(several.iter().map(|birth| birth.at))),
    }
}

/// Keys have another order in every run; places have not.
fn in_order(fitting: impl Iterator<Item = At>) -> Vec<At> {
    let mut fitting: Vec<At> = fitting.collect();
    fitting.sort_unstable();
    fitting
}

/// Which address is which host, from replies that only one record fits: all of an address must agree.
fn learn(hops: &[Hops], births: &[Birth], hosts: &mut Map<u64>) {
    let mut votes: Map<Option<u64>> = Map::default();
    let tells = |claim: &&Claim| ![0, Claim::ANYBODY].contains(&claim.peer) && claim.host != 0;
    for claim in all(hops, |h| &h.claims).filter(tells) {
        let mut fitting = candidates(claim, births);
        let Some(first) = fitting.next() else {
            continue;
        };
        if fitting.all(|birth| birth.host == first.host) {
            let sides = [(claim.peer, first.host), (first.from, claim.host)];
            for (address, host) in sides.into_iter().filter(|(address, _)| *address != 0) {
                let vote = votes.entry(address).or_insert(Some(host));
                *vote = vote.filter(|known| *known == host);
            }
        }
    }
    for (peer, host) in votes {
        if let Some(host) = host {
            hosts.entry(peer).or_insert(host);
        }
    }
}

/// By how much the stamps of chunks are behind the true time, told by hand-overs to and from others: `is_guessed` says of
/// which chunks the clock is not known. Zones are whole quarters of an hour, and of a chunk most must agree.
pub fn clock_shifts(hops: &[Hops], is_guessed: impl Fn(u32) -> bool) -> BTreeMap<u32, i64> {
    let mut by_id: Map<Option<&Birth>> = Map::default();
    for birth in all(hops, |h| &h.births) {
        let known = by_id.entry(birth.id).or_insert(Some(birth));
        *known = known.filter(|known| known.key == birth.key);
    }
    let mut votes: BTreeMap<u32, BTreeMap<i64, usize>> = BTreeMap::new();
    for claim in all(hops, |h| &h.claims).filter(|claim| claim.id != 0) {
        let Some(Some(birth)) = by_id.get(&claim.id) else {
            continue;
        };
        // The receiver replied within minutes, and clocks that are kept differ by seconds.
        let late = claim.time.0 - birth.time.0 + AHEAD;
        let (chunk, shift) = match (is_guessed(claim.at.chunk), is_guessed(birth.at.chunk)) {
            (true, false) => (claim.at.chunk, -(late.div_euclid(QUARTER) * QUARTER)),
            (false, true) => (birth.at.chunk, late.div_euclid(QUARTER) * QUARTER),
            _ => continue,
        };
        if late.rem_euclid(QUARTER) <= NEAR {
            *votes.entry(chunk).or_default().entry(shift).or_default() += 1;
        }
    }
    let most = |(chunk, votes): (u32, BTreeMap<i64, usize>)| {
        let all: usize = votes.values().sum();
        let agreed = votes.into_iter().find(|(_, count)| 2 * count > all);
        agreed.map(|(shift, _)| (chunk, shift))
    };
    votes.into_iter().filter_map(most).collect()
}

/// Where the Message-IDs of reports and of what they are about are logged.
fn reports(hops: &[Hops], resolved: &Resolved) -> Vec<Reported> {
    if hops.iter().all(|h| h.reports.is_empty()) {
        return Vec::new();
    }
    let mut named: Map<At> = Map::default();
    for name in all(hops, |h| &h.named) {
        let first = named
            .entry(resolved.life(name.key, name.time))
            .or_insert(name.at);
        *first = name.at.min(*first);
    }
    let told = all(hops, |h| &h.reports).map(|report| {
        let name = |key| named.get(&resolved.life(key, report.time)).copied();
        Reported {
            at: report.at,
            is_own: report.is_own,
            own: name(report.own),
            about: name(report.about),
        }
    });
    told.collect()
}

/// Refusals whose client is a host whose log covers that time.
fn told_by_client(hops: &[Hops], hosts: &Map<u64>) -> HashSet<u64, foldhash::fast::RandomState> {
    if hops.iter().all(|h| h.refusals.is_empty()) {
        return HashSet::default();
    }
    let mut spans: Map<(Time, Time)> = Map::default();
    let births = all(hops, |h| &h.births).map(|birth| (birth.host, birth.time));
    let claims = all(hops, |h| &h.claims).map(|claim| (claim.host, claim.time));
    for (host, time) in births.chain(claims) {
        let (first, last) = spans.entry(host).or_insert((time, time));
        (*first, *last) = ((*first).min(time), (*last).max(time));
    }
    let covered = |host: &u64, time: Time| {
        let span = spans.get(host);
        span.is_some_and(|(first, last)| (first.0 - NEAR..=last.0 + NEAR).contains(&time.0))
    };
    let told = all(hops, |h| &h.refusals).filter(|refusal| {
        let host = hosts.get(&refusal.from);
        host.is_some_and(|host| covered(host, refusal.time))
    });
    told.map(|refusal| refusal.key).collect()
}

fn aliases(hops: &[Hops], hosts: &Map<u64>) -> BTreeMap<BString, BString> {
    let names: Map<&BString> = all(hops, |h| &h.names)
        .map(|(key, name)| (*key, name))
        .collect();
    let mut aliases = BTreeMap::new();
    for (address, host) in hosts {
        if let (Some(address), Some(host)) = (names.get(address), names.get(host)) {
            aliases.insert((*address).clone(), (*host).clone());
        }
    }
    aliases
}

/// Names that are no host's of which a log was read, although their first part is its: the host handed mail to that
/// name's address itself, or is proven to have other addresses.
fn strangers(hops: &[Hops], hosts: &Map<u64>) -> BTreeSet<BString> {
    let read: HashSet<u64> = all(hops, |h| &h.births).map(|birth| birth.host).collect();
    let proven: HashSet<u64> = hosts.values().copied().collect();
    let short = |name: &BString| short_host(name).to_ascii_lowercase();
    let own = all(hops, |h| &h.names).filter(|(key, _)| read.contains(key));
    let own: HashMap<Vec<u8>, u64> = own.map(|(key, name)| (short(name), *key)).collect();
    let (mut strangers, mut known) = (BTreeSet::new(), BTreeSet::new());
    for called in all(hops, |h| &h.called) {
        let name = || called.name.to_ascii_lowercase().into();
        if [called.address, called.key]
            .iter()
            .any(|key| hosts.contains_key(key))
        {
            known.insert(name());
        } else if let Some(host) = own.get(&short(&called.name))
            && (*host == called.by || proven.contains(host))
        {
            strangers.insert(name());
        }
    }
    &strangers - &known
}

/// Hand-overs whose reply names nothing that was found: the one record with the same Message-ID on the host it went to,
/// at that time, that no other hand-over leads to.
fn by_message_id(
    hops: &[Hops],
    open: &[&Claim],
    hosts: &Map<u64>,
    reached: &HashSet<u64>,
    resolved: &mut Resolved,
) {
    let read: HashSet<u64> = all(hops, |h| &h.named).map(|named| named.host).collect();
    let named = by_name(hops, &read);
    let receiver = |claim: &Claim| match claim.peer {
        0 => Some(claim.host),
        // Exchange Online goes by its own name.
        peer if read.contains(&peer) => Some(peer),
        peer => hosts.get(&peer).or_else(|| named.get(&peer)).copied(),
    };
    let open: Vec<(&Claim, u64)> = open
        .iter()
        .filter_map(|claim| Some((*claim, receiver(claim).filter(|host| read.contains(host))?)))
        .collect();
    if open.is_empty() {
        return;
    }
    let mut by_id: Vec<&NamedAs> = all(hops, |h| &h.named).collect();
    by_id.sort_unstable_by_key(|named| (named.message_id, named.host, named.time, named.key));
    let own = names(hops, resolved);
    let mut pairs = BTreeSet::new();
    for (claim, host) in open {
        let Some(id) = own.get(&resolved.life(claim.key, claim.time)) else {
            continue;
        };
        let from = by_id.partition_point(|named| (named.message_id, named.host) < (*id, host));
        let mut fitting: Vec<(u64, At)> = by_id[from..]
            .iter()
            .take_while(|named| (named.message_id, named.host) == (*id, host))
            .filter(|named| (named.time.0 - claim.time.0).abs() <= NEAR)
            .map(|named| (resolved.life(named.key, named.time), named.at))
            .filter(|(key, _)| {
                *key != resolved.life(claim.key, claim.time) && !reached.contains(key)
            })
            .collect();
        fitting.dedup_by_key(|(key, _)| *key);
        match fitting.as_slice() {
            [] => {}
            [(one, _)] => _ = pairs.insert((resolved.life(claim.key, claim.time), *one)),
            several => {
                let several = in_order(several.iter().map(|(_, at)| *at));
                resolved.ambiguous.insert(claim.at, several);
            }
        }
    }
    resolved.pairs.extend(pairs);
}

/// Names with a domain behind them, and the host of that name whose log was read.
fn by_name(hops: &[Hops], read: &HashSet<u64>) -> Map<u64> {
    let short = |name: &BString| short_host(name).to_ascii_lowercase();
    let names = || all(hops, |h| &h.names);
    let hosts = names().filter(|(key, _)| read.contains(key));
    let hosts: HashMap<Vec<u8>, u64> = hosts.map(|(key, name)| (short(name), *key)).collect();
    names()
        .filter_map(|(key, name)| Some((*key, *hosts.get(&short(name))?)))
        .collect()
}

/// What Exchange Online sent out: its traces name no receiver, but the receiver names it. The one trace with the record's
/// Message-ID that began before the record did.
fn from_online(hops: &[Hops], resolved: &mut Resolved) {
    if hops.iter().all(|h| h.from_online.is_empty()) {
        return;
    }
    let own = names(hops, resolved);
    let id = |key: u64, time| own.get(&resolved.life(key, time)).copied();
    let wanted: HashSet<u64> = (all(hops, |h| &h.from_online))
        .filter_map(|(key, time, _)| id(*key, *time))
        .collect();
    let mut traces: Map<Vec<&NamedAs>> = Map::default();
    for named in all(hops, |h| &h.named).filter(|named| wanted.contains(&named.message_id)) {
        traces.entry(named.message_id).or_default().push(named);
    }
    let mut pairs = Vec::new();
    for (key, time, online) in all(hops, |h| &h.from_online) {
        let named = id(*key, *time)
            .and_then(|id| traces.get(&id))
            .into_iter()
            .flatten();
        let mut fitting: Vec<u64> = named
            .filter(|named| named.host == *online)
            .filter(|named| (time.0 - OLDEST..=time.0 + YOUNGEST).contains(&named.time.0))
            .map(|named| named.key)
            .collect();
        fitting.sort_unstable();
        fitting.dedup();
        if let [one] = fitting.as_slice() {
            pairs.push((resolved.life(*key, *time), *one));
        }
    }
    resolved.pairs.extend(pairs);
}

/// The Message-ID of each record.
fn names(hops: &[Hops], resolved: &Resolved) -> Map<u64> {
    all(hops, |h| &h.named)
        .map(|named| (resolved.life(named.key, named.time), named.message_id))
        .collect()
}

/// Exchange names its copy by internal id and host.
fn to_exchange(hops: &[Hops], resolved: &mut Resolved) {
    let none = |of: fn(&Hops) -> bool| hops.iter().all(of);
    if none(|h| h.to_exchange.is_empty()) || none(|h| h.exchange_copies.is_empty()) {
        return;
    }
    let wanted: HashSet<u64> = all(hops, |h| &h.to_exchange)
        .map(|(_, _, copy)| *copy)
        .collect();
    let mut messages: Map<Option<u64>> = Map::default();
    for (message, copy) in all(hops, |h| &h.exchange_copies) {
        if wanted.contains(copy) {
            let known = messages.entry(*copy).or_insert(Some(*message));
            *known = known.filter(|known| known == message);
        }
    }
    for (key, time, copy) in all(hops, |h| &h.to_exchange) {
        let own = resolved.life(*key, *time);
        if let Some(Some(message)) = messages.get(copy)
            && *message != own
        {
            resolved.pairs.push((own, *message));
        }
    }
}

#[cfg(test)]
mod tests;
