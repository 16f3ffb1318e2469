//! What is wrong today: findings in plain words, worst first, each with its evidence.
//!
//! In: the finished sections of the report, and what earlier days were like where they are known. Out: the
//! key `trouble`. Every finding names the figures it rests on; thresholds stand beside each other on top of [`servers`],
//! [`silence`] and [`mail`].

mod mail;
mod servers;
mod silence;

use serde::Serialize;

use crate::report::baseline::Baseline;
use crate::report::{Message, Report};

/// For so long a server is missed that has no more rows; after that it is gone.
pub const MISSED_HOURS: i64 = 7 * 24;
/// Evidence shown per finding.
const EVIDENCE: usize = 3;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Mail is lost, stuck or misused.
    Bad,
    /// The figures or the service are not what they should be.
    Warning,
    /// Worth knowing.
    Notice,
}

/// One finding.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    pub severity: Severity,
    /// `silent_server`, `missing_logs`, `late_logs`, `queue`, `burst`, `new_domain`, `ndr_wave`, `slow_hop`, `clock`, `forward`, `volume`,
    /// `unread`, `balance`.
    pub kind: &'static str,
    /// One sentence.
    pub what: String,
    /// The figures behind it.
    pub evidence: Vec<String>,
    pub examples: Vec<Message>,
    /// Recipients, messages or hours concerned: ranks within a severity.
    pub weight: i64,
}

/// All findings, worst first.
pub fn trouble(report: &Report, baseline: Option<&Baseline>) -> Vec<Finding> {
    let mut findings = Vec::new();
    servers::balance(report, &mut findings);
    silence::silent_servers(report, baseline, &mut findings);
    servers::no_rows(report, &mut findings);
    servers::missing_logs(report, &mut findings);
    servers::gone_logs(report, &mut findings);
    servers::late_logs(report, &mut findings);
    servers::slow_hops(report, &mut findings);
    servers::clocks(report, &mut findings);
    mail::queues(report, &mut findings);
    mail::bursts(report, &mut findings);
    mail::new_domains(report, &mut findings);
    mail::waves(report, &mut findings);
    mail::forwards(report, baseline, &mut findings);
    mail::volume(report, &mut findings);
    findings.sort_by(|a, b| {
        (a.severity.cmp(&b.severity))
            .then_with(|| b.weight.cmp(&a.weight))
            .then_with(|| a.what.cmp(&b.what))
    });
    findings
}

fn finding(severity: Severity, kind: &'static str, what: String, weight: i64) -> Finding {
    Finding {
        severity,
        kind,
        what,
        evidence: Vec::new(),
        examples: Vec::new(),
        weight,
    }
}
