//! Messages that are log records, each of them one.

use std::sync::Arc;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;

use crate::batch::{Batch, malformed};
use crate::documents::fields::Said;
use crate::documents::text::string;
use crate::documents::value as documents;
use crate::exposition::text_of::text_of;
use crate::payload::Payload;
use crate::schema::{LOG_RECORD, LOGS};
use crate::tail::entry::Entry;
use crate::tail::read_json::Reading;
use crate::tail::records::Records;
use crate::tail::value::Value;

/// What becomes of a message's bytes.
#[derive(Clone, Copy)]
enum Body {
    Text,
    Bytes,
    Json,
}

impl Body {
    fn by_name(name: &str) -> Option<Self> {
        Some(match name {
            "text" => Self::Text,
            "raw" => Self::Bytes,
            "json" => Self::Json,
            _ => return None,
        })
    }

    fn read(self, message: &[u8]) -> Result<Value<'_>, String> {
        Ok(match self {
            Self::Text => Value::Text(String::from_utf8_lossy(message)),
            Self::Bytes => Value::Bytes(message.into()),
            Self::Json => {
                let text = simdutf8::basic::from_utf8(message)
                    .map_err(|_| "the text is not valid UTF-8".to_owned())?;
                Reading::new(true).read(text).map_err(|error| error.to_string())?
            }
        })
    }
}

/// A batch, `None` without items; and by their positions the messages that cannot be read, and why.
pub type Found = (Option<Batch>, Vec<(usize, String)>);

/// The messages as log records.
#[pyfunction]
pub fn log_records(
    py: Python<'_>,
    messages: Vec<PyBackedBytes>,
    encoding: &str,
    observed: u64,
) -> PyResult<Found> {
    let body = Body::by_name(encoding)
        .ok_or_else(|| PyValueError::new_err(format!("there is no encoding {encoding:?}")))?;
    let found = py.detach(|| {
        let mut records = Records::default();
        records.now = observed;
        let mut faults = Vec::new();
        for (position, message) in messages.iter().enumerate() {
            match body.read(message) {
                Ok(body) => records.add(&Entry { body, ..Entry::default() }),
                Err(fault) => faults.push((position, fault)),
            }
        }
        let payload = match records.items {
            0 => None,
            _ => Some(Payload::parse(&LOGS, records.take())?),
        };
        Ok((payload, faults))
    });
    let (payload, faults) = found.map_err(|fault| malformed(py, fault))?;
    Ok((payload.map(|payload| Batch::new(vec![Arc::new(payload)])), faults))
}

/// The body of each record as a message: bytes as they are, all else as JSON; and the positions of
/// those that have none.
#[pyfunction]
pub fn log_bodies<'py>(py: Python<'py>, batch: &Batch) -> Vec<Option<Bound<'py, PyBytes>>> {
    let bodies = py.detach(|| {
        let bodies = batch.payloads().iter().flat_map(|payload| {
            let items = payload.index().items().iter();
            items.map(|node| body(&Said::of(&LOG_RECORD, node.body(payload.bytes()))))
        });
        bodies.collect::<Vec<_>>()
    });
    bodies.into_iter().map(|body| body.map(|body| PyBytes::new(py, &body))).collect()
}

fn body(record: &Said) -> Option<Vec<u8>> {
    let any_value = record.message(5);
    match documents::Value::of(&any_value) {
        documents::Value::Empty => None,
        documents::Value::Bytes(bytes) => Some(bytes.to_vec()),
        documents::Value::Text(text) => {
            let mut out = Vec::with_capacity(text.len() + 2);
            string(&mut out, text);
            Some(out)
        }
        _ => Some(text_of(&any_value).into_owned().into_bytes()),
    }
}
