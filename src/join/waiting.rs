//! The messages that one shard carries from window to window.
//!
//! In: [`Carried`] by key. Out: the same, when more rows come or the message is over. Most messages are finished and
//! get no more rows, but stay for the horizon: so each is kept as some 70 bytes, one behind the other, and a table of
//! 32-bit numbers says where.

use hashbrown::HashTable;

use super::carried::Carried;
use crate::time::Time;

/// Room for bytes grows by this part of it: doubling would leave half of it empty.
const GROWTH: usize = 4;
/// What is gone may be this part of the bytes before the others are moved together.
const GONE: usize = 4;
/// Bytes of a key.
const KEY: usize = size_of::<u64>();

/// Where a message stands.
#[derive(Clone, Copy)]
struct Place {
    /// Where it begins in the bytes: with its key.
    at: u32,
    /// Its last row, roughly, so that after a window only those are looked at that may be over.
    last: u32,
}

/// Messages by key.
#[derive(Default)]
pub struct Waiting {
    places: HashTable<Place>,
    bytes: Vec<u8>,
    /// How many of these bytes belong to messages that were taken out.
    gone: usize,
}

impl Waiting {
    /// Takes a message out.
    pub fn remove(&mut self, key: u64) -> Option<Carried> {
        let bytes = &self.bytes;
        let found = (self.places).find_entry(hash(key), |place| key_at(bytes, place.at) == key);
        let (place, _) = found.ok()?.remove();
        let (carried, length) = Carried::read(&self.bytes[place.at as usize + KEY..]);
        self.gone += KEY + length;
        Some(carried)
    }

    /// Keeps a message whose key has none.
    pub fn insert(&mut self, key: u64, carried: &Carried) {
        if self.gone > self.bytes.len() / GONE {
            self.move_together();
        }
        let most = KEY + carried.most_bytes();
        if self.bytes.capacity() - self.bytes.len() < most {
            self.bytes.reserve_exact(most + self.bytes.len() / GROWTH);
        }
        let place = Place {
            at: u32::try_from(self.bytes.len()).expect("less than 4 GB are carried"),
            last: roughly(carried.last),
        };
        self.bytes.extend_from_slice(&key.to_le_bytes());
        carried.write(&mut self.bytes);
        let bytes = &self.bytes;
        let rehash = |place: &Place| hash(key_at(bytes, place.at));
        self.places.insert_unique(hash(key), place, rehash);
    }

    /// First and last row of each.
    pub fn times(&self) -> impl Iterator<Item = (Time, Time)> {
        let times = |place: &Place| Carried::times(&self.bytes[place.at as usize + KEY..]);
        self.places.iter().map(times)
    }

    /// Takes all out whose last row is before `line` and whose first one `is_meant`.
    pub fn extract(&mut self, line: Time, is_meant: impl Fn(Time) -> bool) -> Vec<(u64, Carried)> {
        let (bytes, gone) = (&self.bytes, &mut self.gone);
        let rough_line = roughly(line);
        let over = |place: &mut Place| {
            let times = || Carried::times(&bytes[place.at as usize + KEY..]);
            let is_over = |(first, last)| last < line && is_meant(first);
            place.last <= rough_line && is_over(times())
        };
        let places = self.places.extract_if(over);
        let taken = places.map(|place| {
            let (carried, length) = Carried::read(&bytes[place.at as usize + KEY..]);
            *gone += KEY + length;
            (key_at(bytes, place.at), carried)
        });
        taken.collect()
    }

    /// Gives the room of messages that are gone to others.
    fn move_together(&mut self) {
        let mut kept = Vec::with_capacity(self.bytes.len() - self.gone);
        for place in self.places.iter_mut() {
            let message = &self.bytes[place.at as usize..];
            let length = KEY + Carried::length(&message[KEY..]);
            place.at = kept.len() as u32;
            kept.extend_from_slice(&message[..length]);
        }
        (self.bytes, self.gone) = (kept, 0);
        let bytes = &self.bytes;
        self.places
            .shrink_to_fit(|place| hash(key_at(bytes, place.at)));
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

fn key_at(bytes: &[u8], place: u32) -> u64 {
    let key = &bytes[place as usize..][..KEY];
    u64::from_le_bytes(key.try_into().expect("as long as a key"))
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
        assert!(waiting.bytes.len() < 500 * 40, "{}", waiting.bytes.len());
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
}
