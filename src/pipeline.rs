//! The run in one screen: who does what in which order, and on which threads.
//!
//! In: opened inputs and options. Out: [`Outcome`], with whatever the caller made of every message. Stages know
//! nothing of each other; threads, barriers and the order of merging are decided here and nowhere else.

use std::time::{Duration, Instant};

use rayon::prelude::*;

use crate::dialect::{self, EventCounts, SHARDS, Yield};
use crate::fault::Faults;
use crate::input::Inputs;
use crate::join::adopt::adopt;
use crate::join::links::Links;
use crate::join::{self, Detail, Ground};
use crate::keys::Keys;
use crate::path::Path;
use crate::path::build::Scene;
use crate::path::domains::OwnDomains;
use crate::plan::{CHUNK_BYTES, Plan, sample_domains, slice};
use crate::row::Row;
use crate::servers::Servers;
use crate::time::Time;

/// What a run is asked for.
#[derive(Clone, Debug)]
pub struct Options {
    /// Own domains as given; empty: guess them.
    pub domains: Vec<String>,
    pub detail: Detail,
    /// Whether messages are to be tied to each other.
    pub links: bool,
    /// Length of a chunk; the answer is the same for every length.
    pub chunk_bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            domains: Vec::new(),
            detail: Detail::default(),
            links: false,
            chunk_bytes: CHUNK_BYTES,
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
    pub faults: Faults,
    pub events: EventCounts,
    pub span: Option<(Time, Time)>,
    /// Stage and the time it took.
    pub stages: Vec<(&'static str, Duration)>,
}

/// Reads everything and hands each message to `each`, which fills one `A` per shard; these come back in a fixed
/// order. `read` is told how many bytes were read.
pub fn run<A: Default + Send>(
    inputs: &mut Inputs,
    options: &Options,
    read: impl Fn(u64) + Sync,
    each: impl Fn(&mut A, &Path<'_>, &Servers) + Sync,
) -> (Outcome, Vec<A>) {
    let mut watch = Watch::new();
    let keys = Keys::default();
    let plan = Plan::new(inputs, options.chunk_bytes);
    watch.lap("plan");
    let own = match options.domains.as_slice() {
        [] => OwnDomains::guessed(sample_domains(inputs, &plan, &keys)),
        given => OwnDomains::given(given.iter().map(String::as_str)),
    };
    watch.lap("domains");
    let yields = parse(inputs, &plan, &keys, read);
    watch.lap("scan");
    let (mut found, ground, mut shards) = gather(inputs, &plan, keys, yields);
    adopt(&mut shards, &ground);
    let links = if options.links {
        Links::of(&shards, &ground)
    } else {
        Links::default()
    };
    watch.lap("gather");
    let scene = Scene {
        servers: &ground.servers,
        own: &own,
        hops: options.detail.hops,
    };
    let built: Vec<(A, u64)> = shards
        .par_iter_mut()
        .map(|rows| {
            let mut made = A::default();
            let each = |path: &Path<'_>| each(&mut made, path, &ground.servers);
            let twice = join::messages(rows, &ground, &scene, &links, options.detail, each);
            (made, twice)
        })
        .collect();
    watch.lap("join");
    let rows_twice = built.iter().map(|(_, twice)| twice).sum();
    found.faults = std::mem::take(&mut found.faults);
    let outcome = Outcome {
        servers: ground.servers,
        own,
        plan,
        rows: found.rows,
        rows_without_id: found.rows_without_id,
        rows_twice,
        faults: found.faults,
        events: found.events,
        span: found.span,
        stages: watch.laps,
    };
    (outcome, built.into_iter().map(|(made, _)| made).collect())
}

/// Finds the rows of all chunks.
fn parse(inputs: &Inputs, plan: &Plan, keys: &Keys, read: impl Fn(u64) + Sync) -> Vec<Yield> {
    plan.chunks
        .par_iter()
        .enumerate()
        .with_max_len(1)
        .map(|(number, chunk)| {
            let found = dialect::parse(slice(inputs, chunk, number as u32), &chunk.layout, keys);
            read((chunk.end - chunk.start) as u64);
            found
        })
        .collect()
}

/// Brings together what the chunks found; only counts and tables are merged, rows are moved.
fn gather<'d>(
    inputs: &'d Inputs,
    plan: &Plan,
    keys: Keys,
    yields: Vec<Yield>,
) -> (Yield, Ground<'d>, Vec<Vec<Row>>) {
    let mut sum = Yield::default();
    let mut ground = Ground {
        slices: plan
            .chunks
            .iter()
            .zip(0..)
            .map(|(c, number)| slice(inputs, c, number))
            .collect(),
        layouts: Vec::new(),
        server_ids: Vec::new(),
        servers: Servers::default(),
        keys,
    };
    let mut by_chunk = Vec::with_capacity(yields.len());
    for found in yields {
        sum.rows += found.rows;
        sum.rows_without_id += found.rows_without_id;
        sum.passed_over += found.passed_over;
        sum.faults.merge(found.faults);
        sum.events.merge(found.events);
        sum.span = match (sum.span, found.span) {
            (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
            (a, b) => a.or(b),
        };
        ground.layouts.push(found.layouts);
        ground.server_ids.push(ground.servers.merge(found.seen));
        by_chunk.push(found.shards);
    }
    let mut shards: Vec<Vec<Vec<Row>>> = (0..SHARDS).map(|_| Vec::new()).collect();
    for chunk in by_chunk {
        for (shard, rows) in shards.iter_mut().zip(chunk) {
            shard.push(rows);
        }
    }
    let shards = shards.into_par_iter().map(|parts| parts.concat()).collect();
    (sum, ground, shards)
}

/// Notes how long each stage took.
struct Watch {
    since: Instant,
    laps: Vec<(&'static str, Duration)>,
}

impl Watch {
    fn new() -> Watch {
        Watch {
            since: Instant::now(),
            laps: Vec::new(),
        }
    }

    fn lap(&mut self, stage: &'static str) {
        self.laps.push((stage, self.since.elapsed()));
        self.since = Instant::now();
    }
}
