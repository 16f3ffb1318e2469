//! Queue records of Postfix, Exim and Sendmail as administrators and other hosts leave them: ids used again, messages put
//! into the queue anew, held and deleted, split, given up, asked about; hosts that share a name.
//!
//! In: logs of a few lines. Out: one message for each message, and its recipients' fates, whatever is read at a time.

use std::path::Path;

use super::laboratory::{fates, folder, paths};

/// Lines of Postfix on host `mx`: time, daemon, and what it says.
pub(super) fn postfix(lines: &[(&str, &str, &str)]) -> String {
    let line = |(time, daemon, body): &(&str, &str, &str)| {
        format!("2026-05-01T{time}Z mx postfix/{daemon}[1]: {body}\n")
    };
    lines.iter().map(line).collect()
}

/// A message that comes in under `id` and is called after `name`.
pub(super) fn taken(time: &str, id: &str, name: &str) -> String {
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
pub(super) fn done(time: &str, id: &str, daemon: &str, what: &str) -> String {
    postfix(&[
        (time, daemon, &format!("{id}: {what}")),
        (time, "qmgr", &format!("{id}: removed")),
    ])
}

/// It came to the mailbox of `to`.
pub(super) fn delivered(time: &str, id: &str, to: &str) -> String {
    done(time, id, "virtual", &format!("to=<{to}>, {DELIVERED}"))
}

const DELIVERED: &str =
    "relay=virtual, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (delivered to maildir)";

/// Every message with its class, Message-ID or queue ids, and fates; the same in windows of every size.
pub(super) fn told(folder: &Path) -> Vec<String> {
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
        delivered("10:00:01", "4F1B2C3D4E1", "r1@y"),
        taken("11:00:00", "4F1B2C3D4E1", "two"),
        done("11:00:01", "4F1B2C3D4E1", "virtual", bounced),
        report("11:00:01", "4F1B2C3D4E2", "4F1B2C3D4E1"),
        // The id of a report for a message, and of a message for a report.
        taken("12:00:00", "4F1B2C3D4E2", "three"),
        delivered("12:00:01", "4F1B2C3D4E2", "r3@y"),
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

/// `postsuper -r` gives a message another queue id, `-h` holds what is still waiting, `-d` deletes it.
#[test]
fn what_an_administrator_does_to_the_queue_is_followed() {
    let waits =
        "relay=none, delay=1, delays=0/0/0/1, dsn=4.4.1, status=deferred (Connection timed out)";
    let log = [
        taken("10:00:00", "A1B2C3D4E51", "again"),
        postfix(&[
            (
                "10:00:01",
                "smtp",
                &format!("A1B2C3D4E51: to=<r@y>, {waits}"),
            ),
            ("12:00:00", "postsuper", "A1B2C3D4E51: requeued"),
            (
                "12:00:05",
                "pickup",
                "A1B2C3D4E52: uid=109 from=<s@x> orig_id=A1B2C3D4E51",
            ),
            ("12:00:05", "cleanup", "A1B2C3D4E52: message-id=<again@x>"),
            (
                "12:00:05",
                "qmgr",
                "A1B2C3D4E52: from=<s@x>, size=9, nrcpt=1 (queue active)",
            ),
        ]),
        delivered("12:00:06", "A1B2C3D4E52", "r@y"),
        taken("13:00:00", "A1B2C3D4E53", "gone"),
        postfix(&[
            (
                "13:00:01",
                "virtual",
                &format!("A1B2C3D4E53: to=<had@y>, {DELIVERED}"),
            ),
            (
                "13:00:01",
                "smtp",
                &format!("A1B2C3D4E53: to=<not@y>, {waits}"),
            ),
            ("13:00:02", "postsuper", "A1B2C3D4E53: placed on hold"),
            ("13:00:03", "postsuper", "A1B2C3D4E53: removed"),
        ]),
        taken("14:00:00", "A1B2C3D4E54", "soft"),
        postfix(&[
            (
                "14:00:01",
                "virtual",
                "A1B2C3D4E54: to=<no@y>, relay=virtual, delay=1, delays=0/0/0/1, dsn=5.1.1, status=SOFTBOUNCE (unknown user)",
            ),
            ("19:00:01", "smtpd", "connect from c.test[192.0.2.1]"),
        ]),
    ];
    let dir = folder(&[("mx.log", log.concat().into())]);
    let want = [
        "mail <again@x>: r@y delivered mx",
        "mail <gone@x>: had@y delivered mx, not@y dropped mx",
        "mail <soft@x>: no@y pending mx",
    ];
    assert_eq!(told(dir.path()), want);
}

/// A forward names the address that mail was sent to; what it forwarded was that address's alias.
#[test]
fn a_forward_behind_an_alias_is_followed() {
    let log = [
        taken("10:00:00", "A1B2C3D4E51", "fw"),
        postfix(&[
            ("10:00:01", "cleanup", "A1B2C3D4E52: message-id=<fw@x>"),
            (
                "10:00:01",
                "local",
                "A1B2C3D4E51: to=<joe@mx.y>, orig_to=<joe@y>, relay=local, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (forwarded as A1B2C3D4E52)",
            ),
            (
                "10:00:01",
                "qmgr",
                "A1B2C3D4E52: from=<s@x>, size=9, nrcpt=2 (queue active)",
            ),
        ]),
        done(
            "10:00:02",
            "A1B2C3D4E52",
            "virtual",
            &format!("to=<joe@z>, orig_to=<joe@y>, {DELIVERED}"),
        ),
        postfix(&[("19:00:01", "smtpd", "connect from c.test[192.0.2.1]")]),
    ];
    let dir = folder(&[("mx.log", log.concat().into())]);
    let want = ["mail <fw@x>: joe@y expanded mx, joe@mx.y expanded mx, joe@z delivered mx"];
    assert_eq!(told(dir.path()), want);
}

/// A filter behind pipe(8) gives the message back through sendmail(1): its fate is what becomes of it then. A mailbox's
/// program may send it on to others.
#[test]
fn what_a_program_gives_back_for_the_same_recipient_went_through_a_filter() {
    let piped = |time: &str, id: &str, to: &str, service: &str| {
        let what = format!(
            "to=<{to}>, relay={service}, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (delivered via {service} service)"
        );
        done(time, id, "pipe", &what)
    };
    let again = |time: &str, id: &str, name: &str| {
        taken(time, id, name)
            .replace("smtpd[1]", "pickup[1]")
            .replace("client=c.test[192.0.2.1]", "uid=111 from=<s@x>")
    };
    let log = [
        taken("10:00:00", "A1B2C3D4E51", "filter"),
        again("10:00:01", "A1B2C3D4E52", "filter"),
        piped("10:00:01", "A1B2C3D4E51", "r@y", "spamassassin"),
        done(
            "10:00:02",
            "A1B2C3D4E52",
            "virtual",
            "to=<r@y>, relay=virtual, delay=1, delays=0/0/0/1, dsn=5.2.2, status=bounced (mailbox full)",
        ),
        taken("11:00:00", "A1B2C3D4E53", "sieve"),
        again("11:00:01", "A1B2C3D4E54", "sieve"),
        piped("11:00:01", "A1B2C3D4E53", "r@y", "dovecot"),
        delivered("11:00:02", "A1B2C3D4E54", "q@y"),
        // Of programs that give all mail one Message-ID, each is a message.
        again("11:30:00", "A1B2C3D4E61", "always"),
        piped("11:30:01", "A1B2C3D4E61", "r@y", "spamassassin"),
        again("11:30:08", "A1B2C3D4E62", "always"),
        piped("11:30:09", "A1B2C3D4E62", "r@y", "spamassassin"),
        // Which of two a program gave back is not known.
        taken("11:40:00", "A1B2C3D4E63", "both"),
        taken("11:40:00", "A1B2C3D4E64", "both"),
        again("11:40:01", "A1B2C3D4E65", "both"),
        piped("11:40:01", "A1B2C3D4E63", "r@y", "spamassassin"),
        piped("11:40:01", "A1B2C3D4E64", "r@y", "spamassassin"),
        delivered("11:40:02", "A1B2C3D4E65", "r@y"),
        // The same mail from outside again: two records, and two deliveries.
        taken("12:00:00", "A1B2C3D4E55", "twice"),
        taken("12:00:00", "A1B2C3D4E56", "twice"),
        piped("12:00:01", "A1B2C3D4E55", "r@y", "dovecot"),
        piped("12:00:01", "A1B2C3D4E56", "q@y", "dovecot"),
    ];
    let dir = folder(&[("mx.log", log.concat().into())]);
    let want = [
        "mail <filter@x>: r@y failed mx",
        "mail <sieve@x>: r@y delivered mx",
        "mail <sieve@x>: q@y delivered mx",
        "mail <always@x>: r@y delivered mx",
        "mail <always@x>: r@y delivered mx",
        "mail <both@x>: r@y delivered mx",
        "mail <both@x>: r@y delivered mx",
        "mail <both@x>: r@y delivered mx",
        "mail <twice@x>: r@y delivered mx",
        "mail <twice@x>: q@y delivered mx",
    ];
    assert_eq!(told(dir.path()), want);
}

/// One filter behind the other, by programs or by SMTP: each gives back what the next one gets, and only what becomes of the
/// last record counts.
#[test]
fn of_filters_one_behind_the_other_the_last_record_counts() {
    let again = |time: &str, id: &str, name: &str| {
        taken(time, id, name)
            .replace("smtpd[1]", "pickup[1]")
            .replace("client=c.test[192.0.2.1]", "uid=111 from=<s@x>")
    };
    let inside = |time: &str, id: &str, name: &str| {
        taken(time, id, name).replace("client=c.test[192.0.2.1]", "client=localhost[127.0.0.1]")
    };
    let to_each = |time: &str, id: &str, daemon: &str, how: &str| {
        ["r@y", "q@y"]
            .map(|to| done(time, id, daemon, &format!("to=<{to}>, {how}")))
            .concat()
    };
    let piped = |time: &str, id: &str, service: &str| {
        let how = format!(
            "relay={service}, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (delivered via {service} service)"
        );
        to_each(time, id, "pipe", &how)
    };
    let given = |time: &str, id: &str, to: &str| {
        let how = format!(
            "relay=127.0.0.1[127.0.0.1]:10024, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as {to})"
        );
        to_each(time, id, "smtp", &how)
    };
    let ends = |time: &str, id: &str| {
        let bounced = "to=<q@y>, relay=virtual, delay=1, delays=0/0/0/1, dsn=5.1.1, status=bounced (unknown user)";
        delivered(time, id, "r@y") + &done(time, id, "virtual", bounced)
    };
    let log = [
        taken("10:00:00", "A1B2C3D4E51", "programs"),
        again("10:00:01", "A1B2C3D4E52", "programs"),
        piped("10:00:01", "A1B2C3D4E51", "clamav"),
        again("10:00:02", "A1B2C3D4E53", "programs"),
        piped("10:00:02", "A1B2C3D4E52", "spamassassin"),
        ends("10:00:03", "A1B2C3D4E53"),
        taken("11:00:00", "A1B2C3D4E61", "mixed"),
        inside("11:00:01", "A1B2C3D4E62", "mixed"),
        given("11:00:01", "A1B2C3D4E61", "A1B2C3D4E62"),
        again("11:00:02", "A1B2C3D4E63", "mixed"),
        piped("11:00:02", "A1B2C3D4E62", "spamassassin"),
        inside("11:00:03", "A1B2C3D4E64", "mixed"),
        given("11:00:03", "A1B2C3D4E63", "A1B2C3D4E64"),
        ends("11:00:04", "A1B2C3D4E64"),
    ];
    let dir = folder(&[("mx.log", log.concat().into())]);
    let want = ["programs", "mixed"]
        .map(|name| format!("mail <{name}@x>: r@y delivered mx, q@y failed mx"));
    assert_eq!(told(dir.path()), want);
}

/// Exim's line of a pipe transport is that of any local delivery; a program that gives the message back says so by the name
/// of the protocol.
#[test]
fn what_a_program_gives_back_to_exim_went_through_a_filter() {
    let id = |n: u32| format!("1wIkf{n}-0000000001A-0aaa");
    let line = |second: u32, n: u32, what: &str| {
        format!("2026-05-01 10:00:{second:02} {} {what}\n", id(n))
    };
    let log = [
        line(
            0,
            1,
            "<= s@x H=c.test [192.0.2.1] P=esmtps S=900 id=scanned@x",
        ),
        line(1, 2, "<= s@x U=spamd P=spam-scanned S=1300 id=scanned@x"),
        line(1, 1, "=> r <r@y> R=spamcheck_router T=spamcheck"),
        line(1, 1, "=> q <q@y> R=spamcheck_router T=spamcheck"),
        line(1, 1, "Completed"),
        line(2, 2, "=> r <r@y> R=localuser T=local_delivery"),
        line(2, 2, "** q@y R=localuser T=local_delivery: mailbox is full"),
        line(2, 2, "Completed"),
        // A rule of the mailbox's program sends a copy on: a message of its own.
        line(
            10,
            3,
            "<= s@x H=c.test [192.0.2.1] P=esmtps S=900 id=sieve@x",
        ),
        line(11, 4, "<= s@x U=vmail P=local S=1300 id=sieve@x"),
        line(11, 3, "=> r <r@y> R=dovecot T=dovecot_lda"),
        line(11, 3, "Completed"),
        line(
            12,
            4,
            "=> r@z R=dnslookup T=remote_smtp H=mx.z [192.0.2.2] C=\"250 ok\"",
        ),
        line(12, 4, "Completed"),
    ];
    let dir = folder(&[("ex.mainlog", log.concat().into())]);
    let want = [
        "mail <scanned@x>: r@y delivered ex, q@y failed ex",
        "mail <sieve@x>: r@y delivered ex",
        "mail <sieve@x>: r@z transferred ex",
    ];
    assert_eq!(told(dir.path()), want);
}

/// A filter before the queue (smtpd_proxy_filter): what it takes and swallows has no queue id, what it gives on names the client.
#[test]
fn a_filter_before_the_queue_swallows_messages_and_names_clients() {
    let swallowed = |head: &str, from: &str| {
        format!(
            "{head}proxy-accept: END-OF-MESSAGE: 250 2.7.0 Ok, discarded, id=00077-04 - spam; \
             from=<{from}> to=<r@y> proto=ESMTP helo=<spam.test>"
        )
    };
    let accepted = "proxy-accept: END-OF-MESSAGE: 250 2.0.0 from MTA(smtp:[127.0.0.1]:10025): 250 2.0.0 Ok: \
        queued as A1B2C3D4E51; from=<s@x> to=<r@y> proto=ESMTP helo=<c.test>";
    let log = [
        taken("10:00:00", "A1B2C3D4E51", "clean").replace(
            "client=c.test[192.0.2.1]",
            "client=localhost[127.0.0.1], orig_client=c.test[192.0.2.1]",
        ),
        postfix(&[("10:00:00", "smtpd", accepted)]),
        delivered("10:00:01", "A1B2C3D4E51", "r@y"),
        postfix(&[("10:01:00", "smtpd", &swallowed("", "one@spam.test"))]),
        postfix(&[(
            "10:02:00",
            "smtpd",
            &swallowed("NOQUEUE: ", "two@spam.test"),
        )]),
    ];
    let dir = folder(&[("mx.log", log.concat().into())]);
    let found = paths(dir.path(), &[]);
    let shown: Vec<_> = (found.iter())
        .map(|path| {
            format!(
                "{} {}",
                path["sender"].as_str().unwrap(),
                fates(path).join(", ")
            )
        })
        .collect();
    let want = [
        "s@x r@y delivered mx",
        "one@spam.test r@y dropped mx",
        "two@spam.test r@y dropped mx",
    ];
    assert_eq!(shown, want);
    assert_eq!(found[0]["origin"]["client_host"], "c.test");
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
        delivered("10:00:02", "A1B2C3D4E51", "in@y"),
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

/// Clients that ask whether an address exists, and Postfix that asks others, give no message.
#[test]
fn who_only_asks_about_an_address_gives_no_message() {
    let log = postfix(&[
        ("10:00:00", "smtpd", "A1B2C3D4E51: client=c.test[192.0.2.1]"),
        (
            "10:00:01",
            "cleanup",
            "A1B2C3D4E52: message-id=<20260501100001.A1B2C3D4E52@mx.y>",
        ),
        (
            "10:00:01",
            "qmgr",
            "A1B2C3D4E52: from=<double-bounce@mx.y>, size=9, nrcpt=1 (queue active)",
        ),
        (
            "10:00:02",
            "smtp",
            "A1B2C3D4E52: to=<r@y>, relay=relay.y[198.51.100.9]:25, delay=1, delays=0/0/0/1, dsn=2.1.5, status=deliverable (250 2.1.5 Ok)",
        ),
        ("10:00:02", "qmgr", "A1B2C3D4E52: removed"),
        ("19:00:00", "smtpd", "connect from c.test[192.0.2.1]"),
        ("19:00:01", "smtpd", "A1B2C3D4E53: client=c.test[192.0.2.1]"),
    ]);
    let dir = folder(&[("mx.log", log.into())]);
    let want = [
        "probe [\"A1B2C3D4E51\"]: ",
        "probe <20260501100001.A1B2C3D4E52@mx.y>: ",
        // The log ends here: what the client did is not known.
        "mail [\"A1B2C3D4E53\"]: ",
    ];
    assert_eq!(told(dir.path()), want);
}

/// Sendmail says of what it gave up only that it told the sender; it splits off lists that have an owner; a backslash
/// keeps a forward's own mailbox from being forwarded again; who goes away before DATA gave nothing.
#[test]
fn what_sendmail_says_beside_its_deliveries_counts() {
    let line = |day: u32, time: &str, body: &str| {
        format!("2026-05-{day:02}T{time}Z sm1 sendmail[400]: {body}\n")
    };
    let taken = |time: &str, id: &str, name: &str| {
        line(
            1,
            time,
            &format!(
                "{id}: from=<s@x>, size=9, class=0, nrcpts=1, msgid=<{name}@x>, proto=ESMTP, daemon=MTA, relay=c [192.0.2.1]"
            ),
        )
    };
    let waits = |day| {
        line(
            day,
            "10:02:01",
            "641A2022000502: to=<r@y>, delay=00:00:01, mailer=esmtp, pri=30, relay=relay.y. [198.51.100.1], dsn=4.0.0, stat=Deferred: Connection timed out with relay.y.",
        )
    };
    let log = [
        taken("10:02:00", "641A2022000502", "late"),
        line(
            1,
            "10:02:01",
            "641A2022000502: to=<had@y>, delay=00:00:01, mailer=local, pri=30, dsn=2.0.0, stat=Sent",
        ),
        [1, 3, 6].map(waits).concat(),
        line(
            6,
            "10:02:01",
            "641A2022000502: 646A2100000001: sender notify: Cannot send message for 5 days",
        ),
        line(
            6,
            "10:02:02",
            "646A2100000001: to=<s@x>, delay=00:00:01, mailer=local, pri=30, dsn=2.0.0, stat=Sent",
        ),
        taken("10:03:00", "641A3033000503", "own"),
        line(
            1,
            "10:03:01",
            "641A3033000503: to=\"|/usr/bin/vacation bob\", ctladdr=<bob@y> (1001/1001), delay=00:00:01, mailer=prog, pri=30, dsn=2.0.0, stat=Sent",
        ),
        line(
            1,
            "10:03:01",
            "641A3033000503: to=\\bob, ctladdr=<bob@y> (1001/1001), delay=00:00:01, mailer=local, pri=30, dsn=2.0.0, stat=Sent",
        ),
        taken("10:05:00", "641A5055000505", "list"),
        line(
            1,
            "10:05:00",
            "641A5055000505: 641A5055000506: clone: owner=owner-list",
        ),
        line(
            1,
            "10:05:01",
            "641A5055000506: to=<m1@z>,<m2@z>, ctladdr=<list@y> (1/1), delay=00:00:01, mailer=esmtp, pri=30, relay=relay.z. [198.51.100.1], dsn=2.0.0, stat=Sent (ok)",
        ),
        line(
            1,
            "10:06:00",
            "641A6066000507: timeout waiting for input from c.test during server cmd read",
        ),
        line(
            1,
            "10:06:00",
            "641A6066000507: from=<s@x>, size=0, class=0, nrcpts=1, proto=ESMTP, daemon=MTA, relay=c.test [192.0.2.1]",
        ),
    ];
    let gives = [
        "gw postfix/smtpd[1]: AAAAAA1: client=pc[10.9.9.9]",
        "gw postfix/cleanup[1]: AAAAAA1: message-id=<list@x>",
        "gw postfix/qmgr[1]: AAAAAA1: from=<s@x>, size=9, nrcpt=1 (queue active)",
        "gw postfix/smtp[1]: AAAAAA1: to=<list@y>, relay=sm1[10.0.0.5]:25, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 2.0.0 641A5055000505 Message accepted for delivery)",
    ];
    let gives = gives
        .map(|line| format!("2026-05-01T10:05:00Z {line}\n"))
        .concat();
    let dir = folder(&[("sm1.log", log.concat().into()), ("gw.log", gives.into())]);
    let want = [
        "mail <late@x>: had@y delivered sm1, r@y failed sm1",
        "mail <own@x>: bob@y delivered sm1",
        "mail <list@x>: list@y expanded sm1, m1@z transferred sm1, m2@z transferred sm1",
        "probe [\"641A6066000507\"]: ",
        "report [\"646A2100000001\"]: s@x delivered sm1",
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

/// A hold may last over a long weekend: what comes back after the horizon says that it does.
#[test]
fn what_is_released_after_the_horizon_says_that_it_came_back() {
    let held = postfix(&[
        (
            "10:00:00",
            "smtpd",
            "4gKx1N2abcz1q: client=c.test[192.0.2.1]",
        ),
        ("10:00:00", "cleanup", "4gKx1N2abcz1q: message-id=<m@x>"),
        (
            "10:00:00",
            "cleanup",
            "4gKx1N2abcz1q: hold: header Subject: x from c.test[192.0.2.1]; from=<s@x> to=<r@x> proto=ESMTP helo=<c>",
        ),
    ]);
    let released = postfix(&[("10:00:00", "postsuper", "4gKx1N2abcz1q: released from hold")])
        + &delivered("10:00:01", "4gKx1N2abcz1q", "r@x");
    for (day, reopened) in [("04", vec![false]), ("05", vec![false, true])] {
        let log = held.clone() + &released.replace("2026-05-01T", &format!("2026-05-{day}T"));
        let dir = folder(&[("mail.log", log.into_bytes())]);
        let found = paths(dir.path(), &[]);
        let told = found.iter().map(|p| p["reopened"] == true);
        assert_eq!(told.collect::<Vec<_>>(), reopened, "{found:?}");
    }
}

/// The row of the last try is missing: what is gone from the queue does not wait in it.
#[test]
fn what_was_put_off_last_and_is_gone_is_unknown() {
    let put_off = "relay=mx.y[192.0.2.5]:25, delay=1, dsn=4.7.1, status=deferred (451 4.7.1 later)";
    let first = |what: &str| postfix(&[("09:00:01.0", "smtp", what)]);
    for (to, sent) in [("a@y", false), ("a@y", true), ("A@Y", true)] {
        let last = match sent {
            true => done(
                "10:00:00.0",
                "4F1B2C",
                "virtual",
                &format!("to=<{to}>, {DELIVERED}"),
            ),
            false => postfix(&[("10:00:00.0", "qmgr", "4F1B2C: removed")]),
        };
        let log = [
            taken("09:00:00.0", "4F1B2C", "one"),
            first(&format!("4F1B2C: to=<a@y>, {put_off}")),
            last,
            taken("12:00:00.0", "4F1B2D", "other"),
        ];
        let logs = folder(&[("mx.log", log.concat().into())]);
        let found = paths(logs.path(), &[]);
        let recipient = &found[0]["recipients"][0];
        let want = if sent { "delivered" } else { "unknown" };
        assert_eq!(recipient["status"], want, "{found:#?}");
        let reason = recipient["reason"].to_string();
        assert_eq!(
            reason.contains("gone from the queue of mx"),
            !sent,
            "{reason}"
        );
    }
}

/// Files that went through Windows have other line ends; the ids in them are the same.
#[test]
fn reports_are_linked_whatever_the_line_ends() {
    let log = [
        taken("09:00:00.0", "4F1B2C", "one"),
        postfix(&[
            (
                "09:00:01.0",
                "smtp",
                "4F1B2C: to=<a@y>, relay=none, delay=1, dsn=5.1.1, status=bounced (no)",
            ),
            (
                "09:00:01.0",
                "cleanup",
                "4F1B2D: message-id=<20260501090001.4F1B2D@mx>",
            ),
            (
                "09:00:01.0",
                "bounce",
                "4F1B2C: sender non-delivery notification: 4F1B2D",
            ),
            (
                "09:00:01.0",
                "qmgr",
                "4F1B2D: from=<>, size=9, nrcpt=1 (queue active)",
            ),
            ("09:00:01.0", "qmgr", "4F1B2C: removed"),
        ]),
        done(
            "09:00:02.0",
            "4F1B2D",
            "virtual",
            &format!("to=<s@x>, {DELIVERED}"),
        ),
    ]
    .concat();
    let related = |text: String| {
        let logs = folder(&[("mx.log", text.into())]);
        let of = |path: &serde_json::Value| path["related"].to_string();
        paths(logs.path(), &[]).iter().map(of).collect::<Vec<_>>()
    };
    let unix = related(log.clone());
    assert!(
        unix.iter().all(|related| related.contains("report")),
        "{unix:?}"
    );
    assert_eq!(related(log.replace('\n', "\r\n")), unix);
}

/// Sendmail cuts Message-IDs at 100 characters; another host of the message has them whole.
#[test]
fn a_message_goes_by_the_whole_message_id() {
    let id = format!("<{}@x.test>", "q".repeat(150));
    let cut = &id[..100];
    // The clock of the host that cuts it is behind: its lines come first.
    let sendmail = format!(
        "2026-05-01T09:00:00Z sm sendmail[9]: 641900aa000399: from=<s@x>, size=9, nrcpts=1, msgid={cut}, proto=ESMTP, \
         relay=mx [192.0.2.1]\n\
         2026-05-01T09:00:00Z sm sendmail[9]: 641900aa000399: to=<a@y>, mailer=local, dsn=2.0.0, stat=Sent\n"
    );
    let name = &id[1..id.len() - 1];
    let log = [
        taken("09:00:01.0", "4F1B2C", name)
            .replace("@x>", ">")
            .replace("<s>", "<s@x>"),
        done(
            "09:00:02.0",
            "4F1B2C",
            "smtp",
            "to=<a@y>, relay=sm[192.0.2.7]:25, delay=1, dsn=2.0.0, status=sent (250 2.0.0 641900aa000399 Message accepted for delivery)",
        ),
    ];
    let logs = folder(&[("mx.log", log.concat().into()), ("sm.log", sendmail.into())]);
    let found = paths(logs.path(), &["--message-id", &id]);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0]["message_id"], id);
    assert_eq!(found[0]["recipients"][0]["status"], "delivered");
}
