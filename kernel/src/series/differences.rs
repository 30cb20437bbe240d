//! Totals taken apart: what came to a series since its point before.

use super::identity::Id;
use super::point::Point;
use super::table::Series;
use super::totals::Fault;

/// The last point of each series.
pub struct Differences {
    series: Series<Point>,
    /// The time of the newest point of a series that was forgotten.
    forgotten: u64,
}

/// What a point says that the one before did not.
#[derive(Clone, Debug, PartialEq)]
pub enum Difference {
    /// The series was not known: the point is all there is to know of it.
    First(Point),
    /// What came since the point before.
    Since(Point),
    /// The source began anew: what came since then.
    Reset(Point),
}

impl Differences {
    pub fn new(limit: usize) -> Self {
        Self { series: Series::new(limit), forgotten: 0 }
    }

    pub fn series(&mut self) -> &mut Series<Point> {
        &mut self.series
    }

    pub fn knows(&self, id: Id) -> bool {
        self.series.peek(id).is_some()
    }

    /// Whether a source that is not known may be one that was forgotten: it began before that.
    pub fn may_have_forgotten(&self, first: &Point) -> bool {
        first.start <= self.forgotten && self.forgotten > 0
    }

    /// Forget the series that were last seen before `oldest`.
    pub fn expire(&mut self, oldest: u32) {
        let forgotten = &mut self.forgotten;
        self.series.expire(oldest, |_, point| *forgotten = point.time.max(*forgotten));
    }

    /// Take the next point of a series. One that `is_monotonic` begins anew where it becomes less.
    pub fn next(
        &mut self,
        id: Id,
        point: Point,
        is_monotonic: bool,
        now: u32,
    ) -> Result<Difference, Fault> {
        if point.value.is_nan() {
            return Err(Fault::Unusable);
        }
        let Some(place) = self.series.find(id, now) else {
            let known = self.series.insert(id, now, point.clone());
            return known.map(|_| Difference::First(point)).ok_or(Fault::Full);
        };
        let last = self.series.get_mut(place);
        if point.time <= last.time {
            return Err(Fault::Late);
        }
        let anew = began_anew(&point, last, is_monotonic);
        let since = if anew { None } else { point.value.minus(&last.value) };
        let difference = match since {
            Some(value) => Difference::Since(Point { start: last.time, value, ..point.clone() }),
            None => Difference::Reset(Point { start: point.start.max(last.time), ..point.clone() }),
        };
        *last = point;
        Ok(difference)
    }
}

fn began_anew(point: &Point, last: &Point, is_monotonic: bool) -> bool {
    is_monotonic && (point.value.is_less(&last.value) || point.start > last.time)
}
