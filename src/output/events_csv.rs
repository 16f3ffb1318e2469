//! `events --format csv`: one record per row, every column by its own name.
//!
//! In: a [`Record`] and where it stands. Out: a row for a spreadsheet, lists joined by `; `.

use crate::event::Record;
use crate::output::cells::Row;
use crate::output::{events_jsonl, words};

/// Appends the names of the columns: those of [`events_jsonl`], `schema` left out.
pub fn header(out: &mut Vec<u8>) {
    let names = b"file,line,offset,dialect,time,role,event,source,server,client_ip,\
        client_host,server_ip,server_host,source_context,connector,internal_message_id,message_id,\
        network_message_id,recipients,recipient_statuses,size_bytes,recipient_count,\
        related_recipients,reference,subject,sender,return_path,message_info,directionality,\
        tenant_id,original_client_ip,original_server_ip,custom_data,traffic_type,log_id,\
        schema_version\r\n";
    out.extend_from_slice(names);
}

/// Appends one row; `file` is the file as found under the given path, `line` counts from 1.
pub fn write(out: &mut Vec<u8>, record: &Record, file: &str, line: u64) {
    let mut row = Row::start(out);
    row.text(file.as_bytes());
    row.number(Some(line));
    row.number(Some(record.place.offset));
    row.word(record.dialect);
    let mut time = Vec::with_capacity(27);
    events_jsonl::fine_time(&mut time, record.time);
    row.text(&time);
    row.word(words::role(record.role));
    for text in [
        record.event,
        record.source,
        record.server,
        record.client_ip,
        record.client_host,
        record.server_ip,
        record.server_host,
        record.source_context,
        record.connector,
        record.internal_message_id,
        record.message_id,
        record.network_message_id,
    ] {
        row.text(text);
    }
    row.list(record.recipients.iter().copied());
    row.list(record.recipient_statuses.iter().copied());
    row.number(record.size_bytes);
    row.number(record.recipient_count);
    row.list(record.related_recipients.iter().copied());
    for text in [
        record.reference,
        record.subject,
        record.sender,
        record.return_path,
        record.message_info,
        record.directionality,
        record.tenant_id,
        record.original_client_ip,
        record.original_server_ip,
    ] {
        row.text(text);
    }
    row.list(record.custom_data.iter().copied());
    for text in [record.traffic_type, record.log_id, record.schema_version] {
        row.text(text);
    }
    row.end();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::example::{hostile_texts, record};
    use bstr::BStr;

    fn table(record: &Record) -> (csv::StringRecord, csv::StringRecord) {
        let mut out = Vec::new();
        header(&mut out);
        write(&mut out, record, "ex01/a.LOG", 17);
        let mut reader = csv::Reader::from_reader(&out[..]);
        let names = reader.headers().unwrap().clone();
        (names, reader.records().next().unwrap().unwrap())
    }

    #[test]
    fn columns_are_the_keys_of_the_jsonl_in_their_order() {
        let mut line = Vec::new();
        events_jsonl::write(&mut line, &record(), "ex01/a.LOG", 17);
        let line = String::from_utf8(line).unwrap();
        let (names, _) = table(&record());
        let mut at = 0;
        for name in &names {
            let key = format!("\"{name}\":");
            at += line[at..]
                .find(&key)
                .unwrap_or_else(|| panic!("{name} is out of order"))
                + 1;
        }
        assert_eq!(names.len(), 36);
    }

    #[test]
    fn values_stand_under_their_names() {
        let (names, values) = table(&record());
        let value = |name| &values[names.iter().position(|n| n == name).unwrap()];
        assert_eq!(value("recipients"), "a@contoso.com; b@contoso.com");
        let statuses = "'[{LED=554 5.2.2 mailbox full; STOREDRV}]'; ";
        assert_eq!(value("recipient_statuses"), statuses);
        assert_eq!(value("subject"), "Hello, \"you\"");
        assert_eq!(value("time"), "2026-03-01T09:14:02.123Z");
        assert_eq!(value("schema_version"), "15.02.0000.000");
    }

    #[test]
    fn hostile_text_breaks_no_row() {
        for text in hostile_texts() {
            let mut record = record();
            record.subject = BStr::new(text);
            let (names, values) = table(&record);
            assert_eq!(names.len(), values.len());
        }
    }
}
