//! A small random source of our own: the same seed must give the same bytes in every build and year.
//!
//! In: a seed. Out: numbers. SplitMix64 spreads the seed, xoshiro256++ makes the numbers (Blackman and
//! Vigna, public domain). Not for secrets.

/// The state of xoshiro256++.
#[derive(Clone, Debug)]
pub struct Rng([u64; 4]);

impl Rng {
    pub fn new(seed: u64) -> Rng {
        let mut x = seed;
        let mut next = || {
            x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let z = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        };
        Rng([next(), next(), next(), next()])
    }

    #[inline]
    pub fn bits(&mut self) -> u64 {
        let s = &mut self.0;
        let result = s[0].wrapping_add(s[3]).rotate_left(23).wrapping_add(s[0]);
        let t = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= t;
        s[3] = s[3].rotate_left(45);
        result
    }

    /// A number in `0..n`; `n` must not be zero. Biased by less than n / 2^64.
    #[inline]
    pub fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.bits()) * n as u128) >> 64) as usize
    }

    /// A number in `low..high`.
    #[inline]
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.below((high - low) as usize) as i64
    }

    /// True `n` times in ten thousand.
    #[inline]
    pub fn chance(&mut self, n: usize) -> bool {
        self.below(10_000) < n
    }

    #[inline]
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    /// About `mean`, with a long tail to `100 * mean`: sizes and waiting times.
    pub fn skewed(&mut self, mean: i64) -> i64 {
        let u = (self.bits() >> 11) as f64 / (1u64 << 53) as f64;
        // Integer steps only after this: a float of the same bits rounds the same everywhere.
        let factor = (1.0 / (1.0 - u * 0.99)).min(100.0);
        (mean as f64 * factor / 4.65) as i64 + 1
    }
}
