//! Shapes as they are asked for, and stores of them.

use serde::Deserialize;
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_64;

use super::busy::{self, Busy};
use super::content::{Content, Need, Wanted};
use super::counts::{Counts, MAX_CLASSES};
use super::distinct::{self, Distinct};
use super::exponential::{self, Exponential};
use super::histogram::{Histogram, MAX_BOUNDS};
use super::input::Input;
use super::keys::Keys;
use super::numbers::Numbers;
use super::record::Name;
use super::rows::Rows;
use super::sketch::{self, Sketch};
use super::store::{Notes, Report, Store};
use super::write::Frame;

/// What is kept of each key and pane.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Shape {
    Counts(usize),
    Numbers {},
    Histogram(Vec<f64>),
    Exponential { max_size: usize },
    Sketch { scale: i32, max_buckets: usize },
    Distinct { precision: u32 },
    Busy { max_intervals: usize, pane: i64 },
}

/// What all stores have.
pub struct Limits {
    pub keys: usize,
    pub exemplars: usize,
    pub tracked: bool,
}

impl Shape {
    /// What is wrong with it, if something is.
    fn fault(&self) -> Option<&'static str> {
        let (right, fault) = match self {
            Self::Counts(classes) => {
                ((1..=MAX_CLASSES).contains(classes), "there can be 1 to 8 classes")
            }
            Self::Numbers {} => (true, ""),
            Self::Histogram(bounds) => (
                bounds.len() <= MAX_BOUNDS
                    && bounds.iter().all(|bound| bound.is_finite())
                    && bounds.is_sorted_by(|one, two| one < two),
                "expected at most 1000 bounds, each greater than the one before",
            ),
            Self::Exponential { max_size } => {
                (exponential::SIZES.contains(max_size), "max_size can be 2 to 1024")
            }
            Self::Sketch { scale, max_buckets } => (
                sketch::SCALES.contains(scale) && sketch::SIZES.contains(max_buckets),
                "scale can be 0 to 12, max_buckets 2 to 65536",
            ),
            Self::Distinct { precision } => {
                (distinct::PRECISIONS.contains(precision), "precision can be 4 to 16")
            }
            Self::Busy { max_intervals, pane } => (
                busy::SIZES.contains(max_intervals) && *pane >= 0,
                "max_intervals can be 1 to 4096, pane not negative",
            ),
        };
        (!right).then_some(fault)
    }

    /// An empty store; or what is wrong with the shape.
    pub fn store(self, limits: &Limits) -> Result<Box<dyn Engine>, &'static str> {
        if let Some(fault) = self.fault() {
            return Err(fault);
        }
        let fingerprint = xxh3_64(format!("{self:?}").as_bytes()) as u32;
        Ok(match self {
            Self::Counts(1) => engine::<Counts<1>>(1, fingerprint, limits),
            Self::Counts(2) => engine::<Counts<2>>(2, fingerprint, limits),
            Self::Counts(classes @ 3..=4) => engine::<Counts<4>>(classes, fingerprint, limits),
            Self::Counts(classes) => engine::<Counts<MAX_CLASSES>>(classes, fingerprint, limits),
            Self::Numbers {} => engine::<Numbers>((), fingerprint, limits),
            Self::Histogram(bounds) => engine::<Histogram>(Arc::from(bounds), fingerprint, limits),
            Self::Exponential { max_size } => engine::<Exponential>(max_size, fingerprint, limits),
            Self::Sketch { scale, max_buckets: size } => {
                engine::<Sketch>(sketch::Terms { scale, size }, fingerprint, limits)
            }
            Self::Distinct { precision } => {
                engine::<Distinct>(distinct::room(precision), fingerprint, limits)
            }
            Self::Busy { max_intervals, pane } => {
                engine::<Busy>(busy::Terms { max_intervals, pane }, fingerprint, limits)
            }
        })
    }
}

fn engine<C: Content>(terms: C::Terms, fingerprint: u32, limits: &Limits) -> Box<dyn Engine> {
    let mut store = Store::<C>::new(terms, fingerprint, limits.keys, limits.exemplars);
    store.notes = limits.tracked.then(Notes::default);
    Box::new(store)
}

/// A store of whatever shape.
pub trait Engine: Send {
    fn needs(&self) -> &'static [Need];
    fn add(&mut self, keys: &Keys, input: &Input) -> Report;
    fn merged(&self, first: i64, last: i64) -> Box<dyn Rows>;
    fn write(&mut self, frame: &Frame, of: Wanted, first: i64, last: i64) -> Option<Vec<u8>>;
    fn starts(&self) -> Vec<i64>;
    fn drop_before(&mut self, before: i64) -> usize;
    fn expire(&mut self, idle_since: i64) -> usize;
    fn expire_resources(&mut self, idle_since: i64) -> usize;
    fn changes(&mut self) -> Vec<(Name, Option<Vec<u8>>)>;
    fn restore(&mut self, name: &[u8], body: &[u8]) -> bool;
    /// The same for a record without a sum.
    fn restore_checked(&mut self, name: &[u8], body: &[u8]) -> bool;
    /// Keys, and bytes of memory.
    fn size(&self) -> (usize, usize);
}

impl<C: Content> Engine for Store<C> {
    fn needs(&self) -> &'static [Need] {
        C::NEEDS
    }

    fn add(&mut self, keys: &Keys, input: &Input) -> Report {
        self.add(keys, input)
    }

    fn merged(&self, first: i64, last: i64) -> Box<dyn Rows> {
        self.merged(first, last)
    }

    fn write(&mut self, frame: &Frame, of: Wanted, first: i64, last: i64) -> Option<Vec<u8>> {
        self.write(frame, of, first, last)
    }

    fn starts(&self) -> Vec<i64> {
        self.starts()
    }

    fn drop_before(&mut self, before: i64) -> usize {
        self.drop_before(before)
    }

    fn expire(&mut self, idle_since: i64) -> usize {
        self.expire(idle_since)
    }

    fn expire_resources(&mut self, idle_since: i64) -> usize {
        self.expire_resources(idle_since)
    }

    fn changes(&mut self) -> Vec<(Name, Option<Vec<u8>>)> {
        self.changes()
    }

    fn restore(&mut self, name: &[u8], body: &[u8]) -> bool {
        self.restore(name, body)
    }

    fn restore_checked(&mut self, name: &[u8], body: &[u8]) -> bool {
        self.restore_checked(name, body)
    }

    fn size(&self) -> (usize, usize) {
        (self.keys.len(), self.weight())
    }
}
