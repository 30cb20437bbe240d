//! A table of samples as Python sees it.

use std::collections::HashMap;
use std::sync::Arc;

use pyo3::buffer::PyBuffer;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use super::metrics::{Context, Parent, to_otlp};
use super::table::{Limits, NO_TIME, Table};
use super::texts::{Code, EMPTY, NAME};
use super::{Format, parse};
use crate::batch::{Batch, MalformedPayload, malformed};
use crate::encode::{pair, write_record};
use crate::payload::Payload;
use crate::schema::METRICS;
use crate::wire::Malformed;

/// Characters of a text that are shown where it is at fault.
const SHOWN: usize = 40;

/// The samples of one exposition. Labels are as in Prometheus: the name is `__name__`, and an empty
/// value stands for none.
#[pyclass(module = "penstock._kernel")]
pub struct Samples {
    table: Table,
}

/// A resource's attributes, then a scope's name, version, schema and attributes.
type Owner<'py> = (Bound<'py, PyDict>, String, String, String, Bound<'py, PyDict>);

/// What is wrong with a text, by its line.
fn fault(py: Python<'_>, format: Format, body: &[u8], fault: Malformed) -> PyErr {
    if format == Format::Protobuf {
        return malformed(py, fault);
    }
    let (before, rest) = body.split_at(fault.offset.min(body.len()));
    let line = before.split(|byte| *byte == b'\n').count();
    let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len()).min(SHOWN);
    let found = String::from_utf8_lossy(&rest[..end]);
    let error = MalformedPayload::new_err(format!("line {line}: {}: {found:?}", fault.reason));
    match error.value(py).setattr("offset", fault.offset) {
        Ok(()) => error,
        Err(other) => other,
    }
}

fn attributes(number: u32, values: &Bound<'_, PyDict>, out: &mut Vec<u8>) -> PyResult<()> {
    for (key, value) in values.iter() {
        out.extend(pair(number, &key.extract::<String>()?, &value)?);
    }
    Ok(())
}

fn parent(owner: &Owner<'_>) -> PyResult<Parent> {
    let (attributes_of_resource, name, version, schema_url, attributes_of_scope) = owner;
    let (mut resource, mut scope) = (Vec::new(), Vec::new());
    attributes(1, attributes_of_resource, &mut resource)?;
    for (number, text) in [(1, name), (2, version)] {
        if !text.is_empty() {
            write_record(&mut scope, number, text.as_bytes());
        }
    }
    attributes(3, attributes_of_scope, &mut scope)?;
    Ok(Parent { resource, scope, schema_url: schema_url.clone() })
}

impl Samples {
    fn check(&self, found: usize) -> PyResult<()> {
        if found == self.table.samples.len() {
            return Ok(());
        }
        let expected = self.table.samples.len();
        Err(PyValueError::new_err(format!("expected {expected} values, found {found}")))
    }
}

#[pymethods]
impl Samples {
    /// Read an exposition in a format: `text`, `openmetrics` or `protobuf`.
    #[staticmethod]
    #[pyo3(signature = (body, format, *, max_samples, native = false, classic = true))]
    fn parse(
        py: Python<'_>,
        body: PyBuffer<u8>,
        format: &str,
        max_samples: usize,
        native: bool,
        classic: bool,
    ) -> PyResult<Self> {
        let Some((_, format)) = Format::ALL.into_iter().find(|(name, _)| *name == format) else {
            return Err(PyValueError::new_err(format!("there is no format {format:?}")));
        };
        let body = body.to_vec(py)?;
        let limits = Limits { samples: max_samples, native, classic };
        let table = py.detach(|| parse(format, &body, limits));
        table.map(|table| Self { table }).map_err(|found| fault(py, format, &body, found))
    }

    fn __len__(&self) -> usize {
        self.table.samples.len()
    }

    /// The names of all labels, in order of first appearance.
    fn labels(&self) -> Vec<&str> {
        let mut seen = vec![false; self.table.texts.len()];
        let names = self.table.labels.iter().map(|label| label.name);
        let new = names.filter(|name| !std::mem::replace(&mut seen[*name as usize], true));
        new.map(|name| self.table.texts.get(name)).collect()
    }

    /// A code for each sample, as native `uint32`, and what it has under a label by code.
    fn column<'py>(
        &self,
        py: Python<'py>,
        label: &str,
    ) -> PyResult<(Bound<'py, PyBytes>, Vec<&str>)> {
        let name = self.table.texts.find(label);
        let mut codes = vec![u32::MAX; self.table.texts.len()];
        let mut values: Vec<&str> = Vec::new();
        let mut code = |value: Code| {
            let place = &mut codes[value as usize];
            if *place == u32::MAX {
                *place = values.len() as u32;
                values.push(self.table.texts.get(value));
            }
            *place
        };
        let samples = 0..self.table.samples.len();
        let bytes = PyBytes::new_with(py, samples.len() * 4, |out| {
            for (place, sample) in out.chunks_exact_mut(4).zip(samples) {
                let value = name.map_or(EMPTY, |name| self.table.value_of(sample, name));
                place.copy_from_slice(&code(value).to_ne_bytes());
            }
            Ok(())
        })?;
        Ok((bytes, values))
    }

    /// The value of each sample, as native `float64`; how many there were, for a native histogram.
    fn values<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let samples = &self.table.samples;
        PyBytes::new_with(py, samples.len() * 8, |out| {
            for (place, sample) in out.chunks_exact_mut(8).zip(samples) {
                place.copy_from_slice(&sample.value.to_ne_bytes());
            }
            Ok(())
        })
    }

    /// Give each sample what it is to have under a label.
    fn set(
        &mut self,
        py: Python<'_>,
        label: &str,
        codes: PyBuffer<u32>,
        values: Vec<String>,
    ) -> PyResult<()> {
        self.check(codes.item_count())?;
        let codes = codes.to_vec(py)?;
        if codes.iter().any(|code| *code as usize >= values.len()) {
            return Err(PyValueError::new_err("a code has no value"));
        }
        py.detach(|| self.table.set(label, &codes, &values));
        Ok(())
    }

    /// Keep the samples where the mask is true.
    fn keep(&mut self, py: Python<'_>, mask: PyBuffer<u8>) -> PyResult<()> {
        self.check(mask.item_count())?;
        let keep: Vec<bool> = mask.to_vec(py)?.into_iter().map(|byte| byte != 0).collect();
        py.detach(|| self.table.keep(&keep));
        Ok(())
    }

    /// Give every sample the labels of its target. With `honor`, what it has under the same name is
    /// left; else that is moved to the name with `exported_` in front.
    fn attach(&mut self, labels: Vec<(String, String)>, honor: bool) {
        self.table.attach(&labels, honor);
    }

    /// Forget what samples say of the time.
    fn forget_times(&mut self) {
        for sample in &mut self.table.samples {
            sample.time = NO_TIME;
        }
    }

    /// The most labels that a sample has, and the lengths in bytes of the longest name and value.
    fn extremes(&self) -> (usize, usize, usize) {
        let labels = &self.table.labels;
        let most = (0..self.table.samples.len()).map(|i| self.table.range(i).len()).max();
        let len = |code| self.table.texts.get(code).len();
        let name = labels.iter().map(|label| len(label.name)).max();
        let value = labels.iter().map(|label| len(label.value)).max();
        (most.unwrap_or(0), name.unwrap_or(0), value.unwrap_or(0))
    }

    /// The labels of the samples of a name, of which there should be few.
    fn series<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let Some(name) = self.table.texts.find(name) else { return Ok(Vec::new()) };
        let samples = 0..self.table.samples.len();
        let mut found = Vec::new();
        for sample in samples.filter(|i| self.table.value_of(*i, NAME) == name) {
            let labels = PyDict::new(py);
            for label in self.table.labels_of(sample) {
                labels.set_item(
                    self.table.texts.get(label.name),
                    self.table.texts.get(label.value),
                )?;
            }
            found.push(labels);
        }
        Ok(found)
    }

    /// The data points that the samples make, `None` if there are none, and how many samples came to
    /// nothing by reason.
    #[allow(clippy::wrong_self_convention)] // roles of names are codes of new texts
    #[pyo3(signature = (*, owners, parents, without, now, units))]
    fn to_otlp(
        &mut self,
        py: Python<'_>,
        owners: PyBuffer<u32>,
        parents: Vec<Owner<'_>>,
        without: Vec<String>,
        now: i64,
        units: HashMap<String, String>,
    ) -> PyResult<(Option<Batch>, HashMap<&'static str, u64>)> {
        self.check(owners.item_count())?;
        let owners = owners.to_vec(py)?;
        if owners.iter().any(|owner| *owner as usize >= parents.len()) {
            return Err(PyValueError::new_err("a sample has no parent"));
        }
        let parents = parents.iter().map(parent).collect::<PyResult<Vec<_>>>()?;
        let (owners, parents, without, units) = (&owners, &parents, &without, &units);
        let context = Context { owners, parents, without, now, units };
        let (payload, dropped) = py.detach(|| {
            let (bytes, dropped) = to_otlp(&mut self.table, &context);
            (Payload::parse(&METRICS, bytes), dropped)
        });
        let payload = payload.map_err(|fault| malformed(py, fault))?;
        let batch = (payload.items() > 0).then(|| Batch::new(vec![Arc::new(payload)]));
        let dropped = [
            ("duplicate", dropped.duplicate),
            ("misplaced", dropped.misplaced),
            ("inconsistent", dropped.inconsistent),
        ];
        Ok((batch, dropped.into_iter().collect()))
    }
}
