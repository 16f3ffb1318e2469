//! Reading row by row, in the order of files: for commands that do not join.
//!
//! In: inputs. Out: the rows of some chunks at a time, then the [`Outcome`].

use super::chunks::{Keep, Sums, ground, parse, refuse};
use super::{Outcome, Stages};
use crate::input::Inputs;
use crate::join::Ground;
use crate::join::tie::{Noted, Ties};
use crate::keys::Keys;
use crate::path::domains::OwnDomains;
use crate::plan::{self, Chunk, Plan};
use crate::row::Row;
use crate::servers::Servers;
use crate::watch::{Lap, Watch};

/// Reading row by row, in the order of files: for commands that do not join.
pub struct Reading {
    plan: Plan,
    keys: Keys,
    next: usize,
    sums: Sums,
    servers: Servers,
    /// What rows said about other hosts' records, for their names.
    noted: Vec<Noted>,
    has_foreign: bool,
    /// About so many bytes make a chunk; there may be many files that are shorter.
    chunk_bytes: usize,
    watch: Watch,
}

/// A batch of small files has at most so many times the chunks of one of large files.
const SMALL_CHUNKS: usize = 64;

impl Reading {
    /// Plans the reading of all inputs.
    pub fn new(inputs: &mut Inputs, chunk_bytes: usize) -> Reading {
        let mut plan = Plan::new(inputs, chunk_bytes);
        plan.chunks.sort_by_key(|chunk| (chunk.file, chunk.start));
        plan.number();
        let (keys, sums, servers) = (Keys::default(), Sums::default(), Servers::default());
        Reading {
            noted: Vec::new(),
            has_foreign: plan.has_foreign(),
            chunk_bytes,
            plan,
            keys,
            next: 0,
            sums,
            servers,
            watch: Watch::start(),
        }
    }

    /// Takes a first look at everything: which servers are the organisation's own.
    pub fn survey(&mut self, inputs: &Inputs) {
        let survey = plan::survey(inputs, &self.plan, &self.keys);
        self.servers.survey(survey.servers, survey.suffixes);
    }

    /// The rows of the next `chunks` chunks, or of more if they are short, each chunk's by itself; `None` at the end.
    pub fn batch<'d>(
        &mut self,
        inputs: &'d Inputs,
        chunks: usize,
    ) -> Option<(Ground<'d>, Vec<Vec<Row>>)> {
        let batch = self.next..self.next + self.count(chunks);
        self.next = batch.end;
        if batch.is_empty() {
            return None;
        }
        let keep = Keep {
            loose: true,
            hops: true,
        };
        let keys = &self.keys;
        let yields = parse(inputs, &mut self.plan, batch.clone(), keys, keep, |_| {});
        let mut ground = ground(inputs, &self.plan.chunks[batch.clone()], self.keys.clone());
        ground.servers = std::mem::take(&mut self.servers);
        let mut rows = Vec::with_capacity(batch.len());
        for (i, mut found) in yields.into_iter().enumerate() {
            let start = ground.slices[i].start;
            refuse(&mut found, &mut ground, start);
            if self.has_foreign {
                self.noted.push(Ties::noted(&mut found));
            }
            let mut own = found.take_rows();
            let numbers = self.sums.add(found, &mut ground);
            for row in &mut own {
                numbers.renumber(row);
                row.chunk -= batch.start as u32;
            }
            rows.push(own);
        }
        self.servers = ground.servers.clone();
        Some((ground, rows))
    }

    /// How many chunks are about as long as `chunks` whole ones.
    fn count(&self, chunks: usize) -> usize {
        let rest = &self.plan.chunks[self.next..];
        let most = rest.len().min(chunks.saturating_mul(SMALL_CHUNKS));
        let enough = chunks.saturating_mul(self.chunk_bytes) / 2;
        let mut bytes = 0;
        let small = rest[..most].iter().take_while(|chunk: &&Chunk| {
            bytes += chunk.end - chunk.start;
            bytes <= enough
        });
        small.count().max(chunks.min(rest.len()))
    }

    /// What was found beside the rows, after the last batch.
    pub fn outcome(mut self) -> Outcome {
        let cut = self.plan.took;
        if !self.noted.is_empty() {
            let ties = Ties::of(std::mem::take(&mut self.noted), &[]);
            self.servers.alias(ties.aliases());
        }
        Outcome {
            servers: self.servers,
            own: OwnDomains::default(),
            plan: self.plan,
            rows: self.sums.rows,
            rows_without_id: self.sums.rows_without_id,
            rows_twice: 0,
            ambiguous: 0,
            rows_late: 0,
            layouts: Vec::new(),
            faults: self.sums.faults,
            events: self.sums.events,
            span: self.sums.span,
            by_file: self.sums.by_file,
            stages: Stages {
                cut,
                looked: Lap::default(),
                windows: 1,
                laps: vec![("read", self.watch.lap())],
                end: Watch::start(),
            },
        }
    }
}
