//! What a run says on standard error when it is over, and the exit status that follows from it.
//!
//! In: inputs and outcome. Out: warnings for everything that was left out, one closing line, `--time`.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Run;
use crate::cli::Exit;
use crate::inert;
use crate::input::Inputs;
use crate::pipeline::Outcome;

/// Files named one by one before the rest is counted.
const FILES_NAMED: usize = 5;

/// Says what was read and what was not; `done` is the status if nothing was skipped.
pub fn close(
    run: &Run<'_>,
    inputs: &Inputs,
    outcome: &Outcome,
    elapsed: Duration,
    done: Exit,
) -> Exit {
    run.progress.finish();
    if !run.options.quiet {
        warn(inputs, outcome);
        eprintln!("{}", line(inputs, outcome, elapsed));
    }
    if run.options.time {
        times(outcome, elapsed);
    }
    let skipped = !inputs.unreadable.is_empty()
        || !outcome.plan.refused.is_empty()
        || outcome.faults.damaged() > 0;
    match done {
        Exit::Done if skipped && !run.options.lenient => Exit::Skipped,
        done => done,
    }
}

fn warn(inputs: &Inputs, outcome: &Outcome) {
    for (name, why) in inputs.unreadable.iter().take(FILES_NAMED) {
        eprintln!("warning: {}: not read: {why}", show(name));
    }
    if inputs.unreadable.len() > FILES_NAMED {
        eprintln!(
            "warning: {} more files could not be read",
            inputs.unreadable.len() - FILES_NAMED
        );
    }
    for (file, why) in outcome.plan.refused.iter().take(FILES_NAMED) {
        let name = &inputs.files[*file as usize].name;
        eprintln!("warning: {}: not read: {why}", show(name));
    }
    for (reason, count, places) in outcome.faults.iter() {
        let first: Vec<String> = places
            .iter()
            .take(3)
            .map(|place| show(&inputs.evidence(*place)))
            .collect();
        let more = if count > first.len() as u64 {
            ", ..."
        } else {
            ""
        };
        let rows = if count == 1 { "row" } else { "rows" };
        if reason.is_recovered() {
            eprintln!(
                "note: {count} {rows} read all the same: {}: {}{more}",
                reason.words(),
                first.join(", ")
            );
            continue;
        }
        eprintln!(
            "warning: {count} {rows} left out: {}: {}{more}",
            reason.words(),
            first.join(", ")
        );
    }
    if outcome.rows_twice > 0 {
        eprintln!(
            "note: {} rows had been collected twice and were counted once",
            outcome.rows_twice
        );
    }
    if outcome.rows_late > 0 {
        eprintln!(
            "warning: {} rows left out: their messages were closed and counted by an earlier run",
            outcome.rows_late
        );
    }
    let mut other: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, what) in &outcome.plan.passed_over {
        *other.entry(what).or_default() += 1;
    }
    for (what, files) in other {
        let files = if files == 1 {
            "1 file".to_string()
        } else {
            format!("{files} files")
        };
        eprintln!("note: passed over {files}: {}", show(what));
    }
}

fn show(text: &str) -> String {
    inert::terminal(text.as_bytes(), 200)
}

fn line(inputs: &Inputs, outcome: &Outcome, elapsed: Duration) -> String {
    let files = inputs.logs()
        - outcome.plan.passed_over.len()
        - outcome.plan.refused.len()
        - outcome.plan.empty.len();
    let seconds = elapsed.as_secs_f64();
    let megabytes = outcome.plan.bytes as f64 / 1e6;
    format!(
        "{files} files, {megabytes:.1} MB, {} rows, {} bad rows, {seconds:.2} s, {:.0} MB/s",
        outcome.rows,
        outcome.faults.damaged(),
        megabytes / seconds.max(1e-9),
    )
}

fn times(outcome: &Outcome, elapsed: Duration) {
    eprintln!(
        "{:<10} {:>9} {:>6} {:>10}",
        "stage", "seconds", "share", "MB/s"
    );
    for (stage, time) in outcome.stages.iter().chain([&("total", elapsed)]) {
        let seconds = time.as_secs_f64();
        let share = 100.0 * seconds / elapsed.as_secs_f64().max(1e-9);
        let rate = outcome.plan.bytes as f64 / 1e6 / seconds.max(1e-9);
        eprintln!("{stage:<10} {seconds:>9.3} {share:>5.0}% {rate:>10.0}");
    }
}
