//! Search first, parse only what can matter: the records that hold an identifier.
//!
//! In: a plan and the bytes that every row of the wanted message holds. Out: a plan of just those records, which the
//! pipeline reads as it reads any other. Whether their rows are the whole story is for the caller to judge: they
//! are if every recipient of the message turns out to have a last word.

use memchr::memmem;
use rayon::prelude::*;

use crate::dialect;
use crate::input::Inputs;
use crate::plan::{Chunk, Plan};

/// More records than this are no search any more.
const MAX_RECORDS: usize = 20_000;

/// The records that hold `needle`, each as a chunk of its own; `None` if there are too many, or if messages of these
/// logs may go by other identifiers, too.
pub fn narrow(inputs: &mut Inputs, plan: &Plan, needle: &[u8]) -> Option<Plan> {
    if needle.is_empty()
        || !plan
            .chunks
            .iter()
            .all(|chunk| dialect::is_searchable(&chunk.layout))
    {
        return None;
    }
    let finder = memmem::Finder::new(needle);
    let found: Vec<Vec<Chunk>> = plan
        .chunks
        .par_iter()
        .with_max_len(1)
        .map(|chunk| records(inputs.files[chunk.file as usize].bytes(), chunk, &finder))
        .collect();
    if found.iter().map(Vec::len).sum::<usize>() > MAX_RECORDS {
        return None;
    }
    let mut narrow = Plan {
        chunks: found.into_iter().flatten().collect(),
        passed_over: plan.passed_over.clone(),
        refused: plan.refused.clone(),
        empty: plan.empty.clone(),
        bytes: plan.bytes,
    };
    narrow.order();
    narrow.mark(inputs);
    Some(narrow)
}

/// The records of one chunk that hold the needle.
fn records(data: &[u8], chunk: &Chunk, finder: &memmem::Finder<'_>) -> Vec<Chunk> {
    let bytes = &data[chunk.start..chunk.end];
    let mut records: Vec<Chunk> = Vec::new();
    let mut from = 0;
    let mut first = None;
    while let Some(hit) = finder.find(&bytes[from..]) {
        let start = dialect::record_start(&chunk.layout, bytes, from + hit);
        let end = dialect::next_record(&chunk.layout, bytes, from + hit + 1);
        let first = first.get_or_insert_with(|| {
            let bound = dialect::layout_at(&chunk.layout, data, 0..chunk.start);
            bound.unwrap_or_else(|| chunk.layout.clone())
        });
        let layout = dialect::layout_at(first, bytes, 0..start);
        let layout = layout.unwrap_or_else(|| first.clone());
        let time = dialect::time_at(&layout, &bytes[..end], start);
        let (start, end) = (chunk.start + start, chunk.start + end);
        records.push(Chunk {
            start,
            end,
            layout,
            time,
            ..*chunk
        });
        from = end - chunk.start;
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
