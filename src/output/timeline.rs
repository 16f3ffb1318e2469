//! Rows and messages as other programs' timelines want them: Timesketch, and the names of Elastic Common Schema.
//!
//! In: what [`events_jsonl`] and [`jsonl`] write, and what they were written from. Out: one JSON object per line. Nothing
//! is left out: Timesketch gets every member beside its own three; ECS gets the whole object under `waybill`.

use std::net::IpAddr;

use bstr::{BStr, ByteSlice};
use serde_json::Value;

use crate::event::{Record, Role};
use crate::inert;
use crate::output::{Context, events_jsonl, json, jsonl, words};
use crate::path::{Fate, Path, Status};

/// OpenSearch refuses a value longer than 32,766 bytes where it is to be found as a whole; longer ones become a list.
const MAX_VALUE_BYTES: usize = 32_000;
/// The line that a person reads in the timeline.
const MAX_MESSAGE: usize = 1_000;
const ECS_VERSION: &str = "8.17.0";

/// Appends a row for Timesketch: `message`, `datetime`, `timestamp_desc`, and every column.
pub fn timesketch(out: &mut Vec<u8>, record: &Record, file: &str, line: u64) {
    let mut whole = Vec::with_capacity(2_000);
    events_jsonl::write(&mut whole, record, file, line);
    let mut time = Vec::with_capacity(32);
    events_jsonl::fine_time(&mut time, record.time);
    let event = words::role(record.role);
    timesketch_line(out, &sentence(record), &time, event, "row", &whole);
}

/// Appends a message for Timesketch, at the time it was first seen, with everything that `paths` has.
pub fn timesketch_path(out: &mut Vec<u8>, path: &Path, context: &Context) {
    let mut whole = Vec::with_capacity(4_000);
    jsonl::write(&mut whole, path, context);
    let mut time = Vec::with_capacity(32);
    json::bare_time(&mut time, path.first_seen);
    let to = match path.recipients.as_slice() {
        [] => String::new(),
        [one] => one.address.to_string(),
        [one, more @ ..] => format!("{} +{}", one.address, more.len()),
    };
    let (outcome, sender) = (words::outcome(path), path.sender);
    let text = format!("{outcome}: {sender} > {to}: {}", path.subject);
    let said = inert::terminal(text.as_bytes(), MAX_MESSAGE);
    timesketch_line(out, &said, &time, "first seen", "message", &whole);
}

fn timesketch_line(
    out: &mut Vec<u8>,
    said: &str,
    time: &[u8],
    event: &str,
    of: &str,
    whole: &[u8],
) {
    out.extend_from_slice(b"{\"message\":");
    json::string(out, said.as_bytes());
    out.extend_from_slice(b",\"datetime\":\"");
    out.extend_from_slice(time);
    let kind = format!(
        "\",\"timestamp_desc\":\"Message tracking: {event}\",\"data_type\":\"exchange:messagetracking:{of}\","
    );
    out.extend_from_slice(kind.as_bytes());
    let limited = match whole.len() < MAX_VALUE_BYTES {
        true => None,
        false => serde_json::from_slice(whole).ok().map(limited),
    };
    match limited {
        None => out.extend_from_slice(&whole[1..]),
        Some(value) => {
            let written = inert::write_escaped(&value.to_string()[1..], out);
            written.expect("a Vec takes all bytes");
            out.push(b'\n');
        }
    }
}

/// A value whose texts are short enough, at any depth; a longer one is a list of pieces, and a list stays one list.
fn limited(value: Value) -> Value {
    let pieces = |text: &str| cut(text).map(Value::from).collect::<Vec<Value>>();
    match value {
        Value::String(text) if text.len() > MAX_VALUE_BYTES => Value::Array(pieces(&text)),
        Value::Array(all) => {
            let each = all.into_iter().flat_map(|value| match value {
                Value::String(text) => pieces(&text),
                other => vec![limited(other)],
            });
            Value::Array(each.collect())
        }
        Value::Object(members) => {
            let each = members.into_iter();
            Value::Object(each.map(|(name, value)| (name, limited(value))).collect())
        }
        other => other,
    }
}

/// A text in pieces of whole characters; an empty one is one piece.
fn cut(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest.take()?;
        if text.len() <= MAX_VALUE_BYTES {
            return Some(text);
        }
        let (piece, left) = text.split_at(text.floor_char_boundary(MAX_VALUE_BYTES));
        rest = Some(left);
        Some(piece)
    })
}

/// `SMTP SEND on ex01: ada@example.com > bob@example.net: Subject`; `postfix/smtpd connection on mx1: connect from ...`
fn sentence(record: &Record) -> String {
    let to = match record.recipients.as_slice() {
        [] => String::new(),
        [one] => one.to_string(),
        [one, more @ ..] => format!("{one} +{}", more.len()),
    };
    let about = match record.recipients.is_empty() && record.sender.is_empty() {
        // A line that is about no message, or changes nothing.
        true => match record.subject.is_empty() {
            true => record.source_context.to_string(),
            false => record.subject.to_string(),
        },
        false => format!("{} > {to}: {}", record.sender, record.subject),
    };
    let text = format!(
        "{} {} on {}: {about}",
        record.source, record.event, record.server
    );
    inert::terminal(text.as_bytes(), MAX_MESSAGE)
}

/// Appends a row under the names of ECS.
pub fn ecs_event(out: &mut Vec<u8>, record: &Record, file: &str, line: u64) {
    out.extend_from_slice(b"{\"@timestamp\":\"");
    events_jsonl::fine_time(out, record.time);
    out.extend_from_slice(b"\",\"message\":");
    json::string(out, sentence(record).as_bytes());
    let outcome = match record.role {
        Role::Fail | Role::Drop => "failure",
        Role::Deliver | Role::Send => "success",
        _ => "unknown",
    };
    event_head(out, "row", outcome);
    member(out, ",\"action\":", record.event);
    member(out, ",\"provider\":", record.source);
    member(out, ",\"id\":", record.log_id);
    out.push(b'}');
    object(out, ",\"host\":", &[("name", record.server)]);
    peer(out, ",\"source\":", record.client_ip, record.client_host);
    peer(
        out,
        ",\"destination\":",
        record.server_ip,
        record.server_host,
    );
    let recipients: Vec<&[u8]> = record.recipients.iter().map(|r| r.as_bytes()).collect();
    email(
        out,
        record.message_id,
        record.network_message_id,
        record.sender,
        record.subject,
        &recipients,
    );
    out.extend_from_slice(b",\"log\":{\"file\":{\"path\":");
    json::string(out, file.as_bytes());
    out.extend_from_slice(b"}},\"waybill\":");
    events_jsonl::write(out, record, file, line);
    out.pop();
    out.extend_from_slice(b"}\n");
}

/// Appends a message under the names of ECS.
pub fn ecs_path(out: &mut Vec<u8>, path: &Path, context: &Context) {
    out.extend_from_slice(b"{\"@timestamp\":");
    json::time(out, Some(path.first_seen));
    let outcome = match path.status {
        Status::Delivered | Status::Transferred => "success",
        Status::Failed | Status::Dropped => "failure",
        Status::PartlyDelivered | Status::Pending | Status::Unknown => "unknown",
    };
    event_head(out, "message", outcome);
    out.extend_from_slice(b",\"start\":");
    json::time(out, Some(path.first_seen));
    out.extend_from_slice(b",\"end\":");
    json::time(out, Some(path.last_seen));
    out.extend_from_slice(b",\"duration\":");
    json::number(
        out,
        Some((path.last_seen.0 - path.first_seen.0).saturating_mul(1000)),
    );
    out.push(b'}');
    if let Some(server) = path.origin.server {
        object(out, ",\"host\":", &[("name", (context.server)(server))]);
    }
    peer(
        out,
        ",\"source\":",
        path.origin.client_ip,
        path.origin.client_host,
    );
    // Lists and forwarders stand for others, which are named, too.
    let people = path
        .recipients
        .iter()
        .filter(|r| !matches!(r.fate, Fate::Expanded | Fate::Redirected));
    let recipients: Vec<&[u8]> = people.map(|r| r.address.as_bytes()).collect();
    email(
        out,
        path.message_id,
        path.network_message_id,
        path.sender,
        path.subject,
        &recipients,
    );
    out.extend_from_slice(b",\"waybill\":");
    jsonl::write(out, path, context);
    out.pop();
    out.extend_from_slice(b"}\n");
}

/// What every event of ours has; the object stays open.
fn event_head(out: &mut Vec<u8>, of: &str, outcome: &str) {
    let head = format!(
        ",\"ecs\":{{\"version\":\"{ECS_VERSION}\"}},\"event\":{{\"kind\":\"event\",\
         \"category\":[\"email\"],\"type\":[\"info\"],\"module\":\"exchange\",\
         \"dataset\":\"exchange.messagetracking.{of}\",\"outcome\":\"{outcome}\""
    );
    out.extend_from_slice(head.as_bytes());
}

fn email(
    out: &mut Vec<u8>,
    message_id: &BStr,
    local_id: &BStr,
    from: &BStr,
    subject: &BStr,
    to: &[&[u8]],
) {
    let texts = [message_id, local_id, from, subject];
    if to.is_empty() && texts.iter().all(|text| text.is_empty()) {
        return;
    }
    out.extend_from_slice(b",\"email\":{\"to\":{\"address\":");
    json::list(out, to, |out, address| json::string(out, address));
    out.push(b'}');
    member(out, ",\"message_id\":", message_id);
    member(out, ",\"local_id\":", local_id);
    member(out, ",\"subject\":", subject);
    if !from.is_empty() {
        out.extend_from_slice(b",\"from\":{\"address\":[");
        json::string(out, from);
        out.extend_from_slice(b"]}");
    }
    out.push(b'}');
}

/// One side of a connection. What is no address of IP may not stand under `ip`: the whole row would be refused.
fn peer(out: &mut Vec<u8>, name: &str, ip: &BStr, host: &BStr) {
    let text = ip.to_str().unwrap_or_default();
    let plain = text.split('%').next().unwrap_or_default();
    let ip = match plain.parse::<IpAddr>() {
        Ok(_) => BStr::new(plain),
        Err(_) => BStr::new(""),
    };
    object(out, name, &[("ip", ip), ("domain", host)]);
}

/// An object of texts, left out if it has none.
fn object(out: &mut Vec<u8>, name: &str, members: &[(&str, &BStr)]) {
    let mut open = false;
    for (key, text) in members.iter().filter(|(_, text)| !text.is_empty()) {
        match open {
            true => out.push(b','),
            false => {
                out.extend_from_slice(name.as_bytes());
                out.push(b'{');
            }
        }
        open = true;
        json::string(out, key.as_bytes());
        out.push(b':');
        json::string(out, text);
    }
    if open {
        out.push(b'}');
    }
}

/// A text with its name, left out if there is none.
fn member(out: &mut Vec<u8>, name: &str, text: &BStr) {
    if !text.is_empty() {
        out.extend_from_slice(name.as_bytes());
        json::string(out, text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::example::{hostile_texts, path, record};
    use crate::output::testing::{UTC, is_inert};

    type Write = fn(&mut Vec<u8>, &Record, &str, u64);

    fn written(write: Write, record: &Record) -> (Value, String) {
        let mut out = Vec::new();
        write(&mut out, record, "ex01/a.LOG", 17);
        let text = String::from_utf8(out).unwrap();
        (serde_json::from_str(&text).unwrap(), text)
    }

    #[test]
    fn timesketch_has_its_three_members_and_every_column() {
        let (line, _) = written(timesketch, &record());
        for name in ["message", "datetime", "timestamp_desc"] {
            assert!(line[name].is_string(), "{name}");
        }
        let (plain, _) = written(events_jsonl::write, &record());
        for (name, value) in plain.as_object().unwrap() {
            assert_eq!(&line[name], value, "{name}");
        }
    }

    #[test]
    fn a_long_value_becomes_a_list_and_nothing_is_lost() {
        let long = "ö".repeat(500_000);
        let mut record = record();
        record.subject = BStr::new(&long);
        record.recipients = vec![BStr::new(&long), BStr::new("bob@example.com")];
        let (line, _) = written(timesketch, &record);
        let joined = |name: &str| -> String {
            let all = line[name].as_array().unwrap();
            let texts = all.iter().map(|piece| piece.as_str().unwrap());
            assert!(texts.clone().all(|piece| piece.len() <= MAX_VALUE_BYTES));
            texts.collect()
        };
        assert_eq!(joined("subject"), long);
        assert_eq!(joined("recipients"), format!("{long}bob@example.com"));
        assert!(line["message"].as_str().unwrap().chars().count() <= MAX_MESSAGE);
        assert!(line["server"].is_string() && line["offset"].is_number());
    }

    #[test]
    fn timesketch_has_a_message_with_all_that_paths_has() {
        let mut path = path();
        let long = "ü".repeat(100_000);
        for subject in ["Hi", &long] {
            path.subject = BStr::new(subject);
            path.recipients[0].address = BStr::new(subject);
            let mut out = Vec::new();
            timesketch_path(&mut out, &path, &UTC);
            assert_eq!(out.iter().filter(|&&b| b == b'\n').count(), 1);
            let line: Value = serde_json::from_slice(&out).unwrap();
            assert_eq!(line["datetime"], line["first_seen"]);
            assert!(line["message"].as_str().unwrap().chars().count() <= MAX_MESSAGE);
            assert!(line["timestamp_desc"].is_string());
            let joined = |value: &Value| match value {
                Value::Array(pieces) => pieces.iter().map(|p| p.as_str().unwrap()).collect(),
                text => text.as_str().unwrap().to_string(),
            };
            assert_eq!(joined(&line["subject"]), subject);
            let mut plain = Vec::new();
            jsonl::write(&mut plain, &path, &UTC);
            let plain: Value = serde_json::from_slice(&plain).unwrap();
            let (count, first) = (&plain["recipients"], &line["recipients"][0]["address"]);
            assert_eq!(
                count.as_array().unwrap().len(),
                line["recipients"].as_array().unwrap().len()
            );
            assert_eq!(joined(first), plain["recipients"][0]["address"]);
            for (name, value) in plain.as_object().unwrap() {
                let is_long = name == "subject" || name == "recipients";
                assert!(is_long || &line[name] == value, "{name}");
            }
        }
    }

    #[test]
    fn a_line_about_no_message_says_what_it_is_about() {
        let mut record = record();
        record.source = BStr::new("postfix/smtpd");
        record.event = BStr::new("connection");
        record.source_context = BStr::new("connect from c.test[192.0.2.1]");
        (record.recipients, record.related_recipients) = (Vec::new(), Vec::new());
        for text in [
            &mut record.sender,
            &mut record.subject,
            &mut record.message_id,
            &mut record.network_message_id,
        ] {
            *text = BStr::new("");
        }
        for write in [timesketch as Write, ecs_event] {
            let (line, _) = written(write, &record);
            let said = "postfix/smtpd connection on ex01: connect from c.test[192.0.2.1]";
            assert_eq!(line["message"], said);
            assert!(line.get("email").is_none(), "{line}");
        }
    }

    #[test]
    fn ecs_names_hold_what_they_are_for() {
        let mut record = record();
        record.client_ip = BStr::new("fe80::1%12");
        record.server_ip = BStr::new("not an address");
        let (line, _) = written(ecs_event, &record);
        assert_eq!(line["event"]["action"], record.event.to_string());
        assert_eq!(line["email"]["subject"], record.subject.to_string());
        assert_eq!(
            line["email"]["to"]["address"].as_array().unwrap().len(),
            record.recipients.len()
        );
        assert_eq!(line["source"]["ip"], "fe80::1");
        assert!(line["destination"]["ip"].is_null());
        assert_eq!(line["waybill"]["line"], 17);
        let path = path();
        let mut out = Vec::new();
        ecs_path(&mut out, &path, &UTC);
        let message: Value = serde_json::from_slice(&out).unwrap();
        let mut plain = Vec::new();
        jsonl::write(&mut plain, &path, &UTC);
        let plain: Value = serde_json::from_slice(&plain).unwrap();
        assert_eq!(message["waybill"], plain);
        assert_eq!(message["@timestamp"], plain["first_seen"]);
    }

    #[test]
    fn whatever_was_logged_the_line_is_inert() {
        for text in hostile_texts() {
            let mut record = record();
            (record.subject, record.sender) = (BStr::new(text), BStr::new(text));
            record.recipients = vec![BStr::new(text)];
            for write in [timesketch, ecs_event] {
                let (_, text) = written(write, &record);
                assert!(is_inert(text.trim_end()), "{text}");
            }
        }
    }
}
