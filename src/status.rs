//! SMTP status codes: found in the log's own words, and said in plain ones.
//!
//! In: replies and last errors as logged (`550 5.1.1 ...`, `[{LED=554 5.2.2 mailbox full; ...};{LRT=...}]`,
//! `formats/modern.md` section 4). Out: [`StatusCode`] and its meaning by RFC 3463 and Microsoft's list
//! of Exchange's own codes.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An enhanced status code (RFC 3463), or the reply code (RFC 5321) where that is all there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum StatusCode {
    /// `5.1.1`: class, subject, detail.
    Enhanced(u16, u16, u16),
    /// `550`.
    Reply(u16),
}

impl fmt::Display for StatusCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StatusCode::Enhanced(class, subject, detail) => {
                write!(f, "{class}.{subject}.{detail}")
            }
            StatusCode::Reply(code) => write!(f, "{code}"),
        }
    }
}

impl StatusCode {
    /// The first code in `words`: in the last error if one is marked, an enhanced one rather than a reply.
    pub fn find(words: &[u8]) -> Option<StatusCode> {
        let error = last_error(words);
        find_enhanced(error)
            .or_else(|| find_reply(error))
            .or_else(|| find_enhanced(words))
            .or_else(|| find_reply(words))
    }

    /// Whether it may go well another time: 4xx.
    pub fn is_for_now(self) -> bool {
        matches!(
            self,
            StatusCode::Enhanced(4, ..) | StatusCode::Reply(400..=499)
        )
    }

    /// What the code says, in plain words.
    pub fn meaning(self) -> &'static str {
        match self {
            StatusCode::Enhanced(2, 1, 5) => "Address valid",
            // What was accepted may have been discarded or returned all the same.
            StatusCode::Enhanced(2, ..) => "Accepted",
            StatusCode::Enhanced(class, subject, detail) => {
                exchange_meaning(class, subject, detail)
                    .or_else(|| common_meaning(class, subject, detail))
                    .unwrap_or_else(|| subject_meaning(subject))
            }
            StatusCode::Reply(code) => reply_meaning(code),
        }
    }
}

/// What stands after `LED=` in a status of Exchange 2013 and later, the last error; else all of `words`.
pub fn last_error(words: &[u8]) -> &[u8] {
    field(words, b"LED=").unwrap_or(words)
}

/// The next hop in a status of Exchange 2013 and later (`{FQDN=host}`), if it names one.
pub fn host(words: &[u8]) -> Option<&[u8]> {
    field(words, b"FQDN=").filter(|host| !host.is_empty())
}

/// The value of `{KEY=value}`.
fn field<'t>(words: &'t [u8], key: &[u8]) -> Option<&'t [u8]> {
    let start = memchr::memmem::find(words, key)? + key.len();
    let rest = &words[start..];
    Some(memchr::memchr(b'}', rest).map_or(rest, |end| &rest[..end]))
}

/// The first `d.d.d` that is no part of an address or a version.
fn find_enhanced(words: &[u8]) -> Option<StatusCode> {
    memchr::memchr_iter(b'.', words).find_map(|dot| {
        let class = words[dot.checked_sub(1)?];
        let before = dot.checked_sub(2).map(|i| words[i]);
        let alone = !before.is_some_and(|b| b.is_ascii_alphanumeric() || b == b'.');
        if !alone || !matches!(class, b'2' | b'4' | b'5') {
            return None;
        }
        let (subject, rest) = number(&words[dot + 1..])?;
        let (detail, rest) = number(rest.strip_prefix(b".")?)?;
        let ends = match rest {
            [b'.', next, ..] => !next.is_ascii_digit(),
            [next, ..] => !next.is_ascii_alphanumeric(),
            [] => true,
        };
        ends.then_some(StatusCode::Enhanced(
            u16::from(class - b'0'),
            subject,
            detail,
        ))
    })
}

/// A three-digit code at the start of the words or of a quoted reply within them.
fn find_reply(words: &[u8]) -> Option<StatusCode> {
    (0..words.len().saturating_sub(2)).find_map(|i| {
        let code = &words[i..i + 3];
        let digits = matches!(code[0], b'2' | b'4' | b'5')
            && matches!(code[1], b'0'..=b'5')
            && code[2].is_ascii_digit();
        let opened = words[..i].iter().rev().find(|&&b| b != b' ');
        let opens = opened.is_none_or(|b| b":;=#[{('\"<".contains(b));
        let ends = words.get(i + 3).is_none_or(|b| b" -;,}])'\"".contains(b));
        if !(digits && opens && ends) {
            return None;
        }
        let value = code.iter().fold(0, |n, d| n * 10 + u16::from(d - b'0'));
        Some(StatusCode::Reply(value))
    })
}

/// A number of one to three digits and what follows it.
fn number(text: &[u8]) -> Option<(u16, &[u8])> {
    let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
    if !(1..=3).contains(&digits) {
        return None;
    }
    let value = text[..digits]
        .iter()
        .fold(0, |n, d| n * 10 + u16::from(d - b'0'));
    Some((value, &text[digits..]))
}

/// Codes that Exchange uses in a sense of its own (Microsoft, "Email non-delivery reports").
fn exchange_meaning(class: u16, subject: u16, detail: u16) -> Option<&'static str> {
    Some(match (class, subject, detail) {
        (4, 3, 1) => "Server short of disk space or memory",
        (4, 3, 2) => "Service not accepting messages now, or shutting down",
        (4, 4, 7) | (5, 4, 7) => "Message expired in the queue",
        (_, 1, 10) => "Recipient not found",
        (5, 2, 0) => "Mailbox refused the message",
        (_, 4, 6) => "Routing loop, or the domain accepts no mail here",
        (_, 4, 14) => "Too many hops: mail loop",
        (5, 4, 300) | (4, 4, 300) => "Message expired in the queue",
        (4, 4, 312) | (5, 4, 312) => "DNS look-up of the domain failed",
        (4, 4, 316) | (5, 4, 316) => "Connection refused by the next host",
        (4, 4, 317) | (5, 4, 317) => "Connection needs a security the next host lacks",
        (5, 7, 12) | (5, 7, 133) | (5, 7, 124) => "Sender not allowed to write to this recipient",
        (5, 7, 57) => "Client was not authenticated to send",
        (5, 7, 60) => "Client may not send as this sender",
        (5, 7, 64) => "Relaying refused",
        (5, 7, 509) => "Sender's domain failed DMARC",
        (5, 7, 511) | (5, 7, 606) => "Sending address is banned",
        (5, 7, 750) | (5, 7, 705) | (5, 7, 708) => "Sender blocked as suspected spam source",
        (4, 7, 500) => "Server busy: sender throttled",
        (5, 2, 121) | (5, 2, 122) => "Recipient receives more than its hourly limit",
        (5, 6, 11) => "Message has bare line feeds",
        _ => return None,
    })
}

/// RFC 3463 and its registry (RFC 5248 and later), by subject and detail.
fn common_meaning(class: u16, subject: u16, detail: u16) -> Option<&'static str> {
    Some(match (subject, detail) {
        (0, 0) => "No detail given",
        (1, 0) => "Address refused",
        (1, 1) => "Mailbox not found",
        (1, 2) => "Recipient's domain not found",
        (1, 3) => "Recipient's address malformed",
        (1, 4) => "Recipient's address ambiguous",
        (1, 6) => "Mailbox has moved",
        (1, 7) => "Sender's address malformed",
        (1, 8) => "Sender's address refused",
        (2, 1) => "Mailbox disabled",
        (2, 2) => "Mailbox full",
        (2, 3) => "Message too large for the mailbox",
        (2, 4) => "List could not be expanded",
        (3, 0) => "Mail system error at the next host",
        (3, 1) => "Mail system full",
        (3, 2) => "Next host is not accepting mail",
        (3, 3) => "Next host lacks a feature the message needs",
        (3, 4) => "Message too large",
        (3, 5) => "Next host is misconfigured",
        (4, 0) => "Network or routing error",
        (4, 1) => "No answer from the next host",
        (4, 2) => "Connection lost",
        (4, 3) => "Directory or DNS server failed",
        (4, 4) => "No route to the recipient's domain",
        (4, 5) => "Next host is overloaded",
        (4, 8) => "Routing loop",
        (5, 0) => "SMTP protocol error",
        (5, 1) => "Command not accepted",
        (5, 2) => "SMTP syntax error",
        (5, 3) => "Too many recipients",
        (5, 4) => "Command arguments not accepted",
        (5, 6) => "Authentication exchange too long",
        (6, 0) => "Message content could not be handled",
        (6, 1) => "Media type not supported",
        (6, 3) => "Conversion needed but not supported",
        (6, 6) => "Message content not available",
        (7, 0) if class == 4 => "Put off for policy or reputation",
        (7, 0) => "Refused for policy or security",
        (7, 1) => "Refused: not allowed, or blocked by policy",
        (7, 2) => "Sender not allowed to write to this list",
        (7, 3) => "Refused: needs secure delivery",
        (7, 8) => "Authentication failed",
        (7, 13) => "Account disabled",
        (7, 20..=22) => "DKIM signature failed",
        (7, 23) => "Sender's domain failed SPF",
        (7, 25) => "Sending address has no reverse DNS",
        (7, 26) => "Sender's domain failed SPF and DKIM",
        (7, 27) => "Sender's domain accepts no mail",
        (7, 28) => "Refused: flood of messages",
        _ => return None,
    })
}

/// What the second number alone says (RFC 3463 section 3).
fn subject_meaning(subject: u16) -> &'static str {
    match subject {
        1 => "Problem with an address",
        2 => "Problem with the mailbox",
        3 => "Problem with the receiving mail system",
        4 => "Problem with network or routing",
        5 => "Problem with the mail protocol",
        6 => "Problem with the message's content",
        7 => "Refused for policy or security",
        _ => "Unlisted code",
    }
}

/// RFC 5321 section 4.2.
fn reply_meaning(code: u16) -> &'static str {
    match code {
        421 => "Next host is closing the connection",
        450 => "Mailbox busy or put off",
        451 => "Error at the next host",
        452 => "Next host is out of space",
        454 => "Authentication or TLS failed for now",
        500..=504 => "SMTP command not accepted",
        530 | 535 => "Authentication required or failed",
        541 | 554 => "Refused",
        550 => "Mailbox not found or refused",
        551 => "Recipient is elsewhere",
        552 => "Mailbox full or message too large",
        553 => "Address not allowed",
        200..=299 => "Accepted",
        400..=499 => "Failed for now",
        _ => "Failed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(words: &str) -> String {
        StatusCode::find(words.as_bytes()).map_or("none".into(), |code| code.to_string())
    }

    #[test]
    fn codes_are_found_where_logs_put_them() {
        for (words, expected) in [
            (
                "550 5.1.1 <nosuch@partner.test>: Recipient address rejected",
                "5.1.1",
            ),
            (
                "[{LED=554 5.2.2 mailbox full; STOREDRV.Deliver};{LRT=02.04.2023 18:54:01}]",
                "5.2.2",
            ),
            (
                "[{LRT=4.4.2023 18:54:01};{LED=550 5.1.10 RESOLVER.ADR.RecipientNotFound}]",
                "5.1.10",
            ),
            (
                "'[{LED=452 4.3.1 Insufficient system resources};{FQDN=};{IP=5.1.1.1}]'",
                "4.3.1",
            ),
            ("#550 5.4.14 Hop count exceeded ##", "5.4.14"),
            ("550-5.7.1 first line", "5.7.1"),
            ("#5.1.1 smtp;550 no such user", "5.1.1"),
            ("550 5.7.1. Relaying", "5.7.1"),
            ("550 4.4.7 QUEUE.Expired; message expired", "4.4.7"),
            ("550 no such user", "550"),
            ("[{LED=421 too busy};{MSG=}]", "421"),
            ("host said: 552 too big", "552"),
            ("554 host 5.1.1.20 is listed", "554"),
            ("refused by 10.5.1.1 version 15.2.1", "none"),
            ("size 500 exceeds limit", "none"),
            ("5.1", "none"),
            ("5.1.1000", "none"),
            ("5.", "none"),
            (".5.1.1", "none"),
            ("", "none"),
        ] {
            assert_eq!(code(words), expected, "{words}");
        }
    }

    #[test]
    fn codes_have_plain_words() {
        for (words, expected) in [
            ("550 5.1.1 x", "Mailbox not found"),
            ("550 5.1.10 x", "Recipient not found"),
            ("554 5.2.2 x", "Mailbox full"),
            ("550 4.4.7 x", "Message expired in the queue"),
            ("550 5.1.99 x", "Problem with an address"),
            ("550 5.99.9 x", "Unlisted code"),
            ("552 x", "Mailbox full or message too large"),
            ("250 2.1.5 Ok", "Address valid"),
            ("250 2.7.0 Ok, discarded", "Accepted"),
        ] {
            let code = StatusCode::find(words.as_bytes()).unwrap();
            assert_eq!(code.meaning(), expected);
        }
    }

    #[test]
    fn fields_of_a_status() {
        let words = b"[{LED=451 4.4.0 x};{MSG=};{FQDN=mx.partner.test};{IP=192.0.2.1}]";
        assert_eq!(last_error(words), b"451 4.4.0 x");
        assert_eq!(host(words), Some(&b"mx.partner.test"[..]));
        assert_eq!(host(b"[{FQDN=}]"), None);
        assert_eq!(last_error(b"plain"), b"plain");
    }
}
