//! What failed or was refused, by status code, in plain words.
//!
//! In: the tally's causes. Out: the section `failures`.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::path::Fate;
use crate::report::{Message, Names};
use crate::status::StatusCode;
use crate::tally::failures as tally;

/// The section `failures`, most recipients first.
#[derive(Clone, Debug, Serialize)]
pub struct Failures {
    /// Recipients that failed after acceptance.
    pub failed: i64,
    /// Recipients refused before acceptance: not in the balance.
    pub rejected: i64,
    pub by_code: Vec<ByCode>,
    pub by_code_and_server: Vec<Cause>,
}

/// Failures with one code.
#[derive(Clone, Debug, Serialize)]
pub struct ByCode {
    /// Enhanced status code, or the reply code; null where the log has neither.
    pub code: Option<String>,
    pub meaning: &'static str,
    pub failed: i64,
    pub rejected: i64,
}

/// Failures with one code on one server.
#[derive(Clone, Debug, Serialize)]
pub struct Cause {
    pub code: Option<String>,
    pub meaning: &'static str,
    pub server: Option<String>,
    pub fate: Fate,
    pub recipients: i64,
    /// Messages with such a recipient.
    pub messages: i64,
    /// The earliest few.
    pub examples: Vec<Message>,
}

/// The section `failures`.
pub fn failures(sums: &tally::Failures, names: &Names<'_>) -> Failures {
    let mut by_code: BTreeMap<Option<StatusCode>, ByCode> = BTreeMap::new();
    let mut causes = Vec::new();
    for (cause, cases) in &sums.causes {
        if cases.recipients == 0 {
            continue;
        }
        let line = by_code.entry(cause.code).or_insert_with(|| ByCode {
            code: written(cause.code),
            meaning: meaning(cause.code),
            failed: 0,
            rejected: 0,
        });
        match cause.fate {
            Fate::Rejected => line.rejected += cases.recipients,
            _ => line.failed += cases.recipients,
        }
        let examples = cases.examples.first(tally::EXAMPLES);
        causes.push(Cause {
            code: written(cause.code),
            meaning: meaning(cause.code),
            server: cause.server.map(names),
            fate: cause.fate,
            recipients: cases.recipients,
            messages: cases.messages,
            examples: examples.iter().map(|e| Message::new(e, names)).collect(),
        });
    }
    causes.sort_by(|a, b| {
        (b.recipients.cmp(&a.recipients))
            .then_with(|| (&a.code, &a.server, a.fate).cmp(&(&b.code, &b.server, b.fate)))
    });
    let mut by_code: Vec<ByCode> = by_code.into_values().collect();
    by_code.sort_by_key(|line| -(line.failed + line.rejected));
    Failures {
        failed: by_code.iter().map(|line| line.failed).sum(),
        rejected: by_code.iter().map(|line| line.rejected).sum(),
        by_code,
        by_code_and_server: causes,
    }
}

fn written(code: Option<StatusCode>) -> Option<String> {
    code.map(|code| code.to_string())
}

fn meaning(code: Option<StatusCode>) -> &'static str {
    code.map_or("No status code logged", StatusCode::meaning)
}
