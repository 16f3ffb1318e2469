//! Organisations of 1998 to 2007: sites of Exchange 5.5 and of 2003, both in one organisation, and 2003 on its way to 2007.
//!
//! In: [`Options`]. Out: `<SERVER>/tracking.log/YYYYMMDD.log` (5.5) and `<SERVER>.log/YYYYMMDD.log` (2003) for each server,
//! and `truth.jsonl`. Each message takes one of a few ways, chosen at random, so that every end a recipient can
//! come to occurs. Shaped after `formats/legacy.md`: rows of events of which no real one was found (reports,
//! the Internet Mail Service's) follow the documented rules and may differ from Exchange's.

mod new;
mod newer;
mod old;
mod records;
mod write;

use std::io::Error;
use std::path::Path;
use std::slice::from_ref;

use super::rng::Rng;
use super::{Options, Summary};
use crate::simulate::truth::Truth;
use crate::time::{DAY, HOUR, SECOND};
use write::Logs;

/// Which generations the organisation has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generation {
    /// Exchange 5.5 only.
    Old,
    /// Exchange 2003 only.
    New,
    /// Every other server is still on 5.5.
    Both,
    /// Exchange 2003, and every other server is on 2007 already.
    Newer,
}

/// One server; the first of each generation has the way to the Internet.
struct Server {
    name: String,
    kind: Kind,
    /// 5.5.
    is_old: bool,
    /// Its site, which stands in distinguished names.
    site: String,
}

/// What a server runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// 5.5.
    Old,
    /// 2003.
    New,
    /// 2007.
    Newer,
}

impl Kind {
    fn of(generation: Generation, i: usize) -> Kind {
        match (generation, i.is_multiple_of(2)) {
            (Generation::Old, _) | (Generation::Both, true) => Kind::Old,
            (Generation::Newer, false) => Kind::Newer,
            _ => Kind::New,
        }
    }

    /// What its name begins with.
    fn name(self) -> &'static str {
        match self {
            Kind::Old => "OLD",
            Kind::New => "NEW",
            Kind::Newer => "HUB",
        }
    }
}

/// A mailbox.
#[derive(Clone, Copy, PartialEq, Eq)]
struct User(usize);

/// What became of one recipient.
struct Told {
    address: String,
    status: &'static str,
    server: Option<usize>,
    via: Option<(&'static str, String)>,
}

/// A message on its way.
struct Mail {
    mts_id: String,
    /// The Message-ID, once it has one.
    message_id: String,
    sender: String,
    size: i64,
    subject: String,
    first_seen: i64,
    class: &'static str,
    told: Vec<Told>,
}

/// A message on its way through the organisation, at an instant.
struct Way<'s> {
    site: &'s mut Site,
    mail: Mail,
    at: i64,
}

impl<'s> Way<'s> {
    /// Begins on `server` now.
    fn begin(site: &'s mut Site, server: usize, sender: String) -> Way<'s> {
        let (mail, at) = (site.draft(server, sender), site.clock);
        Way { site, mail, at }
    }

    /// Some seconds pass.
    fn wait(&mut self) -> &mut Self {
        self.at += self.site.rng.between(1, 5) * SECOND;
        self
    }

    fn told(&mut self, address: &str, status: &'static str, server: Option<usize>) {
        self.told_by(address, status, server, None);
    }

    /// What becomes of a recipient that came in by a list or by another address.
    fn told_by(
        &mut self,
        address: &str,
        status: &'static str,
        server: Option<usize>,
        via: Option<(&'static str, &str)>,
    ) {
        self.mail.told.push(Told {
            address: address.to_lowercase(),
            status,
            server,
            via: via.map(|(kind, from)| (kind, from.to_lowercase())),
        });
    }

    /// Writes down what became of it.
    fn finish(self) {
        let servers = &self.site.servers;
        let line = write::line(&self.mail, |server| servers[server].name.to_lowercase());
        self.site.truth.add(self.mail.first_seen, &line);
    }

    /// A record of the MTA of a server of either generation, whose ids are MTS-IDs.
    fn mta_record(&mut self, server: usize, event: u16, partner: &str, names: &[String]) {
        match self.site.servers[server].is_old {
            true => self.old_record(server, event, partner, names),
            false => self.new_mta_record(server, event, partner, names),
        }
    }

    /// From one server's MTA to another's.
    fn transfer(&mut self, from: usize, to: usize, names: &[String]) {
        if from != to {
            let (next, before) = (self.site.mta(to), self.site.mta(from));
            self.wait().mta_record(from, 7, &next, names);
            self.wait().mta_record(to, 0, &before, names);
        }
    }

    /// From a server to a mailbox of either generation, over whatever lies between; `list` is what the mailbox is of.
    fn bring(&mut self, from: usize, user: User, list: Option<&str>) {
        let (home, name) = (self.site.server_of(user), self.site.name(user));
        let is_old = |server: usize| self.site.servers[server].is_old;
        let found = match (is_old(from), is_old(home)) {
            (false, false) => {
                let address = self.site.address(user);
                self.smtp_hop(from, home, from_ref(&address));
                self.deliver_new(home, user)
            }
            (from_old, to_old) => {
                if !from_old {
                    let address = self.site.address(user);
                    self.steps(from, &[1038, 1029], from_ref(&address));
                    self.wait().mta_record(from, 0, "", from_ref(&name));
                }
                self.transfer(from, home, from_ref(&name));
                if to_old {
                    let store = self.site.store(home);
                    self.wait().old_record(home, 9, &store, from_ref(&name));
                    name
                } else {
                    self.arrive_from_mta(home, user)
                }
            }
        };
        let via = list.map(|list| ("expanded", list));
        self.told_by(&found, "delivered", Some(home), via);
    }
}

/// The organisation while time passes.
struct Site {
    servers: Vec<Server>,
    users: usize,
    rng: Rng,
    logs: Logs,
    truth: Truth,
    number: u64,
    clock: i64,
}

impl Site {
    fn server_of(&self, user: User) -> usize {
        user.0 % self.servers.len()
    }

    fn user(&mut self) -> User {
        User(self.rng.below(self.users))
    }

    /// A user on a server of the wanted generation.
    fn user_of(&mut self, old: bool) -> User {
        loop {
            let user = self.user();
            if self.servers[self.server_of(user)].is_old == old {
                return user;
            }
        }
    }

    /// The distinguished name of a mailbox.
    fn name(&self, user: User) -> String {
        let site = &self.servers[self.server_of(user)].site;
        format!("/o=CORP/ou={site}/cn=Recipients/cn=U{}", user.0)
    }

    fn address(&self, user: User) -> String {
        format!("u{}@corp.example", user.0)
    }

    fn mta(&self, server: usize) -> String {
        let Server { name, site, .. } = &self.servers[server];
        format!("/O=CORP/OU={site}/CN=CONFIGURATION/CN=SERVERS/CN={name}/CN=MICROSOFT MTA")
    }

    fn store(&self, server: usize) -> String {
        let Server { name, site, .. } = &self.servers[server];
        format!("/O=CORP/OU={site}/CN=CONFIGURATION/CN=SERVERS/CN={name}/CN=MICROSOFT PRIVATE MDB")
    }

    /// Different mailboxes, at least one and at most `most`.
    fn some(&mut self, most: usize, mut pick: impl FnMut(&mut Site) -> User) -> Vec<User> {
        let mut users: Vec<User> = (0..most).map(|_| pick(self)).collect();
        users.sort_by_key(|user| user.0);
        users.dedup();
        users
    }

    fn outsider(&mut self) -> String {
        format!(
            "p{}@partner{}.example",
            self.rng.below(500),
            self.rng.below(9)
        )
    }

    /// A new message, submitted on `server` now.
    fn draft(&mut self, server: usize, sender: String) -> Mail {
        self.number += 1;
        let stamp = write::stamp(self.clock);
        let name = &self.servers[server].name;
        Mail {
            mts_id: format!("c=US;a= ;p=CORP;l={name}-{stamp}Z-{}", self.number),
            message_id: String::new(),
            sender,
            size: self.rng.skewed(3000),
            subject: format!("Subject {}", self.number),
            first_seen: self.clock,
            class: "mail",
            told: Vec::new(),
        }
    }

    fn first(&self, old: bool) -> usize {
        self.servers
            .iter()
            .position(|server| server.is_old == old)
            .unwrap_or(0)
    }
}

/// Simulates and writes into `out`.
pub fn run(
    options: &Options,
    generation: Generation,
    out: &Path,
    truth: Truth,
) -> Result<Summary, Error> {
    let count = options.servers.max(2);
    let server = |i| {
        let kind = Kind::of(generation, i);
        Server {
            name: format!("{}{:02}", kind.name(), i + 1),
            kind,
            is_old: kind == Kind::Old,
            // Neighbours are of one site, so that mail crosses sites less often than it stays.
            site: match i * options.sites.clamp(1, count) / count {
                0 => "HQ".to_string(),
                site => format!("SITE{}", site + 1),
            },
        }
    };
    let servers: Vec<Server> = (0..count).map(server).collect();
    let start = options.start_micros();
    let mut site = Site {
        logs: Logs::new(servers.iter().map(|s| (s.name.clone(), s.kind)).collect()),
        servers,
        users: options.users.max(2 * count),
        rng: Rng::new(options.seed),
        truth,
        number: 0,
        clock: start,
    };
    // 350 bytes of log per record, about seven records per message.
    let per_day = options
        .size_bytes
        .map_or(options.messages_per_day, |bytes| bytes / 2500)
        .max(1);
    let days = i64::from(options.days);
    let messages = days * per_day as i64;
    for i in 0..messages {
        site.clock = start + i * DAY / per_day as i64;
        let user = site.user();
        match site.servers[site.server_of(user)].is_old {
            true => old::message(&mut site, user),
            false => new::message(&mut site, user),
        }
    }
    // Nothing may end with the log: a last message on every server, an hour later.
    site.clock = start + days * DAY + HOUR;
    for server in 0..count {
        match site.servers[server].is_old {
            true => old::closing(&mut site, server),
            false => new::closing(&mut site, server),
        }
    }
    site.truth.flush(i64::MAX)?;
    let written = site.logs.write(out, &options.leave_out)?;
    Ok(Summary {
        messages: site.truth.messages,
        ..written
    })
}
