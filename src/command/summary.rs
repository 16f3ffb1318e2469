//! What a run says on standard error when it is over, and the exit status that follows from it.
//!
//! In: inputs and outcome. Out: warnings for everything that was left out, one closing line, `--time`.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Run;
use crate::cli::Exit;
use crate::dialect::online;
use crate::inert;
use crate::input::Inputs;
use crate::pipeline::Outcome;
use crate::watch::Lap;

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
    let is_anonymous = run.options.anonymous.is_some();
    run.manifest.note(inputs, outcome, is_anonymous);
    if !run.options.quiet {
        warn(inputs, outcome);
        say!("{}", line(inputs, outcome, elapsed));
    }
    if run.options.time {
        times(inputs, outcome);
    }
    let skipped = !inputs.unreadable.is_empty()
        || !inputs.in_part.is_empty()
        || !outcome.plan.refused.is_empty()
        || outcome.faults.damaged() > 0;
    match done {
        Exit::Done if skipped && !run.options.lenient => Exit::Skipped,
        done => done,
    }
}

fn warn(inputs: &Inputs, outcome: &Outcome) {
    for (name, why) in inputs.unreadable.iter().take(FILES_NAMED) {
        say!("warning: {}: not read: {why}", show(name));
    }
    if inputs.unreadable.len() > FILES_NAMED {
        say!(
            "warning: {} more files could not be read",
            inputs.unreadable.len() - FILES_NAMED
        );
    }
    for (name, why) in inputs.in_part.iter().take(FILES_NAMED) {
        say!("warning: {}: read in part: {why}", show(name));
    }
    if inputs.in_part.len() > FILES_NAMED {
        say!(
            "warning: {} more files could be read only in part",
            inputs.in_part.len() - FILES_NAMED
        );
    }
    for (file, why) in outcome.plan.refused.iter().take(FILES_NAMED) {
        let name = &inputs.files[*file as usize].name;
        say!("warning: {}: not read: {why}", show(name));
    }
    for file in outcome.plan.at_limit.iter().take(FILES_NAMED) {
        let name = &inputs.files[*file as usize].name;
        say!("warning: {}: {}", show(name), online::AT_LIMIT);
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
            say!(
                "note: {count} {rows} read all the same: {}: {}{more}",
                reason.words(),
                first.join(", ")
            );
            continue;
        }
        say!(
            "warning: {count} {rows} left out: {}: {}{more}",
            reason.words(),
            first.join(", ")
        );
    }
    if outcome.ambiguous > 0 {
        say!(
            "note: {} hand-overs would fit several records of another host and were not linked; --host HOST=ADDRESS says \
             which host an address is",
            outcome.ambiguous
        );
    }
    let other = outcome.events.passed_over();
    if other > 0 {
        say!("note: passed over {other} lines of other programs in syslog files");
    }
    if outcome.rows_twice > 0 {
        say!(
            "note: {} rows had been collected twice and were counted once",
            outcome.rows_twice
        );
    }
    if outcome.rows_late > 0 {
        say!(
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
        say!("note: passed over {files}: {}", show(what));
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

/// The tree of stages. What limits a stage is told from how many processors it kept busy.
fn times(inputs: &Inputs, outcome: &Outcome) {
    let stages = &outcome.stages;
    let mut end = stages.end;
    let answer = end.lap();
    let mut windows = Lap::default();
    stages.laps.iter().for_each(|(_, lap)| windows.add(*lap));
    let mut total = Lap::default();
    let searched = outcome.plan.searched;
    for lap in [inputs.took, stages.cut, stages.looked, windows, answer]
        .into_iter()
        .chain(searched)
    {
        total.add(lap);
    }
    let in_windows = match stages.windows {
        1 => "1 window".to_string(),
        windows => format!("{windows} windows"),
    };
    let mut lines = vec![
        ("total".to_string(), total),
        ("+ find and open files".to_string(), inputs.took),
        ("+ tell formats, cut".to_string(), stages.cut),
        ("+ first look".to_string(), stages.looked),
    ];
    lines.extend(searched.map(|lap| ("+ search".to_string(), lap)));
    lines.push((format!("+ {in_windows}"), windows));
    let inner = stages.laps.iter();
    lines.extend(inner.map(|(stage, lap)| (format!("| + {stage}"), *lap)));
    lines.push(("+ answer".to_string(), answer));
    say!(
        "{:<22} {:>9} {:>6} {:>9} {:>8}  limit",
        "stage",
        "seconds",
        "share",
        "CPU s",
        "MB/s"
    );
    for (stage, lap) in lines {
        let seconds = lap.wall.as_secs_f64();
        let share = 100.0 * seconds / total.wall.as_secs_f64().max(1e-9);
        let cpu = lap
            .cpu
            .map_or(String::new(), |cpu| format!("{:.3}", cpu.as_secs_f64()));
        let rate = outcome.plan.bytes as f64 / 1e6 / seconds.max(1e-6);
        let limit = limit(&lap, rayon::current_num_threads());
        say!("{stage:<22} {seconds:>9.3} {share:>5.0}% {cpu:>9} {rate:>8.0}  {limit}");
    }
}

/// What a stage waited for, in words.
fn limit(lap: &Lap, threads: usize) -> &'static str {
    if lap.wall.as_millis() < 5 {
        return "";
    }
    match lap.busy() {
        None => "",
        Some(busy) if busy < 0.7 => "waiting: disk, or other programs",
        Some(busy) if busy > 0.8 * threads as f64 => "processor, all threads",
        Some(busy) if busy < 1.3 => "processor, one thread",
        Some(_) => "processor, some threads",
    }
}
