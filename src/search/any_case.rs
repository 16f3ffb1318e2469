//! Finds a text whatever the letter case of its ASCII letters.
//!
//! In: a text, and how often each byte stands in these logs. Out: where it begins, and which lines may be a header's:
//! the way through memory costs more than the looking, so what is wanted of every byte is asked for on one way. One
//! byte of a text says little; its two rarest at their distance hardly ever stand anywhere else.

use std::ops::Range;

use crate::scan::{self, prefetch_ahead};

/// Places looked at before it is asked whether one of them may be a hit: whole vectors on every processor.
const BLOCK: usize = 64;

pub struct AnyCase<'t> {
    text: &'t [u8],
    /// The two rarest of its bytes.
    rarest: [Byte; 2],
}

/// One byte of the text, in any case.
#[derive(Clone, Copy)]
struct Byte {
    at: usize,
    lower: u8,
    /// The bit that upper and lower case differ in; none where the byte is no letter.
    case: u8,
}

impl Byte {
    fn new(text: &[u8], at: usize) -> Byte {
        let lower = text[at].to_ascii_lowercase();
        let case = lower ^ lower.to_ascii_uppercase();
        Byte { at, lower, case }
    }

    #[inline(always)]
    fn is(self, byte: u8) -> bool {
        byte | self.case == self.lower
    }
}

impl<'t> AnyCase<'t> {
    /// `seen` says how often each byte stands in a sample, in lower case. `None` if there is no text.
    pub fn new(text: &'t [u8], seen: &[u32; 256]) -> Option<AnyCase<'t>> {
        let mut bytes: Vec<Byte> = (0..text.len()).map(|at| Byte::new(text, at)).collect();
        bytes.sort_by_key(|byte| seen[usize::from(byte.lower)]);
        let first = *bytes.first()?;
        let other = |byte: &&Byte| byte.lower != first.lower;
        let second = bytes.iter().find(other).or(bytes.get(1)).unwrap_or(&first);
        Some(AnyCase {
            text,
            rarest: [first, *second],
        })
    }

    /// Everywhere that the text begins in `bytes`, in order, and the stretch in which lines begin with `#`.
    pub fn find_all(&self, bytes: &[u8]) -> (Vec<usize>, Range<usize>) {
        let mut found = (Vec::new(), 0..0);
        let starts = (bytes.len() + 1).saturating_sub(self.text.len());
        let blocks = |at| {
            let from = bytes.get(at..at + starts).unwrap_or_default();
            from.as_chunks::<BLOCK>().0
        };
        let [one, other] = self.rarest.map(|byte| blocks(byte.at));
        for (number, block) in blocks(0).iter().enumerate() {
            prefetch_ahead(block);
            if self.may_matter(block, &one[number], &other[number]) {
                let start = number * BLOCK;
                self.look(bytes, start..start + BLOCK, &mut found);
            }
        }
        self.look(bytes, one.len() * BLOCK..bytes.len(), &mut found);
        found
    }

    /// Whether the text may begin at one of these places, or a header: they all are compared at once, without a branch.
    #[inline(always)]
    fn may_matter(&self, block: &[u8; BLOCK], one: &[u8; BLOCK], other: &[u8; BLOCK]) -> bool {
        let [first, second] = self.rarest;
        let mut may = 0;
        for at in 0..BLOCK {
            may |= u8::from(first.is(one[at])) & u8::from(second.is(other[at]));
            may |= u8::from(block[at] == b'#');
        }
        may != 0
    }

    #[cold]
    fn look(&self, bytes: &[u8], places: Range<usize>, found: &mut (Vec<usize>, Range<usize>)) {
        let (hits, headers) = found;
        hits.extend(places.clone().filter(|&start| self.begins(&bytes[start..])));
        *headers = joined(headers, &header_lines(bytes, places));
    }

    fn begins(&self, bytes: &[u8]) -> bool {
        let Some(bytes) = bytes.get(..self.text.len()) else {
            return false;
        };
        self.rarest.iter().all(|byte| byte.is(bytes[byte.at]))
            && bytes.eq_ignore_ascii_case(self.text)
    }
}

/// The stretch of `bytes` in which lines begin with `#`, from the first of those `places` to behind the last.
pub fn header_lines(bytes: &[u8], places: Range<usize>) -> Range<usize> {
    let begins_line =
        |&at: &usize| at == 0 || bytes[at - 1] == b'\n' || bytes[..at].ends_with(scan::BOM);
    let hashes = memchr::memchr_iter(b'#', &bytes[places.clone()]).map(|at| places.start + at);
    let mut lines = hashes.filter(begins_line);
    let Some(first) = lines.next() else {
        return 0..0;
    };
    first..lines.next_back().unwrap_or(first) + 1
}

/// From the first of both to the last.
fn joined(one: &Range<usize>, other: &Range<usize>) -> Range<usize> {
    match (one.is_empty(), other.is_empty()) {
        (true, _) => other.clone(),
        (_, true) => one.clone(),
        _ => one.start.min(other.start)..one.end.max(other.end),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_letter_case_is_found_as_by_comparing_everywhere(
            bytes in "[abAB@.#\n]{0,200}",
            text in "[abAB@.]{1,4}",
            seen in prop::array::uniform32(0..9_u32),
        ) {
            let mut all = [0; 256];
            all.iter_mut().zip(seen.iter().cycle()).for_each(|(all, seen)| *all = *seen);
            let (found, headers) = AnyCase::new(text.as_bytes(), &all).unwrap().find_all(bytes.as_bytes());
            let windows = bytes.as_bytes().windows(text.len());
            let same = windows.map(|window| window.eq_ignore_ascii_case(text.as_bytes()));
            let everywhere: Vec<usize> = (0..).zip(same).filter(|(_, same)| *same).map(|(at, _)| at).collect();
            prop_assert_eq!(found, everywhere);
            let begins_line = |at: &usize| *at == 0 || bytes.as_bytes()[at - 1] == b'\n';
            let hashes: Vec<usize> = bytes.match_indices('#').map(|(at, _)| at).filter(begins_line).collect();
            let (first, behind) = (hashes.first().copied(), hashes.last().map(|last| last + 1));
            prop_assert_eq!(headers, first.unwrap_or(0)..behind.unwrap_or(0));
        }
    }
}
