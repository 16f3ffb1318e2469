//! `events`: every row with its columns by name, for timelines.
//!
//! In: inputs and a filter. Out: rows in the order of files and lines. Chunks are rendered side by side and written in
//! order by one thread; the channel between them holds one batch, so a slow reader of the answer holds up
//! reading and memory stays small.

use std::io::Write;
use std::time::Instant;

use bumpalo::Bump;
use crossbeam_channel::bounded;
use rayon::prelude::*;

use super::sink::Failed;
use super::{Run, Sink, summary};
use crate::cli::Exit;
use crate::cli::flags::EventsFormat;
use crate::dialect;
use crate::input::Inputs;
use crate::join::Ground;
use crate::output;
use crate::pipeline;
use crate::row::{KeyKind, Row};

/// Chunks per batch and thread: enough that all threads have work while the last batch is written.
const CHUNKS_PER_THREAD: usize = 2;
/// Rendered text is about as long as its chunk, so chunks are smaller than for joining.
const CHUNK_BYTES: usize = 1 << 20;

/// Renders and writes all rows.
pub fn run(
    run: &Run<'_>,
    inputs: &mut Inputs,
    format: EventsFormat,
    sink: &mut Sink,
) -> Result<Exit, Failed> {
    let begun = Instant::now();
    let chunk_bytes = CHUNK_BYTES.min(run.options.chunk_bytes as usize);
    let mut reading = pipeline::Reading::new(inputs, chunk_bytes);
    let inputs = &*inputs;
    if format == EventsFormat::Csv {
        let mut head = Vec::new();
        output::events_csv::header(&mut head);
        sink.write_all(&head)?;
    }
    if format == EventsFormat::Xml {
        let mut head = Vec::new();
        output::trackhistory::open(&mut head, &run.options.prolog);
        sink.write_all(&head)?;
    }
    let batch = CHUNKS_PER_THREAD * rayon::current_num_threads();
    let (send, receive) = bounded::<Vec<Vec<u8>>>(1);
    let written = std::thread::scope(|scope| {
        let writer = scope.spawn(move || -> Result<(), Failed> {
            for texts in receive {
                for text in texts {
                    sink.write_all(&text)?;
                }
            }
            if format == EventsFormat::Xml {
                let mut end = Vec::new();
                output::trackhistory::close(&mut end);
                sink.write_all(&end)?;
            }
            sink.flush()?;
            Ok(())
        });
        while let Some((ground, rows)) = reading.batch(inputs, batch) {
            let texts = rows
                .into_par_iter()
                .map(|rows| render(run, inputs, &ground, rows, format))
                .collect();
            run.progress.add(
                ground
                    .slices
                    .iter()
                    .map(|slice| slice.data.len() as u64)
                    .sum(),
            );
            // The writer is gone only if it failed; its error is the one that counts.
            if send.send(texts).is_err() {
                break;
            }
        }
        drop(send);
        writer.join().expect("the writer does not panic")
    });
    written?;
    let outcome = reading.outcome();
    Ok(summary::close(
        run,
        inputs,
        &outcome,
        begun.elapsed(),
        Exit::Done,
    ))
}

/// The rows of one chunk as text.
fn render(
    run: &Run<'_>,
    inputs: &Inputs,
    ground: &Ground<'_>,
    mut rows: Vec<Row>,
    format: EventsFormat,
) -> Vec<u8> {
    rows.sort_unstable_by_key(|row| row.offset);
    let mut text = Vec::with_capacity(rows.len() * 1500);
    let mut arena = Bump::new();
    let filter = &run.options.filter;
    // A line about two records gives two rows.
    rows.retain(|row| row.kind != KeyKind::Second);
    for row in &rows {
        {
            let record = dialect::record(row, &ground.around(row, &arena));
            if filter.matches_record(&record) {
                let (file, line) = (inputs.name(record.place), inputs.line(record.place));
                match format {
                    EventsFormat::Jsonl if run.options.profile.is_some() => {
                        output::timeline::ecs_event(&mut text, &record, file, line)
                    }
                    EventsFormat::Jsonl => {
                        output::events_jsonl::write(&mut text, &record, file, line)
                    }
                    EventsFormat::Timesketch => {
                        output::timeline::timesketch(&mut text, &record, file, line)
                    }
                    EventsFormat::Csv => output::events_csv::write(&mut text, &record, file, line),
                    EventsFormat::Xml => output::trackhistory::write(&mut text, &record, file),
                }
            }
        }
        arena.reset();
    }
    text
}
