//! One line of Postfix, Exim or Sendmail by its parts, the same for all three.
//!
//! In: what the dialect's own file cut out. Out: [`Entry`], and small tools for cutting.

use bstr::ByteSlice;
use bumpalo::Bump;

use super::cut::until;
use super::events::code;
use super::line::Program;
use super::reply::{self, Named};
use crate::address::List;
use crate::keys::Keys;
use crate::status::StatusCode;

/// A line's parts; what it does not have is empty.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'d> {
    pub program: Program,
    /// Which of [`super::events::KINDS`].
    pub code: u8,
    /// Queue id.
    pub id: &'d [u8],
    /// Another queue id of the same host: of the message it was made from, or that was made from it.
    pub other: &'d [u8],
    pub message_id: &'d [u8],
    /// Envelope sender without brackets, if the line names it; the null sender is empty.
    pub sender: Option<&'d [u8]>,
    /// Recipients as logged: one address, or a list with this between its elements.
    pub to: &'d [u8],
    pub between: Option<u8>,
    /// The address it was before aliases and forwards.
    pub orig: &'d [u8],
    pub peer: Peer<'d>,
    /// Reply or reason.
    pub text: &'d [u8],
    /// The enhanced code that stands beside a reason without one: `5.1.1`.
    pub dsn: &'d [u8],
    pub subject: &'d [u8],
    /// Transport, router, mailer or protocol.
    pub connector: &'d [u8],
    pub size: u64,
    pub count: Option<u64>,
}

/// The host on the other side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Peer<'d> {
    pub name: &'d [u8],
    pub ip: &'d [u8],
}

impl<'d> Peer<'d> {
    /// The name, or the address where the name is none.
    pub fn host(&self) -> &'d [u8] {
        match self.name {
            b"" | b"unknown" | b"localhost" => self.ip,
            name => name.trim_with(|b| matches!(b, '[' | ']')),
        }
    }

    /// `NAME[IP]:PORT`, `NAME [IP]`, `[IP] [IP]` or a name alone.
    pub fn read(text: &'d [u8]) -> Peer<'d> {
        let Some(close) = memchr::memrchr(b']', text) else {
            return Peer {
                name: text.trim_ascii(),
                ip: b"",
            };
        };
        let open = memchr::memrchr(b'[', &text[..close]).unwrap_or(0);
        let ip = &text[(open + 1).min(close)..close];
        Peer {
            name: text[..open].trim_ascii(),
            ip: ip.strip_prefix(b"IPv6:").unwrap_or(ip),
        }
    }

    /// Whether it is the host itself by the address every host has.
    pub fn is_loopback(&self) -> bool {
        matches!(self.ip, b"127.0.0.1" | b"::1")
    }
}

impl<'d> Entry<'d> {
    /// An entry of which only this much is known.
    pub fn of(program: Program, code: u8) -> Entry<'d> {
        Entry {
            program,
            code,
            id: b"",
            other: b"",
            message_id: b"",
            sender: None,
            to: b"",
            between: None,
            orig: b"",
            peer: Peer::default(),
            text: b"",
            dsn: b"",
            subject: b"",
            connector: b"",
            size: 0,
            count: None,
        }
    }

    /// Notes the enhanced code, if the reason has none of its own.
    pub fn with_dsn(&mut self, dsn: &'d [u8]) {
        let failed = matches!(self.code, code::BOUNCED | code::EXPIRED | code::DEFERRED);
        if failed && StatusCode::find(self.text).is_none() {
            self.dsn = dsn;
        }
    }

    /// Whether a line that no line break ends is surely not whole, by how its program ends such lines.
    #[cold]
    pub fn is_cut_off(&self, line: &[u8]) -> bool {
        let has = |what: &[u8]| memchr::memmem::find(line, what);
        let arrives = matches!(self.code, code::SENT | code::DELIVERED | code::FORWARDED);
        let waits = self.code == code::DEFERRED;
        let fails = matches!(self.code, code::BOUNCED | code::EXPIRED);
        match self.program {
            Program::Postfix if self.code == code::NAMED => !line.ends_with(b">"),
            Program::Postfix => (arrives || waits || fails) && !line.ends_with(b")"),
            Program::Sendmail => (arrives || waits || fails) && has(b"stat=").is_none(),
            // The router is logged, then the transport; what the receiver said is quoted.
            Program::Exim if arrives => {
                let reply = has(b" C=\"");
                has(b" R=").is_none()
                    || reply.is_some_and(|at| !line[at + b" C=\"".len()..].ends_with(b"\""))
            }
            Program::Exim if waits => has(b" defer (").is_none(),
            Program::Exim if fails => has(b": ").is_none(),
            Program::Exim => self.code == code::RECEIVED && self.size == 0,
            Program::Other => false,
        }
    }

    /// Whether Postfix gave the message to a program by pipe(8) that may be a filter.
    #[inline]
    pub fn is_piped(&self) -> bool {
        self.code == code::DELIVERED && is_by_pipe(self.text)
    }

    /// Whether a line says anything of records on other hosts.
    #[inline]
    pub fn tells_of_others(&self) -> bool {
        const TELLING: [u8; 5] = [
            code::RECEIVED,
            code::NAMED,
            code::FORWARDED,
            code::SENT,
            code::REPORT,
        ];
        self.id.is_empty() || TELLING.contains(&self.code) || self.is_piped()
    }

    /// Key of the other side's address; 0 where it is not known or is the host itself.
    pub fn peer_key(&self, keys: &Keys) -> u64 {
        match self.peer.ip {
            b"" => 0,
            _ if self.peer.is_loopback() => 0,
            ip => keys.caseless(ip),
        }
    }

    /// What the receiver's reply names, where the line tells of a hand-over.
    #[inline]
    pub fn named(&self) -> Named<'d> {
        match self.code {
            code::SENT => reply::named(self.text),
            _ => Named::Nothing,
        }
    }

    /// The reason with its code.
    pub fn reason(&self, arena: &'d Bump) -> &'d [u8] {
        match self.dsn {
            b"" => self.text,
            dsn => arena.alloc_slice_copy(&[dsn, b" ", self.text].concat()),
        }
    }

    /// The recipients as a list field.
    pub fn recipients(&self, arena: &'d Bump) -> List<'d> {
        if let Some(between) = self.between {
            return list(split(self.to, between), arena);
        }
        let address = self.address();
        if address.is_empty() {
            return List(b"");
        }
        if !needs_quotes(address) {
            return List(address);
        }
        list(std::iter::once(address), arena)
    }

    /// The one recipient. What was delivered to a program or a file, or under a bare name to the mailbox of that
    /// name, was delivered to the address that stands beside it.
    fn address(&self) -> &'d [u8] {
        let (to, orig) = (self.to, self.orig);
        if orig.is_empty() {
            return to;
        }
        let local = match to.first() {
            Some(b'|' | b'/' | b':' | b'>') | None => return orig,
            Some(_) if to.contains(&b'@') => return to,
            Some(_) => to,
        };
        let at = memchr::memrchr(b'@', orig).unwrap_or(orig.len());
        // A mailbox by its bare name, an extension (`name+folder@`) left out.
        let (name, rest) = orig[..at].split_at(local.len().min(at));
        if name.eq_ignore_ascii_case(local) && matches!(rest.first(), None | Some(b'+')) {
            orig
        } else {
            to
        }
    }

    /// The address before aliases, where it differs. A bare name to which the host put its own domain is no other address.
    pub fn related(&self) -> List<'d> {
        let address = self.address();
        let is_same = self.orig.eq_ignore_ascii_case(address) || is_bare_of(self.orig, address);
        let differs = self.between.is_none() && !is_same;
        List(if differs && !needs_quotes(self.orig) {
            self.orig
        } else {
            b""
        })
    }
}

/// Services of pipe(8) that deliver, by the names that Postfix's own `master.cf` and Dovecot's manual give them.
const DELIVERING: [&[u8]; 9] = [
    b"maildrop",
    b"cyrus",
    b"old-cyrus",
    b"uucp",
    b"ifmail",
    b"bsmtp",
    b"scalemail-backend",
    b"mailman",
    b"dovecot",
];

/// Whether pipe(8) says so, of a program that may be a filter.
pub fn is_by_pipe(text: &[u8]) -> bool {
    let service = text.strip_prefix(b"delivered via ");
    let service = service.map(|rest| until(rest, b" "));
    service.is_some_and(|service| !DELIVERING.contains(&service))
}

/// Elements of `<a>,<b>` or `a b`; what stands inside brackets or quotes parts nothing.
fn split(text: &[u8], between: u8) -> impl Iterator<Item = &[u8]> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (mut quoted, mut inside) = (false, false);
        let comma = rest.iter().position(|b| {
            match b {
                b'"' => quoted = !quoted,
                b'<' if !quoted => inside = true,
                b'>' if !quoted => inside = false,
                _ => {}
            }
            *b == between && !quoted && !inside
        });
        let (element, behind) = match comma {
            Some(at) => (&rest[..at], &rest[at + 1..]),
            None => (rest, &rest[rest.len()..]),
        };
        rest = behind;
        Some(bare(element.trim_ascii()))
    })
    .filter(|element| !element.is_empty())
}

/// Without angle brackets.
pub fn bare(text: &[u8]) -> &[u8] {
    match text {
        [b'<', inner @ .., b'>'] => inner,
        _ => text,
    }
}

/// Whether `name` is `address` without its domain.
pub fn is_bare_of(name: &[u8], address: &[u8]) -> bool {
    let (local, rest) = address.split_at(name.len().min(address.len()));
    !name.is_empty() && rest.first() == Some(&b'@') && name.eq_ignore_ascii_case(local)
}

fn needs_quotes(address: &[u8]) -> bool {
    address.first() == Some(&b'\'') || memchr::memchr(b';', address).is_some()
}

/// Addresses as a list field (`;` between them).
pub fn list<'d>(addresses: impl Iterator<Item = &'d [u8]>, arena: &'d Bump) -> List<'d> {
    let mut text = Vec::new();
    for address in addresses {
        if !text.is_empty() {
            text.push(b';');
        }
        if needs_quotes(address) {
            text.push(b'\'');
            text.extend_from_slice(address);
            text.push(b'\'');
        } else {
            text.extend_from_slice(address);
        }
    }
    List(arena.alloc_slice_copy(&text))
}

#[cfg(test)]
mod tests {
    use crate::dialect::postfix;

    #[test]
    fn a_name_to_which_the_host_put_its_domain_is_no_other_address() {
        for (line, related) in [
            ("to=<root@mx1.test>, orig_to=<root>", ""),
            ("to=<admin@x.test>, orig_to=<root>", "root"),
            ("to=<root2@mx1.test>, orig_to=<root>", "root"),
            ("to=<Root@mx1.test>, orig_to=<root@mx1.test>", ""),
        ] {
            let line =
                format!("4F1B2C3D4E5: {line}, relay=local, status=sent (delivered to mailbox)");
            let entry = postfix::read(b"postfix/local", line.as_bytes());
            assert_eq!(entry.related().0, related.as_bytes(), "{line}");
        }
    }
}
