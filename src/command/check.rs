//! `check`: are these logs whole?
//!
//! In: inputs. Out: the audit, as text or JSON.

use std::io::Write;
use std::time::Instant;

use super::sink::Failed;
use super::{Run, Sink, summary};
use crate::audit::{self, Check, Facts};
use crate::cli::Exit;
use crate::cli::flags::CheckFormat;
use crate::inert;
use crate::input::Inputs;

/// A chunk's bytes are looked at twice; the second time they should still be in the cache.
const CHUNK_BYTES: usize = 1 << 20;
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
    let (audit, outcome) = audit::read::read(inputs, chunk_bytes, |bytes| {
        run.progress.add(bytes);
    });
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
            let (width, colour) = run.page();
            audit::text::write(&check, sink, width, colour)?;
        }
        CheckFormat::Json => inert::write_json(&check, sink)?,
    }
    sink.flush()?;
    let done = match strict && !check.verdict.whole {
        true => Exit::Skipped,
        false => Exit::Done,
    };
    Ok(summary::close(run, inputs, &outcome, begun.elapsed(), done))
}
