//! Findings that speak of rows or files that may be missing.

use std::collections::{BTreeMap, BTreeSet};

use super::{Seen, evidence, finding, name, spot};
use crate::audit::files::{self, Edge};
use crate::audit::words::{form, grouped, hour, plural};
use crate::audit::{Facts, Finding, KEPT, Spot, Weight, names};
use crate::dialect::Teller;
use crate::fault::Reason;

pub fn unreadable(facts: &Facts<'_>, all: &mut Vec<Finding>) {
    let files = &facts.inputs.unreadable;
    if files.is_empty() {
        return;
    }
    let count = files.len() as u64;
    let what = format!(
        "{} could not be read; nothing is known of what stands in {}.",
        plural(count, "file"),
        form(count, "it", "them")
    );
    let first = files.iter().take(KEPT);
    let first = first.map(|(name, why)| format!("{name}: {why}")).collect();
    all.push(finding(Weight::Loss, "file_unreadable", count, what, first));
}

pub fn in_part(facts: &Facts<'_>, all: &mut Vec<Finding>) {
    let files = &facts.inputs.in_part;
    if files.is_empty() {
        return;
    }
    let count = files.len() as u64;
    let what = format!(
        "{} could be unpacked only in part; what stands behind is not known.",
        plural(count, "file")
    );
    let first = files.iter().take(KEPT);
    let first = first.map(|(name, why)| format!("{name}: {why}")).collect();
    all.push(finding(Weight::Loss, "file_in_part", count, what, first));
}

pub fn missing_numbers(facts: &Facts<'_>, all: &mut Vec<Finding>) {
    let inputs = facts.inputs;
    let unreadable = inputs.unreadable.iter().map(|(name, _)| name.as_str());
    let read = inputs.files.iter().map(|file| &*file.name);
    let holes = names::holes(&names::read_all(read.chain(unreadable)));
    if holes.is_empty() {
        return;
    }
    let count = holes.iter().map(|hole| hole.files).sum();
    let what = format!(
        "{} missing from the numbers that Exchange gives files of one day or hour: not collected, removed by \
         age or size, or lost.",
        plural(count, "file") + form(count, " is", " are")
    );
    let first = holes.iter().take(KEPT).map(|hole| {
        let to = if hole.files > 1 {
            format!(" to {}", hole.to)
        } else {
            String::new()
        };
        format!("{}{}{to}", hole.folder, hole.from)
    });
    let first = first.collect();
    all.push(finding(Weight::Loss, "file_number_missing", count, what, first).listing(holes.len()));
}

pub fn unread_servers(seen: &Seen<'_>, facts: &Facts<'_>, all: &mut Vec<Finding>) {
    for (host, (count, first)) in &seen.met.unread {
        let what = format!(
            "No rows of {host} are here, though {} handed to it inside the organisation.",
            plural(*count, "message") + form(*count, " was", " were")
        );
        let first = vec![spot(facts, *first)];
        all.push(finding(Weight::Loss, "server_missing", *count, what, first));
    }
}

pub fn silences(seen: &Seen<'_>, facts: &Facts<'_>, all: &mut Vec<Finding>) {
    for server in seen.coverage {
        for service in &server.services {
            let missed = &service.silences;
            if missed.is_empty() {
                continue;
            }
            let count = missed.iter().map(|m| m.hours_missed).sum();
            let rows: u64 = missed.iter().map(|m| m.rows_usual).sum();
            let what = format!(
                "{} has no {} rows, or next to none, in {} in which about {} are usual ({}): the server was down, \
                 its files were not collected, or they were lost.",
                server.server,
                service.service,
                plural(count, "hour"),
                grouped(rows),
                missed[0].measured_by
            );
            let zone = &facts.zone;
            let when = missed.iter().take(KEPT).map(|m| {
                let hours = &m.silence.hours;
                format!("{} to {}", hour(hours.start, zone), hour(hours.end, zone))
            });
            let first = when.collect();
            all.push(
                finding(Weight::Loss, "hours_without_rows", count, what, first)
                    .listing(missed.len()),
            );
        }
    }
}

/// Hours that even one row elsewhere proves to be missing.
pub fn holes(seen: &Seen<'_>, facts: &Facts<'_>, all: &mut Vec<Finding>) {
    for hole in &seen.holes {
        let server = name(facts, hole.server);
        let service = hole.service.word();
        let count = hole.hours.len() as u64;
        let (hours, rows) = (plural(count, "hour"), plural(hole.rows, "row"));
        let speak = form(hole.rows, "speaks", "speak");
        let (weight, kind, what) = match hole.inside {
            true => (
                Weight::Loss,
                "hours_told_elsewhere",
                format!(
                    "{server} has no {service} rows in {hours} of which {rows} elsewhere {speak}: its files were not \
                     collected, or they were lost."
                ),
            ),
            false => (
                Weight::Note,
                "log_ends_earlier",
                format!(
                    "The {service} log of {server} begins later or ends earlier than others: {rows} elsewhere \
                     {speak} of {hours} before or after it."
                ),
            ),
        };
        let first = hole.hours.iter().zip(&hole.first).take(KEPT);
        let first = first
            .map(|(at, row)| format!("{}: {}", hour(*at, &facts.zone), spot(facts, *row)))
            .collect();
        all.push(finding(weight, kind, count, what, first));
    }
}

/// What is told of and has no row of arriving: by the server told of, and by who tells.
pub fn missing_receives(seen: &Seen<'_>, facts: &Facts<'_>, all: &mut Vec<Finding>) {
    let mut by_receiver: BTreeMap<_, (BTreeSet<String>, Vec<Spot>)> = BTreeMap::new();
    for ((to, teller, from), missing) in &seen.met.missing {
        let kind = match teller {
            Teller::Server | Teller::Stranger | Teller::Older => "receive_missing",
            Teller::Mailbox => "submission_missing",
            Teller::Delivery | Teller::Itself => "arrival_missing",
            Teller::Transport => "delivery_missing",
        };
        let (tellers, all) = by_receiver.entry((name(facts, *to), kind)).or_default();
        tellers.insert(name(facts, *from));
        all.extend(missing.iter().map(|of| of.spot));
    }
    for ((receiver, kind), (tellers, mut spots)) in by_receiver {
        spots.sort();
        let count = spots.len() as u64;
        let tellers = Vec::from_iter(tellers).join(", ");
        let sampled = match seen.met.one_in {
            1 => String::new(),
            n => format!(" (one hand-over in {n} was looked at)"),
        };
        let which = match kind {
            "receive_missing" => format!("{receiver} says it took from {tellers}"),
            "submission_missing" => format!("mailboxes of {tellers} handed to {receiver}"),
            "delivery_missing" => format!("{tellers} gave to mailbox delivery on {receiver}"),
            _ => format!("{receiver} sent on, or mailbox delivery of {tellers} took from it,"),
        };
        let what = format!(
            "{} that {which} {} no row of arriving there, though its logs before and after are here{sampled}.",
            plural(count, "message"),
            form(count, "has", "have"),
        );
        let first = spots.iter().take(KEPT).map(|s| spot(facts, *s)).collect();
        all.push(finding(Weight::Loss, kind, count, what, first));
    }
}

/// Exports with as many rows as one can have.
pub fn cut_exports(facts: &Facts<'_>, all: &mut Vec<Finding>) {
    let files = &facts.plan.at_limit;
    if files.is_empty() {
        return;
    }
    let count = files.len() as u64;
    let what = format!(
        "{} of Exchange Online {} as many rows as one can have: what is beyond was left out by who made {}.",
        plural(count, "export"),
        form(count, "has", "have"),
        form(count, "it", "them"),
    );
    let names = files.iter().take(KEPT);
    let first = names.map(|file| facts.inputs.files[*file as usize].name.to_string());
    all.push(finding(
        Weight::Loss,
        "export_at_limit",
        count,
        what,
        first.collect(),
    ));
}

pub fn edges(seen: &Seen<'_>, facts: &Facts<'_>, all: &mut Vec<Finding>) {
    for (edge, files) in &seen.edges {
        let count = files.len() as u64;
        let (weight, kind, words) = match edge {
            Edge::BeginsMidRow => (
                Weight::Loss,
                "file_begins_mid_row",
                "with something that is neither header nor row: what stood before may be cut off",
            ),
            Edge::BeginsWithoutHeader => (
                Weight::Loss,
                "file_without_header",
                "with a row and no header: an excerpt, or what stood before may be cut off",
            ),
            Edge::EndsMidRow => (
                Weight::Loss,
                "file_ends_mid_row",
                "inside a row, though a later file of the series is here: what followed may be cut off",
            ),
            Edge::EndsMidRowAsNewest => (
                Weight::Note,
                "file_ends_mid_row",
                "inside a row; normal for a log that is being written",
            ),
            Edge::EndsWithoutLineBreak => (
                Weight::Loss,
                "file_without_last_line_break",
                "with a row that has all columns but no line break, though a later file of the series is here: \
                 what followed may be cut off",
            ),
            Edge::EndsWithoutLineBreakAsNewest => (
                Weight::Note,
                "file_without_last_line_break",
                "with a row that has all columns but no line break; copies often lose it",
            ),
        };
        let at_start = matches!(edge, Edge::BeginsMidRow | Edge::BeginsWithoutHeader);
        let verb = match at_start {
            true => form(count, "begins", "begin"),
            false => form(count, "ends", "end"),
        };
        let what = format!("{} {verb} {words}.", plural(count, "file"));
        let first = files.iter().take(KEPT).map(|file| {
            let line = match at_start {
                true => 1,
                false => files::last_line(facts.inputs, *file),
            };
            format!("{}:{line}", facts.inputs.files[*file as usize].name)
        });
        let first = first.collect();
        all.push(finding(weight, kind, count, what, first));
    }
}

pub fn bad_rows(facts: &Facts<'_>, all: &mut Vec<Finding>) {
    for (reason, count, places) in facts.faults.iter() {
        // Told with the file that ends there.
        if reason == Reason::TornEnd {
            continue;
        }
        let read = match reason.is_recovered() {
            true => "read all the same",
            false => "cannot be read",
        };
        let what = format!("{} {read}: {}.", plural(count, "row"), reason.words());
        let first = evidence(facts, places);
        all.push(finding(Weight::Loss, "row_bad", count, what, first));
    }
}
