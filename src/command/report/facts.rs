//! What a report says about the run itself: files, rows, servers, and what was left out.
//!
//! In: inputs and outcome. Out: [`Facts`].

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use crate::audit::names;
use crate::cli::options::Read;
use crate::filter::Filter;
use crate::input::Inputs;
use crate::keys::Service;
use crate::path::anonymous;
use crate::pipeline::Outcome;
use crate::report::trouble::MISSED_HOURS;
use crate::report::{BadRows, EventCount, Facts, MissingFiles, ServerFacts, SkippedFile};
use crate::servers::{Coverage, HourRows, Servers};
use crate::time::{HOUR, Time};

/// What the report says about the run itself.
/// `names`: of all files that were found, whether or not there was anything to read in them.
pub fn of<'n>(
    options: &Read,
    inputs: &Inputs,
    names: impl Iterator<Item = &'n str>,
    outcome: &Outcome,
    elapsed: Duration,
) -> Facts {
    let (from, to) = outcome.span.unzip();
    let filter = &options.filter;
    let other = outcome.plan.passed_over.iter().map(|(file, what)| {
        let path = inputs.files[*file as usize].name.to_string();
        SkippedFile {
            is_log: names::Name::read(&path).is_some(),
            path,
            why: what.clone(),
        }
    });
    let left_out = inputs.unreadable.iter().chain(&inputs.in_part);
    let unreadable = left_out.map(|(path, why)| SkippedFile {
        path: path.clone(),
        why: why.clone(),
        is_log: true,
    });
    Facts {
        tool: format!("waybill {}", env!("CARGO_PKG_VERSION")),
        zone: options.zone.clone(),
        from: filter.since.or(from),
        to: filter.until.or(to),
        files: (inputs.logs() - outcome.plan.passed_over.len() - outcome.plan.empty.len()) as u64,
        bytes: outcome.plan.bytes,
        rows: outcome.rows,
        bad_rows: outcome.faults.damaged(),
        rows_twice: outcome.rows_twice,
        seconds: elapsed.as_secs_f64(),
        servers: servers(&outcome.servers, hours(filter).as_ref()),
        own_domains: match options.anonymous {
            Some(_) => vec![format!("*.{}", anonymous::OWN)],
            None => outcome.own.names(),
        },
        domains_guessed: outcome.own.guessed,
        skipped_files: unreadable.chain(other).collect(),
        missing_files: missing_files(names),
        events: events(outcome),
        bad_row_reasons: outcome
            .faults
            .iter()
            .map(|(reason, count, places)| BadRows {
                reason: reason.words().to_string(),
                count,
                first: places.iter().map(|place| inputs.evidence(*place)).collect(),
            })
            .collect(),
        state: None,
        runs: 0,
    }
}

fn missing_files<'n>(names: impl Iterator<Item = &'n str>) -> Vec<MissingFiles> {
    let names = names::read_all(names);
    let holes = names::holes(&names).into_iter();
    holes
        .map(|hole| MissingFiles {
            folder: hole.folder,
            from: hole.from,
            to: hole.to,
            files: hole.files,
        })
        .collect()
}

/// The hours of UTC that were asked for, if not all were.
fn hours(filter: &Filter) -> Option<Range<i64>> {
    let from = filter.since.map_or(i64::MIN, Time::hour);
    let last = |until: Time| Time(until.0.saturating_sub(1)).hour();
    let end = filter
        .until
        .map_or(i64::MAX, |until| last(until).saturating_add(1));
    (filter.since.is_some() || filter.until.is_some()).then_some(from..end.max(from))
}

/// What was read of each server, all of it or what was logged within some hours of UTC; a server that logged in the days
/// before and not in these hours is one without rows, but for the last it had. Where no server logged in these
/// days, it is so with all that logged before.
pub fn servers(servers: &Servers, hours: Option<&Range<i64>>) -> Vec<ServerFacts> {
    let read = servers.read().into_iter();
    let Some(hours) = hours else {
        let all = read.map(|(name, coverage)| server(&name.to_string(), coverage, coverage));
        return all.collect();
    };
    let since = |since: i64| {
        let logged = |of: &(_, &Coverage)| {
            of.1.hours
                .range(since..hours.end.max(since))
                .next()
                .is_some()
        };
        let known = read.clone().filter(logged);
        let facts = known.map(|(name, coverage)| ServerFacts {
            last: within(coverage, &(since..hours.end))
                .span()
                .map(|(_, last)| last),
            ..server(&name.to_string(), &within(coverage, hours), coverage)
        });
        Vec::from_iter(facts)
    };
    let lately = since(hours.start.saturating_sub(MISSED_HOURS));
    match lately.is_empty() {
        true => since(i64::MIN),
        false => lately,
    }
}

/// The part of a server's coverage that was logged within some hours. How many bytes that was is not known.
fn within(coverage: &Coverage, hours: &Range<i64>) -> Coverage {
    let inside = coverage.hours.range(hours.clone());
    let hours: BTreeMap<i64, HourRows> = inside.map(|(hour, rows)| (*hour, *rows)).collect();
    let ends = hours.first_key_value().zip(hours.last_key_value());
    let inside = |(first, last): (Time, Time)| {
        let ((from, _), (to, _)) = ends?;
        let span = (
            Time(from * HOUR).max(first),
            Time((to + 1) * HOUR).min(last),
        );
        (span.0 <= span.1).then_some(span)
    };
    let spans = coverage.spans.map(|span| span.and_then(inside));
    Coverage {
        rows: (hours.values().flat_map(|hour| hour.rows))
            .map(u64::from)
            .sum(),
        spans,
        hours,
        ..Coverage::default()
    }
}

/// What was read of a server within the period, and how much it logs at other times.
fn server(name: &str, coverage: &Coverage, all: &Coverage) -> ServerFacts {
    let (first, last) = coverage.span().unzip();
    let services = Service::ALL
        .into_iter()
        .filter(|service| coverage.service_rows(*service) > 0);
    ServerFacts {
        name: name.to_string(),
        first,
        last,
        rows: coverage.rows,
        bytes: coverage.bytes,
        hours: coverage.hours.keys().copied().collect(),
        usual_rows: all.rows / (all.hours.len() as u64).max(1),
        services: services.map(|service| service.word().to_string()).collect(),
    }
}

fn events(outcome: &Outcome) -> Vec<EventCount> {
    let counts = outcome.events.0.iter();
    counts
        .map(|((source, event), (count, known))| EventCount {
            source: source.to_string(),
            event: event.to_string(),
            count: *count,
            known: *known,
        })
        .collect()
}
