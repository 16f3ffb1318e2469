//! A legacy record by its own columns, and what follows from it: [`Event`] and [`Record`].
//!
//! In: an [`Entry`], the same for all three formats. Out: what it means for the message and who its recipients are; which
//! copy it is about and where that went next, [`super::sides`] tells.

use std::borrow::Cow;

use bstr::{BStr, ByteSlice};
use bumpalo::Bump;

use super::events;
use super::sides::{Sides, connector, copy, next, tells_way};
use super::text::{number, readable};
use crate::address::List;
use crate::address::x400::{is_plain_address, plain_address};
use crate::dialect::Surroundings;
use crate::event::{Event, Extras, Next, Record, Role, ServerId, Text, Texts};
use crate::keys::Service;
use crate::row::{KeyKind, Row, mark};

/// One record's columns, blank markers gone. What a format does not have is empty.
#[derive(Clone, Debug, Default)]
pub struct Entry<'d> {
    pub dialect: &'static str,
    /// Event number as logged.
    pub event: &'d BStr,
    /// MSGID or MTS-ID.
    pub id: &'d BStr,
    /// Linked-MSGID, or the id a foreign system uses.
    pub linked: &'d BStr,
    /// Id of the message that a report is about.
    pub about: &'d BStr,
    /// Connector or store that tells the event.
    pub gateway: &'d BStr,
    /// The other side.
    pub partner: &'d BStr,
    pub attempted: &'d BStr,
    /// The list that was expanded.
    pub list: &'d BStr,
    pub client_ip: &'d BStr,
    pub client_host: &'d BStr,
    pub server_ip: &'d BStr,
    pub server_host: &'d BStr,
    pub recipients: Recipients<'d>,
    pub recipient_count: Option<u64>,
    pub size_bytes: Option<u64>,
    pub subject: &'d BStr,
    pub sender: &'d BStr,
    pub priority: &'d BStr,
    pub seconds: &'d BStr,
    pub cost: &'d BStr,
    pub encryption: &'d BStr,
    pub origination: &'d BStr,
    pub version: &'d BStr,
}

/// Addresses with their report statuses.
pub type Recipients<'d> = &'d [(&'d [u8], &'d [u8])];

/// The list of these recipients; nearly all records have one.
#[inline]
pub fn recipients<'d>(
    mut all: impl Iterator<Item = (&'d [u8], &'d [u8])>,
    arena: &'d Bump,
) -> Recipients<'d> {
    let Some(first) = all.next() else { return &[] };
    let Some(second) = all.next() else {
        return std::slice::from_ref(arena.alloc(first));
    };
    let mut list = bumpalo::vec![in arena; first, second];
    list.extend(all);
    list.into_bump_slice()
}

/// What a row says of the original that is about a report that fails nobody.
pub const DELIVERY_REPORT: &str = "delivery report";

/// All recipients of a record, as a list field; nearly all records have one.
#[inline]
fn all<'d>(recipients: Recipients<'d>, arena: &'d Bump) -> List<'d> {
    match recipients {
        [(address, _)] if is_plain_address(address) => List(address),
        recipients => list(recipients.iter().map(|(address, _)| *address), arena),
    }
}

/// Addresses in the form all stages share, as a list field.
fn list<'d>(addresses: impl Iterator<Item = &'d [u8]>, arena: &'d Bump) -> List<'d> {
    List::of(addresses.map(|address| &**plain(address, arena)), arena)
}

#[inline]
fn plain<'d>(address: &'d [u8], arena: &'d Bump) -> &'d BStr {
    if is_plain_address(address) {
        return BStr::new(address);
    }
    rewritten(address, arena)
}

#[cold]
fn rewritten<'d>(address: &'d [u8], arena: &'d Bump) -> &'d BStr {
    let text = match plain_address(address) {
        Cow::Borrowed(address) => readable(address, arena),
        Cow::Owned(address) => readable(arena.alloc_slice_copy(&address), arena),
    };
    match text.is_ascii() {
        true => text,
        // Addresses are compared without case, which later stages do by ASCII alone.
        false => BStr::new(arena.alloc_slice_copy(text.to_str_lossy().to_lowercase().as_bytes())),
    }
}

/// What one record means for paths. Each dialect has its own copy, in which the columns that nobody asks for are not even
/// looked for: as long as the entry is given to no other function.
#[inline(always)]
pub fn event<'d>(entry: &Entry<'d>, row: &Row, around: &Surroundings<'d>) -> Event<'d> {
    let arena = around.arena;
    let server = ServerId(row.server);
    let host: &'d BStr = around.servers.name(server);
    let kind = events::kind(row.code);
    let is_report = kind.is_some_and(|kind| kind.is_report);
    // Told of the original: who got no mail. Told of the report: it goes to the original's sender.
    let of_original = row.has(mark::OF_ORIGINAL);
    let (own, other) = match row.kind {
        KeyKind::Second => (entry.about, entry.id),
        _ => (entry.id, entry.about),
    };
    let failed = |(_, status): &&(&[u8], &[u8])| number(status) == Some(1);
    let addresses = |(address, _): &(&'d [u8], &'d [u8])| *address;
    let sender = plain(entry.sender, arena);
    let recipients = match is_report {
        true if of_original => list(entry.recipients.iter().filter(failed).map(addresses), arena),
        true => list(std::iter::once(&**entry.sender), arena),
        false => all(entry.recipients, arena),
    };
    // A report that mail was delivered, or one that does not say, fails nobody.
    let row_role = match of_original && recipients.0.is_empty() {
        true => Role::Info,
        false => row.role,
    };
    let sides = match around.full || tells_way(row) {
        true => Sides::of(entry.gateway, entry.partner),
        false => Sides::as_logged(entry.partner),
    };
    let peer = sides.peer;
    let next = next(entry.client_host, &sides, row, host, around);
    let role = if next == Next::Outside {
        Role::Leave
    } else {
        row_role
    };
    let arrives = matches!(role, Role::Receive | Role::Deliver | Role::Submit);
    // Queued for the Internet: the other side is where it goes, not where it came from.
    let is_queued = events::number(row.code) == 1010;
    Event {
        time: row.time,
        place: row.place(around.file, around.start),
        role,
        service: Service::Transport,
        server,
        name: entry.event,
        copy: copy(own, entry.gateway, &sides, row, host, around),
        parent: 0,
        next,
        recipients,
        related: List(plain(entry.list, arena)),
        is_report: is_report && !of_original,
        from_mailbox: matches!(events::number(row.code), 4 | 1000 | 1027),
        starts_message: matches!(events::number(row.code), 4 | 1000 | 1027),
        generated: false,
        size_bytes: match row.size_bytes {
            u32::MAX => entry.size_bytes.unwrap_or(0),
            size => u64::from(size),
        },
        next_try: None,
        link: None,
        has_timing: false,
        texts: Texts::of(
            [
                (Text::Source, BStr::new(kind.map_or("", |kind| kind.name))),
                (Text::MessageId, own),
                (
                    Text::LinkedId,
                    // Of what failed it is the report's.
                    if is_report || role == Role::Fail {
                        BStr::new(b"")
                    } else {
                        entry.linked
                    },
                ),
                (
                    Text::Reference,
                    match role {
                        _ if is_report => other,
                        Role::Fail => entry.linked,
                        _ => BStr::new(b""),
                    },
                ),
                (
                    Text::Sender,
                    if is_report { BStr::new(b"") } else { sender },
                ),
                (
                    Text::ReturnPath,
                    if is_report && !of_original {
                        BStr::new(b"<>")
                    } else {
                        null_path(entry.sender)
                    },
                ),
                (Text::Subject, readable(entry.subject, arena)),
                (Text::ClientIp, entry.client_ip),
                (
                    Text::ClientHost,
                    match arrives && entry.client_host.is_empty() {
                        true if is_queued => BStr::new(b""),
                        true => peer,
                        false => entry.client_host,
                    },
                ),
                (Text::ServerHost, if arrives { host } else { peer }),
                (Text::Connector, connector(&sides.gateway, entry.gateway)),
                (
                    Text::Context,
                    match () {
                        () if of_original && role == Role::Fail => BStr::new("non-delivery report"),
                        () if of_original => BStr::new(DELIVERY_REPORT),
                        () if role == Role::Leave => entry.linked,
                        () if is_queued => peer,
                        () if tells_why(role) => BStr::new(kind.map_or("", |kind| kind.name)),
                        () => BStr::new(b""),
                    },
                ),
            ],
            None,
            arena,
        ),
    }
}

/// [`event`], where it is not called for every row.
pub fn event_of<'d>(entry: &Entry<'d>, row: &Row, around: &Surroundings<'d>) -> Event<'d> {
    event(entry, row, around)
}

/// Whether an event's name is the reason for what it does to recipients.
fn tells_why(role: Role) -> bool {
    matches!(
        role,
        Role::Fail | Role::Drop | Role::Quarantine | Role::Defer
    )
}

fn null_path(sender: &BStr) -> &BStr {
    if sender == "<>" {
        sender
    } else {
        BStr::new(b"")
    }
}

/// A record by its columns, for `events`.
pub fn record<'d>(entry: &Entry<'d>, row: &Row, around: &Surroundings<'d>) -> Record<'d> {
    let arena = around.arena;
    let event = event_of(entry, row, around);
    let none = BStr::new(b"");
    let extras = Extras {
        gateway: entry.gateway,
        partner: entry.partner,
        attempted: entry.attempted,
        linked_id: entry.linked,
        about: entry.about,
        priority: entry.priority,
        seconds: entry.seconds,
        cost: entry.cost,
        encryption: entry.encryption,
        origination: entry.origination,
    };
    let custom_data = extras
        .named()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| {
            BStr::new(arena.alloc_slice_copy(&bstr::concat([name.as_bytes(), b"=", value])))
        });
    Record {
        place: event.place,
        dialect: entry.dialect,
        time: row.time,
        role: event.role,
        event: entry.event,
        source: event.source().text(),
        server: around.servers.name(event.server),
        client_ip: entry.client_ip,
        client_host: entry.client_host,
        server_ip: entry.server_ip,
        server_host: entry.server_host,
        source_context: none,
        connector: entry.gateway,
        internal_message_id: none,
        message_id: entry.id,
        network_message_id: event.network_message_id().text(),
        recipients: entry
            .recipients
            .iter()
            .map(|(a, _)| readable(a, arena))
            .collect(),
        recipient_statuses: entry
            .recipients
            .iter()
            .map(|(_, status)| BStr::new(*status))
            .collect(),
        size_bytes: entry.size_bytes,
        recipient_count: entry.recipient_count,
        related_recipients: match entry.list.is_empty() {
            true => vec![],
            false => vec![entry.list],
        },
        reference: if entry.about.is_empty() {
            entry.linked
        } else {
            entry.about
        },
        subject: event.subject().text(),
        sender: readable(entry.sender, arena),
        return_path: none,
        message_info: none,
        directionality: none,
        tenant_id: none,
        original_client_ip: none,
        original_server_ip: none,
        custom_data: custom_data.collect(),
        traffic_type: none,
        log_id: none,
        schema_version: entry.version,
        extras,
        verbatim: Default::default(),
    }
}
