//! Times of series that several sources are folded into, each of which has a clock of its own.

use super::identity::Id;
use super::point::Point;
use super::table::Series;

/// When the last point of each series was.
pub struct Sequence {
    times: Series<u64>,
}

impl Sequence {
    pub fn new(limit: usize) -> Self {
        Self { times: Series::new(limit) }
    }

    pub fn weight(&self) -> usize {
        self.times.weight()
    }

    /// Let a point be newer than the one before it, since whoever adds deltas up takes an older one
    /// for a repetition; by a nanosecond if there is nothing else. Returns when that was. Where
    /// there is no room for the series, the point stays as it is.
    pub fn advance(&mut self, id: Id, point: &mut Point, now: u32) -> u64 {
        let Some(place) = self.times.find(id, now) else {
            self.times.insert(id, now, point.time);
            return 0;
        };
        let time = self.times.get_mut(place);
        let before = *time;
        point.time = point.time.max(before + 1);
        *time = point.time;
        before
    }

    pub fn expire(&mut self, oldest: u32) {
        self.times.expire(oldest, |_, _| {});
    }
}
