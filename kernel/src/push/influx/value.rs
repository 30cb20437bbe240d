//! What a field of a line holds.

use std::borrow::Cow;

#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    Float(f64),
    Integer(i64),
    Unsigned(u64),
    Boolean(bool),
    Text(Cow<'a, [u8]>),
}

impl Value<'_> {
    /// A value that is no text; `None` for what is none.
    pub fn read(word: &[u8]) -> Option<Self> {
        let text = str::from_utf8(word).ok()?;
        match text {
            "t" | "T" | "true" | "True" | "TRUE" => return Some(Self::Boolean(true)),
            "f" | "F" | "false" | "False" | "FALSE" => return Some(Self::Boolean(false)),
            _ => {}
        }
        if let Some(digits) = text.strip_suffix('i') {
            return digits.parse().ok().map(Self::Integer);
        }
        if let Some(digits) = text.strip_suffix('u') {
            return digits.parse().ok().map(Self::Unsigned);
        }
        // Rust reads words such as `inf` too.
        let is_number =
            word.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'));
        let value = text.parse().ok().filter(|value: &f64| is_number && value.is_finite());
        value.map(Self::Float)
    }

    /// A count, as Telegraf writes it: mostly as a float.
    pub fn count(&self) -> Option<u64> {
        match *self {
            Self::Unsigned(value) => Some(value),
            Self::Integer(value) => u64::try_from(value).ok(),
            Self::Float(value) if value >= 0.0 && value < u64::MAX as f64 => Some(value as u64),
            _ => None,
        }
    }

    pub fn double(&self) -> Option<f64> {
        match *self {
            Self::Float(value) => Some(value),
            Self::Integer(value) => Some(value as f64),
            Self::Unsigned(value) => Some(value as f64),
            _ => None,
        }
    }
}
