//! What each mailbox sent and received: one line per address of the organisation.
//!
//! In: the tally's correspondents and the own domains. Out: the section `mailboxes`, by address. Received is what
//! arrived; an address that sent nothing and to which nothing came is none.

use serde::Serialize;

use crate::path::domains::OwnDomains;
use crate::report::decoded;
use crate::tally::correspondents::Correspondents;
use crate::tally::words::WordId;

/// The section `mailboxes`.
#[derive(Clone, Debug, Serialize)]
pub struct Mailboxes {
    pub count: usize,
    pub mailboxes: Vec<Mailbox>,
}

/// One address.
#[derive(Clone, Debug, Serialize)]
pub struct Mailbox {
    pub address: String,
    pub sent_messages: i64,
    pub sent_recipients: i64,
    pub sent_recipients_internal: i64,
    pub sent_recipients_external: i64,
    /// Each message once.
    pub sent_bytes: i64,
    /// Delivered or transferred to it.
    pub received_messages: i64,
    pub received_internal: i64,
    pub received_external: i64,
    pub received_bytes: i64,
}

/// The section `mailboxes`.
pub fn mailboxes(sums: &Correspondents, own_domains: &[String]) -> Mailboxes {
    let own = OwnDomains::given(own_domains.iter().map(String::as_str));
    let mut mailboxes = Vec::new();
    for (id, who) in sums.correspondents.iter().enumerate() {
        let address = sums.addresses.get(id as WordId);
        if own.owns(address) != Some(true) {
            continue;
        }
        let (sent, written) = (&who.mail.sent, &who.mail.received);
        let missed = sums
            .missed
            .get(&(id as WordId))
            .copied()
            .unwrap_or_default();
        let received_messages = written.messages - missed.messages;
        let received_external = who.received_outside - missed.outside;
        if sent.messages == 0 && received_messages == 0 {
            continue;
        }
        mailboxes.push(Mailbox {
            address: decoded(address),
            sent_messages: sent.messages,
            sent_recipients: sent.recipients,
            sent_recipients_internal: sent.recipients - who.sent_outside,
            sent_recipients_external: who.sent_outside,
            sent_bytes: sent.bytes,
            received_messages,
            received_internal: received_messages - received_external,
            received_external,
            received_bytes: written.bytes - missed.bytes,
        });
    }
    mailboxes.sort_by(|a, b| a.address.cmp(&b.address));
    Mailboxes {
        count: mailboxes.len(),
        mailboxes,
    }
}
