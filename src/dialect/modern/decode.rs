//! Understands a row: columns to [`Event`] and [`Record`].
//!
//! In: a row and its chunk. Out: text unquoted, the copy it is about, where a SEND went. What follows from it for
//! a recipient is decided in [`crate::path`].

use bstr::{BStr, ByteSlice};
use bumpalo::Bump;
use hashbrown::HashSet;

use super::events::{self, code};
use super::schema::OF_TEXTS;
use super::{Column, Schema};
use crate::address::List;
use crate::dialect::Surroundings;
use crate::dialect::legacy;
use crate::event::{Event, Next, Raw, Record, Role, ServerId, Texts, Verbatim};
use crate::keys::Service;
use crate::row::Row;
use crate::scan;
use crate::time::{Time, parse_iso};

/// The fields of a row by column.
pub(super) struct Fields<'a, 'd> {
    row: &'a Row,
    schema: &'a Schema,
    bytes: &'d [u8],
    /// All fields, where the row does not keep their ends.
    split: Option<Vec<&'d [u8]>>,
    arena: &'d Bump,
}

impl<'a, 'd> Fields<'a, 'd> {
    pub(super) fn new(
        row: &'a Row,
        schema: &'a Schema,
        around: &Surroundings<'d>,
        all: bool,
    ) -> Self {
        let from = row.offset as usize;
        let bytes = &around.data[from..from + row.len as usize];
        let split = (all || row.fields == 0).then(|| scan::split(bytes, b','));
        Fields {
            row,
            schema,
            bytes,
            split,
            arena: around.arena,
        }
    }

    #[inline]
    fn raw(&self, column: Column) -> &'d [u8] {
        let Some(at) = self.schema.at(column) else {
            return &[];
        };
        match &self.split {
            Some(fields) => fields.get(at).copied().unwrap_or_default(),
            None => self.row.field(self.bytes, at),
        }
    }

    #[inline]
    fn lazy(&self, column: Column) -> Raw<'d> {
        Raw::quoted(self.raw(column), self.arena)
    }

    #[inline]
    pub(super) fn get(&self, column: Column) -> &'d BStr {
        self.lazy(column).text()
    }

    fn list(&self, column: Column) -> Vec<&'d BStr> {
        List(self.get(column)).into_iter().map(BStr::new).collect()
    }

    fn number(&self, column: Column) -> Option<u64> {
        number(self.get(column))
    }
}

impl<'d> Fields<'d, 'd> {
    /// What events are asked for: only a row that must be split has to be read for it now.
    fn texts(&self) -> Texts<'d> {
        match &self.split {
            None => Texts::Columns {
                ends: self.row.ends(),
                row: self.bytes,
                of: &self.schema.texts,
                arena: self.arena,
            },
            Some(fields) => {
                let text = |(text, column)| {
                    let at = self.schema.at(column).unwrap_or(usize::MAX);
                    (text, fields.get(at).copied().unwrap_or_default())
                };
                Texts::of(OF_TEXTS.map(text), Some(self.arena), self.arena)
            }
        }
    }
}

/// The log-id, which tells whether a row was collected twice; empty before 2016.
pub fn log_id<'d>(row: &Row, schema: &Schema, around: &Surroundings<'d>) -> &'d [u8] {
    let Some(at) = schema.at(Column::LogId) else {
        return b"";
    };
    let from = row.offset as usize;
    let bytes = &around.data[from..from + row.len as usize];
    // It stands near the end, behind columns that are never quoted: no need to split the whole row.
    let tail = &bytes[bytes.len().saturating_sub(TAIL_BYTES)..];
    let behind = schema.width - at;
    let commas: Vec<usize> = memchr::memrchr_iter(b',', tail).take(behind).collect();
    match commas.as_slice() {
        [.., end, start] if commas.len() == behind && !tail[*start..].contains(&b'"') => {
            &tail[start + 1..*end]
        }
        [start] if behind == 1 && !tail[*start..].contains(&b'"') => &tail[start + 1..],
        _ => Fields::new(row, schema, around, true).get(Column::LogId),
    }
}

/// Where the log-id is looked for first: it and the schema version behind it take 52 bytes.
const TAIL_BYTES: usize = 96;

/// Digits as a number; `None` for anything else.
#[inline]
pub(super) fn number(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 19 {
        return None;
    }
    text.iter().try_fold(0, |n, b| {
        b.is_ascii_digit().then(|| n * 10 + u64::from(b - b'0'))
    })
}

/// Message-ID of a row, as logged.
pub fn message_id<'d>(row: &Row, schema: &Schema, around: &Surroundings<'d>) -> &'d BStr {
    Fields::new(row, schema, around, false).get(Column::MessageId)
}

/// The host in whose log a row stands.
fn logged_by<'d>(
    row: &Row,
    source: u8,
    modern: bool,
    client: &'d BStr,
    server: &'d BStr,
) -> &'d BStr {
    let hosts = match events::logged_by_client(row.code, source, modern) {
        true => (client, server),
        false => (server, client),
    };
    if hosts.0.is_empty() { hosts.1 } else { hosts.0 }
}

/// Understands a row as far as paths need it.
pub fn event<'d>(row: &'d Row, schema: &'d Schema, around: &Surroundings<'d>) -> Event<'d> {
    let fields = Fields::new(row, schema, around, false);
    let modern = schema.has_network_id();
    // Only these two events mean different things from different sources.
    let source = match row.code {
        code::RECEIVE | code::FAIL => events::source_code(fields.get(Column::Source)),
        _ => events::UNKNOWN,
    };
    let service = events::service(row.code, source, modern);
    let reference = fields.lazy(Column::Reference);
    let context = fields.lazy(Column::SourceContext);
    let next = match row.code {
        code::SENDEXTERNAL => known_host(context.text(), around),
        code::SEND => next_hop(row, &fields, context.text(), around),
        _ => Next::None,
    };
    let role = match next {
        Next::Outside => Role::Leave,
        Next::Server { .. } => Role::Send,
        _ => row.role,
    };
    Event {
        time: row.time,
        place: row.place(around.file, around.start),
        role,
        service,
        server: ServerId(row.server),
        name: match events::EVENTS.get(usize::from(row.code)) {
            Some((name, _)) => BStr::new(*name),
            None => fields.get(Column::EventId),
        },
        copy: match role {
            Role::Deliver | Role::Leave if !around.full => 0,
            _ => row.copy,
        },
        parent: match row.role {
            Role::Fork => parent(row, &fields, source, modern, around),
            _ => 0,
        },
        next,
        recipients: List(fields.get(Column::RecipientAddress)),
        related: match role {
            Role::Expand | Role::Resolve | Role::Redirect | Role::Duplicate => {
                List(fields.get(Column::RelatedRecipientAddress))
            }
            _ if around.full => List(fields.get(Column::RelatedRecipientAddress)),
            _ => List(b""),
        },
        is_report: row.role == Role::Report,
        from_mailbox: row.role == Role::Submit
            || row.code == code::RECEIVE && source == code::STOREDRIVER,
        starts_message: row.code == if modern { code::RECEIVE } else { code::SUBMIT },
        generated: row.code == code::RECEIVE
            && (matches!(source, code::APPROVAL | code::MAILBOXRULE)
                || source == code::AGENT && !reference.text().is_empty()),
        size_bytes: u64::from(row.size_bytes),
        next_try: match row.role {
            Role::Defer => next_try(fields.get(Column::MessageInfo)),
            _ => None,
        },
        has_timing: matches!(role, Role::Deliver | Role::Leave),
        texts: fields.texts(),
        link: None,
    }
}

/// Key of the copy that a row's copy was forked from.
fn parent(
    row: &Row,
    fields: &Fields<'_, '_>,
    source: u8,
    modern: bool,
    around: &Surroundings<'_>,
) -> u64 {
    let (client, server) = (
        fields.get(Column::ClientHostname),
        fields.get(Column::ServerHostname),
    );
    let logged_by = logged_by(row, source, modern, client, server);
    let id = first(fields.get(Column::Reference));
    around.keys.copy(logged_by, Service::Transport, id)
}

/// The first element of a list field.
fn first(list: &[u8]) -> &[u8] {
    List(list).into_iter().next().unwrap_or_default()
}

/// Where a SEND went, by the reply in its context: `[InternalId=N, Hostname=h]` from a transport server, `[Hostname=h]`
/// from mailbox delivery, anything else from a host outside.
fn next_hop<'d>(
    row: &Row,
    fields: &Fields<'_, 'd>,
    context: &'d BStr,
    around: &Surroundings<'d>,
) -> Next<'d> {
    let Some((id, host)) = reply(context, || fields.get(Column::ServerHostname)) else {
        return match older_server(fields, context, around) {
            Some(host) => Next::Server {
                host,
                copy: legacy::sides::smtp_stay(host, row, around),
            },
            None => Next::Outside,
        };
    };
    if id.is_empty() {
        return Next::Mailbox { host };
    }
    if is_inside(fields.get(Column::ConnectorId)) || around.servers.has_log(host) {
        Next::Server {
            host,
            copy: around.keys.copy(host, Service::Transport, id),
        }
    } else {
        Next::Outside
    }
}

/// Where a SENDEXTERNAL went: outside, but the host that its reply names may be one whose log was read, too.
fn known_host<'d>(context: &'d BStr, around: &Surroundings<'d>) -> Next<'d> {
    match reply(context, || BStr::new(b"")) {
        Some((id, host)) if !id.is_empty() && around.servers.has_log(host) => Next::Server {
            host,
            copy: around.keys.copy(host, Service::Transport, id),
        },
        _ => Next::Outside,
    }
}

/// A SENDEXTERNAL whose receiver has no row of this message, as where it goes on under another id there, is what its name
/// says: the message left.
pub fn settle(events: &mut [Event<'_>]) {
    let leads = |e: &Event<'_>| match e.next {
        Next::Server { copy, .. } if e.role == Role::Send && e.name == "SENDEXTERNAL" => Some(copy),
        _ => None,
    };
    if !events.iter().any(|e| leads(e).is_some()) {
        return;
    }
    let there: HashSet<u64> = events.iter().map(|e| e.copy).collect();
    for event in events {
        if leads(event).is_some_and(|copy| !there.contains(&copy)) {
            (event.role, event.next) = (Role::Leave, Next::Outside);
        }
    }
}

/// Whether a connector is one between servers of one organisation.
pub(super) fn is_inside(connector: &[u8]) -> bool {
    let known: [&[u8]; 2] = [b"Intra-Organization", b"EdgeSync - Inbound"];
    known.iter().any(|name| connector.starts_with(name))
}

/// The server of 2003 or before to which a SEND went whose reply names no id: by a connector inside the organisation; or it
/// is of the sender's domain and either its log was read or it answers as those servers do.
pub(super) fn older_server<'d>(
    fields: &Fields<'_, 'd>,
    context: &BStr,
    around: &Surroundings<'d>,
) -> Option<&'d BStr> {
    let host = fields.get(Column::ServerHostname);
    let domain = |host: &'d BStr| host.split_once_str(".").map(|(_, domain)| domain);
    let own = domain(fields.get(Column::ClientHostname));
    let is_near =
        || own.is_some_and(|own| domain(host).is_some_and(|d| d.eq_ignore_ascii_case(own)));
    let is_known =
        || around.servers.has_log(host) || context.contains_str("Queued mail for delivery");
    let inside = is_inside(fields.get(Column::ConnectorId)) || is_near() && is_known();
    (inside && !host.is_empty()).then_some(host)
}

/// Whether a SEND's reply is mailbox delivery's, which keeps no queue and so names no copy.
pub fn is_mailbox_reply(context: &BStr) -> bool {
    reply(context, || BStr::new(b"")).is_some_and(|(id, _)| id.is_empty())
}

/// Internal id (empty: none) and host that a reply names; `None` if it names neither. 2013 swaps the two values in
/// places; 2010 leaves out the host (`formats/modern.md` section 4).
pub(super) fn reply<'d>(
    context: &'d BStr,
    server_host: impl FnOnce() -> &'d BStr,
) -> Option<(&'d [u8], &'d BStr)> {
    let (id, host) = reply_ids(context)?;
    let (id, host) = match (number(id), number(host)) {
        (None, Some(_)) => (host, id),
        _ => (id, host),
    };
    let host = if host.is_empty() {
        server_host()
    } else {
        host.as_bstr()
    };
    Some((id, host))
}

/// The values of `InternalId=` and `Hostname=` in a reply; `None` if it has neither.
fn reply_ids(context: &[u8]) -> Option<(&[u8], &[u8])> {
    let is_ids = |at: &usize| {
        let inner = &context[at + 1..];
        inner.starts_with(b"InternalId") || inner.starts_with(b"Hostname")
    };
    // The last one counts: a Message-ID before it may hold anything.
    let open = memchr::memrchr_iter(b'[', context).find(is_ids)?;
    let inner = &context[open + 1..];
    let inner = &inner[..inner.find_byte(b']')?];
    let mut values = (&b""[..], &b""[..]);
    for part in inner.split(|&b| b == b',') {
        let Some(equals) = part.find_byte(b'=') else {
            continue;
        };
        let value = part[equals + 1..].trim_ascii();
        match part[..equals].trim_ascii() {
            b"InternalId" => values.0 = value,
            b"Hostname" => values.1 = value,
            _ => {}
        }
    }
    Some(values)
}

/// The next try in a DEFER row's message-info; a date of the year 1 means none.
fn next_try(info: &[u8]) -> Option<Time> {
    parse_iso(info.trim_ascii()).filter(|time| time.0 > 0)
}

/// A row with every column by name.
pub fn record<'d>(row: &'d Row, schema: &'d Schema, around: &Surroundings<'d>) -> Record<'d> {
    let fields = Fields::new(row, schema, around, true);
    let event = event(row, schema, around);
    let get = |column| fields.get(column);
    Record {
        place: event.place,
        dialect: schema.name,
        time: row.time,
        role: event.role,
        event: event.name,
        source: event.source().text(),
        server: around.servers.name(event.server),
        client_ip: get(Column::ClientIp),
        client_host: event.client_host().text(),
        server_ip: get(Column::ServerIp),
        server_host: event.server_host().text(),
        source_context: event.context().text(),
        connector: event.connector().text(),
        internal_message_id: get(Column::InternalMessageId),
        message_id: event.message_id().text(),
        network_message_id: event.network_message_id().text(),
        recipients: fields.list(Column::RecipientAddress),
        recipient_statuses: fields.list(Column::RecipientStatus),
        size_bytes: fields.number(Column::TotalBytes),
        recipient_count: fields.number(Column::RecipientCount),
        related_recipients: fields.list(Column::RelatedRecipientAddress),
        reference: event.reference().text(),
        subject: event.subject().text(),
        sender: event.sender().text(),
        return_path: event.return_path().text(),
        message_info: get(Column::MessageInfo),
        directionality: get(Column::Directionality),
        tenant_id: get(Column::TenantId),
        original_client_ip: get(Column::OriginalClientIp),
        original_server_ip: get(Column::OriginalServerIp),
        custom_data: fields.list(Column::CustomData),
        traffic_type: get(Column::TransportTrafficType),
        log_id: get(Column::LogId),
        schema_version: get(Column::SchemaVersion),
        extras: Default::default(),
        verbatim: Verbatim {
            header: BStr::new(around.arena.alloc_str(&schema.list())),
            server: BStr::new(b""),
            line: BStr::new(fields.bytes),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_name_the_next_copy_in_every_form_seen() {
        let ids = |text: &str| {
            reply_ids(text.as_bytes()).map(|(a, b)| {
                (
                    a.to_str().unwrap().to_string(),
                    b.to_str().unwrap().to_string(),
                )
            })
        };
        let pair = |a: &str, b: &str| Some((a.to_string(), b.to_string()));
        assert_eq!(
            ids(
                ";250 2.6.0 <a@b> [InternalId=164, Hostname=e.example] 5 bytes in 0.1, 4 KB/sec Queued;Client"
            ),
            pair("164", "e.example")
        );
        assert_eq!(
            ids("250 <a@b> [InternalId = h.example, Hostname = 647] Queued"),
            pair("h.example", "647")
        );
        assert_eq!(
            ids("250 2.6.0 <a@b> [InternalId=274498] Queued mail for delivery"),
            pair("274498", "")
        );
        assert_eq!(
            ids(";250 2.0.0 OK <a@b> [Hostname=m.example];ClientSubmitTime:"),
            pair("", "m.example")
        );
        assert_eq!(
            ids(";250 2.0.0 OK j12-20si2352 - gsmtp;ClientSubmitTime:"),
            None
        );
        assert_eq!(
            ids(";250 <[InternalId=1]@spoof> [InternalId=2, Hostname=h]"),
            pair("2", "h")
        );
    }
}
