//! Finds the records of a chunk.
//!
//! In: a chunk that begins at a record. Out: [`Yield`]. Stamps are read by the chunk's clock; the first line whose
//! ids prove another one (daylight saving began, the year turned) has the chunk read again with the clocks that each
//! stretch of it tells; where hosts of several zones share the file, each line goes by its host's. What a line becomes is
//! [`super::rows`]' work.

use bumpalo::Bump;

use super::clock::Clock;
use super::entry::Entry;
use super::line::{Outer, Program, Stamp};
use super::outer::outer_after;
use super::reply::Named;
use super::rows::{Line, Rows};
use super::stamps::calm as calm_around;
use super::stretches::{Stretches, stretches};
use super::told::anchor;
use super::{Form, Schema, begins_entry, read};
use crate::dialect::exim::pieces;
use crate::dialect::{Aim, Slice, Yield};
use crate::fault::Reason;
use crate::keys::Keys;
use crate::scan::BOM;
use crate::time::SECOND;

/// Finds the records of `slice`.
pub fn parse(slice: Slice<'_>, schema: &Schema, keys: &Keys, aim: Aim) -> Yield {
    let arena = Bump::new();
    let once = aim == Aim::First;
    let rows = || Rows::new(slice, schema.form, (keys, aim));
    let finder = || Finder::new(slice, *schema, rows(), &arena);
    let strict = !once && !schema.settled && schema.hosts.is_none();
    match finder().run(&vec![(0, schema.clock)], once, strict) {
        Some(found) => found,
        None => {
            let stretches = stretches(slice.data, schema, slice.start);
            finder().run(&stretches, once, false).unwrap_or_default()
        }
    }
}

/// The state of reading one chunk.
struct Finder<'p> {
    slice: Slice<'p>,
    schema: Schema,
    rows: Rows<'p>,
    line: u32,
    /// The stamp read last: lines of one second stand together.
    stamp: Stamp<'p>,
    /// Where entries go that Exim cut into pieces.
    arena: &'p Bump,
    /// Where pieces begin that were read with the first one of their entry.
    read: Vec<usize>,
}

impl<'p> Finder<'p> {
    fn new(slice: Slice<'p>, schema: Schema, rows: Rows<'p>, arena: &'p Bump) -> Self {
        Finder {
            slice,
            schema,
            rows,
            line: 0,
            stamp: Stamp::default(),
            arena,
            read: Vec::new(),
        }
    }

    /// Reads the chunk; `None` if a line proves another clock than the one in force and `strict` says to heed it.
    fn run(mut self, stretches: &Stretches, once: bool, strict: bool) -> Option<Yield> {
        let data = self.slice.data;
        let mut stretches = stretches.iter().peekable();
        if strict && self.schema.turn.is_some() {
            return None;
        }
        let (mut month, mut calm) = (None, 0..0);
        let mut at = 0;
        while at < data.len() {
            while let Some((_, clock)) = stretches.next_if(|(from, _)| *from <= at) {
                self.go_by(*clock);
            }
            if data[at..].starts_with(BOM) {
                at += BOM.len();
            }
            let (end, breaks) = self.record_end(at);
            let line = data[at..end].strip_suffix(b"\r").unwrap_or(&data[at..end]);
            let mut outer = outer_after(line, &self.schema.clock, &mut self.stamp);
            if self.schema.hosts.is_some() && self.turns_to_host(&outer, at) {
                outer = outer_after(line, &self.schema.clock, &mut self.stamp);
            }
            match &outer {
                Some(found) if found.program == Program::Exim && self.is_piece(found) => {
                    self.piece(at, line, *found);
                }
                Some(found) => {
                    let entry = read(found);
                    let named = entry.named();
                    if strict && let Some(bare) = &found.bare {
                        let turned = bare
                            .day
                            .is_some_and(|(new, _)| month.replace(new) == Some(12) && new == 1);
                        if !calm.contains(&bare.local) {
                            calm = calm_around(&self.schema, bare.local)?;
                        }
                        if turned || self.proves_other_clock(found, &entry, named) {
                            return None;
                        }
                    }
                    let bytes = line.len() + 1;
                    if end == data.len() && !once && self.slice.ends_file && entry.is_cut_off(line)
                    {
                        self.fault(Reason::TornEnd, at);
                    } else {
                        self.add(at, line, bytes, (found, &entry, named));
                    }
                }
                None => self.stray(at, line, end),
            }
            self.line += breaks;
            at = end + 1;
            if once {
                return Some(self.rows.finish());
            }
        }
        // The last line may want its break.
        let wanting = u64::from(data.last().is_some_and(|b| *b != b'\n'));
        self.rows.found.lines = Some(u64::from(self.line) - wanting);
        Some(self.rows.finish())
    }

    /// From here on stamps are read by this clock.
    fn go_by(&mut self, clock: Clock) {
        self.schema.clock = clock;
        self.stamp = Stamp::default();
        self.rows.bind(Schema {
            hosts: None,
            ..self.schema
        });
    }

    /// Turns to the clock of the host that wrote a line; returns whether it is another one.
    #[cold]
    fn turns_to_host(&mut self, found: &Option<Outer<'_>>, at: usize) -> bool {
        let Some(found) = found else {
            return false;
        };
        let at = self.slice.start + at as u64;
        let own = self.schema.clock_of(found.host, at);
        let turns = !own.agrees(&self.schema.clock);
        if turns {
            self.go_by(own);
        }
        turns
    }

    /// Where the record that begins at `at` ends, and how many lines it is.
    #[inline]
    fn record_end(&self, at: usize) -> (usize, u32) {
        let data = self.slice.data;
        let mut end = memchr::memchr(b'\n', &data[at..]).map_or(data.len(), |n| at + n);
        let mut breaks = 1;
        if self.schema.form == Form::Exim {
            while end + 1 < data.len() && !begins_entry(&data[end + 1..]) {
                end += 1;
                end += memchr::memchr(b'\n', &data[end..]).unwrap_or(data.len() - end);
                breaks += 1;
            }
        }
        (end, breaks)
    }

    #[inline]
    fn add(
        &mut self,
        at: usize,
        text: &'p [u8],
        bytes: usize,
        (found, entry, named): (&Outer<'p>, &Entry<'p>, Named<'p>),
    ) {
        let line = Line {
            at: at as u32,
            number: self.line,
            text,
            bytes,
        };
        self.rows.add(&line, found, entry, named);
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
            self.rows.fault(Reason::MissingPiece, at, self.line);
        }
        let found = Outer {
            body: whole.body,
            ..found
        };
        let entry = read(&found);
        let all = &data[at..whole.end];
        self.add(at, all, whole.bytes, (&found, &entry, entry.named()));
        self.read.extend(whole.others);
    }

    #[inline]
    fn proves_other_clock(&self, found: &Outer<'_>, entry: &Entry<'_>, named: Named<'_>) -> bool {
        let clock = &self.schema.clock;
        if self.schema.zone.is_some() {
            return false;
        }
        let Some(anchor) = anchor(found, entry, named) else {
            return false;
        };
        // Most lines prove the clock in force: a subtraction tells.
        let late = found.time.0.div_euclid(SECOND) - anchor.arrival;
        if (-10..=anchor.slack_s).contains(&late) {
            return false;
        }
        let told = found
            .bare
            .and_then(|bare| clock.told(&bare, anchor.arrival, anchor.slack_s));
        told.is_some_and(|told| !told.agrees(clock))
    }

    #[cold]
    fn stray(&mut self, at: usize, line: &[u8], end: usize) {
        if line.is_empty() {
            return;
        }
        let torn = self.slice.ends_file && end == self.slice.data.len();
        let reason = match self.schema.form {
            _ if torn => Reason::TornEnd,
            Form::Syslog => Reason::NoOuterLine,
            Form::Exim => Reason::Stray,
        };
        self.fault(reason, at);
    }

    fn fault(&mut self, reason: Reason, at: usize) {
        self.rows.fault(reason, at, self.line);
    }
}
