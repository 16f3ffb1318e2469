//! The run: who does what in which order.
//!
//! In: inputs, a plan and options. Out: [`Outcome`], with every message handed to a [`Taker`](crate::join::shard::Taker). Stages know nothing of
//! each other; the barriers between them and the order of merging are decided here and nowhere else.

mod chunks;
mod reading;
mod run;

use hashbrown::HashSet;

use crate::dialect::{EventCounts, Layout};
use crate::fault::Faults;
use crate::input::Inputs;
use crate::join::{Detail, When};
use crate::keys::Keys;
use crate::path::anonymous::Anonymous;
use crate::path::domains::OwnDomains;
use crate::plan::{self, Plan, Survey, WINDOW_BYTES};
use crate::row::KeyKind;
use crate::servers::Servers;
use crate::time::{DAY, Time};
use crate::watch::{Lap, Watch};

use chunks::{Keep, parse};
pub use reading::Reading;
pub use run::run;

/// What a run is asked for. The answer is the same for all `window_bytes`, but for what no window can foresee: that
/// two messages will claim a row which only one had claimed so far.
#[derive(Clone, Debug)]
pub struct Options {
    /// Own domains as given; empty: guess them.
    pub domains: Vec<String>,
    pub detail: Detail,
    pub when: When,
    /// Whether messages are to be tied to each other.
    pub links: bool,
    /// A message is closed this many microseconds after its last row.
    pub horizon: i64,
    /// About this many bytes of logs are joined at a time; `None`: as suits them ([`Plan::window_bytes`]).
    pub window_bytes: Option<u64>,
    /// People and domains under other names.
    pub anonymous: Option<Anonymous>,
    /// What earlier runs read, where this one goes on.
    pub earlier: Servers,
    /// Rows before this instant come too late: the messages they would belong to were closed by an earlier run.
    pub not_before: Option<Time>,
    /// Messages with a row from here on are open: their rows are shown to the taker.
    pub keep_from: Option<Time>,
    /// Makes the keys of rows.
    pub keys: Keys,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            domains: Vec::new(),
            detail: Detail::default(),
            when: When::Finished,
            links: false,
            horizon: 3 * DAY,
            window_bytes: None,
            anonymous: None,
            earlier: Servers::default(),
            not_before: None,
            keep_from: None,
            keys: Keys::default(),
        }
    }
}

/// What a run found beside the messages.
pub struct Outcome {
    pub servers: Servers,
    pub own: OwnDomains,
    pub plan: Plan,
    pub rows: u64,
    pub rows_without_id: u64,
    pub rows_twice: u64,
    /// Hand-overs to another host that several of its records would fit; none was picked.
    pub ambiguous: u64,
    /// Rows left out because they came too late.
    pub rows_late: u64,
    /// All layouts met, by the number that rows have.
    pub layouts: Vec<Layout>,
    pub faults: Faults,
    pub events: EventCounts,
    pub span: Option<(Time, Time)>,
    /// Rows by file; those behind the last that has any are left out.
    pub by_file: Vec<FileRows>,
    pub stages: Stages,
}

/// Rows of one file.
#[derive(Clone, Copy, Debug, Default)]
pub struct FileRows {
    pub rows: u64,
    pub bad_rows: u64,
    /// First and last time of a row.
    pub span: Option<(Time, Time)>,
}

/// Opens the way for [`run`]: tells formats and cuts files into chunks.
pub fn plan(inputs: &mut Inputs, chunk_bytes: usize) -> Plan {
    Plan::new(inputs, chunk_bytes)
}

/// A first look at what is planned: own domains and servers.
pub fn survey(inputs: &Inputs, plan: &Plan) -> Survey {
    plan::survey(inputs, plan, &Keys::default())
}

/// The keys of messages that have rows in the inputs, under the keys of `options`, and whether there are rows that
/// name no message and must look for it.
pub fn message_keys(inputs: &Inputs, plan: &Plan, keys: &Keys) -> (HashSet<u64>, bool) {
    let mut plan = Plan {
        chunks: plan.chunks.clone(),
        ..Plan::default()
    };
    let mut found = (HashSet::new(), false);
    let keep = Keep {
        loose: false,
        hops: false,
    };
    for window in plan.windows(WINDOW_BYTES) {
        for chunk in parse(inputs, &mut plan, window, keys, keep, |_| {}) {
            let mut last = None;
            for row in chunk.shards.iter().flatten() {
                found.1 |= row.kind == KeyKind::Copy;
                if last != Some(row.key) {
                    last = Some(row.key);
                    found.0.insert(row.key);
                }
            }
        }
    }
    found
}

/// Where the time went.
pub struct Stages {
    /// Telling formats and cutting files into chunks.
    pub cut: Lap,
    /// The first look.
    pub looked: Lap,
    /// In so many windows,
    pub windows: usize,
    /// all of which took this, stage by stage.
    pub laps: Vec<(&'static str, Lap)>,
    /// Running since the last stage.
    pub end: Watch,
}
