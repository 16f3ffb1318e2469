//! Rows with only a weaker identifier find the message they belong to.
//!
//! In: rows by shard. Out: the same rows, those that could be placed now under their message's key. A row without a
//! network-message-id belongs to the one message with its Message-ID, if there is exactly one; a row without
//! either belongs to the message that has the same copy. What cannot be placed keeps its own key and stays a
//! message of its own: nothing is guessed from time, size or subject.

use bumpalo::Bump;
use hashbrown::{HashMap, HashSet};
use rayon::prelude::*;

use super::Ground;
use super::tie::Ties;
use crate::dialect;
use crate::dialect::shard;
use crate::row::{KeyKind, Row};

/// Where an orphan's key leads: the host's key, or nothing because there are several.
type Homes = HashMap<u64, Option<u64>>;

/// Places orphans; rows that change their key change their shard.
pub fn adopt(shards: &mut [Vec<Row>], ties: &Ties, ground: &Ground<'_>) {
    let orphans = orphans(shards, ties);
    if orphans.by_message.is_empty() && orphans.by_copy.is_empty() {
        return;
    }
    let found: Vec<Vec<(u64, u64)>> = shards
        .par_iter()
        .map(|rows| homes(rows, &orphans, ties, ground))
        .collect();
    let mut homes = Homes::new();
    for (orphan, host) in found.into_iter().flatten() {
        homes
            .entry(orphan)
            .and_modify(|known| *known = known.filter(|known| *known == host))
            .or_insert(Some(host));
    }
    let moved: Vec<Vec<Row>> = shards
        .par_iter_mut()
        .map(|rows| take_placed(rows, &homes))
        .collect();
    for row in moved.into_iter().flatten() {
        shards[shard(row.key)].push(row);
    }
}

/// Keys that look for a home.
struct Orphans {
    by_message: HashSet<u64>,
    by_copy: HashSet<u64>,
}

fn orphans(shards: &[Vec<Row>], ties: &Ties) -> Orphans {
    let kind = |kind| move |row: &&Row| row.kind == kind;
    let any_network = shards
        .par_iter()
        .any(|rows| rows.iter().any(|r| r.kind == KeyKind::Network));
    let keys = |wanted| -> HashSet<u64> {
        let of_shard = |rows: &Vec<Row>| -> Vec<u64> {
            rows.iter()
                .filter(kind(wanted))
                .map(|row| row.key)
                .collect()
        };
        let found: Vec<Vec<u64>> = shards.par_iter().map(of_shard).collect();
        found.into_iter().flatten().collect()
    };
    let by_message = if any_network {
        let mut keys = keys(KeyKind::Message);
        keys.extend(ties.keys());
        keys
    } else {
        HashSet::new()
    };
    Orphans {
        by_message,
        by_copy: keys(KeyKind::Copy),
    }
}

/// Pairs (orphan's key, host's key) that the rows of one shard prove.
fn homes(rows: &[Row], orphans: &Orphans, ties: &Ties, ground: &Ground<'_>) -> Vec<(u64, u64)> {
    let arena = Bump::new();
    let mut found = Vec::new();
    for row in rows {
        let around = ground.around(row, &arena);
        if row.kind == KeyKind::Network && !orphans.by_message.is_empty() {
            let message_id = dialect::message_id(row, &around);
            let key = ground.keys.message_id(message_id);
            if !message_id.is_empty() && orphans.by_message.contains(&key) {
                found.push((ties.key(key), row.key));
            }
        }
        if row.kind != KeyKind::Copy && !orphans.by_copy.is_empty() {
            let copy = dialect::event(row, &around).copy;
            if copy != 0 && orphans.by_copy.contains(&copy) {
                found.push((copy, row.key));
            }
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// Takes the rows out that found a home, under their new key. A copy may lead to a message that is itself an orphan
/// by Message-ID.
fn take_placed(rows: &mut Vec<Row>, homes: &Homes) -> Vec<Row> {
    let mut placed = Vec::new();
    rows.retain(|row| {
        let weak = row.kind != KeyKind::Network;
        let Some(Some(home)) = homes.get(&row.key).filter(|_| weak).copied() else {
            return true;
        };
        let home = homes.get(&home).copied().flatten().unwrap_or(home);
        placed.push(row.under(home));
        false
    });
    placed
}
