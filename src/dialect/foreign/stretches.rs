//! From which line on which clock is in force, where a log goes by more than one.
//!
//! In: lines in their order. Out: [`Stretches`] of a log whose clock changes (daylight saving, New Year), and [`Hosts`] where a
//! syslog server put lines of hosts in several zones into one file.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Mutex;

use bstr::{BString, ByteSlice};

use super::clock::Clock;
use super::line::{Outer, lines};
use super::outer::outer;
use super::told::{STRANGERS, Told, told, told_by};
use super::usual::word;
use super::{CLOCK_BYTES, Form, Schema, last_of_chain, next_line};
use crate::time::SECOND;

/// Stamps that go back by more than this are of the year after.
const YEAR_TURNS_S: i64 = -180 * 86_400;

/// Stamps that go ahead by more than this are of the year before: lines of several hosts go to and fro at midnight.
const YEAR_RETURNS_S: i64 = 300 * 86_400;

/// From which byte on which clock is in force.
pub(super) type Stretches = Vec<(usize, Clock)>;

/// By how many years a jump of stamps turns the year.
pub(super) fn year_turn(step_s: i64) -> i16 {
    i16::from(step_s < YEAR_TURNS_S) - i16::from(step_s > YEAR_RETURNS_S)
}

/// Where stamps jump, and by how many seconds: clocks of one host go forward, and a quarter of an hour is the least that
/// zones differ by.
#[derive(Default)]
pub(super) struct Jumps {
    last: Option<i64>,
    found: Vec<(usize, i64)>,
}

impl Jumps {
    /// Notes the stamp of the line at `at`.
    pub(super) fn note(&mut self, at: usize, local: i64) {
        let step = local - self.last.replace(local).unwrap_or(local);
        if step.abs() > 600 * SECOND {
            self.found.push((at, step / SECOND));
        }
    }

    /// The last one up to the line at `until` that a change from one clock to the other explains, and whether stamps went back.
    pub(super) fn fitting(&self, from: &Clock, to: &Clock, until: usize) -> Option<(usize, bool)> {
        let back = to.offset_s < from.offset_s || to.year > from.year;
        let fits = |(at, step): &&(usize, i64)| *at <= until && (*step < 0) == back;
        self.found
            .iter()
            .rev()
            .find(fits)
            .map(|(at, _)| (*at, back))
    }

    /// By how many years they turn the year up to the line at `until`.
    pub(super) fn years(&self, until: usize) -> i16 {
        let jumps = self.found.iter().filter(|(at, _)| *at <= until);
        jumps.map(|(_, step)| year_turn(*step)).sum()
    }
}

/// Follows the clock from line to line.
struct Track {
    /// The clock in force.
    clock: Clock,
    /// Whether `clock` holds for the first line, or is still to be told.
    is_known: bool,
    found: Stretches,
    /// Since the last change.
    jumps: Jumps,
    /// What strangers say against the clock in force, since which line, and how many one after the other.
    doubt: Option<(Clock, usize, u32)>,
}

impl Track {
    fn new(schema: &Schema, is_known: bool) -> Track {
        Track {
            clock: schema.clock,
            is_known,
            found: vec![(0, schema.clock)],
            jumps: Jumps::default(),
            doubt: None,
        }
    }

    /// Takes in the line at `at`; `found` was read by the clock of `schema`.
    fn line(&mut self, at: usize, line: &[u8], found: &Outer<'_>, schema: &Schema) {
        let Some(bare) = found.bare else {
            return;
        };
        self.jumps.note(at, bare.local);
        if schema.zone.is_some() {
            // A zone tells no year, and has other clocks in another one.
            self.turn_years(at);
        }
        let schema = Schema {
            clock: self.clock,
            ..*schema
        };
        let told = match schema.zone {
            None => told_by(found, &schema),
            Some(_) => told(line, &schema),
        };
        if let Some(told) = told {
            self.told(at, told);
        }
    }

    fn told(&mut self, at: usize, told: Told) {
        if self.is_known && self.clock.agrees(&told.clock) {
            self.doubt = None;
            return;
        }
        let (since, count) = match self.doubt {
            Some((clock, since, count)) if clock.agrees(&told.clock) => (since, count + 1),
            _ => (at, 1),
        };
        // What was late or goes by a wrong clock moves no stamps back.
        let jump = self.jumps.fitting(&self.clock, &told.clock, since);
        let is_sure = told.is_own || self.is_known && jump.is_some_and(|(_, back)| back);
        if !is_sure && count < STRANGERS {
            self.doubt = Some((told.clock, since, count));
        } else if self.is_known {
            self.change(jump.map_or(since, |(at, _)| at), told.clock);
        } else {
            self.begin(told.clock, at);
        }
    }

    /// The first clock that is told, at the line `at`: between the first line and that, the year may have turned.
    fn begin(&mut self, mut clock: Clock, at: usize) {
        clock.year -= self.jumps.years(at);
        (self.clock, self.found) = (clock, vec![(0, clock)]);
        (self.is_known, self.doubt) = (true, None);
        self.turn_years(at);
        self.jumps.found.clear();
    }

    /// Another clock is in force from the line at `at` on.
    fn change(&mut self, at: usize, clock: Clock) {
        if let Some(before) = at.checked_sub(1) {
            self.turn_years(before);
        }
        self.found.push((at, clock));
        (self.clock, self.doubt) = (clock, None);
        self.jumps.found.clear();
    }

    /// December gives way to January up to the line at `until`, and no id said so.
    fn turn_years(&mut self, until: usize) {
        let turns = |jump: &mut (usize, i64)| jump.0 <= until && year_turn(jump.1) != 0;
        for (at, step) in self.jumps.found.extract_if(.., turns) {
            self.clock.year += year_turn(step);
            self.found.push((at, self.clock));
        }
    }

    /// `turn`: from which line on what lines further on tell.
    fn finish(mut self, turn: Option<(usize, Clock)>) -> Stretches {
        let last = turn.map_or(usize::MAX, |(at, _)| at.saturating_sub(1));
        match self.doubt {
            Some((clock, since, _)) if !self.is_known => self.begin(clock, since),
            _ => {}
        }
        self.turn_years(last);
        self.found.extend(turn);
        self.found
    }
}

/// The stretches of a chunk in which not all lines go by the same clock; `start` is where it begins in its file.
pub(super) fn stretches(data: &[u8], schema: &Schema, start: u64) -> Stretches {
    let mut track = Track::new(schema, true);
    for (from, to) in lines(data, 0) {
        let line = &data[from..to];
        if let Some(found) = outer(line, &schema.clock) {
            track.line(from, line, &found, schema);
        }
    }
    let turn = schema.turn;
    let turn = turn.and_then(|(at, clock)| Some((at.checked_sub(start)? as usize, clock)));
    track.finish(turn)
}

/// The clocks of the hosts whose lines one file holds, where they differ.
#[derive(Debug, PartialEq, Eq)]
pub struct Hosts(Vec<(BString, Stretches)>);

/// So many looks, each at this many lines, show whether a file is of several hosts.
const LOOKS: usize = 32;
const LINES: usize = 8;

impl Hosts {
    /// The hosts of a file; `None` where they all go by one clock, as far as its beginning tells.
    pub(super) fn of(schema: &Schema, data: &[u8]) -> Option<&'static Hosts> {
        if schema.form != Form::Syslog || schema.zone.is_some() || is_of_one(schema, data) {
            return None;
        }
        let head = &data[..data.len().min(CLOCK_BYTES)];
        let differ = |until: Until| {
            let sample = tracks(schema, head, until);
            let told = sample.values().filter(|track| track.is_known);
            let mut told = told.map(|track| track.clock.offset_s);
            let first = told.next();
            told.any(|other| Some(other) != first)
        };
        // Where all of them change their clocks, those that tell nothing behind the change only seem to differ.
        let is_mixed = differ(Until::Known) && differ(Until::End);
        is_mixed.then(|| {
            let tracks = tracks(schema, data, Until::End).into_iter();
            let hosts = tracks.map(|(host, track)| (host.into(), track.finish(None)));
            kept(Hosts(hosts.collect()))
        })
    }

    /// The clock of a host at a byte of the file.
    pub(super) fn at(&self, host: &[u8], at: u64) -> Option<Clock> {
        let hosts = &self.0;
        let place = hosts.binary_search_by(|(name, _)| name.as_slice().cmp(last_of_chain(host)));
        let stretches = &hosts[place.ok()?].1;
        let behind = stretches.partition_point(|(from, _)| *from as u64 <= at);
        Some(stretches[behind.max(1) - 1].1)
    }

    /// The first zone of each host, for `check`: `+01:00 (mx1, mx2), -05:00 (us1)`.
    pub(super) fn words(&self) -> String {
        let mut zones: BTreeMap<String, Vec<Cow<'_, str>>> = BTreeMap::new();
        for (host, stretches) in &self.0 {
            let of_zone = zones.entry(stretches[0].1.zone_words()).or_default();
            of_zone.push(host.to_str_lossy());
        }
        let zones = zones
            .iter()
            .map(|(zone, hosts)| format!("{zone} ({})", hosts.join(", ")));
        zones.collect::<Vec<String>>().join(", ")
    }
}

/// Whether a file is of one host, by looks at its beginning and along the whole of it.
fn is_of_one(schema: &Schema, data: &[u8]) -> bool {
    let near = data.len().min(CLOCK_BYTES);
    let looks = |len: usize| (0..LOOKS).map(move |n| len * n / LOOKS);
    let mut hosts = looks(near).chain(looks(data.len())).flat_map(|at| {
        let from = next_line(schema, data, at);
        let lines = lines(data, from).take(LINES);
        lines.filter_map(|(from, to)| {
            let found = outer(&data[from..to], &schema.clock)?;
            found.bare.map(|_| last_of_chain(found.host))
        })
    });
    let first = hosts.next();
    hosts.all(|host| Some(host) == first)
}

/// The host of a line, where it stands as in nearly all: `Nov 21 17:23:38 mx1 ...`.
fn traditional_host(line: &[u8]) -> Option<&[u8]> {
    let is_traditional = matches!(line.first(), Some(b'A'..=b'S'));
    let (host, _) = word(line.get(16..)?)?;
    is_traditional.then(|| last_of_chain(host))
}

/// How far the clock of a host is followed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Until {
    /// Until a line tells it: nearly all lines are passed over then.
    Known,
    End,
}

/// Follows the clock of each host.
fn tracks<'d>(schema: &Schema, data: &'d [u8], until: Until) -> BTreeMap<&'d [u8], Track> {
    let mut tracks: BTreeMap<&[u8], Track> = BTreeMap::new();
    let is_known = |tracks: &BTreeMap<&[u8], Track>, host| {
        tracks.get(host).is_some_and(|track| track.is_known)
    };
    for (from, to) in lines(data, 0) {
        let line = &data[from..to];
        let host = traditional_host(line);
        if until == Until::Known && host.is_some_and(|host| is_known(&tracks, host)) {
            continue;
        }
        if let Some(found) = outer(line, &schema.clock) {
            let new = || Track::new(schema, false);
            let track = tracks.entry(last_of_chain(found.host)).or_insert_with(new);
            track.line(from, line, &found, schema);
        }
    }
    tracks
}

/// Keeps a table for as long as the program runs, once: the schema of every chunk points to it.
fn kept(hosts: Hosts) -> &'static Hosts {
    static KEPT: Mutex<Vec<&Hosts>> = Mutex::new(Vec::new());
    let mut kept = KEPT.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if let Some(known) = kept.iter().find(|known| ***known == hosts) {
        return known;
    }
    let new: &'static Hosts = Box::leak(Box::new(hosts));
    kept.push(new);
    new
}
