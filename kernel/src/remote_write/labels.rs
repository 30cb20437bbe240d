//! The labels of a series that was received.

use crate::scalar::{Scalar, elements};
use crate::schema::Kind;
use crate::wire::{Field, Fields, LEN};

/// A name and a value, as bytes that have been checked to be UTF-8.
pub type Label<'a> = (&'a [u8], &'a [u8]);

/// The texts of a request of version 2, to which its other fields refer by position.
pub struct Symbols<'a>(pub Vec<&'a [u8]>);

impl<'a> Symbols<'a> {
    pub fn get(&self, position: u64) -> Option<&'a [u8]> {
        self.0.get(usize::try_from(position).ok()?).copied()
    }
}

/// Read the labels that a field of version 1 or the references of version 2 hold; `None` for
/// references to nothing and for a name without a value.
pub fn read<'a>(
    labels: &mut Vec<Label<'a>>,
    symbols: Option<&Symbols<'a>>,
    body: &'a [u8],
) -> Option<()> {
    labels.clear();
    let fields = Fields::new(body).filter(|field| field.number == 1);
    let Some(symbols) = symbols else {
        labels.extend(fields.filter(|it| it.wire_type == LEN).map(|it| pair(inside(body, &it))));
        return Some(());
    };
    let mut name = None;
    for field in fields {
        for reference in listed(Kind::Uint64, inside(body, &field)) {
            let Scalar::Unsigned(reference) = reference else { continue };
            let text = symbols.get(reference)?;
            match name.take() {
                None => name = Some(text),
                Some(name) => labels.push((name, text)),
            }
        }
    }
    name.is_none().then_some(())
}

fn pair(label: &[u8]) -> Label<'_> {
    let (mut name, mut value) = (&b""[..], &b""[..]);
    for field in Fields::new(label).filter(|field| field.wire_type == LEN) {
        match field.number {
            1 => name = inside(label, &field),
            2 => value = inside(label, &field),
            _ => {}
        }
    }
    (name, value)
}

/// The data of a field of `body`.
pub fn inside<'a>(body: &'a [u8], field: &Field) -> &'a [u8] {
    &body[field.body..field.end]
}

/// The values of an occurrence of a repeated field, packed or not.
pub fn listed(kind: Kind, data: &[u8]) -> impl Iterator<Item = Scalar<'_>> {
    elements(kind, data).take(if data.is_empty() { 0 } else { usize::MAX })
}
