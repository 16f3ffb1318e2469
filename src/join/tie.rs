//! Identifiers that rows prove to be of one message are made one; reports are put under their own.
//!
//! In: what all chunks of 2003 and before noted: pairs of keys from rows that carry two identifiers (Linked-MSGID, a 5.5
//! connector's remote id), rows about reports. Out: [`Ties`], which puts each window's rows under the key their message
//! goes by. Archives without such rows pay nothing.

use std::collections::{BTreeMap, BTreeSet};

use bstr::BString;
use hashbrown::{HashMap, HashSet};

use super::hop::{self, Ambiguous, Reported, Resolved};
use crate::dialect::foreign::hop::Hops;
use crate::dialect::{Layout, ReportRow, Yield};
use crate::event::Role;
use crate::row::{KeyKind, Row, mark};

/// An identifier that is linked to more others than this names no message: it is a dummy that a gateway writes.
const MAX_LINKS: usize = 32;

type Map = HashMap<u64, u64, foldhash::fast::RandomState>;
type Set = HashSet<u64, foldhash::fast::RandomState>;

/// Which keys are of one message, and which are known as messages.
#[derive(Default)]
pub struct Ties {
    /// Key -> the one all go by.
    one: Map,
    /// All keys of `one`.
    sieve: Sieve,
    /// Of the keys that rows about reports name: those of messages, by the keys they go by.
    messages: Set,
    /// What replies of receivers prove.
    hops: Resolved,
}

/// What one chunk noted.
#[derive(Default)]
pub struct Noted {
    pairs: Vec<(u64, u64)>,
    /// Keys that rows about reports name.
    reported: Vec<u64>,
    /// Keys of all other rows.
    keys: Vec<u64>,
    hops: Hops,
    /// Whether `keys` and `reported` are all that its rows go by: it has text logs of 2003 and before alone.
    has_all: bool,
}

impl Ties {
    /// Keeps of a chunk's rows what ties need.
    pub fn noted(found: &mut Yield) -> Noted {
        // Only reports ask which ids are messages; `reported` of another chunk may name a key of this one.
        let legacy = |row: &&Row| row.kind != KeyKind::Queue && row.kind != KeyKind::Network;
        // Queue ids name no reports: chunks that hold nothing else are not gone through, nor those that told the keys.
        let none = found.layouts.iter().all(Layout::is_foreign) || !found.keys.is_empty();
        let shards = if none { &[] } else { &found.shards[..] };
        let rows = shards.iter().flatten().filter(legacy);
        let rows = rows.map(|row| row.key);
        let mut keys: Vec<u64> = rows.chain(found.keys.iter().copied()).collect();
        keys.dedup();
        let reported = found.reports.iter().flat_map(|r| [r.row.key, r.second]);
        Noted {
            pairs: std::mem::take(&mut found.ties),
            reported: reported.collect(),
            keys,
            hops: std::mem::take(&mut found.hops),
            has_all: found.layouts.iter().all(Layout::is_old_text),
        }
    }

    /// A chunk of which nothing was noted.
    pub fn unread() -> Noted {
        Noted::default()
    }

    /// Unites keys by pairs; finds out which ids that reports name are messages.
    /// `given`: addresses and names of hosts known beforehand, by key.
    pub fn of(mut parts: Vec<Noted>, given: &[(u64, u64)]) -> Ties {
        let hops = parts.iter_mut().map(|part| std::mem::take(&mut part.hops));
        let resolved = hop::resolve(&hops.collect::<Vec<_>>(), given);
        let pairs = parts.iter().flat_map(|part| part.pairs.iter().copied());
        let lone = lone(&parts);
        let mut ties = Ties::united(pairs.collect(), &resolved.pairs, &lone);
        ties.hops = resolved;
        let reported = parts
            .iter()
            .flat_map(|part| &part.reported)
            .map(|key| ties.key(*key));
        let reported: Set = reported.collect();
        if !reported.is_empty() {
            let sieve = Sieve::of(reported.iter().chain(ties.one.keys()).copied());
            let keys = parts.iter().flat_map(|part| &part.keys).copied();
            let keys = keys.filter(|key| sieve.may_hold(*key));
            let keys = keys.map(|key| ties.key(key));
            ties.messages = keys.filter(|key| reported.contains(key)).collect();
        }
        ties
    }

    /// The hosts behind addresses, as replies prove them.
    pub fn aliases(&self) -> &BTreeMap<BString, BString> {
        &self.hops.aliases
    }

    /// Names of hosts that only look like those of servers.
    pub fn strangers(&self) -> &BTreeSet<BString> {
        &self.hops.strangers
    }

    /// Hand-overs that several records of other hosts would fit; none was picked.
    pub fn ambiguous(&self) -> &Ambiguous {
        &self.hops.ambiguous
    }

    /// Reports of Postfix, Exim and Sendmail, and where they and what they are about are named.
    pub fn reports(&self) -> &[Reported] {
        &self.hops.reports
    }

    /// Unites keys by pairs; `proven` ones are no dummies, however many there are. What is tied to one of the `lone` keys, and
    /// to nothing else, stays as it is: no row would move.
    fn united(mut pairs: Vec<(u64, u64)>, proven: &[(u64, u64)], lone: &Set) -> Ties {
        pairs
            .iter_mut()
            .for_each(|(a, b)| (*a, *b) = (*a.min(b), *a.max(b)));
        pairs.sort_unstable();
        pairs.dedup();
        let mut links: HashMap<u64, usize, foldhash::fast::RandomState> = HashMap::default();
        links.reserve(2 * pairs.len());
        for (a, b) in &pairs {
            *links.entry(*a).or_default() += 1;
            *links.entry(*b).or_default() += 1;
        }
        let mut ties = Ties::default();
        let joins = |key: &u64| match links[key] {
            1 => !lone.contains(key),
            count => count <= MAX_LINKS,
        };
        pairs.retain(|(a, b)| joins(a) && joins(b));
        for (a, b) in pairs.into_iter().chain(proven.iter().copied()) {
            let (a, b) = (ties.root(a), ties.root(b));
            ties.one.insert(a.max(b), a.min(b));
            ties.one.insert(a.min(b), a.min(b));
        }
        let keys: Vec<u64> = ties.one.keys().copied().collect();
        for key in keys {
            let root = ties.root(key);
            ties.one.insert(key, root);
        }
        ties.sieve = Sieve::of(ties.one.keys().copied());
        ties
    }

    /// Follows a key to the one its message goes by, shortening the way.
    fn root(&mut self, key: u64) -> u64 {
        let mut at = key;
        let mut way = Vec::new();
        while let Some(&next) = self.one.get(&at).filter(|next| **next != at) {
            way.push(at);
            at = next;
        }
        for passed in way {
            self.one.insert(passed, at);
        }
        at
    }

    /// The key that a message goes by.
    #[inline]
    pub fn key(&self, key: u64) -> u64 {
        match self.sieve.may_hold(key) {
            true => self.one.get(&key).copied().unwrap_or(key),
            false => key,
        }
    }

    /// Takes out the rows of a chunk whose messages go by other keys, and returns them under those, with rows about reports in
    /// their place: they belong to any shard. What stays has exactly the room that it needs and would have to be moved.
    pub fn place(&self, shards: &mut [Vec<Row>], reports: Vec<ReportRow>) -> Vec<Row> {
        let hops = &self.hops;
        let mut placed = Vec::with_capacity(2 * reports.len());
        if !(self.one.is_empty() && hops.reused.is_empty() && hops.told_by_client.is_empty()) {
            shards
                .iter_mut()
                .for_each(|rows| self.take_tied(rows, &mut placed));
        }
        reports
            .into_iter()
            .for_each(|report| self.report(report, &mut placed));
        placed
    }

    fn take_tied(&self, rows: &mut Vec<Row>, moved: &mut Vec<Row>) {
        rows.retain_mut(|row| {
            if row.kind == KeyKind::Queue && self.hops.told_by_client.contains(&row.key) {
                return false;
            }
            let own = match row.kind {
                KeyKind::Queue | KeyKind::Second => self.hops.life(row.key, row.time),
                _ => row.key,
            };
            let tied = match self.sieve.may_hold(own) {
                true => self.one.get(&own),
                false => None,
            };
            let key = tied.copied().unwrap_or(own);
            if tied.is_some() {
                row.marks |= mark::TIED;
            }
            if key == row.key {
                return true;
            }
            moved.push(row.under(key));
            false
        });
    }

    /// Puts a row about a report under the report, and once more under the message the report is about. Which of its
    /// two identifiers is the report's, logs and documents disagree on (`formats/legacy.md` section 1.5): the one
    /// that is known as a message is not.
    fn report(&self, ReportRow { row, second }: ReportRow, placed: &mut Vec<Row>) {
        let first = self.key(row.key);
        let second = if second == 0 { 0 } else { self.key(second) };
        let first_is_message = self.messages.contains(&first) && !self.messages.contains(&second);
        let (own, about) = if first_is_message {
            (second, first)
        } else {
            (first, second)
        };
        for (key, of_original) in [(own, false), (about, true)] {
            if key == 0 || of_original && about == own {
                continue;
            }
            let mut copy = row.under(key);
            copy.kind = KeyKind::Message;
            if key != first {
                // Its check is of the first identifier.
                (copy.kind, copy.check) = (KeyKind::Second, 0);
            }
            if self.one.contains_key(&key) {
                copy.marks |= mark::TIED;
            }
            if of_original {
                copy.marks |= mark::OF_ORIGINAL;
                copy.role = Role::Fail;
            }
            placed.push(copy);
        }
    }
}

/// Keys of linked ids under which no row is found: a mailbox's submission of 2000 and 2003 names the MTS-ID that the message
/// would have on its way to 5.5, and hardly any goes there.
fn lone(parts: &[Noted]) -> Set {
    let mut lone = Set::default();
    if parts.iter().all(|part| part.has_all) {
        let pairs = parts.iter().flat_map(|part| &part.pairs);
        lone.extend(pairs.map(|(_, linked)| *linked));
        let sieve = Sieve::of(lone.iter().copied());
        let known = parts.iter().flat_map(|p| p.keys.iter().chain(&p.reported));
        known
            .filter(|key| sieve.may_hold(**key))
            .for_each(|key| _ = lone.remove(key));
    }
    lone
}

/// Says of most keys that they are none of some; a table would be asked for every row.
#[derive(Default)]
struct Sieve {
    bits: Vec<u64>,
}

impl Sieve {
    /// So many keys that are none of them pass one.
    const MESHES: usize = 16;

    fn of(keys: impl Iterator<Item = u64> + Clone) -> Sieve {
        let words = (keys.clone().count() * Sieve::MESHES / 64 + 1).next_power_of_two();
        let mut sieve = Sieve {
            bits: vec![0; words],
        };
        for key in keys {
            let (word, bit) = sieve.mesh(key);
            sieve.bits[word] |= bit;
        }
        sieve
    }

    fn mesh(&self, key: u64) -> (usize, u64) {
        let words = self.bits.len();
        ((key >> 6) as usize & words.wrapping_sub(1), 1 << (key & 63))
    }

    #[inline]
    fn may_hold(&self, key: u64) -> bool {
        let (word, bit) = self.mesh(key);
        self.bits.get(word).is_some_and(|bits| bits & bit != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_unite_and_dummies_do_not() {
        let none = Set::default();
        let ties = Ties::united(vec![(1, 2), (3, 2), (5, 4), (9, 9)], &[], &none);
        assert_eq!(
            [1, 2, 3, 4, 5, 7].map(|key| ties.key(key)),
            [1, 1, 1, 4, 4, 7]
        );
        let dummy = Ties::united((1..100).map(|key| (key, 1000)).collect(), &[], &none);
        assert_eq!(dummy.key(1000), 1000);
        assert_eq!(dummy.key(50), 50);
    }

    #[test]
    fn an_id_that_nothing_else_has_moves_no_rows() {
        let noted = |pairs: &[(u64, u64)], keys: &[u64]| Noted {
            pairs: pairs.to_vec(),
            keys: keys.to_vec(),
            has_all: true,
            ..Noted::default()
        };
        let of = |parts: Vec<Noted>| {
            let ties = Ties::of(parts, &[]);
            [2, 4, 6, 7].map(|key| ties.key(key))
        };
        let first = || noted(&[(2, 1), (4, 3), (6, 5), (7, 5)], &[2, 4, 6, 7]);
        // 3 is another row's own, 5 ties two.
        assert_eq!(of(vec![first(), noted(&[], &[3])]), [2, 3, 5, 5]);
        assert_eq!(of(vec![first(), Ties::unread()]), [1, 3, 5, 5]);
    }

    #[test]
    fn reports_go_under_the_id_that_is_no_message() {
        let (message, report) = (1 << 60, 2 << 60);
        for (first, second) in [(message, report), (report, message)] {
            let noted = Noted {
                pairs: vec![],
                reported: vec![first, second],
                keys: vec![message],
                ..Noted::default()
            };
            let mut row = Row::blank(0).under(first);
            row.role = Role::Report;
            let placed = Ties::of(vec![noted], &[]).place(&mut [], vec![ReportRow { row, second }]);
            let of = |key: u64| {
                let rows = placed.iter().filter(|row| row.key == key);
                rows.map(|row| (row.role, row.has(mark::OF_ORIGINAL)))
                    .collect::<Vec<_>>()
            };
            assert_eq!(of(message), [(Role::Fail, true)], "{first}");
            assert_eq!(of(report), [(Role::Report, false)], "{first}");
        }
    }
}
