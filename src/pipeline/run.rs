//! Window by window: rows are read, brought together and joined, and what is over is handed on.
//!
//! In: inputs, a plan, options. Out: every message, handed to a [`Taker`], and the [`Outcome`].

use std::ops::Range;
use std::sync::Mutex;

use rayon::prelude::*;

use super::chunks::{Keep, Sums, gather, given_hosts, ground, parse, settle, ties};
use super::{Options, Outcome, Stages};
use crate::dialect::{self, SHARDS, Yield};
use crate::input::Inputs;
use crate::join::adopt::Adoption;
use crate::join::links::Links;
use crate::join::shard::{Closing, Shard, Taker};
use crate::join::tie::Ties;
use crate::join::{Ground, Joint, When};
use crate::path::build::Scene;
use crate::path::domains::OwnDomains;
use crate::plan::{Plan, Survey};
use crate::row::Row;
use crate::time::Time;
use crate::watch::{Lap, Watch};

/// Reads everything window by window and hands each message to a taker, of which every thread has one. After each
/// window `window_done` may write what the takers have; `read` is told how many bytes were read.
///
/// # Errors
/// What `window_done` returns.
pub fn run<T: Taker + Send, E>(
    inputs: &Inputs,
    plan: Plan,
    survey: Survey,
    options: &Options,
    read: impl Fn(u64) + Sync,
    make: impl Fn() -> T,
    mut window_done: impl FnMut(&mut [Mutex<T>]) -> Result<(), E>,
) -> Result<(Outcome, Vec<T>), E> {
    let mut takers: Vec<Mutex<T>> = (0..rayon::current_num_threads())
        .map(|_| Mutex::new(make()))
        .collect();
    let mut run = Run::start(inputs, plan, survey, options);
    for number in 0..run.windows.len() {
        let yields = run.scan(number, &read);
        let gathered = run.gather(number, yields);
        run.join(number, gathered, &takers);
        window_done(&mut takers)?;
        run.watch.lap("write");
    }
    let takers = takers.into_iter();
    let takers = takers.map(|taker| taker.into_inner().expect("a panic ends the run"));
    Ok((run.finish(), takers.collect()))
}

/// What one window leaves to the next.
struct Run<'r> {
    inputs: &'r Inputs,
    options: &'r Options,
    plan: Plan,
    windows: Vec<Range<usize>>,
    own: OwnDomains,
    ground: Ground<'r>,
    /// Other names of hosts as given.
    given: Vec<(u64, u64)>,
    ties: Ties,
    adoption: Adoption,
    links: Links,
    shards: Vec<Shard>,
    /// Rows of later windows that were read already, by shard.
    held: Vec<Vec<Row>>,
    sums: Sums,
    looked: Lap,
    watch: Stopwatch,
}

/// The rows of a window by shard and chunk, and messages that are to move from one key to another.
struct Gathered {
    rows: Vec<Vec<Vec<Row>>>,
    late: Vec<(u64, u64)>,
}

impl<'r> Run<'r> {
    fn start(inputs: &'r Inputs, plan: Plan, survey: Survey, options: &'r Options) -> Run<'r> {
        let mut watch = Stopwatch::start();
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
        let ties = match windows.len() {
            0 | 1 => Ties::default(), // the only window's own rows tell
            _ => ties(inputs, &plan, &mut ground, &given),
        };
        watch.lap("ties");
        Run {
            inputs,
            options,
            adoption: Adoption::new(plan.is_mixed(), windows.len() > 1),
            plan,
            windows,
            own,
            ground,
            given,
            ties,
            links: Links::default(),
            shards: (0..SHARDS).map(|_| Shard::default()).collect(),
            held: (0..SHARDS).map(|_| Vec::new()).collect(),
            sums: Sums::default(),
            looked: survey.took,
            watch,
        }
    }

    /// Whether window `number` is the last one.
    fn is_last(&self, number: usize) -> bool {
        number + 1 == self.windows.len()
    }

    /// The instant before which no window behind `number` has a row.
    fn watermark(&self, number: usize) -> Time {
        self.plan.watermark(self.windows[number].end)
    }

    /// Reads the rows of a window, and what they say of names and identifiers if no window was looked at before.
    fn scan(&mut self, number: usize, read: impl Fn(u64) + Sync) -> Vec<Yield> {
        let window = self.windows[number].clone();
        let is_only = self.windows.len() == 1;
        let keep = Keep {
            loose: false,
            hops: is_only,
        };
        let (plan, ground) = (&mut self.plan, &mut self.ground);
        let mut yields = parse(self.inputs, plan, window.clone(), &ground.keys, keep, read);
        self.sums.rows_late += settle(&mut yields, &plan.chunks[window], self.options);
        if is_only {
            let leads_on = plan.has_foreign();
            if leads_on {
                for (found, slice) in yields.iter_mut().zip(&ground.slices) {
                    dialect::note_exchange_hops(found, *slice, &ground.keys);
                }
            }
            if leads_on || plan.chunks.iter().any(|c| dialect::has_ties(&c.layout)) {
                let noted = yields.iter_mut().map(Ties::noted).collect();
                self.ties = Ties::of(noted, &self.given);
            }
        }
        ground.servers.alias(self.ties.aliases());
        ground.servers.keep_apart(self.ties.strangers());
        self.watch.lap("scan");
        yields
    }

    /// Brings the rows of a window to the messages they are of.
    fn gather(&mut self, number: usize, yields: Vec<Yield>) -> Gathered {
        let watermark = self.watermark(number);
        let yields = (self.windows[number].start, yields);
        let (ties, sums) = (&self.ties, &mut self.sums);
        let (ground, held) = (&mut self.ground, &mut self.held);
        let mut rows = gather(yields, ties, sums, ground, held, watermark);
        let late = self.adoption.place(&mut rows, ties, ground);
        if self.options.links {
            if number == 0 {
                self.links.tie_reports(ties.reports(), ground);
            }
            self.links.note(&rows, ground, watermark);
        }
        self.watch.lap("gather");
        Gathered { rows, late }
    }

    /// Makes the paths of what is over and hands them to the takers.
    fn join<T: Taker + Send>(&mut self, number: usize, found: Gathered, takers: &[Mutex<T>]) {
        let (last, watermark) = (self.is_last(number), self.watermark(number));
        let options = self.options;
        let scene = Scene {
            servers: &self.ground.servers,
            own: &self.own,
            horizon: options.horizon,
            hops: options.detail.hops,
            anonymous: options.anonymous.as_ref(),
        };
        let joint = Joint {
            ground: &self.ground,
            scene: &scene,
            links: &self.links,
            ambiguous: self.ties.ambiguous(),
            detail: options.detail,
            when: options.when,
            keep_from: options.keep_from,
        };
        let Gathered { mut rows, late } = found;
        let shards = &mut self.shards;
        for (key, home) in late {
            let moved = with_taker(takers, |taker| {
                shards[dialect::shard(key)].surrender(key, home, &joint, taker)
            });
            rows[dialect::shard(home)].push(moved);
        }
        shards.par_iter_mut().zip(rows).for_each(|(shard, rows)| {
            with_taker(takers, |taker| shard.window(&rows, last, &joint, taker));
        });
        if !last {
            close(shards, watermark, &joint, takers);
            self.adoption.forget(watermark, options.horizon);
        }
        self.watch.lap("join");
    }

    fn finish(self) -> Outcome {
        let twice: i64 = self.shards.iter().map(|shard| shard.rows_twice).sum();
        let sums = self.sums;
        Outcome {
            servers: self.ground.servers,
            own: self.own,
            rows: sums.rows,
            rows_without_id: sums.rows_without_id,
            rows_twice: twice.max(0) as u64,
            ambiguous: self.ties.ambiguous().len() as u64,
            rows_late: sums.rows_late,
            layouts: self.ground.layouts,
            faults: sums.faults,
            events: sums.events,
            span: sums.span,
            by_file: sums.by_file,
            stages: Stages {
                cut: self.plan.took,
                looked: self.looked,
                windows: self.windows.len(),
                laps: self.watch.laps,
                end: self.watch.watch,
            },
            plan: self.plan,
        }
    }
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
