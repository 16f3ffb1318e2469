//! Addresses, host names and lists of them, as bytes.
//!
//! In: fields as logged. Out: comparison without case, domains, short host names, list elements. Nothing is
//! decoded or allocated.

pub mod x400;

use bumpalo::Bump;

/// The domain of an SMTP address: what follows the last `@`; `None` where there is none.
pub fn domain(address: &[u8]) -> Option<&[u8]> {
    let at = memchr::memrchr(b'@', address)?;
    let domain = &address[at + 1..];
    let domain = domain.strip_suffix(b">").unwrap_or(domain);
    (!domain.is_empty()).then_some(domain)
}

/// A Message-ID without its angle brackets: exports differ in whether they keep them.
#[inline]
pub fn bare_id(id: &[u8]) -> &[u8] {
    match id {
        [b'<', inner @ .., b'>'] => inner,
        _ => id,
    }
}

/// A host's short name: up to the first dot, unless it is an IP address. Case is left as it is.
#[inline]
pub fn short_host(host: &[u8]) -> &[u8] {
    // Short names are: a search that first looks for its instructions takes longer.
    let Some(dot) = host.iter().position(|&b| b == b'.') else {
        return host;
    };
    let numeric = |b: &u8| b.is_ascii_digit() || *b == b'.';
    if host.iter().all(numeric) || host.contains(&b':') {
        host
    } else {
        &host[..dot]
    }
}

/// Whether `text` begins with `prefix`, without case.
pub fn has_prefix(text: &[u8], prefix: &[u8]) -> bool {
    text.len() >= prefix.len() && text[..prefix.len()].eq_ignore_ascii_case(prefix)
}

/// Elements of a list field: `;` between them, an element with a `;` of its own in single quotes
/// (`formats/modern.md` section 1). An empty field is an empty list.
#[derive(Clone, Copy, Debug)]
pub struct List<'d>(pub &'d [u8]);

impl<'d> List<'d> {
    /// The list of these elements; written anew into `arena` unless it is one that stands for itself.
    pub fn of(elements: impl Iterator<Item = &'d [u8]>, arena: &'d Bump) -> List<'d> {
        let needs_quotes = |element: &[u8]| element.contains(&b';') || element.starts_with(b"'");
        let mut elements = elements.peekable();
        let Some(first) = elements.next() else {
            return List(b"");
        };
        if elements.peek().is_none() && !needs_quotes(first) {
            return List(first);
        }
        let mut text = Vec::new();
        for element in std::iter::once(first).chain(elements) {
            if !text.is_empty() {
                text.push(b';');
            }
            match needs_quotes(element) {
                true => text.extend([b"'", element, b"'"].concat()),
                false => text.extend_from_slice(element),
            }
        }
        List(arena.alloc_slice_copy(&text))
    }

    /// How many elements there are.
    pub fn count(self) -> usize {
        self.into_iter().count()
    }
}

impl<'d> IntoIterator for List<'d> {
    type Item = &'d [u8];
    type IntoIter = Elements<'d>;
    fn into_iter(self) -> Elements<'d> {
        Elements {
            rest: (!self.0.is_empty()).then_some(self.0),
        }
    }
}

/// Walks a [`List`].
#[derive(Clone, Debug)]
pub struct Elements<'d> {
    rest: Option<&'d [u8]>,
}

impl<'d> Iterator for Elements<'d> {
    type Item = &'d [u8];

    #[inline]
    fn next(&mut self) -> Option<&'d [u8]> {
        let rest = self.rest?;
        if let [b'\'', quoted @ ..] = rest
            && let Some(end) = closing_quote(quoted)
        {
            self.rest = quoted.get(end + 2..).or(None);
            return Some(&quoted[..end]);
        }
        match memchr::memchr(b';', rest) {
            Some(at) => {
                self.rest = Some(&rest[at + 1..]);
                Some(&rest[..at])
            }
            None => {
                self.rest = None;
                Some(rest)
            }
        }
    }
}

/// Where a single-quoted element ends: at a quote before a `;` or at the end of the field.
fn closing_quote(text: &[u8]) -> Option<usize> {
    memchr::memchr_iter(b'\'', text).find(|&at| matches!(text.get(at + 1), None | Some(b';')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elements(text: &str) -> Vec<&str> {
        List(text.as_bytes())
            .into_iter()
            .map(|e| std::str::from_utf8(e).unwrap())
            .collect()
    }

    #[test]
    fn lists_split_at_semicolons_outside_single_quotes() {
        assert_eq!(elements(""), [""; 0]);
        assert_eq!(elements(";"), ["", ""]);
        assert_eq!(elements("a;b"), ["a", "b"]);
        assert_eq!(elements("'a;b';c"), ["a;b", "c"]);
        assert_eq!(
            elements("c;'[{LED=554 5.2.2 full; x}]'"),
            ["c", "[{LED=554 5.2.2 full; x}]"]
        );
        assert_eq!(elements("'a;b'"), ["a;b"]);
        assert_eq!(elements("'a;b';"), ["a;b", ""]);
        assert_eq!(elements("o'brien@x;'tis@y"), ["o'brien@x", "'tis@y"]);
    }

    #[test]
    fn hosts_are_shortened_but_not_addresses() {
        assert_eq!(short_host(b"EX01.example.com"), b"EX01");
        assert_eq!(short_host(b"10.1.2.3"), b"10.1.2.3");
        assert_eq!(short_host(b"ex01"), b"ex01");
    }

    #[test]
    fn domains_follow_the_last_at() {
        assert_eq!(domain(b"\"a@b\"@c.example"), Some(&b"c.example"[..]));
        assert_eq!(domain(b"postmaster"), None);
        assert_eq!(domain(b"a@"), None);
    }
}
