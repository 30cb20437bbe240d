//! What a scrape of Prometheus shows: the current value of every series, in Prometheus' formats.
//!
//! Names are given by who uses it, once for each metric, origin and key of an attribute that is new:
//! `update` asks for those that it lacks, and takes nothing until it has them.

pub mod catalog;
pub mod exemplar;
pub mod family;
pub mod fault;
pub mod labels;
pub mod lines;
pub mod names;
pub mod native;
pub mod number;
pub mod parse;
pub mod protobuf;
pub mod scrape;
pub mod source;
pub mod state;
pub mod store;
pub mod text;
pub mod text_of;
pub mod view;

use std::sync::Mutex;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use self::catalog::{Answer, Catalog, labels};
use self::family::Kind;
use self::fault::Fault;
use self::names::Escaping;
use self::protobuf::Protobuf;
use self::scrape::{Format, Moment};
use self::source::{Key, Origin, Told};
use self::store::{Now, Outcome, Store};
use self::text::Text;
use self::view::View;
use crate::batch::Batch;
use crate::lock::lock;
use crate::schema::METRICS;

type Pairs = Vec<(String, String)>;

/// What a batch has that has no names yet.
#[pyclass(frozen, module = "penstock._kernel")]
pub struct Unknown {
    /// Of each metric: name, unit, description, the name of its data's field, its original type in
    /// Prometheus; the number of its temporality; whether it is monotonic.
    #[pyo3(get)]
    metrics: Vec<Told>,
    /// Of each origin: the attributes of the resource as texts; the scope's name, version and schema
    /// URL; the attributes of the scope.
    #[pyo3(get)]
    origins: Vec<(Pairs, [String; 3], Pairs)>,
    /// Keys of attributes.
    #[pyo3(get)]
    labels: Vec<String>,
    metric_keys: Vec<Key>,
    origin_keys: Vec<Key>,
}

impl Unknown {
    fn new(unknown: catalog::Unknown) -> Self {
        let (metric_keys, metrics) = unknown.metrics.into_iter().unzip();
        let origins = unknown.origins.into_iter();
        let (origin_keys, origins) =
            origins.map(|(key, it)| (key, (it.resource, it.scope, it.scope_attributes))).unzip();
        let labels = unknown.labels.into_iter().collect();
        Self { metrics, origins, labels, metric_keys, origin_keys }
    }
}

/// What became of a batch: points dropped by fault, and the names of some metrics they were of.
type Taken = ([u64; fault::FAULTS], Vec<(usize, String)>);

/// A metric's name, and its family (type, help, unit, whether points are deltas) or its fault.
#[derive(FromPyObject)]
enum Named<'py> {
    Family(String, Bound<'py, PyString>, String, String, bool),
    Fault(String, Bound<'py, PyString>),
}

impl Named<'_> {
    fn answer(self) -> PyResult<(String, Answer)> {
        let unknown = |what: &str| PyValueError::new_err(format!("there is no {what:?}"));
        Ok(match self {
            Self::Family(name, kind, help, unit, delta) => {
                let kind = kind.to_cow()?;
                let kind = Kind::by_name(&kind).ok_or_else(|| unknown(&kind))?;
                (name, Answer::Family { kind, help, unit, delta })
            }
            Self::Fault(name, fault) => {
                let fault = fault.to_cow()?;
                (name, Answer::Refused(Fault::by_name(&fault).ok_or_else(|| unknown(&fault))?))
            }
        })
    }
}

#[pyclass(frozen, module = "penstock._kernel")]
pub struct Exposition {
    store: Mutex<Store>,
}

#[pymethods]
impl Exposition {
    /// `target` is the name of the metric that says where others come from; at most `limit` series.
    #[new]
    fn new(target: &str, help: &str, limit: usize) -> Self {
        Self { store: Mutex::new(Store::new(Catalog::new(target, help, limit), limit)) }
    }

    /// Take a batch at `tick`, in seconds of a clock that never jumps, and `wall`, in Unix
    /// nanoseconds; or say what has no names yet.
    fn update<'py>(
        &self,
        py: Python<'py>,
        batch: &Batch,
        tick: u32,
        wall: u64,
    ) -> PyResult<Bound<'py, PyAny>> {
        if !std::ptr::eq(batch.signal_of(), &raw const METRICS) {
            return Err(PyValueError::new_err("only metrics are exposed"));
        }
        match py.detach(|| self.take(batch, Now { tick, wall })) {
            Ok(taken) => taken.into_pyobject(py).map(Bound::into_any),
            Err(unknown) => Ok(Bound::new(py, Unknown::new(*unknown))?.into_any()),
        }
    }

    /// Give names to what `update` asked about, in the order in which it did; an empty name is none.
    fn name(
        &self,
        unknown: &Unknown,
        tick: u32,
        metrics: Vec<Named<'_>>,
        origins: Vec<(Pairs, Option<Pairs>)>,
        names: Vec<String>,
    ) -> PyResult<()> {
        let now = Now { tick, wall: 0 };
        let answers = metrics.into_iter().map(Named::answer).collect::<PyResult<Vec<_>>>()?;
        let catalog = &mut lock(&self.store).catalog;
        for (key, (name, answer)) in unknown.metric_keys.iter().zip(answers) {
            catalog.name_metric(*key, &name, answer, now);
        }
        for (key, (own, target)) in unknown.origin_keys.iter().zip(origins) {
            let target = target.map(|target| labels(&target));
            catalog.name_origin(*key, Origin::new(labels(&own), target), now);
        }
        for (key, name) in unknown.labels.iter().zip(names) {
            catalog.name_label(key.clone(), &name);
        }
        Ok(())
    }

    /// Let some of the series go that were last there before `oldest`; whether there are more to
    /// look at.
    fn expire(&self, py: Python<'_>, oldest: u32) -> bool {
        py.detach(|| lock(&self.store).expire(oldest))
    }

    /// How many series there are, and how many of them are shown.
    fn counts(&self) -> (usize, usize) {
        lock(&self.store).counts()
    }

    /// What is exposed now, as `text`, `openmetrics` or `protobuf`.
    fn scrape(
        &self,
        py: Python<'_>,
        format: &str,
        escaping: &str,
        timestamps: bool,
        gzip: bool,
    ) -> PyResult<Scrape> {
        let unknown = |what: &str| PyValueError::new_err(format!("there is no {what:?}"));
        let escaping = Escaping::by_name(escaping).ok_or_else(|| unknown(escaping))?;
        let format = match format {
            "text" => Format::Text(Text { open_metrics: false, escaping, timestamps }),
            "openmetrics" => Format::Text(Text { open_metrics: true, escaping, timestamps }),
            "protobuf" => Format::Protobuf(Protobuf { escaping, timestamps }),
            other => return Err(unknown(other)),
        };
        Ok(py.detach(|| {
            let moment = Moment::of(&lock(&self.store));
            Scrape(Mutex::new(scrape::Scrape::new(moment, format, gzip)))
        }))
    }
}

impl Exposition {
    fn take(&self, batch: &Batch, now: Now) -> Result<Taken, Box<catalog::Unknown>> {
        let views: Vec<View> = batch.payloads().iter().map(|payload| View::of(payload)).collect();
        let mut store = lock(&self.store);
        if let Some(unknown) = store.unknown(&views) {
            return Err(Box::new(unknown));
        }
        let mut outcome = Outcome::default();
        for view in &views {
            store.take_all(view, now, &mut outcome);
        }
        store.catalog.trim();
        let examples =
            outcome.examples.iter().map(|(fault, name)| (*fault as usize, name.to_string()));
        Ok((outcome.dropped, examples.collect()))
    }
}

/// An answer to a scrape, as it was at one instant.
#[pyclass(frozen, module = "penstock._kernel")]
pub struct Scrape(Mutex<scrape::Scrape>);

#[pymethods]
impl Scrape {
    /// About `size` bytes more of it; none at the end.
    fn more<'py>(&self, py: Python<'py>, size: usize) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &py.detach(|| lock(&self.0).more(size)))
    }
}
