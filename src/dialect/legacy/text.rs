//! Dates, numbers and text as Exchange 4.0 to 2003 write them.
//!
//! In: fields. Out: instants (`2002.4.29 18:50:47`, `2003-8-12` and `0:58:14 GMT`; one or two digits), UTF-8 text.

use bstr::BStr;
use bumpalo::Bump;

use super::line::same;
use crate::row::Row;
use crate::time::{SECOND, Time};

/// Reads the times of rows one after the other: most are of the same day as the one before, whose date is understood
/// once.
#[derive(Default)]
pub struct Clock<'p> {
    day: &'p [u8],
    /// The instant that `day` begins.
    midnight: i64,
}

impl<'p> Clock<'p> {
    /// [`date_and_time`].
    #[inline]
    pub fn read(&mut self, day: &'p [u8], time: &[u8]) -> Option<Time> {
        if !same(day, self.day) || day.is_empty() {
            let mut rest = day.trim_ascii();
            let (y, mo, d) = date(&mut rest)?;
            let midnight = Time::from_civil(i64::from(y), mo, d, 0, 0, 0, 0)?;
            if !rest.is_empty() {
                return None;
            }
            (self.day, self.midnight) = (day, midnight.0);
        }
        let (h, mi, s) = clock(time.trim_ascii())?;
        let seconds = i64::from(h * 3600 + mi * 60 + s);
        (h < 24 && mi < 60 && s <= 60).then_some(Time(self.midnight + seconds * SECOND))
    }

    /// [`date_time`].
    #[inline]
    pub fn read_one(&mut self, text: &'p [u8]) -> Option<Time> {
        if let Some((day, [b' ', time @ ..])) = text.split_at_checked(self.day.len())
            && same(day, self.day)
            && !day.is_empty()
            && let Some(seconds) = plain_clock(time)
        {
            return Some(Time(self.midnight + i64::from(seconds) * SECOND));
        }
        match text.iter().take(11).position(|&b| b == b' ') {
            Some(blank @ 8..) => self.read(&text[..blank], &text[blank + 1..]),
            _ => date_time(text),
        }
    }
}

/// Reads `2002.4.29 18:50:47`, `2003-8-12 0:58:14 GMT` and the same with padding; blanks around it do not count.
pub fn date_time(text: &[u8]) -> Option<Time> {
    let mut rest = text.trim_ascii();
    let (y, mo, d) = date(&mut rest)?;
    rest = rest
        .strip_prefix(b" ")
        .or_else(|| rest.strip_prefix(b"T"))?
        .trim_ascii_start();
    let (h, mi, s) = clock(rest)?;
    Time::from_civil(i64::from(y), mo, d, h, mi, s, 0)
}

/// Reads a date and a time of day that stand in two columns.
pub fn date_and_time(day: &[u8], time: &[u8]) -> Option<Time> {
    let mut rest = day.trim_ascii();
    let (y, mo, d) = date(&mut rest)?;
    let (h, mi, s) = clock(time.trim_ascii())?;
    rest.is_empty()
        .then(|| Time::from_civil(i64::from(y), mo, d, h, mi, s, 0))?
}

#[inline]
fn date(rest: &mut &[u8]) -> Option<(u32, u32, u32)> {
    let y = digits(rest, 4)?;
    let mark = *rest.first().filter(|b| matches!(b, b'.' | b'-' | b'/'))?;
    *rest = &rest[1..];
    let mo = digits(rest, 2)?;
    *rest = rest.strip_prefix(&[mark])?;
    let d = digits(rest, 2)?;
    (y >= 1000).then_some((y, mo, d))
}

/// Seconds since midnight of `18:50:7`, one or two digits each; `None` for any other form.
#[inline]
fn plain_clock(text: &[u8]) -> Option<u32> {
    let (mut parts, mut part, mut digits) = ([0; 3], 0, 0);
    for byte in text {
        match byte.wrapping_sub(b'0') {
            digit @ 0..10 if digits < 2 => {
                parts[part] = parts[part] * 10 + u32::from(digit);
                digits += 1;
            }
            10 if digits > 0 && part < 2 => (part, digits) = (part + 1, 0), // ':'
            _ => return None,
        }
    }
    let [h, mi, s] = parts;
    (part == 2 && digits > 0 && h < 24 && mi < 60 && s <= 60).then_some(h * 3600 + mi * 60 + s)
}

#[inline]
fn clock(mut rest: &[u8]) -> Option<(u32, u32, u32)> {
    let h = digits(&mut rest, 2)?;
    rest = rest.strip_prefix(b":")?;
    let mi = digits(&mut rest, 2)?;
    rest = rest.strip_prefix(b":")?;
    let s = digits(&mut rest, 2)?;
    matches!(rest.trim_ascii_start(), b"" | b"GMT" | b"UTC" | b"Z").then_some((h, mi, s))
}

/// Up to `most` digits, at least one.
#[inline]
fn digits(rest: &mut &[u8], most: usize) -> Option<u32> {
    let (mut value, mut count) = (0, 0);
    while let Some(digit) = rest.get(count).map(|b| b.wrapping_sub(b'0'))
        && digit < 10
        && count < most
    {
        value = value * 10 + u32::from(digit);
        count += 1;
    }
    *rest = &rest[count..];
    (count > 0).then_some(value)
}

/// Lines without their line breaks.
pub fn lines(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(data);
    std::iter::from_fn(move || {
        let data = rest?;
        let end = memchr::memchr(b'\n', data);
        rest = end.map(|end| &data[end + 1..]);
        let line = &data[..end.unwrap_or(data.len())];
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    })
}

/// Length of a record's first line: that of its last field, unless there are more than the row knows.
#[inline]
pub fn first_line(row: &Row, bytes: &[u8]) -> usize {
    let at = row.last_end();
    match bytes.get(at) {
        None | Some(b'\n') if at > 0 => at,
        _ => memchr::memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |n| at + n),
    }
}

/// Digits as a number; `None` for anything else.
#[inline]
pub fn number(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 19 {
        return None;
    }
    text.iter().try_fold(0, |n, b| {
        b.is_ascii_digit().then(|| n * 10 + u64::from(b - b'0'))
    })
}

/// A field without its blank marker.
#[inline]
pub fn filled(field: &[u8]) -> &[u8] {
    match field {
        [b'-'] => b"",
        field => field,
    }
}

/// Text as UTF-8. The logs were written in the server's ANSI code page, of which they say nothing: what is not UTF-8
/// is taken for Windows-1252.
#[inline]
pub fn readable<'d>(text: &'d [u8], arena: &'d Bump) -> &'d BStr {
    if text.is_ascii() || std::str::from_utf8(text).is_ok() {
        return BStr::new(text);
    }
    let (decoded, _, _) = encoding_rs::WINDOWS_1252.decode(text);
    BStr::new(arena.alloc_slice_copy(decoded.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_come_with_one_or_two_digits() {
        let shown = |text: &str| date_time(text.as_bytes()).map(Time::rfc3339);
        let want = Some("1996-07-01T18:32:09.000Z".to_string());
        for text in [
            "1996.7.1 18:32:9",
            "1996-7-1 18:32:9 GMT",
            " 1996-07-01 18:32:09\n",
            "1996/7/1 18:32:9",
        ] {
            assert_eq!(shown(text), want, "{text}");
        }
        for text in [
            "",
            "1996.7.1",
            "1996.7-1 1:2:3",
            "1996.13.1 1:2:3",
            "96.7.1 1:2:3",
            "1996.7.1 1:2:3 CET",
        ] {
            assert_eq!(shown(text), None, "{text}");
        }
        let time = date_and_time(b"2003-8-12", b"0:58:14 GMT").unwrap();
        assert_eq!(time.rfc3339(), "2003-08-12T00:58:14.000Z");
        assert_eq!(date_and_time(b"2003-8-12 x", b"0:58:14"), None);
    }

    #[test]
    fn the_clock_reads_what_the_single_readers_read() {
        let mut clock = Clock::default();
        for text in [
            "1996.7.1 18:32:9",
            "1996.7.1 8:2:9",
            "1996.7.1 24:0:0",
            "1996.7.1 8:60:0",
            "1996.7.1  8:2:9",
            "1996.7.31 8:2:9 GMT",
            "1996.7.32 8:2:9",
            "1996.7.31 8:2:9 CET",
            " 1996.7.31 8:2:9",
            "1996-07-31T08:02:09",
            "",
            " ",
        ] {
            assert_eq!(
                clock.read_one(text.as_bytes()),
                date_time(text.as_bytes()),
                "{text}"
            );
        }
        for (day, time) in [
            ("2003-8-12", "0:58:14 GMT"),
            ("2003-8-12", "x"),
            ("2003-8-12 x", "0:58:14"),
        ] {
            let (day, time) = (day.as_bytes(), time.as_bytes());
            assert_eq!(clock.read(day, time), date_and_time(day, time));
        }
    }

    #[test]
    fn other_code_pages_become_readable() {
        let arena = Bump::new();
        assert_eq!(readable(b"M\xfcller", &arena), "Müller");
        assert_eq!(readable("Müller".as_bytes(), &arena), "Müller");
    }
}
