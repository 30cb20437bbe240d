//! What Python does with calls: it gives batches of spans, and gets calls in columns.

use std::sync::Mutex;

use ahash::HashMap;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::calls::{Call, Calls, Counts};
use super::half::{Connection, End, Role};
use super::read::{self, Wanted};
use super::sides::{Sides, read_texts};
use crate::batch::{Batch, array};
use crate::lock::lock;
use crate::schema::TRACES;

/// Places of texts in what is told of a side.
const SERVICE: usize = 0;
const DATABASE: usize = 1;
const PEER: usize = 2;
const DIMENSIONS: usize = 3;

/// Calls between services, from the spans of their two sides.
#[pyclass(frozen, module = "penstock._kernel")]
pub struct Edges {
    calls: Mutex<Calls>,
    wanted: Wanted,
}

/// Texts of calls: a code for each, and the distinct values.
type Texts<'py> = (Bound<'py, PyBytes>, Vec<Option<String>>);
/// Columns of texts; connections, missing sides and failures as `uint8`; seconds of the client and
/// of the server as native `float64`; and how many calls were new and expired, and how many spans
/// found no room and had no ids.
type Met<'py> = (Vec<Texts<'py>>, [Bound<'py, PyBytes>; 3], [Bound<'py, PyBytes>; 2], [u64; 4]);

#[pymethods]
impl Edges {
    #[new]
    #[pyo3(signature = (*, dimensions, databases, peers, limit, ttl, longest))]
    fn new(
        dimensions: Vec<String>,
        databases: Vec<String>,
        peers: Vec<String>,
        limit: usize,
        ttl: u64,
        longest: usize,
    ) -> Self {
        let virtual_nodes = !peers.is_empty();
        Self {
            calls: Mutex::new(Calls::new(limit, ttl, virtual_nodes)),
            wanted: Wanted::new(&dimensions, &databases, &peers, longest),
        }
    }

    /// Take spans; the calls that this makes whole.
    fn add<'py>(&self, py: Python<'py>, batch: &Batch, now: u64) -> PyResult<Met<'py>> {
        if !std::ptr::eq(batch.signal_of(), &raw const TRACES) {
            return Err(PyValueError::new_err("only spans are sides of calls"));
        }
        let columns = py.detach(|| {
            self.change(|calls, met| {
                for payload in batch.payloads() {
                    read::take(calls, &self.wanted, payload, now, met);
                }
            })
        });
        columns.into_python(py)
    }

    /// Forget what has waited too long; the calls that are told of all the same.
    fn expire<'py>(&self, py: Python<'py>, now: u64) -> PyResult<Met<'py>> {
        let columns = py.detach(|| self.change(|calls, met| calls.expire(now, met)));
        columns.into_python(py)
    }

    /// How many calls wait for their other side, and the bytes that they take.
    fn size(&self) -> (usize, usize) {
        let calls = lock(&self.calls);
        (calls.len(), calls.weight())
    }
}

impl Edges {
    fn change(&self, change: impl FnOnce(&mut Calls, &mut Vec<Call>)) -> Columns {
        let mut calls = lock(&self.calls);
        let mut met = Vec::new();
        change(&mut calls, &mut met);
        let counts = std::mem::take(&mut calls.counts);
        let columns = Columns::new(&calls.sides, self.wanted.dimensions.len(), &met, counts);
        calls.release(&met);
        columns
    }
}

/// Calls, column by column.
struct Columns {
    texts: Vec<(Vec<u32>, Vec<Option<String>>)>,
    states: [Vec<u8>; 3],
    seconds: [Vec<f64>; 2],
    counts: Counts,
}

impl Columns {
    fn new(sides: &Sides, dimensions: usize, met: &[Call], counts: Counts) -> Self {
        let text = |end: Option<End>, place: usize| {
            end.and_then(|end| read_texts(sides.texts(end.side)).nth(place).flatten())
        };
        let server = |call: &Call| match (call.connection, call.missing) {
            (Connection::Database, _) => text(call.client, DATABASE),
            (_, Some(Role::Server)) => text(call.client, PEER),
            _ => text(call.server, SERVICE),
        };
        let mut texts = vec![
            column(met.iter().map(|call| text(call.client, SERVICE))),
            column(met.iter().map(server)),
        ];
        for place in (DIMENSIONS..).take(dimensions) {
            texts.push(column(met.iter().map(|call| text(call.client, place))));
            texts.push(column(met.iter().map(|call| text(call.server, place))));
        }
        let states = [
            met.iter().map(|call| call.connection as u8).collect(),
            met.iter().map(|call| call.missing.map_or(0, |role| 1 + role as u8)).collect(),
            met.iter().map(|call| u8::from(call.failed)).collect(),
        ];
        let seconds = [
            met.iter().map(|call| seconds(call.client)).collect(),
            met.iter().map(|call| seconds(call.answering())).collect(),
        ];
        Self { texts, states, seconds, counts }
    }

    fn into_python(self, py: Python<'_>) -> PyResult<Met<'_>> {
        let Counts { new, expired, full, invalid } = self.counts;
        let text =
            |(codes, values): (Vec<u32>, _)| Ok((array(py, &codes, u32::to_ne_bytes)?, values));
        Ok((
            self.texts.into_iter().map(text).collect::<PyResult<_>>()?,
            self.states.map(|states| PyBytes::new(py, &states)),
            [
                array(py, &self.seconds[0], f64::to_ne_bytes)?,
                array(py, &self.seconds[1], f64::to_ne_bytes)?,
            ],
            [new, expired, full, invalid],
        ))
    }
}

fn column<'a>(texts: impl Iterator<Item = Option<&'a str>>) -> (Vec<u32>, Vec<Option<String>>) {
    let mut known = HashMap::default();
    let mut values = Vec::new();
    let codes = texts.map(|text| {
        *known.entry(text).or_insert_with(|| {
            values.push(text.map(String::from));
            values.len() as u32 - 1
        })
    });
    (codes.collect(), values)
}

fn seconds(end: Option<End>) -> f64 {
    end.map_or(0.0, |end| end.nanos as f64 / 1e9)
}
