//! Entries that Exim cut into pieces for syslog, put together again.
//!
//! Syslog takes lines of limited length and no line breaks: Exim gives it at most 870 characters at a time, each piece behind
//! its number and how many there are, `[2/5] `, or `[2\5] ` where a line of the entry ends with it (Exim specification, "Logging
//! to syslog"). The cut may fall anywhere, inside an address, too. In: lines of syslog. Out: the entry as Exim wrote it,
//! and where pieces stand that belong together, however many lines of others stand between them.

use bumpalo::Bump;

use crate::dialect::foreign::clock::Clock;
use crate::dialect::foreign::line::lines;
use crate::dialect::foreign::line::{Outer, Program};
use crate::dialect::foreign::outer::outer;

/// The next piece stands this near behind the one before it: Exim writes all of an entry at once.
const NEAR_BYTES: usize = 64 << 10;

/// One piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece<'d> {
    /// Its number, from 1.
    pub number: u32,
    /// How many the entry has.
    of: u32,
    /// A line of the entry ends with it.
    ends_line: bool,
    text: &'d [u8],
}

/// The piece that a line's body is, if it is one.
#[inline]
pub fn piece(body: &[u8]) -> Option<Piece<'_>> {
    let inner = body.strip_prefix(b"[")?;
    let digits = |text: &[u8]| {
        let len = text
            .iter()
            .take(5)
            .take_while(|b| b.is_ascii_digit())
            .count();
        let number = text[..len]
            .iter()
            .fold(0, |n, b| n * 10 + u32::from(b - b'0'));
        (len > 0 && number > 0).then_some((number, len))
    };
    let (number, len) = digits(inner)?;
    let ends_line = match inner.get(len)? {
        b'/' => false,
        b'\\' => true,
        _ => return None,
    };
    let rest = &inner[len + 1..];
    let (of, len) = digits(rest)?;
    let rest = rest[len..].strip_prefix(b"]")?;
    let text = match rest {
        [] => rest, // a blank at the end of a line may be lost
        [b' ', text @ ..] => text,
        _ => return None,
    };
    (number <= of && of > 1).then_some(Piece {
        number,
        of,
        ends_line,
        text,
    })
}

/// Who wrote a line: host and tag with process id, as they stand.
type Writer<'d> = (&'d [u8], &'d [u8]);

fn writer<'d>(line: &'d [u8], found: &Outer<'d>) -> Writer<'d> {
    let at = |part: &[u8]| part.as_ptr().addr().wrapping_sub(line.as_ptr().addr());
    let tag = line.get(at(found.tag)..at(found.body)).unwrap_or_default();
    (found.host, tag)
}

/// A piece with where it begins, its line and its writer.
type Placed<'d> = (usize, &'d [u8], Writer<'d>, Piece<'d>);

/// Pieces from `from` on.
fn pieces<'d>(data: &'d [u8], from: usize) -> impl Iterator<Item = Placed<'d>> {
    lines(data, from).filter_map(move |(at, end)| {
        let line = data[at..end].strip_suffix(b"\r").unwrap_or(&data[at..end]);
        // Most lines have no number in brackets behind their tag: finding that out takes less than taking them apart.
        memchr::memchr2(b'/', b'\\', line)?;
        let found = outer(line, &Clock::default())?;
        let is_ours = found.program == Program::Exim && !found.host.is_empty();
        let piece = piece(found.body).filter(|_| is_ours)?;
        Some((at, line, writer(line, &found), piece))
    })
}

/// An entry put together.
#[derive(Debug, PartialEq, Eq)]
pub struct Whole<'a> {
    pub body: &'a [u8],
    /// Behind its last piece, the line break left out.
    pub end: usize,
    /// Length of its lines with their breaks.
    pub bytes: usize,
    /// Where its pieces behind the first begin.
    pub others: Vec<usize>,
    /// Pieces are missing; the word that was cut with them is left out.
    pub is_torn: bool,
}

/// Puts the entry together whose first piece is the line at `from`.
pub fn gather<'a>(data: &[u8], from: usize, arena: &'a Bump) -> Option<Whole<'a>> {
    let mut found = pieces(data, from);
    let (at, line, own, first) = found
        .next()
        .filter(|(at, .., piece)| *at == from && piece.number == 1)?;
    let mut body = first.text.to_vec();
    let (mut last, mut end, mut others) = (first, at + line.len(), Vec::new());
    let mut bytes = line.len() + 1;
    for (at, line, by, next) in found {
        if at > end + NEAR_BYTES || last.number == first.of {
            break;
        }
        if by != own {
            continue;
        }
        if next.of != first.of || next.number != last.number + 1 {
            // Another entry of the same process, or a piece that syslog lost.
            break;
        }
        if last.ends_line {
            body.push(b'\n');
        }
        body.extend_from_slice(next.text);
        others.push(at);
        (last, end) = (next, at + line.len());
        bytes += line.len() + 1;
    }
    let is_torn = last.number < first.of;
    if is_torn && !last.ends_line {
        body.truncate(memchr::memrchr(b' ', &body).unwrap_or(0));
    }
    Some(Whole {
        body: arena.alloc_slice_copy(&body),
        end,
        bytes,
        others,
        is_torn,
    })
}

/// Where an entry ends whose pieces stand on both sides of `at`: behind the first of them there.
pub fn parted_at(data: &[u8], at: usize) -> Option<usize> {
    let until = data.len().min(at + NEAR_BYTES);
    let mut begun = Vec::new();
    for (from, line, by, piece) in pieces(&data[..until], at) {
        match piece.number {
            1 => begun.push(by),
            _ if begun.contains(&by) => {}
            _ => return Some(data.len().min(from + line.len() + 1)),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cuts an entry as Exim does, `limit` characters at a time.
    fn cut(entry: &str, limit: usize) -> Vec<String> {
        let mut parts: Vec<(String, char)> = Vec::new();
        for line in entry.split('\n') {
            let chars: Vec<char> = line.chars().collect();
            for part in chars.chunks(limit) {
                parts.push((part.iter().collect(), '/'));
            }
            parts.last_mut().unwrap().1 = '\\';
        }
        parts.last_mut().unwrap().1 = '/';
        let of = parts.len();
        let numbered = parts.into_iter().enumerate();
        numbered
            .map(|(i, (text, mark))| format!("[{}{mark}{of}] {text}", i + 1))
            .collect()
    }

    fn gathered(log: &str, from: usize) -> (String, bool) {
        let arena = Bump::new();
        let whole = gather(log.as_bytes(), from, &arena).unwrap();
        (
            String::from_utf8(whole.body.to_vec()).unwrap(),
            whole.is_torn,
        )
    }

    #[test]
    fn pieces_are_put_together_across_lines_of_others() {
        let entry = "1xUooM-000069-1M <= s@x H=h [1.2.3.4] P=esmtp S=1 id=a@b for one@x two@x\nP Received: from h\n\tby x";
        for limit in 3..40 {
            let mut log = String::from("Nov 21 17:23:38 ex1 exim[7]: before\n");
            let from = log.len();
            for piece in cut(entry, limit) {
                log += &format!("Nov 21 17:23:38 ex1 exim[7]: {piece}\n");
                log += &format!("Nov 21 17:23:38 ex1 exim[8]: {piece}\n");
                log += "Nov 21 17:23:38 ex1 CRON[7]: [2/3] no piece of ours\n";
            }
            assert_eq!(gathered(&log, from), (entry.to_string(), false), "{limit}");
            // No cut is made between pieces.
            let second = from + log[from..].find("exim[8]: [1").unwrap() - 20;
            for at in [second - 1, second, second + 100] {
                let line = at + log[at..].find('\n').unwrap() + 1;
                assert!(parted_at(log.as_bytes(), line).is_some(), "{limit} {at}");
            }
            assert_eq!(parted_at(log.as_bytes(), from), None);
        }
    }

    #[test]
    fn a_lost_piece_takes_the_word_that_was_cut_with_it() {
        let of = |n: u32, text: &str| format!("Nov 21 17:23:38 ex1 exim[7]: [{n}/3] {text}\n");
        let first = of(1, "1xUooM-000069-1M <= s@x H=h for one@x tw");
        for rest in [
            String::new(),
            of(3, "@x three@x"),
            of(1, "1xUooM-000070-1M <= other@x") + &of(2, "o@x") + &of(3, "@x"),
        ] {
            let body = "1xUooM-000069-1M <= s@x H=h for one@x".to_string();
            assert_eq!(
                gathered(&(first.clone() + &rest), 0),
                (body, true),
                "{rest}"
            );
        }
    }

    #[test]
    fn what_only_looks_like_a_piece_is_none() {
        for body in [
            "[77] x", "[1/1] x", "[3/2] x", "[0/2] x", "[1/2]x", "[a/2] x", "[1|2] x", "[1/2",
        ] {
            assert_eq!(piece(body.as_bytes()), None, "{body}");
        }
        assert_eq!(
            piece(b"[12\\345]").map(|p| (p.number, p.of, p.ends_line)),
            Some((12, 345, true))
        );
    }
}
