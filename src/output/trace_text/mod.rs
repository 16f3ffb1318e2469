//! `trace --format text`: the whole path of a message, for a person.
//!
//! In: a [`Path`], the width of the page, and whether rows and colours are wanted. Out: what the message is, its
//! hops in order, its recipients as a tree with the fate of each, what is related, and at the end the
//! rows. Every claim names the row that proves it, or says what is missing.

mod fates;

use bstr::{BStr, ByteSlice};
use hashbrown::HashMap;

use crate::address::List;
use crate::event::{Role, ServerId};
use crate::figures;
use crate::inert::terminal;
use crate::output::sheet::{BOLD, DIM, Margin, PLAIN, Sheet};
use crate::output::{Context, clock, jsonl, words};
use crate::path::{Entry, Fate, Hop, HopRole, IdTie, Path, Relation, Step};
use crate::time::Time;

/// How a trace is laid out.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// Columns of the page.
    pub width: usize,
    /// Show the rows too.
    pub rows: bool,
    pub colour: bool,
}

/// Longer texts of the log are cut here: four full lines tell enough, and strangers choose the length.
const MAX_TEXT: usize = 320;
/// So many of the records that a hand-over may have led to are listed here; JSON has all.
const CANDIDATES: usize = 10;
/// Identifiers are for copying; real ones stay under a thousand characters.
const MAX_ID: usize = 1000;

/// Appends the message, with an empty line after it.
pub fn write(out: &mut Vec<u8>, path: &Path, context: &Context, layout: &Layout) {
    let sheet = Sheet {
        out,
        width: layout.width.max(40),
        colour: layout.colour,
    };
    let mut page = Page {
        sheet,
        path,
        context,
        stays: stays(path),
        attempts: attempts(path),
    };
    page.headline();
    page.hops();
    page.recipients();
    page.related();
    if layout.rows {
        page.rows();
    }
    page.raw();
    page.sheet.blank();
}

/// The page of one message.
struct Page<'p, 'd, 'c, 'n, 'o> {
    sheet: Sheet<'o>,
    path: &'p Path<'d>,
    context: &'c Context<'n>,
    stays: HashMap<ServerId, AtServer>,
    /// By address in lower case: rows that say that it failed, each with the status.
    attempts: HashMap<Vec<u8>, Vec<(&'p Step<'d>, &'d [u8])>>,
}

/// What the hops and recipients of a message tell of its stay on one server.
#[derive(Default)]
struct AtServer {
    first_received: Option<Time>,
    last_sent: Option<Time>,
    /// What became of the first recipient for whom it went no further.
    ended: Option<Fate>,
}

fn stays(path: &Path) -> HashMap<ServerId, AtServer> {
    let mut stays: HashMap<ServerId, AtServer> = HashMap::new();
    for hop in &path.hops {
        let stay = stays.entry(hop.server).or_default();
        stay.first_received = (stay.first_received.into_iter().chain(hop.received)).min();
        stay.last_sent = stay.last_sent.max(hop.sent);
    }
    for recipient in &path.recipients {
        let held = matches!(
            recipient.fate,
            Fate::Failed | Fate::Dropped | Fate::Quarantined
        );
        if let Some(server) = recipient.server.filter(|_| held) {
            let stay = stays.entry(server).or_default();
            stay.ended = stay.ended.or(Some(recipient.fate));
        }
    }
    stays
}

/// The failures of recipients whom the message reached all the same.
fn attempts<'p, 'd>(path: &'p Path<'d>) -> HashMap<Vec<u8>, Vec<(&'p Step<'d>, &'d [u8])>> {
    let mut attempts: HashMap<_, Vec<_>> = HashMap::new();
    for step in path.steps.iter().filter(|step| step.role == Role::Fail) {
        let statuses = List(step.detail);
        let each = statuses.count() == List(step.recipients).count();
        let mut next = statuses.into_iter();
        for address in List(step.recipients) {
            let own = next.next().filter(|_| each).unwrap_or(step.detail);
            let of_one = attempts.entry(address.to_ascii_lowercase()).or_default();
            of_one.push((step, own));
        }
    }
    attempts
}

impl<'p, 'd> Page<'p, 'd, '_, '_, '_> {
    fn headline(&mut self) {
        let path = self.path;
        let subject = match text(path.subject) {
            subject if subject.is_empty() => "(no subject logged)".to_string(),
            subject => subject,
        };
        self.sheet.paragraph(
            &Margin {
                first: "",
                rest: "  ",
            },
            &[(BOLD, &subject)],
        );
        let mut from = text(path.sender);
        if path.return_path != path.sender && !path.return_path.is_empty() {
            from = format!("{from} (return path {})", text(path.return_path));
        }
        self.field("From", &from);
        self.field("When", &self.when());
        self.field("Message-ID", &terminal(path.message_id, MAX_ID));
        self.field("Network ID", &terminal(path.network_message_id, MAX_ID));
        for (i, id) in path.other_ids.iter().enumerate() {
            let id = terminal(id, MAX_ID);
            let tie = path.id_ties.get(i).map(|tie| self.id_tie(*tie));
            self.field("Other ID", &format!("{id}{}", tie.unwrap_or_default()));
        }
        if path.size_bytes > 0 {
            self.field("Size", &figures::size(path.size_bytes as i64));
        }
        self.field("Origin", &self.origin());
        let class = words::class(path.class);
        let kind = format!(
            "{class}, {}, {} row{}",
            words::direction(path.direction),
            path.rows,
            if path.rows == 1 { "" } else { "s" }
        );
        self.field("Kind", &kind);
        if path.reopened {
            self.field(
                "Note",
                "came back after it had been closed: another entry has its beginning",
            );
        }
        self.field("Status", &words::outcome(path));
    }

    /// Why another id is this message's.
    fn id_tie(&self, tie: IdTie) -> String {
        match tie {
            IdTie::Row(place) => {
                let place = terminal((self.context.place)(place).as_bytes(), MAX_ID);
                format!(" (in one row with the Message-ID: {place})")
            }
            IdTie::Form => " (inferred: one is made from the other)".to_string(),
            IdTie::Chain => " (tied by rows with a third id)".to_string(),
        }
    }

    fn field(&mut self, name: &str, value: &str) {
        if !value.is_empty() {
            let margin = Margin {
                first: &format!("{name:<11} "),
                rest: "            ",
            };
            self.sheet.paragraph(&margin, &[(PLAIN, value)]);
        }
    }

    fn when(&self) -> String {
        let (first, last, zone) = (self.path.first_seen, self.path.last_seen, self.context.zone);
        let offset = clock::offset(first, zone);
        let start = format!("{} {offset}", clock::date_time(first, zone));
        if last <= first {
            return start;
        }
        let span = words::duration(last.millis_since(first));
        format!("{start}, last row {} ({span} later)", self.clock(last))
    }

    fn origin(&self) -> String {
        let origin = &self.path.origin;
        let mut parts = Vec::new();
        match (text(origin.client_host), text(origin.client_ip)) {
            (host, ip) if !host.is_empty() && !ip.is_empty() => {
                parts.push(format!("{host} [{ip}]"))
            }
            (host, ip) => parts.extend([host, ip].into_iter().filter(|part| !part.is_empty())),
        }
        if let Some(server) = origin.server {
            let how = match self.path.entry {
                Entry::Generated => "made by",
                _ => "to",
            };
            parts.push(format!("{how} {}", text((self.context.server)(server))));
        }
        if !origin.connector.is_empty() {
            parts.push(format!("by {}", text(origin.connector)));
        }
        parts.join(" ")
    }

    /// The time of day, with the date where it is not that of the first row.
    fn clock(&self, time: Time) -> String {
        clock::time_of_day(time, self.path.first_seen, self.context.zone)
    }

    fn title(&mut self, title: &str) {
        self.sheet.blank();
        self.sheet.paragraph(
            &Margin {
                first: "",
                rest: "",
            },
            &[(BOLD, title)],
        );
    }

    fn hops(&mut self) {
        let path = self.path;
        if path.hops.is_empty() {
            return;
        }
        self.title("Hops");
        for (i, hop) in path.hops.iter().enumerate() {
            self.hop(hop, i + 1 == path.hops.len());
        }
    }

    fn hop(&mut self, hop: &Hop, last: bool) {
        let (first, rest) = branches("", last);
        let under = format!("{rest}  ");
        let name = text((self.context.server)(hop.server));
        let mut arrival = words::hop_role(hop.role).to_string();
        match hop.received {
            Some(received) => arrival += &format!(", received {}", self.clock(received)),
            // Mailbox delivery never logs an arrival.
            None if hop.role == HopRole::Delivery => {}
            // Servers of 2003 and before log arrival and departure of one copy as if they were two.
            None if self.came_before(hop) => {}
            None => arrival += ", no row tells when it came,",
        }
        if !hop.from.is_empty() {
            arrival += &format!(" from {}", text(hop.from));
        }
        let margin = Margin {
            first: &first,
            rest: &under,
        };
        self.sheet
            .paragraph(&margin, &[(BOLD, &name), (PLAIN, &arrival)]);
        let margin = Margin {
            first: &under,
            rest: &under,
        };
        self.sheet
            .paragraph(&margin, &[(PLAIN, &self.departure(hop))]);
        if let Some((by, proof)) = hop.link {
            let proof = terminal((self.context.place)(proof).as_bytes(), MAX_ID);
            let words = format!("linked by {}", by.words());
            self.sheet
                .paragraph(&margin, &[(PLAIN, &words), (DIM, &proof)]);
        }
        if !hop.candidates.is_empty() {
            let words = format!(
                "ambiguous: {} records there fit, none is picked:",
                hop.candidates.len()
            );
            self.sheet.paragraph(&margin, &[(PLAIN, &words)]);
        }
        for candidate in hop.candidates.iter().take(CANDIDATES) {
            let name = format!("  {} {}", text(candidate.server), text(candidate.id));
            let place = terminal((self.context.place)(candidate.place).as_bytes(), MAX_ID);
            self.sheet
                .paragraph(&margin, &[(PLAIN, &name), (DIM, &place)]);
        }
        if hop.candidates.len() > CANDIDATES {
            self.sheet.paragraph(&margin, &[(PLAIN, "  ...")]);
        }
        self.evidence(hop.place, &under);
    }

    fn departure(&self, hop: &Hop) -> String {
        let Some(sent) = hop.sent else {
            return self.end_of_the_way(hop);
        };
        let mut departure = match hop.to.is_empty() {
            true => format!("done {}", self.clock(sent)),
            false => format!("to {} {}", text(hop.to), self.clock(sent)),
        };
        if let Some(delay) = jsonl::hop_delay(hop.received, hop.sent) {
            departure += &format!(" after {}", words::duration(delay));
        }
        if !hop.connector.is_empty() {
            departure += &format!(" by {}", text(hop.connector));
        }
        if self.path.infers_hop(hop) {
            departure += " (inferred)";
        }
        departure
    }

    /// A copy that did not leave: its recipients ended here, or a row is missing.
    fn end_of_the_way(&self, hop: &Hop) -> String {
        let stay = &self.stays[&hop.server];
        match stay.ended {
            Some(fate) => format!("went no further: {}", fate.word()),
            // Another hop tells how it went on from there.
            None if hop.received.is_some() && stay.last_sent >= hop.received => {
                "went on inside the server".to_string()
            }
            None => "no row tells that it left".to_string(),
        }
    }

    /// Whether another hop tells when the message came to this hop's server.
    fn came_before(&self, hop: &Hop) -> bool {
        let first = self.stays[&hop.server].first_received;
        first.is_some_and(|received| Some(received) <= hop.sent)
    }

    fn evidence(&mut self, place: Option<crate::event::Place>, under: &str) {
        if let Some(place) = place {
            let place = terminal((self.context.place)(place).as_bytes(), MAX_ID);
            self.sheet.paragraph(
                &Margin {
                    first: under,
                    rest: under,
                },
                &[(DIM, &place)],
            );
        }
    }

    fn related(&mut self) {
        let path = self.path;
        if path.related.is_empty() {
            return;
        }
        self.title("Related messages");
        let made = path.entry == Entry::Generated;
        for (i, (relation, id)) in path.related.iter().enumerate() {
            let (first, rest) = branches("", i + 1 == path.related.len());
            let what = match relation {
                Relation::Report => "report about this message:",
                Relation::ReportOf => "this is a report about",
                Relation::Instance => "another instance of this message:",
                Relation::Journal if made => "journal copy of",
                Relation::Journal => "journal copy:",
                Relation::Forward if made => "made by a rule, or for approval, from",
                Relation::Forward => "made from this one by a rule, or for approval:",
            };
            let shown = terminal(id, MAX_ID);
            let inferred = if path.infers_relation(id) {
                "(inferred)"
            } else {
                ""
            };
            let margin = Margin {
                first: &first,
                rest: &rest,
            };
            self.sheet
                .paragraph(&margin, &[(PLAIN, what), (PLAIN, &shown), (DIM, inferred)]);
        }
    }

    fn rows(&mut self) {
        let path = self.path;
        if path.steps.is_empty() {
            return;
        }
        self.title("Rows");
        for (i, step) in path.steps.iter().enumerate() {
            let (first, rest) = branches("", i + 1 == path.steps.len());
            self.step(step, &first, &format!("{rest}  "));
        }
    }

    /// Rows as logged: in one line each, whatever the page's width, so that they can be taken out of it.
    fn raw(&mut self) {
        let path = self.path;
        if path.raw.is_empty() {
            return;
        }
        self.title("Rows as logged");
        for (place, bytes) in &path.raw {
            self.evidence(Some(*place), "");
            let row = terminal(bytes, usize::MAX);
            self.sheet.out.extend_from_slice(row.as_bytes());
            self.sheet.out.push(b'\n');
        }
    }

    fn step(&mut self, step: &Step, first: &str, under: &str) {
        let time = self.clock(step.time);
        let server = step
            .server
            .map(|id| text((self.context.server)(id)))
            .unwrap_or_default();
        let event = format!("{} {}", text(step.source), text(step.event));
        let mut who = text(step.recipients).replace(';', "; ");
        if !step.related.is_empty() {
            who += &format!(" (was {})", text(step.related));
        }
        let peer = match step.peer.is_empty() {
            true => String::new(),
            false => format!("peer {}", text(step.peer)),
        };
        let pieces = [
            (PLAIN, time.as_str()),
            (PLAIN, &server),
            (BOLD, &event),
            (PLAIN, &who),
        ];
        self.sheet
            .paragraph(&Margin { first, rest: under }, &pieces);
        let detail = text(step.detail);
        if !(peer.is_empty() && detail.is_empty()) {
            let margin = Margin {
                first: under,
                rest: under,
            };
            self.sheet
                .paragraph(&margin, &[(PLAIN, &peer), (PLAIN, &detail)]);
        }
        self.evidence(Some(step.place), under);
    }
}

/// Text of the log, harmless and of bearable length.
fn text(logged: &BStr) -> String {
    terminal(logged.as_bytes(), MAX_TEXT)
}

/// What stands before a branch and before everything under it.
fn branches(margin: &str, last: bool) -> (String, String) {
    match last {
        true => (format!("{margin}└─ "), format!("{margin}   ")),
        false => (format!("{margin}├─ "), format!("{margin}│  ")),
    }
}

#[cfg(test)]
mod tests;
