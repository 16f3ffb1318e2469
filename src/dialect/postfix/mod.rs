//! Postfix: one line, told by its words, not by the daemon that wrote it, because one of the outer forms loses the daemon.
//!
//! Facts and their evidence: `formats/foreign.md` section 2. In: the tag and body of a line. Out: [`Entry`].

use bstr::ByteSlice;

use crate::dialect::foreign::cut::{after, find, number, until};
use crate::dialect::foreign::entry::{Entry, Peer};
use crate::dialect::foreign::events::code;
use crate::dialect::foreign::line::Program;
use crate::dialect::foreign::reply;

/// Reads a line.
#[inline]
pub fn read<'d>(tag: &'d [u8], body: &'d [u8]) -> Entry<'d> {
    // One entry, written where it is wanted: to copy it takes longer than to read most lines.
    let mut told;
    match queue_id(body) {
        Some((id, rest)) => {
            told = with_id(tag, rest);
            told.id = id;
        }
        None => told = without_id(tag, body),
    }
    told
}

/// Whatever stands before the first `: `, if it is one word that can be a queue id.
#[inline]
fn queue_id(body: &[u8]) -> Option<(&[u8], &[u8])> {
    let (mut end, mut seen) = (0, 0);
    loop {
        // Looked up: digits and letters follow each other at random, and branches would be guessed wrong.
        match KINDS[usize::from(*body.get(end).filter(|_| end < 32)?)] {
            0 => break,
            kind => seen |= kind,
        }
        end += 1;
    }
    let rest = body[end..].strip_prefix(b": ")?;
    // Every id has a digit or is upper case: words of the language do not look so.
    let is_id = end >= 5 && (seen & DIGIT != 0 || seen == CAPITAL) && &body[..end] != b"NOQUEUE";
    is_id.then(|| (&body[..end], rest))
}

const DIGIT: u8 = 1;
const CAPITAL: u8 = 2;
const SMALL: u8 = 4;
/// What each byte is in a queue id; 0: it stands in none.
const KINDS: [u8; 256] = {
    let (mut kinds, mut b) = ([0; 256], 0);
    while b < 128 {
        kinds[b] = match b as u8 {
            b'0'..=b'9' => DIGIT,
            b'A'..=b'Z' => CAPITAL,
            b'a'..=b'z' => SMALL,
            _ => 0,
        };
        b += 1;
    }
    kinds
};

fn entry<'d>(code: u8) -> Entry<'d> {
    Entry::of(Program::Postfix, code)
}

fn with_id<'d>(tag: &'d [u8], rest: &'d [u8]) -> Entry<'d> {
    match rest.first() {
        Some(b't') if rest.starts_with(b"to=<") => delivery(tag, rest),
        Some(b'f') if rest.starts_with(b"from=<") => queued(rest),
        Some(b'm') if rest.starts_with(b"message-id=") => Entry {
            message_id: &rest[11..],
            ..entry(code::NAMED)
        },
        Some(b'c') if rest.starts_with(b"client=") => received(tag, &rest[7..]),
        Some(b'u') if rest.starts_with(b"uid=") => Entry {
            sender: after(rest, b"from=")
                .map(|from| from.strip_prefix(b"<").map_or(from, |f| until(f, b">"))),
            // What `postsuper -r` put into the queue anew.
            other: after(rest, b" orig_id=").unwrap_or_default(),
            connector: tag,
            ..entry(code::RECEIVED)
        },
        Some(b'r') if rest == b"removed" => match tag.ends_with(b"/postsuper") {
            // An administrator deleted it.
            true => Entry {
                text: b"deleted by the administrator (postsuper -d)",
                ..entry(code::DISCARDED)
            },
            false => entry(code::REMOVED),
        },
        _ => other(tag, rest),
    }
}

/// `NAME[IP], sasl_username=.., orig_queue_id=Q0, orig_client=..`. A filter behind the queue names the record that it
/// took, one before the queue only the client, whom nothing else names.
fn received<'d>(tag: &'d [u8], rest: &'d [u8]) -> Entry<'d> {
    let other = after(rest, b", orig_queue_id=").map_or(&b""[..], |id| until(id, b","));
    let client = match after(rest, b", orig_client=") {
        Some(client) if other.is_empty() && client.ends_with(b"]") => client,
        _ => until(rest, b", "),
    };
    Entry {
        peer: Peer::read(client),
        other,
        connector: tag,
        ..entry(code::RECEIVED)
    }
}

/// `from=<s>, size=N, nrcpt=N (queue active)` or `from=<s>, status=expired, returned to sender`
fn queued(rest: &[u8]) -> Entry<'_> {
    let Some(end) = find(rest, b">, ") else {
        return entry(code::OTHER);
    };
    let (sender, tail) = (&rest[6..end.max(6)], &rest[end + 3..]);
    let mut told = entry(code::QUEUED);
    told.sender = Some(sender);
    if let Some(size) = tail.strip_prefix(b"size=") {
        told.size = number(size);
        told.count = after(size, b"nrcpt=").map(number);
    } else if tail.starts_with(b"status=expired") || tail.starts_with(b"status=force-expired") {
        told.code = code::EXPIRED;
        told.text = tail;
    }
    told
}

/// `to=<r>, orig_to=<o>, relay=NAME[IP]:PORT, conn_use=N, delay=, delays=a/b/c/d, dsn=x.y.z, status=sent (TEXT)`
fn delivery<'d>(tag: &'d [u8], rest: &'d [u8]) -> Entry<'d> {
    let mut told = entry(code::OTHER);
    let Some(end) = find(&rest[4..], b">, ") else {
        return told;
    };
    told.to = &rest[4..4 + end];
    let mut tail = &rest[4 + end + 3..];
    if let Some(orig) = tail.strip_prefix(b"orig_to=<") {
        let Some(end) = find(orig, b">, ") else {
            return told;
        };
        told.orig = &orig[..end];
        tail = &orig[end + 3..];
    }
    let Some(relay) = tail.strip_prefix(b"relay=") else {
        return told;
    };
    let relay_end = memchr::memchr(b',', relay).unwrap_or(relay.len());
    let relay = (&relay[..relay_end], &relay[relay_end..]);
    let Some(status) = after(relay.1, b", status=") else {
        return told;
    };
    let word = memchr::memchr2(b' ', b',', status).unwrap_or(status.len());
    told.text = parenthesis(&status[word..]);
    told.connector = tag;
    let remote = relay.0.ends_with(b"]") || find(relay.0, b"]:").is_some();
    told.peer = if remote {
        Peer::read(relay.0)
    } else {
        Peer::default()
    };
    told.code = match &status[..word] {
        b"sent" => sent(tag, relay.0, remote, &mut told),
        // `soft_bounce = yes` keeps in the queue what would be returned.
        b"deferred" | b"SOFTBOUNCE" => code::DEFERRED,
        b"bounced" => code::BOUNCED,
        b"expired" | b"force-expired" => code::EXPIRED,
        b"deliverable" | b"undeliverable" => code::PROBED,
        b"deliverable-but-not-cached" | b"undeliverable-but-not-cached" => code::PROBED,
        _ => code::OTHER,
    };
    if told.code != code::SENT
        && let Some(dsn) = after(relay.1, b", dsn=")
    {
        told.with_dsn(until(dsn, b","));
    }
    told
}

/// What `status=sent` means: discard(8) and filters say it, too.
fn sent<'d>(tag: &[u8], relay: &[u8], remote: bool, told: &mut Entry<'d>) -> u8 {
    let text = told.text;
    if !remote {
        if let Some(id) = text.strip_prefix(b"forwarded as ") {
            told.other = id;
            return code::FORWARDED;
        }
        return match relay {
            b"none" => code::DISCARDED,
            _ if text == b"delivered to file: /dev/null" => code::DISCARDED,
            _ => code::DELIVERED,
        };
    }
    if let Some(code) = reply::went_no_further(text) {
        return code;
    }
    // LMTP ends in a mailbox, unless a filter speaks it. Where the daemon is lost, a receiver at a path tells of it, and
    // the word of Dovecot's.
    let is_lmtp = tag.ends_with(b"/lmtp")
        || tag == b"postfix" && (told.peer.ip.contains(&b'/') || text.ends_with(b" Saved"));
    if is_lmtp && find(text, b"queued as").is_none() {
        return code::DELIVERED;
    }
    code::SENT
}

/// The text inside the outermost brackets: up to the last one, because the text may hold any.
fn parenthesis(text: &[u8]) -> &[u8] {
    match (memchr::memchr(b'(', text), memchr::memrchr(b')', text)) {
        (Some(open), Some(close)) if open < close => &text[open + 1..close],
        (Some(open), _) => &text[open + 1..],
        _ => b"",
    }
}

/// The rarer lines with a queue id.
fn other<'d>(tag: &'d [u8], rest: &'d [u8]) -> Entry<'d> {
    let Some(colon) = find(rest, b": ") else {
        return match rest {
            b"released from hold" => entry(code::RELEASED),
            b"placed on hold" => entry(code::HELD),
            _ => broken_off(rest).map_or(entry(code::OTHER), |told| Entry {
                code: code::REFUSED,
                ..told
            }),
        };
    };
    let (action, what) = (&rest[..colon], &rest[colon + 2..]);
    match action {
        b"reject" | b"milter-reject" | b"proxy-reject" => envelope(what, code::REFUSED),
        // Only the first recipient is named, although all share its fate.
        b"hold" | b"milter-hold" => envelope(what, code::HELD),
        b"discard" | b"milter-discard" => envelope(what, code::DISCARDED),
        b"redirect" => redirected(what),
        b"sender non-delivery notification"
        | b"sender delivery status notification"
        | b"sender delay notification"
        | b"postmaster non-delivery notification"
        | b"postmaster delay notification" => Entry {
            other: what,
            text: action,
            connector: tag,
            ..entry(code::REPORT)
        },
        _ => entry(code::OTHER),
    }
}

/// A rule on the header puts the new address behind all, one on the envelope behind its own words:
/// `RCPT from NAME[IP]: <r>: Recipient address triggers REDIRECT x@y; from=<s> to=<r> proto=ESMTP helo=<h>`.
fn redirected(what: &[u8]) -> Entry<'_> {
    let told = envelope(what, code::REDIRECTED);
    let to = match after(told.text, b" triggers REDIRECT ") {
        Some(target) if is_of_message(what) => target,
        _ => memchr::memmem::rfind(what, b">: ").map_or(&b""[..], |at| &what[at + 3..]),
    };
    let orig = told.to;
    Entry { orig, to, ..told }
}

/// `RCPT from NAME[IP]: TEXT; from=<s> to=<r> proto=ESMTP helo=<h>[: TEXT]`
fn envelope(what: &[u8], code: u8) -> Entry<'_> {
    let mut told = entry(code);
    let at = memchr::memmem::rfind(what, b"; from=<");
    let (text, tail) = match at {
        Some(at) => (&what[..at], &what[at + 8..]),
        None => (what, &b""[..]),
    };
    if at.is_some() {
        let end = bracket_end(tail);
        told.sender = Some(&tail[..end]);
        let tail = &tail[end..];
        let to = [&b"> to=<"[..], b">, to=<"];
        if let Some(to) = to.iter().find_map(|head| tail.strip_prefix(*head)) {
            told.to = &to[..bracket_end(to)];
        }
        // A rule's own words stand at the very end.
        if let Some(at) = find(tail, b"helo=<")
            && let Some(words) = after(&tail[at..], b">: ")
        {
            told.text = words;
        }
    }
    if let Some(from) = memchr::memmem::rfind(text, b" from ") {
        let peer = &text[from + 6..];
        let end = find(peer, b"]").map_or(peer.len(), |at| at + 1);
        told.peer = Peer::read(&peer[..end]);
        if told.text.is_empty() {
            // postscreen writes the port behind the address.
            let said = peer[end..].trim_start_with(|b| b == ':' || b.is_ascii_digit());
            told.text = said.strip_prefix(b" ").unwrap_or(text);
        }
    } else if told.text.is_empty() {
        told.text = text;
    }
    told
}

/// Where an address ends whose bracket was opened: postscreen writes commas between its fields, smtpd none.
fn bracket_end(text: &[u8]) -> usize {
    let ends = |at: &usize| matches!(text.get(at + 1), None | Some(b' ' | b','));
    let mut closed = memchr::memchr_iter(b'>', text).filter(ends);
    closed.next().unwrap_or(text.len())
}

/// `lost connection after DATA (512 bytes) from NAME[IP]`: a message was offered, and not given whole.
fn broken_off(what: &[u8]) -> Option<Entry<'_>> {
    let heads = [
        &b"lost connection after "[..],
        b"timeout after ",
        b"too many errors after ",
    ];
    let stage = heads.iter().find_map(|head| what.strip_prefix(*head))?;
    // Before, no message need have been begun; behind its last byte it is Postfix's, whether or not the client hears of it.
    let is_within = stage.starts_with(b"DATA") || stage.starts_with(b"BDAT");
    let from = memchr::memmem::rfind(what, b" from ").filter(|_| is_within)?;
    Some(Entry {
        peer: Peer::read(&what[from + 6..]),
        text: &what[..from],
        ..entry(code::BROKEN_OFF)
    })
}

/// Whether a message was offered: what is refused before MAIL is a client, not a message.
fn is_of_message(what: &[u8]) -> bool {
    let stages = [&b"MAIL"[..], b"RCPT", b"DATA", b"BDAT", b"END-OF-MESSAGE"];
    stages.iter().any(|stage| what.starts_with(stage))
}

/// Lines without a queue id.
fn without_id<'d>(tag: &'d [u8], body: &'d [u8]) -> Entry<'d> {
    let refused = [
        &b"NOQUEUE: reject: "[..],
        b"NOQUEUE: milter-reject: ",
        b"NOQUEUE: proxy-reject: ",
        b"proxy-reject: ",
    ];
    if matches!(body.first(), Some(b'N' | b'p')) {
        if let Some(what) = refused.iter().find_map(|head| body.strip_prefix(*head)) {
            let told = match is_of_message(what) {
                true => code::REFUSED,
                false => code::CONNECTION,
            };
            return Entry {
                connector: tag,
                ..envelope(what, told)
            };
        }
        // What a filter before the queue accepts has its queue id in the reply, unless it goes no further.
        let accepted = [&b"proxy-accept: "[..], b"NOQUEUE: proxy-accept: "];
        if let Some(what) = accepted.iter().find_map(|head| body.strip_prefix(*head)) {
            let told = envelope(what, code::CONNECTION);
            return match reply::went_no_further(told.text) {
                Some(_) => Entry {
                    code: code::SWALLOWED,
                    connector: tag,
                    ..told
                },
                None => entry(code::CONNECTION),
            };
        }
        // A rule on the envelope holds or throws away the message that the client is about to give.
        let rules = [
            (&b"NOQUEUE: hold: "[..], code::HELD),
            (b"NOQUEUE: milter-hold: ", code::HELD),
            (b"NOQUEUE: discard: ", code::DISCARDED),
            (b"NOQUEUE: milter-discard: ", code::DISCARDED),
        ];
        let rule = rules
            .iter()
            .find_map(|(head, code)| Some((body.strip_prefix(*head)?, *code)));
        return match rule {
            Some((what, code)) => envelope(what, code),
            None if body.starts_with(b"NOQUEUE: redirect: ") => redirected(&body[19..]),
            None => match body.strip_prefix(b"NOQUEUE: ") {
                Some(what) => broken_off(what).unwrap_or(entry(code::OTHER)),
                None => entry(code::CONNECTION),
            },
        };
    }
    if matches!(body.first(), Some(b'l' | b't')) {
        return broken_off(body).unwrap_or(entry(code::CONNECTION));
    }
    // The only trace of a message that was refused for its size.
    if let Some((id, text)) = body.strip_prefix(b"warning: ").and_then(queue_id)
        && text == b"queue file size limit exceeded"
    {
        return Entry {
            id,
            text,
            ..entry(code::REFUSED)
        };
    }
    requeued(body).unwrap_or(entry(code::CONNECTION))
}

/// `Requeue: QID.A1234 to QID2`: MailScanner takes messages out of the hold queue and puts them back under another id.
fn requeued(body: &[u8]) -> Option<Entry<'_>> {
    let (from, to) = body.strip_prefix(b"Requeue: ")?.split_once_str(b" to ")?;
    let (id, _) = from.split_once_str(b".")?;
    let is_id = |id: &[u8]| !id.is_empty() && id.iter().all(u8::is_ascii_alphanumeric);
    (is_id(id) && is_id(to)).then_some(Entry {
        id,
        other: to,
        ..entry(code::FORWARDED)
    })
}
