//! The protobuf wire format: varints, tags and fields of bytes that nobody vouches for.
//!
//! Accepts exactly what the official parser accepts (proto3, UTF-8 checked). Positions are offsets
//! from the start of the whole payload, so that an error can say where it is.

/// What is wrong with a payload, and at which byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed {
    pub offset: usize,
    pub reason: &'static str,
}

pub type Result<T> = std::result::Result<T, Malformed>;

/// How many messages a message may lie in: the official parser's limit.
pub const MAX_DEPTH: usize = 100;

pub const VARINT: u32 = 0;
pub const FIXED64: u32 = 1;
pub const LEN: u32 = 2;
pub const START_GROUP: u32 = 3;
pub const END_GROUP: u32 = 4;
pub const FIXED32: u32 = 5;

#[cold]
pub fn malformed<T>(offset: usize, reason: &'static str) -> Result<T> {
    Err(Malformed { offset, reason })
}

/// Read a varint of at most 64 bits that ends before `end`.
#[inline]
pub fn varint(bytes: &[u8], pos: &mut usize, end: usize) -> Result<u64> {
    if *pos < end && bytes[*pos] < 0x80 {
        *pos += 1;
        return Ok(u64::from(bytes[*pos - 1]));
    }
    long_varint(bytes, pos, end, 10)
}

fn long_varint(bytes: &[u8], pos: &mut usize, end: usize, max_len: usize) -> Result<u64> {
    let start = *pos;
    let mut value = 0;
    for (i, byte) in bytes[start..end].iter().take(max_len).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * i);
        if *byte < 0x80 {
            *pos = start + i + 1;
            return Ok(value);
        }
    }
    if end - start < max_len {
        malformed(start, "the data ends inside a varint")
    } else {
        malformed(start, "a varint is too long")
    }
}

/// Read a tag: the field number and the wire type.
#[inline]
pub fn tag(bytes: &[u8], pos: &mut usize, end: usize) -> Result<(u32, u32)> {
    let start = *pos;
    let (number, wire_type) = any_tag(bytes, pos, end)?;
    if number == 0 {
        return malformed(start, "field number 0 is not allowed");
    }
    Ok((number, wire_type))
}

/// Read a tag whose field number may be 0: the official parser does not look at it inside of groups.
#[inline]
fn any_tag(bytes: &[u8], pos: &mut usize, end: usize) -> Result<(u32, u32)> {
    let start = *pos;
    let value = if start < end && bytes[start] < 0x80 {
        *pos += 1;
        u64::from(bytes[start])
    } else {
        long_varint(bytes, pos, end, 5)?
    };
    let Ok(value) = u32::try_from(value) else {
        return malformed(start, "a tag is over 32 bits");
    };
    Ok((value >> 3, value & 7))
}

/// Read a length and return where the data that it announces ends.
#[inline]
pub fn length(bytes: &[u8], pos: &mut usize, end: usize) -> Result<usize> {
    let start = *pos;
    let len = if start < end && bytes[start] < 0x80 {
        *pos += 1;
        u64::from(bytes[start])
    } else {
        long_varint(bytes, pos, end, 5)?
    };
    if len > (end - *pos) as u64 {
        return malformed(start, "a length reaches past the end of its message");
    }
    Ok(*pos + len as usize)
}

/// Skip the value of a field of any wire type but `LEN` and the groups.
#[inline]
pub fn skip_scalar(bytes: &[u8], pos: &mut usize, end: usize, wire_type: u32) -> Result<()> {
    let width = match wire_type {
        VARINT => return varint(bytes, pos, end).map(drop),
        FIXED64 => 8,
        FIXED32 => 4,
        END_GROUP => return malformed(*pos, "a group ends that never began"),
        _ => return malformed(*pos, "wire types 6 and 7 do not exist"),
    };
    if end - *pos < width {
        return malformed(*pos, "the data ends inside a fixed-width value");
    }
    *pos += width;
    Ok(())
}

/// Skip a group (an unknown field: OTLP has none) whose start tag has been read.
pub fn skip_group(
    bytes: &[u8],
    pos: &mut usize,
    end: usize,
    number: u32,
    depth: usize,
) -> Result<()> {
    let mut open = vec![number];
    while let Some(&innermost) = open.last() {
        let at = *pos;
        if depth + open.len() > MAX_DEPTH {
            return malformed(at, "nested too deeply");
        }
        match any_tag(bytes, pos, end)? {
            (number, END_GROUP) if number == innermost => drop(open.pop()),
            (_, END_GROUP) => return malformed(at, "a group ends that is not the innermost"),
            (number, START_GROUP) => open.push(number),
            (_, LEN) => *pos = length(bytes, pos, end)?,
            (_, wire_type) => skip_scalar(bytes, pos, end, wire_type)?,
        }
    }
    Ok(())
}

/// The value of a field: where its data lies, without the tag and, for `LEN`, the length.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    pub number: u32,
    pub wire_type: u32,
    pub tag: usize,
    pub body: usize,
    pub end: usize,
}

/// The fields of a message that has been checked: `None` at its end.
///
/// On bytes that were not checked it ends at the first fault; it never panics.
pub struct Fields<'a> {
    pub bytes: &'a [u8],
    pos: usize,
    end: usize,
}

impl<'a> Fields<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self::within(bytes, 0, bytes.len())
    }

    pub fn within(bytes: &'a [u8], pos: usize, end: usize) -> Self {
        Self { bytes, pos, end }
    }

    #[inline(never)]
    fn read(&mut self) -> Result<Field> {
        let at = self.pos;
        let (number, wire_type) = tag(self.bytes, &mut self.pos, self.end)?;
        let mut body = self.pos;
        match wire_type {
            LEN => {
                let end = length(self.bytes, &mut self.pos, self.end)?;
                body = self.pos;
                self.pos = end;
            }
            START_GROUP => skip_group(self.bytes, &mut self.pos, self.end, number, 0)?,
            _ => skip_scalar(self.bytes, &mut self.pos, self.end, wire_type)?,
        }
        let end = self.pos;
        Ok(Field { number, wire_type, tag: at, body, end })
    }
}

impl Iterator for Fields<'_> {
    type Item = Field;

    #[inline(always)]
    #[allow(clippy::inline_always)] // a call a field costs as much as reading the field
    fn next(&mut self) -> Option<Field> {
        let at = self.pos;
        let rest = self.bytes.get(at..self.end)?;
        let &[tag @ 8..=0x7f, next, ref data @ ..] = rest else {
            return if rest.is_empty() { None } else { self.read().ok() };
        };
        // Nearly every field is one of these, with a tag and a length of one byte each.
        let (number, wire_type) = (u32::from(tag) >> 3, u32::from(tag) & 7);
        let (body, end) = match wire_type {
            LEN if next < 0x80 && usize::from(next) <= data.len() => {
                (at + 2, at + 2 + usize::from(next))
            }
            VARINT if next < 0x80 => (at + 1, at + 2),
            FIXED64 if data.len() >= 7 => (at + 1, at + 9),
            _ => return self.read().ok(),
        };
        self.pos = end;
        Some(Field { number, wire_type, tag: at, body, end })
    }
}

impl Field {
    /// The varint that the field holds; 0 for a field of another wire type.
    pub fn varint(&self, bytes: &[u8]) -> u64 {
        let mut pos = self.body;
        if self.wire_type == VARINT { varint(bytes, &mut pos, self.end).unwrap_or(0) } else { 0 }
    }

    /// The bits that a fixed-width field holds; 0 for a field of another wire type.
    pub fn fixed(&self, bytes: &[u8]) -> u64 {
        let data = &bytes[self.body..self.end];
        match self.wire_type {
            FIXED64 => data.try_into().map_or(0, u64::from_le_bytes),
            FIXED32 => data.try_into().map_or(0, |bits| u64::from(u32::from_le_bytes(bits))),
            _ => 0,
        }
    }
}

#[inline]
pub fn varint_len(value: u64) -> usize {
    (64 - (value | 1).leading_zeros() as usize).div_ceil(7)
}

#[inline]
pub fn write_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[inline]
pub fn write_tag(out: &mut Vec<u8>, number: u32, wire_type: u32) {
    write_varint(out, u64::from(number << 3 | wire_type));
}

/// Begin field `number` with room for a length of one byte; return where its body starts.
pub fn begin(out: &mut Vec<u8>, number: u32) -> usize {
    write_tag(out, number, LEN);
    out.push(0);
    out.len()
}

/// End the field whose body starts at `start`, and move that if its length takes more room.
pub fn end(out: &mut Vec<u8>, start: usize) {
    let len = out.len() - start;
    if len < 0x80 {
        out[start - 1] = len as u8;
    } else {
        let mut length = Vec::new();
        write_varint(&mut length, len as u64);
        out.splice(start - 1..start, length);
    }
}

/// A varint with its tag.
pub fn write_number(out: &mut Vec<u8>, number: u32, value: u64) {
    write_tag(out, number, VARINT);
    write_varint(out, value);
}

/// Eight bytes with their tag.
pub fn write_fixed(out: &mut Vec<u8>, number: u32, value: u64) {
    write_tag(out, number, FIXED64);
    out.extend(value.to_le_bytes());
}

/// True for valid UTF-8. Most strings of telemetry are short and ASCII, so that is asked first.
#[inline]
pub fn is_utf8(text: &[u8]) -> bool {
    is_ascii(text) || simdutf8::basic::from_utf8(text).is_ok()
}

/// True if every byte is below 0x80.
#[inline]
pub fn is_ascii(text: &[u8]) -> bool {
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let len = text.len();
    if len < 8 {
        return text.iter().fold(0, |bits, byte| bits | byte) < 0x80;
    }
    let word = |eight: &[u8]| eight.try_into().map_or(HIGH, u64::from_le_bytes);
    let whole = text.chunks_exact(8).fold(0, |bits, eight| bits | word(eight));
    (whole | word(&text[len - 8..])) & HIGH == 0
}
