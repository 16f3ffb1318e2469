//! One night: what is new, joined with the rows of messages that it may change.
//!
//! In: the inputs with what is new in them, and the state. Out: [`Night`]: sums by day, settled and open, and the rows that
//! the next run may need.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Mutex;
use std::time::Instant;

use hashbrown::HashSet;
use jiff::civil::Date;

use super::counting::{Counting, Day, merge_days, name_rows};
use super::{facts, tally_options};
use crate::cli::options::Read;
use crate::command::Run;
use crate::error::Error;
use crate::filter::day_range;
use crate::input::Inputs;
use crate::join::{Detail, When};
use crate::keys::Keys;
use crate::path::domains::OwnDomains;
use crate::pipeline::{self, Outcome};
use crate::plan::Survey;
use crate::report::{Facts, StateFacts};
use crate::saved::Saved;
use crate::saved::state::{
    self, Carried, Ground, Ids, Index, Manifest, News, Segment, Segments, State,
};
use crate::servers::Servers;
use crate::tally::Tally;
use crate::time::Time;

/// What one run found.
pub(super) struct Night {
    pub(super) outcome: Outcome,
    /// By day on which messages were first seen.
    pub(super) days: BTreeMap<Date, Day>,
    names: Vec<String>,
    reach: Option<Time>,
    closed_until: Option<Time>,
    open_messages: u64,
    pub(super) segments: Segments,
    /// Files that the next run must read as a whole.
    needed: BTreeSet<u32>,
    /// Settled messages that were counted before and got more rows: taken back.
    taken: Option<Taken>,
    /// What is left of the segments of earlier runs, with what this one took out of them.
    next: Manifest,
    open_rows: u64,
}

/// Sums of what was taken back, negative.
struct Taken {
    days: BTreeMap<Date, Day>,
    names: Vec<String>,
}

/// Joins what is new with the rows of messages that it may change; `regrown`: rows that were read torn.
///
/// # Errors
/// If rows of earlier runs cannot be read.
pub(super) fn night(
    run: &Run<'_>,
    state: &State,
    regrown: &BTreeSet<(String, u64)>,
    inputs: &mut Inputs,
) -> Result<Night, Error> {
    let before = &state.manifest;
    let keys = Keys::seeded(before.seed);
    let chunk_bytes = run.options.chunk_bytes as usize;
    let plan = pipeline::plan(inputs, chunk_bytes);
    let mut survey = pipeline::survey(inputs, &plan);
    let earlier = Servers::of(before.servers.clone());
    (survey.servers).extend(earlier.read().into_iter().map(|(name, _)| name.to_owned()));
    (survey.domains).extend(before.domains.iter().map(|name| name.as_str().into()));
    (survey.suffixes).extend(
        before
            .ground
            .suffixes
            .iter()
            .map(|name| name.as_slice().into()),
    );
    // Own domains that were given once stay until others are.
    let stay = before.run > 0 && !before.facts.domains_guessed;
    let given = match run.options.domains.as_slice() {
        [] if stay => &before.ground.own,
        given => given,
    };
    let own = match given {
        [] => OwnDomains::guessed(survey.domains.clone()),
        given => OwnDomains::given(given.iter().map(String::as_str)),
    };
    let ground = Ground {
        servers: survey.servers.iter().map(|name| name.to_vec()).collect(),
        suffixes: survey.suffixes.iter().map(|name| name.to_vec()).collect(),
        own: own.names(),
    };
    let mut next = before.clone();
    let indexes = state.indexes()?;
    let layouts = plan.chunks.iter().map(|chunk| &*chunk.layout);
    let ids = before.ids.with(layouts);
    let woken = wake(state, &mut next, &indexes, |wanted| {
        if ground != before.ground || ids != before.ids || !regrown.is_empty() {
            return true;
        }
        let (found, orphans) = pipeline::message_keys(inputs, &plan, &keys);
        *wanted = found;
        orphans
    })?;
    let horizon = run.options.horizon;
    let reach = state::reach(inputs, &plan, &earlier, horizon, run.options.now);
    let closed_until = state::closed_until(reach, before.closed_until, horizon);
    let mut carried = state.open_rows()?;
    let taken = match woken.is_empty() {
        true => None,
        false => Some(take_back(run, before, woken.clone(), &keys)?),
    };
    carried.extend(woken);
    // They are read anew.
    carried.leave_out(regrown);
    let plan = match carried.is_empty() {
        true => plan,
        false => {
            carried.add_to(inputs);
            pipeline::plan(inputs, chunk_bytes)
        }
    };
    let inputs = &*inputs;
    let options = pipeline::Options {
        detail: Detail::default(),
        when: When::Finished,
        earlier,
        not_before: before.closed_until,
        keep_from: Some(closed_until.unwrap_or(Time(i64::MIN))),
        keys,
        domains: given.to_vec(),
        ..run.pipeline_options()
    };
    let make = || Counting {
        sign: 1,
        closed_until,
        counted_until: before.closed_until.filter(|_| ids == Ids::Mixed),
        settles: ids != Ids::Mixed,
        ..Counting::new(run, inputs)
    };
    let read = |bytes| run.progress.add(bytes);
    let done = |_: &mut [Mutex<Counting<'_>>]| Ok::<(), Error>(());
    let (outcome, counted) = pipeline::run(inputs, plan, survey, &options, read, make, done)?;
    let mut days = BTreeMap::new();
    let (mut open, mut settled, mut open_messages) = (Vec::new(), Vec::new(), 0);
    let mut needed = BTreeSet::new();
    for counting in counted {
        merge_days(&mut days, counting.days, counting.options);
        open_messages += counting.kept_messages;
        needed.extend(counting.needed);
        open.push(counting.open);
        settled.push(counting.settled);
    }
    name_rows(&mut days, inputs);
    let segment = |parts| Segment::of(parts, inputs, &outcome.plan.chunks, &outcome.layouts);
    let segments = Segments {
        open: segment(open),
        settled: segment(settled),
    };
    next.closed_until = closed_until;
    (next.ground, next.ids) = (ground, ids);
    let sleeping = next.sleeping(&indexes);
    Ok(Night {
        days,
        names: outcome.servers.names(),
        reach,
        closed_until,
        open_messages: open_messages + sleeping.0,
        open_rows: segments.rows() + sleeping.1,
        segments,
        needed,
        taken,
        next,
        outcome,
    })
}

/// Rows of settled messages that must be counted anew: all if `everything` says so, or those with the keys it wants.
fn wake(
    state: &State,
    next: &mut Manifest,
    indexes: &[Index],
    everything: impl FnOnce(&mut HashSet<u64>) -> bool,
) -> Result<Carried, Error> {
    if indexes.is_empty() {
        return Ok(Carried::default());
    }
    let mut wanted = HashSet::new();
    let all = everything(&mut wanted);
    state.wake(next, indexes, |key| all || wanted.contains(&key))
}

/// Counts settled messages as they were counted before, with the opposite sign.
fn take_back(
    run: &Run<'_>,
    before: &Manifest,
    woken: Carried,
    keys: &Keys,
) -> Result<Taken, Error> {
    let mut inputs = Inputs {
        offsets: run.options.evidence,
        ..Inputs::default()
    };
    woken.add_to(&mut inputs);
    let plan = pipeline::plan(&mut inputs, run.options.chunk_bytes as usize);
    let inputs = &inputs;
    let servers = before.ground.servers.iter();
    let suffixes = before.ground.suffixes.iter();
    let survey = Survey {
        servers: servers.map(|name| name.as_slice().into()).collect(),
        suffixes: suffixes.map(|name| name.as_slice().into()).collect(),
        ..Survey::default()
    };
    let options = pipeline::Options {
        detail: Detail::default(),
        when: When::Finished,
        earlier: Servers::of(before.servers.clone()),
        domains: before.ground.own.clone(),
        // Nothing is to be kept, but every path is to be handed over as it is.
        keep_from: Some(Time(i64::MAX)),
        keys: keys.clone(),
        ..run.pipeline_options()
    };
    let make = || Counting {
        sign: -1,
        settles: true,
        closed_until: Some(Time(i64::MAX)),
        ..Counting::new(run, inputs)
    };
    let done = |_: &mut [Mutex<Counting<'_>>]| Ok::<(), Error>(());
    let (outcome, counted) = pipeline::run(inputs, plan, survey, &options, |_| {}, make, done)?;
    let mut days = BTreeMap::new();
    for counting in counted {
        merge_days(&mut days, counting.days, counting.options);
    }
    name_rows(&mut days, inputs);
    Ok(Taken {
        days,
        names: outcome.servers.names(),
    })
}

impl Night {
    /// What this run read.
    pub(super) fn facts(
        &self,
        options: &Read,
        inputs: &Inputs,
        news: &News,
        begun: Instant,
    ) -> Facts {
        let names = news.names.iter().map(String::as_str);
        let mut facts = facts::of(options, inputs, names, &self.outcome, begun.elapsed());
        (facts.from, facts.to) = self.outcome.span.unzip();
        facts.state = Some(StateFacts {
            run: 0,
            new_files: facts.files,
            new_bytes: facts.bytes,
            new_rows: facts.rows,
            unchanged_files: news.unchanged,
            open_messages: self.open_messages,
            open_rows: self.open_rows,
            closed_until: self.closed_until.map(Time::rfc3339),
            late_rows: self.outcome.rows_late,
            notes: news.notes.clone(),
            gone_logs: news.gone.clone(),
        });
        facts
    }

    /// What the state says after this run.
    pub(super) fn manifest(&self, inputs: &Inputs, news: &News, facts: &Facts) -> Manifest {
        let mut next = self.next.clone();
        next.closed_until = self.closed_until;
        next.servers = self.outcome.servers.all();
        if self.outcome.own.guessed {
            next.domains = self.outcome.own.names();
        }
        let found = Facts {
            servers: Vec::new(),
            ..facts.clone()
        };
        // What is missing or passed over is so now; rows are read once.
        next.facts.skipped_files.clear();
        next.facts.missing_files.clear();
        next.facts.tool.clone_from(&found.tool);
        next.facts.merge(found);
        next.note_files(news, inputs, &self.outcome.plan, (self.reach, &self.needed));
        next
    }

    /// The files of days that got settled messages, or lost some.
    pub(super) fn closed(
        &self,
        state: &State,
        facts: &Facts,
        options: &Read,
    ) -> Result<Vec<(String, Saved)>, Error> {
        let none = Taken {
            days: BTreeMap::new(),
            names: Vec::new(),
        };
        let taken = self.taken.as_ref().unwrap_or(&none);
        let mut sums: BTreeMap<Date, Saved> = BTreeMap::new();
        for (names, days) in [(&self.names, &self.days), (&taken.names, &taken.days)] {
            for (date, day) in days {
                let Some(settled) = &day.settled else {
                    continue;
                };
                let more = Saved {
                    names: names.clone(),
                    facts: Facts::none(),
                    tally: settled.clone(),
                };
                match sums.get_mut(date) {
                    Some(sum) => sum.merge(more),
                    None => drop(sums.insert(*date, more)),
                }
            }
        }
        let mut all = Vec::new();
        for (date, mut sum) in sums {
            let name = date.to_string();
            if let Some(before) = state.day(&name)? {
                sum.merge(before);
            }
            let range = day_range(date, &options.zone);
            sum.facts = self.of_day(&range, facts);
            all.push((name, sum));
        }
        Ok(all)
    }

    /// What is known of a day beside its messages.
    fn of_day(&self, day: &Range<Time>, facts: &Facts) -> Facts {
        let hours = day.start.hour()..day.end.hour();
        let servers = facts::servers(&self.outcome.servers, Some(&hours));
        Facts {
            tool: facts.tool.clone(),
            from: Some(day.start),
            to: Some(day.end),
            rows: servers.iter().map(|server| server.rows).sum(),
            own_domains: facts.own_domains.clone(),
            domains_guessed: facts.domains_guessed,
            veil: facts.veil.clone(),
            servers,
            ..Facts::none()
        }
    }

    fn saved(&self, tally: Tally) -> Saved {
        Saved {
            names: self.names.clone(),
            facts: Facts::none(),
            tally,
        }
    }

    /// Everything that was counted on some days, closed and open.
    pub(super) fn sums(
        &self,
        state: &State,
        options: &Read,
        wanted: impl Fn(Date) -> bool,
    ) -> Result<Saved, Error> {
        let mut sum = self.saved(Tally::new(tally_options(options)));
        for name in state.days() {
            if name.parse().is_ok_and(&wanted)
                && let Some(day) = state.day(name)?
            {
                sum.merge(day);
            }
        }
        for (_, day) in self.days.iter().filter(|(date, _)| wanted(**date)) {
            sum.merge(self.saved(day.open.clone()));
        }
        Ok(sum)
    }

    pub(super) fn say(&self, news: &News) {
        for note in &news.notes {
            say!("note: {note}");
        }
        say!(
            "{} files as they were; {} open messages with {} rows are carried to the next run",
            news.unchanged,
            self.open_messages,
            self.open_rows
        );
    }
}
