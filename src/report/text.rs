//! The report for a terminal or a mail: the essentials of every section.
//!
//! In: [`Report`]. Out: lines of at most `width` columns, made for 100 and whole at 80. Longer lists and
//! the other orders are in the JSON. Each section is left out where it has nothing to say.

mod mail;
pub mod page;
mod run;
mod today;
mod trouble;

use std::io::{self, Write};

use jiff::tz::TimeZone;

use crate::figures::grouped;
use crate::report::{Report, volume};
use crate::time::Time;
use page::{Page, Tone};

/// Lines of a list on paper.
const LINES: usize = 10;

/// Writes `report` in lines of `width` columns; with colours only if `style`.
pub fn write(report: &Report, out: &mut impl Write, width: usize, style: bool) -> io::Result<()> {
    let page = &mut Page::new(out, width, style);
    run::headline(report, page)?;
    today::trouble(report, page)?;
    run::coverage(report, page)?;
    run::balance(report, page)?;
    mail::volume(report, page)?;
    mail::latency(report, page)?;
    trouble::failures(report, page)?;
    trouble::pending(report, page)?;
    trouble::unknown(report, page)?;
    mail::top(report, page)?;
    mail::lists(report, page)?;
    definitions(report, page)
}

/// What the words above mean.
fn definitions<W: Write>(report: &Report, page: &mut Page<'_, W>) -> io::Result<()> {
    page.heading("How this is counted")?;
    for line in sentences(report) {
        page.say(&line, Tone::Faint)?;
    }
    Ok(())
}

/// How things are counted, in sentences.
pub fn sentences(report: &Report) -> Vec<String> {
    let error = report.latency.relative_error * 100.0;
    [
        "A message counts once, with its largest logged size, in the hour it was first seen. A recipient \
         counts once per message; lists and redirected addresses count as those they became.",
        "Recipients entered = delivered + transferred + failed + dropped + quarantined + pending + unknown; \
         what is left over is the residual. Refused recipients never entered; a message that was refused \
         for all is a failed message.",
        "Transferred: accepted by a host outside. Unknown: the trail ends where logs are missing.",
        &format!(
            "Latency runs from a message's entry to each delivered or transferred recipient; percentiles \
             are within {error:.1} %, the maximum is exact. Hours and days are of {}.",
            report.zone
        ),
    ]
    .map(String::from)
    .into()
}

/// `2026-03-02 09:14` in `zone`.
pub fn minute(time: Time, zone: &TimeZone) -> String {
    let local = volume::local(time, zone);
    local.strftime("%Y-%m-%d %H:%M").to_string()
}

/// Text that may be missing.
fn or_dash(text: &Option<String>) -> String {
    text.clone().unwrap_or_else(|| "-".into())
}

/// Says that a list was cut.
fn more<W: Write>(page: &mut Page<'_, W>, lines: usize) -> io::Result<()> {
    match lines.saturating_sub(LINES) {
        0 => Ok(()),
        n => page.say(
            &format!("and {} more with --format json", grouped(n as i64)),
            Tone::Faint,
        ),
    }
}
