//! Ways of a message that a 2003 mailbox submits, or that comes in over SMTP.
//!
//! In: a sender. Out: records on every server it passes, and what became of it.

use super::old;
use super::write::New;
use super::{Mail, Site, Told, User};

/// One message, by a way chosen at random.
pub fn message(site: &mut Site, from: User) {
    match site.rng.below(20) {
        0..=8 => to_mailboxes(site, from),
        9..=10 => to_list(site, from),
        11..=12 => outbound(site, from),
        13..=14 => inbound(site, 1028, "delivered"),
        15 => {
            let (event, status) =
                *site
                    .rng
                    .pick(&[(1039, "dropped"), (1040, "rejected"), (1041, "quarantined")]);
            inbound(site, event, status);
        }
        16 => redirected(site, from),
        17 => ended(
            site,
            from,
            *[1030, 1021].get(from.0 % 2).unwrap_or(&1030),
            "failed",
        ),
        18 => ended(
            site,
            from,
            *[1032, 1037].get(from.0 % 2).unwrap_or(&1032),
            "pending",
        ),
        _ => lost(site, from),
    }
}

/// A last message on a server.
pub fn closing(site: &mut Site, server: usize) {
    let user = User(server);
    let (mut mail, server, mut at) = submit(site, user, &[site.address(user)]);
    let address = deliver(site, &mail, server, user, &mut at);
    mail.told(&address, "delivered", Some(server));
    site.finish(mail);
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

fn record(
    site: &mut Site,
    mail: &Mail,
    server: usize,
    at: i64,
    event: u16,
    other: &Other<'_>,
    to: &[String],
) {
    let id = if mail.message_id.is_empty() {
        &mail.mts_id
    } else {
        &mail.message_id
    };
    let sender = match mail.sender.starts_with('/') {
        true => format!("EX:{}", mail.sender.to_uppercase()),
        false => mail.sender.clone(),
    };
    site.logs.new_row(
        server,
        at,
        &New {
            id,
            event,
            client: other.client,
            partner: other.partner,
            linked: other.linked,
            replaced: other.replaced,
            sender: &sender,
            subject: &mail.subject,
            size: mail.size,
            recipients: to,
        },
    );
}

fn steps(site: &mut Site, mail: &Mail, server: usize, at: &mut i64, events: &[u16], to: &[String]) {
    for event in events {
        let time = site.later(at);
        record(site, mail, server, time, *event, &NONE, to);
    }
}

/// A Message-ID as the store makes it.
fn make_id(site: &mut Site, server: usize) -> String {
    let (a, b) = (site.rng.bits(), site.rng.bits());
    format!(
        "{a:016X}{b:016X}{:04X}@{}.corp.example",
        site.number,
        site.servers[server].name.to_lowercase()
    )
}

fn submit(site: &mut Site, from: User, to: &[String]) -> (Mail, usize, i64) {
    let server = site.server_of(from);
    let mut mail = site.draft(server, site.name(from));
    mail.message_id = make_id(site, server);
    let mut at = site.clock;
    let linked = mail.mts_id.clone();
    record(
        site,
        &mail,
        server,
        at,
        1027,
        &Other {
            linked: &linked,
            ..NONE
        },
        to,
    );
    steps(site, &mail, server, &mut at, &[1019, 1025, 1024, 1033], to);
    (mail, server, at)
}

fn deliver(site: &mut Site, mail: &Mail, server: usize, user: User, at: &mut i64) -> String {
    let address = site.address(user);
    steps(
        site,
        mail,
        server,
        at,
        &[1036, 1023, 1028],
        std::slice::from_ref(&address),
    );
    address
}

/// Takes the message to another 2003 server by SMTP.
fn hop(site: &mut Site, mail: &Mail, from: usize, to: usize, at: &mut i64, addresses: &[String]) {
    if from != to {
        steps(site, mail, from, at, &[1034, 1020], addresses);
        let partner = format!("{}.corp.example", site.servers[to].name.to_lowercase());
        let time = site.later(at);
        record(
            site,
            mail,
            from,
            time,
            1031,
            &Other {
                partner: &partner,
                ..NONE
            },
            addresses,
        );
        let client = format!("{}.corp.example", site.servers[from].name.to_lowercase());
        let time = site.later(at);
        record(
            site,
            mail,
            to,
            time,
            1019,
            &Other {
                client: &client,
                ..NONE
            },
            addresses,
        );
        steps(site, mail, to, at, &[1025, 1024, 1033], addresses);
    }
}

/// To a mailbox of either generation.
fn bring(
    site: &mut Site,
    mail: &mut Mail,
    from: usize,
    user: User,
    at: &mut i64,
    via: Option<&str>,
) {
    let (home, address) = (site.server_of(user), site.address(user));
    let found = if site.servers[home].is_old {
        let name = site.name(user);
        steps(
            site,
            mail,
            from,
            at,
            &[1038, 1029],
            std::slice::from_ref(&address),
        );
        let (time, next) = (site.later(at), site.mta(home));
        taken_over(site, mail, from, time, "", std::slice::from_ref(&name));
        let time = site.later(at);
        mta_record(
            site,
            mail,
            from,
            time,
            7,
            &next,
            std::slice::from_ref(&name),
        );
        let (time, before) = (site.later(at), site.mta(from));
        old::record(
            site,
            mail,
            home,
            time,
            0,
            &before,
            std::slice::from_ref(&name),
        );
        let (time, store) = (site.later(at), site.store(home));
        old::record(
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
        hop(site, mail, from, home, at, std::slice::from_ref(&address));
        deliver(site, mail, home, user, at)
    };
    let via = via.map(|list| ("expanded", list.to_lowercase()));
    mail.told.push(Told {
        address: found.to_lowercase(),
        status: "delivered",
        server: Some(home),
        via,
    });
}

/// The MTA of a 2003 server, whose ids are MTS-IDs.
fn mta_record(
    site: &mut Site,
    mail: &Mail,
    server: usize,
    at: i64,
    event: u16,
    partner: &str,
    names: &[String],
) {
    let id = mail.mts_id.to_uppercase();
    let sender = format!("EX:{}", mail.sender);
    site.logs.new_row(
        server,
        at,
        &New {
            id: &id,
            event,
            client: "",
            partner,
            linked: "",
            replaced: "",
            sender: &sender,
            subject: "",
            size: mail.size,
            recipients: names,
        },
    );
}

/// The MTA of a 2003 server took the message over.
pub fn taken_over(
    site: &mut Site,
    mail: &Mail,
    server: usize,
    at: i64,
    before: &str,
    names: &[String],
) {
    mta_record(site, mail, server, at, 0, before, names);
}

/// From the MTA of a 2003 server to a mailbox on it; the message gets a Message-ID there. Returns the address.
pub fn arrive_from_mta(
    site: &mut Site,
    mail: &mut Mail,
    server: usize,
    user: User,
    at: &mut i64,
) -> String {
    if mail.message_id.is_empty() {
        mail.message_id = make_id(site, server);
    }
    let (time, address, linked) = (site.later(at), site.address(user), mail.mts_id.clone());
    record(
        site,
        mail,
        server,
        time,
        1019,
        &Other {
            linked: &linked,
            ..NONE
        },
        std::slice::from_ref(&address),
    );
    steps(
        site,
        mail,
        server,
        at,
        &[1025, 1024, 1033],
        std::slice::from_ref(&address),
    );
    deliver(site, mail, server, user, at)
}

fn to_mailboxes(site: &mut Site, from: User) {
    let mut users: Vec<User> = (0..1 + site.rng.below(4)).map(|_| site.user()).collect();
    users.sort_by_key(|user| user.0);
    users.dedup();
    let addresses: Vec<String> = users.iter().map(|user| site.address(*user)).collect();
    let (mut mail, server, mut at) = submit(site, from, &addresses);
    for user in users {
        bring(site, &mut mail, server, user, &mut at, None);
    }
    site.finish(mail);
}

fn to_list(site: &mut Site, from: User) {
    let list = format!("list{}@corp.example", site.rng.below(20));
    let (mut mail, server, mut at) = submit(site, from, std::slice::from_ref(&list));
    let mut members: Vec<User> = (0..2 + site.rng.below(3))
        .map(|_| site.user_of(false))
        .collect();
    members.sort_by_key(|user| user.0);
    members.dedup();
    let addresses: Vec<String> = members.iter().map(|user| site.address(*user)).collect();
    let (time, replaced) = (site.later(&mut at), list.as_str());
    let expanded = Other { replaced, ..NONE };
    record(site, &mail, server, time, 26, &expanded, &addresses);
    mail.told(&list, "expanded", Some(server));
    for user in members {
        bring(site, &mut mail, server, user, &mut at, Some(&list));
    }
    site.finish(mail);
}

fn outbound(site: &mut Site, from: User) {
    let person = site.outsider();
    let (mut mail, server, mut at) = submit(site, from, std::slice::from_ref(&person));
    steps(
        site,
        &mail,
        server,
        &mut at,
        &[1034, 1020],
        std::slice::from_ref(&person),
    );
    let partner = format!("mx.{}", person.split('@').next_back().unwrap_or_default());
    let time = site.later(&mut at);
    record(
        site,
        &mail,
        server,
        time,
        1031,
        &Other {
            partner: &partner,
            ..NONE
        },
        std::slice::from_ref(&person),
    );
    mail.told(&person, "transferred", Some(server));
    site.finish(mail);
}

/// From the Internet to a mailbox, or to the filter.
fn inbound(site: &mut Site, event: u16, status: &'static str) {
    let (server, user, person) = (site.first(false), site.user_of(false), site.outsider());
    let mut mail = site.draft(server, person);
    mail.message_id = format!("{}.{}@mail.partner.example", mail.size, site.number);
    let (mut at, address) = (site.clock, site.address(user));
    // What the filter refuses is not taken over before.
    if event != 1040 {
        let from = Other {
            client: "mx.partner.example",
            ..NONE
        };
        let to = std::slice::from_ref(&address);
        record(site, &mail, server, at, 1019, &from, to);
        steps(site, &mail, server, &mut at, &[1025, 1024], to);
    }
    if event == 1028 {
        bring(site, &mut mail, server, user, &mut at, None);
    } else {
        steps(
            site,
            &mail,
            server,
            &mut at,
            &[event],
            std::slice::from_ref(&address),
        );
        mail.told(&address, status, Some(server));
    }
    site.finish(mail);
}

fn redirected(site: &mut Site, from: User) {
    let user = site.user_of(false);
    let other = User((user.0 + site.servers.len()) % site.users);
    let home = site.server_of(user);
    if other == user || site.server_of(other) != home {
        return to_mailboxes(site, from);
    }
    let address = site.address(user);
    let (mut mail, server, mut at) = submit(site, from, std::slice::from_ref(&address));
    hop(
        site,
        &mail,
        server,
        home,
        &mut at,
        std::slice::from_ref(&address),
    );
    let alternate = site.address(other);
    let (time, replaced) = (site.later(&mut at), address.as_str());
    let redirect = Other { replaced, ..NONE };
    let to = std::slice::from_ref(&alternate);
    record(site, &mail, home, time, 1042, &redirect, to);
    mail.told(&address, "redirected", Some(home));
    let found = deliver(site, &mail, home, other, &mut at);
    mail.told.push(Told {
        address: found,
        status: "delivered",
        server: Some(home),
        via: Some(("redirected", address)),
    });
    site.finish(mail);
}

/// Ends on the first server by an event.
fn ended(site: &mut Site, from: User, event: u16, status: &'static str) {
    let address = format!("nobody{}@corp.example", site.number);
    let (mut mail, server, mut at) = submit(site, from, std::slice::from_ref(&address));
    steps(
        site,
        &mail,
        server,
        &mut at,
        &[event],
        std::slice::from_ref(&address),
    );
    mail.told(&address, status, Some(server));
    site.finish(mail);
}

/// Given to a server of which no log exists.
fn lost(site: &mut Site, from: User) {
    let address = format!("far{}@corp.example", site.number);
    let (mut mail, server, mut at) = submit(site, from, std::slice::from_ref(&address));
    steps(
        site,
        &mail,
        server,
        &mut at,
        &[1034, 1020],
        std::slice::from_ref(&address),
    );
    let time = site.later(&mut at);
    record(
        site,
        &mail,
        server,
        time,
        1031,
        &Other {
            partner: "GONE",
            ..NONE
        },
        std::slice::from_ref(&address),
    );
    mail.told(&address, "unknown", None);
    site.finish(mail);
}
