//! Track histories that waybill wrote: read back, they give the paths of the logs they are of.
//!
//! In: every organisation that `waybill simulate` knows, what real servers of other families wrote, exports of Exchange
//! Online, lines that are hostile. Out: `paths` of the logs and of `events --format xml`, which differ in nothing but the
//! names of files.

use std::fs;
use std::path::Path;

use serde_json::Value;
use waybill::simulate::{LayoutChoice, Options};

use crate::legacy::{paths, waybill};
use crate::simulated::Organisation;

/// A path without what names files: those of a track history are others.
fn without_files(value: &mut Value) {
    match value {
        Value::Object(keys) => {
            keys.retain(|key, _| !matches!(key.as_str(), "where" | "proof"));
            keys.values_mut().for_each(without_files);
            // Of hops in the same second, the file decides which comes first.
            if let Some(Value::Array(hops)) = keys.get_mut("hops") {
                hops.sort_by_key(Value::to_string);
            }
        }
        Value::Array(list) => list.iter_mut().for_each(without_files),
        _ => {}
    }
}

/// All paths, in an order that does not depend on files.
fn all_paths(folder: &Path, more: &[&str]) -> Vec<String> {
    let mut paths = paths(folder, more);
    paths.iter_mut().for_each(without_files);
    let mut lines: Vec<String> = paths.iter().map(Value::to_string).collect();
    lines.sort();
    lines
}

/// Holds the paths of `logs` against those of the history that `command` writes of them.
fn there_and_back(logs: &Path, command: &[&str], named: &[&str], case: &str) {
    let written = tempfile::tempdir().unwrap();
    let file = written.path().join("history.xml");
    let output = ["--format", "xml", "--quiet", "--lenient", "--output"];
    let folder = logs.to_str().unwrap();
    let (_, errors, status) =
        waybill(&[command, &[folder], &output, &[file.to_str().unwrap()]].concat());
    assert_eq!((errors.as_str(), status), ("", 0), "{case}");
    let want = all_paths(logs, named);
    assert!(!want.is_empty(), "{case}");
    // Elements cut apart, and few of them at a time.
    for more in [
        &[][..],
        &["--chunk-bytes", "999"],
        &["--window-bytes", "20000", "--chunk-bytes", "5000"],
    ] {
        let have = all_paths(written.path(), &[named, more].concat());
        let lost = want.iter().filter(|line| !have.contains(line));
        let new = have.iter().filter(|line| !want.contains(line));
        let shown: Vec<&String> = lost.take(2).chain(new.take(2)).collect();
        assert!(want == have, "{case} {command:?} {more:?}: {shown:#?}");
    }
}

/// Both ways to write a history; what `trace` writes of all messages is the same in another order.
const COMMANDS: [&[&str]; 2] = [&["events", "--declaration"], &["trace", "--include-probes"]];

#[test]
fn every_organisation_is_read_back_as_it_was() {
    for layout in [
        "5.5",
        "2003",
        "mixed-legacy",
        "migration",
        "21",
        "26",
        "27",
        "30",
        "mixed",
        "hybrid",
    ] {
        let organisation = Organisation::new(&Options {
            seed: 4,
            layout: LayoutChoice::parse(layout).unwrap(),
            messages_per_day: 60,
            users: 60,
            ..Options::default()
        });
        // Own domains are guessed from samples, which chunks of this size would make smaller.
        let named = ["--domain", "example.com", "--domain", "corp.example"];
        for command in COMMANDS {
            there_and_back(organisation.path(), command, &named, layout);
        }
    }
}

/// The lines of real servers, whose stamps lack year and zone, which the history must not lose.
#[test]
fn logs_of_other_families_are_read_back_as_they_were() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foreign");
    for name in ["main", "dst", "newyear", "refusals"] {
        let logs = tempfile::tempdir().unwrap();
        for file in fs::read_dir(fixtures.join(name)).unwrap() {
            let file = file.unwrap();
            if file.file_name() != "truth.tsv" {
                fs::copy(file.path(), logs.path().join(file.file_name())).unwrap();
            }
        }
        for command in COMMANDS {
            there_and_back(logs.path(), command, &["--domain", "contoso.test"], name);
        }
    }
}

/// The report, too, is the same but for the number and length of files.
#[test]
fn the_report_of_a_history_is_that_of_its_logs() {
    let organisation = Organisation::new(&Options {
        layout: LayoutChoice::Hybrid,
        messages_per_day: 60,
        ..Options::default()
    });
    let logs = organisation.path().to_str().unwrap();
    let (xml, ..) = waybill(&["events", logs, "--format", "xml", "--quiet"]);
    let history = folder(&[("history.xml", xml.as_bytes())]);
    let report = |folder: &str| {
        let (text, ..) = waybill(&["report", folder, "--quiet", "--domain", "corp.example"]);
        let of_files = [" files, ", " file, ", " skipped:", "truth.jsonl"];
        let lines = text
            .lines()
            .filter(|line| !of_files.iter().any(|word| line.contains(word)));
        lines.map(String::from).collect::<Vec<_>>()
    };
    let want = report(logs);
    assert!(want.len() > 100);
    assert_eq!(want, report(history.path().to_str().unwrap()));
}

fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        fs::write(dir.path().join(name), bytes).unwrap();
    }
    dir
}

/// Rows whose columns stand in another order, of exports in each form; a field over two lines.
#[test]
fn exports_of_exchange_online_are_read_back_as_they_were() {
    let detail = "\"date_time_utc\",\"source\",\"event_id\",\"server_hostname\",\"internal_message_id\",\"message_id\",\"network_message_id\",\"recipient_address\",\"message_subject\",\"sender_address\"\r\n\
         2026-05-01T10:00:00.1234567Z,SMTP,RECEIVE,X1.prod.outlook.com,5,<d@x.test>,n-7,r@cloud.test,\"a, b\",s@x.test\r\n\
         2026-05-01T10:00:01.1234567Z,STOREDRIVER,DELIVER,X1.prod.outlook.com,5,<d@x.test>,n-7,r@cloud.test,\"two\r\nlines\",s@x.test\r\n";
    let summary = "origin_timestamp_utc,sender_address,recipient_status,message_subject,total_bytes,message_id,network_message_id,original_client_ip,directionality,connector_id\r\n\
         2026-05-01T10:00:02.5000000Z,u@corp.test,\"a@cloud.test##Receive, Deliver;b@cloud.test##Receive, Fail\",hi,100,<m@corp.test>,n-8,52.0.0.1,Originating,\r\n";
    let rows = "#TYPE Selected.System.Object\n\"Status\",\"Received\",\"SenderAddress\",\"RecipientAddress\",\"Subject\",\"ToIP\",\"FromIP\",\"Size\",\"MessageId\",\"MessageTraceId\"\n\
         \"Delivered\",\"5/1/2026 1:00:00 PM\",\"s@x.test\",\"r@cloud.test\",\"a, b\",\"\",\"10.1.1.1\",\"10\",\"<t@x.test>\",\"n-9\"\n\
         \"Quarantined\",\"5/1/2026 1:00:00 PM\",\"s@x.test\",\"q@cloud.test\",\"a\nb\",\"\",\"10.1.1.1\",\"10\",\"<t@x.test>\",\"n-9\"\n";
    let logs = folder(&[
        ("detail.csv", detail.as_bytes()),
        ("summary.csv", summary.as_bytes()),
        ("rows.csv", rows.as_bytes()),
    ]);
    assert_eq!(paths(logs.path(), &[]).len(), 3);
    for command in COMMANDS {
        there_and_back(logs.path(), command, &["--domain", "cloud.test"], "exports");
    }
}

/// Lines that end an instruction, hold what XML cannot, are no UTF-8, are entries in pieces or over several lines.
#[test]
fn hostile_lines_are_read_back_byte_for_byte() {
    let mut postfix = b"2026-05-01T10:00:00Z mx postfix/smtpd[1]: 4F1B2C3D4E5: client=c?>.test[192.0.2.1]\n\
        2026-05-01T10:00:00Z mx postfix/cleanup[1]: 4F1B2C3D4E5: message-id=<?>&amp;]]>\"\\u0000@x>\n\
        2026-05-01T10:00:00Z mx postfix/cleanup[1]: 4F1B2C3D4E5: info: header Subject: \x01\x1b[31m\xe2\x80\xae\xef\xbf\xbe <?waybill {}?> from c[192.0.2.1]; from=<s@x> to=<r@x>\n\
        2026-05-01T10:00:01Z mx postfix/local[1]: 4F1B2C3D4E5: to=<".to_vec();
    postfix.extend_from_slice(b"m\xfcller@x>, relay=local, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (delivered)\n\
        2026-05-01T10:00:01Z mx postfix/local[1]: 4F1B2C3D4E5: to=<m\xc3\xbcller@x>, relay=local, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (delivered)\n\
        2026-05-01T10:00:01Z mx postfix/qmgr[1]: 4F1B2C3D4E5: removed\n");
    let exim = "<22>Nov 21 17:23:38 ex exim[7]: [1/2] 1xUooM-000069-1M <= s@x.test H=pc [10.9.9.9] P=esmtp S=9 id=m@x.t\n\
        <22>Nov 21 17:23:38 ex exim[8]: 1xUooM-000070-1M <= t@x.test H=pc [10.9.9.9] P=esmtp S=9 id=n@x.test for two@y.test\n\
        <22>Nov 21 17:23:38 ex exim[7]: [2/2] est for one@y.test\n\
        <22>Nov 21 17:23:39 ex exim[9]: 1xUooM-000069-1M => one <one@y.test> R=local T=maildir\n";
    let rejected = "2026-11-21 17:23:41 1xUooP-000071-1M H=pc [10.9.9.9] F=<s@x.test> rejected after DATA: no\n\
        Envelope-from: <s@x.test>\nEnvelope-to: <three@y.test>\nI Message-ID: <o@x.test>\n";
    let logs = folder(&[
        ("mx.log", &postfix),
        ("ex.log", exim.as_bytes()),
        ("ex2.rejectlog", rejected.as_bytes()),
    ]);
    let found = paths(logs.path(), &[]);
    assert_eq!(found.len(), 4, "{found:#?}");
    for command in COMMANDS {
        there_and_back(logs.path(), command, &["--domain", "y.test"], "hostile");
    }
    // The whole is well formed, and holds the line as it was.
    let (xml, ..) = waybill(&[
        "events",
        logs.path().to_str().unwrap(),
        "--format",
        "xml",
        "--quiet",
    ]);
    let mut reader = quick_xml::Reader::from_reader(xml.as_bytes());
    let mut lines = 0;
    loop {
        match reader.read_event().unwrap() {
            quick_xml::events::Event::PI(told) => {
                let told: Value = serde_json::from_slice(&told[b"waybill ".len()..]).unwrap();
                let bytes: Vec<u8> = match told["octets"].as_str() {
                    Some(octets) => octets.chars().map(|c| c as u8).collect(),
                    None => told["line"].as_str().unwrap().into(),
                };
                let all = [&postfix[..], exim.as_bytes(), rejected.as_bytes()].concat();
                assert!(bstr::ByteSlice::find(&all[..], &bytes).is_some(), "{told}");
                lines += 1;
            }
            quick_xml::events::Event::Eof => break,
            _ => {}
        }
    }
    assert_eq!(lines, 10);
    assert!(!xml.bytes().any(|b| b < 0x20 && b != b'\n'));
}

/// What an instruction holds may be anything: a line that would be several, or none, is one record or a fault.
#[test]
fn instructions_of_others_do_no_harm() {
    let entry = |instruction: &str| {
        format!(
            "<Exchange_MessageTrackingEntry><TimeLogged>2026-5-1 10:00:00</TimeLogged><MessageID>m@x</MessageID>\
             <EntryType>1028</EntryType><ServerName>ex</ServerName><Recipients><Recipient><RecipientAddress>r@x</RecipientAddress>\
             </Recipient></Recipients><?waybill {instruction}?></Exchange_MessageTrackingEntry>\n"
        )
    };
    let row =
        "2026-05-01T10:00:00.000Z,,,,,,,STOREDRIVER,DELIVER,1,<a@x>,n-1,b@x,,1,1,,,s,f@x,,,,,,,,,,";
    let modern = |line: &str| {
        entry(&format!(
            "{{\"dialect\":\"modern/30\",\"line\":{}}}",
            Value::from(line)
        ))
    };
    let read = |xml: &str| {
        let dir = folder(&[(
            "h.xml",
            format!("<TrackHistory>{xml}</TrackHistory>").as_bytes(),
        )]);
        let (answer, said, status) = waybill(&["paths", dir.path().to_str().unwrap(), "--quiet"]);
        let ids = answer.lines().map(|line| {
            let path: Value = serde_json::from_str(line).unwrap();
            path["message_id"].as_str().unwrap().to_string()
        });
        let mut ids: Vec<String> = ids.collect();
        ids.sort();
        (ids.join(" "), said, status)
    };
    let good = modern(row);
    for (odd, want, status) in [
        (modern("#Fields: event-id,date-time"), "<a@x>", 3),
        (
            modern(&format!("{row}\n#Fields: event-id,date-time\n{row}")),
            "<a@x>",
            0,
        ),
        (modern(&format!("\"{row}")), "<a@x>", 3),
        (modern("no row at all"), "<a@x>", 3),
        (
            entry("{\"dialect\":\"postfix\",\"header\":\"syslog 99999 0\",\"line\":\"x\"}"),
            "<a@x> m@x",
            0,
        ),
        (
            entry("{\"dialect\":\"postfix\",\"header\":\"syslog 2026 0\",\"line\":\"x\"}"),
            "<a@x>",
            3,
        ),
        (
            entry("{\"dialect\":\"trackhistory\",\"line\":\"x\"}"),
            "<a@x> m@x",
            0,
        ),
        (
            entry("{\"dialect\":\"modern/30\",\"octets\":\"\u{100}\"}"),
            "<a@x> m@x",
            0,
        ),
        (
            entry("{\"dialect\":\"online/trace\",\"header\":\"nothing\",\"line\":\"x\"}"),
            "<a@x> m@x",
            0,
        ),
        (entry("{}"), "<a@x> m@x", 0),
    ] {
        let (ids, said, found) = read(&format!("{odd}{good}"));
        assert_eq!((ids.as_str(), found), (want, status), "{odd} {said}");
        let (ids, ..) = read(&format!("{good}{odd}"));
        assert_eq!(ids, want, "{odd}");
    }
}

/// Without waybill's instructions, which other programs may leave out, rows of 2007 and later are those of their numbers.
#[test]
fn a_track_history_without_instructions_is_one_of_2003() {
    let organisation = Organisation::new(&Options {
        layout: LayoutChoice::parse("30").unwrap(),
        messages_per_day: 100,
        ..Options::default()
    });
    let folder = organisation.path().to_str().unwrap();
    let (xml, ..) = waybill(&["events", folder, "--format", "xml", "--quiet"]);
    let is_element = |line: &&str| !line.trim_start().starts_with("<?waybill ");
    let plain: String = xml.lines().filter(is_element).collect();
    assert!(plain.len() < xml.len());
    let read = |text: &str| {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("history.xml"), text).unwrap();
        all_paths(folder.path(), &[])
    };
    let answer = read(&plain);
    assert!(answer[0].contains("\"status\":\"delivered\""));
    let damaged = xml.replace("<?waybill {", "<?waybill {{");
    assert_eq!(read(&damaged), answer, "what cannot be read does not count");
}
