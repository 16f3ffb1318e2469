//! Search first, parse only what can matter: the records that hold an identifier, or a text that was asked for.
//!
//! In: a plan and the bytes that every row of the wanted message holds. Out: a plan of just those records, which the
//! pipeline reads as it reads any other. Whether their rows are the whole story is for the caller to judge: they
//! are if every recipient of the message turns out to have a last word.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use bumpalo::Bump;
use memchr::memmem;
use rayon::prelude::*;
use regex_automata::meta::Regex;
use regex_automata::util::syntax;

use crate::dialect;
use crate::input::Inputs;
use crate::join::Ground;
use crate::keys::Keys;
use crate::plan::{Chunk, Plan, slice};
use crate::servers::Servers;

/// More records than this are no search any more.
const MAX_RECORDS: usize = 20_000;
/// More identifiers than this are not searched for: an automaton of so many is slower than reading everything.
const MAX_IDS: usize = 500;

/// The records that hold `needle`, each as a chunk of its own; `None` if there are too many, or if messages of these
/// logs may go by other identifiers, too.
pub fn narrow(inputs: &mut Inputs, plan: &Plan, needle: &[u8]) -> Option<Plan> {
    if needle.is_empty() {
        return None;
    }
    let finder = memmem::Finder::new(needle);
    narrow_by(inputs, plan, &|bytes| finder.find(bytes))
}

/// The records of all messages that have a row with `text`, whatever its letter case; `None` as for [`narrow`], and if
/// one of these rows has no identifier to go on by.
pub fn narrow_by_text(inputs: &mut Inputs, plan: &Plan, text: &[u8]) -> Option<Plan> {
    let finder = any_of([text], true)?;
    let hits = narrow_by(inputs, plan, &|bytes| {
        finder.find(bytes).map(|hit| hit.start())
    })?;
    let ids = ids(inputs, &hits)?;
    if ids.is_empty() {
        return Some(hits);
    }
    let finder = any_of(ids.iter().map(Vec::as_slice), false)?;
    narrow_by(inputs, plan, &|bytes| {
        finder.find(bytes).map(|hit| hit.start())
    })
}

/// Finds any of several texts, each byte by byte, or whatever the letter case of its ASCII letters.
fn any_of<'t>(texts: impl IntoIterator<Item = &'t [u8]>, any_case: bool) -> Option<Regex> {
    let escaped = texts.into_iter().map(|text| -> String {
        let byte = |b: &u8| format!("\\x{b:02x}");
        text.iter().map(byte).collect()
    });
    let pattern = escaped.collect::<Vec<_>>().join("|");
    let bytes = syntax::Config::new()
        .unicode(false)
        .utf8(false)
        .case_insensitive(any_case);
    let mut builder = Regex::builder();
    builder.configure(Regex::config().utf8_empty(false));
    builder.syntax(bytes).build(&pattern).ok()
}

/// What every row of the messages of these records holds: network-message-ids and Message-IDs as logged.
fn ids(inputs: &Inputs, hits: &Plan) -> Option<BTreeSet<Vec<u8>>> {
    let keys = Keys::default();
    let mut ids = BTreeSet::new();
    for chunk in &hits.chunks {
        let slice = slice(inputs, chunk, 0);
        let found = dialect::parse(slice, &chunk.layout, &keys);
        let ground = Ground {
            slices: vec![slice],
            layouts: found.layouts,
            servers: Servers::default(),
            keys: keys.clone(),
        };
        let arena = Bump::new();
        for row in found.shards.iter().flatten() {
            let event = dialect::event(row, &ground.around(row, &arena));
            let own = [event.network_message_id.text(), event.message_id.text()];
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

fn narrow_by(inputs: &mut Inputs, plan: &Plan, find: &Find<'_>) -> Option<Plan> {
    let searchable = |chunk: &Chunk| dialect::is_searchable(&chunk.layout);
    if !plan.chunks.iter().all(searchable) {
        return None;
    }
    let sum = AtomicUsize::new(0);
    let chunks = plan.chunks.par_iter().with_max_len(1);
    let found: Vec<Vec<Chunk>> = chunks
        .map(|chunk| {
            if sum.load(Ordering::Relaxed) > MAX_RECORDS {
                return Vec::new();
            }
            let found = records(inputs.files[chunk.file as usize].bytes(), chunk, find);
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
    };
    narrow.order();
    narrow.mark(inputs);
    Some(narrow)
}

/// Where in a stretch the next hit begins.
type Find<'f> = dyn Fn(&[u8]) -> Option<usize> + Sync + 'f;

/// The records of one chunk that hold the needle.
fn records(data: &[u8], chunk: &Chunk, find: &Find<'_>) -> Vec<Chunk> {
    let bytes = &data[chunk.start..chunk.end];
    let mut records: Vec<Chunk> = Vec::new();
    let mut from = 0;
    let mut first = None;
    while let Some(hit) = find(&bytes[from..]) {
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
    fn texts_are_found_as_bytes_in_any_letter_case() {
        let find = |text: &[u8], any_case, bytes: &[u8]| {
            let hit = any_of([text, b"zz"], any_case).unwrap().find(bytes);
            hit.map(|hit| hit.start())
        };
        assert_eq!(find(b"a.b+@x", true, b"..A.B+@X"), Some(2));
        assert_eq!(find(b"a.b+@x", false, b"..A.B+@X"), None);
        assert_eq!(find(b"a.b", true, b"axb"), None);
        assert_eq!(find(b"\xff\xe4|", false, b"\x80\xff\xe4|"), Some(1));
    }

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
