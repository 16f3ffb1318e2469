//! One text that the user asks for, held against text from the logs.
//!
//! In: what stands behind a flag. Out: [`Pattern`], compiled once, asked often. `*` stands for any
//! run of characters, `/` included; nothing else is special, because addresses and connector names hold
//! brackets, braces and question marks. Case never counts.

use bstr::{BStr, ByteSlice};

use crate::address::x400::{is_mts_id, plain_mts_id};

/// An MTS-ID in the form in which it is compared.
fn plain(id: &[u8]) -> Vec<u8> {
    let mut plain = vec![0; id.len()];
    let len = plain_mts_id(id, &mut plain);
    plain.truncate(len);
    plain
}

/// A wanted text: lower case, with `*` as the only wildcard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    text: Vec<u8>,
    /// Letters beyond ASCII need Unicode's rules to compare without case, which is slower.
    ascii: bool,
    /// As typed, for identifiers: their letter case counts.
    literal: Option<Vec<u8>>,
}

impl Pattern {
    /// As it is compared.
    pub fn shown(&self) -> String {
        String::from_utf8_lossy(&self.text).into_owned()
    }

    /// The whole text must match.
    pub fn exact(text: &str) -> Pattern {
        let text = text.trim().to_lowercase();
        Pattern {
            ascii: text.is_ascii(),
            text: text.into_bytes(),
            literal: None,
        }
    }

    /// The text may stand anywhere.
    pub fn substring(text: &str) -> Pattern {
        Pattern::exact(&format!("*{}*", text.trim()))
    }

    /// An address; `@example.com` stands for everybody there.
    pub fn address(text: &str) -> Pattern {
        match text.trim() {
            domain if domain.starts_with('@') => Pattern::exact(&format!("*{domain}")),
            address => Pattern::exact(address),
        }
    }

    /// A Message-ID with or without its brackets. Without a wildcard its letter case counts, as it does for
    /// the servers that compare it.
    pub fn message_id(text: &str) -> Pattern {
        let bare = bare_id(text.trim().as_bytes()).to_str().unwrap_or(text);
        let literal = match is_mts_id(bare.as_bytes()) {
            true => plain(bare.as_bytes()),
            false => bare.as_bytes().to_vec(),
        };
        Pattern {
            literal: (!bare.contains('*')).then_some(literal),
            ..Pattern::exact(bare)
        }
    }

    /// The bytes that a log must hold if this identifier is in it; `None` if wildcards or quotes leave that open.
    pub fn needle(&self) -> Option<&[u8]> {
        let text = self.literal.as_deref()?;
        (!text.is_empty() && !text.contains(&b'"')).then_some(text)
    }

    /// The longest piece between wildcards: a log that holds a matching text holds it, in some letter case. `None` if
    /// it may be written otherwise.
    pub fn piece(&self) -> Option<&[u8]> {
        let pieces = self.text.split(|&b| b == b'*');
        let longest = pieces.max_by_key(|piece| piece.len())?;
        (self.ascii && !longest.contains(&b'"')).then_some(longest)
    }

    /// Whether `text` from a log is what is wanted.
    pub fn matches(&self, text: &[u8]) -> bool {
        if self.ascii || text.is_ascii() {
            wildcard(&self.text, text)
        } else {
            wildcard(&self.text, text.to_str_lossy().to_lowercase().as_bytes())
        }
    }

    /// Whether a Message-ID is what is wanted, its brackets left out.
    pub fn matches_id(&self, id: &[u8]) -> bool {
        match &self.literal {
            // An MTS-ID has many forms, its letter case among them.
            Some(literal) if is_mts_id(bare_id(id)) => plain(bare_id(id)) == *literal,
            Some(literal) => bare_id(id) == literal,
            None => self.matches(bare_id(id)),
        }
    }

    /// Whether a host is what is wanted: `ex01` finds `EX01.contoso.com`, and the long name finds
    /// the short one; two long names must be equal.
    pub fn matches_host(&self, host: &[u8]) -> bool {
        if self.matches(host) {
            return true;
        }
        match (is_short(&self.text), is_short(host)) {
            (true, false) => wildcard(&self.text, short(host)),
            (false, true) => wildcard(short(&self.text), host),
            _ => false,
        }
    }

    /// Whether a connector is what is wanted; `EX01\` before a receive connector's name may be left out.
    pub fn matches_connector(&self, connector: &[u8]) -> bool {
        let name = connector.rfind_byte(b'\\').map_or(0, |at| at + 1);
        self.matches(connector) || self.matches(&connector[name..])
    }
}

/// A Message-ID without `<` and `>`.
fn bare_id(id: &[u8]) -> &BStr {
    let id = id.strip_prefix(b"<").unwrap_or(id);
    id.strip_suffix(b">").unwrap_or(id).as_bstr()
}

/// A name without domain; an IP address is never cut.
fn short(host: &[u8]) -> &[u8] {
    if is_short(host) {
        return host;
    }
    &host[..host.find_byte(b'.').unwrap_or(host.len())]
}

fn is_short(host: &[u8]) -> bool {
    let address = |b: &u8| b.is_ascii_digit() || *b == b'.';
    !host.contains(&b'.') || host.contains(&b':') || host.iter().all(address)
}

/// Two fingers: on a mismatch the last `*` swallows one byte more. No recursion, so a hostile
/// text can cost time (pattern times text at worst) but never the stack.
fn wildcard(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        if pattern.get(p) == Some(&b'*') {
            star = Some((p, t));
            p += 1;
        } else if pattern.get(p) == Some(&text[t].to_ascii_lowercase()) {
            p += 1;
            t += 1;
        } else if let Some((at, swallowed)) = star {
            star = Some((at, swallowed + 1));
            p = at + 1;
            t = swallowed + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|b| *b == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_match_anything_and_nothing() {
        for (pattern, text, want) in [
            ("bob@contoso.com", "BOB@Contoso.COM", true),
            ("bob@contoso.com", "bob@contoso.com.evil", false),
            ("*@contoso.com", "bob@contoso.com", true),
            ("b*b", "bb", true),
            ("b*b", "b/a/b", true),
            ("b*b", "b/a/c", false),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b*", "xxbxxaxx", false),
            ("*", "", true),
            ("", "", true),
            ("", "x", false),
            ("a?[b]", "a?[B]", true),
            ("a?[b]", "ax[b]", false),
        ] {
            let found = Pattern::exact(pattern).matches(text.as_bytes());
            assert_eq!(found, want, "{pattern} {text}");
        }
    }

    #[test]
    fn case_beyond_ascii_and_bytes_that_are_no_text() {
        assert!(Pattern::substring("ÜBER").matches("alles über uns".as_bytes()));
        assert!(Pattern::substring("привет").matches("Re: ПРИВЕТ".as_bytes()));
        assert!(!Pattern::substring("über").matches(b"plain"));
        assert!(Pattern::substring("b").matches(b"\xff\xfeB"));
    }

    #[test]
    fn hosts_with_and_without_domain() {
        for (pattern, host, want) in [
            ("EX01", "ex01", true),
            ("ex01", "EX01.contoso.com", true),
            ("ex01.contoso.com", "ex01", true),
            ("ex01.contoso.com", "ex01.other.com", false),
            ("ex01", "ex011.contoso.com", false),
            ("10.0.0.1", "10.0.0.2", false),
            ("10", "10.0.0.2", false),
            ("ex*", "ex07.contoso.com", true),
        ] {
            let found = Pattern::exact(pattern).matches_host(host.as_bytes());
            assert_eq!(found, want, "{pattern} {host}");
        }
    }

    #[test]
    fn ids_connectors_and_domains() {
        for id in ["<A@b>", "A@b", "<A@b*", "*@b"] {
            assert!(Pattern::message_id(id).matches_id(b"<A@b>"), "{id}");
            assert!(Pattern::message_id(id).matches_id(b"A@b"), "{id}");
        }
        // Servers tell ids apart by letter case; a wildcard does not.
        assert!(!Pattern::message_id("a@b").matches_id(b"<A@b>"));
        assert!(Pattern::message_id("a@b*").matches_id(b"<A@b>"));
        let connector = Pattern::exact("default frontend ex01");
        assert!(connector.matches_connector(b"EX01\\Default Frontend EX01"));
        let domain = Pattern::address("@Contoso.com");
        assert!(domain.matches(b"x@contoso.COM"));
        assert!(!domain.matches(b"x@sub.contoso.com") && !domain.matches(b"contoso.com"));
    }
}
