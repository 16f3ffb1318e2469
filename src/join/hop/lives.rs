//! Queue ids that are used again: each use is a record of its own.
//!
//! In: what all chunks said. Out: the later uses of keys. Short ids of Postfix carry no time and come again. A use begins
//! when the host takes a message over; what the host made itself, a forward or a report, has no client and begins with
//! its Message-ID.

use crate::dialect::foreign::hop::Hops;
use crate::time::{HOUR, SECOND, Time};

use super::{Map, all};

/// Two lines that begin a use are of one if they are no farther apart: a log may be there in several forms.
const SAME_WITHIN: i64 = 5 * SECOND;

/// A client names its message no later than this behind its first recipient.
const NAMED_WITHIN: i64 = HOUR;

/// Later uses of keys, each under a key of its own.
pub(super) fn reused(hops: &[Hops]) -> Map<Vec<(Time, u64)>> {
    let births = all(hops, |h| &h.births).filter(|birth| birth.may_be_reused);
    let births = births.map(|birth| (birth.key, birth.time, false));
    let named = all(hops, |h| &h.named).filter(|named| named.may_be_reused);
    let named = named.map(|named| (named.key, named.time, true));
    let mut begun: Vec<(u64, Time, bool)> = births.chain(named).collect();
    begun.sort_unstable();
    let mut reused: Map<Vec<(Time, u64)>> = Map::default();
    for lines in begun.chunk_by(|a, b| a.0 == b.0) {
        // When the use at hand was taken over, or began without that, and when it was named.
        let (mut taken, mut named) = (lines[0].1, None);
        for &(key, time, is_name) in lines {
            let begins_anew = match (is_name, named) {
                (false, _) => time.0 - taken.0 > SAME_WITHIN,
                (true, Some(Time(named))) => time.0 - named > SAME_WITHIN,
                (true, None) => time.0 - taken.0 > NAMED_WITHIN,
            };
            if begins_anew {
                let later = reused.entry(key).or_default();
                let turn = later.len() as u64 + 1;
                later.push((
                    time,
                    key.wrapping_add(turn.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
                ));
                named = None;
            }
            if is_name {
                named = Some(time);
            }
            if begins_anew || !is_name {
                taken = time;
            }
        }
    }
    reused
}
