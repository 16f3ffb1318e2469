//! Vectors that one message after the other is built in.
//!
//! In: paths that nobody needs any more. Out: their memory, for the next ones: a night has hundreds of thousands of
//! messages, and a handful of allocations for each would cost a tenth of the run.

use super::notes::{Notes, Way};
use super::roster::Person;
use super::{Path, Recipient};
use crate::event::{Event, Raw, ServerId};
use crate::time::Time;

/// Empty vectors with room.
#[derive(Default)]
pub struct Buffers {
    pub events: Vec<Event<'static>>,
    pub(super) people: Vec<Person<'static>>,
    pub(super) recipients: Vec<Recipient<'static>>,
    pub(super) servers: Vec<ServerId>,
    pub(super) came: Vec<Option<Time>>,
    pub(super) ways: Vec<Way<'static>>,
    pub(super) timings: Vec<Raw<'static>>,
}

impl Buffers {
    /// Empty notes with the room of earlier ones.
    pub(super) fn notes<'d>(&mut self) -> Notes<'d> {
        let mut notes = Notes::default();
        notes.servers = std::mem::take(&mut self.servers);
        notes.ways = std::mem::take(&mut self.ways);
        notes.timings = std::mem::take(&mut self.timings);
        notes
    }

    /// Takes the memory of a path that is not needed any more.
    pub fn take_back(&mut self, path: Path<'_>) {
        self.recipients = emptied(path.recipients);
        self.servers = emptied(path.notes.servers);
        self.ways = emptied(path.notes.ways);
        self.timings = emptied(path.notes.timings);
    }
}

/// The same vector without its elements, for elements that live longer: collecting in place keeps the room.
pub fn emptied<T, U>(mut used: Vec<T>) -> Vec<U> {
    if used.capacity() == 0 {
        return Vec::new();
    }
    used.clear();
    used.into_iter()
        .map(|_| unreachable!("it was cleared"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bstr::BStr;

    #[test]
    fn the_room_stays() {
        let text = String::from("a@b");
        let mut used: Vec<&BStr> = Vec::with_capacity(100);
        used.push(BStr::new(text.as_bytes()));
        let empty: Vec<&'static BStr> = emptied(used);
        assert!(empty.is_empty());
        assert!(empty.capacity() >= 100);
    }
}
