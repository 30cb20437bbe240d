//! Labels of series, kept in one piece of memory: names and values in the order of the names.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::hash::{BuildHasher, RandomState};
use std::iter;
use std::sync::{Arc, LazyLock};

use super::names::{is_bare_label, needs_escapes};
use crate::wire::{varint, write_varint};

/// Names, all different, and values, none of which is empty: to Prometheus that is no label.
///
/// The first byte says whether they are plain; then comes the length of each text, and the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labels(Arc<[u8]>);

const PLAIN: u8 = 1;

impl Default for Labels {
    fn default() -> Self {
        static NONE: LazyLock<Arc<[u8]>> = LazyLock::new(|| Arc::from([PLAIN]));
        Self(Arc::clone(&NONE))
    }
}

impl Labels {
    /// Of names and values in any order. The values of equal names are joined by `;`, as the
    /// OpenTelemetry specification has it, in the order in which they are given.
    pub fn of<'a>(mut pairs: Vec<(&'a str, Cow<'a, str>)>) -> Self {
        pairs.retain(|(name, value)| !name.is_empty() && !value.is_empty());
        if pairs.is_empty() {
            return Self::default();
        }
        pairs.sort_by_key(|(name, _)| *name);
        pairs.dedup_by(|(name, value), (kept, joined)| {
            let same = name == kept;
            if same {
                joined.to_mut().push(';');
                joined.to_mut().push_str(value);
            }
            same
        });
        let is_plain = |(name, value): &(&str, Cow<str>)| {
            is_bare_label(name.as_bytes()) && !needs_escapes(value.as_bytes())
        };
        let mut bytes = vec![if pairs.iter().all(is_plain) { PLAIN } else { 0 }];
        for text in pairs.iter().flat_map(|(name, value)| [*name, value]) {
            write_varint(&mut bytes, text.len() as u64);
            bytes.extend_from_slice(text.as_bytes());
        }
        Self(Arc::from(bytes))
    }

    /// Names and values, all of them UTF-8.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let mut pos = 1;
        let mut text = move || {
            let len = varint(&self.0, &mut pos, self.0.len()).ok()? as usize;
            pos += len;
            self.0.get(pos - len..pos)
        };
        iter::from_fn(move || Some((text()?, text()?)))
    }

    /// Whether they can be written as they are, in every format.
    pub fn is_plain(&self) -> bool {
        self.0[0] == PLAIN
    }

    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.iter().find(|(found, _)| *found == name.as_bytes()).map(|(_, value)| value)
    }

    /// A hash of what both have together, however it is shared out between them.
    pub fn fingerprint(&self) -> u64 {
        static SECRET: LazyLock<RandomState> = LazyLock::new(RandomState::new);
        self.iter().fold(0, |all: u64, pair| all.wrapping_add(SECRET.hash_one(pair)))
    }
}

/// The labels of both, in the order of their names. No name is in both.
pub fn merged<'a>(one: &'a Labels, two: &'a Labels) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
    let (mut one, mut two) = (one.iter().peekable(), two.iter().peekable());
    iter::from_fn(move || match (one.peek(), two.peek()) {
        (Some(left), Some(right)) if left.cmp(right) == Ordering::Greater => two.next(),
        (None, _) => two.next(),
        _ => one.next(),
    })
}
