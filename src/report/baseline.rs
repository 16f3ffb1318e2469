//! What earlier days were like, to hold a day against.
//!
//! In: the tallies of earlier days. Out: [`Baseline`]. A forward is new, and a volume unusual, only
//! against days that were kept with `--save`.

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashMap;
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
    /// By address; who sent one message now and then is left out.
    pub senders: HashMap<Vec<u8>, Habit>,
}

/// What a sender usually sends.
#[derive(Clone, Copy, Debug)]
pub struct Habit {
    /// Hours in which it sent anything.
    pub hours: usize,
    /// Messages, the median of these hours.
    pub normal: i64,
}

/// So many hours in which a sender sent anything tell what it usually sends.
pub const TELLING_HOURS: usize = 3;
/// From so many earlier days on, who was not seen on them is new.
const TELLING_DAYS: usize = 5;

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
        correspondents.each_senders_hours(|sender, hours| {
            let habit = Habit {
                hours: hours.len(),
                normal: hours[hours.len() / 2].0,
            };
            if habit.hours < TELLING_HOURS && habit.normal == 1 {
                return;
            }
            let address = correspondents.addresses.get(sender).to_vec();
            let known = self.senders.entry(address).or_insert(habit);
            if known.hours < habit.hours {
                *known = habit;
            }
        });
    }

    /// What `sender` usually sends in an hour in which it sends anything, if that is known; `today` is what its other
    /// hours of now say.
    pub fn normal(&self, sender: &[u8], today: Option<i64>) -> Option<i64> {
        match self.senders.get(sender) {
            Some(habit) if habit.hours >= TELLING_HOURS => Some(habit.normal),
            Some(habit) => Some(habit.normal.max(today.unwrap_or(0))),
            None if self.days.len() >= TELLING_DAYS => None,
            None => today,
        }
    }
}
