//! What one chunk gives.
//!
//! In: a [`Slice`] of a file. Out: [`Yield`], filled by the formats.

use std::collections::BTreeMap;

use bstr::{BStr, BString};

use super::{Layout, REFUSED, foreign, number};
use crate::fault::{Faults, Reason};
use crate::row::Row;
use crate::servers::Seen;
use crate::time::Time;

/// A stretch of a file that begins and ends at record borders.
#[derive(Clone, Copy, Debug)]
pub struct Slice<'d> {
    pub data: &'d [u8],
    /// The chunk's number, for its rows.
    pub chunk: u32,
    pub file: u32,
    /// Where the stretch begins in its file.
    pub start: u64,
    /// Whether the file ends with it.
    pub ends_file: bool,
    /// The server that wrote the file, for rows that do not name it.
    pub server: &'d BStr,
    /// Whether rows without any id are kept, for commands that show single rows.
    pub keep_loose: bool,
    /// Whether what rows say of records on other hosts is kept.
    pub keep_hops: bool,
}

impl<'d> Slice<'d> {
    /// A stretch of a file by itself that `server` wrote, all of whose rows are kept.
    pub fn of(data: &'d [u8], range: std::ops::Range<usize>, server: &'d str) -> Slice<'d> {
        Slice {
            data: &data[range.clone()],
            chunk: 0,
            file: 0,
            start: range.start as u64,
            ends_file: range.end == data.len(),
            server: BStr::new(server),
            keep_loose: true,
            keep_hops: true,
        }
    }
}

/// What a chunk is looked through for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aim {
    /// All its rows.
    Rows,
    /// Its first row.
    First,
    /// Identifiers that rows prove to be of one message: no rows.
    Ties,
}

/// What one chunk gave.
#[derive(Default)]
pub struct Yield {
    /// Rows by shard; those without any id are not among them.
    pub shards: Vec<Vec<Row>>,
    pub rows: u64,
    /// The file they stand in; set by the pipeline.
    pub file: u32,
    /// Rows that carry no identifier at all.
    pub rows_without_id: u64,
    /// Those rows, if they were asked for.
    pub loose: Vec<Row>,
    /// Keys of two identifiers that one row gives to one message.
    pub ties: Vec<(u64, u64)>,
    /// Keys of rows, where only ties were looked for, and of text logs of 2003 and before; if there are any, all of them.
    pub keys: Vec<u64>,
    /// Rows about reports; where they belong is known only after all rows were seen.
    pub reports: Vec<ReportRow>,
    pub faults: Faults,
    pub events: EventCounts,
    pub seen: Seen,
    /// Layouts met, in order; rows name theirs by index.
    pub layouts: Vec<Layout>,
    /// First and last time of a row.
    pub span: Option<(Time, Time)>,
    /// Rows of other logs inside this file.
    pub passed_over: u64,
    /// What rows say about records of other hosts.
    pub hops: foreign::hop::Hops,
    /// Lines of the chunk, where they were counted anyway.
    pub lines: Option<u64>,
    /// The layout that the last header line in it bound, for what follows it in the file.
    pub bound: Option<Layout>,
}

impl Yield {
    /// Keeps the rows alone: an earlier run has counted them.
    pub fn forget_counts(&mut self) {
        (self.rows, self.rows_without_id, self.passed_over) = (0, 0, 0);
        (self.faults, self.events) = (Faults::default(), EventCounts::default());
        self.span = None;
        self.seen.forget_counts();
    }

    /// Takes out the rows before `time`, and returns how many there were.
    pub fn leave_out_before(&mut self, time: Time) -> u64 {
        let late = |row: &mut Row| row.time < time;
        let shards = self.shards.iter_mut();
        let rows: usize = shards.map(|rows| rows.extract_if(.., late).count()).sum();
        let reports = self.reports.extract_if(.., |report| report.row.time < time);
        let left_out = rows + reports.count();
        if left_out > 0 {
            self.keys.clear(); // those of rows that are left can be asked again
        }
        left_out as u64
    }

    /// Takes out all rows, those without any id and those about reports among them.
    pub fn take_rows(&mut self) -> Vec<Row> {
        let mut rows = std::mem::take(&mut self.loose);
        rows.extend(
            std::mem::take(&mut self.reports)
                .iter()
                .map(|report| report.row),
        );
        rows.extend(std::mem::take(&mut self.shards).into_iter().flatten());
        rows
    }

    /// The chunk's number of a layout; a new one gets the next number, or [`REFUSED`].
    pub fn number(&mut self, layout: Layout) -> u8 {
        number(&mut self.layouts, &layout).unwrap_or_else(|| {
            if self.layouts.len() == usize::from(REFUSED) {
                // It stands for all that have no number, until their rows are taken out.
                self.layouts.push(layout);
            }
            REFUSED
        })
    }

    /// Takes out the rows whose layout `is_refused`, and notes each as a bad row; `start`: the chunk's first byte.
    pub fn refuse(&mut self, is_refused: impl Fn(u8) -> bool, start: u64) {
        let refused = |row: &mut Row| is_refused(row.layout);
        let mut out: Vec<Row> = self.loose.extract_if(.., refused).collect();
        self.rows_without_id -= out.len() as u64;
        let shards = self.shards.iter_mut();
        out.extend(shards.flat_map(|rows| rows.extract_if(.., refused)));
        let reports = self
            .reports
            .extract_if(.., |report| refused(&mut report.row));
        out.extend(reports.map(|report| report.row));
        // A line about two records gives two rows.
        out.sort_unstable_by_key(|row| row.offset);
        out.dedup_by_key(|row| row.offset);
        self.rows -= out.len() as u64;
        for row in out {
            let place = row.place(self.file, start);
            self.faults.add(Reason::TooManyLayouts, place);
        }
    }
}

/// A row that names a report and the message the report is about, in an order that logs do not agree on.
#[derive(Clone, Copy, Debug)]
pub struct ReportRow {
    /// Under the first identifier.
    pub row: Row,
    /// Key of the second; 0: none.
    pub second: u64,
}

/// How many rows each (source, event) had: (count, whether the table knows both).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventCounts(pub BTreeMap<(BString, BString), (u64, bool)>);

impl EventCounts {
    /// Lines of syslog files that other programs wrote: no rows.
    pub fn passed_over(&self) -> u64 {
        let (source, event) = foreign::events::PASSED_OVER;
        let name = (BString::from(source), BString::from(event));
        self.0.get(&name).map_or(0, |(count, _)| *count)
    }

    /// Adds another worker's counts.
    pub fn merge(&mut self, other: EventCounts) {
        for (name, (count, known)) in other.0 {
            let mine = self.0.entry(name).or_insert((0, known));
            mine.0 += count;
        }
    }
}
