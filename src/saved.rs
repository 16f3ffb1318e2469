//! Saved days: the sums of a run in a file, to be merged into weeks and months without their logs.
//!
//! In and out: [`Saved`], and its file. Layout, all numbers little-endian:
//!
//! | bytes | what |
//! |---|---|
//! | 8 | `WAYBILL` and a line break |
//! | 4 | version of the layout, [`VERSION`] |
//! | 8 | length of the payload |
//! | 32 | BLAKE3 of the payload |
//! | rest | payload: [`Saved`] in postcard's wire format (version 1), fields in the order they are declared |
//!
//! Servers are numbers in the tally; their names stand beside them, so days of different runs can merge.
//! Counts are exact. Percentiles come from the merged histograms, so their error is that of one run.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use hashbrown::HashMap;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::event::ServerId;
use crate::report::Facts;
use crate::tally::Tally;

const MAGIC: &[u8; 8] = b"WAYBILL\n";
/// Raised with every change of a field of [`Saved`] or of anything in it.
pub const VERSION: u32 = 1;
const HEAD_BYTES: usize = 8 + 4 + 8 + 32;

/// The sums of a run, and what it knows beside them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Saved {
    /// Names of servers by the tally's numbers.
    pub names: Vec<String>,
    pub facts: Facts,
    pub tally: Tally,
}

impl Saved {
    /// Writes the file: under another name, brought to disk, renamed.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        let wrong = |error: &dyn std::fmt::Display| {
            Error(format!("{} cannot be written: {error}", path.display()))
        };
        let payload = postcard::to_stdvec(self).map_err(|error| wrong(&error))?;
        let mut partial = path.file_name().unwrap_or_default().to_os_string();
        partial.push(format!(".partial-{}", std::process::id()));
        let partial = path.with_file_name(partial);
        let whole = File::create(&partial).and_then(|mut file| {
            file.write_all(MAGIC)?;
            file.write_all(&VERSION.to_le_bytes())?;
            file.write_all(&(payload.len() as u64).to_le_bytes())?;
            file.write_all(blake3::hash(&payload).as_bytes())?;
            file.write_all(&payload)?;
            file.sync_all()?;
            fs::rename(&partial, path)
        });
        whole.map_err(|error| {
            let _ = fs::remove_file(&partial);
            wrong(&error)
        })
    }

    /// Reads a file that [`Saved::write`] wrote.
    ///
    /// # Errors
    /// If it is anything else, of another version, or damaged: says which.
    pub fn read(path: &Path) -> Result<Saved, Error> {
        let wrong = |why: String| Error(format!("{}: {why}", path.display()));
        let bytes = fs::read(path).map_err(|error| wrong(format!("cannot be read: {error}")))?;
        Saved::from_bytes(&bytes).map_err(wrong)
    }

    fn from_bytes(bytes: &[u8]) -> Result<Saved, String> {
        let Some(rest) = bytes.strip_prefix(MAGIC) else {
            return Err("is no saved day of waybill (report --save writes them)".into());
        };
        if bytes.len() < HEAD_BYTES {
            return Err("ends within its header: it was cut off".into());
        }
        let version = u32::from_le_bytes(rest[..4].try_into().expect("four bytes"));
        if version != VERSION {
            return Err(format!(
                "has layout {version}, and this waybill reads layout {VERSION}; save the day anew from its logs"
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
        postcard::from_bytes(payload).map_err(|error| format!("cannot be understood: {error}"))
    }

    /// Adds what `other` counted; its servers get the numbers that their names have here.
    pub fn merge(&mut self, mut other: Saved) {
        let mut index: HashMap<String, u16> = HashMap::with_capacity(self.names.len());
        index.extend(self.names.iter().cloned().zip(0..));
        let mut numbers = Vec::with_capacity(other.names.len());
        for name in other.names {
            let next = self.names.len() as u16;
            let number = *index.entry(name.clone()).or_insert(next);
            if number == next {
                self.names.push(name);
            }
            numbers.push(ServerId(number));
        }
        // The usual case: the same servers turn up in another order, or in the same.
        if numbers.iter().zip(0..).any(|(new, old)| new.0 != old) {
            let new = |old: ServerId| numbers.get(usize::from(old.0)).copied().unwrap_or(old);
            other.tally.renumber(&new);
        }
        self.tally.merge(other.tally);
        self.facts.merge(other.facts);
    }
}

/// Reads and merges all files.
///
/// # Errors
/// If one of them cannot be read; the first by order.
pub fn merge_all(paths: &[impl AsRef<Path> + Sync]) -> Result<Option<Saved>, Error> {
    // Neighbours are merged one after the other, so that few large sums meet at the end.
    let parts: Result<Vec<Option<Saved>>, Error> = paths
        .par_chunks(paths.len().div_ceil(rayon::current_num_threads()).max(1))
        .map(|paths| {
            let mut sum: Option<Saved> = None;
            for path in paths {
                let day = Saved::read(path.as_ref())?;
                match &mut sum {
                    Some(sum) => sum.merge(day),
                    None => sum = Some(day),
                }
            }
            Ok(sum)
        })
        .collect();
    Ok(parts?.into_iter().flatten().reduce(|mut a, b| {
        a.merge(b);
        a
    }))
}
