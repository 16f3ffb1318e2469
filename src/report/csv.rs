//! The report as a folder of CSV files, one per table.
//!
//! In: [`Report`]. Out: files. Numbers are plain (bytes, milliseconds, shares from 0 to 1); text of strangers is
//! made so that no spreadsheet takes it for a formula. Lines that stand for messages carry the first of
//! them, with file and line. The folder gets its name when all of them are whole: that is the caller's business.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use crate::inert;
use crate::report::tables::{Cell, Row, Table, tables};
use crate::report::{Message, Report};

/// Writes every table that has lines; `folder` is made if it is not there. Returns how many files were written.
///
/// # Errors
/// If the folder or a file cannot be written.
pub fn write(report: &Report, folder: &Path) -> io::Result<usize> {
    fs::create_dir_all(folder)?;
    let tables = tables(report);
    for table in &tables {
        let file = File::create(folder.join(format!("{}.csv", table.name)))?;
        one(table, &file)?;
        file.sync_all()?;
    }
    Ok(tables.len())
}

fn one(table: &Table, file: &File) -> io::Result<()> {
    let mut csv = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(io::BufWriter::new(file));
    let traced = table.rows.iter().any(|row| !row.examples.is_empty());
    let columns = table.columns.iter().enumerate();
    let mut header: Vec<String> = columns.map(|(i, name)| heading(table, i, name)).collect();
    if header[0].is_empty() {
        header[0] = "what".into();
    }
    if traced {
        let of_example = match table.is_of_messages() {
            true => &["path"][..],
            false => &["example_message_id", "example_where", "example_path"],
        };
        header.extend(of_example.iter().copied().map(String::from));
    }
    csv.write_record(&header)?;
    for row in &table.rows {
        csv.write_record(line(row, traced, table.is_of_messages()))?;
    }
    csv.flush()
}

/// The column's name with its unit, where the name does not have it.
fn heading(table: &Table, column: usize, name: &str) -> String {
    let name = name.replace(' ', "_");
    let has = |kind: fn(&Cell) -> bool| table.rows.iter().any(|row| kind(&row.cells[column]));
    if has(|cell| matches!(cell, Cell::Millis(_))) {
        format!("{name}_ms")
    } else if has(|cell| matches!(cell, Cell::Bytes(_))) && !name.contains("bytes") {
        format!("{name}_bytes")
    } else {
        name
    }
}

fn line(row: &Row, traced: bool, names_it: bool) -> Vec<String> {
    let mut line: Vec<String> = row.cells.iter().map(cell).collect();
    if traced {
        let first = row.examples.first();
        let given = |text: Option<&String>| {
            text.map_or(String::new(), |text| {
                inert::csv_cell(text.as_bytes()).into_owned()
            })
        };
        if !names_it {
            line.push(given(first.map(|message| &message.message_id)));
            line.push(given(first.and_then(|message| message.row.as_ref())));
        }
        line.push(given(first.map(Message::path_in_words).as_ref()));
    }
    line
}

fn cell(cell: &Cell) -> String {
    match cell {
        Cell::None => String::new(),
        Cell::Time(time) => time.clone(),
        Cell::Text(text) => inert::csv_cell(text.as_bytes()).into_owned(),
        Cell::Count(value) | Cell::Bytes(value) | Cell::Millis(value) => value.to_string(),
        Cell::Share(share) => format!("{share:.4}"),
    }
}
