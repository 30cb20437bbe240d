//! Log records and events, from JSON.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::any::{attributes, value};
use super::items::{Around, fault, origin, time};
use super::tree::Tree;
use crate::encode;
use crate::encoding::hex;
use crate::wire::{write_fixed, write_number};

/// A log record as clients write it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Record<'a> {
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
    body: Option<&'a RawValue>,
    time: Option<&'a RawValue>,
    severity: Option<Severity>,
    attributes: Option<&'a RawValue>,
    resource: Option<&'a RawValue>,
    trace_id: Option<Cow<'a, str>>,
    span_id: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a severity: a text, or a number from 1 to 24")]
enum Severity {
    Number(u64),
    Text(String),
}

/// What others call severities, by their names in OpenTelemetry.
const NAMES: [(&str, u64); 13] = [
    ("TRACE", 1),
    ("DEBUG", 5),
    ("INFO", 9),
    ("INFORMATION", 9),
    ("NOTICE", 10),
    ("WARN", 13),
    ("WARNING", 13),
    ("ERROR", 17),
    ("ERR", 17),
    ("FATAL", 21),
    ("CRITICAL", 21),
    ("ALERT", 22),
    ("EMERGENCY", 23),
];

impl Severity {
    fn write(self, out: &mut Vec<u8>) -> serde_json::Result<()> {
        match self {
            Self::Number(number @ 1..=24) => write_number(out, 2, number),
            Self::Number(_) => return Err(fault("a severity is a number from 1 to 24")),
            Self::Text(text) => {
                let known = NAMES.iter().find(|(name, _)| text.eq_ignore_ascii_case(name));
                known.inspect(|(_, number)| write_number(out, 2, *number));
                encode::write_record(out, 3, text.as_bytes());
            }
        }
        Ok(())
    }
}

/// Read a log record, which as an event has to have a name.
pub fn write_record(
    item: &str,
    is_event: bool,
    around: &Around,
    tree: &mut Tree,
) -> serde_json::Result<()> {
    let record: Record = serde_json::from_str(item)?;
    if is_event && record.name.as_deref().is_none_or(str::is_empty) {
        return Err(fault("an event has a name"));
    }
    let mut out = Vec::new();
    if let Some(given) = record.time {
        write_fixed(&mut out, 1, time(given)?);
    }
    if let Some(severity) = record.severity {
        severity.write(&mut out)?;
    }
    if let Some(body) = record.body {
        encode::write_record(&mut out, 5, &value(body)?);
    }
    if let Some(given) = record.attributes {
        attributes(&mut out, 6, given)?;
    }
    write_id(&mut out, 9, record.trace_id, 16, "expected a trace_id of 32 hex digits")?;
    write_id(&mut out, 10, record.span_id, 8, "expected a span_id of 16 hex digits")?;
    write_fixed(&mut out, 11, around.now);
    if let Some(name) = record.name {
        encode::write_record(&mut out, 12, name.as_bytes());
    }
    let origin = origin(tree, around, record.resource)?;
    tree.record(origin, &out);
    Ok(())
}

fn write_id(
    out: &mut Vec<u8>,
    number: u32,
    text: Option<Cow<str>>,
    len: usize,
    reason: &str,
) -> serde_json::Result<()> {
    let Some(text) = text else { return Ok(()) };
    let id = hex(&text).filter(|id| id.len() == len).ok_or_else(|| fault(reason))?;
    encode::write_record(out, number, &id);
    Ok(())
}
