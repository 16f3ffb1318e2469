//! Headline, coverage and balance: what was read and whether it adds up.

use std::io::{self, Write};

use crate::dialect::foreign::events::PASSED_OVER;
use crate::figures::{grouped, percent, plural, size};
use crate::report::balance::lines;
use crate::report::text::page::{Page, Table, Tone};
use crate::report::text::{LINES, minute};
use crate::report::{EventCount, Report, coverage};
use crate::time::HOUR;
use crate::time::Time;

/// Who made this, about what, and the one line that a busy reader reads.
pub fn headline<W: Write>(report: &Report, page: &mut Page<'_, W>) -> io::Result<()> {
    let at = |time: Option<Time>| time.map_or("?".into(), |t| minute(t, &report.time_zone));
    let (from, to) = (report.period.from_time, report.period.to_time);
    page.say("Delivery report", Tone::Strong)?;
    page.say(
        &format!("{} to {} {}", at(from), at(to), report.zone),
        Tone::Plain,
    )?;
    if let Some(only) = report.coverage.only() {
        page.say(&only, Tone::Warning)?;
    }
    let inputs = &report.inputs;
    let rate = if inputs.seconds > 0.0 && inputs.bytes > 0 {
        let rate = size((inputs.bytes as f64 / inputs.seconds) as i64);
        format!(" in {:.1} s ({rate}/s)", inputs.seconds)
    } else {
        String::new()
    };
    let saved = match inputs.saved_files {
        0 => String::new(),
        files => format!(" from {}", plural(files as i64, "saved file")),
    };
    let read = format!(
        "{}, {}, {}, {}{saved}{rate} · {}",
        plural(report.coverage.servers.len() as i64, "server"),
        plural(inputs.files as i64, "file"),
        size(inputs.bytes as i64),
        plural(inputs.rows as i64, "row"),
        report.tool,
    );
    page.say(&read, Tone::Faint)?;
    page.blank()?;
    let totals = &report.totals;
    let fates = &totals.recipients;
    let entered = totals.entered_recipients;
    let mail = format!(
        "{} to {}, {}",
        plural(totals.messages, "message"),
        plural(entered, "recipient"),
        size(totals.bytes)
    );
    page.say(&mail, Tone::Strong)?;
    let mut table = Table::default();
    let mut shares = Vec::new();
    for (fate, recipients, tone) in [
        ("delivered", fates.delivered, Tone::Good),
        ("transferred", fates.transferred, Tone::Good),
        ("failed", fates.failed, Tone::Bad),
        (
            "dropped or held",
            fates.dropped + fates.quarantined,
            Tone::Warning,
        ),
        ("pending", fates.pending, Tone::Warning),
        ("unknown", fates.unknown, Tone::Warning),
    ] {
        let tone = if recipients == 0 { Tone::Plain } else { tone };
        table = table.right(fate).toned(tone);
        shares.push(percent(recipients, entered));
    }
    if entered > 0 {
        table.row(shares);
        page.table(&table)?;
    }
    Ok(())
}

/// What was read per server, and what was not.
pub fn coverage<W: Write>(report: &Report, page: &mut Page<'_, W>) -> io::Result<()> {
    page.heading("Coverage")?;
    let coverage = &report.coverage;
    let zone = &report.time_zone;
    let at = |time: Option<Time>| time.map_or("-".into(), |time| minute(time, zone));
    let mut table = Table::default()
        .left("server")
        .left("first row")
        .left("last row")
        .right("rows")
        .right("size")
        .right("hours without rows");
    for server in &coverage.servers {
        table.row(vec![
            server.server.clone(),
            at(server.first_time),
            at(server.last_time),
            grouped(server.rows as i64),
            (server.bytes).map_or("-".into(), |bytes| size(bytes as i64)),
            grouped(server.hours_without_rows),
        ]);
    }
    if !table.is_empty() {
        page.table(&table)?;
        if report.inputs.saved_files > 0 || coverage.state.is_some() {
            page.say(coverage.note(report.inputs.saved_files), Tone::Faint)?;
        }
        strips(report, page)?;
    }
    let domains = coverage.own_domains.join(", ");
    if !domains.is_empty() {
        let how = if coverage.domains_guessed {
            " (guessed from submissions and deliveries; name them with --domain)"
        } else {
            ""
        };
        page.say(&format!("Own domains: {domains}{how}"), Tone::Plain)?;
    }
    if let Some(state) = &coverage.state {
        let line = format!(
            "Run {} of this state: {} in {} ({}), {} unchanged; {}.",
            grouped(state.run as i64),
            plural(state.new_rows as i64, "new row"),
            plural(state.new_files as i64, "file"),
            size(state.new_bytes as i64),
            grouped(state.unchanged_files as i64),
            plural(state.open_messages as i64, "open message"),
        );
        page.say(&line, Tone::Plain)?;
        for note in &state.notes {
            page.say(&format!("- {note}"), Tone::Warning)?;
        }
    }
    left_out(report, page)
}

/// One character per hour, or per several where the period is long: a gap shows.
fn strips<W: Write>(report: &Report, page: &mut Page<'_, W>) -> io::Result<()> {
    let Some((first, last)) = report.period.hours() else {
        return Ok(());
    };
    let servers = &report.coverage.servers;
    let named = servers.iter().map(|server| server.server.len()).max();
    let room = page
        .room()
        .saturating_sub(named.unwrap_or(0).min(24) + 2)
        .max(24);
    let hours = last - first + 1;
    if hours < 2 {
        return Ok(());
    }
    let per_column = (hours + room as i64 - 1) / room as i64;
    page.blank()?;
    let mut table = Table::default().left("").left("").toned(Tone::Good);
    for server in servers {
        let strip = strip(server, first, last, per_column);
        table.row(vec![server.server.clone(), strip]);
    }
    page.table(&table)?;
    let unit = match per_column {
        1 => "an hour".into(),
        n => format!("{n} hours"),
    };
    let start = minute(Time(first * HOUR), &report.time_zone);
    let key =
        format!("each column is {unit}, from {start}: █ rows in every hour, ▄ in some, · none");
    page.say(&key, Tone::Faint)
}

fn strip(server: &coverage::Server, first: i64, last: i64, per_column: i64) -> String {
    let mut strip = String::new();
    let mut start = first;
    while start <= last {
        let end = (start + per_column).min(last + 1);
        strip.push(match server.hours.range(start..end).count() as i64 {
            0 => '·',
            n if n == end - start => '█',
            _ => '▄',
        });
        start = end;
    }
    strip
}

/// Rows and files that are in none of the figures.
fn left_out<W: Write>(report: &Report, page: &mut Page<'_, W>) -> io::Result<()> {
    let (probe, system) = (&report.excluded.probe, &report.excluded.system);
    if probe.messages + system.messages > 0 {
        let line = format!(
            "Left out: {} ({}) and {} ({}); --include-probes counts them.",
            plural(probe.messages, "probe message"),
            plural(probe.rows, "row"),
            plural(system.messages, "system message"),
            plural(system.rows, "row")
        );
        page.say(&line, Tone::Plain)?;
    }
    let inputs = &report.inputs;
    if inputs.rows_twice > 0 {
        let rows = plural(inputs.rows_twice as i64, "row");
        page.say(
            &format!("Collected twice and counted once: {rows}."),
            Tone::Plain,
        )?;
    }
    if inputs.rows_without_message > 0 {
        let rows = plural(inputs.rows_without_message as i64, "row");
        let line = format!("Of no message: {rows} without an id (connections, notices, refusals).");
        page.say(&line, Tone::Plain)?;
    }
    let is_other = |e: &&EventCount| (&*e.source, &*e.event) == PASSED_OVER;
    if let Some(other) = report.coverage.events.iter().find(is_other) {
        let lines = plural(other.count as i64, "line");
        page.say(
            &format!("Passed over: {lines} of other programs in syslog files."),
            Tone::Plain,
        )?;
    }
    if inputs.bad_rows > 0 {
        let rows = plural(inputs.bad_rows as i64, "row");
        page.say(&format!("{rows} could not be read:"), Tone::Warning)?;
        for bad in report.coverage.bad_rows.iter().take(LINES) {
            let first = bad
                .first
                .first()
                .map_or(String::new(), |f| format!(", first {f}"));
            let count = grouped(bad.count as i64);
            page.say(&format!("- {count} x {}{first}", bad.reason), Tone::Plain)?;
        }
    }
    let skipped = &report.coverage.skipped_files;
    if !skipped.is_empty() {
        let files = plural(skipped.len() as i64, "file");
        page.say(&format!("{files} skipped:"), Tone::Warning)?;
        for file in skipped.iter().take(LINES) {
            page.say(&format!("- {}: {}", file.path, file.why), Tone::Plain)?;
        }
    }
    let unknown = report.coverage.events.iter().filter(|event| !event.known);
    let unknown: Vec<String> = unknown
        .take(LINES)
        .map(|e| format!("{} {} x {}", e.source, e.event, grouped(e.count as i64)))
        .collect();
    if !unknown.is_empty() {
        let line = format!(
            "Events waybill does not know, kept as notes: {}",
            unknown.join(", ")
        );
        page.say(&line, Tone::Warning)?;
    }
    Ok(())
}

/// What entered against what became of it.
pub fn balance<W: Write>(report: &Report, page: &mut Page<'_, W>) -> io::Result<()> {
    page.heading("Balance")?;
    let totals = &report.totals;
    let entered = &totals.entered;
    let ways = format!(
        "Entered: {} submitted, {} received, {} generated{}; {} of these messages are reports.",
        grouped(entered.submitted),
        grouped(entered.received),
        grouped(entered.generated),
        match entered.unknown_origin {
            0 => String::new(),
            n => format!(", {} of unknown origin", grouped(n)),
        },
        grouped(totals.reports.messages),
    );
    page.say(&ways, Tone::Plain)?;
    page.blank()?;
    let whole = (
        report.balance.messages.entered,
        report.balance.recipients.entered,
    );
    let mut table = Table::default()
        .left("")
        .right("messages")
        .right("")
        .toned(Tone::Faint)
        .right("recipients")
        .right("")
        .toned(Tone::Faint);
    let figure = |count: Option<i64>| count.map_or(String::new(), grouped);
    let share = |count: Option<i64>, whole| count.map_or(String::new(), |n| percent(n, whole));
    for (what, messages, recipients) in lines(&report.totals, &report.balance) {
        table.row(vec![
            what.into(),
            figure(messages),
            share(messages, whole.0),
            figure(recipients),
            share(recipients, whole.1),
        ]);
    }
    page.table(&table)?;
    beside_the_balance(report, page)
}

/// What the balance does not hold, and whether it closes.
fn beside_the_balance<W: Write>(report: &Report, page: &mut Page<'_, W>) -> io::Result<()> {
    let totals = &report.totals;
    let fates = &totals.recipients;
    let aside = format!(
        "Beside the balance: {} refused before acceptance, {} lists expanded, {} addresses redirected.",
        grouped(fates.rejected),
        grouped(fates.expanded),
        grouped(fates.redirected)
    );
    page.say(&aside, Tone::Faint)?;
    if totals.inferred_deliveries > 0 {
        let line = format!(
            "Concluded from the hand-over, because the mailbox server's log was not read: {} delivered.",
            grouped(totals.inferred_deliveries)
        );
        page.say(&line, Tone::Faint)?;
    }
    if totals.residual != 0 {
        let line = format!(
            "The balance does not close: {} recipients are unaccounted for. Please report this.",
            grouped(totals.residual)
        );
        page.say(&line, Tone::Bad)?;
    }
    Ok(())
}
