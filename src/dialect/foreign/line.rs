//! A line of a log by its parts: when, where and which program, before a word of the message itself.
//!
//! In: bytes. Out: where lines begin and end; what their envelopes said.

use crate::time::Time;

/// Which program wrote a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Program {
    Postfix,
    Exim,
    Sendmail,
    /// One that handles no mail of its own.
    Other,
}

/// A line, its envelope taken off.
#[derive(Clone, Copy, Debug)]
pub struct Outer<'d> {
    /// When it was written, by the clock in force.
    pub time: Time,
    /// Its stamp as if it were UTC, where it does not say its zone; the year is the clock's if it does not say that.
    pub bare: Option<Bare>,
    /// The host as logged; empty in Exim's own files.
    pub host: &'d [u8],
    pub program: Program,
    /// The tag without process id: `postfix/relay/smtp`.
    pub tag: &'d [u8],
    /// The process id; empty where the line does not say.
    pub process: &'d [u8],
    pub body: &'d [u8],
}

impl Outer<'_> {
    /// The number of the process that wrote the line; 0: the line does not say.
    #[inline]
    pub fn process_number(&self) -> u32 {
        let digit = |b: &u8| b.is_ascii_digit().then(|| u32::from(b - b'0'));
        let number = |n: u32, b| Some(n.wrapping_mul(10).wrapping_add(digit(b)?));
        self.process.iter().try_fold(0, number).unwrap_or(0)
    }
}

/// A stamp without zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bare {
    /// Microseconds since 1970 if it were UTC.
    pub local: i64,
    /// Its month and day, where the year is the clock's.
    pub day: Option<(u32, u32)>,
}

/// A stamp without zone as it stands, and what it says by the clock in force.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stamp<'d> {
    pub text: &'d [u8],
    /// Microseconds since 1970 if it were UTC.
    pub local: i64,
    pub day: Option<(u32, u32)>,
}

/// Records as ranges of bytes without their line breaks.
pub fn lines(data: &[u8], from: usize) -> impl Iterator<Item = (usize, usize)> {
    let mut at = from;
    std::iter::from_fn(move || {
        (at < data.len()).then(|| {
            let end = memchr::memchr(b'\n', &data[at..]).map_or(data.len(), |n| at + n);
            let line = (at, end);
            at = end + 1;
            line
        })
    })
}

/// The same from the end of `data` back to `from`, where a line begins.
pub(super) fn lines_back(data: &[u8], from: usize) -> impl Iterator<Item = (usize, usize)> {
    let mut behind = data.len();
    std::iter::from_fn(move || {
        (behind > from).then(|| {
            let end = behind - usize::from(data[behind - 1] == b'\n');
            let begin = memchr::memrchr(b'\n', &data[from..end]).map_or(from, |n| from + n + 1);
            behind = begin;
            (begin, end)
        })
    })
}
