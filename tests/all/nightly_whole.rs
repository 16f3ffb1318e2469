//! Night after night over logs whose rows do not stand by themselves (Exchange 4.0 to 2003, Postfix and others): files
//! are read again as a whole, and nothing is counted twice.
//!
//! In: daily logs, the newest of them cut where a night ends. Out: the report of the last night against one run over all.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use waybill::simulate::{self, LayoutChoice, Options, story_options};

use crate::nightly::{Place, figures, put, same};
use crate::simulated::Organisation;

/// The first `share` of a log's lines.
fn part(bytes: &[u8], share: f64) -> &[u8] {
    let lines: Vec<&[u8]> = bytes.split_inclusive(|&b| b == b'\n').collect();
    let kept = (lines.len() as f64 * share) as usize;
    &bytes[..lines[..kept].iter().map(|line| line.len()).sum()]
}

/// Nights by the last day whose logs are there, and how much of that day.
const NIGHTS: [(&str, f64); 5] = [
    ("20260302", 1.0),
    ("20260303", 0.5),
    ("20260303", 1.0),
    ("20260304", 0.7),
    ("20260304", 1.0),
];

/// Without the bytes of servers: a record of 2003 that a night cut between its rows counts those that it had then.
fn without_bytes(mut figures: serde_json::Value) -> serde_json::Value {
    for server in figures["coverage"]["servers"].as_array_mut().unwrap() {
        server["bytes"].take();
    }
    figures
}

#[test]
fn older_logs_night_after_night_are_one_run_over_all() {
    for layout in ["5.5", "2003", "migration"] {
        let organisation = Organisation::new(&Options {
            seed: 41,
            layout: LayoutChoice::parse(layout).unwrap(),
            days: 3,
            messages_per_day: 80,
            ..story_options()
        });
        let files: BTreeMap<String, Vec<u8>> = organisation.files().into_iter().collect();
        let place = Place::new();
        for (last, share) in NIGHTS {
            for (name, bytes) in &files {
                let digits: String = Path::new(name)
                    .file_name()
                    .unwrap()
                    .to_string_lossy()
                    .into();
                let Some(at) = digits.find("202603") else {
                    continue;
                };
                let day = &digits[at..at + 8];
                // The newest day's logs are still being written, all as far.
                match day.cmp(last) {
                    std::cmp::Ordering::Less => put(&place.logs.path().join(name), bytes),
                    std::cmp::Ordering::Equal => {
                        put(&place.logs.path().join(name), part(bytes, share));
                    }
                    std::cmp::Ordering::Greater => {}
                }
            }
            place.night(&[]);
        }
        let got = place.night(&[]);
        let state = &got["coverage"]["state"];
        assert_eq!(state["new_rows"], 0, "{layout}");
        let want = place.at_once(&[]);
        assert!(want["totals"]["messages"].as_i64() > Some(100), "{layout}");
        if state["late_rows"] == 0 {
            let [want, got] = [want, got].map(|report| without_bytes(figures(report)));
            same(&want, &got, layout);
        } else {
            panic!("{layout}: {state:#}");
        }
    }
}

#[test]
fn a_mail_relay_s_log_is_read_as_it_grows() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foreign/main");
    let mut logs = Vec::new();
    for entry in walk(&folder) {
        let bytes = fs::read(&entry).unwrap();
        let name = entry.strip_prefix(&folder).unwrap().to_path_buf();
        logs.push((name, bytes));
    }
    assert!(logs.len() > 1);
    let place = Place::new();
    for share in [0.4, 0.41, 0.8, 1.0] {
        for (name, bytes) in &logs {
            put(&place.logs.path().join(name), part(bytes, share));
        }
        place.night(&[]);
    }
    let (want, got) = (place.at_once(&[]), place.night(&[]));
    assert!(want["totals"]["messages"].as_i64() > Some(5));
    assert_eq!(got["coverage"]["state"]["new_rows"], 0);
    for section in ["totals", "failures", "latency", "pending"] {
        same(&want[section], &got[section], section);
    }
    // What must be read once more and is not there is missing from the figures, and that is trouble.
    let says_so = |report: &serde_json::Value| {
        let trouble = report["trouble"].to_string();
        trouble.contains("cannot be read again")
    };
    assert!(!says_so(&got));
    for (name, _) in &logs {
        fs::remove_file(place.logs.path().join(name)).unwrap();
    }
    assert!(says_so(&place.night(&[])));
}

#[test]
fn logs_of_every_kind_at_once_are_read_as_they_grow() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options {
        seed: 3,
        layout: LayoutChoice::parse("hybrid").unwrap(),
        messages_per_day: 150,
        ..Options::default()
    };
    simulate::run(&options, folder.path()).unwrap();
    fs::remove_file(folder.path().join("truth.jsonl")).unwrap();
    // Exchange, Postfix, Exim and Exchange Online.
    let place = Place::new();
    let files = walk(folder.path());
    assert_eq!(files.len(), 5, "{files:?}");
    for share in [0.3, 0.6, 0.61, 1.0] {
        for file in &files {
            let name = file.strip_prefix(folder.path()).unwrap();
            let bytes = fs::read(file).unwrap();
            put(&place.logs.path().join(name), part(&bytes, share));
        }
        place.night(&[]);
    }
    let (want, got) = (place.at_once(&[]), place.night(&[]));
    assert!(want["totals"]["messages"].as_i64() > Some(140));
    assert_eq!(got["coverage"]["state"]["new_rows"], 0);
    assert_eq!(got["coverage"]["state"]["late_rows"], 0);
    same(&figures(want), &figures(got), "hybrid");
}

#[test]
fn a_track_history_counts_once() {
    let place = Place::new();
    put(&place.logs.path().join("history.xml"), &track_history());
    let want = place.at_once(&[]);
    assert!(want["totals"]["messages"].as_i64() > Some(5));
    for _ in 0..2 {
        same(&figures(want.clone()), &figures(place.night(&[])), "xml");
    }
    // The same records sent again under another name.
    put(&place.logs.path().join("again.xml"), &track_history());
    let got = place.night(&[]);
    assert_eq!(got["totals"], want["totals"]);
}

/// Rows of 2003 as the Message Tracking Center saves them.
fn track_history() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let options = Options {
        seed: 5,
        layout: LayoutChoice::parse("2003").unwrap(),
        messages_per_day: 10,
        ..Options::default()
    };
    simulate::run(&options, folder.path()).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_waybill"))
        .args(["events", "--format", "xml", "--quiet", "--lenient"])
        .arg(folder.path())
        .output()
        .unwrap();
    assert!(output.status.success());
    output.stdout
}

fn walk(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files.extend(walk(&path)),
            false => files.push(path),
        }
    }
    files.sort();
    files
}
