//! The events of a message that is one queue record: it came, its lines name it, and every recipient was told of by name.
//!
//! In: the rows of a message. Out: its events, settled, if it is so plain a message; nearly all are. Lines that only name
//! the message (`message-id=`, `from=`) make no events of their own: what they name stands in the event that opened the
//! record. [`super::settle`] would come to the same, by way of all that other messages may be.

use super::entry::{Entry, list};
use super::event::{entry_of, message_id, of_entry, return_path};
use super::events::code;
use super::recipients::add;
use super::settle::{lead_nowhere, name_sender};
use crate::dialect::{Layout, Surroundings};
use crate::event::{Event, Role, Text};
use crate::row::{KeyKind, Row, mark};

/// More lines are looked at by the general way: most are about recipients beside the first.
const MOST_ROWS: usize = 32;

/// What a row is to a plain message.
enum Part {
    Opens,
    /// Names the message and changes nothing.
    Names,
    /// Says what became of recipients.
    Ends,
    /// Is only counted.
    Counts,
}

fn part(row: &Row) -> Option<Part> {
    if row.kind != KeyKind::Queue || row.has(mark::TIED) {
        return None;
    }
    match row.code {
        code::RECEIVED if row.role == Role::Receive => Some(Part::Opens),
        code::NAMED | code::QUEUED => Some(Part::Names),
        code::SENT | code::DELIVERED | code::DEFERRED | code::BOUNCED => Some(Part::Ends),
        _ if row.role == Role::Info && !row.has(mark::NAMES) => Some(Part::Counts),
        _ => None,
    }
}

/// Whether these may be the rows of a plain message: it is opened once, first, and something became of it.
fn may_be_plain(rows: &[&Row], layouts: &[Layout]) -> bool {
    let (mut opened, mut ended) = (false, false);
    for row in rows {
        let is_foreign = matches!(layouts[usize::from(row.layout)], Layout::Foreign(_));
        match part(row).filter(|_| is_foreign) {
            Some(Part::Opens) if !opened => opened = true,
            Some(Part::Names) if opened => {}
            Some(Part::Ends) if opened => ended = true,
            Some(Part::Counts) => {}
            _ => return false,
        }
    }
    opened && ended
}

/// Makes the settled events of a plain message, and returns whether it is one; if not, `events` is left empty.
pub fn brief<'d>(
    rows: &[&Row],
    around: impl Fn(&Row) -> Surroundings<'d>,
    events: &mut Vec<Event<'d>>,
) -> bool {
    let Some(first) = rows.first().filter(|_| rows.len() <= MOST_ROWS) else {
        return false;
    };
    let around_first = around(first);
    let is_plain = may_be_plain(rows, around_first.layouts) && make(rows, around, events).is_some();
    if is_plain {
        open(events, &around_first);
    } else {
        events.clear();
    }
    is_plain
}

/// The events; `None` where lines say more than a plain message's do.
fn make<'d>(
    rows: &[&Row],
    around: impl Fn(&Row) -> Surroundings<'d>,
    events: &mut Vec<Event<'d>>,
) -> Option<()> {
    for row in rows {
        let part = part(row)?;
        if matches!(part, Part::Counts) {
            continue;
        }
        let around = around(row);
        let Layout::Foreign(schema) = &around.layouts[usize::from(row.layout)] else {
            return None;
        };
        let entry = entry_of(row, schema, &around);
        match part {
            Part::Opens if entry.to.is_empty() && entry.other.is_empty() => {
                events.push(of_entry(row, &entry, &around, None));
            }
            Part::Names if entry.to.is_empty() => name(events.first_mut()?, &entry, &around),
            Part::Ends => {
                let copy = events.first()?.copy;
                events.push(of_entry(row, &entry, &around, Some(copy)));
                let event = events.last_mut()?;
                if event.recipients.0.is_empty() || !event.related.0.is_empty() {
                    return None;
                }
                lead_nowhere(event, around.servers, around.keys);
            }
            _ => return None,
        }
    }
    Some(())
}

/// Puts what a line names into the event that opened the record, which may name it itself.
fn name<'d>(opener: &mut Event<'d>, entry: &Entry<'d>, around: &Surroundings<'d>) {
    let arena = around.arena;
    if opener.message_id().is_empty() {
        let id = message_id(entry, arena);
        opener.texts = opener.texts.with(Text::MessageId, id, arena);
    }
    name_sender(opener, entry.sender.unwrap_or_default(), arena);
    if opener.return_path().is_empty() {
        let path = return_path(entry);
        opener.texts = opener.texts.with(Text::ReturnPath, path, arena);
    }
}

/// The record opens with the recipients that its lines tell of.
fn open<'d>(events: &mut [Event<'d>], around: &Surroundings<'d>) {
    let Some((opener, ends)) = events.split_first_mut() else {
        return;
    };
    let first = ends[0].recipients;
    let is_one = |event: &Event<'_>| event.recipients.0.eq_ignore_ascii_case(first.0);
    if !first.0.contains(&b';') && ends.iter().all(is_one) {
        opener.recipients = first;
        return;
    }
    let mut all = Vec::new();
    ends.iter().for_each(|end| add(&mut all, end.recipients));
    opener.recipients = list(all.into_iter(), around.arena);
}
