//! The filter flags as one [`Filter`]: words to patterns, times to instants of the zone.

use jiff::tz::TimeZone;

use crate::cli::flags::{DirectionWord, Filters, StatusWord};
use crate::filter::{Filter, Pattern, parse_day, parse_when};
use crate::path::{Direction, Fate, Status};
use crate::time::Time;

pub fn filter(flags: Filters, zone: &TimeZone, now: Time) -> Result<Filter, String> {
    let when = |flag: &str, text: Option<String>| {
        let time = text.map(|text| parse_when(&text, zone, now));
        time.transpose().map_err(|error| format!("{flag}: {error}"))
    };
    let (since, until) = match flags.day {
        Some(day) => {
            let day = parse_day(&day, zone, now).map_err(|error| format!("--day: {error}"))?;
            (Some(day.start), Some(day.end))
        }
        None => (when("--since", flags.since)?, when("--until", flags.until)?),
    };
    if let (Some(since), Some(until)) = (since, until)
        && since >= until
    {
        return Err(format!(
            "--since ({}) is not before --until ({}): nothing can match",
            since.rfc3339(),
            until.rfc3339()
        ));
    }
    Ok(Filter {
        sender: patterns(&flags.sender, Pattern::address),
        recipient: patterns(&flags.recipient, Pattern::address),
        message_id: patterns(&flags.message_id, Pattern::message_id),
        network_message_id: patterns(&flags.network_message_id, Pattern::exact),
        subject: patterns(&flags.subject, Pattern::substring),
        server: patterns(&flags.server, Pattern::exact),
        connector: patterns(&flags.connector, Pattern::exact),
        client_ip: patterns(&flags.client_ip, Pattern::exact),
        status: flags
            .status
            .iter()
            .filter_map(|word| status(*word))
            .collect(),
        fates: flags.status.iter().filter_map(|word| fate(*word)).collect(),
        direction: flags.direction.into_iter().map(direction).collect(),
        since,
        until,
        limit: flags.limit,
        include_probes: flags.include_probes,
    })
}

pub fn patterns(texts: &[String], pattern: fn(&str) -> Pattern) -> Vec<Pattern> {
    texts.iter().map(|text| pattern(text)).collect()
}

fn status(word: StatusWord) -> Option<Status> {
    Some(match word {
        StatusWord::Delivered => Status::Delivered,
        StatusWord::PartlyDelivered => Status::PartlyDelivered,
        StatusWord::Failed => Status::Failed,
        StatusWord::Dropped => Status::Dropped,
        StatusWord::Transferred => Status::Transferred,
        StatusWord::Pending => Status::Pending,
        StatusWord::Unknown => Status::Unknown,
        _ => return None,
    })
}

/// What becomes of recipients only: a message has no status of that name.
fn fate(word: StatusWord) -> Option<Fate> {
    Some(match word {
        StatusWord::Quarantined => Fate::Quarantined,
        StatusWord::Rejected => Fate::Rejected,
        StatusWord::Expanded => Fate::Expanded,
        StatusWord::Redirected => Fate::Redirected,
        _ => return None,
    })
}

fn direction(word: DirectionWord) -> Direction {
    match word {
        DirectionWord::Inbound => Direction::Inbound,
        DirectionWord::Outbound => Direction::Outbound,
        DirectionWord::Internal => Direction::Internal,
        DirectionWord::Relayed => Direction::Relayed,
        DirectionWord::Unknown => Direction::Unknown,
    }
}
