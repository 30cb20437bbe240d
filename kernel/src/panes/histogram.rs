//! Values in buckets with bounds of their own.

use std::sync::Arc;

use super::content::{Content, Extent, Figure, Need, Wanted};
use super::input::Input;
use super::saved::{Reader, number};
use crate::series::histogram;
use crate::series::value::{Totals, Value, add_counts};

/// Bounds that there may be.
pub const MAX_BOUNDS: usize = 1000;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Histogram {
    extent: Extent,
    /// One more than bounds; none where nothing came.
    counts: Box<[u64]>,
}

impl From<Extent> for Totals {
    fn from(extent: Extent) -> Self {
        let known = |value| (extent.count > 0).then_some(value);
        let Extent { count, sum, min, max } = extent;
        Self { count, sum: Some(sum), min: known(min), max: known(max) }
    }
}

/// Bounds that are compared faster than searched.
const FEW: usize = 32;

#[inline]
fn bucket_of(value: f64, bounds: &[f64]) -> usize {
    if bounds.len() > FEW {
        return bounds.partition_point(|bound| *bound < value);
    }
    bounds.iter().map(|bound| usize::from(*bound < value)).sum()
}

impl Histogram {
    fn buckets(&self, bounds: &[f64]) -> Vec<u64> {
        if self.counts.is_empty() { vec![0; bounds.len() + 1] } else { self.counts.to_vec() }
    }
}

impl Content for Histogram {
    type Terms = Arc<[f64]>;
    type Item = f64;

    const NEEDS: &[Need] = &[Need::Values];

    #[inline]
    fn read(input: &Input, item: usize, _: &Arc<[f64]>) -> Option<f64> {
        input.finite(item)
    }

    #[inline]
    fn add(&mut self, value: f64, count: u64, _: i64, bounds: &Arc<[f64]>) -> bool {
        if self.counts.is_empty() {
            self.counts = vec![0; bounds.len() + 1].into_boxed_slice();
        }
        self.extent.add(value, count);
        let bucket = bucket_of(value, bounds);
        self.counts[bucket] = self.counts[bucket].saturating_add(count);
        true
    }

    fn merge(&mut self, other: &Self, _: &Arc<[f64]>) {
        self.extent.merge(&other.extent);
        if self.counts.is_empty() {
            self.counts.clone_from(&other.counts);
        } else {
            add_counts(&mut self.counts, &other.counts);
        }
    }

    fn weight(&self) -> usize {
        self.counts.len() * 8
    }

    fn save(&self, out: &mut Vec<u8>) {
        self.extent.save(out);
        self.counts.iter().for_each(|count| number(out, *count));
    }

    fn restore(from: &mut Reader, bounds: &Arc<[f64]>) -> Option<Self> {
        let extent = Extent::restore(from)?;
        if extent.count == 0 {
            return Some(Self { extent, counts: Box::default() });
        }
        let counts = (0..=bounds.len()).map(|_| from.number()).collect::<Option<_>>()?;
        Some(Self { extent, counts })
    }

    fn counts(&self, bounds: &Arc<[f64]>) -> Option<Vec<u64>> {
        Some(self.buckets(bounds))
    }

    fn figure(&self, figure: Figure, _: &Arc<[f64]>) -> Option<f64> {
        self.extent.figure(figure)
    }

    fn point(&self, _: Wanted, bounds: &Arc<[f64]>) -> Option<Value> {
        Some(Value::Histogram(Box::new(histogram::Histogram {
            totals: self.extent.into(),
            bounds: bounds.to_vec(),
            counts: self.buckets(bounds),
        })))
    }
}
