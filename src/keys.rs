//! Identifiers to 64-bit keys, made once per row and carried.
//!
//! In: ids as logged. Out: seeded hashes. The seed is new in every run (with `--state`, in every state), because
//! strangers choose Message-IDs and would otherwise choose colliding ones; no output may depend on a key's value or order. With 64 bits,
//! ten million messages collide with a chance of one in 370,000; the join compares the ids themselves.

use std::hash::{BuildHasher, Hasher};

use foldhash::SharedSeed;
use foldhash::quality::SeedableRandomState;

use crate::address::x400;
use crate::address::{bare_id, lower, short_host};

/// An id space of its own on one server (`formats/modern.md` section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Service {
    /// Mailbox submission (MSGTRKMS; MSGTRKM in 2007 and 2010).
    Submission,
    /// Transport (MSGTRK).
    Transport,
    /// Mailbox delivery (MSGTRKMD).
    Delivery,
}

impl Service {
    /// How many there are.
    pub const COUNT: usize = 3;
    /// All of them, in the order a message passes them.
    pub const ALL: [Service; Service::COUNT] =
        [Service::Submission, Service::Transport, Service::Delivery];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Service::Submission => "submission",
            Service::Transport => "transport",
            Service::Delivery => "delivery",
        }
    }
}

/// Up to eight bytes of text, in lower case, as a number.
#[inline]
fn small_word(text: &[u8]) -> u64 {
    let add = |word: u64, byte: &u8| word << 8 | u64::from(byte.to_ascii_lowercase());
    text.iter().fold(0, add)
}

/// How a text begins and ends, in lower case, and how long it is.
#[inline]
pub fn ends(text: &[u8]) -> u64 {
    const CASE: u64 = 0x2020_2020_2020_2020;
    let word = |bytes: &[u8; 8]| u64::from_le_bytes(*bytes) | CASE;
    let ends = match (text.first_chunk(), text.last_chunk()) {
        (Some(first), Some(last)) => word(first) ^ word(last).rotate_left(29),
        _ => small_word(text),
    };
    ends ^ text.len() as u64
}

/// Makes keys with this run's seed.
#[derive(Clone, Debug)]
pub struct Keys {
    state: SeedableRandomState,
}

impl Default for Keys {
    fn default() -> Self {
        Keys {
            state: SeedableRandomState::random(),
        }
    }
}

impl Keys {
    /// Keys that are the same in every run with this seed, which must be a secret.
    pub fn seeded(seed: u64) -> Keys {
        // One small piece of memory for as long as the program runs.
        let shared: &'static SharedSeed = Box::leak(Box::new(SharedSeed::from_u64(!seed)));
        Keys {
            state: SeedableRandomState::with_seed(seed, shared),
        }
    }

    /// A key of plain bytes.
    #[inline]
    pub fn bytes(&self, bytes: &[u8]) -> u64 {
        let mut hasher = self.state.build_hasher();
        hasher.write(bytes);
        hasher.finish()
    }

    /// A key of text whose letter case does not matter.
    #[inline]
    pub fn caseless(&self, text: &[u8]) -> u64 {
        let mut hasher = self.state.build_hasher();
        let mut add = |a, b| hasher.write_u128(u128::from(a) << 64 | u128::from(b));
        // Two words at a time, and once more the last bytes: no byte of a longer text is walked to alone.
        let (words, _) = text.as_chunks();
        let (pairs, odd) = words.as_chunks();
        for &[a, b] in pairs {
            add(lower(a), lower(b));
        }
        if !text.len().is_multiple_of(16) {
            let last = match text.last_chunk() {
                Some(last) => lower(*last),
                None => small_word(text),
            };
            add(odd.first().map_or(last, |word| lower(*word)), last);
        }
        hasher.write_usize(text.len());
        hasher.finish()
    }

    /// The key of a Message-ID: brackets do not count, case does. An MTS-ID, plain or embedded in a Message-ID, has
    /// one key in all its forms.
    #[inline]
    pub fn message_id(&self, id: &[u8]) -> u64 {
        self.checked_id(id).0
    }

    /// [`Keys::message_id`] and [`Keys::id_check`].
    #[inline]
    pub fn checked_id(&self, id: &[u8]) -> (u64, u16) {
        let id = bare_id(id);
        if x400::is_mts_id(id) {
            return (self.mts_id(id), 0);
        }
        (self.bytes(id), self.check(id))
    }

    fn mts_id(&self, id: &[u8]) -> u64 {
        x400::with_plain_mts_id(id, |plain| self.bytes(plain))
    }

    /// [`Keys::check`] of a Message-ID; MTS-IDs, which have many forms, all have the same.
    #[inline]
    pub fn id_check(&self, id: &[u8]) -> u16 {
        let id = bare_id(id);
        if x400::is_mts_id(id) {
            return 0;
        }
        self.check(id)
    }

    /// The key of a message's stay at a place (`part` of `host`) where it has no id of its own.
    #[inline]
    pub fn stay(&self, host: &[u8], part: u8, message: u64) -> u64 {
        let host = short_host(host);
        let mut hasher = self.state.build_hasher();
        // A name of a few letters is as good as its key.
        hasher.write_u64(match host.len() {
            0..=8 => small_word(host),
            _ => self.caseless(host),
        });
        hasher.write_u16(u16::from(part) << 8 | host.len().min(9) as u16);
        hasher.write_u64(message);
        hasher.finish() | 1
    }

    /// A second, weaker look at an identifier: its ends and its length, letter case left out.
    #[inline]
    pub fn check(&self, id: &[u8]) -> u16 {
        (ends(id).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48) as u16
    }

    /// The key of a copy: `internal_id` on `host` in the id space of `service`; 0 where there is no id.
    #[inline]
    pub fn copy(&self, host: &[u8], service: Service, internal_id: &[u8]) -> u64 {
        self.copy_on(self.host(host), service, internal_id)
    }

    /// The key of a host, whatever its letter case and domain.
    #[inline]
    pub fn host(&self, host: &[u8]) -> u64 {
        self.caseless(short_host(host))
    }

    /// The key of a copy, where that of its host is known.
    #[inline]
    pub fn copy_on(&self, host: u64, service: Service, internal_id: &[u8]) -> u64 {
        match internal_id {
            [] | [b'0'] => 0,
            id => {
                let mut hasher = self.state.build_hasher();
                hasher.write_u64(host);
                hasher.write_u8(service as u8);
                hasher.write(id);
                hasher.finish() | 1
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn case_alone_does_not_change_a_key(
            text in prop::collection::vec(any::<u8>(), 0..70),
            cases in any::<u128>(),
            (at, other) in (any::<prop::sample::Index>(), any::<u8>()),
        ) {
            let keys = Keys::default();
            let key = keys.caseless(&text);
            let mut same = text.clone();
            for (i, byte) in same.iter_mut().enumerate() {
                *byte = match cases >> i & 1 {
                    0 => byte.to_ascii_lowercase(),
                    _ => byte.to_ascii_uppercase(),
                };
            }
            prop_assert_eq!(keys.caseless(&same), key);
            let longer = [&text[..], &[other]].concat();
            prop_assert_ne!(keys.caseless(&longer), key);
            if !text.is_empty() {
                prop_assert_ne!(keys.caseless(&text[..text.len() - 1]), key);
                same[at.index(text.len())] = other;
                let is_same = same.eq_ignore_ascii_case(&text);
                prop_assert_eq!(keys.caseless(&same) == key, is_same);
            }
        }
    }
}
