//! Who can be a side of a call: a service, and what else is told of it. Each is held once.

use std::ops::Range;

use ahash::RandomState;
use hashbrown::HashTable;

use crate::wire::{varint, write_varint};

/// Sides by what is told of them, as `write_text` writes it.
pub struct Sides {
    known: Vec<Known>,
    free: Vec<u32>,
    places: HashTable<u32>,
    hasher: RandomState,
    bytes: usize,
}

#[derive(Default)]
struct Known {
    texts: Box<[u8]>,
    /// How many halves name it.
    uses: u32,
}

impl Default for Sides {
    fn default() -> Self {
        Self {
            known: Vec::new(),
            free: Vec::new(),
            places: HashTable::new(),
            hasher: RandomState::new(),
            bytes: 0,
        }
    }
}

impl Sides {
    /// The number of a side, which is used once more.
    pub fn hold(&mut self, texts: &[u8]) -> u32 {
        let hash = self.hasher.hash_one(texts);
        let known = &self.known;
        if let Some(&side) = self.places.find(hash, |side| *known[*side as usize].texts == *texts) {
            self.use_again(side);
            return side;
        }
        let new = Known { texts: texts.into(), uses: 1 };
        self.bytes += texts.len();
        let side = if let Some(side) = self.free.pop() {
            self.known[side as usize] = new;
            side
        } else {
            self.known.push(new);
            self.known.len() as u32 - 1
        };
        let (known, hasher) = (&self.known, &self.hasher);
        self.places
            .insert_unique(hash, side, |side| hasher.hash_one(&*known[*side as usize].texts));
        side
    }

    pub fn use_again(&mut self, side: u32) {
        self.known[side as usize].uses += 1;
    }

    /// A side is used once less; nobody's goes.
    pub fn release(&mut self, side: u32) {
        let known = &mut self.known[side as usize];
        known.uses -= 1;
        if known.uses > 0 {
            return;
        }
        let hash = self.hasher.hash_one(&*known.texts);
        self.bytes -= known.texts.len();
        *known = Known::default();
        if let Ok(entry) = self.places.find_entry(hash, |other| *other == side) {
            entry.remove();
        }
        self.free.push(side);
    }

    pub fn texts(&self, side: u32) -> &[u8] {
        &self.known[side as usize].texts
    }

    pub fn len(&self) -> usize {
        self.places.len()
    }

    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Bytes of memory.
    pub fn weight(&self) -> usize {
        self.bytes
            + self.known.capacity() * size_of::<Known>()
            + self.free.capacity() * size_of::<u32>()
            + self.places.allocation_size()
    }
}

/// Add a text, or that there is none, to those of a side; at most `longest` bytes of it.
pub fn write_text(out: &mut Vec<u8>, text: Option<&str>, longest: usize) {
    let Some(text) = text else { return out.push(0) };
    let text = &text[..boundary(text, longest)];
    write_varint(out, text.len() as u64 + 1);
    out.extend_from_slice(text.as_bytes());
}

/// The last place between two characters that is not after `longest`.
fn boundary(text: &str, longest: usize) -> usize {
    if text.len() <= longest {
        return text.len();
    }
    (0..=longest).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// The texts of a side.
pub fn read_texts(texts: &[u8]) -> impl Iterator<Item = Option<&str>> {
    let mut pos = 0;
    std::iter::from_fn(move || {
        let len = varint(texts, &mut pos, texts.len()).ok()? as usize;
        let Some(len) = len.checked_sub(1) else { return Some(None) };
        let text: Range<usize> = pos..pos + len;
        pos = text.end;
        Some(str::from_utf8(texts.get(text)?).ok())
    })
}
