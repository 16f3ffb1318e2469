//! Servers that are silent in hours in which they usually have rows.
//!
//! In: rows by hour of every server, of the period and of all that is known around it. Out: findings. A server's own rhythm
//! tells what is usual, be the others alive or not; where it is not known, most of the others must have rows.

use std::collections::BTreeSet;

use super::{EVIDENCE, Finding, MISSED_HOURS, Severity, finding};
use crate::figures::{grouped, plural};
use crate::report::Report;
use crate::report::baseline::Baseline;
use crate::report::coverage::Server;
use crate::report::rhythm::{Hours, Measure, Rhythm, Span, silences, spans};
use crate::report::tables::in_zone;
use crate::time::{HOUR, Time};

/// A server that is silent for so many hours.
const SILENT_HOURS: usize = 2;
/// All servers may have nothing to do for longer.
const NIGHT_HOURS: usize = 6;
/// Rows per hour from which a server counts as normally busy.
const BUSY_ROWS: u64 = 20;

/// Finds them.
pub fn silent_servers(report: &Report, baseline: Option<&Baseline>, findings: &mut Vec<Finding>) {
    let servers = &report.coverage.servers;
    let Some(period @ (since, _)) = report.period.hours() else {
        return;
    };
    let rows: Vec<Hours> = servers.iter().map(|of| all_hours(of, baseline)).collect();
    let (any, spans) = together(&rows, report);
    for (server, own) in servers.iter().zip(&rows) {
        let last = server.last_time.map_or(i64::MAX, Time::hour);
        if last < since.saturating_sub(MISSED_HOURS) {
            continue; // gone
        }
        let mut silent = Silent {
            report,
            period,
            server,
            own,
            hours: BTreeSet::new(),
            evidence: Vec::new(),
        };
        silent.by_rhythm(&any, &spans);
        silent.by_others(&spans);
        findings.extend(silent.finding());
    }
}

/// Rows of a server by hour, all that is known.
fn all_hours(server: &Server, baseline: Option<&Baseline>) -> Hours {
    let earlier = baseline.and_then(|baseline| baseline.servers.get(&server.server));
    let mut hours = earlier.cloned().unwrap_or_default();
    hours.extend(&server.around);
    hours.extend(&server.hours);
    hours
}

/// Rows of all servers by hour, and the stretches of time of which something can be said.
fn together(rows: &[Hours], report: &Report) -> (Hours, Vec<Span>) {
    let mut any = Hours::new();
    for (hour, rows) in rows.iter().flatten() {
        *any.entry(*hour).or_default() += rows;
    }
    let hours = any.keys().next().zip(any.keys().next_back());
    let Some((&first, &last)) = hours else {
        return (any, Vec::new());
    };
    let servers = report.coverage.servers.iter();
    let begins = servers.clone().filter_map(|server| server.first_time);
    let ends = servers.filter_map(|server| server.last_time);
    let begin = begins.filter(|time| time.hour() == first).min();
    let end = ends.filter(|time| time.hour() == last).max();
    let begin = begin.unwrap_or(Time(first * HOUR));
    let end = end.unwrap_or(Time((last + 1) * HOUR - 1));
    let spans = spans(&any, begin, end, &report.time_zone);
    (any, spans)
}

/// What is found of one server.
struct Silent<'r> {
    report: &'r Report,
    /// Its first and its last hour.
    period: (i64, i64),
    server: &'r Server,
    own: &'r Hours,
    /// Silent hours of the period.
    hours: BTreeSet<i64>,
    evidence: Vec<String>,
}

impl Silent<'_> {
    fn by_rhythm(&mut self, any: &Hours, spans: &[Span]) {
        let zone = &self.report.time_zone;
        let (since, until) = self.period;
        let found = spans
            .iter()
            .flat_map(|span| silences(self.own, any, *span, zone));
        for silence in found {
            let hours = silence.hours.start.max(since)..silence.hours.end.min(until + 1);
            // Without a rhythm, a night of all is no silence of one.
            let is_night = silence.by == Measure::Neighbours && hours.clone().count() > NIGHT_HOURS;
            if hours.is_empty() || is_night && !hours.clone().all(|hour| self.others_speak(hour)) {
                continue;
            }
            self.evidence.push(format!(
                "no row, or next to none, from {} to {}: about {} rows are usual ({})",
                self.at(silence.hours.start),
                self.at(silence.hours.end),
                grouped(silence.usual as i64),
                silence.by.words()
            ));
            self.hours.extend(hours);
        }
    }

    fn by_others(&mut self, spans: &[Span]) {
        let usual = self.own.values().sum::<u64>() / (self.own.len() as u64).max(1);
        let lived = self.own.keys().next().zip(self.own.keys().next_back());
        let Some((&first, &last)) = lived.filter(|_| usual >= BUSY_ROWS) else {
            return;
        };
        // Its rhythm when it was there; no hour behind that makes it a silent one.
        let rhythms: Vec<(Span, Rhythm<'_>)> = (spans.iter())
            .filter(|_| !self.server.gaps.is_empty())
            .map(|span| {
                let lived = Span {
                    first: span.first.max(Time(first * HOUR)),
                    last: span.last.min(Time((last + 1) * HOUR - 1)),
                };
                let rhythm = Rhythm::new(self.own, lived, &self.report.time_zone);
                (*span, rhythm)
            })
            .collect();
        let is_unknown = |hour: i64| {
            let mut known = rhythms
                .iter()
                .filter(|(span, _)| span.hours().contains(&hour));
            known.all(|(_, rhythm)| rhythm.usual(hour).is_none() && !rhythm.may_rest(hour))
        };
        for gap in &self.server.gaps {
            let hours = gap.first_hour..gap.first_hour + gap.hours;
            let is_silent = |hour: &i64| {
                !self.hours.contains(hour) && self.others_speak(*hour) && is_unknown(*hour)
            };
            let hours: Vec<i64> = hours.filter(is_silent).collect();
            if hours.len() >= SILENT_HOURS {
                self.evidence.push(format!(
                    "no row from {} to {}, while most other servers logged; otherwise {} rows an hour",
                    self.at(hours[0]),
                    self.at(hours[hours.len() - 1] + 1),
                    grouped(usual as i64)
                ));
                self.hours.extend(hours);
            }
        }
    }

    /// Whether most other servers have rows.
    fn others_speak(&self, hour: i64) -> bool {
        let servers = self.report.coverage.servers.iter();
        let others = servers.filter(|other| other.server != self.server.server);
        let speaking = others
            .clone()
            .filter(|other| other.hours.contains_key(&hour));
        2 * speaking.count() > others.count()
    }

    fn at(&self, hour: i64) -> String {
        in_zone(&Time(hour * HOUR).rfc3339(), &self.report.time_zone)
    }

    fn finding(mut self) -> Option<Finding> {
        let hours = self.hours.len();
        self.evidence.truncate(EVIDENCE);
        let what = format!(
            "{} was silent for {}: down, or its logs are missing",
            self.server.server,
            plural(hours as i64, "hour")
        );
        let finding = Finding {
            evidence: self.evidence,
            ..finding(Severity::Bad, "silent_server", what, hours as i64)
        };
        (hours >= SILENT_HOURS).then_some(finding)
    }
}
