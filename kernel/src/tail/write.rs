//! Entries as log records of OTLP.

use super::entry::Entry;
use super::value::{Map, Value};
use crate::encode::write_record;
use crate::wire::{
    FIXED32, LEN, VARINT, begin, end, varint_len, write_fixed, write_tag, write_varint,
};

/// Maps and lists that a value may lie in, as it is written: whoever receives the payload refuses
/// messages that are nested more than 100 deep, and each takes three.
const DEEPEST: usize = 29;

/// The body of a `LogRecord`.
pub fn write_entry(out: &mut Vec<u8>, entry: &Entry, observed: u64) {
    write_fixed64(out, 1, entry.time);
    if entry.severity > 0 {
        write_tag(out, 2, VARINT);
        out.push(entry.severity);
    }
    if !entry.severity_text.is_empty() {
        write_record(out, 3, entry.severity_text.as_bytes());
    }
    if entry.body != Value::Null {
        write_any_value(out, 5, &entry.body, DEEPEST);
    }
    write_pairs(out, 6, &entry.attributes, DEEPEST);
    if entry.flags > 0 {
        write_tag(out, 8, FIXED32);
        out.extend(entry.flags.to_le_bytes());
    }
    for (number, id) in [(9, &entry.trace_id), (10, &entry.span_id)] {
        if !id.is_empty() {
            write_record(out, number, id);
        }
    }
    write_fixed64(out, 11, observed);
}

fn write_fixed64(out: &mut Vec<u8>, number: u32, value: u64) {
    if value > 0 {
        write_fixed(out, number, value);
    }
}

/// A field of `KeyValue`s. Recurses at most `room` deep.
pub fn write_pairs(out: &mut Vec<u8>, number: u32, map: &Map, room: usize) {
    for (key, value) in map.iter() {
        let Some(len) = scalar_len(value) else {
            let start = begin(out, number);
            write_record(out, 1, key.as_bytes());
            write_any_value(out, 2, value, room);
            end(out, start);
            continue;
        };
        write_tag(out, number, LEN);
        write_varint(out, (record_len(key.len()) + record_len(len)) as u64);
        write_record(out, 1, key.as_bytes());
        write_tag(out, 2, LEN);
        write_varint(out, len as u64);
        write_scalar(out, value);
    }
}

/// The bytes of a field that holds so many.
pub fn record_len(len: usize) -> usize {
    1 + varint_len(len as u64) + len
}

/// How long the `AnyValue` of what is no map and no list becomes.
fn scalar_len(value: &Value) -> Option<usize> {
    Some(match value {
        Value::Null => 0,
        Value::Bool(_) => 2,
        Value::Int(value) => 1 + varint_len(value.cast_unsigned()),
        Value::Double(_) => 9,
        Value::Text(text) => record_len(text.len()),
        Value::Bytes(bytes) => record_len(bytes.len()),
        Value::List(_) | Value::Map(_) => return None,
    })
}

fn write_scalar(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Bool(value) => {
            write_tag(out, 2, VARINT);
            out.push(u8::from(*value));
        }
        Value::Int(value) => {
            write_tag(out, 3, VARINT);
            write_varint(out, value.cast_unsigned());
        }
        Value::Double(value) => write_fixed(out, 4, value.to_bits()),
        Value::Text(text) => write_record(out, 1, text.as_bytes()),
        Value::Bytes(bytes) => write_record(out, 7, bytes),
        Value::Null | Value::List(_) | Value::Map(_) => {}
    }
}

/// A field that is an `AnyValue`; what would be nested too deeply is left out.
fn write_any_value(out: &mut Vec<u8>, number: u32, value: &Value, room: usize) {
    if let Some(len) = scalar_len(value) {
        write_tag(out, number, LEN);
        write_varint(out, len as u64);
        return write_scalar(out, value);
    }
    let start = begin(out, number);
    if let Some(room) = room.checked_sub(1) {
        let inner = begin(out, if matches!(value, Value::Map(_)) { 6 } else { 5 });
        match value {
            Value::Map(map) => write_pairs(out, 1, map, room),
            Value::List(values) => {
                for value in values {
                    write_any_value(out, 1, value, room);
                }
            }
            _ => {}
        }
        end(out, inner);
    }
    end(out, start);
}
