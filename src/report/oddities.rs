//! What is out of the ordinary: duplicates, mail put back, loops, forwards to outside, rules, bursts.
//!
//! In: the tally. Out: the section `oddities`. A sender's normal is the median of the hours in which it
//! sent anything: those of earlier days where they are known, else of the same time with its busiest hour left out; with
//! fewer than three such hours, that of all senders.

use std::cmp::Reverse;

use serde::Serialize;

use crate::path::domains::OwnDomains;
use crate::report::baseline::{Baseline, MEASURES, TELLING_HOURS, normal};
use crate::report::{Message, Names, address, decoded};
use crate::status::StatusCode;
use crate::tally::Tally;
use crate::tally::correspondents::{Correspondents, Exchanged, SentInHour};
use crate::tally::failures::EXAMPLES;
use crate::tally::oddities::Kind;
use crate::tally::words::WordId;
use crate::tally::{Map, failures};
use crate::time::{HOUR, Time};

/// An hour is a burst from so many times the sender's normal.
const BURST_TIMES: i64 = 20;
/// And from so many messages; below, it is no trouble.
const BURST_MESSAGES: i64 = 40;
/// Or from so many recipients, and messages: one message to everybody is none.
const BURST_RECIPIENTS: i64 = 400;
const BURST_MAILINGS: i64 = 10;
/// Recipients from which mail to a domain that had none before is much.
const NEW_DOMAIN_RECIPIENTS: i64 = 20;
/// Senders named for each.
const SENDERS: usize = 3;

/// The section `oddities`.
#[derive(Clone, Debug, Serialize)]
pub struct Oddities {
    /// Most messages first within each kind.
    pub cases: Vec<Case>,
    /// Recipients that failed because a message went round in circles.
    pub loops: i64,
    /// Senders with an hour far above their own normal, farthest first.
    pub bursts: Vec<Burst>,
    /// Domains outside that got much mail now and had none on earlier days, most recipients first; empty where no
    /// earlier days are known.
    pub new_domains: Vec<NewDomain>,
}

/// A domain outside that was not written to before.
#[derive(Clone, Debug, Serialize)]
pub struct NewDomain {
    pub domain: String,
    pub messages: i64,
    pub recipients: i64,
    /// Those who wrote most.
    pub senders: Vec<WroteTo>,
}

/// A sender and how many recipients it wrote to.
#[derive(Clone, Debug, Serialize)]
pub struct WroteTo {
    pub sender: String,
    pub recipients: i64,
}

/// Messages with the same oddity.
#[derive(Clone, Debug, Serialize)]
pub struct Case {
    pub kind: Kind,
    /// Event, source and agent as logged, or `mailbox > address outside`.
    pub what: String,
    pub messages: i64,
    /// Recipients in these rows; 0 where rows name none.
    pub recipients: i64,
    pub examples: Vec<Message>,
}

/// A sender's busiest hour.
#[derive(Clone, Debug, Serialize)]
pub struct Burst {
    pub sender: String,
    /// Start of the hour, UTC.
    pub hour: String,
    pub messages: i64,
    pub recipients: i64,
    /// Which of the two is far above normal.
    pub counted: &'static str,
    /// How many of them are in an ordinary hour: of this sender, or of all where too few of its hours are known.
    pub normal: i64,
    #[serde(skip)]
    pub own: bool,
}

impl Burst {
    /// How many times the normal it is.
    pub fn times(&self) -> i64 {
        let sent = match self.counted {
            "messages" => self.messages,
            _ => self.recipients,
        };
        sent / self.normal.max(1)
    }
}

/// The section `oddities`.
pub fn oddities(
    tally: &Tally,
    own_domains: &[String],
    baseline: Option<&Baseline>,
    names: &Names<'_>,
) -> Oddities {
    let used = tally
        .oddities
        .cases
        .iter()
        .filter(|(_, cases)| cases.messages != 0);
    let mut cases: Vec<Case> = used
        .map(|((kind, what), cases)| Case {
            kind: *kind,
            what: decoded(what),
            messages: cases.messages,
            recipients: cases.recipients,
            examples: (cases.examples.first(EXAMPLES).iter())
                .map(|entry| Message::new(entry, names))
                .collect(),
        })
        .collect();
    cases.sort_by(|a, b| {
        (a.kind.cmp(&b.kind))
            .then_with(|| b.messages.cmp(&a.messages))
            .then_with(|| a.what.cmp(&b.what))
    });
    Oddities {
        cases,
        loops: loops(&tally.failures),
        bursts: bursts(tally, baseline),
        new_domains: baseline.map_or(Vec::new(), |baseline| {
            new_domains(&tally.correspondents, own_domains, baseline)
        }),
    }
}

/// Codes of RFC 3463 and Exchange for a routing loop and for too many hops.
fn loops(failures: &failures::Failures) -> i64 {
    let looped = |code: &Option<StatusCode>| {
        matches!(code, Some(StatusCode::Enhanced(4 | 5, 4, 6 | 8 | 14)))
    };
    let causes = failures
        .causes
        .iter()
        .filter(|(cause, _)| looped(&cause.code));
    causes.map(|(_, cases)| cases.recipients).sum()
}

/// The busiest hour of a sender that may be a burst, by one of [`MEASURES`].
struct Busiest {
    sender: WordId,
    measure: usize,
    sent: SentInHour,
    /// Its own normal, where enough other hours tell it.
    normal: Option<i64>,
}

/// Whether an hour may be one by a measure.
fn is_much(sent: &SentInHour, measure: usize) -> bool {
    match measure {
        0 => sent.messages >= BURST_MESSAGES,
        _ => sent.recipients >= BURST_RECIPIENTS && sent.messages >= BURST_MAILINGS,
    }
}

fn bursts(tally: &Tally, baseline: Option<&Baseline>) -> Vec<Burst> {
    let sums = &tally.correspondents;
    let (mut medians, mut busiest): ([Vec<i64>; 2], Vec<Busiest>) = Default::default();
    sums.each_senders_hours(|sender, hours| {
        for (medians, median) in medians.iter_mut().zip(normal(hours)) {
            medians.push(median);
        }
        for (measure, of) in MEASURES.iter().enumerate() {
            // Of equally busy hours the first.
            let Some(&sent) = hours.iter().rev().max_by_key(|sent| of(sent)) else {
                continue;
            };
            if !is_much(&sent, measure) {
                continue;
            }
            let others = hours.iter().filter(|other| other.hour != sent.hour);
            let others: Vec<SentInHour> = others.copied().collect();
            // Who sends much in every hour of the day is known by earlier days alone.
            let today = (others.len() >= TELLING_HOURS).then(|| normal(&others));
            let normal = match baseline {
                Some(earlier) => earlier.normal(sums.addresses.get(sender), today),
                None => today,
            };
            busiest.push(Busiest {
                sender,
                measure,
                sent,
                normal: normal.map(|normal| normal[measure]),
            });
        }
    });
    let usual = medians.map(|mut medians| {
        medians.sort_unstable();
        medians.get(medians.len() / 2).copied().unwrap_or(1)
    });
    let mut bursts: Vec<Burst> = Vec::new();
    for one in busiest {
        let normal = one.normal.unwrap_or(usual[one.measure]);
        let name = sums.addresses.get(one.sender);
        if MEASURES[one.measure](&one.sent) >= BURST_TIMES * normal && !name.is_empty() {
            bursts.push(Burst {
                sender: address(name),
                hour: Time(i64::from(one.sent.hour) * HOUR).rfc3339(),
                messages: one.sent.messages,
                recipients: one.sent.recipients,
                counted: ["messages", "recipients"][one.measure],
                normal,
                own: one.normal.is_some(),
            });
        }
    }
    let farthest = |burst: &Burst| Reverse(burst.times());
    bursts.sort_by_cached_key(|burst| (burst.sender.clone(), farthest(burst), burst.counted));
    bursts.dedup_by(|b, a| a.sender == b.sender);
    bursts.sort_by_cached_key(|burst| (farthest(burst), burst.sender.clone()));
    bursts
}

fn new_domains(sums: &Correspondents, own_domains: &[String], before: &Baseline) -> Vec<NewDomain> {
    let own = OwnDomains::given(own_domains.iter().map(String::as_str));
    let is_new = |domain: &[u8], mail: &Exchanged| {
        mail.received.recipients >= NEW_DOMAIN_RECIPIENTS
            && !before.domains.contains(domain)
            && own.owns(&[b"@", domain].concat()) == Some(false)
    };
    let domains = (0..).zip(&sums.by_domain);
    let new = domains.filter(|(id, mail)| is_new(sums.domains.get(*id), mail));
    let mut wrote: Map<WordId, Map<WordId, i64>> =
        new.map(|(id, _)| (id, Map::default())).collect();
    if !wrote.is_empty() {
        for ((sender, to), mail) in sums.pairs.sums() {
            if let Some(senders) = wrote.get_mut(&sums.correspondents[to as usize].domain) {
                *senders.entry(sender).or_default() += mail.recipients;
            }
        }
    }
    let mut found: Vec<NewDomain> = Vec::new();
    for (id, senders) in wrote {
        let mut senders: Vec<WroteTo> = (senders.into_iter())
            .filter(|(_, recipients)| *recipients > 0)
            .map(|(sender, recipients)| WroteTo {
                sender: address(sums.addresses.get(sender)),
                recipients,
            })
            .collect();
        senders.sort_by(|a, b| {
            (b.recipients.cmp(&a.recipients)).then_with(|| a.sender.cmp(&b.sender))
        });
        senders.truncate(SENDERS);
        let received = &sums.by_domain[id as usize].received;
        found.push(NewDomain {
            domain: decoded(sums.domains.get(id)),
            messages: received.messages,
            recipients: received.recipients,
            senders,
        });
    }
    found.sort_by(|a, b| (b.recipients.cmp(&a.recipients)).then_with(|| a.domain.cmp(&b.domain)));
    found
}
