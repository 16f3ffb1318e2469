//! What `simulate` is to write.

use std::path::PathBuf;

use jiff::civil::Date;

use super::values;
use crate::cli::flags::{EDGES, LayoutWord, SERVERS, SITES, Simulate};

/// Everything `simulate` needs to know.
#[derive(Debug)]
pub struct SimulateOptions {
    pub out: PathBuf,
    pub seed: u64,
    pub layout: LayoutWord,
    pub servers: u16,
    pub sites: u16,
    pub edges: u16,
    pub users: u32,
    pub days: u32,
    pub messages: u64,
    /// Bytes of logs per day; if given, instead of `messages`.
    pub size: Option<u64>,
    pub skew_ms: u32,
    pub leave_out: Vec<String>,
    pub start: Date,
    pub stories: bool,
}

/// The first flag that was given and that logs of its layout have no use for.
fn idle(flags: &Simulate) -> Option<&'static str> {
    let usual = |flag, given: bool| given.then_some(flag);
    let clocks =
        || usual("--edges", flags.edges != EDGES).or(usual("--skew-ms", flags.skew_ms != 0));
    match flags.layout {
        LayoutWord::Hybrid => usual("--servers", flags.servers != SERVERS)
            .or(usual("--sites", flags.sites != SITES))
            .or(usual("--size", flags.size.is_some()))
            .or_else(clocks),
        LayoutWord::Exchange55
        | LayoutWord::Exchange2003
        | LayoutWord::MixedLegacy
        | LayoutWord::Migration => clocks(),
        _ => None,
    }
}

pub fn resolve(flags: Simulate) -> Result<SimulateOptions, String> {
    if let Some(flag) = idle(&flags) {
        return Err(format!("{flag} has no effect on logs of this --layout"));
    }
    let start = flags.start.parse();
    let example = "is no date; write 2026-03-01";
    Ok(SimulateOptions {
        out: flags.out,
        seed: flags.seed,
        layout: flags.layout,
        servers: flags.servers,
        sites: flags.sites,
        edges: flags.edges,
        users: flags.users,
        days: flags.days,
        messages: flags.messages,
        size: flags
            .size
            .map(|text| values::bytes("--size", &text))
            .transpose()?,
        skew_ms: flags.skew_ms,
        leave_out: flags
            .leave_out
            .iter()
            .map(|name| name.to_lowercase())
            .collect(),
        start: start.map_err(|_| format!("--start: '{}' {example}", flags.start))?,
        stories: flags.stories,
    })
}
