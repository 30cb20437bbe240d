//! The data points of a payload with what is needed to know them: identities, and the keys of what
//! they have names from.

use super::source::{Key, Place, Said};
use crate::payload::Payload;
use crate::schema::Message;
use crate::select::DATA;
use crate::series::identity::{self, Id};
use crate::wire::{Field, Fields, LEN};

const SCOPES: usize = 1;
const METRICS: usize = DATA - 1;

pub struct View<'a> {
    pub payload: &'a Payload,
    /// By metric and by scope of the payload.
    pub metrics: Vec<Key>,
    pub origins: Vec<Key>,
    ids: Vec<Id>,
    /// By data of the payload.
    shapes: Vec<Shape>,
}

/// The message that data points are, and the numbers of some of its fields.
#[derive(Clone, Copy)]
pub struct Shape {
    pub message: &'static Message,
    attributes: u32,
    exemplars: u32,
}

impl Shape {
    fn of(data: &'static Message) -> Self {
        let message = data.child(POINTS).unwrap_or(data);
        let number = |name| message.by_name(name).map_or(0, |field| field.number);
        Self { message, attributes: number("attributes"), exemplars: number("exemplars") }
    }
}

/// The field of all data that holds their points.
const POINTS: u32 = 1;

/// A data point on its way.
#[derive(Clone, Copy)]
pub struct Coming<'a> {
    pub id: Id,
    pub shape: Shape,
    pub body: &'a [u8],
    /// Its metric's and its scope's places in the payload.
    pub metric: usize,
    pub scope: usize,
}

impl<'a> View<'a> {
    pub fn of(payload: &'a Payload) -> Self {
        let levels = &payload.index().levels;
        let said = |i| Self::said(payload, i).key();
        let place = |i| Self::place(payload, i).key();
        let shape = |i| Shape::of(payload.message_of(DATA, i));
        Self {
            payload,
            metrics: (0..levels[METRICS].len()).map(said).collect(),
            origins: (0..levels[SCOPES].len()).map(place).collect(),
            ids: identity::ids(payload),
            shapes: (0..levels[DATA].len()).map(shape).collect(),
        }
    }

    fn said(payload: &Payload, metric: usize) -> Said<'_> {
        Said::of(payload.index().levels[METRICS][metric].body(payload.bytes()))
    }

    fn place(payload: &Payload, scope: usize) -> Place<'_> {
        Place::of(payload, &payload.index().levels[SCOPES][scope])
    }

    pub fn metric(&self, i: usize) -> Said<'a> {
        Self::said(self.payload, i)
    }

    pub fn origin(&self, i: usize) -> Place<'a> {
        Self::place(self.payload, i)
    }

    pub fn points(&self) -> impl Iterator<Item = Coming<'a>> {
        let (payload, levels) = (self.payload, &self.payload.index().levels);
        let points = payload.index().items().iter().zip(&self.ids);
        points.map(move |(point, id)| {
            let data = point.parent as usize;
            let metric = levels[DATA][data].parent as usize;
            Coming {
                id: *id,
                shape: self.shapes[data],
                body: point.body(payload.bytes()),
                metric,
                scope: levels[METRICS][metric].parent as usize,
            }
        })
    }
}

impl<'a> Coming<'a> {
    /// The `KeyValue` messages of its attributes.
    pub fn attributes(&self) -> impl Iterator<Item = &'a [u8]> {
        self.messages(self.shape.attributes)
    }

    pub fn exemplars(&self) -> impl Iterator<Item = &'a [u8]> {
        self.messages(self.shape.exemplars)
    }

    fn messages(&self, number: u32) -> impl Iterator<Item = &'a [u8]> {
        let body = self.body;
        let is_one = move |f: &Field| f.number == number && f.wire_type == LEN;
        Fields::new(body).filter(is_one).map(move |field| &body[field.body..field.end])
    }
}
