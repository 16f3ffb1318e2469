//! `find`: one line per message, to pick the one to trace.
//!
//! In: a [`Path`] and the width of the terminal, if it is one. Out: a line of columns. On a terminal the
//! columns share the width and long texts are cut; elsewhere the last column, the Message-ID, is whole,
//! so that `trace --message-id` can take it.

use crate::figures;
use crate::inert::{columns, terminal};
use crate::output::{Context, clock, words};
use crate::path::{Fate, Path, Status};

/// Widths of the columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// 19 with the year, 14 without.
    time: usize,
    /// 16 for `partly delivered`, 11 where that is only `partly`.
    status: usize,
    route: usize,
    subject: usize,
    /// `None` writes the Message-ID whole.
    id: Option<usize>,
}

/// `999.9 kB`
const SIZE: usize = 8;
/// Between two columns.
const GAP: usize = 2;

impl Layout {
    /// Shares what the narrow columns leave; a terminal narrower than 80 columns gets lines of 80, and
    /// one narrower than 120 does without the year.
    pub fn new(width: Option<usize>) -> Layout {
        let Some(width) = width.map(|width| width.max(80)) else {
            return Layout {
                time: 19,
                status: 16,
                route: 60,
                subject: 50,
                id: None,
            };
        };
        let (time, status) = if width < 120 { (14, 11) } else { (19, 16) };
        let free = width - time - status - SIZE - 5 * GAP;
        let (route, id) = (free * 2 / 5, free / 4);
        Layout {
            time,
            status,
            route,
            subject: free - route - id,
            id: Some(id),
        }
    }

    fn has_year(&self) -> bool {
        self.time == 19
    }
}

/// Appends the names of the columns.
pub fn header(out: &mut Vec<u8>, layout: Layout, zone: &jiff::tz::TimeZone) {
    let zone = if *zone == jiff::tz::TimeZone::UTC {
        "UTC"
    } else {
        zone.iana_name().unwrap_or("local")
    };
    cell(out, format!("SEEN {zone}").as_bytes(), layout.time);
    cell(out, b"STATUS", layout.status);
    cell(out, b"FROM > TO", layout.route);
    cell(out, b"SUBJECT", layout.subject);
    cell(out, b"    SIZE", SIZE);
    let id = terminal(b"MESSAGE-ID", layout.id.unwrap_or(usize::MAX));
    out.extend_from_slice(format!("{id}\n").as_bytes());
}

/// Appends the message's line.
pub fn write(out: &mut Vec<u8>, path: &Path, layout: Layout, context: &Context) {
    let seen = clock::date_second(path.first_seen, context.zone);
    let status = match path.status {
        Status::PartlyDelivered if !layout.has_year() => "partly",
        _ => words::short_outcome(path),
    };
    let size = match path.size_bytes {
        0 => String::new(),
        bytes => figures::size(bytes as i64),
    };
    let without_year = if layout.has_year() { 0 } else { "2026-".len() };
    cell(out, &seen.as_bytes()[without_year..], layout.time);
    cell(out, status.as_bytes(), layout.status);
    cell(out, route(path, layout.route).as_bytes(), layout.route);
    cell(out, path.subject, layout.subject);
    cell(out, format!("{size:>SIZE$}").as_bytes(), SIZE);
    out.extend_from_slice(terminal(path.message_id, layout.id.unwrap_or(usize::MAX)).as_bytes());
    while out.last() == Some(&b' ') {
        out.pop();
    }
    out.push(b'\n');
    if context.evidence {
        evidence(out, path, context);
    }
}

/// Under the message, each recipient's fate with the row that proves it.
fn evidence(out: &mut Vec<u8>, path: &Path, context: &Context) {
    for recipient in &path.recipients {
        let address = terminal(&recipient.address.to_ascii_lowercase(), 320);
        let place = recipient.place.map(context.place);
        let place = place.unwrap_or_else(|| "no row".to_string());
        let place = terminal(place.as_bytes(), 1000);
        let fate = recipient.fate.word();
        out.extend_from_slice(format!("  {address} {fate} {place}\n").as_bytes());
    }
}

/// `alice@contoso.com > bob@contoso.com +2`: the first one addressed, and how many people there are besides;
/// lists and forwarders count for nobody. Both addresses are cut before the number is.
fn route(path: &Path, width: usize) -> String {
    let stands_for_others = |fate| matches!(fate, Fate::Expanded | Fate::Redirected);
    let people = path
        .recipients
        .iter()
        .filter(|r| !stands_for_others(r.fate))
        .count();
    let (first, others) = match path.recipients.first() {
        None => (Vec::new(), 0),
        Some(r) => {
            let itself = usize::from(!stands_for_others(r.fate));
            (r.address.to_ascii_lowercase(), people - itself)
        }
    };
    let others = if others > 0 {
        format!(" +{others}")
    } else {
        String::new()
    };
    let sender = if path.sender.is_empty() {
        path.return_path
    } else {
        path.sender
    };
    let free = width.saturating_sub(" > ".len() + others.len());
    let whole = terminal(sender, free);
    // The sender gives way to half the room, the recipient takes what the sender leaves.
    let first = person(&first, free - columns(&whole).min(free / 2));
    let sender = person(sender, free - columns(&first));
    format!("{sender} > {first}{others}")
}

/// An address in so many columns. Of a distinguished name the end tells who it is: `…/cn=ADA`.
fn person(address: &[u8], width: usize) -> String {
    let whole = terminal(address, width);
    let is_cut = terminal(address, width + 1) != whole;
    match memchr::memrchr(b'/', address) {
        Some(last) if is_cut && address[0] == b'/' && width > 1 => {
            format!("…{}", terminal(&address[last..], width - 1))
        }
        _ => whole,
    }
}

/// One column; what goes in is harmless or made so.
fn cell(out: &mut Vec<u8>, text: &[u8], width: usize) {
    let shown = terminal(text, width);
    out.extend_from_slice(shown.as_bytes());
    let blanks = width.saturating_sub(columns(&shown)) + GAP;
    out.extend(std::iter::repeat_n(b' ', blanks));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::example::{hostile, hostile_texts, path};
    use crate::output::testing::{UTC, is_inert};
    use bstr::ByteSlice;

    #[test]
    fn of_a_distinguished_name_the_end_is_shown() {
        let name = b"/o=FJORD/ou=HARBOUR/cn=Recipients/cn=ADA";
        assert_eq!(person(name, 40).as_bytes(), name);
        assert_eq!(person(name, 39), "…/cn=ADA");
        assert_eq!(person(name, 6), "…/cn=…");
        assert_eq!(person(b"ada.acker@example.com", 8), "ada.ack…");
        assert_eq!(person(b"", 5), "");
    }

    fn table(path: &Path, width: Option<usize>) -> String {
        let mut out = Vec::new();
        header(&mut out, Layout::new(width), &jiff::tz::TimeZone::UTC);
        write(&mut out, path, Layout::new(width), &UTC);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_line_for_a_terminal_and_for_a_file() {
        let want = "\
SEEN UTC        STATUS       FROM > TO               SUBJECT                    SIZE  MESSAGE-ID
03-01 09:14:02  partly       alice@c… > team@co… +5  Quarterly \"figures\",…   12.3 kB  <Q1@contoso.c…
";
        assert_eq!(table(&path(), Some(100)), want);
        let table = table(&path(), None);
        let line = table.lines().nth(1).unwrap();
        let route = "alice@contoso.com > team@contoso.com +5 ";
        let start = format!("2026-03-01 09:14:02  partly delivered  {route}");
        assert!(line.starts_with(&start), "{line}");
        assert!(
            line.contains("  Quarterly \"figures\", für alle  "),
            "{line}"
        );
        assert!(line.ends_with(" 12.3 kB  <Q1@contoso.com>"), "{line}");
    }

    #[test]
    fn lines_keep_to_the_width_and_stay_inert() {
        for text in hostile_texts() {
            for width in [20, 80, 100, 200] {
                let table = table(&hostile(text), Some(width));
                assert!(
                    table.lines().all(|line| columns(line) <= width.max(80)),
                    "{table}"
                );
                assert!(is_inert(&table) && table.lines().count() == 2);
            }
            assert!(is_inert(&table(&hostile(text), None)));
        }
    }

    #[test]
    fn elsewhere_the_message_id_is_whole() {
        let mut path = path();
        let id = format!("<{}@contoso.com>", "x".repeat(300));
        path.message_id = id.as_bytes().as_bstr();
        assert!(table(&path, None).ends_with(&format!("{id}\n")));
    }
}
