//! Messages that a program of their host may have given back to it.
//!
//! In: what chunks noted of records. Out: pairs of records that may be one message's; what they say of its recipients decides.

use std::collections::BTreeSet;

use hashbrown::HashMap;

use super::{AHEAD, Map, Resolved, all, names};
use crate::dialect::foreign::hop::Hops;
use crate::time::Time;

/// A program gives a message back for each of a few recipients at most.
const MOST_AGAIN: usize = 8;

/// A program of a host may give a message back to it: what the host took from itself, under the same Message-ID, between
/// taking the message over and hearing that the program was done. Whether the program was a filter, its recipients tell.
pub(super) fn resolve(hops: &[Hops], resolved: &mut Resolved) {
    if hops.iter().all(|h| h.piped.is_empty()) {
        return;
    }
    let own = names(hops, resolved);
    let mut taken: Map<Time> = Map::default();
    // By Message-ID and host, in order of time: what the host took from itself.
    let mut again: HashMap<(u64, u64), Vec<(Time, u64)>> = HashMap::new();
    for birth in all(hops, |h| &h.births) {
        let life = resolved.life(birth.key, birth.time);
        let first = taken.entry(life).or_insert(birth.time);
        *first = birth.time.min(*first);
        if let Some(id) = own.get(&life).filter(|_| birth.from == 0) {
            (again.entry((*id, birth.host)).or_default()).push((birth.time, life));
        }
    }
    again.values_mut().for_each(|births| births.sort_unstable());
    let mut pairs = BTreeSet::new();
    for piped in all(hops, |h| &h.piped) {
        let life = resolved.life(piped.key, piped.time);
        let births = own.get(&life).and_then(|id| again.get(&(*id, piped.host)));
        let (Some(births), Some(first)) = (births, taken.get(&life)) else {
            continue;
        };
        let from = births.partition_point(|(time, _)| time < first);
        let within = |(time, _): &&(Time, u64)| time.0 <= piped.time.0 + AHEAD;
        let others = births[from..].iter().take_while(within);
        let others = others.filter(|(_, other)| *other != life);
        // Who sends the same many times at once leaves nothing to tell them apart by.
        let others: Vec<u64> = others.map(|(_, life)| *life).take(MOST_AGAIN + 1).collect();
        if others.len() <= MOST_AGAIN {
            pairs.extend(others.into_iter().map(|other| (life, other)));
        }
    }
    resolved.pairs.extend(pairs);
}
