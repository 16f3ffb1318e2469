//! Stable other names for people, domains and subjects, so that an answer can be shown to others.
//!
//! In: a path and a key. Out: the path with every address, subject, Message-ID, client and outside host replaced by
//! a keyed hash of it: the same key gives the same names on every day, and nobody without the key can try
//! names out. What stays: servers and connectors, times, sizes, status codes and the words around
//! addresses. Domains of the organisation end in `.own.invalid`, others in `.ext.invalid`.

use bstr::{BStr, ByteSlice};
use bumpalo::Bump;
use hashbrown::HashMap;

use super::domains::OwnDomains;
use super::{Inferred, Path, Reason};
use crate::address::List;

mod shapes;
mod words;

/// What every name of an own domain ends with.
pub const OWN: &str = "own.invalid";
const OUTSIDE: &str = "ext.invalid";
/// Hexadecimal digits of a name: 48 bits, so that a million names hardly ever meet.
const DIGITS: usize = 12;

/// The key that names are made with.
#[derive(Clone, Debug)]
pub struct Anonymous {
    key: [u8; 32],
}

/// One message's turn.
struct Veil<'v, 'a> {
    key: &'v Anonymous,
    own: &'v OwnDomains,
    arena: &'a Bump,
    /// Those whom the message names, by what stands before the `@` in lower case: servers call them by it.
    people: HashMap<Vec<u8>, &'a BStr>,
}

/// Shorter names are words of every sentence.
const SHORTEST_NAME: usize = 3;

/// Those whom a path names, as far as it has words in which they may be called by less than their address.
fn people<'a>(path: &Path<'a>) -> HashMap<Vec<u8>, &'a BStr> {
    let has_words = !path.steps.is_empty()
        || !path.notes.deferrals.is_empty()
        || !path.notes.oddities.is_empty()
        || (path.recipients.iter())
            .any(|r| matches!(r.reason, Reason::Logged(_)) || !r.put_off.is_empty());
    if !has_words {
        return HashMap::new();
    }
    let vias = path
        .recipients
        .iter()
        .flat_map(|r| r.via.iter().map(|via| via.1));
    let all = path.recipients.iter().map(|r| r.address).chain(vias);
    let all = all.chain([path.sender, path.return_path]);
    let named = all.map(|address| {
        let end = address.rfind_byte(b'@').unwrap_or(address.len());
        let begin = address[..end].rfind_byte(b'=').map_or(0, |at| at + 1);
        (address[begin..end].to_ascii_lowercase(), address)
    });
    named
        .filter(|(name, _)| name.len() >= SHORTEST_NAME)
        .collect()
}

impl Anonymous {
    /// From any text; a longer one is harder to guess.
    pub fn new(key: &str) -> Anonymous {
        Anonymous {
            key: blake3::derive_key("waybill 2026 names of --anonymous", key.as_bytes()),
        }
    }

    /// The name of an address of the organisation, as paths have it.
    pub fn own_address(&self, address: &str) -> String {
        self.person(address.as_bytes(), |_| OWN)
    }

    /// `end` says what the name of a domain ends with.
    fn person(&self, address: &[u8], end: impl Fn(&[u8]) -> &'static str) -> String {
        let who = self.digits("p", address);
        match address.rfind_byte(b'@') {
            Some(at) => {
                let domain = &address[at + 1..];
                format!("p-{who}@{}.{}", self.digits("d", domain), end(domain))
            }
            None => format!("p-{who}"),
        }
    }

    fn digits(&self, kind: &str, text: &[u8]) -> String {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(kind.as_bytes()).update(b"\0");
        hasher.update(&text.to_ascii_lowercase());
        hasher.finalize().to_hex()[..DIGITS].to_string()
    }

    /// Replaces what `path` tells of people.
    pub fn veil<'a>(&self, path: &mut Path<'a>, own: &OwnDomains, arena: &'a Bump) {
        let veil = Veil {
            key: self,
            own,
            arena,
            people: people(path),
        };
        path.plain = Some(Box::new(path.clone()));
        path.sender = veil.address(path.sender);
        path.return_path = veil.address(path.return_path);
        path.subject = veil.word("s-", path.subject);
        path.message_id = veil.message_id(path.message_id);
        path.other_ids
            .iter_mut()
            .for_each(|id| *id = veil.word("x-", id));
        for (what, about) in &mut path.inferred {
            *about = match what {
                Inferred::Report => veil.message_id(about),
                _ => veil.address(about),
            };
        }
        for address in path.one_of.iter_mut().flatten() {
            *address = veil.address(address);
        }
        path.origin.client_ip = veil.word("ip-", path.origin.client_ip);
        path.origin.client_host = veil.host(path.origin.client_host);
        for recipient in &mut path.recipients {
            recipient.address = veil.address(recipient.address);
            for (_, address) in &mut recipient.via {
                *address = veil.address(address);
            }
            recipient.reason = match recipient.reason {
                Reason::Logged(words) => Reason::Logged(veil.text(words)),
                Reason::HandedToMailbox(host) => Reason::HandedToMailbox(veil.host(host)),
                Reason::NoLogOf(host) => Reason::NoLogOf(veil.host(host)),
                Reason::NoRowOn(host) => Reason::NoRowOn(veil.host(host)),
                other => other,
            };
            recipient.put_off = veil.text(recipient.put_off);
        }
        for hop in &mut path.hops {
            hop.from = veil.host(hop.from);
            hop.to = veil.host(hop.to);
        }
        for step in &mut path.steps {
            step.recipients = veil.list(step.recipients);
            step.related = veil.list(step.related);
            step.peer = veil.host(step.peer);
            step.detail = veil.text(step.detail);
        }
        for (_, id) in &mut path.related {
            *id = veil.message_id(id);
        }
        for deferral in &mut path.notes.deferrals {
            deferral.words = veil.text(deferral.words);
            deferral.recipients = List(veil.list(BStr::new(deferral.recipients.0)));
        }
        for way in &mut path.notes.ways {
            way.to = veil.host(way.to);
        }
        for oddity in &mut path.notes.oddities {
            oddity.by.1 = veil.text(oddity.by.1);
        }
    }
}

impl<'a> Veil<'_, 'a> {
    fn keep(&self, text: String) -> &'a BStr {
        BStr::new(&*self.arena.alloc_str(&text))
    }

    fn word(&self, kind: &str, text: &'a BStr) -> &'a BStr {
        match text.is_empty() {
            true => text,
            false => self.keep(format!("{kind}{}", self.key.digits(kind, text))),
        }
    }

    fn address(&self, address: &'a BStr) -> &'a BStr {
        if address.is_empty() || address == "<>" {
            return address;
        }
        self.keep(self.person(address))
    }

    fn person(&self, address: &[u8]) -> String {
        self.key.person(address, |domain| self.end(domain))
    }

    fn domain(&self, domain: &[u8]) -> String {
        format!("{}.{}", self.key.digits("d", domain), self.end(domain))
    }

    fn end(&self, domain: &[u8]) -> &'static str {
        match self.own.owns(&[&b"@"[..], domain].concat()) {
            Some(true) => OWN,
            _ => OUTSIDE,
        }
    }

    fn message_id(&self, id: &'a BStr) -> &'a BStr {
        match id.trim_ascii() {
            [] => id,
            inner => {
                let bare = inner
                    .trim_start_with(|c| c == '<')
                    .trim_end_with(|c| c == '>');
                self.keep(format!(
                    "<m-{}@waybill.invalid>",
                    self.key.digits("m", bare)
                ))
            }
        }
    }

    /// Addresses as a row lists them.
    fn list(&self, list: &'a BStr) -> &'a BStr {
        let people: Vec<String> = (List(list).into_iter())
            .map(|address| match address {
                b"" | b"<>" => address.to_str_lossy().into(),
                _ => self.person(address),
            })
            .collect();
        self.keep(people.join(";"))
    }

    /// Servers of the organisation keep their short name; an address or a name of others does not.
    fn host(&self, host: &'a BStr) -> &'a BStr {
        let is_ip = host.contains(&b':') || host.iter().all(|b| b.is_ascii_digit() || *b == b'.');
        match host.find_byte(b'.') {
            _ if host.is_empty() => host,
            _ if is_ip => self.word("ip-", host),
            None => host,
            Some(dot) if self.own.owns(&[&b"@"[..], &host[dot + 1..]].concat()) == Some(true) => {
                BStr::new(&host[..dot])
            }
            Some(_) => self.keep(self.domain(host)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::Fate;
    use crate::tally::samples::{message, recipient};

    fn veiled(key: &str, reason: &'static str) -> (String, String, String, String) {
        let own = OwnDomains::given(["own.test"]);
        let arena = Bump::new();
        let mut to = recipient("Bob@partner.test", Fate::Failed);
        to.reason = Reason::Logged(reason.into());
        to.put_off = reason.into();
        let mut path = message("<abc@own.test>", 0, vec![to]);
        Anonymous::new(key).veil(&mut path, &own, &arena);
        let Reason::Logged(words) = path.recipients[0].reason else {
            panic!("the reason is gone");
        };
        assert_eq!(path.recipients[0].put_off, words, "the last deferral");
        let text = |text: &BStr| text.to_string();
        (
            text(path.sender),
            text(path.recipients[0].address),
            text(path.subject),
            text(words),
        )
    }

    #[test]
    fn what_a_rule_quotes_of_a_message_is_replaced() {
        let words = |reason| veiled("one", reason).3;
        let told =
            words("header Subject: Abmahnung Erika Mustermann from mx.partner.test[192.0.2.7]");
        assert!(told.starts_with("header Subject: s-"), "{told}");
        assert!(
            !told.contains("Erika") && !told.contains("partner"),
            "{told}"
        );
        let told = words("body Abmahnung from local");
        assert!(
            told.starts_with("body s-") && told.ends_with(" from local"),
            "{told}"
        );
        assert_eq!(words("header too long"), "header too long");
    }

    #[test]
    fn names_are_stable_keyed_and_tell_own_from_outside() {
        let a = veiled(
            "one",
            "550 5.1.1 <bob@partner.test>: unknown at mx.partner.test [192.0.2.7].",
        );
        assert_eq!(
            a,
            veiled(
                "one",
                "550 5.1.1 <bob@partner.test>: unknown at mx.partner.test [192.0.2.7]."
            )
        );
        assert_ne!(a.0, veiled("two", "").0);
        assert!(
            a.0.ends_with(".own.invalid") && a.1.ends_with(".ext.invalid"),
            "{a:?}"
        );
        assert!(
            a.3.contains(&a.1),
            "the same address has the same name in words: {a:?}"
        );
        assert!(
            a.3.starts_with("550 5.1.1 <p-") && a.3.ends_with("]."),
            "{a:?}"
        );
        for word in ["bob", "partner", "192", "Monday", "ann"] {
            assert!(
                !format!("{a:?}")
                    .to_lowercase()
                    .contains(&word.to_lowercase()),
                "{a:?}"
            );
        }
    }

    #[test]
    fn words_of_exchange_stay() {
        let words = "[{LED=554 5.2.2 STOREDRV.Deliver; mailbox full};{FQDN=mx.partner.test};{LRT=3/2/2026}]";
        let a = veiled("one", words).3;
        assert!(
            a.starts_with("[{LED=554 5.2.2 STOREDRV.Deliver; mailbox full};{FQDN="),
            "{a}"
        );
        assert!(a.ends_with(".ext.invalid};{LRT=3/2/2026}]"), "{a}");
    }
}
