//! A histogram of durations that can be subtracted from as well as added to.
//!
//! In: whole milliseconds with a signed weight. Out: counts, quantiles within [`RELATIVE_ERROR`], and
//! the exact largest value. The classes are log-linear: 64 to each power of two, so that a class is at
//! most 1/64 of its values wide and its middle at most 1/128 off; values below 128 are exact.
//! (hdrhistogram has unsigned counts: a subtraction that comes before its addition would be lost.)

use serde::{Deserialize, Serialize};

use crate::scan;

/// Largest relative error of a quantile: half a class of 64 to the octave.
pub const RELATIVE_ERROR: f64 = 1.0 / 128.0;
/// The same for [`Coarse`]: half a class of 8 to the octave.
pub const COARSE_ERROR: f64 = 1.0 / 16.0;

/// Distinct largest values kept, so that the maximum stays exact while fewer than these are taken back.
const PEAKS: usize = 64;

/// A coarser histogram keeps no largest values: its maximum is as good as its quantiles.
const EXACT_MAX_BITS: u32 = 6;

/// The usual histogram.
pub type Histogram = Classes<6>;
/// An eighth of the room, and no exact maximum, for tables with many of them (one per pair of servers).
pub type Coarse = Classes<3>;

/// Signed counts by class of value, 2 to the power of `BITS` classes to the octave.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Classes<const BITS: u32> {
    /// Grows to the highest class seen.
    counts: Vec<i64>,
    total: i64,
    peaks: Peaks,
}

/// The largest of many values, exact while fewer than [`PEAKS`] of them are taken back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peaks {
    /// The largest values with their counts, largest last; never a count of zero.
    values: Vec<(u64, i64)>,
    /// Values up to here may be missing from `values`, because there were too many larger ones.
    forgotten: Option<u64>,
}

impl Peaks {
    /// Counts `value` `weight` times.
    pub fn note(&mut self, value: u64, weight: i64) {
        if self.forgotten.is_some_and(|forgotten| value <= forgotten) {
            return;
        }
        match self.values.binary_search_by_key(&value, |peak| peak.0) {
            Ok(i) => {
                self.values[i].1 += weight;
                if self.values[i].1 == 0 {
                    self.values.remove(i);
                }
            }
            Err(i) => self.values.insert(i, (value, weight)),
        }
        if self.values.len() > PEAKS {
            let (smallest, _) = self.values.remove(0);
            self.forgotten = Some(smallest);
        }
    }

    /// Adds what `other` counted.
    pub fn merge(&mut self, other: &Peaks) {
        // What either side forgot is incomplete in both.
        self.forgotten = self.forgotten.max(other.forgotten);
        let forgotten = self.forgotten;
        self.values
            .retain(|peak| forgotten.is_none_or(|forgotten| peak.0 > forgotten));
        for &(value, weight) in &other.values {
            self.note(value, weight);
        }
    }

    /// The largest value.
    pub fn max(&self) -> Option<u64> {
        let peak = self.values.iter().rev().find(|peak| peak.1 > 0);
        peak.map(|peak| peak.0)
    }
}

impl<const BITS: u32> Classes<BITS> {
    /// Counts `value` `weight` times.
    pub fn record(&mut self, value: u64, weight: i64) {
        let class = class_of::<BITS>(value);
        if class >= self.counts.len() {
            self.counts.resize(class + 1, 0);
        }
        self.counts[class] += weight;
        self.total += weight;
        if BITS >= EXACT_MAX_BITS {
            self.peaks.note(value, weight);
        }
    }

    /// Asks memory for the place where `value` will be counted.
    pub fn ask(&self, value: u64) {
        let count = self.counts.get(class_of::<BITS>(value));
        count.into_iter().for_each(scan::prefetch_value);
    }

    /// The class a value falls into, to count by it elsewhere.
    pub fn class_of(value: u64) -> usize {
        class_of::<BITS>(value)
    }

    /// Adds counts by class; their largest values are not known.
    pub fn add(&mut self, counts: &[i64]) {
        let classes = counts.iter().rposition(|&count| count != 0);
        let counts = &counts[..classes.map_or(0, |last| last + 1)];
        if self.counts.len() < counts.len() {
            self.counts.resize(counts.len(), 0);
        }
        for (count, more) in self.counts.iter_mut().zip(counts) {
            *count += more;
        }
        self.total += counts.iter().sum::<i64>();
    }

    /// Adds what `other` counted.
    pub fn merge(&mut self, other: &Self) {
        self.add(&other.counts);
        self.peaks.merge(&other.peaks);
    }

    /// How many values were counted.
    pub fn count(&self) -> i64 {
        self.total
    }

    /// How many values are below `limit`, as far as classes tell.
    pub fn below(&self, limit: u64) -> i64 {
        let classes = class_of::<BITS>(limit).min(self.counts.len());
        self.counts[..classes].iter().sum()
    }

    /// The value that `share` (0 to 1) of all values do not exceed, by nearest rank; `None` if empty.
    pub fn quantile(&self, share: f64) -> Option<u64> {
        if self.total <= 0 {
            return None;
        }
        let rank = ((share * self.total as f64).ceil() as i64).clamp(1, self.total);
        let mut seen = 0;
        for (class, &count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank {
                let max = self.max().unwrap_or(u64::MAX);
                return Some(middle_of::<BITS>(class).min(max));
            }
        }
        None
    }

    /// The largest value; exact unless more than 64 different larger ones were taken back.
    pub fn max(&self) -> Option<u64> {
        self.peaks.max().or_else(|| {
            let class = self.counts.iter().rposition(|&count| count > 0)?;
            Some(middle_of::<BITS>(class))
        })
    }
}

/// The class a value falls into.
fn class_of<const BITS: u32>(value: u64) -> usize {
    if value < (2 << BITS) {
        return value as usize;
    }
    let octave = 63 - value.leading_zeros();
    let place = (value >> (octave - BITS)) & ((1 << BITS) - 1);
    ((u64::from(octave - BITS + 1) << BITS) + place) as usize
}

/// The value that stands for a class.
fn middle_of<const BITS: u32>(class: usize) -> u64 {
    let class = class as u64;
    if class < (2 << BITS) {
        return class;
    }
    let shift = (class >> BITS) - 1;
    let place = class & ((1 << BITS) - 1);
    let low = ((1 << BITS) + place) << shift;
    low + ((1_u64 << shift) >> 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn classes_are_dense_and_ordered() {
        let mut last = 0;
        for value in 0..100_000_u64 {
            let class = class_of::<6>(value);
            assert!(class == last || class == last + 1, "{value}");
            last = class;
        }
        assert!(class_of::<6>(u64::MAX) < 4096);
    }

    #[test]
    fn small_values_are_exact() {
        let mut h = Histogram::default();
        for value in 1..=100 {
            h.record(value, 1);
        }
        assert_eq!(h.quantile(0.5), Some(50));
        assert_eq!(h.quantile(0.99), Some(99));
        assert_eq!(h.max(), Some(100));
        assert_eq!(Histogram::default().quantile(0.5), None);
        assert_eq!(Histogram::default().max(), None);
    }

    proptest! {
        #[test]
        fn quantiles_keep_the_stated_error(
            mut values in prop::collection::vec((0u32..41, any::<u64>()), 1..400),
            share in 0.0f64..=1.0,
        ) {
            let mut values: Vec<u64> =
                values.drain(..).map(|(bits, v)| v & ((1 << bits) - 1)).collect();
            let mut h = Histogram::default();
            values.iter().for_each(|&v| h.record(v, 1));
            values.sort_unstable();
            let rank = ((share * values.len() as f64).ceil() as usize).clamp(1, values.len());
            let (exact, found) = (values[rank - 1] as f64, h.quantile(share).unwrap() as f64);
            prop_assert!((found - exact).abs() <= exact * RELATIVE_ERROR, "{found} for {exact}");
            prop_assert_eq!(h.max(), values.last().copied());
        }

        #[test]
        fn what_is_taken_back_was_never_there(
            kept in prop::collection::vec(0u64..1 << 40, 0..200),
            back in prop::collection::vec(0u64..1 << 40, 0..30),
        ) {
            let (mut plain, mut a, mut b) =
                (Histogram::default(), Histogram::default(), Histogram::default());
            // The subtraction is met first, in another worker's histogram.
            back.iter().for_each(|&v| { b.record(v, -1); a.record(v, 1); });
            kept.iter().for_each(|&v| { plain.record(v, 1); a.record(v, 1); });
            b.merge(&a);
            prop_assert_eq!(b.count(), plain.count());
            prop_assert_eq!(b.max(), plain.max());
            prop_assert_eq!(b.quantile(0.9), plain.quantile(0.9));
        }
    }
}
