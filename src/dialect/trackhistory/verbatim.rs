//! Records of other logs in a track history: read as the lines they were.
//!
//! In: the processing instruction that waybill writes beside the elements of every record that is not of 2003 or before
//! (`<?waybill {"dialect":"postfix","header":"...","line":"..."}?>`): the line as its log has it, and what that log's
//! header or clock said of it. Out: rows. The lines of a chunk are put together by their log's layout and read by its
//! dialect at once: what a line means is said in one place. Without the instruction a record is taken for one of 2003.

use std::borrow::Cow;
use std::sync::Arc;

use bstr::BStr;
use serde::Deserialize;

use super::Document;
use crate::dialect::foreign::hop::At;
use crate::dialect::{self, Aim, Layout, REFUSED, Slice, Yield, shard};
use crate::event::Place;
use crate::fault::Reason;
use crate::keys::Keys;
use crate::row::{KeyKind, Row};
use crate::scan::BOM;

/// The name of the instruction.
pub const TARGET: &[u8] = b"waybill ";

/// How the instructions of records begin that may lead on to other hosts' logs; behind it stands the dialect.
const BEGINS: &[u8] = b"<?waybill {\"dialect\":\"";

/// What the instruction says.
#[derive(Deserialize)]
struct Instruction<'r> {
    #[serde(borrow)]
    dialect: Cow<'r, str>,
    #[serde(borrow, default)]
    header: Cow<'r, str>,
    /// The server that wrote the log, where lines do not name it.
    #[serde(borrow, default)]
    server: Cow<'r, str>,
    #[serde(borrow, default)]
    line: Cow<'r, str>,
    /// A line that is not UTF-8, each byte as the character of its number.
    #[serde(borrow, default)]
    octets: Cow<'r, str>,
}

/// A record as its log has it.
pub struct Line<'r> {
    dialect: Cow<'r, str>,
    header: Cow<'r, str>,
    pub server: Cow<'r, str>,
    pub text: Cow<'r, [u8]>,
}

/// What an instruction, its name taken off, holds; `None` if it is damaged or another program's.
pub fn line(instruction: &[u8]) -> Option<Line<'_>> {
    let told: Instruction<'_> = serde_json::from_slice(instruction).ok()?;
    let byte = |c: char| u8::try_from(u32::from(c)).ok();
    let text = match told.line {
        Cow::Borrowed(line) => Cow::Borrowed(line.as_bytes()),
        Cow::Owned(line) if !line.is_empty() => Cow::Owned(line.into_bytes()),
        _ => Cow::Owned(told.octets.chars().map(byte).collect::<Option<_>>()?),
    };
    (!text.is_empty()).then_some(Line {
        dialect: told.dialect,
        header: told.header,
        server: told.server,
        text,
    })
}

/// Whether some record of a document is of Postfix, Exim, Sendmail or Exchange Online: what other logs say may lead there.
pub fn leads_on(data: &[u8]) -> bool {
    memchr::memmem::find_iter(data, BEGINS)
        .any(|at| !data[at + BEGINS.len()..].starts_with(b"modern/"))
}

/// Where a record's element stands in its chunk, and where its line among the lines of its log.
struct Placed {
    from: usize,
    at: u32,
    len: u32,
    line: u32,
}

/// Lines of one log's layout.
struct Group {
    dialect: String,
    header: String,
    server: String,
    layout: Arc<Layout>,
    text: Vec<u8>,
    placed: Vec<Placed>,
}

/// The lines of a chunk.
#[derive(Default)]
pub struct Lines {
    groups: Vec<Group>,
    /// Lines that might be taken for more than one, each by itself.
    alone: Vec<Group>,
    last: usize,
}

impl Lines {
    /// Takes in the line of the element at `at`; `false` if no dialect reads it.
    pub fn add(&mut self, told: &Line<'_>, (at, len, line): (usize, usize, u32)) -> bool {
        let is_of = |group: &Group| {
            (&*group.dialect, &*group.header, &*group.server)
                == (&*told.dialect, &*told.header, &*told.server)
        };
        if !self.groups.get(self.last).is_some_and(is_of) {
            self.last = match self.groups.iter().position(is_of) {
                Some(known) => known,
                None if self.groups.len() == usize::from(REFUSED) => return false,
                None => {
                    let Some(layout) = dialect::layout_of(&told.dialect, &told.header) else {
                        return false;
                    };
                    self.groups.push(Group {
                        dialect: told.dialect.to_string(),
                        header: told.header.to_string(),
                        server: told.server.to_string(),
                        layout: Arc::new(layout),
                        text: Vec::new(),
                        placed: Vec::new(),
                    });
                    self.groups.len() - 1
                }
            };
        }
        let group = match is_one_line(&told.text) {
            true => &mut self.groups[self.last],
            false => {
                let of = &self.groups[self.last];
                self.alone.push(Group {
                    dialect: String::new(),
                    header: String::new(),
                    server: of.server.clone(),
                    layout: of.layout.clone(),
                    text: Vec::new(),
                    placed: Vec::new(),
                });
                self.alone.last_mut().expect("just put there")
            }
        };
        group.placed.push(Placed {
            from: group.text.len(),
            at: at as u32,
            len: len as u32,
            line,
        });
        group.text.extend_from_slice(&told.text);
        group.text.push(b'\n');
        true
    }

    /// Reads all lines, and adds what they gave to `found`, at the places of their elements.
    pub fn read(
        self,
        found: &mut Yield,
        slice: Slice<'_>,
        document: &Document,
        keys: &Keys,
        aim: Aim,
    ) {
        let of_lines = match aim {
            Aim::First => Aim::First,
            Aim::Rows | Aim::Ties => Aim::Rows,
        };
        for group in &self.groups {
            group.read(found, slice, document, keys, (aim, of_lines));
        }
        for group in &self.alone {
            group.read(found, slice, document, keys, (aim, Aim::First));
        }
    }
}

/// Whether a text is a line that no dialect can take for a header or for several records.
fn is_one_line(text: &[u8]) -> bool {
    let is_header = text.starts_with(b"#") || text.starts_with(BOM);
    let quotes = memchr::memchr_iter(b'"', text).count();
    !is_header && quotes.is_multiple_of(2) && memchr::memchr2(b'\n', b'\r', text).is_none()
}

impl Group {
    fn read(
        &self,
        found: &mut Yield,
        slice: Slice<'_>,
        document: &Document,
        keys: &Keys,
        (aim, of_lines): (Aim, Aim),
    ) {
        let beside = Slice {
            data: &self.text,
            // Not the beginning of a file, where a line may name the columns.
            start: u64::from(u32::MAX),
            ends_file: false,
            server: BStr::new(&*self.server),
            keep_loose: true,
            ..slice
        };
        let mut read = dialect::parse(beside, &self.layout, keys, of_lines);
        let layouts: Vec<u8> = (read.layouts.iter())
            .map(|of| {
                found.number(Layout::TrackHistory(Document {
                    of: Some(match of == &*self.layout {
                        true => self.layout.clone(),
                        false => Arc::new(of.clone()),
                    }),
                    ..document.clone()
                }))
            })
            .collect();
        let servers = found.seen.merge(std::mem::take(&mut read.seen));
        let place = |offset: u32| {
            let behind = self.placed.partition_point(|p| p.from <= offset as usize);
            &self.placed[behind.saturating_sub(1)]
        };
        let mut is_read = vec![false; self.placed.len()];
        let mut put = |row: &mut Row| {
            let behind = self
                .placed
                .partition_point(|p| p.from <= row.offset as usize);
            let at = behind.saturating_sub(1);
            is_read[at] = true;
            let placed = &self.placed[at];
            (row.offset, row.len, row.line) = (placed.at, placed.len, placed.line);
            row.server = servers[usize::from(row.server)];
            row.layout = layouts[usize::from(row.layout)];
        };
        read.loose.iter_mut().for_each(&mut put);
        read.shards.iter_mut().flatten().for_each(&mut put);
        read.hops.relocate(|at: &mut At| {
            let placed = place(at.offset);
            (at.offset, at.line) = (placed.at, placed.line);
        });
        read.hops.begins = vec![(slice.chunk, (slice.file, slice.start))];
        for (placed, _) in self
            .placed
            .iter()
            .zip(is_read)
            .filter(|(_, is_read)| !is_read)
        {
            let place = Place {
                file: slice.file,
                offset: slice.start + u64::from(placed.at),
                line: placed.line,
            };
            found.faults.add(Reason::NoTime, place);
        }
        add(found, read, slice.keep_loose, aim);
    }
}

/// Adds what lines gave to what their chunk gave.
fn add(found: &mut Yield, read: Yield, keep_loose: bool, aim: Aim) {
    found.rows += read.rows;
    found.rows_without_id += read.rows_without_id;
    found.passed_over += read.passed_over;
    found.events.merge(read.events);
    found.hops.merge(read.hops);
    found.span = match (found.span, read.span) {
        (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
        (a, b) => a.or(b),
    };
    if keep_loose {
        found.loose.extend(read.loose);
    }
    let rows = read.shards.into_iter().flatten();
    match aim {
        // Only reports of 2003 and before ask, and they name messages by their Message-IDs.
        Aim::Ties => {
            let named = |row: &Row| !matches!(row.kind, KeyKind::Queue | KeyKind::Network);
            found.keys.extend(rows.filter(named).map(|row| row.key));
        }
        Aim::First => found.shards[0].extend(rows),
        Aim::Rows => rows.for_each(|row| found.shards[shard(row.key)].push(row)),
    }
}
