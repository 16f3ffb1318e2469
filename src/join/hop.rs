//! Records of one message on several hosts find each other.
//!
//! In: what all chunks said about records of other hosts. Out: [`Resolved`]: pairs of keys that are of one message,
//! which addresses are which host, which queue ids were used again. A receiver's reply names the queue id it gave; that id
//! is looked for among all records, whichever file they stand in. Where several hosts have it, the receiver's address
//! decides; where that is not known, nothing is picked.

use std::collections::{BTreeMap, BTreeSet};

use bstr::BString;
use hashbrown::{HashMap, HashSet};

use crate::dialect::foreign::hop::{Birth, Claim, Hops, NamedAs};
use crate::time::{DAY, HOUR, SECOND, Time};

/// A Message-ID links only records whose times are this near: hosts hand over within seconds, clocks differ.
const NEAR: i64 = 10 * 60 * SECOND;
/// A record is older than the reply that names it by this much at most, and younger by zones not yet known.
const OLDEST: i64 = 14 * DAY;
const YOUNGEST: i64 = 26 * HOUR;
/// Records of one id on one host that are farther apart are two: the id was used again.
const REUSED_AFTER: i64 = 5 * SECOND;

type Map<V> = HashMap<u64, V, foldhash::fast::RandomState>;

/// What was found out.
#[derive(Debug, Default)]
pub struct Resolved {
    /// Keys of one message.
    pub pairs: Vec<(u64, u64)>,
    /// Keys used again: when each later use began, and the key it goes by.
    pub reused: Map<Vec<(Time, u64)>>,
    /// Address or name, as logged, and the host it is.
    pub aliases: BTreeMap<BString, BString>,
    /// Hand-overs that several records would fit.
    pub ambiguous: u64,
    /// Lines about refusals of which the client's own log tells, too: the message is counted there.
    pub told_by_client: HashSet<u64, foldhash::fast::RandomState>,
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

/// Brings together what all chunks said; `given` are addresses and names of hosts known beforehand.
pub fn resolve(hops: &Hops, given: &[(u64, u64)]) -> Resolved {
    let mut resolved = Resolved {
        reused: reused(&hops.births),
        ..Resolved::default()
    };
    let births = claimed(hops);
    let mut hosts: Map<u64> = given.iter().copied().collect();
    learn(hops, &births, &mut hosts);
    resolved.aliases = aliases(hops, &hosts);
    let mut open: Vec<&Claim> = Vec::new();
    let mut reached: HashSet<u64> = HashSet::new();
    for claim in &hops.claims {
        match pick(claim, &births, &hosts) {
            Pick::One(birth) => {
                let key = resolved.life(birth.key, birth.time);
                reached.insert(key);
                resolved
                    .pairs
                    .push((resolved.life(claim.key, claim.time), key));
            }
            Pick::Several => resolved.ambiguous += 1,
            Pick::None => open.push(claim),
        }
    }
    by_message_id(hops, &open, &hosts, &reached, &mut resolved);
    resolved.told_by_client = told_by_client(hops, &hosts);
    resolved.pairs.extend(&hops.ties);
    to_exchange(hops, &mut resolved);
    resolved
}

/// Later uses of keys, each under a key of its own.
fn reused(births: &[Birth]) -> Map<Vec<(Time, u64)>> {
    let mut short: Vec<(u64, Time)> = births
        .iter()
        .filter(|birth| birth.may_be_reused)
        .map(|birth| (birth.key, birth.time))
        .collect();
    short.sort_unstable();
    let mut reused: Map<Vec<(Time, u64)>> = Map::default();
    for pair in short.windows(2) {
        let ((key, before), (same, time)) = (pair[0], pair[1]);
        if key == same && time.0 - before.0 > REUSED_AFTER {
            let later = reused.entry(key).or_default();
            let turn = later.len() as u64 + 1;
            later.push((
                time,
                key.wrapping_add(turn.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
            ));
        }
    }
    reused
}

/// Births of ids that some reply names, by id.
fn claimed(hops: &Hops) -> Vec<Birth> {
    let wanted: HashSet<u64, foldhash::fast::RandomState> = hops
        .claims
        .iter()
        .map(|claim| claim.id)
        .filter(|id| *id != 0)
        .collect();
    let mut births: Vec<Birth> = hops
        .births
        .iter()
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
    Several,
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
    let mut found: Option<&Birth> = None;
    for birth in candidates(claim, births) {
        if receiver.is_some_and(|host| host != birth.host) {
            continue;
        }
        found = match found {
            // Of several uses of one id on one host the last before the reply.
            Some(known) if known.host == birth.host => {
                let before = birth.time.0 <= claim.time.0 + SECOND;
                Some(if before { birth } else { known })
            }
            Some(_) => return Pick::Several,
            None => Some(birth),
        };
    }
    found.map_or(Pick::None, Pick::One)
}

/// Which address is which host, from replies that only one record fits: all of an address must agree.
fn learn(hops: &Hops, births: &[Birth], hosts: &mut Map<u64>) {
    let mut votes: Map<Option<u64>> = Map::default();
    for claim in hops
        .claims
        .iter()
        .filter(|c| c.peer != 0 && c.peer != Claim::ANYBODY)
    {
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

/// Refusals whose client is a host whose log covers that time.
fn told_by_client(hops: &Hops, hosts: &Map<u64>) -> HashSet<u64, foldhash::fast::RandomState> {
    if hops.refusals.is_empty() {
        return HashSet::default();
    }
    let mut spans: Map<(Time, Time)> = Map::default();
    let births = hops.births.iter().map(|birth| (birth.host, birth.time));
    let claims = hops.claims.iter().map(|claim| (claim.host, claim.time));
    for (host, time) in births.chain(claims) {
        let (first, last) = spans.entry(host).or_insert((time, time));
        (*first, *last) = ((*first).min(time), (*last).max(time));
    }
    let covered = |host: &u64, time: Time| {
        let span = spans.get(host);
        span.is_some_and(|(first, last)| (first.0 - NEAR..=last.0 + NEAR).contains(&time.0))
    };
    let told = hops.refusals.iter().filter(|refusal| {
        let host = hosts.get(&refusal.from);
        host.is_some_and(|host| covered(host, refusal.time))
    });
    told.map(|refusal| refusal.key).collect()
}

fn aliases(hops: &Hops, hosts: &Map<u64>) -> BTreeMap<BString, BString> {
    let names: Map<&BString> = hops.names.iter().map(|(key, name)| (*key, name)).collect();
    let mut aliases = BTreeMap::new();
    for (address, host) in hosts {
        if let (Some(address), Some(host)) = (names.get(address), names.get(host)) {
            aliases.insert((*address).clone(), (*host).clone());
        }
    }
    aliases
}

/// Hand-overs whose reply names nothing that was found: the one record with the same Message-ID on the host it went to,
/// at that time, that no other hand-over leads to.
fn by_message_id(
    hops: &Hops,
    open: &[&Claim],
    hosts: &Map<u64>,
    reached: &HashSet<u64>,
    resolved: &mut Resolved,
) {
    let read: HashSet<u64> = hops.named.iter().map(|named| named.host).collect();
    let receiver = |claim: &Claim| match claim.peer {
        0 => Some(claim.host),
        // Exchange Online goes by its own name.
        peer if read.contains(&peer) => Some(peer),
        peer => hosts.get(&peer).copied(),
    };
    let open: Vec<(&Claim, u64)> = open
        .iter()
        .filter_map(|claim| Some((*claim, receiver(claim).filter(|host| read.contains(host))?)))
        .collect();
    if open.is_empty() {
        return;
    }
    let mut by_id: Vec<&NamedAs> = hops.named.iter().collect();
    by_id.sort_unstable_by_key(|named| (named.message_id, named.host, named.time, named.key));
    let own: Map<u64> = hops
        .named
        .iter()
        .map(|named| (named.key, named.message_id))
        .collect();
    let mut pairs = BTreeSet::new();
    for (claim, host) in open {
        let Some(id) = own.get(&claim.key) else {
            continue;
        };
        let from = by_id.partition_point(|named| (named.message_id, named.host) < (*id, host));
        let mut fitting: Vec<u64> = by_id[from..]
            .iter()
            .take_while(|named| (named.message_id, named.host) == (*id, host))
            .filter(|named| (named.time.0 - claim.time.0).abs() <= NEAR)
            .map(|named| resolved.life(named.key, named.time))
            .filter(|key| *key != claim.key && !reached.contains(key))
            .collect();
        fitting.dedup();
        match fitting.as_slice() {
            [] => {}
            [one] => _ = pairs.insert((resolved.life(claim.key, claim.time), *one)),
            _ => resolved.ambiguous += 1,
        }
    }
    resolved.pairs.extend(pairs);
}

/// Exchange names its copy by internal id and host.
fn to_exchange(hops: &Hops, resolved: &mut Resolved) {
    if hops.to_exchange.is_empty() || hops.exchange_copies.is_empty() {
        return;
    }
    let wanted: HashSet<u64> = hops.to_exchange.iter().map(|(_, copy)| *copy).collect();
    let mut messages: Map<Option<u64>> = Map::default();
    for (message, copy) in &hops.exchange_copies {
        if wanted.contains(copy) {
            let known = messages.entry(*copy).or_insert(Some(*message));
            *known = known.filter(|known| known == message);
        }
    }
    for (key, copy) in &hops.to_exchange {
        if let Some(Some(message)) = messages.get(copy) {
            resolved.pairs.push((*key, *message));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn birth(host: u64, id: u64, seconds: i64) -> Birth {
        Birth {
            key: host * 1000 + id,
            id,
            host,
            time: Time(seconds * SECOND),
            from: 0,
            may_be_reused: true,
        }
    }

    fn claim(host: u64, own: u64, id: u64, peer: u64, seconds: i64) -> Claim {
        Claim {
            key: host * 1000 + own,
            id,
            host,
            peer,
            time: Time(seconds * SECOND),
        }
    }

    #[test]
    fn an_address_is_learnt_and_decides_where_ids_collide() {
        let hops = Hops {
            births: vec![birth(2, 7, 10), birth(2, 8, 20), birth(3, 8, 20)],
            claims: vec![claim(1, 1, 7, 90, 10), claim(1, 2, 8, 90, 20)],
            ..Hops::default()
        };
        let found = resolve(&hops, &[]);
        assert_eq!(found.pairs, [(1001, 2007), (1002, 2008)]);
        assert_eq!(found.ambiguous, 0);
    }

    #[test]
    fn several_hosts_with_the_id_are_not_chosen_from() {
        let hops = Hops {
            births: vec![birth(2, 8, 20), birth(3, 8, 20)],
            claims: vec![claim(1, 2, 8, 90, 20)],
            ..Hops::default()
        };
        let found = resolve(&hops, &[]);
        assert!(found.pairs.is_empty());
        assert_eq!(found.ambiguous, 1);
        assert_eq!(resolve(&hops, &[(90, 3)]).pairs, [(1002, 3008)]);
    }

    #[test]
    fn an_id_used_again_is_another_record() {
        let hops = Hops {
            births: vec![birth(2, 8, 20), birth(2, 8, 4000)],
            claims: vec![claim(1, 1, 8, 90, 20), claim(1, 2, 8, 90, 4000)],
            ..Hops::default()
        };
        let found = resolve(&hops, &[]);
        let second = found.life(2008, Time(4001 * SECOND));
        assert_ne!(second, 2008);
        assert_eq!(found.life(2008, Time(3999 * SECOND)), 2008);
        assert_eq!(found.pairs, [(1001, 2008), (1002, second)]);
    }

    #[test]
    fn message_ids_link_only_where_one_record_fits() {
        let named = |host: u64, id: u64, seconds: i64| NamedAs {
            key: host * 1000 + id,
            message_id: 5,
            host,
            time: Time(seconds * SECOND),
        };
        let mut hops = Hops {
            claims: vec![claim(1, 1, 0, 90, 20)],
            named: vec![named(1, 1, 19), named(2, 8, 20), named(2, 9, 5000)],
            ..Hops::default()
        };
        assert_eq!(resolve(&hops, &[(90, 2)]).pairs, [(1001, 2008)]);
        hops.named.push(named(2, 4, 21));
        let found = resolve(&hops, &[(90, 2)]);
        assert!(found.pairs.is_empty());
        assert_eq!(found.ambiguous, 1);
    }
}
