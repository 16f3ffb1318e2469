//! `simulate`: flags to the simulator's own options.

use std::time::Instant;

use super::Exit;
use crate::cli::flags::LayoutWord;
use crate::cli::options::SimulateOptions;
use crate::error::Error;
use crate::simulate::{self, Generation, Layout, LayoutChoice};

/// Writes the logs and says how many.
///
/// # Errors
/// If the folder cannot be written.
pub fn run(flags: &SimulateOptions) -> Result<Exit, Error> {
    let begun = Instant::now();
    let options = options(flags);
    let summary = simulate::run(&options, &flags.out).map_err(|error| {
        Error(format!(
            "{} cannot be written: {error}",
            flags.out.display()
        ))
    })?;
    let seconds = begun.elapsed().as_secs_f64();
    let megabytes = summary.bytes as f64 / 1e6;
    say!(
        "{} files, {megabytes:.1} MB, {} rows, {} messages, {seconds:.2} s, {:.0} MB/s",
        summary.files,
        summary.rows,
        summary.messages,
        megabytes / seconds.max(1e-9),
    );
    Ok(Exit::Done)
}

fn options(flags: &SimulateOptions) -> simulate::Options {
    if flags.stories {
        return simulate::story_options();
    }
    let date = flags.start;
    simulate::Options {
        seed: flags.seed,
        layout: match flags.layout {
            LayoutWord::Columns21 => LayoutChoice::One(Layout::V2007),
            LayoutWord::Columns26 => LayoutChoice::One(Layout::V2010),
            LayoutWord::Columns27 => LayoutChoice::One(Layout::V2013),
            LayoutWord::Columns30 => LayoutChoice::One(Layout::V2016),
            LayoutWord::Mixed => LayoutChoice::Mixed,
            LayoutWord::Exchange55 => LayoutChoice::Legacy(Generation::Old),
            LayoutWord::Exchange2003 => LayoutChoice::Legacy(Generation::New),
            LayoutWord::MixedLegacy => LayoutChoice::Legacy(Generation::Both),
            LayoutWord::Hybrid => LayoutChoice::Hybrid,
            LayoutWord::Migration => LayoutChoice::Legacy(Generation::Newer),
        },
        servers: usize::from(flags.servers),
        sites: usize::from(flags.sites),
        edges: usize::from(flags.edges),
        users: flags.users as usize,
        days: flags.days,
        messages_per_day: flags.messages,
        start: (
            i64::from(date.year()),
            date.month() as u32,
            date.day() as u32,
        ),
        skew_ms: i64::from(flags.skew_ms),
        leave_out: flags.leave_out.clone(),
        size_bytes: flags.size,
        ..simulate::Options::default()
    }
}
