//! The events of a message that is one queue record: it came, its lines name it, and every recipient was told of by name.
//!
//! In: the rows of a message. Out: its events, settled, if it is so plain a message; nearly all are. Lines that only name
//! the message (`message-id=`, `from=`) make no events of their own: what they name stands in the event that opened the
//! record. [`super::settle`] would come to the same, by way of all that other messages may be.

use super::entry::{Entry, is_bare_of, list};
use super::event::{entry_of, of_entry};
use super::events::code;
use super::is_gone;
use super::recipients::{add, lost_ends};
use super::settle::lead_nowhere;
use crate::dialect::{Layout, Surroundings};
use crate::event::{Event, Role};
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
        let is_gone = || rows.iter().any(|row| is_gone(row));
        let lost = lost_ends(events[0].copy, events, is_gone);
        open(events, &around_first);
        events.extend(lost);
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
    let entry = |row: &Row| {
        let around = around(row);
        match &around.layouts[usize::from(row.layout)] {
            Layout::Foreign(schema) => Some((entry_of(row, schema, &around), around)),
            _ => None,
        }
    };
    let mut opens = None;
    for row in rows {
        let part = part(row)?;
        if !matches!(part, Part::Opens | Part::Names) {
            continue;
        }
        let (entry, around) = entry(row)?;
        match (part, &mut opens) {
            _ if !entry.to.is_empty() => return None,
            (Part::Opens, None) if entry.other.is_empty() => opens = Some((row, entry, around)),
            (Part::Names, Some((_, opener, _))) => name(opener, &entry)?,
            _ => return None,
        }
    }
    let (row, opener, around) = opens?;
    let opener = of_entry(row, &opener, &around, None);
    let copy = opener.copy;
    events.push(opener);
    for row in rows
        .iter()
        .filter(|row| matches!(part(row), Some(Part::Ends)))
    {
        let (entry, around) = entry(row)?;
        events.push(of_entry(row, &entry, &around, Some(copy)));
        let event = events.last_mut()?;
        if event.recipients.0.is_empty() || !event.related.0.is_empty() {
            return None;
        }
        lead_nowhere(event, around.servers, around.keys);
    }
    Some(())
}

/// Adds what a later line names to the line that opened the record; `None` where they do not fit.
fn name<'d>(opener: &mut Entry<'d>, later: &Entry<'d>) -> Option<()> {
    if opener.program != later.program {
        return None;
    }
    if matches!(opener.message_id, b"" | b"<>") {
        opener.message_id = later.message_id;
    }
    match (opener.sender, later.sender) {
        (_, None) => {}
        (None, sender) => opener.sender = sender,
        (Some(known), Some(sender)) if known.is_empty() != sender.is_empty() => return None,
        (Some(known), Some(sender)) => {
            if is_bare_of(known, sender) {
                opener.sender = Some(sender);
            }
        }
    }
    Some(())
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
