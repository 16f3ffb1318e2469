//! Distribution lists: how often they were used, when last, and whom they reached.
//!
//! In: paths; of their recipients the expanded ones and those that came in by them. Out: [`Lists`].

use hashbrown::hash_map::EntryRef;
use serde::{Deserialize, Serialize};

use crate::path::{Fate, Path, Via};
use crate::tally::histogram::Peaks;
use crate::tally::{Map, in_balance};

/// One list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct List {
    /// Messages in which it was expanded.
    pub uses: i64,
    /// Of these: reached through another list.
    pub nested_uses: i64,
    /// Recipients that came in by it or by a list inside it.
    pub members: i64,
    /// Of these: delivered or transferred.
    pub reached: i64,
    /// When messages to it came in, microseconds since 1970.
    pub used: Peaks,
}

/// All lists by address, lower case.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Lists {
    pub lists: Map<Box<[u8]>, List>,
    /// Messages by the longest chain of lists inside lists.
    pub depths: Map<u32, i64>,
}

/// Members of one list that stand side by side in a message.
#[derive(Default)]
struct Members<'p> {
    of: &'p [u8],
    all: i64,
    /// Delivered or transferred.
    reached: i64,
}

impl Lists {
    /// Counts the lists of `path`.
    pub fn add(&mut self, path: &Path<'_>, weight: i64) {
        let expanded = path.recipients.iter().any(|r| r.fate == Fate::Expanded);
        if !expanded {
            return;
        }
        let mut deepest = 0;
        // Members of one list stand side by side: it is looked up once for them, and so is each list that it is in.
        let mut chain: Vec<Members<'_>> = Vec::new();
        for recipient in &path.recipients {
            let through = recipient
                .via
                .iter()
                .filter(|(via, _)| *via == Via::Expanded);
            let depth = through.clone().count() as u32;
            if recipient.fate == Fate::Expanded {
                deepest = deepest.max(depth + 1);
                let list = self.list(recipient.address);
                list.uses += weight;
                list.nested_uses += if depth > 0 { weight } else { 0 };
                list.used.note(path.first_seen.0.max(0) as u64, weight);
            } else if in_balance(recipient.fate) {
                let arrived = matches!(recipient.fate, Fate::Delivered | Fate::Transferred);
                for (link, (_, address)) in through.enumerate() {
                    if link == chain.len() {
                        chain.push(Members::default());
                    }
                    let members = &mut chain[link];
                    if members.of != *address {
                        let new = Members {
                            of: address,
                            ..Members::default()
                        };
                        self.add_members(&std::mem::replace(members, new), weight);
                    }
                    members.all += 1;
                    members.reached += i64::from(arrived);
                }
            }
        }
        for members in &chain {
            self.add_members(members, weight);
        }
        *self.depths.entry(deepest).or_default() += weight;
    }

    fn add_members(&mut self, members: &Members<'_>, weight: i64) {
        if members.all > 0 {
            let list = self.list(members.of);
            list.members += weight * members.all;
            list.reached += weight * members.reached;
        }
    }

    fn list(&mut self, address: &[u8]) -> &mut List {
        if address.iter().any(u8::is_ascii_uppercase) {
            let address: Box<[u8]> = address.to_ascii_lowercase().into();
            return self.lists.entry(address).or_default();
        }
        match self.lists.entry_ref(address) {
            EntryRef::Occupied(list) => list.into_mut(),
            EntryRef::Vacant(list) => list.insert_with_key(address.into(), List::default()),
        }
    }

    /// Adds what `other` counted.
    pub fn merge(&mut self, other: Lists) {
        for (address, more) in other.lists {
            let list = self.lists.entry(address).or_default();
            list.uses += more.uses;
            list.nested_uses += more.nested_uses;
            list.members += more.members;
            list.reached += more.reached;
            list.used.merge(&more.used);
        }
        for (depth, messages) in other.depths {
            *self.depths.entry(depth).or_default() += messages;
        }
    }
}
