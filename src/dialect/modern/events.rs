//! Events and sources of Exchange 2007 to Subscription Edition, each with its role.
//!
//! In: names as logged. Out: a code per name and its [`Role`]. To be held against the vendor's page: "Event
//! types in the message tracking log" and "Sources in the message tracking log" (Message tracking, Exchange
//! Server documentation), and `formats/modern.md` section 3 for what real rows add.

use crate::event::Role;
use crate::keys::Service;

/// Event name, role. The index is the event's code.
pub const EVENTS: [(&str, Role); 42] = [
    ("RECEIVE", Role::Receive),
    ("SEND", Role::Send),
    ("DELIVER", Role::Deliver),
    ("TRANSFER", Role::Fork),
    ("AGENTINFO", Role::Info),
    ("HAREDIRECT", Role::Shadow),
    ("HARECEIVE", Role::Shadow),
    ("HADISCARD", Role::Shadow),
    ("SUBMIT", Role::Submit),
    ("NOTIFYMAPI", Role::Info),
    ("RESOLVE", Role::Resolve),
    ("EXPAND", Role::Expand),
    ("REDIRECT", Role::Redirect),
    ("SENDEXTERNAL", Role::Leave),
    ("FAIL", Role::Fail),
    ("DSN", Role::Report),
    ("DEFER", Role::Defer),
    ("DROP", Role::Drop),
    ("DUPLICATEDELIVER", Role::Duplicate),
    ("DUPLICATEEXPAND", Role::Duplicate),
    ("DUPLICATEREDIRECT", Role::Duplicate),
    ("DELIVERFAIL", Role::Attempt),
    ("HAREDIRECTFAIL", Role::Shadow),
    ("NOTIFYSHADOW", Role::Shadow),
    ("BADMAIL", Role::Fail),
    ("POISONMESSAGE", Role::Fail),
    ("SUBMITDEFER", Role::Defer),
    ("SUBMITFAIL", Role::Fail),
    ("RESUBMIT", Role::Resubmit),
    ("RESUBMITDEFER", Role::Defer),
    ("RESUBMITFAIL", Role::Attempt),
    ("LOAD", Role::Resubmit),
    ("SUPPRESSED", Role::Drop),
    ("THROTTLE", Role::Defer),
    ("INITMESSAGECREATED", Role::Defer),
    ("MODERATORAPPROVE", Role::Info),
    ("MODERATORREJECT", Role::Fail),
    ("MODERATIONEXPIRE", Role::Fail),
    ("MODERATORSALLNDR", Role::Info),
    ("PROCESS", Role::Info),
    ("PROCESSMEETINGMESSAGE", Role::Info),
    ("CLIENTSUBMISSION", Role::Info),
];

/// What each of [`EVENTS`] means, in its order: for `explain`.
pub const EVENT_MEANINGS: [&str; EVENTS.len()] = [
    "a transport server, or a mailbox's submission service, took responsibility for the message",
    "the message was given to the next host; its reply says whether that is a server of yours",
    "the message is in the recipient's mailbox",
    "recipients were moved to a new copy of the message on the same server",
    "a transport agent noted something",
    "a shadow copy took over because the primary server was gone",
    "a shadow copy was received for safekeeping: never a delivery",
    "a shadow copy was discarded because the primary delivered",
    "a mailbox's submission service handed the message to transport",
    "a message waits in a mailbox's outbox to be submitted",
    "a recipient was found under another address: the same recipient",
    "a list was replaced by its members",
    "a recipient was replaced by, or joined by, another one (forward, rule, alternate recipient)",
    "the message was given to a host outside, or to Exchange Online; its reply says whether that is a server of yours",
    "delivery failed for good",
    "a delivery status notification was made",
    "delivery is put off and will be tried again",
    "the message was dropped without a report",
    "the recipient had this message already: suppressed",
    "a member was a recipient already: suppressed",
    "the target of a redirect was a recipient already: suppressed",
    "an attempt to deliver failed; another row says what came of it",
    "a shadow copy could not take over",
    "a server was told about its shadow copy",
    "the message was not well-formed enough to be delivered or returned",
    "the message crashed transport and was set aside",
    "submission by the mailbox is put off",
    "submission by the mailbox failed for good",
    "a delivered message was put back into the queue from the safety net",
    "putting back a message is put off",
    "putting back a message failed",
    "the message was loaded into the queue when transport started",
    "the message was suppressed",
    "sending was slowed down by a limit",
    "a message for a moderator was made",
    "a moderator approved the message",
    "a moderator rejected the message",
    "no moderator decided in time",
    "no moderator could be reached",
    "a message was processed",
    "a meeting message was processed",
    "a client submitted the message",
];

/// What each of [`SOURCES`] means, in its order: for `explain`.
pub const SOURCE_MEANINGS: [&str; SOURCES.len()] = [
    "SMTP: receiving or sending over the network",
    "the store driver: between mailboxes and transport",
    "a transport agent",
    "routing: no way to the recipient, or a new one",
    "the resolver: recipients looked up in the directory",
    "shadow redundancy",
    "the safety net: delivered mail kept for a while",
    "delivery status notifications",
    "a queue on the server",
    "DNS lookup of the next host",
    "an administrator",
    "moderation",
    "transport starting up",
    "a foreign connector's folder",
    "a rule in a mailbox",
    "the processor of meeting messages",
    "originator requested alternate recipient",
    "the pickup folder",
    "messages that crash transport",
    "a mail-enabled public folder",
    "the replay folder",
    "delayed delivery status notifications",
];

/// Sources; the index is the source's code. The last three are not on the vendor's list but were seen.
pub const SOURCES: [&str; 22] = [
    "SMTP",
    "STOREDRIVER",
    "AGENT",
    "ROUTING",
    "RESOLVER",
    "REDUNDANCY",
    "SAFETYNET",
    "DSN",
    "QUEUE",
    "DNS",
    "ADMIN",
    "APPROVAL",
    "BOOTLOADER",
    "GATEWAY",
    "MAILBOXRULE",
    "MEETINGMESSAGEPROCESSOR",
    "ORAR",
    "PICKUP",
    "POISONMESSAGE",
    "PUBLICFOLDER",
    "REPLICATION",
    "ADSN",
];

/// The code of an event or source that the table does not have.
pub const UNKNOWN: u8 = u8::MAX;

/// Codes that the parser itself asks about.
pub mod code {
    use super::{EVENTS, SOURCES};

    const fn find(table: &[&str], name: &str) -> u8 {
        let mut i = 0;
        while i < table.len() {
            if const_str_eq(table[i], name) {
                return i as u8;
            }
            i += 1;
        }
        panic!("not in the table")
    }

    const fn const_str_eq(a: &str, b: &str) -> bool {
        let (a, b) = (a.as_bytes(), b.as_bytes());
        if a.len() != b.len() {
            return false;
        }
        let mut i = 0;
        while i < a.len() {
            if a[i] != b[i] {
                return false;
            }
            i += 1;
        }
        true
    }

    const EVENT_NAMES: [&str; EVENTS.len()] = {
        let mut names = [""; EVENTS.len()];
        let mut i = 0;
        while i < EVENTS.len() {
            names[i] = EVENTS[i].0;
            i += 1;
        }
        names
    };

    pub const RECEIVE: u8 = find(&EVENT_NAMES, "RECEIVE");
    pub const SEND: u8 = find(&EVENT_NAMES, "SEND");
    pub const SENDEXTERNAL: u8 = find(&EVENT_NAMES, "SENDEXTERNAL");
    pub const DELIVER: u8 = find(&EVENT_NAMES, "DELIVER");
    pub const DELIVERFAIL: u8 = find(&EVENT_NAMES, "DELIVERFAIL");
    pub const DUPLICATEDELIVER: u8 = find(&EVENT_NAMES, "DUPLICATEDELIVER");
    pub const DEFER: u8 = find(&EVENT_NAMES, "DEFER");
    pub const FAIL: u8 = find(&EVENT_NAMES, "FAIL");
    pub const AGENTINFO: u8 = find(&EVENT_NAMES, "AGENTINFO");
    pub const SUBMIT: u8 = find(&EVENT_NAMES, "SUBMIT");
    pub const SUBMITDEFER: u8 = find(&EVENT_NAMES, "SUBMITDEFER");
    pub const SUBMITFAIL: u8 = find(&EVENT_NAMES, "SUBMITFAIL");
    pub const NOTIFYMAPI: u8 = find(&EVENT_NAMES, "NOTIFYMAPI");
    pub const HARECEIVE: u8 = find(&EVENT_NAMES, "HARECEIVE");
    pub const HAREDIRECT: u8 = find(&EVENT_NAMES, "HAREDIRECT");
    pub const INITMESSAGECREATED: u8 = find(&EVENT_NAMES, "INITMESSAGECREATED");

    pub const SMTP: u8 = find(&SOURCES, "SMTP");
    pub const STOREDRIVER: u8 = find(&SOURCES, "STOREDRIVER");
    pub const AGENT: u8 = find(&SOURCES, "AGENT");
    pub const APPROVAL: u8 = find(&SOURCES, "APPROVAL");
    pub const MAILBOXRULE: u8 = find(&SOURCES, "MAILBOXRULE");
}

/// The code of an event name.
#[inline]
pub fn event_code(name: &[u8]) -> u8 {
    let candidates = EVENTS_BY_LENGTH
        .get(name.len())
        .map_or(&[][..], |codes| codes);
    let same = |code: &&u8| {
        EVENTS
            .get(usize::from(**code))
            .is_some_and(|(n, _)| n.as_bytes() == name)
    };
    candidates
        .iter()
        .take_while(|code| **code != UNKNOWN)
        .find(same)
        .copied()
        .unwrap_or(UNKNOWN)
}

/// The code of a source name. The table stands in the order of how often names occur, so walking it is quick.
#[inline]
pub fn source_code(name: &[u8]) -> u8 {
    let at = SOURCES.iter().position(|known| known.as_bytes() == name);
    at.map_or(UNKNOWN, |at| at as u8)
}

/// Event codes by the length of the name, most frequent first: at most a few are compared.
static EVENTS_BY_LENGTH: [[u8; 8]; 24] = {
    let mut table = [[UNKNOWN; 8]; 24];
    let mut code = 0;
    while code < EVENTS.len() {
        let row = &mut table[EVENTS[code].0.len()];
        let mut at = 0;
        while row[at] != UNKNOWN {
            at += 1;
        }
        row[at] = code as u8;
        code += 1;
    }
    table
};

/// What the event does, given who logged it and whether the file is of 2013 or later.
#[inline]
pub fn role(event: u8, source: u8, has_network_id: bool) -> Role {
    if event == code::RECEIVE && source == code::STOREDRIVER && has_network_id {
        // The submission service took it from a mailbox; in 2007 and 2010 this row is the hub's.
        return Role::Submit;
    }
    EVENTS
        .get(usize::from(event))
        .map_or(Role::Info, |(_, role)| *role)
}

/// The service whose id space a row's internal id belongs to, and whose log it stands in.
#[inline]
pub fn service(event: u8, source: u8, has_network_id: bool) -> Service {
    match event {
        code::SUBMIT | code::SUBMITDEFER | code::SUBMITFAIL | code::NOTIFYMAPI => {
            Service::Submission
        }
        code::RECEIVE if source == code::STOREDRIVER && has_network_id => Service::Submission,
        code::DELIVER | code::DUPLICATEDELIVER | code::DELIVERFAIL if has_network_id => {
            Service::Delivery
        }
        _ => Service::Transport,
    }
}

/// Whether the logging server stands in client-hostname rather than in server-hostname
/// (`formats/modern.md` section 4, "Which server wrote the row").
#[inline]
pub fn logged_by_client(event: u8, source: u8, has_network_id: bool) -> bool {
    match event {
        code::SEND | code::SENDEXTERNAL | code::AGENTINFO | code::SUBMIT => true,
        // A connection to the next hop: this side is its client.
        code::FAIL | code::DEFER => source == code::SMTP,
        code::DELIVER | code::DUPLICATEDELIVER => !has_network_id,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_its_own_code() {
        for (i, (name, role_of)) in EVENTS.iter().enumerate() {
            assert_eq!(usize::from(event_code(name.as_bytes())), i);
            assert_eq!(role(i as u8, UNKNOWN, true), *role_of);
        }
        assert_eq!(event_code(b"FUTUREEVENT"), UNKNOWN);
        assert_eq!(role(UNKNOWN, UNKNOWN, true), Role::Info);
        for (i, name) in SOURCES.iter().enumerate() {
            assert_eq!(usize::from(source_code(name.as_bytes())), i);
        }
    }

    #[test]
    fn a_mailbox_submission_is_told_from_a_hub_that_receives() {
        assert_eq!(role(code::RECEIVE, code::STOREDRIVER, true), Role::Submit);
        assert_eq!(role(code::RECEIVE, code::STOREDRIVER, false), Role::Receive);
        assert_eq!(role(code::RECEIVE, code::SMTP, true), Role::Receive);
    }
}
