//! Event numbers of Exchange 4.0 to 2003, each with its name, role and meaning.
//!
//! In: a number as logged. Out: a code (the index in [`EVENTS`]) and its [`Role`]. The generations share numbers
//! and never gave one a second meaning, so one table serves all. To be held against Q173364 (5.5), KB 821905 (2003);
//! `formats/legacy.md` sections 1.3 and 2.4 have the evidence for the roles.

use crate::event::Role;
use crate::row::{Row, mark};

/// One event number.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    pub number: u16,
    pub name: &'static str,
    pub role: Role,
    /// About a report, which is a message of its own.
    pub is_report: bool,
    /// In one line, for `explain`.
    pub meaning: &'static str,
}

const fn mail(number: u16, name: &'static str, role: Role, meaning: &'static str) -> Kind {
    Kind {
        number,
        name,
        role,
        is_report: false,
        meaning,
    }
}

const fn report(number: u16, name: &'static str, role: Role, meaning: &'static str) -> Kind {
    Kind {
        number,
        name,
        role,
        is_report: true,
        meaning,
    }
}

/// All known numbers, ascending.
#[rustfmt::skip]
pub const EVENTS: [Kind; 63] = [
    mail(0, "Message transfer in", Role::Receive, "the MTA took the message over from another server, connector or gateway"),
    mail(1, "Probe transfer in", Role::Info, "the MTA took an X.400 probe over; probes carry no content"),
    report(2, "Report transfer in", Role::Receive, "the MTA took a report over from another server"),
    mail(4, "Message submission", Role::Submit, "a client of this server handed the message in: its path begins here"),
    mail(5, "Probe submission", Role::Info, "a client handed an X.400 probe in"),
    mail(6, "Probe transfer out", Role::Info, "the MTA gave an X.400 probe to another server"),
    mail(7, "Message transfer out", Role::Send, "the MTA gave the message to another MTA or to a connector"),
    report(8, "Report transfer out", Role::Send, "the MTA gave a report to another MTA or to a connector"),
    mail(9, "Message delivered", Role::Deliver, "the MTA delivered the message to a mailbox or public folder"),
    report(10, "Report delivered", Role::Deliver, "a report reached the mailbox of the original's sender"),
    mail(18, "StartAssocByMTSUser", Role::Info, "an X.400 association was opened; no message is moved"),
    mail(23, "ReleaseAssocByMTSUser", Role::Info, "an X.400 association was released; no message is moved"),
    mail(26, "Distribution list expansion", Role::Expand, "a distribution list was replaced by its members"),
    mail(28, "Message redirected", Role::Redirect, "the message goes to an alternate recipient instead"),
    mail(29, "Message rerouted", Role::Info, "the message takes another way; its recipients stay the same"),
    mail(31, "Downgrading", Role::Info, "the message was converted to 1984 X.400 before it went on"),
    report(33, "Report absorption", Role::Drop, "a report was not needed any more and went no further"),
    report(34, "Report generation", Role::Report, "the MTA made a delivery or non-delivery report"),
    report(43, "Unroutable report discarded", Role::Drop, "a report could not be sent to anybody and was discarded"),
    mail(50, "Gateway deleted message", Role::Fail, "an administrator deleted the message from a queue"),
    mail(51, "Gateway deleted probe", Role::Info, "an administrator deleted an X.400 probe from a queue"),
    report(52, "Gateway deleted report", Role::Fail, "an administrator deleted a report from a queue"),
    mail(1000, "Local delivery", Role::Deliver, "sender and recipient share a server: submitted and delivered by the store itself"),
    mail(1001, "Backbone transfer in", Role::Receive, "a connector took the message over from another mail system"),
    mail(1002, "Backbone transfer out", Role::Leave, "a connector gave the message to another mail system"),
    mail(1003, "Gateway transfer out", Role::Leave, "a gateway gave the message to a foreign system: it left here"),
    mail(1004, "Gateway transfer in", Role::Receive, "a gateway took the message over from a foreign system"),
    report(1005, "Gateway report transfer in", Role::Receive, "a gateway took a report over from a foreign system"),
    report(1006, "Gateway report transfer out", Role::Leave, "a gateway gave a report to a foreign system"),
    report(1007, "Gateway report generation", Role::Report, "a gateway made a report, usually of non-delivery"),
    mail(1010, "SMTP queued outbound", Role::Receive, "the Internet Mail Service queued the message for the Internet"),
    mail(1011, "SMTP transferred outbound", Role::Leave, "the Internet Mail Service gave the message to the Internet: it left here"),
    mail(1012, "SMTP received inbound", Role::Receive, "the Internet Mail Service took the message from the Internet: first sight"),
    mail(1013, "SMTP transferred inbound", Role::Send, "the Internet Mail Service passed the message on to the information store"),
    mail(1014, "SMTP message rerouted", Role::Info, "the Internet Mail Service sent the message back out to the Internet"),
    report(1015, "SMTP report transferred in", Role::Receive, "the Internet Mail Service took a report from the Internet"),
    report(1016, "SMTP report transferred out", Role::Leave, "the Internet Mail Service gave a report to the Internet"),
    report(1017, "SMTP report generated", Role::Report, "the Internet Mail Service made a report, usually of non-delivery"),
    report(1018, "SMTP report absorbed", Role::Drop, "a report about a report: the Internet Mail Service made none"),
    mail(1019, "SMTP submit message to AQ", Role::Receive, "the message was submitted to advanced queuing; first event of mail that came by SMTP"),
    mail(1020, "SMTP begin outbound transfer", Role::Info, "transfer to another host began; 1031 says that it ended"),
    mail(1021, "SMTP bad mail", Role::Fail, "the message could be neither delivered nor returned and lies in the bad mail folder"),
    mail(1022, "SMTP AQ failure", Role::Attempt, "advanced queuing met a failure; not always the last word"),
    mail(1023, "SMTP local delivery", Role::Info, "the message was handed to the store driver; 1028 says that it arrived"),
    mail(1024, "SMTP submit message to cat", Role::Info, "the message was queued for the categorizer"),
    mail(1025, "SMTP begin submit message", Role::Info, "submission to the queue began"),
    mail(1026, "SMTP AQ failed message", Role::Attempt, "advanced queuing failed with this message; not always the last word"),
    mail(1027, "SMTP submit message to Store Driver", Role::Submit, "a mailbox handed the message in: first event of mail from Outlook or the web"),
    mail(1028, "SMTP Store Driver local delivery", Role::Deliver, "the store driver delivered the message to a mailbox"),
    mail(1029, "SMTP Store Driver gateway delivery", Role::Send, "the store driver gave the message to the MTA or to a connector"),
    mail(1030, "SMTP NDR all", Role::Fail, "non-delivery was reported for all recipients"),
    mail(1031, "SMTP end outbound transfer", Role::Send, "transfer to another host ended well: on to the next server, or out of the organisation"),
    mail(1032, "SMTP message scheduled to retry categorization", Role::Defer, "categorization is tried again later"),
    mail(1033, "SMTP message categorized and queued for routing", Role::Info, "recipients were looked up; the message waits for its route"),
    mail(1034, "SMTP message routed and queued for remote delivery", Role::Info, "the message waits for another host"),
    mail(1035, "SMTP message scheduled to retry routing", Role::Defer, "routing is tried again later"),
    mail(1036, "SMTP message queued for local delivery", Role::Info, "the message waits for the store of this server"),
    mail(1037, "SMTP message scheduled to retry local delivery", Role::Defer, "delivery to the store of this server is tried again later"),
    mail(1038, "SMTP message routed and queued for gateway delivery", Role::Info, "the message waits for the MTA or a connector"),
    mail(1039, "SMTP message deleted by Intelligent Message Filtering", Role::Drop, "the spam filter deleted the message"),
    mail(1040, "SMTP message rejected by Intelligent Message Filtering", Role::Drop, "the spam filter refused the message"),
    mail(1041, "SMTP message archived by Intelligent Message Filtering", Role::Quarantine, "the spam filter put the message into its archive"),
    mail(1042, "Message redirected to alternate recipient", Role::Redirect, "the message goes to an alternate recipient instead"),
];

/// The code of a number that the table does not have.
pub const UNKNOWN: u8 = u8::MAX;

/// Numbers are looked up for every row: this is as long as the highest number.
const CODES: [u8; 1043] = {
    let mut codes = [UNKNOWN; 1043];
    let mut i = 0;
    while i < EVENTS.len() {
        codes[EVENTS[i].number as usize] = i as u8;
        i += 1;
    }
    codes
};

/// The code of a number.
#[inline]
pub fn code(number: u64) -> u8 {
    usize::try_from(number)
        .ok()
        .and_then(|n| CODES.get(n))
        .copied()
        .unwrap_or(UNKNOWN)
}

/// The table's line for a code.
#[inline]
pub fn kind(code: u8) -> Option<&'static Kind> {
    EVENTS.get(usize::from(code))
}

/// The number of a code; one that no event has for [`UNKNOWN`].
#[inline]
pub fn number(code: u8) -> u16 {
    kind(code).map_or(u16::MAX, |kind| kind.number)
}

/// The code of a number that is in the table.
const fn code_of(number: u16) -> u8 {
    let mut code = 0;
    while EVENTS[code].number != number {
        code += 1;
    }
    code as u8
}

/// Whether rows of these dialects are of an X.400 probe: its own, and what a report tells of it.
pub fn are_of_probe(rows: &[&Row]) -> bool {
    // Asked of every row: by codes, not by numbers.
    const OWN: [u8; 4] = [code_of(1), code_of(5), code_of(6), code_of(51)];
    let is_own = |row: &Row| OWN.contains(&row.code);
    let is_of_probe = |row: &&Row| is_own(row) || row.has(mark::OF_ORIGINAL);
    rows.first().is_some_and(is_of_probe)
        && rows.iter().any(|row| is_own(row))
        && rows.iter().all(is_of_probe)
}

/// Whether an event, named as logged, is of an X.400 probe: it asks whether mail would arrive and carries none.
pub fn is_probe(event: &[u8]) -> bool {
    matches!(event, b"1" | b"5" | b"6" | b"51")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_ascend_and_are_found() {
        assert!(EVENTS.is_sorted_by(|a, b| a.number < b.number));
        for (i, kind) in EVENTS.iter().enumerate() {
            assert_eq!(usize::from(code(u64::from(kind.number))), i);
            assert!(!kind.name.is_empty() && !kind.meaning.is_empty());
        }
        for unknown in [3, 27, 1008, 1043, 99_999, u64::MAX] {
            assert_eq!(code(unknown), UNKNOWN);
        }
    }
}
