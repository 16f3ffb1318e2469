//! How far logs go, and which messages are therefore over.
//!
//! In: the ends of all files, and what earlier runs knew of servers. Out: an instant up to which every server's log was
//! read, and the closing line that follows from it.

use crate::dialect::{self, Aim};
use crate::input::Inputs;
use crate::join::shard::LATE;
use crate::keys::{Keys, Service};
use crate::plan::{Plan, slice};
use crate::servers::Servers;
use crate::time::{DAY, Time};

/// So much of the end of a file is looked at to tell how far its server's logs go.
const END_BYTES: usize = 64 << 10;

/// How far the logs of all servers go: the earliest last row of any server's service. Servers that are silent for longer
/// than `silence` are not waited for, and times after `now` are believed for a day.
pub fn reach(
    inputs: &Inputs,
    plan: &Plan,
    earlier: &Servers,
    silence: i64,
    now: Time,
) -> Option<Time> {
    let mut ends = earlier.clone();
    let keys = Keys::default();
    for chunk in plan.chunks.iter().filter(|chunk| !chunk.carried) {
        let log = &inputs.files[chunk.file as usize];
        if chunk.end == log.range().end {
            let data = &log.bytes()[..chunk.end];
            let from = chunk.start.max(chunk.end.saturating_sub(END_BYTES));
            let from = dialect::next_record(&chunk.layout, data, from).max(chunk.start);
            let end = dialect::Slice {
                data: &data[from..],
                start: from as u64,
                ..slice(inputs, chunk, 0)
            };
            ends.merge(dialect::parse(end, &chunk.layout, &keys, Aim::Rows).seen);
        }
    }
    let servers = ends.read();
    let last = |service: Service| {
        servers
            .iter()
            .filter_map(move |(_, c)| c.spans[service as usize])
            .map(|(_, last)| last)
    };
    let lasts: Vec<Time> = Service::ALL.into_iter().flat_map(last).collect();
    let latest = lasts
        .iter()
        .filter(|last| last.0 <= now.0.saturating_add(DAY))
        .max()?;
    let alive = lasts.iter().filter(|last| last.0 >= latest.0 - silence);
    alive.min().copied()
}

/// The closing line that follows from how far the logs go.
pub fn closed_until(reach: Option<Time>, before: Option<Time>, horizon: i64) -> Option<Time> {
    let line = reach.map(|reach| Time(reach.0 - horizon - LATE));
    line.max(before)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::saved::samples::planned;
    use crate::servers::Coverage;

    #[test]
    fn logs_reach_as_far_as_the_slowest_server_that_is_alive() {
        let (inputs, plan) = planned();
        let at = |text: &str| crate::time::parse_iso(text.as_bytes()).unwrap();
        let now = at("2026-03-02T10:00:00Z");
        let reached = |earlier: &Servers| reach(&inputs, &plan, earlier, DAY, now).unwrap();
        assert_eq!(reached(&Servers::default()), at("2026-03-02T09:00:01Z"));
        let server = |name: &[u8], last: &str| {
            let mut coverage = Coverage {
                rows: 1,
                ..Coverage::default()
            };
            coverage.spans[0] = Some((at(last), at(last)));
            Servers::of(vec![(name.to_vec(), coverage)])
        };
        assert_eq!(
            reached(&server(b"late", "2026-03-01T22:00:00Z")),
            at("2026-03-01T22:00:00Z")
        );
        for (of, last) in [
            ("gone", "2026-02-20T22:00:00Z"),
            ("from the future", "2031-01-01T00:00:00Z"),
        ] {
            assert_eq!(
                reached(&server(of.as_bytes(), last)),
                at("2026-03-02T09:00:01Z"),
                "{of}"
            );
        }
        let line = closed_until(Some(now), None, DAY);
        assert_eq!(line, Some(at("2026-03-01T04:00:00Z")));
        assert_eq!(closed_until(None, line, DAY), line);
        assert_eq!(
            closed_until(Some(at("2026-01-01T00:00:00Z")), line, DAY),
            line
        );
    }
}
