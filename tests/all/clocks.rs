//! Stamps without year or zone, of each program by itself, over the changes that make them ambiguous.
//!
//! In: logs made here, a line every few minutes through spring, autumn and New Year, the local stamps of a zone beside ids
//! that carry the second in UTC. Out: the time of every row, held against the second it was made at, and what `check` says.

use std::fs;
use std::process::Command;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

/// Seconds as six digits of base 62, as Exim's ids begin.
fn base62(mut seconds: i64) -> String {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut digits = Vec::new();
    for _ in 0..6 {
        digits.push(DIGITS[(seconds % 62) as usize]);
        seconds /= 62;
    }
    digits.reverse();
    String::from_utf8(digits).unwrap()
}

/// Sendmail's id of a second: a digit of base 60 for each of its parts.
fn sendmail_id(at: Timestamp, number: usize) -> String {
    const DIGITS: &[u8; 60] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwx";
    let utc = at.to_zoned(TimeZone::UTC);
    let parts = [
        (i64::from(utc.year()) - 1900) % 60,
        i64::from(utc.month()) - 1,
        i64::from(utc.day()),
        i64::from(utc.hour()),
        i64::from(utc.minute()),
        i64::from(utc.second()),
    ];
    let digits = parts.map(|part| char::from(DIGITS[part as usize]));
    format!("{}{:08}", digits.iter().collect::<String>(), number)
}

/// The second of every message: one each five minutes, from a day before to a day behind `about`.
fn seconds(about: &str) -> Vec<Timestamp> {
    let about: Timestamp = about.parse().unwrap();
    let from = about.as_second() - 86_400;
    (0..576)
        .map(|n| Timestamp::from_second(from + n * 300 + n % 7).unwrap())
        .collect()
}

/// The times of all rows, as `events` tells them.
fn times(log: &str, more: &[&str]) -> (Vec<Timestamp>, String) {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("mainlog"), log).unwrap();
    let folder = dir.path().to_str().unwrap();
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_waybill"))
            .args([arguments, more].concat())
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let events = run(&["events", folder, "--quiet"]);
    let time = |line: &str| {
        let event: Value = serde_json::from_str(line).unwrap();
        event["time"].as_str().unwrap().parse().unwrap()
    };
    (
        events.lines().map(time).collect(),
        run(&["check", folder, "--quiet"]),
    )
}

/// Two rows for each second: taken over then, delivered three seconds later.
fn expected(seconds: &[Timestamp]) -> Vec<Timestamp> {
    let both = |at: &Timestamp| [*at, Timestamp::from_second(at.as_second() + 3).unwrap()];
    seconds.iter().flat_map(both).collect()
}

/// Spring and autumn of two zones, and New Year.
const CHANGES: [(&str, &str, &str); 5] = [
    ("Europe/Berlin", "2026-03-29T01:00:00Z", "2026"),
    ("Europe/Berlin", "2026-10-25T01:00:00Z", "2026"),
    ("America/New_York", "2026-11-01T06:00:00Z", "2026"),
    ("Asia/Kolkata", "2026-12-31T18:30:00Z", "2026"),
    ("America/New_York", "2027-01-01T05:00:00Z", "2026"),
];

const PIECES: [&[&str]; 3] = [
    &[],
    &["--chunk-bytes", "700"],
    &["--chunk-bytes", "9000", "--zone", "Asia/Tokyo"],
];

#[test]
fn exim_is_right_to_the_second_with_zones_and_without() {
    for (name, about, _) in CHANGES {
        let zone = TimeZone::get(name).unwrap();
        let seconds = seconds(about);
        for format in [
            "%Y-%m-%d %H:%M:%S",
            "%Y-%m-%d %H:%M:%S %z",
            "%Y-%m-%d %H:%M:%S.000",
            "%Y-%m-%d %H:%M:%S.000 %z",
        ] {
            let stamp = |second: i64| {
                let at = Timestamp::from_second(second).unwrap();
                at.to_zoned(zone.clone()).strftime(format).to_string()
            };
            let line = |(n, at): (usize, &Timestamp)| {
                let (second, id) = (at.as_second(), base62(at.as_second()));
                format!(
                    "{} {id}-{n:06}-00 <= s@x.test H=c [192.0.2.1] P=esmtp S=9 id={n}@x.test for r@y.test\n\
                     {} {id}-{n:06}-00 => r <r@y.test> R=local T=maildir\n",
                    stamp(second),
                    stamp(second + 3)
                )
            };
            let log: String = seconds.iter().enumerate().map(line).collect();
            for more in PIECES {
                let (found, check) = times(&log, more);
                assert!(
                    found == expected(&seconds),
                    "{name} {about} {format} {more:?}"
                );
                let says = check.contains("told by queue ids");
                assert_eq!(says, !format.contains("%z"), "{name} {format}: {check}");
            }
        }
    }
}

#[test]
fn sendmail_is_right_to_the_second_without_year_and_zone() {
    for (name, about, year) in CHANGES {
        let zone = TimeZone::get(name).unwrap();
        let seconds = seconds(about);
        let stamp = |second: i64| {
            let at = Timestamp::from_second(second).unwrap();
            at.to_zoned(zone.clone())
                .strftime("%b %e %H:%M:%S")
                .to_string()
        };
        let line = |(n, at): (usize, &Timestamp)| {
            let id = sendmail_id(*at, n);
            format!(
                "{} sm1 sendmail[{n}]: {id}: from=<s@x.test>, size=9, class=0, nrcpts=1, msgid=<{n}@x.test>, proto=ESMTP, daemon=MTA, relay=c [192.0.2.1]\n\
                 {} sm1 sendmail[{n}]: {id}: to=<r@y.test>, delay=00:00:03, xdelay=00:00:03, mailer=local, pri=1, dsn=2.0.0, stat=Sent\n",
                stamp(at.as_second()),
                stamp(at.as_second() + 3)
            )
        };
        let log: String = seconds.iter().enumerate().map(line).collect();
        for more in PIECES {
            let (found, check) = times(&log, more);
            assert!(found == expected(&seconds), "{name} {about} {more:?}");
            let told = format!("mainlog: {year} ");
            assert!(
                check.contains(&told) && check.contains("told by queue ids"),
                "{check}"
            );
        }
    }
}
