//! A page of plain text: headings, sentences and tables that fit a width.
//!
//! In: text of any origin. Out: lines in which nothing from the logs can act: every piece of text goes
//! through [`inert::terminal`] here, and colours are added after that, only when asked for.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use crate::inert;

/// How a column or line is shown where style is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Plain,
    Strong,
    Faint,
    Good,
    Warning,
    Bad,
}

impl Tone {
    fn style(self) -> Style {
        let colour = |colour: AnsiColor| Style::new().fg_color(Some(colour.into()));
        match self {
            Tone::Plain => Style::new(),
            Tone::Strong => Style::new().bold(),
            Tone::Faint => Style::new().dimmed(),
            Tone::Good => colour(AnsiColor::Green),
            Tone::Warning => colour(AnsiColor::Yellow),
            Tone::Bad => colour(AnsiColor::Red).bold(),
        }
    }
}

/// Where a column's text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    Left,
    Right,
}

/// One column of a table.
#[derive(Clone, Copy, Debug)]
struct Column {
    title: &'static str,
    align: Align,
    tone: Tone,
    /// Left out where the page is too narrow; the lowest first.
    spare: Option<u8>,
}

/// A table: cells as plain text. Where the page is too narrow text is cut, then spare columns go.
#[derive(Clone, Debug, Default)]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// Column of text.
    pub fn left(self, title: &'static str) -> Table {
        self.column(title, Align::Left)
    }

    /// Column of figures.
    pub fn right(self, title: &'static str) -> Table {
        self.column(title, Align::Right)
    }

    fn column(mut self, title: &'static str, align: Align) -> Table {
        self.columns.push(Column {
            title,
            align,
            tone: Tone::Plain,
            spare: None,
        });
        self
    }

    /// The last column in another tone.
    pub fn toned(mut self, tone: Tone) -> Table {
        if let Some(column) = self.columns.last_mut() {
            column.tone = tone;
        }
        self
    }

    /// The last column may be left out where the page is too narrow, the lowest rank first.
    pub fn spare(mut self, rank: u8) -> Table {
        if let Some(column) = self.columns.last_mut() {
            column.spare = Some(rank);
        }
        self
    }

    /// Adds a row; as many cells as there are columns.
    pub fn row(&mut self, cells: Vec<String>) {
        debug_assert_eq!(cells.len(), self.columns.len());
        self.rows.push(cells);
    }

    /// Whether it has no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

/// Where a report is written to.
pub struct Page<'o, W: Write> {
    out: &'o mut W,
    width: usize,
    style: bool,
}

/// Columns left free before each line of a section.
const INDENT: usize = 2;
/// Columns between two columns of a table.
const GAP: usize = 2;
/// A text column is not cut below this.
const NARROWEST: usize = 8;
/// Longer text is cut even where there is room.
const WIDEST: usize = 4096;

impl<'o, W: Write> Page<'o, W> {
    /// A page of `width` columns, at least 40.
    pub fn new(out: &'o mut W, width: usize, style: bool) -> Page<'o, W> {
        Page {
            out,
            width: width.max(40),
            style,
        }
    }

    /// Columns for the text of a section.
    pub fn room(&self) -> usize {
        self.width - INDENT
    }

    /// An empty line.
    pub fn blank(&mut self) -> io::Result<()> {
        writeln!(self.out)
    }

    /// The title of a section, with an empty line before it.
    pub fn heading(&mut self, title: &str) -> io::Result<()> {
        writeln!(self.out)?;
        let title = inert::terminal(title.to_uppercase().as_bytes(), self.width);
        self.toned(&title, Tone::Strong)?;
        writeln!(self.out)
    }

    /// A sentence, broken between words where it is too long.
    pub fn say(&mut self, text: &str, tone: Tone) -> io::Result<()> {
        let room = self.room();
        let text = inert::terminal(text.as_bytes(), WIDEST);
        let mut line = String::new();
        for word in text.split(' ') {
            let taken = inert::columns(&line);
            if taken > 0 && taken + 1 + inert::columns(word) > room {
                self.line(&line, tone)?;
                line.clear();
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(&inert::terminal(word.as_bytes(), room));
        }
        self.line(&line, tone)
    }

    fn line(&mut self, line: &str, tone: Tone) -> io::Result<()> {
        write!(self.out, "{:INDENT$}", "")?;
        self.toned(line, tone)?;
        writeln!(self.out)
    }

    /// A table; where it is too wide, text columns are cut, the widest first, and spare ones left out.
    pub fn table(&mut self, table: &Table) -> io::Result<()> {
        let mut columns = table.columns.clone();
        let titled = columns.iter().any(|column| !column.title.is_empty());
        let mut lines: Vec<Vec<String>> = Vec::with_capacity(table.rows.len() + 1);
        if titled {
            lines.push(columns.iter().map(|c| c.title.to_string()).collect());
        }
        for row in &table.rows {
            let inert = row.iter().map(|c| inert::terminal(c.as_bytes(), WIDEST));
            lines.push(inert.collect());
        }
        let widths = loop {
            let widths = self.widths(&columns, &lines);
            let ranked = (0..columns.len()).filter(|&j| columns[j].spare.is_some());
            let spare = ranked.min_by_key(|&j| columns[j].spare);
            match spare {
                Some(j) if line_width(&widths) > self.room() => {
                    columns.remove(j);
                    lines.iter_mut().for_each(|cells| drop(cells.remove(j)));
                }
                _ => break widths,
            }
        };
        for (i, cells) in lines.iter().enumerate() {
            write!(self.out, "{:INDENT$}", "")?;
            // No blanks at the end of a line.
            let filled = cells
                .iter()
                .rposition(|cell| !cell.is_empty())
                .map_or(0, |last| last + 1);
            for j in 0..filled {
                let mut column = columns[j];
                if titled && i == 0 {
                    column.tone = Tone::Faint;
                }
                self.cell(&cells[j], widths[j], column, j + 1 == filled)?;
            }
            writeln!(self.out)?;
        }
        Ok(())
    }

    fn cell(&mut self, cell: &str, width: usize, column: Column, last: bool) -> io::Result<()> {
        let cell = inert::terminal(cell.as_bytes(), width);
        let free = width - inert::columns(&cell);
        if column.align == Align::Right {
            write!(self.out, "{:free$}", "")?;
        }
        self.toned(&cell, column.tone)?;
        if !last {
            let free = GAP + if column.align == Align::Left { free } else { 0 };
            write!(self.out, "{:free$}", "")?;
        }
        Ok(())
    }

    /// Column widths that fit the page, if cutting text is enough.
    fn widths(&self, columns: &[Column], lines: &[Vec<String>]) -> Vec<usize> {
        let mut widths: Vec<usize> = (0..columns.len())
            .map(|j| lines.iter().map(|cells| inert::columns(&cells[j])).max())
            .map(Option::unwrap_or_default)
            .collect();
        loop {
            let used = line_width(&widths);
            if used <= self.room() {
                return widths;
            }
            let text = (0..widths.len())
                .filter(|&j| columns[j].align == Align::Left && widths[j] > NARROWEST);
            let Some(widest) = text.max_by_key(|&j| widths[j]) else {
                return widths;
            };
            // A quarter at a time, so that the widest columns give way in turn.
            let step = (used - self.room()).min(1 + (widths[widest] - NARROWEST) / 4);
            widths[widest] -= step;
        }
    }

    fn toned(&mut self, text: &str, tone: Tone) -> io::Result<()> {
        if self.style && tone != Tone::Plain {
            let style = tone.style();
            write!(self.out, "{style}{text}{style:#}")
        } else {
            write!(self.out, "{text}")
        }
    }
}

/// Columns that a line of a table takes.
fn line_width(widths: &[usize]) -> usize {
    widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1)
}

/// `part` of `most` as a bar of up to `columns` columns, in eighths of a column.
pub fn bar(part: i64, most: i64, columns: usize) -> String {
    if part <= 0 || most <= 0 {
        return String::new();
    }
    let eighths = (part as f64 / most as f64 * columns as f64 * 8.0).round() as usize;
    // Something is never shown as nothing.
    let eighths = eighths.clamp(1, columns * 8);
    let mut text = "█".repeat(eighths / 8);
    if !eighths.is_multiple_of(8) {
        text.push(['▏', '▎', '▍', '▌', '▋', '▊', '▉'][eighths % 8 - 1]);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_well() {
        assert_eq!(bar(8, 8, 3), "███");
        assert_eq!(bar(1, 1000, 3), "▏");
        assert_eq!(bar(0, 8, 3), "");
    }

    #[test]
    fn tables_fit_the_page_and_are_inert() {
        let mut table = Table::default().left("who").right("n").left("what");
        table.row(vec!["a\x1b[31m@x".into(), "12".into(), "word ".repeat(40)]);
        table.row(vec!["b".repeat(90), "3".into(), String::new()]);
        let mut out = Vec::new();
        Page::new(&mut out, 60, false).table(&table).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(
            text.lines().all(|line| inert::columns(line) <= 60),
            "{text}"
        );
        assert!(text.contains(r"a\x1b[31m@x"), "{text}");
        assert!(!text.contains('\x1b'));
    }
}
