//! Figures as people read them: counts, sizes, durations, shares.
//!
//! In: numbers. Out: text, the same wherever it is shown. Figures for programs stand as they are and do not come here.

/// `1 file`, `2,000 files`.
pub fn plural(count: i64, what: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{} {what}{s}", grouped(count))
}

/// `1,234,567`.
pub fn grouped(count: i64) -> String {
    let digits = count.unsigned_abs().to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    if count < 0 {
        text.push('-');
    }
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1.2 GB`, units of 1000.
pub fn size(bytes: i64) -> String {
    let units = ["kB", "MB", "GB", "TB", "PB"];
    if bytes.abs() < 1000 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1000.0;
    let mut unit = 0;
    // 999.95 would be shown as 1000.0.
    while value.abs() >= 999.95 && unit + 1 < units.len() {
        value /= 1000.0;
        unit += 1;
    }
    format!("{value:.1} {}", units[unit])
}

/// `795 ms`, `12.3 s`, `4 min 05 s`, `2 h 10 min`, `3 d 04 h`.
pub fn duration(ms: u64) -> String {
    let s = ms / 1000;
    match s {
        _ if ms < 1000 => format!("{ms} ms"),
        0..60 => format!("{}.{} s", s, ms % 1000 / 100),
        60..3_600 => format!("{} min {:02} s", s / 60, s % 60),
        3_600..86_400 => format!("{} h {:02} min", s / 3_600, s / 60 % 60),
        _ => format!("{} d {:02} h", s / 86_400, s / 3_600 % 24),
    }
}

/// `12.3 %` of `whole`; empty if that is nothing.
pub fn percent(part: i64, whole: i64) -> String {
    if whole <= 0 {
        return String::new();
    }
    let share = 100.0 * part as f64 / whole as f64;
    // What is not all must not be shown as all, nor what is something as nothing.
    match part {
        0 => "0 %".into(),
        _ if part == whole => "100 %".into(),
        _ if share >= 99.95 => ">99.9 %".into(),
        _ if share < 0.05 => "<0.1 %".into(),
        _ => format!("{share:.1} %"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short_and_never_more_than_they_are() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(grouped(-123_456), "-123,456");
        assert_eq!(size(999), "999 B");
        assert_eq!(size(1_250_000_000), "1.2 GB");
        assert_eq!(size(999_999), "1.0 MB");
        assert_eq!(duration(795), "795 ms");
        assert_eq!(duration(12_345), "12.3 s");
        assert_eq!(duration(245_000), "4 min 05 s");
        assert_eq!(duration(7_800_000), "2 h 10 min");
        assert_eq!(duration(273_600_000), "3 d 04 h");
        assert_eq!(percent(1, 3), "33.3 %");
        assert_eq!(percent(99_999, 100_000), ">99.9 %");
        assert_eq!(percent(1, 100_000), "<0.1 %");
        assert_eq!(percent(1, 0), "");
        assert_eq!(plural(1, "row"), "1 row");
        assert_eq!(plural(2_000, "row"), "2,000 rows");
    }
}
