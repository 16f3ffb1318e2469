//! Postfix, Exim and Sendmail from outside: logs that real servers wrote in a laboratory, held against what was sent.
//!
//! In: `tests/foreign`, a message of every scenario, and the whole laboratory where its folder exists. Out: what `paths`
//! says of every address, with all hosts, with hosts left out, and with Exchange's own log at both ends.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::laboratory::{
    HOSTS, Leaf, fixtures, is_address, lay_out, paths, queue_id, score, truth, waybill,
};

#[test]
fn every_address_has_the_fate_that_the_logs_tell() {
    let folder = fixtures("main");
    let truth = truth(&folder);
    let found = score(
        &paths(lay_out(&folder, &[]).path(), &[]),
        &truth,
        &[],
        false,
    );
    assert_eq!(found.wrong, Vec::<String>::new());
    assert_eq!(
        (found.right + found.nowhere.len(), found.open),
        (truth.len(), 0)
    );
    assert!(!found.nowhere.is_empty());
    no_record_names(&found.nowhere, &truth, lay_out(&folder, &[]).path());
}

/// Scenarios whose addresses stand in no record of any log, how many in the whole laboratory, and why.
const UNNAMED: [(&str, usize, &str); 11] = [
    (
        "content-DROPME",
        4,
        "cleanup discards by a header and names one of several recipients",
    ),
    (
        "content-HOLDME",
        4,
        "cleanup holds by a header and names one of several recipients",
    ),
    (
        "content-MILTDISC",
        4,
        "a milter discards, and one of several recipients is named",
    ),
    (
        "content-MILTQUAR",
        4,
        "a milter holds, and one of several recipients is named",
    ),
    (
        "content-MILTREJ",
        4,
        "a milter refuses at the end, and one of several recipients is named",
    ),
    (
        "content-MILTTEMP",
        4,
        "a milter puts off at the end, and one of several recipients is named",
    ),
    (
        "content-VIRUS",
        4,
        "cleanup refuses by the body, and one of several recipients is named",
    ),
    (
        "exim-discard",
        3,
        "Exim's DATA ACL discards: `=> blackhole (DATA ACL discarded recipients)`",
    ),
    (
        "exim-freeze",
        2,
        "Exim's ACL freezes: `frozen by ACL`, and recipients are not logged on arrival",
    ),
    (
        "size-refused",
        3,
        "refused at MAIL: the client never named a recipient",
    ),
    (
        "too-big",
        4,
        "`queue file size limit exceeded` names the queue id alone",
    ),
];

/// Proves of addresses that waybill says nothing about that no record could have told: none that has the message's queue id,
/// and none without an id of that time and sender, names the address.
fn no_record_names(nowhere: &[usize], truth: &[Leaf], logs: &Path) {
    let events = waybill(&["events", logs.to_str().unwrap(), "--quiet"]);
    for leaf in nowhere.iter().map(|number| &truth[*number]) {
        let reason = UNNAMED
            .iter()
            .find(|(scenario, ..)| *scenario == leaf.scenario);
        assert!(reason.is_some(), "{} {}", leaf.scenario, leaf.address);
        let id = queue_id(&leaf.reply);
        for event in &events {
            let is_of_record = match event["internal_message_id"].as_str() {
                Some(own) => Some(own) == id,
                None => {
                    let at: jiff::Timestamp = event["time"].as_str().unwrap().parse().unwrap();
                    let near = (leaf.from..=leaf.until).contains(&at.as_second());
                    near && event["sender"].as_str() == Some(&leaf.sender)
                }
            };
            let names = |to: &Value| is_address(to.as_str().unwrap(), &leaf.address);
            let to = event["recipients"].as_array().unwrap();
            let told = is_of_record && to.iter().any(names);
            assert!(!told, "{} {}: {event}", leaf.scenario, leaf.address);
        }
    }
}

#[test]
fn the_order_of_hosts_and_the_size_of_pieces_change_nothing() {
    let folder = lay_out(&fixtures("main"), &[]);
    let all = paths(folder.path(), &[]);
    for more in [
        ["--chunk-bytes", "4000", "--window-bytes", "20000"],
        ["--chunk-bytes", "30000", "--threads", "1"],
    ] {
        assert_eq!(paths(folder.path(), &more), all, "{more:?}");
    }
}

#[test]
fn without_a_host_its_part_is_open_and_nothing_is_wrong() {
    let folder = fixtures("main");
    let truth = truth(&folder);
    for host in HOSTS {
        let left = lay_out(&folder, &[host]);
        let found = score(&paths(left.path(), &[]), &truth, &[host], false);
        assert_eq!(found.wrong, Vec::<String>::new(), "without {host}");
        assert!(found.open > 0, "without {host}: {found:?}");
    }
}

/// Exchange's own log, as it would have been written: what it sent to the hosts, with their replies, and what came back.
fn exchange_log(truth: &[Leaf], paths: &[Value]) -> String {
    let mut log = String::from(
        "#Software: Microsoft Exchange Server\r\n#Version: 15.01.2507.023\r\n#Log-type: Message Tracking Log\r\n\
         #Date: 2026-11-21T17:00:00.000Z\r\n#Fields: date-time,client-ip,client-hostname,server-ip,server-hostname,\
         source-context,connector-id,source,event-id,internal-message-id,message-id,network-message-id,\
         recipient-address,recipient-status,total-bytes,recipient-count,related-recipient-address,reference,\
         message-subject,sender-address,return-path,message-info,directionality,tenant-id,original-client-ip,\
         original-server-ip,custom-data,transport-traffic-type,log-id,schema-version\r\n",
    );
    let mut row = |time: &str,
                   from: &str,
                   to: &str,
                   context: &str,
                   event: &str,
                   id: u64,
                   mid: &str,
                   who: &str,
                   sender: &str| {
        let (source, event) = event.split_once(' ').unwrap();
        writeln!(
            log,
            "{time},,{from},,{to},{context},c,{source},{event},{id},\"{mid}\",{id:08}-0000-0000-0000-000000000000,{who},,\
             100,1,,,s,{sender},{sender},,Originating,,,,,Email,,15.01.2507.023\r"
        )
        .unwrap();
    };
    let mut number = 1000;
    let mut seen = std::collections::BTreeSet::new();
    for leaf in truth.iter().filter(|leaf| leaf.client == "127.0.0.21") {
        let Some(id) = queue_id(&leaf.reply).filter(|id| seen.insert(id.to_string())) else {
            continue;
        };
        let holds = |p: &&Value| {
            p["other_ids"]
                .as_array()
                .unwrap()
                .iter()
                .any(|own| own == id)
        };
        let Some(path) = paths.iter().find(holds) else {
            continue;
        };
        let mid = path["message_id"].as_str().unwrap_or("");
        let time = path["first_seen"].as_str().unwrap();
        // What was refused on the way in was not part of what the reply is about.
        let mut all: Vec<&str> = truth
            .iter()
            .filter(|l| l.reply == leaf.reply && l.status != "rejected")
            .map(|l| l.recipient.as_str())
            .collect();
        all.dedup();
        number += 1;
        row(
            time,
            "exch01",
            "exch01",
            "",
            "STOREDRIVER RECEIVE",
            number,
            mid,
            &all.join(";"),
            &leaf.sender,
        );
        let reply = format!("\"{};ClientSubmitTime:\"", leaf.reply.replace('"', "\"\""));
        row(
            time,
            "exch01",
            &leaf.entry,
            &reply,
            "SMTP SEND",
            number,
            mid,
            &all.join(";"),
            &leaf.sender,
        );
    }
    for path in paths {
        for r in path["recipients"].as_array().unwrap() {
            let reply = r["reason"].as_str().unwrap_or("");
            let Some(at) = reply.find("[InternalId=") else {
                continue;
            };
            let id: u64 = reply[at + 12..].split(',').next().unwrap().parse().unwrap();
            let mid = path["message_id"].as_str().unwrap_or("");
            let (time, who) = (r["at"].as_str().unwrap(), r["address"].as_str().unwrap());
            let sender = path["sender"].as_str().unwrap_or("<>");
            row(
                time,
                "relay",
                "EXCH01.contoso.test",
                "",
                "SMTP RECEIVE",
                id,
                mid,
                who,
                sender,
            );
            row(
                time,
                "exch01",
                "exch01",
                "",
                "STOREDRIVER DELIVER",
                id,
                mid,
                who,
                sender,
            );
        }
    }
    log
}

#[test]
fn exchange_is_followed_out_and_back() {
    let fixtures = fixtures("main");
    let truth = truth(&fixtures);
    let folder = lay_out(&fixtures, &[]);
    let alone = paths(folder.path(), &[]);
    fs::write(
        folder.path().join("MSGTRK.LOG"),
        exchange_log(&truth, &alone),
    )
    .unwrap();
    let found = paths(folder.path(), &[]);
    let result = score(&found, &truth, &[], true);
    assert_eq!(result.wrong, Vec::<String>::new());
    let sent = truth
        .iter()
        .filter(|l| l.client == "127.0.0.21" && queue_id(&l.reply).is_some());
    let mut joined = 0;
    for leaf in sent {
        let id = queue_id(&leaf.reply).unwrap();
        let holds = |p: &&Value| {
            p["other_ids"]
                .as_array()
                .unwrap()
                .iter()
                .any(|own| own == id)
        };
        let all: Vec<&Value> = found.iter().filter(holds).collect();
        assert_eq!(all.len(), 1, "{id}");
        let hops = all[0]["hops"].as_array().unwrap();
        let first_link = hops
            .iter()
            .find(|h| h["server"] == leaf.entry.as_str() && h["link"].is_object());
        let link = &first_link.unwrap_or_else(|| panic!("{id}: {}", all[0]))["link"];
        assert!(
            ["reply id", "filter reply id", "same host"].contains(&link["by"].as_str().unwrap()),
            "{link}"
        );
        joined += usize::from(link["proof"].as_str().unwrap().starts_with("MSGTRK.LOG:"));
        assert_eq!(all[0]["origin"]["server"], "exch01", "{id}");
    }
    assert!(joined > 50, "{joined}");
}

/// The whole laboratory, where it is: 1072 messages.
#[test]
fn the_whole_laboratory() {
    let lab = Path::new("/work/shared/samples/foreign/main");
    if !lab.is_dir() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    for name in [
        "mx1.maillog",
        "mx2.mail.rfc5424.log",
        "ex1.mainlog",
        "ex1.rejectlog",
        "ex2.mainlog",
        "ex2.rejectlog",
        "sm1.mail.rfc3339.log",
    ] {
        fs::copy(lab.join(name), dir.path().join(name)).unwrap();
    }
    let mut truth = Vec::new();
    for line in fs::read_to_string(lab.join("truth.jsonl")).unwrap().lines() {
        let t: Value = serde_json::from_str(line).unwrap();
        let text = |v: &Value| v.as_str().unwrap_or("").to_string();
        let Some(start) = t["t_start"].as_f64() else {
            continue;
        };
        for expected in t["expected"].as_array().unwrap() {
            for leaf in expected["leaves"].as_array().unwrap() {
                truth.push(Leaf {
                    scenario: text(&t["scenario"]),
                    entry: text(&t["entry"]),
                    client: text(&t["client"]),
                    from: start as i64 - 1,
                    until: t["t_end"].as_f64().unwrap() as i64 + 2,
                    sender: text(&t["from"]),
                    reply: text(&t["final_reply"]),
                    recipient: text(&expected["rcpt"]),
                    address: text(&leaf["address"]).to_lowercase(),
                    at: text(&leaf["at"]),
                    status: text(&leaf["status"]),
                    path: leaf["path"].as_array().unwrap().iter().map(text).collect(),
                });
            }
        }
    }
    let found = score(&paths(dir.path(), &[]), &truth, &[], false);
    assert_eq!(found.wrong, Vec::<String>::new());
    assert_eq!(found.right + found.nowhere.len(), truth.len());
    no_record_names(&found.nowhere, &truth, dir.path());
    for (scenario, count, why) in UNNAMED {
        let of = |number: &&usize| truth[**number].scenario == scenario;
        assert_eq!(
            found.nowhere.iter().filter(of).count(),
            count,
            "{scenario}: {why}"
        );
    }
}
