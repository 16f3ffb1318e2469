//! What one thread counts of a night: sums by day, and the rows that the next run may need.
//!
//! In: paths and their rows from the pipeline. Out: [`Counting`], and [`Day`]s that merge.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::{count, probes, tally_options};
use crate::command::Run;
use crate::dialect;
use crate::filter::{Pattern, date_of, day_range};
use crate::input::Inputs;
use crate::join::Ground;
use crate::join::shard::Taker;
use crate::path::{Class, Path};
use crate::row::Row;
use crate::saved::state::Gathering;
use crate::servers::Servers;
use crate::tally::{Tally, TallyOptions};
use crate::time::Time;

/// The messages of a day.
pub(super) struct Day {
    /// Closed or settled: counted until they are taken back. `None`: there are none.
    pub(super) settled: Option<Tally>,
    /// Joined again by the next run.
    pub(super) open: Tally,
}

impl Day {
    fn new(options: TallyOptions) -> Day {
        Day {
            settled: None,
            open: Tally::new(options),
        }
    }

    fn merge(&mut self, other: Day) {
        self.open.merge(other.open);
        match (&mut self.settled, other.settled) {
            (Some(settled), Some(more)) => settled.merge(more),
            (settled, more) => *settled = settled.take().or(more),
        }
    }
}

/// One thread's sums and the rows that are kept.
pub(super) struct Counting<'c> {
    pub(super) zone: &'c TimeZone,
    pub(super) probes: &'c [Pattern],
    pub(super) options: TallyOptions,
    pub(super) closed_until: Option<Time>,
    /// Messages without a row from here on were counted by an earlier run, though their rows were read again.
    pub(super) counted_until: Option<Time>,
    /// Files that the next run must read as a whole.
    pub(super) needed: BTreeSet<u32>,
    /// Whether messages may be counted before they are closed.
    pub(super) settles: bool,
    pub(super) sign: i64,
    pub(super) days: BTreeMap<Date, Day>,
    /// The day of the last message: the next one is of the same, mostly.
    pub(super) today: Option<(Date, Range<Time>)>,
    pub(super) open: Gathering<'c>,
    pub(super) settled: Gathering<'c>,
    pub(super) kept_messages: u64,
}

impl<'c> Counting<'c> {
    pub(super) fn new(run: &Run<'c>, inputs: &'c Inputs) -> Counting<'c> {
        Counting {
            zone: &run.options.zone,
            probes: probes(run.options),
            options: tally_options(run.options),
            closed_until: None,
            counted_until: None,
            needed: BTreeSet::new(),
            settles: false,
            sign: 1,
            days: BTreeMap::new(),
            today: None,
            open: Gathering::new(inputs),
            settled: Gathering::new(inputs),
            kept_messages: 0,
        }
    }

    fn date(&mut self, time: Time) -> Date {
        if let Some((date, range)) = &self.today
            && range.contains(&time)
        {
            return *date;
        }
        let date = date_of(time, self.zone);
        self.today = Some((date, day_range(date, self.zone)));
        date
    }
}

impl Taker for Counting<'_> {
    fn add(&mut self, path: &Path<'_>, _: &Servers, weight: i64) -> Option<Class> {
        if self.counted_until.is_some_and(|line| path.last_seen < line) {
            return None;
        }
        let date = self.date(path.first_seen);
        let options = self.options;
        let day = self.days.entry(date).or_insert_with(|| Day::new(options));
        let is_closed = self.closed_until.is_some_and(|line| path.last_seen < line);
        let tally = match is_closed || self.settles && path.is_settled() {
            true => day.settled.get_or_insert_with(|| Tally::new(options)),
            false => &mut day.open,
        };
        Some(count(tally, self.probes, path, self.sign * weight))
    }

    fn more_rows(&mut self, _: Class, _: i64) {
        unreachable!("where rows are kept, messages are handed over anew");
    }

    fn keep(&mut self, rows: &[&Row], ground: &Ground<'_>, settled: bool) {
        self.kept_messages += 1;
        let stands = |row: &&&Row| {
            let layout = &ground.layouts[usize::from(row.layout)];
            dialect::stands_alone(layout)
        };
        let (rows, others): (Vec<&Row>, Vec<&Row>) = rows.iter().partition(stands);
        let files = others
            .iter()
            .map(|row| ground.slices[row.chunk as usize].file);
        self.needed.extend(files);
        let Some(first) = rows.first() else {
            return;
        };
        let gathering = match self.settles && settled {
            true => &mut self.settled,
            false => &mut self.open,
        };
        gathering.add(first.key, &rows, ground);
    }
}

pub(super) fn merge_days(
    days: &mut BTreeMap<Date, Day>,
    more: BTreeMap<Date, Day>,
    options: TallyOptions,
) {
    for (date, day) in more {
        let sum = days.entry(date).or_insert_with(|| Day::new(options));
        sum.merge(day);
    }
}

pub(super) fn name_rows(days: &mut BTreeMap<Date, Day>, inputs: &Inputs) {
    for day in days.values_mut() {
        for tally in day.settled.iter_mut().chain([&mut day.open]) {
            tally.name_rows(&|place| inputs.evidence(place));
        }
    }
}
