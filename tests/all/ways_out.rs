//! Mail that waits in queues and leaves them in other ways than by its server's own delivery: taken out by MailScanner,
//! queued untried by Sendmail, given to a mailbox server over LMTP, asked about and not sent.
//!
//! In: logs of a few lines. Out: one message for each message, and its recipients' fates.

use super::laboratory::folder;
use super::queues::{delivered, postfix, taken, told};

/// MailScanner takes messages out of the hold queue; what it puts back, under another id, has no client and no name. What
/// it does not put back stays held.
#[test]
fn what_mailscanner_puts_back_is_the_same_message() {
    let held = |time: &str, id: &str, name: &str| {
        let hold = format!(
            "{id}: hold: header Received: from c.test by mx from c.test[192.0.2.1]; from=<s@x> to=<r@y> proto=ESMTP helo=<c.test>"
        );
        postfix(&[
            (time, "smtpd", &format!("{id}: client=c.test[192.0.2.1]")),
            (time, "cleanup", &hold),
            (time, "cleanup", &format!("{id}: message-id=<{name}@x>")),
        ])
    };
    let scanner =
        |time: &str, body: &str| format!("2026-05-01T{time}Z mx MailScanner[7]: {body}\n");
    let log = [
        held("10:00:00", "A1B2C3D4E51", "clean"),
        held("10:00:00", "A1B2C3D4E52", "spam"),
        held("10:00:00", "A1B2C3D4E54", "last"),
        scanner("10:00:03", "New Batch: Scanning 2 messages, 1800 bytes"),
        scanner("10:00:04", "Requeue: A1B2C3D4E51.A1234 to A1B2C3D4E53"),
        scanner(
            "10:00:04",
            "Message A1B2C3D4E52.A9876 from 192.0.2.1 (s@x) to y is spam",
        ),
        postfix(&[(
            "10:00:04",
            "qmgr",
            "A1B2C3D4E53: from=<s@x>, size=9, nrcpt=2 (queue active)",
        )]),
        postfix(&[(
            "10:00:05",
            "smtp",
            "A1B2C3D4E53: to=<q@z>, relay=mx.z[198.51.100.1]:25, delay=5, delays=4/0/0/1, dsn=5.1.1, status=bounced (no such user)",
        )]),
        delivered("10:00:05", "A1B2C3D4E53", "r@y"),
        // Of what this became the log says no more; and what is cut short says nothing.
        scanner("10:00:06", "Requeue: A1B2C3D4E54.A4321 to A1B2C3D4E55"),
        scanner("10:00:06", "Requeue: A1B2C3D4E52.A9876 to "),
    ];
    let dir = folder(&[("mx.log", log.concat().into())]);
    let want = [
        "mail <clean@x>: r@y delivered mx, q@z failed mx",
        "mail <spam@x>: r@y quarantined mx",
        "mail <last@x>: r@y unknown mx",
    ];
    assert_eq!(told(dir.path()), want);
}

/// RFC 5424 lines name no daemon: a mailbox server is told by its path or its word. A filter that speaks LMTP is none.
#[test]
fn a_mailbox_server_is_told_where_the_daemon_is_lost() {
    let given = |id: &str, relay: &str, reply: &str| {
        let line =
            |body: &str| format!("<22>1 2026-05-01T10:00:00Z mx postfix 9 - - {id}: {body}\n");
        [
            line("client=c.test[192.0.2.1]"),
            line(&format!("message-id=<{id}@x>")),
            line("from=<s@x>, size=9, nrcpt=1 (queue active)"),
            line(&format!(
                "to=<r@y>, relay={relay}, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent ({reply})"
            )),
            line("removed"),
        ]
        .concat()
    };
    let log = [
        given(
            "A1B2C3D4E51",
            "mx.y[private/dovecot-lmtp]",
            "250 2.0.0 <r@y> Ok",
        ),
        given(
            "A1B2C3D4E52",
            "box.y[10.0.0.3]:24",
            "250 2.0.0 <r@y> x3XkA1 Saved",
        ),
        given(
            "A1B2C3D4E53",
            "mx.y[private/filter]",
            "250 Ok: queued as B1B2C3D4E53",
        ),
        given("A1B2C3D4E54", "mx.z[198.51.100.1]:25", "250 2.0.0 Ok"),
    ];
    let dir = folder(&[("mx.log", log.concat().into())]);
    let want = [
        "mail <A1B2C3D4E51@x>: r@y delivered mx",
        "mail <A1B2C3D4E52@x>: r@y delivered mx",
        "mail <A1B2C3D4E53@x>: r@y transferred mx",
        "mail <A1B2C3D4E54@x>: r@y transferred mx",
    ];
    assert_eq!(told(dir.path()), want);
}

/// What Postfix asked and could not note the answer to is no message either.
#[test]
fn an_address_that_was_asked_about_in_vain_gives_no_message() {
    let asked = postfix(&[
        ("10:00:00", "cleanup", "A1B2C3D4E51: message-id=<ask@mx.y>"),
        (
            "10:00:00",
            "qmgr",
            "A1B2C3D4E51: from=<double-bounce@mx.y>, size=9, nrcpt=1 (queue active)",
        ),
        (
            "10:00:01",
            "smtp",
            "A1B2C3D4E51: to=<r@z>, relay=none, delay=1, delays=0/0/0/1, dsn=4.4.1, status=undeliverable-but-not-cached (connection timed out)",
        ),
        ("10:00:01", "qmgr", "A1B2C3D4E51: removed"),
    ]);
    let log = asked + &taken("10:10:00", "A1B2C3D4E52", "one");
    let log = log + &delivered("10:10:01", "A1B2C3D4E52", "r@y");
    let dir = folder(&[("mx.log", log.into())]);
    let want = ["probe <ask@mx.y>: ", "mail <one@x>: r@y delivered mx"];
    assert_eq!(told(dir.path()), want);
}

/// Sendmail that only queues names whom it keeps for; what an alias among them became turns up when they are tried.
#[test]
fn whom_sendmail_queues_untried_waits() {
    let line = |time: &str, body: &str| format!("2026-05-01T{time}Z sm1 sm-mta[400]: {body}\n");
    let queued = |time: &str, id: &str, name: &str, to: &str| {
        let from = format!(
            "{id}: from=<s@x>, size=9, class=0, nrcpts=2, msgid=<{name}@x>, proto=ESMTP, daemon=MTA, relay=c [192.0.2.1]"
        );
        let to = format!("{id}: to={to}, delay=00:00:00, mailer=esmtp, pri=30, stat=queued");
        line(time, &from) + &line(time, &to)
    };
    let sent = |time: &str, id: &str, to: &str| {
        line(
            time,
            &format!("{id}: to={to}, delay=00:05:00, mailer=local, pri=30, dsn=2.0.0, stat=Sent"),
        )
    };
    let log = [
        queued("10:00:00", "641A0000000400", "both", "<a@y>,<b@y>"),
        queued("10:01:00", "641A1000000401", "half", "<a@y>,<b@y>"),
        sent("10:06:00", "641A1000000401", "<a@y>"),
        queued("10:02:00", "641A2000000402", "list", "<list@y>"),
        sent("10:07:00", "641A2000000402", "u1,u2"),
        // A line that lost its middle names nobody.
        queued("10:03:00", "641A3000000404", "torn", "<a@y>"),
        line("10:03:01", "641A3000000404: to=, stat=queued"),
        queued("19:00:00", "641J0000000403", "end", "<a@y>"),
        sent("19:00:01", "641J0000000403", "<a@y>"),
    ];
    let dir = folder(&[("sm1.log", log.concat().into())]);
    let want = [
        "mail <both@x>: a@y pending sm1, b@y pending sm1",
        "mail <half@x>: a@y delivered sm1, b@y pending sm1",
        "mail <list@x>: list@y expanded sm1, u1 delivered sm1, u2 delivered sm1",
        "mail <torn@x>: a@y pending sm1",
        "mail <end@x>: a@y delivered sm1",
    ];
    assert_eq!(told(dir.path()), want);
}
