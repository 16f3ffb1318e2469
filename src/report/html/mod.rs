//! The report as one HTML file: no network, opens from a mail, light and dark, prints.
//!
//! In: [`Report`]. Out: bytes. Text is escaped by the template crate, and made inert before: controls and
//! characters that hide or reorder text are shown, not obeyed. Tables are cut so that the page stays
//! small enough for a mail; a cut table says so and where the rest is.

mod charts;
mod page;
mod tables;

use std::io::{self, Write};

use crate::inert;
use crate::report::Report;

/// The page is not larger than this if cutting its tables can help it: mail servers refuse larger ones.
pub const MAX_BYTES: usize = 2_000_000;
/// Lines of a table that are tried, in order, until the page is small enough.
const LINES: [usize; 5] = [400, 200, 100, 50, 25];
/// Columns of a text that is longer than any table cell should be.
const CELL_COLUMNS: usize = 240;

/// Writes `report` as one page.
pub fn write(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let mut html = String::new();
    for lines in LINES {
        html = page::page(report, lines).into_string();
        if html.len() <= MAX_BYTES {
            break;
        }
    }
    out.write_all(html.as_bytes())
}

/// Text of strangers as it may be shown.
fn shown(text: &str) -> String {
    inert::terminal(text.as_bytes(), CELL_COLUMNS)
}
