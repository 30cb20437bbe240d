//! Numbers as they are saved, read by who trusts none of them.

use crate::wire::{varint, write_varint};

pub fn number(out: &mut Vec<u8>, value: u64) {
    write_varint(out, value);
}

/// A number that may be negative.
pub fn signed(out: &mut Vec<u8>, value: i64) {
    write_varint(out, (value << 1 ^ value >> 63).cast_unsigned());
}

/// Bytes with their length before them.
pub fn text(out: &mut Vec<u8>, bytes: &[u8]) {
    write_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// What is left to read.
pub struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    pub fn number(&mut self) -> Option<u64> {
        let mut pos = 0;
        let value = varint(self.0, &mut pos, self.0.len()).ok()?;
        self.0 = &self.0[pos..];
        Some(value)
    }

    pub fn signed(&mut self) -> Option<i64> {
        let value = self.number()?;
        Some((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }

    pub fn index(&mut self) -> Option<i32> {
        i32::try_from(self.signed()?).ok()
    }

    pub fn double(&mut self) -> Option<f64> {
        self.array().map(f64::from_le_bytes)
    }

    pub fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*first)
    }

    /// As many bytes as a length before them says.
    pub fn text(&mut self) -> Option<&'a [u8]> {
        let len = self.number()?;
        self.bytes(usize::try_from(len).ok()?)
    }

    pub fn bytes(&mut self, len: usize) -> Option<&'a [u8]> {
        let (first, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(first)
    }

    /// A count that is at most `limit`.
    pub fn count(&mut self, limit: usize) -> Option<usize> {
        usize::try_from(self.number()?).ok().filter(|count| *count <= limit)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
