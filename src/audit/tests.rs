//! The audit from bytes to findings: every kind of finding on logs that have it and on logs that do not.

use super::read::read;
use super::{Check, Facts, Finding, Weight, text};
use crate::inert;
use crate::input::Inputs;
use crate::simulate;
use crate::time::{DAY, HOUR, SECOND, Time, days_from_civil};
use jiff::tz::TimeZone;

const HEADER: &str = "#Software: Microsoft Exchange Server\r\n#Version: 15.01.2507.023\r\n#Log-type: Message Tracking \
                      Log\r\n#Date: 2026-03-02T00:00:00.000Z\r\n#Fields: date-time,client-ip,client-hostname,\
                      server-ip,server-hostname,source-context,connector-id,source,event-id,internal-message-id,\
                      message-id,network-message-id,recipient-address,recipient-status,total-bytes,recipient-count,\
                      related-recipient-address,reference,message-subject,sender-address,return-path,message-info,\
                      directionality,tenant-id,original-client-ip,original-server-ip,custom-data,\
                      transport-traffic-type,log-id,schema-version\r\n";
/// Id in the first generation of a queue database.
const QUEUE: u64 = 6377 << 32;

/// Monday 2026-03-02, 09:00.
fn nine() -> i64 {
    days_from_civil(2026, 3, 2) * DAY + 9 * HOUR
}

/// One row of 30 columns.
struct Row {
    time: i64,
    source: &'static str,
    event: &'static str,
    client: &'static str,
    server: &'static str,
    context: String,
    connector: &'static str,
    id: u64,
    info: String,
    log_id: String,
}

/// A log-id made at `time`, with digits of its own.
fn log_id(time: i64, own: u64) -> String {
    let ticks = ((time - days_from_civil(1, 1, 1) * DAY) * 10) as u64;
    let own = own & 0xffff_ffff;
    format!(
        "{own:08x}-0000-4000-{:04x}-{:012x}",
        ticks & 0xffff,
        ticks >> 16
    )
}

fn receive(server: &'static str, time: i64, id: u64) -> Row {
    Row {
        time,
        source: "SMTP",
        event: "RECEIVE",
        client: "client.example",
        server,
        context: String::new(),
        connector: "",
        id,
        info: String::new(),
        log_id: log_id(time, id),
    }
}

fn send(from: &'static str, to: &'static str, time: i64, id: u64, next: u64) -> Row {
    Row {
        event: "SEND",
        client: from,
        server: to,
        context: format!("\"250 2.6.0 <a@b> [InternalId={next}, Hostname={to}.x] Queued\""),
        connector: "Intra-Organization SMTP Send Connector",
        ..receive(from, time, id | 1 << 31)
    }
}

impl Row {
    fn text(&self) -> String {
        format!(
            "{},10.0.0.1,{},10.0.0.2,{},{},{},{},{},{},<{}@x>,{:08x}-aaaa-4aaa-8aaa-aaaaaaaaaaaa,a@x,,100,1,,,Hello,b@x,\
             b@x,{},Incoming,,,,,Email,{},15.1.2507.23\r\n",
            Time(self.time).rfc3339(),
            self.client,
            self.server,
            self.context,
            self.connector,
            self.source,
            self.event,
            self.id,
            self.id,
            self.id,
            self.info,
            self.log_id
        )
    }
}

fn log(rows: &[Row]) -> String {
    rows.iter()
        .fold(HEADER.to_string(), |log, row| log + &row.text())
}

/// `count` rows, one a minute, from 09:00.
fn minutes(server: &'static str, count: i64) -> Vec<Row> {
    let row = |n: i64| receive(server, nine() + n * 60 * SECOND, QUEUE + 1 + n as u64);
    (0..count).map(row).collect()
}

fn checked(inputs: &mut Inputs, chunk_bytes: usize) -> Check {
    let (audit, outcome) = read(inputs, chunk_bytes, |_| {});
    let facts = Facts {
        tool: "waybill".into(),
        zone: TimeZone::UTC,
        inputs,
        plan: &outcome.plan,
        servers: &outcome.servers,
        faults: &outcome.faults,
        events: &outcome.events,
        rows: outcome.rows,
        span: outcome.span,
    };
    Check::new(audit, &facts)
}

fn check(files: &[(&str, String)]) -> Check {
    let inputs = || {
        let bytes = |(name, text): &(&str, String)| (name.to_string(), text.clone().into_bytes());
        Inputs::from_memory(files.iter().map(bytes).collect())
    };
    let check = checked(&mut inputs(), 1 << 20);
    let told = serde_json::to_string(&check).unwrap();
    for chunk_bytes in [1, 700, 5000] {
        let other = checked(&mut inputs(), chunk_bytes);
        assert_eq!(
            serde_json::to_string(&other).unwrap(),
            told,
            "{chunk_bytes}"
        );
    }
    for width in [80, 100] {
        let mut page = Vec::new();
        text::write(&check, &mut page, width, false).unwrap();
        let page = String::from_utf8(page).unwrap();
        let fits = page.lines().all(|line| inert::columns(line) <= width);
        assert!(fits && !page.contains('\x1b'), "{page}");
    }
    check
}

fn kinds(check: &Check) -> Vec<&'static str> {
    check.findings.iter().map(|finding| finding.kind).collect()
}

fn find<'c>(check: &'c Check, kind: &str) -> &'c Finding {
    let found = check.findings.iter().find(|finding| finding.kind == kind);
    found.unwrap_or_else(|| panic!("no {kind} in {:?}", kinds(check)))
}

/// The one finding that a log has.
fn only(rows: &[Row], kind: &str) -> Finding {
    let check = check(&[("a.log", log(rows))]);
    assert_eq!(kinds(&check), [kind]);
    check.findings[0].clone()
}

#[test]
fn a_whole_log_is_whole() {
    let check = check(&[("a.log", log(&minutes("ex01", 600)))]);
    assert_eq!(kinds(&check), [""; 0]);
    assert!(check.verdict.whole);
    assert_eq!(check.verdict.words, "whole as far as can be told");
    assert_eq!(check.coverage[0].services[0].rows, 600);
}

#[test]
fn an_hour_without_rows_is_missed() {
    let mut rows = minutes("ex01", 600);
    rows.retain(|row| Time(row.time).hour() != Time(nine()).hour() + 4);
    let found = only(&rows, "hours_without_rows");
    assert_eq!((found.weight, found.count), (Weight::Loss, 1));
    assert_eq!(found.first, ["2026-03-02 13:00 to 2026-03-02 14:00"]);
}

#[test]
fn missing_numbers_are_named() {
    let parts = |number: u32| format!("ex01/MSGTRK2026030209-{number}.LOG");
    let rows = minutes("ex01", 3);
    let files: Vec<(String, String)> = rows
        .iter()
        .zip([1, 2, 4])
        .map(|(row, n)| (parts(n), log(&[receive("ex01", row.time, row.id)])))
        .collect();
    let files: Vec<(&str, String)> = files.iter().map(|(n, t)| (n.as_str(), t.clone())).collect();
    let found = check(&files);
    assert_eq!(kinds(&found), ["file_number_missing"]);
    assert_eq!(found.findings[0].first, ["ex01/MSGTRK2026030209-3.LOG"]);
    assert!(check(&files[..2]).verdict.whole);
}

#[test]
fn bad_rows_and_torn_files() {
    let whole = log(&minutes("ex01", 4));
    let damaged = whole.replacen(
        "\r\n2026-03-02T09:02",
        "\r\n2026-03-02T09:01:30.000Z,short\r\nrubbish\r\n2026-03-02T09:02",
        1,
    );
    let found = check(&[("a.log", damaged)]);
    assert_eq!(kinds(&found), ["row_bad", "row_bad"]);
    assert_eq!(found.findings[0].first, ["a.log:9"]);
    assert_eq!(found.findings[1].first, ["a.log:8"]);

    // In the last columns, which the join never looks at, too.
    for cut in [200, 30, 4] {
        let torn = whole[..whole.len() - cut].to_string();
        let later = log(&[receive("ex01", nine() + HOUR, QUEUE + 9)]);
        let found = check(&[
            ("MSGTRK2026030209-1.LOG", torn.clone()),
            ("MSGTRK2026030210-1.LOG", later),
        ]);
        match cut {
            4 => assert_eq!(kinds(&found), ["file_without_last_line_break"]),
            _ => assert_eq!(kinds(&found)[0], "file_ends_mid_row"),
        }
        assert_eq!(found.findings[0].first, ["MSGTRK2026030209-1.LOG:9"]);
        assert!(!found.verdict.whole);
        let newest = check(&[("MSGTRK2026030209-1.LOG", torn)]);
        assert!(newest.verdict.whole, "a newest file may be being written");
    }
    let begun = whole[HEADER.len() + 40..].to_string();
    let found = check(&[("a.log", begun)]);
    assert_eq!(kinds(&found), ["file_begins_mid_row", "row_bad"]);
    let found = check(&[("a.log", whole[HEADER.len()..].to_string())]);
    assert_eq!(kinds(&found), ["file_without_header"]);
}

#[test]
fn rows_and_files_collected_twice() {
    let whole = log(&minutes("ex01", 5));
    let found = check(&[("a.log", whole.clone()), ("b.log", whole.clone())]);
    assert_eq!(kinds(&found), ["file_twice", "rows_twice"]);
    assert!(found.verdict.whole);
    assert_eq!(find(&found, "file_twice").first, ["b.log = a.log"]);
    let rows = find(&found, "rows_twice");
    assert_eq!(
        (rows.count, rows.first[1].as_str()),
        (5, "b.log:7 = a.log:7")
    );

    // Without a log-id every byte counts; with one, it alone.
    let old = "2026-03-02T09:00:00.000Z,,,,ex01,,,SMTP,RECEIVE,1,<a@x>,a@x,,1,1,,,s,b@x,b@x,\n";
    let head = "#Fields: date-time,client-ip,client-hostname,server-ip,server-hostname,source-context,connector-id,source,\
                event-id,internal-message-id,message-id,recipient-address,recipient-status,total-bytes,\
                recipient-count,related-recipient-address,reference,message-subject,sender-address,\
                return-path,message-info\n";
    let found = check(&[(
        "a.log",
        format!("{head}{old}{old}{}", old.replace("1,1", "2,1")),
    )]);
    assert_eq!(find(&found, "rows_twice").count, 1);
    assert_eq!(found.findings[0].first, ["a.log:3 = a.log:2"]);
}

#[test]
fn a_copy_of_a_row_that_was_edited_is_told() {
    let rows = minutes("ex01", 70);
    let (whole, part) = (log(&rows), log(&rows[20..50]));
    let edited = part.replacen("Hello", "Harmless", 1);
    assert_ne!(part, edited);
    let name = "other/MSGTRK2026030209-1.LOG";
    let of = |second: &String| {
        check(&[
            ("ex01/MSGTRK2026030209-1.LOG", whole.clone()),
            (name, second.clone()),
        ])
    };
    assert!(!kinds(&of(&part)).contains(&"rows_differ"));
    let check = of(&edited);
    let found = find(&check, "rows_differ");
    assert_eq!((found.weight, found.count), (Weight::Change, 1));
    let at = "other/MSGTRK2026030209-1.LOG:6 and ex01/MSGTRK2026030209-1.LOG:26";
    assert_eq!(found.first, [at]);
    assert_eq!(find(&check, "rows_twice").count, 30);
}

/// A log of 5.5 has no header: its beginning is missing only where it begins inside a record.
#[test]
fn logs_of_5_5_have_no_header_to_miss() {
    let record = "c=NO;a= ;p=FJORD;l=HERON-981117091203Z-31\t4\t1998.11.17 9:12:3\t\t/o=FJORD/ou=HARBOUR/\
                  cn=Configuration/cn=Servers/cn=HERON/cn=Microsoft Private MDB\t\t/o=FJORD/ou=HARBOUR/\
                  cn=Recipients/cn=ADA\t0\t2100\t0\t0\t\t1\n/o=FJORD/ou=HILL/cn=Recipients/cn=BRAM\n\n";
    let of = |text: String| check(&[("HERON/tracking.log/19981117.log", text)]);
    assert_eq!(kinds(&of(record.repeat(3))), ["rows_twice"]);
    let cut = format!("{}{record}", &record[100..]);
    assert!(kinds(&of(cut)).contains(&"file_begins_mid_row"));
}

#[test]
fn rows_out_of_order() {
    let mut rows = minutes("ex01", 30);
    rows.swap(20, 17);
    assert_eq!(kinds(&check(&[("a.log", log(&rows))])), [""; 0]);
    rows.swap(28, 3);
    let found = only(&rows, "rows_out_of_order");
    // The early row at the end, and those behind the late one at the beginning.
    assert_eq!((found.weight, found.count), (Weight::Change, 20));
    assert_eq!(found.first[0], "a.log:10");
    // Logs put together are each in their own order.
    let mut later = minutes("ex02", 10);
    (later.iter_mut()).for_each(|row| row.log_id = log_id(row.time, row.id | 1 << 30));
    let both = log(&minutes("ex01", 20)) + &log(&later);
    let found = check(&[("a.log", both)]);
    assert_eq!(kinds(&found), ["header_repeated"]);
}

#[test]
fn log_ids_must_agree_with_the_row() {
    let mut rows = minutes("ex01", 10);
    rows[4].time += 30 * SECOND;
    let found = only(&rows, "log_id_time_differs");
    assert_eq!((found.weight, found.count), (Weight::Change, 1));
    assert_eq!(found.first, ["a.log:10"]);
    rows[4].log_id = "00000001-0000-4000-0000-000000000000".into();
    let found = only(&rows, "log_id_without_time");
    assert_eq!(found.weight, Weight::Note);
}

#[test]
fn ids_that_run_backwards() {
    let mut rows = minutes("ex01", 300);
    for row in &mut rows {
        row.id += (((row.time - nine()) / HOUR) as u64 * 5) << 32;
    }
    let at = rows
        .iter()
        .position(|row| row.time == nine() + 3 * HOUR)
        .unwrap();
    rows[at..].iter_mut().for_each(|row| row.id -= 5000 << 32);
    let found = only(&rows, "ids_run_backwards");
    assert_eq!((found.weight, found.count), (Weight::Change, 1));
    assert_eq!(found.first[1], format!("a.log:{}", at + 6));
}

#[test]
fn headers_that_change() {
    let one = log(&minutes("ex01", 3));
    let two = log(&[receive("ex01", nine() + HOUR, QUEUE + 70)]);
    let newer = two.replace("15.01.2507.023", "15.02.1544.011");
    let found = check(&[("a.log", format!("{one}{newer}"))]);
    assert_eq!(kinds(&found), ["version_changes", "header_repeated"]);
    assert_eq!(
        found.findings[0].first,
        ["a.log:10: 15.01.2507.023 to 15.02.1544.011"]
    );
    let wider = two
        .replace("schema-version\r\n", "schema-version,more\r\n")
        .replace(".23\r\n", ".23,\r\n");
    let found = check(&[("a.log", format!("{one}{wider}"))]);
    assert_eq!(kinds(&found), ["columns_change", "header_repeated"]);
    assert_eq!(found.findings[0].first, ["a.log:13: 30 to 31"]);
}

/// Mail both ways between two servers, one a minute, the clock of the second before by `ahead`.
fn two_servers(ahead: i64) -> [(&'static str, Vec<Row>); 2] {
    let (mut one, mut two) = (minutes("ex01", 120), minutes("ex02", 120));
    for row in &mut two {
        row.time += ahead;
        row.log_id = log_id(row.time, row.id);
    }
    for n in 0..100 {
        let at = nine() + (n + 5) * 60 * SECOND + 7 * SECOND;
        let id = QUEUE + 1000 + n as u64;
        if n % 2 == 0 {
            one.push(send("ex01", "ex02", at, id, id));
            two.push(receive("ex02", at + ahead - SECOND / 10, id));
        } else {
            two.push(send("ex02", "ex01", at + ahead, id, id));
            one.push(receive("ex01", at - SECOND / 10, id));
        }
    }
    one.sort_by_key(|row| row.time);
    two.sort_by_key(|row| row.time);
    // Ids of two servers are of one kind; log-ids are not.
    two.iter_mut()
        .for_each(|row| row.log_id = log_id(row.time, row.id | 1 << 30));
    [("ex01.log", one), ("ex02.log", two)]
}

fn check_two(servers: &[(&'static str, Vec<Row>); 2]) -> Check {
    check(&[
        (servers[0].0, log(&servers[0].1)),
        (servers[1].0, log(&servers[1].1)),
    ])
}

#[test]
fn clocks_that_differ() {
    let found = check_two(&two_servers(0));
    assert_eq!(kinds(&found), [""; 0]);
    assert_eq!(found.clocks[0].offset_ms, Some(0));
    assert_eq!(found.clocks[0].median_ms, -100);
    let found = check_two(&two_servers(600 * SECOND));
    assert_eq!(kinds(&found), ["clock_differs"]);
    assert_eq!(found.clocks[0].offset_ms, Some(600_000));
    assert_eq!(found.clocks[1].offset_ms, Some(-600_000));
    let words = "ex02 is 10 min 00 s before ex01: SEND ex01.log:";
    assert!(found.findings[0].first[0].starts_with(words));
}

#[test]
fn messages_that_never_arrived() {
    let mut servers = two_servers(0);
    let lost = servers[1]
        .1
        .iter()
        .position(|row| row.id == QUEUE + 1050)
        .unwrap();
    servers[1].1.remove(lost);
    let found = check_two(&servers);
    assert_eq!(kinds(&found), ["receive_missing"]);
    assert_eq!(
        (found.findings[0].weight, found.findings[0].count),
        (Weight::Loss, 1)
    );
    let sent = servers[0]
        .1
        .iter()
        .position(|row| row.event == "SEND" && row.id == (QUEUE + 1050) | (1 << 31));
    assert_eq!(
        found.findings[0].first,
        [format!("ex01.log:{}", sent.unwrap() + 6)]
    );
    // Near the end of the other's log nothing follows from it.
    servers[1].1.truncate(100);
    assert_eq!(kinds(&check_two(&servers)), ["hours_without_rows"]);
    // And without any log of it, that is what is told.
    let found = check(&[(servers[0].0, log(&servers[0].1))]);
    assert_eq!(kinds(&found), ["server_missing"]);
    assert_eq!(found.findings[0].count, 50);
}

/// One message that stays on ex01: handed in, taken, delivered; the log of each service. Ids are the copy's.
fn stays_on(time: i64, id: u64) -> [Row; 3] {
    let own = |event, more: u64| Row {
        source: "STOREDRIVER",
        event,
        client: "ex01",
        server: "ex01.x",
        log_id: log_id(time, id | more << 28),
        ..receive("ex01", time, id)
    };
    let delivered = Row {
        client: "ex01.x",
        server: "ex01",
        info: format!(
            "{};SRV=ex01.x:TOTAL-DEL=0.002",
            Time(time - SECOND).rfc3339()
        ),
        ..own("DELIVER", 2)
    };
    [own("SUBMIT", 1), receive("ex01", time, id), delivered]
}

/// Transport gives it to mailbox delivery.
fn given(time: i64, id: u64) -> Row {
    Row {
        id,
        context: "\"250 2.6.0 <a@b> [Hostname=ex01.x]\"".into(),
        ..send("ex01", "ex01.x", time + SECOND, id, id)
    }
}

/// Three logs of ex01, with a message every 20 minutes from nine to noon; `keep` says which rows of transport stay.
fn quiet_server(keep: impl Fn(i64) -> bool) -> Check {
    let mut logs = [const { Vec::new() }; 3];
    for n in 0..9 {
        let minute = 10 + n * 20;
        let [submit, taken, delivered] =
            stays_on(nine() + minute * 60 * SECOND, QUEUE + 1 + n as u64);
        logs[0].push(submit);
        if keep(minute) {
            logs[1].push(taken);
        }
        logs[2].push(delivered);
    }
    check(&[
        ("ms.log", log(&logs[0])),
        ("mt.log", log(&logs[1])),
        ("md.log", log(&logs[2])),
    ])
}

#[test]
fn an_hour_of_which_other_logs_speak_is_missed_however_quiet_it_is() {
    assert_eq!(kinds(&quiet_server(|_| true)), [""; 0]);
    let check = quiet_server(|minute| !(60..120).contains(&minute));
    assert_eq!(kinds(&check), ["hours_told_elsewhere"]);
    let found = &check.findings[0];
    assert_eq!((found.weight, found.count), (Weight::Loss, 1));
    assert_eq!(found.first, ["2026-03-02 10:00: md.log:9"]);
    assert!(
        found.what.contains("6 rows elsewhere speak"),
        "{}",
        found.what
    );
    let told = &check.coverage[0].services[1].told_elsewhere;
    assert_eq!(
        (told.len(), told[0].from.as_str()),
        (1, "2026-03-02T10:00:00.000Z")
    );
    let mut page = Vec::new();
    text::write(&check, &mut page, 100, false).unwrap();
    assert!(String::from_utf8(page).unwrap().contains("█!█"));
    // Where the log only begins later, its beginning may not be collected: a note.
    let check = quiet_server(|minute| minute >= 60);
    assert_eq!(kinds(&check), ["log_ends_earlier"]);
    assert!(check.verdict.whole);
}

#[test]
fn a_message_that_was_cut_out_of_the_transport_log_is_missed() {
    // Plenty of other mail, so that only this message tells.
    let with = |keep: [bool; 3]| {
        let mut transport = minutes("ex01", 180);
        let [submit, taken, delivered] = stays_on(nine() + 90 * 60 * SECOND + 1, QUEUE + 900);
        if keep[1] {
            transport.insert(91, taken);
        }
        let rest = [submit, delivered].into_iter().zip([keep[0], keep[2]]);
        let rest: Vec<Row> = rest.filter(|(_, keep)| *keep).map(|(row, _)| row).collect();
        check(&[("a.log", log(&transport)), ("b.log", log(&rest))])
    };
    assert_eq!(kinds(&with([true; 3])), [""; 0]);
    let found = with([true, false, true]);
    assert_eq!(kinds(&found), ["arrival_missing", "submission_missing"]);
    assert_eq!(found.findings[0].first, ["b.log:7"]);
    assert_eq!(found.findings[1].first, ["b.log:6"]);
    assert_eq!(kinds(&with([false, false, true])), ["arrival_missing"]);
    assert_eq!(kinds(&with([true, false, false])), ["submission_missing"]);
}

/// A hole at the border of an hour may be in either of the two; the messages themselves tell.
#[test]
fn a_message_at_the_border_of_an_hour_without_other_mail_is_missed() {
    let with = |minutes: &[i64]| {
        let mut logs = [const { Vec::new() }; 3];
        for minute in [10, 60, 130] {
            let at = nine() + minute * 60 * SECOND + SECOND;
            let [submit, taken, delivered] = stays_on(at, QUEUE + minute as u64);
            logs[0].push(submit);
            if minutes.contains(&minute) {
                logs[1].push(taken);
            }
            logs[2].push(delivered);
        }
        let names = ["ms.log", "mt.log", "md.log"];
        let logs = names.into_iter().zip(logs.iter().map(|rows| log(rows)));
        kinds(&check(&Vec::from_iter(logs)))
    };
    assert_eq!(with(&[10, 60, 130]), [""; 0]);
    assert_eq!(with(&[10, 130]), ["arrival_missing", "submission_missing"]);
    // Behind its last row the log may not have been collected.
    assert_eq!(with(&[10, 60]), ["log_ends_earlier"]);
}

#[test]
fn a_message_that_was_cut_out_of_the_delivery_log_is_missed() {
    let with = |cut: Option<usize>, event, source| {
        let mut logs = [const { Vec::new() }; 2];
        for n in 0..9 {
            let (at, id) = (nine() + (10 + n * 20) * 60 * SECOND, QUEUE + 1 + n as u64);
            let [_, taken, delivered] = stays_on(at, id);
            logs[0].extend([taken, given(at, id)]);
            logs[1].push(delivered);
        }
        if let Some(cut) = cut {
            logs[1].remove(cut);
        } else {
            (logs[1][4].event, logs[1][4].source) = (event, source);
        }
        check(&[("mt.log", log(&logs[0])), ("md.log", log(&logs[1]))])
    };
    assert_eq!(kinds(&with(None, "DELIVER", "STOREDRIVER")), [""; 0]);
    let found = with(Some(4), "", "");
    assert_eq!(kinds(&found), ["delivery_missing"]);
    let finding = &found.findings[0];
    assert_eq!((finding.weight, finding.count), (Weight::Loss, 1));
    assert_eq!(finding.first, ["mt.log:15"]);
    let words = "1 message that ex01 gave to mailbox delivery on ex01 has no row of arriving there";
    assert!(finding.what.starts_with(words), "{}", finding.what);
    // Whatever mailbox delivery did with it.
    assert_eq!(kinds(&with(None, "DROP", "MAILBOXRULE")), [""; 0]);
    assert_eq!(
        kinds(&with(None, "DUPLICATEDELIVER", "STOREDRIVER")),
        [""; 0]
    );
    // The last may not have been collected.
    assert_eq!(kinds(&with(Some(8), "", "")), [""; 0]);
}

/// The logs of services are copied at different times, and not at the border of an hour.
#[test]
fn a_log_that_begins_or_ends_within_an_hour_lacks_no_message_beyond() {
    let with = |keep: fn(usize, i64) -> bool| {
        let mut logs = [const { Vec::new() }; 3];
        for minute in [5, 10, 20, 40, 50, 70, 100, 130, 160] {
            let at = nine() + minute * 60 * SECOND;
            let id = QUEUE + 1 + minute as u64;
            let [submit, taken, delivered] = stays_on(at, id);
            let rows = [vec![submit], vec![taken, given(at, id)], vec![delivered]];
            for (service, rows) in rows.into_iter().enumerate() {
                if keep(service, minute) {
                    logs[service].extend(rows);
                }
            }
        }
        let names = ["ms.log", "mt.log", "md.log"];
        let logs = names.into_iter().zip(logs.iter().map(|rows| log(rows)));
        kinds(&check(&Vec::from_iter(logs)))
    };
    // 1: transport, 2: mailbox delivery.
    assert_eq!(with(|_, _| true), [""; 0]);
    assert_eq!(
        with(|of, minute| of != 2 || minute <= 10),
        ["log_ends_earlier"]
    );
    assert_eq!(
        with(|of, minute| of != 1 || minute <= 10),
        ["log_ends_earlier"]
    );
    assert_eq!(with(|of, minute| of != 2 || minute >= 50), [""; 0]);
    assert_eq!(with(|of, minute| of != 1 || minute >= 50), [""; 0]);
    // Between its first and last rows it must be there.
    assert_eq!(
        with(|of, minute| of != 2 || minute != 40),
        ["delivery_missing"]
    );
    assert_eq!(
        with(|of, minute| of != 1 || minute != 40),
        ["arrival_missing", "submission_missing"]
    );
}

#[test]
fn unknown_events_and_files_passed_over() {
    let mut rows = minutes("ex01", 3);
    rows[1].event = "FUTUREEVENT";
    let found = only(&rows, "event_unknown");
    assert_eq!(found.first, ["SMTP FUTUREEVENT x 1"]);
    let whole = log(&minutes("ex01", 3));
    let other = HEADER.replace("Message Tracking", "SMTP Receive Protocol");
    let found = check(&[
        ("a.log", whole.clone()),
        ("b.log", other),
        ("c\x1b[31m.log", String::new()),
    ]);
    assert_eq!(kinds(&found), ["file_passed_over"]);
    let found = check(&[
        ("a.log", whole.clone()),
        ("MSGTRK20260302-1.LOG", String::new()),
    ]);
    assert_eq!(find(&found, "file_no_log").weight, Weight::Loss);
    let mut inputs = Inputs::from_memory(vec![("a.log".into(), whole.into_bytes())]);
    inputs
        .unreadable
        .push(("b.log".into(), "permission denied".into()));
    let found = checked(&mut inputs, 1 << 20);
    assert_eq!(kinds(&found), ["file_unreadable"]);
    let mut out = Vec::new();
    inert::write_json(&found, &mut out).unwrap();
    let value: serde_json::Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(value["schema"], 1);
    assert_eq!(value["findings"][0]["weight"], "loss");
}

/// Simulated logs in a folder of their own; `damage` is done to the folder before the check.
fn simulated(days: u32, skew_ms: i64, damage: impl Fn(&std::path::Path)) -> Check {
    let folder = tempfile::tempdir().unwrap();
    let options = simulate::Options {
        skew_ms,
        days,
        messages_per_day: 1500,
        ..simulate::Options::default()
    };
    simulate::run(&options, folder.path()).unwrap();
    damage(folder.path());
    let paths = [folder.path().to_string_lossy().into_owned()];
    checked(&mut Inputs::open(&paths).unwrap(), 1 << 20)
}

/// Whether a row of ex02 says that its transport, or its mailbox delivery, was at work in `hour`: as text, without
/// the audit. Near the border of an hour it may mean the next one.
fn speaks_of_ex02(log: &str, hour: &str, line: &str) -> bool {
    if !line.starts_with(hour) || !(1..59).contains(&line[14..16].parse().unwrap()) {
        return false;
    }
    let columns: Vec<&str> = line.split(',').take(5).collect();
    let is_own = |at: usize| columns[at].to_ascii_lowercase().starts_with("ex02");
    match log.starts_with("MSGTRKMD") {
        true => is_own(2) && line.contains(",SMTP,SEND,") && line.contains(" [Hostname=ex02"),
        false => {
            let between =
                line.contains(",STOREDRIVER,SUBMIT,") || line.contains(",STOREDRIVER,DELIVER,");
            is_own(2) && is_own(4) && between
        }
    }
}

/// Each hour's log of ex02, in an organisation so quiet that no rhythm tells anything, taken away by itself. Of what the
/// submission service alone logged, no other row speaks for certain.
#[test]
fn each_log_of_which_others_speak_is_missed() {
    let folder = tempfile::tempdir().unwrap();
    let options = simulate::Options {
        users: 12,
        messages_per_day: 120,
        probes: false,
        stories: false,
        ..simulate::Options::default()
    };
    simulate::run(&options, folder.path()).unwrap();
    let paths = [folder.path().to_string_lossy().into_owned()];
    let check = || checked(&mut Inputs::open(&paths).unwrap(), 1 << 20);
    assert!(check().verdict.whole, "{:#?}", check().findings);
    let logs = folder.path().join("ex02/MessageTracking");
    let logs = std::fs::read_dir(logs).unwrap().map(|file| file.unwrap());
    let logs: Vec<(String, std::path::PathBuf, String)> = logs
        .map(|file| {
            let name = file.file_name().to_string_lossy().into_owned();
            let text = std::fs::read_to_string(file.path()).unwrap();
            (name, file.path(), text)
        })
        .collect();
    let mut told = 0;
    for (name, path, text) in &logs {
        let Some(row) = text.lines().find(|line| line.starts_with("20")) else {
            continue;
        };
        let of = |line: &str| speaks_of_ex02(name, &row[..13], line);
        let mut others = logs.iter().filter(|other| other.0 != *name);
        if name.starts_with("MSGTRKMS") || !others.any(|(.., text)| text.lines().any(of)) {
            continue;
        }
        std::fs::remove_file(path).unwrap();
        let found = check();
        std::fs::write(path, text).unwrap();
        let kinds = [
            "hours_told_elsewhere",
            "log_ends_earlier",
            "hours_without_rows",
        ];
        let named = |of: &&Finding| kinds.contains(&of.kind);
        let named = found.findings.iter().find(named);
        let hour = row[..13].replace('T', " ");
        let named = named.unwrap_or_else(|| panic!("{name}: {:#?}", found.findings));
        assert!(
            named.what.contains("ex02") && named.first[0].starts_with(&hour),
            "{named:?}"
        );
        told += u32::from(named.kind != kinds[2]);
    }
    assert!(told > 10, "{told} of {}", logs.len());
}

#[test]
fn simulated_logs_show_what_was_done_to_them() {
    let transport = |hour: &str| format!("ex02/MessageTracking/MSGTRK20260302{hour}-1.LOG");
    let clean = simulated(1, 0, |_| {});
    assert!(clean.verdict.whole, "{:#?}", clean.findings);
    assert!(
        clean
            .clocks
            .iter()
            .all(|clock| clock.offset_ms.is_some_and(|ms| ms.abs() < 50))
    );

    let found = simulated(1, 0, |folder| {
        std::fs::remove_file(folder.join(transport("11"))).unwrap()
    });
    let silence = find(&found, "hours_without_rows");
    assert_eq!(silence.first, ["2026-03-02 11:00 to 2026-03-02 12:00"]);
    assert!(silence.what.starts_with("ex02 has no transport rows"));

    let found = simulated(1, 0, |folder| {
        let copy = folder.join("copy.LOG");
        std::fs::copy(folder.join(transport("11")), copy).unwrap();
    });
    assert!(found.verdict.whole);
    assert_eq!(find(&found, "file_twice").count, 1);
    assert_eq!(find(&found, "rows_twice").count, found.inputs.rows_twice);

    let found = simulated(1, 0, |folder| {
        let bytes = std::fs::read(folder.join(transport("11"))).unwrap();
        let half = bytes.len() / 2;
        let row = half + bytes[half..].iter().position(|b| *b == b'\n').unwrap();
        std::fs::write(folder.join(transport("11")), &bytes[..row + 300]).unwrap();
    });
    let torn = find(&found, "file_ends_mid_row");
    assert_eq!(torn.weight, Weight::Loss);
    assert!(torn.first[0].starts_with(&transport("11")));
    assert!(find(&found, "receive_missing").what.contains("ex02"));

    let clean = simulated(3, 0, |_| {});
    assert!(clean.verdict.whole, "{:#?}", clean.findings);
    let found = simulated(3, 0, |folder| {
        std::fs::remove_file(folder.join(transport("11"))).unwrap();
    });
    assert_eq!(kinds(&found)[..2], ["hours_without_rows", "event_unknown"]);
    assert!(found.findings[0].what.contains("same hour of other days"));

    let found = simulated(1, 600_000, |_| {});
    assert!(found.verdict.whole, "{:#?}", found.findings);
    find(&found, "clock_differs");
    // Servers of two sites, once round: the offsets must add up to nothing.
    let offset = |from: &str, to: &str| {
        let mut clocks = found.clocks.iter();
        let pair = clocks.find(|clock| clock.from == from && clock.to == to);
        pair.unwrap().offset_ms.unwrap()
    };
    let there = offset("ex01", "ex03") + offset("ex03", "ex02");
    let round = there + offset("ex02", "ex04") + offset("ex04", "ex01");
    assert!(round.abs() < 100, "{round}");
}
