//! The recipients of one message while its path is being built.
//!
//! In: sightings, renames and verdicts, in any order. Out: one outcome per address, the strongest known, and the
//! chain by which it came in. Finding an address is a short walk for the usual handful and a table for the
//! message with 100,000 recipients.

use bstr::BStr;
use hashbrown::{HashSet, HashTable};

use super::{Fate, Reason, Via};
use crate::address::same_text;
use crate::event::{Place, ServerId};
use crate::keys::Keys;
use crate::time::Time;

/// From this many recipients on, addresses are found through a table.
const TABLE_FROM: usize = 12;

/// The people of a chain so far: nearly all chains have one or two links.
#[derive(Default)]
struct Passed {
    first: [usize; Passed::FEW],
    count: usize,
    more: HashSet<usize>,
}

impl Passed {
    const FEW: usize = 4;

    fn insert(&mut self, person: usize) {
        match self.first.get_mut(self.count) {
            Some(place) => *place = person,
            None => _ = self.more.insert(person),
        }
        self.count += 1;
    }

    fn contains(&self, person: usize) -> bool {
        self.first[..self.count.min(Passed::FEW)].contains(&person) || self.more.contains(&person)
    }
}

/// A last word about a recipient.
#[derive(Clone, Copy, Debug)]
pub struct Verdict<'d> {
    pub fate: Fate,
    /// Suppressed as a duplicate of a delivery.
    pub duplicate: bool,
    pub at: Time,
    pub server: Option<ServerId>,
    pub reason: Reason<'d>,
    pub next_try: Option<Time>,
    pub place: Place,
}

impl Verdict<'_> {
    /// Stronger comes first; within one fate a real delivery before a duplicate, then the earlier row.
    fn rank(&self) -> (Fate, bool, Time, Place) {
        (self.fate, self.duplicate, self.at, self.place)
    }
}

/// When, where and on which server an address was replaced by others.
pub type Replaced = (Time, Place, ServerId);

/// One address.
#[derive(Clone, Debug)]
pub struct Person<'d> {
    pub address: &'d [u8],
    /// Named by a row before, or other than, its last word.
    pub sighted: bool,
    pub deferrals: u32,
    pub put_off: &'d BStr,
    verdict: Option<Verdict<'d>>,
    expanded: bool,
    renamed: bool,
    redirected: bool,
    /// Redirected, and still a recipient itself.
    kept: bool,
    /// What reaches it is held there: named by nothing before an agent put the message into quarantine.
    quarantine: bool,
    /// The nearest link of the chain.
    via: Option<(Via, &'d [u8])>,
    /// When a list was opened or an address replaced, first.
    replaced: Option<Box<Replaced>>,
}

impl Person<'_> {
    /// It was replaced; the first time counts.
    fn replaced_at(&mut self, when: Replaced) {
        let first = self
            .replaced
            .as_deref()
            .map_or(when, |known| when.min(*known));
        self.replaced = Some(Box::new(first));
    }
}

/// All addresses of a message.
#[derive(Debug, Default)]
pub struct Roster<'d> {
    pub people: Vec<Person<'d>>,
    table: HashTable<u32>,
    keys: Keys,
    /// Pairs (address, where it was named) that are no way in, by their keys.
    no_way_in: HashSet<(u64, u64)>,
    /// Whether any address was redirected at all.
    pub any_redirected: bool,
    /// The ledger: addresses that came in, plus members and targets, less lists and renamed ones.
    entered: i64,
}

impl<'d> Roster<'d> {
    /// An empty roster in an empty vector.
    pub fn with_room(people: Vec<Person<'d>>) -> Roster<'d> {
        Roster {
            people,
            ..Roster::default()
        }
    }

    /// The number of an address, if it is known.
    pub fn find(&self, address: &[u8]) -> Option<usize> {
        if self.people.len() < TABLE_FROM {
            return self
                .people
                .iter()
                .position(|p| same_text(p.address, address));
        }
        let same = |&i: &u32| same_text(self.people[i as usize].address, address);
        self.table
            .find(self.keys.caseless(address), same)
            .map(|&i| i as usize)
    }

    fn person(&mut self, address: &'d [u8]) -> usize {
        if let Some(known) = self.find(address) {
            return known;
        }
        let new = self.people.len();
        self.people.push(Person {
            address,
            sighted: false,
            deferrals: 0,
            put_off: BStr::new(b""),
            verdict: None,
            expanded: false,
            renamed: false,
            redirected: false,
            kept: false,
            quarantine: false,
            via: None,
            replaced: None,
        });
        self.entered += 1;
        let (people, keys) = (&self.people, &self.keys);
        let hash = |&i: &u32| keys.caseless(people[i as usize].address);
        if new + 1 == TABLE_FROM {
            for i in 0..=new as u32 {
                self.table.insert_unique(hash(&i), i, hash);
            }
        } else if new + 1 > TABLE_FROM {
            self.table
                .insert_unique(hash(&(new as u32)), new as u32, hash);
        }
        new
    }

    /// A row named this address as a recipient.
    pub fn sighted(&mut self, address: &'d [u8]) -> usize {
        let person = self.person(address);
        self.people[person].sighted = true;
        person
    }

    /// The address is a list that was opened.
    pub fn expanded(&mut self, address: &'d [u8], when: Replaced) {
        let list = self.sighted(address);
        let person = &mut self.people[list];
        person.replaced_at(when);
        if !std::mem::replace(&mut person.expanded, true) && !person.renamed {
            self.entered -= 1;
        }
    }

    /// Notes the nearest link by which a recipient came in; the first one found stays.
    pub fn came_by(&mut self, person: usize, via: Via, from: &'d [u8]) {
        let address = self.people[person].address;
        let pair = || (self.keys.caseless(address), self.keys.caseless(from));
        if !self.no_way_in.is_empty() && self.no_way_in.contains(&pair()) {
            return;
        }
        self.people[person].via.get_or_insert((via, from));
    }

    /// `old` is another name of `new`.
    pub fn renamed(&mut self, old: &'d [u8], new: &'d [u8]) {
        let new = self.sighted(new);
        self.came_by(new, Via::Resolved, old);
        let old = self.sighted(old);
        let person = &mut self.people[old];
        if !std::mem::replace(&mut person.renamed, true) && !person.expanded {
            self.entered -= 1;
        }
    }

    /// `new` was put in place of, or beside, `old`; `quarantine`: to hold the message.
    pub fn redirected(&mut self, old: &'d [u8], new: &'d [u8], when: Replaced, quarantine: bool) {
        let is_new = self.find(new).is_none_or(|new| !self.people[new].sighted);
        let new = self.sighted(new);
        self.people[new].quarantine |= quarantine && is_new;
        self.came_by(new, Via::Redirected, old);
        self.replaced_by_other(old, when);
    }

    /// `old` was redirected to an address that was a recipient already.
    pub fn replaced_by_other(&mut self, old: &'d [u8], when: Replaced) {
        let old = self.sighted(old);
        let person = &mut self.people[old];
        person.redirected = true;
        person.replaced_at(when);
        self.any_redirected = true;
    }

    /// The server that redirected this address still names it afterwards as a recipient that it gives on.
    pub fn kept(&mut self, address: &[u8], at: Time, server: ServerId) {
        let Some(person) = self.find(address) else {
            return;
        };
        let person = &mut self.people[person];
        person.kept |= person
            .replaced
            .as_deref()
            .is_some_and(|(since, _, by)| *by == server && at >= *since);
    }

    /// The address was a recipient already and did not come in by `from`.
    pub fn no_way_in(&mut self, address: &[u8], from: &[u8]) {
        let pair = (self.keys.caseless(address), self.keys.caseless(from));
        self.no_way_in.insert(pair);
    }

    /// A last word about an address; the strongest stays.
    pub fn decide(&mut self, address: &'d [u8], verdict: Verdict<'d>) {
        let person = self.person(address);
        let person = &mut self.people[person];
        let mut verdict = verdict;
        if let Some(known) = &person.verdict {
            // A duplicate of a delivery that was seen needs no explanation.
            if known.fate == Fate::Delivered && known.duplicate != verdict.duplicate {
                verdict.reason = Reason::None;
            }
            if known.rank() <= verdict.rank() {
                return;
            }
        }
        person.verdict = Some(verdict);
    }

    /// How the trail ends of a recipient that [is open](Roster::is_open).
    pub fn end(&mut self, person: usize, verdict: Verdict<'d>) {
        self.people[person].verdict = Some(verdict);
    }

    /// Whether a recipient's last word is still wanting.
    pub fn is_open(&self, person: usize) -> bool {
        let person = &self.people[person];
        person.verdict.is_none()
            && !person.expanded
            && !person.renamed
            && (!person.redirected || person.kept)
    }

    /// What became of an address; `None` for one that is only another name.
    pub fn outcome(&self, person: usize) -> Option<Verdict<'d>> {
        let person = &self.people[person];
        let arrived = person
            .verdict
            .filter(|v| matches!(v.fate, Fate::Delivered | Fate::Transferred));
        let replaced = |fate| {
            let (at, place, server) = *person.replaced.as_deref()?;
            let (server, reason) = (Some(server), Reason::None);
            Some(Verdict {
                fate,
                duplicate: false,
                at,
                server,
                reason,
                next_try: None,
                place,
            })
        };
        if person.expanded {
            return person.verdict.or_else(|| replaced(Fate::Expanded));
        }
        if person.renamed {
            return arrived;
        }
        if person.redirected && !person.kept {
            return arrived.or_else(|| replaced(Fate::Redirected));
        }
        let held = |mut verdict: Verdict<'d>| {
            if person.quarantine && verdict.fate == Fate::Delivered {
                verdict.fate = Fate::Quarantined;
            }
            verdict
        };
        person.verdict.map(held)
    }

    /// The recipients the balance holds: what the ledger took in, with lists and renamed addresses that have a
    /// last word of their own counted again.
    pub fn balance(&self) -> i64 {
        let again = |i: &usize| {
            let person = &self.people[*i];
            (person.expanded || person.renamed)
                && self.outcome(*i).is_some_and(|v| v.fate != Fate::Expanded)
        };
        self.entered + (0..self.people.len()).filter(again).count() as i64
    }

    /// The chain of lists, redirects and renames that led to an address, nearest first, each link once.
    pub fn chain(&self, person: usize) -> Vec<(Via, &'d BStr)> {
        let mut chain: Vec<(Via, &'d BStr)> = Vec::new();
        if self.people[person].via.is_none() {
            return chain;
        }
        let mut passed = Passed::default();
        let mut at = person;
        while let Some((via, from)) = self.people[at].via {
            // An address that is no recipient has no chain of its own.
            let next = self.find(from);
            passed.insert(at);
            if next.is_some_and(|next| passed.contains(next)) {
                break;
            }
            chain.push((via, BStr::new(from)));
            match next {
                Some(next) => at = next,
                None => break,
            }
        }
        chain
    }
}
