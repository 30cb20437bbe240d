//! Lists of spans in JSON.

use std::net::IpAddr;

use super::model::{Endpoint, KINDS, Span};
use crate::documents::text::{comma, hex, integer, key, string};
use crate::encoding;
use crate::tail::read_json::Reading;
use crate::tail::value::{Map, Text, Value};

/// Add a span to a list that has been begun. Zipkin's names are in lower case.
pub fn write(out: &mut Vec<u8>, span: &Span) {
    comma(out);
    out.push(b'{');
    key(out, b"traceId");
    hex(out, short(&span.trace_id));
    id(out, b"id", span.id);
    if span.parent != [0; 8] {
        id(out, b"parentId", span.parent);
    }
    text(out, b"name", &span.name.to_lowercase());
    text(out, b"kind", KINDS[span.kind]);
    number(out, b"timestamp", span.timestamp);
    number(out, b"duration", span.duration);
    endpoint(out, b"localEndpoint", &span.local);
    endpoint(out, b"remoteEndpoint", &span.remote);
    if !span.annotations.is_empty() {
        annotations(out, &span.annotations);
    }
    if !span.tags.is_empty() {
        tags(out, &span.tags);
    }
    out.push(b'}');
}

/// A trace's id of 8 bytes is written as such.
fn short(id: &[u8; 16]) -> &[u8] {
    if id[..8] == [0; 8] { &id[8..] } else { id }
}

fn id(out: &mut Vec<u8>, name: &[u8], id: [u8; 8]) {
    key(out, name);
    hex(out, &id);
}

fn text(out: &mut Vec<u8>, name: &[u8], text: &str) {
    if !text.is_empty() {
        key(out, name);
        string(out, text.as_bytes());
    }
}

fn number(out: &mut Vec<u8>, name: &[u8], value: u64) {
    if value != 0 {
        key(out, name);
        integer(out, value);
    }
}

fn endpoint(out: &mut Vec<u8>, name: &[u8], endpoint: &Endpoint) {
    if *endpoint == Endpoint::default() {
        return;
    }
    key(out, name);
    out.push(b'{');
    text(out, b"serviceName", &endpoint.service.to_lowercase());
    if let Some(address) = endpoint.address {
        let version: &[u8] = if address.is_ipv4() { b"ipv4" } else { b"ipv6" };
        text(out, version, &address.to_string());
    }
    number(out, b"port", endpoint.port.into());
    out.push(b'}');
}

fn annotations(out: &mut Vec<u8>, annotations: &[(u64, Text)]) {
    key(out, b"annotations");
    out.push(b'[');
    for (time, value) in annotations {
        comma(out);
        out.push(b'{');
        number(out, b"timestamp", *time);
        key(out, b"value");
        string(out, value.as_bytes());
        out.push(b'}');
    }
    out.push(b']');
}

fn tags(out: &mut Vec<u8>, tags: &Map) {
    key(out, b"tags");
    out.push(b'{');
    for (name, value) in tags.iter() {
        key(out, name.as_bytes());
        string(out, value.text().unwrap_or_default().as_bytes());
    }
    out.push(b'}');
}

/// The spans of a list.
pub fn read(message: &[u8]) -> Result<Vec<Span<'_>>, String> {
    let text = simdutf8::basic::from_utf8(message).map_err(|_| "the text is not valid UTF-8")?;
    match Reading::new(true).read(text).map_err(|error| error.to_string())? {
        Value::List(spans) => spans.into_iter().map(span).collect(),
        _ => Err("it is no list of spans".to_owned()),
    }
}

fn span(json: Value) -> Result<Span, String> {
    let Value::Map(mut json) = json else { return Err("a span is no object".to_owned()) };
    let kind = take_text(&mut json, "kind")?;
    Ok(Span {
        trace_id: take_id(&mut json, "traceId")?.ok_or("a span has no traceId")?,
        id: take_id(&mut json, "id")?.ok_or("a span has no id")?,
        parent: take_id(&mut json, "parentId")?.unwrap_or_default(),
        kind: KINDS.iter().position(|known| *known == kind).unwrap_or_default(),
        name: take_text(&mut json, "name")?,
        timestamp: take_number(&mut json, "timestamp")?,
        duration: take_number(&mut json, "duration")?,
        local: take_endpoint(&mut json, "localEndpoint")?,
        remote: take_endpoint(&mut json, "remoteEndpoint")?,
        annotations: take_annotations(&mut json)?,
        tags: take_tags(&mut json)?,
    })
}

fn wrong(name: &str, expected: &str) -> String {
    format!("{name} of a span is not {expected}")
}

fn take_text<'a>(json: &mut Map<'a>, name: &str) -> Result<Text<'a>, String> {
    match json.remove(name) {
        None | Some(Value::Null) => Ok(Text::default()),
        Some(Value::Text(text)) => Ok(text),
        Some(_) => Err(wrong(name, "a string")),
    }
}

fn take_number(json: &mut Map, name: &str) -> Result<u64, String> {
    match json.remove(name) {
        None | Some(Value::Null) => Ok(0),
        Some(Value::Int(value @ 0..)) => Ok(value as u64),
        Some(Value::Double(value)) if value >= 0.0 => Ok(value as u64),
        Some(_) => Err(wrong(name, "a time")),
    }
}

/// Hex, of which zeros in front may be missing.
fn take_id<const N: usize>(json: &mut Map, name: &str) -> Result<Option<[u8; N]>, String> {
    let text = take_text(json, name)?;
    if text.is_empty() {
        return Ok(None);
    }
    let digits = encoding::hex(&format!("{text:0>width$}", width = 2 * N));
    let id: Option<[u8; N]> = digits.and_then(|id| id.try_into().ok());
    let id = id.ok_or_else(|| wrong(name, "an id in hex"))?;
    Ok((id != [0; N]).then_some(id))
}

fn take_endpoint<'a>(json: &mut Map<'a>, name: &str) -> Result<Endpoint<'a>, String> {
    let mut json = match json.remove(name) {
        None | Some(Value::Null) => return Ok(Endpoint::default()),
        Some(Value::Map(json)) => json,
        Some(_) => return Err(wrong(name, "an object")),
    };
    let old = take_address(&mut json, "ipv4")?;
    let address = take_address(&mut json, "ipv6")?.or(old);
    let service = take_text(&mut json, "serviceName")?;
    let port = take_number(&mut json, "port")?;
    let port = u16::try_from(port).map_err(|_| wrong("port", "below 65536"))?;
    Ok(Endpoint { service, address, port })
}

fn take_address(json: &mut Map, name: &str) -> Result<Option<IpAddr>, String> {
    let text = take_text(json, name)?;
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| wrong(name, "an address"))
}

fn take_annotations<'a>(json: &mut Map<'a>) -> Result<Vec<(u64, Text<'a>)>, String> {
    let annotations = match json.remove("annotations") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::List(annotations)) => annotations,
        Some(_) => return Err(wrong("annotations", "a list")),
    };
    let annotation = |value| match value {
        Value::Map(mut json) => {
            Ok((take_number(&mut json, "timestamp")?, take_text(&mut json, "value")?))
        }
        _ => Err(wrong("annotations", "a list of objects")),
    };
    annotations.into_iter().map(annotation).collect()
}

fn take_tags<'a>(json: &mut Map<'a>) -> Result<Map<'a>, String> {
    match json.remove("tags") {
        None | Some(Value::Null) => Ok(Map::default()),
        Some(Value::Map(tags)) if tags.iter().all(|(_, value)| value.text().is_some()) => Ok(tags),
        Some(_) => Err(wrong("tags", "an object of strings")),
    }
}
