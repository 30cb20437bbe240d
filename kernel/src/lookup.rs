//! From a message along the steps of a path to a value, without decoding what lies beside the way.

use std::borrow::Cow;
use std::ops::Range;
use std::{iter, ptr};

use crate::merge::{Part, bodies, merge};
use crate::path::Step;
use crate::scalar::wire_type;
use crate::schema::{ANY_VALUE, Field, KEY_VALUE, KEY_VALUE_LIST, Kind, Message};
use crate::wire::{self, Fields, LEN};

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
pub fn pair<'a>(body: &Data<'a>, number: u32, key: &str) -> Option<Data<'a>> {
    Fields::new(body).filter(|field| field.number == number && field.wire_type == LEN).find_map(
        |field| {
            let bytes = &body[field.body..field.end];
            let Some((found, value)) = plain(bytes) else { return unusual_value(bytes, key) };
            let value = field.body + value.start..field.body + value.end;
            (found == key.as_bytes()).then(|| part(body, value))
        },
    )
}

/// The key and the place of the value in a pair that consists, as they do, of a short key and a value
/// and nothing else.
#[inline]
fn plain(pair: &[u8]) -> Option<(&[u8], Range<usize>)> {
    const KEY: u8 = 1 << 3 | LEN as u8;
    const VALUE: u8 = 2 << 3 | LEN as u8;
    let &[KEY, len @ 0..=0x7f, ref rest @ ..] = pair else { return None };
    let (key, value) = rest.split_at_checked(len as usize)?;
    let len = match value {
        [VALUE, len @ 0..=0x7f, value @ ..] if usize::from(*len) == value.len() => value.len(),
        [VALUE, ..] => {
            let mut start = 1;
            let end = wire::length(value, &mut start, value.len()).ok()?;
            if end != value.len() {
                return None;
            }
            end - start
        }
        _ => return None,
    };
    Some((key, pair.len() - len..pair.len()))
}

/// What `test` says of a pair's key.
#[inline]
pub fn with_key<T>(pair: &[u8], test: impl FnOnce(&[u8]) -> T) -> T {
    if let Some((key, _)) = plain(pair) {
        return test(key);
    }
    let parts = merge(&KEY_VALUE, iter::once(pair));
    test(parts.iter().find(|part| part.field.number == 1).map_or(b"", |part| part.data))
}

fn unusual_value<'a>(pair: &[u8], key: &str) -> Option<Data<'a>> {
    let parts = merge(&KEY_VALUE, iter::once(pair));
    let of = |number| parts.iter().filter(move |part: &&Part| part.field.number == number);
    let found = of(1).next().map_or(&b""[..], |part| part.data);
    let value: Vec<&[u8]> = of(2).map(|part| part.data).collect();
    (found == key.as_bytes() && !value.is_empty()).then(|| Cow::Owned(value.concat()))
}

/// The value under a key of the map that an `AnyValue` holds.
fn entry<'a>(any_value: &Data<'a>, key: &str) -> Option<Data<'a>> {
    let parts = merge(&ANY_VALUE, iter::once(&**any_value));
    let Kind::Message(inner) = parts.first()?.field.kind else { return None };
    if !ptr::eq(inner, &raw const KEY_VALUE_LIST) {
        return None;
    }
    let list: Data = Cow::Owned(bodies(&parts).collect::<Vec<_>>().concat());
    pair(&list, 1, key)
}
