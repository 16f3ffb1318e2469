//! The rarer events: rules that act, moderation, journal copies, refusals at the door, odd rows.
//!
//! In: a mail at the hub or at the door. Out: its end, or the copy to go on with. None of these rows is
//! known from a real log but the refusals and the rule's FAIL (`formats/modern.md` sections 5 and 9).

use super::flow::{PLAIN, Simulation};
use super::layout::{Row, Service};
use super::mail::{
    Addressee, Class, Copy, Draft, Entry, Home, Mail, Script, Sender, Status, Target, joined,
};
use super::report::POSTMASTER;
use crate::time::SECOND;

pub const ARBITRATION: &str = "SystemMailbox{1f05a927-3be2-4fb9-aa03-b59fe3b56f4c}@example.com";

impl Simulation<'_> {
    /// Refused while the other side was still speaking: no copy, no size, the agent's name.
    pub fn refuse(&mut self, mail: &mut Mail, draft: &Draft, door: usize, host: Option<usize>) {
        let org = self.org;
        let server = &org.servers[door];
        let typed = self.typed(&draft.to);
        let agent = *self.rng.pick(&[
            "Recipient Filter Agent",
            "Content Filter Agent",
            "Sender Id Agent",
        ]);
        // Before the header has come there is no Message-ID; without network ids we could not tell whose.
        let nameless = server.layout.is_modern() && self.rng.chance(4000);
        if nameless {
            mail.message_id.clear();
        }
        let row = Row {
            server: door,
            at: draft.at,
            source: "SMTP",
            event: "FAIL",
            client_ip: host.map_or("", |h| &org.outside[h].ip),
            client_host: &server.name,
            server_ip: &server.ip,
            server_host: &server.name,
            context: agent,
            id: Some(0),
            recipients: &typed,
            status: &super::mail::repeated("550 5.7.1 Message rejected", draft.to.len()),
            bytes: Some(0),
            count: Some(draft.to.len()),
            custom: PLAIN,
            ..Row::default()
        };
        mail.first_seen = self.write(mail, &row);
        for target in &draft.to {
            let address = self.address_of(target).to_string();
            let at = mail.first_seen;
            mail.fate(&address, Status::Rejected, Some((door, at)), &Vec::new());
        }
    }

    /// A transport rule ends the mail: silently, or with a report that Exchange logs without an id.
    pub fn act_by_rule(&mut self, mail: &mut Mail, copy: &Copy, typed: &str, to: &[Target]) {
        let dropped = mail.script == Script::DroppedByRule;
        let at = Copy {
            at: copy.at + 20_000,
            to: Vec::new(),
            ..*copy
        };
        let event = if dropped { "DROP" } else { "FAIL" };
        let row = self.copy_row(mail, &at, typed, "AGENT", event);
        let said = "550 5.7.1 TRANSPORT.RULES.RejectMessage; the message was rejected by \
            organization policy";
        let status = match dropped {
            true => String::new(),
            false => self.failure_status(&at, said, to.len(), "", ""),
        };
        let modern = self.org.servers[copy.server].layout.is_modern();
        let row = Row {
            context: "Transport Rule Agent",
            status: &status,
            count: Some(to.len()),
            nameless: !dropped && modern,
            ..row
        };
        let local = self.write(mail, &row);
        let status = if dropped {
            Status::Dropped
        } else {
            Status::Failed
        };
        for target in to {
            let address = self.address_of(target).to_string();
            mail.fate(&address, status, Some((copy.server, local)), &Vec::new());
        }
    }

    /// Things that happen to few mails at the hub. True where the mail ends there.
    pub fn stop_by_oddity(
        &mut self,
        mail: &mut Mail,
        copy: &mut Copy,
        typed: &str,
        to: &[Target],
    ) -> bool {
        if mail.script == Script::BadPickup {
            self.end_whole(mail, copy, typed, to, ("PICKUP", "BADMAIL", Status::Failed));
            return true;
        }
        if !mail.is_exposed() || mail.class != Class::Mail {
            return false;
        }
        match self.rng.below(10_000) {
            0..12 => {
                mail.script = Script::DroppedByRule;
                self.act_by_rule(mail, copy, typed, to);
                true
            }
            12..36 => {
                mail.script = Script::RejectedByRule;
                self.act_by_rule(mail, copy, typed, to);
                true
            }
            36..39 => {
                self.end_whole(
                    mail,
                    copy,
                    typed,
                    to,
                    ("POISONMESSAGE", "POISONMESSAGE", Status::Failed),
                );
                true
            }
            39..44 => {
                self.end_whole(
                    mail,
                    copy,
                    typed,
                    to,
                    ("QUEUE", "SUPPRESSED", Status::Dropped),
                );
                true
            }
            n @ 44..104 => {
                let (source, event, reference) = match n {
                    44..54 => ("SMTP", "THROTTLE", "Sender rate limit"),
                    54..64 => ("BOOTLOADER", "LOAD", ""),
                    64..84 => ("MEETINGMESSAGEPROCESSOR", "PROCESSMEETINGMESSAGE", ""),
                    84..94 => ("AGENT", "FUTUREEVENT", ""),
                    _ => ("NEWSOURCE", "PROCESS", ""),
                };
                copy.at += self.ms(2, 300);
                let row = self.copy_row(mail, copy, typed, source, event);
                self.write(
                    mail,
                    &Row {
                        count: Some(to.len()),
                        reference,
                        ..row
                    },
                );
                false
            }
            _ => false,
        }
    }

    /// One row ends the mail for all.
    fn end_whole(
        &mut self,
        mail: &mut Mail,
        copy: &Copy,
        typed: &str,
        to: &[Target],
        (source, event, status): (&str, &str, Status),
    ) {
        let later = Copy {
            at: copy.at + 30_000,
            to: Vec::new(),
            ..*copy
        };
        let row = self.copy_row(mail, &later, typed, source, event);
        let local = self.write(
            mail,
            &Row {
                count: Some(to.len()),
                ..row
            },
        );
        for target in to {
            let address = self.address_of(target).to_string();
            mail.fate(&address, status, Some((copy.server, local)), &Vec::new());
        }
    }

    /// A moderated list: the moderator is asked first. Gives the copy to go on with, if it may.
    pub fn moderate(&mut self, mail: &mut Mail, mut copy: Copy, to: &[Target]) -> Option<Copy> {
        let org = self.org;
        let [Target::List(l)] = to else {
            return Some(copy);
        };
        let list = &org.lists[*l];
        let Some(moderator) = list.moderator.filter(|_| mail.class == Class::Mail) else {
            return Some(copy);
        };
        copy.at += self.ms(5, 40);
        let row = self.copy_row(mail, &copy, &list.address, "APPROVAL", "INITMESSAGECREATED");
        let row = Row {
            service: Service::Moderation,
            count: Some(1),
            ..row
        };
        self.write(mail, &row);
        self.ask(mail, &copy, moderator);
        copy.at += self.rng.between(120, 3000) * SECOND;
        let verdict = match self.rng.below(10) {
            0..7 => "MODERATORAPPROVE",
            7..9 => "MODERATORREJECT",
            _ => "MODERATIONEXPIRE",
        };
        let row = self.copy_row(mail, &copy, &list.address, "APPROVAL", verdict);
        let row = Row {
            service: Service::Moderation,
            count: Some(1),
            ..row
        };
        let local = self.write(mail, &row);
        if verdict != "MODERATORAPPROVE" {
            let by = Some((copy.server, local));
            mail.fate(&list.address, Status::Failed, by, &Vec::new());
            return None;
        }
        copy.id = self.new_id(copy.server);
        copy.at += self.ms(100, 900);
        let row = self.copy_row(mail, &copy, &list.address, "APPROVAL", "RECEIVE");
        self.write(
            mail,
            &Row {
                count: Some(1),
                ..row
            },
        );
        Some(copy)
    }

    /// The approval request: a message of its own, from the arbitration mailbox.
    fn ask(&mut self, mail: &Mail, copy: &Copy, moderator: usize) {
        let subject = format!("Approval required: {}", mail.subject);
        self.generate(
            mail,
            copy,
            ARBITRATION,
            moderator,
            subject,
            ("APPROVAL", None),
        );
    }

    /// A journal copy of what a journaled sender writes.
    pub fn journal(&mut self, mail: &mut Mail, copy: &Copy) {
        let Sender::User(u) = mail.from else {
            return;
        };
        if self.org.users[u].journaled
            && mail.message_id.starts_with('<')
            && mail.class == Class::Mail
        {
            let subject = mail.subject.clone();
            let journal = self.org.journal;
            let kind = ("AGENT", Some("journal"));
            let id = self.generate(mail, copy, POSTMASTER, journal, subject, kind);
            mail.related.push(("journal", id));
        }
    }

    /// Makes a message on a server and delivers it to one user.
    fn generate(
        &mut self,
        about: &Mail,
        copy: &Copy,
        sender: &str,
        to: usize,
        subject: String,
        (source, link): (&str, Option<&'static str>),
    ) -> String {
        let at = copy.at + self.ms(3, 30);
        let draft = Draft {
            at,
            sender: Sender::Machine(sender.to_string(), copy.server),
            to: Vec::new(),
            subject,
            bytes: about.bytes + 3000,
            class: Class::System,
            script: Script::Smooth,
            story: about.story,
            message_id: None,
            related: link
                .map(|kind| (kind, about.message_id.clone()))
                .into_iter()
                .collect(),
        };
        let mut made = self.mail_of(&draft);
        made.entry = Entry::Generated;
        made.typed = 1;
        made.origin = at + self.org.servers[copy.server].skew;
        let address = self.org.users[to].address.to_lowercase();
        let to = vec![Addressee {
            address,
            home: Home::Mailbox(to),
            via: Vec::new(),
            redirected: false,
        }];
        let new = Copy {
            server: copy.server,
            id: self.new_id(copy.server),
            at,
            to,
        };
        let list = joined(&new.to);
        let row = self.copy_row(&made, &new, &list, source, "RECEIVE");
        made.first_seen = self.write(
            &mut made,
            &Row {
                reference: &about.message_id,
                ..row
            },
        );
        let id = made.message_id.clone();
        self.route(&mut made, new);
        self.finish(&made);
        id
    }
}
