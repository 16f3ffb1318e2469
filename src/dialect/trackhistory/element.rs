//! What one record's element says.
//!
//! In: the bytes of an element. Out: its values; the [`Entry`] that they make; where the element holds the line of another
//! log, that line and the row it is. No deeper than a track history goes.

use std::borrow::Cow;

use bstr::BStr;
use bumpalo::Bump;
use encoding_rs::{Encoding, UTF_8};
use quick_xml::Reader;
use quick_xml::events::Event as Xml;

use super::verbatim::{self, Line};
use super::walk::{INSTRUCTION, reference, walk};
use super::{Document, MAX_DEPTH, NAME, end_of, start_of};
use crate::address::any_byte;
use crate::address::x400::connector_of;
use crate::dialect::Surroundings;
use crate::dialect::legacy::text::{date_time, number};
use crate::dialect::legacy::{self, Entry};
use crate::row::Row;
use crate::time::Time;

/// A record by its columns.
pub fn entry<'d>(bytes: &'d [u8], document: &Document, arena: &'d Bump) -> Entry<'d> {
    let read = understood(bytes, document.encoding, arena).unwrap_or_default();
    let mut entry = read.entry;
    entry.recipients = legacy::recipients(read.recipients.into_iter(), arena);
    connector(&mut entry);
    entry
}

/// One record's element, the quick way if that will do; `None` if it is not well formed or too deep.
pub fn understood<'d>(
    bytes: &'d [u8],
    encoding: &'static Encoding,
    arena: &'d Bump,
) -> Option<Read<'d>> {
    let mut quick = Read::default();
    let walked = walk(bytes, |name, value| {
        let text = match name {
            INSTRUCTION => decoded(value, encoding, arena),
            _ => unescaped(decoded(value, encoding, arena), arena),
        };
        take(&mut quick, name, text);
    });
    match walked {
        Some(_) => Some(quick),
        None => read(bytes, encoding, arena),
    }
}

/// The line that the element of a record holds; `None` if it holds none.
fn line_in<'d>(bytes: &'d [u8], encoding: &'static Encoding, arena: &'d Bump) -> Option<Line<'d>> {
    let mut rest = &b""[..];
    let walked = walk(bytes, |name, value| {
        if name == INSTRUCTION
            && let Some(told) = value.strip_prefix(verbatim::TARGET)
        {
            rest = told;
        }
    });
    match walked {
        Some(_) => verbatim::line(decoded(rest, encoding, arena)),
        None => verbatim::line(read(bytes, encoding, arena)?.rest),
    }
}

/// The row of another log that a record is: what it needs to be understood there.
pub fn was<'d>(
    row: &Row,
    document: &'d Document,
    around: &Surroundings<'d>,
) -> Option<(Row, Surroundings<'d>)> {
    let layout = document.of.as_deref()?;
    let from = row.offset as usize;
    let bytes = &around.data[from..from + row.len as usize];
    let text = line_in(bytes, document.encoding, around.arena).map(|line| line.text);
    let data: &'d [u8] = match text.unwrap_or_default() {
        Cow::Borrowed(text) => text,
        Cow::Owned(text) => around.arena.alloc_slice_copy(&text),
    };
    let mut was = *row;
    (was.offset, was.len, was.layout) = (0, data.len() as u32, 0);
    if data.len() < row.last_end() {
        // The file was changed since.
        was.fields = 0;
    }
    let around = Surroundings {
        data,
        start: around.start + u64::from(row.offset),
        layouts: std::slice::from_ref(layout),
        ..*around
    };
    Some((was, around))
}

/// The line of another log, and the server that wrote it where the line does not say, if `data` begins with the element of
/// a record that holds one.
pub fn line_of<'d>(data: &'d [u8], arena: &'d Bump) -> Option<(&'d [u8], &'d [u8])> {
    if data.first() != Some(&b'<') || start_of(data, 0) != Some(0) {
        return None;
    }
    let line = line_in(&data[..end_of(data, 0)], UTF_8, arena)?;
    let text = arena.alloc_slice_copy(&line.text);
    Some((text, arena.alloc_slice_copy(line.server.as_bytes())))
}

/// An element read.
pub struct Read<'d> {
    pub entry: Entry<'d>,
    /// What waybill says beside the elements.
    pub rest: &'d [u8],
    recipients: Vec<(&'d [u8], &'d [u8])>,
    pub time: Option<Time>,
}

impl Default for Read<'_> {
    fn default() -> Self {
        let entry = Entry {
            dialect: NAME,
            ..Entry::default()
        };
        Read {
            entry,
            rest: b"",
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
            Xml::GeneralRef(name) => {
                let (character, _) = reference(&[b"&", &name[..], b";"].concat())?;
                let text = character.encode_utf8(&mut [0; 4]).to_owned();
                value.extend_from_slice(&encoding.encode(&text).0);
            }
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

/// The value without its padding, as UTF-8.
#[inline]
pub fn decoded<'d>(value: &'d [u8], encoding: &'static Encoding, arena: &'d Bump) -> &'d BStr {
    let value = value.trim_ascii();
    if value.is_ascii() {
        return BStr::new(value);
    }
    match encoding.decode_without_bom_handling(value).0 {
        Cow::Borrowed(text) => BStr::new(text.as_bytes()),
        Cow::Owned(text) => BStr::new(arena.alloc_slice_copy(text.as_bytes())),
    }
}

/// The value with the characters that its references stand for, which [`walk`] found to be proper.
#[inline]
fn unescaped<'d>(value: &'d BStr, arena: &'d Bump) -> &'d BStr {
    if !any_byte(value, |b| b == b'&') {
        return value;
    }
    let mut text = Vec::with_capacity(value.len());
    let mut rest: &[u8] = value;
    while let Some(mark) = memchr::memchr(b'&', rest)
        && let Some((character, len)) = reference(&rest[mark..])
    {
        text.extend_from_slice(&rest[..mark]);
        text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        rest = &rest[mark + len..];
    }
    text.extend_from_slice(rest);
    BStr::new(arena.alloc_slice_copy(&text))
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
        INSTRUCTION => match text.strip_prefix(verbatim::TARGET) {
            Some(rest) => return read.rest = rest,
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
