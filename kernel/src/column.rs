//! One value per item: dictionary-coded columns, and arrays of numbers.

use std::collections::HashMap;
use std::sync::Arc;
use std::{iter, ptr};

use ahash::RandomState;

use crate::index::Node;
use crate::inner;
use crate::lookup::{Data, Found, follow};
use crate::merge::{Part, bodies, by_field, merge};
use crate::path::{Path, Source, Step};
use crate::payload::Payload;
use crate::scalar::{Scalar, elements, read};
use crate::schema::{ANY_VALUE, Field, Kind, METRIC, Message};
use crate::select::DATA;
use crate::wire::{self, FIXED64, Fields};

/// The distinct values of a column, and which of them each item has.
pub struct Column<'a> {
    pub codes: Vec<u32>,
    pub values: Vec<Found<'a>>,
}

/// The value of every item, or every message inside the items, at `path`.
pub fn column<'a>(payloads: &'a [Arc<Payload>], path: &Path) -> Column<'a> {
    let mut dictionary = Dictionary::default();
    let mut codes = Vec::new();
    for payload in payloads {
        codes.extend(by_item(payload, path, |found| dictionary.code(found)));
    }
    Column { codes, values: dictionary.values }
}

/// Numbers of one type.
pub enum Numbers {
    Integers(Vec<i64>),
    Floats(Vec<f64>),
}

/// The number of every item at `path`; `None` if no number can be there.
pub fn numbers(payloads: &[Arc<Payload>], path: &Path) -> Option<Numbers> {
    Some(if is_integer(&path.source)? {
        Numbers::Integers(collect(payloads, path, integer))
    } else {
        Numbers::Floats(collect(payloads, path, float))
    })
}

fn collect<T: Copy>(payloads: &[Arc<Payload>], path: &Path, read: fn(Found) -> T) -> Vec<T> {
    payloads.iter().flat_map(|payload| by_item(payload, path, read)).collect()
}

/// Whether all numbers at a place are integers that cannot be absent; `None` if they are no numbers.
fn is_integer(source: &Source) -> Option<bool> {
    let Source::Steps(starts) = source else { return Some(!matches!(source, Source::Value)) };
    starts.iter().try_fold(true, |all, (_, steps)| match steps.last()? {
        Step::Pair(..) | Step::Entry(_) => Some(false),
        Step::Field(Field { repeated: true, .. }) => None,
        Step::Field(field) => match field.kind {
            Kind::String | Kind::Bytes | Kind::Id | Kind::Message(_) => None,
            kind => Some(all && !field.presence && !matches!(kind, Kind::Double)),
        },
    })
}

fn integer(found: Found) -> i64 {
    match found {
        Found::Number(number) => number,
        Found::Scalar(field, data) => match read(field.kind, &data) {
            Scalar::Bool(value) => i64::from(value),
            Scalar::Signed(value) => value,
            Scalar::Unsigned(value) => value.cast_signed(),
            _ => 0,
        },
        _ => 0,
    }
}

#[allow(clippy::cast_precision_loss)] // it is what a float64 of an integer is
fn float(found: Found) -> f64 {
    let number = |scalar| match scalar {
        Scalar::Signed(value) => value as f64,
        Scalar::Unsigned(value) => value as f64,
        Scalar::Double(value) => value,
        _ => f64::NAN,
    };
    match found {
        Found::Number(value) => value as f64,
        Found::Scalar(field, data) => number(read(field.kind, &data)),
        Found::Message(message, body) if ptr::eq(message, &raw const ANY_VALUE) => {
            let parts = merge(message, iter::once(&*body));
            parts.first().map_or(f64::NAN, |part| number(read(part.field.kind, part.data)))
        }
        _ => f64::NAN,
    }
}

/// What `read` makes of the value of each item; called once for items below one parent that has it.
fn by_item<'a, T: Copy>(
    payload: &'a Payload,
    path: &Path,
    mut read: impl FnMut(Found<'a>) -> T,
) -> Vec<T> {
    let mut of_messages = Vec::new();
    each(payload, path, |found| of_messages.push(read(found)));
    let below = payload.index().levels.get(path.level + 1..).unwrap_or_default();
    if below.is_empty() {
        return of_messages;
    }
    let ancestor = |item: usize| {
        below.iter().rev().fold(item, |at: usize, nodes: &Vec<Node>| nodes[at].parent as usize)
    };
    (0..payload.items()).map(|item| of_messages[ancestor(item)]).collect()
}

/// Give `read` the value of every message that the path can begin at.
pub fn each<'a>(payload: &'a Payload, path: &Path, mut read: impl FnMut(Found<'a>)) {
    let levels = &payload.index().levels;
    if let Some(nodes) = levels.get(path.level) {
        return (0..nodes.len()).for_each(|i| read(value(payload, path, i)));
    }
    let Source::Steps(starts) = &path.source else { return };
    for (start, steps) in starts {
        for message in payload.index().items().iter().flat_map(|it| inner::messages(payload, it)) {
            read(follow(start, &payload.bytes()[message.body..message.end], steps));
        }
    }
}

fn value<'a>(payload: &'a Payload, path: &Path, i: usize) -> Found<'a> {
    let body = payload.index().levels[path.level][i].body(payload.bytes());
    match &path.source {
        Source::Steps(starts) => {
            let start = match starts.as_slice() {
                [(start, steps)] if path.level <= DATA => Some((*start, steps)),
                _ => {
                    let message = payload.message_of(path.level, i);
                    let mut starts = starts.iter().filter(|(start, _)| ptr::eq(*start, message));
                    starts.next().map(|(start, steps)| (*start, steps))
                }
            };
            start.map_or(Found::Absent, |(start, steps)| follow(start, body, steps))
        }
        Source::Duration => Found::Number(duration(body)),
        Source::Value => {
            let message = payload.message_of(path.level, i);
            let step = |name| message.by_name(name).map(Step::Field);
            let found = |name| step(name).map(|step| follow(message, body, &[step]));
            let or_double = || found("as_double").unwrap_or(Found::Absent);
            found("as_int").filter(|f| !matches!(f, Found::Absent)).unwrap_or_else(or_double)
        }
        Source::MetricType => Found::Number(metric_data(body).map_or(0, |(field, _)| {
            let members = METRIC.fields.iter().filter(|field| field.oneof);
            1 + members.take_while(|member| member.number != field.number).count() as i64
        })),
        Source::MetricData(name) => metric_data(body).map_or(Found::Absent, |(field, data)| {
            let message = METRIC.child(field.number);
            let step = message.and_then(|message| message.by_name(name)).map(Step::Field);
            match (message, step, data) {
                (Some(message), Some(step), Data::Borrowed(data)) => follow(message, data, &[step]),
                (Some(message), Some(step), Data::Owned(data)) => {
                    Found::Number(integer(follow(message, &data, &[step])))
                }
                _ => Found::Absent,
            }
        }),
    }
}

/// A span's end minus its start; either is 0 where it is absent.
fn duration(span: &[u8]) -> i64 {
    const START: u32 = 7;
    const END: u32 = 8;
    let (mut start, mut end) = (0, 0);
    for field in Fields::new(span).filter(|field| field.wire_type == FIXED64) {
        match field.number {
            START => start = field.fixed(span),
            END => end = field.fixed(span),
            _ => {}
        }
    }
    end.wrapping_sub(start).cast_signed()
}

/// The data that a metric has, and the body of its message.
fn metric_data(metric: &[u8]) -> Option<(&'static Field, Data<'_>)> {
    let parts = merge(&METRIC, iter::once(metric));
    let data = by_field(&parts).find(|parts| parts[0].field.oneof)?;
    Some(match data {
        [one] => (one.field, Data::Borrowed(one.data)),
        several => (several[0].field, Data::Owned(bodies(several).collect::<Vec<_>>().concat())),
    })
}

/// Gives every distinct value a code. The bytes on the wire decide first, since equal bytes are
/// equal values; only bytes that are new are compared by what they mean.
#[derive(Default)]
struct Dictionary<'a> {
    /// The value before, which many have again.
    last: Option<(Key<'a>, u32)>,
    by_bytes: HashMap<Key<'a>, u32, RandomState>,
    by_meaning: HashMap<Vec<u8>, u32, RandomState>,
    values: Vec<Found<'a>>,
}

/// What a value looks like: its shape, and its bytes on the wire.
type Key<'a> = (u32, Data<'a>);

impl<'a> Dictionary<'a> {
    fn code(&mut self, found: Found<'a>) -> u32 {
        let key = match &found {
            Found::Absent => (0, Data::Borrowed(&[][..])),
            Found::Scalar(_, data) => (1, data.clone()),
            Found::Message(_, data) => (2, data.clone()),
            Found::Number(number) => (3, Data::Owned(number.to_le_bytes().to_vec())),
            Found::Repeated(..) => return self.code_by_meaning(found),
        };
        if let Some((last, code)) = &self.last
            && *last == key
        {
            return *code;
        }
        let known = self.by_bytes.get(&key).copied();
        let code = known.unwrap_or_else(|| {
            let code = self.code_by_meaning(found);
            self.by_bytes.insert(key.clone(), code);
            code
        });
        self.last = Some((key, code));
        code
    }

    fn code_by_meaning(&mut self, found: Found<'a>) -> u32 {
        let mut meaning = Vec::new();
        write_found(&mut meaning, &found);
        let values = &mut self.values;
        *self.by_meaning.entry(meaning).or_insert_with(|| {
            values.push(found);
            values.len() as u32 - 1
        })
    }
}

/// Write a value so that equal ones have equal bytes, and different ones different.
fn write_found(out: &mut Vec<u8>, found: &Found) {
    match found {
        Found::Absent => out.push(0),
        Found::Number(number) => write_scalar(out, Scalar::Signed(*number)),
        Found::Scalar(field, data) => write_scalar(out, read(field.kind, data)),
        Found::Message(message, body) => write_message(out, message, body),
        Found::Repeated(field, parts) => {
            let parts: Vec<_> = parts.iter().map(|data| Part { field, data }).collect();
            write_field(out, &parts);
        }
    }
}

/// Recurses as deep as messages are nested: at most `wire::MAX_DEPTH`, as the payload was checked.
fn write_message(out: &mut Vec<u8>, message: &'static Message, body: &[u8]) {
    let parts = merge(message, iter::once(body));
    if ptr::eq(message, &raw const ANY_VALUE) {
        return if parts.is_empty() { out.push(0) } else { write_field(out, &parts) };
    }
    out.push(MESSAGE);
    for parts in by_field(&parts) {
        wire::write_varint(out, u64::from(parts[0].field.number));
        write_field(out, parts);
    }
    out.push(END);
}

fn write_field(out: &mut Vec<u8>, parts: &[Part]) {
    let field = parts.first().map(|part| part.field);
    match field.map(|field| (field.kind, field.repeated)) {
        Some((Kind::Message(inner), false)) => {
            write_message(out, inner, &bodies(parts).collect::<Vec<_>>().concat());
        }
        Some((Kind::Message(inner), true)) => {
            out.push(LIST);
            bodies(parts).for_each(|body| write_message(out, inner, body));
            out.push(END);
        }
        Some((kind, true)) => {
            out.push(LIST);
            let values = bodies(parts).flat_map(|data| elements(kind, data));
            values.for_each(|value| write_scalar(out, value));
            out.push(END);
        }
        Some((kind, false)) => write_scalar(out, read(kind, parts[0].data)),
        None => out.extend([LIST, END]),
    }
}

const END: u8 = 7;
const LIST: u8 = 8;
const MESSAGE: u8 = 9;

fn write_scalar(out: &mut Vec<u8>, value: Scalar) {
    let mut text = |tag, bytes: &[u8]| {
        out.push(tag);
        wire::write_varint(out, bytes.len() as u64);
        out.extend_from_slice(bytes);
    };
    match value {
        Scalar::Bool(value) => text(1, &[u8::from(value)]),
        Scalar::Signed(value) => text(2, &i128::from(value).to_le_bytes()),
        Scalar::Unsigned(value) => text(2, &i128::from(value).to_le_bytes()),
        Scalar::Double(value) => text(3, &value.to_le_bytes()),
        Scalar::Text(value) => text(4, value.as_bytes()),
        Scalar::Bytes(value) => text(5, value),
        Scalar::Id(value) => text(6, value),
    }
}
