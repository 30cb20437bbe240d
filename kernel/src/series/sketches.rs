//! How many distinct values labels have, told from little memory: a `HyperLogLog` for each label of
//! each metric (Flajolet, Fusy, Gandouet and Meunier, 2007).

use std::sync::Arc;

use ahash::HashMap;

use super::identity::pair_ids;
use crate::key::with_key;
use crate::payload::Payload;
use crate::schema::METRIC;
use crate::select::DATA;
use crate::wire::{Fields, LEN};

/// The sketches of metrics' labels.
pub struct Sketches {
    /// By metric and key.
    of: HashMap<Vec<u8>, HashMap<Vec<u8>, Sketch>>,
    count: usize,
    limit: usize,
}

impl Sketches {
    /// For at most `limit` labels; those of more are not counted.
    pub fn new(limit: usize) -> Self {
        Self { of: HashMap::default(), count: 0, limit }
    }

    /// Note the labels of the points whose `wanted` is true.
    pub fn note(&mut self, payloads: &[Arc<Payload>], mut wanted: &[bool]) {
        for payload in payloads {
            let (mine, rest) = wanted.split_at(payload.items());
            wanted = rest;
            for i in (0..mine.len()).filter(|i| mine[*i]) {
                self.note_point(payload, i);
            }
        }
    }

    fn note_point(&mut self, payload: &Payload, i: usize) {
        let levels = &payload.index().levels;
        let message = payload.message_of(DATA + 1, i);
        let Some(number) = message.fields.iter().find(|field| field.pairs).map(|f| f.number) else {
            return;
        };
        let point = &levels[DATA + 1][i];
        let data = &levels[DATA][point.parent as usize];
        let metric = name(levels[DATA - 1][data.parent as usize].body(payload.bytes()));
        let body = point.body(payload.bytes());
        for field in Fields::new(body).filter(|f| f.number == number && f.wire_type == LEN) {
            let pair = &body[field.body..field.end];
            with_key(pair, |key| self.add(metric, key, pair_ids(pair).1.id));
        }
    }

    fn add(&mut self, metric: &[u8], key: &[u8], value: u64) {
        if let Some(sketch) = self.of.get_mut(metric).and_then(|labels| labels.get_mut(key)) {
            sketch.add(value);
        } else if self.count < self.limit {
            self.count += 1;
            let labels = self.of.entry(metric.to_vec()).or_default();
            labels.entry(key.to_vec()).or_default().add(value);
        }
    }

    /// Metric, label and about how many values it has had, for each, or each of one metric.
    pub fn estimates(&self, metric: Option<&str>) -> Vec<(String, String, u64)> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let wanted =
            self.of.iter().filter(|(name, _)| metric.is_none_or(|m| m.as_bytes() == **name));
        let labels = wanted.flat_map(|(metric, labels)| {
            labels.iter().map(move |(key, sketch)| (text(metric), text(key), sketch.estimate()))
        });
        labels.collect()
    }
}

fn name(metric: &[u8]) -> &[u8] {
    let number = METRIC.by_name("name").map(|field| field.number);
    let names = Fields::new(metric).filter(|f| Some(f.number) == number && f.wire_type == LEN);
    names.last().map_or(&[], |name| &metric[name.body..name.end])
}

/// Bits that choose a register: 1,024 of them, for an error of about 3 %.
const BITS: u32 = 10;
const REGISTERS: usize = 1 << BITS;

/// How many distinct hashes there were, about.
#[derive(Clone, Debug)]
pub struct Sketch(Box<[u8; REGISTERS]>);

impl Default for Sketch {
    fn default() -> Self {
        Self(Box::new([0; REGISTERS]))
    }
}

impl Sketch {
    pub fn add(&mut self, hash: u64) {
        let register = &mut self.0[(hash >> (u64::BITS - BITS)) as usize];
        let rank = ((hash << BITS) | 1 << (BITS - 1)).leading_zeros() as u8 + 1;
        *register = (*register).max(rank);
    }

    #[allow(clippy::cast_precision_loss)] // an estimate has none
    pub fn estimate(&self) -> u64 {
        let count = REGISTERS as f64;
        let sum: f64 = self.0.iter().map(|rank| (-f64::from(*rank)).exp2()).sum();
        let estimate = 0.7213 / (1.0 + 1.079 / count) * count * count / sum;
        let empty: u32 = self.0.iter().map(|rank| u32::from(*rank == 0)).sum();
        if estimate <= 2.5 * count && empty > 0 {
            return (count * (count / f64::from(empty)).ln()).round() as u64;
        }
        estimate.round() as u64
    }
}
