//! Stamps of syslog without year or zone: ids, zones that are given, and other hosts' replies tell them.
//!
//! In: the laboratory's logs over New Year and the end of daylight saving, and made-up ones. Out: times, right to the second.

use std::fmt::Write as _;
use std::fs;

use serde_json::Value;

use super::laboratory::{fates, fixtures, folder, one, paths, text_of};

#[test]
fn stamps_without_year_and_zone_are_right_to_the_second() {
    for (name, first, last) in [
        ("dst", "2026-11-01T05:59:4", "2026-11-01T06:00:28.000Z"),
        ("newyear", "2026-12-31T23:59:4", "2027-01-01T00:00:19.000Z"),
    ] {
        let folder = fixtures(name);
        let found = paths(&folder, &[]);
        let at = |key: &str| {
            found
                .iter()
                .map(|p| p[key].as_str().unwrap())
                .collect::<Vec<_>>()
        };
        assert!(at("first_seen").iter().min().unwrap().starts_with(first));
        assert_eq!(at("last_seen").into_iter().max(), Some(last));
        // The two hosts, one of which writes another zone, agree on every hand-over.
        let mut links = 0;
        for path in &found {
            for hop in path["hops"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|hop| hop["link"].is_object())
            {
                links += 1;
                assert!(hop["received"].is_string(), "{name}: {path}");
                let received: jiff::Timestamp = hop["received"].as_str().unwrap().parse().unwrap();
                let came: jiff::Timestamp = path["first_seen"].as_str().unwrap().parse().unwrap();
                let late = received.as_second() - came.as_second();
                assert!((0..=3).contains(&late), "{name}: {path}");
            }
        }
        assert!(links > 5, "{name}: {links}");
    }
}

/// Daylight saving and New Year, wherever the pieces begin; ids tell, whatever zone is given.
#[test]
fn clocks_are_right_in_pieces_of_every_size() {
    for name in ["dst", "newyear"] {
        let folder = fixtures(name);
        let whole = paths(&folder, &[]);
        for size in ["150", "400", "900", "2500", "7000"] {
            let mut more = vec!["--chunk-bytes", size];
            assert_eq!(paths(&folder, &more), whole, "{name} {size}");
            more.extend(["--zone", "Asia/Tokyo"]);
            assert_eq!(paths(&folder, &more), whole, "{name} {size} with a zone");
        }
    }
}

/// A log that nothing tells the clock of, over autumn, New Year and spring, read by the zone that was given.
#[test]
fn a_zone_that_is_given_is_followed_through_its_changes() {
    let zone = jiff::tz::TimeZone::get("America/New_York").unwrap();
    let mut times: Vec<jiff::Timestamp> = Vec::new();
    for (from, steps, minutes) in [
        ("2026-11-01T04:00:00Z", 30, 10),
        ("2026-12-31T23:00:00Z", 16, 30),
        ("2027-03-14T05:00:00Z", 30, 10),
    ] {
        let from: jiff::Timestamp = from.parse().unwrap();
        times.extend((0..steps).map(|n| from + jiff::SignedDuration::from_mins(n * minutes)));
    }
    let (mut bare, mut told) = (String::new(), Vec::new());
    for (n, time) in times.iter().enumerate() {
        let stamp = zone
            .to_datetime(*time)
            .strftime("%b %e %H:%M:%S")
            .to_string();
        for what in [
            format!("smtpd[1]: AAAA{n:04}: client=pc[10.9.9.9]"),
            format!("cleanup[1]: AAAA{n:04}: message-id=<m{n}@x.test>"),
            format!(
                "local[1]: AAAA{n:04}: to=<r@y.test>, relay=local, delay=0, delays=0/0/0/0, dsn=2.0.0, status=sent (delivered to mailbox)"
            ),
        ] {
            writeln!(bare, "{stamp} mx postfix/{what}").unwrap();
        }
        told.push((
            format!("<m{n}@x.test>"),
            time.strftime("%FT%T.000Z").to_string(),
        ));
    }
    told.sort();
    let dir = folder(&[("mx.log", bare.into())]);
    for size in ["100", "333", "1000", "5000", "1000000"] {
        let more = [
            "--year",
            "2026",
            "--zone",
            "America/New_York",
            "--chunk-bytes",
            size,
        ];
        let mut found: Vec<(String, String)> = paths(dir.path(), &more)
            .iter()
            .map(|path| {
                let text = |value: &Value| value.as_str().unwrap().to_string();
                (
                    text(&path["message_id"]),
                    text(&path["recipients"][0]["at"]),
                )
            })
            .collect();
        found.sort();
        assert_eq!(found, told, "{size}");
    }
}

/// Nothing in this file tells its zone; the other host's replies do.
#[test]
fn a_hand_over_tells_the_clock_of_a_file() {
    let mut gives = String::new();
    let mut takes = String::new();
    for n in 0..5 {
        let (id, there) = (format!("AAAAAA{n}"), format!("4F1B2C3D4E{n}"));
        writeln!(
            gives,
            "2026-07-01T10:0{n}:00.1Z gw postfix/smtpd[1]: {id}: client=pc[10.9.9.9]"
        )
        .unwrap();
        writeln!(
            gives,
            "2026-07-01T10:0{n}:00.2Z gw postfix/cleanup[1]: {id}: message-id=<m{n}@x.test>"
        )
        .unwrap();
        writeln!(gives, "2026-07-01T10:0{n}:01.3Z gw postfix/smtp[1]: {id}: to=<r@y.test>, relay=mx[10.0.0.5]:25, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as {there})").unwrap();
        writeln!(
            takes,
            "Jul  1 06:0{n}:01 mx postfix/smtpd[1]: {there}: client=gw[10.0.0.1]"
        )
        .unwrap();
        writeln!(
            takes,
            "Jul  1 06:0{n}:01 mx postfix/cleanup[1]: {there}: message-id=<m{n}@x.test>"
        )
        .unwrap();
        writeln!(takes, "Jul  1 06:0{n}:02 mx postfix/local[1]: {there}: to=<r@y.test>, relay=local, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (delivered to mailbox)").unwrap();
    }
    let dir = folder(&[("gw.log", gives.into()), ("mx.log", takes.clone().into())]);
    let path = one(dir.path(), "<m3@x.test>");
    assert_eq!(fates(&path), ["r@y.test delivered mx"]);
    assert_eq!(path["recipients"][0]["at"], "2026-07-01T10:03:02.000Z");
    let check = text_of(&["check", dir.path().to_str().unwrap(), "--no-progress"]);
    assert!(check.contains("2026 -04:00, told by hand-overs"), "{check}");
    // Alone, the year is that of the file, whatever today is.
    let dir = folder(&[("mx.log", takes.into())]);
    let file = fs::File::options()
        .append(true)
        .open(dir.path().join("mx.log"))
        .unwrap();
    let written = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_500_000_000);
    file.set_modified(written).unwrap();
    let path = one(dir.path(), "<m3@x.test>");
    assert_eq!(path["recipients"][0]["at"], "2017-07-01T06:03:02.000Z");
    let check = text_of(&["check", dir.path().to_str().unwrap(), "--no-progress"]);
    assert!(check.contains("2017 +00:00, guessed"), "{check}");
}

/// A message on host `mx1`, whose long ids tell the second of arrival, and what the next host answered.
fn passed_on(hour: u32, id: &str, stamps: [&str; 2], reply: &str) -> String {
    let [came, left] = stamps;
    let line = |at: &str, daemon: &str, what: &str| {
        format!("Mar  2 {hour:02}:{at} mx1 postfix/{daemon}[1]: {id}: {what}\n")
    };
    [
        line(came, "smtpd", "client=c.test[192.0.2.1]"),
        line(came, "cleanup", &format!("message-id=<{id}@x.test>")),
        line(came, "qmgr", "from=<s@x.test>, size=9, nrcpt=1 (queue active)"),
        line(
            left,
            "smtp",
            &format!(
                "to=<r@y.test>, relay=mx.y.test[192.0.2.5]:25, delay=1, dsn=2.0.0, status=sent ({reply})"
            ),
        ),
        line(left, "qmgr", "removed"),
    ]
    .concat()
}

/// The next host is a stranger: its clock may be wrong, and it may have taken its time.
#[test]
fn what_other_hosts_answer_moves_no_clock_that_own_ids_tell() {
    // By their ids, these arrived at 09:00:00, 10:00:00 and 11:00:00 UTC on 2026-03-02.
    let ids = ["4fPXv4001wz1XnKr", "4fPZDJ001xz1XnKr", "4fPbYX001yz1XnKr"];
    // Years before, a day before, an hour before the message was given, and half an hour before the answer.
    for (reply, left, latency) in [
        ("250 OK id=1pY38r-000002-01", "00:03", 3_000),
        ("250 OK id=1vweWn-000002-01", "00:03", 3_000),
        ("250 OK id=1vx04H-000002-01", "00:03", 3_000),
        ("250 OK id=1vx10L-000002-01", "31:03", 1_863_000),
    ] {
        let log = [
            passed_on(9, ids[0], ["00:00", "00:03"], "250 ok"),
            passed_on(10, ids[1], ["00:00", "00:03"], "250 ok"),
            passed_on(11, ids[2], ["00:00", left], reply),
        ];
        let logs = folder(&[("mail.log", log.concat().into())]);
        let found = paths(logs.path(), &["--chunk-bytes", "300"]);
        assert_eq!(found.len(), 3, "{reply}: {found:#?}");
        for (path, hour) in found.iter().zip(["09", "10", "11"]) {
            let at = format!("2026-03-02T{hour}:00:00.000Z");
            assert_eq!(path["first_seen"], at, "{reply}");
        }
        assert_eq!(found[2]["recipients"][0]["latency_ms"], latency, "{reply}");
    }
}

/// The year is that of the first line that tells it, less one if January came in between.
#[test]
fn lines_before_new_year_are_of_the_year_before() {
    let id = "4dhQVY0YqWz4Cw"; // 2025-12-31 23:03:33 UTC
    let log = format!(
        "Dec 31 23:55:26 mx1 postfix/smtp[1]: 4F1B2C3D4E5: to=<a@y.test>, relay=mx.y.test[192.0.2.5]:25, \
         delay=1, dsn=2.0.0, status=sent (250 ok)\n\
         Dec 31 23:55:26 mx1 postfix/qmgr[2]: 4F1B2C3D4E5: removed\n\
         Jan  1 00:03:33 mx1 postfix/smtpd[3]: {id}: client=c.test[192.0.2.1]\n\
         Jan  1 00:03:33 mx1 postfix/cleanup[4]: {id}: message-id=<m@x.test>\n\
         Jan  1 00:03:34 mx1 postfix/smtp[1]: {id}: to=<b@y.test>, relay=mx.y.test[192.0.2.5]:25, delay=1, \
         dsn=2.0.0, status=sent (250 ok)\n"
    );
    // Another host's clock is a little behind.
    let to_and_fro =
        "Jan  1 00:00:00 mx1 cron[1]: a\nDec 31 23:59:59 mx2 cron[1]: b\nJan  1 00:03:33 mx1";
    let mixed = log.replacen("Jan  1 00:03:33 mx1", to_and_fro, 1);
    for (log, sizes) in [(log, &["120", "300", "100000"][..]), (mixed, &["100000"])] {
        let logs = folder(&[("mail.log", log.into())]);
        for size in sizes {
            let found = paths(logs.path(), &["--chunk-bytes", size]);
            let times: Vec<&Value> = found.iter().map(|path| &path["first_seen"]).collect();
            let want = ["2025-12-31T22:55:26.000Z", "2025-12-31T23:03:33.000Z"];
            assert_eq!(times, want, "{size}");
        }
    }
}

/// A rejectlog names no ids, a log that was just begun few: the host's other files tell the zone.
#[test]
fn files_of_one_host_are_in_one_zone() {
    let (first, second) = ("1vwqiB-000003-03", "1vwqjM-000008-08"); // 00:00:35 and 00:01:48 UTC
    let before = format!(
        "2026-03-02 01:00:35 {first} <= s@x.test H=c.test [192.0.2.1] P=esmtp S=9 id=a@x.test\n\
         2026-03-02 01:00:36 {first} => a@y.test R=dnslookup T=remote_smtp H=mx.y.test [192.0.2.5]\n\
         2026-03-02 01:00:36 {first} Completed\n\
         2026-03-02 01:01:48 {second} <= s@x.test H=c.test [192.0.2.1] P=esmtp S=9 id=b@x.test\n"
    );
    let behind = format!(
        "2026-03-02 01:01:49 {second} => b@y.test R=dnslookup T=remote_smtp H=mx.y.test [192.0.2.5]\n\
         2026-03-02 01:01:49 {second} Completed\n"
    );
    let rejects =
        "2026-03-02 01:02:00 H=(d.test) [192.0.2.9] F=<t@x.test> rejected RCPT <c@y.test>: no\n";
    let logs = folder(&[
        ("mx/mainlog.1", before.into()),
        ("mx/mainlog", behind.into()),
        ("mx/rejectlog", rejects.into()),
    ]);
    let found = paths(logs.path(), &[]);
    let last = |path: &Value| path["last_seen"].as_str().unwrap().to_owned();
    let want = ["36", "49"].map(|s| format!("2026-03-02T00:0{}:{s}.000Z", u8::from(s == "49")));
    let mut times: Vec<String> = found.iter().map(last).collect();
    assert_eq!(times.pop().unwrap(), "2026-03-02T00:02:00.000Z");
    assert_eq!(times, want);
    let check = text_of(&["check", logs.path().to_str().unwrap(), "--lenient"]);
    assert!(
        check.contains("mx/rejectlog: +01:00, the zone told by other files of the host"),
        "{check}"
    );
}

/// A long Postfix id of this second.
fn long_id(second: i64) -> String {
    const DIGITS: &[u8; 52] = b"0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz";
    let digit = |place: u32| char::from(DIGITS[(second / 52_i64.pow(place) % 52) as usize]);
    (0..6)
        .rev()
        .map(digit)
        .chain("1234z1Xn2Y".chars())
        .collect()
}

/// A line of a host by its local time.
fn line_at(time: jiff::Timestamp, zone: &jiff::tz::TimeZone, rest: &str) -> String {
    let stamp = zone.to_datetime(time).strftime("%b %e %H:%M:%S");
    format!("{stamp} {rest}\n")
}

/// A syslog server puts traditional stamps as they come into one file: hosts in several zones, one of which changes its
/// clock earlier than the other, over New Year, each message passing from one to the next.
#[test]
fn hosts_in_several_zones_share_a_file() {
    let zone = |name| jiff::tz::TimeZone::get(name).unwrap();
    let (new_york, berlin) = (zone("America/New_York"), zone("Europe/Berlin"));
    let mut log = String::new();
    let mut told = Vec::new();
    for (from, steps) in [
        ("2026-10-25T00:00:00Z", 40),
        ("2026-11-01T04:30:00Z", 40),
        ("2026-12-31T22:00:00Z", 80),
    ] {
        let from: jiff::Timestamp = from.parse().unwrap();
        for n in 0..steps {
            let time = from + jiff::SignedDuration::from_mins(n * 6);
            let (id, next) = (long_id(time.as_second()), long_id(time.as_second() + 1));
            let reply = format!(
                "to=<r@y.test>, relay=us1[10.0.0.5]:25, delay=1, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as {next})"
            );
            let kept = "to=<r@y.test>, relay=local, delay=1, dsn=2.0.0, status=sent (delivered to mailbox)";
            for (late, zone, host, id, what) in [
                (
                    0,
                    &berlin,
                    "eu1 postfix/smtpd[1]",
                    &id,
                    "client=c.test[192.0.2.1]",
                ),
                (
                    0,
                    &berlin,
                    "eu1 postfix/cleanup[1]",
                    &id,
                    &format!("message-id=<{n}.{from}@x.test>"),
                ),
                (
                    1,
                    &new_york,
                    "us1 postfix/smtpd[1]",
                    &next,
                    "client=eu1[10.0.0.1]",
                ),
                (
                    1,
                    &new_york,
                    "us1 postfix/cleanup[1]",
                    &next,
                    &format!("message-id=<{n}.{from}@x.test>"),
                ),
                (2, &berlin, "eu1 postfix/smtp[1]", &id, &reply),
                (3, &new_york, "us1 postfix/local[1]", &next, kept),
            ] {
                let time = time + jiff::SignedDuration::from_secs(late);
                log.push_str(&line_at(time, zone, &format!("{host}: {id}: {what}")));
            }
            let text = |late| {
                let time = time + jiff::SignedDuration::from_secs(late);
                time.strftime("%FT%T.000Z").to_string()
            };
            told.push((text(0), text(3)));
        }
    }
    let logs = folder(&[("central.log", log.into())]);
    for size in ["700", "5000", "1000000"] {
        let found = paths(logs.path(), &["--chunk-bytes", size]);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let mut times: Vec<(String, String)> = found
            .iter()
            .map(|path| (text(&path["first_seen"]), text(&path["last_seen"])))
            .collect();
        times.sort();
        assert_eq!(times, told, "{size}");
    }
    let check = text_of(&["check", logs.path().to_str().unwrap(), "--no-progress"]);
    assert!(
        check.contains("2026 +02:00 (eu1), -04:00 (us1), told by queue ids"),
        "{check}"
    );
}

/// Short ids tell nothing, the answers of the next host do: one that is wrong among right ones moves nothing.
#[test]
fn one_stranger_with_a_wrong_clock_is_not_believed() {
    let utc = jiff::tz::TimeZone::UTC;
    let from: jiff::Timestamp = "2026-03-02T09:00:00Z".parse().unwrap();
    let mut log = String::new();
    let mut told = Vec::new();
    for n in 0..40_i64 {
        let time = from + jiff::SignedDuration::from_mins(n * 3);
        let wrong = if n % 8 == 3 { 3600 * (n - 20) } else { 0 };
        let next = long_id(time.as_second() + wrong);
        let id = format!("AAAAAA{n:02}");
        for (daemon, what) in [
            ("smtpd", "client=c.test[192.0.2.1]"),
            ("cleanup", &format!("message-id=<{n}@x.test>")),
            (
                "smtp",
                &format!(
                    "to=<r@y.test>, relay=mx.y.test[192.0.2.5]:25, delay=1, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as {next})"
                ),
            ),
        ] {
            log.push_str(&line_at(
                time,
                &utc,
                &format!("mx1 postfix/{daemon}[1]: {id}: {what}"),
            ));
        }
        told.push(time.strftime("%FT%T.000Z").to_string());
    }
    let logs = folder(&[("mail.log", log.into())]);
    for size in ["900", "4000", "1000000"] {
        let found = paths(logs.path(), &["--chunk-bytes", size]);
        let text = |path: &Value| path["last_seen"].as_str().unwrap().to_owned();
        let mut times: Vec<String> = found.iter().map(text).collect();
        times.sort();
        assert_eq!(times, told, "{size}");
    }
}

/// Two hosts of one zone, in whose shared file December and January alternate for some lines.
#[test]
fn lines_that_go_to_and_fro_at_new_year_are_each_of_their_year() {
    let utc = jiff::tz::TimeZone::UTC;
    let from: jiff::Timestamp = "2026-12-31T23:00:00Z".parse().unwrap();
    let mut log = String::new();
    let mut told = Vec::new();
    for n in 0..40_i64 {
        let time = from + jiff::SignedDuration::from_mins(n * 3);
        for (host, late) in [("mx1", 2), ("mx2", 0), ("mx3", 1)] {
            // The second one is always written last; around midnight the others are a year ahead.
            let time = time + jiff::SignedDuration::from_secs(late - 1);
            let id = long_id(time.as_second());
            log.push_str(&line_at(
                time,
                &utc,
                &format!("{host} postfix/smtpd[1]: {id}: client=c.test[192.0.2.1]"),
            ));
            log.push_str(&line_at(
                time,
                &utc,
                &format!("{host} postfix/cleanup[1]: {id}: message-id=<{n}@{host}>"),
            ));
            told.push(time.strftime("%FT%T.000Z").to_string());
        }
    }
    told.sort();
    let logs = folder(&[("mail.log", log.into())]);
    for size in ["400", "900", "4000", "1000000"] {
        let found = paths(logs.path(), &["--chunk-bytes", size]);
        let text = |path: &Value| path["first_seen"].as_str().unwrap().to_owned();
        let mut times: Vec<String> = found.iter().map(text).collect();
        times.sort();
        assert_eq!(times, told, "{size}");
    }
}
