//! What Python does with the points of one batch: combine them, scale them, set their values.

use std::sync::Arc;

use pyo3::buffer::PyBuffer;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::apply::{Outcome, each, write};
use super::combine::{How, combine};
use super::gauges::gauges;
use super::scale::scale;
use super::value::Value;
use super::verbs::mask;
use crate::batch::{Batch, check_len};
use crate::payload::Payload;

/// Make one point of those where `wanted` is true that are of one series and time, and say which
/// points there are still.
#[pyfunction]
pub fn combine_points(
    py: Python<'_>,
    batch: &Batch,
    wanted: PyBuffer<u8>,
    how: &str,
) -> PyResult<(Batch, Vec<u8>)> {
    let wanted = mask(py, batch, &wanted)?;
    let how = How::by_name(how)
        .ok_or_else(|| PyValueError::new_err("expected sum, mean, min, max, median or count"))?;
    Ok(py.detach(|| {
        let outcomes = combine(batch.payloads(), &wanted, how);
        let kept = outcomes.iter().map(|outcome| u8::from(*outcome != Outcome::Goes)).collect();
        (batch.with(write(batch.payloads(), &outcomes, None)), kept)
    }))
}

/// Multiply the values of points by a positive factor.
#[pyfunction]
pub fn scale_points(
    py: Python<'_>,
    batch: &Batch,
    wanted: PyBuffer<u8>,
    factor: f64,
) -> PyResult<Batch> {
    let wanted = mask(py, batch, &wanted)?;
    Ok(py.detach(|| {
        batch.with(write(batch.payloads(), &scale(batch.payloads(), &wanted, factor), None))
    }))
}

/// Let number points have doubles as values.
#[pyfunction]
pub fn set_point_values(
    py: Python<'_>,
    batch: &Batch,
    wanted: PyBuffer<u8>,
    values: PyBuffer<f64>,
) -> PyResult<Batch> {
    check_len(values.item_count(), batch.items(), "values")?;
    let (wanted, values) = (mask(py, batch, &wanted)?, values.to_vec(py)?);
    Ok(py.detach(|| with_numbers(batch, &wanted, |item, _| Value::Double(values[item]))))
}

/// Make doubles of integers and integers, towards zero, of doubles.
#[pyfunction]
pub fn toggle_points(py: Python<'_>, batch: &Batch, wanted: PyBuffer<u8>) -> PyResult<Batch> {
    let wanted = mask(py, batch, &wanted)?;
    Ok(py.detach(|| {
        with_numbers(batch, &wanted, |_, value| match value {
            Value::Double(value) => Value::Int(*value as i64),
            integer => Value::Double(integer.as_double()),
        })
    }))
}

fn with_numbers(batch: &Batch, wanted: &[bool], number: impl Fn(usize, &Value) -> Value) -> Batch {
    let payloads: &[Arc<Payload>] = batch.payloads();
    let mut outcomes: Vec<Outcome> = wanted.iter().map(|_| Outcome::Stays).collect();
    each(payloads, wanted, |mut subject| {
        if subject.point.is_number() && !subject.point.has_no_value() {
            subject.point.value = number(subject.item, &subject.point.value);
            outcomes[subject.item] = Outcome::Becomes(subject.point);
        }
    });
    batch.with(write(payloads, &outcomes, None))
}

/// Make gauges of the sums that the points where `wanted` is true are of.
#[pyfunction]
pub fn as_gauges(py: Python<'_>, batch: &Batch, wanted: PyBuffer<u8>) -> PyResult<Batch> {
    let wanted = mask(py, batch, &wanted)?;
    Ok(py.detach(|| batch.with(gauges(batch.payloads(), &wanted))))
}
