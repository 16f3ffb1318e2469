//! What can be said of whole files: torn ends, files that are equal, headers that change inside.
//!
//! In: inputs and plan; header lines as the chunks gave them. Out: plain lists. Only the edges of files are looked at
//! here, and all bytes only of files of equal length.

use std::collections::BTreeMap;

use bstr::BString;
use rayon::prelude::*;

use super::chunk::HeaderLine;
use super::{KEPT, names};
use crate::dialect::{self, Begins, Ends};
use crate::event::Place;
use crate::input::Inputs;
use crate::keys::Keys;
use crate::plan::Plan;

/// What is wrong with the beginning or end of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Edge {
    BeginsMidRow,
    BeginsWithoutHeader,
    EndsMidRow,
    /// The same, but no later file of its series is there: it may be being written.
    EndsMidRowAsNewest,
    EndsWithoutLineBreak,
    EndsWithoutLineBreakAsNewest,
}

/// Files by what is wrong with them; a place at the beginning or in the last line.
pub fn edges(inputs: &Inputs, plan: &Plan) -> BTreeMap<Edge, Vec<u32>> {
    let series = names::read_all(inputs.files.iter().map(|file| &*file.name));
    let mut found: BTreeMap<Edge, Vec<u32>> = BTreeMap::new();
    for chunks in plan.chunks.chunk_by(|a, b| a.file == b.file) {
        let Some(last) = chunks.last() else { continue };
        let file = last.file;
        let data = inputs.files[file as usize].bytes();
        let layout = dialect::layout_at(&last.layout, data, last.start..last.end);
        let edges = dialect::edges(layout.as_ref().unwrap_or(&last.layout), data);
        let mut note = |edge| found.entry(edge).or_default().push(file);
        match edges.begins {
            Begins::WithHeader => {}
            Begins::WithRow => note(Edge::BeginsWithoutHeader),
            Begins::MidRow => note(Edge::BeginsMidRow),
        }
        let name = names::Name::read(&inputs.files[file as usize].name);
        let older = name.is_some_and(|name| name.has_successor(&series));
        match edges.ends {
            Ends::WithLineBreak => {}
            Ends::WithoutLineBreak if older => note(Edge::EndsWithoutLineBreak),
            Ends::WithoutLineBreak => note(Edge::EndsWithoutLineBreakAsNewest),
            Ends::MidRow if older => note(Edge::EndsMidRow),
            Ends::MidRow => note(Edge::EndsMidRowAsNewest),
        }
    }
    found
}

/// The line that holds the last byte of a file.
pub fn last_line(inputs: &Inputs, file: u32) -> u64 {
    let data = inputs.files[file as usize].bytes();
    let data = data.trim_ascii_end();
    memchr::memchr_iter(b'\n', data).count() as u64 + 1
}

/// Tracking logs that hold the same bytes as one before them: the first and the other.
pub fn equal(inputs: &Inputs, plan: &Plan, keys: &Keys) -> Vec<(u32, u32)> {
    let mut by_length: BTreeMap<usize, Vec<u32>> = BTreeMap::new();
    for chunks in plan.chunks.chunk_by(|a, b| a.file == b.file) {
        let file = chunks[0].file;
        let length = inputs.files[file as usize].bytes().len();
        by_length.entry(length).or_default().push(file);
    }
    by_length.retain(|_, files| files.len() > 1);
    let bytes = |file: u32| inputs.files[file as usize].bytes();
    let mut equal: Vec<(u32, u32)> = by_length
        .into_values()
        .collect::<Vec<_>>()
        .into_par_iter()
        .flat_map_iter(|files| {
            let mut first: BTreeMap<u64, u32> = BTreeMap::new();
            let mut equal = Vec::new();
            for file in files {
                let same = *first.entry(keys.bytes(bytes(file))).or_insert(file);
                if same != file && bytes(same) == bytes(file) {
                    equal.push((same, file));
                }
            }
            equal
        })
        .collect();
    equal.sort_unstable_by_key(|(_, file)| *file);
    equal
}

/// Headers met so far.
#[derive(Default)]
pub struct Headers {
    file: Option<u32>,
    /// The values in force in this file.
    version: Option<BString>,
    fields: Option<BString>,
    /// Second and later `#Fields:` lines of a file.
    pub repeated: Repeated,
    pub versions: Changes,
    pub columns: Changes,
}

/// Files that were put together of several.
#[derive(Default)]
pub struct Repeated {
    pub headers: u64,
    pub files: u64,
    last: Option<u32>,
}

/// A header's value changed inside a file.
#[derive(Default)]
pub struct Changes {
    pub count: u64,
    /// Before, after and where: the first few.
    pub first: Vec<(BString, BString, Place)>,
}

impl Headers {
    /// Takes in the headers of the next chunk, in the order of files.
    pub fn take(&mut self, file: u32, lines: Vec<HeaderLine>) {
        if self.file != Some(file) {
            self.file = Some(file);
            (self.version, self.fields) = (None, None);
        }
        for line in lines {
            if line.name.eq_ignore_ascii_case(b"version") {
                self.versions.note(&mut self.version, line);
            } else if line.name.eq_ignore_ascii_case(b"fields") {
                if self.fields.is_some() {
                    self.repeated.headers += 1;
                    self.repeated.files += u64::from(self.repeated.last != Some(file));
                    self.repeated.last = Some(file);
                }
                self.columns.note(&mut self.fields, line);
            }
        }
    }
}

impl Changes {
    fn note(&mut self, now: &mut Option<BString>, line: HeaderLine) {
        if let Some(before) = now.as_ref().filter(|before| **before != line.value) {
            self.count += 1;
            if self.first.len() < KEPT {
                let change = (before.clone(), line.value.clone(), line.place);
                self.first.push(change);
            }
        }
        *now = Some(line.value);
    }
}
