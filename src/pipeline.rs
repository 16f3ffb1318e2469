//! The run in one screen: who does what in which order, and on which threads.
//!
//! In: inputs, a plan and options. Out: [`Outcome`], with every message handed to a [`Taker`]. Stages know nothing of
//! each other; threads, barriers and the order of merging are decided here and nowhere else.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Mutex;

use rayon::prelude::*;

use crate::dialect::{self, EventCounts, Layout, SHARDS, Slice, Yield};
use crate::event::ServerId;
use crate::fault::Faults;
use crate::input::Inputs;
use crate::join::adopt::Adoption;
use crate::join::links::Links;
use crate::join::shard::{Closing, Shard, Taker};
use crate::join::tie::{Noted, Ties};
use crate::join::{Detail, Ground, Joint, When};
use crate::keys::Keys;
use crate::path::anonymous::Anonymous;
use crate::path::build::Scene;
use crate::path::domains::OwnDomains;
use crate::plan::{self, Chunk, Plan, Survey, WINDOW_BYTES, slice};
use crate::row::Row;
use crate::servers::Servers;
use crate::time::{DAY, Time};
use crate::watch::{Lap, Watch};

/// What a run is asked for. The answer is the same for every `window_bytes`.
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
    /// About this many bytes of logs are joined at a time.
    pub window_bytes: u64,
    /// People and domains under other names.
    pub anonymous: Option<Anonymous>,
    /// What earlier runs read, where this one goes on.
    pub earlier: Servers,
    /// Rows before this instant come too late: the messages they would belong to were closed by an earlier run.
    pub not_before: Option<Time>,
    /// Messages with a row from here on are open: their rows are shown to the taker.
    pub keep_from: Option<Time>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            domains: Vec::new(),
            detail: Detail::default(),
            when: When::Finished,
            links: false,
            horizon: 3 * DAY,
            window_bytes: WINDOW_BYTES,
            anonymous: None,
            earlier: Servers::default(),
            not_before: None,
            keep_from: None,
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
    /// Rows left out because they came too late.
    pub rows_late: u64,
    /// All layouts met, by the number that rows have.
    pub layouts: Vec<Layout>,
    pub faults: Faults,
    pub events: EventCounts,
    pub span: Option<(Time, Time)>,
    /// Rows by file.
    pub by_file: BTreeMap<u32, FileRows>,
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

/// Reads everything window by window and hands each message to a taker, of which every thread has one. After each
/// window `window_done` may write what the takers have; `read` is told how many bytes were read.
///
/// # Errors
/// What `window_done` returns.
pub fn run<T: Taker + Send, E>(
    inputs: &Inputs,
    mut plan: Plan,
    survey: Survey,
    options: &Options,
    read: impl Fn(u64) + Sync,
    make: impl Fn() -> T,
    mut window_done: impl FnMut(&mut [Mutex<T>]) -> Result<(), E>,
) -> Result<(Outcome, Vec<T>), E> {
    let (looked, cut) = (survey.took, plan.took);
    let mut watch = Stopwatch::start();
    let mut takers: Vec<Mutex<T>> = (0..rayon::current_num_threads())
        .map(|_| Mutex::new(make()))
        .collect();
    let mut ground = ground(inputs, &plan.chunks, Keys::default());
    ground.servers = options.earlier.clone();
    let own = match options.domains.as_slice() {
        [] => OwnDomains::guessed(survey.domains),
        given => OwnDomains::given(given.iter().map(String::as_str)),
    };
    ground.servers.survey(survey.servers);
    let windows = plan.windows(options.window_bytes);
    let given = given_hosts(inputs, &mut ground);
    let mut ties = match windows.len() {
        0 | 1 => Ties::default(), // the only window's own rows tell
        _ => ties(inputs, &plan, &ground.keys, &given),
    };
    watch.lap("ties");
    let mut adoption = Adoption::new(plan.is_mixed(), windows.len() > 1);
    let mut links = Links::default();
    let mut sums = Sums::default();
    let mut shards: Vec<Shard> = (0..SHARDS).map(|_| Shard::default()).collect();
    let mut held: Vec<Vec<Row>> = (0..SHARDS).map(|_| Vec::new()).collect();
    for (number, window) in windows.iter().enumerate() {
        let last = number + 1 == windows.len();
        let mut yields = parse(
            inputs,
            &mut plan,
            window.clone(),
            &ground.keys,
            false,
            &read,
        );
        sums.rows_late += settle(&mut yields, &plan.chunks[window.clone()], options);
        if windows.len() == 1 && plan.has_foreign() {
            for (found, slice) in yields.iter_mut().zip(&ground.slices) {
                dialect::note_exchange_hops(found, *slice, &ground.keys);
            }
        }
        if windows.len() == 1 && plan.chunks.iter().any(|c| dialect::has_ties(&c.layout)) {
            ties = Ties::of(yields.iter_mut().map(Ties::noted).collect(), &given);
        }
        ground.servers.alias(ties.aliases());
        watch.lap("scan");
        let watermark = plan.watermark(window.end);
        let mut rows = gather(yields, &ties, &mut sums, &mut ground, &mut held, watermark);
        let late = adoption.place(&mut rows, &ties, &ground);
        if options.links {
            links.note(&rows, &ground);
        }
        watch.lap("gather");
        let scene = Scene {
            servers: &ground.servers,
            own: &own,
            horizon: options.horizon,
            hops: options.detail.hops,
            anonymous: options.anonymous.as_ref(),
        };
        let joint = Joint {
            ground: &ground,
            scene: &scene,
            links: &links,
            detail: options.detail,
            when: options.when,
            keep_from: options.keep_from,
        };
        for (key, home) in late {
            let moved = with_taker(&takers, |taker| {
                shards[dialect::shard(key)].surrender(key, home, &joint, taker)
            });
            rows[dialect::shard(home)].push(moved);
        }
        shards.par_iter_mut().zip(rows).for_each(|(shard, rows)| {
            with_taker(&takers, |taker| shard.window(&rows, last, &joint, taker));
        });
        if !last {
            close(&mut shards, watermark, &joint, &takers);
            adoption.forget(watermark, options.horizon);
        }
        watch.lap("join");
        window_done(&mut takers)?;
        watch.lap("write");
    }
    let twice: i64 = shards.iter().map(|shard| shard.rows_twice).sum();
    let outcome = Outcome {
        servers: ground.servers,
        own,
        plan,
        rows: sums.rows,
        rows_without_id: sums.rows_without_id,
        rows_twice: twice.max(0) as u64,
        rows_late: sums.rows_late,
        layouts: ground.layouts,
        faults: sums.faults,
        events: sums.events,
        span: sums.span,
        by_file: sums.by_file,
        stages: Stages {
            cut,
            looked,
            windows: windows.len(),
            laps: watch.laps,
            end: watch.watch,
        },
    };
    let takers = takers.into_iter();
    let takers = takers.map(|taker| taker.into_inner().expect("a panic ends the run"));
    Ok((outcome, takers.collect()))
}

/// Works with the taker of this thread, which no other thread asks for.
fn with_taker<T, R>(takers: &[Mutex<T>], work: impl FnOnce(&mut T) -> R) -> R {
    let thread = rayon::current_thread_index().unwrap_or(0);
    work(&mut takers[thread].lock().expect("a panic ends the run"))
}

/// Closes what is over at the end of a window, in all shards up to the same instant.
fn close<T: Taker + Send>(
    shards: &mut [Shard],
    watermark: Time,
    joint: &Joint<'_>,
    takers: &[Mutex<T>],
) {
    let floors = shards
        .par_iter()
        .map(|shard| shard.floor(watermark, joint.scene.horizon));
    let floor = floors.min().unwrap_or(watermark);
    let closing = Closing { watermark, floor };
    shards.par_iter_mut().for_each(|shard| {
        with_taker(takers, |taker| shard.close(Some(closing), joint, taker));
    });
}

/// Finds the rows of a window's chunks; `loose` rows, those without any id, are kept only if asked for. What follows
/// a header inside a file is read by the columns that it binds, if need be once more.
fn parse(
    inputs: &Inputs,
    plan: &mut Plan,
    window: Range<usize>,
    keys: &Keys,
    loose: bool,
    read: impl Fn(u64) + Sync,
) -> Vec<Yield> {
    let one = |chunks: &[Chunk], number: usize| {
        let chunk = &chunks[number];
        let slice = Slice {
            keep_loose: loose,
            ..slice(inputs, chunk, number as u32)
        };
        let mut found = dialect::parse(slice, &chunk.layout, keys);
        found.file = chunk.file;
        if let Some(lines) = found.lines {
            let (start, end) = (chunk.start as u64, chunk.end as u64);
            inputs.files[chunk.file as usize].note_lines(start, end, lines);
        }
        found
    };
    let each = window.clone().into_par_iter().with_max_len(1);
    let mut yields: Vec<Yield> = each
        .map(|number| {
            let found = one(&plan.chunks, number);
            let chunk = &plan.chunks[number];
            if !chunk.carried {
                read((chunk.end - chunk.start) as u64);
            }
            found
        })
        .collect();
    loop {
        let bound: Vec<Option<Layout>> = yields.iter().map(|found| found.bound.clone()).collect();
        let stale = plan.rebind(window.clone(), &bound);
        if stale.is_empty() {
            return yields;
        }
        let again: Vec<(usize, Yield)> = stale
            .into_par_iter()
            .map(|number| (number - window.start, one(&plan.chunks, number)))
            .collect();
        for (at, found) in again {
            yields[at] = found;
        }
    }
}

/// What earlier runs have done is not done again: rows that they counted are only joined, and rows that come too late
/// are left out and counted.
fn settle(yields: &mut [Yield], chunks: &[Chunk], options: &Options) -> u64 {
    let mut late = 0;
    for (found, chunk) in yields.iter_mut().zip(chunks) {
        match options.not_before {
            _ if chunk.carried => found.forget_counts(),
            Some(time) => late += found.leave_out_before(time),
            None => {}
        }
    }
    late
}

/// What the logs of 2003 and before say about identifiers of one message, and which ids are reports: known for all
/// windows before the first, so that no message has to change its key. Those logs are read once more for it.
fn ties(inputs: &Inputs, plan: &Plan, keys: &Keys, given: &[(u64, u64)]) -> Ties {
    let leads_on = plan.has_foreign();
    let legacy: Vec<&Chunk> = plan
        .chunks
        .iter()
        .filter(|chunk| leads_on || dialect::has_ties(&chunk.layout))
        .collect();
    let parts = legacy
        .into_par_iter()
        .with_max_len(1)
        .map(|chunk| {
            let slice = slice(inputs, chunk, 0);
            let mut found = dialect::ties(slice, &chunk.layout, keys);
            if leads_on {
                dialect::note_exchange_hops(&mut found, slice, keys);
            }
            Ties::noted(&mut found)
        })
        .collect();
    Ties::of(parts, given)
}

/// Other names of hosts as given: known to the servers, and by key.
fn given_hosts(inputs: &Inputs, ground: &mut Ground<'_>) -> Vec<(u64, u64)> {
    let hosts = &inputs.assumed.hosts;
    let aliases = hosts
        .iter()
        .map(|(address, host)| (address.as_str().into(), host.as_str().into()));
    ground.servers.alias(&aliases.collect());
    let keys = &ground.keys;
    let key = |(address, host): &(String, String)| {
        (
            keys.caseless(address.as_bytes()),
            keys.host(host.as_bytes()),
        )
    };
    hosts.iter().map(key).collect()
}

/// What chunks found, brought together: counts and tables merged, rows by shard as they lie, with the run's numbers of
/// servers and layouts. Chunks end at different times; rows from `watermark` on are held for the next window, so that a
/// window ends for all servers at one instant and cuts through few messages.
fn gather(
    yields: Vec<Yield>,
    ties: &Ties,
    sums: &mut Sums,
    ground: &mut Ground<'_>,
    held: &mut [Vec<Row>],
    watermark: Time,
) -> Vec<Vec<Vec<Row>>> {
    let mut shards: Vec<Vec<(Vec<Row>, usize)>> = (0..SHARDS).map(|_| Vec::new()).collect();
    let mut numbers = Vec::with_capacity(yields.len());
    for (i, mut found) in yields.into_iter().enumerate() {
        let rows = ties.place(
            std::mem::take(&mut found.shards),
            std::mem::take(&mut found.reports),
        );
        numbers.push(sums.add(found, ground));
        for (shard, rows) in shards
            .iter_mut()
            .zip(rows)
            .filter(|(_, rows)| !rows.is_empty())
        {
            shard.push((rows, i));
        }
    }
    let whole = |(parts, held): (Vec<(Vec<Row>, usize)>, &mut Vec<Row>)| {
        let mut all = vec![std::mem::take(held)];
        held.extend(all[0].extract_if(.., |row| row.time >= watermark));
        for (mut rows, chunk) in parts {
            let mut later = false;
            for row in &mut rows {
                numbers[chunk].renumber(row);
                later |= row.time >= watermark;
            }
            if later {
                held.extend(rows.extract_if(.., |row| row.time >= watermark));
            }
            all.push(rows);
        }
        all
    };
    shards.into_par_iter().zip(held).map(whole).collect()
}

/// The run's numbers for a chunk's own.
struct Numbers {
    servers: Vec<ServerId>,
    layouts: Vec<u8>,
}

impl Numbers {
    #[inline]
    fn renumber(&self, row: &mut Row) {
        row.server = self.servers[usize::from(row.server)].0;
        row.layout = self.layouts[usize::from(row.layout)];
    }
}

fn ground<'d>(inputs: &'d Inputs, chunks: &[Chunk], keys: Keys) -> Ground<'d> {
    let slices = chunks
        .iter()
        .zip(0..)
        .map(|(chunk, number)| slice(inputs, chunk, number))
        .collect();
    Ground {
        slices,
        layouts: Vec::new(),
        servers: Servers::default(),
        keys,
    }
}

/// Counts of all chunks.
#[derive(Default)]
struct Sums {
    rows: u64,
    rows_late: u64,
    rows_without_id: u64,
    faults: Faults,
    events: EventCounts,
    span: Option<(Time, Time)>,
    by_file: BTreeMap<u32, FileRows>,
}

impl Sums {
    /// Takes in one chunk's counts, and its tables into `ground`.
    fn add(&mut self, found: Yield, ground: &mut Ground<'_>) -> Numbers {
        self.rows += found.rows;
        self.rows_without_id += found.rows_without_id;
        let of_file = self.by_file.entry(found.file).or_default();
        of_file.rows += found.rows;
        of_file.bad_rows += found.faults.damaged();
        of_file.span = union(of_file.span, found.span);
        self.faults.merge(found.faults);
        self.events.merge(found.events);
        self.span = union(self.span, found.span);
        Numbers {
            servers: ground.servers.merge(found.seen),
            layouts: found
                .layouts
                .iter()
                .map(|layout| ground.layout(layout))
                .collect(),
        }
    }
}

/// The time that holds both.
fn union(a: Option<(Time, Time)>, b: Option<(Time, Time)>) -> Option<(Time, Time)> {
    match (a, b) {
        (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
        (a, b) => a.or(b),
    }
}

/// Reading row by row, in the order of files: for commands that do not join.
pub struct Reading {
    plan: Plan,
    keys: Keys,
    next: usize,
    sums: Sums,
    servers: Servers,
    /// What rows said about other hosts' records, for their names.
    noted: Vec<Noted>,
    watch: Watch,
}

impl Reading {
    /// Plans the reading of all inputs.
    pub fn new(inputs: &mut Inputs, chunk_bytes: usize) -> Reading {
        let mut plan = Plan::new(inputs, chunk_bytes);
        plan.chunks.sort_by_key(|chunk| (chunk.file, chunk.start));
        plan.number();
        let (keys, sums, servers) = (Keys::default(), Sums::default(), Servers::default());
        Reading {
            noted: Vec::new(),
            plan,
            keys,
            next: 0,
            sums,
            servers,
            watch: Watch::start(),
        }
    }

    /// The rows of the next `chunks` chunks, each chunk's by itself; `None` at the end.
    pub fn batch<'d>(
        &mut self,
        inputs: &'d Inputs,
        chunks: usize,
    ) -> Option<(Ground<'d>, Vec<Vec<Row>>)> {
        let until = self.plan.chunks.len().min(self.next + chunks);
        let batch = self.next..until;
        self.next = until;
        if batch.is_empty() {
            return None;
        }
        let yields = parse(
            inputs,
            &mut self.plan,
            batch.clone(),
            &self.keys,
            true,
            |_| {},
        );
        let mut ground = ground(inputs, &self.plan.chunks[batch.clone()], self.keys.clone());
        ground.servers = std::mem::take(&mut self.servers);
        let mut rows = Vec::with_capacity(batch.len());
        for mut found in yields {
            if self.plan.has_foreign() {
                self.noted.push(Ties::noted(&mut found));
            }
            let mut own = std::mem::take(&mut found.loose);
            own.extend(found.reports.iter().map(|report| report.row));
            own.extend(std::mem::take(&mut found.shards).into_iter().flatten());
            let numbers = self.sums.add(found, &mut ground);
            for row in &mut own {
                numbers.renumber(row);
                row.chunk -= batch.start as u32;
            }
            rows.push(own);
        }
        self.servers = ground.servers.clone();
        Some((ground, rows))
    }

    /// What was found beside the rows, after the last batch.
    pub fn outcome(mut self) -> Outcome {
        let cut = self.plan.took;
        if !self.noted.is_empty() {
            let ties = Ties::of(std::mem::take(&mut self.noted), &[]);
            self.servers.alias(ties.aliases());
        }
        Outcome {
            servers: self.servers,
            own: OwnDomains::default(),
            plan: self.plan,
            rows: self.sums.rows,
            rows_without_id: self.sums.rows_without_id,
            rows_twice: 0,
            rows_late: 0,
            layouts: Vec::new(),
            faults: self.sums.faults,
            events: self.sums.events,
            span: self.sums.span,
            by_file: self.sums.by_file,
            stages: Stages {
                cut,
                looked: Lap::default(),
                windows: 1,
                laps: vec![("read", self.watch.lap())],
                end: Watch::start(),
            },
        }
    }
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

/// Notes how long each stage took, all windows together.
struct Stopwatch {
    watch: Watch,
    laps: Vec<(&'static str, Lap)>,
}

impl Stopwatch {
    fn start() -> Stopwatch {
        Stopwatch {
            watch: Watch::start(),
            laps: Vec::new(),
        }
    }

    fn lap(&mut self, stage: &'static str) {
        let lap = self.watch.lap();
        match self.laps.iter_mut().find(|(name, _)| *name == stage) {
            Some((_, sum)) => sum.add(lap),
            None => self.laps.push((stage, lap)),
        }
    }
}
