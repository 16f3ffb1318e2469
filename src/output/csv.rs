//! `paths --format csv`: one row per recipient, the message's columns on each of them.
//!
//! In: a [`Path`]. Out: rows for a spreadsheet. A message without a known recipient has one row. Of hops
//! the servers are told, each once, in the order in which the message came to them; who needs more takes jsonl.

use bstr::{BStr, ByteSlice};

use crate::event::ServerId;
use crate::output::cells::Row;
use crate::output::{Context, words};
use crate::path::{Path, Recipient};

const COLUMNS: [&str; 28] = [
    "message_id",
    "network_message_id",
    "other_ids",
    "class",
    "direction",
    "status",
    "sender",
    "return_path",
    "subject",
    "size_bytes",
    "first_seen",
    "last_seen",
    "origin_client_ip",
    "origin_client_host",
    "origin_server",
    "origin_connector",
    "hops",
    "related",
    "rows",
    "recipient",
    "recipient_status",
    "at",
    "server",
    "reason",
    "next_try",
    "via",
    "latency_ms",
    "where",
];

/// Columns that every row of a message repeats.
const MESSAGE_COLUMNS: usize = 19;

/// Appends the names of the columns.
pub fn header(out: &mut Vec<u8>) {
    let mut row = Row::start(out);
    COLUMNS.iter().for_each(|name| row.word(name));
    row.end();
}

/// Appends one row per recipient.
pub fn write(out: &mut Vec<u8>, path: &Path, context: &Context) {
    let mut repeated = Vec::new();
    message(&mut Row::start(&mut repeated), path, context);
    if path.recipients.is_empty() {
        let mut row = Row::behind(&repeated, out);
        (MESSAGE_COLUMNS..COLUMNS.len()).for_each(|_| row.word(""));
        row.end();
    }
    for recipient in &path.recipients {
        let mut row = Row::behind(&repeated, out);
        fate(&mut row, recipient, context);
        row.end();
    }
}

fn message(row: &mut Row, path: &Path, context: &Context) {
    row.text(path.message_id);
    row.text(path.network_message_id);
    row.list(path.other_ids.iter().copied());
    row.word(words::class(path.class));
    row.word(words::direction(path.direction));
    row.word(words::status(path.status));
    row.text(path.sender);
    row.text(path.return_path);
    row.text(path.subject);
    row.number((path.size_bytes > 0).then_some(path.size_bytes));
    row.time(Some(path.first_seen));
    row.time(Some(path.last_seen));
    row.text(path.origin.client_ip);
    row.text(path.origin.client_host);
    row.text(path.origin.server.map(context.server).unwrap_or_default());
    row.text(path.origin.connector);
    let mut servers: Vec<ServerId> = Vec::new();
    for hop in &path.hops {
        if !servers.contains(&hop.server) {
            servers.push(hop.server);
        }
    }
    row.list(servers.into_iter().map(context.server));
    let related = path
        .related
        .iter()
        .map(|(kind, id)| pair(words::relation(*kind), id));
    row.list(
        related
            .collect::<Vec<_>>()
            .iter()
            .map(|text| text.as_bstr()),
    );
    row.number(Some(path.rows));
}

fn fate(row: &mut Row, recipient: &Recipient, context: &Context) {
    row.address(recipient.address);
    row.word(recipient.fate.word());
    row.time(recipient.at);
    row.text(BStr::new(&words::fate_server(recipient, context.server)));
    row.text(&words::reason(&recipient.reason, None, context.server));
    row.time(recipient.next_try);
    let lower = |address: &BStr| address.to_ascii_lowercase();
    let via = recipient
        .via
        .iter()
        .map(|(kind, a)| pair(words::via(*kind), &lower(a)));
    row.list(via.collect::<Vec<_>>().iter().map(|text| text.as_bstr()));
    row.number(recipient.latency_ms);
    row.text(
        recipient
            .place
            .map(context.place)
            .unwrap_or_default()
            .as_bytes(),
    );
}

/// `expanded team@contoso.com`.
fn pair(kind: &str, text: &[u8]) -> Vec<u8> {
    [kind.as_bytes(), b" ", text].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::example::{hostile, hostile_texts, path};
    use crate::output::testing::UTC;

    fn table(path: &Path) -> Vec<csv::StringRecord> {
        let mut out = Vec::new();
        header(&mut out);
        write(&mut out, path, &UTC);
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .from_reader(&out[..]);
        reader.records().map(|record| record.unwrap()).collect()
    }

    #[test]
    fn one_row_per_recipient() {
        let table = table(&path());
        assert_eq!(table.len(), 8);
        assert_eq!(&table[0][MESSAGE_COLUMNS], "recipient");
        let carol: Vec<&str> = table[3].iter().collect();
        let want = [
            "<Q1@contoso.com>",
            "08dc-0001",
            "'c=US;a= ;p=Contoso;l=EX01'",
            "mail",
            "internal",
            "partly delivered",
            "alice@contoso.com",
            "alice@contoso.com",
            "Quarterly \"figures\", für alle",
            "12345",
            "2026-03-01T09:14:02.123Z",
            "2026-03-01T09:14:14.623Z",
            "10.0.0.17",
            "pc17.contoso.com",
            "ex01",
            "EX01\\Client Proxy EX01",
            "ex01; ex02",
            "report <dsn1@contoso.com>",
            "20",
            "carol@contoso.com",
            "delivered",
            "2026-03-01T09:14:14.623Z",
            "ex01",
            "inferred: no mailbox delivery log of ex03 was read for that time",
            "",
            "resolved c.smith@contoso.com; expanded team@contoso.com",
            "12500",
            "ex01/MSGTRK2026030109-1.LOG:9",
        ];
        assert_eq!(carol, want);
    }

    #[test]
    fn a_message_without_recipients_has_a_row() {
        let mut path = path();
        path.recipients.clear();
        let table = table(&path);
        assert_eq!((table.len(), table[1].len()), (2, COLUMNS.len()));
    }

    #[test]
    fn hostile_text_breaks_no_row() {
        for text in hostile_texts() {
            let table = table(&hostile(text));
            assert_eq!(table.len(), 8);
            assert!(
                table
                    .iter()
                    .flatten()
                    .all(|cell| !cell.starts_with(['=', '@']))
            );
        }
    }
}
