//! A data point as the series that Prometheus has of it.

use std::borrow::Cow;

use super::draft::{Content, Draft};
use super::native::STALE;
use super::plan::{Family, LabelSet};
use super::sparse::native;
use crate::encoding;
use crate::exposition::fault::is_valid_histogram;
use crate::exposition::text_of::{pair, text_of};
use crate::series::histogram::Histogram;
use crate::series::point::Point;
use crate::series::value::{Summary, Value};
use crate::wire::{FIXED64, Fields, LEN};

const NANOSECONDS: u64 = 1_000_000;

/// Characters that the labels of an exemplar may have together (`OpenMetrics` 1.0).
const MAX_EXEMPLAR: usize = 128;

/// The type of metrics that only rise.
const COUNTER: u64 = 1;

/// Prometheus has no such thing: a number without value, buckets that are not in order or not as many
/// as their bounds, counts that do not add up.
#[derive(Debug, PartialEq, Eq)]
pub struct Faulty;

/// Writes the series of one point.
pub struct Writer<'a> {
    pub draft: &'a mut Draft,
    pub family: &'a Family,
    pub labels: &'a LabelSet<'a>,
    /// The message of the point.
    pub body: &'a [u8],
    /// The number of its exemplars' field.
    pub exemplars: u32,
}

impl Writer<'_> {
    pub fn write(mut self, point: &Point) -> Result<(), Faulty> {
        let time = (point.time / NANOSECONDS).cast_signed();
        let start = (point.start / NANOSECONDS).cast_signed();
        let stale = point.flags & 1 != 0;
        match &point.value {
            Value::Absent if !stale => return Err(Faulty),
            Value::Absent | Value::Int(_) | Value::Double(_) => {
                let value = if stale { f64::from_bits(STALE) } else { point.value.as_double() };
                self.number(value, time, start);
            }
            Value::Histogram(it) => self.histogram(it, stale, time, start)?,
            Value::Summary(it) => self.summary(it, stale, time, start),
            Value::Exponential(it) => {
                let fields = native(it, stale, time).ok_or(Faulty)?;
                let mut content = Content::default();
                self.draft.histogram(&mut content, fields, start);
                self.exemplars_between(&mut content, f64::NEG_INFINITY, f64::INFINITY);
                self.add("", None, &content);
            }
        }
        self.draft.counts.points += 1;
        Ok(())
    }

    fn number(&mut self, value: f64, time: i64, start: i64) {
        let counter = self.family.kind == COUNTER;
        let mut content = Content::default();
        self.draft.sample(&mut content, value, time, if counter { start } else { 0 });
        if counter {
            self.exemplars_between(&mut content, f64::NEG_INFINITY, f64::INFINITY);
        }
        self.add("", None, &content);
    }

    fn histogram(
        &mut self,
        it: &Histogram,
        stale: bool,
        time: i64,
        start: i64,
    ) -> Result<(), Faulty> {
        if !stale && !is_valid_histogram(it) {
            return Err(Faulty);
        }
        let shown = |value| if stale { f64::from_bits(STALE) } else { value };
        if stale || it.totals.sum.is_some() {
            let sum = shown(it.totals.sum.unwrap_or_default());
            self.one("_sum", None, (sum, time, start));
        }
        let count = shown(it.totals.count as f64);
        self.one("_count", None, (count, time, start));
        let (mut below, mut lower) = (0u64, f64::NEG_INFINITY);
        for (i, bound) in it.bounds.iter().enumerate() {
            below = below.saturating_add(it.counts.get(i).copied().unwrap_or(0));
            if bound.is_finite() {
                let sample = (shown(below as f64), time, start);
                self.bucket(&bound.to_string(), (lower, *bound), sample);
                lower = *bound;
            }
        }
        self.bucket("+Inf", (lower, f64::INFINITY), (count, time, start));
        Ok(())
    }

    fn bucket(&mut self, le: &str, (lower, upper): (f64, f64), sample: (f64, i64, i64)) {
        let mut content = Content::default();
        self.draft.sample(&mut content, sample.0, sample.1, sample.2);
        self.exemplars_between(&mut content, lower, upper);
        self.add("_bucket", Some(("le", le)), &content);
    }

    fn summary(&mut self, it: &Summary, stale: bool, time: i64, start: i64) {
        let shown = |value| if stale { f64::from_bits(STALE) } else { value };
        self.one("_sum", None, (shown(it.totals.sum.unwrap_or_default()), time, start));
        self.one("_count", None, (shown(it.totals.count as f64), time, start));
        for (quantile, value) in &it.quantiles {
            let quantile = quantile.to_string();
            self.one("", Some(("quantile", quantile.as_str())), (shown(*value), time, 0));
        }
    }

    /// A series of one sample: its value, its time and its start.
    fn one(&mut self, suffix: &str, own: Option<(&str, &str)>, sample: (f64, i64, i64)) {
        let mut content = Content::default();
        self.draft.sample(&mut content, sample.0, sample.1, sample.2);
        self.add(suffix, own, &content);
    }

    fn add(&mut self, suffix: &str, own: Option<(&str, &str)>, content: &Content) {
        let name = [&self.family.name, suffix].concat();
        self.draft.add(self.labels, &name, own, self.family, content);
    }

    /// Add the exemplars that are over `lower` and not over `upper`.
    fn exemplars_between(&mut self, content: &mut Content, lower: f64, upper: f64) {
        for field in Fields::new(self.body) {
            if field.number != self.exemplars || field.wire_type != LEN {
                continue;
            }
            let exemplar = Exemplar::read(&self.body[field.body..field.end]);
            let lowest = lower == f64::NEG_INFINITY;
            if (exemplar.value > lower || lowest) && exemplar.value <= upper {
                let labels = exemplar.labels();
                self.draft.exemplar(content, &labels, exemplar.value, exemplar.time);
            }
        }
    }
}

struct Exemplar<'a> {
    body: &'a [u8],
    value: f64,
    time: i64,
}

impl<'a> Exemplar<'a> {
    fn read(body: &'a [u8]) -> Self {
        let mut it = Self { body, value: f64::NAN, time: 0 };
        for field in Fields::new(body).filter(|field| field.wire_type == FIXED64) {
            let bits = field.fixed(body);
            match field.number {
                2 => it.time = (bits / NANOSECONDS).cast_signed(),
                3 => it.value = f64::from_bits(bits),
                6 => it.value = bits.cast_signed() as f64,
                _ => {}
            }
        }
        it
    }

    /// The ids of trace and span, and the attributes too if all that is not too long.
    fn labels(&self) -> LabelSet<'a> {
        let (mut ids, mut others): (LabelSet, LabelSet) = (Vec::new(), Vec::new());
        for field in Fields::new(self.body).filter(|field| field.wire_type == LEN) {
            let data = &self.body[field.body..field.end];
            match field.number {
                4 if !data.is_empty() => ids.push(("span_id", Cow::Owned(hex(data)))),
                5 if !data.is_empty() => ids.push(("trace_id", Cow::Owned(hex(data)))),
                7 => others.push(attribute(data)),
                _ => {}
            }
        }
        let characters =
            |(name, value): &(&str, Cow<str>)| name.chars().count() + value.chars().count();
        let all: usize = ids.iter().chain(&others).map(characters).sum();
        if all <= MAX_EXEMPLAR {
            ids.extend(others);
        }
        ids.sort_by_key(|(name, _)| *name);
        ids.dedup_by_key(|(name, _)| *name);
        ids
    }
}

fn attribute(body: &[u8]) -> (&str, Cow<'_, str>) {
    let (key, value) = pair(body);
    (key, Cow::Owned(text_of(&value).into_owned()))
}

fn hex(id: &[u8]) -> String {
    let mut out = Vec::with_capacity(2 * id.len());
    encoding::write_hex(&mut out, id);
    String::from_utf8_lossy(&out).into_owned()
}
