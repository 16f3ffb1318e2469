//! What the lines of a chunk become: a row each, and what they say of records on other hosts.
//!
//! In: lines taken apart. Out: [`Yield`].

use super::entry::Entry;
use super::events::{self, KINDS, code};
use super::hop::{At, Own, Refusal, Ruling};
use super::kept;
use super::line::{Outer, Program};
use super::reply::Named;
use super::{Form, Schema, begins_entry, last_of_chain};
use crate::dialect::{Aim, EventCounts, Layout, SHARDS, Slice, Yield, shard};
use crate::event::{Place, Role};
use crate::fault::Reason;
use crate::keys::{Keys, Service};
use crate::row::{KeyKind, Row, mark};
use crate::time::{SECOND, Time};

/// One line, or several that are one entry.
pub(super) struct Line<'p> {
    /// Where it begins in its chunk.
    pub at: u32,
    /// Its number in the chunk.
    pub number: u32,
    pub text: &'p [u8],
    /// How long it is in the file.
    pub bytes: usize,
}

/// What the lines of one chunk gave so far.
pub(super) struct Rows<'p> {
    slice: Slice<'p>,
    form: Form,
    pub(super) keys: &'p Keys,
    /// Whether rows are wanted, not only what they say of records on other hosts.
    keep_rows: bool,
    pub(super) found: Yield,
    layout: u8,
    counts: [[u32; KINDS.len()]; 4],
    /// The hosts seen last, each with its number and key, that of the line at hand first: lines of one host stand
    /// together, or those of a few take turns.
    hosts: Vec<(&'p [u8], u16, u64)>,
}

/// So many hosts are known at once.
const KNOWN_HOSTS: usize = 16;

/// Whether a line that names no queue id is a row of a message all the same.
#[inline]
fn becomes_row(code: u8) -> bool {
    matches!(
        code,
        code::HELD
            | code::DISCARDED
            | code::REDIRECTED
            | code::REFUSED
            | code::BROKEN_OFF
            | code::SWALLOWED
    )
}

/// Whether such a line tells all that there is of its message.
fn is_whole(code: u8) -> bool {
    matches!(code, code::REFUSED | code::SWALLOWED)
}

/// What a row shows of its line, its key aside.
#[inline]
fn fill(
    row: &mut Row,
    line: &Line<'_>,
    entry: &Entry<'_>,
    (time, server, layout): (Time, u16, u8),
) {
    (row.time, row.offset, row.line) = (time, line.at, line.number);
    (row.len, row.server) = (line.text.len() as u32, server);
    (row.code, row.layout) = (entry.code, layout);
    row.size_bytes = entry.size.min(u64::from(u32::MAX)) as u32;
    row.role = events::of(entry.code).role;
    row.kind = KeyKind::Queue;
}

impl<'p> Rows<'p> {
    pub(super) fn new(slice: Slice<'p>, form: Form, (keys, aim): (&'p Keys, Aim)) -> Self {
        // Growing would copy all of it; what is not needed is never touched. Single records are read again by the thousand.
        let expected = match aim {
            Aim::Rows => slice.data.len() / 100 / SHARDS + 16,
            Aim::First | Aim::Ties => 0,
        };
        let shards = (0..SHARDS).map(|_| Vec::with_capacity(expected));
        let mut found = Yield {
            shards: shards.collect(),
            ..Yield::default()
        };
        let messages = match aim {
            Aim::Rows | Aim::Ties if slice.keep_hops => slice.data.len() / 400 + 4,
            _ => 0,
        };
        found.hops.births.reserve(messages);
        found.hops.claims.reserve(messages);
        found.hops.named.reserve(messages);
        if aim != Aim::First {
            let begin = (slice.chunk, (slice.file, slice.start));
            found.hops.begins.push(begin);
        }
        Rows {
            slice,
            form,
            keys,
            keep_rows: aim != Aim::Ties,
            found,
            layout: 0,
            counts: [[0; KINDS.len()]; 4],
            hosts: Vec::with_capacity(KNOWN_HOSTS),
        }
    }

    /// From here on lines are read by this schema.
    pub(super) fn bind(&mut self, schema: Schema) {
        self.layout = self.found.number(Layout::Foreign(schema));
    }

    pub(super) fn fault(&mut self, reason: Reason, at: usize, line: u32) {
        let place = Place {
            file: self.slice.file,
            offset: self.slice.start + at as u64,
            line,
        };
        self.found.faults.add(reason, place);
    }

    /// Files a line.
    #[inline]
    pub(super) fn add(
        &mut self,
        line: &Line<'p>,
        found: &Outer<'p>,
        entry: &Entry<'p>,
        named: Named<'p>,
    ) {
        if found.program == Program::Other {
            self.found.passed_over += 1;
            return;
        }
        let (server, host) = self.server(match found.host {
            b"" => self.slice.server,
            host => host,
        });
        let time = found.time;
        self.count(server, time, line.bytes);
        self.counts[entry.program as usize][usize::from(entry.code)] += 1;
        self.found.rows += 1;
        if entry.id.is_empty() && !becomes_row(entry.code) && !self.slice.keep_loose {
            self.found.rows_without_id += 1;
            return;
        }
        if !self.keep_rows && !entry.tells_of_others() {
            return;
        }
        if entry.id.is_empty() {
            let row = self.row(line, time, entry, server);
            return self.without_id(row, line.text, found, entry);
        }
        let key = self.keys.copy_on(host, Service::Transport, entry.id);
        if self.slice.keep_hops {
            let at = At {
                chunk: self.slice.chunk,
                offset: line.at,
                line: line.number,
            };
            self.note(Own { key, time, at }, (found, entry), named);
        }
        if !self.keep_rows {
            return;
        }
        if entry.code == code::REPORT {
            let row = self.row(line, time, entry, server);
            self.of_report(row, entry);
        }
        let (chunk, layout) = (self.slice.chunk, self.layout);
        let rows = &mut self.found.shards[shard(key)];
        // Written where it stays: made elsewhere, it would be copied before it has left the processor's store buffers.
        rows.push(Row::blank(chunk));
        let Some(row) = rows.last_mut() else { return };
        fill(row, line, entry, (time, server, layout));
        (row.key, row.check) = (key, self.keys.check(entry.id));
        if matches!(
            entry.code,
            code::NAMED | code::QUEUED | code::RELEASED | code::PROBED | code::REPORT
        ) || entry.code == code::OTHER && entry.sender.is_some()
        {
            row.marks |= mark::NAMES;
        }
        if entry.code == code::RECEIVED && entry.program == Program::Exim && !entry.other.is_empty()
        {
            row.role = Role::Report;
        }
        if row.role != Role::Info || row.has(mark::NAMES) {
            kept::keep(row, entry, line.text);
        }
    }

    /// A row of which the key is not known yet.
    fn row(&self, line: &Line<'_>, time: Time, entry: &Entry<'_>, server: u16) -> Row {
        let mut row = Row::blank(self.slice.chunk);
        fill(&mut row, line, entry, (time, server, self.layout));
        row
    }

    #[inline]
    fn push(&mut self, row: Row) {
        if self.keep_rows {
            self.found.shards[shard(row.key)].push(row);
        }
    }

    /// A refusal is a message that never was one; it is known by its own line, as is one that a filter swallowed. A ruling is about a message to come, or
    /// about the one that is just coming.
    fn without_id(&mut self, mut row: Row, line: &[u8], found: &Outer<'_>, entry: &Entry<'_>) {
        if becomes_row(entry.code) && !is_whole(entry.code) {
            row.key = self.host() ^ self.keys.bytes(line);
            self.found.hops.rulings.push(Ruling {
                key: row.key,
                host: self.host(),
                process: found.process_number(),
                from: entry.peer_key(self.keys),
                time: row.time,
                at: At::of(&row),
                is_behind: entry.code == code::BROKEN_OFF,
            });
            self.push(row);
            return;
        }
        if is_whole(entry.code) {
            row.key = self.host() ^ self.refusal(line, found);
            let from = entry.peer_key(self.keys);
            if from != 0 {
                self.found.hops.refusals.push(Refusal {
                    key: row.key,
                    from,
                    time: row.time,
                });
            }
            self.push(row);
            return;
        }
        self.found.rows_without_id += 1;
        if self.slice.keep_loose {
            self.found.loose.push(row);
        }
    }

    /// Exim says it twice, for mainlog and for rejectlog; by way of syslog each time behind a header of its own.
    fn refusal(&self, line: &[u8], found: &Outer<'_>) -> u64 {
        if found.program != Program::Exim || self.form != Form::Syslog {
            return self.keys.bytes(line);
        }
        let end = memchr::memchr(b'\n', found.body).unwrap_or(found.body.len());
        let second = found.time.0.div_euclid(SECOND) * i64::from(!begins_entry(found.body));
        self.keys.bytes(&found.body[..end]) ^ self.keys.bytes(&second.to_le_bytes())
    }

    /// A line about a report is told of the record it is about, and once more of the report itself.
    #[cold]
    fn of_report(&mut self, row: Row, entry: &Entry<'p>) {
        let mut of_report = row.under(self.on_host(entry.other));
        of_report.marks |= mark::NAMES;
        of_report.kind = KeyKind::Second;
        of_report.check = self.keys.check(entry.other);
        self.push(of_report);
    }

    /// Number and key of the host at hand.
    #[inline]
    fn server(&mut self, host: &'p [u8]) -> (u16, u64) {
        // A few bytes, and nearly always the same ones: a call to compare them would cost more than the rest.
        let is_same =
            |known: &[u8]| known.len() == host.len() && known.iter().zip(host).all(|(a, b)| a == b);
        if !self.hosts.first().is_some_and(|known| is_same(known.0)) {
            match self.hosts.iter().position(|known| is_same(known.0)) {
                Some(at) => self.hosts.swap(0, at),
                None => self.new_server(host),
            }
        }
        let (_, server, key) = self.hosts[0];
        (server, key)
    }

    #[cold]
    fn new_server(&mut self, host: &'p [u8]) {
        let name = last_of_chain(host);
        let number = self.found.seen.server(name);
        let key = self.keys.host(name);
        self.hosts.truncate(KNOWN_HOSTS - 1);
        self.hosts.insert(0, (host, number, key));
        let names = &mut self.found.hops.names;
        if names.iter().rev().take(32).all(|(known, _)| *known != key) {
            names.push((key, self.found.seen.name(number).to_owned()));
        }
    }

    /// The key of the host at hand.
    pub(super) fn host(&self) -> u64 {
        self.hosts.first().map_or(0, |known| known.2)
    }

    #[inline]
    fn count(&mut self, server: u16, time: Time, bytes: usize) {
        self.found
            .seen
            .count(server, Service::Transport, time, bytes);
        let (low, high) = self.found.span.unwrap_or((time, time));
        self.found.span = Some((low.min(time), high.max(time)));
    }

    /// What the chunk gave.
    pub(super) fn finish(mut self) -> Yield {
        let mut counts = EventCounts::default();
        let programs = [
            Program::Postfix,
            Program::Exim,
            Program::Sendmail,
            Program::Other,
        ];
        for program in programs {
            for (kind, count) in KINDS.iter().zip(self.counts[program as usize]) {
                if count > 0 {
                    let name = (events::program(program).into(), kind.name.into());
                    counts.0.insert(name, (u64::from(count), true));
                }
            }
        }
        if self.found.passed_over > 0 {
            let (source, event) = events::PASSED_OVER;
            let name = (source.into(), event.into());
            counts.0.insert(name, (self.found.passed_over, true));
        }
        self.found.events = counts;
        self.found
    }
}
