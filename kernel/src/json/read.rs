use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::error::Category;

use super::target::{Target, Written};
use super::value::{self, List, Value};
use crate::schema::{Field, Message, Signal};
use crate::wire::{self, Malformed, malformed};

type Result<T, E> = std::result::Result<T, E>;

/// The protobuf encoding of the request that `text` is in JSON: canonical, fields by number.
///
/// Unknown keys are ignored and null is absence; of equal keys, and of members of one `oneof`, the
/// last one counts. Memory: a few times the text, whatever it says.
pub fn from_json(signal: &'static Signal, text: &[u8]) -> wire::Result<Vec<u8>> {
    let text = simdutf8::compat::from_utf8(text).map_err(|error| Malformed {
        offset: error.valid_up_to(),
        reason: "the text is not valid UTF-8",
    })?;
    let mut target = Target { out: Vec::with_capacity(text.len() / 2), fault: value::AN_OBJECT };
    let mut json = serde_json::Deserializer::from_str(text);
    // `Value` sets a limit, and what is skipped is skipped without recursion.
    json.disable_recursion_limit();
    let request = Body { target: &mut target, message: signal.request, depth: 0 };
    match json.deserialize_map(request).and_then(|()| json.end()) {
        Ok(()) => Ok(target.out),
        Err(error) => malformed(offset(text, &error), reason(&error, target.fault)),
    }
}

fn reason(error: &serde_json::Error, fault: &'static str) -> &'static str {
    match error.classify() {
        Category::Data => fault,
        Category::Eof => "the text ends inside a value",
        Category::Syntax | Category::Io => "the text is not valid JSON",
    }
}

/// Where reading stopped, which is right after the fault.
fn offset(text: &str, error: &serde_json::Error) -> usize {
    let before = text.split_inclusive('\n').take(error.line().saturating_sub(1));
    (before.map(str::len).sum::<usize>() + error.column()).min(text.len())
}

/// The body of a message, from an object.
///
/// It recurses through `Value` as deep as messages are nested, at most `wire::MAX_DEPTH`.
pub struct Body<'t> {
    pub target: &'t mut Target,
    pub message: &'static Message,
    /// How many messages it lies in.
    pub depth: usize,
}

impl Body<'_> {
    /// Write one field; false if its value is null.
    fn field<'de, M: MapAccess<'de>>(
        &mut self,
        field: &'static Field,
        map: &mut M,
    ) -> Result<bool, M::Error> {
        let Field { kind, number, .. } = *field;
        let depth = self.depth;
        if field.repeated {
            return map.next_value_seed(List { target: self.target, kind, number, depth });
        }
        let start = self.target.out.len();
        let value = Value { target: self.target, kind, tag: Some(number), depth };
        let present = map.next_value_seed(value)?;
        let value = start + wire::varint_len(u64::from(number << 3));
        if present && !field.presence && self.target.out[value..].iter().all(|byte| *byte == 0) {
            self.target.out.truncate(start);
        }
        Ok(present)
    }
}

impl<'de> Visitor<'de> for Body<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str(self.message.name)
    }

    fn visit_map<M: MapAccess<'de>>(mut self, mut map: M) -> Result<(), M::Error> {
        let mut written = Written::new(self.target.out.len());
        while let Some(field) = map.next_key_seed(Key(self.message))? {
            let Some(field) = field else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let start = self.target.out.len();
            if self.field(field, &mut map)? {
                written.add(field, start..self.target.out.len());
            }
        }
        written.settle(&mut self.target.out);
        Ok(())
    }
}

struct Key(&'static Message);

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Option<&'static Field>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for Key {
    type Value = Option<&'static Field>;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Self::Value, E> {
        Ok(self.0.by_json(key))
    }
}
