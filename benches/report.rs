//! What the report costs beside counting fates, and what merging saved days costs.
//!
//! `cargo bench --bench report`. CPU time of one thread, from the kernel's scheduler (Linux), because the machine may
//! be busy: the gigabyte of `benches/peers` (8 servers, 2 Edge, one day, 30 columns) is joined five times each way, in turn,
//! and the smallest times are compared; 365 saved days of 2,000 messages (52 different ones, each seven times) are merged.
//! `WAYBILL_BENCH_LOGS=FOLDER` compares on the logs of a folder instead.

mod fates;

use std::fs;
use std::path::{Path as Folder, PathBuf};
use std::time::Instant;

use fates::{Fates, read};
use waybill::command::days;
use waybill::event::ServerId;
use waybill::join::shard::Taker;
use waybill::path::{Class, Path};
use waybill::report::{Facts, Report, ReportOptions};
use waybill::saved::Saved;
use waybill::servers::Servers;
use waybill::simulate;
use waybill::tally::{Tally, TallyOptions};

const ROUNDS: usize = 5;
const DAYS: usize = 365;
const DIFFERENT_DAYS: usize = 52;

fn main() {
    let folder = std::env::temp_dir().join(format!("waybill-bench-{}", std::process::id()));
    let given = std::env::var_os("WAYBILL_BENCH_LOGS").map(PathBuf::from);
    let one = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build()
        .expect("a thread");
    if let Some(logs) = given {
        return one.install(|| report(&logs));
    }
    let gigabyte = folder.join("logs");
    let options = simulate::Options {
        servers: 8,
        edges: 2,
        users: 5_000,
        size_bytes: Some(1_000_000_000),
        ..simulate::Options::default()
    };
    simulate::run(&options, &gigabyte).expect("simulated");
    one.install(|| report(&gigabyte));
    let _ = fs::remove_dir_all(&gigabyte);
    let days = save(&folder);
    for threads in [1, 2] {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .expect("threads");
        let seconds: Vec<f64> = (0..ROUNDS).map(|_| pool.install(|| merge(&days))).collect();
        let least = seconds.iter().copied().fold(f64::MAX, f64::min);
        println!("merge of {DAYS} days, {threads} threads: {least:.3} s wall");
    }
    let _ = fs::remove_dir_all(&folder);
}

fn report(logs: &Folder) {
    let fates = || drop(read::<Fates>(logs));
    let full = || {
        let (tallies, names) = read::<Everything>(logs);
        let mut sum = Tally::new(TallyOptions::default());
        tallies.into_iter().for_each(|tally| sum.merge(tally.0));
        let names = |id: ServerId| names[usize::from(id.0)].clone();
        let report = Report::new(&sum, Facts::none(), &ReportOptions::default(), &names);
        waybill::inert::write_json(&report, &mut std::io::sink()).expect("written");
    };
    // A heap that was never used is quicker, and only the first would have it.
    full();
    let (mut least_fates, mut least_full) = (f64::MAX, f64::MAX);
    for _ in 0..ROUNDS {
        least_fates = least_fates.min(cpu(fates));
        least_full = least_full.min(cpu(full));
    }
    let (fates, full) = (least_fates, least_full);
    let more = 100.0 * (full / fates - 1.0);
    println!("fates {fates:.3} s, full report {full:.3} s: {more:.1} % more CPU");
}

fn simulated(folder: &Folder, seed: u64, messages_per_day: u64) {
    let options = simulate::Options {
        seed,
        messages_per_day,
        days: 1,
        users: 2_000,
        ..simulate::Options::default()
    };
    simulate::run(&options, folder).expect("simulated");
}

/// Counts everything.
#[derive(Default)]
struct Everything(Tally);

impl Taker for Everything {
    fn add(&mut self, path: &Path<'_>, _: &Servers, weight: i64) -> Option<Class> {
        self.0.add(path, weight);
        Some(path.class)
    }

    fn more_rows(&mut self, class: Class, rows: i64) {
        self.0.add_rows(class, rows);
    }
}

fn save(folder: &Folder) -> Vec<PathBuf> {
    let mut different = Vec::new();
    for seed in 0..DIFFERENT_DAYS {
        let logs = folder.join(format!("day{seed}"));
        simulated(&logs, seed as u64, 2_000);
        let (tallies, names) = read::<Everything>(&logs);
        let mut tally = Tally::new(TallyOptions::default());
        tallies.into_iter().for_each(|more| tally.merge(more.0));
        tally.name_rows(&|place| format!("{}:{}", place.file, place.line));
        let facts = Facts::none();
        let path = folder.join(format!("{seed}.waybill"));
        Saved {
            names,
            facts,
            tally,
        }
        .write(&path)
        .expect("saved");
        let _ = fs::remove_dir_all(&logs);
        different.push(path);
    }
    different.into_iter().cycle().take(DAYS).collect()
}

fn merge(days: &[PathBuf]) -> f64 {
    let begun = Instant::now();
    let sum = days::merge_all(days, |_| true)
        .expect("merged")
        .expect("days");
    assert!(sum.tally.totals.counted.messages > 0);
    begun.elapsed().as_secs_f64()
}

/// Seconds that this thread was on a processor.
fn cpu(work: impl FnOnce()) -> f64 {
    let now = || -> u64 {
        let stat = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
        stat.split(' ')
            .next()
            .and_then(|ns| ns.parse().ok())
            .unwrap_or(0)
    };
    let before = now();
    work();
    (now() - before) as f64 / 1e9
}
