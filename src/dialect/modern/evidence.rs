//! What a row or file says about the log itself: for the audit of `check`.
//!
//! In: rows, bytes between rows, whole files. Out: log-ids and the time inside them, queue generations, hand-overs,
//! header lines, torn beginnings and ends. What follows from these is decided in [`crate::audit`].

use bstr::ByteSlice;

use super::decode::{Fields, is_inside, log_id, number, older_server, reply};
use super::events::code;
use super::{Column, Schema, header, looks_like_row, names};
use crate::dialect::{
    Begins, Edges, Elsewhere, Ends, Header, Named, Stamp, Surroundings, Teller, Told,
};
use crate::event::Role;
use crate::keys::Service;
use crate::row::Row;
use crate::scan;
use crate::time::{Time, id_time, parse_iso};

/// The time in a log-id.
pub fn stamped(row: &Row, schema: &Schema, around: &Surroundings<'_>) -> Option<Stamp> {
    let id = log_id(row, schema, around);
    if id.is_empty() {
        return None;
    }
    Some(id_time(id).map_or(Stamp::None, Stamp::At))
}

/// What a row tells of copies and messages that must have arrived on a server: the copy that a SEND's reply names,
/// the message that mailbox delivery took or a mailbox handed in, the copy that was delivered or sent on.
pub fn told<'d>(row: &Row, schema: &Schema, around: &Surroundings<'d>) -> [Option<Told<'d>>; 2] {
    let fields = Fields::new(row, schema, around, false);
    let get = |column| fields.get(column);
    if schema.is_online() {
        return [None, None];
    }
    // Ids of 2007 and 2010 are small numbers that come again, and what they give as origin is a client's time.
    let keeps = schema.has_network_id();
    let copy = |teller, host| {
        let since = origin(get(Column::MessageInfo)).filter(|_| keeps)?;
        let id = get(Column::InternalMessageId);
        is_id(id).then_some(Told {
            teller,
            host,
            named: Named::Copy(id),
            since: since.min(row.time),
        })
    };
    let own = || copy(Teller::Itself, None);
    match row.code {
        code::SEND => [handed_over(row, &fields, around), own()],
        code::SENDEXTERNAL => [own(), None],
        code::DELIVER => [
            copy(Teller::Delivery, Some(get(Column::ClientHostname))),
            None,
        ],
        code::SUBMIT => {
            let id = match keeps {
                true => get(Column::NetworkMessageId),
                false => get(Column::MessageId),
            };
            let told = Told {
                teller: Teller::Mailbox,
                host: Some(get(Column::ServerHostname)),
                named: Named::Message(id),
                since: row.time,
            };
            [(!id.is_empty()).then_some(told), None]
        }
        _ => [None, None],
    }
}

/// When the message came in, as message-info begins in rows that tell a latency.
fn origin(info: &[u8]) -> Option<Time> {
    let end = info.find_byte(b';').unwrap_or(info.len());
    parse_iso(&info[..end])
}

fn is_id(id: &[u8]) -> bool {
    number(id).is_some_and(|id| id > 0)
}

/// What the other server took by its reply in a SEND row, whether or not its rows were read.
fn handed_over<'d>(
    row: &Row,
    fields: &Fields<'_, 'd>,
    around: &Surroundings<'d>,
) -> Option<Told<'d>> {
    let context = fields.get(Column::SourceContext);
    let Some((id, host)) = reply(context, || fields.get(Column::ServerHostname)) else {
        return Some(Told {
            teller: Teller::Older,
            host: Some(older_server(fields, context, around)?),
            named: Named::Message(fields.get(Column::MessageId)),
            since: row.time,
        });
    };
    let message = fields.get(Column::NetworkMessageId);
    let inside = is_inside(fields.get(Column::ConnectorId));
    let (teller, named) = match id {
        // Mailbox delivery keeps no queue, so that its reply names no copy.
        [] if inside && !message.is_empty() => (Teller::Transport, Named::Delivered(message)),
        id if !is_id(id) => return None,
        id if inside => (Teller::Server, Named::Copy(id)),
        id => (Teller::Stranger, Named::Copy(id)),
    };
    (!host.is_empty()).then_some(Told {
        teller,
        host: Some(host),
        named,
        since: row.time,
    })
}

/// Whether a row opens a copy on a transport server, and the message that it is of where it came in; or the message
/// that mailbox delivery took, whatever it did with it.
pub fn arrived<'d>(
    row: &Row,
    schema: &Schema,
    around: &Surroundings<'d>,
) -> [Option<Named<'d>>; 2] {
    let opens = matches!(
        row.role,
        Role::Receive
            | Role::Fork
            | Role::Resubmit
            | Role::Report
            | Role::Expand
            | Role::Resolve
            | Role::Redirect
    );
    let fields = Fields::new(row, schema, around, false);
    if delivers(row.code, fields.get(Column::Source)) && schema.has_network_id() {
        let message = fields.get(Column::NetworkMessageId);
        let taken = (!message.is_empty()).then_some(Named::Delivered(message));
        return [taken, None];
    }
    if !opens {
        return [None, None];
    }
    let id = fields.get(Column::InternalMessageId);
    let copy = is_id(id).then_some(Named::Copy(id));
    let message = match schema.has_network_id() {
        true => fields.get(Column::NetworkMessageId),
        false => fields.get(Column::MessageId),
    };
    let came_in = row.role == Role::Receive && !message.is_empty();
    [copy, came_in.then_some(Named::Message(message))]
}

/// Whether mailbox delivery wrote the row: it put the message into a mailbox, a rule there did something else with it, or
/// it could not.
fn delivers(event: u8, source: &[u8]) -> bool {
    let comes_in = matches!(event, code::RECEIVE | code::SUBMIT);
    !comes_in
        && matches!(
            source,
            b"STOREDRIVER" | b"MAILBOXRULE" | b"MEETINGMESSAGEPROCESSOR"
        )
}

/// The log of another service that a row speaks of: at that time, there must be a row in it.
pub fn elsewhere<'d>(
    row: &Row,
    schema: &Schema,
    around: &Surroundings<'d>,
) -> Option<Elsewhere<'d>> {
    let fields = Fields::new(row, schema, around, false);
    let get = |column| fields.get(column);
    if schema.is_online() {
        return None;
    }
    let services = schema.has_network_id();
    let answer = || reply(get(Column::SourceContext), || get(Column::ServerHostname));
    let (host, service) = match row.code {
        code::SUBMIT => (get(Column::ServerHostname), Service::Transport),
        // Transport gave it to mailbox delivery, and logs that when it is done. Mailbox delivery tells from when
        // the message is; a row that does not is another program's.
        code::DELIVER if services && origin(get(Column::MessageInfo)).is_some() => {
            (get(Column::ClientHostname), Service::Transport)
        }
        code::SEND if is_inside(get(Column::ConnectorId)) => match answer()? {
            ([], host) => (host, Service::Delivery),
            (_, host) => (host, Service::Transport),
        },
        // The shadow of a copy that another server has just taken, and the other way round.
        code::HARECEIVE if services => (get(Column::ClientHostname), Service::Transport),
        code::HAREDIRECT if services => (answer()?.1, Service::Transport),
        // The hub took it from a mailbox server, which logged that it told the hub.
        code::RECEIVE if !services && get(Column::Source) == "STOREDRIVER" => {
            (get(Column::ClientHostname), Service::Submission)
        }
        _ => return None,
    };
    (!host.is_empty()).then_some(Elsewhere { host, service })
}

/// The high half of an internal id of 2013 and later; earlier ids are small counters.
pub fn queue_generation(row: &Row, schema: &Schema, around: &Surroundings<'_>) -> Option<u64> {
    if !schema.has_network_id() {
        return None;
    }
    let id = number(Fields::new(row, schema, around, false).get(Column::InternalMessageId))?;
    (id >> 32 > 0).then_some(id >> 32)
}

/// Header lines in the bytes between two rows.
pub fn headers(between: &[u8]) -> Vec<Header<'_>> {
    let mut found = Vec::new();
    let (mut at, mut line) = (0, 0);
    for text in between.split_inclusive(|&b| b == b'\n') {
        if let Some((name, value)) = header(text.trim_ascii_end()) {
            let (name, value) = (name.as_bstr(), value.as_bstr());
            found.push(Header {
                name,
                value,
                at,
                line,
            });
        }
        at += text.len();
        line += 1;
    }
    found
}

/// Whether a file begins and ends at a record border.
pub fn edges(schema: &Schema, data: &[u8]) -> Edges {
    let text = scan::without_mark(data);
    let begins = match text.trim_ascii_start() {
        [b'#', ..] => Begins::WithHeader,
        // Exports of Exchange Online.
        text if names(text).is_some() => Begins::WithHeader,
        text if looks_like_row(text) => Begins::WithRow,
        _ => Begins::MidRow,
    };
    let last = memchr::memrchr(b'\n', text).map_or(0, |newline| newline + 1);
    let last = text[last..].trim_ascii_end();
    let ends = if last.is_empty() {
        Ends::WithLineBreak
    } else if looks_like_row(last)
        && scan::split(last, b',').len() >= schema.width
        && memchr::memchr_iter(b'"', last).count().is_multiple_of(2)
    {
        Ends::WithoutLineBreak
    } else {
        Ends::MidRow
    };
    Edges { begins, ends }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_of_files() {
        let schema = Schema::from_width(21).unwrap();
        let row = format!("2026-03-02T09:00:00.000Z{}", ",".repeat(20));
        let of = |text: &str| {
            let edges = edges(&schema, text.as_bytes());
            (edges.begins, edges.ends)
        };
        let head = "\u{feff}#Fields: x\r\n";
        assert_eq!(
            of(&format!("{head}{row}\r\n")),
            (Begins::WithHeader, Ends::WithLineBreak)
        );
        assert_eq!(of(&row), (Begins::WithRow, Ends::WithoutLineBreak));
        assert_eq!(
            of(&format!("b,c,d\n{row}\n{}", &row[..30])),
            (Begins::MidRow, Ends::MidRow)
        );
        let names = "date_time_utc,event_id,source,message_id,recipient_address,sender_address\n";
        assert_eq!(of(names), (Begins::WithHeader, Ends::WithLineBreak));
    }

    #[test]
    fn headers_between_rows_have_their_line() {
        let found = headers(b"\n\xef\xbb\xbf#Version: 15\r\nbroken row\n#Fields: a,b");
        let names: Vec<_> = found.iter().map(|h| (h.name.to_string(), h.line)).collect();
        assert_eq!(names, [("Version".into(), 1), ("Fields".into(), 3)]);
    }
}
