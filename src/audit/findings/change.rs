//! Findings about times and ids: rows that may not be as they were written, and clocks.

use std::collections::BTreeMap;

use super::{Seen, evidence, finding, name, spot};
use crate::audit::ids::Fall;
use crate::audit::words::{form, grouped, hour, plural, span};
use crate::audit::{Facts, Finding, KEPT, Places, Weight};
use crate::event::{Place, ServerId};
use crate::time::SECOND;

/// Clocks that differ by less are an ordinary sight.
const CLOCK_MICROS: i64 = 60 * SECOND;

pub fn altered(seen: &Seen<'_>, facts: &Facts<'_>, all: &mut Vec<Finding>) {
    let altered = &seen.twice.altered;
    if altered.is_empty() {
        return;
    }
    let count = altered.len() as u64;
    let what = format!(
        "{} the log-id of another row and not its content: one of the two was changed after it was written, or its \
         log was saved anew by another program. Other commands count one of the two.",
        plural(count, "row") + form(count, " has", " have")
    );
    let first = altered.iter().take(KEPT);
    let first = first.map(|(a, b)| format!("{} and {}", spot(facts, *b), spot(facts, *a)));
    let first = first.collect();
    all.push(finding(Weight::Change, "rows_differ", count, what, first));
}

pub fn log_ids(seen: &Seen<'_>, facts: &Facts<'_>, all: &mut Vec<Finding>) {
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

pub fn falls(seen: &Seen<'_>, facts: &Facts<'_>, all: &mut Vec<Finding>) {
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

pub fn back(seen: &Seen<'_>, facts: &Facts<'_>, all: &mut Vec<Finding>) {
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

pub fn clocks(seen: &Seen<'_>, facts: &Facts<'_>, all: &mut Vec<Finding>) {
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
