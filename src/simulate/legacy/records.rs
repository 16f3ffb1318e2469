//! What a server tells, before it is a record of its log.

/// A record of 5.5; recipients with an optional status.
pub struct Old<'r> {
    pub id: &'r str,
    pub event: u16,
    pub gateway: &'r str,
    pub partner: &'r str,
    pub remote_id: &'r str,
    pub originator: &'r str,
    pub size: i64,
    pub about: &'r str,
    pub recipients: &'r [String],
    pub status: Option<u8>,
}

/// A record of 2003.
#[derive(Clone, Copy)]
pub struct New<'r> {
    pub id: &'r str,
    pub event: u16,
    pub client: &'r str,
    pub partner: &'r str,
    pub linked: &'r str,
    /// The list or address that others take the place of: 2003 does not log it.
    pub replaced: &'r str,
    pub sender: &'r str,
    pub subject: &'r str,
    pub size: i64,
    pub recipients: &'r [String],
}
