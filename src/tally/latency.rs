//! How long mail took, from its entry to the terminal row of each recipient.
//!
//! In: paths; of their recipients those that arrived (delivered or transferred). Out: [`Latencies`], one
//! [`Latency`] per direction and deciding server, from which the report sums the rest. Negative
//! latencies (clocks differ) are counted apart and are in no histogram.

use serde::{Deserialize, Serialize};

use crate::event::ServerId;
use crate::path::{Direction, Fate, Path, Recipient};
use crate::tally::Map;
use crate::tally::extremes::Extremes;
use crate::tally::histogram::{Coarse, Histogram};
use crate::tally::volume::DIRECTIONS;

/// The usual limits of a service level.
pub const LIMITS_MS: [u64; 3] = [30_000, 90_000, 300_000];

/// Latencies of a set of recipients.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latency {
    /// Milliseconds, none negative.
    pub histogram: Histogram,
    pub within_30s: i64,
    pub within_90s: i64,
    pub within_5min: i64,
    /// Recipients that arrived before they entered, by the clocks of two servers.
    pub negative: i64,
    /// Arrived, but the logs do not say when the message entered.
    pub unmeasured: i64,
}

impl Latency {
    fn record(&mut self, latency_ms: Option<i64>, weight: i64) {
        let Some(latency_ms) = latency_ms else {
            self.unmeasured += weight;
            return;
        };
        let Ok(ms) = u64::try_from(latency_ms) else {
            self.negative += weight;
            return;
        };
        self.histogram.record(ms, weight);
        for (within, limit_ms) in [
            (&mut self.within_30s, LIMITS_MS[0]),
            (&mut self.within_90s, LIMITS_MS[1]),
            (&mut self.within_5min, LIMITS_MS[2]),
        ] {
            if ms <= limit_ms {
                *within += weight;
            }
        }
    }

    /// How many arrived within a limit that is counted exactly, one of [`LIMITS_MS`].
    pub fn within(&self, limit_ms: u64) -> Option<i64> {
        let exact = [self.within_30s, self.within_90s, self.within_5min];
        let place = LIMITS_MS.iter().position(|&of| of == limit_ms)?;
        Some(exact[place])
    }

    /// Adds what `other` counted.
    pub fn merge(&mut self, other: &Latency) {
        self.histogram.merge(&other.histogram);
        self.within_30s += other.within_30s;
        self.within_90s += other.within_90s;
        self.within_5min += other.within_5min;
        self.negative += other.negative;
        self.unmeasured += other.unmeasured;
    }

    /// Whether no recipient is left in it.
    pub fn is_empty(&self) -> bool {
        self.histogram.count() == 0 && self.negative == 0 && self.unmeasured == 0
    }
}

/// Latencies by direction and deciding server.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Latencies {
    /// By [`Direction`] (`as usize`), then by server ([`place`]).
    tables: [Vec<Latency>; 5],
    /// Messages by their slowest recipient.
    pub slowest: Extremes,
    /// From the server where the message came in to the one that decided; what was measured.
    pub pairs: Map<(ServerId, ServerId), Coarse>,
    /// The same for what arrived before it entered: by how much.
    pub ahead: Map<(ServerId, ServerId), Coarse>,
}

impl Latencies {
    /// Keeps the `top` slowest messages exactly.
    pub fn new(top: usize) -> Latencies {
        Latencies {
            slowest: Extremes::new(top),
            ..Latencies::default()
        }
    }

    /// Counts the recipients of `path` that arrived.
    pub fn add(&mut self, path: &Path<'_>, weight: i64) {
        let mut slowest: Option<(i64, &Recipient<'_>)> = None;
        for recipient in &path.recipients {
            if !matches!(recipient.fate, Fate::Delivered | Fate::Transferred) {
                continue;
            }
            let table = &mut self.tables[recipient.direction as usize];
            let place = place(recipient.server);
            if place >= table.len() {
                table.resize_with(place + 1, Latency::default);
            }
            table[place].record(recipient.latency_ms, weight);
            let Some(ms) = recipient.latency_ms else {
                continue;
            };
            if let Some(pair) = path.origin.server.zip(recipient.server) {
                let pairs = match ms {
                    0.. => &mut self.pairs,
                    _ => &mut self.ahead,
                };
                pairs
                    .entry(pair)
                    .or_default()
                    .record(ms.unsigned_abs(), weight);
            }
            if ms < 0 {
                continue;
            }
            // Of equally slow recipients the first by address, whatever order the rows came in.
            let slower = slowest.is_none_or(|(most, first)| {
                ms > most || ms == most && recipient.address < first.address
            });
            if slower {
                slowest = Some((ms, recipient));
            }
        }
        if let Some((ms, recipient)) = slowest {
            self.slowest.note(ms, path, Some(recipient), weight);
        }
    }

    /// Adds what `other` counted.
    pub fn merge(&mut self, other: Latencies) {
        for (table, more) in self.tables.iter_mut().zip(&other.tables) {
            if table.len() < more.len() {
                table.resize_with(more.len(), Latency::default);
            }
            for (sum, latency) in table.iter_mut().zip(more) {
                sum.merge(latency);
            }
        }
        self.slowest.merge(other.slowest);
        for (pairs, others) in [
            (&mut self.pairs, other.pairs),
            (&mut self.ahead, other.ahead),
        ] {
            for (pair, more) in others {
                pairs.entry(pair).or_default().merge(&more);
            }
        }
    }

    /// Gives servers other numbers.
    pub fn renumber(&mut self, new: &dyn Fn(ServerId) -> ServerId) {
        for table in &mut self.tables {
            let old = std::mem::take(table);
            for (place, latency) in old.into_iter().enumerate() {
                let place = self::place(server_at(place).map(new));
                if place >= table.len() {
                    table.resize_with(place + 1, Latency::default);
                }
                table[place].merge(&latency);
            }
        }
        for pairs in [&mut self.pairs, &mut self.ahead] {
            for ((from, to), latency) in std::mem::take(pairs) {
                let pair = (new(from), new(to));
                pairs.entry(pair).or_default().merge(&latency);
            }
        }
        self.slowest.renumber(new);
    }

    /// Of all recipients.
    pub fn total(&self) -> Latency {
        sum(self.tables.iter().flatten())
    }

    /// Of each direction that has any, in the order of the report.
    pub fn by_direction(&self) -> Vec<(Direction, Latency)> {
        let sums = DIRECTIONS.map(|way| (way, sum(&self.tables[way as usize])));
        sums.into_iter().filter(|(_, l)| !l.is_empty()).collect()
    }

    /// Of each deciding server that has any; `None` where no row named one.
    pub fn by_server(&self) -> Vec<(Option<ServerId>, Latency)> {
        let places = self.tables.iter().map(Vec::len).max().unwrap_or(0);
        (0..places)
            .map(|place| {
                let latencies = self.tables.iter().filter_map(|table| table.get(place));
                (server_at(place), sum(latencies))
            })
            .filter(|(_, latency)| !latency.is_empty())
            .collect()
    }
}

/// Where the latencies of a server stand in a table: first those of none.
fn place(server: Option<ServerId>) -> usize {
    server.map_or(0, |server| usize::from(server.0) + 1)
}

/// The server of that place.
fn server_at(place: usize) -> Option<ServerId> {
    place.checked_sub(1).map(|id| ServerId(id as u16))
}

fn sum<'l>(latencies: impl IntoIterator<Item = &'l Latency>) -> Latency {
    let mut total = Latency::default();
    for latency in latencies {
        total.merge(latency);
    }
    total
}
