//! What is read, and in which pieces.
//!
//! In: inputs. Out: [`Plan`]: the chunks of every tracking log, each beginning and ending at a record border with the
//! layout that is in force there, and the files that were passed over. The same bytes give the same chunks
//! for a given chunk size, and the same answer for every chunk size.

mod clocks;
mod windows;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use bstr::{BString, ByteSlice};
use bumpalo::Bump;
use rayon::prelude::*;

use crate::address::{bare_id, domain, short_host};
use crate::dialect::{self, Aim, Detected, Layout, Slice};
use crate::event::{Event, Role};
use crate::input::source::Source;
use crate::input::{Inputs, LogFile};
use crate::join::Ground;
use crate::keys::Keys;
use crate::servers::{Servers, dns_suffix};
use crate::time::Time;
use crate::watch::{Lap, Watch};
pub use windows::WINDOW_BYTES;

/// Chunks are about this long unless said otherwise: short against a window, so that a window holds the same
/// stretch of time of all servers, and long against the cost of starting one.
pub const CHUNK_BYTES: usize = 2 << 20;
/// So many files are looked at before what was found of them is put away: a list of all would leave a large hole in
/// memory.
const AT_ONCE: usize = 512;
/// A chunk's earliest row is looked for at every so many bytes.
const LOOK_EVERY: usize = 256 << 10;
/// The survey looks at this much of the beginning of every file,
const SAMPLE_BYTES: usize = 64 << 10;
/// at the beginning of every such stretch of a longer one,
const SAMPLE_EVERY: usize = 16 << 20;
/// more often in a track history, which may hold the logs of many servers one after the other,
const SAMPLE_HISTORY_EVERY: usize = 1 << 20;
/// and at everything if it is little.
const SMALL_BYTES: u64 = 16 << 20;

/// A stretch of a file that begins and ends at record borders.
#[derive(Clone, Debug)]
pub struct Chunk {
    pub file: u32,
    pub start: usize,
    pub end: usize,
    /// In force at its first byte; if a header inside the file binds another, known once what is before was read.
    pub layout: Arc<Layout>,
    /// Time of its earliest row.
    pub time: Option<Time>,
    /// Number of the chunk that follows it in its file.
    pub next: Option<u32>,
    /// Rows that an earlier run has read and counted.
    pub carried: bool,
}

/// All chunks in the order of time, and what was left out.
#[derive(Debug, Default)]
pub struct Plan {
    pub chunks: Vec<Chunk>,
    /// File index and what it is instead, in words.
    pub passed_over: Vec<(u32, String)>,
    /// File index and why it must not be read.
    pub refused: Vec<(u32, String)>,
    /// Files that end exactly where an export of Exchange Online is cut off.
    pub at_limit: Vec<u32>,
    /// Files without any bytes but white space.
    pub empty: Vec<u32>,
    pub bytes: u64,
    /// How long it took to make it.
    pub took: Lap,
    /// How long it took to search the logs for what is planned, if that was tried.
    pub searched: Option<Lap>,
}

impl Plan {
    /// Tells every file's format and cuts it.
    pub fn new(inputs: &mut Inputs, chunk_bytes: usize) -> Plan {
        let mut watch = Watch::start();
        let today = Time(jiff::Timestamp::now().as_microsecond());
        let (assumed, sources) = (&inputs.assumed, &inputs.sources);
        let look = |(file, log): (usize, &LogFile)| {
            let mut detected = detect(log);
            if let Detected::Log(layout) = &mut detected {
                let written = sources.get(log.source as usize).and_then(|s| s.written);
                let latest = written.unwrap_or(today).min(today);
                dialect::assume(layout, log.bytes(), assumed, latest);
            }
            let chunks = match &detected {
                Detected::Log(layout) => cut(log, file as u32, layout, chunk_bytes.max(1)),
                _ => Vec::new(),
            };
            (detected, chunks)
        };
        let mut plan = Plan::default();
        plan.chunks.reserve_exact(inputs.files.len());
        for first in (0..inputs.files.len()).step_by(AT_ONCE) {
            let files = first..inputs.files.len().min(first + AT_ONCE);
            let logs = files
                .clone()
                .into_par_iter()
                .map(|file| (file, &inputs.files[file]));
            let cut: Vec<(Detected, Vec<Chunk>)> = logs.map(look).collect();
            for (file, (detected, chunks)) in files.zip(cut) {
                plan.take(file as u32, &mut inputs.files[file], detected, chunks);
            }
        }
        plan.name_servers(inputs);
        plan.chunks.shrink_to_fit();
        plan.set_clocks(inputs);
        plan.order();
        plan.mark(inputs);
        plan.took = watch.lap();
        plan
    }

    /// Takes in what a file is. A layout is kept once that chunks after each other have: thousands of files have the same.
    fn take(&mut self, file: u32, log: &mut LogFile, detected: Detected, chunks: Vec<Chunk>) {
        match detected {
            Detected::Log(layout) => {
                if !log.is_carried() {
                    self.bytes += log.new_bytes();
                }
                if dialect::is_at_limit(&layout, log.bytes()) {
                    self.at_limit.push(file);
                }
                log.server = dialect::file_server(&layout, log.bytes(), &log.name);
            }
            Detected::Refused(why) => self.refused.push((file, why)),
            Detected::Other(what) => self.passed_over.push((file, what)),
            Detected::Empty => self.empty.push(file),
        }
        for mut chunk in chunks {
            match self.chunks.last() {
                Some(last) if *last.layout == *chunk.layout => chunk.layout = last.layout.clone(),
                _ => {}
            }
            self.chunks.push(chunk);
        }
    }

    /// Files of one folder that do not name the server that wrote them are of the one that others there name.
    fn name_servers(&self, inputs: &mut Inputs) {
        let of_one = |chunk: &&Chunk| dialect::has_one_server(&chunk.layout);
        let files: BTreeSet<u32> = self.chunks.iter().filter(of_one).map(|c| c.file).collect();
        let folder = |inputs: &Inputs, file: u32| {
            let log = &inputs.files[file as usize];
            let within = log
                .name
                .rsplit_once(['/', '\\'])
                .map(|(folder, _)| folder.to_owned());
            let source = inputs.sources.get(log.source as usize);
            (source.map(Source::folder), within)
        };
        let mut known: BTreeMap<_, BTreeSet<BString>> = BTreeMap::new();
        for &file in &files {
            let name = &inputs.files[file as usize].server;
            let names = known.entry(folder(inputs, file)).or_default();
            names.extend(Some(name.clone()).filter(|name| !name.is_empty()));
        }
        for file in files {
            let names = &known[&folder(inputs, file)];
            let log = &mut inputs.files[file as usize];
            if log.server.is_empty() {
                log.server = match names.first().filter(|_| names.len() == 1) {
                    Some(name) => name.clone(),
                    None => dialect::foreign::folder_server(&log.name),
                };
            }
        }
    }

    /// Brings chunks in the order of time.
    pub fn order(&mut self) {
        self.chunks
            .sort_by_key(|chunk| (chunk.time, chunk.file, chunk.start));
        self.number();
    }

    /// Tells every chunk which one follows it in its file.
    pub fn number(&mut self) {
        let by_place = self.by_place();
        let place = |chunk: &Chunk| (chunk.file, chunk.end);
        for (i, &at) in by_place.iter().enumerate() {
            let next = by_place.get(i + 1).copied().filter(|&next| {
                let next = &self.chunks[next as usize];
                (next.file, next.start) == place(&self.chunks[at as usize])
            });
            self.chunks[at as usize].next = next;
        }
    }

    /// Tells the inputs where chunks begin: rows know their line only from there.
    pub fn mark(&self, inputs: &mut Inputs) {
        inputs.files.iter_mut().for_each(|log| log.set_chunks(&[]));
        let by_place = self.by_place();
        let file = |at: &u32| self.chunks[*at as usize].file;
        let mut starts = Vec::new();
        for of_file in by_place.chunk_by(|a, b| file(a) == file(b)) {
            starts.clear();
            starts.extend((of_file.iter()).map(|at| self.chunks[*at as usize].start as u64));
            inputs.files[file(&of_file[0]) as usize].set_chunks(&starts);
        }
    }

    /// Numbers of the chunks in the order of files and of their bytes.
    fn by_place(&self) -> Vec<u32> {
        let mut by_place: Vec<u32> = (0..self.chunks.len() as u32).collect();
        by_place.sort_unstable_by_key(|&at| {
            let chunk = &self.chunks[at as usize];
            (chunk.file, chunk.start)
        });
        by_place
    }

    /// The instant before which no chunk from number `next` on begins.
    pub fn watermark(&self, next: usize) -> Time {
        let times = self.chunks[next..].iter().find_map(|chunk| chunk.time);
        times.unwrap_or(Time(i64::MAX))
    }

    /// Whether some logs are of Postfix, Exim, Sendmail or Exchange Online, where messages of the others may go on.
    pub fn has_foreign(&self) -> bool {
        self.chunks.iter().any(|chunk| chunk.layout.leads_on())
    }

    /// Notes the layouts that headers inside the chunks of a window bound, for what follows these headers in their files.
    /// Returns the chunks of the window that were read by another layout.
    pub fn rebind(&mut self, window: Range<usize>, bound: &[Option<Arc<Layout>>]) -> Vec<usize> {
        let mut stale = Vec::new();
        for number in window.clone() {
            let Some(layout) = &bound[number - window.start] else {
                continue;
            };
            let mut next = self.chunks[number].next;
            while let Some(at) = next {
                let chunk = &mut self.chunks[at as usize];
                if *chunk.layout == **layout {
                    break;
                }
                chunk.layout = layout.clone();
                next = chunk.next;
                let at = at as usize;
                if window.contains(&at) {
                    stale.push(at);
                    if bound[at - window.start].is_some() {
                        break;
                    }
                }
            }
        }
        stale
    }

    /// Whether some logs have network-message-ids and others have not.
    pub fn is_mixed(&self) -> bool {
        let has = |chunk: &Chunk| dialect::has_network_id(&chunk.layout);
        self.chunks.iter().any(has) && !self.chunks.iter().all(has)
    }
}

/// The format of the stretch of a file that is to be read.
pub fn detect(log: &LogFile) -> Detected {
    match &log.part {
        Some(part) if !part.header.is_empty() => dialect::detect(&part.header),
        Some(part) => dialect::detect(&log.bytes()[..part.until]),
        None => dialect::detect(log.bytes()),
    }
}

/// Cuts one file into chunks of whole records.
fn cut(log: &LogFile, file: u32, first: &Layout, chunk_bytes: usize) -> Vec<Chunk> {
    let mut chunks: Vec<Chunk> = Vec::new();
    let mut start = log.range().start;
    let data = &log.bytes()[..log.range().end];
    let counted = log.part.as_ref().map_or(0, |part| part.counted);
    // Other programs' logs have no headers to look for.
    let is_known = dialect::binds_while_reading(first) || first.is_foreign();
    let behind = |layout: &Layout, range: Range<usize>| match is_known {
        true => first.clone(),
        false => behind(layout, data, range),
    };
    let mut in_force = first.clone();
    while start < data.len() {
        // Where a record may end is a matter of the columns that are in force there.
        let about = match (start + chunk_bytes).min(data.len()) {
            about if start < counted && counted < about => counted,
            about => about,
        };
        let line = memchr::memrchr(b'\n', &data[start..about]).map_or(start, |n| start + n + 1);
        let there = behind(&in_force, start..line);
        let end = dialect::next_record(&there, data, about);
        let before = chunks.last().map(|before| (&*before.layout, before.start));
        let before = before.unwrap_or((&in_force, start));
        let own = dialect::layout_from(before, data, start..end);
        let layout = own.unwrap_or(in_force);
        in_force = behind(&there, line..end);
        let time = earliest(&layout, data, start..end);
        chunks.push(Chunk {
            file,
            start,
            end,
            layout: Arc::new(layout),
            time,
            next: None,
            carried: log.is_carried() || start < counted,
        });
        start = end;
    }
    if dialect::binds_while_reading(first) && !chunks.is_sorted_by_key(|chunk| chunk.time) {
        // What follows a header may be read before it.
        for i in 1..chunks.len() {
            chunks[i].layout = layout_behind(&chunks[i - 1], data).into();
        }
    }
    chunks
}

/// Time of the earliest row in a stretch, by a look every [`LOOK_EVERY`] bytes; at every row if one of these
/// is out of order. Rows that are out of order between two looks are late by less than the join can bear
/// ([`crate::join::shard::LATE`]), or a few hundred rows from another file.
fn earliest(layout: &Layout, data: &[u8], range: Range<usize>) -> Option<Time> {
    let looks: Vec<Time> = range
        .clone()
        .step_by(LOOK_EVERY)
        .filter_map(|at| dialect::time_at(layout, &data[..range.end], at))
        .collect();
    if looks.is_sorted() {
        return looks.first().copied();
    }
    let mut at = range.start;
    let mut earliest = looks.into_iter().min();
    while at < range.end {
        let time = dialect::time_at(layout, &data[..range.end], at);
        earliest = earliest.min(time).or(earliest);
        at = dialect::next_stamp(layout, data, at + 1);
    }
    earliest
}

/// The layout in force behind a chunk: what the last header in it says, if it has one.
pub fn layout_behind(before: &Chunk, data: &[u8]) -> Layout {
    behind(&before.layout, data, before.start..before.end)
}

fn behind(layout: &Layout, data: &[u8], range: Range<usize>) -> Layout {
    if !dialect::has_headers(layout) {
        return layout.clone();
    }
    let bytes = &data[range.clone()];
    // Where logs were put together, a mark may stand before a header.
    let begins = |at| matches!(&bytes[..at], [] | [.., b'\n'] | [.., 0xef, 0xbb, 0xbf]);
    let has_header = memchr::memchr_iter(b'#', bytes).any(begins);
    let bound = has_header
        .then(|| dialect::layout_at(layout, data, range))
        .flatten();
    bound.unwrap_or_else(|| layout.clone())
}

/// The slice of a chunk.
pub fn slice<'d>(inputs: &'d Inputs, chunk: &Chunk, number: u32) -> Slice<'d> {
    let data = inputs.files[chunk.file as usize].bytes();
    Slice {
        data: &data[chunk.start..chunk.end],
        chunk: number,
        file: chunk.file,
        start: chunk.start as u64,
        ends_file: chunk.end == data.len(),
        server: inputs.files[chunk.file as usize].server.as_bstr(),
        keep_loose: false,
        keep_hops: true,
    }
}

/// What a first look shows, by a sample that depends on the files alone.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    /// Domains that mailboxes of the organisation send from and receive at.
    pub domains: BTreeSet<BString>,
    /// Servers with rows of their own, short and lower case.
    pub servers: BTreeSet<BString>,
    /// DNS domains in which servers of Exchange lie, lower case.
    pub suffixes: BTreeSet<BString>,
    /// How long it took to look.
    pub took: Lap,
}

impl Survey {
    fn merge(mut self, other: Survey) -> Survey {
        self.domains.extend(other.domains);
        self.servers.extend(other.servers);
        self.suffixes.extend(other.suffixes);
        self
    }
}

/// Looks at the beginning of every file, and at everything if it is little.
pub fn survey(inputs: &Inputs, plan: &Plan, keys: &Keys) -> Survey {
    let mut watch = Watch::start();
    let whole = plan.bytes <= SMALL_BYTES;
    let mut samples = Vec::new();
    for chunk in &plan.chunks {
        if whole {
            samples.push((chunk, chunk.start, chunk.end));
            continue;
        }
        let every = match *chunk.layout {
            Layout::TrackHistory(_) => SAMPLE_HISTORY_EVERY,
            _ => SAMPLE_EVERY,
        };
        let first = chunk.start.next_multiple_of(every);
        for from in (first..chunk.end).step_by(every) {
            samples.push((chunk, from, (from + SAMPLE_BYTES).min(chunk.end)));
        }
    }
    let mut survey = samples
        .into_par_iter()
        .map(|(chunk, from, until)| {
            let data = &inputs.files[chunk.file as usize].bytes()[..chunk.end];
            let from = dialect::next_record(&chunk.layout, data, from);
            let until = dialect::next_record(&chunk.layout, data, until).max(from);
            let slice = Slice {
                data: &data[from..until],
                start: from as u64,
                ..slice(inputs, chunk, 0)
            };
            look(
                slice,
                &dialect::layout_by_rows(&chunk.layout, slice.data),
                keys,
            )
        })
        .reduce(Survey::default, Survey::merge);
    survey.took = watch.lap();
    survey
}

fn look(slice: Slice<'_>, layout: &Layout, keys: &Keys) -> Survey {
    let found = dialect::parse(slice, layout, keys, Aim::Rows);
    let mut survey = Survey::default();
    survey.servers.extend(
        found
            .seen
            .names()
            .filter(|name| !name.is_empty())
            .map(|name| name.to_owned()),
    );
    let (layouts, keys) = (found.layouts, keys.clone());
    let ground = Ground {
        slices: vec![slice],
        layouts,
        servers: Servers::default(),
        keys,
    };
    let arena = Bump::new();
    let mut note = |address: &[u8]| {
        if let Some(domain) = domain(address) {
            survey
                .domains
                .insert(BString::from(domain.to_ascii_lowercase()));
        }
    };
    for row in found.shards.iter().flatten() {
        let is_trace = matches!(layout, Layout::Online(_));
        if !is_trace && !matches!(row.role, Role::Deliver | Role::Submit | Role::Receive) {
            continue;
        }
        let event = dialect::event(row, &ground.around(row, &arena));
        if is_trace {
            let own = dialect::online::own_addresses(&event);
            own.into_iter().for_each(&mut note);
            continue;
        }
        if event.role == Role::Deliver {
            event.recipients.into_iter().for_each(&mut note);
        } else if event.from_mailbox {
            note(event.sender().text());
        }
        if !layout.is_foreign() {
            let full = full_names(&event).filter(|full| {
                let name = found.seen.name(row.server);
                short_host(full).eq_ignore_ascii_case(name)
            });
            let suffixes = full.filter_map(dns_suffix);
            (survey.suffixes).extend(suffixes.map(|suffix| suffix.to_ascii_lowercase().into()));
        }
    }
    survey
}

/// Names that may be the full one of the server that logged an event: as it names itself where it takes mail over, and
/// as its store does in the Message-IDs that it makes.
fn full_names<'d>(event: &Event<'d>) -> impl Iterator<Item = &'d [u8]> {
    let named = event.server_host().text().as_bytes();
    let made = bare_id(event.message_id().text());
    let made = made.rsplit_once_str("@").filter(|_| event.from_mailbox);
    [Some(named), made.map(|(_, host)| host)]
        .into_iter()
        .flatten()
}
