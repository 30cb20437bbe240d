//! Messages as they count: protobuf's rules for fields that occur more than once.

use crate::scalar::{self, Scalar};
use crate::schema::{Field, Kind, Message};
use crate::wire::{Fields, LEN};

/// One occurrence of a field. Several of one field together hold its value: the elements of a
/// list, packed or not, or the parts of a message that is the merge of them.
#[derive(Clone, Copy)]
pub struct Part<'a> {
    pub field: &'static Field,
    pub data: &'a [u8],
}

/// The fields that a message of the encodings `bodies`, one after the other, has, by number.
///
/// Left out is what does not count: unknown fields, members of a `oneof` that another one
/// superseded, all but the last occurrence of a singular scalar, and one without presence that
/// holds 0 or nothing. Memory: 24 bytes for each field.
pub fn merge<'a>(message: &Message, bodies: impl Iterator<Item = &'a [u8]>) -> Vec<Part<'a>> {
    let mut parts = collect(message, bodies);
    parts.sort_by_key(|part| part.field.number);
    parts.dedup_by(|later, earlier| {
        let supersedes = later.field.number == earlier.field.number && is_single(later.field);
        if supersedes {
            earlier.data = later.data;
        }
        supersedes
    });
    parts.retain(|part| part.field.presence || part.field.repeated || !is_default(part));
    parts
}

/// The parts of the fields of a message, field by field.
pub fn by_field<'p, 'a>(parts: &'p [Part<'a>]) -> impl Iterator<Item = &'p [Part<'a>]> {
    parts.chunk_by(|one, other| one.field.number == other.field.number)
}

/// What to merge to read a message whose occurrences are `parts`.
pub fn bodies<'a>(parts: &[Part<'a>]) -> impl Iterator<Item = &'a [u8]> {
    parts.iter().map(|part| part.data)
}

fn collect<'a>(message: &Message, bodies: impl Iterator<Item = &'a [u8]>) -> Vec<Part<'a>> {
    let mut parts = Vec::new();
    let mut member = None;
    let mut superseded = 0;
    for body in bodies {
        for found in Fields::new(body) {
            let Some(field) = message.field(found.number) else { continue };
            let data = &body[found.body..found.end];
            let wire_type = scalar::wire_type(field.kind);
            let packed = field.repeated && found.wire_type == LEN && !data.is_empty();
            if !packed && found.wire_type != wire_type {
                continue;
            }
            if field.oneof && member.replace(field.number).is_some_and(|was| was != field.number) {
                superseded = parts.len();
            }
            parts.push(Part { field, data });
        }
    }
    drop_members(&mut parts, superseded);
    parts
}

/// Drop the members of the `oneof` among the first `count` parts.
fn drop_members(parts: &mut Vec<Part>, count: usize) {
    let mut at = 0;
    parts.retain(|part| {
        at += 1;
        at > count || !part.field.oneof
    });
}

fn is_single(field: &Field) -> bool {
    !field.repeated && !matches!(field.kind, Kind::Message(_))
}

fn is_default(part: &Part) -> bool {
    match scalar::read(part.field.kind, part.data) {
        Scalar::Bool(value) => !value,
        Scalar::Signed(value) => value == 0,
        Scalar::Unsigned(value) => value == 0,
        Scalar::Double(value) => value.to_bits() == 0,
        Scalar::Text(value) => value.is_empty(),
        Scalar::Bytes(value) | Scalar::Id(value) => value.is_empty(),
    }
}
