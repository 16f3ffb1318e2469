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
//! | `rows.RUN` | rows of open messages under the magic `WAYBILLR`: their files in postcard's wire format, their text behind it as an LZ4 frame |
//!
//! A file is never written anew under a name that `state` holds; so the moment in which `state` is renamed is the moment in
//! which a run counts. What `state` does not name is left over from a run that was ended, and removed.
//!
//! A message is closed when its last row is older than the horizon before [`reach`]: no log will add to it. Until then its
//! rows are carried. So the sums of closed messages and of the rows that are carried are those of one run over all
//! logs. Rows before the closing line that turn up later are left out and said: their messages have been counted.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Saved;
use super::known::{Index, Known};
use super::sealed::{self, Kind};
use crate::dialect::{self, Detected};
use crate::error::Error;
use crate::input::{Inputs, Part};
use crate::join::shard::LATE;
use crate::keys::{Keys, Service};
use crate::plan::{self, Plan, slice};
use crate::report::Facts;
use crate::servers::{Coverage, Servers};
use crate::time::{DAY, Time};

pub use super::carried::{Carried, Kept};

const STATE: Kind = Kind {
    magic: *b"WAYBILLS",
    version: 1,
    what: "state of waybill (report --state writes it)",
    anew: "begin a new state in an empty folder",
};
const ROWS: Kind = Kind {
    magic: *b"WAYBILLR",
    version: 1,
    what: "file of rows of a state of waybill",
    anew: "begin a new state in an empty folder",
};
/// So much of the end of a file is looked at to tell how far its server's logs go.
const END_BYTES: usize = 64 << 10;

/// What is known after a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// Settings that must stay as they were: figures of different ones do not add up.
    pub terms: BTreeMap<String, String>,
    /// How many runs there were.
    pub run: u64,
    /// Messages whose last row is earlier are closed.
    pub closed_until: Option<Time>,
    /// How far the logs went ([`reach`]).
    pub reach: Option<Time>,
    /// All servers that rows named, and what was read of them.
    pub servers: Vec<(Vec<u8>, Coverage)>,
    /// Own domains as guessed so far.
    pub domains: Vec<String>,
    /// What all runs read; servers stand above.
    pub facts: Facts,
    files: Vec<Known>,
    headers: Vec<Vec<u8>>,
    /// Date, and the run that wrote its file.
    days: BTreeMap<String, u64>,
    /// The run that wrote the rows.
    rows: Option<u64>,
}

/// A state folder, locked.
pub struct State {
    folder: PathBuf,
    pub manifest: Manifest,
    /// Held while this is open; the system lets go of it when the process ends, however it ends.
    _lock: File,
}

/// What is new.
pub struct News {
    /// All files that were there, read or not.
    pub names: Vec<String>,
    /// Files without anything new.
    pub unchanged: u64,
    /// What is to be said about files.
    pub notes: Vec<String>,
    /// Files that cannot be read in parts, and why.
    pub refused: Vec<(String, String)>,
    known: Vec<Known>,
    claimed: BTreeSet<usize>,
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
            Manifest {
                terms,
                run: 0,
                closed_until: None,
                reach: None,
                servers: Vec::new(),
                domains: Vec::new(),
                facts: Facts::none(),
                files: Vec::new(),
                headers: Vec::new(),
                days: BTreeMap::new(),
                rows: None,
            }
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

    fn rows_file(&self, run: u64) -> PathBuf {
        self.folder.join(format!("rows.{run}"))
    }

    /// Leaves of the inputs what was not read before, and adds the rows that are carried.
    ///
    /// # Errors
    /// If the rows cannot be read.
    pub fn take_in(&self, inputs: &mut Inputs) -> Result<News, Error> {
        let news = self.news(inputs);
        if let Some(run) = self.manifest.rows {
            let path = self.rows_file(run);
            let bytes = sealed::read(&path)?;
            let carried = ROWS.open(&bytes).and_then(Carried::unpacked);
            let carried = carried.map_err(|why| Error(format!("{}: {why}", path.display())))?;
            carried.add_to(inputs);
        }
        Ok(news)
    }

    fn news(&self, inputs: &mut Inputs) -> News {
        let index = Index::new(&self.manifest.files);
        let mut news = News {
            names: Vec::new(),
            unchanged: 0,
            notes: Vec::new(),
            refused: Vec::new(),
            known: Vec::new(),
            claimed: BTreeSet::new(),
        };
        let mut changed = Vec::new();
        for mut log in std::mem::take(&mut inputs.files) {
            news.names.push(log.name.clone());
            let found = index.find(&log.name, log.bytes());
            match found {
                Some(i) => drop(news.claimed.insert(i)),
                None => changed.extend(index.named(&log.name)),
            }
            let known = found.map(|i| &self.manifest.files[i]);
            let mut part = known.map_or_else(Part::default, |known| Part {
                from: known.read as usize,
                lines: known.lines,
                header: self.manifest.headers[known.header as usize].clone(),
                ..Part::default()
            });
            let detected = match known {
                Some(_) => dialect::detect(&part.header),
                None => dialect::detect(log.bytes()),
            };
            let Detected::Log(layout) = detected else {
                inputs.files.push(log); // said by the plan
                continue;
            };
            if dialect::header(&layout).is_none() {
                let why = format!(
                    "{} cannot be read in parts, without --state it can",
                    layout.name()
                );
                news.refused.push((log.name.clone(), why));
                continue;
            }
            let length = log.bytes().len();
            part.until = dialect::whole(&layout, log.bytes(), part.from);
            if known.is_some_and(|known| self.is_left(known, length)) {
                part.until = length;
            }
            if part.until > part.from {
                log.part = Some(part);
                inputs.files.push(log);
            } else if let Some(known) = known {
                news.unchanged += 1;
                let has_grown = known.length != length as u64;
                news.known.push(Known {
                    name: log.name.clone(),
                    length: length as u64,
                    since: known.since.filter(|_| !has_grown),
                    ..known.clone()
                });
            }
        }
        for i in changed.into_iter().filter(|i| !news.claimed.contains(i)) {
            let name = &self.manifest.files[i].name;
            news.notes.push(format!(
                "{name} does not begin with what was read of it before: it is read from its beginning"
            ));
        }
        news
    }

    /// Whether a torn last row is all there will be of it: the file is as long as it was, while the logs went on for
    /// longer than any server takes to write a row to its end.
    fn is_left(&self, known: &Known, length: usize) -> bool {
        let went_on = |since: Time| self.manifest.reach >= Some(Time(since.0 + LATE));
        known.length == length as u64 && known.since.is_some_and(went_on)
    }

    /// Brings what a run found to disk; `days` replace those of their dates, and `manifest` says the rest.
    ///
    /// # Errors
    /// If something cannot be written; then the state is as it was before.
    pub fn commit(
        &mut self,
        mut manifest: Manifest,
        days: &[(String, Saved)],
        carried: &Carried,
    ) -> Result<(), Error> {
        manifest.run = self.manifest.run + 1;
        manifest.days = self.manifest.days.clone();
        for (date, day) in days {
            day.write(&self.day_file(date, manifest.run))?;
            manifest.days.insert(date.clone(), manifest.run);
        }
        let path = self.rows_file(manifest.run);
        let (index, text) = carried
            .packed()
            .map_err(|why| sealed::unwritten(&path, &why))?;
        ROWS.write(&path, &[&index, &text])?;
        manifest.rows = Some(manifest.run);
        let path = self.folder.join("state");
        let payload = postcard::to_stdvec(&manifest);
        let payload = payload.map_err(|error| sealed::unwritten(&path, &error))?;
        STATE.write(&path, &[&payload])?;
        self.manifest = manifest;
        self.sweep();
        Ok(())
    }

    /// Removes what a run that was ended has left, and what has been replaced.
    fn sweep(&self) {
        let manifest = &self.manifest;
        let days = manifest
            .days
            .iter()
            .map(|(date, run)| self.day_file(date, *run));
        let named: BTreeSet<PathBuf> = days
            .chain(manifest.rows.map(|run| self.rows_file(run)))
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
    is_day || name.contains(".partial-") || name.strip_prefix("rows.").is_some_and(by_run)
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

impl Manifest {
    /// Notes how far files were read.
    pub fn note_files(&mut self, news: &News, inputs: &Inputs, plan: &Plan, reach: Option<Time>) {
        let (before, headers) = (
            std::mem::take(&mut self.files),
            std::mem::take(&mut self.headers),
        );
        let header_of = |known: &Known| headers[known.header as usize].clone();
        let mut files: Vec<(Known, Vec<u8>)> = Vec::new();
        for known in &news.known {
            files.push((known.clone(), header_of(known)));
        }
        for chunk in plan.chunks.iter().filter(|chunk| !chunk.carried) {
            let log = &inputs.files[chunk.file as usize];
            let range = log.range();
            if chunk.end != range.end {
                continue;
            }
            let lines = memchr::memchr_iter(b'\n', &log.bytes()[range.clone()]).count() as u64;
            let known = Known {
                lines: log.part.as_ref().map_or(0, |part| part.lines) + lines,
                ..Known::new(&log.name, log.bytes(), range.end)
            };
            let layout = plan::layout_behind(chunk, log.bytes());
            files.push((known, dialect::header(&layout).unwrap_or_default()));
        }
        for (known, _) in &mut files {
            known.there = reach;
            known.since = known.since.or(reach);
        }
        self.reach = reach;
        // What is gone may come back until its rows would be too late.
        for (i, known) in before.iter().enumerate() {
            let in_time = known.there.is_none() || known.there >= self.closed_until;
            if !news.claimed.contains(&i) && in_time {
                files.push((known.clone(), header_of(known)));
            }
        }
        for (mut known, header) in files {
            let at = self.headers.iter().position(|h| *h == header);
            known.header = at.unwrap_or_else(|| {
                self.headers.push(header);
                self.headers.len() - 1
            }) as u32;
            self.files.push(known);
        }
    }

    /// How many files are known.
    pub fn files(&self) -> usize {
        self.files.len()
    }
}

/// How far the logs of all servers go: the earliest last row of any server's service. Servers that are silent for longer
/// than `silence` are not waited for, and times after `now` are believed for a day.
pub fn reach(
    inputs: &Inputs,
    plan: &Plan,
    earlier: &Servers,
    silence: i64,
    now: Time,
) -> Option<Time> {
    let mut ends = earlier.clone();
    let keys = Keys::default();
    for chunk in plan.chunks.iter().filter(|chunk| !chunk.carried) {
        let log = &inputs.files[chunk.file as usize];
        if chunk.end == log.range().end {
            let data = &log.bytes()[..chunk.end];
            let from = chunk.start.max(chunk.end.saturating_sub(END_BYTES));
            let from = dialect::next_record(&chunk.layout, data, from).max(chunk.start);
            let end = dialect::Slice {
                data: &data[from..],
                start: from as u64,
                ..slice(inputs, chunk, 0)
            };
            ends.merge(dialect::parse(end, &chunk.layout, &keys).seen);
        }
    }
    let servers = ends.read();
    let last = |service: Service| {
        servers
            .iter()
            .filter_map(move |(_, c)| c.last[service as usize])
    };
    let lasts: Vec<Time> = Service::ALL.into_iter().flat_map(last).collect();
    let latest = lasts
        .iter()
        .filter(|last| last.0 <= now.0.saturating_add(DAY))
        .max()?;
    let alive = lasts.iter().filter(|last| last.0 >= latest.0 - silence);
    alive.min().copied()
}

/// The closing line that follows from how far the logs go.
pub fn closed_until(reach: Option<Time>, before: Option<Time>, horizon: i64) -> Option<Time> {
    let line = reach.map(|reach| Time(reach.0 - horizon - LATE));
    line.max(before)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Place;
    use crate::saved::sealed::killed;
    use crate::tally::Tally;

    const LOG: &str = "#Fields: date-time,event-id,message-id,server-hostname,source\r\n\
                       2026-03-02T09:00:00.000Z,RECEIVE,<a@b>,EX01,SMTP\r\n\
                       2026-03-02T09:00:01.000Z,SEND,<a@b>,EX01,SMTP\r\n\
                       2026-03-02T09:00:02.000Z,RECEIVE,<c@d>,EX02,SMTP\r\n";

    fn inputs() -> (Inputs, Plan) {
        let file = ("ex/a.log".to_string(), LOG.as_bytes().to_vec());
        let mut inputs = Inputs::from_memory(vec![file]);
        let plan = Plan::new(&mut inputs, 1 << 20);
        (inputs, plan)
    }

    /// The second and third row of the log.
    fn carried() -> Carried {
        let (inputs, plan) = inputs();
        let starts = LOG
            .match_indices("2026")
            .map(|(at, _)| at)
            .collect::<Vec<_>>();
        let kept = [1, 2].map(|row: usize| Kept {
            place: Place {
                file: 0,
                offset: starts[row] as u64,
                line: row as u32 + 1,
            },
            len: LOG[starts[row]..].find('\r').unwrap() as u32,
            layout: 0,
        });
        Carried::of(kept.to_vec(), &inputs, &[plan.chunks[0].layout.clone()])
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
        state.commit(state.manifest.clone(), &days, &carried())
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
            let mut inputs = Inputs::default();
            state.take_in(&mut inputs).unwrap();
            assert_eq!(inputs.files.len(), 1);
            let want = [
                format!("day-2026-03-02.{run}.waybill"),
                "lock".into(),
                format!("rows.{run}"),
                "state".into(),
            ];
            assert_eq!(names(folder.path()), want, "ended after {steps} steps");
            if done.is_ok() {
                break;
            }
        }
        // Three files, each made, written in two or three parts, synced, renamed, and their folder synced.
        assert!(ends[&1] > 15 && ends[&2] > 0, "{ends:?}");
    }

    #[test]
    fn carried_rows_keep_their_order_and_their_place() {
        let (index, text) = carried().packed().unwrap();
        let back = Carried::unpacked(&[index.clone(), text].concat()).unwrap();
        assert_eq!(back, carried());
        assert!(Carried::unpacked(&index).is_err());
        let (mut inputs, _) = inputs();
        back.add_to(&mut inputs);
        let plan = Plan::new(&mut inputs, 1 << 20);
        assert!(inputs.files[0].is_carried() && !inputs.files[1].is_carried());
        assert_eq!(plan.bytes, LOG.len() as u64);
        let log = inputs.files[0].bytes();
        for (at, line) in [
            (LOG[..LOG.find("\r\n").unwrap()].len() + 2, 3),
            (log.len() - 9, 4),
        ] {
            let place = Place {
                file: 0,
                offset: at as u64,
                line: 7,
            };
            assert_eq!(inputs.evidence(place), format!("ex/a.log:{line}"));
        }
    }

    #[test]
    fn logs_reach_as_far_as_the_slowest_server_that_is_alive() {
        let (inputs, plan) = inputs();
        let at = |text: &str| crate::time::parse_iso(text.as_bytes()).unwrap();
        let now = at("2026-03-02T10:00:00Z");
        let reached = |earlier: &Servers| reach(&inputs, &plan, earlier, DAY, now).unwrap();
        assert_eq!(reached(&Servers::default()), at("2026-03-02T09:00:01Z"));
        let server = |name: &[u8], last: &str| {
            let mut coverage = Coverage {
                rows: 1,
                ..Coverage::default()
            };
            coverage.last[0] = Some(at(last));
            Servers::of(vec![(name.to_vec(), coverage)])
        };
        assert_eq!(
            reached(&server(b"late", "2026-03-01T22:00:00Z")),
            at("2026-03-01T22:00:00Z")
        );
        for (of, last) in [
            ("gone", "2026-02-20T22:00:00Z"),
            ("from the future", "2031-01-01T00:00:00Z"),
        ] {
            assert_eq!(
                reached(&server(of.as_bytes(), last)),
                at("2026-03-02T09:00:01Z"),
                "{of}"
            );
        }
        let line = closed_until(Some(now), None, DAY);
        assert_eq!(line, Some(at("2026-03-01T04:00:00Z")));
        assert_eq!(closed_until(None, line, DAY), line);
        assert_eq!(
            closed_until(Some(at("2026-01-01T00:00:00Z")), line, DAY),
            line
        );
    }
}
