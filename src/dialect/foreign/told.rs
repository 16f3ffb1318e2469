//! What single lines tell of the clock that their stamps go by.
//!
//! In: a line, its envelope taken off. Out: [`Told`], and whom to believe where lines disagree ([`elect`]): ids of the host's
//! own, then most of what other hosts answered, whose clocks may be wrong and who may have taken their time.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Offset};

use super::clock::{self, Clock};
use super::cut;
use super::entry::Entry;
use super::events::code;
use super::line::{Outer, Program};
use super::outer::outer;
use super::reply::Named;
use super::{Schema, read};
use crate::time::{SECOND, Time};

/// So many strangers are believed.
pub(super) const STRANGERS: u32 = 3;

/// The instant that a line's ids name.
pub(super) struct Anchor {
    /// In seconds since 1970.
    pub arrival: i64,
    /// By how many seconds the line may be later.
    pub slack_s: i64,
    /// Whether the host itself made the id.
    pub is_own: bool,
}

/// The clock that a line proves.
#[derive(Clone, Copy)]
pub(super) struct Told {
    pub clock: Clock,
    /// Whether the host itself says so, and no stranger.
    pub is_own: bool,
}

/// The clock that a line proves, if it proves any.
pub(super) fn told(line: &[u8], schema: &Schema) -> Option<Told> {
    told_by(&outer(line, &schema.clock)?, schema)
}

/// The same of a line whose outer parts are known.
pub(super) fn told_by(found: &Outer<'_>, schema: &Schema) -> Option<Told> {
    let bare = found.bare?;
    if schema.zone.is_some() {
        let clock = by_zone(schema, bare.local)?;
        return Some(Told {
            clock,
            is_own: true,
        });
    }
    let entry = read(found);
    let anchor = anchor(found, &entry, entry.named())?;
    let clock = (schema.clock).told(&bare, anchor.arrival, anchor.slack_s)?;
    Some(Told {
        clock,
        is_own: anchor.is_own,
    })
}

/// The instant that a line's ids name; `named`: what the reply in it names.
#[inline]
pub(super) fn anchor(found: &Outer<'_>, entry: &Entry<'_>, named: Named<'_>) -> Option<Anchor> {
    let own = |arrival| Anchor {
        arrival,
        slack_s: 120,
        is_own: true,
    };
    match entry.code {
        code::RECEIVED => clock::arrival(entry.program, entry.id).map(own),
        code::REFUSED if found.program == Program::Exim => {
            clock::arrival(entry.program, entry.id).map(own)
        }
        // Postfix stamps the Message-ID of what it makes itself in UTC.
        code::NAMED => own_stamp(entry).map(own),
        // The clock of a stranger, and when it took the message over: asked only where the host's own ids tell nothing.
        code::SENT => match named {
            Named::Queue(id) if clock::arrival(entry.program, entry.id).is_none() => Some(Anchor {
                arrival: clock::any_arrival(id)?,
                slack_s: 600,
                is_own: false,
            }),
            _ => None,
        },
        _ => None,
    }
}

/// The time in a Message-ID `<YYYYMMDDhhmmss.QID@host>` that names its own queue id.
fn own_stamp(entry: &Entry<'_>) -> Option<i64> {
    let id = entry.message_id.strip_prefix(b"<")?;
    let rest = id.get(14..)?.strip_prefix(b".")?;
    let own = rest.strip_prefix(entry.id)?;
    if !own.starts_with(b"@") {
        return None;
    }
    let part = |from: usize, to: usize| cut::number(&id[from..to]) as u32;
    let time = Time::from_civil(
        i64::from(part(0, 4)),
        part(4, 6),
        part(6, 8),
        part(8, 10),
        part(10, 12),
        part(12, 14),
        0,
    )?;
    Some(time.0 / SECOND)
}

/// A stamp by the calendar.
pub(super) fn civil(local: i64) -> Option<DateTime> {
    let at = Timestamp::from_microsecond(local).ok()?;
    Some(Offset::UTC.to_datetime(at))
}

/// The clock by the zone that was given; `None` for stamps that the change of the clock repeats or leaves out.
pub(super) fn by_zone(schema: &Schema, local: i64) -> Option<Clock> {
    match schema.zone?.to_ambiguous_timestamp(civil(local)?).offset() {
        AmbiguousOffset::Unambiguous { offset } => Some(Clock {
            offset_s: offset.seconds(),
            ..schema.clock
        }),
        _ => None,
    }
}

/// The clock to believe of those that lines tell, the first line first, and the first line that tells it: an own id's, else
/// that which is the first to be told by [`STRANGERS`], else that which most tell.
pub(super) fn elect(told: impl Iterator<Item = (usize, Told)>) -> Option<(usize, Clock)> {
    let mut votes: Vec<(u32, usize, Clock)> = Vec::new();
    for (at, Told { clock, is_own }) in told {
        if is_own {
            return Some((at, clock));
        }
        let known = votes.iter_mut().find(|vote| vote.2.agrees(&clock));
        match known {
            Some(vote) => vote.0 += 1,
            None => votes.push((1, at, clock)),
        }
        if votes.iter().any(|vote| vote.0 == STRANGERS) {
            break;
        }
    }
    let most = votes.into_iter().rev().max_by_key(|vote| vote.0)?;
    Some((most.1, most.2))
}
