//! What is pushed, as Python has it.

use std::io::Read;
use std::sync::Arc;

use pyo3::exceptions::{PyOverflowError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use serde_json::value::RawValue;

use super::any;
use super::documents::{self, Framing};
use super::faults::Faults;
use super::influx::{self, Options};
use super::items::{self, Around, Sort};
use super::tree::{Origin, Tree};
use crate::batch::{Batch, malformed};
use crate::encode::{write_record, write_text_pair};
use crate::intake::decompress::{Encoding, Failure};
use crate::payload::Payload;
use crate::remote_write::snappy;
use crate::schema::{LOGS, METRICS, Signal};
use crate::wire::{Malformed, is_utf8, write_fixed};

/// A batch, `None` without items; how many pieces were not taken, and for the first of them their
/// place and what is wrong with them.
type Found = (Option<Batch>, usize, Told);

type Told = Vec<(usize, String)>;

/// The name and the version of a scope.
type Scope = (String, String);

fn scope(given: &Scope) -> Vec<u8> {
    let mut body = Vec::new();
    write_record(&mut body, 1, given.0.as_bytes());
    write_record(&mut body, 2, given.1.as_bytes());
    body
}

fn batch(signal: &'static Signal, tree: Tree) -> Result<Option<Batch>, Malformed> {
    if tree.items == 0 {
        return Ok(None);
    }
    let payload = Payload::parse(signal, tree.write())?;
    Ok(Some(Batch::new(vec![Arc::new(payload)])))
}

fn told(faults: Faults) -> (usize, Told) {
    (faults.count, faults.told)
}

/// A body without its compression, of at most `limit` bytes. `None` if it is more, `ValueError` for
/// what is not of that encoding.
#[pyfunction]
pub fn decompressed<'py>(
    py: Python<'py>,
    encoding: &str,
    body: &[u8],
    limit: usize,
) -> PyResult<Option<Bound<'py, PyBytes>>> {
    let found = py.detach(|| match encoding {
        "snappy" => unsnapped(body, limit),
        name => Encoding::by_name(name).ok_or(Failure::Broken)?.decode(body.to_vec(), limit),
    });
    match found {
        Ok(body) => Ok(Some(PyBytes::new(py, &body))),
        Err(Failure::TooLarge) => Ok(None),
        Err(Failure::Broken) => Err(PyValueError::new_err(format!("the body is no {encoding}"))),
    }
}

/// What Snappy's frames begin with; a single block has none.
const FRAMES: &[u8] = b"\xff\x06\0\0sNaPpY";

fn unsnapped(body: &[u8], limit: usize) -> Result<Vec<u8>, Failure> {
    if !body.starts_with(FRAMES) {
        return snappy::decode(body, limit).map_err(|failure| match failure {
            snappy::Failure::TooLarge => Failure::TooLarge,
            snappy::Failure::Malformed(_) => Failure::Broken,
        });
    }
    let mut out = Vec::new();
    let mut frames = snap::read::FrameDecoder::new(body).take(limit as u64 + 1);
    frames.read_to_end(&mut out).map_err(|_| Failure::Broken)?;
    if out.len() > limit { Err(Failure::TooLarge) } else { Ok(out) }
}

/// Items of JSON: `sort` is `metrics`, `logs` or `events`; with `lines`, an item a line.
#[pyfunction]
#[pyo3(signature = (sort, body, *, lines, now, scope))]
pub fn read_items(
    py: Python<'_>,
    sort: &str,
    body: &[u8],
    lines: bool,
    now: u64,
    scope: Scope,
) -> PyResult<Found> {
    let Some((_, sort)) = Sort::ALL.into_iter().find(|(name, _)| *name == sort) else {
        return Err(PyValueError::new_err(format!("there are no {sort:?}")));
    };
    let framing = if lines { Framing::Lines } else { Framing::Document };
    let around = Around { scope: &self::scope(&scope), now };
    let found = py.detach(|| {
        let (tree, faults) = items::read(sort, body, framing, &around)?;
        Ok((batch(sort.signal(), tree)?, told(faults)))
    });
    let (batch, (count, told)) = found.map_err(|fault| malformed(py, fault))?;
    Ok((batch, count, told))
}

/// The lines of Influx, whose times are in units of `precision` nanoseconds; and how many fields
/// were texts.
#[pyfunction]
#[pyo3(signature = (body, *, precision, now, resource, scope, room))]
pub fn read_lines(
    py: Python<'_>,
    body: &[u8],
    precision: i64,
    now: u64,
    resource: Vec<String>,
    scope: Scope,
    room: usize,
) -> PyResult<(Option<Batch>, usize, Told, usize)> {
    let scope = self::scope(&scope);
    let options = Options { precision, now, resource: &resource, scope: &scope, room };
    let found = py.detach(|| {
        let Some(outcome) = influx::read(body, &options) else { return Ok(None) };
        Ok(Some((batch(&METRICS, outcome.tree)?, told(outcome.faults), outcome.texts)))
    });
    match found.map_err(|fault| malformed(py, fault))? {
        Some((batch, (count, told), texts)) => Ok((batch, count, told, texts)),
        None => Err(PyOverflowError::new_err("the lines take too much room as OTLP")),
    }
}

/// One log record with that body, which with `json` is structured.
#[pyfunction]
#[pyo3(signature = (body, *, json, attributes, now, scope))]
pub fn read_webhook(
    py: Python<'_>,
    body: &[u8],
    json: bool,
    attributes: Vec<(String, String)>,
    now: u64,
    scope: Scope,
) -> PyResult<Batch> {
    let found = py.detach(|| {
        let mut record = Vec::new();
        write_record(&mut record, 5, &if json { structured(body)? } else { plain(body) });
        for (key, value) in &attributes {
            write_text_pair(&mut record, 6, key, value);
        }
        write_fixed(&mut record, 11, now);
        let mut tree = Tree::default();
        let origin = tree.origin(Origin { resource: Vec::new(), scope: self::scope(&scope) });
        tree.record(origin, &record);
        batch(&LOGS, tree)
    });
    let batch = found.map_err(|fault| malformed(py, fault))?;
    batch.ok_or_else(|| PyValueError::new_err("a webhook is one log record"))
}

fn structured(body: &[u8]) -> Result<Vec<u8>, Malformed> {
    let fault = |reason, offset| Malformed { offset, reason };
    let text = simdutf8::compat::from_utf8(body)
        .map_err(|error| fault("the text is not valid UTF-8", error.valid_up_to()))?;
    let value: &RawValue = serde_json::from_str(text)
        .map_err(|error| fault("the text is not valid JSON", documents::offset(text, &error)))?;
    any::value(value).map_err(|error| {
        let reason = "the JSON is nested too deeply, or has a key twice in an object";
        fault(reason, documents::offset(text, &error))
    })
}

/// A text, or bytes that are none.
fn plain(body: &[u8]) -> Vec<u8> {
    let mut value = Vec::new();
    write_record(&mut value, if is_utf8(body) { 1 } else { 7 }, body);
    value
}
