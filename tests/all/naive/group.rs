//! Rows into messages: network-message-id, else message-id, else the copy.
//!
//! In: all rows. Out: the rows of each message, in the order of time. Rows without any id belong to no
//! message and are left out.

use std::collections::{BTreeMap, BTreeSet};

use super::read::{Copy, Row};

/// What names a message, strongest first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Network(String),
    MessageId(String),
    Copy(Copy),
}

/// The rows of every message.
pub fn messages(rows: &[Row]) -> Vec<Vec<&Row>> {
    let mut keys: Vec<Option<Key>> = rows
        .iter()
        .map(|row| (!row.network_id.is_empty()).then(|| Key::Network(row.network_id.clone())))
        .collect();
    by_message_id(rows, &mut keys);
    by_copy(rows, &mut keys);
    let mut messages: BTreeMap<Key, Vec<&Row>> = BTreeMap::new();
    for (row, key) in rows.iter().zip(keys) {
        if let Some(key) = key {
            messages.entry(key).or_default().push(row);
        }
    }
    messages.into_values().collect()
}

/// Rows without a network id go by their Message-ID: to its one instance, or, where it has several, to
/// the instance whose copies they share.
fn by_message_id(rows: &[Row], keys: &mut [Option<Key>]) {
    let mut by_id: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, row) in rows.iter().enumerate() {
        if !row.message_id.is_empty() {
            by_id.entry(&row.message_id).or_default().push(index);
        }
    }
    for (id, members) in by_id {
        let instances: BTreeSet<Key> = members.iter().filter_map(|&i| keys[i].clone()).collect();
        if instances.len() > 1 {
            spread_over_instances(rows, keys, &members);
        }
        let rest = match instances.first() {
            Some(only) if instances.len() == 1 => only.clone(),
            _ => Key::MessageId(id.to_string()),
        };
        for &index in &members {
            keys[index].get_or_insert_with(|| rest.clone());
        }
    }
}

/// Again and again: a row that shares copies with exactly one instance belongs to it.
fn spread_over_instances(rows: &[Row], keys: &mut [Option<Key>], members: &[usize]) {
    loop {
        let mut owners: BTreeMap<Copy, BTreeSet<Key>> = BTreeMap::new();
        for &index in members {
            for copy in copies(&rows[index]) {
                owners.entry(copy).or_default().extend(keys[index].clone());
            }
        }
        let mut placed = Vec::new();
        for &index in members.iter().filter(|&&index| keys[index].is_none()) {
            let copies = copies(&rows[index]);
            let near: BTreeSet<&Key> = copies.iter().flat_map(|copy| &owners[copy]).collect();
            if near.len() == 1 {
                placed.push((index, near.first().map(|&key| key.clone())));
            }
        }
        if placed.is_empty() {
            return;
        }
        for (index, key) in placed {
            keys[index] = key;
        }
    }
}

/// Rows with neither id go to the message that has their copy; where several had it (small counters
/// repeat), to the one that had it last before the row. Unknown copies are messages of their own.
fn by_copy(rows: &[Row], keys: &mut [Option<Key>]) {
    let mut sightings: BTreeMap<Copy, Vec<(i64, Key)>> = BTreeMap::new();
    for (row, key) in rows.iter().zip(keys.iter()) {
        if let Some(key) = key {
            for copy in copies(row) {
                sightings
                    .entry(copy)
                    .or_default()
                    .push((row.time, key.clone()));
            }
        }
    }
    for (row, key) in rows
        .iter()
        .zip(keys.iter_mut())
        .filter(|(_, key)| key.is_none())
    {
        let Some(copy) = row.copy() else { continue };
        let known = sightings.get(&copy).map_or(&[][..], |known| known);
        let before = known.iter().rev().find(|(time, _)| *time <= row.time);
        let owner = before.or(known.first()).map(|(_, owner)| owner.clone());
        *key = Some(owner.unwrap_or(Key::Copy(copy)));
    }
}

/// The copies a row knows of.
fn copies(row: &Row) -> Vec<Copy> {
    row.copy().into_iter().chain(row.other_copy()).collect()
}
