//! The year and zone that stamps leave out, from the queue ids that carry absolute time.
//!
//! In: a queue id, and the stamp of the line in which its message arrived. Out: [`Clock`]. Long Postfix ids, Exim's and
//! Sendmail's ids hold the second of arrival in UTC (`formats/foreign.md` section 6), so that every such line says how
//! far its stamp is from UTC, across New Year and daylight saving.

use super::line::{Bare, Program};
use crate::time::{DAY, SECOND, Time};

/// How stamps without year or zone are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clock {
    /// The year of stamps that have none.
    pub year: i16,
    /// Seconds east of UTC of stamps that have no zone.
    pub offset_s: i32,
    pub basis: Basis,
}

/// What a clock was told by, strongest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Basis {
    /// Queue ids of the file, or in the replies it logged.
    Ids,
    /// `--year`, `--zone`.
    Given,
    /// Other files of the host, about the same time, whose clock is known.
    Host,
    /// Hand-overs to or from hosts whose clock is known.
    Hops,
    /// The last year in which no stamp lies behind the file's own time; UTC.
    File,
    /// Nothing: the stamps are taken as they stand.
    #[default]
    Nothing,
}

impl Clock {
    /// Whether both read stamps the same way.
    #[inline]
    pub fn agrees(&self, other: &Clock) -> bool {
        (self.year, self.offset_s) == (other.year, other.offset_s)
    }

    /// The zone as in RFC 3339.
    pub fn zone_words(&self) -> String {
        let sign = if self.offset_s < 0 { '-' } else { '+' };
        let minutes = self.offset_s.abs() / 60;
        format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
    }

    /// The instant of a stamp.
    #[inline]
    pub fn utc(&self, local: i64) -> Time {
        Time(local - i64::from(self.offset_s) * SECOND)
    }

    /// The clock by which a stamp, read with this clock's year, falls on `arrival`, if there is one: zones are whole
    /// quarters of an hour and less than 26 hours from UTC. `slack_s`: how long behind `arrival` the line may be.
    pub fn told(&self, bare: &Bare, arrival: i64, slack_s: i64) -> Option<Clock> {
        let this = year_of(arrival);
        let years = match bare.day {
            None => 0..=0,
            Some(_) => this - 1..=this + 1,
        };
        for year in years {
            let local = match bare.day {
                None => bare.local,
                Some((month, day)) => {
                    let Some(date) = Time::from_civil(year, month, day, 0, 0, 0, 0) else {
                        continue;
                    };
                    date.0 + bare.local.rem_euclid(DAY)
                }
            };
            let ahead = local.div_euclid(SECOND) - arrival;
            let zone = (ahead + AHEAD_S).div_euclid(QUARTER_S) * QUARTER_S;
            if ahead.abs() < 26 * 3600 && ahead - zone <= slack_s {
                return Some(Clock {
                    year: if bare.day.is_some() {
                        year as i16
                    } else {
                        self.year
                    },
                    offset_s: zone as i32,
                    basis: Basis::Ids,
                });
            }
        }
        None
    }
}

/// Zones are whole quarters of an hour from UTC.
const QUARTER_S: i64 = 900;
/// A line may be stamped this many seconds before the second in the id: two clocks wrote the two.
const AHEAD_S: i64 = 10;

fn year_of(seconds: i64) -> i64 {
    // Days of 365.2425; a day off at New Year does not matter.
    1970 + seconds.div_euclid(31_556_952)
}

/// The second of arrival inside a queue id, since 1970; `None` if the id has none.
pub fn arrival(program: Program, id: &[u8]) -> Option<i64> {
    let seconds = match program {
        Program::Exim => exim(id)?,
        Program::Postfix => postfix(id)?,
        Program::Sendmail => sendmail(id)?,
        Program::Other => return None,
    };
    // From the first of these programs' ids to long behind us: anything else is no time.
    (600_000_000..8_000_000_000)
        .contains(&seconds)
        .then_some(seconds)
}

/// The second of arrival in an id of any of the three forms.
pub fn any_arrival(id: &[u8]) -> Option<i64> {
    [Program::Exim, Program::Sendmail, Program::Postfix]
        .into_iter()
        .find_map(|program| arrival(program, id))
}

/// `6-6-2` or `6-11-4` digits of base 62; the first six are seconds.
fn exim(id: &[u8]) -> Option<i64> {
    if !is_exim_id(id) {
        return None;
    }
    number(&id[..6], 62, &BASE_62)
}

/// Whether a word has the form of one of Exim's two ids.
#[inline]
pub fn is_exim_id(id: &[u8]) -> bool {
    let dashes: (usize, usize) = match id.len() {
        16 => (6, 13),
        23 => (6, 18),
        _ => return false,
    };
    // Letters and digits follow each other at random: a branch for each would be guessed wrong half the time.
    let digits = id.iter().filter(|b| BASE_62[usize::from(**b)] != NONE);
    digits.count() == id.len() - 2 && id[dashes.0] == b'-' && id[dashes.1] == b'-'
}

/// Seconds (six or more) and microseconds (four) in base 52, `z`, inode.
fn postfix(id: &[u8]) -> Option<i64> {
    let z = memchr::memrchr(b'z', id)?;
    if z < 10 || z + 1 >= id.len() {
        return None;
    }
    number(&id[..z - 4], 52, &BASE_52)
}

/// Year of the 60 since 1900, month, day, hour, minute, second: a digit of base 60 each.
fn sendmail(id: &[u8]) -> Option<i64> {
    if id.len() != 14 || !id[8..].iter().all(u8::is_ascii_digit) {
        return None;
    }
    let digit = |at: usize| {
        let digit = BASE_62[usize::from(id[at])];
        (digit < 60).then_some(u32::from(digit))
    };
    // The digit names a year in every sixty; logs of 1960 to 1989 there are none.
    let year = match i64::from(digit(0)?) {
        recent @ 0..=29 => 2020 + recent,
        old => 1960 + old,
    };
    let time = Time::from_civil(
        year,
        digit(1)? + 1,
        digit(2)?,
        digit(3)?,
        digit(4)?,
        digit(5)?,
        0,
    )?;
    Some(time.0 / SECOND)
}

/// What a byte that is no digit is worth.
const NONE: u8 = u8::MAX;
/// What each byte is worth as a digit of Exim's and Sendmail's ids.
const BASE_62: [u8; 256] =
    values(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
/// The same of Postfix's long ids.
const BASE_52: [u8; 256] = values(b"0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz");

const fn values(digits: &[u8]) -> [u8; 256] {
    let (mut values, mut at) = ([NONE; 256], 0);
    while at < digits.len() {
        values[digits[at] as usize] = at as u8;
        at += 1;
    }
    values
}

fn number(text: &[u8], base: i64, values: &[u8; 256]) -> Option<i64> {
    text.iter().try_fold(0i64, |sum, b| {
        let value = values[usize::from(*b)];
        (value != NONE).then_some(())?;
        sum.checked_mul(base)?.checked_add(i64::from(value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_carry_their_second() {
        let at = |id: &str| any_arrival(id.as_bytes()).map(|s| Time(s * SECOND).rfc3339());
        assert_eq!(at("1xUooM-000069-1M").unwrap(), "2026-11-21T17:23:38.000Z");
        assert_eq!(
            at("1xUooM-0000000006F-3Q1c").unwrap(),
            "2026-11-21T17:23:38.000Z"
        );
        assert_eq!(at("4jWzZL0kXyz1Xn2Y").unwrap(), "2026-11-21T17:23:38.000Z");
        assert_eq!(at("6ALHNdN6000399").unwrap(), "2026-11-21T17:23:39.000Z");
        for id in ["08EBC9FA9EB", "", "z", "6ALHNdN600039x", "1xUooM-00006-11M"] {
            assert_eq!(at(id), None, "{id}");
        }
    }

    #[test]
    fn a_stamp_and_an_instant_give_year_and_zone() {
        let clock = |year| Clock {
            year,
            ..Clock::default()
        };
        let local = |y, mo, d, h| Bare {
            local: Time::from_civil(y, mo, d, h, 0, 0, 0).unwrap().0,
            day: Some((mo, d)),
        };
        let utc = |y, mo, d, h| Time::from_civil(y, mo, d, h, 0, 0, 0).unwrap().0 / SECOND;
        let told = |bare: Bare, year, at| {
            clock(year)
                .told(&bare, at, 60)
                .map(|c| (c.year, c.offset_s / 3600))
        };
        assert_eq!(
            told(local(2000, 7, 1, 8), 2000, utc(2026, 7, 1, 12)),
            Some((2026, -4))
        );
        // The year of the stamp is not that of the instant.
        assert_eq!(
            told(local(2000, 12, 31, 20), 2000, utc(2027, 1, 1, 1)),
            Some((2026, -5))
        );
        assert_eq!(
            told(local(2000, 1, 1, 2), 2000, utc(2026, 12, 31, 18)),
            Some((2027, 8))
        );
        assert_eq!(
            told(local(2000, 2, 29, 2), 2000, utc(2024, 2, 29, 2)),
            Some((2024, 0))
        );
        assert_eq!(
            told(local(2023, 2, 28, 2), 2023, utc(2024, 2, 28, 2)),
            Some((2024, 0))
        );
        assert_eq!(told(local(2000, 7, 1, 8), 2000, utc(2026, 7, 9, 12)), None);
    }
}
