//! Exchange 2007 to Subscription Edition: comma separated rows under a `#Fields:` line.
//!
//! Facts and their evidence: `formats/modern.md`. [`schema`] binds columns, [`events`] gives names their role,
//! [`parse`] finds rows, [`decode`] understands them, [`evidence`] tells what a row says about the log itself.

mod decode;
pub mod events;
mod evidence;
mod parse;
mod schema;

pub use decode::{event, is_mailbox_reply, log_id, message_id, record, settle};
pub use evidence::{arrived, edges, elsewhere, headers, queue_generation, stamped, told};
pub use parse::parse;
pub use schema::{Column, NAMES, Schema};

use super::{Detected, Layout};
use crate::scan;
use crate::time::{Time, parse_iso};

/// Lines looked at before a file without a header is given up.
const LINES_TRIED: usize = 20;

/// Whether a file begins as every log of Exchange 2007 and later does: no other format needs to be tried.
pub fn has_header(data: &[u8]) -> bool {
    let data = scan::without_mark(data);
    data.starts_with(b"#Software: Microsoft Exchange")
}

/// Tells a modern log by its header, or by rows with a time stamp and a number of columns that a layout has.
pub fn detect(data: &[u8]) -> Detected {
    // Before rows are counted by their columns: an export has as many as a log of 2013.
    if let Some(schema) = names(data) {
        return Detected::Log(Layout::Modern(schema));
    }
    let mut log_type = None;
    for line in lines(data).take(LINES_TRIED) {
        if let Some((name, value)) = header(line) {
            if name.eq_ignore_ascii_case(b"log-type") {
                log_type = Some(value);
            } else if name.eq_ignore_ascii_case(b"fields")
                && is_tracking_log(log_type)
                && let Some(schema) = Schema::from_fields(value)
            {
                return Detected::Log(Layout::Modern(schema));
            }
        } else if looks_like_row(line)
            && is_tracking_log(log_type)
            && let Some(schema) = Schema::from_width(scan::split(line, b',').len())
        {
            return Detected::Log(Layout::Modern(schema));
        }
    }
    Detected::Other(match log_type {
        Some(log_type) if !is_tracking_log(Some(log_type)) => {
            String::from_utf8_lossy(log_type).into_owned()
        }
        Some(_) => "a message tracking log without rows".to_string(),
        None if is_parted_otherwise(data) => {
            "a detailed export of Exchange Online whose columns are not parted by commas (export it without -UseCulture \
             and -Delimiter)"
                .to_string()
        }
        None => "not a message tracking log".to_string(),
    })
}

/// Whether the first line would name the columns of an export if commas stood between them.
fn is_parted_otherwise(data: &[u8]) -> bool {
    let first = lines(data).find(|line| !line.starts_with(b"#TYPE"));
    first.is_some_and(|first| {
        let commas = first
            .iter()
            .map(|b| if matches!(b, b';' | b'\t') { b',' } else { *b });
        names(&commas.collect::<Vec<u8>>()).is_some()
    })
}

/// The columns that the first line names, as exports of Exchange Online have it; `None` if it does not.
pub fn names(data: &[u8]) -> Option<Schema> {
    let first = lines(data).next()?;
    let is_names = !first.starts_with(b"#") && !looks_like_row(first) && first.contains(&b'_');
    is_names.then(|| Schema::from_fields(first)).flatten()
}

/// Other logs of an Exchange server share the header's style under another type.
fn is_tracking_log(log_type: Option<&[u8]>) -> bool {
    log_type.is_none_or(|name| name.eq_ignore_ascii_case(b"Message Tracking Log"))
}

/// Name and value of a `#Name: value` line.
fn header(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let line = scan::without_mark(line).strip_prefix(b"#")?;
    let colon = memchr::memchr(b':', line)?;
    Some((line[..colon].trim_ascii(), line[colon + 1..].trim_ascii()))
}

/// Lines without their line breaks, byte order mark taken off.
fn lines(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    let data = scan::without_mark(data);
    data.split(|&b| b == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
}

/// Whether a line begins as a row does: `2023-04-02T14:45:54`, perhaps behind a quote. This is where reading
/// goes on after damage.
pub fn looks_like_row(line: &[u8]) -> bool {
    let line = line.strip_prefix(b"\"").unwrap_or(line);
    let Some(stamp) = line.first_chunk::<19>() else {
        return false;
    };
    stamp
        .iter()
        .zip(b"dddd-dd-ddTdd:dd:dd")
        .all(|(byte, form)| match form {
            b'd' => byte.is_ascii_digit(),
            _ => byte == form,
        })
}

/// How long the names of a header are: a row stands behind them where the line break between the two is lost.
fn header_len(line: &[u8]) -> usize {
    let stamps = memchr::memchr_iter(b'-', line).filter_map(|dash| dash.checked_sub(4));
    let row = stamps.into_iter().find(|&at| looks_like_row(&line[at..]));
    row.unwrap_or(line.len())
}

/// The first byte at or behind `from` that begins a row or a header line.
pub fn next_record(data: &[u8], from: usize) -> usize {
    scan::next_line(data, from, begins_record)
}

/// The first byte of the row or header line that holds the byte `at`.
pub fn record_start(data: &[u8], at: usize) -> usize {
    scan::line_before(data, at, begins_record)
}

fn begins_record(rest: &[u8]) -> bool {
    looks_like_row(rest) || rest.starts_with(b"#")
}

/// Where the last whole row or header line at or behind `from` ends.
pub fn whole(data: &[u8], from: usize) -> usize {
    let Some(newline) = memchr::memrchr(b'\n', &data[from..]) else {
        return from;
    };
    let lines = &data[from..=from + newline];
    let start = record_start(lines, newline);
    let quotes = memchr::memchr_iter(b'"', &lines[start..]).count();
    let is_whole = quotes.is_multiple_of(2);
    from + if is_whole { lines.len() } else { start }
}

/// The schema in force behind a stretch, if its header lines bind another than `before`.
pub fn schema_behind(data: &[u8], before: &Schema) -> Option<Schema> {
    let mut behind = before.clone();
    for hash in memchr::memchr_iter(b'#', data) {
        let begins_line = hash == 0 || data[hash - 1] == b'\n' || data[..hash].ends_with(scan::BOM);
        if begins_line {
            let end = memchr::memchr(b'\n', &data[hash..]).map_or(data.len(), |n| hash + n);
            behind.follow(data[hash..end].trim_ascii_end());
        }
    }
    (behind != *before).then_some(behind)
}

impl Schema {
    /// Takes in a header line. Returns whether it is one that says how the rows behind it are to be read: that does not
    /// depend on what was in force before it.
    fn follow(&mut self, line: &[u8]) -> bool {
        let Some((name, value)) = header(line) else {
            return false;
        };
        if name.eq_ignore_ascii_case(b"log-type") {
            self.elsewhere = !is_tracking_log(Some(value));
            return true;
        }
        let is_fields = name.eq_ignore_ascii_case(b"fields");
        let Some(bound) = is_fields.then(|| Schema::from_fields(value)).flatten() else {
            return false;
        };
        if !self.elsewhere {
            *self = bound;
        }
        true
    }
}

/// The schema of a stretch whose header was not looked for: the one given, or where its first row has another
/// number of columns, the one known for that.
pub fn schema_by_rows(given: &Schema, data: &[u8]) -> Schema {
    let first = lines(data).find(|line| looks_like_row(line));
    let width = first.map_or(given.width, |line| scan::split(line, b',').len());
    let other = (width != given.width).then(|| Schema::from_width(width));
    other.flatten().unwrap_or_else(|| given.clone())
}

/// Time of the first row at or behind `from`, not looking further than 256 kB.
pub fn time_at(data: &[u8], from: usize) -> Option<Time> {
    let window = &data[from..data.len().min(from + (256 << 10))];
    lines(window)
        .find(|line| looks_like_row(line))
        .and_then(|line| {
            let line = line.strip_prefix(b"\"").unwrap_or(line);
            let end = line.iter().position(|&b| b == b',' || b == b'"')?;
            parse_iso(&line[..end])
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_told_by_content() {
        let header = "\u{feff}#Software: Microsoft Exchange Server\r\n#Version: 15.01\r\n#Log-type: Message \
                      Tracking Log\r\n#Date: 2026\r\n#Fields: date-time,event-id,message-id\r\n";
        assert!(matches!(detect(header.as_bytes()), Detected::Log(_)));
        let other = header.replace("Message Tracking Log", "SMTP Receive Protocol Log");
        assert_eq!(
            detect(other.as_bytes()),
            Detected::Other("SMTP Receive Protocol Log".into())
        );
        let row = format!("2026-03-02T09:00:00.000Z{}\n", ",".repeat(29));
        assert!(
            matches!(detect(row.as_bytes()), Detected::Log(Layout::Modern(s)) if s.width == 30 && s.guessed)
        );
        assert!(matches!(detect(b"{\"a\":1}\n"), Detected::Other(_)));
    }

    #[test]
    fn a_row_that_is_still_being_written_is_not_whole() {
        let row = "2026-03-02T09:00:00.000Z,\"a\n b\",c\r\n";
        let file = format!("#Fields: date-time,event-id\r\n{row}{row}");
        let ends: Vec<usize> = [29, 29 + row.len(), file.len()].into();
        for cut in 0..=file.len() {
            let until = ends.iter().rev().find(|end| **end <= cut);
            let want = until.copied().unwrap_or(0);
            assert_eq!(whole(&file.as_bytes()[..cut], 0), want, "cut at {cut}");
            if cut >= 29 {
                assert_eq!(whole(&file.as_bytes()[..cut], 29), want, "cut at {cut}");
            }
        }
        let schema = Schema::from_fields(b"event-id,x,date-time,message-id").unwrap();
        let Detected::Log(Layout::Modern(again)) = detect(&schema.header()) else {
            panic!("the header is not read back");
        };
        assert_eq!(again, schema);
    }

    #[test]
    fn records_begin_at_rows_and_headers_only() {
        let data = b"2026-03-02T09:00:00.000Z,a\nrest\n#Fields: x\n2026-03-02T09:00:01.000Z,b\n";
        let starts = [0, 32, 43];
        for from in 0..=data.len() {
            let want = starts
                .iter()
                .copied()
                .find(|&s| s >= from)
                .unwrap_or(data.len());
            assert_eq!(next_record(data, from), want, "from {from}");
        }
    }
}
