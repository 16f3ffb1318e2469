//! How much came in and what became of it, in messages and in recipients.
//!
//! In: paths. Out: [`Totals`]. The two sides of the balance are counted from different fields of a path
//! (what its rows let in, and what fates its recipients have), so that a residual shows a mistake.

use serde::{Deserialize, Serialize};

use crate::path::{Class, Fate, Path, Reason, Status};
use crate::tally::{in_balance, summed_size_bytes};

/// Every status in the order of the report.
pub const STATUSES: [Status; 7] = [
    Status::Delivered,
    Status::PartlyDelivered,
    Status::Transferred,
    Status::Failed,
    Status::Dropped,
    Status::Pending,
    Status::Unknown,
];

/// Messages and their rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    pub messages: i64,
    pub rows: i64,
    /// Recipients in the balance.
    pub recipients: i64,
}

impl Share {
    fn add(&mut self, path: &Path<'_>, recipients: i64, weight: i64) {
        self.messages += weight;
        self.rows += weight * i64::from(path.rows);
        self.recipients += weight * recipients;
    }

    fn merge(&mut self, other: &Share) {
        self.messages += other.messages;
        self.rows += other.rows;
        self.recipients += other.recipients;
    }
}

/// The sums of the balance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    pub counted: Share,
    /// Reports (DSN, NDR, receipts): a part of `counted`, shown apart.
    pub reports: Share,
    /// Left out of every other figure.
    pub probe: Share,
    pub system: Share,
    /// The largest logged size of each message, once.
    pub bytes: i64,
    /// The same once per recipient.
    pub bytes_to_recipients: i64,
    /// Messages by [`Entry`](crate::path::Entry) (`as usize`).
    pub by_entry: [i64; 4],
    /// Messages by [`Status`] (`as usize`).
    pub by_status: [i64; 7],
    /// Recipients by [`Fate`] (`as usize`).
    pub by_fate: [i64; 10],
    /// Recipients let in, plus those that expansion and redirection added, by the same.
    pub entered_recipients: [i64; 4],
    /// Recipients first seen in their terminal row: the logs begin in the middle.
    pub recipients_of_unknown_origin: i64,
    /// Delivered by inference: the mailbox server's log was not read.
    pub inferred_deliveries: i64,
}

/// Recipients of `path` that the balance holds.
pub fn recipients_in_balance(path: &Path<'_>) -> i64 {
    path.recipients
        .iter()
        .filter(|recipient| in_balance(recipient.fate))
        .count() as i64
}

impl Totals {
    /// Counts a message as left out with the probes, whatever its class.
    pub fn leave_out_as_probe(&mut self, path: &Path<'_>, weight: i64) {
        self.probe.add(path, recipients_in_balance(path), weight);
    }

    /// Counts a probe or system message as left out.
    pub fn exclude(&mut self, path: &Path<'_>, weight: i64) {
        let share = match path.class {
            Class::Probe => &mut self.probe,
            _ => &mut self.system,
        };
        share.add(path, recipients_in_balance(path), weight);
    }

    /// Counts further rows of a message of this class.
    pub fn add_rows(&mut self, class: Class, include_probes: bool, rows: i64) {
        match class {
            Class::Probe if !include_probes => self.probe.rows += rows,
            Class::System if !include_probes => self.system.rows += rows,
            class => {
                self.counted.rows += rows;
                if class == Class::Report {
                    self.reports.rows += rows;
                }
            }
        }
    }

    /// Counts a message that has `recipients` in the balance.
    pub fn add(&mut self, path: &Path<'_>, recipients: i64, weight: i64) {
        self.counted.add(path, recipients, weight);
        if path.class == Class::Report {
            self.reports.add(path, recipients, weight);
        }
        let size_bytes = summed_size_bytes(path);
        self.bytes += weight * size_bytes;
        self.bytes_to_recipients += weight * size_bytes * recipients;
        self.by_entry[path.entry as usize] += weight;
        self.by_status[path.status as usize] += weight;
        self.entered_recipients[path.entry as usize] += weight * path.entered_recipients;
        for recipient in &path.recipients {
            self.by_fate[recipient.fate as usize] += weight;
            if recipient.origin_unknown {
                self.recipients_of_unknown_origin += weight;
            }
            if matches!(recipient.reason, Reason::HandedToMailbox(_)) {
                self.inferred_deliveries += weight;
            }
        }
    }

    /// Adds what `other` counted.
    pub fn merge(&mut self, other: &Totals) {
        self.counted.merge(&other.counted);
        self.reports.merge(&other.reports);
        self.probe.merge(&other.probe);
        self.system.merge(&other.system);
        self.bytes += other.bytes;
        self.bytes_to_recipients += other.bytes_to_recipients;
        add_each(&mut self.by_entry, &other.by_entry);
        add_each(&mut self.by_status, &other.by_status);
        add_each(&mut self.by_fate, &other.by_fate);
        add_each(&mut self.entered_recipients, &other.entered_recipients);
        self.recipients_of_unknown_origin += other.recipients_of_unknown_origin;
        self.inferred_deliveries += other.inferred_deliveries;
    }

    /// Recipients with this fate.
    pub fn recipients(&self, fate: Fate) -> i64 {
        self.by_fate[fate as usize]
    }

    /// Messages entered less messages with a status: zero.
    pub fn residual_messages(&self) -> i64 {
        self.by_entry.iter().sum::<i64>() - self.by_status.iter().sum::<i64>()
    }

    /// Recipients entered less recipients with a fate that the balance holds: zero if nothing was lost.
    pub fn residual_recipients(&self) -> i64 {
        let accounted: i64 = Fate::ALL
            .into_iter()
            .filter(|&fate| in_balance(fate))
            .map(|fate| self.recipients(fate))
            .sum();
        self.entered_recipients.iter().sum::<i64>() - accounted
    }
}

/// `sums[i] += more[i]`.
fn add_each<const N: usize>(sums: &mut [i64; N], more: &[i64; N]) {
    for (sum, more) in sums.iter_mut().zip(more) {
        *sum += more;
    }
}
