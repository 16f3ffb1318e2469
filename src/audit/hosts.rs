//! Hosts that rows speak of, by number.
//!
//! In: names as logged, taken short. Out: numbers that fit into the half of a word, for there is one in each of millions
//! of notes. Found by a table, so that a log that names a new host in every row costs no more than one that does not.

use bstr::BStr;

use crate::tally::words::Words;

/// More hosts are hostile, and what is said of the rest is left out.
const MOST: usize = u16::MAX as usize;

/// Short lower-case names.
#[derive(Default)]
pub struct Hosts(Words);

impl Hosts {
    /// The number of a host; `None`: there are too many.
    pub fn number(&mut self, short: &[u8]) -> Option<u16> {
        let id = match self.0.len() < MOST {
            true => Some(self.0.id(short)),
            false => self.0.find(short),
        };
        id.map(|id| id as u16)
    }

    pub fn name(&self, number: u16) -> &BStr {
        BStr::new(self.0.get(number.into()))
    }

    /// All names, by their numbers.
    pub fn names(&self) -> impl Iterator<Item = &BStr> {
        (0..self.0.len() as u32).map(|id| BStr::new(self.0.get(id)))
    }

    /// Takes in the hosts of `other`: their numbers here, by their numbers there.
    pub fn merge(&mut self, other: &Hosts) -> Vec<Option<u16>> {
        other.names().map(|name| self.number(name)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_hosts_are_left_out_and_the_others_keep_their_numbers() {
        let mut hosts = Hosts::default();
        for number in 0..MOST {
            assert_eq!(
                hosts.number(format!("H{number}").as_bytes()),
                Some(number as u16)
            );
        }
        assert_eq!(hosts.number(b"one-more"), None);
        assert_eq!(hosts.number(b"h7"), Some(7));
        assert_eq!(hosts.name(7), "h7");
        let mut few = Hosts::default();
        few.number(b"h9");
        assert_eq!(few.merge(&hosts)[7..10], [Some(8), Some(9), Some(0)]);
    }
}
