//! Reads record elements.
//!
//! In: a chunk that begins with a record's element or with the document's beginning. Out: [`Yield`] and, when a message
//! is built, [`Entry`]. One element is looked at at a time, no deeper than a track history goes.

use std::borrow::Cow;

use bstr::BStr;
use bumpalo::Bump;
use encoding_rs::Encoding;
use quick_xml::Reader;
use quick_xml::events::Event as Xml;

use super::walk::{INSTRUCTION, walk};
use super::{Document, ENTRY, MAX_DEPTH, NAME, end_of, newer, start_of};
use crate::address::x400::{connector_of, remote_message_id};
use crate::dialect::legacy::text::{Clock, date_time, number};
use crate::dialect::legacy::{self, Entry, Finder, Found};
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
    let mut bound = document.newer;
    let data = slice.data;
    let lines = |stretch: &[u8]| memchr::memchr_iter(b'\n', stretch).count() as u32;
    let mut at = 0;
    while let Some(start) = next_start(data, at) {
        finder.line += lines(&data[at..start]);
        let mut key = KeyValues::default();
        let walked = walk(&data[start..], |name, value| {
            key.take(name, value, &mut clock)
        });
        let end = match walked.filter(|&len| key.is_plain && len <= MAX_RECORD_BYTES) {
            Some(len) => {
                let entry = key.entry();
                let newer = newer::of(&entry);
                bind(&mut finder, document, &mut bound, newer);
                match newer {
                    Some(_) => file_newer(&mut finder, &entry, slice, keys, start, len),
                    None => key.file(&mut finder, start, len),
                }
                start + len
            }
            None => {
                let end = end_of(data, start);
                let read = readable(&mut finder, document, &data[start..end], start, arena);
                if let Some(read) = read {
                    let newer = newer::of(&read.entry);
                    bind(&mut finder, document, &mut bound, newer);
                    match newer {
                        Some(_) => {
                            file_newer(&mut finder, &read.entry, slice, keys, start, end - start)
                        }
                        None => record(&mut finder, &read, start, end - start),
                    }
                }
                end
            }
        };
        finder.line += lines(&data[start..end]);
        at = end;
        if aim == Aim::First {
            break;
        }
    }
    finder.finish()
}

/// Records of 2003 and before, those with a network-message-id and those without have layouts of their own: rows of the
/// one must look for the other.
#[inline]
fn bind(
    finder: &mut Finder<'_>,
    document: &Document,
    bound: &mut Option<bool>,
    newer: Option<bool>,
) {
    if *bound != newer {
        *bound = newer;
        finder.bind(Layout::TrackHistory(Document {
            newer,
            ..document.clone()
        }));
    }
}

/// Files a record of 2007 or later.
#[cold]
fn file_newer(
    finder: &mut Finder<'_>,
    entry: &Entry<'_>,
    slice: Slice<'_>,
    keys: &Keys,
    at: usize,
    len: usize,
) {
    match newer::found(entry, slice, keys) {
        Some(newer) => finder.add_newer(at, len, newer),
        None => finder.fault(at, Reason::NoTime),
    }
}

/// Where the next record's element begins: usually just behind the blanks.
#[inline]
fn next_start(data: &[u8], at: usize) -> Option<usize> {
    let blanks = data[at..].iter().take_while(|b| b.is_ascii_whitespace());
    let from = at + blanks.count();
    let tag = data.get(from..from + ENTRY.len() + 2)?;
    let is_tag = tag[0] == b'<' && &tag[1..=ENTRY.len()] == ENTRY && tag[ENTRY.len() + 1] == b'>';
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
    client: &'p [u8],
    /// What a record of 2007 or later says beside.
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
            b"ClientName" => &mut self.client,
            INSTRUCTION => match value.strip_prefix(newer::TARGET) {
                Some(rest) => return self.rest = rest,
                None => return,
            },
            ENTRY => {
                let ids = [self.event, self.id, self.linked, self.about];
                let mut all = ids.iter().chain([&self.server, &self.rest]);
                return self.is_plain = all.all(|value| value.is_ascii());
            }
            _ => return,
        };
        *place = value.trim_ascii();
    }

    /// As much of the record as these values tell.
    fn entry(&self) -> Entry<'p> {
        Entry {
            id: BStr::new(self.id),
            linked: BStr::new(self.linked),
            client_host: BStr::new(self.client),
            size_bytes: number(self.size),
            rest: BStr::new(self.rest),
            ..Entry::default()
        }
    }

    fn file(&self, finder: &mut Finder<'p>, at: usize, len: usize) {
        let Some(time) = self.time else {
            return finder.fault(at, Reason::NoTime);
        };
        finder.add(&Found {
            at,
            len,
            event: self.event,
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
    let read = read(bytes, document.encoding, arena);
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

/// A record by its columns.
pub fn entry<'d>(bytes: &'d [u8], document: &Document, arena: &'d Bump) -> Entry<'d> {
    let mut quick = Read::default();
    let walked = walk(bytes, |name, value| {
        take(&mut quick, name, decoded(value, document.encoding, arena));
    });
    let read = match walked {
        Some(_) => Some(quick),
        None => read(bytes, document.encoding, arena),
    };
    let read = read.unwrap_or_default();
    let mut entry = read.entry;
    entry.recipients = legacy::recipients(read.recipients.into_iter(), arena);
    connector(&mut entry);
    entry
}

/// An element read.
struct Read<'d> {
    entry: Entry<'d>,
    recipients: Vec<(&'d [u8], &'d [u8])>,
    time: Option<Time>,
}

impl Default for Read<'_> {
    fn default() -> Self {
        let entry = Entry {
            dialect: NAME,
            ..Entry::default()
        };
        Read {
            entry,
            recipients: Vec::new(),
            time: None,
        }
    }
}

/// Reads one record's element; `None` if it is not well formed or too deep.
fn read<'d>(bytes: &'d [u8], encoding: &'static Encoding, arena: &'d Bump) -> Option<Read<'d>> {
    let mut reader = Reader::from_reader(bytes);
    let mut read = Read::default();
    let mut depth = 0;
    let mut value: Vec<u8> = Vec::new();
    loop {
        match reader.read_event().ok()? {
            Xml::Start(_) => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return None;
                }
                value.clear();
            }
            Xml::End(tag) => {
                let text = decoded(arena.alloc_slice_copy(&value), encoding, arena);
                take(&mut read, tag.local_name().as_ref(), text);
                value.clear();
                depth -= 1;
                if depth == 0 {
                    break;
                }
            }
            Xml::Text(text) => value.extend_from_slice(&text),
            Xml::CData(text) => value.extend_from_slice(&text),
            Xml::GeneralRef(name) => match name.resolve_char_ref().ok()? {
                Some(c) => {
                    value.extend_from_slice(encoding.encode(c.encode_utf8(&mut [0; 4])).0.as_ref())
                }
                None => value.extend_from_slice(predefined(&name)?),
            },
            Xml::DocType(_) | Xml::Eof => return None,
            Xml::PI(text) => {
                let text = decoded(arena.alloc_slice_copy(&text), encoding, arena);
                take(&mut read, INSTRUCTION, text);
            }
            Xml::Empty(_) | Xml::Comment(_) | Xml::Decl(_) => {}
        }
    }
    Some(read)
}

/// The five entities that every XML document has; there are no others without a document type.
fn predefined(name: &[u8]) -> Option<&'static [u8]> {
    Some(match name {
        b"amp" => b"&",
        b"lt" => b"<",
        b"gt" => b">",
        b"quot" => b"\"",
        b"apos" => b"'",
        _ => return None,
    })
}

/// The value without its padding, as UTF-8.
#[inline]
fn decoded<'d>(value: &'d [u8], encoding: &'static Encoding, arena: &'d Bump) -> &'d BStr {
    let value = value.trim_ascii();
    if value.is_ascii() {
        return BStr::new(value);
    }
    match encoding.decode_without_bom_handling(value).0 {
        Cow::Borrowed(text) => BStr::new(text.as_bytes()),
        Cow::Owned(text) => BStr::new(arena.alloc_slice_copy(text.as_bytes())),
    }
}

/// Puts a child's value where it belongs.
fn take<'d>(read: &mut Read<'d>, name: &[u8], text: &'d BStr) {
    let entry = &mut read.entry;
    let place = match name {
        b"TimeLogged" => {
            read.time = date_time(text);
            return;
        }
        b"RecipientAddress" => return read.recipients.push((text, b"")),
        b"RecipientStatus" => {
            if let Some(last) = read.recipients.last_mut() {
                last.1 = text;
            }
            return;
        }
        b"RecipientCount" => return entry.recipient_count = number(text),
        b"Size" => return entry.size_bytes = number(text),
        b"EntryType" => &mut entry.event,
        b"MessageID" => &mut entry.id,
        b"LinkedMessageID" => &mut entry.linked,
        b"SubjectID" => &mut entry.about,
        b"SenderAddress" => &mut entry.sender,
        b"Subject" => &mut entry.subject,
        b"ServerName" => &mut entry.server_host,
        b"ServerIP" => &mut entry.server_ip,
        b"ClientName" => &mut entry.client_host,
        b"ClientIP" => &mut entry.client_ip,
        b"PartnerServer" => &mut entry.partner,
        b"AttemptedPartnerServer" => &mut entry.attempted,
        b"ExpansionDL" => &mut entry.list,
        b"OriginationTime" => &mut entry.origination,
        b"Priority" => &mut entry.priority,
        b"Cost" => &mut entry.cost,
        b"DeliveryTime" => &mut entry.seconds,
        b"Encrypted" => &mut entry.encryption,
        b"Version" => &mut entry.version,
        INSTRUCTION => match text.strip_prefix(newer::TARGET) {
            Some(rest) => return entry.rest = BStr::new(rest),
            None => return,
        },
        _ => return,
    };
    *place = text;
}

/// A connector of 5.5 has no element of its own: the writer puts it where other events have the client, which
/// connectors do not have.
fn connector(entry: &mut Entry<'_>) {
    if connector_of(entry.client_host).is_some() && matches!(number(entry.event), Some(1001..=1018))
    {
        entry.gateway = std::mem::take(&mut entry.client_host);
    }
}
