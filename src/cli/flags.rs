//! Flags as they are typed, with the help that is read at three in the morning.
//!
//! In: arguments. Out: [`Cli`], raw. What the values mean and which defaults apply is in
//! [`super::options`].

use std::path::PathBuf;

use clap::builder::FalseyValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

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

/// Whose names the JSON lines use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Profile {
    /// Elastic Common Schema, with everything else under `waybill`
    Ecs,
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

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// Tables for people
    #[default]
    Text,
    /// One object for programs
    Json,
    /// A folder with one file per table (--output DIR)
    Csv,
    /// One page with charts, to mail or to print
    Html,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum FindFormat {
    /// One line per message
    #[default]
    Text,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum TraceFormat {
    /// A tree for people
    #[default]
    Text,
    /// One object per message
    Json,
    /// TrackHistory, as the Message Tracking Center of 2003 saves it
    Xml,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum EventsFormat {
    /// One JSON object per line
    #[default]
    Jsonl,
    /// For spreadsheets
    Csv,
    /// One JSON object per line, as Timesketch imports it
    Timesketch,
    /// TrackHistory, as the Message Tracking Center of 2003 saves it
    Xml,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum TableFormat {
    /// One JSON object per line
    #[default]
    Jsonl,
    /// For spreadsheets
    Csv,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum CheckFormat {
    /// Tables for people
    #[default]
    Text,
    /// One object for programs
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum StatusWord {
    Delivered,
    #[value(alias = "partly delivered")]
    PartlyDelivered,
    Failed,
    Dropped,
    Transferred,
    Pending,
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DirectionWord {
    Inbound,
    Outbound,
    Internal,
    Relayed,
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum MmapWord {
    /// Mapped, but copied from network shares
    Auto,
    Always,
    Never,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ColorWord {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    Always,
    Never,
}

/// Which messages. Values of one flag add up; different flags must all agree. `*` stands for any text.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Filters (case never counts, * stands for any text)")]
pub struct Filters {
    /// From this address, or from everybody at @example.com
    #[arg(long, value_name = "ADDRESS")]
    pub sender: Vec<String>,
    /// To this address: as written, list, alias or final address; or @example.com
    #[arg(long, value_name = "ADDRESS")]
    pub recipient: Vec<String>,
    /// This Message-ID, with or without < >; without a * its letter case counts
    #[arg(long, value_name = "ID")]
    pub message_id: Vec<String>,
    /// This network message id (Exchange 2013 and later)
    #[arg(long, value_name = "ID")]
    pub network_message_id: Vec<String>,
    /// Subject contains this text
    #[arg(long, value_name = "TEXT")]
    pub subject: Vec<String>,
    /// Went over this server, with or without domain
    #[arg(long, value_name = "NAME")]
    pub server: Vec<String>,
    /// Came or left by this connector
    #[arg(long, value_name = "NAME")]
    pub connector: Vec<String>,
    /// Handed in from this IP address
    #[arg(long, value_name = "IP")]
    pub client_ip: Vec<String>,
    /// What became of the message (may be given more than once)
    #[arg(long, value_enum, value_delimiter = ',')]
    pub status: Vec<StatusWord>,
    /// Who wrote to whom, seen from your domains
    #[arg(long, value_enum, value_delimiter = ',')]
    pub direction: Vec<DirectionWord>,
    /// First seen at or after: 2026-03-01, 2026-03-01T09:00:00Z, today, yesterday, -3d, -12h
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub since: Option<String>,
    /// First seen before (same forms as --since; a date means its midnight)
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub until: Option<String>,
    /// That day only: 2026-03-01, today, yesterday
    #[arg(long, value_name = "DAY", conflicts_with_all = ["since", "until"])]
    pub day: Option<String>,
    /// Stop after so many messages
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
    /// Monitoring mail and the system's own mail too
    #[arg(long)]
    pub include_probes: bool,
}

/// Flags of every command that reads logs.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Common")]
pub struct Common {
    /// Files, folders (walked), patterns like '/logs/*.LOG', or - for standard input
    #[arg(value_name = "PATH", required = true)]
    pub paths: Vec<PathBuf>,
    /// A domain of yours (may be given more than once; guessed from the logs if never)
    #[arg(
        long,
        value_name = "DOMAIN",
        env = "WAYBILL_DOMAIN",
        value_delimiter = ','
    )]
    pub domain: Vec<String>,
    /// Time zone to show and group times in, like Europe/Berlin; UTC if not given, 'local' for this machine's
    #[arg(long, value_name = "ZONE", env = "WAYBILL_TZ")]
    pub tz: Option<String>,
    /// Name the row behind every hop and fate, with its byte: file:line@offset
    #[arg(long, env = "WAYBILL_EVIDENCE", value_parser = FalseyValueParser::new())]
    pub evidence: bool,
    /// Say in this file what was read and written: arguments, inputs and outputs with SHA-256 (JSON)
    #[arg(long, value_name = "FILE", env = "WAYBILL_MANIFEST")]
    pub manifest: Option<PathBuf>,
    /// Year of Postfix, Exim and Sendmail logs whose stamps have none and whose queue ids do not tell it
    #[arg(long, value_name = "YEAR", env = "WAYBILL_YEAR")]
    pub year: Option<i16>,
    /// Time zone in which such logs were written, like Europe/Berlin or +01:00; UTC if not given
    #[arg(long, value_name = "ZONE", env = "WAYBILL_ZONE")]
    pub zone: Option<String>,
    /// Another name or address of a host, like mx1=10.0.0.5 (may be given more than once; learnt from the logs if never)
    #[arg(
        long,
        value_name = "HOST=ADDRESS",
        env = "WAYBILL_HOSTS",
        value_delimiter = ','
    )]
    pub host: Vec<String>,
    /// Write to this file instead of standard output
    #[arg(long, value_name = "FILE", env = "WAYBILL_OUTPUT")]
    pub output: Option<PathBuf>,
    /// Overwrite the output file if it exists
    #[arg(long)]
    pub force: bool,
    /// Worker threads; as many as the machine has if not given
    #[arg(long, value_name = "N", env = "WAYBILL_THREADS")]
    pub threads: Option<usize>,
    /// Colours
    #[arg(long, value_enum, default_value_t, env = "WAYBILL_COLOR")]
    pub color: ColorWord,
    /// No progress, no summary, no warnings; errors only
    #[arg(long, short, env = "WAYBILL_QUIET", value_parser = FalseyValueParser::new())]
    pub quiet: bool,
    /// No progress bar
    #[arg(long, env = "WAYBILL_NO_PROGRESS", value_parser = FalseyValueParser::new())]
    pub no_progress: bool,
    /// Say where the time went
    #[arg(long, env = "WAYBILL_TIME", value_parser = FalseyValueParser::new())]
    pub time: bool,
    /// Exit with 0 even where bad rows or files were skipped
    #[arg(long, env = "WAYBILL_LENIENT", value_parser = FalseyValueParser::new())]
    pub lenient: bool,
    /// Read defaults from this file (waybill.toml); flags and WAYBILL_* go before it
    #[arg(long, value_name = "FILE", env = "WAYBILL_CONFIG")]
    pub config: Option<PathBuf>,
    /// Replace addresses, domains, subjects and clients by names made with this key, the same every time
    #[arg(
        long,
        value_name = "KEY",
        env = "WAYBILL_ANONYMOUS",
        hide_env_values = true
    )]
    pub anonymous: Option<String>,
    /// A message is finished when nothing was logged for so long: 3d, 12h
    #[arg(long, value_name = "TIME", env = "WAYBILL_HORIZON")]
    pub horizon: Option<String>,
    /// Whether logs are mapped into memory or copied; auto copies from network shares
    #[arg(long, value_enum, value_name = "WHEN", env = "WAYBILL_MMAP")]
    pub mmap: Option<MmapWord>,
    /// Where copies go that memory has no room for: unpacked logs, standard input, network shares
    #[arg(long, value_name = "DIR", env = "WAYBILL_TEMP_DIR")]
    pub temp_dir: Option<PathBuf>,
    /// A packed file may grow to so many times its size [default: 250]; 64 MB are always allowed
    #[arg(long, value_name = "TIMES", env = "WAYBILL_EXPAND_LIMIT")]
    pub expand_limit: Option<usize>,
    /// Bytes per unit of work; the answer does not depend on it
    #[arg(long, value_name = "BYTES", hide = true)]
    pub chunk_bytes: Option<String>,
    /// Bytes of logs in memory at a time; the answer does not depend on it
    #[arg(long, value_name = "BYTES", hide = true)]
    pub window_bytes: Option<String>,
}

/// Columns of the logs that `simulate` writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LayoutWord {
    /// Exchange 2007
    #[value(name = "21")]
    Columns21,
    /// Exchange 2010
    #[value(name = "26")]
    Columns26,
    /// Exchange 2013
    #[value(name = "27")]
    Columns27,
    /// Exchange 2016, 2019 and SE
    #[default]
    #[value(name = "30")]
    Columns30,
    /// Servers of several versions
    Mixed,
    /// Exchange 5.5
    #[value(name = "5.5")]
    Exchange55,
    /// Exchange 2003
    #[value(name = "2003")]
    Exchange2003,
    /// A 5.5 site and a 2003 site that exchange mail
    #[value(name = "mixed-legacy")]
    MixedLegacy,
    /// Exchange 2003 on its way to 2007
    #[value(name = "migration")]
    Migration,
    /// Exchange 2016, two Postfix relays, an Exim filter and Exchange Online, one of each
    Hybrid,
}

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
    #[arg(long, default_value_t = 4)]
    pub servers: u16,
    /// Sites that the servers are spread over
    #[arg(long, default_value_t = 2)]
    pub sites: u16,
    /// Edge servers to the outside
    #[arg(long, default_value_t = 1)]
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
    #[arg(long)]
    pub stories: bool,
}
