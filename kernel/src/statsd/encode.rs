//! A window as OTLP.

use std::mem;
use std::sync::Arc;

use ahash::{HashMap, RandomState};

use super::series::{About, Form, Held};
use crate::encode::write_record;
use crate::series::point::Point;
use crate::series::value::{Summary, Totals, Value};
use crate::wire::{VARINT, begin, end, write_tag, write_varint};

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

/// The encoding of a request for metrics. What was held is let go of while it is written.
pub fn metrics(mut points: Vec<(Arc<About>, Held)>, frame: &Frame) -> Vec<u8> {
    let size: usize = points.iter().map(|(about, _)| about.attributes().len() + AROUND).sum();
    let order = by_metric(&points);
    let chance = RandomState::new();
    request(size, frame.version, |out| {
        for same in order.chunk_by(|(one, _), (other, _)| one == other) {
            let about = Arc::clone(&points[same[0].1 as usize].0);
            let metric = begin(out, 2);
            write_record(out, 1, about.name());
            let data = begin(out, about.form.data());
            for (_, place) in same {
                let (about, held) = &mut points[*place as usize];
                frame.write(out, about, mem::take(held), &chance);
            }
            frame.describe(out, &about.form);
            end(out, data);
            end(out, metric);
        }
    })
}

/// Bytes of a point besides its attributes, or fewer.
const AROUND: usize = 40;

/// The number of each point's metric and its place, in the order of metrics.
fn by_metric(points: &[(Arc<About>, Held)]) -> Vec<(u32, u32)> {
    let mut metrics: HashMap<(&[u8], u32), u32> = HashMap::default();
    let numbered = (0..).zip(points).map(|(place, (about, _))| {
        let next = metrics.len() as u32;
        (*metrics.entry((about.name(), about.form.data())).or_insert(next), place)
    });
    let mut order: Vec<(u32, u32)> = numbered.collect();
    order.sort_unstable();
    order
}

/// The encoding of a request for logs, of the records of one scope.
pub fn logs(records: &[u8], version: &str) -> Vec<u8> {
    request(records.len(), version, |out| out.extend_from_slice(records))
}

/// A request with one resource, of which nothing is known, and one scope.
fn request(size: usize, version: &str, items: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::with_capacity(size + SCOPE.len() + version.len() + 32);
    let resource = begin(&mut out, 1);
    let scoped = begin(&mut out, 2);
    let scope = begin(&mut out, 1);
    write_record(&mut out, 1, SCOPE.as_bytes());
    write_record(&mut out, 2, version.as_bytes());
    end(&mut out, scope);
    items(&mut out);
    end(&mut out, scoped);
    end(&mut out, resource);
    out
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

    /// What a metric says besides its points.
    fn describe(&self, out: &mut Vec<u8>, form: &Form) {
        if matches!(form, Form::Sum | Form::Histogram(_) | Form::Exponential(_)) {
            flag(out, 2, DELTA);
        }
        if self.monotonic && matches!(form, Form::Sum) {
            flag(out, 3, 1);
        }
    }

    /// Write the points of a series.
    fn write(&self, out: &mut Vec<u8>, about: &About, held: Held, chance: &RandomState) {
        if let Held::Observed(values) = held {
            for (value, time) in values.into_iter() {
                self.point(out, about, time, Value::Double(value));
            }
        } else if let Some(value) = self.value(about, held, chance) {
            let time = if about.time == 0 { self.end } else { about.time };
            self.point(out, about, time, value);
        }
    }

    fn point(&self, out: &mut Vec<u8>, about: &About, time: u64, value: Value) {
        let body = begin(out, 1);
        let point = Point { start: self.start_of(about, time), time, flags: 0, value };
        point.write(out, about.form.point().0, about.attributes());
        end(out, body);
    }

    /// The value of a series that has one.
    fn value(&self, about: &About, held: Held, chance: &RandomState) -> Option<Value> {
        Some(match held {
            Held::Nothing | Held::Observed(_) => return None,
            Held::Number(value) if matches!(*about.form, Form::Gauge) => Value::Double(value),
            Held::Number(value) => {
                self.count(value, || chance.hash_one((about.name(), about.attributes())))
            }
            Held::Set(distinct) => Value::Int(distinct.count() as i64),
            Held::Summary(mut samples) => {
                let wanted = if let Form::Summary(wanted) = &*about.form { &**wanted } else { &[] };
                let quantiles = samples.percentiles(wanted);
                let (count, sum) = (samples.count(), Some(samples.sum()));
                let totals = Totals { count, sum, ..Totals::default() };
                Value::Summary(Box::new(Summary { totals, quantiles }))
            }
            Held::Histogram(it) => Value::Histogram(it),
            Held::Exponential(it) => Value::Exponential(it),
        })
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
