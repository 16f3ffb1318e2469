//! What one legacy record cannot say and all of a message's records together can.
//!
//! In: the events of one message. Out: the same events, made complete: which list was expanded, whom a redirect
//! replaced, which address a distinguished name has outside, and gateways that took "in" for "out". All of this
//! is inferred, from the message's own records alone, and only where there is one answer.

use bstr::{BStr, ByteSlice};
use bumpalo::Bump;

use super::conclusion::{Conclusion, concluded_from, is_final, quoted, replaces};
use super::names::Names;
use super::two_names::{self, By};
use crate::address::{List, short_host};
use crate::event::{Event, Next, Place, Role};

/// Makes the events of one message complete. Returns what was concluded, so that it can be marked as such.
pub fn settle<'d>(events: &mut Vec<Event<'d>>, arena: &'d Bump) -> Vec<Conclusion<'d>> {
    let mut concluded = Vec::new();
    refuse(events);
    turn_swapped(events, &mut concluded);
    pass_on(events);
    stay_inside(events, &mut concluded);
    part_visits(events, &mut concluded);
    note_forwards(events, &mut concluded, arena);
    note_categorized(events, &mut concluded, arena);
    // A list goes by two names, too: it is one that is replaced.
    two_names::tie(events, By::Name, &mut concluded, arena);
    two_names::tie(events, By::Store, &mut concluded, arena);
    name_replaced(events, &mut concluded, arena);
    two_names::tie(events, By::Place, &mut concluded, arena);
    concluded
}

/// The filter refuses (1040) while the sender is still connected: what no record took over before never came in.
fn refuse(events: &mut [Event<'_>]) {
    let accepts = |e: &Event<'_>| matches!(e.role, Role::Submit | Role::Receive);
    if events.iter().any(accepts) {
        return;
    }
    for event in events.iter_mut().filter(|e| e.name == "1040") {
        (event.role, event.copy) = (Role::Fail, 0);
    }
}

/// A gateway built by the sample of the development kit logs "in" for "out" (`formats/legacy.md` section 1.3): what was
/// handed to it just before, it cannot have brought in.
fn turn_swapped<'d>(events: &mut [Event<'d>], concluded: &mut Vec<Conclusion<'d>>) {
    for i in 0..events.len() {
        let copy = events[i].copy;
        let handed =
            |e: &Event<'_>| matches!(e.next, Next::Server { copy: next, .. } if next == copy);
        let takes_in = events[i].role == Role::Receive && copy != 0;
        if takes_in && events[i].name == "1004" && events.iter().any(handed) {
            events[i].role = Role::Leave;
            events[i].next = Next::Outside;
            concluded.push(Conclusion {
                role: Role::Leave,
                address: BStr::new(b""),
                place: events[i].place,
            });
        }
    }
}

/// Events by which a connector takes a message or report in, or makes a report.
const TAKES_IN: [&str; 7] = ["1001", "1004", "1005", "1007", "1012", "1015", "1017"];

/// What a connector takes in or reports goes on to the MTA of its server, and only the Internet Mail Service tells so, of
/// mail (1013): where the MTA knows of it, it waits at the connector no more.
fn pass_on(events: &mut [Event<'_>]) {
    let of_mta = |e: &Event<'_>| {
        let number = e.name.to_str().ok().and_then(|name| name.parse().ok());
        e.copy != 0 && number.is_some_and(|number: u16| number < 1000)
    };
    for i in 0..events.len() {
        let Event { copy, server, .. } = events[i];
        if TAKES_IN.iter().any(|name| events[i].name == *name) && events[i].role != Role::Leave {
            let later = events.iter_mut().filter(|e| e.server == server);
            later.filter(|e| of_mta(e)).for_each(|e| e.parent = copy);
        }
    }
}

/// What the Internet Mail Service gives to a host (1011) has left, unless that host is a server whose log has it next: one
/// of 2000 or later, to which the organisation moves.
fn stay_inside<'d>(events: &mut [Event<'d>], concluded: &mut Vec<Conclusion<'d>>) {
    let host = |e: &Event<'d>| short_host(e.server_host().text());
    for i in 0..events.len() {
        let event = events[i];
        if event.name != "1011" || event.role != Role::Leave {
            continue;
        }
        let takes_over = |e: &&Event<'d>| {
            matches!(e.role, Role::Receive | Role::Deliver)
                && e.server != event.server
                && host(e).eq_ignore_ascii_case(host(&event))
        };
        let Some(next) = events.iter().find(takes_over) else {
            continue;
        };
        let next = Next::Server {
            host: event.server_host().text(),
            copy: next.copy,
        };
        (events[i].role, events[i].next) = (Role::Send, next);
        concluded.push(hand_over(event.place));
    }
}

/// A message may come back to the server it began on, where a list was expanded elsewhere: what that server gave on
/// or delivered before is not of the copy that came back.
fn part_visits<'d>(events: &mut [Event<'d>], concluded: &mut Vec<Conclusion<'d>>) {
    for i in 0..events.len() {
        let copy = events[i].copy;
        let opens = |e: &Event<'_>| e.role == Role::Receive && e.copy == copy;
        let is_first_visit = matches!(events[i].role, Role::Send | Role::Deliver)
            && !events[..i].iter().any(opens)
            && events[i + 1..].iter().any(opens);
        if is_first_visit {
            events[i].copy = 0;
            if events[i].role == Role::Send {
                concluded.push(hand_over(events[i].place));
            }
        }
    }
}

/// Whether a server gives recipients on to another, or out of the organisation.
fn gives_on(event: &Event<'_>) -> bool {
    event.role == Role::Leave || event.role == Role::Send && event.name == "7"
}

fn hand_over<'d>(place: Place) -> Conclusion<'d> {
    Conclusion {
        role: Role::Send,
        address: BStr::new(b""),
        place,
    }
}

/// Hand-overs whose receiver is concluded: the Internet Mail Service gives to its own server's store without naming it
/// (1013), the store driver to its own server's MTA (1029); a name without domain that SMTP gave to (1031), or the
/// client's name where there is no partner, is taken for a server of the organisation.
pub fn unnamed_receivers<'d>(events: &[Event<'d>]) -> impl Iterator<Item = Conclusion<'d>> {
    let concluded = |event: &&Event<'d>| {
        let named = event.server_host().text();
        let inside = matches!(event.next, Next::Server { .. });
        inside
            && match event.name.as_bytes() {
                b"1013" => true,
                b"1029" => named.is_empty(),
                b"1031" => !named.contains(&b'.'),
                _ => false,
            }
    };
    let places = events.iter().filter(concluded).map(|event| event.place);
    places.map(hand_over)
}

/// A rule in a mailbox forwards under the message's own id, in the name of its owner: what a recipient hands over after
/// it was delivered to, goes on because of that recipient.
fn note_forwards<'d>(
    events: &mut Vec<Event<'d>>,
    concluded: &mut Vec<Conclusion<'d>>,
    arena: &'d Bump,
) {
    let Some(author) = events.first().map(|e| e.sender().text()) else {
        return;
    };
    let mut forwards = Vec::new();
    for event in events.iter().filter(|e| e.role == Role::Send) {
        let owner = event.sender().text();
        if owner.is_empty() || owner == author || owner.eq_ignore_ascii_case(author) {
            continue;
        }
        let owns = |e: &&Event<'d>| e.role == Role::Deliver && e.names(owner);
        if events.iter().any(|e| owns(&e)) {
            let (role, next, related) = (Role::Redirect, Next::None, quoted(owner, arena));
            concluded.push(Conclusion {
                role,
                address: owner,
                place: event.place,
            });
            forwards.push(Event {
                role,
                next,
                related,
                copy: 0,
                ..*event
            });
        }
    }
    events.extend(forwards);
}

/// Expansions and redirects name the new recipients only: the old one is the one on that server of which nothing more
/// is heard.
fn name_replaced<'d>(
    events: &mut Vec<Event<'d>>,
    concluded: &mut Vec<Conclusion<'d>>,
    arena: &'d Bump,
) {
    let mut opened: Vec<Event<'d>> = Vec::new();
    for i in 0..events.len() {
        let done = |e: &&Event<'_>| e.server == events[i].server;
        if !replaces(&events[i])
            || !events[i].related.0.is_empty()
            || opened.iter().any(|e| done(&e))
        {
            continue;
        }
        let event = events[i];
        let mut conclude = |address: &'d [u8]| {
            concluded.push(Conclusion {
                role: event.role,
                address: BStr::new(address),
                place: event.place,
            })
        };
        let new = Names::of(events, arena, |at, _| at == i);
        let settled = Names::of(events, arena, |_, e| is_final(e.role));
        let mut known = Names::none(arena);
        events
            .iter()
            .flat_map(|e| e.related)
            .for_each(|address| known.add(address));
        let came = Names::of(events, arena, |at, e| {
            e.server == event.server && (at < i || at > i && !replaces(e))
        });
        let goes_on = |e: &Event<'_>| {
            e.role == Role::Defer
                || e.server == event.server && matches!(e.role, Role::Send | Role::Leave)
        };
        // What was given on before did not wait to be opened, unless it came back.
        let comes_in = |e: &Event<'_>| e.server == event.server && e.role == Role::Receive;
        let last_visit = events[..i].iter().rposition(comes_in).unwrap_or(0);
        let given_on = |e: &Event<'_>| e.server == event.server && gives_on(e);
        let later = Names::of(events, arena, |at, e| {
            at > i && goes_on(e) || (last_visit..i).contains(&at) && given_on(e)
        });
        let heard_of = [&new, &settled, &known, &later];
        let lost = |address: &&&[u8]| !heard_of.iter().any(|names| names.hold(address));
        let lost: Vec<&[u8]> = came.list.iter().filter(lost).copied().collect();
        let unnamed = |e: &&Event<'_>| {
            e.role == Role::Expand && e.server == event.server && e.related.0.is_empty()
        };
        if let [old] = lost[..] {
            events[i].related = quoted(old, arena);
            conclude(old);
        } else if lost.len() > 1 && events.iter().filter(unnamed).count() == lost.len() {
            // As many lists as were opened there: which is which, nothing tells.
            for list in lost {
                conclude(list);
                opened.push(Event {
                    recipients: List(b""),
                    related: quoted(list, arena),
                    ..event
                });
            }
        } else if let [only] = new.list[..]
            && event.role == Role::Expand
            && came.hold(only)
            && !settled.hold(only)
        {
            // The record names the list itself; its members are those that turn up later.
            let before = Names::of(events, arena, |at, _| at < i);
            let is_new = |e: &&Event<'_>| e.recipients.into_iter().any(|a| !before.hold(a));
            let members = events[i + 1..].iter().find(is_new).map(|e| e.recipients);
            events[i].related = quoted(only, arena);
            conclude(only);
            events[i].recipients = members.unwrap_or(List(b""));
        }
    }
    events.extend(opened);
}

/// What the categorizer of 2000 and 2003 makes of an address, it does not always log: a second address of a mailbox
/// becomes its first, a list its members. Who came in by SMTP and is never heard of again on that server became those
/// who turn up there.
fn note_categorized<'d>(
    events: &mut Vec<Event<'d>>,
    concluded: &mut Vec<Conclusion<'d>>,
    arena: &'d Bump,
) {
    for i in 0..events.len() {
        let is_entry = |e: &Event<'_>| is_entry(e) && e.server == events[i].server;
        if is_entry(&events[i]) && !events[..i].iter().any(is_entry) {
            note_categorized_on(i, events, concluded, arena);
        }
    }
}

/// Whether a server took the message in by SMTP.
fn is_entry(event: &Event<'_>) -> bool {
    event.role == Role::Receive && event.name == "1019"
}

/// What one server made of the addresses that came in with its first entry.
fn note_categorized_on<'d>(
    first: usize,
    events: &mut Vec<Event<'d>>,
    concluded: &mut Vec<Conclusion<'d>>,
    arena: &'d Bump,
) {
    let is_smtp = |address: &&[u8]| !address.starts_with(b"/");
    let entry = events[first];
    let here = |e: &Event<'_>| e.server == entry.server;
    let enters = |e: &Event<'_>| matches!(e.role, Role::Receive | Role::Submit);
    let came = Names::of(events, arena, |_, e| here(e) && is_entry(e));
    let tells = |e: &Event<'_>| !replaces(e) && e.role != Role::Resolve;
    let heard = Names::of(events, arena, |at, e| {
        !enters(e) && (here(e) || at > first && tells(e))
    });
    let mut replaced = Names::none(arena);
    let related = events.iter().flat_map(|e| e.related);
    related.for_each(|old| replaced.add(old));
    let lost = came.list.iter().copied().filter(is_smtp);
    let lost: Vec<&[u8]> = lost
        .filter(|a| !heard.hold(a) && !replaced.hold(a))
        .collect();
    // Of nearly every message all are heard of.
    if lost.is_empty() {
        return;
    }
    let named = Names::of(events, arena, |at, e| enters(e) && (here(e) || at < first));
    let made = Names::of(events, arena, |_, e| replaces(e));
    let goes = |e: &Event<'_>| here(e) && (is_final(e.role) || e.role == Role::Send);
    let later = Names::of(events, arena, |_, e| goes(e));
    let new = later.list.iter().copied().filter(is_smtp);
    let new: Vec<&[u8]> = new.filter(|a| !named.hold(a) && !made.hold(a)).collect();
    let role = match (&lost[..], &new[..]) {
        ([_], [_]) => Role::Resolve,
        ([_], [_, ..]) => Role::Expand,
        (lost, new) if lost.len() == new.len() => Role::Redirect,
        _ => return,
    };
    let became = match role {
        Role::Redirect => List(b""),
        _ => List::of(new.into_iter(), arena),
    };
    for old in lost {
        concluded.push(Conclusion {
            role,
            address: BStr::new(old),
            place: entry.place,
        });
        events.push(Event {
            role,
            recipients: became,
            related: quoted(old, arena),
            ..concluded_from(&entry)
        });
    }
}
