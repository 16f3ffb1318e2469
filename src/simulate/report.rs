//! Failures and the reports about them.
//!
//! In: a copy whose recipients have failed or wait. Out: FAIL rows, and reports, which are messages of
//! their own: they go back to the sender like any other mail, but nobody reports on them.

use super::flow::Simulation;
use super::layout::{Layout, Row};
use super::mail::{
    Addressee, Class, Copy, Draft, Entry, Home, Mail, Script, Sender, Status, joined, repeated,
};
use super::organisation::DOMAIN;
use super::text::push_local_time;

pub const POSTMASTER: &str = "MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@example.com";

/// Why recipients failed.
pub struct Failure<'f> {
    pub source: &'f str,
    /// The reply or status, as one line.
    pub said: &'f str,
    /// Who said it; empty where we did ourselves.
    pub host: &'f str,
    pub ip: &'f str,
}

impl Simulation<'_> {
    /// FAIL, and a report to the sender if anybody is to hear of it.
    pub fn fail(&mut self, mail: &mut Mail, copy: Copy, failure: Failure<'_>) {
        let org = self.org;
        let server = &org.servers[copy.server];
        let list = joined(&copy.to);
        let status =
            self.failure_status(&copy, failure.said, copy.to.len(), failure.host, failure.ip);
        let report = self.can_be_told(mail).then(|| self.new_message_id(DOMAIN));
        let row = self.copy_row(mail, &copy, &list, failure.source, "FAIL");
        let reference = report.as_deref().unwrap_or("");
        let row = Row {
            status: &status,
            reference,
            ..row
        };
        let local = match failure.source {
            // Where mail was being sent, we are the client.
            "SMTP" => self.write(
                mail,
                &Row {
                    client_ip: &server.ip,
                    client_host: &server.name,
                    server_ip: failure.ip,
                    server_host: failure.host,
                    ..row
                },
            ),
            _ => self.write(mail, &row),
        };
        for a in &copy.to {
            mail.fate(
                &a.address,
                Status::Failed,
                Some((copy.server, local)),
                &a.via,
            );
        }
        if let Some(id) = report {
            self.send_report(mail, &copy, id, "Failure", "Undeliverable: ");
        }
    }

    /// Names in our domain that nobody has.
    pub fn fail_nobodies(&mut self, mail: &mut Mail, copy: &Copy, addresses: Vec<String>) {
        let to = addresses
            .into_iter()
            .map(|address| Addressee {
                address,
                home: Home::Outside(0),
                via: Vec::new(),
                redirected: false,
            })
            .collect();
        let part = Copy { to, ..*copy };
        let said = "550 5.1.1 RESOLVER.ADR.RecipNotFound; not found";
        self.fail(
            mail,
            part,
            Failure {
                source: "ROUTING",
                said,
                host: "",
                ip: "",
            },
        );
    }

    /// `[{LED=…};{MSG=};…]` of 2013 and later, in single quotes since it holds `;`; plain text before.
    pub fn failure_status(
        &mut self,
        copy: &Copy,
        said: &str,
        n: usize,
        host: &str,
        ip: &str,
    ) -> String {
        let server = &self.org.servers[copy.server];
        if server.layout < Layout::V2013 {
            return match said.contains(';') {
                true => repeated(&format!("'{said}'"), n),
                false => repeated(said, n),
            };
        }
        let mut tried = String::new();
        push_local_time(&mut tried, copy.at + server.skew, self.org.german_locale);
        repeated(
            &format!("'[{{LED={said}}};{{MSG=}};{{FQDN={host}}};{{IP={ip}}};{{LRT={tried}}}]'"),
            n,
        )
    }

    /// Whether there is somebody to tell, and a Message-ID to name.
    fn can_be_told(&self, mail: &Mail) -> bool {
        let person = !matches!(mail.from, Sender::Machine(..));
        person && mail.return_path != "<>" && mail.message_id.starts_with('<')
    }

    /// A report that the mail is late; its failure or success comes later.
    pub fn report_delay(&mut self, mail: &mut Mail, copy: &Copy) {
        if self.can_be_told(mail) {
            let id = self.new_message_id(DOMAIN);
            self.send_report(mail, copy, id, "Delay", "Delivery delayed: ");
        }
    }

    /// The DSN row opens a new message, which then goes to the sender.
    fn send_report(
        &mut self,
        mail: &mut Mail,
        about: &Copy,
        id: String,
        kind: &str,
        subject: &str,
    ) {
        let at = about.at + self.ms(5, 40);
        let draft = Draft {
            at,
            sender: Sender::Machine(POSTMASTER.to_string(), about.server),
            to: Vec::new(),
            subject: format!("{subject}{}", mail.subject),
            bytes: 6200 + mail.bytes.min(20_000),
            class: Class::Report,
            script: Script::Smooth,
            story: mail.story,
            message_id: Some(id),
            related: vec![("report-of", mail.message_id.clone())],
        };
        let mut report = self.mail_of(&draft);
        report.entry = Entry::Generated;
        report.return_path = "<>".to_string();
        report.typed = 1;
        report.origin = at + self.org.servers[about.server].skew;
        report.origin_server = self.org.servers[about.server].ip.clone();
        mail.related.push(("report", report.message_id.clone()));
        let home = match &mail.from {
            Sender::User(u) => Home::Mailbox(*u),
            Sender::Outside(_, host) => Home::Outside(*host),
            Sender::Machine(..) => return,
        };
        let address = mail.sender.to_lowercase();
        let to = vec![Addressee {
            address,
            home,
            via: Vec::new(),
            redirected: false,
        }];
        let copy = Copy {
            server: about.server,
            id: self.new_id(about.server),
            at,
            to,
        };
        let list = joined(&copy.to);
        let late = format!("<{}>:<400 4.4.7 Message delayed>", about.to[0].address);
        let row = self.copy_row(&report, &copy, &list, "DSN", "DSN");
        let row = Row {
            context: kind,
            reference: &mail.message_id,
            info: if kind == "Delay" { &late } else { "" },
            ..row
        };
        report.first_seen = self.write(&mut report, &row);
        self.route(&mut report, copy);
        self.finish(&report);
    }

    /// An out-of-office reply to the sender, made by the mailbox's rule; some are held back.
    pub fn answer_for_absent(&mut self, mail: &Mail, copy: &Copy) {
        let absent = mail.is_exposed() && self.can_be_told(mail) && self.rng.chance(40);
        let home = match &mail.from {
            Sender::User(u) => Home::Mailbox(*u),
            Sender::Outside(_, host) => Home::Outside(*host),
            Sender::Machine(..) => return,
        };
        let Some(Addressee {
            address,
            home: Home::Mailbox(u),
            ..
        }) = copy.to.first()
        else {
            return;
        };
        if !absent || *address == mail.sender.to_lowercase() {
            return;
        }
        let to = Addressee {
            address: mail.sender.to_lowercase(),
            home,
            via: Vec::new(),
            redirected: false,
        };
        self.answer(mail, copy, *u, to);
    }

    /// The reply of user `u`, whose mailbox rule answers for them.
    fn answer(&mut self, mail: &Mail, copy: &Copy, u: usize, to: Addressee) {
        let at = copy.at + self.ms(200, 900);
        let draft = Draft {
            at,
            sender: Sender::User(u),
            to: Vec::new(),
            subject: format!("Automatic reply: {}", mail.subject),
            bytes: 7100,
            class: Class::Report,
            script: Script::Smooth,
            story: None,
            message_id: None,
            related: Vec::new(),
        };
        let mut reply = self.mail_of(&draft);
        reply.entry = Entry::Generated;
        reply.return_path = "<>".to_string();
        reply.typed = 1;
        reply.origin = at + self.org.servers[copy.server].skew;
        let new = Copy {
            server: copy.server,
            id: self.new_id(copy.server),
            at,
            to: vec![to],
        };
        let list = joined(&new.to);
        let cause = copy.id.to_string();
        let row = self.copy_row(&reply, &new, &list, "MAILBOXRULE", "RECEIVE");
        reply.first_seen = self.write(
            &mut reply,
            &Row {
                reference: &cause,
                ..row
            },
        );
        if self.rng.chance(2500) {
            let row = self.copy_row(&reply, &new, &list, "MAILBOXRULE", "SUPPRESSED");
            let local = self.write(
                &mut reply,
                &Row {
                    at: at + 9_000,
                    ..row
                },
            );
            let by = Some((new.server, local));
            reply.fate(&new.to[0].address, Status::Dropped, by, &Vec::new());
        } else {
            self.route(&mut reply, new);
        }
        self.finish(&reply);
    }
}
