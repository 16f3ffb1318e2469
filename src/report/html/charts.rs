//! Charts as inline SVG: volume, latency, sizes, failures, servers.
//!
//! In: finished sections. Out: markup. Every chart has its figures in a table below it, so that nothing is
//! told by colour alone; each bar has its figures as a title.

use maud::{Markup, html};

use super::shown;
use crate::figures::{grouped, size};
use crate::report::Report;
use crate::report::tables::Section;
use crate::report::volume::Flows;

/// Drawing units; the page scales them to its width.
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 190.0;
/// Room for the scale on the left and the words below.
const LEFT: f64 = 46.0;
const BELOW: f64 = 30.0;
/// Hours shown one by one; more become days.
const HOURS: usize = 72;
/// Lines of a chart of bars, servers of the matrix.
const BARS: usize = 10;
const SERVERS: usize = 14;

/// The charts of a section.
pub fn charts(section: Section, report: &Report) -> Markup {
    match section {
        Section::Volume => volume(report),
        Section::Latency => latency(report),
        Section::Sizes => sizes(report),
        Section::Failures => failures(report),
        Section::Connectors => matrix(report),
        _ => html! {},
    }
}

/// A column of a chart: its word, its parts from below, its title.
struct Column {
    word: String,
    parts: Vec<(&'static str, i64)>,
    title: String,
}

const WAYS: [(&str, &str); 4] = [
    ("in", "inbound"),
    ("out", "outbound"),
    ("int", "internal"),
    ("rel", "relayed"),
];

fn volume(report: &Report) -> Markup {
    let volume = &report.volume;
    let hourly = volume.by_hour.len() <= HOURS;
    let columns: Vec<Column> = if hourly {
        (volume.by_hour.iter())
            .map(|hour| flows(&hour.hour[11..13], &hour.hour, &hour.flows))
            .collect()
    } else {
        (volume.by_day.iter())
            .map(|day| flows(&day.day[8..], &day.day, &day.flows))
            .collect()
    };
    let what = if hourly {
        "Messages by hour and direction"
    } else {
        "Messages by day and direction"
    };
    html! {
        figure {
            figcaption {
                (what)
                span.legend {
                    @for (class, word) in WAYS {
                        span { i class=(class) {} (word) }
                    }
                }
            }
            (upright(what, &columns, "messages"))
        }
    }
}

fn flows(word: &str, when: &str, flows: &Flows) -> Column {
    let ways = [
        &flows.inbound,
        &flows.outbound,
        &flows.internal,
        &flows.relayed,
    ];
    let parts: Vec<(&str, i64)> = WAYS
        .iter()
        .zip(ways)
        .map(|((class, _), flow)| (*class, flow.messages))
        .collect();
    let each = WAYS
        .iter()
        .zip(ways)
        .map(|((_, word), flow)| format!("{word} {}", grouped(flow.messages)));
    Column {
        word: word.to_string(),
        title: format!("{when}: {}", each.collect::<Vec<_>>().join(", ")),
        parts,
    }
}

fn latency(report: &Report) -> Markup {
    let mut before = "0 s".to_string();
    let columns: Vec<Column> = (report.latency.distribution.iter())
        .map(|step| {
            let below = step.below_ms.map(short);
            let word = below
                .clone()
                .map_or(format!("> {before}"), |below| format!("< {below}"));
            let title = format!(
                "from {before}, {word}: {} recipients",
                grouped(step.recipients)
            );
            before = below.unwrap_or_default();
            Column {
                word,
                parts: vec![("int", step.recipients)],
                title,
            }
        })
        .collect();
    figure(
        "Recipients by time from entry to mailbox",
        &columns,
        "recipients",
    )
}

/// A round time in few letters.
fn short(ms: u64) -> String {
    match ms {
        0..1000 => format!("{} s", ms as f64 / 1000.0),
        1000..60_000 => format!("{} s", ms / 1000),
        90_000 => "90 s".into(),
        60_000..3_600_000 => format!("{} min", ms / 60_000),
        _ => format!("{} h", ms / 3_600_000),
    }
}

fn sizes(report: &Report) -> Markup {
    let classes = report
        .sizes
        .by_power_of_two
        .iter()
        .filter(|class| class.messages > 0);
    let columns: Vec<Column> = classes
        .map(|class| {
            let below = class.to_bytes as i64;
            let word = match below {
                ..1024 => format!("{below} B"),
                1024..1_048_576 => format!("{} kB", below >> 10),
                _ => format!("{} MB", below >> 20),
            };
            let (messages, bytes) = (grouped(class.messages), size(class.bytes));
            let title = format!("below {word}: {messages} messages, {bytes}");
            Column {
                word,
                parts: vec![("out", class.messages)],
                title,
            }
        })
        .collect();
    figure(
        "Messages by size, below each power of two",
        &columns,
        "messages",
    )
}

fn figure(what: &str, columns: &[Column], unit: &str) -> Markup {
    html! {
        figure {
            figcaption { (what) }
            (upright(what, columns, unit))
        }
    }
}

/// Upright bars with a scale.
fn upright(what: &str, columns: &[Column], unit: &str) -> Markup {
    let most = columns.iter().map(sum).max().unwrap_or(0).max(1);
    let top = rounded_up(most);
    let step = (WIDTH - LEFT) / columns.len().max(1) as f64;
    let width = (step * 0.78).clamp(1.0, 46.0);
    let y = |value: i64| HEIGHT - (HEIGHT - 8.0) * value as f64 / top as f64;
    // Words below that would touch each other are left out.
    let longest = columns
        .iter()
        .map(|column| column.word.len())
        .max()
        .unwrap_or(1) as f64;
    let every = ((longest * 6.6 + 8.0) / step).ceil().max(1.0) as usize;
    let label = format!(
        "{what}; the highest bar stands for {} {unit}",
        grouped(most)
    );
    html! {
        svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT + BELOW) } role="img" aria-label=(label) {
            @for line in [0, top / 2, top] {
                line.grid x1=(LEFT) x2=(WIDTH) y1=(at(y(line))) y2=(at(y(line))) {}
                text.scale x=(LEFT - 6.0) y=(at(y(line) + 4.0)) text-anchor="end" { (compact(line)) }
            }
            @for (i, column) in columns.iter().enumerate() {
                @let x = LEFT + step * (i as f64 + 0.5);
                g {
                    title { (column.title) }
                    @for (class, from, to) in stacked(column) {
                        rect class=(class) x=(at(x - width / 2.0)) y=(at(y(to)))
                            width=(at(width)) height=(at(y(from) - y(to))) {}
                    }
                    // The whole height answers to the pointer.
                    rect.touch x=(at(x - step / 2.0)) y="0" width=(at(step)) height=(HEIGHT) {}
                }
                @if i % every == 0 {
                    text.word.alt[i / every % 2 == 1] x=(at(x)) y=(HEIGHT + 16.0) text-anchor="middle" { (column.word) }
                }
            }
        }
    }
}

fn sum(column: &Column) -> i64 {
    column.parts.iter().map(|(_, count)| count).sum()
}

fn stacked(column: &Column) -> Vec<(&'static str, i64, i64)> {
    let mut height = 0;
    let parts = column.parts.iter().filter(|(_, count)| *count > 0);
    let stacked = parts.map(|&(class, count)| {
        height += count;
        (class, height - count, height)
    });
    stacked.collect()
}

/// 1, 2 or 5 times a power of ten, or the double: a scale that can be halved.
fn rounded_up(value: i64) -> i64 {
    let mut power = 1;
    loop {
        for top in [2, 4, 6, 10] {
            if top * power >= value {
                return top * power;
            }
        }
        power *= 10;
    }
}

fn compact(value: i64) -> String {
    match value {
        0..10_000 => grouped(value),
        10_000..1_000_000 => format!("{} k", value / 1000),
        _ => format!("{:.1} M", value as f64 / 1e6),
    }
}

/// A tenth of a drawing unit is enough.
fn at(value: f64) -> String {
    format!("{value:.1}")
}

fn failures(report: &Report) -> Markup {
    let codes: Vec<_> = report.failures.by_code.iter().take(BARS).collect();
    let most = codes
        .iter()
        .map(|code| code.failed + code.rejected)
        .max()
        .unwrap_or(0)
        .max(1);
    html! {
        @if !codes.is_empty() {
            figure {
                figcaption {
                    "Recipients failed or refused, by code"
                    span.legend { span { i.bad {} "failed" } span { i.warn {} "refused before acceptance" } }
                }
                div.bars role="list" {
                    @for code in codes {
                        @let share = |count: i64| format!("{:.2}", 100.0 * count as f64 / most as f64);
                        div role="listitem" {
                            span.name { b { (code.code.as_deref().unwrap_or("no code")) } " " (code.meaning) }
                            span.track {
                                svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true" {
                                    rect.bad x="0" y="0" height="10" width=(share(code.failed)) {}
                                    rect.warn x=(share(code.failed)) y="0" height="10" width=(share(code.rejected)) {}
                                }
                            }
                            span.count { (grouped(code.failed + code.rejected)) }
                        }
                    }
                }
            }
        }
    }
}

/// Who gave how much to whom; the busiest servers where there are many.
fn matrix(report: &Report) -> Markup {
    let between = &report.connectors.between;
    let mut servers: Vec<(&str, i64)> = Vec::new();
    for way in between {
        for name in [way.from.as_str(), way.to.as_str()] {
            match servers.iter_mut().find(|(known, _)| *known == name) {
                Some(server) => server.1 += way.messages,
                None => servers.push((name, way.messages)),
            }
        }
    }
    servers.sort_by(|a, b| (b.1.cmp(&a.1)).then_with(|| a.0.cmp(b.0)));
    let all = servers.len();
    servers.truncate(SERVERS);
    servers.sort();
    let messages = |from: &str, to: &str| {
        let ways = between
            .iter()
            .filter(|way| way.from == from && way.to == to);
        ways.map(|way| way.messages).sum::<i64>()
    };
    let most = between
        .iter()
        .map(|way| way.messages)
        .max()
        .unwrap_or(0)
        .max(1);
    html! {
        @if servers.len() > 1 {
            figure {
                figcaption {
                    "Messages from server (line) to server (column)"
                    @if all > servers.len() { ", the busiest " (servers.len()) " of " (all) }
                }
                div.scroll tabindex="0" role="region" aria-label="Messages from server to server" {
                    table.matrix {
                        thead { tr {
                            td {}
                            @for (to, _) in &servers { th scope="col" { (shown(to)) } }
                        } }
                        tbody {
                            @for (from, _) in &servers {
                                tr {
                                    th scope="row" { (shown(from)) }
                                    @for (to, _) in &servers {
                                        @let count = messages(from, to);
                                        @let heat = (100.0 * (count as f64 / most as f64).sqrt()).round();
                                        td style={ "--heat:" (heat) "%" } title={ (shown(from)) " to " (shown(to)) } {
                                            @if count > 0 { (grouped(count)) }
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_are_round_and_high_enough() {
        for (value, top) in [
            (1, 2),
            (3, 4),
            (7, 10),
            (11, 20),
            (450, 600),
            (99_999, 100_000),
        ] {
            assert_eq!(rounded_up(value), top);
        }
        assert_eq!(
            (short(500), short(90_000), short(3_600_000)),
            ("0.5 s".into(), "90 s".into(), "1 h".into())
        );
    }
}
