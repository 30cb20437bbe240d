//! Several columns in one walk over the items, which costs little more than one.

use std::sync::Arc;

use crate::column::{Column, column};
use crate::dictionary::Dictionary;
use crate::key::{Key, Match};
use crate::lookup::{Data, Found, follow};
use crate::path::{Path, Source, Step};
use crate::payload::Payload;
use crate::scalar::wire_type;
use crate::schema::{ANY_VALUE, Field, Kind, Message};
use crate::wire::{Fields, LEN};

/// Numbers of fields that are looked up by position; items have no others.
const NUMBERS: usize = 32;

/// The values of every item at each of the paths.
pub fn columns<'a>(payloads: &'a [Arc<Payload>], paths: &[Path], items: usize) -> Vec<Column<'a>> {
    let wanted: Vec<_> = paths.iter().filter_map(|path| Wanted::of(path, items)).collect();
    let mut walked = walk(payloads, &wanted).into_iter();
    let one = |path| match Wanted::of(path, items) {
        Some(_) => walked.next().unwrap_or_else(|| column(payloads, path)),
        None => column(payloads, path),
    };
    paths.iter().map(one).collect()
}

/// A value that lies in a field of an item.
struct Wanted<'p> {
    item: &'static Message,
    steps: &'p [Step],
    field: &'static Field,
    what: What<'p>,
}

enum What<'p> {
    Scalar,
    /// A field of a message that is there once.
    Inner,
    Pair(&'p Key),
}

/// What a walk came upon in an item.
#[derive(Clone, Copy, Default)]
enum Seen<'a> {
    #[default]
    Nothing,
    Data(&'a [u8]),
    /// What only following the path tells.
    Unusual,
}

impl<'p> Wanted<'p> {
    fn of(path: &'p Path, items: usize) -> Option<Self> {
        let Source::Steps(starts) = &path.source else { return None };
        let [(item, steps)] = starts.as_slice() else { return None };
        let (field, what) = match steps.as_slice() {
            [Step::Field(field)] if plain(field) => (*field, What::Scalar),
            [Step::Field(field), Step::Field(inner)]
                if !field.repeated && !field.oneof && plain(inner) =>
            {
                (*field, What::Inner)
            }
            [Step::Pair(field, key)] => (*field, What::Pair(key)),
            _ => return None,
        };
        let fits = path.level == items && (field.number as usize) < NUMBERS;
        fits.then_some(Self { item, steps, field, what })
    }

    #[inline]
    fn look<'a>(&self, seen: Seen<'a>, data: &'a [u8], type_: u32) -> Seen<'a> {
        match (&self.what, seen) {
            (_, Seen::Unusual) => seen,
            (What::Scalar, _) if type_ == wire_type(self.field.kind) => Seen::Data(data),
            (What::Inner, Seen::Nothing) if type_ == LEN => Seen::Data(data),
            (What::Inner, Seen::Data(_)) if type_ == LEN => Seen::Unusual,
            (What::Pair(key), Seen::Nothing) if type_ == LEN => match key.matches(data) {
                Match::Other => Seen::Nothing,
                Match::Value(at) => Seen::Data(&data[at]),
                Match::Unclear => Seen::Unusual,
            },
            _ => seen,
        }
    }

    fn found<'a>(&self, seen: Seen<'a>, item: &'a [u8]) -> Found<'a> {
        match (&self.what, seen) {
            (_, Seen::Unusual) => follow(self.item, item, self.steps),
            (What::Scalar, Seen::Data(data)) => Found::Scalar(self.field, Data::Borrowed(data)),
            (What::Scalar, Seen::Nothing) if self.field.presence => Found::Absent,
            (What::Scalar, Seen::Nothing) => Found::Scalar(self.field, Data::Borrowed(&[])),
            (What::Inner, Seen::Data(data)) => self.inside(data),
            (What::Inner, Seen::Nothing) => self.inside(&[]),
            (What::Pair(_), Seen::Data(data)) => Found::Message(&ANY_VALUE, Data::Borrowed(data)),
            (What::Pair(_), Seen::Nothing) => Found::Absent,
        }
    }

    fn inside<'a>(&self, data: &'a [u8]) -> Found<'a> {
        match self.field.kind {
            Kind::Message(inner) => follow(inner, data, &self.steps[1..]),
            _ => Found::Absent,
        }
    }
}

/// Whether its last occurrence is its value, whatever else there is.
fn plain(field: &Field) -> bool {
    !field.repeated && !field.oneof && !matches!(field.kind, Kind::Message(_))
}

fn walk<'a>(payloads: &'a [Arc<Payload>], wanted: &[Wanted]) -> Vec<Column<'a>> {
    let mut by_number: [Vec<usize>; NUMBERS] = Default::default();
    for (at, each) in wanted.iter().enumerate() {
        by_number[each.field.number as usize].push(at);
    }
    let mut dictionaries: Vec<Dictionary> = wanted.iter().map(|_| Dictionary::default()).collect();
    let mut codes = vec![Vec::new(); wanted.len()];
    let mut seen = vec![Seen::Nothing; wanted.len()];
    for payload in payloads {
        for node in payload.index().items() {
            let item = node.body(payload.bytes());
            seen.fill(Seen::Nothing);
            for field in Fields::new(item) {
                for at in by_number.get(field.number as usize).into_iter().flatten() {
                    let data = &item[field.body..field.end];
                    seen[*at] = wanted[*at].look(seen[*at], data, field.wire_type);
                }
            }
            for (at, each) in wanted.iter().enumerate() {
                codes[at].push(dictionaries[at].code(each.found(seen[at], item)));
            }
        }
    }
    let values = dictionaries.into_iter().map(Dictionary::into_values);
    codes.into_iter().zip(values).map(|(codes, values)| Column { codes, values }).collect()
}
