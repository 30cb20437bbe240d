//! Exponential histograms as Prometheus has them: spans of buckets, and differences of counts.

use super::fault::FINEST;
use crate::series::exponential::{Buckets, Exponential};

/// How far a bucket is from the one before may be bridged by empty ones; more begins a span.
const BRIDGED: i64 = 2;

/// What is zero to Prometheus where the point does not say.
const ZERO_THRESHOLD: f64 = 1e-128;

/// At one of Prometheus' schemas.
pub fn fitted(it: &Exponential) -> Exponential {
    let mut fitted = it.clone();
    fitted.coarsen(it.scale - FINEST);
    fitted
}

pub fn zero_threshold(it: &Exponential) -> f64 {
    if it.zero_threshold == 0.0 { ZERO_THRESHOLD } else { it.zero_threshold }
}

/// Spans, each as the distance from the end of the one before and its length, and of each bucket in
/// them how much more than the one before it counts.
pub fn spans(buckets: &Buckets) -> (Vec<(i64, u32)>, Vec<i64>) {
    let mut spans: Vec<(i64, u32)> = Vec::new();
    let mut deltas = Vec::new();
    let (mut next, mut before) = (0, 0);
    // OTLP numbers buckets by their lower bounds, Prometheus by their upper ones.
    let indexed = (i64::from(buckets.offset) + 1..).zip(&buckets.counts);
    for (index, count) in indexed.filter(|(_, count)| **count > 0) {
        let gap = index - next;
        match spans.last_mut().filter(|_| gap <= BRIDGED) {
            Some((_, len)) => {
                for _ in 0..gap {
                    deltas.push(-before);
                    before = 0;
                }
                *len += gap as u32 + 1;
            }
            None => spans.push((gap, 1)),
        }
        deltas.push(count.cast_signed() - before);
        (next, before) = (index + 1, count.cast_signed());
    }
    (spans, deltas)
}
