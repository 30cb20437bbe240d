//! For how long something went on: intervals, and what two of them share counts once.

use super::content::{Content, Figure, Need, Run};
use super::input::Input;
use super::saved::{Reader, number, signed};

/// What was asked for.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    pub max_intervals: usize,
    /// Nanoseconds of a pane, at whose ends intervals are cut; 0 for panes without an end.
    pub pane: i64,
}

/// Intervals that one may ask for.
pub const SIZES: std::ops::RangeInclusive<usize> = 1..=4096;

/// Panes that one interval can be in: of what is longer, the last part counts.
const MOST_PANES: i64 = 1024;

const NANOS: f64 = 1e9;

/// Intervals that do not touch, in order, by their beginnings and ends.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Busy(Vec<(i64, i64)>);

impl Busy {
    /// Join what an interval touches. Of too many, the two with the least between them become one.
    fn join(&mut self, (mut begin, mut end): (i64, i64), max_intervals: usize) -> bool {
        let first = self.0.partition_point(|interval| interval.1 < begin);
        let after = self.0.partition_point(|interval| interval.0 <= end);
        if let [one, ..] = &self.0[first..after] {
            if one.0 <= begin && one.1 >= end {
                return false;
            }
            begin = begin.min(one.0);
            end = end.max(self.0[after - 1].1);
        }
        self.0.splice(first..after, [(begin, end)]);
        if self.0.len() > max_intervals {
            self.close_least_gap();
        }
        true
    }

    fn close_least_gap(&mut self) {
        let gaps = self.0.windows(2).map(|two| two[1].0.abs_diff(two[0].1)).enumerate();
        if let Some((at, _)) = gaps.min_by_key(|(_, gap)| *gap) {
            self.0[at].1 = self.0[at + 1].1;
            self.0.remove(at + 1);
        }
    }

    fn seconds(&self) -> f64 {
        let nanos: u64 =
            self.0.iter().fold(0, |sum, (begin, end)| sum.saturating_add(end.abs_diff(*begin)));
        nanos as f64 / NANOS
    }
}

impl Content for Busy {
    type Terms = Terms;
    type Item = (i64, i64);

    const NEEDS: &[Need] = &[Need::Times, Need::Values];

    #[inline]
    fn read(input: &Input, item: usize, _: &Terms) -> Option<(i64, i64)> {
        let begin = *input.times.get(item)?;
        let seconds = input.finite(item).filter(|seconds| *seconds >= 0.0)?;
        Some((begin, begin.saturating_add((seconds * NANOS).round() as i64)))
    }

    fn panes(pane: i64, (begin, _): &(i64, i64), terms: &Terms, floor: i64) -> Run {
        let (alone, step) = (Run { first: pane, step: 0, count: 1 }, terms.pane);
        if step == 0 || *begin >= pane {
            return alone;
        }
        let back =
            |to: i64| (i128::from(pane) - i128::from(to) + i128::from(step) - 1) / i128::from(step);
        let since_floor = (i128::from(pane) - i128::from(floor)) / i128::from(step);
        let count = back(*begin).min(since_floor.max(0)).min(MOST_PANES.into()) as i64;
        let first = pane.saturating_sub(count.saturating_mul(step));
        Run { first, step, count: count as u32 + 1 }
    }

    fn add(&mut self, item: (i64, i64), _: u64, pane: i64, terms: &Terms) -> bool {
        let (mut begin, mut end) = item;
        if terms.pane > 0 {
            begin = begin.max(pane);
            end = end.min(pane.saturating_add(terms.pane));
        }
        begin < end && self.join((begin, end), terms.max_intervals)
    }

    fn merge(&mut self, other: &Self, terms: &Terms) {
        for interval in &other.0 {
            self.join(*interval, terms.max_intervals);
        }
    }

    fn weight(&self) -> usize {
        self.0.capacity() * size_of::<(i64, i64)>()
    }

    fn save(&self, out: &mut Vec<u8>) {
        number(out, self.0.len() as u64);
        for (begin, end) in &self.0 {
            signed(out, *begin);
            signed(out, *end);
        }
    }

    fn restore(from: &mut Reader, terms: &Terms) -> Option<Self> {
        let len = from.count(terms.max_intervals)?;
        let intervals = (0..len).map(|_| Some((from.signed()?, from.signed()?)));
        let intervals: Vec<(i64, i64)> = intervals.collect::<Option<_>>()?;
        let apart = intervals.is_sorted_by(|one, two| one.1 < two.0);
        let forward = intervals.iter().all(|(begin, end)| begin < end);
        (apart && forward).then_some(Self(intervals))
    }

    fn figure(&self, figure: Figure, _: &Terms) -> Option<f64> {
        (figure == Figure::Busy).then(|| self.seconds())
    }
}
