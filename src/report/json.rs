//! The report for machines: the contract's JSON, indented, with a line break at the end.
//!
//! In: [`Report`]. Out: bytes. The shape is that of the report's own structs.

use std::io::{self, Write};

use crate::report::Report;

/// Writes `report` as one JSON object.
pub fn write(report: &Report, out: &mut impl Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, report)?;
    writeln!(out)
}
