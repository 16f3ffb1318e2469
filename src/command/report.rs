//! `report`: sums of all messages, put into words.

use std::io::Write;
use std::time::{Duration, Instant};

use super::sink::Failed;
use super::{Run, Sink, summary};
use crate::cli::Exit;
use crate::cli::flags::ReportFormat;
use crate::event::ServerId;
use crate::input::Inputs;
use crate::join::Detail;
use crate::keys::Service;
use crate::path::Path;
use crate::pipeline::{self, Outcome};
use crate::report::{
    self, BadRows, EventCount, Facts, Report, ReportOptions, ServerFacts, SkippedFile,
};
use crate::servers::{Coverage, Servers};
use crate::tally::{Tally, TallyOptions};

/// A page that is not a terminal's.
const PAGE_COLUMNS: usize = 100;

/// Reads, sums, writes.
pub fn run(
    run: &Run<'_>,
    inputs: &mut Inputs,
    format: ReportFormat,
    sink: &mut Sink,
) -> Result<Exit, Failed> {
    let begun = Instant::now();
    let filter = &run.options.filter;
    let tally_options = TallyOptions {
        include_probes: filter.include_probes,
        ..TallyOptions::default()
    };
    // Probes are counted apart by the tally, so the filter must let them through.
    let mut filter = filter.clone();
    filter.include_probes = true;
    let everything = filter.is_empty();
    let options = pipeline::Options {
        domains: run.options.domains.clone(),
        detail: Detail {
            hops: !everything,
            steps: false,
        },
        links: false,
        chunk_bytes: run.options.chunk_bytes as usize,
    };
    let (outcome, tallies) = pipeline::run(
        inputs,
        &options,
        |bytes| run.progress.add(bytes),
        |tally: &mut Option<Tally>, path: &Path<'_>, servers: &Servers, _: &Inputs| {
            if everything || filter.matches(path, &|id: ServerId| servers.name(id)) {
                tally
                    .get_or_insert_with(|| Tally::new(tally_options))
                    .add(path, 1);
            }
        },
    );
    let mut sum = Tally::new(tally_options);
    for tally in tallies.into_iter().flatten() {
        sum.merge(tally);
    }
    let facts = facts(run, inputs, &outcome, begun.elapsed());
    let names = |id: ServerId| outcome.servers.name(id).to_string();
    let report = Report::new(&sum, facts, &ReportOptions::default(), &names);
    match format {
        ReportFormat::Text => {
            let width = run.terminal_width().unwrap_or(PAGE_COLUMNS);
            report::text::write(&report, sink, width, run.colour())?;
        }
        ReportFormat::Json => report::json::write(&report, sink)?,
    }
    sink.flush()?;
    Ok(summary::close(
        run,
        inputs,
        &outcome,
        begun.elapsed(),
        Exit::Done,
    ))
}

/// What the report says about the run itself.
fn facts(run: &Run<'_>, inputs: &Inputs, outcome: &Outcome, elapsed: Duration) -> Facts {
    let (from, to) = outcome.span.unzip();
    let filter = &run.options.filter;
    let other = outcome
        .plan
        .passed_over
        .iter()
        .map(|(file, what)| SkippedFile {
            path: inputs.files[*file as usize].name.clone(),
            why: what.clone(),
        });
    let unreadable = inputs.unreadable.iter().map(|(path, why)| SkippedFile {
        path: path.clone(),
        why: why.clone(),
    });
    Facts {
        tool: format!("waybill {}", env!("CARGO_PKG_VERSION")),
        zone: run.options.zone.clone(),
        from: filter.since.or(from),
        to: filter.until.or(to),
        files: (inputs.files.len() - outcome.plan.passed_over.len() - outcome.plan.empty.len())
            as u64,
        bytes: outcome.plan.bytes,
        rows: outcome.rows,
        bad_rows: outcome.faults.damaged(),
        rows_twice: outcome.rows_twice,
        seconds: elapsed.as_secs_f64(),
        servers: outcome
            .servers
            .read()
            .into_iter()
            .map(|(name, c)| server(&name.to_string(), c))
            .collect(),
        own_domains: outcome.own.names(),
        domains_guessed: outcome.own.guessed,
        skipped_files: unreadable.chain(other).collect(),
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
    }
}

fn server(name: &str, coverage: &Coverage) -> ServerFacts {
    let (first, last) = coverage.span.unzip();
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
