//! `explain`: what an event, source, status code or message id means.
//!
//! In: words as they stand in logs. Out: a line or a few for each, from the tables that the parsers use. Words that
//! nobody knows get the nearest names and the exit status of "nothing matched".

mod ids;

use std::io::Write;

use crate::address::x400::{is_mts_id, place_of, plain_address};
use crate::cli::Exit;
use crate::dialect::exim;
use crate::dialect::foreign::events as foreign;
use crate::dialect::legacy::events as legacy;
use crate::dialect::modern::events as modern;
use crate::dialect::online;
use crate::error::Error;
use crate::event::Role;
use crate::status::StatusCode;

/// Names farther away than this are no help.
const NEAR: usize = 4;

/// Explains each word.
///
/// # Errors
/// If the answer cannot be written.
pub fn run(words: &[String]) -> Result<Exit, Error> {
    let known: Vec<Vec<String>> = words.iter().map(|word| words_of(word)).collect();
    super::print(|out| {
        known
            .iter()
            .flatten()
            .try_for_each(|line| writeln!(out, "{line}"))
    })?;
    let unknown: Vec<&String> = (words.iter().zip(&known))
        .filter(|(_, lines)| lines.is_empty())
        .map(|(word, _)| word)
        .collect();
    for word in &unknown {
        let shown = crate::inert::terminal(word.as_bytes(), 80);
        match nearest(word)[..] {
            [] => say!("waybill: '{shown}' is not known"),
            ref names => say!(
                "waybill: '{shown}' is not known; near it: {}",
                names.join(", ")
            ),
        }
    }
    Ok(if unknown.is_empty() {
        Exit::Done
    } else {
        Exit::NothingMatched
    })
}

/// All that is known of a word, or of the words in it: replies are pasted as they stand, `550 5.1.1 user unknown`.
fn words_of(text: &str) -> Vec<String> {
    match explain(text) {
        known if known.is_empty() => text.split_whitespace().flat_map(explain).collect(),
        known => known,
    }
}

/// All that is known of a word; nothing if it is unknown.
fn explain(word: &str) -> Vec<String> {
    let word = word.trim();
    let word = word.strip_prefix("status=").unwrap_or(word);
    let mut lines = Vec::new();
    let number = word.parse().ok().map(|n: u64| legacy::code(n));
    if let Some(kind) = number.and_then(legacy::kind) {
        let name = kind.name;
        lines.push(format!(
            "{word}  event of Exchange 4.0 to 2003: {name}: {}",
            kind.meaning
        ));
        lines.push(format!(
            "{}does to recipients: {}",
            " ".repeat(word.len() + 2),
            effect(kind.role)
        ));
    }
    let same = |name: &str| name.eq_ignore_ascii_case(word);
    for ((name, role), meaning) in modern::EVENTS
        .iter()
        .zip(modern::EVENT_MEANINGS)
        .filter(|((name, _), _)| same(name))
    {
        lines.push(format!(
            "{name}  event of Exchange 2007 and later: {meaning}"
        ));
        lines.push(format!(
            "{}does to recipients: {}",
            " ".repeat(name.len() + 2),
            effect(*role)
        ));
    }
    for (name, meaning) in modern::SOURCES
        .iter()
        .zip(modern::SOURCE_MEANINGS)
        .filter(|(name, _)| same(name))
    {
        lines.push(format!(
            "{name}  source of Exchange 2007 and later: {meaning}"
        ));
    }
    for kind in foreign::KINDS.iter().filter(|kind| same(kind.name)) {
        lines.push(format!(
            "{}  event of Postfix, Exim and Sendmail, as waybill calls it: {}",
            kind.name, kind.meaning
        ));
        lines.push(format!(
            "{}does to recipients: {}",
            " ".repeat(kind.name.len() + 2),
            effect(kind.role)
        ));
    }
    lines.extend(foreign_source(word));
    for kind in legacy::EVENTS.iter().filter(|kind| same(kind.name)) {
        lines.push(format!(
            "{}  event {} of Exchange 4.0 to 2003: {}",
            kind.name, kind.number, kind.meaning
        ));
    }
    for (flag, code, more) in exim::FLAGS.iter().filter(|(flag, ..)| same(flag)) {
        let kind = foreign::of(*code);
        let (name, meaning) = (kind.name, kind.meaning);
        lines.push(format!("{flag}  flag of Exim: {name}: {meaning}{more}"));
    }
    if !modern::EVENTS.iter().any(|(name, _)| same(name)) {
        lines.extend(trace_status(word));
    }
    if lines.is_empty() {
        lines.extend(status(word));
        lines.extend(name(word));
    }
    if lines.is_empty() {
        lines.extend(ids::internal_id(word));
        lines.extend(ids::id(word));
    }
    lines
}

/// A distinguished name, or an address as a connector wraps it.
fn name(word: &str) -> Option<String> {
    let plain = plain_address(word.as_bytes());
    if *plain != *word.as_bytes() {
        let plain = String::from_utf8_lossy(&plain);
        return Some(format!("{word}  address of {plain}, as connectors wrap it"));
    }
    if is_mts_id(word.as_bytes()) || !word.starts_with('/') || !word.contains('=') {
        return None;
    }
    let place = place_of(word.as_bytes());
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let of = match (place.connector, place.server) {
        (Some(connector), Some(server)) => {
            format!("the connector {} of {}", text(connector), text(server))
        }
        (Some(connector), None) => format!("the connector {}", text(connector)),
        (None, Some(server)) => format!("something on the server {}", text(server)),
        (None, None) => "a mailbox, a list or another recipient".to_string(),
    };
    Some(format!("{word}  distinguished name (X.500) of {of}"))
}

/// What a role does, in words.
fn effect(role: Role) -> &'static str {
    match role {
        Role::Submit => "a mailbox handed the message in: the path begins",
        Role::Receive => "opens a copy with these recipients on this server",
        Role::Expand => "a list becomes its members",
        Role::Resolve => "a new name for the same recipient",
        Role::Redirect => "another recipient instead of, or beside, the old one",
        Role::Fork => "they move to a new copy on the same server",
        Role::Send => "they leave this server's copy for the next host",
        Role::Deliver => "delivered: the last word",
        Role::Leave => "transferred out of the organisation: the last word",
        Role::Fail => "failed, unless another row says that it arrived",
        Role::Drop => "dropped without a report",
        Role::Quarantine => "held by a filter",
        Role::Defer => "pending, with the reason",
        Role::Duplicate => "merged with a recipient that is there already",
        Role::Report => "none; a report is a message of its own, linked to the one it is about",
        Role::Shadow => "none, ever: a shadow copy is not a delivery",
        Role::Resubmit => "a copy is opened again that may be delivered already",
        Role::Attempt => "none yet: another row says what came of it",
        Role::Info => "none",
    }
}

fn status(word: &str) -> Option<String> {
    let mut digits = word.split('.');
    let numeric = word.contains('.') || word.len() == 3;
    let all = digits.clone().count() <= 3
        && digits.all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
    let code = StatusCode::find(word.as_bytes()).filter(|_| numeric && all)?;
    Some(format!("{code}  status code: {}", code.meaning()))
}

/// A program that writes lines, or a part of Postfix; the event that rows of a message trace are shown under.
fn foreign_source(word: &str) -> Option<String> {
    let plain = word.to_ascii_lowercase();
    let told = match plain.as_str() {
        "postfix" => {
            "a mail server; each of its parts writes lines of its own: explain postfix/smtp"
        }
        "exim" => {
            "a mail server; one line for each step of a message, told by a flag: explain '=>'"
        }
        "sendmail" => {
            "a mail server; one line when it takes a message over (from=), one for each attempt (to=)"
        }
        "messagetrace" | "online/summary" | "online/trace" => {
            return Some(format!(
                "{word}  a message trace of Exchange Online: what became of a message's recipients; its time is that of \
                 arrival, so that no latency can be told"
            ));
        }
        path => {
            let daemon = path.rsplit_once('/')?.1;
            let (_, meaning) = foreign::DAEMONS.iter().find(|(name, _)| *name == daemon)?;
            return Some(format!("{word}  source: a part of Postfix: {meaning}"));
        }
    };
    Some(format!("{word}  source: {told}"))
}

/// A status in traces of Exchange Online, which end each in their own way: `Deliver`, `Delivered`.
fn trace_status(word: &str) -> Option<String> {
    let is_it = |name: &str| {
        let begins = word
            .get(..name.len())
            .is_some_and(|w| w.eq_ignore_ascii_case(name));
        begins && word.len() <= name.len() + 2
    };
    let (.., meaning) = online::STATUSES.iter().find(|(name, ..)| is_it(name))?;
    Some(format!(
        "{word}  status in message traces of Exchange Online: {meaning}"
    ))
}

/// Known names that differ in few letters, nearest first.
fn nearest(word: &str) -> Vec<String> {
    let word = word.trim().to_ascii_uppercase().into_bytes();
    let names = modern::EVENTS
        .iter()
        .map(|(name, _)| *name)
        .chain(modern::SOURCES)
        .map(str::to_string);
    let numbers = legacy::EVENTS.iter().map(|kind| kind.number.to_string());
    let mut near: Vec<(usize, String)> = names
        .chain(numbers)
        .map(|name| {
            (
                strsim::generic_levenshtein(&word, &name.as_bytes().to_vec()),
                name,
            )
        })
        .filter(|(far, name)| *far <= NEAR.min(name.len() / 2))
        .collect();
    near.sort();
    near.dedup();
    near.into_iter().take(3).map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_of_a_pasted_reply_is_said() {
        let words = words_of("550 5.1.1 nobody of that name");
        assert!(
            words.iter().any(|line| line.starts_with("5.1.1")),
            "{words:?}"
        );
        assert_eq!(words_of("nobody of that name"), Vec::<String>::new());
        let both = words_of("STOREDRIVER DELIVER");
        assert!(
            both.iter().any(|line| line.starts_with("DELIVER")),
            "{both:?}"
        );
    }

    #[test]
    fn every_word_of_the_tables_is_explained() {
        for (name, _) in modern::EVENTS {
            assert!(!explain(&name.to_lowercase()).is_empty(), "{name}");
        }
        for kind in legacy::EVENTS {
            assert!(explain(&kind.number.to_string())[0].contains(kind.meaning));
        }
        assert!(explain("5.2.2")[0].contains("status code"));
        assert!(explain("550")[0].contains("status code"));
        for kind in foreign::KINDS {
            assert!(explain(kind.name).join("").contains(kind.meaning));
        }
        for (flag, code, _) in exim::FLAGS {
            assert!(explain(flag)[0].contains(foreign::of(code).name), "{flag}");
        }
        for (daemon, meaning) in foreign::DAEMONS {
            assert!(explain(&format!("postfix-out/{daemon}"))[0].ends_with(meaning));
        }
        for word in ["postfix", "Exim", "sendmail"] {
            assert!(explain(word)[0].contains("mail server"));
        }
        assert!(explain("MessageTrace")[0].contains("no latency"));
        assert_eq!(explain("status=deferred"), explain("deferred"));
        for word in [
            "Delivered",
            "FilteredAsSpam",
            "Expired",
            "Quarantined",
            "Pending",
        ] {
            let told = explain(word).join("");
            assert!(told.contains("traces of Exchange Online"), "{word}");
        }
        assert!(explain("4F1B2C3D4E5")[0].contains("short kind"));
        assert!(explain("DSN").len() == 3, "an event and a source");
    }

    #[test]
    fn ids_tell_where_they_come_from() {
        let told = explain("C=US;A= ;P=TAZ;L=TAZDC1-020425175433Z-7").join("\n");
        assert!(
            told.contains("submitted on tazdc1 at 2002-04-25 17:54:33 UTC"),
            "{told}"
        );
        assert!(explain("1xUooM-000069-1M")[0].ends_with("exim: arrived 2026-11-21T17:23:38.000Z"));
        assert!(explain("6ALHNdN6000399")[0].contains("sendmail: arrived 2026-11-21T17:23:39"));
        assert!(
            explain("<20261121172339.5AA019FA650@mx1>")[0].ends_with("under queue id 5AA019FA650")
        );
        assert!(explain("expired")[0].contains("given up"));
        assert!(explain("<a@b.example>")[0].contains("b.example"));
        assert!(explain("Q1@b.example")[0].contains("2000 and 2003"));
        assert!(explain("27427661152259")[0].contains("internal message id"));
        assert_eq!(explain("DELIVER").len(), 2);
        let imc = "/o=F/ou=H/cn=Configuration/cn=Connections/cn=Internet Mail Connector (HERON)";
        assert!(
            explain(imc)[0].ends_with("the connector Internet Mail Connector (HERON) of HERON")
        );
        assert!(explain("/o=F/ou=H/cn=Recipients/cn=ADA")[0].contains("a mailbox"));
        assert!(explain("IMCEAEX-_O=F_OU=H_cn=RECIPIENTS_cn=ADA@x")[0].contains("of /O=F/OU=H/"));
        assert!(explain("0e3c9d5a-98a1-4a2b-8a3e-08d5a1b2c3d4")[0].contains("network"));
    }

    #[test]
    fn unknown_words_get_near_names() {
        assert!(explain("DELVER").is_empty());
        assert_eq!(nearest("DELVER")[0], "DELIVER");
        assert_eq!(nearest("1082").len(), 3);
        assert!(nearest("completely-else").is_empty());
    }
}
