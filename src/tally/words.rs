//! Numbers for words: addresses and domains are hashed once and then carried as a `u32`.
//!
//! In: bytes, compared without ASCII case. Out: a number that is dense and stays; the text lies in one
//! buffer, so that a word that was seen before costs no allocation. Words are never taken out.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::scan;
use crate::tally::bytes;

/// A word's number, dense from 0.
pub type WordId = u32;

/// No word's number.
const FREE: WordId = WordId::MAX;

/// Half of a word's hash, and its number.
#[derive(Clone, Copy, Debug)]
struct Slot {
    hash: u32,
    id: WordId,
}

/// Lower-case words and their numbers.
///
/// The table is ours for one reason: that memory can be asked for before it is needed ([`Words::ask`]). With a
/// million addresses nothing of it lies in the cache, and a look-up waits three times.
#[derive(Clone, Debug, Default)]
pub struct Words {
    seed: RandomState,
    /// Open addressing: a word stands at the place its hash names or in the next free one. A power of two, at most
    /// three quarters full.
    table: Vec<Slot>,
    /// How many words are in the table.
    known: usize,
    text: Vec<u8>,
    /// Where each word ends in `text`; it begins where the one before ends.
    ends: Vec<usize>,
    lower: Vec<u8>,
}

/// Words whose numbers will be wanted; kept for its memory.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// Their hashes, and where each ends in `lower`.
    words: Vec<(u32, usize)>,
    lower: Vec<u8>,
}

impl Asked {
    /// How many they are.
    pub fn count(&self) -> usize {
        self.words.len()
    }

    /// Forgets them.
    pub fn clear(&mut self) {
        self.words.clear();
        self.lower.clear();
    }
}

impl Words {
    /// The number of `word` without case; the next free one if it is new.
    pub fn id(&mut self, word: &[u8]) -> WordId {
        self.id_of(&[word])
    }

    /// The same for the word that `parts` make.
    pub fn id_of(&mut self, parts: &[&[u8]]) -> WordId {
        let mut lower = std::mem::take(&mut self.lower);
        lower.clear();
        (parts.iter()).for_each(|part| lower.extend_from_slice(part));
        lower.make_ascii_lowercase();
        let id = self.lower_id(&lower);
        self.lower = lower;
        id
    }

    /// The same for a word in lower case, as all are that such a table has.
    pub fn lower_id(&mut self, word: &[u8]) -> WordId {
        self.number(self.hash(word), word)
    }

    /// The number of `word` without case, if it is known.
    pub fn find(&mut self, word: &[u8]) -> Option<WordId> {
        self.be_ready();
        let lower = word.to_ascii_lowercase();
        let at = self.probe(self.hash(&lower), |id| self.get(id) == lower);
        (self.table[at].id != FREE).then_some(self.table[at].id)
    }

    /// Asks memory for the place of `word`.
    pub fn ask(&self, word: &[u8], asked: &mut Asked) {
        let start = asked.lower.len();
        asked.lower.extend_from_slice(word);
        asked.lower[start..].make_ascii_lowercase();
        let hash = self.hash(&asked.lower[start..]);
        asked.words.push((hash, asked.lower.len()));
        if let Some(slot) = self.table.get(self.place(hash)) {
            scan::prefetch_value(slot);
        }
    }

    /// The numbers of the words that were asked for, in their order; `likely` is told beforehand what a number will
    /// most likely be.
    pub fn answer(
        &mut self,
        asked: &Asked,
        mut likely: impl FnMut(WordId),
        mut each: impl FnMut(WordId),
    ) {
        for id in asked.words.iter().filter_map(|(hash, _)| self.guess(*hash)) {
            scan::prefetch_value(&self.ends[id as usize]);
            likely(id);
        }
        for id in asked.words.iter().filter_map(|(hash, _)| self.guess(*hash)) {
            scan::prefetch(self.get(id));
        }
        let mut start = 0;
        for &(hash, end) in &asked.words {
            each(self.number(hash, &asked.lower[start..end]));
            start = end;
        }
    }

    fn hash(&self, lower: &[u8]) -> u32 {
        let hash = self.seed.hash_one(lower);
        (hash ^ (hash >> 32)) as u32
    }

    /// The word that stands where one with this hash is looked for first.
    fn guess(&self, hash: u32) -> Option<WordId> {
        let slot = self.table.get(self.place(hash))?;
        (slot.id != FREE).then_some(slot.id)
    }

    /// Where in the table a word is looked for first.
    fn place(&self, hash: u32) -> usize {
        hash as usize & self.table.len().wrapping_sub(1)
    }

    /// The number of a word in lower case.
    fn number(&mut self, hash: u32, lower: &[u8]) -> WordId {
        self.be_ready();
        let at = self.probe(hash, |id| self.get(id) == lower);
        if self.table[at].id != FREE {
            return self.table[at].id;
        }
        let id = WordId::try_from(self.ends.len()).unwrap_or(FREE);
        assert!(id != FREE, "fewer than 2^32 - 1 addresses");
        self.text.extend_from_slice(lower);
        self.ends.push(self.text.len());
        self.table[at] = Slot { hash, id };
        self.known += 1;
        if self.known * 4 > self.table.len() * 3 {
            self.grow();
        }
        id
    }

    fn grow(&mut self) {
        let free = Slot { hash: 0, id: FREE };
        let larger = vec![free; self.table.len() * 2];
        for slot in std::mem::replace(&mut self.table, larger) {
            if slot.id != FREE {
                self.set(slot);
            }
        }
    }

    /// Where in the table the word with this hash stands that `is_it`, or where it would.
    fn probe(&self, hash: u32, is_it: impl Fn(WordId) -> bool) -> usize {
        let mut at = self.place(hash);
        loop {
            let slot = self.table[at];
            if slot.id == FREE || slot.hash == hash && is_it(slot.id) {
                return at;
            }
            at = (at + 1) & (self.table.len() - 1);
        }
    }

    /// Puts a word that is not there yet into the table, which has room.
    fn set(&mut self, slot: Slot) {
        let at = self.probe(slot.hash, |_| false);
        self.table[at] = slot;
    }

    /// There is a table, and it has all words.
    fn be_ready(&mut self) {
        if self.known != self.ends.len() || self.table.is_empty() {
            self.look_up_all();
        }
    }

    /// Makes the table of words that were read from a file.
    #[cold]
    fn look_up_all(&mut self) {
        let places = (self.ends.len() * 2).next_power_of_two().max(16);
        self.table = vec![Slot { hash: 0, id: FREE }; places];
        for id in 0..self.ends.len() as WordId {
            let hash = self.hash(self.get(id));
            self.set(Slot { hash, id });
        }
        self.known = self.ends.len();
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
        let Written { mut text, lengths } = Written::deserialize(from)?;
        // As they were written, unless somebody else wrote the file.
        text.make_ascii_lowercase();
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
        assert_eq!(words.find(b"BOB@example.com"), Some(bob));
        assert_eq!(words.find(b"nobody@example.com"), None);
        assert_eq!(Words::default().find(b"ann@example.com"), None);
    }

    #[test]
    fn words_of_a_file_are_in_lower_case_whoever_wrote_it() {
        let written = Words {
            text: b"Ann@X".to_vec(),
            ends: vec![5],
            ..Words::default()
        };
        let file = postcard::to_stdvec(&written).unwrap();
        let mut read: Words = postcard::from_bytes(&file).unwrap();
        assert_eq!(read.get(0), b"ann@x");
        assert_eq!(read.lower_id(b"ann@x"), 0);
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
