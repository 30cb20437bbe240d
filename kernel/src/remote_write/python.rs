//! Remote write as Python has it: requests that were received, and points that are to be sent.

use std::sync::Arc;

use ahash::HashMap;
use pyo3::exceptions::{PyOverflowError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::otlp::{Meaning, Sense};
use super::outgoing::{Attributes, Outgoing, Said as Told};
use super::plan::{Family, Info, Origin, Plan};
use super::points::{Outcome, convert};
use super::read::{Metric, Request, Version};
use super::requests;
use super::snappy::{self, Failure};
use crate::batch::{Batch, malformed};
use crate::payload::Payload;
use crate::schema::METRICS;

/// A request that was received.
#[pyclass(frozen, module = "penstock._kernel", name = "WriteRequest")]
pub struct WriteRequest(Request);

type Said = (String, u64, String, String);

/// The resource attributes of each target; and of each metric its name, description, unit, type in
/// Prometheus and whether it is a counter.
type Resources = Vec<Vec<(String, String)>>;
type Senses = Vec<(String, String, String, String, bool)>;

#[pymethods]
impl WriteRequest {
    /// Of a compressed body that comes to `max_bytes` at most, and its series to `room`; `None` for
    /// one that is larger.
    #[staticmethod]
    fn read(
        py: Python<'_>,
        version: u8,
        body: &[u8],
        max_bytes: usize,
        room: usize,
    ) -> PyResult<Option<Self>> {
        let request = py.detach(|| {
            let bytes = snappy::decode(body, max_bytes)?;
            Request::read(Version::numbered(version), bytes, room).map_err(Failure::Malformed)
        });
        match request {
            Ok(request) => Ok(Some(Self(request))),
            Err(Failure::TooLarge) => Ok(None),
            Err(Failure::Malformed(fault)) => Err(malformed(py, fault)),
        }
    }

    #[getter]
    fn targets(&self) -> Vec<(&str, &str, Option<Attributes>)> {
        let targets = self.0.targets.iter();
        targets.map(|it| (it.job.as_str(), it.instance.as_str(), it.info.clone())).collect()
    }

    #[getter]
    fn metrics(&self) -> Vec<Said> {
        self.0.metrics.iter().map(said).collect()
    }

    #[getter]
    fn metadata(&self) -> Vec<Said> {
        self.0.metadata.iter().map(said).collect()
    }

    #[getter]
    fn faults(&self) -> (usize, &'static str) {
        (self.0.faults, self.0.fault.unwrap_or_default())
    }

    /// The batch, `None` without items, and how much it holds of what.
    fn batch(
        &self,
        py: Python<'_>,
        resources: Resources,
        metrics: Senses,
        limit: usize,
    ) -> PyResult<(Option<Batch>, [usize; 5])> {
        if (resources.len(), metrics.len()) != (self.0.targets.len(), self.0.metrics.len()) {
            return Err(PyValueError::new_err("expected one for each target and each metric"));
        }
        let metrics = metrics.into_iter().map(sense).collect();
        let meaning = Meaning { resources, metrics };
        let Some(outcome) = py.detach(|| convert(&self.0, &meaning, limit)) else {
            return Err(PyOverflowError::new_err("the request takes too much room as OTLP"));
        };
        let Outcome { payload, samples, histograms, exemplars, gauges, faulty } = outcome;
        let payload = py.detach(|| Payload::parse(&METRICS, payload));
        let payload = payload.map_err(|fault| malformed(py, fault))?;
        let batch = (payload.items() > 0).then(|| Batch::new(vec![Arc::new(payload)]));
        Ok((batch, [samples, histograms, exemplars, gauges, faulty]))
    }
}

fn said(metric: &Metric) -> Said {
    let Metric { name, kind, help, unit } = metric.clone();
    (name, kind, help, unit)
}

fn sense(given: (String, String, String, String, bool)) -> Sense {
    let (name, description, unit, type_, counter) = given;
    Sense { name, description, unit, type_, counter }
}

/// Data points that are to be sent.
#[pyclass(frozen, module = "penstock._kernel", name = "RemoteWrite")]
pub struct RemoteWrite(Outgoing);

/// Name, unit, description, data, temporality, whether monotonic, type in Prometheus; and how many
/// points it has.
type Described = (String, String, String, &'static str, i64, bool, String, usize);

/// Attributes of the resource, name and version of the scope, its attributes; and the time of its
/// last point.
type Placed = (Attributes, (String, String), Attributes, u64);

type Families = Vec<Option<(String, u64, String, String)>>;
type Origins = Vec<(Vec<(String, String, String)>, Attributes)>;

/// The sequence, the body, and the numbers of points, samples, histograms and exemplars.
type Ready<'py> = (usize, Bound<'py, PyBytes>, usize, usize, usize, usize);

#[pymethods]
impl RemoteWrite {
    #[new]
    fn new(py: Python<'_>, batch: &Batch) -> Self {
        Self(py.detach(|| Outgoing::of(batch.payloads().to_vec())))
    }

    #[getter]
    fn metrics(&self) -> Vec<Described> {
        let described = |(said, size): (&Told, usize)| {
            let Told { name, unit, description, data, temporality, monotonic, original } =
                said.clone();
            (name, unit, description, data, temporality, monotonic, original, size)
        };
        self.0.metrics.iter().zip(self.0.sizes()).map(described).collect()
    }

    #[getter]
    fn sources(&self) -> Vec<Placed> {
        let sources = self.0.sources.iter().cloned().zip(self.0.times());
        let placed = sources.map(|(source, time)| {
            let [name, version] = source.scope;
            (source.resource, (name, version), source.scope_attributes, time)
        });
        placed.collect()
    }

    /// Requests, in the order of their sequences; by point, as native `uint32`, the place of its
    /// request; and how many of the first hold the infos.
    #[pyo3(signature = (version, families, origins, names, *, external, infos, metadata, max_bytes, shards))]
    #[expect(clippy::too_many_arguments, reason = "they have names in Python")]
    fn write<'py>(
        &self,
        py: Python<'py>,
        version: u8,
        families: Families,
        origins: Origins,
        names: HashMap<String, String>,
        external: Attributes,
        infos: Vec<(Attributes, i64)>,
        metadata: bool,
        max_bytes: usize,
        shards: usize,
    ) -> PyResult<(Vec<Ready<'py>>, Bound<'py, PyBytes>, usize)> {
        if (families.len(), origins.len()) != (self.0.metrics.len(), self.0.sources.len()) {
            return Err(PyValueError::new_err("expected one for each metric and each source"));
        }
        let families = families.into_iter().map(|family| family.map(named)).collect();
        let origins = origins.into_iter().map(|(attributes, labels)| Origin { attributes, labels });
        let infos = infos.into_iter().map(|(labels, time)| Info { labels, time }).collect();
        let plan = Plan {
            version: Version::numbered(version),
            families,
            origins: origins.collect(),
            names,
            external,
            infos,
            metadata,
            max_bytes,
            shards,
        };
        let written = py.detach(|| requests::write(&self.0, &plan));
        let ready = written.requests.into_iter().map(|it| {
            let counts = it.counts;
            let body = PyBytes::new(py, &it.body);
            (it.shard, body, counts.points, counts.samples, counts.histograms, counts.exemplars)
        });
        let places: Vec<u8> = written.places.iter().flat_map(|place| place.to_ne_bytes()).collect();
        Ok((ready.collect(), PyBytes::new(py, &places), written.informing))
    }
}

fn named((name, kind, help, unit): (String, u64, String, String)) -> Family {
    Family { name, kind, help, unit }
}
