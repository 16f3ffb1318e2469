//! The report for machines: the contract's JSON, indented, with a line break at the end.
//!
//! In: [`Report`]. Out: bytes. The shape is that of the report's own structs. What hides or reorders text on a
//! terminal stands escaped, as in the other JSON outputs.

use std::io::{self, Write};

use crate::inert::is_treacherous;
use crate::report::Report;

/// Writes `report` as one JSON object.
pub fn write(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let text = serde_json::to_string_pretty(report)?;
    let harmful = |c: char| c != '\n' && (c.is_control() || is_treacherous(c));
    let mut rest = text.as_str();
    // Such characters stand only inside strings.
    while let Some(at) = rest.find(harmful) {
        out.write_all(&rest.as_bytes()[..at])?;
        let c = rest[at..].chars().next().unwrap_or_default();
        for unit in c.encode_utf16(&mut [0; 2]) {
            write!(out, "\\u{unit:04x}")?;
        }
        rest = &rest[at + c.len_utf8()..];
    }
    writeln!(out, "{rest}")
}
