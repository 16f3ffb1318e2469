//! Addresses that the events of one message name.
//!
//! In: events. Out: [`Names`], each once, in the order of their naming.

use bumpalo::Bump;
use bumpalo::collections::Vec as InArena;
use hashbrown::HashSet;

use crate::address::same_text;
use crate::event::Event;

/// Up to this many addresses are compared one by one; more are looked up.
const COMPARED: usize = 16;

/// Addresses, each once, compared without case.
pub(super) struct Names<'d> {
    pub list: InArena<'d, &'d [u8]>,
    /// All of them in lower case, once there are many.
    lower: HashSet<Vec<u8>>,
}

impl<'d> Names<'d> {
    pub fn none(arena: &'d Bump) -> Names<'d> {
        Names {
            list: InArena::new_in(arena),
            lower: HashSet::new(),
        }
    }

    /// Of the events that are `wanted`, in the order of their naming.
    pub fn of(
        events: &[Event<'d>],
        arena: &'d Bump,
        wanted: impl Fn(usize, &Event<'d>) -> bool,
    ) -> Names<'d> {
        let mut names = Names::none(arena);
        for (_, event) in events
            .iter()
            .enumerate()
            .filter(|(i, event)| wanted(*i, event))
        {
            event
                .recipients
                .into_iter()
                .for_each(|address| names.add(address));
        }
        names
    }

    pub fn add(&mut self, address: &'d [u8]) {
        if self.hold(address) {
            return;
        }
        self.list.push(address);
        match self.list.len() {
            0..=COMPARED => {}
            count if count == COMPARED + 1 => {
                let lower = self.list.iter().map(|address| address.to_ascii_lowercase());
                self.lower = lower.collect();
            }
            _ => _ = self.lower.insert(address.to_ascii_lowercase()),
        }
    }

    pub fn hold(&self, address: &[u8]) -> bool {
        if self.list.len() <= COMPARED {
            return (self.list.iter()).any(|known| same_text(known, address));
        }
        self.lower.contains(&address.to_ascii_lowercase())
    }
}
