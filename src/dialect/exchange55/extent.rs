//! Where a record begins and how far it goes.
//!
//! In: lines. Out: the event number and the time of a header line, the [`Extent`] of the recipient lines behind it. A record
//! whose recipients do not match their number, or whose empty line is missing, ends where the next one begins.

use super::FIELDS;
use crate::dialect::legacy::line::{Line, is_blank};
use crate::dialect::legacy::text::{Clock, number};
use crate::scan::Block;
use crate::time::Time;

/// The event number and the time of a line that has the form of a header line ([`super::is_header`]).
#[inline(always)]
pub(super) fn header<'p>(
    data: &'p [u8],
    line: &Line,
    clock: &mut Clock<'p>,
) -> Option<(u64, Time)> {
    if line.count < FIELDS {
        return None;
    }
    let (event, time) = (number(line.field(data, 1))?, line.field(data, 2));
    if !time.first().is_some_and(u8::is_ascii_digit) {
        return None;
    }
    Some((event, clock.read_one(time)?))
}

/// The number of recipients that a header line promises.
pub(super) fn expected(head: &[&[u8]; FIELDS]) -> usize {
    let count = number(head[FIELDS - 1].trim_ascii());
    count.unwrap_or(0).min(u64::from(u32::MAX)) as usize
}

/// The recipient lines of a record.
pub(super) struct Extent {
    /// Behind the last recipient line, without its line break.
    pub(super) end: Option<usize>,
    /// Where reading goes on.
    pub(super) next: usize,
    pub(super) lines: u32,
    pub(super) recipients: usize,
    pub(super) expected: usize,
    /// The next record began without an empty line before it.
    pub(super) no_empty_line: bool,
}

/// Follows a record's recipient lines: to the empty line behind the promised number, or to the next header line.
#[inline(always)]
pub(super) fn extent<'p, B: Block>(
    data: &'p [u8],
    from: usize,
    expected: usize,
    clock: &mut Clock<'p>,
) -> Extent {
    let mut extent = Extent {
        end: None,
        next: from,
        lines: 0,
        recipients: 0,
        expected,
        no_empty_line: true,
    };
    let mut line = Line::default();
    while extent.next < data.len() {
        let blank = match data[extent.next] {
            // So nearly every record ends.
            b'\n' => {
                line.next = extent.next + 1;
                true
            }
            _ => {
                line.look::<B>(data, extent.next, FIELDS + 1);
                is_blank(&data[line.at..line.end])
            }
        };
        if !blank && header(data, &line, clock).is_some() {
            return extent;
        }
        if blank {
            extent.no_empty_line = false;
        } else {
            // Behind an empty line only what the header still promised; never a piece of another header line.
            if line.count > 2 || !extent.no_empty_line && extent.recipients >= expected {
                return extent;
            }
            extent.recipients += 1;
            extent.end = Some(line.end);
        }
        extent.lines += 1;
        extent.next = line.next;
        if blank && extent.recipients >= expected {
            return extent;
        }
    }
    extent
}
