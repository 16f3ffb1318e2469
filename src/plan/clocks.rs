//! Clocks that nothing in their own files tells.
//!
//! In: a plan. Out: the same plan, the layouts of such chunks set by what other files of the host tell, else by what
//! hand-overs to and from other hosts prove.

use std::collections::BTreeMap;

use bstr::{BStr, ByteSlice};
use rayon::prelude::*;

use super::{Chunk, Plan, earliest, slice};
use crate::dialect;
use crate::dialect::foreign::hop::Hops;
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
        let mut known: BTreeMap<&BStr, Vec<(Time, i32)>> = BTreeMap::new();
        for chunk in &self.chunks {
            if let (Some(time), Some(offset_s)) =
                (chunk.time, dialect::zone_offset_s(&chunk.layout))
            {
                known
                    .entry(server(chunk))
                    .or_default()
                    .push((time, offset_s));
            }
        }
        known.remove(b"".as_bstr());
        for chunk in &mut self.chunks {
            let nearest = |time: Time| {
                let told = known.get(server(chunk))?.iter();
                told.min_by_key(|(at, _)| at.0.abs_diff(time.0))
            };
            let layout = (chunk.time.and_then(nearest))
                .and_then(|(_, offset_s)| dialect::in_zone_of_host(&chunk.layout, *offset_s));
            if let Some(layout) = layout {
                let data = inputs.files[chunk.file as usize].bytes();
                chunk.time = earliest(&layout, data, chunk.start..chunk.end);
                chunk.layout = layout.into();
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
            let data = inputs.files[chunk.file as usize].bytes();
            let range = chunk.start..chunk.end;
            let layout =
                shift.and_then(|by| dialect::shifted(&chunk.layout, &data[range.clone()], by));
            if let Some(layout) = layout {
                chunk.time = earliest(&layout, data, range);
                chunk.layout = layout.into();
            }
        }
    }
}
