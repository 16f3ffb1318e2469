//! The texts of an event, cut out of the log only when somebody asks.
//!
//! In: the columns of a row, or texts that a dialect found in its own way. Out: one text by its name, [`Text`], unquoted.

use bstr::{BStr, ByteSlice};
use bumpalo::Bump;

use crate::scan;

/// A field as it stands in the log, looked at only if somebody asks: most fields of most rows are never needed, and
/// their bytes need not even be in the cache.
#[derive(Clone, Copy, Debug)]
pub struct Raw<'d> {
    bytes: &'d [u8],
    /// Where unquoted text goes, if the dialect quotes by RFC 4180.
    quoting: Option<&'d Bump>,
}

impl<'d> Raw<'d> {
    /// Text that is as it should be.
    #[inline]
    pub fn plain(text: &'d [u8]) -> Raw<'d> {
        Raw {
            bytes: text,
            quoting: None,
        }
    }

    /// Asks memory for the bytes, which will be looked at soon.
    pub fn ask(&self) {
        scan::prefetch(self.bytes);
    }

    /// Whether there is nothing.
    #[inline]
    pub fn is_empty(self) -> bool {
        self.bytes.is_empty()
    }

    /// A field that may be quoted.
    #[inline]
    pub fn quoted(bytes: &'d [u8], arena: &'d Bump) -> Raw<'d> {
        Raw {
            bytes,
            quoting: Some(arena),
        }
    }

    /// The text, quotes taken off, doubled quotes made single.
    #[inline]
    pub fn text(self) -> &'d BStr {
        match (self.bytes, self.quoting) {
            ([b'"', inner @ .., b'"'], Some(arena)) => match inner.find_byte(b'"') {
                None => inner.as_bstr(),
                Some(_) => arena
                    .alloc_slice_copy(&inner.replace(b"\"\"", b"\""))
                    .as_bstr(),
            },
            (bytes, _) => bytes.as_bstr(),
        }
    }
}

/// A text of an [`Event`](super::Event) that most events are never asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Text {
    Source,
    MessageId,
    NetworkMessageId,
    LinkedId,
    Statuses,
    Reference,
    Sender,
    ReturnPath,
    Subject,
    ClientIp,
    OriginalClientIp,
    ClientHost,
    ServerHost,
    Connector,
    Context,
    /// Where the time went (message-info since 2010).
    Timing,
}

/// How many kinds of text there are.
pub const TEXTS: usize = Text::Timing as usize + 1;

/// The texts of an event. A message may have a million events: of one that is a row of columns nothing is kept but where
/// its columns end.
#[derive(Clone, Copy, Debug)]
pub enum Texts<'d> {
    /// In the columns of a row, which may be quoted by RFC 4180.
    Columns {
        /// Where each column ends.
        ends: &'d [u16],
        row: &'d [u8],
        /// The column of each text; beyond the last: none.
        of: &'d [u8; TEXTS],
        arena: &'d Bump,
    },
    /// Each by itself, unquoted in `quoting` if they may be quoted.
    Apart {
        texts: &'d [&'d [u8]],
        /// Where each text stands among them; beyond the last: it is empty.
        of: [u8; TEXTS],
        quoting: Option<&'d Bump>,
    },
}

/// No text stands there.
const NOWHERE: u8 = u8::MAX;

impl<'d> Texts<'d> {
    /// These texts and no others, each named once, unquoted in `quoting` if they may be quoted.
    pub fn of<const N: usize>(
        texts: [(Text, &'d [u8]); N],
        quoting: Option<&'d Bump>,
        arena: &'d Bump,
    ) -> Texts<'d> {
        let mut of = [NOWHERE; TEXTS];
        let mut filled = [&b""[..]; N];
        let mut len = 0;
        for (which, text) in texts {
            filled[len] = text;
            of[which as usize] = if text.is_empty() { NOWHERE } else { len as u8 };
            len += usize::from(!text.is_empty());
        }
        Texts::Apart {
            texts: arena.alloc_slice_copy(&filled[..len]),
            of,
            quoting,
        }
    }

    /// The same texts, unquoted, and another one in place of one, unless it stands there already.
    pub fn with(&self, which: Text, text: &'d [u8], arena: &'d Bump) -> Texts<'d> {
        if self.get(which).text() == text {
            return *self;
        }
        let mut texts = [&b""[..]; TEXTS + 1];
        let (mut of, len) = match *self {
            Texts::Apart {
                texts: known,
                of,
                quoting: None,
            } => {
                texts[..known.len()].copy_from_slice(known);
                (of, known.len())
            }
            _ => {
                for (at, text) in texts[..TEXTS].iter_mut().enumerate() {
                    *text = self.at(at).text();
                }
                (std::array::from_fn(|at| at as u8), TEXTS)
            }
        };
        texts[len] = text;
        of[which as usize] = len as u8;
        Texts::Apart {
            texts: arena.alloc_slice_copy(&texts[..=len]),
            of,
            quoting: None,
        }
    }

    #[inline]
    pub(super) fn get(&self, which: Text) -> Raw<'d> {
        self.at(which as usize)
    }

    #[inline]
    fn at(&self, which: usize) -> Raw<'d> {
        match self {
            Texts::Columns {
                ends,
                row,
                of,
                arena,
            } => Raw::quoted(column(ends, row, usize::from(of[which])), arena),
            Texts::Apart { texts, of, quoting } => Raw {
                bytes: texts
                    .get(usize::from(of[which]))
                    .copied()
                    .unwrap_or_default(),
                quoting: *quoting,
            },
        }
    }
}

/// What stands in a column of a row.
#[inline]
pub fn column<'d>(ends: &[u16], row: &'d [u8], at: usize) -> &'d [u8] {
    let Some(end) = ends.get(at) else {
        return &[];
    };
    let start = match at {
        0 => 0,
        at => usize::from(ends[at - 1]) + 1,
    };
    row.get(start..usize::from(*end)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_come_off_and_doubled_ones_become_single() {
        let arena = Bump::new();
        let text = |bytes| Raw::quoted(bytes, &arena).text();
        assert_eq!(text(b"\"a, \"\"b\"\"\""), "a, \"b\"");
        assert_eq!(text(b"\"a\""), "a");
        assert_eq!(text(b"a\"b"), "a\"b");
        assert_eq!(text(b"\""), "\"");
        assert_eq!(text(b"\"\""), "");
        assert_eq!(Raw::plain(b"\"a\"").text(), "\"a\"");
    }

    #[test]
    fn texts_of_columns_are_unquoted_beside_another_one() {
        let arena = Bump::new();
        let row = b"\"a, \"\"b\"\"\",c";
        let mut of = [u8::MAX; TEXTS];
        (of[Text::Subject as usize], of[Text::Sender as usize]) = (0, 1);
        let texts = Texts::Columns {
            ends: &[10, 12],
            row,
            of: &of,
            arena: &arena,
        };
        let texts = texts.with(Text::Sender, b"d", &arena);
        assert_eq!(texts.get(Text::Subject).text(), "a, \"b\"");
        assert_eq!(texts.get(Text::Sender).text(), "d");
        assert_eq!(texts.get(Text::Context).text(), "");
    }
}
