//! What a trace sums up, taken apart, and joined to what other hosts say of the same message.
//!
//! In: the events of a message. Out: the same events; each trace as the events that it stands for.

use bumpalo::Bump;

use super::EVENT;
use super::hosts::is_online;
use crate::address::List;
use crate::dialect::foreign::entry::list;
use crate::dialect::foreign::reply::{self, Named};
use crate::event::{Event, Link, Next, Place, Role, Text};
use crate::servers::Servers;

/// Each recipient with its status: `addr##Receive, Deliver;addr##Receive, Fail`, or one of each. An address may hold `;`, a
/// status never: the first one behind `##` ends it.
pub(super) fn told<'d>(event: &Event<'d>) -> Vec<(&'d [u8], &'d [u8])> {
    let statuses: &'d [u8] = event.statuses().text();
    let mut told: Vec<(&[u8], &[u8])> = Vec::new();
    let mut rest = statuses;
    while let Some(at) = memchr::memmem::find(rest, b"##") {
        let who = rest[..at].trim_ascii();
        rest = &rest[at + 2..];
        let end = memchr::memchr(b';', rest).unwrap_or(rest.len());
        told.push((who, rest[..end].trim_ascii()));
        rest = rest.get(end + 1..).unwrap_or_default();
    }
    if told.is_empty() {
        told.extend(event.recipients.into_iter().map(|who| (who, statuses)));
    }
    told
}

/// What statuses say, by the words in them; where a status has several, the first of these wins.
pub const STATUSES: [(&str, Role, &str); 13] = [
    (
        "Deliver",
        Role::Deliver,
        "in the mailbox, or accepted by the host outside that it was for",
    ),
    (
        "FilteredAsSpam",
        Role::Deliver,
        "in the mailbox, among the junk",
    ),
    ("Send", Role::Leave, "given to a host outside"),
    (
        "Quarantine",
        Role::Quarantine,
        "held as spam, malware or by a rule",
    ),
    ("Fail", Role::Fail, "not delivered, for good"),
    ("Expire", Role::Fail, "given up after too long a time"),
    ("Drop", Role::Drop, "thrown away without a report"),
    (
        "Expand",
        Role::Expand,
        "a list that became its members; nothing goes to it itself",
    ),
    (
        "Resolve",
        Role::Resolve,
        "went on to another address; another row tells of that",
    ),
    (
        "Redirect",
        Role::Redirect,
        "went on to another address; another row tells of that",
    ),
    ("Pending", Role::Defer, "being delivered, or tried again"),
    ("GettingStatus", Role::Defer, "not known to the trace yet"),
    (
        "None",
        Role::Defer,
        "no status: refused, or sent on to another recipient",
    ),
];

/// What a status means.
fn role(status: &[u8], leaves: bool) -> Option<Role> {
    let has = |word: &str| memchr::memmem::find(status, word.as_bytes()).is_some();
    let known = STATUSES.iter().find(|(word, ..)| has(word));
    match known.map(|(_, role, _)| *role) {
        Some(Role::Deliver) if leaves && has("Deliver") => Some(Role::Leave),
        None if has("Defer") => Some(Role::Defer),
        role => role,
    }
}

/// Those in whose mailboxes a trace says that it is, or was to be.
pub(super) fn mailboxes<'d>(event: &Event<'d>) -> impl Iterator<Item = &'d [u8]> {
    let is_here =
        |status: &[u8]| matches!(role(status, false), Some(Role::Deliver | Role::Quarantine));
    let told = told(event).into_iter();
    told.filter(move |(_, status)| is_here(status))
        .map(|(who, _)| who)
}

/// Whether a hand-over went to Exchange Online, by the receiver's name or as its reply says.
fn is_given_to_online(event: &Event<'_>) -> bool {
    let replied = [event.context().text(), event.statuses().text()];
    is_online(event.server_host().text())
        || replied.iter().any(
            |text| matches!(reply::named(text), Named::Exchange { host, .. } if is_online(host)),
        )
}

/// Where Exchange Online sent a message to: a trace does not say, but the one record with this recipient whose client is one
/// of its hosts does.
fn outward<'d>(who: &[u8], events: &[Event<'d>], servers: &'d Servers) -> Next<'d> {
    let takes = |e: &&Event<'d>| {
        matches!(e.role, Role::Receive | Role::Report)
            && e.name != EVENT
            && !is_online(e.server_host().text())
            && is_online(e.client_host().text())
            && e.names(who)
    };
    let mut taken = events.iter().filter(takes);
    match (taken.next(), taken.next()) {
        (Some(event), None) => Next::Server {
            host: servers.name(event.server),
            copy: event.copy,
        },
        _ => Next::Outside,
    }
}

/// Whom the servers before Exchange Online named in place of `who`: a mailbox there has an address of its own, and traces
/// name the one that people write to.
fn renamed<'d>(who: &[u8], events: &[Event<'d>]) -> Option<&'d [u8]> {
    let renames = events
        .iter()
        .filter(|e| e.role == Role::Resolve && e.name != EVENT);
    let mut pairs = renames.flat_map(Event::replaced);
    let (_, new) = pairs.find(|(old, _)| old.eq_ignore_ascii_case(who))?;
    let is_given = |e: &&Event<'d>| is_given_to_online(e) && e.names(new);
    let named_there = events.iter().any(|e| e.name == EVENT && e.names(new));
    (events.iter().any(|e| is_given(&e)) && !named_there).then_some(new)
}

/// Whether a row by itself tells of this fate: it knows when, why and where, which the trace sums up.
fn is_told_better(who: &[u8], role: Role, events: &[Event<'_>]) -> bool {
    let tells = |e: &&Event<'_>| match role {
        Role::Deliver | Role::Fail | Role::Drop | Role::Quarantine => e.role == role,
        // By Exchange Online's own row; the way to it is none out of it.
        Role::Leave => {
            matches!(e.role, Role::Send | Role::Leave) && is_online(e.client_host().text())
        }
        _ => false,
    };
    events
        .iter()
        .any(|e| e.name != EVENT && tells(&e) && e.names(who))
}

/// The address that replaced another one in the traces of one message: the only other one, where only one was replaced.
fn gone_to<'d>(copy: u64, traces: &[Event<'d>]) -> Option<&'d [u8]> {
    let of_message = traces.iter().filter(|trace| trace.copy == copy);
    let mut all: Vec<(&[u8], &[u8])> = of_message.flat_map(told).collect();
    all.sort_unstable();
    all.dedup();
    let is_gone =
        |status: &[u8]| matches!(role(status, false), Some(Role::Resolve | Role::Redirect));
    let (gone, stayed): (Vec<_>, Vec<_>) = all.iter().partition(|(_, status)| is_gone(status));
    match (&gone[..], &stayed[..]) {
        ([_], [(to, _)]) => Some(to),
        _ => None,
    }
}

/// Makes of each trace the events that it sums up; hand-overs to Exchange Online by servers whose own logs were read lead
/// to it. Returns where the traces stand: they tell when a message came, never when it was delivered.
pub fn settle<'d>(
    events: &mut Vec<Event<'d>>,
    servers: &'d Servers,
    arena: &'d Bump,
) -> Vec<Place> {
    let traces: Vec<Event<'d>> = events.iter().filter(|e| e.name == EVENT).copied().collect();
    let mut more = Vec::new();
    for trace in &traces {
        let leaves = !trace.server_host().text().is_empty();
        let mut told = told(trace);
        for (who, status) in &mut told {
            let stays = !matches!(
                role(status, leaves),
                Some(Role::Resolve | Role::Redirect | Role::Expand)
            );
            *who = stays.then(|| renamed(who, events)).flatten().unwrap_or(who);
        }
        let is_spare = |(who, status): &(&[u8], &[u8])| {
            role(status, leaves).is_some_and(|role| is_told_better(who, role, events))
        };
        told.retain(|one| !is_spare(one));
        if told.is_empty() {
            continue;
        }
        let all = list(told.iter().map(|(who, _)| *who), arena);
        // What Exchange Online itself sent on may come by one of these hosts once more.
        let arrives = |who: &[u8]| {
            let mut same = told.iter().filter(|(to, _)| to.eq_ignore_ascii_case(who));
            same.any(|(_, status)| role(status, leaves) != Some(Role::Leave))
        };
        let handed = |e: &Event<'d>| {
            let id = e.network_message_id().text();
            let is_same = !id.is_empty() && id == trace.network_message_id().text();
            let is_there = is_given_to_online(e);
            e.role == Role::Leave
                && e.recipients.into_iter().any(|who| {
                    all.into_iter().any(|to| who.eq_ignore_ascii_case(to))
                        && (is_there || is_same && arrives(who))
                })
        };
        for event in events
            .iter_mut()
            .filter(|e| e.copy != trace.copy && handed(e))
        {
            let same_id = event.network_message_id().text() == trace.network_message_id().text();
            event.role = Role::Send;
            event.next = Next::Server {
                host: servers.name(trace.server),
                copy: trace.copy,
            };
            event.link = Some(if same_id {
                Link::NetworkId
            } else {
                Link::MessageId
            });
        }
        if !more.iter().any(|e: &Event<'_>| {
            e.copy == trace.copy && e.role == Role::Receive && e.recipients.0 == all.0
        }) {
            more.push(Event {
                role: Role::Receive,
                recipients: all,
                texts: trace.texts.with(Text::Statuses, b"", arena),
                ..*trace
            });
        }
        for (who, status) in told {
            let recipients = list(std::iter::once(who), arena);
            // Of a status that nobody knows, the reader sees the words.
            let role = match role(status, leaves) {
                Some(role) => role,
                None if status.is_empty() => continue,
                None => Role::Defer,
            };
            let next = match role {
                Role::Leave => outward(who, events, servers),
                _ => Next::None,
            };
            let is_led = matches!(next, Next::Server { .. });
            let (related, recipients) = match role {
                Role::Expand => (recipients, List(b"")),
                Role::Resolve | Role::Redirect => match gone_to(trace.copy, &traces) {
                    Some(to) => (recipients, list(std::iter::once(to), arena)),
                    None => (recipients, List(b"")),
                },
                _ => (List(b""), recipients),
            };
            // Which of several addresses it became, nothing tells: that it was replaced, this does.
            let role = match role {
                Role::Resolve if recipients.0.is_empty() => Role::Redirect,
                role => role,
            };
            let reason = if role == Role::Deliver { b"" } else { status };
            more.push(Event {
                role: if is_led { Role::Send } else { role },
                recipients,
                related,
                next,
                link: is_led.then_some(Link::MessageId),
                texts: trace.texts.with(Text::Statuses, reason, arena),
                ..*trace
            });
        }
    }
    events.extend(more);
    events.sort_by_key(|e| (e.time, e.place));
    traces.iter().map(|trace| trace.place).collect()
}
