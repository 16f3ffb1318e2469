//! Rows that were collected twice.
//!
//! In: a fingerprint per row (its log-id, else all its bytes). Out: how many rows repeat an earlier one, between which
//! files, and the first pairs. Memory is 16 bytes a row, the one part of the audit that grows with the number of rows:
//! 8 for the fingerprint, 8 for its place. By chance one pair in a billion rows may look equal and be not.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::{KEPT, Spot};
use crate::plan::Chunk;

/// Fingerprints are sorted in this many parts, side by side.
const SHARDS: usize = 16;
/// More pairs of files than this are not told apart.
const FILE_PAIRS: usize = 10_000;

/// Fingerprints and where they stand.
#[derive(Default)]
pub struct Prints {
    shards: [Vec<(u64, Spot)>; SHARDS],
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
}

impl Prints {
    #[inline]
    pub fn add(&mut self, print: u64, spot: Spot) {
        self.shards[(print >> 60) as usize].push((print, spot));
    }

    pub fn merge(&mut self, other: Prints) {
        for (mine, other) in self.shards.iter_mut().zip(other.shards) {
            mine.extend(other);
        }
    }

    /// Compares all rows; `chunks` as the plan has them.
    pub fn compare(self, chunks: &[Chunk]) -> Twice {
        let parts: Vec<Twice> = self
            .shards
            .into_par_iter()
            .map(|prints| compare(prints, chunks))
            .collect();
        let mut twice = Twice::default();
        for part in parts {
            twice.rows += part.rows;
            twice.pairs.extend(part.pairs);
            for (files, rows) in part.files {
                *twice.files.entry(files).or_default() += rows;
            }
        }
        twice
            .pairs
            .sort_unstable_by_key(|(first, again)| (*again, *first));
        twice.pairs.truncate(KEPT);
        twice
    }
}

fn compare(mut prints: Vec<(u64, Spot)>, chunks: &[Chunk]) -> Twice {
    prints.sort_unstable();
    let mut twice = Twice::default();
    for same in prints.chunk_by(|a, b| a.0 == b.0) {
        let Some(((_, first), again)) = same.split_first().filter(|(_, again)| !again.is_empty())
        else {
            continue;
        };
        twice.rows += again.len() as u64;
        for (_, again) in again {
            let file = |spot: &Spot| chunks[spot.chunk as usize].file;
            let files = (file(first), file(again));
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
