//! Bodies of the bulk API: an action and a document, a line each, for all that a batch becomes.

use std::io::Write;
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::fields::Said;
use super::flat::Document;
use super::legacy::find;
use super::parents::{self, Parents, is_logs};
use super::route::{DOCUMENT_ID, Mode, PIPELINE, Place, Plan, Route};
use super::value::{Value, map, pairs, with_value};
use super::{ecs, legacy, otel, text};
use crate::payload::Payload;

/// A body and what its documents are of: pairs of an item and the place of a document.
#[derive(Default)]
pub struct Body {
    pub bytes: Vec<u8>,
    pub documents: usize,
    pub items: Vec<u32>,
    pub places: Vec<u32>,
}

/// What has been written of a batch, and where to go on, if that is not all.
pub struct Written {
    pub bodies: Vec<Body>,
    /// The items that have no document.
    pub unwritten: Vec<u32>,
    pub next: Option<Place>,
}

/// Bodies within the limits of a plan; a document that is larger comes alone.
pub struct Bodies<'p> {
    pub plan: &'p Plan,
    done: Vec<Body>,
    open: Body,
    /// Bytes of all of them, before they are compressed.
    total: usize,
}

impl<'p> Bodies<'p> {
    pub fn new(plan: &'p Plan) -> Self {
        Self { plan, done: Vec::new(), open: Body::default(), total: 0 }
    }

    /// Whether what comes is to be written another time.
    pub fn are_enough(&self) -> bool {
        self.total >= self.plan.max_total
    }

    /// Add a document of these items.
    pub fn add(&mut self, items: &[u32], write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.open.bytes.len();
        write(&mut self.open.bytes);
        self.total += self.open.bytes.len() - start;
        let full = self.open.bytes.len() > self.plan.max_bytes
            || self.open.documents == self.plan.max_documents;
        if full && start > 0 {
            let bytes = self.open.bytes.split_off(start);
            self.close();
            self.open.bytes = bytes;
        }
        let place = self.open.documents as u32;
        self.open.items.extend_from_slice(items);
        self.open.places.extend(items.iter().map(|_| place));
        self.open.documents += 1;
    }

    pub fn finish(mut self) -> Vec<Body> {
        if self.open.documents > 0 {
            self.close();
        }
        self.done
    }

    fn close(&mut self) {
        let mut body = std::mem::take(&mut self.open);
        if let Some(level) = self.plan.level {
            body.bytes = compressed(&body.bytes, level);
        }
        self.done.push(body);
    }
}

fn compressed(bytes: &[u8], level: u32) -> Vec<u8> {
    let out = Vec::with_capacity(bytes.len() / 8);
    let mut encoder = GzEncoder::new(out, Compression::new(level));
    encoder.write_all(bytes).expect("a Vec takes whatever is written");
    encoder.finish().expect("a Vec takes whatever is written")
}

/// The bodies of logs or spans from a place on.
pub fn write(payloads: &[Arc<Payload>], plan: &Plan, begin: Place) -> Written {
    let mut writer = Writer {
        bodies: Bodies::new(plan),
        document: Document::default(),
        shared: Vec::new(),
        base: 0,
        begin: begin.at,
        events: begin.events,
        unwritten: Vec::new(),
    };
    let (mut first, mut next) = (0, None);
    for payload in payloads {
        next = writer.payload(payload, first);
        if next.is_some() {
            break;
        }
        first += payload.items();
    }
    Written { bodies: writer.bodies.finish(), unwritten: writer.unwritten, next }
}

struct Writer<'p> {
    bodies: Bodies<'p>,
    document: Document,
    /// What the scope at hand gives all its items, as text; or the number of fields that it gives.
    shared: Vec<u8>,
    base: usize,
    /// The first item to write.
    begin: usize,
    /// Span events before the one at hand.
    events: usize,
    unwritten: Vec<u32>,
}

impl Writer<'_> {
    fn payload(&mut self, payload: &Payload, first: usize) -> Option<Place> {
        let plan = self.bodies.plan;
        let mut at = None;
        let nodes = payload.index().items().iter().enumerate();
        for (i, node) in nodes.skip(self.begin.saturating_sub(first)) {
            let item = first + i;
            if self.bodies.are_enough() {
                return Some(Place { at: item, events: self.events });
            }
            let route = &plan.routes[plan.items[item] as usize];
            let here = (node.parent, route.mode);
            if at.replace(here) != Some(here) {
                self.enter(payload, node.parent as usize, route.mode);
            }
            let said = Said::of(parents::item(payload), node.body(payload.bytes()));
            if is_logs(payload) {
                self.log(&said, route, item as u32);
            } else {
                self.span(&said, route, item as u32);
            }
        }
        None
    }

    fn enter(&mut self, payload: &Payload, scope: usize, mode: Mode) {
        let around = Parents::of(payload, scope);
        self.shared.clear();
        self.document.truncate(0);
        match mode {
            Mode::Otel => {
                self.shared.push(b'{');
                otel::parents(&mut self.shared, &around);
                self.shared.remove(0);
            }
            Mode::None | Mode::Raw => legacy::parents(&mut self.document, &around),
            Mode::Ecs => ecs::parents(&mut self.document, &around, is_logs(payload)),
            Mode::Bodymap | Mode::Nothing => {}
        }
        self.base = self.document.len();
    }

    fn log(&mut self, record: &Said, route: &Route, item: u32) {
        if route.mode == Mode::Nothing || route.mode == Mode::Bodymap && !has_map(record) {
            return self.unwritten.push(item);
        }
        let plan = self.bodies.plan;
        let Self { bodies, document, shared, base, .. } = self;
        bodies.add(&[item], |out| {
            action(out, plan, route, || record.each(6));
            match route.mode {
                Mode::Otel => otel::log(out, record, route, shared),
                Mode::Bodymap => with_value(record.message(5), |value| {
                    if let Value::Map(body) = &value {
                        map(out, pairs(body));
                    }
                }),
                mode => {
                    document.truncate(*base);
                    match mode {
                        Mode::Ecs => ecs::log(document, record, route),
                        _ => legacy::log(document, record, route),
                    }
                    finish(out, document, mode);
                }
            }
            out.push(b'\n');
        });
    }

    fn span(&mut self, span: &Said, route: &Route, item: u32) {
        if matches!(route.mode, Mode::Bodymap | Mode::Nothing) {
            self.events += span.each(11).count();
            return self.unwritten.push(item);
        }
        let plan = self.bodies.plan;
        let Self { bodies, document, shared, base, .. } = self;
        bodies.add(&[item], |out| {
            action(out, plan, route, || span.each(9));
            match route.mode {
                Mode::Otel => otel::span(out, span, route, shared),
                mode => {
                    document.truncate(*base);
                    match mode {
                        Mode::Ecs => ecs::span(document, span, route),
                        _ => legacy::span(document, span, route),
                    }
                    finish(out, document, mode);
                }
            }
            out.push(b'\n');
        });
        self.events(span, route, item);
    }

    fn events(&mut self, span: &Said, route: &Route, item: u32) {
        let plan = self.bodies.plan;
        for event in span.each(11) {
            let code = plan.events.get(self.events).copied();
            self.events += 1;
            let Some(to) = code.filter(|_| route.mode == Mode::Otel) else { continue };
            let (to, shared) = (&plan.routes[to as usize], &self.shared);
            self.bodies.add(&[item], |out| {
                head(out, to);
                out.extend(b"}}\n");
                otel::event(out, span, event, to, shared);
                out.push(b'\n');
            });
        }
    }
}

fn has_map(record: &Said) -> bool {
    with_value(record.message(5), |body| matches!(body, Value::Map(_)))
}

fn finish(out: &mut Vec<u8>, document: &mut Document, mode: Mode) {
    if mode == Mode::Ecs {
        document.write_nested(out);
    } else {
        document.write(out);
    }
}

pub fn head(out: &mut Vec<u8>, route: &Route) {
    out.extend_from_slice(&route.head);
}

fn action<'a, I>(out: &mut Vec<u8>, plan: &Plan, route: &Route, attributes: impl Fn() -> I)
where
    I: Iterator<Item = &'a [u8]>,
{
    head(out, route);
    let said = [(plan.ids, DOCUMENT_ID, &b"_id"[..]), (plan.pipelines, PIPELINE, b"pipeline")];
    for (wanted, attribute, field) in said {
        if wanted && let Some(value) = find(attributes(), attribute) {
            text::key(out, field);
            text::string(out, &value);
        }
    }
    out.extend(b"}}\n");
}
