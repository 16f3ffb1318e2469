//! Understands a row: columns to [`Event`] and [`Record`].
//!
//! In: a row and its chunk. Out: text unquoted, the copy it is about, where a SEND went. What follows from it for
//! a recipient is decided in [`crate::path`].

use bstr::{BStr, ByteSlice};
use bumpalo::Bump;

use super::events::{self, code};
use super::{Column, Schema};
use crate::address::{List, bare_id};
use crate::dialect::Surroundings;
use crate::event::{Event, Next, Record, Role, ServerId};
use crate::keys::Service;
use crate::row::{KeyKind, Row};
use crate::scan;
use crate::time::{Time, parse_iso};

/// The fields of a row by column.
struct Fields<'a, 'd> {
    row: &'a Row,
    schema: &'a Schema,
    bytes: &'d [u8],
    /// All fields, where the row does not keep their ends.
    split: Option<Vec<&'d [u8]>>,
    arena: &'d Bump,
}

impl<'a, 'd> Fields<'a, 'd> {
    fn new(row: &'a Row, schema: &'a Schema, around: &Surroundings<'d>, all: bool) -> Self {
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
    fn get(&self, column: Column) -> &'d BStr {
        let Some(at) = self.schema.at(column) else {
            return BStr::new(b"");
        };
        let raw = match &self.split {
            Some(fields) => fields.get(at).copied().unwrap_or_default(),
            None => self.row.field(self.bytes, at),
        };
        unquote(raw, self.arena)
    }

    fn list(&self, column: Column) -> Vec<&'d BStr> {
        List(self.get(column)).into_iter().map(BStr::new).collect()
    }

    fn number(&self, column: Column) -> Option<u64> {
        number(self.get(column))
    }
}

/// Takes the quotes off a field; doubled quotes inside become single ones.
#[inline]
fn unquote<'d>(raw: &'d [u8], arena: &'d Bump) -> &'d BStr {
    match raw {
        [b'"', inner @ .., b'"'] => match inner.find_byte(b'"') {
            None => inner.as_bstr(),
            Some(_) => arena
                .alloc_slice_copy(&inner.replace(b"\"\"", b"\""))
                .as_bstr(),
        },
        _ => raw.as_bstr(),
    }
}

/// The largest-size column alone: for rows that are otherwise only counted.
pub fn size_bytes(row: &Row, schema: &Schema, around: &Surroundings<'_>) -> u64 {
    Fields::new(row, schema, around, false)
        .number(Column::TotalBytes)
        .unwrap_or(0)
}

/// The log-id, which tells whether a row was collected twice; empty before 2016.
pub fn log_id<'d>(row: &Row, schema: &Schema, around: &Surroundings<'d>) -> &'d [u8] {
    match schema.at(Column::LogId) {
        Some(_) => Fields::new(row, schema, around, true).get(Column::LogId),
        None => b"",
    }
}

/// Digits as a number; `None` for anything else.
#[inline]
pub(crate) fn number(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 19 {
        return None;
    }
    text.iter().try_fold(0, |n, b| {
        b.is_ascii_digit().then(|| n * 10 + u64::from(b - b'0'))
    })
}

/// The bytes of the id that the row was keyed by, in the form they are compared in.
pub fn identity<'d>(row: &Row, schema: &Schema, around: &Surroundings<'d>) -> &'d [u8] {
    let fields = Fields::new(row, schema, around, false);
    match row.kind {
        KeyKind::Network => fields.get(Column::NetworkMessageId),
        KeyKind::Message => bare_id(fields.get(Column::MessageId)),
        KeyKind::Copy => fields.get(Column::InternalMessageId),
    }
}

/// The custom data of an AGENTINFO row; empty for other rows.
pub fn agent_data<'d>(row: &Row, schema: &Schema, around: &Surroundings<'d>) -> &'d BStr {
    if row.code != code::AGENTINFO {
        return BStr::new(b"");
    }
    Fields::new(row, schema, around, false).get(Column::CustomData)
}

/// Message-ID of a row, as logged.
pub fn message_id<'d>(row: &Row, schema: &Schema, around: &Surroundings<'d>) -> &'d BStr {
    Fields::new(row, schema, around, false).get(Column::MessageId)
}

/// Internal id of a row, as logged.
pub fn internal_id<'d>(row: &Row, schema: &Schema, around: &Surroundings<'d>) -> &'d BStr {
    Fields::new(row, schema, around, false).get(Column::InternalMessageId)
}

/// Understands a row as far as paths need it.
pub fn event<'d>(row: &Row, schema: &Schema, around: &Surroundings<'d>) -> Event<'d> {
    let fields = Fields::new(row, schema, around, false);
    let source = fields.get(Column::Source);
    let source_code = events::source_code(source);
    let modern = schema.has_network_id();
    let service = events::service(row.code, source_code, modern);
    let client_host = fields.get(Column::ClientHostname);
    let server_host = fields.get(Column::ServerHostname);
    let hosts = match events::logged_by_client(row.code, source_code, modern) {
        true => (client_host, server_host),
        false => (server_host, client_host),
    };
    let logged_by = if hosts.0.is_empty() { hosts.1 } else { hosts.0 };
    let copy_host = match service {
        Service::Delivery if !client_host.is_empty() => client_host,
        _ => logged_by,
    };
    let id_space = if service == Service::Submission {
        service
    } else {
        Service::Transport
    };
    let internal_id = fields.get(Column::InternalMessageId);
    let reference = fields.get(Column::Reference);
    let context = fields.get(Column::SourceContext);
    let connector = fields.get(Column::ConnectorId);
    let message_info = fields.get(Column::MessageInfo);
    let next = match row.code {
        code::SENDEXTERNAL => Next::Outside,
        code::SEND => next_hop(context, connector, server_host, around),
        _ => Next::None,
    };
    Event {
        time: row.time,
        place: row.place(around.file, around.start),
        role: if next == Next::Outside {
            Role::Leave
        } else {
            row.role
        },
        service,
        server: around
            .server_ids
            .get(usize::from(row.server))
            .copied()
            .unwrap_or(ServerId(0)),
        name: fields.get(Column::EventId),
        source,
        copy: around.keys.copy(copy_host, id_space, internal_id),
        parent: match row.role {
            Role::Fork => around
                .keys
                .copy(logged_by, Service::Transport, first(reference)),
            _ => 0,
        },
        next,
        message_id: fields.get(Column::MessageId),
        network_message_id: fields.get(Column::NetworkMessageId),
        recipients: List(fields.get(Column::RecipientAddress)),
        statuses: List(fields.get(Column::RecipientStatus)),
        related: List(fields.get(Column::RelatedRecipientAddress)),
        reference,
        from_mailbox: row.role == Role::Submit
            || row.code == code::RECEIVE && source_code == code::STOREDRIVER,
        starts_message: row.code == if modern { code::RECEIVE } else { code::SUBMIT },
        generated: row.code == code::RECEIVE
            && (source_code == code::APPROVAL
                || source_code == code::AGENT && !reference.is_empty()),
        sender: fields.get(Column::SenderAddress),
        return_path: fields.get(Column::ReturnPath),
        subject: fields.get(Column::MessageSubject),
        size_bytes: fields.number(Column::TotalBytes).unwrap_or(0),
        client_ip: match fields.get(Column::OriginalClientIp) {
            first if !first.is_empty() => first,
            _ => fields.get(Column::ClientIp),
        },
        client_host,
        server_host,
        connector,
        context,
        next_try: if row.role == Role::Defer {
            next_try(message_info)
        } else {
            None
        },
    }
}

/// The first element of a list field.
fn first(list: &[u8]) -> &[u8] {
    List(list).into_iter().next().unwrap_or_default()
}

/// Where a SEND went, by the reply in its context: `[InternalId=N, Hostname=h]` from a transport server, `[Hostname=h]`
/// from mailbox delivery, anything else from a host outside. 2013 swaps the two values in places; 2010 leaves
/// out the host (`formats/modern.md` section 4).
fn next_hop<'d>(
    context: &'d BStr,
    connector: &BStr,
    server_host: &'d BStr,
    around: &Surroundings<'d>,
) -> Next<'d> {
    let Some((id, host)) = reply_ids(context) else {
        return Next::Outside;
    };
    let (id, host) = match (number(id), number(host)) {
        (None, Some(_)) => (host, id),
        _ => (id, host),
    };
    let host = if host.is_empty() {
        server_host
    } else {
        host.as_bstr()
    };
    if id.is_empty() {
        return Next::Mailbox { host };
    }
    let inside = connector.starts_with(b"Intra-Organization")
        || connector.starts_with(b"EdgeSync - Inbound");
    if inside || around.servers.was_read(host) {
        Next::Server {
            host,
            copy: around.keys.copy(host, Service::Transport, id),
        }
    } else {
        Next::Outside
    }
}

/// The values of `InternalId=` and `Hostname=` in a reply; `None` if it has neither.
fn reply_ids(context: &[u8]) -> Option<(&[u8], &[u8])> {
    let open = context
        .rfind(b"[InternalId")
        .or_else(|| context.rfind(b"[Hostname"))?;
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
pub fn record<'d>(row: &Row, schema: &Schema, around: &Surroundings<'d>) -> Record<'d> {
    let fields = Fields::new(row, schema, around, true);
    let event = event(row, schema, around);
    let get = |column| fields.get(column);
    Record {
        place: event.place,
        dialect: schema.name,
        time: row.time,
        role: event.role,
        event: event.name,
        source: event.source,
        server: around.servers.name(event.server),
        client_ip: get(Column::ClientIp),
        client_host: event.client_host,
        server_ip: get(Column::ServerIp),
        server_host: event.server_host,
        source_context: event.context,
        connector: event.connector,
        internal_message_id: get(Column::InternalMessageId),
        message_id: event.message_id,
        network_message_id: event.network_message_id,
        recipients: fields.list(Column::RecipientAddress),
        recipient_statuses: fields.list(Column::RecipientStatus),
        size_bytes: fields.number(Column::TotalBytes),
        recipient_count: fields.number(Column::RecipientCount),
        related_recipients: fields.list(Column::RelatedRecipientAddress),
        reference: event.reference,
        subject: event.subject,
        sender: event.sender,
        return_path: event.return_path,
        message_info: get(Column::MessageInfo),
        directionality: get(Column::Directionality),
        tenant_id: get(Column::TenantId),
        original_client_ip: get(Column::OriginalClientIp),
        original_server_ip: get(Column::OriginalServerIp),
        custom_data: fields.list(Column::CustomData),
        traffic_type: get(Column::TransportTrafficType),
        log_id: get(Column::LogId),
        schema_version: get(Column::SchemaVersion),
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

    #[test]
    fn quotes_come_off_and_doubled_ones_become_single() {
        let arena = Bump::new();
        assert_eq!(unquote(b"\"a, \"\"b\"\"\"", &arena), "a, \"b\"");
        assert_eq!(unquote(b"\"a\"", &arena), "a");
        assert_eq!(unquote(b"a\"b", &arena), "a\"b");
        assert_eq!(unquote(b"\"", &arena), "\"");
        assert_eq!(unquote(b"\"\"", &arena), "");
    }
}
