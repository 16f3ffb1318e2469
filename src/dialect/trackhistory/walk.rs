//! Walks a record's element as programs write it: the quick way, for nearly all of them.
//!
//! In: bytes that begin with the element's tag. Out: each value with the name of its element. Tags without attributes
//! or prefixes, text with the references that every document has, processing instructions between elements, nothing else:
//! whatever has more than that is left to the XML reader, which alone judges what is well formed. Nothing is decoded here.

use super::MAX_DEPTH;
use crate::address::any_byte;

/// Bytes of the names that a track history has.
const NAME: [bool; 256] = {
    let mut name = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        name[byte] = (byte as u8).is_ascii_alphanumeric() || byte as u8 == b'_';
        byte += 1;
    }
    name
};

/// What a processing instruction is told as.
pub const INSTRUCTION: &[u8] = b"?";

/// Calls `value` with name and text of each element, in the order of their ends. Returns the length of the whole;
/// `None` if the XML reader must look at it, and what was told so far does not count.
#[inline]
pub fn walk<'d>(data: &'d [u8], mut value: impl FnMut(&'d [u8], &'d [u8])) -> Option<usize> {
    let mut open: [&[u8]; MAX_DEPTH] = [b""; MAX_DEPTH];
    let (mut depth, mut at, mut text) = (0usize, 0, 0);
    loop {
        // `at` is a `<`, and the text since the last tag begins at `text`.
        let from = at + 1;
        if data.get(from) == Some(&b'/') {
            let name = *open.get(depth.wrapping_sub(1))?;
            let end = from + 1 + name.len();
            if data.get(from + 1..end) != Some(name) || data.get(end) != Some(&b'>') {
                return None;
            }
            let mut rest = &data[text..at];
            if any_byte(rest, |b| b == b'&') {
                while let Some(mark) = memchr::memchr(b'&', rest) {
                    rest = &rest[mark + reference(&rest[mark..])?.1..];
                }
            }
            value(name, &data[text..at]);
            depth -= 1;
            text = end + 1;
            if depth == 0 {
                return Some(text);
            }
        } else if data.get(from) == Some(&b'?') && depth > 0 {
            let end = from + memchr::memmem::find(&data[from..], b"?>")?;
            if !data[text..at].trim_ascii().is_empty() {
                return None;
            }
            value(INSTRUCTION, &data[from + 1..end]);
            text = end + 2;
        } else {
            let mut end = from;
            while NAME[usize::from(*data.get(end)?)] {
                end += 1;
            }
            if data[end] != b'>' || end == from {
                return None;
            }
            *open.get_mut(depth)? = &data[from..end];
            depth += 1;
            text = end + 1;
        }
        at = next_tag(data, text)?;
    }
}

/// The next `<`. It is near: between tags stand values and a little white space, and to call a search takes longer.
#[inline]
fn next_tag(data: &[u8], from: usize) -> Option<usize> {
    const LOW: u64 = 0x0101_0101_0101_0101;
    let mut at = from;
    for word in data[from..].as_chunks().0.iter().take(NEAR_WORDS) {
        let other = u64::from_le_bytes(*word) ^ (LOW * u64::from(b'<'));
        // The top bit of the first byte that is one; bits above it may lie.
        let found = other.wrapping_sub(LOW) & !other & (LOW << 7);
        if found != 0 {
            return Some(at + found.trailing_zeros() as usize / 8);
        }
        at += word.len();
    }
    memchr::memchr(b'<', &data[at..]).map(|more| at + more)
}

/// Words of eight bytes that are looked through one by one.
const NEAR_WORDS: usize = 8;

/// The character that a reference at the beginning of `text` stands for, and its length: one of the five entities that
/// every document has, or a number of a character that XML can hold.
pub fn reference(text: &[u8]) -> Option<(char, usize)> {
    let end = memchr::memchr(b';', text.get(..12.min(text.len()))?)?;
    let character = match &text[1..end] {
        b"amp" => '&',
        b"lt" => '<',
        b"gt" => '>',
        b"quot" => '"',
        b"apos" => '\'',
        [b'#', number @ ..] => {
            let (digits, radix) = match number {
                [b'x', digits @ ..] => (digits, 16),
                digits => (digits, 10),
            };
            if !digits.iter().all(u8::is_ascii_hexdigit) {
                return None;
            }
            let number = u32::from_str_radix(std::str::from_utf8(digits).ok()?, radix).ok()?;
            char::from_u32(number).filter(|c| *c >= ' ' || matches!(c, '\t' | '\n' | '\r'))?
        }
        _ => return None,
    };
    Some((character, end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn the_next_tag_is_the_first(text in "[ -~]{0,90}", from in 0usize..20) {
            let from = from.min(text.len());
            let want = text[from..].find('<').map(|at| from + at);
            assert_eq!(next_tag(text.as_bytes(), from), want);
        }
    }

    fn walked(data: &str) -> Option<(usize, Vec<(String, String)>)> {
        let mut told = Vec::new();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let len = walk(data.as_bytes(), |name, value| {
            told.push((text(name), text(value)))
        })?;
        Some((len, told))
    }

    #[test]
    fn plain_elements_are_walked_and_all_else_is_left() {
        assert_eq!(walked("<E><A>&amp;&#x41;</A>&#10;</E>").unwrap().0, 30);
        assert_eq!(reference(b"&#x41;B"), Some(('A', 6)));
        let (len, told) =
            walked("<E><A> 1 > 0\n</A><B></B><R><X>2</X> </R>\n<?w {}?></E><E>").unwrap();
        assert_eq!(len, 53);
        let want = [
            ("A", " 1 > 0\n"),
            ("B", ""),
            ("X", "2"),
            ("R", " "),
            ("?", "w {}"),
            ("E", ""),
        ];
        assert_eq!(
            told,
            want.map(|(name, value)| (name.to_string(), value.to_string()))
        );
        for odd in [
            "<E><A>1</B></E>",
            "<E><A>1</A>",
            "<E><A/></E>",
            "<E><A a=\"1\">1</A></E>",
            "<E><A>&undefined;</A></E>",
            "<E><A>&#0;</A></E>",
            "<E><A>&#+65;</A></E>",
            "<E><A>a & b</A></E>",
            "<E><A>&amp</A></E>",
            "<E><![CDATA[1]]></E>",
            "<E><!-- --></E>",
            "<E><A>1<?w?></A></E>",
            "<E><?w></E>",
            "<?w?><E></E>",
            "<p:E></p:E>",
            "<E></E >",
            "<>",
            "<",
            "</E>",
            "<a><a><a><a><a><a><a><a><a></a></a></a></a></a></a></a></a></a>",
        ] {
            assert_eq!(walked(odd), None, "{odd}");
        }
    }
}
