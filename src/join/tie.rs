//! Identifiers that rows prove to be of one message are made one; reports are put under their own.
//!
//! In: rows by shard, pairs of keys from rows that carry two identifiers (2003's Linked-MSGID, a 5.5 connector's remote
//! id), rows about reports. Out: the same rows, all of one message under one key. Archives without such rows pay
//! nothing: both lists are empty then.

use hashbrown::{HashMap, HashSet};
use rayon::prelude::*;

use crate::dialect::{ReportRow, shard};
use crate::event::Role;
use crate::row::{KeyKind, Row};

/// An identifier that is linked to more others than this names no message: it is a dummy that a gateway writes.
const MAX_LINKS: usize = 32;

/// Which keys are of one message: key -> the one all go by.
#[derive(Default)]
pub struct Ties {
    one: HashMap<u64, u64>,
}

impl Ties {
    /// Unites keys by pairs.
    fn of(mut pairs: Vec<(u64, u64)>) -> Ties {
        pairs
            .iter_mut()
            .for_each(|(a, b)| (*a, *b) = (*a.min(b), *a.max(b)));
        pairs.sort_unstable();
        pairs.dedup();
        let mut links: HashMap<u64, usize> = HashMap::new();
        for (a, b) in &pairs {
            *links.entry(*a).or_default() += 1;
            *links.entry(*b).or_default() += 1;
        }
        let mut ties = Ties::default();
        for (a, b) in pairs {
            if links[&a] <= MAX_LINKS && links[&b] <= MAX_LINKS {
                let (a, b) = (ties.root(a), ties.root(b));
                ties.one.insert(a.max(b), a.min(b));
                ties.one.insert(a.min(b), a.min(b));
            }
        }
        let keys: Vec<u64> = ties.one.keys().copied().collect();
        for key in keys {
            let root = ties.root(key);
            ties.one.insert(key, root);
        }
        ties
    }

    /// Follows a key to the one its message goes by, shortening the way.
    fn root(&mut self, key: u64) -> u64 {
        let mut at = key;
        let mut way = Vec::new();
        while let Some(&next) = self.one.get(&at).filter(|next| **next != at) {
            way.push(at);
            at = next;
        }
        for passed in way {
            self.one.insert(passed, at);
        }
        at
    }

    /// The key that a message goes by.
    #[inline]
    pub fn key(&self, key: u64) -> u64 {
        self.one.get(&key).copied().unwrap_or(key)
    }

    /// All keys that were tied.
    pub fn keys(&self) -> impl Iterator<Item = u64> {
        self.one.keys().copied()
    }
}

/// Brings the rows of tied keys together and puts rows about reports in their place.
pub fn tie(shards: &mut [Vec<Row>], pairs: Vec<(u64, u64)>, reports: Vec<ReportRow>) -> Ties {
    let ties = Ties::of(pairs);
    if !ties.one.is_empty() {
        let moved: Vec<Vec<Row>> = shards
            .par_iter_mut()
            .map(|rows| take_tied(rows, &ties))
            .collect();
        for row in moved.into_iter().flatten() {
            shards[shard(row.key)].push(row);
        }
    }
    place(shards, reports, &ties);
    ties
}

fn take_tied(rows: &mut Vec<Row>, ties: &Ties) -> Vec<Row> {
    let mut moved = Vec::new();
    rows.retain_mut(|row| {
        let Some(&key) = ties
            .one
            .get(&row.key)
            .filter(|_| row.kind != KeyKind::Network)
        else {
            return true;
        };
        row.tied = true;
        if key == row.key {
            return true;
        }
        moved.push(row.under(key));
        false
    });
    moved
}

/// Puts each row about a report under the report, and once more under the message the report is about. Which of a
/// row's two identifiers is the report's, logs and documents disagree on (`formats/legacy.md` section 1.5): the
/// one that is known as a message is not.
fn place(shards: &mut [Vec<Row>], reports: Vec<ReportRow>, ties: &Ties) {
    if reports.is_empty() {
        return;
    }
    let named: HashSet<u64> = reports
        .iter()
        .flat_map(|report| [ties.key(report.row.key), ties.key(report.second)])
        .collect();
    let known: Vec<u64> = shards
        .par_iter()
        .flat_map_iter(|rows| {
            rows.iter()
                .map(|row| row.key)
                .filter(|key| named.contains(key))
        })
        .collect();
    let known: HashSet<u64> = known.into_iter().collect();
    for ReportRow { row, second } in reports {
        let first = ties.key(row.key);
        let second = if second == 0 { 0 } else { ties.key(second) };
        let first_is_message = known.contains(&first) && !known.contains(&second);
        let (own, about) = if first_is_message {
            (second, first)
        } else {
            (first, second)
        };
        let mut push = |key: u64, role: Role| {
            let kind = if key == first {
                KeyKind::Message
            } else {
                KeyKind::Second
            };
            if key != 0 {
                let tied = ties.one.contains_key(&key);
                let mut copy = row.under(key);
                (copy.role, copy.kind, copy.tied) = (role, kind, tied);
                shards[shard(key)].push(copy);
            }
        };
        push(own, row.role);
        if about != own {
            push(about, Role::Fail);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_unite_and_dummies_do_not() {
        let ties = Ties::of(vec![(1, 2), (3, 2), (5, 4), (9, 9)]);
        assert_eq!(
            [1, 2, 3, 4, 5, 7].map(|key| ties.key(key)),
            [1, 1, 1, 4, 4, 7]
        );
        let dummy = Ties::of((1..100).map(|key| (key, 1000)).collect());
        assert_eq!(dummy.key(1000), 1000);
        assert_eq!(dummy.key(50), 50);
    }

    #[test]
    fn reports_go_under_the_id_that_is_no_message() {
        let row = |key, role| {
            let mut row = Row::blank(0).under(key);
            (row.role, row.kind) = (role, KeyKind::Message);
            row
        };
        for (first, second) in [(1 << 60, 2 << 60), (2 << 60, 1 << 60)] {
            let mut shards = vec![Vec::new(); crate::dialect::SHARDS];
            shards[shard(1 << 60)].push(row(1 << 60, Role::Submit));
            tie(
                &mut shards,
                vec![],
                vec![ReportRow {
                    row: row(first, Role::Report),
                    second,
                }],
            );
            let of = |key: u64| {
                shards[shard(key)]
                    .iter()
                    .map(|row| row.role)
                    .collect::<Vec<_>>()
            };
            assert_eq!(of(1 << 60), [Role::Submit, Role::Fail], "{first}");
            assert_eq!(of(2 << 60), [Role::Report], "{first}");
        }
    }
}
