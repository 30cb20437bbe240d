//! Native histograms, whose buckets OTLP has as exponential ones.

use crate::series::exponential::{Buckets, Exponential};
use crate::series::value::Totals;

/// Buckets in a row, and how many there are between these and the ones before.
#[derive(Clone, Copy, Debug, Default)]
pub struct Span {
    pub offset: i32,
    pub length: u32,
}

/// Buckets of one sign: spans, and a value for each bucket in them.
#[derive(Clone, Debug, Default)]
pub struct Side {
    pub spans: Vec<Span>,
    /// Each bucket's difference from the one before.
    pub deltas: Vec<i64>,
    /// Instead of them, counts that may have fractions.
    pub counts: Vec<f64>,
}

#[derive(Clone, Debug, Default)]
pub struct Native {
    pub schema: i32,
    pub zero_threshold: f64,
    pub zero_count: u64,
    pub count: u64,
    pub sum: f64,
    pub positive: Side,
    pub negative: Side,
}

/// Buckets between the first and the last that a histogram can have. A handful of bytes can announce
/// billions of empty ones.
const MAX_BUCKETS: usize = 16_384;

const SCHEMAS: std::ops::RangeInclusive<i32> = -4..=8;

impl Native {
    /// Whether a histogram has native buckets at all.
    pub fn is_some(&self) -> bool {
        let spans = !self.positive.spans.is_empty() || !self.negative.spans.is_empty();
        spans || self.zero_threshold > 0.0 || self.zero_count > 0
    }

    /// The same for OTLP; `None` for one that says nothing sensible.
    pub fn exponential(&self) -> Option<Exponential> {
        let totals = Totals { count: self.count, sum: Some(self.sum), ..Totals::default() };
        Some(Exponential {
            totals,
            scale: Some(self.schema).filter(|schema| SCHEMAS.contains(schema))?,
            zero_count: self.zero_count,
            zero_threshold: self.zero_threshold,
            positive: self.positive.buckets()?,
            negative: self.negative.buckets()?,
        })
    }
}

impl Side {
    fn buckets(&self) -> Option<Buckets> {
        let Some(first) = self.spans.first() else { return Some(Buckets::default()) };
        let mut values = self.values();
        let mut counts = Vec::new();
        for (i, span) in self.spans.iter().enumerate() {
            let gap = if i == 0 { 0 } else { usize::try_from(span.offset).ok()? };
            if counts.len() + gap + span.length as usize > MAX_BUCKETS {
                return None;
            }
            counts.resize(counts.len() + gap, 0);
            for _ in 0..span.length {
                counts.push(values.next()??);
            }
        }
        // Prometheus numbers a bucket by its upper bound, OTLP by its lower one.
        Some(Buckets { offset: first.offset.checked_sub(1)?, counts })
    }

    /// The count of each bucket; `None` for one that is negative.
    fn values(&self) -> impl Iterator<Item = Option<u64>> {
        let mut count = 0_i64;
        let deltas = self.deltas.iter().map(move |delta| {
            count = count.wrapping_add(*delta);
            u64::try_from(count).ok()
        });
        deltas.chain(self.counts.iter().map(|count| (*count >= 0.0).then_some(*count as u64)))
    }
}
