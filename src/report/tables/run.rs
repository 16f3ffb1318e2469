//! Trouble, coverage, balance, failures, what waits, and what is unknown.

use super::{Cell, MESSAGE, Section, Table, maybe, message, table, text, time};
use crate::report::Report;
use crate::report::balance::lines;
use crate::report::open::Counted;

/// The tables of these sections.
pub fn tables(report: &Report) -> Vec<Table> {
    let mut tables = vec![trouble(report)];
    tables.extend(coverage(report));
    tables.push(balance(report));
    tables.extend(failures(report));
    tables.extend(pending(report));
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
            Cell::Bytes(server.bytes as i64),
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
    vec![
        table(section, "servers", "Servers", &columns).lines(servers),
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
        .lines([twice]),
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
    ]
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
    let came_in = [
        ("submitted", Some(totals.entered.submitted), None),
        ("received", Some(totals.entered.received), None),
        ("generated", Some(totals.entered.generated), None),
        (
            "of unknown origin",
            Some(totals.entered.unknown_origin),
            None,
        ),
    ];
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
             unknown; the residual is what is left over.",
        )
        .lines(all.map(|(what, messages, recipients)| {
            vec![text(what), count(messages), count(recipients)]
        }))
}

fn failures(report: &Report) -> Vec<Table> {
    let failures = &report.failures;
    let section = Section::Failures;
    let causes = failures.by_code_and_server.iter().map(|cause| {
        let cells = vec![
            maybe(&cause.code),
            text(cause.meaning),
            maybe(&cause.source),
            maybe(&cause.server),
            text(cause.fate.word()),
            Cell::Count(cause.messages),
            Cell::Count(cause.recipients),
        ];
        (cells, cause.examples.clone())
    });
    let columns = [
        "code",
        "meaning",
        "source",
        "server",
        "fate",
        "messages",
        "recipients",
    ];
    let reports = &failures.reports;
    let held = [
        ("failures whose report was seen", reports.matched),
        ("failures whose report no row shows", reports.missing),
        (
            "reports of which no failure was read",
            reports.without_failure,
        ),
    ];
    let held = held.map(|(what, count)| (vec![text(what), Cell::Count(count)], Vec::new()));
    let unreported = vec![
        text("failed messages of which no row names a report"),
        Cell::Count(failures.reports.failures_without_report),
    ];
    vec![
        table(section, "failures", "By code, source and server", &columns).traced(causes),
        counted(
            section,
            "not_found",
            "Recipients not found",
            "address",
            &failures.not_found,
        ),
        counted(
            section,
            "mailboxes_full",
            "Mailboxes full",
            "address",
            &failures.mailboxes_full,
        ),
        counted(
            section,
            "domains_expired",
            "Domains whose mail expired",
            "domain",
            &failures.domains_expired,
        ),
        counted(
            section,
            "refused",
            "Refused by rule, agent or policy",
            "source and words",
            &failures.refused,
        ),
        table(
            section,
            "reports",
            "Failures and reports",
            &["what", "messages"],
        )
        .traced(held)
        .traced([(unreported, reports.examples.clone())]),
    ]
}

fn counted(
    section: Section,
    name: &'static str,
    title: &'static str,
    what: &'static str,
    lines: &[Counted],
) -> Table {
    let rows = name.starts_with("deferrals");
    let columns = [what, if rows { "deferrals" } else { "recipients" }];
    let lines = lines.iter();
    table(section, name, title, &columns)
        .lines(lines.map(|line| vec![text(&line.what), Cell::Count(line.recipients)]))
}

fn pending(report: &Report) -> Vec<Table> {
    let pending = &report.pending;
    let section = Section::Pending;
    let ages = pending.by_age.iter();
    let oldest = pending
        .oldest
        .iter()
        .map(|m| (message(m).to_vec(), Vec::new()));
    let tries = pending.tries.iter();
    let trails = report.unknown.by_missing.iter().map(|trail| {
        let counts = [trail.messages, trail.recipients].map(Cell::Count);
        let cells = [
            vec![text(&trail.missing), maybe(&trail.host)],
            counts.to_vec(),
        ]
        .concat();
        (cells, trail.examples.clone())
    });
    let deferrals = &pending.deferrals;
    vec![
        table(
            section,
            "pending_by_age",
            "Waiting, by age",
            &["age", "recipients"],
        )
        .note("Time since the message entered, at the end of the period.")
        .lines(ages.map(|age| vec![text(age.age), Cell::Count(age.recipients)])),
        counted(
            section,
            "pending_by_reason",
            "Waiting, by reason",
            "reason",
            &pending.by_reason,
        ),
        counted(
            section,
            "pending_by_next_hop",
            "Waiting, by next hop",
            "next hop",
            &pending.by_next_hop,
        ),
        table(section, "oldest", "Oldest waiting messages", &MESSAGE).traced(oldest),
        counted(
            section,
            "deferrals_by_reason",
            "Deferrals by reason",
            "reason",
            &pending.deferrals_by_reason,
        )
        .note(format!(
            "Whatever became of the mail: {} deferrals of {} recipients in {} messages.",
            deferrals.attempts, deferrals.recipients, deferrals.messages
        )),
        counted(
            section,
            "deferrals_by_next_hop",
            "Deferrals by next hop",
            "next hop",
            &pending.deferrals_by_next_hop,
        ),
        table(section, "tries", "Tries", &["times put off", "recipients"]).lines(tries.map(|t| {
            vec![
                Cell::Count(i64::from(t.deferrals)),
                Cell::Count(t.recipients),
            ]
        })),
        table(
            section,
            "unknown",
            "Unknown: where trails end",
            &["what is missing", "host", "messages", "recipients"],
        )
        .traced(trails),
    ]
}
