//! A window as OTLP.

use std::sync::Arc;

use ahash::{HashMap, RandomState};

use super::series::{About, Form, Held};
use crate::encode::write_record;
use crate::series::point::Point;
use crate::series::value::{Summary, Totals, Value};
use crate::wire::{VARINT, write_tag, write_varint};

/// How what was counted is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counters {
    /// As integers, to the nearest.
    Int,
    /// As integers that are right on the average.
    StochasticInt,
    Float,
}

/// What all points of a window have.
pub struct Frame<'a> {
    /// Unix nanoseconds.
    pub start: u64,
    pub end: u64,
    pub monotonic: bool,
    pub counters: Counters,
    /// The version of the scope.
    pub version: &'a str,
}

const SCOPE: &str = "penstock/receivers/statsd";
const DELTA: u64 = 1;

/// The encoding of a request for metrics.
pub fn metrics(points: Vec<(Arc<About>, Held)>, frame: &Frame) -> Vec<u8> {
    let mut places: HashMap<(&str, u32), usize> = HashMap::default();
    let mut metrics: Vec<Metric> = Vec::new();
    let chance = RandomState::new();
    let mut body = Vec::new();
    let (abouts, values): (Vec<_>, Vec<_>) = points.into_iter().unzip();
    for (about, held) in abouts.iter().zip(values) {
        let place = *places.entry((&about.name, about.form.data())).or_insert_with(|| {
            metrics.push(Metric { about, data: Vec::new() });
            metrics.len() - 1
        });
        for (time, value) in frame.values(about, held, &chance) {
            let point = Point { start: frame.start_of(about, time), time, flags: 0, value };
            body.clear();
            point.write(&mut body, about.form.point().0, &about.attributes);
            write_record(&mut metrics[place].data, 1, &body);
        }
    }
    let mut scoped = Vec::new();
    for metric in metrics {
        write_record(&mut scoped, 2, &metric.encoding(frame.monotonic));
    }
    request(&scoped, frame.version)
}

/// The encoding of a request for logs, of the records of one scope.
pub fn logs(records: &[u8], version: &str) -> Vec<u8> {
    request(records, version)
}

/// A request with one resource, of which nothing is known, and one scope.
fn request(items: &[u8], version: &str) -> Vec<u8> {
    let mut name = Vec::new();
    write_record(&mut name, 1, SCOPE.as_bytes());
    write_record(&mut name, 2, version.as_bytes());
    let mut scope = Vec::with_capacity(items.len() + name.len() + 8);
    write_record(&mut scope, 1, &name);
    scope.extend_from_slice(items);
    let mut resource = Vec::with_capacity(scope.len() + 8);
    write_record(&mut resource, 2, &scope);
    let mut out = Vec::with_capacity(resource.len() + 8);
    write_record(&mut out, 1, &resource);
    out
}

struct Metric<'a> {
    about: &'a About,
    data: Vec<u8>,
}

impl Metric<'_> {
    fn encoding(mut self, monotonic: bool) -> Vec<u8> {
        let form = &self.about.form;
        if matches!(form, Form::Sum | Form::Histogram(_) | Form::Exponential(_)) {
            flag(&mut self.data, 2, DELTA);
        }
        if monotonic && matches!(form, Form::Sum) {
            flag(&mut self.data, 3, 1);
        }
        let mut body = Vec::with_capacity(self.data.len() + self.about.name.len() + 16);
        write_record(&mut body, 1, self.about.name.as_bytes());
        write_record(&mut body, form.data(), &self.data);
        body
    }
}

fn flag(out: &mut Vec<u8>, number: u32, value: u64) {
    write_tag(out, number, VARINT);
    write_varint(out, value);
}

impl Frame<'_> {
    /// Gauges are of a moment, and so is what came with its time if that is not in the window.
    fn start_of(&self, about: &About, time: u64) -> u64 {
        let is_gauge = about.form.data() == 5;
        if is_gauge || time <= self.start { 0 } else { self.start }
    }

    /// The points of a series: their times and values.
    fn values(&self, about: &About, held: Held, chance: &RandomState) -> Vec<(u64, Value)> {
        let time = if about.time == 0 { self.end } else { about.time };
        let value = match held {
            Held::Nothing => return Vec::new(),
            Held::Observed(values) => {
                let point = |(value, time): (f64, u64)| (time, Value::Double(value));
                return values.into_iter().map(point).collect();
            }
            Held::Number(value) if matches!(about.form, Form::Gauge) => Value::Double(value),
            Held::Number(value) => self.count(value, || chance.hash_one(about.attributes.as_ref())),
            Held::Set(distinct) => Value::Int(distinct.count() as i64),
            Held::Summary(mut samples) => {
                let wanted = if let Form::Summary(wanted) = &about.form { &**wanted } else { &[] };
                let quantiles = samples.percentiles(wanted);
                let (count, sum) = (samples.count(), Some(samples.sum()));
                let totals = Totals { count, sum, ..Totals::default() };
                Value::Summary(Box::new(Summary { totals, quantiles }))
            }
            Held::Histogram(it) => Value::Histogram(it),
            Held::Exponential(it) => Value::Exponential(it),
        };
        vec![(time, value)]
    }

    fn count(&self, value: f64, random: impl Fn() -> u64) -> Value {
        match self.counters {
            Counters::Float => Value::Double(value),
            Counters::Int => Value::Int(value.round() as i64),
            Counters::StochasticInt => {
                let up = random() as f64 / 2f64.powi(64) < value - value.floor();
                Value::Int((value.floor() as i64).saturating_add(i64::from(up)))
            }
        }
    }
}
