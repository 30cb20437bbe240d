//! Any JSON as OTLP's `AnyValue` and attributes.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::tree::unsigned;
use crate::encode::{ROOM, key_value, write_record};
use crate::series::value::Value;
use crate::wire::{write_fixed, write_number};

/// The encoding of a value; null is one without content.
pub fn value(text: &RawValue) -> serde_json::Result<Vec<u8>> {
    let mut out = Vec::new();
    Any { out: &mut out, room: ROOM }
        .deserialize(&mut serde_json::Deserializer::from_str(text.get()))?;
    Ok(out)
}

/// Write the members of an object as attributes, each as field `number`.
pub fn attributes(out: &mut Vec<u8>, number: u32, object: &RawValue) -> serde_json::Result<()> {
    let pairs = Pairs { out, number, room: ROOM };
    serde_json::Deserializer::from_str(object.get()).deserialize_map(pairs)
}

/// Writes the fields of one `AnyValue`.
struct Any<'o> {
    out: &'o mut Vec<u8>,
    /// Messages that it may still lie in.
    room: usize,
}

/// The messages that a value inside another lies in more than that.
const LEVEL: usize = 3;

impl Any<'_> {
    fn inside<E: Error>(&self) -> Result<usize, E> {
        self.room.checked_sub(LEVEL).ok_or_else(|| E::custom("a value is nested too deeply"))
    }
}

impl<'de> DeserializeSeed<'de> for Any<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Any<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        write_number(self.out, 2, u64::from(value));
        Ok(())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        write_number(self.out, 3, value.cast_unsigned());
        Ok(())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        match unsigned(value) {
            Value::Int(value) => self.visit_i64(value),
            value => self.visit_f64(value.as_double()),
        }
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        write_fixed(self.out, 4, value.to_bits());
        Ok(())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        write_record(self.out, 1, text.as_bytes());
        Ok(())
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<(), S::Error> {
        let room = self.inside()?;
        let (mut list, mut element) = (Vec::new(), Vec::new());
        while seq.next_element_seed(Any { out: &mut element, room })?.is_some() {
            write_record(&mut list, 1, &element);
            element.clear();
        }
        write_record(self.out, 5, &list);
        Ok(())
    }

    fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<(), M::Error> {
        let room = self.inside()?;
        let mut list = Vec::new();
        Pairs { out: &mut list, number: 1, room }.visit_map(map)?;
        write_record(self.out, 6, &list);
        Ok(())
    }
}

/// Writes the members of an object as `KeyValue`s.
struct Pairs<'o> {
    out: &'o mut Vec<u8>,
    number: u32,
    room: usize,
}

impl<'de> Visitor<'de> for Pairs<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        let Self { out, number, room } = self;
        let (mut keys, mut value) = (Vec::new(), Vec::new());
        while let Some(key) = map.next_key::<String>()? {
            map.next_value_seed(Any { out: &mut value, room })?;
            write_record(out, number, &key_value(key.as_bytes(), &value));
            value.clear();
            keys.push(key);
        }
        keys.sort_unstable();
        if keys.windows(2).any(|two| two[0] == two[1]) {
            return Err(M::Error::custom("a key occurs twice in an object"));
        }
        Ok(())
    }
}
