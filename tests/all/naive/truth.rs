//! Messages held against the truth of a simulated organisation.
//!
//! In: messages and the lines of `truth.jsonl`. Out: one line per disagreement. What the truth cannot know
//! (a server whose logs were left out) is for the caller to leave aside.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Message, read};

/// Every difference between messages, the twin's or the program's, and what the simulator says of them.
pub fn disagreements(found: &[Message], truth: &[Value]) -> Vec<String> {
    let mut lines = Vec::new();
    let mut by_id: BTreeMap<(String, String), &Message> = BTreeMap::new();
    for message in found {
        let key = (
            message.network_message_id.clone(),
            message.message_id.clone(),
        );
        if let Some(other) = by_id.insert(key, message) {
            lines.push(format!("two messages with the ids of {other:?}"));
        }
    }
    let mut known: BTreeMap<(String, String), Vec<&Value>> = BTreeMap::new();
    for told in truth {
        let key = (text(&told["network_message_id"]), text(&told["message_id"]));
        known.entry(key).or_default().push(told);
    }
    for (key, told) in known {
        match (by_id.remove(&key), told.as_slice()) {
            (Some(message), [told]) => compare(told, message, &mut lines),
            // The same Message-ID was sent twice; without network ids no log can tell the two apart.
            (Some(_), [_, _, ..]) if key.0.is_empty() => {}
            _ => lines.push(format!("missing: {told:?}")),
        }
    }
    lines.extend(
        by_id
            .values()
            .map(|message| format!("unheard of: {message:?}")),
    );
    lines
}

fn compare(told: &Value, message: &Message, lines: &mut Vec<String>) {
    let story = text(&told["story"]);
    let mut differ = |what: &str, told: String, found: String| {
        if told != found {
            let id = &message.message_id;
            lines.push(format!("{what}: told {told}, found {found} [{story}] {id}"));
        }
    };
    differ("class", text(&told["class"]), message.class.to_string());
    differ("entry", text(&told["entry"]), message.entry.to_string());
    differ("sender", text(&told["sender"]), message.sender.clone());
    differ("rows", told["rows"].to_string(), message.rows.to_string());
    differ(
        "first_seen",
        time(&told["first_seen"]),
        message.first_seen.to_string(),
    );
    let mut recipients = message.recipients.clone();
    for told in told["recipients"].as_array().unwrap() {
        let address = text(&told["address"]);
        let Some(found) = recipients.remove(&address.to_lowercase()) else {
            differ(
                "recipient",
                format!("{} {address}", text(&told["status"])),
                "none".to_string(),
            );
            continue;
        };
        let status = text(&told["status"]);
        differ(
            "status",
            format!("{status} {address}"),
            format!("{} {address}", found.fate),
        );
        if status == found.fate {
            let word = |what: &str| format!("{what} of {status}");
            differ(
                &word("at"),
                time(&told["at"]),
                found.at.map_or(String::new(), |at| at.to_string()),
            );
            differ(
                &word("server"),
                text(&told["server"]),
                found.server.unwrap_or_default(),
            );
        }
        let via: Vec<(String, String)> = told["via"]
            .as_array()
            .unwrap()
            .iter()
            .map(|link| (text(&link["kind"]), text(&link["address"]).to_lowercase()))
            .collect();
        differ(
            "via",
            format!("{via:?} {address}"),
            format!("{:?} {address}", found.via),
        );
    }
    for (address, found) in recipients {
        differ(
            "recipient",
            "none".to_string(),
            format!("{} {address}", found.fate),
        );
    }
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or("").to_string()
}

fn time(value: &Value) -> String {
    value
        .as_str()
        .map_or(String::new(), |text| match read::milliseconds(text) {
            Some(time) => time.to_string(),
            None => text.to_string(),
        })
}
