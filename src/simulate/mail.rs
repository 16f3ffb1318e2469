//! A simulated message on its way: what all its rows share, and what became of its recipients so far.
//!
//! In: drafts, made by `traffic` and `stories`. Out: [`Mail`], which the flow carries from server to
//! server and `truth` writes down at the end.

/// What kind of mail it is, in the words of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    Mail,
    Report,
    Probe,
    System,
}

impl Class {
    pub fn word(self) -> &'static str {
        match self {
            Class::Mail => "mail",
            Class::Report => "report",
            Class::Probe => "probe",
            Class::System => "system",
        }
    }
}

/// How it came into the organisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    Submitted,
    Received,
    Generated,
}

impl Entry {
    pub fn word(self) -> &'static str {
        match self {
            Entry::Submitted => "submitted",
            Entry::Received => "received",
            Entry::Generated => "generated",
        }
    }
}

/// What became of a recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Delivered,
    Transferred,
    Failed,
    Dropped,
    Rejected,
    Pending,
    Expanded,
    Redirected,
}

impl Status {
    pub fn word(self) -> &'static str {
        match self {
            Status::Delivered => "delivered",
            Status::Transferred => "transferred",
            Status::Failed => "failed",
            Status::Dropped => "dropped",
            Status::Rejected => "rejected",
            Status::Pending => "pending",
            Status::Expanded => "expanded",
            Status::Redirected => "redirected",
        }
    }
}

/// The chain that led to an address, nearest first.
pub type Chain = Vec<(&'static str, String)>;

/// A recipient's fate, with the deciding row's server and its clock.
#[derive(Clone, Debug)]
pub struct Fate {
    pub address: String,
    pub status: Status,
    pub server: Option<usize>,
    pub at: Option<i64>,
    pub via: Chain,
}

/// An address as somebody typed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    User(usize),
    /// A user by another name.
    Alias(usize),
    List(usize),
    /// Address and index of the outside host.
    Outside(String, usize),
    /// In our domain, but nobody's.
    Nobody(String),
}

/// Where a resolved recipient lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Home {
    Mailbox(usize),
    Outside(usize),
}

/// A recipient after lists and aliases are resolved.
#[derive(Clone, Debug)]
pub struct Addressee {
    /// Lower case.
    pub address: String,
    pub home: Home,
    pub via: Chain,
    pub redirected: bool,
}

/// One message in one transport queue.
#[derive(Clone, Debug)]
pub struct Copy {
    pub server: usize,
    pub id: u64,
    /// True time of the last row about it.
    pub at: i64,
    pub to: Vec<Addressee>,
}

/// Trouble that is laid on a mail beforehand; all other trouble comes by chance on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Script {
    /// Whatever chance brings.
    #[default]
    Chance,
    /// Nothing but what the addresses themselves bring.
    Smooth,
    /// A transport rule agent drops it.
    DroppedByRule,
    /// A transport rule agent rejects it with a report.
    RejectedByRule,
    /// The outside host puts it off for so many minutes.
    PutOff(i64),
    /// Safety Net sends it once more after so many minutes.
    Resubmitted(i64),
    /// It lay in the pickup folder and cannot be read.
    BadPickup,
    /// Its recipient has had this Message-ID before.
    AlreadyThere,
}

/// Who sends: it decides where the message enters and whereto its reports go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sender {
    User(usize),
    /// Address and index of the outside host.
    Outside(String, usize),
    /// A mailbox of the system or of monitoring: address and server. No reports go there.
    Machine(String, usize),
}

/// A message before it is sent.
#[derive(Clone, Debug)]
pub struct Draft {
    pub at: i64,
    pub sender: Sender,
    pub to: Vec<Target>,
    pub subject: String,
    pub bytes: u64,
    pub class: Class,
    pub script: Script,
    pub story: Option<&'static str>,
    /// The Message-ID where it is not to be made: blank, odd or used before.
    pub message_id: Option<String>,
    /// Links that are known beforehand.
    pub related: Vec<(&'static str, String)>,
}

/// A message on its way.
#[derive(Clone, Debug)]
pub struct Mail {
    pub message_id: String,
    pub network_id: String,
    /// Whether a server that logs network ids has written a row.
    pub network_id_seen: bool,
    pub from: Sender,
    pub sender: String,
    pub return_path: String,
    pub subject: String,
    pub bytes: u64,
    pub class: Class,
    pub entry: Entry,
    pub script: Script,
    pub story: Option<&'static str>,
    pub directionality: &'static str,
    pub origin_client: String,
    pub origin_server: String,
    /// Origination time by the clock of the server where it began, as latency text gives it.
    pub origin: i64,
    /// Recipients at the start, for `MsgRecipCount`.
    pub typed: usize,
    pub first_seen: i64,
    pub rows: u32,
    pub fates: Vec<Fate>,
    pub related: Vec<(&'static str, String)>,
}

impl Mail {
    /// Notes a fate; the first one told of an address stands, so tell only final ones.
    pub fn fate(&mut self, address: &str, status: Status, by: Option<(usize, i64)>, via: &Chain) {
        let address = address.to_lowercase();
        if self.fates.iter().any(|f| f.address == address) {
            return;
        }
        self.fates.push(Fate {
            address,
            status,
            server: by.map(|(server, _)| server),
            at: by.map(|(_, at)| at),
            via: via.clone(),
        });
    }

    /// Whether chance may bring trouble.
    pub fn is_exposed(&self) -> bool {
        self.script == Script::Chance
    }
}

/// Addresses joined as a recipient column joins them.
pub fn joined(to: &[Addressee]) -> String {
    let mut text = String::with_capacity(to.len() * 32);
    for (i, a) in to.iter().enumerate() {
        if i > 0 {
            text.push(';');
        }
        text.push_str(&a.address);
    }
    text
}

/// `n` times the same status.
pub fn repeated(status: &str, n: usize) -> String {
    let mut text = String::with_capacity((status.len() + 1) * n);
    for i in 0..n {
        if i > 0 {
            text.push(';');
        }
        text.push_str(status);
    }
    text
}
