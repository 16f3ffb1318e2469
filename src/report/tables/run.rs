//! Trouble, coverage and balance.

use super::{Cell, Section, Table, table, text, time};
use crate::report::Report;
use crate::report::balance::lines;

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
    let coverage = &report.coverage;
    let servers = coverage.servers.iter().map(|server| {
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
    let gaps = coverage.servers.iter().flat_map(|server| {
        server.gaps.iter().map(|gap| {
            let (from, to) = (Cell::Time(gap.from.clone()), Cell::Time(gap.to.clone()));
            vec![text(&server.server), from, to, Cell::Count(gap.hours)]
        })
    });
    let left_out = [
        ("probe messages", report.excluded.probe),
        ("system messages", report.excluded.system),
    ];
    let left_out = left_out.into_iter().map(|(what, share)| {
        let counts = [share.messages, share.recipients, share.rows].map(Cell::Count);
        [vec![text(what)], counts.to_vec()].concat()
    });
    let twice = Cell::Count(report.inputs.rows_twice as i64);
    let twice = vec![text("rows collected twice"), Cell::None, Cell::None, twice];
    let of_none = Cell::Count(report.inputs.rows_without_message as i64);
    let of_none = vec![text("rows of no message"), Cell::None, Cell::None, of_none];
    let bad = coverage.bad_rows.iter().map(|bad| {
        let first = text(bad.first.join("; "));
        vec![text(&bad.reason), Cell::Count(bad.count as i64), first]
    });
    let skipped = coverage.skipped_files.iter();
    let events = coverage.events.iter().map(|event| {
        let known = text(if event.known { "yes" } else { "no" });
        vec![
            text(&event.source),
            text(&event.event),
            Cell::Count(event.count as i64),
            known,
        ]
    });
    let missing = coverage.missing_files.iter().map(|hole| {
        let names = [&hole.folder, &hole.from, &hole.to].map(text);
        [names.to_vec(), vec![Cell::Count(hole.files as i64)]].concat()
    });
    let section = Section::Coverage;
    let domains = coverage.own_domains.iter();
    let guessed = if coverage.domains_guessed {
        "guessed"
    } else {
        "given"
    };
    vec![
        inputs(report),
        table(section, "servers", "Servers", &columns)
            .find("--server SERVER")
            .note(coverage.note(report.inputs.saved_files))
            .lines(servers),
        state(report),
        table(
            section,
            "gaps",
            "Hours without rows",
            &["server", "from", "to", "hours"],
        )
        .lines(gaps),
        table(
            section,
            "left_out",
            "Left out of all figures",
            &["what", "messages", "recipients", "rows"],
        )
        .lines(left_out)
        .lines([twice, of_none]),
        table(
            section,
            "bad_rows",
            "Rows that could not be read",
            &["reason", "rows", "first"],
        )
        .lines(bad),
        table(
            section,
            "skipped_files",
            "Files that were not read",
            &["file", "why"],
        )
        .lines(skipped.map(|file| vec![text(&file.path), text(&file.why)])),
        table(
            section,
            "missing_files",
            "Missing by the numbers of the others",
            &["folder", "from", "to", "files"],
        )
        .lines(missing),
        table(
            section,
            "events",
            "Events",
            &["source", "event", "rows", "known"],
        )
        .lines(events),
        table(
            section,
            "own_domains",
            "Own domains",
            &["domain", "known by"],
        )
        .lines(domains.map(|domain| vec![text(domain), text(guessed)])),
    ]
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
