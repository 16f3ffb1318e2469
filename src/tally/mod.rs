//! Mergeable sums of message paths: everything a report says, before it is put into words.
//!
//! In: [`Path`]s with a weight, +1 to count one and -1 to take back one that was counted and has since
//! got more rows. Out: [`Tally`], which merges in any order with the same result. So nothing is kept
//! that cannot be subtracted. Names of servers are looked up by the report; here they are numbers.
//!
//! [`Tally::add`] is on the hot path: one hash per address, no allocation for addresses already seen. What needs much
//! memory is noted and counted many at a time: [`Tally::settled`] has it all.

pub mod balance;
mod bytes;
pub mod components;
pub mod correspondents;
pub mod extremes;
pub mod failures;
pub mod histogram;
pub mod hops;
pub mod latency;
pub mod ledger;
pub mod lists;
mod notes;
pub mod oddities;
pub mod open;
pub mod sizes;
pub mod volume;
pub mod words;

#[cfg(test)]
pub mod samples;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::event::{Place, Raw, ServerId};
use crate::path::{Class, Fate, Path};

/// The tables of the tally: seeded per table, so that strangers cannot choose collisions.
pub type Map<K, V> = hashbrown::HashMap<K, V, foldhash::fast::RandomState>;

/// Recipients with something in common, and the messages that have such a recipient.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub recipients: i64,
    pub messages: i64,
}

impl Counts {
    /// Counts one recipient; `first`: the first of its message here.
    pub fn add(&mut self, first: bool, weight: i64) {
        self.recipients += weight;
        self.messages += if first { weight } else { 0 };
    }

    /// Adds what `other` counted.
    pub fn merge(&mut self, other: Counts) {
        self.recipients += other.recipients;
        self.messages += other.messages;
    }
}

/// Adds counts to those under the same keys.
fn merge_counts<K: std::hash::Hash + Eq>(counts: &mut Map<K, Counts>, more: Map<K, Counts>) {
    for (key, more) in more {
        counts.entry(key).or_default().merge(more);
    }
}

/// What the tally leaves out and how much it keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TallyOptions {
    /// Count probe and system messages like mail.
    pub include_probes: bool,
    /// Lines of a top list of single messages (slowest, largest, oldest) that stay exact.
    pub top: usize,
}

impl Default for TallyOptions {
    fn default() -> Self {
        TallyOptions {
            include_probes: false,
            top: 25,
        }
    }
}

/// Sums of paths. All counts are signed, because a path may be taken back before it is counted.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Tally {
    pub options: TallyOptions,
    pub totals: balance::Totals,
    pub volume: volume::Volume,
    pub latency: latency::Latencies,
    pub components: components::Components,
    pub failures: failures::Failures,
    pub pending: open::Pending,
    pub unknown: open::Unknown,
    pub correspondents: correspondents::Correspondents,
    pub largest: extremes::Extremes,
    pub most_recipients: extremes::Extremes,
    pub hops: hops::Hops,
    pub lists: lists::Lists,
    pub sizes: sizes::Sizes,
    pub oddities: oddities::Oddities,
}

/// Whether a recipient is held in the balance: lists and redirected addresses live on in those they
/// became, and who was refused before acceptance never entered.
pub fn in_balance(fate: Fate) -> bool {
    !matches!(fate, Fate::Expanded | Fate::Redirected | Fate::Rejected)
}

/// The size that is summed: a number that no message can have (Exchange ends at 2 GB) is a fault of the
/// log and must not overflow the sums.
pub fn summed_size_bytes(path: &Path<'_>) -> i64 {
    path.size_bytes.min(u64::from(u32::MAX)) as i64
}

impl Tally {
    /// An empty tally.
    pub fn new(options: TallyOptions) -> Tally {
        Tally {
            options,
            latency: latency::Latencies::new(options.top),
            pending: open::Pending::new(options.top),
            largest: extremes::Extremes::new(options.top),
            most_recipients: extremes::Extremes::new(options.top),
            ..Tally::default()
        }
    }

    /// Counts `path` `weight` times; -1 takes back the very path that was counted before.
    pub fn add(&mut self, path: &Path<'_>, weight: i64) {
        if !self.options.include_probes && matches!(path.class, Class::Probe | Class::System) {
            self.totals.exclude(path, weight);
            return;
        }
        path.notes.timings.iter().for_each(Raw::ask);
        hops::Hops::ask(path);
        let recipients = balance::recipients_in_balance(path);
        self.totals.add(path, recipients, weight);
        self.volume.add(path, recipients, weight);
        self.latency.add(path, weight);
        self.failures.add(path, weight);
        self.pending.add(path, weight);
        self.unknown.add(path, weight);
        self.correspondents.add(path, weight);
        self.hops.add(path, recipients, weight);
        self.lists.add(path, weight);
        self.sizes.add(path, recipients, weight);
        self.oddities.add(path, weight);
        self.components.add(&path.notes.timings, weight);
        self.largest
            .note(summed_size_bytes(path), path, None, weight);
        self.most_recipients.note(recipients, path, None, weight);
    }

    /// Counts rows of a message of this class that change nothing else of it.
    pub fn add_rows(&mut self, class: Class, rows: i64) {
        self.totals
            .add_rows(class, self.options.include_probes, rows);
    }

    /// Whether what was read from a file can have been written by [`Tally::add`].
    pub fn is_sound(&self) -> bool {
        self.correspondents.is_sound() && self.hops.is_sound() && self.components.is_sound()
    }

    /// Adds what `other` counted.
    pub fn merge(&mut self, other: Tally) {
        self.totals.merge(&other.totals);
        self.volume.merge(other.volume);
        self.latency.merge(other.latency);
        self.components.merge(other.components);
        self.failures.merge(other.failures);
        self.pending.merge(other.pending);
        self.unknown.merge(other.unknown);
        self.correspondents.merge(other.correspondents);
        self.largest.merge(other.largest);
        self.most_recipients.merge(other.most_recipients);
        self.hops.merge(other.hops);
        self.lists.merge(other.lists);
        self.sizes.merge(&other.sizes);
        self.oddities.merge(other.oddities);
    }

    /// Gives servers other numbers, so that tallies of different runs can merge.
    pub fn renumber(&mut self, new: &dyn Fn(ServerId) -> ServerId) {
        self.settle();
        self.latency.renumber(new);
        self.failures.renumber(new);
        self.pending.renumber(new);
        self.unknown.renumber(new);
        self.hops.renumber(new);
        self.largest.renumber(new);
        self.most_recipients.renumber(new);
        for cases in self.oddities.cases.values_mut() {
            cases.examples.renumber(new);
        }
    }

    /// Counts what is only noted; [`Tally::merge`] does it, too.
    pub fn settle(&mut self) {
        self.components.settle();
        self.correspondents.settle();
    }

    /// The same in which everything is counted: what sums are read from.
    pub fn settled(&self) -> Cow<'_, Tally> {
        if self.components.is_settled() && self.correspondents.is_settled() {
            return Cow::Borrowed(self);
        }
        let mut settled = self.clone();
        settled.settle();
        Cow::Owned(settled)
    }

    /// Brings in order what is kept as it came. Nothing but time is saved by it, before the sums are asked for.
    pub fn condense(&mut self) {
        self.settle();
        self.correspondents.pairs.condense();
        self.correspondents.hours.condense();
    }

    /// Says in words where the rows of examples stand.
    pub fn name_rows(&mut self, name: &dyn Fn(Place) -> String) {
        let Tally {
            failures,
            unknown,
            oddities,
            ..
        } = self;
        let cases = (failures.causes.values_mut())
            .chain(unknown.missing.values_mut())
            .chain(oddities.cases.values_mut())
            .chain([&mut failures.unreported]);
        let lists = [
            &mut self.latency.slowest,
            &mut self.pending.oldest,
            &mut self.largest,
            &mut self.most_recipients,
        ];
        for list in cases.map(|cases| &mut cases.examples).chain(lists) {
            list.name_rows(name);
        }
    }
}

#[cfg(test)]
mod tests;
