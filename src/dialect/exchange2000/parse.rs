//! Finds the records of a chunk.
//!
//! In: a chunk that does not begin inside a run, and the columns in force there. Out: [`Yield`].

use super::{Column, Schema, fields, same_run};
use crate::dialect::legacy::text::{date_and_time, filled, number};
use crate::dialect::legacy::{Finder, Found};
use crate::dialect::{Layout, Slice, Yield};
use crate::fault::Reason;
use crate::keys::Keys;
use crate::scan::MAX_FIELDS;

/// Finds the records of `slice`; `once`: the first one only.
pub fn parse<'p>(slice: Slice<'p>, schema: &'p Schema, keys: &'p Keys, once: bool) -> Yield {
    let mut finder = Finder::new(slice, Layout::Exchange2000(schema.clone()), keys);
    let mut schema = schema.clone();
    let data = slice.data;
    let mut at = 0;
    while at < data.len() {
        if data[at..].starts_with(b"\xef\xbb\xbf") {
            at += 3;
            continue;
        }
        let (end, next) = line_end(data, at);
        let line = &data[at..end];
        if line.first() == Some(&b'#') {
            if let Some(bound) = Schema::from_names(line) {
                schema = Schema {
                    name: schema.name,
                    ..bound
                };
                finder.bind(Layout::Exchange2000(schema.clone()));
            }
        } else if !line.trim_ascii().is_empty() {
            let (run_end, run_next, more) = run(data, (at, end, next), &schema);
            let torn = slice.ends_file && next == data.len() && !data.ends_with(b"\n");
            record(&mut finder, &schema, data, (at, end, run_end), torn);
            finder.line += 1 + more;
            if once {
                break;
            }
            at = run_next;
            continue;
        }
        finder.line += 1;
        at = next;
    }
    finder.finish()
}

/// Where a line ends without its line break, and where the next begins.
fn line_end(data: &[u8], at: usize) -> (usize, usize) {
    let newline = memchr::memchr(b'\n', &data[at..]).map_or(data.len(), |n| at + n);
    let end = newline - usize::from(newline > at && data[newline - 1] == b'\r');
    (end, (newline + 1).min(data.len()))
}

/// Follows a run: its end, where reading goes on, and the number of lines behind the first.
fn run(
    data: &[u8],
    (at, end, next): (usize, usize, usize),
    schema: &Schema,
) -> (usize, usize, u32) {
    let (mut end, mut next, mut lines) = (end, next, 0);
    let first = &data[at..end];
    while next < data.len() {
        let (line_end, behind) = line_end(data, next);
        if !same_run(first, &data[next..line_end], schema) {
            break;
        }
        (end, next) = (line_end, behind);
        lines += 1;
    }
    (end, next, lines)
}

fn record<'p>(
    finder: &mut Finder<'p>,
    schema: &Schema,
    data: &'p [u8],
    (at, end, run_end): (usize, usize, usize),
    torn: bool,
) {
    let line = &data[at..end];
    let mut ends = [0u32; MAX_FIELDS];
    let mut count = 0;
    for tab in memchr::memchr_iter(b'\t', line).chain([line.len()]) {
        if count < MAX_FIELDS {
            ends[count] = tab as u32;
        }
        count += 1;
    }
    let usual = count <= schema.width + 1 && count <= MAX_FIELDS;
    let split = if usual {
        Vec::new()
    } else {
        fields(line, schema)
    };
    let field = |column: Column| -> &'p [u8] {
        let Some(i) = schema.at(column) else {
            return b"";
        };
        if !usual {
            return split.get(i).copied().unwrap_or_default();
        }
        if i >= count {
            return b"";
        }
        let from = if i == 0 { 0 } else { ends[i - 1] as usize + 1 };
        &line[from..ends[i] as usize]
    };
    if count < schema.width {
        return finder.fault(
            at,
            if torn {
                Reason::TornEnd
            } else {
                Reason::TooFewColumns
            },
        );
    }
    let Some(time) = date_and_time(field(Column::Date), field(Column::Time)) else {
        return finder.fault(at, Reason::NoTime);
    };
    finder.add(&Found {
        at,
        len: run_end - at,
        event: field(Column::EventId),
        time,
        server: filled(field(Column::ServerHostname)),
        id: filled(field(Column::MsgId)),
        linked: filled(field(Column::LinkedMsgId)),
        about: b"",
        size_bytes: number(field(Column::TotalBytes)).unwrap_or(0),
        ends,
        fields: if usual { count } else { 0 },
    });
}

#[cfg(test)]
mod tests {
    use super::super::{detect, entry, next_record};
    use super::*;
    use crate::dialect::Detected;
    use proptest::prelude::*;

    const NAMES: &str = "# Date\tTime\tclient-ip\tClient-hostname\tPartner-Name\tServer-hostname\tserver-IP\t\
        Recipient-Address\tEvent-ID\tMSGID\tPriority\tRecipient-Report-Status\ttotal-bytes\tNumber-Recipients\t\
        Origination-Time\tEncryption\tservice-Version\tLinked-MSGID\tMessage-Subject\tSender-Address";

    fn line(to: &str, event: u32, second: u32, id: &str, subject: &str) -> String {
        format!(
            "2003-8-12\t0:58:{second} GMT\t203.0.113.69\tmx.example\t-\tEX01\t192.168.1.2\t{to}\t{event}\t{id}\t0\t0\t\
             4281\t2\t2003-8-12 0:58:14 GMT\t0\tVersion: 6.0.3790.0\t-\t{subject}\ts@remote.example\t-\n"
        )
    }

    fn layout(data: &[u8]) -> Schema {
        match detect(data) {
            Some(Detected::Log(Layout::Exchange2000(schema))) => schema,
            other => panic!("{other:?}"),
        }
    }

    /// `event id to,to "subject" sender` of all records, read in chunks of about `chunk` bytes; and lines.
    fn read(data: &[u8], chunk: usize) -> (Vec<String>, u64) {
        let keys = Keys::default();
        let mut schema = layout(data);
        let first = schema.clone();
        let (mut records, mut faults) = (Vec::new(), 0);
        let mut start = 0;
        while start < data.len() {
            let end = next_record(&first, data, (start + chunk).min(data.len()));
            let slice = Slice {
                data: &data[start..end],
                chunk: 0,
                file: 0,
                start: start as u64,
                ends_file: end == data.len(),
                server: bstr::BStr::new(""),
                keep_loose: true,
            };
            let found = parse(slice, &schema, &keys, false);
            faults += found.faults.damaged();
            let mut rows: Vec<_> = found
                .shards
                .into_iter()
                .flatten()
                .chain(found.loose)
                .collect();
            rows.sort_by_key(|row| row.offset);
            for row in rows {
                let bytes = &slice.data[row.offset as usize..(row.offset + row.len) as usize];
                let Layout::Exchange2000(schema) = &found.layouts[usize::from(row.layout)] else {
                    panic!()
                };
                let e = entry(&row, bytes, schema);
                let to: Vec<_> = e
                    .recipients
                    .iter()
                    .map(|(a, _)| String::from_utf8_lossy(a))
                    .collect();
                records.push(format!(
                    "{} {} {} {:?} {}",
                    e.event,
                    e.id,
                    to.join(","),
                    e.subject.to_string(),
                    e.sender
                ));
            }
            schema = super::super::last_schema(slice.data, &schema).unwrap_or(schema);
            start = end;
        }
        (records, faults)
    }

    #[test]
    fn lines_of_one_event_are_one_record() {
        let log = format!(
            "# Message Tracking Log File\n# Exchange System Attendant Version 6.0.4417.0\n{NAMES}\n\n\n{}{}{}{}",
            line("a@x", 1028, 14, "1@h", "-"),
            line("b@x", 1028, 14, "1@h", "-"),
            line("c@x", 1028, 15, "1@h", "-"),
            line("d@x", 1019, 15, "2@h", " [List] Re"),
        );
        let want = [
            "1028 1@h a@x,b@x \"\" s@remote.example",
            "1028 1@h c@x \"\" s@remote.example",
            "1019 2@h d@x \"[List] Re\" s@remote.example",
        ];
        assert_eq!(
            read(log.as_bytes(), 1 << 20),
            (want.map(String::from).to_vec(), 0)
        );
        assert_eq!(layout(log.as_bytes()).name, "exchange/2000");
        let crlf = format!("\u{feff}{}", log.replace('\n', "\r\n"));
        assert_eq!(read(crlf.as_bytes(), 1 << 20).0, want);
        let upper = log.replace(NAMES, &NAMES.to_uppercase());
        assert_eq!(read(upper.as_bytes(), 1 << 20).0, want);
    }

    #[test]
    fn tabs_in_a_subject_are_survived() {
        let log = line("a@x", 1019, 14, "1@h", "one\ttwo\tthree");
        assert_eq!(
            read(log.as_bytes(), 9).0,
            ["1019 1@h a@x \"one\\ttwo\\tthree\" s@remote.example"]
        );
        let twenty = line("a@x", 1019, 14, "1@h", "one").replace("\t-\n", "\n");
        assert_eq!(
            read(twenty.as_bytes(), 9).0,
            ["1019 1@h a@x \"one\" s@remote.example"]
        );
    }

    #[test]
    fn columns_are_bound_by_name() {
        let swapped = NAMES.replace(
            "Message-Subject\tSender-Address",
            "Sender-Address\tMessage-Subject",
        );
        let log = format!("{swapped}\n{}", line("a@x", 99_999, 1, "1@h", "text"));
        assert_eq!(
            read(log.as_bytes(), 1 << 20).0,
            ["99999 1@h a@x \"s@remote.example\" text"]
        );
        let cut = format!(
            "{NAMES}\n{}{}",
            line("a@x", 1019, 1, "1@h", "s"),
            &line("b@x", 1019, 2, "2@h", "s")[..80]
        );
        assert_eq!(read(cut.as_bytes(), 1 << 20).0.len(), 1);
        assert_eq!(
            read(cut.as_bytes(), 1 << 20).1,
            0,
            "a torn end is no damage"
        );
        let short = format!("{NAMES}\na\tb\n{}", line("a@x", 1019, 1, "1@h", "s"));
        assert_eq!(read(short.as_bytes(), 1 << 20).1, 1);
    }

    proptest! {
        /// However a file is cut, runs stay whole and the same records come out of it.
        #[test]
        fn chunks_change_nothing(
            lines in prop::collection::vec((0u32..3, 0u32..3, 0u8..8), 1..40),
            chunk in 1usize..1500,
        ) {
            let mut log = format!("{NAMES}\n\n\n");
            for (i, (id, second, odd)) in lines.into_iter().enumerate() {
                match odd {
                    0 => log += "broken\tline\n",
                    1 => log += &format!("{NAMES}\n"),
                    2 => log += "\n",
                    _ => log += &line(&format!("r{i}@x"), 1028, second, &format!("{id}@h"), "a\tb"),
                }
            }
            prop_assert_eq!(read(log.as_bytes(), chunk), read(log.as_bytes(), 1 << 20));
        }
    }
}
