//! Exchange 2000 and 2003: tab separated lines under a `# Date` line, one line per recipient.
//!
//! Facts and their evidence: `formats/legacy.md` section 2. A record is a run of consecutive lines that tell the same
//! event of the same message at the same second between the same hosts, each for another recipient; files are cut
//! between runs. Columns are bound by name without case; nothing is quoted, `-` is blank, and a subject may hold a tab.

mod parse;

pub use parse::parse;

use bstr::BStr;
use bumpalo::Bump;

use super::legacy::text::{self, date_and_time, filled, number};
use super::legacy::{self, Entry};
use super::{Detected, Layout, Surroundings};
use crate::event::Event;
use crate::row::Row;
use crate::scan::{self, BOM};
use crate::time::Time;

/// A column that waybill knows, in the order of all logs seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Column {
    Date,
    Time,
    ClientIp,
    ClientHostname,
    PartnerName,
    ServerHostname,
    ServerIp,
    RecipientAddress,
    EventId,
    MsgId,
    Priority,
    RecipientReportStatus,
    TotalBytes,
    NumberRecipients,
    OriginationTime,
    Encryption,
    ServiceVersion,
    LinkedMsgId,
    MessageSubject,
    SenderAddress,
}

/// The names of [`Column`], in its order.
pub const NAMES: [&str; 20] = [
    "Date",
    "Time",
    "client-ip",
    "Client-hostname",
    "Partner-Name",
    "Server-hostname",
    "server-IP",
    "Recipient-Address",
    "Event-ID",
    "MSGID",
    "Priority",
    "Recipient-Report-Status",
    "total-bytes",
    "Number-Recipients",
    "Origination-Time",
    "Encryption",
    "service-Version",
    "Linked-MSGID",
    "Message-Subject",
    "Sender-Address",
];

const ABSENT: u8 = u8::MAX;
const LINES_TRIED: usize = 20;

/// Where each column of a file stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema {
    columns: [u8; NAMES.len()],
    /// Named columns; a line has one value more, without a name.
    pub width: usize,
    /// `exchange/2000` or `exchange/2003`.
    pub name: &'static str,
}

impl Schema {
    /// Binds the columns that a `# Date` line names. `None` without those that make an event.
    fn from_names(line: &[u8]) -> Option<Schema> {
        let line = line.strip_prefix(b"#")?;
        let names: Vec<&[u8]> = line
            .split(|&b| b == b'\t')
            .map(<[u8]>::trim_ascii)
            .collect();
        let mut columns = [ABSENT; NAMES.len()];
        for (at, name) in names.iter().enumerate().take(28) {
            let same = |known: &&str| known.as_bytes().eq_ignore_ascii_case(name);
            if let Some(i) = NAMES.iter().position(same) {
                columns[i] = at as u8;
            }
        }
        let needed = [Column::Date, Column::Time, Column::EventId, Column::MsgId];
        let all = needed
            .iter()
            .all(|&column| columns[column as usize] != ABSENT);
        all.then_some(Schema {
            columns,
            width: names.len(),
            name: "exchange/2003",
        })
    }

    /// The order of all logs seen, for files without a header.
    fn usual() -> Schema {
        let columns = std::array::from_fn(|i| i as u8);
        Schema {
            columns,
            width: NAMES.len(),
            name: "exchange/2003",
        }
    }

    /// The position of a column, if the file has it.
    #[inline]
    fn at(&self, column: Column) -> Option<usize> {
        let at = self.columns[column as usize];
        (at != ABSENT).then_some(usize::from(at))
    }
}

/// Tells a log by its header, or by a line of the usual form.
pub fn detect(data: &[u8]) -> Option<Detected> {
    let mut name = "exchange/2003";
    let mut titled = false;
    for line in lines(data).take(LINES_TRIED) {
        if let Some(comment) = line.strip_prefix(b"#") {
            let comment = comment.trim_ascii();
            titled |= comment.eq_ignore_ascii_case(b"Message Tracking Log File");
            if memchr::memmem::find(comment, b"Version 6.0").is_some() {
                name = "exchange/2000";
            }
            if let Some(schema) = Schema::from_names(line) {
                return Some(Detected::Log(Layout::Exchange2000(Schema {
                    name,
                    ..schema
                })));
            }
        } else if looks_like_row(line) {
            return Some(Detected::Log(Layout::Exchange2000(Schema {
                name,
                ..Schema::usual()
            })));
        }
    }
    titled.then(|| Detected::Other("a message tracking log without rows".to_string()))
}

/// Lines without their line breaks, byte order mark taken off.
fn lines(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    text::lines(scan::without_mark(data))
}

/// Whether a line has the usual form: date, time, and an event number in its place.
fn looks_like_row(line: &[u8]) -> bool {
    let fields: Vec<&[u8]> = line.split(|&b| b == b'\t').collect();
    fields.len() >= NAMES.len()
        && date_and_time(fields[0], fields[1]).is_some()
        && number(fields[Column::EventId as usize]).is_some()
}

/// What lines of one run share. The last two a file may be without.
const OF_RUN: [Column; 6] = [
    Column::Date,
    Column::Time,
    Column::EventId,
    Column::MsgId,
    Column::PartnerName,
    Column::ClientHostname,
];

/// [`OF_RUN`] of a line; `None` if it has not all of those that its file has.
fn run_of<'d>(line: &'d [u8], schema: &Schema) -> Option<[&'d [u8]; OF_RUN.len()]> {
    let wanted = OF_RUN.map(|column| schema.at(column));
    let mut found: [&[u8]; OF_RUN.len()] = [b""; OF_RUN.len()];
    let mut left = wanted.iter().flatten().count();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    for (at, field) in line.split(|&b| b == b'\t').enumerate() {
        for (found, _) in found
            .iter_mut()
            .zip(wanted)
            .filter(|(_, want)| *want == Some(at))
        {
            *found = field;
            left -= 1;
        }
        if left == 0 {
            return Some(found);
        }
    }
    None
}

/// Whether `next` goes on with the run that `line`, without marks, is in.
fn same_run(line: &[u8], next: &[u8], schema: &Schema) -> bool {
    // As the parser has it: a header line ends every run.
    if line.starts_with(b"#") || next.starts_with(b"#") {
        return false;
    }
    match (run_of(line, schema), run_of(next, schema)) {
        (Some(a), Some(b)) => a == b && !filled(a[3]).is_empty(),
        _ => false,
    }
}

/// The first byte at or behind `from` that begins a line, but not one that goes on with a run.
pub fn next_record(schema: &Schema, data: &[u8], from: usize) -> usize {
    if from == 0 || from >= data.len() {
        return from.min(data.len());
    }
    let line_at = |at: usize| {
        let end = memchr::memchr(b'\n', &data[at..]).map_or(data.len(), |n| at + n);
        &data[at..end]
    };
    let mut begin = memchr::memrchr(b'\n', &data[..from - 1]).map_or(0, |n| n + 1);
    loop {
        let line = line_at(begin);
        let next = begin + line.len() + 1;
        if next >= data.len() {
            return data.len();
        }
        if next >= from && !same_run(unmarked(line), line_at(next), schema) {
            return next;
        }
        begin = next;
    }
}

/// A line without the marks that stand before it where logs were put together.
fn unmarked(mut line: &[u8]) -> &[u8] {
    while let Some(rest) = line.strip_prefix(BOM) {
        line = rest;
    }
    line
}

/// The last `# Date` line in a stretch.
pub fn last_schema(data: &[u8], before: &Schema) -> Option<Schema> {
    let mut until = data.len();
    while let Some(hash) = memchr::memrchr(b'#', &data[..until]) {
        until = hash;
        let mut above = &data[..hash];
        while let Some(rest) = above.strip_suffix(BOM) {
            above = rest;
        }
        if above.is_empty() || above.ends_with(b"\n") {
            let end = memchr::memchr(b'\n', &data[hash..]).map_or(data.len(), |n| hash + n);
            // As the parser sees it: an empty last name counts.
            let line = &data[hash..end];
            if let Some(schema) = Schema::from_names(line.strip_suffix(b"\r").unwrap_or(line)) {
                return Some(Schema {
                    name: before.name,
                    ..schema
                });
            }
        }
    }
    None
}

/// Time of the first row at or behind `from`.
pub fn time_at(schema: &Schema, data: &[u8], from: usize) -> Option<Time> {
    let window = &data[from..data.len().min(from + (256 << 10))];
    lines(window)
        .filter(|line| !line.starts_with(b"#"))
        .find_map(|line| run_of(line, schema))
        .and_then(|[day, time, ..]| date_and_time(day, time))
}

/// The values of a line by column. With more values than columns and trailer, the subject held tabs: what stands
/// before it is counted from the left, what follows from the right.
fn fields<'d>(line: &'d [u8], schema: &Schema) -> Vec<&'d [u8]> {
    let mut fields: Vec<&[u8]> = line.split(|&b| b == b'\t').collect();
    let most = schema.width + 1;
    if fields.len() <= most {
        return fields;
    }
    if let Some(subject) = schema.at(Column::MessageSubject) {
        let surplus = fields.len() - most;
        let start = fields[subject].as_ptr() as usize - line.as_ptr() as usize;
        let last = fields[subject + surplus];
        let end = last.as_ptr() as usize - line.as_ptr() as usize + last.len();
        fields.splice(subject..=subject + surplus, [&line[start..end]]);
    }
    fields
}

/// What a record means.
pub fn event<'d>(row: &Row, schema: &Schema, around: &Surroundings<'d>) -> Event<'d> {
    let bytes = &around.data[row.offset as usize..][..row.len as usize];
    legacy::event(&entry(row, bytes, schema, around.arena), row, around)
}

/// A record by its columns.
#[inline(always)]
pub fn entry<'d>(row: &Row, bytes: &'d [u8], schema: &Schema, arena: &'d Bump) -> Entry<'d> {
    let end = text::first_line(row, bytes);
    let split = (row.fields == 0).then(|| {
        let head = &bytes[..end];
        fields(head.strip_suffix(b"\r").unwrap_or(head), schema)
    });
    let field = |column: Column| {
        let Some(at) = schema.at(column) else {
            return BStr::new(b"");
        };
        let value = match &split {
            Some(split) => split.get(at).copied().unwrap_or_default(),
            None => row.field(bytes, at),
        };
        BStr::new(filled(value))
    };
    let first = (
        &**field(Column::RecipientAddress),
        &**field(Column::RecipientReportStatus),
    );
    let first = (!first.0.is_empty()).then_some(first);
    let rest = bytes.get(end + 1..).map(lines).into_iter().flatten();
    let others = rest.filter_map(|line| recipient(line, schema));
    let number_of = |column| number(field(column));
    Entry {
        dialect: schema.name,
        event: field(Column::EventId),
        id: field(Column::MsgId),
        linked: field(Column::LinkedMsgId),
        partner: field(Column::PartnerName),
        client_ip: field(Column::ClientIp),
        client_host: field(Column::ClientHostname),
        server_ip: field(Column::ServerIp),
        server_host: field(Column::ServerHostname),
        recipients: legacy::recipients(first.into_iter().chain(others), arena),
        recipient_count: number_of(Column::NumberRecipients),
        size_bytes: number_of(Column::TotalBytes),
        subject: BStr::new(field(Column::MessageSubject).trim_ascii()),
        sender: field(Column::SenderAddress),
        priority: field(Column::Priority),
        encryption: field(Column::Encryption),
        origination: field(Column::OriginationTime),
        version: field(Column::ServiceVersion),
        ..Entry::default()
    }
}

/// The recipient of another line of a run; both columns stand before the subject.
fn recipient<'d>(line: &'d [u8], schema: &Schema) -> Option<(&'d [u8], &'d [u8])> {
    let wanted = [Column::RecipientAddress, Column::RecipientReportStatus].map(|c| schema.at(c));
    let [Some(address), status] = wanted else {
        return None;
    };
    let last = address.max(status.unwrap_or(0));
    let (mut found, mut status_found) = (&b""[..], &b""[..]);
    for (at, field) in line.split(|&b| b == b'\t').enumerate().take(last + 1) {
        match at {
            _ if at == address => found = filled(field),
            _ if Some(at) == status => status_found = filled(field),
            _ => {}
        }
    }
    (!found.is_empty()).then_some((found, status_found))
}
