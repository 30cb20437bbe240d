//! How severe an entry is, by a field of it.

use std::borrow::Cow;

use ahash::HashMap;
use serde::Deserialize;

use super::entry::Entry;
use super::field::{Fault, Field, MISSING};
use super::value::{Text, Value};

#[derive(Deserialize)]
pub struct Severity {
    parse_from: Field,
    /// Numbers of severities by what stands for them, in lower case.
    mapping: HashMap<String, u8>,
    /// The same for whole numbers from one to another.
    ranges: Vec<(i64, i64, u8)>,
    overwrite_text: bool,
}

impl Severity {
    pub fn apply(&self, entry: &mut Entry) -> Result<(), Fault> {
        let text = text(self.parse_from.get(entry).ok_or(MISSING)?.as_ref())?;
        entry.severity = self.find(&text);
        entry.severity_text = match entry.severity {
            1.. if self.overwrite_text => Cow::Borrowed(name(entry.severity)),
            _ => text,
        };
        Ok(())
    }

    fn find(&self, text: &str) -> u8 {
        if let Some(found) = self.mapping.get(text) {
            return *found;
        }
        if let Some(found) = self.mapping.get(&text.to_lowercase()) {
            return *found;
        }
        let Ok(number) = text.parse::<i64>() else { return 0 };
        let within = |range: &&(i64, i64, u8)| (range.0..=range.1).contains(&number);
        self.ranges.iter().find(within).map_or(0, |range| range.2)
    }
}

#[allow(clippy::float_cmp)] // whole numbers
fn text<'a>(value: &Value<'a>) -> Result<Text<'a>, Fault> {
    match value {
        Value::Text(text) => Ok(text.clone()),
        Value::Int(value) => Ok(value.to_string().into()),
        Value::Double(value) if *value == value.trunc() && value.abs() < 1e15 => {
            Ok((*value as i64).to_string().into())
        }
        Value::Bytes(bytes) => Ok(String::from_utf8_lossy(bytes).into_owned().into()),
        _ => Err("a severity can only be a text or a whole number".into()),
    }
}

fn name(severity: u8) -> &'static str {
    const NAMES: [&str; 24] = [
        "TRACE", "TRACE2", "TRACE3", "TRACE4", "DEBUG", "DEBUG2", "DEBUG3", "DEBUG4", "INFO",
        "INFO2", "INFO3", "INFO4", "WARN", "WARN2", "WARN3", "WARN4", "ERROR", "ERROR2", "ERROR3",
        "ERROR4", "FATAL", "FATAL2", "FATAL3", "FATAL4",
    ];
    NAMES.get(usize::from(severity) - 1).copied().unwrap_or_default()
}
