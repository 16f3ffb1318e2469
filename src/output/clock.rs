//! Times as people read them, in the zone they chose.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::time::Time;

/// `2026-03-01 09:14:02.123`, without the zone's name.
pub fn date_time(time: Time, zone: &TimeZone) -> String {
    shown(time, zone, "%Y-%m-%d %H:%M:%S%.3f")
}

/// `2026-03-01 09:14:02`.
pub fn date_second(time: Time, zone: &TimeZone) -> String {
    shown(time, zone, "%Y-%m-%d %H:%M:%S")
}

/// `09:14:02.123`, and the date before it where that is not the date of `day`.
pub fn time_of_day(time: Time, day: Time, zone: &TimeZone) -> String {
    if shown(time, zone, "%F") == shown(day, zone, "%F") {
        shown(time, zone, "%H:%M:%S%.3f")
    } else {
        date_time(time, zone)
    }
}

/// `UTC` or the zone's distance from it at that time, `+01:00`.
pub fn offset(time: Time, zone: &TimeZone) -> String {
    if *zone == TimeZone::UTC {
        return "UTC".to_string();
    }
    shown(time, zone, "%:z")
}

/// A time beyond jiff's years (a broken row can claim it) is shown in UTC.
fn shown(time: Time, zone: &TimeZone, format: &str) -> String {
    match Timestamp::from_microsecond(time.0) {
        Ok(timestamp) => timestamp
            .to_zoned(zone.clone())
            .strftime(format)
            .to_string(),
        Err(_) => time.rfc3339(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::parse_iso;

    #[test]
    fn clocks_change_with_the_zone() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        let winter = parse_iso(b"2026-03-28T23:30:00.500Z").unwrap();
        let summer = parse_iso(b"2026-03-29T01:30:00Z").unwrap();
        assert_eq!(date_time(winter, &berlin), "2026-03-29 00:30:00.500");
        assert_eq!(offset(winter, &berlin), "+01:00");
        assert_eq!(time_of_day(summer, winter, &berlin), "03:30:00.000");
        assert_eq!(offset(summer, &berlin), "+02:00");
        assert_eq!(
            time_of_day(summer, winter, &TimeZone::UTC),
            "2026-03-29 01:30:00.000"
        );
        assert_eq!(offset(summer, &TimeZone::UTC), "UTC");
        assert_eq!(date_second(winter, &TimeZone::UTC), "2026-03-28 23:30:00");
        assert!(!date_time(Time(i64::MAX), &berlin).is_empty());
    }
}
