//! One answer, whatever the order of arguments, the number of threads, the length of chunks, and however the rows
//! are spread over files. The answer is `paths --format jsonl`, byte for byte, through the real program.

use std::fs;
use std::process::Command;

use serde_json::Value;
use waybill::simulate::{LayoutChoice, Options, story_options};

use crate::simulated::Organisation;

/// A day of mail on clocks that differ, tales among it.
fn organisation(layout: &str, seed: u64) -> Organisation {
    Organisation::new(&Options {
        seed,
        layout: LayoutChoice::parse(layout).unwrap(),
        days: 1,
        messages_per_day: 250,
        skew_ms: 900,
        ..story_options()
    })
}

/// What `paths` says with these arguments.
fn paths(arguments: &[&str]) -> String {
    let run = Command::new(env!("CARGO_BIN_EXE_waybill"))
        .args(["paths", "--quiet"])
        .args(arguments)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stderr).into_owned();
    assert!(run.status.success(), "{arguments:?}: {said}");
    String::from_utf8(run.stdout).unwrap()
}

/// The tracking logs of an organisation, relative to its folder.
fn logs(organisation: &Organisation) -> Vec<(String, Vec<u8>)> {
    let mut files = organisation.files();
    files.retain(|(name, _)| name.contains("MessageTracking"));
    assert!(files.len() > 10);
    files
}

/// Writes files into a new folder.
fn folder(files: &[(String, Vec<u8>)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    folder
}

fn said_of(files: &[(String, Vec<u8>)]) -> String {
    let folder = folder(files);
    paths(&[folder.path().to_str().unwrap()])
}

/// Paths without the evidence, which names files and lines, sorted: rows of one instant may change their order.
fn without_evidence(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = text
        .lines()
        .map(|line| {
            let mut path: Value = serde_json::from_str(line).unwrap();
            for recipient in path["recipients"].as_array_mut().unwrap() {
                recipient["where"] = Value::Null;
            }
            for link in path["id_links"].as_array_mut().into_iter().flatten() {
                link["proof"] = Value::Null;
            }
            path.to_string()
        })
        .collect();
    lines.sort_unstable();
    lines
}

/// Fails with the first line that differs, not with two megabytes.
pub fn same(want: &str, got: &str, case: &str) {
    if want == got {
        return;
    }
    for (want, got) in want.lines().zip(got.lines()) {
        assert_eq!(want, got, "{case}");
    }
    panic!(
        "{case}: {} lines, {}",
        want.lines().count(),
        got.lines().count()
    );
}

fn same_but_evidence(want: &str, got: &str, case: &str) {
    let (want, got) = (without_evidence(want), without_evidence(got));
    same(&want.join("\n"), &got.join("\n"), case);
}

#[test]
fn the_order_of_arguments_changes_nothing() {
    let organisation = organisation("mixed", 21);
    let mut names: Vec<String> = fs::read_dir(organisation.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .map(|path| path.display().to_string())
        .collect();
    names.sort();
    let said = |names: &[String]| paths(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let want = said(&names);
    for turn in 1..names.len() {
        let mut turned = names.clone();
        turned.rotate_left(turn);
        same(&want, &said(&turned), &format!("{turned:?}"));
        turned.reverse();
        same(&want, &said(&turned), &format!("{turned:?}"));
    }
    // Named twice, read once.
    let mut again = names.clone();
    again.extend(names.clone());
    same(&want, &said(&again), "every folder twice");
}

#[test]
fn threads_chunks_and_windows_change_nothing() {
    for (layout, seed) in [("21", 22), ("mixed", 23)] {
        let organisation = organisation(layout, seed);
        let root = organisation.path().to_str().unwrap();
        let want = paths(&[root, "--threads", "1"]);
        assert!(want.lines().count() > 200);
        for threads in ["2", "3", "8"] {
            let got = paths(&[root, "--threads", threads]);
            same(&want, &got, &format!("{threads} threads"));
        }
        for bytes in [211, 499, 1009, 4099, 10_007, 65_537, 1_000_003] {
            let bytes = bytes.to_string();
            let got = paths(&[root, "--chunk-bytes", &bytes]);
            same(&want, &got, &format!("chunks of {bytes} bytes"));
        }
        for window in ["20k", "300k", "2M"] {
            let got = paths(&[root, "--window-bytes", window, "--chunk-bytes", "10k"]);
            same(&want, &got, &format!("windows of {window}"));
        }
    }
}

/// Messages of 2003 and before go by ids that other records prove to be theirs, on other servers and in other windows.
#[test]
fn windows_change_nothing_in_logs_of_several_old_servers() {
    for (layout, seed) in [("5.5", 31), ("mixed-legacy", 32), ("migration", 33)] {
        let organisation = organisation(layout, seed);
        let root = organisation.path().to_str().unwrap();
        let want = paths(&[root, "--threads", "1"]);
        assert!(want.lines().count() > 200, "{layout}");
        let servers: Vec<String> = fs::read_dir(organisation.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_dir())
            .map(|path| path.display().to_string())
            .collect();
        assert!(servers.len() > 2, "{layout}");
        for (window, chunk) in [("20k", "3k"), ("60k", "10k"), ("300k", "70k")] {
            let more = ["--window-bytes", window, "--chunk-bytes", chunk];
            let got = paths(&[&[root][..], &more].concat());
            same(&want, &got, &format!("{layout} in windows of {window}"));
            // Each server by itself, and last come first.
            let mut each: Vec<&str> = servers.iter().map(String::as_str).collect();
            each.sort_unstable_by(|a, b| b.cmp(a));
            let got = paths(&[&each[..], &more].concat());
            same_but_evidence(&want, &got, &format!("{layout} by servers"));
        }
    }
}

/// Two receipts in the same instant, by two servers, from two clients or of two recipients only: origin, recipients and
/// hops are in the order that the rows say, not the files.
#[test]
fn names_of_files_do_not_order_rows_of_one_instant() {
    let head = "#Software: Microsoft Exchange Server\r\n#Version: 15.02.1118.030\r\n\
        #Log-type: Message Tracking Log\r\n#Fields: date-time,client-hostname,server-hostname,connector-id,source,\
        event-id,internal-message-id,message-id,network-message-id,recipient-address,sender-address\r\n";
    let id = "<a@x.test>,";
    let guid = "11111111-2222-3333-4444-555555555555";
    let log = |[client, server, connector]: [&str; 3], guid: &str, to: &str| {
        let row = |at: u32, hosts: &str, what: &str| {
            format!(
                "2026-03-02T09:00:00.{at}Z,{hosts},{connector},{what},7,{id}{guid},{to},ann@x.test\r\n"
            )
        };
        let came = row(100, &format!("{client},{server}"), "SMTP,RECEIVE");
        let left = row(200, &format!("{server},mx.far.test"), "SMTP,SENDEXTERNAL");
        format!("{head}{came}{left}").into_bytes()
    };
    let whole = |files: &[(String, Vec<u8>)]| {
        let mut paths: Vec<Value> = (without_evidence(&said_of(files)).iter())
            .map(|path| serde_json::from_str(path).unwrap())
            .collect();
        assert_eq!(paths.len(), 1);
        paths.remove(0)
    };
    for (one, other) in [
        (["mx", "ex01", "in"], ["mx", "ex02", "in"]),
        (["mx1", "ex01", "in"], ["mx2", "ex01", "in"]),
        (["mx", "ex01", "in"], ["mx", "ex01", "out"]),
        (["mx", "ex01", "in"], ["mx", "ex01", "in"]),
    ] {
        for guid in [guid, ""] {
            let named = |a: &str, b: &str| {
                let one = (a.to_string(), log(one, guid, "a@far.test"));
                whole(&[one, (b.to_string(), log(other, guid, "b@far.test"))])
            };
            let want = named("a.LOG", "b.LOG");
            assert_eq!(want["hops"][0]["server"], "ex01", "{want}");
            assert_eq!(want["origin"]["connector"], one[2], "{want}");
            assert_eq!(want["recipients"][0]["address"], "a@far.test", "{want}");
            same(
                &want.to_string(),
                &named("b.LOG", "a.LOG").to_string(),
                &format!("{one:?} {other:?} {guid}"),
            );
        }
    }
}

#[test]
fn line_ends_and_byte_order_marks_change_nothing() {
    let organisation = organisation("30", 24);
    let files = logs(&organisation);
    let want = said_of(&files);
    let changed = |change: &dyn Fn(&[u8]) -> Vec<u8>| -> Vec<(String, Vec<u8>)> {
        let change = |(name, bytes): &(String, Vec<u8>)| (name.clone(), change(bytes));
        files.iter().map(change).collect()
    };
    let bom = "\u{feff}".as_bytes();
    let unmarked = |bytes: &[u8]| bytes.strip_prefix(bom).unwrap_or(bytes).to_vec();
    let bare = changed(&|bytes| {
        unmarked(bytes)
            .into_iter()
            .filter(|b| *b != b'\r')
            .collect()
    });
    same(&want, &said_of(&bare), "LF");
    let marked = changed(&|bytes| [bom, &unmarked(bytes)].concat());
    same(&want, &said_of(&marked), "BOM");
    same(&want, &said_of(&changed(&unmarked)), "no BOM");
}

#[test]
fn how_rows_are_spread_over_files_changes_only_the_evidence() {
    let organisation = organisation("mixed", 25);
    let files = logs(&organisation);
    let want = said_of(&files);

    let whole: Vec<u8> = files.iter().flat_map(|(_, bytes)| bytes.clone()).collect();
    let one = [("all.LOG".to_string(), whole)];
    same_but_evidence(&want, &said_of(&one), "all files in one");

    let mut parts = Vec::new();
    for (name, bytes) in &files {
        let (head, rows) = head_and_rows(bytes);
        for (number, rows) in rows.chunks(7).enumerate() {
            let bytes = [head.clone(), rows.concat()].concat();
            parts.push((format!("{name}.{number:04}"), bytes));
        }
    }
    assert!(parts.len() > 2 * files.len());
    same_but_evidence(&want, &said_of(&parts), "seven rows a file");
}

#[test]
fn rows_collected_twice_count_once() {
    for (layout, seed) in [("26", 26), ("30", 27)] {
        let organisation = organisation(layout, seed);
        let files = logs(&organisation);
        let want = said_of(&files);
        let mut twice = files.clone();
        twice.extend(
            files
                .iter()
                .map(|(name, bytes)| (format!("z/{name}"), bytes.clone())),
        );
        same_but_evidence(&want, &said_of(&twice), layout);
        let mut part = files.clone();
        let (head, rows) = head_and_rows(&files[0].1);
        let half = [head, rows[rows.len() / 2..].concat()].concat();
        part.push(("z/again.LOG".to_string(), half));
        same_but_evidence(&want, &said_of(&part), layout);
    }
}

/// The header lines and each row, by line breaks: the simulator writes no row over two lines.
fn head_and_rows(bytes: &[u8]) -> (Vec<u8>, Vec<Vec<u8>>) {
    let lines: Vec<Vec<u8>> = bytes
        .split_inclusive(|b| *b == b'\n')
        .map(<[u8]>::to_vec)
        .collect();
    let first = lines
        .iter()
        .position(|line| line.starts_with(b"20"))
        .unwrap_or(lines.len());
    (lines[..first].concat(), lines[first..].to_vec())
}

#[test]
fn reports_and_events_are_the_same_for_all_chunks() {
    let organisation = organisation("27", 28);
    let root = organisation.path().to_str().unwrap();
    for command in [["report", "--format=json"], ["events", "--format=csv"]] {
        let said = |more: &[&str]| {
            let run = Command::new(env!("CARGO_BIN_EXE_waybill"))
                .args(command)
                .args(["--quiet", root])
                .args(more)
                .output()
                .unwrap();
            assert!(run.status.success());
            let text = String::from_utf8(run.stdout).unwrap();
            timeless(&text)
        };
        let want = said(&["--threads", "1"]);
        for bytes in ["307", "5003", "100003"] {
            for threads in ["1", "3"] {
                let got = said(&["--chunk-bytes", bytes, "--threads", threads]);
                same(
                    &want,
                    &got,
                    &format!("{command:?}, {bytes} bytes, {threads} threads"),
                );
            }
        }
    }
}

/// Without how long the run took.
pub fn timeless(text: &str) -> String {
    let seconds = |line: &&str| !line.trim_start().starts_with("\"seconds\"");
    text.lines().filter(seconds).collect::<Vec<_>>().join("\n")
}

/// Servers of several versions, journal reports among the mail: not every row of a message has its network-message-id.
#[test]
fn a_message_found_by_one_of_its_ids_is_what_all_rows_say() {
    let organisation = organisation("mixed", 702);
    let logs = organisation.path().to_str().unwrap();
    let all = paths(&[logs]);
    let mut looked_for = 0;
    // Those that are linked to others first: the others' rows must be found, too.
    let (linked, alone): (Vec<&str>, _) =
        all.lines().partition(|line| !line.contains("related\":[]"));
    for line in linked
        .into_iter()
        .take(20)
        .chain(alone.into_iter().take(20))
    {
        let path: Value = serde_json::from_str(line).unwrap();
        for name in ["network_message_id", "message_id"] {
            let Some(id) = path[name].as_str() else {
                continue;
            };
            let flag = format!("--{}", name.replace('_', "-"));
            let found = paths(&[logs, &flag, id]);
            assert!(found.lines().any(|found| found == line), "{flag} {id}");
            looked_for += 1;
        }
    }
    assert!(looked_for > 50, "{looked_for}");
}
