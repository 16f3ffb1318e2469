//! Logs of which a part is missing: a host's log begins late, stops early or has a gap.
//!
//! In: simulated hybrid organisations and the laboratory's logs, cut. Out: reports and paths, which are the same however
//! much is joined at a time; recipients whose end is missing are open, and nothing is wrong.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::laboratory::{
    HYBRID, against_truth, fates, fixtures, folder, hybrid, lay_out, one, paths, score, truth,
};
use super::nightly::Place;
use super::sameness::{same, timeless};

/// Bytes joined at a time, and bytes of chunks: from some minutes to everything.
const WINDOWS: [[&str; 2]; 4] = [
    ["1G", "8M"],
    ["64k", "16k"],
    ["1M", "64k"],
    ["9000", "3000"],
];

/// What is left of a log.
#[derive(Clone, Copy, Debug)]
enum Cut {
    Begin,
    Middle,
    End,
}

/// Leaves out a third of a log's lines, but for those that tell its columns.
fn cut(log: &Path, cut: Cut) {
    let text = fs::read_to_string(log).unwrap();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let is_head = |line: &&&str| line.starts_with('#') || line.contains("date_time");
    let head = lines.iter().take_while(is_head).count();
    let third = (lines.len() - head) / 3;
    let from = match cut {
        Cut::Begin => head,
        Cut::Middle => head + third,
        Cut::End => lines.len() - third,
    };
    let left = [&lines[..from], &lines[from + third..]].concat();
    fs::write(log, left.concat()).unwrap();
}

/// All files in a folder and in those below it.
fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let below = |path: std::path::PathBuf| match path.is_dir() {
        true => files(&path),
        false => vec![path],
    };
    entries.flat_map(below).collect()
}

fn said(command: &[&str], logs: &Path, [window, chunk]: [&str; 2]) -> String {
    let run = Command::new(env!("CARGO_BIN_EXE_waybill"))
        .args(command)
        .arg(logs)
        .args(["--quiet", "--window-bytes", window, "--chunk-bytes", chunk])
        .output()
        .unwrap();
    assert!(run.status.success(), "{logs:?}: {}", run.status);
    timeless(&String::from_utf8(run.stdout).unwrap())
}

/// The same is said whatever the windows.
pub fn windows_change_nothing(logs: &Path, case: &str) {
    for command in [&["report", "--format=json"][..], &["paths"]] {
        let want = said(command, logs, WINDOWS[0]);
        for window in &WINDOWS[1..] {
            let got = said(command, logs, *window);
            same(&want, &got, &format!("{case}, {command:?}, {window:?}"));
        }
    }
}

/// A hand-over to a host whose log begins later is told the same way, be that log read by then or not.
#[test]
fn windows_change_nothing_where_a_log_is_cut() {
    let begin_late = HYBRID.map(|host| (11, host, Cut::Begin));
    let others = [
        (12, "edge1", Cut::Middle),
        (12, "ex01", Cut::Middle),
        (13, "scan1", Cut::End),
    ];
    for (seed, host, part) in begin_late.into_iter().chain(others) {
        let dir = hybrid(seed, "");
        let of_host = files(&dir.path().join(host));
        of_host.iter().for_each(|log| cut(log, part));
        let case = format!("seed {seed}, {host} without its {part:?}");
        windows_change_nothing(dir.path(), &case);
        let told = fs::read_to_string(dir.path().join("truth.jsonl")).unwrap();
        let (right, wrong) = against_truth(&paths(dir.path(), &[]), &told, host);
        assert_eq!(wrong, Vec::<String>::new(), "{case}");
        assert!(right > 400, "{case}: {right}");
    }
}

#[test]
fn windows_change_nothing_in_the_laboratory() {
    let lab = fixtures("main");
    let truth = truth(&lab);
    for (host, part) in [
        ("", Cut::End),
        ("ex1", Cut::Begin),
        ("mx2", Cut::Begin),
        ("mx1", Cut::End),
    ] {
        let logs = lay_out(&lab, &[]);
        let of_host = |log: &std::path::PathBuf| {
            let name = log.file_name().unwrap().to_str().unwrap();
            // An entry of the other log is several lines.
            name.split('.').next() == Some(host) && !name.ends_with("rejectlog")
        };
        let all = files(logs.path());
        all.iter()
            .filter(|log| of_host(log))
            .for_each(|log| cut(log, part));
        let case = format!("{host} without its {part:?}");
        windows_change_nothing(logs.path(), &case);
        let found = score(&paths(logs.path(), &[]), &truth, &[host], false);
        assert_eq!(found.wrong, Vec::<String>::new(), "{case}");
    }
}

/// A line about two records that nothing else tells of is the first row of both; keys differ from run to run.
#[test]
fn messages_with_one_first_row_stand_in_the_same_order() {
    let mut log = String::new();
    for n in 0..12 {
        log += &format!(
            "2026-03-02T09:00:{n:02}Z mx postfix/bounce[1]: AAAA{n:04}: sender non-delivery notification: BBBB{n:04}\n"
        );
    }
    let dir = folder(&[("mx.log", log.into())]);
    let first = paths(dir.path(), &[]);
    assert_eq!(first.len(), 24);
    assert_eq!(paths(dir.path(), &[]), first);
}

/// Exim's router discards a message for one recipient; the other was handed on, to a host whose log is missing.
#[test]
fn what_exim_discards_for_one_is_discarded_for_one() {
    let log = "2026-03-02 09:00:00 1vwqjU-000003-03 <= s@a.test H=a.test [192.0.2.1] P=esmtp S=100 id=m@a.test\n\
               2026-03-02 09:00:01 1vwqjU-000003-03 => :blackhole: <spam@b.test> R=spam\n\
               2026-03-02 09:00:01 1vwqjU-000003-03 => r@b.test R=dnslookup T=remote_smtp H=mx.b.test [192.0.2.2] C=\"250 ok\"\n\
               2026-03-02 09:00:01 1vwqjU-000003-03 Completed\n";
    let edge = "2026-03-02T09:00:00.1Z a postfix/smtpd[1]: 4F1B2C3D4E5: client=c.test[192.0.2.9]\n\
                2026-03-02T09:00:00.1Z a postfix/cleanup[1]: 4F1B2C3D4E5: message-id=<m@a.test>\n\
                2026-03-02T09:00:00.2Z a postfix/qmgr[1]: 4F1B2C3D4E5: from=<s@a.test>, size=9, nrcpt=2 (queue active)\n\
                2026-03-02T09:00:00.9Z a postfix/smtp[1]: 4F1B2C3D4E5: to=<spam@b.test>, relay=scan[192.0.2.3]:25, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 OK id=1vwqjU-000003-03)\n\
                2026-03-02T09:00:00.9Z a postfix/smtp[1]: 4F1B2C3D4E5: to=<r@b.test>, relay=scan[192.0.2.3]:25, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 OK id=1vwqjU-000003-03)\n";
    let dir = folder(&[("scan.mainlog", log.into()), ("edge.log", edge.into())]);
    assert_eq!(
        fates(&one(dir.path(), "<m@a.test>")),
        ["spam@b.test dropped scan", "r@b.test transferred scan"]
    );
}

/// The log ends, or skips lines, behind a Message-ID: the message is in the queue for all that is known, and nobody held it.
#[test]
fn a_record_that_stops_behind_its_message_id_is_not_held() {
    let log = |after: &str| {
        format!(
            "2026-03-02T09:00:00.0Z a postfix/smtpd[1]: 4F1B2C3D4E4: client=c.test[192.0.2.9]\n\
             2026-03-02T09:00:00.1Z a postfix/smtp[1]: 4F1B2C3D4E4: to=<r@b.test>, relay=b[192.0.2.3]:25, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 queued as 4F1B2C3D4E5)\n\
             2026-03-02T09:00:00.1Z b postfix/smtpd[1]: 4F1B2C3D4E5: client=a.test[192.0.2.1]\n\
             2026-03-02T09:00:00.2Z b postfix/cleanup[1]: 4F1B2C3D4E5: message-id=<m@a.test>\n{after}"
        )
    };
    let fate = |after: &str| {
        let dir = folder(&[("mail.log", log(after).into())]);
        fates(&one(dir.path(), "<m@a.test>"))
    };
    let goes_on = "2026-03-02T09:00:59.3Z b postfix/smtpd[2]: disconnect from d.test[192.0.2.4]\n";
    assert_eq!(fate(goes_on), ["r@b.test pending b"]);
    assert_eq!(fate(""), ["r@b.test pending b"]);
}

/// Friday night, and the days from Tuesday on: what each server logged.
fn friday_and_later() -> [[(&'static str, String); 2]; 2] {
    let head = "#Software: Microsoft Exchange Server\r\n#Version: 15.02.1118.030\r\n\
        #Log-type: Message Tracking Log\r\n#Fields: date-time,client-hostname,server-hostname,\
        source-context,source,event-id,internal-message-id,message-id,network-message-id,\
        recipient-address,sender-address\r\n";
    let row = |at: &str, hosts: &str, what: &str, id: &str| {
        let guid = format!("{id:0>8}-2222-3333-4444-555555555555");
        format!(
            "2026-03-{at}Z,{hosts},{what},7,<{id}@x.test>,{guid},bob@example.com,ann@x.test\r\n"
        )
    };
    let received = |at: &str, id: &str| row(at, "mx,ex01", ",SMTP,RECEIVE", id);
    let handed_on = |at: &str, id: &str| {
        let reply = "\"250 2.0.0 OK [Hostname=ex02]\",SMTP,SEND";
        row(at, "ex01,ex02", reply, id)
    };
    let delivered = |at: &str, id: &str| row(at, "ex01,ex02", ",STOREDRIVER,DELIVER", id);
    let (mut hub, mut store) = (head.to_string(), head.to_string());
    for n in 10..=20 {
        hub += &received(&format!("06T23:{n}:00.000"), &format!("f{n}"));
        hub += &handed_on(&format!("06T23:{n}:00.001"), &format!("f{n}"));
        store += &delivered(&format!("06T23:{n}:00.002"), &format!("f{n}"));
    }
    hub += &received("06T23:30:05.000", "lost");
    hub += &handed_on("06T23:30:07.000", "lost");
    hub += &received("06T23:30:09.000", "last");
    let friday = [("ex01-06.LOG", hub), ("ex02-06.LOG", store)];
    let (mut hub, mut store) = (head.to_string(), head.to_string());
    for n in 10..=40 {
        // The other server has a day more.
        hub += &received(&format!("10T09:{n}:00.000"), &format!("t{n}"));
        hub += &handed_on(&format!("10T09:{n}:00.001"), &format!("t{n}"));
        store += &delivered(&format!("11T09:{n}:00.002"), &format!("w{n}"));
    }
    [friday, [("ex01-10.LOG", hub), ("ex02-11.LOG", store)]]
}

/// A mailbox server's log ends ten minutes before a hand-over, and goes on days later: it was read, and tells nothing of
/// it. So does the other's behind its last row. Neither hangs on how much was read by then.
#[test]
fn a_log_that_ends_before_a_hand_over_is_said_to_end() {
    let place = Place::new();
    let said = |logs: &[(&str, String)], more: &[&str]| -> Vec<String> {
        let files: Vec<(&str, Vec<u8>)> = (logs.iter())
            .map(|(name, text)| (*name, text.clone().into_bytes()))
            .collect();
        let dir = folder(&files);
        let open = paths(dir.path(), more).into_iter().filter_map(|path| {
            let recipient = &path["recipients"][0];
            let (id, status) = (path["message_id"].as_str()?, recipient["status"].as_str()?);
            let is_open = ["<lost@x.test>", "<last@x.test>"].contains(&id);
            is_open.then(|| format!("{id} {status}: {}", recipient["reason"].as_str().unwrap()))
        });
        open.collect()
    };
    let want = [
        "<lost@x.test> unknown: the log of ex02 ends before the next step",
        "<last@x.test> unknown: the log of ex01 ends before the next step",
    ];
    let [friday, later] = friday_and_later();
    let all = [friday.clone(), later.clone()].concat();
    assert_eq!(said(&friday, &[]), want);
    for more in [
        &[][..],
        &["--window-bytes", "1k", "--chunk-bytes", "1k"],
        &["--window-bytes", "3k", "--chunk-bytes", "500"],
        &["--horizon", "12h"],
        &[
            "--horizon",
            "12h",
            "--window-bytes",
            "1k",
            "--chunk-bytes",
            "1k",
        ],
    ] {
        assert_eq!(said(&all, more), want, "{more:?}");
    }
    // Where the log goes on within the horizon, it has no row of the message.
    let on = said(&all, &["--horizon", "9d"]);
    assert!(
        on[0].contains("the log of ex02 covers that time but has no row"),
        "{on:?}"
    );
    assert!(on[1].starts_with("<last@x.test> pending"), "{on:?}");
    for logs in [&friday, &later] {
        for (name, text) in logs {
            fs::write(place.logs.path().join(name), text).unwrap();
        }
        let (night, at_once) = (place.night(&[]), place.at_once(&[]));
        for report in [night, at_once] {
            let ends = report["unknown"]["by_missing"].as_array().unwrap();
            let ends = ends.iter().filter(|missing| missing["kind"] == "end_of");
            assert_eq!(ends.count(), 2, "{report:#}");
        }
    }
}
