//! Numbers for words: addresses and domains are hashed once and then carried as a `u32`.
//!
//! In: bytes, compared without ASCII case. Out: a number that is dense and stays; the text lies in one
//! buffer, so that a word that was seen before costs no allocation. Words are never taken out.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A word's number, dense from 0.
pub type WordId = u32;

#[derive(Clone, Copy, Debug)]
struct Slot {
    hash: u64,
    id: WordId,
}

/// Lower-case words and their numbers.
#[derive(Clone, Debug, Default)]
pub struct Words {
    seed: RandomState,
    table: HashTable<Slot>,
    text: Vec<u8>,
    /// Where each word ends in `text`; it begins where the one before ends.
    ends: Vec<usize>,
    lower: Vec<u8>,
}

impl Words {
    /// The number of `word` without case; the next free one if it is new.
    pub fn id(&mut self, word: &[u8]) -> WordId {
        self.lower.clear();
        self.lower.extend_from_slice(word);
        self.lower.make_ascii_lowercase();
        let hash = self.seed.hash_one(self.lower.as_slice());
        let found = self.table.find(hash, |slot| {
            slot.hash == hash && word_at(&self.text, &self.ends, slot.id) == self.lower
        });
        if let Some(slot) = found {
            return slot.id;
        }
        let id = WordId::try_from(self.ends.len()).expect("fewer than 2^32 addresses");
        self.text.extend_from_slice(&self.lower);
        self.ends.push(self.text.len());
        self.table
            .insert_unique(hash, Slot { hash, id }, |slot| slot.hash);
        id
    }

    /// The word with this number, in lower case.
    pub fn get(&self, id: WordId) -> &[u8] {
        word_at(&self.text, &self.ends, id)
    }

    /// How many words there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }
}

/// Written as the list of words: text and its ends.
impl Serialize for Words {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq((0..self.len()).map(|id| self.get(id as WordId)))
    }
}

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Words, D::Error> {
        let list = Vec::<Vec<u8>>::deserialize(from)?;
        let mut words = Words::default();
        for (id, word) in list.iter().enumerate() {
            if words.id(word) as usize != id {
                return Err(serde::de::Error::custom("a word stands twice"));
            }
        }
        Ok(words)
    }
}

fn word_at<'t>(text: &'t [u8], ends: &[usize], id: WordId) -> &'t [u8] {
    let id = id as usize;
    let start = if id == 0 { 0 } else { ends[id - 1] };
    &text[start..ends[id]]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_has_one_number_whatever_its_case() {
        let mut words = Words::default();
        let ann = words.id(b"Ann@Example.com");
        let empty = words.id(b"");
        let bob = words.id(b"bob@example.com");
        assert_eq!(words.id(b"ann@example.COM"), ann);
        assert_eq!(words.id(b""), empty);
        assert_eq!((ann, empty, bob), (0, 1, 2));
        assert_eq!(words.get(ann), b"ann@example.com");
        assert_eq!(words.get(empty), b"");
        assert_eq!(words.len(), 3);
        for n in 0..10_000 {
            assert_eq!(words.id(format!("user{n}@example.com").as_bytes()), 3 + n);
        }
        assert_eq!(words.id(b"bob@example.com"), bob);
    }
}
