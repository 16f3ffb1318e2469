//! Dates, numbers and text as Exchange 4.0 to 2003 write them.
//!
//! In: fields. Out: instants (`2002.4.29 18:50:47`, `2003-8-12` and `0:58:14 GMT`; one or two digits), UTF-8 text.

use bstr::BStr;
use bumpalo::Bump;

use crate::time::Time;

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
    let count = rest
        .iter()
        .take(most)
        .take_while(|b| b.is_ascii_digit())
        .count();
    if count == 0 {
        return None;
    }
    let value = rest[..count]
        .iter()
        .fold(0, |n, b| n * 10 + u32::from(b - b'0'));
    *rest = &rest[count..];
    Some(value)
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
    if field == b"-" { b"" } else { field }
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
    fn other_code_pages_become_readable() {
        let arena = Bump::new();
        assert_eq!(readable(b"M\xfcller", &arena), "Müller");
        assert_eq!(readable("Müller".as_bytes(), &arena), "Müller");
    }
}
