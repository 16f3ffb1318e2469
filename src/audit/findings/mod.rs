//! Findings ranked and put into words.
//!
//! In: the answers of all questions. Out: [`Finding`]s, the gravest first. Words are careful: they say what is seen,
//! name the harmless reasons, and accuse nobody.

mod change;
mod loss;
mod notes;

use std::collections::BTreeMap;

use super::chunk::{Back, LogIds};
use super::coverage::Server;
use super::files::{Edge, Headers};
use super::handover::HandOvers;
use super::ids::Fall;
use super::mentions::Hole;
use super::twice::Twice;
use super::{Facts, Finding, KEPT, Spot, Weight};
use crate::event::{Place, ServerId};

/// The answers.
pub struct Seen<'s> {
    pub twice: &'s Twice,
    pub equal: Vec<(u32, u32)>,
    pub back: &'s Back,
    pub log_ids: &'s LogIds,
    pub falls: Vec<Fall>,
    pub met: &'s HandOvers,
    pub holes: Vec<Hole>,
    pub headers: &'s Headers,
    pub edges: BTreeMap<Edge, Vec<u32>>,
    pub coverage: &'s [Server],
}

/// All findings. Within a weight they stand in the order in which they are looked for here: first what
/// weighs most.
pub fn findings(seen: &Seen<'_>, facts: &Facts<'_>) -> Vec<Finding> {
    let mut all = Vec::new();
    loss::unreadable(facts, &mut all);
    loss::in_part(facts, &mut all);
    loss::cut_exports(facts, &mut all);
    loss::missing_numbers(facts, &mut all);
    loss::unread_servers(seen, facts, &mut all);
    loss::silences(seen, facts, &mut all);
    loss::holes(seen, facts, &mut all);
    loss::missing_receives(seen, facts, &mut all);
    loss::edges(seen, facts, &mut all);
    loss::bad_rows(facts, &mut all);
    change::altered(seen, facts, &mut all);
    change::log_ids(seen, facts, &mut all);
    change::falls(seen, facts, &mut all);
    change::back(seen, facts, &mut all);
    change::clocks(seen, facts, &mut all);
    notes::twice(seen, facts, &mut all);
    notes::headers(seen, facts, &mut all);
    notes::unknown_events(facts, &mut all);
    notes::left_out(facts, &mut all);
    notes::stamps(facts, &mut all);
    notes::hosts(facts, &mut all);
    notes::other_programs(facts, &mut all);
    all.sort_by_key(|finding| finding.weight);
    all
}

fn finding(
    weight: Weight,
    kind: &'static str,
    count: u64,
    what: String,
    first: Vec<String>,
) -> Finding {
    Finding {
        weight,
        kind,
        count,
        what,
        more: !first.is_empty() && count > first.len() as u64,
        first,
    }
}

impl Finding {
    /// The list is of `all` things, which are not what the sentence counts.
    fn listing(self, all: usize) -> Finding {
        let more = all > self.first.len();
        Finding { more, ..self }
    }
}

fn evidence(facts: &Facts<'_>, places: &[Place]) -> Vec<String> {
    let first = places.iter().take(KEPT);
    first.map(|place| facts.inputs.evidence(*place)).collect()
}

fn spot(facts: &Facts<'_>, spot: Spot) -> String {
    facts.inputs.evidence(spot.place(facts.plan))
}

fn name(facts: &Facts<'_>, server: ServerId) -> String {
    facts.servers.name(server).to_string()
}
