//! What one chunk shows: the hot part of the audit.
//!
//! In: a chunk's rows. Out: first an [`Outline`] (order of rows, header lines, latest time), then, once it is known what
//! went before in the same file, a [`Part`] with everything the audit keeps of the chunk. Both are made for chunks
//! side by side; nothing here looks beyond the chunk.

use bstr::{BString, ByteSlice};
use bumpalo::Bump;

use super::handover::{Leg, Legs};
use super::ids::Generations;
use super::mentions::Mentions;
use super::twice::Prints;
use super::{Places, Spot};
use crate::dialect::{self, Stamp, Surroundings};
use crate::event::{Place, Role, ServerId};
use crate::join::Ground;
use crate::row::{KeyKind, Row};
use crate::time::{SECOND, Time};

/// Rows of one log are a few milliseconds out of order at most (`formats/modern.md` section 8); 5 minutes is a clock
/// that was set, or rows that were moved.
const BACK_MICROS: i64 = 300 * SECOND;
/// A log-id's time is 0.04 to 0.85 ms after its row's in all known rows.
const LOG_ID_MICROS: i64 = SECOND;

/// The rows of a chunk in order, and what stands between them.
pub struct Outline {
    /// Indices into the rows, by offset.
    order: Vec<u32>,
    headers: Vec<HeaderLine>,
    /// Latest row behind the last header; of the whole chunk if it has none.
    latest: Option<Time>,
}

/// A header line and the row that follows it.
pub struct HeaderLine {
    pub name: BString,
    pub value: BString,
    pub place: Place,
    before: usize,
}

impl Outline {
    pub fn new(ground: &Ground<'_>, number: usize, rows: &[Row]) -> Outline {
        // Sorting 8 bytes a row is a tenth of the work of sorting the rows.
        let mut keys: Vec<u64> = (rows.iter().zip(0..))
            .map(|(row, at)| u64::from(row.offset) << 32 | at)
            .collect();
        keys.sort_unstable();
        let order: Vec<u32> = keys.into_iter().map(|key| key as u32).collect();
        let headers = header_lines(ground, number, rows, &order);
        let from = headers.last().map_or(0, |header| header.before);
        let latest = order[from..].iter().map(|&at| rows[at as usize].time).max();
        Outline {
            order,
            headers,
            latest,
        }
    }

    /// The latest time before the next chunk of the same file, given that before this one.
    pub fn latest(&self, before: Option<Time>) -> Option<Time> {
        if self.headers.is_empty() {
            self.latest.max(before)
        } else {
            self.latest
        }
    }
}

/// Header lines stand where the bytes of rows leave a gap.
fn header_lines(
    ground: &Ground<'_>,
    number: usize,
    rows: &[Row],
    order: &[u32],
) -> Vec<HeaderLine> {
    let slice = &ground.slices[number];
    // The layouts of one file are of one dialect, and header lines are a matter of the dialect.
    let layout = rows.first().map_or(0, |row| usize::from(row.layout));
    let Some(layout) = ground.layouts.get(layout) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    let (mut record, mut end, mut line) = (0, 0, 0);
    let ends = order.iter().map(|&at| {
        let row = &rows[at as usize];
        let offset = row.offset as usize;
        (offset, offset + row.len as usize, row.line)
    });
    let past = (slice.data.len(), slice.data.len(), 0);
    for (before, (offset, next_end, next_line)) in ends.chain([past]).enumerate() {
        // A line break takes one or two bytes.
        if offset > end + 2 {
            // Only now: how many lines the record before the gap took.
            let own = slice.data[record..end].find_iter(b"\n").count() as u32;
            for header in dialect::headers(layout, &slice.data[end..offset]) {
                found.push(HeaderLine {
                    name: header.name.to_owned(),
                    value: header.value.to_owned(),
                    place: Place {
                        file: slice.file,
                        offset: slice.start + (end + header.at) as u64,
                        line: line + own + header.line,
                    },
                    before,
                });
            }
        }
        (record, end, line) = (offset, next_end, next_line);
    }
    found
}

/// All that is kept of one chunk.
#[derive(Default)]
pub struct Part {
    pub prints: Prints,
    pub back: Back,
    pub log_ids: LogIds,
    pub generations: Generations,
    pub legs: Legs,
    pub mentions: Mentions,
    pub headers: Vec<HeaderLine>,
}

/// Rows whose bytes are asked of memory before they are looked at: log-ids stand at the end of long rows.
const ROWS_AHEAD: usize = 6;
/// Real rows are shorter; of longer ones memory finds the rest by itself.
const ASKED_BYTES: usize = 2048;

/// Rows that stand behind a row of a later time in the same file.
#[derive(Default)]
pub struct Back {
    pub rows: u64,
    /// Microseconds.
    pub farthest: i64,
    pub places: Places,
}

/// Log-ids against the times of their rows.
#[derive(Default)]
pub struct LogIds {
    pub rows: u64,
    pub without_time: u64,
    pub differ: u64,
    /// Microseconds, without sign.
    pub farthest: i64,
    pub places: Places,
}

impl Part {
    /// Looks at every row. `latest`: of the rows before this chunk in its file; `chunk`: its number in the plan.
    pub fn new(
        ground: &Ground<'_>,
        rows: &[Row],
        outline: Outline,
        latest: Option<Time>,
        chunk: u32,
    ) -> Part {
        let mut part = Part::default();
        let mut arena = Bump::new();
        let mut latest = latest;
        let mut headers = outline.headers.iter().map(|h| h.before).peekable();
        for (at, &index) in outline.order.iter().enumerate() {
            let row = &rows[index as usize];
            if let Some(&ahead) = outline.order.get(at + ROWS_AHEAD) {
                ground.ask(&rows[ahead as usize], ASKED_BYTES);
            }
            while headers.next_if(|&before| before == at).is_some() {
                // Another log begins in this file, and may be of an earlier time.
                latest = None;
            }
            let around = ground.around(row, &arena);
            let place = row.place(around.file, around.start);
            part.back.look(row.time, latest, place);
            latest = latest.max(Some(row.time));
            part.log_ids.look(row, &around, place);
            let spot = Spot {
                chunk,
                line: row.line,
            };
            // A line about two records gives two rows.
            if row.kind != KeyKind::Second {
                let print = ground.keys.bytes(dialect::fingerprint(row, &around));
                part.prints.add(print, spot);
                if ground.may_be_torn(row) {
                    part.prints.add_torn(spot, row.time);
                }
            }
            part.transport(row, &around, place, spot);
            // Nearly no row needs the arena.
            if arena.allocated_bytes() > (1 << 16) {
                arena.reset();
            }
        }
        part.headers = outline.headers;
        part
    }

    /// What servers tell of their queue, and of each other and their services.
    fn transport(&mut self, row: &Row, around: &Surroundings<'_>, place: Place, spot: Spot) {
        let server = ServerId(row.server);
        if matches!(row.role, Role::Receive | Role::Fork)
            && let Some(generation) = dialect::queue_generation(row, around)
        {
            self.generations.add(server, row.time, generation, place);
        }
        let name = around.servers.name(server);
        let at = Leg::new(server, row.time, spot);
        for named in dialect::arrived(row, around).into_iter().flatten() {
            self.legs.add_arrival(at, name, named);
        }
        for told in dialect::told(row, around).into_iter().flatten() {
            self.legs.add_told(at, name, &told);
        }
        if let Some(elsewhere) = dialect::elsewhere(row, around) {
            self.mentions.add(&elsewhere, name, row.time, spot);
        }
    }
}

impl Back {
    #[inline]
    fn look(&mut self, time: Time, latest: Option<Time>, place: Place) {
        let Some(latest) = latest else { return };
        let back = latest.0 - time.0;
        if back > BACK_MICROS {
            self.rows += 1;
            self.farthest = self.farthest.max(back);
            self.places.add(place);
        }
    }

    pub fn merge(&mut self, other: Back) {
        self.rows += other.rows;
        self.farthest = self.farthest.max(other.farthest);
        self.places.merge(other.places);
    }
}

impl LogIds {
    #[inline]
    fn look(&mut self, row: &Row, around: &Surroundings<'_>, place: Place) {
        let Some(stamp) = dialect::stamped(row, around) else {
            return;
        };
        self.rows += 1;
        match stamp {
            Stamp::None => self.without_time += 1,
            Stamp::At(time) => {
                let apart = (time.0 - row.time.0).abs();
                if apart > LOG_ID_MICROS {
                    self.differ += 1;
                    self.farthest = self.farthest.max(apart);
                    self.places.add(place);
                }
            }
        }
    }

    pub fn merge(&mut self, other: LogIds) {
        self.rows += other.rows;
        self.without_time += other.without_time;
        self.differ += other.differ;
        self.farthest = self.farthest.max(other.farthest);
        self.places.merge(other.places);
    }
}
