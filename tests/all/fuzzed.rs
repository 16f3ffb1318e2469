//! What the fuzzer begins with, and what it found, on every run: `fuzz/seeds` and `fuzz/found`.

#[path = "../../fuzz/targets.rs"]
pub mod targets;

use std::fs;
use std::path::Path;

type Target = fn(&[u8]);

const TARGETS: [(&str, Target); 13] = [
    ("scan", targets::scan),
    ("modern", targets::modern),
    ("exchange55", targets::exchange55),
    ("exchange2000", targets::exchange2000),
    ("trackhistory", targets::trackhistory),
    ("lists", targets::lists),
    ("saved", targets::saved),
    ("whole", targets::whole),
    ("expand", targets::expand),
    ("postfix", targets::postfix),
    ("exim", targets::exim),
    ("sendmail", targets::sendmail),
    ("online", targets::online),
];

#[test]
fn seeds_and_old_findings_hold() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    for (name, target) in TARGETS {
        let mut run = 0;
        for folder in ["seeds", "found"] {
            let Ok(files) = fs::read_dir(root.join(folder).join(name)) else {
                continue;
            };
            for file in files {
                let path = file.unwrap().path();
                target(&fs::read(&path).unwrap());
                run += 1;
            }
        }
        assert!(run > 0, "{name} has no seeds");
    }
}

/// What a fuzzer does first, on every run: pieces of the seeds are left out, doubled, swapped or overwritten. The targets
/// hold a log in one piece against the same in many.
#[test]
fn damaged_seeds_hold() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds");
    let rounds = std::env::var("WAYBILL_ROUNDS").map_or(12, |n| n.parse().unwrap());
    for (name, target) in &TARGETS[1..5] {
        let mut files: Vec<_> = fs::read_dir(root.join(name))
            .unwrap()
            .map(|file| file.unwrap().path())
            .collect();
        files.sort();
        for path in files {
            let seed = fs::read(&path).unwrap();
            for round in 0..rounds {
                let damaged = damaged(&seed, round);
                let held = std::panic::catch_unwind(|| target(&damaged));
                if held.is_err() {
                    let kept = Path::new(env!("CARGO_TARGET_TMPDIR"))
                        .join(format!("{name}-{}", path.file_name().unwrap().display()));
                    fs::write(&kept, &damaged).unwrap();
                    panic!("{name}: see above, and {}", kept.display());
                }
            }
        }
    }
}

/// A seed with one to four changes, the same for every round of the same number.
fn damaged(seed: &[u8], round: u64) -> Vec<u8> {
    const MARKS: [&[u8]; 12] = [
        b"\"",
        b"\n",
        b"\r\n",
        b"\t",
        b"#",
        b",",
        b"<",
        b"\xef\xbb\xbf",
        b"\n#Log-type: SMTP Send Protocol Log\n",
        b"\n#Fields: date-time,event-id,message-id\n",
        b"\n\n",
        b"</Exchange_MessageTrackingEntry>",
    ];
    let mut state = (round + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ seed.len() as u64;
    let mut below = |limit: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 33) as usize % limit.max(1)
    };
    let mut bytes = seed.to_vec();
    bytes[0] = below(256) as u8;
    for _ in 0..=below(4) {
        let (a, b) = (1 + below(bytes.len() - 1), 1 + below(200));
        let stretch = a..(a + b).min(bytes.len());
        match below(5) {
            0 => drop(bytes.drain(stretch)),
            1 => {
                let twice = bytes[stretch.clone()].to_vec();
                drop(bytes.splice(a..a, twice));
            }
            2 => {
                let moved: Vec<u8> = bytes.drain(stretch).collect();
                let at = 1 + below(bytes.len() - 1);
                drop(bytes.splice(at..at, moved));
            }
            3 => bytes[a] = below(256) as u8,
            _ => drop(bytes.splice(a..a, MARKS[below(MARKS.len())].iter().copied())),
        }
        if bytes.len() < 3 {
            break;
        }
    }
    bytes
}
