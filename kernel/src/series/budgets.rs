//! What Python does to bound how many series there are: let them in by budgets, and find out which
//! labels they are many by.

use std::sync::Mutex;

use pyo3::buffer::PyBuffer;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::admission::{self, Entry, MOST_BUDGETS};
use super::sketches;
use super::verbs::{ids, mask};
use crate::batch::{Batch, check_len};
use crate::lock::lock;

/// The series that are let in, by budgets.
#[pyclass(frozen, module = "penstock._kernel")]
pub struct Admission(Mutex<admission::Admission>);

#[pymethods]
impl Admission {
    #[new]
    fn new(limit: usize) -> Self {
        Self(Mutex::new(admission::Admission::new(limit)))
    }

    /// One more budget, and its number: for `limit` series, `last` of them in its last places.
    fn add_budget(&self, limit: u64, last: u64) -> u32 {
        lock(&self.0).add_budget(limit, last)
    }

    /// For each point 0 if its series was in, 1 if it was let in, 2 if it came too fast, or 3 and
    /// the position of the budget that has no room.
    fn admit<'py>(
        &self,
        py: Python<'py>,
        ids: PyBuffer<u64>,
        budgets: Vec<PyBuffer<u32>>,
        last: bool,
        room: u64,
        now: u32,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let ids = self::ids(py, &ids)?;
        if budgets.len() > MOST_BUDGETS {
            return Err(PyValueError::new_err(format!("expected at most {MOST_BUDGETS} budgets")));
        }
        let budgets = budgets.iter().map(|codes| codes.to_vec(py)).collect::<PyResult<Vec<_>>>()?;
        for codes in &budgets {
            check_len(codes.len(), ids.len(), "budgets")?;
        }
        let entries = py.detach(|| {
            let mut admission = lock(&self.0);
            let known = budgets.iter().flatten().all(|budget| admission.knows(*budget));
            known.then(|| admission.admit(&ids, &budgets, last, room, now))
        });
        let entries = entries.ok_or_else(|| PyValueError::new_err("there is no such budget"))?;
        let codes = entries.iter().map(|entry| match entry {
            Entry::Known => 0,
            Entry::New => 1,
            Entry::TooFast => 2,
            Entry::Over(position) => 3 + *position as u8,
        });
        Ok(PyBytes::new(py, &codes.collect::<Vec<u8>>()))
    }

    fn expire(&self, py: Python<'_>, oldest: u32) {
        py.detach(|| lock(&self.0).expire(oldest));
    }

    /// How many series each budget has in it.
    fn used(&self) -> Vec<u64> {
        lock(&self.0).used()
    }

    /// How many series are in, and the bytes that they take.
    fn size(&self) -> (usize, usize) {
        let admission = lock(&self.0);
        (admission.members().len(), admission.members().weight())
    }
}

/// About how many values the labels of metrics have had.
#[pyclass(frozen, module = "penstock._kernel")]
pub struct Sketches(Mutex<sketches::Sketches>);

#[pymethods]
impl Sketches {
    #[new]
    fn new(limit: usize) -> Self {
        Self(Mutex::new(sketches::Sketches::new(limit)))
    }

    fn note(&self, py: Python<'_>, batch: &Batch, wanted: PyBuffer<u8>) -> PyResult<()> {
        let wanted = mask(py, batch, &wanted)?;
        py.detach(|| lock(&self.0).note(batch.payloads(), &wanted));
        Ok(())
    }

    /// Metric, label and about how many values it has had, for each, or each of one metric.
    #[pyo3(signature = (metric = None))]
    fn estimates(&self, metric: Option<&str>) -> Vec<(String, String, u64)> {
        lock(&self.0).estimates(metric)
    }
}
