//! Documents of fields named as OTLP's were: the modes `none` and `raw`.

use super::fields::Said;
use super::flat::{Document, joined};
use super::parents::Parents;
use super::route::{Mode, Route};
use super::text;
use super::value::{Value, key_value, map, with_value};
use crate::schema::{EVENT, LINK, STATUS};

const KINDS: [&str; 6] = [
    "SPAN_KIND_UNSPECIFIED",
    "SPAN_KIND_INTERNAL",
    "SPAN_KIND_SERVER",
    "SPAN_KIND_CLIENT",
    "SPAN_KIND_PRODUCER",
    "SPAN_KIND_CONSUMER",
];

/// What documents below one scope have in common.
pub fn parents(document: &mut Document, parents: &Parents) {
    let (resource, scope) = (parents.resource(), parents.scope());
    document.attributes(b"Resource", resource.each(1));
    document.attributes(b"Scope", scope.each(3));
    document.text(b"Scope.name", scope.bytes(1));
    document.text(b"Scope.version", scope.bytes(2));
}

fn prefix(mode: Mode, named: &'static str) -> &'static [u8] {
    if mode == Mode::Raw { b"" } else { named.as_bytes() }
}

pub fn log(document: &mut Document, record: &Said, route: &Route) {
    let time = record.number(1);
    document.time(b"", b"@timestamp", if time == 0 { record.number(11) } else { time });
    document.id(b"TraceId", record.bytes(9));
    document.id(b"SpanId", record.bytes(10));
    document.integer(b"TraceFlags", record.number(8).cast_signed());
    document.text(b"SeverityText", record.bytes(3));
    document.integer(b"SeverityNumber", record.number(2).cast_signed());
    with_value(record.message(5), |body| document.attribute(b"", b"Body", &body));
    let prefix = prefix(route.mode, "Attributes");
    document.attributes(prefix, record.each(6));
    stream(document, prefix, route);
}

pub fn span(document: &mut Document, span: &Said, route: &Route) {
    let (start, end) = (span.number(7), span.number(8));
    document.time(b"", b"@timestamp", start);
    document.time(b"", b"EndTimestamp", end);
    document.id(b"TraceId", span.bytes(1));
    document.id(b"SpanId", span.bytes(2));
    document.id(b"ParentSpanId", span.bytes(4));
    document.text(b"Name", span.bytes(5));
    let kind = KINDS.get(span.number(6) as usize).copied().unwrap_or_default();
    document.text(b"Kind", kind.as_bytes());
    let status = span.message(15);
    let status = Said::of(&STATUS, &status);
    document.integer(b"TraceStatus", status.number(3).cast_signed());
    document.text(b"TraceStatusDescription", status.bytes(2));
    document.text(b"Link", &links(span));
    document.integer(b"Duration", end.wrapping_sub(start).cast_signed() / 1000);
    let prefix = prefix(route.mode, "Attributes");
    document.attributes(prefix, span.each(9));
    stream(document, prefix, route);
    events(document, span, self::prefix(route.mode, "Events"));
}

fn events(document: &mut Document, span: &Said, prefix: &[u8]) {
    for event in span.each(11) {
        let event = Said::of(&EVENT, event);
        let name = event.bytes(2);
        let path = joined(prefix, name);
        document.time(&path, b"time", event.number(1));
        document.attributes(&path, event.each(3));
    }
}

/// All links as one text of JSON.
fn links(span: &Said) -> Vec<u8> {
    let mut out = vec![b'['];
    for link in span.each(13) {
        let link = Said::of(&LINK, link);
        text::comma(&mut out);
        out.extend(b"{\"attribute\":");
        map(&mut out, link.each(4));
        text::key(&mut out, b"spanID");
        text::hex(&mut out, link.bytes(2));
        text::key(&mut out, b"traceID");
        text::hex(&mut out, link.bytes(1));
        out.push(b'}');
    }
    out.push(b']');
    out
}

/// Where the document goes, if to a data stream.
pub fn stream(document: &mut Document, prefix: &[u8], route: &Route) {
    let Some([type_, dataset, namespace]) = &route.stream else { return };
    let fields = [("type", type_), ("dataset", dataset), ("namespace", namespace)];
    for (name, value) in fields {
        let key = [b"data_stream.", name.as_bytes()].concat();
        document.add(prefix, &key, |out| text::string(out, value.as_bytes()));
    }
}

/// The text that an attribute holds.
pub fn find<'a>(mut pairs: impl Iterator<Item = &'a [u8]>, key: &[u8]) -> Option<Vec<u8>> {
    let found = pairs.find_map(|pair| {
        let (own, value) = key_value(pair);
        (own == key).then_some(value)
    });
    with_value(found?, |value| match value {
        Value::Text(text) if !text.is_empty() => Some(text.to_vec()),
        _ => None,
    })
}
