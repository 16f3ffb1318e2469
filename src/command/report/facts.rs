//! What a report says about the run itself: files, rows, servers, and what was left out.
//!
//! In: inputs and outcome. Out: [`Facts`].

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use crate::audit::names;
use crate::cli::options::Read;
use crate::dialect::online;
use crate::input::Inputs;
use crate::keys::Service;
use crate::path::anonymous;
use crate::pipeline::Outcome;
use crate::report::rhythm::Hours;
use crate::report::trouble::MISSED_HOURS;
use crate::report::{BadRows, EventCount, Facts, MissingFiles, ServerFacts, SkippedFile};
use crate::servers::{Coverage, HourRows, Servers};
use crate::time::Time;

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
    let cut = outcome.plan.at_limit.iter().map(|file| SkippedFile {
        path: inputs.files[*file as usize].name.to_string(),
        why: online::AT_LIMIT.into(),
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
        rows_without_message: outcome.rows_without_id,
        seconds: elapsed.as_secs_f64(),
        servers: servers(&outcome.servers, None),
        own_domains: match options.anonymous {
            Some(_) => vec![format!("*.{}", anonymous::OWN)],
            None => outcome.own.names(),
        },
        domains_guessed: outcome.own.guessed,
        only: filter.words(options.anonymous.is_some()),
        veil: options.anonymous.as_deref().map(super::print_of),
        skipped_files: unreadable.chain(cut).chain(other).collect(),
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
        saved_files: 0,
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

/// What was read of each server, all of it or what was logged within some hours of UTC; a server that logged in the days
/// before and not in these hours is one without rows, but for the last it had. Where no server logged in these
/// days, it is so with all that logged before.
pub fn servers(servers: &Servers, hours: Option<&Range<i64>>) -> Vec<ServerFacts> {
    let read = servers.read().into_iter();
    let Some(hours) = hours else {
        let all = read.map(|(name, coverage)| server(&name.to_string(), coverage));
        return all.collect();
    };
    let since = |since: i64| {
        let around = since..hours.end.max(since);
        let logged = |of: &(_, &Coverage)| of.1.hours.range(around.clone()).next().is_some();
        let known = read.clone().filter(logged);
        Vec::from_iter(known.map(|(name, coverage)| within(&name.to_string(), coverage, hours)))
    };
    let lately = since(hours.start.saturating_sub(MISSED_HOURS));
    match lately.is_empty() {
        true => since(i64::MIN),
        false => lately,
    }
}

/// What was read of a server.
fn server(name: &str, coverage: &Coverage) -> ServerFacts {
    let (first, last) = coverage.span().unzip();
    ServerFacts {
        name: name.to_string(),
        first,
        last,
        rows: coverage.rows,
        bytes: coverage.bytes,
        hours: by_hour(coverage),
        around: Hours::new(),
        services: services(coverage),
    }
}

/// What was logged within some hours. How many bytes that was is not known, and its first and last row only where
/// they are the first and the last of all; no bound stands for a row. A server without rows in these hours has
/// the last row it had before.
fn within(name: &str, all: &Coverage, hours: &Range<i64>) -> ServerFacts {
    let inside = all.hours.range(hours.clone());
    let inside: BTreeMap<i64, HourRows> = inside.map(|(hour, rows)| (*hour, *rows)).collect();
    let coverage = Coverage {
        rows: (inside.values().flat_map(|hour| hour.rows))
            .map(u64::from)
            .sum(),
        hours: inside,
        ..Coverage::default()
    };
    let whole = server(name, all);
    let begins = |first: &Time| hours.contains(&first.hour());
    let ends = |last: &Time| last.hour() < hours.end;
    ServerFacts {
        first: whole.first.filter(begins),
        last: whole.last.filter(ends),
        rows: coverage.rows,
        bytes: 0,
        services: services(&coverage),
        hours: by_hour(&coverage),
        around: whole.hours,
        name: whole.name,
    }
}

fn by_hour(coverage: &Coverage) -> Hours {
    let rows = |hour: &HourRows| hour.rows.iter().map(|rows| u64::from(*rows)).sum();
    (coverage.hours.iter())
        .map(|(hour, of)| (*hour, rows(of)))
        .collect()
}

fn services(coverage: &Coverage) -> Vec<String> {
    let logged = |service: &Service| coverage.service_rows(*service) > 0;
    let found = Service::ALL.into_iter().filter(logged);
    found.map(|service| service.word().to_string()).collect()
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
