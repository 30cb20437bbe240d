//! Attributes by key, of tags, labels and what else a line says of where it is from.

use std::borrow::Cow;

use super::fault::Fault;
use super::line::About;
use crate::encode::write_text_pair;

/// Attributes, each key once and in order.
#[derive(Default)]
pub struct Attributes<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

pub const CONTAINER: &str = "container.id";

impl<'a> Attributes<'a> {
    /// Of tags, of which those of no value are allowed or not, and the container.
    pub fn of(about: &About<'a>, simple: bool) -> Result<Self, Fault> {
        let mut attributes = Self::default();
        let tags = text(about.tags)?;
        for tag in tags.split(',').filter(|tag| !tag.is_empty()) {
            let (key, value) = tag.split_once(':').unwrap_or((tag, ""));
            if key.is_empty() || (value.is_empty() && !simple) {
                return Err(Fault::Tag);
            }
            attributes.set(key, value);
        }
        if !about.container.is_empty() {
            attributes.set(CONTAINER, text(about.container)?);
        }
        Ok(attributes)
    }

    /// Let a key have a value, whatever it had.
    pub fn set(&mut self, key: impl Into<Cow<'a, str>>, value: impl Into<Cow<'a, str>>) {
        let (key, value) = (key.into(), value.into());
        match self.place(&key) {
            Ok(at) => self.0[at].1 = value,
            Err(at) => self.0.insert(at, (key, value)),
        }
    }

    /// Let a key have a value if it has none.
    pub fn set_default(&mut self, key: impl Into<Cow<'a, str>>, value: impl Into<Cow<'a, str>>) {
        let key = key.into();
        if let Err(at) = self.place(&key) {
            self.0.insert(at, (key, value.into()));
        }
    }

    fn place(&self, key: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(other, _)| (**other).cmp(key))
    }

    /// The encoding of the field of a message that has them.
    pub fn write(&self, out: &mut Vec<u8>, number: u32) {
        self.0.iter().for_each(|(key, value)| {
            write_text_pair(out, number, key.as_bytes(), value.as_bytes());
        });
    }
}

/// A text, which has to be UTF-8 to be told of.
pub fn text(bytes: &[u8]) -> Result<&str, Fault> {
    simdutf8::basic::from_utf8(bytes).map_err(|_| Fault::Encoding)
}
