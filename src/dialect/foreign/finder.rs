//! Finds the records of a chunk.
//!
//! In: a chunk that begins at a record. Out: [`Yield`]. Stamps are read by the chunk's clock; the first line whose
//! ids prove another one (daylight saving began, the year turned) has the chunk read again with the clocks that each
//! stretch of it tells.

use bstr::BStr;
use bumpalo::Bump;

use super::clock;
use super::entry::Entry;
use super::events::{self, KINDS, code};
use super::hop::{At, Birth, Claim, NamedAs, Refusal, ReportOf, Ruling, is_online};
use super::kept;
use super::outer::{Outer, Program, Stamp, outer_after};
use super::reply::{self, Named};
use super::stamps::{Clocks, anchor, calm as calm_around, clocks};
use super::{Form, Schema, begins_entry, read};
use crate::address::bare_id;
use crate::address::x400::is_mts_id;
use crate::dialect::exim::pieces;
use crate::dialect::online;
use crate::dialect::{EventCounts, Layout, SHARDS, Slice, Yield, shard};
use crate::event::{Place, Role};
use crate::fault::Reason;
use crate::keys::{Keys, Service};
use crate::row::{KeyKind, Row, mark};
use crate::time::{SECOND, Time};

/// Finds the records of `slice`; `once`: the first one only.
pub fn parse(slice: Slice<'_>, schema: &Schema, keys: &Keys, once: bool) -> Yield {
    let arena = Bump::new();
    let finder = Finder::new(slice, *schema, (keys, once), &arena);
    let strict = !once && !schema.settled;
    match finder.run(&vec![(0, schema.clock)], once, strict) {
        Some(found) => found,
        None => {
            let clocks = clocks(slice.data, schema, slice.start);
            let finder = Finder::new(slice, *schema, (keys, once), &arena);
            finder.run(&clocks, once, false).unwrap_or_default()
        }
    }
}

/// The state of reading one chunk.
struct Finder<'p> {
    slice: Slice<'p>,
    schema: Schema,
    keys: &'p Keys,
    found: Yield,
    line: u32,
    layout: u8,
    counts: [[u32; KINDS.len()]; 4],
    /// The host seen last, its number and key: lines of one host stand together.
    host: (&'p [u8], u16, u64),
    known: bool,
    /// The stamp read last: lines of one second stand together.
    stamp: Stamp<'p>,
    /// Where entries go that Exim cut into pieces.
    arena: &'p Bump,
    /// Where pieces begin that were read with the first one of their entry.
    read: Vec<usize>,
}

/// Key of the other side's address; 0 where it is not known or is the host itself.
fn address(entry: &Entry<'_>, keys: &Keys) -> u64 {
    match entry.peer.ip {
        b"" => 0,
        _ if entry.peer.is_loopback() => 0,
        ip => keys.caseless(ip),
    }
}

/// The number of the process that wrote a line; 0: the line does not say.
#[inline]
fn process(found: &Outer<'_>) -> u32 {
    let digit = |b: &u8| b.is_ascii_digit().then(|| u32::from(b - b'0'));
    let number = |n: u32, b| Some(n.wrapping_mul(10).wrapping_add(digit(b)?));
    found.process.iter().try_fold(0, number).unwrap_or(0)
}

impl<'p> Finder<'p> {
    /// `once`: for the first record only; records are read again by the thousand.
    fn new(
        slice: Slice<'p>,
        schema: Schema,
        (keys, once): (&'p Keys, bool),
        arena: &'p Bump,
    ) -> Self {
        // Growing would copy all of it; what is not needed is never touched.
        let expected = match once {
            true => 0,
            false => slice.data.len() / 100 / SHARDS + 16,
        };
        let shards = (0..SHARDS).map(|_| Vec::with_capacity(expected));
        let mut found = Yield {
            shards: shards.collect(),
            ..Yield::default()
        };
        let messages = slice.data.len() / 400 + 4;
        found.hops.births.reserve(messages);
        found.hops.claims.reserve(messages);
        found.hops.named.reserve(messages);
        Finder {
            slice,
            schema,
            keys,
            found,
            line: 0,
            layout: 0,
            counts: [[0; KINDS.len()]; 4],
            host: (b"", 0, 0),
            known: false,
            stamp: Stamp::default(),
            arena,
            read: Vec::new(),
        }
    }

    /// Reads the chunk; `None` if a line proves another clock than the one in force and `strict` says to heed it.
    fn run(mut self, clocks: &Clocks, once: bool, strict: bool) -> Option<Yield> {
        let data = self.slice.data;
        let mut clocks = clocks.iter().peekable();
        if strict && self.schema.turn.is_some() {
            return None;
        }
        let (mut month, mut calm) = (None, 0..0);
        let mut at = 0;
        while at < data.len() {
            while let Some((_, clock)) = clocks.next_if(|(from, _)| *from <= at) {
                self.schema.clock = *clock;
                self.bind();
            }
            let mut end = memchr::memchr(b'\n', &data[at..]).map_or(data.len(), |n| at + n);
            let mut breaks = 1;
            if self.schema.form == Form::Exim {
                while end + 1 < data.len() && !begins_entry(&data[end + 1..]) {
                    end += 1;
                    end += memchr::memchr(b'\n', &data[end..]).unwrap_or(data.len() - end);
                    breaks += 1;
                }
            }
            let line = data[at..end].strip_suffix(b"\r").unwrap_or(&data[at..end]);
            match outer_after(line, &self.schema.clock, &mut self.stamp) {
                Some(found) if found.program == Program::Exim && self.is_piece(&found) => {
                    self.piece(at, line, found);
                }
                Some(found) => {
                    let entry = read(&found);
                    if strict && let Some(bare) = &found.bare {
                        let turned = bare
                            .day
                            .is_some_and(|(new, _)| month.replace(new) == Some(12) && new == 1);
                        if !calm.contains(&bare.local) {
                            calm = calm_around(&self.schema, bare.local)?;
                        }
                        if turned || self.proves_other_clock(&found, &entry) {
                            return None;
                        }
                    }
                    self.add((at, line), line.len() + 1, &found, &entry);
                }
                None => self.stray(at, line, end),
            }
            self.line += breaks;
            at = end + 1;
            if once {
                break;
            }
        }
        Some(self.finish())
    }

    /// Whether the line is a piece of an entry.
    #[inline]
    fn is_piece(&self, found: &Outer<'_>) -> bool {
        found.body.first() == Some(&b'[')
            && self.schema.form == Form::Syslog
            && pieces::piece(found.body).is_some()
    }

    /// Files the entry whose first piece this is; one of the others was read with it.
    #[cold]
    fn piece(&mut self, at: usize, line: &'p [u8], found: Outer<'p>) {
        if let Some(read) = self.read.iter().position(|begin| *begin == at) {
            self.read.swap_remove(read);
            return;
        }
        let data = self.slice.data;
        let Some(whole) = pieces::gather(data, at, self.arena) else {
            return self.stray(at, line, at + line.len());
        };
        if whole.is_torn {
            self.fault(Reason::MissingPiece, at);
        }
        let found = Outer {
            body: whole.body,
            ..found
        };
        let entry = read(&found);
        self.add((at, &data[at..whole.end]), whole.bytes, &found, &entry);
        self.read.extend(whole.others);
    }

    fn bind(&mut self) {
        self.stamp = Stamp::default();
        let layout = Layout::Foreign(self.schema);
        self.layout = self.found.number(layout);
    }

    fn proves_other_clock(&self, found: &Outer<'_>, entry: &Entry<'_>) -> bool {
        let clock = &self.schema.clock;
        if self.schema.zone.is_some() {
            return false;
        }
        let Some((arrival, slack_s)) = anchor(found, entry) else {
            return false;
        };
        // Most lines prove the clock in force: a subtraction tells.
        let late = found.time.0.div_euclid(SECOND) - arrival;
        if (-10..=slack_s).contains(&late) {
            return false;
        }
        let told = found
            .bare
            .and_then(|bare| clock.told(&bare, arrival, slack_s));
        told.is_some_and(|told| (told.year, told.offset_s) != (clock.year, clock.offset_s))
    }

    #[cold]
    fn stray(&mut self, at: usize, line: &[u8], end: usize) {
        if line.is_empty() {
            return;
        }
        let torn = self.slice.ends_file && end == self.slice.data.len();
        self.fault(if torn { Reason::TornEnd } else { Reason::Stray }, at);
    }

    fn fault(&mut self, reason: Reason, at: usize) {
        let place = Place {
            file: self.slice.file,
            offset: self.slice.start + at as u64,
            line: self.line,
        };
        self.found.faults.add(reason, place);
    }

    /// Files one line, or several that are one entry, of so many bytes.
    #[inline]
    fn add(
        &mut self,
        (at, line): (usize, &'p [u8]),
        bytes: usize,
        found: &Outer<'p>,
        entry: &Entry<'p>,
    ) {
        if found.program == Program::Other {
            self.found.passed_over += 1;
            return;
        }
        self.server(if found.host.is_empty() {
            self.slice.server
        } else {
            BStr::new(found.host)
        });
        let (_, server, host) = self.host;
        let time = found.time;
        self.count(server, time, bytes);
        self.counts[entry.program as usize][usize::from(entry.code)] += 1;
        self.found.rows += 1;
        let mut row = Row::blank(self.slice.chunk);
        (row.time, row.offset, row.line) = (time, at as u32, self.line);
        (row.len, row.server, row.code, row.layout) =
            (line.len() as u32, server, entry.code, self.layout);
        row.size_bytes = entry.size.min(u64::from(u32::MAX)) as u32;
        row.role = events::of(entry.code).role;
        row.kind = KeyKind::Queue;
        if entry.id.is_empty() {
            return self.without_id(row, line, found, entry);
        }
        row.key = self.keys.copy_on(host, Service::Transport, entry.id);
        row.check = self.keys.check(entry.id);
        if matches!(
            entry.code,
            code::NAMED | code::QUEUED | code::RELEASED | code::REPORT
        ) || entry.code == code::OTHER && entry.sender.is_some()
        {
            row.marks |= mark::NAMES;
        }
        if row.role != Role::Info || row.has(mark::NAMES) {
            kept::keep(&mut row, entry, line);
        }
        let process = match (entry.code, entry.program) {
            (code::RECEIVED, Program::Postfix) => process(found),
            _ => 0,
        };
        self.hops(&mut row, entry, (host, process), time);
        self.found.shards[shard(row.key)].push(row);
    }

    /// A refusal is a message that never was one; it is known by its own line. A ruling is about a message to come.
    fn without_id(&mut self, mut row: Row, line: &[u8], found: &Outer<'_>, entry: &Entry<'_>) {
        if matches!(entry.code, code::HELD | code::DISCARDED) {
            row.key = self.host.2 ^ self.keys.bytes(line);
            self.found.hops.rulings.push(Ruling {
                key: row.key,
                host: self.host.2,
                process: process(found),
                from: address(entry, self.keys),
                time: row.time,
                at: At::of(&row),
            });
            self.found.shards[shard(row.key)].push(row);
            return;
        }
        if entry.code == code::REFUSED {
            row.key = self.host.2 ^ self.refusal(line, found);
            let from = address(entry, self.keys);
            if from != 0 {
                self.found.hops.refusals.push(Refusal {
                    key: row.key,
                    from,
                    time: row.time,
                });
            }
            self.found.shards[shard(row.key)].push(row);
            return;
        }
        self.found.rows_without_id += 1;
        if self.slice.keep_loose {
            self.found.loose.push(row);
        }
    }

    /// Exim says it twice, for mainlog and for rejectlog; by way of syslog each time behind a header of its own.
    fn refusal(&self, line: &[u8], found: &Outer<'_>) -> u64 {
        if found.program != Program::Exim || self.schema.form != Form::Syslog {
            return self.keys.bytes(line);
        }
        let end = memchr::memchr(b'\n', found.body).unwrap_or(found.body.len());
        let second = found.time.0.div_euclid(SECOND) * i64::from(!begins_entry(found.body));
        self.keys.bytes(&found.body[..end]) ^ self.keys.bytes(&second.to_le_bytes())
    }

    /// What the line says about other records.
    fn hops(&mut self, row: &mut Row, entry: &Entry<'p>, (host, process): (u64, u32), time: Time) {
        let (key, keys, at) = (row.key, self.keys, At::of(row));
        match entry.code {
            code::RECEIVED => {
                let id = keys.bytes(entry.id);
                self.found.hops.births.push(Birth {
                    key,
                    id,
                    host,
                    time,
                    from: address(entry, keys),
                    process,
                    may_be_reused: clock::arrival(entry.program, entry.id).is_none(),
                    at,
                });
                if is_online(entry.peer.name) {
                    let online = keys.host(online::SERVER);
                    self.found.hops.from_online.push((key, time, online));
                }
                if !entry.other.is_empty() {
                    let other = keys.copy_on(host, Service::Transport, entry.other);
                    if entry.program == Program::Exim {
                        row.role = Role::Report;
                        self.found.hops.reports.push(ReportOf {
                            own: key,
                            about: other,
                            time,
                            at,
                            is_own: true,
                        });
                    } else {
                        self.found.hops.ties.push((key, other));
                    }
                }
                self.named(row, entry, host);
            }
            code::NAMED => self.named(row, entry, host),
            code::FORWARDED => {
                let other = keys.copy_on(host, Service::Transport, entry.other);
                self.found.hops.ties.push((key, other));
            }
            code::SENT => self.claim(row, entry, host),
            code::REPORT => {
                // Told of the one it is about, and once more of the report itself.
                let child = keys.copy_on(host, Service::Transport, entry.other);
                self.found.hops.births.push(Birth {
                    key: child,
                    id: keys.bytes(entry.other),
                    host,
                    time,
                    from: 0,
                    process: 0,
                    may_be_reused: false,
                    at,
                });
                self.found.hops.reports.push(ReportOf {
                    own: child,
                    about: key,
                    time,
                    at,
                    is_own: false,
                });
                let mut of_report = row.under(child);
                of_report.kind = KeyKind::Second;
                of_report.check = keys.check(entry.other);
                self.found.shards[shard(child)].push(of_report);
            }
            _ => {}
        }
    }

    fn named(&mut self, row: &Row, entry: &Entry<'_>, host: u64) {
        let id = entry.message_id;
        if id.len() > 2 {
            let message_id = self.keys.message_id(id);
            if is_mts_id(bare_id(id)) {
                // The Internet Mail Service of 5.5 embeds the id under which the message goes there.
                self.found.hops.ties.push((row.key, message_id));
            }
            self.found.hops.named.push(NamedAs {
                key: row.key,
                message_id,
                host,
                time: row.time,
                at: At::of(row),
            });
        }
    }

    fn claim(&mut self, row: &Row, entry: &Entry<'p>, host: u64) {
        let (keys, own) = (self.keys, host);
        let (key, time, at) = (row.key, row.time, At::of(row));
        let id = match reply::named(entry.text) {
            Named::Exchange { id, host, .. } => {
                let copy = keys.copy(host, Service::Transport, id);
                self.found.hops.to_exchange.push((key, copy));
                if is_online(host) {
                    // A trace names no copies, only messages.
                    self.found.hops.claims.push(Claim {
                        key,
                        id: 0,
                        host: own,
                        peer: keys.host(online::SERVER),
                        time,
                        at,
                    });
                }
                return;
            }
            Named::Queue(id) => keys.bytes(id),
            Named::Nothing => 0,
        };
        let address = if entry.peer.ip.is_empty() {
            entry.peer.name
        } else {
            entry.peer.ip
        };
        let peer = if entry.peer.is_loopback() || address.is_empty() {
            0
        } else {
            keys.caseless(address)
        };
        let names = &mut self.found.hops.names;
        if peer != 0 && names.iter().rev().take(32).all(|(known, _)| *known != peer) {
            names.push((peer, address.into()));
        }
        self.found.hops.claims.push(Claim {
            key,
            id,
            host,
            peer,
            time,
            at,
        });
    }

    fn server(&mut self, host: &'p [u8]) {
        if self.known && self.host.0 == host {
            return;
        }
        let number = self.found.seen.server(host);
        let key = self.keys.host(host);
        self.host = (host, number, key);
        self.known = true;
        let names = &mut self.found.hops.names;
        if names.iter().rev().take(32).all(|(known, _)| *known != key) {
            names.push((key, self.found.seen.name(number).to_owned()));
        }
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
    fn finish(mut self) -> Yield {
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
