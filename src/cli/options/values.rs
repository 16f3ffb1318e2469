//! One value of a flag: text to number, span or zone, or a sentence that names the flag and says what would do.

use jiff::tz::TimeZone;

use crate::time::{DAY, HOUR, SECOND};

/// `@Contoso.com` and `contoso.com` are the same domain.
///
/// # Errors
/// If no address could ever have it: `*` stands before a point only, for all that lies below.
pub fn domain(text: &str) -> Result<String, String> {
    let domain = text.trim().trim_start_matches('@').to_lowercase();
    let name = domain.strip_prefix("*.").unwrap_or(&domain);
    let is_label = |label: &str| {
        !label.is_empty() && !label.contains(|c: char| c.is_ascii() && !is_of_label(c))
    };
    match name.split('.').all(is_label) {
        true => Ok(domain),
        false => Err(format!(
            "--domain: '{text}' is no domain; write contoso.com, or *.contoso.com for all below it"
        )),
    }
}

fn is_of_label(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_')
}

/// A zone by name; `local` is this machine's.
pub fn zone(name: &str) -> Result<TimeZone, String> {
    if name.eq_ignore_ascii_case("local") {
        return Ok(TimeZone::system());
    }
    TimeZone::get(name)
        .map_err(|_| format!("--tz: there is no zone '{name}'; write UTC, local or Europe/Berlin"))
}

/// A zone by name, or a fixed one as `+01:00`.
pub fn zone_or_offset(text: &str) -> Result<TimeZone, String> {
    match text.starts_with(['+', '-']) {
        true => format!("1970-01-01T00:00{text}[{text}]")
            .parse::<jiff::Zoned>()
            .map(|time| time.time_zone().clone())
            .map_err(|_| format!("--zone {text}: an offset looks like +01:00")),
        false => zone(text).map_err(|text| text.replacen("--tz", "--zone", 1)),
    }
}

/// Worker threads; as many as the machine has if not said.
pub fn threads(threads: Option<usize>) -> Result<usize, String> {
    match threads {
        Some(0) => Err("--threads: at least 1 is needed".to_string()),
        Some(threads) => Ok(threads),
        None => Ok(std::thread::available_parallelism().map_or(1, |n| n.get())),
    }
}

/// `3d`, `12h`, `90m` in microseconds.
pub fn span(flag: &str, text: &str) -> Result<i64, String> {
    let units = [('d', DAY), ('h', HOUR), ('m', 60 * SECOND)];
    let read = |(letter, unit): (char, i64)| {
        let count: i64 = text.trim().strip_suffix(letter)?.parse().ok()?;
        (count > 0).then(|| count.checked_mul(unit)).flatten()
    };
    let found = units.into_iter().find_map(read);
    found.ok_or_else(|| format!("{flag}: '{text}' is no span of time; write 3d or 12h"))
}

/// `30s`, `5m`, `2h` in milliseconds.
pub fn span_ms(text: &str) -> Result<u64, String> {
    let read = |(letter, ms): (char, u64)| {
        let count: u64 = text.trim().strip_suffix(letter)?.parse().ok()?;
        (count > 0).then(|| count.checked_mul(ms)).flatten()
    };
    let found = [('s', 1000), ('m', 60_000), ('h', 3_600_000)]
        .into_iter()
        .find_map(read);
    found.ok_or_else(|| format!("--sla: '{text}' is no limit; write 30s, 5m or 2h"))
}

/// `500000`, `64k`, `500M`, `2G`: powers of 1024.
pub fn bytes(flag: &str, text: &str) -> Result<u64, String> {
    let text = text.trim();
    let units = [('k', 10), ('m', 20), ('g', 30), ('t', 40)];
    let last = text.chars().next_back().map(|c| c.to_ascii_lowercase());
    let unit = units.into_iter().find(|(letter, _)| last == Some(*letter));
    let (number, shift) = match unit {
        Some((_, shift)) => (&text[..text.len() - 1], shift),
        None => (text, 0),
    };
    let found: Option<u64> = number.parse().ok();
    found
        .filter(|n| *n > 0)
        .and_then(|n| n.checked_mul(1 << shift))
        .ok_or_else(|| format!("{flag}: '{text}' is no number of bytes; write 64k, 500M or 2G"))
}
