//! How the rows of a stretch of a file are to be read.
//!
//! In: the bytes of a file. Out: [`Layout`], told by content, and where its records begin and end.

use std::ops::Range;

use bstr::BString;

use super::{exchange55, exchange2000, foreign, modern, online, trackhistory};
use crate::input::Assumed;
use crate::time::Time;

/// The number of every layout that comes when all numbers are given away. An organisation has a dozen layouts in all its
/// years, and a number is a byte in each of a hundred million rows.
pub const REFUSED: u8 = u8::MAX;

/// A layout's number in a list; a new one is put at the end. `None`: the list is full.
pub fn number(layouts: &mut Vec<Layout>, layout: &Layout) -> Option<u8> {
    let numbered = layouts.iter().take(usize::from(REFUSED));
    if let Some(known) = numbered.enumerate().find(|(_, known)| *known == layout) {
        return Some(known.0 as u8);
    }
    let next = layouts.len();
    (next < usize::from(REFUSED)).then(|| {
        layouts.push(layout.clone());
        next as u8
    })
}

/// How the rows of a stretch of a file are to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Exchange 2007 and later.
    Modern(modern::Schema),
    /// Exchange 4.0, 5.0 and 5.5.
    Exchange55,
    /// Exchange 2000 and 2003.
    Exchange2000(exchange2000::Schema),
    /// TrackHistory XML.
    TrackHistory(trackhistory::Document),
    /// Postfix, Exim, Sendmail.
    Foreign(foreign::Schema),
    /// Message traces of Exchange Online.
    Online(online::Schema),
}

impl Layout {
    /// The layout that records have in the log they are from: a track history holds those of others, too.
    pub fn own(&self) -> &Layout {
        match self {
            Layout::TrackHistory(document) => document.of.as_deref().unwrap_or(self),
            layout => layout,
        }
    }

    /// Whether it is of Exchange 2003 or older.
    pub fn is_legacy(&self) -> bool {
        match self.own() {
            Layout::Exchange55 | Layout::Exchange2000(_) | Layout::TrackHistory(_) => true,
            Layout::Modern(_) | Layout::Foreign(_) | Layout::Online(_) => false,
        }
    }

    /// Whether it is a text log of Exchange 2003 or older, which holds no rows of other logs.
    pub fn is_old_text(&self) -> bool {
        matches!(self, Layout::Exchange55 | Layout::Exchange2000(_))
    }

    /// Whether it is of a message trace of Exchange Online.
    pub fn is_online(&self) -> bool {
        matches!(self.own(), Layout::Online(_))
    }

    /// Whether it is of a detailed export of Exchange Online.
    pub fn is_online_detail(&self) -> bool {
        matches!(self.own(), Layout::Modern(schema) if schema.is_online())
    }

    /// Whether it is of Postfix, Exim or Sendmail.
    pub fn is_foreign(&self) -> bool {
        matches!(self.own(), Layout::Foreign(_))
    }

    /// Whether some of its records may lead to those of other hosts, or come from there.
    pub fn leads_on(&self) -> bool {
        match self {
            Layout::TrackHistory(document) => document.leads_on,
            layout => layout.is_foreign() || layout.is_online() || layout.is_online_detail(),
        }
    }
}

impl Layout {
    /// The name shown: dialect and version.
    pub fn name(&self) -> &'static str {
        match self {
            Layout::Modern(schema) => schema.name,
            Layout::Exchange55 => exchange55::NAME,
            Layout::Exchange2000(schema) => schema.name,
            Layout::TrackHistory(_) => trackhistory::NAME,
            Layout::Foreign(schema) => schema.name(),
            Layout::Online(schema) => schema.name,
        }
    }
}

/// The layout of a record that stands by itself, by the name of its dialect and what [`Verbatim`](crate::event::Verbatim)
/// keeps of its log's header.
pub fn layout_of(dialect: &str, header: &str) -> Option<Layout> {
    match dialect.split('/').next()? {
        "modern" => modern::Schema::named(dialect, header).map(Layout::Modern),
        "online" if dialect == "online/detail" => {
            modern::Schema::named(dialect, header).map(Layout::Modern)
        }
        "online" => online::Schema::named(header).map(Layout::Online),
        program => foreign::Schema::named(program, header).map(Layout::Foreign),
    }
}

/// What a file was told to be, by its first bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Detected {
    /// A tracking log; the layout in force at its first byte.
    Log(Layout),
    /// A file that must not be read, and why.
    Refused(String),
    /// Something else, in words: another Exchange log, or no log at all.
    Other(String),
    /// No bytes.
    Empty,
}

/// Tells a file's format by content.
pub fn detect(data: &[u8]) -> Detected {
    if data.iter().all(u8::is_ascii_whitespace) {
        return Detected::Empty;
    }
    if modern::has_header(data) {
        return modern::detect(data);
    }
    exchange2000::detect(data)
        .or_else(|| trackhistory::detect(data))
        .or_else(|| exchange55::detect(data))
        .or_else(|| foreign::detect(data))
        .or_else(|| online::detect(data))
        .unwrap_or_else(|| modern::detect(data))
}

/// Says what a file's stamps leave out, where its lines do not tell; it was written last at `written`.
pub fn assume(layout: &mut Layout, data: &[u8], assumed: &Assumed, written: Time) {
    if let Layout::Foreign(schema) = layout {
        foreign::assume(schema, data, assumed, written);
    }
}

/// Whether nothing in a file tells what its stamps leave out.
pub fn clock_is_guessed(layout: &Layout) -> bool {
    matches!(layout, Layout::Foreign(schema) if foreign::is_guessed(schema))
}

/// Seconds east of UTC of stamps that leave the zone out, if they are known for sure.
pub fn zone_offset_s(layout: &Layout) -> Option<i32> {
    match layout {
        Layout::Foreign(schema) => foreign::offset_s(schema),
        _ => None,
    }
}

/// The same layout in the zone of other files of the host, where its own is only guessed.
pub fn in_zone_of_host(layout: &Layout, offset_s: i32) -> Option<Layout> {
    match layout {
        Layout::Foreign(schema) => foreign::in_zone_of_host(schema, offset_s).map(Layout::Foreign),
        _ => None,
    }
}

/// The layout of a chunk whose stamps are this many microseconds behind the true time, if its stamps leave anything out.
pub fn shifted(layout: &Layout, data: &[u8], shift: i64) -> Option<Layout> {
    match layout {
        Layout::Foreign(schema) => foreign::shifted(schema, data, shift).map(Layout::Foreign),
        _ => None,
    }
}

/// What stamps that leave out year or zone, or may be read two ways, are read by, in words; `None` where stamps say all.
pub fn clock_words(layout: &Layout) -> Option<String> {
    match layout {
        Layout::Foreign(schema) if schema.needs_clock() => Some(foreign::clock_words(schema)),
        Layout::Online(schema) => schema.clock_words().map(str::to_owned),
        _ => None,
    }
}

/// Whether a file holds as many rows as one export of Exchange Online can: what is beyond was left out silently.
pub fn is_at_limit(layout: &Layout, data: &[u8]) -> bool {
    let is_export = match layout {
        Layout::Online(_) => true,
        Layout::Modern(schema) => schema.is_online(),
        _ => false,
    };
    let lines = || memchr::memchr_iter(b'\n', data.trim_ascii_end()).count();
    is_export && lines() == online::MAX_ROWS
}

/// The server that wrote a file, where many rows do not name it; `name` is the file's. Empty: rows do.
pub fn file_server(layout: &Layout, data: &[u8], name: &str) -> BString {
    match layout {
        Layout::Exchange55 => exchange55::server(data, name),
        Layout::Foreign(schema) => foreign::file_server(schema, data, name),
        _ => BString::default(),
    }
}

/// Whether all rows of a file are of one server that they do not name.
pub fn has_one_server(layout: &Layout) -> bool {
    matches!(layout, Layout::Foreign(schema) if schema.form == foreign::Form::Exim)
}

/// Where to begin reading at or behind `from`: the first byte of a record or header line, or the end.
pub fn next_record(layout: &Layout, data: &[u8], from: usize) -> usize {
    match layout {
        Layout::Modern(_) => modern::next_record(data, from),
        Layout::Exchange55 => exchange55::next_record(data, from),
        Layout::Exchange2000(schema) => exchange2000::next_record(schema, data, from),
        Layout::TrackHistory(_) => trackhistory::next_record(data, from),
        Layout::Foreign(schema) => foreign::next_record(schema, data, from),
        Layout::Online(schema) => online::next_record(schema, data, from),
    }
}

/// The first byte at or behind `from` of a line that may have a time stamp of its own.
pub fn next_stamp(layout: &Layout, data: &[u8], from: usize) -> usize {
    match layout {
        Layout::Foreign(schema) => foreign::next_line(schema, data, from),
        layout => next_record(layout, data, from),
    }
}

/// The first byte of the record that holds the byte `at`.
pub fn record_start(layout: &Layout, data: &[u8], at: usize) -> usize {
    match layout {
        Layout::Modern(_) => modern::record_start(data, at),
        _ => 0, // never searched
    }
}

/// Header lines that bind this layout, so that rows can be kept apart from their file; `None` where rows do not stand
/// by themselves.
pub fn header(layout: &Layout) -> Option<Vec<u8>> {
    match layout {
        Layout::Modern(schema) if stands_alone(layout) => Some(schema.header()),
        _ => None,
    }
}

/// Whether rows of this layout can be kept apart from their file.
pub fn stands_alone(layout: &Layout) -> bool {
    matches!(layout, Layout::Modern(schema) if !schema.is_online())
}

/// Where the last whole record at or behind `from` ends: what follows was not yet written to its end.
pub fn whole(layout: &Layout, data: &[u8], from: usize) -> usize {
    match layout {
        Layout::Modern(_) => modern::whole(data, from),
        Layout::Exchange55 => exchange55::whole(data, from),
        Layout::TrackHistory(_) => data.len(),
        _ => memchr::memrchr(b'\n', &data[from..]).map_or(from, |at| from + at + 1),
    }
}

/// Whether every row of a message holds its Message-ID or network-message-id as it stands.
pub fn is_searchable(layout: &Layout) -> bool {
    match layout {
        Layout::Modern(_) => true,
        // Messages go by several ids, and each in several forms.
        _ => false,
    }
}

/// Whether reading a chunk tells the layout in force behind it ([`bound`](super::Yield::bound)).
pub fn binds_while_reading(layout: &Layout) -> bool {
    matches!(layout, Layout::Modern(_))
}

/// Whether header lines in the midst of a log may bind another layout.
pub fn has_headers(layout: &Layout) -> bool {
    matches!(layout, Layout::Modern(_) | Layout::Exchange2000(_))
}

/// The layout in force behind `range`, if a header line in it binds another than `layout`.
pub fn layout_at(layout: &Layout, data: &[u8], range: Range<usize>) -> Option<Layout> {
    match layout {
        Layout::Modern(schema) => modern::schema_behind(&data[range], schema).map(Layout::Modern),
        Layout::Exchange2000(schema) => {
            exchange2000::last_schema(&data[range], schema).map(Layout::Exchange2000)
        }
        Layout::Exchange55 | Layout::TrackHistory(_) => None,
        // The clock is told anew by every chunk's own lines: see `layout_from`.
        Layout::Foreign(_) | Layout::Online(_) => None,
    }
}

/// The layout of a chunk, where its own first lines tell something about it.
pub fn layout_from(
    (before, start): (&Layout, usize),
    data: &[u8],
    range: Range<usize>,
) -> Option<Layout> {
    match before {
        Layout::Foreign(schema) => Some(foreign::layout_at(schema, data, start, range)),
        _ => None,
    }
}

/// The layout of a stretch whose header was not looked for, by the number of columns its rows have.
pub fn layout_by_rows(layout: &Layout, data: &[u8]) -> Layout {
    match layout {
        Layout::Modern(schema) => Layout::Modern(modern::schema_by_rows(schema, data)),
        layout => layout.clone(),
    }
}

/// Time of the first row at or behind `from`.
pub fn time_at(layout: &Layout, data: &[u8], from: usize) -> Option<Time> {
    match layout {
        Layout::Modern(_) => modern::time_at(data, from),
        Layout::Exchange55 => exchange55::time_at(data, from),
        Layout::Exchange2000(schema) => exchange2000::time_at(schema, data, from),
        Layout::TrackHistory(_) => trackhistory::time_at(data, from),
        Layout::Foreign(schema) => foreign::time_at(schema, data, from),
        Layout::Online(schema) => online::time_at(schema, data, from),
    }
}
