//! The recipients of a message as a tree: lists over their members, forwarders over their targets.
//!
//! In: recipients, each with the chain that led to it. Out: nodes in the order in which the branches
//! first appear. Nothing is drawn here.

use std::collections::HashMap;

use bstr::BStr;

use crate::path::{Recipient, Via};

/// Chains longer than this (loops of forwards can make them) are cut at the far end, so that the
/// tree stays readable and walking it cannot exhaust the stack.
const MAX_DEPTH: usize = 12;

/// One address of the tree.
pub struct Node<'p, 'd> {
    pub address: &'d BStr,
    /// How it came from the address above; `None` where it was addressed by the sender.
    pub via: Option<Via>,
    /// Its fates: none for an alias that was only passed through, rarely more than one.
    pub recipients: Vec<&'p Recipient<'d>>,
    pub children: Vec<usize>,
}

/// Nodes, and which of them are roots.
pub struct Tree<'p, 'd> {
    pub nodes: Vec<Node<'p, 'd>>,
    pub roots: Vec<usize>,
}

/// Hangs every recipient where its chain leads.
pub fn tree<'p, 'd>(recipients: &'p [Recipient<'d>]) -> Tree<'p, 'd> {
    let mut tree = Tree {
        nodes: Vec::new(),
        roots: Vec::new(),
    };
    let mut known: HashMap<(Option<usize>, Vec<u8>), usize> = HashMap::new();
    for recipient in recipients {
        let chain = &recipient.via[..recipient.via.len().min(MAX_DEPTH)];
        let mut parent = None;
        let mut came_by = None;
        // Nearest first in the chain, so the root is its last link.
        for (via, address) in chain.iter().rev() {
            parent = Some(tree.child(&mut known, parent, address, came_by));
            came_by = Some(*via);
        }
        let leaf = tree.child(&mut known, parent, recipient.address, came_by);
        tree.nodes[leaf].recipients.push(recipient);
    }
    tree
}

impl<'d> Tree<'_, 'd> {
    /// The node of an address under `parent`, made if it is not there. Case does not count.
    fn child(
        &mut self,
        known: &mut HashMap<(Option<usize>, Vec<u8>), usize>,
        parent: Option<usize>,
        address: &'d BStr,
        via: Option<Via>,
    ) -> usize {
        let next = self.nodes.len();
        let node = *known
            .entry((parent, address.to_ascii_lowercase()))
            .or_insert(next);
        if node == next {
            self.nodes.push(Node {
                address,
                via,
                recipients: Vec::new(),
                children: Vec::new(),
            });
            match parent {
                Some(parent) => self.nodes[parent].children.push(node),
                None => self.roots.push(node),
            }
        }
        node
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::example::path;

    fn outline(tree: &Tree, nodes: &[usize], depth: usize, out: &mut Vec<String>) {
        for node in nodes {
            let node = &tree.nodes[*node];
            out.push(format!("{}{}", "  ".repeat(depth), node.address));
            outline(tree, &node.children, depth + 1, out);
        }
    }

    #[test]
    fn members_hang_under_their_list() {
        let path = path();
        let tree = tree(&path.recipients);
        let mut lines = Vec::new();
        outline(&tree, &tree.roots, 0, &mut lines);
        let want = [
            "Team@contoso.com",
            "  Bob@contoso.com",
            "  c.smith@contoso.com",
            "    carol@contoso.com",
            "  dave@contoso.com",
            "erin@contoso.com",
            "  frank@contoso.com",
            "zoe@fabrikam.com",
        ];
        assert_eq!(lines, want);
    }

    #[test]
    fn endless_chains_end() {
        let mut path = path();
        path.recipients[1].via = vec![(Via::Redirected, BStr::new("a@b")); 10_000];
        let tree = tree(&path.recipients);
        assert!(tree.nodes.len() < 30);
    }
}
