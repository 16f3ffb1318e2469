//! Hand-made paths for the tests of tally and report.

use bstr::BStr;

use crate::event::ServerId;
use crate::path::notes::Notes;
use crate::path::{Class, Direction, Entry, Fate, Origin, Path, Reason, Recipient, Status};
use crate::time::{SECOND, Time, parse_iso};

/// 2026-03-02 09:00 UTC, a Monday.
pub fn nine() -> Time {
    parse_iso(b"2026-03-02T09:00:00.000Z").unwrap()
}

/// A recipient delivered by server 1 after a second.
pub fn recipient(address: &str, fate: Fate) -> Recipient<'_> {
    Recipient {
        address: BStr::new(address),
        fate,
        at: Some(nine()),
        server: Some(ServerId(1)),
        reason: Reason::None,
        next_try: None,
        via: Vec::new(),
        latency_ms: matches!(fate, Fate::Delivered | Fate::Transferred).then_some(1000),
        direction: Direction::Internal,
        place: None,
        origin_unknown: false,
        deferrals: 0,
        put_off: Default::default(),
    }
}

/// A message of 1,000 bytes and 4 rows from ann@own.test, `minute` minutes after nine.
pub fn message<'d>(id: &'d str, minute: i64, recipients: Vec<Recipient<'d>>) -> Path<'d> {
    let entered = recipients.iter().filter(|r| super::in_balance(r.fate));
    let status = match recipients.first().map(|r| r.fate) {
        Some(Fate::Delivered) => Status::Delivered,
        Some(Fate::Transferred) => Status::Transferred,
        Some(Fate::Failed | Fate::Rejected) => Status::Failed,
        Some(Fate::Dropped | Fate::Quarantined) => Status::Dropped,
        Some(Fate::Pending) => Status::Pending,
        _ => Status::Unknown,
    };
    let first_seen = Time(nine().0 + minute * 60 * SECOND);
    Path {
        message_id: BStr::new(id),
        network_message_id: BStr::new(b""),
        other_ids: Vec::new(),
        id_ties: Vec::new(),
        inferred: Vec::new(),
        one_of: Vec::new(),
        class: Class::Mail,
        direction: Direction::Internal,
        status,
        sender: BStr::new("Ann@own.test"),
        return_path: BStr::new("ann@own.test"),
        subject: BStr::new("Monday"),
        size_bytes: 1000,
        entry: Entry::Submitted,
        earliest: (
            Time(0),
            crate::event::Place {
                file: 0,
                offset: 0,
                line: 0,
            },
        ),
        first_seen,
        last_seen: first_seen,
        origin: Origin {
            client_ip: BStr::new(""),
            client_host: BStr::new(""),
            server: Some(ServerId(0)),
            connector: BStr::new(""),
        },
        entered_recipients: entered.count() as i64,
        recipients,
        hops: Vec::new(),
        steps: Vec::new(),
        records: Vec::new(),
        raw: Vec::new(),
        related: Vec::new(),
        rows: 4,
        reopened: false,
        plain: None,
        notes: Notes::default(),
    }
}
