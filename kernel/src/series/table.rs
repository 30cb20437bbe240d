//! The one map from series to what is kept of each: bounded, expiring, and cheap to look at as it
//! was at one instant.

use std::ops::Range;
use std::sync::Arc;

use hashbrown::HashTable;

use super::identity::Id;

/// States by series. A series has a place, which is that of another one after it has left.
pub struct Series<S> {
    /// Places by `Id::id`.
    places: HashTable<u32>,
    marks: Vec<Mark>,
    free: Vec<u32>,
    states: Chunks<S>,
    limit: usize,
    collisions: u64,
}

#[derive(Clone, Copy)]
struct Mark {
    id: Id,
    /// When the series was last there, in seconds.
    seen: u32,
    alive: bool,
}

impl<S: Clone + Default> Series<S> {
    /// For at most `limit` series.
    pub fn new(limit: usize) -> Self {
        Self {
            places: HashTable::new(),
            marks: Vec::new(),
            free: Vec::new(),
            states: Chunks(Vec::new()),
            limit,
            collisions: 0,
        }
    }

    pub fn len(&self) -> usize {
        self.places.len()
    }

    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// How many series came whose `Id::id` another one had.
    pub fn collisions(&self) -> u64 {
        self.collisions
    }

    /// Bytes of memory besides what states point to.
    pub fn weight(&self) -> usize {
        self.places.allocation_size()
            + self.marks.capacity() * size_of::<Mark>()
            + self.free.capacity() * size_of::<u32>()
            + self.states.weight()
    }

    /// The place of a series, which is seen at `now`.
    pub fn find(&mut self, id: Id, now: u32) -> Option<u32> {
        let place = self.peek(id)?;
        self.marks[place as usize].seen = now;
        Some(place)
    }

    /// The place of a series, which does not count as seeing it.
    pub fn peek(&self, id: Id) -> Option<u32> {
        self.places.find(id.id, |place| self.marks[*place as usize].id == id).copied()
    }

    /// When a series was last seen.
    pub fn seen(&self, place: u32) -> u32 {
        self.marks[place as usize].seen
    }

    /// Which series is at a place, or was.
    pub fn id(&self, place: u32) -> Id {
        self.marks[place as usize].id
    }

    /// A series is seen at `now`.
    pub fn touch(&mut self, place: u32, now: u32) {
        self.marks[place as usize].seen = now;
    }

    /// One more than the last place.
    pub fn places(&self) -> u32 {
        self.marks.len() as u32
    }

    pub fn get(&self, place: u32) -> &S {
        self.states.get(place)
    }

    /// To change it, whatever looks at a snapshot.
    pub fn get_mut(&mut self, place: u32) -> &mut S {
        self.states.get_mut(place)
    }

    /// Take in a series that is not there; `None` when there is no room.
    pub fn insert(&mut self, id: Id, now: u32, state: S) -> Option<u32> {
        if self.len() >= self.limit {
            return None;
        }
        let marks = &self.marks;
        let taken = self.places.find(id.id, |place| marks[*place as usize].id.id == id.id);
        self.collisions += u64::from(taken.is_some());
        let mark = Mark { id, seen: now, alive: true };
        let place = if let Some(place) = self.free.pop() {
            self.marks[place as usize] = mark;
            *self.states.get_mut(place) = state;
            place
        } else {
            self.marks.push(mark);
            self.states.push(state);
            self.marks.len() as u32 - 1
        };
        let marks = &self.marks;
        self.places.insert_unique(id.id, place, |place| marks[*place as usize].id.id);
        Some(place)
    }

    /// Let a series go.
    pub fn remove(&mut self, place: u32) {
        let mark = &mut self.marks[place as usize];
        mark.alive = false;
        *self.states.get_mut(place) = S::default();
        if let Ok(entry) = self.places.find_entry(mark.id.id, |other| *other == place) {
            entry.remove();
            self.free.push(place);
        }
    }

    /// Let every series go that was last seen before `oldest`; `leave` is told of each.
    pub fn expire(&mut self, oldest: u32, leave: impl FnMut(u32, &S)) {
        self.expire_among(0..self.places(), oldest, leave);
    }

    /// The same for those at some places only, for who has no time for all at once.
    pub fn expire_among(
        &mut self,
        places: Range<u32>,
        oldest: u32,
        mut leave: impl FnMut(u32, &S),
    ) {
        for place in places {
            let Mark { seen, alive, .. } = self.marks[place as usize];
            if alive && seen < oldest {
                leave(place, self.states.get(place));
                self.remove(place);
            }
        }
    }

    /// The states of all series as they are now.
    pub fn snapshot(&self) -> Snapshot<S> {
        let alive = self.marks.iter().map(|mark| mark.alive).collect();
        Snapshot { states: Chunks(self.states.0.clone()), alive }
    }
}

/// What was kept of each series at one instant. What changes later is copied first, a chunk at a
/// time, so that nobody waits for whoever reads this.
pub struct Snapshot<S> {
    states: Chunks<S>,
    alive: Vec<bool>,
}

impl<S: Clone> Snapshot<S> {
    /// One more than the last place.
    pub fn places(&self) -> u32 {
        self.alive.len() as u32
    }

    /// The state at a place, which may be that of none.
    pub fn get(&self, place: u32) -> &S {
        self.states.get(place)
    }

    pub fn iter(&self) -> impl Iterator<Item = &S> {
        let places = (0..self.alive.len()).filter(|place| self.alive[*place]);
        places.map(|place| self.states.get(place as u32))
    }
}

/// States in shared pieces: a piece that somebody else looks at is copied before it changes.
struct Chunks<S>(Vec<Arc<Vec<S>>>);

/// States in a chunk: a copy takes microseconds, and a snapshot of a million series 4,000 counts.
const CHUNK: usize = 256;

impl<S: Clone> Chunks<S> {
    fn get(&self, place: u32) -> &S {
        &self.0[place as usize / CHUNK][place as usize % CHUNK]
    }

    fn get_mut(&mut self, place: u32) -> &mut S {
        &mut Arc::make_mut(&mut self.0[place as usize / CHUNK])[place as usize % CHUNK]
    }

    fn push(&mut self, state: S) {
        if let Some(chunk) = self.0.last_mut().filter(|chunk| chunk.len() < CHUNK) {
            return Arc::make_mut(chunk).push(state);
        }
        let mut chunk = Vec::with_capacity(CHUNK);
        chunk.push(state);
        self.0.push(Arc::new(chunk));
    }

    fn weight(&self) -> usize {
        self.0.len() * (size_of::<Arc<Vec<S>>>() + CHUNK * size_of::<S>())
    }
}
