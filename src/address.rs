//! Addresses, host names and lists of them, as bytes.
//!
//! In: fields as logged. Out: comparison without case, domains, short host names, list elements. Nothing is
//! decoded or allocated.

pub mod x400;
pub mod x500;

use bumpalo::Bump;
use bumpalo::collections::Vec as InArena;

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
#[inline]
pub fn has_prefix(text: &[u8], prefix: &[u8]) -> bool {
    // Nearly all texts that do not begin so differ in the first byte.
    let first = |text: &[u8]| text.first().map(u8::to_ascii_lowercase);
    (prefix.is_empty() || first(text) == first(prefix))
        && text.len() >= prefix.len()
        && text[..prefix.len()].eq_ignore_ascii_case(prefix)
}

/// Eight bytes of text as a number, in lower case.
#[inline(always)]
pub fn lower(text: [u8; 8]) -> u64 {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let text = u64::from_le_bytes(text);
    // The highest bit of each byte says what it is; sums of seven bits do not reach the next byte.
    let seven = text & (0x7f * EACH);
    let from_a = seven + (0x80 - b'A' as u64) * EACH;
    let behind_z = seven + (0x80 - b'Z' as u64 - 1) * EACH;
    let upper = from_a & !behind_z & !text & (0x80 * EACH);
    text | upper >> 2
}

/// Bytes looked at side by side.
const SIDE_BY_SIDE: usize = 16;

/// Whether a byte of a short text is such. Many bytes are looked at together, the last ones once more with those before
/// them: to call a search takes longer than this, and no byte is walked to alone.
#[inline(always)]
pub fn any_byte(text: &[u8], is: impl Fn(u8) -> bool) -> bool {
    let Some(last) = text.last_chunk::<SIDE_BY_SIDE>() else {
        return text.iter().any(|&b| is(b));
    };
    let mut any = 0;
    for chunk in text.as_chunks::<SIDE_BY_SIDE>().0 {
        for &b in chunk {
            any |= u8::from(is(b));
        }
    }
    for &b in last {
        any |= u8::from(is(b));
    }
    any != 0
}

/// Whether two short texts are the same without case; quick in the way of [`any_byte`].
#[inline]
pub fn same_text(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let (Some(last), Some(other)) = (a.last_chunk(), b.last_chunk()) else {
        return a.eq_ignore_ascii_case(b);
    };
    // The ends tell the most.
    if differ(last, other) {
        return false;
    }
    let (a, b) = (a.as_chunks().0, b.as_chunks().0);
    let mut at = 0;
    while at < a.len() && at < b.len() {
        if differ(&a[at], &b[at]) {
            return false;
        }
        at += 1;
    }
    true
}

#[inline(always)]
fn differ(a: &[u8; SIDE_BY_SIDE], b: &[u8; SIDE_BY_SIDE]) -> bool {
    let lower = |byte: u8| byte | u8::from(byte.is_ascii_uppercase()) << 5;
    let mut differ = 0;
    for at in 0..SIDE_BY_SIDE {
        differ |= lower(a[at]) ^ lower(b[at]);
    }
    differ != 0
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
        let mut text = InArena::new_in(arena);
        for element in std::iter::once(first).chain(elements) {
            if !text.is_empty() {
                text.push(b';');
            }
            match needs_quotes(element) {
                true => [b"'", element, b"'"]
                    .iter()
                    .for_each(|part| text.extend_from_slice_copy(part)),
                false => text.extend_from_slice_copy(element),
            }
        }
        List(text.into_bump_slice())
    }

    /// The elements that name somebody: a `;` at the end names nobody.
    pub fn named(self) -> impl Iterator<Item = &'d [u8]> {
        self.into_iter().filter(|element| !element.is_empty())
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

/// An address is no longer than this.
const SHORT: usize = 96;

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
        // Most lists have one element.
        let end = match rest.len() <= SHORT && !any_byte(rest, |b| b == b';') {
            true => None,
            false => memchr::memchr(b';', rest),
        };
        match end {
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
        assert!(List(b";a;;b;").named().eq([b"a", b"b"]));
    }

    proptest::proptest! {
        #[test]
        fn quick_looks_see_what_slow_ones_see(a in "[abAB@;]{0,50}", at in 0usize..50, byte in "[abAB{\\[@]") {
            let mut b = a.clone().into_bytes();
            if let Some(other) = b.get_mut(at) {
                *other = byte.as_bytes()[0];
            }
            let a = a.as_bytes();
            assert!(same_text(a, &a.to_ascii_uppercase()));
            assert_eq!(same_text(a, &b), a.eq_ignore_ascii_case(&b));
            assert_eq!(any_byte(&b, |byte| byte == b'['), b.contains(&b'['));
            assert_eq!(has_prefix(a, &b[..at.min(b.len())]), a[..at.min(b.len())].eq_ignore_ascii_case(&b[..at.min(b.len())]));
        }
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
