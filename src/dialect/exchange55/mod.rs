//! Exchange 4.0, 5.0 and 5.5: `YYYYMMDD.log`, records of one header line and a line per recipient.
//!
//! Facts and their evidence: `formats/legacy.md` section 1. A record is a line of 13 tab separated fields, as many
//! recipient lines as the last field says, and an empty line. Logs were written over a network by a service that lost
//! records when it could not keep up, so each of these promises is found broken; what can be read is read.
//!
//! A record begins at any line that has the form of a header line and goes on to the next such line: that is what
//! lets a file be cut anywhere.

mod extent;
mod parse;

pub use parse::parse;

use bstr::{BStr, BString};
use bumpalo::Bump;

use super::legacy::line::is_blank;
use super::legacy::text::{date_time, first_line, lines, number};
use super::legacy::{self, Entry};
use super::{Detected, Layout, Surroundings};
use crate::address::any_byte;
use crate::address::x400::{is_store, server_of};
use crate::event::Event;
use crate::row::Row;
use crate::scan;
use crate::time::Time;

/// The name shown.
pub const NAME: &str = "exchange/5.5";

/// Fields of a header line.
pub const FIELDS: usize = 13;

/// Lines looked at before a file is taken for something else: it may begin inside a record.
const LINES_TRIED: usize = 20;
/// The file's own server is looked for in this much of it.
const SERVER_SOUGHT_BYTES: usize = 8 << 20;

/// Tells a log by a line of the right form near its beginning.
pub fn detect(data: &[u8]) -> Option<Detected> {
    let found = lines(data).take(LINES_TRIED).any(is_header);
    found.then_some(Detected::Log(Layout::Exchange55))
}

/// Whether a file begins with a record, and not inside one.
pub fn begins_record(data: &[u8]) -> bool {
    let data = scan::without_mark(data);
    lines(data).next().is_some_and(is_header)
}

/// The server that wrote a log: the one its own stores and connectors are on, else the folder's name
/// (`EX01/tracking.log/20020429.log`, `EX01/20020429.log`), which is only where somebody put the file.
pub fn server(data: &[u8], name: &str) -> BString {
    let sought = &data[..data.len().min(SERVER_SOUGHT_BYTES)];
    let told = lines(sought)
        .filter(|line| is_header(line))
        .find_map(|line| own_server(&fields(line)));
    if let Some(server) = told {
        return server.to_ascii_lowercase().into();
    }
    let folders = name.rsplit(['/', '\\']).skip(1);
    let folder = folders
        .map(str::to_ascii_lowercase)
        .find(|f| f != "tracking.log" && f != "exchsrvr");
    folder.unwrap_or_default().into()
}

/// The server a record itself names as its writer: that of its gateway, or of the store it tells of.
fn own_server<'d>(fields: &[&'d [u8]; FIELDS]) -> Option<&'d [u8]> {
    let (gateway, partner) = (fields[3], fields[4]);
    let partner = || match is_store(partner) && tells_of_partner(fields[1]) {
        true => server_of(partner),
        false => None,
    };
    server_of(gateway).or_else(partner)
}

/// Whether an event's partner is the store of the server that logs it.
fn tells_of_partner(event: &[u8]) -> bool {
    matches!(event, b"4" | b"9" | b"1000")
}

/// The leading fields of a line; what it does not have is empty.
fn fields(line: &[u8]) -> [&[u8]; FIELDS] {
    let mut fields: [&[u8]; FIELDS] = [b""; FIELDS];
    let mut from = 0;
    let mut tabs = memchr::memchr_iter(b'\t', line);
    for field in &mut fields {
        let to = tabs.next().unwrap_or(line.len());
        *field = &line[from.min(line.len())..to];
        from = to + 1;
    }
    fields
}

/// Whether a line has the form of a header line: 13 fields, the second a number, the third a time.
fn is_header(line: &[u8]) -> bool {
    // Recipient lines have one tab at most, so most lines end here.
    let mut tabs = memchr::memchr_iter(b'\t', line);
    let (Some(first), Some(second), Some(third)) = (tabs.next(), tabs.next(), tabs.next()) else {
        return false;
    };
    number(&line[first + 1..second]).is_some()
        && line.get(second + 1).is_some_and(u8::is_ascii_digit)
        && tabs.count() + 3 >= FIELDS - 1
        && date_time(&line[second + 1..third]).is_some()
}

/// The first byte at or behind `from` that begins a record.
pub fn next_record(data: &[u8], from: usize) -> usize {
    scan::next_line(data, from, begins_with_header)
}

fn begins_with_header(rest: &[u8]) -> bool {
    let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
    is_header(&rest[..end])
}

/// Where the last whole record at or behind `from` ends: one that has all lines that its header line says, or an empty one
/// behind them.
pub fn whole(data: &[u8], from: usize) -> usize {
    let Some(newline) = memchr::memrchr(b'\n', &data[from..]) else {
        return from;
    };
    let end = from + newline;
    let start = from + scan::line_before(&data[from..end], newline, begins_with_header);
    let mut record = lines(&data[start..end]);
    let count = record.next().and_then(|head| number(fields(head)[12]));
    let behind: Vec<&[u8]> = record.collect();
    let is_ended = behind.iter().any(|line| is_blank(line));
    match is_ended || behind.len() as u64 >= count.unwrap_or(0) {
        true => end + 1,
        false => start,
    }
}

/// Time of the first record at or behind `from`.
pub fn time_at(data: &[u8], from: usize) -> Option<Time> {
    let window = &data[from..data.len().min(from + (256 << 10))];
    let line = lines(window).find(|line| is_header(line))?;
    date_time(fields(line)[2])
}

/// What a record means.
pub fn event<'d>(row: &Row, around: &Surroundings<'d>) -> Event<'d> {
    let bytes = &around.data[row.offset as usize..][..row.len as usize];
    match row.fields {
        0 => legacy::event_of(&split_anew(row, bytes, around.arena), row, around),
        _ => legacy::event(&as_kept(row, bytes, around.arena), row, around),
    }
}

/// A record by its columns.
pub fn entry<'d>(row: &Row, bytes: &'d [u8], arena: &'d Bump) -> Entry<'d> {
    match row.fields {
        0 => split_anew(row, bytes, arena),
        _ => as_kept(row, bytes, arena),
    }
}

/// A record whose row knows where its fields end.
#[inline(always)]
fn as_kept<'d>(row: &Row, bytes: &'d [u8], arena: &'d Bump) -> Entry<'d> {
    let field = |at| BStr::new(row.field(bytes, at));
    of_fields(field, &bytes[first_line(row, bytes)..], arena)
}

/// A record whose row does not.
#[cold]
fn split_anew<'d>(row: &Row, bytes: &'d [u8], arena: &'d Bump) -> Entry<'d> {
    let (head, rest) = bytes.split_at(first_line(row, bytes));
    let split = fields(head.strip_suffix(b"\r").unwrap_or(head));
    of_fields(|at| BStr::new(split[at]), rest, arena)
}

/// A record of these fields; `behind` begins with the line break of its first line.
#[inline(always)]
fn of_fields<'d>(
    field: impl Fn(usize) -> &'d BStr,
    behind: &'d [u8],
    arena: &'d Bump,
) -> Entry<'d> {
    Entry {
        dialect: NAME,
        event: field(1),
        id: field(0),
        linked: field(5),
        about: field(11),
        gateway: field(3),
        partner: field(4),
        sender: field(6),
        priority: field(7),
        size_bytes: number(field(8)),
        seconds: field(9),
        cost: field(10),
        recipient_count: number(field(12)),
        recipients: recipients(behind.get(1..).unwrap_or_default(), arena),
        ..Entry::default()
    }
}

/// The recipient lines of a record; nearly all records have one, without a status.
#[inline]
fn recipients<'d>(rest: &'d [u8], arena: &'d Bump) -> legacy::entry::Recipients<'d> {
    let odd = |b: u8| (b == b'\n') | (b == b'\r') | (b == b'\t');
    if !rest.is_empty() && !rest[0].is_ascii_whitespace() && !any_byte(rest, odd) {
        return std::slice::from_ref(arena.alloc((rest, &b""[..])));
    }
    let named = lines(rest).filter(|line| !is_blank(line)).map(recipient);
    legacy::recipients(named, arena)
}

/// A recipient line: the name, and in records about reports a status behind a tab.
fn recipient(line: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memrchr(b'\t', line) {
        Some(tab) if number(line[tab + 1..].trim_ascii()).is_some() => {
            (&line[..tab], line[tab + 1..].trim_ascii())
        }
        Some(tab) if line[tab + 1..].trim_ascii().is_empty() => (&line[..tab], b""),
        _ => (line, b""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_whole_with_its_last_line() {
        let head =
            "c=us;a= ;p=x;l=EX1-020429120000Z-1\t4\t2002.4.29 12:0:0\t\tEX1\t\t\t0\t100\t0\t0\t\t2";
        let record = format!("{head}\r\nann\r\nbob\r\n\r\n");
        let all = record.repeat(2);
        let ends =
            |lines: usize| -> usize { all.split_inclusive('\n').take(lines).map(str::len).sum() };
        let one = record.len();
        for (lines, want) in [
            (1, 0),
            (2, 0),
            (3, ends(3)),
            (4, one),
            (5, one),
            (6, one),
            (7, ends(7)),
        ] {
            let until = ends(lines);
            assert_eq!(whole(&all.as_bytes()[..until], 0), want, "{lines} lines");
            // Half a line more is no line.
            assert_eq!(
                whole(&all.as_bytes()[..until + 1], 0),
                want,
                "{lines} lines and a byte"
            );
        }
        assert_eq!(whole(all.as_bytes(), one), 2 * one);
        assert_eq!(whole(&all.as_bytes()[..ends(6)], one), one);
        // Fewer recipients than were announced, as the empty line says.
        let fewer = format!("{head}\r\nann\r\n\r\n");
        assert_eq!(whole(fewer.as_bytes(), 0), fewer.len());
        assert_eq!(whole(b"", 0), 0);
    }
}
