//! The recipients of a trace: a tree of lists, members, forwards and names, each with its fate.
//!
//! In: the page and its message. Out: lines on the page. For each address: what became of it, when and
//! where, why in plain words, and the row that proves it.

use anstyle::Style;
use bstr::BStr;

use super::{MAX_TEXT, Page, branches, text};
use crate::inert::terminal;
use crate::output::recipients::{Node, Tree, tree};
use crate::output::sheet::{BOLD, DIM, Margin, PLAIN, fate_style};
use crate::output::words;
use crate::path::{Fate, Reason, Recipient, Via};
use crate::status::{StatusCode, last_error};

impl<'p, 'd> Page<'p, 'd, '_, '_, '_> {
    pub(super) fn recipients(&mut self) {
        let path = self.path;
        self.title("Recipients");
        if path.recipients.is_empty() {
            let margin = Margin {
                first: "",
                rest: "",
            };
            self.sheet
                .paragraph(&margin, &[(PLAIN, "no row names a recipient")]);
        }
        let tree = tree(&path.recipients);
        self.branch(&tree, None, &tree.roots, "");
    }

    /// Nodes of one level and what hangs under them; the tree itself bounds the depth.
    fn branch(
        &mut self,
        tree: &Tree<'p, 'd>,
        above: Option<&'d BStr>,
        level: &[usize],
        margin: &str,
    ) {
        for (i, index) in level.iter().enumerate() {
            let node = &tree.nodes[*index];
            let (first, rest) = branches(margin, i + 1 == level.len());
            // Under a node with children its own lines keep the bar that leads down to them.
            let under = match node.children.is_empty() {
                true => format!("{rest}  "),
                false => format!("{rest}│ "),
            };
            self.node(node, above, &first, &under);
            self.branch(tree, Some(node.address), &node.children, &rest);
        }
    }

    fn node(&mut self, node: &Node<'p, 'd>, above: Option<&'d BStr>, first: &str, under: &str) {
        let link = node.via.zip(above);
        let inferred = link.is_some_and(|(via, address)| self.path.infers_link(via, address));
        let how = match (node.via, inferred) {
            (Some(Via::Redirected), false) => "forwarded to",
            (Some(Via::Redirected), true) => "forwarded (inferred) to",
            (Some(Via::Resolved), false) => "known as",
            (Some(Via::Resolved), true) => "known (inferred) as",
            (Some(Via::Expanded), true) => "member (inferred)",
            (Some(Via::Expanded), false) | (None, _) => "",
        };
        let others = match above.filter(|_| inferred && node.via == Some(Via::Expanded)) {
            Some(above) => self.path.others_of(above),
            None => &[],
        };
        let names: Vec<String> = others.iter().map(|address| text(address)).collect();
        let one_of = format!("member (inferred) of one of {}:", names.join(", "));
        let how = if others.is_empty() { how } else { &one_of };
        let address = terminal(&node.address.to_ascii_lowercase(), MAX_TEXT);
        let [main, more @ ..] = node.recipients.as_slice() else {
            let margin = Margin { first, rest: under };
            return self
                .sheet
                .paragraph(&margin, &[(DIM, how), (BOLD, &address)]);
        };
        let fate = self.fate(main);
        let style = fate_style(main.fate);
        let pieces: [(Style, &str); 4] = [
            (DIM, how),
            (BOLD, &address),
            (style, main.fate.word()),
            (PLAIN, &fate),
        ];
        self.sheet
            .paragraph(&Margin { first, rest: under }, &pieces);
        self.because(main, under);
        for recipient in more {
            let fate = self.fate(recipient);
            let word = format!("also {}", recipient.fate.word());
            let margin = Margin {
                first: under,
                rest: under,
            };
            let style = fate_style(recipient.fate);
            self.sheet
                .paragraph(&margin, &[(style, &word), (PLAIN, &fate)]);
            self.because(recipient, under);
        }
    }

    /// When, after how long and on which server.
    fn fate(&self, recipient: &Recipient) -> String {
        let mut fate = String::new();
        if let Some(at) = recipient.at {
            let as_of = if recipient.fate.is_final() {
                ""
            } else {
                "as of "
            };
            fate += &format!("{as_of}{}", self.clock(at));
        }
        if let Some(latency) = recipient.latency_ms {
            fate += &format!(" after {}", words::duration(latency));
        }
        if let Some(server) = recipient.server {
            fate += &format!(" on {}", text((self.context.server)(server)));
        }
        fate
    }

    /// Reason, deferrals and evidence, each on a line of its own.
    fn because(&mut self, recipient: &Recipient, under: &str) {
        let at = recipient.at.map(|at| self.clock(at));
        let mut reason = match recipient.reason {
            Reason::Logged(words) => explained(recipient.fate, words),
            ref reason => {
                let sentence = words::reason(reason, at.as_deref(), self.context.server);
                terminal(&sentence, MAX_TEXT)
            }
        };
        if matches!(recipient.reason, Reason::HandedToMailbox(_)) {
            reason = format!("({reason})");
        }
        let mut lines = vec![reason];
        if self.path.infers_fate(recipient)
            && !matches!(recipient.reason, Reason::HandedToMailbox(_))
        {
            let why = match recipient.fate {
                Fate::Redirected => "(inferred: no row names it as replaced)",
                _ => "(inferred: the gateway logged it as incoming)",
            };
            lines.push(why.to_string());
        }
        if recipient.fate == Fate::Pending || recipient.deferrals > 0 {
            lines.push(self.waiting(recipient));
        }
        if recipient.origin_unknown {
            lines.push("the logs begin in the middle: no earlier row was found".to_string());
        }
        for line in lines.iter().filter(|line| !line.is_empty()) {
            let margin = Margin {
                first: under,
                rest: under,
            };
            self.sheet.paragraph(&margin, &[(PLAIN, line)]);
        }
        self.evidence(recipient.place, under);
        self.attempts(recipient, under);
    }

    /// What failed before, or beside, what reached the recipient.
    fn attempts(&mut self, recipient: &Recipient, under: &str) {
        let address = match recipient.fate {
            Fate::Delivered | Fate::Transferred => recipient.address.to_ascii_lowercase(),
            _ => return,
        };
        for (step, status) in self.attempts.remove(&address).unwrap_or_default() {
            let server = step.server.map(|id| text((self.context.server)(id)));
            let line = format!(
                "an attempt failed {} on {}:",
                self.clock(step.time),
                server.unwrap_or_default()
            );
            let margin = Margin {
                first: under,
                rest: under,
            };
            let why = explained(Fate::Failed, BStr::new(status));
            self.sheet
                .paragraph(&margin, &[(PLAIN, &line), (PLAIN, &why)]);
            self.evidence(Some(step.place), under);
        }
    }

    fn waiting(&self, recipient: &Recipient) -> String {
        let mut waiting = match recipient.deferrals {
            0 => String::new(),
            1 => "put off once".to_string(),
            times => format!("put off {times} times"),
        };
        if recipient.fate != Fate::Pending && !recipient.put_off.is_empty() {
            waiting += &format!(", last: {}", explained(Fate::Pending, recipient.put_off));
        }
        if let (Fate::Pending, Some(next)) = (recipient.fate, recipient.next_try) {
            let comma = if waiting.is_empty() { "" } else { ", " };
            waiting += &format!("{comma}next try {}", self.clock(next));
        }
        waiting
    }
}

/// The log's own words, an error taken out of its wrapping, with what its code means before them.
fn explained(fate: Fate, words: &BStr) -> String {
    if matches!(fate, Fate::Delivered | Fate::Transferred) {
        return terminal(words, MAX_TEXT);
    }
    let error = terminal(last_error(words), MAX_TEXT);
    match StatusCode::find(words) {
        Some(code) => format!("{}: {error}", code.meaning()),
        // A drop has no reply; the log names who did it.
        None if fate == Fate::Dropped && error.ends_with("Agent") => format!("by the {error}"),
        None => error,
    }
}
