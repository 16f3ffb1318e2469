//! What Exchange makes of a message beside delivering it: forwards by rules, questions to moderators, journal copies; and
//! what it ends without any status.
//!
//! In: rows of 2016 written by hand. Out: links and reasons, as `paths` and `trace` tell them.

use serde_json::Value;

use super::laboratory::{fates, folder, one, paths, text_of};

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

/// Inbox rules refer to the copy that came in by its number on the server. Numbers come again: the last one counts.
#[test]
fn a_forward_that_names_only_the_copy_is_tied_and_told_as_a_way_out() {
    let rows = [
        ("07:00:00", "SMTP,RECEIVE", "old", "bob@own.test", ""),
        ("07:00:01", "STOREDRIVER,DELIVER", "old", "bob@own.test", ""),
        ("09:00:00", "SMTP,RECEIVE", "one", "bob@own.test", ""),
        ("09:00:01", "STOREDRIVER,DELIVER", "one", "bob@own.test", ""),
        (
            "09:00:02",
            "MAILBOXRULE,RECEIVE",
            "other",
            "x@far.test",
            "3",
        ),
        ("09:00:03", "SMTP,SENDEXTERNAL", "other", "x@far.test", ""),
        ("10:00:00", "SMTP,RECEIVE", "new", "bob@own.test", ""),
        ("10:00:01", "STOREDRIVER,DELIVER", "new", "bob@own.test", ""),
    ];
    // No network-message-ids, as up to 2010.
    let text = String::from_utf8(log(&rows)).unwrap();
    let text: Vec<&str> = text.split(",network-message-id").collect();
    let text = text
        .concat()
        .replace(",00000000-0000-0000-0000-000000000003", "");
    let text = text.replace(",00000000-0000-0000-0000-000000000005", "");
    let dir = folder(&[("MSGTRK2026030209-1.LOG", text.into_bytes())]);
    let told = ["old", "one", "other", "new"]
        .map(|id| related(&one(dir.path(), &format!("<{id}@own.test>"))));
    assert_eq!(
        told,
        ["", "forward <other@own.test>", "forward <one@own.test>", ""]
    );
    let log = dir.path().to_str().unwrap();
    let report = text_of(&["report", "--format", "json", log]);
    let report: Value = serde_json::from_str(&report).unwrap();
    let trouble = report["trouble"].as_array().unwrap().iter();
    let mut forwards = trouble.filter(|t| t["kind"] == "forward");
    let told = forwards.next().unwrap()["evidence"][0].to_string();
    assert_eq!(told, "\"ann@own.test > x@far.test: 1 message\"");
}

/// Exchange takes a message for some recipients and refuses others at the door, under the same network-message-id.
#[test]
fn a_recipient_refused_at_the_door_of_an_accepted_message_is_rejected() {
    let refusal = ("09:00:00", "SMTP,FAIL", "one", "no@own.test", "");
    let accepted = ("09:00:01", "SMTP,RECEIVE", "one", "bob@own.test", "");
    let rows = log(&[refusal, accepted]);
    let at_the_door = String::from_utf8(rows)
        .unwrap()
        .replacen("FAIL,3", "FAIL,0", 1);
    let dir = folder(&[("MSGTRK2026030209-1.LOG", at_the_door.clone().into_bytes())]);
    let told = fates(&one(dir.path(), "<one@own.test>"));
    assert_eq!(
        told,
        ["no@own.test rejected ex01", "bob@own.test unknown ex01"]
    );
    // Whom the server had taken before cannot be refused any more.
    let later = at_the_door.replacen("09:00:00", "09:00:02", 1);
    let later = later.replacen(
        "RECEIVE,3,<one@own.test>,00000000-0000-0000-0000-000000000003,bob",
        "RECEIVE,3,<one@own.test>,00000000-0000-0000-0000-000000000003,no",
        1,
    );
    let dir = folder(&[("MSGTRK2026030209-1.LOG", later.into_bytes())]);
    assert_eq!(
        fates(&one(dir.path(), "<one@own.test>")),
        ["no@own.test failed ex01"]
    );
}

/// "An attempt that failed and later succeeded is delivered, with the failed attempt in its history."
#[test]
fn a_failed_attempt_stays_in_the_history_of_what_arrived() {
    let rows = log(&[
        ("09:00:00", "SMTP,RECEIVE", "one", "bob@own.test", ""),
        ("09:00:01", "SMTP,FAIL", "one", "bob@own.test", ""),
        ("09:00:02", "REDUNDANCY,RESUBMIT", "one", "bob@own.test", ""),
        ("09:00:03", "STOREDRIVER,DELIVER", "one", "bob@own.test", ""),
    ]);
    let dir = folder(&[("MSGTRK2026030209-1.LOG", rows)]);
    let text = text_of(&["trace", dir.path().to_str().unwrap()]);
    let told = text.split("Recipients\n").nth(1).unwrap();
    let want = "└─ bob@own.test delivered 09:00:03.000 after 3.0 s on ex01\n     MSGTRK2026030209-1.LOG:7\n     \
                an attempt failed 09:00:01.000 on ex01:\n     MSGTRK2026030209-1.LOG:5\n";
    assert!(told.starts_with(want), "{told}");
}

/// A restart loads what waits: it had come when its copy was made, not then.
#[test]
fn what_was_forked_and_loaded_after_a_restart_stayed_all_the_time() {
    let rows = [
        ("09:00:00", "SMTP,RECEIVE", "one", "bob@own.test", ""),
        ("09:00:01", "ROUTING,TRANSFER", "one", "x@far.test", "3"),
        ("15:00:00", "BOOTLOADER,LOAD", "one", "x@far.test", ""),
        ("15:00:01", "SMTP,SENDEXTERNAL", "one", "x@far.test", ""),
    ];
    let text = String::from_utf8(log(&rows)).unwrap();
    let text: Vec<String> = (text.lines())
        .map(|line| match line.contains("far.test") {
            true => line.replacen(",3,<one", ",4,<one", 1) + "\n",
            false => line.to_owned() + "\n",
        })
        .collect();
    let dir = folder(&[("MSGTRK2026030209-1.LOG", text.concat().into_bytes())]);
    let path = one(dir.path(), "<one@own.test>");
    let hop = &path["hops"][0];
    assert_eq!(hop["received"], "2026-03-02T09:00:00.000Z", "{hop}");
    assert_eq!(hop["sent"], "2026-03-02T15:00:01.000Z", "{hop}");
}
