//! How long mail took: percentiles in milliseconds.
//!
//! In: the tally's histograms. Out: the section `latency`.

use serde::Serialize;

use crate::event::ServerId;
use crate::path::Direction;
use crate::report::components::{self, Components};
use crate::report::{Message, Names, ReportOptions};
use crate::tally::histogram::{COARSE_ERROR, Coarse, Histogram, RELATIVE_ERROR};
use crate::tally::latency as tally;
use crate::tally::{Map, Tally};

/// The section `latency`: recipients that were delivered or transferred.
#[derive(Clone, Debug, Serialize)]
pub struct Latencies {
    pub end_to_end_ms: Latency,
    pub by_direction: Vec<OneWay>,
    /// By the server whose row decided the fate.
    pub by_server: Vec<OfServer>,
    /// From the server where the message came in to the one that decided, most recipients first.
    pub by_server_pair: Vec<OfPair>,
    /// What arrived before it entered, by how many milliseconds: at least so far is the clock of `from` ahead of that of
    /// `to`.
    pub clocks: Vec<OfPair>,
    /// How many arrived within the limits that `--sla` names.
    pub service_level: Vec<Kept>,
    /// How many arrived within these times, for the chart.
    pub distribution: Vec<Within>,
    /// Where servers spent the time, as rows of deliveries and transfers tell it.
    pub components: Components,
    /// Messages by their slowest recipient.
    pub slowest: Vec<Slow>,
    /// Percentiles are at most this far off, relative to their value; `max` and counts are exact.
    pub relative_error: f64,
    /// The same of `by_server_pair` and `components`, their `max` included.
    pub relative_error_of_pairs: f64,
}

/// Latency between two servers.
#[derive(Clone, Debug, Serialize)]
pub struct OfPair {
    pub from: String,
    pub to: String,
    pub count: i64,
    pub p50: Option<u64>,
    pub p95: Option<u64>,
    pub max: Option<u64>,
    /// Recipients beyond [`slow_ms`].
    #[serde(skip)]
    pub slow: i64,
}

/// Mail is slow from here on, milliseconds: a minute, or ten times what half of all recipients waited at most. (What is
/// slow itself must not make it usual.)
pub fn slow_ms(sums: &tally::Latencies) -> u64 {
    let usual = sums.total().histogram.quantile(0.5).unwrap_or(0);
    SLOW_MS.max(SLOW_TIMES * usual)
}

const SLOW_MS: u64 = 60_000;
const SLOW_TIMES: u64 = 10;

/// Recipients whose mail took less than `below_ms` and not less than the step before.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Within {
    /// Null: longer than all steps.
    pub below_ms: Option<u64>,
    pub recipients: i64,
}

/// Recipients whose mail took at most about so long.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Kept {
    pub within_ms: u64,
    pub recipients: i64,
    /// Of those measured, 0 to 1.
    pub share: f64,
}

/// Upper ends of the chart's steps.
const STEPS_MS: [u64; 12] = [
    500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000, 90_000, 300_000, 900_000, 3_600_000,
    14_400_000,
];

/// Milliseconds; null where nothing was measured.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Latency {
    /// Recipients measured.
    pub count: i64,
    pub p50: Option<u64>,
    pub p90: Option<u64>,
    pub p95: Option<u64>,
    pub p99: Option<u64>,
    pub max: Option<u64>,
    pub within_30s: i64,
    pub within_90s: i64,
    pub within_5min: i64,
    /// Not in `count`: arrived before they entered, by the clocks of two servers.
    pub negative: i64,
    /// Not in `count`: no row says when they entered.
    pub unmeasured: i64,
}

/// Latency of one direction.
#[derive(Clone, Debug, Serialize)]
pub struct OneWay {
    pub direction: Direction,
    #[serde(flatten)]
    pub latency: Latency,
}

/// Latency of one server's deliveries and transfers.
#[derive(Clone, Debug, Serialize)]
pub struct OfServer {
    /// Null for deliveries on servers of which no row was read, concluded from the hand-over.
    pub server: Option<String>,
    #[serde(flatten)]
    pub latency: Latency,
}

impl OfServer {
    /// The server's name for a table.
    pub fn name(&self) -> &str {
        self.server.as_deref().unwrap_or("(no log read)")
    }
}

/// A slow message.
#[derive(Clone, Debug, Serialize)]
pub struct Slow {
    pub latency_ms: i64,
    #[serde(flatten)]
    pub message: Message,
}

/// The section `latency` with the `top` slowest messages.
pub fn latencies(tally: &Tally, options: &ReportOptions, names: &Names<'_>) -> Latencies {
    let sums = &tally.latency;
    let (slow, total) = (slow_ms(sums), sums.total());
    let mut by_server: Vec<OfServer> = (sums.by_server().iter())
        .map(|(server, sum)| OfServer {
            server: server.map(names),
            latency: latency(sum),
        })
        .collect();
    by_server.sort_by(|a, b| a.server.cmp(&b.server));
    Latencies {
        end_to_end_ms: latency(&total),
        by_direction: (sums.by_direction().iter())
            .map(|(direction, sum)| OneWay {
                direction: *direction,
                latency: latency(sum),
            })
            .collect(),
        by_server,
        slowest: (sums.slowest.first(options.top).iter())
            .map(|entry| Slow {
                latency_ms: entry.value,
                message: Message::new(entry, names),
            })
            .collect(),
        components: components::components(&tally.components),
        relative_error: RELATIVE_ERROR,
        relative_error_of_pairs: COARSE_ERROR,
        by_server_pair: pairs(&sums.pairs, slow, names),
        clocks: pairs(&sums.ahead, slow, names),
        service_level: service_level(&total, &options.sla_ms),
        distribution: distribution(&total.histogram),
    }
}

fn pairs(sums: &Map<(ServerId, ServerId), Coarse>, slow: u64, names: &Names<'_>) -> Vec<OfPair> {
    let used = sums.iter().filter(|(_, sum)| sum.count() > 0);
    let mut pairs: Vec<OfPair> = used
        .map(|(&(from, to), sum)| OfPair {
            from: names(from),
            to: names(to),
            count: sum.count(),
            p50: sum.quantile(0.50),
            p95: sum.quantile(0.95),
            max: sum.max(),
            slow: sum.count() - sum.below(slow),
        })
        .collect();
    pairs.sort_by(|a, b| {
        (b.count.cmp(&a.count)).then_with(|| (&a.from, &a.to).cmp(&(&b.from, &b.to)))
    });
    pairs
}

fn service_level(total: &tally::Latency, limits_ms: &[u64]) -> Vec<Kept> {
    let sum = &total.histogram;
    let kept = limits_ms.iter().map(|&within_ms| {
        let recipients = (total.within(within_ms)).unwrap_or_else(|| sum.below(within_ms + 1));
        Kept {
            within_ms,
            recipients,
            share: recipients as f64 / sum.count().max(1) as f64,
        }
    });
    kept.collect()
}

fn distribution(sum: &Histogram) -> Vec<Within> {
    let mut before = 0;
    let steps = STEPS_MS.into_iter().map(Some).chain([None]);
    let counted = steps.map(|below_ms| {
        let below = below_ms.map_or(sum.count(), |ms| sum.below(ms));
        let recipients = below - before;
        before = below;
        Within {
            below_ms,
            recipients,
        }
    });
    counted.collect()
}

fn latency(sum: &tally::Latency) -> Latency {
    let histogram = &sum.histogram;
    Latency {
        count: histogram.count(),
        p50: histogram.quantile(0.50),
        p90: histogram.quantile(0.90),
        p95: histogram.quantile(0.95),
        p99: histogram.quantile(0.99),
        max: (histogram.count() > 0).then(|| histogram.max()).flatten(),
        within_30s: sum.within_30s,
        within_90s: sum.within_90s,
        within_5min: sum.within_5min,
        negative: sum.negative,
        unmeasured: sum.unmeasured,
    }
}
