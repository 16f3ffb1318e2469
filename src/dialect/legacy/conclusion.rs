//! What the records of a message say only together.
//!
//! In: events. Out: events that no row tells of, and [`Conclusion`]s, by which a path marks them as inferred.

use bstr::BStr;
use bumpalo::Bump;

use crate::address::List;
use crate::event::{Event, Next, Place, Role};

/// One conclusion: a role that an event was given (redirect, expansion, rename: of this address; departure: of all), or
/// what is said of a hand-over (send).
#[derive(Clone, Copy, Debug)]
pub struct Conclusion<'d> {
    pub role: Role,
    pub address: &'d BStr,
    pub place: Place,
}

/// An event that no row tells of, at the place of one that does: nothing came or went by it.
pub(super) fn concluded_from<'d>(event: &Event<'d>) -> Event<'d> {
    Event {
        copy: 0,
        next: Next::None,
        from_mailbox: false,
        starts_message: false,
        is_report: false,
        ..*event
    }
}

/// Whether an event is the last word about its recipients.
pub(super) fn is_final(role: Role) -> bool {
    matches!(
        role,
        Role::Deliver | Role::Leave | Role::Fail | Role::Drop | Role::Quarantine
    )
}

/// Whether an event puts other addresses in the place of one.
pub(super) fn replaces(event: &Event<'_>) -> bool {
    matches!(event.role, Role::Expand | Role::Redirect)
}

/// A list field of one address.
pub(super) fn quoted<'d>(address: &'d [u8], arena: &'d Bump) -> List<'d> {
    if address.contains(&b';') {
        return List(arena.alloc_slice_copy(&bstr::concat([b"'", address, b"'"])));
    }
    List(address)
}
