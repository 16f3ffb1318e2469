//! JSON values written straight into a buffer.
//!
//! In: bytes from the logs, numbers, times. Out: valid JSON in UTF-8, in one pass and without a tree of values,
//! because machines read gigabytes of this. A byte that is no UTF-8 becomes the four characters `\xNN`, so that
//! a person can tell what stood there. Controls and characters that reorder a line become `\u` escapes:
//! the reader gets them back, and a terminal that shows the file stays as it is.

use std::io::Write;

use bstr::BStr;

use crate::time::{DAY, Time, civil_from_days};

/// A string in quotes.
pub fn string(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    escaped(out, text);
    out.push(b'"');
}

/// A string, or null where the log has nothing.
pub fn string_or_null(out: &mut Vec<u8>, text: &[u8]) {
    if text.is_empty() {
        out.extend_from_slice(b"null");
    } else {
        string(out, text);
    }
}

/// An address: lower case, or null.
pub fn address(out: &mut Vec<u8>, text: &[u8]) {
    let start = out.len();
    string_or_null(out, text);
    out[start..].make_ascii_lowercase();
}

/// A list of strings.
pub fn strings(out: &mut Vec<u8>, texts: &[&BStr]) {
    list(out, texts, |out, text| string(out, text));
}

/// A list of whatever `write` writes.
pub fn list<T>(out: &mut Vec<u8>, items: &[T], mut write: impl FnMut(&mut Vec<u8>, &T)) {
    out.push(b'[');
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        write(out, item);
    }
    out.push(b']');
}

/// A number, or null.
pub fn number<N: std::fmt::Display>(out: &mut Vec<u8>, number: Option<N>) {
    match number {
        Some(number) => write!(out, "{number}").expect("a Vec takes all bytes"),
        None => out.extend_from_slice(b"null"),
    }
}

/// A time in UTC with milliseconds, or null.
pub fn time(out: &mut Vec<u8>, time: Option<Time>) {
    let Some(time) = time else {
        return out.extend_from_slice(b"null");
    };
    out.push(b'"');
    bare_time(out, time);
    out.push(b'"');
}

/// `2026-03-01T09:14:02.123Z`; as [`Time::rfc3339`], without its string.
pub fn bare_time(out: &mut Vec<u8>, time: Time) {
    let (year, month, day) = civil_from_days(time.0.div_euclid(DAY));
    let Ok(year @ 0..=9999) = u32::try_from(year) else {
        return out.extend_from_slice(time.rfc3339().as_bytes());
    };
    let ms = (time.0.rem_euclid(DAY) / 1000) as u32;
    let (s, ms) = (ms / 1000, ms % 1000);
    let mut text = *b"yyyy-mm-ddThh:mm:ss.000Z";
    for (at, number) in [
        (0, year / 100),
        (2, year % 100),
        (5, month),
        (8, day),
        (11, s / 3600),
        (14, s / 60 % 60),
        (17, s % 60),
        (21, ms % 100),
    ] {
        text[at] = b'0' + (number / 10) as u8;
        text[at + 1] = b'0' + (number % 10) as u8;
    }
    text[20] = b'0' + (ms / 100) as u8;
    out.extend_from_slice(&text);
}

/// Plain runs are copied whole; what is left between them is escaped one character at a time.
fn escaped(out: &mut Vec<u8>, mut text: &[u8]) {
    loop {
        let plain = plain_run(text);
        out.extend_from_slice(&text[..plain]);
        text = &text[plain..];
        if text.is_empty() {
            return;
        }
        text = &text[escape_one(out, text)..];
    }
}

/// Length of the run of bytes that JSON takes as they are. Sixteen at a time, a width that the
/// compiler turns into vector instructions.
fn plain_run(text: &[u8]) -> usize {
    let blocks = text.chunks_exact(16);
    let plain = blocks
        .clone()
        .take_while(|block| !block.iter().fold(false, |any, b| any | special(*b)));
    let at = plain.count() * 16;
    let tail = text[at..].iter().position(|b| special(*b));
    tail.map_or(text.len(), |n| at + n)
}

/// Controls, quote, backslash, DEL and everything beyond ASCII.
#[inline]
fn special(b: u8) -> bool {
    b.wrapping_sub(0x20) >= 0x5f || b == b'"' || b == b'\\'
}

/// Writes the first character of `text`; its length in bytes.
fn escape_one(out: &mut Vec<u8>, text: &[u8]) -> usize {
    match text[0] {
        b @ (b'"' | b'\\') => out.extend_from_slice(&[b'\\', b]),
        b'\n' => out.extend_from_slice(b"\\n"),
        b'\r' => out.extend_from_slice(b"\\r"),
        b'\t' => out.extend_from_slice(b"\\t"),
        b @ (..0x20 | 0x7f) => code_unit(out, u16::from(b)),
        b if b < 0x80 => out.push(b),
        _ => return escape_wide(out, text),
    }
    1
}

/// The same for what lies beyond ASCII.
fn escape_wide(out: &mut Vec<u8>, text: &[u8]) -> usize {
    match bstr::decode_utf8(text) {
        (Some(c), length) => {
            if disturbs(c) {
                c.encode_utf16(&mut [0; 2])
                    .iter()
                    .for_each(|unit| code_unit(out, *unit));
            } else {
                out.extend_from_slice(&text[..length]);
            }
            length
        }
        (None, length) => {
            for byte in &text[..length] {
                write!(out, "\\\\x{byte:02x}").expect("a Vec takes all bytes");
            }
            length
        }
    }
}

fn code_unit(out: &mut Vec<u8>, unit: u16) {
    write!(out, "\\u{unit:04x}").expect("a Vec takes all bytes");
}

/// Control characters of Latin-1, line separators, and marks that reorder or hide text.
fn disturbs(c: char) -> bool {
    matches!(u32::from(c), 0x80..=0x9f | 0x61c | 0x200b..=0x200f | 0x2028..=0x202e
        | 0x2060..=0x206f | 0xfeff | 0xe0000..=0xe0fff)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::example::hostile_texts;
    use crate::output::testing::is_inert;

    fn written(text: &[u8]) -> String {
        let mut out = Vec::new();
        string(&mut out, text);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_reader_gets_back_what_was_logged() {
        for text in [
            "",
            "plain",
            "a \"quoted\" back\\slash",
            "tab\tline\r\nnul\0esc\u{1b}del\u{7f}",
            "Grüße, привет, 日本語 🎉",
            "turned \u{202e}round\u{2066} \u{9b} \u{2028} \u{e0041}",
            "exactly sixteen!",
            "exactly sixteen!\"and more of the same",
        ] {
            let json = written(text.as_bytes());
            assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
            assert!(is_inert(&json), "{json}");
        }
        for text in hostile_texts() {
            assert!(is_inert(&written(text)));
            serde_json::from_str::<String>(&written(text)).unwrap();
        }
    }

    #[test]
    fn bytes_that_are_no_text_stay_visible() {
        assert_eq!(written(b"a\xff\xc3b"), r#""a\\xff\\xc3b""#);
    }

    #[test]
    fn times_are_those_of_the_contract() {
        for micros in [
            0,
            1_772_356_442_123_456,
            -1,
            253_402_300_799_999_999,
            4_000_000_000_000_000_000,
        ] {
            let mut out = Vec::new();
            bare_time(&mut out, Time(micros));
            assert_eq!(String::from_utf8(out).unwrap(), Time(micros).rfc3339());
        }
    }
}
