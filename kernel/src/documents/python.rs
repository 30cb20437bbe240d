//! Documents as Python has them.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::bulk::{self, Body};
use super::route::{Mode, Place, Plan, Route};
use super::{answer, points};
use crate::batch::{Batch, check_len};
use crate::schema::METRICS;

/// The mode, the beginning of the action, and the data stream.
type Given = (String, Vec<u8>, Option<(String, String, String)>);

/// The bytes; how many documents; the items that these are of, and the place of a document of each,
/// as native `uint32`.
type Ready<'py> = (Bound<'py, PyBytes>, usize, Bound<'py, PyBytes>, Bound<'py, PyBytes>);

/// Bodies; the items that have no document there, as native `uint32`; and where to go on.
type Part<'py> = (Vec<Ready<'py>>, Bound<'py, PyBytes>, Option<(usize, usize)>);

/// The bodies of the bulk API that a batch becomes, from a place on.
#[pyfunction]
#[pyo3(signature = (batch, routes, items, events, begin, *, ids, pipelines, templates, max_bytes, max_documents, max_total, level))]
#[expect(clippy::too_many_arguments, reason = "they have names in Python")]
pub fn bulk_bodies<'py>(
    py: Python<'py>,
    batch: &Batch,
    routes: Vec<Given>,
    items: pyo3::buffer::PyBuffer<u32>,
    events: pyo3::buffer::PyBuffer<u32>,
    begin: (usize, usize),
    ids: bool,
    pipelines: bool,
    templates: bool,
    max_bytes: usize,
    max_documents: usize,
    max_total: usize,
    level: Option<u32>,
) -> PyResult<Part<'py>> {
    check_len(items.item_count(), batch.items(), "codes of items")?;
    let (items, events) = (items.to_vec(py)?, events.to_vec(py)?);
    let routes = routes.into_iter().map(route).collect::<PyResult<Vec<_>>>()?;
    if items.iter().chain(&events).any(|code| *code as usize >= routes.len()) {
        return Err(PyValueError::new_err("a code has no route"));
    }
    let plan = Plan {
        routes,
        items,
        events,
        ids,
        pipelines,
        templates,
        max_bytes,
        max_documents,
        max_total,
        level,
    };
    let begin = Place { at: begin.0, events: begin.1 };
    let metrics = std::ptr::eq(batch.signal_of(), &raw const METRICS);
    let write = if metrics { points::write } else { bulk::write };
    let written = py.detach(|| write(batch.payloads(), &plan, begin));
    let ready = written.bodies.iter().map(|body| ready(py, body)).collect();
    let next = written.next.map(|place| (place.at, place.events));
    Ok((ready, native(py, &written.unwritten), next))
}

fn route((mode, head, stream): Given) -> PyResult<Route> {
    let Some(mode) = Mode::by_name(&mode) else {
        return Err(PyValueError::new_err(format!("{mode:?} is no mapping mode")));
    };
    Ok(Route { mode, head, stream: stream.map(|(a, b, c)| [a, b, c]) })
}

fn ready<'py>(py: Python<'py>, body: &Body) -> Ready<'py> {
    let bytes = PyBytes::new(py, &body.bytes);
    (bytes, body.documents, native(py, &body.items), native(py, &body.places))
}

fn native<'py>(py: Python<'py>, values: &[u32]) -> Bound<'py, PyBytes> {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_ne_bytes()).collect();
    PyBytes::new(py, &bytes)
}

/// Status, type and reason.
type Reason = (u16, String, String);

/// What the bulk API says became of each document: statuses as native `uint16`, and what was said of
/// some that failed: status, type and reason. `None` for what is no such answer.
#[pyfunction]
pub fn bulk_outcomes<'py>(
    py: Python<'py>,
    answer: &[u8],
) -> Option<(Bound<'py, PyBytes>, Vec<Reason>)> {
    let outcomes = py.detach(|| answer::read(answer))?;
    let statuses: Vec<u8> = outcomes.statuses.iter().flat_map(|it| it.to_ne_bytes()).collect();
    Some((PyBytes::new(py, &statuses), outcomes.reasons))
}
