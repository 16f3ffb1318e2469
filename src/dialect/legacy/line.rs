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
    /// None yet.
    pub fn nowhere() -> Line {
        Line {
            at: usize::MAX,
            ..Line::default()
        }
    }

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
        let mut fields = [&b""[..]; N];
        let mut from = self.at;
        for (i, field) in fields.iter_mut().enumerate() {
            let to = match i < self.count {
                true => self.at + self.ends[i] as usize,
                false => self.end,
            };
            *field = &data[from.min(to)..to];
            from = to + 1;
        }
        fields
    }
}

/// Whether there is nothing but white space.
#[inline(always)]
pub fn is_blank(line: &[u8]) -> bool {
    line.first().is_none_or(u8::is_ascii_whitespace) && line.iter().all(u8::is_ascii_whitespace)
}

/// Whether two short fields are the same. To ask the library takes longer than to compare.
#[inline(always)]
pub fn same(a: &[u8], b: &[u8]) -> bool {
    let ends = |text: &[u8]| Some((*text.first_chunk::<8>()?, *text.last_chunk::<8>()?));
    match a.len() {
        len if len != b.len() => false,
        0..8 => a.iter().eq(b),
        8..=16 => ends(a) == ends(b),
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use super::same;

    proptest::proptest! {
        #[test]
        fn same_is_equal(a in "[ab]{0,20}", at in 0usize..20, b in "[ab]{0,20}") {
            let mut other = a.clone().into_bytes();
            if let Some(byte) = other.get_mut(at) {
                *byte ^= 1;
            }
            assert!(same(a.as_bytes(), a.as_bytes()));
            assert_eq!(same(a.as_bytes(), &other), a.as_bytes() == other);
            assert_eq!(same(a.as_bytes(), b.as_bytes()), a == b);
        }
    }
}
