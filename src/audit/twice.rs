//! Rows that were collected twice.
//!
//! In: a fingerprint per row (its log-id, else all its bytes). Out: how many rows repeat an earlier one, between which
//! files, and the first pairs. Memory is 16 bytes a row, the one part of the audit that grows with the number of rows:
//! 8 for the fingerprint, 8 for its place. By chance one pair in a billion rows may look equal and be not.
//!
//! Two rows of one log-id are one row, so their bytes are the same: those that are not are read again and told. A copy of
//! a log of 2003 or before may end inside a record: what it has of it is looked for in the files that it shares rows with.

use std::collections::{BTreeMap, HashMap, HashSet};

use rayon::prelude::*;

use super::{KEPT, Spot};
use crate::dialect::{self, Aim, Slice};
use crate::input::Inputs;
use crate::keys::Keys;
use crate::plan::{Plan, slice};
use crate::row::Row;
use crate::time::Time;

/// Fingerprints are sorted in this many parts, side by side.
const SHARDS: usize = 16;
/// More pairs of files than this are not told apart.
const FILE_PAIRS: usize = 10_000;

/// Fingerprints and where they stand.
#[derive(Default)]
pub struct Prints {
    shards: [Vec<(u64, Spot)>; SHARDS],
    /// Records that may end before their end, and their times: a few of a file.
    torn: Vec<(Spot, Time)>,
}

/// What the comparison gave.
#[derive(Default)]
pub struct Twice {
    /// Rows that repeat an earlier row.
    pub rows: u64,
    /// The first pairs: the earlier and the later place, in the order of the later.
    pub pairs: Vec<(Spot, Spot)>,
    /// How many rows of the second file stand in the first as well.
    pub files: BTreeMap<(u32, u32), u64>,
    /// Rows of one log-id and other bytes, in the order of the later.
    pub altered: Vec<(Spot, Spot)>,
    /// Pairs whose bytes are to be held against each other.
    doubtful: Vec<(Spot, Spot)>,
    /// Of the records that may be torn, those that are counted already or stand whole elsewhere.
    settled: Vec<Spot>,
}

impl Prints {
    #[inline]
    pub fn add(&mut self, print: u64, spot: Spot) {
        self.shards[(print >> 60) as usize].push((print, spot));
    }

    /// A record that nothing stands behind.
    pub fn add_torn(&mut self, spot: Spot, time: Time) {
        self.torn.push((spot, time));
    }

    pub fn merge(&mut self, other: Prints) {
        self.torn.extend(other.torn);
        for (mine, other) in self.shards.iter_mut().zip(other.shards) {
            mine.extend(other);
        }
    }

    /// Compares all rows; `equal`: files that hold the same bytes, the first and the other.
    pub fn compare(self, inputs: &Inputs, plan: &Plan, equal: &[(u32, u32)]) -> Twice {
        let first: HashMap<u32, u32> = equal.iter().map(|(first, file)| (*file, *first)).collect();
        let torn: HashSet<Spot> = self.torn.iter().map(|(spot, _)| *spot).collect();
        let parts: Vec<Twice> = self
            .shards
            .into_par_iter()
            .map(|prints| compare(prints, plan, &first, &torn))
            .collect();
        let mut twice = Twice::default();
        for part in parts {
            twice.rows += part.rows;
            twice.pairs.extend(part.pairs);
            twice.doubtful.extend(part.doubtful);
            twice.settled.extend(part.settled);
            for (files, rows) in part.files {
                *twice.files.entry(files).or_default() += rows;
            }
        }
        let settled: HashSet<Spot> = twice.settled.drain(..).collect();
        let mut torn = self.torn;
        torn.retain(|(spot, _)| !settled.contains(spot));
        for (whole, part) in torn_parts(torn, &twice, inputs, plan) {
            let file = |spot: Spot| plan.chunks[spot.chunk as usize].file;
            twice.rows += 1;
            *twice.files.entry((file(whole), file(part))).or_default() += 1;
            twice.pairs.push((whole, part));
        }
        twice
            .pairs
            .sort_unstable_by_key(|(first, again)| (*again, *first));
        twice.pairs.truncate(KEPT);
        twice.altered = altered(std::mem::take(&mut twice.doubtful), inputs, plan);
        twice
    }
}

/// Of records that may be torn, those that begin a record of a file which has rows of theirs: the whole one and the part.
fn torn_parts(
    torn: Vec<(Spot, Time)>,
    twice: &Twice,
    inputs: &Inputs,
    plan: &Plan,
) -> Vec<(Spot, Spot)> {
    let keys = Keys::default();
    let mut others: HashMap<u32, HashSet<u32>> = HashMap::new();
    for &(a, b) in twice.files.keys().filter(|(a, b)| a != b) {
        others.entry(a).or_default().insert(b);
        others.entry(b).or_default().insert(a);
    }
    let rows = |number: u32| {
        let chunk = &plan.chunks[number as usize];
        let slice = Slice {
            keep_loose: true,
            ..slice(inputs, chunk, number)
        };
        let rows = dialect::parse(slice, &chunk.layout, &keys, Aim::Rows).take_rows();
        (slice, rows)
    };
    let whole_of = |&(part, time): &(Spot, Time)| {
        let own_chunk = &plan.chunks[part.chunk as usize];
        let others = others.get(&own_chunk.file)?;
        let (slice, own) = rows(part.chunk);
        let row = own.iter().find(|row| row.line == part.line)?;
        let bytes = &slice.data[row.offset as usize..][..row.len as usize];
        let holds = |number: u32| {
            let chunk = &plan.chunks[number as usize];
            let next = chunk.next.and_then(|next| plan.chunks[next as usize].time);
            chunk.time.is_none_or(|from| from <= time) && next.is_none_or(|next| time <= next)
        };
        let of_others = |number: &u32| others.contains(&plan.chunks[*number as usize].file);
        let numbers = (0..plan.chunks.len() as u32).filter(|number| of_others(number));
        numbers.filter(|number| holds(*number)).find_map(|number| {
            let (slice, rows) = rows(number);
            let begins_so = |row: &&Row| {
                row.len as usize > bytes.len()
                    && slice.data[row.offset as usize..].starts_with(bytes)
            };
            let whole = rows.iter().find(begins_so)?;
            let (chunk, line) = (number, whole.line);
            Some((Spot { chunk, line }, part))
        })
    };
    torn.par_iter().filter_map(whole_of).collect()
}

/// The pairs whose rows are not the same byte by byte, in the order of the later.
fn altered(mut pairs: Vec<(Spot, Spot)>, inputs: &Inputs, plan: &Plan) -> Vec<(Spot, Spot)> {
    let keys = Keys::default();
    let mut spots: Vec<Spot> = pairs.iter().flat_map(|(a, b)| [*a, *b]).collect();
    spots.sort_unstable();
    spots.dedup();
    let chunks: Vec<&[Spot]> = spots.chunk_by(|a, b| a.chunk == b.chunk).collect();
    let prints: HashMap<Spot, u64> = chunks
        .into_par_iter()
        .flat_map_iter(|spots| {
            let chunk = &plan.chunks[spots[0].chunk as usize];
            let slice = Slice {
                keep_loose: true,
                ..slice(inputs, chunk, 0)
            };
            let rows = dialect::parse(slice, &chunk.layout, &keys, Aim::Rows).take_rows();
            let print = |row: &Row| {
                let spot = Spot {
                    line: row.line,
                    ..spots[0]
                };
                let from = row.offset as usize;
                let bytes = &slice.data[from..from + row.len as usize];
                let wanted = spots.binary_search(&spot).is_ok();
                wanted.then(|| (spot, keys.bytes(bytes)))
            };
            let prints: Vec<(Spot, u64)> = rows.iter().filter_map(print).collect();
            prints
        })
        .collect();
    pairs.retain(|(a, b)| prints.get(a) != prints.get(b));
    pairs.sort_unstable_by_key(|(first, again)| (*again, *first));
    pairs
}

fn compare(
    mut prints: Vec<(u64, Spot)>,
    plan: &Plan,
    first_of: &HashMap<u32, u32>,
    torn: &HashSet<Spot>,
) -> Twice {
    prints.sort_unstable();
    let mut twice = Twice::default();
    for same in prints.chunk_by(|a, b| a.0 == b.0) {
        let Some(((_, first), again)) = same.split_first().filter(|(_, again)| !again.is_empty())
        else {
            continue;
        };
        twice.rows += again.len() as u64;
        let is_torn = |spot: &Spot| torn.contains(spot);
        let counted = match same.iter().all(|(_, spot)| is_torn(spot)) {
            true => again,
            false => same,
        };
        let counted = counted.iter().map(|(_, spot)| *spot);
        twice.settled.extend(counted.filter(is_torn));
        for (_, again) in again {
            let chunk = |spot: &Spot| &plan.chunks[spot.chunk as usize];
            let files = (chunk(first).file, chunk(again).file);
            let content = |file: u32| first_of.get(&file).copied().unwrap_or(file);
            let is_copy = files.0 != files.1 && content(files.0) == content(files.1);
            if !is_copy && dialect::has_log_ids(&chunk(again).layout) {
                twice.doubtful.push((*first, *again));
            }
            if twice.files.len() < FILE_PAIRS || twice.files.contains_key(&files) {
                *twice.files.entry(files).or_default() += 1;
            }
            twice.pairs.push((*first, *again));
        }
        // Now and then, so that a folder collected twice does not keep a pair for every row.
        if twice.pairs.len() > 64 * KEPT {
            keep_first(&mut twice.pairs);
        }
    }
    keep_first(&mut twice.pairs);
    twice
}

fn keep_first(pairs: &mut Vec<(Spot, Spot)>) {
    pairs.sort_unstable_by_key(|(first, again)| (*again, *first));
    pairs.truncate(KEPT);
}
