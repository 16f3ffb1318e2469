//! What the form of an identifier tells: message ids, MTS-IDs, queue ids, internal ids.
//!
//! In: a word. Out: lines about it; none where it has no form that is known.

use crate::address::x400::{is_mts_id, plain_mts_id};
use crate::dialect::foreign::clock;
use crate::dialect::foreign::events as foreign;
use crate::dialect::foreign::hop::report_id;
use crate::dialect::foreign::line::Program;
use crate::time::{SECOND, Time};

/// Numbers from this length on are ids, not events: of a queue, not of a table.
const LONG_NUMBER: usize = 6;

/// The number of a copy in a queue of Exchange.
pub(super) fn internal_id(word: &str) -> Option<String> {
    let is_number = word.len() >= LONG_NUMBER && word.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| {
        format!("{word}  internal message id of Exchange 2007 and later: of one copy in the queue of one server")
    })
}

/// What the form of an identifier tells.
pub(super) fn id(word: &str) -> Vec<String> {
    let bare = word.trim_start_matches('<').trim_end_matches('>');
    if is_mts_id(bare.as_bytes()) {
        let kind = match bare.contains('%') {
            true => "Message-ID of the 5.5 Internet Mail Service; it embeds the MTS-ID",
            false => {
                "X.400 MTS-ID, the message id of Exchange 4.0 to 5.5, and of 2003 towards them"
            }
        };
        let mut plain = vec![0; bare.len()];
        let len = plain_mts_id(bare.as_bytes(), &mut plain);
        let plain = String::from_utf8_lossy(&plain[..len]).into_owned();
        let mut lines = vec![format!("{word}  {kind}"), format!("  compared as: {plain}")];
        lines.extend(origin(&plain));
        return lines;
    }
    if let Some(lines) = queue_id(word, bare) {
        return lines;
    }
    let is_guid = bare.len() == 36
        && bare.bytes().enumerate().all(|(i, b)| match i {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_hexdigit(),
        });
    match bare.rsplit_once('@') {
        _ if is_guid => vec![format!(
            "{word}  network message id of Exchange 2013 and later: the same at every hop"
        )],
        Some((local, host)) if !local.is_empty() && !host.is_empty() && word.starts_with('<') => {
            vec![format!(
                "{word}  Message-ID (RFC 5322), made by {host}; the same at every hop"
            )]
        }
        Some((local, host))
            if local.len() >= 32 && local.bytes().all(|b| b.is_ascii_hexdigit()) =>
        {
            vec![format!(
                "{word}  Message-ID as a store of Exchange makes it, on {host}"
            )]
        }
        Some((local, host)) if !local.is_empty() && !host.is_empty() => vec![format!(
            "{word}  Message-ID as Exchange 2000 and 2003 log it, without brackets, made by {host}; or an address there"
        )],
        _ => Vec::new(),
    }
}

/// Server and time in the local part of an MTS-ID: `SERVER-yymmddhhmmssZ-n`.
fn origin(plain: &str) -> Option<String> {
    let local = plain.split(';').find_map(|part| part.strip_prefix("l="))?;
    let mut parts = local.rsplitn(3, '-');
    let (_, time, server) = (
        parts.next()?,
        parts.next()?.strip_suffix('z')?,
        parts.next()?,
    );
    let all_digits = time.len() == 12 && time.bytes().all(|b| b.is_ascii_digit());
    let two = |i: usize| &time[i..i + 2];
    all_digits.then(|| {
        let century = if two(0) < "70" { "20" } else { "19" };
        let (date, clock) = (
            [two(0), two(2), two(4)].join("-"),
            [two(6), two(8), two(10)].join(":"),
        );
        format!("  submitted on {server} at {century}{date} {clock} UTC")
    })
}

/// Queue ids that carry the second of arrival, and the Message-IDs of reports that carry a queue id.
fn queue_id(word: &str, bare: &str) -> Option<Vec<String>> {
    let line = |program: Program, id: &str| {
        let second = clock::arrival(program, id.as_bytes())?;
        let name = foreign::program(program);
        let at = Time(second.checked_mul(SECOND)?).rfc3339();
        Some(format!("queue id of {name}: arrived {at}"))
    };
    let programs = [Program::Exim, Program::Sendmail, Program::Postfix];
    let told = |id: &str| programs.into_iter().find_map(|program| line(program, id));
    if let Some(told) = told(bare) {
        return Some(vec![format!("{word}  {told}")]);
    }
    let is_short = (8..=15).contains(&word.len())
        && word
            .bytes()
            .all(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(&b))
        && word.bytes().any(|b| b.is_ascii_digit())
        && word.bytes().any(|b| b.is_ascii_uppercase());
    if is_short {
        let told =
            "queue id of postfix, of the short kind: of one record of one host, used again later";
        return Some(vec![format!("{word}  {told}")]);
    }
    let id = report_id(bare.as_bytes()).filter(|_| word.starts_with('<'))?;
    let id = std::str::from_utf8(id).ok()?;
    let mut lines = vec![format!(
        "{word}  Message-ID of a delivery report; it was made under queue id {id}"
    )];
    lines.extend(told(id).map(|told| format!("  {told}")));
    Some(lines)
}
