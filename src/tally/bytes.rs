//! Bytes of saved days in one piece: serde by itself goes through a list of bytes one by one.
//!
//! In and out: bytes, for `#[serde(with = "bytes")]`. What is written is the same either way.

use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserializer, Serializer};

/// Writes `bytes`.
pub fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
    to.serialize_bytes(bytes)
}

/// Reads what [`serialize`] wrote.
pub fn deserialize<'de, D, B>(from: D) -> Result<B, D::Error>
where
    D: Deserializer<'de>,
    B: for<'b> From<&'b [u8]>,
{
    from.deserialize_bytes(Whole(std::marker::PhantomData))
}

struct Whole<B>(std::marker::PhantomData<B>);

impl<B: for<'b> From<&'b [u8]>> Visitor<'_> for Whole<B> {
    type Value = B;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<B, E> {
        Ok(bytes.into())
    }
}
