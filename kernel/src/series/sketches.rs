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

/// Bits that choose a register of a label: 1,024 of them, for an error of about 3 %.
const BITS: u32 = 10;

/// How many distinct hashes there were, about: 1.04 / 2^(bits / 2) is the error to expect.
#[derive(Clone, Debug, PartialEq)]
pub struct Sketch(Box<[u8]>);

impl Default for Sketch {
    fn default() -> Self {
        Self::of(&[], BITS)
    }
}

impl Sketch {
    /// Of these hashes, with 2^`bits` registers.
    pub fn of(hashes: &[u64], bits: u32) -> Self {
        let mut sketch = Self(vec![0; 1 << bits].into_boxed_slice());
        sketch.add_all(hashes);
        sketch
    }

    pub fn add_all(&mut self, hashes: &[u64]) {
        for hash in hashes {
            self.add(*hash);
        }
    }

    /// One with these registers, of which there must be a power of two; `None` for what no hash can
    /// make of one.
    pub fn with(registers: &[u8]) -> Option<Self> {
        let sketch = Self(Box::from(registers));
        let most = u64::BITS + 1 - sketch.bits();
        registers.iter().all(|rank| u32::from(*rank) <= most).then_some(sketch)
    }

    pub fn registers(&self) -> &[u8] {
        &self.0
    }

    fn bits(&self) -> u32 {
        self.0.len().trailing_zeros()
    }

    /// Take in a hash; whether that changed anything.
    pub fn add(&mut self, hash: u64) -> bool {
        let bits = self.bits();
        let register = &mut self.0[(hash >> (u64::BITS - bits)) as usize];
        let rank = ((hash << bits) | 1 << (bits - 1)).leading_zeros() as u8 + 1;
        let changed = rank > *register;
        *register = (*register).max(rank);
        changed
    }

    /// Take in what another one, with as many registers, has taken in.
    pub fn merge(&mut self, other: &Self) {
        for (register, rank) in self.0.iter_mut().zip(&other.0) {
            *register = (*register).max(*rank);
        }
    }

    /// Ertl's estimate ("New cardinality estimation algorithms", 2017), which is as right for few
    /// values as for many.
    #[allow(clippy::cast_precision_loss)] // an estimate has none
    pub fn estimate(&self) -> u64 {
        let last = (u64::BITS - self.bits()) as usize;
        let mut counts = [0.0; u64::BITS as usize + 2];
        self.0.iter().for_each(|rank| counts[usize::from(*rank)] += 1.0);
        let count = self.0.len() as f64;
        let full = count * tau(1.0 - counts[last + 1] / count);
        let middle = counts[1..=last].iter().rev().fold(full, |sum, of| 0.5 * (sum + of));
        let sum = middle + count * sigma(counts[0] / count);
        (count * count / (2.0 * std::f64::consts::LN_2 * sum)).round() as u64
    }
}

/// x + x^2 + 2 x^4 + 4 x^8 + …, which is infinite for 1: there is nothing.
fn sigma(mut x: f64) -> f64 {
    let (mut sum, mut factor) = (x, 1.0);
    if x >= 1.0 {
        return f64::INFINITY;
    }
    loop {
        x *= x;
        let before = sum;
        sum += x * factor;
        factor *= 2.0;
        if sum <= before {
            return sum;
        }
    }
}

/// What the registers that can hold no more add.
fn tau(mut x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return 0.0;
    }
    let (mut sum, mut factor) = (1.0 - x, 1.0);
    loop {
        x = x.sqrt();
        let before = sum;
        factor *= 0.5;
        sum -= (1.0 - x) * (1.0 - x) * factor;
        if sum >= before {
            return sum / 3.0;
        }
    }
}
