//! How fast the older dialects are beside the modern one: `cargo bench --bench legacy`.
//!
//! In: about 32 MB of simulated logs of each dialect, one thread. Out: bytes per second of finding rows (`parse`) and of the
//! whole `report` command. What a message costs hardly depends on the dialect, and old rows are short: `modern` has rows
//! of 1050 bytes (30 columns, 15 kB a message), `2007` of 380 (21 columns, 2.7 kB a message), 2003 of 290 (5.3 kB) and
//! 5.5 of 230 (1.4 kB). The older dialects should have at least half the rate of 2007.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use divan::Bencher;
use divan::counter::BytesCount;
use waybill::dialect::{self, Aim};
use waybill::input::Inputs;
use waybill::keys::Keys;
use waybill::plan::{self, CHUNK_BYTES, Plan};
use waybill::simulate::{self, Generation, Layout, LayoutChoice, Options};

fn main() {
    divan::main();
}

const BYTES: u64 = 32_000_000;

/// The folder with logs of a dialect, written once per run.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("bench-{name}"));
    if folder.join("done").exists() {
        return folder;
    }
    let _ = fs::remove_dir_all(&folder);
    let layout = match name {
        "modern" => LayoutChoice::One(Layout::V2016),
        "2007" => LayoutChoice::One(Layout::V2007),
        "5.5" => LayoutChoice::Legacy(Generation::Old),
        _ => LayoutChoice::Legacy(Generation::New),
    };
    let options = Options {
        layout,
        users: 1000,
        size_bytes: Some(BYTES),
        ..Options::default()
    };
    let logs = if name == "xml" {
        folder.join("logs")
    } else {
        folder.clone()
    };
    simulate::run(&options, &logs).expect("the logs can be written");
    fs::remove_file(logs.join("truth.jsonl")).expect("the truth was written");
    if name == "xml" {
        let history = folder.join("history.xml");
        let mut events = Command::new(env!("CARGO_BIN_EXE_waybill"));
        events
            .args(["events", "--quiet", "--format", "xml", "--output"])
            .arg(&history)
            .arg(&logs);
        events.status().expect("waybill runs");
        fs::remove_dir_all(&logs).expect("the logs can be taken away");
    }
    fs::write(folder.join("done"), "").expect("the folder can be written");
    folder
}

const NAMES: [&str; 5] = ["modern", "2007", "2003", "5.5", "xml"];

#[divan::bench(args = NAMES, sample_count = 10)]
fn parse(bencher: Bencher, name: &str) {
    let folder = folder(name);
    let mut inputs = Inputs::open(&[folder.to_string_lossy().into_owned()]).expect("logs");
    let plan = Plan::new(&mut inputs, CHUNK_BYTES);
    let keys = Keys::default();
    bencher
        .counter(BytesCount::new(plan.bytes))
        .bench_local(|| {
            let rows = |chunk| {
                dialect::parse(
                    plan::slice(&inputs, chunk, 0),
                    &chunk.layout,
                    &keys,
                    Aim::Rows,
                )
                .rows
            };
            plan.chunks.iter().map(rows).sum::<u64>()
        });
}

#[divan::bench(args = NAMES, sample_count = 5)]
fn report(bencher: Bencher, name: &str) {
    let folder = folder(name);
    let mut inputs = Inputs::open(&[folder.to_string_lossy().into_owned()]).expect("logs");
    let bytes = Plan::new(&mut inputs, CHUNK_BYTES).bytes;
    bencher.counter(BytesCount::new(bytes)).bench_local(|| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_waybill"));
        command
            .args(["report", "--quiet", "--threads", "1"])
            .arg(&folder);
        command
            .stdout(Stdio::null())
            .status()
            .expect("waybill runs");
    });
}
