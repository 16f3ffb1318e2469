//! Clocks that nothing in their own files tells.
//!
//! In: a plan. Out: the same plan, the layouts of such chunks set by what other files of the host tell, else by what
//! hand-overs to and from other hosts prove.

use std::collections::BTreeMap;

use bstr::{BStr, ByteSlice};
use rayon::prelude::*;

use super::{Chunk, Plan, earliest, slice};
use crate::dialect::foreign::hop::Hops;
use crate::dialect::{self, Layout};
use crate::input::Inputs;
use crate::join::hop;
use crate::keys::Keys;
use crate::time::Time;

impl Plan {
    /// Sets clocks that nothing in their own files tells: an Exim rejectlog, the few lines of a file that was just begun.
    pub(super) fn set_clocks(&mut self, inputs: &Inputs) {
        self.set_by_host(inputs);
        self.set_by_hops(inputs);
    }

    /// Sets the zone of files to that which other files of the same host tell for the nearest time.
    fn set_by_host(&mut self, inputs: &Inputs) {
        let server = |chunk: &Chunk| inputs.files[chunk.file as usize].server.as_bstr();
        let mut known: BTreeMap<&BStr, BTreeMap<Time, i32>> = BTreeMap::new();
        for chunk in &self.chunks {
            let told = chunk.time.zip(dialect::zone_offset_s(&chunk.layout));
            known.entry(server(chunk)).or_default().extend(told);
        }
        known.remove(b"".as_bstr());
        let is_guessed = |chunk: &&mut Chunk| dialect::clock_is_guessed(&chunk.layout);
        for chunk in self.chunks.iter_mut().filter(is_guessed) {
            let told = known.get(server(chunk));
            let nearest = told
                .zip(chunk.time)
                .and_then(|(told, at)| nearest(told, at));
            let layout =
                nearest.and_then(|offset_s| dialect::in_zone_of_host(&chunk.layout, offset_s));
            if let Some(layout) = layout {
                chunk.read_by(layout, inputs);
            }
        }
    }

    /// Sets clocks by hand-overs to and from hosts whose clock is known. Only where there are both is everything looked
    /// through for it.
    fn set_by_hops(&mut self, inputs: &Inputs) {
        let guessed: Vec<bool> = self
            .chunks
            .iter()
            .map(|chunk| dialect::clock_is_guessed(&chunk.layout))
            .collect();
        if !(guessed.contains(&true) && guessed.contains(&false)) {
            return;
        }
        let keys = Keys::default();
        let chunks = self.chunks.par_iter().enumerate().with_max_len(1);
        let hops = chunks.map(|(number, chunk)| {
            let slice = slice(inputs, chunk, number as u32);
            dialect::ties(slice, &chunk.layout, &keys, true).hops
        });
        let hops: Vec<Hops> = hops.collect();
        let shifts = hop::clock_shifts(&hops, |chunk| guessed[chunk as usize]);
        // A chunk that no hand-over tells about goes by the one before it in its file, the first ones by the first told.
        let mut last: Option<(u32, i64)> = None;
        let first = |file: u32| {
            let mut of_file = shifts.iter();
            of_file.find(|(chunk, _)| self.chunks[**chunk as usize].file == file)
        };
        let told: Vec<Option<i64>> = (self.chunks.iter().zip(0u32..))
            .map(|(chunk, number)| {
                let own = shifts.get(&number);
                let before = last.filter(|(file, _)| *file == chunk.file);
                let own = own.copied().or(before.map(|(_, shift)| shift));
                let told = own.or_else(|| first(chunk.file).map(|(_, shift)| *shift));
                last = told.map(|shift| (chunk.file, shift));
                told.filter(|_| guessed[number as usize])
            })
            .collect();
        for (chunk, shift) in self.chunks.iter_mut().zip(told) {
            let data = &inputs.files[chunk.file as usize].bytes()[chunk.start..chunk.end];
            let layout = shift.and_then(|by| dialect::shifted(&chunk.layout, data, by));
            if let Some(layout) = layout {
                chunk.read_by(layout, inputs);
            }
        }
    }
}

/// What is told for the time that is nearest.
fn nearest(told: &BTreeMap<Time, i32>, time: Time) -> Option<i32> {
    let before = told.range(..=time).next_back();
    let behind = told.range(time..).next();
    let told = before.into_iter().chain(behind);
    let nearest = told.min_by_key(|(at, _)| at.0.abs_diff(time.0));
    nearest.map(|(_, offset_s)| *offset_s)
}

impl Chunk {
    /// Reads it by another layout: its stamps mean other times.
    fn read_by(&mut self, layout: Layout, inputs: &Inputs) {
        let data = inputs.files[self.file as usize].bytes();
        self.time = earliest(&layout, data, self.start..self.end);
        self.layout = layout.into();
    }
}
