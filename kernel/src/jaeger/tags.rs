//! Attributes of OTLP as tags, and back.

use std::borrow::Cow;

use crate::documents::value::{Keys, Value, key_value};
use crate::encode::write_record;
use crate::exposition::text_of::text_of;
use crate::tail::value::{Map, Text, Value as Read};
use crate::wire::{Fields, begin, end, write_fixed, write_number};

pub const BOOL: u64 = 1;
pub const INT: u64 = 2;
pub const DOUBLE: u64 = 3;
pub const BINARY: u64 = 4;

/// Write attributes as field `number`, but for one of them. The first of equal keys counts.
pub fn write_attributes<'a>(
    out: &mut Vec<u8>,
    number: u32,
    pairs: impl Iterator<Item = &'a [u8]>,
    except: &[u8],
) {
    let mut seen = Keys::default();
    for pair in pairs {
        let (key, value) = key_value(pair);
        if key != except && seen.is_new(key) {
            write_attribute(out, number, key, &value);
        }
    }
}

fn write_attribute(out: &mut Vec<u8>, number: u32, key: &[u8], any_value: &[u8]) {
    let start = begin(out, number);
    write_record(out, 1, key);
    match Value::of(any_value) {
        Value::Empty => {}
        Value::Text(text) => write_record(out, 3, text),
        Value::Bool(value) => {
            write_number(out, 2, BOOL);
            write_number(out, 4, value.into());
        }
        Value::Int(value) => {
            write_number(out, 2, INT);
            write_number(out, 5, value.cast_unsigned());
        }
        Value::Double(value) => {
            write_number(out, 2, DOUBLE);
            write_fixed(out, 6, value.to_bits());
        }
        Value::Bytes(bytes) => {
            write_number(out, 2, BINARY);
            write_record(out, 7, bytes);
        }
        Value::List(_) | Value::Map(_) => write_record(out, 3, text_of(any_value).as_bytes()),
    }
    end(out, start);
}

/// Write a tag that is a text, if it is not empty.
pub fn write_text(out: &mut Vec<u8>, number: u32, key: &str, text: &[u8]) {
    if !text.is_empty() {
        let start = begin(out, number);
        write_record(out, 1, key.as_bytes());
        write_record(out, 3, text);
        end(out, start);
    }
}

/// Tags as attributes. Of equal keys, the last one counts.
pub fn attributes<'a>(tags: impl Iterator<Item = &'a [u8]>) -> Map<'a> {
    Map::of(tags.map(read).collect())
}

/// A tag as an attribute.
pub fn read(tag: &[u8]) -> (Text<'_>, Read<'_>) {
    let (mut key, mut kind, mut text, mut binary) = (&b""[..], 0, &b""[..], &b""[..]);
    let (mut number, mut truth, mut double) = (0, false, 0.0);
    for field in Fields::new(tag) {
        let data = &tag[field.body..field.end];
        match field.number {
            1 => key = data,
            2 => kind = field.varint(tag),
            3 => text = data,
            4 => truth = field.varint(tag) != 0,
            5 => number = field.varint(tag).cast_signed(),
            6 => double = f64::from_bits(field.fixed(tag)),
            7 => binary = data,
            _ => {}
        }
    }
    let value = match kind {
        0 => Read::Text(String::from_utf8_lossy(text)),
        BOOL => Read::Bool(truth),
        INT => Read::Int(number),
        DOUBLE => Read::Double(double),
        BINARY => Read::Bytes(Cow::Borrowed(binary)),
        _ => Read::Text(format!("<Unknown Jaeger TagType \"{kind}\">").into()),
    };
    (String::from_utf8_lossy(key), value)
}
