//! Exchange Online's exports, alone and beside the logs of the hosts around it.
//!
//! In: exports in every form, simulated hybrid organisations. Out: paths in one piece, right in every recipient.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::laboratory::{
    FIELDS, HYBRID, against_truth, fates, folder, hybrid, one, paths, waybill,
};

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
    let says = |command: &str, dir: &Path| {
        let output = Command::new(env!("CARGO_BIN_EXE_waybill"))
            .args([command, dir.to_str().unwrap(), "--no-progress"])
            .output()
            .unwrap();
        [output.stderr, output.stdout].map(|text| String::from_utf8(text).unwrap())
    };
    let warned = |dir: &Path| {
        let [errors, check] = says("check", dir);
        let [_, report] = says("report", dir);
        let all = [
            errors.contains("exactly 100,000 rows"),
            check.contains("as many rows as one can have"),
            report.contains("full.csv: exactly 100,000 rows"),
        ];
        assert!(all == [all[0]; 3], "{all:?}");
        all[0]
    };
    assert!(warned(dir.path()));
    summary.truncate(summary.trim_end().rfind('\n').unwrap() + 1);
    fs::write(dir.path().join("full.csv"), summary).unwrap();
    assert!(!warned(dir.path()));
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

/// What was resolved or redirected went on to another address of the message, and waits nowhere.
#[test]
fn an_address_that_was_replaced_is_counted_once() {
    let cmdlet = |rows: &[(&str, &str)]| {
        let mut export =
            String::from("Received,SenderAddress,RecipientAddress,Subject,Status,MessageId\n");
        for (who, status) in rows {
            writeln!(
                export,
                "2026-03-02T10:00:00,s@x.test,{who}@own.test,hi,{status},<m@x.test>"
            )
            .unwrap();
        }
        export + "2026-03-02T15:00:00,s@x.test,later@own.test,hi,Delivered,<l@x.test>\n"
    };
    let summary = |rows: &[(&str, &str)]| {
        let statuses = rows
            .iter()
            .map(|(who, status)| format!("{who}@own.test##Receive, {status}"));
        let statuses = statuses.collect::<Vec<_>>().join(";");
        format!(
            "origin_timestamp_utc,sender_address,recipient_status,message_subject,message_id\n\
             2026-03-02T10:00:00.1Z,s@x.test,\"{statuses}\",hi,<m@x.test>\n\
             2026-03-02T15:00:00.1Z,s@x.test,later@own.test##Receive,hi,<l@x.test>\n"
        )
    };
    for is_summary in [false, true] {
        let fates_of = |rows: &[(&str, &str)]| {
            let export = if is_summary {
                summary(rows)
            } else {
                cmdlet(rows)
            };
            let dir = folder(&[("trace.csv", export.into())]);
            let path = one(dir.path(), "<m@x.test>");
            let via = path["recipients"][0]["via"][0]["address"].clone();
            (fates(&path), via)
        };
        // The only other address is the one that it became.
        for status in ["Resolved", "Redirect"] {
            let (told, via) = fates_of(&[("bob", "Delivered"), ("info", status)]);
            assert_eq!(told[0], "bob@own.test delivered exchange-online");
            assert_eq!(via, "info@own.test", "{status}");
        }
        let (told, via) = fates_of(&[
            ("bob", "Delivered"),
            ("cat", "Delivered"),
            ("info", "Resolved"),
        ]);
        let want = [
            "bob@own.test delivered exchange-online",
            "cat@own.test delivered exchange-online",
            "info@own.test redirected exchange-online",
        ];
        assert_eq!((told, via), (want.map(String::from).to_vec(), Value::Null));
    }
}

/// Rows of Exchange on-premises with all columns that matter here, the last ones first seen in 2013.
const COLUMNS: &str = "#Log-type: Message Tracking Log\n#Fields: date-time,client-hostname,server-hostname,source-context,source,\
    event-id,internal-message-id,message-id,network-message-id,recipient-address,recipient-status,\
    related-recipient-address,sender-address\n";
const ID: &str = "e4c0e999-0069-4a31-1500-08dea91cfa7f";
const EOP: &str = "corp-mail.mail.protection.outlook.com";

/// What a server says: second, hosts, reply, event, recipient, status and the recipient it is related to.
fn row(second: &str, [from, to]: [&str; 2], reply: &str, event: &str, who: [&str; 3]) -> String {
    let [who, status, related] = who;
    format!(
        "2026-05-03T14:05:{second}Z,{from},{to},{reply},{event},77,<m@corp.test>,{ID},{who},{status},{related},\
         s@far.test\n"
    )
}

/// An export of Get-MessageTrace with one row.
fn trace(who: &str, status: &str, to_ip: &str, id: &str) -> String {
    format!(
        "\"MessageId\",\"Received\",\"SenderAddress\",\"RecipientAddress\",\"Subject\",\"Status\",\"ToIP\",\"MessageTraceId\"\n\
         \"<m@corp.test>\",\"2026-05-03T14:05:07Z\",\"s@far.test\",\"{who}\",\"a \"\"b\"\"\",\"{status}\",\"{to_ip}\",\"{id}\"\n"
    )
}

fn told(files: &[(&str, &str)]) -> Value {
    let files: Vec<(&str, Vec<u8>)> = (files.iter())
        .map(|(name, text)| (*name, text.as_bytes().to_vec()))
        .collect();
    one(folder(&files).path(), "<m@corp.test>")
}

/// A mailbox that was moved to Exchange Online has an address there; people write to another one, which traces name.
#[test]
fn a_remote_mailbox_is_one_recipient_by_whichever_address() {
    let (here, there) = ("u@corp.test", "u@corp.mail.onmicrosoft.test");
    for event in ["SMTP,SEND", "SMTP,SENDEXTERNAL"] {
        let log = [
            COLUMNS.to_string(),
            row(
                "06.0",
                ["mx.far.test", "ex01"],
                "",
                "SMTP,RECEIVE",
                [here, "", ""],
            ),
            row(
                "06.2",
                ["", "ex01"],
                "",
                "ROUTING,RESOLVE",
                [there, "", here],
            ),
            row(
                "07.0",
                ["ex01", EOP],
                "250 queued",
                event,
                [there, "250 ok", ""],
            ),
        ]
        .concat();
        for (status, fate) in [
            ("Delivered", "delivered"),
            ("Failed", "failed"),
            ("Quarantined", "quarantined"),
        ] {
            for id in [ID, "00000000-0000-0000-0000-000000000009"] {
                let path = told(&[("a.LOG", &log), ("t.csv", &trace(here, status, "", id))]);
                let want = format!("{there} {fate} exchange-online");
                assert_eq!(fates(&path), [want], "{event} {status} {id}");
            }
        }
    }
}

/// Exchange Online gives mail to a server whose log is there: that log has the last word.
#[test]
fn mail_from_exchange_online_ends_where_the_next_log_says() {
    let from = "mail-am1.outbound.protection.outlook.com";
    let log = [
        COLUMNS.to_string(),
        row(
            "08.0",
            [from, "ex01"],
            "",
            "SMTP,RECEIVE",
            ["u@corp.test", "", ""],
        ),
        row(
            "09.0",
            ["", "ex01"],
            "",
            "STOREDRIVER,FAIL",
            ["u@corp.test", "554 5.2.2 full", ""],
        ),
    ]
    .concat();
    let path = told(&[
        ("a.LOG", &log),
        ("t.csv", &trace("u@corp.test", "Delivered", "10.0.0.5", ID)),
    ]);
    assert_eq!(fates(&path), ["u@corp.test failed ex01"]);
    let hops = path["hops"].as_array().unwrap();
    assert_eq!(
        (&hops[0]["server"], &hops[1]["server"]),
        (&"exchange-online".into(), &"ex01".into())
    );
}

/// Later builds write SENDEXTERNAL where the receiver's own log may be there, too.
#[test]
fn a_host_outside_whose_log_is_there_has_the_last_word() {
    let reply = "\"250 2.6.0 <m@corp.test> [InternalId=99, Hostname=ex02.corp.test] queued\"";
    let takes = |event: &str, status: &str| {
        row(
            "08.0",
            ["ex01", "ex02.corp.test"],
            "",
            event,
            ["u@far.test", status, ""],
        )
        .replace(",77,", ",99,")
    };
    for event in ["SMTP,SEND", "SMTP,SENDEXTERNAL"] {
        let log = [
            COLUMNS.to_string(),
            row(
                "06.0",
                ["pc", "ex01"],
                "",
                "SMTP,RECEIVE",
                ["u@far.test", "", ""],
            ),
            row(
                "07.0",
                ["ex01", "ex02.corp.test"],
                reply,
                event,
                ["u@far.test", "250 ok", ""],
            ),
            takes("SMTP,RECEIVE", ""),
            takes("ROUTING,FAIL", "550 5.1.1 no"),
        ]
        .concat();
        assert_eq!(
            fates(&told(&[("a.LOG", &log)])),
            ["u@far.test failed ex02"],
            "{event}"
        );
    }
    // Where it goes on under another id, it left.
    let log = [
        COLUMNS.to_string(),
        row(
            "07.0",
            ["ex01", "ex02.corp.test"],
            reply,
            "SMTP,SENDEXTERNAL",
            ["u@far.test", "250 ok", ""],
        ),
        takes("SMTP,RECEIVE", "")
            .replace("<m@", "<n@")
            .replace(ID, "n-2"),
    ]
    .concat();
    let path = told(&[("a.LOG", &log)]);
    assert_eq!(fates(&path), ["u@far.test transferred ex01"]);
}

/// Of two exports of one message the detailed one knows when, where and why.
#[test]
fn a_trace_beside_the_detail_takes_nothing_from_it() {
    let online = "AM1PR01MB0001.eurprd01.prod.outlook.com";
    let head = COLUMNS[COLUMNS.find("#Fields: ").unwrap() + 9..].replace('-', "_");
    for (event, status, fate) in [
        ("STOREDRIVER,DELIVER", "Delivered", "delivered"),
        ("ROUTING,FAIL", "Failed", "failed"),
    ] {
        let detail = [
            head.clone(),
            row(
                "06.0000000",
                ["mx.far.test", online],
                "",
                "SMTP,RECEIVE",
                ["u@corp.test", "", ""],
            ),
            row(
                "09.0000000",
                [online, online],
                "",
                event,
                ["u@corp.test", "550 5.2.2 full", ""],
            ),
        ]
        .concat();
        let alone = told(&[("d.csv", &detail)]);
        let events = waybill(&[
            "events",
            "--quiet",
            folder(&[("d.csv", detail.clone().into())])
                .path()
                .to_str()
                .unwrap(),
        ]);
        assert_eq!(events[0]["dialect"], "online/detail");
        let both = told(&[
            ("d.csv", &detail),
            ("t.csv", &trace("u@corp.test", status, "", ID)),
        ]);
        assert_eq!(alone["recipients"][0]["status"], fate);
        assert_eq!(both["recipients"], alone["recipients"]);
        assert_eq!(both["hops"], alone["hops"]);
    }
}

/// Exchange Online gives mail of others a network-message-id of its own; its reply names the copy that it made.
#[test]
fn a_detailed_export_is_joined_by_internal_id() {
    let online = "AM1PR01MB0001.eurprd01.prod.outlook.com";
    let head = COLUMNS[COLUMNS.find("#Fields: ").unwrap() + 9..].replace('-', "_");
    let reply = format!("250 2.6.0 <m@corp.test> [InternalId=88, Hostname={online}] Queued");
    let who = ["u@corp.test", "", ""];
    let given = format!("\"{reply}\"");
    let own = [
        COLUMNS.into(),
        row("05.000", ["pc", "ex01"], "", "STOREDRIVER,RECEIVE", who),
        row("06.000", ["ex01", EOP], &given, "SMTP,SENDEXTERNAL", who),
    ]
    .concat();
    let their_id = ID.replace("e4c0", "36aa");
    let detail = [
        head,
        row("06.0000000", ["ex01", online], "", "SMTP,RECEIVE", who),
        row(
            "09.0000000",
            [online, online],
            "",
            "STOREDRIVER,DELIVER",
            who,
        ),
    ]
    .concat();
    let detail = detail.replace(ID, &their_id).replace(",77,", ",88,");
    let logs = folder(&[
        ("MSGTRK2026050314-1.LOG", own.into()),
        ("d.csv", detail.into()),
    ]);
    let path = one(logs.path(), "<m@corp.test>");
    assert_eq!(fates(&path), ["u@corp.test delivered am1pr01mb0001"]);
    assert_eq!(path["other_ids"], serde_json::json!([their_id]));
    let links: Vec<&Value> = (path["hops"].as_array().unwrap().iter())
        .map(|hop| &hop["link"]["by"])
        .collect();
    assert!(links.contains(&&"internal id".into()), "{path}");
}

#[test]
fn a_trace_s_ids_subjects_senders_and_directions_are_those_of_the_message() {
    let undashed = ID.replace('-', "").to_uppercase();
    let files = [
        ("a.csv", &*trace("u@corp.test", "Delivered", "", ID)),
        ("b.csv", &*trace("u@corp.test", "Delivered", "", &undashed)),
    ];
    let path = told(&files);
    assert_eq!(fates(&path), ["u@corp.test delivered exchange-online"]);
    assert_eq!(
        (&path["network_message_id"], &path["other_ids"]),
        (&ID.into(), &serde_json::json!([]))
    );
    assert_eq!(
        (&path["subject"], &path["direction"]),
        (&"a \"b\"".into(), &"inbound".into())
    );
    for delimiter in [";", "\t"] {
        let parted = files[0].1.replace("\",\"", &format!("\"{delimiter}\""));
        assert_eq!(
            told(&[("a.csv", &parted)])["recipients"],
            path["recipients"]
        );
    }
    let strange = files[0].1.replace("Delivered", "Teleported");
    let strange = &told(&[("a.csv", &strange)])["recipients"][0];
    assert_eq!(
        (&strange["status"], &strange["reason"]),
        (&"pending".into(), &"Teleported".into())
    );
    let report = files[0].1.replace("s@far.test", "<>");
    assert_eq!(told(&[("a.csv", &report)])["class"], "report");
}
