//! The outer line of any form, those as few systems write them in full.
//!
//! In: a line of a syslog file or of an Exim log. Out: [`Outer`], by the [usual](super::usual) forms if it has one, else by those
//! of journald (`journalctl -o short-precise`, `short-full`, `short-unix`: journalctl(1)), Docker (`docker compose logs`,
//! `docker logs -t`), FreeBSD's `syslogd -v`, AIX, syslog-ng and rsyslog templates with a year or a blank between date and
//! time. Evidence for the forms: `formats/foreign.md` sections 2.1, 3 and 4.

use super::clock::Clock;
use super::line::{Bare, Outer, Program, Stamp};
use super::usual::{local_time, offset, program, rfc5424, tag, usual, word, zoned};
use crate::scan;
use crate::time::{SECOND, Time, parse_iso};

/// Takes the envelope off; `None` if the line has none.
#[inline]
pub fn outer<'d>(line: &'d [u8], clock: &Clock) -> Option<Outer<'d>> {
    outer_after(scan::without_mark(line), clock, &mut Stamp::default())
}

/// The same behind a line with the stamp `last`: most lines repeat it.
#[inline]
pub fn outer_after<'d>(line: &'d [u8], clock: &Clock, last: &mut Stamp<'d>) -> Option<Outer<'d>> {
    usual(line, clock, last).or_else(|| unusual(line, clock))
}

/// The name of a container stands within so many bytes.
const NAME_BYTES: usize = 80;

/// Takes such an envelope off.
#[cold]
fn unusual<'d>(line: &'d [u8], clock: &Clock) -> Option<Outer<'d>> {
    of_container(line, clock)
        .or_else(|| dated(line, clock))
        .or_else(|| traditional(line, clock))
        .or_else(|| zoneless(line, clock))
        .or_else(|| unix(line))
}

/// `postfix-1  | Nov 20 10:00:00 mx1 ...`, as Docker Compose puts before each line the container that wrote it.
fn of_container<'d>(line: &'d [u8], clock: &Clock) -> Option<Outer<'d>> {
    let head = &line[..line.len().min(NAME_BYTES)];
    let bar = memchr::memmem::find(head, b" | ")?;
    let name = line[..bar].trim_ascii_end();
    if name.is_empty() || name.contains(&b' ') {
        return None;
    }
    outer_after(&line[bar + 3..], clock, &mut Stamp::default())
}

/// `2026-11-20T10:00:00.123456789Z Nov 20 10:00:00 mx1 ...`: the stamp of who collected the line, which has its zone,
/// and the line. The same where syslog's version stands before it without its priority.
fn dated<'d>(line: &'d [u8], clock: &Clock) -> Option<Outer<'d>> {
    if let Some(rest) = line.strip_prefix(b"1 ") {
        return rfc5424(rest);
    }
    let (time, rest) = zoned(line)?;
    let inner = outer_after(rest, clock, &mut Stamp::default())?;
    let bare = None;
    Some(Outer {
        time,
        bare,
        ..inner
    })
}

/// `Nov 20 10:00:00.123456 mx1 ...`, `Nov 20 2026 10:00:00 mx1 ...`, `2026 Nov 20 10:00:00 mx1 ...`, and the usual stamp
/// where host or tag are not as usual.
fn traditional<'d>(line: &'d [u8], clock: &Clock) -> Option<Outer<'d>> {
    let year = |at: usize| {
        let digits = line.get(at..at + 4)?;
        let is_year = digits.iter().all(u8::is_ascii_digit) && line.get(at + 4) == Some(&b' ');
        let number = std::str::from_utf8(digits).ok()?.parse().ok();
        number.filter(|_| is_year)
    };
    // Date and time brought together, the year, and where the rest begins.
    let (mut stamp, told, mut at): ([u8; 16], Option<i64>, usize) = match (year(0), year(7)) {
        (Some(year), _) => (*line.get(5..21)?.first_chunk()?, Some(year), 21),
        (_, Some(year)) => {
            let mut stamp = [0; 16];
            stamp[..7].copy_from_slice(&line[..7]);
            stamp[7..].copy_from_slice(line.get(12..21)?);
            (stamp, Some(year), 21)
        }
        _ => (*line.first_chunk()?, year(16), 16),
    };
    if told.is_some() && at == 16 {
        at = 21; // behind the time
    }
    let mut micros = 0;
    if stamp[15] == b'.' {
        (micros, at) = fraction(line, at)?;
        stamp[15] = b' ';
    }
    let clock_then = Clock {
        year: told.map_or(clock.year, |year| year as _),
        ..*clock
    };
    let (local, day) = local_time(&stamp, &clock_then)?;
    let local = local + micros;
    let bare = Bare {
        local,
        day: told.is_none().then_some(day),
    };
    said(line.get(at..)?, clock_then.utc(local), Some(bare))
}

/// Behind the point that stands before `at`: the fraction of a second, and where the rest begins.
fn fraction(line: &[u8], at: usize) -> Option<(i64, usize)> {
    let digits = line.get(at..)?;
    let count = digits.iter().take_while(|b| b.is_ascii_digit()).count();
    let mut micros = 0;
    for place in 0..6 {
        let digit = digits[..count].get(place).map_or(0, |b| b - b'0');
        micros = micros * 10 + i64::from(digit);
    }
    let is_fraction = count > 0 && digits.get(count) == Some(&b' ');
    is_fraction.then_some((micros, at + count + 1))
}

/// `2026-11-20 10:00:00 mx1 ...`, with or without a zone behind the time (`+01:00`, ` CET`) and a day of the week before the
/// date.
fn zoneless<'d>(line: &'d [u8], clock: &Clock) -> Option<Outer<'d>> {
    let weekday = line.get(3) == Some(&b' ') && line.first()?.is_ascii_uppercase();
    let line = if weekday { &line[4..] } else { line };
    if line.get(10) != Some(&b' ') {
        return None;
    }
    let end = 11 + memchr::memchr(b' ', line.get(11..line.len().min(48))?)?;
    let (stamp, mut rest) = (&line[..end], &line[end + 1..]);
    if weekday {
        // A zone by its letters, which mean different things in different places.
        let (zone, behind) = word(rest)?;
        zone.iter().all(u8::is_ascii_uppercase).then_some(())?;
        if zone == b"UTC" {
            return said(behind, parse_iso(stamp)?, None);
        }
        rest = behind;
    }
    let zone = stamp
        .iter()
        .skip(19)
        .position(|b| matches!(b, b'+' | b'-' | b'Z'));
    match zone.map(|at| stamp.split_at(19 + at)) {
        Some((local, b"Z")) => said(rest, parse_iso(local)?, None),
        Some((local, zone)) => {
            let seconds = offset(zone)?;
            said(rest, Time(parse_iso(local)?.0 - seconds * SECOND), None)
        }
        None => {
            let local = parse_iso(stamp)?.0;
            said(rest, clock.utc(local), Some(Bare { local, day: None }))
        }
    }
}

/// `1795165200.123456 mx1 ...`: seconds since 1970.
fn unix(line: &[u8]) -> Option<Outer<'_>> {
    let seconds = line.get(..10)?;
    if line.get(10) != Some(&b'.') || !seconds.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let (micros, at) = fraction(line, 11)?;
    let seconds: i64 = std::str::from_utf8(seconds).ok()?.parse().ok()?;
    said(&line[at..], Time(seconds * SECOND + micros), None)
}

/// What stands behind the stamp: host, tag and body, the facility and priority before or behind the host.
fn said(rest: &[u8], time: Time, bare: Option<Bare>) -> Option<Outer<'_>> {
    let rest = match rest.first()? {
        // `<mail.info> ` or `<2.6> `
        b'<' => &rest[memchr::memchr(b' ', rest)? + 1..],
        _ => rest,
    };
    let outer = |host, (tag, process, body), program| Outer {
        time,
        bare,
        host,
        program,
        tag,
        process,
        body,
    };
    let (host, behind) = match rest.strip_prefix(b"Message forwarded from ") {
        Some(rest) => {
            let (host, behind) = word(rest)?;
            (host.strip_suffix(b":")?, behind)
        }
        None => word(rest)?,
    };
    if let Some(told) = facility(behind).and_then(tag).or_else(|| tag(behind)) {
        return Some(outer(host, told, program(told.0)));
    }
    // syslog says something of its own, or a program has a name of several words.
    const OWN: [&[u8]; 4] = [
        b"-- MARK --",
        b"last message repeated ",
        b"last message buffered ",
        b"syslogd ",
    ];
    let head = &behind[..behind.len().min(NAME_BYTES)];
    let is_own = OWN.iter().any(|own| behind.starts_with(own));
    let is_named = memchr::memmem::find(head, b": ").is_some();
    (is_own || is_named).then(|| outer(host, (b"", b"", behind), Program::Other))
}

/// What follows `mail.info ` or `mail:info `.
fn facility(rest: &[u8]) -> Option<&[u8]> {
    let (facility, behind) = word(rest)?;
    let is_letter = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let mut parts = facility.splitn(2, |b| matches!(b, b'.' | b':'));
    let [Some(name), Some(priority)] = [parts.next(), parts.next()] else {
        return None;
    };
    let is_told = !priority.is_empty() && [name, priority].iter().all(|p| p.iter().all(is_letter));
    is_told.then_some(behind)
}

#[cfg(test)]
mod tests {
    use super::super::outer::outer;
    use super::*;

    #[test]
    fn forms_that_few_write_say_the_same() {
        let clock = Clock {
            year: 2026,
            offset_s: -5 * 3600,
            ..Clock::default()
        };
        let end = "postfix/smtpd[305]: A: b";
        for (start, micros) in [
            ("2026-11-01T17:23:38-0500 mx1 ", 0),
            ("2026-11-01T17:23:38.250000-0500 mx1 ", 250_000),
            ("postfix-1  | Nov 01 17:23:38 mx1 ", 0),
            ("mail-1 | 2026-11-01T22:23:38.25Z mx1 ", 250_000),
            ("2026-11-01T22:23:38.25Z Nov  1 23:23:38 mx1 ", 250_000),
            (
                "m-1 | 2026-11-01T22:23:38.25Z Nov  1 23:23:38 mx1 ",
                250_000,
            ),
            ("Nov 01 17:23:38.250000 mx1 ", 250_000),
            ("Nov 01 2026 17:23:38 mx1 ", 0),
            ("Nov 01 17:23:38 2026 mx1 ", 0),
            ("2026 Nov 01 17:23:38 mx1 ", 0),
            ("Nov  1 17:23:38 <mail.info> mx1 ", 0),
            ("Nov  1 17:23:38 <2.6> mx1 ", 0),
            ("Nov  1 17:23:38 mx1 mail:info ", 0),
            ("Nov  1 17:23:38 mx1 mail.info ", 0),
            ("Nov  1 17:23:38 Message forwarded from mx1: ", 0),
            ("2026-11-01 17:23:38 mx1 ", 0),
            ("2026-11-01 17:23:38.250 mx1 ", 250_000),
            ("2026-11-01 23:23:38+01:00 mx1 ", 0),
            ("Sun 2026-11-01 17:23:38 EST mx1 ", 0),
            ("Sun 2026-11-01 22:23:38 UTC mx1 ", 0),
            ("1793571818.250000 mx1 ", 250_000),
        ] {
            let line = format!("{start}{end}");
            let found = outer(line.as_bytes(), &clock).expect(&line);
            let time = Time::from_civil(2026, 11, 1, 22, 23, 38, micros).unwrap();
            assert_eq!(found.time.rfc3339(), time.rfc3339(), "{line}");
            let told = (found.host, found.program, found.tag, found.body);
            let want = (&b"mx1"[..], Program::Postfix, &b"postfix/smtpd"[..]);
            assert_eq!(told, (want.0, want.1, want.2, &b"A: b"[..]), "{line}");
        }
        for (line, want) in [
            (
                "Nov  1 17:23:38 sm1 sendmail[7]: [ID 801593 mail.info] A: b",
                "A: b",
            ),
            (
                "1 2026-11-01T17:23:38-05:00 mx1 postfix/smtpd 281 - - \u{feff}A: b",
                "A: b",
            ),
        ] {
            let found = outer(line.as_bytes(), &clock).expect(line);
            assert_eq!(found.body, want.as_bytes(), "{line}");
        }
        for line in [
            "Nov  1 17:23:38 mx1 -- MARK --",
            "Nov  1 17:23:38 mx1 last message repeated 3 times",
            "Nov  1 17:23:38 mx1 syslogd 1.5.0#6: restart.",
            "Nov  1 17:23:38 mx1 Some Program[12]: x",
        ] {
            let found = outer(line.as_bytes(), &clock).expect(line);
            assert_eq!(found.program, Program::Other, "{line}");
        }
        for line in [
            "Nov  1 17:23:38 mx1 postf",
            "Nov 31 17:23:38 mx1 a: b",
            "a | b",
            "1 x",
        ] {
            assert!(outer(line.as_bytes(), &clock).is_none(), "{line}");
        }
    }
}
