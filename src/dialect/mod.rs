//! Which format a file has, and the way from its bytes to rows and from rows to events.
//!
//! In: the bytes of a file or chunk. Out: [`Detected`], [`Yield`], [`Event`], [`Record`]. One folder per format
//! stands beside this file; a new format is a new folder, a variant of [`Layout`] and a line in each `match` below.

pub mod exchange2000;
pub mod exchange55;
pub mod exim;
pub mod foreign;
pub mod legacy;
pub mod modern;
pub mod online;
pub mod postfix;
pub mod sendmail;
pub mod trackhistory;

use std::collections::BTreeMap;
use std::ops::Range;

use bstr::{BStr, BString};
use bumpalo::Bump;

use crate::event::{Event, Record, Role};
use crate::fault::{Faults, Reason};
use crate::input::Assumed;
use crate::keys::Keys;
use crate::row::{KeyKind, Row};
use crate::servers::{Seen, Servers};
use crate::time::Time;

/// A record longer than this with an open quote is damage, not data. Real rows stay under 3 kB
/// (`formats/modern.md` section 1); a message to 100,000 recipients needs about 3 MB.
pub const MAX_RECORD_BYTES: usize = 64 << 20;

/// Rows go to one of these many shards by key, so that messages can be built side by side.
pub const SHARDS: usize = 64;

/// The shard of a key.
#[inline]
pub fn shard(key: u64) -> usize {
    (key >> 58) as usize
}

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
    /// Whether it is of Exchange 2003 or older.
    pub fn is_legacy(&self) -> bool {
        match self {
            Layout::Exchange55 | Layout::Exchange2000(_) => true,
            Layout::TrackHistory(document) => document.newer.is_none(),
            Layout::Modern(_) | Layout::Foreign(_) | Layout::Online(_) => false,
        }
    }

    /// Whether it is of a message trace of Exchange Online.
    pub fn is_online(&self) -> bool {
        matches!(self, Layout::Online(_))
    }

    /// Whether it is of Postfix, Exim or Sendmail.
    pub fn is_foreign(&self) -> bool {
        matches!(self, Layout::Foreign(_))
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

/// The layout of a chunk whose stamps are this many microseconds behind the true time, if its stamps leave anything out.
pub fn shifted(layout: &Layout, data: &[u8], shift: i64) -> Option<Layout> {
    match layout {
        Layout::Foreign(schema) => foreign::shifted(schema, data, shift).map(Layout::Foreign),
        _ => None,
    }
}

/// What stamps without year or zone are read by, in words; `None` where stamps say all.
pub fn clock_words(layout: &Layout) -> Option<String> {
    match layout {
        Layout::Foreign(schema) if schema.needs_clock() => {
            Some(foreign::clock_words(&schema.clock))
        }
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
        Layout::Modern(schema) if !schema.is_online() => Some(schema.header()),
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

/// Whether reading a chunk tells the layout in force behind it ([`Yield::bound`]).
pub fn binds_while_reading(layout: &Layout) -> bool {
    matches!(layout, Layout::Modern(_))
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

/// A stretch of a file that begins and ends at record borders.
#[derive(Clone, Copy, Debug)]
pub struct Slice<'d> {
    pub data: &'d [u8],
    /// The chunk's number, for its rows.
    pub chunk: u32,
    pub file: u32,
    /// Where the stretch begins in its file.
    pub start: u64,
    /// Whether the file ends with it.
    pub ends_file: bool,
    /// The server that wrote the file, for rows that do not name it.
    pub server: &'d BStr,
    /// Whether rows without any id are kept, for commands that show single rows.
    pub keep_loose: bool,
}

#[cfg(test)]
impl<'d> Slice<'d> {
    /// A stretch of a file in memory that `server` wrote, all of whose rows are kept.
    pub fn of(data: &'d [u8], range: Range<usize>, server: &'d str) -> Slice<'d> {
        Slice {
            data: &data[range.clone()],
            chunk: 0,
            file: 0,
            start: range.start as u64,
            ends_file: range.end == data.len(),
            server: BStr::new(server),
            keep_loose: true,
        }
    }
}

/// What a chunk is looked through for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aim {
    /// All its rows.
    Rows,
    /// Its first row.
    First,
    /// Identifiers that rows prove to be of one message: no rows.
    Ties,
}

/// What one chunk gave.
#[derive(Default)]
pub struct Yield {
    /// Rows by shard; those without any id are not among them.
    pub shards: Vec<Vec<Row>>,
    pub rows: u64,
    /// The file they stand in; set by the pipeline.
    pub file: u32,
    /// Rows that carry no identifier at all.
    pub rows_without_id: u64,
    /// Those rows, if they were asked for.
    pub loose: Vec<Row>,
    /// Keys of two identifiers that one row gives to one message.
    pub ties: Vec<(u64, u64)>,
    /// Keys of rows, where only ties were looked for.
    pub keys: Vec<u64>,
    /// Rows about reports; where they belong is known only after all rows were seen.
    pub reports: Vec<ReportRow>,
    pub faults: Faults,
    pub events: EventCounts,
    pub seen: Seen,
    /// Layouts met, in order; rows name theirs by index.
    pub layouts: Vec<Layout>,
    /// First and last time of a row.
    pub span: Option<(Time, Time)>,
    /// Rows of other logs inside this file.
    pub passed_over: u64,
    /// What rows say about records of other hosts.
    pub hops: foreign::hop::Hops,
    /// Lines of the chunk, where they were counted anyway.
    pub lines: Option<u64>,
    /// The layout that the last header line in it bound, for what follows it in the file.
    pub bound: Option<Layout>,
}

impl Yield {
    /// Keeps the rows alone: an earlier run has counted them.
    pub fn forget_counts(&mut self) {
        (self.rows, self.rows_without_id, self.passed_over) = (0, 0, 0);
        (self.faults, self.events) = (Faults::default(), EventCounts::default());
        self.span = None;
        self.seen.forget_counts();
    }

    /// Takes out the rows before `time`, and returns how many there were.
    pub fn leave_out_before(&mut self, time: Time) -> u64 {
        let late = |row: &mut Row| row.time < time;
        let shards = self.shards.iter_mut();
        let rows: usize = shards.map(|rows| rows.extract_if(.., late).count()).sum();
        let reports = self.reports.extract_if(.., |report| report.row.time < time);
        (rows + reports.count()) as u64
    }

    /// Takes out all rows, those without any id and those about reports among them.
    pub fn take_rows(&mut self) -> Vec<Row> {
        let mut rows = std::mem::take(&mut self.loose);
        rows.extend(
            std::mem::take(&mut self.reports)
                .iter()
                .map(|report| report.row),
        );
        rows.extend(std::mem::take(&mut self.shards).into_iter().flatten());
        rows
    }

    /// The chunk's number of a layout; a new one gets the next number, or [`REFUSED`].
    pub fn number(&mut self, layout: Layout) -> u8 {
        number(&mut self.layouts, &layout).unwrap_or_else(|| {
            if self.layouts.len() == usize::from(REFUSED) {
                // It stands for all that have no number, until their rows are taken out.
                self.layouts.push(layout);
            }
            REFUSED
        })
    }

    /// Takes out the rows whose layout `is_refused`, and notes each as a bad row; `start`: the chunk's first byte.
    pub fn refuse(&mut self, is_refused: impl Fn(u8) -> bool, start: u64) {
        let refused = |row: &mut Row| is_refused(row.layout);
        let mut out: Vec<Row> = self.loose.extract_if(.., refused).collect();
        self.rows_without_id -= out.len() as u64;
        let shards = self.shards.iter_mut();
        out.extend(shards.flat_map(|rows| rows.extract_if(.., refused)));
        let reports = self
            .reports
            .extract_if(.., |report| refused(&mut report.row));
        out.extend(reports.map(|report| report.row));
        // A line about two records gives two rows.
        out.sort_unstable_by_key(|row| row.offset);
        out.dedup_by_key(|row| row.offset);
        self.rows -= out.len() as u64;
        for row in out {
            let place = row.place(self.file, start);
            self.faults.add(Reason::TooManyLayouts, place);
        }
    }
}

/// A row that names a report and the message the report is about, in an order that logs do not agree on.
#[derive(Clone, Copy, Debug)]
pub struct ReportRow {
    /// Under the first identifier.
    pub row: Row,
    /// Key of the second; 0: none.
    pub second: u64,
}

/// How many rows each (source, event) had: (count, whether the table knows both).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventCounts(pub BTreeMap<(BString, BString), (u64, bool)>);

impl EventCounts {
    /// Lines of syslog files that other programs wrote: no rows.
    pub fn passed_over(&self) -> u64 {
        let (source, event) = foreign::events::PASSED_OVER;
        let name = (BString::from(source), BString::from(event));
        self.0.get(&name).map_or(0, |(count, _)| *count)
    }

    /// Adds another worker's counts.
    pub fn merge(&mut self, other: EventCounts) {
        for (name, (count, known)) in other.0 {
            let mine = self.0.entry(name).or_insert((0, known));
            mine.0 += count;
        }
    }
}

/// Finds the rows of a chunk.
pub fn parse(slice: Slice<'_>, layout: &Layout, keys: &Keys) -> Yield {
    match layout {
        Layout::Modern(schema) => modern::parse(slice, schema, keys, false),
        Layout::Foreign(schema) => foreign::parse(slice, schema, keys, false),
        Layout::Online(schema) => online::parse(slice, schema, keys, false),
        layout => parse_legacy(slice, layout, keys, Aim::Rows),
    }
}

/// Finds what ties identifiers in a chunk: `ties`, `keys`, `reports` and `hops` of the yield; rows only where they tell.
pub fn ties(slice: Slice<'_>, layout: &Layout, keys: &Keys) -> Yield {
    match layout {
        Layout::Modern(_) | Layout::Foreign(_) | Layout::Online(_) => parse(slice, layout, keys),
        layout => parse_legacy(slice, layout, keys, Aim::Ties),
    }
}

fn parse_legacy(slice: Slice<'_>, layout: &Layout, keys: &Keys, aim: Aim) -> Yield {
    match layout {
        Layout::Exchange55 => exchange55::parse(slice, keys, aim),
        Layout::Exchange2000(schema) => exchange2000::parse(slice, schema, keys, aim),
        Layout::TrackHistory(document) => trackhistory::parse(slice, document, keys, aim),
        Layout::Modern(_) | Layout::Foreign(_) | Layout::Online(_) => Yield::default(),
    }
}

/// Notes what Exchange's rows say about records of other programs: which copies they opened, and which queue ids the
/// receivers of their messages named. Asked for only where logs of other programs are read, too.
pub fn note_exchange_hops(found: &mut Yield, slice: Slice<'_>, keys: &Keys) {
    let is_exchange = |layout: &Layout| matches!(layout, Layout::Modern(_));
    if !found.layouts.iter().any(is_exchange) {
        return;
    }
    let servers = Servers::default();
    let mut arena = Bump::new();
    let mut hops = std::mem::take(&mut found.hops);
    for row in found.shards.iter().flatten() {
        let around = Surroundings {
            data: slice.data,
            file: slice.file,
            start: slice.start,
            layouts: &found.layouts,
            servers: &servers,
            keys,
            full: true,
            arena: &arena,
        };
        let Layout::Modern(schema) = &around.layouts[usize::from(row.layout)] else {
            continue;
        };
        let host = match schema.is_online() {
            true => BStr::new(online::SERVER),
            false => found.seen.name(row.server),
        };
        if matches!(row.role, Role::Receive | Role::Send | Role::Leave) && row.kind != KeyKind::Copy
        {
            let event = event(row, &around);
            foreign::hop::of_exchange(row, &event, host, keys, &mut hops);
        }
        arena.reset();
    }
    found.hops = hops;
}

/// Finds one row again, at the first byte of `slice`, and the server it is about.
pub fn reread(slice: Slice<'_>, layout: &Layout, keys: &Keys) -> Option<(Row, BString)> {
    let found = match layout {
        Layout::Modern(schema) => modern::parse(slice, schema, keys, true),
        Layout::Foreign(schema) => foreign::parse(slice, schema, keys, true),
        Layout::Online(schema) => online::parse(slice, schema, keys, true),
        layout => parse_legacy(slice, layout, keys, Aim::First),
    };
    let of_report = found.reports.first().map(|report| &report.row);
    // A line about two records gives two rows; the first is that of the line's own.
    let rows = || found.shards.iter().flatten();
    let own = rows().find(|row| row.kind != KeyKind::Second);
    let row = *own.or(rows().next()).or(of_report)?;
    Some((row, found.seen.name(row.server).to_owned()))
}

/// What decoding needs to know beside the row itself.
#[derive(Clone, Copy)]
pub struct Surroundings<'d> {
    /// The chunk's bytes.
    pub data: &'d [u8],
    pub file: u32,
    pub start: u64,
    pub layouts: &'d [Layout],
    pub servers: &'d Servers,
    pub keys: &'d Keys,
    /// Whether everything is wanted of a row, not only what fates need.
    pub full: bool,
    /// Where text goes that is not in the log as it stands (unquoted, unescaped).
    pub arena: &'d Bump,
}

/// Understands a row.
pub fn event<'d>(row: &Row, around: &Surroundings<'d>) -> Event<'d> {
    match &around.layouts[usize::from(row.layout)] {
        Layout::Modern(schema) => modern::event(row, schema, around),
        Layout::Foreign(schema) => foreign::event(row, schema, around),
        Layout::Online(schema) => online::event(row, schema, around),
        Layout::TrackHistory(document) if document.newer.is_some() => {
            let was = trackhistory::was(row, document, around);
            modern::event(&was.row, was.schema, &was.around)
        }
        layout => legacy::event(&entry(row, layout, around), row, around),
    }
}

/// A legacy row by its columns.
fn entry<'d>(row: &Row, layout: &'d Layout, around: &Surroundings<'d>) -> legacy::Entry<'d> {
    let from = row.offset as usize;
    let bytes = &around.data[from..from + row.len as usize];
    match layout {
        Layout::Exchange55 => exchange55::entry(row, bytes, around.arena),
        Layout::Exchange2000(schema) => exchange2000::entry(row, bytes, schema, around.arena),
        Layout::TrackHistory(document) => trackhistory::entry(bytes, document, around.arena),
        Layout::Modern(_) | Layout::Foreign(_) | Layout::Online(_) => {
            unreachable!("only legacy rows have their columns")
        }
    }
}

/// A row with every column by name.
pub fn record<'d>(row: &Row, around: &Surroundings<'d>) -> Record<'d> {
    match &around.layouts[usize::from(row.layout)] {
        Layout::Modern(schema) => modern::record(row, schema, around),
        Layout::Foreign(schema) => foreign::record(row, schema, around),
        Layout::Online(schema) => online::record(row, schema, around),
        Layout::TrackHistory(document) if document.newer.is_some() => {
            let was = trackhistory::was(row, document, around);
            modern::record(&was.row, was.schema, &was.around)
        }
        layout => legacy::record(&entry(row, layout, around), row, around),
    }
}

/// Whether rows of this layout name their message by an id that outlives every hop.
pub fn has_network_id(layout: &Layout) -> bool {
    match layout {
        Layout::Modern(schema) => schema.has_network_id(),
        Layout::TrackHistory(document) => document.newer == Some(true),
        Layout::Online(_) => true,
        _ => false,
    }
}

/// Whether rows of this layout may carry two identifiers, or tell of reports.
pub fn has_ties(layout: &Layout) -> bool {
    // Those of Postfix, Exim and Sendmail may lead to and from any other log.
    !matches!(layout, Layout::Modern(_))
}

/// Message-ID of a row, as logged.
pub fn message_id<'d>(row: &Row, around: &Surroundings<'d>) -> &'d BStr {
    match &around.layouts[usize::from(row.layout)] {
        Layout::Modern(schema) => modern::message_id(row, schema, around),
        Layout::Foreign(schema) => foreign::event(row, schema, around).message_id.text(),
        Layout::Online(schema) => online::event(row, schema, around).message_id.text(),
        Layout::TrackHistory(document) if document.newer.is_some() => {
            entry(row, &around.layouts[usize::from(row.layout)], around).id
        }
        layout => {
            let entry = entry(row, layout, around);
            if row.kind == KeyKind::Second {
                entry.about
            } else {
                entry.id
            }
        }
    }
}

/// The id of a row's copy on its server, as logged.
pub fn internal_id<'d>(row: &Row, around: &Surroundings<'d>) -> &'d BStr {
    match &around.layouts[usize::from(row.layout)] {
        Layout::Modern(schema) => modern::internal_id(row, schema, around),
        Layout::TrackHistory(document) if document.newer.is_some() => {
            let was = trackhistory::was(row, document, around);
            modern::internal_id(&was.row, was.schema, &was.around)
        }
        _ => BStr::new(b""),
    }
}

/// A copy handed over, as the next server's reply names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HandedOver<'d> {
    pub host: &'d BStr,
    /// Its internal id there.
    pub id: &'d [u8],
    /// Over the connector inside the organisation; else the reply may be anybody's.
    pub inside: bool,
}

/// The copy that a SEND row says it handed over, whether or not the other server's rows were read.
pub fn handed_over<'d>(row: &Row, around: &Surroundings<'d>) -> Option<HandedOver<'d>> {
    match &around.layouts[usize::from(row.layout)] {
        Layout::Modern(schema) => modern::handed_over(row, schema, around),
        _ => None,
    }
}

/// Generation of the queue database that made a row's internal id, where ids tell it.
pub fn queue_generation(row: &Row, around: &Surroundings<'_>) -> Option<u64> {
    match &around.layouts[usize::from(row.layout)] {
        Layout::Modern(schema) => modern::queue_generation(row, schema, around),
        _ => None,
    }
}

/// The time that a row's log-id carries inside; `None` where there is no log-id.
pub fn stamped(row: &Row, around: &Surroundings<'_>) -> Option<Stamp> {
    match &around.layouts[usize::from(row.layout)] {
        Layout::Modern(schema) => modern::stamped(row, schema, around),
        _ => None,
    }
}

/// The time inside a log-id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stamp {
    At(Time),
    /// Not of the form that carries a time, or a time long before or after Exchange: made unrecognisable, perhaps.
    None,
}

/// One header line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'d> {
    pub name: &'d BStr,
    pub value: &'d BStr,
    /// Its first byte, and how many line breaks stand before it.
    pub at: usize,
    pub line: u32,
}

/// Header lines in a stretch between rows.
pub fn headers<'d>(layout: &Layout, between: &'d [u8]) -> Vec<Header<'d>> {
    match layout {
        Layout::Modern(_) => modern::headers(between),
        _ => Vec::new(),
    }
}

/// How a file begins and ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edges {
    pub begins: Begins,
    pub ends: Ends,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begins {
    WithHeader,
    WithRow,
    /// With something that is neither: the rest of a row, most likely.
    MidRow,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    WithLineBreak,
    /// With a row that has all its columns, but nothing behind it.
    WithoutLineBreak,
    MidRow,
}

/// Whether a file begins and ends at a record border. `layout` is in force at its end.
pub fn edges(layout: &Layout, data: &[u8]) -> Edges {
    match layout {
        Layout::Modern(schema) => modern::edges(schema, data),
        _ => Edges {
            begins: match data.first() {
                // Such files have no header to miss.
                _ if matches!(layout, Layout::Exchange55) => {
                    match exchange55::begins_record(data) {
                        true => Begins::WithHeader,
                        false => Begins::MidRow,
                    }
                }
                _ if matches!(layout, Layout::Foreign(_) | Layout::Online(_)) => Begins::WithHeader,
                Some(b'#' | b'<') => Begins::WithHeader,
                _ => Begins::WithRow,
            },
            ends: match data.ends_with(b"\n") {
                true => Ends::WithLineBreak,
                false => Ends::WithoutLineBreak,
            },
        },
    }
}

/// Whether rows of this layout have log-ids.
pub fn has_log_ids(layout: &Layout) -> bool {
    matches!(layout, Layout::Modern(_))
}

/// What is equal in two rows only if they are one row collected twice: the log-id, else the whole row.
pub fn fingerprint<'d>(row: &Row, around: &Surroundings<'d>) -> &'d [u8] {
    let log_id = match &around.layouts[usize::from(row.layout)] {
        Layout::Modern(schema) => modern::log_id(row, schema, around),
        Layout::TrackHistory(document) => return trackhistory::fingerprint(row, document, around),
        _ => BStr::new(b""),
    };
    if !log_id.is_empty() {
        return log_id;
    }
    let from = row.offset as usize;
    &around.data[from..from + row.len as usize]
}
