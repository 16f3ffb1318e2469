//! Saved days: merged they say what one run over all their logs says, and what is no saved day is refused.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

struct Days {
    folder: tempfile::TempDir,
}

impl Days {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_waybill"))
            .args(["report", "--format", "json", "--quiet"])
            .args(arguments)
            .current_dir(self.folder.path())
            .output()
            .unwrap()
    }

    fn report(&self, arguments: &[&str]) -> Value {
        let output = self.run(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {said}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn refused(&self, arguments: &[&str], words: &str) {
        let output = self.run(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(said.contains(words), "{arguments:?}: {said}");
    }
}

const DATES: [&str; 3] = ["2026-03-06", "2026-03-07", "2026-03-08"];
const OWN: [&str; 2] = ["--domain", "example.com"];

/// Three days, a weekend among them, each saved by itself.
fn days() -> Days {
    let days = Days {
        folder: tempfile::tempdir().unwrap(),
    };
    let options = waybill::simulate::Options {
        seed: 12,
        days: 3,
        start: (2026, 3, 6),
        messages_per_day: 300,
        users: 80,
        servers: 3,
        skew_ms: 40,
        ..waybill::simulate::Options::default()
    };
    waybill::simulate::run(&options, &days.path("logs")).unwrap();
    for date in DATES {
        let save = format!("{date}.waybill");
        days.report(&[&["logs", "--day", date, "--save", &save][..], &OWN].concat());
    }
    days
}

/// Each day is saved from a folder that holds them all, as a nightly job does: no server becomes busy by that.
#[test]
fn logs_read_for_several_days_make_nothing_wrong() {
    let days = Days {
        folder: tempfile::tempdir().unwrap(),
    };
    let logs = concat!(env!("CARGO_MANIFEST_DIR"), "/data/today");
    let dates = ["2026-03-02", "2026-03-03", "2026-03-04"];
    let mut merge = vec!["--merge"];
    for date in dates {
        days.report(&[logs, "--day", date, "--save", date]);
        merge.push(date);
    }
    let what = |report: Value| {
        let found = report["trouble"].as_array().unwrap().clone();
        Vec::from_iter(found.iter().map(|of| of["what"].clone()))
    };
    assert_eq!(what(days.report(&merge)), what(days.report(&[logs])));
}

#[test]
fn saved_days_merged_are_one_run_over_their_logs() {
    let days = days();
    let whole = ["logs", "--since", DATES[0], "--until", "2026-03-09"];
    let whole = days.report(&[&whole[..], &OWN].concat());
    let merged = |order: [usize; 3]| {
        let names = order.map(|day| format!("{}.waybill", DATES[day]));
        let names = names.iter().map(String::as_str);
        days.report(&[&["--merge"], &names.collect::<Vec<_>>()[..]].concat())
    };
    // Each of the three runs read all logs: first and last row are real ones, rows are all that they read.
    let read = |report: &Value, runs: u64| {
        let servers = report["coverage"]["servers"].as_array().unwrap();
        let sums = |server: &Value| ["rows", "bytes"].map(|of| server[of].as_u64().unwrap() * runs);
        let ends = |server: &Value| ["server", "first", "last"].map(|of| server[of].to_string());
        (
            Vec::from_iter(servers.iter().map(|server| (ends(server), sums(server)))),
            report["coverage"]["skipped_files"].clone(),
        )
    };
    for order in [[0, 1, 2], [2, 0, 1]] {
        let merged = merged(order);
        assert_eq!(read(&merged, 1), read(&whole, 3), "servers, of {order:?}");
        for section in [
            "period",
            "excluded",
            "totals",
            "balance",
            "volume",
            "latency",
            "failures",
            "pending",
            "unknown",
            "top",
            "connectors",
            "lists",
            "sizes",
            "oddities",
            "mailboxes",
        ] {
            assert_eq!(merged[section], whole[section], "{section} of {order:?}");
        }
    }
    // A sum of days is a saved day again.
    let [a, b, c] = DATES.map(|date| format!("{date}.waybill"));
    days.report(&["--merge", &a, &b, "--save", "two.waybill"]);
    assert_eq!(
        days.report(&["--merge", "two.waybill", &c])["totals"],
        whole["totals"]
    );
    // The day before says what is usual, and nothing is said of other weekdays.
    let day = ["logs", "--day", DATES[2], "--baseline", &a, &b];
    let day = days.report(&[&day[..], &OWN].concat());
    assert_eq!(day["volume"]["by_day"][0]["usual_messages"], Value::Null);
}

#[test]
fn what_overlaps_is_refused_and_a_day_is_no_earlier_day_of_its_own() {
    let days = days();
    let [a, b, c] = DATES.map(|date| format!("{date}.waybill"));
    days.report(&["logs", "--save", "all"]);
    days.refused(&["--merge", &a, "all"], "would count twice");
    let noon = [
        "logs",
        "--since",
        "2026-03-06T12:00:00Z",
        "--until",
        "2026-03-07T12:00:00Z",
    ];
    days.report(&[&noon[..], &["--save", "noon"]].concat());
    days.refused(&["--merge", &b, "noon"], "would count twice");
    // Sums of different messages, or of people under different names, are no sum.
    let some = ["logs", "--day", DATES[1], "--save", "some"];
    let one = days.report(&[&some[..], &["--sender", "@Example.com"]].concat());
    assert_eq!(one["coverage"]["only"][0], "--sender *@example.com");
    days.refused(&["--merge", &a, "some"], "different messages");
    for (name, key, date) in [("veiled", "one", DATES[1]), ("other", "two", DATES[2])] {
        days.report(&["logs", "--day", date, "--save", name, "--anonymous", key]);
    }
    days.refused(&["--merge", "veiled", "other"], "under different names");
    days.refused(&["logs", "--limit", "5"], "--limit goes with find");
    // A job that is run again names the day that it made before.
    let day = |baseline: &[&str]| {
        let day = ["logs", "--day", DATES[2], "--baseline"];
        let report = days.report(&[&day[..], baseline, &OWN].concat());
        report["trouble"].clone()
    };
    assert_eq!(day(&[&a, &b, &c]), day(&[&a, &b]));
}

#[test]
fn what_is_no_saved_day_is_refused() {
    let days = days();
    let [a, b, _] = DATES.map(|date| format!("{date}.waybill"));
    let bytes = fs::read(days.path(&a)).unwrap();
    let write = |name: &str, bytes: &[u8]| fs::write(days.path(name), bytes).unwrap();
    write("text", b"not a day");
    write("empty", b"");
    write("cut", &bytes[..bytes.len() - 1]);
    write("longer", &[&bytes[..], b"x"].concat());
    let changed = |at: usize| {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        changed
    };
    write("damaged", &changed(bytes.len() / 2));
    write("other", &changed(8));
    for (name, words) in [
        ("text", "is no saved day"),
        ("empty", "is no saved day"),
        ("cut", "it was cut off or added to"),
        ("longer", "it was cut off or added to"),
        ("damaged", "its checksum does not fit"),
        ("other", "save the day anew from its logs"),
        ("nowhere", "cannot be read"),
    ] {
        days.refused(&["--merge", &a, name], &format!("{name}: "));
        days.refused(&["--merge", &a, name], words);
    }
    // The same logs count once, whatever the files are called.
    fs::copy(days.path(&a), days.path("again")).unwrap();
    days.refused(&["--merge", &a, &b, "again"], "saved from the same logs");
    assert!(Path::new(&days.path("again")).exists());
}
