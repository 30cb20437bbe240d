//! Texts of which operators make maps.

use std::borrow::Cow;

use serde::Deserialize;

use super::csv;
use super::expr::Pattern;
use super::field::Fault;
use super::pairs;
use super::read_json::Reading;
use super::value::{Map, Text, Value};

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Syntax {
    /// Whether numbers without a fraction are integers.
    Json {
        integers: bool,
    },
    Regex(Pattern),
    Csv(csv::Csv),
    Pairs(pairs::Pairs),
}

impl Syntax {
    /// The map that a text is; borrowed from it, if it is itself.
    pub fn parse<'a>(&'a self, text: Text<'a>, header: Option<&str>) -> Result<Map<'a>, Fault> {
        match text {
            Cow::Borrowed(text) => self.read(text, header),
            Cow::Owned(text) => Ok(self.read(&text, header)?.into_owned()),
        }
    }

    fn read<'t>(&'t self, text: &'t str, header: Option<&str>) -> Result<Map<'t>, Fault> {
        match self {
            Self::Json { integers } => json(text, *integers),
            Self::Regex(pattern) => groups(pattern, text),
            Self::Csv(csv) => csv.read(text, header),
            Self::Pairs(pairs) => pairs.read(text),
        }
    }
}

pub fn json(text: &str, integers: bool) -> Result<Map<'_>, Fault> {
    match Reading::new(integers).read(text) {
        Ok(Value::Map(map)) => Ok(map),
        Ok(_) => Err("it is JSON, and no object".into()),
        Err(error) if error.is_data() => Err("it is nested too deeply".into()),
        Err(error) => Err(format!("it is no JSON, at column {}", error.column()).into()),
    }
}

/// The groups that have names; those that took no part in the match are empty.
fn groups<'t>(pattern: &'t Pattern, text: &'t str) -> Result<Map<'t>, Fault> {
    let found = pattern.0.captures(text).ok_or("the pattern does not match")?;
    let pairs = pattern.0.capture_names().zip(found.iter()).filter_map(|(name, group)| {
        let text = group.map_or("", |group| group.as_str());
        Some((Cow::Borrowed(name?), Value::Text(Cow::Borrowed(text))))
    });
    Ok(Map::of(pairs.collect()))
}
