//! Sendmail: `QID: k=v, k=v, ...`, several recipients in one line.
//!
//! Facts and their evidence: `formats/foreign.md` section 4. In: the body of a line. Out: [`Entry`].

use crate::dialect::foreign::cut::{after, number, until};
use crate::dialect::foreign::entry::{Entry, Peer, bare};
use crate::dialect::foreign::events::code;
use crate::dialect::foreign::line::Program;
use crate::dialect::foreign::reply;

fn entry<'d>(code: u8) -> Entry<'d> {
    Entry::of(Program::Sendmail, code)
}

/// Reads a line.
pub fn read(body: &[u8]) -> Entry<'_> {
    let Some((id, rest)) = queue_id(body) else {
        return entry(code::CONNECTION);
    };
    if is_session(rest) {
        // A session has an id before it has a message.
        return entry(code::CONNECTION);
    }
    let mut told = if let Some(rest) = rest.strip_prefix(b"from=") {
        received(rest)
    } else if let Some(rest) = rest.strip_prefix(b"to=") {
        delivery(rest)
    } else if let Some(rest) = rest.strip_prefix(b"ruleset=") {
        ruleset(rest)
    } else {
        other(rest)
    };
    told.id = id;
    told
}

/// What is about a client that gave no message.
fn is_session(rest: &[u8]) -> bool {
    let has = |words: &[u8]| memchr::memmem::find(rest, words).is_some();
    let heads = [
        &b"rejecting commands from "[..],
        b"lost input channel from ",
        b"timeout waiting for input from ",
        b"AUTH=server, ",
        b"AUTH failure (",
        b"Milter: connect: ",
        b"Milter: helo=",
        b"Milter (",
        b"milter_",
        b"STARTTLS=",
        b"POSSIBLE ATTACK from ",
        b"tcpwrappers (",
        b"VRFY ",
        b"EXPN ",
        b"ruleset=check_relay, ",
    ];
    let behind_client = [
        &b" did not issue MAIL/EXPN/VRFY/ETRN"[..],
        b": possible SMTP attack: ",
        b": Possible SMTP RCPT flood",
        b": probable open proxy: ",
    ];
    heads.iter().any(|head| rest.starts_with(head)) || behind_client.iter().any(|words| has(words))
}

/// One word of 14 characters; 8 before version 8.10.
fn queue_id(body: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = body
        .iter()
        .take(20)
        .position(|b| !b.is_ascii_alphanumeric())?;
    let rest = body[end..].strip_prefix(b": ")?;
    let is_id = matches!(end, 8 | 12 | 14 | 15) && body[..end].iter().any(u8::is_ascii_digit);
    is_id.then(|| (&body[..end], rest))
}

/// `<s>, size=, class=, nrcpts=, msgid=<..>, [bodytype=,] proto=ESMTP, daemon=MTA, relay=NAME [IP]`
fn received(rest: &[u8]) -> Entry<'_> {
    let sender = until(rest, b", size=");
    let mut told = entry(code::RECEIVED);
    told.sender = Some(bare(sender));
    told.size = after(rest, b", size=").map_or(0, number);
    told.count = after(rest, b", nrcpts=").map(number);
    if let Some(id) = after(rest, b", msgid=") {
        let id = until(until(id, b", bodytype="), b", proto=");
        told.message_id = until(until(id, b", daemon="), b", relay=");
    }
    told.connector = after(rest, b", daemon=").map_or(b"", |name| until(name, b", "));
    told.peer = memchr::memmem::rfind(rest, b", relay=")
        .map_or(Peer::default(), |at| peer(&rest[at + 8..]));
    if told.count == Some(0) {
        // Every recipient was refused: nothing was taken over.
        told.code = code::OTHER;
    }
    told
}

/// `NAME [IP]`; behind it `(may be forged)` or other fields.
fn peer(text: &[u8]) -> Peer<'_> {
    let text = until(text, b", ");
    let end = memchr::memrchr(b']', text).map_or(text.len(), |at| at + 1);
    Peer::read(&text[..end])
}

/// `<a>,<b>, [ctladdr=<x> (uid/gid),] delay=, xdelay=, mailer=, pri=, relay=H [IP], dsn=, [reply=TEXT,] stat=...`
fn delivery(rest: &[u8]) -> Entry<'_> {
    let mut told = entry(code::OTHER);
    let head = until(until(rest, b", delay="), b", ctladdr=");
    let head = until(head, b", stat=");
    told.to = head;
    told.between = Some(b',');
    if matches!(head.first(), Some(b'"' | b'|' | b'/')) {
        // A program or a file: the address it stands for is the controlling one.
        let address = after(rest, b", ctladdr=").map_or(head, |text| until(text, b" ("));
        (told.to, told.between) = (bare(until(address, b", ")), None);
    }
    if let Some(mailbox) = head.strip_prefix(b"\\") {
        // A forward's own mailbox: no aliases are looked up behind the backslash.
        let address = after(rest, b", ctladdr=").map_or(mailbox, |text| until(text, b" ("));
        let address = bare(until(address, b", "));
        let is_own = until(address, b"@") == mailbox;
        (told.to, told.between) = (if is_own { address } else { mailbox }, None);
    }
    let Some(at) = memchr::memmem::rfind(rest, b", stat=") else {
        return told;
    };
    let fields = rest.get(head.len()..at).unwrap_or_default();
    let stat = &rest[at + 7..];
    let mailer = after(fields, b", mailer=").map_or(&b""[..], |name| until(name, b","));
    told.connector = mailer;
    told.peer = after(fields, b", relay=").map_or(Peer::default(), peer);
    let dsn = after(fields, b", dsn=").map_or(&b""[..], |dsn| until(dsn, b","));
    told.text = match after(fields, b", reply=") {
        Some(reply) if !stat.starts_with(b"Sent") => reply,
        _ => stat,
    };
    // Whoever takes it by SMTP has an address and says more than that it was sent.
    let by_name = matches!(
        mailer,
        b"local" | b"prog" | b"*file*" | b"lmtp" | b"procmail" | b"dovecot"
    );
    let local = by_name
        || mailer.starts_with(b"cyrus")
        || stat == b"Sent" && told.peer.ip.is_empty() && !mailer.ends_with(b"smtp");
    told.code = match stat {
        _ if stat.starts_with(b"Sent") && head == b"/dev/null" => code::DISCARDED,
        _ if stat.starts_with(b"Sent") && local => code::DELIVERED,
        _ if stat.starts_with(b"Sent") => {
            let reply = stat.strip_suffix(b")").unwrap_or(stat);
            reply::went_no_further(reply).unwrap_or(code::SENT)
        }
        b"queued" => code::QUEUED,
        b"quarantined" => code::HELD,
        _ if stat.starts_with(b"Deferred") => code::DEFERRED,
        _ if is_expired(stat) => code::EXPIRED,
        // No mailer ever had it: a filter refused the message when it was there.
        _ if mailer.is_empty() && dsn.is_empty() => code::REFUSED,
        _ if dsn.starts_with(b"4") => code::DEFERRED,
        _ if dsn.starts_with(b"2") => code::SENT,
        _ => code::BOUNCED,
    };
    told.with_dsn(dsn);
    if told.text.starts_with(b"Sent (") {
        told.text = told.text[6..].strip_suffix(b")").unwrap_or(&told.text[6..]);
    }
    told
}

fn is_expired(stat: &[u8]) -> bool {
    stat.starts_with(b"Cannot send message for") || stat.starts_with(b"Cannot send within")
}

/// `check_rcpt, arg1=<r>, relay=NAME [IP], reject=550 ...`, `quarantine=why` or `discard` in its place; `check_compat` names
/// the sender, and as `arg2=` the one recipient it decides about.
fn ruleset(rest: &[u8]) -> Entry<'_> {
    let (told, text) = if let Some(text) = after(rest, b", reject=") {
        (code::REFUSED, text)
    } else if let Some(text) = after(rest, b", quarantine=") {
        (code::HELD, text)
    } else if rest.ends_with(b", discard") {
        (code::DISCARDED, &b"discarded by a rule"[..])
    } else {
        return entry(code::OTHER);
    };
    let arg = after(rest, b", arg1=").map_or(&b""[..], |arg| until(arg, b", "));
    let mut told = entry(told);
    told.text = text;
    told.peer = after(rest, b", relay=").map_or(Peer::default(), peer);
    match until(rest, b",") {
        b"check_rcpt" => told.to = bare(arg),
        b"check_compat" => {
            told.sender = Some(bare(arg));
            told.to = after(rest, b", arg2=").map_or(b"", |arg| bare(until(arg, b", ")));
            told.connector = &rest[..b"check_compat".len()];
        }
        b"check_mail" => told.sender = Some(bare(arg)),
        _ => {}
    }
    told
}

/// `<r>... User unknown`, `QID2: DSN: User unknown`, `QID2: clone: owner=..`, `Milter: ..., reject=...`
fn other(rest: &[u8]) -> Entry<'_> {
    if let Some((other, text)) = queue_id(rest) {
        let is_report = [
            &b"DSN: "[..],
            b"postmaster notify: ",
            b"return to sender: ",
            b"sender notify: ",
        ]
        .iter()
        .any(|head| text.starts_with(head));
        let told = match text {
            _ if is_report => code::REPORT,
            _ if text.starts_with(b"clone: ") => code::FORWARDED,
            _ => code::OTHER,
        };
        return Entry {
            other,
            text,
            ..entry(told)
        };
    }
    if rest.starts_with(b"<")
        && let Some(at) = memchr::memmem::find(rest, b">... ")
    {
        return Entry {
            to: &rest[1..at],
            text: &rest[at + 5..],
            ..entry(code::REFUSED)
        };
    }
    let gone = [
        &b"collect: premature EOM"[..],
        b"collect: unexpected close",
        b"SYSERR(root): collect: I/O error on connection from ",
    ];
    if gone.iter().any(|head| rest.starts_with(head)) {
        // The client was gone before the message was complete.
        return Entry {
            text: rest,
            ..entry(code::REFUSED)
        };
    }
    if rest.starts_with(b"Milter: ") {
        if let Some(text) = after(rest, b"reject=") {
            let to = after(rest, b"Milter: to=").map_or(&b""[..], |to| bare(until(to, b", ")));
            return Entry {
                to,
                text,
                ..entry(code::REFUSED)
            };
        }
        if memchr::memmem::find(rest, b"discard").is_some() {
            return Entry {
                text: rest,
                ..entry(code::DISCARDED)
            };
        }
    }
    entry(code::OTHER)
}
