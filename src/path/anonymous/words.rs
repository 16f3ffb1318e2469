//! Addresses, hosts and IP addresses in the middle of words that a server wrote, replaced by their other names.
//!
//! In: text as logged, in any language. Out: the same text, with the names that the addresses have elsewhere. Rather a word too
//! many goes than a name shows: what stands right before an `@` goes with it. A host is told by its dots; a
//! name without any stays.

use bstr::{BStr, ByteSlice};

use super::Veil;
use super::shapes::{
    holds_ip, ipv6_len, is_host, is_part, len_while, local_start, narrow, parts_len, quoted_len,
    run_len,
};
use crate::address::x500;

/// What Postfix's header and body checks say: `header Subject: ... from host[ip]`, `body ... from host[ip]`. The header's
/// name, what it held, and the rest.
fn quoted_by_rule(text: &BStr) -> Option<[&BStr; 3]> {
    let name = match text.strip_prefix(b"header ") {
        Some(header) => b"header ".len() + header.find(b": ")? + 2,
        None => text.starts_with(b"body ").then_some(b"body ".len())?,
    };
    let end = text.rfind(b" from ").filter(|end| *end >= name);
    let (head, rest) = text.split_at(name);
    let (content, tail) = rest.split_at(end.map_or(rest.len(), |end| end - name));
    Some([head, content, tail].map(BStr::new))
}

impl<'a> Veil<'_, 'a> {
    /// Text with addresses and outside hosts in it; everything else stays but what a rule quotes from the message itself.
    pub(super) fn text(&self, text: &'a BStr) -> &'a BStr {
        match quoted_by_rule(text) {
            Some([head, content, tail]) => {
                let [content, tail] = [self.word("s-", content), self.words(tail)];
                self.keep(format!("{head}{content}{tail}"))
            }
            None => self.words(text),
        }
    }

    fn words(&self, text: &'a BStr) -> &'a BStr {
        let mut veiled = String::with_capacity(text.len());
        let narrow = narrow(text);
        let mut rest = &*narrow;
        while let Some(first) = rest.chars().next() {
            let name = x500::name_len(rest).or_else(|| quoted_len(rest));
            let name = name.or_else(|| parts_len(rest));
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
            let len = match quoted_len(run) {
                Some(len) => {
                    veiled.push_str(&self.person(&run[..len]));
                    len
                }
                None if is_part(first) => {
                    let len = len_while(run, is_part);
                    self.token(&run[..len], veiled);
                    len
                }
                None => {
                    veiled.push(first);
                    first.len_utf8()
                }
            };
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
        } else if holds_ip(name) {
            self.ip(name, veiled);
        } else if let Some(address) = self.people.get(&name.to_ascii_lowercase()) {
            veiled.push_str("p-");
            veiled.push_str(&self.key.digits("p", address));
        } else {
            veiled.push_str(&name.to_str_lossy());
        }
        veiled.push_str(&dots.to_str_lossy());
    }
}

#[cfg(test)]
mod tests {
    use bumpalo::Bump;
    use hashbrown::HashMap;

    use super::super::Anonymous;
    use super::*;
    use crate::path::domains::OwnDomains;

    fn with_veil(test: impl Fn(&Veil)) {
        test(&Veil {
            key: &Anonymous::new("one"),
            own: &OwnDomains::given(["own.test"]),
            arena: &Bump::new(),
            people: HashMap::from_iter([(b"zebedee".to_vec(), BStr::new("Zebedee@own.test"))]),
        });
    }

    #[test]
    fn people_are_known_by_less_than_their_address() {
        with_veil(|veil| {
            let zebedee = veil.person(b"zebedee@own.test");
            let name = zebedee.split('@').next().unwrap();
            for words in [
                "550 5.1.1 User Zebedee unknown",
                "zebedee... User unknown",
                "no such user 'zebedee'",
                "zebedee: over quota",
                "<zebedee> is gone",
            ] {
                let told = veil.text(BStr::new(words)).to_string();
                assert!(!told.to_lowercase().contains("zebedee"), "{told}");
                assert!(told.contains(name), "{told}");
            }
            assert_eq!(veil.text(BStr::new("zebedeeish")), "zebedeeish");
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
                r#""Ann \"Sec\" Secret"@x.test"#,
                r#""secret\\"@x.test"#,
                "IMCEAEX-_o=secret_cn=secret",
            ] {
                let person = veil.person(address.as_bytes());
                let words = |name: &str| format!("to=<{name}>, to={name}: ({name}) gone");
                let told = veil.text(veil.keep(words(address)));
                assert_eq!(told.to_string(), words(&person));
            }
            for host in [
                "MX.Secret.Com",
                "SMTP.Secret.De",
                "MAIL.SECRET.Com",
                "SECRET.Test",
                "FQDN=MX.Secret.Com",
                "AGENT.Secret.Com",
                "QUEUE.SECRET.Com",
                "STOREDRV.Deliver.Secret.Test",
                "mx\u{ff0e}secret\u{ff0e}test",
                "host-192.0.2.7",
                "192.0.2.7-secret",
                "192.0.2.7_x",
                "ip192.0.2.7",
                "3.192.0.2.7",
                "client-ip=2001:0db8:0000:0000:0000:0000:0000:05ec;",
                "ip=fe80:1:2:3:4:5:6:5ec",
                "client-ip=2001:db8::5ec",
                "host2001:db8:1:2:3:4:5:5ec",
                "face2001:db8:1:2:3:4:5:5ec",
                "host1:2:3:4:5:6:7:5ec",
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
            let wide = veil.text("550 <secret\u{ff20}x.test>".into()).to_string();
            assert_eq!(wide, format!("550 <{}>", veil.person(b"secret@x.test")));
        });
    }

    #[test]
    fn names_of_parts_and_addresses_behind_a_key_are_veiled_by_themselves() {
        with_veil(|veil| {
            for name in [
                "CN=Ann Secret,OU=Secret,DC=secret",
                "C=US;A= ;P=Secret;O=HQ;S=Secret;G=Ann",
                "S=Secret;G=Ann",
                "cn=Secret, ou=HQ",
            ] {
                let words = |name: &str| format!("no {name} here, ({name}) for user={name};");
                let told = veil.text(veil.keep(words(name)));
                assert_eq!(told.to_string(), words(&veil.person(name.as_bytes())));
            }
            for name in [
                "CN=Secret",
                "ou=Ann Secret",
                "CN=Ann,OU=First Secret",
                "dc=secret",
                "CN=Ann van der Secret",
            ] {
                let told = veil.text(veil.keep(format!("<{name}> user={name}; '{name}'")));
                assert!(!told.to_lowercase().contains_str("secret"), "{told}");
                let told = veil.text(veil.keep(format!("no {name} here")));
                let shown = name.contains(" van ");
                assert_eq!(told.contains_str("Secret"), shown, "{told}");
                assert!(told.ends_with(b" here"), "{told}");
            }
            let ip = veil.word("ip-", "2001:db8::5ec".into());
            let words = |ip: &str| format!("client-ip={ip}; [IPv6:{ip}] mx1:{ip} host{ip}");
            let told = veil.text(veil.keep(words("2001:db8::5ec")));
            assert_eq!(told.to_string(), words(&ip.to_string()));
        });
    }

    #[test]
    fn words_of_exchange_and_of_others_stay() {
        with_veil(|veil| {
            let words = r#"550 5.1.10 RESOLVER.ADR.RecipientNotFound; STOREDRV.Deliver.Exception, QUEUE.Expired
                TRANSPORT.RULES.RejectMessage 4.4.7 SMTPSEND.DNS.NonExistentDomain at 3/2/2026 12:30:59 AM
                C=US said "no", S=1234 id=7 std::exception {LED=5.2.2} "C:\dir\" ""#;
            assert_eq!(veil.text(words.into()), words);
        });
    }
}
