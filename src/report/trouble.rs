//! What is wrong today: findings in plain words, worst first, each with its evidence.
//!
//! In: the finished sections of the report, and what earlier days were like where they are known. Out: the
//! key `trouble`. Every finding names the figures it rests on; thresholds stand beside each other below.

use serde::Serialize;

use crate::report::baseline::Baseline;
use crate::report::text::page::{duration, grouped, percent, plural};
use crate::report::{Message, Report};
use crate::tally::oddities::Kind;

/// A server that is silent for so many hours, while most others are not.
const SILENT_HOURS: i64 = 2;
/// Rows per hour from which a server counts as normally busy.
const BUSY_ROWS: u64 = 20;
/// Failed recipients with one code that make a wave, if they are also this share of all.
const WAVE_RECIPIENTS: i64 = 20;
const WAVE_SHARE: f64 = 0.01;
/// Waiting recipients for one next hop.
const QUEUE_RECIPIENTS: i64 = 5;
/// A hop is slow from this 95th percentile, and so many times the usual.
const SLOW_MS: u64 = 60_000;
const SLOW_TIMES: u64 = 5;
/// Messages on a way before it is judged.
const SLOW_MESSAGES: i64 = 20;
/// Arrivals before entry that say that clocks differ.
const NEGATIVE: i64 = 5;
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
    /// `silent_server`, `missing_logs`, `late_logs`, `queue`, `burst`, `ndr_wave`, `slow_hop`, `clock`, `forward`, `volume`,
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
    balance(report, &mut findings);
    silent_servers(report, &mut findings);
    missing_logs(report, &mut findings);
    late_logs(report, &mut findings);
    queues(report, &mut findings);
    bursts(report, &mut findings);
    waves(report, &mut findings);
    slow_hops(report, &mut findings);
    clocks(report, &mut findings);
    forwards(report, baseline, &mut findings);
    volume(report, &mut findings);
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

fn balance(report: &Report, findings: &mut Vec<Finding>) {
    let residual = report.totals.residual;
    if residual != 0 {
        let what = format!("{} are unaccounted for", plural(residual, "recipient"));
        findings.push(Finding {
            evidence: vec!["entered less all fates should be zero; please report this".into()],
            ..finding(Severity::Warning, "balance", what, residual.abs())
        });
    }
}

/// Hours without a row of a busy server, in which most of the others have rows.
fn silent_servers(report: &Report, findings: &mut Vec<Finding>) {
    let servers = &report.coverage.servers;
    for server in servers {
        let hours = server.hours_with_rows.max(1) as u64;
        if server.rows / hours < BUSY_ROWS || servers.len() < 2 {
            continue;
        }
        let others: Vec<_> = servers
            .iter()
            .filter(|o| o.server != server.server)
            .collect();
        let alive = |hour: i64| {
            let speaking = others
                .iter()
                .filter(|o| o.hours.binary_search(&hour).is_ok());
            2 * speaking.count() > others.len()
        };
        let mut silent = 0;
        let mut evidence = Vec::new();
        for gap in &server.gaps {
            let hours = (gap.first_hour..gap.first_hour + gap.hours).filter(|&h| alive(h));
            let hours = hours.count() as i64;
            if hours >= SILENT_HOURS {
                silent += hours;
                evidence.push(format!(
                    "no row from {} to {}, while most other servers logged",
                    gap.from, gap.to
                ));
            }
        }
        if silent > 0 {
            evidence.truncate(EVIDENCE);
            evidence.push(format!(
                "otherwise {} rows an hour",
                grouped((server.rows / hours) as i64)
            ));
            let what = format!(
                "{} was silent for {}: down, or its logs are missing",
                server.server,
                plural(silent, "hour")
            );
            findings.push(Finding {
                evidence,
                ..finding(Severity::Bad, "silent_server", what, silent)
            });
        }
    }
}

fn missing_logs(report: &Report, findings: &mut Vec<Finding>) {
    for trail in &report.unknown.by_missing {
        let what = match &trail.host {
            Some(host) if trail.kind == "log_of" => format!("Logs of {host} are missing"),
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
    let (bad_rows, skipped) = (
        report.inputs.bad_rows as i64,
        report.inputs.skipped_files as i64,
    );
    if bad_rows > 0 || skipped > 0 {
        let rows = report.coverage.bad_rows.iter();
        let rows = rows.filter_map(|bad| bad.first.first().cloned());
        let files = report.coverage.skipped_files.iter();
        let files = files.map(|file| format!("{}: {}", file.path, file.why));
        let what = match (bad_rows, skipped) {
            (0, files) => format!("{} left aside", plural(files, "file")),
            (rows, 0) => format!("{} could not be read", plural(rows, "row")),
            (rows, files) => format!(
                "{} could not be read, {} left aside",
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
fn late_logs(report: &Report, findings: &mut Vec<Finding>) {
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

/// Next hops with waiting mail; growing if deferrals came faster at the end than at the beginning.
fn queues(report: &Report, findings: &mut Vec<Finding>) {
    for hop in &report.pending.by_next_hop {
        if hop.recipients < QUEUE_RECIPIENTS {
            continue;
        }
        let trend = report
            .pending
            .trends
            .iter()
            .find(|trend| trend.next_hop == hop.what);
        let growing = trend.is_some_and(|trend| trend.last_third > 2 * trend.first_third.max(1));
        let state = if growing { "is growing" } else { "waits" };
        let mut evidence = vec![format!(
            "{} waiting at the end",
            plural(hop.recipients, "recipient")
        )];
        if let Some(trend) = trend {
            evidence.push(format!(
                "deferrals in the first third of the period {}, in the last {}",
                grouped(trend.first_third),
                grouped(trend.last_third)
            ));
        }
        if let Some(reason) = report.pending.by_reason.first() {
            evidence.push(format!(
                "most frequent reason of all queues: {}",
                reason.what
            ));
        }
        let oldest = report.pending.oldest.iter();
        let oldest =
            oldest.filter(|m| m.recipient.as_ref().is_some_and(|r| r.ends_with(&hop.what)));
        let severity = if growing {
            Severity::Bad
        } else {
            Severity::Warning
        };
        let what = format!("The queue for {} {state}", hop.what);
        findings.push(Finding {
            evidence,
            examples: oldest.take(EVIDENCE).cloned().collect(),
            ..finding(severity, "queue", what, hop.recipients)
        });
    }
}

fn bursts(report: &Report, findings: &mut Vec<Finding>) {
    for burst in &report.oddities.bursts {
        let times = burst.messages / burst.normal.max(1);
        let what = format!(
            "{} sent {times} times as much as usual in one hour",
            burst.sender
        );
        let evidence = format!(
            "{} in the hour from {}; usual are {}",
            plural(burst.messages, "message"),
            burst.hour,
            grouped(burst.normal)
        );
        findings.push(Finding {
            evidence: vec![evidence],
            ..finding(Severity::Bad, "burst", what, burst.messages)
        });
    }
}

fn waves(report: &Report, findings: &mut Vec<Finding>) {
    let entered = report.totals.entered_recipients;
    for code in &report.failures.by_code {
        let share = code.failed as f64 / entered.max(1) as f64;
        if code.failed < WAVE_RECIPIENTS || share < WAVE_SHARE {
            continue;
        }
        let name = code.code.as_deref().unwrap_or("no code");
        let what = format!(
            "{} failed with {name}: {}",
            plural(code.failed, "recipient"),
            code.meaning
        );
        let causes = (report.failures.by_code_and_server.iter())
            .filter(|cause| cause.code == code.code && cause.recipients > 0);
        let on = causes.clone().take(EVIDENCE).map(|cause| {
            format!(
                "{} on {}",
                grouped(cause.recipients),
                cause.server.as_deref().unwrap_or("an unnamed server")
            )
        });
        let mut evidence = vec![format!(
            "{} of all recipients",
            percent(code.failed, entered)
        )];
        evidence.extend(on);
        let examples = causes.flat_map(|cause| &cause.examples);
        findings.push(Finding {
            evidence,
            examples: examples.take(EVIDENCE).cloned().collect(),
            ..finding(Severity::Bad, "ndr_wave", what, code.failed)
        });
    }
}

/// Ways on which mail takes far longer than usual.
fn slow_hops(report: &Report, findings: &mut Vec<Finding>) {
    let usual = report.latency.end_to_end_ms.p95.unwrap_or(0);
    let limit = SLOW_MS.max(SLOW_TIMES * usual);
    for pair in &report.latency.by_server_pair {
        let Some(p95) = pair
            .p95
            .filter(|&p95| p95 > limit && pair.count >= SLOW_MESSAGES)
        else {
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
            ..finding(Severity::Warning, "slow_hop", what, (p95 / 1000) as i64)
        });
    }
    for way in &report.connectors.sent {
        let slow = way
            .stay_p95_ms
            .filter(|&p95| p95 > limit && way.messages >= SLOW_MESSAGES);
        let Some(p95) = slow else {
            continue;
        };
        let what = format!("Mail waits long on {} for {}", way.server, way.next_hop);
        let evidence = format!(
            "95 % within {} ({})",
            duration(p95),
            plural(way.messages, "message")
        );
        findings.push(Finding {
            evidence: vec![evidence],
            ..finding(Severity::Warning, "slow_hop", what, (p95 / 1000) as i64)
        });
    }
}

fn clocks(report: &Report, findings: &mut Vec<Finding>) {
    for of_server in &report.latency.by_server {
        let latency = &of_server.latency;
        let all = latency.count + latency.negative;
        if latency.negative < NEGATIVE || latency.negative * 100 < all {
            continue;
        }
        let server = of_server.server.as_deref().unwrap_or("an unnamed server");
        let what = format!("The clock of {server} does not agree with the others");
        let evidence = format!(
            "{} of {} arrived there before they had entered",
            grouped(latency.negative),
            plural(all, "recipient")
        );
        findings.push(Finding {
            evidence: vec![evidence],
            ..finding(Severity::Warning, "clock", what, latency.negative)
        });
    }
}

/// Forwards to outside that earlier days did not have; without earlier days one notice about all of them.
fn forwards(report: &Report, baseline: Option<&Baseline>, findings: &mut Vec<Finding>) {
    let forwards = (report.oddities.cases.iter())
        .filter(|case| case.kind == Kind::ForwardOutside && case.what.contains(" > "));
    let Some(baseline) = baseline else {
        let count = forwards.clone().count() as i64;
        if count > 0 {
            let what = format!(
                "Mail goes on to addresses outside by {}",
                plural(count, "forward")
            );
            let mut evidence: Vec<String> = (forwards.clone().take(EVIDENCE))
                .map(|case| format!("{}: {}", case.what, plural(case.messages, "message")))
                .collect();
            evidence
                .push("whether one of them is new is not known: no earlier days were given".into());
            findings.push(Finding {
                evidence,
                examples: forwards
                    .flat_map(|case| &case.examples)
                    .take(EVIDENCE)
                    .cloned()
                    .collect(),
                ..finding(Severity::Notice, "forward", what, count)
            });
        }
        return;
    };
    for case in forwards.filter(|case| !baseline.forwards.contains(&case.what)) {
        let (from, to) = case.what.split_once(" > ").expect("filtered for it");
        let what = format!("New: mail of {from} goes on to {to} outside");
        findings.push(Finding {
            evidence: vec![format!(
                "{}; none on earlier days",
                plural(case.messages, "message")
            )],
            examples: case.examples.clone(),
            ..finding(Severity::Bad, "forward", what, case.messages)
        });
    }
}

/// Days far from the same weekday's usual.
fn volume(report: &Report, findings: &mut Vec<Finding>) {
    let Some(day) = report.volume.by_day.last() else {
        return;
    };
    let Some(usual) = day.usual_messages.filter(|&usual| usual >= 100) else {
        return;
    };
    let messages = day.flows.total.messages;
    if messages > 2 * usual || messages * 2 < usual {
        let than = if messages > usual { "more" } else { "less" };
        let what = format!("Far {than} mail than on other {}s", day.weekday);
        findings.push(Finding {
            evidence: vec![format!(
                "{} on {}, usual are {}",
                plural(messages, "message"),
                day.day,
                grouped(usual)
            )],
            ..finding(Severity::Warning, "volume", what, (messages - usual).abs())
        });
    }
}
