//! What rows say beside the fates: deferrals, who decided failures, and oddities.
//!
//! In: the events of one message. Out: [`Notes`]. They change no fate; the report counts them.

use bstr::{BStr, ByteSlice};

use crate::address::List;
use crate::event::{Event, Place, Raw, Role, ServerId};
use crate::time::Time;

/// What is worth a line in the report beside the fates.
#[derive(Clone, Debug, Default)]
pub struct Notes<'d> {
    /// The row by which the message came in.
    pub entry: Option<Place>,
    pub deferrals: Vec<Deferral<'d>>,
    /// The source (`SMTP`, `AGENT`, ...) of the rows that failed, dropped or refused, in the order of their places.
    sources: Vec<(Place, &'d BStr)>,
    pub oddities: Vec<Oddity<'d>>,
    /// Every server that handled the message, each once.
    pub servers: Vec<ServerId>,
    /// The ways out of servers, as often as they were taken.
    pub ways: Vec<Way<'d>>,
    /// A row says that a report was made, and names it by its queue id alone.
    pub reported: bool,
    /// Where the time went, as rows by which recipients arrived tell it.
    pub timings: Vec<Raw<'d>>,
}

/// A copy left a server.
#[derive(Clone, Copy, Debug)]
pub struct Way<'d> {
    pub server: ServerId,
    pub connector: &'d BStr,
    /// The host it was given to, as logged.
    pub to: &'d BStr,
    pub outside: bool,
    /// Whom the copy was for, as the row names them.
    pub recipients: u32,
    /// Milliseconds since the message first came to this server.
    pub stay_ms: Option<i64>,
}

/// One row that put delivery off.
#[derive(Clone, Copy, Debug)]
pub struct Deferral<'d> {
    pub server: ServerId,
    pub time: Time,
    /// The reason, as logged.
    pub words: &'d BStr,
    /// Whom the row names.
    pub recipients: List<'d>,
}

/// What is odd about a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Odd {
    /// Suppressed, because the recipient had it already.
    Duplicate,
    /// Put back into a queue (safety net, redundancy).
    Resubmitted,
    /// Suspected to crash the server.
    Poison,
    /// Waited for, was refused by, or had no moderator.
    Moderated,
    /// Failed, dropped, held, redirected or made by an agent or a mailbox rule.
    Rule,
}

/// One odd row.
#[derive(Clone, Copy, Debug)]
pub struct Oddity<'d> {
    pub odd: Odd,
    /// Event as logged.
    pub what: &'d BStr,
    /// Source as logged, and for a rule the agent's name.
    pub by: (&'d BStr, &'d BStr),
    pub recipients: u32,
    pub place: Place,
}

impl<'d> Notes<'d> {
    /// The source of the row at `place`, if it failed, dropped or refused somebody.
    pub fn source(&self, place: Place) -> Option<&'d BStr> {
        let at = self.sources.binary_search_by_key(&place, |(at, _)| *at);
        at.ok().map(|at| self.sources[at].1)
    }
}

/// Collects the notes of a message in `notes`, which are empty; `came` is room.
pub(super) fn of<'d>(
    events: &[Event<'d>],
    entry: Place,
    mut notes: Notes<'d>,
    came: &mut Vec<Option<Time>>,
) -> Notes<'d> {
    notes.entry = Some(entry);
    // When the message first came to each of those servers: rows stand in the order of time.
    came.clear();
    for event in events {
        let server = notes
            .servers
            .iter()
            .position(|known| *known == event.server);
        let server = server.unwrap_or_else(|| {
            notes.servers.push(event.server);
            came.push(None);
            came.len() - 1
        });
        if !event.timing().is_empty() {
            notes.timings.push(event.timing());
        }
        match event.role {
            Role::Send | Role::Leave => notes.ways.push(way(event, came[server])),
            Role::Receive | Role::Report | Role::Resubmit => {
                came[server] = came[server].or(Some(event.time))
            }
            Role::Fail | Role::Drop | Role::Quarantine => {
                notes.sources.push((event.place, event.source().text()));
            }
            Role::Info if event.name == "report" => notes.reported = true,
            Role::Defer if event.name != "INITMESSAGECREATED" => {
                notes.deferrals.push(deferral(event));
            }
            _ => {}
        }
        if let Some(odd) = odd(event) {
            notes.oddities.push(oddity(event, odd));
        }
    }
    notes.sources.sort_unstable_by_key(|(place, _)| *place);
    notes
}

/// `came`: when the message first came to the server, as rows before this one say.
fn way<'d>(event: &Event<'d>, came: Option<Time>) -> Way<'d> {
    Way {
        server: event.server,
        connector: event.connector().text(),
        to: event.server_host().text(),
        outside: event.role == Role::Leave,
        recipients: event.recipients.count() as u32,
        stay_ms: came.map(|came| event.time.millis_since(came)),
    }
}

fn odd(event: &Event<'_>) -> Option<Odd> {
    match event.role {
        Role::Duplicate => Some(Odd::Duplicate),
        Role::Resubmit => Some(Odd::Resubmitted),
        Role::Defer if event.name == "INITMESSAGECREATED" => Some(Odd::Moderated),
        Role::Fail | Role::Drop | Role::Quarantine | Role::Redirect => {
            odd_end(event).or_else(|| by_rule(event))
        }
        Role::Receive if event.generated => by_rule(event),
        _ => None,
    }
}

fn odd_end(event: &Event<'_>) -> Option<Odd> {
    match event.name.as_bytes() {
        b"POISONMESSAGE" => Some(Odd::Poison),
        b"MODERATORREJECT" | b"MODERATIONEXPIRE" => Some(Odd::Moderated),
        _ => None,
    }
}

/// Rows of the rules' own accounts (AGENTINFO) change no fate and are only counted, so what rules did is
/// told by the rows that did it.
fn by_rule(event: &Event<'_>) -> Option<Odd> {
    let source = event.source().text();
    (source == "AGENT" || source == "MAILBOXRULE").then_some(Odd::Rule)
}

fn oddity<'d>(event: &Event<'d>, odd: Odd) -> Oddity<'d> {
    let agent = match odd {
        Odd::Rule => event.context().text(),
        _ => BStr::new(b""),
    };
    Oddity {
        odd,
        what: event.name,
        by: (event.source().text(), agent),
        recipients: event.recipients.count() as u32,
        place: event.place,
    }
}

fn deferral<'d>(event: &Event<'d>) -> Deferral<'d> {
    let statuses = event.statuses().text();
    let words = if statuses.is_empty() {
        event.context().text()
    } else {
        statuses
    };
    Deferral {
        server: event.server,
        time: event.time,
        words,
        recipients: event.recipients,
    }
}
