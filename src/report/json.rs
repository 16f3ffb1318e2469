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
    let mut rest = text.as_str();
    while let Some((at, c)) = harmful(rest) {
        out.write_all(&rest.as_bytes()[..at])?;
        for unit in c.encode_utf16(&mut [0; 2]) {
            write!(out, "\\u{unit:04x}")?;
        }
        rest = &rest[at + c.len_utf8()..];
    }
    writeln!(out, "{rest}")
}

/// The first character to escape, and where it is. Such stand only inside strings, where serde has escaped the controls
/// below the blank; of the rest nearly all is plain.
fn harmful(text: &str) -> Option<(usize, char)> {
    let mut from = 0;
    loop {
        let plain = |b: &u8| (b' '..0x7f).contains(b) || *b == b'\n';
        from += text.as_bytes()[from..].iter().position(|b| !plain(b))?;
        let c = text[from..].chars().next()?;
        if c.is_control() || is_treacherous(c) {
            return Some((from, c));
        }
        from += c.len_utf8();
    }
}
