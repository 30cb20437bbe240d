//! What is kept of a key in a pane of time, whatever its shape, and what comes to it.

use super::input::Input;
use super::saved::Reader;
use crate::series::value::Value;

/// What items of a key and a pane have come to.
pub trait Content: Clone + Default + Send + Sync + 'static {
    /// What was asked for: bounds, sizes.
    type Terms: Clone + Send + Sync + 'static;
    /// What one item brings.
    type Item: Copy;

    /// Columns without which nothing can be added.
    const NEEDS: &[Need];

    /// What an item brings; `None` if that cannot be used.
    fn read(input: &Input, item: usize, terms: &Self::Terms) -> Option<Self::Item>;

    /// The panes that an item is of: the first, and how many follow one another to its own.
    #[inline]
    fn panes(pane: i64, _item: &Self::Item, _terms: &Self::Terms, _floor: i64) -> Run {
        Run { first: pane, step: 0, count: 1 }
    }

    /// Take in what an item brings to a pane so many times; whether that changed anything.
    fn add(&mut self, item: Self::Item, count: u64, pane: i64, terms: &Self::Terms) -> bool;

    /// Take in what came to another.
    fn merge(&mut self, other: &Self, terms: &Self::Terms);

    /// Bytes of memory that it points to.
    fn weight(&self) -> usize {
        0
    }

    fn save(&self, out: &mut Vec<u8>);

    /// What was saved; `None` for what cannot have been, within these terms.
    fn restore(from: &mut Reader, terms: &Self::Terms) -> Option<Self>;

    /// How many there were of each class or in each bucket, if it has some.
    fn counts(&self, _terms: &Self::Terms) -> Option<Vec<u64>> {
        None
    }

    /// One number that it came to; `None` for what is never told of this shape.
    fn figure(&self, figure: Figure, terms: &Self::Terms) -> Option<f64>;

    /// What a data point of it holds, and where; `None` for what cannot be written.
    fn point(&self, _wanted: Wanted, _terms: &Self::Terms) -> Option<Value> {
        None
    }
}

/// A column of what is added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    Values,
    Times,
    Hashes,
}

/// Panes that follow one another.
pub struct Run {
    pub first: i64,
    pub step: i64,
    pub count: u32,
}

/// A number that is told of a key.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Figure {
    Count,
    Sum,
    Min,
    Max,
    Mean,
    Last,
    Distinct,
    /// In seconds.
    Busy,
    Quantile(f64),
}

/// What data points are written of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Wanted {
    Class(usize),
    Figure(Figure),
}

/// Count, sum and extremes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Extent {
    pub count: u64,
    pub sum: f64,
    pub min: f64,
    pub max: f64,
}

impl Default for Extent {
    fn default() -> Self {
        Self { count: 0, sum: 0.0, min: f64::INFINITY, max: f64::NEG_INFINITY }
    }
}

/// A sum that stays a number.
pub fn plus(sum: f64, more: f64) -> f64 {
    (sum + more).clamp(f64::MIN, f64::MAX)
}

impl Extent {
    #[inline]
    pub fn add(&mut self, value: f64, count: u64) {
        self.count = self.count.saturating_add(count);
        self.sum = plus(self.sum, (value * count as f64).clamp(f64::MIN, f64::MAX));
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }

    pub fn merge(&mut self, other: &Self) {
        self.count = self.count.saturating_add(other.count);
        self.sum = plus(self.sum, other.sum);
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    /// NaN where nothing came.
    pub fn figure(&self, figure: Figure) -> Option<f64> {
        let known = |value: f64| if self.count == 0 { f64::NAN } else { value };
        Some(match figure {
            Figure::Count => self.count as f64,
            Figure::Sum => self.sum,
            Figure::Min => known(self.min),
            Figure::Max => known(self.max),
            Figure::Mean => known(self.sum / self.count as f64),
            _ => return None,
        })
    }

    pub fn save(&self, out: &mut Vec<u8>) {
        super::saved::number(out, self.count);
        for value in [self.sum, self.min, self.max] {
            out.extend(value.to_le_bytes());
        }
    }

    pub fn restore(from: &mut Reader) -> Option<Self> {
        let count = from.number()?;
        let [sum, min, max] = [from.double()?, from.double()?, from.double()?];
        let empty = count == 0 && Self { count, sum, min, max } == Self::default();
        let whole = sum.is_finite() && min.is_finite() && max.is_finite() && min <= max;
        (empty || count > 0 && whole).then_some(Self { count, sum, min, max })
    }
}
