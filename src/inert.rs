//! Text from the logs made harmless: strangers choose subjects, addresses and reply texts.
//!
//! In: bytes as logged. Out: text that moves no cursor, hides nothing and turns nothing round on a
//! terminal ([`terminal`]), cells that no spreadsheet takes for a formula ([`csv_cell`]), and JSON in which
//! nothing hides or reorders what stands around it ([`write_json`]). Lines of JSON, XML and HTML have escapes of their
//! own and do not come here.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, Write};

use bstr::ByteSlice;
use serde::Serialize;

/// `text` for a terminal, in at most `max_columns` columns; a longer text is cut and ends in `…`.
///
/// Bytes that are not UTF-8 become `\xff`, control characters `\x1b`; bidirectional controls,
/// zero-width and other invisible characters, and line separators become `\u{202e}`. An escape is never
/// cut in two. Wide (East Asian) characters count as two columns.
pub fn terminal(text: &[u8], max_columns: usize) -> String {
    let mut shown = String::with_capacity(text.len().min(max_columns));
    let mut used = 0;
    // Where to cut, should the text turn out too long: the last place that leaves a column for `…`.
    let mut cut_at = 0;
    for (from, to, c) in text.char_indices() {
        let before = shown.len();
        if is_broken(c, &text[from..to]) {
            bytes(&mut shown, &text[from..to]);
        } else if c.is_control() {
            let _ = write!(shown, "\\x{:02x}", u32::from(c));
        } else if is_treacherous(c) {
            let _ = write!(shown, "\\u{{{:x}}}", u32::from(c));
        } else {
            shown.push(c);
        }
        used += columns(&shown[before..]);
        if used > max_columns {
            shown.truncate(cut_at);
            if max_columns > 0 {
                shown.push('…');
            }
            return shown;
        }
        if used < max_columns {
            cut_at = shown.len();
        }
    }
    shown
}

/// Whether bytes are no UTF-8, given the character that stands for them then.
fn is_broken(c: char, bytes: &[u8]) -> bool {
    c == char::REPLACEMENT_CHARACTER && bytes != "\u{fffd}".as_bytes()
}

fn bytes(shown: &mut String, bytes: &[u8]) {
    for byte in bytes {
        let _ = write!(shown, "\\x{byte:02x}");
    }
}

/// `text` as a cell of a table that a spreadsheet or a terminal may show: controls and hidden marks are shown as
/// [`terminal`] shows them, and a cell that begins like a formula gets a `'` before it.
///
/// The rule is OWASP's for CSV injection: `=`, `+`, `-`, `@` and the full-width forms of the signs, which some programs
/// read alike; tab, carriage return and line feed, with which others begin, do not pass as such. Quoting is the CSV
/// writer's work.
pub fn csv_cell(text: &[u8]) -> Cow<'_, str> {
    let text = visible(text);
    let formula = text.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']);
    if formula {
        Cow::Owned(format!("'{text}"))
    } else {
        text
    }
}

/// Text in which nothing is hidden and no byte is lost.
fn visible(text: &[u8]) -> Cow<'_, str> {
    if let Ok(plain) = std::str::from_utf8(text)
        && text.iter().all(|byte| (b' '..=b'~').contains(byte))
    {
        return Cow::Borrowed(plain);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for chunk in text.utf8_chunks() {
        shown.push_str(&terminal(chunk.valid().as_bytes(), usize::MAX));
        bytes(&mut shown, chunk.invalid());
    }
    Cow::Owned(shown)
}

/// Columns that `text` takes on a terminal, near enough to align a table.
pub fn columns(text: &str) -> usize {
    if text.is_ascii() {
        return text.len();
    }
    text.chars().map(column_width).sum()
}

/// Combining marks take no column and East Asian wide characters and emoji two (UAX #11, main blocks).
fn column_width(c: char) -> usize {
    match u32::from(c) {
        0x300..=0x36f | 0xfe00..=0xfe0f | 0x1ab0..=0x1aff | 0x20d0..=0x20ff => 0,
        0x1100..=0x115f | 0x2e80..=0x303e | 0x3041..=0xa4cf | 0xac00..=0xd7a3 => 2,
        0xf900..=0xfaff | 0xfe30..=0xfe6f | 0xff00..=0xff60 | 0xffe0..=0xffe6 => 2,
        0x1f300..=0x1f64f | 0x1f680..=0x1f6ff | 0x1f900..=0x1f9ff | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

/// Characters that are not controls but hide, reorder or break what stands around them.
pub fn is_treacherous(c: char) -> bool {
    matches!(u32::from(c),
        0xad | 0x34f | 0x61c | 0x115f | 0x1160 | 0x17b4 | 0x17b5 | 0x180b..=0x180f
        | 0x200b..=0x200f // zero width, left-to-right and right-to-left marks
        | 0x2028..=0x202e // line and paragraph separators, embeddings and overrides
        | 0x2060..=0x206f // word joiner, isolates, deprecated format characters
        | 0x3164 | 0xfeff | 0xffa0 | 0xfff9..=0xfffb
        | 0xe0000..=0xe0fff) // tags and further invisible selectors
}

/// Writes `value` as indented JSON with a line break at the end. What hides or reorders text stands escaped.
///
/// # Errors
/// If `value` cannot be JSON, or `out` takes no more.
pub fn write_json(value: &impl Serialize, out: &mut impl Write) -> io::Result<()> {
    write_escaped(&serde_json::to_string_pretty(value)?, out)?;
    writeln!(out)
}

/// Writes `json`, with what hides or reorders text escaped.
///
/// # Errors
/// If `out` takes no more.
pub fn write_escaped(json: &str, out: &mut impl Write) -> io::Result<()> {
    let mut rest = json;
    while let Some((at, c)) = harmful(rest) {
        out.write_all(&rest.as_bytes()[..at])?;
        for unit in c.encode_utf16(&mut [0; 2]) {
            write!(out, "\\u{unit:04x}")?;
        }
        rest = &rest[at + c.len_utf8()..];
    }
    out.write_all(rest.as_bytes())
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

    #[test]
    fn plain_text_stays() {
        assert_eq!(terminal(b"Monday's menu", 80), "Monday's menu");
        assert_eq!(terminal("Größe: 5 µm".as_bytes(), 80), "Größe: 5 µm");
        assert_eq!(terminal(b"", 0), "");
    }

    #[test]
    fn controls_are_shown_not_obeyed() {
        assert_eq!(
            terminal(b"\x1b[2Ja\r\nb\tc\x07\x7f", 80),
            r"\x1b[2Ja\x0d\x0ab\x09c\x07\x7f"
        );
        assert_eq!(terminal("\u{9b}31m\u{85}".as_bytes(), 80), r"\x9b31m\x85");
        for hidden in [
            '\u{202a}',
            '\u{202e}',
            '\u{2066}',
            '\u{2069}',
            '\u{200e}',
            '\u{200f}',
            '\u{61c}',
            '\u{200b}',
            '\u{2028}',
            '\u{2029}',
            '\u{feff}',
            '\u{ad}',
            '\u{e0041}',
        ] {
            let shown = terminal(format!("a{hidden}b").as_bytes(), 80);
            assert_eq!(shown, format!("a\\u{{{:x}}}b", u32::from(hidden)));
        }
    }

    #[test]
    fn broken_utf8_stays_visible() {
        assert_eq!(terminal(b"a\xffb\xed\xa0\x80", 80), r"a\xffb\xed\xa0\x80");
        assert_eq!(
            terminal(b"a\xffb", 4),
            "a…",
            "an escape is never cut in two"
        );
        assert_eq!(terminal("\u{fffd}".as_bytes(), 80), "\u{fffd}");
        assert_eq!(csv_cell(b"a\xffb"), r"a\xffb");
        assert_eq!(csv_cell(b"=\xff"), r"'=\xff");
    }

    #[test]
    fn long_text_is_cut_at_a_whole_character() {
        assert_eq!(terminal(b"abcdef", 6), "abcdef");
        assert_eq!(terminal(b"abcdefg", 6), "abcde…");
        assert_eq!(
            terminal(b"abc\x1bdef", 6),
            "abc…",
            "an escape is kept whole or left out"
        );
        assert_eq!(terminal("日本語".as_bytes(), 5), "日本…");
        assert_eq!(terminal("日本語".as_bytes(), 6), "日本語");
        assert_eq!(terminal(b"abc", 0), "");
        for max in 0..12 {
            let shown = terminal("a日\u{202e}b\x1bcdefgh".as_bytes(), max);
            assert!(columns(&shown) <= max, "{shown} in {max}");
        }
    }

    #[test]
    fn formulas_become_text() {
        for cell in ["=1+1", "+1", "-1", "@SUM(A1)", "＝1"] {
            assert_eq!(csv_cell(cell.as_bytes()), format!("'{cell}"));
        }
        assert_eq!(csv_cell(b"\tx"), "\\x09x");
        assert_eq!(csv_cell(b"\r=1\x1b"), "\\x0d=1\\x1b");
        assert_eq!(csv_cell(b"a=b"), "a=b");
        assert_eq!(csv_cell(b""), "");
    }
}
