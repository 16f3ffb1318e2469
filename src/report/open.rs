//! What is not decided at the end: waiting recipients, and trails that end where logs are missing.
//!
//! In: the tally's sums and the end of the period. Out: the sections `pending` and `unknown`.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::report::{Message, Names, decoded};
use crate::tally::failures::EXAMPLES;
use crate::tally::open::{self as tally, Missing, PutOff, Wait};
use crate::tally::{Counts, Map};
use crate::time::{SECOND, Time};

/// The section `pending`.
#[derive(Clone, Debug, Serialize)]
pub struct Pending {
    pub recipients: i64,
    /// Messages with a waiting recipient.
    pub messages: i64,
    /// By the time since the message entered, at the end of the period.
    pub by_age: Vec<Age>,
    pub by_reason: Vec<Counted>,
    /// By the host in the last error, or else the recipient's domain.
    pub by_next_hop: Vec<Counted>,
    pub oldest: Vec<Message>,
    pub deferrals: Deferrals,
    /// What put delivery off, whatever became of the mail; most deferrals first.
    pub deferrals_by_reason: Vec<Counted>,
    pub deferrals_by_next_hop: Vec<Counted>,
    /// Recipients by the number of times they were put off.
    pub tries: Vec<Tries>,
    /// Deferrals by next hop in the first and the last third of the period: whether a queue grows.
    pub trends: Vec<Trend>,
}

/// Deferrals of one next hop, early and late.
#[derive(Clone, Debug, Serialize)]
pub struct Trend {
    pub next_hop: String,
    pub first_third: i64,
    pub last_third: i64,
}

/// Recipients that were put off so often, and their messages.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Tries {
    pub deferrals: u32,
    pub recipients: i64,
    pub messages: i64,
}

/// Waiting recipients of an age, and their messages.
#[derive(Clone, Debug, Serialize)]
pub struct Age {
    pub age: &'static str,
    pub recipients: i64,
    pub messages: i64,
}

/// Recipients with something in common.
#[derive(Clone, Debug, Serialize)]
pub struct Counted {
    pub what: String,
    pub recipients: i64,
    /// Messages with such a recipient.
    pub messages: i64,
    /// How often they were put off, each recipient by itself; where that is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deferrals: Option<i64>,
}

impl Counted {
    /// Recipients and their messages.
    pub fn new(what: String, counts: Counts) -> Counted {
        Counted {
            what,
            recipients: counts.recipients,
            messages: counts.messages,
            deferrals: None,
        }
    }
}

/// How often delivery was put off, whatever became of it.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Deferrals {
    pub attempts: i64,
    pub recipients: i64,
    pub messages: i64,
}

/// The section `unknown`, most recipients first.
#[derive(Clone, Debug, Serialize)]
pub struct Unknown {
    pub recipients: i64,
    pub by_missing: Vec<Trail>,
}

/// Trails that end for the same reason.
#[derive(Clone, Debug, Serialize)]
pub struct Trail {
    /// `log_of`, `row_on`, `end_of`, `original_delivery` or `unexplained`.
    pub kind: &'static str,
    pub host: Option<String>,
    /// The same in a sentence.
    pub missing: String,
    pub recipients: i64,
    pub messages: i64,
    /// The earliest few.
    pub examples: Vec<Message>,
}

/// Upper ends of the classes of age, exclusive; seconds.
const AGES: [(i64, &str); 6] = [
    (15 * 60, "under 15 min"),
    (3_600, "15 min to 1 h"),
    (4 * 3_600, "1 h to 4 h"),
    (24 * 3_600, "4 h to 1 day"),
    (48 * 3_600, "1 to 2 days"),
    (i64::MAX, "over 2 days"),
];

/// The section `pending`; ages are counted to `end`.
pub fn pending(
    sums: &tally::Pending,
    start: Option<Time>,
    end: Option<Time>,
    top: usize,
    names: &Names<'_>,
) -> Pending {
    let mut by_age = AGES.map(|(_, age)| Age {
        age,
        recipients: 0,
        messages: 0,
    });
    for (&since, waiting) in &sums.since {
        let age_s = end.map_or(0, |end| (end.0 - since) / SECOND);
        let class = AGES.iter().position(|&(limit_s, _)| age_s < limit_s);
        let age = &mut by_age[class.unwrap_or(AGES.len() - 1)];
        age.recipients += waiting.recipients;
        age.messages += waiting.messages;
    }
    let reasons = sums.reasons.iter().map(|(wait, counts)| {
        let what = match wait {
            Wait::Logged(words) => decoded(words),
            Wait::InQueueOf(server) => {
                format!("in the queue of {}, no deferral logged", names(*server))
            }
            Wait::Unexplained => "no reason logged".into(),
        };
        Counted::new(what, *counts)
    });
    let next_hops = sums.next_hops.iter().map(|(host, counts)| {
        let what = super::given(host).unwrap_or_else(|| "(no domain)".into());
        Counted::new(what, *counts)
    });
    let oldest = sums.oldest.first(top);
    Pending {
        recipients: sums.since.values().map(|waiting| waiting.recipients).sum(),
        messages: sums.since.values().map(|waiting| waiting.messages).sum(),
        by_age: by_age.into(),
        by_reason: most(reasons),
        by_next_hop: most(next_hops),
        oldest: oldest.iter().map(|e| Message::new(e, names)).collect(),
        deferrals: Deferrals {
            attempts: sums.deferrals.attempts,
            recipients: sums.deferrals.recipients,
            messages: sums.deferrals.messages,
        },
        deferrals_by_reason: texts(&sums.deferred_because, "(no reason logged)"),
        deferrals_by_next_hop: texts(&sums.deferred_hops, "(no domain)"),
        tries: tries(sums),
        trends: trends(sums, start, end),
    }
}

fn texts(sums: &Map<Box<[u8]>, PutOff>, none: &str) -> Vec<Counted> {
    let put_off = sums.iter().filter(|(_, sum)| sum.deferrals != 0);
    let mut lines: Vec<Counted> = put_off
        .map(|(what, sum)| Counted {
            deferrals: Some(sum.deferrals),
            ..Counted::new(
                super::given(what).unwrap_or_else(|| none.into()),
                sum.counts,
            )
        })
        .collect();
    lines.sort_by(|a, b| (b.deferrals.cmp(&a.deferrals)).then_with(|| a.what.cmp(&b.what)));
    lines
}

fn trends(sums: &tally::Pending, start: Option<Time>, end: Option<Time>) -> Vec<Trend> {
    let Some((start, end)) = start.zip(end) else {
        return Vec::new();
    };
    let (start, hours) = (start.hour(), end.hour() - start.hour() + 1);
    let mut trends: BTreeMap<&[u8], (i64, i64)> = BTreeMap::new();
    // What was taken back again is as if it had never been.
    let put_off = sums.hourly.iter().filter(|(_, deferrals)| **deferrals != 0);
    for ((host, hour), &deferrals) in put_off {
        let trend = trends.entry(host).or_default();
        match 3 * (hour - start) / hours.max(1) {
            ..=0 => trend.0 += deferrals,
            1 => {}
            _ => trend.1 += deferrals,
        }
    }
    let lines = trends
        .into_iter()
        .map(|(host, (first_third, last_third))| Trend {
            next_hop: super::given(host).unwrap_or_else(|| "(no domain)".into()),
            first_third,
            last_third,
        });
    lines.collect()
}

fn tries(sums: &tally::Pending) -> Vec<Tries> {
    let put_off = sums
        .tries
        .iter()
        .filter(|(_, counts)| counts.recipients != 0);
    let mut tries: Vec<Tries> = put_off
        .map(|(&deferrals, counts)| Tries {
            deferrals,
            recipients: counts.recipients,
            messages: counts.messages,
        })
        .collect();
    tries.sort_by_key(|tries| tries.deferrals);
    tries
}

/// Most recipients first, what was taken back left out.
pub fn most(counted: impl Iterator<Item = Counted>) -> Vec<Counted> {
    let mut lines: Vec<Counted> = counted.filter(|line| line.recipients != 0).collect();
    lines.sort_by(|a, b| (b.recipients.cmp(&a.recipients)).then_with(|| a.what.cmp(&b.what)));
    lines
}

/// The section `unknown`.
pub fn unknown(sums: &tally::Unknown, names: &Names<'_>) -> Unknown {
    let mut by_missing: Vec<Trail> = (sums.missing.iter())
        .filter(|(_, cases)| cases.recipients != 0)
        .map(|(missing, cases)| {
            let (kind, host, missing) = sentence(missing, names);
            let examples = cases.examples.first(EXAMPLES);
            Trail {
                kind,
                host,
                missing,
                recipients: cases.recipients,
                messages: cases.messages,
                examples: examples.iter().map(|e| Message::new(e, names)).collect(),
            }
        })
        .collect();
    by_missing
        .sort_by(|a, b| (b.recipients.cmp(&a.recipients)).then_with(|| a.missing.cmp(&b.missing)));
    Unknown {
        recipients: by_missing.iter().map(|trail| trail.recipients).sum(),
        by_missing,
    }
}

fn sentence(missing: &Missing, names: &Names<'_>) -> (&'static str, Option<String>, String) {
    match missing {
        Missing::LogOf(host) => {
            let host = decoded(host);
            let sentence = format!("handed to {host}; no log of {host} was read for that time");
            ("log_of", Some(host), sentence)
        }
        Missing::RowOn(host) => {
            let host = decoded(host);
            let sentence = format!("handed to {host}, whose log has no row of what became of it");
            ("row_on", Some(host), sentence)
        }
        Missing::EndOf(server) => {
            let host = names(*server);
            let sentence = format!("the logs of {host} end before the next step");
            ("end_of", Some(host), sentence)
        }
        Missing::OriginalDelivery => (
            "original_delivery",
            None,
            "suppressed as a duplicate of a delivery that no log shows".into(),
        ),
        Missing::Unexplained => ("unexplained", None, "nothing says what became of it".into()),
    }
}
