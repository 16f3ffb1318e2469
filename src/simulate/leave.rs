//! Out of the organisation, and waiting to get out.
//!
//! In: a copy on an edge (or a hub, where there is no edge) for outside recipients. Out: SENDEXTERNAL or
//! SEND, DEFER while the other side does not want it, FAIL when it never will.

use super::flow::{PLAIN, Simulation};
use super::layout::{Layout, Row};
use super::mail::{Addressee, Copy, Home, Mail, Script, Status, joined, repeated};
use super::report::Failure;
use super::text::{push_base64, push_number, push_time};
use super::wording::{LATENCY_EDGE, LATENCY_HUB_FOLDED};
use crate::time::{HOUR, SECOND};

/// Exchange gives up after two days and says sorry for the delay after four hours.
const EXPIRES_AFTER: i64 = 48 * HOUR;
const DELAY_REPORT_AFTER: i64 = 4 * HOUR;

impl Simulation<'_> {
    /// Sends each recipient to its own outside host.
    pub fn leave(&mut self, mail: &mut Mail, copy: Copy) {
        let mut hosts: Vec<(usize, Vec<Addressee>)> = Vec::new();
        for a in copy.to {
            let Home::Outside(host) = a.home else {
                continue;
            };
            match hosts.iter_mut().find(|(h, _)| *h == host) {
                Some((_, part)) => part.push(a),
                None => hosts.push((host, vec![a])),
            }
        }
        for (host, to) in hosts {
            let part = Copy { to, ..copy };
            self.leave_to(mail, part, host);
        }
    }

    fn leave_to(&mut self, mail: &mut Mail, mut part: Copy, host: usize) {
        let there = &self.org.outside[host];
        part.at += self.ms(200, 1500);
        if mail.is_exposed() && self.rng.chance(60) {
            // One of them is refused, the others go on.
            let refused = part.to.remove(self.rng.below(part.to.len()));
            let failure = Failure {
                source: "SMTP",
                said: "550 5.1.1 <recipient> User unknown; Recipient address rejected",
                host: &there.host,
                ip: &there.ip,
            };
            self.fail(
                mail,
                Copy {
                    to: vec![refused],
                    ..part
                },
                failure,
            );
            if part.to.is_empty() {
                return;
            }
        }
        let draw = self.rng.below(10_000);
        let wait = match mail.script {
            Script::PutOff(minutes) => minutes * 60 * SECOND,
            // Greylisting, then hosts that are down for most of a day, then hosts that never answer.
            Script::Chance if draw < 120 => self.rng.between(300, 3600) * SECOND,
            Script::Chance if draw < 150 => self.rng.between(5 * 60, 20 * 60) * 60 * SECOND,
            Script::Chance if draw < 185 => EXPIRES_AFTER,
            _ => 0,
        };
        if wait > 0 {
            let Some(at) = self.wait_for(mail, &part, wait) else {
                return;
            };
            part.at = at;
        }
        let local = self.left_row(mail, &part, host);
        for a in &part.to {
            mail.fate(
                &a.address,
                Status::Transferred,
                Some((part.server, local)),
                &a.via,
            );
        }
    }

    /// Puts a copy off. Gives the time when it can go, or nothing where that is not in this run.
    fn wait_for(&mut self, mail: &mut Mail, part: &Copy, wait: i64) -> Option<i64> {
        let until = part.at + wait;
        let grey = "451 4.7.1 Greylisting in action, please come back later";
        let down =
            "451 4.4.0 Primary target IP address responded with: 421 4.2.1 Unable to connect";
        // A short wait may end after the last midnight, a long one ends in this run or stays open.
        if until < self.stop || wait <= HOUR {
            let reply = if wait <= HOUR { grey } else { down };
            self.put_off(mail, part, "SMTP", reply, until);
            if wait < EXPIRES_AFTER {
                return Some(until);
            }
            let end = Copy {
                at: until,
                ..part.clone()
            };
            let said = "550 4.4.7 QUEUE.Expired; message expired";
            self.fail(
                mail,
                end,
                Failure {
                    source: "QUEUE",
                    said,
                    host: "",
                    ip: "",
                },
            );
            return None;
        }
        let last = self.put_off(mail, part, "SMTP", down, self.stop.max(part.at + SECOND));
        let local = last + self.org.servers[part.server].skew;
        for a in &part.to {
            mail.fate(
                &a.address,
                Status::Pending,
                Some((part.server, local)),
                &a.via,
            );
        }
        None
    }

    /// DEFER rows until `until`, and a report on the delay where it grows long. Gives the time of the
    /// last of them.
    pub fn put_off(
        &mut self,
        mail: &mut Mail,
        copy: &Copy,
        source: &str,
        reply: &str,
        until: i64,
    ) -> i64 {
        let list = joined(&copy.to);
        let said = repeated(reply, copy.to.len());
        // A `;` inside an element needs single quotes.
        let said = match reply.contains(';') {
            true => repeated(&format!("'{reply}'"), copy.to.len()),
            false => said,
        };
        let mut at = copy.at;
        let mut last = at;
        let mut pause = 60 * SECOND;
        let mut reported = mail.return_path == "<>";
        while at < until {
            let next = at + pause;
            let mut info = String::new();
            push_time(&mut info, next + self.org.servers[copy.server].skew);
            let row = self.copy_row(mail, &Copy { at, ..copy.clone() }, &list, source, "DEFER");
            self.write(
                mail,
                &Row {
                    status: &said,
                    info: &info,
                    ..row
                },
            );
            last = at;
            if !reported && at - copy.at >= DELAY_REPORT_AFTER {
                reported = true;
                self.report_delay(mail, &Copy { at, ..copy.clone() });
            }
            at = next;
            pause = (pause * 3).min(2 * HOUR);
        }
        last
    }

    /// SENDEXTERNAL (2016 and later) or SEND to the outside host. Gives the row's time.
    fn left_row(&mut self, mail: &mut Mail, part: &Copy, host: usize) -> i64 {
        let org = self.org;
        let (server, there) = (&org.servers[part.server], &org.outside[host]);
        let list = joined(&part.to);
        let connector = match server.edge {
            true => format!("EdgeSync - {} to Internet", org.sites[0]),
            false => "Outbound to Internet".to_string(),
        };
        let mut reply = "2.0.0 OK ".to_string();
        push_number(&mut reply, (part.at / SECOND) as u64);
        reply.push(' ');
        push_base64(&mut reply, &mut self.rng, 18);
        reply.push_str(" - queued");
        let context = Self::sent_context(&format!("250 {reply}"));
        let tree = if server.edge {
            LATENCY_EDGE
        } else {
            LATENCY_HUB_FOLDED
        };
        let info = match server.edge {
            true => self.latency(mail, part.server, part.at, &[LATENCY_HUB_FOLDED, tree]),
            false => self.latency(mail, part.server, part.at, &[tree]),
        };
        let mut custom = self.send_custom(mail, part.at, part.server);
        custom.truncate(custom.len() - PLAIN.len());
        custom.push_str("S:ToEntity=Internet;S:FromEntity=Hosted;");
        custom.push_str(PLAIN);
        let row = Row {
            server: part.server,
            at: part.at,
            source: "SMTP",
            event: if server.layout == Layout::V2016 {
                "SENDEXTERNAL"
            } else {
                "SEND"
            },
            client_ip: &server.ip,
            client_host: &server.name,
            server_ip: &there.ip,
            server_host: &there.host,
            context: &context,
            connector: &connector,
            id: Some(part.id),
            recipients: &list,
            status: &repeated(
                &format!("250 {}", reply.replacen("2.0.0", "2.1.5", 1)),
                part.to.len(),
            ),
            bytes: self.weight(mail),
            count: Some(part.to.len()),
            reference: &repeated("", part.to.len()),
            info: &info,
            custom: &custom,
            ..Row::default()
        };
        self.write(mail, &row)
    }
}
