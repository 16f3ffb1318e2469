//! What a nightly run leaves for the next: days, files that were read, rows of messages that are not over.
//!
//! In: a folder. Out: [`State`], under a lock that ends with the process, and [`State::commit`], after which the folder
//! says all that the run found, or, wherever the program is ended, all that the run before it had found.
//!
//! | file | what |
//! |---|---|
//! | `lock` | empty; locked while a run works here |
//! | `state` | [`Manifest`], sealed like a saved day under the magic `WAYBILLS`; names the other files by the run that wrote them |
//! | `day-DATE.RUN.waybill` | closed messages first seen on that day, a saved day like those of `report --save` |
//! | `keys.N`, `rows.N` | segments: rows of messages that may still get more, and by which keys they are found ([`rows`](super::rows)) |
//!
//! A file is never written anew under a name that `state` holds; so the moment in which `state` is renamed is the moment in
//! which a run counts. What `state` does not name is left over from a run that was ended, and removed.
//!
//! A message is closed when its last row is older than the horizon before [`reach`]: no log will add to it. Until then its
//! rows are kept. Most messages are settled long before: every recipient has a last word. Those are counted at once, and
//! their rows are written once and read again only if a new row has their key: then the message is taken back (counts are
//! signed) and counted anew. The others are open, and read again by every run. So a run costs what is new and
//! what is open, and the sums are those of one run over all logs. If the logs of a server turn up for the first time, or
//! own domains change, settled paths may change, too: all of them are taken back and counted anew.
//!
//! Rows before the closing line that turn up later are left out and said: their messages have been counted.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use super::Saved;
use super::manifest::Kept;
use super::rows::Message;
use super::sealed::{self, Kind};
use crate::error::Error;

pub use super::manifest::{Ground, Ids, Manifest, Segments};
pub use super::news::News;
pub use super::reach::{closed_until, reach};
pub use super::rows::{Carried, Gathering, Index, Segment};

const STATE: Kind = Kind {
    magic: *b"WAYBILLS",
    version: 13,
    what: "state of waybill (report --state writes it)",
    anew: "begin a new state in an empty folder",
};
/// A state folder, locked.
pub struct State {
    folder: PathBuf,
    pub manifest: Manifest,
    /// Held while this is open; the system lets go of it when the process ends, however it ends.
    _lock: File,
}

impl State {
    /// Opens or begins a state.
    ///
    /// # Errors
    /// If another run works there, or the folder is of something else, damaged, or was begun on other terms.
    pub fn open(folder: &Path, terms: BTreeMap<String, String>) -> Result<State, Error> {
        let wrong = |why: String| Error(format!("--state {}: {why}", folder.display()));
        begin(folder).map_err(wrong)?;
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(folder.join("lock"))
            .map_err(|error| wrong(format!("cannot be written: {error}")))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(wrong("another run of waybill works there".into()));
            }
            Err(TryLockError::Error(error)) => {
                return Err(wrong(format!("cannot be locked: {error}")));
            }
        }
        let path = folder.join("state");
        let manifest = if path.exists() {
            let bytes = sealed::read(&path)?;
            let manifest: Manifest = STATE
                .open(&bytes)
                .and_then(sealed::understood)
                .map_err(|why| wrong(format!("state {why}")))?;
            same_terms(&manifest.terms, &terms).map_err(wrong)?;
            manifest
        } else {
            Manifest::begun(terms)
        };
        let state = State {
            folder: folder.to_path_buf(),
            manifest,
            _lock: lock,
        };
        state.sweep();
        Ok(state)
    }

    /// Dates of which closed messages were counted, in order.
    pub fn days(&self) -> impl Iterator<Item = &str> {
        self.manifest.days.keys().map(String::as_str)
    }

    /// Closed messages of a day.
    ///
    /// # Errors
    /// If its file is missing or damaged.
    pub fn day(&self, date: &str) -> Result<Option<Saved>, Error> {
        let run = self.manifest.days.get(date);
        run.map(|run| Saved::read(&self.day_file(date, *run)))
            .transpose()
    }

    fn day_file(&self, date: &str, run: u64) -> PathBuf {
        self.folder.join(format!("day-{date}.{run}.waybill"))
    }

    fn file(&self, what: &str, number: u64) -> PathBuf {
        self.folder.join(format!("{what}.{number}"))
    }

    /// What segments of settled messages hold, oldest first.
    ///
    /// # Errors
    /// If one cannot be read.
    pub fn indexes(&self) -> Result<Vec<Index>, Error> {
        let kept = self.manifest.settled.iter();
        kept.map(|kept| Index::read(&self.file("keys", kept.run)))
            .collect()
    }

    /// The rows of all messages that were open, read again.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn open_rows(&self) -> Result<Carried, Error> {
        let mut carried = Carried::default();
        if let Some(run) = self.manifest.open {
            let index = Index::read(&self.file("keys", run))?;
            carried.read(&self.file("rows", run), &index, |_| true)?;
        }
        Ok(carried)
    }

    /// Reads settled messages again, those with `wanted` keys; they are no longer in their segments.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn wake(
        &self,
        next: &mut Manifest,
        indexes: &[Index],
        wanted: impl Fn(u64) -> bool,
    ) -> Result<Carried, Error> {
        let mut carried = Carried::default();
        for ((kept, next), index) in self
            .manifest
            .settled
            .iter()
            .zip(&mut next.settled)
            .zip(indexes)
        {
            let wakes =
                |message: &Message| self.manifest.sleeps(kept, message) && wanted(message.key);
            carried.read(&self.file("rows", kept.run), index, wakes)?;
            let woken = index.messages.iter().filter(|message| wakes(message));
            next.woken.extend(woken.map(|message| message.key));
        }
        Ok(carried)
    }

    /// Brings what a run found to disk; `days` replace those of their dates, and `manifest` says the rest.
    ///
    /// # Errors
    /// If something cannot be written; then the state is as it was before.
    pub fn commit(
        &mut self,
        mut manifest: Manifest,
        days: &[(String, Saved)],
        segments: &Segments,
    ) -> Result<(), Error> {
        manifest.run = self.manifest.run + 1;
        manifest.days = self.manifest.days.clone();
        for (date, day) in days {
            day.write(&self.day_file(date, manifest.run))?;
            manifest.days.insert(date.clone(), manifest.run);
        }
        let closed_until = manifest.closed_until;
        let is_over = |kept: &Kept| closed_until.is_some_and(|line| kept.last < line);
        manifest.settled.retain(|kept| !is_over(kept));
        // Two segments a run, told apart by their numbers.
        let (open, settled) = (2 * manifest.run, 2 * manifest.run + 1);
        manifest.open = None;
        if !segments.open.index.messages.is_empty() {
            self.write(&segments.open, open)?;
            manifest.open = Some(open);
        }
        if let Some(last) = segments.settled.index.messages.iter().map(|m| m.last).max() {
            self.write(&segments.settled, settled)?;
            manifest.settled.push(Kept {
                run: settled,
                last,
                woken: BTreeSet::new(),
            });
        }
        let path = self.folder.join("state");
        let payload = postcard::to_stdvec(&manifest);
        let payload = payload.map_err(|error| sealed::unwritten(&path, &error))?;
        STATE.write(&path, &[&payload])?;
        self.manifest = manifest;
        self.sweep();
        Ok(())
    }

    fn write(&self, segment: &Segment, run: u64) -> Result<(), Error> {
        segment.write(&self.file("keys", run), &self.file("rows", run))
    }

    /// Removes what a run that was ended has left, and what has been replaced.
    fn sweep(&self) {
        let manifest = &self.manifest;
        let days = manifest
            .days
            .iter()
            .map(|(date, run)| self.day_file(date, *run));
        let settled = manifest.settled.iter().map(|kept| kept.run);
        let segments = settled.chain(manifest.open);
        let named: BTreeSet<PathBuf> = days
            .chain(segments.flat_map(|number| ["keys", "rows"].map(|what| self.file(what, number))))
            .collect();
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            if is_swept(&entry.file_name().to_string_lossy()) && !named.contains(&entry.path()) {
                let _ = sealed::remove(&entry.path()); // the next run tries again
            }
        }
    }
}

/// Makes the folder; refuses one that holds other things.
fn begin(folder: &Path) -> Result<(), String> {
    let mut maker = fs::DirBuilder::new();
    maker.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut maker, 0o700); // rows hold addresses and subjects
    maker
        .create(folder)
        .map_err(|error| format!("cannot be made: {error}"))?;
    let mut entries = fs::read_dir(folder).map_err(|error| format!("cannot be read: {error}"))?;
    if !folder.join("lock").exists() && entries.next().is_some() {
        return Err("holds other things; name an empty folder".into());
    }
    Ok(())
}

/// Whether a file of this name was written by a state and may be removed once nothing names it.
fn is_swept(name: &str) -> bool {
    let by_run = |name: &str| name.bytes().all(|b| b.is_ascii_digit()) && !name.is_empty();
    let is_day = name
        .strip_prefix("day-")
        .is_some_and(|n| n.ends_with(".waybill"));
    let number = name.strip_prefix("rows.").or(name.strip_prefix("keys."));
    is_day || name.contains(".partial-") || number.is_some_and(by_run)
}

fn same_terms(was: &BTreeMap<String, String>, is: &BTreeMap<String, String>) -> Result<(), String> {
    let other = was
        .iter()
        .find(|(flag, value)| is.get(*flag) != Some(*value));
    other.map_or(Ok(()), |(flag, value)| {
        let now = is.get(flag).map_or("nothing", String::as_str);
        Err(format!(
            "was begun with {flag} {value}, and now it is {now}; go on as before, or begin a new state in an empty folder"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Place;
    use crate::join;
    use crate::keys::Keys;
    use crate::plan::Plan;
    use crate::report::Facts;
    use crate::row::Row;
    use crate::saved::samples::{LOG, inputs, planned};
    use crate::saved::sealed::killed;
    use crate::servers::Servers;
    use crate::tally::Tally;
    use crate::time::Time;

    /// The second and third row of the log, each a message.
    fn segments() -> Segments {
        let (inputs, plan) = planned();
        let layouts = [(*plan.chunks[0].layout).clone()];
        let ground = join::Ground {
            slices: vec![crate::plan::slice(&inputs, &plan.chunks[0], 0)],
            layouts: layouts.to_vec(),
            servers: Servers::default(),
            keys: Keys::default(),
        };
        let starts: Vec<usize> = LOG.match_indices("2026").map(|(at, _)| at).collect();
        let mut gathering = Gathering::new(&inputs);
        for (key, at) in [(7, 1), (8, 2)] {
            let mut row = Row::blank(0);
            row.offset = starts[at] as u32;
            row.line = at as u32 + 1;
            row.len = LOG[starts[at]..].find('\r').unwrap() as u32;
            row.time = Time(key as i64);
            gathering.add(key, &[&row], &ground);
        }
        let settled = Segment::of(vec![gathering], &inputs, &plan.chunks, &layouts);
        let gathering = Gathering::new(&inputs);
        Segments {
            open: Segment::of(vec![gathering], &inputs, &plan.chunks, &layouts),
            settled,
        }
    }

    /// What a run finds: so many rows on one day.
    fn commit(state: &mut State, rows: u64) -> Result<(), Error> {
        let facts = Facts {
            rows,
            ..Facts::none()
        };
        let day = Saved {
            names: Vec::new(),
            facts,
            tally: Tally::default(),
        };
        let days = [("2026-03-02".to_string(), day)];
        state.commit(state.manifest.clone(), &days, &segments())
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let names = entries.map(|e| e.unwrap().file_name().to_string_lossy().into_owned());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    #[test]
    fn a_run_that_is_ended_anywhere_counts_wholly_or_not_at_all() {
        let mut ends = BTreeMap::new();
        for steps in 0.. {
            let folder = tempfile::tempdir().unwrap();
            let mut state = State::open(folder.path(), BTreeMap::new()).unwrap();
            commit(&mut state, 10).unwrap();
            killed::after(Some(steps));
            let done = commit(&mut state, 20);
            killed::after(None);
            drop(state);
            let state = State::open(folder.path(), BTreeMap::new()).unwrap();
            let run = state.manifest.run;
            *ends.entry(run).or_insert(0) += 1;
            let day = state.day("2026-03-02").unwrap().unwrap();
            assert_eq!(day.facts.rows, 10 * run, "ended after {steps} steps");
            let indexes = state.indexes().unwrap();
            assert_eq!(state.manifest.sleeping(&indexes), (2 * run, 2 * run));
            let mut want = vec![
                format!("day-2026-03-02.{run}.waybill"),
                "lock".into(),
                "state".into(),
            ];
            let numbers =
                (1..=run).flat_map(|run| ["keys", "rows"].map(|w| format!("{w}.{}", 2 * run + 1)));
            want.extend(numbers);
            want.sort();
            assert_eq!(names(folder.path()), want, "ended after {steps} steps");
            if done.is_ok() {
                break;
            }
        }
        // Four files, each made, written in two or three parts, synced, renamed, and their folder synced.
        assert!(ends[&1] > 15 && ends[&2] > 0, "{ends:?}");
    }

    #[test]
    fn rows_that_are_read_again_keep_their_order_and_their_place() {
        let folder = tempfile::tempdir().unwrap();
        let mut state = State::open(folder.path(), BTreeMap::new()).unwrap();
        commit(&mut state, 1).unwrap();
        let indexes = state.indexes().unwrap();
        let mut next = state.manifest.clone();
        let one = state.wake(&mut next, &indexes, |key| key == 8).unwrap();
        assert_eq!(next.sleeping(&indexes), (1, 1));
        let mut both = state.wake(&mut next, &indexes, |key| key == 7).unwrap();
        assert_eq!(next.sleeping(&indexes), (0, 0));
        assert!(state.open_rows().unwrap().is_empty());
        both.extend(one);
        let mut inputs = inputs();
        inputs.offsets = true;
        both.add_to(&mut inputs);
        let plan = Plan::new(&mut inputs, 1 << 20);
        assert!(inputs.files[0].is_carried() && !inputs.files[1].is_carried());
        assert_eq!(plan.bytes, LOG.len() as u64);
        let log = inputs.files[0].bytes();
        let starts: Vec<usize> = LOG.match_indices("2026").map(|(at, _)| at).collect();
        for (at, was, line) in [
            (LOG.find("\r\n").unwrap() + 2, starts[1], 3),
            (log.len() - 9, starts[2], 4),
        ] {
            let place = Place {
                file: 0,
                offset: at as u64,
                line: 7,
            };
            assert_eq!(inputs.evidence(place), format!("ex/a.log:{line}@{was}"));
        }
        // Damage is found before anything is counted by it.
        for name in ["keys.3", "rows.3"] {
            let path = folder.path().join(name);
            let good = fs::read(&path).unwrap();
            let mut bad = good.clone();
            *bad.last_mut().unwrap() ^= 1;
            fs::write(&path, bad).unwrap();
            let woken = state
                .indexes()
                .and_then(|indexes| state.wake(&mut state.manifest.clone(), &indexes, |_| true));
            let said = woken.unwrap_err().0;
            assert!(said.contains("damaged"), "{said}");
            fs::write(&path, good).unwrap();
        }
    }
}
