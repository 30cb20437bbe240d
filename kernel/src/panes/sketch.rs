//! Values that quantiles are told of, each to a part of itself: exponential buckets at one scale.

use super::content::{Content, Extent, Figure, Need};
use super::input::Input;
use super::saved::{Reader, number};
use super::tally::Tally;
use crate::series::exponential::index_of;

/// What was asked for: 2^`scale` buckets for each power of two, and so many of each sign.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    pub scale: i32,
    pub size: usize,
}

pub const SCALES: std::ops::RangeInclusive<i32> = 0..=12;
pub const SIZES: std::ops::RangeInclusive<usize> = 2..=65_536;

#[derive(Clone, Debug, Default)]
pub struct Sketch {
    extent: Extent,
    zeros: u64,
    positive: Tally,
    negative: Tally,
}

impl Sketch {
    /// The least value that such a part of all is not over, within the width of its bucket.
    fn quantile(&self, share: f64, scale: i32) -> f64 {
        let mut below = self.extent.count as f64 * share;
        below = (below.ceil() - 1.0).max(0.0);
        let negative = self.negative.iter().rev().map(|(i, count)| (-middle(i, scale), count));
        let positive = self.positive.iter().map(|(i, count)| (middle(i, scale), count));
        let mut all = negative.chain([(0.0, self.zeros)]).chain(positive);
        let found = all.find(|(_, count)| {
            below -= *count as f64;
            below < 0.0
        });
        let value = found.map_or(self.extent.max, |(value, _)| value);
        value.clamp(self.extent.min, self.extent.max)
    }
}

/// What is as far, by parts of itself, from the least value in a bucket as from the greatest.
fn middle(index: i32, scale: i32) -> f64 {
    let width = f64::from(-scale).exp2();
    let lower = (f64::from(index) * width).exp2();
    lower * 2.0 / (1.0 + (-width).exp2())
}

impl Content for Sketch {
    type Terms = Terms;
    type Item = f64;

    const NEEDS: &[Need] = &[Need::Values];

    #[inline]
    fn read(input: &Input, item: usize, _: &Terms) -> Option<f64> {
        input.finite(item)
    }

    fn add(&mut self, value: f64, count: u64, _: i64, terms: &Terms) -> bool {
        self.extent.add(value, count);
        if value == 0.0 {
            self.zeros = self.zeros.saturating_add(count);
            return true;
        }
        let index = index_of(value.abs(), terms.scale) as i32;
        let tally = if value > 0.0 { &mut self.positive } else { &mut self.negative };
        tally.add(index, count, terms.size);
        true
    }

    fn merge(&mut self, other: &Self, terms: &Terms) {
        self.extent.merge(&other.extent);
        self.zeros = self.zeros.saturating_add(other.zeros);
        self.positive.merge(&other.positive, terms.size);
        self.negative.merge(&other.negative, terms.size);
    }

    fn weight(&self) -> usize {
        self.positive.weight() + self.negative.weight()
    }

    fn save(&self, out: &mut Vec<u8>) {
        self.extent.save(out);
        number(out, self.zeros);
        self.positive.save(out);
        self.negative.save(out);
    }

    fn restore(from: &mut Reader, terms: &Terms) -> Option<Self> {
        let most = 1100 << terms.scale;
        let extent = Extent::restore(from)?;
        let zeros = from.number()?;
        let positive = Tally::restore(from, terms.size, most)?;
        let negative = Tally::restore(from, terms.size, most)?;
        Some(Self { extent, zeros, positive, negative })
    }

    fn figure(&self, figure: Figure, terms: &Terms) -> Option<f64> {
        match figure {
            Figure::Quantile(_) if self.extent.count == 0 => Some(f64::NAN),
            Figure::Quantile(share) => Some(self.quantile(share, terms.scale)),
            figure => self.extent.figure(figure),
        }
    }
}
