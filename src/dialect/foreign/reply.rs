//! The queue id in a receiver's final reply: the best proof there is of where a message went.
//!
//! In: the text of a reply as any of the programs quotes it. Out: [`Named`]. Found in 730 of 733 hand-overs between
//! hosts whose logs were there (`formats/foreign.md` section 0).

use bstr::ByteSlice;

use super::cut::find_by;
use super::events::code;
use crate::event::Event;

/// What a reply says about the record on the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named<'d> {
    /// Nothing that could be looked up.
    Nothing,
    /// The queue id there.
    Queue(&'d [u8]),
    /// Exchange: internal id, host, and the Message-ID in front.
    Exchange {
        id: &'d [u8],
        host: &'d [u8],
        message_id: &'d [u8],
    },
}

/// What the receiver of a hand-over named: its reply stands in the source context, in some versions in the recipient
/// status.
pub fn of<'d>(event: &Event<'d>) -> Named<'d> {
    let texts = [event.context().text(), event.statuses().text()].into_iter();
    let mut named = texts.map(|text| named(text));
    let told = named.find(|named| *named != Named::Nothing);
    told.unwrap_or(Named::Nothing)
}

/// Reads a reply.
pub fn named(text: &[u8]) -> Named<'_> {
    if let Some(exchange) = exchange(text) {
        return exchange;
    }
    // A filter quotes its own next hop's reply behind its own: the last one counts.
    if let Some(at) = last(text, b"queued as ", 0) {
        return queue(&text[at + 10..]);
    }
    if let Some(at) = last(text, b"OK id=", 5) {
        return queue(&text[at + 6..]);
    }
    if let Some(at) = last(text, b" Message accepted for delivery", 1) {
        let start = text[..at]
            .iter()
            .rposition(|b| matches!(b, b' ' | b'(' | b'"'));
        return queue(&text[start.map_or(0, |blank| blank + 1)..at]);
    }
    Named::Nothing
}

/// What a filter did with a message that it took and hands on to nobody: it discarded it, or returned it with a report of
/// its own. So amavis answers: `250 2.7.0 Ok, discarded, id=03774-01 - SPAM`, `250 2.5.0 Ok, id=18438-02, BOUNCE`,
/// `250 2.5.0 Ok, id=03164-18, DISCARD(bounce.suppressed)` (logs quoted in questions on public forums).
#[inline]
pub fn went_no_further(text: &[u8]) -> Option<u8> {
    let suppressed = || {
        let open = memchr::memrchr(b'(', text);
        open.is_some_and(|open| text[..open].ends_with(b", DISCARD"))
    };
    if find_by(text, b" discarded", 4).is_some() || text.ends_with(b")") && suppressed() {
        return Some(code::DISCARDED);
    }
    text.ends_with(b", BOUNCE").then_some(code::BOUNCED)
}

/// Where `words` stand last; most replies do not even have their byte number `rare`.
#[inline(always)]
fn last<const N: usize>(text: &[u8], words: &[u8; N], rare: usize) -> Option<usize> {
    memchr::memrchr_iter(words[rare], text)
        .filter_map(|at| at.checked_sub(rare))
        .find(|at| text.get(*at..*at + N).is_some_and(|found| found == words))
}

/// Whether each byte may stand in a queue id. Looked up: digits and letters follow each other at random, and branches
/// would be guessed wrong.
const IS_OF_ID: [bool; 256] = {
    let (mut is_of_id, mut b) = ([false; 256], 0);
    while b < 128 {
        is_of_id[b] = (b as u8).is_ascii_alphanumeric() || b as u8 == b'-';
        b += 1;
    }
    is_of_id
};

/// The word at the beginning, if it has the form of a queue id. Some answer with a Message-ID here.
fn queue(text: &[u8]) -> Named<'_> {
    let mut end = 0;
    while text.get(end).is_some_and(|b| IS_OF_ID[usize::from(*b)]) {
        end += 1;
    }
    let followed = text
        .get(end)
        .is_none_or(|b| matches!(b, b' ' | b')' | b'"' | b';' | b'\\' | b'\r' | b'.'));
    match end {
        5..=40 if followed => Named::Queue(&text[..end]),
        _ => Named::Nothing,
    }
}

/// `<message-id> [InternalId=N, Hostname=HOST]`
fn exchange(text: &[u8]) -> Option<Named<'_>> {
    let at = last(text, b"[InternalId=", 0)?;
    let inner = &text[at + 12..];
    let inner = &inner[..inner.find_byte(b']')?];
    let comma = inner.find_byte(b',')?;
    let host = inner[comma + 1..].trim_ascii().strip_prefix(b"Hostname=")?;
    let before = text[..at].trim_ascii_end();
    let message_id = match before.rfind_byte(b'<') {
        Some(open) if before.ends_with(b">") => &before[open..],
        _ => b"",
    };
    Some(Named::Exchange {
        id: inner[..comma].trim_ascii(),
        host: host.trim_ascii(),
        message_id,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reply_seen_names_its_record() {
        for (text, id) in [
            (
                "250 2.0.0 Ok: queued as 4jWzZN1dNJz1Xn33",
                "4jWzZN1dNJz1Xn33",
            ),
            (
                "250 2.0.0 Ok: 445 bytes queued as 804879FAA06",
                "804879FAA06",
            ),
            (
                "250 2.0.0 from MTA(smtp:[127.0.0.11]:10025): 250 2.0.0 Ok: queued as BB1EE9FA992",
                "BB1EE9FA992",
            ),
            ("250 OK id=1xUooM-00006M-38", "1xUooM-00006M-38"),
            (
                "250- 448 byte chunk, total 448\\\\n250 OK id=1xUooM-00006M-38",
                "1xUooM-00006M-38",
            ),
            (
                "250 2.0.0 6ALHNekb000445 Message accepted for delivery",
                "6ALHNekb000445",
            ),
            (
                "Sent (6ALHNekb000445 Message accepted for delivery)",
                "6ALHNekb000445",
            ),
            (
                "250 2.0.0 Ok: queued as 4F1B2C3D;ClientSubmitTime:2026-01-01",
                "4F1B2C3D",
            ),
        ] {
            assert_eq!(
                named(text.as_bytes()),
                Named::Queue(id.as_bytes()),
                "{text}"
            );
        }
        for text in ["250 ok", "250 queued as <a@b>", "250 queued as abc", ""] {
            assert_eq!(named(text.as_bytes()), Named::Nothing, "{text}");
        }
        let reply = b"250 2.6.0 <a@b> [InternalId=20461512491011, Hostname=EXCH01.x.test] Queued";
        let expected = Named::Exchange {
            id: b"20461512491011",
            host: b"EXCH01.x.test",
            message_id: b"<a@b>",
        };
        assert_eq!(named(reply), expected);
    }
}
