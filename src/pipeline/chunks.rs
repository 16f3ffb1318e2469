//! From the chunks of a window to its rows, brought together.
//!
//! In: inputs and a plan. Out: what every chunk gave, read side by side; rows by shard with the run's numbers; sums. Which
//! messages they make is not known here.

use std::ops::Range;
use std::sync::Arc;

use rayon::prelude::*;

use super::{FileRows, Options};
use crate::dialect::{self, Aim, EventCounts, Layout, REFUSED, SHARDS, Slice, Yield, shard};
use crate::event::ServerId;
use crate::fault::Faults;
use crate::input::Inputs;
use crate::join::Ground;
use crate::join::tie::{Noted, Ties};
use crate::keys::Keys;
use crate::plan::{Chunk, Plan, slice};
use crate::row::Row;
use crate::servers::{Seen, Servers};
use crate::time::{Time, union};

/// What of chunks is kept only if asked for.
#[derive(Clone, Copy)]
pub(super) struct Keep {
    /// Rows without any id.
    pub(super) loose: bool,
    /// What rows say of records on other hosts.
    pub(super) hops: bool,
}

/// Finds the rows of a window's chunks. What follows a header inside a file is read by the columns that it binds, if need
/// be once more.
pub(super) fn parse(
    inputs: &Inputs,
    plan: &mut Plan,
    window: Range<usize>,
    keys: &Keys,
    keep: Keep,
    read: impl Fn(u64) + Sync,
) -> Vec<Yield> {
    let one = |chunks: &[Chunk], number: usize| {
        let chunk = &chunks[number];
        let slice = Slice {
            keep_loose: keep.loose,
            keep_hops: keep.hops,
            ..slice(inputs, chunk, number as u32)
        };
        let mut found = dialect::parse(slice, &chunk.layout, keys, Aim::Rows);
        found.file = chunk.file;
        // Rooms for rows are made large enough for most chunks, and a window has many chunks.
        found.shards.iter_mut().for_each(Vec::shrink_to_fit);
        if let Some(lines) = found.lines {
            let (start, end) = (chunk.start as u64, chunk.end as u64);
            inputs.files[chunk.file as usize].note_lines(start, end, lines);
        }
        found
    };
    let each = window.clone().into_par_iter().with_max_len(1);
    let mut yields: Vec<Yield> = each
        .map(|number| {
            let found = one(&plan.chunks, number);
            let chunk = &plan.chunks[number];
            if !chunk.carried {
                read((chunk.end - chunk.start) as u64);
            }
            found
        })
        .collect();
    loop {
        let bound = yields.iter().map(|found| found.bound.clone().map(Arc::new));
        let bound: Vec<Option<Arc<Layout>>> = bound.collect();
        let stale = plan.rebind(window.clone(), &bound);
        if stale.is_empty() {
            return yields;
        }
        let again: Vec<(usize, Yield)> = stale
            .into_par_iter()
            .map(|number| (number - window.start, one(&plan.chunks, number)))
            .collect();
        for (at, found) in again {
            yields[at] = found;
        }
    }
}

/// What earlier runs have done is not done again: rows that they counted are only joined, and rows that come too late
/// are left out and counted.
pub(super) fn settle(yields: &mut [Yield], chunks: &[Chunk], options: &Options) -> u64 {
    let mut late = 0;
    for (found, chunk) in yields.iter_mut().zip(chunks) {
        match options.not_before {
            _ if chunk.carried => found.forget_counts(),
            Some(time) => late += found.leave_out_before(time),
            None => {}
        }
    }
    late
}

/// What the logs of 2003 and before say about identifiers of one message, and which ids are reports: known for all
/// windows before the first, so that no message has to change its key. Those logs are read once more for it. Where there
/// are logs of other programs, all are, and for which hours each server has rows is known beforehand, too.
pub(super) fn ties(
    inputs: &Inputs,
    plan: &Plan,
    ground: &mut Ground<'_>,
    given: &[(u64, u64)],
) -> Ties {
    let leads_on = plan.has_foreign();
    let numbered = plan.chunks.iter().zip(0u32..);
    let legacy: Vec<(&Chunk, u32)> = numbered
        .filter(|(chunk, _)| leads_on || dialect::has_ties(&chunk.layout))
        .collect();
    let all = legacy.len() == plan.chunks.len();
    let keys = &ground.keys;
    let (mut parts, seen): (Vec<Noted>, Vec<Seen>) = legacy
        .into_par_iter()
        .with_max_len(1)
        .map(|(chunk, number)| {
            let slice = Slice {
                keep_hops: leads_on,
                ..slice(inputs, chunk, number)
            };
            let mut found = dialect::ties(slice, &chunk.layout, keys, leads_on);
            let mut seen = std::mem::take(&mut found.seen);
            if chunk.carried {
                // An earlier run has counted them: see `settle`.
                seen = Seen::default();
            }
            (Ties::noted(&mut found), seen)
        })
        .unzip();
    if leads_on {
        seen.into_iter()
            .for_each(|seen| ground.servers.foresee(seen));
    }
    if !all {
        parts.push(Ties::unread());
    }
    Ties::of(parts, given)
}

/// Other names of hosts as given: known to the servers, and by key.
pub(super) fn given_hosts(inputs: &Inputs, ground: &mut Ground<'_>) -> Vec<(u64, u64)> {
    let hosts = &inputs.assumed.hosts;
    let aliases = hosts
        .iter()
        .map(|(address, host)| (address.as_str().into(), host.as_str().into()));
    ground.servers.alias(&aliases.collect());
    let keys = &ground.keys;
    let key = |(address, host): &(String, String)| {
        (
            keys.caseless(address.as_bytes()),
            keys.host(host.as_bytes()),
        )
    };
    hosts.iter().map(key).collect()
}

/// What chunks from number `first` on found, brought together: counts and tables merged, rows by shard as they lie,
/// with the run's numbers of servers and layouts. Chunks end at different times; rows from `watermark` on are held for
/// the next window, so that a window ends for all servers at one instant and cuts through few messages.
pub(super) fn gather(
    (first, yields): (usize, Vec<Yield>),
    ties: &Ties,
    sums: &mut Sums,
    ground: &mut Ground<'_>,
    held: &mut [Vec<Row>],
    watermark: Time,
) -> Vec<Vec<Vec<Row>>> {
    let mut shards: Vec<Vec<(Vec<Row>, usize)>> = (0..SHARDS).map(|_| Vec::new()).collect();
    let mut numbers = Vec::with_capacity(yields.len());
    for (i, mut found) in yields.into_iter().enumerate() {
        let start = ground.slices[first + i].start;
        refuse(&mut found, ground, start);
        let mut rows = std::mem::take(&mut found.shards);
        let placed = ties.place(&mut rows, std::mem::take(&mut found.reports));
        let own = sums.add(found, ground);
        for mut row in placed {
            own.renumber(&mut row);
            held[shard(row.key)].push(row);
        }
        numbers.push(own);
        for (shard, rows) in shards
            .iter_mut()
            .zip(rows)
            .filter(|(_, rows)| !rows.is_empty())
        {
            shard.push((rows, i));
        }
    }
    let whole = |(parts, held): (Vec<(Vec<Row>, usize)>, &mut Vec<Row>)| {
        let mut all = vec![std::mem::take(held)];
        held.extend(all[0].extract_if(.., |row| row.time >= watermark));
        for (mut rows, chunk) in parts {
            let mut later = false;
            for row in &mut rows {
                numbers[chunk].renumber(row);
                later |= row.time >= watermark;
            }
            if later {
                held.extend(rows.extract_if(.., |row| row.time >= watermark));
            }
            all.push(rows);
        }
        all
    };
    shards.into_par_iter().zip(held).map(whole).collect()
}

/// Takes out the rows of layouts that the run has no number left for; `start`: the chunk's first byte.
pub(super) fn refuse(found: &mut Yield, ground: &mut Ground<'_>, start: u64) {
    if ground.layouts.len() + found.layouts.len() <= usize::from(REFUSED) {
        return;
    }
    let numbers = found.layouts.iter().enumerate();
    let numbers: Vec<u8> = numbers
        .map(|(own, layout)| match own < usize::from(REFUSED) {
            true => ground.layout(layout),
            false => REFUSED,
        })
        .collect();
    found.refuse(|own| numbers[usize::from(own)] == REFUSED, start);
}

/// The run's numbers for a chunk's own.
pub(super) struct Numbers {
    servers: Vec<ServerId>,
    layouts: Vec<u8>,
}

impl Numbers {
    #[inline]
    pub(super) fn renumber(&self, row: &mut Row) {
        row.server = self.servers[usize::from(row.server)].0;
        row.layout = self.layouts[usize::from(row.layout)];
    }
}

pub(super) fn ground<'d>(inputs: &'d Inputs, chunks: &[Chunk], keys: Keys) -> Ground<'d> {
    let slices = chunks
        .iter()
        .zip(0..)
        .map(|(chunk, number)| slice(inputs, chunk, number))
        .collect();
    Ground {
        slices,
        layouts: Vec::new(),
        servers: Servers::default(),
        keys,
    }
}

/// Counts of all chunks.
#[derive(Default)]
pub(super) struct Sums {
    pub(super) rows: u64,
    pub(super) rows_late: u64,
    pub(super) rows_without_id: u64,
    pub(super) faults: Faults,
    pub(super) events: EventCounts,
    pub(super) span: Option<(Time, Time)>,
    pub(super) by_file: Vec<FileRows>,
}

impl Sums {
    /// Takes in one chunk's counts, and its tables into `ground`.
    pub(super) fn add(&mut self, found: Yield, ground: &mut Ground<'_>) -> Numbers {
        self.rows += found.rows;
        self.rows_without_id += found.rows_without_id;
        let file = found.file as usize;
        if self.by_file.len() <= file {
            self.by_file.resize(file + 1, FileRows::default());
        }
        let of_file = &mut self.by_file[file];
        of_file.rows += found.rows;
        of_file.bad_rows += found.faults.damaged();
        of_file.span = union(of_file.span, found.span);
        self.faults.merge(found.faults);
        self.events.merge(found.events);
        self.span = union(self.span, found.span);
        Numbers {
            servers: ground.servers.merge(found.seen),
            layouts: found
                .layouts
                .iter()
                .map(|layout| ground.layout(layout))
                .collect(),
        }
    }
}
