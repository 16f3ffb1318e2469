//! Finds the records of a chunk.
//!
//! In: a chunk that does not begin inside a run, and the columns in force there. Out: [`Yield`].

use super::{Column, OF_RUN, Schema, fields};
use crate::dialect::legacy::line::{Line, is_blank, same};
use crate::dialect::legacy::text::{Clock, filled, number};
use crate::dialect::legacy::{Finder, Found};
use crate::dialect::{Aim, Layout, Slice, Yield};
use crate::fault::Reason;
use crate::keys::Keys;
use crate::scan::{self, BOM, Block, MAX_FIELDS, Scan};

/// Finds the records of `slice`.
pub fn parse(slice: Slice<'_>, schema: &Schema, keys: &Keys, aim: Aim) -> Yield {
    let finder = Finder::new(slice, Layout::Exchange2000(schema.clone()), keys, aim);
    let (schema, clock) = (schema.clone(), Clock::default());
    scan::best(Parse {
        slice,
        schema,
        only_first: aim == Aim::First,
        clock,
        finder,
    })
}

struct Parse<'p> {
    slice: Slice<'p>,
    schema: Schema,
    only_first: bool,
    clock: Clock<'p>,
    finder: Finder<'p>,
}

impl Scan for Parse<'_> {
    type Output = Yield;

    #[inline(always)]
    fn run<B: Block>(mut self) -> Yield {
        let data = self.slice.data;
        let (mut row, mut behind) = (Line::default(), Line::nowhere());
        let mut at = 0;
        while at < data.len() {
            let rest = &data[at..];
            if rest.starts_with(BOM) {
                at += BOM.len();
                continue;
            }
            if behind.at == at {
                std::mem::swap(&mut row, &mut behind);
            } else {
                row.look::<B>(data, at, MAX_FIELDS);
            }
            let line = &data[at..row.end];
            if line.first() == Some(&b'#') {
                self.bind(line);
            } else if !is_blank(line) {
                at = self.record::<B>(&row, &mut behind);
                if self.only_first {
                    break;
                }
                continue;
            }
            self.finder.line += 1;
            at = row.next;
        }
        self.finder.finish_lines()
    }
}

impl Parse<'_> {
    #[cold]
    fn bind(&mut self, line: &[u8]) {
        if let Some(bound) = Schema::from_names(line) {
            self.schema = Schema {
                name: self.schema.name,
                ..bound
            };
            self.finder.bind(Layout::Exchange2000(self.schema.clone()));
        }
    }

    /// The record that begins with `row`: it and the lines that go on with it. Returns where reading goes on; `behind` is the
    /// line there, if it had to be looked at.
    #[inline(always)]
    fn record<B: Block>(&mut self, row: &Line, behind: &mut Line) -> usize {
        let data = self.slice.data;
        let (mut end, mut next, mut more) = (row.end, row.next, 0);
        while next < data.len() && self.may_go_on(row, next) {
            behind.look::<B>(data, next, MAX_FIELDS);
            if !self.goes_on(row, behind) {
                break;
            }
            (end, next) = (behind.end, behind.next);
            more += 1;
        }
        self.file(row, end);
        self.finder.line += 1 + more;
        next
    }

    /// Whether the line at `next` begins like the row: most rows differ in date and time already.
    #[inline(always)]
    fn may_go_on(&self, row: &Line, next: usize) -> bool {
        let data = self.slice.data;
        let day_and_time = match (self.schema.at(Column::Date), self.schema.at(Column::Time)) {
            (Some(0), Some(1)) if row.count > 1 => row.ends[1] as usize + 1,
            _ => 0,
        };
        data[next..].starts_with(&data[row.at..(row.at + day_and_time).min(row.end)])
            && data[next] != b'#'
    }

    /// Whether a line tells the same event of the same message at the same second, between the same hosts.
    #[inline(always)]
    fn goes_on(&self, row: &Line, other: &Line) -> bool {
        let data = self.slice.data;
        let alike = |at: usize| {
            at < row.count && at < other.count && same(row.field(data, at), other.field(data, at))
        };
        let id = self.schema.at(Column::MsgId).unwrap_or(MAX_FIELDS);
        (OF_RUN.iter().filter_map(|column| self.schema.at(*column))).all(alike)
            && !filled(row.field(data, id)).is_empty()
    }

    #[inline(always)]
    fn file(&mut self, row: &Line, end: usize) {
        let data = self.slice.data;
        let usual = row.count <= self.schema.width + 1 && row.count < MAX_FIELDS;
        if row.count < self.schema.width {
            let torn = self.slice.ends_file && row.next == data.len() && !data.ends_with(b"\n");
            let reason = if torn {
                Reason::TornEnd
            } else {
                Reason::TooFewColumns
            };
            return self.finder.fault(row.at, reason);
        }
        if !usual {
            return self.file_split(row, end);
        }
        let schema = self.schema.clone();
        let field = |column| schema.at(column).map_or(&b""[..], |i| row.field(data, i));
        self.found(row, end, field, row.count);
    }

    /// A row with more values than columns.
    #[cold]
    fn file_split(&mut self, row: &Line, end: usize) {
        let schema = self.schema.clone();
        let split = fields(&self.slice.data[row.at..row.end], &schema);
        let field = |column| {
            let i = schema.at(column);
            i.and_then(|i| split.get(i)).copied().unwrap_or_default()
        };
        self.found(row, end, field, 0);
    }
}

impl<'p> Parse<'p> {
    #[inline(always)]
    fn found(&mut self, row: &Line, end: usize, field: impl Fn(Column) -> &'p [u8], fields: usize) {
        let time = self.clock.read(field(Column::Date), field(Column::Time));
        let Some(time) = time else {
            return self.finder.fault(row.at, Reason::NoTime);
        };
        self.finder.add(&Found {
            at: row.at,
            len: end - row.at,
            event: field(Column::EventId),
            number: number(field(Column::EventId)),
            time,
            server: filled(field(Column::ServerHostname)),
            id: filled(field(Column::MsgId)),
            linked: filled(field(Column::LinkedMsgId)),
            about: b"",
            size_bytes: number(field(Column::TotalBytes)).unwrap_or(0),
            ends: &row.ends,
            fields,
        });
    }
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
            let slice = Slice::of(data, start..end, "");
            let mut found = parse(slice, &schema, &keys, Aim::Rows);
            faults += found.faults.damaged();
            let mut rows = found.take_rows();
            rows.sort_by_key(|row| row.offset);
            let arena = bumpalo::Bump::new();
            for row in rows {
                let bytes = &slice.data[row.offset as usize..(row.offset + row.len) as usize];
                let Layout::Exchange2000(schema) = &found.layouts[usize::from(row.layout)] else {
                    panic!()
                };
                let e = entry(&row, bytes, schema, &arena);
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
    fn lines_about_different_hosts_are_different_records() {
        let to_host = |to: &str, host: &str| {
            line(to, 1031, 14, "1@h", "-").replace("mx.example\t-", &format!("mx.example\t{host}"))
        };
        let log =
            [("a@x", "NEW1"), ("b@x", "NEW1"), ("c@x", "NEW2")].map(|(to, at)| to_host(to, at));
        let log = log.concat();
        let want = ["a@x,b@x", "c@x"].map(|to| format!("1031 1@h {to} \"\" s@remote.example"));
        for chunk in [9, 200, 1 << 20] {
            assert_eq!(read(log.as_bytes(), chunk).0, want, "{chunk}");
        }
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
    fn a_header_inside_a_log_binds_the_same_from_both_sides() {
        for (mark, end) in [
            ("", "\r\n"),
            ("\u{feff}", "\t\r\n"),
            ("\u{feff}\u{feff}", "\t\n"),
        ] {
            let log = format!("{NAMES}\n\n{mark}# Date\tTime\tMSGID\tEvent-ID{end}");
            let before = layout(log.as_bytes());
            let found = parse(
                Slice::of(log.as_bytes(), 0..log.len(), ""),
                &before,
                &Keys::default(),
                Aim::Rows,
            );
            let Some(Layout::Exchange2000(bound)) = found.layouts.last() else {
                panic!()
            };
            let behind = super::super::last_schema(log.as_bytes(), &before);
            assert_eq!(behind.as_ref(), Some(bound), "{log:?}");
        }
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
                    3 => log += &line(&format!("r{i}@x"), 1028, second, &format!("{id}@h"), "a")
                        .replace("mx.example", "other.example"),
                    _ => log += &line(&format!("r{i}@x"), 1028, second, &format!("{id}@h"), "a\tb"),
                }
            }
            prop_assert_eq!(read(log.as_bytes(), chunk), read(log.as_bytes(), 1 << 20));
        }
    }
}
