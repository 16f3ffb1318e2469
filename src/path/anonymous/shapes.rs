//! What addresses, hosts and IP addresses look like in the middle of words.
//!
//! In: text from some place on. Out: how long the name is that begins there, or what kind a word is. Rather a word too many is
//! a name than one too few.

use std::borrow::Cow;
use std::net::Ipv6Addr;

use bstr::ByteSlice;

use crate::address::x500;

/// What stands before an address in logs of mail programs and is no part of it: `to=ann@own.test`.
const KEYS: [&[u8]; 10] = [
    b"to", b"orig_to", b"from", b"for", b"sender", b"rcpt", b"user", b"mail", b"address",
    b"ctladdr",
];

/// What Exchange's own status words begin with.
const STATUS: [&[u8]; 15] = [
    b"AGENT",
    b"APPROVAL",
    b"CAT",
    b"DELIVERY",
    b"DSN",
    b"IPM",
    b"POISON",
    b"QUEUE",
    b"RESOLVER",
    b"ROUTING",
    b"SMTP",
    b"SMTPSEND",
    b"STOREDRV",
    b"SUBMISSION",
    b"TRANSPORT",
];
/// Parts of names in a directory or of X.400: `CN=Ann,OU=HQ`, `S=Lee;G=Ann`.
const PARTS: [&[u8]; 15] = [
    b"a", b"c", b"cn", b"dc", b"g", b"i", b"l", b"o", b"ou", b"ou1", b"ou2", b"p", b"q", b"s",
    b"uid",
];
/// Those of them that are a name by themselves: `CN=Ann`.
const WHOLE: [&[u8]; 3] = [b"cn", b"dc", b"ou"];
/// No quoted words before an `@`, and no part of a name, are longer.
const LONGEST_QUOTED: usize = 1024;
const LONGEST_PART: usize = 256;

/// A host has a dot, its last label begins with a letter, and it is no word of Exchange's own (`STOREDRV.Deliver`).
pub(super) fn is_host(name: &[u8]) -> bool {
    let last = name.rsplit(|b| *b == b'.').next().unwrap_or(name);
    let letter = |b: u8| b.is_ascii_alphabetic() || b >= 0x80;
    last.len() > 1 && last.len() < name.len() && letter(last[0]) && !is_status(name)
}

/// Whether this is a word of Exchange's own: `QUEUE.Expired`, `RESOLVER.ADR.RecipientNotFound`.
fn is_status(name: &[u8]) -> bool {
    let mut labels = name.split(|b| *b == b'.');
    if !labels.next().is_some_and(|first| STATUS.contains(&first)) {
        return false;
    }
    let word = |label: &[u8]| {
        label.first().is_some_and(u8::is_ascii_uppercase)
            && label.iter().any(u8::is_ascii_lowercase)
            && label.iter().all(u8::is_ascii_alphabetic)
    };
    let shouted = |label: &[u8]| label.iter().all(u8::is_ascii_uppercase);
    match (labels.next(), labels.next(), labels.next()) {
        (Some(last), None, None) => word(last),
        // `AGENT.Contoso.Com` is somebody's.
        (Some(middle), Some(last), None) => {
            (shouted(middle) || name.starts_with(b"STOREDRV.")) && word(last) && last.len() > 5
        }
        _ => false,
    }
}

/// Whether four numbers with dots between them stand anywhere in a word: `host-192.0.2.7`.
pub(super) fn holds_ip(name: &[u8]) -> bool {
    let labels: Vec<&[u8]> = name.split(|b| *b == b'.').collect();
    let number = |label: &[u8]| !label.is_empty() && label.iter().all(u8::is_ascii_digit);
    labels.windows(4).any(|of| {
        let ends = of[0].last().is_some_and(u8::is_ascii_digit);
        let begins = of[3].first().is_some_and(u8::is_ascii_digit);
        ends && number(of[1]) && number(of[2]) && begins
    })
}

/// Text with the signs of addresses in the width of ASCII.
pub(super) fn narrow(text: &[u8]) -> Cow<'_, [u8]> {
    let wide = ["\u{ff20}", "\u{fe6b}", "\u{ff0e}", "\u{fe52}"];
    if !wide.iter().any(|sign| text.contains_str(sign)) {
        return Cow::Borrowed(text);
    }
    let [at, small_at, dot, small_dot] = wide;
    let text = text.replace(at, "@").replace(small_at, "@");
    Cow::Owned(text.replace(dot, ".").replace(small_dot, "."))
}

/// Where the address begins that holds the first `@` of a run.
pub(super) fn local_start(run: &[u8]) -> usize {
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
pub(super) fn quoted_len(text: &[u8]) -> Option<usize> {
    let local = match text.first()? {
        b'"' => quote_end(text)?,
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

/// Where the quoted words end that a text begins with; `\"` does not end them.
fn quote_end(text: &[u8]) -> Option<usize> {
    let mut escaped = false;
    let end = text.iter().take(LONGEST_QUOTED).skip(1).position(|&byte| {
        let is_end = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        is_end
    });
    end.map(|at| at + 2)
}

/// How long the name is that a text begins with, if it is one of two parts or more: `CN=Ann Lee,OU=HQ,DC=own`,
/// `C=US;A= ;P=Org;S=Lee;G=Ann`; or a single `CN=Ann Lee`. Its last value ends where something closes it, else before a word that
/// begins like none of a name.
pub(super) fn parts_len(text: &[u8]) -> Option<usize> {
    let key = |text: &[u8]| {
        let len = text.iter().take(4).position(|b| *b == b'=')?;
        let known = PARTS.iter().any(|k| k.eq_ignore_ascii_case(&text[..len]));
        known.then_some(len + 1)
    };
    let mut value = key(text)?;
    let first = &text[..value - 1];
    let alone = WHOLE.iter().any(|k| k.eq_ignore_ascii_case(first));
    let mut parts = 1;
    loop {
        let ends = |b: &u8| b",;<>\"{}()[]".contains(b) || b.is_ascii_control();
        let behind = &text[value..text.len().min(value + LONGEST_PART)];
        let end = value + behind.iter().position(ends).unwrap_or(behind.len());
        let next = text.get(end + 1..).unwrap_or(b"");
        let blank = usize::from(next.starts_with(b" "));
        let joins = matches!(text.get(end), Some(b',' | b';'));
        match key(&next[blank..]).filter(|_| joins) {
            Some(len) => value = end + 1 + blank + len,
            None => {
                let last = &text[value..end];
                let closed = text.get(end).is_some_and(|b| b";>\"})]".contains(b));
                let len = match closed {
                    true => last.trim_ascii_end().len(),
                    false => closing_quote(last).unwrap_or_else(|| words_len(last)),
                };
                return (parts > 1 || alone && len > 0).then_some(value + len);
            }
        }
        parts += 1;
    }
}

/// Where a `'` stands that no letter follows: not that of `O'Brien`.
fn closing_quote(value: &[u8]) -> Option<usize> {
    let letter = |b: &u8| b.is_ascii_alphanumeric() || *b >= 0x80;
    memchr::memchr_iter(b'\'', value).find(|at| !value.get(at + 1).is_some_and(letter))
}

/// How long the words are that may all be of one name: the first, and those behind it that begin with a capital, a digit or a
/// letter of another script.
fn words_len(value: &[u8]) -> usize {
    let mut len = 0;
    for (n, word) in value.split(|b| *b == b' ').enumerate() {
        let of_name = |b: &u8| b.is_ascii_uppercase() || b.is_ascii_digit() || *b >= 0x80;
        if n > 0 && !word.first().is_some_and(of_name) {
            break;
        }
        len += word.len() + usize::from(n > 0);
    }
    len
}

/// How long the IPv6 address is that a text begins with. Times (`12:30:59`) are none.
pub(super) fn ipv6_len(text: &[u8]) -> Option<usize> {
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

/// How long the run of characters is that may all stand in one address, up to where an X.500 name, an IPv6 address or
/// behind a `=` a name of parts begins.
pub(super) fn run_len(text: &[u8]) -> usize {
    let mut len = 0;
    for (start, end, c) in text.char_indices() {
        let rest = &text[start..];
        let name = match c {
            '/' => x500::name_len(rest).is_some(),
            _ if text[..start].ends_with(b"=") && parts_len(rest).is_some() => true,
            _ => c.is_ascii_hexdigit() && joined_ipv6(&text[..start], rest),
        };
        if name || !(is_part(c) || is_apostrophe(c) || "=!#$&*/?^`{|}~".contains(c)) {
            break;
        }
        len = end;
    }
    len
}

/// Whether an IPv6 address begins right behind other characters: `client-ip=2001:db8::25`, `host2001:db8::25`. In
/// `IPv6:2001:db8::25` and `mx1:2001:db8::25` it begins behind the colon.
fn joined_ipv6(before: &[u8], text: &[u8]) -> bool {
    if ipv6_len(text).is_none() {
        return false;
    }
    let word = before.last().is_some_and(u8::is_ascii_alphanumeric);
    let colon = text.find_byte(b':').unwrap_or(0);
    let begins_behind = [colon, colon + 1]
        .iter()
        .any(|&at| ipv6_len(&text[at..]).is_some());
    !(word && colon < 3 && begins_behind)
}

pub(super) fn len_while(text: &[u8], wanted: impl Fn(char) -> bool) -> usize {
    let mut outside = text.char_indices().filter(|(_, _, c)| !wanted(*c));
    outside.next().map_or(text.len(), |(start, _, _)| start)
}

/// What names of people and hosts are made of, in any language.
pub(super) fn is_part(c: char) -> bool {
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
