//! A hybrid organisation: Exchange on the premises, two Postfix relays, an Exim content filter, and Exchange Online.
//!
//! In: [`Options`]. Out: `ex01/MessageTracking/*.LOG`, `edge1/mail.log` (RFC 3339, short queue ids), `edge2/mail.log` (stamps
//! without year and zone, long ids), `scan1/mainlog` (Exim, local time), `cloud/MessageTrace.csv`, and `truth.jsonl`,
//! which names for every recipient the hosts it passed. Each message takes one of a few ways, chosen at random, so
//! that every end a recipient can come to occurs, and every pair of neighbours hands over to each other. Lines are
//! shaped after those that real servers wrote (`formats/foreign.md`).

mod relay;
mod write;

use std::io::Error;
use std::path::Path;

use super::rng::Rng;
use super::{Options, Summary};
use crate::simulate::truth::Truth;
use crate::time::{DAY, SECOND};
use write::{Exchange, Files};

const DOMAIN: &str = "corp.example";
const PARTNER: Host = Host {
    name: "mx.partner.example",
    ip: "198.51.100.9",
};
/// What takes mail for the cloud, and what the cloud sends from.
const CLOUD_IN: Host = Host {
    name: "corp-example.mail.protection.outlook.com",
    ip: "52.101.68.1",
};
const CLOUD_OUT: Host = Host {
    name: "mail-am6eur05on2100.outbound.protection.outlook.com",
    ip: "40.107.22.100",
};
/// The server that traces of the cloud speak of.
const CLOUD: &str = "exchange-online";
/// Where a script lets a list of people be reached under one address.
const ALIAS: &str = "info@corp.example";

/// A host by name and address.
#[derive(Clone, Copy)]
struct Host {
    name: &'static str,
    ip: &'static str,
}

const EX01: Host = Host {
    name: "ex01.corp.example",
    ip: "10.0.0.1",
};
const EDGES: [Host; 2] = [
    Host {
        name: "edge1.corp.example",
        ip: "10.0.0.11",
    },
    Host {
        name: "edge2.corp.example",
        ip: "10.0.0.12",
    },
];
const SCAN: Host = Host {
    name: "scan1.corp.example",
    ip: "10.0.0.21",
};

impl Host {
    fn short(self) -> &'static str {
        self.name.split('.').next().unwrap_or(self.name)
    }
}

/// What became of a recipient.
struct Told {
    address: String,
    status: &'static str,
    server: &'static str,
    at: i64,
    via: Option<String>,
    way: Vec<&'static str>,
}

/// A message; each host that takes it over gets a copy of what it needs.
struct Mail {
    id: String,
    class: &'static str,
    sender: String,
    subject: String,
    size: usize,
    first_seen: i64,
    told: Vec<Told>,
}

/// Recipients that travel together, and the hosts they passed.
#[derive(Clone)]
struct Load {
    to: Vec<String>,
    /// The alias that they came by.
    via: Option<String>,
    way: Vec<&'static str>,
    at: i64,
}

impl Load {
    /// The load on a further host, at a time.
    fn on(&self, host: &'static str, at: i64, to: Vec<String>) -> Load {
        let mut way = self.way.clone();
        way.push(host);
        Load {
            to,
            via: self.via.clone(),
            way,
            at,
        }
    }
}

impl Mail {
    fn told(&mut self, load: &Load, address: &str, status: &'static str, server: &'static str) {
        self.told.push(Told {
            address: address.to_string(),
            status,
            server,
            at: load.at,
            via: load.via.clone(),
            way: load.way.clone(),
        });
    }
}

fn is_cloud(address: &str) -> bool {
    address.starts_with('c') && address.ends_with(DOMAIN)
}

fn is_outside(address: &str) -> bool {
    !address.ends_with(DOMAIN)
}

/// The organisation while time passes.
struct Hybrid {
    rng: Rng,
    files: Files,
    truth: Truth,
    users: usize,
    number: u64,
}

/// Simulates and writes into `out`.
pub fn run(options: &Options, out: &Path, truth: Truth) -> Result<Summary, Error> {
    let mut hybrid = Hybrid {
        rng: Rng::new(options.seed),
        files: Files::default(),
        truth,
        users: options.users.max(8),
        number: 0,
    };
    let total = options.messages_per_day * u64::from(options.days);
    let step = i64::from(options.days) * DAY / (total as i64 + 1);
    for n in 0..total {
        let at = options.start_micros() + n as i64 * step + hybrid.rng.between(0, step.max(2));
        match hybrid.rng.below(10) {
            0..3 => hybrid.sent_on_premises(at),
            3..5 => hybrid.sent_in_cloud(at),
            5 => hybrid.refused(at),
            _ => hybrid.sent_outside(at),
        }
    }
    // Logs go on behind the last message, so that what waits is seen to wait.
    let end = options.start_micros() + i64::from(options.days) * DAY;
    for edge in 0..EDGES.len() {
        let text =
            "anvil[99]: statistics: max connection rate 1/60s for (smtp:10.0.0.1)".to_string();
        hybrid.files.postfix(edge, end, &text);
    }
    let (files, bytes) = hybrid
        .files
        .write(out, options.start_micros(), &options.leave_out)?;
    hybrid.truth.flush(i64::MAX)?;
    Ok(Summary {
        files,
        bytes,
        rows: hybrid.files.rows(),
        messages: hybrid.truth.messages,
    })
}

impl Hybrid {
    fn person(&mut self, kind: char) -> String {
        format!("{kind}{}@{DOMAIN}", self.rng.below(self.users))
    }

    fn stranger(&mut self) -> String {
        format!("x{}@partner.example", self.rng.below(self.users))
    }

    /// One to three different recipients of the kinds in `kinds`: `p`remises, `c`loud, `x` outside.
    fn people(&mut self, kinds: &[char]) -> Vec<String> {
        let mut to: Vec<String> = Vec::new();
        for _ in 0..1 + self.rng.below(3) {
            let next = match *self.rng.pick(kinds) {
                'x' => self.stranger(),
                kind => self.person(kind),
            };
            if !to.contains(&next) {
                to.push(next);
            }
        }
        to
    }

    fn mail(&mut self, at: i64, sender: String, domain: &str) -> Mail {
        self.number += 1;
        Mail {
            id: format!("<{:x}.{}@{domain}>", self.rng.bits() >> 16, self.number),
            class: "mail",
            sender,
            subject: format!("Subject {}", self.number),
            size: 2000 + self.rng.below(60_000),
            first_seen: at,
            told: Vec::new(),
        }
    }

    fn finish(&mut self, mail: &Mail) {
        self.truth.add(mail.first_seen, &write::line(mail));
    }

    fn soon(&mut self) -> i64 {
        self.rng.between(20_000, 900_000)
    }

    fn sent_on_premises(&mut self, at: i64) {
        let sender = self.person('p');
        let mut mail = self.mail(at, sender, EX01.name);
        let to = self.people(&['p', 'c', 'x']);
        let load = Load {
            to: to.clone(),
            via: None,
            way: vec![EX01.short()],
            at,
        };
        let number = self.files.exchange_id();
        self.files.exchange(&Exchange {
            at,
            event: "STOREDRIVER,RECEIVE",
            client: "pc7.corp.example",
            server: EX01,
            context: "",
            number,
            mail: &mail,
            to: &to,
        });
        self.on_premises_or_on(&mut mail, &load, number);
        self.finish(&mail);
    }

    /// Exchange has it: into mailboxes, and the rest to a relay.
    fn on_premises_or_on(&mut self, mail: &mut Mail, load: &Load, number: u64) {
        let (here, on): (Vec<String>, Vec<String>) = load
            .to
            .iter()
            .cloned()
            .partition(|to| !is_cloud(to) && !is_outside(to));
        if !here.is_empty() {
            let at = load.at + self.soon();
            self.files.exchange(&Exchange {
                at,
                event: "STOREDRIVER,DELIVER",
                client: EX01.name,
                server: EX01,
                context: "",
                number,
                mail,
                to: &here,
            });
            let done = Load { at, ..load.clone() };
            for address in &here {
                mail.told(&done, address, "delivered", EX01.short());
            }
        }
        if !on.is_empty() {
            let edge = self.rng.below(EDGES.len());
            let at = load.at + self.soon();
            let id = self.edge(
                edge,
                mail,
                EX01,
                &load.on(EDGES[edge].short(), at, on.clone()),
                true,
            );
            self.files.exchange(&Exchange {
                at: at + 200_000,
                event: "SMTP,SEND",
                client: EX01.name,
                server: EDGES[edge],
                context: &format!(";250 2.0.0 Ok: queued as {id};ClientSubmitTime:"),
                number,
                mail,
                to: &on,
            });
        }
    }

    /// Exchange takes it over from a relay or the filter. Returns the reply.
    fn taken_by_premises(&mut self, mail: &mut Mail, client: Host, load: &Load) -> String {
        let number = self.files.exchange_id();
        let load = load.on(EX01.short(), load.at + self.soon(), load.to.clone());
        self.files.exchange(&Exchange {
            at: load.at,
            event: "SMTP,RECEIVE",
            client: client.name,
            server: EX01,
            context: "",
            number,
            mail,
            to: &load.to,
        });
        self.on_premises_or_on(mail, &load, number);
        self.queued(mail, number, EX01.name)
    }

    fn queued(&mut self, mail: &Mail, number: u64, host: &str) -> String {
        format!(
            "250 2.6.0 {} [InternalId={number}, Hostname={host}] {} bytes in 0.105, 11.4 KB/sec Queued mail for delivery",
            mail.id, mail.size
        )
    }

    /// Exchange Online takes it over. Returns the reply.
    fn taken_by_cloud(&mut self, mail: &mut Mail, client: Host, load: &Load) -> String {
        let load = load.on(CLOUD, load.at + self.soon(), load.to.clone());
        let mut told = Vec::new();
        for address in &load.to {
            let (words, status) = match self.rng.below(20) {
                0 => ("Receive, Fail", "failed"),
                1 => ("Receive, Quarantine", "quarantined"),
                _ => ("Receive, Deliver", "delivered"),
            };
            told.push(format!("{address}##{words}"));
            mail.told(&load, address, status, CLOUD);
        }
        self.files
            .trace(load.at, mail, &told, client.ip, "Incoming");
        let number = 40_000_000_000 + self.rng.below(1 << 30) as u64;
        self.queued(mail, number, "AM6PR05MB1234.eurprd05.prod.outlook.com")
    }

    fn sent_in_cloud(&mut self, at: i64) {
        let sender = self.person('c');
        let mut mail = self.mail(at, sender, "AM6PR05MB1234.eurprd05.prod.outlook.com");
        let to = self.people(&['p', 'c', 'x']);
        let (here, on): (Vec<String>, Vec<String>) =
            to.iter().cloned().partition(|to| is_cloud(to));
        let load = Load {
            to,
            via: None,
            way: vec![CLOUD],
            at,
        };
        let deliver = here.iter().map(|who| format!("{who}##Receive, Deliver"));
        let send = on.iter().map(|who| format!("{who}##Receive, Send"));
        let told: Vec<String> = deliver.chain(send).collect();
        self.files
            .trace(at, &mail, &told, "10.3.3.3", "Originating");
        for address in &here {
            mail.told(&load, address, "delivered", CLOUD);
        }
        if !on.is_empty() {
            let edge = self.rng.below(EDGES.len());
            let at = at + 2 * SECOND + self.soon();
            self.edge(
                edge,
                &mut mail,
                CLOUD_OUT,
                &load.on(EDGES[edge].short(), at, on),
                true,
            );
        }
        self.finish(&mail);
    }

    fn sent_outside(&mut self, at: i64) {
        let sender = self.stranger();
        let mut mail = self.mail(at, sender, "partner.example");
        let mut to = self.people(&['p', 'c']);
        if self.rng.chance(600) {
            to = vec![ALIAS.to_string()];
        }
        let edge = self.rng.below(EDGES.len());
        let load = Load {
            to,
            via: None,
            way: vec![EDGES[edge].short()],
            at,
        };
        self.edge(edge, &mut mail, PARTNER, &load, false);
        self.finish(&mail);
    }

    /// Nobody of that name: there is no queue id and no Message-ID.
    fn refused(&mut self, at: i64) {
        let edge = self.rng.below(EDGES.len());
        let (sender, to) = (self.stranger(), format!("nobody{}@{DOMAIN}", self.number));
        self.number += 1;
        let text = format!(
            "smtpd[300]: NOQUEUE: reject: RCPT from {}[{}]: 550 5.1.1 <{to}>: Recipient address rejected: User unknown in relay \
             recipient table; from=<{sender}> to=<{to}> proto=ESMTP helo=<{}>",
            PARTNER.name, PARTNER.ip, PARTNER.name
        );
        self.files.postfix(edge, at, &text);
        let mut mail = self.mail(at, sender, "nowhere");
        mail.id.clear();
        let load = Load {
            to: Vec::new(),
            via: None,
            way: vec![EDGES[edge].short()],
            at,
        };
        mail.told(&load, &to, "rejected", EDGES[edge].short());
        self.finish(&mail);
    }
}
