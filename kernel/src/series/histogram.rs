//! Histograms with bounds of their own.

use super::value::{Totals, add_counts, counts_minus};

/// Observations in buckets: `counts[i]` are over `bounds[i - 1]` and not over `bounds[i]`. There is
/// one count more than bounds, or there are none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Histogram {
    pub totals: Totals,
    pub bounds: Vec<f64>,
    pub counts: Vec<u64>,
}

impl Histogram {
    /// Nothing yet, between these bounds, which are in order.
    pub fn between(bounds: &[f64]) -> Self {
        let counts = vec![0; bounds.len() + 1];
        Self { totals: Totals::default(), bounds: bounds.to_vec(), counts }
    }

    /// Count so many observations of a value.
    pub fn observe(&mut self, value: f64, count: u64) {
        self.totals.observe(value, count);
        let bucket = self.bounds.partition_point(|bound| *bound < value);
        self.counts[bucket] = self.counts[bucket].saturating_add(count);
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.totals.add(&other.totals);
        if self.bounds == other.bounds && self.counts.len() == other.counts.len() {
            add_counts(&mut self.counts, &other.counts);
            return;
        }
        let shared = shared(&self.bounds, &other.bounds);
        let mut counts = self.counts_on(&shared);
        add_counts(&mut counts, &other.counts_on(&shared));
        (self.bounds, self.counts) = (shared, counts);
    }

    pub(super) fn minus(&self, before: &Self) -> Option<Self> {
        if self.bounds != before.bounds {
            return None;
        }
        let (totals, counts) = (
            self.totals.minus(&before.totals)?,
            counts_minus(&self.counts, before.counts.iter().copied())?,
        );
        Some(Self { totals, bounds: self.bounds.clone(), counts })
    }

    /// The counts on fewer bounds, all of which it has. One without buckets has everything in one.
    fn counts_on(&self, bounds: &[f64]) -> Vec<u64> {
        if self.counts.is_empty() {
            return vec![self.totals.count];
        }
        let mut counts = vec![0; bounds.len() + 1];
        let mut bucket = 0;
        for (i, count) in self.counts.iter().enumerate() {
            counts[bucket] += count;
            let here = bounds.get(bucket).is_some_and(|bound| self.bounds.get(i) == Some(bound));
            bucket += usize::from(here);
        }
        counts
    }
}

/// The bounds that are in both lists; each is in order.
fn shared(one: &[f64], two: &[f64]) -> Vec<f64> {
    let mut rest = two.iter().peekable();
    let both = one.iter().filter(|bound| {
        while rest.next_if(|other| other < bound).is_some() {}
        rest.peek() == Some(bound)
    });
    both.copied().collect()
}
