//! Exit statuses and streams of the real program.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Output, Stdio};

use crate::program::{run, waybill};

const HEAD: &str = "#Software: Microsoft Exchange Server\r\n#Log-type: Message Tracking Log\r\n\
    #Fields: date-time,client-hostname,server-hostname,source-context,source,event-id,\
    internal-message-id,message-id,recipient-address,sender-address,message-subject\r\n";
const RECEIVED: &str = "2026-03-01T09:00:00.000Z,mx.example.net,ex01,,SMTP,RECEIVE,7,\
    <a@example.net>,bob@example.com,al@example.net,Hello\r\n";
const DELIVERED: &str = "2026-03-01T09:00:01.000Z,ex01,ex01,,STOREDRIVER,DELIVER,7,\
    <a@example.net>,bob@example.com,al@example.net,Hello\r\n";
const DAMAGED: &str = "2026-03-01T09:00:02.000Z,ex01,ex01\r\n";

fn status(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A folder with one whole log, and its name.
fn good() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let log = format!("{HEAD}{RECEIVED}{DELIVERED}");
    fs::write(folder.path().join("a.LOG"), log).unwrap();
    let name = folder.path().to_str().unwrap().to_string();
    (folder, name)
}

#[test]
fn done_is_0_and_the_answer_alone_is_on_stdout() {
    let (_folder, root) = good();
    for command in ["report", "find", "trace", "paths", "events"] {
        let output = run(&[command, &root]);
        assert_eq!(status(&output), 0, "{command}: {}", stderr(&output));
        assert!(!output.stdout.is_empty(), "{command}");
        assert!(
            stderr(&output).contains("1 files, "),
            "{command}: {}",
            stderr(&output)
        );
        let quiet = run(&[command, &root, "--quiet"]);
        assert!(quiet.stderr.is_empty(), "{command}: {}", stderr(&quiet));
        if command != "report" {
            assert_eq!(quiet.stdout, output.stdout, "{command}");
        }
    }
    for line in stdout(&run(&["paths", &root])).lines() {
        let path: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(path["status"], "delivered");
    }
}

#[test]
fn nothing_matched_is_1() {
    let (_folder, root) = good();
    for command in ["find", "trace"] {
        let output = run(&[command, &root, "--sender", "nobody@example.com"]);
        assert_eq!(status(&output), 1, "{command}");
        assert!(output.stdout.is_empty(), "{command}: {}", stdout(&output));
    }
    // For machines an empty answer is an answer.
    assert_eq!(
        status(&run(&["paths", &root, "--sender", "nobody@example.com"])),
        0
    );
}

#[test]
fn what_cannot_be_done_is_2_and_says_what_was_looked_for() {
    let (folder, root) = good();
    let missing = format!("{root}/no-such-folder");
    let pattern = format!("{root}/*.none");
    let empty = folder.path().join("empty");
    fs::create_dir(&empty).unwrap();
    for path in [&missing, &pattern, &empty.display().to_string()] {
        let output = run(&["report", path]);
        assert_eq!(status(&output), 2, "{path}: {}", stderr(&output));
        assert!(output.stdout.is_empty(), "{path}");
        assert!(
            stderr(&output).contains(path.as_str()),
            "{}",
            stderr(&output)
        );
    }
    for arguments in [
        &["report"][..],
        &["nonsense"],
        &["report", &root, "--format", "xls"],
        &["find", &root, "--since", "soon"],
        &["find", &root, "--tz", "Europe/Atlantis"],
        &["events", &root, "--status", "failed"],
    ] {
        let output = run(arguments);
        assert_eq!(status(&output), 2, "{arguments:?}");
        assert!(
            output.stdout.is_empty() && !output.stderr.is_empty(),
            "{arguments:?}"
        );
    }
}

#[test]
fn a_folder_without_any_tracking_log_is_2() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("notes.txt"), "Nothing of the kind.\n").unwrap();
    let root = folder.path().to_str().unwrap();
    for command in ["report", "find", "trace", "paths", "events"] {
        let output = run(&[command, root]);
        assert_eq!(status(&output), 2, "{command}: {}", stderr(&output));
        assert!(
            stderr(&output).contains("tracking log"),
            "{command}: {}",
            stderr(&output)
        );
    }
}

#[test]
fn bad_rows_are_3_and_lenient_makes_it_0() {
    let (folder, root) = good();
    let log = format!("{HEAD}{RECEIVED}{DAMAGED}{DELIVERED}");
    fs::write(folder.path().join("b.LOG"), log).unwrap();
    for command in ["report", "find", "trace", "paths", "events"] {
        let output = run(&[command, &root]);
        assert_eq!(status(&output), 3, "{command}");
        assert!(stderr(&output).contains("b.LOG:5"), "{}", stderr(&output));
        assert!(!output.stdout.is_empty(), "{command}");
        assert_eq!(status(&run(&[command, &root, "--lenient"])), 0, "{command}");
    }
    // The torn end of a log that is being written is no damage.
    let log = format!("{HEAD}{RECEIVED}{DELIVERED}{}", &RECEIVED[..60]);
    fs::write(folder.path().join("b.LOG"), log).unwrap();
    assert_eq!(status(&run(&["paths", &root])), 0);
}

#[cfg(unix)]
#[test]
fn a_file_that_cannot_be_read_costs_that_file() {
    let (folder, root) = good();
    std::os::unix::fs::symlink("nowhere", folder.path().join("gone.LOG")).unwrap();
    std::os::unix::fs::symlink(".", folder.path().join("loop")).unwrap();
    let output = run(&["paths", &root]);
    assert_eq!(status(&output), 3);
    assert_eq!(stdout(&output).lines().count(), 1);
    assert!(stderr(&output).contains("gone.LOG"), "{}", stderr(&output));
    assert!(stderr(&output).contains("loop"), "{}", stderr(&output));
    assert_eq!(status(&run(&["paths", &root, "--lenient"])), 0);
    // Nothing else to read: the run cannot be done.
    fs::remove_file(folder.path().join("a.LOG")).unwrap();
    let output = run(&["paths", &root]);
    assert_eq!(status(&output), 2);
    assert!(stderr(&output).contains("gone.LOG"), "{}", stderr(&output));
}

#[test]
fn a_broken_pipe_ends_quietly() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = HEAD.to_string();
    for number in 0..40_000 {
        log += &RECEIVED.replace("<a@", &format!("<{number}@"));
    }
    fs::write(folder.path().join("a.LOG"), log).unwrap();
    let root = folder.path().to_str().unwrap();
    for command in ["find", "trace", "paths", "events"] {
        let mut child = waybill()
            .args([command, root])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut first = [0; 100];
        let mut answer = child.stdout.take().unwrap();
        answer.read_exact(&mut first).unwrap();
        drop(answer);
        let output = child.wait_with_output().unwrap();
        assert_eq!(
            output.status.code(),
            Some(0),
            "{command}: {}",
            stderr(&output)
        );
        assert!(!stderr(&output).contains("panicked"), "{command}");
        assert!(!stderr(&output).contains("roken pipe"), "{command}");
    }
}

#[test]
fn output_goes_to_its_file_whole_or_not_at_all() {
    let (_folder, root) = good();
    let out = tempfile::tempdir().unwrap();
    let answer = out.path().join("paths.jsonl");
    let name = answer.to_str().unwrap();
    let output = run(&["paths", &root, "--output", name]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    assert!(output.stdout.is_empty());
    let first = fs::read(&answer).unwrap();
    assert_eq!(first, run(&["paths", &root]).stdout);

    fs::write(&answer, "mine").unwrap();
    let output = run(&["paths", &root, "--output", name]);
    assert_eq!(status(&output), 2);
    assert!(stderr(&output).contains("--force"), "{}", stderr(&output));
    assert_eq!(fs::read(&answer).unwrap(), b"mine");
    assert_eq!(
        status(&run(&["paths", &root, "--output", name, "--force"])),
        0
    );
    assert_eq!(fs::read(&answer).unwrap(), first);
    assert_eq!(names(out.path()), ["paths.jsonl"]);

    let nowhere = format!("{name}/below/a-file");
    assert_eq!(status(&run(&["paths", &root, "--output", &nowhere])), 2);
    let missing = format!("{root}/none");
    let other = out.path().join("other");
    let other = other.to_str().unwrap();
    assert_eq!(status(&run(&["paths", &missing, "--output", other])), 2);
    assert_eq!(names(out.path()), ["paths.jsonl"]);
}

/// Pipes and devices are written through, links lead to their file, and standard error may be gone.
#[cfg(unix)]
#[test]
fn what_is_no_plain_file_keeps_its_place() {
    let (_folder, root) = good();
    let out = tempfile::tempdir().unwrap();
    let at = |name: &str| out.path().join(name).to_str().unwrap().to_owned();
    let want = run(&["paths", &root]).stdout;

    let pipe = at("pipe");
    assert!(
        std::process::Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    let reader = std::thread::spawn({
        let pipe = pipe.clone();
        move || fs::read(pipe).unwrap()
    });
    assert_eq!(status(&run(&["paths", &root, "--output", &pipe])), 0);
    assert_eq!(reader.join().unwrap(), want);
    assert!(!fs::metadata(&pipe).unwrap().is_file());

    fs::write(at("there"), "old").unwrap();
    std::os::unix::fs::symlink(at("there"), at("link")).unwrap();
    let output = run(&["paths", &root, "--force", "--output", &at("link")]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    assert_eq!(fs::read(at("there")).unwrap(), want);
    assert!(fs::symlink_metadata(at("link")).unwrap().is_symlink());

    let (read, write) = std::io::pipe().unwrap();
    drop(read);
    let mut child = waybill();
    let child = child
        .args(["paths", &root])
        .stdout(Stdio::null())
        .stderr(write);
    assert_eq!(child.status().unwrap().code(), Some(0));
}

/// A folder where a file of this name cannot be put: the run fails after it has begun to write.
#[test]
fn a_failed_run_leaves_no_part_of_an_answer() {
    let (_folder, root) = good();
    let out = tempfile::tempdir().unwrap();
    fs::create_dir(out.path().join("answer")).unwrap();
    let name = out.path().join("answer");
    let output = run(&[
        "paths",
        &root,
        "--force",
        "--output",
        name.to_str().unwrap(),
    ]);
    assert_eq!(status(&output), 2, "{}", stderr(&output));
    assert_eq!(names(out.path()), ["answer"]);
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn no_colour_where_it_is_not_wanted() {
    let (_folder, root) = good();
    for command in ["report", "trace"] {
        let plain = run(&[command, &root]);
        assert!(!plain.stdout.contains(&0x1b), "{command}");
        let forced = run(&[command, &root, "--color", "always"]);
        assert!(forced.stdout.contains(&0x1b), "{command}");
        let asked_not_to = waybill()
            .args([command, &root])
            .env("NO_COLOR", "1")
            .output()
            .unwrap();
        assert!(!asked_not_to.stdout.contains(&0x1b), "{command}");
    }
}

#[test]
fn standard_input_is_a_file_like_any_other() {
    let (_folder, root) = good();
    let mut child = waybill()
        .args(["paths", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let log = format!("{HEAD}{RECEIVED}{DELIVERED}");
    child
        .stdin
        .take()
        .unwrap()
        .write_all(log.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(status(&output), 0);
    let from_file = stdout(&run(&["paths", &root]));
    assert_eq!(stdout(&output), from_file.replace("a.LOG:", "-:"));
}

#[test]
fn patterns_find_files() {
    let (folder, root) = good();
    fs::write(folder.path().join("b.TXT"), "no log").unwrap();
    let output = run(&["paths", &format!("{root}/*.LOG")]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    assert_eq!(stdout(&output).lines().count(), 1);
    assert!(
        !stderr(&output).contains("passed over"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn completions_and_manual_go_to_stdout() {
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let output = run(&["completions", shell]);
        assert_eq!(status(&output), 0);
        assert!(stdout(&output).contains("waybill"));
    }
    let output = run(&["man"]);
    assert_eq!(status(&output), 0);
    assert!(stdout(&output).starts_with(".ie"));
}

/// A flag that would change nothing is refused, not passed over.
#[test]
fn simulate_takes_no_flag_that_its_logs_have_no_use_for() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("logs");
    for (flags, word) in [
        (&["--stories", "--seed", "9"][..], "--seed"),
        (&["--layout", "hybrid", "--servers", "9"], "--servers"),
        (&["--layout", "hybrid", "--size", "1M"], "--size"),
        (&["--layout", "5.5", "--skew-ms", "5"], "--skew-ms"),
        (&["--layout", "migration", "--edges", "2"], "--edges"),
    ] {
        let all = [&["simulate", "--out", out.to_str().unwrap()], flags].concat();
        let output = run(&all);
        assert_eq!(status(&output), 2, "{flags:?}");
        assert!(
            stderr(&output).contains(word),
            "{flags:?}: {}",
            stderr(&output)
        );
        assert!(!out.exists(), "{flags:?}");
    }
}
