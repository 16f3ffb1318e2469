//! What lines say about records on other hosts: the raw material of joins.
//!
//! In: what a chunk's lines name. Out: [`Hops`], brought together by [`crate::join::hop`] when all chunks were seen:
//! the record on the other side may stand in any file, before or behind.

use bstr::{BStr, BString};

use super::clock;
use super::reply::{self, Named};
use crate::address::bare_id;
use crate::dialect::online::hosts::{self, is_online};
use crate::event::{Event, Role};
use crate::keys::{Keys, Service};
use crate::row::Row;
use crate::time::Time;

/// A line about a record.
#[derive(Clone, Copy)]
pub struct Own {
    /// Key of the record.
    pub key: u64,
    pub time: Time,
    pub at: At,
}

/// Where a row stands: its chunk, and where in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct At {
    pub chunk: u32,
    pub offset: u32,
    pub line: u32,
}

impl At {
    /// Where `row` stands.
    #[inline]
    pub fn of(row: &Row) -> At {
        At {
            chunk: row.chunk,
            offset: row.offset,
            line: row.line,
        }
    }
}

/// A record came into being.
#[derive(Clone, Copy, Debug)]
pub struct Birth {
    /// Key of host and queue id.
    pub key: u64,
    /// Key of the queue id alone.
    pub id: u64,
    /// Key of the host.
    pub host: u64,
    pub time: Time,
    /// Key of the client's address; 0: not known.
    pub from: u64,
    /// Which process of the host took it over; 0: not known.
    pub process: u32,
    /// A program of the host gave it back, and says so.
    pub given_back: bool,
    /// The id carries no time, so that it may come again.
    pub may_be_reused: bool,
    pub at: At,
}

/// A receiver named the record that it made of what it was given.
#[derive(Clone, Copy, Debug)]
pub struct Claim {
    /// Key of the giver's record.
    pub key: u64,
    /// Key of the queue id that the receiver named; 0: it named none.
    pub id: u64,
    /// Key of the giver; 0: a host of Exchange Online, whose exports hold some of its messages only.
    pub host: u64,
    /// Key of the receiver's address; 0: the giver itself.
    pub peer: u64,
    pub time: Time,
    pub at: At,
}

impl Claim {
    /// The receiver is not known.
    pub const ANYBODY: u64 = u64::MAX;
}

/// A record was given to a program of its own host, which may have been a filter.
#[derive(Clone, Copy, Debug)]
pub struct Piped {
    /// Key of the record.
    pub key: u64,
    pub host: u64,
    pub time: Time,
}

/// What a receiver was called that was reached at an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Called {
    /// Key of the giver.
    pub by: u64,
    /// Keys of the receiver's address and of its name.
    pub address: u64,
    pub key: u64,
    pub name: BString,
}

/// A recipient was refused before the message had a queue id.
#[derive(Clone, Copy, Debug)]
pub struct Refusal {
    /// Key of the line.
    pub key: u64,
    /// Key of the client's address.
    pub from: u64,
    pub time: Time,
}

/// A line that names no queue id told of a message. A rule on the envelope is about the next one that the same process takes
/// over from the same client.
#[derive(Clone, Copy, Debug)]
pub struct Ruling {
    /// Key of the line.
    pub key: u64,
    pub host: u64,
    pub process: u32,
    /// Key of the client's address.
    pub from: u64,
    pub time: Time,
    pub at: At,
    /// It is about the last one instead: its client broke off.
    pub is_behind: bool,
}

/// A record's Message-ID.
#[derive(Clone, Copy, Debug)]
pub struct NamedAs {
    pub key: u64,
    pub message_id: u64,
    pub host: u64,
    pub time: Time,
    /// The id carries no time, so that it may come again.
    pub may_be_reused: bool,
    pub at: At,
}

/// A report was made; the line names both records by their queue ids.
#[derive(Clone, Copy, Debug)]
pub struct ReportOf {
    /// Key of the report's record.
    pub own: u64,
    /// Key of the record that the report is about.
    pub about: u64,
    pub time: Time,
    pub at: At,
    /// The line is about the report's own record, and names the other one beside it.
    pub is_own: bool,
}

/// What one chunk gave.
#[derive(Clone, Debug, Default)]
pub struct Hops {
    /// Keys of records that are of one message, proven by a line of their own host, and when that was written.
    pub ties: Vec<(u64, Time, u64)>,
    /// Key of a record, when it was handed over, and the copy that Exchange made of it.
    pub to_exchange: Vec<(u64, Time, u64)>,
    /// Key of an Exchange message, and of one of its copies.
    pub exchange_copies: Vec<(u64, u64)>,
    pub births: Vec<Birth>,
    pub claims: Vec<Claim>,
    pub piped: Vec<Piped>,
    pub named: Vec<NamedAs>,
    pub refusals: Vec<Refusal>,
    pub rulings: Vec<Ruling>,
    pub reports: Vec<ReportOf>,
    /// Records whose client is Exchange Online, which names no receiver: key, time, key of its name.
    pub from_online: Vec<(u64, Time, u64)>,
    /// Names behind keys of hosts and addresses.
    pub names: Vec<(u64, BString)>,
    /// Receivers that have a domain in their name and an address.
    pub called: Vec<Called>,
    /// Chunks of these logs, each with its file and where it begins there.
    pub begins: Vec<(u32, (u32, u64))>,
}

/// What a row of Exchange says: which copy a RECEIVE opened; which queue id the receiver of a SEND named, which stands in
/// the source context, in some versions in the recipient status. A report that came in names by its Message-ID the record
/// under which it was made. `host` is the server that logged it; [`hosts::SERVER`] for all of Exchange Online.
pub fn of_exchange(row: &Row, event: &Event<'_>, host: &BStr, keys: &Keys, hops: &mut Hops) {
    let key = row.key;
    let of_online = *host == hosts::SERVER;
    let mut claim = |id: u64, peer: u64| {
        hops.claims.push(Claim {
            key,
            id,
            host: if of_online { 0 } else { keys.host(host) },
            peer,
            time: row.time,
            at: At::of(row),
        });
    };
    if event.role == Role::Receive {
        if let Some(id) = report_id(event.message_id().text()) {
            claim(keys.bytes(id), Claim::ANYBODY);
        }
        if event.copy != 0 {
            hops.exchange_copies.push((key, event.copy));
        }
        return;
    }
    if !matches!(event.role, Role::Leave | Role::Send) {
        return;
    }
    let named = reply::of(event);
    if let Named::Exchange { id, host, .. } = named {
        // The copy goes by another network-message-id where the receiver does not trust the giver's.
        let copy = keys.copy(host, Service::Transport, id);
        hops.to_exchange.push((key, row.time, copy));
    }
    if event.role == Role::Send {
        return;
    }
    let receiver = event.server_host().text();
    let peer = match is_online(receiver) {
        true => keys.host(hosts::SERVER),
        false => keys.caseless(receiver),
    };
    match named {
        Named::Queue(id) => claim(keys.bytes(id), peer),
        // Other queue ids of this message are asked for by its Message-ID.
        Named::Nothing => claim(0, peer),
        Named::Exchange { host, .. } if is_online(host) || is_online(receiver) => {
            claim(0, keys.host(hosts::SERVER));
        }
        Named::Exchange { .. } => return,
    }
    hops.names.push((peer, receiver.to_owned()));
    let message_id = event.message_id().text();
    if message_id.len() > 2 {
        hops.named.push(NamedAs {
            key,
            message_id: keys.message_id(message_id),
            host: keys.host(host),
            time: row.time,
            may_be_reused: false,
            at: At::of(row),
        });
    }
}

/// The queue id in the Message-ID of a report: `<YYYYMMDDhhmmss.QID@h>` of Postfix, `<LONGID@h>` of the same with long
/// ids, `<E{ID}@h>` of Exim, `<YYYYMMDDhhmm.QID@h>` of Sendmail.
pub fn report_id(message_id: &[u8]) -> Option<&[u8]> {
    let id = bare_id(message_id);
    let own = &id[..memchr::memchr(b'@', id)?];
    if let Some(exim) = own.strip_prefix(b"E")
        && clock::is_exim_id(exim)
    {
        return Some(exim);
    }
    if let Some(dot) = memchr::memchr(b'.', own) {
        let is_time = matches!(dot, 12 | 14) && own[..dot].iter().all(u8::is_ascii_digit);
        let id = &own[dot + 1..];
        let is_id = (5..=20).contains(&id.len()) && id.iter().all(u8::is_ascii_alphanumeric);
        return (is_time && is_id).then_some(id);
    }
    (own.len() < 21 && clock::any_arrival(own).is_some()).then_some(own)
}

impl Hops {
    /// Whether there is nothing to bring together.
    pub fn is_empty(&self) -> bool {
        self.ties.is_empty()
            && self.births.is_empty()
            && self.claims.is_empty()
            && self.exchange_copies.is_empty()
    }

    /// Moves all places.
    pub fn relocate(&mut self, mut to: impl FnMut(&mut At)) {
        self.births.iter_mut().for_each(|birth| to(&mut birth.at));
        self.claims.iter_mut().for_each(|claim| to(&mut claim.at));
        self.named.iter_mut().for_each(|named| to(&mut named.at));
        self.reports
            .iter_mut()
            .for_each(|report| to(&mut report.at));
        self.rulings
            .iter_mut()
            .for_each(|ruling| to(&mut ruling.at));
    }

    /// Adds another chunk's.
    pub fn merge(&mut self, other: Hops) {
        self.ties.extend(other.ties);
        self.to_exchange.extend(other.to_exchange);
        self.exchange_copies.extend(other.exchange_copies);
        self.births.extend(other.births);
        self.claims.extend(other.claims);
        self.piped.extend(other.piped);
        self.named.extend(other.named);
        self.refusals.extend(other.refusals);
        self.rulings.extend(other.rulings);
        self.reports.extend(other.reports);
        self.from_online.extend(other.from_online);
        self.names.extend(other.names);
        self.called.extend(other.called);
        self.begins.extend(other.begins);
    }
}
