//! Plain results turned into bytes, one file per format.
//!
//! In: [`crate::path::Path`]s or [`crate::event::Record`]s and the [`Context`] that names what they
//! number. Out: bytes appended to a buffer that the caller owns, reuses and writes. Nothing here writes to
//! a stream, knows a flag or chooses what to show.

pub mod csv;
pub mod events_csv;
pub mod events_jsonl;
pub mod find;
pub mod jsonl;
pub mod timeline;
pub mod trace_json;
pub mod trace_text;
pub mod trackhistory;

mod cells;
mod clock;
mod json;
mod recipients;
mod sheet;
mod words;

use bstr::BStr;
use jiff::tz::TimeZone;

use crate::event::{Place, ServerId};

/// What the numbers in a result stand for, and the zone that times are shown in.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// Short lower-case name of a server.
    pub server: &'a (dyn Fn(ServerId) -> &'a BStr + Sync),
    /// `file as found under the given path:line`.
    pub place: &'a (dyn Fn(Place) -> String + Sync),
    /// The file as found under the given path.
    pub file: &'a (dyn Fn(Place) -> &'a str + Sync),
    /// Whether every hop and fate is to name its row.
    pub evidence: bool,
    /// For people; what machines read is in UTC.
    pub zone: &'a TimeZone,
}

#[cfg(test)]
pub(crate) mod testing {
    //! The example's context.

    use super::Context;
    use crate::filter::example::{names, place_text};
    use jiff::tz::TimeZone;

    pub const UTC: Context<'static> = Context {
        server: &names,
        place: &place_text,
        file: &|_| "ex01/a.LOG",
        evidence: false,
        zone: &TimeZone::UTC,
    };

    /// Whether text can do nothing to a terminal but stand there.
    pub fn is_inert(text: &str) -> bool {
        let turns = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        !text
            .chars()
            .any(|c| c.is_control() && c != '\n' || turns(c))
    }
}
