//! What is wrong today, at the top of the page.

use std::io::{self, Write};

use crate::figures::grouped;
use crate::report::Report;
use crate::report::text::LINES;
use crate::report::text::page::{Page, Tone};
use crate::report::trouble::Severity;

/// The findings, worst first, each with its evidence.
pub fn trouble<W: Write>(report: &Report, page: &mut Page<'_, W>) -> io::Result<()> {
    page.heading("What is wrong")?;
    if report.trouble.is_empty() {
        return page.say("Nothing that these logs show.", Tone::Good);
    }
    for finding in report.trouble.iter().take(LINES) {
        let tone = match finding.severity {
            Severity::Bad => Tone::Bad,
            Severity::Warning => Tone::Warning,
            Severity::Notice => Tone::Plain,
        };
        page.say(&format!("- {}.", finding.what), tone)?;
        for evidence in &finding.evidence {
            page.say(&format!("  {evidence}"), Tone::Faint)?;
        }
    }
    let more = report.trouble.len().saturating_sub(LINES);
    if more > 0 {
        let line = format!("and {} more with --format json", grouped(more as i64));
        page.say(&line, Tone::Faint)?;
    }
    Ok(())
}
