//! Files the records that a legacy dialect found: counts, servers, keys, shards.
//!
//! In: one [`Found`] per record. Out: [`Yield`]. A record may carry two identifiers of one message (then they are
//! tied) or name two messages (a report and what it is about); neither can be settled before all rows were seen,
//! so both are only noted here.

use std::collections::BTreeMap;

use super::events::{self, EVENTS, UNKNOWN};
use crate::address::x400;
use crate::dialect::{EventCounts, Layout, ReportRow, SHARDS, Slice, Yield, shard};
use crate::event::{Place, Role};
use crate::fault::Reason;
use crate::keys::{Keys, Service};
use crate::row::{KeyKind, Row};
use crate::scan::MAX_FIELDS;
use crate::time::Time;

/// A record as its dialect found it.
pub struct Found<'p> {
    /// First byte in the chunk, and length.
    pub at: usize,
    pub len: usize,
    /// The event number as logged.
    pub event: &'p [u8],
    pub time: Time,
    /// The logging server, as far as it is known.
    pub server: &'p [u8],
    /// Identifier of the message or report.
    pub id: &'p [u8],
    /// Another identifier of the same message; empty: none.
    pub linked: &'p [u8],
    /// Identifier of the message that a report is about; empty: none.
    pub about: &'p [u8],
    pub size_bytes: u64,
    /// Where the leading fields end; 0 fields: the record must be split anew.
    pub ends: [u32; MAX_FIELDS],
    pub fields: usize,
}

/// The state of reading one chunk.
pub struct Finder<'p> {
    slice: Slice<'p>,
    keys: &'p Keys,
    pub found: Yield,
    /// Lines read so far.
    pub line: u32,
    layout: u8,
    /// The host seen last and its number: a log names the same server row after row.
    host: (&'p [u8], u16),
    counts: [u32; EVENTS.len()],
    unknown: BTreeMap<Vec<u8>, u64>,
}

impl<'p> Finder<'p> {
    /// Ready for the first record of a chunk.
    pub fn new(slice: Slice<'p>, layout: Layout, keys: &'p Keys) -> Self {
        // Room for records of 400 bytes, spread evenly: most shards never grow.
        let expected = slice.data.len() / 400 / SHARDS + 4;
        let found = Yield {
            layouts: vec![layout],
            shards: (0..SHARDS).map(|_| Vec::with_capacity(expected)).collect(),
            ..Yield::default()
        };
        Finder {
            slice,
            keys,
            found,
            line: 0,
            layout: 0,
            host: (b"", u16::MAX),
            counts: [0; EVENTS.len()],
            unknown: BTreeMap::new(),
        }
    }

    /// Rows from here on are read by another layout.
    pub fn bind(&mut self, layout: Layout) {
        let known = self.found.layouts.iter().position(|l| *l == layout);
        self.layout = known.unwrap_or_else(|| {
            self.found.layouts.push(layout);
            self.found.layouts.len() - 1
        }) as u8;
    }

    /// Notes something wrong with the record at `at`.
    #[cold]
    pub fn fault(&mut self, at: usize, reason: Reason) {
        let place = Place {
            file: self.slice.file,
            offset: self.slice.start + at as u64,
            line: self.line,
        };
        self.found.faults.add(reason, place);
    }

    /// Files one record.
    pub fn add(&mut self, found: &Found<'p>) {
        let code = super::text::number(found.event).map_or(UNKNOWN, events::code);
        match self.counts.get_mut(usize::from(code)) {
            Some(count) => *count += 1,
            None => *self.unknown.entry(found.event.to_vec()).or_default() += 1,
        }
        let server = self.server(found.server);
        let (time, len) = (found.time, found.len);
        self.found
            .seen
            .count(server, Service::Transport, time, len + 1);
        self.found.rows += 1;
        let (low, high) = self.found.span.unwrap_or((time, time));
        self.found.span = Some((low.min(time), high.max(time)));

        let mut row = Row::blank(self.slice.chunk);
        if found.fields > 0 {
            row.set_ends(&found.ends, found.fields);
        }
        (row.time, row.offset, row.line) = (time, found.at as u32, self.line);
        (row.len, row.server, row.code, row.layout) = (len as u32, server, code, self.layout);
        row.size_bytes = found.size_bytes.min(u64::from(u32::MAX)) as u32;
        let kind = events::kind(code);
        row.role = kind.map_or(Role::Info, |kind| kind.role);
        if kind.is_some_and(|kind| kind.is_report) {
            return self.report(row, found);
        }
        if found.id.is_empty() {
            self.found.rows_without_id += 1;
            if self.slice.keep_loose {
                self.found.loose.push(row);
            }
            return;
        }
        (row.key, row.kind) = (self.keys.message_id(found.id), KeyKind::Message);
        row.check = self.keys.id_check(found.id);
        // A report for all recipients has an id of its own, which must not be taken for the message's.
        let renames = row.role != Role::Fail && x400::is_proper_id(found.linked);
        if renames && x400::is_proper_id(found.id) {
            let other = self.keys.message_id(found.linked);
            if other != row.key {
                self.found.ties.push((row.key, other));
            }
        }
        self.found.shards[shard(row.key)].push(row);
    }

    /// A record about a report: it says something about two messages.
    fn report(&mut self, mut row: Row, found: &Found<'p>) {
        let key = |id: &[u8]| {
            if id.is_empty() {
                0
            } else {
                self.keys.message_id(id)
            }
        };
        row.key = key(found.id);
        row.kind = KeyKind::Message;
        let second = if x400::is_proper_id(found.about) {
            key(found.about)
        } else {
            0
        };
        self.found.reports.push(ReportRow { row, second });
    }

    fn server(&mut self, host: &'p [u8]) -> u16 {
        if self.host.0 != host || self.host.1 == u16::MAX {
            self.host = (host, self.found.seen.server(host));
        }
        self.host.1
    }

    /// What the chunk gave.
    pub fn finish(mut self) -> Yield {
        let mut counts = EventCounts::default();
        for (kind, count) in EVENTS
            .iter()
            .zip(self.counts)
            .filter(|(_, count)| *count > 0)
        {
            let name = (kind.name.into(), kind.number.to_string().into());
            counts.0.insert(name, (u64::from(count), true));
        }
        for (number, count) in self.unknown {
            counts.0.insert(("".into(), number.into()), (count, false));
        }
        self.found.events = counts;
        self.found
    }
}
