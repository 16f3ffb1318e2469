//! Logs as they come: packed, in UTF-16, growing, cut short; and answers that cannot be written.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::program::{run, waybill};

const HEAD: &str = "#Software: Microsoft Exchange Server\r\n#Log-type: Message Tracking Log\r\n\
    #Fields: date-time,client-hostname,server-hostname,source-context,source,event-id,\
    internal-message-id,message-id,recipient-address,sender-address,message-subject\r\n";

/// A log of so many messages, two rows each; `n` makes their ids.
fn log(from: usize, messages: usize) -> String {
    let mut text = HEAD.to_string();
    for n in from..from + messages {
        let at = |second: usize| {
            format!(
                "2026-03-01T{:02}:{:02}:{second:02}.000Z",
                n / 60 % 24,
                n % 60
            )
        };
        let about = format!("{n},<{n}@example.net>,bob@example.com,al@example.net,Grüße {n}\r\n");
        text += &format!("{},mx.example.net,ex01,,SMTP,RECEIVE,{about}", at(1));
        text += &format!("{},ex01,ex01,,STOREDRIVER,DELIVER,{about}", at(2));
    }
    text
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

fn tar(log: &[u8]) -> Vec<u8> {
    let mut out = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(log.len() as u64);
    out.append_data(&mut header, "ex01/a.LOG", log).unwrap();
    out.into_inner().unwrap()
}

fn utf16(text: &str, mark: bool, big: bool) -> Vec<u8> {
    let text = format!("{}{text}", if mark { "\u{feff}" } else { "" });
    let unit = |unit: u16| match big {
        true => unit.to_be_bytes(),
        false => unit.to_le_bytes(),
    };
    text.encode_utf16().flat_map(unit).collect()
}

/// What `paths` says, without the evidence.
fn paths(arguments: &[&str]) -> Vec<Value> {
    let output = run(&[&["paths", "--quiet"], arguments].concat());
    assert!(output.status.success(), "{arguments:?}: {}", said(&output));
    let lines = String::from_utf8(output.stdout).unwrap();
    let lines = lines.lines().map(|line| {
        let mut path: Value = serde_json::from_str(line).unwrap();
        for recipient in path["recipients"].as_array_mut().unwrap() {
            recipient["where"] = Value::Null;
        }
        path
    });
    lines.collect()
}

#[test]
fn a_log_is_the_same_in_every_form() {
    let folder = tempfile::tempdir().unwrap();
    let text = log(0, 400);
    let form = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_string()
    };
    let want = paths(&[&form("plain.LOG", text.as_bytes())]);
    assert_eq!(want.len(), 400);
    let marked = format!("\u{feff}{text}");
    for (name, bytes) in [
        ("gz", gzip(text.as_bytes())),
        ("mark", marked.into_bytes()),
        ("utf16", utf16(&text, false, false)),
        ("utf16be", utf16(&text, false, true)),
        ("utf16-mark", utf16(&text, true, false)),
        ("utf16be-mark", utf16(&text, true, true)),
        ("utf16.gz", gzip(&utf16(&text, true, false))),
        ("tar", tar(text.as_bytes())),
        ("tgz", gzip(&tar(text.as_bytes()))),
    ] {
        let path = form(name, &bytes);
        for mmap in ["auto", "always", "never"] {
            assert_eq!(paths(&[&path, "--mmap", mmap]), want, "{name}, {mmap}");
        }
        let mut child = waybill()
            .args(["paths", "-", "--quiet"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(&bytes).unwrap();
        let output = child.wait_with_output().unwrap();
        let lines = output.stdout.iter().filter(|&&b| b == b'\n').count();
        assert_eq!(lines, 400, "{name} piped");
    }
    // A log that lost its header, behind a mark: its first row is there, too.
    let real = "data/today/ex01/MessageTracking/MSGTRK2026030209-1.LOG";
    let real = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(real)).unwrap();
    let at = real.windows(3).position(|w| w == b"\n20").unwrap() + 1;
    let events = |name: &str, bytes: &[u8]| {
        let output = run(&["events", &form(name, bytes), "--quiet"]);
        output.stdout.iter().filter(|&&b| b == b'\n').count()
    };
    let bare = events("bare", &real[at..]);
    assert!(bare > 3);
    assert_eq!(
        events("bare-mark", &[b"\xef\xbb\xbf", &real[at..]].concat()),
        bare
    );
}

#[test]
fn what_is_no_utf8_is_shown_byte_by_byte() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.LOG");
    let mut bytes = log(0, 1).into_bytes();
    let at = bytes.windows(4).position(|w| w == b"Gr\xc3\xbc").unwrap();
    bytes[at + 2] = 0xff;
    fs::write(&path, &bytes).unwrap();
    let path = path.to_str().unwrap();
    let subject = |format: &[&str]| String::from_utf8(run(format).stdout).unwrap();
    assert!(subject(&["trace", path]).contains(r"Gr\xff\xbc"));
    assert!(subject(&["paths", path]).contains(r"Gr\\xff\\xbc"));
    assert!(subject(&["paths", path, "--format", "csv"]).contains(r"Gr\xff\xbc"));
    // Half a pair of UTF-16 is no text, either.
    let mut wide = utf16(&log(0, 1), true, false);
    let at = wide.windows(4).position(|w| w == b"G\0r\0").unwrap();
    wide[at + 2..at + 4].copy_from_slice(&0xd800u16.to_le_bytes());
    fs::write(folder.path().join("a.LOG"), &wide).unwrap();
    assert!(subject(&["trace", path]).contains(r"G\xed\xa0\x80"));
}

#[test]
fn a_broken_archive_and_a_bomb_are_said_and_the_rest_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().to_str().unwrap();
    fs::write(folder.path().join("good.LOG"), log(0, 10)).unwrap();
    let whole = gzip(log(100, 500).as_bytes());
    fs::write(folder.path().join("cut.LOG.gz"), &whole[..whole.len() / 2]).unwrap();
    fs::write(folder.path().join("bomb.gz"), gzip(&vec![b'x'; 70 << 20])).unwrap();
    let output = run(&["paths", root, "--expand-limit", "100"]);
    assert_eq!(output.status.code(), Some(3));
    let words = said(&output);
    assert!(words.contains("cut.LOG.gz: read in part"), "{words}");
    assert!(
        words.contains("bomb.gz: not read: grows to more than 100 times"),
        "{words}"
    );
    let lines = output.stdout.iter().filter(|&&b| b == b'\n').count();
    assert!((20..510).contains(&lines), "{lines}");
    let check = run(&["check", root, "--expand-limit", "100", "--format", "json"]);
    let check: Value = serde_json::from_slice(&check.stdout).unwrap();
    let kinds: Vec<&str> = check["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|finding| finding["kind"].as_str())
        .collect();
    assert!(
        kinds.contains(&"file_in_part") && kinds.contains(&"file_unreadable"),
        "{kinds:?}"
    );
}

/// A run that has begun to write rows of one mapped log, and waits because nobody reads them.
fn held_up(path: &Path, mmap: &str) -> (Child, Vec<u8>) {
    let mut child = waybill()
        .args([
            "events",
            path.to_str().unwrap(),
            "--mmap",
            mmap,
            "--threads",
            "1",
        ])
        .args(["--chunk-bytes", "4k"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = vec![0; 1000];
    child
        .stdout
        .as_mut()
        .unwrap()
        .read_exact(&mut first)
        .unwrap();
    (child, first)
}

/// Reads the rest; exit status, what was answered and what was said.
fn ended(mut child: Child, mut answer: Vec<u8>) -> (Option<i32>, Vec<u8>, String) {
    child
        .stdout
        .take()
        .unwrap()
        .read_to_end(&mut answer)
        .unwrap();
    let mut words = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut words)
        .unwrap();
    (child.wait().unwrap().code(), answer, words)
}

#[cfg(unix)]
#[test]
fn a_log_that_is_cut_short_or_replaced_while_it_is_read_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("live.LOG");
    let whole = log(0, 10_000);
    for mmap in ["always", "never"] {
        // Cut short.
        fs::write(&path, &whole).unwrap();
        let (child, first) = held_up(&path, mmap);
        fs::File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_len(5000)
            .unwrap();
        let (status, _, words) = ended(child, first);
        assert_eq!(status, Some(2), "{mmap}: {words}");
        assert!(
            words.contains("live.LOG") && words.contains("short"),
            "{mmap}: {words}"
        );
        // Replaced.
        fs::write(&path, &whole).unwrap();
        let (child, first) = held_up(&path, mmap);
        let other = folder.path().join("other");
        fs::write(&other, &whole).unwrap();
        fs::rename(&other, &path).unwrap();
        let (status, answer, words) = ended(child, first);
        assert_eq!(status, Some(2), "{mmap}: {words}");
        assert!(words.contains("replaced"), "{mmap}: {words}");
        assert_eq!(answer.iter().filter(|&&b| b == b'\n').count(), 20_000);
        // Grown: the length when it was opened is the truth, and a torn end is no error.
        fs::write(&path, &whole).unwrap();
        let (child, first) = held_up(&path, mmap);
        let mut file = fs::File::options().append(true).open(&path).unwrap();
        file.write_all(b"2026-03-01T09:0").unwrap();
        let (status, answer, words) = ended(child, first);
        assert_eq!(status, Some(0), "{mmap}: {words}");
        assert_eq!(answer.iter().filter(|&&b| b == b'\n').count(), 20_000);
        let again = run(&["paths", path.to_str().unwrap()]);
        assert_eq!(again.status.code(), Some(0), "{}", said(&again));
        assert!(said(&again).contains("being written"), "{}", said(&again));
        // Deleted: what was open is read to its end.
        let (child, first) = held_up(&path, mmap);
        fs::remove_file(&path).unwrap();
        let (status, _, words) = ended(child, first);
        assert_eq!(status, Some(0), "{mmap}: {words}");
    }
}

#[cfg(unix)]
#[test]
fn a_signal_leaves_nothing_that_looks_complete() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.LOG");
    fs::write(&path, log(0, 150_000)).unwrap();
    let out = folder.path().join("out");
    fs::create_dir(&out).unwrap();
    let answer = out.join("events.jsonl");
    let mut child = waybill()
        .args([
            "events",
            path.to_str().unwrap(),
            "--threads",
            "1",
            "--output",
        ])
        .arg(&answer)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    while fs::read_dir(&out).unwrap().count() == 0 {
        assert!(begun.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(!answer.exists());
    let told = Command::new("kill").arg(child.id().to_string()).status();
    assert!(told.unwrap().success());
    let status = child.wait().unwrap();
    use std::os::unix::process::ExitStatusExt;
    assert_eq!(status.signal(), Some(15), "{status}");
    assert_eq!(fs::read_dir(&out).unwrap().count(), 0);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_2_with_a_message() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.LOG"), log(0, 2000)).unwrap();
    let root = folder.path().to_str().unwrap();
    for command in ["report", "find", "trace", "paths", "events", "check"] {
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        let output = waybill()
            .args([command, root])
            .stdout(full)
            .output()
            .unwrap();
        assert_eq!(
            output.status.code(),
            Some(2),
            "{command}: {}",
            said(&output)
        );
        assert!(
            said(&output).contains("could not be written: No space left"),
            "{command}: {}",
            said(&output)
        );
    }
    // A file system without room for the answer's file: none of ours may stay under the final name.
    let answer = folder.path().join("x.jsonl");
    let script = "ulimit -f 64; trap '' XFSZ; exec \"$0\" events \"$1\" --output \"$2\"";
    let output = Command::new("sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_waybill"), root])
        .arg(&answer)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(
        said(&output).contains("could not be written"),
        "{}",
        said(&output)
    );
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

/// A file system that takes no byte: nothing that a command was to write has its name.
#[cfg(target_os = "linux")]
#[test]
fn no_room_for_any_file_is_2_and_leaves_none() {
    let folder = tempfile::tempdir().unwrap();
    let logs = folder.path().join("logs");
    fs::create_dir(&logs).unwrap();
    fs::write(logs.join("a.LOG"), log(0, 50)).unwrap();
    for arguments in [
        "report --output",
        "report --format json --output",
        "report --format html --output",
        "report --format csv --output",
        "report --save",
        "report --state",
        "report --manifest",
        "find --output",
        "trace --format xml --output",
        "paths --output",
        "paths --manifest",
        "events --output",
        "check --output",
        "check --manifest",
    ] {
        let answer = folder.path().join("answer");
        let script = "ulimit -f 0; trap '' XFSZ; exec \"$0\" \"$@\"";
        let output = Command::new("sh")
            .args(["-c", script, env!("CARGO_BIN_EXE_waybill")])
            .args(arguments.split(' '))
            .args([&answer, &logs])
            .stdout(Stdio::null())
            .output()
            .unwrap();
        let words = said(&output);
        assert_eq!(output.status.code(), Some(2), "{arguments}: {words}");
        assert!(words.contains("written"), "{arguments}: {words}");
        // A folder may be there, but nothing in it that looks like an answer.
        let left: Vec<String> = match fs::read_dir(&answer) {
            Ok(files) => files
                .map(|file| file.unwrap().file_name().to_string_lossy().into_owned())
                .filter(|name| name != "lock")
                .collect(),
            Err(_) => Vec::new(),
        };
        assert!(
            left.is_empty() && !answer.is_file(),
            "{arguments}: {left:?}"
        );
        let _ = fs::remove_dir_all(&answer);
    }
    let names = fs::read_dir(folder.path()).unwrap();
    assert_eq!(names.count(), 1, "something was left beside the logs");
}

#[cfg(target_os = "linux")]
#[test]
fn too_little_memory_leaves_no_answer_that_looks_complete() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.LOG"), log(0, 60_000)).unwrap();
    let answer = folder.path().join("x.jsonl");
    let script = "ulimit -v 60000; exec \"$0\" paths \"$1\" --threads 1 --output \"$2\"";
    let output = Command::new("sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_waybill")])
        .arg(folder.path())
        .arg(&answer)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(said(&output).contains("memory"), "{}", said(&output));
    assert!(!answer.exists(), "{}", said(&output));
}

#[cfg(target_os = "linux")]
#[test]
fn an_unreadable_file_in_the_middle_is_named_and_the_rest_is_read() {
    let folder = tempfile::tempdir().unwrap();
    for (n, name) in ["a.LOG", "c.LOG"].iter().enumerate() {
        fs::write(folder.path().join(name), log(n * 100, 10)).unwrap();
    }
    let link = |to: &str, name: &str| std::os::unix::fs::symlink(to, folder.path().join(name));
    // Opens, but cannot be read; leads nowhere; leads back to the folder.
    link("/proc/self/mem", "b.LOG").unwrap();
    link("/no/such/file", "d.LOG").unwrap();
    link(".", "loop").unwrap();
    let locked = folder.path().join("e.LOG");
    fs::write(&locked, log(500, 10)).unwrap();
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o000)).unwrap();
    let may_all = fs::read(&locked).is_ok();
    for mmap in ["auto", "never"] {
        let output = run(&["paths", folder.path().to_str().unwrap(), "--mmap", mmap]);
        let words = said(&output);
        assert_eq!(output.status.code(), Some(3), "{words}");
        for name in [
            "b.LOG: not read",
            "d.LOG: not read",
            "loop: not read: a link",
        ] {
            assert!(words.contains(name), "{name}: {words}");
        }
        let lines = output.stdout.iter().filter(|&&b| b == b'\n').count();
        assert_eq!(lines, if may_all { 30 } else { 20 }, "{words}");
        assert!(
            may_all || words.contains("e.LOG: not read: Permission denied"),
            "{words}"
        );
    }
}

#[test]
fn more_files_than_handles() {
    let folder = tempfile::tempdir().unwrap();
    for n in 0..600 {
        fs::write(folder.path().join(format!("{n:04}.LOG")), log(n, 1)).unwrap();
    }
    // A few that are long enough to be mapped.
    for n in 0..60 {
        let name = format!("{n:04}-long.LOG");
        fs::write(folder.path().join(name), log(1000 + n * 300, 300)).unwrap();
    }
    let script = "ulimit -n 32; exec \"$0\" paths \"$1\" --quiet | wc -l";
    let output = Command::new("sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_waybill")])
        .arg(folder.path())
        .output()
        .unwrap();
    let lines = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        lines.trim(),
        (600 + 60 * 300).to_string(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn a_manifest_is_the_same_in_every_run_and_fits_what_sha256sum_says() {
    let folder = tempfile::tempdir().unwrap();
    let logs = folder.path().join("logs");
    fs::create_dir(&logs).unwrap();
    fs::write(logs.join("a.LOG"), log(0, 50)).unwrap();
    fs::write(logs.join("b.LOG.gz"), gzip(log(100, 50).as_bytes())).unwrap();
    fs::write(logs.join("notes.txt"), "nothing of the kind").unwrap();
    let name = |file: &str| folder.path().join(file).to_str().unwrap().to_string();
    for command in [
        &["report", "--format", "text"][..],
        &["report", "--format", "json"],
        &["report", "--format", "html"],
        &["paths", "--message-id", "7@example.net"],
        &["events"],
        &["check"],
    ] {
        let mut before: Option<(Vec<u8>, Vec<u8>)> = None;
        for threads in ["1", "3"] {
            let output = waybill()
                .args(command)
                .args([
                    &name("logs"),
                    "--force",
                    "--output",
                    &name("answer"),
                    "--manifest",
                ])
                .arg(name("manifest"))
                .env("WAYBILL_THREADS", threads)
                .output()
                .unwrap();
            assert!(output.status.success(), "{command:?}: {}", said(&output));
            let (manifest, answer) = (
                fs::read(name("manifest")).unwrap(),
                fs::read(name("answer")).unwrap(),
            );
            if let Some(before) = &before {
                assert_eq!(
                    String::from_utf8_lossy(&before.0),
                    String::from_utf8_lossy(&manifest)
                );
                assert!(before.1 == answer, "{command:?}");
            }
            before = Some((manifest, answer));
        }
        let (manifest, answer) = before.unwrap();
        let manifest: Value = serde_json::from_slice(&manifest).unwrap();
        let inputs = manifest["inputs"].as_array().unwrap();
        assert_eq!(inputs.len(), 3);
        assert_eq!(inputs[0]["files"][0]["rows"], 100, "{command:?}");
        assert_eq!(inputs[1]["files"][0]["name"], "b.LOG.gz");
        assert_eq!(inputs[1]["files"][0]["rows"], 100);
        assert_eq!(
            inputs[2]["files"][0]["passed_over"],
            "not a message tracking log"
        );
        assert_eq!(manifest["outputs"][0]["bytes"], answer.len());
        assert_eq!(manifest["outputs"][0]["sha256"], sha256sum(&name("answer")));
        assert_eq!(inputs[1]["sha256"], sha256sum(&name("logs/b.LOG.gz")));
    }
}

fn sha256sum(path: &str) -> String {
    use sha2::Digest;
    let hash = sha2::Sha256::digest(fs::read(path).unwrap());
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn evidence_names_the_byte_of_every_hop_and_fate() {
    let folder = tempfile::tempdir().unwrap();
    let text = log(0, 30);
    fs::write(folder.path().join("a.LOG"), &text).unwrap();
    let root = folder.path().to_str().unwrap();
    let output = run(&["paths", root, "--evidence", "--quiet"]);
    let proves = |place: &Value, id: &str, event: &str| {
        let place = place.as_str().unwrap();
        let (line, offset) = place
            .strip_prefix("a.LOG:")
            .unwrap()
            .split_once('@')
            .unwrap();
        let row = &text[offset.parse().unwrap()..];
        let row = row.lines().next().unwrap();
        assert!(row.contains(id) && row.contains(event), "{place}: {row}");
        let number: usize = line.parse().unwrap();
        assert_eq!(text.lines().nth(number - 1), Some(row));
    };
    let mut messages = 0;
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let path: Value = serde_json::from_str(line).unwrap();
        let id = path["message_id"].as_str().unwrap();
        proves(&path["recipients"][0]["where"], id, "DELIVER");
        proves(&path["hops"][0]["where"], id, "RECEIVE");
        messages += 1;
    }
    assert_eq!(messages, 30);
    let found = run(&["find", root, "--evidence", "--message-id", "3@example.net"]);
    let found = String::from_utf8(found.stdout).unwrap();
    assert!(
        found.contains("bob@example.com delivered a.LOG:11@"),
        "{found}"
    );
    let raw = run(&["trace", root, "--raw", "--message-id", "3@example.net"]);
    let raw = String::from_utf8(raw.stdout).unwrap();
    let rows: Vec<&str> = text
        .lines()
        .filter(|line| line.contains("<3@example.net>"))
        .collect();
    assert_eq!(rows.len(), 2);
    assert!(rows.iter().all(|row| raw.contains(row)), "{raw}");
}

/// More different headers than a row has numbers for: the first 255 bind, and no row is read by another's columns.
#[test]
fn rows_under_too_many_different_headers_are_named_and_not_misread() {
    let folder = tempfile::tempdir().unwrap();
    // Every file has its columns in another order, so that no two read each other's rows right.
    let columns = [
        "server-hostname",
        "source",
        "event-id",
        "message-id",
        "sender-address",
        "recipient-address",
        "message-subject",
    ];
    let values = ["ex01", "STOREDRIVER", "DELIVER"];
    let head = "#Log-type: Message Tracking Log\r\n";
    let log = |n: usize| {
        // The n-th order of seven things.
        let mut left: Vec<usize> = (0..7).collect();
        let mut rest = n;
        let mut places = Vec::new();
        while !left.is_empty() {
            places.push(left.remove(rest % left.len()));
            rest /= left.len() + 1;
        }
        let names: Vec<&str> = places.iter().map(|&at| columns[at]).collect();
        let own = [
            format!("<{n}@example.net>"),
            format!("s{n}@example.net"),
            format!("r{n}@example.com"),
            format!("subject {n}"),
        ];
        let cells: Vec<&str> = places
            .iter()
            .map(|&at| values.get(at).copied().unwrap_or_else(|| &own[at - 3]))
            .collect();
        (
            format!("#Fields: date-time,{}\r\n", names.join(",")),
            format!(
                "2026-03-01T{:02}:{:02}:00.000Z,{}\r\n",
                n / 60,
                n % 60,
                cells.join(",")
            ),
        )
    };
    let logs: Vec<(String, String)> = (0..340).map(log).collect();
    let headers: BTreeSet<&String> = logs.iter().map(|(header, _)| header).collect();
    assert_eq!(headers.len(), 340);
    // One file each, and all in one file.
    let (files, one) = (folder.path().join("files"), folder.path().join("one"));
    fs::create_dir(&files).unwrap();
    fs::create_dir(&one).unwrap();
    let mut all = head.to_string();
    for (n, (header, row)) in logs.iter().enumerate() {
        fs::write(
            files.join(format!("{n:03}.LOG")),
            format!("{head}{header}{row}"),
        )
        .unwrap();
        all += header;
        all += row;
    }
    fs::write(one.join("all.LOG"), all).unwrap();
    for root in [files, one] {
        let output = run(&["paths", root.to_str().unwrap()]);
        let words = said(&output);
        assert_eq!(output.status.code(), Some(3), "{words}");
        assert!(words.contains("one header too many"), "{words}");
        let mut read = 0;
        for line in String::from_utf8(output.stdout).unwrap().lines() {
            let path: Value = serde_json::from_str(line).unwrap();
            let id = path["message_id"].as_str().unwrap();
            let n = id[1..].split('@').next().unwrap();
            assert_eq!(path["sender"], format!("s{n}@example.net"));
            assert_eq!(path["subject"], format!("subject {n}"));
            assert_eq!(
                path["recipients"][0]["address"],
                format!("r{n}@example.com")
            );
            read += 1;
        }
        assert!((255..340).contains(&read), "{read}: {words}");
        assert!(
            words.contains(&format!("{} rows left out: stands under", 340 - read)),
            "{read}: {words}"
        );
    }
}

/// What `check --format json` says of a folder: kinds of findings with the first place of each.
fn found(folder: &Path) -> Vec<String> {
    let folder = folder.display().to_string();
    let output = run(&["check", &folder, "--format", "json", "--quiet", "--no-hash"]);
    let check: Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = check["findings"].as_array().unwrap().iter();
    let word = |value: &Value| value.as_str().unwrap_or_default().to_string();
    findings
        .map(|of| {
            format!(
                "{} {} {}",
                word(&of["kind"]),
                word(&of["what"]),
                word(&of["first"][0])
            )
        })
        .collect()
}

#[test]
fn rows_with_more_or_fewer_columns_than_the_header_are_left_out_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut lines: Vec<String> = log(0, 3)
        .split_inclusive("\r\n")
        .map(String::from)
        .collect();
    // A text that was not quoted; a column that is gone; two rows that became one.
    lines[3] = lines[3].replace("Grüße", "Grüße, ");
    lines[4] = lines[4].replace(",ex01,ex01,", ",ex01,");
    let fused = lines.pop().unwrap();
    lines[7] = lines[7].trim_end().to_string() + &fused;
    fs::write(folder.path().join("a.LOG"), lines.concat()).unwrap();
    let events = run(&["events", &folder.path().display().to_string(), "--lenient"]);
    assert_eq!(String::from_utf8_lossy(&events.stdout).lines().count(), 2);
    for (words, line) in [
        ("has fewer columns", "a.LOG:5"),
        ("has more columns", "a.LOG:4"),
    ] {
        let named = found(folder.path());
        assert!(said(&events).contains(words), "{}", said(&events));
        assert!(
            named
                .iter()
                .any(|of| of.contains(words) && of.contains(line)),
            "{named:?}"
        );
    }
}

#[test]
fn a_mark_before_a_log_of_any_kind_is_no_part_of_it() {
    let old = "c=NO;a= ;p=FJORD;l=HERON-1\t9\t1998.11.17 9:12:3\t\t\t\t/o=FJORD/cn=A\t0\t2100\t0\t0\t\t1\n/o=FJORD/cn=B\n\n";
    let of_2003 = "# Message Tracking Log File\n# Date\tTime\tServer-hostname\tRecipient-Address\tEvent-ID\tMSGID\n\
        2003-8-12\t0:58:1 GMT\tEX01\tz@corp.example\t1028\tm1@far.example\n";
    let postfix = "2026-03-02T10:00:00Z mx postfix/smtp[1]: 4F1B2C3D4E: to=<a@far.example>, relay=none, delay=1, \
        delays=0/0/0/1, dsn=5.1.1, status=bounced (no)\n";
    let exim =
        "2026-03-02 10:00:00 1xUooW-000000000BX-0gtk => a@far.example R=local T=local_delivery\n";
    let online = "\"Received\",\"SenderAddress\",\"RecipientAddress\",\"Status\",\"MessageId\"\n\
        \"2026-03-02T10:00:00Z\",\"b@corp.example\",\"a@far.example\",\"Delivered\",\"<1@corp.example>\"\n";
    for (name, text) in [
        ("19981117.log", old),
        ("20030812.log", of_2003),
        ("mail.log", postfix),
        ("mainlog", exim),
        ("MessageTrace.csv", online),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(name);
        let said = |text: &str| {
            fs::write(&file, text).unwrap();
            let told = paths(&[&folder.path().display().to_string()]);
            (told, found(folder.path()))
        };
        let plain = said(text);
        assert_eq!(plain.0.len(), 1, "{name}");
        assert_eq!(said(&format!("\u{feff}{text}")), plain, "{name}");
    }
}

/// Of a log that ends within a line nobody is a recipient whose name, or fate, may be half of one.
#[test]
fn a_last_line_that_is_no_whole_entry_adds_nobody() {
    let exim = "2026-03-02 10:00:00 1xUooW-000000000BX-0gtk <= b@corp.example U=b P=local S=600 id=1@corp.example\n\
        2026-03-02 10:00:01 1xUooW-000000000BX-0gtk ";
    let postfix = "2026-03-02T10:00:00Z mx postfix/qmgr[1]: 4F1B2C3D4E: from=<b@corp.example>, size=600, nrcpt=1 (queue active)\n\
        2026-03-02T10:00:01Z mx postfix/smtp[1]: 4F1B2C3D4E: ";
    for (name, begin, last, is_whole) in [
        ("mainlog", exim, "=> paul@cor", false),
        ("mainlog", exim, "-> paul@corp.example <li", false),
        (
            "mainlog",
            exim,
            "=> paul@corp.example R=dns T=smtp H=mx [192.0.2.1] C=\"250 OK id",
            false,
        ),
        (
            "mainlog",
            exim,
            "=> paul@corp.example R=dns T=smtp H=mx [192.0.2.1] C=\"250 OK\"",
            true,
        ),
        ("mainlog", exim, "** pau", false),
        (
            "mainlog",
            exim,
            "** paul@corp.example: Unrouteable address",
            true,
        ),
        ("mainlog", exim, "== paul@corp.exam", false),
        (
            "mainlog",
            exim,
            "== paul@corp.example routing defer (-51): retry time not reached",
            true,
        ),
        (
            "mail.log",
            postfix,
            "to=<paul@corp.example>, relay=mx[192.0.2.1]:25, dsn=2.0.0, status=sent (250",
            false,
        ),
        (
            "mail.log",
            postfix,
            "to=<paul@corp.example>, relay=mx[192.0.2.1]:25, dsn=2.0.0, status=sent (250 ok)",
            true,
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let whole = folder.path().join(name);
        fs::write(&whole, format!("{begin}{last}")).unwrap();
        let told = paths(&[&folder.path().display().to_string(), "--lenient"]);
        let told = told[0]["recipients"].as_array().unwrap().len();
        assert_eq!(told == 1, is_whole, "{last}");
        let kind = match is_whole {
            true => "file_without_last_line_break",
            false => "file_ends_mid_row",
        };
        let found = found(folder.path());
        assert!(
            found.iter().any(|of| of.starts_with(kind)),
            "{last}: {found:?}"
        );
    }
}

/// A line break between header and first row is lost, in a copy, too.
#[test]
fn a_row_on_the_line_of_its_header_is_read() {
    let whole = log(0, 3);
    let glued = whole.replace("message-subject\r\n", "message-subject");
    let told = |log: &str| {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.LOG"), log).unwrap();
        paths(&[&folder.path().display().to_string()])
    };
    assert_ne!(whole, glued);
    assert_eq!(told(&glued), told(&whole));
}
