//! How things are counted, one rule at a time: the cases that other reports get wrong.
//!
//! Each case is a few rows of Exchange 2013 or later, and what the report must say of them.

use jiff::tz::TimeZone;
use waybill::path::Fate;
use waybill::report::volume;
use waybill::tally::Tally;
use waybill::tally::oddities::Kind;

use crate::simulated::program;

pub const HEAD: &str = "#Software: Microsoft Exchange Server\r\n#Version: 15.02.1118.030\r\n\
    #Log-type: Message Tracking Log\r\n#Date: 2026-03-02T00:00:00.000Z\r\n\
    #Fields: date-time,client-hostname,server-hostname,source-context,connector-id,source,event-id,\
    internal-message-id,message-id,network-message-id,recipient-address,recipient-status,total-bytes,\
    related-recipient-address,reference,sender-address,return-path,message-subject\r\n";

/// One row: time, client, server, what, queue id, recipients, and the rest where a case needs it.
#[derive(Clone, Copy, Default)]
pub struct Row {
    at: &'static str,
    hosts: (&'static str, &'static str),
    /// Source and event.
    what: (&'static str, &'static str),
    id: &'static str,
    to: &'static str,
    context: &'static str,
    related: &'static str,
}

pub const fn row(
    at: &'static str,
    hosts: (&'static str, &'static str),
    what: (&'static str, &'static str),
    id: &'static str,
    to: &'static str,
) -> Row {
    Row {
        at,
        hosts,
        what,
        id,
        to,
        context: "",
        related: "",
    }
}

impl Row {
    pub const fn says(self, context: &'static str) -> Row {
        Row { context, ..self }
    }

    pub const fn of(self, related: &'static str) -> Row {
        Row { related, ..self }
    }

    pub fn line(&self) -> String {
        let at = if self.at.len() > 12 {
            self.at.into()
        } else {
            format!("2026-03-02T{}", self.at)
        };
        format!(
            "{at}Z,{},{},\"{}\",,{},{},{},<a@partner.test>,11111111-2222-3333-4444-555555555555,{},,1000,{},,\
             ann@partner.test,ann@partner.test,Hello\r\n",
            self.hosts.0,
            self.hosts.1,
            self.context,
            self.what.0,
            self.what.1,
            self.id,
            self.to,
            self.related,
        )
    }
}

/// What the report must say: messages, recipients entered, delivered, transferred, failed, pending, lists expanded.
pub type Counts = [i64; 7];

pub const RECEIVE: (&str, &str) = ("SMTP", "RECEIVE");
const SEND: (&str, &str) = ("SMTP", "SEND");
pub const DELIVER: (&str, &str) = ("STOREDRIVER", "DELIVER");
pub const CAME: Row = row("09:00:00.000", ("mx", "ex01"), RECEIVE, "7", "bob@own.test");
const HANDED: Row = row("09:00:01.000", ("ex01", "ex02"), SEND, "7", "bob@own.test")
    .says("250 2.6.0 <a> [Hostname=ex02.own.test]");
const DELIVERED: Row = row(
    "09:00:01.100",
    ("ex01", "ex02"),
    DELIVER,
    "7",
    "bob@own.test",
);
/// Own domains are guessed from deliveries, so a case without one has somebody else's.
const CASES: [(&str, &[Row], Counts); 9] = [
    (
        "one message, one recipient",
        &[CAME, HANDED, DELIVERED],
        [1, 1, 1, 0, 0, 0, 0],
    ),
    (
        "a hand-over and its delivery are one arrival",
        &[CAME, HANDED, DELIVERED],
        [1, 1, 1, 0, 0, 0, 0],
    ),
    (
        "a shadow copy is no message and no delivery",
        &[
            CAME,
            row(
                "09:00:00.010",
                ("ex01", "ex03"),
                ("SMTP", "HAREDIRECT"),
                "7",
                "bob@own.test",
            ),
            row(
                "09:00:00.020",
                ("ex01", "ex03"),
                ("SMTP", "HARECEIVE"),
                "99",
                "bob@own.test",
            ),
            HANDED,
            DELIVERED,
            row(
                "09:00:09.000",
                ("ex01", "ex03"),
                ("SMTP", "HADISCARD"),
                "99",
                "bob@own.test",
            ),
        ],
        [1, 1, 1, 0, 0, 0, 0],
    ),
    (
        "a relay over three servers is one message",
        &[
            row("09:00:00.000", ("mx", "ex01"), RECEIVE, "1", "x@far.test"),
            row("09:00:00.100", ("ex01", "ex02"), SEND, "1", "x@far.test")
                .says("250 <a> [InternalId=2, Hostname=ex02]"),
            row("09:00:00.100", ("ex01", "ex02"), RECEIVE, "2", "x@far.test"),
            row("09:00:00.200", ("ex02", "ex03"), SEND, "2", "x@far.test")
                .says("250 <a> [InternalId=3, Hostname=ex03]"),
            row("09:00:00.200", ("ex02", "ex03"), RECEIVE, "3", "x@far.test"),
            row(
                "09:00:00.300",
                ("ex03", "mx.far.test"),
                ("SMTP", "SENDEXTERNAL"),
                "3",
                "x@far.test",
            ),
        ],
        [1, 1, 0, 1, 0, 0, 0],
    ),
    (
        "mail put back after its delivery is not delivered twice",
        &[
            CAME,
            HANDED,
            DELIVERED,
            row(
                "12:00:00.000",
                ("ex01", "ex01"),
                ("SAFETYNET", "RESUBMIT"),
                "8",
                "bob@own.test",
            ),
            row(
                "12:00:01.000",
                ("ex01", "ex02"),
                ("STOREDRIVER", "DUPLICATEDELIVER"),
                "8",
                "bob@own.test",
            ),
        ],
        [1, 1, 1, 0, 0, 0, 0],
    ),
    (
        "a member who was addressed too is one recipient, and the list none",
        &[
            row(
                "09:00:00.000",
                ("mx", "ex01"),
                RECEIVE,
                "7",
                "team@own.test;bob@own.test",
            ),
            row(
                "09:00:00.050",
                ("", "ex01"),
                ("ROUTING", "EXPAND"),
                "7",
                "bob@own.test;eve@own.test",
            )
            .of("team@own.test"),
            row(
                "09:00:01.000",
                ("ex01", "ex02"),
                DELIVER,
                "7",
                "bob@own.test;eve@own.test",
            ),
        ],
        [1, 2, 2, 0, 0, 0, 1],
    ),
    (
        "the same address twice in a row is one recipient",
        &[
            row(
                "09:00:00.000",
                ("mx", "ex01"),
                RECEIVE,
                "7",
                "bob@own.test;BOB@own.test",
            ),
            row(
                "09:00:01.000",
                ("ex01", "ex02"),
                DELIVER,
                "7",
                "bob@own.test",
            ),
        ],
        [1, 1, 1, 0, 0, 0, 0],
    ),
    (
        "one message to three is one message to three",
        &[
            row(
                "09:00:00.000",
                ("mx", "ex01"),
                RECEIVE,
                "7",
                "a@own.test;b@own.test;c@own.test",
            ),
            row(
                "09:00:01.000",
                ("ex01", "ex02"),
                DELIVER,
                "7",
                "a@own.test;b@own.test",
            ),
            row("09:00:02.000", ("ex01", "ex03"), DELIVER, "7", "c@own.test"),
        ],
        [1, 3, 3, 0, 0, 0, 0],
    ),
    (
        "an attempt that failed and later arrived is delivered",
        &[
            CAME,
            row(
                "09:00:01.000",
                ("ex01", ""),
                ("QUEUE", "DEFER"),
                "7",
                "bob@own.test",
            )
            .says("432 4.3.2 offline"),
            row(
                "09:10:00.000",
                ("ex01", "ex02"),
                DELIVER,
                "7",
                "bob@own.test",
            ),
        ],
        [1, 1, 1, 0, 0, 0, 0],
    ),
];

pub fn tally(rows: &[Row]) -> Tally {
    let lines: String = rows.iter().map(Row::line).collect();
    program(vec![(
        "ex01.LOG".into(),
        format!("{HEAD}{lines}").into_bytes(),
    )])
    .tally
}

#[test]
fn each_rule_by_itself() {
    CASES.iter().for_each(holds);
}

/// Reads the rows of a case and counts.
pub fn holds(&(rule, rows, expected): &(&str, &[Row], Counts)) {
    let totals = tally(rows).totals;
    let of = |fate| totals.recipients(fate);
    let found = [
        totals.counted.messages,
        totals.entered_recipients.iter().sum(),
        of(Fate::Delivered),
        of(Fate::Transferred),
        of(Fate::Failed),
        of(Fate::Pending),
        of(Fate::Expanded),
    ];
    assert_eq!(found, expected, "{rule}");
    assert_eq!(totals.residual_recipients(), 0, "{rule}");
    assert_eq!(
        (totals.bytes, totals.residual_messages()),
        (1000, 0),
        "{rule}"
    );
    assert_eq!(totals.bytes_to_recipients, 1000 * expected[1], "{rule}");
}

/// The logs of the server that forked the message are missing, and those of the next one begin with its own copy.
#[test]
fn what_came_by_a_way_that_no_row_tells_has_no_latency() {
    let rows = [
        row(
            "09:00:00.100",
            ("ex03", "ex04"),
            DELIVER,
            "5",
            "eve@own.test",
        ),
        row(
            "09:00:00.103",
            ("ex03", "ex01"),
            RECEIVE,
            "7",
            "bob@own.test",
        ),
        row(
            "09:00:00.200",
            ("ex01", "ex01"),
            DELIVER,
            "7",
            "bob@own.test",
        ),
    ];
    let total = tally(&rows).latency.total();
    let found = (total.histogram.count(), total.negative, total.unmeasured);
    assert_eq!(found, (1, 0, 1));
    // Two servers of which rows tell the way have clocks that differ.
    let mut known = rows;
    known[1].to = "bob@own.test;eve@own.test";
    let total = tally(&known).latency.total();
    assert_eq!((total.negative, total.unmeasured), (1, 0));
}

#[test]
fn a_file_collected_twice_counts_once() {
    let lines: String = [CAME, HANDED, DELIVERED].iter().map(Row::line).collect();
    let log = format!("{HEAD}{lines}").into_bytes();
    let answer = program(vec![
        ("a.LOG".into(), log.clone()),
        ("copy/a.LOG".into(), log),
    ]);
    assert_eq!(answer.tally.totals.counted.messages, 1);
    assert_eq!(answer.tally.totals.counted.rows, 3);
    assert_eq!(answer.outcome.rows_twice, 3);
}

#[test]
fn duplicates_and_mail_put_back_are_told_as_what_they_are() {
    let oddities = tally(CASES[4].1).oddities;
    let messages = |kind: Kind| -> i64 {
        let cases = oddities.cases.iter().filter(|((of, _), _)| *of == kind);
        cases.map(|(_, cases)| cases.messages).sum()
    };
    assert_eq!(
        (
            messages(Kind::DuplicateSuppressed),
            messages(Kind::Resubmitted)
        ),
        (1, 1)
    );
    assert_eq!(messages(Kind::Poison), 0);
}

#[test]
fn a_message_counts_on_the_day_it_entered_in_the_zone_of_the_report() {
    let rows = [
        row(
            "2026-03-02T23:59:59.900",
            ("mx", "ex01"),
            RECEIVE,
            "7",
            "bob@own.test",
        ),
        row(
            "2026-03-03T23:30:00.000",
            ("ex01", "ex02"),
            DELIVER,
            "7",
            "bob@own.test",
        ),
    ];
    let tally = tally(&rows);
    let day = |zone: &str| {
        let zone = TimeZone::get(zone).unwrap();
        let volume = volume::volume(&tally.volume, &zone, None);
        let days: Vec<(String, i64)> = volume
            .by_day
            .iter()
            .map(|day| (day.day.clone(), day.flows.total.messages))
            .collect();
        assert_eq!(days.len(), 1, "over two days, and still one message");
        (days[0].0.clone(), days[0].1)
    };
    assert_eq!(day("UTC"), ("2026-03-02".to_string(), 1));
    assert_eq!(day("Europe/Berlin"), ("2026-03-03".to_string(), 1));
    assert_eq!(day("America/New_York"), ("2026-03-02".to_string(), 1));
    // Percentiles are within a 128th; 23 h 30 min and a tenth of a second.
    let latency = tally.latency.total().histogram.max();
    assert_eq!(latency, Some(84_600_100));
}
