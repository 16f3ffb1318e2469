//! What tests of Postfix, Exim, Sendmail and Exchange Online share: logs laid out, what should be said of them, what is.
//!
//! In: `tests/foreign`, logs that real servers wrote in a laboratory, and simulated hybrid organisations; both with truth. Out: how
//! many addresses `paths` has right, and which are wrong.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

pub const HOSTS: [&str; 5] = ["mx1", "mx2", "ex1", "ex2", "sm1"];

/// One address that a message should have come to.
pub struct Leaf {
    pub scenario: String,
    pub entry: String,
    pub client: String,
    pub from: i64,
    pub until: i64,
    pub sender: String,
    pub reply: String,
    /// As it was sent to the host of entry.
    pub recipient: String,
    pub address: String,
    pub at: String,
    pub status: String,
    pub path: Vec<String>,
}

pub fn waybill(arguments: &[&str]) -> Vec<Value> {
    let output = Command::new(env!("CARGO_BIN_EXE_waybill"))
        .args(arguments)
        .output()
        .unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(errors.is_empty(), "{errors}");
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

pub fn text_of(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_waybill"))
        .args(arguments)
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

pub fn paths(folder: &Path, more: &[&str]) -> Vec<Value> {
    let folder = folder.to_str().unwrap();
    waybill(&[&["paths", folder, "--quiet", "--include-probes"], more].concat())
}

pub fn one(folder: &Path, id: &str) -> Value {
    let found = paths(folder, &[]);
    let mut found: Vec<Value> = found
        .into_iter()
        .filter(|p| p["message_id"] == id)
        .collect();
    assert_eq!(found.len(), 1, "{id}: {found:?}");
    found.remove(0)
}

pub fn fates(path: &Value) -> Vec<String> {
    let recipients = path["recipients"].as_array().unwrap().iter();
    let text = |r: &Value, key: &str| r[key].as_str().unwrap_or("-").to_string();
    recipients
        .map(|r| {
            format!(
                "{} {} {}",
                text(r, "address"),
                text(r, "status"),
                text(r, "server")
            )
        })
        .collect()
}

pub fn folder(files: &[(&str, Vec<u8>)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        let file = dir.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, bytes).unwrap();
    }
    dir
}

pub fn fixtures(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/foreign")
        .join(name)
}

/// The small truth: one line for each address.
pub fn truth(folder: &Path) -> Vec<Leaf> {
    let text = fs::read_to_string(folder.join("truth.tsv")).unwrap();
    text.lines()
        .map(|line| {
            let f: Vec<&str> = line.split('\t').collect();
            Leaf {
                scenario: f[1].into(),
                entry: f[2].into(),
                client: f[3].into(),
                from: f[4].parse().unwrap_or(0),
                until: f[5].parse().unwrap_or(0),
                sender: f[6].into(),
                reply: f[7].into(),
                recipient: f[8].into(),
                address: f[9].to_lowercase(),
                at: f[10].into(),
                status: f[11].into(),
                path: f[12].split(',').map(String::from).collect(),
            }
        })
        .collect()
}

/// The queue id that the host of entry gave.
pub fn queue_id(reply: &str) -> Option<&str> {
    let word = |text: &'_ str| text.split([' ', '.']).next().map(str::len);
    if let Some(at) = reply.rfind("queued as ") {
        let rest = &reply[at + 10..];
        return word(rest).map(|len| &rest[..len]);
    }
    if let Some(at) = reply.rfind("OK id=") {
        return Some(&reply[at + 6..]);
    }
    let before = reply.strip_suffix(" Message accepted for delivery")?;
    before.split(' ').next_back()
}

/// Log files by the name they get, those of hosts in `without` left out.
pub fn lay_out(from: &Path, without: &[&str]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for file in fs::read_dir(from).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_string();
        let host = name.split('.').next().unwrap();
        if HOSTS.contains(&host) && !without.contains(&host) {
            fs::copy(&path, dir.path().join(name)).unwrap();
        }
    }
    dir
}

/// What is said of the addresses of one run.
#[derive(Debug, Default, PartialEq)]
pub struct Score {
    pub right: usize,
    /// Unknown or handed over, because a log is missing.
    pub open: usize,
    /// In no line of any log ([`UNNAMED`]): index of the address in the truth.
    pub nowhere: Vec<usize>,
    pub wrong: Vec<String>,
}

pub fn fate(status: &str) -> &str {
    match status {
        "delivered" => "delivered",
        "exchange" | "handoff" => "transferred",
        "bounced" | "expired" => "failed",
        "deferred" => "pending",
        "discarded" => "dropped",
        "held" => "quarantined",
        other => other,
    }
}

/// The same mailbox: hosts log a bare name, or their own name behind it.
pub fn is_address(logged: &str, address: &str) -> bool {
    let logged = logged.to_lowercase();
    let (name, domain) = address.rsplit_once('@').unwrap();
    match logged.rsplit_once('@') {
        None => logged == name,
        Some((local, behind)) => {
            local == name && (behind == domain || behind.ends_with(&format!(".{domain}")))
        }
    }
}

pub fn score(paths: &[Value], truth: &[Leaf], missing: &[&str], exchange_is_read: bool) -> Score {
    let mut by_id: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for path in paths {
        for id in path["other_ids"].as_array().unwrap() {
            by_id.entry(id.as_str().unwrap()).or_default().push(path);
        }
    }
    let mut score = Score::default();
    for (number, leaf) in truth.iter().enumerate() {
        let mut said: Vec<&Value> = Vec::new();
        let own = queue_id(&leaf.reply).and_then(|id| by_id.get(id));
        for path in own.into_iter().flatten() {
            let recipients = path["recipients"].as_array().unwrap();
            said.extend(
                recipients
                    .iter()
                    .filter(|r| is_address(r["address"].as_str().unwrap(), &leaf.address)),
            );
        }
        if leaf.status == "rejected" && said.is_empty() {
            said = refused(paths, leaf);
        }
        let wanted = match leaf.status.as_str() {
            "exchange" if exchange_is_read => "delivered",
            status => fate(status),
        };
        let at = |r: &Value| match leaf.at.as_str() {
            "exch01" if exchange_is_read => r["server"] == "exch01",
            "exch01" | "sink" => true,
            host => r["server"] == host,
        };
        let concerned = leaf
            .path
            .iter()
            .chain([&leaf.entry])
            .any(|host| missing.contains(&host.as_str()));
        let is_open = |r: &&Value| {
            ["unknown", "transferred", "pending", "expanded"]
                .contains(&r["status"].as_str().unwrap())
        };
        if said.iter().any(|r| r["status"] == wanted && at(r)) {
            score.right += 1;
        } else if concerned && said.iter().all(is_open) {
            score.open += 1;
        } else if said.is_empty() {
            score.nowhere.push(number);
        } else {
            let said: Vec<String> = said
                .iter()
                .map(|r| format!("{} {}", r["status"], r["server"]))
                .collect();
            let wrong = format!(
                "{} {} {}: {said:?}",
                leaf.scenario, leaf.address, leaf.status
            );
            score.wrong.push(wrong);
        }
    }
    score
}

/// What was refused before it had a queue id is known by sender, recipient and time.
pub fn refused<'p>(paths: &'p [Value], leaf: &Leaf) -> Vec<&'p Value> {
    let mut found = Vec::new();
    for path in paths
        .iter()
        .filter(|p| p["sender"].as_str().unwrap_or("") == leaf.sender)
    {
        for r in path["recipients"].as_array().unwrap() {
            let at: jiff::Timestamp = r["at"].as_str().unwrap().parse().unwrap();
            let near = (leaf.from..=leaf.until).contains(&at.as_second());
            let same = is_address(r["address"].as_str().unwrap(), &leaf.address);
            if near && same && r["status"] == "rejected" && r["server"] == leaf.at.as_str() {
                found.push(r);
            }
        }
    }
    found
}

/// Columns of a tracking log of 2016, enough of them.
pub const FIELDS: &str = "#Log-type: Message Tracking Log\n#Fields: date-time,client-ip,client-hostname,server-ip,server-hostname,\
                      source-context,connector-id,source,event-id,internal-message-id,message-id,network-message-id,\
                      recipient-address,recipient-status,total-bytes,sender-address,message-subject\n";

/// The hosts of a hybrid organisation.
pub const HYBRID: [&str; 5] = ["ex01", "edge1", "edge2", "scan1", "exchange-online"];

pub fn hybrid(seed: u64, leave_out: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let options = waybill::simulate::Options {
        seed,
        layout: waybill::simulate::LayoutChoice::Hybrid,
        messages_per_day: 600,
        users: 40,
        leave_out: vec![leave_out.to_string()],
        ..waybill::simulate::Options::default()
    };
    waybill::simulate::run(&options, dir.path()).unwrap();
    dir
}

/// Every recipient of the truth held against paths: how many are right, and what is wrong. Where `missing` lay on the way of
/// a recipient, nothing but an open end may be said of it.
pub fn against_truth(found: &[Value], truth: &str, missing: &str) -> (usize, Vec<String>) {
    let mut by_id: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for path in found {
        by_id
            .entry(path["message_id"].as_str().unwrap_or(""))
            .or_default()
            .push(path);
    }
    let (mut right, mut wrong) = (0, Vec::new());
    for line in truth.lines() {
        let told: Value = serde_json::from_str(line).unwrap();
        let id = told["message_id"].as_str().unwrap();
        let paths = by_id.get(id).map_or(&[][..], Vec::as_slice);
        let all_there = told["recipients"].as_array().unwrap().iter().all(|r| {
            let way = r["way"].as_array().unwrap();
            way.iter().all(|host| host != missing)
        });
        if !id.is_empty() && all_there && paths.len() != 1 {
            wrong.push(format!("{id} is in {} pieces", paths.len()));
        }
        for recipient in told["recipients"].as_array().unwrap() {
            let same = |r: &&Value| r["address"] == recipient["address"];
            let said: Vec<&Value> = paths
                .iter()
                .filter(|path| !id.is_empty() || path["sender"] == told["sender"])
                .flat_map(|path| path["recipients"].as_array().unwrap())
                .filter(same)
                .collect();
            let way = recipient["way"].as_array().unwrap();
            let is_concerned = way.iter().any(|host| host == missing);
            let is_right = |r: &&&Value| {
                r["status"] == recipient["status"]
                    && r["server"] == recipient["server"]
                    && near(&r["at"], &recipient["at"])
            };
            let is_open = |r: &&Value| {
                let open = ["unknown", "transferred", "pending", "expanded"];
                open.contains(&r["status"].as_str().unwrap())
            };
            if said.iter().find(is_right).is_some() {
                right += 1;
            } else if !(is_concerned && said.iter().all(is_open)) {
                let said: Vec<String> = said
                    .iter()
                    .map(|r| format!("{} {} {}", r["status"], r["server"], r["at"]))
                    .collect();
                wrong.push(format!("{id} {recipient}: {said:?}"));
            }
        }
    }
    (right, wrong)
}

/// Within two seconds: some logs show whole seconds, some decide by a later line of the same record.
pub fn near(a: &Value, b: &Value) -> bool {
    let time = |v: &Value| -> Option<jiff::Timestamp> { v.as_str()?.parse().ok() };
    match (time(a), time(b)) {
        (Some(a), Some(b)) => (a.as_millisecond() - b.as_millisecond()).abs() <= 2000,
        _ => false,
    }
}
