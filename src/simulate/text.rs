//! Numbers, times and identifiers as Exchange writes them, pushed onto a string without `format!`.
//!
//! In: values. Out: text. The structures of the identifiers are those of `formats/modern.md` section 4.

use super::rng::Rng;
use crate::time::{DAY, civil_from_days};

const HEX: &[u8; 16] = b"0123456789abcdef";
/// Microseconds from 0001-01-01, where .NET counts from, to 1970.
const DOTNET_EPOCH: i64 = 62_135_596_800_000_000;

/// A time in .NET ticks of 100 ns.
pub fn ticks(micros: i64) -> u64 {
    ((micros + DOTNET_EPOCH) * 10) as u64
}

fn push_ascii(out: &mut String, bytes: &[u8]) {
    out.push_str(std::str::from_utf8(bytes).unwrap_or("?"));
}

pub fn push_number(out: &mut String, mut n: u64) {
    let mut digits = [0u8; 20];
    let mut at = 20;
    loop {
        at -= 1;
        digits[at] = b'0' + (n % 10) as u8;
        n /= 10;
        if n == 0 {
            break;
        }
    }
    push_ascii(out, &digits[at..]);
}

fn put(buffer: &mut [u8], mut n: i64) {
    for digit in buffer.iter_mut().rev() {
        *digit = b'0' + (n % 10) as u8;
        n /= 10;
    }
}

/// `2026-03-02T09:14:02.123Z`; the fraction is cut, not rounded.
pub fn push_time(out: &mut String, micros: i64) {
    let (y, mo, d) = civil_from_days(micros.div_euclid(DAY));
    let ms = micros.rem_euclid(DAY) / 1000;
    let mut text = *b"0000-00-00T00:00:00.000Z";
    put(&mut text[0..4], y);
    put(&mut text[5..7], i64::from(mo));
    put(&mut text[8..10], i64::from(d));
    put(&mut text[11..13], ms / 3_600_000);
    put(&mut text[14..16], ms / 60_000 % 60);
    put(&mut text[17..19], ms / 1000 % 60);
    put(&mut text[20..23], ms % 1000);
    push_ascii(out, &text);
}

/// `12/22/2026 2:28:06 AM` or `22.12.2026 02:28:06`: the locale that leaks into last-retry times.
pub fn push_local_time(out: &mut String, micros: i64, german: bool) {
    let (y, mo, d) = civil_from_days(micros.div_euclid(DAY));
    let s = micros.rem_euclid(DAY) / 1_000_000;
    let mut clock = *b"00:00:00";
    put(&mut clock[3..5], s / 60 % 60);
    put(&mut clock[6..8], s % 60);
    if german {
        let mut day = *b"00.00.0000 ";
        put(&mut day[0..2], i64::from(d));
        put(&mut day[3..5], i64::from(mo));
        put(&mut day[6..10], y);
        put(&mut clock[0..2], s / 3600);
        push_ascii(out, &day);
        push_ascii(out, &clock);
        return;
    }
    for (part, end) in [(mo.into(), '/'), (d.into(), '/'), (y as u64, ' ')] {
        push_number(out, part);
        out.push(end);
    }
    let hour = s / 3600;
    push_number(out, ((hour + 11) % 12 + 1) as u64);
    push_ascii(out, &clock[2..]);
    out.push_str(if hour < 12 { " AM" } else { " PM" });
}

/// `0.123`: seconds as the latency trees write them.
pub fn push_seconds(out: &mut String, micros: i64) {
    let ms = micros.max(0) / 1000;
    push_number(out, (ms / 1000) as u64);
    let mut text = *b".000";
    put(&mut text[1..4], ms % 1000);
    push_ascii(out, &text);
}

/// A random GUID with dashes.
pub fn push_guid(out: &mut String, rng: &mut Rng) {
    guid(out, rng.bits(), rng.bits());
}

/// A GUID whose last two groups hold a time, as network-message-id and log-id do.
pub fn push_timed_guid(out: &mut String, rng: &mut Rng, micros: i64, hundred_ns: u64) {
    let t = ticks(micros) + hundred_ns;
    guid(out, rng.bits(), (t & 0xffff) << 48 | t >> 16);
}

fn guid(out: &mut String, high: u64, low: u64) {
    let high = high & !0xf000 | 0x4000;
    let mut text = *b"00000000-0000-0000-0000-000000000000";
    let digits = text.iter_mut().filter(|c| **c != b'-');
    for (nibble, c) in digits.enumerate() {
        let word = if nibble < 16 { high } else { low };
        *c = HEX[(word >> (60 - nibble % 16 * 4)) as usize & 15];
    }
    push_ascii(out, &text);
}

/// 16 upper-case hex digits: SMTP and store session ids.
pub fn push_session(out: &mut String, n: u64) {
    let mut text = [0u8; 16];
    for (i, c) in text.iter_mut().enumerate() {
        *c = HEX[(n >> (60 - i * 4)) as usize & 15].to_ascii_uppercase();
    }
    push_ascii(out, &text);
}

/// `n` bytes as `1B-BE-A7…`, the form of ItemEntryId.
pub fn push_hex_pairs(out: &mut String, rng: &mut Rng, n: usize) {
    let mut word = 0;
    let mut text = [0u8; 3];
    for i in 0..n {
        if i % 8 == 0 {
            word = rng.bits();
        }
        let byte = (word >> (i % 8 * 8)) as usize & 255;
        text[0] = HEX[byte >> 4].to_ascii_uppercase();
        text[1] = HEX[byte & 15].to_ascii_uppercase();
        text[2] = b'-';
        push_ascii(out, &text[..if i + 1 < n { 3 } else { 2 }]);
    }
}

/// `n` characters of base64's alphabet.
pub fn push_base64(out: &mut String, rng: &mut Rng, n: usize) {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut word = 0;
    for i in 0..n {
        if i % 10 == 0 {
            word = rng.bits();
        }
        out.push(char::from(ALPHABET[(word >> (i % 10 * 6)) as usize & 63]));
    }
}

/// A template in which every `#` becomes a small random number of seconds.
pub fn push_latencies(out: &mut String, rng: &mut Rng, template: &str) {
    for (i, part) in template.split('#').enumerate() {
        if i > 0 {
            let draw = rng.bits();
            push_seconds(
                out,
                (draw % 97 * (draw >> 32) % 97 * 1000 / 40) as i64 + 1000,
            );
        }
        out.push_str(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{Time, parse_iso};

    #[test]
    fn times_and_ids_have_their_shape() {
        let t = parse_iso(b"2021-03-23T10:00:09.328489Z").unwrap();
        let mut text = String::new();
        push_time(&mut text, t.0);
        assert_eq!(text, "2021-03-23T10:00:09.328Z");
        text.clear();
        push_local_time(&mut text, t.0, false);
        assert_eq!(text, "3/23/2021 10:00:09 AM");
        text.clear();
        // The worked value of formats/modern.md section 4.
        push_timed_guid(&mut text, &mut Rng::new(1), t.0, 9);
        assert!(text.ends_with("-ba23-08d8ede2715d"), "{text}");
        text.clear();
        push_seconds(&mut text, 18_175_166_000);
        assert_eq!(text, "18175.166");
        assert_eq!(ticks(Time(0).0), 621_355_968_000_000_000);
    }
}
