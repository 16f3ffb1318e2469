//! A queue record of a message, what it is settled with, and what was concluded.

use bstr::BStr;
use bumpalo::Bump;

use crate::event::{Event, ServerId};
use crate::keys::Keys;
use crate::servers::Servers;

/// One queue record of the message.
pub(super) struct Stay<'d> {
    pub(super) copy: u64,
    pub(super) id: &'d BStr,
    pub(super) server: ServerId,
    /// Its first event.
    pub(super) first: usize,
    /// Its first event that opened it.
    pub(super) birth: Option<usize>,
    /// A hand-over leads here.
    pub(super) reached: bool,
}

/// What settling looks things up in.
#[derive(Clone, Copy)]
pub struct Around<'d> {
    pub servers: &'d Servers,
    pub keys: &'d Keys,
    pub arena: &'d Bump,
    /// A message is closed this many microseconds after its last row.
    pub horizon: i64,
}

/// What was concluded of addresses that no row tells of.
#[derive(Default)]
pub struct Concluded<'d> {
    /// Groups, of which one address became each of those that turned up without having been handed over.
    pub one_of: Vec<Vec<&'d BStr>>,
    /// Those that became one that the record had besides: nobody waits in a record that is done.
    pub merged: Vec<&'d BStr>,
}

/// Whether an event is of a queue record; those of 2003 and before link ids of another kind.
pub(super) fn is_foreign(event: &Event<'_>) -> bool {
    let source: &[u8] = event.source().text();
    !event.linked_id().is_empty() && matches!(source, b"postfix" | b"exim" | b"sendmail")
}
