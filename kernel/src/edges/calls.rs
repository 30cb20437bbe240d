//! Calls whose two sides have met, or whose other side will not come.

use ahash::RandomState;

use super::half::{Connection, End, Half, Key, Role, Seen};
use super::sides::Sides;
use super::store::{Entry, Store};

/// A call that is known as far as it will be. It uses its sides until they are released.
pub struct Call {
    pub client: Option<End>,
    pub server: Option<End>,
    pub connection: Connection,
    pub failed: bool,
    /// The side that never came.
    pub missing: Option<Role>,
}

impl Call {
    /// The end that tells how long the server took: no database sends spans.
    pub fn answering(&self) -> Option<End> {
        if self.connection == Connection::Database { self.client } else { self.server }
    }
}

/// What became of spans and calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Calls of which something was heard for the first time.
    pub new: u64,
    /// Calls whose other side did not come in time.
    pub expired: u64,
    /// Spans for which there was no room.
    pub full: u64,
    /// Spans whose ids say nothing.
    pub invalid: u64,
}

pub struct Calls {
    pub sides: Sides,
    store: Store,
    consumers: RandomState,
    /// For how long a side is waited for, in nanoseconds.
    ttl: u64,
    /// Whether a side that does not come is told of as a virtual one.
    virtual_nodes: bool,
    pub counts: Counts,
}

impl Calls {
    pub fn new(limit: usize, ttl: u64, virtual_nodes: bool) -> Self {
        Self {
            sides: Sides::default(),
            store: Store::new(limit),
            consumers: RandomState::new(),
            ttl,
            virtual_nodes,
            counts: Counts::default(),
        }
    }

    pub fn len(&self) -> usize {
        self.store.len()
    }

    pub fn is_empty(&self) -> bool {
        self.store.is_empty()
    }

    /// Bytes of memory.
    pub fn weight(&self) -> usize {
        self.store.weight() + self.sides.weight()
    }

    /// A span has told of one side of a call.
    pub fn see(&mut self, key: Key, seen: Seen, now: u64, met: &mut Vec<Call>) {
        let place = self.store.find(&key);
        let mut half = place.map_or_else(Half::default, |place| self.store.get(place).half);
        self.note(&mut half, seen);
        if seen.role == Role::Client {
            half.met |= self.meet_consumers(&key, &half, met);
        }
        match place {
            _ if half.is_whole() => {
                met.push(half.into());
                place.map_or_else(|| self.counts.new += 1, |place| self.store.remove(place));
            }
            Some(place) => *self.store.half(place) = half,
            None => self.keep(key, half, now, met),
        }
    }

    /// A consumer, one of those that a span is, has told of a message whose producer is in `key`.
    pub fn see_consumer(
        &mut self,
        key: Key,
        consumer: ([u8; 16], [u8; 8]),
        seen: Seen,
        now: u64,
        met: &mut Vec<Call>,
    ) {
        let own = Key { consumer: self.consumers.hash_one(consumer) | 1, ..key };
        if let Some(place) = self.store.find(&own) {
            let mut half = self.store.get(place).half;
            self.note(&mut half, seen);
            *self.store.half(place) = half;
            return;
        }
        let mut half = Half::default();
        self.note(&mut half, seen);
        let producer = self.store.find(&key).map(|place| self.store.half(place));
        match producer.filter(|producer| producer.client.is_some()) {
            Some(producer) => {
                producer.met = true;
                half.note_producer(producer);
                self.use_client(&half);
                self.counts.new += 1;
                met.push(half.into());
            }
            None => self.keep(own, half, now, met),
        }
    }

    /// Forget what has waited too long.
    pub fn expire(&mut self, now: u64, met: &mut Vec<Call>) {
        while self.expire_oldest(now, met) {}
    }

    /// The sides of these calls are of no more use.
    pub fn release(&mut self, calls: &[Call]) {
        for end in calls.iter().flat_map(|call| [call.client, call.server]).flatten() {
            self.sides.release(end.side);
        }
    }

    fn note(&mut self, half: &mut Half, seen: Seen) {
        if let Some(before) = half.note(seen) {
            self.sides.release(before);
        }
    }

    fn use_client(&mut self, half: &Half) {
        if let Some(client) = half.client {
            self.sides.use_again(client.side);
        }
    }

    /// Consumers that have waited for this producer meet it; whether there are any.
    fn meet_consumers(&mut self, key: &Key, producer: &Half, met: &mut Vec<Call>) -> bool {
        let before = met.len();
        while let Some(place) = self.store.waits_for(key) {
            let mut half = self.store.get(place).half;
            half.note_producer(producer);
            self.use_client(&half);
            self.store.remove(place);
            met.push(half.into());
        }
        met.len() > before
    }

    fn keep(&mut self, key: Key, half: Half, now: u64, met: &mut Vec<Call>) {
        if self.store.is_full() {
            self.expire_oldest(now, met);
        }
        if self.store.is_full() {
            self.counts.full += 1;
            half.sides().for_each(|side| self.sides.release(side));
        } else {
            self.counts.new += 1;
            self.store.insert(key, half, now.saturating_add(self.ttl));
        }
    }

    /// Forget the oldest if it has waited too long; whether it had.
    fn expire_oldest(&mut self, now: u64, met: &mut Vec<Call>) -> bool {
        let Some(place) = self.store.oldest() else { return false };
        let &Entry { key, half, expires, .. } = self.store.get(place);
        if expires >= now {
            return false;
        }
        self.store.remove(place);
        self.counts.expired += u64::from(!half.met);
        match self.missing(&key, &half) {
            None => half.sides().for_each(|side| self.sides.release(side)),
            missing => {
                met.push(Call { connection: Connection::Virtual, missing, ..Call::from(half) });
            }
        }
        true
    }

    /// The side of a call that is told of although it never came: the client of what nobody called
    /// is a user, and what a client called is known by its name.
    fn missing(&self, key: &Key, half: &Half) -> Option<Role> {
        if !self.virtual_nodes || half.met || key.consumer != 0 {
            return None;
        }
        match (half.client, half.server) {
            (None, Some(_)) if key.span == [0; 8] => Some(Role::Client),
            (Some(_), None) => Some(Role::Server),
            _ => None,
        }
    }
}

impl From<Half> for Call {
    fn from(half: Half) -> Self {
        let Half { client, server, connection, failed, .. } = half;
        Self { client, server, connection, failed, missing: None }
    }
}
