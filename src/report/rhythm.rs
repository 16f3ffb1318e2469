//! Hours without rows, or next to none, where a server usually has plenty.
//!
//! In: rows of one service of one server by hour, and those of all servers. Out: [`Silence`]s. The measure is the
//! server's own rhythm: the same hour of the week, else of the day; where the logs are too few days for that, the hours around
//! the silence. An hour with few rows is never missed, and less than an hour is not seen.

use std::collections::BTreeMap;
use std::ops::Range;

use jiff::tz::TimeZone;

use crate::report::volume::local;
use crate::time::{HOUR, Time};

/// Rows that make an hour one that is missed. With 20 rows expected, none happen by chance once in 500 million
/// hours, if rows come one by one,
const PLENTY: u64 = 20;
/// and so many times more where they come in bursts, as in small organisations where a message is a dozen rows.
const BURST: u64 = 5;
/// An hour with less than this part of its usual rows has next to none.
const NEXT_TO_NONE: u64 = 20;
/// The same where only the hours around are known, which a night must not be taken for,
const DROP: u64 = 50;
/// and for how many hours at most.
const LONGEST_DROP: i64 = 3;
/// Days with the same hour that make a rhythm.
const DAYS: usize = 2;

/// Rows by UTC hour.
pub type Hours = BTreeMap<i64, u64>;

/// Hours without the rows that were to be expected, or with next to none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Silence {
    /// UTC hours since 1970; between missed hours stand only hours without any row.
    pub hours: Range<i64>,
    /// How many of these hours usually have plenty.
    pub missed: u64,
    /// Rows expected in all of them.
    pub usual: u64,
    pub by: Measure,
}

/// What the silence was measured by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Measure {
    Week,
    Day,
    Neighbours,
}

impl Measure {
    pub fn words(self) -> &'static str {
        match self {
            Measure::Week => "same hour of other weeks",
            Measure::Day => "same hour of other days",
            Measure::Neighbours => "hours around it",
        }
    }
}

/// When the logs of all servers begin and end.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    pub first: Time,
    pub last: Time,
}

/// Stretches of time in which some server has rows, each without its ends where it fades. A month without any row is no silence
/// but another collection, or a row with a mad date.
pub fn spans(all: &Hours, first: Time, last: Time, zone: &TimeZone) -> Vec<Span> {
    const MONTH: i64 = 31 * 24;
    let mut spans: Vec<Span> = Vec::new();
    for &hour in all.keys() {
        let end = Time((hour + 1) * HOUR - 1).min(last);
        match spans.last_mut() {
            Some(span) if hour - span.last.hour() <= MONTH => span.last = end,
            _ => spans.push(Span {
                first: Time(hour * HOUR).max(first),
                last: end,
            }),
        }
    }
    (spans.into_iter())
        .map(|span| body(all, span, zone))
        .collect()
}

impl Span {
    pub fn hours(self) -> Range<i64> {
        self.first.hour()..self.last.hour() + 1
    }

    /// The part of an hour, in thousandths, that lies inside.
    fn share(self, hour: i64) -> u64 {
        let start = self.first.0.max(hour * HOUR);
        let end = (self.last.0 + 1).min((hour + 1) * HOUR);
        (end - start).max(0) as u64 * 1000 / HOUR as u64
    }
}

/// A span without the hours at its ends in which the whole organisation, taken together, has less than a quarter of its
/// usual rows: there a collection begins or fades out, and no server's silence means anything. The outermost hours are held
/// against those of any other days where there are too few of their own kind: a weekend's last retries after workdays.
fn body(all: &Hours, span: Span, zone: &TimeZone) -> Span {
    let rhythm = Rhythm::new(all, span, zone);
    let fading = |hours: &mut dyn Iterator<Item = i64>| {
        let (mut rows, mut usual, mut fading) = (0, 0, 0);
        for (n, hour) in hours.enumerate() {
            rows += all.get(&hour).copied().unwrap_or(0);
            let near = (n as i64) < LONGEST_DROP;
            let usual_rows = (rhythm.usual(hour).map(|(usual, _)| usual))
                .or_else(|| rhythm.of_any_day(hour).filter(|_| near));
            usual += usual_rows.unwrap_or(0) * span.share(hour) / 1000;
            if rows * 4 < usual {
                fading = n as i64 + 1;
            }
        }
        fading
    };
    let hours = span.hours();
    let first = hours.start + fading(&mut hours.clone());
    let end = hours.end - fading(&mut hours.clone().rev());
    if first >= end {
        return span;
    }
    Span {
        first: span.first.max(Time(first * HOUR)),
        last: span.last.min(Time(end * HOUR - 1)),
    }
}

/// The silences of one service. `all`: the same service on all servers together.
pub fn silences(own: &Hours, all: &Hours, span: Span, zone: &TimeZone) -> Vec<Silence> {
    let rhythm = Rhythm::new(own, span, zone);
    let (plenty, enough) = plenty(own);
    let rows = |hour: i64| own.get(&hour).copied().unwrap_or(0);
    let mut found: Vec<Silence> = Vec::new();
    let hours = span.hours();
    let mut hour = hours.start;
    while hour < hours.end {
        let usual = rhythm.usual(hour);
        let silence = match usual {
            Some((usual, by)) => {
                let usual = usual * span.share(hour) / 1000;
                let missed = usual >= plenty && rows(hour) * NEXT_TO_NONE < usual;
                missed.then_some((hour..hour + 1, usual, by))
            }
            None => between_busy_hours(hour, own, all, span, plenty)
                .map(|(run, usual)| (run, usual, Measure::Neighbours)),
        };
        let Some((run, usual, by)) = silence else {
            hour += 1;
            continue;
        };
        hour = run.end;
        let missed = (run.end - run.start) as u64;
        // A night between two missed days belongs to them.
        let goes_on = |last: &Silence| (last.hours.end..run.start).all(|hour| rows(hour) == 0);
        match found.last_mut().filter(|last| goes_on(last)) {
            Some(last) => {
                last.hours.end = run.end;
                last.missed += missed;
                last.usual += usual;
                last.by = last.by.max(by);
            }
            None => found.push(Silence {
                hours: run,
                missed,
                usual,
                by,
            }),
        }
    }
    // Hours that are not missed by themselves count here if nothing stands in them either.
    let whole = |silence: &Silence| {
        let none = |hour: &i64| span.hours().contains(hour) && rows(*hour) == 0;
        let usual = |hour: i64| {
            rhythm
                .usual(hour)
                .map_or(0, |(usual, _)| usual * span.share(hour) / 1000)
        };
        let before = (1..).map(|n| silence.hours.start - n).take_while(none);
        let behind = (silence.hours.end..).take_while(none);
        silence.usual + before.chain(behind).map(usual).sum::<u64>()
    };
    found.retain(|silence| whole(silence) >= enough);
    found
}

/// A run of silent hours that begins at `start` between busy ones, and the rows that were to be expected. Rows of
/// other files than the missing ones keep an hour from being quite empty, so a short drop to next to none
/// counts as well.
fn between_busy_hours(
    start: i64,
    own: &Hours,
    all: &Hours,
    span: Span,
    plenty: u64,
) -> Option<(Range<i64>, u64)> {
    let rows = |hour: i64| own.get(&hour).copied().unwrap_or(0);
    let end = span.hours().end;
    let drop = (start..end).find(|hour| rows(*hour) * DROP >= rows(start - 1));
    if let Some(back) = drop.filter(|back| (1..=LONGEST_DROP).contains(&(back - start))) {
        let run = start..back;
        let deep = run.clone().all(|hour| rows(hour) * DROP < rows(back));
        if let Some(usual) = missed_between(&run, own, all, span, plenty).filter(|_| deep) {
            return Some((run, usual));
        }
    }
    let silent_before = start > span.hours().start && rows(start - 1) == 0;
    if rows(start) > 0 || silent_before {
        return None;
    }
    let back = own.range(start..).next().map_or(end, |(hour, _)| *hour);
    let run = start..back.min(end);
    let usual = missed_between(&run, own, all, span, plenty)?;
    Some((run, usual))
}

/// What the hours on both sides let expect; the longer the silence, the busier they must be, because a night falls
/// silent too. Where one's logs end before others', the others must go on.
fn missed_between(
    run: &Range<i64>,
    own: &Hours,
    all: &Hours,
    span: Span,
    plenty: u64,
) -> Option<u64> {
    let length = (run.end - run.start) as u64;
    let before = own.get(&(run.start - 1)).copied();
    let after = own.get(&run.end).copied();
    let (edge, open) = match (before, after) {
        (Some(before), Some(after)) => (before.min(after), None),
        (Some(edge), None) => (edge, Some(run.start - 1)),
        (None, Some(edge)) => (edge, Some(run.end)),
        (None, None) => return None,
    };
    let thousandths: u64 = run.clone().map(|hour| span.share(hour)).sum();
    let usual = edge * thousandths / 1000;
    let enough = plenty * length.div_ceil(2);
    // As body() holds it: where the others have less than a quarter, too, a collection fades out.
    let others_go_on = |edge_hour: i64| {
        let rows: u64 = all.range(run.clone()).map(|(_, rows)| rows).sum();
        let others = all.get(&edge_hour).copied().unwrap_or(0) - edge;
        rows >= enough.max(plenty * length) && rows * 4 >= others * length
    };
    let missed = edge >= enough && usual >= plenty && open.is_none_or(others_go_on);
    missed.then_some(usual)
}

/// Rows to be expected before none of them means anything: of one hour, and of all hours of a silence together. More where a
/// service's rows come in bursts, a dozen for one message. Two measures: by how much an hour differs from the next,
/// beside how many rows it has (the variance of the count over its mean is 1 if rows come one by one); and where rows
/// often stop for an hour, the rows of those hours that have few.
fn plenty(own: &Hours) -> (u64, u64) {
    if own.is_empty() {
        return (PLENTY, PLENTY);
    }
    let next = |(&hour, &rows): (&i64, &u64)| Some(rows.abs_diff(*own.get(&(hour + 1))?));
    let mut steps: Vec<u64> = own.iter().filter_map(next).collect();
    let mut rows: Vec<u64> = own.values().copied().collect();
    steps.sort_unstable();
    rows.sort_unstable();
    let step = u128::from(steps.get(steps.len() / 2).copied().unwrap_or(0));
    let all: u128 = rows.iter().map(|rows| u128::from(*rows)).sum();
    let mean = (all / rows.len() as u128).max(1);
    // Half of the differences are less than 0.95 times what one hour is usually off by. A single hour is asked for less, as
    // those beside it may be missing, too.
    let (of_hour, of_all) = (
        step * step / 2 / mean,
        (step * step * 11).div_ceil(10 * mean),
    );
    // How often silences begin, not how long they are: a day that is missing must not excuse itself.
    let pairs = own.keys().zip(own.keys().skip(1));
    let gaps = pairs.filter(|(hour, next)| **next != *hour + 1).count();
    let often_none = gaps > 1 && gaps * 10 > rows.len();
    let few = if often_none { rows[rows.len() / 10] } else { 1 };
    let rows = |burst: u128| PLENTY * burst.max(u128::from(few)).clamp(1, u128::from(BURST)) as u64;
    (rows(of_hour), rows(of_all))
}

/// Rows of one service by hour of the week, in the zone asked for.
pub struct Rhythm<'z> {
    weeks: BTreeMap<i64, Vec<(i64, u64)>>,
    days: BTreeMap<(bool, i64), Vec<(i64, u64)>>,
    zone: &'z TimeZone,
}

impl<'z> Rhythm<'z> {
    pub fn new(own: &Hours, span: Span, zone: &'z TimeZone) -> Rhythm<'z> {
        let mut rhythm = Rhythm {
            weeks: BTreeMap::new(),
            days: BTreeMap::new(),
            zone,
        };
        // Hours that the logs hold only in part would lower the measure.
        for hour in span.hours().filter(|hour| span.share(*hour) == 1000) {
            let rows = own.get(&hour).copied().unwrap_or(0);
            let (of_week, of_day) = places(hour, zone);
            rhythm.weeks.entry(of_week).or_default().push((hour, rows));
            rhythm.days.entry(of_day).or_default().push((hour, rows));
        }
        rhythm
    }

    /// The median of the other weeks' or days' same hour.
    pub fn usual(&self, hour: i64) -> Option<(u64, Measure)> {
        let (of_week, of_day) = places(hour, self.zone);
        let median = |hours: Option<&Vec<_>>| median(hours.into_iter().flatten(), hour);
        let week = median(self.weeks.get(&of_week)).map(|rows| (rows, Measure::Week));
        week.or_else(|| median(self.days.get(&of_day)).map(|rows| (rows, Measure::Day)))
    }

    /// Whether this is an hour of a weekend, and there are nights of workdays without a row.
    pub fn may_rest(&self, hour: i64) -> bool {
        let (_, (weekend, _)) = places(hour, self.zone);
        let nights = self.days.iter().filter(|((weekend, _), _)| !weekend);
        let is_silent = |rows: &Vec<(i64, u64)>| {
            let silent = rows.iter().filter(|(_, rows)| *rows == 0);
            rows.len() >= DAYS && 2 * silent.count() > rows.len()
        };
        weekend && nights.map(|(_, rows)| rows).any(is_silent)
    }

    /// The same of all other days, be they weekends or not.
    fn of_any_day(&self, hour: i64) -> Option<u64> {
        let (_, (weekend, of_day)) = places(hour, self.zone);
        let kinds = [(weekend, of_day), (!weekend, of_day)];
        let hours = kinds.iter().filter_map(|kind| self.days.get(kind));
        median(hours.flatten(), hour)
    }
}

/// The median of all but this hour.
fn median<'h>(hours: impl Iterator<Item = &'h (i64, u64)>, hour: i64) -> Option<u64> {
    let others = hours.filter(|(other, _)| *other != hour);
    let mut rows: Vec<u64> = others.map(|(_, rows)| *rows).collect();
    rows.sort_unstable();
    (rows.len() >= DAYS).then(|| rows[(rows.len() - 1) / 2])
}

/// Hour of the week; whether it is a weekend, and hour of the day.
fn places(hour: i64, zone: &TimeZone) -> (i64, (bool, i64)) {
    let local = local(Time(hour * HOUR), zone);
    let day = i64::from(local.weekday().to_monday_zero_offset());
    let of_day = i64::from(local.hour());
    (day * 24 + of_day, (day >= 5, of_day))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::DAY;

    /// Monday 2026-03-02, 00:00 UTC.
    const MONDAY: i64 = 1_772_409_600_000_000 / HOUR;

    fn span(hours: i64) -> Span {
        Span {
            first: Time(MONDAY * HOUR),
            last: Time((MONDAY + hours) * HOUR - 1),
        }
    }

    fn found(own: &Hours, all: &Hours, hours: i64) -> Vec<(i64, i64, Measure)> {
        let silences = silences(own, all, span(hours), &TimeZone::UTC);
        let short = |s: &Silence| (s.hours.start - MONDAY, s.hours.end - MONDAY, s.by);
        silences.iter().map(short).collect()
    }

    /// Office hours: 100 rows an hour from 8 to 17, Monday to Friday.
    fn office(days: i64) -> Hours {
        let hours = (0..days * 24).filter(|hour| (8..18).contains(&(hour % 24)));
        let workdays = hours.filter(|hour| hour / 24 % 7 < 5);
        workdays.map(|hour| (MONDAY + hour, 100)).collect()
    }

    #[test]
    fn nights_and_weekends_are_silent_as_usual() {
        assert_eq!(DAY / HOUR, 24);
        for days in [1, 2, 3, 5, 7, 14, 21] {
            let rows = office(days);
            assert_eq!(found(&rows, &rows, days * 24), [], "{days} days");
        }
    }

    #[test]
    fn an_hour_that_is_missing_is_told_by_the_best_measure() {
        for (days, by) in [
            (1, Measure::Neighbours),
            (4, Measure::Day),
            (21, Measure::Week),
        ] {
            let all = office(days);
            let mut own = all.clone();
            own.remove(&(MONDAY + 11));
            own.remove(&(MONDAY + 12));
            assert_eq!(found(&own, &all, days * 24), [(11, 13, by)], "{days} days");
        }
    }

    #[test]
    fn logs_that_end_early_are_told_where_others_go_on() {
        let all = office(1);
        let own: Hours = all.range(..MONDAY + 14).map(|(h, n)| (*h, *n)).collect();
        let both: Hours = all.iter().map(|(h, n)| (*h, 2 * n)).collect();
        assert_eq!(found(&own, &own, 18), []);
        assert_eq!(found(&own, &both, 18), [(14, 18, Measure::Neighbours)]);
    }

    #[test]
    fn next_to_none_is_as_good_as_none() {
        for days in [1, 4] {
            let all = office(days);
            let mut own = all.clone();
            own.insert(MONDAY + 11, 1);
            assert_eq!(found(&own, &all, days * 24).len(), 1, "{days} days");
            own.insert(MONDAY + 11, 30);
            assert_eq!(found(&own, &all, days * 24), [], "{days} days");
        }
    }

    #[test]
    fn a_collection_may_fade_out() {
        let mut all: Hours = (0..48).map(|hour| (MONDAY + hour, 1000)).collect();
        all.extend([(MONDAY + 48, 30), (MONDAY + 49, 25)]);
        let mut span = span(50);
        span.last = Time(span.last.0 - 55 * 60 * 1_000_000);
        let body = body(&all, span, &TimeZone::UTC);
        assert_eq!(body.hours(), MONDAY..MONDAY + 48);
    }

    #[test]
    fn a_collection_of_workdays_may_fade_out_on_a_weekend() {
        let friday = 4 * 24;
        let mut all: Hours = (0..72).map(|h| (MONDAY + friday - 24 + h, 1000)).collect();
        let end = friday + 48;
        all.extend([(MONDAY + end, 100), (MONDAY + end + 1, 150)]);
        let span = Span {
            first: Time((MONDAY + friday - 24) * HOUR),
            last: Time((MONDAY + end + 2) * HOUR - 1),
        };
        let body = body(&all, span, &TimeZone::UTC);
        assert_eq!(body.hours(), MONDAY + friday - 24..MONDAY + end);
    }

    #[test]
    fn bursts_need_more_rows() {
        let bursts = |hour: i64| [6, 33, 12, 45, 7, 30][hour as usize % 6];
        let own: Hours = (0..240).map(|h| (MONDAY + h, bursts(h))).collect();
        assert_eq!(plenty(&own), (PLENTY * BURST, PLENTY * BURST));
        let mut quiet = own.clone();
        quiet.remove(&(MONDAY + 31));
        assert_eq!(found(&quiet, &own, 240), []);
        // Nearly every hour has one message or none.
        let seldom = |h: &i64| h % 3 != 0;
        let own: Hours = (0..96)
            .filter(seldom)
            .map(|h| (MONDAY + h, 7 + h as u64 % 2))
            .collect();
        assert_eq!(plenty(&own), (PLENTY * BURST, PLENTY * BURST));
        let steady: Hours = (0..96).map(|h| (MONDAY + h, 30 + h as u64 % 3)).collect();
        assert_eq!(plenty(&steady).0, PLENTY);
    }

    #[test]
    fn what_varies_is_missed_for_longer() {
        // Mostly off by 7 rows from one hour to the next, 33 in the mean: the variance is 1.6 times that of single rows.
        let varies = |hour: i64| [30, 36, 29, 38, 33, 27, 34, 40][(hour * 7 % 24 % 8) as usize];
        let all: Hours = (0..96).map(|h| (MONDAY + h, varies(h))).collect();
        assert_eq!(plenty(&all), (PLENTY, 2 * PLENTY));
        let mut own = all.clone();
        own.remove(&(MONDAY + 30));
        assert_eq!(found(&own, &all, 96), []);
        own.remove(&(MONDAY + 31));
        assert_eq!(found(&own, &all, 96), [(30, 32, Measure::Day)]);
    }

    #[test]
    fn a_day_that_is_missing_does_not_make_the_others_seldom() {
        // Around the clock but for the last hour of each day.
        let hours = (0..120).filter(|hour| hour % 24 != 23);
        let all: Hours = hours.map(|h| (MONDAY + h, 55 + h as u64 % 9)).collect();
        let mut own = all.clone();
        own.retain(|hour, _| (hour - MONDAY) / 24 != 2);
        assert_eq!(plenty(&own).0, PLENTY);
        assert_eq!(found(&own, &all, 120), [(48, 71, Measure::Day)]);
        assert_eq!(found(&all, &all, 120), []);
    }

    #[test]
    fn where_all_fade_out_nothing_is_missed() {
        let mut own: Hours = (0..24).map(|hour| (MONDAY + hour, 80)).collect();
        let mut all: Hours = own.keys().map(|&hour| (hour, 320)).collect();
        all.insert(MONDAY + 24, 45);
        assert_eq!(found(&own, &all, 25), []);
        all.insert(MONDAY + 24, 240);
        assert_eq!(found(&own, &all, 25), [(24, 25, Measure::Neighbours)]);
        own.insert(MONDAY + 24, 60);
        assert_eq!(found(&own, &all, 25), []);
    }

    #[test]
    fn few_rows_are_never_missed() {
        let mut own: Hours = (0..72).map(|hour| (MONDAY + hour, 10)).collect();
        own.remove(&(MONDAY + 30));
        assert_eq!(found(&own, &own, 72), []);
    }
}
