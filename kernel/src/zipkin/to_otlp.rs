//! Spans of Zipkin as spans of OTLP: the way back of `from_otlp.rs`. Tags stay texts.

use std::borrow::Cow;

use super::events::{Event, Link};
use super::model::{Endpoint, OTLP_KINDS, Span};
use super::names::{
    ERROR, KIND, LINK, LOCAL_ADDRESS, LOCAL_PORT, NEW_SCOPE_NAME, NEW_SCOPE_VERSION, NO_SERVICE,
    NO_START, PEER_ADDRESS, PEER_PORT, PEER_SERVICE, SCOPE_NAME, SCOPE_VERSION, SERVICE,
    SERVICE_SOURCE, STATUS_CODE, STATUS_DESCRIPTION, TRACE_STATE, is_of_resource,
};
use crate::encode::write_record;
use crate::push::tree::{Origin, Tree};
use crate::tail::read_json::DEEPEST;
use crate::tail::value::{Map, Text, Value};
use crate::tail::write::write_pairs;
use crate::wire::{begin, end, write_fixed, write_number};

const INTERNAL: u64 = 1;
const OK: u64 = 1;
const FAILED: u64 = 2;

/// Links of a span that are looked for at most.
const MAX_LINKS: usize = 128;

/// Add a span.
pub fn add(tree: &mut Tree, mut span: Span) {
    let scope = scope(&mut span.tags);
    let (of_resource, tags) = std::mem::take(&mut span.tags)
        .into_iter()
        .partition(|(key, _)| is_of_resource(key) || key == SERVICE_SOURCE);
    span.tags = Map::of(tags);
    let resource = resource(&span.local, of_resource);
    let origin = tree.origin(Origin { resource, scope });
    let mut body = Vec::with_capacity(512);
    write_span(&mut body, span);
    tree.record(origin, &body);
}

fn resource<'a>(local: &Endpoint<'a>, mut tags: Vec<(Text<'a>, Value<'a>)>) -> Vec<u8> {
    let source = tags.iter().position(|(key, _)| key == SERVICE_SOURCE);
    let source = source.map(|place| tags.remove(place).1);
    if !local.service.is_empty() && !local.service.eq_ignore_ascii_case(NO_SERVICE) {
        let key = source.as_ref().and_then(Value::text).unwrap_or(SERVICE).to_owned();
        tags.insert(0, (key.into(), Value::Text(local.service.clone())));
    }
    let mut out = Vec::new();
    write_pairs(&mut out, 1, &Map::of(tags), 0);
    out
}

fn scope(tags: &mut Map) -> Vec<u8> {
    let mut out = Vec::new();
    for (number, old, new) in
        [(1, SCOPE_NAME, NEW_SCOPE_NAME), (2, SCOPE_VERSION, NEW_SCOPE_VERSION)]
    {
        let (old, new) = (take(tags, old), take(tags, new));
        write_text(&mut out, number, &new.or(old).unwrap_or_default());
    }
    out
}

fn write_span(out: &mut Vec<u8>, mut span: Span) {
    let state = take(&mut span.tags, TRACE_STATE).unwrap_or_default();
    let kind = kind(&mut span);
    let (code, message) = status(&mut span.tags);
    let links = links(&mut span.tags);
    add_endpoints(&mut span);
    let start = nanos(span.timestamp);
    write_record(out, 1, &span.trace_id);
    write_record(out, 2, &span.id);
    write_text(out, 3, &state);
    if span.parent != [0; 8] && span.parent != span.id {
        write_record(out, 4, &span.parent);
    }
    write_text(out, 5, &span.name);
    write_unless_0(out, 6, kind);
    write_fixed(out, 7, start);
    write_fixed(out, 8, start.saturating_add(nanos(span.duration)));
    write_pairs(out, 9, &span.tags, 0);
    for (time, text) in &span.annotations {
        write_event(out, *time, &Event::read(text));
    }
    for link in links.iter().filter_map(|text| Link::read(text)) {
        write_link(out, &link);
    }
    let status = begin(out, 15);
    write_text(out, 2, &message);
    write_unless_0(out, 3, code);
    end(out, status);
}

fn kind(span: &mut Span) -> u64 {
    if span.kind == 0 && take(&mut span.tags, KIND).is_some_and(|kind| kind == "internal") {
        return INTERNAL;
    }
    OTLP_KINDS[span.kind]
}

/// Code and message. What has an `error` has failed, and that says why, if it is not just `true`.
fn status<'a>(tags: &mut Map<'a>) -> (u64, Text<'a>) {
    let code = take(tags, STATUS_CODE);
    let message = code.as_ref().and_then(|_| take(tags, STATUS_DESCRIPTION)).unwrap_or_default();
    if let Some(error) = tags.get(ERROR) {
        if error.text() == Some("true") {
            tags.remove(ERROR);
        }
        return (FAILED, message);
    }
    let code = code.unwrap_or_default();
    let name = code.strip_prefix("STATUS_CODE_").unwrap_or(&code);
    let is = |known: &str| name.eq_ignore_ascii_case(known);
    (
        if is("OK") {
            OK
        } else if is("ERROR") {
            FAILED
        } else {
            0
        },
        message,
    )
}

fn links<'a>(tags: &mut Map<'a>) -> Vec<Text<'a>> {
    (0..MAX_LINKS).map_while(|i| take(tags, &format!("{LINK}{i}"))).collect()
}

fn add_endpoints(span: &mut Span) {
    let Span { tags, local, remote, .. } = span;
    if !remote.service.is_empty() {
        let service = std::mem::take(&mut remote.service);
        tags.set(PEER_SERVICE.into(), Value::Text(service));
    }
    for (endpoint, address, port) in
        [(local, LOCAL_ADDRESS, LOCAL_PORT), (remote, PEER_ADDRESS, PEER_PORT)]
    {
        if let Some(found) = endpoint.address {
            tags.set(address.into(), Value::Text(found.to_string().into()));
        }
        if endpoint.port > 0 {
            tags.set(port.into(), Value::Int(endpoint.port.into()));
        }
    }
    if span.timestamp == 0 {
        tags.set(NO_START.into(), Value::Bool(true));
    }
}

fn write_event(out: &mut Vec<u8>, time: u64, event: &Event) {
    let start = begin(out, 11);
    write_fixed(out, 1, nanos(time));
    write_text(out, 2, &event.name);
    write_pairs(out, 3, &event.attributes, DEEPEST);
    write_unless_0(out, 4, event.dropped.into());
    end(out, start);
}

fn write_link(out: &mut Vec<u8>, link: &Link) {
    let start = begin(out, 13);
    for (number, bytes) in [(1, &*link.trace_id), (2, &*link.span_id), (3, link.state.as_bytes())] {
        if !bytes.is_empty() {
            write_record(out, number, bytes);
        }
    }
    write_pairs(out, 4, &link.attributes, DEEPEST);
    write_unless_0(out, 5, link.dropped.into());
    end(out, start);
}

fn take<'a>(tags: &mut Map<'a>, key: &str) -> Option<Text<'a>> {
    match tags.remove(key)? {
        Value::Text(text) => Some(text),
        _ => Some(Cow::Borrowed("")),
    }
}

fn write_text(out: &mut Vec<u8>, number: u32, text: &str) {
    if !text.is_empty() {
        write_record(out, number, text.as_bytes());
    }
}

fn write_unless_0(out: &mut Vec<u8>, number: u32, value: u64) {
    if value != 0 {
        write_number(out, number, value);
    }
}

fn nanos(micros: u64) -> u64 {
    micros.saturating_mul(1000)
}
