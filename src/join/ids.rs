//! The identifiers a message goes by beside its Message-ID: those of 2003 and before, queue ids of other programs, and
//! network-message-ids beside the first.
//!
//! In: a path and its events. Out: the path's Message-ID and its other ids, each once.

use bstr::BStr;
use bumpalo::Bump;
use bumpalo::collections::Vec as InArena;

use crate::address::bare_id;
use crate::address::x400::{is_mts_id, is_proper_id, plain_id, remote_message_id};
use crate::dialect::foreign::stay::Concluded;
use crate::dialect::legacy::conclusion::Conclusion;
use crate::event::{Event, Role};
use crate::path::{IdTie, Inferred, Path, Relation, Via};

/// Gives a path its identifiers: the Message-ID it is known by outside, if there is one, and all others.
pub fn identify<'d>(path: &mut Path<'d>, events: &[Event<'d>], arena: &'d Bump) {
    // Most messages go by one id, which all rows write alike.
    let only = |event: &Event<'d>| {
        event.linked_id().is_empty() && event.message_id().text() == path.message_id
    };
    if events.iter().all(only) {
        return;
    }
    let linked = |event: &Event<'d>| {
        let linked = event.linked_id();
        remote_message_id(linked).map_or(linked, BStr::new)
    };
    // Ids, each once, with the form in which it is compared.
    let mut ids: InArena<(&'d BStr, &'d [u8])> = InArena::new_in(arena);
    // Most rows of a message write its ids alike: an id as written, and its place in `ids`.
    let mut seen: InArena<(&'d BStr, Option<usize>)> = InArena::new_in(arena);
    let mut place = |id: &'d BStr| {
        if let Some((_, place)) = seen.iter().find(|(known, _)| *known == id) {
            return *place;
        }
        let place = is_proper_id(id).then(|| {
            let form = outer_form(id, arena);
            let known = ids.iter().position(|(_, known)| *known == form);
            known.unwrap_or_else(|| {
                ids.push((id, form));
                ids.len() - 1
            })
        });
        seen.push((id, place));
        place
    };
    place(path.message_id);
    let told = |event| [place(event_id(event)), place(linked(event))];
    let told: InArena<[Option<usize>; 2]> = InArena::from_iter_in(events.iter().map(told), arena);
    let outside = |(id, _): &(&BStr, &[u8])| !is_mts_id(bare_id(id)) || id.contains(&b'%');
    let main = ids.iter().position(outside).unwrap_or(0);
    let Some(&(name, _)) = ids.get(main) else {
        return;
    };
    path.message_id = name;
    for (i, (id, _)) in ids.into_iter().enumerate().filter(|(i, _)| *i != main) {
        // By what it is known to be of the message: stores and MTAs write one id in different cases.
        let both = |told: &[Option<usize>; 2]| [i, main].iter().all(|id| told.contains(&Some(*id)));
        path.id_ties.push(match told.iter().position(both) {
            Some(at) => IdTie::Row(events[at].place),
            None if plain_id(id, arena) == plain_id(name, arena) => IdTie::Form,
            None => IdTie::Chain,
        });
        path.other_ids.push(id);
    }
}

fn event_id<'d>(event: &Event<'d>) -> &'d BStr {
    event.message_id().text()
}

/// Marks what was concluded and not logged.
pub fn mark_inferred<'d>(path: &mut Path<'d>, concluded: &[Conclusion<'d>]) {
    for conclusion in concluded {
        let what = match conclusion.role {
            Role::Expand => Inferred::Link(Via::Expanded),
            Role::Resolve => Inferred::Link(Via::Resolved),
            Role::Leave => Inferred::Outgoing(conclusion.place),
            Role::Send => Inferred::Hop(conclusion.place),
            _ => Inferred::Link(Via::Redirected),
        };
        path.inferred.push((what, conclusion.address));
    }
}

/// Marks the reports of Exchange 4.0 to 2003: logs and documents disagree on which of the two ids in a row about a report is
/// the report's.
pub fn mark_reports(path: &mut Path<'_>) {
    let reports = |(relation, _): &&(Relation, &BStr)| {
        matches!(relation, Relation::Report | Relation::ReportOf)
    };
    let about = path.related.iter().filter(reports);
    path.inferred
        .extend(about.map(|(_, id)| (Inferred::Report, *id)));
}

/// Marks aliases that no row tells of.
pub fn mark_unsaid<'d>(path: &mut Path<'d>, unsaid: Concluded<'d>) {
    let merged = unsaid.merged.into_iter();
    path.inferred
        .extend(merged.map(|address| (Inferred::Link(Via::Redirected), address)));
    for group in unsaid.one_of {
        let links = group.iter();
        path.inferred
            .extend(links.map(|address| (Inferred::Link(Via::Expanded), *address)));
        if group.len() > 1 {
            path.one_of.push(group);
        }
    }
}

/// Adds the queue ids under which Postfix, Exim and Sendmail had a message, in the order of its way.
pub fn queue_ids<'d>(path: &mut Path<'d>, events: &[Event<'d>]) {
    for event in events {
        let id = event.linked_id();
        if event.copy != 0 && !id.is_empty() && !path.other_ids.contains(&id) {
            path.other_ids.push(id);
        }
    }
}

/// Adds the further network-message-ids: a message that comes into Exchange once more behind a relay, or into Exchange
/// Online, gets one anew.
pub fn network_ids<'d>(path: &mut Path<'d>, events: &[Event<'d>]) {
    let ids = (events.iter()).map(|event| (event.time, event.network_message_id().text()));
    let mut ids: Vec<_> = ids.filter(|(_, id)| !id.is_empty()).collect();
    // Of one instant by the id itself, not by the file.
    ids.sort_unstable();
    for (_, id) in ids {
        if id != path.network_message_id && !path.other_ids.contains(&id) {
            path.other_ids.push(id);
        }
    }
}

/// Ids that look alike to a person are one; a Message-ID that embeds an MTS-ID is shown beside it.
fn outer_form<'d>(id: &'d BStr, arena: &'d Bump) -> &'d [u8] {
    let form = plain_id(id, arena);
    match id.contains(&b'%') {
        true => {
            let mut outer = InArena::with_capacity_in(form.len() + 1, arena);
            outer.extend_from_slice_copy(form);
            outer.push(b'@');
            outer.into_bump_slice()
        }
        false => form,
    }
}
