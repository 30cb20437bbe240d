//! What data points say of themselves beyond their values: of which metric they are and where they
//! come from. Names are made of it, once for each that is new.

use std::borrow::Cow;
use std::hash::{BuildHasher, Hash, RandomState};
use std::iter;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use super::labels::Labels;
use super::text_of::{pair, text_of};
use crate::index::Node;
use crate::lookup::{Data, submessage};
use crate::merge::{Part, bodies, by_field, merge};
use crate::payload::Payload;
use crate::scalar::{Scalar, read};
use crate::schema::{METRIC, RESOURCE, RESOURCE_METRICS, SCOPE, SCOPE_METRICS};
use crate::wire::{Fields, LEN};

/// What something is known by: nobody can make two things of one key.
pub type Key = (u64, u64);

fn key(of: &impl Hash) -> Key {
    static SECRETS: LazyLock<[RandomState; 2]> =
        LazyLock::new(|| [RandomState::new(), RandomState::new()]);
    (SECRETS[0].hash_one(of), SECRETS[1].hash_one(of))
}

/// What a metric says of itself.
#[derive(Hash)]
pub struct Said<'a> {
    pub name: &'a str,
    pub unit: &'a str,
    pub description: &'a str,
    /// The name of the field that holds its data, such as `sum`; empty for no data.
    pub data: &'static str,
    /// 0 unspecified, 1 delta, 2 cumulative.
    pub temporality: i64,
    pub monotonic: bool,
    /// What it was in Prometheus, if it came from there.
    pub original: String,
}

impl<'a> Said<'a> {
    pub fn of(metric: &'a [u8]) -> Self {
        let mut said = Self {
            name: "",
            unit: "",
            description: "",
            data: "",
            temporality: 0,
            monotonic: false,
            original: String::new(),
        };
        for parts in by_field(&merge(&METRIC, iter::once(metric))) {
            let Part { field, data } = parts[0];
            let text = || str::from_utf8(data).unwrap_or_default();
            match field.name {
                "name" => said.name = text(),
                "unit" => said.unit = text(),
                "description" => said.description = text(),
                "metadata" => said.original = original(parts),
                _ => {
                    said.data = field.name;
                    bodies(parts).for_each(|body| said.read(body));
                }
            }
        }
        said
    }

    /// Read what the data say of themselves, if they are a sum or a histogram.
    fn read(&mut self, data: &[u8]) {
        for found in Fields::new(data) {
            match found.number {
                2 => self.temporality = found.varint(data).cast_signed(),
                3 => self.monotonic = found.varint(data) != 0,
                _ => {}
            }
        }
    }

    pub fn key(&self) -> Key {
        key(self)
    }

    pub fn told(&self) -> Told {
        let texts = [self.name, self.unit, self.description, self.data, &self.original];
        (texts.map(str::to_owned), self.temporality, self.monotonic)
    }
}

/// What a metric says of itself, as it is told to who gives names: its name, unit, description, kind
/// of data and original type; its temporality, and whether it is monotonic.
pub type Told = ([String; 5], i64, bool);

fn original(metadata: &[Part]) -> String {
    let mut pairs = bodies(metadata).map(pair);
    let found = pairs.find(|(key, _)| *key == "prometheus.type");
    found.map_or(String::new(), |(_, value)| text_of(&value).into_owned())
}

/// The resource and the scope of metrics, as they came.
pub struct Place<'a> {
    resource: Data<'a>,
    scope: Data<'a>,
    schema_url: Vec<Part<'a>>,
}

impl<'a> Place<'a> {
    pub fn of(payload: &'a Payload, scope: &Node) -> Self {
        let bytes = payload.bytes();
        let around = &payload.index().levels[0][scope.parent as usize];
        let first = |node: &Node| submessage(&Cow::Borrowed(node.body(bytes)), 1);
        let parts = merge(&SCOPE_METRICS, iter::once(scope.body(bytes)));
        debug_assert!(RESOURCE_METRICS.fields[0].number == 1);
        Self {
            resource: first(around).unwrap_or_default(),
            scope: first(scope).unwrap_or_default(),
            schema_url: parts.into_iter().filter(|part| part.field.number == 3).collect(),
        }
    }

    fn schema_url(&self) -> &'a str {
        self.schema_url.first().map_or("", |part| str::from_utf8(part.data).unwrap_or_default())
    }

    pub fn key(&self) -> Key {
        key(&(&self.resource, &self.scope, self.schema_url()))
    }

    pub fn read(&self) -> Asked {
        let text = |name| {
            let parts = merge(&SCOPE, iter::once(&*self.scope));
            let part = parts.iter().find(|part| part.field.name == name);
            match part.map(|part| read(part.field.kind, part.data)) {
                Some(Scalar::Text(text)) => text.to_owned(),
                _ => String::new(),
            }
        };
        Asked {
            resource: attributes(&self.resource, RESOURCE.fields[0].number),
            scope: [text("name"), text("version"), self.schema_url().to_owned()],
            scope_attributes: attributes(&self.scope, 3),
        }
    }
}

/// Where data points come from, as it is told to who gives names to it.
pub struct Asked {
    pub resource: Vec<(String, String)>,
    /// Name, version and schema URL.
    pub scope: [String; 3],
    pub scope_attributes: Vec<(String, String)>,
}

/// The attributes of a message as texts; the first of equal keys counts.
pub fn attributes(body: &[u8], number: u32) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    let pairs = Fields::new(body).filter(|f| f.number == number && f.wire_type == LEN);
    for field in pairs {
        let (key, value) = pair(&body[field.body..field.end]);
        if !found.iter().any(|(known, _)| known == key) {
            found.push((key.to_owned(), text_of(&value).into_owned()));
        }
    }
    found
}

/// Labels that all series of one resource and scope have.
#[derive(Debug, Default)]
pub struct Origin {
    pub labels: Labels,
    pub print: u64,
    /// The labels of its `target_info`, and a number that is larger the newer they are.
    pub target: Option<(u64, Labels)>,
}

impl Origin {
    pub fn new(labels: Labels, target: Option<Labels>) -> Self {
        static AGE: AtomicU64 = AtomicU64::new(0);
        let target = target.map(|target| (AGE.fetch_add(1, Ordering::Relaxed), target));
        Self { print: labels.fingerprint(), labels, target }
    }
}
