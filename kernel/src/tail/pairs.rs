//! Keys and values: `level=info msg="it works"`.

use std::borrow::Cow;

use serde::Deserialize;

use super::field::Fault;
use super::value::{Map, Value};

#[derive(Deserialize)]
pub struct Pairs {
    delimiter: String,
    /// What stands between pairs; blanks if it is empty.
    between: String,
}

const QUOTES: [char; 2] = ['"', '\''];

impl Pairs {
    pub fn read<'t>(&self, text: &'t str) -> Result<Map<'t>, Fault> {
        let mut pairs = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let (pair, after) = self.cut(rest);
            rest = after;
            if pair.trim().is_empty() {
                continue;
            }
            let Some((key, value)) = pair.split_once(self.delimiter.as_str()) else {
                return Err(format!("a pair has no {:?}", self.delimiter).into());
            };
            let [key, value] = [key, value].map(|it| it.trim().trim_matches(QUOTES).trim());
            pairs.push((Cow::Borrowed(key), Value::Text(Cow::Borrowed(value))));
        }
        Ok(Map::of(pairs))
    }

    /// The first pair, and what follows; what is in quotes is not cut.
    fn cut<'t>(&self, text: &'t str) -> (&'t str, &'t str) {
        let mut open = None;
        for (at, next) in text.char_indices() {
            match open {
                Some(quote) if next == quote => open = None,
                None if QUOTES.contains(&next) => open = Some(next),
                None => {
                    if let Some(len) = self.gap(&text[at..], next) {
                        return (&text[..at], &text[at + len..]);
                    }
                }
                Some(_) => {}
            }
        }
        (text, "")
    }

    fn gap(&self, rest: &str, next: char) -> Option<usize> {
        if self.between.is_empty() {
            return next.is_whitespace().then(|| next.len_utf8());
        }
        rest.starts_with(self.between.as_str()).then_some(self.between.len())
    }
}
