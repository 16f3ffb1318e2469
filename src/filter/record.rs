//! Which rows the user asks for, where rows are shown and no messages are joined (`events`).
//!
//! In: one [`Record`]. Out: yes or no. A row knows nothing of its message's state or direction, and
//! whether it is a probe is not asked: a timeline leaves nothing out.

use super::{Filter, wanted};
use crate::event::Record;

impl Filter {
    /// Whether a row is wanted: by its own columns, and by its own time.
    pub fn matches_record(&self, row: &Record) -> bool {
        let ids = [row.message_id, row.internal_message_id];
        let senders = [row.sender, row.return_path];
        let servers = [row.server, row.client_host, row.server_host];
        let clients = [row.client_ip, row.original_client_ip, row.client_host];
        let addresses = row.recipients.iter().chain(&row.related_recipients);
        self.since.is_none_or(|since| row.time >= since)
            && self.until.is_none_or(|until| row.time < until)
            && wanted(&self.network_message_id, |p| {
                p.matches(row.network_message_id)
            })
            && wanted(&self.message_id, |p| ids.iter().any(|id| p.matches_id(id)))
            && wanted(&self.client_ip, |p| clients.iter().any(|ip| p.matches(ip)))
            && wanted(&self.sender, |p| {
                senders.iter().any(|address| p.matches(address))
            })
            && wanted(&self.recipient, |p| {
                addresses.clone().any(|address| p.matches(address))
            })
            && wanted(&self.connector, |p| p.matches_connector(row.connector))
            && wanted(&self.server, |p| {
                servers.iter().any(|host| p.matches_host(host))
            })
            && wanted(&self.subject, |p| p.matches(row.subject))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::Pattern;
    use crate::filter::example::record;
    use crate::time::Time;

    #[test]
    fn each_flag_looks_at_its_columns() {
        let row = record();
        let address = |text| vec![Pattern::address(text)];
        let exact = |text| vec![Pattern::exact(text)];
        let table = [
            (Filter::default(), true),
            (only!(recipient: address("B@contoso.com")), true),
            (only!(recipient: address("team@contoso.com")), true),
            (only!(recipient: address("zed@contoso.com")), false),
            (only!(sender: address("@contoso.com")), true),
            (only!(sender: address("<>")), true),
            (only!(message_id: vec![Pattern::message_id("Q1@*")]), true),
            (only!(server: exact("EX01.contoso.com")), true),
            (only!(client_ip: exact("10.0.0.17")), true),
            (only!(subject: vec![Pattern::substring("HELLO")]), true),
            (only!(subject: vec![Pattern::substring("bye")]), false),
            (only!(since: Some(row.time)), true),
            (only!(until: Some(row.time)), false),
            (only!(since: Some(Time(row.time.0 + 1))), false),
        ];
        for (filter, want) in table {
            assert_eq!(filter.matches_record(&row), want, "{filter:?}");
        }
    }
}
