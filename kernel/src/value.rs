//! OTLP messages as Python objects.
//!
//! All here recurse as deep as messages are nested, at most `wire::MAX_DEPTH`, which payloads are
//! checked for.

use std::{iter, ptr};

use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString};

use crate::encoding;
use crate::merge::{Part, bodies, by_field, merge};
use crate::scalar::{Scalar, elements, read};
use crate::schema::{ANY_VALUE, Field, KEY_VALUE, Kind, Message};

type Object<'py> = PyResult<Bound<'py, PyAny>>;

/// A message that has `fields`, as a dict by field names.
pub fn message<'py>(py: Python<'py>, fields: &[Part]) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for parts in by_field(fields) {
        dict.set_item(PyString::intern(py, parts[0].field.name), field(py, parts)?)?;
    }
    Ok(dict)
}

/// What the field holds that occurs as `parts`.
pub fn field<'py>(py: Python<'py>, parts: &[Part]) -> Object<'py> {
    let field = parts[0].field;
    match (field.kind, field.repeated) {
        (_, true) => repeated(py, field, parts),
        (Kind::Message(inner), false) => nested(py, inner, &merge(inner, bodies(parts))),
        (kind, false) => scalar(py, read(kind, parts[0].data)),
    }
}

/// The elements of a repeated field, of which there may be none.
pub fn repeated<'py>(py: Python<'py>, field: &'static Field, parts: &[Part]) -> Object<'py> {
    match field.kind {
        Kind::Message(inner) if ptr::eq(inner, &raw const KEY_VALUE) => {
            attributes(py, parts)?.into_bound_py_any(py)
        }
        Kind::Message(inner) => {
            list(py, bodies(parts).map(|body| nested(py, inner, &merge(inner, iter::once(body)))))
        }
        kind => {
            let values = bodies(parts).flat_map(|data| elements(kind, data));
            list(py, values.map(|value| scalar(py, value)))
        }
    }
}

pub fn nested<'py>(py: Python<'py>, kind: &'static Message, fields: &[Part]) -> Object<'py> {
    if ptr::eq(kind, &raw const ANY_VALUE) {
        return any_value(py, fields);
    }
    message(py, fields)?.into_bound_py_any(py)
}

/// What an `AnyValue` with `fields` holds: str, bool, int, float, bytes, list, dict or None.
fn any_value<'py>(py: Python<'py>, fields: &[Part]) -> Object<'py> {
    let Some(Part { field, data }) = fields.first() else { return Ok(py.None().into_bound(py)) };
    match field.kind {
        // `ArrayValue` and `KeyValueList` have one field, which is repeated.
        Kind::Message(inner) => repeated(py, &inner.fields[0], &merge(inner, bodies(fields))),
        // An index into a table of strings that only profiles have.
        Kind::Int32 => Ok(py.None().into_bound(py)),
        kind => scalar(py, read(kind, data)),
    }
}

/// Attributes as a dict; the first of equal keys counts.
fn attributes<'py>(py: Python<'py>, parts: &[Part]) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for body in bodies(parts) {
        let (mut key, mut value) = (PyString::intern(py, ""), py.None().into_bound(py));
        for parts in by_field(&merge(&KEY_VALUE, iter::once(body))) {
            match parts[0].field.kind {
                Kind::String => key = PyString::from_bytes(py, parts[0].data)?,
                Kind::Message(_) => value = field(py, parts)?,
                _ => {}
            }
        }
        if !dict.contains(&key)? {
            dict.set_item(key, value)?;
        }
    }
    Ok(dict)
}

fn list<'py>(py: Python<'py>, items: impl Iterator<Item = Object<'py>>) -> Object<'py> {
    PyList::new(py, items.collect::<PyResult<Vec<_>>>()?)?.into_bound_py_any(py)
}

pub fn scalar<'py>(py: Python<'py>, value: Scalar) -> Object<'py> {
    match value {
        Scalar::Bool(value) => value.into_bound_py_any(py),
        Scalar::Signed(value) => value.into_bound_py_any(py),
        Scalar::Unsigned(value) => value.into_bound_py_any(py),
        Scalar::Double(value) => value.into_bound_py_any(py),
        Scalar::Text(value) => value.into_bound_py_any(py),
        Scalar::Bytes(value) => PyBytes::new(py, value).into_bound_py_any(py),
        Scalar::Id(value) => {
            let mut hex = Vec::with_capacity(2 * value.len());
            encoding::write_hex(&mut hex, value);
            PyString::from_bytes(py, &hex)?.into_bound_py_any(py)
        }
    }
}
