//! Rows of one message meet.
//!
//! In: rows by shard, window by window. Out: paths, handed to the caller. [`message`] builds the path of one group of
//! rows, of which each family of logs has its say in [`settled`]; [`shard`] keeps what is not over when a window ends, as [`carried`], in [`waiting`]; [`adopt`] finds the message of rows with
//! only a weaker identifier; [`tie`] makes identifiers of one message one; [`hop`] follows replies from host to host;
//! [`links`] knows what ties messages.

pub mod adopt;
mod carried;
pub mod hop;
mod ids;
pub mod links;
mod message;
mod settled;
pub mod shard;
pub mod tie;
mod waiting;

use bumpalo::Bump;

use crate::dialect::{self, Layout, Slice, Surroundings};
use crate::keys::Keys;
use crate::path::build::Scene;
use crate::row::Row;
use crate::scan;
use crate::servers::Servers;
use crate::time::Time;
use hop::Ambiguous;
use links::Links;

/// What stands behind rows: the chunks they were found in and the run's tables.
pub struct Ground<'d> {
    pub slices: Vec<Slice<'d>>,
    /// All layouts met, each once; rows name theirs by index.
    pub layouts: Vec<Layout>,
    pub servers: Servers,
    pub keys: Keys,
}

impl<'d> Ground<'d> {
    /// Whether some rows read so far have network-message-ids and others cannot have one.
    pub fn is_mixed(&self) -> bool {
        let mut layouts = self.layouts.iter().map(dialect::has_network_id);
        let first = layouts.next();
        layouts.any(|has| Some(has) != first)
    }

    /// The run's number of a layout, or [`dialect::REFUSED`].
    pub fn layout(&mut self, layout: &Layout) -> u8 {
        dialect::number(&mut self.layouts, layout).unwrap_or(dialect::REFUSED)
    }

    /// Asks memory for the beginning of a row, at most so many bytes, which will be looked at soon.
    #[inline]
    pub fn ask(&self, row: &Row, bytes: usize) {
        let data = self.slices[row.chunk as usize].data;
        let from = row.offset as usize;
        scan::prefetch(&data[from..from + (row.len as usize).min(bytes)]);
    }

    /// What decoding a row needs.
    #[inline]
    pub fn around<'g>(&'g self, row: &Row, arena: &'g Bump) -> Surroundings<'g> {
        let slice = &self.slices[row.chunk as usize];
        Surroundings {
            data: slice.data,
            file: slice.file,
            start: slice.start,
            layouts: &self.layouts,
            servers: &self.servers,
            keys: &self.keys,
            full: false,
            arena,
        }
    }

    /// Whether a row may be the beginning of a longer record: nothing of its file stands behind it but one line break and a
    /// line that was not written to its end.
    pub fn may_be_torn(&self, row: &Row) -> bool {
        let slice = &self.slices[row.chunk as usize];
        let rest = &slice.data[row.offset as usize + row.len as usize..];
        let behind = rest.strip_prefix(b"\r").unwrap_or(rest);
        let behind = behind.strip_prefix(b"\n").unwrap_or(behind);
        slice.ends_file
            && memchr::memchr(b'\n', behind).is_none()
            && dialect::has_parts(&self.layouts[usize::from(row.layout)])
    }
}

/// What is wanted of each path beside its fates.
#[derive(Clone, Copy, Debug, Default)]
pub struct Detail {
    pub hops: bool,
    /// Every row as a step.
    pub steps: bool,
    /// Every row with all its columns.
    pub records: bool,
    /// Every row as it stands in its log.
    pub raw: bool,
}

/// When a message is handed to the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// As soon as every recipient has a last word; if rows come later, it is taken back and handed over again.
    Finished,
    /// When it is closed, in the order of earliest rows.
    Closed,
}

/// What all shards share while a window is joined.
#[derive(Clone, Copy)]
pub struct Joint<'j> {
    pub ground: &'j Ground<'j>,
    pub scene: &'j Scene<'j>,
    pub links: &'j Links,
    /// Hand-overs that several records of other hosts would fit.
    pub ambiguous: &'j Ambiguous,
    pub detail: Detail,
    pub when: When,
    /// Messages with a row from here on are open: a later run goes on with their rows.
    pub keep_from: Option<Time>,
}
