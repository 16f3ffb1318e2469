//! What ties messages: reports to what they report on, instances of one Message-ID.
//!
//! In: rows by shard. Out: [`Links`], looked up while paths are built. A report names the message it is about; the
//! other direction is known only after all rows were seen. Made only for commands that show messages.

use bstr::{BStr, BString, ByteSlice};
use bumpalo::Bump;
use hashbrown::{HashMap, HashSet};
use rayon::prelude::*;

use super::Ground;
use super::hop::Reported;
use crate::address::x400::is_proper_id;
use crate::dialect::foreign::hop::At;
use crate::dialect::{self, foreign, legacy};
use crate::event::Role;
use crate::keys::{Keys, Service};
use crate::path::{Path, Reason, Recipient, Relation};
use crate::row::{KeyKind, Row};
use crate::time::{HOUR, Time};

/// Ties by key of the Message-ID.
#[derive(Default)]
pub struct Links {
    /// Message-ID -> the first message seen under it.
    seen: HashMap<u64, u64>,
    /// Message-IDs under which several messages go.
    instances: HashSet<u64>,
    /// Message-ID of the original -> reports and journal copies about it.
    about: HashMap<u64, Vec<(Relation, BString)>>,
    /// What was made from copies that were not met yet: rows do not come in the order of time throughout.
    made: Vec<Made>,
    /// The copies of the last hour before the next window: copy, time of a row, Message-ID.
    copies: Vec<(u64, Time, BString)>,
}

/// So long after the last row of a copy a message is told to be made from it.
const RULES_ACT_WITHIN: i64 = HOUR / 6;

/// One shard's part.
#[derive(Default)]
struct Part {
    /// Message-ID, message.
    ids: Vec<(u64, u64)>,
    /// Message-ID of the original, relation, Message-ID of the other.
    references: Vec<(u64, Relation, BString)>,
    made: Vec<Made>,
}

/// A message that a server made from a copy on the same server. Of what rules make, the reference may be the number of
/// the copy that came in, and no Message-ID (`formats/modern.md`, section 9).
struct Made {
    copy: u64,
    at: Time,
    relation: Relation,
    id: BString,
}

impl Links {
    /// Goes through the rows of a window, which are those before `watermark`.
    pub fn note(&mut self, shards: &[Vec<Vec<Row>>], ground: &Ground<'_>, watermark: Time) {
        let parts: Vec<Part> = shards.par_iter().map(|rows| part(rows, ground)).collect();
        for part in parts {
            self.made.extend(part.made);
            for (id, message) in part.ids {
                if *self.seen.entry(id).or_insert(message) != message {
                    self.instances.insert(id);
                }
            }
            for (id, relation, by) in part.references {
                self.tie(id, relation, by);
            }
        }
        self.tie_made(shards, ground, watermark);
    }

    fn tie(&mut self, id: u64, relation: Relation, by: BString) {
        let about = self.about.entry(id).or_default();
        let tie = (relation, by);
        if let Err(at) = about.binary_search(&tie) {
            about.insert(at, tie);
        }
    }

    /// Ties what was made from copies to the messages whose copies they were. Rules act while the store takes a message in,
    /// and numbers of copies come again on 2007 and 2010: the last row of the number counts, of those shortly before.
    fn tie_made(&mut self, shards: &[Vec<Vec<Row>>], ground: &Ground<'_>, watermark: Time) {
        let wanted: HashSet<u64> = self.made.iter().map(|made| made.copy).collect();
        let since = Time(watermark.0.saturating_sub(HOUR));
        let is_of_use =
            |row: &Row| row.copy != 0 && (row.time >= since || wanted.contains(&row.copy));
        let of_copies = |rows: &Vec<Vec<Row>>| {
            let mut arena = Bump::new();
            let mut named = Vec::new();
            for row in rows.iter().flatten().filter(|row| is_of_use(row)) {
                let id = dialect::message_id(row, &ground.around(row, &arena)).to_owned();
                named.push((row.copy, row.time, id));
                arena.reset();
            }
            named
        };
        let mut copies: Vec<(u64, Time, BString)> =
            shards.par_iter().flat_map_iter(of_copies).collect();
        copies.append(&mut self.copies);
        copies.retain(|(.., id)| !id.is_empty());
        copies.sort_unstable();
        copies.dedup();
        for made in std::mem::take(&mut self.made) {
            let behind = copies.partition_point(|known| (known.0, known.1) <= (made.copy, made.at));
            let before = behind.checked_sub(1).map(|last| &copies[last]);
            let shortly = |known: &&(u64, Time, BString)| {
                known.0 == made.copy && known.1.0 >= made.at.0.saturating_sub(RULES_ACT_WITHIN)
            };
            let Some((.., from)) = before.filter(shortly) else {
                if made.at >= since {
                    self.made.push(made);
                }
                continue;
            };
            if *from != made.id {
                self.tie(ground.keys.message_id(from), made.relation, made.id.clone());
                self.tie(
                    ground.keys.message_id(&made.id),
                    made.relation,
                    from.clone(),
                );
            }
        }
        copies.retain(|(_, at, _)| *at >= since);
        self.copies = copies;
    }

    /// Reports of Postfix, Exim and Sendmail, and what they are about: by Message-ID, or by queue id where a log tells none.
    pub fn tie_reports(&mut self, reports: &[Reported], ground: &Ground<'_>) {
        let mut arena = Bump::new();
        for report in reports {
            let line = |at: At| {
                let slice = &ground.slices[at.chunk as usize];
                dialect::line_of(&slice.data[at.offset as usize..], slice.server, &arena).0
            };
            let named = |at: Option<At>| {
                let names = at.map(|at| foreign::names(line(at), &arena));
                names.map_or(BStr::new(b""), |[id, ..]| id)
            };
            let [_, id, other] = foreign::names(line(report.at), &arena);
            let ids = if report.is_own {
                (id, other)
            } else {
                (other, id)
            };
            let name = |named: &BStr, id: &BStr| -> BString {
                let name = if named.is_empty() { id } else { named };
                name.to_owned()
            };
            let (own, of) = (
                name(named(report.own), ids.0),
                name(named(report.about), ids.1),
            );
            for (one, relation, other) in [
                (&of, Relation::Report, &own),
                (&own, Relation::ReportOf, &of),
            ] {
                self.tie(ground.keys.message_id(one), relation, other.clone());
            }
            arena.reset();
        }
    }

    /// Adds to a path what other messages say about it.
    pub fn add_to<'p>(&'p self, path: &mut Path<'p>, keys: &Keys) {
        if self.about.is_empty() && self.instances.is_empty() {
            return;
        }
        // Some are known by their queue ids alone.
        let name = match (path.message_id.is_empty(), path.other_ids.first()) {
            (false, _) => path.message_id,
            (true, Some(id)) => *id,
            (true, None) => return,
        };
        let key = keys.message_id(name);
        if let Some(about) = self.about.get(&key) {
            let ties = about.iter().map(|(relation, by)| (*relation, by.as_bstr()));
            path.related.extend(ties);
        }
        each_once(&mut path.related, keys);
        if self.instances.contains(&key) {
            path.related.push((Relation::Instance, path.message_id));
            // The store suppresses a mail with a Message-ID that the mailbox had: of the other instance, or of a mail
            // that broken software sent with it.
            let unseen = |r: &&mut Recipient<'_>| r.reason == Reason::DuplicateOfUnseen;
            (path.recipients.iter_mut().filter(unseen))
                .for_each(|r| r.reason = Reason::DuplicateOfOther);
        }
    }
}

/// Leaves each tie once: connectors and MTAs write one id in different cases.
fn each_once(related: &mut Vec<(Relation, &BStr)>, keys: &Keys) {
    if related.len() > 1 {
        let mut known = HashSet::new();
        related.retain(|(relation, id)| known.insert((*relation, keys.message_id(id))));
    }
}

fn is_number(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(u8::is_ascii_digit)
}

fn part(rows: &[Vec<Row>], ground: &Ground<'_>) -> Part {
    let mut part = Part::default();
    let mut arena = Bump::new();
    for row in rows.iter().flatten() {
        let layout = &ground.layouts[usize::from(row.layout)];
        let is_report = || legacy::events::kind(row.code).is_some_and(|kind| kind.is_report);
        let names_report = layout.is_legacy() && row.role == Role::Fail;
        if layout.is_old_text() && row.kind == KeyKind::Message && !names_report && !is_report() {
            continue; // refers to nothing
        }
        let around = ground.around(row, &arena);
        let message_id = dialect::message_id(row, &around);
        // A row that is known by its Message-ID alone tells of no further instance: it belongs to the only one, be it
        // found in this window or in a later one.
        if !message_id.is_empty() && row.kind != KeyKind::Message {
            part.ids.push((ground.keys.message_id(message_id), row.key));
        }
        if matches!(row.role, Role::Report | Role::Receive) || layout.is_legacy() {
            let event = dialect::event(row, &around);
            let relation = match event.is_report {
                true => Relation::Report,
                false if names_report => Relation::ReportOf,
                false => Relation::of_made(&event),
            };
            let refers = event.is_report || event.generated || names_report;
            let reference = event.reference().text();
            if refers && is_proper_id(reference) && reference != message_id {
                let about = ground.keys.message_id(reference);
                part.references
                    .push((about, relation, message_id.to_owned()));
            } else if event.generated && is_number(reference) && !message_id.is_empty() {
                let server = ground.servers.name(event.server);
                part.made.push(Made {
                    copy: ground.keys.copy(server, Service::Transport, reference),
                    at: event.time,
                    relation,
                    id: message_id.to_owned(),
                });
            }
        }
        arena.reset();
    }
    part.ids.sort_unstable();
    part.ids.dedup();
    part
}
