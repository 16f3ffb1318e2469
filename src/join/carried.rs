//! A message that is carried from window to window: not its rows, only where they stand.
//!
//! In: rows. Out: some 8 bytes each, by which they are read again if they are needed again.

use serde::{Deserialize, Serialize};

use super::Joint;
use super::message::matters;
use crate::dialect::{self, Slice};
use crate::event::Role;
use crate::path::Class;
use crate::row::{KeyKind, Row, mark};
use crate::time::Time;

/// Marks of a row that reading again cannot tell; the others are found again.
const KEPT_MARKS: u8 = mark::TIED | mark::OF_ORIGINAL;
/// Kept under its second identifier: a bit beside those marks.
const SECOND: u8 = 1 << 2;
const SPOT_MARK_BITS: u32 = 3;
/// First and last row of a message, which are asked for without the rest of it.
const TIMES_BYTES: usize = 2 * size_of::<i64>();
/// A [`Written`] is shorter: five numbers of 32 bits, seven bits a byte, and some flags.
const HEAD_BYTES: usize = 32;
/// So much room is made for a spot; most need less, and it grows.
const USUAL_SPOT_BYTES: usize = 10;

/// Where a row stands.
#[derive(Clone, Copy, Debug, Default)]
struct Spot {
    chunk: u32,
    /// First byte and line within the chunk.
    offset: u32,
    line: u32,
    layout: u8,
    /// What reading again cannot tell.
    marks: u8,
}

/// A spot as it is kept: the way to it from the one before.
struct Way {
    chunks: i64,
    /// From the spot before if that is in the same chunk, else from the chunk's beginning.
    bytes: i64,
    lines: i64,
    layout_and_marks: i64,
}

const _: () = assert!(KEPT_MARKS < SECOND);

impl Way {
    #[inline]
    fn put(&self, to: &mut Vec<u8>) {
        for number in [self.chunks, self.bytes, self.lines, self.layout_and_marks] {
            put_number(number, to);
        }
    }

    fn next(from: &mut &[u8]) -> Way {
        Way {
            chunks: number(from),
            bytes: number(from),
            lines: number(from),
            layout_and_marks: number(from),
        }
    }
}

/// A [`Carried`] as it is kept, in front of its spots and behind its times.
#[derive(Serialize, Deserialize)]
struct Written {
    spots_bytes: u32,
    rows: u32,
    size_bytes: u32,
    built: u32,
    twice: u32,
    counted: Option<(Class, bool)>,
    reopened: bool,
    finished: bool,
    settled: bool,
}

impl Written {
    fn next(from: &mut &[u8]) -> Written {
        let (head, rest) = postcard::take_from_bytes(from).expect("written by write");
        *from = rest;
        head
    }
}

impl Spot {
    fn of(row: &Row) -> Spot {
        let second = match row.kind {
            KeyKind::Second => SECOND,
            _ => 0,
        };
        Spot {
            chunk: row.chunk,
            offset: row.offset,
            line: row.line,
            layout: row.layout,
            marks: row.marks & KEPT_MARKS | second,
        }
    }

    fn way(&self, before: Spot) -> Way {
        let from = before.in_chunk(self.chunk);
        Way {
            chunks: i64::from(self.chunk) - i64::from(before.chunk),
            bytes: i64::from(self.offset) - i64::from(from.offset),
            lines: i64::from(self.line) - i64::from(from.line),
            layout_and_marks: i64::from(self.layout) << SPOT_MARK_BITS | i64::from(self.marks),
        }
    }

    fn by(way: &Way, before: Spot) -> Spot {
        let chunk = (i64::from(before.chunk) + way.chunks) as u32;
        let from = before.in_chunk(chunk);
        Spot {
            chunk,
            offset: (i64::from(from.offset) + way.bytes) as u32,
            line: (i64::from(from.line) + way.lines) as u32,
            layout: (way.layout_and_marks >> SPOT_MARK_BITS) as u8,
            marks: way.layout_and_marks as u8 & (KEPT_MARKS | SECOND),
        }
    }

    /// This spot, or the beginning of another chunk.
    fn in_chunk(self, chunk: u32) -> Spot {
        match self.chunk == chunk {
            true => self,
            false => Spot::default(),
        }
    }

    /// Reads the row again, under the key of its message.
    fn reread(&self, key: u64, joint: &Joint<'_>) -> Option<Row> {
        let slice = joint.ground.slices[self.chunk as usize];
        let from = self.offset as usize;
        let rest = Slice {
            data: &slice.data[from..],
            start: slice.start + from as u64,
            ..slice
        };
        let layout = &joint.ground.layouts[usize::from(self.layout)];
        let (row, server) = dialect::reread(rest, layout, &joint.ground.keys)?;
        let mut row = row.under(key);
        row.chunk = self.chunk;
        row.marks |= self.marks & KEPT_MARKS;
        if self.marks & SECOND != 0 {
            row.kind = KeyKind::Second;
        }
        if row.has(mark::OF_ORIGINAL) {
            row.role = Role::Fail;
        }
        row.offset = self.offset;
        row.line = self.line;
        row.layout = self.layout;
        row.server = joint.ground.servers.find(&server).map_or(0, |id| id.0);
        Some(row)
    }
}

/// A message that is not over.
#[derive(Debug)]
pub struct Carried {
    /// Its rows' [`Spot`]s as [`Way`]s; those of each window begin anew, behind their number.
    spots: Vec<u8>,
    rows: u32,
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
            rows: 0,
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

    /// It is written in fewer bytes.
    pub fn most_bytes(&self) -> usize {
        TIMES_BYTES + HEAD_BYTES + self.spots.len()
    }

    /// Puts it behind other bytes.
    pub fn write(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(&self.first.0.to_le_bytes());
        to.extend_from_slice(&self.last.0.to_le_bytes());
        let written = Written {
            spots_bytes: self.spots.len() as u32,
            rows: self.rows,
            size_bytes: self.size_bytes,
            built: self.built,
            twice: self.twice,
            counted: self.counted,
            reopened: self.reopened,
            finished: self.finished,
            settled: self.settled,
        };
        let mut buffer = [0; HEAD_BYTES];
        let head = postcard::to_slice(&written, &mut buffer).expect("it is shorter");
        to.extend_from_slice(head);
        to.extend_from_slice(&self.spots);
    }

    /// What was written at the beginning of `bytes`, and how long it is.
    pub fn read(bytes: &[u8]) -> (Carried, usize) {
        let (first, last) = Carried::times(bytes);
        let mut rest = &bytes[TIMES_BYTES..];
        let head = Written::next(&mut rest);
        let spots = &rest[..head.spots_bytes as usize];
        let carried = Carried {
            spots: spots.into(),
            rows: head.rows,
            first,
            last,
            size_bytes: head.size_bytes,
            built: head.built,
            counted: head.counted,
            twice: head.twice,
            reopened: head.reopened,
            finished: head.finished,
            settled: head.settled,
        };
        (carried, bytes.len() - rest.len() + spots.len())
    }

    /// First and last row of what was written at the beginning of `bytes`.
    #[inline]
    pub fn times(bytes: &[u8]) -> (Time, Time) {
        let (first, behind) = bytes.split_at(TIMES_BYTES / 2);
        let last = &behind[..TIMES_BYTES / 2];
        let time = |bytes: &[u8]| Time(i64::from_le_bytes(bytes.try_into().expect("eight")));
        (time(first), time(last))
    }

    /// How long what was written at the beginning of `bytes` is.
    pub fn length(bytes: &[u8]) -> usize {
        let mut rest = &bytes[TIMES_BYTES..];
        let head = Written::next(&mut rest);
        bytes.len() - rest.len() + head.spots_bytes as usize
    }

    /// How many rows it has.
    pub fn rows(&self) -> usize {
        self.rows as usize
    }

    /// Reads its rows again, under the key of the message.
    pub fn reread(&self, key: u64, joint: &Joint<'_>) -> Vec<Row> {
        let mut rows = Vec::with_capacity(self.rows());
        let mut rest = &self.spots[..];
        while !rest.is_empty() {
            let mut before = Spot::default();
            for _ in 0..number(&mut rest) {
                before = Spot::by(&Way::next(&mut rest), before);
                rows.extend(before.reread(key, joint));
            }
        }
        rows
    }

    /// Notes where rows stand.
    pub fn take(&mut self, rows: &[&Row]) {
        let mut spots = std::mem::take(&mut self.spots);
        spots.reserve(rows.len() * USUAL_SPOT_BYTES);
        put_number(rows.len() as i64, &mut spots);
        let mut before = Spot::default();
        for row in rows {
            let spot = Spot::of(row);
            spot.way(before).put(&mut spots);
            before = spot;
            self.first = self.first.min(row.time);
            self.last = self.last.max(row.time);
            self.size_bytes = self.size_bytes.max(row.size_bytes);
        }
        self.spots = spots;
        self.rows += rows.len() as u32;
    }

    /// Whether the rows, which are in order, only add to the count: none matters, none is larger, and none can have been
    /// collected twice, which has the time of the first.
    pub fn only_more(&self, rows: &[&Row]) -> bool {
        let plain = |(at, row): (usize, &&Row)| {
            let same_time = rows[..at].iter().rev().take_while(|r| r.time == row.time);
            !matters(row)
                && row.size_bytes <= self.size_bytes
                && row.time > self.last
                && same_time.into_iter().all(|other| other.code != row.code)
        };
        rows.iter().enumerate().all(plain)
    }
}

/// Adds a number: seven bits a byte, the lowest first; small ones take one byte, negative ones, too.
#[inline]
fn put_number(number: i64, to: &mut Vec<u8>) {
    let mut rest = (number << 1 ^ number >> 63) as u64;
    while rest >= 0x80 {
        to.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    to.push(rest as u8);
}

/// The next number.
fn number(from: &mut &[u8]) -> i64 {
    let (mut number, mut bits) = (0, 0);
    while let Some((byte, rest)) = from.split_first() {
        *from = rest;
        number |= u64::from(byte & 0x7f) << bits;
        bits += 7;
        if *byte < 0x80 {
            break;
        }
    }
    (number >> 1) as i64 ^ -((number & 1) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back() {
        let numbers = [0, 1, -1, 63, -64, 64, -65, i64::MAX, i64::MIN];
        let mut bytes = Vec::new();
        (numbers.iter()).for_each(|number| put_number(*number, &mut bytes));
        assert_eq!(bytes[..4], [0, 2, 1, 126]);
        let mut rest = &bytes[..];
        assert_eq!(numbers.map(|_| number(&mut rest)), numbers);
        assert!(rest.is_empty());
    }

    #[test]
    fn spots_come_back_and_are_small() {
        let spot = |chunk, offset, line| Spot {
            chunk,
            offset,
            line,
            layout: 254,
            marks: SECOND | mark::TIED,
        };
        let spots = [
            spot(7, 2_000_000, 2_000),
            spot(7, 2_001_000, 2_001),
            spot(5, u32::MAX, 0),
            spot(u32::MAX, 3, u32::MAX),
            spot(0, 0, 0),
        ];
        let mut before = Spot::default();
        for spot in spots {
            let mut bytes = Vec::new();
            spot.way(before).put(&mut bytes);
            let mut rest = &bytes[..];
            let same = Spot::by(&Way::next(&mut rest), before);
            assert_eq!(format!("{same:?}"), format!("{spot:?}"));
            assert!(rest.is_empty());
            before = spot;
        }
        let mut near = Vec::new();
        spots[1].way(spots[0]).put(&mut near);
        assert!(near.len() <= 6, "{}", near.len());
    }
}
