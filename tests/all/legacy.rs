//! Exchange 4.0 to 2003 from outside: the simulator's truth, TrackHistory as others write it, hostile XML, real rows.
//!
//! In: simulated organisations, rows written by hand, and the samples where their folder exists. Out: what the program
//! says of them, as `paths` prints it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use waybill::simulate::{Generation, LayoutChoice, Options};

use crate::simulated::Organisation;

pub fn waybill(arguments: &[&str]) -> (String, String, i32) {
    let output = Command::new(env!("CARGO_BIN_EXE_waybill"))
        .args(arguments)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        text(output.stdout),
        text(output.stderr),
        output.status.code().unwrap(),
    )
}

pub fn paths(folder: &Path, more: &[&str]) -> Vec<Value> {
    let folder = folder.to_str().unwrap();
    let arguments = [
        &["paths", folder, "--include-probes", "--quiet", "--lenient"],
        more,
    ]
    .concat();
    let (text, errors, _) = waybill(&arguments);
    assert!(errors.is_empty(), "{errors}");
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

pub fn organisation(generation: Generation, seed: u64, messages: u64) -> Organisation {
    Organisation::new(&Options {
        seed,
        layout: LayoutChoice::Legacy(generation),
        messages_per_day: messages,
        start: (2003, 8, 12),
        servers: 4,
        users: 60,
        ..Options::default()
    })
}

/// `address status server via` of every recipient.
fn recipients(message: &Value) -> BTreeSet<String> {
    let via = |r: &Value| match &r["via"] {
        Value::Array(links) => links
            .iter()
            .find(|l| l["kind"] != "resolved")
            .map(|l| format!("{}:{}", l["kind"], l["address"])),
        _ => None,
    };
    let told = |r: &Value| {
        r["via"]
            .as_array()
            .filter(|v| v.len() == 2 && v[0].is_string())
            .map(|v| format!("{}:{}", v[0], v[1]))
    };
    let line = |r: &Value| {
        let server = if r["status"] == "unknown" {
            &Value::Null
        } else {
            &r["server"]
        };
        format!(
            "{} {} {} {}",
            r["address"],
            r["status"],
            server,
            told(r).or_else(|| via(r)).unwrap_or_default()
        )
    };
    message["recipients"]
        .as_array()
        .unwrap()
        .iter()
        .map(line)
        .collect()
}

/// Messages by every id they go by.
fn by_id(messages: &[Value]) -> BTreeMap<String, &Value> {
    let mut found = BTreeMap::new();
    for message in messages {
        let others = message["other_ids"].as_array().unwrap();
        for id in others
            .iter()
            .chain([&message["message_id"]])
            .filter_map(Value::as_str)
        {
            found.insert(plain(id), message);
        }
    }
    found
}

/// Servers of 2007 log Message-IDs with brackets, older ones without.
fn plain(id: &str) -> String {
    id.trim_matches(['<', '>']).to_lowercase()
}

/// What the program says otherwise than the truth.
fn disagreements(truth: &[Value], found: &[Value]) -> Vec<String> {
    let known = by_id(found);
    let mut lines = Vec::new();
    for told in truth {
        let id = told["message_id"].as_str().unwrap();
        let Some(message) = known.get(&plain(id)) else {
            lines.push(format!("{id}: not found"));
            continue;
        };
        let (want, have) = (recipients(told), recipients(message));
        if want != have {
            let only = |a: &BTreeSet<String>, b: &BTreeSet<String>| {
                a.difference(b).cloned().collect::<Vec<_>>()
            };
            lines.push(format!(
                "{id}: truth {:?}, program {:?}",
                only(&want, &have),
                only(&have, &want)
            ));
        }
        if told["class"] != message["class"] {
            lines.push(format!(
                "{id}: {} is called {}",
                told["class"], message["class"]
            ));
        }
    }
    if truth.len() != found.len() {
        lines.push(format!("{} messages, program {}", truth.len(), found.len()));
    }
    lines
}

#[test]
fn the_truth_of_all_generations_is_told() {
    let mut fates = BTreeSet::new();
    for generation in [
        Generation::Old,
        Generation::New,
        Generation::Both,
        Generation::Newer,
    ] {
        for seed in [1, 2] {
            let organisation = organisation(generation, seed, 400);
            let (truth, found) = (organisation.truth(), paths(organisation.path(), &[]));
            let lines = disagreements(&truth, &found);
            let first = lines.iter().take(8).cloned().collect::<Vec<_>>().join("\n");
            assert!(
                lines.is_empty(),
                "{generation:?} {seed}: {} lines\n{first}",
                lines.len()
            );
            let all = truth
                .iter()
                .flat_map(|told| told["recipients"].as_array().unwrap());
            fates.extend(all.map(|recipient| recipient["status"].to_string()));
        }
    }
    assert_eq!(fates.len(), 10, "every end is in the truth: {fates:?}");
}

#[test]
fn chunks_and_windows_change_nothing() {
    let organisation = organisation(Generation::Both, 3, 300);
    let want = paths(organisation.path(), &[]);
    for more in [
        &["--chunk-bytes", "700"][..],
        &["--window-bytes", "20000", "--chunk-bytes", "3000"],
        &["--threads", "1"],
    ] {
        let found = paths(organisation.path(), more);
        assert_eq!(want.len(), found.len(), "{more:?}");
        for (a, b) in want.iter().zip(&found) {
            assert_eq!(a, b, "{more:?}");
        }
    }
}

/// Read with the strictness of browsers, which show nothing at all of a stylesheet that is not well formed.
#[test]
fn the_stylesheets_can_be_used() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("data");
    let xsl = std::fs::read(data.join("trackhistory.xsl")).unwrap();
    let mut reader = quick_xml::Reader::from_reader(&xsl[..]);
    reader.config_mut().check_comments = true;
    while reader.read_event().unwrap() != quick_xml::events::Event::Eof {}
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("trackhistory.xsl"), &xsl).unwrap();
    let page = folder.path().join("page.xml");
    let given = data.join("1998");
    let arguments = ["trace", given.to_str().unwrap(), "--recipient", "*PILOTS"];
    let output = [
        "--format",
        "xml",
        "--stylesheet",
        "trackhistory.xsl",
        "--output",
    ];
    waybill(&[&arguments[..], &output, &[page.to_str().unwrap()]].concat());
    // Every element that is written has a style: what has none stands in the page without a label.
    let css = std::fs::read_to_string(data.join("trackhistory.css")).unwrap();
    let xml = std::fs::read_to_string(&page).unwrap();
    for name in xml
        .split('<')
        .filter_map(|tag| tag.split(['>', ' ']).next())
    {
        let is_element = name.starts_with(|c: char| c.is_ascii_uppercase());
        assert!(!is_element || css.contains(name), "{name}");
    }
    if let Ok(shown) = Command::new("xsltproc").arg(&page).output() {
        let shown = String::from_utf8(shown.stdout).unwrap();
        assert!(shown.contains("11 events, all times UTC"), "{shown}");
        assert!(shown.contains("26 list expanded") && shown.contains("dev@home.example"));
    }
}

const ENTRY: &str = "<Exchange_MessageTrackingEntry><TimeLogged>2002-2-6 16:50:23</TimeLogged><MessageID>a@b</MessageID>\
    <EntryType>1028</EntryType><ServerName>ex</ServerName><Recipients><Recipient><RecipientAddress> x&amp;y@b </RecipientAddress>\
    </Recipient></Recipients></Exchange_MessageTrackingEntry>";

/// `paths` of one file with these bytes: the answer, what was said, the status.
fn one_file(bytes: &[u8]) -> (String, String, i32) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("history.xml"), bytes).unwrap();
    waybill(&["paths", folder.path().to_str().unwrap()])
}

#[test]
fn hostile_xml_is_refused_with_a_word() {
    let bomb = format!(
        "<!DOCTYPE TrackHistory [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><TrackHistory>{ENTRY}</TrackHistory>"
    );
    let outside = format!(
        "<!DOCTYPE TrackHistory SYSTEM \"file:///etc/passwd\"><TrackHistory>{ENTRY}</TrackHistory>"
    );
    for text in [bomb, outside] {
        let (answer, said, status) = one_file(text.as_bytes());
        assert!(
            answer.is_empty() && status >= 2 && said.contains("document type"),
            "{status} {said}"
        );
    }
    let deep = ENTRY.replace("2002-2-6", &"<a>".repeat(100_000));
    for bad in [
        deep,
        ENTRY.replace("&amp;", "&undefined;"),
        ENTRY.replace("</EntryType>", "</Other>"),
    ] {
        let (answer, said, status) =
            one_file(format!("<TrackHistory>{bad}{ENTRY}</TrackHistory>").as_bytes());
        assert_eq!((answer.lines().count(), status), (1, 3), "{said}");
        assert!(said.contains("well-formed"), "{said}");
    }
}

#[test]
fn encodings_are_those_declared_or_marked() {
    let text = format!(
        "<TrackHistory>{}</TrackHistory>",
        ENTRY.replace("x&amp;y", "m\u{fc}ller")
    );
    let utf16: Vec<u8> = std::iter::once(0xfeff)
        .chain(text.encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    let latin: Vec<u8> = format!("<?xml version='1.0' encoding='iso-8859-1'?>{text}")
        .chars()
        .map(|c| c as u8)
        .collect();
    for bytes in [
        text.clone().into_bytes(),
        format!("\u{feff}{text}").into_bytes(),
        utf16,
        latin,
    ] {
        let (answer, said, status) = one_file(&bytes);
        assert_eq!(status, 0, "{said}");
        assert!(answer.contains("m\u{fc}ller@b"), "{answer}");
    }
    let (_, said, _) =
        one_file(format!("<?xml version='1.0' encoding='no-such'?>{text}").as_bytes());
    assert!(said.contains("encoding is not known"), "{said}");
}

/// Real rows, where they are at hand.
#[test]
fn real_rows_tell_their_story() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/samples/legacy");
    if !samples.is_dir() {
        return;
    }
    let one = |name: &str| paths(&samples.join(name), &[]);
    let four = one("40-four-records-tabs-inferred.log");
    assert_eq!((four.len(), &four[0]["rows"]), (1, &Value::from(4)));
    let statuses: Vec<&str> = four[0]["recipients"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|r| r["status"].as_str())
        .collect();
    assert_eq!(statuses, ["delivered", "transferred"]);
    assert_eq!(one("55-exact-one-record.log")[0]["class"], "system");
    assert_eq!(one("2003-two-lines.log").len(), 2);
    let history = one("trackhistory-example.xml");
    assert_eq!(history[0]["recipients"].as_array().unwrap().len(), 2);
    let header = std::fs::read(samples.join("2003-header.txt")).unwrap();
    let rows = std::fs::read(samples.join("2003-one-line.log")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.log"), [header, rows].concat()).unwrap();
    let (event, ..) = waybill(&["events", folder.path().to_str().unwrap()]);
    assert!(
        event.contains("\"offset\":338,"),
        "the offset that the SDK's example names: {event}"
    );
}

/// What is reported about a message that no row ties to an MTS-ID is still about that message.
#[test]
fn a_report_of_2003_joins_the_message_it_is_about() {
    let row = |second: u32, event: u32, status: u32| {
        format!(
            "2003-8-12\t0:58:{second} GMT\t203.0.113.69\tmx.example\t-\tEX01\t192.168.1.2\tx@corp.example\t{event}\t\
             m1@remote.example\t0\t{status}\t4281\t1\t2003-8-12 0:58:14 GMT\t0\tVersion: 6.0\t-\tHello\ts@remote.example\t-\n"
        )
    };
    let folder = tempfile::tempdir().unwrap();
    let log = [row(14, 1019, 0), row(20, 34, 1)].concat();
    std::fs::write(folder.path().join("20030812.log"), log).unwrap();
    let found = paths(folder.path(), &[]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0]["rows"], 2);
    assert_eq!(found[0]["recipients"][0]["status"], "failed");
}

/// A report that the row of what failed names is a message of its own, tied both ways, and no other id of the original.
#[test]
fn a_failure_of_2003_names_its_report() {
    let row = |second: u32, event: u32, to: &str, id: &str, linked: &str| {
        format!(
            "2003-8-12\t0:58:{second} GMT\t-\t-\t-\tEX01\t-\t{to}\t{event}\t{id}@corp.example\t0\t0\t4281\t1\t\
             2003-8-12 0:58:14 GMT\t0\tVersion: 6.0\t{linked}\tHello\tann@corp.example\t-\n"
        )
    };
    let folder = tempfile::tempdir().unwrap();
    let log = [
        row(14, 1019, "x@remote.example", "M1", "-"),
        row(20, 1030, "x@remote.example", "M1", "DSN1@corp.example"),
        row(21, 1019, "ann@corp.example", "DSN1", "-"),
    ];
    std::fs::write(folder.path().join("20030812.log"), log.concat()).unwrap();
    let found = paths(folder.path(), &[]);
    let told = found
        .iter()
        .map(|path| (&path["other_ids"], &path["related"]));
    let tie = |kind: &str, id: &str| {
        let id = format!("{id}@corp.example");
        serde_json::json!([{"kind": kind, "message_id": id, "inferred": true}])
    };
    assert_eq!(
        told.collect::<Vec<_>>(),
        [
            (&serde_json::json!([]), &tie("report", "DSN1")),
            (&serde_json::json!([]), &tie("report-of", "M1"))
        ]
    );
}

/// Two reports about one message, under ids of their own: all is told of the one message.
#[test]
fn two_reports_of_5_5_are_about_one_message() {
    let about = "C=US;A= ;P=CORP;L=EX01-020425175433Z-7";
    let record = |id: &str, second: u32| {
        format!(
            "{id}\t1005\t2002.4.25 17:55:{second}\t/o=CORP/ou=HQ/cn=Configuration/cn=Connections/cn=IMC\tgw.example\t\t\
             s@remote.example\t0\t800\t0\t0\t{about}\t1\n/o=CORP/ou=HQ/cn=Recipients/cn=ANN\n\n"
        )
    };
    let folder = tempfile::tempdir().unwrap();
    let log = [record("r1@gw.example", 1), record("r2@gw.example", 2)].concat();
    std::fs::write(folder.path().join("20020425.log"), log).unwrap();
    let found = paths(folder.path(), &[]);
    let originals = found.iter().filter(|path| path["class"] != "report");
    assert_eq!(originals.count(), 1, "{found:#?}");
}

/// The connector and the MTA write the id of one report in different cases.
#[test]
fn a_report_whose_id_is_written_in_two_ways_is_named_once() {
    let (about, report) = (
        "c=NO;a= ;p=FJORD;l=HERON-981117091203Z-31",
        "c=NO;a= ;p=FJORD;l=HERON-981117091203Z-9",
    );
    let about_it = |id: &str, about: &str, event: u32, second: u32| {
        format!(
            "{id}\t{event}\t1998.11.17 9:12:{second}\t/o=FJORD/ou=HARBOUR/cn=Configuration/cn=Connections/\
             cn=MS Mail Connector (HERON)\t\t\t/o=FJORD/ou=HARBOUR/cn=Recipients/cn=ADA\t0\t1000\t0\t0\t{about}\t1\n\
             /o=FJORD/ou=HILL/cn=Recipients/cn=BRAM\t1\n\n"
        )
    };
    let folder = tempfile::tempdir().unwrap();
    let log = [
        record(4, 1, &["BRAM"]),
        about_it(report, about, 1007, 2),
        about_it(&report.to_uppercase(), &about.to_uppercase(), 10, 3),
    ];
    write_heron(folder.path(), "logs", &log.concat());
    let found = paths(folder.path(), &[]);
    let ties = |path: &Value| path["related"].as_array().unwrap().len();
    assert_eq!(found.iter().map(ties).collect::<Vec<_>>(), [1, 1]);
}

/// The row that queues a message for the Internet names where it goes, which is not where it came from.
#[test]
fn what_is_queued_did_not_come_from_where_it_goes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/1998");
    let found = paths(&folder, &["--recipient", "dev@home.example"]);
    let hops = found[0]["hops"].as_array().unwrap();
    let edge = hops.iter().find(|hop| hop["role"] == "edge").unwrap();
    assert_eq!(
        (&edge["from"], &edge["to"]),
        (&Value::Null, &Value::from("mail.home.example"))
    );
    let folder = folder.to_str().unwrap();
    let (text, ..) = waybill(&["trace", folder, "--recipient", "dev@home.example", "--rows"]);
    let (_, queued) = text.split_once(" 1010 dev@home.example").unwrap();
    assert!(
        queued
            .lines()
            .nth(1)
            .unwrap()
            .ends_with("mail.home.example"),
        "{queued}"
    );
}

/// The example of the README: a list expanded on a second server, and a rule of one member.
#[test]
fn the_worked_example_is_told_by_any_form_of_its_id() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/1998");
    for id in [
        "c=NO;a= ;p=FJORD;l=HERON-981117091203Z-31",
        "/C=NO/A= /P=FJORD/L=HERON-981117091203Z-31",
        "<c=NO%a=_%p=FJORD%l=HERON-981117091203Z-31@heron.fjord.example>",
    ] {
        let found = paths(&folder, &["--message-id", id]);
        assert_eq!(found.len(), 1, "{id}");
        let name = |n: &str, site: &str| format!("/o=fjord/ou={site}/cn=recipients/cn={n}");
        let list = name("pilots", "hill");
        let dev = name("dev", "harbour");
        let want: BTreeSet<String> = [
            format!("\"{list}\" \"expanded\" \"kestrel\" "),
            format!(
                "\"{}\" \"delivered\" \"kestrel\" \"expanded\":\"{list}\"",
                name("bram", "hill")
            ),
            format!(
                "\"{}\" \"delivered\" \"heron\" \"expanded\":\"{list}\"",
                name("chloe", "harbour")
            ),
            format!("\"{dev}\" \"delivered\" \"heron\" \"expanded\":\"{list}\""),
            format!("\"dev@home.example\" \"transferred\" \"heron\" \"redirected\":\"{dev}\""),
        ]
        .into();
        assert_eq!(recipients(&found[0]), want, "{id}");
    }
    // A report is tied both ways to what it is about.
    let all = paths(&folder, &[]);
    let kinds: BTreeSet<String> = all
        .iter()
        .flat_map(|m| m["related"].as_array().unwrap())
        .map(|r| r["kind"].to_string())
        .collect();
    assert_eq!(
        kinds,
        ["\"report\"".to_string(), "\"report-of\"".to_string()].into()
    );
}

/// One record may begin another that is none of its copies: the last bytes of a record are a name.
#[test]
fn names_that_begin_names_are_all_delivered() {
    let log = |names: &[&str]| {
        let deliver = names.iter().map(|name| record(9, 5, &[name]));
        [record(4, 3, names), deliver.collect()].concat()
    };
    let users: Vec<String> = (1..=12).map(|n| format!("USER{n}")).collect();
    let users: Vec<&str> = users.iter().map(String::as_str).collect();
    for names in [users, vec!["ANN", "ANNA"], vec!["ANNA", "ANN"]] {
        for line_break in ["\n", "\r\n"] {
            let log = log(&names).replace('\n', line_break);
            // Whole, and a copy that ends behind the last name.
            let copy = &log[..log.len() - 2 * line_break.len()];
            for (logs, twice) in [
                (vec![log.as_str()], 0),
                (vec![&log, copy], names.len() + 1),
                (vec![copy, &log], names.len() + 1),
            ] {
                let folder = tempfile::tempdir().unwrap();
                for (at, log) in logs.iter().enumerate() {
                    write_heron(folder.path(), &at.to_string(), log);
                }
                let case = format!("{names:?} {logs:?}");
                let found = paths(folder.path(), &[]);
                assert_eq!(found.len(), 1, "{case}");
                assert_eq!(found[0]["rows"], names.len() + 1, "{case}");
                let told = recipients(&found[0]);
                assert_eq!(told.len(), names.len(), "{case}");
                let is_delivered = |line: &String| line.contains(" \"delivered\" ");
                assert!(told.iter().all(is_delivered), "{told:?} {case}");
                assert_eq!(rows_twice(folder.path()), [twice as u64; 2], "{case}");
            }
        }
    }
}

/// What `report` and `check` count as collected twice.
fn rows_twice(folder: &Path) -> [u64; 2] {
    let folder = folder.to_str().unwrap();
    let report = ["report", folder, "--format", "json", "--quiet", "--lenient"];
    let check = ["check", folder, "--format", "json", "--quiet"];
    [&report[..], &check[..]].map(|arguments| {
        let told: Value = serde_json::from_str(&waybill(arguments).0).unwrap();
        told["inputs"]["rows_twice"].as_u64().unwrap()
    })
}

/// A torn copy that was itself collected twice is counted once for each.
#[test]
fn two_copies_that_end_inside_a_record_count_once_each() {
    let log = heron();
    let cut = log.rfind("CHLOE").unwrap() + 2;
    let folder = tempfile::tempdir().unwrap();
    for (name, log) in [("a", &log[..]), ("b", &log[..cut]), ("c", &log[..cut])] {
        write_heron(folder.path(), name, log);
    }
    assert_eq!(rows_twice(folder.path()), [4, 4]);
}

/// A record of a 5.5 server about ADA's one message.
fn record(event: u32, second: u32, to: &[&str]) -> String {
    let names = to
        .iter()
        .map(|to| format!("/o=FJORD/ou=HILL/cn=Recipients/cn={to}\n"));
    format!(
        "c=NO;a= ;p=FJORD;l=HERON-981117091203Z-31\t{event}\t1998.11.17 9:12:{second}\t\t/o=FJORD/ou=HARBOUR/\
         cn=Configuration/cn=Servers/cn=HERON/cn=Microsoft Private MDB\t\t/o=FJORD/ou=HARBOUR/cn=Recipients/cn=ADA\
         \t0\t2100\t0\t0\t\t{}\n{}\n",
        to.len(),
        names.collect::<String>()
    )
}

/// Writes a log of HERON into a folder of this name.
fn write_heron(folder: &Path, name: &str, log: &str) {
    let folder = folder.join(name).join("HERON");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("19981117.log"), log).unwrap();
}

/// The log of a 5.5 server whose last record names two recipients.
fn heron() -> String {
    [
        record(4, 3, &["BRAM", "CHLOE"]),
        record(9, 5, &["BRAM", "CHLOE"]),
    ]
    .concat()
}

/// A log was copied while it was written, and once more later: the first copy ends inside a record.
#[test]
fn a_copy_that_ends_inside_a_record_adds_nothing() {
    let event = |second: u32, to: &str| {
        format!(
            "2003-8-12\t0:58:{second} GMT\t203.0.113.69\tmx.example\t-\tEX01\t192.168.1.2\t{to}\t1028\tm1@remote.example\t0\t0\t\
             4281\t2\t2003-8-12 0:58:14 GMT\t0\tVersion: 6.0\t-\tHello\ts@remote.example\t-\n"
        )
    };
    let heads = "# Message Tracking Log File\n# Date\tTime\tclient-ip\tClient-hostname\tPartner-Name\tServer-hostname\t\
                 server-IP\tRecipient-Address\tEvent-ID\tMSGID\tPriority\tRecipient-Report-Status\ttotal-bytes\t\
                 Number-Recipients\tOrigination-Time\tEncryption\tservice-Version\tLinked-MSGID\tMessage-Subject\tSender-Address\n";
    let of_2003 = [
        heads.to_string(),
        event(14, "z@corp.example"),
        event(15, "a@corp.example"),
        event(15, "b@corp.example"),
    ];
    let between = of_2003[..3].concat().len();
    let of_2003 = of_2003.concat();
    let lf = heron();
    let crlf = lf.replace('\n', "\r\n");
    // Inside the last name, behind it, and behind the first of two.
    let cuts = |log: &str| {
        let last = log.rfind("CHLOE").unwrap();
        vec![
            last,
            last + 2,
            last + 5,
            log[..last].rfind("/o=FJORD/ou=HILL").unwrap(),
        ]
    };
    for (log, cuts) in [
        (&lf, cuts(&lf)),
        (&crlf, cuts(&crlf)),
        (&of_2003, vec![between]),
    ] {
        for cut in cuts {
            for (whole, part) in [("a", "b"), ("b", "a")] {
                let folder = tempfile::tempdir().unwrap();
                let write = |name: &str, text: &str| write_heron(folder.path(), name, text);
                write(whole, log);
                let alone = paths(folder.path(), &[]);
                write(part, &log[..cut]);
                let both = paths(folder.path(), &[]);
                let case = format!("{:?} in {part}", &log[cut - 20..cut]);
                assert_eq!((alone.len(), both.len()), (1, 1), "{case}");
                assert_eq!(recipients(&both[0]), recipients(&alone[0]), "{case}");
                assert_eq!(both[0]["rows"], alone[0]["rows"], "{case}");
                assert_eq!(rows_twice(folder.path()), [2, 2], "{case}");
            }
        }
    }
}

/// Address, fate and way of the recipients of ADA's message, distinguished names by their last part.
fn ends(log: &[String]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    write_heron(folder.path(), "logs", &log.concat());
    let found = paths(folder.path(), &[]);
    let last = |address: &serde_json::Value| {
        let address = address.as_str().unwrap().to_string();
        address.rsplit('=').next().unwrap().to_string()
    };
    let mail = found.iter().find(|path| path["class"] == "mail").unwrap();
    let told = mail["recipients"].as_array().unwrap().iter().map(|r| {
        let via = r["via"].as_array().unwrap().iter();
        let via: Vec<_> = via.map(|v| last(&v["address"])).collect();
        format!(
            "{} {} {}",
            last(&r["address"]),
            r["status"].as_str().unwrap(),
            via.join(" ")
        )
    });
    told.collect()
}

/// Rows of another message, hours later: the log goes on.
fn later() -> String {
    record(4, 3, &["DORA"])
        .replace(" 9:12:", " 19:12:")
        .replace("Z-31", "Z-99")
}

#[test]
fn of_several_recipients_and_lists_those_are_lists_that_vanish() {
    // One goes on to another server, the list does not.
    assert_eq!(
        ends(&[
            record(4, 1, &["SALES", "ZOE"]),
            record(26, 2, &["BRAM", "CHLOE"]),
            record(7, 3, &["ZOE"]),
            record(9, 4, &["BRAM", "CHLOE"]),
            later(),
        ]),
        [
            "sales expanded ",
            "zoe unknown ",
            "bram delivered sales",
            "chloe delivered sales"
        ]
    );
    // It went on before the list was opened.
    assert_eq!(
        ends(&[
            record(4, 1, &["SALES", "ZOE"]),
            record(7, 2, &["ZOE"]),
            record(26, 3, &["BRAM", "CHLOE"]),
            record(9, 4, &["BRAM", "CHLOE"]),
            later(),
        ]),
        [
            "sales expanded ",
            "zoe unknown ",
            "bram delivered sales",
            "chloe delivered sales"
        ]
    );
    // Two lists: both were opened, and which is whose, no row tells.
    assert_eq!(
        ends(&[
            record(4, 1, &["SALES", "MGMT"]),
            record(26, 2, &["BRAM"]),
            record(26, 3, &["CHLOE"]),
            record(9, 4, &["BRAM", "CHLOE"]),
            later(),
        ]),
        [
            "sales expanded ",
            "mgmt expanded ",
            "bram delivered ",
            "chloe delivered "
        ]
    );
}

/// A report says by its status whether it is about a delivery (0) or a failure (1); without one it does not say.
#[test]
fn a_receipt_fails_nobody() {
    let report = |status: &str| {
        let about = "c=NO;a= ;p=FJORD;l=HERON-981117091203Z-31";
        let report = record(2, 5, &["BRAM"]).replace(
            &format!("{about}\t2"),
            "c=NO;a= ;p=FJORD;l=OTTER-981117091209Z-7\t2",
        );
        let report = report.replace("\t0\t0\t\t1\n", &format!("\t0\t0\t{about}\t1\n"));
        report.replace("cn=BRAM\n", &format!("cn=BRAM{status}\n"))
    };
    let told = |status: &str| {
        ends(&[
            record(4, 1, &["BRAM", "CHLOE"]),
            record(9, 2, &["CHLOE"]),
            record(7, 3, &["BRAM"]),
            report(status),
            later(),
        ])
    };
    for (status, fate) in [("\t1", "failed"), ("\t0", "unknown"), ("", "unknown")] {
        assert_eq!(
            told(status),
            [format!("bram {fate} "), "chloe delivered ".into()],
            "{status:?}"
        );
    }
}

/// A directory entry for somebody outside: a distinguished name inside, an SMTP address from the connector on.
#[test]
fn a_custom_recipient_beside_others_is_one_recipient() {
    let outside = |record: String| record.replace("/o=FJORD/ou=HILL/cn=Recipients/cn=kim", "kim");
    assert_eq!(
        ends(&[
            record(4, 1, &["KIMOUT", "BRAM"]),
            record(9, 2, &["BRAM"]),
            record(7, 3, &["KIMOUT"]),
            outside(record(1010, 4, &["kim@far.test"])),
            outside(record(1011, 5, &["kim@far.test"])),
            later(),
        ]),
        ["bram delivered ", "kim@far.test transferred kimout"]
    );
}

/// An X.400 address has semicolons, which part no list here.
#[test]
fn an_x_400_address_is_one_recipient() {
    let x400 = |record: String| record.replace("/o=FJORD/ou=HILL/cn=Recipients/cn=c=US", "c=US");
    assert_eq!(
        ends(&[
            x400(record(4, 1, &["c=US;a= ;p=ACME;s=old;"])),
            record(26, 2, &["BRAM", "CHLOE"]),
            record(9, 3, &["BRAM", "CHLOE"]),
            later(),
        ]),
        [
            "old; expanded ",
            "bram delivered old;",
            "chloe delivered old;"
        ]
    );
}

/// A probe asks whether mail would arrive: none is waited for.
#[test]
fn x_400_probes_are_no_mail() {
    let record = |id: u32, event: u32, second: u32| {
        format!(
            "c=NO;a= ;p=FJORD;l=HERON-981117091203Z-{id}\t{event}\t1998.11.17 9:12:{second}\t\t\t\t\
             /o=FJORD/ou=HARBOUR/cn=Recipients/cn=ADA\t0\t0\t0\t0\t\t1\n/o=FJORD/ou=HILL/cn=Recipients/cn=BRAM\n\n"
        )
    };
    let folder = tempfile::tempdir().unwrap();
    // What a report answers makes no mail of the question.
    let answer = record(9, 2, 6).replace(
        "\t0\t0\t\t1\n",
        "\t0\t0\tc=NO;a= ;p=FJORD;l=HERON-981117091203Z-2\t1\n",
    );
    let answer = answer.replace("cn=BRAM\n", "cn=BRAM\t1\n");
    assert!(answer.contains("Z-2\t1\n") && answer.contains("BRAM\t1"));
    let log = [
        record(1, 5, 1),
        record(1, 6, 2),
        record(2, 1, 3),
        answer,
        record(3, 4, 4),
        record(3, 5, 5),
    ]
    .concat();
    std::fs::write(folder.path().join("19981117.log"), log).unwrap();
    let class = |path: &Value| path["class"].as_str().unwrap().to_string();
    let found: Vec<String> = paths(folder.path(), &[]).iter().map(class).collect();
    assert_eq!(found, ["probe", "probe", "mail", "report"]);
}

/// Outlook hands a message in to distinguished names, and 2003 goes on with their SMTP addresses.
#[test]
fn whom_outlook_names_is_no_second_recipient() {
    let log = |rows: &[(&str, u32)]| {
        let mut log = String::from(
            "# Message Tracking Log File\n# Exchange System Attendant Version 6.5.7638.1\n# Date\tTime\tclient-ip\t\
             Client-hostname\tPartner-Name\tServer-hostname\tserver-IP\tRecipient-Address\tEvent-ID\tMSGID\tPriority\t\
             Recipient-Report-Status\ttotal-bytes\tNumber-Recipients\tOrigination-Time\tEncryption\tservice-Version\t\
             Linked-MSGID\tMessage-Subject\tSender-Address\n",
        );
        for (to, event) in rows.iter().chain(&[("later@heron.test", 1028)]) {
            let id = if to.starts_with("later") { "L1" } else { "M1" };
            let hour = if id == "L1" { 20 } else { 10 };
            log += &format!(
                "2005-3-2\t{hour}:0:{} GMT\t-\t-\t-\tHERON\t-\t{to}\t{event}\t{id}@heron.test\t0\t0\t2000\t1\t\
                 2005-3-2 10:0:0 GMT\t0\t-\t-\tHello\tann@heron.test\t-\n",
                match event {
                    1027 => 0,
                    1019 => 1,
                    26 | 1042 => 2,
                    _ => 3,
                }
            );
        }
        log
    };
    let told = |rows: &[(&str, u32)]| {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("heron.log")).unwrap();
        std::fs::write(folder.path().join("heron.log/20050302.log"), log(rows)).unwrap();
        let found = paths(folder.path(), &["--message-id", "M1@heron.test"]);
        let recipients = found[0]["recipients"].as_array().unwrap();
        let told = recipients.iter().map(|r| {
            let via = r["via"].as_array().unwrap().iter();
            let via: Vec<_> = via.map(|v| v["address"].as_str().unwrap()).collect();
            let [who, fate] = ["address", "status"].map(|key| r[key].as_str().unwrap());
            format!("{who} {fate} {}", via.join(" "))
        });
        told.collect::<Vec<String>>()
    };
    let (team, bob) = (
        "/o=heron/ou=one/cn=recipients/cn=team",
        "/o=heron/ou=one/cn=recipients/cn=bob",
    );
    assert_eq!(
        told(&[
            (team, 1027),
            ("team@heron.test", 1019),
            ("bob@heron.test", 26),
            ("cat@heron.test", 26),
            ("bob@heron.test", 1028),
            ("cat@heron.test", 1028),
        ]),
        [
            format!("team@heron.test expanded {team}"),
            format!("bob@heron.test delivered team@heron.test {team}"),
            format!("cat@heron.test delivered team@heron.test {team}"),
        ]
    );
    assert_eq!(
        told(&[
            (bob, 1027),
            ("bob@heron.test", 1019),
            ("eve@heron.test", 1042),
            ("eve@heron.test", 1028),
        ]),
        [
            format!("bob@heron.test redirected {bob}"),
            format!("eve@heron.test delivered bob@heron.test {bob}"),
        ]
    );
    // Who waits for another try is not the list that was opened.
    assert_eq!(
        told(&[
            ("team@heron.test", 1019),
            ("zoe@heron.test", 1019),
            ("bob@heron.test", 26),
            ("bob@heron.test", 1028),
            ("zoe@heron.test", 1037),
        ]),
        [
            "team@heron.test expanded ",
            "zoe@heron.test pending ",
            "bob@heron.test delivered team@heron.test",
        ]
    );
    // Somebody outside, whom Outlook names as all others do, does not hide who is who; nor does a list of another name.
    let (bjones, crew) = (bob.replace("bob", "bjones"), team.replace("team", "crew"));
    assert_eq!(
        told(&[
            (&bjones, 1027),
            ("kim@far.test", 1027),
            ("bob@heron.test", 1019),
            ("kim@far.test", 1019),
            ("bob@heron.test", 1028),
            ("kim@far.test", 1028),
        ]),
        [
            "kim@far.test delivered ".to_string(),
            format!("bob@heron.test delivered {bjones}"),
        ]
    );
    assert_eq!(
        told(&[
            (&crew, 1027),
            ("team@heron.test", 1019),
            ("bob@heron.test", 26),
            ("bob@heron.test", 1028),
        ]),
        [
            format!("team@heron.test expanded {crew}"),
            format!("bob@heron.test delivered team@heron.test {crew}"),
        ]
    );
    // The categorizer does not always log what it makes of an address.
    assert_eq!(
        told(&[("info@heron.test", 1019), ("bob@heron.test", 1028)]),
        ["bob@heron.test delivered info@heron.test"]
    );
    assert_eq!(
        told(&[
            (&crew, 1027),
            ("team@heron.test", 1019),
            ("bob@heron.test", 1028),
            ("cat@heron.test", 1028),
        ]),
        [
            format!("team@heron.test expanded {crew}"),
            format!("bob@heron.test delivered team@heron.test {crew}"),
            format!("cat@heron.test delivered team@heron.test {crew}"),
        ]
    );
    assert_eq!(
        told(&[
            ("info@heron.test", 1019),
            ("zoe@heron.test", 1019),
            ("bob@heron.test", 1028),
            ("zoe@heron.test", 1037),
        ]),
        [
            "zoe@heron.test pending ",
            "bob@heron.test delivered info@heron.test",
        ]
    );
    // Which is which, no row tells: both are replaced, neither waits.
    let (one, two) = (format!("{bob}smith2"), format!("{bob}2"));
    assert_eq!(
        told(&[
            (&one, 1027),
            (&two, 1027),
            ("b.smith@heron.test", 1019),
            ("b.kline@heron.test", 1019),
            ("b.smith@heron.test", 1028),
            ("b.kline@heron.test", 1028),
        ]),
        [
            format!("{one} redirected "),
            format!("{two} redirected "),
            "b.smith@heron.test delivered ".into(),
            "b.kline@heron.test delivered ".into(),
        ]
    );
}

/// `address status via` of every recipient.
fn fates(message: &Value) -> impl Iterator<Item = String> {
    message["recipients"].as_array().unwrap().iter().map(|r| {
        let [who, fate] = ["address", "status"].map(|key| r[key].as_str().unwrap());
        let via = r["via"].as_array().unwrap().iter();
        let via: Vec<_> = via.map(|v| v["address"].as_str().unwrap()).collect();
        format!("{who} {fate} {}", via.join(" "))
    })
}

/// A list goes to another server and comes back as its members: what was delivered in between had not come back.
#[test]
fn what_was_delivered_before_a_list_came_back_was_not_received_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let log = [
        record(4, 1, &["BRAM", "LIST"]),
        record(9, 2, &["BRAM"]),
        record(7, 2, &["LIST"]),
        record(0, 5, &["CHLOE"]),
        record(9, 6, &["CHLOE"]),
    ];
    write_heron(folder.path(), "logs", &log.concat());
    let found = paths(folder.path(), &[]);
    let hops = found[0]["hops"].as_array().unwrap().iter();
    let deliveries = hops.filter(|hop| hop["role"] == "delivery");
    let second = |time: &Value| time.as_str().map(|time| time[17..19].to_owned());
    let times = deliveries.map(|hop| (second(&hop["received"]), second(&hop["sent"])));
    assert_eq!(
        times.collect::<Vec<_>>(),
        [
            (None, Some("02".to_owned())),
            (Some("05".to_owned()), Some("06".to_owned()))
        ]
    );
}

/// One server makes of an address what goes on to the next: that the next one's log is read, or is not, changes neither who
/// it was nor that it left.
#[test]
fn what_a_server_of_2003_made_of_an_address_is_known_beside_the_next_ones_log() {
    let row = |server: &str, second: u32, to: &str, event: u32, partner: &str| {
        format!(
            "2005-3-2\t10:0:{second} GMT\t-\t-\t{partner}\t{server}\t-\t{to}@heron.test\t{event}\tM1@heron.test\t0\t0\t2000\t1\t\
             2005-3-2 10:0:0 GMT\t0\t-\t-\tHello\tann@heron.test\t-\n"
        )
    };
    let told = |logs: &[(&str, &str)]| {
        let folder = tempfile::tempdir().unwrap();
        for (server, log) in logs {
            let log = format!(
                "# Message Tracking Log File\n# Exchange System Attendant Version 6.5.7638.1\n{log}"
            );
            std::fs::create_dir(folder.path().join(format!("{server}.log"))).unwrap();
            std::fs::write(
                folder.path().join(format!("{server}.log/20050302.log")),
                log,
            )
            .unwrap();
        }
        let found = paths(folder.path(), &[]);
        assert_eq!(found.len(), 1, "{found:#?}");
        let told = fates(&found[0]);
        told.map(|told| told.replace("@heron.test", ""))
            .collect::<Vec<_>>()
    };
    let goes_on = |from: &str, to: &[&str]| {
        let on = to.iter().map(|to| row("NEW1", 3, to, 1031, "NEW2"));
        row("NEW1", 1, from, 1019, "-") + &on.collect::<String>()
    };
    let arrives =
        |at: &str, of: &str| row("NEW2", 4, at, 1019, "-") + &row("NEW2", 5, of, 1028, "-");
    assert_eq!(
        told(&[
            ("NEW1", &goes_on("info", &["bob"])),
            ("NEW2", &arrives("bob", "bob"))
        ]),
        ["bob delivered info"]
    );
    // The second server does it.
    assert_eq!(
        told(&[
            ("NEW1", &goes_on("info", &["info"])),
            ("NEW2", &arrives("info", "bob"))
        ]),
        ["bob delivered info"]
    );
    // Each does it once.
    assert_eq!(
        told(&[
            ("NEW1", &goes_on("info", &["help"])),
            ("NEW2", &arrives("help", "bob"))
        ]),
        ["bob delivered help info"]
    );
    // A list, whose members went on to a server whose log is not there.
    assert_eq!(
        told(&[("NEW1", &goes_on("team", &["bob", "cat"]))]),
        ["team expanded ", "bob unknown team", "cat unknown team"]
    );
}

/// The Internet Mail Service gives to a server of 2003, under the name that mail has outside: nobody has left, and nobody is
/// counted twice.
#[test]
fn what_the_internet_mail_service_gives_to_a_newer_server_stays_inside() {
    const OUTER: &str = "c=NO%a=_%p=FJORD%l=HERON-981117091203Z-31@heron.fjord.test";
    let hands_over = |to: &str| {
        format!(
            "c=NO;a= ;p=FJORD;l=HERON-981117091203Z-31\t1011\t1998.11.17 9:12:3\t/o=FJORD/ou=HARBOUR/cn=Configuration/\
             cn=Connections/cn=Internet Mail Connector (HERON)\t{to}\t<{OUTER}>[P]\t\
             /o=FJORD/ou=HARBOUR/cn=Recipients/cn=ADA\t0\t1000\t0\t0\t\t1\n\
             IMCEAEX-_O=FJORD_OU=HILL_cn=Recipients_cn=BRAM@fjord.test\n\n"
        )
    };
    let newer = |event: u32, second: u32| {
        format!(
            "1998-11-17\t9:12:{second} GMT\t-\theron\t-\tNEW1\t-\tbram@fjord.test\t{event}\t{OUTER}\t0\t0\t1000\t1\t\
             1998-11-17 9:12:1 GMT\t0\tVersion: 6.0\t-\tHello\tada@fjord.test\t-\n"
        )
    };
    let told = |host: &str| {
        let folder = tempfile::tempdir().unwrap();
        write_heron(
            folder.path(),
            "logs",
            &[record(4, 1, &["BRAM"]), hands_over(host)].concat(),
        );
        let log = folder.path().join("NEW1.log");
        std::fs::create_dir(&log).unwrap();
        std::fs::write(
            log.join("19981117.log"),
            [newer(1019, 4), newer(1028, 5)].concat(),
        )
        .unwrap();
        let found = paths(folder.path(), &[]);
        assert_eq!(found.len(), 1, "{found:#?}");
        let hop = |hop: &&Value| hop["to"] == host;
        let hop = found[0]["hops"].as_array().unwrap().iter().find(hop);
        (
            found[0]["direction"].clone(),
            fates(&found[0]).collect::<Vec<_>>(),
            hop.unwrap()["role"].clone(),
        )
    };
    let (direction, recipients, hop) = told("new1.fjord.test");
    assert_eq!(
        (&direction, &hop),
        (&"internal".into(), &"transport".into())
    );
    assert_eq!(
        recipients,
        ["bram@fjord.test delivered /o=fjord/ou=hill/cn=recipients/cn=bram"]
    );
    // Anywhere else it left; that it came back tells nothing of the host it was given to.
    let (.., hop) = told("relay.far.test");
    assert_eq!(hop, "edge");
}

/// What the Internet Mail Service takes in for typed addresses, the MTA delivers to distinguished names.
#[test]
fn typed_addresses_from_outside_are_those_who_got_the_mail() {
    let typed = |event: u32, second: u32| {
        let typed = record(event, second, &["1", "2"]).replace(
            "/cn=Servers/cn=HERON/cn=Microsoft Private MDB",
            "/cn=Connections/cn=Internet Mail Connector (HERON)",
        );
        let names = "/o=FJORD/ou=HILL/cn=Recipients/cn=";
        let typed = typed.replace(&format!("{names}1"), "bram.b@fjord.test");
        let typed = typed.replace(&format!("{names}2"), "chloe.c@fjord.test");
        typed.replace("/o=FJORD/ou=HARBOUR/cn=Recipients/cn=ADA", "ada@far.test")
    };
    let told = ends(&[
        typed(1012, 1),
        typed(1013, 2),
        record(9, 4, &["BRAM", "CHLOE"]),
        later(),
    ]);
    assert_eq!(
        told,
        [
            "bram.b@fjord.test redirected ",
            "chloe.c@fjord.test redirected ",
            "bram delivered ",
            "chloe delivered "
        ]
    );
}

#[test]
fn letters_beyond_ascii_are_compared_without_case() {
    let told = ends(&[
        record(4, 1, &["müller"]),
        record(9, 2, &["MÜLLER"]),
        later(),
    ]);
    assert_eq!(told, ["müller delivered "]);
}

#[test]
fn a_name_that_the_end_of_a_file_cuts_is_nobody() {
    let cut = |to: &str| {
        let log = [
            record(4, 1, &["BRAM", "CHLOE"]),
            record(9, 2, &["BRAM", to]),
        ]
        .concat();
        ends(&[log.trim_end().to_string()])
    };
    assert_eq!(cut("CH"), ["bram delivered ", "chloe pending "]);
    // A last line break may be lost, too.
    assert_eq!(cut("CHLOE"), ["bram delivered ", "chloe delivered "]);
}
