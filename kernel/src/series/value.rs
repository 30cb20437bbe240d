//! What data points hold, and the arithmetic of it: every type in the way that is right for it.

use std::iter;

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

/// Observations in buckets: `counts[i]` are over `bounds[i - 1]` and not over `bounds[i]`. There is
/// one count more than bounds, or there are none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Histogram {
    pub totals: Totals,
    pub bounds: Vec<f64>,
    pub counts: Vec<u64>,
}

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
    fn add(&mut self, other: &Self) {
        self.count = self.count.saturating_add(other.count);
        self.sum = self.sum.zip(other.sum).map(|(one, two)| one + two);
        self.min = self.min.zip(other.min).map(|(one, two)| one.min(two));
        self.max = self.max.zip(other.max).map(|(one, two)| one.max(two));
    }

    /// Extremes are not known of a span of time between two points.
    fn minus(&self, before: &Self) -> Option<Self> {
        let count = self.count.checked_sub(before.count)?;
        let sum = self.sum.zip(before.sum).map(|(now, before)| now - before);
        Some(Self { count, sum, min: None, max: None })
    }
}

impl Histogram {
    fn add(&mut self, other: &Self) {
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

    fn minus(&self, before: &Self) -> Option<Self> {
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

fn add_counts(counts: &mut [u64], others: &[u64]) {
    for (count, other) in counts.iter_mut().zip(others) {
        *count = count.saturating_add(*other);
    }
}

fn counts_minus(now: &[u64], before: impl Iterator<Item = u64>) -> Option<Vec<u64>> {
    now.iter().zip(before).map(|(now, before)| now.checked_sub(before)).collect()
}

/// Buckets that an exponential histogram keeps of each sign: with more it takes a coarser scale.
const MAX_BUCKETS: usize = 320;

impl Exponential {
    fn add(&mut self, other: &Self) {
        let mut other = other.clone();
        self.totals.add(&other.totals);
        let threshold = self.zero_threshold.max(other.zero_threshold);
        self.widen_zero(threshold);
        other.widen_zero(threshold);
        self.zero_count = self.zero_count.saturating_add(other.zero_count);
        let scale = self.scale.min(other.scale);
        self.coarsen(self.scale - scale);
        other.coarsen(other.scale - scale);
        let steps =
            self.positive.excess(&other.positive).max(self.negative.excess(&other.negative));
        self.coarsen(steps);
        other.coarsen(steps);
        self.positive.add(&other.positive);
        self.negative.add(&other.negative);
    }

    fn minus(&self, before: &Self) -> Option<Self> {
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
    fn excess(&self, other: &Self) -> i32 {
        if self.counts.is_empty() || other.counts.is_empty() {
            return 0;
        }
        let ((first, end), (other_first, other_end)) = (self.range(), other.range());
        let (mut first, mut last) = (first.min(other_first), end.max(other_end) - 1);
        let steps = iter::from_fn(|| {
            let over = last - first >= MAX_BUCKETS as i64;
            (first, last) = (first >> 1, last >> 1);
            over.then_some(())
        });
        steps.count() as i32
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
