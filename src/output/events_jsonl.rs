//! `events --format jsonl`: one record per line, every column by its own name.
//!
//! In: a [`Record`] and where it stands. Out: one line, keys in the order of the struct, null for what the
//! row does not have. Finer times than milliseconds are kept, so that a timeline can be put in order.

use std::io::Write;

use crate::event::Record;
use crate::output::{json, words};
use crate::time::Time;

/// Appends one line; `file` is the file as found under the given path, `line` counts from 1.
pub fn write(out: &mut Vec<u8>, record: &Record, file: &str, line: u64) {
    out.extend_from_slice(b"{\"schema\":1,\"file\":");
    json::string(out, file.as_bytes());
    out.extend_from_slice(b",\"line\":");
    json::number(out, Some(line));
    out.extend_from_slice(b",\"offset\":");
    json::number(out, Some(record.place.offset));
    out.extend_from_slice(b",\"dialect\":");
    json::string(out, record.dialect.as_bytes());
    out.extend_from_slice(b",\"time\":\"");
    fine_time(out, record.time);
    out.extend_from_slice(b"\",\"role\":\"");
    out.extend_from_slice(words::role(record.role).as_bytes());
    out.push(b'"');
    let texts: [(&[u8], &[u8]); 11] = [
        (b",\"event\":", record.event),
        (b",\"source\":", record.source),
        (b",\"server\":", record.server),
        (b",\"client_ip\":", record.client_ip),
        (b",\"client_host\":", record.client_host),
        (b",\"server_ip\":", record.server_ip),
        (b",\"server_host\":", record.server_host),
        (b",\"source_context\":", record.source_context),
        (b",\"connector\":", record.connector),
        (b",\"internal_message_id\":", record.internal_message_id),
        (b",\"message_id\":", record.message_id),
    ];
    members(out, &texts);
    members(
        out,
        &[(b",\"network_message_id\":", record.network_message_id)],
    );
    out.extend_from_slice(b",\"recipients\":");
    json::strings(out, &record.recipients);
    out.extend_from_slice(b",\"recipient_statuses\":");
    json::strings(out, &record.recipient_statuses);
    out.extend_from_slice(b",\"size_bytes\":");
    json::number(out, record.size_bytes);
    out.extend_from_slice(b",\"recipient_count\":");
    json::number(out, record.recipient_count);
    out.extend_from_slice(b",\"related_recipients\":");
    json::strings(out, &record.related_recipients);
    let texts: [(&[u8], &[u8]); 9] = [
        (b",\"reference\":", record.reference),
        (b",\"subject\":", record.subject),
        (b",\"sender\":", record.sender),
        (b",\"return_path\":", record.return_path),
        (b",\"message_info\":", record.message_info),
        (b",\"directionality\":", record.directionality),
        (b",\"tenant_id\":", record.tenant_id),
        (b",\"original_client_ip\":", record.original_client_ip),
        (b",\"original_server_ip\":", record.original_server_ip),
    ];
    members(out, &texts);
    out.extend_from_slice(b",\"custom_data\":");
    json::strings(out, &record.custom_data);
    let texts: [(&[u8], &[u8]); 3] = [
        (b",\"traffic_type\":", record.traffic_type),
        (b",\"log_id\":", record.log_id),
        (b",\"schema_version\":", record.schema_version),
    ];
    members(out, &texts);
    out.extend_from_slice(b"}\n");
}

/// Keys, each with its comma and colon, and their texts.
fn members(out: &mut Vec<u8>, texts: &[(&[u8], &[u8])]) {
    for (key, text) in texts {
        out.extend_from_slice(key);
        json::string_or_null(out, text);
    }
}

/// Milliseconds as everywhere, microseconds where the log has them.
pub(super) fn fine_time(out: &mut Vec<u8>, time: Time) {
    json::bare_time(out, time);
    let micros = time.0.rem_euclid(1000);
    if micros != 0 {
        out.pop();
        write!(out, "{micros:03}Z").expect("a Vec takes all bytes");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::example::{hostile_texts, record};
    use crate::output::testing::is_inert;
    use bstr::BStr;

    fn line(record: &Record) -> String {
        let mut out = Vec::new();
        write(&mut out, record, "ex01/a.LOG", 17);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_column_by_its_name() {
        let want = concat!(
            r#"{"schema":1,"file":"ex01/a.LOG","line":17,"offset":4711,"dialect":"modern/30","#,
            r#""time":"2026-03-01T09:14:02.123Z","role":"fail","event":"FAIL","#,
            r#""source":"STOREDRIVER","server":"ex01","client_ip":"10.0.0.5","#,
            r#""client_host":"ex01","server_ip":null,"server_host":null,"#,
            r#""source_context":"MDB:1, Mailbox:2","connector":null,"#,
            r#""internal_message_id":"123456789","message_id":"<Q1@contoso.com>","#,
            r#""network_message_id":"08dc-0001","recipients":["a@contoso.com","b@contoso.com"],"#,
            r#""recipient_statuses":["[{LED=554 5.2.2 mailbox full; STOREDRV}]",""],"#,
            r#""size_bytes":12345,"recipient_count":2,"related_recipients":["team@contoso.com"],"#,
            r#""reference":null,"subject":"Hello, \"you\"","sender":"alice@contoso.com","#,
            r#""return_path":"<>","message_info":null,"directionality":"Originating","#,
            r#""tenant_id":null,"original_client_ip":"10.0.0.17","original_server_ip":null,"#,
            r#""custom_data":["S:E2ELatency=1.2"],"traffic_type":"Email","log_id":"1f","#,
            r#""schema_version":"15.02.0000.000"}"#,
            "\n"
        );
        assert_eq!(line(&record()), want);
    }

    #[test]
    fn finer_times_are_kept() {
        let mut record = record();
        record.time.0 += 456;
        assert!(line(&record).contains(r#""time":"2026-03-01T09:14:02.123456Z""#));
    }

    #[test]
    fn hostile_text_stays_inside_its_string() {
        for text in hostile_texts() {
            let mut record = record();
            (record.subject, record.event) = (BStr::new(text), BStr::new(text));
            record.recipients.push(BStr::new(text));
            let line = line(&record);
            assert!(is_inert(&line));
            let value: serde_json::Value = serde_json::from_str(&line).unwrap();
            assert_eq!(value.as_object().unwrap().len(), 37);
        }
    }
}
