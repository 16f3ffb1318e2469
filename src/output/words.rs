//! The words for states and reasons: those of the contract for machines, sentences for people.
//!
//! In: the closed sets of [`crate::path`] and [`crate::event`]. Out: words. Text of the log stays bytes;
//! the format that prints it makes it harmless.

use std::borrow::Cow;

use bstr::{BStr, BString, ByteSlice};

use crate::address::short_host;
use crate::event::{Role, ServerId};
use crate::figures;
use crate::path::{
    Class, Direction, Fate, HopRole, IdTie, Path, Reason, Recipient, Relation, Status, Via,
};

pub fn class(class: Class) -> &'static str {
    match class {
        Class::Mail => "mail",
        Class::Report => "report",
        Class::Probe => "probe",
        Class::System => "system",
    }
}

pub fn direction(direction: Direction) -> &'static str {
    match direction {
        Direction::Inbound => "inbound",
        Direction::Outbound => "outbound",
        Direction::Internal => "internal",
        Direction::Relayed => "relayed",
        Direction::Unknown => "unknown",
    }
}

pub fn status(status: Status) -> &'static str {
    match status {
        Status::Delivered => "delivered",
        Status::PartlyDelivered => "partly delivered",
        Status::Transferred => "transferred",
        Status::Failed => "failed",
        Status::Dropped => "dropped",
        Status::Pending => "pending",
        Status::Unknown => "unknown",
    }
}

/// By what two identifiers are known to be of one message.
pub fn id_tie(tie: IdTie) -> &'static str {
    match tie {
        IdTie::Row(_) => "one row",
        IdTie::Form => "embedded id",
        IdTie::Chain => "other rows",
    }
}

pub fn via(via: Via) -> &'static str {
    match via {
        Via::Expanded => "expanded",
        Via::Redirected => "redirected",
        Via::Resolved => "resolved",
    }
}

pub fn hop_role(role: HopRole) -> &'static str {
    match role {
        HopRole::Submit => "submit",
        HopRole::Transport => "transport",
        HopRole::Delivery => "delivery",
        HopRole::Edge => "edge",
    }
}

pub fn relation(relation: Relation) -> &'static str {
    match relation {
        Relation::Report => "report",
        Relation::ReportOf => "report-of",
        Relation::Instance => "instance",
        Relation::Journal => "journal",
        Relation::Forward => "forward",
    }
}

pub fn role(role: Role) -> &'static str {
    match role {
        Role::Submit => "submit",
        Role::Receive => "receive",
        Role::Expand => "expand",
        Role::Resolve => "resolve",
        Role::Redirect => "redirect",
        Role::Fork => "fork",
        Role::Send => "send",
        Role::Deliver => "deliver",
        Role::Leave => "leave",
        Role::Fail => "fail",
        Role::Drop => "drop",
        Role::Quarantine => "quarantine",
        Role::Defer => "defer",
        Role::Duplicate => "duplicate",
        Role::Report => "report",
        Role::Shadow => "shadow",
        Role::Resubmit => "resubmit",
        Role::Attempt => "attempt",
        Role::Info => "info",
    }
}

/// Why a recipient has its fate, in the log's words or in ours; empty where nothing is to explain.
/// `at` is the time of the hand-over, already put into words.
pub fn reason<'d, 'n>(
    reason: &Reason<'d>,
    at: Option<&str>,
    server: &dyn Fn(ServerId) -> &'n BStr,
) -> Cow<'d, BStr> {
    let at = at.map(|at| format!(" at {at}")).unwrap_or_default();
    let at = at.as_bytes();
    let sentence = match *reason {
        Reason::None => return Cow::Borrowed(BStr::new(b"")),
        Reason::Logged(text) => return Cow::Borrowed(text),
        Reason::HandedToMailbox(host) => bstr::concat([
            b"inferred: no mailbox delivery log of ",
            host.as_bytes(),
            b" was read for that time",
        ]),
        Reason::NoLogOf(host) => {
            let host = host.as_bytes();
            // There may be logs of it of other times.
            let gap: &[u8] = b" was read for that time";
            bstr::concat([b"handed to ", host, at, b"; no log of ", host, gap])
        }
        Reason::NoRowOn(host) => {
            let host = host.as_bytes();
            let gap: &[u8] = b" covers that time but has no row of what became of it";
            bstr::concat([b"handed to ", host, at, b"; the log of ", host, gap])
        }
        Reason::LogEndsOn(id) => {
            let seen: &[u8] = if at.is_empty() { b"" } else { b"; last seen" };
            let name = server(id).as_bytes();
            bstr::concat([
                b"the log of ",
                name,
                b" ends before the next step",
                seen,
                at,
            ])
        }
        Reason::InQueueOf(id) => {
            let name = server(id).as_bytes();
            bstr::concat([b"waits in the queue of ", name, b"; no deferral was logged"])
        }
        Reason::GoneFrom(id) => {
            let name = server(id).as_bytes();
            bstr::concat([b"gone from the queue of ", name, b"; no row says what became of it"])
        }
        Reason::PutOffOn(id) => {
            let name = server(id).as_bytes();
            bstr::concat([b"put off on ", name, b", which logged no reason"])
        }
        Reason::DuplicateOfUnseen => {
            b"suppressed as a duplicate; the delivery it duplicates is not among this message's rows".to_vec()
        }
        Reason::DuplicateOfOther => {
            b"suppressed as a duplicate; another message has the same Message-ID, and may have been delivered before".to_vec()
        }
    };
    Cow::Owned(sentence.into())
}

/// The server of a recipient's fate, empty where there is none: for an inferred delivery the mailbox server, even
/// if no row of it was read.
pub fn fate_server<'a>(
    recipient: &Recipient<'_>,
    name: &(dyn Fn(ServerId) -> &'a BStr + Sync),
) -> BString {
    match (recipient.server, recipient.reason) {
        (Some(id), _) => name(id).into(),
        (None, Reason::HandedToMailbox(host)) => short_host(host).to_ascii_lowercase().into(),
        (None, _) => BString::default(),
    }
}

/// What became of a message in a word: of its recipients, if the same became of all; lists and forwarders left out.
pub fn short_outcome(path: &Path) -> &'static str {
    let counted = |r: &&Recipient| !matches!(r.fate, Fate::Expanded | Fate::Redirected);
    let mut fates = path.recipients.iter().filter(counted).map(|r| r.fate);
    match fates.next() {
        Some(first) if fates.all(|fate| fate == first) => first.word(),
        _ => status(path.status),
    }
}

/// `delivered to 3 of 4, failed for 1`: what became of the recipients, lists and forwarders left out.
pub fn outcome(path: &Path) -> String {
    let counted = Fate::ALL
        .into_iter()
        .filter(|f| !matches!(f, Fate::Expanded | Fate::Redirected));
    let counts: Vec<(Fate, usize)> = counted
        .map(|fate| {
            (
                fate,
                path.recipients.iter().filter(|r| r.fate == fate).count(),
            )
        })
        .filter(|(_, count)| *count > 0)
        .collect();
    let total: usize = counts.iter().map(|(_, count)| count).sum();
    match counts[..] {
        [] => "no recipient is known".to_string(),
        [(fate, 1)] => fate.word().to_string(),
        [(fate, _)] => format!("{} {} all {total}", fate.word(), preposition(fate)),
        _ => {
            let part = |(i, (fate, count)): (usize, &(Fate, usize))| {
                let of = if i == 0 {
                    format!(" of {total}")
                } else {
                    String::new()
                };
                format!("{} {} {count}{of}", fate.word(), preposition(*fate))
            };
            counts
                .iter()
                .enumerate()
                .map(part)
                .collect::<Vec<_>>()
                .join(", ")
        }
    }
}

fn preposition(fate: Fate) -> &'static str {
    match fate {
        Fate::Delivered | Fate::Transferred => "to",
        _ => "for",
    }
}

/// A duration in milliseconds; clocks that disagree are named.
pub fn duration(ms: i64) -> String {
    match u64::try_from(ms) {
        Ok(ms) => figures::duration(ms),
        Err(_) => format!("{ms} ms (the servers' clocks differ)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::example::{names, path};

    #[test]
    fn words_are_those_that_serde_writes() {
        let json = |value: &dyn erased::Json| value.json();
        for value in [Class::Mail, Class::Report, Class::Probe, Class::System] {
            assert_eq!(json(&value), class(value));
        }
        for value in [
            Direction::Inbound,
            Direction::Outbound,
            Direction::Internal,
            Direction::Relayed,
        ] {
            assert_eq!(json(&value), direction(value));
        }
        for value in [Status::Delivered, Status::PartlyDelivered, Status::Pending] {
            assert_eq!(json(&value), status(value));
        }
        for value in [Via::Expanded, Via::Redirected, Via::Resolved] {
            assert_eq!(json(&value), via(value));
        }
        for value in [
            HopRole::Submit,
            HopRole::Transport,
            HopRole::Delivery,
            HopRole::Edge,
        ] {
            assert_eq!(json(&value), hop_role(value));
        }
        for value in [
            Relation::Report,
            Relation::ReportOf,
            Relation::Instance,
            Relation::Journal,
        ] {
            assert_eq!(json(&value), relation(value));
        }
        for value in [
            Role::Submit,
            Role::Leave,
            Role::Resubmit,
            Role::Attempt,
            Role::Info,
        ] {
            assert_eq!(json(&value), role(value));
        }
    }

    /// Any value as serde's word.
    mod erased {
        pub trait Json {
            fn json(&self) -> String;
        }
        impl<T: serde::Serialize> Json for T {
            fn json(&self) -> String {
                serde_json::to_string(self)
                    .unwrap()
                    .trim_matches('"')
                    .to_string()
            }
        }
    }

    #[test]
    fn outcomes_read_like_sentences() {
        let mut path = path();
        assert_eq!(
            outcome(&path),
            "delivered to 2 of 5, failed for 1, pending for 1, unknown for 1"
        );
        path.recipients.retain(|r| r.fate == Fate::Delivered);
        assert_eq!(outcome(&path), "delivered to all 2");
        path.recipients.truncate(1);
        assert_eq!(outcome(&path), "delivered");
        path.recipients.clear();
        assert_eq!(outcome(&path), "no recipient is known");
    }

    #[test]
    fn reasons_say_what_is_missing() {
        let say = |r: Reason, at| reason(&r, at, &names).to_string();
        let host = BStr::new(b"ex03");
        assert_eq!(
            say(Reason::NoLogOf(host), Some("09:14:02")),
            "handed to ex03 at 09:14:02; no log of ex03 was read for that time"
        );
        assert_eq!(
            say(Reason::LogEndsOn(ServerId(1)), Some("09:14:02")),
            "the log of ex02 ends before the next step; last seen at 09:14:02"
        );
        assert_eq!(say(Reason::None, Some("09:14:02")), "");
        for reason in [Reason::NoRowOn(host), Reason::HandedToMailbox(host)] {
            assert!(say(reason, None).contains("log of ex03"));
        }
    }

    #[test]
    fn durations_may_be_negative() {
        let shown = [-5, 795, 7_500_000].map(duration).join("|");
        let want = "-5 ms (the servers' clocks differ)|795 ms|2 h 05 min";
        assert_eq!(shown, want);
    }
}
