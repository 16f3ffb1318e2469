//! What servers say of each other: clocks that differ, and messages that never arrived.
//!
//! In: both legs of each hand-over. One tells: a SEND names the copy's new id on the next server, a SUBMIT the message
//! it handed to transport, a DELIVER the copy it was given, a SEND its own, or the message it gave to mailbox
//! delivery. The other is the RECEIVE (or the fork, or the DELIVER) on the server that is told of. Out: per ordered
//! pair of servers how far the times of SEND and RECEIVE lie apart, and what is told of and has no row of arriving.
//! Legs wait for each other because the logs are read at different times; there are at most [`MOST_LEGS`]. Beyond
//! that only ids whose hash ends in enough zeros are kept, both legs or neither, so the sample does not depend on
//! the order of reading.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, Hasher};

use bstr::{BStr, BString, ByteSlice};
use foldhash::quality::FixedState;
use rayon::prelude::*;

use super::Spot;
use super::gone::Gone;
use super::hosts::Hosts;
use crate::address::short_host;
use crate::dialect::{Named, Teller, Told};
use crate::event::ServerId;
use crate::keys::Service;
use crate::servers::Servers;
use crate::time::{HOUR, SECOND, Time};

/// 32 bytes each: 256 MB at most. A gigabyte of logs has about two million.
const MOST_LEGS: usize = 8 << 20;
/// A server's logs must be there this long around the time of a SEND before a missing RECEIVE means anything:
/// clocks differ, and files are collected one after the other.
const MARGIN: i64 = 15 * 60 * SECOND;
/// Clocks that are further apart.
const ASTRAY: i64 = 5 * 60 * SECOND;
/// What was on its way for longer is not followed: the further back, the likelier is another reason.
const LONGEST: i64 = 72 * HOUR;

/// One leg of a hand-over.
#[derive(Clone, Copy, Debug)]
pub struct Leg {
    /// Hash of server and internal id, or of server and message. Not seeded: the same ids must be chosen in every run.
    key: u64,
    time: Time,
    spot: Spot,
    /// The server that logged it.
    server: ServerId,
    /// The server told of, by its number in [`Legs::hosts`].
    host: u16,
    /// Who tells; `None`: the row of arriving.
    teller: Option<Teller>,
    /// It arrived so many minutes before at most.
    minutes: u16,
}

/// Legs of one chunk, or of the run.
#[derive(Default)]
pub struct Legs {
    legs: Vec<Leg>,
    hosts: Hosts,
    /// Ids are kept if so many low bits of their hash are 0.
    zeros: u32,
}

/// RECEIVE minus SEND in microseconds, and both rows.
type Measured = (i64, Spot, Spot);

/// Times between two servers' rows of the same hand-overs.
#[derive(Clone, Copy, Debug)]
pub struct Lag {
    pub hand_overs: usize,
    /// RECEIVE minus SEND, microseconds.
    pub smallest: i64,
    pub median: i64,
    pub largest: i64,
    /// The hand-over whose lag is the median: SEND and RECEIVE.
    pub rows: (Spot, Spot),
}

/// A row that tells of something of which the server told of has no row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Missing {
    pub spot: Spot,
    /// The UTC hours since 1970 in which it may have arrived, both inclusive.
    hours: (i64, i64),
}

/// What the hand-overs gave.
#[derive(Default)]
pub struct HandOvers {
    /// By sending and receiving server.
    pub lags: BTreeMap<(ServerId, ServerId), Lag>,
    /// What is told of and never arrived: by the server told of, who tells and on which server, in the order of files.
    pub missing: BTreeMap<(ServerId, Teller, ServerId), Vec<Missing>>,
    /// Servers of the organisation without any rows of their own: hand-overs to them, and the first.
    pub unread: BTreeMap<BString, (u64, Spot)>,
    /// One hand-over in so many was looked at.
    pub one_in: u64,
}

impl Leg {
    /// What all legs of one row share.
    pub fn new(server: ServerId, time: Time, spot: Spot) -> Leg {
        Leg {
            key: 0,
            time,
            spot,
            server,
            host: 0,
            teller: None,
            minutes: 0,
        }
    }

    fn is_told(&self) -> bool {
        self.teller.is_some()
    }
}

/// `host`: short and in lower case.
fn key(host: &[u8], named: Named<'_>) -> u64 {
    let mut hasher = FixedState::with_seed(0).build_hasher();
    hasher.write(host);
    match named {
        Named::Copy(id) => hasher.write(id),
        Named::Message(id) => {
            hasher.write_u8(b'm');
            hasher.write(id);
        }
        Named::Delivered(id) => {
            hasher.write_u8(b'd');
            hasher.write(id);
        }
    }
    hasher.finish()
}

impl Legs {
    /// Something arrived on the server `name`.
    #[inline]
    pub fn add_arrival(&mut self, leg: Leg, name: &BStr, named: Named<'_>) {
        let key = key(name, named);
        self.legs.push(Leg { key, ..leg });
    }

    /// A row of the server `name` tells of something that arrived before.
    pub fn add_told(&mut self, leg: Leg, name: &BStr, told: &Told<'_>) {
        let host = told.host.map_or(name.as_bytes(), |host| short_host(host));
        let Some(number) = self.hosts.number(host) else {
            return;
        };
        let minutes = (leg.time.0 - told.since.0) / (60 * SECOND) + 1;
        let minutes = match told.since == leg.time {
            true => 0,
            false => u16::try_from(minutes).unwrap_or(u16::MAX),
        };
        self.legs.push(Leg {
            key: key(self.hosts.name(number), told.named),
            host: number,
            teller: Some(told.teller),
            minutes,
            ..leg
        });
    }

    pub fn merge(&mut self, other: Legs) {
        let hosts = self.hosts.merge(&other.hosts);
        let mask = |zeros: u32| (1u64 << zeros) - 1;
        for leg in other.legs {
            if leg.key & mask(self.zeros) != 0 {
                continue;
            }
            if !leg.is_told() {
                self.legs.push(leg);
            } else if let Some(host) = hosts[usize::from(leg.host)] {
                self.legs.push(Leg { host, ..leg });
            }
        }
        while self.legs.len() > MOST_LEGS && self.zeros < 63 {
            self.zeros += 1;
            let mask = mask(self.zeros);
            self.legs.retain(|leg| leg.key & mask == 0);
        }
    }

    /// Brings the legs together.
    pub fn meet(mut self, servers: &Servers) -> HandOvers {
        let named: Vec<Option<ServerId>> =
            self.hosts.names().map(|host| servers.find(host)).collect();
        self.legs.par_sort_unstable_by_key(|leg| {
            (leg.key, !leg.is_told(), leg.teller, leg.time, leg.spot)
        });
        let mut lags: BTreeMap<(ServerId, ServerId), Vec<Measured>> = BTreeMap::new();
        let mut found = HandOvers {
            one_in: 1 << self.zeros,
            ..HandOvers::default()
        };
        for same in self.legs.chunk_by(|a, b| a.key == b.key) {
            let (tellers, arrivals) = same.split_at(same.partition_point(Leg::is_told));
            let Some(told) = tellers.first() else {
                continue;
            };
            let Some(teller) = told.teller else { continue };
            let Some(server) =
                named[usize::from(told.host)].filter(|of| servers.coverage(*of).rows > 0)
            else {
                if matches!(teller, Teller::Server | Teller::Mailbox | Teller::Older) {
                    let unread = found.unread.entry(self.hosts.name(told.host).into());
                    let (count, first) = unread.or_insert((0, told.spot));
                    *count += 1;
                    *first = (*first).min(told.spot);
                }
                continue;
            };
            let Some(arrival) = arrivals.first() else {
                if !matches!(teller, Teller::Stranger | Teller::Older)
                    && let Some(hours) = must_have_arrived(servers, server, told, service(teller))
                {
                    let (by, spot) = ((server, teller, told.server), told.spot);
                    let missing = found.missing.entry(by).or_default();
                    missing.push(Missing { spot, hours });
                }
                continue;
            };
            let sends = tellers.partition_point(|leg| leg.teller <= Some(Teller::Stranger));
            let sends = &tellers[..sends];
            // Ids of 2007 and 2010 may come again: only what is beyond doubt is measured. A row collected
            // twice is the same leg.
            if !sends.is_empty() && single(sends) && single(arrivals) {
                let lag = (arrival.time.0 - told.time.0, told.spot, arrival.spot);
                let pair = (told.server, arrival.server);
                lags.entry(pair).or_default().push(lag);
            }
        }
        found
            .missing
            .values_mut()
            .for_each(|missing| missing.sort());
        found.lags = lags
            .into_iter()
            .filter(|((from, to), _)| from != to)
            .map(|(pair, lags)| (pair, lag(lags)))
            .collect();
        found
    }
}

fn single(legs: &[Leg]) -> bool {
    legs.iter()
        .all(|leg| leg.time == legs[0].time && leg.server == legs[0].server)
}

/// The service by which something arrives of which `teller` tells.
fn service(teller: Teller) -> Service {
    match teller {
        Teller::Transport => Service::Delivery,
        _ => Service::Transport,
    }
}

/// The hours in which something arrived on the server told of, if that service's log begins before and ends after
/// it. It need not have rows in them: in a quiet hour the log may be missing whole.
fn must_have_arrived(
    servers: &Servers,
    server: ServerId,
    told: &Leg,
    service: Service,
) -> Option<(i64, i64)> {
    let (first, last) = servers.coverage(server).spans[service as usize]?;
    let since = i64::from(told.minutes) * 60 * SECOND;
    let (from, to) = (
        Time(told.time.0 - since - MARGIN),
        Time(told.time.0 + MARGIN),
    );
    let inside = first < from && to < last;
    (inside && since <= LONGEST).then(|| (from.hour(), to.hour()))
}

fn lag(mut lags: Vec<Measured>) -> Lag {
    lags.sort_unstable();
    let median = lags[lags.len() / 2];
    Lag {
        hand_overs: lags.len(),
        smallest: lags[0].0,
        median: median.0,
        largest: lags[lags.len() - 1].0,
        rows: (median.1, median.2),
    }
}

impl HandOvers {
    /// Leaves out what was on its way in hours that are found to be missing as a whole.
    pub fn leave_out(&mut self, gone: &Gone) {
        for ((server, teller, _), missing) in &mut self.missing {
            let service = service(*teller);
            missing.retain(|of| !gone.any(*server, service, of.hours.0..=of.hours.1));
        }
        self.missing.retain(|_, missing| !missing.is_empty());
    }

    /// Servers whose clock is so far from another's that rows of one say little of hours of the other.
    pub fn astray(&self) -> BTreeSet<ServerId> {
        let apart = |(&(a, b), lag): (&(ServerId, ServerId), &Lag)| {
            let offset = self.offset(a, b).unwrap_or(lag.median);
            (offset.abs() > ASTRAY).then_some([a, b])
        };
        self.lags.iter().filter_map(apart).flatten().collect()
    }

    /// How far the clock of `b` is before that of `a`, microseconds, where mail went both ways: half the difference of
    /// the two lags, in which what the way itself takes falls out. The median is taken, because a RECEIVE is
    /// logged before its SEND, and by how much depends on the slowest mail, not on the clocks.
    pub fn offset(&self, a: ServerId, b: ServerId) -> Option<i64> {
        let there = self.lags.get(&(a, b))?;
        let back = self.lags.get(&(b, a))?;
        Some((there.median - back.median) / 2)
    }
}
