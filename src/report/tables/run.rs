//! Trouble, coverage and balance.

use super::{Cell, Section, Table, table, text, time};
use crate::report::Report;
use crate::report::balance::lines;
use crate::report::coverage::Coverage;

/// The tables of these sections.
pub fn tables(report: &Report) -> Vec<Table> {
    let mut tables = vec![trouble(report)];
    tables.extend(coverage(report));
    tables.push(balance(report));
    tables
}

fn trouble(report: &Report) -> Table {
    let lines = report.trouble.iter().map(|finding| {
        let severity = format!("{:?}", finding.severity).to_lowercase();
        let cells = vec![
            text(severity),
            text(finding.kind),
            text(&finding.what),
            text(finding.evidence.join("; ")),
        ];
        (cells, finding.examples.clone())
    });
    let columns = ["severity", "kind", "what", "evidence"];
    table(
        Section::Trouble,
        "trouble",
        "Findings, worst first",
        &columns,
    )
    .traced(lines)
}

fn coverage(report: &Report) -> Vec<Table> {
    vec![
        inputs(report),
        servers(report),
        state(report),
        gaps(&report.coverage),
        left_out(report),
        bad_rows(&report.coverage),
        skipped_files(&report.coverage),
        missing_files(&report.coverage),
        events(&report.coverage),
        own_domains(&report.coverage),
    ]
}

/// A table of this section.
fn of_coverage(name: &'static str, title: &'static str, columns: &[&'static str]) -> Table {
    table(Section::Coverage, name, title, columns)
}

fn servers(report: &Report) -> Table {
    let lines = report.coverage.servers.iter().map(|server| {
        vec![
            text(&server.server),
            text(server.services.join(", ")),
            time(&server.first),
            time(&server.last),
            Cell::Count(server.rows as i64),
            server.bytes.map_or(Cell::None, |b| Cell::Bytes(b as i64)),
            Cell::Count(server.hours_with_rows as i64),
            Cell::Count(server.hours_without_rows),
        ]
    });
    let columns = [
        "server",
        "logs",
        "first row",
        "last row",
        "rows",
        "bytes",
        "hours with rows",
        "hours without",
    ];
    of_coverage("servers", "Servers", &columns)
        .find("--server SERVER")
        .note(report.coverage.note(report.inputs.saved_files))
        .lines(lines)
}

fn gaps(coverage: &Coverage) -> Table {
    let lines = coverage.servers.iter().flat_map(|server| {
        server.gaps.iter().map(|gap| {
            let (from, to) = (Cell::Time(gap.from.clone()), Cell::Time(gap.to.clone()));
            vec![text(&server.server), from, to, Cell::Count(gap.hours)]
        })
    });
    let columns = ["server", "from", "to", "hours"];
    of_coverage("gaps", "Hours without rows", &columns).lines(lines)
}

fn left_out(report: &Report) -> Table {
    let messages = [
        ("probe messages", report.excluded.probe),
        ("system messages", report.excluded.system),
    ];
    let messages = messages.into_iter().map(|(what, share)| {
        let counts = [share.messages, share.recipients, share.rows].map(Cell::Count);
        [vec![text(what)], counts.to_vec()].concat()
    });
    let rows = [
        ("rows collected twice", report.inputs.rows_twice),
        ("rows of no message", report.inputs.rows_without_message),
    ];
    let rows = rows.map(|(what, rows)| {
        let rows = Cell::Count(rows as i64);
        vec![text(what), Cell::None, Cell::None, rows]
    });
    let columns = ["what", "messages", "recipients", "rows"];
    of_coverage("left_out", "Left out of all figures", &columns)
        .lines(messages)
        .lines(rows)
}

fn bad_rows(coverage: &Coverage) -> Table {
    let lines = coverage.bad_rows.iter().map(|bad| {
        let first = text(bad.first.join("; "));
        vec![text(&bad.reason), Cell::Count(bad.count as i64), first]
    });
    let columns = ["reason", "rows", "first"];
    of_coverage("bad_rows", "Rows that could not be read", &columns).lines(lines)
}

fn skipped_files(coverage: &Coverage) -> Table {
    let files = coverage.skipped_files.iter();
    let lines = files.map(|file| vec![text(&file.path), text(&file.why)]);
    of_coverage(
        "skipped_files",
        "Files that were not read",
        &["file", "why"],
    )
    .lines(lines)
}

fn missing_files(coverage: &Coverage) -> Table {
    let lines = coverage.missing_files.iter().map(|hole| {
        let names = [&hole.folder, &hole.from, &hole.to].map(text);
        [names.to_vec(), vec![Cell::Count(hole.files as i64)]].concat()
    });
    let (title, columns) = (
        "Missing by the numbers of the others",
        ["folder", "from", "to", "files"],
    );
    of_coverage("missing_files", title, &columns).lines(lines)
}

fn events(coverage: &Coverage) -> Table {
    let lines = coverage.events.iter().map(|event| {
        let known = if event.known { "yes" } else { "no" };
        let rows = Cell::Count(event.count as i64);
        vec![text(&event.source), text(&event.event), rows, text(known)]
    });
    let columns = ["source", "event", "rows", "known"];
    of_coverage("events", "Events", &columns).lines(lines)
}

fn own_domains(coverage: &Coverage) -> Table {
    let known_by = match coverage.domains_guessed {
        true => "guessed",
        false => "given",
    };
    let domains = coverage.own_domains.iter();
    let lines = domains.map(|domain| vec![text(domain), text(known_by)]);
    of_coverage("own_domains", "Own domains", &["domain", "known by"]).lines(lines)
}

/// What was read, in one line.
fn inputs(report: &Report) -> Table {
    let inputs = &report.inputs;
    let columns = [
        "files",
        "bytes",
        "rows",
        "rows not read",
        "rows collected twice",
        "files left aside",
        "took",
        "bytes per second",
    ];
    let rate = inputs.bytes_per_second;
    let line = vec![
        Cell::Count(inputs.files as i64),
        Cell::Bytes(inputs.bytes as i64),
        Cell::Count(inputs.rows as i64),
        Cell::Count(inputs.bad_rows as i64),
        Cell::Count(inputs.rows_twice as i64),
        Cell::Count(inputs.skipped_files as i64),
        rate.map_or(Cell::None, |_| {
            Cell::Millis((1000.0 * inputs.seconds) as i64)
        }),
        rate.map_or(Cell::None, |rate| Cell::Bytes(rate as i64)),
    ];
    table(Section::Coverage, "inputs", "What was read", &columns).lines([line])
}

/// What a run with `--state` did on top of those before it.
fn state(report: &Report) -> Table {
    let columns = [
        "run",
        "files with news",
        "bytes read",
        "rows read",
        "files as they were",
        "open messages",
        "their rows",
        "closed until",
        "rows that came too late",
        "notes",
    ];
    let lines = report.coverage.state.iter().map(|state| {
        let count = |n: u64| Cell::Count(n as i64);
        vec![
            count(state.run),
            count(state.new_files),
            Cell::Bytes(state.new_bytes as i64),
            count(state.new_rows),
            count(state.unchanged_files),
            count(state.open_messages),
            count(state.open_rows),
            time(&state.closed_until),
            count(state.late_rows),
            text(state.notes.join("; ")),
        ]
    });
    table(
        Section::Coverage,
        "state",
        "What this run read, and what it carries on",
        &columns,
    )
    .lines(lines)
}

fn balance(report: &Report) -> Table {
    let totals = &report.totals;
    let fates = &totals.recipients;
    let (messages, recipients) = (&totals.entered, &totals.entered_recipients_by_origin);
    let came_in = [
        ("submitted", messages.submitted, recipients.submitted),
        ("received", messages.received, recipients.received),
        ("generated", messages.generated, recipients.generated),
        (
            "of unknown origin",
            messages.unknown_origin,
            recipients.unknown_origin,
        ),
    ]
    .map(|(what, messages, recipients)| (what, Some(messages), Some(recipients)));
    let aside = [
        (
            "beside: refused before acceptance",
            None,
            Some(fates.rejected),
        ),
        ("beside: lists expanded", None, Some(fates.expanded)),
        ("beside: addresses redirected", None, Some(fates.redirected)),
        (
            "of delivered: concluded from the hand-over",
            None,
            Some(totals.inferred_deliveries),
        ),
    ];
    let held = lines(totals, &report.balance);
    let all = came_in.into_iter().chain(held).chain(aside);
    let count = |count: Option<i64>| count.map_or(Cell::None, Cell::Count);
    table(Section::Balance, "balance", "Entered against what became of it", &["what", "messages", "recipients"])
        .note(
            "Entered = delivered + partly delivered + transferred + failed + dropped + quarantined + pending + \
             unknown; the residual is what is left over. Recipients entered with their message, or by a list or redirect.",
        )
        .find("--status STATUS")
        .lines(all.map(|(what, messages, recipients)| {
            vec![text(what), count(messages), count(recipients)]
        }))
}
