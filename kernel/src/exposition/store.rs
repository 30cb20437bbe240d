//! All that is exposed: points come in, and the newest of each series stays.

use std::sync::Arc;

use hashbrown::HashTable;

use super::catalog::{Catalog, Metric};
use super::family::Family;
use super::fault::{FAULTS, Fault, is_valid};
use super::source::Origin;
use super::state::{Hidden, Shown, State};
use super::view::{Coming, View};
use crate::series::point::Point;
use crate::series::table::{Series, Snapshot};

/// When points come: by the clock that never jumps, and the other one in Unix nanoseconds.
#[derive(Clone, Copy)]
pub struct Now {
    pub tick: u32,
    pub wall: u64,
}

/// What became of the points of a batch.
#[derive(Default)]
pub struct Outcome {
    pub dropped: [u64; FAULTS],
    /// Metrics that points were dropped of, as many as somebody will read.
    pub examples: Vec<(Fault, Arc<str>)>,
}

const EXAMPLES: usize = 16;

impl Outcome {
    fn drop_one(&mut self, fault: Fault, name: &str) {
        self.dropped[fault as usize] += 1;
        let known = |example: &(Fault, Arc<str>)| example.0 == fault && *example.1 == *name;
        if self.examples.len() < EXAMPLES && !self.examples.iter().any(known) {
            self.examples.push((fault, Arc::from(name)));
        }
    }
}

/// Series whose age is looked at in one go.
const AT_ONCE: u32 = 16_384;

pub struct Store {
    pub catalog: Catalog,
    series: Series<State>,
    /// The places of the series that are shown, by the hash of their labels.
    shown: HashTable<u32>,
    /// The first place whose age is looked at next.
    at: u32,
}

impl Store {
    /// For at most so many series.
    pub fn new(catalog: Catalog, limit: usize) -> Self {
        Self { catalog, series: Series::new(limit), shown: HashTable::new(), at: 0 }
    }

    /// How many series there are, and how many of them are shown.
    pub fn counts(&self) -> (usize, usize) {
        (self.series.len(), self.shown.len())
    }

    /// Whether a point is the first of its series, so that labels have to be made.
    pub fn is_new(&self, coming: &Coming) -> bool {
        self.series.peek(coming.id).is_none()
    }

    pub fn snapshot(&self) -> Snapshot<State> {
        self.series.snapshot()
    }

    /// Take all points of a payload, whose names are known.
    pub fn take_all(&mut self, view: &View, now: Now, outcome: &mut Outcome) {
        let catalog = &mut self.catalog;
        let metrics: Vec<_> = view.metrics.iter().map(|key| catalog.metric(*key, now)).collect();
        let origins: Vec<_> = view.origins.iter().map(|key| catalog.origin(*key, now)).collect();
        for coming in view.points() {
            match (&metrics[coming.metric], &origins[coming.scope]) {
                (Some(Metric::Refused { name, fault }), _) => outcome.drop_one(*fault, name),
                (Some(Metric::Exposed { family, delta }), Some(origin)) => {
                    let arrival = Arrival { coming, family, delta: *delta, origin, now };
                    if let Err(fault) = self.take(&arrival) {
                        outcome.drop_one(fault, &family.name);
                    }
                }
                _ => outcome.drop_one(Fault::Full, ""),
            }
        }
    }

    fn take(&mut self, arrival: &Arrival) -> Result<(), Fault> {
        let coming = &arrival.coming;
        let mut point = Point::read(coming.shape.message, coming.body);
        let place = self.series.peek(coming.id);
        if point.has_no_value() {
            if let Some(place) = place {
                self.leave(place);
            }
            return Ok(());
        }
        if !is_valid(arrival.family.kind, &point) {
            return Err(Fault::Invalid);
        }
        if point.time == 0 {
            point.time = arrival.now.wall;
        }
        let Some(place) = place else { return self.enter(arrival, point) };
        if let State::Hidden(hidden) = self.series.get(place) {
            let hidden = hidden.clone();
            self.wait(place, hidden, arrival, &point)?;
            return self.enter(arrival, point);
        }
        if let State::Shown(shown) = self.series.get_mut(place) {
            shown.show(point, arrival.delta, arrival.now.wall)?;
            shown.keep_exemplars(coming);
        }
        self.series.touch(place, arrival.now.tick);
        Ok(())
    }

    /// Show a series, unless another one has its labels.
    fn enter(&mut self, arrival: &Arrival, point: Point) -> Result<(), Fault> {
        let labels = self.catalog.labels_of(&arrival.coming, arrival.family, arrival.origin);
        let mut new = Shown::new(arrival.family, arrival.origin, labels, point);
        new.keep_exemplars(&arrival.coming);
        let twin = self.shown.find(new.print, |place| match self.series.get(*place) {
            State::Shown(other) => other.is_same(&new),
            _ => false,
        });
        match twin.copied() {
            Some(twin) if !self.is_over(twin, arrival, &new.point) => {
                let hidden = Hidden::behind(twin, &new, self.time_of(twin));
                self.insert(arrival, State::Hidden(hidden))?;
                return Err(Fault::Conflict);
            }
            Some(twin) => self.leave(twin),
            None => {}
        }
        let hash = new.print;
        let place = self.insert(arrival, State::Shown(new))?;
        let series = &self.series;
        self.shown.insert_unique(hash, place, |place| print_of(series.get(*place)));
        Ok(())
    }

    fn insert(&mut self, arrival: &Arrival, state: State) -> Result<u32, Fault> {
        self.series.insert(arrival.coming.id, arrival.now.tick, state).ok_or(Fault::Full)
    }

    /// Let a hidden series go on being hidden, or leave its place to be shown.
    fn wait(
        &mut self,
        place: u32,
        mut hidden: Hidden,
        arrival: &Arrival,
        point: &Point,
    ) -> Result<(), Fault> {
        if print_of(self.series.get(hidden.behind)) == hidden.print {
            let goes_on = hidden.finds(self.time_of(hidden.behind));
            if goes_on && !self.is_over(hidden.behind, arrival, point) {
                *self.series.get_mut(place) = State::Hidden(hidden);
                self.series.touch(place, arrival.now.tick);
                return Err(Fault::Conflict);
            }
            self.leave(hidden.behind);
        }
        self.leave(place);
        Ok(())
    }

    /// Whether a source began after the other one's last point: it is the same, started again.
    fn is_over(&self, twin: u32, arrival: &Arrival, point: &Point) -> bool {
        !arrival.delta && point.start != 0 && point.start >= self.time_of(twin)
    }

    fn time_of(&self, place: u32) -> u64 {
        match self.series.get(place) {
            State::Shown(shown) => shown.point.time,
            _ => 0,
        }
    }

    fn leave(&mut self, place: u32) {
        forget(&mut self.shown, place, self.series.get(place));
        self.series.remove(place);
    }

    /// Let go of series that were last there before `oldest`, a number at a time, and after the last
    /// of whatever nothing needs any more. Whether there are more to look at.
    pub fn expire(&mut self, oldest: u32) -> bool {
        let end = self.series.places().min(self.at + AT_ONCE);
        let shown = &mut self.shown;
        self.series.expire_among(self.at..end, oldest, |place, state| forget(shown, place, state));
        self.at = if end < self.series.places() { end } else { 0 };
        if self.at == 0 {
            self.catalog.sweep(oldest);
        }
        self.at > 0
    }
}

/// A data point with what is known of it.
struct Arrival<'a> {
    coming: Coming<'a>,
    family: &'a Arc<Family>,
    delta: bool,
    origin: &'a Arc<Origin>,
    now: Now,
}

/// The hash of the labels of what is shown; 0 of anything else.
fn print_of(state: &State) -> u64 {
    if let State::Shown(shown) = state { shown.print } else { 0 }
}

fn forget(shown: &mut HashTable<u32>, place: u32, state: &State) {
    if let State::Shown(series) = state
        && let Ok(entry) = shown.find_entry(series.print, |other| *other == place)
    {
        entry.remove();
    }
}
