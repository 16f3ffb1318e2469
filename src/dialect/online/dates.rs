//! Dates of message traces, as PowerShell writes them in the language of whoever made the export.
//!
//! In: text such as `2026-05-01T12:00:00.1234567Z`, `5/1/2026 12:00:00 PM`, `01/05/2026 12:00:00`, `01.05.2026 12:00:00`. Out: a
//! time in UTC. Between slashes the month is first in America and the day nearly everywhere else; nothing in the
//! export names its language, but its days beyond the twelfth and the times in its ids do (`formats/modern.md`
//! section 4).

use super::{Column, Schema};
use crate::time::{DAY, Time, id_time, parse_iso};

/// How an export's dates are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dates {
    /// They can be read in one way only.
    #[default]
    Plain,
    MonthFirst,
    DayFirst,
    /// Month first, because nothing tells.
    Guessed,
}

/// So many rows that tell the same are enough.
const ENOUGH: i32 = 16;
/// Rows are looked at for it within so many bytes.
const LOOKED_AT: usize = 16 << 20;

impl Dates {
    /// Stands among the names of columns for [`Dates::DayFirst`]. No export has such a name.
    pub(super) const DAY_FIRST: &str = "d/m/y";

    /// How the dates of an export are to be read.
    pub(super) fn of(data: &[u8], schema: &Schema) -> Dates {
        let (mut dates, mut votes) = (Dates::Plain, 0i32);
        for line in data[..data.len().min(LOOKED_AT)].split(|b| *b == b'\n') {
            let fields = schema.split(line);
            let text = schema.get(&fields, Column::Time);
            let [by_month, by_day] = [Dates::MonthFirst, Dates::DayFirst].map(|d| d.time(text));
            if by_month == by_day {
                continue;
            }
            dates = Dates::Guessed;
            votes += match (by_month, by_day) {
                (Some(by_month), Some(by_day)) => {
                    let made = id_time(schema.get(&fields, Column::NetworkId));
                    let fits = |time: Time| made.is_some_and(|made| (time.0 - made.0).abs() < DAY);
                    i32::from(fits(by_month)) - i32::from(fits(by_day))
                }
                _ => i32::from(by_month.is_some()) - i32::from(by_day.is_some()),
            };
            if votes.abs() == ENOUGH {
                break;
            }
        }
        match votes {
            1.. => Dates::MonthFirst,
            0 => dates,
            _ => Dates::DayFirst,
        }
    }

    /// For `check`; `None` where dates are plain.
    pub(super) fn words(self) -> Option<&'static str> {
        match self {
            Dates::Plain => None,
            Dates::MonthFirst => Some("month before day, told by its days or ids"),
            Dates::DayFirst => Some("day before month, told by its days or ids"),
            Dates::Guessed => Some("month before day, guessed: no day is beyond the twelfth"),
        }
    }

    /// A time as it stands in a row.
    pub(super) fn time(self, text: &[u8]) -> Option<Time> {
        parse_iso(text).or_else(|| self.local_time(std::str::from_utf8(text).ok()?))
    }

    fn local_time(self, text: &str) -> Option<Time> {
        let mut words = text.split_whitespace();
        let (date, clock, half) = (words.next()?, words.next()?, words.next());
        let parts = |text: &str, between: &[char]| -> Option<[u32; 3]> {
            let mut numbers = text.split(between).map(|part| part.parse().ok());
            let parts = [numbers.next()??, numbers.next()??, numbers.next()??];
            numbers.next().is_none().then_some(parts)
        };
        let [a, b, c] = parts(date, &['/', '.', '-'])?;
        let (year, month, day) = match date.contains('/') {
            _ if a > 31 => (a, b, c),
            true if self != Dates::DayFirst => (c, a, b),
            _ => (c, b, a),
        };
        let [hour, minute, second] = parts(clock, &[':', '.'])?;
        let hour = match half.map(|half| half.as_bytes()[0].to_ascii_lowercase()) {
            Some(b'a') if hour == 12 => 0,
            Some(b'p') if hour < 12 => hour + 12,
            _ => hour,
        };
        let year = i64::from(year);
        Time::from_civil(year, month, day, hour, minute, second, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_many_languages_are_one_time() {
        let noon = parse_iso(b"2026-05-01T14:03:02Z");
        assert!(noon.is_some());
        for (dates, text) in [
            (Dates::Plain, "2026-05-01T14:03:02.0000000Z"),
            (Dates::Guessed, "5/1/2026 2:03:02 PM"),
            (Dates::MonthFirst, "05/01/2026 14:03:02"),
            (Dates::MonthFirst, "5/1/2026 2:03:02\u{202f}PM"),
            (Dates::DayFirst, "01/05/2026 14:03:02"),
            (Dates::DayFirst, "1/05/2026 2:03:02 p.m."),
            (Dates::Plain, "01.05.2026 14:03:02"),
            (Dates::Plain, "1-5-2026 14:03:02"),
            (Dates::DayFirst, "01/05/2026 14.03.02"),
            (Dates::DayFirst, "2026/05/01 14:03:02"),
        ] {
            assert_eq!(dates.time(text.as_bytes()), noon, "{text}");
        }
        for text in [
            "",
            "5/1/2026",
            "5/1/2026 14",
            "13/13/2026 1:00:00",
            "a b c",
            "1/2/3/4 1:2:3",
        ] {
            assert_eq!(Dates::Plain.time(text.as_bytes()), None, "{text}");
        }
    }

    /// How the dates of rows are read; each a date and an id.
    fn of(rows: &[(&str, &str)]) -> Dates {
        let mut export = String::from("Received,Subject,Status,MessageTraceId\n");
        for (date, id) in rows {
            export += &format!("{date} 10:00:00,s,Delivered,{id}\n");
        }
        let schema = Schema::of(export.lines().next().unwrap().as_bytes()).unwrap();
        Dates::of(export.as_bytes(), &schema)
    }

    #[test]
    fn a_day_beyond_the_twelfth_tells_of_all_others() {
        assert_eq!(of(&[("2026-05-01", "a")]), Dates::Plain);
        assert_eq!(of(&[("01.05.2026", "a")]), Dates::Plain);
        assert_eq!(of(&[("5/5/2026", "a")]), Dates::Plain);
        assert_eq!(of(&[("1/5/2026", "a")]), Dates::Guessed);
        assert_eq!(
            of(&[("1/5/2026", "a"), ("13/5/2026", "b")]),
            Dates::DayFirst
        );
        assert_eq!(
            of(&[("1/5/2026", "a"), ("1/13/2026", "b")]),
            Dates::MonthFirst
        );
    }

    /// `formats/modern.md` section 4: an id of 2021-03-23, 10:00:09; here one of 2021-03-04.
    #[test]
    fn ids_tell_where_no_day_is_beyond_the_twelfth() {
        let at = |day: i64| {
            let ticks = (parse_iso(b"2021-03-01T10:00:00Z").unwrap().0 + day * DAY) * 10
                + 621_355_968_000_000_000;
            format!(
                "81945af2-0000-0000-{:04x}-{:012x}",
                ticks & 0xffff,
                ticks >> 16
            )
        };
        let fourth = at(3);
        assert_eq!(of(&[("4/3/2021", &fourth)]), Dates::DayFirst);
        assert_eq!(of(&[("3/4/2021", &fourth)]), Dates::MonthFirst);
        // An id that fits neither, as anonymised ones do, tells nothing.
        assert_eq!(of(&[("3/4/2021", &at(90))]), Dates::Guessed);
        assert_eq!(of(&[("13/4/2021", &at(90))]), Dates::DayFirst);
    }
}
