//! Search first, parse only what can matter: the records that hold an identifier, or a text that was asked for.
//!
//! In: a plan and the bytes that every row of the wanted message holds. Out: a plan of just those records, which the
//! pipeline reads as it reads any other. Whether their rows are the whole story is for the caller to judge: they
//! are if every recipient of the message turns out to have a last word.

mod any_case;
mod texts;

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use bumpalo::Bump;
use memchr::memmem;
use rayon::prelude::*;

use crate::dialect::{self, Aim, Layout};
use crate::input::Inputs;
use crate::join::Ground;
use crate::keys::Keys;
use crate::plan::{Chunk, Plan, slice};
use crate::servers::Servers;
use any_case::{AnyCase, header_lines};
use texts::Texts;

/// More records than this are no search any more.
const MAX_RECORDS: usize = 20_000;
/// Pieces of a sample, and the length of each.
const PIECES: usize = 64;
const PIECE_BYTES: usize = 4096;
/// More identifiers than this leave little to skip.
const MAX_IDS: usize = 2_000;

/// The records that hold `needle`, each as a chunk of its own; `None` if there are too many, or if messages of these
/// logs may go by other identifiers, too.
pub fn narrow(inputs: &mut Inputs, plan: &Plan, needle: &[u8]) -> Option<Plan> {
    if needle.is_empty() {
        return None;
    }
    let finder = memmem::Finder::new(needle);
    narrow_by(inputs, plan, &Headers::of(plan), &|_, bytes| {
        finder.find_iter(bytes).collect()
    })
}

/// The records of all messages that have a row with `text`, whatever its letter case; `None` as for [`narrow`], and if
/// one of these rows has no identifier to go on by.
pub fn narrow_by_text(inputs: &mut Inputs, plan: &Plan, text: &[u8]) -> Option<Plan> {
    let finder = AnyCase::new(text, &sample(inputs, plan))?;
    let headers = Headers::of(plan);
    let hits = narrow_by(inputs, plan, &headers, &|number, bytes| {
        let (hits, lines) = finder.find_all(bytes);
        headers.lines[number].get_or_init(|| lines);
        hits
    })?;
    let ids = ids(inputs, &hits)?;
    if ids.is_empty() {
        return Some(hits);
    }
    let finder = Texts::new(ids.iter().map(Vec::as_slice))?;
    narrow_by(inputs, plan, &headers, &|_, bytes| finder.find_all(bytes))
}

/// What the headers inside chunks bind, looked up once and only where it is asked for.
struct Headers {
    /// The chunk before each in its file.
    before: Vec<Option<u32>>,
    /// In which stretch of each its header lines begin.
    lines: Vec<OnceLock<Range<usize>>>,
    /// What they bind behind each.
    bound: Vec<OnceLock<Option<Arc<Layout>>>>,
}

impl Headers {
    fn of(plan: &Plan) -> Headers {
        let mut before = vec![None; plan.chunks.len()];
        for (number, chunk) in (0..).zip(&plan.chunks) {
            if let Some(next) = chunk.next {
                before[next as usize] = Some(number);
            }
        }
        Headers {
            before,
            lines: plan.chunks.iter().map(|_| OnceLock::new()).collect(),
            bound: plan.chunks.iter().map(|_| OnceLock::new()).collect(),
        }
    }

    /// The layout in force behind a stretch of a chunk, if a header line in it binds another than `before`.
    fn bound(
        &self,
        number: usize,
        before: &Layout,
        bytes: &[u8],
        stretch: Range<usize>,
    ) -> Option<Layout> {
        let look = || header_lines(bytes, 0..bytes.len());
        let lines = self.lines[number].get_or_init(look);
        let behind = memchr::memchr(b'\n', &bytes[lines.end..]);
        let behind = behind.map_or(bytes.len(), |newline| lines.end + newline);
        let (start, end) = (lines.start.max(stretch.start), behind.min(stretch.end));
        let has_lines = !lines.is_empty() && start < end;
        has_lines.then(|| dialect::layout_at(before, bytes, start..end))?
    }

    /// The layout in force where a chunk begins.
    fn layout(&self, plan: &Plan, data: &[u8], number: usize) -> Arc<Layout> {
        let mut at = number;
        while let Some(before) = self.before[at] {
            at = before as usize;
            let chunk = &plan.chunks[at];
            let look = || {
                let bytes = &data[chunk.start..chunk.end];
                let bound = self.bound(at, &chunk.layout, bytes, 0..bytes.len());
                bound.map(Arc::new)
            };
            if let Some(bound) = self.bound[at].get_or_init(look) {
                return bound.clone();
            }
        }
        plan.chunks[at].layout.clone()
    }
}

/// How often each byte stands in some pieces of the logs, letters in lower case.
fn sample(inputs: &Inputs, plan: &Plan) -> [u32; 256] {
    let mut seen = [0; 256];
    let step = plan.chunks.len().div_ceil(PIECES).max(1);
    for chunk in plan.chunks.iter().step_by(step) {
        let bytes = &inputs.files[chunk.file as usize].bytes()[chunk.start..chunk.end];
        // A file begins with its header, which is like no row.
        for byte in bytes.iter().skip(1024).take(PIECE_BYTES) {
            seen[usize::from(byte.to_ascii_lowercase())] += 1;
        }
    }
    seen
}

/// What every row of the messages of these records holds: network-message-ids and Message-IDs as logged.
fn ids(inputs: &Inputs, hits: &Plan) -> Option<BTreeSet<Vec<u8>>> {
    let keys = Keys::default();
    let mut ids = BTreeSet::new();
    for chunk in &hits.chunks {
        let slice = slice(inputs, chunk, 0);
        let found = dialect::parse(slice, &chunk.layout, &keys, Aim::Rows);
        let ground = Ground {
            slices: vec![slice],
            layouts: found.layouts,
            servers: Servers::default(),
            keys: keys.clone(),
        };
        let arena = Bump::new();
        for row in found.shards.iter().flatten() {
            let event = dialect::event(row, &ground.around(row, &arena));
            let own = [event.network_message_id().text(), event.message_id().text()];
            let own = own.into_iter().filter(|id| !id.is_empty());
            let mut known = false;
            for id in own {
                if id.contains(&b'"') {
                    return None; // written otherwise where it is quoted
                }
                known = true;
                ids.insert(id.to_vec());
            }
            if !known || ids.len() > MAX_IDS {
                return None;
            }
        }
    }
    Some(ids)
}

fn narrow_by(inputs: &mut Inputs, plan: &Plan, headers: &Headers, find: &Find<'_>) -> Option<Plan> {
    let searchable = |chunk: &Chunk| dialect::is_searchable(&chunk.layout);
    if !plan.chunks.iter().all(searchable) {
        return None;
    }
    let sum = AtomicUsize::new(0);
    let chunks = plan.chunks.par_iter().enumerate().with_max_len(1);
    let found: Vec<Vec<Chunk>> = chunks
        .map(|(number, chunk)| {
            if sum.load(Ordering::Relaxed) > MAX_RECORDS {
                return Vec::new();
            }
            let data = inputs.files[chunk.file as usize].bytes();
            let found = records(data, plan, number, headers, find);
            sum.fetch_add(found.len(), Ordering::Relaxed);
            found
        })
        .collect();
    if sum.into_inner() > MAX_RECORDS {
        return None;
    }
    let mut narrow = Plan {
        chunks: found.into_iter().flatten().collect(),
        passed_over: plan.passed_over.clone(),
        refused: plan.refused.clone(),
        at_limit: plan.at_limit.clone(),
        empty: plan.empty.clone(),
        bytes: plan.bytes,
        took: plan.took,
        searched: plan.searched,
    };
    narrow.order();
    narrow.mark(inputs);
    Some(narrow)
}

/// Where in a chunk hits begin, in order, by its number and its bytes.
type Find<'f> = dyn Fn(usize, &[u8]) -> Vec<usize> + Sync + 'f;

/// The records of one chunk that hold what was looked for.
fn records(
    data: &[u8],
    plan: &Plan,
    number: usize,
    headers: &Headers,
    find: &Find<'_>,
) -> Vec<Chunk> {
    let chunk = &plan.chunks[number];
    let bytes = &data[chunk.start..chunk.end];
    let mut records: Vec<Chunk> = Vec::new();
    let hits = find(number, bytes);
    if hits.is_empty() {
        return records;
    }
    let mut layout = headers.layout(plan, data, number);
    let (mut looked, mut behind) = (0, 0);
    for hit in hits {
        if hit < behind {
            continue;
        }
        let start = dialect::record_start(&layout, bytes, hit);
        if let Some(bound) = headers.bound(number, &layout, bytes, looked..start) {
            layout = bound.into();
        }
        looked = start;
        behind = dialect::next_record(&layout, bytes, hit + 1);
        records.push(Chunk {
            start: chunk.start + start,
            end: chunk.start + behind,
            time: dialect::time_at(&layout, &bytes[..behind], start),
            layout: layout.clone(),
            ..*chunk
        });
    }
    records
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_record_with_the_needle_is_found_once() {
        let row = |id: &str| format!("2026-03-02T09:00:00.000Z,{id},{id}{}\n", ",".repeat(27));
        let log = [
            row("a"),
            row("needle"),
            row("\"needle\n and more\""),
            row("b"),
            row("needle"),
        ]
        .concat();
        let mut inputs = Inputs::from_memory(vec![("x".into(), log.clone().into_bytes())]);
        for chunk_bytes in [1, 50, 100, 1000] {
            let plan = Plan::new(&mut inputs, chunk_bytes);
            let narrow = narrow(&mut inputs, &plan, b"needle").unwrap();
            let found: Vec<&str> = narrow.chunks.iter().map(|c| &log[c.start..c.end]).collect();
            let rows = [row("needle"), row("\"needle\n and more\""), row("needle")];
            assert_eq!(
                found,
                rows.each_ref().map(String::as_str),
                "chunks of {chunk_bytes}"
            );
        }
    }
}
