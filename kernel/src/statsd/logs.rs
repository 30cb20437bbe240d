//! Events and service checks as log records.

use super::attributes::{Attributes, text};
use super::event::{Event, Status, What};
use super::fault::Fault;
use super::number::NANOS;
use crate::encode::write_record;
use crate::wire::{FIXED64, VARINT, write_tag, write_varint};

/// The number and the name of a severity, as OpenTelemetry has them.
type Severity = (u64, &'static str);

const INFO: Severity = (9, "INFO");
const WARN: Severity = (13, "WARN");
const ERROR: Severity = (17, "ERROR");

/// The encoding of a log record. `now` is in Unix nanoseconds.
pub fn record(event: &Event, simple_tags: bool, now: u64) -> Result<Vec<u8>, Fault> {
    let mut attributes = Attributes::of(&event.about, simple_tags)?;
    let (body, severity, name) = match &event.what {
        What::Event { title, priority, alert, group, source } => {
            attributes.set("statsd.event.title", text(title)?);
            let said = [
                ("statsd.event.priority", *priority),
                ("statsd.event.alert_type", *alert),
                ("statsd.event.aggregation_key", *group),
                ("statsd.event.source_type", *source),
            ];
            for (key, value) in said.into_iter().filter(|(_, value)| !value.is_empty()) {
                attributes.set(key, text(value)?);
            }
            (if event.text.is_empty() { title } else { &event.text }, alarm(alert), "statsd.event")
        }
        What::Check { name, status } => {
            let (word, severity) = state(*status);
            attributes.set("statsd.service_check.name", text(name)?);
            attributes.set("statsd.service_check.status", word);
            (&event.text, severity, "statsd.service_check")
        }
    };
    if !event.host.is_empty() {
        attributes.set("host.name", text(event.host)?);
    }
    let mut out = Vec::with_capacity(256);
    fixed(&mut out, 1, event.time.map_or(now, |seconds| seconds * NANOS));
    write_tag(&mut out, 2, VARINT);
    write_varint(&mut out, severity.0);
    write_record(&mut out, 3, severity.1.as_bytes());
    let mut value = Vec::with_capacity(body.len() + 4);
    write_record(&mut value, 1, text(body)?.as_bytes());
    write_record(&mut out, 5, &value);
    attributes.write(&mut out, 6);
    fixed(&mut out, 11, now);
    write_record(&mut out, 12, name.as_bytes());
    Ok(out)
}

fn fixed(out: &mut Vec<u8>, number: u32, value: u64) {
    write_tag(out, number, FIXED64);
    out.extend(value.to_le_bytes());
}

fn alarm(alert: &[u8]) -> Severity {
    match alert {
        b"error" => ERROR,
        b"warning" => WARN,
        _ => INFO,
    }
}

fn state(status: Status) -> (&'static str, Severity) {
    match status {
        Status::Ok => ("ok", INFO),
        Status::Warning => ("warning", WARN),
        Status::Critical => ("critical", ERROR),
        Status::Unknown => ("unknown", WARN),
    }
}
