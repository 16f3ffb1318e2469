//! What is wrong with servers, their logs and their clocks.
//!
//! In: the finished sections of the report. Out: findings.

use super::{EVIDENCE, Finding, Severity, finding};
use crate::figures::{duration, grouped, percent, plural};
use crate::report::Report;
use crate::report::coverage::Server;
use crate::report::tables::in_zone;

/// A way is slow if a fifth of its mail is, and so much: one message that waits for its moderator, or for a host that
/// lets nobody in at once, says nothing about the way.
const SLOW_PART: i64 = 5;
const SLOW_MESSAGES: i64 = 10;
/// Messages on a way before it is judged.
const JUDGED_MESSAGES: i64 = 20;
/// Arrivals before entry, and by how much in the middle, that say that clocks are wrong: a second or two is usual.
const NEGATIVE: i64 = 5;
const CLOCK_MS: u64 = 60_000;

pub fn balance(report: &Report, findings: &mut Vec<Finding>) {
    let residual = report.totals.residual;
    if residual != 0 {
        let what = format!("{} are unaccounted for", plural(residual, "recipient"));
        findings.push(Finding {
            evidence: vec!["entered less all fates should be zero; please report this".into()],
            ..finding(Severity::Warning, "balance", what, residual.abs())
        });
    }
}

/// A period in which no server has a row: the figures of such a day would look as if all were well.
pub fn no_rows(report: &Report, findings: &mut Vec<Finding>) {
    let Some((first, last)) = report.period.hours() else {
        return;
    };
    let servers = &report.coverage.servers;
    let inside = |server: &Server| server.hours.range(first..=last).next().is_some();
    if servers.iter().any(inside) {
        return;
    }
    let hours = last - first + 1;
    let what = "No server has a row in this period: its logs were not read".to_string();
    let known = servers.iter().filter_map(|server| {
        let last = in_zone(server.last.as_deref()?, &report.time_zone);
        Some(format!("the last row of {} is of {last}", server.server))
    });
    findings.push(Finding {
        evidence: known.take(EVIDENCE).collect(),
        ..finding(Severity::Bad, "missing_logs", what, hours)
    });
}

/// Logs that a state needs once more: without them messages that were not over lack what is in them.
pub fn gone_logs(report: &Report, findings: &mut Vec<Finding>) {
    let state = report.coverage.state.as_ref();
    let gone = state.map_or(&[][..], |state| &state.gone_logs);
    if gone.is_empty() {
        return;
    }
    let what = format!(
        "{} with messages that were not over cannot be read again: these figures lack what is in them",
        plural(gone.len() as i64, "log")
    );
    let mut evidence: Vec<String> = gone.iter().take(EVIDENCE).cloned().collect();
    evidence
        .push("logs of their kinds must stay for the horizon, and be named in every run".into());
    findings.push(Finding {
        evidence,
        ..finding(Severity::Bad, "missing_logs", what, gone.len() as i64)
    });
}

pub fn missing_logs(report: &Report, findings: &mut Vec<Finding>) {
    for trail in &report.unknown.by_missing {
        let what = match &trail.host {
            Some(host) if trail.kind == "log_of" => format!("Logs of {host} are missing"),
            Some(host) if trail.kind == "row_on" => format!("Rows of {host} are missing"),
            Some(host) if trail.kind == "end_of" => format!("The logs of {host} end too early"),
            _ => continue,
        };
        let part = percent(trail.recipients, report.totals.entered_recipients);
        findings.push(Finding {
            evidence: vec![
                format!(
                    "{} of unknown fate ({part})",
                    plural(trail.recipients, "recipient")
                ),
                trail.missing.clone(),
            ],
            examples: trail.examples.clone(),
            ..finding(Severity::Warning, "missing_logs", what, trail.recipients)
        });
    }
    let missing = &report.coverage.missing_files;
    if !missing.is_empty() {
        let files: u64 = missing.iter().map(|hole| hole.files).sum();
        let first = missing.iter().take(EVIDENCE);
        let what = format!(
            "{} missing, by the numbers of the others",
            plural(files as i64, "log file")
        );
        findings.push(Finding {
            evidence: first
                .map(|h| format!("{}{} to {}", h.folder, h.from, h.to))
                .collect(),
            ..finding(Severity::Warning, "missing_logs", what, files as i64)
        });
    }
    // Logs of other kinds that lie beside these are listed under coverage and are nothing wrong.
    let files = report.coverage.skipped_files.iter();
    let files: Vec<_> = files.filter(|file| file.is_log).collect();
    let (bad_rows, skipped) = (report.inputs.bad_rows as i64, files.len() as i64);
    if bad_rows > 0 || skipped > 0 {
        let rows = report.coverage.bad_rows.iter();
        let rows = rows.filter_map(|bad| bad.first.first().cloned());
        let files = (files.iter()).map(|file| format!("{}: {}", file.path, file.why));
        let what = match (bad_rows, skipped) {
            (0, files) => format!("{} left aside or not whole", plural(files, "file")),
            (rows, 0) => format!("{} could not be read", plural(rows, "row")),
            (rows, files) => format!(
                "{} could not be read, {} left aside or not whole",
                plural(rows, "row"),
                plural(files, "file")
            ),
        };
        findings.push(Finding {
            evidence: rows.chain(files).take(EVIDENCE).collect(),
            ..finding(Severity::Notice, "unread", what, bad_rows + skipped)
        });
    }
}

/// Rows that came after the messages of their time had been closed.
pub fn late_logs(report: &Report, findings: &mut Vec<Finding>) {
    if let Some(state) = &report.coverage.state
        && state.late_rows > 0
    {
        let rows = state.late_rows as i64;
        let what = format!("{} came too late and are in no figure", plural(rows, "row"));
        let line = state.closed_until.as_deref().unwrap_or("?");
        findings.push(Finding {
            evidence: vec![
                format!("messages until {line} had been counted for good"),
                "a new --state folder counts them, from all logs that are still there".into(),
            ],
            ..finding(Severity::Warning, "late_logs", what, rows)
        });
    }
}

/// Ways on which much mail takes far longer than usual.
pub fn slow_hops(report: &Report, findings: &mut Vec<Finding>) {
    let usual = report.latency.end_to_end_ms.p95.unwrap_or(0);
    let is_slow = |slow: i64, all: i64| {
        all >= JUDGED_MESSAGES && slow >= SLOW_MESSAGES && slow * SLOW_PART >= all
    };
    // What waits for other hosts is told by the ways below.
    let waits = |server: &str| {
        let ways = report.connectors.sent.iter();
        let mut own = ways.filter(|way| way.server == server);
        own.any(|way| is_slow(way.slow, way.messages))
    };
    for pair in &report.latency.by_server_pair {
        if pair.from == pair.to && waits(&pair.to) {
            continue;
        }
        let (true, Some(p95)) = (is_slow(pair.slow, pair.count), pair.p95) else {
            continue;
        };
        let what = format!("Mail from {} to {} is slow", pair.from, pair.to);
        let evidence = format!(
            "95 % within {} ({}); everywhere {}",
            duration(p95),
            plural(pair.count, "recipient"),
            duration(usual)
        );
        findings.push(Finding {
            evidence: vec![evidence],
            ..finding(Severity::Warning, "slow_hop", what, pair.slow)
        });
    }
    for way in &report.connectors.sent {
        let (true, Some(p95)) = (is_slow(way.slow, way.messages), way.stay_p95_ms) else {
            continue;
        };
        let what = format!("Mail waits long on {} for {}", way.server, way.next_hop);
        let evidence = format!(
            "95 % within {} ({}, {} of them slow)",
            duration(p95),
            plural(way.messages, "message"),
            grouped(way.slow)
        );
        findings.push(Finding {
            evidence: vec![evidence],
            ..finding(Severity::Warning, "slow_hop", what, way.slow)
        });
    }
}

/// Clocks so far apart that mail arrives long before it entered.
pub fn clocks(report: &Report, findings: &mut Vec<Finding>) {
    for pair in &report.latency.clocks {
        let Some(apart) = pair.p50.filter(|&apart| apart >= CLOCK_MS) else {
            continue;
        };
        if pair.count < NEGATIVE {
            continue;
        }
        let (from, to) = (&pair.from, &pair.to);
        let what = format!(
            "The clock of {from} is ahead of that of {to} by about {} or more",
            duration(apart)
        );
        let evidence = format!(
            "{} arrived on {to} before entering on {from}",
            plural(pair.count, "recipient")
        );
        findings.push(Finding {
            evidence: vec![evidence],
            ..finding(Severity::Warning, "clock", what, pair.count)
        });
    }
}
