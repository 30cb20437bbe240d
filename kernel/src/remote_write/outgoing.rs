//! Data points that are to be sent: what they say of their metrics and their sources, which get
//! their names outside.

use std::borrow::Cow;
use std::iter;
use std::sync::Arc;

use ahash::HashMap;

use crate::exposition::text_of::{pair, text_of};
use crate::index::Node;
use crate::lookup::submessage;
use crate::merge::{Part, bodies, by_field, merge};
use crate::payload::Payload;
use crate::schema::{METRIC, SCOPE};
use crate::wire::{FIXED64, Fields, LEN};

/// What a metric says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Said {
    pub name: String,
    pub unit: String,
    pub description: String,
    /// The name of the field that holds its data, such as `sum`; empty for no data.
    pub data: &'static str,
    /// 0 unspecified, 1 delta, 2 cumulative.
    pub temporality: i64,
    pub monotonic: bool,
    /// What it was in Prometheus, if it came from there.
    pub original: String,
}

/// The attributes of a message, as texts.
pub type Attributes = Vec<(String, String)>;

/// Where points come from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Source {
    pub resource: Attributes,
    pub scope: [String; 2],
    pub scope_attributes: Attributes,
}

/// Points with the places of their metric and their source among the distinct ones.
#[derive(Default)]
pub struct Outgoing {
    payloads: Vec<Arc<Payload>>,
    /// The place of the first point of each payload.
    starts: Vec<usize>,
    pub metrics: Vec<Said>,
    pub sources: Vec<Source>,
    /// By point: its metric, its source and its time.
    pub points: Vec<(u32, u32, u64)>,
}

impl Outgoing {
    pub fn of(payloads: Vec<Arc<Payload>>) -> Self {
        let (mut metrics, mut sources) = (HashMap::default(), HashMap::default());
        let mut all = Self::default();
        for payload in &payloads {
            all.starts.push(all.points.len());
            let (bytes, levels) = (payload.bytes(), &payload.index().levels);
            let source =
                |node: &Node| number(&mut sources, &mut all.sources, source(payload, node));
            let sources: Vec<u32> = levels[1].iter().map(source).collect();
            let metric =
                |node: &Node| number(&mut metrics, &mut all.metrics, said(node.body(bytes)));
            let metrics: Vec<u32> = levels[2].iter().map(metric).collect();
            all.points.extend(levels[4].iter().map(|point| {
                let metric = levels[3][point.parent as usize].parent as usize;
                let scope = levels[2][metric].parent as usize;
                (metrics[metric], sources[scope], time(point.body(bytes)))
            }));
        }
        Self { payloads, ..all }
    }

    /// The payload of a point, and its place there.
    pub fn item(&self, at: usize) -> (&Payload, usize) {
        let payload = self.starts.partition_point(|start| *start <= at) - 1;
        (&self.payloads[payload], at - self.starts[payload])
    }

    /// How many points are of each metric.
    pub fn sizes(&self) -> Vec<usize> {
        let mut sizes = vec![0; self.metrics.len()];
        self.points.iter().for_each(|(metric, ..)| sizes[*metric as usize] += 1);
        sizes
    }

    /// The time of the last point of each source.
    pub fn times(&self) -> Vec<u64> {
        let mut times = vec![0; self.sources.len()];
        for (_, source, time) in &self.points {
            let last = &mut times[*source as usize];
            *last = time.max(last).to_owned();
        }
        times
    }
}

fn number<T: Clone + Eq + std::hash::Hash>(
    numbers: &mut HashMap<T, u32>,
    values: &mut Vec<T>,
    value: T,
) -> u32 {
    *numbers.entry(value).or_insert_with_key(|value| {
        values.push(value.clone());
        values.len() as u32 - 1
    })
}

fn time(point: &[u8]) -> u64 {
    const TIME: u32 = 3;
    let times = Fields::new(point).filter(|it| it.number == TIME && it.wire_type == FIXED64);
    times.last().map_or(0, |field| field.fixed(point))
}

fn text(data: &[u8]) -> String {
    String::from_utf8_lossy(data).into_owned()
}

fn said(metric: &[u8]) -> Said {
    let mut said = Said::default();
    for parts in by_field(&merge(&METRIC, iter::once(metric))) {
        let Part { field, data } = parts[0];
        match field.name {
            "name" => said.name = text(data),
            "unit" => said.unit = text(data),
            "description" => said.description = text(data),
            "metadata" => said.original = original(metric),
            _ => {
                said.data = field.name;
                bodies(parts).for_each(|body| kind(&mut said, body));
            }
        }
    }
    said
}

/// Read what the data of a metric say of themselves, if they are a sum or a histogram.
fn kind(said: &mut Said, data: &[u8]) {
    for found in Fields::new(data) {
        match found.number {
            2 => said.temporality = found.varint(data).cast_signed(),
            3 => said.monotonic = found.varint(data) != 0,
            _ => {}
        }
    }
}

fn original(metric: &[u8]) -> String {
    let metadata = attributes(metric, 12);
    let type_ = metadata.into_iter().find(|(key, _)| key == "prometheus.type");
    type_.map_or_else(String::new, |(_, type_)| type_)
}

fn source(payload: &Payload, scope: &Node) -> Source {
    let bytes = payload.bytes();
    let around = &payload.index().levels[0][scope.parent as usize];
    let first = |node: &Node| submessage(&Cow::Borrowed(node.body(bytes)), 1).unwrap_or_default();
    let (resource, scope) = (first(around), first(scope));
    let parts = merge(&SCOPE, iter::once(&*scope));
    let of = |name| parts.iter().find(|part| part.field.name == name);
    Source {
        resource: attributes(&resource, 1),
        scope: ["name", "version"]
            .map(|name| of(name).map_or_else(String::new, |it| text(it.data))),
        scope_attributes: attributes(&scope, 3),
    }
}

/// The first of equal keys counts.
fn attributes(body: &[u8], number: u32) -> Attributes {
    let mut found: Attributes = Vec::new();
    for field in Fields::new(body).filter(|it| it.number == number && it.wire_type == LEN) {
        let (key, value) = pair(&body[field.body..field.end]);
        if !found.iter().any(|(known, _)| known == key) {
            found.push((key.to_owned(), text_of(&value).into_owned()));
        }
    }
    found
}
