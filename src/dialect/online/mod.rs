//! Message traces of Exchange Online: one row per message (MessageTrace, the "enhanced summary") or per recipient
//! (Get-MessageTrace). The detailed export has the columns of the tracking log and is read by [`super::modern`].
//!
//! Facts and their evidence: `formats/modern.md` section 7. In: a CSV whose first line names its columns. Out: rows under
//! their network-message-id, and what they say of each recipient ([`settle`]).

mod dates;
pub mod hosts;
mod settle;

use bstr::{BStr, ByteSlice};
use bumpalo::Bump;

use super::foreign::entry::list;
use super::foreign::hop::{At, NamedAs};
use super::{Aim, Detected, EventCounts, Layout, SHARDS, Slice, Surroundings, Yield, shard};
use crate::address::List;
use crate::event::{Event, Next, Place, Record, Role, ServerId, Text, Texts, Verbatim};
use crate::fault::Reason;
use crate::keys::{Keys, Service};
use crate::row::{KeyKind, Row, mark};
use crate::scan;
use crate::time::Time;

use dates::Dates;
use hosts::SERVER;
use settle::told;
pub use settle::{STATUSES, settle};

/// Event as shown.
const EVENT: &str = "MessageTrace";
/// One export holds at most this many rows; what is beyond is left out without a word.
pub const MAX_ROWS: usize = 100_000;
/// What is to be said of an export with [`MAX_ROWS`] rows.
pub const AT_LIMIT: &str =
    "exactly 100,000 rows, the most one export of Exchange Online holds: more may be missing";
/// Id space of the copies that traces stand for.
const COPY: u8 = 7;

/// Columns by meaning; a trace has some of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Column {
    Time,
    Sender,
    Recipient,
    Status,
    Subject,
    Size,
    MessageId,
    NetworkId,
    FromIp,
    ToIp,
    Connector,
    Direction,
}

/// Names of each column: of the summary, of the cmdlet.
const NAMES: [[&str; 2]; 12] = [
    ["origin_timestamp_utc", "received"],
    ["sender_address", "senderaddress"],
    ["recipient_address", "recipientaddress"],
    ["recipient_status", "status"],
    ["message_subject", "subject"],
    ["total_bytes", "size"],
    ["message_id", "messageid"],
    ["network_message_id", "messagetraceid"],
    ["original_client_ip", "fromip"],
    ["to_ip", "toip"],
    ["connector_id", "connectorid"],
    ["directionality", "direction"],
];

/// Where each column stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema {
    columns: [u8; NAMES.len()],
    /// How many columns a row has.
    width: usize,
    /// What stands between them: PowerShell writes a semicolon where that is the culture's list separator.
    delimiter: u8,
    dates: Dates,
    /// `online/summary` or `online/trace`.
    pub name: &'static str,
}

const ABSENT: u8 = u8::MAX;

/// What stands between the columns of exports.
pub const DELIMITERS: [u8; 3] = [b',', b';', b'\t'];

impl Schema {
    /// Binds the columns that a line names; `None` if it is not the first line of a trace.
    fn of(line: &[u8]) -> Option<Schema> {
        DELIMITERS
            .into_iter()
            .find_map(|delimiter| Schema::bind(line, delimiter))
    }

    fn bind(line: &[u8], delimiter: u8) -> Option<Schema> {
        let mut columns = [ABSENT; NAMES.len()];
        let mut dates = Dates::default();
        let names = scan::split(line, delimiter);
        let mut width = names.len();
        for (at, name) in names.iter().enumerate().take(200) {
            let name = unquoted(name.trim_ascii());
            let known = NAMES.iter().position(|names| {
                names
                    .iter()
                    .any(|n| n.as_bytes().eq_ignore_ascii_case(name))
            });
            if let Some(known) = known {
                columns[known] = at as u8;
            }
            if name == Dates::DAY_FIRST.as_bytes() {
                (dates, width) = (Dates::DayFirst, at);
            }
            if name == Dates::MONTH_FIRST.as_bytes() {
                (dates, width) = (Dates::MonthFirst, at);
            }
        }
        let has = |column: Column| columns[column as usize] != ABSENT;
        let is_trace = has(Column::Time)
            && has(Column::Status)
            && (has(Column::MessageId) || has(Column::NetworkId));
        is_trace.then_some(Schema {
            columns,
            width,
            delimiter,
            dates,
            name: if has(Column::Recipient) {
                "online/trace"
            } else {
                "online/summary"
            },
        })
    }

    /// The schema of rows that stand by themselves, by the [`Schema::header`] of their export.
    pub fn named(header: &str) -> Option<Schema> {
        Schema::of(header.as_bytes())
    }

    /// A first line that binds the same columns.
    fn header(&self) -> String {
        let mut names = vec!["-"; self.width];
        for ([name, _], at) in NAMES.iter().zip(self.columns) {
            if at != ABSENT {
                names[usize::from(at)] = name;
            }
        }
        match self.dates {
            Dates::DayFirst => names.push(Dates::DAY_FIRST),
            Dates::MonthFirst => names.push(Dates::MONTH_FIRST),
            Dates::Plain | Dates::Guessed => {}
        }
        names.join(char::from(self.delimiter).encode_utf8(&mut [0; 4]))
    }

    /// What dates that may be read two ways are read by, for `check`.
    pub fn clock_words(&self) -> Option<&'static str> {
        self.dates.words()
    }

    fn split<'d>(&self, row: &'d [u8]) -> Vec<&'d [u8]> {
        scan::split(row, self.delimiter)
    }

    fn time(&self, fields: &[&[u8]]) -> Option<Time> {
        self.dates.time(self.get(fields, Column::Time))
    }

    fn get<'d>(&self, fields: &[&'d [u8]], column: Column) -> &'d [u8] {
        let at = usize::from(self.columns[column as usize]);
        unquoted(fields.get(at).copied().unwrap_or_default())
    }
}

/// A field without its quotes; doubled ones inside stay, they are rare and harm nothing.
fn unquoted(field: &[u8]) -> &[u8] {
    match field {
        [b'"', inner @ .., b'"'] => inner,
        _ => field,
    }
}

/// The first line that is not a comment of PowerShell's.
fn names_line(data: &[u8]) -> &[u8] {
    let data = scan::without_mark(data);
    let mut lines = data
        .split(|b| *b == b'\n')
        .filter(|line| !line.starts_with(b"#TYPE"));
    lines.next().unwrap_or_default()
}

/// Tells a trace by its first line.
pub fn detect(data: &[u8]) -> Option<Detected> {
    let mut schema = Schema::of(names_line(data))?;
    schema.dates = Dates::of(data, &schema);
    Some(Detected::Log(Layout::Online(schema)))
}

/// The first byte at or behind `from` that begins a row: a line whose column of the time holds one. A quoted field may go over
/// several lines.
pub fn next_record(schema: &Schema, data: &[u8], from: usize) -> usize {
    scan::next_line(data, from, |rest| begins_row(schema, rest))
}

/// A column that begins farther behind its row than this is none of an export's.
const COLUMN_BYTES: usize = 16 << 10;

fn begins_row(schema: &Schema, rest: &[u8]) -> bool {
    let wanted = schema.columns[Column::Time as usize];
    let head = &rest[..rest.len().min(COLUMN_BYTES)];
    let (mut column, mut start, mut inside) = (0, 0, false);
    for at in memchr::memchr3_iter(b'"', schema.delimiter, b'\n', head).chain([head.len()]) {
        match head.get(at) {
            Some(b'"') => inside = !inside,
            Some(_) if inside => {}
            end => {
                if column == wanted {
                    let text = unquoted(head[start..at].trim_ascii_end());
                    return schema.dates.time(text).is_some();
                }
                if end != Some(&schema.delimiter) {
                    return false;
                }
                (column, start) = (column + 1, at + 1);
            }
        }
    }
    false
}

/// Where the row at `from` ends: at the first line break outside quotes, or where the next row begins before they close.
fn row_end(schema: &Schema, data: &[u8], from: usize) -> usize {
    let mut inside = false;
    for at in memchr::memchr2_iter(b'"', b'\n', &data[from..]) {
        let at = from + at;
        if data[at] == b'"' {
            inside = !inside;
        } else if !inside || begins_row(schema, &data[at + 1..]) {
            return at;
        }
    }
    data.len() - usize::from(inside && data.ends_with(b"\n"))
}

/// Time of the first row at or behind `from`.
pub fn time_at(schema: &Schema, data: &[u8], from: usize) -> Option<Time> {
    let lines = data[from..].split(|b| *b == b'\n').take(50);
    let mut times = lines.map(|line| schema.time(&schema.split(line)));
    times.find_map(|time| time)
}

/// Finds the rows of `slice`, or only the first one.
pub fn parse(slice: Slice<'_>, schema: &Schema, keys: &Keys, aim: Aim) -> Yield {
    let mut found = Yield {
        layouts: vec![Layout::Online(schema.clone())],
        shards: vec![Vec::new(); SHARDS],
        ..Yield::default()
    };
    let server = found.seen.server(SERVER);
    let (data, mut at, mut line) = (slice.data, 0, 0);
    while at < data.len() {
        let end = row_end(schema, data, at);
        let bytes = &data[at..end];
        let breaks = memchr::memchr_iter(b'\n', bytes).count() as u32;
        let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
        let bytes = if at == 0 {
            scan::without_mark(bytes)
        } else {
            bytes
        };
        let is_head = slice.start == 0
            && found.rows == 0
            && (bytes.starts_with(b"#") || Schema::of(bytes).is_some());
        if !bytes.is_empty() && !is_head {
            let place = Place {
                file: slice.file,
                offset: slice.start + at as u64,
                line,
            };
            let mut row = Row::blank(slice.chunk);
            (row.offset, row.line, row.len, row.server) =
                (at as u32, line, bytes.len() as u32, server);
            match file(&mut row, bytes, schema, keys) {
                Ok(named) => {
                    found.rows += 1;
                    found
                        .seen
                        .count(server, Service::Transport, row.time, bytes.len() + 1);
                    let (low, high) = found.span.unwrap_or((row.time, row.time));
                    found.span = Some((low.min(row.time), high.max(row.time)));
                    found.hops.named.push(named);
                    found.shards[shard(row.key)].push(row);
                    if aim == Aim::First {
                        break;
                    }
                }
                Err(reason) => {
                    let torn = slice.ends_file && end == data.len();
                    let reason = if torn { Reason::TornEnd } else { reason };
                    found.faults.add(reason, place);
                }
            }
        }
        line += breaks + 1;
        at = end + 1;
    }
    if found.rows > 0 {
        let mut counts = EventCounts::default();
        counts
            .0
            .insert((schema.name.into(), EVENT.into()), (found.rows, true));
        found.events = counts;
    }
    found
}

/// Fills in what joining needs.
fn file(row: &mut Row, bytes: &[u8], schema: &Schema, keys: &Keys) -> Result<NamedAs, Reason> {
    let fields = schema.split(bytes);
    row.time = schema.time(&fields).ok_or(Reason::NoTime)?;
    if let Some(reason) = Reason::of_columns(fields.len(), schema.width) {
        return Err(reason);
    }
    row.role = Role::Info;
    row.marks |= mark::NAMES;
    let size = crate::dialect::foreign::cut::number(schema.get(&fields, Column::Size));
    row.size_bytes = size.min(u64::from(u32::MAX)) as u32;
    let (network, message) = (
        schema.get(&fields, Column::NetworkId),
        schema.get(&fields, Column::MessageId),
    );
    (row.key, row.kind, row.check) = match network {
        b"" if message.is_empty() => return Err(Reason::NoTime),
        b"" => (
            keys.message_id(message),
            KeyKind::Message,
            keys.id_check(message),
        ),
        id => {
            let dashed = dashed(id);
            let id = dashed.as_ref().map_or(id, |dashed| &dashed[..]);
            (keys.caseless(id), KeyKind::Network, keys.check(id))
        }
    };
    Ok(NamedAs {
        key: row.key,
        message_id: keys.message_id(message),
        host: keys.host(SERVER),
        time: row.time,
        may_be_reused: false,
        at: At::of(row),
    })
}

/// An id of 32 digits as all logs write it: Microsoft's own examples of traces have ids without dashes.
fn dashed(id: &[u8]) -> Option<[u8; 36]> {
    if id.len() != 32 || !id.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let mut dashed = [b'-'; 36];
    for (from, to) in [
        (0..8, 0),
        (8..12, 9),
        (12..16, 14),
        (16..20, 19),
        (20..32, 24),
    ] {
        dashed[to..to + from.len()].copy_from_slice(&id[from]);
    }
    Some(dashed)
}

/// The same id in the form that it has in other logs.
fn network_id<'d>(id: &'d [u8], arena: &'d Bump) -> &'d [u8] {
    let is_plain = !id.iter().any(u8::is_ascii_uppercase);
    match dashed(id) {
        None if is_plain => id,
        None => arena.alloc_slice_copy(&id.to_ascii_lowercase()),
        Some(dashed) => arena.alloc_slice_copy(&dashed.to_ascii_lowercase()),
    }
}

/// A quoted field's text, in which a quote is written twice.
fn text<'d>(field: &'d [u8], arena: &'d Bump) -> &'d BStr {
    match memchr::memmem::find(field, b"\"\"") {
        None => BStr::new(field),
        Some(_) => BStr::new(arena.alloc_slice_copy(&field.replace(b"\"\"", b"\""))),
    }
}

/// Addresses of which a row says that they are of the organisation: who sent it from inside, and whose mailbox it came to.
pub fn own_addresses<'d>(event: &Event<'d>) -> Vec<&'d [u8]> {
    let (mut own, is_inward) = (Vec::new(), event.server_host().text().is_empty());
    if event.from_mailbox {
        own.push(&**event.sender().text());
    } else if is_inward {
        own.extend(settle::mailboxes(event));
    }
    own
}

fn fields<'d>(row: &Row, schema: &Schema, around: &Surroundings<'d>) -> Vec<&'d [u8]> {
    let from = row.offset as usize;
    schema.split(&around.data[from..from + row.len as usize])
}

/// What a row says; its recipients' fates are still in its statuses.
pub fn event<'d>(row: &Row, schema: &Schema, around: &Surroundings<'d>) -> Event<'d> {
    let fields = fields(row, schema, around);
    let get = |column| text(schema.get(&fields, column), around.arena);
    let sender = get(Column::Sender);
    let copy = around.keys.stay(SERVER, COPY, row.key);
    Event {
        time: row.time,
        place: row.place(around.file, around.start),
        role: Role::Info,
        service: Service::Transport,
        server: ServerId(row.server),
        name: BStr::new(EVENT),
        copy,
        parent: 0,
        next: Next::None,
        recipients: list(
            std::iter::once(&**get(Column::Recipient)).filter(|r| !r.is_empty()),
            around.arena,
        ),
        related: List(b""),
        is_report: false,
        from_mailbox: matches!(
            &**get(Column::Direction),
            b"Originating" | b"originating" | b"2"
        ),
        starts_message: false,
        generated: false,
        size_bytes: u64::from(row.size_bytes),
        next_try: None,
        link: None,
        has_timing: false,
        texts: Texts::of(
            [
                (Text::Source, schema.name.as_bytes()),
                (Text::MessageId, get(Column::MessageId)),
                (
                    Text::NetworkMessageId,
                    network_id(get(Column::NetworkId), around.arena),
                ),
                (Text::Statuses, get(Column::Status)),
                (Text::Sender, sender),
                (
                    Text::ReturnPath,
                    if sender == "<>" {
                        sender
                    } else {
                        BStr::new("")
                    },
                ),
                (Text::Subject, get(Column::Subject)),
                (Text::ClientIp, get(Column::FromIp)),
                (Text::ServerHost, get(Column::ToIp)),
                (Text::Connector, get(Column::Connector)),
            ],
            None,
            around.arena,
        ),
    }
}

/// A row by its columns.
pub fn record<'d>(row: &Row, schema: &Schema, around: &Surroundings<'d>) -> Record<'d> {
    let event = event(row, schema, around);
    let none = BStr::new(b"");
    let told = told(&event);
    Record {
        place: event.place,
        dialect: schema.name,
        time: row.time,
        role: event.role,
        event: event.name,
        source: event.source().text(),
        server: around.servers.name(event.server),
        client_ip: event.client_ip().text(),
        client_host: none,
        server_ip: event.server_host().text(),
        server_host: none,
        source_context: none,
        connector: event.connector().text(),
        internal_message_id: none,
        message_id: event.message_id().text(),
        network_message_id: event.network_message_id().text(),
        recipients: told.iter().map(|(who, _)| BStr::new(*who)).collect(),
        recipient_statuses: told.iter().map(|(_, status)| BStr::new(*status)).collect(),
        size_bytes: Some(u64::from(row.size_bytes)),
        recipient_count: None,
        related_recipients: Vec::new(),
        reference: none,
        subject: event.subject().text(),
        sender: event.sender().text(),
        return_path: none,
        message_info: none,
        directionality: none,
        tenant_id: none,
        original_client_ip: event.client_ip().text(),
        original_server_ip: none,
        custom_data: Vec::new(),
        traffic_type: none,
        log_id: none,
        schema_version: none,
        extras: Default::default(),
        verbatim: Verbatim {
            header: BStr::new(around.arena.alloc_str(&schema.header())),
            server: none,
            line: BStr::new(&around.data[row.offset as usize..][..row.len as usize]),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Line and text of every row, and every fault, read in chunks of about `chunk` bytes.
    fn read_in(data: &[u8], chunk: usize) -> (Vec<(u32, String)>, u64) {
        let schema = Schema::of(names_line(data)).unwrap();
        let (keys, mut rows, mut faults) = (Keys::default(), Vec::new(), 0);
        let (mut start, mut lines) = (0, 0);
        while start < data.len() {
            let end = next_record(&schema, data, (start + chunk).min(data.len()));
            let slice = Slice::of(data, start..end, "");
            let mut found = parse(slice, &schema, &keys, Aim::Rows);
            faults += found.faults.damaged();
            for row in found.take_rows() {
                let from = row.offset as usize;
                let bytes = &slice.data[from..from + row.len as usize];
                rows.push((
                    lines + row.line,
                    String::from_utf8_lossy(bytes).into_owned(),
                ));
            }
            lines += memchr::memchr_iter(b'\n', slice.data).count() as u32;
            start = end;
        }
        rows.sort();
        (rows, faults)
    }

    proptest! {
        /// Subjects over several lines, quotes that never close, lines that are no rows: every cut gives the same.
        #[test]
        fn chunks_change_nothing(
            subjects in prop::collection::vec("[a-z,\n\r ]{0,20}|[a-z\"\n]{0,9}", 1..12),
            chunk in 1usize..200,
        ) {
            let mut log = String::from("Received,SenderAddress,RecipientAddress,Subject,Status,MessageId\n");
            for (i, subject) in subjects.iter().enumerate() {
                log += &format!("2026-05-01T10:00:{i:02},a@x,b@y,\"{subject}\",Delivered,<m{i}@x>\r\n");
            }
            prop_assert_eq!(read_in(log.as_bytes(), chunk), read_in(log.as_bytes(), 1 << 20));
        }
    }

    #[test]
    fn a_subject_over_several_lines_is_one_row() {
        let log = "Received,Subject,Status,MessageId\n\
             2026-05-01T10:00:00,\"one\n2,\"\"two\"\"\r\nthree\",Delivered,<m@x>\n\
             2026-05-01T10:00:01,four,Delivered,<n@x>\n";
        for chunk in 1..100 {
            let (rows, faults) = read_in(log.as_bytes(), chunk);
            assert_eq!((rows.len(), faults), (2, 0), "{chunk}");
            assert!(rows[0].1.ends_with("three\",Delivered,<m@x>"));
            assert_eq!(rows[1].0, 4);
        }
    }
}
