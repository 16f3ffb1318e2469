//! What is read, and in which pieces.
//!
//! In: inputs. Out: [`Plan`]: the chunks of every tracking log, each beginning and ending at a record border with the
//! layout that is in force there, and the files that were passed over. The same bytes give the same chunks
//! for a given chunk size, and the same answer for every chunk size.

use std::collections::BTreeSet;

use bstr::BString;
use bumpalo::Bump;
use rayon::prelude::*;

use crate::address::domain;
use crate::dialect::{self, Detected, Layout, Slice};
use crate::event::Role;
use crate::input::Inputs;
use crate::join::Ground;
use crate::keys::Keys;
use crate::servers::Servers;
use crate::time::Time;

/// Chunks are about this long unless said otherwise: an ordinary tracking log of up to 10 MB stays whole, so that
/// the headers inside it need not be searched for beforehand.
pub const CHUNK_BYTES: usize = 16 << 20;
/// Own domains are guessed from this much of the beginning of every chunk.
const SAMPLE_BYTES: usize = 64 << 10;
/// Inputs up to this size are sampled whole.
const SMALL_BYTES: u64 = 32 << 20;

/// A stretch of a file that begins and ends at record borders.
#[derive(Clone, Debug)]
pub struct Chunk {
    pub file: u32,
    pub start: usize,
    pub end: usize,
    pub layout: Layout,
    /// Time of its first row.
    pub time: Option<Time>,
}

/// All chunks in the order of time, and what was left out.
#[derive(Debug, Default)]
pub struct Plan {
    pub chunks: Vec<Chunk>,
    /// File index and what it is instead, in words.
    pub passed_over: Vec<(u32, String)>,
    /// File index and why it must not be read.
    pub refused: Vec<(u32, String)>,
    /// Files without any bytes but white space.
    pub empty: Vec<u32>,
    pub bytes: u64,
}

impl Plan {
    /// Tells every file's format and cuts it.
    pub fn new(inputs: &mut Inputs, chunk_bytes: usize) -> Plan {
        let cut: Vec<(Detected, Vec<Chunk>)> = inputs
            .files
            .par_iter()
            .enumerate()
            .map(|(file, log)| {
                let detected = dialect::detect(log.bytes(), &log.name);
                let chunks = match &detected {
                    Detected::Log(layout) => {
                        cut(log.bytes(), file as u32, layout, chunk_bytes.max(1))
                    }
                    _ => Vec::new(),
                };
                (detected, chunks)
            })
            .collect();
        let mut plan = Plan::default();
        for (file, (detected, chunks)) in cut.into_iter().enumerate() {
            match detected {
                Detected::Log(_) => plan.bytes += inputs.files[file].bytes().len() as u64,
                Detected::Refused(why) => plan.refused.push((file as u32, why)),
                Detected::Other(what) => plan.passed_over.push((file as u32, what)),
                Detected::Empty => plan.empty.push(file as u32),
            }
            inputs.files[file].set_chunks(chunks.iter().map(|chunk| chunk.start as u64));
            plan.chunks.extend(chunks);
        }
        plan.chunks
            .sort_by_key(|chunk| (chunk.time, chunk.file, chunk.start));
        plan
    }
}

/// Cuts one file into chunks of whole records.
fn cut(data: &[u8], file: u32, first: &Layout, chunk_bytes: usize) -> Vec<Chunk> {
    let mut chunks = Vec::new();
    let mut layout = first.clone();
    let mut start = 0;
    while start < data.len() {
        let end = dialect::next_record(first, data, (start + chunk_bytes).min(data.len()));
        let next = dialect::layout_at(first, data, start..end).filter(|_| end < data.len());
        let time = dialect::time_at(&layout, data, start);
        chunks.push(Chunk {
            file,
            start,
            end,
            layout: layout.clone(),
            time,
        });
        layout = next.unwrap_or(layout);
        start = end;
    }
    chunks
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
        keep_loose: false,
    }
}

/// The domains that mailboxes of the organisation send from and receive at, by a sample that depends on the files
/// alone: the beginning of every 16 MB, or everything if it is little.
pub fn sample_domains(inputs: &Inputs, plan: &Plan, keys: &Keys) -> BTreeSet<BString> {
    let whole = plan.bytes <= SMALL_BYTES;
    let sampled = |chunk: &&Chunk| {
        whole || chunk.start % CHUNK_BYTES == 0 || chunk.end - chunk.start >= CHUNK_BYTES
    };
    plan.chunks
        .par_iter()
        .filter(|chunk| sampled(chunk))
        .map(|chunk| {
            let mut slice = slice(inputs, chunk, 0);
            if !whole {
                let until = slice.data.len().min(SAMPLE_BYTES);
                slice.data = &slice.data[..dialect::next_record(&chunk.layout, slice.data, until)];
            }
            domains_of(slice, &chunk.layout, keys)
        })
        .reduce(BTreeSet::new, |mut a, b| {
            a.extend(b);
            a
        })
}

fn domains_of(slice: Slice<'_>, layout: &Layout, keys: &Keys) -> BTreeSet<BString> {
    let found = dialect::parse(slice, layout, keys);
    let mut servers = Servers::default();
    let ids = servers.merge(found.seen);
    let (slices, layouts, server_ids) = (vec![slice], vec![found.layouts], vec![ids]);
    let ground = Ground {
        slices,
        layouts,
        server_ids,
        servers,
        keys: keys.clone(),
    };
    let arena = Bump::new();
    let mut domains = BTreeSet::new();
    let mut note = |address: &[u8]| {
        if let Some(domain) = domain(address) {
            domains.insert(BString::from(domain.to_ascii_lowercase()));
        }
    };
    for row in found.shards.iter().flatten() {
        if !matches!(row.role, Role::Deliver | Role::Submit | Role::Receive) {
            continue;
        }
        let event = dialect::event(row, &ground.around(row, &arena));
        if event.role == Role::Deliver {
            event.recipients.into_iter().for_each(&mut note);
        } else if event.from_mailbox {
            note(event.sender);
        }
    }
    domains
}
