//! Reads record elements.
//!
//! In: a chunk that begins with a record's element or with the document's beginning. Out: [`Yield`]. One element is looked
//! at at a time; what it says in full is [`super::element`]'s business.

use bumpalo::Bump;

use super::element::{Read, decoded, understood};
use super::verbatim::{self, Lines};
use super::walk::{INSTRUCTION, walk};
use super::{Document, ENTRY, end_of, start_of};
use crate::address::x400::remote_message_id;
use crate::dialect::legacy::text::{Clock, number};
use crate::dialect::legacy::{Finder, Found};
use crate::dialect::{Aim, Layout, MAX_RECORD_BYTES, Slice, Yield};
use crate::fault::Reason;
use crate::keys::Keys;
use crate::scan::MAX_FIELDS;
use crate::time::Time;

/// Finds the records of `slice`.
pub fn parse(slice: Slice<'_>, document: &Document, keys: &Keys, aim: Aim) -> Yield {
    let arena = Bump::new();
    parse_into(slice, document, keys, aim, &arena)
}

fn parse_into<'p>(
    slice: Slice<'p>,
    document: &Document,
    keys: &'p Keys,
    aim: Aim,
    arena: &'p Bump,
) -> Yield {
    let layout = Layout::TrackHistory(document.clone());
    let mut finder = Finder::new(slice, layout, keys, aim);
    let mut clock = Clock::default();
    let mut others = Lines::default();
    let data = slice.data;
    let lines = |stretch: &[u8]| memchr::memchr_iter(b'\n', stretch).count() as u32;
    let mut at = 0;
    while let Some(start) = next_start(data, at) {
        finder.line += lines(&data[at..start]);
        let mut key = KeyValues::default();
        let walked = walk(&data[start..], |name, value| {
            key.take(name, value, &mut clock)
        });
        let len = match walked {
            Some(len) => len,
            None => end_of(data, start) - start,
        };
        let bytes = &data[start..start + len];
        let is_walked = walked.is_some() && len <= MAX_RECORD_BYTES;
        let place = (start, len, finder.line);
        if is_walked && add_line(&mut others, key.rest, document, arena, place) {
            // Read with the others of its log.
        } else if is_walked && key.is_plain {
            key.file(&mut finder, start, len);
        } else if let Some(read) = readable(&mut finder, document, bytes, start, arena)
            && !add_line(&mut others, read.rest, document, arena, place)
        {
            record(&mut finder, &read, start, len);
        }
        finder.line += lines(bytes);
        at = start + len;
        if aim == Aim::First {
            break;
        }
    }
    let mut found = finder.finish();
    others.read(&mut found, slice, document, keys, aim);
    found
}

/// Takes in the line that an instruction holds; `false`: it holds none.
#[inline]
fn add_line(
    others: &mut Lines,
    instruction: &[u8],
    document: &Document,
    arena: &Bump,
    place: (usize, usize, u32),
) -> bool {
    !instruction.is_empty()
        && verbatim::line(decoded(instruction, document.encoding, arena))
            .is_some_and(|line| others.add(&line, place))
}

/// Where the next record's element begins: usually just behind the blanks.
#[inline]
fn next_start(data: &[u8], at: usize) -> Option<usize> {
    let blanks = data[at..].iter().take_while(|b| b.is_ascii_whitespace());
    let from = at + blanks.count();
    let is_tag = data.get(from..from + ENTRY.len() + 2).is_some_and(|tag| {
        tag[0] == b'<' && &tag[1..=ENTRY.len()] == ENTRY && tag[ENTRY.len() + 1] == b'>'
    });
    if is_tag {
        Some(from)
    } else {
        start_of(data, at)
    }
}

/// The values that joining and counting need, as they stand in the file.
#[derive(Default)]
struct KeyValues<'p> {
    time: Option<Time>,
    event: &'p [u8],
    id: &'p [u8],
    linked: &'p [u8],
    about: &'p [u8],
    server: &'p [u8],
    size: &'p [u8],
    /// What waybill says beside the elements.
    rest: &'p [u8],
    /// Nothing in them has to be decoded.
    is_plain: bool,
}

impl<'p> KeyValues<'p> {
    #[inline]
    fn take(&mut self, name: &[u8], value: &'p [u8], clock: &mut Clock<'p>) {
        let place = match name {
            b"TimeLogged" => return self.time = clock.read_one(value.trim_ascii()),
            b"EntryType" => &mut self.event,
            b"MessageID" => &mut self.id,
            b"LinkedMessageID" => &mut self.linked,
            b"SubjectID" => &mut self.about,
            b"ServerName" => &mut self.server,
            b"Size" => &mut self.size,
            INSTRUCTION => match value.strip_prefix(verbatim::TARGET) {
                Some(rest) => return self.rest = rest,
                None => return,
            },
            ENTRY => {
                let ids = [self.event, self.id, self.linked, self.about];
                let mut all = ids.iter().chain([&self.server]);
                return self.is_plain = all.all(|value| is_plain(value));
            }
            _ => return,
        };
        *place = value.trim_ascii();
    }

    fn file(&self, finder: &mut Finder<'p>, at: usize, len: usize) {
        let Some(time) = self.time else {
            return finder.fault(at, Reason::NoTime);
        };
        finder.add(&Found {
            at,
            len,
            event: self.event,
            number: number(self.event),
            time,
            server: self.server,
            id: self.id,
            linked: linked(self.event, self.linked),
            about: self.about,
            size_bytes: number(self.size).unwrap_or(0),
            ends: &[0; MAX_FIELDS],
            fields: 0,
        });
    }
}

/// An element that only the XML reader understands; what even that does not is a fault.
#[cold]
fn readable<'p>(
    finder: &mut Finder<'p>,
    document: &Document,
    bytes: &'p [u8],
    at: usize,
    arena: &'p Bump,
) -> Option<Read<'p>> {
    if bytes.len() > MAX_RECORD_BYTES {
        finder.fault(at, Reason::TooLong);
        return None;
    }
    let read = understood(bytes, document.encoding, arena);
    if read.is_none() {
        finder.fault(at, Reason::BadXml);
    }
    read
}

fn record<'p>(finder: &mut Finder<'p>, read: &Read<'p>, at: usize, len: usize) {
    let entry = &read.entry;
    let Some(time) = read.time else {
        return finder.fault(at, Reason::NoTime);
    };
    finder.add(&Found {
        at,
        len,
        event: entry.event,
        number: number(entry.event),
        time,
        server: entry.server_host,
        id: entry.id,
        linked: linked(entry.event, entry.linked),
        about: entry.about,
        size_bytes: entry.size_bytes.unwrap_or(0),
        ends: &[0; MAX_FIELDS],
        fields: 0,
    });
}

/// The linked id, if it is one of the message itself: a connector writes down the foreign system's.
fn linked<'d>(event: &[u8], linked: &'d [u8]) -> &'d [u8] {
    match number(event) {
        Some(1001..=1018) => remote_message_id(linked).unwrap_or_default(),
        _ => linked,
    }
}

/// Whether a value stands for itself.
#[inline]
fn is_plain(value: &[u8]) -> bool {
    value.is_ascii() && memchr::memchr(b'&', value).is_none()
}
