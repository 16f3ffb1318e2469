//! Files the records that a legacy dialect found: counts, servers, keys, shards.
//!
//! In: one [`Found`] per record. Out: [`Yield`]. A record may carry two identifiers of one message (then they are
//! tied) or name two messages (a report and what it is about); neither can be settled before all rows were seen,
//! so both are only noted here.

use std::collections::BTreeMap;

use super::events::{self, EVENTS, UNKNOWN};
use super::line::same;
use crate::address::x400;
use crate::dialect::{Aim, EventCounts, Layout, ReportRow, SHARDS, Slice, Yield, shard};
use crate::event::{Place, Role};
use crate::fault::Reason;
use crate::keys::{Keys, Service};
use crate::row::{KeyKind, Row};
use crate::scan::MAX_FIELDS;
use crate::time::Time;

/// A record as its dialect found it.
pub struct Found<'f, 'p> {
    /// First byte in the chunk, and length.
    pub at: usize,
    pub len: usize,
    /// The event number as logged, and what it says.
    pub event: &'p [u8],
    pub number: Option<u64>,
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
    pub ends: &'f [u32; MAX_FIELDS],
    pub fields: usize,
}

/// Records are hardly ever shorter on an average of those of a shard: room that is not used is given back at once, but rows
/// that have to move cost time.
const ROW_BYTES: usize = 128;

/// Identifiers that are kept.
const NEAR: usize = 256;
/// An identifier, not empty, its key and its check.
type Known<'p> = (&'p [u8], (u64, u16));

/// The state of reading one chunk.
pub struct Finder<'p> {
    slice: Slice<'p>,
    keys: &'p Keys,
    aim: Aim,
    pub found: Yield,
    /// Lines read so far.
    pub line: u32,
    layout: u8,
    /// The hosts seen last in upper and in lower case, and their numbers: a log names the same server row after row, its
    /// stores in the one case and its folder in the other.
    hosts: [(&'p [u8], u16); 2],
    /// The identifiers seen last, each at a place that its end chooses, with key and check: a log tells of a message by
    /// several rows that stand near each other.
    ids: Vec<Known<'p>>,
    /// Whether the keys of rows are noted, too.
    notes_keys: bool,
    counts: [u32; EVENTS.len()],
    unknown: BTreeMap<Vec<u8>, u64>,
}

impl<'p> Finder<'p> {
    /// Ready for the first record of a chunk.
    pub fn new(slice: Slice<'p>, layout: Layout, keys: &'p Keys, aim: Aim) -> Self {
        // Rows are read again by the thousand.
        let (shards, expected) = match aim {
            Aim::Rows => (SHARDS, slice.data.len() / ROW_BYTES / SHARDS + 4),
            Aim::First => (1, 1),
            Aim::Ties => (0, 0),
        };
        let notes_keys = aim == Aim::Rows && slice.keep_hops && layout.is_old_text();
        let found = Yield {
            layouts: vec![layout],
            shards: (0..shards).map(|_| Vec::with_capacity(expected)).collect(),
            ..Yield::default()
        };
        Finder {
            slice,
            keys,
            aim,
            found,
            line: 0,
            layout: 0,
            hosts: [(b"", u16::MAX); 2],
            ids: vec![Known::default(); if aim == Aim::First { 0 } else { NEAR }],
            notes_keys,
            counts: [0; EVENTS.len()],
            unknown: BTreeMap::new(),
        }
    }

    /// Rows from here on are read by another layout.
    pub fn bind(&mut self, layout: Layout) {
        self.layout = self.found.number(layout);
    }

    /// Whether nothing is asked for but ties.
    pub fn wants_ties_alone(&self) -> bool {
        self.aim == Aim::Ties
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
    #[inline]
    pub fn add(&mut self, found: &Found<'_, 'p>) {
        let code = found.number.map_or(UNKNOWN, events::code);
        let kind = events::kind(code);
        let is_report = kind.is_some_and(|kind| kind.is_report);
        let role = kind.map_or(Role::Info, |kind| kind.role);
        if self.aim == Aim::Ties {
            return self.note(found, role, is_report);
        }
        match self.counts.get_mut(usize::from(code)) {
            Some(count) => *count += 1,
            None => *self.unknown.entry(found.event.to_vec()).or_default() += 1,
        }
        let mut row = self.row(found);
        (row.code, row.role) = (code, role);
        if is_report {
            return self.report(row, found);
        }
        if found.id.is_empty() {
            return self.loose(row);
        }
        row.kind = KeyKind::Message;
        (row.key, row.check) = self.checked_id(found.id);
        if self.notes_keys {
            self.note_key(row.key);
        }
        self.tie(row.key, found, role);
        self.push(row);
    }

    /// Counts a record and makes a row of it that has no key yet.
    #[inline]
    fn row(&mut self, found: &Found<'_, 'p>) -> Row {
        let server = self.server(found.server);
        let (time, len) = (found.time, found.len);
        self.count(server, Service::Transport, time, len);
        let mut row = Row::blank(self.slice.chunk);
        if found.fields > 0 {
            row.set_ends(found.ends, found.fields);
        }
        (row.time, row.offset, row.line) = (time, found.at as u32, self.line);
        (row.len, row.server, row.layout) = (len as u32, server, self.layout);
        row.size_bytes = found.size_bytes.min(u64::from(u32::MAX)) as u32;
        row
    }

    fn loose(&mut self, row: Row) {
        self.found.rows_without_id += 1;
        if self.slice.keep_loose {
            self.found.loose.push(row);
        }
    }

    #[inline]
    fn push(&mut self, row: Row) {
        let shard = match self.aim {
            Aim::Rows => shard(row.key),
            _ => 0,
        };
        self.found.shards[shard].push(row);
    }

    /// Counts a record of a server.
    #[inline]
    fn count(&mut self, server: u16, service: Service, time: Time, len: usize) {
        self.found.seen.count(server, service, time, len + 1);
        self.found.rows += 1;
        let (low, high) = self.found.span.unwrap_or((time, time));
        self.found.span = Some((low.min(time), high.max(time)));
    }

    /// Ties the two identifiers of a record.
    #[inline]
    fn tie(&mut self, key: u64, found: &Found<'_, 'p>, role: Role) {
        // A report for all recipients has an id of its own, which must not be taken for the message's.
        let renames = role != Role::Fail && x400::is_proper_id(found.linked);
        if renames && x400::is_proper_id(found.id) {
            let other = self.checked_id(found.linked).0;
            // Records of one message often follow each other.
            if other != key && self.found.ties.last() != Some(&(key, other)) {
                self.found.ties.push((key, other));
            }
        }
    }

    /// Keeps of a record only what ties identifiers.
    #[inline]
    fn note(&mut self, found: &Found<'_, 'p>, role: Role, is_report: bool) {
        if self.slice.keep_hops {
            // Other programs hand over to its server, of which it is to be known when it has a log.
            let server = self.server(found.server);
            self.count(server, Service::Transport, found.time, found.len);
        }
        if is_report {
            return self.report(Row::blank(self.slice.chunk), found);
        }
        if found.id.is_empty() {
            return;
        }
        let key = self.checked_id(found.id).0;
        self.note_key(key);
        self.tie(key, found, role);
    }

    #[inline]
    fn note_key(&mut self, key: u64) {
        if self.found.keys.last() != Some(&key) {
            self.found.keys.push(key);
        }
    }

    /// [`Keys::checked_id`].
    #[inline]
    fn checked_id(&mut self, id: &'p [u8]) -> (u64, u16) {
        let Some(end) = id.last_chunk() else {
            return self.keys.checked_id(id);
        };
        // Ids end in numbers that count up.
        let at = u16::from_le_bytes(*end).wrapping_mul(0x9e37) >> 8;
        let Some(known) = self.ids.get_mut(usize::from(at)) else {
            return self.keys.checked_id(id);
        };
        if known.0 != id {
            *known = (id, self.keys.checked_id(id));
        }
        known.1
    }

    /// A record about a report: it says something about two messages.
    fn report(&mut self, mut row: Row, found: &Found<'_, 'p>) {
        if !found.id.is_empty() {
            (row.key, row.check) = self.checked_id(found.id);
        }
        row.kind = KeyKind::Message;
        let second = match x400::is_proper_id(found.about) {
            true => self.checked_id(found.about).0,
            false => 0,
        };
        self.found.reports.push(ReportRow { row, second });
    }

    #[inline]
    fn server(&mut self, host: &'p [u8]) -> u16 {
        let is_lower = host.first().is_some_and(u8::is_ascii_lowercase);
        let known = &mut self.hosts[usize::from(is_lower)];
        if !same(known.0, host) || known.1 == u16::MAX {
            *known = (host, self.found.seen.server(host));
        }
        known.1
    }

    /// What a chunk gave of which every line was looked at.
    pub fn finish_lines(self) -> Yield {
        let lines = Some(u64::from(self.line));
        Yield {
            lines,
            ..self.finish()
        }
    }

    /// What the chunk gave.
    pub fn finish(mut self) -> Yield {
        if self.aim == Aim::First {
            return self.found;
        }
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
