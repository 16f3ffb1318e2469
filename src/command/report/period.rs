//! The days that a run with `--state` reports on, and those before, which they are held against.
//!
//! In: `--day`, `--since`, `--until` as options, a state and the night just counted. Out: their sums.

use jiff::civil::Date;

use super::facts;
use super::night::Night;
use crate::cli::options::Read;
use crate::error::Error;
use crate::filter::{date_of, day_range};
use crate::report::Facts;
use crate::report::baseline::Baseline;
use crate::saved::Saved;
use crate::saved::state::State;
use crate::servers::Servers;
use crate::time::Time;

/// The days that are reported on.
pub(super) struct Period {
    from: Option<(Date, Time)>,
    /// Exclusive.
    to: Option<(Date, Time)>,
}

impl Period {
    pub(super) fn of(options: &Read) -> Result<Period, Error> {
        let zone = &options.zone;
        let whole = |time: Time| {
            let date = date_of(time, zone);
            if day_range(date, zone).start != time {
                return Err(Error(format!(
                    "--state keeps whole days; {} is within one",
                    time.rfc3339()
                )));
            }
            Ok((date, time))
        };
        Ok(Period {
            from: options.filter.since.map(whole).transpose()?,
            to: options.filter.until.map(whole).transpose()?,
        })
    }

    fn is_all(&self) -> bool {
        self.from.is_none() && self.to.is_none()
    }

    fn holds(&self, date: Date) -> bool {
        self.from.is_none_or(|(from, _)| date >= from) && self.to.is_none_or(|(to, _)| date < to)
    }

    /// What the report says beside its figures: of all runs, or of this one and the servers' rows within the period.
    pub(super) fn facts(&self, mut found: Facts, state: &State, servers: &Servers) -> Facts {
        if let Some(state_facts) = &mut found.state {
            state_facts.run = state.manifest.run;
        }
        let all = &state.manifest.facts;
        if self.is_all() {
            return Facts {
                servers: facts::servers(servers, None),
                state: found.state,
                zone: found.zone,
                // A file that grows is read in every run, and is one file.
                files: state.manifest.files() as u64,
                ..all.clone()
            };
        }
        let (from, to) = (self.from.map(|(_, at)| at), self.to.map(|(_, at)| at));
        let hours = from.map_or(i64::MIN, Time::hour)..to.map_or(i64::MAX, Time::hour);
        Facts {
            from: from.or(all.from),
            to: to.or(all.to),
            servers: facts::servers(servers, Some(&hours)),
            own_domains: all.own_domains.clone(),
            ..found
        }
    }

    pub(super) fn sums(
        &self,
        state: &State,
        night: &Night,
        facts: Facts,
        options: &Read,
    ) -> Result<Saved, Error> {
        let mut sum = night.sums(state, options, |date| self.holds(date))?;
        sum.facts = facts;
        Ok(sum)
    }

    /// What the days before were like.
    pub(super) fn earlier(
        &self,
        state: &State,
        night: &Night,
        options: &Read,
    ) -> Result<Option<Baseline>, Error> {
        let Some((from, _)) = self.from else {
            return Ok(None);
        };
        let is_known = |date: &str| date.parse::<Date>().is_ok_and(|date| date < from);
        if !state.days().any(is_known) && !night.days.keys().any(|date| *date < from) {
            return Ok(None);
        }
        let mut baseline = Baseline::default();
        let sum = night.sums(state, options, |date| date < from)?;
        baseline.add(&sum.tally, &sum.facts, &options.zone);
        Ok(Some(baseline))
    }
}
