//! What keys came to, as OTLP.

use ahash::HashMap;

use super::content::{Content, Figure, Wanted};
use super::exemplars::Exemplar;
use super::labels::Said;
use super::store::Store;
use crate::encode::{key_value, write_record};
use crate::schema::{
    EXPONENTIAL_HISTOGRAM_DATA_POINT, HISTOGRAM_DATA_POINT, Message, NUMBER_DATA_POINT,
};
use crate::series::apply::{CUMULATIVE, DELTA};
use crate::series::point::Point;
use crate::series::value::Value;
use crate::wire::{begin, end, write_number};

/// What a metric is called, and what else its points have in common.
pub struct Frame {
    pub name: String,
    pub unit: String,
    pub description: String,
    pub scope: String,
    pub version: String,
    pub monotonic: bool,
    pub cumulative: bool,
    /// Unix nanoseconds; without a start, that of each key.
    pub start: Option<u64>,
    pub time: u64,
    /// Names and `AnyValue` bodies.
    pub attributes: Vec<(String, Vec<u8>)>,
}

/// A data point that is to be written.
pub struct Outgoing {
    pub said: Said,
    pub start: u64,
    pub value: Value,
    pub exemplars: Vec<Exemplar>,
}

/// How a metric holds its points.
#[derive(Clone, Copy)]
pub struct Form {
    /// The number of the metric's field.
    data: u32,
    point: &'static Message,
    attributes: u32,
    exemplars: u32,
}

impl Form {
    pub const GAUGE: Self =
        Self { data: 5, point: &NUMBER_DATA_POINT, attributes: 7, exemplars: 5 };
    const SUM: Self = Self { data: 7, ..Self::GAUGE };
    const HISTOGRAM: Self =
        Self { data: 9, point: &HISTOGRAM_DATA_POINT, attributes: 9, exemplars: 8 };
    const EXPONENTIAL: Self =
        Self { data: 10, point: &EXPONENTIAL_HISTOGRAM_DATA_POINT, attributes: 1, exemplars: 11 };

    fn of(value: &Value, wanted: Wanted) -> Self {
        match (value, wanted) {
            (Value::Histogram(_), _) => Self::HISTOGRAM,
            (Value::Exponential(_), _) => Self::EXPONENTIAL,
            (_, Wanted::Class(_) | Wanted::Figure(Figure::Count | Figure::Sum)) => Self::SUM,
            _ => Self::GAUGE,
        }
    }
}

impl<C: Content> Store<C> {
    /// A request with a point for each key that has panes between; `None` if there are none.
    pub fn write(
        &mut self,
        frame: &Frame,
        wanted: Wanted,
        first: i64,
        last: i64,
    ) -> Option<Vec<u8>> {
        let mut points = Vec::with_capacity(self.keys.len());
        for place in 0..self.keys.places() {
            let content = self.content(place, first, last);
            let value = content.and_then(|content| content.point(wanted, &self.terms));
            let Some(value) = value.filter(|value| !value.is_nan()) else { continue };
            let key = self.keys.get(place);
            let said = self.pool.said(&key.labels);
            let start = frame.start.unwrap_or_else(|| key.since.max(0).cast_unsigned());
            points.push(Outgoing { said, start, value, exemplars: self.take_exemplars(place) });
        }
        let form = Form::of(&points.first()?.value, wanted);
        Some(frame.request(form, points))
    }
}

impl Frame {
    /// The encoding of a request with these points, under their resources.
    pub fn request(&self, form: Form, mut points: Vec<Outgoing>) -> Vec<u8> {
        let mut out = Vec::with_capacity(points.len() * 100 + 200);
        let order = by_resource(&points);
        for same in order.chunk_by(|(one, _), (other, _)| one == other) {
            let of_resource = begin(&mut out, 1);
            write_record(&mut out, 1, &points[same[0].1 as usize].said.resource);
            let scoped = begin(&mut out, 2);
            self.write_scope(&mut out);
            let metric = begin(&mut out, 2);
            self.describe(&mut out);
            let data = begin(&mut out, form.data);
            for (_, at) in same {
                let point = &mut points[*at as usize];
                let value = std::mem::take(&mut point.value);
                self.write_point(&mut out, form, point, value);
            }
            self.qualify(&mut out, form);
            for body in [data, metric, scoped, of_resource] {
                end(&mut out, body);
            }
        }
        out
    }

    fn write_scope(&self, out: &mut Vec<u8>) {
        let scope = begin(out, 1);
        write_text(out, 1, &self.scope);
        write_text(out, 2, &self.version);
        end(out, scope);
    }

    fn describe(&self, out: &mut Vec<u8>) {
        write_text(out, 1, &self.name);
        write_text(out, 2, &self.description);
        write_text(out, 3, &self.unit);
    }

    /// Say what sums and histograms are.
    fn qualify(&self, out: &mut Vec<u8>, form: Form) {
        if form.data != Form::GAUGE.data {
            let temporality = if self.cumulative { CUMULATIVE } else { DELTA };
            write_number(out, 2, temporality.into());
        }
        if form.data == Form::SUM.data && self.monotonic {
            write_number(out, 3, 1);
        }
    }

    fn write_point(&self, out: &mut Vec<u8>, form: Form, outgoing: &Outgoing, value: Value) {
        let mut other = Vec::with_capacity(outgoing.said.values.len() * 2 + 64);
        outgoing.said.write_attributes(&mut other, form.attributes);
        for (name, value) in &self.attributes {
            write_record(&mut other, form.attributes, &key_value(name.as_bytes(), value));
        }
        for exemplar in &outgoing.exemplars {
            exemplar.write(&mut other, form.exemplars);
        }
        let body = begin(out, 1);
        let point = Point { start: outgoing.start, time: self.time, flags: 0, value };
        point.write(out, form.point, &other);
        end(out, body);
    }
}

fn write_text(out: &mut Vec<u8>, number: u32, text: &str) {
    if !text.is_empty() {
        write_record(out, number, text.as_bytes());
    }
}

/// The number of each point's resource and its place, in the order of resources.
fn by_resource(points: &[Outgoing]) -> Vec<(u32, u32)> {
    let mut resources: HashMap<&[u8], u32> = HashMap::default();
    let numbered = (0..).zip(points).map(|(place, point)| {
        let next = resources.len() as u32;
        (*resources.entry(&point.said.resource).or_insert(next), place)
    });
    let mut order: Vec<(u32, u32)> = numbered.collect();
    order.sort_unstable();
    order
}
