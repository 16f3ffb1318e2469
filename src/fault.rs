//! Bad rows: what was wrong, how often, and where the first few stand.
//!
//! In: faults as parsers meet them. Out: counts by reason and the first places, the same in every run.

use crate::event::Place;
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// How many places are kept for each reason; the rest is counted.
pub const KEPT: usize = 8;

/// What is wrong with a row. The rest of its file is read all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The line does not begin with a time stamp.
    NoTime,
    /// Fewer columns than the layout has.
    TooFewColumns,
    /// More columns than the layout has: two rows became one, or a text was not quoted.
    TooManyColumns,
    /// A quote was opened and the next row began before it was closed.
    OpenQuote,
    /// A quoted field went on for more than [`crate::dialect::MAX_RECORD_BYTES`].
    TooLong,
    /// A row without a `#Fields:` line before it and with a number of columns no layout has.
    NoLayout,
    /// A line of a multi-line log that belongs to no record.
    Stray,
    /// A line of syslog that does not begin as syslog's do.
    NoOuterLine,
    /// XML that is not well formed, or nested deeper than any track history.
    BadXml,
    /// A record has more or fewer recipients than it says.
    RecipientCount,
    /// The empty line between two records is missing.
    NoEmptyLine,
    /// An entry that was logged in numbered pieces lacks some of them.
    MissingPiece,
    /// More different headers in one run than any organisation's logs have.
    TooManyLayouts,
    /// The file ends inside a row: normal for a log that is still being written.
    TornEnd,
}

impl Reason {
    /// The reason in words.
    pub fn words(self) -> &'static str {
        match self {
            Reason::NoTime => "does not begin with a time stamp",
            Reason::TooFewColumns => "has fewer columns than its header names",
            Reason::TooManyColumns => "has more columns than its header names",
            Reason::OpenQuote => "a quoted field is never closed",
            Reason::TooLong => "a quoted field runs over too many bytes",
            Reason::NoLayout => {
                "no #Fields: line before it and no known layout has that many columns"
            }
            Reason::Stray => "belongs to no record",
            Reason::NoOuterLine => "does not begin with time, host and program",
            Reason::BadXml => "is not well-formed XML, or is nested too deep",
            Reason::RecipientCount => "has more or fewer recipients than it says",
            Reason::NoEmptyLine => "has no empty line behind it",
            Reason::MissingPiece => "lacks pieces of the numbered ones it was logged in",
            Reason::TooManyLayouts => {
                "stands under one header too many: a run reads 255 different ones; read this file in a run of its own"
            }
            Reason::TornEnd => {
                "the file ends inside this row (normal for a log that is being written)"
            }
        }
    }

    /// What is wrong with a row of so many columns, if its layout has others.
    pub fn of_columns(found: usize, wanted: usize) -> Option<Reason> {
        match found.cmp(&wanted) {
            Ordering::Less => Some(Reason::TooFewColumns),
            Ordering::Equal => None,
            Ordering::Greater => Some(Reason::TooManyColumns),
        }
    }

    /// Whether the row was lost through damage; the torn end of a live log is no damage.
    pub fn is_damage(self) -> bool {
        self != Reason::TornEnd && !self.is_recovered()
    }

    /// Whether the row was read all the same.
    pub fn is_recovered(self) -> bool {
        matches!(
            self,
            Reason::RecipientCount | Reason::NoEmptyLine | Reason::MissingPiece
        )
    }
}

/// Bad rows by reason.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    found: BTreeMap<Reason, (u64, Vec<Place>)>,
}

impl Faults {
    /// Notes one bad row.
    pub fn add(&mut self, reason: Reason, place: Place) {
        let (count, places) = self.found.entry(reason).or_default();
        *count += 1;
        if places.len() < KEPT {
            places.push(place);
        }
    }

    /// Takes in what another worker found; the first places by file and offset are kept.
    pub fn merge(&mut self, other: Faults) {
        for (reason, (count, places)) in other.found {
            let mine = self.found.entry(reason).or_default();
            mine.0 += count;
            mine.1.extend(places);
            mine.1.sort_unstable();
            mine.1.truncate(KEPT);
        }
    }

    /// Reason, count and first places, in a fixed order.
    pub fn iter(&self) -> impl Iterator<Item = (Reason, u64, &[Place])> {
        self.found
            .iter()
            .map(|(reason, (count, places))| (*reason, *count, places.as_slice()))
    }

    /// Rows lost through damage.
    pub fn damaged(&self) -> u64 {
        self.iter()
            .filter(|(reason, ..)| reason.is_damage())
            .map(|(_, count, _)| count)
            .sum()
    }
}
