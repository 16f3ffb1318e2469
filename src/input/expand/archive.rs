//! Archives: every file in them, by a name of its own.
//!
//! In: the bytes of a zip or tar. Out: its files, each opened like a file on the disk. What lies in a tar as it is, is
//! not copied. A tar whose list is damaged is read on at the next entry that is whole; what its end is missing is said.

use std::io::Cursor;
use std::ops::Range;
use std::sync::Arc;

use zip::ZipArchive;

use super::{Work, decode};
use crate::input::store::Data;

/// A tar is made of blocks of so many bytes.
const BLOCK: usize = 512;
/// So many times reading goes on behind a damaged entry: each may cost a look at all that follows.
const MAX_BREAKS: usize = 64;

impl Work<'_> {
    /// Every file in an archive of zip.
    pub(super) fn zip(&mut self, name: &str, data: &[u8], depth: usize) {
        let mut archive = match ZipArchive::new(Cursor::new(data)) {
            Ok(archive) => archive,
            Err(error) => {
                let why = format!("its list of files cannot be read: {error}");
                return self.out.unreadable.push((name.to_string(), why));
            }
        };
        for index in 0..archive.len() {
            let mut inner = match archive.by_index_raw(index) {
                Ok(inner) => inner,
                Err(error) => {
                    let inner = format!("{name}/file {}", index + 1);
                    self.out.unreadable.push((inner, error.to_string()));
                    continue;
                }
            };
            if inner.is_dir() {
                continue;
            }
            let full = self.named(name, inner.name_raw(), index);
            if inner.encrypted() {
                let why = "is encrypted; unpack it first".to_string();
                self.out.unreadable.push((full, why));
                continue;
            }
            #[allow(deprecated)] // the number itself is what the format says
            let method = inner.compression().to_u16();
            let crc = inner.crc32();
            let unpacked = self.unpack(&mut |out| decode::zipped(method, crc, &mut inner, out));
            self.take(full, unpacked, depth);
            if self.bomb {
                return;
            }
        }
    }

    /// Every file in an archive of tar.
    pub(super) fn tar(&mut self, name: &str, data: Data, depth: usize) {
        let whole = Arc::new(data);
        let (mut from, mut breaks, mut entries) = (0, 0, 0);
        while let Some((at, why)) = self.tar_from(name, &whole, from, &mut entries, depth) {
            breaks += 1;
            let next = (at / BLOCK + 1..whole.len() / BLOCK).map(|block| block * BLOCK);
            let next = match breaks < MAX_BREAKS && !self.bomb {
                true => next.into_iter().find(|&at| is_tar(&whole[at..])),
                false => None,
            };
            let rest = match next {
                Some(next) => format!("read on at byte {next}"),
                None => "nothing behind it was read".to_string(),
            };
            let why = format!("its list of files is damaged at byte {at}: {why}; {rest}");
            self.out.in_part.push((name.to_string(), why));
            match next {
                Some(next) => from = next,
                None => return,
            }
        }
    }

    /// The entries from byte `from` on; where and why they break off.
    fn tar_from(
        &mut self,
        name: &str,
        whole: &Arc<Data>,
        from: usize,
        entries: &mut usize,
        depth: usize,
    ) -> Option<(usize, String)> {
        let mut archive = tar::Archive::new(Cursor::new(&whole[from..]));
        let mut end = from;
        let list = match archive.entries_with_seek() {
            Ok(list) => list,
            Err(error) => return Some((from, error.to_string())),
        };
        for entry in list {
            let mut entry = match entry {
                Ok(entry) => entry,
                Err(error) => return Some((end, error.to_string())),
            };
            let at = from + entry.raw_file_position() as usize;
            let stored = entry.header().entry_size().unwrap_or(0);
            let size = match entry.header().entry_type() {
                tar::EntryType::GNUSparse => stored,
                _ => entry.size(),
            };
            end = at.saturating_add(usize::try_from(size).unwrap_or(usize::MAX));
            *entries += 1;
            // Folders, and links to what has an entry of its own or lies outside.
            let kind = entry.header().entry_type();
            if !(kind.is_file() || kind.is_contiguous() || kind.is_gnu_sparse()) {
                end = end.checked_next_multiple_of(BLOCK).unwrap_or(end);
                continue;
            }
            let full = self.named(name, &entry.path_bytes(), *entries - 1);
            if is_sparse_by_pax(&mut entry) {
                let why =
                    "is stored as a sparse file of pax, which is not known here; unpack it first";
                self.out.unreadable.push((full, why.to_string()));
            } else if kind.is_gnu_sparse() {
                let unpacked = self.unpack(&mut |out| std::io::copy(&mut entry, out).map(drop));
                self.take(full, unpacked, depth);
            } else {
                self.stored(full, whole, at..end, depth);
            }
            if self.bomb {
                return None;
            }
            end = end.checked_next_multiple_of(BLOCK).unwrap_or(end);
        }
        let end = from + archive.into_inner().position() as usize;
        self.tar_end(name, whole, end);
        None
    }

    /// A file that lies in the archive as it is.
    fn stored(&mut self, full: String, whole: &Arc<Data>, range: Range<usize>, depth: usize) {
        let until = range.end.min(whole.len());
        let start = range.start.min(until);
        if until < range.end {
            let (there, all) = (until - start, range.len());
            let why = format!("the archive breaks off: {there} of {all} bytes are there");
            self.out.in_part.push((full.clone(), why));
        }
        self.file(full, Data::Part(whole.clone(), start..until), depth + 1);
    }

    /// Empty blocks end a list: where there are none, files may be missing. `end`: behind what was read of it.
    fn tar_end(&mut self, name: &str, whole: &[u8], end: usize) {
        let Some(behind) = whole.get(end..) else {
            return; // said of the file that breaks off
        };
        let mark = end.checked_sub(BLOCK).map(|at| &whole[at..end]);
        let why = match mark.is_some_and(|mark| mark.iter().all(|&byte| byte == 0)) {
            true => match behind.iter().rposition(|&byte| byte != 0) {
                None => return,
                Some(last) => format!("{} bytes behind its end were not read", last + 1),
            },
            false => "has no end: files may be missing behind its last".to_string(),
        };
        self.out.in_part.push((name.to_string(), why));
    }
}

/// Whether the map of a sparse file stands in front of its bytes.
fn is_sparse_by_pax<R: std::io::Read>(entry: &mut tar::Entry<'_, R>) -> bool {
    let Ok(Some(extensions)) = entry.pax_extensions() else {
        return false;
    };
    let mut known = extensions.filter_map(Result::ok);
    known.any(|extension| extension.key_bytes().starts_with(b"GNU.sparse."))
}

/// Whether an entry of a tar begins here: old ones have no mark, but all have the sum of their header in it.
pub(super) fn is_tar(bytes: &[u8]) -> bool {
    let Some(block) = bytes.get(..BLOCK).filter(|block| block[0] != 0) else {
        return false;
    };
    // Six octal digits; nothing of a log's text, and quick to tell.
    let digits = block[148..156].trim_ascii();
    let digits = digits.strip_suffix(b"\0").unwrap_or(digits).trim_ascii();
    let told = digits.iter().try_fold(0u32, |sum, digit| {
        matches!(digit, b'0'..=b'7').then(|| sum << 3 | u32::from(digit - b'0'))
    });
    let sum = |part: &[u8]| part.iter().map(|&byte| u32::from(byte)).sum::<u32>();
    let counted = sum(&block[..148]) + 8 * u32::from(b' ') + sum(&block[156..]);
    !digits.is_empty() && told == Some(counted)
}
