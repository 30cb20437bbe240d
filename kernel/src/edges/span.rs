//! What a span says of the call that it is a side of.

use super::half::Role;
use crate::wire::{FIXED64, Field, Fields, LEN, VARINT};

/// The numbers of a span's fields.
const TRACE: u32 = 1;
const ID: u32 = 2;
const PARENT: u32 = 4;
const KIND: u32 = 6;
const START: u32 = 7;
const END: u32 = 8;
pub const ATTRIBUTES: u32 = 9;
const LINKS: u32 = 13;
const STATUS: u32 = 15;

/// The number of a status' code, and the one that is an error.
const CODE: u32 = 3;
const ERROR: i32 = 2;

const SERVER: i32 = 2;
const CLIENT: i32 = 3;
const PRODUCER: i32 = 4;
const CONSUMER: i32 = 5;

/// A span that has been checked.
pub struct Span<'a> {
    body: &'a [u8],
    pub trace: &'a [u8],
    pub id: &'a [u8],
    pub parent: &'a [u8],
    pub failed: bool,
    kind: i32,
    start: u64,
    end: u64,
    links: bool,
}

impl<'a> Span<'a> {
    pub fn read(body: &'a [u8]) -> Self {
        let (trace, id, parent) = (&[][..], &[][..], &[][..]);
        let (failed, kind, start, end, links) = (false, 0, 0, 0, false);
        let mut span = Self { body, trace, id, parent, failed, kind, start, end, links };
        Fields::new(body).for_each(|field| span.note(field));
        span
    }

    fn note(&mut self, field: Field) {
        let data = &self.body[field.body..field.end];
        match (field.number, field.wire_type) {
            (TRACE, LEN) => self.trace = data,
            (ID, LEN) => self.id = data,
            (PARENT, LEN) => self.parent = data,
            (KIND, VARINT) => self.kind = field.varint(self.body) as i32,
            (START, FIXED64) => self.start = field.fixed(self.body),
            (END, FIXED64) => self.end = field.fixed(self.body),
            (LINKS, LEN) => self.links = true,
            (STATUS, LEN) => {
                if let Some(code) = last_code(data) {
                    self.failed = code == ERROR;
                }
            }
            _ => {}
        }
    }

    /// The side that it is, if it is one.
    pub fn role(&self) -> Option<Role> {
        match self.kind {
            CLIENT | PRODUCER => Some(Role::Client),
            SERVER | CONSUMER => Some(Role::Server),
            _ => None,
        }
    }

    pub fn is_message(&self) -> bool {
        matches!(self.kind, PRODUCER | CONSUMER)
    }

    /// How long it took; no time where it ends before it starts.
    pub fn nanos(&self) -> u64 {
        self.end.saturating_sub(self.start)
    }

    /// The traces and spans that a consumer links to.
    pub fn producers(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        let body = self.body;
        let links = self.links && self.kind == CONSUMER;
        let fields = Fields::new(if links { body } else { &[] });
        fields
            .filter(|field| (field.number, field.wire_type) == (LINKS, LEN))
            .map(|field| ids(&body[field.body..field.end]))
    }
}

fn last_code(status: &[u8]) -> Option<i32> {
    let codes =
        Fields::new(status).filter(|field| (field.number, field.wire_type) == (CODE, VARINT));
    codes.last().map(|field| field.varint(status) as i32)
}

/// The trace and the span that a link leads to.
fn ids(link: &[u8]) -> (&[u8], &[u8]) {
    let (mut trace, mut span) = (&[][..], &[][..]);
    for field in Fields::new(link).filter(|field| field.wire_type == LEN) {
        match field.number {
            TRACE => trace = &link[field.body..field.end],
            ID => span = &link[field.body..field.end],
            _ => {}
        }
    }
    (trace, span)
}
