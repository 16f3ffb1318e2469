//! What earlier days were like, to hold a day against.
//!
//! In: the tallies of earlier days. Out: [`Baseline`]. A forward is new, and a volume unusual, only
//! against days that were kept with `--save`.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::report::{decoded, volume};
use crate::tally::Tally;
use crate::tally::oddities::Kind;

/// Earlier days.
#[derive(Clone, Debug, Default)]
pub struct Baseline {
    /// Messages by day of the report's zone.
    pub days: BTreeMap<Date, i64>,
    /// `mailbox > address outside`, as in the oddities.
    pub forwards: BTreeSet<String>,
    /// Domains that mail came from or went to; lower case.
    pub domains: BTreeSet<Vec<u8>>,
}

impl Baseline {
    /// Takes in what was kept of earlier days.
    pub fn add(&mut self, tally: &Tally, zone: &TimeZone) {
        for (day, messages) in volume::days(&tally.volume, zone) {
            *self.days.entry(day).or_default() += messages;
        }
        let cases = tally.oddities.cases.iter();
        let forwards = cases
            .filter(|((kind, _), cases)| *kind == Kind::ForwardOutside && cases.messages > 0)
            .map(|((_, what), _)| decoded(what));
        self.forwards.extend(forwards);
        let correspondents = &tally.correspondents;
        for (id, mail) in (0..).zip(&correspondents.by_domain) {
            if mail.sent.messages > 0 || mail.received.messages > 0 {
                self.domains.insert(correspondents.domains.get(id).to_vec());
            }
        }
    }

    /// The median of the same weekday's other days, if there are any.
    pub fn usual(&self, day: Date) -> Option<i64> {
        let same = (self.days.iter())
            .filter(|(other, _)| **other != day && other.weekday() == day.weekday());
        let mut messages: Vec<i64> = same.map(|(_, messages)| *messages).collect();
        messages.sort_unstable();
        let upper = *messages.get(messages.len() / 2)?;
        let lower = messages[(messages.len() - 1) / 2];
        Some((lower + upper) / 2)
    }
}
