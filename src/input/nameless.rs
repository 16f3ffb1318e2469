//! A file without a name that only grows: room for what does not fit into memory.
//!
//! In: bytes. Out: where they stand, and all of them as one slice through the page cache.

use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::ops::Range;

use memmap2::{Mmap, MmapOptions};

/// Written at once.
const WRITTEN_BYTES: usize = 1 << 16;

/// Such a file, in the system's folder for temporary ones.
#[derive(Debug)]
pub struct Nameless {
    file: File,
    length: usize,
}

impl Nameless {
    /// An empty one.
    ///
    /// # Errors
    /// If none can be made.
    pub fn new() -> io::Result<Nameless> {
        let file = tempfile::tempfile()?;
        Ok(Nameless { file, length: 0 })
    }

    /// Puts `pieces` behind what is there; says where they stand.
    ///
    /// # Errors
    /// If there is no room for them: then none of them counts.
    pub fn append<P: AsRef<[u8]>>(
        &mut self,
        pieces: impl Iterator<Item = P>,
    ) -> io::Result<Range<usize>> {
        self.file.seek(SeekFrom::Start(self.length as u64))?;
        let mut to = BufWriter::with_capacity(WRITTEN_BYTES, &self.file);
        let mut end = self.length;
        for piece in pieces {
            to.write_all(piece.as_ref())?;
            end += piece.as_ref().len();
        }
        to.flush()?;
        drop(to);
        Ok(std::mem::replace(&mut self.length, end)..end)
    }

    /// All that was written.
    ///
    /// # Errors
    /// If the system cannot map it.
    pub fn map(&self) -> io::Result<Mmap> {
        // SAFETY: nobody else can open a file without a name. It never becomes shorter, and what is mapped is never
        // written again.
        unsafe { MmapOptions::new().len(self.length).map(&self.file) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_stays_where_it_is() {
        let mut file = Nameless::new().unwrap();
        assert!(file.map().unwrap().is_empty());
        let (a, b) = (
            file.append([b"ab", b"cd"].iter()).unwrap(),
            file.map().unwrap(),
        );
        assert_eq!((a, &b[..]), (0..4, &b"abcd"[..]));
        assert_eq!(file.append(["ef"].iter()).unwrap(), 4..6);
        assert_eq!(
            (&b[..], &file.map().unwrap()[..]),
            (&b"abcd"[..], &b"abcdef"[..])
        );
        assert_eq!(file.append::<&[u8]>(std::iter::empty()).unwrap(), 6..6);
    }
}
