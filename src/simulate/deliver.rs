//! Into mailboxes: DELIVER, what can go wrong there, and what Safety Net does later.
//!
//! In: a copy on a hub that can hand to the mailbox server. Out: the recipients' fates.

use super::flow::{PLAIN, Simulation};
use super::layout::{Layout, Row, Service};
use super::mail::{Addressee, Class, Copy, Home, Mail, Script, Status, joined, repeated};
use super::report::Failure;
use super::text::{push_base64, push_number, push_seconds, push_time};
use super::wording::{LATENCY_DELIVERY, LATENCY_HUB};
use crate::time::SECOND;

impl Simulation<'_> {
    pub fn deliver(&mut self, mail: &mut Mail, mut copy: Copy, home: usize) {
        copy.at += self.ms(20, 90);
        if mail.is_exposed() && self.rng.chance(30) {
            let until = copy.at + self.rng.between(120, 2400) * SECOND;
            let reply = "432 4.3.2 STOREDRV.Storage; mailbox database is offline";
            self.put_off(mail, &copy, "STOREDRIVER", reply, until);
            copy.at = until;
        }
        let org = self.org;
        let is_full = |a: &Addressee| matches!(a.home, Home::Mailbox(u) if org.users[u].full);
        let (full, fine): (Vec<_>, Vec<_>) = copy.to.iter().cloned().partition(is_full);
        if !full.is_empty() {
            let part = Copy {
                to: full,
                ..copy.clone()
            };
            self.fail_full(mail, part, home);
        }
        if fine.is_empty() {
            return;
        }
        copy.to = fine;
        let again = mail.script == Script::AlreadyThere;
        // One row per few recipients: those that share a database and a batch.
        let whole = std::mem::take(&mut copy.to);
        for batch in whole.chunks(8) {
            let part = Copy {
                to: batch.to_vec(),
                ..copy.clone()
            };
            let local = self.delivered_row(mail, &part, home, again);
            for a in batch {
                mail.fate(&a.address, Status::Delivered, Some((home, local)), &a.via);
            }
            copy.at = part.at + self.ms(2, 20);
        }
        copy.to = whole;
        self.handed_off_row(mail, &copy, home);
        self.answer_for_absent(mail, &copy);
        let chance = mail.is_exposed() && mail.class == Class::Mail && self.rng.chance(25);
        match mail.script {
            Script::Resubmitted(minutes) => self.resubmit(mail, copy, home, minutes),
            Script::Chance if chance => {
                let minutes = self.rng.between(3, 50);
                self.resubmit(mail, copy, home, minutes);
            }
            _ => {}
        }
    }

    /// DELIVER, or DUPLICATEDELIVER where the store has the message already. Gives the row's time.
    fn delivered_row(&mut self, mail: &mut Mail, part: &Copy, home: usize, again: bool) -> i64 {
        let org = self.org;
        let (hub, mailbox) = (&org.servers[part.server], &org.servers[home]);
        let modern = hub.layout.is_modern();
        let writer = if modern { home } else { part.server };
        let at = part.at + self.ms(20, 80);
        let list = joined(&part.to);
        let context = match hub.layout {
            Layout::V2007 => String::new(),
            Layout::V2010 => self.session_context(writer, at, "0"),
            _ => {
                let mut tail = "ClientSubmitTime:".to_string();
                push_time(&mut tail, mail.origin);
                self.session_context(writer, at, &tail)
            }
        };
        let info = match again {
            true => String::new(),
            false => self.whole_latency(mail, writer, at, LATENCY_DELIVERY),
        };
        let custom = self.deliver_custom(mail, part, home, at);
        let row = Row {
            server: writer,
            service: if modern {
                Service::Delivery
            } else {
                Service::Transport
            },
            at,
            source: "STOREDRIVER",
            event: if again { "DUPLICATEDELIVER" } else { "DELIVER" },
            client_host: if modern { &hub.fqdn } else { &hub.name },
            server_host: if modern { &mailbox.name } else { &mailbox.fqdn },
            context: &context,
            id: Some(part.id),
            recipients: &list,
            status: &repeated("", part.to.len()),
            bytes: self.weight(mail),
            count: Some(part.to.len()),
            info: &info,
            custom: &custom,
            with_origin: modern,
            ..Row::default()
        };
        self.write(mail, &row)
    }

    fn deliver_custom(&mut self, mail: &Mail, part: &Copy, home: usize, at: i64) -> String {
        let org = self.org;
        if org.servers[home].layout == Layout::V2010 {
            return "S:DeliveryPriority=Normal".to_string();
        }
        let mut text = String::with_capacity(560);
        text.push_str("S:IncludeInSla=True;S:MailboxDatabaseGuid=");
        text.push_str(&org.servers[home].database);
        text.push_str(";S:Mailboxes=");
        if let Some(Addressee {
            home: Home::Mailbox(u),
            ..
        }) = part.to.first()
        {
            text.push_str(&org.users[*u].mailbox);
        }
        text.push_str(";S:StoreObjectIds=AAAAA");
        push_base64(&mut text, &mut self.rng, 87);
        text.push_str(";S:FromEntity=Hosted;S:ToEntity=Hosted;S:P2RecipStat=0,00");
        push_number(&mut text, self.rng.below(9) as u64 + 1);
        text.push_str("/2;S:MsgRecipCount=");
        push_number(&mut text, mail.typed as u64);
        text.push_str(";S:SubRecipCount=");
        push_number(&mut text, mail.typed as u64);
        let took = at + org.servers[home].skew - mail.origin;
        text.push_str(";S:DeliveryLatency=");
        push_seconds(&mut text, took - 1000);
        if part.to.iter().any(|a| a.redirected) {
            text.push_str(";S:RecipientIsRedirectTarget=true");
        }
        text.push_str(";S:AttachCount=0;S:E2ELatency=");
        push_seconds(&mut text, took);
        text.push(';');
        text.push_str(PLAIN);
        text
    }

    /// 2013 and later: the hub's SEND to mailbox delivery, which has no InternalId.
    fn handed_off_row(&mut self, mail: &mut Mail, copy: &Copy, home: usize) {
        let org = self.org;
        let (hub, mailbox) = (&org.servers[copy.server], &org.servers[home]);
        if !hub.layout.is_modern() {
            return;
        }
        let list = joined(&copy.to);
        let at = copy.at + self.ms(81, 100);
        let mut context = String::with_capacity(200);
        for part in [
            ";250 2.0.0 OK ",
            &mail.message_id,
            " [Hostname=",
            &mailbox.fqdn,
        ] {
            context.push_str(part);
        }
        context.push_str("];ClientSubmitTime:");
        push_time(&mut context, mail.origin);
        let info = self.latency(mail, copy.server, at, &[LATENCY_HUB]);
        let custom = self.send_custom(mail, at, copy.server);
        let row = Row {
            server: copy.server,
            at,
            source: "SMTP",
            event: "SEND",
            client_ip: &hub.ip,
            client_host: &hub.name,
            server_ip: &mailbox.ip,
            server_host: &mailbox.fqdn,
            context: &context,
            connector: "Intra-Organization SMTP Send Connector",
            id: Some(copy.id),
            recipients: &list,
            status: &repeated("250 2.1.5 Recipient OK", copy.to.len()),
            bytes: self.weight(mail),
            count: Some(copy.to.len()),
            info: &info,
            custom: &custom,
            ..Row::default()
        };
        self.write(mail, &row);
    }

    /// The mailbox is full: the attempt fails at the mailbox, the recipient at the hub.
    fn fail_full(&mut self, mail: &mut Mail, mut part: Copy, home: usize) {
        let org = self.org;
        let (hub, mailbox) = (&org.servers[part.server], &org.servers[home]);
        let said = "554 5.2.2 mailbox full; STOREDRV.Deliver.Exception:QuotaExceededException.\
            MapiExceptionShutoffQuotaExceeded";
        if hub.layout.is_modern() {
            let list = joined(&part.to);
            let status =
                self.failure_status(&part, said, part.to.len(), &mailbox.fqdn, &mailbox.ip);
            let row = Row {
                server: home,
                service: Service::Delivery,
                at: part.at,
                source: "STOREDRIVER",
                event: "DELIVERFAIL",
                client_host: &hub.fqdn,
                server_host: &mailbox.name,
                id: Some(part.id),
                recipients: &list,
                status: &status,
                bytes: self.weight(mail),
                count: Some(part.to.len()),
                custom: PLAIN,
                with_origin: true,
                ..Row::default()
            };
            self.write(mail, &row);
            part.at += self.ms(3, 30);
        }
        let source = if hub.layout.is_modern() {
            "SMTP"
        } else {
            "STOREDRIVER"
        };
        let failure = Failure {
            source,
            said,
            host: &mailbox.fqdn,
            ip: &mailbox.ip,
        };
        self.fail(mail, part, failure);
    }

    /// Safety Net (or the dumpster before 2013) sends a copy again; the store knows the message.
    fn resubmit(&mut self, mail: &mut Mail, mut copy: Copy, home: usize, minutes: i64) {
        copy.at += minutes * 60 * SECOND;
        copy.id = self.new_id(copy.server);
        let modern = self.org.servers[copy.server].layout.is_modern();
        let source = if modern { "SAFETYNET" } else { "REDUNDANCY" };
        let list = joined(&copy.to);
        let row = self.copy_row(mail, &copy, &list, source, "RESUBMIT");
        self.write(mail, &row);
        copy.at += self.ms(50, 300);
        self.delivered_row(mail, &copy, home, true);
        self.handed_off_row(mail, &copy, home);
    }
}
