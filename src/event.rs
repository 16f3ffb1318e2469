//! What one logged record means: the closed set of roles that all dialects share, and the record as [`Event`].
//!
//! In: nothing; this file only names things. Out: [`Role`], [`Event`], [`Record`]. The tables that give each dialect's events
//! their role stand in that dialect's file, so that they can be held against the vendor's page.

mod texts;

use bstr::BStr;
use serde::{Deserialize, Serialize};

use crate::address::List;
use crate::keys::Service;
use crate::time::Time;

pub use texts::{Raw, TEXTS, Text, Texts, column};

/// A server whose own rows were read, or that rows speak of: an index into [`crate::servers::Servers`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ServerId(pub u16);

/// Where a row stands. Sorts by file and offset; file and line are put into words only when shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// Index of the file, in the order of names.
    pub file: u32,
    /// Byte offset of the row's first byte in the file.
    pub offset: u64,
    /// Line within its chunk, from 0; [`crate::input::Inputs`] adds the lines before the chunk.
    pub line: u32,
}

/// What an event does to the recipients of a message (SEMANTICS, section 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Role {
    /// A mailbox handed the message in: the start of a message.
    Submit,
    /// A transport server took responsibility: opens a copy with these recipients.
    Receive,
    /// A list became its members.
    Expand,
    /// An address was renamed (alias, contact, proxy): the same recipient.
    Resolve,
    /// A recipient was replaced, or another added (forward, rule).
    Redirect,
    /// Recipients moved to a new copy on the same server.
    Fork,
    /// Given to a next hop; the reply says whether that is a server, a mailbox or the outside.
    Send,
    /// In the mailbox: terminal.
    Deliver,
    /// Accepted by a host outside the organisation: terminal.
    Leave,
    /// Permanent failure: terminal.
    Fail,
    /// Dropped without a report: terminal.
    Drop,
    /// Held by a filter: terminal until somebody releases it.
    Quarantine,
    /// Still in a queue, with reason and next try.
    Defer,
    /// Merged into a recipient that was already there.
    Duplicate,
    /// A report was made: a new message, linked to the one it is about.
    Report,
    /// Shadow redundancy: never a delivery.
    Shadow,
    /// A copy was put back into a queue; it may already be delivered.
    Resubmit,
    /// An attempt to deliver failed; another row says what came of it.
    Attempt,
    /// Anything else, all unknown events among them.
    Info,
}

/// What proves that a hand-over led to a record on another host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Link {
    /// The receiver's final reply names the queue id there.
    #[serde(rename = "reply id")]
    Reply,
    /// The reply names Exchange's internal id and host.
    #[serde(rename = "internal id")]
    InternalId,
    /// A filter on the same host gave it back under the queue id that its reply names.
    #[serde(rename = "filter reply id")]
    Filter,
    /// The host's own line names both queue ids.
    #[serde(rename = "same host")]
    SameHost,
    /// The same network-message-id in Exchange Online.
    #[serde(rename = "network message id")]
    NetworkId,
    /// The Message-ID there embeds the MTS-ID of Exchange 5.5.
    #[serde(rename = "remote id")]
    RemoteId,
    /// The same Message-ID on the host it was given to, and no other record of it there.
    #[serde(rename = "message id")]
    MessageId,
}

impl Link {
    /// The words of the contract.
    pub fn words(self) -> &'static str {
        match self {
            Link::Reply => "reply id",
            Link::InternalId => "internal id",
            Link::Filter => "filter reply id",
            Link::SameHost => "same host",
            Link::NetworkId => "network message id",
            Link::RemoteId => "remote id",
            Link::MessageId => "message id",
        }
    }
}

/// Where a SEND went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next<'d> {
    /// Not a hand-over.
    None,
    /// To a server of the organisation, which gave the copy a new id there.
    Server { host: &'d BStr, copy: u64 },
    /// To mailbox delivery on this host; its DELIVER decides.
    Mailbox { host: &'d BStr },
    /// To a host outside.
    Outside,
}

/// One record, understood as far as paths need it, whatever dialect wrote it. Text is unquoted; lists are
/// still lists.
#[derive(Clone, Copy, Debug)]
pub struct Event<'d> {
    pub time: Time,
    pub place: Place,
    pub role: Role,
    pub service: Service,
    /// The server on which it happened; for a delivery the mailbox server.
    pub server: ServerId,
    /// Event as logged.
    pub name: &'d BStr,
    /// Key of the copy it is about; 0: none, or one that only hops ask for and they were not wanted.
    pub copy: u64,
    /// Key of the copy this one was forked from; 0: none.
    pub parent: u64,
    pub next: Next<'d>,
    pub recipients: List<'d>,
    /// List, or addresses before a rename or redirect.
    pub related: List<'d>,
    /// Tells of a report, a message of its own; `reference` names what it is about.
    pub is_report: bool,
    /// Taken from a mailbox of the organisation.
    pub from_mailbox: bool,
    /// Told by the mailbox's own server: nothing comes before it.
    pub starts_message: bool,
    /// Made by the server itself, not taken from anybody (journal copy, approval request).
    pub generated: bool,
    pub size_bytes: u64,
    pub next_try: Option<Time>,
    /// What proves where it led, where another host's log says how it went on.
    pub link: Option<Link>,
    /// Its row says where the time went, because a recipient arrived by it.
    pub has_timing: bool,
    /// All other texts.
    pub texts: Texts<'d>,
}

impl<'d> Event<'d> {
    /// Whether `address` is one of its recipients.
    pub fn names(&self, address: &[u8]) -> bool {
        let mut addresses = self.recipients.into_iter();
        addresses.any(|a| a.eq_ignore_ascii_case(address))
    }

    /// Old and new addresses of a rename or redirect; one old address may have several new ones.
    pub fn replaced(&self) -> impl Iterator<Item = (&'d [u8], &'d [u8])> + use<'d> {
        let mut old = self.related.into_iter();
        let mut last = None;
        self.recipients.into_iter().filter_map(move |new| {
            last = old.next().or(last);
            last.filter(|old| !old.is_empty() && !new.is_empty() && !old.eq_ignore_ascii_case(new))
                .map(|old| (old, new))
        })
    }

    /// Source as logged.
    #[inline]
    pub fn source(&self) -> Raw<'d> {
        self.texts.get(Text::Source)
    }

    #[inline]
    pub fn message_id(&self) -> Raw<'d> {
        self.texts.get(Text::MessageId)
    }

    #[inline]
    pub fn network_message_id(&self) -> Raw<'d> {
        self.texts.get(Text::NetworkMessageId)
    }

    /// Another identifier of the same message (Linked-MSGID, a foreign system's id); empty: none.
    #[inline]
    pub fn linked_id(&self) -> &'d BStr {
        self.texts.get(Text::LinkedId).text()
    }

    #[inline]
    pub fn statuses(&self) -> Raw<'d> {
        self.texts.get(Text::Statuses)
    }

    /// Message-ID that a report, journal copy or failure refers to.
    #[inline]
    pub fn reference(&self) -> Raw<'d> {
        self.texts.get(Text::Reference)
    }

    #[inline]
    pub fn sender(&self) -> Raw<'d> {
        self.texts.get(Text::Sender)
    }

    #[inline]
    pub fn return_path(&self) -> Raw<'d> {
        self.texts.get(Text::ReturnPath)
    }

    #[inline]
    pub fn subject(&self) -> Raw<'d> {
        self.texts.get(Text::Subject)
    }

    #[inline]
    pub fn client_ip(&self) -> Raw<'d> {
        self.texts.get(Text::ClientIp)
    }

    /// The first client, where rows carry it along.
    #[inline]
    pub fn original_client_ip(&self) -> Raw<'d> {
        self.texts.get(Text::OriginalClientIp)
    }

    #[inline]
    pub fn client_host(&self) -> Raw<'d> {
        self.texts.get(Text::ClientHost)
    }

    #[inline]
    pub fn server_host(&self) -> Raw<'d> {
        self.texts.get(Text::ServerHost)
    }

    #[inline]
    pub fn connector(&self) -> Raw<'d> {
        self.texts.get(Text::Connector)
    }

    /// Reply, agent, or what else the row says about the why.
    #[inline]
    pub fn context(&self) -> Raw<'d> {
        self.texts.get(Text::Context)
    }

    /// Where the time went, on rows by which a recipient arrived; elsewhere empty.
    #[inline]
    pub fn timing(&self) -> Raw<'d> {
        match self.has_timing {
            true => self.texts.get(Text::Timing),
            false => Raw::plain(b""),
        }
    }
}

/// One record with every column by its own name, whatever dialect wrote it: what `events` prints.
///
/// Text is as logged, unquoted; lists are split. Absent columns are empty.
#[derive(Clone, Debug)]
pub struct Record<'d> {
    pub place: Place,
    /// Name of the dialect and its version, `modern/30`.
    pub dialect: &'static str,
    pub time: Time,
    pub role: Role,
    /// Event and source as logged.
    pub event: &'d BStr,
    pub source: &'d BStr,
    /// The server that wrote the row: short name, as logged but lower case; empty where the row does not say.
    pub server: &'d BStr,
    pub client_ip: &'d BStr,
    pub client_host: &'d BStr,
    pub server_ip: &'d BStr,
    pub server_host: &'d BStr,
    pub source_context: &'d BStr,
    pub connector: &'d BStr,
    pub internal_message_id: &'d BStr,
    pub message_id: &'d BStr,
    pub network_message_id: &'d BStr,
    pub recipients: Vec<&'d BStr>,
    pub recipient_statuses: Vec<&'d BStr>,
    pub size_bytes: Option<u64>,
    pub recipient_count: Option<u64>,
    pub related_recipients: Vec<&'d BStr>,
    pub reference: &'d BStr,
    pub subject: &'d BStr,
    pub sender: &'d BStr,
    pub return_path: &'d BStr,
    pub message_info: &'d BStr,
    pub directionality: &'d BStr,
    pub tenant_id: &'d BStr,
    pub original_client_ip: &'d BStr,
    pub original_server_ip: &'d BStr,
    pub custom_data: Vec<&'d BStr>,
    pub traffic_type: &'d BStr,
    pub log_id: &'d BStr,
    pub schema_version: &'d BStr,
    /// Columns that only Exchange 4.0 to 2003 had; `custom_data` shows them, too.
    pub extras: Extras<'d>,
    /// The record as its log has it, of 2007 and later and of other programs.
    pub verbatim: Verbatim<'d>,
}

/// A record as its log has it, and what has to be known to understand it without that log.
#[derive(Clone, Copy, Debug, Default)]
pub struct Verbatim<'d> {
    /// What the log's header or clock said, in the dialect's own words.
    pub header: &'d BStr,
    /// The server that wrote the log, where no line names it.
    pub server: &'d BStr,
    /// Empty: the columns say all there is.
    pub line: &'d BStr,
}

/// Columns that only Exchange 4.0 to 2003 had, as logged.
#[derive(Clone, Copy, Debug, Default)]
pub struct Extras<'d> {
    /// The connector or store that tells the event.
    pub gateway: &'d BStr,
    /// The other side of the event.
    pub partner: &'d BStr,
    /// The target that failed, of a rerouted message.
    pub attempted: &'d BStr,
    /// Linked-MSGID, or the id a foreign system uses.
    pub linked_id: &'d BStr,
    /// Id of the message that a report is about.
    pub about: &'d BStr,
    pub priority: &'d BStr,
    pub seconds: &'d BStr,
    pub cost: &'d BStr,
    pub encryption: &'d BStr,
    pub origination: &'d BStr,
}

impl<'d> Extras<'d> {
    /// Each column with its name, the gateway left out: it is shown as the connector.
    pub fn named(self) -> impl Iterator<Item = (&'static str, &'d BStr)> {
        [
            ("partner", self.partner),
            ("attempted-partner", self.attempted),
            ("linked-id", self.linked_id),
            ("subject-id", self.about),
            ("priority", self.priority),
            ("seconds", self.seconds),
            ("cost", self.cost),
            ("encryption", self.encryption),
            ("origination-time", self.origination),
        ]
        .into_iter()
    }
}
