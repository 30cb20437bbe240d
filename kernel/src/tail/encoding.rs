//! How files encode text.

use std::borrow::Cow;

use encoding_rs::{Encoding as Table, UTF_8, UTF_16BE, UTF_16LE};
use serde::de::{Deserialize, Deserializer, Error};

use super::value::Value;

#[derive(Clone, Copy, Debug)]
pub enum Encoding {
    /// What is no UTF-8 becomes U+FFFD.
    Utf8,
    /// Bytes stay bytes.
    Nop,
    /// Two bytes a unit: decoded before it is split.
    Wide(&'static Table),
    /// A line's end is one byte, which is no part of any other character.
    Other(&'static Table),
}

impl Encoding {
    /// By the names of the Collector, and those of the WHATWG.
    pub fn by_name(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "nop" => return Some(Self::Nop),
            "" | "ascii" | "us-ascii" | "utf8" => return Some(Self::Utf8),
            "utf16" | "utf-16" => return Some(Self::Wide(UTF_16LE)),
            _ => {}
        }
        let table = Table::for_label(name.as_bytes())?;
        Some(match table {
            _ if table == UTF_8 => Self::Utf8,
            _ if table == UTF_16LE || table == UTF_16BE => Self::Wide(table),
            // Its lines' ends depend on what came before.
            _ if !table.is_ascii_compatible() => return None,
            _ => Self::Other(table),
        })
    }

    /// Bytes that can be split at ends of lines, without a character that is not whole yet.
    pub fn splittable(self, raw: &[u8]) -> Cow<'_, [u8]> {
        let Self::Wide(table) = self else { return Cow::Borrowed(raw) };
        let even = &raw[..raw.len() & !1];
        let high = |unit: &[u8]| unit[usize::from(table == UTF_16LE)] & 0xfc == 0xd8;
        let cut = if even.rchunks(2).next().is_some_and(high) { 2 } else { 0 };
        let (text, _) = table.decode_without_bom_handling(&even[..even.len() - cut]);
        Cow::Owned(text.into_owned().into_bytes())
    }

    /// The bytes of a file that so many of what `splittable` gave were.
    pub fn raw_len(self, bytes: &[u8]) -> usize {
        match self {
            // A unit that is no character became one that takes a unit too.
            Self::Wide(_) => 2 * String::from_utf8_lossy(bytes).encode_utf16().count(),
            _ => bytes.len(),
        }
    }

    pub fn decode(self, bytes: &[u8]) -> Value<'_> {
        match self {
            Self::Nop => Value::Bytes(Cow::Borrowed(bytes)),
            Self::Other(table) => Value::Text(table.decode_without_bom_handling(bytes).0),
            Self::Utf8 | Self::Wide(_) => Value::Text(text(bytes)),
        }
    }

    /// Whether a place is within a character.
    pub fn is_inside(self, bytes: &[u8], at: usize) -> bool {
        let follows = bytes.get(at).is_some_and(|byte| byte & 0xc0 == 0x80);
        follows && matches!(self, Self::Utf8 | Self::Wide(_))
    }

    /// Where a piece may end that is at most so long.
    pub fn cut(self, bytes: &[u8], most: usize) -> usize {
        let back = (most.saturating_sub(3)..=most).rev().find(|at| !self.is_inside(bytes, *at));
        back.filter(|at| *at > 0).unwrap_or(most)
    }
}

/// With U+FFFD for what is no UTF-8.
fn text(bytes: &[u8]) -> Cow<'_, str> {
    simdutf8::basic::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}

impl<'de> Deserialize<'de> for Encoding {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        let name = String::deserialize(json)?;
        Self::by_name(&name).ok_or_else(|| D::Error::custom(format!("unknown encoding {name:?}")))
    }
}
