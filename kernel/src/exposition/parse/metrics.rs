//! Data points written as an OTLP request.

use std::collections::HashMap;

use super::points::{Draft, Dropped, Metric, Parts, Points, Type};
use super::table::{Exemplar, Label, NO_TIME, Table};
use crate::encode::{write_record, write_text_pair};
use crate::encoding;
use crate::schema::{
    EXPONENTIAL_HISTOGRAM_DATA_POINT, HISTOGRAM_DATA_POINT, Message, NUMBER_DATA_POINT,
    SUMMARY_DATA_POINT,
};
use crate::series::histogram::Histogram;
use crate::series::point::Point;
use crate::series::value::{Summary, Totals, Value};
use crate::wire::{FIXED64, VARINT, write_tag, write_varint};

/// What is above data points: the encodings of a resource and of a scope, and the scope's schema.
pub struct Parent {
    pub resource: Vec<u8>,
    pub scope: Vec<u8>,
    pub schema_url: String,
}

/// What a sample is told from outside.
pub struct Context<'a> {
    /// By sample, the place of its parent.
    pub owners: &'a [u32],
    pub parents: &'a [Parent],
    /// Labels that are no attributes.
    pub without: &'a [String],
    /// Unix nanoseconds, for samples that have no time of their own.
    pub now: i64,
    /// The units of OTLP by Prometheus' words for them.
    pub units: &'a HashMap<String, String>,
}

const CUMULATIVE: u64 = 2;

/// The encoding of a request with the data points that the samples of a table make.
pub fn to_otlp(table: &mut Table, context: &Context) -> (Vec<u8>, Dropped) {
    let without: Vec<_> =
        context.without.iter().filter_map(|name| table.texts.find(name)).collect();
    let points = Points::of(table, context.owners, &without, context.now);
    let mut dropped = points.dropped;
    let writer = Writer { table, points: &points };
    let mut scopes = vec![Vec::new(); context.parents.len()];
    for metric in &points.metrics {
        if let Some(body) = writer.metric(metric, context.units, &mut dropped) {
            write_record(&mut scopes[metric.owner as usize], 2, &body);
        }
    }
    let mut out = Vec::new();
    for (parent, metrics) in context.parents.iter().zip(&scopes).filter(|(_, m)| !m.is_empty()) {
        write_record(&mut out, 1, &resource(parent, metrics));
    }
    (out, dropped)
}

fn resource(parent: &Parent, metrics: &[u8]) -> Vec<u8> {
    let mut scope = Vec::with_capacity(metrics.len() + parent.scope.len() + 8);
    write_record(&mut scope, 1, &parent.scope);
    scope.extend_from_slice(metrics);
    text(&mut scope, 3, &parent.schema_url);
    let mut resource = Vec::with_capacity(scope.len() + parent.resource.len() + 8);
    write_record(&mut resource, 1, &parent.resource);
    write_record(&mut resource, 2, &scope);
    resource
}

fn text(out: &mut Vec<u8>, number: u32, text: &str) {
    if !text.is_empty() {
        write_record(out, number, text.as_bytes());
    }
}

fn varint(out: &mut Vec<u8>, number: u32, value: u64) {
    write_tag(out, number, VARINT);
    write_varint(out, value);
}

fn fixed(out: &mut Vec<u8>, number: u32, value: u64) {
    write_tag(out, number, FIXED64);
    out.extend(value.to_le_bytes());
}

struct Writer<'a> {
    table: &'a Table,
    points: &'a Points,
}

/// Where a data point has what is not its value.
struct Shape {
    message: &'static Message,
    attributes: u32,
    exemplars: u32,
}

impl Type {
    fn shape(self) -> Shape {
        let (message, attributes, exemplars) = match self {
            Self::Gauge | Self::Counter | Self::Sum => (&NUMBER_DATA_POINT, 7, 5),
            Self::Histogram => (&HISTOGRAM_DATA_POINT, 9, 8),
            Self::Exponential => (&EXPONENTIAL_HISTOGRAM_DATA_POINT, 1, 11),
            Self::Summary => (&SUMMARY_DATA_POINT, 7, 0),
        };
        Shape { message, attributes, exemplars }
    }

    /// The number of the metric's field that holds its data.
    fn data(self) -> u32 {
        match self {
            Self::Gauge => 5,
            Self::Counter | Self::Sum => 7,
            Self::Histogram => 9,
            Self::Exponential => 10,
            Self::Summary => 11,
        }
    }
}

impl Writer<'_> {
    /// The body of a metric; `None` if it has no points.
    fn metric(
        &self,
        metric: &Metric,
        units: &HashMap<String, String>,
        dropped: &mut Dropped,
    ) -> Option<Vec<u8>> {
        let mut data = Vec::new();
        for draft in &metric.points {
            self.point(&mut data, metric.type_, &self.points.drafts[*draft as usize], dropped);
        }
        if data.is_empty() {
            return None;
        }
        if !matches!(metric.type_, Type::Gauge | Type::Summary) {
            varint(&mut data, 2, CUMULATIVE);
        }
        if metric.type_ == Type::Counter {
            varint(&mut data, 3, 1);
        }
        let texts = &self.table.texts;
        let mut body = Vec::with_capacity(data.len() + 128);
        text(&mut body, 1, texts.get(metric.role.metric));
        text(&mut body, 2, texts.get(metric.role.help));
        let unit = texts.get(metric.role.unit);
        text(&mut body, 3, units.get(unit).map_or(unit, String::as_str));
        write_record(&mut body, metric.type_.data(), &data);
        write_text_pair(&mut body, 12, "prometheus.type", metric.role.kind.name());
        Some(body)
    }

    fn point(&self, out: &mut Vec<u8>, type_: Type, draft: &Draft, dropped: &mut Dropped) {
        let value = match self.value(type_, draft, dropped) {
            Some(Value::Absent) => return,
            Some(value) => value,
            None => {
                dropped.inconsistent += 1;
                return;
            }
        };
        let shape = type_.shape();
        let mut around = Vec::new();
        for label in self.points.labels_of(draft) {
            let texts = &self.table.texts;
            write_text_pair(
                &mut around,
                shape.attributes,
                texts.get(label.name),
                texts.get(label.value),
            );
        }
        if shape.exemplars != 0 {
            for exemplar in &draft.exemplars {
                let exemplar = &self.table.exemplars[*exemplar as usize];
                write_record(&mut around, shape.exemplars, &self.exemplar(exemplar));
            }
        }
        let start = if type_ == Type::Gauge { 0 } else { draft.start };
        let time = draft.time.cast_unsigned();
        let mut body = Vec::with_capacity(around.len() + 64);
        Point { start, time, flags: 0, value }.write(&mut body, shape.message, &around);
        write_record(out, 1, &body);
    }

    /// `Absent` for a point of which nothing but its start came, `None` for one that makes no sense.
    fn value(&self, type_: Type, draft: &Draft, dropped: &mut Dropped) -> Option<Value> {
        Some(match type_ {
            Type::Gauge | Type::Counter | Type::Sum => {
                draft.value.map_or(Value::Absent, Value::Double)
            }
            Type::Histogram => {
                let parts = draft.parts.as_deref()?;
                Value::Histogram(Box::new(histogram(parts, &mut dropped.duplicate)?))
            }
            Type::Summary => Value::Summary(Box::new(summary(draft.parts.as_deref()?)?)),
            Type::Exponential => {
                let native = draft.parts.as_deref()?.native?;
                let native = &self.table.natives[native as usize];
                Value::Exponential(Box::new(native.exponential()?))
            }
        })
    }

    fn exemplar(&self, exemplar: &Exemplar) -> Vec<u8> {
        let mut out = Vec::new();
        if exemplar.time != NO_TIME {
            fixed(&mut out, 2, exemplar.time.cast_unsigned());
        }
        fixed(&mut out, 3, exemplar.value.to_bits());
        for label in &exemplar.labels {
            self.exemplar_label(&mut out, *label);
        }
        out
    }

    /// A label is the id of a trace or a span if it is named so and is one.
    fn exemplar_label(&self, out: &mut Vec<u8>, label: Label) {
        let (name, value) = (self.table.texts.get(label.name), self.table.texts.get(label.value));
        for (known, len, number) in [("trace_id", 16, 5), ("span_id", 8, 4)] {
            let id = Some(value).filter(|_| name.eq_ignore_ascii_case(known));
            let id = id.and_then(encoding::hex).filter(|id| id.len() == len);
            if let Some(id) = id.filter(|id| id.iter().any(|byte| *byte != 0)) {
                write_record(out, number, &id);
                return;
            }
        }
        write_text_pair(out, 7, name, value);
    }
}

fn natural(value: f64) -> Option<u64> {
    (value >= 0.0).then_some(value as u64)
}

/// The counts between the bounds, of counts up to them.
fn histogram(parts: &Parts, duplicates: &mut u64) -> Option<Histogram> {
    let mut bounds = parts.bounds.clone();
    bounds.sort_by(|one, other| one.0.total_cmp(&other.0));
    let all = bounds.len();
    bounds.dedup_by(|later, first| later.0.total_cmp(&first.0).is_eq());
    *duplicates += (all - bounds.len()) as u64;
    let last = bounds.pop_if(|bound| bound.0 == f64::INFINITY);
    let count = natural(parts.count.or(last.map(|last| last.1))?)?;
    let (mut counts, mut before) = (Vec::with_capacity(bounds.len() + 1), 0);
    for (_, upto) in &bounds {
        let upto = natural(*upto)?;
        counts.push(upto.checked_sub(before)?);
        before = upto;
    }
    counts.push(count.checked_sub(before)?);
    let totals = Totals { count, sum: parts.sum, ..Totals::default() };
    Some(Histogram { totals, bounds: bounds.iter().map(|bound| bound.0).collect(), counts })
}

fn summary(parts: &Parts) -> Option<Summary> {
    let mut quantiles = parts.bounds.clone();
    quantiles.sort_by(|one, other| one.0.total_cmp(&other.0));
    let count = natural(parts.count.unwrap_or_default())?;
    Some(Summary { totals: Totals { count, sum: parts.sum, ..Totals::default() }, quantiles })
}
