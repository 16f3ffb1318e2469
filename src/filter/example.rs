//! A message and a row by hand that have a bit of everything, for the tests of filters and outputs.
//!
//! Alice writes to a list of three (one behind an alias, one unknown to his server), to Erin, who
//! forwards to a server without logs, and to a partner whose server does not answer.

use bstr::{BStr, ByteSlice};

use crate::event::{Place, Record, Role, ServerId};
use crate::path::notes::Notes;
use crate::path::{
    Class, Direction, Entry, Fate, Hop, HopRole, Origin, Path, Reason, Recipient, Relation, Status,
    Step, Via,
};
use crate::time::{SECOND, Time, parse_iso};

/// Names of the example's servers.
pub fn names(id: ServerId) -> &'static BStr {
    [b"ex01", b"ex02"][usize::from(id.0)].as_bstr()
}

/// Where the example's rows stand.
pub fn place_text(place: Place) -> String {
    let file = [
        "ex01/MSGTRK2026030109-1.LOG",
        "ex02/MSGTRKMD2026030109-1.LOG",
    ];
    format!("{}:{}", file[place.file as usize], place.offset)
}

fn text(text: &'static str) -> &'static BStr {
    text.as_bytes().as_bstr()
}

/// A place in the example's logs; the offset stands for the line.
fn place(file: u32, offset: u64) -> Option<Place> {
    Some(Place {
        file,
        offset,
        line: 0,
    })
}

/// Milliseconds after 09:14:02.123 UTC on 1 March 2026.
fn after(ms: i64) -> Time {
    Time(parse_iso(b"2026-03-01T09:14:02.123Z").unwrap().0 + ms * SECOND / 1000)
}

fn recipient(address: &'static str, fate: Fate, ms: i64, row: u64) -> Recipient<'static> {
    Recipient {
        address: text(address),
        fate,
        at: Some(after(ms)),
        server: Some(ServerId(0)),
        reason: Reason::None,
        next_try: None,
        via: Vec::new(),
        latency_ms: fate.is_final().then_some(ms),
        direction: Direction::Internal,
        place: place(0, row),
        origin_unknown: false,
        deferrals: 0,
        put_off: BStr::new(b""),
    }
}

fn recipients() -> Vec<Recipient<'static>> {
    let team = (Via::Expanded, text("Team@contoso.com"));
    vec![
        Recipient {
            latency_ms: None,
            ..recipient("Team@contoso.com", Fate::Expanded, 100, 4)
        },
        Recipient {
            server: Some(ServerId(1)),
            place: place(1, 17),
            via: vec![team],
            ..recipient("Bob@contoso.com", Fate::Delivered, 795, 0)
        },
        Recipient {
            reason: Reason::HandedToMailbox(text("ex03")),
            via: vec![(Via::Resolved, text("c.smith@contoso.com")), team],
            ..recipient("carol@contoso.com", Fate::Delivered, 12_500, 9)
        },
        Recipient {
            reason: Reason::Logged(text("550 5.1.1 RESOLVER.ADR.RecipNotFound; not found")),
            via: vec![team],
            ..recipient("dave@contoso.com", Fate::Failed, 200, 6)
        },
        Recipient {
            latency_ms: None,
            ..recipient("erin@contoso.com", Fate::Redirected, 120, 5)
        },
        Recipient {
            reason: Reason::NoLogOf(text("ex03")),
            via: vec![(Via::Redirected, text("erin@contoso.com"))],
            ..recipient("frank@contoso.com", Fate::Unknown, 400, 8)
        },
        Recipient {
            reason: Reason::Logged(text("451 4.4.0 DNS query failed")),
            next_try: Some(after(600_000)),
            deferrals: 3,
            put_off: BStr::new(b"451 4.4.0 DNS query failed"),
            direction: Direction::Outbound,
            ..recipient("zoe@fabrikam.com", Fate::Pending, 5_000, 12)
        },
    ]
}

fn hops() -> Vec<Hop<'static>> {
    vec![
        Hop {
            server: ServerId(0),
            role: HopRole::Transport,
            received: Some(after(0)),
            from: text("pc17.contoso.com"),
            sent: Some(after(312)),
            to: text("EX02.contoso.com"),
            connector: text("Intra-Organization SMTP Send Connector"),
            place: place(0, 3),
            link: None,
            candidates: Vec::new(),
        },
        Hop {
            server: ServerId(1),
            role: HopRole::Delivery,
            received: None,
            from: text("EX01"),
            sent: Some(after(795)),
            to: text(""),
            connector: text(""),
            place: None,
            link: None,
            candidates: Vec::new(),
        },
    ]
}

fn steps() -> Vec<Step<'static>> {
    vec![Step {
        time: after(795),
        server: Some(ServerId(1)),
        role: Role::Deliver,
        event: text("DELIVER"),
        source: text("STOREDRIVER"),
        recipients: text("Bob@contoso.com"),
        related: text(""),
        peer: text("EX02"),
        detail: text("250 2.1.5 OK"),
        place: Place {
            file: 1,
            offset: 17,
            line: 0,
        },
    }]
}

/// The message.
pub fn path() -> Path<'static> {
    Path {
        message_id: text("<Q1@contoso.com>"),
        network_message_id: text("08dc-0001"),
        other_ids: vec![text("c=US;a= ;p=Contoso;l=EX01")],
        id_ties: Vec::new(),
        inferred: Vec::new(),
        one_of: Vec::new(),
        class: Class::Mail,
        direction: Direction::Internal,
        status: Status::PartlyDelivered,
        sender: text("alice@contoso.com"),
        return_path: text("alice@contoso.com"),
        subject: text("Quarterly \"figures\", für alle"),
        size_bytes: 12_345,
        entry: Entry::Received,
        earliest: (
            Time(0),
            crate::event::Place {
                file: 0,
                offset: 0,
                line: 0,
            },
        ),
        first_seen: after(0),
        last_seen: after(12_500),
        origin: Origin {
            client_ip: text("10.0.0.17"),
            client_host: text("pc17.contoso.com"),
            server: Some(ServerId(0)),
            connector: text("EX01\\Client Proxy EX01"),
        },
        recipients: recipients(),
        hops: hops(),
        steps: steps(),
        records: Vec::new(),
        raw: Vec::new(),
        related: vec![(Relation::Report, text("<dsn1@contoso.com>"))],
        rows: 20,
        entered_recipients: 5,
        reopened: false,
        plain: None,
        notes: Notes::default(),
    }
}

/// A row of a failed delivery, with a status that holds the list's own separator.
pub fn record() -> Record<'static> {
    Record {
        place: Place {
            file: 0,
            offset: 4711,
            line: 0,
        },
        dialect: "modern/30",
        time: parse_iso(b"2026-03-01T09:14:02.123Z").unwrap(),
        role: Role::Fail,
        event: text("FAIL"),
        source: text("STOREDRIVER"),
        server: text("ex01"),
        client_ip: text("10.0.0.5"),
        client_host: text("ex01"),
        server_ip: text(""),
        server_host: text(""),
        source_context: text("MDB:1, Mailbox:2"),
        connector: text(""),
        internal_message_id: text("123456789"),
        message_id: text("<Q1@contoso.com>"),
        network_message_id: text("08dc-0001"),
        recipients: vec![text("a@contoso.com"), text("b@contoso.com")],
        recipient_statuses: vec![text("[{LED=554 5.2.2 mailbox full; STOREDRV}]"), text("")],
        size_bytes: Some(12_345),
        recipient_count: Some(2),
        related_recipients: vec![text("team@contoso.com")],
        reference: text(""),
        subject: text("Hello, \"you\""),
        sender: text("alice@contoso.com"),
        return_path: text("<>"),
        message_info: text(""),
        directionality: text("Originating"),
        tenant_id: text(""),
        original_client_ip: text("10.0.0.17"),
        original_server_ip: text(""),
        custom_data: vec![text("S:E2ELatency=1.2")],
        traffic_type: text("Email"),
        log_id: text("1f"),
        schema_version: text("15.02.0000.000"),
        extras: Default::default(),
        verbatim: Default::default(),
    }
}

/// The example with a subject and ids as an enemy would choose them.
pub fn hostile(subject: &'static [u8]) -> Path<'static> {
    let mut path = path();
    let text = subject.as_bstr();
    (path.subject, path.sender, path.message_id) = (text, text, text);
    (path.origin.client_host, path.hops[0].to) = (text, text);
    path.recipients[1].address = text;
    path.recipients[1].via.push((Via::Resolved, text));
    path.recipients[3].reason = Reason::Logged(text);
    path.recipients[5].reason = Reason::NoLogOf(text);
    (path.steps[0].detail, path.steps[0].event) = (text, text);
    path.related[0].1 = text;
    path
}

/// Subjects that try to move the cursor, turn the line round, calculate, or fill the screen.
pub fn hostile_texts() -> Vec<&'static [u8]> {
    static LONG: [u8; 1 << 20] = [b'A'; 1 << 20];
    vec![
        b"\x1b[2J\x1b]0;title\x07gone",
        "invoice\u{202e}fdp.exe\u{2066}\u{9b}31m".as_bytes(),
        b"=cmd|' /C calc'!A0",
        b"a\0b\r\nc\td",
        b"\xff\xfe broken \xc3",
        b"\",\"evil\":1,\"",
        b"</td></Subject><script>alert(1)</script><!-- &lt;",
        b"half a pair \xed\xa0\x80",
        &LONG,
    ]
}
