//! `simulate`: runs the simulator.

use std::time::Instant;

use super::Exit;
use crate::cli::options::SimulateOptions;
use crate::error::Error;
use crate::simulate;

/// Writes the logs and says how many.
///
/// # Errors
/// If the folder cannot be written.
pub fn run(flags: &SimulateOptions) -> Result<Exit, Error> {
    let begun = Instant::now();
    let summary = simulate::run(&flags.organisation, &flags.out).map_err(|error| {
        Error(format!(
            "{} cannot be written: {error}",
            flags.out.display()
        ))
    })?;
    let seconds = begun.elapsed().as_secs_f64();
    let megabytes = summary.bytes as f64 / 1e6;
    say!(
        "{} files, {megabytes:.1} MB, {} rows, {} messages, {seconds:.2} s, {:.0} MB/s",
        summary.files,
        summary.rows,
        summary.messages,
        megabytes / seconds.max(1e-9),
    );
    Ok(Exit::Done)
}
