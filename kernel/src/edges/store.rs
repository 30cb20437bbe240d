//! Half known calls: so many at most, each for so long.

use ahash::RandomState;
use hashbrown::HashTable;

use super::half::{Half, Key};
use super::turns::{Links, Turns};

/// Halves by their keys, and in the order in which they came.
pub struct Store {
    entries: Vec<Entry>,
    free: Vec<u32>,
    places: HashTable<u32>,
    /// By the key of a producer, the first of the consumers that wait for it.
    waiting: HashTable<u32>,
    ages: Turns,
    hasher: RandomState,
    limit: usize,
}

pub struct Entry {
    pub key: Key,
    pub half: Half,
    /// When it is forgotten, in nanoseconds of a clock that only goes on.
    pub expires: u64,
    age: Links,
    queue: Links,
}

impl Key {
    /// The key of the producer that a consumer waits for.
    fn producer(self) -> Self {
        Self { consumer: 0, ..self }
    }
}

impl Store {
    pub fn new(limit: usize) -> Self {
        Self {
            entries: Vec::new(),
            free: Vec::new(),
            places: HashTable::new(),
            waiting: HashTable::new(),
            ages: Turns::default(),
            hasher: RandomState::new(),
            limit,
        }
    }

    pub fn len(&self) -> usize {
        self.places.len()
    }

    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    pub fn is_full(&self) -> bool {
        self.len() >= self.limit
    }

    /// Bytes of memory.
    pub fn weight(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>()
            + self.free.capacity() * size_of::<u32>()
            + self.places.allocation_size()
            + self.waiting.allocation_size()
    }

    pub fn find(&self, key: &Key) -> Option<u32> {
        let entries = &self.entries;
        let hash = self.hasher.hash_one(key);
        self.places.find(hash, |place| entries[*place as usize].key == *key).copied()
    }

    pub fn get(&self, place: u32) -> &Entry {
        &self.entries[place as usize]
    }

    pub fn half(&mut self, place: u32) -> &mut Half {
        &mut self.entries[place as usize].half
    }

    /// The one that came first.
    pub fn oldest(&self) -> Option<u32> {
        self.ages.first()
    }

    /// Take in a half that is not there. The caller has seen to it that there is room.
    pub fn insert(&mut self, key: Key, half: Half, expires: u64) {
        let entry = Entry { key, half, expires, age: Links::default(), queue: Links::default() };
        let place = if let Some(place) = self.free.pop() {
            self.entries[place as usize] = entry;
            place
        } else {
            self.make_room();
            self.entries.push(entry);
            self.entries.len() as u32 - 1
        };
        let (entries, hasher) = (&self.entries, &self.hasher);
        let hash_of = |place: &u32| hasher.hash_one(entries[*place as usize].key);
        self.places.insert_unique(hash_of(&place), place, hash_of);
        self.ages.add(&mut self.entries, age, place);
        if key.consumer != 0 {
            self.wait(place);
        }
    }

    /// Grow as a `Vec` does, but not beyond the limit.
    fn make_room(&mut self) {
        let len = self.entries.len();
        if len == self.entries.capacity() {
            self.entries.reserve_exact(self.limit.saturating_sub(len).clamp(1, len.max(64)));
        }
    }

    pub fn remove(&mut self, place: u32) {
        let key = self.get(place).key;
        let hash = self.hasher.hash_one(key);
        if let Ok(entry) = self.places.find_entry(hash, |other| *other == place) {
            entry.remove();
        }
        self.ages.take(&mut self.entries, age, place);
        if key.consumer != 0 {
            self.wait_no_more(place);
        }
        self.free.push(place);
    }

    /// A consumer that waits for a producer, if one does.
    pub fn waits_for(&self, producer: &Key) -> Option<u32> {
        if self.waiting.is_empty() {
            return None;
        }
        let entries = &self.entries;
        let waits = |place: &u32| entries[*place as usize].key.producer() == *producer;
        self.waiting.find(self.hasher.hash_one(producer), waits).copied()
    }

    /// Put a consumer first in the queue for its producer.
    fn wait(&mut self, place: u32) {
        let producer = self.get(place).key.producer();
        if let Some(first) = self.waits_for(&producer) {
            let mut turns = Turns::from(first);
            turns.add_first(&mut self.entries, queue, place);
            self.lead(&producer, first, Some(place));
        } else {
            let (entries, hasher) = (&self.entries, &self.hasher);
            let hash_of = |place: &u32| hasher.hash_one(entries[*place as usize].key.producer());
            self.waiting.insert_unique(hash_of(&place), place, hash_of);
        }
    }

    fn wait_no_more(&mut self, place: u32) {
        let producer = self.get(place).key.producer();
        let Some(first) = self.waits_for(&producer) else { return };
        let mut turns = Turns::from(first);
        turns.take(&mut self.entries, queue, place);
        self.lead(&producer, first, turns.first());
    }

    /// Another one is first in the queue for a producer, or nobody is.
    fn lead(&mut self, producer: &Key, before: u32, first: Option<u32>) {
        let hash = self.hasher.hash_one(producer);
        let Ok(mut entry) = self.waiting.find_entry(hash, |place| *place == before) else { return };
        match first {
            Some(first) => *entry.get_mut() = first,
            None => drop(entry.remove()),
        }
    }
}

fn age(entry: &mut Entry) -> &mut Links {
    &mut entry.age
}

fn queue(entry: &mut Entry) -> &mut Links {
    &mut entry.queue
}
