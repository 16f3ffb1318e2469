//! A legacy record by its own columns, and what follows from it: [`Event`] and [`Record`].
//!
//! In: an [`Entry`], the same for all three formats. Out: which copy an event is about, where a message went next,
//! who its recipients are. Exchange gave copies no ids of their own in that time: a message is at a place (a server's MTA,
//! a connector, a server's SMTP queue) at most once, so place and message together name the copy.

use std::borrow::Cow;

use bstr::{BStr, ByteSlice};
use bumpalo::Bump;

use super::events;
use super::text::{number, readable};
use crate::address::List;
use crate::address::x400::{Place, is_plain_address, place_of, plain_address};
use crate::dialect::Surroundings;
use crate::event::{Event, Extras, Next, Raw, Record, Role, ServerId};
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

/// Places where a message waits on one server.
mod part {
    pub const MTA: u8 = 0;
    pub const CONNECTOR: u8 = 1;
    pub const SMTP: u8 = 2;
}

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
    match plain_address(address) {
        Cow::Borrowed(address) => readable(address, arena),
        Cow::Owned(address) => readable(arena.alloc_slice_copy(&address), arena),
    }
}

/// What one record means for paths. Each dialect has its own copy, in which the columns that nobody asks for are not even
/// looked for.
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
        true => List(sender),
        false => all(entry.recipients, arena),
    };
    let sides = Sides::of(entry);
    let peer = sides.peer;
    let next = next(entry, &sides, row, host, around);
    let role = if next == Next::Outside {
        Role::Leave
    } else {
        row.role
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
        source: Raw::plain(BStr::new(kind.map_or("", |kind| kind.name))),
        copy: copy(entry, &sides, row, host, around),
        parent: 0,
        next,
        message_id: Raw::plain(own),
        network_message_id: Raw::plain(BStr::new(b"")),
        linked_id: if is_report {
            BStr::new(b"")
        } else {
            entry.linked
        },
        recipients,
        statuses: Raw::plain(b""),
        related: List(plain(entry.list, arena)),
        reference: Raw::plain(match role {
            _ if is_report => other,
            Role::Fail => entry.linked,
            _ => BStr::new(b""),
        }),
        is_report: is_report && !of_original,
        from_mailbox: matches!(events::number(row.code), 4 | 1000 | 1027),
        starts_message: matches!(events::number(row.code), 4 | 1000 | 1027),
        generated: false,
        sender: Raw::plain(if is_report { BStr::new(b"") } else { sender }),
        return_path: Raw::plain(if is_report && !of_original {
            BStr::new(b"<>")
        } else {
            null_path(entry.sender)
        }),
        subject: Raw::plain(readable(entry.subject, arena)),
        size_bytes: entry.size_bytes.unwrap_or(0),
        client_ip: Raw::plain(entry.client_ip),
        original_client_ip: Raw::plain(BStr::new(b"")),
        client_host: Raw::plain(match arrives && entry.client_host.is_empty() {
            true if is_queued => BStr::new(b""),
            true => peer,
            false => entry.client_host,
        }),
        server_host: Raw::plain(if arrives { host } else { peer }),
        connector: Raw::plain(match sides.gateway {
            Place {
                connector: Some(name),
                ..
            } => BStr::new(name),
            Place {
                server: Some(_), ..
            } => BStr::new(b""), // a store
            _ => entry.gateway,
        }),
        context: Raw::plain(match () {
            () if of_original => BStr::new("non-delivery report"),
            () if role == Role::Leave => entry.linked,
            () if is_queued => peer,
            () if tells_why(role) => BStr::new(kind.map_or("", |kind| kind.name)),
            () => BStr::new(b""),
        }),
        next_try: None,
        timing: Raw::plain(b""),
        link: None,
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

/// The two sides of a record, as far as their names tell.
struct Sides<'d> {
    gateway: Place<'d>,
    partner: Place<'d>,
    /// The other side by its short name: the server or connector in a distinguished name, else what the record says.
    peer: &'d BStr,
}

impl<'d> Sides<'d> {
    #[inline]
    fn of(entry: &Entry<'d>) -> Sides<'d> {
        let gateway: &'d [u8] = entry.gateway;
        let named: &'d [u8] = entry.partner;
        let partner = place_of(named);
        Sides {
            // The store of 4.0 to 5.5 names itself twice.
            gateway: if gateway == named {
                partner
            } else {
                place_of(gateway)
            },
            partner,
            peer: partner
                .server
                .or(partner.connector)
                .map_or(entry.partner, BStr::new),
        }
    }
}

/// The copy of a row's message in the SMTP queue of a server.
pub fn smtp_stay(host: &[u8], row: &Row, around: &Surroundings<'_>) -> u64 {
    around.keys.stay(host, part::SMTP, row.key)
}

/// The copy a record is about.
fn copy(
    entry: &Entry<'_>,
    sides: &Sides<'_>,
    row: &Row,
    host: &BStr,
    around: &Surroundings<'_>,
) -> u64 {
    let keys = around.keys;
    match events::number(row.code) {
        4 | 1000 | 1027 => 0,
        0..=999 => keys.stay(host, part::MTA, row.key),
        1001..=1018 => {
            let place = sides.gateway.connector.unwrap_or(entry.gateway);
            connector_stay(place, host, row, around)
        }
        _ => keys.stay(host, part::SMTP, row.key),
    }
}

/// A message's stay at a connector of a server; one without a name is the server's only one.
fn connector_stay(name: &[u8], host: &[u8], row: &Row, around: &Surroundings<'_>) -> u64 {
    let place = if name.is_empty() { host } else { name };
    around.keys.stay(place, part::CONNECTOR, row.key)
}

/// Where a hand-over went.
fn next<'d>(
    entry: &Entry<'d>,
    sides: &Sides<'d>,
    row: &Row,
    host: &'d BStr,
    around: &Surroundings<'d>,
) -> Next<'d> {
    if row.role != Role::Send {
        return Next::None;
    }
    let keys = around.keys;
    let peer = sides.peer;
    let at = |host: &'d BStr, part| Next::Server {
        host,
        copy: keys.stay(host, part, row.key),
    };
    match events::number(row.code) {
        // The store of the same server takes it and gives it to the MTA or delivers it.
        1013 => at(host, part::MTA),
        1029 if peer.is_empty() => at(host, part::MTA),
        1029 => at(peer, part::MTA),
        1031 => {
            // Which column names the other host is contested; the partner is what Microsoft's own tool shows.
            let peer = if peer.is_empty() {
                entry.client_host
            } else {
                peer
            };
            if is_inside(peer, sides, around) {
                at(peer, part::SMTP)
            } else {
                Next::Outside
            }
        }
        _ if peer.is_empty() => Next::None,
        _ => match sides.partner.connector {
            Some(connector) => Next::Server {
                host: peer,
                copy: connector_stay(connector, host, row, around),
            },
            None => at(peer, part::MTA),
        },
    }
}

/// Whether a host is of this organisation: read, named by a distinguished name, or by a name without domain.
fn is_inside(host: &[u8], sides: &Sides<'_>, around: &Surroundings<'_>) -> bool {
    let bare_name = !host.is_empty() && host.find_byteset(b".:[]").is_none();
    bare_name || sides.partner.server.is_some() || around.servers.has_log(host)
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
        source: event.source.text(),
        server: around.servers.name(event.server),
        client_ip: entry.client_ip,
        client_host: entry.client_host,
        server_ip: entry.server_ip,
        server_host: entry.server_host,
        source_context: none,
        connector: entry.gateway,
        internal_message_id: none,
        message_id: entry.id,
        network_message_id: event.network_message_id.text(),
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
        subject: event.subject.text(),
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
