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
    let plain = |b: &u8| (b' '..0x7f).contains(b) || *b == b'\n';
    // Without an end in between, so that a processor compares many bytes at once.
    let all_plain = |block: &[u8; 64]| block.iter().fold(true, |all, b| all & plain(b));
    let mut from = 0;
    loop {
        let (blocks, _) = text.as_bytes()[from..].as_chunks();
        from += 64 * blocks.iter().take_while(|block| all_plain(block)).count();
        from += text.as_bytes()[from..].iter().position(|b| !plain(b))?;
        let c = text[from..].chars().next()?;
        if c.is_control() || is_treacherous(c) {
            return Some((from, c));
        }
        from += c.len_utf8();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_harmful_is_found_wherever_it_stands(
            text in "[a-z\\né\u{202e}\u{9b}\\x7f ]{0,9}([ -~]{0,150}[é\u{202e}\\x1b]?){0,3}",
        ) {
            let mut plainly = text.char_indices();
            let is_harmful = |c: char| c != '\n' && (c.is_control() || is_treacherous(c));
            let first = plainly.find(|(_, c)| is_harmful(*c));
            prop_assert_eq!(harmful(&text), first);
        }
    }
}
