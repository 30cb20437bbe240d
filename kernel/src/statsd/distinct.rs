//! How many distinct values a set has had.

use crate::series::sketches::Sketch;

/// Hashes of values; of many, a sketch.
#[derive(Clone, Debug)]
pub enum Distinct {
    Few(Vec<u64>),
    Many(Sketch),
}

/// Values that are counted exactly: those of most sets, in 8 KiB.
const EXACT: usize = 1024;

impl Default for Distinct {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

impl Distinct {
    pub fn add(&mut self, hash: u64) {
        match self {
            Self::Many(sketch) => sketch.add(hash),
            Self::Few(hashes) => {
                let Err(at) = hashes.binary_search(&hash) else { return };
                hashes.insert(at, hash);
                if hashes.len() > EXACT {
                    let mut sketch = Sketch::default();
                    for hash in hashes {
                        sketch.add(*hash);
                    }
                    *self = Self::Many(sketch);
                }
            }
        }
    }

    pub fn count(&self) -> u64 {
        match self {
            Self::Few(hashes) => hashes.len() as u64,
            Self::Many(sketch) => sketch.estimate(),
        }
    }
}
