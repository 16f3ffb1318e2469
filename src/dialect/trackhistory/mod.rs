//! TrackHistory XML: what the Message Tracking Center of Exchange 2003 saves, and waybill's own `--format xml`.
//!
//! Facts and their evidence: `formats/legacy.md` section 3. Each `Exchange_MessageTrackingEntry` element is a record. A
//! file is cut where such elements begin, so that one of any size is read in pieces; a piece is never searched for
//! more than one element at a time. Every child is optional, values may be padded, and the count of recipients is not
//! believed. A document type declaration is refused: nothing here needs one, and entity bombs and external entities
//! cannot come without one. Records of other logs that waybill wrote are read as the lines they were ([`verbatim`]).

mod element;
mod parse;
mod verbatim;
mod walk;

pub use element::{entry, line_of, was};
pub use parse::parse;

use std::sync::Arc;

use encoding_rs::{Encoding, UTF_8};

use super::legacy::text::date_time;
use super::{Detected, Layout, Surroundings};
use crate::row::Row;
use crate::scan;
use crate::time::Time;

/// The name shown.
pub const NAME: &str = "trackhistory";

/// The root element and each record's element.
const ROOT: &[u8] = b"TrackHistory";
const ENTRY: &[u8] = b"Exchange_MessageTrackingEntry";

/// Entry, Recipients, Recipient, RecipientAddress: a track history has four levels.
const MAX_DEPTH: usize = 8;

/// The root element is looked for in this much of the beginning.
const PROLOG_BYTES: usize = 64 << 10;

/// What is known of a whole document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// As declared; UTF-16 was turned into UTF-8 when the file was opened.
    pub encoding: &'static Encoding,
    /// Whether there are records of Postfix, Exim, Sendmail or Exchange Online in it.
    pub leads_on: bool,
    /// Of records of other logs, their layout there; those of 2003 and before have none.
    pub of: Option<Arc<Layout>>,
}

/// Tells a document by its root element, or by a record's element where the root was cut off.
pub fn detect(data: &[u8]) -> Option<Detected> {
    let data = scan::without_mark(data).trim_ascii_start();
    if data.first() != Some(&b'<') {
        return None;
    }
    let head = &data[..data.len().min(PROLOG_BYTES)];
    let (root, has_doctype) = root(head)?;
    if has_doctype {
        let why = "a document type declaration is refused: it could pull in other files or grow without bound";
        return Some(Detected::Refused(format!("TrackHistory XML: {why}")));
    }
    let Some(encoding) = declared(&head[..root]) else {
        return Some(Detected::Refused(
            "TrackHistory XML: its encoding is not known".to_string(),
        ));
    };
    Some(Detected::Log(Layout::TrackHistory(Document {
        encoding,
        leads_on: verbatim::leads_on(data),
        of: None,
    })))
}

/// Where the root element begins, and whether a document type stands before it. `None`: the document is another one.
fn root(head: &[u8]) -> Option<(usize, bool)> {
    let mut at = 0;
    loop {
        at += memchr::memchr(b'<', &head[at..])?;
        let rest = &head[at..];
        let over = |end: &[u8]| memchr::memmem::find(rest, end).map(|n| n + end.len());
        if rest.starts_with(b"<?") {
            at += over(b"?>")?;
        } else if rest.starts_with(b"<!--") {
            at += over(b"-->")?;
        } else if rest.starts_with(b"<!") {
            // What follows is not read at all; it is enough that it is meant to be a track history.
            let meant =
                memchr::memmem::find(rest, ROOT).or_else(|| memchr::memmem::find(rest, ENTRY));
            return meant.map(|_| (at, true));
        } else {
            let end = rest
                .iter()
                .position(|b| b.is_ascii_whitespace() || b"/>".contains(b))?;
            let name = rest[1..end].rsplit(|&b| b == b':').next()?;
            return (name == ROOT || name == ENTRY).then_some((at, false));
        }
    }
}

/// The encoding that a declaration names; UTF-8 without one. `None`: one that nobody knows.
fn declared(prolog: &[u8]) -> Option<&'static Encoding> {
    if !prolog.starts_with(b"<?xml") {
        return Some(UTF_8);
    }
    let end = memchr::memmem::find(prolog, b"?>")?;
    let Some(at) = memchr::memmem::find(&prolog[..end], b"encoding") else {
        return Some(UTF_8);
    };
    let value = prolog[at + b"encoding".len()..end]
        .trim_ascii_start()
        .strip_prefix(b"=")?;
    let value = value.trim_ascii_start();
    let quote = *value.first().filter(|b| matches!(b, b'"' | b'\''))?;
    let label = value[1..].split(|&b| b == quote).next()?;
    let encoding = Encoding::for_label(label)?;
    // The bytes at hand are not UTF-16 any more, whatever the declaration says.
    Some(if encoding.is_ascii_compatible() {
        encoding
    } else {
        UTF_8
    })
}

/// [`super::fingerprint`]: the same row found in two files has two keys, and nothing else is different.
pub fn fingerprint<'d>(row: &Row, around: &Surroundings<'d>) -> &'d [u8] {
    let from = row.offset as usize;
    let bytes = &around.data[from..from + row.len as usize];
    match memchr::memmem::find(bytes, b"</KeyID>") {
        Some(at) => &bytes[at..],
        None => bytes,
    }
}

/// Where the tag of the next record's element begins, at or behind `from`.
fn start_of(data: &[u8], from: usize) -> Option<usize> {
    tags(data, from)
        .find(|(_, closes)| !closes)
        .map(|(at, _)| at)
}

/// Tags of record elements at or behind `from`: where they begin, and whether they are end tags.
fn tags(data: &[u8], from: usize) -> impl Iterator<Item = (usize, bool)> {
    memchr::memmem::find_iter(&data[from..], ENTRY).filter_map(move |name| {
        let before = &data[from..from + name];
        // `<Exchange_...`, `</Exchange_...`, or the same with a namespace prefix.
        let open = before
            .iter()
            .rposition(|b| !b.is_ascii_alphanumeric() && !b":_-./".contains(b))?;
        let mark = &before[open..];
        (mark[0] == b'<').then_some((from + open, mark.get(1) == Some(&b'/')))
    })
}

/// Where the record's element that begins at `at` ends: behind its end tag, or before the next element.
fn end_of(data: &[u8], at: usize) -> usize {
    let behind = at + 1;
    match tags(data, behind).find(|(tag, _)| *tag > at) {
        // An end tag that has lost its own end reaches to the next tag.
        Some((tag, true)) => match memchr::memchr2(b'<', b'>', &data[tag + 1..]) {
            Some(n) if data[tag + 1 + n] == b'>' => tag + 1 + n + 1,
            Some(n) => tag + 1 + n,
            None => data.len(),
        },
        Some((tag, false)) => tag,
        None => data.len(),
    }
}

/// The first byte at or behind `from` that begins a record's element.
pub fn next_record(data: &[u8], from: usize) -> usize {
    if from == 0 || from >= data.len() {
        return from.min(data.len());
    }
    start_of(data, from).unwrap_or(data.len())
}

/// Time of the first record at or behind `from`.
pub fn time_at(data: &[u8], from: usize) -> Option<Time> {
    let window = &data[from..data.len().min(from + (256 << 10))];
    let open = memchr::memmem::find(window, b"TimeLogged>")? + b"TimeLogged>".len();
    let end = memchr::memchr(b'<', &window[open..])?;
    date_time(&window[open..open + end])
}
