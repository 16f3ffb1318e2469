//! How fast each stage is, and whole commands: `cargo bench`.
//!
//! In: 64 MB of simulated logs, written once per run. Out: times, bytes per second of log, rows per second. The
//! comparison with other programs is `benches/peers/compare.py`.

use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use bumpalo::Bump;
use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use waybill::dialect::{self, SHARDS};
use waybill::input::Inputs;
use waybill::join::adopt::Adoption;
use waybill::join::hop::Ambiguous;
use waybill::join::links::Links;
use waybill::join::shard::{Shard, Taker};
use waybill::join::tie::Ties;
use waybill::join::{Detail, Ground, Joint, When};
use waybill::path::build::Scene;
use waybill::path::domains::OwnDomains;
use waybill::path::{Class, Path as MessagePath};
use waybill::pipeline::Reading;
use waybill::plan::CHUNK_BYTES;
use waybill::row::Row;
use waybill::scan::{self, Block, MAX_FIELDS, Portable, Scan};
use waybill::servers::Servers;
use waybill::simulate;
use waybill::time::DAY;

fn main() {
    divan::main();
}

/// The columns that paths need are among the first 25 of the widest layout.
const WANTED: usize = 25;

/// The folder with the logs.
fn folder() -> &'static Path {
    &logs().0
}

/// The logs, and somebody who wrote a message in them.
fn logs() -> &'static (PathBuf, String) {
    static LOGS: OnceLock<(PathBuf, String)> = OnceLock::new();
    LOGS.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-logs");
        // A run before may have left logs of another simulator.
        let _ = fs::remove_dir_all(&folder);
        let options = simulate::Options {
            users: 1000,
            size_bytes: Some(64_000_000),
            ..simulate::Options::default()
        };
        simulate::run(&options, &folder).expect("the logs can be written");
        // Not a log, so it must not count as bytes read.
        let truth = folder.join("truth.jsonl");
        let text = fs::read_to_string(&truth).expect("the truth was written");
        fs::remove_file(&truth).expect("it is there");
        let mut messages = text.lines().map(|line| {
            serde_json::from_str::<serde_json::Value>(line).expect("the truth is JSON")
        });
        let mail = messages.find(|message| message["class"] == "mail");
        let sender = mail.expect("there is mail")["sender"]
            .as_str()
            .map(String::from);
        (folder, sender.expect("a sender"))
    })
}

fn inputs() -> Inputs {
    Inputs::open(&[folder().to_string_lossy().into_owned()]).expect("the logs can be read")
}

/// Finds every line's end and the ends of its leading fields.
struct Lines<'d>(&'d Inputs);

impl Scan for Lines<'_> {
    type Output = usize;
    #[inline(always)]
    fn run<B: Block>(self) -> usize {
        let mut ends = [0; MAX_FIELDS];
        let mut lines = 0;
        for file in &self.0.files {
            let mut rest = file.bytes();
            while !rest.is_empty() {
                let line = scan::line::<B>(rest, b',', WANTED, &mut ends);
                black_box(&ends);
                rest = &rest[line.next..];
                lines += 1;
            }
        }
        lines
    }
}

#[divan::bench(sample_count = 20)]
fn scan_portable(bencher: Bencher) {
    let inputs = inputs();
    bencher
        .counter(BytesCount::new(inputs.bytes()))
        .bench_local(|| Lines(&inputs).run::<Portable>());
}

/// What the program itself chooses: AVX-512 where there is any.
#[divan::bench(sample_count = 20)]
fn scan_best(bencher: Bencher) {
    let inputs = inputs();
    bencher
        .counter(BytesCount::new(inputs.bytes()))
        .bench_local(|| scan::best(Lines(&inputs)));
}

/// All rows, found by one thread or two.
fn rows<'d>(inputs: &'d mut Inputs) -> (Ground<'d>, Vec<Vec<Row>>) {
    let mut reading = Reading::new(inputs, CHUNK_BYTES);
    reading
        .batch(inputs, 1 << 20)
        .expect("there are rows in the logs")
}

fn pool(threads: usize) -> rayon::ThreadPool {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    pool.expect("threads can be started")
}

/// From bytes to rows by key.
#[divan::bench(args = [1, 2], sample_count = 10)]
fn parse(bencher: Bencher, threads: usize) {
    let pool = pool(threads);
    bencher
        .counter(BytesCount::new(inputs().bytes()))
        .with_inputs(inputs)
        .bench_local_refs(|inputs| pool.install(|| rows(inputs).1.len()));
}

/// From rows to typed events.
#[divan::bench(sample_count = 10)]
fn decode(bencher: Bencher) {
    let mut inputs = inputs();
    let (ground, chunks) = rows(&mut inputs);
    let count: usize = chunks.iter().map(Vec::len).sum();
    bencher.counter(ItemsCount::new(count)).bench_local(|| {
        let mut arena = Bump::new();
        for row in chunks.iter().flatten() {
            black_box(dialect::event(row, &ground.around(row, &arena)));
            arena.reset();
        }
    });
}

/// Counts recipients.
struct Count(usize);

impl Taker for Count {
    fn add(&mut self, path: &MessagePath<'_>, _: &Servers, _: i64) -> Option<Class> {
        self.0 += path.recipients.len();
        Some(path.class)
    }
    fn more_rows(&mut self, _: Class, _: i64) {}
}

/// From rows by key to paths, sorting included, one thread.
#[divan::bench(sample_count = 10)]
fn join(bencher: Bencher) {
    let mut inputs = inputs();
    let (ground, chunks) = rows(&mut inputs);
    let mut shards = vec![vec![Vec::new()]; SHARDS];
    for row in chunks.into_iter().flatten().filter(|row| row.key != 0) {
        shards[dialect::shard(row.key)][0].push(row);
    }
    Adoption::new(false, false).place(&mut shards, &Ties::default(), &ground);
    let own = OwnDomains::given(["example.com"]);
    let scene = Scene {
        servers: &ground.servers,
        own: &own,
        horizon: 3 * DAY,
        hops: false,
        anonymous: None,
    };
    let joint = Joint {
        ground: &ground,
        scene: &scene,
        links: &Links::default(),
        ambiguous: &Ambiguous::default(),
        detail: Detail::default(),
        when: When::Finished,
        keep_from: None,
    };
    let count: usize = shards.iter().flatten().map(Vec::len).sum();
    bencher.counter(ItemsCount::new(count)).bench_local(|| {
        let mut recipients = Count(0);
        for rows in &shards {
            Shard::default().window(rows, true, &joint, &mut recipients);
        }
        recipients.0
    });
}

/// A whole command as a user runs it, start-up included.
fn command(bencher: Bencher, arguments: &[&str], threads: usize) {
    let bytes = inputs().bytes();
    bencher.counter(BytesCount::new(bytes)).bench_local(|| {
        let status = Command::new(env!("CARGO_BIN_EXE_waybill"))
            .args(arguments)
            .arg(folder())
            .args(["--quiet", "--threads", &threads.to_string()])
            .stdout(Stdio::null())
            .status();
        assert!(status.is_ok_and(|status| status.success()));
    });
}

#[divan::bench(args = [1, 2], sample_count = 10)]
fn report(bencher: Bencher, threads: usize) {
    command(bencher, &["report"], threads);
}

#[divan::bench(args = [1, 2], sample_count = 10)]
fn events_jsonl(bencher: Bencher, threads: usize) {
    command(bencher, &["events", "--format", "jsonl"], threads);
}

#[divan::bench(args = [1, 2], sample_count = 10)]
fn paths_jsonl(bencher: Bencher, threads: usize) {
    command(bencher, &["paths", "--format", "jsonl"], threads);
}

#[divan::bench(args = [1, 2], sample_count = 10)]
fn trace_one_message(bencher: Bencher, threads: usize) {
    command(
        bencher,
        &["trace", "--subject", "Invoice", "--limit", "1"],
        threads,
    );
}

#[divan::bench(args = [1, 2], sample_count = 10)]
fn find_one_sender(bencher: Bencher, threads: usize) {
    command(bencher, &["find", "--sender", &logs().1], threads);
}
