//! What a server of 2007 logs where one of 2003 would log a number.
//!
//! In: a record of 2003. Out: the row that tells the same, in the 21 columns of 2007, if there is one: steps inside a server
//! have none. Servers of 2003 answer without an internal id, those of 2007 with theirs.

use std::collections::BTreeMap;

use super::Kind;
use super::records::New;
use crate::time::Time;

/// Internal ids: each message has one on each server.
#[derive(Default)]
pub struct Copies(BTreeMap<(String, String), usize>);

impl Copies {
    fn id(&mut self, server: &str, message: &str) -> usize {
        let next = self.0.len() + 1;
        let key = (server.to_lowercase(), message.to_string());
        *self.0.entry(key).or_insert(next)
    }
}

/// What every log of 2007 begins with.
pub fn header(at: i64) -> String {
    let columns = "date-time,client-ip,client-hostname,server-ip,server-hostname,source-context,connector-id,source,\
        event-id,internal-message-id,message-id,recipient-address,recipient-status,total-bytes,recipient-count,\
        related-recipient-address,reference,message-subject,sender-address,return-path,message-info";
    format!(
        "#Software: Microsoft Exchange Server\r\n#Version: 8.0.0.0\r\n#Log-type: Message Tracking Log\r\n\
         #Date: {}\r\n#Fields: {columns}\r\n",
        Time(at).rfc3339()
    )
}

/// Source and event that tell what a number of 2003 tells.
fn name(event: u16) -> Option<(&'static str, &'static str)> {
    Some(match event {
        1027 => ("STOREDRIVER", "RECEIVE"),
        1019 => ("SMTP", "RECEIVE"),
        26 => ("ROUTING", "EXPAND"),
        1042 => ("ROUTING", "REDIRECT"),
        1031 => ("SMTP", "SEND"),
        1028 => ("STOREDRIVER", "DELIVER"),
        1021 | 1030 => ("ROUTING", "FAIL"),
        1032 | 1037 => ("ROUTING", "DEFER"),
        _ => return None,
    })
}

/// The row of a server of 2007.
pub fn row(
    servers: &[(String, Kind)],
    server: usize,
    at: i64,
    r: &New<'_>,
    copies: &mut Copies,
) -> Option<String> {
    // Where a mailbox of the same server submitted it, 2007 has no second receipt.
    let (source, event) = name(r.event).filter(|_| r.event != 1019 || !r.client.is_empty())?;
    let own = format!("{}.corp.example", servers[server].0.to_lowercase());
    let (mut client, mut host, mut context, mut connector) =
        (r.client.to_string(), own.clone(), String::new(), "");
    if event == "SEND" {
        let next = match r.partner.contains('.') {
            true => r.partner.to_string(),
            false => format!("{}.corp.example", r.partner.to_lowercase()),
        };
        let short = next.split('.').next().unwrap_or_default();
        let kind = servers
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(short));
        let is_inside = next.ends_with(".corp.example");
        context = match kind {
            Some((_, Kind::New)) => format!("250 2.6.0 <{}> Queued mail for delivery", r.id),
            _ if is_inside => {
                let id = copies.id(short, r.id);
                format!(
                    "250 2.6.0 <{}> [InternalId={id}; Hostname={next}] Queued mail for delivery",
                    r.id
                )
                .replace(';', ",")
            }
            _ => "250 2.0.0 OK".to_string(),
        };
        connector = if is_inside {
            "Intra-Organization SMTP Send Connector"
        } else {
            "Internet"
        };
        (client, host) = (own, next);
    } else if event == "DELIVER" {
        client = own;
    }
    let quoted = |text: String| match text.contains([',', '"']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text,
    };
    // Inside, 2003 names people by distinguished names; 2007 has their addresses.
    let sender = match r.sender.to_lowercase().rsplit_once("/cn=") {
        Some((_, user)) => format!("{user}@corp.example"),
        None => r.sender.to_string(),
    };
    let status = if event == "FAIL" {
        "550 5.1.1 User unknown"
    } else {
        ""
    };
    let id = copies.id(&servers[server].0, r.id);
    let fields = [
        Time(at).rfc3339(),
        String::new(),
        client,
        String::new(),
        host,
        context,
        connector.to_string(),
        source.to_string(),
        event.to_string(),
        id.to_string(),
        format!("<{}>", r.id),
        r.recipients.join(";"),
        status.to_string(),
        r.size.to_string(),
        r.recipients.len().to_string(),
        r.replaced.to_string(),
        String::new(),
        r.subject.to_string(),
        sender.clone(),
        sender,
        String::new(),
    ];
    Some(fields.map(quoted).join(",") + "\r\n")
}
