//! Data points as documents: those of one time and of the same attributes are in one.

use std::sync::Arc;

use ahash::HashMap;
use xxhash_rust::xxh3::xxh3_64;

use super::bulk::{Bodies, Written, head};
use super::fields::Said;
use super::flat::Document;
use super::histogram::{self, Buckets};
use super::parents::Parents;
use super::route::{Mode, Place, Plan, Route};
use super::{ecs, otel, text};
use crate::payload::Payload;
use crate::schema::METRIC;
use crate::select::DATA;
use crate::series::identity::{Id, attributes};

const GAUGE: u32 = 5;
const SUM: u32 = 7;
const HISTOGRAM: u32 = 9;
const EXPONENTIAL: u32 = 10;
const CUMULATIVE: u64 = 2;
/// The flag of points that have no value.
const NO_RECORDED_VALUE: u64 = 1;

/// What points of one document have in common.
#[derive(PartialEq, Eq, Hash)]
struct Shared {
    route: u32,
    payload: usize,
    scope: u32,
    time: u64,
    start: u64,
    unit: u64,
    attributes: Id,
    /// How many points of the same metric came before that could be there.
    repeats: u32,
}

/// A point: where it is, and what its metric says of it.
struct Point {
    payload: usize,
    place: usize,
    item: u32,
}

/// The bodies of metrics from a place on. The first tell which items have no document.
pub fn write(payloads: &[Arc<Payload>], plan: &Plan, begin: Place) -> Written {
    let (groups, mut unwritten) = grouped(payloads, plan);
    let mut bodies = Bodies::new(plan);
    let mut writer = Writer { payloads, plan, document: Document::default() };
    let mut next = None;
    for (at, (route, points)) in groups.iter().enumerate().skip(begin.at) {
        if bodies.are_enough() {
            next = Some(Place { at, events: 0 });
            break;
        }
        let items: Vec<u32> = points.iter().map(|point| point.item).collect();
        bodies.add(&items, |out| writer.document(out, &plan.routes[*route as usize], points));
    }
    if begin != Place::default() {
        unwritten.clear();
    }
    Written { bodies: bodies.finish(), unwritten, next }
}

type Groups = Vec<(u32, Vec<Point>)>;

fn grouped(payloads: &[Arc<Payload>], plan: &Plan) -> (Groups, Vec<u32>) {
    let mut groups: Groups = Vec::new();
    let mut unwritten = Vec::new();
    let mut places: HashMap<Shared, usize> = HashMap::default();
    let mut named: HashMap<(Shared, u64), u32> = HashMap::default();
    let mut item = 0;
    for (payload, it) in payloads.iter().enumerate() {
        for place in 0..it.items() {
            let route = plan.items[item as usize];
            let mode = plan.routes[route as usize].mode;
            let seen = Seen::of(it, place);
            if matches!(mode, Mode::Otel | Mode::Ecs) && seen.has_value() {
                let shared = |repeats| seen.shared(route, payload, repeats);
                let name = xxh3_64(seen.metric.bytes(1));
                let count = named.entry((shared(0), name)).or_default();
                let group = *places.entry(shared(*count)).or_insert(groups.len());
                *count += 1;
                if group == groups.len() {
                    groups.push((route, Vec::new()));
                }
                groups[group].1.push(Point { payload, place, item });
            } else {
                unwritten.push(item);
            }
            item += 1;
        }
    }
    (groups, unwritten)
}

/// A data point with its metric.
struct Seen<'a> {
    metric: Said<'a>,
    point: Said<'a>,
    body: &'a [u8],
    message: &'static crate::schema::Message,
    /// The field of the metric that its data are in.
    kind: u32,
    scope: u32,
}

impl<'a> Seen<'a> {
    fn of(payload: &'a Payload, place: usize) -> Self {
        let levels = &payload.index().levels;
        let node = &levels[DATA + 1][place];
        let data = &levels[DATA][node.parent as usize];
        let metric = &levels[DATA - 1][data.parent as usize];
        let message = payload.message_of(DATA + 1, place);
        let body = node.body(payload.bytes());
        Self {
            metric: Said::of(&METRIC, metric.body(payload.bytes())),
            point: Said::of(message, body),
            body,
            message,
            kind: data.number(payload.bytes()),
            scope: metric.parent,
        }
    }

    fn field(&self, name: &str) -> u32 {
        self.message.by_name(name).map_or(0, |field| field.number)
    }

    fn number(&self, name: &str) -> u64 {
        self.point.number(self.field(name))
    }

    fn double(&self, name: &str) -> f64 {
        self.point.double(self.field(name))
    }

    fn attributes(&self) -> impl Iterator<Item = &'a [u8]> {
        self.point.each(self.field("attributes"))
    }

    fn has_value(&self) -> bool {
        let number = matches!(self.kind, GAUGE | SUM);
        let finite = !self.point.has(4) || self.double("as_double").is_finite();
        let present = self.point.has(4) || self.point.has(6);
        self.number("flags") & NO_RECORDED_VALUE == 0 && (!number || present && finite)
    }

    fn shared(&self, route: u32, payload: usize, repeats: u32) -> Shared {
        Shared {
            route,
            payload,
            scope: self.scope,
            time: self.number("time_unix_nano"),
            start: self.number("start_time_unix_nano"),
            unit: xxh3_64(self.metric.bytes(3)),
            attributes: attributes(self.message, self.body),
            repeats,
        }
    }

    fn is_double(&self) -> bool {
        self.point.has(4)
    }

    /// What Elasticsearch's templates call fields of this kind.
    fn template(&self) -> &'static str {
        let data = self.metric.message(self.kind);
        let data = METRIC.child(self.kind).map(|message| Said::of(message, &data));
        let counts = data.is_some_and(|it| it.number(2) == CUMULATIVE && it.number(3) != 0);
        match (self.kind, self.is_double()) {
            (SUM, true) if counts => "counter_double",
            (SUM, false) if counts => "counter_long",
            (GAUGE | SUM, true) => "gauge_double",
            (GAUGE | SUM, false) => "gauge_long",
            (HISTOGRAM | EXPONENTIAL, _) => "histogram",
            _ => "summary",
        }
    }

    fn value(&self, out: &mut Vec<u8>) {
        match self.kind {
            GAUGE | SUM if self.is_double() => text::double(out, self.double("as_double")),
            GAUGE | SUM => text::integer(out, self.number("as_int").cast_signed()),
            HISTOGRAM => histogram::write(out, self.explicit()),
            EXPONENTIAL => histogram::write(out, self.exponential()),
            _ => {
                out.extend(b"{\"sum\":");
                text::double(out, self.double("sum"));
                out.extend(b",\"value_count\":");
                text::integer(out, self.number("count"));
                out.push(b'}');
            }
        }
    }

    fn explicit(&self) -> Buckets {
        let counts = self.point.numbers(self.field("bucket_counts"));
        histogram::explicit(counts, &self.point.doubles(self.field("explicit_bounds")))
    }

    fn exponential(&self) -> Buckets {
        let (positive, negative) = (self.point.message(8), self.point.message(9));
        let scale = self.number("scale").cast_signed() as i32;
        histogram::exponential(scale, self.number("zero_count"), &positive, &negative)
    }
}

struct Writer<'p> {
    payloads: &'p [Arc<Payload>],
    plan: &'p Plan,
    document: Document,
}

impl Writer<'_> {
    fn document(&mut self, out: &mut Vec<u8>, route: &Route, points: &[Point]) {
        let seen: Vec<Seen> =
            points.iter().map(|it| Seen::of(&self.payloads[it.payload], it.place)).collect();
        let (first, payload) = (&seen[0], &self.payloads[points[0].payload]);
        let around = Parents::of(payload, first.scope as usize);
        head(out, route);
        if self.plan.templates && route.mode == Mode::Otel && route.stream.is_some() {
            templates(out, &seen);
        }
        out.extend(b"}}\n");
        if route.mode == Mode::Ecs {
            self.document.truncate(0);
            ecs::parents(&mut self.document, &around, false);
            ecs::points(
                &mut self.document,
                first.number("time_unix_nano"),
                first.attributes(),
                route,
            );
            for point in &seen {
                self.document.add(b"", point.metric.bytes(1), |out| point.value(out));
            }
            self.document.write_nested(out);
        } else {
            structured(out, route, &around, &seen);
        }
        out.push(b'\n');
    }
}

fn structured(out: &mut Vec<u8>, route: &Route, around: &Parents, points: &[Seen]) {
    let first = &points[0];
    out.push(b'{');
    millis(out, b"@timestamp", first.number("time_unix_nano"));
    if first.number("start_time_unix_nano") > 0 {
        millis(out, b"start_timestamp", first.number("start_time_unix_nano"));
    }
    otel::text_field(out, b"unit", first.metric.bytes(3));
    otel::stream(out, route);
    otel::attributes(out, first.attributes(), b"");
    otel::parents(out, around);
    text::key(out, b"metrics");
    out.push(b'{');
    for point in points {
        text::key(out, point.metric.bytes(1));
        point.value(out);
    }
    out.push(b'}');
    otel::text_field(out, b"_metric_names_hash", names_hash(points).as_bytes());
    out.push(b'}');
}

/// Of which metrics a document is: time series of the same dimensions and time that are in several
/// documents are told apart by it.
fn names_hash(points: &[Seen]) -> String {
    let mut names: Vec<&[u8]> = points.iter().map(|point| point.metric.bytes(1)).collect();
    names.sort_unstable();
    format!("{:x}", xxh3_64(&names.join(&0)))
}

fn millis(out: &mut Vec<u8>, key: &[u8], nanos: u64) {
    text::key(out, key);
    text::integer(out, nanos / 1_000_000);
}

fn templates(out: &mut Vec<u8>, points: &[Seen]) {
    text::key(out, b"dynamic_templates");
    out.push(b'{');
    for point in points {
        text::key(out, &[b"metrics.", point.metric.bytes(1)].concat());
        text::string(out, point.template().as_bytes());
    }
    out.push(b'}');
}
