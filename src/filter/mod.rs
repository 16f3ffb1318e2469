//! Which messages the user asks for.
//!
//! In: the wanted texts, states and times, and one [`Path`]. Out: yes or no. Within one flag any of the given
//! values will do; all flags that are given must agree. Counting up to `limit` is the caller's.

/// A filter of one flag.
#[cfg(test)]
macro_rules! only {
    ($field:ident: $value:expr) => {
        crate::filter::Filter {
            $field: $value,
            ..Default::default()
        }
    };
}

#[cfg(test)]
pub mod example;
pub mod pattern;
pub mod record;
pub mod when;

use bstr::BStr;

pub use pattern::Pattern;
pub use when::{date_of, day_range, parse_day, parse_when};

use crate::event::ServerId;
use crate::path::{Class, Direction, Fate, Path, Reason, Recipient, Status};
use crate::time::Time;

/// A shorter text stands in too many rows for a search to pay.
const SHORTEST_PIECE: usize = 5;

/// What is wanted; an empty list or `None` asks for nothing in particular.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Sender or return path, made by [`Pattern::address`].
    pub sender: Vec<Pattern>,
    /// Any address on the way to a recipient, made by [`Pattern::address`].
    pub recipient: Vec<Pattern>,
    /// Made by [`Pattern::message_id`].
    pub message_id: Vec<Pattern>,
    pub network_message_id: Vec<Pattern>,
    /// Made by [`Pattern::substring`].
    pub subject: Vec<Pattern>,
    /// A server that had the message, sent it in or was given it.
    pub server: Vec<Pattern>,
    pub connector: Vec<Pattern>,
    pub client_ip: Vec<Pattern>,
    pub status: Vec<Status>,
    /// What became of one of the recipients, beside `status`.
    pub fates: Vec<Fate>,
    pub direction: Vec<Direction>,
    /// First seen at this time or later.
    pub since: Option<Time>,
    /// First seen before this time.
    pub until: Option<Time>,
    /// Stop after so many messages.
    pub limit: Option<u64>,
    /// Monitoring mail and the system's own mail too.
    pub include_probes: bool,
}

/// `partly-delivered` of `PartlyDelivered`.
fn as_flag(name: &str) -> String {
    let mut flag = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !flag.is_empty() {
            flag.push('-');
        }
        flag.push(letter.to_ascii_lowercase());
    }
    flag
}

impl Filter {
    /// What it asks for beside a time, as flags; `veiled`: without what was asked for, which names people.
    pub fn words(&self, veiled: bool) -> Vec<String> {
        let patterns = [
            ("--sender", &self.sender),
            ("--recipient", &self.recipient),
            ("--message-id", &self.message_id),
            ("--network-message-id", &self.network_message_id),
            ("--subject", &self.subject),
            ("--server", &self.server),
            ("--connector", &self.connector),
            ("--client-ip", &self.client_ip),
        ];
        let patterns = patterns.into_iter().flat_map(|(flag, patterns)| {
            patterns.iter().map(move |pattern| match veiled {
                true => format!("{flag} ..."),
                false => format!("{flag} {}", pattern.shown()),
            })
        });
        let status = self.status.iter();
        let status = status.map(|status| format!("--status {}", as_flag(&format!("{status:?}"))));
        let fates = self.fates.iter();
        let status = status.chain(fates.map(|fate| format!("--status {}", fate.word())));
        let direction = self.direction.iter();
        let direction = direction
            .map(|direction| format!("--direction {}", as_flag(&format!("{direction:?}"))));
        patterns.chain(status).chain(direction).collect()
    }

    /// Whether a message is wanted, under the names that it is shown with or its real ones.
    pub fn matches<'a>(&self, path: &Path, names: &dyn Fn(ServerId) -> &'a BStr) -> bool {
        let plain = path.plain.as_deref();
        self.fits(path, names) || plain.is_some_and(|plain| self.fits(plain, names))
    }

    /// Whether the message, or one of its recipients, ended in a wanted way.
    fn ended(&self, path: &Path) -> bool {
        let is_wanted = |recipient: &Recipient| self.fates.contains(&recipient.fate);
        self.status.is_empty() && self.fates.is_empty()
            || self.status.contains(&path.status)
            || path.recipients.iter().any(is_wanted)
    }

    /// Cheap questions are asked first.
    fn fits<'a>(&self, path: &Path, names: &dyn Fn(ServerId) -> &'a BStr) -> bool {
        (self.include_probes || !matches!(path.class, Class::Probe | Class::System))
            && self.since.is_none_or(|since| path.first_seen >= since)
            && self.until.is_none_or(|until| path.first_seen < until)
            && self.ended(path)
            && (self.direction.is_empty() || self.direction.contains(&path.direction))
            && wanted(&self.network_message_id, |p| {
                p.matches(path.network_message_id)
                    || (path.other_ids.iter()).any(|id| is_network_id(id) && p.matches(id))
            })
            && wanted(&self.message_id, |p| id_matches(p, path))
            && wanted(&self.client_ip, |p| {
                p.matches(path.origin.client_ip) || p.matches(path.origin.client_host)
            })
            && wanted(&self.sender, |p| {
                p.matches(path.sender) || p.matches(path.return_path)
            })
            && wanted(&self.recipient, |p| recipient_matches(p, path))
            && wanted(&self.connector, |p| connector_matches(p, path))
            && wanted(&self.server, |p| server_matches(p, path, names))
            && wanted(&self.subject, |p| p.matches(path.subject))
    }
}

impl Filter {
    /// Bytes that every row of a wanted message holds, if one Message-ID is asked for.
    pub fn needle(&self) -> Option<&[u8]> {
        match self.message_id.as_slice() {
            [one] => one.needle(),
            _ => None,
        }
    }

    /// Whether nothing but a time is asked for.
    pub fn is_of_time(&self) -> bool {
        let whenever = Filter {
            since: None,
            until: None,
            ..self.clone()
        };
        whenever.is_empty() && self.limit.is_none()
    }

    /// A text that at least one row of every wanted message holds, in some letter case: of those that are asked for
    /// the longest, which is likely to be the rarest. Rows of Exchange 2010 and before have no network-message-id, and journal
    /// reports name the message by its Message-ID alone, so that the first is such a text too.
    pub fn piece(&self) -> Option<&[u8]> {
        let texts = [
            &self.sender,
            &self.recipient,
            &self.subject,
            &self.client_ip,
            &self.network_message_id,
        ];
        let single = texts.into_iter().filter(|patterns| patterns.len() == 1);
        let pieces = single.filter_map(|patterns| patterns[0].piece());
        let longest = pieces.max_by_key(|piece| piece.len())?;
        (longest.len() >= SHORTEST_PIECE).then_some(longest)
    }

    /// Whether nothing in particular is asked for.
    pub fn is_empty(&self) -> bool {
        let Filter {
            sender,
            recipient,
            message_id,
            network_message_id,
            subject,
            server,
            connector,
            client_ip,
            status,
            fates,
            direction,
            since,
            until,
            limit: _,
            include_probes: _,
        } = self;
        let texts = [
            sender,
            recipient,
            message_id,
            network_message_id,
            subject,
            server,
            connector,
            client_ip,
        ];
        texts.iter().all(|patterns| patterns.is_empty())
            && status.is_empty()
            && fates.is_empty()
            && direction.is_empty()
            && since.is_none()
            && until.is_none()
    }
}

/// Whether nothing is asked, or one of the wanted texts is there.
fn wanted(patterns: &[Pattern], found: impl Fn(&Pattern) -> bool) -> bool {
    patterns.is_empty() || patterns.iter().any(found)
}

/// Whether another id of a message is a network-message-id and no queue id or X.400 one: `8-4-4-4-12` hexadecimal digits.
fn is_network_id(id: &[u8]) -> bool {
    let digits = |(at, byte): (usize, &u8)| match at {
        8 | 13 | 18 | 23 => *byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    id.len() == 36 && id.iter().enumerate().all(digits)
}

fn id_matches(pattern: &Pattern, path: &Path) -> bool {
    pattern.matches_id(path.message_id) || path.other_ids.iter().any(|id| pattern.matches_id(id))
}

fn recipient_matches(pattern: &Pattern, path: &Path) -> bool {
    path.recipients.iter().any(|recipient| {
        pattern.matches(recipient.address)
            || recipient
                .via
                .iter()
                .any(|(_, address)| pattern.matches(address))
    })
}

fn connector_matches(pattern: &Pattern, path: &Path) -> bool {
    pattern.matches_connector(path.origin.connector)
        || path
            .hops
            .iter()
            .any(|hop| pattern.matches_connector(hop.connector))
}

/// A server that was handed the message but whose log is missing is found by the name the sender logged.
fn server_matches<'a>(
    pattern: &Pattern,
    path: &Path,
    names: &dyn Fn(ServerId) -> &'a BStr,
) -> bool {
    let own = path.hops.iter().map(|hop| hop.server);
    let deciding = path
        .recipients
        .iter()
        .filter_map(|recipient| recipient.server);
    let mut ids = own.chain(deciding).chain(path.origin.server);
    let silent = |r: &Recipient| match r.reason {
        Reason::NoLogOf(host) | Reason::NoRowOn(host) | Reason::HandedToMailbox(host) => {
            pattern.matches_host(host)
        }
        _ => false,
    };
    ids.any(|id| pattern.matches_host(names(id)))
        || path.recipients.iter().any(silent)
        || pattern.matches_host(path.origin.client_host)
        || path
            .hops
            .iter()
            .any(|hop| pattern.matches_host(hop.from) || pattern.matches_host(hop.to))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::example::{names, path};

    fn address(text: &str) -> Vec<Pattern> {
        vec![Pattern::address(text)]
    }

    fn exact(text: &str) -> Vec<Pattern> {
        vec![Pattern::exact(text)]
    }

    /// The example's messages that each flag finds or leaves.
    #[test]
    fn each_flag_by_itself() {
        let seen = path().first_seen;
        let table: Vec<(&str, Filter, bool)> = vec![
            ("nothing asked", Filter::default(), true),
            ("sender", only!(sender: address("ALICE@contoso.com")), true),
            (
                "sender domain",
                only!(sender: address("@contoso.com")),
                true,
            ),
            (
                "other sender",
                only!(sender: address("bob@contoso.com")),
                false,
            ),
            (
                "recipient",
                only!(recipient: address("bob@contoso.com")),
                true,
            ),
            ("list", only!(recipient: address("team@contoso.com")), true),
            (
                "before a rename",
                only!(recipient: address("c.smith@contoso.com")),
                true,
            ),
            (
                "nobody",
                only!(recipient: address("zed@contoso.com")),
                false,
            ),
            ("recipient star", only!(recipient: address("d*@*")), true),
            (
                "bare id",
                only!(message_id: vec![Pattern::message_id("Q1@contoso.com")]),
                true,
            ),
            (
                "network id",
                only!(network_message_id: exact("08DC-0001")),
                true,
            ),
            (
                "subject",
                only!(subject: vec![Pattern::substring("quarterly")]),
                true,
            ),
            (
                "other subject",
                only!(subject: vec![Pattern::substring("yearly")]),
                false,
            ),
            ("server", only!(server: exact("EX02.contoso.com")), true),
            ("server without log", only!(server: exact("ex03")), true),
            ("no such server", only!(server: exact("ex09")), false),
            (
                "connector",
                only!(connector: exact("Intra-Organization*")),
                true,
            ),
            ("client", only!(client_ip: exact("10.0.*")), true),
            (
                "name of the client",
                only!(client_ip: exact("PC17.contoso.com")),
                true,
            ),
            (
                "status",
                only!(status: vec![Status::Failed, Status::PartlyDelivered]),
                true,
            ),
            ("other status", only!(status: vec![Status::Failed]), false),
            ("a recipient's", only!(fates: vec![Fate::Failed]), true),
            (
                "no recipient's",
                only!(fates: vec![Fate::Quarantined]),
                false,
            ),
            (
                "direction",
                only!(direction: vec![Direction::Internal]),
                true,
            ),
            (
                "other direction",
                only!(direction: vec![Direction::Inbound]),
                false,
            ),
            ("since is inside", only!(since: Some(seen)), true),
            ("until is outside", only!(until: Some(seen)), false),
            ("until later", only!(until: Some(Time(seen.0 + 1))), true),
            ("since later", only!(since: Some(Time(seen.0 + 1))), false),
        ];
        for (name, filter, want) in table {
            assert_eq!(filter.matches(&path(), &names), want, "{name}");
        }
    }

    #[test]
    fn flags_must_agree_and_values_of_one_flag_need_not() {
        let mut filter = Filter {
            sender: [address("zed@contoso.com"), address("alice@*")].concat(),
            subject: vec![Pattern::substring("figures")],
            ..Filter::default()
        };
        assert!(filter.matches(&path(), &names));
        filter.direction = vec![Direction::Inbound];
        assert!(!filter.matches(&path(), &names));
    }

    #[test]
    fn probes_only_when_asked_for() {
        for class in [Class::Probe, Class::System] {
            let probe = Path { class, ..path() };
            let include = Filter {
                include_probes: true,
                ..Filter::default()
            };
            assert!(!Filter::default().matches(&probe, &names));
            assert!(include.matches(&probe, &names));
        }
    }
}
