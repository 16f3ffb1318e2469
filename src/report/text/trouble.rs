//! Failures, what waits, and trails that end: what an administrator looks at first.

use std::io::{self, Write};

use crate::figures::{grouped, plural};
use crate::report::Report;
use crate::report::failures::FOR_NOW;
use crate::report::open::Counted;
use crate::report::text::page::{Page, Table, Tone};
use crate::report::text::{LINES, minute, more, or_dash};
use crate::tally::Counts;

/// By status code and server, in plain words.
pub fn failures<W: Write>(report: &Report, page: &mut Page<'_, W>) -> io::Result<()> {
    let failures = &report.failures;
    if failures.by_code.is_empty() {
        return Ok(());
    }
    page.heading("Failures")?;
    let line = format!(
        "{} failed, {} refused before acceptance.",
        plural(failures.failed, "recipient"),
        grouped(failures.rejected)
    );
    page.say(&line, Tone::Plain)?;
    if failures.rejected_for_now != 0 {
        let line = format!("Of these, {} {FOR_NOW}", grouped(failures.rejected_for_now));
        page.say(&line, Tone::Plain)?;
    }
    page.blank()?;
    let mut table = Table::default()
        .left("code")
        .toned(Tone::Bad)
        .left("meaning")
        .right("recipients")
        .right("messages")
        .left("server")
        .left("fate")
        .left("for example")
        .spare(0);
    for cause in failures.by_code_and_server.iter().take(LINES) {
        let example = cause.examples.first();
        table.row(vec![
            or_dash(&cause.code),
            cause.meaning.into(),
            grouped(cause.recipients),
            grouped(cause.messages),
            or_dash(&cause.server),
            cause.fate.word().into(),
            example.map_or(String::new(), |message| message.message_id.clone()),
        ]);
    }
    page.table(&table)?;
    more(page, failures.by_code_and_server.len())
}

/// By age, reason and next hop; the oldest.
pub fn pending<W: Write>(report: &Report, page: &mut Page<'_, W>) -> io::Result<()> {
    let pending = &report.pending;
    let deferrals = &pending.deferrals;
    if pending.recipients == 0 && deferrals.attempts == 0 {
        return Ok(());
    }
    page.heading("Pending at the end")?;
    let line = format!(
        "Waiting: {} of {}. Deferred over the period: {} of {}, {} in all.",
        plural(pending.recipients, "recipient"),
        plural(pending.messages, "message"),
        plural(deferrals.recipients, "recipient"),
        plural(deferrals.messages, "message"),
        plural(deferrals.attempts, "deferral")
    );
    page.say(&line, Tone::Plain)?;
    if pending.recipients == 0 {
        return Ok(());
    }
    page.blank()?;
    let ages = pending.by_age.iter().filter(|age| age.recipients != 0);
    let ages: Vec<Counted> = ages
        .map(|age| {
            let counts = Counts {
                recipients: age.recipients,
                messages: age.messages,
            };
            Counted::new(age.age.into(), counts)
        })
        .collect();
    counted(page, "age", &ages)?;
    counted(page, "reason", &pending.by_reason)?;
    counted(page, "next hop", &pending.by_next_hop)?;
    let mut table = Table::default()
        .left("oldest")
        .left("server")
        .left("from")
        .left("to")
        .left("message");
    for message in pending.oldest.iter().take(LINES) {
        table.row(vec![
            minute(message.first_seen_time, &report.time_zone),
            or_dash(&message.server),
            message.sender.clone(),
            or_dash(&message.recipient),
            message.message_id.clone(),
        ]);
    }
    page.table(&table)
}

/// Where trails end, and what is missing.
pub fn unknown<W: Write>(report: &Report, page: &mut Page<'_, W>) -> io::Result<()> {
    let unknown = &report.unknown;
    if unknown.by_missing.is_empty() {
        return Ok(());
    }
    page.heading("Unknown: where trails end")?;
    for trail in unknown.by_missing.iter().take(LINES) {
        let line = format!(
            "- {} of {}: {}",
            plural(trail.recipients, "recipient"),
            plural(trail.messages, "message"),
            trail.missing
        );
        page.say(&line, Tone::Plain)?;
        if let Some(example) = trail.examples.first() {
            page.say(
                &format!("  for example {}", example.message_id),
                Tone::Faint,
            )?;
        }
    }
    more(page, unknown.by_missing.len())
}

fn counted<W: Write>(
    page: &mut Page<'_, W>,
    title: &'static str,
    lines: &[Counted],
) -> io::Result<()> {
    let mut table = Table::default()
        .right("recipients")
        .right("messages")
        .left(title);
    for line in lines.iter().take(LINES) {
        table.row(vec![
            grouped(line.recipients),
            grouped(line.messages),
            line.what.clone(),
        ]);
    }
    page.table(&table)?;
    more(page, lines.len())?;
    page.blank()
}
