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

/// Serde wants a method for every type there is. These hold no figure.
macro_rules! no_figures {
    ($($method:ident($type:ty)),* $(,)?) => {
        $(fn $method(self, _: $type) -> Result<(), Error> {
            Ok(())
        })*
    };
}

/// These hold values that may: each is looked into.
macro_rules! looked_into {
    ($($collection:ident: $method:ident($($name:ty)?);)*) => {
        $(impl $collection for &mut Figures {
            type Ok = ();
            type Error = Error;

            fn $method<T: ?Sized + Serialize>(&mut self, $(_: $name,)? value: &T) -> Result<(), Error> {
                value.serialize(&mut **self)
            }

            fn end(self) -> Result<(), Error> {
                Ok(())
            }
        })*
    };
}

/// A name as serde gives it.
type Name = &'static str;

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

    fn serialize_u64(self, figure: u64) -> Result<(), Error> {
        if !self.have_signs {
            self.sum = self.sum.saturating_add(figure);
        }
        Ok(())
    }

    no_figures! {
        serialize_bool(bool), serialize_char(char), serialize_str(&str), serialize_bytes(&[u8]),
        serialize_i8(i8), serialize_i16(i16), serialize_i32(i32),
        serialize_u8(u8), serialize_u16(u16), serialize_u32(u32),
        serialize_f32(f32), serialize_f64(f64),
        serialize_unit_struct(Name),
    }

    fn serialize_none(self) -> Result<(), Error> {
        Ok(())
    }

    fn serialize_unit(self) -> Result<(), Error> {
        Ok(())
    }

    fn serialize_unit_variant(self, _: Name, _: u32, _: Name) -> Result<(), Error> {
        Ok(())
    }

    fn serialize_some<T: ?Sized + Serialize>(self, value: &T) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: ?Sized + Serialize>(
        self,
        name: Name,
        value: &T,
    ) -> Result<(), Error> {
        match name {
            "Time" => Ok(()),
            _ => value.serialize(self),
        }
    }

    fn serialize_newtype_variant<T: ?Sized + Serialize>(
        self,
        _: Name,
        _: u32,
        _: Name,
        value: &T,
    ) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self, Error> {
        Ok(self)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self, Error> {
        Ok(self)
    }

    fn serialize_tuple(self, _: usize) -> Result<Self, Error> {
        Ok(self)
    }

    fn serialize_tuple_struct(self, _: Name, _: usize) -> Result<Self, Error> {
        Ok(self)
    }

    fn serialize_struct(self, _: Name, _: usize) -> Result<Self, Error> {
        Ok(self)
    }

    fn serialize_tuple_variant(self, _: Name, _: u32, _: Name, _: usize) -> Result<Self, Error> {
        Ok(self)
    }

    fn serialize_struct_variant(self, _: Name, _: u32, _: Name, _: usize) -> Result<Self, Error> {
        Ok(self)
    }
}

looked_into! {
    SerializeSeq: serialize_element();
    SerializeTuple: serialize_element();
    SerializeTupleStruct: serialize_field();
    SerializeTupleVariant: serialize_field();
    SerializeStruct: serialize_field(Name);
    SerializeStructVariant: serialize_field(Name);
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
