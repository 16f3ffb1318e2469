//! Distribution lists: uses, last use, members reached, nesting; and those never used.
//!
//! In: the tally's lists, and all lists there are where somebody knows. Out: the section `lists`.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::report::decoded;
use crate::tally::lists as tally;
use crate::time::Time;

/// The section `lists`, most used first.
#[derive(Clone, Debug, Serialize)]
pub struct Lists {
    pub count: usize,
    pub lists: Vec<List>,
    /// Messages by the longest chain of lists inside lists; 1: no list inside another.
    pub depths: Vec<Depth>,
    /// Known lists (`--lists`) that no message was expanded to; null if they are not known.
    pub never_used: Option<Vec<String>>,
}

/// One list.
#[derive(Clone, Debug, Serialize)]
pub struct List {
    pub address: String,
    /// Messages in which it was expanded.
    pub uses: i64,
    /// Of these: reached through another list.
    pub nested_uses: i64,
    pub last_use: Option<String>,
    /// Recipients that came in by it or by lists inside it.
    pub members: i64,
    /// Of these: delivered or transferred.
    pub reached: i64,
    #[serde(skip)]
    pub last_use_time: Option<Time>,
}

/// Messages with lists inside lists.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Depth {
    pub depth: u32,
    pub messages: i64,
}

/// The section `lists`; `known` in lower case, empty if nobody knows.
pub fn lists(sums: &tally::Lists, known: &[String]) -> Lists {
    let used = sums.lists.iter().filter(|(_, list)| list.uses > 0);
    let mut lists: Vec<List> = used
        .map(|(address, list)| {
            let last = list.used.max().map(|micros| Time(micros as i64));
            List {
                address: decoded(address),
                uses: list.uses,
                nested_uses: list.nested_uses,
                last_use: last.map(Time::rfc3339),
                members: list.members,
                reached: list.reached,
                last_use_time: last,
            }
        })
        .collect();
    lists.sort_by(|a, b| (b.uses.cmp(&a.uses)).then_with(|| a.address.cmp(&b.address)));
    let never_used = (!known.is_empty()).then(|| {
        let unused = known.iter().filter(|address| {
            (sums.lists.get(address.as_bytes())).is_none_or(|list| list.uses <= 0)
        });
        let mut unused: Vec<String> = unused.cloned().collect();
        unused.sort();
        unused.dedup();
        unused
    });
    let depths: BTreeMap<u32, i64> = sums.depths.iter().map(|(d, m)| (*d, *m)).collect();
    Lists {
        count: lists.len(),
        lists,
        depths: (depths.into_iter())
            .filter(|(_, messages)| *messages != 0)
            .map(|(depth, messages)| Depth { depth, messages })
            .collect(),
        never_used,
    }
}
