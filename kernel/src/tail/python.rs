//! Files of logs as Python has them.

use std::io;
use std::sync::Arc;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::encoding::Encoding;
use super::file::File;
use super::program::{Dropped, Faults, Outlet, State, Tally};
use super::records::Records;
use super::rules::Rules;
use super::source::{Identity, Source};
use super::value::Map;
use crate::batch::{Batch, malformed};
use crate::payload::Payload;
use crate::schema::LOGS;

/// What is done with every file of a receiver.
#[pyclass(frozen, module = "penstock._kernel")]
pub struct LogRules(Arc<Rules>);

#[pymethods]
impl LogRules {
    /// Raises `ValueError` for settings that make no sense.
    #[new]
    fn new(settings: &str) -> PyResult<Self> {
        Rules::read(settings).map(|rules| Self(Arc::new(rules))).map_err(wrong)
    }

    /// Whether text in an encoding of that name can be read.
    #[staticmethod]
    fn knows(encoding: &str) -> bool {
        Encoding::by_name(encoding).is_some()
    }
}

fn wrong(error: serde_json::Error) -> PyErr {
    PyValueError::new_err(error.to_string())
}

/// Log records on their way into a batch.
#[pyclass(module = "penstock._kernel")]
#[derive(Default)]
pub struct LogRecords {
    records: Records,
    tally: Tally,
    buffer: Vec<u8>,
}

#[pymethods]
impl LogRecords {
    #[new]
    fn new() -> Self {
        Self::default()
    }

    fn __len__(&self) -> usize {
        self.records.items
    }

    /// About the bytes that they take.
    #[getter]
    fn nbytes(&self) -> usize {
        self.records.size()
    }

    /// What operators did not pass on since this was asked last, by their numbers: how many entries
    /// they dropped on purpose; and of how many they could make nothing, where in its file the first
    /// of those is, and why.
    fn tally(&mut self) -> (Vec<Dropped>, Vec<Faults>) {
        let Tally { dropped, faults } = std::mem::take(&mut self.tally);
        (dropped, faults)
    }

    /// What there is, as a batch; `None` without any. What comes next is another one.
    fn take(&mut self, py: Python<'_>) -> PyResult<Option<Batch>> {
        let request = self.records.take();
        if request.is_empty() {
            return Ok(None);
        }
        let payload = py.detach(|| Payload::parse(&LOGS, request));
        let payload = payload.map_err(|fault| malformed(py, fault))?;
        Ok(Some(Batch::new(vec![Arc::new(payload)])))
    }
}

/// A file that is read as it grows.
#[pyclass(module = "penstock._kernel")]
pub struct LogFile {
    rules: Arc<Rules>,
    gzip: bool,
    file: File,
}

#[pymethods]
impl LogFile {
    #[new]
    fn new(rules: &LogRules, gzip: bool) -> Self {
        let attributes = Map::default();
        let file = File {
            source: None,
            offset: 0,
            number: 0,
            partial: 0,
            attributes,
            state: State::default(),
        };
        Self { rules: Arc::clone(&rules.0), gzip, file }
    }

    /// Where the next entry begins; in a compressed file, in what it holds.
    #[getter]
    fn offset(&self) -> u64 {
        self.file.offset
    }

    /// Entries before that.
    #[getter]
    fn number(&self) -> u64 {
        self.file.number
    }

    /// Up to where all entries have become records, and how many those are.
    #[getter]
    fn safe(&self) -> (u64, u64) {
        self.file.safe()
    }

    /// Entries before `offset` that wait for others to be put together with.
    #[getter]
    fn held(&self) -> usize {
        self.file.state.waiting.len()
    }

    /// Bytes after that which are no entry yet.
    #[getter]
    fn partial(&self) -> usize {
        self.file.partial
    }

    #[getter]
    fn is_open(&self) -> bool {
        self.file.source.is_some()
    }

    /// Read on from there.
    fn seek(&mut self, offset: u64, number: u64) {
        (self.file.offset, self.file.number, self.file.partial) = (offset, number, 0);
    }

    /// Read on from the end of the open file. Raises `OSError`.
    fn seek_end(&mut self, py: Python<'_>) -> PyResult<()> {
        if let Some(source) = &mut self.file.source {
            self.file.offset = py.detach(|| source.size())?;
        }
        Ok(())
    }

    /// Say these, an object in JSON, of the file with each entry. Raises `ValueError`.
    fn describe(&mut self, attributes: &str) -> PyResult<()> {
        let said: Map<'static> = serde_json::from_str(attributes).map_err(wrong)?;
        self.file.attributes = self.rules.attributes.clone();
        self.file.attributes.merge(said);
        Ok(())
    }

    /// Raises `OSError`.
    fn open(&mut self, py: Python<'_>, path: &str) -> PyResult<()> {
        let gzip = self.gzip;
        self.file.source = Some(py.detach(|| Source::open(path, gzip))?);
        Ok(())
    }

    fn close(&mut self) {
        self.file.source = None;
    }

    /// Device and number of the open file, its size and when it was modified, in Unix nanoseconds.
    /// Raises `OSError`.
    fn identity(&self) -> PyResult<Identity> {
        let source = self.file.source.as_ref();
        Ok(source.ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected))?.identity()?)
    }

    /// The first bytes of what the open file holds. Raises `OSError`.
    fn beginning<'py>(&mut self, py: Python<'py>, size: usize) -> PyResult<Bound<'py, PyBytes>> {
        let Some(source) = &mut self.file.source else { return Ok(PyBytes::new(py, b"")) };
        let mut buffer = Vec::new();
        let filled = py.detach(|| source.read_at(0, &mut buffer, size))?;
        Ok(PyBytes::new(py, &buffer[..filled]))
    }

    /// Read about `limit` bytes on, into `records`; return how many. With `all`, what is at the end
    /// of the file is an entry although nothing ends it. `now` is in Unix nanoseconds. Raises
    /// `OSError`.
    fn read(
        &mut self,
        py: Python<'_>,
        mut records: PyRefMut<'_, LogRecords>,
        limit: u64,
        now: u64,
        all: bool,
    ) -> PyResult<u64> {
        let Self { rules, file, .. } = self;
        let LogRecords { records, tally, buffer } = &mut *records;
        records.now = now;
        let mut out = Outlet { records, tally };
        Ok(py.detach(|| file.read(rules, &mut out, buffer, limit, all))?)
    }

    /// Put together what waits for others, which may never come.
    fn finish(&mut self, mut records: PyRefMut<'_, LogRecords>) {
        let LogRecords { records, tally, .. } = &mut *records;
        self.rules.operators.flush(&mut self.file.state, &mut Outlet { records, tally }, u64::MAX);
    }
}
