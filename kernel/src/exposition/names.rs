//! Names of metrics and labels: which may stand bare, and how others are escaped for readers that
//! know only those (Prometheus' escaping schemes).

use std::borrow::Cow;
use std::fmt::Write;

use super::labels::{Labels, merged};

/// What a reader takes for names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Escaping {
    AllowUtf8,
    Underscores,
    Dots,
    Values,
}

impl Escaping {
    /// By its name in `Accept` and `Content-Type`.
    pub fn by_name(name: &str) -> Option<Self> {
        Some(match name {
            "allow-utf-8" => Self::AllowUtf8,
            "underscores" => Self::Underscores,
            "dots" => Self::Dots,
            "values" => Self::Values,
            _ => return None,
        })
    }

    pub fn apply(self, name: &str) -> Cow<'_, str> {
        if self == Self::AllowUtf8 || self != Self::Dots && is_bare(name.as_bytes()) {
            return Cow::Borrowed(name);
        }
        let mut out = String::from(if self == Self::Values { "U__" } else { "" });
        for (i, char) in name.char_indices() {
            match (self, char) {
                (Self::Dots | Self::Values, '_') => out.push_str("__"),
                (_, char) if may_be_at(char, i) => out.push(char),
                (Self::Dots, '.') => out.push_str("_dot_"),
                (Self::Dots, _) => out.push_str("__"),
                (Self::Values, char) => {
                    write!(out, "_{:x}_", u32::from(char)).expect("a String takes all");
                }
                _ => out.push('_'),
            }
        }
        Cow::Owned(out)
    }
}

impl Escaping {
    /// The same for a label, in which no colon can be.
    fn apply_label(self, name: &str) -> Cow<'_, str> {
        if self == Self::AllowUtf8 || !name.contains(':') {
            return self.apply(name);
        }
        Cow::Owned(self.apply(&name.replace(':', "_")).into_owned())
    }

    /// Give `write` the labels of both under names that the reader takes. Escaped, two names may be
    /// one.
    pub fn each_label(self, one: &Labels, two: &Labels, mut write: impl FnMut(&[u8], &[u8])) {
        let taken = match self {
            Self::AllowUtf8 => true,
            Self::Dots => false,
            _ if one.is_plain() && two.is_plain() => true,
            _ => merged(one, two).all(|(name, _)| is_bare_label(name)),
        };
        if taken {
            return merged(one, two).for_each(|(name, value)| write(name, value));
        }
        let text = |bytes| str::from_utf8(bytes).unwrap_or_default();
        let pairs = merged(one, two).map(|(name, value)| (self.apply_label(text(name)), value));
        let pairs: Vec<(Cow<str>, &[u8])> = pairs.collect();
        let borrowed = pairs.iter().map(|(name, value)| (&**name, Cow::Borrowed(text(value))));
        Labels::of(borrowed.collect()).iter().for_each(|(name, value)| write(name, value));
    }
}

/// Whether a name can stand without quotes.
pub fn is_bare(name: &[u8]) -> bool {
    let may_be = |(i, byte): (usize, &u8)| may_be_at(char::from(*byte), i);
    !name.is_empty() && name.iter().enumerate().all(may_be)
}

/// The same of a label, in which a colon cannot be.
pub fn is_bare_label(name: &[u8]) -> bool {
    is_bare(name) && !name.contains(&b':')
}

/// Whether a text cannot stand between quotes as it is.
pub fn needs_escapes(text: &[u8]) -> bool {
    text.iter().any(|byte| matches!(byte, b'\\' | b'"' | b'\n'))
}

fn may_be_at(char: char, i: usize) -> bool {
    char.is_ascii_alphabetic() || matches!(char, '_' | ':') || i > 0 && char.is_ascii_digit()
}
