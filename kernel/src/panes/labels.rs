//! What a key is called: its attributes and its resource, in little room.

use std::sync::Arc;

use super::keys::{Keys, pair_id, resource_id};
use super::shared::Shared;
use crate::check::Checker;
use crate::encode::{ROOM, key_value, write_record};
use crate::schema::{ANY_VALUE, RESOURCE};
use crate::series::identity::{self, Id};
use crate::wire::{self, MAX_DEPTH, varint, write_varint};

/// Number of what is not there.
const NONE: u32 = u32::MAX;

/// The attribute of the key that stands for those that are too many, and its value: true.
const OVERFLOW: (&str, &[u8]) = ("otel.metric.overflow", &[0x10, 1]);

/// Bytes that the values of a key may have together, or those of its resource.
pub const MAX_BYTES: usize = 16 << 10;

/// Names and resources are numbers in a `Pool`.
#[derive(Clone, Debug)]
pub struct Labels {
    resource: u32,
    names: u32,
    /// For each name 0 if it has no value, or one more than the length of its `AnyValue`, and that.
    values: Box<[u8]>,
}

impl Default for Labels {
    fn default() -> Self {
        Self { resource: NONE, names: NONE, values: Box::default() }
    }
}

/// What keys have in common.
#[derive(Default)]
pub struct Pool {
    resources: Shared,
    names: Shared,
}

/// The same, for who has no pool.
#[derive(Clone, Default, PartialEq)]
pub struct Said {
    /// The attributes of the resource, as a resource has them.
    pub resource: Arc<[u8]>,
    /// Names with their lengths before them.
    pub names: Arc<[u8]>,
    pub values: Box<[u8]>,
}

impl Said {
    /// Of a key of a batch; `None` if it is too long.
    pub fn of(keys: &Keys, key: u32) -> Option<Self> {
        let (mut names, mut values) = (Vec::new(), Vec::new());
        let mut resource = Arc::default();
        for (name, encoded) in keys.parts(key) {
            match name {
                Some(name) => put(&mut names, &mut values, name, encoded.bytes.as_deref()),
                None => resource = Arc::from(encoded.bytes.as_deref().unwrap_or_default()),
            }
        }
        let said = Self { resource, names: Arc::from(names), values: values.into_boxed_slice() };
        said.fits().then_some(said)
    }

    /// Of the key that stands for those that are too many.
    pub fn overflow() -> Self {
        let (mut names, mut values) = (Vec::new(), Vec::new());
        put(&mut names, &mut values, OVERFLOW.0, Some(OVERFLOW.1));
        Self {
            resource: Arc::default(),
            names: Arc::from(names),
            values: values.into_boxed_slice(),
        }
    }

    fn fits(&self) -> bool {
        self.resource.len().max(self.names.len()).max(self.values.len()) <= MAX_BYTES
    }

    /// The identity of the key; `None` for what no key is called.
    pub fn checked_id(&self) -> Option<Id> {
        let whole = self.fits() && self.lengths_are_right() && self.is_otlp();
        whole.then(|| self.id())
    }

    pub fn id(&self) -> Id {
        let id = self.pairs().fold(Id::default(), |id, (name, value)| id.and(pair_id(name, value)));
        if self.resource.is_empty() { id } else { id.and(self.resource_id()) }
    }

    fn resource_id(&self) -> Id {
        resource_id(identity::attributes(&RESOURCE, &self.resource))
    }

    /// Names and values of the attributes.
    pub fn pairs(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        Pieces(&self.names, 0)
            .zip(Pieces(&self.values, 1))
            .filter_map(|(name, value)| Some((name?, value?)))
    }

    fn lengths_are_right(&self) -> bool {
        let names = Pieces(&self.names, 0).count_all();
        names.is_some() && names == Pieces(&self.values, 1).count_all()
    }

    fn is_otlp(&self) -> bool {
        let mut checker = Checker::default();
        let depth = MAX_DEPTH - ROOM;
        checker.check(&self.resource, 0, self.resource.len(), &RESOURCE, depth).is_ok()
            && self.pairs().all(|(name, value)| {
                let value = checker.check(value, 0, value.len(), &ANY_VALUE, depth);
                wire::is_utf8(name) && value.is_ok()
            })
    }

    /// Write the attributes as those of a message that has them in that field.
    pub fn write_attributes(&self, out: &mut Vec<u8>, number: u32) {
        for (name, value) in self.pairs() {
            write_record(out, number, &key_value(name, value));
        }
    }
}

fn put(names: &mut Vec<u8>, values: &mut Vec<u8>, name: &str, value: Option<&[u8]>) {
    write_varint(names, name.len() as u64);
    names.extend_from_slice(name.as_bytes());
    write_varint(values, value.map_or(0, |value| value.len() as u64 + 1));
    values.extend_from_slice(value.unwrap_or_default());
}

/// Pieces with their lengths before them, each more by a number, below which there is no piece.
/// Ends where a length makes no sense.
struct Pieces<'a>(&'a [u8], u64);

impl Pieces<'_> {
    /// How many there are, if all lengths make sense.
    fn count_all(mut self) -> Option<usize> {
        let count = self.by_ref().count();
        self.0.is_empty().then_some(count)
    }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Option<&'a [u8]>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut pos = 0;
        let len = varint(self.0, &mut pos, self.0.len()).ok()?;
        let rest = &self.0[pos..];
        let Some(len) = len.checked_sub(self.1) else {
            self.0 = rest;
            return Some(None);
        };
        let (piece, rest) = rest.split_at_checked(usize::try_from(len).ok()?)?;
        self.0 = rest;
        Some(Some(piece))
    }
}

impl Pool {
    /// What a key is called, in this pool.
    pub fn take(&mut self, said: &Said) -> Labels {
        let resource = if said.resource.is_empty() {
            NONE
        } else {
            self.resources.take(said.resource_id(), &said.resource)
        };
        let names = self.names.take(Id::of(&said.names, 0), &said.names);
        Labels { resource, names, values: said.values.clone() }
    }

    pub fn release(&mut self, labels: &Labels) {
        self.resources.release(labels.resource);
        self.names.release(labels.names);
    }

    pub fn said(&self, labels: &Labels) -> Said {
        let (resource, names) = (self.resources.get(labels.resource), self.names.get(labels.names));
        Said { resource, names, values: labels.values.clone() }
    }

    /// Bytes of memory.
    pub fn weight(&self) -> usize {
        self.resources.weight() + self.names.weight()
    }
}

impl Labels {
    /// The number of the resource: keys of one have the same.
    pub fn resource(&self) -> u32 {
        self.resource
    }

    /// Bytes of memory that they point to.
    pub fn weight(&self) -> usize {
        self.values.len()
    }
}
