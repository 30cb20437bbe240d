//! Spans of Jaeger as spans of OTLP: the way back of `write.rs`.

use super::schema::{LOG, PROCESS, REFERENCE, SPAN, TIME};
use super::status::{self, Status};
use super::tags::{self, attributes};
use super::write::{CHILD_OF, FOLLOWS_FROM, KINDS, NO_SERVICE, REF_TYPE};
use crate::check::Checker;
use crate::documents::fields::Said;
use crate::encode::{write_record, write_text_pair};
use crate::push::tree::{Origin, Tree};
use crate::tail::value::{Map, Value};
use crate::tail::write::write_pairs;
use crate::wire::{begin, end, write_fixed, write_number};

const NANOS: i128 = 1_000_000_000;

/// Reads messages, of which neighbours mostly have the same process.
#[derive(Default)]
pub struct Reader {
    pub tree: Tree,
    checker: Checker,
    process: Vec<u8>,
    resource: Vec<u8>,
}

impl Reader {
    /// Add the span that a message is.
    pub fn read(&mut self, message: &[u8]) -> Result<(), String> {
        self.checker
            .check(message, 0, message.len(), &SPAN, 0)
            .map_err(|fault| format!("{} (at byte {})", fault.reason, fault.offset))?;
        let span = Said::of(&SPAN, message);
        let mut tags = attributes(span.each(8));
        let scope = scope(&mut tags);
        let mut body = Vec::with_capacity(message.len());
        write_span(&mut body, &span, tags)?;
        let resource = self.resource(&span.message(10));
        let origin = self.tree.origin(Origin { resource, scope });
        self.tree.record(origin, &body);
        Ok(())
    }

    fn resource(&mut self, process: &[u8]) -> Vec<u8> {
        if self.process != process {
            self.resource = resource(process);
            self.process = process.to_vec();
        }
        self.resource.clone()
    }
}

fn resource(process: &[u8]) -> Vec<u8> {
    let process = Said::of(&PROCESS, process);
    let name = String::from_utf8_lossy(process.bytes(1));
    if name == NO_SERVICE {
        return Vec::new();
    }
    let service = (!name.is_empty()).then(|| ("service.name".into(), Value::Text(name)));
    let mut tags = Map::of(service.into_iter().chain(process.each(2).map(tags::read)).collect());
    rename(&mut tags, "hostname", "host.name", |value| value);
    rename(&mut tags, "jaeger.version", "opencensus.exporterversion", |value| {
        Value::Text(format!("Jaeger-{}", value.text().unwrap_or_default()).into())
    });
    let mut out = Vec::new();
    write_pairs(&mut out, 1, &tags, 0);
    out
}

fn rename<'a>(
    tags: &mut Map<'a>,
    old: &str,
    new: &'static str,
    change: impl FnOnce(Value<'a>) -> Value<'a>,
) {
    if tags.get(new).is_none()
        && let Some(value) = tags.remove(old)
    {
        tags.set(new.into(), change(value));
    }
}

fn scope(tags: &mut Map) -> Vec<u8> {
    let mut out = Vec::new();
    let Some(name) = tags.remove("otel.scope.name") else { return out };
    write_text(&mut out, 1, name.text().unwrap_or_default());
    let version = tags.remove("otel.scope.version");
    write_text(&mut out, 2, version.as_ref().and_then(Value::text).unwrap_or_default());
    out
}

fn write_span(out: &mut Vec<u8>, span: &Said, mut tags: Map) -> Result<(), String> {
    let references = references(span)?;
    let parent = parent(span, &references)?;
    let start = nanos(&span.message(6));
    let kind = take_text(&mut tags, "span.kind");
    let kind = KINDS.iter().position(|name| *name == kind).unwrap_or_default() as u64;
    let status = status::take(&mut tags, kind);
    write_id(out, 1, &trace_id(span.bytes(1))?);
    write_id(out, 2, &span_id(span.bytes(2))?);
    write_text(out, 3, &take_text(&mut tags, "w3c.tracestate"));
    write_id(out, 4, &parent);
    write_text(out, 5, &String::from_utf8_lossy(span.bytes(3)));
    if kind != 0 {
        write_number(out, 6, kind);
    }
    write_fixed(out, 7, unix(start)?);
    write_fixed(out, 8, unix(start + nanos(&span.message(7)))?);
    write_pairs(out, 9, &tags, 0);
    for log in span.each(9) {
        write_event(out, &Said::of(&LOG, log))?;
    }
    write_links(out, &references, parent);
    write_status(out, &status);
    Ok(())
}

struct Reference {
    trace_id: [u8; 16],
    span_id: [u8; 8],
    kind: u64,
}

fn references(span: &Said) -> Result<Vec<Reference>, String> {
    let read = |body| {
        let said = Said::of(&REFERENCE, body);
        let (trace_id, span_id) = (trace_id(said.bytes(1))?, span_id(said.bytes(2))?);
        Ok(Reference { trace_id, span_id, kind: said.number(3) })
    };
    span.each(4).map(read).collect()
}

/// The first reference of which the span is a child, or else that it follows, in its own trace.
fn parent(span: &Said, references: &[Reference]) -> Result<[u8; 8], String> {
    let trace_id = trace_id(span.bytes(1))?;
    let first = |kind| references.iter().find(|it| it.trace_id == trace_id && it.kind == kind);
    let found = first(CHILD_OF).or_else(|| first(FOLLOWS_FROM));
    Ok(found.map_or([0; 8], |reference| reference.span_id))
}

fn write_links(out: &mut Vec<u8>, references: &[Reference], parent: [u8; 8]) {
    for reference in references {
        if reference.kind == CHILD_OF && reference.span_id == parent {
            continue;
        }
        let start = begin(out, 13);
        write_id(out, 1, &reference.trace_id);
        write_id(out, 2, &reference.span_id);
        let kind = if reference.kind == CHILD_OF { "child_of" } else { "follows_from" };
        write_text_pair(out, 4, REF_TYPE, kind);
        end(out, start);
    }
}

fn write_event(out: &mut Vec<u8>, log: &Said) -> Result<(), String> {
    let mut fields = attributes(log.each(2));
    let start = begin(out, 11);
    write_fixed(out, 1, unix(nanos(&log.message(1)))?);
    write_text(out, 2, &take_text(&mut fields, "event"));
    write_pairs(out, 3, &fields, 0);
    end(out, start);
    Ok(())
}

fn write_status(out: &mut Vec<u8>, status: &Status) {
    let start = begin(out, 15);
    write_text(out, 2, &status.message);
    if status.code != 0 {
        write_number(out, 3, status.code);
    }
    end(out, start);
}

/// Take a tag away; of what is no text, nothing is left.
fn take_text(tags: &mut Map, key: &str) -> String {
    let value = tags.remove(key);
    value.as_ref().and_then(Value::text).unwrap_or_default().to_owned()
}

fn write_text(out: &mut Vec<u8>, number: u32, text: &str) {
    if !text.is_empty() {
        write_record(out, number, text.as_bytes());
    }
}

/// One of zeros is none.
fn write_id(out: &mut Vec<u8>, number: u32, id: &[u8]) {
    if id.iter().any(|byte| *byte != 0) {
        write_record(out, number, id);
    }
}

fn trace_id(given: &[u8]) -> Result<[u8; 16], String> {
    let mut id = [0; 16];
    match given.len() {
        0 => {}
        8 => id[8..].copy_from_slice(given),
        16 => id.copy_from_slice(given),
        len => return Err(format!("a trace id has 8 or 16 bytes, not {len}")),
    }
    Ok(id)
}

fn span_id(given: &[u8]) -> Result<[u8; 8], String> {
    if given.is_empty() {
        return Ok([0; 8]);
    }
    given.try_into().map_err(|_| format!("a span id has 8 bytes, not {}", given.len()))
}

/// Nanoseconds of a `Timestamp` or a `Duration`.
fn nanos(body: &[u8]) -> i128 {
    let time = Said::of(&TIME, body);
    let part = |number| i128::from(time.number(number).cast_signed());
    part(1) * NANOS + part(2)
}

fn unix(nanos: i128) -> Result<u64, String> {
    u64::try_from(nanos).map_err(|_| "a time is not within 1970 and 2554".to_owned())
}
