//! The hosts of Exchange Online, as exports and the logs of others name them.

/// The server that traces speak of: they name no other.
pub const SERVER: &[u8] = b"exchange-online";

/// Whether a host is one of Exchange Online's.
pub fn is_online(host: &[u8]) -> bool {
    let ends = [&b".protection.outlook.com"[..], b".prod.outlook.com"];
    ends.iter().any(|end| {
        host.len() > end.len() && host[host.len() - end.len()..].eq_ignore_ascii_case(end)
    })
}
