//! Is this the encoding of that message? What the official parser refuses is refused here.

use crate::schema::{KEY_VALUE, Kind, Message};
use crate::wire::{self, LEN, MAX_DEPTH, Malformed, Result, malformed};

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
            match message.field(number).map(|field| (field.kind, field.repeated)) {
                Some((Kind::Message(inner), _)) => {
                    if std::ptr::eq(inner, &raw const KEY_VALUE)
                        && is_plain_pair(bytes, pos, body_end)
                    {
                        pos = body_end;
                        continue;
                    }
                    if depth + self.open.len() >= MAX_DEPTH {
                        return malformed(at, "nested too deeply");
                    }
                    self.open.push((end, message));
                    (end, message) = (body_end, inner);
                }
                Some((Kind::String, _)) => {
                    if !wire::is_utf8(&bytes[pos..body_end]) {
                        return malformed(pos, "a string is not valid UTF-8");
                    }
                    pos = body_end;
                }
                Some((kind, true)) => {
                    check_packed(bytes, pos, body_end, kind)?;
                    pos = body_end;
                }
                _ => pos = body_end,
            }
        }
    }
}

/// True for the usual attribute: a short key, then a string, an integer or a boolean, nothing else.
/// `false` only means that the whole walk has to decide.
#[inline]
fn is_plain_pair(bytes: &[u8], pos: usize, end: usize) -> bool {
    let pair = &bytes[pos..end];
    let &[0x0a, key_len @ 0..=0x7f, ref rest @ ..] = pair else { return false };
    let Some((key, value)) = rest.split_at_checked(key_len as usize) else { return false };
    let &[0x12, value_len @ 0..=0x7f, ref value @ ..] = value else { return false };
    if value.len() != value_len as usize || !wire::is_utf8(key) {
        return false;
    }
    match *value {
        [0x0a, len @ 0..=0x7f, ref text @ ..] => text.len() == len as usize && wire::is_utf8(text),
        [0x10 | 0x18, 0..=0x7f] | [0x18, 0x80..=0xff, 0..=0x7f] => true,
        _ => false,
    }
}

fn check_packed(bytes: &[u8], mut pos: usize, end: usize, kind: Kind) -> Result<()> {
    let width = match kind {
        Kind::Fixed64 | Kind::Sfixed64 | Kind::Double => 8,
        Kind::Fixed32 => 4,
        Kind::Bytes | Kind::Id | Kind::String | Kind::Message(_) => return Ok(()),
        _ => {
            while pos < end {
                wire::varint(bytes, &mut pos, end)?;
            }
            return Ok(());
        }
    };
    if (end - pos) % width == 0 {
        return Ok(());
    }
    Err(Malformed { offset: pos, reason: "packed values end in the middle of one" })
}
