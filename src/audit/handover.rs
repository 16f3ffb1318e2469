//! What servers say of each other: clocks that differ, and messages handed over that never arrived.
//!
//! In: both legs of each hand-over inside: the SEND row on one server, which names the copy's new id on the next,
//! and the RECEIVE row there. Out: per ordered pair of servers how far the times lie apart, and the SENDs without
//! their RECEIVE. Legs wait for each other because the two logs are read at different times; there are at
//! most [`MOST_LEGS`]. Beyond that only ids whose hash ends in enough zeros are kept, both legs or neither, so the
//! sample does not depend on the order of reading.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher};

use bstr::{BStr, BString};
use foldhash::quality::FixedState;
use rayon::prelude::*;

use super::Spot;
use crate::address::short_host;
use crate::dialect::HandedOver;
use crate::event::ServerId;
use crate::keys::Service;
use crate::servers::Servers;
use crate::time::{SECOND, Time};

/// 32 bytes each: 128 MB at most. A gigabyte of logs has about half a million.
const MOST_LEGS: usize = 4 << 20;
/// A server's logs must be there this long around the time of a SEND before a missing RECEIVE means anything:
/// clocks differ, and files are collected one after the other.
const MARGIN: i64 = 15 * 60 * SECOND;

/// One leg of a hand-over.
#[derive(Clone, Copy, Debug)]
pub struct Leg {
    /// Hash of server and internal id. Not seeded: the same ids must be chosen in every run.
    key: u64,
    time: Time,
    spot: Spot,
    /// The server that logged it.
    server: ServerId,
    /// For a SEND, the next host: an index into [`Legs::hosts`].
    to: Option<u16>,
}

/// Legs of one chunk, or of the run.
#[derive(Default)]
pub struct Legs {
    legs: Vec<Leg>,
    /// Short lower-case names, and whether the way there is inside the organisation.
    hosts: Vec<(BString, bool)>,
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

/// What the hand-overs gave.
#[derive(Default)]
pub struct HandOvers {
    /// By sending and receiving server.
    pub lags: BTreeMap<(ServerId, ServerId), Lag>,
    /// SENDs without their RECEIVE, by sending and receiving server, in the order of files.
    pub missing: BTreeMap<(ServerId, ServerId), Vec<Spot>>,
    /// Servers of the organisation without any rows of their own: hand-overs to them, and the first.
    pub unread: BTreeMap<BString, (u64, Spot)>,
    /// One hand-over in so many was looked at.
    pub one_in: u64,
}

impl Leg {
    pub fn received(server: ServerId, name: &BStr, id: &[u8], time: Time) -> Leg {
        Leg {
            key: key(name, id),
            time,
            spot: Spot::default(),
            server,
            to: None,
        }
    }
}

fn key(host: &[u8], id: &[u8]) -> u64 {
    let mut hasher = FixedState::with_seed(0).build_hasher();
    hasher.write(host);
    hasher.write(id);
    hasher.finish()
}

impl Legs {
    #[inline]
    pub fn add(&mut self, leg: Leg, spot: Spot) {
        self.legs.push(Leg { spot, ..leg });
    }

    pub fn add_sent(&mut self, server: ServerId, copy: &HandedOver<'_>, time: Time, spot: Spot) {
        let short = short_host(copy.host).to_ascii_lowercase();
        let key = key(&short, copy.id);
        let to = self.host((short.into(), copy.inside));
        self.legs.push(Leg {
            key,
            time,
            spot,
            server,
            to,
        });
    }

    /// The number of a host; more than 65,535 hosts are hostile, and the rest is left out.
    fn host(&mut self, to: (BString, bool)) -> Option<u16> {
        let at = self.hosts.iter().position(|host| *host == to);
        let at = at.unwrap_or_else(|| {
            if self.hosts.len() < usize::from(u16::MAX) {
                self.hosts.push(to);
            }
            self.hosts.len() - 1
        });
        Some(at as u16)
    }

    pub fn merge(&mut self, other: Legs) {
        let hosts = other.hosts.into_iter();
        let hosts: Vec<Option<u16>> = hosts.map(|host| self.host(host)).collect();
        let mask = |zeros: u32| (1u64 << zeros) - 1;
        for leg in other.legs {
            if leg.key & mask(self.zeros) == 0 {
                let to = leg.to.and_then(|to| hosts[usize::from(to)]);
                self.legs.push(Leg { to, ..leg });
            }
        }
        while self.legs.len() > MOST_LEGS && self.zeros < 63 {
            self.zeros += 1;
            let mask = mask(self.zeros);
            self.legs.retain(|leg| leg.key & mask == 0);
        }
    }

    /// Brings the legs together. `silent`: hours in which a server's rows are missed, which is a finding of its own.
    pub fn meet(mut self, servers: &Servers, silent: &dyn Fn(ServerId, i64) -> bool) -> HandOvers {
        let receivers: Vec<Option<ServerId>> = self
            .hosts
            .iter()
            .map(|(host, _)| servers.find(host))
            .collect();
        self.legs
            .par_sort_unstable_by_key(|leg| (leg.key, leg.to.is_none(), leg.time, leg.spot));
        let mut lags: BTreeMap<(ServerId, ServerId), Vec<Measured>> = BTreeMap::new();
        let mut found = HandOvers {
            one_in: 1 << self.zeros,
            ..HandOvers::default()
        };
        for same in self.legs.chunk_by_mut(|a, b| a.key == b.key) {
            let sends = same.partition_point(|leg| leg.to.is_some());
            let (sends, receives) = same.split_at(sends);
            let Some(send) = sends.first() else { continue };
            let Some(to) = send.to.map(usize::from) else {
                continue;
            };
            let read = receivers[to].filter(|server| servers.coverage(*server).rows > 0);
            let Some(receiver) = read else {
                if self.hosts[to].1 {
                    let (count, first) = found
                        .unread
                        .entry(self.hosts[to].0.clone())
                        .or_insert((0, send.spot));
                    *count += 1;
                    *first = (*first).min(send.spot);
                }
                continue;
            };
            match receives.first() {
                None if must_have_arrived(servers, receiver, send.time, silent) => {
                    let pair = (send.server, receiver);
                    found.missing.entry(pair).or_default().push(send.spot);
                }
                // Ids of 2007 and 2010 may come again: only what is beyond doubt is measured. A row collected
                // twice is the same leg.
                Some(receive) if single(sends) && single(receives) => {
                    let lag = (receive.time.0 - send.time.0, send.spot, receive.spot);
                    let pair = (send.server, receive.server);
                    lags.entry(pair).or_default().push(lag);
                }
                _ => {}
            }
        }
        found.missing.values_mut().for_each(|spots| spots.sort());
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

/// Whether the receiving server's transport log was read for the time of a SEND and well around it.
fn must_have_arrived(
    servers: &Servers,
    receiver: ServerId,
    time: Time,
    silent: &dyn Fn(ServerId, i64) -> bool,
) -> bool {
    let coverage = servers.coverage(receiver);
    let transport = Service::Transport as usize;
    let around = [time.0 - MARGIN, time.0, time.0 + MARGIN].map(Time);
    let inside = coverage
        .span
        .is_some_and(|(first, last)| first < around[0] && around[2] < last);
    inside
        && around.iter().all(|time| {
            let rows = coverage.hours.get(&time.hour());
            rows.is_some_and(|rows| rows[transport] > 0) && !silent(receiver, time.hour())
        })
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
    /// How far the clock of `b` is before that of `a`, microseconds, where mail went both ways: half the difference of
    /// the two lags, in which what the way itself takes falls out. The median is taken, because a RECEIVE is
    /// logged before its SEND, and by how much depends on the slowest mail, not on the clocks.
    pub fn offset(&self, a: ServerId, b: ServerId) -> Option<i64> {
        let there = self.lags.get(&(a, b))?;
        let back = self.lags.get(&(b, a))?;
        Some((there.median - back.median) / 2)
    }
}
