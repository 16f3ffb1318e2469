//! Ways of a message that a 2003 mailbox submits, or that comes in over SMTP.
//!
//! In: a sender. Out: records on every server it passes, and what became of it.

use std::slice::from_ref;

use super::records::New;
use super::{Site, User, Way};

/// One message, by a way chosen at random.
pub fn message(site: &mut Site, from: User) {
    let by_sender = |events: [u16; 2]| events[from.0 % 2];
    match site.rng.below(20) {
        0..=8 => to_mailboxes(site, from),
        9..=10 => to_list(site, from),
        11..=12 => outbound(site, from),
        13..=14 => inbound(site, 1028, "delivered"),
        15 => {
            let ends = [(1039, "dropped"), (1040, "rejected"), (1041, "quarantined")];
            let (event, status) = *site.rng.pick(&ends);
            inbound(site, event, status);
        }
        16 => redirected(site, from),
        17 => ended(site, from, by_sender([1030, 1021]), "failed"),
        18 => ended(site, from, by_sender([1032, 1037]), "pending"),
        _ => lost(site, from),
    }
}

/// A last message on a server.
pub fn closing(site: &mut Site, server: usize) {
    let user = User(server);
    let to = site.address(user);
    let (mut way, server) = submit(site, user, &[to]);
    let address = way.deliver_new(server, user);
    way.told(&address, "delivered", Some(server));
    way.finish();
}

struct Other<'o> {
    client: &'o str,
    partner: &'o str,
    linked: &'o str,
    /// The list or address that others take the place of: 2003 does not log it.
    replaced: &'o str,
}

const NONE: Other<'static> = Other {
    client: "",
    partner: "",
    linked: "",
    replaced: "",
};

impl Way<'_> {
    fn new_record(&mut self, server: usize, event: u16, other: &Other<'_>, to: &[String]) {
        let mail = &self.mail;
        let sender = match mail.sender.starts_with('/') {
            true => format!("EX:{}", mail.sender.to_uppercase()),
            false => mail.sender.clone(),
        };
        let row = New {
            id: match mail.message_id.is_empty() {
                true => &mail.mts_id,
                false => &mail.message_id,
            },
            event,
            client: other.client,
            partner: other.partner,
            linked: other.linked,
            replaced: other.replaced,
            sender: &sender,
            subject: &mail.subject,
            size: mail.size,
            recipients: to,
        };
        self.site.logs.new_row(server, self.at, &row);
    }

    /// A record of the MTA.
    pub(super) fn new_mta_record(
        &mut self,
        server: usize,
        event: u16,
        partner: &str,
        names: &[String],
    ) {
        let row = New {
            id: &self.mail.mts_id.to_uppercase(),
            event,
            client: "",
            partner,
            linked: "",
            replaced: "",
            sender: &format!("EX:{}", self.mail.sender),
            subject: "",
            size: self.mail.size,
            recipients: names,
        };
        self.site.logs.new_row(server, self.at, &row);
    }

    /// One record after the other.
    pub(super) fn steps(&mut self, server: usize, events: &[u16], to: &[String]) {
        for event in events {
            self.wait().new_record(server, *event, &NONE, to);
        }
    }

    /// To another host by SMTP.
    fn send(&mut self, from: usize, partner: &str, to: &[String]) {
        self.steps(from, &[1034, 1020], to);
        let other = Other { partner, ..NONE };
        self.wait().new_record(from, 1031, &other, to);
    }

    /// To another 2003 server by SMTP.
    pub(super) fn smtp_hop(&mut self, from: usize, to: usize, addresses: &[String]) {
        if from != to {
            let host = |server: usize| self.site.servers[server].name.to_lowercase();
            let [client, partner] = [from, to].map(|of| format!("{}.corp.example", host(of)));
            self.send(from, &partner, addresses);
            let client = &client;
            let other = Other { client, ..NONE };
            self.wait().new_record(to, 1019, &other, addresses);
            self.steps(to, &[1025, 1024, 1033], addresses);
        }
    }

    /// To a mailbox on the server. Returns its address.
    pub(super) fn deliver_new(&mut self, server: usize, user: User) -> String {
        let address = self.site.address(user);
        self.steps(server, &[1036, 1023, 1028], from_ref(&address));
        address
    }

    /// From the MTA of a 2003 server to a mailbox on it; the message gets a Message-ID there. Returns the address.
    pub(super) fn arrive_from_mta(&mut self, server: usize, user: User) -> String {
        if self.mail.message_id.is_empty() {
            self.mail.message_id = make_id(self.site, server);
        }
        let (address, linked) = (self.site.address(user), self.mail.mts_id.clone());
        let (other, to) = (linked_to(&linked), from_ref(&address));
        self.wait().new_record(server, 1019, &other, to);
        self.steps(server, &[1025, 1024, 1033], to);
        self.deliver_new(server, user)
    }
}

fn linked_to(linked: &str) -> Other<'_> {
    Other { linked, ..NONE }
}

/// A Message-ID as the store makes it.
fn make_id(site: &mut Site, server: usize) -> String {
    let (a, b) = (site.rng.bits(), site.rng.bits());
    let host = site.servers[server].name.to_lowercase();
    format!("{a:016X}{b:016X}{:04X}@{host}.corp.example", site.number)
}

fn submit<'s>(site: &'s mut Site, from: User, to: &[String]) -> (Way<'s>, usize) {
    let (server, sender) = (site.server_of(from), site.name(from));
    let mut way = Way::begin(site, server, sender);
    way.mail.message_id = make_id(way.site, server);
    let linked = way.mail.mts_id.clone();
    way.new_record(server, 1027, &linked_to(&linked), to);
    way.steps(server, &[1019, 1025, 1024, 1033], to);
    (way, server)
}

fn to_mailboxes(site: &mut Site, from: User) {
    let most = 1 + site.rng.below(4);
    let users = site.some(most, Site::user);
    let addresses: Vec<String> = users.iter().map(|user| site.address(*user)).collect();
    let (mut way, server) = submit(site, from, &addresses);
    for user in users {
        way.bring(server, user, None);
    }
    way.finish();
}

fn to_list(site: &mut Site, from: User) {
    let list = format!("list{}@corp.example", site.rng.below(20));
    let (mut way, server) = submit(site, from, from_ref(&list));
    let most = 2 + way.site.rng.below(3);
    let members = way.site.some(most, |site| site.user_of(false));
    let addresses: Vec<String> = members.iter().map(|user| way.site.address(*user)).collect();
    let replaced = list.as_str();
    let expanded = Other { replaced, ..NONE };
    way.wait().new_record(server, 26, &expanded, &addresses);
    way.told(&list, "expanded", Some(server));
    for user in members {
        way.bring(server, user, Some(&list));
    }
    way.finish();
}

fn outbound(site: &mut Site, from: User) {
    let person = site.outsider();
    let (mut way, server) = submit(site, from, from_ref(&person));
    let partner = format!("mx.{}", person.split('@').next_back().unwrap_or_default());
    way.send(server, &partner, from_ref(&person));
    way.told(&person, "transferred", Some(server));
    way.finish();
}

/// From the Internet to a mailbox, or to the filter.
fn inbound(site: &mut Site, event: u16, status: &'static str) {
    let (server, user, person) = (site.first(false), site.user_of(false), site.outsider());
    let address = site.address(user);
    let to = from_ref(&address);
    let mut way = Way::begin(site, server, person);
    way.mail.message_id = format!("{}.{}@mail.partner.example", way.mail.size, way.site.number);
    // What the filter refuses is not taken over before.
    if event != 1040 {
        let client = "mx.partner.example";
        way.new_record(server, 1019, &Other { client, ..NONE }, to);
        way.steps(server, &[1025, 1024], to);
    }
    if event == 1028 {
        way.bring(server, user, None);
    } else {
        way.steps(server, &[event], to);
        way.told(&address, status, Some(server));
    }
    way.finish();
}

fn redirected(site: &mut Site, from: User) {
    let user = site.user_of(false);
    let other = User((user.0 + site.servers.len()) % site.users);
    let home = site.server_of(user);
    if other == user || site.server_of(other) != home {
        return to_mailboxes(site, from);
    }
    let (address, alternate) = (site.address(user), site.address(other));
    let (mut way, server) = submit(site, from, from_ref(&address));
    way.smtp_hop(server, home, from_ref(&address));
    let replaced = address.as_str();
    let redirect = Other { replaced, ..NONE };
    way.wait()
        .new_record(home, 1042, &redirect, from_ref(&alternate));
    way.told(&address, "redirected", Some(home));
    let found = way.deliver_new(home, other);
    way.told_by(
        &found,
        "delivered",
        Some(home),
        Some(("redirected", &address)),
    );
    way.finish();
}

/// Ends on the first server by an event.
fn ended(site: &mut Site, from: User, event: u16, status: &'static str) {
    let address = format!("nobody{}@corp.example", site.number);
    let (mut way, server) = submit(site, from, from_ref(&address));
    way.steps(server, &[event], from_ref(&address));
    way.told(&address, status, Some(server));
    way.finish();
}

/// Given to a server of which no log exists.
fn lost(site: &mut Site, from: User) {
    let address = format!("far{}@corp.example", site.number);
    let (mut way, server) = submit(site, from, from_ref(&address));
    way.send(server, "GONE", from_ref(&address));
    way.told(&address, "unknown", None);
    way.finish();
}
