//! Finds any of several long texts at the speed of memory, by skipping (Wu and Manber 1994).
//!
//! In: texts, such as the identifiers of some messages. Out: where they begin. A window as long as what is rare of
//! each text moves over the bytes; the four bytes it ends with tell how far it may move on. Most of a log is never
//! looked at, and a hundred identifiers cost hardly more than one, where an automaton must read every byte.

use crate::scan::prefetch_ahead;

/// Bytes that decide how far the window moves on.
const BLOCK: usize = 4;
/// Slots of the table of moves: few enough to stay in the first-level cache.
const SLOT_BITS: u32 = 15;
/// Windows that move at once, each over a part of the bytes: the way to the table and back takes longer than a move.
const LANES: usize = 4;
/// Shorter texts than this leave nothing to skip.
const SHORTEST: usize = 12;

/// Several texts, none empty.
pub struct Texts<'t> {
    /// By the slot of the block that ends their window.
    texts: Vec<(u16, &'t [u8])>,
    /// Length of the window, with which every text begins.
    window: usize,
    /// How far the window may move on, by slot; 0: a text may stand here.
    moves: Vec<u8>,
}

impl<'t> Texts<'t> {
    /// `None` if there is no text, or one too short to skip by.
    pub fn new(texts: impl IntoIterator<Item = &'t [u8]>) -> Option<Texts<'t>> {
        let texts: Vec<&[u8]> = texts.into_iter().collect();
        let shortest = texts.iter().map(|text| text.len()).min()?;
        if shortest < SHORTEST {
            return None;
        }
        let rare = texts.iter().map(|text| rare_bytes(text)).min()?;
        let farthest = usize::from(u8::MAX);
        let window = rare.min(farthest + BLOCK - 1);
        let mut moves = vec![(window - BLOCK + 1) as u8; 1 << SLOT_BITS];
        for text in &texts {
            for (at, block) in text[..window].windows(BLOCK).enumerate() {
                let rest = (window - BLOCK - at) as u8;
                let slot = &mut moves[usize::from(slot(block))];
                *slot = rest.min(*slot);
            }
        }
        let end = |text: &'t [u8]| (slot(&text[window - BLOCK..window]), text);
        let mut texts: Vec<(u16, &[u8])> = texts.into_iter().map(end).collect();
        texts.sort_unstable();
        Some(Texts {
            texts,
            window,
            moves,
        })
    }

    /// Everywhere that one of the texts begins in `bytes`, in order.
    pub fn find_all(&self, bytes: &[u8]) -> Vec<usize> {
        let mut hits = Vec::new();
        let starts = (bytes.len() + 1).saturating_sub(self.window);
        let part = starts.div_ceil(LANES);
        let end = |lane: usize| starts.min((lane + 1) * part);
        let mut at: [usize; LANES] = std::array::from_fn(|lane| starts.min(lane * part));
        let farthest = self.window - BLOCK + 1;
        loop {
            let far = |lane: usize| (end(lane) - at[lane]) / farthest;
            let moves = (0..LANES).map(far).min().unwrap_or(0);
            if moves == 0 {
                break;
            }
            for _ in 0..moves {
                for start in &mut at {
                    *start += self.look(bytes, *start, &mut hits);
                }
            }
        }
        for (lane, start) in at.iter_mut().enumerate() {
            while *start < end(lane) {
                *start += self.look(bytes, *start, &mut hits);
            }
        }
        hits.sort_unstable();
        hits
    }

    /// Looks at one window. Returns how far it may move on.
    #[inline(always)]
    fn look(&self, bytes: &[u8], start: usize, hits: &mut Vec<usize>) -> usize {
        prefetch_ahead(&bytes[start..]);
        let behind = start + self.window;
        let slot = slot(&bytes[behind - BLOCK..behind]);
        let on = usize::from(self.moves[usize::from(slot)]);
        if on == 0 {
            if self.begins(slot, &bytes[start..]) {
                hits.push(start);
            }
            return 1;
        }
        on
    }

    /// Whether `bytes` begin with a text whose window ends with this block.
    fn begins(&self, slot: u16, bytes: &[u8]) -> bool {
        let from = self.texts.partition_point(|(other, _)| *other < slot);
        self.texts[from..]
            .iter()
            .take_while(|(other, _)| *other == slot)
            .any(|(_, text)| bytes.starts_with(text))
    }
}

/// How much of the beginning of a text hardly stands anywhere else: the domain behind an `@` is that of many ids and
/// addresses. No window ends there, or it would have to be looked at closely wherever they stand.
fn rare_bytes(text: &[u8]) -> usize {
    let before = memchr::memchr(b'@', text);
    before
        .filter(|before| *before >= SHORTEST)
        .unwrap_or(text.len())
}

#[inline]
fn slot(block: &[u8]) -> u16 {
    let block = u32::from_le_bytes(block.try_into().expect("four bytes"));
    (block.wrapping_mul(0x9e37_79b1) >> (u32::BITS - SLOT_BITS)) as u16
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn short_texts_are_refused() {
        assert!(Texts::new([]).is_none());
        assert!(Texts::new([&b"<a@example>"[..]]).is_none());
        assert!(Texts::new([&b"<ab@example>"[..]]).is_some());
    }

    proptest! {
        #[test]
        fn texts_are_found_as_by_looking_everywhere(
            bytes in "[ab@]{0,300}",
            texts in prop::collection::vec("[ab]{12,20}@?[ab]{0,20}", 1..5),
            planted in prop::collection::vec((0usize..300, 0usize..5), 0..3),
        ) {
            let mut bytes = bytes.into_bytes();
            for (at, which) in planted {
                let text = texts[which % texts.len()].as_bytes();
                let at = at.min(bytes.len());
                bytes.splice(at..at, text.iter().copied());
            }
            let all: Vec<&[u8]> = texts.iter().map(|text| text.as_bytes()).collect();
            let begins = |at: &usize| all.iter().any(|text| bytes[*at..].starts_with(text));
            let everywhere: Vec<usize> = (0..bytes.len()).filter(begins).collect();
            let found = Texts::new(all.iter().copied()).expect("long enough").find_all(&bytes);
            prop_assert_eq!(found, everywhere);
        }

        #[test]
        fn a_text_longer_than_any_move_is_found(before in 0usize..600, len in 200usize..600) {
            let text: Vec<u8> = (0..len).map(|i| (i * 7 % 251) as u8).collect();
            let mut bytes = vec![b'x'; before];
            bytes.extend_from_slice(&text);
            prop_assert_eq!(Texts::new([&text[..]]).unwrap().find_all(&bytes), vec![before]);
        }
    }
}
