//! Flags resolved: every default explicit, every value checked.
//!
//! In: [`Cli`] and the present time. Out: [`Options`], or a sentence that names the flag and says what would
//! do. The clock is not read here, so that a test can choose what `yesterday` means.

mod filters;
mod inputs;
pub mod simulate;
mod values;

use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;

use self::filters::{filter, patterns};
use self::inputs::{assumed, opening};
pub use self::simulate::SimulateOptions;
use self::values::{bytes, domain, span, span_ms, threads, zone};

use super::config::File;
use super::flags::{
    CheckFormat, Cli, ColorWord, Command, Common, EventsFormat, Figures, Filters, FindFormat,
    Profile, ReportFormat, Run, TableFormat, TraceFormat, XmlFlags,
};
use crate::filter::{Filter, Pattern};
use crate::input::{Assumed, Opening};
use crate::output::trackhistory::Prolog;
use crate::time::{DAY, Time};

/// Bytes of one unit of work, unless told otherwise.
const CHUNK_BYTES: u64 = crate::plan::CHUNK_BYTES as u64;

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
    pub window_bytes: Option<u64>,
    pub days: KeptDays,
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
            let output = report.run.common.output.as_deref();
            let to_pipe = output.is_none_or(|path| path == Path::new("-"));
            if report.run.format == Some(ReportFormat::Csv) && to_pipe {
                return Err("report: --format csv writes a folder; name it with --output".into());
            }
            if report.run.filters.limit.is_some() {
                return Err("report: --limit goes with find, trace, paths and events".into());
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
        Command::Simulate(flags) => return simulate::resolve(flags).map(Options::Simulate),
        Command::Completions { shell } => return Ok(Options::Completions(shell)),
        Command::Man => return Ok(Options::Man),
        Command::Config(flags) => {
            let (mut common, mut figures) = (flags.common, flags.figures);
            // What no command would take is not in force.
            file.fill(&mut common)?;
            file.fill_figures(&mut figures);
            self::figures(figures)?;
            let filters = Filters::default();
            read(
                Task::Find(FindFormat::default()),
                filters,
                common,
                prolog,
                now,
            )?;
            return Ok(Options::Config);
        }
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

/// Lines of a list that somebody may look at.
const MOST_TOP: usize = 100_000;

fn figures(flags: Figures) -> Result<KeptDays, String> {
    let default = KeptDays::default();
    let limits: Result<Vec<u64>, String> = flags.sla.iter().map(|limit| span_ms(limit)).collect();
    Ok(KeptDays {
        lists: flags.lists,
        top: match flags.top {
            Some(0) => return Err("--top: at least 1 is needed".into()),
            Some(top) if top > MOST_TOP => {
                return Err(format!("--top: {MOST_TOP} at most; 'paths' has everything"));
            }
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
        domains: (common.domain.iter().map(|d| domain(d))).collect::<Result<_, _>>()?,
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
            .map(|b| bytes("--window-bytes", &b))
            .transpose()?,
        days: KeptDays::default(),
    })
}

#[cfg(test)]
mod tests;
