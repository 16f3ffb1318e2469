//! Which format a file has, and the way from its bytes to rows and from rows to events.
//!
//! In: the bytes of a file or chunk. Out: [`Detected`], [`Yield`], [`Event`], [`Record`]. One folder per format
//! stands beside this file; a new format is a new folder, a variant of [`Layout`] and a line in each `match` here, in
//! `layout` (formats told and cut) and in `evidence` (what `check` asks); `found` is what a chunk gives.

mod evidence;
pub mod exchange2000;
pub mod exchange55;
pub mod exim;
pub mod foreign;
mod found;
mod layout;
pub mod legacy;
pub mod modern;
pub mod online;
pub mod postfix;
pub mod sendmail;
pub mod trackhistory;

use bstr::{BStr, BString};
use bumpalo::Bump;

use crate::event::{Event, Record, Role};
use crate::keys::Keys;
use crate::row::{KeyKind, Row};
use crate::servers::Servers;

pub use evidence::{
    Begins, Edges, Elsewhere, Ends, Header, Named, Stamp, Teller, Told, arrived, edges, elsewhere,
    fingerprint, has_log_ids, has_parts, headers, queue_generation, stamped, told,
};
pub use found::{Aim, EventCounts, ReportRow, Slice, Yield};
pub use layout::{
    Detected, Layout, REFUSED, assume, binds_while_reading, clock_is_guessed, clock_words, detect,
    file_server, has_headers, has_one_server, header, in_zone_of_host, is_at_limit, is_searchable,
    layout_at, layout_by_rows, layout_from, layout_of, next_record, next_stamp, number,
    record_start, shifted, stands_alone, time_at, whole, zone_offset_s,
};

/// A record longer than this with an open quote is damage, not data. Real rows stay under 3 kB
/// (`formats/modern.md` section 1); a message to 100,000 recipients needs about 3 MB.
pub const MAX_RECORD_BYTES: usize = 64 << 20;

/// Rows go to one of these many shards by key, so that messages can be built side by side: enough for as many threads,
/// and few, because every chunk has room for the rows of each.
pub const SHARDS: usize = 32;

/// The shard of a key.
#[inline]
pub fn shard(key: u64) -> usize {
    (key >> (64 - SHARDS.ilog2())) as usize
}
/// Finds in a chunk what `aim` says.
pub fn parse(slice: Slice<'_>, layout: &Layout, keys: &Keys, aim: Aim) -> Yield {
    match layout {
        Layout::Modern(schema) => modern::parse(slice, schema, keys, aim),
        Layout::Exchange55 => exchange55::parse(slice, keys, aim),
        Layout::Exchange2000(schema) => exchange2000::parse(slice, schema, keys, aim),
        Layout::TrackHistory(document) => trackhistory::parse(slice, document, keys, aim),
        Layout::Foreign(schema) => foreign::parse(slice, schema, keys, aim),
        Layout::Online(schema) => online::parse(slice, schema, keys, aim),
    }
}

/// Finds what ties identifiers in a chunk: `ties`, `keys`, `reports` and `hops` of the yield; rows only where they tell.
/// `leads_on`: logs of other programs are read, too.
pub fn ties(slice: Slice<'_>, layout: &Layout, keys: &Keys, leads_on: bool) -> Yield {
    let aim = match layout {
        Layout::Modern(_) | Layout::Online(_) => Aim::Rows,
        Layout::TrackHistory(_) if leads_on => Aim::Rows,
        _ => Aim::Ties,
    };
    let mut found = parse(slice, layout, keys, aim);
    if leads_on {
        note_exchange_hops(&mut found, slice, keys);
    }
    found
}

/// Notes what Exchange's rows say about records of other programs: which copies they opened, and which queue ids the
/// receivers of their messages named. Asked for only where logs of other programs are read, too.
pub fn note_exchange_hops(found: &mut Yield, slice: Slice<'_>, keys: &Keys) {
    let is_exchange = |layout: &Layout| matches!(layout.own(), Layout::Modern(_));
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
        let Layout::Modern(schema) = around.layouts[usize::from(row.layout)].own() else {
            continue;
        };
        let host = match schema.is_online() {
            true => BStr::new(online::hosts::SERVER),
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
    let found = parse(slice, layout, keys, Aim::First);
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

/// The row as the log it is from has it, if that is not the log at hand.
fn was<'d>(row: &Row, around: &Surroundings<'d>) -> Option<(Row, Surroundings<'d>)> {
    match &around.layouts[usize::from(row.layout)] {
        Layout::TrackHistory(document) => trackhistory::was(row, document, around),
        _ => None,
    }
}

/// The line of Postfix, Exim or Sendmail that begins at the beginning of `data`, and its server where it does not say: a
/// track history may hold it.
pub fn line_of<'d>(data: &'d [u8], server: &'d BStr, arena: &'d Bump) -> (&'d [u8], &'d BStr) {
    match trackhistory::line_of(data, arena) {
        Some((line, server)) => (line, BStr::new(server)),
        None => (data, server),
    }
}

/// Understands a row.
pub fn event<'d>(row: &'d Row, around: &Surroundings<'d>) -> Event<'d> {
    match &around.layouts[usize::from(row.layout)] {
        Layout::Modern(schema) => modern::event(row, schema, around),
        Layout::Foreign(schema) => foreign::event(row, schema, around),
        Layout::Online(schema) => online::event(row, schema, around),
        Layout::Exchange55 => exchange55::event(row, around),
        Layout::Exchange2000(schema) => exchange2000::event(row, schema, around),
        layout => match was(row, around) {
            Some((row, around)) => event(around.arena.alloc(row), &around),
            None => legacy::event_of(&entry(row, layout, around), row, around),
        },
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
pub fn record<'d>(row: &'d Row, around: &Surroundings<'d>) -> Record<'d> {
    match &around.layouts[usize::from(row.layout)] {
        Layout::Modern(schema) => modern::record(row, schema, around),
        Layout::Foreign(schema) => foreign::record(row, schema, around),
        Layout::Online(schema) => online::record(row, schema, around),
        layout => match was(row, around) {
            Some((row, around)) => record(around.arena.alloc(row), &around),
            None => legacy::record(&entry(row, layout, around), row, around),
        },
    }
}

/// Whether rows of this layout name their message by an id that outlives every hop.
pub fn has_network_id(layout: &Layout) -> bool {
    match layout.own() {
        Layout::Modern(schema) => schema.has_network_id(),
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
        Layout::Foreign(schema) => foreign::event(row, schema, around).message_id().text(),
        Layout::Online(schema) => online::event(row, schema, around).message_id().text(),
        layout => {
            if let Some((row, around)) = was(row, around) {
                return message_id(&row, &around);
            }
            let entry = entry(row, layout, around);
            if row.kind == KeyKind::Second {
                entry.about
            } else {
                entry.id
            }
        }
    }
}
