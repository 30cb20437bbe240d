//! A batch as Python sees it: payloads of one signal, shared and never changed.

use std::iter;
use std::sync::Arc;

use pyo3::IntoPyObjectExt;
use pyo3::buffer::PyBuffer;
use pyo3::create_exception;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use crate::changes;
use crate::column::{self, Column, Numbers};
use crate::columns;
use crate::compact;
use crate::edit;
use crate::inner;
use crate::lookup::Found;
use crate::merge::{Part, merge};
use crate::path::Path;
use crate::payload::Payload;
use crate::scalar::read;
use crate::schema::{METRICS, Signal};
use crate::select::select;
use crate::series::identity;
use crate::series::stale::stale;
use crate::split;
use crate::wire::Malformed;
use crate::{json, keys, memory, rows, value};

create_exception!(penstock._kernel, MalformedPayload, PyValueError);

#[pyclass(frozen, module = "penstock._kernel")]
#[derive(Clone)]
pub struct Batch {
    signal: &'static Signal,
    payloads: Vec<Arc<Payload>>,
    items: usize,
    bytes: usize,
}

impl Batch {
    /// `payloads` is not empty and of one signal.
    pub fn new(payloads: Vec<Arc<Payload>>) -> Self {
        Self::of(payloads[0].signal, payloads)
    }

    fn of(signal: &'static Signal, payloads: Vec<Arc<Payload>>) -> Self {
        let items = payloads.iter().map(|payload| payload.items()).sum();
        let bytes = payloads.iter().map(|payload| payload.bytes().len()).sum();
        Self { signal, payloads, items, bytes }
    }

    pub fn items(&self) -> usize {
        self.items
    }

    pub fn signal_of(&self) -> &'static Signal {
        self.signal
    }

    pub fn payloads(&self) -> &[Arc<Payload>] {
        &self.payloads
    }

    /// A batch of the same signal.
    #[must_use]
    pub fn with(&self, payloads: Vec<Arc<Payload>>) -> Self {
        Self::of(self.signal, payloads)
    }

    /// The items where `keep` is true.
    fn kept(&self, mut keep: &[bool]) -> Self {
        let mut payloads = Vec::with_capacity(self.payloads.len());
        for payload in &self.payloads {
            let (mine, rest) = keep.split_at(payload.items());
            keep = rest;
            if mine.iter().all(|keep| *keep) {
                payloads.push(Arc::clone(payload));
            } else if mine.contains(&true) {
                payloads.push(Arc::new(select(payload, mine)));
            }
        }
        self.with(payloads)
    }

    /// How many values a column has whose path is of that level.
    fn len_at(&self, level: usize) -> usize {
        let inside = level == self.signal.levels.len();
        if inside { inner::owners(&self.payloads).len() } else { self.items() }
    }
}

pub fn check_len(found: usize, expected: usize, what: &str) -> PyResult<()> {
    if found == expected {
        return Ok(());
    }
    Err(PyValueError::new_err(format!("expected {expected} {what}, found {found}")))
}

pub fn signal(name: &str) -> PyResult<&'static Signal> {
    Signal::by_name(name).ok_or_else(|| {
        PyValueError::new_err(format!("expected traces, metrics or logs, found {name:?}"))
    })
}

pub fn malformed(py: Python<'_>, fault: Malformed) -> PyErr {
    let Malformed { offset, reason } = fault;
    let error = MalformedPayload::new_err(format!("{reason} (at byte {offset})"));
    match error.value(py).setattr("offset", offset) {
        Ok(()) => error,
        Err(other) => other,
    }
}

/// A copy of what a Python object with the buffer protocol holds.
fn bytes_of(py: Python<'_>, source: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    PyBuffer::<u8>::get(source)?.to_vec(py)
}

pub fn array<'py, T: Copy, const N: usize>(
    py: Python<'py>,
    values: &[T],
    to_bytes: fn(T) -> [u8; N],
) -> PyResult<Bound<'py, PyBytes>> {
    PyBytes::new_with(py, values.len() * N, |out| {
        for (place, value) in out.chunks_exact_mut(N).zip(values) {
            place.copy_from_slice(&to_bytes(*value));
        }
        Ok(())
    })
}

/// A code for each item, as native `uint32`, and the value of each code.
type Coded<'py> = (Bound<'py, PyBytes>, Vec<Bound<'py, PyAny>>);

fn coded<'py>(py: Python<'py>, column: &Column) -> PyResult<Coded<'py>> {
    let values = column.values.iter().map(|found| to_python(py, found));
    Ok((array(py, &column.codes, u32::to_ne_bytes)?, values.collect::<PyResult<_>>()?))
}

fn to_python<'py>(py: Python<'py>, found: &Found) -> PyResult<Bound<'py, PyAny>> {
    match found {
        Found::Absent => Ok(py.None().into_bound(py)),
        Found::Number(number) => number.into_bound_py_any(py),
        Found::Scalar(field, data) => value::scalar(py, read(field.kind, data)),
        Found::Message(message, body) => {
            value::nested(py, message, &merge(message, iter::once(&**body)))
        }
        Found::Repeated(field, data) => {
            let parts: Vec<_> = data.iter().map(|data| Part { field, data }).collect();
            value::repeated(py, field, &parts)
        }
    }
}

#[pymethods]
impl Batch {
    #[staticmethod]
    fn from_otlp(py: Python<'_>, signal: &str, payload: &Bound<'_, PyAny>) -> PyResult<Self> {
        let signal = self::signal(signal)?;
        let bytes = bytes_of(py, payload)?;
        py.detach(|| Payload::parse(signal, bytes))
            .map(|payload| Self::new(vec![Arc::new(payload)]))
            .map_err(|fault| malformed(py, fault))
    }

    #[staticmethod]
    fn from_json(py: Python<'_>, signal: &str, payload: &Bound<'_, PyAny>) -> PyResult<Self> {
        let signal = self::signal(signal)?;
        let text = bytes_of(py, payload)?;
        py.detach(|| Payload::parse(signal, json::from_json(signal, &text)?))
            .map(|payload| Self::new(vec![Arc::new(payload)]))
            .map_err(|fault| malformed(py, fault))
    }

    #[staticmethod]
    fn concat(batches: Vec<PyRef<'_, Self>>) -> PyResult<Self> {
        let Some(first) = batches.first() else {
            return Err(PyValueError::new_err("expected at least one batch"));
        };
        if let Some(other) = batches.iter().find(|b| !std::ptr::eq(b.signal, first.signal)) {
            let (one, two) = (first.signal.name, other.signal.name);
            return Err(PyValueError::new_err(format!("{one} and {two} cannot be one batch")));
        }
        let payloads = batches.iter().flat_map(|batch| batch.payloads.iter().cloned()).collect();
        Ok(first.with(payloads))
    }

    fn __len__(&self) -> usize {
        self.items()
    }

    #[getter]
    fn nbytes(&self) -> usize {
        self.bytes
    }

    #[getter]
    fn signal(&self) -> &'static str {
        self.signal.name
    }

    fn keep(&self, py: Python<'_>, mask: PyBuffer<u8>) -> PyResult<Self> {
        check_len(mask.item_count(), self.items(), "mask values")?;
        let keep: Vec<bool> = mask.to_vec(py)?.into_iter().map(|byte| byte != 0).collect();
        Ok(py.detach(|| self.kept(&keep)))
    }

    /// The same items under as few resources, scopes and metrics as possible.
    fn compact(&self, py: Python<'_>) -> PyResult<Self> {
        py.detach(|| Payload::parse(self.signal, compact::compact(&self.payloads)))
            .map(|payload| self.with(vec![Arc::new(payload)]))
            .map_err(|fault| malformed(py, fault))
    }

    /// Every data point without its value, of that time in Unix nanoseconds.
    fn stale(&self, py: Python<'_>, time: u64) -> PyResult<Self> {
        if self.signal.name != METRICS.name {
            return Err(PyValueError::new_err("only data points can be stale"));
        }
        Ok(py.detach(|| self.with(stale(&self.payloads, time))))
    }

    fn partition(&self, py: Python<'_>, codes: PyBuffer<u32>) -> PyResult<Vec<(u32, Self)>> {
        check_len(codes.item_count(), self.items(), "codes")?;
        let codes = codes.to_vec(py)?;
        Ok(py
            .detach(|| split::partition(&self.payloads, &codes))
            .into_iter()
            .map(|(code, payloads)| (code, self.with(payloads)))
            .collect())
    }

    #[pyo3(signature = (max_items = 0, max_bytes = 0))]
    fn split(&self, py: Python<'_>, max_items: usize, max_bytes: usize) -> Vec<Self> {
        let limit = |value| if value == 0 { usize::MAX } else { value };
        py.detach(|| split::split(&self.payloads, limit(max_items), limit(max_bytes)))
            .into_iter()
            .map(|payloads| self.with(payloads))
            .collect()
    }

    /// Put values at paths, and leave only some keys in attributes: `sets` holds a path, a code for
    /// each item and the values by code, `retains` a path, a code for each item and the keys. Items
    /// of the code 2³² − 1 are left as they are.
    fn edit(
        &self,
        py: Python<'_>,
        sets: Vec<(String, PyBuffer<u32>, Vec<Bound<'_, PyAny>>)>,
        retains: Vec<(String, PyBuffer<u32>, Vec<String>)>,
    ) -> PyResult<Self> {
        let mut edits = Vec::with_capacity(sets.len() + retains.len());
        for (path, codes, values) in sets {
            edits.push(changes::set(self.signal, &path, codes.to_vec(py)?, &values)?);
        }
        for (path, codes, keys) in retains {
            edits.push(changes::retain(self.signal, &path, codes.to_vec(py)?, keys)?);
        }
        for edit in &edits {
            check_len(edit.codes.len(), self.len_at(edit.level), "codes")?;
        }
        Ok(py.detach(|| self.with(edit::edit(&self.payloads, &edits))))
    }

    /// A code for each item, as native `uint32`, and the value of each code.
    fn column<'py>(&self, py: Python<'py>, path: &str) -> PyResult<Coded<'py>> {
        let path = Path::parse(self.signal, path).map_err(PyValueError::new_err)?;
        coded(py, &py.detach(|| column::column(&self.payloads, &path)))
    }

    /// The same for several paths, in one walk over the items.
    fn columns<'py>(&self, py: Python<'py>, paths: Vec<String>) -> PyResult<Vec<Coded<'py>>> {
        let parse = |path: &String| Path::parse(self.signal, path).map_err(PyValueError::new_err);
        let paths: Vec<_> = paths.iter().map(parse).collect::<PyResult<_>>()?;
        let items = self.signal.levels.len() - 1;
        let columns = py.detach(|| columns::columns(&self.payloads, &paths, items));
        columns.iter().map(|column| coded(py, column)).collect()
    }

    /// The position of the item of each message inside the items, as native `uint32`.
    fn owners<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        array(py, &py.detach(|| inner::owners(&self.payloads)), u32::to_ne_bytes)
    }

    /// For each item, the number of the resource, scope or metric that it is in, as native `uint32`.
    fn parents<'py>(&self, py: Python<'py>, context: &str) -> PyResult<Bound<'py, PyBytes>> {
        let items = self.signal.levels.len() - 1;
        let mut contexts = self.signal.contexts.iter().filter(|(_, level)| *level < items);
        let Some((_, level)) = contexts.find(|(name, _)| *name == context) else {
            let problem = format!("nothing of {} is in a {context}", self.signal.name);
            return Err(PyValueError::new_err(problem));
        };
        array(py, &py.detach(|| column::parents(&self.payloads, *level)), u32::to_ne_bytes)
    }

    /// The distinct keys of the attributes at a path, in order of first appearance.
    fn keys(&self, py: Python<'_>, path: &str) -> PyResult<Vec<String>> {
        let parsed = Path::parse(self.signal, path).map_err(PyValueError::new_err)?;
        let keys = py.detach(|| keys::keys(&self.payloads, &parsed));
        keys.ok_or_else(|| PyValueError::new_err(format!("{path:?} does not hold attributes")))
    }

    /// Whether a key occurs twice in the attributes at a path of any item.
    fn repeats(&self, py: Python<'_>, path: &str) -> PyResult<bool> {
        let parsed = Path::parse(self.signal, path).map_err(PyValueError::new_err)?;
        let found = py.detach(|| keys::repeats(&self.payloads, &parsed));
        found.ok_or_else(|| PyValueError::new_err(format!("{path:?} does not hold attributes")))
    }

    /// A number for each item, and numpy's name for their type.
    fn numbers<'py>(
        &self,
        py: Python<'py>,
        path: &str,
    ) -> PyResult<(Bound<'py, PyBytes>, &'static str)> {
        let parsed = Path::parse(self.signal, path).map_err(PyValueError::new_err)?;
        match py.detach(|| column::numbers(&self.payloads, &parsed)) {
            Some(Numbers::Integers(values)) => Ok((array(py, &values, i64::to_ne_bytes)?, "int64")),
            Some(Numbers::Floats(values)) => Ok((array(py, &values, f64::to_ne_bytes)?, "float64")),
            None => Err(PyValueError::new_err(format!("{path:?} does not hold numbers"))),
        }
    }

    /// For each data point the identity of its series: its `id`, then its `check`, both as native
    /// `uint64`.
    fn series_ids<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        if !std::ptr::eq(self.signal, &raw const METRICS) {
            return Err(PyValueError::new_err("only metrics have series"));
        }
        let ids = py.detach(|| {
            self.payloads.iter().flat_map(|payload| identity::ids(payload)).collect::<Vec<_>>()
        });
        let ids: Vec<[u64; 2]> = ids.iter().map(|id| [id.id, id.check]).collect();
        array(py, ids.as_flattened(), u64::to_ne_bytes)
    }

    fn rows<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let mut rows = Vec::with_capacity(self.items());
        for payload in &self.payloads {
            rows.extend(rows::rows(py, self.signal, payload.bytes())?);
        }
        Ok(rows)
    }

    fn to_json<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let payloads: Vec<&[u8]> = self.payloads.iter().map(|payload| payload.bytes()).collect();
        PyBytes::new(py, &py.detach(|| json::to_json(self.signal, &payloads)))
    }

    /// The encoding of one request: the encodings of all, one after the other (which is how
    /// protobuf defines the merge of messages).
    fn to_otlp<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let parts: Vec<&[u8]> = self.payloads.iter().map(|payload| payload.bytes()).collect();
        memory::bytes_of(py, &parts)
    }
}
