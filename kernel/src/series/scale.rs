//! Values times a factor: another unit of the same.

use std::sync::Arc;

use super::apply::{Outcome, each};
use super::bodies::{Bodies, exemplars};
use super::exponential::Exponential;
use super::histogram::Histogram;
use super::point::Point;
use super::value::{Summary, Totals, Value};
use crate::encode::write_record;
use crate::payload::Payload;
use crate::schema::Message;
use crate::wire::{FIXED64, Fields, write_tag};

/// What becomes of each point when those that are `wanted` are multiplied by a positive `factor`.
pub fn scale(payloads: &[Arc<Payload>], wanted: &[bool], factor: f64) -> Vec<Outcome> {
    let bodies = Bodies::new(payloads);
    let mut outcomes: Vec<Outcome> = wanted.iter().map(|_| Outcome::Stays).collect();
    each(payloads, wanted, |mut subject| {
        subject.point.value.scale(factor);
        let (message, body) = bodies.get(subject.item);
        outcomes[subject.item] = Outcome::Is(written(&subject.point, message, body, factor));
    });
    outcomes
}

fn written(point: &Point, message: &'static Message, body: &[u8], factor: f64) -> Vec<u8> {
    let mut other = Vec::with_capacity(body.len());
    let mut run = 0;
    for exemplar in exemplars(message, body) {
        other.extend_from_slice(&body[run..exemplar.tag]);
        write_record(
            &mut other,
            exemplar.number,
            &scaled(&body[exemplar.body..exemplar.end], factor),
        );
        run = exemplar.end;
    }
    other.extend_from_slice(&body[run..]);
    let mut out = Vec::with_capacity(other.len());
    point.write(&mut out, message, &other);
    out
}

/// An exemplar, whose double is its field 3 and whose integer its field 6.
fn scaled(exemplar: &[u8], factor: f64) -> Vec<u8> {
    let mut out = Vec::with_capacity(exemplar.len());
    for field in Fields::new(exemplar) {
        let value = match (field.number, field.wire_type) {
            (3, FIXED64) => Value::Double(f64::from_bits(field.fixed(exemplar))),
            (6, FIXED64) => Value::Int(field.fixed(exemplar).cast_signed()),
            _ => {
                out.extend_from_slice(&exemplar[field.tag..field.end]);
                continue;
            }
        };
        let (number, bits) = match value.times(factor) {
            Value::Int(value) => (6, value.cast_unsigned()),
            value => (3, value.as_double().to_bits()),
        };
        write_tag(&mut out, number, FIXED64);
        out.extend_from_slice(&bits.to_le_bytes());
    }
    out
}

impl Value {
    /// Multiply by a positive factor. Integers stay integers if the factor is one.
    pub fn scale(&mut self, factor: f64) {
        match self {
            Self::Histogram(it) => it.scale(factor),
            Self::Exponential(it) => it.scale(factor),
            Self::Summary(it) => it.scale(factor),
            number => *number = number.times(factor),
        }
    }

    #[allow(clippy::cast_possible_truncation)] // it is a whole number, and in range
    fn times(&self, factor: f64) -> Self {
        let whole = factor.fract() == 0.0 && factor < 2f64.powi(62);
        match self {
            Self::Absent => Self::Absent,
            Self::Int(value) if whole => value
                .checked_mul(factor as i64)
                .map_or_else(|| Self::Double(self.as_double() * factor), Self::Int),
            number => Self::Double(number.as_double() * factor),
        }
    }
}

impl Totals {
    fn scale(&mut self, factor: f64) {
        for value in [&mut self.sum, &mut self.min, &mut self.max].into_iter().flatten() {
            *value *= factor;
        }
    }
}

impl Histogram {
    fn scale(&mut self, factor: f64) {
        self.totals.scale(factor);
        self.bounds.iter_mut().for_each(|bound| *bound *= factor);
    }
}

impl Summary {
    fn scale(&mut self, factor: f64) {
        self.totals.scale(factor);
        self.quantiles.iter_mut().for_each(|(_, value)| *value *= factor);
    }
}

impl Exponential {
    /// Whole buckets move: the middle of one goes to the bucket that it is in then.
    #[allow(clippy::cast_possible_truncation)] // saturates, as it should
    fn scale(&mut self, factor: f64) {
        self.totals.scale(factor);
        self.zero_threshold *= factor;
        let per_power = f64::from(self.scale).exp2();
        let half = (0.5 + (1.0 / per_power - 1.0).exp2()).log2() * per_power;
        let middle = if half.is_finite() { half } else { 1.0 - per_power };
        let shift = ((middle + factor.log2() * per_power).ceil() - 1.0) as i32;
        for buckets in [&mut self.positive, &mut self.negative] {
            if !buckets.counts.is_empty() {
                buckets.offset = buckets.offset.saturating_add(shift);
            }
        }
    }
}
