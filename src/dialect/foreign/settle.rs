//! What the lines of several records say together about one message.
//!
//! In: the events of a message, from whatever hosts and families its records are. Out: the same events: hand-overs lead to
//! the records that the replies name, aliases become expansions, lines about a whole record get its recipients.
//! `formats/foreign.md` sections 2.4 and 5 have the rules and their evidence.

use std::collections::BTreeSet;

use bstr::BStr;
use bumpalo::Bump;
use hashbrown::HashMap;

use super::entry::{is_bare_of, is_by_pipe};
use super::recipients::{expansions, is_outcome, lost_ends, open, stops_here, whole_record};
use super::reply::{self, Named};
use super::stay::{Around, Concluded, Stay, is_foreign};
use crate::address::x400::is_mts_id;
use crate::address::{List, bare_id};
use crate::dialect::exim;
use crate::event::{Event, Link, Next, Role, ServerId, Text};
use crate::keys::{Keys, Service};
use crate::servers::Servers;

/// Settles the events of one message; `is_done`: whether the record of a copy is gone from its queue.
pub fn settle<'d>(
    events: &mut Vec<Event<'d>>,
    around: Around<'d>,
    is_done: impl Fn(u64) -> bool,
) -> Concluded<'d> {
    take_over_swallowed(events);
    let rulings = take_rulings(events);
    let mut stays = stays(events);
    // Most messages have one record, and nothing it could lead to.
    if stays.len() > 1 || !events.iter().all(is_foreign) {
        for i in 0..events.len() {
            hand_over(i, events, &mut stays, around);
        }
        give_back(events, &mut stays, around);
    }
    by_message_id(events, &mut stays, around);
    name_senders(events, &stays, around.arena);
    name_forwarded(events);
    let before = events.len();
    let (mut more, mut concluded) = (Vec::new(), Concluded::default());
    for stay in &stays {
        whole_record(stay, events, around);
        more.extend(lost_ends(stay.copy, events, || is_done(stay.copy)));
        more.extend(expansions(stay, events, &mut concluded, &is_done, around));
        open(stay, events, (&mut more, &rulings), around);
    }
    events.extend(more);
    if events.len() > before {
        // Those made here stand where the lines stand that prove them, an expansion before its delivery.
        events.sort_by_key(|e| (e.time, e.place, e.role != Role::Expand));
    }
    concluded
}

/// What a filter swallowed was taken over by the line that says so.
fn take_over_swallowed(events: &mut Vec<Event<'_>>) {
    if let Some(at) = events.iter().position(|e| e.name == "swallowed") {
        let taken = Event {
            role: Role::Receive,
            name: BStr::new("received"),
            ..events[at]
        };
        events.insert(at, taken);
    }
}

/// Takes out what lines without a queue id said of a message: a rule on the envelope before it had one, a client that broke
/// off. It counts if nothing was done with the message afterwards.
fn take_rulings<'d>(events: &mut [Event<'d>]) -> Vec<Event<'d>> {
    let mut rulings = Vec::new();
    for event in events.iter_mut() {
        let is_ruling = (matches!(event.role, Role::Quarantine | Role::Drop)
            || event.name == "broken off")
            && event.name != "swallowed"
            && event.linked_id().is_empty()
            && event.source().text() == "postfix";
        if is_ruling {
            rulings.push(*event);
            event.role = Role::Info;
        }
    }
    rulings
}

/// Whether Exchange 5.5 gave the message to a foreign system: the id there embeds its own, and nothing else is known.
fn is_remote(event: &Event<'_>) -> bool {
    let ids = [event.message_id().text(), event.linked_id()];
    !is_foreign(event) && ids.iter().any(|id| is_mts_id(bare_id(id)))
}

fn stays<'d>(events: &mut [Event<'d>]) -> Vec<Stay<'d>> {
    let mut stays: Vec<Stay<'d>> = Vec::new();
    for (i, event) in events.iter().enumerate() {
        if event.copy == 0 || !is_foreign(event) {
            continue;
        }
        let opens = matches!(event.role, Role::Receive | Role::Report);
        match stays.iter_mut().find(|stay| stay.copy == event.copy) {
            Some(stay) if opens && (stay.birth.is_none() || event.role == Role::Receive) => {
                stay.birth.get_or_insert(i);
            }
            Some(_) => {}
            None => stays.push(Stay {
                copy: event.copy,
                id: event.linked_id(),
                server: event.server,
                first: i,
                birth: opens.then_some(i),
                reached: false,
            }),
        }
    }
    // What a host made of a forward, a list or a report of its own has no client: it begins with its name.
    for stay in stays.iter_mut().filter(|stay| stay.birth.is_none()) {
        let named = |e: &Event<'_>| e.copy == stay.copy && e.name == "message-id";
        stay.birth = events.iter().position(named);
        if let Some(birth) = stay.birth {
            events[birth].role = Role::Receive;
        }
    }
    stays
}

/// A hand-over whose reply names a record of the message leads there.
fn hand_over<'d>(i: usize, events: &mut [Event<'d>], stays: &mut [Stay<'d>], around: Around<'d>) {
    let event = events[i];
    if let (Role::Send, Next::Server { copy, .. }) = (event.role, event.next)
        && let Some(stay) = stays.iter_mut().find(|stay| stay.copy == copy)
    {
        stay.reached = true;
        if is_foreign(&event) {
            events[i].link = Some(Link::SameHost);
        }
        return;
    }
    if !matches!(event.role, Role::Leave | Role::Send) {
        return;
    }
    match reply::of(&event) {
        Named::Queue(id) if event.role == Role::Leave => {
            let peer = around.servers.find(event.server_host().text());
            let fits = |stay: &&mut Stay<'d>| stay.id == id && stay.copy != event.copy;
            let count = stays.iter_mut().filter(|stay| fits(stay)).count();
            let here = |stay: &&mut Stay<'d>| count == 1 || Some(stay.server) == peer;
            if let Some(stay) = stays.iter_mut().filter(|stay| fits(stay)).find(here) {
                stay.reached = true;
                let same = stay.server == event.server;
                lead(&mut events[i], stay.server, stay.copy, around.servers);
                events[i].link = Some(if same { Link::Filter } else { Link::Reply });
            }
        }
        Named::Exchange { id, host, .. } => {
            let copy = around.keys.copy(host, Service::Transport, id);
            let taken = events
                .iter()
                .find(|e| e.copy == copy && e.role == Role::Receive)
                .map(|e| e.server);
            if let Some(server) = taken {
                lead(&mut events[i], server, copy, around.servers);
                events[i].link = Some(Link::InternalId);
            }
        }
        Named::Queue(_) | Named::Nothing => {}
    }
}

/// What went through a program and came back for the same recipient went through a filter.
fn give_back<'d>(events: &mut [Event<'d>], stays: &mut [Stay<'d>], around: Around<'d>) {
    if stays.len() < 2 {
        return;
    }
    let births = stays.iter().map(|stay| stay.birth.map(|at| &events[at]));
    let given_back: Vec<bool> = births.map(|e| e.is_some_and(is_given_back)).collect();
    let by_exim = given_back.contains(&true);
    let is_piped = |e: &Event<'d>| {
        let told = || by_exim && e.source().text() == "exim";
        e.role == Role::Deliver && is_foreign(e) && (is_by_pipe(e.context().text()) || told())
    };
    if !events.iter().any(is_piped) {
        return;
    }
    let numbered = stays.iter().enumerate().map(|(at, stay)| (stay.copy, at));
    let numbers: HashMap<u64, usize> = numbered.collect();
    // By recipients, the records of which lines tell what became of them.
    let mut telling: HashMap<Vec<u8>, BTreeSet<usize>> = HashMap::new();
    for event in events.iter().filter(|e| is_outcome(e)) {
        let recipients = event.recipients.0.to_ascii_lowercase();
        let records = telling.entry(recipients).or_default();
        records.extend(numbers.get(&event.copy));
    }
    let piped = (0..events.len()).filter(|&i| is_piped(&events[i]));
    let mut piped: Vec<(usize, usize)> = piped
        .filter_map(|i| Some((*numbers.get(&events[i].copy)?, i)))
        .collect();
    // Of several filters the last one first: what came back from it came back from none before.
    piped.sort_by_key(|&(own, _)| std::cmp::Reverse(stays[own].first));
    let mut back_from: HashMap<usize, usize> = HashMap::new();
    for (own, i) in piped {
        let event = &mut events[i];
        let is_exim = event.source().text() == "exim";
        let recipients = event.recipients.0.to_ascii_lowercase();
        let fits = |at: &usize| {
            let stay = &stays[*at];
            let is_free = !stay.reached || back_from.get(at) == Some(&own);
            (stay.server, *at != own) == (event.server, true)
                && stay.birth > Some(stays[own].first)
                && (given_back[*at] || !is_exim)
                && is_free
        };
        let records = telling.get(&recipients).into_iter().flatten();
        let mut fitting = records.copied().filter(fits);
        if let (Some(at), None) = (fitting.next(), fitting.next()) {
            stays[at].reached = true;
            back_from.insert(at, own);
            lead(event, stays[at].server, stays[at].copy, around.servers);
            event.link = Some(Link::MessageId);
        }
    }
}

/// Whether a program of Exim's host gave the message back, and says so.
fn is_given_back(event: &Event<'_>) -> bool {
    event.source().text() == "exim"
        && event.client_ip().is_empty()
        && exim::is_given_back(event.connector().text())
}

/// What a program of the host handed in names its sender bare at first; the queue manager knows the whole address.
fn name_senders<'d>(events: &mut [Event<'d>], stays: &[Stay<'d>], arena: &'d Bump) {
    for (copy, birth) in stays
        .iter()
        .filter_map(|stay| Some((stay.copy, stay.birth?)))
    {
        let sender = events[birth].sender().text();
        if sender.is_empty() || sender.contains(&b'@') {
            continue;
        }
        let queued = |e: &&Event<'_>| e.copy == copy && e.name == "queued";
        if let Some(whole) = events.iter().find(queued).map(|e| e.sender().text()) {
            name_sender(&mut events[birth], whole, arena);
        }
    }
}

/// Lines of a record that was forwarded name the address that the message was given for; what was forwarded is another one
/// if that one was an alias.
fn name_forwarded<'d>(events: &mut [Event<'d>]) {
    let is_forward = |e: &Event<'d>| e.name == "forwarded" && !e.related.0.is_empty();
    if !events.iter().any(is_forward) {
        return;
    }
    let mut of_copy: HashMap<u64, Vec<usize>> = HashMap::new();
    for (i, event) in events.iter().enumerate() {
        of_copy.entry(event.copy).or_default().push(i);
    }
    let same = |a: List<'d>, b: List<'d>| a.0.eq_ignore_ascii_case(b.0);
    for i in 0..events.len() {
        let forward = events[i];
        let Next::Server { copy, .. } = forward.next else {
            continue;
        };
        if !is_forward(&forward) {
            continue;
        }
        for &at in of_copy.get(&copy).into_iter().flatten() {
            let event = &mut events[at];
            if same(event.related, forward.related) {
                event.related = match same(event.recipients, forward.recipients) {
                    true => List(b""),
                    false => forward.recipients,
                };
            }
        }
    }
}

/// Whether nobody gave a message: an address was asked about, or a client began to give one and went away.
pub fn is_probe(events: &[Event<'_>], rows: usize, around: Around<'_>) -> bool {
    let is_idle = |e: &Event<'_>| {
        let names_sender = !e.sender().is_empty() || !e.return_path().is_empty();
        // What Sendmail took over has a Message-ID, if need be one that it made.
        let is_empty = e.name == "received" && e.size_bytes == 0 && e.message_id().is_empty();
        e.source().text() == "sendmail" && (e.name == "other" && names_sender || is_empty)
    };
    match events {
        _ if events.iter().all(is_idle) => true,
        [taken] if rows == 1 && taken.name == "received" => stops_here(taken, around),
        _ if events.iter().any(|e| e.name == "probed") => events
            .iter()
            .all(|e| e.recipients.0.is_empty() || e.name == "probed"),
        _ => false,
    }
}

/// The sender, where the event names none or the same one without its domain.
pub(super) fn name_sender<'d>(event: &mut Event<'d>, sender: &'d [u8], arena: &'d Bump) {
    let known = event.sender().text();
    if known.is_empty() || is_bare_of(known, sender) {
        event.texts = event.texts.with(Text::Sender, sender, arena);
    }
}

fn lead<'d>(event: &mut Event<'d>, server: ServerId, copy: u64, servers: &'d Servers) {
    event.role = Role::Send;
    event.next = Next::Server {
        host: servers.name(server),
        copy,
    };
}

/// A record was handed to a host that has no row of it, although its log covers that time: one that is not there.
pub(super) fn lead_nowhere<'d>(event: &mut Event<'d>, servers: &'d Servers, keys: &Keys) {
    if event.role != Role::Leave {
        return;
    }
    let host = event.server_host().text();
    if let Some(server) = servers.find(host)
        && servers.covers(server, Service::Transport, event.time)
    {
        let copy = keys.stay(host, u8::MAX, event.copy);
        lead(event, server, copy, servers);
    }
}

/// Hand-overs whose reply named nothing: the join brought records together that share a Message-ID; where exactly one
/// record of that host was reached by no other, it is the one. Where the host's log is there and has none, it is missing.
fn by_message_id<'d>(events: &mut [Event<'d>], stays: &mut [Stay<'d>], around: Around<'d>) {
    for i in 0..events.len() {
        let event = events[i];
        if event.role != Role::Leave {
            continue;
        }
        let host = event.server_host().text();
        let is_remote = is_remote(&event);
        let found = around.servers.find(host);
        let Some(server) = found.or(is_remote.then_some(event.server)) else {
            continue;
        };
        let first = stays.iter().position(|stay| stay.birth == Some(0));
        let free = |at: &usize| {
            let stay: &Stay<'_> = &stays[*at];
            let is_there = stay.server == server || is_remote;
            is_there && !stay.reached && stay.copy != event.copy && Some(*at) != first
        };
        let mut candidates = (0..stays.len()).filter(free);
        match (candidates.next(), candidates.next()) {
            (Some(at), None) => {
                let (server, copy) = (stays[at].server, stays[at].copy);
                let by = if is_remote {
                    Link::RemoteId
                } else {
                    Link::MessageId
                };
                lead(&mut events[i], server, copy, around.servers);
                events[i].link = Some(by);
                // Several recipients of one hand-over lead to one record.
                let same = |e: &Event<'_>| {
                    e.copy == event.copy && e.context().text() == event.context().text()
                };
                for other in events
                    .iter_mut()
                    .filter(|e| e.role == Role::Leave && same(e))
                {
                    lead(other, server, copy, around.servers);
                    other.link = Some(by);
                }
                stays[at].reached = true;
            }
            (None, _) if is_foreign(&event) => {
                lead_nowhere(&mut events[i], around.servers, around.keys);
            }
            _ => {}
        }
    }
}
