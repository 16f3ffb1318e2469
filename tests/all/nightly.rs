//! Night after night with `--state`, against one run over all logs: the same figures, whatever the nights cut through,
//! whatever was renamed or sent twice, and wherever a run was killed.
//!
//! In: simulated logs, cut where a night ends. Out: `report --format json` of both ways, without what tells how often
//! something was read.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, SystemTime};

use bstr::ByteSlice;
use serde_json::Value;
use waybill::simulate::{LayoutChoice, Options, story_options};

use crate::simulated::Organisation;

/// A few days of mail, its tales among it, on clocks that differ a little.
fn organisation(layout: &str, seed: u64, days: u32) -> Organisation {
    Organisation::new(&Options {
        seed,
        layout: LayoutChoice::parse(layout).unwrap(),
        days,
        messages_per_day: 150,
        skew_ms: 400,
        ..story_options()
    })
}

/// The tracking logs by name.
fn logs(organisation: &Organisation) -> BTreeMap<String, Vec<u8>> {
    let mut files: BTreeMap<String, Vec<u8>> = organisation.files().into_iter().collect();
    files.retain(|name, _| name.contains("MessageTracking"));
    assert!(files.len() > 10);
    files
}

/// Where a log ends at an instant: behind the last row before it.
fn end_at(bytes: &[u8], time: &str) -> usize {
    let mut end = 0;
    let mut at = 0;
    for line in bytes.split_inclusive(|&b| b == b'\n') {
        let is_row = line.starts_with(b"2");
        if is_row && line >= time.as_bytes() {
            break;
        }
        at += line.len();
        // The header stands once there is a row.
        end = if is_row { at } else { end };
    }
    end
}

/// A folder of logs and a folder of state.
pub struct Place {
    pub logs: tempfile::TempDir,
    state: tempfile::TempDir,
}

impl Place {
    pub fn new() -> Place {
        Place {
            logs: tempfile::tempdir().unwrap(),
            state: tempfile::tempdir().unwrap(),
        }
    }

    /// Puts the logs there as they are at a moment, `more` bytes further.
    fn write(&self, files: &BTreeMap<String, Vec<u8>>, until: &str, more: usize) {
        for (name, bytes) in files {
            let end = match end_at(bytes, until) {
                0 => continue,
                end => (end + more).min(bytes.len()),
            };
            put(&self.logs.path().join(name), &bytes[..end]);
        }
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_waybill"));
        command
            .args([
                "report",
                "--format",
                "json",
                "--horizon",
                "12h",
                "--lenient",
            ])
            .args(["--domain", "example.com", "--threads", "2"])
            .arg("--state")
            .arg(self.state.path())
            .arg(self.logs.path())
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub fn night(&self, arguments: &[&str]) -> Value {
        report(&self.command(arguments).output().unwrap())
    }

    /// One run over everything that is there now, without state.
    pub fn at_once(&self, arguments: &[&str]) -> Value {
        let output = Command::new(env!("CARGO_BIN_EXE_waybill"))
            .args([
                "report",
                "--format",
                "json",
                "--horizon",
                "12h",
                "--lenient",
            ])
            .args(["--domain", "example.com", "--quiet"])
            .arg(self.logs.path())
            .args(arguments)
            .output();
        report(&output.unwrap())
    }
}

pub fn put(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

fn report(output: &Output) -> Value {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Without what is different by its nature: the time it took, and the state itself.
pub fn figures(mut report: Value) -> Value {
    report["inputs"]["seconds"] = Value::Null;
    report["coverage"]["state"] = Value::Null;
    report
}

/// Without what tells how often something was read.
fn of_messages(report: Value) -> Value {
    let mut report = figures(report);
    for key in ["inputs", "coverage", "trouble", "period"] {
        report[key] = Value::Null;
    }
    report
}

/// Fails with the first figure that differs.
pub fn same(want: &Value, got: &Value, place: &str) {
    match (want, got) {
        (Value::Object(a), Value::Object(b)) => {
            assert_eq!(
                a.keys().collect::<Vec<_>>(),
                b.keys().collect::<Vec<_>>(),
                "{place}"
            );
            a.iter()
                .for_each(|(key, value)| same(value, &b[key], &format!("{place}.{key}")));
        }
        (Value::Array(a), Value::Array(b)) => {
            assert_eq!(a.len(), b.len(), "{place}: {want:#} against {got:#}");
            for (i, (a, b)) in a.iter().zip(b).enumerate() {
                same(a, b, &format!("{place}[{i}]"));
            }
        }
        _ => assert_eq!(want, got, "{place}"),
    }
}

/// Moments that nights end at: midnight, in the middle of an hour, seldom and often.
const NIGHTS: [&str; 7] = [
    "2026-03-02T05:15:00",
    "2026-03-02T10:05:00.4",
    "2026-03-02T23:59:59.9",
    "2026-03-03T05:15:00",
    "2026-03-03T09:14:00.43",
    "2026-03-04T05:15:00",
    "2027",
];

#[test]
fn nights_add_up_to_one_run_over_all_logs() {
    for (layout, seed) in [("30", 31), ("mixed", 32)] {
        let files = logs(&organisation(layout, seed, 3));
        let place = Place::new();
        for (i, until) in NIGHTS.iter().enumerate() {
            // In the middle of rows, too: of their first bytes, of their fields, of their line breaks.
            place.write(&files, until, [0, 1, 40, 171, 300, 0, 0][i]);
            // In one window, and in many.
            let windows: &[&str] = &["--window-bytes", "60k", "--chunk-bytes", "7k"];
            place.night(if i % 2 == 0 { &[] } else { windows });
        }
        let got = place.night(&[]);
        assert_eq!(got["coverage"]["state"]["new_rows"], 0);
        assert_eq!(got["coverage"]["state"]["late_rows"], 0);
        same(&figures(place.at_once(&[])), &figures(got), layout);
        // Each day by itself.
        for day in ["2026-03-02", "2026-03-03", "2026-03-04"] {
            let (want, got) = (place.at_once(&["--day", day]), place.night(&["--day", day]));
            assert!(want["totals"]["messages"].as_i64() > Some(10));
            let without_usual = |mut report: Value| {
                report["volume"] = Value::Null; // holds the day against those before it
                of_messages(report)
            };
            same(&without_usual(want), &without_usual(got), day);
        }
    }
}

#[test]
fn only_new_bytes_are_read_and_closed_messages_are_not_carried() {
    let files = logs(&organisation("30", 33, 3));
    let place = Place::new();
    let mut bytes = 0;
    let mut carried = Vec::new();
    for until in NIGHTS {
        place.write(&files, until, 0);
        let report = place.night(&[]);
        let state = &report["coverage"]["state"];
        bytes += state["new_bytes"].as_u64().unwrap();
        carried.push(state["open_rows"].as_u64().unwrap());
    }
    let all: usize = files.values().map(Vec::len).sum();
    assert_eq!(bytes, all as u64);
    let rows = place.at_once(&[])["inputs"]["rows"].as_u64().unwrap();
    assert!(carried.last() < Some(&(rows / 2)), "{carried:?} of {rows}");
}

#[test]
fn files_are_known_by_what_is_in_them() {
    let files = logs(&organisation("30", 34, 2));
    let place = Place::new();
    place.write(&files, "2026-03-02T12:00:00", 0);
    place.night(&[]);
    let want = of_messages(place.at_once(&[]));
    // Renamed and moved, all of them.
    let moved = place.logs.path().join("moved");
    for name in files.keys().map(|name| place.logs.path().join(name)) {
        if name.exists() {
            let to = moved.join(name.strip_prefix(place.logs.path()).unwrap());
            let to = to.with_extension("LOG.1");
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::rename(&name, to).unwrap();
        }
    }
    let got = place.night(&[]);
    assert_eq!(got["coverage"]["state"]["new_bytes"], 0);
    same(&want, &of_messages(got), "renamed");
    // Sent a second time, and what is new beside them.
    place.write(&files, "2026-03-03T12:00:00", 0);
    let got = place.night(&[]);
    let rows = got["inputs"]["rows"].clone();
    fs::remove_dir_all(&moved).unwrap();
    let want = place.at_once(&[]);
    assert_eq!(rows, want["inputs"]["rows"]);
    same(&of_messages(want), &of_messages(got), "sent again");
    // Cut off, and grown on: said, read anew, and counted once.
    let is_there = |bytes: &[u8]| end_at(bytes, "2026-03-03T12:00:00") == bytes.len();
    let there = files.iter().filter(|(_, bytes)| is_there(bytes));
    let (name, bytes) = there.max_by_key(|(_, bytes)| bytes.len()).unwrap();
    let path = place.logs.path().join(name);
    assert!(path.exists());
    put(&path, &bytes[..bytes.len() / 2]);
    let output = place.command(&[]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        said.contains("does not begin with what was read of it before"),
        "{said}"
    );
    place.write(&files, "2027", 0);
    let got = of_messages(place.night(&[]));
    same(&of_messages(place.at_once(&[])), &got, "cut and grown");
    // All logs gone: the state knows.
    fs::remove_dir_all(place.logs.path()).unwrap();
    fs::create_dir(place.logs.path()).unwrap();
    same(&got, &of_messages(place.night(&[])), "gone");
}

#[test]
fn a_file_that_nobody_wrote_to_is_not_opened() {
    let files = logs(&organisation("30", 7, 1));
    let place = Place::new();
    place.write(&files, "9999", 0);
    let (name, bytes) = files
        .iter()
        .find(|(name, _)| name.contains("MSGTRK"))
        .unwrap();
    let log = place.logs.path().join(name);
    let hour_ago = SystemTime::now() - Duration::from_secs(3600);
    let date = |path: &Path, time: SystemTime| {
        let file = fs::File::options().write(true).open(path).unwrap();
        file.set_modified(time).unwrap();
    };
    for name in files.keys() {
        let path = place.logs.path().join(name);
        if path.exists() {
            date(&path, hour_ago);
        }
    }
    let first = place.night(&[]);
    let again = place.night(&[]);
    assert_eq!(again["coverage"]["state"]["new_rows"], 0);
    assert_eq!(
        again["coverage"]["state"]["unchanged_files"],
        first["inputs"]["files"]
    );
    same(&figures(first), &figures(again), "again");
    // Other bytes, as many, with the time and in the place of the old: nobody looks.
    let mut changed = bytes.clone();
    let at = bytes.windows(7).position(|w| w == b"#Date: ").unwrap() + 7;
    changed[at] ^= 1;
    let mut file = fs::File::options().write(true).open(&log).unwrap();
    file.write_all(&changed).unwrap();
    drop(file);
    date(&log, hour_ago);
    let notes = |report: Value| report["coverage"]["state"]["notes"].to_string();
    assert_eq!(notes(place.night(&[])), "[]");
    // With a time of its own it is looked at.
    date(&log, hour_ago + Duration::from_secs(1));
    let notes = notes(place.night(&[]));
    assert!(
        notes.contains("does not begin with what was read"),
        "{notes}"
    );
}

#[test]
fn a_torn_last_row_is_read_once_the_logs_have_gone_on_without_it() {
    let files = logs(&organisation("30", 35, 2));
    let place = Place::new();
    let untils = [
        "2026-03-02T12:00:00",
        "2026-03-02T14:00:00",
        "2026-03-02T23:00:00",
    ];
    let is_over = |bytes: &[u8]| end_at(bytes, untils[0]) == bytes.len();
    let (name, whole) = files.iter().rfind(|(_, bytes)| is_over(bytes)).unwrap();
    let torn = whole.strip_suffix(b"\r\n").unwrap();
    let mut rows = Vec::new();
    for until in untils {
        place.write(&files, until, 0);
        put(&place.logs.path().join(name), torn);
        // A second run soon after the first must not take what is being written for all there is.
        place.night(&[]);
        let got = place.night(&[]);
        rows.push(got["inputs"]["rows"].as_u64().unwrap());
        let want = place.at_once(&[])["inputs"]["rows"].as_u64().unwrap();
        let left = if until == untils[2] { 0 } else { 1 };
        assert_eq!(rows.last(), Some(&(want - left)), "{until}");
    }
    let (want, got) = (place.at_once(&[]), place.night(&[]));
    same(&of_messages(want), &of_messages(got), "read as it stands");
}

/// A file was copied in part and stayed so for many hours: its torn row was taken as it stood. Then it is copied in full.
#[test]
fn a_row_that_was_read_torn_is_taken_back_when_it_goes_on() {
    let files = logs(&organisation("30", 41, 1));
    let untils = [
        "2026-03-02T12:00:00",
        "2026-03-02T13:00:00",
        "2026-03-02T20:00:00",
    ];
    // The last word about somebody, in whichever log.
    let found = files.iter().find_map(|(name, bytes)| {
        let begun = &bytes[..end_at(bytes, untils[0])];
        let row = begun.rfind(b",STOREDRIVER,DELIVER,")?;
        let begin = begun[..row].rfind(b"\n")? + 1;
        let end = row + begun[row..].find(b"\n")?;
        Some((name, begin, end))
    });
    let (name, begin, end) = found.unwrap();
    for share in [4, 10, 16, 19] {
        let place = Place::new();
        let cut = begin + (end - begin) * share / 20;
        for until in untils {
            place.write(&files, until, 0);
            put(&place.logs.path().join(name), &files[name][..cut]);
            place.night(&[]);
        }
        let torn = of_messages(place.at_once(&[]));
        place.write(&files, untils[2], 0);
        let (want, got) = (place.at_once(&[]), place.night(&[]));
        assert_ne!(torn, of_messages(want.clone()), "the row says something");
        same(
            &figures(want),
            &figures(got),
            &format!("{share} parts of 20"),
        );
    }
}

#[test]
fn rows_that_come_after_their_messages_were_closed_are_left_out_and_said() {
    let files = logs(&organisation("30", 36, 3));
    let (late, first) = files.iter().next().unwrap();
    let mut others = files.clone();
    others.remove(late);
    let place = Place::new();
    place.write(&others, "2027", 0);
    let before = place.night(&[]);
    put(&place.logs.path().join(late), first);
    let output = place.command(&[]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let after = report(&output);
    let state = &after["coverage"]["state"];
    assert!(state["late_rows"].as_u64() > Some(0), "{state:#}");
    assert_eq!(
        state["late_rows"], state["new_rows"],
        "the file is of the first hours"
    );
    assert!(said.contains("were closed and counted"), "{said}");
    same(&of_messages(before), &of_messages(after), "late");
}

/// A day for which nothing was read is told from a quiet one by the last rows there were.
#[test]
fn a_day_without_rows_names_the_last_rows_of_the_days_before() {
    let files = logs(&organisation("30", 34, 2));
    let place = Place::new();
    place.write(&files, "2027", 0);
    place.night(&[]);
    for day in ["2026-03-09", "2026-05-01"] {
        for report in [place.night(&["--day", day]), place.at_once(&["--day", day])] {
            let trouble = &report["trouble"][0];
            assert_eq!(trouble["kind"], "missing_logs", "{day}: {trouble}");
            let evidence = trouble["evidence"].as_array().unwrap();
            let dated = |line: &Value| line.as_str().unwrap().contains(" is of 2026-03-0");
            assert!(
                evidence.len() > 1 && evidence.iter().all(dated),
                "{day}: {trouble}"
            );
        }
    }
}

/// First and last row are rows that were logged, or not known: no end of a period or of an hour stands for one.
#[test]
fn first_and_last_rows_of_a_period_are_real_ones_or_not_known() {
    let files = logs(&organisation("30", 34, 2));
    let place = Place::new();
    place.write(&files, "2027", 0);
    let whole = place.at_once(&[]);
    place.night(&[]);
    let servers = |report: &Value| report["coverage"]["servers"].as_array().unwrap().clone();
    let all = servers(&whole);
    for day in ["2026-03-02", "2026-03-03"] {
        for (server, logged) in servers(&place.at_once(&["--day", day])).iter().zip(&all) {
            for key in ["server", "first", "last", "rows", "bytes"] {
                assert_eq!(server[key], logged[key], "{day} {key}");
            }
        }
        for server in servers(&place.night(&["--day", day])) {
            let same = |of: &&Value| of["server"] == server["server"];
            let logged = all.iter().find(same).unwrap();
            for end in ["first", "last"] {
                let known = [&Value::Null, &logged[end]];
                assert!(known.contains(&&server[end]), "{day} {end}: {server}");
            }
            let is_silent = server["rows"] == 0;
            assert!(is_silent || server["bytes"].is_null(), "{day}: {server}");
        }
    }
}

/// A job that runs in another folder may lack its configuration: what was said of own domains holds on.
#[test]
fn own_domains_that_were_given_once_stay() {
    let files = logs(&organisation("30", 38, 2));
    let place = Place::new();
    place.write(&files, "2026-03-03", 0);
    place.night(&[]);
    place.write(&files, "2027", 0);
    let silent = Command::new(env!("CARGO_BIN_EXE_waybill"))
        .args(["report", "--format", "json", "--horizon", "12h", "--state"])
        .arg(place.state.path())
        .arg(place.logs.path())
        .output();
    let silent = report(&silent.unwrap());
    let whole = place.at_once(&[]);
    assert_eq!(
        silent["volume"]["by_direction"],
        whole["volume"]["by_direction"]
    );
    assert_eq!(silent["totals"], whole["totals"]);
    assert_eq!(
        silent["coverage"]["own_domains"],
        whole["coverage"]["own_domains"]
    );
    assert_eq!(
        silent["coverage"]["domains_guessed"],
        whole["coverage"]["domains_guessed"]
    );
}

#[test]
fn what_does_not_fit_is_refused() {
    let files = logs(&organisation("30", 37, 1));
    let place = Place::new();
    place.write(&files, "2027", 0);
    let refused = |arguments: &[&str], words: &str| {
        let output = place.command(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains(words), "{arguments:?}: {said}");
    };
    refused(&["--sender", "a@b.test"], "only --day, --since and --until");
    place.night(&[]);
    refused(&["--tz", "Europe/Berlin"], "begun with --tz UTC");
    refused(&["--anonymous", "key"], "begun with --anonymous off");
    refused(&["--probe", "a@b.test"], "begun with --probe none");
    refused(&["--since", "2026-03-02T09:00:00Z"], "whole days");
    let state = place.state.path().join("state");
    let good = fs::read(&state).unwrap();
    for (at, words) in [(3, "is no state"), (8, "layout"), (70, "damaged")] {
        let mut bad = good.clone();
        bad[at] ^= 0x40;
        fs::write(&state, bad).unwrap();
        refused(&[], words);
    }
    fs::write(&state, &good).unwrap();
    let held = fs::File::open(place.state.path().join("lock")).unwrap();
    held.try_lock().unwrap();
    refused(&[], "another run of waybill works there");
    drop(held);
    place.night(&[]);
    // Not a folder of ours.
    let folder = place.logs.path().to_str().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_waybill"))
        .args(["report", folder, "--state", folder])
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("holds other things"));
}

/// Ends the process at once, as a power cut or an impatient administrator would.
fn kill_after(mut child: Child, pause: Duration) -> bool {
    std::thread::sleep(pause);
    let was_running = child.try_wait().unwrap().is_none();
    child.kill().unwrap();
    child.wait().unwrap();
    was_running
}

#[test]
fn a_run_may_be_killed_at_any_moment() {
    let files = logs(&organisation("30", 38, 3));
    let place = Place::new();
    let mut killed = 0;
    for until in NIGHTS {
        place.write(&files, until, 25);
        for pause in [1, 4, 7, 11, 16, 23, 31, 40, 60] {
            let child = place.command(&[]).spawn().unwrap();
            killed += usize::from(kill_after(child, Duration::from_millis(pause)));
        }
        place.night(&[]);
    }
    place.write(&files, "2027", 0);
    let got = figures(place.night(&[]));
    assert!(killed > 10, "{killed} runs were killed");
    same(&figures(place.at_once(&[])), &got, "killed");
    let left: Vec<PathBuf> = fs::read_dir(place.state.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().contains("partial"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}
