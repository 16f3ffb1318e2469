//! Files that were read before, known by what is in them.
//!
//! In: the bytes of a file. Out: how far it was read, whatever its name is now. A file is the one it was if its
//! beginning and the end of what was read of it are as they were: a log that was renamed, moved, or sent a second time
//! is known again, and one that has the same name and other content is not.

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use crate::input::source::Stamp;
use crate::time::Time;

/// So much of a file's beginning, and of the end of what was read, is looked at.
const LOOKED_AT: usize = 4096;
/// Candidates are found by so much of the beginning: a header with its date and a first row, or at least the date.
const FOUND_BY: [usize; 2] = [1024, 160];

type Print = [u8; 32];

/// One file that was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// The name it had last.
    pub name: String,
    /// Bytes that were read and counted.
    pub read: u64,
    /// Its length then: a torn last row was left for the next time.
    pub length: u64,
    /// How far the logs went when it was met at this length for the first time.
    pub since: Option<Time>,
    /// Lines in what was read.
    pub lines: u64,
    /// Length and print of what it is found by.
    pub(super) start: (usize, Print),
    pub(super) head: Print,
    pub(super) tail: Print,
    /// Index of the header that is in force where reading goes on.
    pub header: u32,
    /// How far the logs went when it was there last.
    pub there: Option<Time>,
    /// Rows of open messages stand in it, and it can only be read as a whole.
    pub needed: bool,
    /// By which it need not be opened again.
    pub stamp: Option<Stamp>,
}

fn print(bytes: &[u8]) -> Print {
    *blake3::hash(bytes).as_bytes()
}

impl Known {
    /// A file of which the first `read` bytes were read.
    pub fn new(name: &str, bytes: &[u8], read: usize) -> Known {
        let found_by = FOUND_BY.into_iter().find(|length| *length <= read);
        let start = found_by.unwrap_or(read);
        Known {
            name: name.to_string(),
            start: (start, print(&bytes[..start])),
            read: read as u64,
            length: bytes.len() as u64,
            since: None,
            lines: 0,
            head: print(&bytes[..read.min(LOOKED_AT)]),
            tail: print(&bytes[read - read.min(LOOKED_AT)..read]),
            header: 0,
            there: None,
            needed: false,
            stamp: None,
        }
    }

    fn is(&self, bytes: &[u8]) -> bool {
        let read = self.read as usize;
        let looked_at = read.min(LOOKED_AT);
        bytes.len() >= read
            && self.tail == print(&bytes[read - looked_at..read])
            && self.head == print(&bytes[..looked_at])
    }
}

/// All files that were read.
pub struct Index<'k> {
    all: &'k [Known],
    /// By length and print of a beginning.
    by_start: HashMap<(usize, Print), Vec<usize>>,
    /// The lengths among these.
    lengths: Vec<usize>,
    by_name: HashMap<&'k str, usize>,
}

impl<'k> Index<'k> {
    pub fn new(all: &'k [Known]) -> Index<'k> {
        let mut by_start: HashMap<(usize, Print), Vec<usize>> = HashMap::new();
        for (i, known) in all.iter().enumerate() {
            by_start.entry(known.start).or_default().push(i);
        }
        let mut lengths: Vec<usize> = by_start.keys().map(|(length, _)| *length).collect();
        lengths.sort_unstable();
        lengths.dedup();
        let by_name = all.iter().enumerate().map(|(i, k)| (k.name.as_str(), i));
        Index {
            all,
            by_name: by_name.collect(),
            by_start,
            lengths,
        }
    }

    /// The file with these bytes, of which most was read; of several the one with this name.
    pub fn find(&self, name: &str, bytes: &[u8]) -> Option<usize> {
        let lengths = self.lengths.iter().filter(|length| **length <= bytes.len());
        lengths
            .filter_map(|&length| self.by_start.get(&(length, print(&bytes[..length]))))
            .flatten()
            .copied()
            .filter(|&i| self.all[i].is(bytes))
            .max_by_key(|&i| (self.all[i].read, self.all[i].name == name))
    }

    /// The file that had this name last.
    pub fn named(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_by_what_was_read_of_it() {
        let long: Vec<u8> = (0..20_000u32).flat_map(u32::to_le_bytes).collect();
        let all = [
            Known::new("long", &long, 50_000),
            Known::new("short", b"short and whole", 15),
            Known::new("more", b"short and whole, and more", 25),
        ];
        let index = Index::new(&all);
        let find = |name: &str, bytes: &[u8]| index.find(name, bytes).map(|i| all[i].name.clone());
        assert_eq!(find("another", &long).as_deref(), Some("long"));
        assert_eq!(find("another", &long[..50_000]).as_deref(), Some("long"));
        // Cut off, or changed where it was looked at.
        assert_eq!(find("long", &long[..49_999]), None);
        for at in [0, 4095, 49_999, 50_000 - 4096] {
            let mut changed = long.clone();
            changed[at] ^= 1;
            assert_eq!(find("long", &changed), None, "{at}");
        }
        assert_eq!(
            find("x", b"short and whole, and less").as_deref(),
            Some("short")
        );
        assert_eq!(
            find("x", b"short and whole, and more!").as_deref(),
            Some("more")
        );
        assert_eq!(find("short", b"short"), None);
        assert_eq!(find("short", b""), None);
        assert_eq!(index.named("short"), Some(1));
    }
}
