//! Pieces that were not taken.

/// Faults that are told of, and characters of each.
const MAX_TOLD: usize = 100;
const MAX_REASON: usize = 300;

/// How many pieces were not taken, and for the first of them where they are and why.
#[derive(Debug, Default)]
pub struct Faults {
    pub count: usize,
    pub told: Vec<(usize, String)>,
}

impl Faults {
    /// Note the piece at `place`; the reason is written only if it will be told.
    pub fn add(&mut self, place: usize, reason: impl FnOnce() -> String) {
        self.count += 1;
        if self.told.len() < MAX_TOLD {
            let mut reason = reason();
            let long = reason.char_indices().nth(MAX_REASON).map(|(end, _)| end);
            reason.truncate(long.unwrap_or(reason.len()));
            self.told.push((place, reason));
        }
    }
}
