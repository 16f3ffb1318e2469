//! Records of Exchange 2007 and later in a track history: read as the rows they were.
//!
//! In: a record's elements, and the processing instruction in which waybill keeps the columns that have no element
//! (`<?waybill {"connector-id":"..."}?>`). Out: the row, in the columns of its time, for the dialect of that time to
//! understand: what a row means is said once. Without the instruction a record is taken for one of 2003.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use bstr::BStr;

use super::{Document, entry};
use crate::address::List;
use crate::dialect::legacy::Entry;
use crate::dialect::legacy::finder::Newer;
use crate::dialect::modern::{self, NAMES, Schema, events};
use crate::dialect::{Slice, Surroundings};
use crate::keys::Keys;
use crate::row::Row;

/// The name of the instruction.
pub const TARGET: &[u8] = b"waybill ";

/// What the instruction says: columns by name, and under `dialect` the log they stood in.
type Rest = BTreeMap<String, String>;

/// The instruction's values; `None` if it is not waybill's or was damaged.
fn rest(entry: &Entry<'_>) -> Option<Rest> {
    serde_json::from_slice(entry.rest).ok()
}

/// Columns of 2013 and later, and those of before.
static COLUMNS: [LazyLock<Schema>; 2] = [
    LazyLock::new(|| columns(false)),
    LazyLock::new(|| columns(true)),
];

fn columns(has_network_id: bool) -> Schema {
    let all = NAMES
        .iter()
        .filter(|name| has_network_id || **name != "network-message-id");
    let names: Vec<&str> = all.copied().collect();
    Schema::from_fields(names.join(",").as_bytes()).expect("time and event are named")
}

/// Whether rows of this log have a network-message-id.
fn has_network_id(rest: &Rest) -> bool {
    let dialect = rest.get("dialect").map_or("", String::as_str);
    !matches!(dialect, "modern/21" | "modern/26" | "modern/2007+")
}

/// Whether a record is of 2007 or later, and then whether of a log with network-message-ids.
pub fn of(entry: &Entry<'_>) -> Option<bool> {
    match entry.rest.is_empty() {
        true => None,
        false => rest(entry).map(|rest| has_network_id(&rest)),
    }
}

/// The row that a record was.
fn text(entry: &Entry<'_>, rest: &Rest) -> (Vec<u8>, &'static Schema) {
    let schema = &COLUMNS[usize::from(has_network_id(rest))];
    let arena = bumpalo::Bump::new();
    let mut row = Vec::with_capacity(512);
    for name in NAMES {
        if name == "network-message-id" && !schema.has_network_id() {
            continue;
        }
        if !row.is_empty() {
            row.push(b',');
        }
        let value = match rest.get(name) {
            Some(value) => Cow::Borrowed(value.as_bytes()),
            None => element(entry, name, &arena),
        };
        quoted(&mut row, &value);
    }
    row.push(b'\n');
    (row, schema)
}

/// The value of the element that stands for a column.
fn element<'e>(entry: &Entry<'e>, column: &str, arena: &'e bumpalo::Bump) -> Cow<'e, [u8]> {
    let number = |number: Option<u64>| number.map(|n| n.to_string().into_bytes());
    let text: &'e BStr = match column {
        "client-ip" => entry.client_ip,
        "client-hostname" => entry.client_host,
        "server-ip" => entry.server_ip,
        "message-id" => entry.id,
        "network-message-id" => entry.linked,
        "recipient-address" => {
            let addresses = entry.recipients.iter().map(|(address, _)| *address);
            BStr::new(List::of(addresses, arena).0)
        }
        "total-bytes" => return Cow::Owned(number(entry.size_bytes).unwrap_or_default()),
        "recipient-count" => return Cow::Owned(number(entry.recipient_count).unwrap_or_default()),
        "related-recipient-address" => entry.list,
        "reference" => entry.about,
        "message-subject" => entry.subject,
        "sender-address" => entry.sender,
        "schema-version" => entry.version,
        _ => BStr::new(b""),
    };
    Cow::Borrowed(text)
}

fn quoted(row: &mut Vec<u8>, value: &[u8]) {
    if !value
        .iter()
        .any(|b| matches!(b, b',' | b'"' | b'\r' | b'\n'))
    {
        return row.extend_from_slice(value);
    }
    row.push(b'"');
    for &byte in value {
        row.extend_from_slice(if byte == b'"' {
            b"\"\""
        } else {
            std::slice::from_ref(&byte)
        });
    }
    row.push(b'"');
}

/// What a record's own log would have told of it; `None` if that could not be read.
pub fn found(entry: &Entry<'_>, slice: Slice<'_>, keys: &Keys) -> Option<Newer> {
    let rest = rest(entry)?;
    let (text, schema) = text(entry, &rest);
    let beside = Slice {
        data: &text,
        // Not the beginning of a file, where a line may name the columns.
        start: u64::from(u32::MAX),
        ends_file: false,
        keep_loose: true,
        ..slice
    };
    let read = modern::parse(beside, schema, keys, true);
    let row = *read.shards.iter().flatten().chain(&read.loose).next()?;
    let value = |name: &str| rest.get(name).cloned().unwrap_or_default();
    let (source, event) = (value("source"), value("event-id"));
    let source_code = events::source_code(source.as_bytes());
    Some(Newer {
        row,
        service: events::service(row.code, source_code, schema.has_network_id()),
        logged_by: read.seen.names().next().unwrap_or_default().to_owned(),
        server: read.seen.name(row.server).to_owned(),
        source,
        event,
    })
}

/// A row of 2007 or later, and what its dialect needs to understand it.
pub struct Was<'d> {
    pub row: Row,
    pub schema: &'static Schema,
    pub around: Surroundings<'d>,
}

/// The row that the record at `row` was.
pub fn was<'d>(row: &Row, document: &Document, around: &Surroundings<'d>) -> Was<'d> {
    let from = row.offset as usize;
    let bytes = &around.data[from..from + row.len as usize];
    let entry = entry(bytes, document, around.arena);
    let (text, schema) = text(&entry, &rest(&entry).unwrap_or_default());
    let data = around.arena.alloc_slice_copy(&text);
    let mut was = *row;
    (was.offset, was.len, was.fields) = (0, data.len() as u32 - 1, 0);
    Was {
        row: was,
        schema,
        around: Surroundings {
            data,
            start: around.start + u64::from(row.offset),
            ..*around
        },
    }
}
