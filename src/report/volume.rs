//! Volume by hour, day and weekday of the report's zone, and by direction.
//!
//! In: quarter hours of UTC. Out: the section `volume`. An hour of the clock that comes twice when
//! summer time ends is two lines, told apart by the offset.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use serde::Serialize;

use crate::path::Direction;
use crate::tally::volume::{self as tally, DIRECTIONS, MINUTE, QUARTER};
use crate::time::{SECOND, Time};

/// The section `volume`. All hours and days are of the report's zone.
#[derive(Clone, Debug, Serialize)]
pub struct Volume {
    pub total: Flows,
    /// Hours with mail, in order.
    pub by_hour: Vec<Hour>,
    /// Days with mail, in order.
    pub by_day: Vec<Day>,
    /// Sums of the same hour of all days, 0 to 23.
    pub by_hour_of_day: Vec<Flows>,
    /// Sums of the same weekday, Monday to Sunday.
    pub by_weekday: Vec<Flows>,
    pub peak_hour: Option<Peak>,
    pub peak_minute: Option<Peak>,
}

/// Messages, recipients and bytes one way.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Flow {
    /// By the direction of the message.
    pub messages: i64,
    /// By the direction of each recipient.
    pub recipients: i64,
    /// Each message once.
    pub bytes: i64,
    /// Each message once per recipient.
    pub bytes_to_recipients: i64,
}

/// Flows each way, and their sum.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Flows {
    pub inbound: Flow,
    pub outbound: Flow,
    pub internal: Flow,
    pub relayed: Flow,
    pub unknown: Flow,
    pub total: Flow,
}

/// One hour.
#[derive(Clone, Debug, Serialize)]
pub struct Hour {
    /// Its start with the zone's offset: `2026-03-02T09:00:00+01:00`.
    pub hour: String,
    #[serde(flatten)]
    pub flows: Flows,
    #[serde(skip)]
    pub start: Time,
}

/// One day.
#[derive(Clone, Debug, Serialize)]
pub struct Day {
    /// `2026-03-02`.
    pub day: String,
    pub weekday: &'static str,
    /// Median of the same weekday's other days, earlier days that were given among them.
    pub usual_messages: Option<i64>,
    /// How far the day is from that: 0.1 is a tenth more, -1 nothing at all.
    pub change: Option<f64>,
    #[serde(flatten)]
    pub flows: Flows,
}

/// The busiest hour or minute; of equals the first.
#[derive(Clone, Debug, Serialize)]
pub struct Peak {
    /// Its start with the zone's offset.
    pub at: String,
    pub messages: i64,
    #[serde(skip)]
    pub start: Time,
}

/// Monday first, as in [`Volume::by_weekday`].
pub const WEEKDAYS: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];

impl Flows {
    /// The flow one way.
    pub fn of(&self, direction: Direction) -> &Flow {
        match direction {
            Direction::Inbound => &self.inbound,
            Direction::Outbound => &self.outbound,
            Direction::Internal => &self.internal,
            Direction::Relayed => &self.relayed,
            Direction::Unknown => &self.unknown,
        }
    }

    fn add(&mut self, flows: &tally::Directions) {
        for way in DIRECTIONS {
            let flow = &flows[way as usize];
            let sum = match way {
                Direction::Inbound => &mut self.inbound,
                Direction::Outbound => &mut self.outbound,
                Direction::Internal => &mut self.internal,
                Direction::Relayed => &mut self.relayed,
                Direction::Unknown => &mut self.unknown,
            };
            sum.add(flow);
            self.total.add(flow);
        }
    }
}

impl Flow {
    fn add(&mut self, flow: &tally::Flow) {
        self.messages += flow.messages;
        self.recipients += flow.recipients;
        self.bytes += flow.bytes;
        self.bytes_to_recipients += flow.bytes_to_recipients;
    }
}

/// The section `volume` in `zone`.
pub fn volume(
    sums: &tally::Volume,
    zone: &TimeZone,
    earlier: Option<&BTreeMap<Date, i64>>,
) -> Volume {
    let mut known = earlier.cloned().unwrap_or_default();
    known.extend(days(sums, zone));
    let mut total = Flows::default();
    let mut by_hour: BTreeMap<Time, Flows> = BTreeMap::new();
    let mut by_day: BTreeMap<jiff::civil::Date, Flows> = BTreeMap::new();
    let mut by_hour_of_day = vec![Flows::default(); 24];
    let mut by_weekday = vec![Flows::default(); 7];
    for (&quarter, flows) in &sums.quarters {
        // Quarters whose messages were all taken back again are as if they had never been.
        if flows.iter().all(|flow| *flow == tally::Flow::default()) {
            continue;
        }
        let local = local(Time(quarter * QUARTER), zone);
        let since_hour = i64::from(local.minute()) * MINUTE + i64::from(local.second()) * SECOND;
        let hour = Time(quarter * QUARTER - since_hour);
        total.add(flows);
        by_hour.entry(hour).or_default().add(flows);
        by_day.entry(local.date()).or_default().add(flows);
        by_hour_of_day[local.hour() as usize].add(flows);
        let weekday = local.date().weekday().to_monday_zero_offset();
        by_weekday[weekday as usize].add(flows);
    }
    let peak_hour = (by_hour
        .iter()
        .map(|(&hour, flows)| (hour, flows.total.messages)))
    .reduce(|most, next| if next.1 > most.1 { next } else { most });
    let peak_minute = (sums.minutes.iter())
        .map(|(&minute, &messages)| (Time(minute * MINUTE), messages))
        .reduce(|most, next| {
            let busier = next.1 > most.1 || next.1 == most.1 && next.0 < most.0;
            if busier { next } else { most }
        });
    Volume {
        total,
        by_hour: (by_hour.into_iter())
            .map(|(start, flows)| Hour {
                hour: with_offset(start, zone),
                flows,
                start,
            })
            .collect(),
        by_day: (by_day.into_iter())
            .map(|(day, flows)| {
                let usual_messages = usual(&known, day);
                let usual = usual_messages.filter(|&usual| usual > 0);
                Day {
                    usual_messages,
                    change: usual.map(|usual| flows.total.messages as f64 / usual as f64 - 1.0),
                    day: day.to_string(),
                    weekday: WEEKDAYS[day.weekday().to_monday_zero_offset() as usize],
                    flows,
                }
            })
            .collect(),
        by_hour_of_day,
        by_weekday,
        peak_hour: peak(peak_hour, zone),
        peak_minute: peak(peak_minute, zone),
    }
}

/// The median of the same weekday's other days, if there are any.
fn usual(days: &BTreeMap<Date, i64>, day: Date) -> Option<i64> {
    let same =
        (days.iter()).filter(|(other, _)| **other != day && other.weekday() == day.weekday());
    let mut messages: Vec<i64> = same.map(|(_, messages)| *messages).collect();
    messages.sort_unstable();
    let upper = *messages.get(messages.len() / 2)?;
    let lower = messages[(messages.len() - 1) / 2];
    Some((lower + upper) / 2)
}

/// Messages by day of `zone`.
pub fn days(sums: &tally::Volume, zone: &TimeZone) -> BTreeMap<Date, i64> {
    let mut days = BTreeMap::new();
    for (&quarter, flows) in &sums.quarters {
        let messages: i64 = flows.iter().map(|flow| flow.messages).sum();
        let local = local(Time(quarter * QUARTER), zone);
        *days.entry(local.date()).or_default() += messages;
    }
    days.retain(|_, messages| *messages != 0);
    days
}

fn peak(most: Option<(Time, i64)>, zone: &TimeZone) -> Option<Peak> {
    let (start, messages) = most.filter(|most| most.1 > 0)?;
    Some(Peak {
        at: with_offset(start, zone),
        messages,
        start,
    })
}

/// The clock of `zone` at `time`; that of 1970 for times that no calendar reaches.
pub fn local(time: Time, zone: &TimeZone) -> Zoned {
    let timestamp = Timestamp::from_microsecond(time.0).unwrap_or_default();
    timestamp.to_zoned(zone.clone())
}

/// `2026-03-02T09:00:00+01:00`.
fn with_offset(time: Time, zone: &TimeZone) -> String {
    let local = local(time, zone);
    local.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}
