//! Rows of one message meet.
//!
//! In: rows by shard, from all chunks. Out: for each message its [`Path`], handed to the caller's `each`. Rows meet by
//! key: sorting a shard brings equal keys together. [`adopt`] has given rows with only a weaker identifier the
//! key of the message they belong to; [`links`] knows what ties messages.

pub mod adopt;
pub mod links;

use bstr::BStr;
use bumpalo::Bump;

use crate::dialect::{self, Layout, Slice, Surroundings};
use crate::event::{Event, Role, ServerId};
use crate::keys::Keys;
use crate::path::build::{Rows, Scene, build};
use crate::path::notes;
use crate::path::{Path, Step};
use crate::row::Row;
use crate::servers::Servers;
use links::Links;

/// What stands behind rows: the chunks they were found in and the run's tables.
pub struct Ground<'d> {
    pub slices: Vec<Slice<'d>>,
    pub layouts: Vec<Vec<Layout>>,
    pub server_ids: Vec<Vec<ServerId>>,
    pub servers: Servers,
    pub keys: Keys,
}

impl<'d> Ground<'d> {
    /// What decoding a row needs.
    #[inline]
    pub fn around<'g>(&'g self, row: &Row, arena: &'g Bump) -> Surroundings<'g> {
        let chunk = row.chunk as usize;
        let slice = &self.slices[chunk];
        Surroundings {
            data: slice.data,
            file: slice.file,
            start: slice.start,
            layouts: &self.layouts[chunk],
            server_ids: &self.server_ids[chunk],
            servers: &self.servers,
            keys: &self.keys,
            arena,
        }
    }
}

/// What is wanted of each path beside its fates.
#[derive(Clone, Copy, Debug, Default)]
pub struct Detail {
    pub hops: bool,
    /// Every row as a step.
    pub steps: bool,
}

/// Builds the messages of one shard and hands each to `each`. Returns how many rows had been collected twice.
pub fn messages(
    rows: &mut [Row],
    ground: &Ground<'_>,
    scene: &Scene<'_>,
    links: &Links,
    detail: Detail,
    mut each: impl FnMut(&Path<'_>),
) -> u64 {
    rows.sort_unstable_by_key(|row| (row.key, row.time, row.chunk, row.offset));
    let mut arena = Bump::new();
    let mut twice = 0;
    let mut start = 0;
    while start < rows.len() {
        let len = rows[start..]
            .iter()
            .take_while(|row| row.key == rows[start].key)
            .count();
        let group = &rows[start..start + len];
        start += len;
        {
            let mut message = Message {
                ground,
                scene,
                links,
                detail,
                arena: &arena,
            };
            twice += message.build(group, &mut each);
        }
        if arena.allocated_bytes() > (1 << 20) {
            arena.reset();
        }
    }
    twice
}

struct Message<'m, 'd> {
    ground: &'m Ground<'d>,
    scene: &'m Scene<'m>,
    links: &'m Links,
    detail: Detail,
    arena: &'m Bump,
}

impl Message<'_, '_> {
    fn build(&mut self, group: &[Row], each: &mut impl FnMut(&Path<'_>)) -> u64 {
        let (same, strangers): (Vec<Row>, Vec<Row>);
        let mut group = group;
        if self.has_strangers(group) {
            // Two identifiers with one key: next to impossible, but then they are two messages.
            let first = self.identity(&group[0]);
            (same, strangers) = group
                .iter()
                .partition(|row| self.identity(row).eq_ignore_ascii_case(first));
            let twice = self.build(&strangers, each);
            group = &same;
            return twice + self.build_one(group, each);
        }
        self.build_one(group, each)
    }

    fn identity(&self, row: &Row) -> &[u8] {
        dialect::identity(row, &self.ground.around(row, self.arena))
    }

    /// Whether a row of the same kind of key has another identifier. Adopted rows have another kind.
    fn has_strangers(&self, group: &[Row]) -> bool {
        let first = self.identity(&group[0]);
        group[1..]
            .iter()
            .any(|row| row.kind == group[0].kind && !self.identity(row).eq_ignore_ascii_case(first))
    }

    fn build_one(&self, group: &[Row], each: &mut impl FnMut(&Path<'_>)) -> u64 {
        let mut kept = Vec::with_capacity(group.len());
        let twice = self.drop_twice(group, &mut kept);
        let around = |row: &Row| self.ground.around(row, self.arena);
        let matters = |row: &&&Row| !matches!(row.role, Role::Info | Role::Shadow);
        let mut events: Vec<Event<'_>> = kept
            .iter()
            .filter(matters)
            .map(|row| dialect::event(row, &around(row)))
            .collect();
        if events.is_empty() {
            events.push(dialect::event(kept[0], &around(kept[0])));
        }
        let rows = Rows {
            count: kept.len() as u32,
            first: kept[0].time,
            last: kept[kept.len() - 1].time,
            size_bytes: kept
                .iter()
                .map(|row| dialect::size_bytes(row, &around(row)))
                .max()
                .unwrap_or(0),
        };
        let mut path = build(&events, rows, self.scene);
        for row in kept.iter().filter(|row| row.role == Role::Info) {
            notes::rules(
                dialect::agent_data(row, &around(row)),
                &mut path.notes.rules,
            );
        }
        self.links.add_to(&mut path, &self.ground.keys);
        if self.detail.steps {
            path.steps = kept
                .iter()
                .map(|row| step(&dialect::event(row, &around(row))))
                .collect();
        }
        each(&path);
        twice
    }

    /// Leaves out rows that were collected twice: same instant, same event, same log-id or same bytes.
    fn drop_twice<'r>(&self, group: &'r [Row], kept: &mut Vec<&'r Row>) -> u64 {
        let mut start = 0;
        while start < group.len() {
            let len = group[start..]
                .iter()
                .take_while(|row| row.time == group[start].time)
                .count();
            let instant = &group[start..start + len];
            start += len;
            if len == 1 {
                kept.push(&instant[0]);
                continue;
            }
            let mut seen = hashbrown::HashSet::new();
            for row in instant {
                // Rows that nobody shares event and length with need not be looked at.
                let alike = instant
                    .iter()
                    .take(64)
                    .filter(|o| o.code == row.code && o.len == row.len)
                    .count();
                if alike < 2 && len <= 64 {
                    kept.push(row);
                } else if seen.insert((row.code, self.fingerprint(row))) {
                    kept.push(row);
                }
            }
        }
        (group.len() - kept.len()) as u64
    }

    fn fingerprint(&self, row: &Row) -> &[u8] {
        dialect::fingerprint(row, &self.ground.around(row, self.arena))
    }
}

fn step<'d>(event: &Event<'d>) -> Step<'d> {
    let incoming = matches!(
        event.role,
        Role::Receive | Role::Submit | Role::Deliver | Role::Shadow
    );
    let detail = if event.context.is_empty() {
        BStr::new(event.statuses.0)
    } else {
        event.context
    };
    Step {
        time: event.time,
        server: Some(event.server),
        role: event.role,
        event: event.name,
        source: event.source,
        recipients: BStr::new(event.recipients.0),
        related: BStr::new(event.related.0),
        peer: if incoming {
            event.client_host
        } else {
            event.server_host
        },
        detail,
        place: event.place,
    }
}
