//! `find`, `trace` and `paths`: the messages themselves.
//!
//! In: inputs and a filter. Out: messages in the order of first sight. Each shard renders its own messages while it
//! joins them; only finished text is put in order.

use std::io::Write;
use std::sync::Mutex;
use std::time::Instant;

use bstr::BStr;
use jiff::tz::TimeZone;

use super::sink::Failed;
use super::{Run, Sink, summary};
use crate::cli::Exit;
use crate::cli::flags::{TableFormat, TraceFormat};
use crate::event::{Place, ServerId};
use crate::filter::Filter;
use crate::input::Inputs;
use crate::join::shard::Taker;
use crate::join::{Detail, When};
use crate::output::{self, Context};
use crate::path::{Class, Path};
use crate::pipeline::{self, Outcome};
use crate::plan::{Plan, Survey};
use crate::search;
use crate::servers::Servers;
use crate::time::Time;
use crate::watch::Watch;

/// One line per message.
pub fn find(run: &Run<'_>, inputs: &mut Inputs, sink: &mut Sink) -> Result<Exit, Failed> {
    let layout = output::find::Layout::new(run.terminal_width());
    let head = |out: &mut Vec<u8>, zone: &TimeZone| output::find::header(out, layout, zone);
    let detail = Detail {
        hops: true,
        ..Detail::default()
    };
    let write = |out: &mut Vec<u8>, path: &Path<'_>, context: &Context<'_>| {
        output::find::write(out, path, layout, context);
    };
    let found = show(run, inputs, detail, head, write, sink)?;
    Ok(found.status(true))
}

/// The whole path of each message.
pub fn trace(
    run: &Run<'_>,
    inputs: &mut Inputs,
    format: TraceFormat,
    (rows, raw): (bool, bool),
    sink: &mut Sink,
) -> Result<Exit, Failed> {
    let (width, colour) = run.page();
    let layout = output::trace_text::Layout {
        width,
        rows,
        colour,
    };
    let detail = Detail {
        hops: true,
        steps: format != TraceFormat::Xml,
        records: format == TraceFormat::Xml,
        raw,
    };
    let write = |out: &mut Vec<u8>, path: &Path<'_>, context: &Context<'_>| match format {
        TraceFormat::Text => output::trace_text::write(out, path, context, &layout),
        TraceFormat::Json => output::trace_json::write(out, path, context),
        TraceFormat::Xml => {
            for record in &path.records {
                output::trackhistory::write(out, record, (context.file)(record.place));
            }
        }
    };
    let is_xml = format == TraceFormat::Xml;
    let head = |out: &mut Vec<u8>, _: &TimeZone| {
        if is_xml {
            output::trackhistory::open(out, &run.options.prolog);
        }
    };
    let found = show(run, inputs, detail, head, write, sink)?;
    if is_xml && (found.messages > 0 || run.options.output.is_some()) {
        let mut end = Vec::new();
        output::trackhistory::close(&mut end);
        sink.write_all(&end)?;
    }
    Ok(found.status(true))
}

/// All paths, for machines.
pub fn paths(
    run: &Run<'_>,
    inputs: &mut Inputs,
    format: TableFormat,
    sink: &mut Sink,
) -> Result<Exit, Failed> {
    let detail = Detail {
        hops: true,
        ..Detail::default()
    };
    let head = |out: &mut Vec<u8>, _: &TimeZone| {
        if format == TableFormat::Csv {
            output::csv::header(out);
        }
    };
    let write = |out: &mut Vec<u8>, path: &Path<'_>, context: &Context<'_>| match format {
        TableFormat::Jsonl if run.options.profile.is_some() => {
            output::timeline::ecs_path(out, path, context)
        }
        TableFormat::Jsonl => output::jsonl::write(out, path, context),
        TableFormat::Timesketch => output::timeline::timesketch_path(out, path, context),
        TableFormat::Csv => output::csv::write(out, path, context),
    };
    let found = show(run, inputs, detail, head, write, sink)?;
    Ok(found.status(false))
}

struct Found {
    messages: usize,
    exit: Exit,
}

impl Found {
    /// Whether finding nothing has a status of its own.
    fn status(&self, asked: bool) -> Exit {
        if asked && self.messages == 0 && self.exit == Exit::Done {
            Exit::NothingMatched
        } else {
            self.exit
        }
    }
}

fn show<W>(
    run: &Run<'_>,
    inputs: &mut Inputs,
    detail: Detail,
    head: impl Fn(&mut Vec<u8>, &TimeZone),
    write: W,
    sink: &mut Sink,
) -> Result<Found, Failed>
where
    W: Fn(&mut Vec<u8>, &Path<'_>, &Context<'_>) + Sync,
{
    let begun = Instant::now();
    let filter = &run.options.filter;
    let mut plan = pipeline::plan(inputs, run.options.chunk_bytes as usize);
    let survey = pipeline::survey(inputs, &plan);
    let mut answer = Answer {
        run,
        detail,
        head: &head,
        write: &write,
        sink,
        shown: 0,
    };
    let text = filter.piece().filter(|_| run.options.anonymous.is_none());
    let mut watch = Watch::start();
    let narrow = match (filter.needle(), text) {
        // The manifest says how many rows every log has.
        _ if run.options.manifest.is_some() => None,
        (Some(id), _) => search::narrow(inputs, &plan, id),
        (None, Some(text)) => search::narrow_by_text(inputs, &plan, text),
        (None, None) => None,
    };
    plan.searched = (filter.needle().is_some() || text.is_some()).then(|| watch.lap());
    let found = match narrow {
        Some(mut narrow) if !narrow.chunks.is_empty() => {
            narrow.searched = plan.searched;
            answer.of(inputs, narrow, survey.clone(), true)?
        }
        _ => None,
    };
    let outcome = match found {
        Some(outcome) => outcome,
        None => {
            plan.mark(inputs);
            let all = answer.of(inputs, plan, survey, false)?;
            all.expect("only a search can be unsure")
        }
    };
    let shown = answer.shown;
    if shown == 0 && run.options.output.is_some() {
        answer.open()?;
    }
    sink.flush()?;
    let exit = summary::close(run, inputs, &outcome, begun.elapsed(), Exit::Done);
    if shown == 0 && !run.options.quiet {
        say!("nothing matched");
    }
    Ok(Found {
        messages: shown,
        exit,
    })
}

/// The answer while it is being written.
struct Answer<'a, H, W> {
    run: &'a Run<'a>,
    detail: Detail,
    head: &'a H,
    write: &'a W,
    sink: &'a mut Sink,
    shown: usize,
}

/// Why a run ended before its end.
enum Stop {
    Failed(Failed),
    /// A message that was searched for is not finished by the rows that hold its identifier.
    Unsure,
}

impl<H, W> Answer<'_, H, W>
where
    H: Fn(&mut Vec<u8>, &TimeZone),
    W: Fn(&mut Vec<u8>, &Path<'_>, &Context<'_>) + Sync,
{
    /// Reads what is planned and writes the messages that match. After a search, `None` if that may not be all there is
    /// to say: then nothing was written.
    fn of(
        &mut self,
        inputs: &Inputs,
        plan: Plan,
        survey: Survey,
        searched: bool,
    ) -> Result<Option<Outcome>, Failed> {
        let run = self.run;
        let options = pipeline::Options {
            detail: self.detail,
            when: When::Closed,
            links: true,
            ..run.pipeline_options()
        };
        let (filter, zone, write) = (&run.options.filter, &run.options.zone, self.write);
        let make = || Showing {
            filter,
            zone,
            inputs,
            write,
            text: Vec::new(),
            order: Vec::new(),
            unfinished: false,
        };
        let read = |bytes| run.progress.add(bytes);
        let done = |showing: &mut [Mutex<Showing<'_, W>>]| {
            let mut showing: Vec<_> = showing
                .iter_mut()
                .map(|s| s.get_mut().expect("a panic ends the run"))
                .collect();
            if searched && showing.iter().any(|showing| showing.unfinished) {
                return Err(Stop::Unsure);
            }
            self.in_order(&mut showing).map_err(Stop::Failed)
        };
        match pipeline::run(inputs, plan, survey, &options, read, make, done) {
            Ok((outcome, _)) => Ok(Some(outcome)),
            Err(Stop::Unsure) => Ok(None),
            Err(Stop::Failed(failed)) => Err(failed),
        }
    }

    /// Writes what was rendered, in the order of earliest rows.
    fn in_order(&mut self, showing: &mut [&mut Showing<'_, W>]) -> Result<(), Failed> {
        let limit = self.run.options.filter.limit;
        let limit = limit.map_or(usize::MAX, |limit| limit as usize);
        let mut messages: Vec<_> = showing
            .iter()
            .flat_map(|showing| showing.messages())
            .collect();
        // A line about two records is the first row of both: then their texts decide.
        messages.sort_unstable();
        for (_, text) in messages.into_iter().take(limit - self.shown) {
            if self.shown == 0 {
                self.open()?;
            }
            self.sink.write_all(text)?;
            self.shown += 1;
        }
        for showing in showing {
            showing.text.clear();
            showing.order.clear();
        }
        Ok(())
    }

    /// Writes what stands above the first message.
    fn open(&mut self) -> Result<(), Failed> {
        let mut opening = Vec::new();
        (self.head)(&mut opening, &self.run.options.zone);
        self.sink.write_all(&opening)?;
        Ok(())
    }
}

/// One thread's rendered messages.
struct Showing<'s, W> {
    filter: &'s Filter,
    zone: &'s TimeZone,
    inputs: &'s Inputs,
    write: &'s W,
    text: Vec<u8>,
    /// Earliest row of each, and where its text ends.
    order: Vec<((Time, Place), usize)>,
    /// A message is among them that has a recipient without a proven last word.
    unfinished: bool,
}

impl<W> Showing<'_, W> {
    fn messages(&self) -> impl Iterator<Item = ((Time, Place), &[u8])> {
        let starts = std::iter::once(0).chain(self.order.iter().map(|(_, end)| *end));
        self.order
            .iter()
            .zip(starts)
            .map(|(&(order, end), start)| (order, &self.text[start..end]))
    }
}

impl<W: Fn(&mut Vec<u8>, &Path<'_>, &Context<'_>)> Taker for Showing<'_, W> {
    fn add(&mut self, path: &Path<'_>, servers: &Servers, _: i64) -> Option<Class> {
        let server = |id: ServerId| -> &BStr { servers.name(id) };
        if !self.filter.matches(path, &server) {
            return None;
        }
        let place = |place: Place| self.inputs.evidence(place);
        let context = Context {
            server: &server,
            place: &place,
            file: &|place| self.inputs.name(place),
            evidence: self.inputs.offsets,
            zone: self.zone,
        };
        (self.write)(&mut self.text, path, &context);
        self.order.push((path.earliest, self.text.len()));
        self.unfinished |= !path.is_finished();
        Some(path.class)
    }

    /// Messages are shown when they are closed, with all their rows.
    fn more_rows(&mut self, _: Class, _: i64) {}
}
