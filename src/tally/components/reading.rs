//! The times in a message-info, each with its component.
//!
//! In: text such as `2026-03-02T09:00:00.000Z;SRV=ex01:TOTAL-HUB=0.257|CAT=0.076(CATOS=0.025)`. Out: a component and its
//! milliseconds for each number.
//!
//! Rows of a kind list the same components in the same order. So each component remembers which one followed it last
//! and the text between the two numbers: mostly one comparison finds the next number and says whose it is. A server's
//! stage is remembered by its name, because rows of many servers come by turns.

use super::{Components, NONE};
use crate::address::short_host;

/// Longer names are no names.
pub(super) const NAME_BYTES: usize = 96;
/// Components of components are told apart to this depth; real ones have five.
pub(super) const DEPTH: usize = 8;
/// What stands between two numbers is remembered if it is not longer.
const BETWEEN_BYTES: usize = 48;
/// So many stages are remembered; a power of two.
const STAGES: usize = 64;

/// The component that came behind another, and what stood between their numbers.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(super) struct Next {
    number: u32,
    length: u8,
    /// From behind the last number to the `=` before the next.
    between: [u8; BETWEEN_BYTES],
}

/// By length: which of the first sixteen bytes of a text count.
const COUNTED: [u128; 16] = {
    let mut masks = [0; 16];
    let mut length = 0;
    while length < 16 {
        masks[length] = (1 << (8 * length)) - 1;
        length += 1;
    }
    masks
};

impl Next {
    /// Nothing: no text is so long.
    const NONE: Next = Next {
        number: NONE,
        length: u8::MAX,
        between: [0; BETWEEN_BYTES],
    };

    fn new(number: u32, text: &[u8]) -> Next {
        let mut next = Next::NONE;
        if let Some(place) = next.between.get_mut(..text.len()) {
            place.copy_from_slice(text);
            (next.number, next.length) = (number, text.len() as u8);
        }
        next
    }

    /// What stands behind the `=`, if `text` goes on as it did before.
    #[inline]
    fn behind<'t>(&self, text: &'t [u8]) -> Option<&'t [u8]> {
        let length = usize::from(self.length);
        // Sixteen bytes are compared as one number: of a short text those that count, of a longer one its first, its
        // last and those between.
        let number = |text: &[u8], at: usize| -> Option<u128> {
            Some(u128::from_le_bytes(*text.get(at..)?.first_chunk()?))
        };
        let differ = |at: usize| Some(number(text, at)? ^ number(&self.between, at)?);
        let difference = match length.checked_sub(16) {
            None if text.len() < 16 => return text.strip_prefix(&self.between[..length]),
            None => differ(0)? & COUNTED[length],
            Some(last) => differ(last)? | differ(0)? | differ(last.min(16))?,
        };
        (difference == 0).then(|| &text[length..])
    }
}

/// A component, its milliseconds, and what stands behind them.
type Found<'t> = (u32, u32, &'t [u8]);

impl Components {
    /// Notes the times of one row.
    pub(super) fn row(&mut self, info: &[u8]) {
        // Behind the last digit stands no number.
        let end = info.iter().rposition(u8::is_ascii_digit);
        let info = &info[..end.map_or(0, |last| last + 1)];
        // Before the first server stands when the message came.
        let first = memchr::memchr(b';', info).map_or(0, |end| end + 1);
        let (mut last, mut rest) = (NONE, info);
        if server(info).is_none() && server(&info[first..]).is_some() {
            rest = &info[first..];
        }
        while !rest.is_empty() {
            // A list goes on; its end stands in no text between two numbers.
            let mut found = match last {
                NONE => None,
                _ => self.next(STAGES + last as usize, rest),
            };
            if found.is_none() {
                found = self.next(remembered_at(last, rest), rest);
            }
            let Some((number, ms, behind)) = found.or_else(|| self.search(last, rest)) else {
                return;
            };
            self.noted.push((number, ms));
            (last, rest) = (number, behind);
        }
    }

    /// The next number, if it stands behind the text remembered there.
    #[inline(always)]
    fn next<'t>(&self, remembered: usize, text: &'t [u8]) -> Option<Found<'t>> {
        let next = self.followed_by.get(remembered)?;
        let (ms, behind) = millis(next.behind(text)?)?;
        Some((next.number, ms, behind))
    }

    /// The next number, if it does not stand behind the text of last time.
    #[inline(never)]
    fn search<'t>(&mut self, last: u32, text: &'t [u8]) -> Option<Found<'t>> {
        let found = match self.part(last, text) {
            None => self.stage(text),
            part => part,
        };
        let (number, _, behind) = found?;
        let between = &text[..text.len() - behind.len()];
        let equals = memchr::memrchr(b'=', between)?;
        let places = STAGES + self.all.len();
        if self.followed_by.len() < places {
            self.followed_by.resize(places, Next::NONE);
        }
        self.followed_by[remembered_at(last, text)] = Next::new(number, &between[..=equals]);
        found
    }

    /// The next component in the list in which `last` stands.
    fn part<'t>(&mut self, last: u32, text: &'t [u8]) -> Option<Found<'t>> {
        let (mut parent, mut rest) = (self.parent(last)?, text);
        loop {
            match rest {
                // Folded header lines leave spaces behind numbers.
                [b' ', behind @ ..] => rest = behind,
                [b')', behind @ ..] => (parent, rest) = (self.parent(parent)?, behind),
                [b'(', behind @ ..] if self.depth(last) < DEPTH => {
                    (parent, rest) = (last, behind);
                    break;
                }
                [b'|', behind @ ..] => {
                    rest = behind;
                    break;
                }
                _ => return None,
            }
        }
        let (name, ms, behind) = named(rest)?;
        (!name.starts_with(b"TOTAL")).then(|| Some((self.find(parent, name)?, ms, behind)))?
    }

    /// The stage of the next server.
    fn stage<'t>(&mut self, text: &'t [u8]) -> Option<Found<'t>> {
        let mut rest = text;
        loop {
            if let Some(server) = server(rest)
                && let Some(colon) = memchr::memchr2(b':', b';', server)
                && server[colon] == b':'
                && let Some((name, ms, behind)) = named(&server[colon + 1..])
                && name.starts_with(b"TOTAL")
            {
                let mut stage = short_host(&server[..colon]).to_ascii_lowercase();
                stage.push(b':');
                stage.extend(name);
                return Some((self.find(NONE, &stage)?, ms, behind));
            }
            rest = &rest[memchr::memchr(b';', rest)? + 1..];
        }
    }

    /// What a component is a part of; a stage holds itself. `None` for no component.
    fn parent(&self, number: u32) -> Option<u32> {
        let component = self.all.get(number as usize)?;
        Some(component.parent.unwrap_or(number))
    }

    /// How many components a component is a part of.
    fn depth(&self, mut number: u32) -> usize {
        let parent = |number: u32| self.all.get(number as usize)?.parent;
        let mut depth = 0;
        while let Some(parent) = parent(number) {
            (number, depth) = (parent, depth + 1);
        }
        depth
    }
}

/// Where it is remembered what comes behind the number of `last`, where `text` stands.
#[inline]
fn remembered_at(last: u32, text: &[u8]) -> usize {
    if last != NONE && text.first() != Some(&b';') {
        return STAGES + last as usize;
    }
    // Of `;LSRV=ex03.example.com` the name; whatever stands there, the text is compared.
    let name = text.get(6..).and_then(<[u8]>::first_chunk);
    let name = name.map_or(0, |name| u64::from_le_bytes(*name));
    (name.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 58) as usize % STAGES
}

/// What stands behind `SRV=` or `LSRV=`.
fn server(text: &[u8]) -> Option<&[u8]> {
    (text.strip_prefix(b"SRV=")).or_else(|| text.strip_prefix(b"LSRV="))
}

/// A name, the number behind it, and what stands behind that.
fn named(text: &[u8]) -> Option<(&[u8], u32, &[u8])> {
    let (name, rest) = text.split_at(memchr::memchr2(b'=', b';', text)?);
    let (ms, behind) = any_millis(rest.strip_prefix(b"=")?)?;
    (name.len() <= NAME_BYTES).then_some((name, ms, behind))
}

/// Seconds with up to three decimals, as milliseconds, and what stands behind them.
#[inline]
fn millis(text: &[u8]) -> Option<(u32, &[u8])> {
    /// `0.000`, the first byte lowest.
    const ZERO: u64 = 0x30_3030_2e30;
    // Nearly all are below ten seconds and have all three decimals: the bytes of `0.257` are taken as one number.
    if let Some(first) = text.first_chunk::<5>()
        && !text.get(5).is_some_and(u8::is_ascii_digit)
    {
        let [a, b, c, d, e] = *first;
        let digits = u64::from_le_bytes([a, b, c, d, e, 0, 0, 0]) ^ ZERO;
        // What is over 9, or 0 in place of the point, gets or has its highest bit.
        if (digits | (digits + 0x76_7676_7f76)) & 0x80_8080_8080 == 0 {
            // The digits side by side, one in a byte, then two to a number.
            let digits = (digits >> 8) as u32 | digits as u32 & 0xff;
            let pairs = digits * 10 + (digits >> 8);
            let ms = (pairs & 0xff) * 100 + (pairs >> 16 & 0xff);
            return Some((ms, &text[5..]));
        }
    }
    any_millis(text)
}

/// The same for any number; what is over seven weeks counts as that.
fn any_millis(text: &[u8]) -> Option<(u32, &[u8])> {
    let digits = |text: &[u8]| text.iter().take_while(|b| b.is_ascii_digit()).count();
    let number = |digits: &[u8]| digits.iter().fold(0, |n, b| n * 10 + u64::from(b - b'0'));
    let whole = digits(text);
    if whole == 0 || whole > 9 {
        return None;
    }
    let seconds = number(&text[..whole]) * 1000;
    let rest = &text[whole..];
    // Some versions write numbers in the server's own language.
    let [b'.' | b',', decimals @ ..] = rest else {
        return Some((in_32_bits(seconds), rest));
    };
    let length = digits(decimals);
    let kept = &decimals[..length.min(3)];
    let scale = [1000, 100, 10, 1][kept.len()];
    let ms = seconds + number(kept) * scale;
    Some((in_32_bits(ms), &decimals[length..]))
}

fn in_32_bits(ms: u64) -> u32 {
    u32::try_from(ms).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_alike_in_both_ways() {
        for number in [
            "0.000",
            "9.999",
            "0.257",
            "1,234",
            "12.345",
            "0.25",
            "0.2578",
            "1.2a3",
            "/.000",
            ":.000",
            "0.00:",
            "0.0/0",
            "0x257",
            "0\u{ae}257",
            "3",
            "",
            ".5",
            "4294967295",
            "999999999.9",
        ] {
            for behind in ["", "|", "|CAT=0.001", ")))(5555"] {
                let text = format!("{number}{behind}");
                assert_eq!(
                    millis(text.as_bytes()),
                    any_millis(text.as_bytes()),
                    "{text}"
                );
            }
        }
        assert_eq!(millis(b"3.257|CAT="), Some((3257, &b"|CAT="[..])));
    }
}
