//! Volume, latency and top lists.

use serde::Serialize;

use super::{Cell, MESSAGE, Section, Table, message, millis, table, text};
use crate::report::Report;
use crate::report::components::OfComponent;
use crate::report::latency::Latency;
use crate::report::top::{Address, Domain, Pair, Ranking};
use crate::report::volume::{Flow, Flows, WEEKDAYS};
use crate::tally::volume::DIRECTIONS;

/// The tables of these sections.
pub fn tables(report: &Report) -> Vec<Table> {
    let mut tables = volume(report);
    tables.extend(latency(report));
    tables.extend(top(report));
    tables
}

const FLOWS: [&str; 19] = [
    "messages",
    "recipients",
    "bytes",
    "bytes to recipients",
    "inbound messages",
    "inbound recipients",
    "inbound bytes",
    "outbound messages",
    "outbound recipients",
    "outbound bytes",
    "internal messages",
    "internal recipients",
    "internal bytes",
    "relayed messages",
    "relayed recipients",
    "relayed bytes",
    "unknown messages",
    "unknown recipients",
    "unknown bytes",
];

fn flows(flows: &Flows) -> Vec<Cell> {
    let cells = |flow: &Flow| {
        [
            Cell::Count(flow.messages),
            Cell::Count(flow.recipients),
            Cell::Bytes(flow.bytes),
        ]
    };
    let mut line = cells(&flows.total).to_vec();
    line.push(Cell::Bytes(flows.total.bytes_to_recipients));
    for way in DIRECTIONS {
        line.extend(cells(flows.of(way)));
    }
    line
}

fn volume(report: &Report) -> Vec<Table> {
    let volume = &report.volume;
    let section = Section::Volume;
    let columns = |first: &[&'static str]| [first, &FLOWS].concat();
    let hours = volume.by_hour.iter();
    let hours =
        hours.map(|hour| [vec![Cell::Time(hour.hour.clone())], flows(&hour.flows)].concat());
    let days = volume.by_day.iter().map(|day| {
        let change = day.change.map_or(Cell::None, Cell::Share);
        let usual = day.usual_messages.map_or(Cell::None, Cell::Count);
        [
            vec![
                Cell::Time(day.day.clone()),
                text(day.weekday),
                usual,
                change,
            ],
            flows(&day.flows),
        ]
        .concat()
    });
    // Over one day these would say what the hours say.
    let longer = volume.by_day.len() > 1;
    let weekdays = WEEKDAYS.iter().zip(&volume.by_weekday).filter(|_| longer);
    let weekdays = weekdays.map(|(day, sums)| [vec![text(*day)], flows(sums)].concat());
    let hours_of_day = (0..).zip(&volume.by_hour_of_day).filter(|_| longer);
    let hours_of_day =
        hours_of_day.map(|(hour, sums)| [vec![Cell::Count(hour)], flows(sums)].concat());
    let peaks = [("hour", &volume.peak_hour), ("minute", &volume.peak_minute)];
    let peaks = peaks.into_iter().filter_map(|(what, peak)| {
        let peak = peak.as_ref()?;
        let at = Cell::Time(peak.at.clone());
        Some(vec![text(what), at, Cell::Count(peak.messages)])
    });
    let day_columns = columns(&["day", "weekday", "usual messages", "change"]);
    let note = "A message counts in the hour it was first seen and by its own direction; recipients by theirs.";
    vec![
        table(section, "volume_by_hour", "By hour", &columns(&["hour"]))
            .note(note)
            .find("--since HOUR --until 'THE NEXT HOUR'")
            .lines(hours),
        table(section, "volume_by_day", "By day", &day_columns)
            .note("Usual: the median of the same weekday's other days, where there are any.")
            .find("--day DAY")
            .lines(days),
        table(
            section,
            "volume_by_weekday",
            "By weekday",
            &columns(&["weekday"]),
        )
        .lines(weekdays),
        table(
            section,
            "volume_by_hour_of_day",
            "By hour of the day",
            &columns(&["hour of day"]),
        )
        .note("Sums of the same hour of all days, where there are several.")
        .lines(hours_of_day),
        table(section, "peaks", "Peaks", &["peak", "at", "messages"])
            .note("Of equals the first.")
            .lines(peaks),
    ]
}

fn latency(report: &Report) -> Vec<Table> {
    let latency = &report.latency;
    let section = Section::Latency;
    let all = (String::new(), "all", &latency.end_to_end_ms);
    let ways = latency.by_direction.iter();
    let ways = ways.map(|way| (word(&way.direction), "direction", &way.latency));
    let servers = latency.by_server.iter();
    let servers = servers.map(|s| (s.name().to_string(), "server", &s.latency));
    let lines = [all].into_iter().chain(ways).chain(servers);
    let columns = [
        "of",
        "which",
        "recipients",
        "p50",
        "p90",
        "p95",
        "p99",
        "max",
        "within 30 s",
        "within 90 s",
        "within 5 min",
        "negative",
        "unmeasured",
    ];
    let pairs = latency.by_server_pair.iter().map(|pair| {
        let mut line = vec![text(&pair.from), text(&pair.to), Cell::Count(pair.count)];
        line.extend([pair.p50, pair.p95, pair.max].map(millis));
        line
    });
    let clocks = latency.clocks.iter().map(|pair| {
        let mut line = vec![text(&pair.from), text(&pair.to), Cell::Count(pair.count)];
        line.extend([pair.p50, pair.max].map(millis));
        line
    });
    let clock_columns = ["ahead", "of", "recipients", "by (median)", "by (most)"];
    let steps = latency.distribution.iter();
    let slowest = latency.slowest.iter().map(|slow| {
        let line = [
            vec![Cell::Millis(slow.latency_ms)],
            message(&slow.message).to_vec(),
        ];
        (line.concat(), slow.message.clone())
    });
    let error = 100.0 * latency.relative_error;
    let levels = latency.service_level.iter().map(|level| {
        let within = Cell::Millis(level.within_ms as i64);
        vec![
            within,
            Cell::Count(level.recipients),
            Cell::Share(level.share),
        ]
    });
    let levels = table(
        section,
        "service_level",
        "Service level",
        &["within", "recipients", "share"],
    )
    .note(format!(
        "Delivered and transferred recipients within the limits of --sla; 30 s, 90 s and 5 min are exact, others \
         within {error:.1} % of the limit."
    ))
    .lines(levels);
    let coarse = 100.0 * latency.relative_error_of_pairs;
    let pair_columns = ["from", "to", "recipients", "p50", "p95", "max"];
    vec![
        table(section, "latency", "From entry to each recipient", &columns)
            .note(format!(
                "Delivered and transferred recipients; percentiles within {error:.1} %. Negative: arrived before \
                 it entered, by two servers' clocks, and not in the percentiles."
            ))
            .find_among("--direction DIRECTION --server SERVER")
            .lines(lines.map(|(which, of, sums)| of_one(which, of, sums))),
        levels,
        table(section, "latency_by_server_pair", "From server to server", &pair_columns)
            .note(format!("From where the message came in to where it was decided; within {coarse:.1} %."))
            .find_among("--server FROM")
            .lines(pairs),
        components(section, "latency_components", "Where the time went", &latency.components.all_servers)
            .note(latency.components.note().unwrap_or_else(|| format!(
                "As rows of deliveries and transfers tell it, each row once; within {coarse:.1} %. A component stands \
                 behind what it is a part of; X- runs beside others, -PEN was not over. Share of its stage's time."
            ))),
        components(
            section,
            "latency_components_by_server",
            "Where the time went, by server",
            &latency.components.by_server,
        ),
        table(section, "clocks", "Clocks that differ", &clock_columns)
            .note("What arrived on one server before it had entered on the other; the way itself took some time, too.")
            .lines(clocks),
        table(section, "latency_distribution", "Distribution", &["below", "recipients"])
            .note("Not less than the line before; the last line is the rest.")
            .lines(steps.map(|step| vec![millis(step.below_ms), Cell::Count(step.recipients)])),
        table(section, "slowest", "Slowest messages", &[&["latency"][..], &MESSAGE].concat())
            .messages(slowest),
    ]
}

fn components(
    section: Section,
    name: &'static str,
    title: &'static str,
    lines: &[OfComponent],
) -> Table {
    let columns = [
        "server",
        "stage",
        "component",
        "meaning",
        "rows",
        "p50",
        "p95",
        "max",
        "in all",
        "share",
    ];
    table(section, name, title, &columns).lines(lines.iter().map(|line| {
        let mut cells = vec![
            text(line.server.as_deref().unwrap_or("all")),
            text(&line.stage),
            text(&line.component),
            text(line.meaning.unwrap_or_default()),
            Cell::Count(line.count),
        ];
        cells.extend([line.p50, line.p95, line.max].map(millis));
        cells.push(Cell::Millis(line.total_ms));
        cells.push(line.share.map_or(Cell::None, Cell::Share));
        cells
    }))
}

fn of_one(which: String, of: &'static str, sums: &Latency) -> Vec<Cell> {
    let mut line = vec![text(of), text(which), Cell::Count(sums.count)];
    line.extend([sums.p50, sums.p90, sums.p95, sums.p99, sums.max].map(millis));
    let counts = [
        sums.within_30s,
        sums.within_90s,
        sums.within_5min,
        sums.negative,
        sums.unmeasured,
    ];
    line.extend(counts.map(Cell::Count));
    line
}

/// The contract's word.
fn word(value: &impl Serialize) -> String {
    let json = serde_json::to_value(value).unwrap_or_default();
    json.as_str().unwrap_or_default().to_string()
}

fn top(report: &Report) -> Vec<Table> {
    let top = &report.top;
    let address = |who: &Address| vec![text(&who.address)];
    let domain = |who: &Domain| vec![text(&who.domain)];
    let pair = |who: &Pair| vec![text(&who.sender), text(&who.recipient)];
    let section = Section::Top;
    let largest = top.largest_messages.iter().map(|m| {
        let line = [vec![Cell::Bytes(m.size_bytes as i64)], message(m).to_vec()].concat();
        (line, m.clone())
    });
    let broad = top.most_recipients.iter().map(|m| {
        let line = [
            vec![Cell::Count(m.recipients)],
            message(&m.message).to_vec(),
        ]
        .concat();
        (line, m.message.clone())
    });
    vec![
        ranking(
            "top_senders",
            "Senders",
            &["sender"],
            &top.senders,
            top.lines,
            address,
        )
        .find("--sender SENDER"),
        ranking(
            "top_recipients",
            "Recipients",
            &["recipient"],
            &top.recipients,
            top.lines,
            address,
        )
        .find_among("--recipient RECIPIENT"),
        ranking(
            "top_pairs",
            "Pairs",
            &["sender", "recipient"],
            &top.pairs,
            top.lines,
            pair,
        )
        .find_among("--sender SENDER --recipient RECIPIENT"),
        ranking(
            "top_sender_domains",
            "Sender domains",
            &["domain"],
            &top.sender_domains,
            top.lines,
            domain,
        )
        .find("--sender @DOMAIN"),
        ranking(
            "top_recipient_domains",
            "Recipient domains",
            &["domain"],
            &top.recipient_domains,
            top.lines,
            domain,
        )
        .find_among("--recipient @DOMAIN"),
        table(
            section,
            "largest",
            "Largest messages",
            &[&["size"][..], &MESSAGE].concat(),
        )
        .messages(largest),
        table(
            section,
            "most_recipients",
            "Most recipients",
            &[&["recipients"][..], &MESSAGE].concat(),
        )
        .messages(broad),
    ]
}

/// The three orders of a ranking as one table, by messages: who is first in any of them.
fn ranking<W>(
    name: &'static str,
    title: &'static str,
    who_columns: &[&'static str],
    ranking: &Ranking<W>,
    lines: usize,
    who: impl Fn(&W) -> Vec<Cell>,
) -> Table {
    let mut seen: Vec<Vec<Cell>> = Vec::new();
    let orders = [
        &ranking.by_messages,
        &ranking.by_recipients,
        &ranking.by_bytes,
    ];
    for ranked in orders.into_iter().flatten() {
        let mut line = who(&ranked.who);
        line.extend([
            Cell::Count(ranked.messages),
            Cell::Count(ranked.recipients),
            Cell::Bytes(ranked.bytes),
        ]);
        if !seen.contains(&line) {
            seen.push(line);
        }
    }
    let columns = [who_columns, &["messages", "recipients", "bytes"]].concat();
    table(Section::Top, name, title, &columns)
        .note(format!(
            "The first {lines} by messages, by recipients and by bytes, of {} in all.",
            ranking.count
        ))
        .lines(seen)
}
