//! The made-up organisation: servers, sites, people, lists and the outside world.
//!
//! In: options. Out: [`Organisation`], which never changes during a run. All names are invented, all
//! domains are those that RFC 2606 keeps free.

use super::Options;
use super::layout::Layout;
use super::rng::Rng;
use super::text::{push_guid, push_hex_pairs, ticks};
use super::wording::{FAMILY_NAMES, GIVEN_NAMES, LIST_NAMES, OUTSIDE, SITES, rule_texts};
use crate::time::DAY;

pub const DOMAIN: &str = "example.com";

/// People of the tales, by index. They have what their tale needs.
pub const FULL: usize = 5;
pub const LEFT_FOR_GOOD: usize = 6;
pub const KEEPS_COPY: usize = 7;

/// Lists of the tales, by index.
pub const TEAM: usize = 0;
pub const OUTER: usize = 1;
pub const INNER: usize = 2;

/// A server and how its rows look.
pub struct Server {
    /// Short, lower case.
    pub name: String,
    pub upper: String,
    pub fqdn: String,
    pub ip: String,
    /// What local services call the address of this server: IPv6 with scope on some.
    pub local_ip: String,
    pub site: usize,
    pub edge: bool,
    pub layout: Layout,
    /// The build that `schema-version` names, and the header where the layout has no other.
    pub build: &'static str,
    pub version: &'static str,
    /// What its clock is ahead of true time, in microseconds.
    pub skew: i64,
    pub database: String,
    /// LF and no byte order mark: files that were collected by a script.
    pub plain: bool,
    /// Session ids count from about when the service started.
    pub session_base: u64,
    /// Its files are not to be written.
    pub left_out: bool,
}

/// Where a mailbox forwards to.
pub struct Forward {
    pub address: String,
    /// The user it is, or the outside host.
    pub user: Option<usize>,
    pub outside: usize,
    pub keeps_copy: bool,
}

/// A mailbox.
pub struct User {
    pub address: String,
    pub alias: String,
    pub legacy_dn: String,
    pub server: usize,
    pub mailbox: String,
    pub entry_id: String,
    pub client_ip: String,
    pub forward: Option<Forward>,
    pub full: bool,
    pub journaled: bool,
}

/// A member of a list.
pub enum Member {
    User(usize),
    List(usize),
    Outside(String, usize),
}

/// A distribution list.
pub struct List {
    pub address: String,
    pub members: Vec<Member>,
    pub moderator: Option<usize>,
}

/// Somebody else's mail server.
pub struct Outside {
    pub domain: String,
    pub host: String,
    pub ip: String,
}

pub struct Organisation {
    /// Mailbox servers first, then edges.
    pub servers: Vec<Server>,
    pub mailbox_servers: usize,
    pub sites: Vec<&'static str>,
    /// People first; then journal mailbox and health mailboxes, which nobody writes to by chance.
    pub users: Vec<User>,
    pub people: usize,
    pub lists: Vec<List>,
    pub outside: Vec<Outside>,
    /// Variants of what the transport rule agent says of a mail.
    pub rules: Vec<String>,
    pub journal: usize,
    /// Health mailbox of each mailbox server.
    pub health: Vec<usize>,
    /// The tales' user on the server whose logs are missing.
    pub far_away: usize,
    /// Whose way of writing dates leaks into statuses.
    pub german_locale: bool,
}

impl Organisation {
    pub fn new(options: &Options, rng: &mut Rng) -> Organisation {
        let sites = SITES[..options.sites.clamp(1, SITES.len())].to_vec();
        let mailbox_servers = options.servers.max(1);
        let servers: Vec<Server> = (0..mailbox_servers + options.edges)
            .map(|i| server(options, rng, i, mailbox_servers, sites.len()))
            .collect();
        let outside = OUTSIDE
            .iter()
            .enumerate()
            .map(|(i, domain)| outside(i, domain))
            .collect();
        let mut org = Organisation {
            servers,
            mailbox_servers,
            sites,
            users: Vec::new(),
            people: options.users.max(if options.stories { 12 } else { 8 }),
            lists: Vec::new(),
            outside,
            rules: Vec::new(),
            journal: 0,
            health: Vec::new(),
            far_away: 0,
            german_locale: rng.chance(5000),
        };
        org.settle(options, rng);
        org.rules = rule_texts(rng);
        org
    }

    /// Gives everybody a mailbox, then makes lists of them.
    fn settle(&mut self, options: &Options, rng: &mut Rng) {
        // In the tales the server without logs has the mailboxes the tales give it, and no others.
        let homes: Vec<usize> = (0..self.mailbox_servers)
            .filter(|&s| s == 0 || !(options.stories && self.servers[s].left_out))
            .collect();
        for i in 0..self.people {
            let (given, family) = (i % GIVEN_NAMES.len(), i * 7 / 3 % FAMILY_NAMES.len());
            let mut name = format!("{}.{}", GIVEN_NAMES[given], FAMILY_NAMES[family]);
            if self
                .users
                .iter()
                .any(|u| u.address.split('@').next() == Some(&name))
            {
                name = format!("{name}{i}");
            }
            let home = homes[i % homes.len()];
            self.users.push(user(&name, home, i, rng));
        }
        for i in 0..self.people {
            self.users[i].full = !options.stories && i % 149 == 17;
            self.users[i].journaled = !options.stories && i % 97 == 5;
            if !options.stories && i % 41 == 11 {
                let forward = self.forward(i, rng);
                self.users[i].forward = Some(forward);
            }
        }
        self.journal = self.users.len();
        self.users
            .push(user("journal", homes[0], self.journal, rng));
        for s in 0..self.mailbox_servers {
            let mut name = "HealthMailbox".to_string();
            let mut guid = String::new();
            push_guid(&mut guid, rng);
            name.push_str(&guid.replace('-', ""));
            self.health.push(self.users.len());
            self.users.push(user(&name, s, self.users.len(), rng));
        }
        self.make_lists(rng);
        if options.stories {
            self.cast_tales(rng);
        }
    }

    /// Gives the people and lists of the tales what their tale needs.
    fn cast_tales(&mut self, rng: &mut Rng) {
        self.users[FULL].full = true;
        for (u, keeps_copy) in [(LEFT_FOR_GOOD, false), (KEEPS_COPY, true)] {
            let address = format!("private{u}@{}", self.outside[2].domain);
            self.users[u].forward = Some(Forward {
                address,
                user: None,
                outside: 2,
                keeps_copy,
            });
        }
        self.far_away = self.users.len();
        let last = self.mailbox_servers - 1;
        self.users
            .push(user("sigrid.bergen", last, self.far_away, rng));
        let casts: [(usize, &[usize], &[usize]); 3] = [
            (TEAM, &[2, 3, 4, FULL], &[]),
            (INNER, &[9, 10, 3], &[]),
            (OUTER, &[3, 0, 11], &[INNER]),
        ];
        for (list, people, lists) in casts {
            let people = people.iter().map(|&u| Member::User(u));
            let lists = lists.iter().map(|&l| Member::List(l));
            self.lists[list].members = people.chain(lists).collect();
        }
    }

    fn forward(&self, i: usize, rng: &mut Rng) -> Forward {
        let to = (i + 3) % self.people;
        let outside = rng.below(self.outside.len());
        // A chain of forwards is legal, but the limit is one link here, so the last one never forwards.
        let user = (i.is_multiple_of(2) && to % 41 != 11).then_some(to);
        Forward {
            address: match user {
                Some(to) => self.users[to].address.clone(),
                None => format!("private{i}@{}", self.outside[outside].domain),
            },
            user,
            outside,
            keeps_copy: i / 41 % 2 == 1,
        }
    }

    fn make_lists(&mut self, rng: &mut Rng) {
        let count = (self.people / 12 + 4).min(LIST_NAMES.len() * 8);
        for i in 0..count {
            let name = LIST_NAMES[i % LIST_NAMES.len()];
            let address = match i / LIST_NAMES.len() {
                0 => format!("{name}@{DOMAIN}"),
                n => format!("{name}-{n}@{DOMAIN}"),
            };
            let size = 3 + rng.below(3 + self.people.min(240) / 12);
            let mut members = Vec::new();
            let first = rng.below(self.people);
            for k in 0..size {
                members.push(Member::User((first + k * 3) % self.people));
            }
            // A list holds only earlier lists, so that no list can hold itself.
            if i > 2 && i % 3 == 0 {
                members.push(Member::List(rng.below(i)));
            }
            if i % 5 == 2 {
                let host = rng.below(self.outside.len());
                let address = format!("partner{i}@{}", self.outside[host].domain);
                members.push(Member::Outside(address, host));
            }
            let moderator = (i % 9 == 4).then(|| rng.below(self.people));
            self.lists.push(List {
                address,
                members,
                moderator,
            });
        }
    }

    /// Whether two servers can hand each other mail for a mailbox without another transport hop.
    pub fn same_delivery_group(&self, a: usize, b: usize) -> bool {
        let (a, b) = (&self.servers[a], &self.servers[b]);
        a.site == b.site && a.layout.is_modern() == b.layout.is_modern()
    }

    /// A mailbox server of `site`, one of the given kind where there is one.
    pub fn hub_in(&self, site: usize, modern: bool, rng: &mut Rng) -> usize {
        let fits = |s: &usize| self.servers[*s].site == site;
        let same = |s: &usize| fits(s) && self.servers[*s].layout.is_modern() == modern;
        let count = (0..self.mailbox_servers).filter(same).count();
        if count > 0 {
            let n = rng.below(count);
            return (0..self.mailbox_servers).filter(same).nth(n).unwrap_or(0);
        }
        (0..self.mailbox_servers).find(fits).unwrap_or(0)
    }

    pub fn member_address<'b>(&'b self, member: &'b Member) -> &'b str {
        match member {
            Member::User(u) => &self.users[*u].address,
            Member::List(l) => &self.lists[*l].address,
            Member::Outside(address, _) => address,
        }
    }

    /// An edge, where there are any.
    pub fn any_edge(&self, rng: &mut Rng) -> Option<usize> {
        let edges = self.servers.len() - self.mailbox_servers;
        (edges > 0).then(|| self.mailbox_servers + rng.below(edges))
    }
}

fn server(options: &Options, rng: &mut Rng, i: usize, mailbox: usize, sites: usize) -> Server {
    let edge = i >= mailbox;
    let name = if edge {
        format!("edge{:02}", i - mailbox + 1)
    } else {
        format!("ex{:02}", i + 1)
    };
    let layout = match options.layout {
        super::LayoutChoice::One(layout) => layout,
        super::LayoutChoice::Mixed => {
            [Layout::V2016, Layout::V2013, Layout::V2010, Layout::V2007][i % 4]
        }
        // Those have a simulation of their own.
        super::LayoutChoice::Legacy(_) | super::LayoutChoice::Hybrid => Layout::V2007,
    };
    let (version, build) = match layout {
        Layout::V2007 => ("8.0.0.0", ""),
        Layout::V2010 => ("14.0.0.0", ""),
        Layout::V2013 => ("15.00.1497.048", ""),
        Layout::V2016 if i % 3 == 2 => ("15.02.1544.011", "15.02.1544.011"),
        Layout::V2016 => ("15.01.2507.023", "15.01.2507.023"),
    };
    let site = if edge { 0 } else { i * sites / mailbox };
    let ip = match edge {
        true => format!("192.0.2.{}", 20 + i - mailbox),
        false => format!("10.{}.1.{}", 20 + site, 11 + i),
    };
    let mut database = String::new();
    push_guid(&mut database, rng);
    let skew = match options.skew_ms.abs() {
        0 => 0,
        max => rng.between(-max, max + 1) * 1000,
    };
    Server {
        upper: name.to_uppercase(),
        fqdn: format!("{name}.{DOMAIN}"),
        local_ip: if i % 3 == 2 {
            format!("fe80::5c1d:8a2:77fe:{i:x}%{}", i % 9 + 3)
        } else {
            ip.clone()
        },
        ip,
        site,
        edge,
        layout,
        build,
        version,
        skew,
        database,
        plain: i == 1,
        session_base: ticks(options.start_micros() - 9 * DAY - rng.between(0, DAY)),
        left_out: options
            .leave_out
            .iter()
            .any(|n| n.eq_ignore_ascii_case(&name)),
        name,
    }
}

fn user(name: &str, server: usize, i: usize, rng: &mut Rng) -> User {
    let mut mailbox = String::new();
    push_guid(&mut mailbox, rng);
    let mut entry_id = "00-00-00-00-".to_string();
    push_hex_pairs(&mut entry_id, rng, 58);
    let short: String = name
        .chars()
        .take(1)
        .chain(name.split('.').nth(1).unwrap_or("x").chars())
        .collect();
    User {
        address: format!("{name}@{DOMAIN}"),
        alias: format!("{short}{i}@{DOMAIN}"),
        legacy_dn: format!(
            "/o=Example/ou=Exchange Administrative Group/cn=Recipients/cn={short}{i}"
        ),
        server,
        mailbox,
        entry_id,
        client_ip: format!(
            "10.{}.{}.{}",
            100 + server % 100,
            i / 250 % 250,
            i % 250 + 1
        ),
        forward: None,
        full: false,
        journaled: false,
    }
}

fn outside(i: usize, domain: &str) -> Outside {
    Outside {
        domain: domain.to_string(),
        host: format!("mx{}.{domain}", i % 3 + 1),
        ip: match i % 7 {
            6 => format!("2001:db8:{:x}::25", i + 16),
            _ => format!("198.51.100.{}", i * 4 % 250 + 1),
        },
    }
}
