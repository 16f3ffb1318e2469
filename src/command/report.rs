//! `report`: sums of all messages, put into words.

use std::io::Write;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use bstr::BStr;

use super::manifest::Manifest;
use super::sink::Failed;
use super::{Run, Sink, days, summary};
use crate::audit::names;
use crate::cli::Exit;
use crate::cli::flags::ReportFormat;
use crate::cli::options::Read;
use crate::error::Error;
use crate::event::ServerId;
use crate::filter::{Filter, Pattern};
use crate::input::Inputs;
use crate::join::shard::Taker;
use crate::join::{Detail, When};
use crate::keys::Service;
use crate::path::{Class, Path, anonymous};
use crate::pipeline::{self, Outcome};
use crate::progress::Progress;
use crate::report::baseline::Baseline;
use crate::report::{
    self, BadRows, EventCount, Facts, MissingFiles, Report, ReportOptions, ServerFacts, SkippedFile,
};
use crate::saved::Saved;
use crate::servers::{Coverage, Servers};
use crate::tally::{Tally, TallyOptions};

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
        top: run.options.days.top,
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
    let probes: &[Pattern] = match run.options.filter.include_probes {
        true => &[],
        false => &run.options.days.probes,
    };
    let make = || Counting {
        filter,
        probes,
        tally: Tally::new(tally_options),
    };
    let read = |bytes| run.progress.add(bytes);
    let done = |_: &mut [Mutex<Counting<'_>>]| Ok::<(), Failed>(());
    let (outcome, counted) = pipeline::run(inputs, plan, survey, &options, read, make, done)?;
    let mut sum = Tally::new(tally_options);
    for counting in counted {
        sum.merge(counting.tally);
    }
    sum.name_rows(&|place| inputs.evidence(place));
    // What a manifest names must be the same in every run.
    let elapsed = match run.options.manifest {
        Some(_) => Duration::ZERO,
        None => begun.elapsed(),
    };
    let facts = facts(run, inputs, &outcome, elapsed);
    let saved = Saved {
        names: outcome.servers.names(),
        facts,
        tally: sum,
    };
    if let Some(path) = &run.options.days.save {
        saved.write(path)?;
    }
    write(run.options, format, saved, run.page(), sink)?;
    Ok(summary::close(
        run,
        inputs,
        &outcome,
        begun.elapsed(),
        Exit::Done,
    ))
}

/// The report on days that were kept.
///
/// # Errors
/// If one of the files is no saved day, or the report cannot be written.
pub fn merged(options: &Read, format: ReportFormat) -> Result<Exit, Error> {
    let begun = Instant::now();
    let files = &options.days.merge;
    let mut saved = days::merge_all(files)?.ok_or_else(|| Error("no saved day".into()))?;
    saved.facts.seconds = begun.elapsed().as_secs_f64();
    if let Some(path) = &options.days.save {
        saved.write(path)?;
    }
    let mut sink = Sink::open(options)?;
    let progress = Progress::start(0, false);
    let run = Run {
        options,
        progress: &progress,
        manifest: &Manifest::none(),
    };
    let written = write(options, format, saved, run.page(), &mut sink);
    match written.and_then(|()| sink.finish()) {
        Err(failed) if failed.broken_pipe => {}
        Err(failed) => return Err(failed.error),
        Ok(_) => {}
    }
    if !options.quiet {
        eprintln!(
            "{} saved days merged, {:.2} s",
            files.len(),
            begun.elapsed().as_secs_f64()
        );
    }
    Ok(Exit::Done)
}

/// Puts sums into words and writes them.
fn write(
    options: &Read,
    format: ReportFormat,
    mut saved: Saved,
    (width, colour): (usize, bool),
    sink: &mut Sink,
) -> Result<(), Failed> {
    let zone = &options.zone;
    saved.facts.zone = zone.clone();
    let mut shown = ReportOptions {
        top: options.days.top,
        sla_ms: options.days.sla_ms.clone(),
        ..ReportOptions::default()
    };
    if let Some(path) = &options.days.lists {
        shown.known_lists = known_lists(path)?;
    }
    if !options.days.baseline.is_empty() {
        let mut baseline = Baseline::default();
        // A day that is made again is no earlier day of its own.
        let mut earlier = options.days.baseline.clone();
        earlier.retain(|path| Some(path) != options.days.save.as_ref());
        if let Some(earlier) = days::merge_all(&earlier)? {
            baseline.add(&earlier.tally, zone);
        }
        shown.baseline = Some(baseline);
    }
    let server_names = |id: ServerId| {
        let name = saved.names.get(usize::from(id.0));
        name.cloned().unwrap_or_default()
    };
    let report = Report::new(&saved.tally, saved.facts, &shown, &server_names);
    match format {
        ReportFormat::Text => report::text::write(&report, sink, width, colour)?,
        ReportFormat::Json => report::json::write(&report, sink)?,
        ReportFormat::Html => report::html::write(&report, sink)?,
        ReportFormat::Csv => {
            let folder = options.output.as_deref();
            report::csv::write(&report, folder.unwrap_or(std::path::Path::new(".")))?;
        }
    }
    Ok(sink.flush()?)
}

/// Addresses, one a line; what stands behind a comma (an export of Get-DistributionGroup) does not count.
fn known_lists(path: &std::path::Path) -> Result<Vec<String>, Error> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Error(format!("--lists: {}: {error}", path.display())))?;
    let first = |line: &str| {
        line.split([',', ';'])
            .next()
            .unwrap_or_default()
            .trim()
            .to_string()
    };
    let addresses = text
        .lines()
        .map(|line| first(line).replace('"', "").to_ascii_lowercase());
    Ok(addresses.filter(|address| address.contains('@')).collect())
}

/// One thread's sums.
struct Counting<'f> {
    filter: Option<&'f Filter>,
    /// Addresses whose mail is left out like that of Exchange's own probes.
    probes: &'f [Pattern],
    tally: Tally,
}

impl Taker for Counting<'_> {
    fn add(&mut self, path: &Path<'_>, servers: &Servers, weight: i64) -> bool {
        let server = |id: ServerId| servers.name(id);
        let wanted = self
            .filter
            .is_none_or(|filter| filter.matches(path, &server));
        let probe = |address: &BStr| self.probes.iter().any(|pattern| pattern.matches(address));
        let is_probe = !self.probes.is_empty()
            && path.class == Class::Mail
            && (probe(path.sender) || path.recipients.iter().any(|r| probe(r.address)));
        if wanted && is_probe {
            self.tally.totals.leave_out_as_probe(path, weight);
            return false;
        }
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
    let left_out = inputs.unreadable.iter().chain(&inputs.in_part);
    let unreadable = left_out.map(|(path, why)| SkippedFile {
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
        own_domains: match run.options.anonymous {
            Some(_) => vec![format!("*.{}", anonymous::OWN)],
            None => outcome.own.names(),
        },
        domains_guessed: outcome.own.guessed,
        skipped_files: unreadable.chain(other).collect(),
        missing_files: missing_files(inputs),
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

fn missing_files(inputs: &Inputs) -> Vec<MissingFiles> {
    let names = names::read_all(inputs.files.iter().map(|file| file.name.as_str()));
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
