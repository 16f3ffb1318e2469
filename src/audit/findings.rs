//! Findings ranked and put into words.
//!
//! In: the answers of all questions. Out: [`Finding`]s, the gravest first. Words are careful: they say what is seen,
//! name the harmless reasons, and accuse nobody.

use std::collections::{BTreeMap, BTreeSet};

use super::chunk::{Back, LogIds};
use super::coverage::Server;
use super::files::{self, Edge, Headers};
use super::handover::HandOvers;
use super::ids::Fall;
use super::twice::Twice;
use super::words::{form, grouped, hour, plural, span};
use super::{Facts, Finding, KEPT, Places, Spot, Weight, names};
use crate::event::{Place, ServerId};
use crate::fault::Reason;
use crate::time::SECOND;

/// Clocks that differ by less are an ordinary sight.
const CLOCK_MICROS: i64 = 60 * SECOND;

/// The answers.
pub struct Seen<'s> {
    pub twice: &'s Twice,
    pub equal: Vec<(u32, u32)>,
    pub back: &'s Back,
    pub log_ids: &'s LogIds,
    pub falls: Vec<Fall>,
    pub met: &'s HandOvers,
    pub headers: &'s Headers,
    pub edges: BTreeMap<Edge, Vec<u32>>,
    pub coverage: &'s [Server],
}

/// All findings. Within a weight they stand in the order in which they are looked for here: first what
/// weighs most.
pub fn findings(seen: &Seen<'_>, facts: &Facts<'_>) -> Vec<Finding> {
    let mut all = Vec::new();
    unreadable(facts, &mut all);
    missing_numbers(facts, &mut all);
    unread_servers(seen, facts, &mut all);
    silences(seen, facts, &mut all);
    missing_receives(seen, facts, &mut all);
    edges(seen, facts, &mut all);
    bad_rows(facts, &mut all);
    log_ids(seen, facts, &mut all);
    falls(seen, facts, &mut all);
    back(seen, facts, &mut all);
    clocks(seen, facts, &mut all);
    twice(seen, facts, &mut all);
    headers(seen, facts, &mut all);
    unknown_events(facts, &mut all);
    left_out(facts, &mut all);
    all.sort_by_key(|finding| finding.weight);
    all
}

fn finding(
    weight: Weight,
    kind: &'static str,
    count: u64,
    what: String,
    first: Vec<String>,
) -> Finding {
    Finding {
        weight,
        kind,
        count,
        what,
        more: !first.is_empty() && count > first.len() as u64,
        first,
    }
}

impl Finding {
    /// The list is of `all` things, which are not what the sentence counts.
    fn listing(self, all: usize) -> Finding {
        let more = all > self.first.len();
        Finding { more, ..self }
    }
}

fn evidence(facts: &Facts<'_>, places: &[Place]) -> Vec<String> {
    let first = places.iter().take(KEPT);
    first.map(|place| facts.inputs.evidence(*place)).collect()
}

fn spot(facts: &Facts<'_>, spot: Spot) -> String {
    facts.inputs.evidence(spot.place(facts.plan))
}

fn name(facts: &Facts<'_>, server: ServerId) -> String {
    facts.servers.name(server).to_string()
}

fn unreadable(facts: &Facts<'_>, all: &mut Vec<Finding>) {
    let files = &facts.inputs.unreadable;
    if files.is_empty() {
        return;
    }
    let count = files.len() as u64;
    let what = format!(
        "{} could not be read; nothing is known of what {} in {}.",
        plural(count, "file"),
        form(count, "stands", "stands"),
        form(count, "it", "them")
    );
    let first = files.iter().take(KEPT);
    let first = first.map(|(name, why)| format!("{name}: {why}")).collect();
    all.push(finding(Weight::Loss, "file_unreadable", count, what, first));
}

fn missing_numbers(facts: &Facts<'_>, all: &mut Vec<Finding>) {
    let inputs = facts.inputs;
    let unreadable = inputs.unreadable.iter().map(|(name, _)| name.as_str());
    let read = inputs.files.iter().map(|file| file.name.as_str());
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

fn unread_servers(seen: &Seen<'_>, facts: &Facts<'_>, all: &mut Vec<Finding>) {
    for (host, (count, first)) in &seen.met.unread {
        let what = format!(
            "No rows of {host} are here, though {} handed to it inside the organisation.",
            plural(*count, "message") + form(*count, " was", " were")
        );
        let first = vec![spot(facts, *first)];
        all.push(finding(Weight::Loss, "server_missing", *count, what, first));
    }
}

fn silences(seen: &Seen<'_>, facts: &Facts<'_>, all: &mut Vec<Finding>) {
    for server in seen.coverage {
        for service in &server.services {
            let missed = &service.silences;
            if missed.is_empty() {
                continue;
            }
            let count = missed.iter().map(|m| m.hours_missed).sum();
            let rows: u64 = missed.iter().map(|m| m.rows_usual).sum();
            let what = format!(
                "{} has no {} rows in {} in which about {} are usual ({}): the server was down, its files were \
                 not collected, or they were lost.",
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

fn missing_receives(seen: &Seen<'_>, facts: &Facts<'_>, all: &mut Vec<Finding>) {
    let mut by_receiver: BTreeMap<String, (BTreeSet<String>, Vec<Spot>)> = BTreeMap::new();
    for ((from, to), spots) in &seen.met.missing {
        let (senders, all) = by_receiver.entry(name(facts, *to)).or_default();
        senders.insert(name(facts, *from));
        all.extend(spots);
    }
    for (receiver, (senders, mut spots)) in by_receiver {
        spots.sort();
        let count = spots.len() as u64;
        let senders: Vec<String> = senders.into_iter().collect();
        let sampled = match seen.met.one_in {
            1 => String::new(),
            n => format!(" (one hand-over in {n} was looked at)"),
        };
        let what = format!(
            "{} that {receiver} says it took from {} {} no row of arriving there, though its logs for that time \
             are here{sampled}.",
            plural(count, "message"),
            senders.join(", "),
            form(count, "has", "have"),
        );
        let first = spots.iter().take(KEPT).map(|s| spot(facts, *s)).collect();
        all.push(finding(Weight::Loss, "receive_missing", count, what, first));
    }
}

fn edges(seen: &Seen<'_>, facts: &Facts<'_>, all: &mut Vec<Finding>) {
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

fn bad_rows(facts: &Facts<'_>, all: &mut Vec<Finding>) {
    for (reason, count, places) in facts.faults.iter() {
        // Told with the file that ends there.
        if reason == Reason::TornEnd {
            continue;
        }
        let what = format!(
            "{} cannot be read: {}.",
            plural(count, "row"),
            reason.words()
        );
        let first = evidence(facts, places);
        all.push(finding(Weight::Loss, "row_bad", count, what, first));
    }
}

fn log_ids(seen: &Seen<'_>, facts: &Facts<'_>, all: &mut Vec<Finding>) {
    let ids = seen.log_ids;
    if ids.differ > 0 {
        let what = format!(
            "{} of {} with a log-id {} another time than the log-id carries inside, by up to {}: rows or their \
             times may have been changed after they were written.",
            grouped(ids.differ),
            plural(ids.rows, "row"),
            form(ids.differ, "has", "have"),
            span(ids.farthest)
        );
        let first = evidence(facts, &ids.places.0);
        all.push(finding(
            Weight::Change,
            "log_id_time_differs",
            ids.differ,
            what,
            first,
        ));
    }
    if ids.without_time > 0 {
        let what = format!(
            "{} of {} {} a log-id that carries no time, as Exchange's do: made unrecognisable, perhaps.",
            grouped(ids.without_time),
            plural(ids.rows, "row"),
            form(ids.without_time, "has", "have")
        );
        all.push(finding(
            Weight::Note,
            "log_id_without_time",
            ids.without_time,
            what,
            Vec::new(),
        ));
    }
}

fn falls(seen: &Seen<'_>, facts: &Facts<'_>, all: &mut Vec<Finding>) {
    let mut by_server: BTreeMap<ServerId, Vec<&Fall>> = BTreeMap::new();
    for fall in &seen.falls {
        by_server.entry(fall.server).or_default().push(fall);
    }
    for (server, falls) in by_server {
        let count = falls.len() as u64;
        let first = falls[0];
        let what = format!(
            "The internal ids of {} run backwards {}, first in the hour from {} (generation {} after {}): its queue \
             database was made anew, or these rows are not of that time.",
            name(facts, server),
            match count {
                1 => "once".to_string(),
                n => format!("{} times", grouped(n)),
            },
            hour(first.hour, &facts.zone),
            first.to,
            first.from,
        );
        let places: Vec<Place> = falls.iter().flat_map(|f| [f.before, f.after]).collect();
        let first = evidence(facts, &places);
        all.push(
            finding(Weight::Change, "ids_run_backwards", count, what, first).listing(places.len()),
        );
    }
}

fn back(seen: &Seen<'_>, facts: &Facts<'_>, all: &mut Vec<Finding>) {
    let back = seen.back;
    if back.rows == 0 {
        return;
    }
    let what = format!(
        "{} more than 5 minutes behind a row above {} in the same file, by up to {}: the clock was set back, or \
         rows were moved.",
        plural(back.rows, "row") + form(back.rows, " is", " are"),
        form(back.rows, "it", "them"),
        span(back.farthest)
    );
    let Places(places) = &back.places;
    let first = evidence(facts, places);
    all.push(finding(
        Weight::Change,
        "rows_out_of_order",
        back.rows,
        what,
        first,
    ));
}

fn clocks(seen: &Seen<'_>, facts: &Facts<'_>, all: &mut Vec<Finding>) {
    let met = seen.met;
    // Each pair once: both ways where mail went both ways.
    let mut apart: Vec<(ServerId, ServerId, i64, String)> = Vec::new();
    for (&(from, to), lag) in &met.lags {
        let both = met.offset(from, to);
        if both.is_some() && met.lags.contains_key(&(to, from)) && from > to {
            continue;
        }
        let offset = both.unwrap_or(lag.median);
        if offset.abs() < CLOCK_MICROS {
            continue;
        }
        let (a, b) = (name(facts, from), name(facts, to));
        let order = if offset > 0 { "before" } else { "behind" };
        let words = match both {
            Some(_) => format!("{b} is {} {order} {a}", span(offset)),
            None => format!(
                "{b} received {} {} {a} sent it",
                span(offset),
                if offset > 0 { "after" } else { "before" }
            ),
        };
        let rows = [lag.rows.0, lag.rows.1].map(|row| spot(facts, row));
        let words = format!("{words}: SEND {}, RECEIVE {}", rows[0], rows[1]);
        apart.push((from, to, offset, words));
    }
    if apart.is_empty() {
        return;
    }
    let most = apart.iter().map(|(_, _, offset, _)| offset.abs()).max();
    let most = span(most.unwrap_or(0));
    let whose = match in_all(&apart) {
        Some(server) => format!(
            "The clock of {} differs from the others'",
            name(facts, server)
        ),
        None => "Clocks of servers differ".to_string(),
    };
    let what = format!(
        "{whose} by up to {most}: times of different servers cannot be compared as they stand."
    );
    let count = apart.len() as u64;
    let first = apart.into_iter().take(KEPT).map(|(.., words)| words);
    let first = first.collect();
    all.push(finding(Weight::Note, "clock_differs", count, what, first));
}

/// The one server that is in all pairs, if there are several.
fn in_all(pairs: &[(ServerId, ServerId, i64, String)]) -> Option<ServerId> {
    let (a, b, ..) = pairs.first().filter(|_| pairs.len() > 1)?;
    [*a, *b].into_iter().find(|server| {
        let mut pairs = pairs.iter();
        pairs.all(|(from, to, ..)| from == server || to == server)
    })
}

fn twice(seen: &Seen<'_>, facts: &Facts<'_>, all: &mut Vec<Finding>) {
    let file = |file: u32| facts.inputs.files[file as usize].name.clone();
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

fn headers(seen: &Seen<'_>, facts: &Facts<'_>, all: &mut Vec<Finding>) {
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

fn unknown_events(facts: &Facts<'_>, all: &mut Vec<Finding>) {
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

fn left_out(facts: &Facts<'_>, all: &mut Vec<Finding>) {
    let file = |file: u32| facts.inputs.files[file as usize].name.as_str();
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
