//! Every finding of "what is wrong": a log that just shows it, and one that just does not.
//!
//! In: logs written here row by row. Out: the findings of `report --format json`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::naive;

fn columns_of_2013() -> Vec<String> {
    naive::layout(27).unwrap()
}

/// Logs of servers, one file each, on one day.
#[derive(Clone, Default)]
struct Logs {
    rows: BTreeMap<&'static str, Vec<(u32, String)>>,
    messages: u32,
}

/// A message: where it came in and when (ms of the day), from whom to whom.
#[derive(Clone, Copy)]
struct Mail<'m> {
    server: &'static str,
    at: u32,
    from: &'m str,
    to: &'m str,
}

const HOUR: u32 = 3_600_000;
const MINUTE: u32 = 60_000;

impl Logs {
    fn row(&mut self, server: &'static str, at: u32, mail: &Mail<'_>, cells: &[(&str, &str)]) {
        let mut row: BTreeMap<&str, String> = BTreeMap::new();
        let (hour, minute, ms) = (at / HOUR, at / MINUTE % 60, at % MINUTE);
        let number = self.messages;
        row.insert(
            "date-time",
            format!(
                "2026-03-02T{hour:02}:{minute:02}:{:02}.{:03}Z",
                ms / 1000,
                ms % 1000
            ),
        );
        row.insert("server-hostname", server.into());
        row.insert(
            "internal-message-id",
            (4_294_967_296 + u64::from(number)).to_string(),
        );
        row.insert("message-id", format!("<{number}@example.com>"));
        row.insert(
            "network-message-id",
            format!("00000000-0000-0000-0000-{number:012}"),
        );
        row.insert("recipient-address", mail.to.into());
        row.insert("recipient-count", "1".into());
        row.insert("total-bytes", "5000".into());
        row.insert("sender-address", mail.from.into());
        row.insert("return-path", mail.from.into());
        let columns = columns_of_2013();
        for (column, value) in cells {
            assert!(columns.iter().any(|c| c == column));
            let quote = if value.contains(',') { "\"" } else { "" };
            row.insert(column, format!("{quote}{value}{quote}"));
        }
        let cells: Vec<&str> = columns
            .iter()
            .map(|c| row.get(c.as_str()).map_or("", String::as_str))
            .collect();
        self.rows
            .entry(server)
            .or_default()
            .push((at, cells.join(",")));
    }

    fn received(&mut self, mail: Mail<'_>) {
        self.messages += 1;
        let cells = [
            ("source", "SMTP"),
            ("event-id", "RECEIVE"),
            ("client-hostname", "client"),
        ];
        self.row(mail.server, mail.at, &mail, &cells);
    }

    /// Received, and `took` ms later in the mailbox on `server` by its clock.
    fn delivered(&mut self, mail: Mail<'_>, server: &'static str, took: i32) {
        self.received(mail);
        let cells = [
            ("source", "STOREDRIVER"),
            ("event-id", "DELIVER"),
            ("client-hostname", mail.server),
        ];
        self.row(server, mail.at.saturating_add_signed(took), &mail, &cells);
    }

    /// Received, and a second later something happened to it.
    fn then(&mut self, mail: Mail<'_>, source: &str, event: &str, cells: &[(&str, &str)]) {
        self.received(mail);
        let named = [("source", source), ("event-id", event)];
        self.row(
            mail.server,
            mail.at + 1000,
            &mail,
            &[&named[..], cells].concat(),
        );
    }

    fn write(&self, folder: &Path) {
        for (server, rows) in &self.rows {
            let mut rows = rows.clone();
            rows.sort();
            let rows: Vec<String> = rows.into_iter().map(|(_, row)| row + "\r\n").collect();
            let head = format!(
                "#Log-type: Message Tracking Log\r\n#Fields: {}\r\n",
                columns_of_2013().join(",")
            );
            let path = folder.join(server);
            fs::create_dir_all(&path).unwrap();
            fs::write(path.join("MSGTRK2026030200-1.LOG"), head + &rows.concat()).unwrap();
        }
    }
}

/// The findings of one kind: what is said, with the evidence.
fn findings(logs: &Logs, kind: &str, more: impl Fn(&Path), arguments: &[&str]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    logs.write(folder.path());
    more(folder.path());
    said(folder.path(), kind, arguments)
}

fn said(folder: &Path, kind: &str, arguments: &[&str]) -> Vec<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_waybill"))
        .args(["report", "--format", "json", "--quiet", "--lenient"])
        .args(["--domain", "example.com"])
        .arg(folder)
        .args(arguments)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let all = report["trouble"].as_array().unwrap();
    all.iter()
        .filter(|finding| finding["kind"] == kind)
        .map(|finding| format!("{} {}", finding["what"], finding["evidence"]))
        .collect()
}

/// Holds that `shown` is found, saying `words`, and `hidden` is not.
fn shows(kind: &str, words: &str, logs: impl Fn(bool) -> Logs) {
    let found = findings(&logs(true), kind, |_| {}, &[]);
    assert_eq!(found.len(), 1, "{kind}: {found:?}");
    assert!(found[0].contains(words), "{kind}: {}", found[0]);
    let found = findings(&logs(false), kind, |_| {}, &[]);
    assert!(found.is_empty(), "{kind} should not be found: {found:?}");
}

fn mail(at: u32) -> Mail<'static> {
    Mail {
        server: "ex01",
        at,
        from: "ada@example.com",
        to: "bob@example.com",
    }
}

#[test]
fn a_sender_far_above_its_normal() {
    shows("burst", "ada@example.com sent 40 times", |shown| {
        let mut logs = Logs::default();
        for hour in 0..4 {
            logs.delivered(mail(hour * HOUR), "ex01", 200);
        }
        for i in 0..if shown { 40 } else { 39 } {
            logs.delivered(mail(5 * HOUR + i * MINUTE), "ex01", 200);
        }
        logs
    });
}

/// Few messages to very many: the usual form of abuse.
#[test]
fn a_sender_to_far_more_recipients_than_usual() {
    let to: Vec<String> = (0..40).map(|n| format!("r{n}@out{n}.test")).collect();
    let to = to.join(";");
    let words = r#"ada@example.com wrote to 400 times as many as usual in one hour" ["10 messages to 400 recipients"#;
    shows("burst", words, |shown| {
        let mut logs = Logs::default();
        for hour in 0..4 {
            logs.delivered(mail(hour * HOUR), "ex01", 200);
        }
        // One message less may be a word to everybody.
        for i in 0..if shown { 10 } else { 9 } {
            let at = 5 * HOUR + i * MINUTE;
            logs.delivered(
                Mail {
                    to: &to,
                    ..mail(at)
                },
                "ex01",
                200,
            );
        }
        logs
    });
}

#[test]
fn a_wave_of_failures_with_its_code_explained() {
    // Refused before acceptance with the same code: no part of the wave.
    let words = r#"20 recipients failed with 5.1.1: Mailbox not found" ["100 % of all recipients","20 on ex01"]"#;
    shows("ndr_wave", words, |shown| {
        let mut logs = Logs::default();
        let status = [(
            "recipient-status",
            "550 5.1.1 RESOLVER.ADR.RecipNotFound; not found",
        )];
        for i in 0..if shown { 20 } else { 19 } {
            logs.then(mail(i * MINUTE), "ROUTING", "FAIL", &status);
        }
        for i in 0..30 {
            let door = [
                ("source", "SMTP"),
                ("event-id", "FAIL"),
                ("internal-message-id", "0"),
            ];
            let mail = mail(3 * HOUR + i * MINUTE);
            logs.messages += 1;
            logs.row("ex01", mail.at, &mail, &[&door[..], &status].concat());
        }
        logs
    });
}

#[test]
fn a_deferral_without_a_reason_was_logged_all_the_same() {
    let mut logs = Logs::default();
    logs.then(mail(0), "ROUTING", "DEFER", &[]);
    logs.delivered(mail(5 * HOUR), "ex01", 200);
    let folder = tempfile::tempdir().unwrap();
    logs.write(folder.path());
    let output = Command::new(env!("CARGO_BIN_EXE_waybill"))
        .args(["paths", "--quiet"])
        .arg(folder.path())
        .output()
        .unwrap();
    let first = output.stdout.split(|b| *b == b'\n').next().unwrap();
    let path: Value = serde_json::from_slice(first).unwrap();
    let fate = ["status", "reason"].map(|key| &path["recipients"][0][key]);
    assert_eq!(fate, ["pending", "put off on ex01, which logged no reason"]);
}

/// Mail put off, of which the last five still wait.
fn queue(early: u32, late: u32, waiting: u32) -> Logs {
    let mut logs = Logs::default();
    let status = "451 4.4.0 Primary target IP address responded with: 421 4.2.1 Unable to connect";
    let slow = |at| Mail {
        to: "orders@slow.example",
        ..mail(at)
    };
    let put_off = [("recipient-status", status)];
    for i in 0..early + late {
        let at = if i < early { 10 * MINUTE } else { 11 * HOUR } + i * MINUTE;
        logs.then(slow(at), "SMTP", "DEFER", &put_off);
        if i + waiting < early + late {
            let sent = [
                ("source", "SMTP"),
                ("event-id", "SEND"),
                ("client-hostname", "ex01"),
            ];
            let cells = [&sent[..], &[("server-hostname", "mx.slow.example")]].concat();
            logs.row("ex01", at + 2 * MINUTE, &slow(at), &cells);
        }
    }
    for hour in 0..13 {
        logs.delivered(mail(hour * HOUR), "ex01", 200);
    }
    logs
}

#[test]
fn a_queue_that_waits_and_one_that_grows() {
    shows("queue", "The queue for slow.example waits", |shown| {
        queue(6, 6, if shown { 5 } else { 4 })
    });
    let growing = |early, late| findings(&queue(early, late, 5), "queue", |_| {}, &[]);
    assert!(
        growing(3, 7)[0].contains("is growing"),
        "{:?}",
        growing(3, 7)
    );
    assert!(growing(3, 6)[0].contains("waits"), "{:?}", growing(3, 6));
}

#[test]
fn a_server_that_is_silent_while_the_others_work() {
    shows("silent_server", "ex03 was silent for 2 hours", |shown| {
        let mut logs = Logs::default();
        for hour in 0..6 {
            for i in 0..25 {
                for server in ["ex01", "ex02", "ex03"] {
                    let silent = hour == 2 || shown && hour == 3;
                    if server != "ex03" || !silent {
                        let at = hour * HOUR + i * MINUTE;
                        logs.delivered(Mail { server, ..mail(at) }, server, 200);
                    }
                }
            }
        }
        logs
    });
}

/// The larger the failure, the more certain it must be said: no other server has to be alive.
#[test]
fn one_server_alone_is_silent_and_all_servers_are() {
    for servers in [&["ex01"][..], &["ex01", "ex02", "ex03"]] {
        let logs = |silent: std::ops::Range<u32>| {
            let mut logs = Logs::default();
            for hour in (0..8).filter(|hour| !silent.contains(hour)) {
                for i in 0..50 {
                    for server in servers {
                        let mail = mail(hour * HOUR + i * MINUTE);
                        logs.delivered(Mail { server, ..mail }, server, 200);
                    }
                }
            }
            findings(&logs, "silent_server", |_| {}, &[])
        };
        let found = logs(3..6);
        assert_eq!(found.len(), servers.len(), "{found:?}");
        assert!(
            found[0].contains("ex01 was silent for 3 hours"),
            "{found:?}"
        );
        assert!(found[0].contains("(hours around it)"), "{found:?}");
        // An hour is not hours, and the logs may end in the evening.
        for silent in [3..4, 5..8] {
            assert_eq!(logs(silent.clone()), [""; 0], "{silent:?}");
        }
    }
}

#[test]
fn a_way_that_is_slow() {
    shows("slow_hop", "Mail from ex01 to ex02 is slow", |shown| {
        let mut logs = Logs::default();
        for i in 0..500 {
            logs.delivered(mail(i * MINUTE), "ex01", 300);
        }
        for i in 0..20 {
            logs.delivered(
                mail(i * MINUTE),
                "ex02",
                if shown { 66_000 } else { 54_000 },
            );
        }
        logs
    });
}

/// What is slow must not make it usual that mail is slow.
#[test]
fn a_way_that_is_slow_for_a_third_of_all_mail() {
    shows("slow_hop", "Mail from ex01 to ex02 is slow", |shown| {
        let mut logs = Logs::default();
        for i in 0..200 {
            logs.delivered(mail(i * MINUTE), "ex01", 300);
        }
        for i in 0..100 {
            let took = if shown { 900_000 } else { 500 };
            logs.delivered(mail(i * MINUTE), "ex02", took);
        }
        logs
    });
}

#[test]
fn a_few_slow_messages_are_no_slow_way() {
    let mut logs = Logs::default();
    for i in 0..500 {
        logs.delivered(mail(i * MINUTE), "ex01", 300);
    }
    // Nine of 40 are slow: too few. Twelve of 100: no fifth of them.
    for (count, slow) in [(40, 9), (100, 12)] {
        let mut logs = logs.clone();
        for i in 0..count {
            let took = if i < slow { 900_000 } else { 300 };
            logs.delivered(mail(i as u32 * MINUTE), "ex02", took);
        }
        let found = findings(&logs, "slow_hop", |_| {}, &[]);
        assert!(found.is_empty(), "{count}: {found:?}");
    }
}

#[test]
fn clean_days_raise_no_alarm() {
    // Seed, mailboxes, messages a day, servers, Edge servers, days: some have a weekend in them.
    for (seed, users, messages, servers, edges, days) in [
        (1, 5, 60, 2, 0, 1),
        (2, 5, 20, 1, 0, 7),
        (3, 200, 1200, 4, 1, 1),
        (7, 5, 10, 1, 1, 2),
        (8, 40, 150, 3, 1, 7),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let options = waybill::simulate::Options {
            seed,
            users,
            messages_per_day: messages,
            servers,
            edges,
            days,
            ..waybill::simulate::Options::default()
        };
        waybill::simulate::run(&options, folder.path()).unwrap();
        for kind in [
            "silent_server",
            "missing_logs",
            "slow_hop",
            "clock",
            "burst",
            "queue",
            "volume",
            "unread",
            "balance",
        ] {
            let found = said(folder.path(), kind, &[]);
            assert!(found.is_empty(), "seed {seed}: {found:?}");
        }
    }
}

#[test]
fn a_clock_that_goes_wrong() {
    shows(
        "clock",
        "The clock of ex01 is ahead of that of ex02",
        |shown| {
            let mut logs = Logs::default();
            for i in 0..50 {
                logs.delivered(mail(i * MINUTE), "ex02", 300);
            }
            for i in 0..if shown { 5 } else { 4 } {
                logs.delivered(mail(2 * HOUR + i * MINUTE), "ex02", -70_000);
            }
            logs
        },
    );
    shows("clock", "by about 1 min", |shown| {
        let mut logs = Logs::default();
        for i in 0..5 {
            logs.delivered(
                mail(HOUR + i * MINUTE),
                "ex02",
                if shown { -66_000 } else { -54_000 },
            );
        }
        logs
    });
}

#[test]
fn logs_that_are_missing() {
    shows("missing_logs", "Logs of ex04 are missing", |shown| {
        let mut logs = Logs::default();
        let mut to_ex04 = mail(HOUR);
        to_ex04.to = "eve@example.com";
        logs.received(to_ex04);
        let cells = [
            ("source", "SMTP"),
            ("event-id", "SEND"),
            ("client-hostname", "ex01"),
            ("server-hostname", "ex04"),
            (
                "source-context",
                ";250 2.6.0 <1@example.com> [InternalId=77, Hostname=ex04] Queued mail for delivery",
            ),
            ("connector-id", "Intra-Organization SMTP Send Connector"),
        ];
        logs.row("ex01", HOUR + 300, &to_ex04, &cells);
        if !shown {
            let came = [
                ("source", "SMTP"),
                ("event-id", "RECEIVE"),
                ("client-hostname", "ex01"),
            ];
            logs.row("ex04", HOUR + 350, &to_ex04, &came);
            let there = [
                ("source", "STOREDRIVER"),
                ("event-id", "DELIVER"),
                ("client-hostname", "ex04"),
            ];
            logs.row("ex04", HOUR + 500, &to_ex04, &there);
        }
        logs.delivered(mail(2 * HOUR), "ex01", 200);
        logs
    });
    // By the numbers in their names.
    let mut logs = Logs::default();
    logs.delivered(mail(HOUR), "ex01", 200);
    let third = |number: &'static str| {
        move |folder: &Path| {
            let log = folder.join("ex01/MSGTRK2026030200-1.LOG");
            fs::copy(
                &log,
                folder.join(format!("ex01/MSGTRK2026030200-{number}.LOG")),
            )
            .unwrap();
        }
    };
    let found = findings(&logs, "missing_logs", third("3"), &[]);
    assert!(found[0].contains("1 log file missing"), "{found:?}");
    assert!(findings(&logs, "missing_logs", third("2"), &[]).is_empty());
}

#[test]
fn rows_and_files_that_are_not_read() {
    let mut logs = Logs::default();
    logs.delivered(mail(HOUR), "ex01", 200);
    let found = findings(&logs, "unread", |_| {}, &[]);
    assert!(found.is_empty(), "{found:?}");
    let bad = |folder: &Path| {
        let log = folder.join("ex01/MSGTRK2026030200-1.LOG");
        let text = fs::read_to_string(&log).unwrap();
        fs::write(&log, text + "2026-03-02T09:00:00.000Z,short\r\n").unwrap();
    };
    let found = findings(&logs, "unread", bad, &[]);
    assert!(found[0].contains("1 row could not be read"), "{found:?}");
    // A log of another kind is nothing wrong; what has a tracking log's name and is none, is.
    for (name, told) in [
        ("ex01/RECV2026030200-1.LOG", false),
        ("ex01/MSGTRK2026030201-1.LOG", true),
    ] {
        let other = |folder: &Path| {
            let head =
                "#Software: Microsoft Exchange Server\r\n#Log-type: SMTP Receive Protocol Log\r\n";
            fs::write(folder.join(name), head).unwrap();
        };
        let found = findings(&logs, "unread", other, &[]);
        assert_eq!(found.len(), usize::from(told), "{name}: {found:?}");
    }
}

/// Earlier days in a file, and the arguments that hold this one against them.
struct Earlier {
    folder: tempfile::TempDir,
}

impl Earlier {
    fn new(logs: &Logs, date: &str) -> Earlier {
        let folder = tempfile::tempdir().unwrap();
        let logs_folder = folder.path().join("logs");
        logs.write(&logs_folder);
        for entry in fs::read_dir(&logs_folder).unwrap() {
            let log = entry.unwrap().path().join("MSGTRK2026030200-1.LOG");
            let text = fs::read_to_string(&log)
                .unwrap()
                .replace("2026-03-02", date);
            fs::write(&log, text).unwrap();
        }
        let earlier = Earlier { folder };
        said(&logs_folder, "", &["--save", &earlier.file()]);
        earlier
    }

    fn file(&self) -> String {
        self.folder.path().join("day.waybill").display().to_string()
    }

    fn findings(&self, logs: &Logs, kind: &str) -> Vec<String> {
        let day = ["--day", "2026-03-02", "--baseline", &self.file()];
        findings(logs, kind, |_| {}, &day)
    }
}

#[test]
fn a_forward_to_the_outside_that_is_new() {
    let with_forward = |to: &str| {
        let mut logs = Logs::default();
        let forward = [
            ("recipient-address", to),
            ("related-recipient-address", "bob@example.com"),
        ];
        logs.then(mail(HOUR), "ROUTING", "REDIRECT", &forward);
        logs
    };
    let earlier = Earlier::new(&with_forward("old@home.test"), "2026-02-23");
    let found = earlier.findings(&with_forward("new@home.test"), "forward");
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].contains("New: mail of bob@example.com goes on to new@home.test"),
        "{found:?}"
    );
    let found = earlier.findings(&with_forward("old@home.test"), "forward");
    assert!(found.is_empty(), "{found:?}");
    // Without earlier days, all of them are only named.
    let found = findings(&with_forward("old@home.test"), "forward", |_| {}, &[]);
    assert!(
        found[0].contains("whether one of them is new is not known"),
        "{found:?}"
    );
}

fn many(messages: u32, to: &str) -> Logs {
    let mut logs = Logs::default();
    for i in 0..messages {
        logs.then(
            Mail {
                to,
                ..mail(i * MINUTE)
            },
            "SMTP",
            "SEND",
            &[("server-hostname", "mx.test")],
        );
    }
    logs
}

#[test]
fn a_sender_is_held_against_its_earlier_days() {
    // As much in every hour of the day: nothing of the day itself is unusual.
    let all_day = |an_hour: u32| {
        let mut logs = Logs::default();
        for hour in 0..4 {
            for i in 0..an_hour {
                logs.delivered(mail(hour * HOUR + i * MINUTE / 2), "ex01", 200);
            }
        }
        logs
    };
    let found = findings(&all_day(60), "burst", |_| {}, &[]);
    assert!(found.is_empty(), "{found:?}");
    let found = Earlier::new(&all_day(3), "2026-02-23").findings(&all_day(60), "burst");
    assert_eq!(found.len(), 1, "{found:?}");
    let words = r#"sent 20 times as much as usual in one hour" ["60 messages to 60 recipients in the hour from 2026-03-02T00:00:00.000Z; usual are 3 messages"]"#;
    assert!(found[0].contains(words), "{found:?}");
    let found = Earlier::new(&all_day(4), "2026-02-23").findings(&all_day(60), "burst");
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn far_more_or_less_mail_than_usual() {
    // A Monday held against a Monday.
    let earlier = Earlier::new(&many(100, "x@known.test"), "2026-02-23");
    for (messages, words) in [(201, "Far more"), (200, ""), (50, ""), (49, "Far less")] {
        let found = earlier.findings(&many(messages, "x@known.test"), "volume");
        assert_eq!(
            found.len(),
            usize::from(!words.is_empty()),
            "{messages}: {found:?}"
        );
        assert!(found.iter().all(|found| found.contains(words)), "{found:?}");
    }
    let tuesday = Earlier::new(&many(100, "x@known.test"), "2026-02-24");
    let found = tuesday.findings(&many(201, "x@known.test"), "volume");
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn much_mail_to_a_domain_that_had_none_before() {
    let earlier = Earlier::new(&many(3, "x@known.test"), "2026-02-23");
    let found = earlier.findings(&many(20, "y@new.test"), "new_domain");
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].contains("Much mail to new.test") && found[0].contains("ada@example.com (20)"),
        "{found:?}"
    );
    for logs in [
        many(19, "y@new.test"),
        many(20, "y@known.test"),
        many(20, "y@example.com"),
    ] {
        let found = earlier.findings(&logs, "new_domain");
        assert!(found.is_empty(), "{found:?}");
    }
    let found = findings(&many(20, "y@new.test"), "new_domain", |_| {}, &[]);
    assert!(found.is_empty(), "no earlier days: {found:?}");
    // One incident is one finding.
    let to = ["a@new1.test", "b@new2.test", "c@new3.test"].join(";");
    let found = earlier.findings(&many(20, &to), "new_domain");
    assert_eq!(found.len(), 1, "{found:?}");
    let words = "ada@example.com wrote much to 3 domains, which had no mail on earlier days";
    assert!(found[0].contains(words), "{found:?}");
}

#[test]
fn a_day_without_rows_is_not_a_good_day() {
    let mut logs = Logs::default();
    logs.delivered(mail(HOUR), "ex02", 200);
    for (day, found) in [
        ("2026-03-02", 0),
        ("2026-03-03", 1),
        ("2026-03-20", 1),
        ("2026-02-01", 1),
    ] {
        let said = findings(&logs, "missing_logs", |_| {}, &["--day", day]);
        assert_eq!(said.len(), found, "{day}: {said:?}");
    }
    let said = findings(&logs, "missing_logs", |_| {}, &["--day", "2026-03-03"]);
    assert!(said[0].contains("No server has a row"), "{said:?}");
    assert!(
        said[0].contains("the last row of ex02 is of 2026-03-02T01:00:00.200Z"),
        "{said:?}"
    );
}

#[test]
fn a_server_that_says_nothing_all_day_is_missed_for_a_week() {
    let day = |from: u32, servers: &[&'static str]| {
        let mut logs = Logs::default();
        for i in 0..250 {
            for server in servers {
                logs.delivered(
                    Mail {
                        server,
                        ..mail(from + i * MINUTE)
                    },
                    server,
                    200,
                );
            }
        }
        logs
    };
    let folder = tempfile::tempdir().unwrap();
    day(HOUR, &["ex01", "ex02", "ex03"]).write(folder.path());
    for date in ["03", "12"] {
        let later = tempfile::tempdir().unwrap();
        day(HOUR, &["ex01", "ex02"]).write(later.path());
        for server in ["ex01", "ex02"] {
            let log = fs::read_to_string(later.path().join(server).join("MSGTRK2026030200-1.LOG"));
            let log = log
                .unwrap()
                .replace("2026-03-02T", &format!("2026-03-{date}T"));
            let log = log.replace("@example.com>", &format!(".{date}@example.com>"));
            let log = log.replace("00000000-0000", &format!("000000{date}-0000"));
            let name = format!("MSGTRK202603{date}00-1.LOG");
            fs::write(folder.path().join(server).join(name), log).unwrap();
        }
    }
    let silent = |date: &str| said(folder.path(), "silent_server", &["--day", date]);
    assert_eq!(silent("2026-03-02").len(), 0);
    assert!(
        silent("2026-03-03")[0].contains("ex03 was silent for"),
        "{:?}",
        silent("2026-03-03")
    );
    assert_eq!(silent("2026-03-12").len(), 0, "gone");
}
