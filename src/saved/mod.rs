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
//! [`state`] keeps days from night to night, with the rows of messages that are not over.
//!
//! Servers are numbers in the tally; their names stand beside them, so days of different runs can merge.
//! Counts are exact. Percentiles come from the merged histograms, so their error is that of one run.

mod figures;
mod known;
mod manifest;
mod news;
mod reach;
mod rows;
#[cfg(test)]
mod samples;
mod sealed;
pub mod state;

use std::path::Path;

use hashbrown::HashMap;
use serde::{Deserialize, Serialize, Serializer};

use crate::error::Error;
use crate::event::ServerId;
use crate::report::Facts;
use crate::tally::Tally;
use sealed::Kind;

/// A saved day.
const DAY: Kind = Kind {
    magic: *b"WAYBILL\n",
    version: VERSION,
    what: "saved day of waybill (report --save writes them)",
    anew: "save the day anew from its logs",
};
/// Raised with every change of a field of [`Saved`] or of anything in it.
pub const VERSION: u32 = 11;

/// The sums of a run, and what it knows beside them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Saved {
    /// Names of servers by the tally's numbers.
    pub names: Vec<String>,
    pub facts: Facts,
    #[serde(serialize_with = "settled")]
    pub tally: Tally,
}

fn settled<S: Serializer>(tally: &Tally, to: S) -> Result<S::Ok, S::Error> {
    tally.settled().serialize(to)
}

impl Saved {
    /// Writes the file, whole or not at all.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        let payload = postcard::to_stdvec(self).map_err(|error| sealed::unwritten(path, &error))?;
        DAY.write(path, &[&payload])
    }

    /// Reads a file that [`Saved::write`] wrote.
    ///
    /// # Errors
    /// If it is anything else, of another version, or damaged: says which.
    pub fn read(path: &Path) -> Result<Saved, Error> {
        let bytes = sealed::read(path)?;
        Saved::from_bytes(&bytes).map_err(|why| Error(format!("{}: {why}", path.display())))
    }

    /// Understands the bytes of such a file.
    ///
    /// # Errors
    /// As for [`Saved::read`], without the name.
    pub fn from_bytes(bytes: &[u8]) -> Result<Saved, String> {
        let saved: Saved = sealed::understood(DAY.open(bytes)?)?;
        match saved.tally.is_sound() && figures::are_plausible(&saved.tally, &saved.facts) {
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
        let good = std::fs::read(&path).unwrap();
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
