//! A request that was received, as OTLP.

use ahash::HashMap;

use super::labels::{self, Label, Symbols, inside};
use super::native::{Fault, Native, STALE, Shape};
use super::otlp::{Key, Kind, Meaning, NO_RECORDED_VALUE, write, write_native};
use super::read::{IDENTITY, Request, SCOPE, Series, Version};
use crate::encode::{write_record, write_text_pair};
use crate::encoding;
use crate::wire::{FIXED64, Fields, LEN, VARINT, write_fixed, write_number};

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

const MILLISECOND: i64 = 1_000_000;

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
    outcome.payload = write(request, meaning, groups.into_iter().collect());
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
            write_text_pair(&mut body, kind.attributes(), name, text);
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

/// The exemplars of a series in OTLP's encoding, as fields of no particular number.
struct Exemplars {
    encoded: Vec<u8>,
    count: usize,
}

impl Exemplars {
    fn read<'a>(records: impl Iterator<Item = &'a [u8]>, symbols: Option<&Symbols<'a>>) -> Self {
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
            None => write_text_pair(&mut body, 7, name, value),
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
