//! Queue records of Postfix, Exim and Sendmail as administrators and other hosts leave them: ids used again, messages put
//! into the queue anew, held and deleted, split, given up, asked about; hosts that share a name.
//!
//! In: logs of a few lines. Out: one message for each message, and its recipients' fates, whatever is read at a time.

use std::path::Path;

use super::laboratory::{fates, folder, paths};

/// Lines of Postfix on host `mx`: time, daemon, and what it says.
fn postfix(lines: &[(&str, &str, &str)]) -> String {
    let line = |(time, daemon, body): &(&str, &str, &str)| {
        format!("2026-05-01T{time}Z mx postfix/{daemon}[1]: {body}\n")
    };
    lines.iter().map(line).collect()
}

/// A message that comes in under `id` and is called after `name`.
fn taken(time: &str, id: &str, name: &str) -> String {
    postfix(&[
        (time, "smtpd", &format!("{id}: client=c.test[192.0.2.1]")),
        (time, "cleanup", &format!("{id}: message-id=<{name}@x>")),
        (
            time,
            "qmgr",
            &format!("{id}: from=<s@x>, size=9, nrcpt=1 (queue active)"),
        ),
    ])
}

/// What became of a recipient, and the end of the record.
fn done(time: &str, id: &str, daemon: &str, what: &str) -> String {
    postfix(&[
        (time, daemon, &format!("{id}: {what}")),
        (time, "qmgr", &format!("{id}: removed")),
    ])
}

const DELIVERED: &str =
    "relay=virtual, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (delivered to maildir)";

/// Every message with its class, Message-ID or queue ids, and fates; the same in windows of every size.
fn told(folder: &Path) -> Vec<String> {
    let of = |more: &[&str]| -> Vec<String> {
        let one = |path: &serde_json::Value| {
            let id = match path["message_id"].as_str() {
                Some(id) => id.to_owned(),
                None => path["other_ids"].to_string(),
            };
            let class = path["class"].as_str().unwrap();
            format!("{class} {id}: {}", fates(path).join(", "))
        };
        paths(folder, more).iter().map(one).collect()
    };
    let whole = of(&[]);
    assert_eq!(
        of(&["--chunk-bytes", "300", "--window-bytes", "900"]),
        whole
    );
    whole
}

/// Short ids of Postfix come again, also for what the host makes itself, which has no client: reports and forwards.
#[test]
fn an_id_that_is_used_again_is_another_message() {
    let bounced = "to=<no@y>, relay=virtual, delay=1, delays=0/0/0/1, dsn=5.1.1, status=bounced (unknown user)";
    let report = |time: &str, own: &str, about: &str| {
        let name = format!("{own}: message-id=<{time}.{own}@mx.y>");
        let about = format!("{about}: sender non-delivery notification: {own}");
        postfix(&[
            (time, "cleanup", &name),
            (time, "bounce", &about),
            (
                time,
                "qmgr",
                &format!("{own}: from=<>, size=9, nrcpt=1 (queue active)"),
            ),
        ]) + &done(time, own, "local", &format!("to=<s@x>, {DELIVERED}"))
    };
    let forward = postfix(&[
        ("14:00:01", "cleanup", "4F1B2C3D4E1: message-id=<five@x>"),
        (
            "14:00:01",
            "local",
            "4F1B2C3D4E5: to=<joe@y>, relay=local, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (forwarded as 4F1B2C3D4E1)",
        ),
        (
            "14:00:01",
            "qmgr",
            "4F1B2C3D4E1: from=<s@x>, size=9, nrcpt=1 (queue active)",
        ),
    ]);
    let log = [
        taken("10:00:00", "4F1B2C3D4E1", "one"),
        done(
            "10:00:01",
            "4F1B2C3D4E1",
            "virtual",
            &format!("to=<r1@y>, {DELIVERED}"),
        ),
        taken("11:00:00", "4F1B2C3D4E1", "two"),
        done("11:00:01", "4F1B2C3D4E1", "virtual", bounced),
        report("11:00:01", "4F1B2C3D4E2", "4F1B2C3D4E1"),
        // The id of a report for a message, and of a message for a report.
        taken("12:00:00", "4F1B2C3D4E2", "three"),
        done(
            "12:00:01",
            "4F1B2C3D4E2",
            "virtual",
            &format!("to=<r3@y>, {DELIVERED}"),
        ),
        taken("13:00:00", "4F1B2C3D4E4", "four"),
        done("13:00:01", "4F1B2C3D4E4", "virtual", bounced),
        report("13:00:01", "4F1B2C3D4E1", "4F1B2C3D4E4"),
        taken("14:00:00", "4F1B2C3D4E5", "five"),
        forward,
        done(
            "14:00:02",
            "4F1B2C3D4E1",
            "virtual",
            &format!("to=<joe@z>, orig_to=<joe@y>, {DELIVERED}"),
        ),
    ];
    let dir = folder(&[("mx.log", log.concat().into())]);
    let want = [
        "mail <one@x>: r1@y delivered mx",
        "mail <two@x>: no@y failed mx",
        "report <11:00:01.4F1B2C3D4E2@mx.y>: s@x delivered mx",
        "mail <three@x>: r3@y delivered mx",
        "mail <four@x>: no@y failed mx",
        "report <13:00:01.4F1B2C3D4E1@mx.y>: s@x delivered mx",
        "mail <five@x>: joe@y expanded mx, joe@z delivered mx",
    ];
    assert_eq!(told(dir.path()), want);
}

/// Half of the world's mail servers are called `mx`: one that shares its first name with a host whose log was read is
/// another one if that host gives it mail, or has other addresses.
#[test]
fn a_host_of_the_same_first_name_is_another_one() {
    let sent = |relay: &str, reply: &str| {
        format!("relay={relay}:25, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent ({reply})")
    };
    let to_partner = sent("mx.partner.test[198.51.100.1]", "250 ok");
    let gateway = [
        taken("10:00:00", "B1B2C3D4E51", "in"),
        done(
            "10:00:01",
            "B1B2C3D4E51",
            "smtp",
            &format!(
                "to=<in@y>, {}",
                sent(
                    "mx.own.test[10.0.0.5]",
                    "250 2.0.0 Ok: queued as A1B2C3D4E51"
                )
            ),
        ),
        taken("10:10:00", "B1B2C3D4E52", "lost"),
        done(
            "10:10:01",
            "B1B2C3D4E52",
            "smtp",
            &format!(
                "to=<lost@y>, {}",
                sent(
                    "mx.own.test[10.0.0.5]",
                    "250 2.0.0 Ok: queued as A1B2C3D4E5F"
                )
            ),
        ),
        taken("10:20:00", "B1B2C3D4E53", "out"),
        done(
            "10:20:01",
            "B1B2C3D4E53",
            "smtp",
            &format!("to=<out@partner.test>, {to_partner}"),
        ),
    ];
    let own = [
        taken("10:00:01", "A1B2C3D4E51", "in"),
        done(
            "10:00:02",
            "A1B2C3D4E51",
            "virtual",
            &format!("to=<in@y>, {DELIVERED}"),
        ),
        taken("10:30:00", "A1B2C3D4E52", "self"),
        done(
            "10:30:01",
            "A1B2C3D4E52",
            "smtp",
            &format!("to=<self@partner.test>, {to_partner}"),
        ),
        postfix(&[("10:50:00", "smtpd", "connect from c.test[192.0.2.1]")]),
    ];
    let gateway = gateway.concat().replace(" mx postfix", " gw postfix");
    let dir = folder(&[("gw.log", gateway.into()), ("mx.log", own.concat().into())]);
    let want = [
        "mail <in@x>: in@y delivered mx",
        "mail <lost@x>: lost@y unknown -",
        "mail <out@x>: out@partner.test transferred gw",
        "mail <self@x>: self@partner.test transferred mx",
    ];
    assert_eq!(told(dir.path()), want);
}

/// Exim's rarer entries; its rejectlog names every recipient, and the host of the mainlog beside it.
#[test]
fn what_exim_says_rarely_is_read() {
    let main = "2026-05-01 10:00:00 1wIkfA-0000000001A-0aaa (= s@x H=c [192.0.2.1] P=esmtp S=9 id=fake@x for r@y q@y\n\
         2026-05-01 10:00:01 1wIkfA-0000000001A-0aaa => r <r@y> R=local T=maildir\n\
         2026-05-01 10:00:01 1wIkfA-0000000001A-0aaa *> q@y R=dnslookup T=remote_smtp H=relay.y [198.51.100.1]\n\
         2026-05-01 10:00:01 1wIkfA-0000000001A-0aaa Completed\n\
         2026-05-01 10:01:00 H=c [192.0.2.9] F=<s@x> rejected RCPT <no@y>: relay not permitted\n\
         2026-05-01 10:02:00 1wIkh6-0000000002A-0aaa H=c [192.0.2.1] F=<s@x> rejected after DATA: bad\n\
         2026-05-01 10:03:00 1wIki4-0000000003A-0aaa SMTP data timeout (message abandoned) on connection from c [192.0.2.1] F=<s@x>\n";
    let rejected = "2026-05-01 10:01:00 H=c [192.0.2.9] F=<s@x> rejected RCPT <no@y>: relay not permitted\n\
         2026-05-01 10:02:00 1wIkh6-0000000002A-0aaa H=c [192.0.2.1] F=<s@x> rejected after DATA: bad\n\
         Envelope-from: <s@x>\n\
         Envelope-to: <a@y>\n\
         \x20   <b@y>\n\
         P Received: from c ([192.0.2.1])\n\
         \tby ex1.y with esmtp (Exim 4.98)\n\
         I Message-ID: <bad@x>\n";
    let files = [("mainlog", main.into()), ("rejectlog", rejected.into())];
    let dir = folder(&files);
    let want = [
        "mail <fake@x>: r@y delivered ex1, q@y dropped ex1",
        "mail []: no@y rejected ex1",
        "mail <bad@x>: a@y rejected ex1, b@y rejected ex1",
        "mail [\"1wIki4-0000000003A-0aaa\"]: ",
    ];
    assert_eq!(told(dir.path()), want);
    let abandoned = &paths(dir.path(), &[])[3];
    assert_eq!(abandoned["status"], "failed", "{abandoned}");
}
