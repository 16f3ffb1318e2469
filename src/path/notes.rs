//! What rows say beside the fates: deferrals, who decided failures, and oddities.
//!
//! In: the events of one message. Out: [`Notes`], empty for the ordinary message and then without any
//! allocation. They change no fate; the report counts them.

use bstr::{BStr, ByteSlice};

use crate::event::{Event, Place, Role, ServerId};
use crate::time::Time;

/// What is worth a line in the report beside the fates.
#[derive(Clone, Debug, Default)]
pub struct Notes<'d> {
    pub deferrals: Vec<Deferral<'d>>,
    /// The source (`SMTP`, `AGENT`, ...) of the rows that failed, dropped or refused, by their place.
    pub sources: Vec<(Place, &'d BStr)>,
    pub oddities: Vec<Oddity<'d>>,
    /// Transport rules that acted, with what they did, each once.
    pub rules: Vec<(&'d BStr, &'d BStr)>,
}

/// One row that put delivery off.
#[derive(Clone, Copy, Debug)]
pub struct Deferral<'d> {
    pub server: ServerId,
    pub time: Time,
    /// The reason, as logged.
    pub words: &'d BStr,
    /// The first recipient, for the domain where the words name no host.
    pub recipient: &'d BStr,
    pub recipients: u32,
}

/// What is odd about a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Odd {
    /// Suppressed, because the recipient had it already.
    Duplicate,
    /// Put back into a queue (safety net, redundancy).
    Resubmitted,
    /// Suspected to crash the server.
    Poison,
    /// Waited for, was refused by, or had no moderator.
    Moderated,
}

/// One odd row.
#[derive(Clone, Copy, Debug)]
pub struct Oddity<'d> {
    pub odd: Odd,
    /// Event, or source for what was put back.
    pub what: &'d BStr,
    pub recipients: u32,
    pub place: Place,
}

/// Collects the notes of a message.
pub fn of<'d>(events: &[Event<'d>]) -> Notes<'d> {
    let mut notes = Notes::default();
    for event in events {
        let odd = match event.role {
            Role::Fail | Role::Drop | Role::Quarantine => {
                notes.sources.push((event.place, event.source));
                odd_failure(event)
            }
            Role::Defer if event.name == "INITMESSAGECREATED" => Some(Odd::Moderated),
            Role::Defer => {
                notes.deferrals.push(deferral(event));
                None
            }
            Role::Duplicate => Some(Odd::Duplicate),
            Role::Resubmit => Some(Odd::Resubmitted),
            _ => None,
        };
        if let Some(odd) = odd {
            notes.oddities.push(Oddity {
                odd,
                what: if odd == Odd::Resubmitted {
                    event.source
                } else {
                    event.name
                },
                recipients: event.recipients.count() as u32,
                place: event.place,
            });
        }
    }
    notes
}

fn odd_failure(event: &Event<'_>) -> Option<Odd> {
    match event.name.as_bytes() {
        b"POISONMESSAGE" => Some(Odd::Poison),
        b"MODERATORREJECT" | b"MODERATIONEXPIRE" => Some(Odd::Moderated),
        _ => None,
    }
}

fn deferral<'d>(event: &Event<'d>) -> Deferral<'d> {
    let words = if event.statuses.0.is_empty() {
        event.context
    } else {
        BStr::new(event.statuses.0)
    };
    Deferral {
        server: event.server,
        time: event.time,
        words,
        recipient: BStr::new(event.recipients.into_iter().next().unwrap_or_default()),
        recipients: event.recipients.count() as u32,
    }
}

/// Transport rules that acted, in an agent's custom data: `TRA=ETR|ruleId=ID|...|action=WHAT|...`.
/// (`TRA=ETRP` only says how long a rule took.)
pub fn rules<'d>(data: &'d [u8], rules: &mut Vec<(&'d BStr, &'d BStr)>) {
    for at in memchr::memmem::find_iter(data, b"TRA=ETR|") {
        let entry = &data[at..];
        let end = entry.find_byte(b';').unwrap_or(entry.len());
        let value = |key: &[u8]| {
            let mut parts = entry[..end].split(|&b| b == b'|');
            parts.find_map(|part| part.strip_prefix(key)).map(BStr::new)
        };
        if let Some(rule) = value(b"ruleId=") {
            let acted = (rule, value(b"action=").unwrap_or_default());
            if !rules.contains(&acted) {
                rules.push(acted);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_that_acted_are_told_from_rules_that_were_timed() {
        let data = b"S:AMA=SUM|v=0;S:TRA=ETRP|ruleId=1-a|st=x|ExecW=4;\
            S:TRA=ETR|ruleId=2-b|st=x|action=RejectMessage|sev=1;S:TRA=ETR|ruleId=3-c|st=y";
        let mut found = Vec::new();
        rules(data, &mut found);
        let of = |rule, action| (BStr::new(rule), BStr::new(action));
        assert_eq!(found, [of("2-b", "RejectMessage"), of("3-c", "")]);
    }
}
