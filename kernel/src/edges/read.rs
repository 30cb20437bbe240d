//! From batches of spans to sides of calls.

use std::borrow::Cow;

use super::calls::{Call, Calls};
use super::half::{Connection, End, Key as CallKey, Role, Seen};
use super::sides::write_text;
use super::span::{ATTRIBUTES, Span};
use crate::exposition::text_of::text_of;
use crate::key::{Key, Match, Start, is_another};
use crate::lookup::{Data, pair, submessage};
use crate::payload::Payload;
use crate::wire::{Fields, LEN};

const RESOURCE: u32 = 1;
const RESOURCE_ATTRIBUTES: u32 = 1;

/// The attributes that are looked for.
pub struct Wanted {
    service: Key,
    keys: Vec<Key>,
    starts: Vec<Start>,
    databases: Vec<usize>,
    peers: Vec<usize>,
    pub dimensions: Vec<usize>,
    /// Bytes of a text that are kept.
    longest: usize,
}

impl Wanted {
    pub fn new(
        dimensions: &[String],
        databases: &[String],
        peers: &[String],
        longest: usize,
    ) -> Self {
        let mut keys: Vec<Key> = Vec::new();
        let mut places = |texts: &[String]| {
            let place = |text: &String| {
                keys.iter().position(|key| key.text() == text).unwrap_or_else(|| {
                    keys.push(Key::new(text));
                    keys.len() - 1
                })
            };
            texts.iter().map(place).collect()
        };
        let (dimensions, databases, peers) = (places(dimensions), places(databases), places(peers));
        let starts = keys.iter().map(Key::start).collect();
        let service = Key::new("service.name");
        Self { service, keys, starts, databases, peers, dimensions, longest }
    }

    /// The values of the keys among the pairs of a message.
    fn find<'a>(&self, body: &'a [u8], number: u32, found: &mut [Option<Cow<'a, str>>]) {
        found.fill(None);
        for field in Fields::new(body).filter(|it| (it.number, it.wire_type) == (number, LEN)) {
            let bytes = &body[field.body..field.end];
            if is_another(bytes, &self.starts) {
                continue;
            }
            for (key, found) in self.keys.iter().zip(&mut *found) {
                if found.is_none() {
                    *found = match key.matches(bytes) {
                        Match::Other => None,
                        Match::Value(range) => Some(text_of(&bytes[range])),
                        Match::Unclear => pair(&body[field.tag..field.end].into(), number, key)
                            .map(|value| text_of(&value).into_owned().into()),
                    };
                }
            }
        }
    }

    /// What is told of a side, as `Sides` has it: its service, database, peer and dimensions.
    /// Whether a database is named.
    fn write(&self, out: &mut Vec<u8>, role: Role, resource: &Resource, span: &Texts) -> bool {
        let own = |at: usize| span[at].as_deref();
        let text = |at: usize| resource.texts[at].as_deref().or(own(at));
        let (database, peer) = match role {
            Role::Client => (first(&self.databases, text), first(&self.peers, own)),
            Role::Server => (None, None),
        };
        out.clear();
        for known in [Some(&*resource.service), database, peer] {
            write_text(out, known, self.longest);
        }
        for dimension in &self.dimensions {
            write_text(out, text(*dimension), self.longest);
        }
        database.is_some()
    }
}

type Texts<'a> = [Option<Cow<'a, str>>];

/// The first text that says something.
fn first<'a>(places: &[usize], text: impl Fn(usize) -> Option<&'a str>) -> Option<&'a str> {
    places.iter().filter_map(|at| text(*at)).find(|text| !text.is_empty())
}

/// What the resource of spans says.
struct Resource {
    service: String,
    texts: Vec<Option<String>>,
}

impl Resource {
    /// `None` for one without a name.
    fn read(wanted: &Wanted, resource_spans: &[u8]) -> Option<Self> {
        let body = submessage(&Data::Borrowed(resource_spans), RESOURCE)?;
        let service = pair(&body, RESOURCE_ATTRIBUTES, &wanted.service)?;
        let service = Some(text_of(&service).into_owned()).filter(|name| !name.is_empty())?;
        let mut found = vec![None; wanted.keys.len()];
        wanted.find(&body, RESOURCE_ATTRIBUTES, &mut found);
        let texts = found.into_iter().map(|text| text.map(Cow::into_owned)).collect();
        Some(Self { service, texts })
    }
}

/// Give the spans of a payload to `calls`; those that this makes whole go to `met`.
pub fn take(calls: &mut Calls, wanted: &Wanted, payload: &Payload, now: u64, met: &mut Vec<Call>) {
    let (bytes, levels) = (payload.bytes(), &payload.index().levels);
    let found = vec![None; wanted.keys.len()];
    let mut reader = Reader { calls, wanted, now, met, found, texts: Vec::new() };
    let mut resource = None;
    let mut of = u32::MAX;
    for item in payload.index().items() {
        let parent = levels[1][item.parent as usize].parent;
        if parent != of {
            of = parent;
            resource = Resource::read(wanted, levels[0][of as usize].body(bytes));
        }
        if let Some(resource) = &resource {
            reader.take(resource, item.body(bytes));
        }
    }
}

struct Reader<'a, 'b> {
    calls: &'b mut Calls,
    wanted: &'b Wanted,
    now: u64,
    met: &'b mut Vec<Call>,
    /// Room for the attributes of a span, and for what is told of a side.
    found: Vec<Option<Cow<'a, str>>>,
    texts: Vec<u8>,
}

impl<'a> Reader<'a, '_> {
    fn take(&mut self, resource: &Resource, body: &'a [u8]) {
        let span = Span::read(body);
        let Some(role) = span.role() else { return };
        let Some(keys) = Keys::of(&span, role) else {
            self.calls.counts.invalid += 1;
            return;
        };
        if role == Role::Client || !self.wanted.dimensions.is_empty() {
            self.wanted.find(body, ATTRIBUTES, &mut self.found);
        }
        let names_database = self.wanted.write(&mut self.texts, role, resource, &self.found);
        let connection = match names_database {
            true => Connection::Database,
            false if span.is_message() => Connection::Messaging,
            false => Connection::Direct,
        };
        match keys {
            Keys::One(key) => {
                let seen = self.seen(&span, role, connection);
                self.calls.see(key, seen, self.now, self.met);
            }
            Keys::Messages(consumer, keys) => {
                for key in keys {
                    let seen = self.seen(&span, role, connection);
                    self.calls.see_consumer(key, consumer, seen, self.now, self.met);
                }
            }
        }
    }

    /// What the span says, which uses its side once.
    fn seen(&mut self, span: &Span, role: Role, connection: Connection) -> Seen {
        let end = End { side: self.calls.sides.hold(&self.texts), nanos: span.nanos() };
        Seen { role, end, connection, failed: span.failed }
    }
}

/// The calls that a span is a side of.
enum Keys {
    One(CallKey),
    Messages(([u8; 16], [u8; 8]), Vec<CallKey>),
}

impl Keys {
    /// `None` where the ids are none.
    fn of(span: &Span, role: Role) -> Option<Self> {
        let consumed: Vec<_> =
            span.producers().filter_map(|(trace, id)| key(trace, span_id(id)?)).collect();
        if !consumed.is_empty() {
            let own = key(span.trace, span_id(span.id)?)?;
            return Some(Self::Messages((own.trace, own.span), consumed));
        }
        let id = match role {
            Role::Client => span_id(span.id)?,
            Role::Server if span.parent.is_empty() => [0; 8],
            Role::Server => span.parent.try_into().ok()?,
        };
        key(span.trace, id).map(Self::One)
    }
}

fn key(trace: &[u8], span: [u8; 8]) -> Option<CallKey> {
    let trace: [u8; 16] = trace.try_into().ok()?;
    (trace != [0; 16]).then_some(CallKey { trace, span, consumer: 0 })
}

fn span_id(id: &[u8]) -> Option<[u8; 8]> {
    id.try_into().ok().filter(|id| *id != [0; 8])
}
