//! The relays and the filter of a hybrid organisation.
//!
//! In: a message and those it is for. Out: their lines, and what became of those who got no further.

use super::write::{exim_id, long_id, short_id, stamp};
use super::{
    ALIAS, CLOUD_IN, EDGES, EX01, Host, Hybrid, Load, Mail, PARTNER, SCAN, is_cloud, is_outside,
};
use crate::time::SECOND;

impl Hybrid {
    /// A relay takes a message over; `inside`: from one of ours, which the filter does not look at. Returns the queue id.
    pub(super) fn edge(
        &mut self,
        edge: usize,
        mail: &mut Mail,
        client: Host,
        load: &Load,
        inside: bool,
    ) -> String {
        let at = load.at;
        self.number += 1;
        let id = match edge {
            0 => short_id(self.number, &mut self.rng),
            _ => long_id(at, self.number),
        };
        let lines = [
            format!("smtpd[300]: {id}: client={}[{}]", client.name, client.ip),
            format!("cleanup[301]: {id}: message-id={}", mail.id),
            format!(
                "qmgr[302]: {id}: from=<{}>, size={}, nrcpt={} (queue active)",
                if mail.class == "report" {
                    ""
                } else {
                    &mail.sender
                },
                mail.size,
                load.to.len()
            ),
        ];
        for (n, line) in lines.iter().enumerate() {
            self.files.postfix(edge, at + n as i64 * 10_000, line);
        }
        if !inside && load.to.len() == 1 && self.rng.chance(300) {
            let text = format!(
                "cleanup[301]: {id}: hold: header Subject: {} from {}[{}]; from=<{}> to=<{}> proto=ESMTP helo=<{}>",
                mail.subject, client.name, client.ip, mail.sender, load.to[0], client.name
            );
            self.files.postfix(edge, at + 15_000, &text);
            mail.told(load, &load.to[0], "quarantined", EDGES[edge].short());
            return id;
        }
        self.leave_edge(edge, mail, load, inside, &id);
        id
    }

    fn leave_edge(&mut self, edge: usize, mail: &mut Mail, load: &Load, inside: bool, id: &str) {
        let own = EDGES[edge];
        let mut load = load.clone();
        if load.to == [ALIAS] {
            mail.told(&load, ALIAS, "expanded", own.short());
            let (a, b) = (self.person('p'), self.person('c'));
            (load.to, load.via) = (vec![a, b], Some(ALIAS.to_string()));
        }
        let orig = load
            .via
            .as_ref()
            .map_or(String::new(), |via| format!(" orig_to=<{via}>,"));
        let take = |fits: &dyn Fn(&str) -> bool| -> Vec<String> {
            load.to.iter().filter(|to| fits(to)).cloned().collect()
        };
        let ways = match inside {
            true => [
                (EX01, take(&|to| !is_cloud(to) && !is_outside(to))),
                (CLOUD_IN, take(&is_cloud)),
            ],
            false => [(SCAN, take(&|to| !is_outside(to))), (CLOUD_IN, Vec::new())],
        };
        let mut last = load.at;
        for (next, to) in ways {
            if to.is_empty() {
                continue;
            }
            let part = Load {
                to: to.clone(),
                ..load.clone()
            };
            let reply = match next.name {
                name if name == EX01.name => self.taken_by_premises(mail, own, &part),
                name if name == SCAN.name => self.scan(mail, own, &part),
                _ => self.taken_by_cloud(mail, own, &part),
            };
            let at = load.at + SECOND;
            last = last.max(at);
            for address in &to {
                let text = format!(
                    "smtp[303]: {id}: to=<{address}>,{orig} relay={}[{}]:25, delay=1, delays=0.1/0/0.2/0.7, dsn=2.0.0, status=sent ({reply})",
                    next.name, next.ip
                );
                self.files.postfix(edge, at, &text);
            }
        }
        let mut waits = false;
        for address in take(&is_outside) {
            let (at, open) = self.sent_to_partner(edge, mail, &load, &address, id);
            last = last.max(at);
            waits |= open;
        }
        if !waits {
            let text = format!("qmgr[302]: {id}: removed");
            self.files.postfix(edge, last + 20_000, &text);
        }
    }

    /// To a host outside. Returns when, and whether it still waits.
    fn sent_to_partner(
        &mut self,
        edge: usize,
        mail: &mut Mail,
        load: &Load,
        address: &str,
        id: &str,
    ) -> (i64, bool) {
        let own = EDGES[edge];
        let head = format!(
            "{id}: to=<{address}>, relay={}[{}]:25, delay=2",
            PARTNER.name, PARTNER.ip
        );
        let mut load = Load {
            at: load.at + SECOND + self.soon(),
            ..load.clone()
        };
        let draw = if mail.class == "report" {
            99
        } else {
            self.rng.below(20)
        };
        if matches!(draw, 0 | 1) {
            let text = format!(
                "smtp[304]: {head}, delays=0/0/1/1, dsn=4.7.1, status=deferred (host {}[{}] said: 451 4.7.1 Greylisted (in reply to RCPT TO command))",
                PARTNER.name, PARTNER.ip
            );
            self.files.postfix(edge, load.at, &text);
            if draw == 0 {
                mail.told(&load, address, "pending", own.short());
                return (load.at, true);
            }
            load.at += 300 * SECOND;
        }
        match draw {
            2 => {
                let text = format!(
                    "smtp[304]: {head}, delays=0/0/1/1, dsn=5.1.1, status=bounced (host {}[{}] said: 550 5.1.1 <{address}>: Recipient address rejected: User unknown (in reply to RCPT TO command))",
                    PARTNER.name, PARTNER.ip
                );
                self.files.postfix(edge, load.at, &text);
                mail.told(&load, address, "failed", own.short());
                self.report(edge, mail, &load, id);
            }
            3 => {
                let text = format!(
                    "discard[305]: {id}: to=<{address}>, relay=none, delay=0.1, delays=0.1/0/0/0, dsn=2.0.0, status=sent (not wanted)"
                );
                self.files.postfix(edge, load.at, &text);
                mail.told(&load, address, "dropped", own.short());
            }
            _ => {
                self.number += 1;
                let text = format!(
                    "smtp[304]: {head}, delays=0/0/1/1, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as {:010X}A)",
                    self.number * 104_729
                );
                self.files.postfix(edge, load.at, &text);
                mail.told(&load, address, "transferred", own.short());
            }
        }
        (load.at, false)
    }

    /// A relay reports a failure to the sender: a message of its own.
    fn report(&mut self, edge: usize, about: &Mail, load: &Load, id: &str) {
        let own = EDGES[edge];
        let at = load.at + self.soon();
        self.number += 1;
        let (new, name) = match edge {
            0 => {
                let new = short_id(self.number, &mut self.rng);
                let name = format!("<{}.{new}@{}>", stamp(at), own.name);
                (new, name)
            }
            _ => {
                let new = long_id(at, self.number);
                let name = format!("<{new}@{}>", own.name);
                (new, name)
            }
        };
        let sender = format!("MAILER-DAEMON@{}", own.name);
        let mut mail = self.mail(at, sender, own.name);
        (mail.id, mail.class) = (name, "report");
        for (after, line) in [
            (0, format!("cleanup[301]: {new}: message-id={}", mail.id)),
            (
                5_000,
                format!(
                    "qmgr[302]: {new}: from=<>, size={}, nrcpt=1 (queue active)",
                    mail.size
                ),
            ),
            (
                6_000,
                format!("bounce[306]: {id}: sender non-delivery notification: {new}"),
            ),
        ] {
            self.files.postfix(edge, at + after, &line);
        }
        let back = Load {
            to: vec![about.sender.clone()],
            via: None,
            way: vec![own.short()],
            at: at + 10_000,
        };
        self.leave_edge(edge, &mut mail, &back, true, &new);
        self.finish(&mail);
    }

    /// The filter takes a message over from a relay, and gives it on. Returns its reply.
    fn scan(&mut self, mail: &mut Mail, client: Host, load: &Load) -> String {
        self.number += 1;
        let load = load.on(SCAN.short(), load.at + self.soon() / 3, load.to.clone());
        let id = exim_id(load.at, self.number);
        let bare = mail.id.trim_matches(['<', '>']).to_string();
        let sender = if mail.class == "report" {
            "<>"
        } else {
            &mail.sender
        };
        let text = format!(
            "{id} <= {sender} H={} [{}] P=esmtp S={} id={bare}",
            client.name, client.ip, mail.size
        );
        self.files.exim(load.at, &text);
        let (cloud, here): (Vec<String>, Vec<String>) =
            load.to.iter().cloned().partition(|to| is_cloud(to));
        let at = load.at + SECOND;
        for (next, mut to) in [(EX01, here), (CLOUD_IN, cloud)] {
            if to.len() > 1 && self.rng.chance(1000) {
                let spam = to.remove(0);
                self.files
                    .exim(at, &format!("{id} => :blackhole: <{spam}> R=spam"));
                let done = Load { at, ..load.clone() };
                mail.told(&done, &spam, "dropped", SCAN.short());
            }
            if to.is_empty() {
                continue;
            }
            let part = Load {
                to: to.clone(),
                ..load.clone()
            };
            let reply = match next.name == EX01.name {
                true => self.taken_by_premises(mail, SCAN, &part),
                false => self.taken_by_cloud(mail, SCAN, &part),
            };
            for (n, address) in to.iter().enumerate() {
                let flag = if n == 0 { "=>" } else { "->" };
                let text = format!(
                    "{id} {flag} {address} R=dnslookup T=remote_smtp H={} [{}] C=\"{reply}\"",
                    next.name, next.ip
                );
                self.files.exim(at + 100_000, &text);
            }
        }
        self.files.exim(at + 110_000, &format!("{id} Completed"));
        format!("250 OK id={id}")
    }
}
