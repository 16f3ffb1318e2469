//! What Exchange makes of a message beside delivering it: forwards by rules, questions to moderators, journal copies; and
//! what it ends without any status.
//!
//! In: rows of 2016 written by hand. Out: links and reasons, as `paths` and `trace` tell them.

use serde_json::Value;

use super::laboratory::{folder, one, paths, text_of};

/// Time, source and event, id (of copy and message), recipient, reference.
type Row<'r> = (&'r str, &'r str, &'r str, &'r str, &'r str);

fn log(rows: &[Row<'_>]) -> Vec<u8> {
    let mut log = String::from(
        "#Software: Microsoft Exchange Server\n#Log-type: Message Tracking Log\n#Fields: date-time,client-hostname,\
         server-hostname,source-context,source,event-id,internal-message-id,message-id,network-message-id,\
         recipient-address,reference,message-subject,sender-address,return-path\n",
    );
    for (time, what, id, to, reference) in rows {
        let number = id.len();
        log += &format!(
            "2026-03-02T{time}.000Z,ex01,ex01,,{what},{number},<{id}@own.test>,00000000-0000-0000-0000-{number:012},{to},\
             {reference},Hello,ann@own.test,ann@own.test\n"
        );
    }
    log.into_bytes()
}

fn related(path: &Value) -> String {
    let all = path["related"].as_array().unwrap().iter();
    let all = all.map(|r| {
        format!(
            "{} {}",
            r["kind"].as_str().unwrap(),
            r["message_id"].as_str().unwrap()
        )
    });
    all.collect::<Vec<_>>().join(", ")
}

#[test]
fn what_rules_and_moderators_get_is_no_journal_copy() {
    for (source, kind, made, made_of) in [
        ("AGENT", "journal", "journal copy:", "journal copy of"),
        (
            "MAILBOXRULE",
            "forward",
            "made from this one by a rule, or for approval:",
            "made by a rule, or for approval, from",
        ),
        (
            "APPROVAL",
            "forward",
            "made from this one by a rule, or for approval:",
            "made by a rule, or for approval, from",
        ),
    ] {
        let of_source = format!("{source},RECEIVE");
        let rows = [
            ("09:00:00", "SMTP,RECEIVE", "one", "bob@own.test", ""),
            ("09:00:01", "STOREDRIVER,DELIVER", "one", "bob@own.test", ""),
            (
                "09:00:02",
                &of_source,
                "other",
                "cat@own.test",
                "<one@own.test>",
            ),
            (
                "09:00:03",
                "STOREDRIVER,DELIVER",
                "other",
                "cat@own.test",
                "",
            ),
        ];
        let dir = folder(&[("MSGTRK2026030209-1.LOG", log(&rows))]);
        let told = ["<one@own.test>", "<other@own.test>"].map(|id| related(&one(dir.path(), id)));
        let want = [
            format!("{kind} <other@own.test>"),
            format!("{kind} <one@own.test>"),
        ];
        assert_eq!(told, want);
        let text = text_of(&["trace", dir.path().to_str().unwrap()]);
        for words in [made, made_of] {
            assert!(text.contains(words), "{words}: {text}");
        }
    }
}

/// No status stands in such rows: the event's name is all that tells.
#[test]
fn what_waits_for_a_moderator_or_was_refused_by_him_says_so() {
    let asked = [
        ("09:00:00", "SMTP,RECEIVE", "one", "bob@own.test", ""),
        (
            "09:00:01",
            "APPROVAL,INITMESSAGECREATED",
            "one",
            "bob@own.test",
            "",
        ),
        ("20:00:00", "SMTP,RECEIVE", "later", "cat@own.test", ""),
    ];
    let reason = |more: &str| {
        let mut rows = asked.to_vec();
        if !more.is_empty() {
            rows.push(("10:00:00", more, "one", "bob@own.test", ""));
        }
        let dir = folder(&[("MSGTRK2026030209-1.LOG", log(&rows))]);
        let told = &one(dir.path(), "<one@own.test>")["recipients"][0];
        ["status", "reason"].map(|key| told[key].as_str().unwrap_or("").to_owned())
    };
    assert_eq!(reason(""), ["pending", "INITMESSAGECREATED"]);
    for event in ["MODERATORREJECT", "MODERATIONEXPIRE"] {
        assert_eq!(reason(&format!("APPROVAL,{event}")), ["failed", event]);
    }
    assert_eq!(
        reason("POISONMESSAGE,POISONMESSAGE"),
        ["failed", "POISONMESSAGE"]
    );
}

/// The store tells duplicates by Message-ID, which broken software uses again and again.
#[test]
fn a_duplicate_of_another_message_is_said_to_be_one() {
    let mut text = String::from_utf8(log(&[
        ("09:00:00", "SMTP,RECEIVE", "one", "cat@own.test", ""),
        ("09:00:01", "STOREDRIVER,DELIVER", "one", "cat@own.test", ""),
    ]))
    .unwrap();
    let second = String::from_utf8(log(&[
        ("10:00:00", "SMTP,RECEIVE", "other", "bob@own.test", ""),
        (
            "10:00:01",
            "STOREDRIVER,DUPLICATEDELIVER",
            "other",
            "bob@own.test",
            "",
        ),
    ]))
    .unwrap();
    let rows = second.lines().filter(|line| !line.starts_with('#'));
    rows.for_each(|line| text += &format!("{}\n", line.replace("<other@", "<one@")));
    let dir = folder(&[("MSGTRK2026030209-1.LOG", text.into())]);
    let found = paths(dir.path(), &[]);
    let of = |who: &str| {
        let all = found.iter().map(|path| &path["recipients"][0]);
        let told = all.into_iter().find(|r| r["address"] == who).unwrap();
        told["reason"].as_str().unwrap_or("").to_owned()
    };
    assert_eq!(of("cat@own.test"), "");
    assert!(of("bob@own.test").contains("another message has the same Message-ID"));
}
