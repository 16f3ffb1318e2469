//! `report`: sums of all messages, put into words.

use std::io::Write;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::sink::Failed;
use super::{Run, Sink, summary};
use crate::cli::Exit;
use crate::cli::flags::ReportFormat;
use crate::event::ServerId;
use crate::filter::Filter;
use crate::input::Inputs;
use crate::join::shard::Taker;
use crate::join::{Detail, When};
use crate::keys::Service;
use crate::path::{Class, Path};
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
        detail: Detail {
            hops: !everything,
            ..Detail::default()
        },
        when: When::Finished,
        ..run.pipeline_options()
    };
    let plan = pipeline::plan(inputs, run.options.chunk_bytes as usize);
    let inputs = &*inputs;
    let survey = pipeline::survey(inputs, &plan);
    let filter = (!everything).then_some(&filter);
    let make = || Counting {
        filter,
        tally: Tally::new(tally_options),
    };
    let read = |bytes| run.progress.add(bytes);
    let done = |_: &mut [Mutex<Counting<'_>>]| Ok::<(), Failed>(());
    let (outcome, counted) = pipeline::run(inputs, plan, survey, &options, read, make, done)?;
    let mut sum = Tally::new(tally_options);
    for counting in counted {
        sum.merge(counting.tally);
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

/// One thread's sums.
struct Counting<'f> {
    filter: Option<&'f Filter>,
    tally: Tally,
}

impl Taker for Counting<'_> {
    fn add(&mut self, path: &Path<'_>, servers: &Servers, weight: i64) -> bool {
        let server = |id: ServerId| servers.name(id);
        let wanted = self
            .filter
            .is_none_or(|filter| filter.matches(path, &server));
        if wanted {
            self.tally.add(path, weight);
        }
        wanted
    }

    fn more_rows(&mut self, class: Class, rows: i64) {
        self.tally.add_rows(class, rows);
    }
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
