//! Keys of attributes, and the pairs that have them.

use std::iter;
use std::ops::Range;

use crate::merge::merge;
use crate::schema::KEY_VALUE;
use crate::wire::{self, LEN};

/// The tags of a pair's key and of its value.
const KEY: u8 = 1 << 3 | LEN as u8;
const VALUE: u8 = 2 << 3 | LEN as u8;

/// A key that pairs are asked for.
#[derive(Clone, Debug)]
pub struct Key {
    text: String,
    start: Start,
}

/// What a plain pair with some key begins with, as far as the mask goes: most pairs have another key,
/// which their first eight bytes tell.
#[derive(Clone, Copy, Debug)]
pub struct Start {
    word: u64,
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

impl Start {
    fn of(key: &[u8]) -> Self {
        let mut start = [0; 8];
        start[..2].copy_from_slice(&[KEY, key.len().min(0xff) as u8]);
        let shown = key.len().min(6);
        start[2..2 + shown].copy_from_slice(&key[..shown]);
        Self { word: u64::from_le_bytes(start), mask: u64::MAX >> (8 * (6 - shown)) }
    }

    #[inline]
    fn fits(self, word: u64) -> bool {
        word & self.mask == self.word
    }
}

/// The first bytes of a pair of a short key and a short value, and the length of the key.
#[inline]
fn short(pair: &[u8]) -> Option<(u64, usize)> {
    let word = u64::from_le_bytes(*pair.first_chunk()?);
    let (tag, len) = (word as u8, usize::from((word >> 8) as u8));
    let &[VALUE, value_len @ 0..=0x7f, ref value @ ..] = pair.get(2 + len..)? else { return None };
    let is_short = tag == KEY && len < 0x80 && usize::from(value_len) == value.len();
    is_short.then_some((word, len))
}

/// True for a pair that has none of the keys that begin so; `false` says nothing.
#[inline]
pub fn is_another(pair: &[u8], starts: &[Start]) -> bool {
    short(pair).is_some_and(|(word, _)| !starts.iter().any(|start| start.fits(word)))
}

impl Key {
    pub fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { start: Start::of(text.as_bytes()), text }
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    pub fn start(&self) -> Start {
        self.start
    }

    #[inline]
    pub fn matches(&self, pair: &[u8]) -> Match {
        match short(pair) {
            Some((word, _)) if !self.start.fits(word) => Match::Other,
            Some((_, len)) if pair[2..2 + len] == *self.bytes() => {
                Match::Value(4 + len..pair.len())
            }
            Some(_) => Match::Other,
            None => self.matches_any(pair),
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
