//! What failed or was refused, by status code, in plain words.
//!
//! In: the tally's causes. Out: the section `failures`.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::path::Fate;
use crate::report::open::{Counted, most};
use crate::report::{Message, Names, decoded};
use crate::status::StatusCode;
use crate::tally::failures::{self as tally, Group};

/// Behind the number of refusals for now.
pub const FOR_NOW: &str = "refused for now (4xx): the sender usually tries again, and what is accepted then counts as a \
                           message of its own.";

/// The section `failures`, most recipients first.
#[derive(Clone, Debug, Serialize)]
pub struct Failures {
    /// Recipients that failed after acceptance.
    pub failed: i64,
    /// Recipients refused before acceptance: not in the balance.
    pub rejected: i64,
    /// Of these, for now (4xx): the sender usually tries again, and what is accepted then is a message of its own.
    pub rejected_for_now: i64,
    pub by_code: Vec<ByCode>,
    pub by_code_and_server: Vec<Cause>,
    /// Addresses that do not exist.
    pub not_found: Vec<Counted>,
    /// Mailboxes that are full.
    pub mailboxes_full: Vec<Counted>,
    /// Domains whose mail expired in the queue.
    pub domains_expired: Vec<Counted>,
    /// What rules, agents and policies refused, by source and words.
    pub refused: Vec<Counted>,
    pub reports: Reports,
}

/// Failures and reports about them, held against each other.
#[derive(Clone, Debug, Serialize)]
pub struct Reports {
    /// Reports that failures name and that were seen.
    pub matched: i64,
    /// Failures name a report that no row shows.
    pub missing: i64,
    /// Reports about a message of which no failure was read.
    pub without_failure: i64,
    /// Messages with a failed recipient of which no row names a report.
    pub failures_without_report: i64,
    /// The earliest few of the last.
    pub examples: Vec<Message>,
}

/// Failures with one code.
#[derive(Clone, Debug, Serialize)]
pub struct ByCode {
    /// Enhanced status code, or the reply code; null where the log has neither.
    pub code: Option<String>,
    pub meaning: &'static str,
    pub failed: i64,
    pub rejected: i64,
    /// Messages with such a recipient.
    pub messages: i64,
}

/// Failures with one code on one server.
#[derive(Clone, Debug, Serialize)]
pub struct Cause {
    pub code: Option<String>,
    pub meaning: &'static str,
    pub server: Option<String>,
    /// What decided: `SMTP`, `AGENT`, `ROUTING`, ... as logged.
    pub source: Option<String>,
    pub fate: Fate,
    pub recipients: i64,
    /// Messages with such a recipient.
    pub messages: i64,
    /// The earliest few.
    pub examples: Vec<Message>,
}

/// The section `failures`.
pub fn failures(sums: &tally::Failures, names: &Names<'_>) -> Failures {
    let mut by_code: BTreeMap<Option<StatusCode>, ByCode> = BTreeMap::new();
    let mut causes = Vec::new();
    let mut rejected_for_now = 0;
    for (cause, cases) in &sums.causes {
        if cases.recipients == 0 {
            continue;
        }
        let line = by_code.entry(cause.code).or_insert_with(|| ByCode {
            code: written(cause.code),
            meaning: meaning(cause.code),
            failed: 0,
            rejected: 0,
            messages: sums.messages_by_code.get(&cause.code).copied().unwrap_or(0),
        });
        match cause.fate {
            Fate::Rejected => {
                line.rejected += cases.recipients;
                if cause.code.is_some_and(StatusCode::is_for_now) {
                    rejected_for_now += cases.recipients;
                }
            }
            _ => line.failed += cases.recipients,
        }
        let examples = cases.examples.first(tally::EXAMPLES);
        causes.push(Cause {
            code: written(cause.code),
            meaning: meaning(cause.code),
            server: cause.server.map(names),
            source: super::given(&cause.source),
            fate: cause.fate,
            recipients: cases.recipients,
            messages: cases.messages,
            examples: examples.iter().map(|e| Message::new(e, names)).collect(),
        });
    }
    causes.sort_by(|a, b| {
        (b.recipients.cmp(&a.recipients)).then_with(|| {
            (&a.code, &a.server, &a.source, a.fate).cmp(&(&b.code, &b.server, &b.source, b.fate))
        })
    });
    let mut by_code: Vec<ByCode> = by_code.into_values().collect();
    by_code.sort_by_key(|line| -(line.failed + line.rejected));
    Failures {
        failed: by_code.iter().map(|line| line.failed).sum(),
        rejected: by_code.iter().map(|line| line.rejected).sum(),
        rejected_for_now,
        by_code,
        by_code_and_server: causes,
        not_found: group(sums, Group::NotFound),
        mailboxes_full: group(sums, Group::Full),
        domains_expired: group(sums, Group::Expired),
        refused: group(sums, Group::Refused),
        reports: reports(sums, names),
    }
}

fn group(sums: &tally::Failures, group: Group) -> Vec<Counted> {
    let of_group = sums.groups.iter().filter(|((which, _), _)| *which == group);
    most(of_group.map(|((_, what), counts)| Counted::new(decoded(what), *counts)))
}

fn reports(sums: &tally::Failures, names: &Names<'_>) -> Reports {
    let count = |which: fn(&(i64, i64)) -> bool| {
        sums.reports.values().filter(|report| which(report)).count() as i64
    };
    let examples = sums.unreported.examples.first(tally::EXAMPLES);
    Reports {
        matched: count(|&(named, seen)| named > 0 && seen > 0),
        missing: count(|&(named, seen)| named > 0 && seen <= 0),
        without_failure: count(|&(named, seen)| named <= 0 && seen > 0),
        failures_without_report: sums.unreported.messages,
        examples: examples.iter().map(|e| Message::new(e, names)).collect(),
    }
}

fn written(code: Option<StatusCode>) -> Option<String> {
    code.map(|code| code.to_string())
}

fn meaning(code: Option<StatusCode>) -> &'static str {
    code.map_or("No status code logged", StatusCode::meaning)
}
