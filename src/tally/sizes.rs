//! How large messages are.
//!
//! In: paths. Out: [`Sizes`]: counts by power of two and a histogram of bytes.

use serde::{Deserialize, Serialize};

use crate::path::Path;
use crate::tally::histogram::Histogram;
use crate::tally::ledger::Mail;
use crate::tally::summed_size_bytes;

/// Classes kept: from under 1 byte to 2 GB and more.
pub const POWERS: usize = 33;

/// Messages by size.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sizes {
    /// Class `n` holds sizes below 2 to the power `n` and not in the class before.
    pub powers: Vec<Mail>,
    pub bytes: Histogram,
}

impl Sizes {
    /// Counts `path`, which has `recipients` in the balance, if its size was logged: what was refused has none.
    pub fn add(&mut self, path: &Path<'_>, recipients: i64, weight: i64) {
        let size_bytes = summed_size_bytes(path);
        if size_bytes == 0 {
            return;
        }
        let power = (64 - (size_bytes as u64).leading_zeros()) as usize;
        if self.powers.is_empty() {
            self.powers.resize(POWERS, Mail::default());
        }
        self.powers[power.min(POWERS - 1)].add(recipients, size_bytes, weight);
        self.bytes.record(size_bytes as u64, weight);
    }

    /// Adds what `other` counted.
    pub fn merge(&mut self, other: &Sizes) {
        if self.powers.len() < other.powers.len() {
            self.powers.resize(other.powers.len(), Mail::default());
        }
        for (power, more) in self.powers.iter_mut().zip(&other.powers) {
            power.merge(more);
        }
        self.bytes.merge(&other.bytes);
    }
}
