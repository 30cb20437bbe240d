//! Keys and panes as Python has them.

use std::sync::Mutex;

use pyo3::buffer::{Element, PyBuffer};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use super::content::Need;
use super::exemplars::Origins;
use super::input::Input;
use super::keys::{Encoded, Keys as Held};
use super::results::{Metric, Result, batch, record, wanted};
use super::shape::{Engine, Limits, Shape};
use crate::batch::{Batch, array, check_len};
use crate::encode;
use crate::lock::lock;
use crate::schema::RESOURCE;
use crate::series::identity;

type Values<'py> = Vec<Bound<'py, PyAny>>;

/// By what the items of a batch are told apart.
#[pyclass(frozen, module = "penstock._kernel")]
pub struct Keys(Held);

#[pymethods]
impl Keys {
    #[new]
    fn new(
        py: Python<'_>,
        items: usize,
        columns: Vec<(String, PyBuffer<u32>, Values<'_>)>,
        resource: Option<(PyBuffer<u32>, Values<'_>)>,
    ) -> PyResult<Self> {
        let mut keys = Held::new(items);
        if let Some((codes, values)) = resource {
            let values = values.iter().map(resource_of).collect::<PyResult<_>>()?;
            add(py, &mut keys, None, values, &codes)?;
        }
        for (name, codes, values) in columns {
            let value = |value: &Bound<'_, PyAny>| {
                let any_value = (!value.is_none()).then(|| encode::any_value(value)).transpose()?;
                Ok(Encoded::attribute(&name, any_value))
            };
            let values = values.iter().map(value).collect::<PyResult<_>>()?;
            add(py, &mut keys, Some(&name), values, &codes)?;
        }
        Ok(Self(keys))
    }

    fn __len__(&self) -> usize {
        self.0.len()
    }

    /// The number of each item's key, as native `uint32`.
    fn codes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        array(py, &self.0.codes, u32::to_ne_bytes)
    }

    /// A hash of each item's key that is the same in every process, as native `uint64`.
    fn hashes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let hashes = self.0.codes.iter().map(|code| self.0.ids[*code as usize].id);
        array(py, &hashes.collect::<Vec<_>>(), u64::to_ne_bytes)
    }
}

fn resource_of(value: &Bound<'_, PyAny>) -> PyResult<Encoded> {
    let mut attributes = Vec::new();
    if !value.is_none() {
        for (key, value) in value.cast::<PyDict>()?.iter() {
            attributes.extend(encode::pair(1, key.extract()?, &value)?);
        }
    }
    let id = identity::attributes(&RESOURCE, &attributes);
    Ok(Encoded::resource(attributes, id))
}

fn add(
    py: Python<'_>,
    keys: &mut Held,
    name: Option<&str>,
    values: Vec<Encoded>,
    codes: &PyBuffer<u32>,
) -> PyResult<()> {
    check_len(codes.item_count(), keys.codes.len(), "codes")?;
    let codes = codes.to_vec(py)?;
    keys.by(name, values, &codes).map_err(|_| PyValueError::new_err("a code has no value"))
}

/// A hash of each value that is the same in every process, as native `uint64`.
#[pyfunction]
pub fn value_hashes<'py>(py: Python<'py>, values: Values<'py>) -> PyResult<Bound<'py, PyBytes>> {
    let hash = |value| Ok(xxhash_rust::xxh64::xxh64(&encode::any_value(value)?, 0));
    let hashes: Vec<u64> = values.iter().map(hash).collect::<PyResult<_>>()?;
    array(py, &hashes, u64::to_ne_bytes)
}

/// What is added up by key and pane of time.
#[pyclass(frozen, module = "penstock._kernel")]
pub struct Panes {
    store: Mutex<Box<dyn Engine>>,
    needs: &'static [Need],
}

#[pymethods]
impl Panes {
    #[new]
    fn new(shape: &str, limit: usize, exemplars: usize, tracked: bool) -> PyResult<Self> {
        let shape: Shape = serde_json::from_str(shape)
            .map_err(|error| PyValueError::new_err(error.to_string()))?;
        let limits = Limits { keys: limit, exemplars, tracked };
        let store = shape.store(&limits).map_err(PyValueError::new_err)?;
        Ok(Self { needs: store.needs(), store: Mutex::new(store) })
    }

    /// Add items, each to its key and pane; how many went to the overflow key, and how many could
    /// not be used.
    #[pyo3(signature = (
        keys, *, now, pane, wanted, panes, values, classes, times, hashes, weights, exemplars
    ))]
    #[allow(clippy::too_many_arguments)] // the columns that there can be
    fn add(
        &self,
        py: Python<'_>,
        keys: &Keys,
        now: i64,
        pane: i64,
        wanted: Option<PyBuffer<u8>>,
        panes: Option<PyBuffer<i64>>,
        values: Option<PyBuffer<f64>>,
        classes: Option<PyBuffer<u8>>,
        times: Option<PyBuffer<i64>>,
        hashes: Option<PyBuffer<u64>>,
        weights: Option<PyBuffer<f64>>,
        exemplars: Option<PyRef<'_, Batch>>,
    ) -> PyResult<(u64, u64)> {
        let items = keys.0.codes.len();
        let origins = exemplars.as_ref().map(|batch| {
            Origins::of(batch, items)
                .ok_or_else(|| PyValueError::new_err(format!("expected a batch of {items} items")))
        });
        let input = Input {
            now,
            pane,
            wanted: column(py, wanted, items)?,
            panes: column(py, panes, items)?,
            values: column(py, values, items)?,
            classes: column(py, classes, items)?,
            times: column(py, times, items)?,
            hashes: column(py, hashes, items)?,
            weights: column(py, weights, items)?,
            origins: origins.transpose()?,
        };
        for need in self.needs {
            check_len(input.len_of(*need), items, need.name())?;
        }
        let report = py.detach(|| lock(&self.store).add(&keys.0, &input));
        Ok((report.overflow, report.unusable))
    }

    /// What the panes of each key came to that start from `first` on and before `last`.
    fn merged(&self, py: Python<'_>, first: i64, last: i64) -> Result {
        Result(py.detach(|| lock(&self.store).merged(first, last)))
    }

    /// A metric with a point for each key.
    #[pyo3(signature = (metric, value, *, time, start_time, first, last, attributes))]
    #[allow(clippy::too_many_arguments)] // what metrics say
    fn write(
        &self,
        py: Python<'_>,
        metric: Metric,
        value: &Bound<'_, PyAny>,
        time: u64,
        start_time: Option<u64>,
        first: i64,
        last: i64,
        attributes: Vec<(String, Bound<'_, PyAny>)>,
    ) -> PyResult<Option<Batch>> {
        let frame = metric.frame(start_time, time, &attributes)?;
        let wanted = wanted(value)?;
        let written = py.detach(|| lock(&self.store).write(&frame, wanted, first, last));
        written.map(|bytes| batch(py, bytes)).transpose()
    }

    fn starts(&self) -> Vec<i64> {
        lock(&self.store).starts()
    }

    /// Forget the panes that start before; how many keys went.
    fn drop(&self, py: Python<'_>, before: i64) -> usize {
        py.detach(|| lock(&self.store).drop_before(before))
    }

    /// Forget the keys that nothing was added to since; how many.
    fn expire(&self, py: Python<'_>, idle_since: i64) -> usize {
        py.detach(|| lock(&self.store).expire(idle_since))
    }

    /// Forget the keys of resources to which nothing was added since; how many.
    fn expire_resources(&self, py: Python<'_>, idle_since: i64) -> usize {
        py.detach(|| lock(&self.store).expire_resources(idle_since))
    }

    fn changes<'py>(&self, py: Python<'py>) -> Vec<Record<'py>> {
        let changes = py.detach(|| lock(&self.store).changes());
        changes.into_iter().map(|(name, body)| record(py, &name, body)).collect()
    }

    /// Take saved records back; how many were damaged, or of another shape.
    fn restore(&self, records: Vec<(Bound<'_, PyBytes>, Bound<'_, PyBytes>)>) -> usize {
        let mut store = lock(&self.store);
        let records = records.iter().map(|(name, body)| (name.as_bytes(), body.as_bytes()));
        records.filter(|(name, body)| !store.restore(name, body)).count()
    }

    /// Keys, and bytes of memory.
    fn size(&self) -> (usize, usize) {
        lock(&self.store).size()
    }
}

pub type Record<'py> = (Bound<'py, PyBytes>, Option<Bound<'py, PyBytes>>);

/// A column, or an empty one for none.
pub fn column<T: Element>(
    py: Python<'_>,
    buffer: Option<PyBuffer<T>>,
    items: usize,
) -> PyResult<Vec<T>> {
    let Some(buffer) = buffer else { return Ok(Vec::new()) };
    check_len(buffer.item_count(), items, "values")?;
    buffer.to_vec(py)
}

impl Need {
    fn name(self) -> &'static str {
        match self {
            Self::Values => "values",
            Self::Times => "times",
            Self::Hashes => "hashes",
        }
    }
}

impl Input<'_> {
    fn len_of(&self, need: Need) -> usize {
        match need {
            Need::Values => self.values.len(),
            Need::Times => self.times.len(),
            Need::Hashes => self.hashes.len(),
        }
    }
}
