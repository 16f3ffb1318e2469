//! The audit for machines: one JSON object, indented, with a line break at the end.

use std::io::{self, Write};

use super::Check;

/// Writes `check` as one JSON object.
pub fn write(check: &Check, out: &mut impl Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, check)?;
    writeln!(out)
}
