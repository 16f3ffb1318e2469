//! `report --state`: a run goes on where the one before it ended.
//!
//! In: logs, of which only what is new is read, and the state folder. Out: the report on everything that was counted so
//! far, or on days of it. The state is brought to disk first: whatever happens to the report, the next run makes the
//! same one again.

use std::collections::BTreeMap;
use std::path::Path as File;
use std::time::Instant;

use super::night::night;
use super::period::Period;
use super::{print_of, write};
use crate::cli::Exit;
use crate::cli::flags::ReportFormat;
use crate::cli::options::Read;
use crate::command::{Run, Sink, finish, summary, unchanged};
use crate::error::Error;
use crate::filter::Pattern;
use crate::input::Inputs;
use crate::progress::Progress;
use crate::saved::state::State;

/// Reads what is new, keeps it, reports.
///
/// # Errors
/// If the state or the logs cannot be read, or the state or the report cannot be written.
pub fn nightly(
    options: &Read,
    folder: &File,
    paths: &[String],
    format: ReportFormat,
) -> Result<Exit, Error> {
    let begun = Instant::now();
    let period = Period::of(options)?;
    let mut state = State::open(folder, terms(options))?;
    let mut opening = options.opening.clone();
    // A manifest has a hash of every file.
    if !opening.hash {
        opening.known = state.stamps();
    }
    let mut inputs = match paths {
        [] => Inputs::default(),
        paths => Inputs::open_as(paths, &opening)?,
    };
    inputs.offsets = options.evidence;
    inputs.assumed = options.assumed.clone();
    let news = state.news(&mut inputs);
    let mut sink = Sink::open(options)?;
    let progress = Progress::start(inputs.bytes(), options.progress);
    let manifest = crate::command::manifest::Manifest::start(options)?;
    let run = Run {
        options,
        progress: &progress,
        manifest: &manifest,
    };
    let night = night(&run, &state, &news.regrown, &mut inputs)?;
    let facts = night.facts(options, &inputs, &news, begun);
    unchanged(&inputs).map_err(|failed| failed.error)?;
    state.commit(
        night.manifest(&inputs, &news, &facts),
        &night.closed(&state, &facts, options)?,
        &night.segments,
    )?;
    let facts = period.facts(facts, &state, &night.outcome.servers);
    let shown = period.sums(&state, &night, facts, options)?;
    let earlier = period.earlier(&state, &night, options)?;
    if let Some(path) = &options.days.save {
        shown.write(path)?;
    }
    let written = write(options, format, shown, earlier, run.page(), &mut sink);
    if !options.quiet {
        night.say(&news);
    }
    let exit = summary::close(&run, &inputs, &night.outcome, begun.elapsed(), Exit::Done);
    match written.and_then(|()| finish(exit, &run, &inputs, sink)) {
        Err(failed) if failed.broken_pipe => Ok(Exit::Done),
        Err(failed) => Err(failed.error),
        Ok(exit) => Ok(exit),
    }
}

/// Settings under which figures add up.
fn terms(options: &Read) -> BTreeMap<String, String> {
    let zone = options.zone.iana_name().unwrap_or("UTC");
    let anonymous = options.anonymous.as_deref().map_or("off".into(), print_of);
    let horizon = format!("{} s", options.horizon / crate::time::SECOND);
    let probes = options.filter.include_probes.to_string();
    let own_probes: Vec<String> = options.days.probes.iter().map(Pattern::shown).collect();
    let own_probes = match (own_probes.join(","), &options.anonymous) {
        (none, _) if none.is_empty() => "none".to_string(),
        (list, None) => list,
        // Whoever sees the state must not see whose they are.
        (list, Some(_)) => print_of(&list),
    };
    let terms = [
        ("--tz", zone.to_string()),
        ("--horizon", horizon),
        ("--anonymous", anonymous),
        ("--include-probes", probes),
        ("--probe", own_probes),
        ("--top", options.days.top.to_string()),
    ];
    terms.map(|(flag, value)| (flag.to_string(), value)).into()
}
