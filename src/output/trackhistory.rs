//! `--format xml`: TrackHistory, the file that the Message Tracking Center of Exchange 2003 saves.
//!
//! In: a [`Record`] and the file it stands in. Out: an `Exchange_MessageTrackingEntry` element, children in the order of
//! Microsoft's example, those it does not show behind the one they explain. As there, no declaration is written unless
//! asked for, times have no zone and no padding, and an element without a value is left out. Records of
//! 2007 and later and of other programs get the event number that comes nearest. What they say beside (copies,
//! connectors, replies, return paths) has no element: the line as its log has it stands in a processing instruction,
//! which other programs pass over and waybill reads.

use std::io::Write;

use bstr::{BString, ByteSlice};
use bumpalo::Bump;

use super::json;
use crate::address::x400::is_store;
use crate::address::{List, short_host};
use crate::dialect::modern::is_mailbox_reply;
use crate::event::{Record, Role};
use crate::inert;
use crate::time::{DAY, Time, civil_from_days};

/// The namespace of Microsoft's schema.
const NAMESPACE: &str = "http://www.microsoft.com/schemas/MessageTracking";

/// What may stand before the root element.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prolog {
    /// The XML declaration, which Microsoft's files do not have.
    pub declaration: bool,
    /// Where a stylesheet is.
    pub stylesheet: Option<String>,
}

/// Appends what comes before the first record.
pub fn open(out: &mut Vec<u8>, prolog: &Prolog) {
    if prolog.declaration {
        out.extend_from_slice(b"<?xml version=\"1.0\" encoding=\"utf-8\"?>\n");
    }
    if let Some(href) = &prolog.stylesheet {
        // Browsers show XML by CSS; many have given XSLT up.
        let kind = match href.ends_with(".css") {
            true => "css",
            false => "xsl",
        };
        write!(out, "<?xml-stylesheet type=\"text/{kind}\" href=\"")
            .expect("a Vec takes all bytes");
        // `?>` would end the instruction.
        text(out, href.replace("?>", "?%3E").as_bytes());
        out.extend_from_slice(b"\"?>\n");
    }
    writeln!(out, "<TrackHistory xmlns=\"{NAMESPACE}\">").expect("a Vec takes all bytes");
}

/// Appends what comes behind the last record.
pub fn close(out: &mut Vec<u8>) {
    out.extend_from_slice(b"</TrackHistory>\n");
}

/// Appends one record; `file` is the file as found under the given path.
pub fn write(out: &mut Vec<u8>, record: &Record, file: &str) {
    let extras = &record.extras;
    let number = |number: Option<u64>| number.map(|n| n.to_string()).unwrap_or_default();
    let legacy = record.event.iter().all(u8::is_ascii_digit);
    let linked = match extras.linked_id.is_empty() {
        true => record.network_message_id,
        false => extras.linked_id,
    };
    let partner = match legacy {
        true => extras.partner.into(),
        false => peer(record),
    };
    // A connector of 5.5 has no element; it stands where other events have the client, which it has not. A store names
    // itself as the partner, too.
    let client = match record.client_host.is_empty() && !is_store(extras.gateway) {
        true => extras.gateway,
        false => record.client_host,
    };
    out.extend_from_slice(b"  <Exchange_MessageTrackingEntry>\n");
    element(out, "TimeLogged", time(record.time).as_bytes());
    element(
        out,
        "OriginationTime",
        extras
            .origination
            .strip_suffix(b" GMT")
            .unwrap_or(extras.origination),
    );
    element(out, "KeyID", key(record, file).as_bytes());
    element(out, "LinkedMessageID", linked);
    element(out, "MessageID", record.message_id);
    element(
        out,
        "SubjectID",
        if legacy {
            extras.about
        } else {
            record.reference
        },
    );
    element(out, "SenderAddress", record.sender);
    element(out, "Subject", record.subject);
    element(out, "ServerName", record.server);
    element(out, "ServerIP", record.server_ip);
    element(out, "ClientName", client);
    element(out, "ClientIP", record.client_ip);
    element(out, "PartnerServer", &partner);
    element(out, "AttemptedPartnerServer", extras.attempted);
    element(out, "EntryType", event_number(record).as_bytes());
    element(out, "ExpansionDL", &related(record));
    element(
        out,
        "RecipientCount",
        number(record.recipient_count).as_bytes(),
    );
    element(out, "Cost", extras.cost);
    element(out, "DeliveryTime", extras.seconds);
    element(out, "Encrypted", extras.encryption);
    element(out, "Priority", extras.priority);
    element(out, "Size", number(record.size_bytes).as_bytes());
    element(out, "Version", record.schema_version);
    recipients(out, record, legacy);
    verbatim(out, record);
    out.extend_from_slice(b"  </Exchange_MessageTrackingEntry>\n");
}

fn recipients(out: &mut Vec<u8>, record: &Record, legacy: bool) {
    if record.recipients.is_empty() {
        return;
    }
    out.extend_from_slice(b"    <Recipients>\n");
    for (i, address) in record.recipients.iter().enumerate() {
        out.extend_from_slice(b"      <Recipient>\n        <RecipientAddress>");
        text(out, address);
        out.extend_from_slice(b"</RecipientAddress>\n");
        let status = record
            .recipient_statuses
            .get(i)
            .filter(|status| legacy && !status.is_empty());
        if let Some(status) = status {
            out.extend_from_slice(b"        <RecipientStatus>");
            text(out, status);
            out.extend_from_slice(b"</RecipientStatus>\n");
        }
        out.extend_from_slice(b"      </Recipient>\n");
    }
    out.extend_from_slice(b"    </Recipients>\n");
}

/// `2002-2-6 16:50:23`.
fn time(time: Time) -> String {
    let (y, mo, d) = civil_from_days(time.0.div_euclid(DAY));
    let s = time.0.rem_euclid(DAY) / 1_000_000;
    format!("{y}-{mo}-{d} {}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60)
}

/// Unique over all servers: server, file, byte offset of the record.
fn key(record: &Record, file: &str) -> String {
    format!(
        "\\\\{}\\{},{}",
        record.server.to_str_lossy(),
        file.replace('/', "\\"),
        record.place.offset
    )
}

/// The other side of a hand-over of 2007 and later: inside the organisation a name without domain, outside one with.
fn peer(record: &Record) -> BString {
    let host = record.server_host;
    match record.role {
        Role::Send => short_host(host).into(),
        Role::Leave if !host.is_empty() && !host.contains(&b'.') => format!("{host}.").into(),
        Role::Leave => host.into(),
        _ => BString::default(),
    }
}

/// The list that was expanded; of 2007 and later all addresses that others took the place of.
fn related(record: &Record) -> BString {
    let arena = Bump::new();
    let elements = record.related_recipients.iter();
    List::of(elements.map(|address| &***address), &arena)
        .0
        .into()
}

/// The line itself, of all but records of 2003 and before, with what has to be known to understand it alone.
fn verbatim(out: &mut Vec<u8>, record: &Record) {
    let kept = &record.verbatim;
    if kept.line.is_empty() {
        return;
    }
    let mut octets = String::new();
    let line: (&str, &[u8]) = match kept.line.to_str() {
        Ok(line) => ("line", line.as_bytes()),
        Err(_) => {
            octets.extend(kept.line.iter().map(|byte| char::from(*byte)));
            ("octets", octets.as_bytes())
        }
    };
    let dialect = ("dialect", record.dialect.as_bytes());
    let all: [(&str, &[u8]); 4] = [
        dialect,
        ("header", kept.header),
        ("server", kept.server),
        line,
    ];
    let mut values = Vec::with_capacity(kept.line.len() + 100);
    for (name, value) in all.iter().filter(|(_, value)| !value.is_empty()) {
        values.push(if values.is_empty() { b'{' } else { b',' });
        json::string(&mut values, name.as_bytes());
        values.push(b':');
        json::string(&mut values, value);
    }
    out.extend_from_slice(b"    <?waybill ");
    let mut last = ' ';
    for c in values.chars() {
        match c {
            // Neither an end of the instruction, nor what XML cannot hold.
            '>' if last == '?' => out.extend_from_slice(b"\\u003e"),
            '\u{fffe}' | '\u{ffff}' => {
                write!(out, "\\u{:04x}", c as u32).expect("a Vec takes all bytes")
            }
            c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
        last = c;
    }
    out.extend_from_slice(b"}?>\n");
}

/// Characters that XML has no form for.
fn is_outside_xml(c: char) -> bool {
    c.is_control() && !matches!(c, '\t' | '\n' | '\r') || matches!(c, '\u{fffe}' | '\u{ffff}')
}

/// The event number, or that of 2003 that does the same to recipients.
fn event_number(record: &Record) -> String {
    if record.event.iter().all(u8::is_ascii_digit) {
        return record.event.to_string();
    }
    let number = match record.role {
        Role::Submit => "1027",
        Role::Receive | Role::Resubmit => "1019",
        Role::Expand => "26",
        Role::Redirect => "1042",
        Role::Send if is_mailbox_reply(record.source_context) => "1023",
        Role::Send | Role::Leave => "1031",
        Role::Deliver => "1028",
        Role::Duplicate if record.event == "DUPLICATEDELIVER" => "1028",
        // Without a copy in a queue it was refused before it was taken over.
        Role::Fail if matches!(record.internal_message_id.as_bytes(), b"" | b"0") => "1040",
        Role::Fail => "1030",
        Role::Drop => "1039",
        Role::Quarantine => "1041",
        Role::Defer => "1037",
        Role::Report => "34",
        Role::Duplicate
        | Role::Fork
        | Role::Resolve
        | Role::Shadow
        | Role::Attempt
        | Role::Info => "",
    };
    number.to_string()
}

fn element(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    if value.is_empty() {
        return;
    }
    write!(out, "    <{name}>").expect("a Vec takes all bytes");
    text(out, value);
    writeln!(out, "</{name}>").expect("a Vec takes all bytes");
}

/// Text with markup escaped; what XML cannot hold becomes the replacement character.
fn text(out: &mut Vec<u8>, value: &[u8]) {
    for c in value.chars() {
        match c {
            '&' => out.extend_from_slice(b"&amp;"),
            '<' => out.extend_from_slice(b"&lt;"),
            '>' => out.extend_from_slice(b"&gt;"),
            '"' => out.extend_from_slice(b"&quot;"),
            '\t' | '\n' | '\r' => write!(out, "&#{};", c as u32).expect("a Vec takes all bytes"),
            c if is_outside_xml(c) => out.extend_from_slice("\u{fffd}".as_bytes()),
            // What reorders or hides text is the same to a parser, and harmless to whoever looks at the file.
            c if inert::is_treacherous(c) => {
                write!(out, "&#x{:x};", c as u32).expect("a Vec takes all bytes")
            }
            c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::example::{hostile_texts, record};
    use bstr::BStr;

    #[test]
    fn the_documented_form() {
        let mut out = Vec::new();
        let prolog = Prolog {
            declaration: true,
            stylesheet: Some("trackhistory.xsl".into()),
        };
        open(&mut out, &prolog);
        let mut record = record();
        record.event = BStr::new("1028");
        write(&mut out, &record, "ex01/20020206.log");
        close(&mut out);
        let xml = String::from_utf8(out).unwrap();
        assert!(xml.starts_with(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<?xml-stylesheet type=\"text/xsl\""
        ));
        let mut css = Vec::new();
        let stylesheet = Some("trackhistory.css".into());
        open(
            &mut css,
            &Prolog {
                declaration: false,
                stylesheet,
            },
        );
        assert!(css.starts_with(b"<?xml-stylesheet type=\"text/css\""));
        assert!(
            xml.contains("<TimeLogged>2026-3-1 9:14:02</TimeLogged>"),
            "{xml}"
        );
        assert!(
            xml.contains("<KeyID>\\\\ex01\\ex01\\20020206.log,4711</KeyID>"),
            "{xml}"
        );
        assert!(xml.contains("<EntryType>1028</EntryType>"));
        let order = [
            "TimeLogged",
            "KeyID",
            "MessageID",
            "SenderAddress",
            "ServerName",
            "EntryType",
            "RecipientCount",
        ];
        let at: Vec<_> = order
            .iter()
            .map(|name| xml.find(&format!("<{name}>")).unwrap())
            .collect();
        assert!(at.is_sorted());
    }

    #[test]
    fn hostile_text_stays_text() {
        for hostile in hostile_texts() {
            let mut record = record();
            record.subject = BStr::new(hostile);
            let mut out = Vec::new();
            open(&mut out, &Prolog::default());
            write(&mut out, &record, "<&>");
            close(&mut out);
            let mut reader = quick_xml::Reader::from_reader(&out[..]);
            while reader.read_event().unwrap() != quick_xml::events::Event::Eof {}
            assert!(!out.iter().any(|b| *b < 0x20 && *b != b'\n'));
        }
    }
}
