//! Totals and balance: what entered against what became of it.
//!
//! In: the tally's sums. Out: the sections `excluded`, `totals` and `balance`.

use serde::Serialize;

use crate::path::{Entry, Fate, Status};
use crate::tally::balance as tally;

/// Messages and rows.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Share {
    pub messages: i64,
    pub rows: i64,
    pub recipients: i64,
}

/// What all other sections leave out.
#[derive(Clone, Debug, Serialize)]
pub struct Excluded {
    pub probe: Share,
    pub system: Share,
}

/// The totals of the contract.
#[derive(Clone, Debug, Serialize)]
pub struct Totals {
    pub messages: i64,
    pub rows: i64,
    /// Each message once, with its largest logged size.
    pub bytes: i64,
    /// Each message once per recipient.
    pub bytes_to_recipients: i64,
    /// Of `messages`: delivery reports, receipts and other mail with the null return path.
    pub reports: Share,
    pub entered: Entered,
    pub status: ByStatus,
    pub recipients: ByFate,
    /// Recipients let in, and added by lists and redirects, less those they replaced.
    pub entered_recipients: i64,
    /// The same by the way their message came in.
    pub entered_recipients_by_origin: Entered,
    /// `entered_recipients` less the fates other than expanded, redirected and rejected.
    pub residual: i64,
    pub recipients_of_unknown_origin: i64,
    /// Of the delivered: concluded from the hand-over, because the mailbox server's log was not read.
    pub inferred_deliveries: i64,
}

/// Messages, or recipients, by the way that the message came in.
#[derive(Clone, Debug, Serialize)]
pub struct Entered {
    pub submitted: i64,
    pub received: i64,
    pub generated: i64,
    /// The logs begin in the middle.
    pub unknown_origin: i64,
}

/// Messages by status.
#[derive(Clone, Debug, Serialize)]
pub struct ByStatus {
    pub delivered: i64,
    pub partly_delivered: i64,
    pub transferred: i64,
    pub failed: i64,
    pub dropped: i64,
    pub pending: i64,
    pub unknown: i64,
}

/// Recipients by fate.
#[derive(Clone, Debug, Serialize)]
pub struct ByFate {
    pub delivered: i64,
    pub transferred: i64,
    pub failed: i64,
    pub dropped: i64,
    pub quarantined: i64,
    pub rejected: i64,
    pub pending: i64,
    pub unknown: i64,
    pub expanded: i64,
    pub redirected: i64,
}

/// Both balances: the residuals are zero if nothing was lost on the way.
#[derive(Clone, Debug, Serialize)]
pub struct Balance {
    pub messages: MessageBalance,
    pub recipients: RecipientBalance,
}

/// Messages that came in less messages with a status.
#[derive(Clone, Debug, Serialize)]
pub struct MessageBalance {
    pub entered: i64,
    pub accounted: i64,
    pub residual: i64,
}

/// Recipients that came in less recipients with a fate.
#[derive(Clone, Debug, Serialize)]
pub struct RecipientBalance {
    pub entered: i64,
    pub accounted: i64,
    pub residual: i64,
}

/// The section `excluded`.
pub fn excluded(sums: &tally::Totals) -> Excluded {
    Excluded {
        probe: share(sums.probe),
        system: share(sums.system),
    }
}

/// The section `totals`.
pub fn totals(sums: &tally::Totals) -> Totals {
    let status = |status: Status| sums.by_status[status as usize];
    Totals {
        messages: sums.counted.messages,
        rows: sums.counted.rows,
        bytes: sums.bytes,
        bytes_to_recipients: sums.bytes_to_recipients,
        reports: share(sums.reports),
        entered: entered(&sums.by_entry),
        status: ByStatus {
            delivered: status(Status::Delivered),
            partly_delivered: status(Status::PartlyDelivered),
            transferred: status(Status::Transferred),
            failed: status(Status::Failed),
            dropped: status(Status::Dropped),
            pending: status(Status::Pending),
            unknown: status(Status::Unknown),
        },
        recipients: ByFate {
            delivered: sums.recipients(Fate::Delivered),
            transferred: sums.recipients(Fate::Transferred),
            failed: sums.recipients(Fate::Failed),
            dropped: sums.recipients(Fate::Dropped),
            quarantined: sums.recipients(Fate::Quarantined),
            rejected: sums.recipients(Fate::Rejected),
            pending: sums.recipients(Fate::Pending),
            unknown: sums.recipients(Fate::Unknown),
            expanded: sums.recipients(Fate::Expanded),
            redirected: sums.recipients(Fate::Redirected),
        },
        entered_recipients: sums.entered_recipients.iter().sum(),
        entered_recipients_by_origin: entered(&sums.entered_recipients),
        residual: sums.residual_recipients(),
        recipients_of_unknown_origin: sums.recipients_of_unknown_origin,
        inferred_deliveries: sums.inferred_deliveries,
    }
}

fn entered(by_entry: &[i64; 4]) -> Entered {
    Entered {
        submitted: by_entry[Entry::Submitted as usize],
        received: by_entry[Entry::Received as usize],
        generated: by_entry[Entry::Generated as usize],
        unknown_origin: by_entry[Entry::Unknown as usize],
    }
}

/// One line of the balance: what, messages, recipients.
pub type Line = (&'static str, Option<i64>, Option<i64>);

/// The lines of the balance from what entered to the residual, for every format that shows them.
pub fn lines(totals: &Totals, balance: &Balance) -> [Line; 10] {
    let (status, fates) = (&totals.status, &totals.recipients);
    let (messages, recipients) = (&balance.messages, &balance.recipients);
    [
        ("entered", Some(messages.entered), Some(recipients.entered)),
        ("delivered", Some(status.delivered), Some(fates.delivered)),
        ("partly delivered", Some(status.partly_delivered), None),
        (
            "transferred",
            Some(status.transferred),
            Some(fates.transferred),
        ),
        ("failed", Some(status.failed), Some(fates.failed)),
        ("dropped", Some(status.dropped), Some(fates.dropped)),
        ("quarantined", None, Some(fates.quarantined)),
        ("pending", Some(status.pending), Some(fates.pending)),
        ("unknown", Some(status.unknown), Some(fates.unknown)),
        (
            "residual",
            Some(messages.residual),
            Some(recipients.residual),
        ),
    ]
}

/// The section `balance`.
pub fn balance(sums: &tally::Totals) -> Balance {
    let entered_messages: i64 = sums.by_entry.iter().sum();
    let entered_recipients: i64 = sums.entered_recipients.iter().sum();
    Balance {
        messages: MessageBalance {
            entered: entered_messages,
            accounted: entered_messages - sums.residual_messages(),
            residual: sums.residual_messages(),
        },
        recipients: RecipientBalance {
            entered: entered_recipients,
            accounted: entered_recipients - sums.residual_recipients(),
            residual: sums.residual_recipients(),
        },
    }
}

fn share(share: tally::Share) -> Share {
    Share {
        messages: share.messages,
        rows: share.rows,
        recipients: share.recipients,
    }
}
