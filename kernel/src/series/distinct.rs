//! How many distinct values a set has had.

use super::sketches::Sketch;

/// Hashes of values; of many, a sketch.
#[derive(Clone, Debug, PartialEq)]
pub enum Distinct {
    /// In their order.
    Few(Vec<u64>),
    Many(Sketch),
}

/// Hashes that are kept before there is a sketch of 2^`bits` registers.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    pub exact: usize,
    pub bits: u32,
}

impl Default for Distinct {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

impl Distinct {
    /// Take in a value by its hash; whether that changed anything.
    pub fn add(&mut self, hash: u64, room: Room) -> bool {
        match self {
            Self::Many(sketch) => sketch.add(hash),
            Self::Few(hashes) => {
                let Err(at) = hashes.binary_search(&hash) else { return false };
                hashes.insert(at, hash);
                if hashes.len() > room.exact {
                    *self = Self::Many(Sketch::of(hashes, room.bits));
                }
                true
            }
        }
    }

    pub fn merge(&mut self, other: &Self, room: Room) {
        match (&mut *self, other) {
            (_, Self::Few(hashes)) => {
                for hash in hashes {
                    self.add(*hash, room);
                }
            }
            (Self::Few(hashes), Self::Many(sketch)) => {
                let mut sketch = sketch.clone();
                sketch.add_all(hashes);
                *self = Self::Many(sketch);
            }
            (Self::Many(one), Self::Many(two)) => one.merge(two),
        }
    }

    pub fn count(&self) -> u64 {
        match self {
            Self::Few(hashes) => hashes.len() as u64,
            Self::Many(sketch) => sketch.estimate(),
        }
    }
}
