//! Finds the records of a chunk.
//!
//! In: a chunk that begins at a header line, or at the beginning of a file. Out: [`Yield`]. A record whose recipients
//! do not match their number, or whose empty line is missing, is read and noted; a line that belongs to no record is
//! a fault.

use super::extent::{Extent, expected, extent, header};
use super::{FIELDS, own_server};
use crate::address::x400;
use crate::dialect::legacy::line::{Line, is_blank};
use crate::dialect::legacy::text::{Clock, number};
use crate::dialect::legacy::{Finder, Found};
use crate::dialect::{Aim, Layout, Slice, Yield};
use crate::fault::Reason;
use crate::keys::Keys;
use crate::scan::{self, BOM, Block, Scan};
use crate::time::Time;

/// Finds the records of `slice`.
pub fn parse(slice: Slice<'_>, keys: &Keys, aim: Aim) -> Yield {
    scan::best(Parse {
        slice,
        only_first: aim == Aim::First,
        clock: Clock::default(),
        told: Told::default(),
        finder: Finder::new(slice, Layout::Exchange55, keys, aim),
    })
}

struct Parse<'p> {
    slice: Slice<'p>,
    only_first: bool,
    clock: Clock<'p>,
    told: Told<'p>,
    finder: Finder<'p>,
}

impl Scan for Parse<'_> {
    type Output = Yield;

    #[inline(always)]
    fn run<B: Block>(mut self) -> Yield {
        let data = self.slice.data;
        let mut line = Line::default();
        let mut at = 0;
        while at < data.len() {
            if data[at..].starts_with(BOM) {
                at += BOM.len();
            }
            line.look::<B>(data, at, FIELDS + 1);
            if is_blank(&data[at..line.end]) {
                self.finder.line += 1;
                at = line.next;
            } else if let Some((event, time)) = header(data, &line, &mut self.clock) {
                let head = line.fields(data);
                let extent = extent::<B>(data, line.next, expected(&head), &mut self.clock);
                self.record(&line, &head, (event, time), &extent);
                self.finder.line += 1 + extent.lines;
                at = extent.next;
                if self.only_first {
                    break;
                }
            } else {
                let torn =
                    self.slice.ends_file && line.next == data.len() && !data.ends_with(b"\n");
                let reason = if torn { Reason::TornEnd } else { Reason::Stray };
                self.finder.fault(at, reason);
                self.finder.line += 1;
                at = line.next;
            }
        }
        self.finder.finish_lines()
    }
}

/// Gateway and partner of a record, as far as they tell its server.
type Names<'p> = [&'p [u8]; 2];

/// The servers that names told of last, each at a place that its lengths and case choose: a log repeats the few names of
/// its own stores and connectors.
#[derive(Default)]
struct Told<'p> {
    names: [(Names<'p>, Option<&'p [u8]>); 16],
}

impl<'p> Told<'p> {
    #[inline]
    fn server(&mut self, head: &[&'p [u8]; FIELDS]) -> Option<&'p [u8]> {
        let partner = if super::tells_of_partner(head[1]) {
            head[4]
        } else {
            b""
        };
        let names = [head[3], partner];
        if head[3].is_empty() && partner.is_empty() {
            return None;
        }
        let case = |name: &[u8]| name.get(1).map_or(0, |byte| usize::from(*byte >> 5 & 1));
        let at = 2 * head[3].len() + partner.len() + case(head[3]) + case(partner);
        let known = &mut self.names[at % 16];
        if known.0 != names {
            *known = (names, own_server(head));
        }
        known.1
    }
}

impl<'p> Parse<'p> {
    fn record(
        &mut self,
        line: &Line,
        head: &[&'p [u8]; FIELDS],
        (event, time): (u64, Time),
        extent: &Extent,
    ) {
        let slice = self.slice;
        let at_end = extent.next == slice.data.len();
        let cut_off = slice.ends_file && at_end && extent.no_empty_line;
        let mut end = extent.end.unwrap_or(line.end);
        let half = match cut_off && end > line.end {
            true => half_name(slice.data, end),
            false => None,
        };
        if let Some(before) = half {
            end = before;
            self.finder.fault(line.at, Reason::TornEnd);
        } else if extent.recipients != extent.expected {
            let reason = if cut_off {
                Reason::TornEnd
            } else {
                Reason::RecipientCount
            };
            self.finder.fault(line.at, reason);
        } else if extent.no_empty_line && !cut_off {
            self.finder.fault(line.at, Reason::NoEmptyLine);
        }
        let is_connector = matches!(event, 1001..=1018);
        self.finder.add(&Found {
            at: line.at,
            len: end - line.at,
            event: head[1],
            number: Some(event),
            time,
            server: match self.finder.wants_ties_alone() {
                // Of whom the tables are made it matters little, unless other programs' logs ask who was there.
                true if !slice.keep_hops => slice.server,
                _ => self.told.server(head).unwrap_or(slice.server),
            },
            id: head[0],
            // Only the Internet Mail Service's remote ids are Message-IDs of the message itself.
            linked: if is_connector {
                x400::remote_message_id(head[5]).unwrap_or_default()
            } else {
                b""
            },
            about: head[11],
            size_bytes: number(head[8]).unwrap_or(0),
            ends: &line.ends,
            fields: FIELDS,
        });
    }
}

/// Where the lines end before a last one that may be half a name: the file ends in it, and no other record has the same.
#[cold]
fn half_name(data: &[u8], end: usize) -> Option<usize> {
    if data.ends_with(b"\n") {
        return None;
    }
    let before = memchr::memrchr(b'\n', &data[..end])?;
    let name = &data[before + 1..end];
    let is_line = |at: usize| {
        let behind = data.get(at + name.len());
        data[..at].ends_with(b"\n") && matches!(behind, Some(b'\r' | b'\n'))
    };
    let mut same = memchr::memmem::find_iter(&data[..before], name);
    match same.any(is_line) {
        true => None,
        false => Some(data[..before].trim_ascii_end().len()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{next_record, server};
    use super::*;
    use crate::dialect::Detected;
    use bumpalo::Bump;
    use proptest::prelude::*;

    fn head(id: &str, event: u32, second: u32, recipients: usize) -> String {
        format!(
            "C=US;A= ;P=CORP;L=EX01-020425175433Z-{id}\t{event}\t2002.4.29 18:50:{second}\t\t\t\t/o=CORP/cn=A\t0\t1497\t0\t0\t\t{recipients}"
        )
    }

    /// Id and recipients.
    type Told = (String, Vec<String>);

    /// All records, and the faults, read in chunks of about `chunk` bytes.
    fn read(data: &[u8], chunk: usize) -> (Vec<Told>, Vec<(Reason, u64)>) {
        let keys = Keys::default();
        let (mut records, mut faults) = (Vec::new(), crate::fault::Faults::default());
        let mut start = 0;
        while start < data.len() {
            let end = next_record(data, (start + chunk).min(data.len()));
            let slice = Slice::of(data, start..end, "ex01");
            let mut found = parse(slice, &keys, Aim::Rows);
            let mut rows = found.take_rows();
            rows.sort_by_key(|row| row.offset);
            for row in rows {
                let bytes = &slice.data[row.offset as usize..(row.offset + row.len) as usize];
                let arena = Bump::new();
                let entry = super::super::entry(&row, bytes, &arena);
                let names = entry
                    .recipients
                    .iter()
                    .map(|(name, _)| String::from_utf8_lossy(name).into_owned());
                records.push((entry.id.to_string(), names.collect()));
            }
            faults.merge(found.faults);
            start = end;
        }
        (
            records,
            faults
                .iter()
                .map(|(reason, count, _)| (reason, count))
                .collect(),
        )
    }

    fn names(records: &[Told]) -> Vec<String> {
        records
            .iter()
            .map(|(id, names)| format!("{}:{}", id.rsplit('-').next().unwrap(), names.join(",")))
            .collect()
    }

    #[test]
    fn every_broken_promise_is_survived() {
        let two = format!(
            "{}\na\nb\n\n{}\nc\n\n",
            head("1", 0, 1, 2),
            head("2", 9, 2, 1)
        );
        let crlf = two.replace('\n', "\r\n");
        for whole in [&two, &crlf] {
            let (records, faults) = read(whole.as_bytes(), 1 << 20);
            assert_eq!(names(&records), ["1:a,b", "2:c"]);
            assert!(faults.is_empty(), "{faults:?}");
        }
        let faulty = |text: String, want: &[&str], reason: Reason| {
            let (records, faults) = read(text.as_bytes(), 1 << 20);
            assert_eq!(names(&records), want, "{text}");
            assert_eq!(faults, [(reason, 1)], "{text}");
        };
        let (first, second) = (head("1", 0, 1, 2), head("2", 9, 2, 1));
        faulty(
            format!("{first}\na\n\n{second}\nc\n\n"),
            &["1:a", "2:c"],
            Reason::RecipientCount,
        );
        faulty(
            format!("{first}\na\nb\nx\n\n{second}\nc\n\n"),
            &["1:a,b,x", "2:c"],
            Reason::RecipientCount,
        );
        faulty(
            format!("{first}\na\nb\n{second}\nc\n\n"),
            &["1:a,b", "2:c"],
            Reason::NoEmptyLine,
        );
        faulty(
            format!("{first}\na\nb\n\nstray\n\n{second}\nc\n\n"),
            &["1:a,b", "2:c"],
            Reason::Stray,
        );
        faulty(
            format!("rest of a name\n\n{second}\nc\n\n"),
            &["2:c"],
            Reason::Stray,
        );
        faulty(
            format!("{second}\nc\n\n{first}\nc"),
            &["2:c", "1:c"],
            Reason::TornEnd,
        );
        // What may be half a name is none.
        faulty(
            format!("{second}\nc\n\n{first}\nc\na"),
            &["2:c", "1:c"],
            Reason::TornEnd,
        );
        faulty(
            format!("{second}\nc\n\n{}", &first[..70]),
            &["2:c"],
            Reason::TornEnd,
        );
        faulty(
            format!("{second}\nc\n\n{}\n{second}\nc\n\n", &first[..70]),
            &["2:c", "2:c"],
            Reason::Stray,
        );
    }

    #[test]
    fn statuses_stand_behind_a_tab() {
        let line = super::super::recipient;
        assert_eq!(line(b"/o=CORP/cn=B\t1"), (&b"/o=CORP/cn=B"[..], &b"1"[..]));
        assert_eq!(line(b"/o=CORP/cn=B"), (&b"/o=CORP/cn=B"[..], &b""[..]));
        assert_eq!(line(b"/o=CORP/cn=B\t"), (&b"/o=CORP/cn=B"[..], &b""[..]));
    }

    #[test]
    fn the_server_is_told_by_a_store_or_by_the_folder() {
        let plain = format!("{}\na\n\n", head("1", 0, 1, 1));
        assert_eq!(
            server(plain.as_bytes(), "PLATINUM/tracking.log/20020429.log"),
            "platinum"
        );
        assert_eq!(server(plain.as_bytes(), "20020429.log"), "");
        let store = plain.replace("\t0\t2002", "\t9\t2002").replacen(
            "\t\t\t\t/o",
            "\t\t/O=CORP/CN=SERVERS/CN=EX07/CN=MICROSOFT PRIVATE MDB\t\t/o",
            1,
        );
        assert_eq!(
            server(format!("{plain}{store}").as_bytes(), "x/y.log"),
            "ex07"
        );
        let detected = super::super::detect(plain.as_bytes());
        assert!(matches!(detected, Some(Detected::Log(_))));
        assert_eq!(super::super::detect(b"a\tb\tc\n"), None);
    }

    proptest! {
        /// However a file is cut, the same records come out of it, damage or not.
        #[test]
        fn chunks_change_nothing(
            parts in prop::collection::vec((0usize..4, 0usize..4, 0u8..12), 1..12),
            chunk in 1usize..600,
            crlf: bool,
        ) {
            let mut text = String::new();
            for (i, (promised, present, damage)) in parts.into_iter().enumerate() {
                let mut record = head(&i.to_string(), 9, (i % 60) as u32, promised);
                record.push('\n');
                for n in 0..present {
                    record += &format!("/o=CORP/cn=R{n}\n");
                }
                match damage {
                    0 => {}
                    1 => record.truncate(record.len() * 2 / 3),
                    2 => record += "\n\nstray line\n",
                    3 => record += "\n\na\tb\tc\n",
                    _ => record.push('\n'),
                }
                text += &record;
            }
            if crlf {
                text = text.replace('\n', "\r\n");
            }
            prop_assert_eq!(read(text.as_bytes(), chunk), read(text.as_bytes(), 1 << 20));
        }
    }
}
