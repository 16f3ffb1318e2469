//! Instants and durations as the logs write them.
//!
//! In: bytes of a time stamp. Out: [`Time`], microseconds since 1970-01-01 UTC. Every Exchange log is
//! in UTC (`formats/modern.md` section 1), so no zone is known here: those who show or group times have theirs.

use serde::{Deserialize, Serialize};

/// A point in time: microseconds since 1970-01-01T00:00:00 UTC.
///
/// On-premises logs carry milliseconds; Exchange Online exports carry seven digits, of which six are kept.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct Time(pub i64);

/// Microseconds in a second.
pub const SECOND: i64 = 1_000_000;
/// Microseconds in an hour.
pub const HOUR: i64 = 3_600 * SECOND;
/// Microseconds in a day.
pub const DAY: i64 = 24 * HOUR;

impl Time {
    /// Milliseconds from `earlier` to `self`; negative where clocks disagree.
    pub fn millis_since(self, earlier: Time) -> i64 {
        (self.0 - earlier.0).div_euclid(1000)
    }

    /// The UTC hour this instant lies in, counted from 1970.
    pub fn hour(self) -> i64 {
        self.0.div_euclid(HOUR)
    }

    /// `2026-03-01T09:14:02.123Z`, the form of the contract: UTC with milliseconds.
    pub fn rfc3339(self) -> String {
        let (y, mo, d) = civil_from_days(self.0.div_euclid(DAY));
        let ms = self.0.rem_euclid(DAY) / 1000;
        let (s, ms) = (ms / 1000, ms % 1000);
        format!(
            "{y:04}-{mo:02}-{d:02}T{:02}:{:02}:{:02}.{ms:03}Z",
            s / 3600,
            s / 60 % 60,
            s % 60
        )
    }

    /// From the parts of a civil date and time in UTC; `None` where a part is out of range. Years have four digits, as
    /// in every format that is read or written.
    pub fn from_civil(
        y: i64,
        mo: u32,
        d: u32,
        h: u32,
        mi: u32,
        s: u32,
        micros: u32,
    ) -> Option<Time> {
        let is_date = (0..=9999).contains(&y) && (1..=12).contains(&mo);
        if !is_date || !(1..=days_in_month(y, mo)).contains(&d) {
            return None;
        }
        if h > 23 || mi > 59 || s > 60 || micros > 999_999 {
            return None;
        }
        let seconds = i64::from(h * 3600 + mi * 60 + s);
        Some(Time(
            days_from_civil(y, mo, d) * DAY + seconds * SECOND + i64::from(micros),
        ))
    }
}

/// Reads `yyyy-MM-ddTHH:mm:ss[.fraction][Z]` (modern logs, fractions of up to 9 digits).
pub fn parse_iso(text: &[u8]) -> Option<Time> {
    if text.len() < 19
        || text[4] != b'-'
        || text[7] != b'-'
        || (text[10] | 0x20) != b't' && text[10] != b' '
    {
        return None;
    }
    if text[13] != b':' || text[16] != b':' {
        return None;
    }
    let y = u32::from(two(text, 0)?) * 100 + u32::from(two(text, 2)?);
    let micros = fraction(&text[19..])?;
    Time::from_civil(
        i64::from(y),
        u32::from(two(text, 5)?),
        u32::from(two(text, 8)?),
        u32::from(two(text, 11)?),
        u32::from(two(text, 14)?),
        u32::from(two(text, 17)?),
        micros,
    )
}

/// .NET counts 100 ns from the year 1.
const TICKS_PER_MICRO: i64 = 10;
/// An id with a time outside these years carries none: random digits give one inside them once in 1,600.
const ID_YEARS: (i64, i64) = (2005, 2041);

/// The time at which Exchange made a network-message-id or log-id: its last two groups, `hhhh-HHHHHHHHHHHH`, are
/// (H << 16 | h) in .NET ticks (`formats/modern.md` section 4).
pub fn id_time(id: &[u8]) -> Option<Time> {
    if id.len() != 36 || id[23] != b'-' || id[18] != b'-' {
        return None;
    }
    let (low, high) = (hex(&id[19..23])?, hex(&id[24..])?);
    let ticks = i64::try_from(high << 16 | low).ok()?;
    let before_1970 = days_from_civil(1, 1, 1) * DAY;
    let time = ticks / TICKS_PER_MICRO + before_1970;
    let year = |year| days_from_civil(year, 1, 1) * DAY;
    (year(ID_YEARS.0)..year(ID_YEARS.1))
        .contains(&time)
        .then_some(Time(time))
}

#[inline]
fn hex(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0u64, |value, &digit| {
        let digit = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            b'A'..=b'F' => digit - b'A' + 10,
            _ => return None,
        };
        Some(value << 4 | u64::from(digit))
    })
}

/// Two ASCII digits at `i` as a number.
#[inline]
fn two(text: &[u8], i: usize) -> Option<u8> {
    let (a, b) = (text[i].wrapping_sub(b'0'), text[i + 1].wrapping_sub(b'0'));
    (a < 10 && b < 10).then(|| a * 10 + b)
}

/// Microseconds of `.123Z`, `.1234567Z`, `Z` or nothing.
#[inline]
fn fraction(tail: &[u8]) -> Option<u32> {
    let tail = tail.strip_suffix(b"Z").unwrap_or(tail);
    let Some(digits) = tail.strip_prefix(b".") else {
        return tail.is_empty().then_some(0);
    };
    if digits.is_empty() || digits.len() > 9 {
        return None;
    }
    let mut value = 0;
    for i in 0..6 {
        let digit = digits.get(i).map_or(0, |d| u32::from(d.wrapping_sub(b'0')));
        if digit > 9 {
            return None;
        }
        value = value * 10 + digit;
    }
    digits.iter().all(u8::is_ascii_digit).then_some(value)
}

/// Days since 1970-01-01 of a Gregorian date (Hinnant's algorithm, public domain mathematics).
pub fn days_from_civil(y: i64, m: u32, d: u32) -> i64 {
    let y = if m <= 2 { y - 1 } else { y };
    let era = y.div_euclid(400);
    let yoe = y.rem_euclid(400);
    let doy = (153 * (i64::from(m) + if m > 2 { -3 } else { 9 }) + 2) / 5 + i64::from(d) - 1;
    era * 146_097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719_468
}

/// The Gregorian date of a day counted from 1970-01-01.
pub fn civil_from_days(z: i64) -> (i64, u32, u32) {
    let z = z + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let d = (doy - (153 * mp + 2) / 5 + 1) as u32;
    let m = (if mp < 10 { mp + 3 } else { mp - 9 }) as u32;
    (yoe + era * 400 + i64::from(m <= 2), m, d)
}

fn days_in_month(y: i64, m: u32) -> u32 {
    match m {
        4 | 6 | 9 | 11 => 30,
        2 if y % 4 == 0 && (y % 100 != 0 || y % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// From the first to the last instant of both spans, where there is any.
pub fn union(a: Option<(Time, Time)>, b: Option<(Time, Time)>) -> Option<(Time, Time)> {
    match (a, b) {
        (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
        (a, b) => a.or(b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_ids_carry_the_time_of_their_row() {
        // The network-message-id of an Exchange Online record of 2021-03-23 10:00:09.3284899Z.
        let time = id_time(b"81945af2-1111-2222-ba23-08d8ede2715d").unwrap();
        assert_eq!(time.rfc3339(), "2021-03-23T10:00:09.328Z");
        assert_eq!(id_time(b"81945af2-1111-2222-ba23-ffd8ede2715d"), None);
        assert_eq!(id_time(b"81945af2-1111-2222-ba23-08d8ede2715g"), None);
        assert_eq!(id_time(b"short"), None);
    }

    #[test]
    fn iso_times_round_trip() {
        let t = parse_iso(b"2023-04-02T14:45:54.400Z").unwrap();
        assert_eq!(t.rfc3339(), "2023-04-02T14:45:54.400Z");
        assert_eq!(
            parse_iso(b"2021-03-23T10:00:09.3284899Z").unwrap().0 % SECOND,
            328_489
        );
        assert_eq!(parse_iso(b"1970-01-01T00:00:00Z"), Some(Time(0)));
        assert_eq!(
            parse_iso(b"2024-02-29T00:00:00.000Z").unwrap().rfc3339(),
            "2024-02-29T00:00:00.000Z"
        );
    }

    #[test]
    fn bad_times_are_refused() {
        for bad in [
            "",
            "2023-02-29T00:00:00.000Z",
            "2023-13-01T00:00:00.000Z",
            "2023-01-01T24:00:00Z",
            "2023-01-01T00:00:00.Z",
            "2023-01-01T00:00:00.1x3Z",
            "20x3-01-01T00:00:00.123Z",
        ] {
            assert_eq!(parse_iso(bad.as_bytes()), None, "{bad}");
        }
        for year in [-1, 10_000, 2_022_026, i64::MAX] {
            assert_eq!(Time::from_civil(year, 1, 1, 0, 0, 0, 0), None, "{year}");
        }
    }

    #[test]
    fn civil_days_invert() {
        for day in (-800_000..800_000).step_by(97) {
            let (y, m, d) = civil_from_days(day);
            assert_eq!(days_from_civil(y, m, d), day);
        }
    }
}
