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

    /// Understands the bytes of such a file.
    ///
    /// # Errors
    /// As for [`Saved::read`], without the name.
    pub fn from_bytes(bytes: &[u8]) -> Result<Saved, String> {
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
        let saved: Saved = postcard::from_bytes(payload)
            .map_err(|error| format!("cannot be understood: {error}"))?;
        match saved.tally.is_sound() {
            true => Ok(saved),
            false => Err("is damaged: its numbers do not fit together".into()),
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::Fate;
    use crate::report::{Report, ReportOptions};
    use crate::tally::TallyOptions;
    use crate::tally::samples::{message, recipient};
    use jiff::tz::TimeZone;

    /// A day of `server` with messages `ids`, the server being number `number` of its run.
    fn day(server: &str, number: u16, ids: &[String]) -> Saved {
        let mut tally = Tally::new(TallyOptions::default());
        for (minute, id) in ids.iter().enumerate() {
            let mut to = recipient("bob@own.test", Fate::Delivered);
            to.server = Some(ServerId(number));
            let mut failed = recipient("eve@own.test", Fate::Failed);
            failed.server = Some(ServerId(number));
            let mut path = message(id, minute as i64, vec![to, failed]);
            path.origin.server = Some(ServerId(number));
            tally.add(&path, 1);
        }
        tally.name_rows(&|place| format!("log:{}", place.line + 1));
        let mut names: Vec<String> = (0..number).map(|n| format!("other{n}")).collect();
        names.push(server.into());
        let facts = Facts {
            rows: 4 * ids.len() as u64,
            ..Facts::none()
        };
        Saved {
            names,
            facts,
            tally,
        }
    }

    fn report(saved: Saved) -> serde_json::Value {
        let names = |id: ServerId| saved.names[usize::from(id.0)].clone();
        let report = Report::new(&saved.tally, saved.facts, &ReportOptions::default(), &names);
        serde_json::to_value(report).unwrap()
    }

    #[test]
    fn days_of_different_runs_merge_as_if_read_at_once() {
        let ids: Vec<String> = (0..40).map(|n| format!("<{n}>")).collect();
        // The second run knew the server by another number.
        let mut sum = day("ex01", 0, &ids[..20]);
        let mut second = day("ex01", 3, &ids[..0]);
        let again = day("ex01", 3, &ids);
        second.tally = again.tally;
        second.facts.rows = 160;
        let alone = day("ex01", 0, &ids[..20]);
        let mut twice = alone.clone();
        twice.merge(day("ex01", 0, &ids));
        sum.merge(second);
        assert_eq!(report(sum), report(twice));
    }

    #[test]
    fn a_file_comes_back_as_it_was_and_anything_else_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("day.waybill");
        let saved = day("ex01", 1, &["<1>".into(), "<2>".into()]);
        saved.write(&path).unwrap();
        let back = Saved::read(&path).unwrap();
        assert_eq!(back.facts.zone, TimeZone::UTC);
        assert_eq!(report(back), report(saved));
        let good = fs::read(&path).unwrap();
        let refused = |bytes: &[u8], word: &str| {
            let why = Saved::from_bytes(bytes).unwrap_err();
            assert!(why.contains(word), "{why}");
        };
        refused(b"", "no saved day");
        refused(b"#Software: Microsoft Exchange Server", "no saved day");
        refused(&good[..20], "header");
        refused(&good[..good.len() - 1], "cut off");
        for at in [60, good.len() / 2, good.len() - 1] {
            let mut bad = good.clone();
            bad[at] ^= 1;
            refused(&bad, "checksum");
        }
        let mut newer = good.clone();
        newer[8] = 99;
        refused(&newer, "layout 99");
    }
}
