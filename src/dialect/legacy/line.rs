//! A line of a tab-separated log, and where its fields end.
//!
//! In: bytes and where the line begins. Out: [`Line`]. Whether it is a record is its dialect's decision.

use crate::scan::{self, Block, MAX_FIELDS};

/// A line as last looked at; one is kept and looked with again and again.
#[derive(Clone, Copy, Default)]
pub struct Line {
    pub at: usize,
    pub end: usize,
    /// Where the next line begins.
    pub next: usize,
    pub ends: [u32; MAX_FIELDS],
    /// Field ends found; as many as were asked for means that there may be more.
    pub count: usize,
}

impl Line {
    /// Finds the first `wanted` fields of the line at `at`.
    #[inline(always)]
    pub fn look<B: Block>(&mut self, data: &[u8], at: usize, wanted: usize) {
        let found = scan::plain_line::<B>(&data[at..], b'\t', wanted, &mut self.ends);
        (self.at, self.count) = (at, found.fields);
        (self.end, self.next) = (at + found.end, (at + found.next).min(data.len()));
    }

    /// Field `i` as it stands; empty where there are fewer.
    #[inline(always)]
    pub fn field<'p>(&self, data: &'p [u8], i: usize) -> &'p [u8] {
        if i >= self.count {
            return b"";
        }
        let from = if i == 0 {
            0
        } else {
            self.ends[i - 1] as usize + 1
        };
        &data[self.at + from..self.at + self.ends[i] as usize]
    }

    /// The first fields; empty where there are fewer.
    #[inline(always)]
    pub fn fields<'p, const N: usize>(&self, data: &'p [u8]) -> [&'p [u8]; N] {
        let mut from = self.at;
        std::array::from_fn(|i| {
            let to = match i < self.count {
                true => self.at + self.ends[i] as usize,
                false => self.end,
            };
            let field = &data[from.min(to)..to];
            from = to + 1;
            field
        })
    }
}

/// Whether there is nothing but white space.
#[inline(always)]
pub fn is_blank(line: &[u8]) -> bool {
    line.first().is_none_or(u8::is_ascii_whitespace) && line.iter().all(u8::is_ascii_whitespace)
}
