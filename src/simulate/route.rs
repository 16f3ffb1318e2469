//! From server to server: which way each recipient goes, forks, hand-overs and shadow copies.
//!
//! In: a copy whose recipients are resolved. Out: TRANSFER, SEND, RECEIVE, HA* and AGENTINFO rows; copies
//! that are where they belong go to `deliver` or `leave`.

use super::flow::{PLAIN, Simulation};
use super::layout::Row;
use super::mail::{Addressee, Copy, Home, Mail, joined, repeated};
use super::wording::{LATENCY_EDGE, LATENCY_HUB, LATENCY_SUBMIT_PENDING};
use crate::time::SECOND;

/// The next step of a recipient.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hop {
    /// To a mailbox on this server, without another transport hop.
    Mailbox(usize),
    /// To a hub of this site, of the modern kind or not.
    Site(usize, bool),
    Edge,
    /// To an outside host.
    Out,
}

impl Simulation<'_> {
    /// Sorts the recipients by next hop, forks where they part, and sends each part on.
    pub fn route(&mut self, mail: &mut Mail, copy: Copy) {
        let mut parts: Vec<(Hop, Vec<Addressee>)> = Vec::new();
        let Copy { server, id, at, to } = copy;
        for addressee in to {
            let hop = self.next_hop(server, &addressee);
            match parts.iter_mut().find(|(h, _)| *h == hop) {
                Some((_, part)) => part.push(addressee),
                None => parts.push((hop, vec![addressee])),
            }
        }
        let modern = self.org.servers[server].layout.is_modern();
        let mut at = at;
        let several = parts.len() > 1;
        for (n, (hop, to)) in parts.into_iter().enumerate() {
            let mut part = Copy { server, id, at, to };
            let outside = matches!(hop, Hop::Edge | Hop::Out) && !self.org.servers[server].edge;
            // With an address book policy, outside recipients always get a copy of their own.
            if modern && outside && (several || self.rng.chance(3000)) {
                self.fork(mail, &mut part, "AGENT", "ABP Routing Agent");
                let list = joined(&part.to);
                self.agent_info(mail, &part, &list, part.to.len());
                self.fork(mail, &mut part, "ROUTING", "ContentConversion");
            } else if several && (n > 0 || self.rng.chance(6000)) {
                self.fork(mail, &mut part, "ROUTING", "Resolver");
            }
            at += self.ms(1, 8);
            self.forward(mail, part, hop);
        }
    }

    fn next_hop(&self, server: usize, addressee: &Addressee) -> Hop {
        let org = self.org;
        let here = &org.servers[server];
        let has_edge = org.servers.len() > org.mailbox_servers;
        match addressee.home {
            Home::Outside(_) if here.edge || !has_edge => Hop::Out,
            Home::Outside(_) if here.site == 0 => Hop::Edge,
            Home::Outside(_) => Hop::Site(0, here.layout.is_modern()),
            Home::Mailbox(u) => {
                let home = org.users[u].server;
                let there = &org.servers[home];
                if here.edge {
                    Hop::Site(0, there.layout.is_modern())
                } else if org.same_delivery_group(server, home) {
                    Hop::Mailbox(home)
                } else {
                    Hop::Site(there.site, there.layout.is_modern())
                }
            }
        }
    }

    fn forward(&mut self, mail: &mut Mail, copy: Copy, hop: Hop) {
        match hop {
            Hop::Mailbox(home) => self.deliver(mail, copy, home),
            Hop::Out => self.leave(mail, copy),
            Hop::Edge => {
                let edge = self.org.any_edge(&mut self.rng).unwrap_or(0);
                self.hand_over(mail, copy, edge);
            }
            Hop::Site(site, modern) => {
                let hub = self.org.hub_in(site, modern, &mut self.rng);
                self.hand_over(mail, copy, hub);
            }
        }
    }

    /// TRANSFER: the recipients of `part` move to a copy of their own.
    fn fork(&mut self, mail: &mut Mail, part: &mut Copy, source: &str, reason: &str) {
        let old = part.id.to_string();
        part.id = self.new_id(part.server);
        part.at += self.ms(1, 12);
        let list = joined(&part.to);
        let statuses = repeated("", part.to.len());
        let row = self.copy_row(mail, part, &list, source, "TRANSFER");
        self.write(
            mail,
            &Row {
                context: reason,
                reference: &old,
                status: &statuses,
                ..row
            },
        );
    }

    /// Sends a copy to another transport server of ours, and goes on there.
    fn hand_over(&mut self, mail: &mut Mail, mut copy: Copy, to: usize) {
        let list = joined(&copy.to);
        copy.at += self.ms(10, 60);
        if mail.is_exposed() && self.rng.chance(25) {
            let until = copy.at + self.rng.between(60, 900) * SECOND;
            let reply = "421 4.4.2 Connection dropped due to SocketError";
            self.put_off(mail, &copy, "SMTP", reply, until);
            copy.at = until;
        }
        let mut next = self.hand_over_rows(mail, &copy, to, &list, copy.to.len());
        next.to = std::mem::take(&mut copy.to);
        if !self.org.servers[to].edge {
            next.at += self.ms(5, 30);
            self.agent_info(mail, &next, &list, next.to.len());
        }
        self.route(mail, next);
    }

    /// RECEIVE on the next server and SEND on this one, which ends later.
    pub fn hand_over_rows(
        &mut self,
        mail: &mut Mail,
        copy: &Copy,
        to: usize,
        list: &str,
        count: usize,
    ) -> Copy {
        let org = self.org;
        let (from, next) = (&org.servers[copy.server], &org.servers[to]);
        let accepted = self.accept(mail, to, Some(copy.server), copy.at, list, count);
        let reply = self.queued_reply(mail, to, accepted.id);
        let context = Self::sent_context(&reply);
        let connector = match from.edge {
            true => format!("EdgeSync - Inbound to {}", org.sites[0]),
            // To an Edge, too: the real flow of 2016 shows it (`formats/modern.md` section 5).
            false => "Intra-Organization SMTP Send Connector".to_string(),
        };
        let tree = if from.edge { LATENCY_EDGE } else { LATENCY_HUB };
        let at = accepted.at + self.ms(10, 60);
        let info = self.latency(mail, copy.server, at, &[tree]);
        let statuses = repeated("250 2.1.5 Recipient OK", count);
        let references = repeated("", count);
        let custom = self.send_custom(mail, at, copy.server);
        let sent = Row {
            server: copy.server,
            at,
            source: "SMTP",
            event: "SEND",
            client_ip: &from.ip,
            client_host: &from.name,
            server_ip: &next.ip,
            server_host: &next.fqdn,
            context: &context,
            connector: &connector,
            id: Some(copy.id),
            recipients: list,
            status: &statuses,
            bytes: self.weight(mail),
            count: Some(count),
            reference: &references,
            info: &info,
            custom: &custom,
            ..Row::default()
        };
        self.write(mail, &sent);
        accepted
    }

    /// RECEIVE over SMTP from a server of ours, with a shadow copy where one is made.
    pub fn accept(
        &mut self,
        mail: &mut Mail,
        server: usize,
        from: Option<usize>,
        at: i64,
        list: &str,
        count: usize,
    ) -> Copy {
        let org = self.org;
        let (s, f) = (&org.servers[server], &org.servers[from.unwrap_or(server)]);
        let at = at + self.ms(40, 260);
        let id = self.new_id(server);
        let shadow = self.shadow_of(server);
        let context = self.session_context(server, at, "0");
        let connector = match s.edge {
            true => format!("{}\\Default internal receive connector {}", s.name, s.upper),
            false => format!("{}\\Default {}", s.upper, s.upper),
        };
        let mut custom = "S:MessageValue=MediumHigh;S:Replication=".to_string();
        custom.push_str(shadow.map_or("Disabled", |s| &org.servers[s].name));
        custom.push_str(";S:FirstForestHop=");
        custom.push_str(&f.fqdn);
        custom.push_str(";S:FromEntity=Hosted;");
        custom.push_str(PLAIN);
        let row = Row {
            server,
            at,
            source: "SMTP",
            event: "RECEIVE",
            client_ip: &f.ip,
            client_host: &f.fqdn,
            server_ip: &s.ip,
            server_host: &s.name,
            context: &context,
            connector: &connector,
            id: Some(id),
            recipients: list,
            bytes: self.weight(mail),
            count: Some(count),
            info: if f.edge != s.edge { "11I: " } else { "0cI: " },
            custom: &custom,
            with_origin: true,
            ..Row::default()
        };
        self.write(mail, &row);
        if let Some(shadow) = shadow {
            self.shadow_rows(mail, &row, shadow);
        }
        Copy {
            server,
            id,
            at,
            to: Vec::new(),
        }
    }

    /// AGENTINFO: what the agents of a hub or edge said of the mail.
    pub fn agent_info(&mut self, mail: &mut Mail, copy: &Copy, list: &str, count: usize) {
        let org = self.org;
        let server = &org.servers[copy.server];
        if !server.layout.is_modern() {
            return;
        }
        let mut custom = String::with_capacity(2600);
        if server.edge {
            custom.push_str(
                "S:SFA=SUM|v=0|SCL=1|action=|error=;S:SFA=SPF|res=Pass|dom=;S:CompCost=|SFA=0;",
            );
        } else {
            custom.push_str(self.rng.pick::<String>(&org.rules));
            custom.push_str(";S:CompCost=|AMA=0;");
        }
        custom.push_str(PLAIN);
        let row = Row {
            server: copy.server,
            at: copy.at,
            source: "AGENT",
            event: "AGENTINFO",
            client_host: &server.name,
            context: if server.edge {
                ""
            } else {
                "CatContentConversion"
            },
            id: Some(copy.id),
            recipients: list,
            bytes: self.weight(mail),
            count: Some(count),
            custom: &custom,
            with_origin: true,
            ..Row::default()
        };
        self.write(mail, &row);
    }

    /// Custom data of SEND rows.
    pub fn send_custom(&mut self, mail: &Mail, at: i64, server: usize) -> String {
        let mut text = String::with_capacity(330);
        text.push_str("S:E2ELatency=");
        let skew = self.org.servers[server].skew;
        super::text::push_seconds(&mut text, at + skew - mail.origin);
        text.push_str(";S:MsgRecipCount=");
        super::text::push_number(&mut text, mail.typed as u64);
        text.push_str(
            ";S:IncludeInSla=True;S:Microsoft.Exchange.Transport.MailRecipient.\
            RequiredTlsAuthLevel=Opportunistic;S:IsSmtpResponseFromExternalServer=False;",
        );
        text.push_str(PLAIN);
        text
    }

    /// The latency trees of a message that has passed submission and this server.
    pub fn whole_latency(&mut self, mail: &Mail, server: usize, at: i64, last: &str) -> String {
        self.latency(mail, server, at, &[LATENCY_SUBMIT_PENDING, last])
    }
}
