//! Recipients that go by two names: inside by a distinguished name, outside by an SMTP address.
//!
//! In: the events of one message. Out: events that tie the one to the other, where there is one answer. Two that one record
//! names are two.

use bstr::{BStr, ByteSlice};
use bumpalo::Bump;
use hashbrown::HashMap;

use super::conclusion::{Conclusion, concluded_from, is_final, quoted, replaces};
use super::names::Names;
use crate::address::List;
use crate::event::{Event, Role};

/// By what a distinguished name and an SMTP address are told to be one recipient.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// They share their name.
    Name,
    /// The store named the one, and only the server that took the message from it the other. Of several which is which,
    /// nothing tells.
    Store,
    /// One of each is left, and one turns up only behind a server to which the other was handed; of several which is which,
    /// nothing tells.
    Place,
}

/// Ties the names of a message where both kinds are named.
pub(super) fn tie<'d>(
    events: &mut Vec<Event<'d>>,
    by: By,
    concluded: &mut Vec<Conclusion<'d>>,
    arena: &'d Bump,
) {
    let Some(both) = Both::of(events, arena) else {
        return;
    };
    let tied = match by {
        By::Name => both.by_name(),
        By::Store => both.by_store(arena),
        By::Place => both.by_place(),
    };
    let settled = both.settled;
    let Some(&first) = events.first() else { return };
    let made = concluded_from(&first);
    let mut conclude = |role: Role, old: &'d [u8], new: List<'d>| {
        concluded.push(Conclusion {
            role,
            address: BStr::new(old),
            place: first.place,
        });
        events.push(Event {
            role,
            recipients: new,
            related: quoted(old, arena),
            ..made
        });
    };
    for (name, address) in tied.pairs {
        // The one with a last word stays.
        let (old, new) = match settled.hold(name) && !settled.hold(address) {
            true => (address, name),
            false => (name, address),
        };
        conclude(Role::Resolve, old, quoted(new, arena));
    }
    for name in tied.gone {
        conclude(Role::Redirect, name, List(b""));
    }
}

/// What was found to be one.
#[derive(Default)]
struct Tied<'d> {
    /// A name and its address.
    pairs: Vec<(&'d [u8], &'d [u8])>,
    /// Those that became some of the others.
    gone: Vec<&'d [u8]>,
}

/// The names of both kinds that nothing was found to be one with so far.
struct Both<'e, 'd> {
    events: &'e [Event<'d>],
    names: Vec<&'d [u8]>,
    outside: Vec<&'d [u8]>,
    /// Those with a last word.
    settled: Names<'d>,
    /// The events that name an address, in lower case.
    told_in: HashMap<Vec<u8>, Vec<usize>>,
}

fn is_name(address: &[u8]) -> bool {
    address.starts_with(b"/")
}

impl<'e, 'd> Both<'e, 'd> {
    /// `None` where all names are of one kind, as in most messages.
    fn of(events: &'e [Event<'d>], arena: &'d Bump) -> Option<Both<'e, 'd>> {
        let told = || events.iter().enumerate().filter(|(_, e)| !e.is_report);
        let mut kinds = told().flat_map(|(_, e)| e.recipients).map(is_name);
        let first = kinds.next();
        if kinds.all(|kind| Some(kind) == first) {
            return None;
        }
        let all = Names::of(events, arena, |_, e| !e.is_report);
        let settled = Names::of(events, arena, |_, e| is_final(e.role));
        let members = Names::of(events, arena, |_, e| e.role == Role::Expand);
        // Those that are tied already are out on both sides.
        let mut replaced = Names::of(events, arena, |_, e| e.role == Role::Resolve);
        let related = events.iter().flat_map(|e| e.related);
        related.for_each(|address| replaced.add(address));
        let is_free = |address: &&[u8]| {
            !(replaced.hold(address) || members.hold(address) && settled.hold(address))
        };
        let free = all.list.iter().copied().filter(is_free);
        let (names, outside) = free.partition(|address| is_name(address));
        let mut told_in: HashMap<Vec<u8>, Vec<usize>> = HashMap::new();
        for (i, event) in told() {
            for address in event.recipients {
                let address = address.to_ascii_lowercase();
                told_in.entry(address).or_default().push(i);
            }
        }
        Some(Both {
            events,
            names,
            outside,
            settled,
            told_in,
        })
    }

    /// The events that name an address, by their number.
    fn rows(&self, address: &[u8]) -> &[usize] {
        let rows = self.told_in.get(&address.to_ascii_lowercase());
        rows.map_or(&[], Vec::as_slice)
    }

    /// Whether one event names both.
    fn together(&self, a: &[u8], b: &[u8]) -> bool {
        self.rows(a).iter().any(|i| self.rows(b).contains(i))
    }

    fn by_name(&self) -> Tied<'d> {
        let mut by_local: HashMap<Vec<u8>, &[u8]> = HashMap::new();
        for address in &self.outside {
            by_local.entry(local_part(address)).or_insert(address);
        }
        let pair = |name: &&'d [u8]| {
            let address = *by_local.get(&common_name(name))?;
            (!self.together(name, address)).then_some((*name, address))
        };
        Tied {
            pairs: self.names.iter().filter_map(pair).collect(),
            gone: Vec::new(),
        }
    }

    fn by_store(&self, arena: &'d Bump) -> Tied<'d> {
        let events = self.events;
        let replacing = Names::of(events, arena, |_, e| replaces(e));
        let by_mailbox = |address: &[u8], is: bool| {
            let mut rows = self.rows(address).iter();
            rows.all(|&i| events[i].from_mailbox == is)
        };
        let of_store = |name: &&[u8]| !self.settled.hold(name) && by_mailbox(name, true);
        let of_server = |address: &&[u8]| !replacing.hold(address) && by_mailbox(address, false);
        let tied = Names::of(events, arena, |_, e| e.role == Role::Resolve);
        let mut lists = Names::none(arena);
        let expansions = events.iter().filter(|e| e.role == Role::Expand);
        (expansions.flat_map(|e| e.related))
            .filter(|list| !is_name(list) && !tied.hold(list))
            .for_each(|list| lists.add(list));
        let outside = self.outside.iter().chain(&lists.list).copied();
        let taken: Vec<&'d [u8]> = outside.filter(of_server).collect();
        let named: Vec<&'d [u8]> = self.names.iter().copied().filter(of_store).collect();
        let mut found = Tied::default();
        match (&named[..], &taken[..]) {
            ([name], [address]) => found.pairs.push((name, address)),
            (named, taken) if named.len() == taken.len() => found.gone.extend(named),
            _ => {}
        }
        found
    }

    fn by_place(&self) -> Tied<'d> {
        let open = |all: &[&'d [u8]]| -> Vec<&'d [u8]> {
            let open = all.iter().filter(|address| !self.settled.hold(address));
            open.copied().collect()
        };
        let (names, outside) = (open(&self.names), open(&self.outside));
        let (open, ends) = match (names.is_empty(), outside.is_empty()) {
            (false, true) => (names, &self.outside),
            (true, false) => (outside, &self.names),
            _ => return Tied::default(),
        };
        let first = |address: &[u8]| self.rows(address).first().copied();
        let goes_on = |open: &[u8], end: &[u8]| {
            let (before, after) = (first(open), first(end));
            before < after
                && after.is_some_and(|at| !self.events[at].from_mailbox)
                && !self.together(open, end)
        };
        let mut found = Tied::default();
        let all_go_on = || {
            let mut pairs = open.iter().flat_map(|a| ends.iter().map(move |b| (a, b)));
            pairs.all(|(a, b)| goes_on(a, b))
        };
        if open.len() != ends.len() || !all_go_on() {
            return found;
        }
        match (&open[..], &ends[..]) {
            ([open], [end]) if is_name(open) => found.pairs.push((open, end)),
            ([open], [end]) => found.pairs.push((end, open)),
            _ => found.gone = open,
        }
        found
    }
}

/// `JOE` of `/o=CORP/cn=Recipients/cn=JOE`, lower case.
fn common_name(name: &[u8]) -> Vec<u8> {
    let at = name.rfind(b"=").map_or(0, |at| at + 1);
    name[at..].to_ascii_lowercase()
}

/// `joe` of `Joe@corp.example`.
fn local_part(address: &[u8]) -> Vec<u8> {
    let end = address.find_byte(b'@').unwrap_or(address.len());
    address[..end].to_ascii_lowercase()
}
