//! Little hand-written logs, one for each situation, and the one whole flow of the real samples.

use std::path::Path;

use super::{Message, Recipient, messages, read};

/// A log in the making: `row` takes the time of day, source, event, and `column=value` between ` | `.
struct Log {
    columns: usize,
    text: String,
}

const FIELDS: &str = "date-time,client-ip,client-hostname,server-ip,server-hostname,source-context,\
    connector-id,source,event-id,internal-message-id,message-id,network-message-id,recipient-address,\
    recipient-status,total-bytes,recipient-count,related-recipient-address,reference,message-subject,\
    sender-address,return-path,message-info,directionality,tenant-id,original-client-ip,\
    original-server-ip,custom-data,transport-traffic-type,log-id,schema-version";

impl Log {
    fn new(columns: usize) -> Log {
        let head =
            "\u{feff}#Software: Microsoft Exchange Server\r\n#Log-type: Message Tracking Log\r\n";
        let text = format!("{head}#Fields: {}\r\n", Log::names(columns).join(","));
        Log { columns, text }
    }

    fn headless(columns: usize) -> Log {
        Log {
            columns,
            text: String::new(),
        }
    }

    fn names(columns: usize) -> Vec<&'static str> {
        let all: Vec<&str> = FIELDS.split(',').collect();
        match columns {
            21 | 26 => all
                .iter()
                .filter(|n| **n != "network-message-id")
                .take(columns)
                .copied()
                .collect(),
            _ => all[..columns].to_vec(),
        }
    }

    fn row(mut self, clock: &str, source: &str, event: &str, rest: &str) -> Log {
        let date = if clock.contains('T') {
            ""
        } else {
            "2026-03-01T"
        };
        let clock = if clock.len() == 8 {
            format!("{clock}.000")
        } else {
            clock.to_string()
        };
        let mut values = vec![("date-time", format!("{date}{clock}Z"))];
        values.push(("source", source.to_string()));
        values.push(("event-id", event.to_string()));
        for part in rest.split(" | ").filter(|part| !part.is_empty()) {
            let (key, value) = part.split_once('=').unwrap();
            let key = match key {
                "client" => "client-hostname",
                "server" => "server-hostname",
                "context" => "source-context",
                "connector" => "connector-id",
                "id" => "internal-message-id",
                "mid" => "message-id",
                "nid" => "network-message-id",
                "to" => "recipient-address",
                "was" => "related-recipient-address",
                "ref" => "reference",
                "bytes" => "total-bytes",
                "from" => "sender-address",
                "return" => "return-path",
                other => other,
            };
            values.push((key, value.to_string()));
        }
        let fields: Vec<String> = Log::names(self.columns)
            .iter()
            .map(|name| {
                let value = values.iter().find(|(key, _)| key == name);
                let value = value.map_or("", |(_, value)| value);
                let quoted = value.contains(',') || value.contains('"');
                if quoted {
                    format!("\"{}\"", value.replace('"', "\"\""))
                } else {
                    value.into()
                }
            })
            .collect();
        self.text.push_str(&fields.join(","));
        self.text.push_str("\r\n");
        self
    }

    fn messages(&self) -> Vec<Message> {
        judge(&[self])
    }

    /// The one message.
    fn message(&self) -> Message {
        let messages = self.messages();
        assert_eq!(messages.len(), 1, "{messages:#?}");
        messages.into_iter().next().unwrap()
    }
}

fn judge(logs: &[&Log]) -> Vec<Message> {
    let file =
        |(index, log): (usize, &&Log)| (format!("{index}.LOG"), log.text.clone().into_bytes());
    let files: Vec<_> = logs.iter().enumerate().map(file).collect();
    let found = messages(&files);
    let backwards: Vec<_> = files.into_iter().rev().collect();
    assert_eq!(found, messages(&backwards), "the order of files matters");
    found
}

/// Address and fate, in the order of addresses.
fn fates(message: &Message) -> Vec<(&str, &str)> {
    message
        .recipients
        .iter()
        .map(|(address, r)| (address.as_str(), r.fate))
        .collect()
}

fn at(clock: &str) -> Option<i64> {
    read::milliseconds(&format!("2026-03-01T{clock}Z"))
}

fn via(recipient: &Recipient) -> Vec<(&str, &str)> {
    recipient
        .via
        .iter()
        .map(|(kind, address)| (kind.as_str(), address.as_str()))
        .collect()
}

const IDS: &str = "mid=<m1@example.com> | nid=n1 | from=ann@example.com";

/// Mailbox submission on ex01, copy 11 there, to these.
fn submitted(to: &str) -> Log {
    let log = Log::new(30);
    let ids = format!("{IDS} | to={to}");
    log.row(
        "09:00:00.100",
        "STOREDRIVER",
        "RECEIVE",
        &format!("{ids} | client=ex01.example.com | server=ex01 | id=3 | bytes=700"),
    )
    .row(
        "09:00:00.300",
        "SMTP",
        "RECEIVE",
        &format!("{ids} | client=ex01.example.com | server=ex01 | id=11 | bytes=900"),
    )
    .row(
        "09:00:00.310",
        "STOREDRIVER",
        "SUBMIT",
        &format!("{ids} | client=EX01 | server=ex01"),
    )
}

const TO_STORE: &str =
    ";250 2.0.0 OK <m1@example.com> [Hostname=mb01.example.com];ClientSubmitTime:";
const TO_EX02: &str =
    ";250 2.6.0 <m1@example.com> [InternalId=22, Hostname=ex02.example.com] 5 bytes Queued mail";
const INSIDE: &str = "connector=Intra-Organization SMTP Send Connector";

#[test]
fn local_delivery_since_2013() {
    for columns in [27, 30] {
        let mut log = submitted("bob@example.com;Bob@example.com");
        if columns == 27 {
            log.columns = 27;
            log.text = log
                .text
                .replace(",transport-traffic-type,log-id,schema-version", "")
                .replace(",,,\r\n", "\r\n");
        }
        let log = log
            .row(
                "09:00:00.500",
                "STOREDRIVER",
                "DELIVER",
                &format!("{IDS} | to=BOB@example.com | client=ex01 | server=MB01.example.com | id=11"),
            )
            .row(
                "09:00:00.510",
                "SMTP",
                "SEND",
                &format!("{IDS} | to=bob@example.com | client=ex01 | id=11 | context={TO_STORE} | {INSIDE}"),
            );
        let message = log.message();
        assert_eq!(fates(&message), [("bob@example.com", "delivered")]);
        let bob = &message.recipients["bob@example.com"];
        assert_eq!(
            (bob.at, bob.server.as_deref()),
            (at("09:00:00.500"), Some("mb01"))
        );
        assert_eq!(bob.latency_ms, Some(400));
        assert_eq!(
            (message.class, message.status, message.entry),
            ("mail", "delivered", "submitted")
        );
        assert_eq!((message.rows, message.size_bytes), (5, 900));
        assert_eq!(message.sender, "ann@example.com");
    }
}

#[test]
fn hub_to_hub_and_a_missing_server() {
    let first = submitted("bob@example.com").row(
        "09:00:01",
        "SMTP",
        "SEND",
        &format!("{IDS} | to=bob@example.com | client=ex01 | id=11 | context={TO_EX02} | {INSIDE}"),
    );
    let message = first.message();
    let bob = &message.recipients["bob@example.com"];
    assert_eq!(
        (bob.fate, bob.at, bob.server.clone()),
        ("unknown", at("09:00:01.000"), None)
    );
    assert_eq!(message.status, "unknown");

    // The next server's clock is behind.
    let second = Log::new(30)
        .row(
            "09:00:00.050",
            "SMTP",
            "RECEIVE",
            &format!("{IDS} | to=bob@example.com | client=ex01.example.com | server=EX02 | id=22"),
        )
        .row(
            "09:00:02",
            "STOREDRIVER",
            "DELIVER",
            &format!("{IDS} | to=bob@example.com | client=ex02 | server=mb02 | id=22"),
        );
    let messages = judge(&[&first, &second]);
    assert_eq!(messages.len(), 1);
    assert_eq!(fates(&messages[0]), [("bob@example.com", "delivered")]);
    assert_eq!(messages[0].first_seen, at("09:00:00.100").unwrap());
}

#[test]
fn a_reply_with_an_id_from_outside_is_a_leave() {
    let send = |connector: &str| {
        submitted("bob@example.net").row(
            "09:00:01",
            "SMTP",
            "SEND",
            &format!(
                "{IDS} | to=bob@example.net | client=ex01 | id=11 | connector={connector} | \
                 context=;250 2.6.0 <m1@example.com> [InternalId=9, Hostname=x.prod.example.net] Queued"
            ),
        )
    };
    assert_eq!(
        send("Outbound to Office 365 - 7").message().status,
        "transferred"
    );
    assert_eq!(
        send("EdgeSync - Inbound to Site").message().status,
        "unknown"
    );
    let logged = Log::new(30).row(
        "09:00:05",
        "SMTP",
        "HADISCARD",
        "server=x | id=1 | mid=<o@e>",
    );
    let messages = judge(&[&send("Outbound to Office 365 - 7"), &logged]);
    assert_eq!(messages[0].status, "unknown");
}

#[test]
fn edge_out() {
    let ids = format!("{IDS} | to=bob@example.net");
    let log = submitted("bob@example.net")
        .row(
            "09:00:01",
            "SMTP",
            "SEND",
            &format!("{ids} | client=ex01 | id=11 | {INSIDE} | context=;250 2.6.0 <m1> [InternalId=5, Hostname=edge01.example.com] Queued"),
        )
        .row("09:00:00", "SMTP", "RECEIVE", &format!("{ids} | server=edge01 | id=5"))
        .row(
            "09:00:03",
            "SMTP",
            "SENDEXTERNAL",
            &format!("{ids} | client=edge01 | server=mx.example.net | id=5 | context=;250 2.0.0 OK 4fXy;"),
        );
    let message = log.message();
    let bob = &message.recipients["bob@example.net"];
    assert_eq!(
        (bob.fate, bob.server.as_deref()),
        ("transferred", Some("edge01"))
    );
    assert_eq!((message.status, message.rows), ("transferred", 6));
}

#[test]
fn nested_lists_and_forks() {
    let log = submitted("all@example.com")
        .row(
            "09:00:00.400",
            "ROUTING",
            "EXPAND",
            &format!("{IDS} | server=ex01 | id=11 | to=bob@example.com;sales@example.com | was=all@example.com"),
        )
        .row(
            "09:00:00.410",
            "ROUTING",
            "EXPAND",
            &format!("{IDS} | server=ex01 | id=11 | to=cid@example.com;all@example.com;dee@example.com | was=sales@example.com"),
        )
        .row(
            "09:00:00.420",
            "ROUTING",
            "DUPLICATEEXPAND",
            &format!("{IDS} | server=ex01 | id=11 | to=bob@example.com | was=sales@example.com"),
        )
        .row(
            "09:00:00.430",
            "ROUTING",
            "TRANSFER",
            &format!("{IDS} | server=ex01 | id=12 | ref=11 | to=bob@example.com;cid@example.com"),
        )
        .row(
            "09:00:01",
            "STOREDRIVER",
            "DELIVER",
            &format!("{IDS} | to=bob@example.com | client=ex01 | server=mb01 | id=12"),
        )
        .row(
            "09:00:02",
            "SMTP",
            "DEFER",
            &format!("{IDS} | to=dee@example.com | client=ex01 | id=11"),
        );
    let message = log.message();
    assert_eq!(
        fates(&message),
        [
            ("all@example.com", "expanded"),
            ("bob@example.com", "delivered"),
            ("cid@example.com", "pending"),
            ("dee@example.com", "pending"),
            ("sales@example.com", "expanded"),
        ]
    );
    assert_eq!(message.status, "partly delivered");
    let chain = [
        ("expanded", "sales@example.com"),
        ("expanded", "all@example.com"),
    ];
    assert_eq!(via(&message.recipients["cid@example.com"]), chain);
    assert_eq!(via(&message.recipients["bob@example.com"]), [chain[1]]);
    // Last seen in copy 12; the server went on logging.
    assert_eq!(message.recipients["cid@example.com"].at, at("09:00:00.430"));
    assert_eq!(message.recipients["dee@example.com"].at, at("09:00:02.000"));
}

#[test]
fn the_same_members_without_later_rows_are_unknown() {
    let log = submitted("all@example.com").row(
        "09:00:00.400",
        "ROUTING",
        "EXPAND",
        &format!("{IDS} | server=ex01 | id=11 | to=bob@example.com | was=all@example.com"),
    );
    let message = log.message();
    let bob = &message.recipients["bob@example.com"];
    assert_eq!((bob.fate, bob.server.as_deref()), ("unknown", Some("ex01")));
    assert_eq!((bob.at, bob.latency_ms), (at("09:00:00.400"), None));
}

#[test]
fn forwards_with_and_without_a_copy_kept() {
    let deliver = |log: Log, who: &str| {
        let row = format!("{IDS} | to={who} | client=ex01 | server=mb01 | id=11");
        log.row("09:00:01", "STOREDRIVER", "DELIVER", &row)
    };
    let redirected = || {
        submitted("bob@example.com").row(
            "09:00:00.400",
            "ROUTING",
            "REDIRECT",
            &format!("{IDS} | server=ex01 | id=11 | to=cid@example.com | was=bob@example.com"),
        )
    };
    let gone = deliver(redirected(), "cid@example.com").message();
    assert_eq!(
        fates(&gone),
        [
            ("bob@example.com", "redirected"),
            ("cid@example.com", "delivered")
        ]
    );
    assert_eq!(gone.status, "delivered");
    assert_eq!(
        via(&gone.recipients["cid@example.com"]),
        [("redirected", "bob@example.com")]
    );
    let kept = deliver(deliver(redirected(), "cid@example.com"), "bob@example.com").message();
    assert_eq!(
        fates(&kept),
        [
            ("bob@example.com", "delivered"),
            ("cid@example.com", "delivered")
        ]
    );
}

#[test]
fn a_renamed_address_is_the_new_one() {
    let log = submitted("b@example.com")
        .row(
            "09:00:00.400",
            "RESOLVER",
            "RESOLVE",
            &format!("{IDS} | server=ex01 | id=11 | to=bob@example.com | was=b@example.com"),
        )
        .row(
            "09:00:01",
            "STOREDRIVER",
            "DELIVER",
            &format!("{IDS} | to=bob@example.com | client=ex01 | server=mb01 | id=11"),
        );
    let message = log.message();
    assert_eq!(fates(&message), [("bob@example.com", "delivered")]);
    assert_eq!(
        via(&message.recipients["bob@example.com"]),
        [("resolved", "b@example.com")]
    );
}

#[test]
fn failure_and_its_report_are_two_messages() {
    let log = submitted("bob@example.com")
        .row(
            "09:00:01",
            "SMTP",
            "FAIL",
            &format!("{IDS} | to=bob@example.com | client=ex01 | id=11 | ref=<dsn@example.com>"),
        )
        .row(
            "09:00:01.005",
            "DSN",
            "DSN",
            "mid=<dsn@example.com> | nid=n2 | server=ex01 | id=12 | context=Failure | return=<> | \
             from=MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@example.com | \
             to=ann@example.com | ref=<m1@example.com>",
        )
        .row(
            "09:00:02",
            "STOREDRIVER",
            "DELIVER",
            "mid=<dsn@example.com> | nid=n2 | client=ex01 | server=mb01 | id=12 | to=ann@example.com",
        );
    let messages = log.messages();
    assert_eq!(messages.len(), 2);
    assert_eq!(fates(&messages[0]), [("bob@example.com", "failed")]);
    assert_eq!(messages[0].status, "failed");
    assert_eq!(
        messages[0].recipients["bob@example.com"].latency_ms,
        Some(900)
    );
    let report = &messages[1];
    assert_eq!(
        (report.class, report.entry, report.status),
        ("report", "generated", "delivered")
    );
    assert_eq!(report.recipients["ann@example.com"].latency_ms, Some(995));
}

#[test]
fn hand_over_without_and_with_the_delivery_log() {
    let log = submitted("bob@example.com").row(
        "09:00:01",
        "SMTP",
        "SEND",
        &format!(
            "{IDS} | to=bob@example.com | client=ex01 | id=11 | context={TO_STORE} | {INSIDE}"
        ),
    );
    let inferred = &log.message().recipients["bob@example.com"];
    assert_eq!((inferred.fate, inferred.note), ("delivered", "inferred"));
    assert_eq!(
        (inferred.at, inferred.server.as_deref()),
        (at("09:00:01.000"), Some("mb01"))
    );
    for (hours, fate) in [
        (["08", "08"], "delivered"),
        (["08", "09"], "unknown"),
        (["08", "10"], "unknown"),
        (["08", "11"], "delivered"),
        (["09", "10"], "delivered"),
    ] {
        let other = hours.iter().fold(Log::new(27), |other, hour| {
            other.row(
                &format!("{hour}:30:00"),
                "STOREDRIVER",
                "DELIVER",
                "mid=<o@example.com> | nid=n9 | to=eve@example.com | client=ex01 | server=mb01 | id=99",
            )
        });
        let messages = judge(&[&log, &other]);
        let message = messages
            .iter()
            .find(|message| message.network_message_id == "n1")
            .unwrap();
        assert_eq!(fates(message), [("bob@example.com", fate)], "{hours:?}");
    }
}

#[test]
fn rows_collected_twice_count_once() {
    let with_log_id = Log::new(30)
        .row(
            "09:00:00",
            "SMTP",
            "RECEIVE",
            &format!("{IDS} | to=b@e | server=ex01 | id=1 | log-id=x"),
        )
        .row(
            "09:00:00",
            "SMTP",
            "RECEIVE",
            &format!("{IDS} | to=b@e | server=EX01 | id=1 | log-id=x"),
        );
    assert_eq!(with_log_id.message().rows, 1);
    let without = Log::new(26)
        .row(
            "09:00:00",
            "SMTP",
            "RECEIVE",
            "mid=<m> | to=b@e | server=ex01 | id=1",
        )
        .row(
            "09:00:00.001",
            "SMTP",
            "RECEIVE",
            "mid=<m> | to=b@e | server=ex01 | id=1",
        );
    assert_eq!(judge(&[&without, &without])[0].rows, 2);
}

#[test]
fn duplicates_are_with_the_store() {
    let row = "to=bob@example.com | client=ex01 | server=mb01 | id=11";
    let log = submitted("bob@example.com").row(
        "09:00:01",
        "STOREDRIVER",
        "DUPLICATEDELIVER",
        &format!("{IDS} | {row}"),
    );
    let alone = &log.message().recipients["bob@example.com"];
    assert_eq!(
        (alone.fate, alone.note),
        ("delivered", "duplicate of unseen")
    );
    // Another instance of the same Message-ID has it.
    let log = log.row(
        "09:00:02",
        "STOREDRIVER",
        "DELIVER",
        &format!("mid=<m1@example.com> | nid=n7 | {row}"),
    );
    let messages = log.messages();
    assert_eq!(messages.len(), 2);
    assert_eq!(messages[0].recipients["bob@example.com"].note, "");
}

#[test]
fn submit_to_deliver_in_2007() {
    for log in [
        Log::new(21),
        Log::headless(21),
        Log::new(26),
        Log::headless(26),
    ] {
        let log = log
            .row(
                "09:00:00",
                "STOREDRIVER",
                "SUBMIT",
                "mid=<m@example.com> | client=MB01 | server=hub01 | from=ann@example.com",
            )
            .row(
                "09:00:00.200",
                "STOREDRIVER",
                "RECEIVE",
                "mid=<m@example.com> | client=mb01 | server=hub01.example.com | id=7 | to=bob@example.com;cid@example.net",
            )
            .row(
                "09:00:00.300",
                "ROUTING",
                "TRANSFER",
                "mid=<m@example.com> | server=hub01 | id=8 | ref=7 | to=cid@example.net",
            )
            .row(
                "09:00:00.400",
                "STOREDRIVER",
                "DELIVER",
                "mid=<m@example.com> | client=hub01 | server=mb02 | id=7 | to=bob@example.com",
            )
            .row(
                "09:00:01",
                "SMTP",
                "SEND",
                "mid=<m@example.com> | client=hub01 | server=mx.example.net | id=8 | to=cid@example.net | context=;250 2.0.0 Ok: queued as 1",
            );
        let message = log.message();
        assert_eq!(
            fates(&message),
            [
                ("bob@example.com", "delivered"),
                ("cid@example.net", "transferred")
            ]
        );
        let bob = &message.recipients["bob@example.com"];
        assert_eq!(
            (bob.server.as_deref(), bob.latency_ms),
            (Some("mb02"), Some(400))
        );
        assert_eq!(
            (message.status, message.entry, message.rows),
            ("delivered", "submitted", 5)
        );
    }
}

#[test]
fn a_reply_of_2010_names_no_host() {
    let log = Log::new(26)
        .row("09:00:00", "SMTP", "RECEIVE", "mid=<m> | server=hub01 | id=7 | to=bob@example.com")
        .row(
            "09:00:01",
            "SMTP",
            "SEND",
            "mid=<m> | client=hub01 | server=hub02.example.com | id=7 | to=bob@example.com | \
             connector=Intra-Organization SMTP Send Connector | context=250 2.6.0 <m> [InternalId=274498] Queued",
        );
    let bob = &log.message().recipients["bob@example.com"];
    assert_eq!(
        (bob.fate, bob.server.clone(), bob.at),
        ("unknown", None, at("09:00:01.000"))
    );
    let log = log
        .row(
            "09:00:01",
            "SMTP",
            "RECEIVE",
            "mid=<m> | server=hub02 | id=274498 | to=bob@example.com",
        )
        .row(
            "09:00:09",
            "SMTP",
            "RECEIVE",
            "mid=<other> | server=hub02 | id=274499 | to=x@example.com",
        );
    let messages = log.messages();
    let bob = &messages[0].recipients["bob@example.com"];
    assert_eq!(
        (bob.fate, bob.server.as_deref()),
        ("pending", Some("hub02"))
    );
}

#[test]
fn a_blank_message_id_is_joined_by_its_copy() {
    for ids in [IDS, "mid=<m1@example.com>"] {
        let log = Log::new(30)
            .row(
                "09:00:00",
                "SMTP",
                "RECEIVE",
                &format!("{ids} | server=ex01 | id=11 | to=bob@example.com"),
            )
            .row(
                "09:00:01",
                "AGENT",
                "FAIL",
                "server=ex01 | id=11 | to=bob@example.com | context=Transport Rule Agent",
            )
            .row("09:00:02", "STOREDRIVER", "NOTIFYMAPI", "client=ex01");
        let message = log.message();
        assert_eq!(fates(&message), [("bob@example.com", "failed")]);
        assert_eq!(message.rows, 2);
    }
}

#[test]
fn refused_before_acceptance() {
    let log = Log::new(30).row(
        "09:00:00",
        "SMTP",
        "FAIL",
        &format!("{IDS} | client=ex01 | id=0 | to=bob@example.com | bytes=0"),
    );
    let message = log.message();
    assert_eq!(fates(&message), [("bob@example.com", "rejected")]);
    assert_eq!(message.status, "failed");
}

#[test]
fn instances_of_one_message_id_stay_apart() {
    let row = |nid: &str| format!("mid=<m> | nid={nid} | server=ex01 | to=bob@example.com");
    let log = Log::new(27)
        .row(
            "09:00:00",
            "SMTP",
            "RECEIVE",
            &format!("{} | id=1", row("n1")),
        )
        .row(
            "09:00:01",
            "SMTP",
            "RECEIVE",
            &format!("{} | id=2", row("n2")),
        )
        .row("09:00:02", "AGENT", "DROP", &format!("{} | id=2", row("")));
    let messages = log.messages();
    assert_eq!(messages.len(), 2);
    assert_eq!(fates(&messages[0]), [("bob@example.com", "pending")]);
    assert_eq!(fates(&messages[1]), [("bob@example.com", "dropped")]);
}

#[test]
fn classes() {
    let class = |from: &str, to: &str, back: &str| {
        let row =
            format!("mid=<m> | nid=n | from={from} | to={to} | return={back} | server=ex01 | id=1");
        Log::new(30)
            .row("09:00:00", "SMTP", "RECEIVE", &row)
            .message()
            .class
    };
    assert_eq!(
        class("a@example.com", "b@example.com", "a@example.com"),
        "mail"
    );
    assert_eq!(class("a@example.com", "b@example.com", "<>"), "report");
    assert_eq!(
        class("HealthMailbox12@example.com", "b@example.com", "<>"),
        "probe"
    );
    assert_eq!(
        class(
            "a@example.com",
            "b@example.com;HealthMailboxa@example.com",
            ""
        ),
        "probe"
    );
    assert_eq!(
        class("inboundproxy@example.com", "b@example.com", ""),
        "probe"
    );
    assert_eq!(
        class("a@example.com", "SystemMailbox{1}@example.com", ""),
        "system"
    );
    assert_eq!(
        class(
            "a@example.com",
            "SystemMailbox{1}@example.com;b@example.com",
            ""
        ),
        "mail"
    );
    let exchange = "MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@example.com";
    assert_eq!(class(exchange, "b@example.com", exchange), "system");
    assert_eq!(class(exchange, "b@example.com", "<>"), "report");
}

#[test]
fn other_logs_and_broken_rows_are_passed_over() {
    let mut other = submitted("bob@example.com");
    other.text = other
        .text
        .replace("Message Tracking Log", "SMTP Receive Protocol Log");
    assert_eq!(other.messages(), []);
    let mut cut = submitted("bob@example.com");
    cut.text
        .push_str("2026-03-01T09:00:01.000Z,,ex01,\"open quote, and then\r\n");
    let cut = cut.row(
        "09:00:01",
        "STOREDRIVER",
        "DELIVER",
        &format!("{IDS} | to=bob@example.com | client=ex01 | server=mb01 | id=11 | message-subject=a \"b\", c"),
    );
    let message = cut.message();
    assert_eq!((message.status, message.rows), ("delivered", 4));
}

#[test]
fn a_new_header_binds_anew() {
    let mut log = submitted("bob@example.com");
    let old = Log::new(26).row(
        "08:00:00",
        "SMTP",
        "RECEIVE",
        "mid=<o> | server=hub01 | id=1 | to=x@e",
    );
    log.text.push_str(old.text.trim_start_matches('\u{feff}'));
    let messages = log.messages();
    assert_eq!(messages.len(), 2);
    assert_eq!(messages[0].message_id, "<o>");
}

#[test]
fn times() {
    assert_eq!(read::milliseconds("1970-01-01T00:00:00.000Z"), Some(0));
    assert_eq!(
        read::milliseconds("2023-04-02T14:45:54.4001234Z"),
        Some(1_680_446_754_400)
    );
    assert_eq!(
        read::milliseconds("2024-02-29T00:00:00Z"),
        Some(1_709_164_800_000)
    );
    assert_eq!(read::milliseconds("2024-02-29 00:00:00"), None);
}

/// The real rows are not part of the repository.
#[test]
fn the_real_flow_of_2016() {
    let sample = "../shared/samples/modern/flow-2016.log";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(sample);
    let Ok(bytes) = std::fs::read(path) else {
        return;
    };
    let found = messages(&[("flow".to_string(), bytes)]);
    assert_eq!(found.len(), 1, "{found:#?}");
    let (email1, email2) = ("email1@test.com", "email2@gmail.com");
    assert_eq!(
        fates(&found[0]),
        [
            (email1, "delivered"),
            (email2, "transferred"),
            ("email3@gmail.com", "transferred")
        ]
    );
    assert_eq!(
        found[0].recipients[email1].server.as_deref(),
        Some("1mail-exch01")
    );
    assert_eq!(found[0].recipients[email1].latency_ms, Some(374));
    assert_eq!(
        found[0].recipients[email2].server.as_deref(),
        Some("1mail-edge01")
    );
    assert_eq!(
        (found[0].rows, found[0].status, found[0].entry),
        (15, "delivered", "submitted")
    );
}

#[test]
fn an_inferred_delivery_outranks_a_failure_elsewhere() {
    let ids = format!("{IDS} | to=bob@example.com | client=ex01");
    let log = submitted("bob@example.com")
        .row(
            "09:00:01",
            "SMTP",
            "SEND",
            &format!("{ids} | id=11 | context={TO_STORE} | {INSIDE}"),
        )
        .row("09:00:02", "SMTP", "FAIL", &format!("{ids} | id=15"));
    assert_eq!(fates(&log.message()), [("bob@example.com", "delivered")]);
}

#[test]
fn submission_alone() {
    let log = |with_submit: bool| {
        let mut log = submitted("bob@example.com");
        let keep = |line: &&str| {
            !line.contains(",SMTP,RECEIVE,") && (with_submit || !line.contains(",SUBMIT,"))
        };
        log.text = log
            .text
            .lines()
            .filter(keep)
            .map(|line| format!("{line}\n"))
            .collect();
        log
    };
    let handed = &log(true).message().recipients["bob@example.com"];
    assert_eq!((handed.fate, handed.server.clone()), ("unknown", None));
    assert_eq!(handed.at, at("09:00:00.310"));
    let kept = &log(false).message().recipients["bob@example.com"];
    assert_eq!(
        (kept.fate, kept.server.as_deref()),
        ("unknown", Some("ex01"))
    );
    let later = Log::new(30).row("10:00:00", "STOREDRIVER", "NOTIFYMAPI", "client=ex01");
    assert_eq!(judge(&[&log(false), &later])[0].status, "pending");
    let put_off = format!("{IDS} | to=bob@example.com | client=ex01 | server=ex01");
    let put_off = log(false).row("09:00:05", "STOREDRIVER", "SUBMITDEFER", &put_off);
    assert_eq!(
        put_off.message().recipients["bob@example.com"].at,
        at("09:00:05.000")
    );
    assert_eq!(put_off.message().status, "pending");
}

#[test]
fn a_shadow_copy_is_never_a_delivery() {
    let row = |event: &str| format!("{IDS} | to=bob@example.com | server=ex09 | id=77 | {event}");
    let log = Log::new(30)
        .row("09:00:00", "SMTP", "HARECEIVE", &row("client=ex01"))
        .row("09:00:09", "SMTP", "HADISCARD", &row("client=ex01"));
    let message = log.message();
    assert_eq!(
        (message.recipients.len(), message.status, message.rows),
        (0, "unknown", 2)
    );
}

#[test]
fn put_back_after_it_was_sent() {
    let ids = format!("{IDS} | to=bob@example.com | id=11");
    let log = submitted("bob@example.com")
        .row(
            "09:00:01",
            "SMTP",
            "SEND",
            &format!("{ids} | client=ex01 | context={TO_EX02} | {INSIDE}"),
        )
        .row(
            "12:00:00",
            "REDUNDANCY",
            "RESUBMIT",
            &format!("{ids} | server=ex01"),
        )
        .row("13:00:00", "STOREDRIVER", "NOTIFYMAPI", "client=ex01");
    let bob = &log.message().recipients["bob@example.com"];
    assert_eq!((bob.fate, bob.at), ("pending", at("12:00:00.000")));
}

#[test]
fn a_member_that_was_addressed_itself_came_by_no_list() {
    let list = |event: &str, to: &str| {
        (
            event.to_string(),
            format!("{IDS} | server=ex01 | id=11 | to={to} | was=all@example.com"),
        )
    };
    let (expand, members) = list("EXPAND", "bob@example.com;cid@example.com");
    let (duplicate, member) = list("DUPLICATEEXPAND", "bob@example.com");
    let log = submitted("bob@example.com;all@example.com")
        .row("09:00:00.400", "ROUTING", &expand, &members)
        .row("09:00:00.401", "ROUTING", &duplicate, &member);
    let message = log.message();
    assert_eq!(via(&message.recipients["bob@example.com"]), []);
    assert_eq!(
        via(&message.recipients["cid@example.com"]),
        [("expanded", "all@example.com")]
    );
}
