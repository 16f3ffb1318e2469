//! Rows with only a weaker identifier find the message they belong to.
//!
//! In: the rows of each window, by shard. Out: the same rows, those that could be placed now under their message's
//! key. A row without a network-message-id belongs to the one message with its Message-ID, if there is exactly
//! one; a row without either belongs to the message that has the same copy. What cannot be placed keeps its own
//! key and stays a message of its own: nothing is guessed from time, size or subject.

use std::collections::VecDeque;
use std::num::NonZeroU64;

use bumpalo::Bump;
use hashbrown::{HashMap, HashSet};
use rayon::prelude::*;

use super::Ground;
use super::tie::Ties;
use crate::dialect::{self, Layout, SHARDS, shard};
use crate::event::Role;
use crate::row::{KeyKind, Row};
use crate::time::Time;

/// Where a weaker key leads: the message's key, or nothing because there are several.
type Homes = HashMap<u64, Option<NonZeroU64>, foldhash::fast::RandomState>;

/// What was proven within a part of the horizon, by the shard of the weaker key.
type Age = Vec<Homes>;

/// The same when nothing is added any more: in the order of the weaker keys.
type PastAge = Vec<Box<[(u64, Option<NonZeroU64>)]>>;

fn past(age: Age) -> PastAge {
    let sorted = |homes: Homes| {
        let mut homes: Vec<_> = homes.into_iter().collect();
        homes.sort_unstable_by_key(|(weak, _)| *weak);
        homes.into_boxed_slice()
    };
    age.into_par_iter().map(sorted).collect()
}

fn no_homes() -> Age {
    (0..SHARDS).map(|_| Homes::default()).collect()
}

/// Ages that reach back one horizon, beside the one that goes on.
const OLDER_AGES: usize = 6;

/// What rows of earlier windows and of this one prove about weaker keys. Kept for one horizon, and a sixth at most.
pub struct Adoption {
    homes: Age,
    /// Youngest first.
    older: VecDeque<PastAge>,
    /// Orphans of earlier windows that no row has placed so far.
    unplaced: HashSet<u64>,
    since: Option<Time>,
    /// Whether rows without network-message-id are to find those with one.
    mixed: bool,
    /// Whether there are later windows, whose orphans may look for the messages of this one.
    windows: bool,
}

impl Adoption {
    /// `mixed`: some files have network-message-ids and some have not. `windows`: there is more than one.
    pub fn new(mixed: bool, windows: bool) -> Adoption {
        Adoption {
            homes: no_homes(),
            older: VecDeque::new(),
            unplaced: HashSet::new(),
            since: None,
            mixed,
            windows,
        }
    }

    /// Places the orphans of a window; rows that change their key change their shard. Returns orphans of earlier windows
    /// whose message turned up only now: pairs (their key, the message's key).
    pub fn place(
        &mut self,
        shards: &mut [Vec<Vec<Row>>],
        ties: &Ties,
        ground: &Ground<'_>,
    ) -> Vec<(u64, u64)> {
        // A file may bind its columns anew in the middle, which the plan does not see.
        self.mixed = self.mixed || ground.is_mixed();
        // Rows of 2003 and before, and queue records, neither look for a message nor prove anything to those that do.
        let is_apart = |layout: &Layout| layout.is_old_text() || layout.is_foreign();
        if !self.mixed && ground.layouts.iter().all(is_apart) {
            return Vec::new();
        }
        // In the only window, nothing but its own orphans will ever be asked for.
        let wanted = (!self.windows).then(|| self.orphans(shards));
        if wanted.as_ref().is_some_and(HashSet::is_empty) {
            return Vec::new();
        }
        let this = &*self;
        let leads: Vec<Leads> = shards
            .par_iter()
            .map(|parts| this.leads(parts, wanted.as_ref(), ties, ground))
            .collect();
        let mut late = self.learn(&leads);
        late.retain(|(weak, home)| self.home(*weak) == Some(*home) && self.unplaced.remove(weak));
        let orphans: HashSet<u64> = leads.into_iter().flat_map(|leads| leads.orphans).collect();
        if orphans.is_empty() {
            return late;
        }
        let this = &*self;
        let moved: Vec<Vec<Row>> = shards
            .par_iter_mut()
            .map(|parts| {
                parts
                    .iter_mut()
                    .flat_map(|rows| this.take_placed(rows))
                    .collect()
            })
            .collect();
        let mut arrived: Vec<Vec<Row>> = vec![Vec::new(); shards.len()];
        for row in moved.into_iter().flatten() {
            arrived[shard(row.key)].push(row);
        }
        for (parts, rows) in shards.iter_mut().zip(arrived) {
            parts.push(rows);
        }
        if self.windows {
            let unplaced: Vec<u64> = orphans
                .into_iter()
                .filter(|weak| self.home(*weak).is_none())
                .collect();
            self.unplaced.extend(unplaced);
        }
        late
    }

    /// Keeps what rows prove. Returns the proofs that orphans of earlier windows wait for.
    fn learn(&mut self, leads: &[Leads]) -> Vec<(u64, u64)> {
        let unplaced = &self.unplaced;
        let of_shard = |(number, homes): (usize, &mut Homes)| {
            let mut late = Vec::new();
            for leads in leads {
                let begin = |number| {
                    leads
                        .proofs
                        .partition_point(|(weak, _)| shard(*weak) < number)
                };
                for &(weak, home) in &leads.proofs[begin(number)..begin(number + 1)] {
                    let known = homes.entry(weak).or_insert(NonZeroU64::new(home));
                    *known = known.filter(|known| known.get() == home);
                    if unplaced.contains(&weak) {
                        late.push((weak, home));
                    }
                }
            }
            late
        };
        let late: Vec<Vec<(u64, u64)>> = self
            .homes
            .par_iter_mut()
            .enumerate()
            .map(of_shard)
            .collect();
        late.concat()
    }

    /// Forgets what is older than the horizon before `watermark`.
    pub fn forget(&mut self, watermark: Time, horizon: i64) {
        let since = *self.since.get_or_insert(watermark);
        if watermark.0.saturating_sub(since.0) > horizon / OLDER_AGES as i64 {
            let homes = std::mem::replace(&mut self.homes, no_homes());
            self.older.push_front(past(homes));
            self.older.truncate(OLDER_AGES);
            self.since = Some(watermark);
        }
    }

    fn is_orphan(&self, row: &Row) -> bool {
        row.kind == KeyKind::Copy || self.mixed && row.kind == KeyKind::Message
    }

    fn orphans(&self, shards: &[Vec<Vec<Row>>]) -> HashSet<u64> {
        let of_shard = |parts: &Vec<Vec<Row>>| -> Vec<u64> {
            parts
                .iter()
                .flatten()
                .filter(|row| self.is_orphan(row))
                .map(|row| row.key)
                .collect()
        };
        let found: Vec<Vec<u64>> = shards.par_iter().map(of_shard).collect();
        found.into_iter().flatten().collect()
    }

    fn home(&self, weak: u64) -> Option<u64> {
        let at = shard(weak);
        let of_past = |age: &PastAge| {
            let place = age[at].binary_search_by_key(&weak, |(weak, _)| *weak);
            place.ok().map(|place| age[at][place].1)
        };
        let mut known = (self.homes[at].get(&weak).copied().into_iter())
            .chain(self.older.iter().filter_map(of_past));
        let first = known.next()??;
        // Proofs of different ages make it ambiguous as those of one do.
        known.all(|home| home == Some(first)).then_some(first.get())
    }

    /// Takes the rows out that found a home, under its key. A copy may lead to a message that is itself an orphan by
    /// Message-ID.
    fn take_placed(&self, rows: &mut Vec<Row>) -> Vec<Row> {
        let mut placed = Vec::new();
        rows.retain(|row| {
            let Some(home) = self.home(row.key).filter(|_| self.is_orphan(row)) else {
                return true;
            };
            placed.push(row.under(self.home(home).unwrap_or(home)));
            false
        });
        placed
    }

    /// What the rows of one shard tell; only proofs that are `wanted`, if that is known.
    fn leads(
        &self,
        parts: &[Vec<Row>],
        wanted: Option<&HashSet<u64>>,
        ties: &Ties,
        ground: &Ground<'_>,
    ) -> Leads {
        let mut arena = Bump::new();
        let mut leads = Leads::default();
        let is_wanted = |key: u64| wanted.is_none_or(|wanted| wanted.contains(&key));
        for row in parts.iter().flatten() {
            if self.is_orphan(row) {
                leads.orphans.push(row.key);
            }
            let opens = matches!(
                row.role,
                Role::Receive | Role::Fork | Role::Report | Role::Submit | Role::Resubmit
            );
            if row.kind != KeyKind::Copy && opens && row.copy != 0 && is_wanted(row.copy) {
                leads.proofs.push((row.copy, row.key));
            }
            if self.mixed && row.kind == KeyKind::Network {
                let message_id = dialect::message_id(row, &ground.around(row, &arena));
                let key = ties.key(ground.keys.message_id(message_id));
                if !message_id.is_empty() && is_wanted(key) {
                    leads.proofs.push((key, row.key));
                }
                arena.reset();
            }
        }
        leads.proofs.sort_unstable();
        leads.proofs.dedup();
        leads
    }
}

/// What the rows of one shard tell about weaker keys.
#[derive(Default)]
struct Leads {
    /// Keys of rows that look for their message.
    orphans: Vec<u64>,
    /// Pairs: weaker key, message's key.
    proofs: Vec<(u64, u64)>,
}
