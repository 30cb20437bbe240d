//! One request's bytes with their index: what batches are made of and share.

use std::cmp::Ordering;

use crate::index::Index;
use crate::pool;
use crate::schema::{METRIC, Message, Signal};
use crate::select::DATA;
use crate::wire::Result;

pub struct Payload {
    pub signal: &'static Signal,
    bytes: Vec<u8>,
    index: Index,
}

impl Payload {
    /// Check and index the encoding of a request.
    pub fn parse(signal: &'static Signal, bytes: Vec<u8>) -> Result<Self> {
        let index = Index::build(signal, &bytes)?;
        Ok(Self::new(signal, bytes, index))
    }

    /// `index` must be what `Index::build` makes of `bytes`.
    pub fn new(signal: &'static Signal, bytes: Vec<u8>, index: Index) -> Self {
        Self { signal, bytes, index }
    }

    /// Its bytes and those of its index, which for many empty items is the larger part.
    pub fn weight(&self) -> usize {
        self.bytes.len() + self.index.weight()
    }

    /// Make a request of two: `other`'s messages come after these.
    pub fn append(&mut self, other: &Self) {
        let len = self.bytes.len() + other.bytes.len();
        if self.bytes.capacity() < len {
            let mut larger = pool::take(len.max(pool::SMALLEST));
            larger.extend_from_slice(&self.bytes);
            pool::give_back(std::mem::replace(&mut self.bytes, larger));
        }
        self.index.append(&other.index, self.bytes.len());
        self.bytes.extend_from_slice(&other.bytes);
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub fn index(&self) -> &Index {
        &self.index
    }

    /// Which message stands at a place of the index.
    pub fn message_of(&self, level: usize, i: usize) -> &'static Message {
        let levels = &self.index.levels;
        let down = |message: &'static Message, number| message.child(number).unwrap_or(message);
        let data = |i: usize| down(&METRIC, levels[DATA][i].number(&self.bytes));
        match level.cmp(&DATA) {
            Ordering::Less => {
                let numbers = self.signal.levels[..=level].iter().map(|numbers| numbers[0]);
                numbers.fold(self.signal.request, down)
            }
            Ordering::Equal => data(i),
            Ordering::Greater => down(data(levels[level][i].parent as usize), 1),
        }
    }

    pub fn items(&self) -> usize {
        self.index.items().len()
    }
}

impl Drop for Payload {
    fn drop(&mut self) {
        pool::give_back(std::mem::take(&mut self.bytes));
    }
}
