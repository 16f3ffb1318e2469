//! Exim: mainlog and rejectlog, told by the flag behind the id.
//!
//! Facts and their evidence: `formats/foreign.md` section 3. In: the body of an entry, of several lines perhaps. Out:
//! [`Entry`]. The same letter means different things on `<=` and on `=>`, so each flag has its own reader.

pub mod pieces;

use crate::dialect::foreign::clock::is_exim_id;
use crate::dialect::foreign::cut::{after, find, find_by, number, until};
use crate::dialect::foreign::entry::{Entry, Peer, bare};
use crate::dialect::foreign::events::code;
use crate::dialect::foreign::line::Program;
use crate::dialect::foreign::reply;

/// The flags behind the id, what a line with each tells, and what is peculiar to it.
pub const FLAGS: [(&str, u8, &str); 9] = [
    ("<=", code::RECEIVED, ""),
    (
        "(=",
        code::RECEIVED,
        "; the client was told that it was refused",
    ),
    ("=>", code::DELIVERED, "; to another host, it is sent"),
    (
        "->",
        code::DELIVERED,
        "; one more address of the same delivery",
    ),
    (">>", code::DELIVERED, "; while it was still being received"),
    ("*>", code::DISCARDED, "; delivery was suppressed by -N"),
    ("**", code::BOUNCED, ""),
    ("==", code::DEFERRED, ""),
    ("Completed", code::REMOVED, ""),
];

fn entry<'d>(code: u8) -> Entry<'d> {
    Entry::of(Program::Exim, code)
}

/// Reads an entry.
pub fn read(body: &[u8]) -> Entry<'_> {
    let end = memchr::memchr(b' ', body).unwrap_or(body.len());
    let id = &body[..end];
    if !is_exim_id(id) {
        return match find_by(body, b" rejected ", 3) {
            Some(at) => refused(body, at),
            None => thrown_away(body).unwrap_or(entry(code::CONNECTION)),
        };
    }
    let rest = body[end..].strip_prefix(b" ").unwrap_or(b"");
    let flagged = rest.get(3..).unwrap_or_default();
    let mut told = match rest.get(..3).unwrap_or(rest) {
        b"<= " | b"(= " => received(flagged),
        b"=> " | b"-> " | b">> " => delivered(flagged),
        b"*> " => Entry {
            code: code::DISCARDED,
            text: b"delivery was suppressed (-N)",
            ..delivered(flagged)
        },
        b"** " => failed(flagged),
        b"== " => deferred(flagged),
        b"Com" if rest.starts_with(b"Completed") => entry(code::REMOVED),
        _ => other(rest),
    };
    told.id = id;
    told
}

/// `H=.. [ip] F=<s> RCPT <r>: discarded by RCPT ACL: text`: the client was told that the recipient was accepted.
fn thrown_away(body: &[u8]) -> Option<Entry<'_>> {
    let at = find(body, b": discarded by RCPT ACL")?;
    let (fields, to) = body[..at].split_at(find(&body[..at], b" RCPT <")?);
    Some(Entry {
        sender: after(fields, b" F=<").map(|sender| until(sender, b">")),
        to: bare(&to[b" RCPT ".len()..]),
        peer: fields.strip_prefix(b"H=").map_or(Peer::default(), |host| {
            named(Peer::read(&host[..host_end(host, 0)]))
        }),
        text: &body[at + 2..],
        ..entry(code::SWALLOWED)
    })
}

/// Whether a word is an id, for telling the format.
pub fn is_entry(body: &[u8]) -> bool {
    let end = memchr::memchr(b' ', body).unwrap_or(body.len());
    is_exim_id(&body[..end])
        || body.starts_with(b"exim 4.")
        || body.starts_with(b"Start queue run: pid=")
        || body.starts_with(b"End queue run: pid=")
}

/// `sender H=NAME (HELO) [IP] P=esmtp S=438 id=MSGID T="subject" from <s> for r1 r2`
fn received(rest: &[u8]) -> Entry<'_> {
    let mut told = entry(code::RECEIVED);
    let mut at = word_end(rest, 0);
    told.sender = Some(match &rest[..at] {
        b"<>" => b"",
        sender => sender,
    });
    while at < rest.len() {
        at += 1; // the blank
        let end = word_end(rest, at);
        let word = &rest[at..end];
        at = end;
        // Keys are a few bytes long.
        let (key, value) = match word.iter().position(|b| *b == b'=') {
            Some(equals) => (&word[..equals], &word[equals + 1..]),
            None if word == b"for" => {
                told.to = rest.get(end + 1..).unwrap_or_default();
                told.between = Some(b' ');
                break;
            }
            None => continue,
        };
        match key {
            b"H" => {
                let start = end - value.len();
                at = host_end(rest, start);
                told.peer = named(Peer::read(&rest[start..at]));
            }
            b"S" => told.size = number(value),
            b"id" | b"id*" => told.message_id = value,
            b"R" => told.other = value,
            b"P" => told.connector = value,
            b"T" if value.starts_with(b"\"") => told.subject = &value[1..value.len().max(2) - 1],
            _ => {}
        }
    }
    told
}

/// Whether a program of the host gave a message back under a protocol's name of its own (`exim -oMr spam-scanned`), by which
/// routers know that it went through the program. Exim's own names are in the specification, `$received_protocol`.
pub fn is_given_back(protocol: &[u8]) -> bool {
    const OWN: [&[u8]; 7] = [
        b"local", b"smtp", b"esmtp", b"ssmtp", b"asmtp", b"lmtp", b"utf8",
    ];
    !protocol.is_empty() && !OWN.iter().any(|own| protocol.starts_with(own))
}

/// The end of the word that begins at `from`; blanks inside quotes belong to it.
#[inline]
fn word_end(text: &[u8], from: usize) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    match memchr::memchr2(b' ', b'"', rest) {
        Some(at) if rest[at] == b'"' => quoted_end(text, from + at),
        Some(at) => from + at,
        None => text.len(),
    }
}

/// The same where the word's first quote stands at `from`.
fn quoted_end(text: &[u8], from: usize) -> usize {
    let mut quoted = false;
    let mut at = from;
    while at < text.len() {
        match text[at] {
            b' ' if !quoted => break,
            b'\\' if quoted => at += 1,
            b'"' => quoted = !quoted,
            _ => {}
        }
        at += 1;
    }
    at.min(text.len())
}

/// The end of `NAME (HELO) [IP]:PORT`, which begins at `from`.
fn host_end(text: &[u8], from: usize) -> usize {
    let mut at = word_end(text, from);
    while matches!(text.get(at + 1), Some(b'(' | b'[')) && text.get(at) == Some(&b' ') {
        at = word_end(text, at + 1);
    }
    at
}

/// `NAME (HELO) [IP]` behind the first ` H=`.
fn host(text: &[u8]) -> Peer<'_> {
    let Some(at) = find(text, b" H=") else {
        return Peer::default();
    };
    named(Peer::read(&text[at + 3..host_end(text, at + 3)]))
}

/// The peer by one name.
fn named(found: Peer<'_>) -> Peer<'_> {
    Peer {
        // `(HELO)` is what the client called itself; it may be its only name.
        name: match memchr::memchr(b'(', found.name) {
            Some(0) => found
                .name
                .strip_suffix(b")")
                .unwrap_or(found.name)
                .get(1..)
                .unwrap_or_default(),
            Some(open) => found.name[..open].trim_ascii(),
            None => found.name,
        },
        ..found
    }
}

/// Where the address ends and the fields behind it begin: at the first of ` F=<`, ` P=<`, ` R=`, ` S=`, ` T=`, ` H=`.
fn fields_at(rest: &[u8]) -> usize {
    memchr::memchr_iter(b'=', rest)
        .filter(|at| *at >= 2 && rest[at - 2] == b' ')
        .find(|at| matches!(rest[at - 1], b'F' | b'P' | b'R' | b'S' | b'T' | b'H'))
        .map_or(rest.len(), |at| at - 2)
}

/// `addr <original>` taken apart.
fn addressed<'d>(told: &mut Entry<'d>, head: &'d [u8]) {
    told.to = head;
    if let Some(open) = memchr::memmem::rfind(head, b" <")
        && head.ends_with(b">")
    {
        told.to = &head[..open];
        told.orig = &head[open + 2..head.len() - 1];
        // The aliases between the two, where `all_parents` is logged.
        if told.to.ends_with(b")")
            && let Some(open) = memchr::memmem::rfind(told.to, b" (")
            && open > 0
        {
            told.to = &told.to[..open];
        }
    }
}

/// The value of a field of one word.
fn field<'d, const N: usize>(fields: &'d [u8], key: &[u8; N]) -> &'d [u8] {
    after(fields, key).map_or(b"", |value| until(value, b" "))
}

/// `addr <original> F=<s> P=<s> R=router T=transport S= H=host [ip]:port C="reply" QT= DT=`
fn delivered(rest: &[u8]) -> Entry<'_> {
    let mut told = entry(code::DELIVERED);
    let at = fields_at(rest);
    let (head, fields) = rest.split_at(at);
    addressed(&mut told, head);
    for at in memchr::memchr_iter(b'=', fields) {
        let value = &fields[at + 1..];
        match fields[..at] {
            [.., b' ', b'F'] if told.sender.is_none() => {
                let sender = value.strip_prefix(b"<");
                told.sender = sender.map(|sender| until(sender, b"> "));
            }
            [.., b' ', b'T'] if told.connector.is_empty() => told.connector = until(value, b" "),
            [.., b' ', b'H'] if told.peer == Peer::default() => {
                told.peer = named(Peer::read(&fields[at + 1..host_end(fields, at + 1)]));
            }
            [.., b' ', b'C'] if value.starts_with(b"\"") => {
                let end = memchr::memrchr(b'"', value).unwrap_or(0).max(1);
                told.text = &value[1..end];
                break;
            }
            _ => {}
        }
    }
    let discarded = head.starts_with(b":blackhole:")
        || head.starts_with(b"blackhole (")
        || head.starts_with(b"discarded")
        || until(head, b" ") == b"/dev/null";
    if discarded {
        told.code = code::DISCARDED;
        told.text = until(head, b" <");
        if told.orig.is_empty() {
            told.to = b"";
        }
    } else if head.starts_with(b">") {
        // An automatic reply is no delivery.
        told.code = code::OTHER;
    } else if let Some(code) = reply::went_no_further(told.text) {
        told.code = code;
    } else if !told.peer.ip.is_empty() && !is_lmtp(&told) {
        told.code = code::SENT;
    }
    told
}

/// Whether a mailbox server took it: by the transport's name, or by the last word of Dovecot's reply.
fn is_lmtp(told: &Entry<'_>) -> bool {
    find(told.connector, b"lmtp").is_some() || told.text.ends_with(b" Saved")
}

/// `addr <original> [fields]: reason`
fn failed(rest: &[u8]) -> Entry<'_> {
    let mut told = entry(code::BOUNCED);
    // The name in a certificate is its owner's.
    let name = find(rest, b" DN=\"").map(|at| at + b" DN=\"".len());
    let behind = name.and_then(|at| Some(at + find(&rest[at..], b"\"")?));
    let behind = behind.filter(|_| find(rest, b": ") > name).unwrap_or(0);
    let colon = find(&rest[behind..], b": ").map_or(rest.len(), |at| behind + at);
    let (whole, text) = (&rest[..colon], rest.get(colon + 2..).unwrap_or_default());
    let (head, fields) = whole.split_at(fields_at(whole));
    addressed(&mut told, head);
    told.text = text;
    told.sender = after(fields, b" F=<").map(|sender| until(sender, b">"));
    told.connector = field(fields, b" T=");
    told.peer = host(fields);
    let is_old = find_by(text, b"retry timeout exceeded", 15).is_some()
        || find_by(text, b"have been failing for a long time", 2).is_some();
    if is_old {
        told.code = code::EXPIRED;
    }
    told
}

/// `addr <original> R= T= defer (N): reason`, `addr routing defer (N): reason`
fn deferred(rest: &[u8]) -> Entry<'_> {
    let mut told = entry(code::DEFERRED);
    let at = find(rest, b" defer (").unwrap_or(rest.len());
    let (whole, text) = (&rest[..at], rest.get(at + 1..).unwrap_or_default());
    let whole = whole.strip_suffix(b" routing").unwrap_or(whole);
    let (head, fields) = whole.split_at(fields_at(whole));
    addressed(&mut told, head);
    // Behind the reason may stand how long it took.
    told.text = until(after(text, b": ").unwrap_or(text), b" DT=");
    told.connector = field(fields, b" T=");
    told.peer = match host(text) {
        Peer { ip: b"", .. } => host(fields),
        found => found,
    };
    told
}

/// Lines of a message without a flag.
fn other(rest: &[u8]) -> Entry<'_> {
    if rest.starts_with(b"frozen by ")
        || rest == b"Message is frozen"
        || rest.starts_with(b"Frozen")
    {
        return Entry {
            text: rest,
            ..entry(code::HELD)
        };
    }
    if rest.starts_with(b"Unfrozen") {
        return entry(code::RELEASED);
    }
    if rest.starts_with(b"removed by ") || rest.starts_with(b"cancelled by ") {
        return Entry {
            text: rest,
            ..entry(code::DISCARDED)
        };
    }
    // `exim -Mmd` and `-Mmad`: what an administrator calls delivered nobody has got.
    if let Some(marked) = rest.strip_prefix(b"address <")
        && let Some(end) = find(marked, b"> marked delivered by ")
    {
        return Entry {
            to: &marked[..end],
            text: rest,
            ..entry(code::DISCARDED)
        };
    }
    if let Some(told) = too_big(rest) {
        return told;
    }
    let is_refusal = [&b"H="[..], b"U=", b"F="];
    let is_refusal = is_refusal.iter().any(|head| rest.starts_with(head));
    match find_by(rest, b" rejected ", 3) {
        // Behind it may stand the header, which is a stranger's.
        Some(at) if is_refusal => refused(rest, at),
        // The client was gone before the message was there whole.
        _ if find_by(rest, b" (message abandoned) ", 1).is_some() => Entry {
            sender: after(rest, b" F=<").map(|sender| until(sender, b">")),
            text: rest,
            ..entry(code::REFUSED)
        },
        _ => entry(code::OTHER),
    }
}

/// `rejected from <s> H=.. [ip]: message too big: ...`: the size is known last.
fn too_big(rest: &[u8]) -> Option<Entry<'_>> {
    let from = rest.strip_prefix(b"rejected from <")?;
    let (sender, behind) = from.split_at(find(from, b"> ")?);
    let fields = &behind[1..];
    let peer = host(fields);
    let text = after(fields, b"]: ").or_else(|| after(fields, b": "));
    Some(Entry {
        sender: Some(sender),
        peer,
        text: text.unwrap_or(fields),
        ..entry(code::REFUSED)
    })
}

const TEMPORARILY: &[u8] = b" temporarily";

/// `H=.. [ip] F=<s> rejected RCPT <r>: text`, `... rejected after DATA: text` with the header behind it in rejectlog.
fn refused(rest: &[u8], at: usize) -> Entry<'_> {
    let mut told = entry(code::REFUSED);
    let line_end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
    if at > line_end {
        return entry(code::CONNECTION);
    }
    let (fields, what) = (&rest[..at], &rest[at + 10..line_end]);
    // `temporarily` may stand behind it.
    let own = |text| after(text, b" F=<").or_else(|| fields.strip_prefix(b"F=<"));
    told.sender = own(fields).map(|sender| {
        let sender = until(sender, b"> ");
        sender.strip_suffix(b">").unwrap_or(sender)
    });
    if let Some(start) = fields.strip_prefix(b"H=") {
        told.peer = named(Peer::read(&start[..host_end(start, 0)]));
    }
    told.text = after(what, b": ").unwrap_or(what);
    if fields.ends_with(TEMPORARILY) {
        // Without these words a refusal for now reads like one for good.
        told.text = rest[at - TEMPORARILY.len()..line_end].trim_ascii();
    }
    if let Some(address) = what.strip_prefix(b"RCPT ") {
        let address = until(address, b">: ");
        told.to = bare(address.strip_prefix(b"<").unwrap_or(until(address, b": ")));
    } else if let (Some(sender), None) = (what.strip_prefix(b"MAIL "), told.sender) {
        told.sender = Some(bare(until(sender, b": ")));
    } else if told.sender.is_none() {
        // Of a connection or a greeting: no message was offered.
        return Entry {
            code: code::CONNECTION,
            ..told
        };
    }
    dump(&mut told, &rest[line_end..]);
    told
}

/// Rejectlog's dump of envelope and header: the only place where a refused message's Message-ID stands.
fn dump<'d>(told: &mut Entry<'d>, lines: &'d [u8]) {
    if let Some(at) = find(lines, b"\nEnvelope-to: ") {
        // One behind the other, each further one on a line of its own.
        let list = &lines[at + b"\nEnvelope-to: ".len()..];
        let ends = |at: &usize| !list[at + 1..].starts_with(b"    <");
        let end = memchr::memchr_iter(b'\n', list).find(ends);
        told.to = &list[..end.unwrap_or(list.len())];
        told.between = Some(b'\n');
    }
    for line in lines.split(|b| *b == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if let Some(id) = line.strip_prefix(b"I Message-ID: ") {
            told.message_id = id.trim_ascii();
        } else if let Some(subject) = line.strip_prefix(b"  Subject: ") {
            told.subject = subject;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flag_is_read_as_the_table_says() {
        for (flag, code, _) in FLAGS {
            let line = format!("1xUooM-000069-1M {flag} a@b R=r T=t");
            let line = line
                .strip_suffix(" a@b R=r T=t")
                .filter(|_| flag == "Completed")
                .unwrap_or(&line);
            assert_eq!(read(line.as_bytes()).code, code, "{flag}");
        }
    }
}
