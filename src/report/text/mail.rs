//! Volume, latency and top lists: the mail itself.

use std::io::{self, Write};

use crate::figures::{duration, grouped, percent, plural, size};
use crate::path::Direction;
use crate::report::latency::Latencies;
use crate::report::text::page::{Page, Table, Tone, bar};
use crate::report::text::{LINES, minute, more, or_dash};
use crate::report::top::{Address, Domain, Ranked, Ranking};
use crate::report::volume::{Flows, WEEKDAYS};
use crate::report::{Report, latency, volume};
use crate::tally::latency::LIMITS_MS;
use crate::tally::volume::DIRECTIONS;

/// Up to this many hours are shown one by one, more as hours of the day and as days.
const SINGLE_HOURS: usize = 26;
/// The last days are shown.
const DAYS: usize = 31;

/// By hour and direction, with the peaks.
pub fn volume<W: Write>(report: &Report, page: &mut Page<'_, W>) -> io::Result<()> {
    let volume = &report.volume;
    page.heading("Volume")?;
    if volume.by_hour.is_empty() {
        return page.say("No messages.", Tone::Plain);
    }
    let days: Vec<(String, Flows)> = (volume.by_day.iter())
        .map(|day| (format!("{} {}", day.day, &day.weekday[..3]), day.flows))
        .collect();
    if volume.by_hour.len() <= SINGLE_HOURS && days.len() <= 2 {
        let hours = volume.by_hour.iter().map(|hour| {
            let clock = minute(hour.start, &report.time_zone);
            let shown = if days.len() == 1 {
                &clock[11..]
            } else {
                &clock[5..]
            };
            (shown.to_string(), hour.flows)
        });
        flows(page, "hour", &hours.collect::<Vec<_>>(), &volume.total)?;
    } else {
        let hours = (0..24).zip(&volume.by_hour_of_day);
        let hours: Vec<_> = hours.map(|(h, f)| (format!("{h:02}:00"), *f)).collect();
        flows(page, "hour of day", &hours, &volume.total)?;
        page.blank()?;
        let last = &days[days.len().saturating_sub(DAYS)..];
        flows(page, "day", last, &volume.total)?;
        if days.len() > DAYS {
            let line = format!("the last {DAYS} of {} days; sums are of all", days.len());
            page.say(&line, Tone::Faint)?;
        }
        if days.len() > 7 {
            page.blank()?;
            let weekdays = WEEKDAYS.iter().zip(&volume.by_weekday);
            let weekdays: Vec<_> = weekdays.map(|(d, f)| (d.to_string(), *f)).collect();
            flows(page, "weekday", &weekdays, &volume.total)?;
        }
    }
    if let (Some(hour), Some(busiest)) = (&volume.peak_hour, &volume.peak_minute) {
        let line = format!(
            "Peak hour {} with {}; peak minute {} with {}.",
            minute(hour.start, &report.time_zone),
            plural(hour.messages, "message"),
            minute(busiest.start, &report.time_zone),
            grouped(busiest.messages)
        );
        page.say(&line, Tone::Plain)?;
    }
    Ok(())
}

/// A table of flows: messages in all and each way, recipients and bytes.
fn flows<W: Write>(
    page: &mut Page<'_, W>,
    title: &'static str,
    lines: &[(String, volume::Flows)],
    total: &volume::Flows,
) -> io::Result<()> {
    let used = |way: &Direction| total.of(*way).messages != 0;
    let ways: Vec<Direction> = DIRECTIONS.into_iter().filter(used).collect();
    let mut table = Table::default()
        .left(title)
        .right("messages")
        .left("")
        .toned(Tone::Faint)
        .spare(0);
    for way in &ways {
        table = table.right(word(*way));
    }
    table = table.right("recipients").spare(2).right("size").spare(1);
    let most = lines.iter().map(|(_, flows)| flows.total.messages).max();
    let columns = if page.room() >= 96 { 20 } else { 8 };
    let mut row = |name: &str, flows: &volume::Flows, bar: String| {
        let all = &flows.total;
        let mut cells = vec![name.to_string(), grouped(all.messages), bar];
        cells.extend(ways.iter().map(|way| grouped(flows.of(*way).messages)));
        cells.extend([grouped(all.recipients), size(all.bytes)]);
        table.row(cells);
    };
    for (name, flows) in lines {
        row(
            name,
            flows,
            bar(flows.total.messages, most.unwrap_or(0), columns),
        );
    }
    row("all", total, String::new());
    page.table(&table)
}

fn word(direction: Direction) -> &'static str {
    match direction {
        Direction::Inbound => "inbound",
        Direction::Outbound => "outbound",
        Direction::Internal => "internal",
        Direction::Relayed => "relayed",
        Direction::Unknown => "unknown",
    }
}

/// Percentiles end to end, each way and by server; the slowest messages.
pub fn latency<W: Write>(report: &Report, page: &mut Page<'_, W>) -> io::Result<()> {
    let latency = &report.latency;
    let all = &latency.end_to_end_ms;
    if all.count == 0 && all.negative == 0 {
        return Ok(());
    }
    page.heading("Latency, end to end")?;
    let mut table = Table::default().left("").right("recipients");
    for (title, spare) in [
        ("p50", None),
        ("p90", None),
        ("p95", Some(0)),
        ("p99", None),
        ("max", None),
        ("in 30 s", None),
        ("in 90 s", Some(1)),
        ("in 5 min", None),
    ] {
        table = table.right(title);
        if let Some(rank) = spare {
            table = table.spare(rank);
        }
    }
    table.row(percentiles("all", all));
    for line in &latency.by_direction {
        table.row(percentiles(word(line.direction), &line.latency));
    }
    if latency.by_server.len() > 1 {
        let mut servers: Vec<_> = latency.by_server.iter().collect();
        servers.sort_by_key(|line| std::cmp::Reverse(line.latency.count));
        for line in servers.into_iter().take(2 * LINES) {
            table.row(percentiles(line.name(), &line.latency));
        }
    }
    page.table(&table)?;
    service_level(latency, page)?;
    if all.negative + all.unmeasured > 0 {
        let line = format!(
            "Not in these: {} recipients with a negative latency (clocks differ), {} without a known time of entry or delivery.",
            grouped(all.negative),
            grouped(all.unmeasured)
        );
        page.say(&line, Tone::Warning)?;
    }
    components(report, page)?;
    page.blank()?;
    let mut table = Table::default()
        .left("slowest")
        .left("entered")
        .left("from")
        .left("to");
    for slow in latency.slowest.iter().take(LINES) {
        table.row(vec![
            duration(slow.latency_ms.unsigned_abs()),
            minute(slow.message.first_seen_time, &report.time_zone),
            slow.message.sender.clone(),
            or_dash(&slow.message.recipient),
        ]);
    }
    page.table(&table)
}

/// The components that took most time in all.
fn components<W: Write>(report: &Report, page: &mut Page<'_, W>) -> io::Result<()> {
    if let Some(note) = report.latency.components.note() {
        page.blank()?;
        return page.say(&note, Tone::Plain);
    }
    let lines = &report.latency.components.all_servers;
    // Parts of components would tell the same time twice.
    let tops = lines
        .iter()
        .filter(|line| !line.component.is_empty() && !line.component.contains('/'));
    let mut tops: Vec<_> = tops
        .filter(|line| !line.component.starts_with("X-"))
        .collect();
    tops.sort_by_key(|line| std::cmp::Reverse(line.total_ms));
    if tops.is_empty() {
        return Ok(());
    }
    page.blank()?;
    let mut table = Table::default()
        .left("where the time went")
        .left("")
        .right("rows")
        .right("p50")
        .right("p95")
        .right("max")
        .right("in all");
    let time = |ms: Option<u64>| ms.map_or("-".into(), short);
    for line in tops.into_iter().take(LINES) {
        table.row(vec![
            format!(
                "{} {}",
                line.stage.trim_start_matches("TOTAL-"),
                line.component
            ),
            line.meaning.unwrap_or_default().to_string(),
            grouped(line.count),
            time(line.p50),
            time(line.p95),
            time(line.max),
            short(line.total_ms.unsigned_abs()),
        ]);
    }
    page.table(&table)
}

fn percentiles(name: &str, latency: &latency::Latency) -> Vec<String> {
    let time = |ms: Option<u64>| ms.map_or("-".into(), short);
    let within = |n: i64| percent(n, latency.count);
    vec![
        name.to_string(),
        grouped(latency.count),
        time(latency.p50),
        time(latency.p90),
        time(latency.p95),
        time(latency.p99),
        time(latency.max),
        within(latency.within_30s),
        within(latency.within_90s),
        within(latency.within_5min),
    ]
}

/// What `--sla` asks for beside the limits that have columns.
fn service_level<W: Write>(latency: &Latencies, page: &mut Page<'_, W>) -> io::Result<()> {
    let others =
        (latency.service_level.iter()).filter(|level| !LIMITS_MS.contains(&level.within_ms));
    let levels: Vec<String> = others
        .map(|level| {
            let share = percent(level.recipients, latency.end_to_end_ms.count);
            format!("{share} within {}", duration(level.within_ms))
        })
        .collect();
    match levels.is_empty() {
        true => Ok(()),
        false => page.say(
            &format!("Service level: {}.", levels.join(", ")),
            Tone::Plain,
        ),
    }
}

/// A duration in at most six characters, for tables with many of them.
fn short(ms: u64) -> String {
    let s = ms / 1000;
    match s {
        _ if ms < 1000 => format!("{ms}ms"),
        0..60 => format!("{}.{}s", s, ms % 1000 / 100),
        60..3_600 => format!("{}m{:02}s", s / 60, s % 60),
        3_600..86_400 => format!("{}h{:02}m", s / 3_600, s / 60 % 60),
        _ => format!("{}d{:02}h", s / 86_400, s / 3_600 % 24),
    }
}

/// The first of each top list.
pub fn top<W: Write>(report: &Report, page: &mut Page<'_, W>) -> io::Result<()> {
    let top = &report.top;
    if report.totals.messages == 0 {
        return Ok(());
    }
    let lines = LINES.min(top.lines);
    page.heading("Top")?;
    let address = |who: &Address| who.address.clone();
    let domain = |who: &Domain| who.domain.clone();
    ranking(page, "sender", &top.senders, lines, address)?;
    ranking(page, "recipient", &top.recipients, lines, address)?;
    let mut table = Table::default()
        .left("sender")
        .left("recipient")
        .right("messages")
        .right("size");
    for pair in top.pairs.by_messages.iter().take(lines) {
        table.row(vec![
            pair.who.sender.clone(),
            pair.who.recipient.clone(),
            grouped(pair.messages),
            size(pair.bytes),
        ]);
    }
    page.table(&table)?;
    page.blank()?;
    ranking(page, "sender's domain", &top.sender_domains, lines, domain)?;
    ranking(
        page,
        "recipient's domain",
        &top.recipient_domains,
        lines,
        domain,
    )?;
    let mut table = Table::default()
        .right("largest")
        .right("recipients")
        .left("from")
        .left("subject");
    for message in top.largest_messages.iter().take(lines) {
        table.row(vec![
            size(message.size_bytes as i64),
            grouped(message.addresses as i64),
            message.sender.clone(),
            message.subject.clone(),
        ]);
    }
    page.table(&table)?;
    page.blank()?;
    let mut table = Table::default()
        .right("most recipients")
        .right("size")
        .left("from")
        .left("subject");
    for broad in top.most_recipients.iter().take(lines) {
        table.row(vec![
            grouped(broad.recipients),
            size(broad.message.size_bytes as i64),
            broad.message.sender.clone(),
            broad.message.subject.clone(),
        ]);
    }
    page.table(&table)?;
    let more = format!(
        "The first {lines} by messages; {} lines each, also by recipients and by bytes, with --format json.",
        top.lines
    );
    page.say(&more, Tone::Faint)
}

/// Known lists that nobody wrote to.
pub fn lists<W: Write>(report: &Report, page: &mut Page<'_, W>) -> io::Result<()> {
    let Some(never) = &report.lists.never_used else {
        return Ok(());
    };
    page.heading("Lists never used")?;
    if never.is_empty() {
        return page.say("Every list that was named was used.", Tone::Faint);
    }
    let mut table = Table::default().left("list");
    for list in never.iter().take(LINES) {
        table.row(vec![list.clone()]);
    }
    page.table(&table)?;
    more(page, never.len())
}

fn ranking<W: Write, N>(
    page: &mut Page<'_, W>,
    title: &'static str,
    ranking: &Ranking<N>,
    lines: usize,
    name: impl Fn(&N) -> String,
) -> io::Result<()> {
    let mut table = Table::default()
        .left(title)
        .right("messages")
        .right("recipients")
        .right("size");
    let row = |line: &Ranked<N>| {
        vec![
            name(&line.who),
            grouped(line.messages),
            grouped(line.recipients),
            size(line.bytes),
        ]
    };
    for line in ranking.by_messages.iter().take(lines) {
        table.row(row(line));
    }
    page.table(&table)?;
    page.blank()
}
