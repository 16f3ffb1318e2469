//! What a trace looks like, at both usual widths.

use super::*;
use crate::filter::example::{hostile, hostile_texts, names, path, place_text};
use crate::inert::columns;
use crate::output::testing::{UTC, is_inert};

fn page(path: &Path, width: usize, rows: bool, colour: bool) -> String {
    let mut out = Vec::new();
    write(
        &mut out,
        path,
        &UTC,
        &Layout {
            width,
            rows,
            colour,
        },
    );
    String::from_utf8(out).unwrap()
}

#[test]
fn the_example_at_80_columns() {
    let want = r#"Quarterly "figures", für alle
From        alice@contoso.com
When        2026-03-01 09:14:02.123 UTC, last row 09:14:14.623 (12.5 s later)
Message-ID  <Q1@contoso.com>
Network ID  08dc-0001
Other ID    c=US;a= ;p=Contoso;l=EX01
Size        12.3 kB
Origin      pc17.contoso.com [10.0.0.17] to ex01 by EX01\Client Proxy EX01
Kind        mail, internal, 20 rows
Status      delivered to 2 of 5, failed for 1, pending for 1, unknown for 1

Hops
├─ ex01 transport, received 09:14:02.123 from pc17.contoso.com
│    to EX02.contoso.com 09:14:02.435 after 312 ms by Intra-Organization SMTP
│    Send Connector
│    ex01/MSGTRK2026030109-1.LOG:3
└─ ex02 delivery from EX01
     done 09:14:02.918

Recipients
├─ team@contoso.com expanded 09:14:02.223 on ex01
│  │ ex01/MSGTRK2026030109-1.LOG:4
│  ├─ bob@contoso.com delivered 09:14:02.918 after 795 ms on ex02
│  │    ex02/MSGTRKMD2026030109-1.LOG:17
│  ├─ c.smith@contoso.com
│  │  └─ known as carol@contoso.com delivered 09:14:14.623 after 12.5 s on ex01
│  │       (inferred: no mailbox delivery log of ex03 was read for that time)
│  │       ex01/MSGTRK2026030109-1.LOG:9
│  └─ dave@contoso.com failed 09:14:02.323 after 200 ms on ex01
│       Mailbox not found: 550 5.1.1 RESOLVER.ADR.RecipNotFound; not found
│       ex01/MSGTRK2026030109-1.LOG:6
├─ erin@contoso.com redirected 09:14:02.243 on ex01
│  │ ex01/MSGTRK2026030109-1.LOG:5
│  └─ forwarded to frank@contoso.com unknown as of 09:14:02.523 on ex01
│       handed to ex03 at 09:14:02.523; no log of ex03 was read for that time
│       ex01/MSGTRK2026030109-1.LOG:8
└─ zoe@fabrikam.com pending as of 09:14:07.123 on ex01
     Network or routing error: 451 4.4.0 DNS query failed
     put off 3 times, next try 09:24:02.123
     ex01/MSGTRK2026030109-1.LOG:12

Related messages
└─ report about this message: <dsn1@contoso.com>

Rows
└─ 09:14:02.918 ex02 STOREDRIVER DELIVER Bob@contoso.com
     peer EX02 250 2.1.5 OK
     ex02/MSGTRKMD2026030109-1.LOG:17

"#;
    assert_eq!(page(&path(), 80, true, false), want);
}

#[test]
fn lines_keep_to_the_width() {
    for width in [80, 100] {
        let page = page(&path(), width, true, false);
        let long: Vec<&str> = page.lines().filter(|line| columns(line) > width).collect();
        assert!(long.is_empty(), "{long:?}");
    }
}

#[test]
fn colour_only_when_asked() {
    assert!(is_inert(&page(&path(), 80, true, false)));
    let coloured = page(&path(), 80, true, true);
    assert!(coloured.contains("\u{1b}[31mfailed\u{1b}[0m"), "{coloured}");
}

#[test]
fn hostile_text_is_shown_and_cut() {
    for text in hostile_texts() {
        let page = page(&hostile(text), 80, true, false);
        assert!(is_inert(&page));
        assert!(page.len() < 20_000, "{} bytes", page.len());
    }
}

#[test]
fn times_are_in_the_zone_with_the_date_where_it_changes() {
    let zone = jiff::tz::TimeZone::get("Asia/Tokyo").unwrap();
    let context = Context {
        server: &|id| names(id),
        place: &place_text,
        file: &|_| "",
        evidence: false,
        zone: &zone,
    };
    let mut path = path();
    path.recipients[1].at = Some(Time(path.first_seen.0 + crate::time::DAY));
    let mut out = Vec::new();
    write(
        &mut out,
        &path,
        &context,
        &Layout {
            width: 100,
            rows: false,
            colour: false,
        },
    );
    let page = String::from_utf8(out).unwrap();
    assert!(page.contains("2026-03-01 18:14:02.123 +09:00"), "{page}");
    assert!(
        page.contains("delivered 2026-03-02 18:14:02.123 after 795 ms on ex02"),
        "{page}"
    );
}

#[test]
fn an_empty_path_is_still_a_page() {
    let mut path = path();
    path.recipients.clear();
    path.hops.clear();
    path.steps.clear();
    path.subject = BStr::new("");
    let page = page(&path, 80, true, false);
    assert!(page.starts_with("(no subject logged)\n"), "{page}");
    assert!(page.contains("no row names a recipient"), "{page}");
}
