//! Keys of attributes, and the pairs that have them.

use std::iter;
use std::ops::Range;

use crate::merge::merge;
use crate::schema::KEY_VALUE;
use crate::wire::{self, LEN};

/// The tags of a pair's key and of its value.
const KEY: u8 = 1 << 3 | LEN as u8;
const VALUE: u8 = 2 << 3 | LEN as u8;

/// A key that pairs are asked for. Most pairs have another one, which their first eight bytes tell.
#[derive(Clone, Debug)]
pub struct Key {
    text: String,
    /// What a plain pair with this key begins with, as far as the mask goes.
    start: u64,
    mask: u64,
}

/// What a pair is to a key.
pub enum Match {
    Other,
    /// It has the key; its value is here.
    Value(Range<usize>),
    /// All of it has to be read to tell.
    Unclear,
}

impl Key {
    pub fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        let mut start = [0; 8];
        start[..2].copy_from_slice(&[KEY, text.len().min(0xff) as u8]);
        let shown = text.len().min(6);
        start[2..2 + shown].copy_from_slice(&text.as_bytes()[..shown]);
        Self { text, start: u64::from_le_bytes(start), mask: u64::MAX >> (8 * (6 - shown)) }
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    #[inline]
    pub fn matches(&self, pair: &[u8]) -> Match {
        let Some(word) = pair.first_chunk().map(|eight| u64::from_le_bytes(*eight)) else {
            return self.matches_any(pair);
        };
        let (tag, len) = (word as u8, usize::from((word >> 8) as u8));
        match pair.get(2 + len..) {
            Some(&[VALUE, value_len @ 0..=0x7f, ref value @ ..])
                if tag == KEY && len < 0x80 && usize::from(value_len) == value.len() =>
            {
                let same = word & self.mask == self.start
                    && (len <= 6 || pair[8..2 + len] == self.bytes()[6..]);
                if same { Match::Value(4 + len..pair.len()) } else { Match::Other }
            }
            _ => self.matches_any(pair),
        }
    }

    #[inline(never)]
    fn matches_any(&self, pair: &[u8]) -> Match {
        match plain(pair) {
            Some((key, value)) if key == self.bytes() => Match::Value(value),
            Some(_) => Match::Other,
            None => Match::Unclear,
        }
    }
}

/// The key and the place of the value in a pair that consists, as they do, of a short key and a value
/// and nothing else.
#[inline]
fn plain(pair: &[u8]) -> Option<(&[u8], Range<usize>)> {
    let &[KEY, len @ 0..=0x7f, ref rest @ ..] = pair else { return None };
    let (key, value) = rest.split_at_checked(len as usize)?;
    let [VALUE, ..] = value else { return None };
    let mut start = 1;
    let end = wire::length(value, &mut start, value.len()).ok()?;
    (end == value.len()).then(|| (key, pair.len() - (end - start)..pair.len()))
}

/// What `test` says of a pair's key.
#[inline]
pub fn with_key<T>(pair: &[u8], test: impl FnOnce(&[u8]) -> T) -> T {
    if let Some((key, _)) = plain(pair) {
        return test(key);
    }
    let parts = merge(&KEY_VALUE, iter::once(pair));
    test(parts.iter().find(|part| part.field.number == 1).map_or(b"", |part| part.data))
}
