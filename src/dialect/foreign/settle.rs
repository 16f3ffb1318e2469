//! What the lines of several records say together about one message.
//!
//! In: the events of a message, from whatever hosts and families its records are. Out: the same events: hand-overs lead to
//! the records that the replies name, aliases become expansions, lines about a whole record get its recipients.
//! `formats/foreign.md` sections 2.4 and 5 have the rules and their evidence.

use bstr::{BStr, ByteSlice};
use bumpalo::Bump;

use super::entry::list;
use super::reply::{self, Named};
use crate::address::List;
use crate::event::{Event, Link, Next, Role, ServerId};
use crate::keys::{Keys, Service};
use crate::servers::Servers;

/// One queue record of the message.
struct Stay<'d> {
    copy: u64,
    id: &'d BStr,
    server: ServerId,
    /// Its first event that opened it.
    birth: Option<usize>,
    /// A hand-over leads here.
    reached: bool,
}

/// What settling looks things up in.
#[derive(Clone, Copy)]
pub struct Around<'d> {
    pub servers: &'d Servers,
    pub keys: &'d Keys,
    pub arena: &'d Bump,
    /// A message is closed this many microseconds after its last row.
    pub horizon: i64,
}

/// Settles the events of one message.
pub fn settle<'d>(events: &mut Vec<Event<'d>>, around: Around<'d>) {
    let mut stays = stays(events);
    for i in 0..events.len() {
        hand_over(i, events, &mut stays, around);
    }
    by_message_id(events, &mut stays, around);
    let before = events.len();
    let mut more = Vec::new();
    for stay in &stays {
        whole_record(stay, events, around);
        more.extend(expansions(stay, events, around));
        open(stay, events, &mut more, around);
    }
    events.extend(more);
    if events.len() > before {
        // Those made here stand where the lines stand that prove them, an expansion before its delivery.
        events.sort_by_key(|e| (e.time, e.place, e.role != Role::Expand));
    }
}

fn is_foreign(event: &Event<'_>) -> bool {
    !event.linked_id.is_empty()
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
                id: event.linked_id,
                server: event.server,
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
    if let (Role::Send, Next::Server { copy, .. }) = (event.role, event.next) {
        if let Some(stay) = stays.iter_mut().find(|stay| stay.copy == copy) {
            stay.reached = true;
            if is_foreign(&event) {
                events[i].link = Some(Link::SameHost);
            }
        }
        return;
    }
    if !matches!(event.role, Role::Leave) {
        return;
    }
    let mut texts = [event.context.text(), event.statuses.text()].into_iter();
    let Some(named) =
        texts.find_map(|text| Some(reply::named(text)).filter(|named| *named != Named::Nothing))
    else {
        return;
    };
    match named {
        Named::Queue(id) => {
            let peer = around.servers.find(event.server_host.text());
            let fits = |stay: &&mut Stay<'d>| stay.id == id && stay.copy != event.copy;
            let count = stays.iter_mut().filter(|stay| fits(stay)).count();
            let here = |stay: &&mut Stay<'d>| count == 1 || Some(stay.server) == peer;
            if let Some(stay) = stays.iter_mut().filter(|stay| fits(stay)).find(here) {
                stay.reached = true;
                let same = stay.server == event.server;
                lead(&mut events[i], stay.server, stay.copy, around);
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
                lead(&mut events[i], server, copy, around);
                events[i].link = Some(Link::InternalId);
            }
        }
        Named::Nothing => {}
    }
}

fn lead<'d>(event: &mut Event<'d>, server: ServerId, copy: u64, around: Around<'d>) {
    event.role = Role::Send;
    event.next = Next::Server {
        host: around.servers.name(server),
        copy,
    };
}

/// Hand-overs whose reply named nothing: the join brought records together that share a Message-ID; where exactly one
/// record of that host was reached by no other, it is the one. Where the host's log is there and has none, it is missing.
fn by_message_id<'d>(events: &mut [Event<'d>], stays: &mut [Stay<'d>], around: Around<'d>) {
    for i in 0..events.len() {
        let event = events[i];
        if event.role != Role::Leave {
            continue;
        }
        let host = event.server_host.text();
        let Some(server) = around.servers.find(host) else {
            continue;
        };
        let first = stays.iter().position(|stay| stay.birth == Some(0));
        let free = |at: &usize| {
            let stay: &Stay<'_> = &stays[*at];
            stay.server == server && !stay.reached && stay.copy != event.copy && Some(*at) != first
        };
        let mut candidates = (0..stays.len()).filter(free);
        match (candidates.next(), candidates.next()) {
            (Some(at), None) => {
                let copy = stays[at].copy;
                lead(&mut events[i], server, copy, around);
                events[i].link = Some(Link::MessageId);
                // Several recipients of one hand-over lead to one record.
                let same = |e: &Event<'_>| {
                    e.copy == event.copy && e.context.text() == event.context.text()
                };
                for other in events
                    .iter_mut()
                    .filter(|e| e.role == Role::Leave && same(e))
                {
                    lead(other, server, copy, around);
                    other.link = Some(Link::MessageId);
                }
                stays[at].reached = true;
            }
            (None, _) if missing(&event, server, around) => {
                let copy = around.keys.stay(host, u8::MAX, event.copy);
                lead(&mut events[i], server, copy, around);
            }
            _ => {}
        }
    }
}

/// Whether the host's log covers that time, and so ought to have the record that is not there.
fn missing(event: &Event<'_>, server: ServerId, around: Around<'_>) -> bool {
    is_foreign(event)
        && around
            .servers
            .coverage(server)
            .covers(Service::Transport, event.time)
}

/// Recipients that hand-overs gave to a record by name.
fn handed<'d>(stay: &Stay<'d>, events: &[Event<'d>]) -> Vec<&'d [u8]> {
    let mut handed: Vec<&[u8]> = Vec::new();
    let leads_here =
        |e: &&Event<'d>| matches!(e.next, Next::Server { copy, .. } if copy == stay.copy);
    for event in events.iter().filter(leads_here) {
        add(&mut handed, event.recipients);
    }
    if let Some(birth) = stay.birth {
        add(&mut handed, events[birth].recipients);
    }
    handed
}

fn add<'d>(known: &mut Vec<&'d [u8]>, addresses: List<'d>) {
    for address in addresses {
        if !known.iter().any(|k| k.eq_ignore_ascii_case(address)) {
            known.push(address);
        }
    }
}

fn is_outcome(event: &Event<'_>) -> bool {
    matches!(
        event.role,
        Role::Send
            | Role::Leave
            | Role::Deliver
            | Role::Fail
            | Role::Drop
            | Role::Defer
            | Role::Redirect
    )
}

/// Lines about a whole record: expiry is about what was still deferred, holding and discarding about all; a hold that
/// was followed by deliveries is over.
fn whole_record<'d>(stay: &Stay<'d>, events: &mut [Event<'d>], around: Around<'d>) {
    let of_stay = |e: &Event<'d>| e.copy == stay.copy && is_foreign(e);
    for i in 0..events.len() {
        let event = events[i];
        if !of_stay(&event) {
            continue;
        }
        match event.role {
            Role::Quarantine => {
                let goes_on = |e: &Event<'d>| {
                    of_stay(e)
                        && (e.time, e.place) > (event.time, event.place)
                        && matches!(
                            e.role,
                            Role::Send | Role::Leave | Role::Deliver | Role::Fail | Role::Defer
                        )
                };
                if events.iter().any(goes_on) {
                    events[i].role = Role::Info;
                    continue;
                }
            }
            Role::Drop => {}
            Role::Fail if event.name == "expired" && event.recipients.0.is_empty() => {
                let mut waiting: Vec<&[u8]> = Vec::new();
                for e in events
                    .iter()
                    .filter(|e| of_stay(e) && e.role == Role::Defer)
                {
                    add(&mut waiting, e.recipients);
                }
                let done = |address: &[u8]| {
                    events.iter().any(|e| {
                        of_stay(e)
                            && matches!(
                                e.role,
                                Role::Send | Role::Leave | Role::Deliver | Role::Fail
                            )
                            && e.recipients
                                .into_iter()
                                .any(|a| a.eq_ignore_ascii_case(address))
                    })
                };
                waiting.retain(|address| !done(address));
                let why = events
                    .iter()
                    .rev()
                    .find(|e| of_stay(e) && e.role == Role::Defer);
                if let Some(why) = why {
                    events[i].context = why.context;
                }
                events[i].recipients = list(waiting.into_iter(), around.arena);
                continue;
            }
            _ => continue,
        }
        // A rule on a message's header holds or discards it for all, and names the first.
        let by_rule = event.name == "held" || event.connector.text().is_empty();
        let is_whole = event.recipients.0.is_empty() || by_rule;
        if is_whole {
            let mut all = handed(stay, events);
            add(&mut all, event.recipients);
            events[i].recipients = list(all.into_iter(), around.arena);
        }
    }
}

/// Addresses that became others: named by the lines themselves (`orig_to=`, `<original>`), or, where a program does not
/// log it, those handed over by name that nothing was logged about.
fn expansions<'d>(stay: &Stay<'d>, events: &[Event<'d>], around: Around<'d>) -> Vec<Event<'d>> {
    let mut more: Vec<Event<'d>> = Vec::new();
    let mut named: Vec<&[u8]> = Vec::new();
    let mut told: Vec<&[u8]> = Vec::new();
    let mut first = None;
    for event in events
        .iter()
        .filter(|e| e.copy == stay.copy && is_foreign(e) && is_outcome(e))
    {
        if event.role == Role::Redirect || event.name == "refused" {
            continue;
        }
        first = first.or(Some(event));
        add(&mut told, event.related);
        if event.related.0.is_empty() {
            add(&mut named, event.recipients);
            continue;
        }
        let known = more.iter().any(|e| {
            e.related.0.eq_ignore_ascii_case(event.related.0)
                && e.recipients.0 == event.recipients.0
        });
        if !known {
            more.push(Event {
                role: Role::Expand,
                next: Next::None,
                ..*event
            });
        }
    }
    let Some(first) = first else {
        return more;
    };
    let given = handed(stay, events);
    if given.is_empty() {
        return more;
    }
    let has = |list: &[&[u8]], address: &[u8]| list.iter().any(|a| a.eq_ignore_ascii_case(address));
    let silent: Vec<&[u8]> = given
        .iter()
        .copied()
        .filter(|address| !has(&named, address) && !has(&told, address))
        .collect();
    // A mailbox by its bare name is the address of that name.
    let strange: Vec<&[u8]> = named
        .iter()
        .copied()
        .filter(|address| !has(&given, address))
        .collect();
    if !silent.is_empty() && !strange.is_empty() {
        more.push(Event {
            role: Role::Expand,
            next: Next::None,
            recipients: list(strange.into_iter(), around.arena),
            related: list(silent.into_iter(), around.arena),
            ..*first
        });
    }
    more
}

/// The record opens with the recipients it was taken over with, as far as its lines name them.
fn open<'d>(
    stay: &Stay<'d>,
    events: &mut [Event<'d>],
    more: &mut Vec<Event<'d>>,
    around: Around<'d>,
) {
    let mut all: Vec<&[u8]> = Vec::new();
    let of_stay = |e: &&Event<'d>| e.copy == stay.copy && is_foreign(e);
    let mut first = None;
    let (mut ended, mut queued) = (false, false);
    for event in events.iter().filter(of_stay) {
        ended |= is_outcome(event) || matches!(event.role, Role::Quarantine);
        queued |= matches!(event.name.as_bytes(), b"queued");
        if is_outcome(event) && event.name != "refused" {
            first = first.or(Some(*event));
            add(
                &mut all,
                if event.related.0.is_empty() {
                    event.recipients
                } else {
                    event.related
                },
            );
        }
    }
    match stay.birth {
        Some(birth) => {
            let event = events[birth];
            if event.recipients.0.is_empty() && !all.is_empty() {
                events[birth].recipients = list(all.into_iter(), around.arena);
            }
            if !ended && !queued && is_held(&event, events, around) {
                more.push(Event {
                    role: Role::Quarantine,
                    name: BStr::new("held"),
                    recipients: list(handed(stay, events).into_iter(), around.arena),
                    ..event
                });
            }
        }
        // The log begins in the middle: its recipients are known all the same.
        None => {
            if let Some(first) = first {
                more.push(Event {
                    role: Role::Attempt,
                    next: Next::None,
                    recipients: list(all.into_iter(), around.arena),
                    related: List(b""),
                    ..first
                });
            }
        }
    }
}

/// Postfix names no queue id when a rule on the envelope holds a message: a record that was complete and then never came
/// up, although its host's log goes on, is held.
fn is_held(birth: &Event<'_>, events: &[Event<'_>], around: Around<'_>) -> bool {
    let named = events
        .iter()
        .any(|e| e.copy == birth.copy && e.name == "message-id");
    birth.source.text() == "postfix"
        && named
        && around
            .servers
            .coverage(birth.server)
            .goes_on_after(birth.time, around.horizon)
}
