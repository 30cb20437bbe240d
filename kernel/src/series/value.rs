//! What data points hold, and the arithmetic of it: every type in the way that is right for it.

use super::exponential::{Buckets, Exponential};
use super::histogram::Histogram;

/// The content of a data point.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// None: the point says only that there is nothing (`NoRecordedValue`).
    #[default]
    Absent,
    Int(i64),
    Double(f64),
    Histogram(Box<Histogram>),
    Exponential(Box<Exponential>),
    Summary(Box<Summary>),
}

/// The count, sum and extremes of what was observed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Totals {
    pub count: u64,
    pub sum: Option<f64>,
    pub min: Option<f64>,
    pub max: Option<f64>,
}

/// Quantiles that a client computed: they cannot be added, only shown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    pub totals: Totals,
    pub quantiles: Vec<(f64, f64)>,
}

/// Two values of one series that cannot be put together: they are of different types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mismatch;

impl Value {
    /// Whether it is a number that no sum can have in it.
    pub fn is_nan(&self) -> bool {
        matches!(self, Self::Double(value) if value.is_nan())
    }

    /// A number as a double; NaN for anything else.
    #[allow(clippy::cast_precision_loss)] // what it is as a double
    pub fn as_double(&self) -> f64 {
        match self {
            Self::Int(value) => *value as f64,
            Self::Double(value) => *value,
            _ => f64::NAN,
        }
    }

    /// The value of both together: of two sources, or of one in two spans of time.
    ///
    /// Histograms of different bounds are put together on those that both have, exponential ones at
    /// the coarser scale; quantiles are lost. Integers that overflow become a double.
    pub fn add(&mut self, other: &Self) -> Result<(), Mismatch> {
        match (&mut *self, other) {
            (Self::Absent, other) => *self = other.clone(),
            (_, Self::Absent) => {}
            (Self::Int(one), Self::Int(two)) => match one.checked_add(*two) {
                Some(sum) => *one = sum,
                None => *self = Self::Double(self.as_double() + other.as_double()),
            },
            (Self::Int(_) | Self::Double(_), Self::Int(_) | Self::Double(_)) => {
                *self = Self::Double(self.as_double() + other.as_double());
            }
            (Self::Histogram(one), Self::Histogram(two)) => one.add(two),
            (Self::Exponential(one), Self::Exponential(two)) => one.add(two),
            (Self::Summary(one), Self::Summary(two)) => {
                one.totals.add(&two.totals);
                one.quantiles.clear();
            }
            _ => return Err(Mismatch),
        }
        Ok(())
    }

    /// What came to `before` since; `None` where that is not known: something became less, so the
    /// source began anew, or it changed how it counts.
    pub fn minus(&self, before: &Self) -> Option<Self> {
        Some(match (self, before) {
            (Self::Int(now), Self::Int(before)) => Self::Int(now.checked_sub(*before)?),
            (Self::Int(_) | Self::Double(_), Self::Int(_) | Self::Double(_)) => {
                Self::Double(self.as_double() - before.as_double())
            }
            (Self::Histogram(now), Self::Histogram(before)) => {
                Self::Histogram(Box::new(now.minus(before)?))
            }
            (Self::Exponential(now), Self::Exponential(before)) => {
                Self::Exponential(Box::new(now.minus(before)?))
            }
            (Self::Summary(now), Self::Summary(before)) => Self::Summary(Box::new(Summary {
                totals: now.totals.minus(&before.totals)?,
                quantiles: Vec::new(),
            })),
            _ => return None,
        })
    }

    /// Whether it is less than `before` was: a monotonic number does that only when it began anew.
    pub fn is_less(&self, before: &Self) -> bool {
        match (self, before) {
            (Self::Int(now), Self::Int(before)) => now < before,
            _ => self.as_double() < before.as_double(),
        }
    }

    /// Bytes of memory that it points to.
    pub fn weight(&self) -> usize {
        let buckets = |buckets: &Buckets| buckets.counts.capacity() * 8;
        match self {
            Self::Histogram(it) => {
                size_of::<Histogram>() + (it.bounds.capacity() + it.counts.capacity()) * 8
            }
            Self::Exponential(it) => {
                size_of::<Exponential>() + buckets(&it.positive) + buckets(&it.negative)
            }
            Self::Summary(it) => size_of::<Summary>() + it.quantiles.capacity() * 16,
            _ => 0,
        }
    }
}

impl Totals {
    pub(super) fn observe(&mut self, value: f64, count: u64) {
        self.count = self.count.saturating_add(count);
        self.sum = Some(self.sum.unwrap_or_default() + value * count as f64);
        self.min = Some(self.min.map_or(value, |min| min.min(value)));
        self.max = Some(self.max.map_or(value, |max| max.max(value)));
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.count = self.count.saturating_add(other.count);
        self.sum = self.sum.zip(other.sum).map(|(one, two)| one + two);
        self.min = self.min.zip(other.min).map(|(one, two)| one.min(two));
        self.max = self.max.zip(other.max).map(|(one, two)| one.max(two));
    }

    /// Extremes are not known of a span of time between two points.
    pub(super) fn minus(&self, before: &Self) -> Option<Self> {
        let count = self.count.checked_sub(before.count)?;
        let sum = self.sum.zip(before.sum).map(|(now, before)| now - before);
        Some(Self { count, sum, min: None, max: None })
    }
}

/// Add counts bucket by bucket.
pub fn add_counts(counts: &mut [u64], others: &[u64]) {
    for (count, other) in counts.iter_mut().zip(others) {
        *count = count.saturating_add(*other);
    }
}

/// Take counts away bucket by bucket; `None` where there are not as many.
pub(super) fn counts_minus(now: &[u64], before: impl Iterator<Item = u64>) -> Option<Vec<u64>> {
    now.iter().zip(before).map(|(now, before)| now.checked_sub(before)).collect()
}
