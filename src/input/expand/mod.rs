//! What is inside packed files: gzip, zstd, bzip2, xz, zip and tar, also within each other.
//!
//! In: bytes. Out: the bytes of every file inside, with its name (`archive.zip/inner.log`), told by content. A packed
//! file that breaks off is read as far as it goes, and said to; one that grows beyond the limit is a bomb, and
//! nothing of it is used. [`decode`] has the decoders, [`archive`] the files of archives.

mod archive;
mod decode;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::io::{self, Write};

use super::find::Problem;
use super::store::{Data, Store, Writer};
use super::text;

/// So much may come out of any file, however short.
const FREE_BYTES: u64 = 64 << 20;
/// Packed files within packed files; deeper ones are left as they are.
const MAX_DEPTH: usize = 4;

/// How a file is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Packing {
    Gzip,
    Zstd,
    Bzip2,
    Xz,
    Zip,
    Tar,
}

/// Tells by the first bytes.
fn packing(bytes: &[u8]) -> Option<Packing> {
    match bytes {
        [0x1f, 0x8b, 8, ..] => Some(Packing::Gzip),
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Packing::Zstd),
        // Behind the mark stands the first block, or at once the end.
        [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, ..]
        | [b'B', b'Z', b'h', b'1'..=b'9', 0x17, 0x72, 0x45, 0x38, ..] => Some(Packing::Bzip2),
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Packing::Xz),
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Some(Packing::Zip),
        _ if archive::is_tar(bytes) => Some(Packing::Tar),
        _ => None,
    }
}

/// What came out of one file.
pub struct Expanded {
    pub files: Vec<(String, Data)>,
    /// Names within it, and what was wrong with them.
    pub unreadable: Vec<Problem>,
    pub in_part: Vec<Problem>,
}

/// Unpacks the file `name`, if it is packed, and brings its text to UTF-8.
pub fn expand(name: &str, data: Data, limit: u64, store: &Store) -> Expanded {
    let packed_bytes = data.len() as u64;
    let mut work = Work {
        store,
        limit,
        left_bytes: packed_bytes.saturating_mul(limit).max(FREE_BYTES),
        bomb: false,
        names: BTreeSet::new(),
        out: Expanded {
            files: Vec::new(),
            unreadable: Vec::new(),
            in_part: Vec::new(),
        },
    };
    work.file(name.to_string(), data, 0);
    if work.bomb {
        work.out.files.clear();
        work.out.in_part.clear();
        work.out.unreadable = vec![(name.to_string(), bomb(packed_bytes, limit))];
    }
    work.out
}

fn bomb(packed_bytes: u64, limit: u64) -> String {
    format!(
        "grows to more than {limit} times its {packed_bytes} bytes when it is unpacked, which logs do not; \
         nothing of it was used. --expand-limit {} allows more",
        limit.saturating_mul(10)
    )
}

struct Work<'s> {
    store: &'s Store,
    limit: u64,
    /// What may still come out, all files within the outermost together.
    left_bytes: u64,
    bomb: bool,
    /// Of what is in archives.
    names: BTreeSet<String>,
    out: Expanded,
}

/// How far unpacking came.
struct Unpacked {
    data: io::Result<Data>,
    wrong: Option<io::Error>,
}

impl Work<'_> {
    /// One file at any depth.
    fn file(&mut self, name: String, data: Data, depth: usize) {
        let packing = packing(&data).filter(|_| depth < MAX_DEPTH && !self.bomb);
        match packing {
            Some(Packing::Zip) => self.zip(&name, &data, depth),
            Some(Packing::Tar) => self.tar(&name, data, depth),
            Some(packing) => {
                let unpacked = self.unpack(&mut |out| decode::decode(packing, &data, out));
                drop(data);
                self.take(name, unpacked, depth);
            }
            None => match self.utf8(data) {
                Ok(data) => self.out.files.push((name, data)),
                Err(error) => self.out.unreadable.push((name, error.to_string())),
            },
        }
    }

    /// The name of a file in the archive `name`: no other has it, whatever archives are in each other.
    fn named(&mut self, name: &str, inner: &[u8], index: usize) -> String {
        let inner = String::from_utf8_lossy(inner).replace('\\', "/");
        let inner = inner.trim_start_matches("./").trim_start_matches('/');
        let mut full = format!("{name}/{inner}");
        while !self.names.insert(full.clone()) {
            full = format!("{full} (file {})", index + 1);
        }
        full
    }

    fn take(&mut self, name: String, unpacked: Unpacked, depth: usize) {
        let data = match unpacked.data {
            Ok(data) => data,
            Err(error) => return self.out.unreadable.push((name, error.to_string())),
        };
        if let Some(error) = unpacked.wrong {
            if data.is_empty() {
                let why = format!("cannot be unpacked: {error}");
                return self.out.unreadable.push((name, why));
            }
            let length = data.len();
            let why = format!("cannot be unpacked behind its first {length} bytes: {error}");
            self.out.in_part.push((name.clone(), why));
        }
        self.file(name, data, depth + 1);
    }

    /// Lets `decode` write, up to the limit.
    fn unpack(&mut self, decode: &mut dyn FnMut(&mut Limited<'_>) -> io::Result<()>) -> Unpacked {
        let mut limited = Limited {
            writer: self.store.writer(),
            left_bytes: self.left_bytes,
            over: false,
            failed: None,
        };
        let mut wrong = decode(&mut limited).err();
        self.left_bytes = limited.left_bytes;
        self.bomb |= limited.over;
        if let Some(error) = limited.failed {
            // There was no room: what was written is no part of a file but of a copy.
            return Unpacked {
                data: Err(error),
                wrong: None,
            };
        }
        if self.bomb {
            wrong = Some(io::Error::other(format!("more than {} times", self.limit)));
        }
        Unpacked {
            data: limited.writer.finish(),
            wrong,
        }
    }

    fn utf8(&mut self, data: Data) -> io::Result<Data> {
        let Some(order) = text::utf16(&data) else {
            return Ok(data);
        };
        let mut writer = self.store.writer();
        text::to_utf8(&data, order, &mut writer)?;
        writer.finish()
    }
}

/// Takes bytes until there are too many.
struct Limited<'s> {
    writer: Writer<'s>,
    left_bytes: u64,
    over: bool,
    /// Why nothing more could be written.
    failed: Option<io::Error>,
}

impl Write for Limited<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(left) = self.left_bytes.checked_sub(bytes.len() as u64) else {
            self.over = true;
            return Err(io::Error::other("too long"));
        };
        self.left_bytes = left;
        self.writer.write_all(bytes).map_err(|error| {
            let again = io::Error::new(error.kind(), error.to_string());
            self.failed = Some(error);
            again
        })?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
