//! Data points, from JSON.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Number;
use serde_json::value::RawValue;

use super::any::attributes;
use super::items::{Around, fault, origin, time};
use super::tree::{Head, Kind, Tree, unsigned};
use crate::encode::write_record;
use crate::exposition::fault::is_valid_histogram;
use crate::schema::{HISTOGRAM_DATA_POINT, NUMBER_DATA_POINT, SUMMARY_DATA_POINT};
use crate::series::histogram::Histogram;
use crate::series::point::Point;
use crate::series::value::{Summary, Totals, Value};

/// A data point as clients write it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Metric<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(default)]
    r#type: Type,
    #[serde(default)]
    temporality: Temporality,
    #[serde(default)]
    unit: Cow<'a, str>,
    #[serde(default)]
    description: Cow<'a, str>,
    value: Option<Number>,
    count: Option<u64>,
    sum: Option<f64>,
    min: Option<f64>,
    max: Option<f64>,
    #[serde(default)]
    bounds: Vec<f64>,
    #[serde(default)]
    counts: Vec<u64>,
    #[serde(default)]
    quantiles: BTreeMap<String, f64>,
    time: Option<&'a RawValue>,
    start: Option<&'a RawValue>,
    attributes: Option<&'a RawValue>,
    resource: Option<&'a RawValue>,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Type {
    #[default]
    Gauge,
    Counter,
    UpDownCounter,
    Histogram,
    Summary,
}

#[derive(Clone, Copy, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Temporality {
    #[default]
    Cumulative,
    Delta,
}

impl Metric<'_> {
    fn kind(&self) -> Kind {
        let delta = self.temporality == Temporality::Delta;
        match self.r#type {
            Type::Gauge => Kind::Gauge,
            Type::Counter => Kind::Sum { delta, monotonic: true },
            Type::UpDownCounter => Kind::Sum { delta, monotonic: false },
            Type::Histogram => Kind::Histogram { delta },
            Type::Summary => Kind::Summary,
        }
    }

    fn value(&mut self) -> serde_json::Result<Value> {
        match self.r#type {
            Type::Gauge | Type::Counter | Type::UpDownCounter => self.number(),
            Type::Histogram => self.histogram(),
            Type::Summary => self.summary(),
        }
    }

    fn number(&self) -> serde_json::Result<Value> {
        let Some(number) = &self.value else { return Err(fault("missing field `value`")) };
        let value = match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(value), ..) => Value::Int(value),
            (_, Some(value), _) => unsigned(value),
            (.., value) => Value::Double(value.unwrap_or_default()),
        };
        if let (Type::Counter, true) = (self.r#type, value.as_double() < 0.0) {
            return Err(fault("a counter is not negative; an updowncounter may be"));
        }
        Ok(value)
    }

    fn totals(&self, count: u64) -> Totals {
        Totals { count, sum: self.sum, min: self.min, max: self.max }
    }

    fn histogram(&mut self) -> serde_json::Result<Value> {
        let (bounds, counts) = (std::mem::take(&mut self.bounds), std::mem::take(&mut self.counts));
        let counted = counts.iter().copied().try_fold(0, u64::checked_add);
        let Some(count) = self.count.or(counted.filter(|_| !counts.is_empty())) else {
            return Err(fault("missing field `count` or `counts`"));
        };
        let histogram = Histogram { totals: self.totals(count), bounds, counts };
        if !histogram.counts.is_empty() && counted != Some(count) {
            return Err(fault("`count` is not what `counts` come to"));
        }
        if !is_valid_histogram(&histogram) {
            let reason = "expected `bounds` in order, and one more `counts`";
            return Err(fault(reason));
        }
        Ok(Value::Histogram(Box::new(histogram)))
    }

    fn summary(&self) -> serde_json::Result<Value> {
        let Some(count) = self.count else { return Err(fault("missing field `count`")) };
        let pairs = self.quantiles.iter().map(|(rank, value)| {
            let rank = rank.parse().ok().filter(|rank| (0.0..=1.0).contains(rank));
            rank.map(|rank: f64| (rank, *value))
        });
        let Some(quantiles) = pairs.collect() else {
            return Err(fault("expected `quantiles` by ranks from 0 to 1"));
        };
        let summary = Summary {
            totals: Totals { sum: Some(self.sum.unwrap_or(0.0)), ..self.totals(count) },
            quantiles,
        };
        Ok(Value::Summary(Box::new(summary)))
    }
}

/// Read a data point.
pub fn write_metric(item: &str, around: &Around, tree: &mut Tree) -> serde_json::Result<()> {
    let mut metric: Metric = serde_json::from_str(item)?;
    if metric.name.is_empty() {
        return Err(fault("a metric has a name"));
    }
    let kind = metric.kind();
    let point = Point {
        value: metric.value()?,
        time: metric.time.map_or(Ok(around.now), time)?,
        start: metric.start.map_or(Ok(0), time)?,
        flags: 0,
    };
    let mut labels = Vec::new();
    if let Some(given) = metric.attributes {
        attributes(&mut labels, kind.attributes(), given)?;
    }
    let message = match kind {
        Kind::Gauge | Kind::Sum { .. } => &NUMBER_DATA_POINT,
        Kind::Histogram { .. } => &HISTOGRAM_DATA_POINT,
        Kind::Summary => &SUMMARY_DATA_POINT,
    };
    let (mut body, mut head) = (Vec::new(), Vec::new());
    point.write(&mut body, message, &labels);
    for (number, text) in [(1, &metric.name), (2, &metric.description), (3, &metric.unit)] {
        if !text.is_empty() {
            write_record(&mut head, number, text.as_bytes());
        }
    }
    let origin = origin(tree, around, metric.resource)?;
    tree.point(Head { origin, body: head, kind }, &body);
    Ok(())
}
