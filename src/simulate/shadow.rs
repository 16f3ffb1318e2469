//! Shadow redundancy: the copy that a second server keeps until the first is done.
//!
//! In: a RECEIVE that was just written. Out: HAREDIRECT beside it, HARECEIVE and HADISCARD on the shadow
//! server. None of them is ever a delivery.

use super::flow::{PLAIN, Simulation};
use super::layout::{Layout, Row};
use super::mail::Mail;
use super::text::push_guid;
use crate::time::SECOND;

impl Simulation<'_> {
    /// The server that keeps the shadow of what `server` takes in, if any does.
    pub fn shadow_of(&mut self, server: usize) -> Option<usize> {
        let org = self.org;
        let fits = |s: &usize| {
            let other = &org.servers[*s];
            let visible = !(self.options.stories && other.left_out);
            *s != server && !other.edge && other.layout.is_modern() && visible
        };
        if org.servers[server].edge || !org.servers[server].layout.is_modern() {
            return None;
        }
        let count = (0..org.mailbox_servers).filter(fits).count();
        if count == 0 {
            return None;
        }
        let n = self.rng.below(count);
        (0..org.mailbox_servers).filter(fits).nth(n)
    }

    /// HAREDIRECT here; HARECEIVE and, when all is done, HADISCARD there.
    pub fn shadow_rows(&mut self, mail: &mut Mail, received: &Row<'_>, shadow: usize) {
        let org = self.org;
        let (s, other) = (&org.servers[received.server], &org.servers[shadow]);
        let base = Row {
            server: received.server,
            at: received.at,
            source: "SMTP",
            id: received.id,
            recipients: received.recipients,
            bytes: received.bytes,
            count: received.count,
            custom: PLAIN,
            ..Row::default()
        };
        if self.rng.chance(100) {
            let context = "No suitable shadow servers";
            let row = Row {
                event: "HAREDIRECTFAIL",
                server_host: &s.name,
                context,
                ..base
            };
            self.write(mail, &row);
            return;
        }
        let id = self.new_id(shadow);
        // 2013 has the two values the wrong way round.
        let (first, second) = match s.layout {
            Layout::V2013 => (other.fqdn.clone(), id.to_string()),
            _ => (id.to_string(), other.fqdn.clone()),
        };
        let mut context = String::with_capacity(220);
        for part in [
            &*other.fqdn,
            "=250 2.6.0 ",
            &mail.message_id,
            " [InternalId=",
            &first,
        ] {
            context.push_str(part);
        }
        for part in [", Hostname=", &second, "] Queued mail for redundancy"] {
            context.push_str(part);
        }
        self.write(
            mail,
            &Row {
                event: "HAREDIRECT",
                server_host: &s.name,
                context: &context,
                ..base
            },
        );
        self.shadow_kept(mail, &base, shadow, id);
    }

    /// The shadow server's rows: kept, and discarded when the primary is done.
    fn shadow_kept(&mut self, mail: &mut Mail, base: &Row<'_>, shadow: usize, id: u64) {
        let org = self.org;
        let (s, other) = (&org.servers[base.server], &org.servers[shadow]);
        let mut guid = String::with_capacity(36);
        push_guid(&mut guid, &mut self.rng);
        let there = Row {
            server: shadow,
            at: base.at + self.ms(20, 60),
            client_host: &s.fqdn,
            server_host: &other.name,
            id: Some(id),
            custom: "S:DeliveryPriority=Low;S:PrioritizationReason=ShadowRedundancy;\
                S:AccountForest=example.com",
            ..*base
        };
        self.write(
            mail,
            &Row {
                event: "HARECEIVE",
                context: &guid,
                ..there
            },
        );
        let discarded = format!("ExplicitlyDiscarded;{guid}");
        let at = there.at + self.rng.between(20, 900) * SECOND;
        self.write(
            mail,
            &Row {
                event: "HADISCARD",
                context: &discarded,
                at,
                ..there
            },
        );
    }
}
