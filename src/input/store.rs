//! Where the bytes of files are while a run goes on.
//!
//! In: files, and bytes that were unpacked. Out: [`Data`]. Large files are mapped, so that they stay in the page cache
//! and memory of our own does not grow with the archive. What cannot be mapped is kept in memory as long as it is
//! little; beyond that it goes to files without a name in a folder for such, which the system takes back when the
//! run ends, however it ends. Small pieces share one such file, for the number of maps is limited.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::{Deref, Range};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use memmap2::{Mmap, MmapOptions};

use super::find::Named;
use super::guard::{self, Guard};

/// Files below this size are read, not mapped: a map costs the kernel more than a copy of a few pages.
const MAPPED_FROM_BYTES: u64 = 16 * 1024;
/// When files together of so many bytes were read, small ones are mapped, too, as long as there are maps for all.
const READ_BYTES: u64 = 1 << 20;
/// Together, what is kept in memory of small, unpacked and piped files.
const KEPT_BYTES: u64 = 8 << 20;
/// What is written piece by piece goes to a file of its own once it is longer than this.
const OWN_FILE_FROM_BYTES: usize = 4 << 20;
/// Smaller pieces share files of this length.
const SHARED_BYTES: u64 = 256 << 20;
/// Maps that the kernel allows a program, where it does not say; and those left for everything else.
const USUAL_MAPS: usize = 65_530;
const OTHER_MAPS: usize = 8_192;

/// Whether files are mapped or copied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mapping {
    /// Mapped, but copied from network shares: there a map may fail at any time.
    #[default]
    Auto,
    Always,
    Never,
}

/// The bytes of one file.
pub enum Data {
    /// A log as it lies on the disk. The guard knows whose map it is, should somebody cut the file short; it goes
    /// before the map does.
    Mapped {
        _guard: Guard,
        map: Mmap,
    },
    /// A file of ours.
    Own(Mmap),
    Piece(Arc<Mmap>, Range<usize>),
    /// A file that lies in an archive as it is.
    Part(Arc<Data>, Range<usize>),
    Memory(Vec<u8>),
}

impl Deref for Data {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        match self {
            Data::Mapped { map, .. } | Data::Own(map) => map,
            Data::Piece(map, range) => &map[range.clone()],
            Data::Part(whole, range) => &whole[range.clone()],
            Data::Memory(bytes) => bytes,
        }
    }
}

/// Keeps the bytes of all files of a run.
pub struct Store {
    mapping: Mapping,
    temp_dir: PathBuf,
    kept_bytes: AtomicU64,
    maps_left: AtomicUsize,
    mapped_from_bytes: u64,
    /// Bytes of small files that may still be read.
    read_bytes_left: AtomicU64,
    shared: Mutex<Option<Shared>>,
    opened: Arc<Opened>,
}

/// How far opening has come; it may be looked at from any thread.
#[derive(Debug, Default)]
pub struct Opened {
    /// Files that were found.
    pub files: AtomicUsize,
    /// Files that are open, with everything in them.
    pub done: AtomicUsize,
    /// Bytes that were unpacked or copied.
    pub bytes: AtomicU64,
}

/// A file without a name that small pieces are written to.
struct Shared {
    file: File,
    map: Arc<Mmap>,
    used: u64,
}

impl Store {
    pub fn new(mapping: Mapping, temp_dir: PathBuf, opened: Arc<Opened>) -> Store {
        Store {
            opened,
            mapping,
            temp_dir,
            kept_bytes: AtomicU64::new(0),
            maps_left: AtomicUsize::new(max_maps()),
            mapped_from_bytes: MAPPED_FROM_BYTES,
            read_bytes_left: AtomicU64::new(READ_BYTES),
            shared: Mutex::new(None),
        }
    }

    /// Where there are more files than maps, the longest are mapped.
    pub fn expect(&mut self, files: &[Named]) {
        let maps = *self.maps_left.get_mut();
        if self.mapping == Mapping::Never || files.len() <= maps {
            return;
        }
        let size = |file: &Named| file.path().metadata().map_or(0, |found| found.len());
        let mut sizes: Vec<u64> = files.iter().map(size).collect();
        let (_, least, _) = sizes.select_nth_unstable_by(maps, |a, b| b.cmp(a));
        self.mapped_from_bytes = (*least + 1).max(MAPPED_FROM_BYTES);
        self.read_bytes_left = AtomicU64::new(u64::MAX);
    }

    /// The first `length` bytes of a file, or all it gives if its length is not known.
    ///
    /// # Errors
    /// If it cannot be read, or there is no room for a copy.
    pub fn load(&self, file: &mut File, name: &Arc<str>, length: Option<u64>) -> io::Result<Data> {
        let Some(length) = length else {
            return self.copy(file);
        };
        let is_small = length < self.mapped_from_bytes && self.may_read(length);
        if !is_small && self.is_mappable(file) {
            // SAFETY: servers only append to their logs, so bytes that are mapped do not change. Another program may still
            // cut a file short, which the guard turns into an error that names it, or write over it: then rows are
            // wrong, but every offset is checked, and `Inputs::changed` says so at the end.
            let map = unsafe { MmapOptions::new().len(length as usize).map(&*file) }?;
            let _guard = guard::watch(name, &map);
            return Ok(Data::Mapped { _guard, map });
        }
        self.copy(&mut file.take(length))
    }

    fn may_read(&self, length: u64) -> bool {
        let less = |left: u64| left.checked_sub(length);
        let order = Ordering::Relaxed;
        (self.read_bytes_left.fetch_update(order, order, less)).is_ok()
    }

    fn is_mappable(&self, file: &File) -> bool {
        let wanted = match self.mapping {
            Mapping::Always => true,
            Mapping::Never => false,
            Mapping::Auto => !is_remote(file),
        };
        wanted && self.take_map()
    }

    fn take_map(&self) -> bool {
        let one_less = |left: usize| left.checked_sub(1);
        let order = Ordering::Relaxed;
        self.maps_left.fetch_update(order, order, one_less).is_ok()
    }

    /// All that `from` gives.
    ///
    /// # Errors
    /// If it cannot be read, or there is no room for it.
    pub fn copy(&self, from: &mut impl Read) -> io::Result<Data> {
        let mut writer = self.writer();
        io::copy(from, &mut writer)?;
        writer.finish()
    }

    /// Takes bytes as they come.
    pub fn writer(&self) -> Writer<'_> {
        Writer {
            store: self,
            buffer: Vec::new(),
            file: None,
        }
    }

    /// Keeps what is whole.
    fn keep(&self, mut bytes: Vec<u8>) -> io::Result<Data> {
        let length = bytes.len() as u64;
        let before = self.kept_bytes.fetch_add(length, Ordering::Relaxed);
        if before + length <= KEPT_BYTES {
            bytes.shrink_to_fit();
            return Ok(Data::Memory(bytes));
        }
        self.kept_bytes.fetch_sub(length, Ordering::Relaxed);
        let mut shared = self.shared.lock().expect("a panic ends the run");
        let room = shared
            .as_ref()
            .is_some_and(|s| s.used + length <= SHARED_BYTES);
        if !room {
            *shared = Some(Shared::new(self.temp_file()?)?);
        }
        let shared = shared.as_mut().expect("made just now");
        // What was written last may have been written in part.
        shared.file.seek(SeekFrom::Start(shared.used))?;
        shared.file.write_all(&bytes)?;
        let start = shared.used as usize;
        shared.used += length;
        Ok(Data::Piece(shared.map.clone(), start..start + bytes.len()))
    }

    fn temp_file(&self) -> io::Result<File> {
        tempfile::tempfile_in(&self.temp_dir).map_err(|error| no_room(&error, &self.temp_dir))
    }
}

impl Shared {
    fn new(file: File) -> io::Result<Shared> {
        file.set_len(SHARED_BYTES)?;
        // SAFETY: nobody else can open a file without a name, and it never becomes shorter. Bytes are written to it
        // before a slice of them exists, and never again.
        let map = Arc::new(unsafe { Mmap::map(&file) }?);
        Ok(Shared { file, map, used: 0 })
    }
}

/// Bytes on their way to where they are kept.
pub struct Writer<'s> {
    store: &'s Store,
    buffer: Vec<u8>,
    file: Option<File>,
}

impl Writer<'_> {
    /// The bytes that were written.
    ///
    /// # Errors
    /// If there is no room for them.
    pub fn finish(self) -> io::Result<Data> {
        let Some(mut file) = self.file else {
            let kept = self.store.keep(self.buffer);
            return kept.map_err(|error| no_room(&error, &self.store.temp_dir));
        };
        let wrong = |error| no_room(&error, &self.store.temp_dir);
        file.write_all(&self.buffer).map_err(wrong)?;
        // SAFETY: nobody else can open a file without a name, and nothing is written to it any more.
        Ok(Data::Own(unsafe { Mmap::map(&file) }?))
    }
}

impl Write for Writer<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = bytes.len() as u64;
        self.store.opened.bytes.fetch_add(length, Ordering::Relaxed);
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() > OWN_FILE_FROM_BYTES {
            if self.file.is_none() {
                self.file = Some(self.store.temp_file()?);
            }
            if let Some(file) = &mut self.file {
                let wrong = |error| no_room(&error, &self.store.temp_dir);
                file.write_all(&self.buffer).map_err(wrong)?;
                self.buffer.clear();
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Says where there was no room, and the way out.
fn no_room(error: &io::Error, folder: &Path) -> io::Error {
    let folder = folder.display();
    let text = format!("could not be copied to {folder}: {error}; --temp-dir names another folder");
    io::Error::new(error.kind(), text)
}

/// Maps that may be made for files.
fn max_maps() -> usize {
    let told = std::fs::read_to_string("/proc/sys/vm/max_map_count").ok();
    let told = told.and_then(|text| text.trim().parse().ok());
    told.unwrap_or(USUAL_MAPS).saturating_sub(OTHER_MAPS)
}

/// Whether a file is on a network share. One whose file system does not answer is: the share has just gone away.
#[cfg(target_os = "linux")]
fn is_remote(file: &File) -> bool {
    rustix::fs::fstatfs(file).map_or(true, |fs| is_share(fs.f_type as u32))
}

/// Tells a network share by the number of its file system.
#[cfg(target_os = "linux")]
fn is_share(file_system: u32) -> bool {
    /// NFS, SMB, CIFS, SMB2, FUSE (sshfs), AFS, Coda, Ceph, 9P, NCP, VirtualBox: from Linux' magic.h.
    const REMOTE: [u32; 11] = [
        0x6969,
        0x517b,
        0xff53_4d42,
        0xfe53_4d42,
        0x6573_5546,
        0x5346_414f,
        0x7375_7245,
        0x00c3_6400,
        0x0102_1997,
        0x564c,
        0x786f_4256,
    ];
    REMOTE.contains(&file_system)
}

/// Elsewhere it is not known.
#[cfg(not(target_os = "linux"))]
fn is_remote(_: &File) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_whatever_their_length_and_place() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::new(Mapping::Never, folder.path().to_path_buf(), Arc::default());
        *store.kept_bytes.get_mut() = KEPT_BYTES - 10;
        let lengths = [3, 100, 0, 70_000, OWN_FILE_FROM_BYTES + 5, 12];
        let kept: Vec<Data> = lengths
            .iter()
            .map(|&length| {
                let bytes: Vec<u8> = (0..length).map(|i| (i % 251) as u8).collect();
                store.copy(&mut &bytes[..]).unwrap()
            })
            .collect();
        for (data, length) in kept.iter().zip(lengths) {
            assert_eq!(data.len(), length);
            assert!(data.iter().enumerate().all(|(i, &b)| b == (i % 251) as u8));
        }
        let kinds = |data: &Data| match data {
            Data::Mapped { .. } => 'm',
            Data::Own(_) => 'o',
            Data::Piece(..) => 'p',
            Data::Part(..) => 'a',
            Data::Memory(_) => 'r',
        };
        assert_eq!(kept.iter().map(kinds).collect::<String>(), "rprpop");
        // Files without a name leave none.
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn shares_are_told_from_disks() {
        let (nfs, cifs, fuse) = (0x6969, 0xff53_4d42, 0x6573_5546);
        assert!([nfs, cifs, fuse].into_iter().all(is_share));
        let (ext4, xfs, btrfs, tmpfs, overlay) =
            (0xef53, 0x5846_5342, 0x9123_683e, 0x0102_1994, 0x794c_7630);
        assert!(![ext4, xfs, btrfs, tmpfs, overlay].into_iter().any(is_share));
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let mut store = Store::new(Mapping::Never, "/no/such/folder".into(), Arc::default());
        *store.kept_bytes.get_mut() = KEPT_BYTES;
        let error = store.copy(&mut &b"abc"[..]).err().unwrap().to_string();
        assert!(
            error.contains("/no/such/folder") && error.contains("--temp-dir"),
            "{error}"
        );
    }
}
