//! `find`, `trace` and `paths`: the messages themselves.
//!
//! In: inputs and a filter. Out: messages in the order of first sight. Each shard renders its own messages while it
//! joins them; only finished text is put in order.

use std::io::Write;
use std::time::Instant;

use bstr::BStr;

use super::sink::Failed;
use super::{Run, Sink, summary};
use crate::cli::Exit;
use crate::cli::flags::{TableFormat, TraceFormat};
use crate::event::{Place, ServerId};
use crate::input::Inputs;
use crate::join::Detail;
use crate::output::{self, Context};
use crate::path::Path;
use crate::pipeline;
use crate::servers::Servers;
use crate::time::Time;

/// A page that is not a terminal's.
const PAGE_COLUMNS: usize = 100;

/// Rendered messages of one shard.
#[derive(Default)]
struct Rendered {
    text: Vec<u8>,
    /// When and where each came in, and where its text ends.
    order: Vec<(Time, Place, usize)>,
}

/// One line per message.
pub fn find(run: &Run<'_>, inputs: &mut Inputs, sink: &mut Sink) -> Result<Exit, Failed> {
    let layout = output::find::Layout::new(run.terminal_width());
    let head =
        |out: &mut Vec<u8>, context: &Context<'_>| output::find::header(out, layout, context);
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
    let head = |out: &mut Vec<u8>, _: &Context<'_>| {
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

fn show(
    run: &Run<'_>,
    inputs: &mut Inputs,
    detail: Detail,
    head: impl Fn(&mut Vec<u8>, &Context<'_>),
    write: impl Fn(&mut Vec<u8>, &Path<'_>, &Context<'_>) + Sync,
    sink: &mut Sink,
) -> Result<Found, Failed> {
    let begun = Instant::now();
    let filter = &run.options.filter;
    let zone = &run.options.zone;
    let options = pipeline::Options {
        domains: run.options.domains.clone(),
        detail,
        links: true,
        chunk_bytes: run.options.chunk_bytes as usize,
    };
    let (outcome, shards) = pipeline::run(
        inputs,
        &options,
        |bytes| run.progress.add(bytes),
        |rendered: &mut Rendered, path: &Path<'_>, servers: &Servers, inputs: &Inputs| {
            let server = |id: ServerId| -> &BStr { servers.name(id) };
            if !filter.matches(path, &server) {
                return;
            }
            let place = |place: Place| inputs.evidence(place);
            let context = Context {
                server: &server,
                place: &place,
                zone,
            };
            write(&mut rendered.text, path, &context);
            rendered
                .order
                .push((path.first_seen, path.place, rendered.text.len()));
        },
    );
    let server = |id: ServerId| -> &BStr { outcome.servers.name(id) };
    let place = |place: Place| inputs.evidence(place);
    let mut opening = Vec::new();
    head(
        &mut opening,
        &Context {
            server: &server,
            place: &place,
            zone,
        },
    );
    let limit = filter.limit.map_or(usize::MAX, |limit| limit as usize);
    let messages = in_order(&shards);
    let shown = messages.len().min(limit);
    if shown > 0 || run.options.output.is_some() {
        sink.write_all(&opening)?;
    }
    for text in &messages[..shown] {
        sink.write_all(text)?;
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

/// The texts of all messages in the order of first sight.
fn in_order(shards: &[Rendered]) -> Vec<&[u8]> {
    let mut messages = Vec::new();
    for shard in shards {
        let mut start = 0;
        for &(time, place, end) in &shard.order {
            messages.push(((time, place), &shard.text[start..end]));
            start = end;
        }
    }
    messages.sort_unstable_by_key(|(order, _)| *order);
    messages.into_iter().map(|(_, text)| text).collect()
}
