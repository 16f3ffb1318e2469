//! What ties messages: reports to what they report on, instances of one Message-ID.
//!
//! In: rows by shard. Out: [`Links`], looked up while paths are built. A report names the message it is about; the
//! other direction is known only after all rows were seen. Made only for commands that show messages.

use bstr::{BString, ByteSlice};
use bumpalo::Bump;
use hashbrown::{HashMap, HashSet};
use rayon::prelude::*;

use super::Ground;
use crate::dialect;
use crate::event::Role;
use crate::keys::Keys;
use crate::path::{Path, Reason, Relation};
use crate::row::Row;

/// Ties by key of the Message-ID.
#[derive(Default)]
pub struct Links {
    /// Message-IDs under which several messages go.
    instances: HashSet<u64>,
    /// Message-ID of the original -> reports and journal copies about it.
    about: HashMap<u64, Vec<(Relation, BString)>>,
    /// Message-ID and address of deliveries, where an instance of the Message-ID was suppressed as a duplicate.
    delivered: HashSet<(u64, u64)>,
}

/// One shard's part.
#[derive(Default)]
struct Part {
    /// Message-ID, message.
    ids: Vec<(u64, u64)>,
    /// Message-ID of the original, relation, Message-ID of the other.
    references: Vec<(u64, Relation, BString)>,
    /// Message-IDs with a suppressed duplicate.
    duplicates: Vec<u64>,
}

impl Links {
    /// Goes through all rows once.
    pub fn of(shards: &[Vec<Row>], ground: &Ground<'_>) -> Links {
        let parts: Vec<Part> = shards.par_iter().map(|rows| part(rows, ground)).collect();
        let mut links = Links::default();
        let mut seen: HashMap<u64, u64> = HashMap::new();
        let mut duplicates: HashSet<u64> = HashSet::new();
        for part in parts {
            for (id, message) in part.ids {
                if *seen.entry(id).or_insert(message) != message {
                    links.instances.insert(id);
                }
            }
            for (id, relation, by) in part.references {
                links.about.entry(id).or_default().push((relation, by));
            }
            duplicates.extend(part.duplicates);
        }
        duplicates.retain(|id| links.instances.contains(id));
        if !duplicates.is_empty() {
            let delivered = |rows: &Vec<Row>| deliveries(rows, &duplicates, ground);
            let found: Vec<_> = shards.par_iter().flat_map_iter(delivered).collect();
            links.delivered = found.into_iter().collect();
        }
        for about in links.about.values_mut() {
            about.sort_unstable();
            about.dedup();
        }
        links
    }

    /// Adds to a path what other messages say about it.
    pub fn add_to<'p>(&'p self, path: &mut Path<'p>, keys: &Keys) {
        if path.message_id.is_empty() {
            return;
        }
        let key = keys.message_id(path.message_id);
        for (relation, by) in self.about.get(&key).map_or(&[][..], Vec::as_slice) {
            let tie = (*relation, by.as_bstr());
            if !path.related.contains(&tie) {
                path.related.push(tie);
            }
        }
        if self.instances.contains(&key) {
            path.related.push((Relation::Instance, path.message_id));
            for recipient in &mut path.recipients {
                let delivery = (key, keys.caseless(recipient.address));
                if recipient.reason == Reason::DuplicateOfUnseen
                    && self.delivered.contains(&delivery)
                {
                    recipient.reason = Reason::None;
                }
            }
        }
    }
}

/// Message-ID and address of every delivery of these Message-IDs.
fn deliveries(rows: &[Row], ids: &HashSet<u64>, ground: &Ground<'_>) -> Vec<(u64, u64)> {
    let mut found = Vec::new();
    let mut arena = Bump::new();
    for row in rows.iter().filter(|row| row.role == Role::Deliver) {
        {
            let event = dialect::event(row, &ground.around(row, &arena));
            let id = ground.keys.message_id(event.message_id);
            if ids.contains(&id) {
                let addresses = event.recipients.into_iter();
                found.extend(addresses.map(|address| (id, ground.keys.caseless(address))));
            }
        }
        arena.reset();
    }
    found
}

fn part(rows: &[Row], ground: &Ground<'_>) -> Part {
    let mut part = Part::default();
    let mut arena = Bump::new();
    for row in rows {
        let around = ground.around(row, &arena);
        let message_id = dialect::message_id(row, &around);
        if !message_id.is_empty() {
            part.ids.push((ground.keys.message_id(message_id), row.key));
        }
        if row.role == Role::Duplicate {
            part.duplicates.push(ground.keys.message_id(message_id));
        }
        if matches!(row.role, Role::Report | Role::Receive) {
            let event = dialect::event(row, &around);
            let relation = if row.role == Role::Report {
                Relation::Report
            } else {
                Relation::Journal
            };
            let refers = row.role == Role::Report || event.generated;
            if refers && event.reference.contains(&b'@') && event.reference != event.message_id {
                let about = ground.keys.message_id(event.reference);
                part.references
                    .push((about, relation, event.message_id.to_owned()));
            }
        }
        arena.reset();
    }
    part.ids.sort_unstable();
    part.ids.dedup();
    part
}
