//! The delivery report as one plain value.
//!
//! In: a merged [`Tally`], the [`Facts`] of the run, and the names of servers. Out: [`Report`], from
//! which every format is written, so that a figure is the same in all of them. Nothing here knows how
//! the run was made. Text from the logs is decoded here, and made inert where it is printed.

pub mod balance;
pub mod baseline;
pub mod components;
pub mod connectors;
pub mod coverage;
pub mod csv;
mod facts;
pub mod failures;
pub mod html;
pub mod latency;
pub mod lists;
pub mod mailboxes;
pub mod oddities;
pub mod open;
pub mod rhythm;
pub mod sizes;
pub mod tables;
pub mod text;
pub mod top;
pub mod trouble;
pub mod volume;

#[cfg(test)]
mod tests;

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize, Serializer};

use crate::address::short_host;
use crate::event::ServerId;
use crate::figures;
use crate::report::rhythm::Hours;
use crate::tally::Tally;
use crate::tally::extremes::{Entry, Row, Text};
use crate::time::Time;

/// The name of a server by its number.
pub type Names<'n> = dyn Fn(ServerId) -> String + 'n;

/// What a run knows beside the tally.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Facts {
    /// `waybill 0.1.0`.
    pub tool: String,
    /// For display and for grouping into hours and days.
    #[serde(skip, default = "utc")]
    pub zone: TimeZone,
    /// First and last row read, or the period asked for.
    pub from: Option<Time>,
    pub to: Option<Time>,
    pub files: u64,
    pub bytes: u64,
    pub rows: u64,
    pub bad_rows: u64,
    /// Rows left out because the same file was collected twice.
    pub rows_twice: u64,
    /// Rows that name no message and could be put to none: connections, notices, refusals without an id.
    pub rows_without_message: u64,
    pub seconds: f64,
    pub servers: Vec<ServerFacts>,
    /// Own domains, and whether they were guessed rather than given.
    pub own_domains: Vec<String>,
    pub domains_guessed: bool,
    /// The filters that messages had to match, as flags; empty: all count.
    pub only: Vec<String>,
    /// A print of the key under which names were replaced.
    pub veil: Option<String>,
    pub skipped_files: Vec<SkippedFile>,
    pub events: Vec<EventCount>,
    pub bad_row_reasons: Vec<BadRows>,
    /// Files that the numbers in the names of the others say are missing.
    pub missing_files: Vec<MissingFiles>,
    /// What was done on top of earlier runs, where there were any.
    #[serde(skip)]
    pub state: Option<StateFacts>,
    /// How many saved files were merged: files, bytes and rows are those that their runs read.
    #[serde(skip)]
    pub saved_files: usize,
}

/// What a run with `--state` did, and what it leaves to the next.
#[derive(Clone, Debug, Serialize)]
pub struct StateFacts {
    /// This run's number, from 1.
    pub run: u64,
    /// Files with something new, and what of them was read now.
    pub new_files: u64,
    pub new_bytes: u64,
    pub new_rows: u64,
    /// Files that were as the run before had left them.
    pub unchanged_files: u64,
    /// Messages that may still get rows, and their rows, which the next run takes over.
    pub open_messages: u64,
    pub open_rows: u64,
    /// Messages whose last row is earlier are closed.
    pub closed_until: Option<String>,
    /// Rows before that instant that came only now, and were left out.
    pub late_rows: u64,
    /// What is to be said about files that were read before.
    pub notes: Vec<String>,
    /// Files that would have to be read once more and are not there.
    pub gone_logs: Vec<String>,
}

/// Files of one folder with following numbers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MissingFiles {
    pub folder: String,
    /// First and last missing name.
    pub from: String,
    pub to: String,
    pub files: u64,
}

fn utc() -> TimeZone {
    TimeZone::UTC
}

/// What was read of one server.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ServerFacts {
    pub name: String,
    pub first: Option<Time>,
    pub last: Option<Time>,
    pub rows: u64,
    /// 0 with rows: not known.
    pub bytes: u64,
    /// Rows by hours of UTC since 1970.
    pub hours: Hours,
    /// The same before and behind the period, too, where it was read.
    #[serde(skip)]
    pub around: Hours,
    /// Kinds of log found (`MSGTRK`, `MSGTRKMD`, ...).
    pub services: Vec<String>,
}

/// A file that could not be read or is no log.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SkippedFile {
    pub path: String,
    pub why: String,
    /// It should have been read: it has the name of a message tracking log, or could not be opened.
    pub is_log: bool,
}

/// How often an event was logged, and whether waybill knows what it means.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EventCount {
    pub source: String,
    pub event: String,
    pub count: u64,
    pub known: bool,
}

/// Rows that could not be read, for one reason.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BadRows {
    pub reason: String,
    pub count: u64,
    /// The first few, as `file:line: reason`.
    pub first: Vec<String>,
}

/// How much the report shows.
#[derive(Clone, Debug)]
pub struct ReportOptions {
    /// Lines of each list; at most what the tally was told to keep.
    pub top: usize,
    /// All lists there are, if somebody knows; lower case.
    pub known_lists: Vec<String>,
    /// Limits of the service level, milliseconds: how much arrived within each.
    pub sla_ms: Vec<u64>,
    /// What earlier days were like, if they are known.
    pub baseline: Option<baseline::Baseline>,
}

impl Default for ReportOptions {
    fn default() -> Self {
        ReportOptions {
            top: 25,
            known_lists: Vec::new(),
            sla_ms: Vec::new(),
            baseline: None,
        }
    }
}

/// The report: one key per section, as the contract's JSON has it.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub schema: u32,
    pub tool: String,
    /// IANA name of the zone of all hours and days below; times with a `Z` are UTC.
    pub zone: String,
    pub period: Period,
    /// What is wrong, worst first.
    pub trouble: Vec<trouble::Finding>,
    pub inputs: Inputs,
    pub coverage: coverage::Coverage,
    pub excluded: balance::Excluded,
    pub totals: balance::Totals,
    pub balance: balance::Balance,
    pub volume: volume::Volume,
    pub latency: latency::Latencies,
    pub failures: failures::Failures,
    pub pending: open::Pending,
    pub unknown: open::Unknown,
    pub top: top::Top,
    pub connectors: connectors::Connectors,
    pub lists: lists::Lists,
    pub sizes: sizes::Sizes,
    pub oddities: oddities::Oddities,
    pub mailboxes: mailboxes::Mailboxes,
    /// For the writers of formats that show local times.
    #[serde(skip)]
    pub time_zone: TimeZone,
}

/// The time reported on, UTC.
#[derive(Clone, Debug, Serialize)]
pub struct Period {
    pub from: Option<String>,
    pub to: Option<String>,
    #[serde(skip)]
    pub from_time: Option<Time>,
    #[serde(skip)]
    pub to_time: Option<Time>,
}

impl Period {
    /// First and last hour of UTC since 1970; that which begins when the period ends is none of them.
    pub fn hours(&self) -> Option<(i64, i64)> {
        self.from_time.zip(self.to_time).map(hours)
    }
}

fn hours((from, to): (Time, Time)) -> (i64, i64) {
    let last = Time(to.0.saturating_sub(1).max(from.0)).hour();
    (from.hour(), last)
}

/// What was read.
#[derive(Clone, Debug, Serialize)]
pub struct Inputs {
    pub files: u64,
    pub bytes: u64,
    pub rows: u64,
    pub bad_rows: u64,
    pub rows_twice: u64,
    /// Rows that name no message and could be put to none.
    pub rows_without_message: u64,
    pub skipped_files: usize,
    pub seconds: f64,
    /// Saved files that this is from; 0 where logs were read.
    #[serde(skip)]
    pub saved_files: usize,
    /// `bytes` by `seconds`, if they are known.
    #[serde(skip)]
    pub bytes_per_second: Option<u64>,
}

impl Report {
    /// Puts the sums into words and order.
    pub fn new(tally: &Tally, facts: Facts, options: &ReportOptions, names: &Names<'_>) -> Report {
        let tally = &*tally.settled();
        let baseline = options.baseline.as_ref();
        let mut report = Report {
            trouble: Vec::new(),
            schema: 1,
            tool: facts.tool.clone(),
            zone: facts.zone.iana_name().unwrap_or("UTC").to_string(),
            period: Period {
                from: facts.from.map(Time::rfc3339),
                to: facts.to.map(Time::rfc3339),
                from_time: facts.from,
                to_time: facts.to,
            },
            inputs: Inputs {
                files: facts.files,
                bytes: facts.bytes,
                rows: facts.rows,
                bad_rows: facts.bad_rows,
                rows_twice: facts.rows_twice,
                rows_without_message: facts.rows_without_message,
                skipped_files: facts.skipped_files.len(),
                seconds: facts.seconds,
                saved_files: facts.saved_files,
                bytes_per_second: (facts.seconds > 0.0)
                    .then(|| (facts.bytes as f64 / facts.seconds) as u64),
            },
            excluded: balance::excluded(&tally.totals),
            totals: balance::totals(&tally.totals),
            balance: balance::balance(&tally.totals),
            volume: volume::volume(&tally.volume, &facts.zone, baseline.map(|b| &b.days)),
            latency: latency::latencies(tally, options, names),
            failures: failures::failures(&tally.failures, names),
            pending: open::pending(&tally.pending, facts.from, facts.to, options.top, names),
            unknown: open::unknown(&tally.unknown, names),
            top: top::top(tally, options.top, names),
            connectors: connectors::connectors(
                &tally.hops,
                latency::slow_ms(&tally.latency),
                names,
            ),
            lists: lists::lists(&tally.lists, &options.known_lists),
            sizes: sizes::sizes(&tally.sizes),
            oddities: oddities::oddities(tally, &facts.own_domains, baseline, names),
            mailboxes: mailboxes::mailboxes(&tally.correspondents, &facts.own_domains),
            time_zone: facts.zone.clone(),
            coverage: coverage::coverage(facts),
        };
        report.trouble = trouble::trouble(&report, baseline);
        report
    }
}

/// One message in a list.
#[derive(Clone, Debug, Serialize)]
pub struct Message {
    #[serde(serialize_with = "unless_absent")]
    pub message_id: String,
    pub network_message_id: Option<String>,
    pub first_seen: String,
    pub sender: String,
    /// The recipient that the line is about, where it is about one.
    pub recipient: Option<String>,
    #[serde(serialize_with = "unless_absent")]
    pub subject: String,
    pub server: Option<String>,
    /// 0, and null in JSON: no row says it.
    #[serde(serialize_with = "unless_absent")]
    pub size_bytes: u64,
    /// Recipients as addressed: lists and redirected addresses included.
    pub addresses: usize,
    /// The log's own words about that recipient.
    pub reason: Option<String>,
    /// File and line of the row that decided about the recipient, else of the one by which it came in.
    #[serde(rename = "where")]
    pub row: Option<String>,
    /// Who handed it in: address, or else name.
    pub client: Option<String>,
    /// The server where it came in, and the hand-overs from there on, in order of time.
    pub came_in: Option<String>,
    pub path: Vec<Step>,
    #[serde(skip)]
    pub first_seen_time: Time,
}

/// What a log does not have is null, as it is in paths.
fn unless_absent<T: Default + PartialEq + Serialize, S: Serializer>(
    value: &T,
    to: S,
) -> Result<S::Ok, S::Error> {
    (*value != T::default()).then_some(value).serialize(to)
}

/// One hand-over of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    pub server: String,
    /// The host it was given to, as logged.
    pub to: String,
    /// That host is outside.
    pub outside: bool,
    /// Milliseconds since the message had come to `server`.
    pub stay_ms: Option<i64>,
}

impl Message {
    fn new(entry: &Entry, names: &Names<'_>) -> Message {
        let notable = &entry.notable;
        let text = |which: Text| notable.text(which);
        let steps = notable.steps().map(|(step, host)| Step {
            server: names(step.server),
            to: decoded(host),
            outside: step.outside,
            stay_ms: step.stay_ms,
        });
        Message {
            message_id: decoded(text(Text::MessageId)),
            network_message_id: given(text(Text::NetworkMessageId)),
            first_seen: entry.first_seen.rfc3339(),
            sender: address(text(Text::Sender)),
            recipient: given(text(Text::Recipient)),
            subject: decoded(text(Text::Subject)),
            server: notable.server.map(names),
            size_bytes: notable.size_bytes,
            addresses: notable.addresses,
            reason: given(text(Text::Words)),
            row: match &notable.row {
                Row::Named(row) => given(row.as_bytes()),
                Row::At(_) => None,
            },
            client: given(text(Text::Client)),
            came_in: notable.origin.map(names),
            path: steps.collect(),
            first_seen_time: entry.first_seen,
        }
    }

    /// The path on one line: `10.0.0.1 > ex01 > ex02.example.com (275 ms) > mx.example.net (1.2 s)`.
    pub fn path_in_words(&self) -> String {
        let mut words: Vec<String> = self.client.iter().cloned().collect();
        let mut last = self.came_in.clone();
        words.extend(last.clone());
        for step in &self.path {
            // A message that forks goes on from a server that was named before.
            let follows = (last.as_deref()).is_some_and(|last| {
                short_host(last.as_bytes()) == short_host(step.server.as_bytes())
            });
            if !follows {
                words.push(format!("… {}", step.server));
            }
            let took = step.stay_ms.and_then(|ms| u64::try_from(ms).ok());
            words.push(match took {
                Some(ms) => format!("{} ({})", step.to, figures::duration(ms)),
                None => step.to.clone(),
            });
            last = Some(step.to.clone());
        }
        words.join(" > ")
    }
}

/// Bytes of the logs as text; what is not UTF-8 becomes U+FFFD.
fn decoded(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}

/// The same, `None` if the log has nothing.
fn given(text: &[u8]) -> Option<String> {
    (!text.is_empty()).then(|| decoded(text))
}

/// A sender: nobody is the null return path.
fn address(text: &[u8]) -> String {
    given(text).unwrap_or_else(|| "<>".into())
}
