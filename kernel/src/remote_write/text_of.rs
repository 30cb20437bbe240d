//! Values of attributes as texts: numbers as ECMAScript has them, maps and lists as JSON, bytes in
//! base64. Labels hold nothing else.

use std::borrow::Cow;
use std::io::Write;
use std::iter;

use crate::encoding;
use crate::merge::{Part, bodies, by_field, merge};
use crate::scalar::{Scalar, read};
use crate::schema::{ANY_VALUE, KEY_VALUE, Kind, Message};
use crate::wire::{Fields, LEN};

/// The text of an `AnyValue`; empty for one that holds nothing.
pub fn text_of(any_value: &[u8]) -> Cow<'_, str> {
    if let Some(text) = plain(any_value) {
        return Cow::Borrowed(text);
    }
    let parts = merge(&ANY_VALUE, iter::once(any_value));
    let Some(first) = parts.first() else { return Cow::Borrowed("") };
    let mut out = Vec::new();
    match read(first.field.kind, first.data) {
        Scalar::Text(text) => return Cow::Borrowed(text),
        Scalar::Bytes(bytes) if matches!(first.field.kind, Kind::Bytes) => {
            encoding::write_base64(&mut out, bytes);
        }
        _ => write_json(&mut out, &parts),
    }
    Cow::Owned(String::from_utf8(out).unwrap_or_default())
}

/// The one text that nearly every value is.
fn plain(any_value: &[u8]) -> Option<&str> {
    let mut fields = Fields::new(any_value);
    let field = fields.next().filter(|field| field.number == 1 && field.wire_type == LEN)?;
    let alone = fields.next().is_none();
    alone.then(|| str::from_utf8(&any_value[field.body..field.end]).unwrap_or_default())
}

/// Recurses as deep as values are nested: at most `wire::MAX_DEPTH`, as the payload was checked.
fn write_json(out: &mut Vec<u8>, any_value: &[Part]) {
    let Some(first) = any_value.first() else { return out.extend(b"null") };
    match first.field.kind {
        Kind::Message(inner) => write_elements(out, inner, any_value),
        kind => match read(kind, first.data) {
            Scalar::Bool(value) => out.extend(value.to_string().bytes()),
            Scalar::Signed(value) => out.extend(value.to_string().bytes()),
            Scalar::Double(value) => write_double(out, value),
            Scalar::Text(text) => write_quoted(out, text),
            Scalar::Bytes(bytes) => {
                out.push(b'"');
                encoding::write_base64(out, bytes);
                out.push(b'"');
            }
            Scalar::Unsigned(_) | Scalar::Id(_) => {}
        },
    }
}

/// The elements of a list, or the pairs of a map in the order of their keys.
fn write_elements(out: &mut Vec<u8>, list: &'static Message, parts: &[Part]) {
    let elements = merge(list, bodies(parts));
    if !list.fields[0].pairs {
        return write_list(out, [b'[', b']'], bodies(&elements), |out, body| {
            write_json(out, &merge(&ANY_VALUE, iter::once(body)));
        });
    }
    let mut pairs: Vec<_> = bodies(&elements).map(pair).collect();
    pairs.sort_by_key(|(key, _)| *key);
    pairs.dedup_by_key(|(key, _)| *key);
    write_list(out, [b'{', b'}'], pairs.iter(), |out, (key, value)| {
        write_quoted(out, key);
        out.push(b':');
        write_json(out, &merge(&ANY_VALUE, iter::once(&**value)));
    });
}

fn write_list<T>(
    out: &mut Vec<u8>,
    [open, close]: [u8; 2],
    items: impl Iterator<Item = T>,
    write: impl Fn(&mut Vec<u8>, T),
) {
    out.push(open);
    for (i, item) in items.enumerate() {
        if i > 0 {
            out.push(b',');
        }
        write(out, item);
    }
    out.push(close);
}

/// The key and the value of a `KeyValue`.
pub fn pair(body: &[u8]) -> (&str, Cow<'_, [u8]>) {
    let (mut key, mut value) = ("", Cow::Borrowed(&[][..]));
    for parts in by_field(&merge(&KEY_VALUE, iter::once(body))) {
        match (parts[0].field.number, parts) {
            (1, [part, ..]) => key = str::from_utf8(part.data).unwrap_or_default(),
            (2, [part]) => value = Cow::Borrowed(part.data),
            (2, several) => value = Cow::Owned(bodies(several).collect::<Vec<_>>().concat()),
            _ => {}
        }
    }
    (key, value)
}

fn write_quoted(out: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(out, text).expect("a Vec takes whatever is written");
}

/// Between these a number is written without an exponent, as in ECMAScript.
const PLAIN: std::ops::Range<f64> = 1e-6..1e21;

fn write_double(out: &mut Vec<u8>, value: f64) {
    let written = match value.abs() {
        _ if value.is_nan() => write!(out, "NaN"),
        size if size.is_infinite() => write!(out, "{}", if value > 0.0 { "+Inf" } else { "-Inf" }),
        size if size == 0.0 || PLAIN.contains(&size) => write!(out, "{value}"),
        size if size >= PLAIN.end => write!(out, "{}", format!("{value:e}").replace('e', "e+")),
        _ => write!(out, "{value:e}"),
    };
    written.expect("a Vec takes whatever is written");
}
