//! Dates of message traces, as PowerShell writes them in the language of whoever made the export.
//!
//! In: text such as `2026-05-01T12:00:00.1234567Z`, `5/1/2026 12:00:00 PM`, `01/05/2026 12:00:00`, `01.05.2026 12:00:00`. Out: a
//! time in UTC. Between slashes, and dashes at times, the month is first in America and the day nearly everywhere else; nothing in the
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
    /// Nothing tells: month first between slashes, day first between dashes.
    Guessed,
}

/// So many rows that tell the same are enough.
const ENOUGH: i32 = 16;
/// Rows are looked at for it within so many bytes.
const LOOKED_AT: usize = 16 << 20;

impl Dates {
    /// Stands among the names of columns for [`Dates::DayFirst`]. No export has such a name.
    pub(super) const DAY_FIRST: &str = "d/m/y";
    /// The same for [`Dates::MonthFirst`], which dates with dashes need.
    pub(super) const MONTH_FIRST: &str = "m/d/y";

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
            Dates::Guessed => Some(
                "month before day (between dashes: day before month), guessed: no day is beyond the twelfth",
            ),
        }
    }

    /// A time as it stands in a row.
    pub(super) fn time(self, text: &[u8]) -> Option<Time> {
        parse_iso(text).or_else(|| self.local_time(std::str::from_utf8(text).ok()?))
    }

    fn local_time(self, text: &str) -> Option<Time> {
        let (numbers, half) = parts(text)?;
        let [a, b, c, hour, minute, second] = numbers;
        let month_first = match self {
            Dates::MonthFirst => true,
            Dates::DayFirst => false,
            Dates::Plain | Dates::Guessed => text.contains('/'),
        };
        let is_open = text.contains(['/', '-']);
        let (year, month, day) = match is_open && month_first {
            _ if a > 31 => (a, b, c),
            true => (c, a, b),
            false => (c, b, a),
        };
        let hour = match half {
            Half::Morning if hour == 12 => 0,
            Half::Afternoon if hour < 12 => hour + 12,
            _ => hour,
        };
        let year = i64::from(year);
        Time::from_civil(year, month, day, hour, minute, second, 0)
    }
}

/// Which half of the day a clock of twelve hours means.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Half {
    Unsaid,
    Morning,
    Afternoon,
}

/// Words in dates, without dots and blanks, in small letters. A date with any other word cannot be read: it would be
/// hours off if that word were one for the afternoon.
const WORDS: [(&str, Half); 25] = [
    ("", Half::Unsaid),
    // Bulgarian for "year", and for "hour" behind it.
    ("г", Half::Unsaid),
    ("гч", Half::Unsaid),
    ("am", Half::Morning),
    ("a", Half::Morning),
    ("πμ", Half::Morning),
    ("sa", Half::Morning),
    ("上午", Half::Morning),
    ("午前", Half::Morning),
    ("오전", Half::Morning),
    ("ص", Half::Morning),
    ("dop", Half::Morning),
    ("de", Half::Morning),
    ("fm", Half::Morning),
    ("pm", Half::Afternoon),
    ("p", Half::Afternoon),
    ("μμ", Half::Afternoon),
    ("ch", Half::Afternoon),
    ("下午", Half::Afternoon),
    ("午後", Half::Afternoon),
    ("오후", Half::Afternoon),
    ("م", Half::Afternoon),
    ("odp", Half::Afternoon),
    ("du", Half::Afternoon),
    ("em", Half::Afternoon),
];

/// The three numbers of a date and those of its clock, which may have no seconds, and the half of the day. Its word stands
/// before or behind the clock.
fn parts(text: &str) -> Option<([u32; 6], Half)> {
    let (mut numbers, mut count) = ([0; 6], 0);
    let (mut between, mut word) = (String::new(), String::new());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 {
            match first {
                '/' | '.' | '-' | ':' => between.push(first),
                _ if first.is_whitespace() || first == ',' => between.push(' '),
                _ if first.is_alphabetic() => word.extend(first.to_lowercase()),
                // They only say in which direction to write.
                '\u{200e}' | '\u{200f}' => {}
                _ => return None,
            }
            rest = &rest[first.len_utf8()..];
            continue;
        }
        let is_apart = match count {
            0 => between.trim().is_empty() && word.is_empty(),
            1 | 2 => matches!(between.trim(), "/" | "." | "-") && word.is_empty(),
            3 => between.contains(' ') && !between.contains(['/', '-', ':']),
            _ => matches!(&*between, ":" | "."),
        };
        *numbers.get_mut(count).filter(|_| is_apart)? = rest[..digits].parse().ok()?;
        (count, rest) = (count + 1, &rest[digits..]);
        between.clear();
    }
    let known = WORDS.iter().find(|(known, _)| *known == word);
    let (_, half) = known.filter(|_| count >= 5)?;
    Some((numbers, *half))
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
            (Dates::MonthFirst, "05-01-2026 14:03:02"),
            (Dates::DayFirst, "1/5/2026 2:03:02 μμ"),
            (Dates::DayFirst, "01/05/2026 2:03:02 CH"),
            (Dates::Plain, "2026/5/1 下午 02:03:02"),
            (Dates::Plain, "2026-05-01 오후 2:03:02"),
            (Dates::Plain, "2026. 05. 01. 14:03:02"),
            (Dates::Plain, "1.5.2026 г. 14:03:02"),
            (Dates::DayFirst, "01/05/2026 02:03:02 p. m."),
            (Dates::MonthFirst, "5/1/2026, 2:03:02 PM"),
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
            "5/1/2026 2:03:02 xx",
            "5/1/2026 2:03:02 1",
            "5 1 2026 2:03:02",
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
    fn a_clock_needs_no_seconds() {
        let noon = parse_iso(b"2026-05-01T14:03:00Z");
        assert_eq!(Dates::MonthFirst.time(b"5/1/2026 14:03"), noon);
        assert_eq!(Dates::MonthFirst.time(b"5/1/2026 2:03 PM"), noon);
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
            of(&[("1-5-2026", "a"), ("13-5-2026", "b")]),
            Dates::DayFirst
        );
        assert_eq!(
            of(&[("01-05-2026", "a"), ("01-13-2026", "b")]),
            Dates::MonthFirst
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
