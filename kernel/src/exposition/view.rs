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
}

/// A data point on its way.
#[derive(Clone, Copy)]
pub struct Coming<'a> {
    pub id: Id,
    pub message: &'static Message,
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
        Self {
            payload,
            metrics: (0..levels[METRICS].len()).map(said).collect(),
            origins: (0..levels[SCOPES].len()).map(place).collect(),
            ids: identity::ids(payload),
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
        let points = payload.index().items().iter().zip(&self.ids).enumerate();
        points.map(move |(i, (point, id))| {
            let metric = levels[DATA][point.parent as usize].parent as usize;
            Coming {
                id: *id,
                message: payload.message_of(DATA + 1, i),
                body: point.body(payload.bytes()),
                metric,
                scope: levels[METRICS][metric].parent as usize,
            }
        })
    }
}

impl<'a> Coming<'a> {
    /// The number of the field that holds its attributes, or its exemplars.
    pub fn number(&self, name: &str) -> u32 {
        self.message.by_name(name).map_or(0, |field| field.number)
    }

    /// The `KeyValue` messages of its attributes.
    pub fn attributes(&self) -> impl Iterator<Item = &'a [u8]> {
        let (body, number) = (self.body, self.number("attributes"));
        let is_pair = move |f: &Field| f.number == number && f.wire_type == LEN;
        Fields::new(body).filter(is_pair).map(move |field| &body[field.body..field.end])
    }
}
