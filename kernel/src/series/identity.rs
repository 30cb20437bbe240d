//! Which series a data point is of: its resource, scope, metric (name, unit, type, temporality) and
//! attributes, in whatever order they came.

use std::hash::{BuildHasher, Hasher};
use std::iter;
use std::sync::LazyLock;

use ahash::RandomState;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use crate::dictionary::write_message;
use crate::index::Node;
use crate::lookup::{Data, submessage};
use crate::merge::{Part, bodies, by_field, merge};
use crate::payload::Payload;
use crate::scalar::wire_type;
use crate::schema::{ANY_VALUE, Field, KEY_VALUE, METRIC, Message, RESOURCE, SCOPE};
use crate::select::DATA;
use crate::wire::{Fields, LEN, VARINT};

/// The identity of a series. Two that differ are two series, though their `id` may be the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Id {
    /// The same in every process, so that several can share out series by it.
    pub id: u64,
    /// Keyed by a secret of this process: nobody can make two series that are equal in both.
    pub check: u64,
}

static SECRET: LazyLock<RandomState> = LazyLock::new(RandomState::new);

impl Id {
    pub fn of(bytes: &[u8], kind: u32) -> Self {
        let mut keyed = SECRET.build_hasher();
        keyed.write_u32(kind);
        keyed.write(bytes);
        Self { id: xxh3_64_with_seed(bytes, u64::from(kind)), check: keyed.finish() }
    }

    /// Of this and something after it.
    #[must_use]
    pub fn then(self, next: Self) -> Self {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.id.to_le_bytes());
        bytes[8..].copy_from_slice(&next.id.to_le_bytes());
        Self { id: xxh3_64(&bytes), check: SECRET.hash_one((self.check, next.check)) }
    }

    /// Of this and something beside it, in no order.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let id = self.id.wrapping_add(other.id);
        Self { id, check: self.check.wrapping_add(other.check) }
    }
}

/// The identity of the series of each data point.
pub fn ids(payload: &Payload) -> Vec<Id> {
    let levels = &payload.index().levels;
    let resources = below(payload, &levels[0], &[Id::default()], |body| {
        attributes(&RESOURCE, &first_field(body))
    });
    let scopes = below(payload, &levels[1], &resources, |body| scope(&first_field(body)));
    let metrics = below(payload, &levels[DATA - 1], &scopes, metric);
    points(payload, &metrics)
}

/// The identities of the messages of a level: of what is around each, and then of what it says.
fn below(payload: &Payload, nodes: &[Node], above: &[Id], of: impl Fn(&[u8]) -> Id) -> Vec<Id> {
    let bytes = payload.bytes();
    nodes.iter().map(|node| above[node.parent as usize].then(of(node.body(bytes)))).collect()
}

fn points(payload: &Payload, metrics: &[Id]) -> Vec<Id> {
    let mut neighbour = Attributes::default();
    let data = &payload.index().levels[DATA];
    let points = payload.index().items().iter().enumerate();
    let ids = points.map(|(i, point)| {
        let message = payload.message_of(DATA + 1, i);
        let own = neighbour.next(message, point.body(payload.bytes()));
        metrics[data[point.parent as usize].parent as usize].then(own)
    });
    ids.collect()
}

/// The resource or the scope: field 1 of the message around it.
fn first_field(body: &[u8]) -> Data<'_> {
    submessage(&Data::Borrowed(body), 1).unwrap_or_default()
}

fn scope(body: &[u8]) -> Id {
    let parts = merge(&SCOPE, iter::once(body));
    let names = parts.iter().filter(|part| matches!(part.field.name, "name" | "version"));
    names.fold(attributes(&SCOPE, body), |id, part| id.and(of_part(part)))
}

/// Of what tells the metrics of a scope apart: name, unit, and what the data say of themselves.
fn metric(body: &[u8]) -> Id {
    let mut id = Id::default();
    for parts in by_field(&merge(&METRIC, iter::once(body))) {
        let Part { field, data } = parts[0];
        if matches!(field.name, "name" | "unit") {
            id = id.and(of_part(&parts[0]));
        } else if field.oneof {
            let whole = bodies(parts).collect::<Vec<_>>().concat();
            id = id.and(kind(field, if parts.len() == 1 { data } else { &whole }));
        }
    }
    id
}

/// Of the type of the data, its temporality and whether it is monotonic.
fn kind(field: &Field, data: &[u8]) -> Id {
    let mut said = [0; 5];
    for found in Fields::new(data).filter(|found| found.wire_type == VARINT) {
        match found.number {
            2 => said[..4].copy_from_slice(&(found.varint(data) as u32).to_le_bytes()),
            3 => said[4] = u8::from(found.varint(data) != 0),
            _ => {}
        }
    }
    Id::of(&said, field.number)
}

fn of_part(part: &Part) -> Id {
    Id::of(part.data, part.field.number)
}

/// Of the attributes of a message, in whatever order they are.
pub fn attributes(message: &'static Message, body: &[u8]) -> Id {
    Attributes::default().next(message, body)
}

/// Identities of attributes. Neighbours mostly have the same pairs at the same places, so those of
/// the one before are kept in mind.
#[derive(Default)]
struct Attributes<'a> {
    before: Vec<(&'a [u8], Id)>,
}

impl<'a> Attributes<'a> {
    fn next(&mut self, message: &'static Message, body: &'a [u8]) -> Id {
        let number = message.fields.iter().find(|field| field.pairs).map(|field| field.number);
        let pairs = Fields::new(body).filter(|f| Some(f.number) == number && f.wire_type == LEN);
        let pairs = pairs.map(|field| &body[field.body..field.end]);
        pairs.enumerate().fold(Id::default(), |all, (i, pair)| all.and(self.of(i, pair)))
    }

    fn of(&mut self, i: usize, pair: &'a [u8]) -> Id {
        match self.before.get_mut(i) {
            Some((same, id)) if *same == pair => *id,
            Some(place) => {
                *place = (pair, pair_id(pair));
                place.1
            }
            None => {
                self.before.push((pair, pair_id(pair)));
                self.before[i].1
            }
        }
    }
}

/// Of a `KeyValue` by what it means: there are several ways to encode one.
fn pair_id(pair: &[u8]) -> Id {
    let (key, value) = pair_ids(pair);
    key.then(value)
}

/// Of the key and of the value.
pub fn pair_ids(pair: &[u8]) -> (Id, Id) {
    plain(pair).unwrap_or_else(|| any(pair))
}

/// Of the key and the value where each is there once and in order, as nearly always.
fn plain(pair: &[u8]) -> Option<(Id, Id)> {
    let mut fields = Fields::new(pair);
    let (key, value) = (fields.next()?, fields.next()?);
    let in_order = (key.number, key.wire_type, value.number, value.wire_type) == (1, LEN, 2, LEN);
    if !in_order || fields.next().is_some() {
        return None;
    }
    let value = &pair[value.body..value.end];
    let mut fields = Fields::new(value);
    let (only, None) = (fields.next()?, fields.next()) else { return None };
    let field = ANY_VALUE.field(only.number).filter(|field| is_literal(field))?;
    let right = only.wire_type == wire_type(field.kind);
    right.then(|| {
        let data = &value[only.body..only.end];
        (Id::of(&pair[key.body..key.end], 0), Id::of(data, field.number))
    })
}

/// Texts and doubles have one encoding each.
fn is_literal(field: &Field) -> bool {
    matches!(field.name, "string_value" | "double_value")
}

fn any(pair: &[u8]) -> (Id, Id) {
    let parts = merge(&KEY_VALUE, iter::once(pair));
    let of = |name| parts.iter().filter(move |part| part.field.name == name).map(|p| p.data);
    let value = of("value").collect::<Vec<_>>().concat();
    let id = match merge(&ANY_VALUE, iter::once(&*value)).as_slice() {
        [part] if is_literal(part.field) => of_part(part),
        _ => {
            let mut meaning = Vec::new();
            write_message(&mut meaning, &ANY_VALUE, &value);
            Id::of(&meaning, MEANING)
        }
    };
    (Id::of(of("key").next().unwrap_or_default(), 0), id)
}

/// A kind beside the numbers of the fields of `AnyValue`.
const MEANING: u32 = u32::MAX;
