//! Deltas added up: what a series came to since it began.

use super::identity::Id;
use super::point::Point;
use super::table::Series;
use super::value::Mismatch;

/// What each series came to.
pub struct Totals {
    series: Series<Point>,
}

/// Why a point was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is not newer than the one before.
    Late,
    /// There is no room for its series.
    Full,
    /// It has no value that could be added.
    Unusable,
}

impl From<Mismatch> for Fault {
    fn from(Mismatch: Mismatch) -> Self {
        Self::Unusable
    }
}

impl Totals {
    pub fn new(limit: usize) -> Self {
        Self { series: Series::new(limit) }
    }

    pub fn series(&mut self) -> &mut Series<Point> {
        &mut self.series
    }

    /// Add what came in the time from `delta.start` to `delta.time`, and return the total.
    pub fn add(&mut self, id: Id, delta: Point, now: u32) -> Result<Point, Fault> {
        let known = self.series.find(id, now).map(|place| self.series.get(place).time);
        if known.is_some_and(|time| delta.time <= time) {
            return Err(Fault::Late);
        }
        self.gain(id, delta, now)
    }

    /// Add what came from one of several sources, each of which counts in a time of its own; the
    /// total is newer than before all the same.
    pub fn gain(&mut self, id: Id, gain: Point, now: u32) -> Result<Point, Fault> {
        if gain.value.is_nan() {
            return Err(Fault::Unusable);
        }
        let Some(place) = self.series.find(id, now) else {
            let first = Point { start: began(&gain), ..gain };
            let known = self.series.insert(id, now, first.clone());
            return known.map(|_| first).ok_or(Fault::Full);
        };
        let total = self.series.get_mut(place);
        total.value.add(&gain.value)?;
        total.time = gain.time.max(total.time + 1);
        Ok(total.clone())
    }
}

/// Of a source that does not say when it began, all that is known is when it counted.
fn began(point: &Point) -> u64 {
    if point.start == 0 { point.time } else { point.start }
}
