//! What the stamps of a file leave out, and what tells it: ids in its lines, hand-overs, what is given, the file's own time.
//!
//! In: lines and what is known beside them. Out: the [`Clock`] of a file, and that at the first line of a chunk.

use std::ops::Range;

use jiff::Timestamp;
use jiff::tz::AmbiguousOffset;

use super::clock::{Basis, Clock};
use super::line::{Bare, lines, lines_back};
use super::outer::outer;
use super::stretches::{Hosts, Jumps, year_turn};
use super::told::{by_zone, civil, elect, told, told_by};
use super::{CLOCK_BYTES, Form, Schema, next_line};
use crate::dialect::Layout;
use crate::input::Assumed;
use crate::time::{DAY, SECOND, Time};

/// The clock of a chunk behind the first is looked for in this much of it: a line further on that tells another is found when rows are.
const CHUNK_CLOCK_BYTES: usize = 64 << 10;

/// The layout of a file, its clock set by what its beginning tells.
pub(super) fn bound(schema: &Schema, data: &[u8]) -> Layout {
    let clock = first_clock(schema, &data[..data.len().min(CLOCK_BYTES)]);
    let schema = Schema {
        clock: clock.unwrap_or(schema.clock),
        ..*schema
    };
    let hosts = clock.and_then(|_| Hosts::of(&schema, data));
    Layout::Foreign(Schema { hosts, ..schema })
}

/// The layout of a chunk that follows one with layout `schema`, which begins at `before`: the clock at its first line, and
/// where another one begins that only lines behind it tell.
pub fn layout_at(schema: &Schema, data: &[u8], before: usize, range: Range<usize>) -> Layout {
    let own = Schema {
        clock: schema.turn.map_or(schema.clock, |(_, clock)| clock),
        turn: None,
        ..*schema
    };
    if own.hosts.is_some() || first_bare(&own, &data[range.clone()]).is_none() {
        return Layout::Foreign(own);
    }
    let told = around(&own, data, range.start);
    let mut clock = told.map_or(own.clock, |told| told.at(range.start));
    // Where no line tells the year, January follows December all the same.
    let since = match told {
        Some(told) if own.zone.is_none() => told.since,
        _ => before,
    };
    if !told.is_some_and(|told| told.is_ahead && own.zone.is_none()) {
        clock.year += years(&own, data, since..range.start);
    }
    let own = Schema { clock, ..own };
    let turn = around(&own, data, range.end).filter(|told| told.before != told.behind);
    Layout::Foreign(Schema {
        turn: turn
            .filter(|told| range.contains(&told.turn))
            .map(|told| (told.turn as u64, told.behind)),
        ..own
    })
}

/// How often the year turns in a stretch, by looks at its stamps.
fn years(schema: &Schema, data: &[u8], range: Range<usize>) -> i16 {
    const LOOKS: usize = 16;
    let looks = (0..=LOOKS).map(|n| range.start + range.len() * n / LOOKS);
    let stamps: Vec<i64> = looks
        .filter_map(|at| first_bare(schema, &data[at..]).map(|bare| bare.local))
        .collect();
    let steps = stamps.windows(2).map(|pair| (pair[1] - pair[0]) / SECOND);
    steps.map(year_turn).sum()
}

/// What the lines on both sides of a byte tell.
#[derive(Clone, Copy)]
struct Sides {
    before: Clock,
    behind: Clock,
    /// Where the one gives way to the other, if they differ.
    turn: usize,
    /// Where the last line before the byte stands that tells anything, or where it was no longer looked for.
    since: usize,
    /// Whether a line behind the byte tells anything.
    is_ahead: bool,
}

impl Sides {
    fn at(&self, at: usize) -> Clock {
        if at < self.turn {
            self.before
        } else {
            self.behind
        }
    }
}

/// What is told around a byte; `None` if no line near it tells anything.
fn around(schema: &Schema, data: &[u8], at: usize) -> Option<Sides> {
    let ahead = data.len().min(at + CHUNK_CLOCK_BYTES);
    let tells = |(from, to): (usize, usize)| Some((from, told(&data[from..to], schema)?));
    let next = elect(lines(&data[..ahead], at).filter_map(tells));
    // Where ids are rare the last one may be far behind.
    let farthest = match schema.clock.basis {
        Basis::Ids => CLOCK_BYTES,
        _ => CHUNK_CLOCK_BYTES,
    };
    let mut reach = CHUNK_CLOCK_BYTES;
    let (since, before) = loop {
        let from = next_line(schema, data, at.saturating_sub(reach)).min(at);
        match elect(lines_back(&data[..at], from).filter_map(tells)) {
            Some((from, clock)) => break (from, Some(clock)),
            None if from == 0 || reach >= farthest => break (from, None),
            None => reach *= 4,
        }
    };
    let Some((told_at, behind)) = next else {
        return before.map(|before| Sides {
            before,
            behind: before,
            turn: at,
            since,
            is_ahead: false,
        });
    };
    let before = before.unwrap_or(schema.clock);
    let is_same = before.agrees(&behind);
    let turn = match is_same {
        true => at,
        false => {
            let mut jumps = Jumps::default();
            for (from, to) in lines(data, since).take_while(|(from, _)| *from <= told_at) {
                let found = outer(&data[from..to], &schema.clock).and_then(|found| found.bare);
                if let Some(bare) = found {
                    jumps.note(from, bare.local);
                }
            }
            let jump = jumps.fitting(&before, &behind, told_at);
            jump.map_or(told_at, |(at, _)| at)
        }
    };
    let before = if is_same { behind } else { before };
    Some(Sides {
        before,
        behind,
        turn,
        since,
        is_ahead: true,
    })
}

/// The clock at the first line, by the lines that tell one: between the two, December may have given way to January.
fn first_clock(schema: &Schema, data: &[u8]) -> Option<Clock> {
    let mut jumps = Jumps::default();
    let (told_at, mut clock) = elect(lines(data, 0).filter_map(|(from, to)| {
        let found = outer(&data[from..to], &schema.clock)?;
        jumps.note(from, found.bare?.local);
        Some((from, told_by(&found, schema)?))
    }))?;
    clock.year -= jumps.years(told_at);
    Some(clock)
}

/// The first stamp that leaves out its zone.
fn first_bare(schema: &Schema, data: &[u8]) -> Option<Bare> {
    lines(data, 0)
        .take(1000)
        .find_map(|(from, to)| outer(&data[from..to], &schema.clock)?.bare)
}

/// Sets the clock of a file whose own lines do not tell it: by what is given, else by the last year in which the file
/// begins before it was `written` last, in UTC.
pub fn assume(schema: &mut Schema, data: &[u8], assumed: &Assumed, written: Time) {
    let Some(bare) = first_bare(schema, data).filter(|_| schema.clock.basis != Basis::Ids) else {
        return;
    };
    schema.clock.basis = Basis::File;
    if let Some((month, day)) = bare.day {
        let this = written
            .rfc3339()
            .get(..4)
            .and_then(|y| y.parse().ok())
            .unwrap_or(1970);
        let begins = Time::from_civil(this, month, day, 0, 0, 0, 0);
        let ahead = begins.is_none_or(|time| time.0 > written.0 + DAY);
        schema.clock.year = (this - i64::from(ahead)) as i16;
    }
    if let Some(year) = assumed.year.filter(|_| bare.day.is_some()) {
        (schema.clock.year, schema.clock.basis) = (year, Basis::Given);
    }
    if let Some(zone) = assumed.zone {
        schema.zone = Some(zone);
        schema.clock.basis = Basis::Given;
        let first = first_bare(schema, data).unwrap_or(bare);
        let before = civil(first.local).map(|at| zone.to_ambiguous_timestamp(at).offset());
        schema.clock.offset_s = match before {
            Some(AmbiguousOffset::Unambiguous { offset }) => offset.seconds(),
            Some(AmbiguousOffset::Gap { before, .. } | AmbiguousOffset::Fold { before, .. }) => {
                before.seconds()
            }
            None => 0,
        };
    }
}

/// Stamps around `local` that surely go by the schema's clock: all of them where no zone was given, else those as far as its
/// clocks do not change; `None` if `local` itself does not surely go by it.
pub(super) fn calm(schema: &Schema, local: i64) -> Option<Range<i64>> {
    let Some(zone) = schema.zone else {
        return Some(i64::MIN..i64::MAX);
    };
    let told = by_zone(schema, local)?;
    let at = Timestamp::from_microsecond(local).ok()?;
    let time = |at: Option<Timestamp>| at.map(|at| at.as_microsecond());
    let last = time(zone.preceding(at).next().map(|t| t.timestamp())).unwrap_or(i64::MIN / 2);
    let next = time(zone.following(at).next().map(|t| t.timestamp())).unwrap_or(i64::MAX / 2);
    // Within a day and a half of a change each stamp is looked at.
    let sure = last + 3 * DAY / 2..next - 3 * DAY / 2;
    let range = if sure.contains(&local) {
        sure
    } else {
        local..local + 1
    };
    (told.offset_s == schema.clock.offset_s).then_some(range)
}

/// Whether hand-overs may tell better than what year or zone of stamps are taken for.
pub fn is_guessed(schema: &Schema) -> bool {
    matches!(schema.clock.basis, Basis::File | Basis::Given)
}

/// Seconds east of UTC, if something surer than the file's own time tells them.
pub fn offset_s(schema: &Schema) -> Option<i32> {
    (schema.needs_clock() && !is_guessed(schema)).then_some(schema.clock.offset_s)
}

/// The same layout with a zone that other files of the host tell; `None` where one was given.
pub fn in_zone_of_host(schema: &Schema, offset_s: i32) -> Option<Schema> {
    let clock = Clock {
        offset_s,
        basis: Basis::Host,
        ..schema.clock
    };
    (schema.clock.basis == Basis::File).then_some(Schema { clock, ..*schema })
}

/// The layout of a chunk whose stamps, read by `schema`, are this many microseconds behind the true time.
pub fn shifted(schema: &Schema, data: &[u8], shift: i64) -> Option<Schema> {
    let bare = first_bare(schema, data)?;
    let true_time = schema.clock.utc(bare.local).0 + shift;
    let clock = schema.clock.told(&bare, true_time / SECOND, 0)?;
    let agrees = clock.offset_s == schema.clock.offset_s;
    Some(Schema {
        clock: Clock {
            basis: Basis::Hops,
            ..clock
        },
        zone: schema.zone.filter(|_| agrees),
        ..*schema
    })
}

/// Where a file's clock comes from, in words for `check`; `None` where no stamp needs one.
pub fn clock_words(schema: &Schema) -> String {
    let clock = &schema.clock;
    let basis = match clock.basis {
        Basis::Ids => "told by queue ids",
        Basis::Given => "as given",
        Basis::Host => "the zone told by other files of the host",
        Basis::Hops => "told by hand-overs to and from hosts whose clock is known",
        Basis::File => {
            "guessed: the year by the file's own time, the zone not known; give --year and --zone"
        }
        Basis::Nothing => "not asked for",
    };
    let zones = match schema.hosts {
        Some(hosts) => hosts.words(),
        None => clock.zone_words(),
    };
    match schema.form {
        Form::Syslog => format!("{} {zones}, {basis}", clock.year),
        Form::Exim => format!("{zones}, {basis}"),
    }
}
