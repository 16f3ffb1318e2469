//! Rows of messages that may still get more, kept from night to night.
//!
//! In: the rows of messages, as the join shows them. Out: a segment of two files, written once and never changed:
//!
//! | file | what |
//! |---|---|
//! | `keys.RUN` | [`Index`] under the magic `WAYBILLK`: each message's key, last row and length; the files its rows stand in |
//! | `rows.RUN` | the rows under the magic `WAYBILLR`, in blocks of LZ4 that are read one by one |
//!
//! So a later run finds by the keys which messages got more rows, and reads those alone. Read rows become inputs again, by
//! the file they were logged in, in their order there and with their lines, under the header that binds their columns.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::sealed::{self, HEAD_BYTES, Kind};
use crate::dialect::{self, Layout};
use crate::error::Error;
use crate::event::Place;
use crate::input::{CarriedRow, Inputs};
use crate::join::Ground;
use crate::plan::Chunk;
use crate::row::Row;
use crate::time::Time;

const KEYS: Kind = Kind {
    magic: *b"WAYBILLK",
    version: 1,
    what: "file of keys of a state of waybill",
    anew: "begin a new state in an empty folder",
};
const ROWS: Kind = Kind {
    magic: *b"WAYBILLR",
    version: 2,
    what: "file of rows of a state of waybill",
    anew: "begin a new state in an empty folder",
};
/// A block is packed when it is so long: long enough to pack well, short enough to read for one message.
const BLOCK_BYTES: usize = 128 << 10;
/// Chunk, layout, line, offset and length stand before a row.
const ROW_HEAD: usize = 4 + 1 + 8 + 8 + 4;

/// One message of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Under the key of the state's seed.
    pub key: u64,
    /// Its last row.
    pub last: Time,
    pub rows: u32,
    /// Bytes in its block.
    len: u32,
}

/// Messages that were packed together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Block {
    messages: u32,
    /// Bytes, packed and not.
    packed: u32,
    len: u32,
    /// First half of its BLAKE3.
    check: [u8; 16],
}

/// Where rows stood: what lines and offsets of a chunk are counted from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Origin {
    name: String,
    start: u64,
    lines: u64,
}

/// What a segment holds, in the order of its blocks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Index {
    /// By the chunks of the run that wrote it.
    origins: Vec<Origin>,
    /// By its numbers of layouts.
    headers: Vec<Vec<u8>>,
    blocks: Vec<Block>,
    pub messages: Vec<Message>,
}

/// A segment that is to be written.
#[derive(Debug, Default)]
pub struct Segment {
    pub index: Index,
    packed: Vec<Vec<u8>>,
}

/// What one thread gathers for a segment.
pub struct Gathering<'i> {
    inputs: &'i Inputs,
    index: Index,
    packed: Vec<Vec<u8>>,
    text: Vec<u8>,
    begun: u32,
}

impl<'i> Gathering<'i> {
    pub fn new(inputs: &'i Inputs) -> Gathering<'i> {
        Gathering {
            inputs,
            index: Index::default(),
            packed: Vec::new(),
            text: Vec::new(),
            begun: 0,
        }
    }

    /// Copies the rows of a message, which are in order.
    pub fn add(&mut self, key: u64, rows: &[&Row], ground: &Ground<'_>) {
        let start = self.text.len();
        let mut last = Time(i64::MIN);
        for row in rows {
            let slice = &ground.slices[row.chunk as usize];
            let from = row.offset as usize;
            let bytes = &slice.data[from..from + row.len as usize];
            let place = row.place(slice.file, slice.start);
            let (line, offset) = match self.inputs.carried_row(place) {
                Some(was) => (was.line, was.offset),
                None => (u64::from(row.line) + 1, u64::from(row.offset)),
            };
            self.text.extend(row.chunk.to_le_bytes());
            self.text.push(row.layout);
            self.text.extend(line.to_le_bytes());
            self.text.extend(offset.to_le_bytes());
            self.text.extend(row.len.to_le_bytes());
            self.text.extend(bytes);
            last = last.max(row.time);
        }
        self.index.messages.push(Message {
            key,
            last,
            rows: rows.len() as u32,
            len: (self.text.len() - start) as u32,
        });
        self.begun += 1;
        if self.text.len() >= BLOCK_BYTES {
            self.pack();
        }
    }

    fn pack(&mut self) {
        if self.begun == 0 {
            return;
        }
        let packed = lz4_flex::block::compress(&self.text);
        self.index.blocks.push(Block {
            messages: std::mem::take(&mut self.begun),
            packed: packed.len() as u32,
            len: self.text.len() as u32,
            check: check(&packed),
        });
        self.packed.push(packed);
        self.text.clear();
    }
}

fn check(bytes: &[u8]) -> [u8; 16] {
    let hash = blake3::hash(bytes);
    hash.as_bytes()[..16].try_into().expect("half of 32 bytes")
}

impl Segment {
    /// What all threads gathered.
    pub fn of(
        gathered: Vec<Gathering<'_>>,
        inputs: &Inputs,
        chunks: &[Chunk],
        layouts: &[Layout],
    ) -> Segment {
        let origin = |chunk: &Chunk| {
            let log = &inputs.files[chunk.file as usize];
            let first = Place {
                file: chunk.file,
                offset: chunk.start as u64,
                line: 0,
            };
            let (start, lines) = match log.is_carried() {
                true => (0, 0), // these rows tell where they were logged
                false => (first.offset, inputs.line(first) - 1),
            };
            Origin {
                name: log.name.to_string(),
                start,
                lines,
            }
        };
        let mut segment = Segment::default();
        for mut part in gathered {
            part.pack();
            segment.index.blocks.extend(part.index.blocks);
            segment.index.messages.extend(part.index.messages);
            segment.packed.extend(part.packed);
        }
        if !segment.index.messages.is_empty() {
            let headers = layouts.iter().map(dialect::header);
            segment.index.headers = headers.map(Option::unwrap_or_default).collect();
            segment.index.origins = chunks.iter().map(origin).collect();
        }
        segment
    }

    /// Writes both files.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn write(&self, keys: &Path, rows: &Path) -> Result<(), Error> {
        let index = postcard::to_stdvec(&self.index);
        let index = index.map_err(|error| sealed::unwritten(keys, &error))?;
        KEYS.write(keys, &[&index])?;
        let packed: Vec<&[u8]> = self.packed.iter().map(Vec::as_slice).collect();
        ROWS.write(rows, &packed)
    }
}

impl Index {
    /// Reads `keys.RUN`.
    ///
    /// # Errors
    /// If it is missing or damaged.
    pub fn read(path: &Path) -> Result<Index, Error> {
        let bytes = sealed::read(path)?;
        let index: Result<Index, String> = KEYS.open(&bytes).and_then(sealed::understood);
        let wrong = |why: String| Error(format!("{}: {why}", path.display()));
        let index = index.map_err(wrong)?;
        match index.is_sound() {
            true => Ok(index),
            false => Err(wrong("is damaged: its numbers do not fit together".into())),
        }
    }

    fn is_sound(&self) -> bool {
        let messages: u64 = self.blocks.iter().map(|b| u64::from(b.messages)).sum();
        let bytes: u64 = self.blocks.iter().map(|b| u64::from(b.len)).sum();
        let lengths: u64 = self.messages.iter().map(|m| u64::from(m.len)).sum();
        messages == self.messages.len() as u64 && bytes == lengths
    }
}

/// One row that was read again.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Loose {
    name: String,
    offset: u64,
    line: u64,
    header: Vec<u8>,
    text: Vec<u8>,
}

/// Rows that were read again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Carried {
    rows: Vec<Loose>,
}

impl Carried {
    /// Reads the messages of a segment that are `wanted`, from its `rows.RUN`.
    ///
    /// # Errors
    /// If the file is missing or damaged.
    pub fn read(
        &mut self,
        path: &Path,
        index: &Index,
        wanted: impl Fn(&Message) -> bool,
    ) -> Result<(), Error> {
        let wrong = |why: &dyn std::fmt::Display| Error(format!("{}: {why}", path.display()));
        let mut file: Option<File> = None;
        let (mut at, mut first) = (HEAD_BYTES as u64, 0);
        for block in &index.blocks {
            let messages = &index.messages[first..first + block.messages as usize];
            first += messages.len();
            if messages.iter().any(&wanted) {
                let file = match &mut file {
                    Some(file) => file,
                    none => none.insert(File::open(path).map_err(|e| wrong(&e))?),
                };
                let mut packed = vec![0; block.packed as usize];
                let read = file.seek(SeekFrom::Start(at));
                let read = read.and_then(|_| file.read_exact(&mut packed));
                read.map_err(|error| wrong(&format_args!("cannot be read: {error}")))?;
                if check(&packed) != block.check {
                    return Err(wrong(&"is damaged: a block's checksum does not fit"));
                }
                let text = lz4_flex::block::decompress(&packed, block.len as usize);
                let text = text.map_err(|error| wrong(&error))?;
                self.block(&text, index, messages, &wanted)
                    .ok_or_else(|| wrong(&"is damaged: its rows do not fit its keys"))?;
            }
            at += u64::from(block.packed);
        }
        Ok(())
    }

    fn block(
        &mut self,
        text: &[u8],
        index: &Index,
        messages: &[Message],
        wanted: impl Fn(&Message) -> bool,
    ) -> Option<()> {
        let mut rest = text;
        for message in messages {
            let (mut rows, behind) = rest.split_at_checked(message.len as usize)?;
            rest = behind;
            while wanted(message) && !rows.is_empty() {
                let (head, text) = rows.split_at_checked(ROW_HEAD)?;
                let number =
                    |at: usize| u64::from_le_bytes(head[at..at + 8].try_into().expect("8"));
                let small = |at: usize| u32::from_le_bytes(head[at..at + 4].try_into().expect("4"));
                let (text, behind) = text.split_at_checked(small(21) as usize)?;
                let origin = index.origins.get(small(0) as usize)?;
                self.rows.push(Loose {
                    name: origin.name.clone(),
                    line: origin.lines + number(5),
                    offset: origin.start + number(13),
                    header: index.headers.get(usize::from(head[4]))?.clone(),
                    text: text.to_vec(),
                });
                rows = behind;
            }
        }
        Some(())
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Leaves out the rows that begin at these bytes of their files.
    pub fn leave_out(&mut self, places: &BTreeSet<(String, u64)>) {
        let is_out = |row: &Loose| places.contains(&(row.name.clone(), row.offset));
        if !places.is_empty() {
            self.rows.retain(|row| !is_out(row));
        }
    }

    /// Adds other rows.
    pub fn extend(&mut self, other: Carried) {
        self.rows.extend(other.rows);
    }

    /// As inputs, each before what is new in the file it came from.
    pub fn add_to(mut self, inputs: &mut Inputs) {
        self.rows
            .sort_unstable_by(|a, b| (&a.name, a.offset).cmp(&(&b.name, b.offset)));
        self.rows
            .dedup_by(|a, b| (&a.name, a.offset, &a.text) == (&b.name, b.offset, &b.text));
        for rows in self.rows.chunk_by(|a, b| a.name == b.name) {
            let (mut text, mut places) = (Vec::new(), Vec::with_capacity(rows.len()));
            let mut bound: Option<&[u8]> = None;
            for row in rows {
                if bound != Some(&row.header) {
                    text.extend(&row.header);
                    bound = Some(&row.header);
                }
                places.push(CarriedRow {
                    at: text.len() as u64,
                    line: row.line,
                    offset: row.offset,
                });
                text.extend(&row.text);
                text.extend(b"\r\n");
            }
            // An empty line ends a record of 5.5: none of these is torn.
            text.extend(b"\r\n");
            inputs.add_carried(rows[0].name.clone(), text, places);
        }
        inputs.sort();
    }
}
