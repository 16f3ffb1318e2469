//! The report as a whole, on hand-made paths.

use jiff::tz::TimeZone;
use serde_json::Value;

use super::*;
use crate::address::List;
use crate::inert;
use crate::path::notes::{Deferral, Odd, Oddity, Way};
use crate::path::{Class, Direction, Entry, Fate, Path, Reason, Status, Via};
use crate::tally::TallyOptions;
use crate::tally::samples::{message, nine, recipient};
use crate::time::HOUR;

fn names(server: ServerId) -> String {
    format!("ex{:02}", server.0)
}

fn facts() -> Facts {
    let server = |n: u16, hours: Vec<i64>| ServerFacts {
        name: names(ServerId(n)),
        first: Some(nine()),
        last: Some(Time(nine().0 + 5 * HOUR)),
        rows: 1234,
        bytes: 5_600_000,
        hours: (hours.into_iter().map(|h| (nine().hour() + h, 200))).collect(),
        around: rhythm::Hours::new(),
        services: vec!["MSGTRK".into()],
    };
    Facts {
        tool: "waybill 0.1.0".into(),
        zone: TimeZone::UTC,
        from: Some(nine()),
        to: Some(Time(nine().0 + 5 * HOUR)),
        files: 4,
        bytes: 11_200_000,
        rows: 2468,
        bad_rows: 2,
        rows_twice: 7,
        rows_without_message: 0,
        seconds: 0.25,
        servers: vec![server(1, vec![0, 1, 2, 4, 5]), server(0, (0..6).collect())],
        own_domains: vec!["own.test".into()],
        domains_guessed: true,
        only: Vec::new(),
        veil: None,
        skipped_files: vec![SkippedFile {
            path: "a\x1b[2J.log".into(),
            is_log: true,
            why: "not a log".into(),
        }],
        missing_files: Vec::new(),
        state: None,
        saved_files: 0,
        events: vec![EventCount {
            source: "AGENT".into(),
            event: "NEWTHING".into(),
            count: 3,
            known: false,
        }],
        bad_row_reasons: vec![BadRows {
            reason: "date-time cannot be read".into(),
            count: 2,
            first: vec!["MSGTRK2026030209-1.LOG:17: date-time cannot be read".into()],
        }],
    }
}

/// A morning with everything in it; ids are given by the caller because paths borrow.
fn morning(ids: &[String]) -> Vec<Path<'_>> {
    let mut paths = Vec::new();
    for (n, id) in ids.iter().enumerate() {
        let people = [
            "bob@own.test",
            "eve@own.test",
            "joe@own.test",
            "x@partner.test",
        ];
        let mut to = recipient(people[n % 4], Fate::Delivered);
        to.latency_ms = Some((n * n) as i64 * 7 - 3);
        to.server = Some(ServerId((n % 3) as u16));
        if n % 4 == 3 {
            to.fate = Fate::Transferred;
            to.direction = Direction::Outbound;
        }
        match n % 11 {
            5 => {
                to.fate = Fate::Failed;
                to.reason = Reason::Logged("550 5.1.1 <nosuch@partner.test>: unknown".into());
            }
            6 => {
                to.fate = Fate::Pending;
                to.deferrals = 2;
                to.reason = Reason::Logged("[{LED=451 4.4.0 DNS};{FQDN=mx.slow.test}]".into());
            }
            7 => {
                to.fate = Fate::Unknown;
                to.reason = Reason::NoLogOf("EX03".into());
            }
            8 => to.fate = Fate::Rejected,
            _ => {}
        }
        let mut path = message(id, (n * 3 % 330) as i64, vec![to]);
        path.size_bytes = (n * 37 % 5000) as u64 * 100;
        match n % 13 {
            1 => path.class = Class::Report,
            2 => path.class = Class::Probe,
            3 => path.entry = Entry::Received,
            4 => {
                path.entry = Entry::Generated;
                path.sender = "".into();
            }
            5 => path
                .recipients
                .push(recipient("team@own.test", Fate::Expanded)),
            6 => {
                let mut forwarded = recipient("private@far.test", Fate::Transferred);
                forwarded.direction = Direction::Outbound;
                forwarded.via = vec![(Via::Redirected, "joe@own.test".into())];
                path.recipients.push(forwarded);
                path.entered_recipients += 1;
            }
            7 => {
                let mut member = recipient("kim@own.test", Fate::Delivered);
                member.via = vec![(Via::Expanded, "team@own.test".into())];
                path.recipients.push(member);
                path.entered_recipients += 1;
                path.recipients
                    .push(recipient("team@own.test", Fate::Expanded));
            }
            8 => path.notes.oddities.push(Oddity {
                odd: Odd::Duplicate,
                what: "DUPLICATEDELIVER".into(),
                by: ("STOREDRIVER".into(), "".into()),
                recipients: 1,
                place: path.earliest.1,
            }),
            _ => {}
        }
        path.notes.servers = vec![ServerId(0), ServerId((n % 3) as u16)];
        path.notes.ways.push(Way {
            server: ServerId(0),
            connector: "Intra-Organization".into(),
            to: ["ex00.own.test", "ex01.own.test", "mx.far.test"][n % 3].into(),
            outside: n % 3 == 2,
            recipients: 2,
            stay_ms: Some(n as i64 - 2),
        });
        if n % 5 == 0 {
            path.notes.deferrals.push(Deferral {
                server: ServerId(0),
                time: path.first_seen,
                words: "451 4.4.0 DNS".into(),
                recipients: List(b"x@partner.test"),
            });
        }
        paths.push(path);
    }
    paths
}

fn ids(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("<{n}@own.test>")).collect()
}

fn json(tally: &Tally) -> String {
    let report = Report::new(tally, facts(), &ReportOptions::default(), &names);
    let mut out = Vec::new();
    inert::write_json(&report, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn text(tally: &Tally, width: usize, style: bool) -> String {
    let report = Report::new(tally, facts(), &ReportOptions::default(), &names);
    let mut out = Vec::new();
    text::write(&report, &mut out, width, style).unwrap();
    String::from_utf8(out).unwrap()
}

fn tally<'p>(paths: impl IntoIterator<Item = &'p Path<'p>>) -> Tally {
    let mut tally = Tally::default();
    paths.into_iter().for_each(|path| tally.add(path, 1));
    tally
}

#[test]
fn the_json_has_the_keys_of_the_contract() {
    let ids = ids(100);
    let value: Value = serde_json::from_str(&json(&tally(&morning(&ids)))).unwrap();
    for pointer in [
        "/schema",
        "/tool",
        "/zone",
        "/period/from",
        "/period/to",
        "/inputs/files",
        "/inputs/bytes",
        "/inputs/rows",
        "/inputs/bad_rows",
        "/inputs/seconds",
        "/excluded/probe/messages",
        "/excluded/probe/rows",
        "/excluded/system/messages",
        "/totals/messages",
        "/totals/rows",
        "/totals/bytes",
        "/totals/entered/submitted",
        "/totals/entered/received",
        "/totals/entered/generated",
        "/totals/residual",
        "/latency/end_to_end_ms/count",
        "/latency/end_to_end_ms/p50",
        "/latency/end_to_end_ms/p90",
        "/latency/end_to_end_ms/p95",
        "/latency/end_to_end_ms/p99",
        "/latency/end_to_end_ms/max",
        "/latency/end_to_end_ms/within_30s",
        "/latency/end_to_end_ms/within_90s",
        "/latency/end_to_end_ms/within_5min",
        "/latency/end_to_end_ms/negative",
        "/coverage/servers/0/server",
        "/balance/recipients/residual",
        "/volume/by_hour/0/hour",
        "/failures/by_code/0/meaning",
        "/pending/by_age/0/age",
        "/unknown/by_missing/0/host",
        "/top/senders/by_bytes/0/address",
        "/top/pairs/by_messages/0/recipient",
        "/top/largest_messages/0/message_id",
    ] {
        let found = value.pointer(pointer);
        assert!(found.is_some_and(|found| !found.is_null()), "{pointer}");
    }
    for fate in Fate::ALL {
        assert!(
            value["totals"]["recipients"][fate.word()].is_i64(),
            "{fate:?}"
        );
    }
    assert_eq!(value["schema"], 1);
    assert_eq!(value["period"]["from"], "2026-03-02T09:00:00.000Z");
    assert_eq!(value["totals"]["residual"], 0);
    assert_eq!(value["excluded"]["probe"]["messages"], 8);
    assert_eq!(value["totals"]["messages"], 92);
    let gap = &value["coverage"]["servers"][1]["gaps"][0];
    assert_eq!(gap["from"], "2026-03-02T12:00:00.000Z");
    assert_eq!(gap["hours"], 1);
}

#[test]
fn merging_in_any_order_gives_the_same_report() {
    let ids = ids(900);
    let paths = morning(&ids);
    let whole = json(&tally(&paths));
    for parts in [2, 3, 7] {
        let part = |n| tally(paths.iter().skip(n).step_by(parts));
        let mut forward = Tally::default();
        (0..parts).for_each(|n| forward.merge(part(n)));
        let mut backward = part(parts - 1);
        (0..parts - 1).rev().for_each(|n| backward.merge(part(n)));
        assert_eq!(json(&forward), whole);
        assert_eq!(json(&backward), whole);
    }
    assert_eq!(json(&tally(paths.iter().rev())), whole);
}

#[test]
fn what_is_taken_back_leaves_nothing() {
    let ids = ids(60);
    let paths = morning(&ids);
    let mut both = Tally::default();
    // Taken back in another worker before it is counted in this one.
    let mut back = Tally::default();
    for path in &paths {
        back.add(path, -1);
        both.add(path, 1);
    }
    back.merge(both);
    assert_eq!(json(&back), json(&Tally::default()));
    assert_eq!(text(&back, 100, false), text(&Tally::default(), 100, false));

    let mut some = tally(&paths);
    paths[20..].iter().for_each(|path| some.add(path, -1));
    assert_eq!(json(&some), json(&tally(&paths[..20])));
}

#[test]
fn a_residual_is_printed() {
    let mut lost = message("<1>", 0, vec![recipient("bob@own.test", Fate::Delivered)]);
    lost.entered_recipients = 3;
    let tally = tally([&lost]);
    let value: Value = serde_json::from_str(&json(&tally)).unwrap();
    assert_eq!(value["totals"]["residual"], 2);
    assert_eq!(value["balance"]["recipients"]["accounted"], 1);
    assert!(text(&tally, 100, false).contains("2 recipients are unaccounted for"));
}

#[test]
fn hours_and_days_are_of_the_zone() {
    // 23:50 UTC is 05:20 of the next day in Kolkata, half an hour off the hours of UTC.
    let late = message(
        "<1>",
        14 * 60 + 50,
        vec![recipient("bob@own.test", Fate::Delivered)],
    );
    let zone = TimeZone::get("Asia/Kolkata").unwrap();
    let volume = volume::volume(&tally([&late]).volume, &zone, None);
    assert_eq!(volume.by_hour[0].hour, "2026-03-03T05:00:00+05:30");
    assert_eq!(volume.by_day[0].day, "2026-03-03");
    assert_eq!(volume.by_day[0].weekday, "Tuesday");
    assert_eq!(volume.by_hour_of_day[5].total.messages, 1);
    assert_eq!(volume.by_weekday[1].total.messages, 1);
    assert_eq!(volume.peak_minute.unwrap().at, "2026-03-03T05:20:00+05:30");
}

#[test]
fn an_hour_that_comes_twice_is_two() {
    // 2026-10-25: 02:00-03:00 comes twice in Berlin.
    let zone = TimeZone::get("Europe/Berlin").unwrap();
    let mut first = message("<1>", 0, vec![recipient("bob@own.test", Fate::Delivered)]);
    first.first_seen = crate::time::parse_iso(b"2026-10-25T00:30:00Z").unwrap();
    let mut second = first.clone();
    second.first_seen = Time(first.first_seen.0 + HOUR);
    let volume = volume::volume(&tally([&first, &second]).volume, &zone, None);
    let hours: Vec<&str> = volume.by_hour.iter().map(|h| h.hour.as_str()).collect();
    assert_eq!(
        hours,
        ["2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00"]
    );
    assert_eq!(volume.by_hour_of_day[2].total.messages, 2);
}

#[test]
fn ties_in_top_lists_are_in_order_of_name() {
    let to = |address| recipient(address, Fate::Delivered);
    let a = message(
        "<1>",
        0,
        vec![to("c@own.test"), to("b@own.test"), to("d@own.test")],
    );
    let tally = tally([&a]);
    let options = ReportOptions {
        top: 2,
        ..ReportOptions::default()
    };
    let report = Report::new(&tally, facts(), &options, &names);
    let recipients = &report.top.recipients;
    assert_eq!(recipients.count, 3);
    let first: Vec<&str> = recipients
        .by_messages
        .iter()
        .map(|line| line.who.address.as_str())
        .collect();
    assert_eq!(first, ["b@own.test", "c@own.test"]);
    assert_eq!(report.top.most_recipients[0].recipients, 3);
}

#[test]
fn pending_is_aged_to_the_end_of_the_period() {
    let waits = |minute, id| {
        let mut to = recipient("x@slow.test", Fate::Pending);
        to.reason = Reason::InQueueOf(ServerId(0));
        message(id, minute, vec![to])
    };
    let tally = tally(&[waits(0, "<1>"), waits(290, "<2>"), waits(250, "<3>")]);
    let report = Report::new(&tally, facts(), &ReportOptions::default(), &names);
    let ages: Vec<i64> = report
        .pending
        .by_age
        .iter()
        .map(|age| age.recipients)
        .collect();
    assert_eq!(ages, [1, 1, 0, 1, 0, 0]);
    assert_eq!(
        report.pending.by_reason[0].what,
        "in the queue of ex00, no deferral logged"
    );
    assert_eq!(report.pending.oldest[0].message_id, "<1>");
}

#[test]
fn hostile_text_is_inert_on_paper_and_whole_in_json() {
    let nasty = "e\x1b[2k\u{202e}vil\n@own.test";
    let words = "550 5.1.1 \x1b]0;owned\x07";
    let mut to = recipient(nasty, Fate::Failed);
    to.reason = Reason::Logged(words.into());
    let mut waits = recipient("p\u{2028}@slow.test", Fate::Pending);
    waits.reason = Reason::Logged("451 4.4.0 \r\n\x1b[31mred".into());
    let mut gone = recipient("q@own.test", Fate::Unknown);
    gone.reason = Reason::NoLogOf("ex\x1b[0m".into());
    let mut path = message(nasty, 0, vec![to, waits, gone]);
    path.subject = "\x1b[8mhidden\u{2066}".into();
    path.sender = nasty.into();
    path.status = Status::Failed;
    let tally = tally([&path]);
    let page = text(&tally, 100, false);
    for c in page.chars() {
        let plain = c == '\n' || !c.is_control();
        assert!(
            plain && !"\u{202e}\u{2066}\u{2028}".contains(c),
            "{c:?} in {page}"
        );
    }
    assert!(page.contains(r"\x1b[8mhidden\u{2066}"), "{page}");
    let value: Value = serde_json::from_str(&json(&tally)).unwrap();
    assert_eq!(value["top"]["senders"]["by_messages"][0]["address"], nasty);
}

#[test]
fn the_page_keeps_its_width_and_colours_only_when_asked() {
    let ids = ids(900);
    let mut tally = tally(&morning(&ids));
    let long = "very.long.address.indeed.".repeat(6) + "@own.test";
    let path = message("<long>", 1, vec![recipient(&long, Fate::Delivered)]);
    tally.add(&path, 1);
    if let Ok(file) = std::env::var("WAYBILL_SHOW_PAGE") {
        std::fs::write(file, text(&tally, 100, false)).unwrap();
    }
    for width in [80, 100, 140] {
        let page = text(&tally, width, false);
        for line in page.lines() {
            assert!(inert::columns(line) <= width, "{width}: {line}");
        }
        assert!(!page.contains('\x1b'));
    }
    let coloured = text(&tally, 100, true);
    assert!(coloured.contains("\x1b["));
    assert_eq!(
        anstream::adapter::strip_str(&coloured).to_string(),
        text(&tally, 100, false)
    );
}

#[test]
fn an_empty_run_makes_a_whole_page() {
    let page = text(&Tally::new(TallyOptions::default()), 100, false);
    assert!(page.contains("No messages."));
    assert!(page.contains("HOW THIS IS COUNTED"));
}

#[test]
fn the_later_sections_add_up() {
    let ids = ids(130);
    let report: Value = serde_json::from_str(&json(&tally(&morning(&ids)))).unwrap();
    let messages = report["totals"]["messages"].as_i64().unwrap();
    let sum = |list: &Value, key: &str| -> i64 {
        list.as_array()
            .unwrap()
            .iter()
            .map(|line| line[key].as_i64().unwrap())
            .sum()
    };
    assert_eq!(sum(&report["connectors"]["received"], "messages"), messages);
    assert_eq!(sum(&report["connectors"]["sent"], "messages"), messages);
    assert_eq!(
        sum(&report["connectors"]["servers_per_message"], "messages"),
        messages
    );
    // The first one has no size.
    let sized = messages - 1;
    assert_eq!(sum(&report["sizes"]["by_power_of_two"], "messages"), sized);
    assert_eq!(report["sizes"]["messages"], sized);
    let between = &report["connectors"]["between"];
    assert!(
        sum(between, "messages") < messages,
        "the outside is no server: {between}"
    );
    let team = &report["lists"]["lists"][0];
    assert_eq!(
        (&team["address"], &team["members"]),
        (&"team@own.test".into(), &10.into())
    );
    let kinds: Vec<&Value> = report["oddities"]["cases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|case| &case["kind"])
        .collect();
    assert_eq!(kinds, ["duplicate_suppressed", "forward_outside"]);
    let trouble = report["trouble"].as_array().unwrap();
    let kinds: Vec<&str> = trouble
        .iter()
        .map(|finding| finding["kind"].as_str().unwrap())
        .collect();
    for kind in ["missing_logs", "queue", "forward", "unread"] {
        assert!(kinds.contains(&kind), "{kind} is not in {kinds:?}");
    }
}

#[test]
fn hostile_text_does_nothing_in_a_browser_or_a_spreadsheet() {
    let mut path = message(
        "<script>alert(1)</script>",
        0,
        vec![recipient("=cmd()@own.test", Fate::Failed)],
    );
    path.subject = "\u{202e}<img src=x onerror=alert(2)>".into();
    path.sender = "=1+1@own.test".into();
    let tally = tally([&path]);
    let report = Report::new(&tally, facts(), &ReportOptions::default(), &names);
    let mut page = Vec::new();
    html::write(&report, &mut page).unwrap();
    let page = String::from_utf8(page).unwrap();
    assert!(page.contains("&lt;script&gt;alert(1)") && !page.contains("<script>alert"));
    assert!(!page.contains("<img") && !page.contains('\u{202e}'));
    let folder = tempfile::tempdir().unwrap();
    let files = csv::write(&report, folder.path()).unwrap();
    assert!(files > 40);
    let senders = std::fs::read_to_string(folder.path().join("top_senders.csv")).unwrap();
    assert!(
        senders.starts_with("sender,messages,recipients,bytes\r\n'=1+1@own.test,1,1,1000\r\n"),
        "{senders}"
    );
}
