//! What is added up by key and pane: bounded, and changed in place.

use super::content::{Content, Run};
use super::exemplars::{Exemplar, Exemplars};
use super::input::{Input, Rounding};
use super::kept::{Kept, Pane};
use super::keys::Keys;
use super::labels::{Labels, Pool, Said};
use super::record::{self, Name};
use crate::series::identity::Id;
use crate::series::table::Series;

/// Keys with what they came to.
pub struct Store<C: Content> {
    pub terms: C::Terms,
    /// What tells this shape apart from others in records.
    pub fingerprint: u32,
    pub keys: Series<Key<C>>,
    pub pool: Pool,
    pub limit: usize,
    /// The place of the key that stands for those that are too many.
    overflow: Option<u32>,
    /// Where the panes begin that were not dropped.
    floor: i64,
    rounding: Rounding,
    exemplars: Exemplars,
    pub notes: Option<Notes>,
}

/// A key, which has panes as long as it is there.
#[derive(Clone)]
pub struct Key<C> {
    pub labels: Labels,
    /// When the first item came, in Unix nanoseconds.
    pub since: i64,
    pub panes: Kept<C>,
    /// Whether it is among those that changed.
    pub noted: bool,
}

impl<C> Default for Key<C> {
    fn default() -> Self {
        Self { labels: Labels::default(), since: 0, panes: Kept::default(), noted: false }
    }
}

/// What records have to be made of.
#[derive(Default)]
pub struct Notes {
    /// Places of keys that changed.
    pub changed: Vec<u32>,
    /// Names of records whose panes are gone.
    pub gone: Vec<Name>,
}

impl Notes {
    fn note(&mut self, place: u32, noted: &mut bool) {
        if !*noted {
            *noted = true;
            self.changed.push(place);
        }
    }
}

/// How many items were added to the key for those that are too many, and how many to none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub overflow: u64,
    pub unusable: u64,
}

/// A key that was not looked for yet.
const UNKNOWN: u32 = u32::MAX;

const NANOS: i64 = 1_000_000_000;

/// Seconds, in which keys are told to be idle.
pub fn seconds(nanos: i64) -> u32 {
    u32::try_from(nanos / NANOS).unwrap_or(if nanos < 0 { 0 } else { u32::MAX })
}

impl<C: Content> Store<C> {
    /// For at most `limit` keys and one more; with `exemplars` of each, and tracked or not.
    pub fn new(terms: C::Terms, fingerprint: u32, limit: usize, exemplars: usize) -> Self {
        Self {
            terms,
            fingerprint,
            keys: Series::new(limit.saturating_add(1)),
            pool: Pool::default(),
            limit,
            overflow: None,
            floor: i64::MIN,
            rounding: Rounding::default(),
            exemplars: Exemplars::new(exemplars),
            notes: None,
        }
    }

    /// Add items, each to its key and panes.
    pub fn add(&mut self, keys: &Keys, input: &Input) -> Report {
        let mut report = Report::default();
        let mut places = vec![UNKNOWN; keys.len()];
        for (item, code) in keys.codes.iter().enumerate().filter(|(item, _)| input.wants(*item)) {
            let Some(count) = input.count_of(item, &mut self.rounding) else {
                report.unusable += 1;
                continue;
            };
            let Some(what) = C::read(input, item, &self.terms) else {
                report.unusable += 1;
                continue;
            };
            if count == 0 {
                continue;
            }
            let place = &mut places[*code as usize];
            if *place == UNKNOWN {
                *place = self.place(keys, *code, input.now);
            }
            let place = *place;
            report.overflow += u64::from(self.overflow == Some(place));
            if !self.put(place, what, count, input.pane_of(item)) {
                report.unusable += 1;
            }
            self.exemplars.offer(place, input, item);
        }
        report
    }

    /// Add to the panes that an item is of; false if a key cannot have as many.
    #[inline]
    fn put(&mut self, place: u32, what: C::Item, count: u64, pane: i64) -> bool {
        let Run { mut first, step, count: panes } = C::panes(pane, &what, &self.terms, self.floor);
        let key = self.keys.get_mut(place);
        let mut changed = false;
        for _ in 0..panes {
            let Some(pane) = key.panes.at(first) else { return false };
            pane.changed |= pane.content.add(what, count, first, &self.terms);
            changed |= pane.changed;
            first = first.saturating_add(step);
        }
        if let Some(notes) = self.notes.as_mut().filter(|_| changed) {
            notes.note(place, &mut key.noted);
        }
        true
    }

    fn place(&mut self, keys: &Keys, code: u32, now: i64) -> u32 {
        let id = keys.ids[code as usize];
        if let Some(place) = self.keys.find(id, seconds(now)) {
            return place;
        }
        let said = if self.has_room() { Said::of(keys, code) } else { None };
        let placed = said.and_then(|said| self.insert(id, &said, now));
        placed.unwrap_or_else(|| self.overflow_place(now))
    }

    fn has_room(&self) -> bool {
        self.keys.len() - usize::from(self.overflow.is_some()) < self.limit
    }

    fn insert(&mut self, id: Id, said: &Said, now: i64) -> Option<u32> {
        let labels = self.pool.take(said);
        let key = Key { labels, since: now, ..Key::default() };
        self.keys.insert(id, seconds(now), key)
    }

    fn overflow_place(&mut self, now: i64) -> u32 {
        let said = Said::overflow();
        let id = said.id();
        let known = self.keys.find(id, seconds(now));
        // There is room for one key over the limit, which is this one.
        let place = known.or_else(|| self.insert(id, &said, now)).unwrap_or(0);
        self.overflow = Some(place);
        place
    }

    /// Take back what was saved. Where there is no room for its key, it is one of too many.
    pub fn take_back(&mut self, saved: record::Saved<C>) {
        let (place, folded) = self.place_of(&saved);
        let seen = self.keys.seen(place).max(saved.seen);
        self.keys.touch(place, seen);
        let key = self.keys.get_mut(place);
        key.since = key.since.min(saved.since);
        let Some(pane) = key.panes.at(saved.start) else { return };
        pane.content.merge(&saved.content, &self.terms);
        pane.saved |= !folded;
        pane.changed = folded || key.noted;
        if let Some(notes) = self.notes.as_mut().filter(|_| folded) {
            notes.gone.push(saved.name);
            notes.note(place, &mut key.noted);
        }
    }

    /// The place of a saved key, and whether it is not its own.
    fn place_of(&mut self, saved: &record::Saved<C>) -> (u32, bool) {
        if saved.id == Said::overflow().id() {
            return (self.overflow_place(saved.since), false);
        }
        let place = match self.keys.peek(saved.id) {
            None if self.has_room() => self.insert(saved.id, &saved.said, saved.since),
            known => known,
        };
        place.map_or_else(|| (self.overflow_place(saved.since), true), |place| (place, false))
    }

    /// Forget the panes that start before; how many keys went, which had no others.
    pub fn drop_before(&mut self, before: i64) -> usize {
        self.floor = self.floor.max(before);
        let count = self.keys.len();
        for place in 0..self.keys.places() {
            if self.keys.get(place).panes.between(i64::MIN, before).is_empty() {
                continue;
            }
            let Self { keys, pool, notes, .. } = self;
            let key = keys.get_mut(place);
            let gone = key.panes.take_before(before);
            note_gone(notes, pool, &key.labels, &gone);
            if key.panes.all().is_empty() {
                self.remove(place);
            }
        }
        count - self.keys.len()
    }

    pub fn remove(&mut self, place: u32) {
        self.pool.release(&self.keys.get(place).labels);
        self.exemplars.take(place);
        self.overflow = self.overflow.filter(|overflow| *overflow != place);
        self.keys.remove(place);
    }

    /// Forget keys that nothing was added to since; how many.
    pub fn expire(&mut self, idle_since: i64) -> usize {
        let count = self.keys.len();
        let Self { keys, pool, notes, exemplars, overflow, .. } = self;
        keys.expire(seconds(idle_since), |place, key| {
            note_gone(notes, pool, &key.labels, key.panes.all());
            pool.release(&key.labels);
            exemplars.take(place);
            *overflow = overflow.filter(|overflow| *overflow != place);
        });
        count - keys.len()
    }

    /// The exemplars of a key, which are told of once.
    pub fn take_exemplars(&mut self, place: u32) -> Vec<Exemplar> {
        self.exemplars.take(place)
    }

    /// The starts of all panes, in order.
    pub fn starts(&self) -> Vec<i64> {
        let keys = (0..self.keys.places()).map(|place| self.keys.get(place));
        let starts = keys.flat_map(|key| key.panes.all().iter().map(|pane| pane.start));
        let mut starts: Vec<i64> = starts.collect::<ahash::HashSet<_>>().into_iter().collect();
        starts.sort_unstable();
        starts
    }

    /// Bytes of memory.
    pub fn weight(&self) -> usize {
        let key = |place| {
            let key: &Key<C> = self.keys.get(place);
            let contents = key.panes.all().iter().map(|pane| pane.content.weight());
            key.labels.weight() + key.panes.weight() + contents.sum::<usize>()
        };
        let keys: usize = (0..self.keys.places()).map(key).sum();
        let notes = self.notes.as_ref().map_or(0, |notes| {
            notes.changed.capacity() * size_of::<u32>() + notes.gone.capacity() * size_of::<Name>()
        });
        keys + notes + self.keys.weight() + self.pool.weight() + self.exemplars.weight()
    }
}

/// Note that panes are gone that there are records of.
pub fn note_gone<C>(notes: &mut Option<Notes>, pool: &Pool, labels: &Labels, panes: &[Pane<C>]) {
    let Some(notes) = notes else { return };
    if panes.iter().any(|pane| pane.saved) {
        let digest = record::digest(&pool.said(labels));
        let saved = panes.iter().filter(|pane| pane.saved);
        notes.gone.extend(saved.map(|pane| record::name(digest, pane.start)));
    }
}
