//! Documents that keep OpenTelemetry's structure: the mode `otel`.

use super::fields::Said;
use super::parents::Parents;
use super::route::{Route, is_about};
use super::text;
use super::value::{Keys, Value, elements, key_value, with_value};
use crate::schema::{EVENT, LINK, STATUS};

const KINDS: [&str; 6] = ["Unspecified", "Internal", "Server", "Client", "Producer", "Consumer"];
const STATUSES: [&str; 3] = ["Unset", "Ok", "Error"];

/// What documents below one scope have in common.
pub fn parents(out: &mut Vec<u8>, parents: &Parents) {
    let (resource, scope) = (parents.resource(), parents.scope());
    object(out, b"resource", |out| {
        text_field(out, b"schema_url", parents.resource_schema);
        attributes(out, resource.each(1), b"");
        count(out, b"dropped_attributes_count", resource.number(2));
    });
    object(out, b"scope", |out| {
        text_field(out, b"schema_url", parents.scope_schema);
        text_field(out, b"name", scope.bytes(1));
        text_field(out, b"version", scope.bytes(2));
        attributes(out, scope.each(3), b"");
        count(out, b"dropped_attributes_count", scope.number(4));
    });
}

pub fn log(out: &mut Vec<u8>, record: &Said, route: &Route, parents: &[u8]) {
    let (time, observed) = (record.number(1), record.number(11));
    out.push(b'{');
    time_field(out, b"@timestamp", if time == 0 { observed } else { time });
    time_field(out, b"observed_timestamp", observed);
    stream(out, route);
    text_field(out, b"severity_text", record.bytes(3));
    count(out, b"severity_number", record.number(2));
    id_field(out, b"trace_id", record.bytes(9));
    id_field(out, b"span_id", record.bytes(10));
    attributes(out, record.each(6), b"");
    count(out, b"dropped_attributes_count", record.number(7));
    event_name(out, record);
    text::comma(out);
    out.extend_from_slice(parents);
    if record.has(5) {
        with_value(record.message(5), |value| body(out, &value));
    }
    out.push(b'}');
}

fn event_name(out: &mut Vec<u8>, record: &Said) {
    let name = record.bytes(12);
    if !name.is_empty() {
        return text_field(out, b"event_name", name);
    }
    let named = record.each(6).map(key_value).find(|(key, _)| *key == b"event.name");
    if let Some((_, value)) = named {
        with_value(value, |value| {
            if let Value::Text(name) = value {
                text_field(out, b"event_name", name);
            }
        });
    }
}

/// A list is one of objects or stands in one: an index has no other lists of different things.
fn body(out: &mut Vec<u8>, value: &Value) {
    let field = match value {
        Value::Empty => return,
        Value::Map(_) | Value::List(_) => b"structured".as_slice(),
        _ => b"text",
    };
    object(out, b"body", |out| {
        text::key(out, field);
        match value {
            Value::List(list)
                if !elements(list).all(|it| matches!(Value::of(it), Value::Map(_))) =>
            {
                out.extend(b"{\"value\":");
                value.write(out);
                out.push(b'}');
            }
            _ => value.write(out),
        }
    });
}

pub fn span(out: &mut Vec<u8>, span: &Said, route: &Route, parents: &[u8]) {
    let (start, end) = (span.number(7), span.number(8));
    out.push(b'{');
    time_field(out, b"@timestamp", start);
    stream(out, route);
    id_field(out, b"trace_id", span.bytes(1));
    id_field(out, b"span_id", span.bytes(2));
    text_field(out, b"trace_state", span.bytes(3));
    id_field(out, b"parent_span_id", span.bytes(4));
    text_field(out, b"name", span.bytes(5));
    text_field(out, b"kind", name(&KINDS, span.number(6)).as_bytes());
    text::key(out, b"duration");
    text::integer(out, end.saturating_sub(start));
    attributes(out, span.each(9), b"");
    count(out, b"dropped_attributes_count", span.number(10));
    count(out, b"dropped_events_count", span.number(12));
    links(out, span);
    count(out, b"dropped_links_count", span.number(14));
    let status = span.message(15);
    let status = Said::of(&STATUS, &status);
    object(out, b"status", |out| {
        text_field(out, b"message", status.bytes(2));
        text_field(out, b"code", name(&STATUSES, status.number(3)).as_bytes());
    });
    text::comma(out);
    out.extend_from_slice(parents);
    out.push(b'}');
}

fn links(out: &mut Vec<u8>, span: &Said) {
    text::key(out, b"links");
    out.push(b'[');
    for link in span.each(13) {
        let link = Said::of(&LINK, link);
        text::comma(out);
        out.push(b'{');
        id_field(out, b"trace_id", link.bytes(1));
        id_field(out, b"span_id", link.bytes(2));
        text_field(out, b"trace_state", link.bytes(3));
        attributes(out, link.each(4), b"");
        count(out, b"dropped_attributes_count", link.number(5));
        out.push(b'}');
    }
    out.push(b']');
}

/// An event of a span, which is a document of its own.
pub fn event(out: &mut Vec<u8>, span: &Said, event: &[u8], route: &Route, parents: &[u8]) {
    let event = Said::of(&EVENT, event);
    out.push(b'{');
    time_field(out, b"@timestamp", event.number(1));
    stream(out, route);
    id_field(out, b"trace_id", span.bytes(1));
    id_field(out, b"span_id", span.bytes(2));
    count(out, b"dropped_attributes_count", event.number(4));
    text_field(out, b"event_name", event.bytes(2));
    attributes(out, event.each(3), event.bytes(2));
    text::comma(out);
    out.extend_from_slice(parents);
    out.push(b'}');
}

/// An object of attributes, if there are any. An event has its name among them.
pub fn attributes<'a>(out: &mut Vec<u8>, pairs: impl Iterator<Item = &'a [u8]>, event: &[u8]) {
    let before = out.len();
    text::key(out, b"attributes");
    out.push(b'{');
    let start = out.len();
    let mut seen = Keys::default();
    if !event.is_empty() {
        seen.is_new(b"event.name");
        text_field(out, b"event.name", event);
    }
    for pair in pairs {
        let (key, value) = key_value(pair);
        if seen.is_new(key) && !is_about(key) {
            text::key(out, key);
            with_value(value, |value| value.write(out));
        }
    }
    if out.len() == start {
        out.truncate(before);
    } else {
        out.push(b'}');
    }
}

pub fn stream(out: &mut Vec<u8>, route: &Route) {
    let Some([type_, dataset, namespace]) = &route.stream else { return };
    object(out, b"data_stream", |out| {
        text_field(out, b"type", type_.as_bytes());
        text_field(out, b"dataset", dataset.as_bytes());
        text_field(out, b"namespace", namespace.as_bytes());
    });
}

fn name(names: &[&'static str], number: u64) -> &'static str {
    names.get(number as usize).copied().unwrap_or_default()
}

fn object(out: &mut Vec<u8>, key: &[u8], write: impl FnOnce(&mut Vec<u8>)) {
    text::key(out, key);
    out.push(b'{');
    write(out);
    out.push(b'}');
}

pub fn text_field(out: &mut Vec<u8>, key: &[u8], value: &[u8]) {
    if !value.is_empty() {
        text::key(out, key);
        text::string(out, value);
    }
}

fn id_field(out: &mut Vec<u8>, key: &[u8], id: &[u8]) {
    if id.iter().any(|byte| *byte != 0) {
        text::key(out, key);
        text::hex(out, id);
    }
}

fn time_field(out: &mut Vec<u8>, key: &[u8], time: u64) {
    text::key(out, key);
    text::epoch_millis(out, time);
}

fn count(out: &mut Vec<u8>, key: &[u8], value: u64) {
    if value != 0 {
        text::key(out, key);
        text::integer(out, value);
    }
}
