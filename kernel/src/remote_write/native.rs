//! Native histograms that were received, on their way to OTLP.

use super::labels::{inside, listed};
use crate::scalar::Scalar;
use crate::schema::Kind;
use crate::wire::{FIXED64, Fields, LEN, VARINT};

/// The value that says that a series has ended, among the many bit patterns that are not numbers.
pub const STALE: u64 = 0x7ff0_0000_0000_0002;

/// The schema of histograms whose bounds are listed.
const CUSTOM: i32 = -53;

/// Buckets that a histogram may come to: its spans can announce gaps of thousands of millions.
const MAX_BUCKETS: i64 = 1024;

/// Why a histogram is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Its counts may fall at any time, which no histogram of OTLP's says of itself.
    Gauge,
    Schema,
    /// Counts below zero, or not as many as its spans say.
    Counts,
}

/// A histogram as OTLP has it.
#[derive(Default)]
pub struct Native {
    pub start: i64,
    pub time: i64,
    pub count: u64,
    pub sum: f64,
    pub zero_count: u64,
    pub zero_threshold: f64,
    pub shape: Shape,
}

#[derive(Default)]
pub enum Shape {
    /// Nothing: its series has ended.
    #[default]
    Stale,
    Exponential {
        scale: i32,
        positive: Buckets,
        negative: Buckets,
    },
    Explicit {
        bounds: Vec<f64>,
        counts: Vec<u64>,
    },
}

/// `counts[i]` is of the bucket `offset + i`, by OTLP's indices.
#[derive(Default)]
pub struct Buckets {
    pub offset: i32,
    pub counts: Vec<u64>,
}

/// The fields of the buckets of one sign.
#[derive(Default)]
struct Side {
    spans: Vec<(i32, u64)>,
    deltas: Vec<i64>,
    counts: Vec<f64>,
}

impl Native {
    /// Read a histogram. `start` is when it began, unless it says that itself.
    pub fn read(body: &[u8], start: i64) -> Result<Self, Fault> {
        let mut it = Self { start, ..Self::default() };
        let (mut schema, mut hint, mut bounds) = (0, 0, Vec::new());
        let (mut negative, mut positive) = (Side::default(), Side::default());
        for field in Fields::new(body) {
            let data = inside(body, &field);
            let double = f64::from_bits(field.fixed(body));
            match (field.number, field.wire_type) {
                (1, VARINT) => it.count = field.varint(body),
                (2, FIXED64) => it.count = whole(double).ok_or(Fault::Counts)?,
                (3, FIXED64) => it.sum = double,
                (4, VARINT) => schema = zigzag(field.varint(body)) as i32,
                (5, FIXED64) => it.zero_threshold = double,
                (6, VARINT) => it.zero_count = field.varint(body),
                (7, FIXED64) => it.zero_count = whole(double).ok_or(Fault::Counts)?,
                (8, LEN) => negative.spans.push(span(data)),
                (9, _) => negative.deltas.extend(deltas(data)),
                (10, _) => negative.counts.extend(doubles(data)),
                (11, LEN) => positive.spans.push(span(data)),
                (12, _) => positive.deltas.extend(deltas(data)),
                (13, _) => positive.counts.extend(doubles(data)),
                (14, VARINT) => hint = field.varint(body),
                (15, VARINT) => it.time = field.varint(body).cast_signed(),
                (16, _) => bounds.extend(doubles(data)),
                (17, VARINT) => it.start = field.varint(body).cast_signed(),
                _ => {}
            }
        }
        if it.sum.to_bits() == STALE {
            return Ok(it);
        }
        if hint == GAUGE {
            return Err(Fault::Gauge);
        }
        it.shape = shape(schema, bounds, &positive, &negative)?;
        Ok(it)
    }
}

const GAUGE: u64 = 3;

fn shape(schema: i32, bounds: Vec<f64>, plus: &Side, minus: &Side) -> Result<Shape, Fault> {
    if schema == CUSTOM {
        let mut counts = vec![0; bounds.len() + 1];
        for (index, count) in plus.filled()? {
            let place = usize::try_from(index).ok().and_then(|index| counts.get_mut(index));
            *place.ok_or(Fault::Counts)? = count;
        }
        return Ok(Shape::Explicit { bounds, counts });
    }
    if !(-9..=52).contains(&schema) {
        return Err(Fault::Schema);
    }
    let (positive, negative) = (plus.filled()?, minus.filled()?);
    let steps = steps(&positive).max(steps(&negative));
    let (positive, negative) = (dense(&positive, steps)?, dense(&negative, steps)?);
    Ok(Shape::Exponential { scale: schema - steps, positive, negative })
}

impl Side {
    /// The buckets that are not empty, by index, in order.
    fn filled(&self) -> Result<Vec<(i64, u64)>, Fault> {
        let counts = self.absolute()?;
        let mut counts = counts.iter();
        let (mut filled, mut index) = (Vec::with_capacity(counts.len()), 0i64);
        for (i, (offset, length)) in self.spans.iter().enumerate() {
            if i > 0 && *offset < 0 || *length > counts.len() as u64 {
                return Err(Fault::Counts);
            }
            index += i64::from(*offset);
            for count in counts.by_ref().take(*length as usize) {
                if *count > 0 {
                    filled.push((index, *count));
                }
                index += 1;
            }
        }
        if counts.len() == 0 { Ok(filled) } else { Err(Fault::Counts) }
    }

    fn absolute(&self) -> Result<Vec<u64>, Fault> {
        if !self.counts.is_empty() {
            return self.counts.iter().map(|count| whole(*count).ok_or(Fault::Counts)).collect();
        }
        let mut count = 0i64;
        let next = |delta: &i64| {
            count = count.checked_add(*delta).ok_or(Fault::Counts)?;
            u64::try_from(count).map_err(|_| Fault::Counts)
        };
        self.deltas.iter().map(next).collect()
    }
}

/// How often the width of buckets has to be doubled until there are not too many.
fn steps(filled: &[(i64, u64)]) -> i32 {
    let (Some((first, _)), Some((last, _))) = (filled.first(), filled.last()) else { return 0 };
    let narrow = |steps: &i32| (coarse(*last, *steps) - coarse(*first, *steps)) < MAX_BUCKETS;
    (0..i64::BITS as i32).find(narrow).unwrap_or(0)
}

/// OTLP's index of a bucket, whose lower bound it has where Prometheus has the upper one.
fn coarse(index: i64, steps: i32) -> i64 {
    (index - 1) >> steps
}

fn dense(filled: &[(i64, u64)], steps: i32) -> Result<Buckets, Fault> {
    let (Some((first, _)), Some((last, _))) = (filled.first(), filled.last()) else {
        return Ok(Buckets::default());
    };
    let offset = coarse(*first, steps);
    let mut counts = vec![0u64; (coarse(*last, steps) - offset + 1) as usize];
    for (index, count) in filled {
        let place = &mut counts[(coarse(*index, steps) - offset) as usize];
        *place = place.saturating_add(*count);
    }
    Ok(Buckets { offset: i32::try_from(offset).map_err(|_| Fault::Counts)?, counts })
}

fn span(body: &[u8]) -> (i32, u64) {
    let (mut offset, mut length) = (0, 0);
    for field in Fields::new(body).filter(|field| field.wire_type == VARINT) {
        match field.number {
            1 => offset = zigzag(field.varint(body)) as i32,
            2 => length = u64::from(field.varint(body) as u32),
            _ => {}
        }
    }
    (offset, length)
}

fn zigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

fn deltas(data: &[u8]) -> impl Iterator<Item = i64> {
    listed(Kind::Uint64, data).map(|element| match element {
        Scalar::Unsigned(value) => zigzag(value),
        _ => 0,
    })
}

fn doubles(data: &[u8]) -> impl Iterator<Item = f64> {
    listed(Kind::Double, data).map(|element| match element {
        Scalar::Double(value) => value,
        _ => 0.0,
    })
}

/// A count that is written as a double.
fn whole(count: f64) -> Option<u64> {
    (count >= 0.0).then_some(count as u64)
}
