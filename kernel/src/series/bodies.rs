//! The bytes of data points by their positions in a batch.

use std::sync::Arc;

use crate::payload::Payload;
use crate::schema::Message;
use crate::select::DATA;
use crate::wire::{Field, Fields, LEN};

/// Finds the bytes of points.
pub struct Bodies<'a> {
    payloads: &'a [Arc<Payload>],
    /// The position of the first point of each payload.
    firsts: Vec<usize>,
}

impl<'a> Bodies<'a> {
    pub fn new(payloads: &'a [Arc<Payload>]) -> Self {
        let mut next = 0;
        let firsts = payloads.iter().map(|payload| {
            next += payload.items();
            next - payload.items()
        });
        Self { payloads, firsts: firsts.collect() }
    }

    /// The message at a position, which is one of the batch.
    pub fn get(&self, item: usize) -> (&'static Message, &'a [u8]) {
        let at = self.firsts.partition_point(|first| *first <= item) - 1;
        let (payload, i) = (&self.payloads[at], item - self.firsts[at]);
        let node = &payload.index().items()[i];
        (payload.message_of(DATA + 1, i), node.body(payload.bytes()))
    }
}

/// Where the exemplars of a point are.
pub fn exemplars(message: &'static Message, body: &[u8]) -> impl Iterator<Item = Field> {
    let number = message.by_name("exemplars").map(|field| field.number);
    Fields::new(body).filter(move |field| Some(field.number) == number && field.wire_type == LEN)
}
