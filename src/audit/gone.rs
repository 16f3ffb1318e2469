//! Hours that are missing as a whole, by the log they are missing from.
//!
//! In: such hours, from whatever tells of them. Out: [`Gone`], so that nothing is said twice of what stands in them.

use std::collections::BTreeMap;
use std::ops::{Range, RangeInclusive};

use crate::event::ServerId;
use crate::keys::Service;

/// Hours that are found to be missing as a whole, by the log they are missing from.
#[derive(Debug, Default)]
pub struct Gone {
    /// By the first hour of each run its end, exclusive. Runs of one log do not overlap.
    runs: BTreeMap<(ServerId, Service, i64), i64>,
}

impl Gone {
    /// More hours, none of which was added before.
    pub fn add(&mut self, server: ServerId, service: Service, hours: Range<i64>) {
        self.runs.insert((server, service, hours.start), hours.end);
    }

    /// Whether any of the hours is missing.
    pub fn any(&self, server: ServerId, service: Service, hours: RangeInclusive<i64>) -> bool {
        let runs = (server, service, i64::MIN)..=(server, service, *hours.end());
        let last = self.runs.range(runs).next_back();
        last.is_some_and(|(_, end)| hours.start() < end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_gone_from_their_own_log_alone() {
        let (server, other) = (ServerId(1), ServerId(2));
        let (transport, delivery) = (Service::Transport, Service::Delivery);
        let mut gone = Gone::default();
        gone.add(server, transport, 10..13);
        gone.add(server, transport, 20..21);
        let any = |hours| gone.any(server, transport, hours);
        let inside = [10..=10, 12..=12, 0..=10, 12..=15, 0..=99, 13..=20, 20..=20];
        assert!(inside.into_iter().all(any));
        let outside = [0..=9, 13..=19, 13..=13, 21..=99, 9..=9];
        assert!(!outside.into_iter().any(any));
        assert!(!gone.any(server, delivery, 0..=99));
        assert!(!gone.any(other, transport, 0..=99));
    }
}
