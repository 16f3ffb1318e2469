//! Flags as they are typed, with the help that is read at three in the morning.
//!
//! In: arguments. Out: [`Cli`], raw. What the values mean and which defaults apply is in
//! [`super::options`]. Here are the commands with the flags of their own; [`shared`] has those of every command that
//! reads logs, [`words`] the values that are words of ours.

pub mod shared;
pub mod words;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

pub use shared::{Common, Filters};
pub use words::{
    CheckFormat, ColorWord, DirectionWord, EventsFormat, FindFormat, LayoutWord, MmapWord, Profile,
    ReportFormat, StatusWord, TableFormat, TraceFormat,
};

/// What became of each message: reads Microsoft Exchange message tracking logs of all versions.
#[derive(Debug, Parser)]
#[command(
    name = "waybill",
    version,
    propagate_version = true,
    after_help = "\
Examples:
  waybill report /logs                                  how delivery went, over everything
  waybill find /logs --recipient bob@contoso.com --since yesterday
  waybill trace /logs --message-id '<abc@contoso.com>'  the whole path of one message

Exit status: 0 done, 1 nothing matched (find, trace), 2 could not be done, 3 done but something was skipped."
)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// The delivery report: how much mail, how fast, what failed and why
    #[command(after_help = "\
Examples:
  waybill report /logs --domain contoso.com --tz Europe/Berlin
  waybill report /logs --format json --output report.json --day yesterday
  waybill report /logs --day yesterday --format html --output report.html --save days/2026-03-01.waybill
  waybill report --merge days/2026-03-*.waybill --format html --output march.html")]
    #[command(mut_arg("paths", |paths| paths.required(false)))]
    Report(Report),
    /// One line per message that matches
    #[command(after_help = "\
Examples:
  waybill find /logs --sender alice@contoso.com --status failed
  waybill find /logs --recipient '@fabrikam.com' --since -3d --limit 20")]
    Find(Run<FindFormat>),
    /// The whole path of each message that matches, as a tree
    #[command(after_help = "\
Examples:
  waybill trace /logs --message-id abc@contoso.com
  waybill trace /logs --sender alice@contoso.com --subject invoice --since today --rows")]
    Trace(Trace),
    /// All message paths, for other programs
    #[command(after_help = "\
Examples:
  waybill paths /logs --output paths.jsonl
  waybill paths /logs --format csv --status failed --status partly-delivered")]
    Paths(Paths),
    /// Every logged row with its columns by name, for timelines
    #[command(after_help = "\
Examples:
  waybill events /logs --output events.jsonl
  waybill events /logs --format csv --recipient bob@contoso.com
  waybill events /logs --format xml --declaration --output history.xml")]
    Events(Events),
    /// Are these logs whole? Coverage per server, gaps, bad rows, duplicates, clock skew
    #[command(after_help = "\
Examples:
  waybill check /logs
  waybill check /logs --strict --format json --output check.json

Exit status: 0 done, 2 could not be done, 3 rows were bad or files could not be read. Other findings do not
change it, unless --strict is given.")]
    Check(Check),
    /// Write the logs of a made-up organisation, with the truth beside them
    #[command(after_help = "\
Examples:
  waybill simulate --out demo --seed 7 --days 2 --messages 10000
  waybill simulate --out demo --servers 4 --size 1G --leave-out ex03")]
    Simulate(Simulate),
    /// What an event, source, status code or message id means
    #[command(after_help = "\
Examples:
  waybill explain 1028
  waybill explain DELIVER STOREDRIVER 5.2.2")]
    Explain {
        /// Event number or name, source, status code, or an id as logged
        #[arg(required = true)]
        words: Vec<String>,
    },
    /// Print what is in force: every key of waybill.toml, its value, and where it comes from
    #[command(after_help = "\
Example:
  waybill config --config /etc/waybill.toml")]
    #[command(mut_arg("paths", |paths| paths.required(false)))]
    Config(Config),
    /// Print completions for a shell
    #[command(after_help = "\
Example:
  waybill completions bash > /etc/bash_completion.d/waybill")]
    Completions { shell: Shell },
    /// Print the manual page
    #[command(after_help = "\
Example:
  waybill man > waybill.1")]
    Man,
}

/// A command that reads logs.
#[derive(Debug, Args)]
pub struct Run<F: ValueEnum + Clone + Send + Sync + Default + 'static> {
    /// What to write; the first of these if not given
    // No `default_value_t`: clap keeps the default in a static, which all instances of F would share.
    #[arg(long, value_enum, help_heading = "Output")]
    pub format: Option<F>,
    #[command(flatten)]
    pub filters: Filters,
    #[command(flatten)]
    pub common: Common,
}

/// `config` takes the flags whose values it shows.
#[derive(Debug, Args)]
pub struct Config {
    #[command(flatten)]
    pub common: Common,
    #[command(flatten)]
    pub figures: Figures,
}

/// What the report shows and leaves out.
#[derive(Debug, Default, Args)]
pub struct Figures {
    /// Lines of each top list
    #[arg(long, value_name = "N", env = "WAYBILL_TOP", help_heading = "Output")]
    pub top: Option<usize>,
    /// Limits of the service level: how much arrived within 30s,90s,5m
    #[arg(
        long,
        value_name = "TIME",
        env = "WAYBILL_SLA",
        value_delimiter = ',',
        help_heading = "Output"
    )]
    pub sla: Vec<String>,
    /// Leave out mail from or to such an address, like Exchange's own probes
    #[arg(
        long,
        value_name = "ADDRESS",
        env = "WAYBILL_PROBES",
        value_delimiter = ',',
        help_heading = "Output"
    )]
    pub probe: Vec<String>,
    /// All distribution lists there are, one address a line: says which are never used
    #[arg(
        long,
        value_name = "FILE",
        env = "WAYBILL_LISTS",
        help_heading = "Output"
    )]
    pub lists: Option<PathBuf>,
}

/// `report` can keep its sums, and make a report of kept ones.
#[derive(Debug, Args)]
pub struct Report {
    #[command(flatten)]
    pub run: Run<ReportFormat>,
    /// Keep the sums in this file, to be merged later
    #[arg(long, value_name = "FILE", help_heading = "Saved days")]
    pub save: Option<PathBuf>,
    /// Instead of reading logs, report on days that were kept with --save
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with_all = ["paths", "since", "until", "day"], help_heading = "Saved days")]
    pub merge: Vec<PathBuf>,
    /// Go on from the run before, kept in this folder: read only what is new, carry what is open, count nothing twice
    #[arg(
        long,
        value_name = "DIR",
        conflicts_with = "merge",
        help_heading = "Saved days"
    )]
    pub state: Option<PathBuf>,
    /// Days kept with --save, to say what is unusual and new
    #[arg(long, value_name = "FILE", num_args = 1.., help_heading = "Saved days")]
    pub baseline: Vec<PathBuf>,
    #[command(flatten)]
    pub figures: Figures,
}

/// `check` looks at all rows: there is nothing to filter.
#[derive(Debug, Args)]
pub struct Check {
    /// What to write; the first of these if not given
    #[arg(long, value_enum, help_heading = "Output")]
    pub format: Option<CheckFormat>,
    /// Exit with 3 for any sign of loss or change
    #[arg(long, help_heading = "Output")]
    pub strict: bool,
    /// Do not hash the inputs
    #[arg(long, help_heading = "Output")]
    pub no_hash: bool,
    #[command(flatten)]
    pub common: Common,
}

/// `paths` can write other names.
#[derive(Debug, Args)]
pub struct Paths {
    #[command(flatten)]
    pub run: Run<TableFormat>,
    /// With --format jsonl: names of another schema
    #[arg(long, value_enum, help_heading = "Output")]
    pub profile: Option<Profile>,
}

/// `events` can write TrackHistory XML.
#[derive(Debug, Args)]
pub struct Events {
    #[command(flatten)]
    pub run: Run<EventsFormat>,
    /// With --format jsonl: names of another schema
    #[arg(long, value_enum, help_heading = "Output")]
    pub profile: Option<Profile>,
    #[command(flatten)]
    pub xml: XmlFlags,
}

/// What stands before the root element of `--format xml`.
#[derive(Debug, Default, Args)]
pub struct XmlFlags {
    /// With --format xml: begin with the XML declaration
    #[arg(long, help_heading = "Output")]
    pub declaration: bool,
    /// With --format xml: name this stylesheet (data/trackhistory.css shows a page in a browser)
    #[arg(long, value_name = "HREF", help_heading = "Output")]
    pub stylesheet: Option<String>,
}

/// `trace` can show the rows too.
#[derive(Debug, Args)]
pub struct Trace {
    #[command(flatten)]
    pub run: Run<TraceFormat>,
    #[command(flatten)]
    pub xml: XmlFlags,
    /// Show every row of the message too
    #[arg(long, help_heading = "Output")]
    pub rows: bool,
    /// Show every row of the message as it stands in its log
    #[arg(long, help_heading = "Output")]
    pub raw: bool,
}

/// What `simulate` makes up unless told otherwise.
pub const SERVERS: u16 = 4;
pub const SITES: u16 = 2;
pub const EDGES: u16 = 1;

#[derive(Debug, Args)]
pub struct Simulate {
    /// Folder for the logs and the truth
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// The same seed writes the same logs
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Columns of the logs
    #[arg(long, value_enum, default_value_t)]
    pub layout: LayoutWord,
    /// Mailbox servers
    #[arg(long, default_value_t = SERVERS)]
    pub servers: u16,
    /// Sites that the servers are spread over
    #[arg(long, default_value_t = SITES)]
    pub sites: u16,
    /// Edge servers to the outside
    #[arg(long, default_value_t = EDGES)]
    pub edges: u16,
    /// Mailboxes
    #[arg(long, default_value_t = 200)]
    pub users: u32,
    /// Days of mail
    #[arg(long, default_value_t = 1)]
    pub days: u32,
    /// Messages per day
    #[arg(
        long,
        value_name = "N",
        conflicts_with = "size",
        default_value_t = 2000
    )]
    pub messages: u64,
    /// Bytes of logs per day instead of a number of messages: 500M, 2G
    #[arg(long, value_name = "BYTES")]
    pub size: Option<String>,
    /// How far the servers' clocks may be apart
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub skew_ms: u32,
    /// Do not write this server's logs (may be given more than once)
    #[arg(long, value_name = "NAME")]
    pub leave_out: Vec<String>,
    /// First day
    #[arg(long, value_name = "DATE", default_value = "2026-03-02")]
    pub start: String,
    /// The hand-written tales: one message of every kind of trouble
    #[arg(long, conflicts_with_all = [
        "seed", "layout", "servers", "sites", "edges", "users", "days", "messages", "size",
        "skew_ms", "leave_out", "start",
    ])]
    pub stories: bool,
}
