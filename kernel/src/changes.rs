//! Edits as Python asks for them: paths and values, made into fields of the wire.

use ahash::HashSet;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::edit::Edit;
use crate::encode;
use crate::path::{Path, Source, Step};
use crate::schema::{
    EXPONENTIAL_HISTOGRAM, HISTOGRAM, KEY_VALUE_LIST, Message, NUMBER_DATA_POINT, SUM, Signal,
};
use crate::select::DATA;
use crate::task::{Change, Place};

/// Put `values[code]` at `path`, for the code of each item; `None` there means nothing.
///
/// Raises `ValueError` or `TypeError` for a path that cannot be set and a value that does not fit.
pub fn set(
    signal: &'static Signal,
    path: &str,
    codes: Vec<u32>,
    values: &[Bound<'_, PyAny>],
) -> PyResult<Edit> {
    let (level, starts) = places(signal, path)?;
    let place = |(start, steps): (&'static Message, Vec<Step>)| {
        let fields: PyResult<_> = values.iter().map(|value| fields(start, &steps, value)).collect();
        Ok(Place { start, steps, change: Change::Put(fields?) })
    };
    let places: PyResult<Vec<_>> = starts.into_iter().map(place).collect();
    match places {
        Ok(places) => Ok(Edit { level, places, codes }),
        Err(error) => Err(at(path, error, signal)),
    }
}

/// Of the attributes at `path`, keep those with `keys` in the items whose code is not `UNTOUCHED`.
pub fn retain(
    signal: &'static Signal,
    path: &str,
    codes: Vec<u32>,
    keys: Vec<String>,
) -> PyResult<Edit> {
    let (level, starts) = places(signal, path)?;
    if !starts.iter().all(|(_, steps)| matches!(steps.last(), Some(Step::Field(f)) if f.pairs)) {
        return Err(PyValueError::new_err(format!("{path:?} does not hold attributes")));
    }
    let keys: HashSet<Vec<u8>> = keys.into_iter().map(String::into_bytes).collect();
    let place = |(start, steps)| Place { start, steps, change: Change::Retain(keys.clone()) };
    Ok(Edit { level, places: starts.into_iter().map(place).collect(), codes })
}

type Starts = Vec<(&'static Message, Vec<Step>)>;

fn places(signal: &'static Signal, text: &str) -> PyResult<(usize, Starts)> {
    let path = Path::parse(signal, text).map_err(PyValueError::new_err)?;
    let field = |message: &'static Message, name| message.by_name(name).map(Step::Field);
    match path.source {
        Source::Steps(starts) => Ok((path.level, starts)),
        Source::Value => {
            let step = field(&NUMBER_DATA_POINT, "as_double");
            Ok((path.level, vec![(&NUMBER_DATA_POINT, step.into_iter().collect())]))
        }
        Source::MetricData(name) => {
            let data: [&'static Message; 3] = [&SUM, &HISTOGRAM, &EXPONENTIAL_HISTOGRAM];
            let with_step = |message| Some((message, vec![field(message, name)?]));
            Ok((DATA, data.into_iter().filter_map(with_step).collect()))
        }
        Source::Duration | Source::MetricType => {
            Err(PyValueError::new_err(format!("{text:?} is derived and cannot be set")))
        }
    }
}

/// What the last of `steps` from `start` is to find: nothing for `None`.
fn fields(start: &'static Message, steps: &[Step], value: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    if value.is_none() {
        return Ok(Vec::new());
    }
    match steps.last() {
        Some(Step::Pair(field, key)) => encode::pair(field.number, key.text(), value),
        Some(Step::Entry(key)) => encode::pair(KEY_VALUE_LIST.fields[0].number, key.text(), value),
        Some(Step::Field(field)) if field.name == "as_double" && encode::is_integer(value) => {
            encode::field(start.by_name("as_int").unwrap_or(field), value)
        }
        Some(Step::Field(field)) => encode::field(field, value),
        None => Err(PyValueError::new_err("all of it can only be deleted")),
    }
}

fn at(path: &str, error: PyErr, signal: &'static Signal) -> PyErr {
    Python::attach(|py| {
        let problem = format!("{path} of {}: {}", signal.name, error.value(py));
        let other = PyErr::from_type(error.get_type(py), problem);
        other.set_cause(py, Some(error));
        other
    })
}
