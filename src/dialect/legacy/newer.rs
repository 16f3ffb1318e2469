//! Records of Exchange 2007 and later that were written as TrackHistory.
//!
//! In: an [`Entry`] whose Version ends with source and event (`15.01.0225.041 SMTP/SEND`), as waybill writes it. Out: the
//! event it was. A track history has no element for the copies of a message and for what servers replied, so a copy
//! is a message's stay on a server, and reasons and connectors are gone. The event number tells what the
//! reply did: 1023 is a hand-over to a mailbox, 1031 to a server (without domain) or the outside, 1040 a refusal.

use bstr::BStr;

use super::entry::{Entry, smtp_stay};
use crate::address::List;
use crate::dialect::Surroundings;
use crate::dialect::modern::events::{self, code};
use crate::event::{Event, Next, Raw, Role, ServerId};
use crate::keys::Service;
use crate::row::Row;

/// Source and event of a newer record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Newer<'d> {
    pub source: &'d [u8],
    pub event: &'d [u8],
}

impl<'d> Newer<'d> {
    /// Takes source and event off a Version. `None`: the record is one of 2003 or before.
    #[inline]
    pub fn split(version: &'d [u8]) -> Option<(&'d [u8], Newer<'d>)> {
        let slash = memchr::memrchr(b'/', version)?;
        let from = memchr::memrchr(b' ', &version[..slash]).map_or(0, |blank| blank + 1);
        let (source, event) = (&version[from..slash], &version[slash + 1..]);
        let is_name = |name: &[u8]| !name.is_empty() && name.iter().all(u8::is_ascii_uppercase);
        let rest = version[..from].trim_ascii_end();
        is_name(event).then_some((rest, Newer { source, event }))
    }

    fn codes(self) -> (u8, u8) {
        (
            events::event_code(self.event),
            events::source_code(self.source),
        )
    }

    /// What it does; `has_network_id`: of 2013 or later.
    pub fn role(self, has_network_id: bool) -> Role {
        let (event, source) = self.codes();
        events::role(event, source, has_network_id)
    }

    /// The service whose log it stands in.
    pub fn service(self, has_network_id: bool) -> Service {
        let (event, source) = self.codes();
        events::service(event, source, has_network_id)
    }
}

/// What a newer record means for paths.
pub fn event<'d>(
    entry: &Entry<'d>,
    newer: Newer<'d>,
    row: &Row,
    around: &Surroundings<'d>,
) -> Event<'d> {
    let arena = around.arena;
    let none = Raw::plain(BStr::new(b""));
    let has_network_id = !entry.linked.is_empty();
    let (event, source) = newer.codes();
    let service = newer.service(has_network_id);
    let host = around.servers.name(ServerId(row.server));
    let stay = |host: &[u8]| smtp_stay(host, row, around);
    let to = entry.partner;
    let next = match event {
        code::SENDEXTERNAL => Next::Outside,
        code::SEND if entry.event == "1023" => Next::Mailbox { host: to },
        code::SEND if !to.is_empty() && !to.contains(&b'.') => Next::Server {
            host: to,
            copy: stay(to),
        },
        code::SEND => Next::Outside,
        _ => Next::None,
    };
    let role = match next {
        Next::Outside => Role::Leave,
        _ => row.role,
    };
    let is_report = row.role == Role::Report;
    let received = event == code::RECEIVE;
    Event {
        time: row.time,
        place: row.place(around.file, around.start),
        role,
        service,
        server: ServerId(row.server),
        name: BStr::new(newer.event),
        source: Raw::plain(BStr::new(newer.source)),
        copy: match service {
            Service::Submission => 0,
            _ if entry.event == "1040" => 0,
            _ => stay(host),
        },
        parent: 0,
        next,
        message_id: Raw::plain(entry.id),
        network_message_id: Raw::plain(entry.linked),
        linked_id: BStr::new(b""),
        link: None,
        recipients: List::of(entry.recipients.iter().map(|(address, _)| *address), arena),
        statuses: none,
        related: List(entry.list),
        reference: Raw::plain(entry.about),
        is_report,
        from_mailbox: row.role == Role::Submit || received && source == code::STOREDRIVER,
        starts_message: event
            == match has_network_id {
                true => code::RECEIVE,
                false => code::SUBMIT,
            },
        generated: received
            && (matches!(source, code::APPROVAL | code::MAILBOXRULE)
                || source == code::AGENT && !entry.about.is_empty()),
        sender: Raw::plain(entry.sender),
        return_path: Raw::plain(BStr::new(if is_report { "<>" } else { "" })),
        subject: Raw::plain(entry.subject),
        size_bytes: entry.size_bytes.unwrap_or(0),
        client_ip: Raw::plain(entry.client_ip),
        original_client_ip: none,
        client_host: Raw::plain(entry.client_host),
        server_host: Raw::plain(if to.is_empty() { host } else { to }),
        connector: none,
        context: none,
        next_try: None,
        timing: Raw::plain(b""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_version_with_source_and_event_is_newer() {
        let (rest, newer) = Newer::split(b"15.01.0225.041 STOREDRIVER/DELIVER").unwrap();
        assert_eq!(rest, b"15.01.0225.041");
        assert_eq!(
            (newer.source, newer.event),
            (&b"STOREDRIVER"[..], &b"DELIVER"[..])
        );
        assert_eq!(newer.role(true), Role::Deliver);
        assert_eq!(newer.service(true), Service::Delivery);
        assert_eq!(Newer::split(b"SMTP/SEND").unwrap().0, b"");
        assert_eq!(Newer::split(b"/SUBMIT").unwrap().1.source, b"");
        for old in ["Version: 6.0.3790.1830", "", "6.5/7", "a/", "/"] {
            assert_eq!(Newer::split(old.as_bytes()), None, "{old}");
        }
    }
}
