//! How many items there were, of each class.

use super::content::{Content, Figure, Need, Wanted};
use super::input::Input;
use super::saved::{Reader, number};
use crate::series::value::Value;

/// Classes that there may be.
pub const MAX_CLASSES: usize = 8;

/// Items by class; there are `N` places, for as many classes or fewer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Counts<const N: usize>([u64; N]);

impl<const N: usize> Default for Counts<N> {
    fn default() -> Self {
        Self([0; N])
    }
}

impl<const N: usize> Counts<N> {
    fn total(&self) -> u64 {
        self.0.iter().fold(0, |total, count| total.saturating_add(*count))
    }
}

impl<const N: usize> Content for Counts<N> {
    /// How many classes there are.
    type Terms = usize;
    type Item = u8;

    const NEEDS: &[Need] = &[];

    #[inline]
    fn read(input: &Input, item: usize, classes: &usize) -> Option<u8> {
        let class = input.classes.get(item).copied().unwrap_or(0);
        (usize::from(class) < *classes).then_some(class)
    }

    #[inline]
    fn add(&mut self, class: u8, count: u64, _: i64, _: &usize) -> bool {
        let place = &mut self.0[usize::from(class)];
        *place = place.saturating_add(count);
        true
    }

    fn merge(&mut self, other: &Self, _: &usize) {
        for (count, more) in self.0.iter_mut().zip(other.0) {
            *count = count.saturating_add(more);
        }
    }

    fn save(&self, out: &mut Vec<u8>) {
        self.0.iter().for_each(|count| number(out, *count));
    }

    fn restore(from: &mut Reader, _: &usize) -> Option<Self> {
        let mut counts = Self::default();
        for count in &mut counts.0 {
            *count = from.number()?;
        }
        Some(counts)
    }

    fn counts(&self, classes: &usize) -> Option<Vec<u64>> {
        Some(self.0[..*classes].to_vec())
    }

    fn figure(&self, figure: Figure, _: &usize) -> Option<f64> {
        (figure == Figure::Count).then(|| self.total() as f64)
    }

    fn point(&self, wanted: Wanted, _: &usize) -> Option<Value> {
        let count = match wanted {
            Wanted::Class(class) => self.0.get(class).copied()?,
            Wanted::Figure(Figure::Count) => self.total(),
            Wanted::Figure(_) => return None,
        };
        Some(Value::Int(count.min(i64::MAX.cast_unsigned()).cast_signed()))
    }
}
