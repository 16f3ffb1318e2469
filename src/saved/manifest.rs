//! What the file `state` says: how far everything was read, and where the rest stands.
//!
//! In: what a run found. Out: [`Manifest`], from which the next one goes on.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::known::Known;
use super::rows::{Index, Message, Segment};
use crate::dialect::{self, Layout};
use crate::report::Facts;
use crate::servers::Coverage;
use crate::time::Time;

/// What is known after a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// Settings that must stay as they were: figures of different ones do not add up.
    pub terms: BTreeMap<String, String>,
    /// How many runs there were.
    pub run: u64,
    /// Messages whose last row is earlier are closed.
    pub closed_until: Option<Time>,
    /// How far the logs went ([`super::reach`]).
    pub reach: Option<Time>,
    /// All servers that rows named, and what was read of them.
    pub servers: Vec<(Vec<u8>, Coverage)>,
    /// Own domains as guessed so far.
    pub domains: Vec<String>,
    /// What all runs read; servers stand above.
    pub facts: Facts,
    pub(super) files: Vec<Known>,
    pub(super) headers: Vec<Vec<u8>>,
    /// Date, and the run that wrote its file.
    pub(super) days: BTreeMap<String, u64>,
    /// The segment of messages that may still change by what other logs hold: read again by every run.
    pub(super) open: Option<u64>,
    /// Segments of messages that change only if more rows of them come, oldest first.
    pub settled: Vec<Kept>,
    /// Seed of their keys.
    pub seed: u64,
    /// What settled paths depend on beside their rows.
    pub ground: Ground,
    pub ids: Ids,
}

/// By what the rows of all logs so far name their messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ids {
    /// Nothing was read.
    #[default]
    None,
    /// All have network-message-ids.
    Network,
    /// None has.
    Message,
    /// Some have and some have not: a row may tie messages that were two before, so nothing is settled.
    Mixed,
}

impl Ids {
    /// With logs of more layouts.
    pub fn with<'l>(self, layouts: impl Iterator<Item = &'l Layout>) -> Ids {
        layouts.fold(self, |ids, layout| {
            let of_this = match dialect::has_network_id(layout) {
                _ if !dialect::stands_alone(layout) => Ids::Mixed,
                true => Ids::Network,
                false => Ids::Message,
            };
            match ids {
                Ids::None => of_this,
                ids if ids == of_this => ids,
                _ => Ids::Mixed,
            }
        })
    }
}

/// A segment of settled messages.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Kept {
    pub(super) run: u64,
    /// The last row of any of its messages.
    pub(super) last: Time,
    /// Messages that got more rows since: they are in a later segment.
    pub(super) woken: BTreeSet<u64>,
}

/// What a settled path depends on beside its rows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ground {
    /// Servers that were known to have logs.
    pub servers: BTreeSet<Vec<u8>>,
    /// DNS domains in which they were known to lie.
    pub suffixes: BTreeSet<Vec<u8>>,
    /// Own domains.
    pub own: Vec<String>,
}

/// What a run leaves of rows.
#[derive(Debug, Default)]
pub struct Segments {
    pub open: Segment,
    pub settled: Segment,
}

impl Segments {
    /// How many rows there are.
    pub fn rows(&self) -> u64 {
        let messages = self.open.index.messages.iter();
        let messages = messages.chain(&self.settled.index.messages);
        messages.map(|message| u64::from(message.rows)).sum()
    }
}

impl Manifest {
    /// A state that nothing was read for.
    pub fn begun(terms: BTreeMap<String, String>) -> Manifest {
        Manifest {
            terms,
            run: 0,
            closed_until: None,
            reach: None,
            servers: Vec::new(),
            domains: Vec::new(),
            facts: Facts::none(),
            files: Vec::new(),
            headers: Vec::new(),
            days: BTreeMap::new(),
            open: None,
            settled: Vec::new(),
            seed: std::hash::BuildHasher::hash_one(
                &std::hash::RandomState::new(),
                std::process::id(),
            ),
            ground: Ground::default(),
            ids: Ids::None,
        }
    }

    /// Whether a message of a segment is there still, and may get more rows.
    pub(super) fn sleeps(&self, kept: &Kept, message: &Message) -> bool {
        let is_over = self.closed_until.is_some_and(|line| message.last < line);
        !is_over && !kept.woken.contains(&message.key)
    }

    /// Messages and rows of the segments that `indexes` are of, as far as they may still get more.
    pub fn sleeping(&self, indexes: &[Index]) -> (u64, u64) {
        let (mut messages, mut rows) = (0, 0);
        for (kept, index) in self.settled.iter().zip(indexes) {
            for message in index.messages.iter().filter(|m| self.sleeps(kept, m)) {
                (messages, rows) = (messages + 1, rows + u64::from(message.rows));
            }
        }
        (messages, rows)
    }

    /// How many files are known.
    pub fn files(&self) -> usize {
        self.files.len()
    }
}
