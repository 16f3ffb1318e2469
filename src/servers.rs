//! The servers that rows speak of, and for which hours their own rows were read.
//!
//! In: what each chunk saw. Out: a small number per server, its short lower-case name, and its coverage:
//! whether a silence means "nothing happened" or "no log".

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use bstr::{BStr, BString, ByteSlice};
use serde::{Deserialize, Serialize};

use crate::address::short_host;
use crate::event::ServerId;
use crate::keys::Service;
use crate::time::{Time, union};

/// More names than this are hostile input; the rest share the last number.
const MAX_SERVERS: usize = 60_000;

/// What one server logged in one hour, by service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HourRows {
    pub rows: [u32; Service::COUNT],
    /// The last row of those with any.
    pub last: [Time; Service::COUNT],
}

impl HourRows {
    /// Whether the service has any.
    pub fn has(&self, service: Service) -> bool {
        self.rows[service as usize] > 0
    }

    fn merge(&mut self, other: HourRows) {
        for (mine, rows) in self.rows.iter_mut().zip(other.rows) {
            *mine += rows;
        }
        for (mine, last) in self.last.iter_mut().zip(other.last) {
            *mine = last.max(*mine);
        }
    }
}

/// What was read of one server's own rows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    pub rows: u64,
    pub bytes: u64,
    /// UTC hours (since 1970) with rows.
    pub hours: BTreeMap<i64, HourRows>,
    /// First and last row of each service, where there is any.
    pub spans: [Option<(Time, Time)>; Service::COUNT],
}

impl Coverage {
    fn merge(&mut self, other: Coverage) {
        self.rows += other.rows;
        self.bytes += other.bytes;
        for (hour, rows) in other.hours {
            self.hours.entry(hour).or_default().merge(rows);
        }
        for (mine, span) in self.spans.iter_mut().zip(other.spans) {
            *mine = union(*mine, span);
        }
    }

    /// First and last row of all services, where there is any.
    pub fn span(&self) -> Option<(Time, Time)> {
        self.spans.into_iter().fold(None, union)
    }

    /// Rows of one service, all hours.
    pub fn service_rows(&self, service: Service) -> u64 {
        self.hours
            .values()
            .map(|hour| u64::from(hour.rows[service as usize]))
            .sum()
    }

    /// Whether the service's first row is not later than `time`.
    fn begins_by(&self, service: Service, time: Time) -> bool {
        self.spans[service as usize].is_some_and(|(first, _)| first <= time)
    }

    /// Whether the service has rows in the hour of `time` or the one after it.
    fn has_near(&self, service: Service, time: Time) -> bool {
        let mut near = self.hours.range(time.hour()..=time.hour() + 1);
        near.any(|(_, hour)| hour.has(service))
    }

    /// Whether any of the services has a row later than `time`, but not later than `span` after it: what comes after the
    /// horizon must not change an answer that may have been given by then.
    pub fn goes_on_after(&self, services: &[Service], time: Time, span: i64) -> bool {
        let until = Time(time.0.saturating_add(span)).hour();
        let later = |(at, hour): (&i64, &HourRows)| {
            services.iter().any(|&service| {
                hour.has(service) && (*at > time.hour() || hour.last[service as usize] > time)
            })
        };
        let hours = time.hour()..=until.max(time.hour() + 1);
        self.hours.range(hours).any(later)
    }
}

/// One chunk's own servers, in the order they turned up.
#[derive(Debug, Default)]
pub struct Seen {
    entries: Vec<Entry>,
}

/// One server of a chunk. Rows of one hour stand together, so that they are counted beside the table first.
#[derive(Debug, Default)]
struct Entry {
    name: BString,
    coverage: Coverage,
    hour: i64,
    rows: HourRows,
}

impl Entry {
    /// Brings the counts of the hour at hand into the table.
    fn close_hour(&mut self) {
        let rows = std::mem::take(&mut self.rows);
        if rows != HourRows::default() {
            let hour = self.coverage.hours.entry(self.hour).or_default();
            hour.merge(rows);
        }
    }
}

impl Seen {
    /// The chunk's number for a host; a new one gets the next number.
    pub fn server(&mut self, host: &[u8]) -> u16 {
        let short = short_host(host);
        if let Some(at) = self
            .entries
            .iter()
            .position(|entry| entry.name.eq_ignore_ascii_case(short))
        {
            return at as u16;
        }
        if self.entries.len() < MAX_SERVERS {
            self.entries.push(Entry {
                name: short.to_ascii_lowercase().into(),
                ..Entry::default()
            });
        }
        (self.entries.len() - 1) as u16
    }

    /// The name of a number.
    pub fn name(&self, server: u16) -> &BStr {
        self.entries
            .get(usize::from(server))
            .map_or(BStr::new(b""), |entry| entry.name.as_bstr())
    }

    /// All names.
    pub fn names(&self) -> impl Iterator<Item = &BStr> {
        self.entries
            .iter()
            .filter(|entry| entry.coverage.rows > 0)
            .map(|entry| entry.name.as_bstr())
    }

    /// Takes in what another part of the chunk saw; the table turns that part's numbers into these.
    pub fn merge(&mut self, other: Seen) -> Vec<u16> {
        let take = |mut entry: Entry| {
            let number = self.server(&entry.name);
            entry.close_hour();
            self.entries[usize::from(number)]
                .coverage
                .merge(entry.coverage);
            number
        };
        other.entries.into_iter().map(take).collect()
    }

    /// Keeps the names alone: an earlier run has counted these rows.
    pub fn forget_counts(&mut self) {
        for entry in &mut self.entries {
            (entry.coverage, entry.rows) = (Coverage::default(), HourRows::default());
        }
    }

    /// Counts a row that this server logged.
    #[inline]
    pub fn count(&mut self, server: u16, service: Service, time: Time, bytes: usize) {
        let entry = &mut self.entries[usize::from(server)];
        if entry.hour != time.hour() {
            entry.close_hour();
            entry.hour = time.hour();
        }
        entry.rows.rows[service as usize] += 1;
        let last = &mut entry.rows.last[service as usize];
        *last = time.max(*last);
        let coverage = &mut entry.coverage;
        coverage.rows += 1;
        coverage.bytes += bytes as u64;
        let span = &mut coverage.spans[service as usize];
        let (first, last) = span.unwrap_or((time, time));
        *span = Some((first.min(time), last.max(time)));
    }
}

/// All servers of a run.
#[derive(Clone, Debug, Default)]
pub struct Servers {
    names: Vec<BString>,
    coverage: Vec<Coverage>,
    index: hashbrown::HashMap<BString, u16, foldhash::fast::RandomState>,
    /// What is known of rows that are still to be read, by number, where all logs were looked through beforehand.
    foreseen: Vec<Coverage>,
    /// Names known to have rows of their own before those were read.
    surveyed: BTreeSet<BString>,
    /// DNS domains in which servers of Exchange lie that have logs, lower case.
    suffixes: BTreeSet<BString>,
    /// Other names and addresses of servers, lower case, and the name they go by.
    aliases: BTreeMap<BString, BString>,
    /// Whole names, lower case, of hosts that are no servers although their first part is one's name.
    strangers: BTreeSet<BString>,
}

impl Servers {
    /// Takes in a chunk's servers; the table turns the chunk's numbers into the run's.
    pub fn merge(&mut self, seen: Seen) -> Vec<ServerId> {
        seen.entries
            .into_iter()
            .map(|mut entry| {
                entry.close_hour();
                self.add(entry.name, entry.coverage)
            })
            .collect()
    }

    fn add(&mut self, name: BString, coverage: Coverage) -> ServerId {
        let id = match self.index.get(&name) {
            Some(id) => *id,
            None if self.names.len() >= MAX_SERVERS => (self.names.len() - 1) as u16,
            None => {
                let id = self.names.len() as u16;
                self.names.push(name.clone());
                self.coverage.push(Coverage::default());
                self.index.insert(name, id);
                id
            }
        };
        self.coverage[usize::from(id)].merge(coverage);
        ServerId(id)
    }

    /// The short lower-case name; empty for a row that names no server.
    pub fn name(&self, id: ServerId) -> &BStr {
        // Where only a sample is looked at, servers have no numbers yet.
        let name = self.names.get(usize::from(id.0));
        name.map_or(BStr::new(b""), |name| name.as_bstr())
    }

    /// All names by number.
    pub fn names(&self) -> Vec<String> {
        self.names.iter().map(ToString::to_string).collect()
    }

    /// What was read of this server's rows.
    pub fn coverage(&self, id: ServerId) -> &Coverage {
        &self.coverage[usize::from(id.0)]
    }

    /// Takes in what a chunk will say of its servers when it is read: no answer depends on how much was read by then.
    pub fn foresee(&mut self, seen: Seen) {
        for mut entry in seen.entries {
            entry.close_hour();
            let id = usize::from(self.add(entry.name, Coverage::default()).0);
            self.foreseen.resize(self.names.len(), Coverage::default());
            self.foreseen[id].merge(entry.coverage);
        }
    }

    /// Whether the service's log had begun by `time`, and has rows in that hour or the one after it, among what was or
    /// will be read. It may end within that hour: what comes behind the horizon is not known yet, so the last
    /// row of all must not be asked for here, but [`Coverage::goes_on_after`].
    pub fn covers(&self, id: ServerId, service: Service, time: Time) -> bool {
        let at = usize::from(id.0);
        let known = || {
            let known = [self.coverage.get(at), self.foreseen.get(at)];
            known.into_iter().flatten()
        };
        known().any(|coverage| coverage.begins_by(service, time))
            && known().any(|coverage| coverage.has_near(service, time))
    }

    /// The server of a host name, if any row named it as the place where something happened.
    pub fn find(&self, host: &[u8]) -> Option<ServerId> {
        let mut buffer = [0; 128];
        if !self.strangers.is_empty()
            && self
                .strangers
                .contains(BStr::new(&lower(host, &mut buffer)))
        {
            return None;
        }
        let short = lower(short_host(host), &mut buffer);
        let id = match self.index.get(BStr::new(&short)) {
            None if !self.aliases.is_empty() => {
                let alias = self.aliases.get(BStr::new(&lower(host, &mut buffer)))?;
                self.index.get(alias)
            }
            id => id,
        };
        id.map(|id| ServerId(*id))
    }

    /// Says which other names and addresses are a server's.
    pub fn alias(&mut self, aliases: &BTreeMap<BString, BString>) {
        let lower = aliases
            .iter()
            .map(|(alias, name)| (alias.to_ascii_lowercase().into(), name.clone()));
        self.aliases.extend(lower);
    }

    /// Says which names are not those of servers, although their first part is.
    pub fn keep_apart(&mut self, strangers: &BTreeSet<BString>) {
        self.strangers.extend(strangers.iter().cloned());
    }

    /// Other names and addresses of servers, each with the server's name.
    pub fn aliases(&self) -> &BTreeMap<BString, BString> {
        &self.aliases
    }

    /// All names by number, each with what was read: enough to go on from in another run.
    pub fn all(&self) -> Vec<(Vec<u8>, Coverage)> {
        let names = self.names.iter().map(|name| name.to_vec());
        names.zip(self.coverage.iter().cloned()).collect()
    }

    /// What an earlier run knew by [`Servers::all`].
    pub fn of(all: Vec<(Vec<u8>, Coverage)>) -> Servers {
        let mut servers = Servers::default();
        for (name, coverage) in all {
            servers.add(name.into(), coverage);
        }
        servers
    }

    /// Says beforehand which servers have logs among the inputs and in which DNS domains they lie, so that it does not
    /// matter which is read first.
    pub fn survey(&mut self, names: BTreeSet<BString>, suffixes: BTreeSet<BString>) {
        (self.surveyed, self.suffixes) = (names, suffixes);
    }

    /// Whether a host is of the organisation: its logs are here, or it lies in the DNS domain of a server whose logs are, or
    /// below it.
    pub fn is_own(&self, host: &[u8]) -> bool {
        let mut buffer = [0; 128];
        let full = lower(host, &mut buffer);
        let mut parents = full.find_iter(b".").map(|dot| BStr::new(&full[dot + 1..]));
        self.has_log(host) || parents.any(|parent| self.suffixes.contains(parent))
    }

    /// Whether the inputs hold logs that this host wrote.
    pub fn has_log(&self, host: &[u8]) -> bool {
        let mut buffer = [0; 128];
        self.surveyed
            .contains(BStr::new(&lower(short_host(host), &mut buffer)))
    }

    /// Name and coverage of all servers with rows of their own, by name.
    pub fn read(&self) -> Vec<(&BStr, &Coverage)> {
        let mut read: Vec<_> = self
            .names
            .iter()
            .map(|name| name.as_bstr())
            .zip(&self.coverage)
            .collect();
        read.retain(|(name, coverage)| coverage.rows > 0 && !name.is_empty());
        read.sort_by_key(|(name, _)| *name);
        read
    }
}

/// The DNS domain in a server's full name. One without a dot is a top-level domain for all that is known: it says nothing.
pub fn dns_suffix(host: &[u8]) -> Option<&[u8]> {
    let suffix = host[short_host(host).len()..].strip_prefix(b".")?;
    suffix
        .trim_with(|c| c == '.')
        .contains(&b'.')
        .then_some(suffix)
}

/// In lower case, in the buffer if it fits.
fn lower<'b>(text: &[u8], buffer: &'b mut [u8; 128]) -> Cow<'b, [u8]> {
    match buffer.get_mut(..text.len()) {
        Some(lower) => {
            lower.copy_from_slice(text);
            lower.make_ascii_lowercase();
            Cow::Borrowed(lower)
        }
        None => Cow::Owned(text.to_ascii_lowercase()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{HOUR, SECOND};

    #[test]
    fn each_service_has_a_first_and_a_last_row_in_whatever_order_chunks_come() {
        let at = |second: i64| Time(second * SECOND);
        let chunk = |rows: &[(Service, i64)]| {
            let mut seen = Seen::default();
            for (service, second) in rows {
                let server = seen.server(b"EX01.x");
                seen.count(server, *service, at(*second), 100);
            }
            seen
        };
        let (transport, delivery) = (Service::Transport, Service::Delivery);
        let early = || chunk(&[(transport, 9), (delivery, 5), (transport, 1)]);
        let late = || chunk(&[(transport, 4000), (delivery, 8), (delivery, 3)]);
        for chunks in [[early(), late()], [late(), early()]] {
            let mut servers = Servers::default();
            for chunk in chunks {
                servers.merge(chunk);
            }
            let coverage = servers.coverage(ServerId(0));
            let spans = [None, Some((at(1), at(4000))), Some((at(3), at(8)))];
            assert_eq!(coverage.spans, spans);
            assert_eq!(coverage.span(), spans[1]);
        }
        assert_eq!(Coverage::default().span(), None);
    }

    #[test]
    fn hosts_of_the_servers_dns_domain_are_own() {
        let mut servers = Servers::default();
        let suffix = dns_suffix(b"ex01.corp.example").unwrap();
        servers.survey(["edge9".into()].into(), [suffix.into()].into());
        for own in [
            "EX02.Corp.Example",
            "ex03.north.corp.example",
            "edge9.dmz.test",
        ] {
            assert!(servers.is_own(own.as_bytes()), "{own}");
        }
        for other in [
            "corp.example",
            "mx.bcorp.example",
            "mx.example",
            "ex02",
            "",
            "10.1.2.3",
        ] {
            assert!(!servers.is_own(other.as_bytes()), "{other}");
        }
        // Else all hosts of a top-level domain were own.
        for vague in ["ex01.com", "ex01", "ex01.com.", "10.1.2.3", "ex01."] {
            assert_eq!(dns_suffix(vague.as_bytes()), None, "{vague}");
        }
    }

    #[test]
    fn a_log_covers_no_time_before_its_first_row_and_what_comes_later_changes_no_answer() {
        let minute = |minute: i64| Time(minute * 60 * SECOND);
        // From half past one to ten past three, and from six on; then two days later.
        let parts: [&[i64]; 2] = [&[90, 100, 190, 360, 370], &[50 * 60]];
        for parts in [&parts[..1], &parts] {
            let mut servers = Servers::default();
            for at in parts.concat() {
                let mut seen = Seen::default();
                let server = seen.server(b"ex01");
                seen.count(server, Service::Transport, minute(at), 100);
                servers.merge(seen);
            }
            let id = ServerId(0);
            let covers = |at: i64| servers.covers(id, Service::Transport, minute(at));
            assert!([90, 95, 230, 300, 360, 400].into_iter().all(covers));
            assert!(![10, 61, 89, 241, 299, 421].into_iter().any(covers));
            assert!(!servers.covers(id, Service::Delivery, minute(95)));
            let coverage = servers.coverage(id);
            let goes_on = |at: i64| {
                let of =
                    |services: &[Service]| coverage.goes_on_after(services, minute(at), 5 * HOUR);
                let on = of(&Service::ALL);
                assert_eq!(on, of(&[Service::Transport]));
                assert!(!of(&[Service::Delivery]));
                on
            };
            assert!([80, 99, 100, 230, 369].into_iter().all(goes_on));
            assert!(![370, 371, 400].into_iter().any(goes_on), "{parts:?}");
        }
    }
}
