//! How far the trail leads of a recipient without a last word: pending, or unknown and which log is missing.
//!
//! In: events and roster. Out: a trail for each recipient that is still open. A recipient sits in the copies that
//! took it in and that no later row gave on; clocks differ, so it is copies that are followed, not times.

use bstr::BStr;
use hashbrown::{HashMap, HashSet};

use super::entry::why;
use super::roster::{Roster, Verdict};
use super::{Fate, Reason};
use crate::event::{Event, Next, Role};
use crate::keys::Service;
use crate::servers::Servers;

/// What the rows say about one recipient's way: indices of events.
#[derive(Clone, Debug, Default)]
struct Way {
    opened: Vec<usize>,
    closed: Vec<u64>,
    deferred: Vec<usize>,
    sent: Vec<usize>,
    submitted: Vec<usize>,
    attempts: Vec<usize>,
}

/// Gives every recipient without a last word its trail.
pub fn follow<'d>(events: &[Event<'d>], roster: &mut Roster<'d>, servers: &Servers, horizon: i64) {
    if !(0..roster.people.len()).any(|i| roster.is_open(i)) {
        return;
    }
    let open: Vec<bool> = (0..roster.people.len())
        .map(|i| roster.is_open(i))
        .collect();
    let mut ways = vec![Way::default(); open.len()];
    let other_names = other_names(events, roster);
    for (i, event) in events.iter().enumerate() {
        for address in event.recipients {
            let person = roster.find(address);
            let person = person.map(|person| *other_names.get(&person).unwrap_or(&person));
            let Some(person) = person.filter(|&person| open[person]) else {
                continue;
            };
            note(&mut ways[person], i, event);
        }
    }
    let arrived: HashSet<u64> = events
        .iter()
        .filter(|e| e.role == Role::Receive && e.copy != 0)
        .map(|e| e.copy)
        .collect();
    ways.iter_mut().for_each(|way| way.closed.sort_unstable());
    for (person, way) in ways.iter().enumerate().filter(|(person, _)| open[*person]) {
        roster.end(person, end(way, events, &arrived, servers, horizon));
    }
}

/// Names that were concluded to be another's, each with that: no row renames it, so rows of either are rows of both.
fn other_names(events: &[Event<'_>], roster: &Roster<'_>) -> HashMap<usize, usize> {
    let concluded = |e: &&Event<'_>| e.role == Role::Resolve && e.copy == 0;
    let pairs = events.iter().filter(concluded).flat_map(Event::replaced);
    pairs
        .filter_map(|(old, new)| roster.find(old).zip(roster.find(new)))
        .collect()
}

fn note(way: &mut Way, i: usize, event: &Event<'_>) {
    if event.parent != 0 {
        way.closed.push(event.parent);
    }
    match event.role {
        Role::Submit => way.submitted.push(i),
        // Concluded from all rows together: it tells of no queue.
        Role::Expand | Role::Resolve | Role::Redirect if event.copy == 0 => {}
        Role::Receive
        | Role::Report
        | Role::Resubmit
        | Role::Expand
        | Role::Resolve
        | Role::Redirect => {
            way.opened.push(i);
        }
        Role::Fork => way.opened.push(i),
        Role::Send => {
            way.sent.push(i);
            way.closed.push(event.copy);
        }
        Role::Defer => way.deferred.push(i),
        Role::Attempt => way.attempts.push(i),
        _ => {}
    }
}

/// Where one recipient's way ends.
fn end<'d>(
    way: &Way,
    events: &[Event<'d>],
    arrived: &HashSet<u64>,
    servers: &Servers,
    horizon: i64,
) -> Verdict<'d> {
    let still_open = |i: &&usize| way.closed.binary_search(&events[**i].copy).is_err();
    // A mailbox's submission that was put off is over as soon as a transport server has the message.
    let of_queue = |i: &&usize| events[**i].service != Service::Submission && events[**i].copy != 0;
    let in_queue = |i: &&usize| of_queue(i) && still_open(i);
    if let Some(event) = way.deferred.iter().rfind(in_queue).map(|&i| &events[i]) {
        return deferred(event);
    }
    if let Some(event) = way.opened.iter().rfind(still_open).map(|&i| &events[i]) {
        return waiting(event, servers, horizon);
    }
    let lost = |e: &&Event<'d>| match e.next {
        Next::Server { copy, .. } => !arrived.contains(&copy),
        _ => false,
    };
    if let Some(event) = way.sent.iter().rev().map(|&i| &events[i]).find(lost)
        && let Next::Server { host, .. } = event.next
    {
        return unknown(
            event,
            not_on(host, Service::Transport, event, servers, horizon),
        );
    }
    let to_mailbox = |e: &&Event<'d>| matches!(e.next, Next::Mailbox { .. });
    if let Some(event) = way.sent.iter().map(|&i| &events[i]).find(to_mailbox)
        && let Next::Mailbox { host } = event.next
    {
        return handed_to_mailbox(event, host, servers, horizon);
    }
    if let Some(event) = way.sent.last().map(|&i| &events[i])
        && let Next::Server { host, .. } = event.next
    {
        return unknown(event, Reason::NoRowOn(host));
    }
    if let Some(event) = way.attempts.last().map(|&i| &events[i]) {
        return attempted(event, servers, horizon);
    }
    let put_off = way.deferred.iter().rfind(|i| !of_queue(i));
    if let Some(&i) = put_off.filter(|i| way.submitted.last().is_none_or(|last| last < i)) {
        return deferred(&events[i]);
    }
    match way.submitted.last().map(|&i| &events[i]) {
        Some(event) => submitted(event, events, servers, horizon),
        None => unknown(&events[events.len() - 1], Reason::None),
    }
}

fn verdict<'d>(fate: Fate, event: &Event<'d>, reason: Reason<'d>) -> Verdict<'d> {
    Verdict {
        fate,
        duplicate: false,
        at: event.time,
        server: Some(event.server),
        reason,
        next_try: None,
        place: event.place,
    }
}

fn unknown<'d>(event: &Event<'d>, reason: Reason<'d>) -> Verdict<'d> {
    let server = if let Reason::LogEndsOn(server) = reason {
        Some(server)
    } else {
        None
    };
    Verdict {
        server,
        ..verdict(Fate::Unknown, event, reason)
    }
}

fn deferred<'d>(event: &Event<'d>) -> Verdict<'d> {
    let reason = match why(event) {
        none if none.is_empty() => Reason::PutOffOn(event.server),
        words => Reason::Logged(words),
    };
    Verdict {
        next_try: event.next_try,
        ..verdict(Fate::Pending, event, reason)
    }
}

/// Why nothing more is known of what went to a service of `host` by this event.
fn not_on<'d>(
    host: &'d BStr,
    service: Service,
    event: &Event<'d>,
    servers: &Servers,
    horizon: i64,
) -> Reason<'d> {
    let time = event.time;
    match servers.find(host) {
        Some(id) if servers.covers(id, service, time) => {
            match (servers.coverage(id)).goes_on_after(&[service], time, horizon) {
                true => Reason::NoRowOn(host),
                false => Reason::LogEndsOn(id),
            }
        }
        _ => Reason::NoLogOf(host),
    }
}

/// In a copy that no row closed: still in the queue if the server's log goes on, else its log ends too early.
fn waiting<'d>(event: &Event<'d>, servers: &Servers, horizon: i64) -> Verdict<'d> {
    if servers
        .coverage(event.server)
        .goes_on_after(&Service::ALL, event.time, horizon)
    {
        verdict(Fate::Pending, event, Reason::InQueueOf(event.server))
    } else {
        unknown(event, Reason::LogEndsOn(event.server))
    }
}

/// Given to mailbox delivery without a DELIVER: delivered if that server's log was not read for that time, because mailbox
/// delivery keeps no queue and its 250 is the store's.
fn handed_to_mailbox<'d>(
    event: &Event<'d>,
    host: &'d BStr,
    servers: &Servers,
    horizon: i64,
) -> Verdict<'d> {
    match not_on(host, Service::Delivery, event, servers, horizon) {
        Reason::NoLogOf(host) => Verdict {
            server: servers.find(host),
            ..verdict(Fate::Delivered, event, Reason::HandedToMailbox(host))
        },
        reason => unknown(event, reason),
    }
}

/// Mailbox delivery failed for now; the queue that will try again is on the client's host.
fn attempted<'d>(event: &Event<'d>, servers: &Servers, horizon: i64) -> Verdict<'d> {
    let host = event.client_host().text();
    let reason = match () {
        // It closed its own copy.
        () if event.parent == event.copy && event.copy != 0 => Reason::GoneFrom(event.server),
        () if host.is_empty() => Reason::None,
        () => not_on(host, Service::Transport, event, servers, horizon),
    };
    unknown(event, reason)
}

/// Submitted by a mailbox, and no transport server took it.
fn submitted<'d>(
    event: &Event<'d>,
    events: &[Event<'d>],
    servers: &Servers,
    horizon: i64,
) -> Verdict<'d> {
    // The SUBMIT row names the hub that took it over; the store driver's RECEIVE only says that it was noticed.
    let handed = events
        .iter()
        .find(|e| e.role == Role::Submit && e.name == "SUBMIT");
    match handed {
        Some(handed) if !handed.server_host().text().is_empty() => {
            let host = handed.server_host().text();
            let reason = not_on(host, Service::Transport, handed, servers, horizon);
            unknown(event, reason)
        }
        _ => waiting(event, servers, horizon),
    }
}
