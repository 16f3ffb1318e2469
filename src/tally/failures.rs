//! What failed or was refused, by status code and server.
//!
//! In: paths; of their recipients those that failed or were refused. Out: [`Failures`]. The code is read
//! from the log's own words; what it means is said by the report.

use crate::event::ServerId;
use crate::path::{Fate, Path, Reason};
use crate::status::StatusCode;
use crate::tally::Map;
use crate::tally::extremes::Extremes;

/// Examples shown per line.
pub const EXAMPLES: usize = 3;

/// What failures have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cause {
    /// `None` where the logged words hold no code.
    pub code: Option<StatusCode>,
    /// The server whose row decided.
    pub server: Option<ServerId>,
    /// [`Fate::Failed`] or [`Fate::Rejected`].
    pub fate: Fate,
}

/// Recipients and messages with something in common, with the earliest as examples.
#[derive(Clone, Debug)]
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
    pub fn add(
        &mut self,
        path: &Path<'_>,
        recipient: &crate::path::Recipient<'_>,
        first: bool,
        weight: i64,
    ) {
        self.recipients += weight;
        if first {
            self.messages += weight;
            self.examples.note(0, path, Some(recipient), weight);
        }
    }

    /// Adds what `other` counted.
    pub fn merge(&mut self, other: Cases) {
        self.recipients += other.recipients;
        self.messages += other.messages;
        self.examples.merge(other.examples);
    }
}

/// Failed and refused recipients by cause.
#[derive(Clone, Debug, Default)]
pub struct Failures {
    pub causes: Map<Cause, Cases>,
}

impl Failures {
    /// Counts the recipients of `path` that failed or were refused.
    pub fn add(&mut self, path: &Path<'_>, weight: i64) {
        // Few causes per message, so a list is the quickest set.
        let mut seen: Vec<Cause> = Vec::new();
        for recipient in &path.recipients {
            if !matches!(recipient.fate, Fate::Failed | Fate::Rejected) {
                continue;
            }
            let code = match recipient.reason {
                Reason::Logged(words) => StatusCode::find(words),
                _ => None,
            };
            let cause = Cause {
                code,
                server: recipient.server,
                fate: recipient.fate,
            };
            let first = !seen.contains(&cause);
            if first {
                seen.push(cause);
            }
            let cases = self.causes.entry(cause).or_default();
            cases.add(path, recipient, first, weight);
        }
    }

    /// Adds what `other` counted.
    pub fn merge(&mut self, other: Failures) {
        for (cause, cases) in other.causes {
            self.causes.entry(cause).or_default().merge(cases);
        }
    }
}
