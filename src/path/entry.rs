//! Which event is a message's way in, the texts that its rows agree on, and what an event says of why it happened.
//!
//! In: the events of one message, in order. Out: the event by which it came in, the first text of a kind, reasons.

use bstr::BStr;

use super::Entry;
use crate::event::{Event, Next, Raw, Role};

/// The event by which the message came in, by causality, because clocks differ: its submission by a mailbox (as the
/// mailbox's own server tells it, then as transport does), the making of a report, the first receipt that is
/// not the next hop of another, or a refusal.
pub(super) fn entry_event<'a, 'd>(events: &'a [Event<'d>]) -> Option<(Entry, &'a Event<'d>)> {
    let submitted = first_of(events, |e| e.from_mailbox && e.starts_message)
        .or_else(|| first_of(events, |e| e.from_mailbox));
    if let Some(event) = submitted {
        return Some((Entry::Submitted, event));
    }
    if let Some(event) = first_of(events, |e| e.role == Role::Report) {
        return Some((Entry::Generated, event));
    }
    let handed_on = |copy: u64| {
        copy != 0
            && events
                .iter()
                .any(|e| matches!(e.next, Next::Server { copy: next, .. } if next == copy))
    };
    if let Some(event) = first_of(events, |e| e.role == Role::Receive && !handed_on(e.copy)) {
        return Some((
            if event.generated {
                Entry::Generated
            } else {
                Entry::Received
            },
            event,
        ));
    }
    let refused = |e: &&Event<'_>| e.role == Role::Fail && (e.copy == 0 || e.name == "refused");
    events
        .iter()
        .find(refused)
        .filter(|_| events.iter().all(|e| refused(&e) || e.role == Role::Info))
        .map(|e| (Entry::Received, e))
}

/// Why an event happened, in the log's words.
pub(super) fn why<'d>(event: &Event<'d>) -> &'d BStr {
    match event.statuses().text() {
        none if none.is_empty() => otherwise(event),
        statuses => statuses,
    }
}

/// Events without a status whose name says why: what waits for a moderator, what he or time refused, what crashed
/// a server.
const TELLING: [&str; 4] = [
    "INITMESSAGECREATED",
    "MODERATORREJECT",
    "MODERATIONEXPIRE",
    "POISONMESSAGE",
];

/// The same where no status tells.
pub(super) fn otherwise<'d>(event: &Event<'d>) -> &'d BStr {
    match event.context().text() {
        none if none.is_empty() && TELLING.iter().any(|name| event.name == name) => event.name,
        context => context,
    }
}

/// The first that fits. Of several in one instant it is the one with the lowest network-message-id, so that it does not
/// hang on the names of files which id the message goes by.
fn first_of<'a, 'd>(
    events: &'a [Event<'d>],
    fits: impl Fn(&Event<'d>) -> bool,
) -> Option<&'a Event<'d>> {
    let at = events.iter().position(&fits)?;
    let first = &events[at];
    let same_time = events[at + 1..].iter().take_while(|e| e.time == first.time);
    std::iter::once(first)
        .chain(same_time.filter(|e| fits(e)))
        .min_by_key(|e| e.network_message_id().text())
}

/// The first row that has the text, beginning with the entry. Many formats have some texts on no row: asking all of them
/// must cost next to nothing.
#[inline(always)]
pub(super) fn first_text<'d>(
    head: &Event<'d>,
    events: &[Event<'d>],
    get: impl Fn(&Event<'d>) -> Raw<'d>,
) -> &'d BStr {
    let of_head = get(head).text();
    if !of_head.is_empty() {
        return of_head;
    }
    for event in events {
        let raw = get(event);
        if !raw.is_empty() && !raw.text().is_empty() {
            return raw.text();
        }
    }
    BStr::new(b"")
}
