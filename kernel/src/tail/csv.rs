//! One line of comma-separated values (RFC 4180).

use std::borrow::Cow;

use serde::Deserialize;

use super::field::Fault;
use super::value::{Map, Text, Value};

#[derive(Deserialize)]
pub struct Csv {
    /// The names of the columns, unless each entry has them.
    header: Vec<String>,
    delimiter: char,
    header_delimiter: char,
    /// Whether quotes may stand in what is not quoted.
    lazy: bool,
    /// Whether quotes mean nothing.
    ignore_quotes: bool,
}

impl Csv {
    pub fn read<'t>(&'t self, text: &'t str, header: Option<&str>) -> Result<Map<'t>, Fault> {
        let names: Vec<Text> = match header {
            Some(names) => {
                names.split(self.header_delimiter).map(|name| name.to_owned().into()).collect()
            }
            None => self.header.iter().map(|name| Cow::Borrowed(name.as_str())).collect(),
        };
        let values = self.split(text)?;
        if values.len() != names.len() {
            let (expected, found) = (names.len(), values.len());
            return Err(format!("expected {expected} columns, found {found}").into());
        }
        Ok(Map::of(names.into_iter().zip(values.into_iter().map(Value::Text)).collect()))
    }

    fn split<'t>(&self, text: &'t str) -> Result<Vec<Text<'t>>, Fault> {
        let (mut values, mut rest) = (Vec::new(), Some(text));
        while let Some(text) = rest {
            let (value, after) = if text.starts_with('"') && !self.ignore_quotes {
                self.quoted(&text[1..])?
            } else {
                self.bare(text)?
            };
            values.push(value);
            rest = after;
        }
        Ok(values)
    }

    fn bare<'t>(&self, text: &'t str) -> Result<(Text<'t>, Option<&'t str>), Fault> {
        let (value, rest) = match text.split_once(self.delimiter) {
            Some((value, rest)) => (value, Some(rest)),
            None => (text, None),
        };
        if value.contains('"') && !self.lazy && !self.ignore_quotes {
            return Err("a quote stands in a value that is not quoted".into());
        }
        Ok((Cow::Borrowed(value), rest))
    }

    /// What follows a quote, up to the next one that is not doubled.
    fn quoted<'t>(&self, text: &'t str) -> Result<(Text<'t>, Option<&'t str>), Fault> {
        let (mut value, mut rest) = (String::new(), text);
        loop {
            let Some((before, after)) = rest.split_once('"') else {
                return Err("a quote is not closed".into());
            };
            value.push_str(before);
            match after.chars().next() {
                None => return Ok((value.into(), None)),
                Some(next) if next == self.delimiter => {
                    return Ok((value.into(), Some(&after[next.len_utf8()..])));
                }
                Some('"') => {
                    value.push('"');
                    rest = &after[1..];
                }
                Some(_) if self.lazy => {
                    value.push('"');
                    rest = after;
                }
                Some(_) => {
                    return Err("a quote is followed by neither the delimiter nor one".into());
                }
            }
        }
    }
}
