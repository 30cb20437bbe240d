//! A request that was received, as OTLP.

use ahash::HashMap;

use super::labels::{self, Label, Symbols, inside};
use super::native::{Buckets, Fault, Native, STALE, Shape};
use super::read::{IDENTITY, Request, SCOPE, Series, Version};
use crate::encode::write_record;
use crate::encoding;
use crate::wire::{FIXED64, Fields, LEN, VARINT, write_tag, write_varint};

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

/// What a request came to.
#[derive(Default)]
pub struct Outcome {
    pub payload: Vec<u8>,
    pub samples: usize,
    pub histograms: usize,
    pub exemplars: usize,
    /// Histograms that OTLP has no words for.
    pub gauges: usize,
    /// Histograms and samples that contradict themselves.
    pub faulty: usize,
}

/// What kind of data a metric has: a metric of OTLP's has one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Kind {
    Number,
    Exponential,
    Explicit,
}

/// The target, the scope and the metric of points, and their kind.
type Key = (u32, u32, u32, Kind);

const MILLISECOND: i64 = 1_000_000;

const NO_RECORDED_VALUE: u64 = 1;

/// The points of `request`; `None` if they take more than `limit` bytes.
pub fn convert(request: &Request, meaning: &Meaning, limit: usize) -> Option<Outcome> {
    let symbols = (request.version == Version::Two).then(|| {
        let texts = Fields::new(&request.bytes).filter(|it| it.number == 4 && it.wire_type == LEN);
        Symbols(texts.map(|field| inside(&request.bytes, &field)).collect())
    });
    let mut converter =
        Converter { request, symbols, groups: HashMap::default(), outcome: Outcome::default() };
    let (mut labels, mut size) = (Vec::new(), 0);
    for series in &request.series {
        size += converter.series(series, &mut labels);
        if size > limit {
            return None;
        }
    }
    let Converter { groups, mut outcome, .. } = converter;
    outcome.payload = write(request, meaning, groups);
    Some(outcome)
}

struct Converter<'a> {
    request: &'a Request,
    symbols: Option<Symbols<'a>>,
    groups: HashMap<Key, Vec<u8>>,
    outcome: Outcome,
}

/// A point's value, with what all points have.
struct Point<'a> {
    start: i64,
    time: i64,
    attributes: &'a [Label<'a>],
    exemplars: &'a [u8],
}

impl<'a> Converter<'a> {
    /// Write the points of a series; returns how many bytes they take.
    fn series(&mut self, series: &Series, labels: &mut Vec<Label<'a>>) -> usize {
        let message = &self.request.bytes[series.body.clone()];
        if labels::read(labels, self.symbols.as_ref(), message).is_none() {
            return 0;
        }
        labels.retain(|(name, value)| {
            !value.is_empty() && !IDENTITY.contains(name) && !name.starts_with(SCOPE)
        });
        let version_1 = self.request.version == Version::One;
        let (histograms, exemplars) = if version_1 { (4, 3) } else { (3, 4) };
        let records = |number| {
            let of = move |it: &crate::wire::Field| it.number == number && it.wire_type == LEN;
            Fields::new(message).filter(of).map(|field| inside(message, &field))
        };
        let exemplars = Exemplars::read(records(exemplars), self.symbols.as_ref());
        let (samples, natives) = (records(2).count(), records(histograms).count());
        let mut size = 0;
        for (i, sample) in records(2).enumerate() {
            let last = natives == 0 && i + 1 == samples;
            size += self.sample(series, labels, sample, exemplars.with(last));
        }
        for (i, histogram) in records(histograms).enumerate() {
            size += self.histogram(series, labels, histogram, exemplars.with(i + 1 == natives));
        }
        self.outcome.exemplars += if samples + natives > 0 { exemplars.count } else { 0 };
        size
    }

    fn sample(
        &mut self,
        series: &Series,
        attributes: &[Label],
        sample: &[u8],
        exemplars: &[u8],
    ) -> usize {
        let (mut value, mut time, mut start) = (0, 0, series.start);
        for field in Fields::new(sample) {
            match (field.number, field.wire_type) {
                (1, FIXED64) => value = field.fixed(sample),
                (2, VARINT) => time = field.varint(sample).cast_signed(),
                (3, VARINT) => start = field.varint(sample).cast_signed(),
                _ => {}
            }
        }
        let point = Point { start, time, attributes, exemplars };
        let size = self.point(series, Kind::Number, &point, |out| {
            if value == STALE {
                write_number(out, 8, NO_RECORDED_VALUE);
            } else {
                write_fixed(out, 4, value);
            }
        });
        self.outcome.samples += usize::from(size > 0);
        size
    }

    fn histogram(
        &mut self,
        series: &Series,
        attributes: &[Label],
        body: &[u8],
        exemplars: &[u8],
    ) -> usize {
        let native = match Native::read(body, series.start) {
            Ok(native) => native,
            Err(fault) => {
                let gauge = fault == Fault::Gauge;
                *if gauge { &mut self.outcome.gauges } else { &mut self.outcome.faulty } += 1;
                return 0;
            }
        };
        let explicit = matches!(native.shape, Shape::Explicit { .. });
        let kind = if explicit { Kind::Explicit } else { Kind::Exponential };
        let point = Point { start: native.start, time: native.time, attributes, exemplars };
        let size = self.point(series, kind, &point, |out| write_native(out, &native));
        self.outcome.histograms += usize::from(size > 0);
        size
    }

    fn point(
        &mut self,
        series: &Series,
        kind: Kind,
        point: &Point,
        value: impl FnOnce(&mut Vec<u8>),
    ) -> usize {
        let Some((start, time)) = nanoseconds(point.start).zip(nanoseconds(point.time)) else {
            self.outcome.faulty += 1;
            return 0;
        };
        let mut body = Vec::new();
        for (name, text) in point.attributes {
            write_pair(&mut body, kind.attributes(), name, text);
        }
        if start > 0 {
            write_fixed(&mut body, 2, start);
        }
        write_fixed(&mut body, 3, time);
        value(&mut body);
        kind.write_exemplars(&mut body, point.exemplars);
        let key = (series.target, series.scope, series.metric, kind);
        write_record(self.groups.entry(key).or_default(), 1, &body);
        body.len()
    }
}

/// OTLP's time, in which there is none before 1970.
fn nanoseconds(milliseconds: i64) -> Option<u64> {
    u64::try_from(milliseconds.checked_mul(MILLISECOND)?).ok()
}

impl Kind {
    /// The number of the field with the attributes of a point.
    fn attributes(self) -> u32 {
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
    fn write_exemplars(self, out: &mut Vec<u8>, exemplars: &[u8]) {
        for exemplar in Fields::new(exemplars) {
            write_record(out, self.exemplars(), inside(exemplars, &exemplar));
        }
    }
}

fn write_native(out: &mut Vec<u8>, native: &Native) {
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

/// The exemplars of a series in OTLP's encoding, as fields of no particular number.
struct Exemplars {
    encoded: Vec<u8>,
    count: usize,
}

impl Exemplars {
    fn read<'a>(
        records: impl Iterator<Item = &'a [u8]>,
        symbols: Option<&Symbols<'a>>,
    ) -> Self {
        let (mut encoded, mut count, mut labels) = (Vec::new(), 0, Vec::new());
        for body in records {
            if labels::read(&mut labels, symbols, body).is_some() {
                count += usize::from(write_exemplar(&mut encoded, &labels, body).is_some());
            }
        }
        Self { encoded, count }
    }

    /// They go with the last of a series' points.
    fn with(&self, last: bool) -> &[u8] {
        if last { &self.encoded } else { &[] }
    }
}

fn write_exemplar(out: &mut Vec<u8>, labels: &[Label], message: &[u8]) -> Option<()> {
    let mut time = 0;
    let mut body = Vec::new();
    for field in Fields::new(message) {
        match (field.number, field.wire_type) {
            (2, FIXED64) => write_fixed(&mut body, 3, field.fixed(message)),
            (3, VARINT) => time = field.varint(message).cast_signed(),
            _ => {}
        }
    }
    write_fixed(&mut body, 2, nanoseconds(time)?);
    for (name, value) in labels {
        match id(name, value) {
            Some((number, id)) => write_record(&mut body, number, &id),
            None => write_pair(&mut body, 7, name, value),
        }
    }
    write_record(out, 1, &body);
    Some(())
}

/// The field and the value of a label that holds the id of a trace or a span.
fn id(name: &[u8], value: &[u8]) -> Option<(u32, Vec<u8>)> {
    let (number, len) = match name {
        b"trace_id" => (5, 16),
        b"span_id" => (4, 8),
        _ => return None,
    };
    let id = encoding::hex(std::str::from_utf8(value).ok()?)?;
    (id.len() == len).then_some((number, id))
}

/// Write the request: resources, scopes and metrics in the order of their first appearance.
fn write(request: &Request, meaning: &Meaning, groups: HashMap<Key, Vec<u8>>) -> Vec<u8> {
    let mut groups: Vec<(Key, Vec<u8>)> = groups.into_iter().collect();
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
            name => write_pair(&mut out, 3, name.as_bytes(), value.as_bytes()),
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
        write_pair(&mut out, 12, b"prometheus.type", sense.type_.as_bytes());
    }
    out
}

fn write_pairs(out: &mut Vec<u8>, number: u32, pairs: &[(String, String)]) {
    for (key, value) in pairs {
        write_pair(out, number, key.as_bytes(), value.as_bytes());
    }
}

/// Write an attribute that is a text.
fn write_pair(out: &mut Vec<u8>, number: u32, key: &[u8], value: &[u8]) {
    let (mut any, mut pair) = (Vec::new(), Vec::new());
    write_record(&mut any, 1, value);
    write_record(&mut pair, 1, key);
    write_record(&mut pair, 2, &any);
    write_record(out, number, &pair);
}

fn write_number(out: &mut Vec<u8>, number: u32, value: u64) {
    write_tag(out, number, VARINT);
    write_varint(out, value);
}

fn write_fixed(out: &mut Vec<u8>, number: u32, value: u64) {
    write_tag(out, number, FIXED64);
    out.extend(value.to_le_bytes());
}
