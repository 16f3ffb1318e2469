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

pub const HOSTS: [&str; 5] = ["mx1", "mx2", "ex1", "ex2", "sm1"];

/// One address that a message should have come to.
pub struct Leaf {
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

pub fn paths(folder: &Path, more: &[&str]) -> Vec<Value> {
    let folder = folder.to_str().unwrap();
    waybill(&[&["paths", folder, "--quiet", "--include-probes"], more].concat())
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
    right: usize,
    /// Unknown or handed over, because a log is missing.
    open: usize,
    /// In no line of any log ([`UNNAMED`]): index of the address in the truth.
    nowhere: Vec<usize>,
    pub wrong: Vec<String>,
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

/// Daylight saving and New Year, wherever the pieces begin; ids tell, whatever zone is given.
#[test]
fn clocks_are_right_in_pieces_of_every_size() {
    for name in ["dst", "newyear"] {
        let folder = fixtures(name);
        let whole = paths(&folder, &[]);
        for size in ["150", "400", "900", "2500", "7000"] {
            let mut more = vec!["--chunk-bytes", size];
            assert_eq!(paths(&folder, &more), whole, "{name} {size}");
            more.extend(["--zone", "Asia/Tokyo"]);
            assert_eq!(paths(&folder, &more), whole, "{name} {size} with a zone");
        }
    }
}

/// A log that nothing tells the clock of, over autumn, New Year and spring, read by the zone that was given.
#[test]
fn a_zone_that_is_given_is_followed_through_its_changes() {
    let zone = jiff::tz::TimeZone::get("America/New_York").unwrap();
    let mut times: Vec<jiff::Timestamp> = Vec::new();
    for (from, steps, minutes) in [
        ("2026-11-01T04:00:00Z", 30, 10),
        ("2026-12-31T23:00:00Z", 16, 30),
        ("2027-03-14T05:00:00Z", 30, 10),
    ] {
        let from: jiff::Timestamp = from.parse().unwrap();
        times.extend((0..steps).map(|n| from + jiff::SignedDuration::from_mins(n * minutes)));
    }
    let (mut bare, mut told) = (String::new(), Vec::new());
    for (n, time) in times.iter().enumerate() {
        let stamp = zone
            .to_datetime(*time)
            .strftime("%b %e %H:%M:%S")
            .to_string();
        for what in [
            format!("smtpd[1]: AAAA{n:04}: client=pc[10.9.9.9]"),
            format!("cleanup[1]: AAAA{n:04}: message-id=<m{n}@x.test>"),
            format!(
                "local[1]: AAAA{n:04}: to=<r@y.test>, relay=local, delay=0, delays=0/0/0/0, dsn=2.0.0, status=sent (delivered to mailbox)"
            ),
        ] {
            writeln!(bare, "{stamp} mx postfix/{what}").unwrap();
        }
        told.push((
            format!("<m{n}@x.test>"),
            time.strftime("%FT%T.000Z").to_string(),
        ));
    }
    told.sort();
    let dir = folder(&[("mx.log", bare.into())]);
    for size in ["100", "333", "1000", "5000", "1000000"] {
        let more = [
            "--year",
            "2026",
            "--zone",
            "America/New_York",
            "--chunk-bytes",
            size,
        ];
        let mut found: Vec<(String, String)> = paths(dir.path(), &more)
            .iter()
            .map(|path| {
                let text = |value: &Value| value.as_str().unwrap().to_string();
                (
                    text(&path["message_id"]),
                    text(&path["recipients"][0]["at"]),
                )
            })
            .collect();
        found.sort();
        assert_eq!(found, told, "{size}");
    }
}

/// Detailed exports name the next host's answer, or at least the Message-ID, as any server's log does.
#[test]
fn what_exchange_online_sent_is_followed_to_the_host_whose_log_is_there() {
    for (event, reply, by) in [
        (
            "SENDEXTERNAL",
            "250 2.0.0 Ok: queued as 4F1B2C3D4E5;ClientSubmitTime:",
            "reply id",
        ),
        ("SEND", "250 2.0.0 Ok: queued as 4F1B2C3D4E5", "reply id"),
        ("SENDEXTERNAL", "250 thanks", "message id"),
        ("SEND", "", "message id"),
    ] {
        let online = "AM1PR01MB0001.eurprd01.prod.outlook.com";
        let row = |time: &str, from: &str, to: &str, context: &str, event: &str| {
            format!(
                "2026-05-01T10:00:{time}Z,,{from},,{to},{context},c,{event},70,<m@x.test>,00000001-0000-0000-0000-000000000000,\
                 r@partner.test,,100,1,,,s,s@x.test,s@x.test,,Originating,t,,,\r\n"
            )
        };
        let mut export = String::from(
            "date_time_utc,client_ip,client_hostname,server_ip,server_hostname,source_context,connector_id,source,event_id,\
             internal_message_id,message_id,network_message_id,recipient_address,recipient_status,total_bytes,\
             recipient_count,related_recipient_address,reference,message_subject,sender_address,return_path,\
             message_info,directionality,tenant_id,original_client_ip,original_server_ip,custom_data\r\n",
        );
        export += &row("00.1234567", "pc", online, "", "SMTP,RECEIVE");
        export += &row(
            "02.1234567",
            online,
            "mx.partner.test",
            reply,
            &format!("SMTP,{event}"),
        );
        let takes = "2026-05-01T10:00:01.9Z mx postfix/smtpd[1]: 4F1B2C3D4E5: client=mail-am1.outbound.protection.outlook.com[40.107.1.1]\n\
             2026-05-01T10:00:02.0Z mx postfix/cleanup[1]: 4F1B2C3D4E5: message-id=<m@x.test>\n\
             2026-05-01T10:00:02.0Z mx postfix/qmgr[1]: 4F1B2C3D4E5: from=<s@x.test>, size=9, nrcpt=1 (queue active)\n\
             2026-05-01T10:00:02.5Z mx postfix/local[1]: 4F1B2C3D4E5: to=<r@partner.test>, relay=local, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (delivered to mailbox)\n";
        let dir = folder(&[("online.csv", export.into()), ("mx.log", takes.into())]);
        let path = one(dir.path(), "<m@x.test>");
        assert_eq!(
            fates(&path),
            ["r@partner.test delivered mx"],
            "{event} {reply}"
        );
        let hops = path["hops"].as_array().unwrap();
        let hop = hops.iter().find(|hop| hop["server"] == "mx").unwrap();
        assert_eq!(hop["link"]["by"], by, "{event} {reply}: {path}");
        assert_eq!(hop["link"]["proof"], "online.csv:3");
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

/// Columns of a tracking log of 2016, enough of them.
const FIELDS: &str = "#Log-type: Message Tracking Log\n#Fields: date-time,client-ip,client-hostname,server-ip,server-hostname,\
                      source-context,connector-id,source,event-id,internal-message-id,message-id,network-message-id,\
                      recipient-address,recipient-status,total-bytes,sender-address,message-subject\n";

pub fn folder(files: &[(&str, Vec<u8>)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        fs::write(dir.path().join(name), bytes).unwrap();
    }
    dir
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
    // A trace tells when a message came, not when it was delivered: no latency is made of that.
    let latencies = path["recipients"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| &r["latency_ms"]);
    assert_eq!(latencies.collect::<Vec<_>>(), [&Value::Null; 3]);
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
fn near(a: &Value, b: &Value) -> bool {
    let time = |v: &Value| -> Option<jiff::Timestamp> { v.as_str()?.parse().ok() };
    match (time(a), time(b)) {
        (Some(a), Some(b)) => (a.as_millisecond() - b.as_millisecond()).abs() <= 2000,
        _ => false,
    }
}

#[test]
fn a_hybrid_organisation_is_followed_through_all_its_hosts() {
    for seed in [1, 2] {
        let dir = hybrid(seed, "");
        let truth = fs::read_to_string(dir.path().join("truth.jsonl")).unwrap();
        let found = paths(dir.path(), &[]);
        let (right, wrong) = against_truth(&found, &truth, "");
        assert_eq!(wrong, Vec::<String>::new(), "seed {seed}");
        assert!(right > 800, "{right}");
        // The order of files is the order of names: here the other way round.
        for (n, host) in HYBRID.iter().enumerate() {
            let folder = dir.path().join((9 - n).to_string());
            fs::create_dir(&folder).unwrap();
            fs::rename(dir.path().join(host), folder.join(host)).unwrap();
        }
        let again = paths(dir.path(), &[]);
        assert_eq!(against_truth(&again, &truth, "").1, Vec::<String>::new());
    }
}

/// A message that comes into Exchange Online behind a relay has another network-message-id there: both lead to it.
#[test]
fn every_network_message_id_of_a_message_finds_it() {
    let dir = hybrid(4, "");
    let dir = dir.path().to_str().unwrap();
    let text = |value: &Value| value.as_str().unwrap_or("").to_string();
    let mut known: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for path in waybill(&["paths", dir, "--quiet"]) {
        let mut ids: Vec<String> = path["other_ids"]
            .as_array()
            .unwrap()
            .iter()
            .map(text)
            .collect();
        ids.push(text(&path["network_message_id"]));
        known.insert(text(&path["message_id"]), ids);
    }
    let mut second = None;
    for event in waybill(&["events", dir, "--quiet"]) {
        let (id, message) = (
            text(&event["network_message_id"]),
            text(&event["message_id"]),
        );
        if let Some(ids) = known.get(&message).filter(|_| !id.is_empty()) {
            assert!(ids.contains(&id), "{id} is no id of {message}: {ids:?}");
            if ids.last() != Some(&id) {
                second = Some((id, message));
            }
        }
    }
    let (id, message) = second.expect("a message with two");
    let found = waybill(&["paths", dir, "--quiet", "--network-message-id", &id]);
    assert_eq!(found.len(), 1);
    assert_eq!(text(&found[0]["message_id"]), message);
}

#[test]
fn a_hybrid_organisation_without_a_host_is_open_there_and_right_elsewhere() {
    for host in HYBRID {
        let dir = hybrid(3, host);
        let truth = fs::read_to_string(dir.path().join("truth.jsonl")).unwrap();
        let (right, wrong) = against_truth(&paths(dir.path(), &[]), &truth, host);
        assert_eq!(wrong, Vec::<String>::new(), "without {host}");
        assert!(right > 200, "without {host}: {right}");
    }
}

#[test]
fn records_that_fit_alike_are_listed_and_none_is_picked() {
    let arrives = |host: &str, id: &str, client: &str| {
        format!(
            "2026-05-01T10:00:01.1Z {host} postfix/smtpd[1]: {id}: client=gw[{client}]\n\
             2026-05-01T10:00:01.2Z {host} postfix/cleanup[1]: {id}: message-id=<m@x.test>\n\
             2026-05-01T10:00:01.3Z {host} postfix/qmgr[1]: {id}: from=<s@x.test>, size=9, nrcpt=1 (queue active)\n\
             2026-05-01T10:00:02.3Z {host} postfix/local[1]: {id}: to=<r@y.test>, relay=local, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (delivered to mailbox)\n"
        )
    };
    let gives = "2026-05-01T10:00:00.1Z gw postfix/smtpd[1]: AAAAAA1: client=pc[10.9.9.9]\n\
         2026-05-01T10:00:00.2Z gw postfix/cleanup[1]: AAAAAA1: message-id=<m@x.test>\n\
         2026-05-01T10:00:00.3Z gw postfix/qmgr[1]: AAAAAA1: from=<s@x.test>, size=9, nrcpt=1 (queue active)\n\
         2026-05-01T10:00:01.3Z gw postfix/smtp[1]: AAAAAA1: to=<r@y.test>, relay=pool.test[10.0.0.5]:25, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 4F1B2C3D4E5)\n"
        .to_string();
    let dir = folder(&[
        ("gw.log", gives.into_bytes()),
        ("a.log", arrives("a", "4F1B2C3D4E5", "10.0.0.1").into()),
        ("b.log", arrives("b", "4F1B2C3D4E5", "10.0.0.1").into()),
    ]);
    let found = paths(dir.path(), &[]);
    assert_eq!(found.len(), 3);
    let gw = found
        .iter()
        .find(|p| p["origin"]["server"] == "gw")
        .unwrap();
    assert_eq!(fates(gw), ["r@y.test transferred gw"]);
    let listed: Vec<String> = gw["hops"][0]["ambiguous"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| format!("{} {} {}", c["server"], c["id"], c["where"]))
        .collect();
    assert_eq!(
        listed,
        [
            "\"a\" \"4F1B2C3D4E5\" \"a.log:1\"",
            "\"b\" \"4F1B2C3D4E5\" \"b.log:1\""
        ]
    );
    let text = text_of(&["trace", dir.path().to_str().unwrap(), "--server", "gw"]);
    assert!(text.contains("ambiguous: 2 records there fit"), "{text}");
    assert!(text.contains("b 4F1B2C3D4E5"), "{text}");
    // Told which host the address is, it is followed.
    let told = paths(dir.path(), &["--host", "b=10.0.0.5"]);
    assert_eq!(told.len(), 2);
}

fn text_of(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_waybill"))
        .args(arguments)
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// Sendmail logs no aliases: where several addresses may be the one, all are named.
#[test]
fn what_sendmail_does_not_log_is_said_to_be_one_of() {
    let gives = "2026-05-01T10:00:00.1Z gw postfix/smtpd[1]: AAAAAA1: client=pc[10.9.9.9]\n\
         2026-05-01T10:00:00.2Z gw postfix/cleanup[1]: AAAAAA1: message-id=<m@x.test>\n\
         2026-05-01T10:00:00.3Z gw postfix/qmgr[1]: AAAAAA1: from=<s@x.test>, size=9, nrcpt=2 (queue active)\n\
         2026-05-01T10:00:01.3Z gw postfix/smtp[1]: AAAAAA1: to=<sales@y.test>, relay=sm1[10.0.0.5]:25, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 2.0.0 641A0079000399 Message accepted for delivery)\n\
         2026-05-01T10:00:01.3Z gw postfix/smtp[1]: AAAAAA1: to=<info@y.test>, relay=sm1[10.0.0.5]:25, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 2.0.0 641A0079000399 Message accepted for delivery)\n";
    let takes = "2026-05-01T10:00:01.2Z sm1 sendmail[399]: 641A0079000399: from=<s@x.test>, size=9, class=0, nrcpts=2, msgid=<m@x.test>, proto=ESMTP, daemon=MTA, relay=gw [10.0.0.1]\n\
         2026-05-01T10:00:02.2Z sm1 sendmail[400]: 641A0079000399: to=alice, delay=00:00:01, xdelay=00:00:00, mailer=local, pri=30, dsn=2.0.0, stat=Sent\n\
         2026-05-01T10:00:02.2Z sm1 sendmail[400]: 641A0079000399: to=bob, delay=00:00:01, xdelay=00:00:00, mailer=local, pri=30, dsn=2.0.0, stat=Sent\n";
    let dir = folder(&[("gw.log", gives.into()), ("sm1.log", takes.into())]);
    let path = one(dir.path(), "<m@x.test>");
    let alice = path["recipients"]
        .as_array()
        .unwrap()
        .iter()
        .find(|r| r["address"] == "alice")
        .unwrap();
    assert_eq!(alice["status"], "delivered");
    assert_eq!(alice["via"][0]["inferred"], true);
    assert_eq!(
        alice["via"][0]["one_of"],
        serde_json::json!(["sales@y.test", "info@y.test"])
    );
    let text = text_of(&["trace", dir.path().to_str().unwrap()]);
    assert!(text.contains("one of sales@y.test, info@y.test"), "{text}");
}

/// Nothing in this file tells its zone; the other host's replies do.
#[test]
fn a_hand_over_tells_the_clock_of_a_file() {
    let mut gives = String::new();
    let mut takes = String::new();
    for n in 0..5 {
        let (id, there) = (format!("AAAAAA{n}"), format!("4F1B2C3D4E{n}"));
        writeln!(
            gives,
            "2026-07-01T10:0{n}:00.1Z gw postfix/smtpd[1]: {id}: client=pc[10.9.9.9]"
        )
        .unwrap();
        writeln!(
            gives,
            "2026-07-01T10:0{n}:00.2Z gw postfix/cleanup[1]: {id}: message-id=<m{n}@x.test>"
        )
        .unwrap();
        writeln!(gives, "2026-07-01T10:0{n}:01.3Z gw postfix/smtp[1]: {id}: to=<r@y.test>, relay=mx[10.0.0.5]:25, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as {there})").unwrap();
        writeln!(
            takes,
            "Jul  1 06:0{n}:01 mx postfix/smtpd[1]: {there}: client=gw[10.0.0.1]"
        )
        .unwrap();
        writeln!(
            takes,
            "Jul  1 06:0{n}:01 mx postfix/cleanup[1]: {there}: message-id=<m{n}@x.test>"
        )
        .unwrap();
        writeln!(takes, "Jul  1 06:0{n}:02 mx postfix/local[1]: {there}: to=<r@y.test>, relay=local, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (delivered to mailbox)").unwrap();
    }
    let dir = folder(&[("gw.log", gives.into()), ("mx.log", takes.clone().into())]);
    let path = one(dir.path(), "<m3@x.test>");
    assert_eq!(fates(&path), ["r@y.test delivered mx"]);
    assert_eq!(path["recipients"][0]["at"], "2026-07-01T10:03:02.000Z");
    let check = text_of(&["check", dir.path().to_str().unwrap(), "--no-progress"]);
    assert!(check.contains("2026 -04:00, told by hand-overs"), "{check}");
    // Alone, the year is that of the file, whatever today is.
    let dir = folder(&[("mx.log", takes.into())]);
    let file = fs::File::options()
        .append(true)
        .open(dir.path().join("mx.log"))
        .unwrap();
    let written = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_500_000_000);
    file.set_modified(written).unwrap();
    let path = one(dir.path(), "<m3@x.test>");
    assert_eq!(path["recipients"][0]["at"], "2017-07-01T06:03:02.000Z");
    let check = text_of(&["check", dir.path().to_str().unwrap(), "--no-progress"]);
    assert!(check.contains("2017 +00:00, guessed"), "{check}");
}

#[test]
fn lines_of_other_programs_are_counted_and_shown() {
    let log = "2026-05-01T10:00:00Z gw CRON[1]: (root) CMD (true)\n\
         2026-05-01T10:00:00Z gw sshd[1]: Accepted publickey for root\n\
         2026-05-01T10:00:01Z gw postfix/smtpd[1]: AAAAAA1: client=pc[10.9.9.9]\n\
         2026-05-01T10:00:01Z gw postfix/cleanup[1]: AAAAAA1: message-id=<m@x.test>\n";
    let dir = folder(&[("syslog", log.into())]);
    let path = dir.path().to_str().unwrap();
    let report = text_of(&["report", path, "--quiet"]);
    assert!(
        report.contains("Passed over: 2 lines of other programs"),
        "{report}"
    );
    let check = text_of(&["check", path, "--no-progress"]);
    assert!(
        check.contains("2 lines of other programs in syslog files were passed over"),
        "{check}"
    );
}

/// An entry as Exim gives it to syslog: in pieces of so many characters at most, and a piece for each of its lines.
fn in_pieces(entry: &str, limit: usize) -> Vec<String> {
    let mut parts: Vec<(String, char)> = Vec::new();
    for line in entry.lines() {
        let chars: Vec<char> = line.chars().collect();
        let cut = chars.chunks(limit).map(|part| (part.iter().collect(), '/'));
        parts.extend(cut);
        parts.last_mut().unwrap().1 = '\\';
    }
    parts.last_mut().unwrap().1 = '/';
    match parts.len() {
        1 => vec![entry.into()],
        of => (1..)
            .zip(parts)
            .map(|(n, (text, mark))| format!("[{n}{mark}{of}] {text}"))
            .collect(),
    }
}

/// Exim can write to syslog, each line behind syslog's own header, long ones in pieces, among the lines of others.
#[test]
fn exim_by_way_of_syslog_says_the_same() {
    let fixtures = fixtures("main");
    let truth = truth(&fixtures);
    for (limit, chunk) in [
        (870, "8000000"),
        (100, "8000000"),
        (100, "3000"),
        (23, "500"),
    ] {
        let dir = lay_out(&fixtures, &["ex1", "mx1"]);
        let log = fs::read_to_string(fixtures.join("ex1.mainlog")).unwrap();
        let of_others = fs::read_to_string(fixtures.join("mx1.maillog")).unwrap();
        let mut of_others = of_others.lines();
        let mut syslog = String::new();
        for (pid, line) in (77..).zip(log.lines()) {
            for piece in in_pieces(line, limit) {
                writeln!(syslog, "<22>Nov 21 17:23:38 ex1 exim[{pid}]: {piece}").unwrap();
                syslog.extend(of_others.next().map(|line| format!("{line}\n")));
            }
        }
        syslog.extend(of_others.map(|line| format!("{line}\n")));
        fs::write(dir.path().join("mail.info"), syslog).unwrap();
        let found = score(
            &paths(dir.path(), &["--chunk-bytes", chunk]),
            &truth,
            &[],
            false,
        );
        assert_eq!(found.wrong, Vec::<String>::new(), "{limit} {chunk}");
        assert_eq!(found.right + found.nowhere.len(), truth.len());
    }
}

/// A piece that syslog lost takes with it what cannot be known, and no half of an address becomes a recipient.
#[test]
fn a_piece_that_syslog_lost_is_missed_and_nothing_is_made_up() {
    let entry = "1xUooM-000069-1M <= s@x.test H=pc [10.9.9.9] P=esmtp S=9 id=m@x.test for one@y.test two@y.test three@y.test";
    let mut pieces = in_pieces(entry, 91);
    assert!(pieces[0].ends_with("two@y.t"), "{}", pieces[0]);
    let line = |text: &str| format!("Nov 21 17:23:38 ex1 exim[7]: {text}\n");
    let sent = line("1xUooM-000069-1M => one@y.test R=r T=t H=mx [10.0.0.5] C=\"250 ok\"");
    pieces.remove(1);
    let log: String = pieces.iter().map(|piece| line(piece)).collect();
    let dir = folder(&[("mail.log", (log + &sent).into())]);
    let output = Command::new(env!("CARGO_BIN_EXE_waybill"))
        .args(["paths", dir.path().to_str().unwrap(), "--quiet"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let path: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(fates(&path), ["one@y.test transferred ex1"]);
    let check = text_of(&["check", dir.path().to_str().unwrap(), "--no-progress"]);
    assert!(
        check.contains("lacks pieces of the numbered ones it was logged in"),
        "{check}"
    );
}

/// Reports of Postfix, Exim and Sendmail and what they are about name each other.
#[test]
fn reports_and_their_messages_are_tied_both_ways() {
    let found = paths(lay_out(&fixtures("main"), &[]).path(), &[]);
    let ties = |p: &Value, kind: &str| -> Vec<String> {
        let related = p["related"].as_array().unwrap().iter();
        let of_kind = related.filter(|r| r["kind"] == kind);
        of_kind
            .map(|r| r["message_id"].as_str().unwrap().to_string())
            .collect()
    };
    // By the Message-ID, or by the queue id where none is logged: Exim and Sendmail log none of their own reports.
    let is_called = |p: &Value, name: &str| {
        p["message_id"] == name
            || p["other_ids"]
                .as_array()
                .unwrap()
                .iter()
                .any(|id| id == name)
    };
    let mut tied = 0;
    for report in found.iter().filter(|p| p["class"] == "report") {
        for about in ties(report, "report-of") {
            tied += 1;
            let mut of = found.iter().filter(|p| is_called(p, &about));
            let back = |p: &Value| ties(p, "report").iter().any(|own| is_called(report, own));
            assert!(of.any(back), "{report}");
        }
    }
    assert!(tied >= 22, "{tied}");
}

/// Exchange 5.5 makes the Message-ID outside of its own id: a relay's log goes on from there.
#[test]
fn a_message_of_5_5_is_followed_by_its_remote_id() {
    let dir = tempfile::tempdir().unwrap();
    let options = waybill::simulate::Options {
        layout: waybill::simulate::LayoutChoice::parse("5.5").unwrap(),
        messages_per_day: 60,
        ..waybill::simulate::Options::default()
    };
    waybill::simulate::run(&options, dir.path()).unwrap();
    let before = paths(dir.path(), &[]);
    let goes = |p: &&Value| {
        let recipients = p["recipients"].as_array().unwrap();
        p["message_id"].as_str().unwrap_or("").contains("%")
            && recipients.len() == 1
            && recipients[0]["status"] == "transferred"
    };
    let out = before.iter().find(goes).expect("one leaves");
    let recipient = &out["recipients"][0];
    let (id, to) = (
        out["message_id"].as_str().unwrap(),
        recipient["address"].as_str().unwrap(),
    );
    let at = recipient["at"].as_str().unwrap();
    let log = format!(
        "{at} relay postfix/smtpd[1]: AAAAAA1: client=imc[10.9.9.9]\n\
         {at} relay postfix/cleanup[1]: AAAAAA1: message-id={id}\n\
         {at} relay postfix/qmgr[1]: AAAAAA1: from=<s@x.test>, size=9, nrcpt=1 (queue active)\n\
         {at} relay postfix/local[1]: AAAAAA1: to=<{to}>, relay=local, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (delivered to mailbox)\n"
    );
    fs::write(dir.path().join("relay.log"), log).unwrap();
    let path = one(dir.path(), id);
    let outcome = &path["recipients"][0];
    assert_eq!(
        (&outcome["status"], &outcome["server"]),
        (&"delivered".into(), &"relay".into()),
        "{path}"
    );
    let hops = path["hops"].as_array().unwrap();
    let hop = hops.iter().find(|h| h["server"] == "relay").unwrap();
    assert_eq!(hop["link"]["by"], "remote id", "{path}");
}

/// A rule on the envelope speaks before there is a queue id: of the next message of the same process and client.
#[test]
fn what_a_rule_says_before_the_queue_id_is_about_the_message_behind_it() {
    let hold = |pid: u32, at: u32, action: &str, to: &str| {
        format!(
            "2026-05-01T10:00:{at:02}Z mx postfix/smtpd[{pid}]: NOQUEUE: {action}: RCPT from c.test[192.0.2.1]: <s@x.test>: Sender address \
             by policy; from=<s@x.test> to=<{to}> proto=ESMTP helo=<c>\n"
        )
    };
    let taken = |pid: u32, at: u32, client: &str, id: &str| {
        format!(
            "2026-05-01T10:00:{at:02}Z mx postfix/smtpd[{pid}]: {id}: client=c.test[{client}]\n\
             2026-05-01T10:00:{at:02}Z mx postfix/cleanup[9]: {id}: message-id=<{id}@x>\n"
        )
    };
    let sent = |at: u32, id: &str, to: &str| {
        format!(
            "2026-05-01T10:00:{at:02}Z mx postfix/qmgr[8]: {id}: from=<s@x.test>, size=1, nrcpt=1 (queue active)\n\
             2026-05-01T10:00:{at:02}Z mx postfix/local[7]: {id}: to=<{to}>, relay=local, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (delivered)\n"
        )
    };
    let log = [
        // The same process and client, but before.
        taken(5, 0, "192.0.2.1", "A1B2C3D4E59"),
        sent(0, "A1B2C3D4E59", "zero@y.test"),
        hold(5, 1, "hold", "held@y.test"),
        // Another process, another client, and the same process with another client in between.
        taken(6, 2, "192.0.2.1", "A1B2C3D4E5A"),
        sent(2, "A1B2C3D4E5A", "one@y.test"),
        taken(5, 3, "192.0.2.1", "A1B2C3D4E5B"),
        hold(5, 4, "discard", "gone@y.test"),
        taken(5, 5, "192.0.2.1", "A1B2C3D4E5C"),
        hold(5, 6, "hold", "never@y.test"),
        taken(5, 7, "192.0.2.7", "A1B2C3D4E5D"),
        sent(7, "A1B2C3D4E5D", "two@y.test"),
        // Released, and so sent on.
        hold(5, 8, "hold", "three@y.test"),
        taken(5, 9, "192.0.2.1", "A1B2C3D4E5E"),
        sent(12, "A1B2C3D4E5E", "three@y.test"),
    ]
    .concat();
    let dir = folder(&[("mail.log", log.into())]);
    for chunk in ["100", "200", "1000000"] {
        let found = paths(dir.path(), &["--chunk-bytes", chunk]);
        let told: Vec<String> = found
            .iter()
            .map(|path| {
                format!(
                    "{} {}",
                    path["other_ids"][0].as_str().unwrap(),
                    fates(path).join(" ")
                )
            })
            .collect();
        let want = [
            "A1B2C3D4E59 zero@y.test delivered mx",
            "A1B2C3D4E5B held@y.test quarantined mx",
            "A1B2C3D4E5A one@y.test delivered mx",
            "A1B2C3D4E5C gone@y.test dropped mx",
            "A1B2C3D4E5D two@y.test delivered mx",
            "A1B2C3D4E5E three@y.test delivered mx",
        ];
        assert_eq!(told, want, "{chunk}");
        let held = &found[1]["recipients"][0];
        assert_eq!(held["where"], "mail.log:5", "{held}");
    }
}

/// A line about two records is one line: `events` shows it once, and `check` finds no copy of it.
#[test]
fn a_line_about_two_records_is_one_line() {
    let log = lay_out(&fixtures("main"), &["mx2", "ex1", "ex2", "sm1"]);
    let events = waybill(&["events", log.path().to_str().unwrap(), "--quiet"]);
    let places = events.iter().map(|event| event["line"].as_u64().unwrap());
    let mut places: Vec<u64> = places.collect();
    let all = places.len();
    places.dedup();
    assert_eq!(places.len(), all);
    assert!(events.iter().any(|event| event["role"] == "report"));
    let check = text_of(&["check", log.path().to_str().unwrap(), "--quiet"]);
    assert!(!check.contains("repeat an earlier row"), "{check}");
}

/// Messages of one record go a shorter way to their paths; a line that changes nothing has them go the long one.
#[test]
fn the_short_way_of_plain_messages_leads_to_the_same() {
    let lines = [
        ("smtpd[1]", "A1B2C3D4E51: client=c.test[192.0.2.1]"),
        ("cleanup[2]", "A1B2C3D4E51: message-id=<1@c.test>"),
        (
            "qmgr[3]",
            "A1B2C3D4E51: from=<s@c.test>, size=7, nrcpt=1 (queue active)",
        ),
        (
            "smtp[4]",
            "A1B2C3D4E51: to=<r@x.test>, relay=x.test[192.0.2.9]:25, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 ok)",
        ),
        ("smtpd[1]", "A1B2C3D4E52: client=c.test[192.0.2.1]"),
        ("cleanup[2]", "A1B2C3D4E52: message-id=<>"),
        (
            "qmgr[3]",
            "A1B2C3D4E52: from=<>, size=8, nrcpt=2 (queue active)",
        ),
        (
            "smtp[4]",
            "A1B2C3D4E52: to=<q@x.test>, relay=none, delay=1, delays=0/0/0/1, dsn=4.4.1, status=deferred (connect to x.test: refused)",
        ),
        (
            "smtp[4]",
            "A1B2C3D4E52: to=<p@x.test>, relay=x.test[192.0.2.9]:25, delay=1, delays=0/0/0/1, dsn=5.1.1, status=bounced (said: 550 no)",
        ),
        (
            "qmgr[3]",
            "A1B2C3D4E52: from=<>, size=8, nrcpt=2 (queue active)",
        ),
        (
            "smtp[4]",
            "A1B2C3D4E52: to=<Q@x.test>, relay=x.test[192.0.2.9]:25, delay=9, delays=0/0/0/1, dsn=2.0.0, status=sent (250 ok)",
        ),
        ("pickup[5]", "A1B2C3D4E53: uid=0 from=<root>"),
        ("cleanup[2]", "A1B2C3D4E53: message-id=<3@mx1.test>"),
        (
            "qmgr[3]",
            "A1B2C3D4E53: from=<root@mx1.test>, size=9, nrcpt=1 (queue active)",
        ),
        (
            "local[6]",
            "A1B2C3D4E53: to=<root@mx1.test>, orig_to=<root>, relay=local, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (delivered to mailbox)",
        ),
        // To a host whose log is there and says nothing of it.
        ("smtpd[1]", "A1B2C3D4E54: client=c.test[192.0.2.1]"),
        ("cleanup[2]", "A1B2C3D4E54: message-id=<4@c.test>"),
        (
            "smtp[4]",
            "A1B2C3D4E54: to=<r@y.test>, relay=mx2.test[192.0.2.2]:25, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 ok)",
        ),
    ];
    let line = |second: usize, host: &str, (daemon, text): (&str, &str)| {
        format!("Nov 21 12:23:{second:02} {host} postfix/{daemon}: {text}\n")
    };
    let mut log: String = (lines.iter().zip(20..))
        .map(|(told, second)| line(second, "mx1", *told))
        .collect();
    // Its log goes on from before the hand-over to behind it.
    let other = [
        ("smtpd[1]", "F1B2C3D4E51: client=o.test[192.0.2.8]"),
        ("cleanup[2]", "F1B2C3D4E51: message-id=<o@o.test>"),
    ];
    for (told, second) in other.into_iter().zip([36, 40]) {
        log += &line(second, "mx2", told);
    }
    for id in 1..=4 {
        log += &line(50, "mx1", ("qmgr[3]", &format!("A1B2C3D4E5{id}: removed")));
    }
    let mut long = log.clone();
    for id in 1..=4 {
        let released = format!("A1B2C3D4E5{id}: released from hold");
        long += &line(50, "mx1", ("postsuper[7]", &released));
    }
    let told = |log: String| {
        let log = folder(&[("mail.log", log.into_bytes())]);
        let mut told = paths(log.path(), &["--year", "2026"]);
        for path in &mut told {
            assert!(path["rows"].take().is_u64());
        }
        told
    };
    let short = told(log);
    assert_eq!(short, told(long));
    let all: Vec<Vec<String>> = short.iter().map(fates).collect();
    let want = [
        vec!["r@x.test transferred mx1"],
        vec!["q@x.test transferred mx1", "p@x.test failed mx1"],
        // The name that the host made whole is no list.
        vec!["root@mx1.test delivered mx1"],
        vec!["r@y.test unknown -"],
    ];
    assert_eq!(all[..4], want, "{short:?}");
    let senders = short[..4].iter().map(|path| path["sender"].as_str());
    let want = [Some("s@c.test"), None, Some("root@mx1.test"), None];
    assert!(senders.eq(want), "{short:?}");
}
