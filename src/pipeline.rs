//! The run in one screen: who does what in which order, and on which threads.
//!
//! In: opened inputs and options. Out: [`Outcome`], with whatever the caller made of every message. Stages know
//! nothing of each other; threads, barriers and the order of merging are decided here and nowhere else.

use std::time::{Duration, Instant};

use rayon::prelude::*;

use crate::dialect::{self, EventCounts, ReportRow, SHARDS, Slice, Yield};
use crate::fault::Faults;
use crate::input::Inputs;
use crate::join::adopt::adopt;
use crate::join::links::Links;
use crate::join::tie::tie;
use crate::join::{self, Detail, Ground};
use crate::keys::Keys;
use crate::path::Path;
use crate::path::build::Scene;
use crate::path::domains::OwnDomains;
use crate::plan::{CHUNK_BYTES, Chunk, Plan, sample_domains, slice};
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
    each: impl Fn(&mut A, &Path<'_>, &Servers, &Inputs) + Sync,
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
    let inputs = &*inputs;
    let yields = parse(inputs, &plan.chunks, &keys, false, read);
    watch.lap("scan");
    let (found, ground, mut shards) = gather(inputs, &plan.chunks, keys, yields);
    let ties = tie(&mut shards, found.ties, found.reports);
    adopt(&mut shards, &ties, &ground);
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
            let each = |path: &Path<'_>| each(&mut made, path, &ground.servers, inputs);
            let twice = join::messages(rows, &ground, &scene, &links, options.detail, each);
            (made, twice)
        })
        .collect();
    watch.lap("join");
    let rows_twice = built.iter().map(|(_, twice)| twice).sum();
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

/// Finds the rows of chunks; `loose` rows, those without any id, are kept only if asked for.
fn parse(
    inputs: &Inputs,
    chunks: &[Chunk],
    keys: &Keys,
    loose: bool,
    read: impl Fn(u64) + Sync,
) -> Vec<Yield> {
    chunks
        .par_iter()
        .enumerate()
        .with_max_len(1)
        .map(|(number, chunk)| {
            let slice = Slice {
                keep_loose: loose,
                ..slice(inputs, chunk, number as u32)
            };
            let found = dialect::parse(slice, &chunk.layout, keys);
            read((chunk.end - chunk.start) as u64);
            found
        })
        .collect()
}

/// What chunks found, brought together: counts and tables merged, rows by shard.
fn gather<'d>(
    inputs: &'d Inputs,
    chunks: &[Chunk],
    keys: Keys,
    yields: Vec<Yield>,
) -> (Sums, Ground<'d>, Vec<Vec<Row>>) {
    let mut sums = Sums::default();
    let mut ground = ground(inputs, chunks, keys);
    let mut shards: Vec<Vec<Vec<Row>>> = (0..SHARDS).map(|_| Vec::new()).collect();
    for mut found in yields {
        let rows = std::mem::take(&mut found.shards);
        sums.add(found, &mut ground);
        for (shard, rows) in shards.iter_mut().zip(rows) {
            shard.push(rows);
        }
    }
    let shards = shards.into_par_iter().map(|parts| parts.concat()).collect();
    (sums, ground, shards)
}

fn ground<'d>(inputs: &'d Inputs, chunks: &[Chunk], keys: Keys) -> Ground<'d> {
    Ground {
        slices: chunks
            .iter()
            .zip(0..)
            .map(|(chunk, number)| slice(inputs, chunk, number))
            .collect(),
        layouts: Vec::new(),
        server_ids: Vec::new(),
        servers: Servers::default(),
        keys,
    }
}

/// Counts of all chunks.
#[derive(Default)]
struct Sums {
    rows: u64,
    rows_without_id: u64,
    faults: Faults,
    events: EventCounts,
    span: Option<(Time, Time)>,
    ties: Vec<(u64, u64)>,
    reports: Vec<ReportRow>,
}

impl Sums {
    /// Takes in one chunk's counts, and its tables into `ground`.
    fn add(&mut self, found: Yield, ground: &mut Ground<'_>) {
        self.rows += found.rows;
        self.rows_without_id += found.rows_without_id;
        self.ties.extend(found.ties);
        self.reports.extend(found.reports);
        self.faults.merge(found.faults);
        self.events.merge(found.events);
        self.span = match (self.span, found.span) {
            (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
            (a, b) => a.or(b),
        };
        ground.layouts.push(found.layouts);
        ground.server_ids.push(ground.servers.merge(found.seen));
    }
}

/// Reading row by row, in the order of files: for commands that do not join.
pub struct Reading {
    plan: Plan,
    keys: Keys,
    next: usize,
    sums: Sums,
    servers: Servers,
    begun: Instant,
}

impl Reading {
    /// Plans the reading of all inputs.
    pub fn new(inputs: &mut Inputs, chunk_bytes: usize) -> Reading {
        let begun = Instant::now();
        let mut plan = Plan::new(inputs, chunk_bytes);
        plan.chunks.sort_by_key(|chunk| (chunk.file, chunk.start));
        let (keys, sums, servers) = (Keys::default(), Sums::default(), Servers::default());
        Reading {
            plan,
            keys,
            next: 0,
            sums,
            servers,
            begun,
        }
    }

    /// The rows of the next `chunks` chunks, each chunk's by itself; `None` at the end.
    pub fn batch<'d>(
        &mut self,
        inputs: &'d Inputs,
        chunks: usize,
    ) -> Option<(Ground<'d>, Vec<Vec<Row>>)> {
        let until = self.plan.chunks.len().min(self.next + chunks);
        let batch = &self.plan.chunks[self.next..until];
        self.next = until;
        if batch.is_empty() {
            return None;
        }
        let yields = parse(inputs, batch, &self.keys, true, |_| {});
        let mut ground = ground(inputs, batch, self.keys.clone());
        ground.servers = std::mem::take(&mut self.servers);
        let mut rows = Vec::with_capacity(batch.len());
        for mut found in yields {
            let mut own = std::mem::take(&mut found.loose);
            own.extend(
                std::mem::take(&mut found.reports)
                    .iter()
                    .map(|report| report.row),
            );
            own.extend(std::mem::take(&mut found.shards).into_iter().flatten());
            rows.push(own);
            self.sums.add(found, &mut ground);
        }
        self.servers = ground.servers.clone();
        Some((ground, rows))
    }

    /// What was found beside the rows, after the last batch.
    pub fn outcome(self) -> Outcome {
        Outcome {
            servers: self.servers,
            own: OwnDomains::default(),
            plan: self.plan,
            rows: self.sums.rows,
            rows_without_id: self.sums.rows_without_id,
            rows_twice: 0,
            faults: self.sums.faults,
            events: self.sums.events,
            span: self.sums.span,
            stages: vec![("events", self.begun.elapsed())],
        }
    }
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
