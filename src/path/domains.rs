//! The organisation's own domains, and from them who wrote to whom.
//!
//! In: `--domain` values, or what mailbox submissions and deliveries show. Out: [`Direction`].

use bstr::{BStr, BString, ByteSlice};
use std::collections::BTreeSet;

use super::{Class, Direction};
use crate::address::{domain, has_prefix};

/// The accepted domains, lower case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnDomains {
    exact: BTreeSet<BString>,
    /// `*.example.com` covers every domain below `example.com`.
    below: Vec<BString>,
    /// Found in the logs, not given.
    pub guessed: bool,
}

impl OwnDomains {
    /// From names as given; `*.` covers what is below, a leading `@` is ignored.
    pub fn given<'a>(names: impl IntoIterator<Item = &'a str>) -> OwnDomains {
        let mut own = OwnDomains::default();
        for name in names {
            let name = name.trim().trim_start_matches('@').to_ascii_lowercase();
            match name.strip_prefix("*.") {
                Some(parent) => own.below.push(format!(".{parent}").into()),
                None => {
                    own.exact.insert(name.into());
                }
            }
        }
        own
    }

    /// From domains seen in mailbox submissions and deliveries.
    pub fn guessed(seen: BTreeSet<BString>) -> OwnDomains {
        OwnDomains {
            exact: seen,
            below: Vec::new(),
            guessed: true,
        }
    }

    /// Names, for the report's header.
    pub fn names(&self) -> Vec<String> {
        let below = self.below.iter().map(|parent| format!("*{parent}"));
        self.exact
            .iter()
            .map(ToString::to_string)
            .chain(below)
            .collect()
    }

    /// Whether the domain of `address` is the organisation's; `None` if it has no domain.
    pub fn owns(&self, address: &[u8]) -> Option<bool> {
        if has_prefix(address, b"/o=") {
            return Some(true); // a distinguished name of the directory
        }
        let domain = domain(address)?;
        let mut buffer = [0; 255];
        let Some(lower) = buffer.get_mut(..domain.len()) else {
            return Some(false);
        };
        lower.copy_from_slice(domain);
        lower.make_ascii_lowercase();
        let lower: &[u8] = lower;
        Some(
            self.exact.contains(BStr::new(lower))
                || self.below.iter().any(|parent| lower.ends_with(parent)),
        )
    }
}

/// Direction of one sender-recipient pair. `from_here` and `to_here` are what the logs prove (a mailbox submitted
/// it, a mailbox has it); domains decide the rest.
pub fn direction(own_sender: Option<bool>, own_recipient: Option<bool>) -> Direction {
    match (own_sender, own_recipient) {
        (Some(true), Some(true)) => Direction::Internal,
        (Some(true), Some(false)) => Direction::Outbound,
        (Some(false), Some(true)) => Direction::Inbound,
        (Some(false), Some(false)) => Direction::Relayed,
        _ => Direction::Unknown,
    }
}

/// Prefixes of local parts by which Exchange's own traffic is known (`formats/modern.md` section 8).
const PROBES: [&[u8]; 3] = [b"HealthMailbox", b"inboundproxy@", b"maildeliveryprobe@"];
const SYSTEM: [&[u8]; 4] = [
    b"SystemMailbox{",
    b"FederatedEmail.",
    b"Migration.",
    b"DiscoverySearchMailbox",
];
/// The postmaster: with the null return path it writes reports, else it is the system talking to itself.
const POSTMASTER: [&[u8]; 1] = [b"MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e"];

fn begins_with_any(address: &[u8], prefixes: &[&[u8]]) -> bool {
    // Distinguished names do not.
    !address.starts_with(b"/")
        && prefixes
            .iter()
            .any(|prefix| crate::address::has_prefix(address, prefix))
}

/// Whether a distinguished name is of a server's own service: directory and public folder replication of 5.5.
fn is_service(address: &[u8]) -> bool {
    has_prefix(address, b"/o=") && crate::address::x400::server_of(address).is_some()
}

/// What kind of mail it is: reports first, then probes, system mail, and the null return path.
/// The system's postmaster sends reports and, with the null return path too, what `is_journal` tells: copies that an agent
/// makes.
pub fn class<'d>(
    has_report_row: bool,
    is_journal: impl Fn() -> bool,
    sender: &BStr,
    return_path: &BStr,
    mut recipients: impl Iterator<Item = &'d BStr> + Clone,
) -> Class {
    if has_report_row {
        return Class::Report;
    }
    if begins_with_any(sender, &PROBES) || recipients.clone().any(|r| begins_with_any(r, &PROBES)) {
        return Class::Probe;
    }
    let is_null = return_path.trim() == b"<>";
    let is_system = |address: &BStr| {
        is_service(address)
            || begins_with_any(address, &SYSTEM)
            || begins_with_any(address, &POSTMASTER) && (!is_null || is_journal())
    };
    let any = recipients.clone().next().is_some();
    if is_system(sender) || any && recipients.all(is_system) {
        return Class::System;
    }
    if is_null { Class::Report } else { Class::Mail }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_are_matched_whole_or_below() {
        let own = OwnDomains::given(["Example.com", "*.corp.example"]);
        assert_eq!(own.owns(b"a@EXAMPLE.COM"), Some(true));
        assert_eq!(own.owns(b"a@x.example.com"), Some(false));
        assert_eq!(own.owns(b"a@x.corp.example"), Some(true));
        assert_eq!(own.owns(b"a@corp.example"), Some(false));
        assert_eq!(own.owns(b"<>"), None);
    }

    #[test]
    fn classes_have_their_precedence() {
        let class = |report, sender: &str, path: &str, to: &str| {
            class(
                report,
                || to == "journal@b",
                BStr::new(sender),
                BStr::new(path),
                std::iter::once(BStr::new(to)),
            )
        };
        assert_eq!(class(false, "a@b", "a@b", "c@d"), Class::Mail);
        assert_eq!(class(false, "a@b", "<>", "c@d"), Class::Report);
        assert_eq!(class(false, "healthmailbox1@b", "<>", "c@d"), Class::Probe);
        assert_eq!(
            class(false, "a@b", "a@b", "SystemMailbox{1}@b"),
            Class::System
        );
        let postmaster = "MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@b";
        assert_eq!(class(true, postmaster, "<>", "c@d"), Class::Report);
        // The DSN row may stand in a log that was not read.
        assert_eq!(class(false, postmaster, "<>", "c@d"), Class::Report);
        assert_eq!(class(false, postmaster, "a@b", "c@d"), Class::System);
        assert_eq!(class(false, postmaster, "<>", "journal@b"), Class::System);
    }
}
