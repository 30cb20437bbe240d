//! Entries that are parts of one.

use std::borrow::Cow;

use serde::Deserialize;

use super::entry::Entry;
use super::expr::Expr;
use super::field::{Fault, Field};
use super::value::Value;

#[derive(Deserialize)]
pub struct Recombine {
    combine_field: Field,
    combine_with: String,
    /// Whether an entry is the first of some, or the last, as `is_first` says.
    boundary: Expr,
    is_first: bool,
    /// Of what the entry has that is made of several: the oldest's or the newest's.
    keep_oldest: bool,
    source_identifier: Field,
    max_batch_size: usize,
    max_unmatched_batch_size: usize,
    max_sources: usize,
    max_log_size: usize,
    /// Nanoseconds that parts wait for others.
    force_flush_period: u64,
}

/// The parts that have come of an entry, of one source.
pub struct Held {
    /// The step that they wait in.
    pub step: usize,
    source: String,
    entry: Entry<'static>,
    text: String,
    parts: usize,
    matched: bool,
    /// When the first part was read.
    since: u64,
    /// Where the first part is in the file, and how many entries come before it.
    pub start: (u64, u64),
}

/// Parts by their sources, in the order in which they began.
pub type Waiting = Vec<Held>;

/// What an entry adds to others.
pub struct Part {
    text: String,
    source: String,
    /// Whether it is at the boundary.
    matched: bool,
}

impl Recombine {
    pub fn part(&self, entry: &Entry) -> Result<Part, Fault> {
        let text =
            |field: &Field| field.get(entry).and_then(|value| value.text().map(str::to_owned));
        Ok(Part {
            matched: self.boundary.holds(entry)?,
            text: text(&self.combine_field).ok_or("it has no text to combine")?,
            source: text(&self.source_identifier).unwrap_or_default(),
        })
    }

    /// Take an entry, and give those that are complete.
    pub fn add(
        &self,
        step: usize,
        entry: Entry,
        part: Part,
        waiting: &mut Waiting,
        now: u64,
    ) -> Vec<Entry<'static>> {
        let mut done = Vec::new();
        let place = waiting.iter().position(|it| it.step == step && it.source == part.source);
        if let Some(place) = place.filter(|_| part.matched && self.is_first) {
            done.push(self.finish(waiting.remove(place)));
        }
        let ends = part.matched && !self.is_first;
        let place = if let Some(place) = place.filter(|_| done.is_empty()) {
            waiting[place].join(entry, part, &self.combine_with, self.keep_oldest);
            place
        } else {
            if waiting.len() >= self.max_sources {
                done.extend(self.flush(step, waiting, u64::MAX));
            }
            waiting.push(Held::begin(step, entry, part, now));
            waiting.len() - 1
        };
        if ends || self.is_full(&waiting[place]) {
            done.push(self.finish(waiting.remove(place)));
        }
        done
    }

    fn is_full(&self, held: &Held) -> bool {
        let reached = |most: usize, count: usize| most > 0 && count >= most;
        reached(self.max_log_size, held.text.len())
            || reached(self.max_batch_size, held.parts)
            || !held.matched && reached(self.max_unmatched_batch_size, held.parts)
    }

    /// What has waited too long at `now`.
    pub fn flush(&self, step: usize, waiting: &mut Waiting, now: u64) -> Vec<Entry<'static>> {
        let due = |held: &mut Held| {
            held.step == step && now.saturating_sub(held.since) >= self.force_flush_period
        };
        waiting.extract_if(.., due).map(|held| self.finish(held)).collect()
    }

    fn finish(&self, held: Held) -> Entry<'static> {
        let mut entry = held.entry;
        self.combine_field.replace(&mut entry, Value::Text(Cow::Owned(held.text)));
        entry
    }
}

impl Held {
    fn begin(step: usize, entry: Entry, part: Part, since: u64) -> Self {
        let Part { text, source, matched } = part;
        let start = (entry.offset, entry.number);
        Self { step, source, entry: entry.into_owned(), text, parts: 1, matched, since, start }
    }

    fn join(&mut self, entry: Entry, part: Part, between: &str, keep_oldest: bool) {
        if !self.text.is_empty() {
            self.text.push_str(between);
        }
        self.text.push_str(&part.text);
        self.parts += 1;
        self.matched |= part.matched;
        if !keep_oldest {
            self.entry = entry.into_owned();
        }
    }
}
