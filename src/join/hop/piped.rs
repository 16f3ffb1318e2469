//! Messages that a program of their host may have given back to it.
//!
//! In: what chunks noted of records. Out: pairs of records that may be one message's; what they say of its recipients decides.

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashSet;

use super::{Map, Resolved, all, names};
use crate::dialect::foreign::hop::{Birth, Hops};
use crate::time::{SECOND, Time};

/// What a program gave back is taken over no later behind the line that the program was done.
const LATE: i64 = 5 * SECOND;
/// Where only what is given back tells that a program had the message: it had it for no longer.
const SCANNED: i64 = 10 * 60 * SECOND;

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
/// exactly one message was being given to a program, or to one after the other. Exim's lines do not tell a program from
/// a mailbox, but a program may tell that it gives something back. Whether it was a filter, the recipients tell.
pub(super) fn resolve(hops: &[Hops], resolved: &mut Resolved) {
    let given_back = || all(hops, |h| &h.births).filter(|birth| birth.given_back);
    if hops.iter().all(|h| h.piped.is_empty()) && given_back().next().is_none() {
        return;
    }
    let own = names(hops, resolved);
    let named = |birth: &Birth| {
        let life = resolved.life(birth.key, birth.time);
        Some((life, (*own.get(&life)?, birth.host)))
    };
    let told: HashSet<(u64, u64)> = given_back().filter_map(|b| Some(named(b)?.1)).collect();
    let mut done: Map<Time> = Map::default();
    for piped in all(hops, |h| &h.piped) {
        let last = done.entry(resolved.life(piped.key, piped.time));
        let last = last.or_insert(piped.time);
        *last = piped.time.max(*last);
    }
    // By Message-ID and host.
    let mut seen: BTreeMap<(u64, u64), Vec<Moment>> = BTreeMap::new();
    for birth in all(hops, |h| &h.births) {
        let Some((life, of)) = named(birth) else {
            continue;
        };
        let is_told = told.contains(&of);
        let done = match done.get(&life) {
            _ if is_told => Some(birth.time.0.saturating_add(SCANNED)),
            piped => piped.map(|last| last.0.saturating_add(LATE)),
        };
        if birth.from != 0 && done.is_none() {
            continue;
        }
        let seen = seen.entry(of).or_default();
        // What is said of its beginning later is no beginning.
        if let Some(done) = done.map(Time).filter(|done| birth.time <= *done) {
            seen.extend([(birth.time, What::Taken, life), (done, What::Done, life)]);
        }
        if birth.given_back || birth.from == 0 && !is_told {
            seen.push((birth.time, What::Again, life));
        }
    }
    // From which record each came, by what was found out before and here.
    let pairs = resolved.pairs.iter().map(|(one, next)| (*next, *one));
    let mut came_from: Map<u64> = pairs.collect();
    for mut seen in seen.into_values() {
        seen.sort_unstable();
        // Records that programs have, by the first of their message.
        let mut with_program: BTreeMap<u64, BTreeSet<u64>> = BTreeMap::new();
        for (_, what, life) in seen {
            let begun = first(life, &came_from);
            match what {
                What::Taken => _ = with_program.entry(begun).or_default().insert(life),
                What::Done => _ = take_out(life, begun, &mut with_program),
                What::Again => {
                    let is_own = take_out(life, begun, &mut with_program);
                    let one = with_program
                        .keys()
                        .next()
                        .filter(|_| with_program.len() == 1);
                    let one = one.copied();
                    if let Some(one) = one.filter(|one| *one != begun) {
                        resolved.pairs.push((one, life));
                        came_from.insert(life, one);
                    }
                    if is_own {
                        let begun = one.unwrap_or(begun);
                        with_program.entry(begun).or_default().insert(life);
                    }
                }
            }
        }
    }
}

/// Takes a record from among those of its message that programs have; says whether it was there.
fn take_out(life: u64, begun: u64, with_program: &mut BTreeMap<u64, BTreeSet<u64>>) -> bool {
    let Some(lives) = with_program.get_mut(&begun) else {
        return false;
    };
    let was_there = lives.remove(&life);
    if lives.is_empty() {
        with_program.remove(&begun);
    }
    was_there
}

/// So many records of one message stand behind each other at most; circles end here.
const LINKS: usize = 64;

/// The first of the records from which one came.
fn first(life: u64, came_from: &Map<u64>) -> u64 {
    let back = std::iter::successors(Some(life), |life| came_from.get(life).copied());
    back.take(LINKS).last().unwrap_or(life)
}
