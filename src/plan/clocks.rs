//! Clocks that nothing in their own files tells.
//!
//! In: a plan. Out: the same plan, the layouts of such chunks set by what hand-overs to and from other hosts prove.

use rayon::prelude::*;

use super::{Plan, earliest, slice};
use crate::dialect;
use crate::dialect::foreign::hop::Hops;
use crate::input::Inputs;
use crate::join::hop;
use crate::keys::Keys;

impl Plan {
    /// Sets clocks that nothing in their own files tells by hand-overs to and from hosts whose clock is known. Only where
    /// there are both is everything looked through for it.
    pub(super) fn set_clocks(&mut self, inputs: &Inputs) {
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
