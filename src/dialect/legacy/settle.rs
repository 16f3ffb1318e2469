//! What one legacy record cannot say and all of a message's records together can.
//!
//! In: the events of one message. Out: the same events, made complete: which list was expanded, whom a redirect
//! replaced, which address a distinguished name has outside, and gateways that took "in" for "out". All of this
//! is inferred, from the message's own records alone, and only where there is one answer.

use bstr::ByteSlice;
use bumpalo::Bump;

use crate::address::List;
use crate::event::{Event, Next, Role};

/// Makes the events of one message complete.
pub fn settle<'d>(events: &mut Vec<Event<'d>>, arena: &'d Bump) {
    turn_swapped(events);
    name_replaced(events);
    tie_names(events, arena);
}

/// A gateway built by the sample of the development kit logs "in" for "out" (`formats/legacy.md` section 1.3): what was
/// handed to it just before, it cannot have brought in.
fn turn_swapped(events: &mut [Event<'_>]) {
    for i in 0..events.len() {
        let copy = events[i].copy;
        let handed =
            |e: &Event<'_>| matches!(e.next, Next::Server { copy: next, .. } if next == copy);
        if events[i].name == "1004" && copy != 0 && events.iter().any(handed) {
            events[i].role = Role::Leave;
            events[i].next = Next::Outside;
        }
    }
}

/// Whether an event is the last word about its recipients.
fn is_final(role: Role) -> bool {
    matches!(
        role,
        Role::Deliver | Role::Leave | Role::Fail | Role::Drop | Role::Quarantine
    )
}

/// Recipients of events, each address once, in the order of their naming.
fn named<'d>(events: &[Event<'d>], wanted: impl Fn(&Event<'d>) -> bool) -> Vec<&'d [u8]> {
    let mut named: Vec<&[u8]> = Vec::new();
    for event in events.iter().filter(|event| wanted(event)) {
        for address in event.recipients {
            if !holds(&named, address) {
                named.push(address);
            }
        }
    }
    named
}

fn holds(addresses: &[&[u8]], address: &[u8]) -> bool {
    addresses
        .iter()
        .any(|known| known.eq_ignore_ascii_case(address))
}

/// Expansions and redirects name the new recipients only: the old one is the one of which nothing more is heard.
fn name_replaced(events: &mut [Event<'_>]) {
    for i in 0..events.len() {
        let event = events[i];
        let replaces = matches!(event.role, Role::Expand | Role::Redirect);
        if !replaces || !event.related.0.is_empty() {
            continue;
        }
        let new: Vec<&[u8]> = event.recipients.into_iter().collect();
        let settled = named(events, |e| is_final(e.role));
        let others: Vec<&[u8]> = named(events, |e| {
            matches!(e.role, Role::Expand | Role::Redirect) && e.place != event.place
        })
        .into_iter()
        .chain(events.iter().flat_map(|e| e.related))
        .collect();
        let came = named(events, |e| !matches!(e.role, Role::Expand | Role::Redirect));
        // Still at a later hand-over from another place: it went on under its own name, so it was not replaced.
        let lost = |address: &&&[u8]| {
            !holds(&new, address) && !holds(&settled, address) && !holds(&others, address)
        };
        let lost: Vec<&[u8]> = came.iter().filter(lost).copied().collect();
        if let [old] = lost[..] {
            events[i].related = List(old);
        } else if let [only] = new[..]
            && event.role == Role::Expand
            && holds(&came, only)
            && !holds(&settled, only)
        {
            // The record names the list itself; its members are those that turn up later.
            let before = named(&events[..i], |_| true);
            events[i].related = List(only);
            let members = events[i + 1..]
                .iter()
                .find(|e| e.recipients.into_iter().any(|a| !holds(&before, a)));
            events[i].recipients = members.map_or(List(b""), |e| e.recipients);
        }
    }
}

/// Inside, a recipient goes by its distinguished name, outside by its SMTP address. Where both kinds are named and a last
/// word was said about one of them only, they are tied: by the name they share, else if one of each is left.
fn tie_names<'d>(events: &mut Vec<Event<'d>>, arena: &'d Bump) {
    let all = named(events, |e| !e.is_report);
    let is_name = |address: &&[u8]| address.starts_with(b"/");
    if !all.iter().any(is_name) || all.iter().all(|a| is_name(a)) {
        return;
    }
    let settled = named(events, |e| is_final(e.role));
    let replaced: Vec<&[u8]> = events.iter().flat_map(|e| e.related).collect();
    let members = named(events, |e| e.role == Role::Expand);
    let free = |address: &&&[u8]| {
        !holds(&replaced, address) && !(holds(&members, address) && holds(&settled, address))
    };
    let (names, outside): (Vec<&[u8]>, Vec<&[u8]>) =
        all.iter().filter(free).copied().partition(|a| is_name(a));
    let mut pairs: Vec<(&[u8], &[u8])> = Vec::new();
    let (mut names, mut outside) = (names, outside);
    names.retain(|name| {
        let Some(at) = outside.iter().position(|address| alike(name, address)) else {
            return true;
        };
        pairs.push((name, outside.remove(at)));
        false
    });
    let open = |address: &&&[u8]| !holds(&settled, address);
    let (open_names, open_outside) = (
        names.iter().filter(open).count(),
        outside.iter().filter(open).count(),
    );
    if names.len() == outside.len()
        && (open_names == names.len() && open_outside == 0
            || open_outside == outside.len() && open_names == 0
            || names.len() == 1)
    {
        pairs.extend(names.into_iter().zip(outside));
    }
    let Some(&first) = events.first() else { return };
    for (name, address) in pairs {
        // The one with a last word stays.
        let (old, new) = if holds(&settled, name) && !holds(&settled, address) {
            (address, name)
        } else {
            (name, address)
        };
        let quoted = |text: &'d [u8]| match text.contains(&b';') {
            true => List(arena.alloc_slice_copy(&bstr::concat([b"'", text, b"'"]))),
            false => List(text),
        };
        events.push(Event {
            role: Role::Resolve,
            recipients: quoted(new),
            related: quoted(old),
            copy: 0,
            next: Next::None,
            from_mailbox: false,
            starts_message: false,
            is_report: false,
            ..first
        });
    }
}

/// Whether a distinguished name and an address share their name: `/cn=Recipients/cn=JOE` and `joe@corp.example`.
fn alike(name: &[u8], address: &[u8]) -> bool {
    let common = name.rfind(b"=").map(|at| &name[at + 1..]);
    let local = address.find_byte(b'@').map(|at| &address[..at]);
    matches!((common, local), (Some(a), Some(b)) if a.eq_ignore_ascii_case(b))
}
