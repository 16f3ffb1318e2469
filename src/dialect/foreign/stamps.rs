//! What the stamps of a file leave out, and what tells it: ids in its lines, hand-overs, what is given, the file's own time.
//!
//! In: lines and what is known beside them. Out: the [`Clock`] of a file, of a chunk, or of each stretch of a chunk.

use std::ops::Range;

use super::clock::{self, Basis, Clock};
use super::entry::{self, Entry};
use super::events::code;
use super::outer::{Bare, Outer, Program, outer};
use super::reply;
use super::{Schema, lines, read};
use crate::dialect::Layout;
use crate::input::Assumed;
use crate::time::{DAY, SECOND, Time};

/// The clock of a chunk behind the first is looked for in this much of it: a line further on that tells another is found when rows are.
const CHUNK_CLOCK_BYTES: usize = 64 << 10;

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

/// The layout at the beginning of a chunk that follows one with layout `schema`, which begins at `before`.
pub fn layout_at(schema: &Schema, data: &[u8], before: usize, range: Range<usize>) -> Layout {
    let start = range.start;
    let head = start..range.end.min(start + CHUNK_CLOCK_BYTES);
    let mut layout = bound(schema, data, head);
    let first = |from: usize| first_bare(schema, &data[from..]).map(|bare| bare.local);
    if let Layout::Foreign(bound) = &mut layout
        && bound.clock == schema.clock
        && let (Some(old), Some(new)) = (first(before), first(start))
        && old - new > 300 * DAY
    {
        // No id says so, but January follows December.
        bound.clock.year += 1;
    }
    layout
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
    let clock = &mut schema.clock;
    let Some(bare) = first_bare(
        &Schema {
            clock: *clock,
            ..*schema
        },
        data,
    ) else {
        return;
    };
    if matches!(clock.basis, Basis::Ids | Basis::Hops)
        && assumed.year.is_none()
        && assumed.zone.is_none()
    {
        return;
    }
    if !matches!(clock.basis, Basis::Ids | Basis::Hops) {
        clock.basis = Basis::File;
        if bare.day.is_some() {
            let year = |year: i64| {
                let (month, day) = bare.day.unwrap_or((1, 1));
                Time::from_civil(year, month, day, 0, 0, 0, 0)
            };
            let this = written
                .rfc3339()
                .get(..4)
                .and_then(|y| y.parse().ok())
                .unwrap_or(1970);
            let ahead = year(this).is_none_or(|time| time.0 > written.0 + DAY);
            clock.year = (this - i64::from(ahead)) as i16;
        }
    }
    // What somebody says outright goes before what ids tell.
    if let Some(year) = assumed.year.filter(|_| bare.day.is_some()) {
        (clock.year, clock.basis) = (year, Basis::Given);
    }
    if let Some(zone) = &assumed.zone {
        let first = first_bare(
            &Schema {
                clock: *clock,
                ..*schema
            },
            data,
        );
        let seconds = first.unwrap_or(bare).local.div_euclid(SECOND);
        if let Ok(at) = jiff::Timestamp::from_second(seconds) {
            (schema.clock.offset_s, schema.clock.basis) =
                (zone.to_offset(at).seconds(), Basis::Given);
        }
    }
}

/// The clock that the first telling line gives.
fn first_clock(schema: &Schema, data: &[u8]) -> Option<Clock> {
    lines(data, 0).find_map(|(from, to)| told_clock(&data[from..to], schema))
}

/// The clock that a line proves, if it proves any.
fn told_clock(line: &[u8], schema: &Schema) -> Option<Clock> {
    let found = outer(line, &schema.clock)?;
    let bare = found.bare?;
    let entry = read(&found);
    anchor(&found, &entry).and_then(|(arrival, slack_s)| schema.clock.told(&bare, arrival, slack_s))
}

/// The instant that a line's ids name, and by how many seconds the line may be later.
pub(super) fn anchor(found: &Outer<'_>, entry: &Entry<'_>) -> Option<(i64, i64)> {
    match entry.code {
        code::RECEIVED => Some((clock::arrival(entry.program, entry.id)?, 120)),
        code::REFUSED if found.program == Program::Exim => {
            Some((clock::arrival(entry.program, entry.id)?, 120))
        }
        // Postfix stamps the Message-ID of what it makes itself in UTC.
        code::NAMED => Some((own_stamp(entry)?, 120)),
        code::SENT => match reply::named(entry.text) {
            reply::Named::Queue(id) => Some((clock::any_arrival(id)?, 600)),
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
    let part = |from: usize, to: usize| entry::number(&id[from..to]) as u32;
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

/// Whether year or zone of stamps are guessed.
pub fn is_guessed(schema: &Schema) -> bool {
    schema.clock.basis == Basis::File
}

/// The layout of a chunk whose stamps, read by `schema`, are this many microseconds behind the true time.
pub fn shifted(schema: &Schema, data: &[u8], shift: i64) -> Option<Schema> {
    let bare = first_bare(schema, data)?;
    let true_time = schema.clock.utc(bare.local).0 + shift;
    let clock = schema.clock.told(&bare, true_time / SECOND, 0)?;
    Some(Schema {
        clock: Clock {
            basis: Basis::Hops,
            ..clock
        },
        ..*schema
    })
}

/// Where a file's clock comes from, in words for `check`; `None` where no stamp needs one.
pub fn clock_words(clock: &Clock) -> String {
    let sign = if clock.offset_s < 0 { '-' } else { '+' };
    let minutes = clock.offset_s.abs() / 60;
    let zone = format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60);
    let basis = match clock.basis {
        Basis::Ids => "told by queue ids",
        Basis::Given => "as given",
        Basis::Hops => "told by hand-overs to and from hosts whose clock is known",
        Basis::File => {
            "guessed: the year by the file's own time, the zone not known; give --year and --zone"
        }
        Basis::Nothing => "not asked for",
    };
    format!("{} {zone}, {basis}", clock.year)
}
/// The clocks of a chunk in which not all lines go by the same one.
pub(super) fn clocks(data: &[u8], schema: &Schema) -> Clocks {
    let mut clocks: Clocks = Vec::new();
    let mut current = *schema;
    // Where stamps jump: byte, and by how many seconds.
    let mut jumps: Vec<(usize, i64)> = Vec::new();
    let mut last = None;
    for (from, to) in lines(data, 0) {
        let Some((found, bare)) =
            outer(&data[from..to], &schema.clock).and_then(|f| Some((f, f.bare?)))
        else {
            continue;
        };
        let step = bare.local - last.unwrap_or(bare.local);
        last = Some(bare.local);
        // Clocks of one host go forward; a quarter of an hour is the least that zones differ by.
        if step.abs() > 600 * SECOND {
            jumps.push((from, step / SECOND));
        }
        let entry = read(&found);
        let told =
            anchor(&found, &entry).and_then(|(at, slack)| current.clock.told(&bare, at, slack));
        let Some(clock) = told.filter(|clock| {
            (clock.year, clock.offset_s) != (current.clock.year, current.clock.offset_s)
                || clocks.is_empty()
        }) else {
            continue;
        };
        let back = clock.offset_s < current.clock.offset_s || clock.year > current.clock.year;
        let at = jumps.iter().rev().find(|(_, step)| (*step < 0) == back);
        let start = if clocks.is_empty() && at.is_none() {
            0
        } else {
            at.map_or(from, |(at, _)| *at)
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
    // December gives way to January, and no id said so.
    for (at, step) in jumps {
        if step < -300 * 86_400 {
            current.clock.year += 1;
            clocks.push((at, current.clock));
        }
    }
    clocks
}
