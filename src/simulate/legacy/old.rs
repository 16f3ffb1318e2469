//! Ways of a message that a 5.5 mailbox submits, or that comes in by the Internet Mail Service.
//!
//! In: a sender. Out: records on every server it passes, and what became of it.

use super::new;
use super::write::Old;
use super::{Mail, Server, Site, Told, User};

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
    let user = User(server);
    let mut mail = site.draft(server, site.name(user));
    let at = site.clock;
    record(
        site,
        &mail,
        server,
        at,
        1000,
        &site.store(server),
        &[site.name(user)],
    );
    mail.told(&site.name(user), "delivered", Some(server));
    site.finish(mail);
}

/// A record without anything that only connectors and reports have.
pub fn record(
    site: &mut Site,
    mail: &Mail,
    server: usize,
    at: i64,
    event: u16,
    partner: &str,
    to: &[String],
) {
    // The store writes ids in lower case, the MTA in upper case.
    let id = if event < 1000 {
        mail.mts_id.to_uppercase()
    } else {
        mail.mts_id.clone()
    };
    let gateway = if event == 1000 { partner } else { "" };
    site.logs.old(
        server,
        at,
        &Old {
            id: &id,
            event,
            gateway,
            partner,
            remote_id: "",
            originator: &mail.sender,
            size: mail.size,
            about: "",
            recipients: to,
            status: None,
        },
    );
}

/// Takes the message from one server's MTA to another's.
fn hop(site: &mut Site, mail: &Mail, from: usize, to: usize, at: &mut i64, names: &[String]) {
    if from != to {
        let (next, before) = (site.mta(to), site.mta(from));
        let time = site.later(at);
        record(site, mail, from, time, 7, &next, names);
        let time = site.later(at);
        match site.servers[to].is_old {
            true => record(site, mail, to, time, 0, &before, names),
            false => new::taken_over(site, mail, to, time, &before, names),
        }
    }
}

/// Brings the message from `from` to a mailbox, over whatever lies between.
pub fn bring(
    site: &mut Site,
    mail: &mut Mail,
    from: usize,
    user: User,
    at: &mut i64,
    via: Option<&str>,
) {
    let (home, name) = (site.server_of(user), site.name(user));
    hop(site, mail, from, home, at, std::slice::from_ref(&name));
    let address = if site.servers[home].is_old {
        let (time, store) = (site.later(at), site.store(home));
        record(
            site,
            mail,
            home,
            time,
            9,
            &store,
            std::slice::from_ref(&name),
        );
        name
    } else {
        new::arrive_from_mta(site, mail, home, user, at)
    };
    let via = via.map(|list| ("expanded", list.to_lowercase()));
    let address = address.to_lowercase();
    mail.told.push(Told {
        address,
        status: "delivered",
        server: Some(home),
        via,
    });
}

fn submit(site: &mut Site, from: User, to: &[String]) -> (Mail, usize, i64) {
    let server = site.server_of(from);
    let mail = site.draft(server, site.name(from));
    let (at, store) = (site.clock, site.store(server));
    record(site, &mail, server, at, 4, &store, to);
    (mail, server, at)
}

fn to_mailboxes(site: &mut Site, from: User) {
    let mut users: Vec<User> = (0..1 + site.rng.below(4)).map(|_| site.user()).collect();
    users.sort_by_key(|user| user.0);
    users.dedup();
    let server = site.server_of(from);
    let (local, far): (Vec<User>, Vec<User>) = users
        .into_iter()
        .partition(|u| site.server_of(*u) == server);
    let mut mail = site.draft(server, site.name(from));
    let mut at = site.clock;
    if !local.is_empty() {
        let (names, store): (Vec<String>, _) = (
            local.iter().map(|u| site.name(*u)).collect(),
            site.store(server),
        );
        record(site, &mail, server, at, 1000, &store, &names);
        names
            .iter()
            .for_each(|name| mail.told(name, "delivered", Some(server)));
    }
    if !far.is_empty() {
        let (names, store): (Vec<String>, _) = (
            far.iter().map(|u| site.name(*u)).collect(),
            site.store(server),
        );
        record(site, &mail, server, at, 4, &store, &names);
        for user in far {
            bring(site, &mut mail, server, user, &mut at, None);
        }
    }
    site.finish(mail);
}

/// A list is expanded on the server that has it.
fn to_list(site: &mut Site, from: User) {
    let list = format!("/o=CORP/ou=HQ/cn=Recipients/cn=LIST{}", site.rng.below(20));
    let (mut mail, server, mut at) = submit(site, from, std::slice::from_ref(&list));
    let expert = site.first(true);
    hop(
        site,
        &mail,
        server,
        expert,
        &mut at,
        std::slice::from_ref(&list),
    );
    let mut members: Vec<User> = (0..2 + site.rng.below(3)).map(|_| site.user()).collect();
    members.sort_by_key(|user| user.0);
    members.dedup();
    let names: Vec<String> = members.iter().map(|user| site.name(*user)).collect();
    let time = site.later(&mut at);
    record(site, &mail, expert, time, 26, "", &names);
    mail.told(&list, "expanded", Some(expert));
    for user in members {
        bring(site, &mut mail, expert, user, &mut at, Some(&list));
    }
    site.finish(mail);
}

/// The Internet Mail Service's name on its server.
fn connector(site: &Site, server: usize) -> String {
    let Server { name, site, .. } = &site.servers[server];
    format!("/o=CORP/ou={site}/cn=Configuration/cn=Connections/cn=Internet Mail Connector ({name})")
}

/// A record of the Internet Mail Service.
fn connector_record(
    site: &mut Site,
    mail: &Mail,
    server: usize,
    (at, event): (i64, u16),
    (partner, remote): (&str, &str),
    to: &[String],
) {
    let gateway = connector(site, server);
    site.logs.old(
        server,
        at,
        &Old {
            id: &mail.mts_id,
            event,
            gateway: &gateway,
            partner,
            remote_id: remote,
            originator: &mail.sender,
            size: mail.size,
            about: "",
            recipients: to,
            status: None,
        },
    );
}

/// Over the Internet Mail Service; one in four is refused there.
fn outbound(site: &mut Site, from: User) {
    let person = site.outsider();
    let inside = format!("DDA:SMTP={}", person.replace('@', "(a)"));
    let (mut mail, server, mut at) = submit(site, from, std::slice::from_ref(&inside));
    let way_out = site.first(true);
    hop(
        site,
        &mail,
        server,
        way_out,
        &mut at,
        std::slice::from_ref(&inside),
    );
    let next = connector(site, way_out);
    let time = site.later(&mut at);
    record(
        site,
        &mail,
        way_out,
        time,
        7,
        &next,
        std::slice::from_ref(&inside),
    );
    let host = person
        .split('@')
        .next_back()
        .unwrap_or_default()
        .to_string();
    let embedded = mail.mts_id.replace(';', "%").replace(' ', "_");
    let message_id = format!(
        "{embedded}@{}.corp.example",
        site.servers[way_out].name.to_lowercase()
    );
    let remote = format!("<{message_id}>[PBZ{}]", mail.size);
    let time = site.later(&mut at);
    connector_record(
        site,
        &mail,
        way_out,
        (time, 1010),
        (&host, &remote),
        std::slice::from_ref(&person),
    );
    mail.message_id = message_id;
    let time = site.later(&mut at);
    if site.rng.below(4) > 0 {
        connector_record(
            site,
            &mail,
            way_out,
            (time, 1011),
            (&host, &remote),
            std::slice::from_ref(&person),
        );
        mail.told(&person, "transferred", Some(way_out));
        return site.finish(mail);
    }
    mail.told(&person, "failed", Some(way_out));
    report(site, &mail, way_out, time, 1017, &person, from);
    site.finish(mail);
}

/// A report that `server` makes about one recipient, on its way to the sender.
fn report(
    site: &mut Site,
    about: &Mail,
    server: usize,
    at: i64,
    event: u16,
    person: &str,
    sender: User,
) {
    site.clock = at;
    let mut mail = site.draft(server, String::new());
    mail.class = "report";
    let (home, name) = (site.server_of(sender), site.name(sender));
    let mut at = at;
    // Documents disagree on which field is the report's id, and so do these servers.
    let swapped = server % 2 == 1;
    let write = |site: &mut Site, server: usize, at: i64, event: u16, partner: &str| {
        let (id, other) = match swapped {
            true => (&about.mts_id, &mail.mts_id),
            false => (&mail.mts_id, &about.mts_id),
        };
        site.logs.old(
            server,
            at,
            &Old {
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
            },
        );
    };
    write(site, server, at, event, "");
    if home != server {
        let (next, before) = (site.mta(home), site.mta(server));
        let time = site.later(&mut at);
        write(site, server, time, 8, &next);
        let time = site.later(&mut at);
        write(site, home, time, 2, &before);
    }
    let (time, store) = (site.later(&mut at), site.store(home));
    write(site, home, time, 10, &store);
    mail.told(&site.name(sender), "delivered", Some(home));
    site.finish(mail);
}

/// From the Internet to a mailbox.
fn inbound(site: &mut Site) {
    let (way_in, user) = (site.first(true), site.user());
    let person = site.outsider();
    let mut mail = site.draft(way_in, person.clone());
    mail.message_id = format!("{}.{}@mail.partner.example", mail.size, site.number);
    let remote = format!("<{}>", mail.message_id);
    let (mut at, name) = (site.clock, site.name(user));
    connector_record(
        site,
        &mail,
        way_in,
        (at, 1012),
        ("mail.partner.example", &remote),
        std::slice::from_ref(&name),
    );
    let time = site.later(&mut at);
    connector_record(
        site,
        &mail,
        way_in,
        (time, 1013),
        ("", &remote),
        std::slice::from_ref(&name),
    );
    let (time, before) = (site.later(&mut at), connector(site, way_in));
    record(site, &mail, way_in, time, 0, &before, &[name]);
    bring(site, &mut mail, way_in, user, &mut at, None);
    site.finish(mail);
}

/// The MTA knows no such recipient.
fn refused(site: &mut Site, from: User) {
    let nobody = format!("/o=CORP/ou=HQ/cn=Recipients/cn=NOBODY{}", site.number);
    let (mut mail, server, mut at) = submit(site, from, std::slice::from_ref(&nobody));
    mail.told(&nobody, "failed", Some(server));
    let time = site.later(&mut at);
    report(site, &mail, server, time, 34, &nobody, from);
    site.finish(mail);
}

/// The mailbox has an alternate recipient.
fn redirected(site: &mut Site, from: User) {
    let user = site.user_of(true);
    let other = User((user.0 + site.servers.len()) % site.users);
    if other == user || site.server_of(other) != site.server_of(user) {
        return to_mailboxes(site, from);
    }
    let (name, home) = (site.name(user), site.server_of(user));
    let (mut mail, server, mut at) = submit(site, from, std::slice::from_ref(&name));
    hop(
        site,
        &mail,
        server,
        home,
        &mut at,
        std::slice::from_ref(&name),
    );
    let (time, alternate) = (site.later(&mut at), site.name(other));
    record(
        site,
        &mail,
        home,
        time,
        28,
        "",
        std::slice::from_ref(&alternate),
    );
    mail.told(&name, "redirected", Some(home));
    let (time, store) = (site.later(&mut at), site.store(home));
    record(
        site,
        &mail,
        home,
        time,
        9,
        &store,
        std::slice::from_ref(&alternate),
    );
    let via = Some(("redirected", name.to_lowercase()));
    mail.told.push(Told {
        address: alternate.to_lowercase(),
        status: "delivered",
        server: Some(home),
        via,
    });
    site.finish(mail);
}

/// Ends on the first server: by an event, or in the queue.
fn ended(site: &mut Site, from: User, event: Option<u16>) {
    let name = site.name(site_user_elsewhere(site, from));
    let (mut mail, server, mut at) = submit(site, from, std::slice::from_ref(&name));
    match event {
        Some(event) => {
            let time = site.later(&mut at);
            record(
                site,
                &mail,
                server,
                time,
                event,
                "",
                std::slice::from_ref(&name),
            );
            mail.told(&name, "failed", Some(server));
        }
        None => mail.told(&name, "pending", Some(server)),
    }
    site.finish(mail);
}

fn site_user_elsewhere(site: &Site, from: User) -> User {
    User((from.0 + 1) % site.users)
}

/// Given to a server of which no log exists.
fn lost(site: &mut Site, from: User) {
    let name = format!("/o=CORP/ou=HQ/cn=Recipients/cn=FAR{}", site.number);
    let (mut mail, server, mut at) = submit(site, from, std::slice::from_ref(&name));
    let time = site.later(&mut at);
    record(
        site,
        &mail,
        server,
        time,
        7,
        GONE,
        std::slice::from_ref(&name),
    );
    mail.told(&name, "unknown", None);
    site.finish(mail);
}
