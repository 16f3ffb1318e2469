//! The messages that one shard carries from window to window.
//!
//! In: [`Carried`] by key. Out: the same, when more rows come or the message is over. Most messages are finished and
//! get no more rows, but stay for the horizon: so each is kept as some 70 bytes, one behind the other in blocks, and a
//! table of 32-bit numbers says where.

use hashbrown::HashTable;

use super::carried::Carried;
use crate::time::Time;

/// Room comes in blocks: room that grows would be copied again and again, or half of it be empty.
const BLOCK_BITS: u32 = 14;
const BLOCK: usize = 1 << BLOCK_BITS;
/// What is gone may be this part of the bytes before the others are moved together.
const GONE: usize = 4;
/// Bytes of a key.
const KEY: usize = size_of::<u64>();

/// Where a message stands.
#[derive(Clone, Copy)]
struct Place {
    /// Where it begins: with its key. [`Blocks::at`] knows.
    at: u32,
    /// Its last row, roughly, so that after a window only those are looked at that may be over.
    last: u32,
}

/// Messages one behind the other; a longer one than a block has one of its own.
#[derive(Default)]
struct Blocks {
    all: Vec<Vec<u8>>,
    /// Bytes of all of them.
    bytes: usize,
}

impl Blocks {
    /// Adds what `write` writes, which has at most so many bytes. Returns its place.
    fn add(&mut self, most: usize, write: impl FnOnce(&mut Vec<u8>)) -> u32 {
        let has_room =
            |block: &Vec<u8>| block.len() < BLOCK && block.capacity() - block.len() >= most;
        if !self.all.last().is_some_and(has_room) {
            self.all.push(Vec::with_capacity(most.max(BLOCK)));
        }
        let number = self.all.len() - 1;
        let block = &mut self.all[number];
        let start = block.len();
        write(block);
        self.bytes += block.len() - start;
        u32::try_from(number * BLOCK + start).expect("less than 4 GB are carried")
    }

    /// What begins at a place, and what stands behind it in its block.
    #[inline]
    fn at(&self, place: u32) -> &[u8] {
        &self.all[(place >> BLOCK_BITS) as usize][place as usize % BLOCK..]
    }

    fn key_at(&self, place: u32) -> u64 {
        let key = self.at(place).first_chunk();
        u64::from_le_bytes(*key.expect("as long as a key"))
    }

    /// The message at a place, and how many bytes it has there.
    fn message_at(&self, place: u32) -> (Carried, usize) {
        let (carried, length) = Carried::read(&self.at(place)[KEY..]);
        (carried, KEY + length)
    }

    /// First and last row of the message at a place.
    fn times_at(&self, place: u32) -> (Time, Time) {
        Carried::times(&self.at(place)[KEY..])
    }
}

/// Messages by key.
#[derive(Default)]
pub struct Waiting {
    places: HashTable<Place>,
    blocks: Blocks,
    /// How many bytes belong to messages that were taken out.
    gone: usize,
}

impl Waiting {
    /// Takes a message out.
    pub fn remove(&mut self, key: u64) -> Option<Carried> {
        let blocks = &self.blocks;
        let found = (self.places).find_entry(hash(key), |place| blocks.key_at(place.at) == key);
        let (place, _) = found.ok()?.remove();
        let (carried, length) = blocks.message_at(place.at);
        self.gone += length;
        Some(carried)
    }

    /// Keeps a message whose key has none.
    pub fn insert(&mut self, key: u64, carried: &Carried) {
        if self.gone > self.blocks.bytes / GONE {
            self.move_together();
        }
        let at = self.blocks.add(KEY + carried.most_bytes(), |bytes| {
            bytes.extend_from_slice(&key.to_le_bytes());
            carried.write(bytes);
        });
        let last = roughly(carried.last);
        let blocks = &self.blocks;
        let rehash = |place: &Place| hash(blocks.key_at(place.at));
        (self.places).insert_unique(hash(key), Place { at, last }, rehash);
    }

    /// First and last row of each.
    pub fn times(&self) -> impl Iterator<Item = (Time, Time)> {
        let places = self.places.iter();
        places.map(|place| self.blocks.times_at(place.at))
    }

    /// Takes all out whose last row is before `line` and whose first one `is_meant`.
    pub fn extract(&mut self, line: Time, is_meant: impl Fn(Time) -> bool) -> Vec<(u64, Carried)> {
        let (blocks, gone) = (&self.blocks, &mut self.gone);
        let rough_line = roughly(line);
        let over = |place: &mut Place| {
            let is_over = |(first, last)| last < line && is_meant(first);
            place.last <= rough_line && is_over(blocks.times_at(place.at))
        };
        let places = self.places.extract_if(over);
        let taken = places.map(|place| {
            let (carried, length) = blocks.message_at(place.at);
            *gone += length;
            (blocks.key_at(place.at), carried)
        });
        taken.collect()
    }

    /// Gives the room of messages that are gone to others.
    fn move_together(&mut self) {
        let mut kept = Blocks::default();
        for place in self.places.iter_mut() {
            let message = self.blocks.at(place.at);
            let message = &message[..KEY + Carried::length(&message[KEY..])];
            place.at = kept.add(message.len(), |bytes| bytes.extend_from_slice(message));
        }
        (self.blocks, self.gone) = (kept, 0);
        let blocks = &self.blocks;
        self.places
            .shrink_to_fit(|place| hash(blocks.key_at(place.at)));
    }
}

/// Keys are as good as random, but those of one shard have the same upper bits, by which the table would tell them apart.
fn hash(key: u64) -> u64 {
    key.rotate_left(u64::BITS / 2)
}

/// A time in about minutes; equal times are equal, and no earlier one is later.
fn roughly(time: Time) -> u32 {
    (time.0 >> 26).clamp(0, i64::from(u32::MAX)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_back_however_many_are_gone() {
        let message = |key: u64| {
            let mut carried = Carried::new(key.is_multiple_of(3));
            carried.built = key as u32;
            (carried.first, carried.last) = (Time(key as i64), Time(2 * key as i64));
            carried
        };
        let mut waiting = Waiting::default();
        for key in 0..1000 {
            waiting.insert(key, &message(key));
            if !key.is_multiple_of(2) {
                assert_eq!(waiting.remove(key - 1).unwrap().built, key as u32 - 1);
                assert!(waiting.remove(key - 1).is_none());
            }
        }
        let bytes = waiting.blocks.bytes;
        assert!(bytes < 500 * 40, "{bytes}");
        assert_eq!(waiting.times().count(), 500);
        let mut over = waiting.extract(Time(2 * 999), |first| first.0 < 500);
        over.sort_unstable_by_key(|(key, _)| *key);
        let keys: Vec<u64> = over.iter().map(|(key, _)| *key).collect();
        assert_eq!(keys, (0..250).map(|n| 2 * n + 1).collect::<Vec<_>>());
        assert!(
            over.iter()
                .all(|(key, c)| c.reopened == key.is_multiple_of(3))
        );
        assert!(waiting.remove(499).is_none());
        assert!(waiting.extract(Time(2 * 501), |_| true).is_empty());
        assert_eq!(waiting.remove(501).unwrap().first, Time(501));
    }

    #[test]
    fn a_message_longer_than_a_block_has_one_of_its_own() {
        let mut blocks = Blocks::default();
        let lengths = [1, BLOCK - 2, BLOCK, 1, BLOCK + 1, BLOCK, 3 * BLOCK, 2];
        let places = lengths.map(|length| {
            blocks.add(length, |to| {
                to.extend(std::iter::repeat_n(length as u8, length))
            })
        });
        for (place, length) in places.into_iter().zip(lengths) {
            let message = &blocks.at(place)[..length];
            assert!(message.iter().all(|byte| *byte == length as u8), "{length}");
        }
        assert_eq!(blocks.bytes, lengths.iter().sum::<usize>());
        assert_eq!(blocks.all.len(), 7);
    }
}
