//! The order of events of one instant that stand in several files.
//!
//! In: events in order of time and place. Out: the same, but files whose rows share an instant follow each other by what
//! those rows say: a log under another name is the same log. Rows of one file stay in its order.

use crate::event::Event;
use crate::servers::Servers;

/// Brings the events of each instant in order.
pub(super) fn order(events: &mut [Event<'_>], servers: &Servers) {
    let is_shared = |pair: &[Event<'_>]| {
        pair[0].time == pair[1].time && pair[0].place.file != pair[1].place.file
    };
    if events.windows(2).any(is_shared) {
        for instant in events.chunk_by_mut(|a, b| a.time == b.time) {
            by_text(instant, servers);
        }
    }
}

/// Each file goes by its first event.
fn by_text(instant: &mut [Event<'_>], servers: &Servers) {
    let mut firsts: Vec<(u32, usize)> = (instant.iter().zip(0..))
        .map(|(event, i)| (event.place.file, i))
        .collect();
    firsts.sort_unstable();
    firsts.dedup_by_key(|(file, _)| *file);
    if firsts.len() < 2 {
        return;
    }
    firsts.sort_by_cached_key(|(file, i)| {
        let event = &instant[*i];
        let server = (servers.name(event.server), event.service as usize);
        let peer = (event.client_host().text(), event.client_ip().text());
        let id = event.network_message_id().text();
        let what = (event.connector().text(), event.recipients.0, id);
        (server, peer, what, *file)
    });
    let mut ranks: Vec<(u32, usize)> = firsts.into_iter().map(|(file, _)| file).zip(0..).collect();
    ranks.sort_unstable();
    instant.sort_by_cached_key(|event| {
        let at = ranks.partition_point(|(file, _)| *file < event.place.file);
        ranks[at].1
    });
}
