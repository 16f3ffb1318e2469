//! Every figure of the sums, on hand-made paths.

use super::samples::{message, nine, recipient};
use super::*;
use crate::address::List;
use crate::path::notes::Deferral;
use crate::path::{Direction, Entry, Reason, Status};
use crate::status::StatusCode;
use crate::tally::extremes::Text;

#[test]
fn balance_and_residual() {
    let mut tally = Tally::default();
    let mut list = message(
        "<1>",
        0,
        vec![
            recipient("team@own.test", Fate::Expanded),
            recipient("bob@own.test", Fate::Delivered),
            recipient("eve@own.test", Fate::Failed),
        ],
    );
    list.status = Status::PartlyDelivered;
    tally.add(&list, 1);
    let mut report = message("<2>", 1, vec![recipient("ann@own.test", Fate::Delivered)]);
    report.class = Class::Report;
    report.entry = Entry::Generated;
    tally.add(&report, 1);
    let t = &tally.totals;
    assert_eq!((t.counted.messages, t.counted.rows, t.bytes), (2, 8, 2000));
    assert_eq!(t.bytes_to_recipients, 3000);
    assert_eq!((t.reports.messages, t.reports.recipients), (1, 1));
    assert_eq!(t.by_entry[Entry::Submitted as usize], 1);
    assert_eq!(t.by_entry[Entry::Generated as usize], 1);
    assert_eq!(t.by_status[Status::PartlyDelivered as usize], 1);
    assert_eq!(t.recipients(Fate::Delivered), 2);
    assert_eq!(t.recipients(Fate::Expanded), 1);
    assert_eq!((t.residual_messages(), t.residual_recipients()), (0, 0));

    let mut lost = message("<3>", 2, vec![recipient("x@own.test", Fate::Rejected)]);
    lost.entered_recipients = 2;
    tally.add(&lost, 1);
    assert_eq!(tally.totals.residual_recipients(), 2);
}

#[test]
fn probes_and_system_are_left_out_and_counted() {
    let mut probe = message("<p>", 0, vec![recipient("h@own.test", Fate::Delivered)]);
    probe.class = Class::Probe;
    let mut system = probe.clone();
    system.class = Class::System;
    let mut tally = Tally::default();
    tally.add(&probe, 1);
    tally.add(&system, 1);
    assert_eq!(tally.totals.counted.messages, 0);
    assert_eq!(
        (tally.totals.probe.messages, tally.totals.probe.rows),
        (1, 4)
    );
    assert_eq!(tally.totals.system.messages, 1);
    tally.settle();
    assert!(tally.correspondents.addresses.is_empty());

    let mut all = Tally::new(TallyOptions {
        include_probes: true,
        ..TallyOptions::default()
    });
    all.add(&probe, 1);
    assert_eq!(all.totals.counted.messages, 1);
    assert_eq!(all.totals.probe.messages, 0);
}

#[test]
fn volume_by_quarter_and_direction() {
    let mut outside = recipient("x@partner.test", Fate::Transferred);
    outside.direction = Direction::Outbound;
    let inside = recipient("bob@own.test", Fate::Delivered);
    let mut tally = Tally::default();
    tally.add(&message("<1>", 14, vec![inside.clone(), outside]), 1);
    tally.add(&message("<2>", 15, vec![inside]), 1);
    let quarter = nine().0 / volume::QUARTER;
    let flows = &tally.volume.quarters[&quarter];
    let internal = &flows[Direction::Internal as usize];
    assert_eq!(
        (internal.messages, internal.recipients, internal.bytes),
        (1, 1, 1000)
    );
    let outbound = &flows[Direction::Outbound as usize];
    assert_eq!((outbound.messages, outbound.recipients), (0, 1));
    assert_eq!(outbound.bytes_to_recipients, 1000);
    assert_eq!(
        tally.volume.quarters[&(quarter + 1)][Direction::Internal as usize].messages,
        1
    );
    assert_eq!(tally.volume.minutes[&(nine().0 / volume::MINUTE + 14)], 1);
}

#[test]
fn latency_of_those_that_arrived() {
    let latency = |ms| {
        let mut r = recipient("bob@own.test", Fate::Delivered);
        r.latency_ms = ms;
        r
    };
    let mut failed = latency(Some(5));
    failed.fate = Fate::Failed;
    let values = [
        Some(30_000),
        Some(30_001),
        Some(90_001),
        Some(400_000),
        Some(-3),
        None,
    ];
    let mut recipients: Vec<_> = values.into_iter().map(latency).collect();
    recipients.push(failed);
    let mut tally = Tally::default();
    tally.add(&message("<1>", 0, recipients), 1);
    let total = tally.latency.total();
    assert_eq!(total.histogram.count(), 4);
    assert_eq!(total.histogram.max(), Some(400_000));
    assert_eq!(
        (total.within_30s, total.within_90s, total.within_5min),
        (1, 2, 3)
    );
    assert_eq!((total.negative, total.unmeasured), (1, 1));
    assert_eq!(
        tally.latency.by_direction()[0],
        (Direction::Internal, total.clone())
    );
    assert_eq!(
        tally.latency.by_server()[0],
        (Some(crate::event::ServerId(1)), total)
    );
    let slowest = tally.latency.slowest.first(25);
    assert_eq!(slowest.len(), 1, "one line per message");
    assert_eq!(slowest[0].value, 400_000);
}

#[test]
fn failures_by_code_and_server() {
    let failed = |address: &'static str| {
        let mut r = recipient(address, Fate::Failed);
        r.reason = Reason::Logged("550 5.1.1 User unknown".into());
        r
    };
    let mut tally = Tally::default();
    tally.add(&message("<1>", 0, vec![failed("a@x"), failed("b@x")]), 1);
    tally.add(
        &message("<2>", 1, vec![recipient("c@x", Fate::Rejected)]),
        1,
    );
    assert_eq!(tally.failures.causes.len(), 2);
    let unknown_user = Some(StatusCode::Enhanced(5, 1, 1));
    assert_eq!(tally.failures.messages_by_code[&unknown_user], 1);
    let groups: Vec<Counts> = tally.failures.groups.values().copied().collect();
    let one = Counts {
        recipients: 1,
        messages: 1,
    };
    assert_eq!(groups, [one, one], "two addresses that do not exist");
    let (cause, cases) = (tally.failures.causes.iter())
        .find(|(cause, _)| cause.fate == Fate::Failed)
        .unwrap();
    assert_eq!(cause.code, Some(StatusCode::Enhanced(5, 1, 1)));
    assert_eq!((cases.recipients, cases.messages), (2, 1));
    let example = &cases.examples.first(3)[0].notable;
    assert_eq!(example.text(Text::MessageId), b"<1>");
    assert_eq!(example.text(Text::Words), b"550 5.1.1 User unknown");
}

#[test]
fn pending_by_reason() {
    let mut waits = recipient("a@slow.test", Fate::Pending);
    waits.reason = Reason::Logged("[{LED=421 4.4.2 lost};{FQDN=MX.slow.test};{LRT=now}]".into());
    waits.deferrals = 3;
    let mut queued = recipient("b@Slow.test", Fate::Pending);
    queued.reason = Reason::InQueueOf(crate::event::ServerId(0));
    let mut tally = Tally::default();
    tally.add(&message("<1>", 0, vec![waits, queued]), 1);
    let pending = &tally.pending;
    let counts = |recipients| Counts {
        recipients,
        messages: 1,
    };
    assert_eq!(pending.since[&nine().0], counts(2));
    assert_eq!(
        pending.reasons[&open::Wait::Logged(b"421 4.4.2 lost"[..].into())],
        counts(1)
    );
    assert_eq!(pending.next_hops[&b"mx.slow.test"[..]], counts(1));
    assert_eq!(pending.next_hops[&b"slow.test"[..]], counts(1));
    assert_eq!(
        (
            pending.deferrals.attempts,
            pending.deferrals.recipients,
            pending.deferrals.messages
        ),
        (3, 1, 1)
    );
    assert_eq!(pending.oldest.first(25).len(), 1);
}

#[test]
fn deferrals_count_recipients_as_often_as_they_were_put_off_and_once() {
    let put_off = |words: &'static str, recipients: &'static [u8]| Deferral {
        server: ServerId(0),
        time: nine(),
        words: words.into(),
        recipients: List(recipients),
    };
    let mut path = message("<1>", 0, vec![recipient("a@slow.test", Fate::Delivered)]);
    path.notes.deferrals = vec![
        put_off("421 4.4.2 lost", b"a@slow.test;b@slow.test"),
        put_off("421 4.4.2 lost", b"A@slow.test;b@Slow.test"),
        put_off("451 4.7.1 grey", b"b@slow.test"),
        put_off("", b""),
    ];
    let mut tally = Tally::default();
    tally.add(&path, 1);
    path.notes.deferrals.truncate(1);
    tally.add(&path, 1);
    let of = |sum: &open::PutOff| (sum.deferrals, sum.counts.recipients, sum.counts.messages);
    let because = |words: &[u8]| of(&tally.pending.deferred_because[words]);
    assert_eq!(because(b"421 4.4.2 lost"), (6, 4, 2));
    assert_eq!(because(b"451 4.7.1 grey"), (1, 1, 1));
    // About the message, whoever it is for.
    assert_eq!(because(b""), (1, 0, 1));
    assert_eq!(
        of(&tally.pending.deferred_hops[&b"slow.test"[..]]),
        (7, 4, 2)
    );
    // The row that names nobody is one of them.
    assert_eq!(tally.pending.deferrals.attempts, 1);
}

#[test]
fn a_host_that_no_name_can_be_is_cut() {
    let address = "x@".to_string() + &"a".repeat(1000);
    let waiting = recipient(&address, Fate::Pending);
    let mut tally = Tally::default();
    tally.add(&message("<1>", 0, vec![waiting]), 1);
    let hosts: Vec<usize> = tally
        .pending
        .next_hops
        .keys()
        .map(|host| host.len())
        .collect();
    assert_eq!(hosts, [255]);
}

#[test]
fn unknown_by_what_is_missing() {
    let mut gone = recipient("c@own.test", Fate::Unknown);
    gone.reason = Reason::NoLogOf("EX03".into());
    let mut tally = Tally::default();
    tally.add(&message("<1>", 0, vec![gone.clone(), gone]), 1);
    let cases = &tally.unknown.missing[&open::Missing::LogOf(b"ex03"[..].into())];
    assert_eq!((cases.recipients, cases.messages), (2, 1));
}

#[test]
fn correspondents_without_case_and_without_counting_twice() {
    let mut tally = Tally::default();
    let to = |address| recipient(address, Fate::Delivered);
    let list = recipient("team@own.test", Fate::Expanded);
    tally.add(
        &message("<1>", 0, vec![to("Bob@own.test"), to("bob@OWN.test"), list]),
        1,
    );
    tally.add(
        &message("<2>", 0, vec![to("bob@own.test"), to("x@partner.test")]),
        1,
    );
    tally.settle();
    let c = &mut tally.correspondents;
    let (ann, bob) = (
        c.addresses.id(b"ann@own.test"),
        c.addresses.id(b"bob@own.test"),
    );
    let sent = c.correspondents[ann as usize].mail.sent;
    assert_eq!((sent.messages, sent.recipients, sent.bytes), (2, 4, 2000));
    let received = c.correspondents[bob as usize].mail.received;
    assert_eq!(
        (received.messages, received.recipients, received.bytes),
        (2, 3, 2000)
    );
    assert!(c.pairs.sums().any(|sum| sum == ((ann, bob), received)));
    let own = c.domains.id(b"own.test");
    assert_eq!(c.by_domain[own as usize].received, received);
    assert_eq!(c.by_domain[own as usize].sent, sent);
}

#[test]
fn extremes_survive_what_is_taken_back() {
    let ids: Vec<String> = (0..1000).map(|n| format!("<{n}>")).collect();
    let path = |n: usize| {
        let mut path = message(&ids[n], 0, vec![]);
        path.size_bytes = n as u64;
        path
    };
    let (mut a, mut b) = (extremes::Extremes::new(3), extremes::Extremes::new(3));
    (0..1000).for_each(|n| a.note(n as i64, &path(n), None, 1));
    (990..1000).for_each(|n| b.note(n as i64, &path(n), None, -1));
    a.merge(b);
    let left: Vec<i64> = a.first(3).iter().map(|entry| entry.value).collect();
    assert_eq!(left, [989, 988, 987]);
}
