//! The twelve sections of the report: every figure in every format, and the same as counted by hand from the paths.
//!
//! [`FIGURES`] is what the report promises, line by line: where a figure stands in JSON, in which CSV file it is and in
//! which columns. The page has a table of the same name, which is why it is not listed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// All that the report promises: section and figure; below, indented, pointers into JSON (in lists the first entry) and
/// CSV files with columns.
const FIGURES: &str = "\
1 inputs, bytes, rows, rate
  /inputs/files /inputs/bytes /inputs/rows /inputs/seconds inputs:files,bytes,rows,bytes_per_second
1 per server first and last row, hours without rows
  /coverage/servers/0/first /coverage/servers/0/last /coverage/servers/0/gaps/0/hours
  servers:server,first_row,last_row,rows,bytes,hours_without gaps:server,from,to,hours
1 missing files by sequence number
  /coverage/missing_files missing_files:folder,from,to,files
1 rows that could not be read
  /inputs/bad_rows /coverage/bad_rows bad_rows:reason,rows,first
1 rows collected twice
  /inputs/rows_twice inputs:rows_collected_twice
1 clock skew between servers
  /latency/clocks clocks:ahead,of,recipients
1 what was left out and why
  /excluded/probe/messages /excluded/system/rows /coverage/skipped_files/0/why left_out:what,messages,recipients,rows
  skipped_files:file,why
1 own domains
  /coverage/own_domains/0 /coverage/domains_guessed own_domains:domain,known_by
2 balance
  /totals/entered/submitted /totals/entered_recipients_by_origin/received /totals/status/dropped
  /totals/recipients/quarantined /balance/messages/residual /balance/recipients/residual
  balance:what,messages,recipients
3 hour by direction
  /volume/by_hour/0/inbound/messages /volume/by_hour/0/outbound/recipients /volume/by_hour/0/internal/bytes
  /volume/by_hour/0/relayed/bytes_to_recipients /volume/by_hour_of_day/0/total/messages
  volume_by_hour:hour,messages,recipients,bytes,bytes_to_recipients,inbound_messages,outbound_recipients,internal_bytes,relayed_messages,unknown_bytes
  volume_by_hour_of_day:hour_of_day,messages
3 day, weekday, change against the usual
  /volume/by_day/0/weekday /volume/by_day/0/usual_messages /volume/by_day/0/change /volume/by_weekday/0/total/messages
  volume_by_day:day,weekday,usual_messages,change,messages volume_by_weekday:weekday,messages
3 peaks
  /volume/peak_hour/at /volume/peak_minute/messages peaks:peak,at,messages
4 percentiles, within, by direction and server, negative, unknown
  /latency/end_to_end_ms/p50 /latency/end_to_end_ms/p90 /latency/end_to_end_ms/p95 /latency/end_to_end_ms/p99
  /latency/end_to_end_ms/max /latency/end_to_end_ms/within_30s /latency/end_to_end_ms/within_90s
  /latency/end_to_end_ms/within_5min /latency/end_to_end_ms/negative /latency/end_to_end_ms/unmeasured
  /latency/by_direction/0/p99 /latency/by_server/0/p50
  latency:of,which,recipients,p50_ms,p90_ms,p95_ms,p99_ms,max_ms,within_30_s,within_90_s,within_5_min,negative,unmeasured
  latency_distribution:below_ms,recipients service_level:within_ms,recipients,share
4 by server pair
  /latency/by_server_pair/0/p95 latency_by_server_pair:from,to,recipients,p50_ms,p95_ms,max_ms
4 by component
  /latency/components/all_servers/0/p95 /latency/components/by_server/0/stage
  latency_components:server,stage,component,p50_ms latency_components_by_server:server,stage
4 slowest messages
  /latency/slowest/0/latency_ms /latency/slowest/0/path/0/to
  slowest:latency_ms,first_seen,from,to,message_id,where,path
5 code by source, in words
  /failures/by_code/0/meaning /failures/by_code_and_server/0/source /failures/by_code_and_server/0/examples/0/path
  failures_by_code:code,meaning,messages,failed_recipients,refused_recipients
  failures:code,meaning,source,server,fate,messages,recipients,example_where,example_path
5 not found, full, expired, refused
  /failures/not_found /failures/mailboxes_full/0/what /failures/domains_expired /failures/refused/0/what
  not_found:address,messages,recipients mailboxes_full:address,messages,recipients
  domains_expired:domain,messages,recipients refused:source_and_words,messages,recipients
5 reports and failures
  /failures/reports/matched /failures/reports/without_failure /failures/reports/failures_without_report
  reports:what,messages
6 pending by age, reason, next hop
  /pending/by_age/0/recipients /pending/by_reason /pending/by_next_hop /pending/oldest pending_by_age:age,messages,recipients
  /pending/messages pending_by_reason:reason,messages,recipients pending_by_next_hop:next_hop,messages,recipients oldest:first_seen,from,to,message_id
6 deferrals, tries
  /pending/deferrals/attempts /pending/deferrals_by_reason/0/what /pending/deferrals_by_next_hop/0/recipients
  /pending/deferrals_by_reason/0/deferrals /pending/deferrals_by_reason/0/messages
  /pending/tries/0/deferrals /pending/trends/0/last_third deferrals_by_reason:reason,deferrals,messages,recipients
  deferrals_by_next_hop:next_hop,deferrals,messages,recipients tries:times_put_off,messages,recipients
  deferral_trends:next_hop,put_off_in_the_first_third
6 unknown: what is missing
  /unknown/by_missing/0/host unknown:what_is_missing,host,messages,recipients
7 top lists
  /top/senders/by_messages/0/bytes /top/recipients/by_recipients/0/messages /top/pairs/by_bytes/0/sender
  /top/sender_domains/by_messages/0/domain /top/recipient_domains/by_bytes/0/recipients
  /top/largest_messages/0/size_bytes /top/most_recipients/0/recipients top_senders:sender,messages,recipients,bytes
  top_recipients:recipient,messages,recipients,bytes top_pairs:sender,recipient,messages,recipients,bytes
  top_sender_domains:domain,messages,recipients,bytes top_recipient_domains:domain,messages,recipients,bytes
  largest:size_bytes,message_id most_recipients:recipients,message_id
8 connectors, clients, next hops
  /connectors/received/0/connector /connectors/received/0/client /connectors/sent/0/connector
  /connectors/sent/0/next_hop received:server,receive_connector,client,messages,recipients,bytes
  sent:server,send_connector,next_hop,messages,recipients,bytes,stay_p50_ms
8 server matrix, hops, local share
  /connectors/between/0/from /connectors/servers_per_message/0/servers /connectors/reach/off_server
  between:from,to,messages,recipients,bytes hops:servers,messages,recipients
  /connectors/reach/messages/local reach:mailbox,messages,recipients,share
9 lists
  /lists/lists/0/uses /lists/lists/0/last_use /lists/lists/0/reached /lists/lists/0/nested_uses /lists/depths/0/depth
  /lists/never_used/0 lists:list,uses,of_these_nested,last_use,recipients,reached list_depth:depth,messages
  lists_never_used:list
10 sizes
  /sizes/mean_bytes /sizes/p50_bytes /sizes/p95_bytes /sizes/by_power_of_two/0/share_of_bytes
  size_summary:what,size_bytes sizes:from_bytes,below_bytes,messages,recipients,bytes,share_of_bytes
11 oddities
  /oddities/cases/0/what /oddities/loops /oddities/bursts /oddities/new_domains
  oddities:kind,what,messages,recipients,example_where bursts:sender,hour,messages,recipients,counted,normal
  new_domains:domain,messages,recipients
12 mailboxes
  /mailboxes/mailboxes/0/sent_recipients_external /mailboxes/mailboxes/0/received_bytes
  mailboxes:mailbox,sent_messages,sent_recipients,to_inside,to_outside,sent_bytes,received_messages,from_inside,from_outside,received_bytes
what is wrong
  /trouble/0/what /trouble/0/evidence/0 trouble:severity,kind,what,evidence
";

/// What the sums on the terminal have of sections 1 to 7, and of section 9 where known lists are named.
const ESSENTIALS: [&str; 10] = [
    "WHAT IS WRONG",
    "COVERAGE",
    "BALANCE",
    "VOLUME",
    "LATENCY",
    "FAILURES",
    "PENDING",
    "TOP",
    "LISTS NEVER USED\n  list\n  nobody@example.com\n",
    "HOW",
];

fn waybill(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_waybill"))
        .args(arguments)
        .arg("--quiet")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

fn today() -> String {
    format!("{}/data/today", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn every_figure_is_in_every_format() {
    let folder = tempfile::tempdir().unwrap();
    let lists = folder.path().join("lists.txt");
    fs::write(&lists, "sales@example.com\nnobody@example.com\n").unwrap();
    let (lists, tables) = (lists.display().to_string(), folder.path().join("tables"));
    let logs = today();
    let report = |format: &[&str]| {
        waybill(&[&["report", &logs, "--lists", &lists, "--format"], format].concat())
    };
    let json: Value = serde_json::from_str(&report(&["json"])).unwrap();
    report(&["csv", "--output", &tables.display().to_string()]);
    let (html, text) = (report(&["html"]), report(&["text"]));
    let mut files = BTreeSet::new();
    let mut figure = "";
    for line in FIGURES.lines() {
        if !line.starts_with(' ') {
            figure = line;
            continue;
        }
        for place in line.split_whitespace() {
            let Some((file, columns)) = place.split_once(':') else {
                assert!(json.pointer(place).is_some(), "{figure}: no {place}");
                continue;
            };
            files.insert(format!("{file}.csv"));
            let table = fs::read_to_string(tables.join(format!("{file}.csv"))).unwrap();
            let has: Vec<&str> = table.lines().next().unwrap().split(',').collect();
            let lines = table.lines().count() - 1;
            // Columns without a figure have no unit.
            let known = |column: &str| {
                has.contains(&column) || lines == 0 && has.contains(&column.trim_end_matches("_ms"))
            };
            for column in columns.split(',') {
                assert!(
                    known(column),
                    "{figure}: {file}.csv has no {column}: {has:?}"
                );
            }
            // Findings are a list, not a table.
            let mark = if file == "trouble" { "" } else { "t-" };
            let id = format!("id=\"{mark}{file}\"");
            assert_eq!(
                html.contains(&id),
                lines > 0,
                "{figure}: {id}, {lines} lines"
            );
        }
    }
    let mut written: BTreeSet<String> = fs::read_dir(&tables)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    // What runs say of themselves, and only with --state.
    for beside in ["events.csv", "state.csv"] {
        assert!(written.remove(beside), "{beside}");
    }
    assert_eq!(written, files, "a table that no figure asks for");
    for words in ESSENTIALS {
        assert!(text.contains(words), "{words}");
    }
    assert!(html.contains("waybill find LOGS --sender SENDER"));
}

/// Messages, recipients, bytes.
type Mail = BTreeMap<String, [i64; 3]>;

/// What a report should say, counted from the paths alone.
#[derive(Default)]
struct Hand {
    fates: BTreeMap<String, i64>,
    status: BTreeMap<String, i64>,
    ways: BTreeMap<String, [i64; 2]>,
    hours: BTreeMap<String, i64>,
    latency: Vec<i64>,
    sizes: Vec<i64>,
    senders: Mail,
    recipients: Mail,
    pairs: Mail,
    lists: BTreeMap<String, i64>,
    members: BTreeMap<String, i64>,
    came_in: BTreeMap<String, i64>,
    hand_overs: BTreeMap<String, i64>,
    /// Recipients and messages: waiting, gone outside, and those of full mailboxes.
    waiting: [i64; 2],
    outside: [i64; 2],
    full: BTreeMap<String, [i64; 2]>,
    balance: i64,
    bytes: [i64; 2],
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_lowercase()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

fn mail(all: &mut Mail, key: String, recipients: i64, bytes: i64) {
    let sum = all.entry(key).or_default();
    *sum = [sum[0] + 1, sum[1] + recipients, sum[2] + bytes];
}

impl Hand {
    fn count(&mut self, path: &Value) {
        let is_own = |address: &str| address.is_empty() || address.ends_with("@example.com");
        let (sender, bytes) = (
            text(&path["sender"]),
            path["size_bytes"].as_i64().unwrap_or(0),
        );
        let mut to: BTreeMap<String, i64> = BTreeMap::new();
        for recipient in list(&path["recipients"]) {
            let (fate, address) = (text(&recipient["status"]), text(&recipient["address"]));
            *self.fates.entry(fate.clone()).or_default() += 1;
            if fate == "expanded" {
                *self.lists.entry(address.clone()).or_default() += 1;
            }
            if ["expanded", "redirected", "rejected"].contains(&fate.as_str()) {
                continue;
            }
            let way = match (is_own(&sender), is_own(&address)) {
                (true, true) => "internal",
                (true, false) => "outbound",
                (false, true) => "inbound",
                (false, false) => "relayed",
            };
            self.ways.entry(way.into()).or_default()[1] += 1;
            *to.entry(address).or_default() += 1;
            for via in list(&recipient["via"])
                .iter()
                .filter(|via| via["kind"] == "expanded")
            {
                *self.members.entry(text(&via["address"])).or_default() += 1;
            }
            if ["delivered", "transferred"].contains(&fate.as_str()) {
                self.latency
                    .extend(recipient["latency_ms"].as_i64().filter(|ms| *ms >= 0));
            }
        }
        let all = list(&path["recipients"]);
        let with = |fate: &str| all.iter().filter(|r| text(&r["status"]) == fate).count() as i64;
        for (sum, count) in [
            (&mut self.waiting, with("pending")),
            (&mut self.outside, with("transferred")),
        ] {
            *sum = [sum[0] + count, sum[1] + count.min(1)];
        }
        let full =
            |r: &&Value| text(&r["reason"]).contains("5.2.2") && text(&r["status"]) == "failed";
        let mut seen = BTreeSet::new();
        for recipient in all.iter().filter(full) {
            let address = text(&recipient["address"]);
            let first = i64::from(seen.insert(address.clone()));
            let sum = self.full.entry(address).or_default();
            *sum = [sum[0] + 1, sum[1] + first];
        }
        let recipients: i64 = to.values().sum();
        self.balance += recipients;
        self.bytes = [self.bytes[0] + bytes, self.bytes[1] + bytes * recipients];
        *self.status.entry(text(&path["status"])).or_default() += 1;
        self.ways.entry(text(&path["direction"])).or_default()[0] += 1;
        *self
            .hours
            .entry(text(&path["first_seen"])[..13].to_uppercase())
            .or_default() += 1;
        self.sizes.push(bytes);
        for (address, times) in to {
            mail(&mut self.recipients, address.clone(), times, bytes);
            mail(&mut self.pairs, format!("{sender} {address}"), times, bytes);
        }
        mail(&mut self.senders, sender, recipients, bytes);
        let origin = &path["origin"];
        let client = match text(&origin["client_ip"]) {
            ip if ip.is_empty() => text(&origin["client_host"]),
            ip => ip,
        };
        if !origin["server"].is_null() {
            let way = format!(
                "{} {} {client}",
                text(&origin["server"]),
                text(&origin["connector"])
            );
            *self.came_in.entry(way).or_default() += 1;
        }
        let hops = list(&path["hops"]).iter();
        let hops = hops.filter(|hop| hop["role"] != "submit" && !hop["to"].is_null());
        let ways: BTreeSet<String> = hops
            .map(|hop| format!("{} {}", text(&hop["server"]), text(&hop["to"])))
            .collect();
        for way in ways {
            *self.hand_overs.entry(way).or_default() += 1;
        }
    }
}

/// The value of nearest rank.
fn rank(sorted: &[i64], share: f64) -> i64 {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted[rank.max(1) - 1]
}

fn counts(lines: &Value, key: impl Fn(&Value) -> String, of: &str) -> BTreeMap<String, i64> {
    let mut counts = BTreeMap::new();
    for line in list(lines) {
        *counts.entry(key(line)).or_default() += line[of].as_i64().unwrap();
    }
    counts.retain(|_, count| *count != 0);
    counts
}

fn mails(lines: &Value, key: impl Fn(&Value) -> String) -> Mail {
    let of = |line: &Value| {
        ["messages", "recipients", "bytes"].map(|figure| line[figure].as_i64().unwrap())
    };
    list(lines)
        .iter()
        .map(|line| (key(line), of(line)))
        .collect()
}

#[test]
fn the_sums_are_those_of_the_paths() {
    let folder = tempfile::tempdir().unwrap();
    let logs = folder.path().join("logs").display().to_string();
    waybill_simulate(&logs);
    for logs in [today(), logs] {
        let common = [&logs, "--domain", "example.com"];
        let paths = waybill(&[&["paths"], &common[..]].concat());
        let mut hand = Hand::default();
        let paths: Vec<Value> = paths
            .lines()
            .map(|p| serde_json::from_str(p).unwrap())
            .collect();
        paths.iter().for_each(|path| hand.count(path));
        let all = ["--format", "json", "--top", "100000"];
        let report: Value =
            serde_json::from_str(&waybill(&[&["report"], &common[..], &all].concat())).unwrap();
        held(&hand, paths.len() as i64, &report);
    }
}

fn waybill_simulate(folder: &str) {
    let options = waybill::simulate::Options {
        seed: 21,
        messages_per_day: 500,
        users: 60,
        ..waybill::simulate::Options::default()
    };
    waybill::simulate::run(&options, Path::new(folder)).unwrap();
}

fn held(hand: &Hand, messages: i64, report: &Value) {
    let number = |pointer: &str| report.pointer(pointer).and_then(Value::as_i64).unwrap();
    let object = |pointer: &str| -> BTreeMap<String, i64> {
        let all = report.pointer(pointer).unwrap().as_object().unwrap();
        let counts = all
            .iter()
            .map(|(k, v)| (k.replace('_', " "), v.as_i64().unwrap()));
        counts.filter(|(_, count)| *count != 0).collect()
    };
    assert_eq!(number("/totals/messages"), messages);
    assert_eq!(object("/totals/recipients"), hand.fates);
    assert_eq!(object("/totals/status"), hand.status);
    assert_eq!(number("/totals/entered_recipients"), hand.balance);
    assert_eq!(
        object("/totals/entered_recipients_by_origin")
            .values()
            .sum::<i64>(),
        hand.balance
    );
    assert_eq!(object("/totals/entered").values().sum::<i64>(), messages);
    assert_eq!(
        ["/totals/bytes", "/totals/bytes_to_recipients"].map(number),
        hand.bytes
    );
    for (way, [messages, recipients]) in &hand.ways {
        let flow = &report["volume"]["total"][way];
        assert_eq!(flow["messages"], *messages, "{way}");
        assert_eq!(flow["recipients"], *recipients, "{way}");
    }
    let hours: BTreeMap<String, i64> = list(&report["volume"]["by_hour"])
        .iter()
        .map(|hour| {
            let messages = hour["total"]["messages"].as_i64().unwrap();
            (hour["hour"].as_str().unwrap()[..13].to_string(), messages)
        })
        .collect();
    assert_eq!(hours, hand.hours);
    assert_eq!(
        number("/volume/peak_hour/messages"),
        *hand.hours.values().max().unwrap()
    );
    let error = report["latency"]["relative_error"].as_f64().unwrap();
    let near = |what: &str, found: i64, exact: i64| {
        let off = (found - exact).abs() as f64;
        assert!(off <= exact as f64 * error, "{what}: {found} for {exact}");
    };
    let mut latency = hand.latency.clone();
    latency.sort_unstable();
    let of = "/latency/end_to_end_ms";
    assert_eq!(number(&format!("{of}/count")), latency.len() as i64);
    assert_eq!(number(&format!("{of}/max")), *latency.last().unwrap());
    for (name, share) in [("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99)] {
        near(name, number(&format!("{of}/{name}")), rank(&latency, share));
    }
    for (name, limit) in [("30s", 30_000), ("90s", 90_000), ("5min", 300_000)] {
        let within = latency.iter().filter(|ms| **ms <= limit).count() as i64;
        assert_eq!(number(&format!("{of}/within_{name}")), within);
    }
    // What was refused has no size.
    let mut sizes = hand.sizes.clone();
    sizes.retain(|bytes| *bytes > 0);
    sizes.sort_unstable();
    assert_eq!(
        number("/sizes/mean_bytes"),
        sizes.iter().sum::<i64>() / sizes.len() as i64
    );
    near("size", number("/sizes/p50_bytes"), rank(&sizes, 0.5));
    near("size", number("/sizes/p95_bytes"), rank(&sizes, 0.95));
    let top = |of: &str| &report["top"][of]["by_messages"];
    let null = |sender: String| {
        if sender == "<>" {
            String::new()
        } else {
            sender
        }
    };
    assert_eq!(
        mails(top("senders"), |w| null(text(&w["address"]))),
        hand.senders
    );
    assert_eq!(
        mails(top("recipients"), |w| text(&w["address"])),
        hand.recipients
    );
    let pair = |w: &Value| format!("{} {}", null(text(&w["sender"])), text(&w["recipient"]));
    assert_eq!(mails(top("pairs"), pair), hand.pairs);
    let lists = &report["lists"]["lists"];
    assert_eq!(counts(lists, |l| text(&l["address"]), "uses"), hand.lists);
    assert_eq!(
        counts(lists, |l| text(&l["address"]), "members"),
        hand.members
    );
    let way = |w: &Value| {
        format!(
            "{} {} {}",
            text(&w["server"]),
            text(&w["connector"]),
            text(&w["client"])
        )
    };
    assert_eq!(
        counts(&report["connectors"]["received"], way, "messages"),
        hand.came_in
    );
    let both = |of: &Value| ["recipients", "messages"].map(|count| of[count].as_i64().unwrap());
    assert_eq!(both(&report["pending"]), hand.waiting);
    for table in ["by_age", "by_reason"] {
        let lines = list(&report["pending"][table]).iter().map(both);
        let sum = lines.fold([0, 0], |sum, line| [sum[0] + line[0], sum[1] + line[1]]);
        assert_eq!(sum[0], hand.waiting[0], "{table}");
        assert!(sum[1] >= hand.waiting[1], "{table}");
    }
    let reach = &report["connectors"]["reach"];
    let outside = [&reach["outside"], &reach["messages"]["outside"]];
    assert_eq!(outside.map(|count| count.as_i64().unwrap()), hand.outside);
    let full = list(&report["failures"]["mailboxes_full"]).iter();
    let full: BTreeMap<String, [i64; 2]> =
        full.map(|line| (text(&line["what"]), both(line))).collect();
    assert_eq!(full, hand.full);
    // Each message counts once per connector; here no host is reached by two of them.
    let way = |w: &Value| format!("{} {}", text(&w["server"]), text(&w["next_hop"]));
    assert_eq!(
        counts(&report["connectors"]["sent"], way, "messages"),
        hand.hand_overs
    );
}

#[test]
fn times_are_of_the_zone_and_limits_those_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let today = today();
    let in_berlin = |more: &[&str]| {
        let report = ["report", &today, "--tz", "Europe/Berlin"];
        waybill(&[&report[..], more].concat())
    };
    in_berlin(&["--format", "csv", "--output", &path("csv")]);
    let slowest = fs::read_to_string(folder.path().join("csv/slowest.csv")).unwrap();
    let json: Value = serde_json::from_str(&in_berlin(&["--format", "json"])).unwrap();
    let seen = json["latency"]["slowest"][0]["first_seen"]
        .as_str()
        .unwrap();
    let at: jiff::Timestamp = seen.parse().unwrap();
    let berlin = at.in_tz("Europe/Berlin").unwrap();
    let stamp = berlin.strftime("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string();
    assert!(slowest.contains(&stamp), "{stamp}: {slowest}");
    let page = in_berlin(&["--format", "html"]);
    assert!(page.contains(&stamp.replace('T', " ")), "{stamp}");
    assert!(!page.contains("Z</td>") && !page.contains("Z</dd>"));
    // A limit with no column of its own has a sentence.
    let text = in_berlin(&["--sla", "30s", "--sla", "2m"]);
    assert!(text.contains(" within 2 min 00 s."), "{text}");
    assert!(!in_berlin(&["--sla", "30s"]).contains("Service level"));
}
