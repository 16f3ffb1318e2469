//! Whom the lines of one queue record are about: those it was given, those they became, those that a line about the whole
//! record concerns.
//!
//! In: a record and the events of its message. Out: the same events with their recipients, and those that follow from them.

use bstr::BStr;
use hashbrown::HashSet;

use super::entry::list;
use super::stay::{Around, Concluded, Stay, is_foreign};
use crate::address::List;
use crate::event::{Event, Next, Role, Text};
use crate::keys::Service;

/// Recipients that a record was given by name: by hand-overs, or with it; Sendmail names those it queues untried, and a
/// rule that held the record the first.
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
    for event in events
        .iter()
        .filter(|e| e.copy == stay.copy && (is_untried(e) || e.name == "held"))
    {
        add(&mut handed, event.recipients);
    }
    handed
}

pub(super) fn add<'d>(known: &mut Vec<&'d [u8]>, addresses: List<'d>) {
    for address in addresses {
        if !known.iter().any(|k| k.eq_ignore_ascii_case(address)) {
            known.push(address);
        }
    }
}

/// Whether an event says that recipients wait, and nothing was done for them yet.
fn is_untried(event: &Event<'_>) -> bool {
    event.name == "queued" && !event.recipients.0.is_empty()
}

pub(super) fn is_outcome(event: &Event<'_>) -> bool {
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
pub(super) fn whole_record<'d>(stay: &Stay<'d>, events: &mut [Event<'d>], around: Around<'d>) {
    let of_stay = |e: &Event<'d>| e.copy == stay.copy && is_foreign(e);
    for i in 0..events.len() {
        // Copied no sooner: a message may have thousands of records.
        if !of_stay(&events[i]) {
            continue;
        }
        let event = events[i];
        match event.role {
            Role::Quarantine => {
                let goes_on = |e: &Event<'d>| {
                    of_stay(e)
                        && (e.time, e.place) > (event.time, event.place)
                        && is_outcome(e)
                        && e.role != Role::Redirect
                };
                if events.iter().any(goes_on) {
                    events[i].role = Role::Info;
                    continue;
                }
            }
            Role::Drop => {}
            Role::Fail if event.name == "expired" && event.recipients.0.is_empty() => {
                expire(i, events, around);
                continue;
            }
            // Sendmail says it only in the line about the report.
            Role::Info if event.name == "report" && is_given_up(event.context().text()) => {
                (events[i].role, events[i].name) = (Role::Fail, BStr::new("expired"));
                expire(i, events, around);
                continue;
            }
            // Sendmail split off those of a list that has an owner, MailScanner let go what was held, and neither says whom.
            Role::Send if event.name == "forwarded" && event.recipients.0.is_empty() => {
                let mut silent = handed(stay, events);
                let tells = |e: &Event<'d>| of_stay(e) && e.name != "held";
                let told = |address: &[u8]| events.iter().any(|e| tells(e) && e.names(address));
                silent.retain(|address| !told(address));
                events[i].recipients = list(silent.into_iter(), around.arena);
                continue;
            }
            _ => continue,
        }
        // A rule on a message's header holds or discards it for all, and names the first. Exim names those it is about.
        let by_rule = event.name == "held"
            || event.connector().text().is_empty() && event.source().text() != "exim";
        let is_whole = event.recipients.0.is_empty() || by_rule;
        if is_whole {
            let mut all = handed(stay, events);
            add(&mut all, event.recipients);
            events[i].recipients = list(all.into_iter(), around.arena);
        }
    }
}

/// Who was put off last, and whose record (`copy`) is gone from its queue, does not wait any more: the row that says what
/// became of them is missing. Such an attempt closes the record for them.
pub(super) fn lost_ends<'d>(
    copy: u64,
    events: &[Event<'d>],
    is_gone: impl Fn() -> bool,
) -> Vec<Event<'d>> {
    let mut lost = Vec::new();
    let is_put_off = |e: &Event<'_>| e.role == Role::Defer;
    let of_stay = |e: &&Event<'_>| e.copy == copy && is_outcome(e) && is_foreign(e);
    // Most messages were never put off.
    if !events.iter().any(is_put_off) || !is_gone() {
        return lost;
    }
    let mut ended: HashSet<Vec<u8>> = HashSet::new();
    for event in events.iter().rev().filter(of_stay) {
        let mut is_last = true;
        for who in event.recipients {
            is_last &= ended.insert(who.to_ascii_lowercase());
        }
        if is_last && is_put_off(event) {
            lost.push(Event {
                role: Role::Attempt,
                parent: copy,
                ..*event
            });
        }
    }
    lost
}

/// Whether a report says that a message was given up.
fn is_given_up(text: &[u8]) -> bool {
    let words = [&b": Cannot send message for "[..], b": Cannot send within "];
    words
        .iter()
        .any(|words| memchr::memmem::find(text, words).is_some())
}

/// Gives the event that says that a record expired those that were still waiting, and why they did.
fn expire<'d>(expired: usize, events: &mut [Event<'d>], around: Around<'d>) {
    let of_stay = |e: &&Event<'d>| e.copy == events[expired].copy && is_foreign(e);
    let deferred = || {
        events
            .iter()
            .filter(of_stay)
            .filter(|e| e.role == Role::Defer)
    };
    let mut waiting: Vec<&[u8]> = Vec::new();
    deferred().for_each(|e| add(&mut waiting, e.recipients));
    let is_done = |e: &Event<'d>| {
        matches!(
            e.role,
            Role::Send | Role::Leave | Role::Deliver | Role::Fail
        )
    };
    let done = |address: &[u8]| {
        let mut done = events.iter().filter(of_stay).filter(|e| is_done(e));
        done.any(|e| e.names(address))
    };
    waiting.retain(|address| !done(address));
    if let Some(why) = deferred().next_back().map(|why| why.context().text()) {
        let texts = &mut events[expired].texts;
        *texts = texts.with(Text::Context, why, around.arena);
    }
    events[expired].recipients = list(waiting.into_iter(), around.arena);
}

/// Addresses that became others: named by the lines themselves (`orig_to=`, `<original>`), or, where a program does not
/// log it, those handed over by name that nothing was logged about.
pub(super) fn expansions<'d>(
    stay: &Stay<'d>,
    events: &[Event<'d>],
    concluded: &mut Concluded<'d>,
    is_done: impl Fn(u64) -> bool,
    around: Around<'d>,
) -> Vec<Event<'d>> {
    let mut more: Vec<Event<'d>> = Vec::new();
    let given = handed(stay, events);
    if given.is_empty() && events.iter().all(|e| e.related.0.is_empty()) {
        return more;
    }
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
        concluded
            .one_of
            .push(silent.iter().map(|address| BStr::new(*address)).collect());
        more.push(Event {
            role: Role::Expand,
            next: Next::None,
            recipients: list(strange.into_iter(), around.arena),
            related: list(silent.into_iter(), around.arena),
            ..*first
        });
    } else if !silent.is_empty() && is_done(stay.copy) {
        // An alias of somebody who gets the message already is dropped without a word (Exim's deliver.c, Postfix' duplicate
        // filter).
        let mut ends: Vec<&[u8]> = Vec::new();
        let outcomes = events
            .iter()
            .filter(|e| is_outcome(e) && e.copy == stay.copy);
        outcomes.for_each(|e| add(&mut ends, e.recipients));
        // Whom the next host was given did not become another: the line that says so is missing here.
        let next: Vec<u64> = leads_to(stay, events).collect();
        let onward = |e: &&Event<'d>| next.contains(&e.copy);
        let goes_on = |address: &[u8]| events.iter().filter(onward).any(|e| e.names(address));
        let silent = silent
            .into_iter()
            .filter(|address| !has(&ends, address) && !goes_on(address));
        let silent: Vec<&[u8]> = silent.collect();
        if silent.is_empty() {
            return more;
        }
        let merged = silent.iter().map(|address| BStr::new(*address));
        concluded.merged.extend(merged);
        more.push(Event {
            role: Role::Redirect,
            next: Next::None,
            recipients: List(b""),
            related: list(silent.into_iter(), around.arena),
            ..*first
        });
    }
    more
}

/// The records that this one was given on to.
fn leads_to<'d>(stay: &Stay<'d>, events: &[Event<'d>]) -> impl Iterator<Item = u64> {
    let of_stay = events.iter().filter(|e| e.copy == stay.copy);
    of_stay.filter_map(|e| match e.next {
        Next::Server { copy, .. } => Some(copy),
        _ => None,
    })
}

/// The record opens with the recipients it was taken over with, as far as its lines name them.
pub(super) fn open<'d>(
    stay: &Stay<'d>,
    events: &mut [Event<'d>],
    (more, rulings): (&mut Vec<Event<'d>>, &[Event<'d>]),
    around: Around<'d>,
) {
    let mut all: Vec<&[u8]> = Vec::new();
    let of_stay = |e: &&Event<'d>| e.copy == stay.copy && is_foreign(e);
    let mut first = None;
    let (mut ended, mut queued) = (false, false);
    for event in events.iter().filter(of_stay) {
        ended |= is_outcome(event) || matches!(event.role, Role::Quarantine);
        queued |= event.name == "queued";
        if is_outcome(event) && event.name != "refused" || is_untried(event) {
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
            let complete = events
                .iter()
                .any(|e| e.copy == stay.copy && e.name == "message-id");
            let said = |broken: bool| {
                let of_host = |ruling: &&Event<'d>| ruling.server == event.server;
                let mut of_host = rulings.iter().rev().filter(of_host);
                of_host.find(|ruling| (ruling.name == "broken off") == broken)
            };
            let stopped = !ended && !queued;
            let broken_off = said(true)
                .filter(|_| stopped)
                .map(|said| said.context().text());
            let rule = said(false).filter(|_| complete && stopped && stops_here(&event, around));
            if let Some(rule) = rule.filter(|_| broken_off.is_none()) {
                // Postfix names no queue id when a rule on the envelope holds a message; the line before it may name a
                // recipient.
                let mut recipients = handed(stay, events);
                add(&mut recipients, rule.recipients);
                more.push(Event {
                    copy: event.copy,
                    time: event.time,
                    recipients: list(recipients.into_iter(), around.arena),
                    texts: (rule.texts).with(Text::LinkedId, event.linked_id(), around.arena),
                    ..*rule
                });
            } else if let Some(context) = broken_off.filter(|_| event.name == "received") {
                more.push(Event {
                    role: Role::Fail,
                    name: BStr::new("refused"),
                    texts: (event.texts).with(Text::Context, context, around.arena),
                    ..event
                });
            } else if complete && stopped {
                // It never reached the queue manager: it waits with those it was given.
                let given = handed(stay, events);
                events[birth].recipients = list(given.into_iter(), around.arena);
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

/// Whether nothing more became of a record of Postfix, although its host's log goes on.
pub(super) fn stops_here(birth: &Event<'_>, around: Around<'_>) -> bool {
    birth.source().text() == "postfix"
        && around.servers.coverage(birth.server).goes_on_after(
            &Service::ALL,
            birth.time,
            around.horizon,
        )
}
