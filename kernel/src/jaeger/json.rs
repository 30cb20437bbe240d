//! Spans of Jaeger in the JSON of protobuf, from and to their encoding.

use std::{iter, ptr};

use super::schema::{DURATION, REFERENCE, SPAN, TIME};
use crate::documents::text::{comma, double, integer, key, rfc3339, string};
use crate::encode::write_record;
use crate::encoding;
use crate::merge::{Part, by_field, merge};
use crate::push::time;
use crate::scalar::{Scalar, read as scalar};
use crate::schema::{Field, Kind, Message};
use crate::tail::read_json::Reading;
use crate::tail::value::Value;
use crate::wire::{begin, end, write_fixed, write_number};

const SECOND: u64 = 1_000_000_000;
const REFERENCE_TYPES: [&str; 2] = ["CHILD_OF", "FOLLOWS_FROM"];
const VALUE_TYPES: [&str; 5] = ["STRING", "BOOL", "INT64", "FLOAT64", "BINARY"];

/// The JSON of an encoded span.
pub fn write(span: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(2 * span.len());
    write_message(&mut out, &SPAN, span);
    out
}

/// Recurses as deep as Jaeger's messages are nested, which is no more than three.
fn write_message(out: &mut Vec<u8>, message: &'static Message, body: &[u8]) {
    if ptr::eq(message, &raw const TIME) {
        return rfc3339(out, parts_of_time(body));
    }
    if ptr::eq(message, &raw const DURATION) {
        return write_duration(out, parts_of_time(body));
    }
    out.push(b'{');
    for parts in by_field(&merge(message, iter::once(body))) {
        write_field(out, message, parts);
    }
    out.push(b'}');
}

fn write_field(out: &mut Vec<u8>, message: &'static Message, parts: &[Part]) {
    let field = parts[0].field;
    key(out, field.json.as_bytes());
    match (field.kind, field.repeated) {
        (Kind::Message(inner), true) => {
            out.push(b'[');
            for part in parts {
                comma(out);
                write_message(out, inner, part.data);
            }
            out.push(b']');
        }
        (Kind::Message(inner), false) => write_message(out, inner, parts[0].data),
        (Kind::Enum, _) => write_name(out, message, &parts[0]),
        (kind, _) => write_scalar(out, kind, parts[0].data),
    }
}

fn names(message: &'static Message) -> &'static [&'static str] {
    if ptr::eq(message, &raw const REFERENCE) { &REFERENCE_TYPES } else { &VALUE_TYPES }
}

fn write_name(out: &mut Vec<u8>, message: &'static Message, part: &Part) {
    let Scalar::Signed(number) = scalar(Kind::Enum, part.data) else { return };
    match names(message).get(number as usize) {
        Some(name) => string(out, name.as_bytes()),
        None => integer(out, number),
    }
}

fn write_scalar(out: &mut Vec<u8>, kind: Kind, data: &[u8]) {
    match scalar(kind, data) {
        Scalar::Bool(value) => integer(out, value),
        Scalar::Signed(value) => {
            out.push(b'"');
            integer(out, value);
            out.push(b'"');
        }
        Scalar::Double(value) if value.is_finite() => double(out, value),
        Scalar::Double(value) => {
            let name = if value.is_nan() { "NaN" } else { infinity(value) };
            string(out, name.as_bytes());
        }
        Scalar::Text(text) => string(out, text.as_bytes()),
        Scalar::Bytes(bytes) | Scalar::Id(bytes) => {
            out.push(b'"');
            encoding::write_base64(out, bytes);
            out.push(b'"');
        }
        Scalar::Unsigned(value) => integer(out, value),
    }
}

fn infinity(value: f64) -> &'static str {
    if value > 0.0 { "Infinity" } else { "-Infinity" }
}

/// Nanoseconds; 0 where there would be less.
fn parts_of_time(body: &[u8]) -> u64 {
    let part = |number| {
        let parts = merge(&TIME, iter::once(body));
        let found = parts.iter().find(|part| part.field.number == number)?;
        match scalar(found.field.kind, found.data) {
            Scalar::Signed(value) => u64::try_from(value).ok(),
            _ => None,
        }
    };
    let (seconds, nanos) = (part(1).unwrap_or(0), part(2).unwrap_or(0));
    seconds.saturating_mul(SECOND).saturating_add(nanos)
}

fn write_duration(out: &mut Vec<u8>, nanos: u64) {
    let text = format!("{}.{:09}s", nanos / SECOND, nanos % SECOND);
    string(out, text.as_bytes());
}

/// The encoding of a span in JSON. Members that are no field are left out.
pub fn read(text: &[u8]) -> Result<Vec<u8>, String> {
    let text = simdutf8::basic::from_utf8(text).map_err(|_| "the text is not valid UTF-8")?;
    let json = Reading::new(true).read(text).map_err(|error| error.to_string())?;
    let mut out = Vec::with_capacity(text.len());
    read_message(&mut out, &SPAN, "a span", &json)?;
    Ok(out)
}

fn read_message(
    out: &mut Vec<u8>,
    message: &'static Message,
    name: &str,
    json: &Value,
) -> Result<(), String> {
    if let (true, Value::Text(text)) = (is_time(message), json) {
        return read_time(out, message, text).ok_or_else(|| format!("{name} is no time"));
    }
    let Value::Map(members) = json else { return Err(format!("{name} is no object")) };
    for (member, value) in members.iter() {
        let field = message.by_json(member).or_else(|| message.by_name(member));
        if let (Some(field), false) = (field, *value == Value::Null) {
            read_field(out, message, field, value)?;
        }
    }
    Ok(())
}

fn read_field(
    out: &mut Vec<u8>,
    message: &'static Message,
    field: &'static Field,
    value: &Value,
) -> Result<(), String> {
    let found = match (field.kind, value) {
        (Kind::Message(inner), Value::List(values)) if field.repeated => {
            return values.iter().try_for_each(|value| read_inner(out, inner, field, value));
        }
        (Kind::Message(inner), value) if !field.repeated => {
            return read_inner(out, inner, field, value);
        }
        (Kind::Enum, value) => read_name(out, names(message), field.number, value),
        (kind, value) => read_scalar(out, field.number, kind, value),
    };
    found.ok_or_else(|| format!("{} is not what it should be", field.json))
}

fn read_name(out: &mut Vec<u8>, names: &[&str], number: u32, value: &Value) -> Option<()> {
    let place = names.iter().position(|name| value.text() == Some(name));
    let value = place.map(|place| place as i64).or_else(|| integer_of(value))?;
    write_number(out, number, value.cast_unsigned());
    Some(())
}

fn is_time(message: &'static Message) -> bool {
    ptr::eq(message, &raw const TIME) || ptr::eq(message, &raw const DURATION)
}

fn read_inner(
    out: &mut Vec<u8>,
    message: &'static Message,
    field: &'static Field,
    value: &Value,
) -> Result<(), String> {
    let start = begin(out, field.number);
    read_message(out, message, field.json, value)?;
    end(out, start);
    Ok(())
}

fn read_time(out: &mut Vec<u8>, message: &'static Message, text: &str) -> Option<()> {
    let nanos = match text.strip_suffix('s') {
        Some(seconds) if ptr::eq(message, &raw const DURATION) => time::unix_seconds(seconds)?,
        _ => time::rfc3339(text)?,
    };
    write_number(out, 1, nanos / SECOND);
    write_number(out, 2, nanos % SECOND);
    Some(())
}

fn integer_of(value: &Value) -> Option<i64> {
    match value {
        Value::Int(value) => Some(*value),
        Value::Text(text) => text.parse().ok(),
        _ => None,
    }
}

fn read_scalar(out: &mut Vec<u8>, number: u32, kind: Kind, value: &Value) -> Option<()> {
    match (kind, value) {
        (Kind::String, Value::Text(text)) => write_record(out, number, text.as_bytes()),
        (Kind::Bytes, Value::Text(text)) => write_record(out, number, &encoding::base64(text)?),
        (Kind::Bool, Value::Bool(value)) => write_number(out, number, u64::from(*value)),
        (Kind::Double, Value::Double(value)) => write_fixed(out, number, value.to_bits()),
        (Kind::Double, Value::Int(value)) => write_fixed(out, number, (*value as f64).to_bits()),
        (Kind::Double, Value::Text(text)) => {
            write_fixed(out, number, text.parse::<f64>().ok()?.to_bits());
        }
        (Kind::Int64 | Kind::Int32, value) => {
            write_number(out, number, integer_of(value)?.cast_unsigned());
        }
        _ => return None,
    }
    Some(())
}
