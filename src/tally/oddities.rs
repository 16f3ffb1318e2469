//! What is out of the ordinary: duplicates, mail put back, poison, moderation, rules, forwards to outside.
//!
//! In: paths with their notes. Out: [`Oddities`], by kind and what exactly, with examples.

use bstr::ByteSlice;
use hashbrown::HashSet;
use serde::{Deserialize, Serialize};

use crate::path::notes::{Odd, Oddity};
use crate::path::{Class, Direction, Entry, Path, Recipient, Via};
use crate::tally::failures::Cases;
use crate::tally::{Map, in_balance};

/// Bytes of an agent's name that tell agents apart.
const AGENT_BYTES: usize = 60;

/// The kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    DuplicateSuppressed,
    Resubmitted,
    Poison,
    Moderation,
    RuleActed,
    /// A mailbox's mail goes on to an address outside.
    ForwardOutside,
}

/// All of them.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Oddities {
    /// By event, source and agent as logged, or `mailbox > address outside`.
    pub cases: Map<(Kind, Box<[u8]>), Cases>,
}

/// Whose rule made a message that is no automatic reply: its sender's, or of a mail redirected as it was one of a mailbox
/// that no row names.
fn by_rule<'p>(path: &Path<'p>) -> Option<&'p [u8]> {
    let made =
        |o: &Oddity<'_>| o.odd == Odd::Rule && o.what == "RECEIVE" && o.by.0 == "MAILBOXRULE";
    let forwards = path.class == Class::Mail && path.entry == Entry::Generated;
    (forwards && path.notes.oddities.iter().any(made)).then(|| match path.direction {
        Direction::Outbound => path.sender.as_bytes(),
        _ => b"a mailbox's rule",
    })
}

impl Oddities {
    /// Counts what is odd about `path`.
    pub fn add(&mut self, path: &Path<'_>, weight: i64) {
        let mut seen = HashSet::new();
        for oddity in &path.notes.oddities {
            let kind = match oddity.odd {
                Odd::Duplicate => Kind::DuplicateSuppressed,
                Odd::Resubmitted => Kind::Resubmitted,
                Odd::Poison => Kind::Poison,
                Odd::Moderated => Kind::Moderation,
                Odd::Rule => Kind::RuleActed,
            };
            let (source, agent) = oddity.by;
            let agent = &agent[..agent.len().min(AGENT_BYTES)];
            let parts = [oddity.what.as_bytes(), source.as_bytes(), agent];
            let mut what = parts.join(&b" "[..]);
            what.truncate(what.trim_ascii_end().len());
            let recipients = i64::from(oddity.recipients);
            self.count(path, (kind, what), recipients, None, &mut seen, weight);
        }
        let of_rule = by_rule(path);
        let may_be = |r: &&Recipient<'_>| of_rule.is_some() || !r.via.is_empty();
        for recipient in path.recipients.iter().filter(may_be) {
            let outside = matches!(
                recipient.direction,
                Direction::Outbound | Direction::Relayed
            );
            let from = recipient.via.iter();
            let mut from = from.filter(|(via, _)| *via == Via::Redirected);
            let from = from.next().map(|(_, from)| from.as_bytes()).or(of_rule);
            let (true, true, Some(from)) = (outside, in_balance(recipient.fate), from) else {
                continue;
            };
            let what = [from, b" > ", recipient.address.as_bytes()].concat();
            let key = (Kind::ForwardOutside, what.to_ascii_lowercase());
            self.count(path, key, 1, Some(recipient), &mut seen, weight);
        }
    }

    fn count(
        &mut self,
        path: &Path<'_>,
        key: (Kind, Vec<u8>),
        recipients: i64,
        recipient: Option<&Recipient<'_>>,
        seen: &mut HashSet<(Kind, Vec<u8>)>,
        weight: i64,
    ) {
        let first = seen.insert(key.clone());
        let cases = self.cases.entry((key.0, key.1.into())).or_default();
        cases.count(path, recipient, recipients, first, weight);
    }

    /// Adds what `other` counted.
    pub fn merge(&mut self, other: Oddities) {
        for (key, cases) in other.cases {
            self.cases.entry(key).or_default().merge(cases);
        }
    }
}
