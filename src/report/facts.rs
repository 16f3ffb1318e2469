//! Facts of several runs brought together, for saved days.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use super::{BadRows, EventCount, Facts, ServerFacts};
use crate::time::Time;

/// Examples kept of rows that could not be read.
const EXAMPLES: usize = 5;

impl Facts {
    /// Of a run that read nothing.
    pub fn none() -> Facts {
        Facts {
            tool: String::new(),
            zone: TimeZone::UTC,
            from: None,
            to: None,
            files: 0,
            bytes: 0,
            rows: 0,
            bad_rows: 0,
            rows_twice: 0,
            rows_without_message: 0,
            seconds: 0.0,
            servers: Vec::new(),
            own_domains: Vec::new(),
            domains_guessed: false,
            only: Vec::new(),
            veil: None,
            skipped_files: Vec::new(),
            events: Vec::new(),
            bad_row_reasons: Vec::new(),
            missing_files: Vec::new(),
            state: None,
            saved_files: 0,
        }
    }

    /// Adds what another run knows.
    pub fn merge(&mut self, other: Facts) {
        self.from = self.from.min(other.from).or(self.from).or(other.from);
        self.to = self.to.max(other.to);
        self.files += other.files;
        self.bytes += other.bytes;
        self.rows += other.rows;
        self.bad_rows += other.bad_rows;
        self.rows_twice += other.rows_twice;
        self.rows_without_message += other.rows_without_message;
        self.seconds += other.seconds;
        self.domains_guessed |= other.domains_guessed;
        self.own_domains.extend(other.own_domains);
        self.own_domains.sort();
        self.own_domains.dedup();
        extend_new(&mut self.only, other.only);
        self.veil = self.veil.take().or(other.veil);
        // Days may have been read from one folder.
        extend_new(&mut self.skipped_files, other.skipped_files);
        extend_new(&mut self.missing_files, other.missing_files);
        merge_servers(&mut self.servers, other.servers);
        merge_events(&mut self.events, other.events);
        for more in other.bad_row_reasons {
            match self
                .bad_row_reasons
                .iter_mut()
                .find(|bad| bad.reason == more.reason)
            {
                Some(bad) => merge_bad_rows(bad, more),
                None => self.bad_row_reasons.push(more),
            }
        }
    }
}

impl ServerFacts {
    /// Bytes of its rows; of a stretch of time only the rows are known.
    pub fn known_bytes(&self) -> Option<u64> {
        (self.bytes > 0 || self.rows == 0).then_some(self.bytes)
    }
}

fn extend_new<T: Ord>(all: &mut Vec<T>, more: Vec<T>) {
    all.extend(more);
    all.sort();
    all.dedup();
}

fn merge_servers(servers: &mut Vec<ServerFacts>, others: Vec<ServerFacts>) {
    for other in others {
        let Some(server) = servers.iter_mut().find(|server| server.name == other.name) else {
            servers.push(other);
            continue;
        };
        let ends = ends(server, &other);
        (server.first, server.last) = ends;
        server.bytes = match (server.known_bytes(), other.known_bytes()) {
            (Some(bytes), Some(more)) => bytes + more,
            _ => 0,
        };
        server.rows += other.rows;
        // Both may have read the same rows.
        for (hour, rows) in other.hours {
            let known = server.hours.entry(hour).or_default();
            *known = rows.max(*known);
        }
        server.around.extend(other.around);
        for service in other.services {
            if !server.services.contains(&service) {
                server.services.push(service);
            }
        }
    }
}

/// First and last row of two stretches of time: those of the one that begins first, and of the one that ends last. Not
/// known, if they are not known of that one.
fn ends(a: &ServerFacts, b: &ServerFacts) -> (Option<Time>, Option<Time>) {
    let (from, to) = (
        [a, b].map(|of| of.hours.keys().next().copied().unwrap_or(i64::MAX)),
        [a, b].map(|of| of.hours.keys().next_back().copied().unwrap_or(i64::MIN)),
    );
    let first = match from[0].cmp(&from[1]) {
        Ordering::Less => a.first,
        Ordering::Greater => b.first,
        Ordering::Equal => a.first.zip(b.first).map(|(a, b)| a.min(b)),
    };
    let last = match to[0].cmp(&to[1]) {
        Ordering::Less => b.last,
        Ordering::Greater => a.last,
        // Of two without rows, the last there was before.
        Ordering::Equal if to[0] == i64::MIN => a.last.max(b.last),
        Ordering::Equal => a.last.zip(b.last).map(|(a, b)| a.max(b)),
    };
    (first, last)
}

fn merge_events(events: &mut Vec<EventCount>, others: Vec<EventCount>) {
    let key = |event: &EventCount| (event.source.clone(), event.event.clone());
    let mut sums: BTreeMap<(String, String), EventCount> = std::mem::take(events)
        .into_iter()
        .map(|event| (key(&event), event))
        .collect();
    for other in others {
        match sums.get_mut(&key(&other)) {
            Some(event) => event.count += other.count,
            None => drop(sums.insert(key(&other), other)),
        }
    }
    events.extend(sums.into_values());
}

fn merge_bad_rows(bad: &mut BadRows, more: BadRows) {
    bad.count += more.count;
    bad.first.extend(more.first);
    bad.first.truncate(EXAMPLES);
}
