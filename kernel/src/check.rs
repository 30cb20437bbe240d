//! Is this the encoding of that message? What the official parser refuses is refused here.

use crate::schema::{Content, Message};
use crate::wire::{self, LEN, MAX_DEPTH, Result, malformed};

/// Checks messages. Keeps its stack between calls, since a payload holds thousands of them.
#[derive(Default)]
pub struct Checker {
    open: Vec<(usize, &'static Message)>,
}

impl Checker {
    /// Check `bytes[pos..end]` as the body of a `message` that lies `depth` messages deep.
    pub fn check(
        &mut self,
        bytes: &[u8],
        mut pos: usize,
        mut end: usize,
        mut message: &'static Message,
        depth: usize,
    ) -> Result<()> {
        self.open.clear();
        loop {
            while pos == end {
                match self.open.pop() {
                    Some(outer) => (end, message) = outer,
                    None => return Ok(()),
                }
            }
            let at = pos;
            let (number, wire_type) = wire::tag(bytes, &mut pos, end)?;
            if wire_type == wire::START_GROUP {
                wire::skip_group(bytes, &mut pos, end, number, depth + self.open.len())?;
                continue;
            }
            if wire_type != LEN {
                wire::skip_scalar(bytes, &mut pos, end, wire_type)?;
                continue;
            }
            let body_end = wire::length(bytes, &mut pos, end)?;
            match message.content(number) {
                Content::Pair if is_plain_pair(&bytes[pos..body_end]) => pos = body_end,
                Content::Pair | Content::Message => {
                    if depth + self.open.len() >= MAX_DEPTH {
                        return malformed(at, "nested too deeply");
                    }
                    let Some(inner) = message.child(number) else { continue };
                    self.open.push((end, message));
                    (end, message) = (body_end, inner);
                }
                Content::Text => {
                    if !wire::is_utf8(&bytes[pos..body_end]) {
                        return malformed(pos, "a string is not valid UTF-8");
                    }
                    pos = body_end;
                }
                Content::Varints => {
                    while pos < body_end {
                        wire::varint(bytes, &mut pos, body_end)?;
                    }
                }
                Content::Fixed64s if !(body_end - pos).is_multiple_of(8) => {
                    return split_value(pos);
                }
                Content::Fixed32s if !(body_end - pos).is_multiple_of(4) => {
                    return split_value(pos);
                }
                _ => pos = body_end,
            }
        }
    }
}

fn split_value(pos: usize) -> Result<()> {
    malformed(pos, "packed values end in the middle of one")
}

/// True for the usual attribute: a short ASCII key, then a short ASCII string, an integer or a
/// boolean, and nothing else. `false` only means that the whole walk has to decide.
#[inline]
fn is_plain_pair(pair: &[u8]) -> bool {
    let &[0x0a, key_len @ 0..=0x7f, ref rest @ ..] = pair else { return false };
    let Some((key, value)) = rest.split_at_checked(key_len as usize) else { return false };
    let &[0x12, value_len @ 0..=0x7f, ref value @ ..] = value else { return false };
    if value.len() != value_len as usize {
        return false;
    }
    match *value {
        // The lengths and tags between the two texts are ASCII too.
        [0x0a, len, ref text @ ..] => text.len() == len as usize && wire::is_ascii(pair),
        [0x10 | 0x18, 0..=0x7f] | [0x18, 0x80..=0xff, 0..=0x7f] => wire::is_ascii(key),
        _ => false,
    }
}
