//! What was read per server and service, hour by hour.
//!
//! In: the servers of the run. Out: [`Server`]s with the rows of every hour and the hours in which they are missed, as
//! [`Gone`], too.

use jiff::tz::TimeZone;
use serde::Serialize;

use super::Facts;
use super::gone::Gone;
use super::mentions::Hole;
use crate::event::ServerId;
use crate::keys::Service as Kind;
use crate::report::rhythm::{self, Hours, Silence};
use crate::servers::{Coverage, HourRows};
use crate::time::{HOUR, Time};

/// One server.
#[derive(Clone, Debug, Serialize)]
pub struct Server {
    pub server: String,
    pub rows: u64,
    pub first: Option<String>,
    pub last: Option<String>,
    pub services: Vec<Service>,
    #[serde(skip)]
    pub id: Option<ServerId>,
    #[serde(skip)]
    pub span: Option<(Time, Time)>,
}

/// One service of a server.
#[derive(Clone, Debug, Serialize)]
pub struct Service {
    pub service: &'static str,
    pub rows: u64,
    /// Rows in each hour that has any.
    pub hours: Vec<HourOfRows>,
    pub silences: Vec<Missed>,
    /// Hours without rows of which rows elsewhere speak.
    pub told_elsewhere: Vec<ToldElsewhere>,
    #[serde(skip)]
    pub kind: Kind,
    #[serde(skip)]
    pub by_hour: Hours,
}

/// An hour without rows of which rows in other logs speak.
#[derive(Clone, Debug, Serialize)]
pub struct ToldElsewhere {
    pub from: String,
    /// The first such row, `file:line`.
    pub row: String,
    /// Whether the service has rows before and after.
    pub inside: bool,
    #[serde(skip)]
    pub hour: i64,
}

#[derive(Clone, Debug, Serialize)]
pub struct HourOfRows {
    pub from: String,
    pub rows: u64,
}

/// Hours without rows, or next to none, where plenty are usual.
#[derive(Clone, Debug, Serialize)]
pub struct Missed {
    pub from: String,
    /// Exclusive.
    pub to: String,
    pub hours_missed: u64,
    pub rows_usual: u64,
    /// What tells what is usual: the same hour of other weeks or days, or the hours around.
    pub measured_by: &'static str,
    #[serde(skip)]
    pub silence: Silence,
}

/// All servers with rows of their own, by name.
pub fn coverage(facts: &Facts<'_>) -> Vec<Server> {
    let read = facts.servers.read();
    let mut all: [Hours; Kind::COUNT] = Default::default();
    let mut any = Hours::new();
    for (_, coverage) in &read {
        for (hour, logged) in &coverage.hours {
            let of_kinds = all.iter_mut().zip(logged.rows);
            for (all, rows) in of_kinds.filter(|(_, rows)| *rows > 0) {
                *all.entry(*hour).or_default() += u64::from(rows);
                *any.entry(*hour).or_default() += u64::from(rows);
            }
        }
    }
    let spans = facts.span.map_or(Vec::new(), |(first, last)| {
        rhythm::spans(&any, first, last, &facts.zone)
    });
    read.iter()
        .map(|(name, coverage)| Server {
            server: name.to_string(),
            rows: coverage.rows,
            first: coverage.span().map(|(first, _)| first.rfc3339()),
            last: coverage.span().map(|(_, last)| last.rfc3339()),
            services: services(coverage, &all, &spans, &facts.zone),
            id: facts.servers.find(name),
            span: coverage.span(),
        })
        .collect()
}

/// The hours in which rows are missed because plenty are usual.
pub fn gone(servers: &[Server]) -> Gone {
    let mut gone = Gone::default();
    for (server, id) in servers.iter().filter_map(|of| Some((of, of.id?))) {
        for service in &server.services {
            for missed in &service.silences {
                gone.add(id, service.kind, missed.silence.hours.clone());
            }
        }
    }
    gone
}

/// Puts the holes where they belong.
pub fn note_holes(servers: &mut [Server], holes: &[Hole], facts: &Facts<'_>) {
    for hole in holes {
        let services = (servers.iter_mut())
            .filter(|server| server.id == Some(hole.server))
            .flat_map(|server| &mut server.services);
        for service in services.filter(|of| of.kind == hole.service) {
            let told = hole.hours.iter().zip(&hole.first);
            let told = told.map(|(&hour, &row)| ToldElsewhere {
                from: Time(hour * HOUR).rfc3339(),
                row: facts.inputs.evidence(row.place(facts.plan)),
                inside: hole.inside,
                hour,
            });
            service.told_elsewhere.extend(told);
        }
    }
}

fn services(
    coverage: &Coverage,
    all: &[Hours; Kind::COUNT],
    spans: &[rhythm::Span],
    zone: &TimeZone,
) -> Vec<Service> {
    let mut services = Vec::new();
    for kind in Kind::ALL {
        let rows_of = |(hour, logged): (&i64, &HourRows)| {
            let rows = u64::from(logged.rows[kind as usize]);
            (rows > 0).then_some((*hour, rows))
        };
        let by_hour: Hours = coverage.hours.iter().filter_map(rows_of).collect();
        if by_hour.is_empty() {
            continue;
        }
        let silences = spans
            .iter()
            .flat_map(|span| rhythm::silences(&by_hour, &all[kind as usize], *span, zone));
        services.push(Service {
            service: kind.word(),
            rows: by_hour.values().sum(),
            hours: by_hour
                .iter()
                .map(|(hour, rows)| HourOfRows {
                    from: Time(hour * HOUR).rfc3339(),
                    rows: *rows,
                })
                .collect(),
            silences: silences.map(missed).collect(),
            told_elsewhere: Vec::new(),
            kind,
            by_hour,
        });
    }
    services
}

fn missed(silence: Silence) -> Missed {
    Missed {
        from: Time(silence.hours.start * HOUR).rfc3339(),
        to: Time(silence.hours.end * HOUR).rfc3339(),
        hours_missed: silence.missed,
        rows_usual: silence.usual,
        measured_by: silence.by.words(),
        silence,
    }
}
