//! The values of fields that are not messages: how their bytes read and are written.

use std::ops::RangeInclusive;

use crate::schema::Kind;
use crate::wire::{self, FIXED32, FIXED64, LEN, VARINT};

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scalar<'a> {
    Bool(bool),
    Signed(i64),
    Unsigned(u64),
    Double(f64),
    Text(&'a str),
    Bytes(&'a [u8]),
    Id(&'a [u8]),
}

/// The wire type of one value of a kind.
pub fn wire_type(kind: Kind) -> u32 {
    match kind {
        Kind::Fixed64 | Kind::Sfixed64 | Kind::Double => FIXED64,
        Kind::Fixed32 => FIXED32,
        Kind::String | Kind::Bytes | Kind::Id | Kind::Message(_) => LEN,
        _ => VARINT,
    }
}

/// Read a value. An integer wider than its field loses its upper bits, as protobuf says.
pub fn read(kind: Kind, data: &[u8]) -> Scalar<'_> {
    match kind {
        Kind::Bool => Scalar::Bool(varint(data) != 0),
        Kind::Int32 | Kind::Enum => Scalar::Signed(i64::from(varint(data) as i32)),
        Kind::Sint32 => Scalar::Signed(i64::from(unzigzag(varint(data) as u32))),
        Kind::Int64 => Scalar::Signed(varint(data).cast_signed()),
        Kind::Sfixed64 => Scalar::Signed(fixed(data).cast_signed()),
        Kind::Uint32 => Scalar::Unsigned(u64::from(varint(data) as u32)),
        Kind::Uint64 => Scalar::Unsigned(varint(data)),
        Kind::Fixed32 | Kind::Fixed64 => Scalar::Unsigned(fixed(data)),
        Kind::Double => Scalar::Double(f64::from_bits(fixed(data))),
        Kind::String => Scalar::Text(simdutf8::basic::from_utf8(data).unwrap_or_default()),
        Kind::Id => Scalar::Id(data),
        Kind::Bytes | Kind::Message(_) => Scalar::Bytes(data),
    }
}

/// The values of one occurrence of a repeated field: several if it is packed.
pub fn elements(kind: Kind, data: &[u8]) -> impl Iterator<Item = Scalar<'_>> {
    let mut rest = Some(data);
    std::iter::from_fn(move || {
        let data = rest?;
        let (element, after) = data.split_at(element_len(kind, data));
        rest = Some(after).filter(|after| !after.is_empty());
        Some(read(kind, element))
    })
}

fn element_len(kind: Kind, data: &[u8]) -> usize {
    let len = match wire_type(kind) {
        VARINT => data.iter().take_while(|byte| **byte >= 0x80).count() + 1,
        FIXED64 => 8,
        FIXED32 => 4,
        _ => data.len(),
    };
    len.min(data.len())
}

fn varint(data: &[u8]) -> u64 {
    wire::varint(data, &mut 0, data.len()).unwrap_or(0)
}

fn fixed(data: &[u8]) -> u64 {
    let mut eight = [0; 8];
    let len = data.len().min(8);
    eight[..len].copy_from_slice(&data[..len]);
    u64::from_le_bytes(eight)
}

fn unzigzag(value: u32) -> i32 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

/// The integers that a field of `kind` can hold; `None` if it holds none.
pub fn range(kind: Kind) -> Option<RangeInclusive<i128>> {
    match kind {
        Kind::Int32 | Kind::Sint32 | Kind::Enum => Some(i32::MIN.into()..=i32::MAX.into()),
        Kind::Int64 | Kind::Sfixed64 => Some(i64::MIN.into()..=i64::MAX.into()),
        Kind::Uint32 | Kind::Fixed32 => Some(0..=u32::MAX.into()),
        Kind::Uint64 | Kind::Fixed64 => Some(0..=u64::MAX.into()),
        _ => None,
    }
}

/// Write an integer within the range of `kind`.
pub fn write_integer(out: &mut Vec<u8>, kind: Kind, value: i128) {
    match kind {
        Kind::Fixed32 => out.extend((value as u32).to_le_bytes()),
        Kind::Fixed64 | Kind::Sfixed64 => out.extend((value as u64).to_le_bytes()),
        Kind::Sint32 => wire::write_varint(out, zigzag(value as i32)),
        _ => wire::write_varint(out, value as u64),
    }
}

fn zigzag(value: i32) -> u64 {
    u64::from((value << 1 ^ value >> 31).cast_unsigned())
}
