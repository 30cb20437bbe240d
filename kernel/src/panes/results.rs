//! What was merged as Python has it, and metrics that are made of it.

use std::iter;
use std::sync::Arc;

use pyo3::buffer::PyBuffer;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use super::content::{Figure, Wanted};
use super::python::Record;
use super::rows::Rows;
use super::write::{Form, Frame, Outgoing};
use crate::batch::{Batch, array, check_len, malformed};
use crate::encode;
use crate::merge::merge;
use crate::payload::Payload;
use crate::schema::{ANY_VALUE, METRICS, RESOURCE};
use crate::series::value::Value;
use crate::value;

/// What a metric is called.
#[derive(FromPyObject)]
pub struct Metric {
    name: String,
    unit: String,
    description: String,
    scope: String,
    version: String,
    monotonic: bool,
    cumulative: bool,
}

impl Metric {
    pub fn frame(
        self,
        start: Option<u64>,
        time: u64,
        attributes: &[(String, Bound<'_, PyAny>)],
    ) -> PyResult<Frame> {
        let Self { name, unit, description, scope, version, monotonic, cumulative } = self;
        let attributes = attributes
            .iter()
            .map(|(name, value)| Ok((name.clone(), encode::any_value(value)?)))
            .collect::<PyResult<_>>()?;
        Ok(Frame {
            name,
            unit,
            description,
            scope,
            version,
            monotonic,
            cumulative,
            start,
            time,
            attributes,
        })
    }
}

/// The number of a class, or the name of a figure.
pub fn wanted(value: &Bound<'_, PyAny>) -> PyResult<Wanted> {
    if let Ok(class) = value.extract() {
        return Ok(Wanted::Class(class));
    }
    figure(value.extract()?, None).map(Wanted::Figure)
}

fn figure(name: &str, share: Option<f64>) -> PyResult<Figure> {
    Ok(match (name, share) {
        ("count", _) => Figure::Count,
        ("sum", _) => Figure::Sum,
        ("min", _) => Figure::Min,
        ("max", _) => Figure::Max,
        ("mean", _) => Figure::Mean,
        ("last", _) => Figure::Last,
        ("distinct", _) => Figure::Distinct,
        ("busy", _) => Figure::Busy,
        ("quantile", Some(share)) if (0.0..=1.0).contains(&share) => Figure::Quantile(share),
        ("quantile", _) => return Err(PyValueError::new_err("expected a quantile from 0 to 1")),
        _ => return Err(PyValueError::new_err(format!("nothing has a figure {name:?}"))),
    })
}

pub fn batch(py: Python<'_>, request: Vec<u8>) -> PyResult<Batch> {
    let payload = Payload::parse(&METRICS, request).map_err(|fault| malformed(py, fault))?;
    Ok(Batch::new(vec![Arc::new(payload)]))
}

pub fn record<'py>(py: Python<'py>, name: &[u8], body: Option<Vec<u8>>) -> Record<'py> {
    (PyBytes::new(py, name), body.map(|body| PyBytes::new(py, &body)))
}

/// What was merged, a row for each key.
#[pyclass(frozen, module = "penstock._kernel")]
pub struct Result(pub Box<dyn Rows>);

#[pymethods]
impl Result {
    fn __len__(&self) -> usize {
        self.0.keys().len()
    }

    /// The attributes of each key.
    fn labels<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let labels = |called: &super::rows::Called| {
            let dict = PyDict::new(py);
            for (name, body) in called.said.pairs() {
                let parts = merge(&ANY_VALUE, iter::once(body));
                let value = value::nested(py, &ANY_VALUE, &parts)?;
                dict.set_item(String::from_utf8_lossy(name), value)?;
            }
            Ok(dict)
        };
        self.0.keys().iter().map(labels).collect()
    }

    /// The attributes of each key's resource.
    fn resources<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let resource = |called: &super::rows::Called| {
            let parts = merge(&RESOURCE, iter::once(&*called.said.resource));
            value::repeated(py, &RESOURCE.fields[0], &parts)
        };
        self.0.keys().iter().map(resource).collect()
    }

    /// The `id` and the `check` of each key, as pairs of native `uint64`.
    fn ids<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let ids: Vec<[u64; 2]> =
            self.0.keys().iter().map(|called| [called.id.id, called.id.check]).collect();
        array(py, ids.as_flattened(), u64::to_ne_bytes)
    }

    /// How many there were of each class or in each bucket, as native `uint64`, key after key, and
    /// how many of those a key has.
    fn counts<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyBytes>, usize)> {
        let unknown = || PyValueError::new_err("panes of this shape have no classes or buckets");
        let (counts, width) = self.0.counts().ok_or_else(unknown)?;
        Ok((array(py, &counts, u64::to_ne_bytes)?, width))
    }

    /// A number of each key, as native `float64`.
    #[pyo3(signature = (name, share = None))]
    fn figures<'py>(
        &self,
        py: Python<'py>,
        name: &str,
        share: Option<f64>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let wanted = figure(name, share)?;
        let figures = py.detach(|| self.0.figures(wanted));
        let unknown = || PyValueError::new_err(format!("panes of this shape have no {name}"));
        array(py, &figures.ok_or_else(unknown)?, f64::to_ne_bytes)
    }

    /// Gauges with these values, those aside that are no number.
    #[pyo3(signature = (metric, values, *, time, start_time, integers, attributes))]
    #[allow(clippy::too_many_arguments)] // what metrics say
    fn gauges(
        &self,
        py: Python<'_>,
        metric: Metric,
        values: PyBuffer<f64>,
        time: u64,
        start_time: u64,
        integers: bool,
        attributes: Vec<(String, Bound<'_, PyAny>)>,
    ) -> PyResult<Option<Batch>> {
        check_len(values.item_count(), self.0.keys().len(), "values")?;
        let values = values.to_vec(py)?;
        let frame = metric.frame(Some(start_time), time, &attributes)?;
        let points = self.points(&values, start_time, integers);
        if points.is_empty() {
            return Ok(None);
        }
        batch(py, py.detach(|| frame.request(Form::GAUGE, points))).map(Some)
    }
}

impl Result {
    fn points(&self, values: &[f64], start: u64, integers: bool) -> Vec<Outgoing> {
        let known = values.iter().zip(self.0.keys()).filter(|(value, _)| !value.is_nan());
        let point = |(value, called): (&f64, &super::rows::Called)| {
            let value =
                if integers { Value::Int(value.round() as i64) } else { Value::Double(*value) };
            Outgoing { said: called.said.clone(), start, value, exemplars: Vec::new() }
        };
        known.map(point).collect()
    }
}
