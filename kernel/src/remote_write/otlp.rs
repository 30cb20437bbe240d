//! What was received, in OTLP's encoding.

use super::labels::inside;
use super::native::{Buckets, Native, Shape};
use super::read::{Request, SCOPE};
use crate::encode::{write_record, write_text_pair};
use crate::wire::{Fields, write_fixed, write_number, write_varint};

/// What is made of the metrics, the targets and the scopes of a request: decided outside, on each.
pub struct Meaning {
    /// Attributes of the resource of each target.
    pub resources: Vec<Vec<(String, String)>>,
    pub metrics: Vec<Sense>,
}

/// What a metric is in OTLP. Native histograms are histograms, whatever this says.
pub struct Sense {
    pub name: String,
    pub description: String,
    pub unit: String,
    /// Its type in Prometheus, which OTLP keeps as metadata.
    pub type_: String,
    pub counter: bool,
}

/// What kind of data a metric has: a metric of OTLP's has one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Number,
    Exponential,
    Explicit,
}

/// The target, the scope and the metric of points, and their kind.
pub type Key = (u32, u32, u32, Kind);

pub const NO_RECORDED_VALUE: u64 = 1;

impl Kind {
    /// The number of the field with the attributes of a point.
    pub fn attributes(self) -> u32 {
        match self {
            Self::Number => 7,
            Self::Exponential => 1,
            Self::Explicit => 9,
        }
    }

    fn exemplars(self) -> u32 {
        match self {
            Self::Number => 5,
            Self::Exponential => 11,
            Self::Explicit => 8,
        }
    }

    /// Write what `Exemplars` holds.
    pub fn write_exemplars(self, out: &mut Vec<u8>, exemplars: &[u8]) {
        for exemplar in Fields::new(exemplars) {
            write_record(out, self.exemplars(), inside(exemplars, &exemplar));
        }
    }
}

/// Write the fields of a histogram that its type has alone.
pub fn write_native(out: &mut Vec<u8>, native: &Native) {
    let Native { count, sum, zero_count, zero_threshold, shape, .. } = native;
    match shape {
        Shape::Stale => return write_number(out, 10, NO_RECORDED_VALUE),
        Shape::Exponential { scale, positive, negative } => {
            write_number(out, 6, u64::from(zigzag(*scale)));
            write_fixed(out, 7, *zero_count);
            write_fixed(out, 14, zero_threshold.to_bits());
            write_buckets(out, 8, positive);
            write_buckets(out, 9, negative);
        }
        Shape::Explicit { bounds, counts } => {
            let bytes = |words: &[u64]| words.iter().flat_map(|it| it.to_le_bytes()).collect();
            let counts: Vec<u8> = bytes(counts);
            write_record(out, 6, &counts);
            let bounds: Vec<u64> = bounds.iter().map(|bound| bound.to_bits()).collect();
            let bounds: Vec<u8> = bytes(&bounds);
            write_record(out, 7, &bounds);
        }
    }
    write_fixed(out, 4, *count);
    write_fixed(out, 5, sum.to_bits());
}

fn write_buckets(out: &mut Vec<u8>, number: u32, buckets: &Buckets) {
    if buckets.counts.is_empty() {
        return;
    }
    let (mut body, mut counts) = (Vec::new(), Vec::new());
    write_number(&mut body, 1, u64::from(zigzag(buckets.offset)));
    buckets.counts.iter().for_each(|count| write_varint(&mut counts, *count));
    write_record(&mut body, 2, &counts);
    write_record(out, number, &body);
}

fn zigzag(value: i32) -> u32 {
    (value << 1 ^ value >> 31).cast_unsigned()
}

/// Write the request: resources, scopes and metrics in the order of their first appearance.
pub fn write(request: &Request, meaning: &Meaning, mut groups: Vec<(Key, Vec<u8>)>) -> Vec<u8> {
    groups.sort_unstable_by_key(|(key, _)| *key);
    let mut out = Vec::new();
    for of_target in groups.chunk_by(|one, other| one.0.0 == other.0.0) {
        let (mut around, mut resource) = (Vec::new(), Vec::new());
        write_pairs(&mut resource, 1, &meaning.resources[of_target[0].0.0 as usize]);
        write_record(&mut around, 1, &resource);
        for of_scope in of_target.chunk_by(|one, other| one.0.1 == other.0.1) {
            let mut metrics = Vec::new();
            write_record(&mut metrics, 1, &scope(&request.scopes[of_scope[0].0.1 as usize]));
            for ((.., metric, kind), points) in of_scope {
                let metric = write_metric(&meaning.metrics[*metric as usize], *kind, points);
                write_record(&mut metrics, 2, &metric);
            }
            write_record(&mut around, 2, &metrics);
        }
        write_record(&mut out, 1, &around);
    }
    out
}

/// A scope by its labels, of which two are fields and the others attributes.
fn scope(labels: &[(String, String)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in labels {
        match &name[SCOPE.len()..] {
            "name" => write_record(&mut out, 1, value.as_bytes()),
            "version" => write_record(&mut out, 2, value.as_bytes()),
            name => write_text_pair(&mut out, 3, name, value),
        }
    }
    out
}

const CUMULATIVE: u64 = 2;

fn write_metric(sense: &Sense, kind: Kind, points: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let texts = [(1, &sense.name), (2, &sense.description), (3, &sense.unit)];
    for (number, text) in texts.into_iter().filter(|(_, text)| !text.is_empty()) {
        write_record(&mut out, number, text.as_bytes());
    }
    let mut data = points.to_vec();
    let number = match kind {
        Kind::Number if !sense.counter => 5,
        Kind::Number => {
            write_number(&mut data, 3, 1);
            7
        }
        Kind::Exponential => 10,
        Kind::Explicit => 9,
    };
    if number != 5 {
        write_number(&mut data, 2, CUMULATIVE);
    }
    write_record(&mut out, number, &data);
    if !sense.type_.is_empty() {
        write_text_pair(&mut out, 12, "prometheus.type", &sense.type_);
    }
    out
}

fn write_pairs(out: &mut Vec<u8>, number: u32, pairs: &[(String, String)]) {
    for (key, value) in pairs {
        write_text_pair(out, number, key, value);
    }
}
