//! From a message along the steps of a path to a value, without decoding what lies beside the way.

use std::borrow::Cow;
use std::ops::Range;
use std::{iter, ptr};

use crate::key::{Key, Match};
use crate::merge::{Part, bodies, merge};
use crate::path::Step;
use crate::scalar::wire_type;
use crate::schema::{ANY_VALUE, Field, KEY_VALUE, KEY_VALUE_LIST, Kind, Message};
use crate::wire::{Fields, LEN};

/// Bytes of a payload, or of messages that protobuf merges because they occur more than once.
pub type Data<'a> = Cow<'a, [u8]>;

/// What a path leads to.
#[derive(Clone)]
pub enum Found<'a> {
    Absent,
    /// The data of a scalar field; empty for one that is absent and so holds its default.
    Scalar(&'static Field, Data<'a>),
    Message(&'static Message, Data<'a>),
    /// The occurrences of a repeated field.
    Repeated(&'static Field, Vec<Data<'a>>),
    Number(i64),
}

/// Follow `steps` from the body of a `message`.
pub fn follow<'a>(mut message: &'static Message, body: &'a [u8], steps: &[Step]) -> Found<'a> {
    let mut body = Data::Borrowed(body);
    for step in steps {
        let next = match step {
            Step::Field(field) if field.repeated => {
                return Found::Repeated(field, occurrences(&body, field.number).collect());
            }
            Step::Field(field) => match field.kind {
                Kind::Message(inner) => {
                    message = inner;
                    submessage(&body, field.number)
                }
                _ => return scalar(message, &body, field),
            },
            Step::Pair(field, key) => {
                message = &ANY_VALUE;
                pair(&body, field.number, key)
            }
            Step::Entry(key) => entry(&body, key),
        };
        body = match (next, step) {
            (Some(next), _) => next,
            (None, Step::Field(_)) => Data::Borrowed(&[]),
            (None, _) => return Found::Absent,
        };
    }
    Found::Message(message, body)
}

fn part<'a>(body: &Data<'a>, range: Range<usize>) -> Data<'a> {
    match body {
        Cow::Borrowed(bytes) => Cow::Borrowed(&bytes[range]),
        Cow::Owned(bytes) => Cow::Owned(bytes[range].to_vec()),
    }
}

/// The last value of a singular field, if it has one.
fn scalar<'a>(message: &'static Message, body: &Data<'a>, wanted: &'static Field) -> Found<'a> {
    let mut last = None;
    for field in Fields::new(body) {
        if field.number == wanted.number {
            if field.wire_type == wire_type(wanted.kind) {
                last = Some(field.body..field.end);
            }
        } else if wanted.oneof
            && message
                .field(field.number)
                .is_some_and(|other| other.oneof && field.wire_type == wire_type(other.kind))
        {
            last = None;
        }
    }
    match last {
        Some(range) => Found::Scalar(wanted, part(body, range)),
        None if wanted.presence => Found::Absent,
        None => Found::Scalar(wanted, Data::Borrowed(&[])),
    }
}

fn occurrences<'a>(body: &Data<'a>, number: u32) -> impl Iterator<Item = Data<'a>> {
    Fields::new(body)
        .filter(move |field| field.number == number && field.wire_type == LEN)
        .map(|field| part(body, field.body..field.end))
}

/// The merge of all occurrences of a singular message.
pub fn submessage<'a>(body: &Data<'a>, number: u32) -> Option<Data<'a>> {
    let mut found = occurrences(body, number);
    let first = found.next()?;
    Some(found.fold(first, |all, more| Cow::Owned([all, more].concat())))
}

/// The value of the first pair that has this key.
pub fn pair<'a>(body: &Data<'a>, number: u32, key: &Key) -> Option<Data<'a>> {
    for field in Fields::new(body) {
        if field.number != number || field.wire_type != LEN {
            continue;
        }
        let bytes = &body[field.body..field.end];
        match key.matches(bytes) {
            Match::Other => {}
            Match::Value(at) => {
                return Some(part(body, field.body + at.start..field.body + at.end));
            }
            Match::Unclear => {
                if let Some(value) = unusual_value(bytes, key.bytes()) {
                    return Some(value);
                }
            }
        }
    }
    None
}

fn unusual_value<'a>(pair: &[u8], key: &[u8]) -> Option<Data<'a>> {
    let parts = merge(&KEY_VALUE, iter::once(pair));
    let of = |number| parts.iter().filter(move |part: &&Part| part.field.number == number);
    let found = of(1).next().map_or(&b""[..], |part| part.data);
    let value: Vec<&[u8]> = of(2).map(|part| part.data).collect();
    (found == key && !value.is_empty()).then(|| Cow::Owned(value.concat()))
}

/// The value under a key of the map that an `AnyValue` holds.
fn entry<'a>(any_value: &Data<'a>, key: &Key) -> Option<Data<'a>> {
    let parts = merge(&ANY_VALUE, iter::once(&**any_value));
    let Kind::Message(inner) = parts.first()?.field.kind else { return None };
    if !ptr::eq(inner, &raw const KEY_VALUE_LIST) {
        return None;
    }
    let list: Data = Cow::Owned(bodies(&parts).collect::<Vec<_>>().concat());
    pair(&list, 1, key)
}
