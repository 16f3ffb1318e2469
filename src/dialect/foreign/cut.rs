//! Small tools for cutting lines.
//!
//! In: text of a line. Out: pieces of it.

use bstr::BStr;

/// Where `key` stands first. Lines are short and keys are few bytes: looking for a byte that is rare in lines, then for the
/// rest, takes less than setting up a search. Which byte that is, is known when this is compiled.
#[inline(always)]
pub fn find<const N: usize>(text: &[u8], key: &[u8; N]) -> Option<usize> {
    let is_rare = |b: &u8| matches!(b, b'=' | b'>' | b'(' | b'[' | b';' | b'"');
    let rare = key.iter().position(is_rare).unwrap_or(0);
    find_by(text, key, rare)
}

/// The same by the byte number `rare` of the key.
#[inline(always)]
pub fn find_by<const N: usize>(text: &[u8], key: &[u8; N], rare: usize) -> Option<usize> {
    memchr::memchr_iter(key[rare], text)
        .filter_map(|at| at.checked_sub(rare))
        .find(|at| text.get(*at..*at + N).is_some_and(|found| found == key))
}

/// What stands behind `key`, if the text has it.
#[inline(always)]
pub fn after<'d, const N: usize>(text: &'d [u8], key: &[u8; N]) -> Option<&'d [u8]> {
    find(text, key).map(|at| &text[at + N..])
}

/// The text before the first of `end`, or all of it.
#[inline(always)]
pub fn until<'d, const N: usize>(text: &'d [u8], end: &[u8; N]) -> &'d [u8] {
    find(text, end).map_or(text, |at| &text[..at])
}

/// Leading digits as a number.
#[inline]
pub fn number(text: &[u8]) -> u64 {
    text.iter()
        .take_while(|b| b.is_ascii_digit())
        .take(18)
        .fold(0, |n, b| n * 10 + u64::from(b - b'0'))
}

/// Text as it is, for fields that are not bytes.
pub fn text(bytes: &[u8]) -> &BStr {
    BStr::new(bytes)
}
