//! How much is joined at a time.
//!
//! In: a plan's chunks in the order of time. Out: windows, runs of chunks that are read and joined together.

use std::ops::Range;

use super::Plan;
use crate::dialect;
use crate::time::HOUR;

/// Windows are at most about this long unless said otherwise: longer ones are no faster.
pub const WINDOW_BYTES: u64 = 64 << 20;
/// Shorter windows only cost time.
const SHORTEST_WINDOW_BYTES: u64 = 8 << 20;
/// A day of logs has at least so many windows, so that the rows of a window are little against it.
const WINDOWS_A_DAY: u64 = 16;
/// Every thread has so much of a window at least.
const WINDOW_BYTES_A_THREAD: u64 = 4 << 20;
/// A chunk of a small file counts as so long: what is kept of a chunk while its window is joined is as much.
const SMALLEST_BYTES: u64 = 8 << 10;

impl Plan {
    /// How long windows are best: what a window holds is to be little against a day of these logs, be there one day or a
    /// year of them. `at_once`: messages are handed over when all is read, so that rows of more than one window would
    /// have to be read again.
    pub fn window_bytes(&self, at_once: bool) -> u64 {
        let bytes: u64 = self.chunks.iter().map(|c| (c.end - c.start) as u64).sum();
        // Logs that name each other's messages are read twice, too.
        let has_ties = || self.chunks.iter().any(|c| dialect::has_ties(&c.layout));
        if at_once && bytes <= WINDOW_BYTES || has_ties() {
            return WINDOW_BYTES;
        }
        let times = || self.chunks.iter().filter_map(|chunk| chunk.time);
        let span = times().max().zip(times().min());
        let hours = span.map_or(0, |(last, first)| last.0.saturating_sub(first.0) / HOUR) as u64;
        let threads = rayon::current_num_threads() as u64;
        let shortest = (threads * WINDOW_BYTES_A_THREAD).max(SHORTEST_WINDOW_BYTES);
        let of_a_day = bytes * 24 / hours.max(24) / WINDOWS_A_DAY;
        of_a_day.max(shortest).min(WINDOW_BYTES)
    }

    /// Chunks by window: each of about so many bytes.
    pub fn windows(&self, window_bytes: u64) -> Vec<Range<usize>> {
        let mut windows = Vec::new();
        let (mut start, mut bytes) = (0, 0);
        for (i, chunk) in self.chunks.iter().enumerate() {
            bytes += ((chunk.end - chunk.start) as u64).max(SMALLEST_BYTES.min(window_bytes / 4));
            if bytes >= window_bytes || i + 1 == self.chunks.len() {
                windows.push(start..i + 1);
                (start, bytes) = (i + 1, 0);
            }
        }
        windows
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::Inputs;
    use crate::plan::{CHUNK_BYTES, Chunk};
    use crate::time::Time;

    const MODERN: &str = "#Software: Microsoft Exchange Server\r\n#Log-type: Message Tracking Log\r\n\
        #Fields: date-time,client-ip,server-hostname,event-id,message-id\r\n\
        2026-03-02T09:00:00.000Z,,ex01,RECEIVE,<a@x>\r\n";
    const POSTFIX: &str = "Mar  2 09:00:00 mx1 postfix/qmgr[1]: 4F1B2C3D4E: removed\n";
    const DAY_BYTES: usize = 480 << 20;

    /// So many days of `DAY_BYTES`, as if `log` were so long, in chunks of an hour.
    fn plan(log: &str, days: i64) -> Plan {
        let mut inputs = Inputs::from_memory(vec![("x".into(), log.into())]);
        let mut plan = Plan::new(&mut inputs, CHUNK_BYTES);
        let hour = |hour: i64| Chunk {
            start: 0,
            end: DAY_BYTES / 24,
            time: Some(Time(hour * HOUR)),
            ..plan.chunks[0].clone()
        };
        plan.chunks = (0..24 * days).map(hour).collect();
        plan
    }

    #[test]
    fn a_window_is_a_part_of_a_day_however_many_days_there_are() {
        let window = |days| plan(MODERN, days).window_bytes(false);
        let part = DAY_BYTES as u64 / WINDOWS_A_DAY;
        assert!(window(1).abs_diff(part) <= part / 16, "{}", window(1));
        assert!(window(30).abs_diff(window(1)) <= part / 16);
        assert_eq!(plan(MODERN, 1).window_bytes(true), window(1));
        let short = |at_once| {
            let mut plan = plan(MODERN, 1);
            plan.chunks.truncate(1);
            plan.window_bytes(at_once)
        };
        assert!(short(false) < WINDOW_BYTES && short(true) == WINDOW_BYTES);
    }

    #[test]
    fn logs_that_name_messages_of_others_are_read_in_long_windows() {
        assert_eq!(plan(POSTFIX, 1).window_bytes(false), WINDOW_BYTES);
    }

    #[test]
    fn windows_hold_every_chunk_once() {
        let plan = plan(MODERN, 2);
        for bytes in [1, 1 << 20, 50 << 20, u64::MAX] {
            let windows = plan.windows(bytes);
            assert!(windows.windows(2).all(|two| two[0].end == two[1].start));
            let ends = (windows[0].start, windows[windows.len() - 1].end);
            assert_eq!(ends, (0, plan.chunks.len()));
        }
    }
}
