//! How fast Postfix and Exim logs are read, and what pflogsumm and eximstats need for the same files:
//! `cargo bench --bench foreign`; `benches/peers/foreign.py` compares.
//!
//! In: about 64 MB of made-up logs with the mix of lines of real ones, one thread. Out: bytes per second of finding rows
//! (`parse`), through to what became of each recipient (`fates`), and of the whole `report` command. `WAYBILL_BENCH_LOGS=FOLDER` only writes the logs there.

mod fates;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use divan::Bencher;
use divan::counter::BytesCount;
use waybill::dialect::{self, Aim};
use waybill::input::Inputs;
use waybill::keys::Keys;
use waybill::plan::{self, CHUNK_BYTES, Plan};

fn main() {
    if let Some(folder) = std::env::var_os("WAYBILL_BENCH_LOGS") {
        let folder = PathBuf::from(folder);
        for name in ["postfix", "exim"] {
            fs::create_dir_all(&folder).expect("the folder can be made");
            fs::write(folder.join(format!("{name}.log")), log(name))
                .expect("the log can be written");
        }
        return;
    }
    divan::main();
}

const BYTES: usize = 64_000_000;
/// 2026-03-02T00:00:00Z.
const START: u64 = 1_772_409_600;

fn log(name: &str) -> String {
    let mut log = String::with_capacity(BYTES + 4096);
    let mut n = 0u64;
    while log.len() < BYTES {
        match name {
            "postfix" => postfix(&mut log, n),
            _ => exim(&mut log, n),
        }
        n += 1;
    }
    log
}

/// A message through Postfix: nine lines in ten are of these kinds.
fn postfix(log: &mut String, n: u64) {
    let at = n / 20;
    let stamp = format!(
        "Mar {:2} {:02}:{:02}:{:02} mx1 postfix",
        2 + at / 86_400,
        at / 3600 % 24,
        at / 60 % 60,
        at % 60
    );
    let id = format!(
        "{:05X}{:06X}",
        n.wrapping_mul(7919) & 0xf_ffff,
        0x9f_a000 + n % 4096
    );
    let (from, to) = (n % 997, n * 31 % 4999);
    let pid = 300 + n % 50;
    let ip = format!("192.0.2.{}", n % 250);
    let mut line = |text: std::fmt::Arguments<'_>| {
        writeln!(log, "{stamp}/{text}").expect("a String takes all")
    };
    line(format_args!(
        "smtpd[{pid}]: connect from client{from}.example.com[{ip}]"
    ));
    line(format_args!(
        "smtpd[{pid}]: {id}: client=client{from}.example.com[{ip}]"
    ));
    line(format_args!(
        "cleanup[{pid}]: {id}: message-id=<{n:016x}.{from}@client{from}.example.com>"
    ));
    line(format_args!(
        "qmgr[312]: {id}: from=<user{from}@example.com>, size={}, nrcpt=1 (queue active)",
        2000 + n % 90_000
    ));
    line(format_args!(
        "smtpd[{pid}]: disconnect from client{from}.example.com[{ip}] ehlo=1 mail=1 rcpt=1 data=1 quit=1 commands=5"
    ));
    match n % 20 {
        0 => {
            line(format_args!(
                "smtp[{pid}]: {id}: to=<user{to}@example.net>, relay=mx.example.net[198.51.100.9]:25, delay=0.5, delays=0.1/0/0.2/0.2, dsn=5.1.1, status=bounced (host mx.example.net[198.51.100.9] said: 550 5.1.1 <user{to}@example.net>: Recipient address rejected: User unknown (in reply to RCPT TO command))"
            ));
        }
        1 => {
            line(format_args!(
                "local[{pid}]: {id}: to=<user{to}@example.org>, relay=local, delay=0.1, delays=0.1/0/0/0, dsn=2.0.0, status=sent (delivered to maildir)"
            ));
        }
        _ => {
            line(format_args!(
                "smtp[{pid}]: {id}: to=<user{to}@example.net>, relay=mx.example.net[198.51.100.9]:25, delay=0.5, delays=0.1/0/0.2/0.2, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as {:011X})",
                n.wrapping_mul(104_729)
            ));
        }
    }
    line(format_args!("qmgr[312]: {id}: removed"));
}

/// A message through Exim.
fn exim(log: &mut String, n: u64) {
    let at = n / 20;
    let stamp = format!(
        "2026-03-{:02} {:02}:{:02}:{:02}",
        2 + at / 86_400,
        at / 3600 % 24,
        at / 60 % 60,
        at % 60
    );
    let base62 = |mut value: u64, digits: usize| {
        let mut text = vec![b'0'; digits];
        for place in text.iter_mut().rev() {
            *place = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                [(value % 62) as usize];
            value /= 62;
        }
        String::from_utf8(text).expect("digits are ASCII")
    };
    let id = format!(
        "{}-{}-{}",
        base62(START + at, 6),
        base62(n, 6),
        base62(n % 3844, 2)
    );
    let (from, to) = (n % 997, n * 31 % 4999);
    let mut line = |text: std::fmt::Arguments<'_>| {
        writeln!(log, "{stamp} {id} {text}").expect("a String takes all")
    };
    line(format_args!(
        "<= user{from}@example.com H=client{from}.example.com [192.0.2.{}] P=esmtps X=TLS1.3:TLS_AES_256_GCM_SHA384:256 CV=no S={} id={n:016x}.{from}@client{from}.example.com",
        n % 250,
        2000 + n % 90_000
    ));
    match n % 20 {
        0 => line(format_args!(
            "** user{to}@example.net R=dnslookup T=remote_smtp H=mx.example.net [198.51.100.9]: SMTP error from remote mail server after RCPT TO:<user{to}@example.net>: 550 5.1.1 <user{to}@example.net>: User unknown"
        )),
        1 => line(format_args!(
            "=> user{to} <user{to}@example.org> R=localuser T=local_delivery"
        )),
        _ => line(format_args!(
            "=> user{to}@example.net R=dnslookup T=remote_smtp H=mx.example.net [198.51.100.9] X=TLS1.3:TLS_AES_256_GCM_SHA384:256 CV=yes C=\"250 2.0.0 Ok: queued as {:011X}\"",
            n.wrapping_mul(104_729)
        )),
    }
    line(format_args!("Completed"));
}

fn file(name: &str) -> PathBuf {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("bench-{name}.log"));
    fs::write(&file, log(name)).expect("the log can be written");
    file
}

#[divan::bench(args = ["postfix", "exim"], sample_count = 10)]
fn parse(bencher: Bencher<'_, '_>, name: &str) {
    let mut inputs = Inputs::from_memory(vec![(format!("{name}.log"), log(name).into_bytes())]);
    let plan = Plan::new(&mut inputs, CHUNK_BYTES);
    let keys = Keys::default();
    bencher.counter(BytesCount::new(plan.bytes)).bench(|| {
        let chunks = plan.chunks.iter();
        let rows = chunks.map(|chunk| {
            dialect::parse(
                plan::slice(&inputs, chunk, 0),
                &chunk.layout,
                &keys,
                Aim::Rows,
            )
            .rows
        });
        rows.sum::<u64>()
    });
}

#[divan::bench(name = "fates", args = ["postfix", "exim"], sample_count = 10)]
fn to_fates(bencher: Bencher<'_, '_>, name: &str) {
    let file = file(name);
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    let one = one.expect("a thread");
    bencher
        .counter(BytesCount::new(BYTES))
        .bench(|| one.install(|| fates::read::<fates::Fates>(&file)));
}

#[divan::bench(args = ["postfix", "exim"], sample_count = 5)]
fn report(bencher: Bencher<'_, '_>, name: &str) {
    let file = file(name);
    bencher.counter(BytesCount::new(BYTES)).bench(|| {
        let mut report = Command::new(env!("CARGO_BIN_EXE_waybill"));
        report
            .args(["report", "--quiet", "--threads", "1"])
            .arg(&file);
        report.stdout(Stdio::null()).status().expect("waybill runs")
    });
}
