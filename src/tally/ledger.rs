//! Sums by key that need not fit into memory: who wrote to whom, and how much in which hour.
//!
//! In: pairs of numbers with signed figures, in any order. Out: each pair once with its sums, in order. Entries are
//! noted one behind the other; when the room is full they are sorted, and those of one pair become one. If most are of
//! different pairs, they go, sorted, to the end of a file without a name, and all these runs are merged when the sums are asked
//! for. So a year takes the memory of a day, and noting an entry needs no look-up in a table that no cache holds.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::sync::{Arc, Mutex};

use serde::de::{Error, SeqAccess, Visitor};
use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::tally::correspondents::Mail;

/// Entries kept in memory: 512 kB, which a processor sorts in its own cache.
const ROOM: usize = 1 << 14;
/// Of an entry in a file: its key and three figures.
const ENTRY_BYTES: usize = 32;
/// Written at once.
const WRITTEN_BYTES: usize = 1 << 16;
/// Read at once of each run; a year of a large organisation has hundreds.
const BLOCK_BYTES: u64 = 128 * ENTRY_BYTES as u64;

/// A pair of numbers: of two addresses, or of an address and an hour.
pub type Pair = (u32, u32);

/// Sums by pair.
#[derive(Clone, Debug)]
pub struct Ledger {
    /// By [`key`] of the pair.
    entries: Vec<(u64, Mail)>,
    /// Where sorted entries lie in `file`, each pair once in a run.
    runs: Vec<Range<u64>>,
    file: Option<Arc<Mutex<File>>>,
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
    fn written(&mut self) -> io::Result<Range<u64>> {
        let file = match &self.file {
            Some(file) => file,
            None => (self.file).insert(Arc::new(Mutex::new(tempfile::tempfile()?))),
        };
        let mut file = file.lock().expect("a panic ends the run");
        let start = file.seek(SeekFrom::End(0))?;
        let mut to = BufWriter::with_capacity(WRITTEN_BYTES, &mut *file);
        for (key, mail) in &self.entries {
            to.write_all(&key.to_le_bytes())?;
            for figure in [mail.messages, mail.recipients, mail.bytes] {
                to.write_all(&figure.to_le_bytes())?;
            }
        }
        to.flush()?;
        drop(to);
        Ok(start..start + (self.entries.len() * ENTRY_BYTES) as u64)
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
    fn merged(&self) -> impl Iterator<Item = (u64, Mail)> {
        let mut entries = self.entries.clone();
        condense(&mut entries);
        let mut sources: Vec<Source<'_>> = vec![Source::Memory(entries.into_iter())];
        let of_run = |run: &Range<u64>| Source::File {
            file: self.file.as_deref().expect("runs have one"),
            rest: run.clone(),
            block: io::Cursor::default(),
        };
        sources.extend(self.runs.iter().map(of_run));
        // The next entry of each source: its key here, with the source's number, and its sums there.
        let mut ahead = BinaryHeap::with_capacity(sources.len());
        let mut sums = vec![Mail::default(); sources.len()];
        for (number, source) in sources.iter_mut().enumerate() {
            if let Some((key, mail)) = source.next() {
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
                match sources[number].next() {
                    Some((key, mail)) => (*first, sums[number]) = (Reverse((key, number)), mail),
                    None => drop(PeekMut::pop(first)),
                }
            }
            Some((key, sum))
        })
    }
}

/// Sorted entries, from memory or, block by block, from a file.
enum Source<'l> {
    Memory(std::vec::IntoIter<(u64, Mail)>),
    File {
        file: &'l Mutex<File>,
        rest: Range<u64>,
        block: io::Cursor<Vec<u8>>,
    },
}

impl Iterator for Source<'_> {
    type Item = (u64, Mail);

    fn next(&mut self) -> Option<(u64, Mail)> {
        let (file, rest, block) = match self {
            Source::Memory(entries) => return entries.next(),
            Source::File { file, rest, block } => (file, rest, block),
        };
        let mut entry = [0; ENTRY_BYTES];
        if block.read_exact(&mut entry).is_err() {
            if rest.is_empty() {
                return None;
            }
            *block = io::Cursor::new(read(file, rest).expect("what was written can be read"));
            block
                .read_exact(&mut entry)
                .expect("blocks hold whole entries");
        }
        let number = |at: usize| {
            let bytes = entry[at..at + 8].try_into().expect("eight bytes");
            u64::from_le_bytes(bytes)
        };
        let mail = Mail {
            messages: number(8) as i64,
            recipients: number(16) as i64,
            bytes: number(24) as i64,
        };
        Some((number(0), mail))
    }
}

/// The next block of what is left of a run.
fn read(file: &Mutex<File>, rest: &mut Range<u64>) -> io::Result<Vec<u8>> {
    let length = (rest.end - rest.start).min(BLOCK_BYTES);
    let mut bytes = vec![0; length as usize];
    let mut file = file.lock().expect("a panic ends the run");
    file.seek(SeekFrom::Start(rest.start))?;
    file.read_exact(&mut bytes)?;
    rest.start += length;
    Ok(bytes)
}

/// Sorts, and makes entries of one key one.
fn condense(entries: &mut Vec<(u64, Mail)>) {
    entries.sort_unstable_by_key(|(key, _)| *key);
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
