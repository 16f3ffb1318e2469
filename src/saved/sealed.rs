//! Files that are whole or not there: a header with version, length and checksum, and the way to disk.
//!
//! In: bytes and a path. Out: a file that has its name only once all of it is on disk, or the bytes of one that is
//! proven to be what was written. Every step on disk goes through [`step`], where tests may end the program.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use serde::de::DeserializeOwned;

use crate::error::Error;
use crate::unfinished::{Unfinished, sync_folder};

/// So much stands before the payload.
pub const HEAD_BYTES: usize = 8 + 4 + 8 + 32;

/// A kind of sealed file.
pub struct Kind {
    pub magic: [u8; 8],
    pub version: u32,
    /// What it is, for the message about a file that is something else.
    pub what: &'static str,
    /// What to do about one of another version.
    pub anew: &'static str,
}

impl Kind {
    /// Writes header and payload.
    ///
    /// # Errors
    /// If they cannot be written; then nothing is left behind.
    pub fn write(&self, path: &Path, payload: &[&[u8]]) -> Result<(), Error> {
        let mut hasher = blake3::Hasher::new();
        for part in payload {
            hasher.update(part);
        }
        let length: usize = payload.iter().map(|part| part.len()).sum();
        let mut head = Vec::with_capacity(HEAD_BYTES);
        head.extend(self.magic);
        head.extend(self.version.to_le_bytes());
        head.extend((length as u64).to_le_bytes());
        head.extend(hasher.finalize().as_bytes());
        let mut parts: Vec<&[u8]> = vec![&head];
        parts.extend(payload);
        place(path, &parts).map_err(|error| unwritten(path, &error))
    }

    /// The payload of a file's bytes.
    ///
    /// # Errors
    /// If they are anything else, of another version, or damaged: says which.
    pub fn open<'b>(&self, bytes: &'b [u8]) -> Result<&'b [u8], String> {
        let Some(rest) = bytes.strip_prefix(&self.magic) else {
            return Err(format!("is no {}", self.what));
        };
        if bytes.len() < HEAD_BYTES {
            return Err("ends within its header: it was cut off".into());
        }
        let version = u32::from_le_bytes(rest[..4].try_into().expect("four bytes"));
        if version != self.version {
            return Err(format!(
                "has layout {version}, and this waybill reads layout {}; {}",
                self.version, self.anew
            ));
        }
        let length = u64::from_le_bytes(rest[4..12].try_into().expect("eight bytes"));
        let payload = &bytes[HEAD_BYTES..];
        if payload.len() as u64 != length {
            return Err(format!(
                "has {} of {length} bytes: it was cut off or added to",
                payload.len()
            ));
        }
        if blake3::hash(payload).as_bytes()[..] != rest[12..44] {
            return Err("is damaged: its checksum does not fit".into());
        }
        Ok(payload)
    }
}

/// A payload as the value that was written.
///
/// # Errors
/// If it is none.
pub fn understood<T: DeserializeOwned>(payload: &[u8]) -> Result<T, String> {
    postcard::from_bytes(payload).map_err(|error| format!("cannot be understood: {error}"))
}

/// The bytes of a file.
///
/// # Errors
/// If it cannot be read.
pub fn read(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|error| Error(format!("{}: cannot be read: {error}", path.display())))
}

/// The message about a file that could not be written.
pub fn unwritten(path: &Path, error: &dyn std::fmt::Display) -> Error {
    Error(format!("{} cannot be written: {error}", path.display()))
}

/// Writes beside the file's place, brings everything to disk, renames, and brings the folder to disk.
fn place(path: &Path, parts: &[&[u8]]) -> io::Result<()> {
    let unfinished = Unfinished::new(path);
    let placed = || {
        step()?;
        let mut file = File::create(unfinished.path())?;
        for part in parts {
            step()?;
            file.write_all(part)?;
        }
        step()?;
        file.sync_all()?;
        step()?;
        fs::rename(unfinished.path(), path)?;
        step()?;
        sync_folder(path)
    };
    let placed = placed();
    // What is ended cleans nothing up.
    if step().is_err() {
        std::mem::forget(unfinished);
    }
    placed
}

/// Removes a file.
///
/// # Errors
/// If it cannot be removed.
pub fn remove(path: &Path) -> io::Result<()> {
    step()?;
    fs::remove_file(path)
}

/// Before every step on disk. In tests the program may be ended here; afterwards nothing happens on disk any more.
fn step() -> io::Result<()> {
    #[cfg(test)]
    return killed::step();
    #[cfg(not(test))]
    Ok(())
}

/// Ends the program of a test at a chosen step.
#[cfg(test)]
pub mod killed {
    use std::cell::Cell;
    use std::io;

    thread_local! {
        static STEPS_LEFT: Cell<Option<usize>> = const { Cell::new(None) };
    }

    /// From now on so many steps are done, and none after them; `None`: all.
    pub fn after(steps: Option<usize>) {
        STEPS_LEFT.set(steps);
    }

    pub fn step() -> io::Result<()> {
        match STEPS_LEFT.get() {
            None => Ok(()),
            Some(0) => Err(io::Error::other("killed")),
            Some(left) => {
                STEPS_LEFT.set(Some(left - 1));
                Ok(())
            }
        }
    }
}
