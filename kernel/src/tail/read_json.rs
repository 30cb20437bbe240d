//! JSON as values.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::value::{Map, Text, Value};

/// Objects and lists that a value may lie in: a payload's messages are nested at most 100 deep, and
/// each takes three of them.
pub const DEEPEST: usize = 20;

/// How numbers are read.
#[derive(Clone, Copy)]
pub struct Reading {
    /// Whether those without a fraction are integers.
    pub integers: bool,
    depth: usize,
}

impl Reading {
    pub fn new(integers: bool) -> Self {
        Self { integers, depth: 0 }
    }

    /// The value that `text` is. Recurses at most `DEEPEST` deep.
    pub fn read(self, text: &str) -> Result<Value<'_>, serde_json::Error> {
        let mut json = serde_json::Deserializer::from_str(text);
        let value = self.deserialize(&mut json)?;
        json.end().map(|()| value)
    }

    fn inner<E: Error>(self) -> Result<Self, E> {
        if self.depth == DEEPEST {
            return Err(E::custom("nested too deeply"));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Reading {
    type Value = Value<'de>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Value<'de>, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reading {
    type Value = Value<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value<'de>, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value<'de>, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value<'de>, E> {
        Ok(if self.integers { Value::Int(value) } else { Value::Double(value as f64) })
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value<'de>, E> {
        let integer = i64::try_from(value).ok().filter(|_| self.integers);
        Ok(integer.map_or(Value::Double(value as f64), Value::Int))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value<'de>, E> {
        Ok(Value::Double(value))
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<Value<'de>, S::Error> {
        let inner = self.inner()?;
        let mut values = Vec::new();
        while let Some(value) = list.next_element_seed(inner)? {
            values.push(value);
        }
        Ok(Value::List(values))
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Value<'de>, M::Error> {
        let inner = self.inner()?;
        let mut pairs = Vec::with_capacity(16);
        while let Some(Key(key)) = map.next_key()? {
            pairs.push((key, map.next_value_seed(inner)?));
        }
        Ok(Value::Map(Map::of(pairs)))
    }
}

struct Key<'a>(Text<'a>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_str(OfKey)
    }
}

struct OfKey;

impl<'de> Visitor<'de> for OfKey {
    type Value = Key<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("a string")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Key<'de>, E> {
        Ok(Key(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Key<'de>, E> {
        Ok(Key(Cow::Owned(text.to_owned())))
    }
}

/// Of settings.
impl<'de> Deserialize<'de> for Value<'static> {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        Ok(Reading::new(true).deserialize(json)?.into_owned())
    }
}

impl<'de> Deserialize<'de> for Map<'static> {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        match Value::deserialize(json)? {
            Value::Map(map) => Ok(map),
            _ => Err(D::Error::custom("expected an object")),
        }
    }
}
