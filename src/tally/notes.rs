//! What is noted and not counted yet.
//!
//! In: entries, one by one. Out: the same, many at once: what counting them needs of memory is asked for beforehand, so
//! that it comes side by side, and large tables come into the cache once for all of them. A file holds no notes: to write a
//! sum that has some is an error, so that none can be lost.

use std::ops::{Deref, DerefMut};

use serde::ser::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// So many words are noted before they are counted: what is asked for fits the first-level cache.
pub const WORDS: usize = 128;

/// Entries that wait.
#[derive(Clone, Debug)]
pub struct Notes<T>(Vec<T>);

impl<T> Default for Notes<T> {
    fn default() -> Notes<T> {
        Notes(Vec::new())
    }
}

impl<T> Deref for Notes<T> {
    type Target = Vec<T>;

    fn deref(&self) -> &Vec<T> {
        &self.0
    }
}

impl<T> DerefMut for Notes<T> {
    fn deref_mut(&mut self) -> &mut Vec<T> {
        &mut self.0
    }
}

impl<T> Serialize for Notes<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.is_empty() {
            true => to.serialize_unit(),
            false => Err(S::Error::custom("not everything is counted yet")),
        }
    }
}

impl<'de, T> Deserialize<'de> for Notes<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Notes<T>, D::Error> {
        <()>::deserialize(from).map(|()| Notes::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_never_lost_in_a_file() {
        let mut notes: Notes<u8> = Notes::default();
        assert!(postcard::to_stdvec(&notes).unwrap().is_empty());
        assert!(postcard::from_bytes::<Notes<u8>>(&[]).unwrap().is_empty());
        notes.push(7);
        assert!(postcard::to_stdvec(&notes).is_err());
    }
}
