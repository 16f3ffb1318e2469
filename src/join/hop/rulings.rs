//! What lines without a queue id said of messages: rules on the envelope, clients that broke off.
//!
//! In: what all chunks said. Out: each ruling tied to the record it was about: the next one that the same process takes over
//! from the same client, or the last one. One about a message that never came is of no message.

use hashbrown::HashMap;

use super::{Resolved, all};
use crate::dialect::foreign::hop::{At, Birth, Hops, Ruling};
use crate::time::{HOUR, SECOND, Time};

/// A client gives its message this soon behind the ruling about it, or not at all.
const GIVEN_WITHIN: i64 = 10 * 60 * SECOND;

/// A client that breaks off began to give its message no longer ago.
const GIVEN_FOR: i64 = HOUR;

/// File and first byte of each chunk.
type Begins = HashMap<u32, (u32, u64)>;

/// Puts rulings to the records that they were about.
pub(super) fn place(hops: &[Hops], resolved: &mut Resolved) {
    if hops.iter().all(|h| h.rulings.is_empty()) {
        return;
    }
    let begins: Begins = all(hops, |h| &h.begins).copied().collect();
    let mut births: Vec<&Birth> = all(hops, |h| &h.births)
        .filter(|birth| birth.process != 0)
        .collect();
    births.sort_unstable_by_key(|birth| (birth.host, birth.process, birth.time, birth.at));
    for ruling in all(hops, |h| &h.rulings) {
        let of = if ruling.is_behind { last } else { next };
        match of(ruling, &births, &begins) {
            Some(birth) => {
                let key = resolved.life(birth.key, birth.time);
                resolved.pairs.push((ruling.key, key));
            }
            None => _ = resolved.told_by_client.insert(ruling.key),
        }
    }
}

/// Where a line stands in its file, wherever that is cut.
fn spot(at: &At, begins: &Begins) -> (u32, u64) {
    let (file, start) = begins.get(&at.chunk).copied().unwrap_or((at.chunk, 0));
    (file, start + u64::from(at.offset))
}

/// The record that the process made last, if it is of the client that the ruling names.
fn last<'b>(ruling: &Ruling, births: &[&'b Birth], begins: &Begins) -> Option<&'b Birth> {
    let of = |birth: &Birth, time| (birth.host, birth.process, birth.time) < time;
    let since = |time| (ruling.host, ruling.process, Time(time));
    let from = births.partition_point(|b| of(b, since(ruling.time.0 - GIVEN_FOR)));
    let to = births.partition_point(|b| of(b, since(ruling.time.0 + 1)));
    let own = spot(&ruling.at, begins);
    let here = |birth: &Birth| spot(&birth.at, begins).0 == own.0;
    let before = births[from..to].iter().copied();
    let before = before.filter(|birth| !here(birth) || spot(&birth.at, begins) < own);
    let last = before.max_by_key(|birth| (birth.time, here(birth), spot(&birth.at, begins)));
    last.filter(|birth| birth.from == ruling.from)
}

/// The record that the process made next, if it is of the client that the ruling names.
fn next<'b>(ruling: &Ruling, births: &[&'b Birth], begins: &Begins) -> Option<&'b Birth> {
    let of = (ruling.host, ruling.process, ruling.time);
    let spot = |at: &At| spot(at, begins);
    let own = spot(&ruling.at);
    let here = |birth: &Birth| spot(&birth.at).0 == own.0;
    let from = births.partition_point(|b| (b.host, b.process, b.time) < of);
    let mut behind: Vec<&Birth> = (births[from..].iter().copied())
        .take_while(|birth| {
            (birth.host, birth.process) == (of.0, of.1)
                && birth.time.0 - ruling.time.0 <= GIVEN_WITHIN
        })
        .filter(|birth| !here(birth) || spot(&birth.at) > own)
        .collect();
    behind.sort_by_key(|birth| (birth.time, !here(birth), spot(&birth.at)));
    // Of several in one second in other files, none is known to be the next.
    let is_next = match behind[..] {
        [next, other, ..] => here(next) || next.time < other.time,
        _ => true,
    };
    let next = behind.into_iter().next().filter(|_| is_next);
    next.filter(|birth| birth.from == ruling.from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_before_in_another_piece_of_the_file_is_not_the_next() {
        let at = |chunk, offset| At {
            chunk,
            offset,
            line: 0,
        };
        let birth = |key, seconds: i64, at| Birth {
            key,
            id: key,
            host: 1,
            time: Time(seconds * SECOND),
            from: 5,
            process: 7,
            given_back: false,
            may_be_reused: false,
            at,
        };
        let ruling = Ruling {
            key: 90,
            host: 1,
            process: 7,
            from: 5,
            time: Time(20 * SECOND),
            at: at(2, 0),
            is_behind: false,
        };
        // Chunks are numbered by their times, which are the same here.
        let before = birth(50, 20, at(3, 900));
        let hops = |births| Hops {
            births,
            rulings: vec![ruling],
            begins: vec![(3, (0, 0)), (2, (0, 1000)), (1, (0, 2000))],
            ..Hops::default()
        };
        let paired = |births| {
            let mut resolved = Resolved::default();
            place(&[hops(births)], &mut resolved);
            resolved.pairs
        };
        assert_eq!(paired(vec![before]), []);
        let after = birth(60, 20, at(1, 0));
        assert_eq!(paired(vec![before, after]), [(90, 60)]);
    }
}
