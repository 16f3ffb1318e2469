//! `check`: are these logs whole?
//!
//! In: inputs. Out: the audit, as text or JSON. Rows are read in the order of files, a batch of chunks at a time, and
//! looked at chunk by chunk side by side.

use std::io::Write;
use std::time::Instant;

use rayon::prelude::*;

use super::sink::Failed;
use super::{Run, Sink, summary};
use crate::audit::chunk::Outline;
use crate::audit::{self, Audit, Check, Facts};
use crate::cli::Exit;
use crate::cli::flags::CheckFormat;
use crate::input::Inputs;
use crate::pipeline::{Outcome, Reading};

/// Chunks per batch and thread: rows of a batch are held, and what goes on between two batches is not shared.
const CHUNKS_PER_THREAD: usize = 16;
/// A chunk's bytes are looked at twice; the second time they should still be in the cache.
const CHUNK_BYTES: usize = 1 << 20;
/// A page that is not a terminal's.
const PAGE_COLUMNS: usize = 100;

/// Audits all rows and writes what was found; `strict`: signs of loss or change have an exit status.
pub fn run(
    run: &Run<'_>,
    inputs: &mut Inputs,
    format: CheckFormat,
    strict: bool,
    sink: &mut Sink,
) -> Result<Exit, Failed> {
    let begun = Instant::now();
    let chunk_bytes = CHUNK_BYTES.min(run.options.chunk_bytes as usize);
    let (audit, outcome) = audit(inputs, chunk_bytes, |bytes| run.progress.add(bytes));
    let facts = Facts {
        tool: format!("waybill {}", env!("CARGO_PKG_VERSION")),
        zone: run.options.zone.clone(),
        inputs,
        plan: &outcome.plan,
        servers: &outcome.servers,
        faults: &outcome.faults,
        events: &outcome.events,
        rows: outcome.rows,
        span: outcome.span,
    };
    let check = Check::new(audit, &facts);
    match format {
        CheckFormat::Text => {
            let width = run.terminal_width().unwrap_or(PAGE_COLUMNS);
            audit::text::write(&check, sink, width, run.colour())?;
        }
        CheckFormat::Json => audit::json::write(&check, sink)?,
    }
    sink.flush()?;
    let done = match strict && !check.verdict.whole {
        true => Exit::Skipped,
        false => Exit::Done,
    };
    Ok(summary::close(run, inputs, &outcome, begun.elapsed(), done))
}

/// Reads and looks at everything; `read` is told how many bytes were read.
pub fn audit(inputs: &mut Inputs, chunk_bytes: usize, read: impl Fn(u64)) -> (Audit, Outcome) {
    let mut reading = Reading::new(inputs, chunk_bytes);
    let inputs = &*inputs;
    let mut audit = Audit::default();
    let batch = CHUNKS_PER_THREAD * rayon::current_num_threads();
    while let Some((ground, rows)) = reading.batch(inputs, batch) {
        let outlines = rows
            .par_iter()
            .enumerate()
            .map(|(number, rows)| Outline::new(&ground, number, rows))
            .collect();
        let ready = audit.ready(&ground, outlines);
        let parts = ready
            .into_par_iter()
            .zip(&rows)
            .map(|(ready, rows)| ready.look(&ground, rows))
            .collect();
        audit.take(&ground, parts);
        read(
            ground
                .slices
                .iter()
                .map(|slice| slice.data.len() as u64)
                .sum(),
        );
    }
    (audit, reading.outcome())
}
