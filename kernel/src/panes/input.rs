//! Columns of what is added, a row for each item.

use super::exemplars::Origins;

/// Columns that are not there are empty; the others have a value for each item.
#[derive(Default)]
pub struct Input<'a> {
    /// Unix nanoseconds.
    pub now: i64,
    pub wanted: Vec<u8>,
    /// The starts of panes; without them, all items are of this one.
    pub panes: Vec<i64>,
    pub pane: i64,
    pub values: Vec<f64>,
    pub classes: Vec<u8>,
    pub times: Vec<i64>,
    pub hashes: Vec<u64>,
    pub weights: Vec<f64>,
    pub origins: Option<Origins<'a>>,
}

/// What one item can count for; counts of such items do not overflow.
const MAX_WEIGHT: f64 = (1u64 << 32) as f64;

/// Rounds numbers to whole ones that are right on the average, in the same way in every run.
#[derive(Default)]
pub struct Rounding(u32);

/// The golden ratio's fraction of 2^32: its multiples lie as evenly as can be.
const SPREAD: u32 = 0x9e37_79b9;

impl Rounding {
    fn round(&mut self, value: f64) -> u64 {
        if value.fract() == 0.0 {
            return value as u64;
        }
        self.0 = self.0.wrapping_add(SPREAD);
        (value + f64::from(self.0) / 2f64.powi(32)) as u64
    }
}

impl Input<'_> {
    #[inline]
    pub fn wants(&self, item: usize) -> bool {
        self.wanted.get(item) != Some(&0)
    }

    #[inline]
    pub fn pane_of(&self, item: usize) -> i64 {
        self.panes.get(item).copied().unwrap_or(self.pane)
    }

    /// When an item was: now, where nothing says it.
    #[inline]
    pub fn time_of(&self, item: usize) -> i64 {
        self.times.get(item).copied().unwrap_or(self.now)
    }

    /// How often an item counts; `None` for a weight that makes no sense.
    #[inline]
    pub fn count_of(&self, item: usize, rounding: &mut Rounding) -> Option<u64> {
        let Some(weight) = self.weights.get(item) else { return Some(1) };
        (0.0..=MAX_WEIGHT).contains(weight).then(|| rounding.round(*weight))
    }

    /// A value that can be added up.
    #[inline]
    pub fn finite(&self, item: usize) -> Option<f64> {
        self.values.get(item).copied().filter(|value| value.is_finite())
    }
}
