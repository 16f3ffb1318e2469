//! 64 bytes to three bit masks, in the instructions of several processors.
//!
//! In: at least one byte. Out: a [`Mask`]. One of the two places with `unsafe`: vector loads from a slice that
//! is checked to hold 64 bytes.

/// Where the bytes that matter are: bit i for byte i.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mask {
    pub quote: u64,
    pub delimiter: u64,
    pub newline: u64,
}

/// One way to look at 64 bytes.
pub trait Block {
    /// The masks of the first 64 bytes, or of all bytes if there are fewer.
    fn load(data: &[u8], delimiter: u8) -> Mask;
}

/// The last bytes of a file, padded: a page behind the map must never be touched.
#[cold]
fn padded(data: &[u8]) -> [u8; 64] {
    let mut block = [0; 64];
    block[..data.len()].copy_from_slice(data);
    block
}

/// Asks for the cache lines of `bytes` without waiting for them. Rows of one message lie far apart; asked for in
/// time, they come side by side instead of one after the other.
#[inline]
pub fn prefetch(bytes: &[u8]) {
    prefetch_lines(bytes.as_ptr(), bytes.len());
}

/// Asks for the cache lines of a value.
#[inline]
pub fn prefetch_value<T>(value: &T) {
    prefetch_lines(std::ptr::from_ref(value).cast(), size_of::<T>());
}

/// Bytes of a cache line.
#[cfg(target_arch = "x86_64")]
const LINE: usize = 64;

/// How far ahead memory is asked for.
const AHEAD_BYTES: usize = 1536;

/// For who reads on and on: asks for what comes later. A processor's own guess ends at the page.
#[inline(always)]
pub fn prefetch_ahead(data: &[u8]) {
    prefetch_lines(data.as_ptr().wrapping_add(AHEAD_BYTES), 1);
}

#[inline]
fn prefetch_lines(address: *const u8, length: usize) {
    // From the beginning of the first line, or the last one is left out more often than not.
    #[cfg(target_arch = "x86_64")]
    for at in (0..length + address.addr() % LINE).step_by(LINE) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch has no effect but on the cache, whatever the address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(address.wrapping_add(at).cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (address, length);
}

/// Eight bytes at a time in an ordinary register: any processor.
pub struct Portable;

impl Block for Portable {
    #[inline(always)]
    fn load(data: &[u8], delimiter: u8) -> Mask {
        let block: [u8; 64] = match data.first_chunk() {
            Some(block) => *block,
            None => padded(data),
        };
        let mut mask = Mask {
            quote: 0,
            delimiter: 0,
            newline: 0,
        };
        for (i, word) in block.chunks_exact(8).enumerate() {
            let word = u64::from_le_bytes(word.try_into().expect("eight bytes"));
            mask.quote |= equal(word, b'"') << (8 * i);
            mask.delimiter |= equal(word, delimiter) << (8 * i);
            mask.newline |= equal(word, b'\n') << (8 * i);
        }
        mask
    }
}

/// Bit i is set where byte i of `word` is `byte`.
#[inline(always)]
fn equal(word: u64, byte: u8) -> u64 {
    const LOW: u64 = 0x0101_0101_0101_0101;
    const LOW7: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    let x = word ^ (LOW * u64::from(byte));
    // Exact zero-byte test (no borrow between bytes): the top bit of each byte is set where x's byte is zero.
    let zero = !(((x & LOW7) + LOW7) | x | LOW7);
    // Gather the eight top bits into the lowest byte.
    (zero >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
}

/// Two 32-byte registers (Intel and AMD since about 2013).
pub struct Avx2;
/// One 64-byte register that yields masks directly (servers since 2017).
pub struct Avx512;

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{Avx2, Avx512, Block, Mask, padded};
    use std::arch::x86_64::*;

    impl Block for Avx2 {
        #[inline(always)]
        fn load(data: &[u8], delimiter: u8) -> Mask {
            let tail;
            let block: &[u8; 64] = match data.first_chunk() {
                Some(block) => block,
                None => {
                    tail = padded(data);
                    &tail
                }
            };
            // SAFETY: `block` is 64 readable bytes, the loads are unaligned ones, and this type is used only
            // behind the feature check in `scan::best`.
            unsafe {
                let low = _mm256_loadu_si256(block.as_ptr().cast());
                let high = _mm256_loadu_si256(block.as_ptr().add(32).cast());
                Mask {
                    quote: equal_256(low, high, b'"'),
                    delimiter: equal_256(low, high, delimiter),
                    newline: equal_256(low, high, b'\n'),
                }
            }
        }
    }

    /// Bit i is set where byte i is `byte`. Always inlined: by itself it would be compiled without these instructions.
    #[inline(always)]
    unsafe fn equal_256(low: __m256i, high: __m256i, byte: u8) -> u64 {
        // SAFETY: the caller has checked for the instructions.
        unsafe {
            let byte = _mm256_set1_epi8(byte as i8);
            let low = _mm256_movemask_epi8(_mm256_cmpeq_epi8(low, byte)) as u32;
            let high = _mm256_movemask_epi8(_mm256_cmpeq_epi8(high, byte)) as u32;
            u64::from(low) | u64::from(high) << 32
        }
    }

    impl Block for Avx512 {
        #[inline(always)]
        fn load(data: &[u8], delimiter: u8) -> Mask {
            let tail;
            let block: &[u8; 64] = match data.first_chunk() {
                Some(block) => block,
                None => {
                    tail = padded(data);
                    &tail
                }
            };
            // SAFETY: as for `Avx2`.
            unsafe {
                let bytes = _mm512_loadu_si512(block.as_ptr().cast());
                Mask {
                    quote: _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8(b'"' as i8)),
                    delimiter: _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8(delimiter as i8)),
                    newline: _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8(b'\n' as i8)),
                }
            }
        }
    }
}
