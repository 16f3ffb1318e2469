//! What is new in files that an earlier run may have read.
//!
//! In: inputs and what the state knows of files. Out: the inputs with what is new in them alone, [`News`]; after the
//! run what is known now.

use std::collections::BTreeSet;

use hashbrown::HashMap;

use super::known::{Index, Known};
use super::state::{Manifest, State};
use crate::dialect::{self, Detected, Layout};
use crate::input::source::Stamp;
use crate::input::{Inputs, LogFile, Part};
use crate::join::shard::LATE;
use crate::plan::{self, Plan};
use crate::time::Time;

/// What is new.
pub struct News {
    /// All files that were there, read or not.
    pub names: Vec<String>,
    /// Files without anything new.
    pub unchanged: u64,
    /// What is to be said about files.
    pub notes: Vec<String>,
    /// Files that are not there any more although they would have to be read once more.
    pub gone: Vec<String>,
    /// Files and bytes at which rows begin that were read torn, as if no more would come of them, and go on now.
    pub regrown: BTreeSet<(String, u64)>,
    known: Vec<Known>,
    /// Those that are read as a whole once more.
    again: Vec<Known>,
    claimed: BTreeSet<usize>,
}

/// By which a file that holds one log is known again.
fn stamp(inputs: &Inputs, log: &LogFile) -> Option<Stamp> {
    let source = &inputs.sources[log.source as usize];
    source.stamp().filter(|_| *source.name() == log.name)
}

impl State {
    /// Files that need not be opened if nothing was written to them: read to their end, and not needed once more.
    pub fn stamps(&self) -> HashMap<String, Stamp> {
        let mut stamps = HashMap::new();
        for known in &self.manifest.files {
            let is_read = known.read == known.length && !known.needed;
            match known.stamp.filter(|_| is_read) {
                Some(stamp) => stamps.insert(known.name.clone(), stamp),
                // Of several that had one name it is the last that has it.
                None => stamps.remove(&known.name),
            };
        }
        stamps
    }

    /// Leaves of the inputs what was not read before.
    pub fn news(&self, inputs: &mut Inputs) -> News {
        let index = Index::new(&self.manifest.files);
        let mut news = News {
            names: Vec::new(),
            unchanged: 0,
            notes: Vec::new(),
            gone: Vec::new(),
            regrown: BTreeSet::new(),
            known: Vec::new(),
            again: Vec::new(),
            claimed: BTreeSet::new(),
        };
        for name in std::mem::take(&mut inputs.untouched) {
            if let Some(i) = index.named(&name) {
                news.claimed.insert(i);
                news.known.push(self.manifest.files[i].clone());
                news.unchanged += 1;
            }
            news.names.push(name);
        }
        let mut changed = Vec::new();
        for mut log in std::mem::take(&mut inputs.files) {
            news.names.push(log.name.to_string());
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
                Some(_) if !part.header.is_empty() => dialect::detect(&part.header),
                _ => dialect::detect(log.bytes()),
            };
            let Detected::Log(layout) = detected else {
                inputs.files.push(log); // said by the plan
                continue;
            };
            let length = log.bytes().len();
            let torn = torn_row(&layout, &log.bytes()[..part.from]);
            if let Some(begin) = torn {
                let again = &log.bytes()[begin..part.from];
                part.lines -= memchr::memchr_iter(b'\n', again).count() as u64;
                (part.counted, part.from) = (part.from, begin);
            }
            part.until = dialect::whole(&layout, log.bytes(), part.from);
            if known.is_some_and(|known| self.is_left(known, length)) {
                part.until = length;
            }
            let is_new = part.until > part.from.max(part.counted);
            if let Some(begin) = torn.filter(|_| is_new) {
                news.regrown.insert((log.name.to_string(), begin as u64));
            }
            let known = known.map(|known| Known {
                name: log.name.to_string(),
                length: length as u64,
                stamp: stamp(inputs, &log),
                since: known.since.filter(|_| known.length == length as u64),
                ..known.clone()
            });
            news.unchanged += u64::from(!is_new && known.is_some());
            let is_needed = known.as_ref().is_some_and(|known| known.needed);
            if !dialect::stands_alone(&layout) && (is_new || is_needed) {
                // Its rows do not stand by themselves: what was counted is read once more.
                (part.counted, part.from, part.lines) = (part.from, 0, 0);
                part.until = part.until.max(part.counted);
                news.again.extend(known);
                log.part = Some(Box::new(part));
                inputs.files.push(log);
            } else if is_new {
                log.part = Some(Box::new(part));
                inputs.files.push(log);
            } else {
                news.known.extend(known);
            }
        }
        for i in changed.into_iter().filter(|i| !news.claimed.contains(i)) {
            let name = &self.manifest.files[i].name;
            news.notes.push(format!(
                "{name} does not begin with what was read of it before: it is read from its beginning"
            ));
        }
        let gone = (0..).zip(&self.manifest.files);
        for (i, known) in gone.filter(|(_, known)| known.needed) {
            if !news.claimed.contains(&i) {
                news.notes.push(format!(
                    "{} is gone, and messages in it were not over: logs of its kind must stay for the horizon",
                    known.name
                ));
                news.gone.push(known.name.clone());
            }
        }
        news
    }

    /// Whether a torn last row is all there will be of it: the file is as long as it was, while the logs went on for
    /// longer than any server takes to write a row to its end.
    fn is_left(&self, known: &Known, length: usize) -> bool {
        let went_on = |since: Time| self.manifest.reach >= Some(Time(since.0 + LATE));
        known.length == length as u64 && known.since.is_some_and(went_on)
    }
}

/// Where the last row begins of what was read of a file, if it was torn.
fn torn_row(layout: &Layout, read: &[u8]) -> Option<usize> {
    let is_torn = dialect::stands_alone(layout) && read.last().is_some_and(|b| *b != b'\n');
    is_torn.then(|| dialect::record_start(layout, read, read.len() - 1))
}

impl Manifest {
    /// Notes how far files were read; `needed` are those that the next run must read as a whole.
    pub fn note_files(
        &mut self,
        news: &News,
        inputs: &Inputs,
        plan: &Plan,
        (reach, needed): (Option<Time>, &BTreeSet<u32>),
    ) {
        let (before, headers) = (
            std::mem::take(&mut self.files),
            std::mem::take(&mut self.headers),
        );
        let header_of = |known: &Known| headers[known.header as usize].clone();
        let mut files: Vec<(Known, Vec<u8>)> = Vec::new();
        for known in &news.known {
            files.push((known.clone(), header_of(known)));
        }
        for chunk in &plan.chunks {
            let log = &inputs.files[chunk.file as usize];
            let (range, part) = (log.range(), log.part.as_ref());
            let is_kept = part.is_some_and(|part| !part.carried.is_empty());
            if is_kept || chunk.end != range.end {
                continue;
            }
            let lines = memchr::memchr_iter(b'\n', &log.bytes()[range.clone()]).count() as u64;
            let before = news.again.iter().find(|known| *known.name == *log.name);
            let known = Known {
                since: before.and_then(|known| known.since),
                needed: needed.contains(&chunk.file),
                lines: log.part.as_ref().map_or(0, |part| part.lines) + lines,
                stamp: stamp(inputs, log),
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
}
