//! Exponential histograms: every scale has the bounds of the coarser ones.

use std::iter;

use super::value::{Totals, add_counts, counts_minus};

/// Observations in buckets of exponential width: bucket `i` is over 2^(i/2^scale), and not over the
/// same of `i + 1`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Exponential {
    pub totals: Totals,
    pub scale: i32,
    pub zero_count: u64,
    pub zero_threshold: f64,
    pub positive: Buckets,
    pub negative: Buckets,
}

/// `counts[i]` is of the bucket `offset + i`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Buckets {
    pub offset: i32,
    pub counts: Vec<u64>,
}

/// Buckets that an exponential histogram keeps of each sign: with more it takes a coarser scale.
const MAX_BUCKETS: usize = 320;

/// The finest scale that is begun with: at 2^20 buckets for each power of two, coarsening leads to
/// whatever scale the values need.
pub const FINEST: i32 = 20;

impl Exponential {
    /// Count so many observations of a value, in so many buckets of each sign at most.
    pub fn observe(&mut self, value: f64, count: u64, max_buckets: usize) {
        if self.totals.count == 0 {
            self.scale = FINEST;
        }
        self.totals.observe(value, count);
        if value == 0.0 {
            self.zero_count = self.zero_count.saturating_add(count);
            return;
        }
        let mut index = index_of(value.abs(), self.scale);
        let buckets = if value > 0.0 { &self.positive } else { &self.negative };
        let steps = buckets.steps_to_hold(index, index + 1, max_buckets as i64);
        self.coarsen(steps);
        index >>= steps;
        let buckets = if value > 0.0 { &mut self.positive } else { &mut self.negative };
        buckets.count(index, count);
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.add_within(other, MAX_BUCKETS);
    }

    /// Add another one, and keep so many buckets of each sign at most.
    pub fn add_within(&mut self, other: &Self, max_buckets: usize) {
        let mut other = other.clone();
        self.totals.add(&other.totals);
        let threshold = self.zero_threshold.max(other.zero_threshold);
        self.widen_zero(threshold);
        other.widen_zero(threshold);
        self.zero_count = self.zero_count.saturating_add(other.zero_count);
        let scale = self.scale.min(other.scale);
        self.coarsen(self.scale - scale);
        other.coarsen(other.scale - scale);
        let excess = |one: &Buckets, two: &Buckets| one.excess(two, max_buckets as i64);
        let steps = excess(&self.positive, &other.positive);
        let steps = steps.max(excess(&self.negative, &other.negative));
        self.coarsen(steps);
        other.coarsen(steps);
        self.positive.add(&other.positive);
        self.negative.add(&other.negative);
    }

    pub(super) fn minus(&self, before: &Self) -> Option<Self> {
        let steps = before.scale.checked_sub(self.scale).filter(|steps| *steps >= 0)?;
        let mut before = before.clone();
        before.widen_zero(self.zero_threshold);
        before.coarsen(steps);
        Some(Self {
            totals: self.totals.minus(&before.totals)?,
            zero_count: self.zero_count.checked_sub(before.zero_count)?,
            positive: self.positive.minus(&before.positive)?,
            negative: self.negative.minus(&before.negative)?,
            ..*self
        })
    }

    /// Halve how many buckets there are, so many times.
    pub fn coarsen(&mut self, steps: i32) {
        if steps > 0 {
            self.scale = self.scale.saturating_sub(steps);
            self.positive.coarsen(steps);
            self.negative.coarsen(steps);
        }
    }

    /// Count whole buckets that are not over `threshold` as zeros.
    fn widen_zero(&mut self, threshold: f64) {
        if threshold <= self.zero_threshold {
            return;
        }
        self.zero_threshold = threshold;
        let within = |index: i32| bound(index.saturating_add(1), self.scale) <= threshold;
        let zeros = self.positive.take_while(within) + self.negative.take_while(within);
        self.zero_count = self.zero_count.saturating_add(zeros);
    }
}

/// The bucket of a positive number. A power of two is the upper bound of its bucket, at every scale.
pub fn index_of(value: f64, scale: i32) -> i64 {
    (value.log2() * 2f64.powi(scale)).ceil() as i64 - 1
}

/// The lower bound of a bucket.
fn bound(index: i32, scale: i32) -> f64 {
    (f64::from(index) * f64::from(-scale).exp2()).exp2()
}

impl Buckets {
    /// The indices of the first bucket and of the one after the last.
    fn range(&self) -> (i64, i64) {
        let first = i64::from(self.offset);
        (first, first + self.counts.len() as i64)
    }

    /// How often both have to be coarsened until one can hold them together.
    fn excess(&self, other: &Self, max_buckets: i64) -> i32 {
        if self.counts.is_empty() || other.counts.is_empty() {
            return 0;
        }
        let (first, end) = other.range();
        self.steps_to_hold(first, end, max_buckets)
    }

    /// How often it has to be coarsened until so many buckets hold those of a range besides its own.
    fn steps_to_hold(&self, first: i64, end: i64, max_buckets: i64) -> i32 {
        let (own_first, own_end) = if self.counts.is_empty() { (first, end) } else { self.range() };
        let (mut first, mut last) = (first.min(own_first), end.max(own_end) - 1);
        let steps = iter::from_fn(|| {
            let over = last - first >= max_buckets;
            (first, last) = (first >> 1, last >> 1);
            over.then_some(())
        });
        steps.count() as i32
    }

    /// Count so many in a bucket, which is near the others.
    pub fn count(&mut self, index: i64, count: u64) {
        let (first, end) = if self.counts.is_empty() { (index, index) } else { self.range() };
        if index < first {
            let missing = std::iter::repeat_n(0, (first - index) as usize);
            self.counts.splice(0..0, missing);
        } else if index >= end {
            self.counts.resize((index - first + 1) as usize, 0);
        }
        let first = first.min(index);
        self.offset = first as i32;
        let place = &mut self.counts[(index - first) as usize];
        *place = place.saturating_add(count);
    }

    fn add(&mut self, other: &Self) {
        if other.counts.is_empty() {
            return;
        }
        if self.counts.is_empty() {
            *self = other.clone();
            return;
        }
        let ((first, end), (other_first, other_end)) = (self.range(), other.range());
        let start = first.min(other_first);
        let mut counts = vec![0; (end.max(other_end) - start) as usize];
        add_counts(&mut counts[(first - start) as usize..], &self.counts);
        add_counts(&mut counts[(other_first - start) as usize..], &other.counts);
        *self = Self { offset: start as i32, counts };
    }

    fn minus(&self, before: &Self) -> Option<Self> {
        let (first, end) = self.range();
        let mut others = (i64::from(before.offset)..).zip(&before.counts);
        if others.any(|(index, count)| *count > 0 && !(first..end).contains(&index)) {
            return None;
        }
        let of_before = (first..end).map(|index| {
            let at = usize::try_from(index - i64::from(before.offset)).ok();
            at.and_then(|at| before.counts.get(at)).copied().unwrap_or(0)
        });
        Some(Self { offset: self.offset, counts: counts_minus(&self.counts, of_before)? })
    }

    fn coarsen(&mut self, steps: i32) {
        let coarse = |index: i64| index >> steps.min(63);
        let (first, end) = self.range();
        let offset = coarse(first);
        let len = if end > first { coarse(end - 1) - offset + 1 } else { 0 };
        let mut counts = vec![0u64; len as usize];
        for (index, count) in (first..end).zip(&self.counts) {
            let place = &mut counts[(coarse(index) - offset) as usize];
            *place = place.saturating_add(*count);
        }
        *self = Self { offset: offset as i32, counts };
    }

    /// Take away the first buckets as long as `of` holds of their index, and return their count.
    fn take_while(&mut self, of: impl Fn(i32) -> bool) -> u64 {
        let (first, end) = self.range();
        let indices = (first..end).take_while(|index| i32::try_from(*index).is_ok_and(&of));
        let taken = indices.count();
        self.offset = self.offset.saturating_add(taken as i32);
        self.counts.drain(..taken).fold(0, u64::saturating_add)
    }
}
