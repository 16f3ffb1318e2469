//! What `simulate` is to write.

use std::path::PathBuf;

use clap::ValueEnum;
use jiff::civil::Date;

use super::values;
use crate::cli::flags::{EDGES, SERVERS, SITES, Simulate};
use crate::simulate::{LayoutChoice, Options, story_options};

/// Everything `simulate` needs to know.
#[derive(Debug)]
pub struct SimulateOptions {
    pub out: PathBuf,
    pub organisation: Options,
}

/// The first flag that was given and that logs of its layout have no use for.
fn idle(flags: &Simulate, layout: LayoutChoice) -> Option<&'static str> {
    let usual = |flag, given: bool| given.then_some(flag);
    let clocks =
        || usual("--edges", flags.edges != EDGES).or(usual("--skew-ms", flags.skew_ms != 0));
    match layout {
        LayoutChoice::Hybrid => usual("--servers", flags.servers != SERVERS)
            .or(usual("--sites", flags.sites != SITES))
            .or(usual("--size", flags.size.is_some()))
            .or_else(clocks),
        LayoutChoice::Legacy(_) => clocks(),
        LayoutChoice::One(_) | LayoutChoice::Mixed => None,
    }
}

pub fn resolve(flags: Simulate) -> Result<SimulateOptions, String> {
    let word = flags.layout.to_possible_value();
    let layout = word.and_then(|word| LayoutChoice::parse(word.get_name()));
    let layout = layout.expect("every word of --layout is a layout");
    if let Some(flag) = idle(&flags, layout) {
        return Err(format!("{flag} has no effect on logs of this --layout"));
    }
    let start: Result<Date, _> = flags.start.parse();
    let example = "is no date; write 2026-03-01";
    let start = start.map_err(|_| format!("--start: '{}' {example}", flags.start))?;
    let size = flags.size.map(|text| values::bytes("--size", &text));
    let size_bytes = size.transpose()?;
    let organisation = match flags.stories {
        true => story_options(),
        false => Options {
            seed: flags.seed,
            layout,
            servers: flags.servers.into(),
            sites: flags.sites.into(),
            edges: flags.edges.into(),
            users: flags.users as usize,
            days: flags.days,
            messages_per_day: flags.messages,
            start: (
                start.year().into(),
                start.month() as u32,
                start.day() as u32,
            ),
            skew_ms: flags.skew_ms.into(),
            leave_out: flags.leave_out.iter().map(|s| s.to_lowercase()).collect(),
            size_bytes,
            ..Options::default()
        },
    };
    Ok(SimulateOptions {
        out: flags.out,
        organisation,
    })
}
