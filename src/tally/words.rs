//! Numbers for words: addresses and domains are hashed once and then carried as a `u32`.
//!
//! In: bytes, compared without ASCII case. Out: a number that is dense and stays; the text lies in one
//! buffer, so that a word that was seen before costs no allocation. Words are never taken out.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::tally::bytes;

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
        if self.table.len() != self.ends.len() {
            self.look_up_all();
        }
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

    /// Makes the table of words that were read from a file.
    #[cold]
    fn look_up_all(&mut self) {
        self.table.clear();
        self.table.reserve(self.ends.len(), |slot| slot.hash);
        for id in 0..self.ends.len() as WordId {
            let hash = self.seed.hash_one(self.get(id));
            self.table
                .insert_unique(hash, Slot { hash, id }, |slot| slot.hash);
        }
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

/// All words one behind the other, and their lengths.
#[derive(Serialize, Deserialize)]
struct Written {
    #[serde(with = "bytes")]
    text: Vec<u8>,
    lengths: Vec<u32>,
}

impl Serialize for Words {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let length = |id| self.get(id as WordId).len() as u32;
        let written = Written {
            text: self.text.clone(),
            lengths: (0..self.len()).map(length).collect(),
        };
        written.serialize(to)
    }
}

impl<'de> Deserialize<'de> for Words {
    /// The table is made when a word is looked up: what is merged into others is only read.
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Words, D::Error> {
        let Written { text, lengths } = Written::deserialize(from)?;
        let mut end = 0;
        let ends = lengths.into_iter().map(|length| {
            end += length as usize;
            end
        });
        let ends: Vec<usize> = ends.collect();
        if end != text.len() {
            return Err(serde::de::Error::custom("words are longer than their text"));
        }
        Ok(Words {
            text,
            ends,
            ..Words::default()
        })
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

    #[test]
    fn words_read_from_a_file_have_their_numbers() {
        let mut words = Words::default();
        let all = [&b"ann@example.com"[..], b"", b"bob@example.com"];
        let ids = all.map(|word| words.id(word));
        let file = postcard::to_stdvec(&words).unwrap();
        let mut read: Words = postcard::from_bytes(&file).unwrap();
        assert_eq!(read.get(2), all[2]);
        assert_eq!(all.map(|word| read.id(word)), ids);
        assert_eq!(read.id(b"new@example.com"), 3);
        // A length that the text does not have.
        let mut bad = file.clone();
        *bad.last_mut().unwrap() += 1;
        assert!(postcard::from_bytes::<Words>(&bad).is_err());
    }
}
