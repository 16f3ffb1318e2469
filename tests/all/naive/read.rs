//! Files into rows: header lines, columns by name, quotes, times, the server that wrote a row.
//!
//! In: names and bytes of files. Out: [`Row`]s in the order of time, rows collected twice left out.
//! A row whose number of fields is not that of its header, or whose time cannot be read, is left out.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

/// One logged row, every column by its own name.
#[derive(Clone, Debug, Default)]
pub struct Row {
    /// Milliseconds since 1970, UTC.
    pub time: i64,
    /// Written by 2013 or later: the layout has a network-message-id.
    pub has_network_id: bool,
    pub client_host: String,
    pub server_host: String,
    pub context: String,
    pub connector: String,
    pub source: String,
    pub event: String,
    pub internal_id: String,
    pub message_id: String,
    pub network_id: String,
    /// Lower case, as listed: an address can stand here twice.
    pub recipients: Vec<String>,
    pub related: Vec<String>,
    pub reference: String,
    pub size: u64,
    pub sender: String,
    pub return_path: String,
}

/// Exchange 2007. Later layouts add to it.
const LAYOUT_21: [&str; 21] = [
    "date-time",
    "client-ip",
    "client-hostname",
    "server-ip",
    "server-hostname",
    "source-context",
    "connector-id",
    "source",
    "event-id",
    "internal-message-id",
    "message-id",
    "recipient-address",
    "recipient-status",
    "total-bytes",
    "recipient-count",
    "related-recipient-address",
    "reference",
    "message-subject",
    "sender-address",
    "return-path",
    "message-info",
];
/// Exchange 2010 adds these at the end.
const ADDED_2010: [&str; 5] = [
    "directionality",
    "tenant-id",
    "original-client-ip",
    "original-server-ip",
    "custom-data",
];
/// Exchange 2016 adds these at the end.
const ADDED_2016: [&str; 3] = ["transport-traffic-type", "log-id", "schema-version"];

/// The columns of a file without a header, told by their number alone.
pub fn layout(count: usize) -> Option<Vec<String>> {
    let mut names = LAYOUT_21.to_vec();
    if count > 21 {
        names.extend(ADDED_2010);
    }
    if count > 26 {
        names.insert(11, "network-message-id");
    }
    if count > 27 {
        names.extend(ADDED_2016);
    }
    (names.len() == count).then(|| names.into_iter().map(String::from).collect())
}

/// All rows of all files: sorted by time, then file name, then place; each collected once.
pub fn rows(files: &[(String, Vec<u8>)]) -> Vec<Row> {
    let mut files: Vec<_> = files.iter().collect();
    files.sort();
    let mut found = Vec::new();
    for (_, bytes) in files {
        for (fields, columns) in tracking_rows(bytes) {
            if let Some(time) = columns.get("date-time").and_then(|text| milliseconds(text)) {
                found.push((time, fields, columns));
            }
        }
    }
    // Stable: rows of one time stay in the order of file and place.
    found.sort_by_key(|(time, ..)| *time);
    let mut seen: HashSet<Vec<String>> = HashSet::new();
    let mut rows = Vec::new();
    for (time, fields, columns) in found {
        let log_id = columns.get("log-id").filter(|id| !id.trim().is_empty());
        let identity = log_id.map_or(fields, |id| vec![id.clone()]);
        if seen.insert(identity) {
            rows.push(row(time, &columns));
        }
    }
    rows
}

/// The rows of one file, as fields and as columns by name.
fn tracking_rows(bytes: &[u8]) -> Vec<(Vec<String>, HashMap<String, String>)> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = String::from_utf8_lossy(bytes);
    let mut names: Option<Vec<String>> = None;
    let mut foreign = false;
    let mut rows = Vec::new();
    for record in records(&text) {
        let record = record.trim_start_matches('\u{feff}');
        if let Some(value) = header(record, "#log-type:") {
            foreign = !value.trim().eq_ignore_ascii_case("Message Tracking Log");
        } else if let Some(value) = header(record, "#fields:") {
            names = Some(fields(value).iter().map(|name| column_name(name)).collect());
        } else if !record.starts_with('#') && !record.trim().is_empty() && !foreign {
            let fields = fields(record);
            let names = names.clone().or_else(|| layout(fields.len()));
            if let Some(names) = names.filter(|names| names.len() == fields.len()) {
                let columns = names.into_iter().zip(fields.clone()).collect();
                rows.push((fields, columns));
            }
        }
    }
    rows
}

/// The value of a header line, its name compared without case.
fn header<'t>(record: &'t str, name: &str) -> Option<&'t str> {
    let start = record.get(..name.len())?;
    start
        .eq_ignore_ascii_case(name)
        .then(|| &record[name.len()..])
}

/// `date_time_utc` of an online export is `date-time` here.
fn column_name(name: &str) -> String {
    let name = name.trim().to_ascii_lowercase().replace('_', "-");
    if name == "date-time-utc" {
        "date-time".to_string()
    } else {
        name
    }
}

/// Records are lines; one with an odd number of quotes goes on, but never over the start of a new row.
fn records(text: &str) -> Vec<String> {
    let mut records: Vec<String> = Vec::new();
    let mut open = false;
    for line in text.split_inclusive('\n') {
        let goes_on = open && !starts_row(line);
        match records.last_mut() {
            Some(last) if goes_on => last.push_str(line),
            _ => records.push(line.to_string()),
        }
        open = records.last().is_some_and(|last| {
            !last.starts_with('#') && last.bytes().filter(|&byte| byte == b'"').count() % 2 == 1
        });
    }
    for record in &mut records {
        record.truncate(record.trim_end_matches(['\r', '\n']).len());
    }
    records
}

/// `\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3,7}Z,` or a header line.
fn starts_row(line: &str) -> bool {
    let stamp = line.split(',').next().unwrap_or("");
    let known = [
        "#software:",
        "#version:",
        "#log-type:",
        "#date:",
        "#fields:",
    ];
    (line.contains(',') && milliseconds(stamp).is_some())
        || known.iter().any(|name| header(line, name).is_some())
}

/// One record through the csv crate.
fn fields(record: &str) -> Vec<String> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .buffer_capacity(4096)
        .from_reader(record.as_bytes());
    let parsed = reader
        .records()
        .next()
        .and_then(Result::ok)
        .unwrap_or_default();
    parsed.iter().map(String::from).collect()
}

fn row(time: i64, columns: &HashMap<String, String>) -> Row {
    let text = |name: &str| {
        columns
            .get(name)
            .map_or("", |value| value.trim())
            .to_string()
    };
    Row {
        time,
        has_network_id: columns.contains_key("network-message-id"),
        client_host: short(&text("client-hostname")),
        server_host: short(&text("server-hostname")),
        context: text("source-context"),
        connector: text("connector-id"),
        source: text("source").to_ascii_uppercase(),
        event: text("event-id").to_ascii_uppercase(),
        internal_id: text("internal-message-id"),
        message_id: text("message-id"),
        network_id: text("network-message-id").to_ascii_lowercase(),
        recipients: list(&text("recipient-address")),
        related: list(&text("related-recipient-address")),
        reference: text("reference"),
        size: text("total-bytes").parse().unwrap_or(0),
        sender: text("sender-address"),
        return_path: text("return-path"),
    }
}

/// Elements between `;`. One that holds a `;` itself stands in single quotes. Lower case; blanks stay, so
/// that lists keep their alignment.
fn list(text: &str) -> Vec<String> {
    let mut elements = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let quoted = rest.strip_prefix('\'').and_then(|inner| {
            let end = inner
                .find("';")
                .or_else(|| inner.ends_with('\'').then(|| inner.len() - 1))?;
            Some((
                &inner[..end],
                inner[end + 1..].strip_prefix(';').unwrap_or(""),
            ))
        });
        let (element, after) = quoted.unwrap_or(rest.split_once(';').unwrap_or((rest, "")));
        elements.push(element.trim().to_ascii_lowercase());
        rest = after;
    }
    elements
}

/// A host name without case and without domain; an IP address stays whole.
pub fn short(host: &str) -> String {
    let host = host.trim().to_ascii_lowercase();
    let address = host.trim_matches(['[', ']']);
    let address = address.split('%').next().unwrap_or(address);
    if address.parse::<IpAddr>().is_ok() {
        return host;
    }
    host.split('.').next().unwrap_or("").to_string()
}

/// `2023-04-02T14:45:54.400Z` in milliseconds; more digits of the second are cut.
pub fn milliseconds(text: &str) -> Option<i64> {
    let text = text.trim().strip_suffix('Z')?;
    let (date, clock) = text.split_once('T')?;
    let numbers = |text: &str, separator, widths: &[usize]| -> Option<Vec<i64>> {
        let parts: Vec<&str> = text.split(separator).collect();
        let right = parts.len() == widths.len()
            && parts.iter().zip(widths).all(|(part, &width)| {
                part.len() == width && part.bytes().all(|byte| byte.is_ascii_digit())
            });
        right.then(|| parts.iter().map(|part| part.parse().unwrap()).collect())
    };
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let date = numbers(date, '-', &[4, 2, 2])?;
    let clock = numbers(clock, ':', &[2, 2, 2])?;
    if fraction.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let fraction: i64 = format!("{fraction}000")[..3].parse().ok()?;
    let right = (1..=12).contains(&date[1])
        && (1..=31).contains(&date[2])
        && clock[0] < 24
        && clock[1] < 60
        && clock[2] <= 60;
    let seconds = (clock[0] * 60 + clock[1]) * 60 + clock[2];
    right.then(|| (days(date[0], date[1], date[2]) * 86_400 + seconds) * 1000 + fraction)
}

/// Days since 1970-01-01, counted the plain way.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let leap = |year: i64| (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let before = |year: i64| 365 * year + (year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400;
    let lengths = [
        31,
        if leap(year) { 29 } else { 28 },
        31,
        30,
        31,
        30,
        31,
        31,
        30,
        31,
        30,
        31,
    ];
    let months: i64 = lengths[..month as usize - 1].iter().sum();
    before(year) - before(1970) + months + day - 1
}

impl Row {
    /// The server that wrote the row (modern.md, section 4); where one column is blank, the other.
    pub fn server(&self) -> String {
        let client_first = match self.event.as_str() {
            "SEND" | "SENDEXTERNAL" | "AGENTINFO" | "NOTIFYMAPI" => true,
            "SUBMIT" | "SUBMITDEFER" | "SUBMITFAIL" => true,
            "FAIL" | "DEFER" => self.source == "SMTP",
            "DELIVER" | "DUPLICATEDELIVER" | "DELIVERFAIL" => !self.has_network_id,
            _ => false,
        };
        self.pick(client_first)
    }

    fn pick(&self, client_first: bool) -> String {
        let (first, other) = match client_first {
            true => (&self.client_host, &self.server_host),
            false => (&self.server_host, &self.client_host),
        };
        if first.is_empty() {
            other.clone()
        } else {
            first.clone()
        }
    }

    /// A row of the 2013+ submission service, whose ids are its own.
    pub fn is_submission(&self) -> bool {
        let event = [
            "RECEIVE",
            "SUBMIT",
            "SUBMITDEFER",
            "SUBMITFAIL",
            "NOTIFYMAPI",
        ];
        self.has_network_id && self.source == "STOREDRIVER" && event.contains(&self.event.as_str())
    }

    /// A row of mailbox delivery: its internal id is that of the transport copy.
    pub fn is_mailbox_delivery(&self) -> bool {
        let event = ["DELIVER", "DUPLICATEDELIVER", "DELIVERFAIL"];
        self.source == "STOREDRIVER" && event.contains(&self.event.as_str())
    }

    /// The copy this row is about; none where the id is blank or 0.
    pub fn copy(&self) -> Option<Copy> {
        let id = self.internal_id.as_str();
        if id.is_empty() || id == "0" {
            return None;
        }
        let server = if self.is_mailbox_delivery() {
            self.pick(true)
        } else {
            self.server()
        };
        Some(Copy {
            server,
            submission: self.is_submission(),
            id: id.to_string(),
        })
    }

    /// The other copy that this row names: where TRANSFER came from, where SEND and HAREDIRECT went.
    pub fn other_copy(&self) -> Option<Copy> {
        let copy = |server, id| {
            Some(Copy {
                server,
                submission: false,
                id,
            })
        };
        match self.event.as_str() {
            "TRANSFER" if is_number(&self.reference) => copy(self.server(), self.reference.clone()),
            "SEND" | "HAREDIRECT" => {
                let reply = self.reply();
                let host = reply.host.unwrap_or_else(|| self.server_host.clone());
                copy(host, reply.id?)
            }
            _ => None,
        }
    }

    /// What stands between the last brackets of the peer's reply.
    pub fn reply(&self) -> Reply {
        let lower = self.context.to_ascii_lowercase();
        let start = lower
            .rfind("[internalid")
            .or_else(|| lower.rfind("[hostname"));
        let Some(start) = start else {
            return Reply::default();
        };
        let inside = lower[start + 1..].split(']').next().unwrap_or("");
        let value = |name: &str| {
            inside.split(',').find_map(|part| {
                let (key, value) = part.split_once('=')?;
                (key.trim() == name).then(|| value.trim().to_string())
            })
        };
        let (id, host) = (value("internalid"), value("hostname"));
        let has_id = id.is_some();
        match (id, host) {
            (Some(id), host) if is_number(&id) => Reply {
                has_id,
                id: Some(id),
                host: host.map(|host| short(&host)),
            },
            // Exchange 2013 swaps the two.
            (Some(id), Some(host)) if is_number(&host) => Reply {
                has_id,
                id: Some(host),
                host: Some(short(&id)),
            },
            (_, host) => Reply {
                has_id,
                id: None,
                host: host.map(|host| short(&host)),
            },
        }
    }
}

/// One message in one queue: server, id space, id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Copy {
    pub server: String,
    pub submission: bool,
    pub id: String,
}

/// `[InternalId=N, Hostname=h]`, either half of which can be missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    pub has_id: bool,
    /// The one that is a number.
    pub id: Option<String>,
    pub host: Option<String>,
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}
