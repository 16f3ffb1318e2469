//! Flags resolved: every default explicit, every value checked.
//!
//! In: [`Cli`] and the present time. Out: [`Options`], or a sentence that names the flag and says what would
//! do. The clock is not read here, so that a test can choose what `yesterday` means.

use std::path::PathBuf;

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::config::File;
use super::flags::{
    CheckFormat, Cli, ColorWord, Command, Common, DirectionWord, EventsFormat, Figures, Filters,
    FindFormat, LayoutWord, MmapWord, Profile, ReportFormat, Run, Simulate, StatusWord,
    TableFormat, TraceFormat, XmlFlags,
};
use crate::filter::{Filter, Pattern, parse_day, parse_when};
use crate::input::{Assumed, Mapping, Opening};
use crate::output::trackhistory::Prolog;
use crate::path::{Direction, Status};
use crate::time::{DAY, HOUR, SECOND, Time};

/// Bytes of one unit of work, unless told otherwise.
const CHUNK_BYTES: u64 = crate::plan::CHUNK_BYTES as u64;
/// Bytes of logs in memory at a time, unless told otherwise.
const WINDOW_BYTES: u64 = crate::plan::WINDOW_BYTES;

/// What to do.
#[derive(Debug)]
pub enum Options {
    /// A command that reads logs.
    Read(Box<Read>),
    Simulate(SimulateOptions),
    Explain(Vec<String>),
    Completions(clap_complete::Shell),
    Man,
    /// What is in force.
    Config,
}

/// Which question the logs are to answer, and in which form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    Report(ReportFormat),
    Find(FindFormat),
    Trace {
        format: TraceFormat,
        rows: bool,
        raw: bool,
    },
    Paths(TableFormat),
    Events(EventsFormat),
    Check {
        format: CheckFormat,
        strict: bool,
    },
}

/// Sums that are kept between runs of `report`, and what it is told beside the logs.
#[derive(Debug)]
pub struct KeptDays {
    pub save: Option<PathBuf>,
    pub merge: Vec<PathBuf>,
    pub baseline: Vec<PathBuf>,
    /// Where a run goes on from the one before.
    pub state: Option<PathBuf>,
    /// All distribution lists there are, one address a line.
    pub lists: Option<PathBuf>,
    /// Lines of each top list.
    pub top: usize,
    /// Limits of the service level, milliseconds.
    pub sla_ms: Vec<u64>,
    /// Addresses whose mail is left out like that of Exchange's own probes.
    pub probes: Vec<Pattern>,
}

impl Default for KeptDays {
    fn default() -> Self {
        KeptDays {
            save: None,
            merge: Vec::new(),
            baseline: Vec::new(),
            state: None,
            lists: None,
            top: 25,
            sla_ms: vec![30_000, 90_000, 300_000],
            probes: Vec::new(),
        }
    }
}

/// Everything a command that reads logs needs to know.
#[derive(Debug)]
pub struct Read {
    pub task: Task,
    pub paths: Vec<PathBuf>,
    pub filter: Filter,
    /// Own domains, lower case; guessed from the logs if empty.
    pub domains: Vec<String>,
    pub zone: TimeZone,
    /// The present time.
    pub now: Time,
    /// What logs leave out.
    pub assumed: Assumed,
    /// `None` is standard output.
    pub output: Option<PathBuf>,
    /// Where what was read and written is noted.
    pub manifest: Option<PathBuf>,
    /// Every hop and fate with its row, every row with its byte.
    pub evidence: bool,
    pub force: bool,
    /// Names of another schema in JSON lines.
    pub profile: Option<Profile>,
    /// With `--format xml`: what stands before the root element.
    pub prolog: Prolog,
    pub threads: usize,
    pub color: ColorWord,
    pub quiet: bool,
    pub progress: bool,
    pub time: bool,
    pub lenient: bool,
    /// The key of other names for people.
    pub anonymous: Option<String>,
    /// A message is finished when nothing was logged for so many microseconds.
    pub horizon: i64,
    pub opening: Opening,
    pub chunk_bytes: u64,
    pub window_bytes: u64,
    pub days: KeptDays,
}

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

/// Resolves what was typed; `now` is what `yesterday` and `-3d` are counted from, and `file` gives what was not typed.
pub fn resolve(cli: Cli, file: &File, now: Time) -> Result<Options, String> {
    let mut prolog = Prolog::default();
    let (mut profile, mut hash) = (None, false);
    let mut days = KeptDays::default();
    let (task, filters, mut common) = match cli.command {
        Command::Report(mut report) => {
            let kept = !report.merge.is_empty() || report.state.is_some();
            if report.run.common.paths.is_empty() && !kept {
                return Err("report: give the logs (PATH), or saved days with --merge".into());
            }
            if report.run.format == Some(ReportFormat::Csv) && report.run.common.output.is_none() {
                return Err("report: --format csv writes a folder; name it with --output".into());
            }
            file.fill_figures(&mut report.figures);
            days = figures(report.figures)?;
            days.save = report.save;
            days.merge = report.merge;
            days.baseline = report.baseline;
            days.state = report.state;
            parts(report.run, Task::Report)
        }
        Command::Find(run) => parts(run, Task::Find),
        Command::Trace(trace) => {
            let (rows, raw) = (trace.rows, trace.raw);
            prolog = prolog_of(trace.xml);
            parts(trace.run, |format| Task::Trace { format, rows, raw })
        }
        Command::Paths(paths) => {
            profile = paths.profile;
            parts(paths.run, Task::Paths)
        }
        Command::Events(events) => {
            prolog = prolog_of(events.xml);
            profile = events.profile;
            parts(events.run, Task::Events)
        }
        Command::Explain { words } => return Ok(Options::Explain(words)),
        Command::Check(check) => {
            hash = !check.no_hash;
            let task = Task::Check {
                format: check.format.unwrap_or_default(),
                strict: check.strict,
            };
            (task, Filters::default(), check.common)
        }
        Command::Simulate(flags) => return simulate(flags).map(Options::Simulate),
        Command::Completions { shell } => return Ok(Options::Completions(shell)),
        Command::Man => return Ok(Options::Man),
        Command::Config(_) => return Ok(Options::Config),
    };
    let is_jsonl = matches!(
        task,
        Task::Paths(TableFormat::Jsonl) | Task::Events(EventsFormat::Jsonl)
    );
    if profile.is_some() && !is_jsonl {
        return Err("--profile goes with --format jsonl".into());
    }
    let of_messages = !filters.status.is_empty() || !filters.direction.is_empty();
    if matches!(task, Task::Events(_)) && of_messages {
        let way_out = "rows have neither; use paths, or find and trace";
        return Err(format!(
            "events: --status and --direction are of whole messages and {way_out}"
        ));
    }
    file.fill(&mut common)?;
    if matches!(task, Task::Events(_)) && common.anonymous.is_some() {
        return Err(
            "events: rows are shown as logged; --anonymous goes with report, find, trace and paths"
                .into(),
        );
    }
    if shows_rows_of_the_nameless(task, &common) {
        return Err("trace: --format xml and --raw show rows as logged; --anonymous goes with text and json".into());
    }
    let mut read = read(task, filters, common, prolog, now)?;
    read.days = days;
    if read.days.state.is_some() && !read.filter.is_of_time() {
        return Err(
            "report: --state counts all messages; of the filters only --day, --since and --until go with it"
                .into(),
        );
    }
    read.profile = profile;
    read.opening.hash |= hash;
    Ok(Options::Read(Box::new(read)))
}

/// TrackHistory holds rows as logged, which have no anonymous form.
fn shows_rows_of_the_nameless(task: Task, common: &Common) -> bool {
    let as_logged = match task {
        Task::Trace { format, raw, .. } => raw || format == TraceFormat::Xml,
        _ => false,
    };
    as_logged && common.anonymous.is_some()
}

fn prolog_of(flags: XmlFlags) -> Prolog {
    Prolog {
        declaration: flags.declaration,
        stylesheet: flags.stylesheet,
    }
}

fn figures(flags: Figures) -> Result<KeptDays, String> {
    let default = KeptDays::default();
    let limits: Result<Vec<u64>, String> = flags.sla.iter().map(|limit| span_ms(limit)).collect();
    Ok(KeptDays {
        lists: flags.lists,
        top: match flags.top {
            Some(0) => return Err("--top: at least 1 is needed".into()),
            top => top.unwrap_or(default.top),
        },
        sla_ms: match limits? {
            none if none.is_empty() => default.sla_ms,
            limits => limits,
        },
        probes: patterns(&flags.probe, Pattern::address),
        ..default
    })
}

/// `30s`, `5m`, `2h` in milliseconds.
fn span_ms(text: &str) -> Result<u64, String> {
    let read = |(letter, ms): (char, u64)| {
        let count: u64 = text.trim().strip_suffix(letter)?.parse().ok()?;
        (count > 0).then(|| count.checked_mul(ms)).flatten()
    };
    let found = [('s', 1000), ('m', 60_000), ('h', 3_600_000)]
        .into_iter()
        .find_map(read);
    found.ok_or_else(|| format!("--sla: '{text}' is no limit; write 30s, 5m or 2h"))
}

fn parts<F>(run: Run<F>, task: impl Fn(F) -> Task) -> (Task, Filters, Common)
where
    F: clap::ValueEnum + Clone + Send + Sync + Default + 'static,
{
    (
        task(run.format.unwrap_or_default()),
        run.filters,
        run.common,
    )
}

fn read(
    task: Task,
    filters: Filters,
    common: Common,
    prolog: Prolog,
    now: Time,
) -> Result<Read, String> {
    let assumed = assumed(&common)?;
    let zone = match common.tz.as_deref() {
        None => TimeZone::UTC,
        Some(name) => zone(name)?,
    };
    let mut opening = opening(common.mmap, common.temp_dir, common.expand_limit)?;
    opening.hash = common.manifest.is_some();
    Ok(Read {
        assumed,
        task,
        filter: filter(filters, &zone, now)?,
        paths: common.paths,
        domains: common.domain.iter().map(|d| domain(d)).collect(),
        zone,
        now,
        output: common.output.filter(|file| file.as_os_str() != "-"),
        manifest: common.manifest,
        evidence: common.evidence,
        force: common.force,
        profile: None,
        prolog,
        threads: threads(common.threads)?,
        color: common.color,
        quiet: common.quiet,
        progress: !common.quiet && !common.no_progress,
        time: common.time,
        lenient: common.lenient,
        anonymous: common.anonymous,
        horizon: common
            .horizon
            .map_or(Ok(3 * DAY), |text| span("--horizon", &text))?,
        opening,
        chunk_bytes: common
            .chunk_bytes
            .map_or(Ok(CHUNK_BYTES), |b| bytes("--chunk-bytes", &b))?,
        window_bytes: common
            .window_bytes
            .map_or(Ok(WINDOW_BYTES), |b| bytes("--window-bytes", &b))?,
        days: KeptDays::default(),
    })
}

fn opening(
    mmap: Option<MmapWord>,
    temp_dir: Option<PathBuf>,
    expand_limit: Option<usize>,
) -> Result<Opening, String> {
    let default = Opening::default();
    let limit = expand_limit.map_or(default.expand_limit, |limit| limit as u64);
    if limit == 0 {
        return Err("--expand-limit: at least 1 is needed".into());
    }
    if let Some(folder) = &temp_dir
        && !folder.is_dir()
    {
        return Err(format!("--temp-dir: {} is no folder", folder.display()));
    }
    Ok(Opening {
        mapping: match mmap {
            None | Some(MmapWord::Auto) => Mapping::Auto,
            Some(MmapWord::Always) => Mapping::Always,
            Some(MmapWord::Never) => Mapping::Never,
        },
        temp_dir: temp_dir.unwrap_or(default.temp_dir),
        expand_limit: limit,
        hash: false,
    })
}

/// What logs leave out.
fn assumed(common: &Common) -> Result<Assumed, String> {
    let hosts = common.host.iter().map(|pair| match pair.split_once('=') {
        Some((host, address)) if !host.is_empty() && !address.is_empty() => {
            Ok((address.trim().to_lowercase(), host.trim().to_lowercase()))
        }
        _ => Err(format!(
            "--host {pair}: a host and its other name are wanted, like mx1=10.0.0.5"
        )),
    });
    Ok(Assumed {
        year: common.year,
        zone: common.zone.as_deref().map(zone_or_offset).transpose()?,
        hosts: hosts.collect::<Result<_, _>>()?,
    })
}

/// A zone by name, or a fixed one as `+01:00`.
fn zone_or_offset(text: &str) -> Result<TimeZone, String> {
    match text.starts_with(['+', '-']) {
        true => format!("1970-01-01T00:00{text}[{text}]")
            .parse::<jiff::Zoned>()
            .map(|time| time.time_zone().clone())
            .map_err(|_| format!("--zone {text}: an offset looks like +01:00")),
        false => zone(text),
    }
}

fn filter(flags: Filters, zone: &TimeZone, now: Time) -> Result<Filter, String> {
    let when = |flag: &str, text: Option<String>| {
        let time = text.map(|text| parse_when(&text, zone, now));
        time.transpose().map_err(|error| format!("{flag}: {error}"))
    };
    let (since, until) = match flags.day {
        Some(day) => {
            let day = parse_day(&day, zone, now).map_err(|error| format!("--day: {error}"))?;
            (Some(day.start), Some(day.end))
        }
        None => (when("--since", flags.since)?, when("--until", flags.until)?),
    };
    if let (Some(since), Some(until)) = (since, until)
        && since >= until
    {
        return Err(format!(
            "--since ({}) is not before --until ({}): nothing can match",
            since.rfc3339(),
            until.rfc3339()
        ));
    }
    Ok(Filter {
        sender: patterns(&flags.sender, Pattern::address),
        recipient: patterns(&flags.recipient, Pattern::address),
        message_id: patterns(&flags.message_id, Pattern::message_id),
        network_message_id: patterns(&flags.network_message_id, Pattern::exact),
        subject: patterns(&flags.subject, Pattern::substring),
        server: patterns(&flags.server, Pattern::exact),
        connector: patterns(&flags.connector, Pattern::exact),
        client_ip: patterns(&flags.client_ip, Pattern::exact),
        status: flags.status.into_iter().map(status).collect(),
        direction: flags.direction.into_iter().map(direction).collect(),
        since,
        until,
        limit: flags.limit,
        include_probes: flags.include_probes,
    })
}

fn patterns(texts: &[String], pattern: fn(&str) -> Pattern) -> Vec<Pattern> {
    texts.iter().map(|text| pattern(text)).collect()
}

fn status(word: StatusWord) -> Status {
    match word {
        StatusWord::Delivered => Status::Delivered,
        StatusWord::PartlyDelivered => Status::PartlyDelivered,
        StatusWord::Failed => Status::Failed,
        StatusWord::Dropped => Status::Dropped,
        StatusWord::Transferred => Status::Transferred,
        StatusWord::Pending => Status::Pending,
        StatusWord::Unknown => Status::Unknown,
    }
}

fn direction(word: DirectionWord) -> Direction {
    match word {
        DirectionWord::Inbound => Direction::Inbound,
        DirectionWord::Outbound => Direction::Outbound,
        DirectionWord::Internal => Direction::Internal,
        DirectionWord::Relayed => Direction::Relayed,
        DirectionWord::Unknown => Direction::Unknown,
    }
}

/// `@Contoso.com` and `contoso.com` are the same domain.
fn domain(text: &str) -> String {
    text.trim().trim_start_matches('@').to_lowercase()
}

fn zone(name: &str) -> Result<TimeZone, String> {
    if name.eq_ignore_ascii_case("local") {
        return Ok(TimeZone::system());
    }
    TimeZone::get(name)
        .map_err(|_| format!("--tz: there is no zone '{name}'; write UTC, local or Europe/Berlin"))
}

fn threads(threads: Option<usize>) -> Result<usize, String> {
    match threads {
        Some(0) => Err("--threads: at least 1 is needed".to_string()),
        Some(threads) => Ok(threads),
        None => Ok(std::thread::available_parallelism().map_or(1, |n| n.get())),
    }
}

/// `3d`, `12h`, `90m` in microseconds.
fn span(flag: &str, text: &str) -> Result<i64, String> {
    let units = [('d', DAY), ('h', HOUR), ('m', 60 * SECOND)];
    let read = |(letter, unit): (char, i64)| {
        let count: i64 = text.trim().strip_suffix(letter)?.parse().ok()?;
        (count > 0).then(|| count.checked_mul(unit)).flatten()
    };
    let found = units.into_iter().find_map(read);
    found.ok_or_else(|| format!("{flag}: '{text}' is no span of time; write 3d or 12h"))
}

/// `500000`, `64k`, `500M`, `2G`: powers of 1024.
fn bytes(flag: &str, text: &str) -> Result<u64, String> {
    let text = text.trim();
    let units = [('k', 10), ('m', 20), ('g', 30), ('t', 40)];
    let last = text.chars().next_back().map(|c| c.to_ascii_lowercase());
    let unit = units.into_iter().find(|(letter, _)| last == Some(*letter));
    let (number, shift) = match unit {
        Some((_, shift)) => (&text[..text.len() - 1], shift),
        None => (text, 0),
    };
    let found: Option<u64> = number.parse().ok();
    found
        .filter(|n| *n > 0)
        .and_then(|n| n.checked_mul(1 << shift))
        .ok_or_else(|| format!("{flag}: '{text}' is no number of bytes; write 64k, 500M or 2G"))
}

fn simulate(flags: Simulate) -> Result<SimulateOptions, String> {
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
        size: flags.size.map(|text| bytes("--size", &text)).transpose()?,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::parse_iso;
    use clap::Parser;

    fn options(line: &str) -> Result<Options, String> {
        let now = parse_iso(b"2026-03-30T10:00:00Z").unwrap();
        let cli = Cli::try_parse_from(line.split(' ')).map_err(|error| error.to_string())?;
        resolve(cli, &File::default(), now)
    }

    fn read(line: &str) -> Read {
        match options(line).unwrap() {
            Options::Read(read) => *read,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn defaults_are_explicit() {
        let read = read("waybill report /logs");
        assert_eq!(read.task, Task::Report(ReportFormat::Text));
        assert_eq!(read.horizon, 3 * DAY);
        assert_eq!(read.zone, TimeZone::UTC);
        assert!(read.threads > 0 && read.progress && read.output.is_none());
        assert!(read.filter.limit.is_none() && read.filter.since.is_none());
    }

    #[test]
    fn each_command_has_its_own_first_format() {
        for (command, task) in [
            ("report", Task::Report(ReportFormat::Text)),
            ("find", Task::Find(FindFormat::Text)),
            (
                "trace",
                Task::Trace {
                    format: TraceFormat::Text,
                    rows: false,
                    raw: false,
                },
            ),
            ("paths", Task::Paths(TableFormat::Jsonl)),
            ("events", Task::Events(EventsFormat::Jsonl)),
            (
                "check",
                Task::Check {
                    format: CheckFormat::Text,
                    strict: false,
                },
            ),
        ] {
            assert_eq!(read(&format!("waybill {command} /logs")).task, task);
        }
    }

    #[test]
    fn flags_mean_what_they_say() {
        let read = read(
            "waybill trace /a /b --rows --format json --sender @contoso.com --status failed \
             --status partly-delivered --since -3d --until 2026-03-30 --tz Europe/Berlin --domain \
             @Contoso.com,fabrikam.com --horizon 12h --window-bytes 2M --quiet --output -",
        );
        assert_eq!(
            read.task,
            Task::Trace {
                format: TraceFormat::Json,
                rows: true,
                raw: false,
            }
        );
        assert_eq!(read.paths.len(), 2);
        assert_eq!(
            read.filter.status,
            [Status::Failed, Status::PartlyDelivered]
        );
        assert_eq!(
            read.filter.since.unwrap().rfc3339(),
            "2026-03-27T11:00:00.000Z"
        );
        assert_eq!(
            read.filter.until.unwrap().rfc3339(),
            "2026-03-29T22:00:00.000Z"
        );
        assert_eq!(read.domains, ["contoso.com", "fabrikam.com"]);
        assert_eq!((read.horizon, read.window_bytes), (12 * HOUR, 2 << 20));
        assert!(!read.progress && read.output.is_none());
    }

    #[test]
    fn what_cannot_be_meant_names_the_flag() {
        for (flags, word) in [
            ("--since soon", "--since"),
            ("--since today --until yesterday", "--until"),
            ("--tz Europe/Atlantis", "--tz"),
            ("--threads 0", "--threads"),
            ("--horizon 3", "--horizon"),
            ("--chunk-bytes much", "--chunk-bytes"),
            ("--window-bytes 99999999999T", "--window-bytes"),
            ("--status lost", "--status"),
            ("--format xls", "--format"),
            ("--day today --since today", "--day"),
            ("--day soon", "--day"),
        ] {
            let error = options(&format!("waybill find /logs {flags}")).unwrap_err();
            assert!(error.contains(word), "{flags}: {error}");
        }
        assert!(options("waybill find").is_err());
        assert!(
            options("waybill events /logs --status failed")
                .unwrap_err()
                .contains("paths")
        );
        assert!(options("waybill check /logs --sender a@b").is_err());
    }

    #[test]
    fn a_day_is_a_day_of_the_zone() {
        let read = read("waybill report /logs --day 2026-03-29 --tz Europe/Berlin");
        assert_eq!(
            read.filter.since.unwrap().rfc3339(),
            "2026-03-28T23:00:00.000Z"
        );
        assert_eq!(
            read.filter.until.unwrap().rfc3339(),
            "2026-03-29T22:00:00.000Z"
        );
    }

    #[test]
    fn simulate_takes_sizes_and_dates() {
        let line = "waybill simulate --out x --size 500M --layout mixed --leave-out EX03";
        let Ok(Options::Simulate(simulate)) = options(line) else {
            panic!("simulate is not understood");
        };
        assert_eq!(
            (simulate.size, simulate.layout),
            (Some(500 << 20), LayoutWord::Mixed)
        );
        assert_eq!(simulate.leave_out, ["ex03"]);
        let error = options("waybill simulate --out x --start someday").unwrap_err();
        assert!(error.contains("--start"));
    }
}
