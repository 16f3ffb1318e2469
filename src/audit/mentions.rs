//! Hours of which other logs speak: the log of a server's service is not here, but what went through it is told
//! elsewhere.
//!
//! In: for each row that must have a row of about the same time in another log, which log that is: a mailbox handed a
//! message in, so transport took it; mailbox delivery took one, so transport gave it; a shadow was kept, so there
//! is what it is the shadow of. Out: [`Hole`]s, hours in which such a log has no rows at all. Even one message
//! proves the hole, so that it is seen in the quietest hour; rows that are missing from an hour that has others are the
//! matter of [`super::handover`]. Counted by hour, so that nothing need be sampled.

use std::collections::{BTreeMap, BTreeSet};

use bstr::BStr;

use super::Spot;
use super::gone::Gone;
use super::hosts::Hosts;
use crate::address::short_host;
use crate::dialect::Elsewhere;
use crate::event::ServerId;
use crate::keys::Service;
use crate::servers::Servers;
use crate::time::{HOUR, SECOND, Time};

/// Two services of one server have one clock, but the row elsewhere may be a moment earlier or later: near the border
/// of an hour it is not known in which it stands.
const NEAR: i64 = 60 * SECOND;
/// The same for rows of other servers, whose clocks differ.
const NEAR_OTHERS: i64 = 15 * 60 * SECOND;

/// Rows that speak of one hour of one log, and the first of them.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    rows: u64,
    first: Option<Spot>,
}

/// By the server's own rows, and by those of others.
#[derive(Clone, Copy, Debug, Default)]
struct Cell {
    own: Told,
    others: Told,
}

/// A log by its host's number in [`Mentions::hosts`] and service, and the hour.
type Key = (u16, Service, i64);

/// What rows of a chunk, or of the run, speak of.
#[derive(Default)]
pub struct Mentions {
    hosts: Hosts,
    cells: BTreeMap<Key, Cell>,
}

/// Hours without any row of a service, of which rows elsewhere speak.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hole {
    pub server: ServerId,
    pub service: Service,
    /// UTC hours since 1970, in their order.
    pub hours: Vec<i64>,
    /// Rows that speak of them, and the first for each hour.
    pub rows: u64,
    pub first: Vec<Spot>,
    /// The service has rows before and after; else its log begins later or ends earlier than others.
    pub inside: bool,
}

impl Told {
    fn merge(&mut self, other: Told) {
        self.rows += other.rows;
        self.first = match (self.first, other.first) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
    }
}

impl Mentions {
    /// A row of the server `logged_by` speaks of another log.
    pub fn add(&mut self, of: &Elsewhere<'_>, logged_by: &BStr, time: Time, spot: Spot) {
        let short = short_host(of.host);
        let own = short.eq_ignore_ascii_case(logged_by);
        let into = time.0.rem_euclid(HOUR);
        let near = if own { NEAR } else { NEAR_OTHERS };
        if into < near || into > HOUR - near {
            return;
        }
        let Some(host) = self.hosts.number(short) else {
            return;
        };
        let cell = self.cells.entry((host, of.service, time.hour()));
        let cell = cell.or_default();
        let told = if own { &mut cell.own } else { &mut cell.others };
        told.merge(Told {
            rows: 1,
            first: Some(spot),
        });
    }

    pub fn merge(&mut self, other: Mentions) {
        let hosts = self.hosts.merge(&other.hosts);
        for ((host, service, hour), cell) in other.cells {
            if let Some(host) = hosts[usize::from(host)] {
                let mine = self.cells.entry((host, service, hour)).or_default();
                mine.own.merge(cell.own);
                mine.others.merge(cell.others);
            }
        }
    }

    /// The holes. `missed`: hours that are told already, because plenty of rows are usual there; `astray`: servers
    /// whose clock is so far from the others' that only their own rows count.
    pub fn holes(self, servers: &Servers, missed: &Gone, astray: &BTreeSet<ServerId>) -> Vec<Hole> {
        let mut found: BTreeMap<(ServerId, Service, bool), Hole> = BTreeMap::new();
        for ((host, service, hour), cell) in &self.cells {
            let Some(server) = servers.find(self.hosts.name(*host)) else {
                continue;
            };
            let coverage = servers.coverage(server);
            let Some((begin, end)) = coverage.spans[*service as usize] else {
                // No log of this service at all: it was not collected, or not kept.
                continue;
            };
            let logged = coverage.hours.get(hour);
            if logged.is_some_and(|logged| logged.has(*service))
                || missed.any(server, *service, *hour..=*hour)
            {
                continue;
            }
            let mut told = cell.own;
            if !astray.contains(&server) {
                told.merge(cell.others);
            }
            let Some(first) = told.first else { continue };
            let inside = begin.hour() < *hour && *hour < end.hour();
            let hole = found
                .entry((server, *service, inside))
                .or_insert_with(|| Hole {
                    server,
                    service: *service,
                    hours: Vec::new(),
                    rows: 0,
                    first: Vec::new(),
                    inside,
                });
            hole.hours.push(*hour);
            hole.rows += told.rows;
            hole.first.push(first);
        }
        found.into_values().collect()
    }
}
