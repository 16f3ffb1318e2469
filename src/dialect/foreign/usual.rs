//! Outer lines as nearly all systems write them.
//!
//! In: a line of a syslog file in any of its four forms, or of an Exim log. Out: [`Outer`]. Evidence for the forms:
//! `formats/foreign.md` sections 2.1, 3 and 4.

use super::clock::Clock;
use super::line::{Bare, Outer, Program, Stamp};
use crate::scan;
use crate::time::{SECOND, Time, parse_iso};

const MONTHS: &[u8; 36] = b"JanFebMarAprMayJunJulAugSepOctNovDec";

/// The forms that nearly all lines have.
#[inline]
pub(super) fn usual<'d>(line: &'d [u8], clock: &Clock, last: &mut Stamp<'d>) -> Option<Outer<'d>> {
    match *line.first()? {
        b'A'..=b'S' => traditional(line, clock, last),
        b'<' => {
            let end = memchr::memchr(b'>', line.get(..6)?)?;
            let rest = &line[end + 1..];
            match rest.first()? {
                b'1' if rest.get(1) == Some(&b' ') => rfc5424(&rest[2..]),
                b'0'..=b'9' => rfc3339(rest),
                _ => traditional(rest, clock, last),
            }
        }
        b'0'..=b'9' if line.get(10) == Some(&b'T') => rfc3339(line),
        b'0'..=b'9' => exim(line, clock, last),
        _ => None,
    }
}

/// `Nov 21 17:23:38 mx1 postfix/smtpd[305]: ...`; the day padded with a space or a zero.
#[inline]
fn traditional<'d>(line: &'d [u8], clock: &Clock, last: &mut Stamp<'d>) -> Option<Outer<'d>> {
    let text = line.get(..16)?;
    // Compared at a fixed length, which takes two registers and no call.
    if last.text.first_chunk::<16>() != text.first_chunk() {
        let (local, day) = local_time(text, clock)?;
        let day = Some(day);
        *last = Stamp { text, local, day };
    }
    let local = Time(last.local);
    let (host, rest) = word(&line[16..])?;
    let (tag, process, body) = tag(rest)?;
    Some(Outer {
        time: clock.utc(local.0),
        bare: Some(Bare {
            local: local.0,
            day: last.day,
        }),
        host,
        program: program(tag),
        tag,
        process,
        body,
    })
}

/// `Nov 21 17:23:38 `: as if it were UTC, and month and day.
pub(super) fn local_time(text: &[u8], clock: &Clock) -> Option<(i64, (u32, u32))> {
    if text[3] != b' ' || text[6] != b' ' || text[9] != b':' || text[15] != b' ' {
        return None;
    }
    let month = MONTHS.chunks_exact(3).position(|name| name == &text[..3])? as u32 + 1;
    let two = |at: usize| {
        let tens = match text[at] {
            b' ' => 0,
            digit => u32::from(digit.wrapping_sub(b'0')),
        };
        tens * 10 + u32::from(text[at + 1].wrapping_sub(b'0'))
    };
    let year = i64::from(clock.year);
    // Until the year is known, a leap day is as good as the day before it.
    let day = two(4);
    let civil = |day| Time::from_civil(year, month, day, two(7), two(10), two(13), 0);
    let local = civil(day).or_else(|| (month == 2 && day == 29).then(|| civil(28)).flatten())?;
    Some((local.0, (month, day)))
}

/// `2026-11-21T12:23:38.354352-05:00 mx2 postfix/qmgr[304]: ...`
fn rfc3339(line: &[u8]) -> Option<Outer<'_>> {
    let (time, rest) = zoned(line)?;
    let (host, rest) = word(rest)?;
    let (tag, process, body) = tag(rest)?;
    Some(Outer {
        time,
        bare: None,
        host,
        program: program(tag),
        tag,
        process,
        body,
    })
}

/// Behind `<22>1 `: `2026-11-01T01:59:38.6-04:00 mx2 postfix 281 - -  QID: ...`. The tag is cut at its first `/`.
pub(super) fn rfc5424(line: &[u8]) -> Option<Outer<'_>> {
    let (time, rest) = zoned(line)?;
    let (host, rest) = word(rest)?;
    let (tag, rest) = word(rest)?;
    let (process, rest) = word(rest)?;
    let (_id, rest) = word(rest)?;
    let body = match rest.first()? {
        b'-' => &rest[1..],
        b'[' => &rest[memchr::memmem::find(rest, b"] ")? + 1..],
        _ => return None,
    };
    let body = body.trim_ascii_start();
    Some(Outer {
        time,
        bare: None,
        host,
        program: program(tag),
        tag,
        process,
        body: scan::without_mark(body),
    })
}

/// `YYYY-MM-DD HH:MM:SS[.mmm] [+zzzz ][[pid] ]...`
fn exim<'d>(line: &'d [u8], clock: &Clock, last: &mut Stamp<'d>) -> Option<Outer<'d>> {
    if line.get(4) != Some(&b'-') || line.get(10) != Some(&b' ') {
        return None;
    }
    let rest = line.get(19..)?;
    let digits = match rest.first()? {
        b'.' => 1 + rest[1..].iter().take_while(|b| b.is_ascii_digit()).count(),
        b' ' => 0,
        _ => return None,
    };
    let text = &line[..19 + digits];
    if !is_same(text, last.text) {
        let (local, day) = (parse_iso(text)?.0, None);
        *last = Stamp { text, local, day };
    }
    let local = Time(last.local);
    let mut body = rest[digits..].strip_prefix(b" ")?;
    let mut zone = None;
    if let (Some(b'+' | b'-'), Some(b' ')) = (body.first(), body.get(5)) {
        zone = offset(&body[..5]);
        if zone.is_some() {
            body = &body[6..];
        }
    }
    let mut process = &b""[..];
    if body.first() == Some(&b'[') {
        let end = memchr::memchr(b']', body)?;
        if body[1..end].iter().all(u8::is_ascii_digit) {
            process = &body[1..end];
            body = body[end + 1..].strip_prefix(b" ")?;
        }
    }
    if !has_id(body) && is_syslog(body) {
        return None;
    }
    let (time, bare) = match zone {
        Some(seconds) => (Time(local.0 - seconds * SECOND), None),
        None => (
            clock.utc(local.0),
            Some(Bare {
                local: local.0,
                day: None,
            }),
        ),
    };
    Some(Outer {
        time,
        bare,
        host: b"",
        program: Program::Exim,
        tag: b"exim",
        process,
        body,
    })
}

/// Whether an id of Exim's stands here, of 16 or 23 characters, as in nearly all of its lines.
#[inline]
fn has_id(body: &[u8]) -> bool {
    body.get(6) == Some(&b'-') && (body.get(13) == Some(&b'-') || body.get(18) == Some(&b'-'))
}

/// Whether host and tag stand here: some templates of syslog begin as Exim's own lines do.
#[cold]
fn is_syslog(body: &[u8]) -> bool {
    let told = word(body).and_then(|(_, rest)| tag(rest));
    told.is_some_and(|(tag, ..)| matches!(program(tag), Program::Postfix | Program::Sendmail))
}

/// Whether two stamps of at least 19 bytes are the same; nearly always they are, and of one length.
#[inline]
fn is_same(text: &[u8], last: &[u8]) -> bool {
    let ends = |text: &[u8]| Some((*text.first_chunk::<16>()?, *text.last_chunk::<8>()?));
    text.len() == last.len() && ends(text) == ends(last) && (text.len() <= 24 || text == last)
}

/// A stamp with its zone, and what follows the blank behind it.
pub(super) fn zoned(line: &[u8]) -> Option<(Time, &[u8])> {
    let end = memchr::memchr(b' ', line.get(..40.min(line.len()))?)?;
    let (stamp, rest) = (&line[..end], &line[end + 1..]);
    if let Some(utc) = stamp.strip_suffix(b"Z") {
        return Some((parse_iso(utc)?, rest));
    }
    let sign = stamp.iter().rposition(|b| matches!(b, b'+' | b'-'))?;
    let seconds = offset(&stamp[sign..])?;
    let local = parse_iso(&stamp[..sign])?;
    Some((Time(local.0 - seconds * SECOND), rest))
}

/// `+01:00` or `+0100` in seconds east.
pub fn offset(text: &[u8]) -> Option<i64> {
    let sign = match text.first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let digit = |at: usize| {
        let digit = text.get(at)?.wrapping_sub(b'0');
        (digit < 10).then_some(i64::from(digit))
    };
    let minutes_at = if text.get(3) == Some(&b':') { 4 } else { 3 };
    if text.len() != minutes_at + 2 {
        return None;
    }
    let hours = digit(1)? * 10 + digit(2)?;
    let minutes = digit(minutes_at)? * 10 + digit(minutes_at + 1)?;
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

/// The first word and what follows its blank.
#[inline]
pub(super) fn word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr::memchr(b' ', text)?;
    (end > 0).then(|| (&text[..end], &text[end + 1..]))
}

/// `name[pid]: ` or `name: `: name, process id, and what follows.
#[inline]
pub(super) fn tag(text: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let head = &text[..text.len().min(65)];
    let end =
        memchr::memchr3(b'[', b':', b' ', head).filter(|&end| end > 0 && head[end] != b' ')?;
    let colon = match text[end] {
        b'[' => {
            // As far as 32 bytes at once: shorter texts are looked at one by one.
            let rest = &text[end..(end + 33).min(text.len())];
            end + memchr::memchr(b':', rest).filter(|&colon| colon < 16)?
        }
        // A facility: `mail:info postfix/smtpd[305]: `.
        _ if text[end..].starts_with(b":info ") => return None,
        _ => end,
    };
    let process = &text[(end + 1).min(colon)..colon];
    let process = process.strip_suffix(b"]").unwrap_or(process);
    let body = &text[colon + 1..];
    let body = body.strip_prefix(b" ").unwrap_or(body);
    Some((&text[..end], process, numberless(body)))
}

/// The body behind the number that Solaris gives each message: `[ID 197553 mail.info] ` (syslogd(1M)).
#[inline]
fn numberless(body: &[u8]) -> &[u8] {
    if body.first() != Some(&b'[') || !body.starts_with(b"[ID ") {
        return body;
    }
    let end = memchr::memmem::find(&body[..body.len().min(48)], b"] ");
    end.map_or(body, |end| &body[end + 2..])
}

/// The program by its tag. Postfix instances have names of their own (`postfix-out/smtp`): the last part decides.
#[inline]
pub(super) fn program(tag: &[u8]) -> Program {
    // Most lines are of this one.
    if tag.starts_with(b"postfix/") {
        return Program::Postfix;
    }
    match memchr::memrchr(b'/', tag) {
        Some(slash) => match is_daemon(&tag[slash + 1..]) || tag.starts_with(b"postfix") {
            true => Program::Postfix,
            false => Program::Other,
        },
        None => match tag {
            // MailScanner works in Postfix's queues.
            b"postfix" | b"MailScanner" => Program::Postfix,
            b"sendmail" | b"sm-mta" | b"sm-msp-queue" | b"sm-que" | b"sm-msp" => Program::Sendmail,
            b"exim" | b"exim4" => Program::Exim,
            // Units and instances: `postfix@-.service`, `exim-in`.
            _ if tag.starts_with(b"postfix@") => Program::Postfix,
            _ if tag.starts_with(b"exim-") => Program::Exim,
            _ => Program::Other,
        },
    }
}

/// Looked at for every line, so not looked up in [`DAEMONS`](super::events::DAEMONS), which says what each is for; the
/// tests hold the two against each other.
fn is_daemon(name: &[u8]) -> bool {
    matches!(
        name,
        b"smtpd"
            | b"pickup"
            | b"cleanup"
            | b"qmgr"
            | b"nqmgr"
            | b"smtp"
            | b"lmtp"
            | b"local"
            | b"virtual"
            | b"pipe"
            | b"error"
            | b"retry"
            | b"discard"
            | b"bounce"
            | b"postsuper"
            | b"postscreen"
    )
}

#[cfg(test)]
mod tests {
    use super::super::outer::outer;
    use super::*;
    use crate::dialect::foreign::events::DAEMONS;

    fn clock() -> Clock {
        Clock {
            year: 2026,
            offset_s: -5 * 3600,
            ..Clock::default()
        }
    }

    fn read(line: &str) -> (String, String, Program, String) {
        let outer = outer(line.as_bytes(), &clock()).expect(line);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (
            outer.time.rfc3339(),
            text(outer.host),
            outer.program,
            text(outer.body),
        )
    }

    #[test]
    fn every_daemon_that_is_explained_is_known_and_the_other_way_round() {
        // Lines about addresses that were only asked about are no mail, whatever an instance is called.
        let mail = || DAEMONS.iter().filter(|(name, _)| *name != "verify");
        assert!(mail().all(|(name, _)| is_daemon(name.as_bytes())));
        assert_eq!(mail().count(), 16, "as many as `is_daemon` has");
    }

    #[test]
    fn every_form_gives_time_host_program_and_body() {
        let told = |time: &str, host: &str, program, body: &str| {
            (
                time.to_string(),
                host.to_string(),
                program,
                body.to_string(),
            )
        };
        for line in [
            "Nov  1 17:23:38 mx1 postfix/smtpd[305]: A: b",
            "Nov 01 17:23:38 mx1 postfix-out/relay/smtp[305]: A: b",
            "<22>Nov 01 17:23:38 mx1 postfix: A: b",
            "2026-11-01T17:23:38-05:00 mx1 postfix/qmgr[304]: A: b",
            "2026-11-01T22:23:38Z mx1 postfix/qmgr[304]: A: b",
            "<22>1 2026-11-01T17:23:38.0-05:00 mx1 postfix 281 - -  A: b",
            "<22>1 2026-11-01T17:23:38-05:00 mx1 postfix 281 - [a b=\"c\"] A: b",
        ] {
            let expected = told("2026-11-01T22:23:38.000Z", "mx1", Program::Postfix, "A: b");
            assert_eq!(read(line), expected, "{line}");
        }
        for (line, time) in [
            ("2026-11-01 17:23:38 A <= b", "22:23:38.000"),
            ("2026-11-01 17:23:38.123 [7] A <= b", "22:23:38.123"),
            ("2026-11-01 17:23:38 +0100 [7] A <= b", "16:23:38.000"),
        ] {
            let time = format!("2026-11-01T{time}Z");
            assert_eq!(
                read(line),
                told(&time, "", Program::Exim, "A <= b"),
                "{line}"
            );
        }
        for (line, program) in [
            ("Nov  1 17:23:38 h sm-mta[5]: x", Program::Sendmail),
            ("Nov  1 17:23:38 h exim[5]: x", Program::Exim),
            ("Nov  1 17:23:38 h CRON[5]: x", Program::Other),
            ("Nov  1 17:23:38 h dovecot/lmtp[5]: x", Program::Other),
        ] {
            let found = outer(line.as_bytes(), &clock()).unwrap().program;
            if line.contains("dovecot") {
                // A daemon's name alone is enough: instances may be called anything.
                assert_eq!(found, Program::Postfix);
            } else {
                assert_eq!(found, program, "{line}");
            }
        }
        for line in [
            "",
            "Nov",
            "Nov 01 17:23:38",
            "Foo 01 17:23:38 h t: b",
            "2026-11-01",
            "<22>",
        ] {
            assert!(outer(line.as_bytes(), &clock()).is_none(), "{line}");
        }
    }
}
