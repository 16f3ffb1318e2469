//! The page around the figures: headline, what is wrong, sections, how things are counted.

use jiff::tz::TimeZone;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{charts, shown, tables};
use crate::figures::{duration, grouped, percent, plural, size};
use crate::report::tables::{Section, Table};
use crate::report::text::{minute, sentences};
use crate::report::trouble::{Finding, Severity};
use crate::report::{Report, tables as all_tables};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");
/// Findings that are shown at once.
const FINDINGS: usize = 12;
/// Nothing is fetched and nothing sent, whatever a subject says.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; \
                      form-action 'none'; base-uri 'none'";

/// The whole page, with at most `lines` lines to a table.
pub fn page(report: &Report, lines: usize) -> Markup {
    let all = all_tables::tables(report);
    let of = |section: Section| -> Vec<&Table> {
        let tables = all.iter().filter(|table| table.section == section);
        tables.filter(|table| !table.rows.is_empty()).collect()
    };
    let sections: Vec<(Section, Vec<&Table>)> = Section::ALL[1..]
        .iter()
        .map(|&section| (section, of(section)))
        .filter(|(_, tables)| !tables.is_empty())
        .collect();
    let title = format!("Delivery report {}", period(report));
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#main" { "To the figures" }
                header {
                    div.bar {
                        h1 { "Delivery report" }
                        button #theme type="button" hidden { "Light or dark" }
                    }
                    p.period { (period(report)) " · " (report.zone) }
                    @if let Some(only) = report.coverage.only() {
                        p.period { strong { (shown(&only)) } }
                    }
                    p.faint { (read(report)) }
                    p.faint {
                        "Messages count once, recipients once per message; times are of " (report.zone) ". "
                        a href="#counted" { "How this is counted" }
                    }
                }
                nav aria-label="Sections" {
                    ul {
                        li { a href="#trouble" { "What is wrong" } }
                        @for (section, _) in &sections {
                            li { a href={ "#" (id(*section)) } { (section.short()) } }
                        }
                        li { a href="#counted" { "How this is counted" } }
                    }
                }
                main #main {
                    (headline(report))
                    (trouble(&report.trouble, &report.time_zone))
                    @for (section, tables) in &sections {
                        section aria-labelledby={ (id(*section)) } {
                            h2 id=(id(*section)) { (section.title()) }
                            (charts::charts(*section, report))
                            @for table in tables {
                                (tables::table(table, lines, &report.time_zone))
                            }
                        }
                    }
                    (counted(report))
                }
                footer { p.faint { (report.tool) " · made from message tracking logs alone" } }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    }
}

fn id(section: Section) -> String {
    format!("{section:?}").to_lowercase()
}

fn period(report: &Report) -> String {
    let at = |time: Option<_>| time.map_or("?".into(), |t| minute(t, &report.time_zone));
    format!(
        "{} to {}",
        at(report.period.from_time),
        at(report.period.to_time)
    )
}

fn read(report: &Report) -> String {
    let inputs = &report.inputs;
    let saved = match inputs.saved_files {
        0 => String::new(),
        files => format!(" from {}", plural(files as i64, "saved file")),
    };
    format!(
        "{}, {}, {}, {} read{saved} in {:.1} s",
        plural(report.coverage.servers.len() as i64, "server"),
        plural(inputs.files as i64, "file"),
        size(inputs.bytes as i64),
        plural(inputs.rows as i64, "row"),
        inputs.seconds
    )
}

/// The row that a busy reader reads.
fn headline(report: &Report) -> Markup {
    let fates = &report.totals.recipients;
    let entered = report.totals.entered_recipients;
    let arrived = fates.delivered + fates.transferred;
    let p95 = report
        .latency
        .end_to_end_ms
        .p95
        .map_or("–".into(), duration);
    let worst = report.trouble.first().map(|finding| finding.severity);
    let found = match worst {
        Some(Severity::Bad) => "bad",
        Some(Severity::Warning) => "warn",
        _ => "good",
    };
    let toned = |count: i64, tone: &'static str| if count == 0 { "good" } else { tone };
    let failed = format!("{} of recipients", percent(fates.failed, entered));
    let pending = format!("{} of recipients", percent(fates.pending, entered));
    let cards = [
        (
            "Messages",
            grouped(report.totals.messages),
            size(report.totals.bytes),
            "",
            "#volume",
        ),
        (
            "Recipients",
            grouped(entered),
            "in the balance".into(),
            "",
            "#balance",
        ),
        (
            "Delivered",
            percent(arrived, entered),
            "or handed to the outside".into(),
            "good",
            "#balance",
        ),
        (
            "Failed",
            grouped(fates.failed),
            failed,
            toned(fates.failed, "bad"),
            "#failures",
        ),
        (
            "Pending",
            grouped(fates.pending),
            pending,
            toned(fates.pending, "warn"),
            "#pending",
        ),
        (
            "95 % within",
            p95,
            "from entry to arrival".into(),
            "",
            "#latency",
        ),
        (
            "Trouble found",
            grouped(report.trouble.len() as i64),
            "listed below".into(),
            found,
            "#trouble",
        ),
    ];
    html! {
        ul.cards aria-label="Headline" {
            @for (what, figure, more, tone, to) in &cards {
                li class={ "card " (tone) } {
                    a href=(to) {
                        span.what { (what) }
                        span.figure { (figure) }
                        span.more { (more) }
                    }
                }
            }
        }
    }
}

fn one(finding: &Finding, zone: &TimeZone) -> Markup {
    html! {
        li class=(tone(finding.severity)) {
            p {
                span.badge { (badge(finding.severity)) } " "
                strong { (shown(&finding.what)) "." }
            }
            @for evidence in &finding.evidence {
                p.evidence { (shown(evidence)) }
            }
            (tables::examples(&finding.examples, zone))
        }
    }
}

fn trouble(findings: &[Finding], zone: &TimeZone) -> Markup {
    let first = findings.len().min(FINDINGS);
    html! {
        section aria-labelledby="trouble" {
            h2 id="trouble" { "What is wrong" }
            @if findings.is_empty() {
                p.all-well { "Nothing that these logs show." }
            }
            ol.findings {
                @for finding in &findings[..first] { (one(finding, zone)) }
            }
            @if first < findings.len() {
                details {
                    summary { (plural((findings.len() - first) as i64, "more finding")) }
                    ol.findings {
                        @for finding in &findings[first..] { (one(finding, zone)) }
                    }
                }
            }
        }
    }
}

fn tone(severity: Severity) -> &'static str {
    match severity {
        Severity::Bad => "bad",
        Severity::Warning => "warn",
        Severity::Notice => "notice",
    }
}

fn badge(severity: Severity) -> &'static str {
    match severity {
        Severity::Bad => "act",
        Severity::Warning => "look",
        Severity::Notice => "note",
    }
}

fn counted(report: &Report) -> Markup {
    let domains = report.coverage.own_domains.join(", ");
    html! {
        section aria-labelledby="counted" {
            h2 id="counted" { "How this is counted" }
            @for sentence in sentences(report) {
                p { (sentence) }
            }
            @if !domains.is_empty() {
                p {
                    "Own domains: " (shown(&domains))
                    @if report.coverage.domains_guessed {
                        " (guessed from submissions and deliveries; name them with --domain)"
                    }
                    "."
                }
            }
        }
    }
}
