//! What Python does with series: add deltas up, take totals apart, fold several into one.

use std::sync::{Arc, Mutex};

use pyo3::buffer::PyBuffer;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::apply::{CUMULATIVE, DELTA, Outcome, Subject, each, write};
use super::differences::{self, Difference};
use super::fold::{self, Gauge, Report};
use super::identity::Id;
use super::point::Point;
use super::totals;
use crate::batch::{Batch, check_len};
use crate::lock::lock;
use crate::payload::Payload;

/// A batch, if anything is left of it, and how many points were late, found no room, were unusable,
/// began anew and were of sources that may have been forgotten.
type Answer = (Option<Batch>, [u64; 5]);

fn answer(batch: &Batch, payloads: Vec<Arc<Payload>>, report: Report) -> Answer {
    let Report { late, full, unusable, resets, unknown } = report;
    let batch = (!payloads.is_empty()).then(|| batch.with(payloads));
    (batch, [late, full, unusable, resets, unknown])
}

pub(super) fn mask(py: Python<'_>, batch: &Batch, wanted: &PyBuffer<u8>) -> PyResult<Vec<bool>> {
    check_len(wanted.item_count(), batch.items(), "mask values")?;
    Ok(wanted.to_vec(py)?.into_iter().map(|byte| byte != 0).collect())
}

pub(super) fn ids(py: Python<'_>, halves: &PyBuffer<u64>) -> PyResult<Vec<Id>> {
    let pair = |pair: &[u64; 2]| Id { id: pair[0], check: pair[1] };
    Ok(halves.to_vec(py)?.as_chunks().0.iter().map(pair).collect())
}

/// What becomes of the wanted points as `decide` says; those that it refuses go.
fn transform(
    batch: &Batch,
    wanted: &[bool],
    temporality: u32,
    mut decide: impl FnMut(Subject, &mut Report) -> Result<Outcome, totals::Fault>,
) -> Answer {
    let mut report = Report::default();
    let mut outcomes: Vec<Outcome> = wanted.iter().map(|_| Outcome::Stays).collect();
    each(batch.payloads(), wanted, |subject| {
        let item = subject.item;
        outcomes[item] = if subject.point.has_no_value() {
            Outcome::Becomes(subject.point)
        } else {
            decide(subject, &mut report).unwrap_or_else(|fault| {
                report.note(fault);
                Outcome::Goes
            })
        };
    });
    answer(batch, write(batch.payloads(), &outcomes, Some(temporality)), report)
}

/// Deltas added up: cumulative points.
#[pyclass(frozen, module = "penstock._kernel")]
pub struct Totals(Mutex<totals::Totals>);

#[pymethods]
impl Totals {
    #[new]
    fn new(limit: usize) -> Self {
        Self(Mutex::new(totals::Totals::new(limit)))
    }

    fn apply(
        &self,
        py: Python<'_>,
        batch: &Batch,
        wanted: PyBuffer<u8>,
        now: u32,
    ) -> PyResult<Answer> {
        let wanted = mask(py, batch, &wanted)?;
        Ok(py.detach(|| {
            let mut totals = lock(&self.0);
            transform(batch, &wanted, CUMULATIVE, |subject, _| {
                totals.add(subject.id, subject.point, now).map(Outcome::Becomes)
            })
        }))
    }

    fn expire(&self, py: Python<'_>, oldest: u32) {
        py.detach(|| lock(&self.0).series().expire(oldest, |_, _| {}));
    }

    /// How many series there are, and the bytes that they take.
    fn size(&self) -> (usize, usize) {
        let mut totals = lock(&self.0);
        (totals.series().len(), totals.series().weight())
    }
}

/// Totals taken apart: delta points.
#[pyclass(frozen, module = "penstock._kernel")]
pub struct Differences(Mutex<differences::Differences>);

#[pymethods]
impl Differences {
    #[new]
    fn new(limit: usize) -> Self {
        Self(Mutex::new(differences::Differences::new(limit)))
    }

    /// The first point of a series stays if it began at `since` or later, and says when it did.
    fn apply(
        &self,
        py: Python<'_>,
        batch: &Batch,
        wanted: PyBuffer<u8>,
        since: u64,
        now: u32,
    ) -> PyResult<Answer> {
        let wanted = mask(py, batch, &wanted)?;
        Ok(py.detach(|| {
            let mut differences = lock(&self.0);
            transform(batch, &wanted, DELTA, |subject, report| {
                let Subject { id, point, traits, .. } = subject;
                Ok(match differences.next(id, point, traits.grows(), now)? {
                    Difference::First(point) if !began_since(&point, since) => Outcome::Goes,
                    Difference::First(point) | Difference::Since(point) => Outcome::Becomes(point),
                    Difference::Reset(point) => {
                        report.resets += 1;
                        Outcome::Becomes(point)
                    }
                })
            })
        }))
    }

    fn expire(&self, py: Python<'_>, oldest: u32) {
        py.detach(|| lock(&self.0).expire(oldest));
    }

    /// How many series there are, and the bytes that they take.
    fn size(&self) -> (usize, usize) {
        let mut differences = lock(&self.0);
        (differences.series().len(), differences.series().weight())
    }
}

/// Whether all that a point counts came since then. What begins when it ends does not say when.
fn began_since(point: &Point, since: u64) -> bool {
    since == 0 || point.start >= since && point.start != point.time
}

/// Several series folded into one, so that the totals stay right.
#[pyclass(frozen, module = "penstock._kernel")]
pub struct Fold(Mutex<fold::Fold>);

#[pymethods]
impl Fold {
    #[new]
    fn new(limit: usize, gauge: &str) -> PyResult<Self> {
        let gauge = match gauge {
            "last" => Gauge::Last,
            "sum" => Gauge::Sum,
            "min" => Gauge::Min,
            "max" => Gauge::Max,
            _ => return Err(PyValueError::new_err("expected last, sum, min or max")),
        };
        Ok(Self(Mutex::new(fold::Fold::new(limit, gauge))))
    }

    /// `sources` has two numbers for each point, as `Batch::series_ids` gives them.
    fn apply(
        &self,
        py: Python<'_>,
        batch: &Batch,
        sources: PyBuffer<u64>,
        wanted: PyBuffer<u8>,
        now: u32,
    ) -> PyResult<Answer> {
        let wanted = mask(py, batch, &wanted)?;
        check_len(sources.item_count(), 2 * batch.items(), "halves of identities")?;
        let sources = ids(py, &sources)?;
        Ok(py.detach(|| {
            let (payloads, report) = lock(&self.0).fold(batch.payloads(), &sources, &wanted, now);
            answer(batch, payloads, report)
        }))
    }

    /// For each source whether it is counted in a total, as bytes of 0 and 1.
    fn counts<'py>(
        &self,
        py: Python<'py>,
        sources: PyBuffer<u64>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let sources = ids(py, &sources)?;
        let known: Vec<u8> = py.detach(|| {
            let fold = lock(&self.0);
            sources.iter().map(|source| u8::from(fold.counts(*source))).collect()
        });
        Ok(PyBytes::new(py, &known))
    }

    fn expire(&self, py: Python<'_>, oldest: u32) {
        py.detach(|| lock(&self.0).expire(oldest));
    }

    /// How many sources there are, and the bytes that they take.
    fn size(&self) -> (usize, usize) {
        let mut fold = lock(&self.0);
        (fold.count(), fold.weight())
    }
}
