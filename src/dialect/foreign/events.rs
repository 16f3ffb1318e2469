//! What lines of Postfix, Exim and Sendmail tell: names, roles, meanings, one table for all three.
//!
//! In: a code. Out: [`Kind`]. The three log few kinds of lines and the same ones; what differs is the words.

use super::line::Program;
use crate::event::Role;

/// One kind of line.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    pub name: &'static str,
    pub role: Role,
    /// In one line, for `explain`.
    pub meaning: &'static str,
}

/// Codes of [`KINDS`].
pub mod code {
    pub const RECEIVED: u8 = 0;
    pub const NAMED: u8 = 1;
    pub const QUEUED: u8 = 2;
    pub const SENT: u8 = 3;
    pub const DELIVERED: u8 = 4;
    pub const FORWARDED: u8 = 5;
    pub const DISCARDED: u8 = 6;
    pub const DEFERRED: u8 = 7;
    pub const BOUNCED: u8 = 8;
    pub const EXPIRED: u8 = 9;
    pub const HELD: u8 = 10;
    pub const REFUSED: u8 = 11;
    pub const REPORT: u8 = 12;
    pub const REMOVED: u8 = 13;
    pub const REDIRECTED: u8 = 14;
    pub const RELEASED: u8 = 15;
    pub const PROBED: u8 = 16;
    pub const OTHER: u8 = 17;
    pub const BROKEN_OFF: u8 = 18;
    pub const CONNECTION: u8 = 19;
    pub const SWALLOWED: u8 = 20;
}

const fn kind(name: &'static str, role: Role, meaning: &'static str) -> Kind {
    Kind {
        name,
        role,
        meaning,
    }
}

/// All kinds, by code.
#[rustfmt::skip]
pub const KINDS: [Kind; 21] = [
    kind("received", Role::Receive, "the host took the message over: client= or uid= of Postfix, <= of Exim, from= of Sendmail"),
    kind("message-id", Role::Info, "names the Message-ID of a message that Postfix took over"),
    kind("queued", Role::Info, "waits for delivery: taken up by Postfix's queue manager, which names sender, size and number of recipients, at each retry again; put into Sendmail's queue untried"),
    kind("sent", Role::Send, "the next host accepted the message; its reply may name the queue id there"),
    kind("delivered", Role::Deliver, "in a mailbox, a file or a program of this host"),
    kind("forwarded", Role::Send, "an alias, .forward or MailScanner made it a message of its own on the same host, under another queue id"),
    kind("discarded", Role::Drop, "thrown away without a report: discard(8), :blackhole:, a filter or a rule; Postfix writes status=sent all the same"),
    kind("deferred", Role::Defer, "delivery was put off; the host tries again"),
    kind("bounced", Role::Fail, "delivery failed for good"),
    kind("expired", Role::Fail, "given up after too many tries"),
    kind("held", Role::Quarantine, "held in the queue until somebody releases it: hold of Postfix, frozen of Exim"),
    kind("refused", Role::Fail, "refused before the host took responsibility; the client keeps the message"),
    kind("report", Role::Report, "a delivery report was made: a message of its own under another queue id"),
    kind("removed", Role::Info, "the queue file is gone: nothing more happens under this queue id"),
    kind("redirected", Role::Redirect, "a rule of the host sends the message to another address"),
    kind("released", Role::Info, "a held message goes on"),
    kind("probed", Role::Info, "an address was asked about without sending anything"),
    kind("other", Role::Info, "a line that names a queue id and changes nothing"),
    kind("broken off", Role::Fail, "the client was gone before the message was there whole"),
    kind("connection", Role::Info, "a line about the server or a connection, not about a message"),
    kind("swallowed", Role::Drop, "a filter before the queue accepted the message and threw it away: it never had a queue id"),
];

/// The parts of Postfix that log about messages, as the last word of their lines' source; `postfix/submission/smtpd` is one.
pub const DAEMONS: [(&str, &str); 17] = [
    (
        "smtpd",
        "takes messages over from clients by SMTP, or refuses them",
    ),
    (
        "postscreen",
        "turns clients away before smtpd talks to them",
    ),
    ("pickup", "takes over what a program of this host handed in"),
    (
        "cleanup",
        "puts a message into the queue: names its Message-ID, applies rules on headers and body, asks milters",
    ),
    (
        "qmgr",
        "the queue manager: takes messages up, gives up those that are too old, removes those that are done",
    ),
    ("nqmgr", "the queue manager under its name of before 2.3"),
    ("smtp", "gives messages to other hosts, to filters too"),
    ("lmtp", "gives messages to mailbox servers, to filters too"),
    (
        "local",
        "delivers to mailboxes, programs, aliases and forwards of this host",
    ),
    (
        "virtual",
        "delivers to mailboxes of virtual domains on this host",
    ),
    (
        "pipe",
        "gives messages to a program: a mailbox server's, a filter",
    ),
    (
        "bounce",
        "makes delivery reports, each a message of its own",
    ),
    ("error", "fails or defers all it is given: a rule says so"),
    ("retry", "defers all it is given: a rule says so"),
    (
        "discard",
        "throws away all it is given, and logs status=sent",
    ),
    (
        "postsuper",
        "an administrator deleted, held, released or requeued messages",
    ),
    ("verify", "asks other hosts about addresses, sends nothing"),
];

/// The kind of a code.
pub fn of(code: u8) -> &'static Kind {
    KINDS
        .get(usize::from(code))
        .unwrap_or(&KINDS[code::OTHER as usize])
}

/// The event under which lines of programs that handle no mail are counted.
pub const PASSED_OVER: (&str, &str) = ("syslog", "lines of other programs");

/// The program's name.
pub fn program(program: Program) -> &'static str {
    match program {
        Program::Postfix => "postfix",
        Program::Exim => "exim",
        Program::Sendmail => "sendmail",
        Program::Other => "syslog",
    }
}
