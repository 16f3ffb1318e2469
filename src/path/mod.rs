//! One message and what became of it: the plain result that every command prints.
//!
//! In: nothing; this file holds the types. Out: [`Path`], built by [`build`] from the events of one
//! message. Text is borrowed from the logs and decoded only when printed.

pub mod anonymous;
pub mod buffers;
pub mod build;
pub mod domains;
mod entry;
mod hops;
mod instant;
pub mod notes;
mod roster;
mod trail;

use bstr::BStr;
use serde::{Deserialize, Serialize};

use crate::event::{Event, Link, Place, Record, Role, ServerId};
use crate::time::Time;

/// What kind of mail a message is (SEMANTICS, section 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Mail between people and programs.
    Mail,
    /// Delivery reports, receipts and other mail with the null return path.
    Report,
    /// Monitoring traffic (HealthMailbox, inboundproxy).
    Probe,
    /// The system talking to itself (arbitration and system mailboxes, migration, journal).
    System,
}

/// Who wrote to whom, seen from the organisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From outside to here.
    Inbound,
    /// From here to outside.
    Outbound,
    /// From here to here.
    Internal,
    /// From outside to outside.
    Relayed,
    /// Sender or recipient has no domain.
    Unknown,
}

/// How a message came into the organisation, for the balance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Entry {
    /// Handed in by a mailbox.
    Submitted,
    /// Taken over SMTP or from a folder or gateway.
    Received,
    /// Made by a server: a report, a journal copy, an approval request.
    Generated,
    /// The logs begin in the middle.
    Unknown,
}

/// What became of one recipient (SEMANTICS, section 4). The order is strength: the strongest known wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// In the mailbox.
    Delivered,
    /// Accepted by a host outside the organisation.
    Transferred,
    /// Held by a filter.
    Quarantined,
    /// Permanently failed.
    Failed,
    /// Dropped without a report.
    Dropped,
    /// Refused before acceptance.
    Rejected,
    /// Still in a queue.
    Pending,
    /// The trail ends where logs are missing.
    Unknown,
    /// A list, replaced by its members.
    Expanded,
    /// Replaced by another recipient, not delivered itself.
    Redirected,
}

impl Fate {
    /// All fates in the order of the report.
    pub const ALL: [Fate; 10] = [
        Fate::Delivered,
        Fate::Transferred,
        Fate::Failed,
        Fate::Dropped,
        Fate::Quarantined,
        Fate::Rejected,
        Fate::Pending,
        Fate::Unknown,
        Fate::Expanded,
        Fate::Redirected,
    ];

    /// The word of the contract.
    pub fn word(self) -> &'static str {
        match self {
            Fate::Delivered => "delivered",
            Fate::Transferred => "transferred",
            Fate::Quarantined => "quarantined",
            Fate::Failed => "failed",
            Fate::Dropped => "dropped",
            Fate::Rejected => "rejected",
            Fate::Pending => "pending",
            Fate::Unknown => "unknown",
            Fate::Expanded => "expanded",
            Fate::Redirected => "redirected",
        }
    }

    /// Whether nothing more is expected to happen to the recipient.
    pub fn is_final(self) -> bool {
        !matches!(self, Fate::Pending | Fate::Unknown)
    }
}

/// What became of a whole message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Status {
    /// Every recipient delivered or transferred, at least one delivered.
    #[serde(rename = "delivered")]
    Delivered,
    /// Some delivered or transferred, some not.
    #[serde(rename = "partly delivered")]
    PartlyDelivered,
    /// Every recipient handed to the outside.
    #[serde(rename = "transferred")]
    Transferred,
    /// None arrived, at least one failed or was refused.
    #[serde(rename = "failed")]
    Failed,
    /// None arrived, all dropped or held.
    #[serde(rename = "dropped")]
    Dropped,
    /// None arrived yet, at least one is in a queue.
    #[serde(rename = "pending")]
    Pending,
    /// The trail ends where logs are missing.
    #[serde(rename = "unknown")]
    Unknown,
}

/// Why a recipient has its fate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason<'d> {
    /// Nothing to explain.
    None,
    /// The log's own words: an SMTP reply, an agent's name, a last error.
    Logged(&'d BStr),
    /// Delivered by inference: handed to mailbox delivery on a server whose log was not read.
    HandedToMailbox(&'d BStr),
    /// Handed to a server of which no log was read, or none for that time.
    NoLogOf(&'d BStr),
    /// Handed to a server whose log covers that time but has no row of what became of the recipient.
    NoRowOn(&'d BStr),
    /// The logs of this server end before the next step.
    LogEndsOn(ServerId),
    /// Waits in the queue of this server; no deferral was logged.
    InQueueOf(ServerId),
    /// Gone from the queue of this server; no row says what became of it.
    GoneFrom(ServerId),
    /// Put off on this server, which logged no reason.
    PutOffOn(ServerId),
    /// Suppressed as a duplicate, and the logs hold no delivery it could duplicate.
    DuplicateOfUnseen,
    /// The same, and another message has the same Message-ID: by that the store tells duplicates.
    DuplicateOfOther,
}

/// How an address came to be a recipient, one link of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// Member of a list that was expanded.
    Expanded,
    /// Put in place of, or beside, another recipient (forward, rule).
    Redirected,
    /// Another name of the same recipient.
    Resolved,
}

/// One address of a message and its fate.
#[derive(Clone, Debug)]
pub struct Recipient<'d> {
    /// As first logged; compared and printed without case.
    pub address: &'d BStr,
    pub fate: Fate,
    /// When the fate was decided; for `unknown` the last sighting.
    pub at: Option<Time>,
    /// The server whose row decided the fate (the mailbox server for a delivery).
    pub server: Option<ServerId>,
    pub reason: Reason<'d>,
    /// Next try, as logged, of a pending recipient.
    pub next_try: Option<Time>,
    /// The chain of lists, redirects and renames that led here, nearest first.
    pub via: Vec<(Via, &'d BStr)>,
    /// From the message's entry to the deciding row, by the clocks of both servers.
    pub latency_ms: Option<i64>,
    pub direction: Direction,
    /// The row that decided the fate.
    pub place: Option<Place>,
    /// No row before the terminal one was found: the logs begin in the middle.
    pub origin_unknown: bool,
    /// How often delivery of this recipient was put off.
    pub deferrals: u32,
    /// Why it was put off last, in the log's own words.
    pub put_off: &'d BStr,
}

/// Who wrote a hop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HopRole {
    /// A mailbox server's submission service.
    Submit,
    /// A transport server.
    Transport,
    /// Mailbox delivery.
    Delivery,
    /// A server that sent to the outside.
    Edge,
}

/// A copy's stay on one server.
#[derive(Clone, Debug)]
pub struct Hop<'d> {
    pub server: ServerId,
    pub role: HopRole,
    pub received: Option<Time>,
    /// The client it came from, as logged.
    pub from: &'d BStr,
    pub sent: Option<Time>,
    /// The host it was given to, as logged.
    pub to: &'d BStr,
    pub connector: &'d BStr,
    /// Rows of the hop, first and last.
    pub place: Option<Place>,
    /// What proves that the copy came from another host's log to this one, and the row that proves it.
    pub link: Option<(Link, Place)>,
    /// Records of the next host that it may have become: more than one fits, and none was picked.
    pub candidates: Vec<Candidate<'d>>,
}

/// A record that a hand-over may have led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate<'d> {
    pub server: &'d BStr,
    /// Queue id there.
    pub id: &'d BStr,
    pub place: Place,
}

/// One row of the message, for the tree of `trace`.
#[derive(Clone, Debug)]
pub struct Step<'d> {
    pub time: Time,
    pub server: Option<ServerId>,
    pub role: Role,
    /// Event and source as logged (`DELIVER`, `STOREDRIVER`).
    pub event: &'d BStr,
    pub source: &'d BStr,
    /// Recipients as logged, `;` between them.
    pub recipients: &'d BStr,
    /// List, or address before a rename, as logged.
    pub related: &'d BStr,
    /// The peer: client of a RECEIVE, next hop of a SEND.
    pub peer: &'d BStr,
    /// Reply, status or agent, as logged.
    pub detail: &'d BStr,
    pub place: Place,
}

/// What ties two messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Relation {
    /// The other is a report about this one.
    #[serde(rename = "report")]
    Report,
    /// This is a report about the other.
    #[serde(rename = "report-of")]
    ReportOf,
    /// The same Message-ID under another network-message-id.
    #[serde(rename = "instance")]
    Instance,
    /// A journal report.
    #[serde(rename = "journal")]
    Journal,
    /// Made by a rule, or to have it approved, from the other.
    #[serde(rename = "forward")]
    Forward,
}

impl Relation {
    /// What a server made to what it was made from: a mailbox's rule forwards, a moderator is asked, else a journal is
    /// kept.
    pub fn of_made(event: &Event<'_>) -> Relation {
        let source = event.source().text();
        match source == "MAILBOXRULE" || source == "APPROVAL" {
            true => Relation::Forward,
            false => Relation::Journal,
        }
    }
}

/// By what two identifiers are known to be of one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdTie {
    /// One row carries both: this one.
    Row(Place),
    /// One is made from the other (a Message-ID that embeds an MTS-ID), and no row carries both: inferred.
    Form,
    /// Rows tie both to a third.
    Chain,
}

/// What a message's rows together tell, but none of them alone: concluded, not logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inferred {
    /// A link of a recipient's chain: the row names the new recipients only, or only the forwarder's address.
    Link(Via),
    /// A gateway logged "in" for a message that was handed to it to go out.
    Outgoing(Place),
    /// Of the two identifiers in a row about a report, which is the report's.
    Report,
    /// Whom a row hands a message to, or which of a server's two copies it is about.
    Hop(Place),
}

/// Where a message came from.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'d> {
    pub client_ip: &'d BStr,
    pub client_host: &'d BStr,
    pub server: Option<ServerId>,
    pub connector: &'d BStr,
}

impl<'d> Origin<'d> {
    /// Who handed it in: the address, or else the name.
    pub fn client(&self) -> &'d BStr {
        match self.client_ip {
            ip if ip.is_empty() => self.client_host,
            ip => ip,
        }
    }
}

impl Path<'_> {
    /// Whether a link of a recipient's chain was concluded, not logged.
    pub fn infers_link(&self, via: Via, address: &[u8]) -> bool {
        self.inferred
            .iter()
            .any(|(what, of)| *what == Inferred::Link(via) && of.eq_ignore_ascii_case(address))
    }

    /// The addresses by one of which a recipient came in that is shown as come by `address`; empty: by that one.
    pub fn others_of(&self, address: &[u8]) -> &[&BStr] {
        let has = |group: &&Vec<&BStr>| group.iter().any(|a| a.eq_ignore_ascii_case(address));
        self.one_of.iter().find(has).map_or(&[], Vec::as_slice)
    }

    /// Whether a recipient's fate was concluded: no row tells it as it is told here.
    pub fn infers_fate(&self, recipient: &Recipient<'_>) -> bool {
        let swapped = |place| {
            self.inferred
                .iter()
                .any(|(what, _)| *what == Inferred::Outgoing(place))
        };
        match recipient.fate {
            Fate::Redirected => self.infers_link(Via::Redirected, recipient.address),
            _ => {
                matches!(recipient.reason, Reason::HandedToMailbox(_))
                    || recipient.place.is_some_and(swapped)
            }
        }
    }

    /// Whether a hop is told otherwise than its row tells it, or more of it.
    pub fn infers_hop(&self, hop: &Hop<'_>) -> bool {
        let concluded = |place| {
            self.inferred.iter().any(|(what, _)| {
                matches!(*what, Inferred::Outgoing(of) | Inferred::Hop(of) if of == place)
            })
        };
        hop.place.is_some_and(concluded)
    }

    /// Whether it was concluded which of the two messages is the report.
    pub fn infers_relation(&self, id: &[u8]) -> bool {
        self.inferred
            .iter()
            .any(|(what, of)| *what == Inferred::Report && *of == id)
    }

    /// Whether every recipient has a last word that the logs prove: nothing more is expected. What is held may be released.
    pub fn is_finished(&self) -> bool {
        let proven = |r: &Recipient<'_>| {
            r.fate.is_final()
                && r.fate != Fate::Quarantined
                && !matches!(r.reason, Reason::HandedToMailbox(_))
        };
        !self.recipients.is_empty() && self.recipients.iter().all(proven)
    }

    /// Whether it is finished and known by an id, so that rows which come later find it by that.
    pub fn is_settled(&self) -> bool {
        let has_id = !self.message_id.is_empty() || !self.network_message_id.is_empty();
        has_id && self.is_finished()
    }
}

/// One message: its identity, recipients, hops and links.
#[derive(Clone, Debug)]
pub struct Path<'d> {
    pub message_id: &'d BStr,
    pub network_message_id: &'d BStr,
    /// Further identifiers: X.400 MTS-IDs of the legacy dialects, queue ids of other programs, network-message-ids
    /// beside the first.
    pub other_ids: Vec<&'d BStr>,
    /// By what each of those is known to be of this message.
    pub id_ties: Vec<IdTie>,
    /// What was concluded and not logged, with the address or id it is about.
    pub inferred: Vec<(Inferred, &'d BStr)>,
    /// Addresses that became others of which no row says which became which: a member came by one of them.
    pub one_of: Vec<Vec<&'d BStr>>,
    pub class: Class,
    pub direction: Direction,
    pub status: Status,
    pub sender: &'d BStr,
    pub return_path: &'d BStr,
    pub subject: &'d BStr,
    /// The largest size any row logged.
    pub size_bytes: u64,
    pub entry: Entry,
    /// Its earliest row. Only messages of which one line tells share one: this orders the others the same way in every run.
    pub earliest: (Time, Place),
    pub first_seen: Time,
    pub last_seen: Time,
    pub origin: Origin<'d>,
    pub recipients: Vec<Recipient<'d>>,
    pub hops: Vec<Hop<'d>>,
    /// Filled only where rows are shown (`trace`).
    pub steps: Vec<Step<'d>>,
    /// Filled only where records are written (`trace --format xml`).
    pub records: Vec<Record<'d>>,
    /// Rows as they stand in their logs; filled only where they are shown (`trace --raw`).
    pub raw: Vec<(Place, &'d BStr)>,
    pub related: Vec<(Relation, &'d BStr)>,
    /// Rows of the message, rows collected twice left out.
    pub rows: u32,
    /// Recipients that came in, by the rows that let them in, plus what expansion and redirection added,
    /// less what they took away. The balance holds this against the fates.
    pub entered_recipients: i64,
    /// What its rows say beside the fates.
    pub notes: notes::Notes<'d>,
    /// Came back after it had been closed at the horizon.
    pub reopened: bool,
    /// The message under its real names, where names were replaced: what is asked for may be either.
    pub plain: Option<Box<Path<'d>>>,
}
