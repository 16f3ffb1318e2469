//! How much mail flowed when and which way.
//!
//! In: paths. Out: [`Volume`]: quarter hours of UTC by direction, which the report groups into the hours
//! and days of any zone (no zone in use is off by other than a quarter hour), and minutes for the peak.
//! A message counts in the quarter in which it was first seen.

use serde::{Deserialize, Serialize};

use crate::path::{Direction, Path};
use crate::tally::{Map, in_balance, summed_size_bytes};
use crate::time::SECOND;

/// All directions in the order of the report.
pub const DIRECTIONS: [Direction; 5] = [
    Direction::Inbound,
    Direction::Outbound,
    Direction::Internal,
    Direction::Relayed,
    Direction::Unknown,
];

/// Microseconds in a quarter of an hour.
pub const QUARTER: i64 = 15 * 60 * SECOND;
/// Microseconds in a minute.
pub const MINUTE: i64 = 60 * SECOND;

/// Messages, recipients and bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flow {
    pub messages: i64,
    pub recipients: i64,
    /// Each message once.
    pub bytes: i64,
    /// Each message once per recipient.
    pub bytes_to_recipients: i64,
}

impl Flow {
    /// Adds what `other` counted.
    pub fn merge(&mut self, other: &Flow) {
        self.messages += other.messages;
        self.recipients += other.recipients;
        self.bytes += other.bytes;
        self.bytes_to_recipients += other.bytes_to_recipients;
    }
}

/// Flows by [`Direction`] (`as usize`).
pub type Directions = [Flow; 5];

/// Mail by time.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Volume {
    /// Quarter hours since 1970 UTC.
    pub quarters: Map<i64, Directions>,
    /// Messages by minute since 1970 UTC.
    pub minutes: Map<i64, i64>,
}

impl Volume {
    /// Counts a message that has `recipients` in the balance.
    pub fn add(&mut self, path: &Path<'_>, recipients: i64, weight: i64) {
        let size_bytes = summed_size_bytes(path);
        let minute = path.first_seen.0.div_euclid(MINUTE);
        *self.minutes.entry(minute).or_default() += weight;
        let quarter = path.first_seen.0.div_euclid(QUARTER);
        let flows = self.quarters.entry(quarter).or_default();
        let flow = &mut flows[path.direction as usize];
        flow.messages += weight;
        flow.bytes += weight * size_bytes;
        if recipients == 0 {
            return;
        }
        // A message to inside and outside is one message one way and recipients both ways.
        for recipient in &path.recipients {
            if in_balance(recipient.fate) {
                let flow = &mut flows[recipient.direction as usize];
                flow.recipients += weight;
                flow.bytes_to_recipients += weight * size_bytes;
            }
        }
    }

    /// Adds what `other` counted.
    pub fn merge(&mut self, other: Volume) {
        for (minute, messages) in other.minutes {
            *self.minutes.entry(minute).or_default() += messages;
        }
        for (quarter, flows) in other.quarters {
            let sums = self.quarters.entry(quarter).or_default();
            for (sum, flow) in sums.iter_mut().zip(&flows) {
                sum.merge(flow);
            }
        }
    }
}
