//! What single lines of Postfix, Exim and Sendmail mean for the messages that they are about.
//!
//! In: logs of a few lines. Out: the fates, links and reasons that follow from them.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use serde_json::Value;

use super::laboratory::{
    fates, fixtures, folder, lay_out, one, paths, score, text_of, truth, waybill,
};

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
    // The log of the other host begins before the hand-over and ends behind it.
    for (second, text) in [
        (20, "connect from o.test[192.0.2.8]"),
        (40, "F1B2C3D4E51: client=o.test[192.0.2.8]"),
    ] {
        log += &line(second, "mx2", ("smtpd[1]", text));
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

/// A client that breaks off has given nothing, whichever of the two forms Postfix says it in; one whose message was there
/// before is not asked again.
#[test]
fn a_client_that_breaks_off_has_given_nothing() {
    let taken = |at: u32, pid: u32, id: &str| {
        format!(
            "2026-05-01T10:00:{at:02}.1Z mx postfix/smtpd[{pid}]: {id}: client=c.test[192.0.2.1]\n\
             2026-05-01T10:00:{at:02}.2Z mx postfix/cleanup[9]: {id}: message-id=<{id}@x>\n"
        )
    };
    let smtpd = |at: u32, pid: u32, what: &str| {
        format!(
            "2026-05-01T10:00:{at:02}.9Z mx postfix/smtpd[{pid}]: {what} from c.test[192.0.2.1]\n"
        )
    };
    let log = [
        taken(1, 5, "A1B2C3D4E51"),
        "2026-05-01T10:00:01.3Z mx postfix/qmgr[8]: A1B2C3D4E51: from=<s@x.test>, size=1, nrcpt=1 (queue active)\n".into(),
        "2026-05-01T10:00:01.5Z mx postfix/local[7]: A1B2C3D4E51: to=<r@y.test>, relay=local, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (delivered to mailbox)\n".into(),
        taken(2, 6, "A1B2C3D4E52"),
        smtpd(3, 5, "lost connection after RCPT"),
        taken(4, 5, "A1B2C3D4E53"),
        smtpd(20, 5, "lost connection after DATA (512 bytes)"),
        taken(21, 7, "A1B2C3D4E54"),
        smtpd(22, 7, "A1B2C3D4E54: timeout after DATA (0 bytes)"),
        // Its last byte was there: the queue has it.
        taken(23, 10, "A1B2C3D4E55"),
        smtpd(24, 10, "lost connection after END-OF-MESSAGE"),
    ]
    .concat();
    let dir = folder(&[("mail.log", log.into())]);
    for chunk in ["150", "400", "1000000"] {
        let found = paths(dir.path(), &["--chunk-bytes", chunk]);
        let told = found.iter().map(|path| {
            let id = path["other_ids"][0].as_str().unwrap();
            format!("{id} {} {}", path["status"].as_str().unwrap(), path["rows"])
        });
        let want = [
            "A1B2C3D4E51 delivered 4",
            "A1B2C3D4E52 unknown 2",
            "A1B2C3D4E53 failed 3",
            "A1B2C3D4E54 failed 3",
            "A1B2C3D4E55 unknown 2",
        ];
        assert_eq!(told.collect::<Vec<_>>(), want, "{chunk}");
    }
}

/// postscreen writes the client's port behind its address; the reason begins behind it.
#[test]
fn what_postscreen_refuses_has_its_reason() {
    let log = "2026-05-01T10:00:00Z mx postfix/postscreen[1]: NOQUEUE: reject: RCPT from [192.0.2.7]:1234: 550 5.7.1 Service unavailable; client [192.0.2.7] blocked; from=<s@x.test>, to=<r@y.test>, proto=ESMTP, helo=<h>\n";
    let dir = folder(&[("mx.log", log.into())]);
    let reason = &paths(dir.path(), &[])[0]["recipients"][0]["reason"];
    assert_eq!(
        reason,
        "550 5.7.1 Service unavailable; client [192.0.2.7] blocked"
    );
}

/// An alias to `/dev/null` is no mailbox, whichever program delivers there.
#[test]
fn what_goes_to_dev_null_is_dropped() {
    let postfix = "2026-05-01T10:00:00Z mx postfix/smtpd[1]: A1B2C3D4E5F: client=c[192.0.2.1]\n\
         2026-05-01T10:00:00Z mx postfix/cleanup[1]: A1B2C3D4E5F: message-id=<p@x>\n\
         2026-05-01T10:00:00Z mx postfix/qmgr[1]: A1B2C3D4E5F: from=<s@x.test>, size=9, nrcpt=2 (queue active)\n\
         2026-05-01T10:00:01Z mx postfix/local[1]: A1B2C3D4E5F: to=<noreply@y.test>, relay=local, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (delivered to file: /dev/null)\n\
         2026-05-01T10:00:01Z mx postfix/local[1]: A1B2C3D4E5F: to=<list@y.test>, relay=local, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (delivered to file: /var/list)\n";
    let exim = "2026-05-01 10:00:00 1wIkfA-0000000001A-0aaa <= s@x.test H=c [192.0.2.1] P=esmtp S=9 id=e@x\n\
         2026-05-01 10:00:01 1wIkfA-0000000001A-0aaa => /dev/null <noreply@y.test> R=aliases T=**bypassed**\n\
         2026-05-01 10:00:01 1wIkfA-0000000001A-0aaa => r <r@y.test> R=local T=maildir\n";
    let sendmail = "2026-05-01T10:00:01Z sm1 sendmail[399]: 641A0179000399: from=<s@x.test>, size=9, class=0, nrcpts=2, msgid=<m@x>, proto=ESMTP, daemon=MTA, relay=c [192.0.2.1]\n\
         2026-05-01T10:00:02Z sm1 sendmail[400]: 641A0179000399: to=/dev/null, ctladdr=<noreply@y.test> (8/0), delay=00:00:01, xdelay=00:00:00, mailer=*file*, pri=30, dsn=2.0.0, stat=Sent\n\
         2026-05-01T10:00:02Z sm1 sendmail[400]: 641A0179000399: to=<r@y.test>, delay=00:00:01, xdelay=00:00:00, mailer=local, pri=30, dsn=2.0.0, stat=Sent\n";
    let dir = folder(&[
        ("mx.log", postfix.into()),
        ("ex.mainlog", exim.into()),
        ("sm1.log", sendmail.into()),
    ]);
    for (id, host, other) in [
        ("<p@x>", "mx", "list"),
        ("<e@x>", "ex", "r"),
        ("<m@x>", "sm1", "r"),
    ] {
        let want = [
            format!("noreply@y.test dropped {host}"),
            format!("{other}@y.test delivered {host}"),
        ];
        assert_eq!(fates(&one(dir.path(), id)), want);
    }
}

/// `check_compat` decides about one recipient, its second argument.
#[test]
fn what_check_compat_discards_is_discarded_for_one() {
    let log = "2026-05-01T10:00:01Z sm1 sendmail[399]: 641A0179000399: from=<s@x.test>, size=9, class=0, nrcpts=2, msgid=<m@x>, proto=ESMTP, daemon=MTA, relay=c [192.0.2.1]\n\
         2026-05-01T10:00:02Z sm1 sendmail[400]: 641A0179000399: ruleset=check_compat, arg1=<s@x.test>, arg2=<spam@y.test>, discard\n\
         2026-05-01T10:00:02Z sm1 sendmail[400]: 641A0179000399: to=<r@y.test>, delay=00:00:01, xdelay=00:00:00, mailer=local, pri=30, dsn=2.0.0, stat=Sent\n";
    let gives = "2026-05-01T10:00:00.1Z gw postfix/smtpd[1]: AAAAAA1: client=pc[10.9.9.9]\n\
         2026-05-01T10:00:00.2Z gw postfix/cleanup[1]: AAAAAA1: message-id=<m@x>\n\
         2026-05-01T10:00:00.3Z gw postfix/qmgr[1]: AAAAAA1: from=<s@x.test>, size=9, nrcpt=2 (queue active)\n\
         2026-05-01T10:00:01.3Z gw postfix/smtp[1]: AAAAAA1: to=<spam@y.test>, relay=sm1[10.0.0.5]:25, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 2.0.0 641A0179000399 Message accepted for delivery)\n\
         2026-05-01T10:00:01.3Z gw postfix/smtp[1]: AAAAAA1: to=<r@y.test>, relay=sm1[10.0.0.5]:25, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 2.0.0 641A0179000399 Message accepted for delivery)\n";
    let dir = folder(&[("sm1.log", log.into()), ("gw.log", gives.into())]);
    assert_eq!(
        fates(&one(dir.path(), "<m@x>")),
        ["spam@y.test dropped sm1", "r@y.test delivered sm1"]
    );
}

/// Exim's stamps say their year: `check` names only the zone that they are read by.
#[test]
fn check_names_no_year_where_stamps_have_one() {
    let log = "2026-05-01 10:00:00 1wIkfA-0000000001A-0aaa <= s@x.test H=c [192.0.2.1] P=esmtp S=9 id=e@x\n";
    let dir = folder(&[("ex.mainlog", log.into())]);
    let text = text_of(&["check", dir.path().to_str().unwrap(), "--quiet"]);
    assert!(text.contains("ex.mainlog: +00:00, "), "{text}");
}

/// A filter that takes a message says so in the reply, whatever the program that hands it over makes of it.
#[test]
fn what_a_filter_takes_and_keeps_is_dropped_and_what_it_returns_failed() {
    let postfix = |reply: &str| {
        format!(
            "2026-05-01T10:00:00.1Z gw postfix/smtpd[1]: AAAAAA1: client=pc[10.9.9.9]\n\
             2026-05-01T10:00:00.2Z gw postfix/cleanup[1]: AAAAAA1: message-id=<m@x>\n\
             2026-05-01T10:00:00.3Z gw postfix/qmgr[1]: AAAAAA1: from=<s@x.test>, size=9, nrcpt=1 (queue active)\n\
             2026-05-01T10:00:01.3Z gw postfix/smtp[1]: AAAAAA1: to=<r@y.test>, relay=127.0.0.1[127.0.0.1]:10024, delay=1, delays=0/0/0/1, dsn=2.7.0, status=sent ({reply})\n"
        )
    };
    let lmtp = |reply: &str| postfix(reply).replace("postfix/smtp[", "postfix/lmtp[");
    let exim = |reply: &str| {
        format!(
            "2026-05-01 10:00:00 1wIkfA-0000000001A-0aaa <= s@x.test H=c [192.0.2.1] P=esmtp S=9 id=m@x\n\
             2026-05-01 10:00:01 1wIkfA-0000000001A-0aaa => r@y.test R=amavis T=amavis H=127.0.0.1 [127.0.0.1]:10024 C=\"{reply}\"\n\
             2026-05-01 10:00:01 1wIkfA-0000000001A-0aaa Completed\n"
        )
    };
    let sendmail = |reply: &str| {
        format!(
            "2026-05-01T10:00:01Z sm1 sendmail[399]: 641A0179000399: from=<s@x.test>, size=9, class=0, nrcpts=1, msgid=<m@x>, proto=ESMTP, daemon=MTA, relay=c [192.0.2.1]\n\
             2026-05-01T10:00:02Z sm1 sendmail[400]: 641A0179000399: to=<r@y.test>, delay=00:00:01, xdelay=00:00:00, mailer=esmtp, pri=30, relay=[127.0.0.1], dsn=2.7.0, stat=Sent ({})\n",
            reply.strip_prefix("250 ").unwrap()
        )
    };
    let logs: [&dyn Fn(&str) -> String; 4] = [&postfix, &lmtp, &exim, &sendmail];
    for (reply, fate) in [
        ("250 2.7.0 Ok, discarded, id=03774-01 - SPAM", "dropped"),
        (
            "250 2.5.0 Ok, id=03164-18, DISCARD(bounce.suppressed)",
            "dropped",
        ),
        ("250 2.5.0 Ok, id=18438-02, BOUNCE", "failed"),
    ] {
        for log in logs {
            let dir = folder(&[("mail.log", log(reply).into())]);
            let path = one(dir.path(), "<m@x>");
            let want = format!("r@y.test {fate} ");
            assert!(fates(&path)[0].starts_with(&want), "{want}: {path}");
        }
    }
}

/// Exim says nothing of an alias of somebody who gets the message already. Where the next host was given that address, a line
/// was lost, and nobody became another.
#[test]
fn whom_the_next_host_was_given_was_not_merged_into_another() {
    let exim = "2026-05-01 10:00:01 +0000 1wIm0f-000001-01 <= s@x.test H=c.test [192.0.2.1] P=esmtp S=9 id=m@x.test for a@y.test b@y.test\n\
         2026-05-01 10:00:02 +0000 1wIm0f-000001-01 => a@y.test R=onward T=remote_smtp H=mx.y.test [10.0.0.5] C=\"250 2.0.0 Ok: queued as 4F1B2C3D4E5\"\n\
         2026-05-01 10:00:02 +0000 1wIm0f-000001-01 Completed\n";
    let mut next = String::from(
        "2026-05-01T10:00:01.1Z mx postfix/smtpd[1]: 4F1B2C3D4E5: client=gw[10.0.0.1]\n\
         2026-05-01T10:00:01.2Z mx postfix/cleanup[1]: 4F1B2C3D4E5: message-id=<m@x.test>\n",
    );
    let kept = |who: &str| {
        format!(
            "2026-05-01T10:00:03Z mx postfix/local[1]: 4F1B2C3D4E5: to=<{who}@y.test>, relay=local, delay=1, \
             delays=0/0/0/1, dsn=2.0.0, status=sent (delivered to mailbox)\n"
        )
    };
    next += &kept("a");
    let merged = folder(&[("ex.mainlog", exim.into()), ("mx.log", next.clone().into())]);
    let path = one(merged.path(), "<m@x.test>");
    assert_eq!(
        fates(&path),
        ["a@y.test delivered mx", "b@y.test redirected ex"]
    );
    next += &kept("b");
    let given = folder(&[("ex.mainlog", exim.into()), ("mx.log", next.into())]);
    let path = one(given.path(), "<m@x.test>");
    assert_eq!(
        fates(&path),
        ["a@y.test delivered mx", "b@y.test delivered mx"]
    );
}
