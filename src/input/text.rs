//! UTF-16 as UTF-8: logs that went through PowerShell or an editor, and TrackHistory, come in it.
//!
//! In: bytes. Out: the same text in UTF-8, for dialects know only bytes that hold ASCII. Nothing is lost: half a
//! surrogate pair, which UTF-8 has no form for, becomes the three bytes that its number would have (WTF-8), and is
//! shown like any byte that is not UTF-8.

use std::io::{self, Write};

/// Which byte of a unit comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Utf16 {
    Little,
    Big,
}

/// This many units are looked at where no mark tells.
const UNITS_TRIED: usize = 8;

/// Tells UTF-16 by its mark, else by a beginning in ASCII: every log and every XML file begins in it.
pub fn utf16(bytes: &[u8]) -> Option<Utf16> {
    match bytes.get(..2)? {
        [0xff, 0xfe] => return Some(Utf16::Little),
        [0xfe, 0xff] => return Some(Utf16::Big),
        _ => {}
    }
    let (units, _) = bytes.as_chunks::<2>();
    let units = &units[..units.len().min(UNITS_TRIED)];
    let ascii = |byte: u8| byte.is_ascii_graphic() || byte.is_ascii_whitespace();
    if units.len() < 2 {
        None
    } else if units.iter().all(|&[a, b]| ascii(a) && b == 0) {
        Some(Utf16::Little)
    } else if units.iter().all(|&[a, b]| a == 0 && ascii(b)) {
        Some(Utf16::Big)
    } else {
        None
    }
}

/// Writes UTF-16 as UTF-8, without its mark. Half a unit at the end stays as it is.
///
/// # Errors
/// If `out` cannot be written.
pub fn to_utf8(bytes: &[u8], order: Utf16, out: &mut impl Write) -> io::Result<()> {
    let (units, rest) = bytes.as_chunks::<2>();
    let units = units.iter().map(|&unit| match order {
        Utf16::Little => u16::from_le_bytes(unit),
        Utf16::Big => u16::from_be_bytes(unit),
    });
    let units = units
        .enumerate()
        .filter(|&(at, unit)| at > 0 || unit != 0xfeff)
        .map(|(_, unit)| unit);
    let mut text = Vec::with_capacity(1 << 16);
    for decoded in char::decode_utf16(units) {
        match decoded {
            Ok(c) => text.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            Err(half) => {
                let unit = half.unpaired_surrogate();
                text.extend([
                    0xe0 | (unit >> 12) as u8,
                    0x80 | (unit >> 6 & 0x3f) as u8,
                    0x80 | (unit & 0x3f) as u8,
                ]);
            }
        }
        if text.len() >= (1 << 16) - 4 {
            out.write_all(&text)?;
            text.clear();
        }
    }
    text.extend_from_slice(rest);
    out.write_all(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encode(text: &str, order: Utf16) -> Vec<u8> {
        let unit = |unit: u16| match order {
            Utf16::Little => unit.to_le_bytes(),
            Utf16::Big => unit.to_be_bytes(),
        };
        text.encode_utf16().flat_map(unit).collect()
    }

    fn decode(bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        to_utf8(bytes, utf16(bytes).unwrap(), &mut out).unwrap();
        out
    }

    #[test]
    fn both_orders_with_and_without_a_mark() {
        let text = "#Software: Größe 日本 🦀\r\n".repeat(5000);
        for order in [Utf16::Little, Utf16::Big] {
            assert_eq!(decode(&encode(&text, order)), text.as_bytes());
            let marked = format!("\u{feff}{text}");
            assert_eq!(decode(&encode(&marked, order)), text.as_bytes());
        }
    }

    #[test]
    fn other_bytes_are_no_utf16() {
        for bytes in [
            &b""[..],
            b"a",
            b"a\0",
            b"#Software",
            b"\xef\xbb\xbf#Software",
            b"\0\0\0\0",
            b"\x01\0\x02\0",
        ] {
            assert_eq!(utf16(bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn halves_of_pairs_and_of_units_are_kept() {
        let mut bytes = encode("\u{feff}ab", Utf16::Little);
        bytes.extend([0x00, 0xd8, b'c', 0, 0xff, 0xdf, b'd']);
        assert_eq!(decode(&bytes), b"ab\xed\xa0\x80c\xed\xbf\xbfd");
    }
}
