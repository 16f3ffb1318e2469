//! X.500 names of Exchange (`/o=Org/ou=Site/cn=Recipients/cn=ann`) in the middle of other words.
//!
//! In: text as logged. Out: how long the name is that it begins with. The grammar ([MS-OXOAB] 2.1) knows the keys `o`, `ou`
//! and `cn`, and lets values have blanks, commas and brackets inside; `/` and `'` it forbids, which old servers did not.

/// How long the name is that a text begins with; `None` where it begins with none. A name whose beginning is missing
/// (`/cn=Recipients/cn=ann`) is one too.
///
/// A value goes on over blanks, commas, quotes and pairs of brackets if a further part of the same name follows; the last one
/// ends there, and has no punctuation at its end. Nothing is read twice by a caller that goes on behind the name: what is
/// looked at beyond it has no further beginning of a name.
pub fn name_len(text: &[u8]) -> Option<usize> {
    let is_naming = |key: &[u8]| {
        [&b"o"[..], b"ou", b"cn"]
            .iter()
            .any(|k| k.eq_ignore_ascii_case(key))
    };
    let first = key(text).filter(|key| is_naming(key))?;
    let mut value = first.len() + 2;
    // Where the value ends if it is the last one, and brackets that are open.
    let (mut soft, mut open) = (None, 0usize);
    let mut at = value;
    while let Some(&byte) = text.get(at) {
        match byte {
            b'/' => {
                if let Some(key) = key(&text[at..]) {
                    let goes_on = match soft {
                        None => true,
                        // Words have slashes, too: `not found, see docs/code=5`.
                        Some(_) => open == 0 && text[at - 1] != b' ' && is_naming(key),
                    };
                    if !goes_on || key.eq_ignore_ascii_case(b"o") {
                        break;
                    }
                    at += key.len() + 2;
                    (value, soft, open) = (at, None, 0);
                    continue;
                }
            }
            b'(' | b'[' => {
                soft = soft.or(Some(at));
                open += 1;
            }
            b')' | b']' if open == 0 => break,
            b')' | b']' => open -= 1,
            b' ' | b',' => soft = soft.or(Some(at)),
            b'\'' if !joins(&text[value..], at - value) => soft = soft.or(Some(at)),
            b'<' | b'>' | b';' | b'"' | b'{' | b'}' | 0..b' ' | 0x7f => break,
            _ => {}
        }
        at += 1;
    }
    let last = &text[value..soft.unwrap_or(at)];
    let trimmed = last.iter().rposition(|b| !b".:!?/".contains(b));
    Some(value + trimmed.map_or(0, |end| end + 1))
}

/// The key of the part that a text begins with: `cn` of `/cn=ann`.
fn key(text: &[u8]) -> Option<&[u8]> {
    let text = text.strip_prefix(b"/")?;
    let len = text.iter().take_while(|b| b.is_ascii_alphabetic()).count();
    (len > 0 && text.get(len) == Some(&b'=')).then(|| &text[..len])
}

/// Whether the apostrophe at `at` stands inside a word (`d'arcy`): no quote, and not that of `ann's`.
fn joins(value: &[u8], at: usize) -> bool {
    let letter = |at: usize| {
        value
            .get(at)
            .is_some_and(|b| b.is_ascii_alphanumeric() || *b >= 0x80)
    };
    let possessive = matches!(value.get(at + 1), Some(b's' | b'S')) && !letter(at + 2);
    at > 0 && letter(at - 1) && letter(at + 1) && !possessive
}

#[cfg(test)]
mod tests {
    use bstr::ByteSlice;

    use super::*;

    const NAMES: [&str; 10] = [
        "/o=Org/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)/cn=Recipients/cn=ann",
        "/o=Contoso, Inc/ou=First Administrative Group/cn=Recipients/cn=ann",
        "/O=CORP/OU=PREMIER GROUPE D'ADMINISTRATION/CN=RECIPIENTS/CN=ANN",
        "/o=Org/ou=HQ/cn=Recipients/cn=d'arcy",
        "/o=Org [EU] (a(b)c)/ou=Guys' \u{e9}t\u{e9}/cn=Smith/Jones Ltd./cn=a.b",
        "/o=Org/cn=Recipients/cn=ann@own.test",
        "/o=a=b/cn=",
        "/o=Org/l=Oslo/cn=550-ann",
        "/cn=Recipients/cn=ann",
        "/o=Org",
    ];

    fn name(text: &[u8]) -> Option<&[u8]> {
        name_len(text).map(|len| &text[..len])
    }

    #[test]
    fn words_around_a_name_are_none_of_it() {
        for name_alone in NAMES {
            for words in [
                "",
                " not found code=5",
                " not found, see docs/code=5",
                " (see docs/cn=5",
                " (unknown) [x]; gone/cn=5",
                " at /cn=Recipients",
                ") of docs/cn=5",
                "]",
                ">: foo/ou=5",
                "' is unknown",
                "', '/o=Org/cn=bob'",
                "'s mailbox is full",
                "'S",
                ". Gone",
                ": gone",
                "?/",
                ",/o=Org/cn=bob",
                "/o=Org/cn=bob",
                " /o=Org/cn=bob",
                "\" x/cn=5",
                "\r\n/cn=5",
                "\t/cn=5",
                "};{FQDN=x/cn=5}",
                ";x/cn=5",
            ] {
                let text = format!("{name_alone}{words}");
                let found = name(text.as_bytes()).map(|name| name.as_bstr().to_string());
                assert_eq!(found.as_deref(), Some(name_alone), "{text}");
            }
        }
    }

    #[test]
    fn other_texts_and_broken_names_do_no_harm() {
        for none in [
            "",
            "/",
            "/o",
            "/=",
            "o=Org",
            "/x=Org/cn=ann",
            "//o=Org",
            "/org=x",
        ] {
            assert_eq!(name_len(none.as_bytes()), None, "{none}");
        }
        let broken: [(&[u8], &[u8]); 6] = [
            (b"/o=", b"/o="),
            (b"/o=Org (x/cn=ann", b"/o=Org"),
            (b"/o=Org x)/cn=ann", b"/o=Org"),
            (b"/o=Org/cn='", b"/o=Org/cn="),
            (b"/o=/ou=/cn=ann", b"/o=/ou=/cn=ann"),
            (b"/o=\xff\xfe x/cn=\xc3 gone", b"/o=\xff\xfe x/cn=\xc3"),
        ];
        for (text, expected) in broken {
            assert_eq!(name(text), Some(expected), "{}", text.as_bstr());
        }
    }

    proptest::proptest! {
        /// What makes a walk over a whole text linear.
        #[test]
        fn nothing_looked_at_beyond_a_name_begins_one(text in "(/o=|/cn=|/a=|[a/=() ',;.]){0,40}") {
            let text = text.as_bytes();
            if let Some(len) = name_len(text) {
                proptest::prop_assert!(len >= 3 && len <= text.len());
                // What stands behind the next beginning has no say in how long this name is.
                let behind = (len..text.len()).find(|&at| name_len(&text[at..]).is_some());
                let end = behind.map_or(text.len(), |at| at + key(&text[at..]).unwrap().len() + 2);
                proptest::prop_assert_eq!(name_len(&text[..end]), Some(len));
            }
        }
    }
}
