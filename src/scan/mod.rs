//! The fast machine: where fields end and where a record ends.
//!
//! In: bytes and the position of a record's first byte. Out: the ends of its leading fields and of its
//! line. Nothing is copied, decoded or judged here; a record with a quote still open at the line break
//! is only marked as such, because what to do about it is the dialect's decision.
//!
//! 64 bytes at a time become three bit masks (quote, delimiter, line break), as simdjson does it. Only the
//! leading fields that a caller wants are written down; behind them only the line break is looked for.

mod block;

/// The mark that UTF-8 text may begin with; where logs were put together, it stands in the middle of a file, too.
pub const BOM: &[u8] = b"\xef\xbb\xbf";

/// Text without the mark that it may begin with.
pub fn without_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix(BOM).unwrap_or(text)
}

#[cfg(target_arch = "x86_64")]
use block::{Avx2, Avx512};
pub use block::{Block, Mask, Portable, prefetch, prefetch_ahead, prefetch_value};

/// Fields whose ends a caller can ask for. The widest known layout has 30 columns, of which the first 25
/// carry what paths need (`formats/modern.md` section 1).
pub const MAX_FIELDS: usize = 32;

/// What one look at a line found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// Number of fields whose end was written down (the last one ends at `end`).
    pub fields: usize,
    /// Number of fields there are; in a [`plain_line`] no more than were written down.
    pub columns: usize,
    /// Length of the line without its line break.
    pub end: usize,
    /// Distance from the line's first byte to the next line's first byte.
    pub next: usize,
    /// A quote was still open at the line break.
    pub open: bool,
}

/// Finds the first `wanted` field ends and the end of the line that starts at `data[0]`.
///
/// `ends[i]` is the position just behind field `i`. At most `wanted` (<= [`MAX_FIELDS`]) are written; if the
/// line has fewer, the last one written is the end of the line.
#[inline(always)]
pub fn line<B: Block>(
    data: &[u8],
    delimiter: u8,
    wanted: usize,
    ends: &mut [u32; MAX_FIELDS],
) -> Line {
    any_line::<B, true>(data, delimiter, wanted, ends)
}

/// [`line`] of a format that quotes nothing: a quote is a byte like any other.
#[inline(always)]
pub fn plain_line<B: Block>(
    data: &[u8],
    delimiter: u8,
    wanted: usize,
    ends: &mut [u32; MAX_FIELDS],
) -> Line {
    any_line::<B, false>(data, delimiter, wanted, ends)
}

#[inline(always)]
fn any_line<B: Block, const QUOTES: bool>(
    data: &[u8],
    delimiter: u8,
    wanted: usize,
    ends: &mut [u32; MAX_FIELDS],
) -> Line {
    debug_assert!(wanted > 0 && wanted <= MAX_FIELDS);
    let (mut fields, mut columns) = (0, 1);
    let mut inside = 0u64; // all ones while a quote is open
    let mut base = 0;
    while base < data.len() {
        let mask = look::<B, QUOTES>(&data[base..], delimiter);
        let quoted = quoted(&mask, inside);
        let mut delimiters = mask.delimiter & !quoted;
        if mask.newline != 0 {
            let at = mask.newline.trailing_zeros();
            delimiters &= (1u64 << at) - 1;
            columns += delimiters.count_ones() as usize;
            write_ends(delimiters, base, wanted, &mut fields, ends);
            let end = base + at as usize;
            let open = quoted >> at & 1 == 1;
            return finish(data, (end, end + 1), wanted, (fields, columns), open, ends);
        }
        columns += delimiters.count_ones() as usize;
        write_ends(delimiters, base, wanted, &mut fields, ends);
        inside = ((quoted >> 63) as i64).wrapping_neg() as u64;
        base += 64;
        if fields == wanted {
            return rest_of_line::<B, QUOTES>(data, delimiter, base, inside, (fields, columns));
        }
    }
    let all = (data.len(), data.len());
    finish(data, all, wanted, (fields, columns), inside != 0, ends)
}

/// The bytes between quotes; `inside` is all ones if one was open before.
#[inline(always)]
fn quoted(mask: &Mask, inside: u64) -> u64 {
    match mask.quote {
        0 => inside,
        quotes => prefix_xor(quotes) ^ inside,
    }
}

/// The masks of the next bytes. No closure: one that the compiler does not inline is compiled without the block's
/// instructions, each of which is a call then.
#[inline(always)]
fn look<B: Block, const QUOTES: bool>(data: &[u8], delimiter: u8) -> Mask {
    prefetch_ahead(data);
    let mut mask = B::load(data, delimiter);
    if !QUOTES {
        mask.quote = 0;
    }
    mask
}

/// Behind the last wanted field: how many more there are, the quotes (for the state at the end) and the line break.
#[inline(always)]
fn rest_of_line<B: Block, const QUOTES: bool>(
    data: &[u8],
    delimiter: u8,
    mut base: usize,
    mut inside: u64,
    (fields, mut columns): (usize, usize),
) -> Line {
    let line = |end: usize, next: usize, columns, open| Line {
        fields,
        columns,
        end: trim_cr(data, end),
        next,
        open,
    };
    while base < data.len() {
        let mask = look::<B, QUOTES>(&data[base..], delimiter);
        let quoted = quoted(&mask, inside);
        let delimiters = if QUOTES { mask.delimiter & !quoted } else { 0 };
        if mask.newline != 0 {
            let at = mask.newline.trailing_zeros();
            columns += (delimiters & ((1u64 << at) - 1)).count_ones() as usize;
            let end = base + at as usize;
            return line(end, end + 1, columns, quoted >> at & 1 == 1);
        }
        columns += delimiters.count_ones() as usize;
        inside = ((quoted >> 63) as i64).wrapping_neg() as u64;
        base += 64;
    }
    line(data.len(), data.len(), columns, inside != 0)
}

#[inline(always)]
fn write_ends(
    mut mask: u64,
    base: usize,
    wanted: usize,
    fields: &mut usize,
    ends: &mut [u32; MAX_FIELDS],
) {
    let count = mask.count_ones() as usize;
    // Most blocks hold a few: four are written without asking, what is too much is overwritten or never looked at.
    let first = *fields;
    let mut written = first;
    if let Some(four) = ends.get_mut(first..first + 4) {
        for end in four {
            *end = base as u32 + mask.trailing_zeros();
            mask &= mask.wrapping_sub(1);
        }
        written += 4;
    }
    *fields = (first + count).min(wanted);
    while written < *fields {
        ends[written] = base as u32 + mask.trailing_zeros();
        mask &= mask.wrapping_sub(1);
        written += 1;
    }
}

#[inline(always)]
fn finish(
    data: &[u8],
    (end, next): (usize, usize),
    wanted: usize,
    (mut fields, columns): (usize, usize),
    open: bool,
    ends: &mut [u32; MAX_FIELDS],
) -> Line {
    let end = trim_cr(data, end);
    if fields < wanted {
        ends[fields] = end as u32;
        fields += 1;
    }
    Line {
        fields,
        columns,
        end,
        next,
        open,
    }
}

#[inline(always)]
fn trim_cr(data: &[u8], end: usize) -> usize {
    end - usize::from(end > 0 && data[end - 1] == b'\r')
}

/// Bit i is the parity of bits 0..=i: all ones between an opening and a closing quote.
#[inline(always)]
fn prefix_xor(mut bits: u64) -> u64 {
    bits ^= bits << 1;
    bits ^= bits << 2;
    bits ^= bits << 4;
    bits ^= bits << 8;
    bits ^= bits << 16;
    bits ^= bits << 32;
    bits
}

/// Work that reads many lines with one kind of block: implemented once per dialect, run by [`best`].
pub trait Scan {
    type Output;
    /// Must be `#[inline(always)]`, or the block's instructions are not inlined into it.
    fn run<B: Block>(self) -> Self::Output;
}

/// Runs `work` with the widest instructions this processor has.
pub fn best<S: Scan>(work: S) -> S::Output {
    #[cfg(target_arch = "x86_64")]
    {
        if has_avx512() {
            // SAFETY: the features that `avx512` is compiled for were just found on this processor.
            return unsafe { avx512(work) };
        }
        if has_avx2() {
            // SAFETY: as above, for `avx2`.
            return unsafe { avx2(work) };
        }
    }
    work.run::<Portable>()
}

/// Whether this processor counts bits as all that have vectors of 32 bytes do; a hypervisor may hide any of these.
#[cfg(target_arch = "x86_64")]
fn has_bit_counts() -> bool {
    is_x86_feature_detected!("bmi1")
        && is_x86_feature_detected!("bmi2")
        && is_x86_feature_detected!("popcnt")
        && is_x86_feature_detected!("lzcnt")
}

/// Whether [`avx2`] may be called.
#[cfg(target_arch = "x86_64")]
fn has_avx2() -> bool {
    is_x86_feature_detected!("avx2") && has_bit_counts()
}

/// Whether [`avx512`] may be called.
#[cfg(target_arch = "x86_64")]
fn has_avx512() -> bool {
    is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw") && has_bit_counts()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,bmi1,bmi2,popcnt,lzcnt")]
unsafe fn avx512<S: Scan>(work: S) -> S::Output {
    work.run::<Avx512>()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,bmi1,bmi2,popcnt,lzcnt")]
unsafe fn avx2<S: Scan>(work: S) -> S::Output {
    work.run::<Avx2>()
}

/// The first byte at or behind `from` of a line that `begins` a record, given everything from there on; else the end.
pub fn next_line(data: &[u8], from: usize, begins: impl Fn(&[u8]) -> bool) -> usize {
    if from == 0 || from >= data.len() {
        return from.min(data.len());
    }
    let mut at = from - 1; // a record may begin exactly at `from`, behind a line break
    while let Some(newline) = memchr::memchr(b'\n', &data[at..]) {
        at += newline + 1;
        if begins(&data[at..]) {
            return at;
        }
    }
    data.len()
}

/// The first byte of the last line before `at` that `begins` a record, given everything from there on; else 0.
pub fn line_before(data: &[u8], at: usize, begins: impl Fn(&[u8]) -> bool) -> usize {
    let breaks = memchr::memrchr_iter(b'\n', &data[..at]);
    let mut lines = breaks.map(|newline| newline + 1);
    lines.find(|start| begins(&data[*start..])).unwrap_or(0)
}

/// A record is split into at most so many fields; no layout has half as many columns, and a file of commas must not
/// take sixteen times its size.
const MAX_SPLIT: usize = 512;

/// Splits a record at its delimiters outside quotes, quotes and doubled quotes kept: the plain way, for
/// records that go over several lines, are longer than 64 KiB, or are read a second time.
pub fn split(record: &[u8], delimiter: u8) -> Vec<&[u8]> {
    let mut fields = Vec::with_capacity(MAX_FIELDS);
    let (mut start, mut inside) = (0, false);
    for i in memchr::memchr2_iter(b'"', delimiter, record) {
        if record[i] == b'"' {
            inside = !inside;
        } else if !inside && fields.len() + 1 < MAX_SPLIT {
            fields.push(&record[start..i]);
            start = i + 1;
        } else if !inside {
            break;
        }
    }
    fields.push(&record[start..]);
    fields
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    struct Lines<'a> {
        data: &'a [u8],
        wanted: usize,
    }

    type Found = Vec<(Line, Vec<u32>)>;

    impl Scan for Lines<'_> {
        type Output = Found;
        #[inline(always)]
        fn run<B: Block>(self) -> Found {
            let mut found = Vec::new();
            let mut at = 0;
            let mut ends = [0; MAX_FIELDS];
            while at < self.data.len() {
                let line = line::<B>(&self.data[at..], b',', self.wanted, &mut ends);
                found.push((line, ends[..line.fields].to_vec()));
                at += line.next;
            }
            found
        }
    }

    /// The judge: one byte at a time.
    fn slowly(data: &[u8], wanted: usize) -> Found {
        let mut found = Vec::new();
        let mut at = 0;
        while at < data.len() {
            let rest = &data[at..];
            let newline = rest.iter().position(|&b| b == b'\n').unwrap_or(rest.len());
            let end = newline - usize::from(newline > 0 && rest[newline - 1] == b'\r');
            let mut ends = Vec::new();
            let (mut columns, mut inside) = (1, false);
            for (i, &byte) in rest[..newline].iter().enumerate() {
                if byte == b'"' {
                    inside = !inside;
                }
                if byte == b',' && !inside {
                    columns += 1;
                    if ends.len() < wanted {
                        ends.push(i as u32);
                    }
                }
            }
            if ends.len() < wanted {
                ends.push(end as u32);
            }
            let next = (newline + 1).min(rest.len());
            found.push((
                Line {
                    fields: ends.len(),
                    columns,
                    end,
                    next,
                    open: inside,
                },
                ends,
            ));
            at += next;
        }
        found
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn every_block_agrees_with_the_slow_judge(
            text in "([a-z]{0,70}|,|,|,|\"|\"\"|\r\n|\n|\r){0,60}",
            wanted in 1usize..=MAX_FIELDS,
        ) {
            let data = text.as_bytes();
            let judge = slowly(data, wanted);
            prop_assert_eq!(&best(Lines { data, wanted }), &judge);
            prop_assert_eq!(&Lines { data, wanted }.run::<Portable>(), &judge);
            #[cfg(target_arch = "x86_64")]
            if has_avx2() {
                // SAFETY: the features were just found.
                prop_assert_eq!(&unsafe { avx2(Lines { data, wanted }) }, &judge);
            }
        }
    }

    struct PlainLine<'a>(&'a [u8]);

    impl Scan for PlainLine<'_> {
        type Output = (Line, Vec<u32>);
        #[inline(always)]
        fn run<B: Block>(self) -> Self::Output {
            let mut ends = [0; MAX_FIELDS];
            let line = plain_line::<B>(self.0, b'\t', 3, &mut ends);
            (line, ends[..line.fields].to_vec())
        }
    }

    #[test]
    fn a_plain_line_knows_no_quotes() {
        let (line, ends) = best(PlainLine(b"a\"\tb\"\r\nc"));
        assert_eq!((line.end, line.next, line.open), (5, 7, false));
        assert_eq!(ends, [2, 5]);
        assert_eq!(best(PlainLine(b"a\tb\t\"c\td\ne")).1, [1, 3, 6]);
    }

    #[test]
    fn split_keeps_quoted_delimiters() {
        let fields = split(b"a,\"b,\"\"c\"\",d\",,e", b',');
        assert_eq!(fields, [&b"a"[..], b"\"b,\"\"c\"\",d\"", b"", b"e"]);
    }
}
