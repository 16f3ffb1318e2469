//! Addresses, hosts and IP addresses in the middle of words that a server wrote, replaced by their other names.
//!
//! In: text as logged, in any language. Out: the same text, with the names that the addresses have elsewhere. Rather a word too
//! many goes than a name shows: what stands right before an `@` goes with it. A host is told by its dots; a
//! name without any stays.

use std::net::Ipv6Addr;

use bstr::{BStr, ByteSlice};

use super::Veil;
use crate::address::x500;

/// What stands before an address in logs of mail programs and is no part of it: `to=ann@own.test`.
const KEYS: [&[u8]; 10] = [
    b"to", b"orig_to", b"from", b"for", b"sender", b"rcpt", b"user", b"mail", b"address",
    b"ctladdr",
];

impl<'a> Veil<'_, 'a> {
    /// Text with addresses and outside hosts in it; everything else stays.
    pub(super) fn text(&self, text: &'a BStr) -> &'a BStr {
        let mut veiled = String::with_capacity(text.len());
        let mut rest: &[u8] = text;
        while let Some(first) = rest.chars().next() {
            let name = x500::name_len(rest).or_else(|| quoted_len(rest));
            if let Some(len) = name {
                veiled.push_str(&self.person(&rest[..len]));
                rest = &rest[len..];
            } else if let Some(len) = ipv6_len(rest) {
                self.ip(&rest[..len], &mut veiled);
                rest = &rest[len..];
            } else if is_part(first) {
                let (run, behind) = rest.split_at(run_len(rest));
                self.run(run, &mut veiled);
                rest = behind;
            } else {
                // Bytes that are no text are parts of a name, so this is a character.
                veiled.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
        self.keep(veiled)
    }

    /// Characters that may all be of one address. Without an `@` behind them, those that are no part of a host stand
    /// between names: quotes, or that of "mx.partner.test's".
    fn run(&self, mut run: &[u8], veiled: &mut String) {
        while run.contains(&b'@') {
            let start = local_start(run);
            veiled.push_str(&run[..start].to_str_lossy());
            run = &run[start..];
            let at = run.find_byte(b'@').unwrap_or(0);
            let end = at + len_while(&run[at..], is_part);
            self.token(&run[..end], veiled);
            run = &run[end..];
        }
        while let Some(first) = run.chars().next() {
            let len = match is_part(first) {
                true => len_while(run, is_part),
                false => first.len_utf8(),
            };
            match is_part(first) {
                true => self.token(&run[..len], veiled),
                false => veiled.push(first),
            }
            run = &run[len..];
        }
    }

    fn ip(&self, ip: &[u8], veiled: &mut String) {
        veiled.push_str("ip-");
        veiled.push_str(&self.key.digits("ip-", ip));
    }

    fn token(&self, token: &[u8], veiled: &mut String) {
        let (name, dots) = match token.iter().rposition(|b| *b != b'.') {
            Some(last) => token.split_at(last + 1),
            None => (&b""[..], token),
        };
        let numbers = name.iter().all(|b| b.is_ascii_digit() || *b == b'.');
        if name.contains(&b'@') {
            veiled.push_str(&self.person(name));
        } else if numbers && name.find_iter(b".").count() == 3 {
            self.ip(name, veiled);
        } else if is_host(name) {
            veiled.push_str(&self.domain(name));
        } else {
            veiled.push_str(&name.to_str_lossy());
        }
        veiled.push_str(&dots.to_str_lossy());
    }
}

/// A host has a dot, its last label begins with a letter, and it is no word of Exchange's own (`STOREDRV.Deliver`).
fn is_host(name: &[u8]) -> bool {
    let mut labels = name.split(|b| *b == b'.');
    let first = labels.next().unwrap_or(b"");
    let Some(last) = labels.next_back() else {
        return false;
    };
    let letter = |b: u8| b.is_ascii_alphabetic() || b >= 0x80;
    let shouted = first.iter().all(u8::is_ascii_uppercase);
    let word = matches!(last, [b, rest @ ..] if b.is_ascii_uppercase()
        && rest.iter().any(u8::is_ascii_lowercase));
    last.len() > 1 && letter(last[0]) && !(shouted && word)
}

/// Where the address begins that holds the first `@` of a run.
fn local_start(run: &[u8]) -> usize {
    let start = len_while(run, |c| !is_part(c));
    let key = len_while(&run[start..], is_part);
    let (word, behind) = run[start..].split_at(key);
    match KEYS.iter().any(|key| key.eq_ignore_ascii_case(word)) && behind.starts_with(b"=") {
        true => start + key + len_while(behind, |c| !is_part(c)),
        false => start,
    }
}

/// How long the address is that a text begins with, if it begins with a quoted one: `"ann b"@own.test`; or one of
/// another system in the shape of one (`IMCEAEX-_O=ORG_CN=ANN@own.test`).
fn quoted_len(text: &[u8]) -> Option<usize> {
    let local = match text.first()? {
        b'"' => text[1..].find_byte(b'"')? + 2,
        b'I' | b'i' if text.get(..5)?.eq_ignore_ascii_case(b"IMCEA") => {
            let encoded = |c: char| c.is_ascii_alphanumeric() || "-_+=.".contains(c);
            let len = len_while(text, encoded);
            if !text[..len].contains(&b'=') {
                return None;
            }
            len
        }
        _ => return None,
    };
    let domain = text[local..].strip_prefix(b"@");
    match domain {
        Some(domain) => {
            let len = len_while(domain, |c| is_part(c) && c != '@');
            let dots = domain[..len].iter().rev().take_while(|b| **b == b'.');
            Some(local + 1 + len - dots.count())
        }
        None => (text[0] != b'"').then_some(local),
    }
}

/// How long the IPv6 address is that a text begins with. Times (`12:30:59`) are none.
fn ipv6_len(text: &[u8]) -> Option<usize> {
    let digit = |b: &&u8| b.is_ascii_hexdigit() || b":.".contains(b);
    // None is longer than 45 characters.
    let len = text.iter().take(46).take_while(digit).count();
    if !text[..len].contains(&b':') || text.get(len).is_some_and(u8::is_ascii_alphanumeric) {
        return None;
    }
    let words = text[..len].trim_end_with(|c| c == '.').to_str().ok()?;
    let words = words
        .strip_suffix(':')
        .filter(|w| !w.ends_with(':'))
        .unwrap_or(words);
    words.parse::<Ipv6Addr>().ok().map(|_| words.len())
}

/// How long the run of characters is that may all stand in one address, up to where an X.500 name begins.
fn run_len(text: &[u8]) -> usize {
    let mut len = 0;
    for (start, end, c) in text.char_indices() {
        let name = c == '/' && x500::name_len(&text[start..]).is_some();
        if name || !(is_part(c) || is_apostrophe(c) || "=!#$&*/?^`{|}~".contains(c)) {
            break;
        }
        len = end;
    }
    len
}

fn len_while(text: &[u8], wanted: impl Fn(char) -> bool) -> usize {
    let mut outside = text.char_indices().filter(|(_, _, c)| !wanted(*c));
    outside.next().map_or(text.len(), |(start, _, _)| start)
}

/// What names of people and hosts are made of, in any language.
fn is_part(c: char) -> bool {
    match c.is_ascii() {
        true => c.is_ascii_alphanumeric() || "._%+-@".contains(c),
        false => !is_punctuation(c) && !is_apostrophe(c),
    }
}

/// All that stand where `'` does.
fn is_apostrophe(c: char) -> bool {
    "'\u{2019}\u{2018}\u{201b}\u{2bc}\u{2bb}\u{2b9}\u{b4}\u{2032}\u{ff07}".contains(c)
}

/// Blanks, quotes, brackets, dashes and other signs beyond ASCII, controls among them. Joiners and marks belong to letters.
fn is_punctuation(c: char) -> bool {
    match c {
        '\u{aa}' | '\u{b5}' | '\u{ba}' | '\u{200c}' | '\u{200d}' => false,
        '\u{80}'..='\u{bf}' | '\u{d7}' | '\u{f7}' => true,
        '\u{2000}'..='\u{206f}' | '\u{20a0}'..='\u{20cf}' | '\u{2190}'..='\u{2bff}' => true,
        '\u{2e00}'..='\u{2e7f}' | '\u{3000}'..='\u{3004}' | '\u{3008}'..='\u{3020}' => true,
        '\u{fe10}'..='\u{fe1f}' | '\u{fe30}'..='\u{fe6f}' | '\u{feff}' => true,
        '\u{ff01}'..='\u{ff0f}' | '\u{ff1a}'..='\u{ff20}' => true,
        '\u{ff3b}'..='\u{ff40}' | '\u{ff5b}'..='\u{ff65}' => true,
        _ => c.is_whitespace(),
    }
}

#[cfg(test)]
mod tests {
    use bumpalo::Bump;

    use super::super::Anonymous;
    use super::*;
    use crate::path::domains::OwnDomains;

    fn with_veil(test: impl Fn(&Veil)) {
        test(&Veil {
            key: &Anonymous::new("one"),
            own: &OwnDomains::given(["own.test"]),
            arena: &Bump::new(),
        });
    }

    #[test]
    fn names_in_rows_and_words_are_the_names_of_these_people() {
        let names = [
            "/O=First Org/OU=HQ/cn=Recipients/cn=ANN",
            "/o=Org/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)/cn=Recipients/cn=ann",
            "/o=Contoso, Inc/ou=HQ/cn=Recipients/cn=d'arcy",
            "bob@own.test",
            "pat.o'brien@own.test",
        ];
        let words = |name: &str| {
            format!(
                "550 5.1.1 {name} is unknown; '{name}', <{name}> ({name})\"{name}\" \
                 {name}'s, {name} not found code=5 or docs/code=6, '{name}';{name}"
            )
        };
        with_veil(|veil| {
            let row = veil.keep(names.join(";"));
            let people = names.map(|name| veil.address(name.into()).to_string());
            assert_eq!(veil.list(row), people.join(";").as_bytes().as_bstr());
            for (name, person) in names.iter().zip(people) {
                let text = veil.text(veil.keep(words(name)));
                assert_eq!(text, words(&person).as_bytes().as_bstr());
            }
        });
    }

    #[test]
    fn an_apostrophe_behind_a_host_or_an_address_shows_neither() {
        with_veil(|veil| {
            let (host, secret) = (veil.domain(b"mx.partner.test"), veil.domain(b"secret.test"));
            let ip = veil.word("ip-", "198.51.100.7".into());
            let (ann, pat) = (veil.person(b"ann@own.test"), veil.person(b"o'brien@x.test"));
            let told = veil.text(
                "550 5.7.1 mx.partner.test's policy; 198.51.100.7's block; it said 'secret.test'here \
                 can't ann@own.test's 'ann@own.test''secret.test''198.51.100.7'x'"
                    .into(),
            );
            let expected = format!(
                "550 5.7.1 {host}'s policy; {ip}'s block; it said '{secret}'here \
                 can't {ann}'s '{ann}''{secret}''{ip}'x'"
            );
            assert_eq!(told, expected.as_bytes().as_bstr());
            let told = veil.text("ann@own.test''o'brien@x.test'".into());
            assert_eq!(told, format!("{ann}''{pat}'").as_bytes().as_bstr());
        });
    }

    #[test]
    fn hostile_words_show_nobody() {
        let pieces = [
            "/a=",
            "/o=",
            "/cn=",
            "/o=a ",
            "/o=(",
            "/ou=(x)",
            "/o=a b/a=",
            "/",
            "'",
            "a'",
            "a'@",
            "@'",
        ];
        let broken = [
            "/o=Org (x/cn=Recipients/cn=secret",
            "/o=Org x)/cn=secret gone",
            "/o=The \"Org\"; {x}/ou=secret/cn=secret",
            "/o=Org/cn=a'secret",
            "'secret.test''",
            "secret@own.test'",
            "'/o=Org/cn=secret",
        ];
        // Thousands of each: what is read anew from every one of them shows in how long this takes.
        let many = pieces.map(|piece| format!("/o=Org/cn=secret{}", piece.repeat(50_000)));
        with_veil(|veil| {
            for text in many.iter().map(String::as_str).chain(broken) {
                let told = veil.text(veil.keep(text.into()));
                assert!(
                    !told.contains_str("secret"),
                    "{}",
                    &text[..text.len().min(60)]
                );
            }
            let told =
                veil.text(b"\xff /o=\xfe x/cn=secret\xff gone \xc3'secret@\xff'\xc3".as_bstr());
            assert!(
                !told.contains_str("secret") && told.contains_str(" gone "),
                "{told}"
            );
        });
    }

    #[test]
    fn quotes_of_all_languages_show_neither_host_nor_address() {
        let around = [
            ("", "\u{2019}s"),
            ("", "\u{2bc}s"),
            ("\u{201e}", "\u{201c}"),
            ("\u{ab}", "\u{bb}"),
            ("\u{ab}\u{a0}", "\u{a0}\u{bb}"),
            ("\u{201c}", "\u{201d}"),
            ("\u{300c}", "\u{300d}"),
            ("\u{2014}", "\u{2014}"),
            ("", "\u{2026}"),
            ("\u{ff08}", "\u{ff09}"),
            ("\u{2039}", "\u{203a}."),
        ];
        with_veil(|veil| {
            for (name, other) in [
                ("mx.secret.test", veil.domain(b"mx.secret.test")),
                ("ann@secret.test", veil.person(b"ann@secret.test")),
                (
                    "2001:db8::25",
                    veil.word("ip-", "2001:db8::25".into()).to_string(),
                ),
            ] {
                for (before, behind) in around {
                    let told = veil.text(veil.keep(format!("at {before}{name}{behind} gone")));
                    let expected = format!("at {before}{other}{behind} gone");
                    assert_eq!(told.to_string(), expected);
                }
            }
        });
    }

    #[test]
    fn odd_addresses_and_hosts_are_veiled_whole() {
        with_veil(|veil| {
            for address in [
                "IMCEAEX-_O=ORG_OU=FIRST+20GROUP_CN=RECIPIENTS_CN=SECRET@own.test",
                "\"secret secret\"@x.test",
                "secret=x.test@list.test",
                "secret&co!x@x.test",
                "o\u{2019}secret@x.test",
                "sekr\u{e9}t@x.test",
                "u\u{308}secret@x.test",
            ] {
                let person = veil.person(address.as_bytes());
                let words = |name: &str| format!("to=<{name}>, to={name}: ({name}) gone");
                let told = veil.text(veil.keep(words(address)));
                assert_eq!(told.to_string(), words(&person));
            }
            for host in [
                "xn--secret-eua.xn--p1ai",
                "mx.secret.\u{440}\u{444}",
                "MAIL.SECRET.TEST",
                "mx.secret.test-refused",
                "\u{65e0}mx.secret.test\u{7684}",
                "[2001:db8::5ec]",
                "5ec:0:0:0:0:0:0:1",
                "::ffff:192.0.2.7",
            ] {
                let told =
                    veil.text(veil.keep(format!("connect to {host}[192.0.2.7]:25 at 12:30:59")));
                let told = told.to_string().to_lowercase();
                let shown = ["secret", "5ec:", ":5ec", "192."].map(|word| told.contains(word));
                assert_eq!(shown, [false; 4], "{told}");
                assert!(told.ends_with("]:25 at 12:30:59"), "{told}");
            }
        });
    }
}
