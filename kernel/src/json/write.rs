use std::iter;

use serde::Serialize;

use crate::encoding;
use crate::merge::{Part, bodies, by_field, merge};
use crate::scalar::{Scalar, elements, read};
use crate::schema::{Kind, Signal};

/// The JSON encoding of the request that `payloads`, which have been checked, are together.
pub fn to_json(signal: &'static Signal, payloads: &[&[u8]]) -> Vec<u8> {
    let size: usize = payloads.iter().map(|payload| payload.len()).sum();
    let mut out = Vec::with_capacity(2 * size);
    message(&mut out, &merge(signal.request, payloads.iter().copied()));
    out
}

/// Write a message that has `fields`. It recurses as deep as messages are nested, at most
/// `wire::MAX_DEPTH`, which the payload was checked for.
fn message(out: &mut Vec<u8>, fields: &[Part]) {
    out.push(b'{');
    for (i, parts) in by_field(fields).enumerate() {
        if i > 0 {
            out.push(b',');
        }
        out.push(b'"');
        out.extend(parts[0].field.json.as_bytes());
        out.extend(b"\":");
        value(out, parts);
    }
    out.push(b'}');
}

fn value(out: &mut Vec<u8>, parts: &[Part]) {
    let field = parts[0].field;
    match (field.kind, field.repeated) {
        (Kind::Message(inner), false) => message(out, &merge(inner, bodies(parts))),
        (Kind::Message(inner), true) => {
            list(out, bodies(parts), |out, body| message(out, &merge(inner, iter::once(body))));
        }
        (kind, false) => scalar(out, kind, read(kind, parts[0].data)),
        (kind, true) => {
            let values = bodies(parts).flat_map(|data| elements(kind, data));
            list(out, values, |out, value| scalar(out, kind, value));
        }
    }
}

fn list<T>(out: &mut Vec<u8>, items: impl Iterator<Item = T>, write: impl Fn(&mut Vec<u8>, T)) {
    out.push(b'[');
    for (i, item) in items.enumerate() {
        if i > 0 {
            out.push(b',');
        }
        write(out, item);
    }
    out.push(b']');
}

fn scalar(out: &mut Vec<u8>, kind: Kind, value: Scalar) {
    // Readers may hold numbers as doubles, which 64 bits do not fit.
    let wide = matches!(kind, Kind::Int64 | Kind::Uint64 | Kind::Fixed64 | Kind::Sfixed64);
    match value {
        Scalar::Bool(value) => json(out, value),
        Scalar::Signed(value) if wide => quoted(out, |out| json(out, value)),
        Scalar::Signed(value) => json(out, value),
        Scalar::Unsigned(value) if wide => quoted(out, |out| json(out, value)),
        Scalar::Unsigned(value) => json(out, value),
        Scalar::Double(value) => double(out, value),
        Scalar::Text(value) => json(out, value),
        Scalar::Bytes(value) => quoted(out, |out| encoding::write_base64(out, value)),
        Scalar::Id(value) => quoted(out, |out| encoding::write_hex(out, value)),
    }
}

fn double(out: &mut Vec<u8>, value: f64) {
    if value.is_nan() {
        json(out, "NaN");
    } else if value.is_infinite() {
        json(out, if value > 0.0 { "Infinity" } else { "-Infinity" });
    } else {
        json(out, value);
    }
}

fn quoted(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    out.push(b'"');
    write(out);
    out.push(b'"');
}

fn json(out: &mut Vec<u8>, value: impl Serialize) {
    serde_json::to_writer(out, &value).expect("a Vec takes whatever is written");
}
