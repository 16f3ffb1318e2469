//! Figures and times as they stand in sentences.

use jiff::tz::TimeZone;

use crate::figures;
use crate::report::volume::local;
use crate::time::{HOUR, Time};

/// `1 row`, `2,000 rows`.
pub fn plural(count: u64, what: &str) -> String {
    figures::plural(i64::try_from(count).unwrap_or(i64::MAX), what)
}

/// `1,234`.
pub fn grouped(count: u64) -> String {
    figures::grouped(i64::try_from(count).unwrap_or(i64::MAX))
}

/// `10 min 02 s`, of microseconds without regard to sign.
pub fn span(micros: i64) -> String {
    figures::duration(micros.unsigned_abs() / 1000)
}

/// `2026-03-02 09:00` in `zone`.
pub fn minute(time: Time, zone: &TimeZone) -> String {
    let local = local(time, zone);
    local.strftime("%Y-%m-%d %H:%M").to_string()
}

/// The beginning of a UTC hour.
pub fn hour(hour: i64, zone: &TimeZone) -> String {
    minute(Time(hour * HOUR), zone)
}

/// `has` or `have`, `is` or `are`: the form for a count.
pub fn form<'w>(count: u64, one: &'w str, many: &'w str) -> &'w str {
    if count == 1 { one } else { many }
}
