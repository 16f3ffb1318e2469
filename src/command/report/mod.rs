//! `report`: sums of all messages, put into words.
//!
//! In: logs, saved days, or a state. Out: the report. [`facts`] is what it says about the run, [`nightly`] goes on from
//! the run before.

use std::io::Write;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use bstr::BStr;

mod counting;
mod facts;
mod night;
mod nightly;
mod period;

use super::manifest::Manifest;
use super::sink::Failed;
use super::{Run, Sink, days, summary, unchanged};
use crate::cli::Exit;
use crate::cli::flags::ReportFormat;
use crate::cli::options::Read;
use crate::error::Error;
use crate::event::ServerId;
use crate::filter::{Filter, Pattern};
use crate::inert;
use crate::input::{Inputs, text};
use crate::join::shard::Taker;
use crate::join::{Detail, When};
use crate::path::anonymous::Anonymous;
use crate::path::{Class, Path};
use crate::pipeline;
use crate::progress::Progress;
use crate::report::baseline::Baseline;
use crate::report::{self, Report, ReportOptions};
use crate::saved::Saved;
use crate::scan;
use crate::servers::Servers;
use crate::tally::{Tally, TallyOptions};

pub use nightly::nightly;

/// Reads, sums, writes.
pub fn run(
    run: &Run<'_>,
    inputs: &mut Inputs,
    format: ReportFormat,
    sink: &mut Sink,
) -> Result<Exit, Failed> {
    let begun = Instant::now();
    let filter = &run.options.filter;
    let tally_options = tally_options(run.options);
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
    let probes = probes(run.options);
    let make = || Counting {
        filter,
        probes,
        tally: Tally::new(tally_options),
    };
    let read = |bytes| run.progress.add(bytes);
    let done = |_: &mut [Mutex<Counting<'_>>]| Ok::<(), Failed>(());
    let (outcome, counted) = pipeline::run(inputs, plan, survey, &options, read, make, done)?;
    let counted = counted.into_iter().map(|counting| counting.tally);
    let together = |mut sum: Tally, more| {
        sum.merge(more);
        sum
    };
    let mut sum = counted.reduce(together).unwrap_or_default();
    sum.condense();
    sum.name_rows(&|place| inputs.evidence(place));
    // What a manifest names must be the same in every run.
    let elapsed = match run.options.manifest {
        Some(_) => Duration::ZERO,
        None => begun.elapsed(),
    };
    let names = inputs.files.iter().map(|file| &*file.name);
    let facts = facts::of(run.options, inputs, names, &outcome, elapsed);
    let saved = Saved {
        names: outcome.servers.names(),
        facts,
        tally: sum,
    };
    if let Some(path) = &run.options.days.save {
        unchanged(inputs)?;
        saved.write(path)?;
    }
    write(run.options, format, saved, None, run.page(), sink)?;
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
    let mut saved =
        days::merge_all(files, |_| true)?.ok_or_else(|| Error("no saved day".into()))?;
    saved.facts.saved_files = files.len();
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
    let written = write(options, format, saved, None, run.page(), &mut sink);
    match written.and_then(|()| sink.finish()) {
        Err(failed) if failed.broken_pipe => {}
        Err(failed) => return Err(failed.error),
        Ok(_) => {}
    }
    if !options.quiet {
        say!(
            "{} saved days merged, {:.2} s",
            files.len(),
            begun.elapsed().as_secs_f64()
        );
    }
    Ok(Exit::Done)
}

fn tally_options(options: &Read) -> TallyOptions {
    TallyOptions {
        include_probes: options.filter.include_probes,
        top: options.days.top,
    }
}

/// By which a key is known again, and not told.
fn print_of(key: &str) -> String {
    blake3::hash(key.as_bytes()).to_hex()[..8].to_string()
}

/// Addresses whose mail is left out.
fn probes(options: &Read) -> &[Pattern] {
    match options.filter.include_probes {
        true => &[],
        false => &options.days.probes,
    }
}

/// Puts sums into words and writes them; `earlier` is what days before them were like.
fn write(
    options: &Read,
    format: ReportFormat,
    mut saved: Saved,
    earlier: Option<Baseline>,
    (width, colour): (usize, bool),
    sink: &mut Sink,
) -> Result<(), Failed> {
    let zone = &options.zone;
    saved.facts.zone = zone.clone();
    let mut shown = ReportOptions {
        top: options.days.top,
        sla_ms: options.days.sla_ms.clone(),
        baseline: earlier,
        ..ReportOptions::default()
    };
    if let Some(path) = &options.days.lists {
        shown.known_lists = known_lists(path)?;
        if let Some(key) = &options.anonymous {
            let key = Anonymous::new(key);
            let names = shown.known_lists.iter();
            shown.known_lists = names.map(|name| key.own_address(name)).collect();
        }
    }
    if !options.days.baseline.is_empty() {
        let mut baseline = shown.baseline.take().unwrap_or_default();
        // A day that is made again is no earlier day of its own.
        let mut earlier = options.days.baseline.clone();
        earlier.retain(|path| Some(path) != options.days.save.as_ref());
        if let Some(earlier) = days::merge_all(&earlier, |day| !days::is_inside(day, &saved))? {
            baseline.add(&earlier.tally, &earlier.facts, zone);
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
        ReportFormat::Json => inert::write_json(&report, sink)?,
        ReportFormat::Html => report::html::write(&report, sink)?,
        ReportFormat::Csv => {
            let folder = sink.folder().expect("the options see to it");
            report::csv::write(&report, folder)?;
        }
    }
    Ok(sink.flush()?)
}

/// Addresses, one a line; what stands behind a comma (an export of Get-DistributionGroup) does not count.
fn known_lists(path: &std::path::Path) -> Result<Vec<String>, Error> {
    let bytes = std::fs::read(path)
        .map_err(|error| Error(format!("--lists: {}: {error}", path.display())))?;
    // As editors and PowerShell write them.
    let mut plain = Vec::new();
    let text = match text::utf16(&bytes) {
        Some(order) => {
            let _ = text::to_utf8(&bytes, order, &mut plain); // into memory
            String::from_utf8_lossy(&plain)
        }
        None => String::from_utf8_lossy(scan::without_mark(&bytes)),
    };
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
    fn add(&mut self, path: &Path<'_>, servers: &Servers, weight: i64) -> Option<Class> {
        let server = |id: ServerId| servers.name(id);
        let wanted = self
            .filter
            .is_none_or(|filter| filter.matches(path, &server));
        wanted.then(|| count(&mut self.tally, self.probes, path, weight))
    }

    fn more_rows(&mut self, class: Class, rows: i64) {
        self.tally.add_rows(class, rows);
    }
}

/// Counts a path, or among what is left out if it is from or to one of `probes`. Returns the class for which it
/// was counted.
fn count(tally: &mut Tally, probes: &[Pattern], path: &Path<'_>, weight: i64) -> Class {
    let probe = |address: &BStr| probes.iter().any(|pattern| pattern.matches(address));
    let plain = path.plain.as_deref().unwrap_or(path);
    let is_probe = !probes.is_empty()
        && path.class == Class::Mail
        && (probe(plain.sender) || plain.recipients.iter().any(|r| probe(r.address)));
    if is_probe {
        tally.totals.leave_out_as_probe(path, weight);
        return Class::Probe;
    }
    tally.add(path, weight);
    path.class
}
