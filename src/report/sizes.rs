//! How large messages are: powers of two, mean, percentiles, share of volume.
//!
//! In: the tally's sizes. Out: the section `sizes`.

use serde::Serialize;

use crate::tally::sizes as tally;

/// The section `sizes`.
#[derive(Clone, Debug, Serialize)]
pub struct Sizes {
    /// Those whose size was logged: what was refused has none.
    pub messages: i64,
    pub mean_bytes: Option<u64>,
    /// Within the relative error of `latency`.
    pub p50_bytes: Option<u64>,
    pub p95_bytes: Option<u64>,
    pub max_bytes: Option<u64>,
    /// Sizes from the smallest to the largest class with messages.
    pub by_power_of_two: Vec<Class>,
}

/// Messages of a class of size.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Class {
    pub from_bytes: u64,
    /// Exclusive.
    pub to_bytes: u64,
    pub messages: i64,
    pub recipients: i64,
    pub bytes: i64,
    /// Of all bytes, each message once; 0 to 1.
    pub share_of_bytes: f64,
}

/// The section `sizes`.
pub fn sizes(sums: &tally::Sizes) -> Sizes {
    let messages: i64 = sums.powers.iter().map(|power| power.messages).sum();
    let bytes: i64 = sums.powers.iter().map(|power| power.bytes).sum();
    let used = |power: &&crate::tally::ledger::Mail| power.messages != 0;
    let first = sums.powers.iter().position(|power| used(&power));
    let last = sums.powers.iter().rposition(|power| used(&power));
    let classes = first
        .zip(last)
        .map_or(0..0, |(first, last)| first..last + 1);
    Sizes {
        messages,
        mean_bytes: (messages > 0).then(|| (bytes / messages.max(1)) as u64),
        p50_bytes: sums.bytes.quantile(0.50),
        p95_bytes: sums.bytes.quantile(0.95),
        max_bytes: sums.bytes.max().filter(|_| messages > 0),
        by_power_of_two: classes
            .map(|n| {
                let power = &sums.powers[n];
                Class {
                    from_bytes: if n == 0 { 0 } else { 1 << (n - 1) },
                    to_bytes: 1 << n,
                    messages: power.messages,
                    recipients: power.recipients,
                    bytes: power.bytes,
                    share_of_bytes: power.bytes as f64 / bytes.max(1) as f64,
                }
            })
            .collect(),
    }
}
