//! How a message comes in: from a mailbox, from outside, or made by a machine.
//!
//! In: a [`Draft`]. Out: the rows of its entry, then the copy is handed to `categorise`.

use super::flow::{PLAIN, Simulation};
use super::layout::{Row, Service};
use super::mail::{Class, Copy, Draft, Entry, Mail, Script, Sender, Target};
use super::organisation::DOMAIN;
use super::text::{push_number, push_session, push_time, push_timed_guid};
use super::wording::{CLIENTS, LATENCY_SUBMIT};

impl Simulation<'_> {
    /// Sends a draft to its end.
    pub fn send(&mut self, draft: Draft) {
        let mut mail = self.mail_of(&draft);
        let entered = match &draft.sender {
            Sender::User(u) => {
                let home = self.org.users[*u].server;
                self.submit(&mut mail, &draft, home)
            }
            Sender::Machine(_, s) if draft.class == Class::System => {
                self.submit(&mut mail, &draft, *s)
            }
            Sender::Machine(_, s) => self.receive(&mut mail, &draft, *s, None),
            Sender::Outside(_, host) => {
                let door = match self.org.any_edge(&mut self.rng) {
                    Some(edge) => edge,
                    None => self.rng.below(self.org.mailbox_servers),
                };
                self.receive(&mut mail, &draft, door, Some(*host))
            }
        };
        if let Some(copy) = entered {
            self.categorise(&mut mail, copy, &draft.to);
        }
        self.finish(&mail);
    }

    /// The mail that a draft becomes.
    pub fn mail_of(&mut self, draft: &Draft) -> Mail {
        let org = self.org;
        let (sender, origin_client, domain) = match &draft.sender {
            Sender::User(u) => {
                let user = &org.users[*u];
                (user.address.clone(), user.client_ip.clone(), DOMAIN)
            }
            Sender::Outside(address, host) => {
                let host = &org.outside[*host];
                (address.clone(), host.ip.clone(), &*host.domain)
            }
            Sender::Machine(address, s) => (address.clone(), org.servers[*s].ip.clone(), DOMAIN),
        };
        let message_id = match &draft.message_id {
            Some(id) => id.clone(),
            None => self.new_message_id(domain),
        };
        let mut network_id = String::with_capacity(36);
        let hundred_ns = self.rng.below(10) as u64;
        push_timed_guid(&mut network_id, &mut self.rng, draft.at, hundred_ns);
        let inbound = matches!(draft.sender, Sender::Outside(..));
        Mail {
            message_id,
            network_id,
            network_id_seen: false,
            from: draft.sender.clone(),
            return_path: sender.clone(),
            sender,
            subject: draft.subject.clone(),
            bytes: draft.bytes,
            class: draft.class,
            entry: if inbound {
                Entry::Received
            } else {
                Entry::Submitted
            },
            script: draft.script,
            story: draft.story,
            directionality: if inbound { "Incoming" } else { "Originating" },
            origin_client,
            origin_server: String::new(),
            origin: draft.at,
            typed: draft.to.len(),
            first_seen: draft.at,
            rows: 0,
            fates: Vec::with_capacity(draft.to.len()),
            related: draft.related.clone(),
        }
    }

    /// `<32 hex digits@domain>`.
    pub fn new_message_id(&mut self, domain: &str) -> String {
        let mut id = String::with_capacity(36 + domain.len());
        id.push('<');
        for _ in 0..2 {
            push_session(&mut id, self.rng.bits());
        }
        id.make_ascii_lowercase();
        id.push('@');
        id.push_str(domain);
        id.push('>');
        id
    }

    /// The addresses of a draft as typed.
    pub fn typed(&self, to: &[Target]) -> String {
        let mut text = String::with_capacity(to.len() * 32);
        for (i, target) in to.iter().enumerate() {
            if i > 0 {
                text.push(';');
            }
            text.push_str(self.address_of(target));
        }
        text
    }

    pub fn address_of<'b>(&'b self, target: &'b Target) -> &'b str {
        match target {
            Target::User(u) => &self.org.users[*u].address,
            Target::Alias(u) => &self.org.users[*u].alias,
            Target::List(l) => &self.org.lists[*l].address,
            Target::Outside(address, _) | Target::Nobody(address) => address,
        }
    }

    fn submit(&mut self, mail: &mut Mail, draft: &Draft, home: usize) -> Option<Copy> {
        let org = self.org;
        let server = &org.servers[home];
        mail.origin_server = server.ip.clone();
        mail.origin = draft.at + server.skew;
        let hub = match self.rng.chance(7000) {
            true => home,
            false => org.hub_in(server.site, server.layout.is_modern(), &mut self.rng),
        };
        let context = self.mailbox_context(draft, home);
        // A message typed for one address twice: once To, once Bcc. Only this first row shows both.
        let mut statuses = "To".to_string();
        for i in 1..draft.to.len() {
            statuses.push_str(if i % 3 == 2 { ";Cc" } else { ";To" });
        }
        let mut typed = self.typed(&draft.to);
        let mut count = draft.to.len();
        if server.layout.is_modern() && self.rng.chance(200) {
            let twice = self.address_of(&draft.to[0]).to_string();
            typed.push(';');
            typed.push_str(&twice);
            statuses.push_str(";Bcc");
            count += 1;
        }
        let mut item = "S:MailboxDatabaseGuid=".to_string();
        item.push_str(&server.database);
        item.push_str(";S:ItemEntryId=");
        item.push_str(self.entry_id(draft));
        item.push(';');
        item.push_str(PLAIN);
        let row = Row {
            server: home,
            service: Service::Submission,
            at: draft.at,
            source: "STOREDRIVER",
            client_ip: &server.local_ip,
            context: &context,
            recipients: &typed,
            count: Some(count),
            custom: &item,
            with_origin: true,
            ..Row::default()
        };
        match server.layout.is_modern() {
            true => Some(self.submit_modern(mail, draft, hub, row, &statuses)),
            false => Some(self.submit_classic(mail, hub, row)),
        }
    }

    /// 2013 and later: the submission service takes it and hands it to a hub over SMTP.
    fn submit_modern(
        &mut self,
        mail: &mut Mail,
        draft: &Draft,
        hub: usize,
        base: Row<'_>,
        statuses: &str,
    ) -> Copy {
        let org = self.org;
        let (server, hub_server) = (&org.servers[base.server], &org.servers[hub]);
        if self.rng.chance(2500) {
            let notice = Row {
                event: "NOTIFYMAPI",
                recipients: "",
                count: None,
                ..base
            };
            self.write_without_mail(&Row {
                client_ip: "",
                with_origin: false,
                ..notice
            });
        }
        let taken = base.at + self.ms(60, 200);
        let received = Row {
            at: taken,
            event: "RECEIVE",
            client_host: &server.fqdn,
            server_ip: &server.local_ip,
            server_host: &server.name,
            id: Some(self.new_submission_id(base.server)),
            status: statuses,
            bytes: self.weight(mail),
            info: "04I: ",
            ..base
        };
        mail.first_seen = self.write(mail, &received);
        let mut taken = taken;
        if mail.is_exposed() && self.rng.chance(30) {
            // No hub has an ear free; the submission service tries again.
            let said = "431 4.3.2 Not accepting messages at this time";
            let at = taken + self.ms(5, 20);
            let row = Row {
                event: "SUBMITDEFER",
                client_host: &server.upper,
                status: said,
                ..base
            };
            self.write(mail, &Row { at, ..row });
            taken += self.ms(30_000, 90_000);
        }
        let typed = self.typed(&draft.to);
        let copy = self.accept(mail, hub, Some(base.server), taken, &typed, draft.to.len());
        let info = self.latency(mail, base.server, copy.at, &[LATENCY_SUBMIT]);
        let done = Row {
            at: copy.at + self.ms(20, 60),
            event: "SUBMIT",
            client_host: &server.upper,
            server_host: &hub_server.fqdn,
            info: &info,
            ..base
        };
        self.write(mail, &done);
        copy
    }

    /// 2007 and 2010: the mailbox role tells a hub, and the hub's store driver fetches it.
    fn submit_classic(&mut self, mail: &mut Mail, hub: usize, base: Row<'_>) -> Copy {
        let org = self.org;
        let (server, hub_server) = (&org.servers[base.server], &org.servers[hub]);
        let told = Row {
            service: Service::Mailbox,
            event: "SUBMIT",
            client_ip: &server.ip,
            client_host: &server.upper,
            server_host: &hub_server.name,
            recipients: "",
            count: None,
            ..base
        };
        mail.first_seen = self.write(mail, &told);
        let at = base.at + self.ms(80, 300);
        let id = self.new_id(hub);
        let context = self.session_context(hub, at, "0");
        let received = Row {
            server: hub,
            service: Service::Transport,
            at,
            event: "RECEIVE",
            client_ip: &server.ip,
            client_host: &server.fqdn,
            server_ip: &hub_server.ip,
            server_host: &hub_server.name,
            context: &context,
            id: Some(id),
            bytes: self.weight(mail),
            info: "04I: ",
            custom: PLAIN,
            ..base
        };
        self.write(mail, &received);
        Copy {
            server: hub,
            id,
            at,
            to: Vec::new(),
        }
    }

    /// From outside, or from the front end of `door` where no host is given.
    fn receive(
        &mut self,
        mail: &mut Mail,
        draft: &Draft,
        door: usize,
        host: Option<usize>,
    ) -> Option<Copy> {
        let org = self.org;
        mail.entry = Entry::Received;
        mail.origin_server = org.servers[door].ip.clone();
        mail.origin = draft.at + org.servers[door].skew;
        if host.is_some() && mail.is_exposed() && self.rng.chance(250) {
            self.refuse(mail, draft, door, host);
            return None;
        }
        let server = &org.servers[door];
        let mut typed = self.typed(&draft.to);
        if self.rng.chance(300) {
            // Somebody else's capitals: addresses differ in case along the path.
            typed = typed.to_uppercase();
        }
        let context = self.session_context(door, draft.at, "0");
        let connector = match server.edge {
            true => format!(
                "{}\\Default internal receive connector {}",
                server.name, server.upper
            ),
            false => format!("{}\\Default Frontend {}", server.upper, server.upper),
        };
        let (client_ip, client_host) = match host {
            Some(h) => (&*org.outside[h].ip, &*org.outside[h].host),
            None => (&*server.ip, &*server.fqdn),
        };
        let id = self.new_id(door);
        let row = Row {
            server: door,
            at: draft.at,
            source: if draft.script == Script::BadPickup {
                "PICKUP"
            } else {
                "SMTP"
            },
            event: "RECEIVE",
            client_ip,
            client_host,
            server_ip: &server.ip,
            server_host: &server.name,
            context: &context,
            connector: &connector,
            id: Some(id),
            recipients: &typed,
            bytes: self.weight(mail),
            count: Some(draft.to.len()),
            info: if host.is_some() { "00A: NTS:" } else { "0cI: " },
            custom: "S:MessageValue=MediumHigh;S:Replication=Disabled;S:FromEntity=Internet;\
                S:DeliveryPriority=Normal;S:AccountForest=localhost",
            with_origin: true,
            ..Row::default()
        };
        mail.first_seen = self.write(mail, &row);
        let copy = Copy {
            server: door,
            id,
            at: draft.at,
            to: Vec::new(),
        };
        if !server.edge {
            return Some(copy);
        }
        Some(self.relay_inwards(mail, copy, &draft.to))
    }

    /// Edge to hub, before any recipient is resolved.
    fn relay_inwards(&mut self, mail: &mut Mail, mut copy: Copy, to: &[Target]) -> Copy {
        let wants_modern = !matches!(to.first(), Some(Target::User(u) | Target::Alias(u))
            if !self.org.servers[self.org.users[*u].server].layout.is_modern());
        let hub = self.org.hub_in(0, wants_modern, &mut self.rng);
        let typed = self.typed(to);
        copy.at += self.ms(5, 30);
        self.agent_info(mail, &copy, &typed, to.len());
        self.hand_over_rows(mail, &copy, hub, &typed, to.len())
    }

    fn entry_id(&self, draft: &Draft) -> &str {
        match &draft.sender {
            Sender::User(u) => &self.org.users[*u].entry_id,
            _ => &self.org.users[self.org.journal].entry_id,
        }
    }

    /// `MDB:…, Mailbox:…, Event:…`: what the store tells of the item.
    fn mailbox_context(&mut self, draft: &Draft, home: usize) -> String {
        let mut text = String::with_capacity(330);
        let mailbox = match &draft.sender {
            Sender::User(u) => *u,
            _ => self.org.journal,
        };
        text.push_str("MDB:");
        text.push_str(&self.org.servers[home].database);
        text.push_str(", Mailbox:");
        text.push_str(&self.org.users[mailbox].mailbox);
        text.push_str(", Event:");
        push_number(
            &mut text,
            68_000_000 + (draft.at / 1_000_000 % 10_000_000) as u64,
        );
        text.push_str(", MessageClass:IPM.Note, CreationTime:");
        push_time(&mut text, draft.at + self.org.servers[home].skew - 100_000);
        text.push_str(", ClientType:");
        text.push_str(self.rng.pick::<&str>(&CLIENTS));
        if self.org.servers[home].layout.is_modern() {
            text.push_str(", SubmissionAssistant:MailboxTransportSubmissionEmailAssistant, ServerMdbConnectionId:");
            self.push_new_session(&mut text, home);
        }
        text
    }
}
