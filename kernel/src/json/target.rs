//! Protobuf as it is being written, in whatever order JSON has it.

use std::ops::Range;

use serde::de::Error;

use crate::schema::Field;
use crate::wire;

/// What is written so far, and what it means if serde finds a value of the wrong type next.
pub struct Target {
    pub out: Vec<u8>,
    pub fault: &'static str,
}

impl Target {
    pub fn fail<T, E: Error>(&mut self, fault: &'static str) -> Result<T, E> {
        self.fault = fault;
        Err(E::custom(fault))
    }

    /// Begin field `number`; return where its body starts.
    pub fn begin(&mut self, number: u32) -> usize {
        wire::begin(&mut self.out, number)
    }

    /// End the field whose body starts at `start`.
    pub fn end(&mut self, start: usize) {
        wire::end(&mut self.out, start);
    }
}

/// Where the fields of a message have been written.
pub struct Written {
    fields: Vec<(u32, Range<usize>)>,
    member: Option<usize>,
    start: usize,
}

impl Written {
    /// Of a message whose body starts at `start`.
    pub fn new(start: usize) -> Self {
        Self { fields: Vec::new(), member: None, start }
    }

    pub fn add(&mut self, field: &Field, range: Range<usize>) {
        let superseded = if field.oneof { self.member.replace(self.fields.len()) } else { None };
        if let Some(i) = superseded {
            self.fields[i].1.end = self.fields[i].1.start;
        }
        self.fields.push((field.number, range));
    }

    /// Leave what counts, by number: the last of equal fields and of the members of a `oneof`.
    pub fn settle(mut self, out: &mut Vec<u8>) {
        let fields = &mut self.fields;
        if fields.is_sorted_by(|one, next| one.0 < next.0 && one.1.end == next.1.start) {
            return;
        }
        fields.sort_by_key(|field| field.0);
        fields.dedup_by(|later, earlier| {
            let supersedes = later.0 == earlier.0;
            if supersedes {
                earlier.1 = later.1.clone();
            }
            supersedes
        });
        let body: Vec<&[u8]> = fields.iter().map(|field| &out[field.1.clone()]).collect();
        let body = body.concat();
        out.truncate(self.start);
        out.extend(body);
    }
}
