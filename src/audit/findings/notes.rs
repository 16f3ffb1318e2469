//! Findings that are to be known when the logs are read: rows collected twice, headers, what is not known or was
//! passed over.

use std::collections::BTreeSet;

use super::{Seen, finding, spot};
use crate::audit::words::{form, grouped, plural};
use crate::audit::{Facts, Finding, KEPT, Weight, names};
use crate::dialect;

pub fn twice(seen: &Seen<'_>, facts: &Facts<'_>, all: &mut Vec<Finding>) {
    let file = |file: u32| facts.inputs.files[file as usize].name.to_string();
    if !seen.equal.is_empty() {
        let count = seen.equal.len() as u64;
        let what = format!(
            "{} the same bytes as another: collected twice.",
            plural(count, "file") + form(count, " holds", " hold")
        );
        let pairs = seen.equal.iter().take(KEPT);
        let first = pairs.map(|(a, b)| format!("{} = {}", file(*b), file(*a)));
        let first = first.collect();
        all.push(finding(Weight::Note, "file_twice", count, what, first));
    }
    let twice = seen.twice;
    if twice.rows > 0 {
        let within: u64 = twice
            .files
            .iter()
            .filter(|((a, b), _)| a == b)
            .map(|(_, n)| n)
            .sum();
        let inside = match within {
            0 => String::new(),
            n => format!(", {} of them in the same file", grouped(n)),
        };
        let what = format!(
            "{} an earlier row (equal log-id, or every byte equal where there is none){inside}; other commands count \
             them once.",
            plural(twice.rows, "row") + form(twice.rows, " repeats", " repeat"),
        );
        let pairs = twice.pairs.iter().take(KEPT);
        let first = pairs.map(|(a, b)| format!("{} = {}", spot(facts, *b), spot(facts, *a)));
        let first = first.collect();
        all.push(finding(Weight::Note, "rows_twice", twice.rows, what, first));
    }
}

pub fn headers(seen: &Seen<'_>, facts: &Facts<'_>, all: &mut Vec<Finding>) {
    let headers = seen.headers;
    let changes = [
        ("version_changes", "the version", &headers.versions),
        ("columns_change", "the columns", &headers.columns),
    ];
    for (kind, subject, changes) in changes {
        if changes.count == 0 {
            continue;
        }
        let what = format!(
            "Inside a file, {subject} named by its header {} {}: logs were put together, or the server was brought up \
             to date.",
            form(changes.count, "changes", "change"),
            match changes.count {
                1 => "once".to_string(),
                n => format!("{} times", grouped(n)),
            }
        );
        let first = changes.first.iter().map(|(before, after, place)| {
            let at = facts.inputs.evidence(*place);
            match kind {
                "version_changes" => format!("{at}: {before} to {after}"),
                _ => {
                    let columns = |fields: &[u8]| fields.split(|&b| b == b',').count();
                    format!("{at}: {} to {}", columns(before), columns(after))
                }
            }
        });
        let first = first.collect();
        all.push(finding(Weight::Note, kind, changes.count, what, first));
    }
    let repeated = &headers.repeated;
    if repeated.headers > 0 {
        let what = format!(
            "{} more than one header: {} put together of several logs.",
            plural(repeated.files, "file") + form(repeated.files, " has", " have"),
            form(repeated.files, "it was", "they were")
        );
        let count = repeated.headers;
        all.push(finding(
            Weight::Note,
            "header_repeated",
            count,
            what,
            Vec::new(),
        ));
    }
}

pub fn unknown_events(facts: &Facts<'_>, all: &mut Vec<Finding>) {
    let unknown: Vec<_> = facts
        .events
        .0
        .iter()
        .filter(|(_, (_, known))| !known)
        .collect();
    if unknown.is_empty() {
        return;
    }
    let count = unknown.iter().map(|(_, (count, _))| count).sum();
    let what = format!(
        "{} an event or source that waybill does not know; they are kept and mean nothing to it.",
        plural(count, "row") + form(count, " has", " have")
    );
    let first = unknown.iter().take(KEPT);
    let first = first.map(|((source, event), (count, _))| format!("{source} {event} x {count}"));
    let first = first.collect();
    all.push(finding(Weight::Note, "event_unknown", count, what, first).listing(unknown.len()));
}

pub fn left_out(facts: &Facts<'_>, all: &mut Vec<Finding>) {
    let file = |file: u32| &*facts.inputs.files[file as usize].name;
    // What has a tracking log's name and is none has lost its beginning, or its content.
    let (ours, other): (Vec<_>, Vec<_>) = (facts.plan.passed_over.iter())
        .map(|(number, why)| (file(*number), why.as_str()))
        .chain(
            facts
                .plan
                .empty
                .iter()
                .map(|number| (file(*number), "empty")),
        )
        .partition(|(name, why)| {
            names::Name::read(name).is_some() && *why != "a message tracking log without rows"
        });
    let told = |files: &[(&str, &str)]| -> Vec<String> {
        let first = files.iter().take(KEPT);
        first.map(|(name, why)| format!("{name}: {why}")).collect()
    };
    if !ours.is_empty() {
        let count = ours.len() as u64;
        let what = format!(
            "{} the name of a message tracking log and is none.",
            plural(count, "file") + form(count, " has", " have")
        );
        let first = told(&ours);
        all.push(finding(Weight::Loss, "file_no_log", count, what, first));
    }
    if !other.is_empty() {
        let count = other.len() as u64;
        let what = format!(
            "{} passed over: no message tracking log, or one without rows.",
            plural(count, "file") + form(count, " was", " were")
        );
        let first = told(&other);
        all.push(finding(
            Weight::Note,
            "file_passed_over",
            count,
            what,
            first,
        ));
    }
}

/// Lines of syslog files that programs wrote which handle no mail.
pub fn other_programs(facts: &Facts<'_>, all: &mut Vec<Finding>) {
    let count = facts.events.passed_over();
    if count > 0 {
        let what = format!(
            "{} of other programs in syslog files {} passed over.",
            plural(count, "line"),
            form(count, "was", "were")
        );
        all.push(finding(
            Weight::Note,
            "lines_passed_over",
            count,
            what,
            Vec::new(),
        ));
    }
}

/// Files whose stamps leave out year or zone, or may be read two ways: what each was read by.
pub fn stamps(facts: &Facts<'_>, all: &mut Vec<Finding>) {
    let chunks = facts.plan.chunks.iter();
    let files: BTreeSet<(u32, String)> = chunks
        .filter_map(|chunk| Some((chunk.file, dialect::clock_words(&chunk.layout)?)))
        .collect();
    if files.is_empty() {
        return;
    }
    let what = format!(
        "Stamps without year or zone, or with days that may be months, in {}: what they were read by.",
        plural(files.len() as u64, "file")
    );
    let first = files.iter().take(KEPT);
    let first =
        first.map(|(file, words)| format!("{}: {words}", facts.inputs.files[*file as usize].name));
    all.push(finding(
        Weight::Note,
        "stamps",
        files.len() as u64,
        what,
        first.collect(),
    ));
}

/// Addresses and names that replies prove to be one host.
pub fn hosts(facts: &Facts<'_>, all: &mut Vec<Finding>) {
    let aliases = facts.servers.aliases();
    if aliases.is_empty() {
        return;
    }
    let count = aliases.len() as u64;
    let what = format!(
        "{} of servers, given or learnt from replies that only one record fits (--host says otherwise).",
        match count {
            1 => "1 other name or address".to_string(),
            _ => format!("{} other names or addresses", grouped(count)),
        }
    );
    let first = aliases
        .iter()
        .take(KEPT)
        .map(|(alias, host)| format!("{alias} = {host}"));
    all.push(finding(Weight::Note, "hosts", count, what, first.collect()));
}
