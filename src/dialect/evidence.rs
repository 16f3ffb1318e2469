//! What shows that a log is whole, or that it was changed.
//!
//! In: rows, and the bytes between them. Out: times inside log-ids, headers, edges, and what makes a row one of its kind.

use bstr::BStr;

use super::{
    Aim, Layout, Slice, Surroundings, exchange55, exchange2000, legacy, modern, next_record, parse,
    trackhistory, was,
};
use crate::event::Role;
use crate::fault::Reason;
use crate::keys::{Keys, Service};
use crate::row::Row;
use crate::scan;
use crate::time::Time;

/// The time that a row's log-id carries inside; `None` where there is no log-id.
pub fn stamped(row: &Row, around: &Surroundings<'_>) -> Option<Stamp> {
    match &around.layouts[usize::from(row.layout)] {
        Layout::Modern(schema) => modern::stamped(row, schema, around),
        _ => was(row, around).and_then(|(row, around)| stamped(&row, &around)),
    }
}

/// The time inside a log-id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stamp {
    At(Time),
    /// Not of the form that carries a time, or a time long before or after Exchange: made unrecognisable, perhaps.
    None,
}

/// A copy or a message, as the server knows it that it is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named<'d> {
    /// By its internal id.
    Copy(&'d [u8]),
    /// By its network-message-id, or its Message-ID before 2013.
    Message(&'d [u8]),
    /// The same on a mailbox server, where transport gave it to mailbox delivery.
    Delivered(&'d [u8]),
}

/// Who tells that something arrived on a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Teller {
    /// Another server of the organisation, which handed it over.
    Server,
    /// A server that handed it over by a way to the outside: the name may be anybody's.
    Stranger,
    /// The submission service of a mailbox server, which handed it in.
    Mailbox,
    /// The delivery service of a mailbox server, which took it.
    Delivery,
    /// The same server, which sent it on.
    Itself,
    /// The transport service of a server, which gave it to the mailbox delivery of this or another.
    Transport,
    /// As [`Teller::Server`], but one of the two is of 2003 or before: no copy is named.
    Older,
}

/// What a row tells of something that must have arrived on a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told<'d> {
    pub teller: Teller,
    /// The server; `None`: the one that logged the row.
    pub host: Option<&'d BStr>,
    pub named: Named<'d>,
    /// It arrived between this time and that of the row.
    pub since: Time,
}

/// What a row tells of things that must have arrived on a server. Nothing is told by a track history, which
/// is an extract: what it does not hold may stand in the log.
pub fn told<'d>(row: &Row, around: &Surroundings<'d>) -> [Option<Told<'d>>; 2] {
    match &around.layouts[usize::from(row.layout)] {
        Layout::Modern(schema) => modern::told(row, schema, around),
        Layout::Exchange55 if row.role == Role::Send => {
            let entry = exchange55::entry(row, bytes(row, around), around.arena);
            [legacy::sides::told(&entry, row, around), None]
        }
        Layout::Exchange2000(schema) if row.role == Role::Send => {
            let entry = exchange2000::entry(row, bytes(row, around), schema, around.arena);
            [legacy::sides::told(&entry, row, around), None]
        }
        _ => [None, None],
    }
}

fn bytes<'d>(row: &Row, around: &Surroundings<'d>) -> &'d [u8] {
    &around.data[row.offset as usize..][..row.len as usize]
}

/// What arrived on a server with this row.
pub fn arrived<'d>(row: &Row, around: &Surroundings<'d>) -> [Option<Named<'d>>; 2] {
    match &around.layouts[usize::from(row.layout)] {
        Layout::Modern(schema) => modern::arrived(row, schema, around),
        _ => was(row, around).map_or([None, None], |(row, around)| arrived(&row, &around)),
    }
}

/// The log of another service or server that must have a row of about the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elsewhere<'d> {
    pub host: &'d BStr,
    pub service: Service,
}

/// The other log that a row speaks of; as little told by a track history.
pub fn elsewhere<'d>(row: &Row, around: &Surroundings<'d>) -> Option<Elsewhere<'d>> {
    match &around.layouts[usize::from(row.layout)] {
        Layout::Modern(schema) => modern::elsewhere(row, schema, around),
        _ => None,
    }
}

/// Generation of the queue database that made a row's internal id, where ids tell it.
pub fn queue_generation(row: &Row, around: &Surroundings<'_>) -> Option<u64> {
    match &around.layouts[usize::from(row.layout)] {
        Layout::Modern(schema) => modern::queue_generation(row, schema, around),
        _ => was(row, around).and_then(|(row, around)| queue_generation(&row, &around)),
    }
}

/// One header line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'d> {
    pub name: &'d BStr,
    pub value: &'d BStr,
    /// Its first byte, and how many line breaks stand before it.
    pub at: usize,
    pub line: u32,
}

/// Header lines in a stretch between rows.
pub fn headers<'d>(layout: &Layout, between: &'d [u8]) -> Vec<Header<'d>> {
    match layout {
        Layout::Modern(_) => modern::headers(between),
        _ => Vec::new(),
    }
}

/// How a file begins and ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edges {
    pub begins: Begins,
    pub ends: Ends,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begins {
    WithHeader,
    WithRow,
    /// With something that is neither: the rest of a row, most likely.
    MidRow,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    WithLineBreak,
    /// With a row that has all its columns, but nothing behind it.
    WithoutLineBreak,
    MidRow,
}

/// Whether a file begins and ends at a record border. `layout` is in force at its end.
pub fn edges(layout: &Layout, data: &[u8]) -> Edges {
    match layout {
        Layout::Modern(schema) => modern::edges(schema, data),
        _ => Edges {
            begins: match scan::without_mark(data).first() {
                // Such files have no header to miss.
                _ if matches!(layout, Layout::Exchange55) => {
                    match exchange55::begins_record(scan::without_mark(data)) {
                        true => Begins::WithHeader,
                        false => Begins::MidRow,
                    }
                }
                _ if matches!(layout, Layout::Foreign(_) | Layout::Online(_)) => Begins::WithHeader,
                Some(b'#' | b'<') => Begins::WithHeader,
                _ => Begins::WithRow,
            },
            ends: match data.ends_with(b"\n") {
                true => Ends::WithLineBreak,
                false if is_torn(layout, data) => Ends::MidRow,
                false => Ends::WithoutLineBreak,
            },
        },
    }
}

/// Whether the last record of a file is read as one that was not written to its end.
fn is_torn(layout: &Layout, data: &[u8]) -> bool {
    if matches!(layout, Layout::TrackHistory(_)) {
        return false;
    }
    let mut reach = 64 << 10;
    let from = loop {
        let back = data.len().saturating_sub(reach);
        let from = next_record(layout, data, back);
        if from < data.len() || back == 0 {
            break from;
        }
        reach *= 4;
    };
    let found = parse(
        Slice::of(data, from..data.len(), ""),
        layout,
        &Keys::default(),
        Aim::Rows,
    );
    found
        .faults
        .iter()
        .any(|(reason, ..)| reason == Reason::TornEnd)
}

/// Whether rows of this layout have log-ids.
pub fn has_log_ids(layout: &Layout) -> bool {
    matches!(layout, Layout::Modern(_))
}

/// Whether a record of this layout goes over several lines, so that a copy of a log that ends inside one still has its
/// first lines. Only the last record of a file can be such a part: names may begin names, so one record may begin another.
pub fn has_parts(layout: &Layout) -> bool {
    layout.is_old_text()
}

/// What is equal in two rows only if they are one row collected twice: the log-id, else the whole row.
pub fn fingerprint<'d>(row: &Row, around: &Surroundings<'d>) -> &'d [u8] {
    let log_id = match &around.layouts[usize::from(row.layout)] {
        Layout::Modern(schema) => modern::log_id(row, schema, around),
        Layout::TrackHistory(_) => {
            return match was(row, around) {
                Some((row, around)) => fingerprint(&row, &around),
                None => trackhistory::fingerprint(row, around),
            };
        }
        _ => BStr::new(b""),
    };
    if !log_id.is_empty() {
        return log_id;
    }
    bytes(row, around)
}
