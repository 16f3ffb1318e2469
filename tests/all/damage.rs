//! Logs damaged in every way that bytes can be: every row that the damage did not touch is still there.
//!
//! The counts of the README's table come from here: `WAYBILL_TABLE=1 cargo test --test all damage -- --nocapture`.

use std::collections::HashMap;
use std::fs;
use std::ops::Range;
use std::path::Path;

use crate::fuzzed::targets::records;

/// Times that each kind of damage is done, each time elsewhere.
const TIMES: u64 = 60;

/// What is done to a log: the bytes after it, and which bytes of the log before it were touched.
type Damage = fn(&[u8], &mut Random) -> (Vec<u8>, Range<usize>);

const KINDS: [(&str, Damage); 12] = [
    ("cut off at the end", |log, random| {
        let at = random.below(log.len());
        (log[..at].to_vec(), at..log.len())
    }),
    ("cut off at the beginning", |log, random| {
        let at = random.below(log.len());
        (log[at..].to_vec(), 0..at)
    }),
    ("a stretch missing", |log, random| {
        let range = random.stretch(log.len(), 4000);
        ([&log[..range.start], &log[range.end..]].concat(), range)
    }),
    ("a stretch twice", |log, random| {
        let range = random.stretch(log.len(), 4000);
        let damaged = [&log[..range.end], &log[range.start..]].concat();
        (damaged, range.end..range.end)
    }),
    (
        "a stretch of zeros (a block never written)",
        |log, random| {
            let range = random.stretch(log.len(), 4096);
            let mut damaged = log.to_vec();
            damaged[range.clone()].fill(0);
            (damaged, range)
        },
    ),
    ("a stretch of noise", |log, random| {
        let range = random.stretch(log.len(), 600);
        let mut damaged = log.to_vec();
        for byte in &mut damaged[range.clone()] {
            *byte = random.below(256) as u8;
        }
        (damaged, range)
    }),
    ("one bit turned", |log, random| {
        let at = random.below(log.len());
        let mut damaged = log.to_vec();
        damaged[at] ^= 1 << random.below(8);
        (damaged, at..at + 1)
    }),
    ("a quote put in", |log, random| insert(log, random, b"\"")),
    ("a line break put in", |log, random| {
        insert(log, random, b"\r\n")
    }),
    ("a line break missing", |log, random| {
        // Not the one behind the header: there the last column would lose its name, but no row is lost.
        let rows = log.windows(3).position(|w| w == b"\n20").unwrap();
        let mut breaks: Vec<usize> = memchr_all(log, b'\n');
        breaks.retain(|&at| at > rows);
        let at = breaks[random.below(breaks.len())];
        ([&log[..at - 1], &log[at + 1..]].concat(), at - 1..at + 2)
    }),
    ("another log's header in the middle", |log, random| {
        insert(log, random, b"\r\n#Software: Microsoft Exchange Server\r\n")
    }),
    ("ends of lines without CR", |log, _| {
        let text: Vec<u8> = log.iter().copied().filter(|&b| b != b'\r').collect();
        (text, 0..0)
    }),
];

fn insert(log: &[u8], random: &mut Random, what: &[u8]) -> (Vec<u8>, Range<usize>) {
    let at = random.below(log.len());
    ([&log[..at], what, &log[at..]].concat(), at..at)
}

fn memchr_all(log: &[u8], byte: u8) -> Vec<usize> {
    let all = log.iter().enumerate();
    all.filter(|(_, b)| **b == byte).map(|(at, _)| at).collect()
}

/// The same numbers in every run (xorshift64*).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % limit
    }

    fn stretch(&mut self, length: usize, most: usize) -> Range<usize> {
        let start = self.below(length - 1);
        start..(start + 1 + self.below(most)).min(length)
    }
}

/// A log with rows of all kinds of events, made of those in `data`.
fn log() -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/today/ex01/MessageTracking");
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    names.sort();
    let mut all = Vec::new();
    for name in names
        .iter()
        .filter(|n| n.display().to_string().contains("MSGTRK2026"))
    {
        let log = fs::read(name).unwrap();
        let rows = memchr_all(&log, b'\n');
        let header = rows.iter().find(|&&at| log[at + 1] != b'#').unwrap() + 1;
        all.extend(if all.is_empty() {
            &log[..]
        } else {
            &log[header..]
        });
        if all.len() > 90_000 {
            break;
        }
    }
    all
}

/// What a row says, without the place where it stands.
fn said(record: &str) -> &str {
    &record[record.find("\"dialect\"").unwrap()..]
}

#[test]
fn rows_that_were_not_touched_are_kept() {
    let log = log();
    let (rows, faults) = records(&log, usize::MAX >> 8);
    assert!(
        rows.len() > 60 && faults.is_empty(),
        "{} {faults:?}",
        rows.len()
    );
    let offset = |row: &str| -> usize {
        let from = row.find("\"offset\":").unwrap() + 9;
        row[from..].split(',').next().unwrap().parse().unwrap()
    };
    let starts: Vec<usize> = rows.iter().map(|row| offset(row)).collect();
    let mut table = String::new();
    let mut lost = Vec::new();
    for (kind, damage) in KINDS {
        let (mut touched, mut kept, mut missed, mut odd) = (0, 0, 0, 0);
        for seed in 0..TIMES {
            let mut random = Random(0x9e37_79b9_7f4a_7c15 ^ ((seed + 1) * 7919));
            let (damaged, range) = damage(&log, &mut random);
            let (found, faults) = records(&damaged, 1 << 20);
            odd += faults.len();
            let mut there: HashMap<&str, u32> = HashMap::new();
            for row in &found {
                *there.entry(said(row)).or_default() += 1;
            }
            for (n, row) in rows.iter().enumerate() {
                let end = starts.get(n + 1).copied().unwrap_or(log.len());
                let is_touched = match range.is_empty() {
                    true => (starts[n]..end).contains(&range.start) && range.end > 0,
                    // A row is touched, too, by what happens to the line break before it.
                    false => starts[n] <= range.end && range.start < end,
                };
                if is_touched {
                    touched += 1;
                } else if there.contains_key(said(row)) {
                    kept += 1;
                } else {
                    missed += 1;
                    lost.push(format!(
                        "{kind}, seed {seed}, {range:?}: row at {}",
                        starts[n]
                    ));
                }
            }
        }
        table += &format!("| {kind} | {TIMES} | {touched} | {kept} | {missed} | {odd} |\n");
    }
    if std::env::var_os("WAYBILL_TABLE").is_some() {
        println!("{table}");
    }
    assert!(
        lost.is_empty(),
        "{} lost:\n{}",
        lost.len(),
        lost[..lost.len().min(20)].join("\n")
    );
}
