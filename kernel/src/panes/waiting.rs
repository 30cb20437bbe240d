//! Pairs as Python has them.

use std::sync::Mutex;

use pyo3::buffer::PyBuffer;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::pairs;
use super::python::{Record, column};
use super::results::record;
use crate::batch::array;
use crate::lock::lock;

/// Beginnings and ends that wait for their other half.
#[pyclass(frozen, module = "penstock._kernel")]
pub struct Pairs(Mutex<pairs::Pairs>);

/// Positions as native `uint32`, seconds as native `float64`, and how many pairs took too long and
/// events found no room.
type Matched<'py> = (Bound<'py, PyBytes>, Bound<'py, PyBytes>, u64, u64);

#[pymethods]
impl Pairs {
    /// `timeout` is in nanoseconds.
    #[new]
    fn new(limit: usize, timeout: i64, tracked: bool) -> Self {
        Self(Mutex::new(pairs::Pairs::new(limit, timeout, tracked)))
    }

    /// The events that make a pair whole, and how long it took.
    #[pyo3(name = "match")]
    fn take<'py>(
        &self,
        py: Python<'py>,
        hashes: PyBuffer<u64>,
        roles: PyBuffer<u8>,
        times: PyBuffer<i64>,
    ) -> PyResult<Matched<'py>> {
        let items = hashes.item_count();
        let (roles, times) = (column(py, Some(roles), items)?, column(py, Some(times), items)?);
        let matches = lock(&self.0).take(&hashes.to_vec(py)?, &roles, &times);
        let (positions, seconds): (Vec<u32>, Vec<f64>) = matches.pairs.into_iter().unzip();
        let positions = array(py, &positions, u32::to_ne_bytes)?;
        Ok((positions, array(py, &seconds, f64::to_ne_bytes)?, matches.late, matches.full))
    }

    /// Forget what waits for longer than the timeout, in Unix nanoseconds; how many.
    fn expire(&self, now: i64) -> usize {
        lock(&self.0).expire(now)
    }

    fn changes<'py>(&self, py: Python<'py>) -> Vec<Record<'py>> {
        let changes = lock(&self.0).changes();
        changes.into_iter().map(|(name, body)| record(py, &name, body)).collect()
    }

    /// Take saved records back; how many were damaged, or too many.
    fn restore(&self, records: Vec<(Bound<'_, PyBytes>, Bound<'_, PyBytes>)>) -> usize {
        let mut pairs = lock(&self.0);
        let records = records.iter().map(|(name, body)| (name.as_bytes(), body.as_bytes()));
        records.filter(|(name, body)| !pairs.restore(name, body)).count()
    }

    /// Keys that wait, and bytes of memory.
    fn size(&self) -> (usize, usize) {
        lock(&self.0).size()
    }
}
