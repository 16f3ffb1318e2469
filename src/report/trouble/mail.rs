//! What is wrong with the mail: queues, failures, and senders and ways that are not as they were.
//!
//! In: the finished sections of the report, and what earlier days were like where they are known. Out: findings.

use std::collections::BTreeMap;

use super::{EVIDENCE, Finding, Severity, finding};
use crate::figures::{grouped, percent, plural};
use crate::filter::day_range;
use crate::path::Fate;
use crate::report::Report;
use crate::report::baseline::Baseline;
use crate::report::oddities::NewDomain;
use crate::report::tables::in_zone;
use crate::report::volume::Day;
use crate::status::StatusCode;
use crate::tally::failures::Group;
use crate::tally::oddities::Kind;
use crate::time::HOUR;

/// Failed recipients with one code that make a wave, if they are also this share of all.
const WAVE_RECIPIENTS: i64 = 20;
const WAVE_SHARE: f64 = 0.01;
/// New domains to which one sender wrote that are told together.
const MANY_DOMAINS: usize = 3;
/// Waiting recipients for one next hop.
const QUEUE_RECIPIENTS: i64 = 5;

/// Next hops with waiting mail; growing if deferrals came faster at the end than at the beginning.
pub fn queues(report: &Report, findings: &mut Vec<Finding>) {
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

pub fn bursts(report: &Report, findings: &mut Vec<Finding>) {
    for burst in &report.oddities.bursts {
        let (sender, times) = (&burst.sender, burst.times());
        let what = match burst.counted {
            "messages" => format!("{sender} sent {times} times as much as usual in one hour"),
            _ => format!("{sender} wrote to {times} times as many as usual in one hour"),
        };
        let usual = match burst.own {
            true => "usual are",
            false => "usual of all senders are",
        };
        let evidence = format!(
            "{} to {} in the hour from {}; {usual} {}",
            plural(burst.messages, "message"),
            plural(burst.recipients, "recipient"),
            in_zone(&burst.hour, &report.time_zone),
            plural(burst.normal, burst.counted.trim_end_matches('s'))
        );
        findings.push(Finding {
            evidence: vec![evidence],
            ..finding(Severity::Bad, "burst", what, burst.recipients)
        });
    }
}

pub fn waves(report: &Report, findings: &mut Vec<Finding>) {
    let entered = report.totals.entered_recipients;
    // What goes on every day is no wave of any.
    let hours = report
        .period
        .hours()
        .map_or(1, |(first, last)| last - first + 1);
    let days = (hours + 23) / 24;
    for code in &report.failures.by_code {
        let share = code.failed as f64 / entered.max(1) as f64;
        if code.failed < WAVE_RECIPIENTS * days || share < WAVE_SHARE {
            continue;
        }
        let name = code.code.as_deref().unwrap_or("no code");
        let what = format!(
            "{} failed with {name}: {}",
            plural(code.failed, "recipient"),
            code.meaning
        );
        let causes = (report.failures.by_code_and_server.iter())
            .filter(|cause| cause.code == code.code && cause.fate == Fate::Failed);
        let mut by_server: Vec<(&str, i64)> = Vec::new();
        for cause in causes.clone() {
            let server = cause.server.as_deref().unwrap_or("an unnamed server");
            match by_server.iter_mut().find(|(known, _)| *known == server) {
                Some((_, recipients)) => *recipients += cause.recipients,
                None => by_server.push((server, cause.recipients)),
            }
        }
        by_server.sort_by_key(|&(server, recipients)| (-recipients, server));
        let on = by_server.iter().take(EVIDENCE);
        let on = on.map(|(server, recipients)| format!("{} on {server}", grouped(*recipients)));
        let mut evidence = vec![format!(
            "{} of all recipients",
            percent(code.failed, entered)
        )];
        evidence.extend(on);
        // Addresses are counted whether they failed or were refused before acceptance.
        if code.rejected == 0 {
            evidence.extend(most_often(report, name));
        }
        let examples = causes.flat_map(|cause| &cause.examples);
        findings.push(Finding {
            evidence,
            examples: examples.take(EVIDENCE).cloned().collect(),
            ..finding(Severity::Bad, "ndr_wave", what, code.failed)
        });
    }
}

/// The address or domain that most failures of a code are about, where the code is about one.
fn most_often(report: &Report, code: &str) -> Option<String> {
    let failures = &report.failures;
    let list = match Group::of(StatusCode::find(code.as_bytes())?)? {
        Group::NotFound => &failures.not_found,
        Group::Full => &failures.mailboxes_full,
        Group::Expired => &failures.domains_expired,
        Group::Refused => return None,
    };
    let first = list.first()?;
    Some(format!(
        "most often {} ({})",
        first.what,
        grouped(first.recipients)
    ))
}

/// Forwards to outside that earlier days did not have; without earlier days one notice about all of them.
pub fn forwards(report: &Report, baseline: Option<&Baseline>, findings: &mut Vec<Finding>) {
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

/// The last day that is over, if it is far from the same weekday's usual.
pub fn volume(report: &Report, findings: &mut Vec<Finding>) {
    let until = report.period.to_time.unwrap_or_default();
    let is_over = |day: &&Day| {
        let date = day.day.parse();
        date.is_ok_and(|date| day_range(date, &report.time_zone).end.0 <= until.0 + HOUR)
    };
    let days = &report.volume.by_day;
    let over = days.iter().rfind(is_over);
    let Some(day) = over.or(days.last()) else {
        return;
    };
    let Some(usual) = day.usual_messages.filter(|&usual| usual >= 100) else {
        return;
    };
    let messages = day.flows.total.messages;
    // A day that the logs end in may still become like the others.
    if messages > 2 * usual || messages * 2 < usual && over.is_some() {
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

/// Much mail to domains outside that had none on earlier days; where one sender wrote most of it to several, it is one
/// finding.
pub fn new_domains(report: &Report, findings: &mut Vec<Finding>) {
    let mut by_sender: BTreeMap<&str, Vec<&NewDomain>> = BTreeMap::new();
    for new in &report.oddities.new_domains {
        let first = new.senders.first();
        let first = first.filter(|first| 2 * first.recipients > new.recipients);
        let of_sender = by_sender.entry(first.map_or("", |first| &first.sender));
        of_sender.or_default().push(new);
    }
    for (sender, domains) in by_sender {
        let (one_by_one, together) = match sender.is_empty() || domains.len() < MANY_DOMAINS {
            true => (domains, Vec::new()),
            false => (Vec::new(), domains),
        };
        findings.extend(one_by_one.into_iter().map(new_domain));
        if together.is_empty() {
            continue;
        }
        let recipients = together.iter().map(|new| new.recipients).sum();
        let first = together.iter().take(EVIDENCE);
        let evidence = first.map(|new| format!("{}: {}", new.domain, mail_to(new)));
        findings.push(Finding {
            evidence: evidence.collect(),
            ..finding(
                Severity::Bad,
                "new_domain",
                format!(
                    "{sender} wrote much to {}, which had no mail on earlier days",
                    plural(together.len() as i64, "domain")
                ),
                recipients,
            )
        });
    }
}

fn mail_to(new: &NewDomain) -> String {
    format!(
        "{} to {}",
        plural(new.messages, "message"),
        plural(new.recipients, "recipient")
    )
}

fn new_domain(new: &NewDomain) -> Finding {
    let what = format!(
        "Much mail to {}, which had none on earlier days",
        new.domain
    );
    let senders = new.senders.iter();
    let senders: Vec<String> = senders
        .map(|sender| format!("{} ({})", sender.sender, grouped(sender.recipients)))
        .collect();
    Finding {
        evidence: vec![mail_to(new), format!("most from {}", senders.join(", "))],
        ..finding(Severity::Bad, "new_domain", what, new.recipients)
    }
}
