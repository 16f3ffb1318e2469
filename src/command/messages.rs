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
use crate::pipeline;
use crate::servers::Servers;
use crate::time::Time;

/// A page that is not a terminal's.
const PAGE_COLUMNS: usize = 100;

/// One line per message.
pub fn find(run: &Run<'_>, inputs: &mut Inputs, sink: &mut Sink) -> Result<Exit, Failed> {
    let layout = output::find::Layout::new(run.terminal_width());
    let head = |out: &mut Vec<u8>, zone: &TimeZone| output::find::header(out, layout, zone);
    let detail = Detail {
        hops: true,
        steps: false,
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
    rows: bool,
    sink: &mut Sink,
) -> Result<Exit, Failed> {
    let width = run.terminal_width().unwrap_or(PAGE_COLUMNS);
    let layout = output::trace_text::Layout {
        width,
        rows,
        colour: run.colour(),
    };
    let detail = Detail {
        hops: true,
        steps: rows || format == TraceFormat::Json,
    };
    let write = |out: &mut Vec<u8>, path: &Path<'_>, context: &Context<'_>| match format {
        TraceFormat::Text => output::trace_text::write(out, path, context, &layout),
        TraceFormat::Json => output::trace_json::write(out, path, context),
    };
    let found = show(run, inputs, detail, |_, _| {}, write, sink)?;
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
        steps: false,
    };
    let head = |out: &mut Vec<u8>, _: &TimeZone| {
        if format == TableFormat::Csv {
            output::csv::header(out);
        }
    };
    let write = |out: &mut Vec<u8>, path: &Path<'_>, context: &Context<'_>| match format {
        TableFormat::Jsonl => output::jsonl::write(out, path, context),
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
    let zone = &run.options.zone;
    let options = pipeline::Options {
        detail,
        when: When::Closed,
        links: true,
        ..run.pipeline_options()
    };
    let plan = pipeline::plan(inputs, run.options.chunk_bytes as usize);
    let inputs = &*inputs;
    let limit = filter.limit.map_or(usize::MAX, |limit| limit as usize);
    let mut shown = 0;
    let make = || Showing {
        filter,
        zone,
        inputs,
        write: &write,
        text: Vec::new(),
        order: Vec::new(),
    };
    let in_order = |showing: &mut [Mutex<Showing<'_, W>>]| -> Result<(), Failed> {
        let showing: Vec<_> = showing
            .iter_mut()
            .map(|s| s.get_mut().expect("a panic ends the run"))
            .collect();
        let mut messages: Vec<_> = showing
            .iter()
            .flat_map(|showing| showing.messages())
            .collect();
        messages.sort_unstable_by_key(|(order, _)| *order);
        for (_, text) in messages.into_iter().take(limit - shown) {
            if shown == 0 {
                let mut opening = Vec::new();
                head(&mut opening, zone);
                sink.write_all(&opening)?;
            }
            sink.write_all(text)?;
            shown += 1;
        }
        for showing in showing {
            showing.text.clear();
            showing.order.clear();
        }
        Ok(())
    };
    let read = |bytes| run.progress.add(bytes);
    let (outcome, _) = pipeline::run(inputs, plan, &options, read, make, in_order)?;
    if shown == 0 && run.options.output.is_some() {
        let mut opening = Vec::new();
        head(&mut opening, zone);
        sink.write_all(&opening)?;
    }
    sink.flush()?;
    let exit = summary::close(run, inputs, &outcome, begun.elapsed(), Exit::Done);
    if shown == 0 && !run.options.quiet {
        eprintln!("nothing matched");
    }
    Ok(Found {
        messages: shown,
        exit,
    })
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
    fn add(&mut self, path: &Path<'_>, servers: &Servers, _: i64) -> bool {
        let server = |id: ServerId| -> &BStr { servers.name(id) };
        if !self.filter.matches(path, &server) {
            return false;
        }
        let place = |place: Place| self.inputs.evidence(place);
        let context = Context {
            server: &server,
            place: &place,
            zone: self.zone,
        };
        (self.write)(&mut self.text, path, &context);
        self.order.push((path.earliest, self.text.len()));
        true
    }

    /// Messages are shown when they are closed, with all their rows.
    fn more_rows(&mut self, _: Class, _: i64) {}
}
