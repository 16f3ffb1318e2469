//! One file, the stretch of it that is to be read, and its lines.
//!
//! In: the bytes of a file, and what an earlier run has read of it. Out: [`LogFile`], which knows the line of every byte
//! without counting more line breaks than it must.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bstr::BString;

use super::store::Data;

/// What is new in a file, and what must be known of the bytes before it.
#[derive(Clone, Debug, Default)]
pub struct Part {
    pub from: usize,
    pub until: usize,
    /// Lines before `from`.
    pub lines: u64,
    /// The header in force at `from`, if that is not the file's first byte.
    pub header: Vec<u8>,
    /// The file holds rows that an earlier run has read and counted, in order.
    pub carried: Vec<CarriedRow>,
    /// So far an earlier run has read and counted a file that is read again as a whole.
    pub counted: usize,
}

/// Where a row stood that an earlier run has read.
#[derive(Clone, Copy, Debug)]
pub struct CarriedRow {
    /// Its first byte here.
    pub at: u64,
    /// Its line and first byte in the file it was logged in.
    pub line: u64,
    pub offset: u64,
}

/// One file and its bytes.
pub struct LogFile {
    /// As found under the given path: the name that evidence is quoted with.
    pub name: Arc<str>,
    /// The server that wrote it, short and lower case, where rows do not name it; set when its format is told.
    pub server: BString,
    /// The file on the disk that it is or was in: an index of [`Inputs::sources`].
    pub source: u32,
    /// The stretch to be read, where that is not the whole file.
    pub part: Option<Box<Part>>,
    data: Data,
    /// Where rows may be counted from, in order.
    chunks: Box<[ChunkLines]>,
}

/// Line breaks before and in one chunk, once they are known: they are the same whoever counts them.
struct ChunkLines {
    start: u64,
    before: AtomicU64,
    inside: AtomicU64,
}

/// No number of lines.
const UNCOUNTED: u64 = u64::MAX;

/// A number of lines, if it is known.
fn counted(lines: &AtomicU64) -> Option<u64> {
    Some(lines.load(Ordering::Relaxed)).filter(|lines| *lines != UNCOUNTED)
}

impl LogFile {
    pub(super) fn new(name: Arc<str>, source: u32, data: Data) -> LogFile {
        LogFile {
            name,
            server: BString::default(),
            source,
            part: None,
            data,
            chunks: Box::default(),
        }
    }

    /// The stretch to be read.
    pub fn range(&self) -> std::ops::Range<usize> {
        let whole = 0..self.bytes().len();
        let part = self.part.as_ref();
        part.map_or(whole, |part| part.from..part.until)
    }

    /// Whether the file holds rows that an earlier run has read and counted.
    pub fn is_carried(&self) -> bool {
        let part = self.part.as_ref();
        part.is_some_and(|part| !part.carried.is_empty() || part.counted >= part.until)
    }

    /// Bytes to be read that no earlier run has counted.
    pub fn new_bytes(&self) -> u64 {
        let counted = self.part.as_ref().map_or(0, |part| part.counted);
        let range = self.range();
        (range.end - counted.clamp(range.start, range.end)) as u64
    }

    /// The whole file as it was when it was opened, unpacked and in UTF-8: places are counted in these bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.data
    }

    /// Says where chunks begin, so that lines can be counted from there; in order. Of a file that is one chunk there is
    /// nothing to know.
    pub fn set_chunks(&mut self, starts: &[u64]) {
        let chunk = |&start: &u64| ChunkLines {
            start,
            before: AtomicU64::new(UNCOUNTED),
            inside: AtomicU64::new(UNCOUNTED),
        };
        self.chunks = match starts {
            [0] => Box::default(),
            _ => starts.iter().map(chunk).collect(),
        };
    }

    /// Says how many lines were met in a chunk from its first byte up to `end`, so that they need not be counted.
    pub fn note_lines(&self, start: u64, end: u64, lines: u64) {
        let Ok(at) = self.chunks.binary_search_by_key(&start, |c| c.start) else {
            return;
        };
        if self.chunks.get(at + 1).is_none_or(|next| next.start == end) {
            self.chunks[at].inside.store(lines, Ordering::Relaxed);
        }
    }

    /// Lines before chunk `index`, counted when first asked for, from the nearest chunk for which they are known.
    fn lines_before(&self, index: usize) -> u64 {
        let known = |i: usize| Some((i, counted(&self.chunks[i].before)?));
        let from = (0..=index).rev().find_map(known);
        let first = self.chunks.first().map_or(0, |chunk| chunk.start);
        let (from, mut lines) = from.unwrap_or_else(|| {
            let before = match &self.part {
                Some(part) => part.lines + self.count(part.from as u64, first),
                None => self.count(0, first),
            };
            (0, before)
        });
        for i in from..index {
            let (chunk, next) = (&self.chunks[i], &self.chunks[i + 1]);
            chunk.before.store(lines, Ordering::Relaxed);
            let inside = counted(&chunk.inside);
            let inside = inside.unwrap_or_else(|| self.count(chunk.start, next.start));
            chunk.inside.store(inside, Ordering::Relaxed);
            lines += inside;
        }
        self.chunks[index].before.store(lines, Ordering::Relaxed);
        lines
    }

    /// Where a row was logged that an earlier run has read.
    pub fn carried_row(&self, offset: u64) -> Option<CarriedRow> {
        let rows = &self.part.as_ref()?.carried;
        let behind = rows.partition_point(|row| row.at <= offset);
        rows.get(behind.saturating_sub(1)).copied()
    }

    /// The line a row stands in, from 1, header lines included; `line` is the one within its chunk, from 0.
    pub fn line(&self, offset: u64, line: u32) -> u64 {
        if let Some(row) = self.carried_row(offset) {
            return row.line;
        }
        let chunk = self.chunks.partition_point(|chunk| chunk.start <= offset);
        let before = chunk.checked_sub(1).map(|chunk| self.lines_before(chunk));
        before.unwrap_or(0) + u64::from(line) + 1
    }

    fn count(&self, from: u64, until: u64) -> u64 {
        memchr::memchr_iter(b'\n', &self.bytes()[from as usize..until as usize]).count() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_from_the_chunk_on() {
        let mut file = LogFile::new("a".into(), 0, Data::Memory(b"1\n2\n3\n4\n".to_vec()));
        file.set_chunks(&[0, 4]);
        assert_eq!(file.line(2, 1), 2);
        assert_eq!(file.line(4, 0), 3);
        assert_eq!(file.line(6, 1), 4);
        file.set_chunks(&[0]);
        assert_eq!(file.line(6, 3), 4);
    }
}
