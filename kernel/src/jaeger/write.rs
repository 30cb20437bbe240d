//! Spans of OTLP as spans of Jaeger, translated as the Collector does: a resource is a process, an
//! event a log, a link a reference, and scope, kind, status and trace state are tags.

use std::sync::Arc;

use super::tags::{BOOL, write_attributes, write_text};
use crate::documents::fields::Said;
use crate::documents::parents::Parents;
use crate::documents::value::{Value, key_value};
use crate::encode::write_record;
use crate::payload::Payload;
use crate::schema::{EVENT, LINK, SPAN, STATUS};
use crate::wire::{begin, end, write_number};

/// The name of the service where a resource has no attributes.
pub const NO_SERVICE: &str = "OTLPResourceNoServiceName";
/// The attribute of a link that says of which type its reference is.
pub const REF_TYPE: &str = "opentracing.ref_type";
pub const CHILD_OF: u64 = 0;
pub const FOLLOWS_FROM: u64 = 1;
/// The names of the kinds of spans, by number.
pub const KINDS: [&str; 6] = ["", "internal", "server", "client", "producer", "consumer"];

const TAGS: u32 = 8;
const SERVICE: &[u8] = b"service.name";
const NANOS: i128 = 1_000_000_000;

/// A span, and the id of its trace.
pub struct Message {
    pub trace_id: [u8; 16],
    pub value: Vec<u8>,
}

/// A message for each span.
pub fn messages(payloads: &[Arc<Payload>]) -> Vec<Message> {
    let mut found = Vec::new();
    for payload in payloads {
        let (mut at, mut around) = (None, Around::default());
        for node in payload.index().items() {
            if at.replace(node.parent) != Some(node.parent) {
                around = Around::of(&Parents::of(payload, node.parent as usize));
            }
            found.push(message(&Said::of(&SPAN, node.body(payload.bytes())), &around));
        }
    }
    found
}

/// What the spans of a scope have in common, encoded.
#[derive(Default)]
struct Around {
    tags: Vec<u8>,
    process: Vec<u8>,
}

impl Around {
    fn of(parents: &Parents) -> Self {
        let (resource, scope) = (parents.resource(), parents.scope());
        let (mut tags, mut process) = (Vec::new(), Vec::new());
        write_text(&mut tags, TAGS, "otel.scope.name", scope.bytes(1));
        write_text(&mut tags, TAGS, "otel.scope.version", scope.bytes(2));
        let start = begin(&mut process, 10);
        write_process(&mut process, &resource);
        end(&mut process, start);
        Self { tags, process }
    }
}

fn write_process(out: &mut Vec<u8>, resource: &Said) {
    if !resource.has(1) {
        return write_record(out, 1, NO_SERVICE.as_bytes());
    }
    if let Some(name) = text_at(resource.each(1), SERVICE) {
        write_record(out, 1, &name);
    }
    write_attributes(out, 2, resource.each(1), SERVICE);
}

fn message(span: &Said, around: &Around) -> Message {
    let mut out = Vec::with_capacity(512);
    let trace_id = id(span.bytes(1));
    write_record(&mut out, 1, &trace_id);
    write_record(&mut out, 2, &id::<8>(span.bytes(2)));
    write_record(&mut out, 3, span.bytes(5));
    write_references(&mut out, span, &trace_id);
    let (start, end) = (i128::from(span.number(7)), i128::from(span.number(8)));
    write_time(&mut out, 6, start);
    write_time(&mut out, 7, end - start);
    out.extend_from_slice(&around.tags);
    write_attributes(&mut out, TAGS, span.each(9), b"");
    write_kind_and_status(&mut out, span);
    write_text(&mut out, TAGS, "w3c.tracestate", span.bytes(3));
    for event in span.each(11) {
        write_log(&mut out, &Said::of(&EVENT, event));
    }
    out.extend_from_slice(&around.process);
    Message { trace_id, value: out }
}

/// The parent comes first, where back ends look for it.
fn write_references(out: &mut Vec<u8>, span: &Said, trace_id: &[u8; 16]) {
    let parent = id::<8>(span.bytes(4));
    let mut references = Vec::new();
    if parent != [0; 8] {
        references.push((*trace_id, parent, CHILD_OF));
    }
    for link in span.each(13) {
        let link = Said::of(&LINK, link);
        let reference = (id(link.bytes(1)), id(link.bytes(2)), ref_type(&link));
        match references.first_mut() {
            Some(first) if parent != [0; 8] && (first.0, first.1) == (reference.0, reference.1) => {
                *first = reference;
            }
            _ => references.push(reference),
        }
    }
    for (trace_id, span_id, kind) in references {
        let start = begin(out, 4);
        write_record(out, 1, &trace_id);
        write_record(out, 2, &span_id);
        write_number(out, 3, kind);
        end(out, start);
    }
}

fn ref_type(link: &Said) -> u64 {
    let named = text_at(link.each(4), REF_TYPE.as_bytes());
    if named.is_some_and(|name| name == b"child_of") { CHILD_OF } else { FOLLOWS_FROM }
}

/// A `Timestamp` or a `Duration`.
fn write_time(out: &mut Vec<u8>, number: u32, nanos: i128) {
    let start = begin(out, number);
    for (number, part) in [(1, nanos / NANOS), (2, nanos % NANOS)] {
        if part != 0 {
            write_number(out, number, (part as i64).cast_unsigned());
        }
    }
    end(out, start);
}

fn write_kind_and_status(out: &mut Vec<u8>, span: &Said) {
    let kind = KINDS.get(span.number(6) as usize).copied().unwrap_or_default();
    write_text(out, TAGS, "span.kind", kind.as_bytes());
    let status = span.message(15);
    let status = Said::of(&STATUS, &status);
    let code: &[u8] = match status.number(3) {
        1 => b"OK",
        2 => b"ERROR",
        _ => b"",
    };
    write_text(out, TAGS, "otel.status_code", code);
    if code == b"ERROR" {
        let start = begin(out, TAGS);
        write_record(out, 1, b"error");
        write_number(out, 2, BOOL);
        write_number(out, 4, 1);
        end(out, start);
    }
    write_text(out, TAGS, "otel.status_description", status.bytes(2));
}

fn write_log(out: &mut Vec<u8>, event: &Said) {
    let start = begin(out, 9);
    write_time(out, 1, event.number(1).into());
    if text_at(event.each(3), b"event").is_none() {
        write_text(out, 2, "event", event.bytes(2));
    }
    write_attributes(out, 2, event.each(3), b"");
    end(out, start);
}

/// The text of an attribute; of what is no text, nothing.
fn text_at<'a>(mut pairs: impl Iterator<Item = &'a [u8]>, wanted: &[u8]) -> Option<Vec<u8>> {
    let (_, value) = pairs.find_map(|pair| Some(key_value(pair)).filter(|it| it.0 == wanted))?;
    Some(if let Value::Text(text) = Value::of(&value) { text.to_vec() } else { Vec::new() })
}

/// An id of the length that Jaeger wants.
fn id<const N: usize>(given: &[u8]) -> [u8; N] {
    let mut id = [0; N];
    let len = given.len().min(N);
    id[N - len..].copy_from_slice(&given[given.len() - len..]);
    id
}
