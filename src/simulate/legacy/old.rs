//! Ways of a message that a 5.5 mailbox submits, or that comes in by the Internet Mail Service.
//!
//! In: a sender. Out: records on every server it passes, and what became of it.

use std::slice::from_ref;

use super::records::Old;
use super::{Server, Site, User, Way};

/// A server of which no logs exist.
const GONE: &str = "/O=CORP/OU=HQ/CN=CONFIGURATION/CN=SERVERS/CN=GONE/CN=MICROSOFT MTA";

/// One message, by a way chosen at random.
pub fn message(site: &mut Site, from: User) {
    match site.rng.below(20) {
        0..=7 => to_mailboxes(site, from),
        8..=10 => to_list(site, from),
        11..=12 => outbound(site, from),
        13..=14 => inbound(site),
        15 => refused(site, from),
        16 => redirected(site, from),
        17 => ended(site, from, Some(50)),
        18 => ended(site, from, None),
        _ => lost(site, from),
    }
}

/// A last message on a server.
pub fn closing(site: &mut Site, server: usize) {
    let (name, store) = (site.name(User(server)), site.store(server));
    let mut way = Way::begin(site, server, name.clone());
    way.old_record(server, 1000, &store, from_ref(&name));
    way.told(&name, "delivered", Some(server));
    way.finish();
}

impl Way<'_> {
    /// A record without anything that only connectors and reports have.
    pub(super) fn old_record(&mut self, server: usize, event: u16, partner: &str, to: &[String]) {
        let gateway = if event == 1000 { partner } else { "" };
        self.connector_record((server, gateway), event, (partner, ""), to);
    }

    /// A record of a connector.
    fn connector_record(
        &mut self,
        (server, gateway): (usize, &str),
        event: u16,
        (partner, remote_id): (&str, &str),
        to: &[String],
    ) {
        // Stores and connectors write ids in lower case, the MTA in upper case.
        let id = match event < 1000 {
            true => self.mail.mts_id.to_uppercase(),
            false => self.mail.mts_id.clone(),
        };
        let record = Old {
            id: &id,
            event,
            gateway,
            partner,
            remote_id,
            originator: &self.mail.sender,
            size: self.mail.size,
            about: "",
            recipients: to,
            status: None,
        };
        self.site.logs.old(server, self.at, &record);
    }
}

fn submit<'s>(site: &'s mut Site, from: User, to: &[String]) -> (Way<'s>, usize) {
    let (server, sender) = (site.server_of(from), site.name(from));
    let store = site.store(server);
    let mut way = Way::begin(site, server, sender);
    way.old_record(server, 4, &store, to);
    (way, server)
}

fn to_mailboxes(site: &mut Site, from: User) {
    let most = 1 + site.rng.below(4);
    let users = site.some(most, Site::user);
    let (server, sender) = (site.server_of(from), site.name(from));
    let (local, far): (Vec<User>, Vec<User>) = users
        .into_iter()
        .partition(|u| site.server_of(*u) == server);
    let names = |users: &[User]| -> Vec<String> { users.iter().map(|u| site.name(*u)).collect() };
    let (near, beyond, store) = (names(&local), names(&far), site.store(server));
    let mut way = Way::begin(site, server, sender);
    if !near.is_empty() {
        way.old_record(server, 1000, &store, &near);
        near.iter()
            .for_each(|name| way.told(name, "delivered", Some(server)));
    }
    if !beyond.is_empty() {
        way.old_record(server, 4, &store, &beyond);
        far.iter().for_each(|user| way.bring(server, *user, None));
    }
    way.finish();
}

/// A list is expanded on the server that has it.
fn to_list(site: &mut Site, from: User) {
    let list = format!("/o=CORP/ou=HQ/cn=Recipients/cn=LIST{}", site.rng.below(20));
    let expert = site.first(true);
    let (mut way, server) = submit(site, from, from_ref(&list));
    way.transfer(server, expert, from_ref(&list));
    let most = 2 + way.site.rng.below(3);
    let members = way.site.some(most, Site::user);
    let names: Vec<String> = members.iter().map(|user| way.site.name(*user)).collect();
    way.wait().old_record(expert, 26, "", &names);
    way.told(&list, "expanded", Some(expert));
    for user in members {
        way.bring(expert, user, Some(&list));
    }
    way.finish();
}

/// The Internet Mail Service's name on its server.
fn connector(site: &Site, server: usize) -> String {
    let Server { name, site, .. } = &site.servers[server];
    format!("/o=CORP/ou={site}/cn=Configuration/cn=Connections/cn=Internet Mail Connector ({name})")
}

/// Over the Internet Mail Service; one in four is refused there.
fn outbound(site: &mut Site, from: User) {
    let person = site.outsider();
    let inside = format!("DDA:SMTP={}", person.replace('@', "(a)"));
    let way_out = site.first(true);
    let gateway = connector(site, way_out);
    let name = site.servers[way_out].name.to_lowercase();
    let (mut way, server) = submit(site, from, from_ref(&inside));
    way.transfer(server, way_out, from_ref(&inside));
    way.wait()
        .old_record(way_out, 7, &gateway, from_ref(&inside));
    let host = person.split('@').next_back().unwrap_or_default();
    let embedded = way.mail.mts_id.replace(';', "%").replace(' ', "_");
    way.mail.message_id = format!("{embedded}@{name}.corp.example");
    let remote = format!("<{}>[PBZ{}]", way.mail.message_id, way.mail.size);
    let (at, to) = ((way_out, gateway.as_str()), from_ref(&person));
    way.wait().connector_record(at, 1010, (host, &remote), to);
    way.wait();
    if way.site.rng.below(4) > 0 {
        way.connector_record(at, 1011, (host, &remote), to);
        way.told(&person, "transferred", Some(way_out));
    } else {
        way.told(&person, "failed", Some(way_out));
        report(&mut way, way_out, 1017, &person, from);
    }
    way.finish();
}

/// A report that `server` makes now about one recipient, on its way to the sender.
fn report(about: &mut Way<'_>, server: usize, event: u16, person: &str, sender: User) {
    let site = &mut *about.site;
    site.clock = about.at;
    let (home, name) = (site.server_of(sender), site.name(sender));
    let (next, before, store) = (site.mta(home), site.mta(server), site.store(home));
    let mut way = Way::begin(site, server, String::new());
    way.mail.class = "report";
    // Documents disagree on which field is the report's id, and so do these servers.
    let swapped = server % 2 == 1;
    let about = &about.mail.mts_id;
    let write = |way: &mut Way<'_>, server: usize, event: u16, partner: &str| {
        let (id, other) = match swapped {
            true => (about, &way.mail.mts_id),
            false => (&way.mail.mts_id, about),
        };
        let record = Old {
            id,
            event,
            gateway: "",
            partner,
            remote_id: "",
            originator: &name,
            size: 1200,
            about: other,
            recipients: &[person.to_string()],
            status: Some(1),
        };
        way.site.logs.old(server, way.at, &record);
    };
    write(&mut way, server, event, "");
    if home != server {
        write(way.wait(), server, 8, &next);
        write(way.wait(), home, 2, &before);
    }
    write(way.wait(), home, 10, &store);
    way.told(&name, "delivered", Some(home));
    way.finish();
}

/// From the Internet to a mailbox.
fn inbound(site: &mut Site) {
    let (way_in, user) = (site.first(true), site.user());
    let person = site.outsider();
    let (name, gateway) = (site.name(user), connector(site, way_in));
    let mut way = Way::begin(site, way_in, person);
    way.mail.message_id = format!("{}.{}@mail.partner.example", way.mail.size, way.site.number);
    let remote = format!("<{}>", way.mail.message_id);
    let (at, to) = ((way_in, gateway.as_str()), from_ref(&name));
    way.connector_record(at, 1012, ("mail.partner.example", &remote), to);
    way.wait().connector_record(at, 1013, ("", &remote), to);
    way.wait().old_record(way_in, 0, &gateway, to);
    way.bring(way_in, user, None);
    way.finish();
}

/// The MTA knows no such recipient.
fn refused(site: &mut Site, from: User) {
    let nobody = format!("/o=CORP/ou=HQ/cn=Recipients/cn=NOBODY{}", site.number);
    let (mut way, server) = submit(site, from, from_ref(&nobody));
    way.told(&nobody, "failed", Some(server));
    way.wait();
    report(&mut way, server, 34, &nobody, from);
    way.finish();
}

/// The mailbox has an alternate recipient.
fn redirected(site: &mut Site, from: User) {
    let user = site.user_of(true);
    let other = User((user.0 + site.servers.len()) % site.users);
    if other == user || site.server_of(other) != site.server_of(user) {
        return to_mailboxes(site, from);
    }
    let (name, alternate, home) = (site.name(user), site.name(other), site.server_of(user));
    let store = site.store(home);
    let (mut way, server) = submit(site, from, from_ref(&name));
    way.transfer(server, home, from_ref(&name));
    way.wait().old_record(home, 28, "", from_ref(&alternate));
    way.told(&name, "redirected", Some(home));
    way.wait().old_record(home, 9, &store, from_ref(&alternate));
    way.told_by(
        &alternate,
        "delivered",
        Some(home),
        Some(("redirected", &name)),
    );
    way.finish();
}

/// Ends on the first server: by an event, or in the queue.
fn ended(site: &mut Site, from: User, event: Option<u16>) {
    let name = site.name(User((from.0 + 1) % site.users));
    let (mut way, server) = submit(site, from, from_ref(&name));
    if let Some(event) = event {
        way.wait().old_record(server, event, "", from_ref(&name));
    }
    let status = if event.is_some() { "failed" } else { "pending" };
    way.told(&name, status, Some(server));
    way.finish();
}

/// Given to a server of which no log exists.
fn lost(site: &mut Site, from: User) {
    let name = format!("/o=CORP/ou=HQ/cn=Recipients/cn=FAR{}", site.number);
    let (mut way, server) = submit(site, from, from_ref(&name));
    way.wait().old_record(server, 7, GONE, from_ref(&name));
    way.told(&name, "unknown", None);
    way.finish();
}
