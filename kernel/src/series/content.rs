//! What data points hold, between its bytes and numbers.

use super::exponential::{Buckets, Exponential};
use super::histogram::Histogram;
use super::value::{Summary, Totals, Value};
use crate::encode::write_record;
use crate::scalar::{Scalar, elements, read as scalar, write_integer};
use crate::schema::Kind;
use crate::wire::{FIXED64, Field, Fields, LEN, VARINT, write_tag, write_varint};

impl Value {
    pub(super) fn read(&mut self, field: &Field, data: &[u8]) {
        match self {
            Self::Absent | Self::Int(_) | Self::Double(_) => {
                match (field.number, field.wire_type) {
                    (4, FIXED64) => *self = Self::Double(double(data)),
                    (6, FIXED64) => *self = Self::Int(unsigned(data).cast_signed()),
                    _ => {}
                }
            }
            Self::Histogram(it) => it.read(field, data),
            Self::Exponential(it) => it.read(field, data),
            Self::Summary(it) => it.read(field, data),
        }
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Absent => {}
            Self::Int(value) => number(out, 6, value.cast_unsigned()),
            Self::Double(value) => number(out, 4, value.to_bits()),
            Self::Histogram(it) => it.write(out),
            Self::Exponential(it) => it.write(out),
            Self::Summary(it) => it.write(out),
        }
    }
}

impl Totals {
    /// Read count, sum and extremes, whose fields have these two numbers and the next.
    fn read(&mut self, field: &Field, data: &[u8], min: u32) {
        match (field.number, field.wire_type) {
            (4, FIXED64) => self.count = unsigned(data),
            (5, FIXED64) => self.sum = Some(double(data)),
            (number, FIXED64) if number == min => self.min = Some(double(data)),
            (number, FIXED64) if number == min + 1 => self.max = Some(double(data)),
            _ => {}
        }
    }

    fn write(&self, out: &mut Vec<u8>, min: u32) {
        fixed(out, 4, self.count);
        let doubles = [(5, self.sum), (min, self.min), (min + 1, self.max)];
        for (field, value) in doubles {
            if let Some(value) = value {
                number(out, field, value.to_bits());
            }
        }
    }
}

impl Histogram {
    const MIN: u32 = 11;

    fn read(&mut self, field: &Field, data: &[u8]) {
        match field.number {
            6 => self.counts.extend(elements(Kind::Fixed64, data).map(natural)),
            7 => self.bounds.extend(elements(Kind::Double, data).map(real)),
            _ => self.totals.read(field, data, Self::MIN),
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        self.totals.write(out, Self::MIN);
        packed(out, 6, self.counts.iter().map(|count| count.to_le_bytes()));
        packed(out, 7, self.bounds.iter().map(|bound| bound.to_bits().to_le_bytes()));
    }
}

impl Exponential {
    const MIN: u32 = 12;

    fn read(&mut self, field: &Field, data: &[u8]) {
        match (field.number, field.wire_type) {
            (6, VARINT) => self.scale = signed(data),
            (7, FIXED64) => self.zero_count = unsigned(data),
            (8, LEN) => self.positive.read(data),
            (9, LEN) => self.negative.read(data),
            (14, FIXED64) => self.zero_threshold = double(data),
            _ => self.totals.read(field, data, Self::MIN),
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        self.totals.write(out, Self::MIN);
        write_tag(out, 6, VARINT);
        write_integer(out, Kind::Sint32, self.scale.into());
        fixed(out, 7, self.zero_count);
        for (number, buckets) in [(8, &self.positive), (9, &self.negative)] {
            if !buckets.counts.is_empty() {
                let mut body = Vec::with_capacity(buckets.counts.len() * 2 + 8);
                buckets.write(&mut body);
                write_record(out, number, &body);
            }
        }
        if self.zero_threshold != 0.0 {
            number(out, 14, self.zero_threshold.to_bits());
        }
    }
}

impl Buckets {
    fn read(&mut self, body: &[u8]) {
        for field in Fields::new(body) {
            let data = &body[field.body..field.end];
            match (field.number, field.wire_type) {
                (1, VARINT) => self.offset = signed(data),
                (2, VARINT | LEN) if !data.is_empty() => {
                    self.counts.extend(elements(Kind::Uint64, data).map(natural));
                }
                _ => {}
            }
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        write_tag(out, 1, VARINT);
        write_integer(out, Kind::Sint32, self.offset.into());
        let mut counts = Vec::with_capacity(self.counts.len() * 2);
        self.counts.iter().for_each(|count| write_varint(&mut counts, *count));
        write_record(out, 2, &counts);
    }
}

impl Summary {
    const NO_EXTREMES: u32 = u32::MAX - 1;

    fn read(&mut self, field: &Field, data: &[u8]) {
        if (field.number, field.wire_type) != (6, LEN) {
            return self.totals.read(field, data, Self::NO_EXTREMES);
        }
        let mut pair = (0.0, 0.0);
        for field in Fields::new(data).filter(|field| field.wire_type == FIXED64) {
            match field.number {
                1 => pair.0 = f64::from_bits(field.fixed(data)),
                2 => pair.1 = f64::from_bits(field.fixed(data)),
                _ => {}
            }
        }
        self.quantiles.push(pair);
    }

    fn write(&self, out: &mut Vec<u8>) {
        let Totals { count, sum, .. } = self.totals;
        Totals { count, sum, min: None, max: None }.write(out, Self::NO_EXTREMES);
        for (quantile, value) in &self.quantiles {
            let mut body = Vec::with_capacity(18);
            number(&mut body, 1, quantile.to_bits());
            number(&mut body, 2, value.to_bits());
            write_record(out, 6, &body);
        }
    }
}

fn unsigned(data: &[u8]) -> u64 {
    natural(scalar(Kind::Fixed64, data))
}

fn double(data: &[u8]) -> f64 {
    real(scalar(Kind::Double, data))
}

fn signed(data: &[u8]) -> i32 {
    match scalar(Kind::Sint32, data) {
        Scalar::Signed(value) => value as i32,
        _ => 0,
    }
}

fn natural(value: Scalar) -> u64 {
    if let Scalar::Unsigned(value) = value { value } else { 0 }
}

fn real(value: Scalar) -> f64 {
    if let Scalar::Double(value) = value { value } else { 0.0 }
}

/// A fixed-width field, which proto3 leaves out when it is 0.
pub(super) fn fixed(out: &mut Vec<u8>, field: u32, value: u64) {
    if value != 0 {
        number(out, field, value);
    }
}

/// A fixed-width field that is there even when it is 0.
fn number(out: &mut Vec<u8>, field: u32, bits: u64) {
    write_tag(out, field, FIXED64);
    out.extend_from_slice(&bits.to_le_bytes());
}

pub(super) fn varint(out: &mut Vec<u8>, field: u32, value: u64) {
    write_tag(out, field, VARINT);
    write_varint(out, value);
}

fn packed(out: &mut Vec<u8>, field: u32, values: impl ExactSizeIterator<Item = [u8; 8]>) {
    if values.len() > 0 {
        write_tag(out, field, LEN);
        write_varint(out, values.len() as u64 * 8);
        values.for_each(|value| out.extend_from_slice(&value));
    }
}
