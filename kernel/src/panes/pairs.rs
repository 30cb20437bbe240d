//! Beginnings and ends of the same: how long it is from one to the other.

use std::collections::hash_map::Entry;

use ahash::{HashMap, HashSet};
use xxhash_rust::xxh3::xxh3_64;

/// What waits, by the hash of its key.
pub struct Pairs {
    waiting: HashMap<u64, Half>,
    limit: usize,
    /// Nanoseconds.
    timeout: i64,
    /// Keys that changed since records were made of them.
    changed: Option<HashSet<u64>>,
}

/// Times in Unix nanoseconds of what has no other half.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Half {
    begun: Option<i64>,
    ended: Option<i64>,
}

/// What an event is; one that is both ends what was begun, and begins anew.
const BEGINS: u8 = 1;
const ENDS: u8 = 2;
const BOTH: u8 = 3;

/// What became of events.
#[derive(Debug, Default)]
pub struct Matches {
    /// The events that made a pair whole, and for how many seconds it went on.
    pub pairs: Vec<(u32, f64)>,
    /// Pairs that were not told of, because they took longer than the timeout.
    pub late: u64,
    /// Events that there was no room for.
    pub full: u64,
}

const NANOS: f64 = 1e9;

impl Pairs {
    /// For at most `limit` keys that wait.
    pub fn new(limit: usize, timeout: i64, tracked: bool) -> Self {
        let changed = tracked.then(HashSet::default);
        Self { waiting: HashMap::default(), limit, timeout, changed }
    }

    /// Take in events in the order of their times; there is a role and a time for each hash.
    pub fn take(&mut self, hashes: &[u64], roles: &[u8], times: &[i64]) -> Matches {
        let mut order: Vec<u32> = (0..hashes.len() as u32).collect();
        order.retain(|at| matches!(roles[*at as usize], BEGINS | ENDS | BOTH));
        order.sort_by_key(|at| (times[*at as usize], roles[*at as usize] == ENDS));
        let mut matches = Matches::default();
        for at in order {
            let event = at as usize;
            let (hash, time) = (hashes[event], times[event]);
            if !self.has_room(hash) {
                matches.full += 1;
                continue;
            }
            let pair = match roles[event] {
                BEGINS => self.half(hash).begin(time),
                ENDS => self.half(hash).end(time),
                _ => self.half(hash).turn(time),
            };
            if let Some(pair) = pair {
                self.tell(hash, pair, at, &mut matches);
            }
        }
        matches
    }

    fn has_room(&self, hash: u64) -> bool {
        self.waiting.len() < self.limit || self.waiting.contains_key(&hash)
    }

    fn half(&mut self, hash: u64) -> &mut Half {
        if let Some(changed) = &mut self.changed {
            changed.insert(hash);
        }
        self.waiting.entry(hash).or_default()
    }

    fn tell(&mut self, hash: u64, (begun, ended): (i64, i64), at: u32, matches: &mut Matches) {
        let nanos = ended.saturating_sub(begun);
        if nanos > self.timeout {
            matches.late += 1;
        } else {
            matches.pairs.push((at, nanos as f64 / NANOS));
        }
        if let Entry::Occupied(entry) = self.waiting.entry(hash)
            && *entry.get() == Half::default()
        {
            entry.remove();
        }
    }

    /// Forget what waits for longer than the timeout, in Unix nanoseconds; how many.
    pub fn expire(&mut self, now: i64) -> usize {
        let (before, oldest) = (self.waiting.len(), now.saturating_sub(self.timeout));
        let changed = &mut self.changed;
        self.waiting.retain(|hash, half| {
            let stays = half.begun.max(half.ended).is_some_and(|time| time >= oldest);
            if !stays && let Some(changed) = changed {
                changed.insert(*hash);
            }
            stays
        });
        before - self.waiting.len()
    }

    /// Records that changed; those without a value are to go.
    pub fn changes(&mut self) -> Vec<([u8; 8], Option<Vec<u8>>)> {
        let changed = self.changed.as_mut().map(std::mem::take).unwrap_or_default();
        let record = |hash: u64| {
            let name = hash.to_be_bytes();
            (name, self.waiting.get(&hash).map(|half| half.save(name)))
        };
        changed.into_iter().map(record).collect()
    }

    /// Take a saved record back; false if it is damaged, or one too many.
    pub fn restore(&mut self, name: &[u8], body: &[u8]) -> bool {
        let (Ok(name), Some(half)) = (name.try_into(), Half::restore(name, body)) else {
            return false;
        };
        let hash = u64::from_be_bytes(name);
        let fits = self.has_room(hash);
        if fits {
            self.waiting.insert(hash, half);
        } else if let Some(changed) = &mut self.changed {
            changed.insert(hash);
        }
        fits
    }

    /// Keys that wait, and bytes of memory.
    pub fn size(&self) -> (usize, usize) {
        let entry = size_of::<(u64, Half)>() + 1;
        let changed = self.changed.as_ref().map_or(0, |changed| changed.capacity() * 9);
        (self.waiting.len(), self.waiting.capacity() * entry + changed)
    }
}

impl Half {
    /// Of several beginnings the first counts. What ended before it was another one.
    fn begin(&mut self, time: i64) -> Option<(i64, i64)> {
        let ended = self.ended.take().filter(|ended| *ended >= time);
        if ended.is_none() {
            self.begun = Some(self.begun.map_or(time, |begun| begun.min(time)));
        }
        ended.map(|ended| (time, ended))
    }

    /// Of several ends after a beginning the first counts.
    fn end(&mut self, time: i64) -> Option<(i64, i64)> {
        if let Some(begun) = self.begun.filter(|begun| *begun <= time) {
            self.begun = None;
            return Some((begun, time));
        }
        self.ended = Some(self.ended.map_or(time, |ended| ended.min(time)));
        None
    }

    fn turn(&mut self, time: i64) -> Option<(i64, i64)> {
        let before = self.begun.replace(self.begun.map_or(time, |begun| begun.max(time)));
        before.map(|before| (before.min(time), before.max(time)))
    }

    fn save(self, name: [u8; 8]) -> Vec<u8> {
        let mut body = Vec::with_capacity(32);
        for time in [self.begun, self.ended] {
            body.push(u8::from(time.is_some()));
            body.extend(time.unwrap_or_default().to_le_bytes());
        }
        let sum = xxh3_64(&[&name, &body[..]].concat());
        body.extend(sum.to_le_bytes());
        body
    }

    fn restore(name: &[u8], body: &[u8]) -> Option<Self> {
        let (body, sum) = body.split_last_chunk::<8>()?;
        if u64::from_le_bytes(*sum) != xxh3_64(&[name, body].concat()) {
            return None;
        }
        let (begun, ended) = body.split_first_chunk::<9>()?;
        let time = |[known, time @ ..]: [u8; 9]| (known == 1).then(|| i64::from_le_bytes(time));
        let half = Self { begun: time(*begun), ended: time(ended.try_into().ok()?) };
        (half != Self::default()).then_some(half)
    }
}
