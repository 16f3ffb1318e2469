//! What was read, per server, and what was not.
//!
//! In: the facts of the run. Out: the section `coverage`, with the hours of the period in which a
//! server has no rows: a missing file, a server that was down, or one that has nothing to do at night.

use serde::Serialize;

use crate::report::rhythm::Hours;
use crate::report::{
    BadRows, EventCount, Facts, MissingFiles, ServerFacts, SkippedFile, StateFacts, hours,
};
use crate::time::{HOUR, Time};

/// The section `coverage`.
#[derive(Clone, Debug, Serialize)]
pub struct Coverage {
    pub servers: Vec<Server>,
    pub own_domains: Vec<String>,
    /// The domains were guessed from submissions and deliveries, not given.
    pub domains_guessed: bool,
    /// The filters that messages had to match, as flags; empty: all count.
    pub only: Vec<String>,
    pub skipped_files: Vec<SkippedFile>,
    pub missing_files: Vec<MissingFiles>,
    pub bad_rows: Vec<BadRows>,
    pub events: Vec<EventCount>,
    /// With `--state`: what was new, and what is carried.
    pub state: Option<StateFacts>,
}

/// What was read of one server.
#[derive(Clone, Debug, Serialize)]
pub struct Server {
    pub server: String,
    pub services: Vec<String>,
    pub first: Option<String>,
    pub last: Option<String>,
    pub rows: u64,
    /// Not known of a stretch of time.
    pub bytes: Option<u64>,
    pub hours_with_rows: usize,
    /// Hours of the period without a row of this server.
    pub hours_without_rows: i64,
    pub gaps: Vec<Gap>,
    /// Rows by hours of UTC since 1970.
    #[serde(skip)]
    pub hours: Hours,
    /// The same before and behind the period, too, where it was read.
    #[serde(skip)]
    pub around: Hours,
    #[serde(skip)]
    pub first_time: Option<Time>,
    #[serde(skip)]
    pub last_time: Option<Time>,
}

/// Whole hours without rows, UTC; `to` is exclusive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Gap {
    pub from: String,
    pub to: String,
    pub hours: i64,
    /// Hours of UTC since 1970.
    #[serde(skip)]
    pub first_hour: i64,
}

/// The section `coverage`; lists are sorted, so that the order of reading does not show.
pub fn coverage(facts: Facts) -> Coverage {
    let period = facts.from.zip(facts.to);
    let mut servers: Vec<Server> = facts
        .servers
        .into_iter()
        .map(|facts| server(facts, period))
        .collect();
    servers.sort_by(|a, b| a.server.cmp(&b.server));
    let mut coverage = Coverage {
        servers,
        own_domains: facts.own_domains,
        domains_guessed: facts.domains_guessed,
        only: facts.only,
        skipped_files: facts.skipped_files,
        missing_files: facts.missing_files,
        bad_rows: facts.bad_row_reasons,
        events: facts.events,
        state: facts.state,
    };
    coverage.own_domains.sort();
    coverage.skipped_files.sort_by(|a, b| a.path.cmp(&b.path));
    let rank = |bad: &BadRows| (u64::MAX - bad.count, bad.reason.clone());
    coverage.bad_rows.sort_by_cached_key(rank);
    coverage.events.sort_by(|a, b| {
        (b.count.cmp(&a.count))
            .then_with(|| a.event.cmp(&b.event))
            .then_with(|| a.source.cmp(&b.source))
    });
    coverage
}

impl Coverage {
    /// Which messages alone count, if not all.
    pub fn only(&self) -> Option<String> {
        let only = self.only.join(" ");
        (!only.is_empty()).then(|| format!("Only messages that match {only}"))
    }

    /// What rows the first and last row, the rows and the bytes of servers are of.
    pub fn note(&self, saved_files: usize) -> &'static str {
        match self.state {
            _ if saved_files > 0 => {
                "All that the runs behind the saved files read, also outside their days: \
                 what several of them read counts as often."
            }
            Some(_) => "Within a period by whole hours of UTC; a dash: not known.",
            None => "All that was read, also outside the period.",
        }
    }
}

fn server(facts: ServerFacts, period: Option<(Time, Time)>) -> Server {
    let gaps = period.map_or(Vec::new(), |period| {
        let (first, last) = hours(period);
        gaps(&facts.hours, first, last)
    });
    Server {
        bytes: facts.known_bytes(),
        server: facts.name,
        services: facts.services,
        first: facts.first.map(Time::rfc3339),
        last: facts.last.map(Time::rfc3339),
        rows: facts.rows,
        hours_with_rows: facts.hours.len(),
        hours_without_rows: gaps.iter().map(|gap| gap.hours).sum(),
        gaps,
        hours: facts.hours,
        around: facts.around,
        first_time: facts.first,
        last_time: facts.last,
    }
}

/// Runs of hours from `first` to `last` (both inclusive) that are not in `hours`.
fn gaps(hours: &Hours, first: i64, last: i64) -> Vec<Gap> {
    let mut gaps = Vec::new();
    let mut next = first;
    let inside = hours.range(first..=last).map(|(hour, _)| hour);
    for &hour in inside.chain([&(last + 1)]) {
        if hour > next {
            gaps.push(Gap {
                from: Time(next * HOUR).rfc3339(),
                to: Time(hour * HOUR).rfc3339(),
                hours: hour - next,
                first_hour: next,
            });
        }
        next = hour + 1;
    }
    gaps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_runs_of_missing_hours() {
        let runs = |hours: &[i64]| -> Vec<(String, i64)> {
            let gaps = gaps(&hours.iter().map(|hour| (*hour, 1)).collect(), 10, 15);
            gaps.into_iter().map(|gap| (gap.from, gap.hours)).collect()
        };
        let at = |hour: i64| Time(hour * HOUR).rfc3339();
        assert_eq!(runs(&[10, 11, 12, 13, 14, 15]), []);
        assert_eq!(runs(&[9, 11, 12, 15, 16]), [(at(10), 1), (at(13), 2)]);
        assert_eq!(runs(&[]), [(at(10), 6)]);
    }
}
