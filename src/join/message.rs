//! One group of rows to one path.
//!
//! In: the rows of one key. Out: the path, with rows that were collected twice left out and counted.

use bstr::BStr;
use bumpalo::Bump;
use hashbrown::HashSet;

use super::settled::{Families, Settled, settle};
use super::{Joint, ids};
use crate::address::short_host;
use crate::dialect::foreign::hop::At;
use crate::dialect::{self, Surroundings, foreign};
use crate::event::{Event, Place, Role};
use crate::path::buffers::{Buffers, emptied};
use crate::path::build::{Rows, build};
use crate::path::{Candidate, Path, Step};
use crate::row::{KeyKind, Row, mark};

/// Up to this many rows of one instant are compared pair by pair first; more go through a table at once.
const COMPARED: usize = 64;

/// Brings the rows of a message in order: by time, then by place.
pub fn sort(rows: &mut [&Row], joint: &Joint<'_>) {
    let slices = &joint.ground.slices;
    let place = |row: &Row| {
        let slice = &slices[row.chunk as usize];
        (slice.file, slice.start + u64::from(row.offset))
    };
    rows.sort_unstable_by(|a, b| a.time.cmp(&b.time).then_with(|| place(a).cmp(&place(b))));
}

/// Leaves out rows that were collected twice: same instant, same event, and the same log-id or the same bytes, or what a
/// copy of a log that ends inside a record has of it: the last row of its file, which begins one of another file.
/// Returns how many there were. `rows` must be in order.
pub fn drop_twice(rows: &mut Vec<&Row>, joint: &Joint<'_>) -> u64 {
    let may_be_twice = |run: &[&Row]| {
        let codes = |i: usize| run[i + 1..].iter().any(|other| other.code == run[i].code);
        run.len() > COMPARED || (0..run.len()).any(codes)
    };
    let same_time = |a: &&Row, b: &&Row| a.time == b.time;
    if !rows.chunk_by(same_time).any(may_be_twice) {
        return 0;
    }
    let before = rows.len();
    let arena = Bump::new();
    let mut seen = HashSet::new();
    let mut once: Vec<&Row> = Vec::with_capacity(before);
    for run in rows.chunk_by(same_time) {
        if !may_be_twice(run) {
            once.extend(run);
            continue;
        }
        seen.clear();
        let print = |row: &Row| {
            let print = dialect::fingerprint(row, &joint.ground.around(row, &arena));
            (row.code, print)
        };
        let begin = once.len();
        once.extend(run.iter().filter(|row| seen.insert(print(row))));
        let torn = |row: &&Row| joint.ground.may_be_torn(row);
        if once.len() - begin > 1 && run.iter().any(torn) {
            let file = |row: &Row| joint.ground.slices[row.chunk as usize].file;
            let is_part = |row: &Row| {
                let own = print(row);
                let is_whole = |other: &&Row| !torn(other) && print(other) == own;
                let begins = |other: &&Row| {
                    let (code, bytes) = print(other);
                    file(other) != file(row)
                        && code == own.0
                        && bytes.len() > own.1.len()
                        && bytes.starts_with(own.1)
                };
                run.iter().any(begins) && !run.iter().any(is_whole)
            };
            let left = once.split_off(begin);
            once.extend(left.into_iter().filter(|row| !(torn(row) && is_part(row))));
        }
    }
    *rows = once;
    (before - rows.len()) as u64
}

/// Builds the path of `rows`, which must be in order, without rows collected twice, and not empty.
pub fn path<'a>(
    rows: &[&'a Row],
    joint: &Joint<'a>,
    arena: &'a Bump,
    buffers: &mut Buffers,
) -> Path<'a> {
    let around = |row: &Row| Surroundings {
        full: joint.detail.hops || joint.detail.steps,
        ..joint.ground.around(row, arena)
    };
    let event = |row: &'a Row| dialect::event(row, &around(row));
    let families = Families::of(rows, joint);
    let mut events: Vec<Event<'a>> = std::mem::take(&mut buffers.events);
    let is_brief = foreign::brief(rows, around, &mut events);
    if !is_brief {
        events.reserve(rows.len());
        // One by one, an event is written to its place at once.
        for row in rows.iter().filter(|row| matters(row)) {
            events.push(event(row));
        }
    }
    if events.is_empty() {
        events.push(event(rows[0]));
    }
    let settled = match is_brief {
        true => Settled::default(),
        false => settle(rows, &mut events, families, joint, arena),
    };
    let mut path = build(
        &mut events,
        summary(rows, families, joint),
        joint.scene,
        buffers,
    );
    settled.put(&mut path, rows, &events, families, joint, arena);
    if path.network_message_id.is_empty() {
        // Only rows that change nothing may carry it: shadow rows of a newer server.
        let row = rows.iter().find(|row| row.kind == KeyKind::Network);
        if let Some(row) = row {
            path.network_message_id = event(row).network_message_id().text();
        }
    }
    buffers.events = emptied(events);
    joint.links.add_to(&mut path, &joint.ground.keys);
    if families.legacy {
        ids::mark_reports(&mut path);
    }
    show(&mut path, rows, around, joint, arena);
    if let Some(anonymous) = joint.scene.anonymous {
        anonymous.veil(&mut path, joint.scene.own, arena);
    }
    path
}

/// What the rows are without their words.
fn summary(rows: &[&Row], families: Families, joint: &Joint<'_>) -> Rows {
    let slice = &joint.ground.slices[rows[0].chunk as usize];
    let sizes = rows.iter().map(|row| u64::from(row.size_bytes));
    Rows {
        count: rows.len() as u32,
        first: rows[0].time,
        place: rows[0].place(slice.file, slice.start),
        last: rows[rows.len() - 1].time,
        size_bytes: sizes.max().unwrap_or(0),
        whole_seconds: families.foreign,
    }
}

/// Puts beside a path what is to be shown of its rows.
fn show<'a>(
    path: &mut Path<'a>,
    rows: &[&'a Row],
    around: impl Fn(&Row) -> Surroundings<'a>,
    joint: &Joint<'a>,
    arena: &'a Bump,
) {
    let detail = joint.detail;
    if detail.hops && !joint.ambiguous.is_empty() {
        (rows.iter()).for_each(|row| candidates(row, path, joint, arena));
    }
    if detail.steps {
        let steps = rows
            .iter()
            .map(|row| step(&dialect::event(row, &around(row))));
        path.steps = steps.collect();
    }
    if detail.records {
        let records = rows.iter().map(|row| dialect::record(row, &around(row)));
        path.records = records.collect();
    }
    if detail.raw {
        path.raw = rows.iter().map(|row| raw(row, joint)).collect();
    }
}

/// Puts beside a hop the records that it may have led to, if it is this row that tells of it.
fn candidates<'a>(row: &Row, path: &mut Path<'a>, joint: &Joint<'a>, arena: &'a Bump) {
    let slices = &joint.ground.slices;
    let place = |at: &At| {
        let slice = &slices[at.chunk as usize];
        Place {
            file: slice.file,
            offset: slice.start + u64::from(at.offset),
            line: at.line,
        }
    };
    let Some(fitting) = joint.ambiguous.get(&At::of(row)) else {
        return;
    };
    let own = Some(place(&At::of(row)));
    for hop in path.hops.iter_mut().filter(|hop| hop.place == own) {
        let candidate = |at: &At| {
            let slice = &slices[at.chunk as usize];
            let data = &slice.data[at.offset as usize..];
            let (line, server) = dialect::line_of(data, slice.server, arena);
            let (host, id) = foreign::record_of(line);
            let host = if host.is_empty() { server } else { host };
            let server = arena.alloc_slice_copy(short_host(host));
            server.make_ascii_lowercase();
            Candidate {
                server: BStr::new(server),
                id,
                place: place(at),
            }
        };
        hop.candidates = fitting.iter().map(candidate).collect();
    }
}

/// Whether a row can change what becomes of a recipient; the others are only counted.
pub fn matters(row: &Row) -> bool {
    !matches!(row.role, Role::Info | Role::Shadow) || row.has(mark::NAMES)
}

/// A row as it stands in its log, without its line break.
fn raw<'a>(row: &Row, joint: &Joint<'a>) -> (Place, &'a BStr) {
    let slice = &joint.ground.slices[row.chunk as usize];
    let bytes = &slice.data[row.offset as usize..][..row.len as usize];
    (row.place(slice.file, slice.start), BStr::new(bytes))
}

fn step<'d>(event: &Event<'d>) -> Step<'d> {
    let incoming = matches!(
        event.role,
        Role::Receive | Role::Submit | Role::Deliver | Role::Shadow
    );
    let (context, statuses) = (event.context().text(), event.statuses().text());
    let peer = if incoming {
        event.client_host()
    } else {
        event.server_host()
    };
    Step {
        time: event.time,
        server: Some(event.server),
        role: event.role,
        event: event.name,
        source: event.source().text(),
        recipients: BStr::new(event.recipients.0),
        related: BStr::new(event.related.0),
        peer: peer.text(),
        detail: if context.is_empty() {
            statuses
        } else {
            context
        },
        place: event.place,
    }
}
