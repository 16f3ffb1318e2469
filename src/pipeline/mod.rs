//! The run: who does what in which order.
//!
//! In: inputs, a plan and options. Out: [`Outcome`], with every message handed to a [`Taker`]. Stages know nothing of
//! each other; the barriers between them and the order of merging are decided here and nowhere else.

mod chunks;
mod reading;

use std::sync::Mutex;

use hashbrown::HashSet;
use rayon::prelude::*;

use crate::dialect::{self, EventCounts, Layout, SHARDS};
use crate::fault::Faults;
use crate::input::Inputs;
use crate::join::adopt::Adoption;
use crate::join::links::Links;
use crate::join::shard::{Closing, Shard, Taker};
use crate::join::tie::Ties;
use crate::join::{Detail, Joint, When};
use crate::keys::Keys;
use crate::path::anonymous::Anonymous;
use crate::path::build::Scene;
use crate::path::domains::OwnDomains;
use crate::plan::{self, Plan, Survey, WINDOW_BYTES};
use crate::row::{KeyKind, Row};
use crate::servers::Servers;
use crate::time::{DAY, Time};
use crate::watch::{Lap, Watch};

use chunks::{Keep, Sums, gather, given_hosts, ground, parse, settle, ties};
pub use reading::Reading;

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
    let mut ground = ground(inputs, &plan.chunks, options.keys.clone());
    ground.servers = options.earlier.clone();
    let own = match options.domains.as_slice() {
        [] => OwnDomains::guessed(survey.domains),
        given => OwnDomains::given(given.iter().map(String::as_str)),
    };
    ground.servers.survey(survey.servers, survey.suffixes);
    let at_once = options.when == When::Closed || options.keep_from.is_some();
    let own_choice = || plan.window_bytes(at_once);
    let windows = plan.windows(options.window_bytes.unwrap_or_else(own_choice));
    let given = given_hosts(inputs, &mut ground);
    let mut ties = match windows.len() {
        0 | 1 => Ties::default(), // the only window's own rows tell
        _ => ties(inputs, &plan, &mut ground, &given),
    };
    watch.lap("ties");
    let keep = Keep {
        loose: false,
        hops: windows.len() == 1,
    };
    let mut adoption = Adoption::new(plan.is_mixed(), windows.len() > 1);
    let mut links = Links::default();
    let mut sums = Sums::default();
    let mut shards: Vec<Shard> = (0..SHARDS).map(|_| Shard::default()).collect();
    let mut held: Vec<Vec<Row>> = (0..SHARDS).map(|_| Vec::new()).collect();
    for (number, window) in windows.iter().enumerate() {
        let last = number + 1 == windows.len();
        let mut yields = parse(inputs, &mut plan, window.clone(), &ground.keys, keep, &read);
        sums.rows_late += settle(&mut yields, &plan.chunks[window.clone()], options);
        let leads_on = plan.has_foreign();
        if windows.len() == 1 && leads_on {
            for (found, slice) in yields.iter_mut().zip(&ground.slices) {
                dialect::note_exchange_hops(found, *slice, &ground.keys);
            }
        }
        let has_ties = || plan.chunks.iter().any(|c| dialect::has_ties(&c.layout));
        if windows.len() == 1 && (leads_on || has_ties()) {
            ties = Ties::of(yields.iter_mut().map(Ties::noted).collect(), &given);
        }
        ground.servers.alias(ties.aliases());
        ground.servers.keep_apart(ties.strangers());
        watch.lap("scan");
        let watermark = plan.watermark(window.end);
        let yields = (window.start, yields);
        let mut rows = gather(yields, &ties, &mut sums, &mut ground, &mut held, watermark);
        let late = adoption.place(&mut rows, &ties, &ground);
        if options.links {
            if number == 0 {
                links.tie_reports(ties.reports(), &ground);
            }
            links.note(&rows, &ground, watermark);
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
            ambiguous: ties.ambiguous(),
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
        ambiguous: ties.ambiguous().len() as u64,
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
    let floors = || {
        let shards = shards.par_iter();
        shards.map(|shard| shard.floor(watermark, joint.scene.horizon))
    };
    let floor = match joint.when {
        When::Closed => floors().min().unwrap_or(watermark),
        When::Finished => watermark, // nothing is shown in order
    };
    let closing = Closing { watermark, floor };
    shards.par_iter_mut().for_each(|shard| {
        with_taker(takers, |taker| shard.close(Some(closing), joint, taker));
    });
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
