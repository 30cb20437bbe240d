//! Codes for the distinct values of a column.

use std::collections::HashMap;
use std::{iter, ptr};

use ahash::RandomState;

use crate::lookup::{Data, Found};
use crate::merge::{Part, bodies, by_field, merge};
use crate::scalar::{Scalar, elements, read};
use crate::schema::{ANY_VALUE, Kind, Message};
use crate::wire::{self, varint_len};

/// Gives every distinct value a code. The bytes on the wire decide first, since equal bytes are
/// equal values; only where other bytes can mean the same are values compared by what they mean.
pub struct Dictionary<'a> {
    /// Values that were seen lately, each in the place that its bytes point to.
    recent: [Option<(Key<'a>, u32)>; RECENT],
    by_bytes: HashMap<Key<'a>, u32, RandomState>,
    /// Of all values, as soon as one of them could have been written in another way.
    by_meaning: Option<HashMap<Vec<u8>, u32, RandomState>>,
    values: Vec<Found<'a>>,
}

/// What a value looks like: its shape, and its bytes on the wire.
type Key<'a> = (Shape, Data<'a>);

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Shape {
    Absent,
    Scalar,
    /// Has bytes that an integer can have, too.
    Double,
    Message,
}

/// A power of two.
const RECENT: usize = 64;

impl Default for Dictionary<'_> {
    fn default() -> Self {
        Self {
            recent: [const { None }; RECENT],
            by_bytes: HashMap::default(),
            by_meaning: None,
            values: Vec::new(),
        }
    }
}

impl<'a> Dictionary<'a> {
    /// The distinct values, by their codes.
    pub fn into_values(self) -> Vec<Found<'a>> {
        self.values
    }

    #[inline]
    pub fn code(&mut self, found: Found<'a>) -> u32 {
        let Some((shape, bytes)) = look(&found) else { return self.code_by_meaning(found) };
        let place = place(bytes);
        match &self.recent[place] {
            Some((key, code)) if key.0 == shape && equal(&key.1, bytes) => *code,
            _ => self.code_by_bytes(found, place),
        }
    }

    #[inline(never)]
    fn code_by_bytes(&mut self, found: Found<'a>, place: usize) -> u32 {
        let shape = look(&found).map_or(Shape::Absent, |(shape, _)| shape);
        let key = match &found {
            Found::Scalar(_, data) | Found::Message(_, data) => (shape, data.clone()),
            _ => (shape, Data::default()),
        };
        let known = self.by_bytes.get(&key).copied();
        let code = known.unwrap_or_else(|| {
            let code = self.code_of_new(found);
            self.by_bytes.insert(key.clone(), code);
            code
        });
        self.recent[place] = Some((key, code));
        code
    }

    fn code_of_new(&mut self, found: Found<'a>) -> u32 {
        if self.by_meaning.is_none() && is_usual(&found) {
            self.values.push(found);
            return self.values.len() as u32 - 1;
        }
        self.code_by_meaning(found)
    }

    fn code_by_meaning(&mut self, found: Found<'a>) -> u32 {
        let values = &mut self.values;
        let by_meaning =
            self.by_meaning.get_or_insert_with(|| values.iter().map(meaning).zip(0..).collect());
        *by_meaning.entry(meaning(&found)).or_insert_with(|| {
            values.push(found);
            values.len() as u32 - 1
        })
    }
}

/// The shape and the bytes of a value that has them.
#[inline]
fn look<'v>(found: &'v Found) -> Option<(Shape, &'v [u8])> {
    match found {
        Found::Absent => Some((Shape::Absent, &[])),
        Found::Scalar(field, data) if matches!(field.kind, Kind::Double) => {
            Some((Shape::Double, data))
        }
        Found::Scalar(_, data) => Some((Shape::Scalar, data)),
        Found::Message(_, data) => Some((Shape::Message, data)),
        Found::Number(_) | Found::Repeated(..) => None,
    }
}

/// Asks first whether there is anything: to compare nothing at no address takes processors longer
/// than to read all of an item.
#[inline]
fn equal(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && (one.is_empty() || one == other)
}

/// Where in `recent` bytes belong.
#[inline]
fn place(bytes: &[u8]) -> usize {
    const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
    let word = |eight: &[u8; 8]| u64::from_le_bytes(*eight);
    let mixed = match (bytes.first_chunk(), bytes.last_chunk()) {
        (Some(first), Some(last)) => word(first) ^ word(last).rotate_left(29),
        _ => bytes.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)),
    };
    (mixed.wrapping_mul(SPREAD) >> (u64::BITS - RECENT.ilog2())) as usize
}

/// Whether a value is written in the one way in which nearly all like it are, so that another one
/// written in that way is another value.
fn is_usual(found: &Found) -> bool {
    match found {
        Found::Absent => true,
        Found::Scalar(field, _) => matches!(field.kind, Kind::String | Kind::Bytes | Kind::Id),
        Found::Message(message, data) => {
            ptr::eq(*message, &raw const ANY_VALUE) && is_usual_any_value(data)
        }
        _ => false,
    }
}

/// True for nothing but a text, a boolean, an integer that is not negative or a double, minimally
/// encoded.
fn is_usual_any_value(data: &[u8]) -> bool {
    let mut pos = 1;
    match data {
        [0x0a, ..] => wire::length(data, &mut pos, data.len())
            .is_ok_and(|end| end == data.len() && pos == 1 + varint_len((end - pos) as u64)),
        [0x10, value] => *value < 2,
        [0x18, ..] if data.len() <= 10 => wire::varint(data, &mut pos, data.len())
            .is_ok_and(|value| pos == data.len() && pos == 1 + varint_len(value)),
        [0x21, ..] => data.len() == 9,
        _ => false,
    }
}

/// Bytes that equal values have in common, and different ones have not.
fn meaning(found: &Found) -> Vec<u8> {
    let mut out = Vec::new();
    write_found(&mut out, found);
    out
}

/// Write a value so that equal ones have equal bytes, and different ones different.
fn write_found(out: &mut Vec<u8>, found: &Found) {
    match found {
        Found::Absent => out.push(0),
        Found::Number(number) => write_scalar(out, Scalar::Signed(*number)),
        Found::Scalar(field, data) => write_scalar(out, read(field.kind, data)),
        Found::Message(message, body) => write_message(out, message, body),
        Found::Repeated(field, parts) => {
            let parts: Vec<_> = parts.iter().map(|data| Part { field, data }).collect();
            write_field(out, &parts);
        }
    }
}

/// Recurses as deep as messages are nested: at most `wire::MAX_DEPTH`, as the payload was checked.
pub fn write_message(out: &mut Vec<u8>, message: &'static Message, body: &[u8]) {
    let parts = merge(message, iter::once(body));
    if ptr::eq(message, &raw const ANY_VALUE) {
        return if parts.is_empty() { out.push(0) } else { write_field(out, &parts) };
    }
    out.push(MESSAGE);
    for parts in by_field(&parts) {
        wire::write_varint(out, u64::from(parts[0].field.number));
        write_field(out, parts);
    }
    out.push(END);
}

fn write_field(out: &mut Vec<u8>, parts: &[Part]) {
    let field = parts.first().map(|part| part.field);
    match field.map(|field| (field.kind, field.repeated)) {
        Some((Kind::Message(inner), false)) => {
            write_message(out, inner, &bodies(parts).collect::<Vec<_>>().concat());
        }
        Some((Kind::Message(inner), true)) => {
            out.push(LIST);
            bodies(parts).for_each(|body| write_message(out, inner, body));
            out.push(END);
        }
        Some((kind, true)) => {
            out.push(LIST);
            let values = bodies(parts).flat_map(|data| elements(kind, data));
            values.for_each(|value| write_scalar(out, value));
            out.push(END);
        }
        Some((kind, false)) => write_scalar(out, read(kind, parts[0].data)),
        None => out.extend([LIST, END]),
    }
}

const END: u8 = 7;
const LIST: u8 = 8;
const MESSAGE: u8 = 9;

fn write_scalar(out: &mut Vec<u8>, value: Scalar) {
    let mut text = |tag, bytes: &[u8]| {
        out.push(tag);
        wire::write_varint(out, bytes.len() as u64);
        out.extend_from_slice(bytes);
    };
    match value {
        Scalar::Bool(value) => text(1, &[u8::from(value)]),
        Scalar::Signed(value) => text(2, &i128::from(value).to_le_bytes()),
        Scalar::Unsigned(value) => text(2, &i128::from(value).to_le_bytes()),
        Scalar::Double(value) => text(3, &value.to_le_bytes()),
        Scalar::Text(value) => text(4, value.as_bytes()),
        Scalar::Bytes(value) => text(5, value),
        Scalar::Id(value) => text(6, value),
    }
}
