//! Whether the figures of a saved day can be of any organisation.
//!
//! In: a tally as read. Out: whether its figures together stay below [`MOST`]. A file of strangers may have a good
//! checksum and figures that no sum holds; found here, merging and reporting need not look at every addition. The
//! tally shows its figures as it would to a writer of files, so that none is forgotten when a table is added.

use std::fmt::Error;

use serde::Serialize;
use serde::ser::{
    SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

/// All figures of a file, added up. A year of a hundred million deliveries a day makes a tenth of that, and thirty files
/// of strangers still fit into 63 bits.
const MOST: u64 = 1 << 58;

/// Whether the figures in `tally` and in `facts` stay below [`MOST`] together; instants are none. In a tally they have
/// signs, for paths are taken back, and what has none there is a value or a key.
pub fn are_plausible(tally: &impl Serialize, facts: &impl Serialize) -> bool {
    let mut figures = Figures {
        sum: 0,
        have_signs: true,
    };
    let seen = tally.serialize(&mut figures).is_ok();
    figures.have_signs = false;
    seen && facts.serialize(&mut figures).is_ok() && figures.sum < MOST
}

/// The sum of what was seen, signs left out.
struct Figures {
    sum: u64,
    have_signs: bool,
}

impl Serializer for &mut Figures {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    fn serialize_i64(self, figure: i64) -> Result<(), Error> {
        self.sum = self.sum.saturating_add(figure.unsigned_abs());
        Ok(())
    }

    fn serialize_newtype_struct<T: ?Sized + Serialize>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        match name {
            "Time" => Ok(()),
            _ => value.serialize(self),
        }
    }

    fn serialize_some<T: ?Sized + Serialize>(self, value: &T) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: ?Sized + Serialize>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_bool(self, _: bool) -> Result<(), Error> {
        Ok(())
    }

    fn serialize_i8(self, _: i8) -> Result<(), Error> {
        Ok(())
    }

    fn serialize_i16(self, _: i16) -> Result<(), Error> {
        Ok(())
    }

    fn serialize_i32(self, _: i32) -> Result<(), Error> {
        Ok(())
    }

    fn serialize_u8(self, _: u8) -> Result<(), Error> {
        Ok(())
    }

    fn serialize_u16(self, _: u16) -> Result<(), Error> {
        Ok(())
    }

    fn serialize_u32(self, _: u32) -> Result<(), Error> {
        Ok(())
    }

    fn serialize_u64(self, figure: u64) -> Result<(), Error> {
        if !self.have_signs {
            self.sum = self.sum.saturating_add(figure);
        }
        Ok(())
    }

    fn serialize_f32(self, _: f32) -> Result<(), Error> {
        Ok(())
    }

    fn serialize_f64(self, _: f64) -> Result<(), Error> {
        Ok(())
    }

    fn serialize_char(self, _: char) -> Result<(), Error> {
        Ok(())
    }

    fn serialize_str(self, _: &str) -> Result<(), Error> {
        Ok(())
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<(), Error> {
        Ok(())
    }

    fn serialize_none(self) -> Result<(), Error> {
        Ok(())
    }

    fn serialize_unit(self) -> Result<(), Error> {
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Error> {
        Ok(())
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, _: &'static str) -> Result<(), Error> {
        Ok(())
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self, Error> {
        Ok(self)
    }

    fn serialize_tuple(self, _: usize) -> Result<Self, Error> {
        Ok(self)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, Error> {
        Ok(self)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, Error> {
        Ok(self)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self, Error> {
        Ok(self)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, Error> {
        Ok(self)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, Error> {
        Ok(self)
    }
}

impl SerializeSeq for &mut Figures {
    type Ok = ();
    type Error = Error;

    fn serialize_element<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), Error> {
        value.serialize(&mut **self)
    }

    fn end(self) -> Result<(), Error> {
        Ok(())
    }
}

impl SerializeTuple for &mut Figures {
    type Ok = ();
    type Error = Error;

    fn serialize_element<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), Error> {
        value.serialize(&mut **self)
    }

    fn end(self) -> Result<(), Error> {
        Ok(())
    }
}

impl SerializeTupleStruct for &mut Figures {
    type Ok = ();
    type Error = Error;

    fn serialize_field<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), Error> {
        value.serialize(&mut **self)
    }

    fn end(self) -> Result<(), Error> {
        Ok(())
    }
}

impl SerializeTupleVariant for &mut Figures {
    type Ok = ();
    type Error = Error;

    fn serialize_field<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), Error> {
        value.serialize(&mut **self)
    }

    fn end(self) -> Result<(), Error> {
        Ok(())
    }
}

impl SerializeStruct for &mut Figures {
    type Ok = ();
    type Error = Error;

    fn serialize_field<T: ?Sized + Serialize>(
        &mut self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        value.serialize(&mut **self)
    }

    fn end(self) -> Result<(), Error> {
        Ok(())
    }
}

impl SerializeStructVariant for &mut Figures {
    type Ok = ();
    type Error = Error;

    fn serialize_field<T: ?Sized + Serialize>(
        &mut self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        value.serialize(&mut **self)
    }

    fn end(self) -> Result<(), Error> {
        Ok(())
    }
}

/// Keys are instants, addresses, numbers of servers: no figures.
impl SerializeMap for &mut Figures {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: ?Sized + Serialize>(&mut self, _: &T) -> Result<(), Error> {
        Ok(())
    }

    fn serialize_value<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), Error> {
        value.serialize(&mut **self)
    }

    fn end(self) -> Result<(), Error> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::time::Time;

    #[test]
    fn figures_anywhere_are_seen_and_instants_are_none() {
        let table = |figure: i64| BTreeMap::from([(i64::MAX, (Some(figure), [[0, figure]]))]);
        let tally = (table(1 << 56), Time(i64::MAX), "x", u64::MAX);
        assert!(are_plausible(&tally, &7_u64));
        assert!(!are_plausible(&tally, &(1_u64 << 57)));
        assert!(!are_plausible(&table(1 << 57), &()));
        assert!(!are_plausible(&table(i64::MIN), &()));
    }
}
