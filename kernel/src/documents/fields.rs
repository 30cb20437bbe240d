//! What a message says, by the numbers of its fields.

use std::borrow::Cow;
use std::iter;

use crate::merge::{Part, bodies, merge};
use crate::scalar::{Scalar, elements, read};
use crate::schema::Message;

/// The fields of a message as protobuf's rules have them.
pub struct Said<'a>(Vec<Part<'a>>);

impl<'a> Said<'a> {
    pub fn of(message: &Message, body: &'a [u8]) -> Self {
        Self(merge(message, iter::once(body)))
    }

    fn parts(&self, number: u32) -> &[Part<'a>] {
        let start = self.0.partition_point(|part| part.field.number < number);
        let len = self.0[start..].iter().take_while(|part| part.field.number == number).count();
        &self.0[start..start + len]
    }

    pub fn has(&self, number: u32) -> bool {
        !self.parts(number).is_empty()
    }

    /// A text, bytes or an id; nothing where it is absent.
    pub fn bytes(&self, number: u32) -> &'a [u8] {
        self.parts(number).first().map_or(b"", |part| part.data)
    }

    /// A whole number; 0 where it is absent.
    pub fn number(&self, number: u32) -> u64 {
        self.parts(number).first().map_or(0, |part| match read(part.field.kind, part.data) {
            Scalar::Unsigned(value) => value,
            Scalar::Signed(value) => value.cast_unsigned(),
            Scalar::Bool(value) => value.into(),
            _ => 0,
        })
    }

    /// A message; nothing where it is absent.
    pub fn message(&self, number: u32) -> Cow<'a, [u8]> {
        match self.parts(number) {
            [] => Cow::Borrowed(b""),
            [one] => Cow::Borrowed(one.data),
            several => Cow::Owned(bodies(several).collect::<Vec<_>>().concat()),
        }
    }

    /// The messages of a list.
    pub fn each(&self, number: u32) -> impl Iterator<Item = &'a [u8]> {
        self.parts(number).iter().map(|part| part.data)
    }

    /// A number with a fraction; 0 where it is absent.
    pub fn double(&self, number: u32) -> f64 {
        self.doubles(number).first().copied().unwrap_or_default()
    }

    /// The whole numbers of a list.
    pub fn numbers(&self, number: u32) -> impl Iterator<Item = u64> {
        self.elements(number).map(|element| match element {
            Scalar::Unsigned(value) => value,
            _ => 0,
        })
    }

    /// The numbers of a list.
    pub fn doubles(&self, number: u32) -> Vec<f64> {
        let doubles = self.elements(number).map(|element| match element {
            Scalar::Double(value) => value,
            _ => 0.0,
        });
        doubles.collect()
    }

    fn elements(&self, number: u32) -> impl Iterator<Item = Scalar<'a>> {
        self.parts(number).iter().flat_map(|part| elements(part.field.kind, part.data))
    }
}
