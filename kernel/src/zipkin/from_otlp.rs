//! Spans of OTLP as spans of Zipkin, translated as the Collector does: a resource gives the name of
//! the service and tags, as does a scope, and what else Zipkin has no field for is tags, all texts.

use std::borrow::Cow;
use std::sync::Arc;

use super::events::{write_event, write_link};
use super::model::{Endpoint, OTLP_KINDS, Span};
use super::names::{
    ERROR, HTTP_CODE, KIND, LINK, LOCAL_ADDRESS, LOCAL_PORT, NO_SERVICE, OLD_HTTP_CODE,
    OLD_PEER_SERVICE, OTHER_SERVICES, PEER_ADDRESS, PEER_PORT, PEER_SERVICE, SCOPE_NAME,
    SCOPE_VERSION, SERVICE, SERVICE_SOURCE, STATUS_CODE, STATUS_DESCRIPTION, TRACE_STATE,
};
use crate::documents::fields::Said;
use crate::documents::parents::Parents;
use crate::documents::value::key_value;
use crate::exposition::text_of::text_of;
use crate::payload::Payload;
use crate::schema::{EVENT, LINK as LINK_MESSAGE, SPAN, STATUS};
use crate::tail::value::{Map, Text, Value};

const INTERNAL: u64 = 1;
const OK: u64 = 1;
const FAILED: u64 = 2;

type Pair<'a> = (Text<'a>, Value<'a>);

/// Give each span to `take`; returns the items that have no ids, of which Zipkin has none.
pub fn spans(payloads: &[Arc<Payload>], mut take: impl FnMut(&Span)) -> Vec<u32> {
    let (mut unfit, mut item) = (Vec::new(), 0);
    for payload in payloads {
        let (mut at, mut around) = (None, Around::default());
        for node in payload.index().items() {
            if at.replace(node.parent) != Some(node.parent) {
                around = Around::of(&Parents::of(payload, node.parent as usize));
            }
            match span(&Said::of(&SPAN, node.body(payload.bytes())), &around) {
                Some(span) => take(&span),
                None => unfit.push(item),
            }
            item += 1;
        }
    }
    unfit
}

/// What the spans of a scope have in common.
#[derive(Default)]
struct Around {
    service: String,
    tags: Vec<Pair<'static>>,
}

impl Around {
    fn of(parents: &Parents) -> Self {
        let (resource, scope) = (parents.resource(), parents.scope());
        let mut tags = Map::of(resource.each(1).map(attribute).collect()).into_owned();
        let service = take_service(&mut tags);
        let mut all: Vec<_> = tags.into_iter().collect();
        let mut add = |key, text: &[u8]| {
            if !text.is_empty() {
                all.push((Cow::Borrowed(key), own(text)));
            }
        };
        add(SCOPE_NAME, scope.bytes(1));
        add(SCOPE_VERSION, scope.bytes(2));
        all.extend(Map::of(scope.each(3).map(attribute).collect()).into_owned());
        Self { service, tags: all }
    }
}

fn own(text: &[u8]) -> Value<'static> {
    Value::Text(String::from_utf8_lossy(text).into_owned().into())
}

fn take_service(tags: &mut Map<'static>) -> String {
    if let Some(name) = take(tags, SERVICE) {
        return name.into_owned();
    }
    for key in OTHER_SERVICES {
        if let Some(name) = take(tags, key) {
            tags.set(SERVICE_SOURCE.into(), Value::Text(key.into()));
            return name.into_owned();
        }
    }
    NO_SERVICE.to_owned()
}

fn attribute(pair: &[u8]) -> Pair<'_> {
    let (key, value) = key_value(pair);
    let text = match value {
        Cow::Borrowed(value) => text_of(value),
        Cow::Owned(value) => Cow::Owned(text_of(&value).into_owned()),
    };
    (String::from_utf8_lossy(key), Value::Text(text))
}

fn span<'a>(said: &Said<'a>, around: &'a Around) -> Option<Span<'a>> {
    let (trace_id, id) = (id(said.bytes(1))?, id(said.bytes(2))?);
    let pairs = around.tags.iter().map(|(key, value)| (Cow::Borrowed(&**key), value.lend()));
    let mut tags = Map::of(pairs.chain(said.each(9).map(attribute)).collect());
    copy_http_code(&mut tags);
    set(&mut tags, TRACE_STATE, String::from_utf8_lossy(said.bytes(3)));
    let kind = said.number(6);
    if kind == INTERNAL {
        set(&mut tags, KIND, "internal".into());
    }
    let local = local(&mut tags, &around.service);
    let remote = remote(&mut tags);
    set_status(&mut tags, said);
    for (i, link) in said.each(13).enumerate() {
        let text = write_link(&Said::of(&LINK_MESSAGE, link));
        tags.set(format!("{LINK}{i}").into(), Value::Text(text.into()));
    }
    let (start, end) = (said.number(7), said.number(8));
    Some(Span {
        trace_id,
        id,
        parent: self::id(said.bytes(4)).unwrap_or_default(),
        kind: OTLP_KINDS.iter().position(|known| *known == kind).unwrap_or_default(),
        name: String::from_utf8_lossy(said.bytes(5)),
        timestamp: micros(start),
        duration: if end > start { micros(end - start).max(1) } else { 0 },
        local,
        remote,
        annotations: annotations(said),
        tags,
    })
}

/// Zipkin has no annotations without time.
fn annotations<'a>(said: &Said<'a>) -> Vec<(u64, Text<'a>)> {
    let events = said.each(11).map(|event| Said::of(&EVENT, event));
    events.map(|event| (micros(event.number(1)).max(1), write_event(&event))).collect()
}

fn copy_http_code(tags: &mut Map) {
    if tags.get(OLD_HTTP_CODE).is_none()
        && let Some(code) = tags.get(HTTP_CODE).cloned()
    {
        tags.set(OLD_HTTP_CODE.into(), code);
    }
}

fn local<'a>(tags: &mut Map<'a>, service: &'a str) -> Endpoint<'a> {
    let service = Cow::Borrowed(service);
    Endpoint { service, address: address(tags, LOCAL_ADDRESS), port: port(tags, LOCAL_PORT) }
}

/// A port alone is no endpoint.
fn remote<'a>(tags: &mut Map<'a>) -> Endpoint<'a> {
    let service = take(tags, PEER_SERVICE).or_else(|| take(tags, OLD_PEER_SERVICE));
    let (service, address) = (service.unwrap_or_default(), address(tags, PEER_ADDRESS));
    if service.is_empty() && address.is_none() {
        return Endpoint::default();
    }
    Endpoint { service, address, port: port(tags, PEER_PORT) }
}

fn take<'a>(tags: &mut Map<'a>, key: &str) -> Option<Text<'a>> {
    tags.get(key)?.text().filter(|text| !text.is_empty())?;
    match tags.remove(key) {
        Some(Value::Text(text)) => Some(text),
        _ => None,
    }
}

/// What is no address stays a tag.
fn address(tags: &mut Map, key: &str) -> Option<std::net::IpAddr> {
    let address = tags.get(key)?.text()?.parse().ok()?;
    tags.remove(key);
    Some(address)
}

fn port(tags: &mut Map, key: &str) -> u16 {
    let Some(port) = tags.get(key).and_then(Value::text).and_then(|it| it.parse().ok()) else {
        return 0;
    };
    tags.remove(key);
    port
}

/// Whatever `error` holds, Zipkin shows a span as failed that has it.
fn set_status(tags: &mut Map, said: &Said) {
    let status = said.message(15);
    let status = Said::of(&STATUS, &status);
    tags.remove(ERROR);
    let code = match status.number(3) {
        OK => "STATUS_CODE_OK",
        FAILED => {
            set(tags, ERROR, "true".into());
            "STATUS_CODE_ERROR"
        }
        _ => return,
    };
    set(tags, STATUS_CODE, code.into());
    let message = String::from_utf8_lossy(status.bytes(2)).into_owned();
    set(tags, STATUS_DESCRIPTION, message.into());
}

fn set<'a>(tags: &mut Map<'a>, key: &'static str, text: Text<'a>) {
    if !text.is_empty() {
        tags.set(Cow::Borrowed(key), Value::Text(text));
    }
}

/// An id that is one.
fn id<const N: usize>(given: &[u8]) -> Option<[u8; N]> {
    let id = given.try_into().ok()?;
    (id != [0; N]).then_some(id)
}

/// Nanoseconds to the nearest microsecond.
fn micros(nanos: u64) -> u64 {
    nanos / 1000 + u64::from(nanos % 1000 >= 500)
}
