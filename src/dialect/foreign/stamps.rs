//! What the stamps of a file leave out, and what tells it: ids in its lines, hand-overs, what is given, the file's own time.
//!
//! In: lines and what is known beside them. Out: the [`Clock`] of a file, of a chunk, or of each stretch of a chunk.

use std::ops::Range;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};

use super::clock::{self, Basis, Clock};
use super::cut;
use super::entry::Entry;
use super::events::code;
use super::line::{Bare, Outer, Program, lines, lines_back};
use super::outer::outer;
use super::reply::Named;
use super::{CLOCK_BYTES, Form, Schema, next_line, read};
use crate::dialect::Layout;
use crate::input::Assumed;
use crate::time::{DAY, SECOND, Time};

/// The clock of a chunk behind the first is looked for in this much of it: a line further on that tells another is found when rows are.
const CHUNK_CLOCK_BYTES: usize = 64 << 10;

/// Stamps that go back by more than this are of the year after.
const YEAR_TURNS_S: i64 = -180 * 86_400;

/// Stamps that go ahead by more than this are of the year before, if the year turned.
const YEAR_RETURNS_S: i64 = 300 * 86_400;

/// From which byte on a chunk is read by which clock.
pub(super) type Clocks = Vec<(usize, Clock)>;

/// The layout of a stretch of a file, its clock set by what the stretch tells.
pub(super) fn bound(schema: &Schema, data: &[u8], range: Range<usize>) -> Layout {
    let clock = first_clock(schema, &data[range]);
    Layout::Foreign(Schema {
        clock: clock.unwrap_or(schema.clock),
        ..*schema
    })
}

/// The layout of a chunk that follows one with layout `schema`, which begins at `before`: the clock at its first line, and
/// where another one begins that only lines behind it tell.
pub fn layout_at(schema: &Schema, data: &[u8], before: usize, range: Range<usize>) -> Layout {
    let own = Schema {
        clock: schema.turn.map_or(schema.clock, |(_, clock)| clock),
        turn: None,
        ..*schema
    };
    if first_bare(&own, &data[range.clone()]).is_none() {
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
    let turns = stamps
        .windows(2)
        .filter(|pair| pair[1] - pair[0] < YEAR_TURNS_S * SECOND);
    turns.count() as i16
}

/// What the lines on both sides of a byte tell.
#[derive(Clone, Copy)]
struct Told {
    before: Clock,
    behind: Clock,
    /// Where the one gives way to the other, if they differ.
    turn: usize,
    /// Where the last line before the byte stands that tells anything, or where it was no longer looked for.
    since: usize,
    /// Whether a line behind the byte tells anything.
    is_ahead: bool,
}

impl Told {
    fn at(&self, at: usize) -> Clock {
        if at < self.turn {
            self.before
        } else {
            self.behind
        }
    }
}

/// What is told around a byte; `None` if no line near it tells anything.
fn around(schema: &Schema, data: &[u8], at: usize) -> Option<Told> {
    let ahead = data.len().min(at + CHUNK_CLOCK_BYTES);
    let next = lines(&data[..ahead], at)
        .find_map(|(from, to)| Some((from, told_clock(&data[from..to], schema)?)));
    // Where ids are rare the last one may be far behind.
    let farthest = match schema.clock.basis {
        Basis::Ids => CLOCK_BYTES,
        _ => CHUNK_CLOCK_BYTES,
    };
    let mut reach = CHUNK_CLOCK_BYTES;
    let (since, before) = loop {
        let from = next_line(schema, data, at.saturating_sub(reach)).min(at);
        let told = lines_back(&data[..at], from)
            .find_map(|(from, to)| Some((from, told_clock(&data[from..to], schema)?)));
        match told {
            Some((from, clock)) => break (from, Some(clock)),
            None if from == 0 || reach >= farthest => break (from, None),
            None => reach *= 4,
        }
    };
    let Some((told_at, behind)) = next else {
        return before.map(|before| Told {
            before,
            behind: before,
            turn: at,
            since,
            is_ahead: false,
        });
    };
    let before = before.unwrap_or(schema.clock);
    let is_same = (before.year, before.offset_s) == (behind.year, behind.offset_s);
    let turn = match is_same {
        true => at,
        false => {
            let (mut jumps, mut last) = (Vec::new(), None);
            for (from, to) in lines(data, since).take_while(|(from, _)| *from <= told_at) {
                let found = outer(&data[from..to], &schema.clock).and_then(|found| found.bare);
                if let Some(bare) = found {
                    note_jump(&mut jumps, &mut last, from, bare.local);
                }
            }
            fitting(&jumps, &before, &behind).unwrap_or(told_at)
        }
    };
    let before = if is_same { behind } else { before };
    Some(Told {
        before,
        behind,
        turn,
        since,
        is_ahead: true,
    })
}

/// Notes where stamps jump, and by how many seconds: clocks of one host go forward, and a quarter of an hour is the least
/// that zones differ by.
fn note_jump(jumps: &mut Vec<(usize, i64)>, last: &mut Option<i64>, at: usize, local: i64) {
    let step = local - last.replace(local).unwrap_or(local);
    if step.abs() > 600 * SECOND {
        jumps.push((at, step / SECOND));
    }
}

/// The last jump that a change from one clock to the other explains.
fn fitting(jumps: &[(usize, i64)], from: &Clock, to: &Clock) -> Option<usize> {
    let back = to.offset_s < from.offset_s || to.year > from.year;
    let fits = |(_, step): &&(usize, i64)| (*step < 0) == back;
    jumps.iter().rev().find(fits).map(|(at, _)| *at)
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

fn civil(local: i64) -> Option<DateTime> {
    let at = Timestamp::from_microsecond(local).ok()?;
    Some(Offset::UTC.to_datetime(at))
}

/// The clock by a zone that was given; `None` for stamps that the change of the clock repeats or leaves out.
fn by_zone(zone: &TimeZone, local: i64, clock: &Clock) -> Option<Clock> {
    match zone.to_ambiguous_timestamp(civil(local)?).offset() {
        AmbiguousOffset::Unambiguous { offset } => Some(Clock {
            offset_s: offset.seconds(),
            ..*clock
        }),
        _ => None,
    }
}

/// Stamps around `local` that surely go by the schema's clock: all of them where no zone was given, else those as far as its
/// clocks do not change; `None` if `local` itself does not surely go by it.
pub(super) fn calm(schema: &Schema, local: i64) -> Option<Range<i64>> {
    let Some(zone) = schema.zone else {
        return Some(i64::MIN..i64::MAX);
    };
    let told = by_zone(zone, local, &schema.clock)?;
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

/// The clock at the first line, by the first telling one: between the two, December may have given way to January.
fn first_clock(schema: &Schema, data: &[u8]) -> Option<Clock> {
    let (mut jumps, mut last) = (Vec::new(), None);
    let mut clock = lines(data, 0).find_map(|(from, to)| {
        let found = outer(&data[from..to], &schema.clock)?;
        note_jump(&mut jumps, &mut last, from, found.bare?.local);
        told_by(&found, schema)
    })?;
    // Lines of several hosts go to and fro at midnight.
    let turns = jumps
        .iter()
        .filter(|(_, step)| *step < YEAR_TURNS_S)
        .count();
    let returns = jumps.iter().filter(|(_, step)| *step > YEAR_RETURNS_S);
    clock.year -= turns.saturating_sub(returns.count()) as i16;
    Some(clock)
}

/// The clock that a line proves, if it proves any.
fn told_clock(line: &[u8], schema: &Schema) -> Option<Clock> {
    told_by(&outer(line, &schema.clock)?, schema)
}

/// The same of a line whose outer parts are known.
fn told_by(found: &Outer<'_>, schema: &Schema) -> Option<Clock> {
    let bare = found.bare?;
    if let Some(zone) = schema.zone {
        return by_zone(zone, bare.local, &schema.clock);
    }
    let entry = read(found);
    let (arrival, slack_s) = anchor(found, &entry, entry.named())?;
    schema.clock.told(&bare, arrival, slack_s)
}

/// The instant that a line's ids name, and by how many seconds the line may be later; `named`: what the reply in it names.
#[inline]
pub(super) fn anchor(found: &Outer<'_>, entry: &Entry<'_>, named: Named<'_>) -> Option<(i64, i64)> {
    match entry.code {
        code::RECEIVED => Some((clock::arrival(entry.program, entry.id)?, 120)),
        code::REFUSED if found.program == Program::Exim => {
            Some((clock::arrival(entry.program, entry.id)?, 120))
        }
        // Postfix stamps the Message-ID of what it makes itself in UTC.
        code::NAMED => Some((own_stamp(entry)?, 120)),
        // The clock of a stranger, and when it took the message over: asked only where the host's own ids tell nothing.
        code::SENT => match named {
            Named::Queue(id) if clock::arrival(entry.program, entry.id).is_none() => {
                Some((clock::any_arrival(id)?, 600))
            }
            _ => None,
        },
        _ => None,
    }
}

/// The time in a Message-ID `<YYYYMMDDhhmmss.QID@host>` that names its own queue id.
fn own_stamp(entry: &Entry<'_>) -> Option<i64> {
    let id = entry.message_id.strip_prefix(b"<")?;
    let rest = id.get(14..)?.strip_prefix(b".")?;
    let own = rest.strip_prefix(entry.id)?;
    if !own.starts_with(b"@") {
        return None;
    }
    let part = |from: usize, to: usize| cut::number(&id[from..to]) as u32;
    let time = Time::from_civil(
        i64::from(part(0, 4)),
        part(4, 6),
        part(6, 8),
        part(8, 10),
        part(10, 12),
        part(12, 14),
        0,
    )?;
    Some(time.0 / SECOND)
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
    let sign = if clock.offset_s < 0 { '-' } else { '+' };
    let minutes = clock.offset_s.abs() / 60;
    let zone = format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60);
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
    match schema.form {
        Form::Syslog => format!("{} {zone}, {basis}", clock.year),
        Form::Exim => format!("{zone}, {basis}"),
    }
}

/// The clocks of a chunk in which not all lines go by the same one; `start` is where it begins in its file.
pub(super) fn clocks(data: &[u8], schema: &Schema, start: u64) -> Clocks {
    let mut clocks: Clocks = Vec::new();
    let mut current = *schema;
    let (mut jumps, mut last) = (Vec::new(), None);
    for (from, to) in lines(data, 0) {
        let line = &data[from..to];
        let Some(bare) = outer(line, &schema.clock).and_then(|found| found.bare) else {
            continue;
        };
        note_jump(&mut jumps, &mut last, from, bare.local);
        let turns = |jump: &mut (usize, i64)| jump.0 == from && jump.1 < YEAR_TURNS_S;
        if schema.zone.is_some() && jumps.pop_if(turns).is_some() {
            // A zone tells no year.
            if clocks.is_empty() {
                clocks.push((0, schema.clock));
            }
            current.clock.year += 1;
            clocks.push((from, current.clock));
        }
        let Some(clock) = told_clock(line, &current).filter(|clock| {
            (clock.year, clock.offset_s) != (current.clock.year, current.clock.offset_s)
                || clocks.is_empty()
        }) else {
            continue;
        };
        let at = fitting(&jumps, &current.clock, &clock);
        let start = if clocks.is_empty() && at.is_none() {
            0
        } else {
            at.unwrap_or(from)
        };
        if clocks.is_empty() && start > 0 {
            clocks.push((0, schema.clock));
        }
        clocks.push((start, clock));
        current.clock = clock;
        jumps.clear();
    }
    if clocks.is_empty() {
        clocks.push((0, schema.clock));
    }
    // What lines behind the chunk tell.
    let turn = schema
        .turn
        .and_then(|(at, clock)| Some((at.checked_sub(start)? as usize, clock)));
    let before = turn.map_or(usize::MAX, |(at, _)| at);
    // December gives way to January, and no id said so.
    for (at, step) in jumps {
        if step < YEAR_TURNS_S && at < before {
            current.clock.year += 1;
            clocks.push((at, current.clock));
        }
    }
    clocks.extend(turn);
    clocks
}
