//! The stays of a message's copies on servers, in the order the message passed them.
//!
//! In: events. Out: [`Hop`]s: one per way out of a server (forks on one server are one stay with several ways out).

use bstr::BStr;
use hashbrown::HashSet;

use super::{Hop, HopRole};
use crate::event::{Event, Link, Next, Place, Role, ServerId};
use crate::keys::Service;
use crate::servers::Servers;
use crate::time::Time;

/// Hops of a message, submission first, then by causality as far as arrival times tell.
pub fn hops<'d>(events: &[Event<'d>], servers: &Servers) -> Vec<Hop<'d>> {
    let mut hops: Vec<Hop<'d>> = Vec::new();
    let copies = Copies::of(events);
    for event in events {
        match event.role {
            Role::Submit => submitted(event, &mut hops),
            Role::Send | Role::Leave => {
                let (received, from, link) = copies.arrival(event);
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
                    to: event.server_host().text(),
                    connector: event.connector().text(),
                    place: Some(event.place),
                    link,
                    candidates: Vec::new(),
                });
            }
            Role::Deliver => delivered(event, &copies, &mut hops),
            _ => {}
        }
    }
    let mut left: HashSet<ServerId> = hops
        .iter()
        .filter(|h| is_transport(h.role))
        .map(|h| h.server)
        .collect();
    for event in events
        .iter()
        .filter(|e| matches!(e.role, Role::Receive | Role::Report))
    {
        if event.service == Service::Transport && left.insert(event.server) {
            hops.push(stay(event, &copies));
        }
    }
    let before = Before::of(events, servers);
    // Of one instant by what the rows say: the names of files have no say in the order.
    let rank = |hop: &Hop<'d>| {
        (
            (before.order(hop, servers), hop.received.or(hop.sent)),
            (servers.name(hop.server), hop.sent, hop.to, hop.connector),
            (hop.from, hop.place),
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
            hop.to = event.server_host().text();
        }
        Some(_) => {}
        None => hops.push(Hop {
            server: event.server,
            role: HopRole::Submit,
            received: (!leaves).then_some(event.time),
            from: event.client_host().text(),
            sent: leaves.then_some(event.time),
            to: if leaves {
                event.server_host().text()
            } else {
                BStr::new(b"")
            },
            connector: event.connector().text(),
            place: Some(event.place),
            link: None,
            candidates: Vec::new(),
        }),
    }
}

fn delivered<'d>(event: &Event<'d>, copies: &Copies<'_, 'd>, hops: &mut Vec<Hop<'d>>) {
    if event.service == Service::Delivery {
        hops.push(Hop {
            server: event.server,
            role: HopRole::Delivery,
            received: None,
            from: event.client_host().text(),
            sent: Some(event.time),
            to: BStr::new(b""),
            connector: event.connector().text(),
            place: Some(event.place),
            link: None,
            candidates: Vec::new(),
        });
    } else {
        let (received, from, link) = copies.arrival(event);
        hops.push(Hop {
            server: event.server,
            role: HopRole::Delivery,
            received,
            from,
            sent: Some(event.time),
            to: event.server_host().text(),
            connector: event.connector().text(),
            place: Some(event.place),
            link,
            candidates: Vec::new(),
        });
    }
}

/// A copy that came and of which no row says that it left.
fn stay<'d>(event: &Event<'d>, copies: &Copies<'_, 'd>) -> Hop<'d> {
    Hop {
        server: event.server,
        role: HopRole::Transport,
        received: Some(event.time),
        from: event.client_host().text(),
        sent: None,
        to: BStr::new(b""),
        connector: event.connector().text(),
        place: Some(event.place),
        link: copies.link_to(event.copy),
        candidates: Vec::new(),
    }
}

/// The rows that opened each copy, by its key: what came in, and what was forked from another.
struct Copies<'e, 'd> {
    events: &'e [Event<'d>],
    came: Vec<(u64, u32)>,
    forked: Vec<(u64, u32)>,
    /// By the copy that a row leads to: what proves where that one came from.
    proven: Vec<(u64, u32)>,
}

impl<'e, 'd> Copies<'e, 'd> {
    fn of(events: &'e [Event<'d>]) -> Self {
        let with = |fits: fn(Role) -> bool| {
            let fits = |e: &&Event<'_>| e.copy != 0 && fits(e.role);
            let numbered = events.iter().zip(0..).filter(|(e, _)| fits(e));
            let mut found: Vec<(u64, u32)> = numbered.map(|(e, i)| (e.copy, i)).collect();
            found.sort_unstable();
            found
        };
        let mut proven: Vec<(u64, u32)> = Vec::new();
        for (event, i) in events.iter().zip(0..) {
            if let (Next::Server { copy, .. }, Some(_)) = (event.next, event.link)
                && copy != 0
            {
                proven.push((copy, i));
            }
        }
        proven.sort_unstable();
        Copies {
            events,
            came: with(|role| matches!(role, Role::Receive | Role::Report | Role::Resubmit)),
            forked: with(|role| role == Role::Fork),
            proven,
        }
    }

    /// The first of the rows with this copy.
    fn first(&self, rows: &[(u64, u32)], copy: u64) -> Option<&'e Event<'d>> {
        let at = rows.partition_point(|(known, _)| *known < copy);
        let (known, i) = rows.get(at)?;
        (*known == copy).then(|| &self.events[*i as usize])
    }

    /// When the copy of `event`, or the one it was forked from, came to its server, and from whom.
    fn arrival(&self, event: &Event<'d>) -> (Option<Time>, &'d BStr, Option<(Link, Place)>) {
        let mut copy = event.copy;
        let mut came = None;
        for _ in 0..self.events.len().min(64) {
            // What was forked and then loaded after a restart came before it was forked.
            came = self
                .first(&self.came, copy)
                .map(|opener| (opener, copy))
                .or(came);
            let fork = self.first(&self.forked, copy);
            match fork.map_or(0, |fork| fork.parent) {
                0 => break,
                parent => copy = parent,
            }
        }
        match came {
            Some((opener, copy)) => {
                let from = opener.client_host().text();
                (Some(opener.time), from, self.link_to(copy))
            }
            None => (None, BStr::new(b""), self.link_to(event.copy)),
        }
    }

    /// The row that proves where a copy came from.
    fn link_to(&self, copy: u64) -> Option<(Link, Place)> {
        let event = self.first(&self.proven, copy)?;
        Some((event.link?, event.place))
    }
}

/// Who handed the message to whom, each pair of servers once, in the order of events: clocks differ, hand-overs do
/// not lie.
struct Before(Vec<(ServerId, ServerId)>);

impl Before {
    fn of(events: &[Event<'_>], servers: &Servers) -> Before {
        let mut pairs = Vec::new();
        let mut seen = HashSet::new();
        let mut known: Option<(&BStr, Option<ServerId>)> = None;
        for event in events {
            let Next::Server { host, .. } = event.next else {
                continue;
            };
            let to = match known {
                Some((same, to)) if same == host => to,
                _ => servers.find(host),
            };
            known = Some((host, to));
            if let Some(to) = to
                && seen.insert((event.server, to))
            {
                pairs.push((event.server, to));
            }
        }
        Before(pairs)
    }

    /// How many server-to-server hand-overs lie before a hop.
    fn order(&self, hop: &Hop<'_>, servers: &Servers) -> usize {
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
        let handed = |server, passed: &[ServerId]| {
            let before =
                |(from, to): &&(ServerId, ServerId)| *to == server && !passed.contains(from);
            self.0.iter().find(before).map(|(from, _)| *from)
        };
        while let Some(from) = handed(server, &passed) {
            server = from;
            passed.push(server);
            depth += 2;
        }
        depth + usize::from(hop.role == HopRole::Delivery)
    }
}
