//! What earlier days were like, to hold a day against.
//!
//! In: the tallies of earlier days. Out: [`Baseline`]. A forward is new, and a volume unusual, only
//! against days that were kept with `--save`.

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashMap;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::report::rhythm::Hours;
use crate::report::{Facts, decoded, volume};
use crate::tally::Tally;
use crate::tally::correspondents::SentInHour;
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
    /// Rows by hour of each server.
    pub servers: BTreeMap<String, Hours>,
}

/// What a sender usually sends.
#[derive(Clone, Copy, Debug)]
pub struct Habit {
    /// Hours in which it sent anything.
    pub hours: usize,
    /// What it is of each of [`MEASURES`] in the middle one of these hours.
    pub normal: [i64; 2],
}

/// What is held against the usual: messages, recipients.
pub const MEASURES: [fn(&SentInHour) -> i64; 2] = [|sent| sent.messages, |sent| sent.recipients];

/// The median of each measure; 0 of no hours.
pub fn normal(hours: &[SentInHour]) -> [i64; 2] {
    MEASURES.map(|measure| {
        let mut sent: Vec<i64> = hours.iter().map(measure).collect();
        sent.sort_unstable();
        sent.get(sent.len() / 2).copied().unwrap_or(0)
    })
}

/// So many hours in which a sender sent anything tell what it usually sends.
pub const TELLING_HOURS: usize = 3;
/// From so many earlier days on, who was not seen on them is new.
const TELLING_DAYS: usize = 5;

impl Baseline {
    /// Takes in what was kept of earlier days.
    pub fn add(&mut self, tally: &Tally, facts: &Facts, zone: &TimeZone) {
        for server in &facts.servers {
            let known = self.servers.entry(server.name.clone()).or_default();
            known.extend(&server.hours);
        }
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
                normal: normal(hours),
            };
            if habit.hours < TELLING_HOURS && habit.normal == [1, 1] {
                return;
            }
            let address = correspondents.addresses.get(sender).to_vec();
            let known = self.senders.entry(address).or_insert(habit);
            if known.hours < habit.hours {
                *known = habit;
            }
        });
    }

    /// What `sender` usually sends in an hour in which it sends anything, by each measure, if that is known; `today` is what
    /// its other hours of now say.
    pub fn normal(&self, sender: &[u8], today: Option<[i64; 2]>) -> Option<[i64; 2]> {
        match self.senders.get(sender) {
            Some(habit) if habit.hours >= TELLING_HOURS => Some(habit.normal),
            Some(habit) => {
                let today = today.unwrap_or_default();
                Some([0, 1].map(|measure| habit.normal[measure].max(today[measure])))
            }
            None if self.days.len() >= TELLING_DAYS => None,
            None => today,
        }
    }
}
