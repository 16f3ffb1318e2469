//! What Postfix, Exim and Sendmail have in common: the outer line, the clock, the parts of a line, and what they mean.
//!
//! A queue record is a copy: one message under one queue id on one host. Its lines become rows under the key of host and
//! id; [`hop`] holds what says that two records are of one message, and [`settle`] follows recipients from record to
//! record. The three dialects themselves, what each writes into a line, stand in folders of their own.

mod brief;
pub mod clock;
pub mod cut;
pub mod entry;
mod event;
pub mod events;
mod finder;
pub mod hop;
mod kept;
pub mod line;
mod noted;
pub mod outer;
mod recipients;
pub mod reply;
mod rows;
pub mod settle;
mod stamps;
pub mod stay;
mod stretches;
mod told;
mod usual;

pub use brief::brief;
pub use event::{event, names, record};
pub use finder::parse;
use stamps::bound;
pub use stamps::{assume, clock_words, in_zone_of_host, is_guessed, layout_at, offset_s, shifted};

use bstr::{BStr, BString, ByteSlice};

use super::{Detected, exim, postfix, sendmail};
use crate::row::{KeyKind, Row};
use crate::scan;
use crate::time::Time;
use clock::{Basis, Clock};
use entry::Entry;
use events::code;
use line::{Outer, Program, lines};
use outer::outer;
use stretches::Hosts;

/// How a file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schema {
    /// The program that told the format; lines of the others are read all the same.
    pub program: Program,
    pub form: Form,
    /// How stamps without year or zone are read.
    pub clock: Clock,
    /// From which byte of the file on by which other clock, where lines behind the chunk tell of a change inside it.
    turn: Option<(u64, Clock)>,
    /// The zone that was given for stamps without one, where no id tells.
    zone: Option<&'static jiff::tz::TimeZone>,
    /// The clocks of the hosts whose lines the file holds, where they differ.
    hosts: Option<&'static Hosts>,
    /// The clock was told for each line by itself: no other line tells anything.
    settled: bool,
}

/// What a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A line of syslog.
    Syslog,
    /// An entry of Exim's own files: a line that begins with a date, and the lines behind it that do not.
    Exim,
}

impl Schema {
    /// The schema of lines that stand by themselves, by their program and the [`Schema::header`] of their log.
    pub fn named(program: &str, header: &str) -> Option<Schema> {
        let mut words = header.split(' ');
        let program = match program {
            "postfix" => Program::Postfix,
            "exim" => Program::Exim,
            "sendmail" => Program::Sendmail,
            _ => return None,
        };
        let form = match words.next()? {
            "syslog" => Form::Syslog,
            "exim" => Form::Exim,
            _ => return None,
        };
        let clock = Clock {
            year: words.next()?.parse().ok()?,
            offset_s: words.next()?.parse().ok()?,
            basis: Basis::Given,
        };
        let is_possible = (1970..=2200).contains(&clock.year) && clock.offset_s.abs() <= 26 * 3600;
        is_possible.then_some(Schema {
            program,
            form,
            clock,
            turn: None,
            zone: None,
            hosts: None,
            settled: true,
        })
    }

    /// What a line's log says of it: its form, and year and zone of its stamps.
    pub fn header(&self) -> String {
        let form = match self.form {
            Form::Syslog => "syslog",
            Form::Exim => "exim",
        };
        format!("{form} {} {}", self.clock.year, self.clock.offset_s)
    }

    /// By which clock a line of `host` at a byte of the file goes.
    fn clock_of(&self, host: &[u8], at: u64) -> Clock {
        let own = self.hosts.and_then(|hosts| hosts.at(host, at));
        own.unwrap_or(self.clock)
    }

    /// Whether stamps leave out year or zone.
    pub fn needs_clock(&self) -> bool {
        self.clock.basis != Basis::Nothing
    }

    /// The name shown.
    pub fn name(&self) -> &'static str {
        match (self.program, self.form) {
            (Program::Postfix, _) => "postfix",
            (Program::Sendmail, _) => "sendmail",
            (Program::Exim, Form::Exim) => "exim",
            (Program::Exim, Form::Syslog) => "exim/syslog",
            (Program::Other, _) => "syslog",
        }
    }
}

/// A file is told by a line in this much of it: other programs may have filled its beginning.
const DETECTED_BYTES: usize = 256 << 10;
/// The clock of a file is looked for in this much of it.
const CLOCK_BYTES: usize = 1 << 20;
/// Exim's own host name is looked for in this much of a file.
const NAME_BYTES: usize = 8 << 20;

/// Tells a log by its first line of one of the three programs that has to do with mail.
pub fn detect(data: &[u8]) -> Option<Detected> {
    let clock = Clock {
        year: 2000,
        ..Clock::default()
    };
    let head = &data[..data.len().min(DETECTED_BYTES)];
    let schema = head.split(|b| *b == b'\n').find_map(|line| {
        let found = outer(line, &clock)?;
        let form = if found.host.is_empty() {
            Form::Exim
        } else {
            Form::Syslog
        };
        let is_mail = match (found.program, form) {
            (Program::Exim, _) => exim::is_entry(exim_body(&found)) || is_refusal(&found),
            (Program::Postfix | Program::Sendmail, _) => true,
            (Program::Other, _) => false,
        };
        let program = found.program;
        is_mail.then_some(Schema {
            program,
            form,
            clock,
            turn: None,
            zone: None,
            hosts: None,
            settled: false,
        })
    })?;
    Some(Detected::Log(bound(&schema, data)))
}

fn is_refusal(found: &Outer<'_>) -> bool {
    found.body.starts_with(b"H=") && exim::read(found.body).code == code::REFUSED
}

/// Whether a row says that a record is gone from its queue.
pub fn is_gone(row: &Row) -> bool {
    row.kind == KeyKind::Queue && row.code == code::REMOVED
}

/// The line's parts, by the program that wrote it.
#[inline]
fn read<'d>(found: &Outer<'d>) -> Entry<'d> {
    match found.program {
        Program::Postfix => postfix::read(found.tag, found.body),
        Program::Exim => exim::read(exim_body(found)),
        Program::Sendmail => sendmail::read(found.body),
        Program::Other => Entry::of(Program::Other, code::CONNECTION),
    }
}

/// Host, as logged, and queue id of the record that the line at the beginning of `data` is about; empty: it names none.
pub fn record_of(data: &[u8]) -> (&BStr, &BStr) {
    let end = memchr::memchr(b'\n', data).unwrap_or(data.len());
    let (host, id) = outer(&data[..end], &Clock::default()).map_or((&b""[..], &b""[..]), |found| {
        (last_of_chain(found.host), read(&found).id)
    });
    (BStr::new(host), BStr::new(id))
}

/// The host that wrote a line: syslog-ng may name the way that it came, `s_src@mx1/mx1.corp.example` (its option
/// `chain-hostnames`).
pub(super) fn last_of_chain(host: &[u8]) -> &[u8] {
    let last = memchr::memrchr2(b'/', b'@', host);
    last.map_or(host, |last| &host[last + 1..])
}

/// Exim writes its own stamp, its process and a piece's number behind syslog's header.
fn exim_body<'d>(found: &Outer<'d>) -> &'d [u8] {
    let mut body = found.body;
    if body.first() == Some(&b'[')
        && let Some(end) = memchr::memmem::find(&body[..body.len().min(16)], b"] ")
    {
        body = &body[end + 2..];
    }
    match body.get(4) {
        Some(b'-') => outer(body, &Clock::default()).map_or(body, |inner| inner.body),
        _ => body,
    }
}

/// Whether an entry of Exim's own files begins here.
#[inline]
fn begins_entry(rest: &[u8]) -> bool {
    match rest.get(..19) {
        Some(stamp) => {
            stamp[0].is_ascii_digit()
                && stamp[4] == b'-'
                && stamp[7] == b'-'
                && stamp[10] == b' '
                && stamp[13] == b':'
        }
        None => false,
    }
}

/// The first byte at or behind `from` that begins a record; no entry that Exim cut into pieces stands on both sides of it.
pub fn next_record(schema: &Schema, data: &[u8], from: usize) -> usize {
    let mut at = next_line(schema, data, from);
    if schema.form == Form::Syslog && at > 0 {
        while let Some(behind) = exim::pieces::parted_at(data, at) {
            at = behind;
        }
    }
    at
}

/// The first byte at or behind `from` that begins a record or a piece of one.
pub fn next_line(schema: &Schema, data: &[u8], from: usize) -> usize {
    scan::next_line(data, from, |rest| {
        schema.form == Form::Syslog || begins_entry(rest)
    })
}

/// Time of the first row at or behind `from`.
pub fn time_at(schema: &Schema, data: &[u8], from: usize) -> Option<Time> {
    lines(data, from).take(1000).find_map(|(from, to)| {
        let line = &data[from..to];
        let found = outer(line, &schema.clock)?;
        if schema.hosts.is_none() {
            return Some(found.time);
        }
        let own = schema.clock_of(found.host, from as u64);
        outer(line, &own).map(|found| found.time)
    })
}

/// The host that wrote Exim's own file: as it names itself, else as somebody named the file.
pub fn file_server(schema: &Schema, data: &[u8], name: &str) -> BString {
    if schema.form != Form::Exim {
        return BString::default();
    }
    let head = &data[..data.len().min(NAME_BYTES)];
    match own_name(head) {
        Some(host) => crate::address::short_host(host).to_ascii_lowercase().into(),
        None => named_by(name.rsplit(['/', '\\']).take(1)),
    }
}

/// The same as somebody named the folder. A host must have some name, to be told of.
pub fn folder_server(name: &str) -> BString {
    match named_by(name.rsplit(['/', '\\']).skip(1)) {
        none if none.is_empty() => "unnamed".into(),
        name => name,
    }
}

/// The first part of a name that says more than what Exim's logs are called anywhere.
fn named_by<'n>(parts: impl Iterator<Item = &'n str>) -> BString {
    let generic = |part: &str| {
        const WORDS: [&str; 25] = [
            "mainlog",
            "rejectlog",
            "main",
            "log",
            "logs",
            "exim",
            "exim4",
            "var",
            "spool",
            "txt",
            "old",
            "bak",
            "exim_mainlog",
            // What it was packed by, and the file's name in a package.
            "gz",
            "bz2",
            "xz",
            "zst",
            "zip",
            "tar",
            "tgz",
            "tbz",
            "tbz2",
            "txz",
            "tzst",
            "z",
        ];
        // Rotated by date: `mainlog-20260302`.
        let (word, date) = part.rsplit_once(['-', '_']).unwrap_or((part, ""));
        let is_dated = date.len() >= 6 && date.bytes().all(|b| b.is_ascii_digit());
        WORDS.contains(&if is_dated { word } else { part })
            || part.bytes().all(|b| b.is_ascii_digit() || b == b'-')
    };
    let parts = parts.flat_map(|part| part.split('.'));
    let own = parts
        .map(str::to_ascii_lowercase)
        .find(|part| !part.is_empty() && !generic(part));
    own.unwrap_or_default().into()
}

/// The name in a Message-ID that Exim made of its own queue id, `E<id>@host`, or in a header it wrote.
fn own_name(data: &[u8]) -> Option<&[u8]> {
    for at in memchr::memmem::find_iter(data, b"<E") {
        let rest = &data[at + 2..data.len().min(at + 300)];
        let Some(sign) = memchr::memchr(b'@', &rest[..rest.len().min(25)]) else {
            continue;
        };
        let id = &rest[..sign];
        let line = &data[memchr::memrchr(b'\n', &data[..at]).map_or(0, |n| n + 1)..at];
        // In a line about this very id: others' Message-IDs look the same.
        if clock::is_exim_id(id) && line.contains_str(id) {
            let host = &rest[sign + 1..];
            return Some(&host[..host.find_byte(b'>')?]);
        }
    }
    let at = memchr::memmem::find(data, b"\n\tby ")?;
    let line = &data[at + 5..data.len().min(at + 300)];
    let line = &line[..line.find_byte(b'\n').unwrap_or(line.len())];
    let host = &line[..line.find_byte(b' ')?];
    line.contains_str("(Exim ").then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::{Aim, Layout, Slice};
    use crate::keys::Keys;
    use proptest::prelude::*;

    #[test]
    fn how_a_log_is_rotated_and_packed_is_no_name_of_its_host() {
        for name in [
            "mainlog",
            "mainlog.1.gz",
            "mainlog.2.xz",
            "mainlog.bz2",
            "exim_mainlog-20260302.zst",
            "mainlog.tgz!mainlog_20260302",
            "rejectlog.bak",
        ] {
            let name = format!("scan1/{}", name.replace('!', "/scan1/"));
            assert_eq!(named_by(name.rsplit('/').take(1)), "", "{name}");
            assert_eq!(folder_server(&name), "scan1");
        }
        assert_eq!(named_by(["exim-mx01.log"].into_iter()), "exim-mx01");
    }

    /// Time, code and bytes of every row, read in chunks of about `chunk` bytes.
    fn read_in(data: &[u8], chunk: usize) -> Vec<(Time, u8, Vec<u8>)> {
        let Some(Detected::Log(Layout::Foreign(first))) = detect(data) else {
            return Vec::new();
        };
        let (keys, mut rows, mut start, mut before) = (Keys::default(), Vec::new(), 0, 0);
        let mut schema = first;
        while start < data.len() {
            let end = next_record(&first, data, (start + chunk).min(data.len()));
            if start > 0
                && let Layout::Foreign(bound) = layout_at(&schema, data, before, start..end)
            {
                schema = bound;
            }
            let slice = Slice::of(data, start..end, "h");
            for row in parse(slice, &schema, &keys, Aim::Rows).take_rows() {
                let from = row.offset as usize;
                let bytes = slice.data[from..from + row.len as usize].to_vec();
                rows.push((row.time, row.code, bytes));
            }
            (before, start) = (start, end);
        }
        rows.sort();
        rows
    }

    const LINES: [&str; 14] = [
        "Nov 21 12:23:38 mx2 postfix/smtpd[1]: 4jWzZL0kXyz1Xn2Y: client=a.test[192.0.2.1]",
        "Nov 21 12:23:38 mx2 postfix/cleanup[1]: 4jWzZL0kXyz1Xn2Y: message-id=<a@b>",
        "Nov 21 12:23:38 mx2 postfix/qmgr[1]: 4jWzZL0kXyz1Xn2Y: from=<s@x>, size=1, nrcpt=1 (queue active)",
        "Nov 21 12:23:39 mx2 postfix/smtp[1]: 4jWzZL0kXyz1Xn2Y: to=<r@x>, orig_to=<o@x>, relay=h[::1]:25, delay=0, delays=0/0/0/0, dsn=2.0.0, status=sent (250 OK id=1xUooM-000069-1M)",
        "Nov 21 12:23:39 mx2 postfix/bounce[1]: 4jWzZL0kXyz1Xn2Y: sender non-delivery notification: 4jWzZL0kXyz1Xn2Z",
        "Nov 21 12:23:40 mx2 postfix/smtpd[1]: NOQUEUE: reject: RCPT from a[1.2.3.4]: 550 5.1.1 <r@x>: no; from=<s@x> to=<r@x> proto=ESMTP helo=<h>",
        "Nov 21 17:23:39 sm1 sendmail[399]: 6ALHNdN6000399: from=<s@x>, size=196, class=0, nrcpts=1, msgid=<a@b>, proto=ESMTP, daemon=MTA, relay=e [127.0.0.21]",
        "Nov 21 17:23:39 sm1 sendmail[401]: 6ALHNdN6000399: to=<r@x>,<q@x>, delay=00:00:00, mailer=esmtp, relay=[1.2.3.4] [1.2.3.4], dsn=2.0.0, stat=Sent (Ok: queued as 4jWzZM2595z1Xn2d)",
        "Nov 21 12:23:40 h CRON[5]: (root) CMD (true)",
        "2026-11-21 17:23:38 1xUooM-000069-1M <= s@x H=(h) [1.2.3.4]:5 P=esmtp S=1 id=a@b T=\"x \\\" y\" from <s@x> for r@x",
        "2026-11-21 17:23:38 1xUooM-000069-1M => r <r@x> R=r T=t H=h [1.2.3.4] C=\"250 ok\"",
        "2026-11-21 17:23:38 1xUooM-000069-1M == r@x R=r T=t defer (-1): x",
        "I Message-ID: <a@b>",
        "<22>1 2026-11-21T12:23:38.1-05:00 mx2 postfix 1 - -  4jWzZL0kXyz1Xn2Y: removed",
    ];

    proptest! {
        /// Lines cut, doubled and mixed: nothing is worse than unread, and chunks change nothing.
        #[test]
        fn damage_and_chunks_do_no_harm(
            picks in prop::collection::vec((0usize..LINES.len(), 0usize..260, 0usize..260, any::<u8>()), 1..40),
            chunk in 1usize..900,
        ) {
            let mut log = Vec::new();
            for (i, (line, cut, at, byte)) in picks.iter().enumerate() {
                let mut text = LINES[*line].as_bytes().to_vec();
                if i > 0 && *cut < text.len() && i % 3 == 0 {
                    text.truncate(*cut);
                }
                if i > 0 && *at < text.len() && i % 2 == 0 {
                    text[*at] = *byte;
                }
                log.extend_from_slice(&text);
                log.push(b'\n');
            }
            let whole = read_in(&log, 1 << 20);
            let cut = read_in(&log, chunk);
            let lines = |rows: &[(Time, u8, Vec<u8>)]| {
                rows.iter().map(|(_, code, bytes)| (*code, bytes.clone())).collect::<Vec<_>>()
            };
            let (mut a, mut b) = (lines(&whole), lines(&cut));
            a.sort();
            b.sort();
            prop_assert_eq!(a, b);
        }
    }

    #[test]
    fn exim_files_are_of_the_host_that_names_itself() {
        let log = b"2026-11-21 17:23:38 1xUooM-00006E-2N => u@x R=c T=s H=h [1.2.3.4] C=\"250 <E1xUooM-00006E-2N@ex1.hub.test> ok\"\n";
        let Some(Detected::Log(Layout::Foreign(schema))) = detect(log) else {
            panic!("not told");
        };
        assert_eq!(file_server(&schema, log, "a/mainlog"), "ex1");
        assert_eq!(file_server(&schema, b"", "ex2/exim4/mainlog.1"), "");
        assert_eq!(folder_server("ex2/exim4/mainlog.1"), "ex2");
        assert_eq!(file_server(&schema, b"", "ex3.mainlog"), "ex3");
    }
}
