//! Understands a line: its parts to [`Event`] and [`Record`].
//!
//! In: a row and its chunk. Out: what it means for its own record. What follows from other records of the message is
//! [`super::settle`]'s work, once all of them are together.

use bstr::{BStr, ByteSlice};
use bumpalo::Bump;

use super::clock::Clock;
use super::cut::text;
use super::entry::Entry;
use super::events::{self, code};
use super::kept::kept;
use super::line::{Outer, Program};
use super::outer::outer;
use super::{Form, Schema, read};
use crate::address::List;
use crate::dialect::Surroundings;
use crate::dialect::exim::pieces;
use crate::event::{Event, Next, Record, Role, ServerId, Text, Texts, Verbatim};
use crate::keys::Service;
use crate::row::{KeyKind, Row};

/// Takes a row's line apart again.
fn parts<'d>(row: &Row, schema: &Schema, around: &Surroundings<'d>) -> (Outer<'d>, Entry<'d>) {
    let from = row.offset as usize;
    let line = &around.data[from..from + row.len as usize];
    let mut found = outer(line, &schema.clock).unwrap_or(Outer {
        time: row.time,
        bare: None,
        host: b"",
        program: Program::Other,
        tag: b"",
        process: b"",
        body: line,
    });
    if schema.form == Form::Syslog && found.program == Program::Exim {
        found.body = whole(line, found.body, around.arena);
    }
    let entry = read(&found);
    (found, entry)
}

/// The body of the line that `data` begins with, with what Exim cut from it into pieces.
fn whole<'d>(data: &'d [u8], body: &'d [u8], arena: &'d Bump) -> &'d [u8] {
    match pieces::piece(body) {
        Some(_) => pieces::gather(data, 0, arena).map_or(body, |whole| whole.body),
        None => body,
    }
}

/// The Message-ID as the others write it: in brackets, with its own bytes.
pub(super) fn message_id<'d>(entry: &Entry<'d>, arena: &'d Bump) -> &'d BStr {
    let id = entry.message_id;
    if entry.program != Program::Exim || id.is_empty() || id.starts_with(b"<") {
        return text(if id == b"<>" { b"" } else { id });
    }
    let mut plain = Vec::with_capacity(id.len() + 2);
    plain.push(b'<');
    unescape(id, &mut plain);
    plain.push(b'>');
    BStr::new(arena.alloc_slice_copy(&plain))
}

/// The subject with its own bytes.
fn subject<'d>(entry: &Entry<'d>, arena: &'d Bump) -> &'d [u8] {
    let logged = entry.subject;
    if entry.program != Program::Exim || !logged.contains(&b'\\') {
        return logged;
    }
    let mut plain = Vec::with_capacity(logged.len());
    unescape(logged, &mut plain);
    arena.alloc_slice_copy(&plain)
}

/// Exim writes what is not printing ASCII in octal, `\303\274`, and a backslash before backslash and quote.
fn unescape(text: &[u8], plain: &mut Vec<u8>) {
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        plain.extend_from_slice(&rest[..at]);
        let octal = rest.get(at + 1..at + 4).and_then(|digits| {
            digits.iter().try_fold(0u32, |n, b| {
                (b'0'..=b'7')
                    .contains(b)
                    .then(|| n * 8 + u32::from(b - b'0'))
            })
        });
        let (byte, len) = match (octal, rest.get(at + 1)) {
            (Some(byte), _) => (byte as u8, 4),
            (None, Some(&byte @ (b'\\' | b'"'))) => (byte, 2),
            (None, _) => (b'\\', 1),
        };
        plain.push(byte);
        rest = &rest[at + len..];
    }
    plain.extend_from_slice(rest);
}

/// What a line at the beginning of `data` names: the Message-ID, and the queue ids of the record it is about and of another
/// one; empty where it names none.
pub fn names<'d>(data: &'d [u8], arena: &'d Bump) -> [&'d BStr; 3] {
    let end = memchr::memchr(b'\n', data).unwrap_or(data.len());
    let line = data[..end].strip_suffix(b"\r").unwrap_or(&data[..end]);
    match outer(line, &Clock::default()) {
        Some(mut found) => {
            if found.program == Program::Exim {
                found.body = whole(data, found.body, arena);
            }
            let entry = read(&found);
            [message_id(&entry, arena), text(entry.id), text(entry.other)]
        }
        None => Default::default(),
    }
}

/// The parts of a row's line, from where the row keeps them or by reading it again.
#[inline]
pub(super) fn entry_of<'d>(row: &Row, schema: &Schema, around: &Surroundings<'d>) -> Entry<'d> {
    let from = row.offset as usize;
    let line = &around.data[from..from + row.len as usize];
    kept(row, line).unwrap_or_else(|| parts(row, schema, around).1)
}

/// Understands a row as far as paths need it.
pub fn event<'d>(row: &Row, schema: &Schema, around: &Surroundings<'d>) -> Event<'d> {
    of_entry(row, &entry_of(row, schema, around), around, None)
}

/// `<>` where the envelope names nobody as sender.
pub(super) fn return_path(entry: &Entry<'_>) -> &'static [u8] {
    match entry.sender {
        Some(b"") => b"<>",
        _ => b"",
    }
}

/// What the parts of a row's line mean; `copy`: the key of the record, where it is known.
pub(super) fn of_entry<'d>(
    row: &Row,
    entry: &Entry<'d>,
    around: &Surroundings<'d>,
    copy: Option<u64>,
) -> Event<'d> {
    let arena = around.arena;
    let server = ServerId(row.server);
    let host: &'d BStr = around.servers.name(server);
    let copy_of = |id: &[u8]| around.keys.copy(host, Service::Transport, id);
    let of_report = row.kind == KeyKind::Second;
    let is_exim_report = row.role == Role::Report && entry.code == code::RECEIVED;
    let role = match entry.code {
        code::SENT => Role::Leave,
        code::REPORT if !of_report => Role::Info,
        _ => row.role,
    };
    let next = match entry.code {
        code::SENT => Next::Outside,
        code::FORWARDED => Next::Server {
            host,
            copy: copy_of(entry.other),
        },
        _ => Next::None,
    };
    let (own, other) = match of_report {
        true => (entry.other, entry.id),
        false => (entry.id, entry.other),
    };
    let arrives = arrives(role, entry);
    let peer = text(entry.peer.host());
    let is_report = role == Role::Report;
    Event {
        time: row.time,
        place: row.place(around.file, around.start),
        role,
        service: Service::Transport,
        server,
        name: BStr::new(events::of(row.code).name),
        copy: match copy {
            Some(copy) => copy,
            None if own.is_empty() => 0,
            None => copy_of(own),
        },
        parent: match entry.code {
            code::RECEIVED | code::REPORT if !other.is_empty() => copy_of(other),
            _ => 0,
        },
        next,
        recipients: entry.recipients(arena),
        related: entry.related(),
        is_report,
        from_mailbox: false,
        starts_message: false,
        generated: is_exim_report,
        size_bytes: entry.size,
        next_try: None,
        link: None,
        has_timing: false,
        texts: Texts::of(
            [
                (Text::Source, events::program(entry.program).as_bytes()),
                (Text::MessageId, message_id(entry, arena)),
                (Text::LinkedId, text(own)),
                (Text::Reference, if is_report { other } else { b"" }),
                (Text::Sender, entry.sender.unwrap_or_default()),
                (Text::ReturnPath, return_path(entry)),
                (Text::Subject, subject(entry, arena)),
                (Text::ClientIp, if arrives { entry.peer.ip } else { b"" }),
                (Text::ClientHost, if arrives { peer } else { host }),
                (Text::ServerHost, if arrives { host } else { peer }),
                (Text::Connector, entry.connector),
                (Text::Context, entry.reason(arena)),
            ],
            None,
            arena,
        ),
    }
}

/// Whether the peer of an entry is who gave, not who got.
fn arrives(role: Role, entry: &Entry<'_>) -> bool {
    matches!(role, Role::Receive | Role::Report)
        || matches!(entry.code, code::REFUSED | code::SWALLOWED)
}

/// A row with every part by name, for `events`.
pub fn record<'d>(row: &Row, schema: &Schema, around: &Surroundings<'d>) -> Record<'d> {
    let (found, entry) = parts(row, schema, around);
    let from = row.offset as usize;
    let line = &around.data[from..from + row.len as usize];
    let event = of_entry(row, &entry, around, None);
    let host = around.servers.name(event.server);
    let none = BStr::new(b"");
    let arrives = arrives(event.role, &entry);
    let list = |list: List<'d>| list.into_iter().map(BStr::new).collect::<Vec<_>>();
    let own_file = schema.form == Form::Exim;
    Record {
        place: event.place,
        dialect: events::program(entry.program),
        time: row.time,
        // The line tells of a report, whichever of the two messages it is looked at from.
        role: if entry.code == code::REPORT {
            Role::Report
        } else {
            event.role
        },
        event: event.name,
        source: BStr::new(found.tag),
        server: host,
        client_ip: event.client_ip().text(),
        client_host: event.client_host().text(),
        server_ip: text(if arrives { b"" } else { entry.peer.ip }),
        server_host: event.server_host().text(),
        source_context: match entry.code {
            code::OTHER | code::CONNECTION => found.body.as_bstr(),
            _ => event.context().text(),
        },
        connector: event.connector().text(),
        internal_message_id: text(entry.id),
        message_id: event.message_id().text(),
        network_message_id: none,
        recipients: list(event.recipients),
        recipient_statuses: Vec::new(),
        size_bytes: (entry.size > 0).then_some(entry.size),
        recipient_count: entry.count,
        related_recipients: list(event.related),
        reference: text(entry.other),
        subject: event.subject().text(),
        sender: event.sender().text(),
        return_path: event.return_path().text(),
        message_info: none,
        directionality: none,
        tenant_id: none,
        original_client_ip: none,
        original_server_ip: none,
        custom_data: Vec::new(),
        traffic_type: none,
        log_id: none,
        schema_version: none,
        extras: Default::default(),
        verbatim: Verbatim {
            header: BStr::new(around.arena.alloc_str(&schema.header())),
            server: if own_file { host } else { none },
            line: BStr::new(line),
        },
    }
}
