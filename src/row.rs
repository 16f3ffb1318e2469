//! A record that has been found but not yet understood: where it is, whose it is, and where its fields end.
//!
//! In: what the scanner saw. Out: [`Row`], small and free of borrowed text, so that millions fit into a
//! window and an unfinished one can be carried to the next. [`crate::dialect`] turns it into an
//! [`crate::event::Event`] when its message is built.

use crate::event::{Place, Role, column};
use crate::scan::MAX_FIELDS;
use crate::time::Time;

/// Field ends that a row keeps: up to original-client-ip of the widest layout.
pub const KEPT_ENDS: usize = 25;

/// By what a row was found to belong to a message, strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum KeyKind {
    /// Its network-message-id.
    Network,
    /// Its Message-ID.
    Message,
    /// Only the copy it is about: server and internal id.
    Copy,
    /// The second identifier it carries: of a report, or of what a report is about.
    Second,
    /// Its queue id on its host.
    Queue,
}

/// What is known of some rows beside their key.
pub mod mark {
    /// Brought under one key with rows that have other ids of the same message ([`crate::join::tie`]).
    pub const TIED: u8 = 1;
    /// Tells of a report what it means for the message that the report is about.
    pub const OF_ORIGINAL: u8 = 2;
    /// Names the message (its Message-ID, sender or size) and changes nothing else.
    pub const NAMES: u8 = 4;
}

/// A found record.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Row {
    /// Seeded hash of the identifier that `kind` names.
    pub key: u64,
    pub time: Time,
    /// Key of the copy it is about; 0: none, or one that reading the row again tells.
    pub copy: u64,
    /// Index of the chunk; file and schemas are looked up there.
    pub chunk: u32,
    /// First byte, counted from the chunk's first byte.
    pub offset: u32,
    /// Line within the chunk.
    pub line: u32,
    /// Length in bytes without the line break.
    pub len: u32,
    /// The size it logged, so that rows that only count need not be looked at again.
    pub size_bytes: u32,
    /// The server it is about: the chunk's own number, and once chunks are brought together the run's.
    pub server: u16,
    /// A second look at the identifier: with `key`, 80 bits that two identifiers would have to share.
    pub check: u16,
    pub kind: KeyKind,
    pub role: Role,
    /// Which event of the dialect's table.
    pub code: u8,
    /// Which layout: the chunk's own number, and once chunks are brought together the run's.
    pub layout: u8,
    /// How many of `ends` are set; 0: the row must be split anew (long, or over several lines).
    pub fields: u8,
    /// [`mark`]s.
    pub marks: u8,
    ends: [u16; KEPT_ENDS],
}

impl Row {
    /// A row whose field ends the scanner wrote into `ends`.
    #[inline]
    pub fn set_ends(&mut self, ends: &[u32; MAX_FIELDS], fields: usize) {
        self.fields = 0;
        if fields > KEPT_ENDS || fields == 0 || ends[fields - 1] > u32::from(u16::MAX) {
            return;
        }
        self.fields = fields as u8;
        for (kept, end) in self.ends.iter_mut().zip(ends) {
            *kept = *end as u16;
        }
    }

    /// An empty row, to be filled.
    #[inline]
    pub fn blank(chunk: u32) -> Row {
        Row {
            key: 0,
            time: Time(0),
            copy: 0,
            chunk,
            offset: 0,
            line: 0,
            len: 0,
            size_bytes: 0,
            server: 0,
            check: 0,
            kind: KeyKind::Copy,
            role: Role::Info,
            code: 0,
            layout: 0,
            fields: 0,
            marks: 0,
            ends: [0; KEPT_ENDS],
        }
    }

    /// Field `index` of the row with these bytes, as logged.
    #[inline]
    pub fn field<'d>(&self, bytes: &'d [u8], index: usize) -> &'d [u8] {
        column(self.ends(), bytes, index)
    }

    /// Where its fields end; of a row that must be split anew nothing.
    #[inline]
    pub fn ends(&self) -> &[u16] {
        &self.ends[..usize::from(self.fields)]
    }

    /// Where the parts of a line stand, for dialects whose lines have no columns; the meaning is the dialect's own. They
    /// count once [`Row::keep`] says so.
    #[inline]
    pub fn spots(&mut self) -> &mut [u16; KEPT_ENDS] {
        &mut self.ends
    }

    /// Says that all of the row's spots are set.
    #[inline]
    pub fn keep(&mut self) {
        self.fields = KEPT_ENDS as u8;
    }

    /// Where the parts of a line stand, if the row keeps it.
    #[inline]
    pub fn kept(&self) -> Option<&[u16; KEPT_ENDS]> {
        (usize::from(self.fields) == KEPT_ENDS).then_some(&self.ends)
    }

    /// Behind the last field that the row knows; 0 where it knows none.
    #[inline]
    pub fn last_end(&self) -> usize {
        match self.fields {
            0 => 0,
            fields => usize::from(self.ends[usize::from(fields) - 1]),
        }
    }

    /// Whether the row has a [`mark`].
    #[inline]
    pub fn has(&self, mark: u8) -> bool {
        self.marks & mark != 0
    }

    /// The same row under the key of another message.
    pub fn under(&self, key: u64) -> Row {
        Row { key, ..*self }
    }

    /// Where the row stands, given its chunk's file and first byte.
    pub fn place(&self, file: u32, chunk_start: u64) -> Place {
        Place {
            file,
            offset: chunk_start + u64::from(self.offset),
            line: self.line,
        }
    }
}

const _: () = assert!(size_of::<Row>() == 104);
