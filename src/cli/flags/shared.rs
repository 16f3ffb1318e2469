//! Flags of more than one command: which messages, and how logs are read and answers written.

use std::path::PathBuf;

use clap::Args;
use clap::builder::{FalseyValueParser, NonEmptyStringValueParser as Text};

use super::words::{ColorWord, DirectionWord, MmapWord, StatusWord};

/// Which messages. Values of one flag add up; different flags must all agree. `*` stands for any text.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Filters (case never counts, * stands for any text)")]
pub struct Filters {
    /// From this address, or from everybody at @example.com
    #[arg(long, value_name = "ADDRESS", value_parser = Text::new())]
    pub sender: Vec<String>,
    /// To this address: as written, list, alias or final address; or @example.com
    #[arg(long, value_name = "ADDRESS", value_parser = Text::new())]
    pub recipient: Vec<String>,
    /// This Message-ID, with or without < >; without a * its letter case counts
    #[arg(long, value_name = "ID", value_parser = Text::new())]
    pub message_id: Vec<String>,
    /// This network message id (Exchange 2013 and later)
    #[arg(long, value_name = "ID", value_parser = Text::new())]
    pub network_message_id: Vec<String>,
    /// Subject contains this text
    #[arg(long, value_name = "TEXT", value_parser = Text::new())]
    pub subject: Vec<String>,
    /// Went over this server, with or without domain
    #[arg(long, value_name = "NAME", value_parser = Text::new())]
    pub server: Vec<String>,
    /// Came or left by this connector
    #[arg(long, value_name = "NAME", value_parser = Text::new())]
    pub connector: Vec<String>,
    /// Handed in from this IP address, or by a client of this name where the log has no address
    #[arg(long, value_name = "IP", value_parser = Text::new())]
    pub client_ip: Vec<String>,
    /// What became of the message, or of one of its recipients (may be given more than once)
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
