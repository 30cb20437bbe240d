//! Where the items of a body of JSON begin and end.

use std::fmt;

use serde::de::{Deserializer as _, SeqAccess, Visitor};
use serde_json::Deserializer;
use serde_json::value::RawValue;

use crate::wire::{Malformed, Result};

/// How items follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// One item, a list of items, or items one after the other; all of it has to be JSON.
    Document,
    /// An item a line: one that is no JSON is no fault of the others.
    Lines,
}

/// Give every item to `take`, in order.
pub fn each<'a>(body: &'a str, framing: Framing, mut take: impl FnMut(&'a str)) -> Result<()> {
    match framing {
        Framing::Lines => {
            body.lines().map(str::trim).filter(|line| !line.is_empty()).for_each(take);
            return Ok(());
        }
        Framing::Document if body.trim_start().starts_with('[') => {
            let mut json = Deserializer::from_str(body);
            json.deserialize_seq(List(&mut take)).and_then(|()| json.end())
        }
        Framing::Document => {
            let mut items = Deserializer::from_str(body).into_iter::<&RawValue>();
            items.try_for_each(|item| item.map(|item| take(item.get())))
        }
    }
    .map_err(|error| Malformed { offset: offset(body, &error), reason: reason(&error) })
}

struct List<T>(T);

impl<'de, T: FnMut(&'de str)> Visitor<'de> for List<T> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("a list")
    }

    fn visit_seq<S: SeqAccess<'de>>(mut self, mut seq: S) -> std::result::Result<(), S::Error> {
        while let Some(item) = seq.next_element::<&RawValue>()? {
            self.0(item.get());
        }
        Ok(())
    }
}

fn reason(error: &serde_json::Error) -> &'static str {
    if error.is_eof() { "the text ends inside a value" } else { "the text is not valid JSON" }
}

/// Where reading stopped, which is right after the fault.
pub fn offset(text: &str, error: &serde_json::Error) -> usize {
    let before = text.split_inclusive('\n').take(error.line().saturating_sub(1));
    (before.map(str::len).sum::<usize>() + error.column()).min(text.len())
}
