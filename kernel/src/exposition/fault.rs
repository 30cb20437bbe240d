//! Why a data point is not exposed.

use crate::series::exponential::{Buckets, Exponential};
use crate::series::histogram::Histogram;
use crate::series::point::Point;
use crate::series::value::Value;

use super::family::Kind;

/// In the order in which they are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(usize)]
pub enum Fault {
    /// Its name or its labels are those of another series, or its family has another type.
    Conflict,
    /// No valid name can be made of it.
    Unnamed,
    /// Prometheus has nothing like it: deltas that may be negative, no temporality.
    Unsupported,
    /// Its value cannot be: a negative counter, buckets that do not fit their bounds.
    Invalid,
    /// It is older than what is shown, or of a time that has been counted.
    Old,
    /// There is no room for another series.
    Full,
}

pub const FAULTS: usize = Fault::Full as usize + 1;

impl Fault {
    pub fn by_name(name: &str) -> Option<Self> {
        Some(match name {
            "conflict" => Self::Conflict,
            "unnamed" => Self::Unnamed,
            "unsupported" => Self::Unsupported,
            _ => return None,
        })
    }
}

/// Whether a point's value can be exposed by a family of that kind.
pub fn is_valid(kind: Kind, point: &Point) -> bool {
    kind.holds(&point.value)
        && match &point.value {
            Value::Int(value) => kind != Kind::Counter || *value >= 0,
            // Not for NaN either.
            Value::Double(value) => kind != Kind::Counter || *value >= 0.0,
            Value::Histogram(it) => is_valid_histogram(it),
            Value::Exponential(it) => is_valid_exponential(it),
            Value::Summary(it) => it.quantiles.iter().all(|(at, _)| (0.0..=1.0).contains(at)),
            Value::Absent => false,
        }
}

pub fn is_valid_histogram(it: &Histogram) -> bool {
    let fits =
        it.counts.len() == it.bounds.len() + 1 || it.counts.is_empty() && it.bounds.is_empty();
    fits && it.bounds.is_sorted_by(|one, two| one < two)
        && !it.bounds.iter().any(|bound| bound.is_nan())
        && total(&it.counts, it.totals.count).is_some()
}

pub fn is_valid_exponential(it: &Exponential) -> bool {
    // What is coarser than Prometheus' coarsest cannot be made finer.
    it.scale >= COARSEST
        && !it.zero_threshold.is_nan()
        && observations(it).is_some()
        && [&it.positive, &it.negative].into_iter().all(Buckets::is_within_i32)
}

/// Prometheus has schemas from -4 to 8.
pub const COARSEST: i32 = -4;
pub const FINEST: i32 = 8;

impl Buckets {
    fn is_within_i32(&self) -> bool {
        let end = i64::from(self.offset) + self.counts.len() as i64;
        end < i64::from(i32::MAX)
    }
}

/// All observations of a native histogram; `None` if they are more than Prometheus can count.
pub fn observations(it: &Exponential) -> Option<u64> {
    let counts = it.positive.counts.iter().chain(&it.negative.counts);
    counts.copied().try_fold(it.zero_count, u64::checked_add).filter(|sum| *sum <= MOST)
}

/// All that is counted, in buckets or not.
pub fn total(counts: &[u64], count: u64) -> Option<u64> {
    let sum = counts.iter().copied().try_fold(0, u64::checked_add)?;
    Some(sum.max(count)).filter(|total| *total <= MOST)
}

const MOST: u64 = i64::MAX as u64;
