//! One row of comma-separated cells, fit for a spreadsheet and for a terminal.
//!
//! In: values of one row, one after the other. Out: a line after RFC 4180. Each text goes through the
//! guard against formulas; control characters and hidden marks are shown as `\x1b` and `\u{202e}`, and
//! bytes that are no UTF-8 as `\xff`.

use std::io::Write;

use bstr::{BStr, ByteSlice};

use crate::inert;
use crate::output::json;
use crate::time::Time;

/// A row under way: each call appends one cell.
pub struct Row<'o> {
    out: &'o mut Vec<u8>,
    first: bool,
}

impl<'o> Row<'o> {
    pub fn start(out: &'o mut Vec<u8>) -> Row<'o> {
        Row { out, first: true }
    }

    /// A row that begins with cells made before.
    pub fn behind(cells: &[u8], out: &'o mut Vec<u8>) -> Row<'o> {
        out.extend_from_slice(cells);
        Row { out, first: false }
    }

    pub fn end(self) {
        self.out.extend_from_slice(b"\r\n");
    }

    /// Text from the log, or from anybody.
    pub fn text(&mut self, text: &[u8]) {
        self.cell(inert::csv_cell(text).as_bytes());
    }

    /// An address: lower case.
    pub fn address(&mut self, text: &[u8]) {
        self.text(&text.to_ascii_lowercase());
    }

    /// A word of ours.
    pub fn word(&mut self, word: &str) {
        self.cell(word.as_bytes());
    }

    /// A number is never a formula, its minus sign included.
    pub fn number<N: std::fmt::Display>(&mut self, number: Option<N>) {
        self.separate();
        if let Some(number) = number {
            write!(self.out, "{number}").expect("a Vec takes all bytes");
        }
    }

    pub fn time(&mut self, time: Option<Time>) {
        self.separate();
        if let Some(time) = time {
            json::bare_time(self.out, time);
        }
    }

    /// A list in one cell, `; ` between the elements.
    pub fn list<'t>(&mut self, texts: impl Iterator<Item = &'t BStr>) {
        self.text(&joined(texts));
    }

    fn separate(&mut self) {
        if !self.first {
            self.out.push(b',');
        }
        self.first = false;
    }

    /// Quoted where RFC 4180 wants it, and where `;` would part cells in half of Europe.
    fn cell(&mut self, text: &[u8]) {
        self.separate();
        if text.find_byteset(b",;\"\r\n").is_none() {
            return self.out.extend_from_slice(text);
        }
        self.out.push(b'"');
        for part in text.split_inclusive(|b| *b == b'"') {
            self.out.extend_from_slice(part);
            if part.ends_with(b"\"") {
                self.out.push(b'"');
            }
        }
        self.out.push(b'"');
    }
}

/// `a; b; 'c; d'`: an element that holds a `;` is put in single quotes, as Exchange does it.
fn joined<'t>(texts: impl Iterator<Item = &'t BStr>) -> Vec<u8> {
    let mut list = Vec::new();
    for (i, text) in texts.enumerate() {
        if i > 0 {
            list.extend_from_slice(b"; ");
        }
        let quotes: &[u8] = if text.contains(&b';') { b"'" } else { b"" };
        list.extend_from_slice(quotes);
        list.extend_from_slice(text);
        list.extend_from_slice(quotes);
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::example::hostile_texts;
    use crate::output::testing::is_inert;

    fn row(texts: &[&[u8]]) -> String {
        let mut out = Vec::new();
        let mut row = Row::start(&mut out);
        texts.iter().for_each(|text| row.text(text));
        row.end();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn cells_are_quoted_guarded_and_visible() {
        let cells: [&[u8]; 8] = [
            b"a",
            b"",
            b"a,\"b\"",
            b"=1+1",
            b"-2",
            b"a\nb\x1b",
            b"\xffx",
            b"x;y",
        ];
        let want = "a,,\"a,\"\"b\"\"\",'=1+1,'-2,a\\x0ab\\x1b,\\xffx,\"x;y\"\r\n";
        assert_eq!(row(&cells), want);
    }

    #[test]
    fn lists_keep_their_elements_apart() {
        let mut out = Vec::new();
        let mut cells = Row::start(&mut out);
        cells.list([BStr::new("a"), BStr::new("[{LED=1; 2}]"), BStr::new("")].into_iter());
        cells.number(Some(-3));
        cells.number(None::<u8>);
        cells.end();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "\"a; '[{LED=1; 2}]'; \",-3,\r\n"
        );
    }

    #[test]
    fn a_csv_reader_sees_one_harmless_cell() {
        for text in hostile_texts() {
            let line = row(&[text, b"end"]);
            assert!(is_inert(line.trim_end_matches("\r\n")));
            let mut reader = csv::ReaderBuilder::new()
                .has_headers(false)
                .from_reader(line.as_bytes());
            let record = reader.records().next().unwrap().unwrap();
            assert_eq!((record.len(), &record[1]), (2, "end"));
            assert!(!record[0].starts_with(['=', '+', '-', '@']));
        }
    }
}
