//! A page of text for a terminal: lines that wrap, branches of a tree, a little colour.
//!
//! In: text that is already harmless. Out: lines of at most the page's width, except where a
//! single word (a Message-ID, a file name) is longer: those are for copying and stay whole.

use anstyle::{AnsiColor, Style};

use crate::inert::columns;
use crate::path::Fate;

pub const PLAIN: Style = Style::new();
pub const BOLD: Style = Style::new().bold();
pub const DIM: Style = Style::new().dimmed();

/// Green has arrived, red will not, yellow is not yet known.
pub fn fate_style(fate: Fate) -> Style {
    let colour = match fate {
        Fate::Delivered | Fate::Transferred => AnsiColor::Green,
        Fate::Failed | Fate::Dropped | Fate::Rejected => AnsiColor::Red,
        Fate::Quarantined | Fate::Pending | Fate::Unknown => AnsiColor::Yellow,
        Fate::Expanded | Fate::Redirected => return PLAIN,
    };
    colour.on_default()
}

/// The page under way.
pub struct Sheet<'o> {
    pub out: &'o mut Vec<u8>,
    pub width: usize,
    pub colour: bool,
}

/// What stands before a line and before its continuations.
pub struct Margin<'m> {
    pub first: &'m str,
    pub rest: &'m str,
}

impl Sheet<'_> {
    pub fn blank(&mut self) {
        self.out.push(b'\n');
    }

    /// Pieces of one paragraph, each in its style, wrapped between words. A piece begins a new word.
    pub fn paragraph(&mut self, margin: &Margin, pieces: &[(Style, &str)]) {
        self.out.extend_from_slice(margin.first.as_bytes());
        let mut used = columns(margin.first);
        let mut line_empty = true;
        for (style, text) in pieces {
            for word in text.split(' ').filter(|word| !word.is_empty()) {
                let width = columns(word);
                if !line_empty && used + 1 + width > self.width {
                    self.out.push(b'\n');
                    self.out.extend_from_slice(margin.rest.as_bytes());
                    used = columns(margin.rest);
                    line_empty = true;
                }
                if !line_empty {
                    self.out.push(b' ');
                    used += 1;
                }
                self.paint(*style, word);
                used += width;
                line_empty = false;
            }
        }
        self.trim_end();
        self.out.push(b'\n');
    }

    fn paint(&mut self, style: Style, word: &str) {
        if self.colour && style != PLAIN {
            let painted = format!("{}{word}{}", style.render(), style.render_reset());
            self.out.extend_from_slice(painted.as_bytes());
        } else {
            self.out.extend_from_slice(word.as_bytes());
        }
    }

    /// A margin without text after it leaves no blanks behind.
    fn trim_end(&mut self) {
        while self.out.last() == Some(&b' ') {
            self.out.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(width: usize, colour: bool, pieces: &[(Style, &str)]) -> String {
        let mut out = Vec::new();
        let mut sheet = Sheet {
            out: &mut out,
            width,
            colour,
        };
        sheet.paragraph(
            &Margin {
                first: "├─ ",
                rest: "│    ",
            },
            pieces,
        );
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn words_wrap_under_the_margin_and_long_ones_stay_whole() {
        let text = [
            (BOLD, "one two"),
            (PLAIN, "three a-very-long-message-id@contoso.com x"),
        ];
        let want = "├─ one two\n│    three\n│    a-very-long-message-id@contoso.com\n│    x\n";
        assert_eq!(page(12, false, &text), want);
        assert_eq!(page(12, false, &[(PLAIN, "")]), "├─\n");
    }

    #[test]
    fn colour_only_when_asked() {
        let text = [(DIM, "a.LOG:17")];
        assert_eq!(page(40, false, &text), "├─ a.LOG:17\n");
        assert_eq!(page(40, true, &text), "├─ \u{1b}[2ma.LOG:17\u{1b}[0m\n");
    }
}
