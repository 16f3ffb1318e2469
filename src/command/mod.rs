//! The commands: each opens inputs, runs the pipeline and writes its answer.
//!
//! In: resolved options. Out: the answer on standard output or in `--output`, warnings and the closing summary on
//! standard error, and the exit status.

mod check;
pub mod days;
mod events;
pub mod explain;
mod manifest;
mod messages;
mod report;
pub mod simulate;
mod sink;
mod summary;

use std::collections::BTreeMap;
use std::io::{self, Write};

use crate::cli::Exit;
use crate::cli::flags::ColorWord;
use crate::cli::options::{Read, Task};
use crate::dialect::{self, Detected};
use crate::error::Error;
use crate::inert;
use crate::input::Inputs;
use crate::path::anonymous::Anonymous;
use crate::pipeline;
use crate::progress::Progress;

pub use sink::Sink;

/// A page that is not a terminal's.
const PAGE_COLUMNS: usize = 100;

/// Runs a command that reads logs.
///
/// # Errors
/// If nothing can be read or the answer cannot be written.
pub fn read(options: &Read) -> Result<Exit, Error> {
    crate::unfinished::watch(Exit::Unusable as i32);
    let threads = rayon::ThreadPoolBuilder::new()
        .num_threads(options.threads)
        .build_global();
    threads.map_err(|error| Error(format!("--threads {}: {error}", options.threads)))?;
    // What sums leave on the disk goes where unpacked logs go.
    let _ = tempfile::env::override_temp_dir(&options.opening.temp_dir);
    if let Task::Report(format) = options.task
        && !options.days.merge.is_empty()
    {
        return report::merged(options, format);
    }
    let paths: Vec<String> = options
        .paths
        .iter()
        .map(|p| p.to_string_lossy().into_owned())
        .collect();
    if let (Task::Report(format), Some(folder)) = (options.task, &options.days.state) {
        return report::nightly(options, folder, &paths, format);
    }
    let opening = Progress::opening(options.opening.opened.clone(), options.progress);
    let opened = Inputs::open_as(&paths, &options.opening);
    opening.finish();
    let mut inputs = opened?;
    inputs.offsets = options.evidence;
    inputs.assumed = options.assumed.clone();
    if inputs.files.is_empty() {
        for (name, why) in &inputs.unreadable {
            say!("waybill: {name}: {why}");
        }
        return Err(Error(format!(
            "no file could be read in {}",
            paths.join(", ")
        )));
    }
    if !inputs.files.iter().any(|file| is_log(file.bytes())) {
        return Err(nothing_to_read(&inputs, &paths));
    }
    let mut sink = Sink::open(options)?;
    let progress = Progress::start(inputs.bytes(), options.progress);
    let manifest = manifest::Manifest::start(options)?;
    let run = Run {
        options,
        progress: &progress,
        manifest: &manifest,
    };
    let exit = match options.task {
        Task::Report(format) => report::run(&run, &mut inputs, format, &mut sink),
        Task::Find(_) => messages::find(&run, &mut inputs, &mut sink),
        Task::Trace { format, rows, raw } => {
            messages::trace(&run, &mut inputs, format, (rows, raw), &mut sink)
        }
        Task::Paths(format) => messages::paths(&run, &mut inputs, format, &mut sink),
        Task::Events(format) => events::run(&run, &mut inputs, format, &mut sink),
        Task::Check { format, strict } => check::run(&run, &mut inputs, format, strict, &mut sink),
    };
    match exit.and_then(|exit| finish(exit, &run, &inputs, sink)) {
        Err(error) if error.broken_pipe => Ok(Exit::Done),
        Err(error) => Err(error.error),
        Ok(exit) => Ok(exit),
    }
}

/// Ends a run whose answer is written: nothing has its name before it is known to be right.
fn finish(exit: Exit, run: &Run<'_>, inputs: &Inputs, sink: Sink) -> Result<Exit, sink::Failed> {
    unchanged(inputs)?;
    let seen = sink.finish()?;
    run.manifest.write(run.options, inputs, seen)?;
    Ok(exit)
}

/// Holds the inputs against what they were when they were opened.
fn unchanged(inputs: &Inputs) -> Result<(), sink::Failed> {
    let changed = inputs.changed();
    let Some((name, how)) = changed.first() else {
        return Ok(());
    };
    let more = match changed.len() {
        1 => String::new(),
        files => format!(" (and {} files more)", files - 1),
    };
    let name = inert::terminal(name.as_bytes(), 400);
    let text = format!("{name}: {how}{more}; what was written is not the answer: run again");
    Err(Error(text).into())
}

fn is_log(bytes: &[u8]) -> bool {
    matches!(dialect::detect(bytes), Detected::Log(_))
}

/// There are files, but none of them is a tracking log: what they are instead.
fn nothing_to_read(inputs: &Inputs, paths: &[String]) -> Error {
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for file in &inputs.files {
        let kind = match dialect::detect(file.bytes()) {
            Detected::Refused(what) | Detected::Other(what) => inert::terminal(what.as_bytes(), 80),
            Detected::Empty | Detected::Log(_) => "empty".to_string(),
        };
        *kinds.entry(kind).or_default() += 1;
    }
    let kinds: Vec<String> = kinds
        .iter()
        .map(|(kind, files)| format!("{kind} ({files})"))
        .collect();
    Error(format!(
        "no message tracking log in {}; files are told by content, and found were: {}",
        paths.join(", "),
        kinds.join(", ")
    ))
}

/// What every command works with.
#[derive(Clone, Copy)]
pub struct Run<'r> {
    pub options: &'r Read,
    pub progress: &'r Progress,
    pub manifest: &'r manifest::Manifest,
}

impl Run<'_> {
    /// What the flags say to the pipeline.
    pub fn pipeline_options(&self) -> pipeline::Options {
        pipeline::Options {
            domains: self.options.domains.clone(),
            horizon: self.options.horizon,
            window_bytes: self.options.window_bytes,
            anonymous: self.options.anonymous.as_deref().map(Anonymous::new),
            ..pipeline::Options::default()
        }
    }

    /// Whether the answer is coloured.
    pub fn colour(&self) -> bool {
        match self.options.color {
            ColorWord::Always => true,
            ColorWord::Never => false,
            ColorWord::Auto => {
                self.options.output.is_none()
                    && anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never
            }
        }
    }

    /// Columns of a page for people, and whether it is coloured.
    fn page(&self) -> (usize, bool) {
        (self.terminal_width().unwrap_or(PAGE_COLUMNS), self.colour())
    }

    /// Columns of the page, if the answer goes to a terminal.
    pub fn terminal_width(&self) -> Option<usize> {
        let size = terminal_size::terminal_size_of(io::stdout())?;
        self.options
            .output
            .is_none()
            .then_some(usize::from(size.0.0))
    }
}

/// Writes something small to standard output; a closed pipe is no failure.
///
/// # Errors
/// If it cannot be written.
pub fn print(write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> Result<Exit, Error> {
    let mut text = Vec::new();
    write(&mut text)?;
    match io::stdout().lock().write_all(&text) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(Exit::Done),
    }
}
