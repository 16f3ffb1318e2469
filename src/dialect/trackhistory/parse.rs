//! Reads record elements.
//!
//! In: a chunk that begins with a record's element or with the document's beginning. Out: [`Yield`] and, when a message
//! is built, [`Entry`]. One element is looked at at a time, no deeper than a track history goes.

use bstr::BStr;
use bumpalo::Bump;
use encoding_rs::Encoding;
use quick_xml::Reader;
use quick_xml::events::Event as Xml;

use super::{Document, NAME, end_of, start_of};
use crate::address::x400::connector_of;
use crate::dialect::legacy::text::{date_time, number};
use crate::dialect::legacy::{Entry, Finder, Found};
use crate::dialect::{Layout, MAX_RECORD_BYTES, Slice, Yield};
use crate::fault::Reason;
use crate::keys::Keys;
use crate::scan::MAX_FIELDS;

/// Entry, Recipients, Recipient, RecipientAddress: a track history has four levels.
const MAX_DEPTH: usize = 8;

/// Finds the records of `slice`; `once`: the first one only.
pub fn parse(slice: Slice<'_>, document: &Document, keys: &Keys, once: bool) -> Yield {
    let arena = Bump::new();
    parse_into(slice, document, keys, once, &arena)
}

fn parse_into<'p>(
    slice: Slice<'p>,
    document: &Document,
    keys: &'p Keys,
    once: bool,
    arena: &'p Bump,
) -> Yield {
    let mut finder = Finder::new(slice, Layout::TrackHistory(document.clone()), keys);
    let data = slice.data;
    let mut at = 0;
    while let Some(start) = start_of(data, at) {
        finder.line += memchr::memchr_iter(b'\n', &data[at..start]).count() as u32;
        let end = end_of(data, start);
        record(&mut finder, document, &data[start..end], start, arena);
        finder.line += memchr::memchr_iter(b'\n', &data[start..end]).count() as u32;
        at = end;
        if once {
            break;
        }
    }
    finder.finish()
}

fn record<'p>(
    finder: &mut Finder<'p>,
    document: &Document,
    bytes: &[u8],
    at: usize,
    arena: &'p Bump,
) {
    if bytes.len() > MAX_RECORD_BYTES {
        return finder.fault(at, Reason::TooLong);
    }
    let Some(entry) = read(bytes, document.encoding, arena) else {
        return finder.fault(at, Reason::BadXml);
    };
    let Some(time) = entry.time else {
        return finder.fault(at, Reason::NoTime);
    };
    let entry = entry.entry;
    finder.add(&Found {
        at,
        len: bytes.len(),
        event: entry.event,
        time,
        server: entry.server_host,
        id: entry.id,
        linked: linked(&entry),
        about: entry.about,
        size_bytes: entry.size_bytes.unwrap_or(0),
        ends: [0; MAX_FIELDS],
        fields: 0,
    });
}

/// The linked id, if it is one of the message itself: a connector writes down the foreign system's.
fn linked<'d>(entry: &Entry<'d>) -> &'d [u8] {
    match number(entry.event) {
        Some(1001..=1018) => {
            crate::address::x400::remote_message_id(entry.linked).unwrap_or_default()
        }
        _ => entry.linked,
    }
}

/// A record by its columns.
pub fn entry<'d>(bytes: &'d [u8], document: &Document, arena: &'d Bump) -> Entry<'d> {
    read(bytes, document.encoding, arena)
        .map(|read| read.entry)
        .unwrap_or_default()
}

/// An element read.
struct Read<'d> {
    entry: Entry<'d>,
    time: Option<crate::time::Time>,
}

/// Reads one record's element; `None` if it is not well formed or too deep.
fn read<'d>(bytes: &[u8], encoding: &'static Encoding, arena: &'d Bump) -> Option<Read<'d>> {
    let mut reader = Reader::from_reader(bytes);
    let mut read = Read {
        entry: Entry {
            dialect: NAME,
            ..Entry::default()
        },
        time: None,
    };
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
                let text = decoded(&value, encoding, arena);
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
            Xml::Empty(_) | Xml::Comment(_) | Xml::Decl(_) | Xml::PI(_) => {}
        }
    }
    connector(&mut read.entry);
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
fn decoded<'d>(value: &[u8], encoding: &'static Encoding, arena: &'d Bump) -> &'d BStr {
    let value = value.trim_ascii();
    if value.is_empty() {
        return BStr::new(b"");
    }
    if value.is_ascii() {
        return BStr::new(arena.alloc_slice_copy(value));
    }
    let (text, _) = encoding.decode_without_bom_handling(value);
    BStr::new(arena.alloc_slice_copy(text.as_bytes()))
}

/// Puts a child's value where it belongs.
fn take<'d>(read: &mut Read<'d>, name: &[u8], text: &'d BStr) {
    let entry = &mut read.entry;
    let place = match name {
        b"TimeLogged" => {
            read.time = date_time(text);
            return;
        }
        b"RecipientAddress" => return entry.recipients.push((text, b"")),
        b"RecipientStatus" => {
            if let Some(last) = entry.recipients.last_mut() {
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
