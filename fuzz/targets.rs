//! What is fuzzed, and what must hold whatever the bytes are.
//!
//! In: any bytes. Out: nothing, or a panic. `fuzz_targets` hands these functions to libFuzzer, and `cargo test` runs
//! them over `fuzz/seeds` and `fuzz/found` (`tests/all/fuzzed.rs`), so that what was found once stays found.
#![allow(dead_code)] // each fuzz target is a program that uses one of these

use std::sync::Mutex;

use bumpalo::Bump;
use jiff::tz::TimeZone;
use waybill::dialect::{self, Detected};
use waybill::event::{Place, ServerId};
use waybill::input::{Inputs, Opening};
use waybill::join::shard::Taker;
use waybill::join::{Detail, When};
use waybill::output::{self, Context};
use waybill::path::{Class, Path};
use waybill::pipeline::Reading;
use waybill::saved::{Saved, VERSION};
use waybill::scan::{self, Block, Line, MAX_FIELDS, Portable, Scan};
use waybill::servers::Servers;
use waybill::{address, inert, pipeline, status};

/// The scanner with this processor's widest instructions against the portable one.
pub fn scan(data: &[u8]) {
    let Some((&wanted, data)) = data.split_first() else {
        return;
    };
    let wanted = usize::from(wanted) % MAX_FIELDS + 1;
    let lines = Lines { data, wanted };
    assert_eq!(scan::best(lines), lines.run::<Portable>());
}

#[derive(Clone, Copy)]
struct Lines<'a> {
    data: &'a [u8],
    wanted: usize,
}

impl Scan for Lines<'_> {
    type Output = Vec<(Line, Vec<u32>)>;
    #[inline(always)]
    fn run<B: Block>(self) -> Self::Output {
        let mut found = Vec::new();
        let mut at = 0;
        let mut ends = [0; MAX_FIELDS];
        while at < self.data.len() {
            let line = scan::line::<B>(&self.data[at..], b',', self.wanted, &mut ends);
            assert!(line.next > 0 && line.end <= line.next);
            found.push((line, ends[..line.fields].to_vec()));
            at += line.next;
        }
        found
    }
}

const MODERN: &str = "#Software: Microsoft Exchange Server\r\n#Version: 15.02.0986.005\r\n\
    #Log-type: Message Tracking Log\r\n#Fields: date-time,client-ip,client-hostname,server-ip,\
    server-hostname,source-context,connector-id,source,event-id,internal-message-id,message-id,\
    network-message-id,recipient-address,recipient-status,total-bytes,recipient-count,\
    related-recipient-address,reference,message-subject,sender-address,return-path,message-info,\
    directionality,tenant-id,original-client-ip,original-server-ip,custom-data,\
    transport-traffic-type,log-id,schema-version\r\n";

/// Exchange 2007 and later.
pub fn modern(data: &[u8]) {
    log(MODERN.as_bytes(), data);
}

/// Exchange 4.0 to 5.5: told by a record.
pub fn exchange55(data: &[u8]) {
    log(
        b"c=NO;a= ;p=X;l=A-981117091203Z-1\t4\t1998.11.17 9:12:3\t\t/O=X/OU=S/CN=CONFIGURATION/\
          CN=SERVERS/CN=A/CN=MICROSOFT PRIVATE MDB\t\t/o=X/cn=B\t0\t21\t0\t0\t\t1\n/o=X/cn=C\n\n",
        data,
    );
}

/// Exchange 2000 and 2003.
pub fn exchange2000(data: &[u8]) {
    log(
        b"# Message Tracking Log File\r\n# Exchange System Attendant Version 6.5.7638.1\r\n\
          # Date\tTime\tclient-ip\tClient-hostname\tPartner-Name\tServer-hostname\tserver-IP\t\
          Recipient-Address\tEvent-ID\tMSGID\tPriority\tRecipient-Report-Status\ttotal-bytes\t\
          Number-Recipients\tOrigination-Time\tEncryption\tservice-Version\tLinked-MSGID\t\
          Message-Subject\tSender-Address\r\n",
        data,
    );
}

/// TrackHistory XML, from its first byte.
pub fn trackhistory(data: &[u8]) {
    log(b"", data);
}

/// Postfix: any line behind one that tells the format.
pub fn postfix(data: &[u8]) {
    foreign(
        b"2026-05-01T10:00:00Z mx1 postfix/smtpd[1]: 4F1B2C3D4E5: client=gw[10.0.0.1]\n",
        data,
    );
}

/// Exim's mainlog and rejectlog.
pub fn exim(data: &[u8]) {
    foreign(
        b"2026-11-21 17:23:38 1xUooM-000069-1M <= s@x.test H=gw [10.0.0.1] P=esmtp S=438 id=m@x.test\n",
        data,
    );
}

/// Sendmail.
pub fn sendmail(data: &[u8]) {
    foreign(
        b"Nov 21 17:23:44 sm1 sendmail[660]: 6ALHNdN6000399: from=<s@x.test>, size=9, nrcpts=2, msgid=<m@x.test>, relay=gw [10.0.0.1]\n",
        data,
    );
}

/// Exports of Exchange Online.
pub fn online(data: &[u8]) {
    foreign(
        b"origin_timestamp_utc,sender_address,recipient_status,message_subject,total_bytes,message_id,network_message_id\r\n\
          2026-05-01T10:00:00Z,s@x,r@c##Deliver,hi,9,<m@x>,n1\r\n",
        data,
    );
}

/// A log of another family: as many rows in one piece as in small ones, and its messages beside those of a second host.
/// What ids say about the clock may differ from piece to piece, so that times are not compared.
fn foreign(head: &[u8], data: &[u8]) {
    let Some((&size, data)) = data.split_first() else {
        return;
    };
    let bytes = [head, data].concat();
    let whole = records(&bytes, usize::MAX >> 1);
    let pieces = records(&bytes, 1 + usize::from(size) * 8);
    if whole.1.is_empty() {
        assert_eq!(
            whole.0.len(),
            pieces.0.len(),
            "rows in one piece and in small ones"
        );
    }
    let (one, two) = data.split_at(data.len() / 2);
    let files = vec![
        ("a/a.log".to_string(), [head, one].concat()),
        ("b/b.log".to_string(), [head, two].concat()),
    ];
    messages(files.clone(), 1 + u64::from(size) * 64);
    messages(files, 1 << 30);
}

/// A log in one piece and in small ones: every row is understood and written, and both ways say the same.
fn log(head: &[u8], data: &[u8]) {
    let Some((&size, data)) = data.split_first() else {
        return;
    };
    let bytes = [head, data].concat();
    let whole = records(&bytes, usize::MAX >> 8);
    let pieces = records(&bytes, 1 + usize::from(size) * 8);
    for (whole, pieces) in whole.0.iter().zip(&pieces.0) {
        assert_eq!(whole, pieces);
    }
    assert_eq!(
        whole.0.len(),
        pieces.0.len(),
        "rows in one piece and in several"
    );
    assert_eq!(whole.1, pieces.1, "faults in one piece and in several");
}

/// Every row as JSON, by place, and the bad rows: reason, count, lines.
pub fn records(bytes: &[u8], chunk_bytes: usize) -> (Vec<String>, Vec<String>) {
    let mut inputs = Inputs::from_memory(vec![("ex01/a.LOG".into(), bytes.to_vec())]);
    let mut reading = Reading::new(&mut inputs, chunk_bytes);
    let mut found = Vec::new();
    while let Some((ground, rows)) = reading.batch(&inputs, 3) {
        for row in rows.iter().flatten() {
            let arena = Bump::new();
            let around = ground.around(row, &arena);
            let _ = dialect::event(row, &around);
            let _ = (
                dialect::fingerprint(row, &around),
                dialect::stamped(row, &around),
                dialect::told(row, &around),
                dialect::arrived(row, &around),
                dialect::elsewhere(row, &around),
                dialect::queue_generation(row, &around),
            );
            let record = dialect::record(row, &around);
            let (file, line) = (inputs.name(record.place), inputs.line(record.place));
            let mut text = Vec::new();
            output::events_jsonl::write(&mut text, &record, file, line);
            let json = String::from_utf8(text).expect("JSON is UTF-8");
            assert!(!json.trim_end().contains(char::is_control), "{json}");
            output::events_csv::write(&mut Vec::new(), &record, file, line);
            output::trackhistory::write(&mut Vec::new(), &record, file);
            output::timeline::timesketch(&mut Vec::new(), &record, file, line);
            found.push((record.place, json));
        }
    }
    found.sort_by_key(|(place, _)| (place.file, place.offset, place.line));
    let faults = reading.outcome().faults;
    let said = |(reason, count, places): (waybill::fault::Reason, u64, &[Place])| {
        let lines: Vec<u64> = places.iter().map(|place| inputs.line(*place)).collect();
        format!("{count} rows {} {lines:?}", reason.words())
    };
    let faults = faults.iter().map(said).collect();
    (found.into_iter().map(|(_, json)| json).collect(), faults)
}

/// Lists of recipients and their statuses, and everything that takes words from strangers apart.
pub fn lists(data: &[u8]) {
    let text = |at: usize| {
        let parts: Vec<&[u8]> = data.split(|&b| b == 0).collect();
        let field = parts.get(at).copied().unwrap_or_default();
        let quoted = [b"\"", &field.replace_quotes()[..], b"\""].concat();
        String::from_utf8_lossy(&quoted).into_owned()
    };
    let row = format!(
        "2026-03-02T09:00:00.000Z,,,,ex01,{},,SMTP,SEND,7,<a@b>,,{},{},10,1,{},{},{},{},,{},,,,,{},,,\r\n",
        text(0),
        text(1),
        text(2),
        text(3),
        text(4),
        text(5),
        text(6),
        text(7),
        text(8),
    );
    modern(&[b"\xff", row.as_bytes()].concat());
    for part in data.split(|&b| b == 0) {
        let _ = status::StatusCode::find(part).map(|code| code.meaning());
        let _ = (status::last_error(part), status::host(part));
        let _ = (address::domain(part), address::bare_id(part));
        let _ = (address::short_host(part), address::x400::is_mts_id(part));
        let _ = (
            address::x400::plain_address(part),
            address::x400::remote_message_id(part),
            address::x400::server_of(part),
            address::x400::connector_of(part),
        );
        let mut plain = vec![0; part.len()];
        address::x400::plain_mts_id(part, &mut plain);
        for columns in [0, 1, 7, 80] {
            let shown = inert::terminal(part, columns);
            assert!(inert::columns(&shown) <= columns, "{shown}");
            assert!(!shown.contains(|c: char| c.is_control() || inert::is_treacherous(c)));
        }
        let cell = inert::csv_cell(part);
        assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']));
    }
}

trait ReplaceQuotes {
    fn replace_quotes(&self) -> Vec<u8>;
}

impl ReplaceQuotes for &[u8] {
    /// Doubled quotes and no line breaks: as a CSV field is written.
    fn replace_quotes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.len());
        for &byte in self.iter().filter(|&&b| b != b'\n' && b != b'\r') {
            out.push(byte);
            if byte == b'"' {
                out.push(byte);
            }
        }
        out
    }
}

/// A saved day with a good header over any payload: it is refused, or it merges and reports.
pub fn saved(data: &[u8]) {
    let mut file = b"WAYBILL\n".to_vec();
    file.extend(VERSION.to_le_bytes());
    file.extend((data.len() as u64).to_le_bytes());
    file.extend(blake3::hash(data).as_bytes());
    file.extend(data);
    let _ = Saved::from_bytes(data);
    let Ok(mut day) = Saved::from_bytes(&file) else {
        return;
    };
    day.merge(day.clone());
}

/// Bytes as two logs through the whole run, join and outputs included.
pub fn whole(data: &[u8]) {
    let Some((&size, data)) = data.split_first() else {
        return;
    };
    let middle = data.len() / 2;
    let (one, two) = data.split_at(middle);
    let first = match dialect::detect(one) {
        Detected::Log(_) => one.to_vec(),
        _ => [MODERN.as_bytes(), one].concat(),
    };
    let files = vec![
        ("ex01/a.LOG".to_string(), first),
        ("ex02/b.LOG".to_string(), [MODERN.as_bytes(), two].concat()),
    ];
    let window = 1 + u64::from(size) * 64;
    let small = messages(files.clone(), window);
    let large = messages(files, 1 << 30);
    if small.1 {
        assert_eq!(small.0, large.0, "messages in small windows and in one");
    }
}

/// How many messages there are, and whether all rows were good.
fn messages(files: Vec<(String, Vec<u8>)>, window_bytes: u64) -> (usize, bool) {
    let mut inputs = Inputs::from_memory(files);
    let plan = pipeline::plan(&mut inputs, (window_bytes as usize / 8).max(1));
    let survey = pipeline::survey(&inputs, &plan);
    let options = pipeline::Options {
        detail: Detail {
            hops: true,
            steps: true,
            records: true,
            raw: true,
        },
        when: When::Closed,
        links: true,
        window_bytes: Some(window_bytes),
        ..pipeline::Options::default()
    };
    let make = || Written {
        inputs: &inputs,
        messages: 0,
    };
    let done = |_: &mut [Mutex<Written<'_>>]| Ok::<(), ()>(());
    let (outcome, takers) = pipeline::run(&inputs, plan, survey, &options, |_| {}, make, done)
        .expect("nothing stops it");
    let good = outcome.faults.iter().next().is_none();
    (takers.iter().map(|taker| taker.messages).sum(), good)
}

struct Written<'i> {
    inputs: &'i Inputs,
    messages: usize,
}

impl Taker for Written<'_> {
    fn add(&mut self, path: &Path<'_>, servers: &Servers, weight: i64) -> Option<Class> {
        self.messages = self.messages.wrapping_add_signed(weight as isize);
        let server = |id: ServerId| servers.name(id);
        let place = |place: Place| self.inputs.evidence(place);
        let context = Context {
            server: &server,
            place: &place,
            file: &|place| self.inputs.name(place),
            evidence: true,
            zone: &TimeZone::UTC,
        };
        let mut out = Vec::new();
        output::jsonl::write(&mut out, path, &context);
        output::trace_json::write(&mut out, path, &context);
        output::csv::write(&mut out, path, &context);
        let layout = output::trace_text::Layout {
            width: 80,
            rows: true,
            colour: false,
        };
        let mut text = Vec::new();
        output::trace_text::write(&mut text, path, &context, &layout);
        let text = String::from_utf8(text).expect("text is UTF-8");
        let unruly = |c: char| (c.is_control() && c != '\n') || inert::is_treacherous(c);
        assert!(!text.contains(unruly), "{text:?}");
        Some(path.class)
    }

    fn more_rows(&mut self, _: Class, _: i64) {}
}

/// Any bytes as a file that may be packed: bounded memory, and names that are whole.
pub fn expand(data: &[u8]) {
    let opening = Opening {
        expand_limit: 4,
        ..Opening::default()
    };
    let inputs = Inputs::expanded("a", data.to_vec(), &opening);
    assert!(inputs.bytes() <= 64 << 20);
    let mut names: Vec<&str> = inputs.files.iter().map(|file| file.name.as_ref()).collect();
    assert!(names.iter().all(|name| name.starts_with('a')));
    let all = names.len();
    names.dedup();
    assert_eq!(names.len(), all, "two files of one name");
}
