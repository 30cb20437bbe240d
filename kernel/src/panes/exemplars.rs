//! Examples of what was added up: spans and log records, by their ids.

use std::sync::Arc;

use ahash::HashMap;

use super::input::Input;
use crate::batch::Batch;
use crate::encode::write_record;
use crate::inner;
use crate::payload::Payload;
use crate::schema::LOGS;
use crate::wire::{FIXED64, Fields, LEN, begin, end, write_fixed, write_tag};

/// An item that was added up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exemplar {
    pub time: i64,
    pub value: f64,
    ids: Ids,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Ids {
    trace: [u8; 16],
    span: [u8; 8],
}

impl Exemplar {
    /// Write it as that field of a data point.
    pub fn write(&self, out: &mut Vec<u8>, number: u32) {
        let body = begin(out, number);
        write_fixed(out, 2, self.time.cast_unsigned());
        write_tag(out, 3, FIXED64);
        out.extend(self.value.to_le_bytes());
        write_record(out, 4, &self.ids.span);
        write_record(out, 5, &self.ids.trace);
        end(out, body);
    }
}

/// Where what is added comes from: spans, log records, or the events of spans.
pub struct Origins<'a> {
    payloads: &'a [Arc<Payload>],
    /// Of events, the positions of their spans.
    owners: Option<Vec<u32>>,
    /// Numbers of the fields with the ids of trace and span.
    fields: (u32, u32),
}

impl<'a> Origins<'a> {
    /// Of so many items; `None` if there are not as many.
    pub fn of(batch: &'a Batch, items: usize) -> Option<Self> {
        let payloads = batch.payloads();
        let is_logs = batch.signal_of().name == LOGS.name;
        let fields = if is_logs { (9, 10) } else { (1, 2) };
        if items == batch.items() {
            return Some(Self { payloads, owners: None, fields });
        }
        let owners = inner::owners(payloads);
        (owners.len() == items).then_some(Self { payloads, owners: Some(owners), fields })
    }

    /// What an item is an example of; `None` if it has no ids.
    pub fn exemplar(&self, item: usize, value: f64, time: i64) -> Option<Exemplar> {
        let mut at = self.owners.as_ref().map_or(item, |owners| owners[item] as usize);
        let mut payloads = self.payloads.iter();
        let payload = payloads.find(|payload| {
            let here = at < payload.items();
            at -= if here { 0 } else { payload.items() };
            here
        })?;
        let ids = self.ids(payload.index().items()[at].body(payload.bytes()))?;
        Some(Exemplar { time, value, ids })
    }

    fn ids(&self, body: &[u8]) -> Option<Ids> {
        let (mut trace, mut span) = (None, None);
        for field in Fields::new(body).filter(|field| field.wire_type == LEN) {
            let data = &body[field.body..field.end];
            if field.number == self.fields.0 {
                trace = data.try_into().ok();
            } else if field.number == self.fields.1 {
                span = data.try_into().ok();
            }
        }
        Some(Ids { trace: trace?, span: span? })
    }
}

/// Exemplars by the places of their keys: the first ones of each, until they are taken.
#[derive(Default)]
pub struct Exemplars {
    of: HashMap<u32, Vec<Exemplar>>,
    per_key: usize,
}

impl Exemplars {
    pub fn new(per_key: usize) -> Self {
        Self { of: HashMap::default(), per_key }
    }

    #[inline]
    pub fn offer(&mut self, place: u32, input: &Input, item: usize) {
        let Some(origins) = input.origins.as_ref().filter(|_| self.per_key > 0) else { return };
        let held = self.of.entry(place).or_default();
        if held.len() < self.per_key {
            let value = input.values.get(item).copied().unwrap_or(1.0);
            held.extend(origins.exemplar(item, value, input.time_of(item)));
        }
    }

    pub fn take(&mut self, place: u32) -> Vec<Exemplar> {
        self.of.remove(&place).unwrap_or_default()
    }

    /// Bytes of memory.
    pub fn weight(&self) -> usize {
        let held = self.of.values().map(|held| held.capacity() * size_of::<Exemplar>());
        held.sum::<usize>() + self.of.capacity() * (size_of::<(u32, Vec<Exemplar>)>() + 1)
    }
}
