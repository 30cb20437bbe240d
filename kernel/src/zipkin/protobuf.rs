//! Lists of spans in protobuf (`zipkin.proto`).

use std::net::IpAddr;

use super::model::{Endpoint, KINDS, Span};
use crate::check::Checker;
use crate::documents::fields::Said;
use crate::encode::write_record;
use crate::schema::Kind::{self, Bytes, Enum, Fixed64, Int32, String as Str, Uint64};
use crate::schema::{Message, many, message, one};
use crate::tail::value::{Map, Text, Value};
use crate::wire::{begin, end, write_fixed, write_number};

message!(LIST, "ListOfSpans", many(1, "spans", "spans", Kind::Message(&SPAN)),);
message!(
    SPAN,
    "Span",
    one(1, "trace_id", "traceId", Bytes),
    one(2, "parent_id", "parentId", Bytes),
    one(3, "id", "id", Bytes),
    one(4, "kind", "kind", Enum),
    one(5, "name", "name", Str),
    one(6, "timestamp", "timestamp", Fixed64),
    one(7, "duration", "duration", Uint64),
    one(8, "local_endpoint", "localEndpoint", Kind::Message(&ENDPOINT)),
    one(9, "remote_endpoint", "remoteEndpoint", Kind::Message(&ENDPOINT)),
    many(10, "annotations", "annotations", Kind::Message(&ANNOTATION)),
    many(11, "tags", "tags", Kind::Message(&TAG)),
);
message!(
    ENDPOINT,
    "Endpoint",
    one(1, "service_name", "serviceName", Str),
    one(2, "ipv4", "ipv4", Bytes),
    one(3, "ipv6", "ipv6", Bytes),
    one(4, "port", "port", Int32),
);
message!(
    ANNOTATION,
    "Annotation",
    one(1, "timestamp", "timestamp", Fixed64),
    one(2, "value", "value", Str),
);
message!(TAG, "Tag", one(1, "key", "key", Str), one(2, "value", "value", Str),);

/// Add a span to a list.
pub fn write(out: &mut Vec<u8>, span: &Span) {
    let start = begin(out, 1);
    write_record(out, 1, &span.trace_id);
    if span.parent != [0; 8] {
        write_record(out, 2, &span.parent);
    }
    write_record(out, 3, &span.id);
    write_number(out, 4, span.kind as u64);
    write_record(out, 5, span.name.as_bytes());
    write_fixed(out, 6, span.timestamp);
    write_number(out, 7, span.duration);
    write_endpoint(out, 8, &span.local);
    write_endpoint(out, 9, &span.remote);
    for (time, value) in &span.annotations {
        let annotation = begin(out, 10);
        write_fixed(out, 1, *time);
        write_record(out, 2, value.as_bytes());
        end(out, annotation);
    }
    for (key, value) in span.tags.iter() {
        let tag = begin(out, 11);
        write_record(out, 1, key.as_bytes());
        write_record(out, 2, value.text().unwrap_or_default().as_bytes());
        end(out, tag);
    }
    end(out, start);
}

fn write_endpoint(out: &mut Vec<u8>, number: u32, endpoint: &Endpoint) {
    if *endpoint == Endpoint::default() {
        return;
    }
    let start = begin(out, number);
    write_record(out, 1, endpoint.service.as_bytes());
    match endpoint.address {
        Some(IpAddr::V4(address)) => write_record(out, 2, &address.octets()),
        Some(IpAddr::V6(address)) => write_record(out, 3, &address.octets()),
        None => {}
    }
    write_number(out, 4, endpoint.port.into());
    end(out, start);
}

/// The spans of a list.
pub fn read(message: &[u8]) -> Result<Vec<Span<'_>>, String> {
    Checker::default()
        .check(message, 0, message.len(), &LIST, 0)
        .map_err(|fault| format!("{} (at byte {})", fault.reason, fault.offset))?;
    let list = Said::of(&LIST, message);
    list.each(1).map(span).collect()
}

fn span(body: &[u8]) -> Result<Span<'_>, String> {
    let said = Said::of(&SPAN, body);
    let kind = said.number(4) as usize;
    Ok(Span {
        trace_id: trace_id(said.bytes(1))?,
        id: id("id", said.bytes(3))?.ok_or("a span has no id")?,
        parent: id("parent_id", said.bytes(2))?.unwrap_or_default(),
        kind: if kind < KINDS.len() { kind } else { 0 },
        name: text(said.bytes(5)),
        timestamp: said.number(6),
        duration: said.number(7),
        local: endpoint(&said, 8)?,
        remote: endpoint(&said, 9)?,
        annotations: said.each(10).map(annotation).collect(),
        tags: Map::of(said.each(11).map(tag).collect()),
    })
}

fn text(bytes: &[u8]) -> Text<'_> {
    String::from_utf8_lossy(bytes)
}

fn annotation(body: &[u8]) -> (u64, Text<'_>) {
    let said = Said::of(&ANNOTATION, body);
    (said.number(1), text(said.bytes(2)))
}

fn tag(body: &[u8]) -> (Text<'_>, Value<'_>) {
    let said = Said::of(&TAG, body);
    (text(said.bytes(1)), Value::Text(text(said.bytes(2))))
}

fn trace_id(given: &[u8]) -> Result<[u8; 16], String> {
    let mut trace_id = [0; 16];
    match given.len() {
        8 => trace_id[8..].copy_from_slice(given),
        16 => trace_id.copy_from_slice(given),
        len => return Err(format!("trace_id of a span has 8 or 16 bytes, not {len}")),
    }
    Ok(trace_id)
}

fn id(name: &str, given: &[u8]) -> Result<Option<[u8; 8]>, String> {
    if given.is_empty() {
        return Ok(None);
    }
    let id: [u8; 8] = given
        .try_into()
        .map_err(|_| format!("{name} of a span has 8 bytes, not {}", given.len()))?;
    Ok((id != [0; 8]).then_some(id))
}

fn endpoint<'a>(span: &Said<'a>, number: u32) -> Result<Endpoint<'a>, String> {
    let Some(body) = span.each(number).last() else { return Ok(Endpoint::default()) };
    let said = Said::of(&ENDPOINT, body);
    let old = <[u8; 4]>::try_from(said.bytes(2)).map(IpAddr::from).ok();
    let address = <[u8; 16]>::try_from(said.bytes(3)).map(IpAddr::from).ok().or(old);
    let port = u16::try_from(said.number(4)).map_err(|_| "port of a span is not below 65536")?;
    Ok(Endpoint { service: text(said.bytes(1)), address, port })
}
