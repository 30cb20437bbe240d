//! Values of attributes and bodies as JSON.
//!
//! It recurses as deep as values are nested, at most `wire::MAX_DEPTH`, which payloads are checked
//! for.

use std::borrow::Cow;
use std::iter;

use ahash::HashSet;

use super::text;
use crate::merge::{bodies, by_field, merge};
use crate::schema::{ANY_VALUE, ARRAY_VALUE, KEY_VALUE, KEY_VALUE_LIST};
use crate::wire::{FIXED64, Fields, LEN, VARINT};

/// What an `AnyValue` holds. Lists and maps are their encodings.
#[derive(Clone, Debug)]
pub enum Value<'a> {
    Empty,
    Text(&'a [u8]),
    Bool(bool),
    Int(i64),
    Double(f64),
    Bytes(&'a [u8]),
    List(Cow<'a, [u8]>),
    Map(Cow<'a, [u8]>),
}

impl<'a> Value<'a> {
    pub fn of(body: &'a [u8]) -> Self {
        let mut fields = Fields::new(body);
        let Some(first) = fields.next() else { return Self::Empty };
        if first.end != body.len() {
            return Self::merged(body);
        }
        let data = &body[first.body..first.end];
        match (first.number, first.wire_type) {
            (1, LEN) => Self::Text(data),
            (2, VARINT) => Self::Bool(first.varint(body) != 0),
            (3, VARINT) => Self::Int(first.varint(body).cast_signed()),
            (4, FIXED64) => Self::Double(f64::from_bits(first.fixed(body))),
            (5, LEN) => Self::List(Cow::Borrowed(data)),
            (6, LEN) => Self::Map(Cow::Borrowed(data)),
            (7, LEN) => Self::Bytes(data),
            _ => Self::Empty,
        }
    }

    /// Of one that says several things, of which protobuf's rules choose.
    fn merged(body: &'a [u8]) -> Self {
        let parts = merge(&ANY_VALUE, iter::once(body));
        let Some(first) = parts.first() else { return Self::Empty };
        let joined = || match parts.as_slice() {
            [one] => Cow::Borrowed(one.data),
            several => Cow::Owned(bodies(several).collect::<Vec<_>>().concat()),
        };
        let varint = || crate::wire::varint(first.data, &mut 0, first.data.len()).unwrap_or(0);
        match first.field.number {
            1 => Self::Text(first.data),
            2 => Self::Bool(varint() != 0),
            3 => Self::Int(varint().cast_signed()),
            4 => Self::Double(first.data.try_into().map_or(0.0, f64::from_le_bytes)),
            5 => Self::List(joined()),
            6 => Self::Map(joined()),
            7 => Self::Bytes(first.data),
            _ => Self::Empty,
        }
    }

    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Empty => out.extend(b"null"),
            Self::Text(value) => text::string(out, value),
            Self::Bool(value) => out.extend(if *value { &b"true"[..] } else { b"false" }),
            Self::Int(value) => text::integer(out, value),
            Self::Double(value) => text::double(out, *value),
            Self::Bytes(value) => text::hex(out, value),
            Self::List(body) => list(out, body),
            Self::Map(body) => map(out, pairs(body)),
        }
    }
}

/// The values of a list.
pub fn elements(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    let number = ARRAY_VALUE.fields[0].number;
    inside(body, number)
}

/// The pairs of a map.
pub fn pairs(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    inside(body, KEY_VALUE_LIST.fields[0].number)
}

fn inside(body: &[u8], number: u32) -> impl Iterator<Item = &[u8]> {
    let fields = Fields::new(body).filter(move |it| it.number == number && it.wire_type == LEN);
    fields.map(|field| &body[field.body..field.end])
}

fn list(out: &mut Vec<u8>, body: &[u8]) {
    out.push(b'[');
    for element in elements(body) {
        text::comma(out);
        Value::of(element).write(out);
    }
    out.push(b']');
}

/// An object of pairs. The first of equal keys counts, as everywhere in OTLP; readers of JSON refuse
/// two.
pub fn map<'a>(out: &mut Vec<u8>, pairs: impl Iterator<Item = &'a [u8]>) {
    let mut seen = Keys::default();
    out.push(b'{');
    for pair in pairs {
        let (key, value) = key_value(pair);
        if seen.is_new(key) {
            text::key(out, key);
            with_value(value, |value| value.write(out));
        }
    }
    out.push(b'}');
}

/// The key of a pair, and its value's encoding.
pub fn key_value(pair: &[u8]) -> (&[u8], Cow<'_, [u8]>) {
    let mut fields = Fields::new(pair);
    if let (Some(key), Some(value), None) = (fields.next(), fields.next(), fields.next())
        && (key.number, key.wire_type, value.number, value.wire_type) == (1, LEN, 2, LEN)
    {
        return (&pair[key.body..key.end], Cow::Borrowed(&pair[value.body..value.end]));
    }
    let (mut key, mut value) = (&b""[..], Cow::Borrowed(&b""[..]));
    for parts in by_field(&merge(&KEY_VALUE, iter::once(pair))) {
        match (parts[0].field.number, parts) {
            (1, _) => key = parts[0].data,
            (2, [one]) => value = Cow::Borrowed(one.data),
            (2, several) => value = Cow::Owned(bodies(several).collect::<Vec<_>>().concat()),
            _ => {}
        }
    }
    (key, value)
}

/// Give what an encoding, which may be borrowed for long or not, holds.
pub fn with_value<T>(encoding: Cow<'_, [u8]>, take: impl FnOnce(Value<'_>) -> T) -> T {
    take(Value::of(&encoding))
}

/// The keys that an object has so far.
#[derive(Default)]
pub struct Keys<'a> {
    few: Vec<&'a [u8]>,
    many: HashSet<&'a [u8]>,
}

impl<'a> Keys<'a> {
    /// Up to so many are compared one by one.
    const FEW: usize = 24;

    /// Whether this is the first of its kind.
    pub fn is_new(&mut self, key: &'a [u8]) -> bool {
        if self.few.len() < Self::FEW {
            let new = !self.few.contains(&key);
            self.few.push(key);
            return new;
        }
        if self.many.is_empty() {
            self.many.extend(self.few.iter().copied());
        }
        self.many.insert(key)
    }
}
