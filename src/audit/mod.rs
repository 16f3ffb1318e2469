//! Are these logs whole? What `check` finds out and says.
//!
//! In: all rows, chunk by chunk in the order of files, and what the run found beside them. Out: [`Check`], one plain
//! value from which every format is written. The audit looks for signs of loss and of change and gives the place of
//! each; it names no culprit, because a full disk, a clock and a person can leave the same trace. It cannot
//! see what left no trace: rows cut out at line breaks from a quiet hour.
//!
//! [`chunk`] looks at rows; [`twice`], [`ids`], [`handover`], [`files`], [`names`], [`rhythm`] each follow one question;
//! [`findings`] ranks the answers and puts them into words.

pub mod chunk;
pub mod coverage;
pub mod files;
pub mod findings;
mod gone;
pub mod handover;
mod hosts;
pub mod ids;
pub mod mentions;
pub mod names;
pub mod read;
#[cfg(test)]
mod tests;
pub mod text;
pub mod twice;
mod words;

use jiff::tz::TimeZone;
use serde::Serialize;

use crate::dialect::EventCounts;
use crate::event::{Place, ServerId};
use crate::fault::Faults;
use crate::input::Inputs;
use crate::input::source::{Source, hex};
use crate::join::Ground;
use crate::keys::Keys;
use crate::plan::Plan;
use crate::row::Row;
use crate::servers::Servers;
use crate::time::Time;
use chunk::{Back, LogIds, Outline, Part};
use files::Headers;
use handover::Legs;
use ids::Generations;
use mentions::Mentions;
use twice::Prints;

/// Places that are kept of each kind of finding; the rest is counted.
pub const KEPT: usize = 8;

/// A row by its chunk in the plan and its line there: half the size of a [`Place`]. Sorts as places do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Spot {
    pub chunk: u32,
    pub line: u32,
}

impl Spot {
    fn place(self, plan: &Plan) -> Place {
        let chunk = &plan.chunks[self.chunk as usize];
        Place {
            file: chunk.file,
            offset: chunk.start as u64,
            line: self.line,
        }
    }
}

/// The first few places.
#[derive(Clone, Debug, Default)]
pub struct Places(pub Vec<Place>);

impl Places {
    #[inline]
    fn add(&mut self, place: Place) {
        // Rows of a chunk come in order, so the first are the smallest.
        if self.0.len() < KEPT {
            self.0.push(place);
        }
    }

    fn merge(&mut self, other: Places) {
        self.0.extend(other.0);
        self.0.sort_unstable();
        self.0.truncate(KEPT);
    }
}

/// What was found so far.
#[derive(Default)]
pub struct Audit {
    prints: Prints,
    back: Back,
    log_ids: LogIds,
    generations: Generations,
    legs: Legs,
    mentions: Mentions,
    headers: Headers,
    /// Chunks taken in.
    chunks: u32,
    /// The file of the last chunk and its latest row.
    latest: Option<(u32, Option<Time>)>,
}

/// A chunk that is ready to be looked at: what went before in its file is known.
pub struct Ready {
    outline: Outline,
    latest: Option<Time>,
    chunk: u32,
}

impl Audit {
    /// Tells every chunk of a batch what went before it; `outlines` in the order of files.
    pub fn ready(&mut self, ground: &Ground<'_>, outlines: Vec<Outline>) -> Vec<Ready> {
        let slices = ground.slices.iter().zip(outlines);
        slices
            .map(|(slice, outline)| {
                let before = self.latest.filter(|(file, _)| *file == slice.file);
                let latest = before.and_then(|(_, latest)| latest);
                self.latest = Some((slice.file, outline.latest(latest)));
                self.chunks += 1;
                Ready {
                    outline,
                    latest,
                    chunk: self.chunks - 1,
                }
            })
            .collect()
    }

    /// Takes in what the chunks of a batch showed, in the order of files.
    pub fn take(&mut self, ground: &Ground<'_>, parts: Vec<Part>) {
        for (slice, part) in ground.slices.iter().zip(parts) {
            self.prints.merge(part.prints);
            self.back.merge(part.back);
            self.log_ids.merge(part.log_ids);
            self.generations.merge(part.generations);
            self.legs.merge(part.legs);
            self.mentions.merge(part.mentions);
            self.headers.take(slice.file, part.headers);
        }
    }
}

impl Ready {
    /// Looks at the rows of the chunk.
    pub fn look(self, ground: &Ground<'_>, rows: &[Row]) -> Part {
        Part::new(ground, rows, self.outline, self.latest, self.chunk)
    }
}

/// What the run found beside the rows.
pub struct Facts<'f> {
    pub tool: String,
    pub zone: TimeZone,
    pub inputs: &'f Inputs,
    pub plan: &'f Plan,
    pub servers: &'f Servers,
    pub faults: &'f Faults,
    pub events: &'f EventCounts,
    pub rows: u64,
    pub span: Option<(Time, Time)>,
}

/// The answer.
#[derive(Clone, Debug, Serialize)]
pub struct Check {
    pub schema: u32,
    pub tool: String,
    /// Zone of the times in sentences; times with a `Z` are UTC.
    pub zone: String,
    pub period: Period,
    pub inputs: Read,
    pub verdict: Verdict,
    /// SHA-256 of every input as it lies on the disk, in the order of names; empty with `--no-hash`.
    pub hashes: Vec<Hash>,
    /// SHA-256 of the lines that `sha256sum` prints for them.
    pub hashes_sha256: Option<String>,
    /// The gravest first.
    pub findings: Vec<Finding>,
    pub coverage: Vec<coverage::Server>,
    pub clocks: Vec<Clock>,
    /// One hand-over in so many was looked at, for clocks and for mail that did not arrive.
    pub hand_overs_one_in: u64,
    /// For the writers of formats that show local times.
    #[serde(skip)]
    pub time_zone: TimeZone,
    #[serde(skip)]
    pub span: Option<(Time, Time)>,
}

/// First and last row.
#[derive(Clone, Debug, Serialize)]
pub struct Period {
    pub from: Option<String>,
    pub to: Option<String>,
}

/// What was read.
#[derive(Clone, Debug, Serialize)]
pub struct Read {
    pub files: u64,
    pub bytes: u64,
    pub rows: u64,
    pub bad_rows: u64,
    pub rows_twice: u64,
    pub files_passed_over: u64,
    pub files_empty: u64,
    pub files_unreadable: u64,
}

/// One input.
#[derive(Clone, Debug, Serialize)]
pub struct Hash {
    pub name: String,
    pub bytes: u64,
    pub sha256: String,
}

/// The findings in one line.
#[derive(Clone, Debug, Serialize)]
pub struct Verdict {
    /// No sign of loss and none of change.
    pub whole: bool,
    pub signs_of_loss: usize,
    pub signs_of_change: usize,
    pub notes: usize,
    pub words: String,
}

/// What a finding is a sign of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Weight {
    /// Rows or files that were there may be missing.
    Loss,
    /// Rows, times or names may not be as they were written.
    Change,
    /// To be known when the logs are read.
    Note,
}

/// One thing that was found.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    pub weight: Weight,
    /// One word for programs.
    pub kind: &'static str,
    /// Rows, files or hours; what the sentence counts.
    pub count: u64,
    pub what: String,
    /// The first few places, `file:line`, or names.
    pub first: Vec<String>,
    /// There are more than these.
    pub more: bool,
}

/// Times of hand-overs between two servers.
#[derive(Clone, Debug, Serialize)]
pub struct Clock {
    pub from: String,
    pub to: String,
    pub hand_overs: u64,
    /// RECEIVE at `to` minus SEND at `from`.
    pub smallest_ms: i64,
    pub median_ms: i64,
    pub largest_ms: i64,
    /// How far the clock of `to` is before that of `from`, where mail went both ways.
    pub offset_ms: Option<i64>,
    /// SEND and RECEIVE of the median.
    pub rows: [String; 2],
}

impl Check {
    /// Draws the conclusions.
    pub fn new(audit: Audit, facts: &Facts<'_>) -> Check {
        let plan = facts.plan;
        let equal = files::equal(facts.inputs, plan, &Keys::default());
        let twice = audit.prints.compare(facts.inputs, plan, &equal);
        let mut coverage = coverage::coverage(facts);
        let mut gone = coverage::gone(&coverage);
        let mut met = audit.legs.meet(facts.servers);
        let holes = (audit.mentions).holes(facts.servers, &gone, &met.astray());
        for hole in &holes {
            for &hour in &hole.hours {
                gone.add(hole.server, hole.service, hour..hour + 1);
            }
        }
        met.leave_out(&gone);
        coverage::note_holes(&mut coverage, &holes, facts);
        let seen = findings::Seen {
            twice: &twice,
            equal,
            back: &audit.back,
            log_ids: &audit.log_ids,
            falls: audit.generations.falls(),
            met: &met,
            holes,
            headers: &audit.headers,
            edges: files::edges(facts.inputs, plan),
            coverage: &coverage,
        };
        let findings = findings::findings(&seen, facts);
        let (from, to) = facts.span.unzip();
        let logs = facts.inputs.files.len() - plan.passed_over.len() - plan.empty.len();
        let hashes = hashes(facts.inputs);
        Check {
            schema: 1,
            tool: facts.tool.clone(),
            zone: facts.zone.iana_name().unwrap_or("local").to_string(),
            period: Period {
                from: from.map(Time::rfc3339),
                to: to.map(Time::rfc3339),
            },
            inputs: Read {
                files: logs as u64,
                bytes: plan.bytes,
                rows: facts.rows,
                bad_rows: facts.faults.damaged(),
                rows_twice: twice.rows,
                files_passed_over: plan.passed_over.len() as u64,
                files_empty: plan.empty.len() as u64,
                files_unreadable: facts.inputs.unreadable.len() as u64,
            },
            hashes_sha256: (!hashes.is_empty()).then(|| hex(&facts.inputs.sha256())),
            hashes,
            verdict: Verdict::new(&findings),
            findings,
            coverage,
            clocks: clocks(&met, facts),
            hand_overs_one_in: met.one_in,
            time_zone: facts.zone.clone(),
            span: facts.span,
        }
    }
}

fn hashes(inputs: &Inputs) -> Vec<Hash> {
    let hash = |source: &Source| {
        Some(Hash {
            name: source.name().to_string(),
            bytes: source.bytes,
            sha256: hex(source.sha256.as_deref()?),
        })
    };
    inputs.sources.iter().filter_map(hash).collect()
}

impl Verdict {
    fn new(findings: &[Finding]) -> Verdict {
        let count = |weight| findings.iter().filter(|f| f.weight == weight).count();
        let (loss, change) = (count(Weight::Loss), count(Weight::Change));
        let words = match (loss, change) {
            (0, 0) => "whole as far as can be told".to_string(),
            (0, change) => format!("signs of change: {change}"),
            (loss, 0) => format!("signs of loss: {loss}"),
            (loss, change) => format!("signs of loss: {loss}, signs of change: {change}"),
        };
        Verdict {
            whole: loss + change == 0,
            signs_of_loss: loss,
            signs_of_change: change,
            notes: count(Weight::Note),
            words,
        }
    }
}

fn clocks(met: &handover::HandOvers, facts: &Facts<'_>) -> Vec<Clock> {
    let name = |server: ServerId| facts.servers.name(server).to_string();
    let evidence = |spot: Spot| facts.inputs.evidence(spot.place(facts.plan));
    let millis = |micros: i64| micros.div_euclid(1000);
    let clock = |(&(from, to), lag): (&(ServerId, ServerId), &handover::Lag)| Clock {
        from: name(from),
        to: name(to),
        hand_overs: lag.hand_overs as u64,
        smallest_ms: millis(lag.smallest),
        median_ms: millis(lag.median),
        largest_ms: millis(lag.largest),
        offset_ms: met.offset(from, to).map(millis),
        rows: [evidence(lag.rows.0), evidence(lag.rows.1)],
    };
    let mut clocks: Vec<Clock> = met.lags.iter().map(clock).collect();
    clocks.sort_by(|a, b| (&a.from, &a.to).cmp(&(&b.from, &b.to)));
    clocks
}
