//! Mail that waits in queues: kept untried by Sendmail.
//!
//! In: logs of a few lines. Out: one message for each message, and its recipients' fates.

use super::laboratory::folder;
use super::queues::told;

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
        queued("19:00:00", "641J0000000403", "end", "<a@y>"),
        sent("19:00:01", "641J0000000403", "<a@y>"),
    ];
    let dir = folder(&[("sm1.log", log.concat().into())]);
    let want = [
        "mail <both@x>: a@y pending sm1, b@y pending sm1",
        "mail <half@x>: a@y delivered sm1, b@y pending sm1",
        "mail <list@x>: list@y expanded sm1, u1 delivered sm1, u2 delivered sm1",
        "mail <end@x>: a@y delivered sm1",
    ];
    assert_eq!(told(dir.path()), want);
}
