//! The protobuf format: `io.prometheus.client.MetricFamily` messages, each after its length. It is
//! the one that has native histograms.

use super::exemplar::{Exemplar, by_bucket, exemplars};
use super::family::{Family, Kind};
use super::fault::{observations, total};
use super::labels::Labels;
use super::names::Escaping;
use super::native::{fitted, spans, zero_threshold};
use super::state::Shown;
use super::text::NANOS_PER_MILLI;
use crate::encode::write_record;
use crate::series::exponential::{Buckets, Exponential};
use crate::series::histogram::Histogram;
use crate::series::value::{Summary, Totals, Value};
use crate::wire::{FIXED64, LEN, VARINT, varint_len, write_tag, write_varint};

const NANOS: u64 = 1_000_000_000;

pub struct Protobuf {
    pub escaping: Escaping,
    pub timestamps: bool,
}

impl Protobuf {
    /// Write a family with the series that `metrics` has of it. One family may be written in several
    /// pieces, so that none has to be held whole.
    pub fn family(&self, out: &mut Vec<u8>, family: &Family, metrics: &[u8]) {
        let [help, unit] = family.comments();
        let mut head = Vec::new();
        write_record(&mut head, 1, self.escaping.apply(&family.name).as_bytes());
        if !help.is_empty() {
            write_record(&mut head, 2, help.as_bytes());
        }
        integer(
            &mut head,
            3,
            match family.kind {
                Kind::Counter => 0,
                Kind::Gauge => 1,
                Kind::Summary => 2,
                Kind::Unknown => 3,
                Kind::Histogram => 4,
            },
        );
        if !unit.is_empty() {
            write_record(&mut head, 5, unit.as_bytes());
        }
        write_varint(out, (head.len() + metrics.len()) as u64);
        out.extend_from_slice(&head);
        out.extend_from_slice(metrics);
    }

    /// Write a series as a field of a family.
    pub fn series(&self, out: &mut Vec<u8>, shown: &Shown) {
        nested(out, 4, |out| {
            self.write_labels(out, &shown.labels, &shown.origin.labels);
            Self::write_value(out, shown);
            if self.timestamps {
                integer(out, 6, shown.point.time / NANOS_PER_MILLI);
            }
        });
    }

    /// Write the series that says something about where others come from.
    pub fn info(&self, out: &mut Vec<u8>, info: &Labels) {
        nested(out, 4, |out| {
            self.write_labels(out, info, &Labels::default());
            nested(out, 2, |out| double(out, 1, 1.0));
        });
    }

    fn write_labels(&self, out: &mut Vec<u8>, one: &Labels, two: &Labels) {
        self.escaping.each_label(one, two, |name, value| write_label(out, name, value));
    }

    fn write_value(out: &mut Vec<u8>, shown: &Shown) {
        let exemplars = || exemplars(shown.exemplars.as_deref());
        let start = shown.point.start;
        match (&shown.point.value, shown.family.kind) {
            (Value::Histogram(it), _) => nested(out, 7, |out| {
                histogram(out, it, &by_bucket(exemplars(), &it.bounds));
                created(out, 15, start);
            }),
            (Value::Exponential(it), _) => nested(out, 7, |out| {
                native(out, it, exemplars());
                created(out, 15, start);
            }),
            (Value::Summary(it), _) => nested(out, 4, |out| {
                summary(out, it);
                created(out, 4, start);
            }),
            (value, Kind::Counter) => nested(out, 3, |out| {
                double(out, 1, value.as_double());
                if let Some(exemplar) = exemplars().last() {
                    write_exemplar(out, 2, &exemplar);
                }
                created(out, 3, start);
            }),
            (value, Kind::Gauge) => nested(out, 2, |out| double(out, 1, value.as_double())),
            (value, _) => nested(out, 5, |out| double(out, 1, value.as_double())),
        }
    }
}

fn histogram(out: &mut Vec<u8>, it: &Histogram, exemplars: &[Option<Exemplar>]) {
    let count = total(&it.counts, it.totals.count).unwrap_or(it.totals.count);
    totals(out, &Totals { count, ..it.totals });
    let mut so_far = 0;
    for ((bound, counted), exemplar) in it.bounds.iter().zip(&it.counts).zip(exemplars) {
        so_far += counted;
        if *bound != f64::INFINITY {
            bucket(out, so_far, *bound, exemplar.as_ref());
        }
    }
    if let Some(Some(exemplar)) = exemplars.last() {
        bucket(out, count, f64::INFINITY, Some(exemplar));
    }
}

fn bucket(out: &mut Vec<u8>, count: u64, bound: f64, exemplar: Option<&Exemplar>) {
    nested(out, 3, |out| {
        integer(out, 1, count);
        double(out, 2, bound);
        if let Some(exemplar) = exemplar {
            write_exemplar(out, 3, exemplar);
        }
    });
}

fn native(out: &mut Vec<u8>, it: &Exponential, exemplars: impl Iterator<Item = Exemplar>) {
    let it = fitted(it);
    // Prometheus refuses a whole scrape for one count that is not that of the buckets.
    let count = observations(&it).unwrap_or(it.totals.count);
    totals(out, &Totals { count, ..it.totals });
    integer(out, 5, zigzag(i64::from(it.scale)));
    double(out, 6, zero_threshold(&it));
    integer(out, 7, it.zero_count);
    write_buckets(out, [9, 10], &it.negative);
    write_buckets(out, [12, 13], &it.positive);
    for exemplar in exemplars.filter(|exemplar| exemplar.time > 0) {
        write_exemplar(out, 16, &exemplar);
    }
}

fn write_buckets(out: &mut Vec<u8>, [span_number, delta_number]: [u32; 2], buckets: &Buckets) {
    let (spans, deltas) = spans(buckets);
    for (offset, len) in spans {
        nested(out, span_number, |out| {
            integer(out, 1, zigzag(offset));
            integer(out, 2, u64::from(len));
        });
    }
    if !deltas.is_empty() {
        nested(out, delta_number, |out| {
            for delta in deltas {
                write_varint(out, zigzag(delta));
            }
        });
    }
}

fn summary(out: &mut Vec<u8>, it: &Summary) {
    totals(out, &it.totals);
    for (at, value) in &it.quantiles {
        nested(out, 3, |out| {
            double(out, 1, *at);
            double(out, 2, *value);
        });
    }
}

fn totals(out: &mut Vec<u8>, totals: &Totals) {
    integer(out, 1, totals.count);
    if let Some(sum) = totals.sum {
        double(out, 2, sum);
    }
}

fn write_exemplar(out: &mut Vec<u8>, number: u32, exemplar: &Exemplar) {
    nested(out, number, |out| {
        for (name, id) in exemplar.labels() {
            write_label(out, name.as_bytes(), id.as_bytes());
        }
        double(out, 2, exemplar.value);
        created(out, 3, exemplar.time);
    });
}

/// A `google.protobuf.Timestamp`, where there is one.
fn created(out: &mut Vec<u8>, number: u32, nanos: u64) {
    if nanos > 0 {
        nested(out, number, |out| {
            integer(out, 1, nanos / NANOS);
            integer(out, 2, nanos % NANOS);
        });
    }
}

fn write_label(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    let field = |text: &[u8]| 1 + varint_len(text.len() as u64) + text.len();
    write_tag(out, 1, LEN);
    write_varint(out, (field(name) + field(value)) as u64);
    write_record(out, 1, name);
    write_record(out, 2, value);
}

/// A field that holds what `write` writes: its length, which is not known before, is put in front.
fn nested(out: &mut Vec<u8>, number: u32, write: impl FnOnce(&mut Vec<u8>)) {
    write_tag(out, number, LEN);
    let start = out.len();
    write(out);
    let len = out.len() - start;
    write_varint(out, len as u64);
    out[start..].rotate_right(varint_len(len as u64));
}

fn double(out: &mut Vec<u8>, number: u32, value: f64) {
    write_tag(out, number, FIXED64);
    out.extend(value.to_le_bytes());
}

fn integer(out: &mut Vec<u8>, number: u32, value: u64) {
    write_tag(out, number, VARINT);
    write_varint(out, value);
}

fn zigzag(value: i64) -> u64 {
    (value << 1 ^ value >> 63).cast_unsigned()
}
