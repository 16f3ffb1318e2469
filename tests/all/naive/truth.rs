//! The twin held against a simulated organisation, of which the truth is known.
//!
//! In: a folder with logs and `truth.jsonl`. Out: one line per disagreement. What the truth cannot know
//! (a server whose logs were left out) is for the caller to leave aside.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::{Message, messages, read};

/// Every difference between the twin's messages and `truth.jsonl` of this folder.
pub fn disagreements(folder: &Path) -> Vec<String> {
    let mut files = Vec::new();
    collect(folder, &mut files);
    let found = messages(&files);
    let truth = std::fs::read_to_string(folder.join("truth.jsonl")).unwrap();
    let truth: Vec<Value> = truth
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let mut by_id: BTreeMap<(String, String), &Message> = BTreeMap::new();
    for message in &found {
        let key = (
            message.network_message_id.clone(),
            message.message_id.clone(),
        );
        if let Some(other) = by_id.insert(key, message) {
            println!("two messages with the ids of {other:?}");
        }
    }
    let mut lines = Vec::new();
    for told in &truth {
        let key = (text(&told["network_message_id"]), text(&told["message_id"]));
        match by_id.remove(&key) {
            Some(message) => compare(told, message, &mut lines),
            None => lines.push(format!("missing: {told}")),
        }
    }
    lines.extend(
        by_id
            .values()
            .map(|message| format!("unheard of: {message:?}")),
    );
    lines
}

/// All logs below a folder, by their path.
fn collect(folder: &Path, files: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path
            .extension()
            .is_some_and(|ending| ending.eq_ignore_ascii_case("log"))
        {
            files.push((path.display().to_string(), std::fs::read(&path).unwrap()));
        }
    }
}

fn compare(told: &Value, message: &Message, lines: &mut Vec<String>) {
    let story = text(&told["story"]);
    let mut differ = |what: &str, told: String, found: String| {
        if told != found {
            let id = &message.message_id;
            lines.push(format!("{what}: truth {told}, twin {found} [{story}] {id}"));
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

fn text(value: &Value) -> String {
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

/// Run by hand: `WAYBILL_TRUTH=folder cargo test --test all agrees_with_the_truth -- --nocapture`.
#[test]
fn agrees_with_the_truth() {
    let Some(folder) = std::env::var_os("WAYBILL_TRUTH") else {
        return;
    };
    let lines = disagreements(Path::new(&folder));
    let mut kinds: BTreeMap<String, Vec<&String>> = BTreeMap::new();
    for line in &lines {
        kinds
            .entry(line.split(':').next().unwrap().to_string())
            .or_default()
            .push(line);
    }
    for (kind, lines) in kinds {
        println!("{kind}: {} disagreements", lines.len());
        for line in lines.iter().take(12) {
            println!("    {}", line.chars().take(600).collect::<String>());
        }
    }
    assert!(lines.is_empty(), "{} disagreements", lines.len());
}
