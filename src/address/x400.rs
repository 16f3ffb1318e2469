//! X.400 identifiers and addresses, as Exchange 4.0 to 2003 write them.
//!
//! In: ids and addresses as logged. Out: the form in which they are compared; servers and connectors named inside
//! distinguished names. `formats/legacy.md` section 1.4 has the forms and where each was seen.

use std::borrow::Cow;

use bumpalo::Bump;

use super::{any_byte, bare_id, has_prefix};

/// Whether an id is an MTS-ID (`C=US;A= ;P=CORP;L=EX01-020425175433Z-7`, also with `/`), or a Message-ID that
/// embeds one (`c=US%a=_%p=CORP%l=...@host`). No other mail system begins its ids so.
#[inline]
pub fn is_mts_id(id: &[u8]) -> bool {
    let id = id.strip_prefix(b"/").unwrap_or(id);
    matches!(
        id,
        [
            b'c' | b'C' | b'a' | b'A' | b'p' | b'P' | b'l' | b'L',
            b'=',
            ..
        ]
    ) && (id.iter().take(8).any(|b| matches!(b, b';' | b'%' | b'/'))
        || memchr::memchr3(b';', b'%', b'/', id).is_some())
}

/// An id no longer than this may be of the [`usual`] form.
const USUAL_BYTES: usize = 64;

/// [`plain_mts_id`] of what servers write nearly always: `C=US;A= ;P=CORP;L=EX01-...`, one blank at most, and that behind a
/// `=`. All bytes are looked at together, which takes a fifth of the time. `None`: another form.
#[inline]
fn usual(id: &[u8]) -> Option<([u8; USUAL_BYTES], usize)> {
    if id.len() > USUAL_BYTES {
        return None;
    }
    let mut plain = [0; USUAL_BYTES];
    let mut len = id.len();
    match id.iter().position(|&b| b == b' ') {
        Some(at) if at > 0 && id[at - 1] == b'=' => {
            plain[..at].copy_from_slice(&id[..at]);
            plain[at..len - 1].copy_from_slice(&id[at + 1..]);
            len -= 1;
        }
        Some(_) => return None,
        None => plain[..len].copy_from_slice(id),
    }
    let mut odd = false;
    for byte in &mut plain {
        odd |= matches!(*byte, b'"' | b'/' | b'%' | b' ' | b'_');
        *byte = byte.to_ascii_lowercase();
    }
    if odd || plain[0] == b';' {
        return None;
    }
    Some((plain, len - usize::from(plain[..len].last() == Some(&b';'))))
}

/// Calls `take` with the form in which MTS-IDs are compared.
#[inline]
pub fn with_plain_mts_id<T>(id: &[u8], take: impl FnOnce(&[u8]) -> T) -> T {
    if let Some((plain, len)) = usual(id) {
        return take(&plain[..len]);
    }
    // X.400 allows 67 bytes of values; a Message-ID that embeds one is not much longer.
    let mut buffer = [0; 192];
    if id.len() <= buffer.len() {
        let len = plain_mts_id(id, &mut buffer);
        return take(&buffer[..len]);
    }
    let mut plain = vec![0; id.len()];
    let len = plain_mts_id(id, &mut plain);
    take(&plain[..len])
}

/// What each byte of an MTS-ID becomes; 0 for those that need a closer look.
const PLAIN: [u8; 256] = {
    let mut plain = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        plain[byte] = (byte as u8).to_ascii_lowercase();
        byte += 1;
    }
    let closer = b"\";/% _";
    let mut i = 0;
    while i < closer.len() {
        plain[closer[i] as usize] = 0;
        i += 1;
    }
    plain
};

/// Writes the form in which MTS-IDs are compared: lower case, `;` between the parts, values trimmed, quotes gone.
/// `_` counts as a blank, because the Internet Mail Service writes one for the other. Returns its length; `out` must be
/// as long as the id.
pub fn plain_mts_id(id: &[u8], out: &mut [u8]) -> usize {
    let id = embedded(id);
    let (mut len, mut quoted) = (0, false);
    for &byte in id {
        let plain = PLAIN[usize::from(byte)];
        if plain != 0 {
            out[len] = plain;
            len += 1;
            continue;
        }
        match byte {
            b'"' => quoted = !quoted,
            b';' | b'/' | b'%' if !quoted => {
                len = trimmed(&out[..len]);
                if len > 0 {
                    out[len] = b';';
                    len += 1;
                }
            }
            b' ' | b'_' if matches!(out[..len].last(), None | Some(b'=' | b';')) => {}
            b'_' => {
                out[len] = b' ';
                len += 1;
            }
            byte => {
                out[len] = byte;
                len += 1;
            }
        }
    }
    len = trimmed(&out[..len]);
    len - usize::from(out[..len].last() == Some(&b';'))
}

/// The length without trailing blanks.
fn trimmed(text: &[u8]) -> usize {
    text.iter().rposition(|&b| b != b' ').map_or(0, |at| at + 1)
}

/// The MTS-ID inside a Message-ID of the Internet Mail Service: what stands before the `@` of its host.
fn embedded(id: &[u8]) -> &[u8] {
    let is_wrapped = memchr::memchr(b'%', id).is_some() && memchr::memchr(b';', id).is_none();
    match memchr::memrchr(b'@', id).filter(|_| is_wrapped) {
        Some(at) => &id[..at],
        None => id,
    }
}

/// An id in the form in which it is compared, whatever its kind.
pub fn plain_id<'d>(id: &'d [u8], arena: &'d Bump) -> &'d [u8] {
    let id = bare_id(id);
    if !is_mts_id(id) {
        return id;
    }
    with_plain_mts_id(id, |plain| &*arena.alloc_slice_copy(plain))
}

/// The Message-ID in a connector's remote id: `<id@host>[QUEUEFILE]` without brackets and queue file. `None` where the
/// foreign system's id has another form.
pub fn remote_message_id(remote: &[u8]) -> Option<&[u8]> {
    let inner = remote.strip_prefix(b"<")?;
    let end = memchr::memrchr(b'>', inner)?;
    let id = &inner[..end];
    (id.len() > 3 && id.contains(&b'@')).then_some(id)
}

/// Whether an id may join two messages: dummies (`-`, `<>`, a bare number) may not.
pub fn is_proper_id(id: &[u8]) -> bool {
    let id = bare_id(id);
    id.len() >= 3 && (is_mts_id(id) || id.contains(&b'@'))
}

/// What a distinguished name of the configuration tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place<'d> {
    /// The server it lies on: `/CN=SERVERS/CN=<X>/...`, or `CONNECTOR (<X>)` under `/CN=CONNECTIONS/`.
    pub server: Option<&'d [u8]>,
    /// The connector it is of: `/CN=CONNECTIONS/CN=<name>`.
    pub connector: Option<&'d [u8]>,
}

/// Looks for a server and a connector in a name.
#[inline]
pub fn place_of(name: &[u8]) -> Place<'_> {
    if name.is_empty() {
        return Place::default();
    }
    let mut place = Place::default();
    if name.len() <= SLASHES {
        // Each mark has a slash at its beginning and one inside: all slashes at once tell where to look closer.
        let slashes = slashes(name);
        let mut both = slashes & (slashes >> 11 | slashes >> 15);
        while both != 0 {
            let at = both.trailing_zeros() as usize;
            let end = |from: usize| match slashes.unbounded_shr(from as u32) {
                0 => name.len(),
                behind => from + behind.trailing_zeros() as usize,
            };
            place.look(name, at, end);
            both &= both - 1;
        }
    } else {
        let end = |from: usize| {
            let slash = memchr::memchr(b'/', &name[from..]);
            slash.map_or(name.len(), |slash| from + slash)
        };
        memchr::memchr_iter(b'/', name).for_each(|at| place.look(name, at, end));
    }
    if let (None, Some(connector)) = (place.server, place.connector) {
        let inner = memchr::memrchr(b'(', connector)
            .and_then(|open| connector[open + 1..].strip_suffix(b")"));
        place.server = inner.filter(|inner| !inner.is_empty());
    }
    place
}

/// Names no longer than this have all their slashes in one number.
const SLASHES: usize = u128::BITS as usize;

/// Bit i is set where byte i is a slash.
#[inline]
fn slashes(name: &[u8]) -> u128 {
    const LOW: u64 = 0x0101_0101_0101_0101;
    const LOW7: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    let of = |word: [u8; 8]| {
        let other = u64::from_le_bytes(word) ^ (LOW * u64::from(b'/'));
        // The top bit of each byte that is a slash, and the eight of them side by side.
        let found = !(((other & LOW7) + LOW7) | other | LOW7);
        (found >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
    };
    let Some(last) = name.last_chunk() else {
        let bytes = name.iter().enumerate();
        return bytes.fold(0, |all, (i, b)| all | u128::from(*b == b'/') << i);
    };
    // The last eight bytes once more with those before them.
    let mut slashes = u128::from(of(*last)) << (name.len() - 8);
    let words = name.as_chunks().0;
    for (half, words) in words.chunks(8).enumerate() {
        let mut found = 0;
        for (i, word) in words.iter().enumerate() {
            found |= of(*word) << (8 * i);
        }
        slashes |= u128::from(found) << (64 * half);
    }
    slashes
}

/// What stands before the name of a server, and of a connector; lower case.
const SERVERS: &[u8; 15] = b"/cn=servers/cn=";
const CONNECTIONS: &[u8; 19] = b"/cn=connections/cn=";

impl<'d> Place<'d> {
    /// Looks at what begins with the slash at `at`; `end` tells where what begins at some byte ends.
    #[inline]
    fn look(&mut self, name: &'d [u8], at: usize, end: impl Fn(usize) -> usize) {
        let behind = |mark: usize| {
            let (from, to) = (at + mark, end(at + mark));
            (to > from).then(|| &name[from..to])
        };
        match name.get(at + 4).map(u8::to_ascii_lowercase) {
            Some(b's') if self.server.is_none() && begins(&name[at..], SERVERS) => {
                self.server = behind(SERVERS.len());
            }
            Some(b'c') if self.connector.is_none() && begins(&name[at..], CONNECTIONS) => {
                self.connector = behind(CONNECTIONS.len());
            }
            _ => {}
        }
    }
}

/// Whether `text` begins with `mark`, which is in lower case.
#[inline]
fn begins<const N: usize>(text: &[u8], mark: &[u8; N]) -> bool {
    let Some(text) = text.first_chunk::<N>() else {
        return false;
    };
    let mut differ = 0;
    for at in 0..N {
        let case = u8::from(mark[at].is_ascii_lowercase()) << 5;
        differ |= (text[at] | case) ^ mark[at];
    }
    differ == 0
}

/// [`Place::server`] of a name.
pub fn server_of(name: &[u8]) -> Option<&[u8]> {
    place_of(name).server
}

/// [`Place::connector`] of a name.
pub fn connector_of(name: &[u8]) -> Option<&[u8]> {
    place_of(name).connector
}

/// Whether the name is of a mailbox or public folder store.
pub fn is_store(name: &[u8]) -> bool {
    has_suffix(name, b" mdb")
}

fn has_suffix(text: &[u8], suffix: &[u8]) -> bool {
    text.len() >= suffix.len() && text[text.len() - suffix.len()..].eq_ignore_ascii_case(suffix)
}

/// Whether an address is in the one form that all stages share already, and a list of itself: nearly all are. A closer look
/// ([`plain_address`]) leaves it as it is, as does reading it as text of any code page.
#[inline]
pub fn is_plain_address(address: &[u8]) -> bool {
    let odd = |b: u8| !b.is_ascii() | (b == b':') | (b == b';');
    let is_blank = |b: Option<&u8>| b.is_some_and(u8::is_ascii_whitespace);
    let may_be_wrapped = matches!(address.first(), Some(b'i' | b'I' | b'\''));
    let odd_ends = may_be_wrapped || is_blank(address.first()) || is_blank(address.last());
    !odd_ends && !any_byte(address, odd)
}

/// An address in the one form that all stages share: a proxy's type is taken off, and what a connector wrapped
/// (`IMCEAEX-_O=...@host`, `DDA:SMTP=user(a)host`) is unwrapped.
pub fn plain_address(address: &[u8]) -> Cow<'_, [u8]> {
    let address = address.trim_ascii();
    if address.first() == Some(&b'/') && memchr::memchr(b':', address).is_none() {
        return Cow::Borrowed(address);
    }
    for kind in [&b"SMTP:"[..], b"EX:"] {
        if has_prefix(address, kind) {
            return Cow::Borrowed(&address[kind.len()..]);
        }
    }
    for kind in [&b"IMCEAEX-"[..], b"IMCEASMTP-"] {
        if has_prefix(address, kind) {
            return Cow::Owned(unwrap_imcea(&address[kind.len()..]));
        }
    }
    if memchr::memchr(b':', address).is_none() {
        return Cow::Borrowed(address);
    }
    let dda = memchr::memchr_iter(b'=', address).find(|&at| {
        has_suffix(&address[..at], b"dda:smtp") || has_suffix(&address[..at], b"dda:rfc-822")
    });
    match dda {
        Some(at) => Cow::Owned(unwrap_dda(&address[at + 1..])),
        None => Cow::Borrowed(address),
    }
}

/// `_O=CORP_OU=HQ_cn=RECIPIENTS_cn=JOE+20SMITH@host`, `joe+40a+2Eexample@host` to the name it was made of: `_` is `/`, `+20` a
/// byte.
fn unwrap_imcea(wrapped: &[u8]) -> Vec<u8> {
    let end = memchr::memrchr(b'@', wrapped).unwrap_or(wrapped.len());
    let mut plain = Vec::with_capacity(end);
    let mut at = 0;
    while at < end {
        match wrapped[at] {
            b'_' => plain.push(b'/'),
            b'+' if at + 2 < end => match hex(wrapped[at + 1], wrapped[at + 2]) {
                Some(byte) => {
                    plain.push(byte);
                    at += 2;
                }
                None => plain.push(b'+'),
            },
            byte => plain.push(byte),
        }
        at += 1;
    }
    plain
}

fn hex(high: u8, low: u8) -> Option<u8> {
    let digit = |b: u8| char::from(b).to_digit(16);
    Some((digit(high)? * 16 + digit(low)?) as u8)
}

/// `user(a)host;C=...` to `user@host`; 5.5 SP3 damaged the parentheses to `(040)a(041)` (Q249349).
fn unwrap_dda(value: &[u8]) -> Vec<u8> {
    let end = memchr::memchr2(b';', b'/', value).unwrap_or(value.len());
    let text = value[..end].to_vec();
    for at_sign in [&b"(040)a(041)"[..], b"(a)"] {
        if let Some(at) = memchr::memmem::find(&text, at_sign) {
            return [&text[..at], b"@", &text[at + at_sign.len()..]].concat();
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(id: &str) -> String {
        assert!(is_mts_id(id.as_bytes()), "{id}");
        let mut out = vec![0; id.len()];
        let len = plain_mts_id(id.as_bytes(), &mut out);
        // The quick way gives the same.
        with_plain_mts_id(id.as_bytes(), |quick| {
            assert_eq!(quick, &out[..len], "{id}")
        });
        String::from_utf8(out[..len].to_vec()).unwrap()
    }

    proptest::proptest! {
        #[test]
        fn the_quick_way_to_a_plain_id_is_no_other(id in "[cC]=[ ;=/%_\"a-zA-Z0-9@-]{0,70}") {
            let mut out = vec![0; id.len()];
            let len = plain_mts_id(id.as_bytes(), &mut out);
            with_plain_mts_id(id.as_bytes(), |quick| assert_eq!(quick, &out[..len], "{id}"));
        }
    }

    #[test]
    fn all_forms_of_one_id_are_equal() {
        let want = "c=us;a=;p=corp;l=ex 01-960701173047z-2";
        for form in [
            "C=US;A= ;P=CORP;L=EX_01-960701173047Z-2",
            "c=US;a= ;p=Corp;l=EX_01-960701173047Z-2;",
            "/C=US/A= /P=CORP/L=EX_01-960701173047Z-2",
            "c=US;a=;p=\"CORP\";l=\"EX_01-960701173047Z-2\"",
            "c=US%a=_%p=Corp%l=EX_01-960701173047Z-2@ex01.corp.example",
        ] {
            assert_eq!(plain(form), want, "{form}");
        }
        assert_eq!(plain("C=US;L=\"a;b/c\""), "c=us;l=a;b/c");
    }

    #[test]
    fn other_ids_are_left_alone() {
        for id in ["abc@host.example", "c=x@host", "<a@b>", "", "p=1", "l"] {
            assert!(!is_mts_id(id.as_bytes()), "{id}");
        }
        assert!(!is_proper_id(b"-") && !is_proper_id(b"<>") && !is_proper_id(b"12345678"));
        assert!(is_proper_id(b"<a@b>") && is_proper_id(b"c=US;a= ;l=X"));
    }

    #[test]
    fn remote_ids_lose_brackets_and_queue_file() {
        let id = remote_message_id(b"<c=US%a=_%p=M%l=T-1Z-2@t.example>[PBZ70AAB]").unwrap();
        assert_eq!(id, b"c=US%a=_%p=M%l=T-1Z-2@t.example");
        assert_eq!(remote_message_id(b"[PBZ70AAB]"), None);
        assert_eq!(remote_message_id(b"<>"), None);
    }

    #[test]
    fn servers_and_connectors_are_found_in_names() {
        let mta = b"/O=TAZ/OU=BACKBONE/CN=CONFIGURATION/CN=SERVERS/CN=TAZDC1/CN=MICROSOFT MTA";
        assert_eq!(server_of(mta), Some(&b"TAZDC1"[..]));
        assert_eq!(connector_of(mta), None);
        let imc = b"/o=M/ou=T/cn=Configuration/cn=Connections/cn=Internet Mail Connector (TAMRAJ2)";
        assert_eq!(server_of(imc), Some(&b"TAMRAJ2"[..]));
        assert_eq!(
            connector_of(imc),
            Some(&b"Internet Mail Connector (TAMRAJ2)"[..])
        );
        assert_eq!(server_of(b"alpine.microsoft.com"), None);
        assert_eq!(server_of(b"/cn=Connections/cn=X400 to HQ"), None);
        for before in 0..140 {
            let name = format!("{}/o=M/cn=Servers/cn=T/cn=M", "x".repeat(before));
            assert_eq!(server_of(name.as_bytes()), Some(&b"T"[..]), "{name}");
            let slashes = "/".repeat(before);
            let name = format!("{slashes}/o=M/cn=Connections/cn=A/cn=Servers/cn=Connections/cn=T");
            let both = place_of(name.as_bytes());
            let want = [both.server, both.connector].map(|found| found.unwrap_or_default());
            assert_eq!(want, [&b"Connections"[..], b"A"], "{name}");
        }
        assert!(is_store(b"/o=M/cn=Servers/cn=T/cn=Microsoft Private MDB"));
    }

    #[test]
    fn wrapped_addresses_come_out() {
        let address =
            |text: &str| String::from_utf8(plain_address(text.as_bytes()).into_owned()).unwrap();
        assert_eq!(
            address("IMCEAEX-_O=MICROSOFT_OU=ALPINE_cn=RECIPIENTS_cn=JOE+20S@alpine.example"),
            "/O=MICROSOFT/OU=ALPINE/cn=RECIPIENTS/cn=JOE S"
        );
        assert_eq!(
            address("IMCEASMTP-joe+40a+2Eexample@alpine.example"),
            "joe@a.example"
        );
        assert_eq!(address("SMTP:joe@a.example"), "joe@a.example");
        assert_eq!(address("EX:/O=CORP/CN=X"), "/O=CORP/CN=X");
        assert_eq!(
            address("C=US;A= ;P=C;DDA:SMTP=joe(a)a.example;"),
            "joe@a.example"
        );
        assert_eq!(address("DDA:SMTP=joe(040)a(041)a.example"), "joe@a.example");
        assert_eq!(address("joe@a.example"), "joe@a.example");
    }

    proptest::proptest! {
        #[test]
        fn what_is_plain_stays_as_it_is(text in "([/ ':;=_@()]|smtp|EX|IMCEAEX-|DDA|[a-cA-C\u{e9}]){0,12}") {
            if is_plain_address(text.as_bytes()) {
                assert!(text.is_ascii());
                assert_eq!(&*plain_address(text.as_bytes()), text.as_bytes());
                let list = crate::address::List(text.as_bytes()).into_iter();
                assert_eq!(list.collect::<Vec<_>>(), if text.is_empty() { vec![] } else { vec![text.as_bytes()] });
            }
        }
    }
}
