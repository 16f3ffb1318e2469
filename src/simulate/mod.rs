//! Writes the logs of a made-up organisation, with the truth beside them.
//!
//! In: [`Options`]. Out: a folder of message tracking logs per server as Exchange 2007 to SE lay them
//! out, and `truth.jsonl`, which says what really became of every message. For tests, benchmarks and
//! the `data` folder. No row is a copy of a real one; rows of events that nobody has published are
//! shaped after the documented rules (`formats/modern.md` section 9) and may differ from Exchange's.
//!
//! The way through: `traffic` and `stories` draft messages in order of time; `arrive` lets one in;
//! `categorise` resolves its recipients; `route` takes its copies from server to server; `deliver` and
//! `leave` end them; `report` answers failures; `oddities` are the rarer events. Each message runs to its
//! end at once; `files` and `truth` hold back what belongs to later hours.

use std::fs;
use std::io::Error;
use std::path::Path;

use crate::time::{DAY, HOUR, days_from_civil};

mod arrive;
mod categorise;
mod deliver;
mod files;
mod flow;
mod hybrid;
mod layout;
mod leave;
mod legacy;
mod mail;
mod oddities;
mod organisation;
mod report;
mod rng;
mod route;
mod shadow;
mod stories;
#[cfg(test)]
mod tests;
mod text;
mod traffic;
mod truth;
mod wording;

pub use layout::Layout;
pub use legacy::Generation;
pub use stories::story_options;

/// Which column layouts the servers write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayoutChoice {
    One(Layout),
    /// Servers of all four kinds in one organisation.
    Mixed,
    /// Exchange 5.5, 2003, or both.
    Legacy(Generation),
    /// Exchange 2016 behind Postfix and Exim, and Exchange Online: one server of each, two of Postfix.
    Hybrid,
}

impl LayoutChoice {
    /// `21`, `26`, `27`, `30` or `mixed`.
    pub fn parse(text: &str) -> Option<LayoutChoice> {
        Some(match text {
            "21" => LayoutChoice::One(Layout::V2007),
            "26" => LayoutChoice::One(Layout::V2010),
            "27" => LayoutChoice::One(Layout::V2013),
            "30" => LayoutChoice::One(Layout::V2016),
            "mixed" => LayoutChoice::Mixed,
            "5.5" => LayoutChoice::Legacy(Generation::Old),
            "2003" => LayoutChoice::Legacy(Generation::New),
            "mixed-legacy" => LayoutChoice::Legacy(Generation::Both),
            "migration" => LayoutChoice::Legacy(Generation::Newer),
            "hybrid" => LayoutChoice::Hybrid,
            _ => return None,
        })
    }
}

/// What to simulate. Counts are of the whole organisation.
#[derive(Clone, Debug)]
pub struct Options {
    /// The same seed and options give the same bytes.
    pub seed: u64,
    pub layout: LayoutChoice,
    /// Mailbox servers, `ex01` and on; they carry transport too.
    pub servers: usize,
    pub sites: usize,
    /// Edge servers, `edge01` and on, all at the first site.
    pub edges: usize,
    pub users: usize,
    pub days: u32,
    pub messages_per_day: u64,
    /// First day, UTC: year, month, day.
    pub start: (i64, u32, u32),
    /// Each server's clock is wrong by a fixed amount of at most this.
    pub skew_ms: i64,
    /// Short names of servers whose files are not written.
    pub leave_out: Vec<String>,
    /// The hand-written tales of `stories`.
    pub stories: bool,
    /// About this many bytes of log per day, instead of `messages_per_day`.
    pub size_bytes: Option<u64>,
    /// Monitoring mail every few minutes.
    pub probes: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            seed: 1,
            layout: LayoutChoice::One(Layout::V2016),
            servers: 4,
            sites: 2,
            edges: 1,
            users: 200,
            days: 1,
            messages_per_day: 2000,
            start: (2026, 3, 2),
            skew_ms: 0,
            leave_out: Vec::new(),
            stories: false,
            size_bytes: None,
            probes: true,
        }
    }
}

impl Options {
    /// The first instant.
    pub(crate) fn start_micros(&self) -> i64 {
        let (y, m, d) = self.start;
        days_from_civil(y, m, d) * DAY
    }
}

/// What was written, without the truth and the neighbouring logs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    pub files: u64,
    pub bytes: u64,
    pub rows: u64,
    /// Messages of all classes, reports among them.
    pub messages: u64,
}

/// Simulates and writes into `out`, which is made where it is missing.
pub fn run(options: &Options, out: &Path) -> Result<Summary, Error> {
    fs::create_dir_all(out)?;
    let truth = truth::Truth::create(out)?;
    if let LayoutChoice::Legacy(generation) = options.layout {
        return legacy::run(options, generation, out, truth);
    }
    if options.layout == LayoutChoice::Hybrid {
        return hybrid::run(options, out, truth);
    }
    let mut rng = rng::Rng::new(options.seed);
    let org = organisation::Organisation::new(options, &mut rng);
    let logs = files::Logs::create(out, &org)?;
    let mut simulation = flow::Simulation::new(options, &org, rng, logs, truth);
    traffic::pass_time(&mut simulation)?;
    traffic::close(&mut simulation);
    simulation.flush_before(i64::MAX / HOUR)?;
    simulation
        .logs
        .write_siblings(&org, options.start_micros())?;
    Ok(Summary {
        files: simulation.logs.files,
        bytes: simulation.logs.bytes,
        rows: simulation.logs.rows,
        messages: simulation.truth.messages,
    })
}
