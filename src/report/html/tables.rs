//! Tables that sort and filter, and the messages behind a line.

use jiff::tz::TimeZone;
use maud::{Markup, html};

use super::shown;
use crate::figures::{duration, grouped, size};
use crate::report::Message;
use crate::report::tables::{Cell, Row, Table, in_zone};

/// From so many lines on a table has a filter.
const FILTER_FROM: usize = 20;

/// One table, at most `lines` lines of it.
pub fn table(table: &Table, lines: usize, zone: &TimeZone) -> Markup {
    let rows = &table.rows[..table.rows.len().min(lines)];
    let traced = rows.iter().any(|row| !row.examples.is_empty());
    let whose = match table.is_of_messages() {
        true => "this message",
        false => "for example",
    };
    let numeric: Vec<bool> = (0..table.columns.len())
        .map(|column| rows.iter().any(|row| is_number(&row.cells[column])))
        .collect();
    html! {
        div.table id={ "t-" (table.name) } {
            h3 { (table.title) }
            @if !table.note.is_empty() {
                p.faint { (table.note) }
            }
            @if !table.find.is_empty() {
                p.faint {
                    "The messages behind a line"
                    (if table.finds_more { " are among: " } else { ": " })
                    code { "waybill find LOGS " (table.find) }
                }
            }
            @if rows.len() >= FILTER_FROM {
                label.filter {
                    "Filter "
                    input type="search" autocomplete="off" spellcheck="false";
                    " " output aria-live="polite" {}
                }
            }
            div.scroll tabindex="0" role="region" aria-label=(table.title) {
                table {
                    thead {
                        tr {
                            @for (column, number) in table.columns.iter().zip(&numeric) {
                                th scope="col" class=[number.then_some("n")] {
                                    button type="button" { (column) }
                                }
                            }
                            @if traced {
                                th.trace scope="col" { "trace" }
                            }
                        }
                    }
                    tbody {
                        @for row in rows {
                            (line(row, traced.then_some((whose, zone))))
                        }
                    }
                }
            }
            @if rows.len() < table.rows.len() {
                p.cut {
                    "The first " (grouped(rows.len() as i64)) " of " (grouped(table.rows.len() as i64))
                    " lines. All of them: " code { "waybill report --format csv" } ", file "
                    code { (table.name) ".csv" } "."
                }
            }
        }
    }
}

fn line(row: &Row, traced: Option<(&str, &TimeZone)>) -> Markup {
    html! {
        tr {
            @for cell in &row.cells {
                (self::cell(cell))
            }
            @if let Some((whose, zone)) = traced {
                td.trace { (messages(&row.examples, whose, zone)) }
            }
        }
    }
}

/// A number carries its plain value, by which the script sorts.
fn cell(cell: &Cell) -> Markup {
    let (value, shown) = match cell {
        Cell::None => return html! { td { } },
        Cell::Text(text) => {
            let text = self::shown(text);
            return html! { td { bdi { (text) } } };
        }
        Cell::Time(time) => {
            return html! { td.t { (moment(time)) } };
        }
        Cell::Count(count) => (*count as f64, grouped(*count)),
        Cell::Bytes(bytes) => (*bytes as f64, size(*bytes)),
        Cell::Millis(ms) => (*ms as f64, duration((*ms).max(0) as u64)),
        Cell::Share(share) => (*share, format!("{:.1} %", 100.0 * share)),
    };
    html! { td.n data-v=(value) { (shown) } }
}

/// A time as people write it: `2026-03-02T09:00:00+00:00` is `2026-03-02 09:00`.
fn moment(time: &str) -> String {
    let time = time.replace('T', " ");
    let time = time.strip_suffix("+00:00").unwrap_or(&time);
    let is_hour = time.len() == "2026-03-02 09:00:00".len();
    time.strip_suffix(":00")
        .filter(|_| is_hour)
        .unwrap_or(time)
        .to_string()
}

fn is_number(cell: &Cell) -> bool {
    !matches!(cell, Cell::None | Cell::Text(_) | Cell::Time(_))
}

/// The messages that a figure can be traced to.
pub fn examples(messages: &[Message], zone: &TimeZone) -> Markup {
    self::messages(messages, "for example", zone)
}

fn messages(messages: &[Message], whose: &str, zone: &TimeZone) -> Markup {
    html! {
        @if !messages.is_empty() {
            details {
                summary { (whose) }
                @for message in messages {
                    dl {
                        dt { "message" } dd { code { bdi { (shown(&message.message_id)) } } }
                        dt { "from" } dd { bdi { (shown(&message.sender)) } }
                        @if let Some(recipient) = &message.recipient {
                            dt { "to" } dd { bdi { (shown(recipient)) } }
                        }
                        dt { "subject" } dd { bdi { (shown(&message.subject)) } }
                        dt { "at" } dd { (moment(&in_zone(&message.first_seen, zone))) }
                        @if let Some(reason) = &message.reason {
                            dt { "reason" } dd { bdi { (shown(reason)) } }
                        }
                        @let path = message.path_in_words();
                        @if !path.is_empty() {
                            dt { "path" } dd { bdi { (shown(&path)) } }
                        }
                        @if let Some(row) = &message.row {
                            dt { "row" } dd { code { (shown(row)) } }
                        }
                    }
                }
            }
        }
    }
}
