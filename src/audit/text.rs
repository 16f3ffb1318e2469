//! The audit for a terminal: verdict, findings, coverage with its strips, clocks.
//!
//! In: [`Check`]. Out: lines of at most `width` columns, made for 100 and whole at 80; text from names and logs is
//! made inert by the page. Every hour's rows and all lags are in the JSON.

use std::io::{self, Write};

use super::coverage::Service;
use super::words::{grouped, hour, minute, plural};
use super::{Check, Finding, Weight};
use crate::figures::{duration, size};
use crate::report::text::page::{Page, Table, Tone};
use crate::time::Time;

/// Lines of a list on paper.
const LINES: usize = 5;
/// More inputs are not listed.
const HASHES: usize = 12;
/// Pairs of servers shown; those farthest apart first.
const PAIRS: usize = 12;

/// Writes `check` in lines of `width` columns; with colours only if `style`.
pub fn write(check: &Check, out: &mut impl Write, width: usize, style: bool) -> io::Result<()> {
    let page = &mut Page::new(out, width, style);
    headline(check, page)?;
    findings(check, page)?;
    coverage(check, page)?;
    clocks(check, page)?;
    hashes(check, page)?;
    limits(page)
}

fn headline<W: Write>(check: &Check, page: &mut Page<'_, W>) -> io::Result<()> {
    page.say("Are these logs whole?", Tone::Strong)?;
    let at = |time: Option<Time>| time.map_or("?".into(), |t| minute(t, &check.time_zone));
    let (from, to) = check.span.unzip();
    page.say(
        &format!("{} to {} {}", at(from), at(to), check.zone),
        Tone::Plain,
    )?;
    let inputs = &check.inputs;
    let read = format!(
        "{}, {}, {}, {} · {}",
        plural(check.coverage.len() as u64, "server"),
        plural(inputs.files, "file"),
        size(inputs.bytes as i64),
        plural(inputs.rows, "row"),
        check.tool
    );
    page.say(&read, Tone::Faint)?;
    page.blank()?;
    let verdict = &check.verdict;
    let notes = match verdict.notes {
        0 => String::new(),
        n => format!(" · {}", plural(n as u64, "note")),
    };
    let tone = match (verdict.signs_of_loss, verdict.signs_of_change) {
        (0, 0) => Tone::Good,
        (0, _) => Tone::Warning,
        _ => Tone::Bad,
    };
    let mut words = verdict.words.clone();
    words[..1].make_ascii_uppercase();
    page.say(&format!("{words}{notes}"), tone)
}

fn findings<W: Write>(check: &Check, page: &mut Page<'_, W>) -> io::Result<()> {
    for (weight, title) in [
        (Weight::Loss, "Signs of loss"),
        (Weight::Change, "Signs of change"),
        (Weight::Note, "Notes"),
    ] {
        let mut of_weight = check
            .findings
            .iter()
            .filter(|f| f.weight == weight)
            .peekable();
        if of_weight.peek().is_none() {
            continue;
        }
        page.heading(title)?;
        for finding in of_weight {
            told(finding, page)?;
        }
    }
    Ok(())
}

fn told<W: Write>(finding: &Finding, page: &mut Page<'_, W>) -> io::Result<()> {
    let tone = match finding.weight {
        Weight::Loss => Tone::Bad,
        Weight::Change => Tone::Warning,
        Weight::Note => Tone::Plain,
    };
    page.say(&format!("- {}", finding.what), tone)?;
    let mut places = Table::default().left("").left("");
    for place in finding.first.iter().take(LINES) {
        for line in lines(place, page.room() - 4) {
            places.row(vec![String::new(), line]);
        }
    }
    if finding.first.len() > LINES || finding.more {
        places.row(vec![String::new(), "...".into()]);
    }
    if places.is_empty() {
        return Ok(());
    }
    page.table(&places)
}

/// A text broken between words; what follows the first line is set in.
fn lines(text: &str, room: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= room => {
                line.push(' ');
                line.push_str(word);
            }
            None => lines.push(word.to_string()),
            Some(_) => lines.push(format!("  {word}")),
        }
    }
    lines
}

fn coverage<W: Write>(check: &Check, page: &mut Page<'_, W>) -> io::Result<()> {
    if check.coverage.is_empty() {
        return Ok(());
    }
    page.heading("Coverage")?;
    let mut table = Table::default()
        .left("server")
        .left("first row")
        .left("last row")
        .right("rows")
        .right("submission")
        .spare(1)
        .right("transport")
        .spare(1)
        .right("delivery")
        .spare(1)
        .right("hours missed");
    for server in &check.coverage {
        let rows = |name: &str| {
            let mut services = server.services.iter();
            let rows = services.find(|s| s.service == name).map(|s| s.rows);
            rows.map_or("-".into(), grouped)
        };
        let at = |time: Option<Time>| time.map_or("-".into(), |t| minute(t, &check.time_zone));
        let (first, last) = server.span.unzip();
        let silences = server.services.iter().flat_map(|s| &s.silences);
        let missed: u64 = silences.map(|s| s.hours_missed).sum();
        let told = server.services.iter().flat_map(|s| &s.told_elsewhere);
        let told = told.filter(|told| told.inside).count() as u64;
        table.row(vec![
            server.server.clone(),
            at(first),
            at(last),
            grouped(server.rows),
            rows("submission"),
            rows("transport"),
            rows("delivery"),
            grouped(missed + told),
        ]);
    }
    page.table(&table)?;
    strips(check, page)
}

/// One character per hour, or per several where the time is long.
fn strips<W: Write>(check: &Check, page: &mut Page<'_, W>) -> io::Result<()> {
    let Some((first, last)) = check.span.map(|(from, to)| (from.hour(), to.hour())) else {
        return Ok(());
    };
    if last == first {
        return Ok(());
    }
    let names = check.coverage.iter().map(|server| server.server.len());
    let named = names.max().unwrap_or(0).min(24);
    let room = page
        .room()
        .saturating_sub(named + 2 + "submission".len() + 2)
        .max(24) as i64;
    let per_column = (last - first + 1 + room - 1) / room;
    page.blank()?;
    let mut table = Table::default()
        .left("")
        .left("")
        .toned(Tone::Faint)
        .left("");
    for server in &check.coverage {
        for (n, service) in server.services.iter().enumerate() {
            let name = if n == 0 { server.server.as_str() } else { "" };
            let strip = strip(service, first, last, per_column);
            table.row(vec![name.into(), service.service.into(), strip]);
        }
    }
    page.table(&table)?;
    let unit = match per_column {
        1 => "an hour".to_string(),
        n => format!("{} hours", grouped(n as u64)),
    };
    let key = format!(
        "each column is {unit}, from {}: ▁ to █ rows, by this service's busiest, · none, ! none or \
         next to none where plenty are usual or rows elsewhere speak of some",
        hour(first, &check.time_zone)
    );
    page.say(&key, Tone::Faint)
}

fn strip(service: &Service, first: i64, last: i64, per_column: i64) -> String {
    let columns = (0..=(last - first) / per_column).map(|column| {
        let start = first + column * per_column;
        start..(start + per_column).min(last + 1)
    });
    let columns: Vec<_> = columns.collect();
    let rows: Vec<u64> = columns
        .iter()
        .map(|hours| {
            service
                .by_hour
                .range(hours.clone())
                .map(|(_, rows)| rows)
                .sum()
        })
        .collect();
    let most = rows.iter().copied().max().unwrap_or(0).max(1);
    let levels = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let missed = |hours: &std::ops::Range<i64>| {
        let mut silences = service.silences.iter().map(|s| &s.silence.hours);
        let mut told = service.told_elsewhere.iter();
        silences.any(|silent| silent.start < hours.end && hours.start < silent.end)
            || told.any(|told| told.inside && hours.contains(&told.hour))
    };
    let shown = columns.iter().zip(rows).map(|(hours, rows)| match rows {
        // A missed hour shows even where it shares its column with others.
        _ if missed(hours) => '!',
        0 => '·',
        rows => levels[(rows * 8).div_ceil(most) as usize - 1],
    });
    shown.collect()
}

fn clocks<W: Write>(check: &Check, page: &mut Page<'_, W>) -> io::Result<()> {
    if check.clocks.is_empty() {
        return Ok(());
    }
    page.heading("Clocks")?;
    let mut table = Table::default()
        .left("from")
        .left("to")
        .right("hand-overs")
        .right("received after sent: least")
        .spare(1)
        .right("median")
        .right("most")
        .spare(1)
        .right("clock of \"to\"");
    let far = |clock: &&super::Clock| {
        let apart = clock.offset_ms.unwrap_or(clock.median_ms).unsigned_abs();
        u64::MAX - apart
    };
    let mut clocks: Vec<&super::Clock> = check.clocks.iter().collect();
    clocks.sort_by_key(far);
    for clock in clocks.iter().take(PAIRS) {
        table.row(vec![
            clock.from.clone(),
            clock.to.clone(),
            grouped(clock.hand_overs),
            signed(clock.smallest_ms),
            signed(clock.median_ms),
            signed(clock.largest_ms),
            clock.offset_ms.map_or("only one way".into(), signed),
        ]);
    }
    page.table(&table)?;
    if clocks.len() > PAIRS {
        let more = plural((clocks.len() - PAIRS) as u64, "pair");
        page.say(&format!("{more} closer together left out"), Tone::Faint)?;
    }
    let mut key = "Clock: how far it is before that of \"from\", where mail went both ways; a RECEIVE is logged \
                   before its SEND, so that the median is below zero for equal clocks."
        .to_string();
    if check.hand_overs_one_in > 1 {
        key += &format!(
            " One hand-over in {} was looked at.",
            check.hand_overs_one_in
        );
    }
    page.say(&key, Tone::Faint)
}

/// `+12.3 s`.
fn signed(ms: i64) -> String {
    let sign = match ms {
        0 => "",
        1.. => "+",
        _ => "-",
    };
    format!("{sign}{}", duration(ms.unsigned_abs()))
}

/// Every input by its hash, or the hash of all of them.
fn hashes<W: Write>(check: &Check, page: &mut Page<'_, W>) -> io::Result<()> {
    let Some(all) = &check.hashes_sha256 else {
        return Ok(());
    };
    page.heading("Inputs")?;
    if check.hashes.len() <= HASHES {
        let mut table = Table::default()
            .left("SHA-256")
            .spare(1)
            .right("size")
            .left("file");
        for hash in &check.hashes {
            let size = size(hash.bytes as i64);
            table.row(vec![hash.sha256.clone(), size, hash.name.clone()]);
        }
        return page.table(&table);
    }
    let files = plural(check.hashes.len() as u64, "file");
    page.say(&format!("SHA-256 {all}"), Tone::Plain)?;
    page.say(
        &format!(
            "of what sha256sum prints for the {files} in the order of their names; JSON lists each"
        ),
        Tone::Faint,
    )
}

fn limits<W: Write>(page: &mut Page<'_, W>) -> io::Result<()> {
    page.heading("What this can and cannot tell")?;
    for line in [
        "A sign of loss says that rows or files which were there may not be here; a sign of change, that rows, times \
         or names may not be as they were written. Full disks, restarts, clocks and incomplete copies leave \
         the same traces as people do.",
        "Rows that were cut out whole leave no trace if nothing else speaks of them; a silence of less than an hour is \
         not seen, nor one in a quiet hour of which no other log speaks.",
    ] {
        page.say(line, Tone::Faint)?;
    }
    Ok(())
}
