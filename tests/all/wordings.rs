//! Lines that not every Postfix, Exim or Sendmail writes: outer forms of other loggers, words of rarer settings.
//!
//! In: logs of a few lines. Out: the same fates as in the usual words, and no message of what was none.

use super::laboratory::{folder, paths, text_of};
use super::queues::told;

fn log(name: &str, lines: &[&str]) -> tempfile::TempDir {
    folder(&[(name, (lines.join("\n") + "\n").into_bytes())])
}

/// One message in Exim's own file: its lines behind time and id.
fn exim(lines: &[&str]) -> Vec<String> {
    let line = |(second, line): (usize, &&str)| {
        format!("2026-11-20 10:00:0{second} 1xULPU-00001d-Ab {line}")
    };
    let lines: Vec<String> = lines.iter().enumerate().map(line).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    told(log("mx9.mainlog", &lines).path())
}

#[test]
fn the_outer_lines_of_other_loggers_are_read() {
    let body = [
        ("smtpd[1]", "4F1B2C3D5E: client=c.test[192.0.2.1]"),
        ("cleanup[2]", "4F1B2C3D5E: message-id=<m@x>"),
        (
            "virtual[3]",
            "4F1B2C3D5E: to=<r@own.test>, relay=virtual, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (delivered to maildir)",
        ),
    ];
    for head in [
        "2026-11-20T10:00:00+0100 mx1 ",
        "postfix-1  | 2026-11-20T10:00:00+01:00 mx1 ",
        "2026-11-20T09:00:00.5Z Nov 20 10:00:00 mx1 ",
        "Nov 20 10:00:00.250000 mx1 ",
        "Nov 20 10:00:00 <mail.info> mx1 ",
        "Nov 20 10:00:00 mx1 mail:info ",
        "2026-11-20 10:00:00 mx1 ",
        "Fri 2026-11-20 10:00:00 CET mx1 ",
        "1795165200.123456 mx1 ",
        "2026-11-20T10:00:00+01:00 s_src@relay/mx1 ",
    ] {
        let lines = body.map(|(daemon, said)| format!("{head}postfix/{daemon}: {said}"));
        let other = format!("{head}CRON[9]: (root) CMD (true)");
        let [first, second, third] = &lines;
        let dir = log("mail.log", &[first, &other, second, third]);
        assert_eq!(
            told(dir.path()),
            ["mail <m@x>: r@own.test delivered mx1"],
            "{head}"
        );
    }
    // Solaris numbers its messages behind the tag; sysklogd says things of its own.
    let lines = [
        "Nov 20 10:00:00 sm1 sendmail[4]: [ID 801593 mail.info] 6AKA0001004242: from=<a@x>, size=5, class=0, nrcpts=1, msgid=<s@x>, relay=c [192.0.2.1]",
        "Nov 20 10:00:01 sm1 -- MARK --",
        "Nov 20 10:00:01 sm1 last message repeated 3 times",
        "Nov 20 10:00:01 sm1 sendmail[4]: [ID 801593 mail.info] 6AKA0001004242: to=<b@x>, delay=00:00:00, mailer=local, pri=3, dsn=2.0.0, stat=Sent",
        "garbage",
    ];
    let dir = log("mail.log", &lines);
    assert_eq!(told(dir.path()), ["mail <s@x>: b@x delivered sm1"]);
    let check = text_of(&["check", dir.path().to_str().unwrap()]);
    assert!(
        check.contains("does not begin with time, host and program"),
        "{check}"
    );
    assert!(
        check.contains("mail.log:5") && !check.contains("mail.log:2"),
        "{check}"
    );
}

#[test]
fn nobody_waits_in_a_record_that_is_done() {
    let taken = "<= a@x H=c [192.0.2.1] P=esmtp S=5 id=m@x for info@own.test bob@own.test";
    let delivered = "=> bob <bob@own.test> R=l T=local_delivery";
    assert_eq!(
        exim(&[taken, delivered, "Completed"]),
        ["mail <m@x>: info@own.test redirected mx9, bob@own.test delivered mx9"]
    );
    // As long as it is not, one waits.
    let open = exim(&[taken, delivered]);
    assert!(open[0].contains("info@own.test pending"), "{open:?}");
    // What an administrator calls delivered is not.
    let marked = "address <info@own.test> marked delivered by root";
    assert_eq!(
        exim(&[taken, delivered, marked, "Completed"]),
        ["mail <m@x>: info@own.test dropped mx9, bob@own.test delivered mx9"]
    );
}

#[test]
fn words_of_exim_that_few_settings_write_are_read() {
    let taken =
        "<= a@x H=c [192.0.2.1] P=esmtp S=5 id=m@x T=\"f\\303\\274r \\\"alle\\\"\" for b@own.test";
    for (line, want) in [
        (
            "=> b@own.test R=r T=dovecot_lmtp_tcp H=127.0.0.1 [127.0.0.1] C=\"250 2.0.0 ok\"",
            "b@own.test delivered mx9",
        ),
        (
            "=> b@own.test R=r T=mailstore H=127.0.0.1 [127.0.0.1] C=\"250 2.0.0 <b@own.test> aBc Saved\"",
            "b@own.test delivered mx9",
        ),
        (
            "=> bob@own.test (team@own.test) <b@own.test> R=r T=local_delivery",
            "b@own.test expanded mx9, bob@own.test delivered mx9",
        ),
    ] {
        assert_eq!(
            exim(&[taken, line, "Completed"]),
            [format!("mail <m@x>: {want}")],
            "{line}"
        );
    }
    let lines = [
        format!("2026-11-20 10:00:00 1xULPU-00001d-Ab {taken}"),
        "2026-11-20 10:00:01 1xULPU-00001d-Ab ** b@own.test R=r T=t H=mx [192.0.2.9] DN=\"/CN=mx: prod\": SMTP error: 550 no".to_owned(),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let path = paths(log("mx9.mainlog", &lines).path(), &[]).remove(0);
    assert_eq!(path["subject"], "für \"alle\"");
    assert_eq!(path["recipients"][0]["reason"], "SMTP error: 550 no");
    for (line, sender, status) in [
        (
            "1xULPU-00001d-Ab rejected from <big@s.test> H=h.test [192.0.2.7]: message too big: read=9",
            "big@s.test",
            "failed",
        ),
        (
            "1xULPU-00001d-Ab F=<www@s.test> rejected by non-SMTP ACL: no",
            "www@s.test",
            "failed",
        ),
        (
            "H=h.test [192.0.2.7] F=<d@s.test> RCPT <b@own.test>: discarded by RCPT ACL: no",
            "d@s.test",
            "dropped",
        ),
    ] {
        let line = format!("2026-11-20 10:00:00 {line}");
        let lines = [
            line.as_str(),
            "2026-11-20 10:00:09 1xULPV-00001e-Ab <= o@x P=local S=1",
        ];
        let path = paths(log("mx9.mainlog", &lines).path(), &["--sender", sender]);
        let found: Vec<_> = path
            .iter()
            .map(|p| (p["sender"].as_str(), p["status"].as_str()))
            .collect();
        assert_eq!(found, [(Some(sender), Some(status))], "{line}");
    }
}

#[test]
fn rules_of_postfix_redirect_hold_and_discard_before_and_under_a_queue_id() {
    let whom = "from=<s@x> to=<two@own.test> proto=ESMTP helo=<c.test>";
    let told_of = |before: &str, behind: &str, to: &str| {
        let mut lines = vec![
            "smtpd[7]: 4F1B2C3D5E: client=c.test[192.0.2.1]".to_owned(),
            "cleanup[8]: 4F1B2C3D5E: message-id=<m@x>".to_owned(),
        ];
        lines.splice(
            0..0,
            (!before.is_empty()).then(|| format!("smtpd[7]: NOQUEUE: {before}; {whom}")),
        );
        lines.extend(
            (!behind.is_empty()).then(|| format!("smtpd[7]: 4F1B2C3D5E: {behind}; {whom}")),
        );
        if !to.is_empty() {
            lines
                .push("qmgr[9]: 4F1B2C3D5E: from=<s@x>, size=9, nrcpt=1 (queue active)".to_owned());
            lines.push(format!("virtual[3]: 4F1B2C3D5E: to=<{to}>, relay=virtual, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (delivered to maildir)"));
        }
        lines.push("master[1]: x".to_owned());
        let count = lines.len();
        let lines = lines.into_iter().enumerate().map(|(i, line)| {
            let hour = if i + 1 == count { 12 } else { 10 };
            format!("2026-05-01T{hour}:00:0{i}Z mx postfix/{line}")
        });
        let lines: Vec<String> = lines.collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        told(log("mail.log", &lines).path()).join("; ")
    };
    let rule = "redirect: RCPT from c.test[192.0.2.1]: <two@own.test>: Recipient address triggers REDIRECT trap@own.test";
    let mut found = [
        told_of("", rule, "trap@own.test"),
        told_of(rule, "", "trap@own.test"),
    ];
    for found in &mut found {
        let (head, fates) = found.split_once(": ").unwrap();
        let mut fates: Vec<&str> = fates.split(", ").collect();
        fates.sort_unstable();
        assert_eq!(
            (head, fates),
            (
                "mail <m@x>",
                vec!["trap@own.test delivered mx", "two@own.test redirected mx"]
            )
        );
    }
    let milter = |what: &str| {
        format!(
            "milter-{what}: RCPT from c.test[192.0.2.1]: milter triggers {} action",
            what.to_uppercase()
        )
    };
    assert_eq!(
        told_of(&milter("discard"), "", ""),
        "mail <m@x>: two@own.test dropped mx"
    );
    assert_eq!(
        told_of(&milter("hold"), "", ""),
        "mail <m@x>: two@own.test quarantined mx"
    );
}

#[test]
fn sendmail_names_mailbox_servers_and_sessions_in_many_ways() {
    let taken = "from=<a@x>, size=5, class=0, nrcpts=1, msgid=<s@x>, relay=c [192.0.2.1]";
    for (mailer, fate) in [
        (
            "mailer=cyrusv2, pri=3, relay=localhost, dsn=2.0.0, stat=Sent",
            "delivered",
        ),
        (
            "mailer=inbox, pri=3, relay=localhost, dsn=2.0.0, stat=Sent",
            "delivered",
        ),
        (
            "mailer=esmtp, pri=3, relay=mx.far.test, dsn=2.0.0, stat=Sent",
            "transferred",
        ),
        (
            "mailer=relay, pri=3, relay=mx [192.0.2.9], dsn=2.0.0, stat=Sent (ok)",
            "transferred",
        ),
    ] {
        let line =
            |second: u8, said: &str| format!("2026-11-20T10:00:0{second}Z sm1 sendmail[4]: {said}");
        let session = [
            "AUTH failure (LOGIN): authentication failure (-13) SASL(-13), relay=[192.0.2.9]",
            "Milter: connect: host=[192.0.2.9], addr=192.0.2.9, rejecting commands",
            "x.test [192.0.2.9]: possible SMTP attack: command=AUTH, count=10",
            "[192.0.2.9]: probable open proxy: command=GET / HTTP/1.1",
            "VRFY bob [rejected]",
            "STARTTLS=server, error: accept failed=-1",
            "ruleset=check_relay, arg1=x, arg2=192.0.2.9, relay=x [192.0.2.9], reject=550 5.7.1 no",
        ];
        let mut lines: Vec<String> = (session.iter().zip(10..))
            .map(|(said, id)| line(0, &format!("6AKA00{id}004242: {said}")))
            .collect();
        lines.push(line(1, &format!("6AKA0001004242: {taken}")));
        lines.push(line(
            2,
            &format!("6AKA0001004242: to=<b@x>, delay=00:00:00, {mailer}"),
        ));
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let dir = log("mail.log", &lines);
        assert_eq!(
            told(dir.path()),
            [format!("mail <s@x>: b@x {fate} sm1")],
            "{mailer}"
        );
    }
}

#[test]
fn a_host_that_nothing_names_is_told_of_all_the_same() {
    let lines = [
        "2026-11-20 10:00:00 1xULPU-00001d-Ab <= a@x P=local S=5 for b@own.test",
        "2026-11-20 10:00:01 1xULPU-00001d-Ab => b <b@own.test> R=l T=l",
    ];
    let dir = log("mainlog", &lines);
    let report = text_of(&["report", dir.path().to_str().unwrap()]);
    assert!(
        report.contains("1 server") && !report.contains("No server has a row"),
        "{report}"
    );
}
