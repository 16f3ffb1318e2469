//! The two sides of a legacy record: which copy it is about, and where that copy went.
//!
//! In: a row and the names of gateway and partner in its record. Out: keys of copies, [`Next`]. Exchange gave copies no ids
//! of their own in that time: a message is at a place (a server's MTA, a connector, a server's SMTP queue) at most once, so
//! place and message together name the copy.

use bstr::{BStr, ByteSlice};

use super::{Entry, events};
use crate::address::x400::{Place, is_mts_id, place_of};
use crate::dialect::{Named, Surroundings, Teller, Told};
use crate::event::{Next, Role, ServerId};
use crate::row::Row;

/// Places where a message waits on one server.
mod part {
    pub const MTA: u8 = 0;
    pub const CONNECTOR: u8 = 1;
    pub const SMTP: u8 = 2;
}

/// Whether the names of a row's two sides say where a copy is or went. Those of other rows are looked into when a person
/// is to see them: [`peer_name`], [`connector_name`].
pub(super) fn tells_way(row: &Row) -> bool {
    matches!(row.role, Role::Send | Role::Leave) || matches!(events::number(row.code), 1001..=1018)
}

/// The other side of a record by its short name: the server or connector in a distinguished name, else as logged.
pub fn peer_name(partner: &BStr) -> &BStr {
    peer(&place_of(partner), partner)
}

/// The connector of a record by its short name; none for a store.
pub fn connector_name(gateway: &BStr) -> &BStr {
    connector(&place_of(gateway), gateway)
}

fn peer<'d>(place: &Place<'d>, partner: &'d BStr) -> &'d BStr {
    place.server.or(place.connector).map_or(partner, BStr::new)
}

pub(super) fn connector<'d>(place: &Place<'d>, gateway: &'d BStr) -> &'d BStr {
    match (place.connector, place.server) {
        (Some(name), _) => BStr::new(name),
        (None, Some(_)) => BStr::new(b""), // a store
        (None, None) => gateway,
    }
}

/// The two sides of a record, as far as their names tell.
pub(super) struct Sides<'d> {
    pub(super) gateway: Place<'d>,
    partner: Place<'d>,
    /// The other side by its short name: the server or connector in a distinguished name, else what the record says.
    pub(super) peer: &'d BStr,
}

impl<'d> Sides<'d> {
    #[inline]
    pub(super) fn of(gateway: &'d BStr, named: &'d BStr) -> Sides<'d> {
        let partner = place_of(named);
        Sides {
            // The store of 4.0 to 5.5 names itself twice.
            gateway: if gateway == named {
                partner
            } else {
                place_of(gateway)
            },
            partner,
            peer: peer(&partner, named),
        }
    }

    /// Not looked into.
    pub(super) fn as_logged(partner: &'d BStr) -> Sides<'d> {
        Sides {
            gateway: Place::default(),
            partner: Place::default(),
            peer: partner,
        }
    }
}

/// The copy of a row's message in the SMTP queue of a server.
pub fn smtp_stay(host: &[u8], row: &Row, around: &Surroundings<'_>) -> u64 {
    around.keys.stay(host, part::SMTP, row.key)
}

/// The copy a record is about.
pub(super) fn copy(
    id: &BStr,
    gateway: &BStr,
    sides: &Sides<'_>,
    row: &Row,
    host: &BStr,
    around: &Surroundings<'_>,
) -> u64 {
    let keys = around.keys;
    match events::number(row.code) {
        4 | 1000 | 1027 => 0,
        // Of 2003 it is not the MTA that opens lists, and what it knows messages by is their Message-ID.
        26 if !is_mts_id(id) => keys.stay(host, part::SMTP, row.key),
        0..=999 => keys.stay(host, part::MTA, row.key),
        1001..=1018 => {
            let place = sides.gateway.connector.unwrap_or(gateway);
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
pub(super) fn next<'d>(
    client_host: &'d BStr,
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
            // Which column names the other host is contested; the partner is what Microsoft's own tool shows, and a
            // connector is no host.
            let is_host = !peer.is_empty() && sides.partner.connector.is_none();
            let peer = match is_host || client_host.is_empty() {
                true => peer,
                false => client_host,
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

/// Whether a host is of this organisation: named by a distinguished name, by a name without domain, or known as own.
fn is_inside(host: &[u8], sides: &Sides<'_>, around: &Surroundings<'_>) -> bool {
    let bare_name = !host.is_empty() && host.find_byteset(b".:[]").is_none();
    bare_name || sides.partner.server.is_some() || around.servers.is_own(host)
}

/// What a hand-over to another server of the organisation tells: the message was there.
pub fn told<'d>(entry: &Entry<'d>, row: &Row, around: &Surroundings<'d>) -> Option<Told<'d>> {
    let sides = Sides::of(entry.gateway, entry.partner);
    let own = around.servers.name(ServerId(row.server));
    let Next::Server { host, .. } = next(entry.client_host, &sides, row, own, around) else {
        return None;
    };
    // A connector may go anywhere, and an X.400 system outside has a name of any form.
    let is_server = sides.partner.server.is_some() || events::number(row.code) == 1031;
    let named = Named::Message(entry.id);
    (is_server && !entry.id.is_empty()).then_some(Told {
        teller: Teller::Older,
        host: Some(host),
        named,
        since: row.time,
    })
}
