//! What a row or file says about the log itself: for the audit of `check`.
//!
//! In: rows, bytes between rows, whole files. Out: log-ids and the time inside them, queue generations, hand-overs,
//! header lines, torn beginnings and ends. What follows from these is decided in [`crate::audit`].

use bstr::ByteSlice;

use super::decode::{Fields, log_id, number, reply};
use super::events::code;
use super::{Column, Schema, header, looks_like_row};
use crate::dialect::{Begins, Edges, Ends, HandedOver, Header, Stamp, Surroundings};
use crate::row::Row;
use crate::scan;
use crate::time::{DAY, Time, days_from_civil};

/// .NET counts 100 ns from the year 1.
const TICKS_PER_MICRO: i64 = 10;
/// A log-id with a time outside these years carries none: random digits give one inside them once in 1,600.
const YEARS: (i64, i64) = (2005, 2041);

/// The connector between servers of one organisation.
const INSIDE: &[u8] = b"Intra-Organization";

/// The time in a log-id: its last two groups, `hhhh-HHHHHHHHHHHH`, are (H << 16 | h) in .NET ticks
/// (`formats/modern.md` section 4).
pub fn stamped(row: &Row, schema: &Schema, around: &Surroundings<'_>) -> Option<Stamp> {
    let id = log_id(row, schema, around);
    if id.is_empty() {
        return None;
    }
    Some(ticks(id).map_or(Stamp::None, Stamp::At))
}

fn ticks(id: &[u8]) -> Option<Time> {
    if id.len() != 36 || id[23] != b'-' || id[18] != b'-' {
        return None;
    }
    let (low, high) = (hex(&id[19..23])?, hex(&id[24..])?);
    let ticks = i64::try_from(high << 16 | low).ok()?;
    let before_1970 = days_from_civil(1, 1, 1) * DAY;
    let time = ticks / TICKS_PER_MICRO + before_1970;
    let year = |year| days_from_civil(year, 1, 1) * DAY;
    (year(YEARS.0)..year(YEARS.1))
        .contains(&time)
        .then_some(Time(time))
}

#[inline]
fn hex(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0u64, |value, &digit| {
        let digit = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            b'A'..=b'F' => digit - b'A' + 10,
            _ => return None,
        };
        Some(value << 4 | u64::from(digit))
    })
}

/// The copy that the reply in a SEND row names.
pub fn handed_over<'d>(
    row: &Row,
    schema: &Schema,
    around: &Surroundings<'d>,
) -> Option<HandedOver<'d>> {
    if row.code != code::SEND {
        return None;
    }
    let fields = Fields::new(row, schema, around, false);
    let context = fields.get(Column::SourceContext);
    let (id, host) = reply(context, || fields.get(Column::ServerHostname))?;
    let inside = fields.get(Column::ConnectorId).starts_with(INSIDE);
    let named = number(id).is_some_and(|id| id > 0) && !host.is_empty();
    named.then_some(HandedOver { host, id, inside })
}

/// The high half of an internal id of 2013 and later; earlier ids are small counters.
pub fn queue_generation(row: &Row, schema: &Schema, around: &Surroundings<'_>) -> Option<u64> {
    if !schema.has_network_id() {
        return None;
    }
    let id = number(Fields::new(row, schema, around, false).get(Column::InternalMessageId))?;
    (id >> 32 > 0).then_some(id >> 32)
}

/// Header lines in the bytes between two rows.
pub fn headers(between: &[u8]) -> Vec<Header<'_>> {
    let mut found = Vec::new();
    let (mut at, mut line) = (0, 0);
    for text in between.split_inclusive(|&b| b == b'\n') {
        if let Some((name, value)) = header(text.trim_ascii_end()) {
            let (name, value) = (name.as_bstr(), value.as_bstr());
            found.push(Header {
                name,
                value,
                at,
                line,
            });
        }
        at += text.len();
        line += 1;
    }
    found
}

/// Whether a file begins and ends at a record border.
pub fn edges(schema: &Schema, data: &[u8]) -> Edges {
    let text = scan::without_mark(data);
    let begins = match text.trim_ascii_start() {
        [b'#', ..] => Begins::WithHeader,
        text if looks_like_row(text) => Begins::WithRow,
        _ => Begins::MidRow,
    };
    let last = memchr::memrchr(b'\n', text).map_or(0, |newline| newline + 1);
    let last = text[last..].trim_ascii_end();
    let ends = if last.is_empty() {
        Ends::WithLineBreak
    } else if looks_like_row(last)
        && scan::split(last, b',').len() >= schema.width
        && memchr::memchr_iter(b'"', last).count().is_multiple_of(2)
    {
        Ends::WithoutLineBreak
    } else {
        Ends::MidRow
    };
    Edges { begins, ends }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_ids_carry_the_time_of_their_row() {
        // The network-message-id of an Exchange Online record of 2021-03-23 10:00:09.3284899Z.
        let time = ticks(b"81945af2-1111-2222-ba23-08d8ede2715d").unwrap();
        assert_eq!(time.rfc3339(), "2021-03-23T10:00:09.328Z");
        assert_eq!(ticks(b"81945af2-1111-2222-ba23-ffd8ede2715d"), None);
        assert_eq!(ticks(b"81945af2-1111-2222-ba23-08d8ede2715g"), None);
        assert_eq!(ticks(b"short"), None);
    }

    #[test]
    fn edges_of_files() {
        let schema = Schema::from_width(21).unwrap();
        let row = format!("2026-03-02T09:00:00.000Z{}", ",".repeat(20));
        let of = |text: &str| {
            let edges = edges(&schema, text.as_bytes());
            (edges.begins, edges.ends)
        };
        let head = "\u{feff}#Fields: x\r\n";
        assert_eq!(
            of(&format!("{head}{row}\r\n")),
            (Begins::WithHeader, Ends::WithLineBreak)
        );
        assert_eq!(of(&row), (Begins::WithRow, Ends::WithoutLineBreak));
        assert_eq!(
            of(&format!("b,c,d\n{row}\n{}", &row[..30])),
            (Begins::MidRow, Ends::MidRow)
        );
    }

    #[test]
    fn headers_between_rows_have_their_line() {
        let found = headers(b"\n\xef\xbb\xbf#Version: 15\r\nbroken row\n#Fields: a,b");
        let names: Vec<_> = found.iter().map(|h| (h.name.to_string(), h.line)).collect();
        assert_eq!(names, [("Version".into(), 1), ("Fields".into(), 3)]);
    }
}
