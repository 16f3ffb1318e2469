//! Facts of several runs brought together, for saved days.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use super::{BadRows, EventCount, Facts, ServerFacts};

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
            seconds: 0.0,
            servers: Vec::new(),
            own_domains: Vec::new(),
            domains_guessed: false,
            skipped_files: Vec::new(),
            events: Vec::new(),
            bad_row_reasons: Vec::new(),
            missing_files: Vec::new(),
            state: None,
            runs: 0,
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
        self.seconds += other.seconds;
        self.domains_guessed |= other.domains_guessed;
        self.own_domains.extend(other.own_domains);
        self.own_domains.sort();
        self.own_domains.dedup();
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
        server.first = server
            .first
            .min(other.first)
            .or(server.first)
            .or(other.first);
        server.last = server.last.max(other.last);
        let rows =
            |server: &ServerFacts| u128::from(server.usual_rows) * server.hours.len() as u128;
        server.usual_rows = match (server.hours.len() + other.hours.len()) as u128 {
            0 => server.usual_rows.max(other.usual_rows),
            hours => ((rows(server) + rows(&other)) / hours) as u64,
        };
        server.rows += other.rows;
        server.bytes += other.bytes;
        server.hours.extend(other.hours);
        server.hours.sort_unstable();
        server.hours.dedup();
        for service in other.services {
            if !server.services.contains(&service) {
                server.services.push(service);
            }
        }
    }
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
