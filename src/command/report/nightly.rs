//! `report --state`: a run goes on where the one before it ended.
//!
//! In: logs, of which only what is new is read, and the state folder. Out: the report on everything that was counted so
//! far, or on days of it. The state is brought to disk first: whatever happens to the report, the next run makes the
//! same one again.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path as File;
use std::sync::Mutex;
use std::time::Instant;

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::{count, facts, probes, tally_options, write};
use crate::cli::Exit;
use crate::cli::flags::ReportFormat;
use crate::cli::options::Read;
use crate::command::{Run, Sink, finish, summary, unchanged};
use crate::error::Error;
use crate::filter::{Pattern, date_of, day_range};
use crate::input::Inputs;
use crate::join::shard::Taker;
use crate::join::{Detail, Ground, When};
use crate::path::{Class, Path};
use crate::pipeline::{self, Outcome};
use crate::progress::Progress;
use crate::report::baseline::Baseline;
use crate::report::{Facts, StateFacts};
use crate::row::Row;
use crate::saved::Saved;
use crate::saved::state::{self, Carried, Kept, Manifest, News, State};
use crate::servers::Servers;
use crate::tally::{Tally, TallyOptions};
use crate::time::Time;

/// Reads what is new, keeps it, reports.
///
/// # Errors
/// If the state or the logs cannot be read, or the state or the report cannot be written.
pub fn nightly(
    options: &Read,
    folder: &File,
    paths: &[String],
    format: ReportFormat,
) -> Result<Exit, Error> {
    let begun = Instant::now();
    let period = Period::of(options)?;
    let mut state = State::open(folder, terms(options))?;
    let mut inputs = match paths {
        [] => Inputs::default(),
        paths => Inputs::open_as(paths, &options.opening)?,
    };
    inputs.offsets = options.evidence;
    inputs.assumed = options.assumed.clone();
    let news = state.take_in(&mut inputs)?;
    inputs.unreadable.extend(news.refused.iter().cloned());
    let mut sink = Sink::open(options)?;
    let progress = Progress::start(inputs.bytes(), options.progress);
    let manifest = crate::command::manifest::Manifest::start(options)?;
    let run = Run {
        options,
        progress: &progress,
        manifest: &manifest,
    };
    let night = night(&run, &state, &mut inputs)?;
    let facts = night.facts(options, &inputs, &news, begun);
    unchanged(&inputs).map_err(|failed| failed.error)?;
    state.commit(
        night.manifest(&state, &inputs, &news, &facts),
        &night.closed(&state, &facts, options)?,
        &night.carried,
    )?;
    let facts = period.facts(facts, &state, &night.outcome.servers);
    let shown = period.sums(&state, &night, facts, options)?;
    let earlier = period.earlier(&state, &night, options)?;
    if let Some(path) = &options.days.save {
        shown.write(path)?;
    }
    let written = write(options, format, shown, earlier, run.page(), &mut sink);
    if !options.quiet {
        night.say(&news);
    }
    let exit = summary::close(&run, &inputs, &night.outcome, begun.elapsed(), Exit::Done);
    match written.and_then(|()| finish(exit, &run, &inputs, sink)) {
        Err(failed) if failed.broken_pipe => Ok(Exit::Done),
        Err(failed) => Err(failed.error),
        Ok(exit) => Ok(exit),
    }
}

/// Settings under which figures add up.
fn terms(options: &Read) -> BTreeMap<String, String> {
    let zone = options.zone.iana_name().unwrap_or("UTC");
    let key = |key: &String| blake3::hash(key.as_bytes()).to_hex()[..8].to_string();
    let anonymous = options.anonymous.as_ref().map_or("off".into(), key);
    let horizon = format!("{} s", options.horizon / crate::time::SECOND);
    let probes = options.filter.include_probes.to_string();
    let terms = [
        ("--tz", zone.to_string()),
        ("--horizon", horizon),
        ("--anonymous", anonymous),
        ("--include-probes", probes),
        ("--top", options.days.top.to_string()),
    ];
    terms.map(|(flag, value)| (flag.to_string(), value)).into()
}

/// What one run found.
struct Night {
    outcome: Outcome,
    /// By day on which messages were first seen.
    days: BTreeMap<Date, Day>,
    names: Vec<String>,
    reach: Option<Time>,
    closed_until: Option<Time>,
    open_messages: u64,
    carried: Carried,
}

/// The messages of a day.
struct Day {
    /// No row can follow: counted for good. `None`: there are none.
    closed: Option<Tally>,
    /// Joined again by the next run.
    open: Tally,
}

impl Day {
    fn new(options: TallyOptions) -> Day {
        Day {
            closed: None,
            open: Tally::new(options),
        }
    }

    fn merge(&mut self, other: Day) {
        self.open.merge(other.open);
        match (&mut self.closed, other.closed) {
            (Some(closed), Some(more)) => closed.merge(more),
            (closed, more) => *closed = closed.take().or(more),
        }
    }
}

/// Joins what is new with the rows that were carried.
fn night(run: &Run<'_>, state: &State, inputs: &mut Inputs) -> Result<Night, Error> {
    let before = &state.manifest;
    let plan = pipeline::plan(inputs, run.options.chunk_bytes as usize);
    let inputs = &*inputs;
    let earlier = Servers::of(before.servers.clone());
    let mut survey = pipeline::survey(inputs, &plan);
    survey
        .servers
        .extend(earlier.read().into_iter().map(|(name, _)| name.to_owned()));
    survey
        .domains
        .extend(before.domains.iter().map(|name| name.as_str().into()));
    let horizon = run.options.horizon;
    let reach = state::reach(inputs, &plan, &earlier, horizon, run.options.now);
    let closed_until = state::closed_until(reach, before.closed_until, horizon);
    let options = pipeline::Options {
        detail: Detail::default(),
        when: When::Finished,
        earlier,
        not_before: before.closed_until,
        keep_from: Some(closed_until.unwrap_or(Time(i64::MIN))),
        ..run.pipeline_options()
    };
    let tally_options = tally_options(run.options);
    let make = || Counting {
        zone: &run.options.zone,
        probes: probes(run.options),
        options: tally_options,
        closed_until,
        days: BTreeMap::new(),
        today: None,
        kept: Vec::new(),
        open_messages: 0,
    };
    let read = |bytes| run.progress.add(bytes);
    let done = |_: &mut [Mutex<Counting<'_>>]| Ok::<(), Error>(());
    let (outcome, counted) = pipeline::run(inputs, plan, survey, &options, read, make, done)?;
    let mut days: BTreeMap<Date, Day> = BTreeMap::new();
    let (mut kept, mut open_messages) = (Vec::new(), 0);
    for counting in counted {
        kept.extend(counting.kept);
        open_messages += counting.open_messages;
        for (date, day) in counting.days {
            days.entry(date)
                .or_insert_with(|| Day::new(tally_options))
                .merge(day);
        }
    }
    for day in days.values_mut() {
        for tally in day.closed.iter_mut().chain([&mut day.open]) {
            tally.name_rows(&|place| inputs.evidence(place));
        }
    }
    Ok(Night {
        days,
        names: outcome.servers.names(),
        reach,
        closed_until,
        open_messages,
        carried: Carried::of(kept, inputs, &outcome.layouts),
        outcome,
    })
}

impl Night {
    /// What this run read.
    fn facts(&self, options: &Read, inputs: &Inputs, news: &News, begun: Instant) -> Facts {
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
            open_rows: self.carried.rows() as u64,
            closed_until: self.closed_until.map(Time::rfc3339),
            late_rows: self.outcome.rows_late,
            notes: news.notes.clone(),
        });
        facts
    }

    /// What the state says after this run.
    fn manifest(&self, state: &State, inputs: &Inputs, news: &News, facts: &Facts) -> Manifest {
        let mut next = state.manifest.clone();
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
        next.note_files(news, inputs, &self.outcome.plan, self.reach);
        next
    }

    /// The files of days that got closed messages.
    fn closed(
        &self,
        state: &State,
        facts: &Facts,
        options: &Read,
    ) -> Result<Vec<(String, Saved)>, Error> {
        let mut all = Vec::new();
        for (date, day) in &self.days {
            let Some(closed) = &day.closed else {
                continue;
            };
            let name = date.to_string();
            let mut sum = self.saved(closed.clone());
            if let Some(before) = state.day(&name)? {
                sum.merge(before);
            }
            let range = day_range(*date, &options.zone);
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
    fn sums(
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

    fn say(&self, news: &News) {
        for note in &news.notes {
            eprintln!("note: {note}");
        }
        eprintln!(
            "{} files as they were; {} open messages with {} rows are carried to the next run",
            news.unchanged,
            self.open_messages,
            self.carried.rows()
        );
    }
}

/// The days that are reported on.
struct Period {
    from: Option<(Date, Time)>,
    /// Exclusive.
    to: Option<(Date, Time)>,
}

impl Period {
    fn of(options: &Read) -> Result<Period, Error> {
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
    fn facts(&self, mut found: Facts, state: &State, servers: &Servers) -> Facts {
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

    fn sums(
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
    fn earlier(
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
        baseline.add(&sum.tally, &options.zone);
        Ok(Some(baseline))
    }
}

/// One thread's sums and the rows that are to be carried.
struct Counting<'c> {
    zone: &'c TimeZone,
    probes: &'c [Pattern],
    options: TallyOptions,
    closed_until: Option<Time>,
    days: BTreeMap<Date, Day>,
    /// The day of the last message: the next one is of the same, mostly.
    today: Option<(Date, Range<Time>)>,
    kept: Vec<Kept>,
    open_messages: u64,
}

impl Counting<'_> {
    fn date(&mut self, time: Time) -> Date {
        if let Some((date, range)) = &self.today
            && range.contains(&time)
        {
            return *date;
        }
        let date = date_of(time, self.zone);
        self.today = Some((date, day_range(date, self.zone)));
        date
    }
}

impl Taker for Counting<'_> {
    fn add(&mut self, path: &Path<'_>, _: &Servers, weight: i64) -> bool {
        let date = self.date(path.first_seen);
        let options = self.options;
        let day = self.days.entry(date).or_insert_with(|| Day::new(options));
        let is_open = self.closed_until.is_none_or(|line| path.last_seen >= line);
        let tally = match is_open {
            true => &mut day.open,
            false => day.closed.get_or_insert_with(|| Tally::new(options)),
        };
        count(tally, self.probes, path, weight)
    }

    fn more_rows(&mut self, _: Class, _: i64) {
        unreachable!("where rows are kept, messages are handed over anew");
    }

    fn keep(&mut self, rows: &[&Row], ground: &Ground<'_>) {
        self.open_messages += 1;
        for row in rows {
            let slice = &ground.slices[row.chunk as usize];
            self.kept.push(Kept {
                place: row.place(slice.file, slice.start),
                len: row.len,
                layout: row.layout,
            });
        }
    }
}
