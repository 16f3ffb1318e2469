//! Messages that a program of their host may have given back to it.
//!
//! In: what chunks noted of records. Out: pairs of records that may be one message's; what they say of its recipients decides.

use std::collections::{BTreeMap, BTreeSet};

use super::{Map, Resolved, all, names};
use crate::dialect::foreign::hop::Hops;
use crate::time::{SECOND, Time};

/// What a program gave back is taken over no later behind the line that the program was done.
const LATE: i64 = 5 * SECOND;

/// What happens to a record, in the order in which it counts within a second.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    /// The host took over what a program will get.
    Taken,
    /// The host took something from itself.
    Again,
    /// The program was done with it long enough ago.
    Done,
}

/// When it happened, and to which record.
type Moment = (Time, What, u64);

/// A program of a host may give a message back to it: what the host took from itself, under the same Message-ID, while
/// exactly one message was being given to a program, or to one after the other. Whether the program was a filter, its
/// recipients tell.
pub(super) fn resolve(hops: &[Hops], resolved: &mut Resolved) {
    if hops.iter().all(|h| h.piped.is_empty()) {
        return;
    }
    let own = names(hops, resolved);
    let mut done: Map<Time> = Map::default();
    for piped in all(hops, |h| &h.piped) {
        let last = done.entry(resolved.life(piped.key, piped.time));
        let last = last.or_insert(piped.time);
        *last = piped.time.max(*last);
    }
    // By Message-ID and host.
    let mut seen: BTreeMap<(u64, u64), Vec<Moment>> = BTreeMap::new();
    for birth in all(hops, |h| &h.births) {
        let life = resolved.life(birth.key, birth.time);
        let Some(id) = own.get(&life) else {
            continue;
        };
        let piped = done.get(&life);
        if birth.from != 0 && piped.is_none() {
            continue;
        }
        let seen = seen.entry((*id, birth.host)).or_default();
        let done = piped.map(|last| Time(last.0.saturating_add(LATE)));
        // What is said of its beginning later is no beginning.
        if let Some(done) = done.filter(|done| birth.time <= *done) {
            seen.extend([(birth.time, What::Taken, life), (done, What::Done, life)]);
        }
        if birth.from == 0 {
            seen.push((birth.time, What::Again, life));
        }
    }
    for mut seen in seen.into_values() {
        seen.sort_unstable();
        let mut with_program: BTreeSet<u64> = BTreeSet::new();
        // The first record of what came back before.
        let mut begun_as: BTreeMap<u64, u64> = BTreeMap::new();
        for (_, what, life) in seen {
            match what {
                What::Taken => _ = with_program.insert(life),
                What::Done => _ = with_program.remove(&life),
                What::Again => {
                    let others = with_program.iter().filter(|other| **other != life);
                    let begun = others.map(|other| *begun_as.get(other).unwrap_or(other));
                    let mut begun = begun.collect::<BTreeSet<u64>>().into_iter();
                    if let (Some(one), None) = (begun.next(), begun.next()) {
                        resolved.pairs.push((one, life));
                        begun_as.insert(life, one);
                    }
                }
            }
        }
    }
}
