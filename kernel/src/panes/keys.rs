//! By what the items of a batch are told apart: the values of some columns, as attributes.

use ahash::HashMap;

use crate::series::identity::Id;

/// One key for each combination of values that items have.
pub struct Keys {
    /// The number of each item's key.
    pub codes: Vec<u32>,
    pub ids: Vec<Id>,
    steps: Vec<Step>,
}

/// A value in one of the ways in which items are told apart.
pub struct Encoded {
    pub id: Id,
    /// Of an attribute the body of its `AnyValue`, of a resource all its attributes; `None` for what
    /// is left out.
    pub bytes: Option<Box<[u8]>>,
}

impl Encoded {
    /// The value of an attribute.
    pub fn attribute(name: &str, any_value: Option<Vec<u8>>) -> Self {
        let id = any_value.as_ref().map(|value| pair_id(name.as_bytes(), value));
        Self { id: id.unwrap_or_default(), bytes: any_value.map(Vec::into_boxed_slice) }
    }

    /// A resource, by its attributes and their identities in whatever order.
    pub fn resource(attributes: Vec<u8>, id: Id) -> Self {
        if attributes.is_empty() {
            return Self { id: Id::default(), bytes: None };
        }
        Self { id: resource_id(id), bytes: Some(attributes.into_boxed_slice()) }
    }
}

/// The identity of an attribute.
pub fn pair_id(name: &[u8], any_value: &[u8]) -> Id {
    Id::of(name, 0).then(Id::of(any_value, 0))
}

/// The identity of a resource that has attributes of these.
pub fn resource_id(attributes: Id) -> Id {
    Id::of(b"resource", 0).then(attributes)
}

struct Step {
    /// Of the attribute; `None` for the resource.
    name: Option<Box<str>>,
    values: Vec<Encoded>,
    /// For each key the number that it had before this step, and that of its value.
    links: Vec<(u32, u32)>,
}

/// A code that no value has.
#[derive(Debug)]
pub struct NoSuchValue;

impl Keys {
    /// Of items that nothing tells apart.
    pub fn new(items: usize) -> Self {
        let ids = vec![Id::default(); usize::from(items > 0)];
        Self { codes: vec![0; items], ids, steps: Vec::new() }
    }

    /// Tell them apart by one more attribute, or by the resource; there is a code for each item.
    pub fn by(
        &mut self,
        name: Option<&str>,
        values: Vec<Encoded>,
        codes: &[u32],
    ) -> Result<(), NoSuchValue> {
        let width = values.len() as u64;
        let mut numbers = Numbers::up_to(self.ids.len() as u64 * width);
        for (code, own) in self.codes.iter_mut().zip(codes) {
            if u64::from(*own) >= width {
                return Err(NoSuchValue);
            }
            *code = numbers.of(u64::from(*code) * width + u64::from(*own));
        }
        let links = numbers.seen.iter().map(|both| ((both / width) as u32, (both % width) as u32));
        let links: Vec<_> = links.collect();
        let id =
            |(before, own): &(u32, u32)| self.ids[*before as usize].and(values[*own as usize].id);
        self.ids = links.iter().map(id).collect();
        self.steps.push(Step { name: name.map(Box::from), values, links });
        Ok(())
    }

    pub fn len(&self) -> usize {
        self.ids.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// What tells a key apart, in the order in which it was asked for; the resource has no name.
    pub fn parts(&self, mut key: u32) -> Vec<(Option<&str>, &Encoded)> {
        let mut parts: Vec<_> = self
            .steps
            .iter()
            .rev()
            .map(|step| {
                let (before, own) = step.links[key as usize];
                key = before;
                (step.name.as_deref(), &step.values[own as usize])
            })
            .collect();
        parts.reverse();
        parts
    }
}

/// Gives every distinct number one from 0 on.
struct Numbers {
    table: Table,
    seen: Vec<u64>,
}

enum Table {
    /// Where each number has a place.
    Places(Vec<u32>),
    Hashes(HashMap<u64, u32>),
}

/// So many places are cleared in less time than a batch of items takes to hash: 16 KiB.
const PLACES: u64 = 4096;

const UNSEEN: u32 = u32::MAX;

impl Numbers {
    fn up_to(end: u64) -> Self {
        let table = if end <= PLACES {
            Table::Places(vec![UNSEEN; end as usize])
        } else {
            Table::Hashes(HashMap::default())
        };
        Self { table, seen: Vec::new() }
    }

    #[inline]
    fn of(&mut self, value: u64) -> u32 {
        let place = match &mut self.table {
            Table::Places(places) => &mut places[value as usize],
            Table::Hashes(hashes) => hashes.entry(value).or_insert(UNSEEN),
        };
        if *place == UNSEEN {
            *place = self.seen.len() as u32;
            self.seen.push(value);
        }
        *place
    }
}
