//! Postfix, Exim and Sendmail from outside: logs that real servers wrote in a laboratory, held against what was sent.
//!
//! In: `tests/foreign`, a message of every scenario, and the whole laboratory where its folder exists. Out: what `paths`
//! says of every address, with all hosts, with hosts left out, and with Exchange's own log at both ends.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

const HOSTS: [&str; 5] = ["mx1", "mx2", "ex1", "ex2", "sm1"];

/// One address that a message should have come to.
struct Leaf {
    scenario: String,
    entry: String,
    client: String,
    from: i64,
    until: i64,
    sender: String,
    reply: String,
    /// As it was sent to the host of entry.
    recipient: String,
    address: String,
    at: String,
    status: String,
    path: Vec<String>,
}

fn waybill(arguments: &[&str]) -> Vec<Value> {
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

fn paths(folder: &Path, more: &[&str]) -> Vec<Value> {
    let folder = folder.to_str().unwrap();
    waybill(&[&["paths", folder, "--quiet", "--include-probes"], more].concat())
}

fn fixtures(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/foreign")
        .join(name)
}

/// The small truth: one line for each address.
fn truth(folder: &Path) -> Vec<Leaf> {
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
fn queue_id(reply: &str) -> Option<&str> {
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
fn lay_out(from: &Path, without: &[&str]) -> tempfile::TempDir {
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
struct Score {
    right: usize,
    /// Unknown or handed over, because a log is missing.
    open: usize,
    /// In no line of any log: a rule refused, held or discarded a message of several recipients and named one.
    nowhere: Vec<String>,
    wrong: Vec<String>,
}

fn fate(status: &str) -> &str {
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
fn is_address(logged: &str, address: &str) -> bool {
    let logged = logged.to_lowercase();
    let (name, domain) = address.rsplit_once('@').unwrap();
    match logged.rsplit_once('@') {
        None => logged == name,
        Some((local, behind)) => {
            local == name && (behind == domain || behind.ends_with(&format!(".{domain}")))
        }
    }
}

fn score(paths: &[Value], truth: &[Leaf], missing: &[&str], exchange_is_read: bool) -> Score {
    let mut by_id: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for path in paths {
        for id in path["other_ids"].as_array().unwrap() {
            by_id.entry(id.as_str().unwrap()).or_default().push(path);
        }
    }
    let mut score = Score::default();
    for leaf in truth {
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
            score
                .nowhere
                .push(format!("{} {}", leaf.scenario, leaf.address));
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
fn refused<'p>(paths: &'p [Value], leaf: &Leaf) -> Vec<&'p Value> {
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
    // Recipients of messages that a rule refused, held or discarded whole: only the first, or none, is logged.
    assert_eq!(found.nowhere.len(), 11, "{found:?}");
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

#[test]
fn stamps_without_year_and_zone_are_right_to_the_second() {
    for (name, first, last) in [
        ("dst", "2026-11-01T05:59:4", "2026-11-01T06:00:28.000Z"),
        ("newyear", "2026-12-31T23:59:4", "2027-01-01T00:00:19.000Z"),
    ] {
        let folder = fixtures(name);
        let found = paths(&folder, &[]);
        let at = |key: &str| {
            found
                .iter()
                .map(|p| p[key].as_str().unwrap())
                .collect::<Vec<_>>()
        };
        assert!(at("first_seen").iter().min().unwrap().starts_with(first));
        assert_eq!(at("last_seen").into_iter().max(), Some(last));
        // The two hosts, one of which writes another zone, agree on every hand-over.
        let mut links = 0;
        for path in &found {
            for hop in path["hops"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|hop| hop["link"].is_object())
            {
                links += 1;
                assert!(hop["received"].is_string(), "{name}: {path}");
                let received: jiff::Timestamp = hop["received"].as_str().unwrap().parse().unwrap();
                let came: jiff::Timestamp = path["first_seen"].as_str().unwrap().parse().unwrap();
                let late = received.as_second() - came.as_second();
                assert!((0..=3).contains(&late), "{name}: {path}");
            }
        }
        assert!(links > 5, "{name}: {links}");
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
            "{time},,{from},,{to},{context},c,{source},{event},{id},{mid},{id:08}-0000-0000-0000-000000000000,{who},,\
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
    assert_eq!(
        (found.right + found.nowhere.len(), found.nowhere.len()),
        (truth.len(), 43)
    );
}

/// Columns of a tracking log of 2016, enough of them.
const FIELDS: &str = "#Log-type: Message Tracking Log\n#Fields: date-time,client-ip,client-hostname,server-ip,server-hostname,\
                      source-context,connector-id,source,event-id,internal-message-id,message-id,network-message-id,\
                      recipient-address,recipient-status,total-bytes,sender-address,message-subject\n";

fn folder(files: &[(&str, Vec<u8>)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        fs::write(dir.path().join(name), bytes).unwrap();
    }
    dir
}

fn one(folder: &Path, id: &str) -> Value {
    let found = paths(folder, &[]);
    let mut found: Vec<Value> = found
        .into_iter()
        .filter(|p| p["message_id"] == id)
        .collect();
    assert_eq!(found.len(), 1, "{id}: {found:?}");
    found.remove(0)
}

fn fates(path: &Value) -> Vec<String> {
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

/// Exchange, a Postfix edge and Exchange Online: three families, one path.
#[test]
fn a_hybrid_path_is_in_one_piece() {
    let exchange = format!(
        "{FIELDS}2026-05-01T10:00:00.000Z,,pc,,ex01,,,STOREDRIVER,RECEIVE,11,<m@corp.test>,n-1,a@cloud.test;b@cloud.test,,100,u@corp.test,hi\n\
         2026-05-01T10:00:01.000Z,,ex01,10.0.0.9,edge1.corp.test,\"250 2.0.0 Ok: queued as 4F1B2C3D4E5;ClientSubmitTime:\",out,SMTP,SEND,11,<m@corp.test>,n-1,a@cloud.test;b@cloud.test,,100,u@corp.test,hi\n"
    );
    let postfix = "2026-05-01T10:00:01.1Z edge1 postfix/smtpd[1]: 4F1B2C3D4E5: client=ex01.corp.test[10.0.0.1]\n\
         2026-05-01T10:00:01.2Z edge1 postfix/cleanup[1]: 4F1B2C3D4E5: message-id=<m@corp.test>\n\
         2026-05-01T10:00:01.3Z edge1 postfix/qmgr[1]: 4F1B2C3D4E5: from=<u@corp.test>, size=100, nrcpt=2 (queue active)\n\
         2026-05-01T10:00:02.3Z edge1 postfix/smtp[1]: 4F1B2C3D4E5: to=<a@cloud.test>, relay=cloud-test.mail.protection.outlook.com[52.1.1.1]:25, delay=1, delays=0/0/0/1, dsn=2.6.0, status=sent (250 2.6.0 <m@corp.test> [InternalId=99, Hostname=X.prod.outlook.com] 9 bytes Queued mail for delivery)\n\
         2026-05-01T10:00:02.3Z edge1 postfix/smtp[1]: 4F1B2C3D4E5: to=<b@cloud.test>, relay=cloud-test.mail.protection.outlook.com[52.1.1.1]:25, delay=1, delays=0/0/0/1, dsn=2.6.0, status=sent (250 2.6.0 <m@corp.test> [InternalId=99, Hostname=X.prod.outlook.com] 9 bytes Queued mail for delivery)\n\
         2026-05-01T10:00:02.4Z edge1 postfix/qmgr[1]: 4F1B2C3D4E5: removed\n";
    let summary = "origin_timestamp_utc,sender_address,recipient_status,message_subject,total_bytes,message_id,network_message_id,original_client_ip,directionality,connector_id,delivery_priority\r\n\
         2026-05-01T10:00:02.5000000Z,u@corp.test,\"a@cloud.test##Receive, Deliver;b@cloud.test##Receive, Fail\",hi,100,<m@corp.test>,c0ffee00-0000-0000-0000-000000000001,52.0.0.1,Incoming,,Normal\r\n";
    // Exports come in UTF-16, without a mark at times.
    let utf16: Vec<u8> = summary.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for summary in [summary.as_bytes().to_vec(), utf16] {
        let dir = folder(&[
            ("MSGTRK.LOG", exchange.clone().into_bytes()),
            ("mail.log", postfix.into()),
            ("trace.csv", summary),
        ]);
        let path = one(dir.path(), "<m@corp.test>");
        assert_eq!(
            fates(&path),
            [
                "a@cloud.test delivered exchange-online",
                "b@cloud.test failed exchange-online"
            ]
        );
        assert_eq!(path["origin"]["server"], "ex01");
        let links: Vec<String> = path["hops"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|hop| hop["link"].is_object())
            .map(|hop| {
                format!(
                    "{} {} {}",
                    hop["server"], hop["link"]["by"], hop["link"]["proof"]
                )
            })
            .collect();
        assert!(
            links.contains(&"\"edge1\" \"reply id\" \"MSGTRK.LOG:4\"".to_string()),
            "{links:?}"
        );
        let online = links.iter().find(|link| link.contains("exchange-online"));
        assert_eq!(
            online.unwrap(),
            "\"exchange-online\" \"message id\" \"mail.log:4\""
        );
    }
    // Without the cloud's own word it was only handed over.
    let dir = folder(&[
        ("MSGTRK.LOG", exchange.into_bytes()),
        ("mail.log", postfix.into()),
    ]);
    let path = one(dir.path(), "<m@corp.test>");
    assert_eq!(
        fates(&path),
        [
            "a@cloud.test transferred edge1",
            "b@cloud.test transferred edge1"
        ]
    );
}

#[test]
fn exports_of_exchange_online_are_read_in_every_form() {
    let detail = "\"date_time_utc\",\"client_ip\",\"client_hostname\",\"server_ip\",\"server_hostname\",\"source_context\",\"connector_id\",\"source\",\"event_id\",\"internal_message_id\",\"message_id\",\"network_message_id\",\"recipient_address\",\"recipient_status\",\"total_bytes\",\"sender_address\"\r\n\
         2026-05-01T10:00:00.1234567Z,,a,,X1.prod.outlook.com,,,SMTP,RECEIVE,5,<d@x.test>,n-7,r@cloud.test,,10,s@x.test\r\n\
         2026-05-01T10:00:01.1234567Z,,X1,,X1.prod.outlook.com,,,STOREDRIVER,DELIVER,5,<d@x.test>,n-7,r@cloud.test,,10,s@x.test\r\n";
    let dir = folder(&[("detail.csv", detail.into())]);
    assert_eq!(
        fates(&one(dir.path(), "<d@x.test>")),
        ["r@cloud.test delivered x1"]
    );

    let rows = "#TYPE Selected.System.Object\n\"Received\",\"SenderAddress\",\"RecipientAddress\",\"Subject\",\"Status\",\"ToIP\",\"FromIP\",\"Size\",\"MessageId\",\"MessageTraceId\"\n\
         \"5/1/2026 1:00:00 PM\",\"s@x.test\",\"r@cloud.test\",\"a, b\",\"Delivered\",\"\",\"10.1.1.1\",\"10\",\"<t@x.test>\",\"n-8\"\n\
         \"5/1/2026 1:00:00 PM\",\"s@x.test\",\"q@cloud.test\",\"a, b\",\"Quarantined\",\"\",\"10.1.1.1\",\"10\",\"<t@x.test>\",\"n-8\"\n\
         \"5/1/2026 1:00:00 PM\",\"s@x.test\",\"o@else.test\",\"a, b\",\"Delivered\",\"192.0.2.1\",\"10.1.1.1\",\"10\",\"<t@x.test>\",\"n-8\"\n";
    let dir = folder(&[("rows.csv", rows.into())]);
    let path = one(dir.path(), "<t@x.test>");
    assert_eq!(path["first_seen"], "2026-05-01T13:00:00.000Z");
    let mut fates = fates(&path);
    fates.sort();
    assert_eq!(
        fates,
        [
            "o@else.test transferred exchange-online",
            "q@cloud.test quarantined exchange-online",
            "r@cloud.test delivered exchange-online"
        ]
    );
}

#[test]
fn an_export_that_was_cut_off_is_said_to_be() {
    let mut summary = String::from(
        "origin_timestamp_utc,sender_address,recipient_status,message_id,network_message_id\n",
    );
    for i in 0..100_000 {
        writeln!(summary, "2026-05-01T10:00:00Z,s,r@c##Deliver,<{i}@x>,n{i}").unwrap();
    }
    let dir = folder(&[("full.csv", summary.clone().into_bytes())]);
    let warned = |dir: &Path| {
        let output = Command::new(env!("CARGO_BIN_EXE_waybill"))
            .args(["check", dir.to_str().unwrap(), "--no-progress"])
            .output()
            .unwrap();
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("exactly 100,000 rows")
    };
    assert!(warned(dir.path()));
    summary.truncate(summary.trim_end().rfind('\n').unwrap() + 1);
    fs::write(dir.path().join("full.csv"), summary).unwrap();
    assert!(!warned(dir.path()));
}
