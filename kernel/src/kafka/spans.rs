//! Messages that hold spans of other systems.

use std::sync::Arc;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;

use super::logs::Found;
use crate::batch::{Batch, malformed};
use crate::encoding::write_hex;
use crate::jaeger;
use crate::payload::Payload;
use crate::push::tree::Tree;
use crate::schema::TRACES;
use crate::zipkin::{from_otlp, json, model, protobuf, to_otlp};

/// Key and value.
type Message<'py> = (Bound<'py, PyBytes>, Bound<'py, PyBytes>);

/// A message of Jaeger for each span, whose key is the trace's id.
#[pyfunction]
pub fn jaeger_messages<'py>(
    py: Python<'py>,
    batch: &Batch,
    encoding: &str,
) -> PyResult<Vec<Message<'py>>> {
    let as_json = match encoding {
        "jaeger_proto" => false,
        "jaeger_json" => true,
        _ => return Err(unknown(encoding)),
    };
    let found = py.detach(|| {
        let mut found = jaeger::write::messages(batch.payloads());
        if as_json {
            for message in &mut found {
                message.value = jaeger::json::write(&message.value);
            }
        }
        found
    });
    let message = |it: &jaeger::write::Message| {
        (PyBytes::new(py, &hex(&it.trace_id)), PyBytes::new(py, &it.value))
    };
    Ok(found.iter().map(message).collect())
}

/// An id whose upper half is 0 is written as one of 8 bytes.
fn hex(trace_id: &[u8; 16]) -> Vec<u8> {
    let mut out = Vec::with_capacity(32);
    write_hex(&mut out, if trace_id[..8] == [0; 8] { &trace_id[8..] } else { trace_id });
    out
}

/// A list of spans of Zipkin; and by their positions the items that have no ids, which are not in it.
#[pyfunction]
pub fn zipkin_message<'py>(
    py: Python<'py>,
    batch: &Batch,
    encoding: &str,
) -> PyResult<(Bound<'py, PyBytes>, Vec<u32>)> {
    let mut out = Vec::new();
    let payloads = batch.payloads();
    let unfit = match encoding {
        "zipkin_proto" => {
            py.detach(|| from_otlp::spans(payloads, |span| protobuf::write(&mut out, span)))
        }
        "zipkin_json" => py.detach(|| {
            out.push(b'[');
            let unfit = from_otlp::spans(payloads, |span| json::write(&mut out, span));
            out.push(b']');
            unfit
        }),
        _ => return Err(unknown(encoding)),
    };
    Ok((PyBytes::new(py, &out), unfit))
}

fn unknown(encoding: &str) -> PyErr {
    PyValueError::new_err(format!("there is no encoding {encoding:?}"))
}

/// The spans of messages, and by their positions the messages that are none, and why.
#[pyfunction]
pub fn read_spans(py: Python<'_>, messages: Vec<PyBackedBytes>, encoding: &str) -> PyResult<Found> {
    let read = match encoding {
        "jaeger_proto" => read_jaeger,
        "jaeger_json" => read_jaeger_json,
        "zipkin_json" => |messages: &[PyBackedBytes]| read_zipkin(messages, json::read),
        "zipkin_proto" => |messages: &[PyBackedBytes]| read_zipkin(messages, protobuf::read),
        _ => return Err(unknown(encoding)),
    };
    let found = py.detach(|| {
        let (tree, faults) = read(&messages);
        let payload = match tree.items {
            0 => None,
            _ => Some(Payload::parse(&TRACES, tree.write())?),
        };
        Ok((payload, faults))
    });
    let (payload, faults) = found.map_err(|fault| malformed(py, fault))?;
    Ok((payload.map(|payload| Batch::new(vec![Arc::new(payload)])), faults))
}

type Faults = Vec<(usize, String)>;

fn read_jaeger(messages: &[PyBackedBytes]) -> (Tree, Faults) {
    let mut reader = jaeger::read::Reader::default();
    let faults = faults(messages, |message| reader.read(message));
    (reader.tree, faults)
}

fn read_jaeger_json(messages: &[PyBackedBytes]) -> (Tree, Faults) {
    let mut reader = jaeger::read::Reader::default();
    let faults = faults(messages, |message| reader.read(&jaeger::json::read(message)?));
    (reader.tree, faults)
}

fn read_zipkin(
    messages: &[PyBackedBytes],
    read: for<'a> fn(&'a [u8]) -> Result<Vec<model::Span<'a>>, String>,
) -> (Tree, Faults) {
    let mut tree = Tree::default();
    let faults = faults(messages, |message| {
        for span in read(message)? {
            to_otlp::add(&mut tree, span);
        }
        Ok(())
    });
    (tree, faults)
}

fn faults(messages: &[PyBackedBytes], mut read: impl FnMut(&[u8]) -> Result<(), String>) -> Faults {
    let results = messages.iter().map(|message| read(message)).enumerate();
    results.filter_map(|(place, result)| Some((place, result.err()?))).collect()
}
