//! One request's bytes with their index: what batches are made of and share.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::index::Index;
use crate::schema::Signal;
use crate::wire::Result;

static LIVE: AtomicUsize = AtomicUsize::new(0);

/// Bytes of all payloads that are alive in this process.
pub fn live_bytes() -> usize {
    LIVE.load(Ordering::Relaxed)
}

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
        LIVE.fetch_add(bytes.len(), Ordering::Relaxed);
        Self { signal, bytes, index }
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub fn index(&self) -> &Index {
        &self.index
    }

    pub fn items(&self) -> usize {
        self.index.items().len()
    }
}

impl Drop for Payload {
    fn drop(&mut self) {
        LIVE.fetch_sub(self.bytes.len(), Ordering::Relaxed);
    }
}
