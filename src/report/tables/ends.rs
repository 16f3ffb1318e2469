//! Failures, what waits at the end, and what is unknown.

use super::{Cell, MESSAGE, Section, Table, maybe, message, table, text};
use crate::report::Report;
use crate::report::failures::FOR_NOW;
use crate::report::open::Counted;

/// The tables of these sections.
pub fn tables(report: &Report) -> Vec<Table> {
    let mut tables = failures(report);
    tables.extend(pending(report));
    tables
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
    let codes = failures.by_code.iter().map(|code| {
        let counts = [code.messages, code.failed, code.rejected].map(Cell::Count);
        [vec![maybe(&code.code), text(code.meaning)], counts.to_vec()].concat()
    });
    vec![
        table(
            section,
            "failures_by_code",
            "By code",
            &[
                "code",
                "meaning",
                "messages",
                "failed recipients",
                "refused recipients",
            ],
        )
        .note(format!(
            "Failed: after acceptance, so the sender is told. Refused: before it; not in the balance; {} {FOR_NOW}",
            failures.rejected_for_now
        ))
        .lines(codes),
        table(section, "failures", "By code, source and server", &columns)
            .find_among("--status failed,partly-delivered --server SERVER")
            .traced(causes),
        counted(
            section,
            "not_found",
            "Recipients not found",
            "address",
            &failures.not_found,
        )
        .find_among("--recipient ADDRESS --status failed,partly-delivered"),
        counted(
            section,
            "mailboxes_full",
            "Mailboxes full",
            "address",
            &failures.mailboxes_full,
        )
        .find_among("--recipient ADDRESS --status failed,partly-delivered"),
        counted(
            section,
            "domains_expired",
            "Domains whose mail expired",
            "domain",
            &failures.domains_expired,
        )
        .find_among("--recipient @DOMAIN --status failed,partly-delivered"),
        counted(
            section,
            "refused",
            "Refused by rule, agent or policy",
            "source and words",
            &failures.refused,
        )
        .find_among("--status failed,partly-delivered"),
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
    let of_deferrals = name.starts_with("deferrals");
    let columns: &[&str] = match of_deferrals {
        true => &[what, "deferrals", "messages", "recipients"],
        false => &[what, "messages", "recipients"],
    };
    let lines = lines.iter().map(|line| {
        let mut cells = vec![text(&line.what)];
        cells.extend(line.deferrals.map(Cell::Count));
        cells.extend([line.messages, line.recipients].map(Cell::Count));
        cells
    });
    table(section, name, title, columns).lines(lines)
}

fn pending(report: &Report) -> Vec<Table> {
    let pending = &report.pending;
    let section = Section::Pending;
    let ages = pending.by_age.iter();
    let oldest = pending
        .oldest
        .iter()
        .map(|m| (message(m).to_vec(), m.clone()));
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
            &["age", "messages", "recipients"],
        )
        .note("Time since the message entered, at the end of the period.")
        .find_among("--status pending,partly-delivered")
        .lines(ages.map(|age| {
            let counts = [age.messages, age.recipients].map(Cell::Count);
            [vec![text(age.age)], counts.to_vec()].concat()
        })),
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
        table(section, "oldest", "Oldest waiting messages", &MESSAGE).messages(oldest),
        counted(
            section,
            "deferrals_by_reason",
            "Deferrals by reason",
            "reason",
            &pending.deferrals_by_reason,
        )
        .note(format!(
            "Whatever became of the mail: {} deferrals of {} recipients in {} messages. A row that puts three recipients \
             off is three deferrals.",
            deferrals.attempts, deferrals.recipients, deferrals.messages
        )),
        counted(
            section,
            "deferrals_by_next_hop",
            "Deferrals by next hop",
            "next hop",
            &pending.deferrals_by_next_hop,
        ),
        table(
            section,
            "tries",
            "Tries",
            &["times put off", "messages", "recipients"],
        )
        .note("A recipient that was put off so often was tried once more than that.")
        .lines(tries.map(|t| {
            vec![
                Cell::Count(i64::from(t.deferrals)),
                Cell::Count(t.messages),
                Cell::Count(t.recipients),
            ]
        })),
        table(
            section,
            "deferral_trends",
            "Does a queue grow?",
            &[
                "next hop",
                "put off in the first third",
                "in the last third",
            ],
        )
        .note("Deferrals by next hop in the first and in the last third of the period.")
        .lines(pending.trends.iter().map(|trend| {
            let counts = [trend.first_third, trend.last_third].map(Cell::Count);
            [vec![text(&trend.next_hop)], counts.to_vec()].concat()
        })),
        table(
            section,
            "unknown",
            "Unknown: where trails end",
            &["what is missing", "host", "messages", "recipients"],
        )
        .find_among("--status unknown,partly-delivered")
        .traced(trails),
    ]
}
