//! Events and links, which Zipkin has no fields for, as texts: their parts between bars, attributes
//! as JSON.

use std::borrow::Cow;

use crate::documents::fields::Said;
use crate::encode::write_record;
use crate::encoding::{hex, write_hex};
use crate::exposition::text_of::text_of;
use crate::tail::read_json::Reading;
use crate::tail::value::{Map, Text, Value};

/// The text of an event.
pub fn write_event<'a>(event: &Said<'a>) -> Text<'a> {
    let name = String::from_utf8_lossy(event.bytes(2));
    let dropped = event.number(4);
    if !event.has(3) && dropped == 0 {
        return name;
    }
    format!("{name}|{}|{dropped}", object(event, 3)).into()
}

/// The text of a link.
pub fn write_link(link: &Said) -> String {
    let mut ids = Vec::new();
    write_hex(&mut ids, link.bytes(1));
    ids.push(b'|');
    write_hex(&mut ids, link.bytes(2));
    let (ids, state) = (String::from_utf8_lossy(&ids), String::from_utf8_lossy(link.bytes(3)));
    format!("{ids}|{state}|{}|{}", object(link, 4), link.number(5))
}

/// Attributes as an object of JSON.
fn object(said: &Said, number: u32) -> String {
    let (mut map, mut any_value) = (Vec::new(), Vec::new());
    for pair in said.each(number) {
        write_record(&mut map, 1, pair);
    }
    write_record(&mut any_value, 6, &map);
    text_of(&any_value).into_owned()
}

pub struct Event<'a> {
    pub name: Text<'a>,
    pub attributes: Map<'a>,
    pub dropped: u32,
}

impl<'a> Event<'a> {
    /// What is not written as events are is all name.
    pub fn read(text: &'a str) -> Self {
        Self::parts(text).unwrap_or_else(|| Self {
            name: Cow::Borrowed(text),
            attributes: Map::default(),
            dropped: 0,
        })
    }

    fn parts(text: &'a str) -> Option<Self> {
        let (name, rest) = text.split_once('|')?;
        let (attributes, dropped) = attributes(rest)?;
        Some(Self { name: Cow::Borrowed(name), attributes, dropped })
    }
}

pub struct Link<'a> {
    pub trace_id: Vec<u8>,
    pub span_id: Vec<u8>,
    pub state: &'a str,
    pub attributes: Map<'a>,
    pub dropped: u32,
}

impl<'a> Link<'a> {
    pub fn read(text: &'a str) -> Option<Self> {
        let mut parts = text.splitn(4, '|');
        let trace_id = hex(parts.next()?).filter(|id| matches!(id.len(), 0 | 16))?;
        let span_id = hex(parts.next()?).filter(|id| matches!(id.len(), 0 | 8))?;
        let state = parts.next()?;
        let (attributes, dropped) = attributes(parts.next()?)?;
        Some(Self { trace_id, span_id, state, attributes, dropped })
    }
}

/// Attributes, and how many were dropped.
fn attributes(text: &str) -> Option<(Map<'_>, u32)> {
    let (object, dropped) = text.rsplit_once('|')?;
    match Reading::new(true).read(object).ok()? {
        Value::Map(map) => Some((map, dropped.parse().ok()?)),
        _ => None,
    }
}
