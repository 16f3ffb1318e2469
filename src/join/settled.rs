//! What the families of logs say of one message, each by rules of its own.
//!
//! In: the events of a message. Out: the same events, settled by the family they are of, and [`Settled`]: what no event
//! says and its path is to say.

use std::cell::OnceCell;

use bumpalo::Bump;
use hashbrown::HashSet;

use super::{Joint, ids};
use crate::dialect::{self, Layout, foreign, legacy, modern, online};
use crate::event::{Event, Place};
use crate::path::{Class, Path};
use crate::row::Row;

/// Which families of logs the rows of a message are of.
#[derive(Clone, Copy)]
pub(super) struct Families {
    pub legacy: bool,
    pub foreign: bool,
    online: bool,
    online_detail: bool,
}

impl Families {
    pub fn of(rows: &[&Row], joint: &Joint<'_>) -> Families {
        let layouts = &joint.ground.layouts;
        let any = |is: fn(&Layout) -> bool| {
            layouts.iter().any(is) && rows.iter().any(|row| is(&layouts[usize::from(row.layout)]))
        };
        Families {
            legacy: any(Layout::is_legacy),
            foreign: any(Layout::is_foreign),
            online: any(Layout::is_online),
            online_detail: any(Layout::is_online_detail),
        }
    }
}

/// What the events of a message were found to say together, beside what stands in them by now.
#[derive(Default)]
pub(super) struct Settled<'a> {
    inferred: Vec<legacy::conclusion::Conclusion<'a>>,
    unsaid: foreign::stay::Concluded<'a>,
    /// Deliveries of which no log says when.
    untimed: Vec<Place>,
    is_probe: bool,
}

/// Has each family settle the events of a message.
pub(super) fn settle<'a>(
    rows: &[&'a Row],
    events: &mut Vec<Event<'a>>,
    families: Families,
    joint: &Joint<'a>,
    arena: &'a Bump,
) -> Settled<'a> {
    let mut settled = Settled::default();
    if families.legacy {
        settled.inferred = legacy::settle::settle(events, arena);
        if joint.scene.hops {
            (settled.inferred).extend(legacy::settle::unnamed_receivers(events));
        }
    }
    if families.foreign || families.online_detail {
        let around = foreign::stay::Around {
            servers: &joint.ground.servers,
            keys: &joint.ground.keys,
            arena,
            horizon: joint.scene.horizon,
        };
        settled.is_probe =
            families.foreign && foreign::settle::is_probe(events, rows.len(), around);
        let done = OnceCell::new();
        let is_done = |copy| {
            let gone = || rows.iter().filter(|row| foreign::is_gone(row));
            let copy_of =
                |row: &&'a Row| dialect::event(row, &joint.ground.around(row, arena)).copy;
            let done: &HashSet<u64> = done.get_or_init(|| gone().map(copy_of).collect());
            done.contains(&copy)
        };
        settled.unsaid = foreign::settle::settle(events, around, is_done);
    }
    modern::settle(events);
    if families.online {
        settled.untimed = online::settle(events, &joint.ground.servers, arena);
    }
    settled
}

impl<'a> Settled<'a> {
    /// Puts into a path what its events do not say.
    pub fn put(
        self,
        path: &mut Path<'a>,
        rows: &[&Row],
        events: &[Event<'a>],
        families: Families,
        joint: &Joint<'a>,
        arena: &'a Bump,
    ) {
        let untimed = |place| self.untimed.contains(place);
        for recipient in path.recipients.iter_mut() {
            if recipient.place.as_ref().is_some_and(untimed) {
                recipient.latency_ms = None;
            }
        }
        if self.is_probe || families.legacy && is_legacy_probe(rows, events, joint) {
            path.class = Class::Probe;
        }
        if families.legacy {
            if !(joint.detail.hops || joint.detail.steps) {
                let origin = &mut path.origin;
                origin.client_host = legacy::sides::peer_name(origin.client_host);
                origin.connector = legacy::sides::connector_name(origin.connector);
            }
            ids::identify(path, events, arena);
            ids::mark_inferred(path, &self.inferred);
        }
        if families.foreign {
            ids::queue_ids(path, events);
            ids::mark_unsaid(path, self.unsaid);
        }
        if families.foreign || families.online || families.online_detail {
            ids::network_ids(path, events);
        }
    }
}

/// Whether a message of Exchange 4.0 to 2003 only tried whether links work.
fn is_legacy_probe(rows: &[&Row], events: &[Event<'_>], joint: &Joint<'_>) -> bool {
    let layouts = &joint.ground.layouts;
    let is_legacy = |row: &&Row| layouts[usize::from(row.layout)].is_legacy();
    legacy::events::are_of_probe(rows) && rows.iter().all(is_legacy)
        || events.iter().all(|e| legacy::events::is_probe(e.name))
}
