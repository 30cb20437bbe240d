//! One value per item: dictionary-coded columns, and arrays of numbers.

use std::sync::Arc;
use std::{iter, ptr};

use crate::dictionary::Dictionary;
use crate::index::Node;
use crate::inner;
use crate::lookup::{Data, Found, follow};
use crate::merge::{bodies, by_field, merge};
use crate::path::{Path, Source, Step};
use crate::payload::Payload;
use crate::scalar::{Scalar, read};
use crate::schema::{ANY_VALUE, Field, Kind, METRIC};
use crate::select::DATA;
use crate::wire::{FIXED64, Fields};

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
    Column { codes, values: dictionary.into_values() }
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
    if path.level + 1 >= payload.index().levels.len() {
        return of_messages;
    }
    ancestors(payload, path.level).map(|at| of_messages[at]).collect()
}

/// For each item, the message of a level that it is in.
fn ancestors(payload: &Payload, level: usize) -> impl Iterator<Item = usize> {
    let below = &payload.index().levels[level + 1..];
    let above = |at: usize, nodes: &Vec<Node>| nodes[at].parent as usize;
    (0..payload.items()).map(move |item| below.iter().rev().fold(item, above))
}

/// For each item, the number of the message of a level that it is in; those of all payloads are
/// counted in one.
pub fn parents(payloads: &[Arc<Payload>], level: usize) -> Vec<u32> {
    let mut first = 0;
    let of_payload = payloads.iter().flat_map(|payload| {
        let before = first;
        first += payload.index().levels[level].len();
        ancestors(payload, level).map(move |at| (before + at) as u32)
    });
    of_payload.collect()
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
