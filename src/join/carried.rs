//! A message that is carried from window to window: not its rows, only where they stand.
//!
//! In: rows. Out: 16 bytes each, by which they are read again if they are needed again.

use hashbrown::HashSet;

use super::Joint;
use super::message::matters;
use crate::dialect::{self, Slice};
use crate::event::Role;
use crate::path::Class;
use crate::row::{KeyKind, Row, mark};
use crate::time::Time;

/// Kept under its second identifier.
const SECOND: u32 = 1 << 31;
/// A row's own marks stand below it.
const MARKS_FROM: u32 = 29;
const CHUNK: u32 = (1 << MARKS_FROM) - 1;
/// The others are found again by reading.
const KEPT_MARKS: u8 = mark::TIED | mark::OF_ORIGINAL;

/// Where a row stands, and enough of it to tell that another row is not the same one.
#[derive(Clone, Copy, Debug)]
struct Spot {
    /// In the upper 3 bits what reading again cannot tell.
    chunk: u32,
    offset: u32,
    /// Line within the chunk in the upper 24 bits, layout in the lower 8.
    line_layout: u32,
    print: u32,
}

impl Spot {
    fn of(row: &Row) -> Spot {
        let line_layout = row.line << 8 | u32::from(row.layout);
        let second = if row.kind == KeyKind::Second {
            SECOND
        } else {
            0
        };
        let marks = u32::from(row.marks & KEPT_MARKS) << MARKS_FROM | second;
        Spot {
            chunk: row.chunk | marks,
            offset: row.offset,
            line_layout,
            print: print(row),
        }
    }

    /// Reads the row again, under the key of its message.
    fn reread(&self, key: u64, joint: &Joint<'_>) -> Option<Row> {
        let chunk = self.chunk & CHUNK;
        let slice = joint.ground.slices[chunk as usize];
        let from = self.offset as usize;
        let rest = Slice {
            data: &slice.data[from..],
            start: slice.start + from as u64,
            ..slice
        };
        let layout = &joint.ground.layouts[(self.line_layout & 0xff) as usize];
        let (row, server) = dialect::reread(rest, layout, &joint.ground.keys)?;
        let mut row = row.under(key);
        row.chunk = chunk;
        row.marks |= ((self.chunk & !SECOND) >> MARKS_FROM) as u8;
        if self.chunk & SECOND != 0 {
            row.kind = KeyKind::Second;
        }
        if row.has(mark::OF_ORIGINAL) {
            row.role = Role::Fail;
        }
        row.offset = self.offset;
        row.line = self.line_layout >> 8;
        row.layout = self.line_layout as u8;
        row.server = joint.ground.servers.find(&server).map_or(0, |id| id.0);
        Some(row)
    }
}

/// The same for a row that was collected twice.
fn print(row: &Row) -> u32 {
    let mixed = (row.time.0 as u64 ^ u64::from(row.code) << 56).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 32) as u32
}

/// A message that is not over.
pub struct Carried {
    spots: Vec<Spot>,
    pub first: Time,
    pub last: Time,
    size_bytes: u32,
    /// How many rows there were when its path was last built.
    pub built: u32,
    /// Handed over: its class, and whether it was wanted.
    pub counted: Option<(Class, bool)>,
    /// Rows left out as collected twice when it was handed over.
    pub twice: u32,
    /// It had been closed before.
    pub reopened: bool,
    /// Finished, and settled, when it was last built.
    pub finished: bool,
    pub settled: bool,
}

impl Carried {
    pub fn new(reopened: bool) -> Carried {
        let (first, last) = (Time(i64::MAX), Time(i64::MIN));
        let (counted, finished) = (None, false);
        Carried {
            spots: Vec::new(),
            first,
            last,
            size_bytes: 0,
            built: 0,
            counted,
            twice: 0,
            reopened,
            finished,
            settled: false,
        }
    }

    /// How many rows it has.
    pub fn rows(&self) -> usize {
        self.spots.len()
    }

    /// Reads its rows again, under the key of the message.
    pub fn reread(&self, key: u64, joint: &Joint<'_>) -> Vec<Row> {
        let rows = self.spots.iter().filter_map(|spot| spot.reread(key, joint));
        rows.collect()
    }

    /// Notes where rows stand.
    pub fn take(&mut self, rows: &[&Row]) {
        self.spots.reserve_exact(rows.len());
        for row in rows {
            self.spots.push(Spot::of(row));
            self.first = self.first.min(row.time);
            self.last = self.last.max(row.time);
            self.size_bytes = self.size_bytes.max(row.size_bytes);
        }
    }

    /// Whether the rows only add to the count: none matters, none may be there already, none is larger.
    pub fn only_more(&self, rows: &[&Row]) -> bool {
        let plain = |row: &&Row| !matters(row) && row.size_bytes <= self.size_bytes;
        if !rows.iter().all(plain) {
            return false;
        }
        if rows.len() * self.spots.len() <= 1024 {
            return rows
                .iter()
                .all(|row| self.spots.iter().all(|spot| spot.print != print(row)));
        }
        let known: HashSet<u32> = self.spots.iter().map(|spot| spot.print).collect();
        rows.iter().all(|row| !known.contains(&print(row)))
    }
}
