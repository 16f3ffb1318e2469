//! The identifiers a message goes by beside its Message-ID: those of 2003 and before, queue ids of other programs.
//!
//! In: a path and its events. Out: the path's Message-ID and its other ids, each once.

use bstr::{BStr, BString};
use bumpalo::Bump;

use crate::address::bare_id;
use crate::address::x400::{is_mts_id, is_proper_id, plain_id, remote_message_id};
use crate::dialect::legacy::settle::Conclusion;
use crate::event::{Event, Role};
use crate::path::{IdTie, Inferred, Path, Relation, Via};

/// Gives a path its identifiers: the Message-ID it is known by outside, if there is one, and all others.
pub fn identify<'d>(path: &mut Path<'d>, events: &[Event<'d>]) {
    // Most messages go by one id, which all rows write alike.
    let only = |event: &Event<'d>| {
        event.linked_id.is_empty() && event.message_id.text() == path.message_id
    };
    if events.iter().all(only) {
        return;
    }
    let arena = Bump::new();
    let mut plain: Vec<BString> = Vec::new();
    let mut ids: Vec<&'d BStr> = Vec::new();
    let told = events.iter().flat_map(|event| {
        let linked = event.linked_id;
        let linked = remote_message_id(linked).map_or(linked, BStr::new);
        [event.message_id.text(), linked]
    });
    // Most rows of a message write its ids alike.
    let mut seen: Vec<&BStr> = Vec::new();
    for id in std::iter::once(path.message_id).chain(told) {
        if seen.contains(&id) || !is_proper_id(id) {
            continue;
        }
        seen.push(id);
        let form = outer_form(id, &arena);
        if !plain.contains(&form) {
            plain.push(form);
            ids.push(id);
        }
    }
    let outside = |id: &&BStr| !is_mts_id(bare_id(id)) || id.contains(&b'%');
    if let Some(at) = ids.iter().position(outside) {
        path.message_id = ids.remove(at);
    } else if !ids.is_empty() {
        path.message_id = ids.remove(0);
    }
    path.id_ties = ids
        .iter()
        .map(|id| tie(id, path.message_id, events, &arena))
        .collect();
    path.other_ids = ids;
}

/// By what `id` is known to be of the message that goes by `main`.
fn tie(id: &BStr, main: &BStr, events: &[Event<'_>], arena: &Bump) -> IdTie {
    // Stores and MTAs write one id in different cases.
    let wanted = [outer_form(id, arena), outer_form(main, arena)];
    let both = |event: &&Event<'_>| {
        let linked = event.linked_id;
        let linked = remote_message_id(linked).map_or(linked, BStr::new);
        let told = [event.message_id.text(), linked].map(|id| outer_form(id, arena));
        !linked.is_empty() && wanted.iter().all(|id| told.contains(id))
    };
    match events.iter().find(both) {
        Some(event) => IdTie::Row(event.place),
        None if plain_id(id, arena) == plain_id(main, arena) => IdTie::Form,
        None => IdTie::Chain,
    }
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
    // Logs and documents disagree on which of the two ids in a row about a report is the report's.
    let reports = |(relation, _): &&(Relation, &BStr)| {
        matches!(relation, Relation::Report | Relation::ReportOf)
    };
    let about = path.related.iter().filter(reports);
    path.inferred
        .extend(about.map(|(_, id)| (Inferred::Report, *id)));
}

/// Marks aliases that no row tells of: one of a group of addresses became each of its members.
pub fn mark_one_of<'d>(path: &mut Path<'d>, groups: Vec<Vec<&'d BStr>>) {
    for group in groups {
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
        let id = event.linked_id;
        if event.copy != 0 && !id.is_empty() && !path.other_ids.contains(&id) {
            path.other_ids.push(id);
        }
    }
}

/// Ids that look alike to a person are one; a Message-ID that embeds an MTS-ID is shown beside it.
fn outer_form(id: &BStr, arena: &Bump) -> BString {
    let mut form = plain_id(id, arena).to_owned();
    if id.contains(&b'%') {
        form.push(b'@');
    }
    form.into()
}
