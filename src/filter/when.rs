//! The moments that `--since` and `--until` name.
//!
//! In: text, the chosen zone and what time it is now. Out: [`Time`]. A day begins at midnight of the zone,
//! also where its clocks change. Nothing here reads the clock.

use std::ops::Range;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, Zoned};

use crate::time::Time;

/// Reads `2026-03-01T09:14:02Z`, `2026-03-01 09:14` (in the zone), `2026-03-01` (its first moment), `now`,
/// `today`, `yesterday`, and `-3d`, `-12h`, `-30m`, `-2w` before now. The error says what would do.
pub fn parse_when(text: &str, zone: &TimeZone, now: Time) -> Result<Time, String> {
    let text = text.trim();
    let now = here(now, zone)?;
    let zoned = match text.to_ascii_lowercase().as_str() {
        "now" => Some(now),
        _ if text.starts_with('-') => before(text, &now),
        _ => absolute(text, zone).or_else(|| day_start(date(text, &now)?, zone)),
    };
    let forms = "2026-03-01T09:00:00Z, 2026-03-01, today, yesterday, -3d or -12h";
    zoned
        .map(instant)
        .ok_or_else(|| format!("'{text}' is no time; write {forms}"))
}

/// From the first moment of a day to that of the next: `2026-03-01`, `today`, `yesterday`.
pub fn parse_day(text: &str, zone: &TimeZone, now: Time) -> Result<Range<Time>, String> {
    let now = here(now, zone)?;
    let day = date(text.trim(), &now).and_then(|day| {
        let next = day.tomorrow().ok()?;
        Some(instant(day_start(day, zone)?)..instant(day_start(next, zone)?))
    });
    day.ok_or_else(|| format!("'{text}' is no day; write 2026-03-01, today or yesterday"))
}

/// The day of the zone that a moment is in.
pub fn date_of(time: Time, zone: &TimeZone) -> Date {
    let timestamp = Timestamp::from_microsecond(time.0).unwrap_or_default();
    timestamp.to_zoned(zone.clone()).date()
}

/// From the first moment of a day to that of the next.
pub fn day_range(day: Date, zone: &TimeZone) -> Range<Time> {
    let start = |day: Date| day_start(day, zone).map_or(Time(i64::MAX), instant);
    start(day)..day.tomorrow().map_or(Time(i64::MAX), start)
}

fn here(now: Time, zone: &TimeZone) -> Result<Zoned, String> {
    let timestamp = Timestamp::from_microsecond(now.0);
    let timestamp = timestamp.map_err(|error| format!("the present time: {error}"))?;
    Ok(timestamp.to_zoned(zone.clone()))
}

fn instant(zoned: Zoned) -> Time {
    Time(zoned.timestamp().as_microsecond())
}

/// A day by its date or its name.
fn date(text: &str, now: &Zoned) -> Option<Date> {
    match text.to_ascii_lowercase().as_str() {
        "today" => Some(now.date()),
        "yesterday" => now.date().yesterday().ok(),
        // Longer forms are times, and jiff would read a date out of them.
        _ if text.len() == "2026-03-01".len() => text.parse().ok(),
        _ => None,
    }
}

fn day_start(date: Date, zone: &TimeZone) -> Option<Zoned> {
    date.to_zoned(zone.clone()).ok()
}

/// `-3d`: the same time of day three days ago, even when the clocks changed in between.
fn before(text: &str, now: &Zoned) -> Option<Zoned> {
    let mut digits = text.strip_prefix('-')?.chars();
    let unit = digits.next_back()?;
    let count: i64 = digits.as_str().parse().ok()?;
    if count < 0 {
        return None;
    }
    let span = match unit.to_ascii_lowercase() {
        'w' => Span::new().try_weeks(count),
        'd' => Span::new().try_days(count),
        'h' => Span::new().try_hours(count),
        'm' => Span::new().try_minutes(count),
        _ => return None,
    };
    now.checked_sub(span.ok()?).ok()
}

fn absolute(text: &str, zone: &TimeZone) -> Option<Zoned> {
    if let Ok(timestamp) = text.parse::<Timestamp>() {
        return Some(timestamp.to_zoned(zone.clone()));
    }
    if text.len() <= "2026-03-01".len() {
        return None;
    }
    text.parse::<DateTime>().ok()?.to_zoned(zone.clone()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::parse_iso;

    fn when(text: &str, zone: &str, now: &str) -> Result<String, String> {
        let zone = TimeZone::get(zone).unwrap();
        parse_when(text, &zone, parse_iso(now.as_bytes()).unwrap()).map(|t| t.rfc3339())
    }

    #[test]
    fn days_begin_in_the_zone() {
        // Berlin moves its clocks forward on 2026-03-29 at 02:00 (01:00 UTC).
        for (text, want) in [
            ("now", "2026-03-30T10:00:00.000Z"),
            ("today", "2026-03-29T22:00:00.000Z"),
            ("Yesterday", "2026-03-28T23:00:00.000Z"),
            ("-1d", "2026-03-29T10:00:00.000Z"),
            ("-2d", "2026-03-28T11:00:00.000Z"),
            ("-1w", "2026-03-23T11:00:00.000Z"),
            ("-48h", "2026-03-28T10:00:00.000Z"),
            ("-90m", "2026-03-30T08:30:00.000Z"),
            ("2026-03-29", "2026-03-28T23:00:00.000Z"),
            ("2026-03-30", "2026-03-29T22:00:00.000Z"),
            ("2026-03-29T02:30", "2026-03-29T01:30:00.000Z"),
            ("2026-03-30 09:14:02.5", "2026-03-30T07:14:02.500Z"),
            ("2026-03-30T09:14:02Z", "2026-03-30T09:14:02.000Z"),
            ("2026-03-30T09:14:02-07:00", "2026-03-30T16:14:02.000Z"),
        ] {
            let found = when(text, "Europe/Berlin", "2026-03-30T10:00:00Z");
            assert_eq!(found.as_deref(), Ok(want), "{text}");
        }
    }

    #[test]
    fn midnight_that_does_not_exist_moves_on() {
        // Beirut skips from 00:00 to 01:00 on 2026-03-29.
        let found = when("2026-03-29", "Asia/Beirut", "2026-04-01T00:00:00Z");
        assert_eq!(found.as_deref(), Ok("2026-03-28T22:00:00.000Z"));
    }

    #[test]
    fn what_is_no_time_says_what_would_do() {
        for bad in [
            "",
            "-",
            "-d",
            "-3",
            "-3y",
            "--3d",
            "-3é",
            "tomorrowish",
            "2026-02-30",
            "2026-13-01T00:00Z",
            "-99999999999d",
            "-9223372036854775807h",
        ] {
            let error = when(bad, "UTC", "2026-03-30T10:00:00Z").unwrap_err();
            assert!(error.contains("yesterday"), "{bad}: {error}");
        }
    }
}
