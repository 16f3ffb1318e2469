//! Finds the rows of a chunk: the hot loop.
//!
//! In: a chunk and the schema in force at its first byte. Out: [`Yield`]: rows by shard, counts, faults. Only what
//! joining and counting need is looked at (time, event, source, host, ids); the rest waits in the row's field
//! ends until its message is built.

use std::collections::BTreeMap;

use super::decode::number;
use super::events::{self, EVENTS, SOURCES, UNKNOWN, code};
use super::{Column, Schema, header_len, looks_like_row};
use crate::dialect::{Aim, EventCounts, Layout, MAX_RECORD_BYTES, SHARDS, Slice, Yield, shard};
use crate::event::{Place, Role};
use crate::fault::Reason;
use crate::keys::{Keys, Service};
use crate::row::{KeyKind, Row};
use crate::scan::{self, BOM, Block, MAX_FIELDS, Scan};
use crate::time::{Time, parse_iso};

/// Finds the rows of `slice`, or only the first one.
pub fn parse(slice: Slice<'_>, schema: &Schema, keys: &Keys, aim: Aim) -> Yield {
    scan::best(Parse {
        slice,
        schema,
        keys,
        only_first: aim == Aim::First,
    })
}

struct Parse<'p> {
    slice: Slice<'p>,
    schema: &'p Schema,
    keys: &'p Keys,
    only_first: bool,
}

impl Scan for Parse<'_> {
    type Output = Yield;

    #[inline(always)]
    fn run<B: Block>(self) -> Yield {
        let mut reader = Reader::new(self.slice, self.schema.clone(), self.keys, self.only_first);
        let data = self.slice.data;
        let mut ends = [0; MAX_FIELDS];
        let mut at = 0;
        while at < data.len() {
            let rest = &data[at..];
            if rest.starts_with(BOM) {
                at += BOM.len();
                continue;
            }
            let line = scan::line::<B>(rest, b',', reader.schema.wanted, &mut ends);
            let mut next = line.next;
            if rest[0] == b'#' {
                let row = reader.header_line(&rest[..line.end]);
                if row < line.end {
                    reader.row(at + row, line.end - row, None, false);
                }
            } else if line.open {
                next = reader.open_record(at, line.end, line.next);
            } else if at + reader.slice.start as usize <= BOM.len() && super::names(rest).is_some()
            {
                // The first line of an export of Exchange Online names the columns.
            } else if line.end > 0 {
                let torn = at + line.next == data.len() && !rest.ends_with(b"\n");
                let is_whole = line.columns == reader.schema.width;
                reader.row(at, line.end, is_whole.then_some((&ends, line.fields)), torn);
            }
            reader.line += 1;
            at += next;
            if self.only_first && reader.found.rows > 0 {
                break;
            }
        }
        reader.finish()
    }
}

/// The state of reading one chunk.
struct Reader<'p> {
    slice: Slice<'p>,
    keys: &'p Keys,
    schema: Schema,
    layout: u8,
    line: u32,
    found: Yield,
    clock: Clock,
    /// The host field seen last and its number: a log names the same server row after row.
    host: (&'p [u8], u16),
    /// The host whose queue was named last, and its key.
    queue: (&'p [u8], u64),
    counts: Vec<[u32; SOURCES.len() + 1]>,
    unknown: BTreeMap<(Vec<u8>, Vec<u8>), u64>,
}

impl<'p> Reader<'p> {
    /// A reader that stops at the first row has one shard and counts nothing: rows are read again by the thousand.
    fn new(slice: Slice<'p>, schema: Schema, keys: &'p Keys, only_first: bool) -> Self {
        // Room for rows of 1 kB, spread evenly, with a margin: most shards never grow.
        let expected = slice.data.len() / 500 / SHARDS;
        let shards = if only_first { 1 } else { SHARDS };
        let mut found = Yield {
            layouts: vec![Layout::Modern(schema.clone())],
            ..Yield::default()
        };
        found.shards = (0..shards)
            .map(|_| Vec::with_capacity(if only_first { 1 } else { expected }))
            .collect();
        Reader {
            slice,
            keys,
            schema,
            layout: 0,
            line: 0,
            found,
            clock: Clock::default(),
            host: (b"", u16::MAX),
            queue: (b"", keys.host(b"")),
            counts: if only_first {
                Vec::new()
            } else {
                vec![[0; SOURCES.len() + 1]; EVENTS.len() + 1]
            },
            unknown: BTreeMap::new(),
        }
    }

    /// Returns where a row stands behind it whose line break is lost, if any; else its end.
    #[cold]
    fn header_line(&mut self, line: &[u8]) -> usize {
        let mut schema = self.schema.clone();
        if !schema.follow(line) {
            return line.len();
        }
        self.found.bound = Some(Layout::Modern(schema.clone()));
        self.bind(schema);
        header_len(line)
    }

    fn bind(&mut self, schema: Schema) {
        if schema == self.schema {
            return;
        }
        self.schema = schema;
        let layout = Layout::Modern(self.schema.clone());
        self.layout = self.found.number(layout);
    }

    /// A quote is open at the line break: the field goes on in the next lines, or the row was cut off. Returns
    /// the distance to the next record.
    #[cold]
    fn open_record(&mut self, at: usize, end: usize, mut next: usize) -> usize {
        let rest = &self.slice.data[at..];
        let mut lines = 0;
        let mut quotes = memchr::memchr_iter(b'"', &rest[..next]).count();
        let mut end = end;
        let reason = loop {
            if quotes.is_multiple_of(2) {
                break None;
            }
            let tail = &rest[next..];
            if tail.is_empty() {
                let torn = self.slice.ends_file;
                break Some(if torn {
                    Reason::TornEnd
                } else {
                    Reason::OpenQuote
                });
            }
            if looks_like_row(tail) || tail[0] == b'#' {
                break Some(Reason::OpenQuote);
            }
            if next > MAX_RECORD_BYTES {
                break Some(Reason::TooLong);
            }
            let line = memchr::memchr(b'\n', tail).map_or(tail.len(), |n| n + 1);
            quotes += memchr::memchr_iter(b'"', &tail[..line]).count();
            next += line;
            lines += 1;
            end = rest[..next].trim_ascii_end().len();
        };
        match reason {
            None => self.row(at, end, None, false),
            Some(reason) => self.fault(at, reason),
        }
        self.line += lines;
        next
    }

    fn fault(&mut self, at: usize, reason: Reason) {
        let place = Place {
            file: self.slice.file,
            offset: self.slice.start + at as u64,
            line: self.line,
        };
        self.found.faults.add(reason, place);
    }

    /// One record of `len` bytes at `at`. Without `ends`, as where it has other columns than the schema, or where that was
    /// guessed, it is split the slow way.
    #[inline(always)]
    fn row(
        &mut self,
        at: usize,
        len: usize,
        ends: Option<(&[u32; MAX_FIELDS], usize)>,
        torn: bool,
    ) {
        if self.schema.elsewhere {
            self.found.passed_over += 1;
            return;
        }
        let bytes = &self.slice.data[at..at + len];
        let mut row = Row::blank(self.slice.chunk);
        if let Some((ends, fields)) = ends {
            row.set_ends(ends, fields);
        }
        if row.fields == 0 || self.schema.guessed || usize::from(row.fields) < self.schema.wanted {
            self.odd_row(at, bytes, row, torn);
        } else {
            let schema = &self.schema;
            let field = |column: Column| {
                schema
                    .at(column)
                    .map_or(&[][..], |i| plain(row.field(bytes, i)))
            };
            let key_fields = KeyFields::new(field);
            self.keyed_row(at, len, row, key_fields);
        }
    }

    /// A row that is long, goes over several lines, has too few columns, or stands in a file without a header.
    #[cold]
    fn odd_row(&mut self, at: usize, bytes: &'p [u8], mut row: Row, torn: bool) {
        let fields = scan::split(bytes, b',');
        if !looks_like_row(bytes) {
            let reason = if torn {
                Reason::TornEnd
            } else {
                Reason::NoTime
            };
            return self.fault(at, reason);
        }
        if fields.len() != self.schema.width && self.schema.guessed {
            match Schema::from_width(fields.len()) {
                Some(schema) => self.bind(schema),
                None => {
                    return self.fault(
                        at,
                        if torn {
                            Reason::TornEnd
                        } else {
                            Reason::NoLayout
                        },
                    );
                }
            }
        }
        if let Some(reason) = Reason::of_columns(fields.len(), self.schema.width) {
            let cut_off = torn && reason == Reason::TooFewColumns;
            return self.fault(at, if cut_off { Reason::TornEnd } else { reason });
        }
        if usize::from(row.fields) < self.schema.wanted {
            row.fields = 0;
        }
        let schema = &self.schema;
        let field = |column: Column| {
            schema
                .at(column)
                .and_then(|i| fields.get(i))
                .map_or(&[][..], |field| plain(field))
        };
        let key_fields = KeyFields::new(field);
        self.keyed_row(at, bytes.len(), row, key_fields);
    }

    #[inline(always)]
    fn keyed_row(&mut self, at: usize, len: usize, mut row: Row, fields: KeyFields<'p>) {
        let Some(time) = self.clock.read(fields.time) else {
            return self.fault(at, Reason::NoTime);
        };
        let modern = self.schema.has_network_id();
        let event = events::event_code(fields.event);
        let source = events::source_code(fields.source);
        self.count_event(event, source, &fields);
        let service = events::service(event, source, modern);
        let logged_by_client = events::logged_by_client(event, source, modern);
        let (first, second) = match logged_by_client {
            true => (fields.client_host, fields.server_host),
            false => (fields.server_host, fields.client_host),
        };
        let host = if first.is_empty() { second } else { first };
        let logged_by = self.server(host);
        self.found.seen.count(logged_by, service, time, len + 1);
        self.found.rows += 1;
        let (low, high) = self.found.span.unwrap_or((time, time));
        self.found.span = Some((low.min(time), high.max(time)));

        row.server = logged_by;
        if logged_by_client && matches!(event, code::DELIVER | code::DUPLICATEDELIVER) {
            // 2007 and 2010: the hub logs it, the mailbox is on the server in the other column.
            row.server = self.server(if second.is_empty() { host } else { second });
        }
        row.time = time;
        row.offset = at as u32;
        row.line = self.line;
        row.len = len as u32;
        row.code = event;
        row.role = events::role(event, source, modern);
        row.layout = self.layout;
        row.size_bytes =
            number(fields.total_bytes).map_or(0, |n| n.min(u64::from(u32::MAX)) as u32);
        (row.key, row.kind) = if !fields.network_id.is_empty() {
            row.check = self.keys.check(fields.network_id);
            (self.keys.caseless(fields.network_id), KeyKind::Network)
        } else if !fields.message_id.is_empty() {
            row.check = self.keys.id_check(fields.message_id);
            (self.keys.message_id(fields.message_id), KeyKind::Message)
        } else {
            row.copy = self.copy(service, host, &fields);
            (row.copy, KeyKind::Copy)
        };
        if row.kind != KeyKind::Copy && !matches!(row.role, Role::Info | Role::Shadow) {
            row.copy = self.copy(service, host, &fields);
        }
        if row.kind == KeyKind::Copy && row.key == 0 {
            self.found.rows_without_id += 1;
            if self.slice.keep_loose {
                self.found.loose.push(row);
            }
            return;
        }
        let shard = shard(row.key) & (self.found.shards.len() - 1);
        self.found.shards[shard].push(row);
    }

    #[inline(always)]
    fn server(&mut self, host: &'p [u8]) -> u16 {
        if self.host.0 != host || self.host.1 == u16::MAX {
            self.host = (host, self.found.seen.server(host));
        }
        self.host.1
    }

    /// Key of the copy a row is about.
    #[inline(always)]
    fn copy(&mut self, service: Service, logged_by: &'p [u8], fields: &KeyFields<'p>) -> u64 {
        let host = copy_host(service, logged_by, fields);
        if self.queue.0 != host {
            self.queue = (host, self.keys.host(host));
        }
        let id_space = match service {
            Service::Submission => Service::Submission,
            Service::Transport | Service::Delivery => Service::Transport,
        };
        self.keys
            .copy_on(self.queue.1, id_space, fields.internal_id)
    }

    #[inline(always)]
    fn count_event(&mut self, event: u8, source: u8, fields: &KeyFields<'_>) {
        if self.counts.is_empty() {
            return;
        }
        if event == UNKNOWN || source == UNKNOWN {
            let name = (fields.source.to_vec(), fields.event.to_vec());
            *self.unknown.entry(name).or_default() += 1;
        } else {
            self.counts[usize::from(event)][usize::from(source)] += 1;
        }
    }

    fn finish(mut self) -> Yield {
        let mut counts = EventCounts::default();
        for (row, (event, _)) in self.counts.iter().zip(&EVENTS) {
            for (count, source) in row.iter().zip(&SOURCES) {
                if *count > 0 {
                    counts.0.insert(
                        ((*source).into(), (*event).into()),
                        (u64::from(*count), true),
                    );
                }
            }
        }
        for ((source, event), count) in self.unknown {
            counts
                .0
                .insert((source.into(), event.into()), (count, false));
        }
        self.found.events = counts;
        self.found.lines = Some(u64::from(self.line));
        self.found
    }
}

/// The host whose transport queue a row's internal id belongs to: deliveries carry the id of the transport copy
/// on the server in client-hostname.
fn copy_host<'p>(service: Service, logged_by: &'p [u8], fields: &KeyFields<'p>) -> &'p [u8] {
    if service == Service::Delivery && !fields.client_host.is_empty() {
        fields.client_host
    } else {
        logged_by
    }
}

/// The fields that joining and counting need.
struct KeyFields<'p> {
    time: &'p [u8],
    event: &'p [u8],
    source: &'p [u8],
    client_host: &'p [u8],
    server_host: &'p [u8],
    internal_id: &'p [u8],
    message_id: &'p [u8],
    network_id: &'p [u8],
    total_bytes: &'p [u8],
}

impl<'p> KeyFields<'p> {
    #[inline(always)]
    fn new(field: impl Fn(Column) -> &'p [u8]) -> Self {
        KeyFields {
            time: field(Column::DateTime),
            event: field(Column::EventId),
            source: field(Column::Source),
            client_host: field(Column::ClientHostname),
            server_host: field(Column::ServerHostname),
            internal_id: field(Column::InternalMessageId),
            message_id: field(Column::MessageId),
            network_id: field(Column::NetworkMessageId),
            total_bytes: field(Column::TotalBytes),
        }
    }
}

/// A field without its quotes; a doubled quote inside stays doubled, which none of these fields has.
#[inline(always)]
pub(super) fn plain(field: &[u8]) -> &[u8] {
    match field {
        [b'"', inner @ .., b'"'] => inner,
        _ => field,
    }
}

/// Reads time stamps. Rows of a log stand within the same hour for a long time, so date and hour are read once.
#[derive(Default)]
struct Clock {
    /// `2023-04-02T14:` and the instant it begins at.
    hour: [u8; 14],
    base: Time,
}

impl Clock {
    #[inline(always)]
    fn read(&mut self, text: &[u8]) -> Option<Time> {
        if let Some(stamp) = text.first_chunk::<24>()
            && text.len() == 24
            && stamp[..14] == self.hour
            && [stamp[16], stamp[19], stamp[23]] == [b':', b'.', b'Z']
        {
            let digit = |i: usize| u32::from(stamp[i].wrapping_sub(b'0'));
            let digits = [14, 15, 17, 18, 20, 21, 22].map(digit);
            if digits.iter().all(|&d| d < 10) && digits[0] < 6 && digits[2] < 6 {
                let [a, b, c, d, e, f, g] = digits.map(i64::from);
                let millis = (a * 600 + b * 60 + c * 10 + d) * 1000 + e * 100 + f * 10 + g;
                return Some(Time(self.base.0 + millis * 1000));
            }
        }
        let time = parse_iso(text)?;
        self.hour = *text.first_chunk()?;
        self.base = Time(time.0.div_euclid(crate::time::HOUR) * crate::time::HOUR);
        Some(time)
    }
}
