//! Internal ids that run backwards.
//!
//! In: ids of new copies on each transport server, 2013 and later. Out: hours in which a server's ids are of an
//! older generation of its queue database than ids it had given before. The generation, the id's high half, advances about once
//! an hour (`formats/modern.md` section 4); a rebuilt database begins anew, and so do rows whose time was changed.

use std::collections::BTreeMap;

use crate::event::{Place, ServerId};
use crate::time::Time;

/// Ids may fall by this much from one hour to the next: a copy that was made a moment before the hour is logged a
/// moment after it, and two generations were seen open at once.
const SLACK: u64 = 2;

/// Lowest and highest generation of an hour, and where they stand first.
#[derive(Clone, Copy, Debug)]
struct Range {
    low: u64,
    high: (u64, Place),
    /// The hour's first row by place.
    first: Place,
}

/// Generations by server and hour.
#[derive(Default)]
pub struct Generations {
    hours: BTreeMap<(ServerId, i64), Range>,
    /// The hour that rows are of just now; they stay in one for long.
    open: Option<((ServerId, i64), Range)>,
}

/// Ids fell on one server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fall {
    pub server: ServerId,
    pub hour: i64,
    pub from: u64,
    pub to: u64,
    /// The last higher id before, and the first row of the hour with lower ones.
    pub before: Place,
    pub after: Place,
}

impl Range {
    fn merge(&mut self, other: Range) {
        self.low = self.low.min(other.low);
        // The higher; of equals the earlier in the files, so that the order of work does not show.
        let order = |(generation, place): (u64, Place)| (u64::MAX - generation, place);
        if order(other.high) < order(self.high) {
            self.high = other.high;
        }
        self.first = self.first.min(other.first);
    }
}

impl Generations {
    #[inline]
    pub fn add(&mut self, server: ServerId, time: Time, generation: u64, place: Place) {
        let key = (server, time.hour());
        let range = Range {
            low: generation,
            high: (generation, place),
            first: place,
        };
        match &mut self.open {
            Some((open, mine)) if *open == key => mine.merge(range),
            open => {
                let closed = open.replace((key, range));
                closed
                    .into_iter()
                    .for_each(|(key, range)| self.put(key, range));
            }
        }
    }

    fn put(&mut self, key: (ServerId, i64), range: Range) {
        self.hours
            .entry(key)
            .and_modify(|mine| mine.merge(range))
            .or_insert(range);
    }

    pub fn merge(&mut self, mut other: Generations) {
        let open = other.open.take();
        for (key, range) in other.hours.into_iter().chain(open) {
            self.put(key, range);
        }
    }

    /// Where the highest id of an hour is lower than an earlier hour's. After a fall the new ids are the measure, so
    /// that a rebuilt database is told once.
    pub fn falls(mut self) -> Vec<Fall> {
        if let Some((key, range)) = self.open.take() {
            self.put(key, range);
        }
        let mut falls = Vec::new();
        let mut before: Option<(ServerId, Range, u64)> = None;
        for ((server, hour), range) in self.hours {
            let mine = before.filter(|(of, ..)| *of == server);
            // What the server's own hours spread over is normal for it.
            let spread = (range.high.0 - range.low).max(mine.map_or(0, |(.., spread)| spread));
            before = Some(match mine {
                Some((_, top, widest)) if range.high.0 + SLACK + widest < top.high.0 => {
                    falls.push(Fall {
                        server,
                        hour,
                        from: top.high.0,
                        to: range.high.0,
                        before: top.high.1,
                        after: range.first,
                    });
                    (server, range, widest)
                }
                Some((_, top, _)) if top.high.0 > range.high.0 => (server, top, spread),
                _ => (server, range, spread),
            });
        }
        falls
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::HOUR;

    fn falls(hours: &[(i64, &[u64])]) -> Vec<(i64, u64, u64)> {
        let mut generations = Generations::default();
        for (hour, ids) in hours {
            for id in *ids {
                let place = Place {
                    file: 0,
                    offset: *hour as u64,
                    line: 0,
                };
                generations.add(ServerId(0), Time(hour * HOUR), *id, place);
            }
        }
        let falls = generations.falls();
        falls.iter().map(|f| (f.hour, f.from, f.to)).collect()
    }

    #[test]
    fn a_fall_is_told_once_and_jitter_never() {
        assert_eq!(
            falls(&[(1, &[100, 101]), (2, &[101, 100]), (3, &[103])]),
            []
        );
        assert_eq!(
            falls(&[(1, &[100]), (2, &[101]), (3, &[7]), (4, &[8]), (5, &[9])]),
            [(3, 101, 7)]
        );
        // This server's hours spread widely: what looks like a fall is its manner.
        assert_eq!(falls(&[(1, &[50, 100]), (2, &[60])]), []);
    }
}
