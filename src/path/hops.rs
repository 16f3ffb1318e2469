//! The stays of a message's copies on servers, in the order the message passed them.
//!
//! In: events. Out: [`Hop`]s: one per way out of a server (forks on one server are one stay with several ways out).

use bstr::BStr;

use super::{Hop, HopRole};
use crate::event::{Event, Link, Next, Place, Role, ServerId};
use crate::keys::Service;
use crate::servers::Servers;
use crate::time::Time;

/// Hops of a message, submission first, then by causality as far as arrival times tell.
pub fn hops<'d>(events: &[Event<'d>], servers: &Servers) -> Vec<Hop<'d>> {
    let mut hops: Vec<Hop<'d>> = Vec::new();
    for event in events {
        match event.role {
            Role::Submit => submitted(event, &mut hops),
            Role::Send | Role::Leave => {
                let (received, from, link) = arrival(event, events);
                let role = if event.role == Role::Leave {
                    HopRole::Edge
                } else {
                    HopRole::Transport
                };
                hops.push(Hop {
                    server: event.server,
                    role,
                    received,
                    from,
                    sent: Some(event.time),
                    to: event.server_host.text(),
                    connector: event.connector.text(),
                    place: Some(event.place),
                    link,
                });
            }
            Role::Deliver => delivered(event, events, &mut hops),
            _ => {}
        }
    }
    for event in events
        .iter()
        .filter(|e| matches!(e.role, Role::Receive | Role::Report))
    {
        let left = hops
            .iter()
            .any(|h| h.server == event.server && is_transport(h.role));
        if !left && event.service == Service::Transport {
            hops.push(stay(event, events));
        }
    }
    let rank = |hop: &Hop<'_>| {
        (
            order(hop, events, servers),
            hop.received.or(hop.sent),
            hop.place,
        )
    };
    hops.sort_by_cached_key(rank);
    hops
}

fn is_transport(role: HopRole) -> bool {
    matches!(role, HopRole::Transport | HopRole::Edge)
}

fn submitted<'d>(event: &Event<'d>, hops: &mut Vec<Hop<'d>>) {
    let leaves = event.name == "SUBMIT";
    let known = hops
        .iter_mut()
        .find(|h| h.role == HopRole::Submit && h.server == event.server);
    match known {
        Some(hop) if leaves => {
            hop.sent = Some(event.time);
            hop.to = event.server_host.text();
        }
        Some(_) => {}
        None => hops.push(Hop {
            server: event.server,
            role: HopRole::Submit,
            received: (!leaves).then_some(event.time),
            from: event.client_host.text(),
            sent: leaves.then_some(event.time),
            to: if leaves {
                event.server_host.text()
            } else {
                BStr::new(b"")
            },
            connector: event.connector.text(),
            place: Some(event.place),
            link: None,
        }),
    }
}

fn delivered<'d>(event: &Event<'d>, events: &[Event<'d>], hops: &mut Vec<Hop<'d>>) {
    if event.service == Service::Delivery {
        hops.push(Hop {
            server: event.server,
            role: HopRole::Delivery,
            received: None,
            from: event.client_host.text(),
            sent: Some(event.time),
            to: BStr::new(b""),
            connector: event.connector.text(),
            place: Some(event.place),
            link: None,
        });
    } else {
        let (received, from, link) = arrival(event, events);
        hops.push(Hop {
            server: event.server,
            role: HopRole::Delivery,
            received,
            from,
            sent: Some(event.time),
            to: event.server_host.text(),
            connector: event.connector.text(),
            place: Some(event.place),
            link,
        });
    }
}

/// A copy that came and of which no row says that it left.
fn stay<'d>(event: &Event<'d>, events: &[Event<'d>]) -> Hop<'d> {
    Hop {
        server: event.server,
        role: HopRole::Transport,
        received: Some(event.time),
        from: event.client_host.text(),
        sent: None,
        to: BStr::new(b""),
        connector: event.connector.text(),
        place: Some(event.place),
        link: link_to(event.copy, events),
    }
}

/// The row that proves where a copy came from.
fn link_to(copy: u64, events: &[Event<'_>]) -> Option<(Link, Place)> {
    let leads_here =
        |e: &&Event<'_>| matches!(e.next, Next::Server { copy: next, .. } if next == copy);
    let mut proofs = events.iter().filter(|_| copy != 0).filter(leads_here);
    proofs.find_map(|event| Some((event.link?, event.place)))
}

/// When the copy of `event`, or the one it was forked from, came to its server, and from whom.
fn arrival<'d>(
    event: &Event<'d>,
    events: &[Event<'d>],
) -> (Option<Time>, &'d BStr, Option<(Link, Place)>) {
    let mut copy = event.copy;
    for _ in 0..events.len().min(64) {
        if copy == 0 {
            break;
        }
        let opens = |e: &&Event<'d>| {
            e.copy == copy && matches!(e.role, Role::Receive | Role::Report | Role::Resubmit)
        };
        if let Some(opener) = events.iter().find(opens) {
            let from = opener.client_host.text();
            return (Some(opener.time), from, link_to(copy, events));
        }
        let fork = events
            .iter()
            .find(|e| e.copy == copy && e.role == Role::Fork);
        copy = fork.map_or(0, |fork| fork.parent);
    }
    (None, BStr::new(b""), link_to(event.copy, events))
}

/// How many server-to-server hand-overs lie before a hop: clocks differ, hand-overs do not lie.
fn order(hop: &Hop<'_>, events: &[Event<'_>], servers: &Servers) -> usize {
    if hop.role == HopRole::Submit {
        return 0;
    }
    let mut depth = 1;
    // Mailbox delivery has no arrival of its own; it stands behind the transport server that handed over.
    let mut server = match (hop.role, hop.received) {
        (HopRole::Delivery, None) => servers.find(hop.from).unwrap_or(hop.server),
        _ => hop.server,
    };
    let mut passed: Vec<ServerId> = vec![server];
    loop {
        let before = events.iter().find(|e| match e.next {
            Next::Server { host, .. } => {
                servers.find(host) == Some(server) && !passed.contains(&e.server)
            }
            _ => false,
        });
        match before {
            Some(event) => {
                server = event.server;
                passed.push(server);
                depth += 2;
            }
            None => return depth + usize::from(hop.role == HopRole::Delivery),
        }
    }
}
