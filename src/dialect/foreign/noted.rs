//! What the lines of a chunk say about other records: which were made, which a receiver named, which are of one message.
//!
//! In: lines taken apart. Out: [`Hops`](super::hop::Hops), for the join.

use super::clock;
use super::entry::Entry;
use super::events::code;
use super::hop::{Birth, Called, Claim, NamedAs, Own, Piped, ReportOf};
use super::line::{Outer, Program};
use super::reply::Named;
use super::rows::Rows;
use crate::address::bare_id;
use crate::address::x400::is_mts_id;
use crate::dialect::exim;
use crate::dialect::online::hosts::{self, is_online};
use crate::keys::Service;

/// Whether a program of Exim's host gave a message back to it, and says so.
fn is_given_back(entry: &Entry<'_>) -> bool {
    entry.program == Program::Exim
        && entry.peer.ip.is_empty()
        && exim::is_given_back(entry.connector)
}

impl<'p> Rows<'p> {
    /// The key of another record of the host at hand.
    pub(super) fn on_host(&self, id: &[u8]) -> u64 {
        self.keys.copy_on(self.host(), Service::Transport, id)
    }

    /// What the line says about other records, for the join.
    pub(super) fn note(
        &mut self,
        own: Own,
        (found, entry): (&Outer<'p>, &Entry<'p>),
        named: Named<'p>,
    ) {
        let (Own { key, time, at }, keys) = (own, self.keys);
        let host = self.host();
        match entry.code {
            code::RECEIVED => {
                self.found.hops.births.push(Birth {
                    key,
                    id: keys.bytes(entry.id),
                    host,
                    time,
                    from: entry.peer_key(keys),
                    process: match entry.program {
                        Program::Postfix => found.process_number(),
                        _ => 0,
                    },
                    given_back: is_given_back(entry),
                    may_be_reused: clock::arrival(entry.program, entry.id).is_none(),
                    at,
                });
                if is_online(entry.peer.name) {
                    let online = keys.host(hosts::SERVER);
                    self.found.hops.from_online.push((key, time, online));
                }
                match (entry.other, entry.program) {
                    (b"", _) => {}
                    (other, Program::Exim) => self.found.hops.reports.push(ReportOf {
                        own: key,
                        about: self.on_host(other),
                        time,
                        at,
                        is_own: true,
                    }),
                    (other, _) => self.found.hops.ties.push((key, time, self.on_host(other))),
                }
                self.named(own, entry, host);
            }
            code::NAMED => self.named(own, entry, host),
            code::FORWARDED => {
                let other = self.on_host(entry.other);
                self.found.hops.ties.push((key, time, other));
            }
            code::SENT => self.claim(own, entry, named, host),
            code::DELIVERED if entry.is_piped() => {
                self.found.hops.piped.push(Piped { key, host, time });
            }
            code::REPORT => {
                let child = self.on_host(entry.other);
                self.found.hops.births.push(Birth {
                    key: child,
                    id: keys.bytes(entry.other),
                    host,
                    time,
                    from: 0,
                    process: 0,
                    given_back: false,
                    may_be_reused: false,
                    at,
                });
                self.found.hops.reports.push(ReportOf {
                    own: child,
                    about: key,
                    time,
                    at,
                    is_own: false,
                });
            }
            _ => {}
        }
    }

    fn named(&mut self, own: Own, entry: &Entry<'_>, host: u64) {
        let id = entry.message_id;
        if id.len() > 2 {
            let message_id = self.keys.message_id(id);
            if is_mts_id(bare_id(id)) {
                // The Internet Mail Service of 5.5 embeds the id under which the message goes there.
                self.found.hops.ties.push((own.key, own.time, message_id));
            }
            self.found.hops.named.push(NamedAs {
                key: own.key,
                message_id,
                host,
                time: own.time,
                may_be_reused: clock::arrival(entry.program, entry.id).is_none(),
                at: own.at,
            });
        }
    }

    /// Notes what a receiver is called; a few take turns.
    fn called(&mut self, address: u64, name: &[u8]) {
        let by = self.host();
        let known = |c: &Called| (c.by, c.address) == (by, address) && c.name == name;
        let called = &mut self.found.hops.called;
        if !called.iter().rev().take(32).any(known) {
            called.push(Called {
                by,
                address,
                key: self.keys.caseless(name),
                name: name.into(),
            });
        }
    }

    fn claim(&mut self, own: Own, entry: &Entry<'p>, named: Named<'p>, host: u64) {
        let (keys, giver) = (self.keys, host);
        let Own { key, time, at } = own;
        let id = match named {
            Named::Exchange { id, host, .. } => {
                let copy = keys.copy(host, Service::Transport, id);
                self.found.hops.to_exchange.push((key, time, copy));
                if is_online(host) {
                    // A trace names no copies, only messages.
                    self.found.hops.claims.push(Claim {
                        key,
                        id: 0,
                        host: giver,
                        peer: keys.host(hosts::SERVER),
                        time,
                        at,
                    });
                }
                return;
            }
            Named::Queue(id) => keys.bytes(id),
            Named::Nothing => 0,
        };
        let address = if entry.peer.ip.is_empty() {
            entry.peer.name
        } else {
            entry.peer.ip
        };
        let peer = if entry.peer.is_loopback() || address.is_empty() {
            0
        } else {
            keys.caseless(address)
        };
        let names = &mut self.found.hops.names;
        if peer != 0 && names.iter().rev().take(32).all(|(known, _)| *known != peer) {
            names.push((peer, address.into()));
        }
        let name = entry.peer.name;
        if peer != 0 && !entry.peer.ip.is_empty() && name.contains(&b'.') {
            self.called(peer, name);
        }
        self.found.hops.claims.push(Claim {
            key,
            id,
            host,
            peer,
            time,
            at,
        });
    }
}
