//! The four column layouts of modern Exchange and how one row is written in each.
//!
//! In: a [`Row`] and the message it belongs to. Out: one line without its line end. Quoting is
//! RFC 4180 where a comma or a quote makes it necessary (`formats/modern.md` section 1).

use super::mail::Mail;
use super::rng::Rng;
use super::text::{push_number, push_time, push_timed_guid};

/// The column layouts, by the Exchange version that brought them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layout {
    /// Exchange 2007: 21 columns.
    V2007,
    /// Exchange 2010: 26 columns.
    V2010,
    /// Exchange 2013: 27 columns.
    V2013,
    /// Exchange 2016, 2019, SE: 30 columns.
    V2016,
}

impl Layout {
    pub fn columns(self) -> usize {
        match self {
            Layout::V2007 => 21,
            Layout::V2010 => 26,
            Layout::V2013 => 27,
            Layout::V2016 => 30,
        }
    }

    /// Mailbox transport services, shadow copies and hourly files came with 2013.
    pub fn is_modern(self) -> bool {
        self >= Layout::V2013
    }

    /// The names of the `#Fields:` line.
    pub fn fields(self) -> String {
        let mut names = vec![
            "date-time,client-ip,client-hostname,server-ip,server-hostname,source-context",
            "connector-id,source,event-id,internal-message-id,message-id",
        ];
        if self.is_modern() {
            names.push("network-message-id");
        }
        names.push("recipient-address,recipient-status,total-bytes,recipient-count");
        names.push("related-recipient-address,reference,message-subject,sender-address");
        names.push("return-path,message-info");
        if self >= Layout::V2010 {
            names.push("directionality,tenant-id,original-client-ip,original-server-ip");
            names.push("custom-data");
        }
        if self == Layout::V2016 {
            names.push("transport-traffic-type,log-id,schema-version");
        }
        names.join(",")
    }
}

/// The services of a server, each with files of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Service {
    /// Transport (Hub, Edge).
    #[default]
    Transport,
    /// Mailbox transport submission (2013 and later).
    Submission,
    /// Mailbox transport delivery (2013 and later).
    Delivery,
    /// Moderation.
    Moderation,
    /// The mailbox role's submission log (2007, 2010).
    Mailbox,
}

impl Service {
    pub const ALL: [Service; 5] = [
        Service::Transport,
        Service::Submission,
        Service::Delivery,
        Service::Moderation,
        Service::Mailbox,
    ];

    /// The first part of its file names.
    pub fn prefix(self) -> &'static str {
        match self {
            Service::Transport => "MSGTRK",
            Service::Submission => "MSGTRKMS",
            Service::Delivery => "MSGTRKMD",
            Service::Moderation => "MSGTRKMA",
            Service::Mailbox => "MSGTRKM",
        }
    }
}

/// One row but for what it shares with all rows of its message. Empty where a column is blank.
#[derive(Clone, Copy, Debug, Default)]
pub struct Row<'a> {
    /// The server that writes it, by index.
    pub server: usize,
    pub service: Service,
    /// True time in microseconds; the server's skew is added when the row is written.
    pub at: i64,
    pub source: &'a str,
    pub event: &'a str,
    pub client_ip: &'a str,
    pub client_host: &'a str,
    pub server_ip: &'a str,
    pub server_host: &'a str,
    pub context: &'a str,
    pub connector: &'a str,
    pub id: Option<u64>,
    pub recipients: &'a str,
    pub status: &'a str,
    pub bytes: Option<u64>,
    pub count: Option<usize>,
    pub related: &'a str,
    pub reference: &'a str,
    pub info: &'a str,
    pub custom: &'a str,
    /// The row says nothing of its message's Message-ID.
    pub nameless: bool,
    /// The row repeats the first client and server of the message.
    pub with_origin: bool,
}

/// Pushes a field and the comma after it, quoted where it must be.
fn field(out: &mut String, text: &str) {
    // No early exit: so the compiler can look at many bytes at once.
    let special = text
        .bytes()
        .fold(false, |any, b| any | (b == b',') | (b == b'"'));
    if special {
        out.push('"');
        for (i, part) in text.split('"').enumerate() {
            if i > 0 {
                out.push_str("\"\"");
            }
            out.push_str(part);
        }
        out.push('"');
    } else {
        out.push_str(text);
    }
    out.push(',');
}

fn number(out: &mut String, n: Option<u64>) {
    if let Some(n) = n {
        push_number(out, n);
    }
    out.push(',');
}

/// Writes `row` of `mail` (or of no message) as stamped by the writer's clock at `local`.
pub fn push_row(
    out: &mut String,
    layout: Layout,
    build: &str,
    row: &Row<'_>,
    mail: Option<&Mail>,
    local: i64,
    rng: &mut Rng,
) {
    let of = |f: fn(&Mail) -> &str| mail.map_or("", f);
    push_time(out, local);
    out.push(',');
    for text in [
        row.client_ip,
        row.client_host,
        row.server_ip,
        row.server_host,
    ] {
        field(out, text);
    }
    for text in [row.context, row.connector, row.source, row.event] {
        field(out, text);
    }
    number(out, row.id);
    field(
        out,
        if row.nameless {
            ""
        } else {
            of(|m| &m.message_id)
        },
    );
    if layout.is_modern() {
        field(out, of(|m| &m.network_id));
    }
    field(out, row.recipients);
    field(out, row.status);
    number(out, row.bytes);
    number(out, row.count.map(|n| n as u64));
    for text in [
        row.related,
        row.reference,
        of(|m| &m.subject),
        of(|m| &m.sender),
    ] {
        field(out, text);
    }
    let submitted = row.event == "SUBMIT";
    field(
        out,
        if submitted {
            ""
        } else {
            of(|m| &m.return_path)
        },
    );
    field(out, row.info);
    if layout >= Layout::V2010 {
        field(out, of(|m| m.directionality));
        out.push(',');
        field(
            out,
            if row.with_origin {
                of(|m| &m.origin_client)
            } else {
                ""
            },
        );
        field(
            out,
            if row.with_origin {
                of(|m| &m.origin_server)
            } else {
                ""
            },
        );
        field(out, row.custom);
    }
    if layout == Layout::V2016 {
        out.push_str(if mail.is_some() { "Email," } else { "," });
        let beyond = rng.between(400, 8500) as u64;
        push_timed_guid(out, rng, local - local.rem_euclid(1000), beyond);
        out.push(',');
        out.push_str(build);
        return;
    }
    out.pop();
}
