//! Values in buckets of exponential width, as fine as so many buckets allow.

use super::content::{Content, Figure, Need, Wanted};
use super::input::Input;
use super::saved::{Reader, number, signed};
use crate::series::exponential::{self, Buckets, FINEST};
use crate::series::value::{Totals, Value};

/// Buckets of each sign that one may ask for. With one alone, values of 1 and 2 have no scale.
pub const SIZES: std::ops::RangeInclusive<usize> = 2..=1024;

/// The coarsest scale that values can need: two buckets for all doubles.
const COARSEST: i32 = -11;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Exponential(Box<exponential::Exponential>);

impl Exponential {
    fn keep_finite(&mut self) {
        let sum = &mut self.0.totals.sum;
        *sum = sum.map(|sum| sum.clamp(f64::MIN, f64::MAX));
    }
}

impl Content for Exponential {
    /// Buckets that there may be of each sign.
    type Terms = usize;
    type Item = f64;

    const NEEDS: &[Need] = &[Need::Values];

    #[inline]
    fn read(input: &Input, item: usize, _: &usize) -> Option<f64> {
        input.finite(item)
    }

    fn add(&mut self, value: f64, count: u64, _: i64, size: &usize) -> bool {
        self.0.observe(value, count, *size);
        self.keep_finite();
        true
    }

    fn merge(&mut self, other: &Self, size: &usize) {
        if self.0.totals.count == 0 {
            self.0.clone_from(&other.0);
        } else if other.0.totals.count > 0 {
            self.0.add_within(&other.0, *size);
            self.keep_finite();
        }
    }

    fn weight(&self) -> usize {
        let buckets = self.0.positive.counts.capacity() + self.0.negative.counts.capacity();
        size_of::<exponential::Exponential>() + buckets * 8
    }

    fn save(&self, out: &mut Vec<u8>) {
        let it = &self.0;
        number(out, it.totals.count);
        for value in [it.totals.sum, it.totals.min, it.totals.max] {
            out.extend(value.unwrap_or_default().to_le_bytes());
        }
        signed(out, it.scale.into());
        number(out, it.zero_count);
        for buckets in [&it.positive, &it.negative] {
            signed(out, buckets.offset.into());
            number(out, buckets.counts.len() as u64);
            buckets.counts.iter().for_each(|count| number(out, *count));
        }
    }

    fn restore(from: &mut Reader, size: &usize) -> Option<Self> {
        let count = from.number()?;
        let mut extent = || from.double().filter(|value| value.is_finite()).map(Some);
        let (sum, min, max) = (extent()?, extent()?, extent()?);
        let totals = Totals { count, sum, min, max };
        let scale = from.index().filter(|scale| (COARSEST..=FINEST).contains(scale))?;
        let zero_count = from.number()?;
        let (positive, negative) = (buckets(from, scale, *size)?, buckets(from, scale, *size)?);
        let zero_threshold = 0.0;
        let it = exponential::Exponential {
            totals,
            scale,
            zero_count,
            zero_threshold,
            positive,
            negative,
        };
        Some(if count == 0 { Self::default() } else { Self(Box::new(it)) })
    }

    fn figure(&self, figure: Figure, _: &usize) -> Option<f64> {
        let Totals { count, sum, min, max } = self.0.totals;
        let known = |value: Option<f64>| Some(value.unwrap_or(f64::NAN));
        match figure {
            Figure::Count => Some(count as f64),
            Figure::Sum => Some(sum.unwrap_or_default()),
            Figure::Min => known(min),
            Figure::Max => known(max),
            Figure::Mean => known(sum.map(|sum| sum / count as f64)),
            _ => None,
        }
    }

    fn point(&self, _: Wanted, _: &usize) -> Option<Value> {
        Some(Value::Exponential(self.0.clone()))
    }
}

/// Buckets that values can be in, at a scale.
fn buckets(from: &mut Reader, scale: i32, size: usize) -> Option<Buckets> {
    let offset = from.index()?;
    let len = from.count(size)?;
    let counts = (0..len).map(|_| from.number()).collect::<Option<Vec<_>>>()?;
    let most = (f64::from(scale).exp2() * 1100.0) as i64 + 1;
    let (first, end) = (i64::from(offset), i64::from(offset) + len as i64);
    (first >= -most && end <= most + 1).then_some(Buckets { offset, counts })
}
