//! What failed or was refused, by status code and server.
//!
//! In: paths; of their recipients those that failed or were refused. Out: [`Failures`]. The code is read
//! from the log's own words; what it means is said by the report.

use bstr::ByteSlice;
use hashbrown::HashSet;
use serde::{Deserialize, Serialize};

use crate::address::domain;
use crate::event::ServerId;
use crate::path::{Class, Fate, Path, Reason, Recipient, Relation};
use crate::status::StatusCode;
use crate::tally::extremes::Extremes;
use crate::tally::{Counts, Map, merge_counts};

/// Bytes of a refusal that tell refusals apart.
const REFUSAL_BYTES: usize = 80;

/// Examples shown per line.
pub const EXAMPLES: usize = 3;

/// What failures have in common.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Cause {
    /// `None` where the logged words hold no code.
    pub code: Option<StatusCode>,
    /// The server whose row decided.
    pub server: Option<ServerId>,
    /// [`Fate::Failed`] or [`Fate::Rejected`].
    pub fate: Fate,
    /// The source of the row that decided (`SMTP`, `AGENT`, ...), as logged; empty if none.
    pub source: Box<[u8]>,
}

/// What failed addresses have in common; the words of REPORT.md.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// Addresses that do not exist.
    NotFound,
    /// Mailboxes that are full.
    Full,
    /// Domains whose mail expired in the queue.
    Expired,
    /// What rules, agents and policies refused, by the source and the words.
    Refused,
}

/// Recipients and messages with something in common, with the earliest as examples.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Cases {
    pub recipients: i64,
    /// Messages with at least one such recipient.
    pub messages: i64,
    pub examples: Extremes,
}

impl Default for Cases {
    fn default() -> Self {
        Cases {
            recipients: 0,
            messages: 0,
            examples: Extremes::new(EXAMPLES),
        }
    }
}

impl Cases {
    /// Counts one recipient; `first` if it is the first of its message here.
    pub fn add(&mut self, path: &Path<'_>, recipient: &Recipient<'_>, first: bool, weight: i64) {
        self.count(path, Some(recipient), 1, first, weight);
    }

    /// Counts `recipients`; `recipient` is the one that an example names.
    pub fn count(
        &mut self,
        path: &Path<'_>,
        recipient: Option<&Recipient<'_>>,
        recipients: i64,
        first: bool,
        weight: i64,
    ) {
        self.recipients += weight * recipients;
        if first {
            self.messages += weight;
            self.examples.note(0, path, recipient, weight);
        }
    }

    /// Adds what `other` counted.
    pub fn merge(&mut self, other: Cases) {
        self.recipients += other.recipients;
        self.messages += other.messages;
        self.examples.merge(other.examples);
    }
}

/// What failed recipients have in common, and the address, domain or words.
type GroupKey = (Group, Box<[u8]>);

/// Failed and refused recipients by cause.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Failures {
    pub causes: Map<Cause, Cases>,
    /// Messages with such a recipient by code, whatever server decided.
    pub messages_by_code: Map<Option<StatusCode>, i64>,
    /// By what recipients have in common and address, domain or words.
    pub groups: Map<GroupKey, Counts>,
    /// By the Message-ID of a failure report: how often a failure named it, how often it was seen.
    pub reports: Map<Box<[u8]>, (i64, i64)>,
    /// Messages with a failed recipient and a sender, of which no row names a report.
    pub unreported: Cases,
}

impl Failures {
    /// Counts the recipients of `path` that failed or were refused.
    pub fn add(&mut self, path: &Path<'_>, weight: i64) {
        let failed = |r: &&Recipient<'_>| matches!(r.fate, Fate::Failed | Fate::Rejected);
        let failed: Vec<&Recipient<'_>> = path.recipients.iter().filter(failed).collect();
        if !failed.is_empty() {
            self.causes(path, &failed, weight);
        }
        self.report(path, weight);
    }

    fn causes(&mut self, path: &Path<'_>, failed: &[&Recipient<'_>], weight: i64) {
        let mut seen: HashSet<Cause> = HashSet::new();
        let (mut codes, mut groups) = (HashSet::new(), HashSet::new());
        for recipient in failed {
            let code = match recipient.reason {
                Reason::Logged(words) => StatusCode::find(words),
                _ => None,
            };
            let source = recipient.place.and_then(|place| path.notes.source(place));
            let cause = Cause {
                code,
                server: recipient.server,
                fate: recipient.fate,
                source: source.map_or(Box::default(), |source| Box::from(source.as_bytes())),
            };
            if codes.insert(code) {
                *self.messages_by_code.entry(code).or_default() += weight;
            }
            if let Some(key) = group_key(recipient, &cause) {
                let first = groups.insert(key.clone());
                self.groups.entry(key).or_default().add(first, weight);
            }
            let first = seen.insert(cause.clone());
            let cases = self.causes.entry(cause).or_default();
            cases.add(path, recipient, first, weight);
        }
    }

    /// Holds failures and the reports about them against each other.
    fn report(&mut self, path: &Path<'_>, weight: i64) {
        let mut named = path.notes.reported;
        for (relation, id) in &path.related {
            match relation {
                Relation::Report => {
                    named = true;
                    self.reports.entry(id.as_bytes().into()).or_default().0 += weight;
                }
                Relation::ReportOf if path.class == Class::Report => {
                    let own: &[u8] = path.message_id;
                    self.reports.entry(own.into()).or_default().1 += weight;
                }
                _ => {}
            }
        }
        let failed = path.recipients.iter().find(|r| r.fate == Fate::Failed);
        if let Some(recipient) = failed
            && !named
            && path.class == Class::Mail
        {
            self.unreported.add(path, recipient, true, weight);
        }
    }

    /// Adds what `other` counted.
    pub fn merge(&mut self, other: Failures) {
        for (cause, cases) in other.causes {
            self.causes.entry(cause).or_default().merge(cases);
        }
        for (code, messages) in other.messages_by_code {
            *self.messages_by_code.entry(code).or_default() += messages;
        }
        merge_counts(&mut self.groups, other.groups);
        for (id, (named, seen)) in other.reports {
            let report = self.reports.entry(id).or_default();
            report.0 += named;
            report.1 += seen;
        }
        self.unreported.merge(other.unreported);
    }
}

impl Failures {
    /// Gives servers other numbers.
    pub fn renumber(&mut self, new: &dyn Fn(ServerId) -> ServerId) {
        for (mut cause, mut cases) in std::mem::take(&mut self.causes) {
            cause.server = cause.server.map(new);
            cases.examples.renumber(new);
            self.causes.entry(cause).or_default().merge(cases);
        }
        self.unreported.examples.renumber(new);
    }
}

impl Group {
    /// The group of failures with this code.
    pub fn of(code: StatusCode) -> Option<Group> {
        match code {
            StatusCode::Enhanced(_, 1, 1 | 10) => Some(Group::NotFound),
            StatusCode::Enhanced(_, 2, 2) => Some(Group::Full),
            StatusCode::Enhanced(_, 4, 7 | 300) => Some(Group::Expired),
            StatusCode::Enhanced(_, 7, _) => Some(Group::Refused),
            _ => None,
        }
    }
}

/// What the failed recipient belongs to.
fn group_key(recipient: &Recipient<'_>, cause: &Cause) -> Option<GroupKey> {
    let group = group(cause)?;
    let what = match (group, recipient.reason) {
        (Group::Expired, _) => domain(recipient.address)
            .unwrap_or_default()
            .to_ascii_lowercase(),
        (Group::Refused, Reason::Logged(words)) => {
            let words = crate::status::last_error(words);
            [
                &cause.source,
                &b" "[..],
                &words[..words.len().min(REFUSAL_BYTES)],
            ]
            .concat()
        }
        (Group::Refused, _) => cause.source.to_vec(),
        _ => recipient.address.to_ascii_lowercase(),
    };
    Some((group, what.into()))
}

/// The group of a failure, by its code; what an agent failed was refused.
fn group(cause: &Cause) -> Option<Group> {
    let by_agent = (cause.source.as_ref() == b"AGENT").then_some(Group::Refused);
    cause.code.and_then(Group::of).or(by_agent)
}
