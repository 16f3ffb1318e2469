//! Sums by key that need not fit into memory: who wrote to whom, and how much in which hour.
//!
//! In: pairs of numbers with signed figures, in any order. Out: each pair once with its sums, in order. Entries are
//! noted one behind the other; when the room is full they are sorted, and those of one pair become one. If most are of
//! different pairs, they go, sorted, to the end of a file without a name, and all these runs are merged when the sums are asked
//! for. So a year takes the memory of a day, and noting an entry needs no look-up in a table that no cache holds.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use serde::de::{Error, SeqAccess, Visitor};
use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::input::nameless::Nameless;

/// Entries kept in memory: 512 kB, which a processor sorts in its own cache.
const ROOM: usize = 1 << 14;
/// Of an entry in a file: its key and three figures.
const ENTRY_BYTES: usize = 32;

/// Mail of one address, domain or pair.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    pub messages: i64,
    pub recipients: i64,
    /// Each message once.
    pub bytes: i64,
}

impl Mail {
    /// Counts one message to `recipients`.
    pub fn add(&mut self, recipients: i64, size_bytes: i64, weight: i64) {
        self.messages += weight;
        self.recipients += weight * recipients;
        self.bytes += weight * size_bytes;
    }

    /// Adds what `other` counted.
    pub fn merge(&mut self, other: &Mail) {
        self.messages += other.messages;
        self.recipients += other.recipients;
        self.bytes += other.bytes;
    }
}

/// A pair of numbers: of two addresses, or of an address and an hour.
pub type Pair = (u32, u32);
/// The [`key`] of a pair, and its sums.
type Entry = (u64, Mail);

/// Sums by pair.
#[derive(Clone, Debug)]
pub struct Ledger {
    entries: Vec<Entry>,
    /// Where sorted entries lie in `file`, each pair once in a run.
    runs: Vec<Range<usize>>,
    file: Option<Arc<Mutex<Nameless>>>,
    room: usize,
}

impl Default for Ledger {
    fn default() -> Ledger {
        Ledger::with_room(ROOM)
    }
}

impl Ledger {
    fn with_room(room: usize) -> Ledger {
        Ledger {
            entries: Vec::new(),
            runs: Vec::new(),
            file: None,
            room,
        }
    }

    /// Adds to the sums of `pair`.
    pub fn note(&mut self, pair: Pair, mail: Mail) {
        if self.entries.len() >= self.room {
            self.make_room();
        }
        self.entries.push((key(pair), mail));
    }

    fn make_room(&mut self) {
        condense(&mut self.entries);
        if self.entries.len() <= self.room / 2 {
            return;
        }
        match self.written() {
            Ok(run) => {
                self.runs.push(run);
                self.entries.clear();
            }
            // No room on the disk either: the sums are right all the same.
            Err(_) => self.room *= 2,
        }
    }

    /// Puts the entries behind the runs that are written.
    fn written(&mut self) -> io::Result<Range<usize>> {
        let file = match &self.file {
            Some(file) => file,
            None => (self.file).insert(Arc::new(Mutex::new(Nameless::new()?))),
        };
        let mut file = file.lock().expect("a panic ends the run");
        file.append(self.entries.iter().map(to_bytes))
    }

    /// Makes the entries in memory one for each pair: asked for now, the sums cost no sorting.
    pub fn condense(&mut self) {
        condense(&mut self.entries);
    }

    /// Each pair that has any sum, in order.
    pub fn sums(&self) -> impl Iterator<Item = (Pair, Mail)> {
        // As read from a file, unless there were too many.
        let is_one_run = self.runs.is_empty() && self.entries.is_sorted_by(|a, b| a.0 < b.0);
        let (run, runs) = match is_one_run {
            true => (Some(self.entries.iter().copied()), None),
            false => (None, Some(self.merged())),
        };
        let sums = run.into_iter().flatten().chain(runs.into_iter().flatten());
        sums.filter(|(_, sum)| *sum != Mail::default())
            .map(|(key, sum)| (pair(key), sum))
    }

    /// The sum of each key, in order of the keys.
    fn merged(&self) -> impl Iterator<Item = Entry> {
        let mut entries = self.entries.clone();
        condense(&mut entries);
        let map = self.file.as_ref().map(|file| {
            let file = file.lock().expect("a panic ends the run");
            file.map().expect("what was written can be read")
        });
        let mut sources = vec![Source::Memory(entries.into_iter())];
        sources.extend(self.runs.iter().cloned().map(Source::File));
        let next = move |source: &mut Source| source.next(map.as_deref().unwrap_or_default());
        // The next entry of each source: its key here, with the source's number, and its sums there.
        let mut ahead = BinaryHeap::with_capacity(sources.len());
        let mut sums = vec![Mail::default(); sources.len()];
        for (number, source) in sources.iter_mut().enumerate() {
            if let Some((key, mail)) = next(source) {
                ahead.push(Reverse((key, number)));
                sums[number] = mail;
            }
        }
        std::iter::from_fn(move || {
            let Reverse((key, _)) = *ahead.peek()?;
            let mut sum = Mail::default();
            while let Some(mut first) = ahead.peek_mut().filter(|first| first.0.0 == key) {
                let number = first.0.1;
                sum.merge(&sums[number]);
                match next(&mut sources[number]) {
                    Some((key, mail)) => (*first, sums[number]) = (Reverse((key, number)), mail),
                    None => drop(PeekMut::pop(first)),
                }
            }
            Some((key, sum))
        })
    }
}

/// Sorted entries that are left of a run.
enum Source {
    Memory(std::vec::IntoIter<Entry>),
    File(Range<usize>),
}

impl Source {
    /// The next one; `written` is what is in the file.
    fn next(&mut self, written: &[u8]) -> Option<Entry> {
        match self {
            Source::Memory(entries) => entries.next(),
            Source::File(rest) => {
                let (entry, _) = written[rest.clone()].split_first_chunk()?;
                rest.start += ENTRY_BYTES;
                Some(from_bytes(entry))
            }
        }
    }
}

fn to_bytes((key, mail): &Entry) -> [u8; ENTRY_BYTES] {
    let numbers = [
        key.to_le_bytes(),
        mail.messages.to_le_bytes(),
        mail.recipients.to_le_bytes(),
        mail.bytes.to_le_bytes(),
    ];
    let mut bytes = [0; ENTRY_BYTES];
    bytes.as_chunks_mut().0.copy_from_slice(&numbers);
    bytes
}

fn from_bytes(bytes: &[u8; ENTRY_BYTES]) -> Entry {
    let numbers = bytes.as_chunks().0;
    let figure = |at: usize| i64::from_le_bytes(numbers[at]);
    let mail = Mail {
        messages: figure(1),
        recipients: figure(2),
        bytes: figure(3),
    };
    (u64::from_le_bytes(numbers[0]), mail)
}

/// Sorts, and makes entries of one key one.
fn condense(entries: &mut Vec<Entry>) {
    radsort::sort_by_key(entries, |(key, _)| *key);
    entries.dedup_by(|later, first| {
        let same = later.0 == first.0;
        if same {
            first.1.merge(&later.1);
        }
        same
    });
}

fn key((first, second): Pair) -> u64 {
    u64::from(first) << 32 | u64::from(second)
}

fn pair(key: u64) -> Pair {
    ((key >> 32) as u32, key as u32)
}

/// Written in order, each key as the distance from the one before.
impl Serialize for Ledger {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut list = to.serialize_seq(Some(self.sums().count()))?;
        let mut last = 0;
        for (pair, mail) in self.sums() {
            let key = key(pair);
            list.serialize_element(&(key - last, mail))?;
            last = key;
        }
        list.end()
    }
}

impl<'de> Deserialize<'de> for Ledger {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Ledger, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Ledger;

            fn expecting(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                to.write_str("sums in order of their keys")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Ledger, A::Error> {
                let mut ledger = Ledger::default();
                let mut last = None;
                while let Some((distance, mail)) = list.next_element::<(u64, Mail)>()? {
                    let key = match last {
                        None => Some(distance),
                        Some(last) => u64::checked_add(last, distance).filter(|key| *key > last),
                    };
                    last = key;
                    let key = key.ok_or_else(|| A::Error::custom("a pair stands twice"))?;
                    ledger.note(pair(key), mail);
                }
                Ok(ledger)
            }
        }
        from.deserialize_seq(Entries)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use proptest::prelude::*;

    fn mail(messages: i64) -> Mail {
        Mail {
            messages,
            recipients: 2 * messages,
            bytes: -messages,
        }
    }

    proptest! {
        #[test]
        fn sums_are_those_of_a_map_whatever_the_room(
            entries in prop::collection::vec((0..40u32, 0..9u32, -3..4i64), 0..400),
            room in 1..60usize,
        ) {
            let mut ledger = Ledger::with_room(room);
            let mut map: BTreeMap<Pair, i64> = BTreeMap::new();
            for (first, second, messages) in entries {
                ledger.note((first, second), mail(messages));
                *map.entry((first, second)).or_default() += messages;
            }
            map.retain(|_, messages| *messages != 0);
            let want: Vec<_> = map.into_iter().map(|(pair, sum)| (pair, mail(sum))).collect();
            prop_assert_eq!(ledger.sums().collect::<Vec<_>>(), want.clone());
            let bytes = postcard::to_stdvec(&ledger).unwrap();
            let read: Ledger = postcard::from_bytes(&bytes).unwrap();
            prop_assert_eq!(read.sums().collect::<Vec<_>>(), want);
        }
    }

    #[test]
    fn a_list_that_is_not_in_order_is_refused() {
        let written = |list: &[(u64, Mail)]| postcard::to_stdvec(list).unwrap();
        let twice = written(&[(5, mail(1)), (0, mail(2))]);
        assert!(postcard::from_bytes::<Ledger>(&twice).is_err());
        let around = written(&[(5, mail(1)), (u64::MAX, mail(2))]);
        assert!(postcard::from_bytes::<Ledger>(&around).is_err());
    }

    #[test]
    fn what_does_not_fit_is_in_files() {
        let mut ledger = Ledger::with_room(16);
        for n in 0..1000 {
            ledger.note((n % 250, u32::MAX - n), mail(1));
            ledger.note((7, 7), mail(1));
        }
        assert!(ledger.runs.len() > 30 && ledger.entries.capacity() <= 16);
        let sums: Vec<_> = ledger.clone().sums().collect();
        assert_eq!(sums.len(), 1001);
        assert!(sums.is_sorted_by_key(|(pair, _)| *pair));
        assert!(sums.contains(&((7, 7), mail(1000))));
    }
}
