use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::read::Body;
use super::target::Target;
use crate::encoding;
use crate::scalar;
use crate::schema::Kind;
use crate::wire::{self, LEN, MAX_DEPTH};

type Result<T, E> = std::result::Result<T, E>;

pub const AN_OBJECT: &str = "expected an object";

/// What a repeated field holds; false for null.
pub struct List<'t> {
    pub target: &'t mut Target,
    pub kind: Kind,
    pub number: u32,
    pub depth: usize,
}

impl<'de> DeserializeSeed<'de> for List<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<bool, D::Error> {
        self.target.fault = "expected a list";
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for List<'_> {
    type Value = bool;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("a list")
    }

    fn visit_unit<E: Error>(self) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<bool, S::Error> {
        let Self { target, kind, number, depth } = self;
        let packed = scalar::wire_type(kind) != LEN;
        let tag = if packed { None } else { Some(number) };
        let list = target.out.len();
        let elements = if packed { target.begin(number) } else { list };
        while let Some(present) =
            seq.next_element_seed(Value { target: &mut *target, kind, tag, depth })?
        {
            if !present {
                return target.fail("a list holds null");
            }
        }
        if target.out.len() == elements {
            target.out.truncate(list);
        } else if packed {
            target.end(elements);
        }
        Ok(true)
    }
}

/// One value: what a singular field holds, or an element of a list; false for null.
pub struct Value<'t> {
    pub target: &'t mut Target,
    pub kind: Kind,
    /// The field number to write in front; an element of a packed list has none.
    pub tag: Option<u32>,
    pub depth: usize,
}

impl Value<'_> {
    /// Write it; true, as for every value but null.
    fn write(self, value: impl FnOnce(&mut Vec<u8>)) -> bool {
        let out = &mut self.target.out;
        if let Some(number) = self.tag {
            wire::write_tag(out, number, scalar::wire_type(self.kind));
        }
        value(out);
        true
    }

    fn write_bytes(self, value: &[u8]) -> bool {
        self.write(|out| {
            wire::write_varint(out, value.len() as u64);
            out.extend(value);
        })
    }

    fn write_double(self, value: f64) -> bool {
        self.write(|out| out.extend(value.to_le_bytes()))
    }

    fn write_integer<E: Error>(self, value: i128) -> Result<bool, E> {
        let kind = self.kind;
        match scalar::range(kind) {
            Some(range) if range.contains(&value) => {
                Ok(self.write(|out| scalar::write_integer(out, kind, value)))
            }
            Some(_) => self.target.fail("an integer is out of its field's range"),
            None => self.mismatch(),
        }
    }

    fn number<E: Error>(self, value: f64) -> Result<bool, E> {
        match self.kind {
            Kind::Double => Ok(self.write_double(value)),
            _ if value.fract() == 0.0 => self.write_integer(value as i128),
            _ => self.mismatch(),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "the nearest double is what the digits mean")]
    fn integer<E: Error>(self, value: i128) -> Result<bool, E> {
        match self.kind {
            Kind::Double => Ok(self.write_double(value as f64)),
            _ => self.write_integer(value),
        }
    }

    fn text<E: Error>(self, text: &str) -> Result<bool, E> {
        match self.kind {
            Kind::String => Ok(self.write_bytes(text.as_bytes())),
            Kind::Bytes => self.decoded(encoding::base64(text)),
            Kind::Id => self.decoded(encoding::hex(text)),
            Kind::Double => match double(text) {
                Some(value) => Ok(self.write_double(value)),
                None => self.mismatch(),
            },
            _ => match text.parse() {
                Ok(value) => self.write_integer(value),
                Err(_) => self.mismatch(),
            },
        }
    }

    fn decoded<E: Error>(self, bytes: Option<Vec<u8>>) -> Result<bool, E> {
        match bytes {
            Some(bytes) => Ok(self.write_bytes(&bytes)),
            None => self.mismatch(),
        }
    }

    fn mismatch<E: Error>(self) -> Result<bool, E> {
        self.target.fail(expected(self.kind))
    }
}

fn double(text: &str) -> Option<f64> {
    match text {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        _ => text.parse().ok().filter(|value: &f64| value.is_finite()),
    }
}

fn expected(kind: Kind) -> &'static str {
    match kind {
        Kind::Bool => "expected true or false",
        Kind::Double => "expected a number, NaN, Infinity or -Infinity",
        Kind::String => "expected a string",
        Kind::Bytes => "expected a string of base64",
        Kind::Id => "expected a string of hex digits, two for each byte",
        Kind::Message(_) => AN_OBJECT,
        _ => "expected an integer",
    }
}

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<bool, D::Error> {
        self.target.fault = expected(self.kind);
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_> {
    type Value = bool;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str(expected(self.kind))
    }

    fn visit_unit<E: Error>(self) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<bool, E> {
        match self.kind {
            Kind::Bool => Ok(self.write(|out| out.push(value.into()))),
            _ => self.mismatch(),
        }
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<bool, E> {
        self.integer(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<bool, E> {
        self.integer(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<bool, E> {
        self.number(value)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<bool, E> {
        self.text(text)
    }

    fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<bool, M::Error> {
        let Self { target, kind, tag, depth } = self;
        let (Kind::Message(message), Some(number)) = (kind, tag) else {
            return target.fail(expected(kind));
        };
        if depth == MAX_DEPTH {
            return target.fail("nested too deeply");
        }
        let start = target.begin(number);
        Body { target: &mut *target, message, depth: depth + 1 }.visit_map(map)?;
        target.end(start);
        Ok(true)
    }
}
