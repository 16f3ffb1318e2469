//! The way of all rows through the audit.
//!
//! In: inputs. Out: [`Audit`] and what the run found beside it. Rows are read in the order of files, a batch of chunks
//! at a time, and looked at chunk by chunk side by side.

use rayon::prelude::*;

use super::Audit;
use super::chunk::Outline;
use crate::input::Inputs;
use crate::pipeline::{Outcome, Reading};

/// Chunks per batch and thread: rows of a batch are held, and what goes on between two batches is not shared.
const CHUNKS_PER_THREAD: usize = 16;

/// Reads and looks at everything; `done` is told how many bytes were read.
pub fn read(inputs: &mut Inputs, chunk_bytes: usize, done: impl Fn(u64)) -> (Audit, Outcome) {
    let mut reading = Reading::new(inputs, chunk_bytes);
    let inputs = &*inputs;
    reading.survey(inputs);
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
        done(
            ground
                .slices
                .iter()
                .map(|slice| slice.data.len() as u64)
                .sum(),
        );
    }
    (audit, reading.outcome())
}
