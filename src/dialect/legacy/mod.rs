//! What the dialects of Exchange 4.0 to 2003 share.
//!
//! Three formats tell the same events by the same numbers: the text logs of 4.0 to 5.5 ([`super::exchange55`]), those
//! of 2000 and 2003 ([`super::exchange2000`]), and TrackHistory XML ([`super::trackhistory`]). Each reads its own bytes
//! into an [`Entry`]; from there on [`entry`] makes events and records of all three, [`finder`] files rows, and
//! [`settle`] concludes what one record alone cannot say.

pub mod conclusion;
pub mod entry;
pub mod events;
pub mod finder;
pub mod line;
mod names;
pub mod settle;
pub mod sides;
pub mod text;
mod two_names;

pub use entry::{Entry, event, event_of, recipients, record};
pub use finder::{Finder, Found};
