//! Python objects as OTLP fields: the way back of `value.rs`.

use std::{borrow::Cow, ptr};

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};

use crate::encoding;
use crate::scalar::{range, wire_type, write_integer};
use crate::schema::{ANY_VALUE, Field, KEY_VALUE, Kind, Message};
use crate::wire::{LEN, MAX_DEPTH, write_tag, write_varint};

/// How many messages lie around an attribute, and more: what is left is for its value.
const AROUND: usize = 12;

/// Messages that a value may lie in. Whoever receives the payload refuses deeper ones.
pub const ROOM: usize = MAX_DEPTH - AROUND;

/// A field that holds `value`, with its tag: one occurrence, or for a list as many as it takes.
///
/// Raises `TypeError` or `ValueError` for what the field cannot hold.
pub fn field(field: &'static Field, value: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    let mut out = Vec::new();
    write_field(&mut out, field, value, ROOM)?;
    Ok(out)
}

/// An occurrence of a repeated `KeyValue` field.
pub fn pair(number: u32, key: &str, value: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    let mut out = Vec::new();
    write_pair(&mut out, number, key, value, ROOM)?;
    Ok(out)
}

/// The body of an `AnyValue`.
pub fn any_value(value: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    let mut out = Vec::new();
    write_any_value(&mut out, value, ROOM)?;
    Ok(out)
}

/// A length-delimited field.
pub fn write_record(out: &mut Vec<u8>, number: u32, body: &[u8]) {
    write_tag(out, number, LEN);
    write_varint(out, body.len() as u64);
    out.extend_from_slice(body);
}

fn write_field(
    out: &mut Vec<u8>,
    field: &'static Field,
    value: &Bound<'_, PyAny>,
    room: usize,
) -> PyResult<()> {
    match field.kind {
        Kind::Message(_) if field.pairs => {
            for (key, value) in value.cast::<PyDict>().map_err(|_| wrong("dict", value))?.iter() {
                write_pair(out, field.number, &text(&key)?, &value, room)?;
            }
            Ok(())
        }
        Kind::Message(inner) if field.repeated => {
            for element in list(value)? {
                let mut body = Vec::new();
                write_message(&mut body, inner, &element, room)?;
                write_record(out, field.number, &body);
            }
            Ok(())
        }
        Kind::Message(inner) => {
            let mut body = Vec::new();
            write_message(&mut body, inner, value, room)?;
            write_record(out, field.number, &body);
            Ok(())
        }
        kind if field.repeated && wire_type(kind) != LEN => {
            let mut packed = Vec::new();
            for element in list(value)? {
                write_scalar(&mut packed, kind, &element)?;
            }
            write_record(out, field.number, &packed);
            Ok(())
        }
        kind if field.repeated => {
            for element in list(value)? {
                write_tag(out, field.number, LEN);
                write_scalar(out, kind, &element)?;
            }
            Ok(())
        }
        kind => {
            write_tag(out, field.number, wire_type(kind));
            write_scalar(out, kind, value)
        }
    }
}

/// Recurses as deep as `room` allows.
fn write_message(
    out: &mut Vec<u8>,
    message: &'static Message,
    value: &Bound<'_, PyAny>,
    room: usize,
) -> PyResult<()> {
    if ptr::eq(message, &raw const ANY_VALUE) {
        return write_any_value(out, value, room);
    }
    for (name, value) in value.cast::<PyDict>().map_err(|_| wrong("dict", value))?.iter() {
        let name = text(&name)?;
        let Some(field) = message.by_name(&name) else {
            let problem = format!("{} has no field {name}", message.name);
            return Err(PyValueError::new_err(problem));
        };
        write_field(out, field, &value, room)?;
    }
    Ok(())
}

fn write_any_value(out: &mut Vec<u8>, value: &Bound<'_, PyAny>, room: usize) -> PyResult<()> {
    let Some(room) = room.checked_sub(3) else {
        return Err(PyValueError::new_err("the value is nested too deeply"));
    };
    let member = |number| ANY_VALUE.field(number).expect("AnyValue has the fields 1 to 8");
    if value.is_none() {
        return Ok(());
    }
    let mut body = Vec::new();
    let number = if value.is_instance_of::<PyString>() {
        1
    } else if value.is_instance_of::<PyBool>() {
        2
    } else if value.is_instance_of::<PyInt>() {
        3
    } else if value.is_instance_of::<PyFloat>() {
        4
    } else if value.is_instance_of::<PyBytes>() {
        7
    } else if let Ok(entries) = value.cast::<PyDict>() {
        for (key, value) in entries.iter() {
            write_pair(&mut body, 1, &text(&key)?, &value, room)?;
        }
        write_record(out, 6, &body);
        return Ok(());
    } else {
        for element in list(value)? {
            let mut inner = Vec::new();
            write_any_value(&mut inner, &element, room)?;
            write_record(&mut body, 1, &inner);
        }
        write_record(out, 5, &body);
        return Ok(());
    };
    write_field(out, member(number), value, room)
}

fn write_pair(
    out: &mut Vec<u8>,
    number: u32,
    key: &str,
    value: &Bound<'_, PyAny>,
    room: usize,
) -> PyResult<()> {
    let mut any_value = Vec::new();
    write_any_value(&mut any_value, value, room)?;
    write_record(out, number, &key_value(key.as_bytes(), &any_value));
    Ok(())
}

/// The body of a `KeyValue`.
pub fn key_value(key: &[u8], any_value: &[u8]) -> Vec<u8> {
    let mut body = Vec::with_capacity(key.len() + any_value.len() + 12);
    write_record(&mut body, KEY_VALUE.fields[0].number, key);
    write_record(&mut body, KEY_VALUE.fields[1].number, any_value);
    body
}

/// An occurrence of a repeated `KeyValue` field, whose value is a text.
pub fn write_text_pair(
    out: &mut Vec<u8>,
    number: u32,
    key: impl AsRef<[u8]>,
    value: impl AsRef<[u8]>,
) {
    let value = value.as_ref();
    let mut any_value = Vec::with_capacity(value.len() + 6);
    write_record(&mut any_value, 1, value);
    write_record(out, number, &key_value(key.as_ref(), &any_value));
}

/// A scalar without its tag.
fn write_scalar(out: &mut Vec<u8>, kind: Kind, value: &Bound<'_, PyAny>) -> PyResult<()> {
    let mut delimited = |bytes: &[u8]| {
        write_varint(out, bytes.len() as u64);
        out.extend_from_slice(bytes);
    };
    match kind {
        Kind::String => delimited(text(value)?.as_bytes()),
        Kind::Id => delimited(&id(value)?),
        Kind::Bytes => delimited(bytes(value)?),
        Kind::Bool => {
            let value = value.cast::<PyBool>().map_err(|_| wrong("bool", value))?;
            out.push(u8::from(value.is_true()));
        }
        Kind::Double if is_integer(value) || value.is_instance_of::<PyFloat>() => {
            out.extend(value.extract::<f64>()?.to_le_bytes());
        }
        Kind::Double | Kind::Message(_) => return Err(wrong("float", value)),
        _ if !is_integer(value) => return Err(wrong("int", value)),
        _ => {
            let number: i128 = value.extract().unwrap_or(i128::MAX);
            if !range(kind).is_some_and(|range| range.contains(&number)) {
                return Err(PyValueError::new_err("the number is out of the field's range"));
            }
            write_integer(out, kind, number);
        }
    }
    Ok(())
}

/// A `bool` is no integer here, though Python derives it from `int`.
pub fn is_integer(value: &Bound<'_, PyAny>) -> bool {
    value.is_instance_of::<PyInt>() && !value.is_instance_of::<PyBool>()
}

fn text<'a>(value: &'a Bound<'_, PyAny>) -> PyResult<Cow<'a, str>> {
    let text = value.cast::<PyString>().map_err(|_| wrong("str", value))?;
    text.to_cow().map_err(|_| PyValueError::new_err("the text has surrogates, which UTF-8 has not"))
}

fn bytes<'a>(value: &'a Bound<'_, PyAny>) -> PyResult<&'a [u8]> {
    Ok(value.cast::<PyBytes>().map_err(|_| wrong("bytes", value))?.as_bytes())
}

/// An id, as hex or as bytes.
fn id<'a>(value: &'a Bound<'_, PyAny>) -> PyResult<Cow<'a, [u8]>> {
    if value.is_instance_of::<PyBytes>() {
        return Ok(Cow::Borrowed(bytes(value)?));
    }
    let digits = text(value)?;
    let id =
        encoding::hex(&digits).ok_or_else(|| PyValueError::new_err("expected an id in hex"))?;
    Ok(Cow::Owned(id))
}

fn list<'py>(value: &Bound<'py, PyAny>) -> PyResult<Vec<Bound<'py, PyAny>>> {
    if value.is_instance_of::<PyList>() || value.is_instance_of::<PyTuple>() {
        return value.try_iter()?.collect();
    }
    Err(wrong("list", value))
}

fn wrong(expected: &str, value: &Bound<'_, PyAny>) -> PyErr {
    let found = value.get_type().name().map_or_else(|_| "?".into(), |name| name.to_string());
    PyTypeError::new_err(format!("expected {expected}, found {found}"))
}
